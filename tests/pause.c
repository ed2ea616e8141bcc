/* SPDX-License-Identifier: BSD-2-Clause */
#include "pause.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What the thread does for itself, some of it with locks of the C library held. */
static const int passing[] = {
	SYS_futex,           SYS_mmap, SYS_munmap,          SYS_mprotect,    SYS_madvise, SYS_brk,
	SYS_rt_sigprocmask,  SYS_exit, SYS_clock_nanosleep, SYS_sched_yield, SYS_gettid,  SYS_rseq,
	SYS_set_robust_list,
};
enum { PASSING = sizeof(passing) / sizeof(*passing) };

int pause_begin(void)
{
	struct sock_filter code[PASSING + 3] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	};
	struct sock_fprog program = {PASSING + 3, code};

	for (unsigned int i = 0; i < PASSING; i++)
		code[1 + i] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)passing[i], PASSING - i, 0);
	code[PASSING + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
	code[PASSING + 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
			    &program);
}

bool pause_next(int listener, struct pause_call *call)
{
	struct pollfd at = {.fd = listener, .events = POLLIN};
	struct seccomp_notif heard = {0};

	do {
		if (poll(&at, 1, -1) < 0 && errno != EINTR)
			return false;
		if (!(at.revents & POLLIN) && at.revents)
			return false;
	} while (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &heard) != 0);
	*call = (struct pause_call){heard.id, heard.data.nr};
	return true;
}

void pause_let_go(int listener, const struct pause_call *call)
{
	struct seccomp_notif_resp answer = {.id = call->id,
					    .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};

	ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
}
