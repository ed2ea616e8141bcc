/* SPDX-License-Identifier: BSD-2-Clause */
/* What a test process has in the kernel: descriptors, and keys. */
#ifndef TESTS_BELONGINGS_H
#define TESTS_BELONGINGS_H

#include <keyutils.h>
#include <stdbool.h>
#include <stddef.h>

/* This process's AF_ALG sockets. */
struct alg_sockets {
	size_t n;
	int fd[128];
	unsigned long inode[128];
};
void belongings_alg_sockets(struct alg_sockets *sockets);

/* All open descriptors. */
size_t belongings_descriptors(void);

/* What is gone is collected soon, but not at once; until then the kernel may say EACCES for it. */
void belongings_wait_until_gone(key_serial_t serial);

/* What this user has in the kernel. */
struct belongings {
	long keys, bytes; /* of the quota */
	long linked;      /* in the user keyring, in bytes */
	size_t descriptors;
};
struct belongings belongings_now(void);

/* Whether the user keyring gets as small again as it was; what is unlinked or invalidated goes when
 * the kernel has time. */
bool belongings_return_to(long linked);

/* Prints what is in the user keyring. */
void belongings_tell(void);

#endif
