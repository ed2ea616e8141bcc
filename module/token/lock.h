/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The module lock. It guards tables (sessions, handles, what a slot knows of its keyring), is held
 * for table work only, and never over a system call. A session's lock is never taken while it is
 * held.
 */
#ifndef KCRYPTOKI_LOCK_H
#define KCRYPTOKI_LOCK_H

void lock(void);
void unlock(void);

/* With others who read. */
void lock_to_read(void);
void unlock_read(void);

/* In a forked child, whose copy of the lock another thread may have held. */
void lock_abandon(void);

#endif
