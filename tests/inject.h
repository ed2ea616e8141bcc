/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lets system calls of this process fail, one at a time. A seccomp filter traps all of them
 * (seccomp(2), SECCOMP_RET_TRAP), whoever makes them; a handler of SIGSYS makes the call, or
 * answers in the kernel's place. One thread only; x86-64.
 */
#ifndef TESTS_INJECT_H
#define TESTS_INJECT_H

#include <stdbool.h>
#include <stddef.h>

struct inject_call {
	long number;
	unsigned long args[6];
};

/* A call that filters know by where it returns to, and let pass: its result, or -errno. */
long inject_raw(long number, const unsigned long args[6]);
extern const char inject_raw_return[];

/* What a call is answered with. */
struct inject_fault {
	int error;    /* an errno, or 0 */
	bool made;    /* the call is made all the same */
	bool shorter; /* it is made with half of the bytes; what is received is said to be half */
};

/* From here on all calls are trapped, for as long as the process lives. 0 or -1. */
int inject_setup(void);

/* Which call it is: the one that comes NTH (from 0) of those that are of its KIND. */
struct inject_victim {
	const void *(*kind)(const struct inject_call *call);
	const void *of;
	size_t nth;
};

/* Until inject_end(), calls are counted, and the first MAX of them stored in CALLS. VICTIM, if
 * there is one, gets FAULT. */
void inject_begin(struct inject_call *calls, size_t max, const struct inject_victim *victim,
		  const struct inject_fault *fault);

/* How many calls there were. *STRUCK: whether the victim was among them. */
size_t inject_end(bool *struck);

#endif
