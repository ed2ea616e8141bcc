/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/receive.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "kernel/alg.h"

static struct {
	atomic_uint receivers;
	atomic_bool forking;
	pthread_mutex_t lock; /* held during a fork; a receiver holds nothing that one needs */
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* For a fork in a signal handler: the result that this thread was receiving is there by then. */
static _Thread_local unsigned int own;

static void enter(void)
{
	atomic_fetch_add(&gate.receivers, 1);
	while (atomic_load(&gate.forking)) {
		atomic_fetch_sub(&gate.receivers, 1);
		pthread_mutex_lock(&gate.lock);
		pthread_mutex_unlock(&gate.lock);
		atomic_fetch_add(&gate.receivers, 1);
	}
	own++;
}

static void leave(void)
{
	own--;
	atomic_fetch_sub(&gate.receivers, 1);
}

int receive(int op, const struct iovec *iov, int count, size_t expected)
{
	int err;

	enter();
	err = alg_recv(op, iov, count, expected);
	leave();
	return err;
}

void receive_fork_prepare(void)
{
	pthread_mutex_lock(&gate.lock);
	atomic_store(&gate.forking, true);
	/* Receiving never blocks, so that this is soon over. */
	while (atomic_load(&gate.receivers) > own)
		sched_yield();
}

void receive_fork_done(void)
{
	atomic_store(&gate.forking, false);
	pthread_mutex_unlock(&gate.lock);
}

void receive_abandon(void)
{
	static const pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;

	atomic_store(&gate.receivers, own);
	atomic_store(&gate.forking, false);
	memcpy(&gate.lock, &fresh, sizeof(fresh));
}
