/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread that sleeps in the kernel for as long as a test wants: a seccomp filter tells of each
 * system call that it makes, which goes on when it is let go (seccomp_unotify(2)).
 */
#ifndef TESTS_PAUSE_H
#define TESTS_PAUSE_H

#include <stdbool.h>
#include <stdint.h>

struct pause_call {
	uint64_t id;
	int number; /* SYS_... */
};

/* From now on the calling thread sleeps in each call but those that only order memory and time.
 * Returns a descriptor to listen at, or -1 and errno. */
int pause_begin(void);

/* The next call that the thread sleeps in. False: it has ended. */
bool pause_next(int listener, struct pause_call *call);

/* The call is made, and the thread goes on. */
void pause_let_go(int listener, const struct pause_call *call);

#endif
