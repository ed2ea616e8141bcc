/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A MAC as a pseudo-random function of key derivation: one key, one op socket, and as many
 * computations as it takes. The key is armed once, so that all of them are made with the same
 * bytes, and stays in the kernel where it is one of the kernel's.
 */
#ifndef KCRYPTOKI_PRF_H
#define KCRYPTOKI_PRF_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "kernel/transform.h"
#include "mech/mechanism.h"
#include "pkcs11.h"

struct prf {
	const struct mechanism *row; /* a MAC; its results have row->size bytes */
	struct op_socket *socket;
};

/* Arms ROW with KEY, unread. After CKR_OK alone PRF wants prf_close(). */
CK_RV prf_open(struct prf *prf, const struct mechanism *row, const struct transform_key *key);

/* The same, with a key of LEN bytes (one at least) that are needed for this call only. */
CK_RV prf_open_bytes(struct prf *prf, const struct mechanism *row, const uint8_t *bytes,
		     size_t len);

/* The MAC of all of INPUT, one behind the other, at OUT, which may be part of INPUT. */
CK_RV prf_compute(struct prf *prf, const struct iovec *input, size_t count, uint8_t *out);

void prf_close(struct prf *prf);

#endif
