/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/receive.h"

#include "kernel/alg.h"
#include "kernel/shared-lock.h"

/* Read by those who receive, which never blocks; written by a fork. */
static struct shared_lock gate = SHARED_LOCK_INITIALIZER;

/* For a fork in a signal handler: the result that this thread was receiving is there by then. */
static _Thread_local unsigned int own;

int receive(int op, const struct iovec *iov, int count, size_t expected)
{
	int err;

	shared_read(&gate);
	own++;
	err = alg_recv(op, iov, count, expected);
	own--;
	shared_read_end(&gate);
	return err;
}

void receive_fork_prepare(void)
{
	shared_write(&gate, own);
}

void receive_fork_done(void)
{
	shared_write_end(&gate);
}

void receive_abandon(void)
{
	shared_renew(&gate, own);
}
