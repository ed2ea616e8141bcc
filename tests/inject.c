/* SPDX-License-Identifier: BSD-2-Clause */
#include "inject.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

__asm__(".text\n"
	".globl inject_raw\n"
	".type inject_raw, @function\n"
	"inject_raw:\n"
	"	mov %rdi, %rax\n"
	"	mov %rsi, %r11\n"
	"	mov 0(%r11), %rdi\n"
	"	mov 8(%r11), %rsi\n"
	"	mov 16(%r11), %rdx\n"
	"	mov 24(%r11), %r10\n"
	"	mov 32(%r11), %r8\n"
	"	mov 40(%r11), %r9\n"
	"	syscall\n"
	".globl inject_raw_return\n"
	"inject_raw_return:\n"
	"	ret\n"
	".size inject_raw, . - inject_raw\n");

static struct {
	bool active;
	struct inject_call *calls;
	size_t max, n, alike;
	const struct inject_victim *victim;
	const struct inject_fault *fault;
	bool struck;
} injection;

/* The same message with half of its bytes. */
static long halve_message(const struct inject_call *call)
{
	struct msghdr message;
	struct iovec iov[16];
	unsigned long args[6];
	size_t total = 0, left;

	memcpy(&message, (const void *)call->args[1], sizeof(message));
	if (message.msg_iovlen > sizeof(iov) / sizeof(*iov))
		return -EMSGSIZE;
	memcpy(iov, message.msg_iov, message.msg_iovlen * sizeof(*iov));
	message.msg_iov = iov;
	for (size_t i = 0; i < message.msg_iovlen; i++)
		total += iov[i].iov_len;
	left = total / 2;
	for (size_t i = 0; i < message.msg_iovlen; i++) {
		if (iov[i].iov_len > left)
			iov[i].iov_len = left;
		left -= iov[i].iov_len;
	}
	memcpy(args, call->args, sizeof(args));
	args[1] = (unsigned long)&message;
	return inject_raw(call->number, args);
}

static long halve(const struct inject_call *call)
{
	unsigned long args[6];
	/* getrandom(2) has its length second, read(2) and its like third. */
	size_t length = call->number == SYS_getrandom ? 1 : 2;

	if (call->number == SYS_sendmsg)
		return halve_message(call);
	/* Of an AEAD's message the kernel does not give half. */
	if (call->number == SYS_recvmsg || call->number == SYS_recvfrom)
		return inject_raw(call->number, call->args) / 2;
	memcpy(args, call->args, sizeof(args));
	args[length] /= 2;
	return inject_raw(call->number, args);
}

static bool is_victim(const struct inject_call *call)
{
	const struct inject_victim *victim = injection.victim;

	return victim && victim->kind(call) == victim->of && injection.alike++ == victim->nth;
}

static long answer(const struct inject_call *call)
{
	const struct inject_fault *fault = injection.fault;

	if (injection.n < injection.max)
		injection.calls[injection.n] = *call;
	injection.n++;
	if (!is_victim(call))
		return inject_raw(call->number, call->args);
	injection.struck = true;
	if (fault->shorter)
		return halve(call);
	if (fault->made)
		inject_raw(call->number, call->args);
	return -fault->error;
}

static void on_trap(int signal, siginfo_t *info, void *context)
{
	greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
	struct inject_call call = {
		.number = info->si_syscall,
		.args = {(unsigned long)regs[REG_RDI], (unsigned long)regs[REG_RSI],
			 (unsigned long)regs[REG_RDX], (unsigned long)regs[REG_R10],
			 (unsigned long)regs[REG_R8], (unsigned long)regs[REG_R9]},
	};

	(void)signal;
	regs[REG_RAX] = injection.active ? answer(&call) : inject_raw(call.number, call.args);
}

int inject_setup(void)
{
	uintptr_t back = (uintptr_t)inject_raw_return;
	/* What the runtime needs to get into the handler, out of it, and out of the process; and
	 * what cannot fail. A forked child's clone(2) must not return into the handler. */
	static const unsigned int passing[] = {
		SYS_rt_sigreturn,
		SYS_rt_sigprocmask,
		SYS_exit,
		SYS_exit_group,
		SYS_futex,
		SYS_clone,
		SYS_getpid,
		SYS_gettid,
		SYS_getuid,
		SYS_geteuid,
		SYS_getgid,
		SYS_getegid,
		SYS_munmap,
		SYS_brk,
		SYS_clone3,
		SYS_vfork,
		SYS_sched_yield,
		SYS_wait4,
		SYS_tgkill,
		SYS_rseq,
		SYS_nanosleep,
		SYS_clock_nanosleep,
		SYS_set_robust_list,
	};
	enum { PASSING = sizeof(passing) / sizeof(*passing) };
	struct sock_filter code[12 + 2 * PASSING] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, instruction_pointer)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)back, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, instruction_pointer) + 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)((uint64_t)back >> 32), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	};
	struct sock_fprog program = {.filter = code};
	struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};
	size_t n = 6;

	/* A test's framework would take the signal for its own (cmocka does): it is told that it
	 * has it. */
	code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigaction, 0, 4);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						 offsetof(struct seccomp_data, args[0]));
	code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SIGSYS, 0, 1);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	for (size_t i = 0; i < PASSING; i++) {
		code[n++] =
			(struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, passing[i], 0, 1);
		code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP);
	program.len = (unsigned short)n;
	if (sigaction(SIGSYS, &action, NULL) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

void inject_begin(struct inject_call *calls, size_t max, const struct inject_victim *victim,
		  const struct inject_fault *fault)
{
	injection.calls = calls;
	injection.max = max;
	injection.n = 0;
	injection.alike = 0;
	injection.victim = victim;
	injection.fault = fault;
	injection.struck = false;
	injection.active = true;
}

size_t inject_end(bool *struck)
{
	injection.active = false;
	*struck = injection.struck;
	return injection.n;
}
