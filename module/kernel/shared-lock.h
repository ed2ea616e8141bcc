/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A lock for what is read at each call and written seldom. Readers never wait for each other, and
 * make no system call while nobody writes; who wants to write goes first, and waits for the readers
 * that are inside. To be held for a moment only. A reader must not lock it a second time.
 *
 * Not a pthread_rwlock_t: that costs readers eight times as many instructions, cannot be released
 * in a forked child, and lets readers that overlap keep a writer waiting.
 */
#ifndef KCRYPTOKI_SHARED_LOCK_H
#define KCRYPTOKI_SHARED_LOCK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct shared_lock {
	atomic_uint readers;
	atomic_bool written;
	pthread_mutex_t writer;
};

#define SHARED_LOCK_INITIALIZER                     \
	{                                           \
		0, false, PTHREAD_MUTEX_INITIALIZER \
	}

/* For shared_read() alone: waits until nobody writes, then enters. */
void shared_read_late(struct shared_lock *lock);

static inline void shared_read(struct shared_lock *lock)
{
	/* Counted first and asked then, while a writer tells first and counts then. */
	atomic_fetch_add(&lock->readers, 1);
	if (atomic_load(&lock->written))
		shared_read_late(lock);
}

static inline void shared_read_end(struct shared_lock *lock)
{
	atomic_fetch_sub(&lock->readers, 1);
}

/* OWN: readers that are this thread itself, which a signal may have interrupted. */
void shared_write(struct shared_lock *lock, unsigned int own);
void shared_write_end(struct shared_lock *lock);

/* In a forked child, where other threads may have held it: OWN readers are left. */
void shared_renew(struct shared_lock *lock, unsigned int own);

#endif
