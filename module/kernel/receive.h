/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Receiving a result while another thread forks. Before Linux 6.5 the kernel holds the receiver's
 * pages by reference only (crypto/af_alg.c, af_alg_make_sg(), iov_iter_get_pages2()): a fork makes
 * them copy-on-write, the next write of this process to one of them gives it a copy, and what the
 * kernel then computes goes to the other. The call would succeed, and the caller's memory be as it
 * was. So fork(2) waits for what is being received, and whoever would receive waits for the fork.
 * In the ordinary case this costs no system call. Bare clone(2) is not waited for.
 */
#ifndef KCRYPTOKI_RECEIVE_H
#define KCRYPTOKI_RECEIVE_H

#include <stddef.h>
#include <sys/uio.h>

/* alg_recv() on the op socket OP. */
int receive(int op, const struct iovec *iov, int count, size_t expected);

/* Around fork(2), by pthread_atfork(3). */
void receive_fork_prepare(void);
void receive_fork_done(void);

/* In a forked child: nobody receives. */
void receive_abandon(void);

#endif
