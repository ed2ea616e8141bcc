/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* getpgid() of a process that cannot be: what follows counts as the step MARK - id. */
#define MARK (-12345)

/* A child under way. */
struct traced {
	pid_t pid;
	struct trace_step *steps;
	size_t n, step;
	void (*on_bind)(size_t step, const struct sockaddr_alg *address);
};

void trace_mark(size_t step)
{
	syscall(SYS_getpgid, MARK - (int)step);
}

static void enter(struct traced *traced, size_t step)
{
	if (step && !traced->step) {
		memset(&traced->steps[step], 0, sizeof(traced->steps[step]));
		traced->steps[step].reached = true;
	}
	traced->step = step;
}

static void note_bind(const struct traced *traced, uint64_t address)
{
	struct sockaddr_alg copy;
	struct iovec local = {&copy, sizeof(copy)};
	struct iovec remote = {(void *)(uintptr_t)address, sizeof(copy)};

	if (process_vm_readv(traced->pid, &local, 1, &remote, 1, 0) == (ssize_t)sizeof(copy))
		traced->on_bind(traced->step, &copy);
}

/* A sanitizer's allocator asks for memory when it likes; what it asks is nobody's cost. */
static bool is_sanitizers(uint64_t number)
{
#ifdef __SANITIZE_ADDRESS__
	return number == SYS_mmap || number == SYS_munmap || number == SYS_madvise;
#else
	return false;
#endif
}

/* The child stands at the beginning of a system call, or at its end. */
static void count(struct traced *traced)
{
	struct __ptrace_syscall_info info = {0};
	struct trace_step *step;
	int id;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, traced->pid, sizeof(info), &info) <= 0 ||
	    info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return;
	id = MARK - (int)info.entry.args[0];
	if (info.entry.nr == SYS_getpgid && id >= 0 && (size_t)id < traced->n) {
		enter(traced, (size_t)id);
		return;
	}
	if (is_sanitizers(info.entry.nr))
		return;
	step = &traced->steps[traced->step];
	step->calls++;
	if (info.entry.nr < sizeof(step->of) / sizeof(*step->of))
		step->of[info.entry.nr]++;
	if (info.entry.nr == SYS_bind && traced->on_bind)
		note_bind(traced, info.entry.args[1]);
}

static void work_in_child(int (*work)(void))
{
	int result = -1;

	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0) {
		raise(SIGSTOP);
		result = work();
	}
	fflush(NULL);
	_exit(result == 0 ? 0 : 1);
}

int trace_run(int (*work)(void), struct trace_step *steps, size_t n,
	      void (*on_bind)(size_t step, const struct sockaddr_alg *address))
{
	struct traced traced = {.steps = steps, .n = n, .on_bind = on_bind};
	int status = 0, signal = 0;

	fflush(NULL);
	traced.pid = fork();
	if (traced.pid == 0)
		work_in_child(work);
	if (waitpid(traced.pid, &status, 0) != traced.pid || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, traced.pid, NULL,
		   PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) != 0) {
		printf("# the child cannot be traced: %s\n", strerror(errno));
		return -1;
	}
	while (ptrace(PTRACE_SYSCALL, traced.pid, NULL, signal) == 0) {
		if (waitpid(traced.pid, &status, 0) != traced.pid || !WIFSTOPPED(status))
			break;
		signal = WSTOPSIG(status);
		if (signal == (SIGTRAP | 0x80)) {
			count(&traced);
			signal = 0;
		}
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	printf("# the traced child ended with status 0x%x\n", status);
	return -1;
}

void trace_explain(const struct trace_step *step)
{
	for (size_t i = 0; i < sizeof(step->of) / sizeof(*step->of); i++)
		if (step->of[i])
			printf("#   system call number %zu: %lu times\n", i, step->of[i]);
}
