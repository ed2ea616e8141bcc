/* SPDX-License-Identifier: BSD-2-Clause */
#include "exact.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __x86_64__

enum { WARMING = 8, SYSCALL = 0x050f };

/* What the child leaves for its parent: why it failed. */
static char *reason;

/* The child stops: what follows is counted, or no longer. */
static void mark(void)
{
	kill(getpid(), SIGTRAP);
}

static int work(struct contestant *contestant, const struct job *job, unsigned int count)
{
	uint8_t *message = bench_memory(job->size), *out = bench_memory(job_result(job));
	void *opened;
	int err = 0;

	if (contestant_start(contestant) != 0)
		return -1;
	opened = contestant->engine.open(&contestant->engine, job, message);
	if (!opened)
		return -1;
	for (unsigned int i = 0; i < WARMING && !err; i++)
		err = contestant->engine.once(opened, out);
	/* Twice: once with nothing between, which is what it costs to count. */
	mark();
	mark();
	if (!err)
		mark();
	for (unsigned int i = 0; i < count && !err; i++)
		err = contestant->engine.once(opened, out);
	if (!err)
		mark();
	contestant->engine.close(opened);
	contestant_end(contestant);
	return err;
}

static void follow_me(struct contestant *contestant, const struct job *job, unsigned int count)
{
	int err;

	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	kill(getpid(), SIGSTOP);
	err = work(contestant, job, count);
	if (err)
		snprintf(reason, sizeof(engine_error), "%s", engine_error);
	_exit(err ? 1 : 0);
}

/* The vDSO reads the clock again where a tick came between, as it does when it is followed. It lies
 * where the parent has it, too. */
static bool is_clock(unsigned long long at)
{
	unsigned long vdso = getauxval(AT_SYSINFO_EHDR);

	return at - vdso < 0x2000;
}

/* Goes on until the child marks; false: it ended. */
static bool until_mark(pid_t child, bool stepping, struct cost *cost)
{
	int status, signal = 0;

	for (;;) {
		if (stepping) {
			struct user_regs_struct at;

			ptrace(PTRACE_GETREGS, child, NULL, &at);
			cost->instructions += !is_clock(at.rip);
			cost->calls +=
				(ptrace(PTRACE_PEEKTEXT, child, at.rip, NULL) & 0xffff) == SYSCALL;
		}
		if (ptrace(stepping ? PTRACE_SINGLESTEP : PTRACE_CONT, child, NULL, signal) ||
		    waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
			return false;
		signal = WSTOPSIG(status);
		if (signal == SIGTRAP) {
			siginfo_t info;

			signal = 0;
			/* That of a step is the kernel's own. */
			if (ptrace(PTRACE_GETSIGINFO, child, NULL, &info) == 0 &&
			    info.si_code == SI_USER)
				return true;
		}
	}
}

int exact_cost(struct contestant *contestant, const struct job *job, unsigned int count,
	       struct cost *cost)
{
	struct cost empty = {0, 0};
	pid_t child;
	bool done;

	*cost = empty;
	reason = mmap(NULL, sizeof(engine_error), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (reason == MAP_FAILED)
		return engine_fail("mmap: %s", strerror(errno));
	child = fork();
	if (child == 0)
		follow_me(contestant, job, count);
	done = child > 0 && waitpid(child, NULL, 0) == child && until_mark(child, false, NULL) &&
	       until_mark(child, true, &empty) && until_mark(child, false, NULL) &&
	       until_mark(child, true, cost) && ptrace(PTRACE_CONT, child, NULL, NULL) == 0;
	if (child > 0)
		waitpid(child, NULL, 0);
	if (!done)
		engine_fail("%s", *reason ? reason : "it cannot be traced");
	munmap(reason, sizeof(engine_error));
	cost->instructions = (cost->instructions - empty.instructions) / count;
	cost->calls = (cost->calls - empty.calls) / count;
	return done ? 0 : -1;
}

#else

int exact_cost(struct contestant *contestant, const struct job *job, unsigned int count,
	       struct cost *cost)
{
	(void)contestant;
	(void)job;
	(void)count;
	(void)cost;
	return engine_fail("instructions are followed on x86-64 only");
}

#endif
