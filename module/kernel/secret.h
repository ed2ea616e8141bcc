/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory for what must pass through this process: locked, so that it is never swapped out; left out
 * of core dumps; zero in forked children (madvise(2), MADV_DONTDUMP and MADV_WIPEONFORK); wiped
 * when it is given back. Small pieces share pages, since a user may lock few of them
 * (RLIMIT_MEMLOCK). Any thread may call.
 */
#ifndef KCRYPTOKI_SECRET_H
#define KCRYPTOKI_SECRET_H

#include <stddef.h>

/* LEN bytes, all zero; NULL where memory, or what this user may lock of it, is used up. */
void *secret_new(size_t len);

/* BYTES may be NULL. */
void secret_free(void *bytes, size_t len);

/* Around fork(2), by pthread_atfork(3). */
void secret_fork_prepare(void);
void secret_fork_done(void);

/* In a forked child: forgets all pieces, which are the parent's. */
void secret_abandon(void);

#endif
