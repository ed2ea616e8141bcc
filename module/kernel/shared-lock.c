/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/shared-lock.h"

#include <string.h>
#include <time.h>

/* Looks at the readers, who are inside for less time than it takes, before there is a sleep. */
enum { TRIES = 1000 };

/* For readers that were interrupted. Not sched_yield(2), which lets no thread of less priority go
 * on that may be one of them. */
static const struct timespec moment = {0, 20000};

void shared_read_late(struct shared_lock *lock)
{
	atomic_fetch_sub(&lock->readers, 1);
	/* Who has the mutex knows that nobody writes; the next writer waits for who is in by then.
	 */
	pthread_mutex_lock(&lock->writer);
	atomic_fetch_add(&lock->readers, 1);
	pthread_mutex_unlock(&lock->writer);
}

void shared_write(struct shared_lock *lock, unsigned int own)
{
	pthread_mutex_lock(&lock->writer);
	atomic_store(&lock->written, true);
	for (int tries = 0; atomic_load(&lock->readers) > own; tries++)
		if (tries >= TRIES)
			nanosleep(&moment, NULL);
}

void shared_write_end(struct shared_lock *lock)
{
	atomic_store(&lock->written, false);
	pthread_mutex_unlock(&lock->writer);
}

void shared_renew(struct shared_lock *lock, unsigned int own)
{
	static const pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;

	atomic_store(&lock->readers, own);
	atomic_store(&lock->written, false);
	memcpy(&lock->writer, &fresh, sizeof(fresh));
}
