/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages that the kernel takes in one request only: their parts are gathered in operation.text
 * until the last one.
 */
#ifndef KCRYPTOKI_GATHER_H
#define KCRYPTOKI_GATHER_H

#include "mech/operation.h"

/* Appends IN. CKR_OK or CKR_HOST_MEMORY. */
CK_RV gather(struct operation *operation, const uint8_t *in, size_t in_len);

/*
 * Whether one request may queue REQUEST bytes, for a message of TEXT bytes. Above what the socket
 * takes, even after both its buffers were raised, the kernel would answer wrongly, or not at all:
 * CKR_DATA_LEN_RANGE, and decrypting CKR_ENCRYPTED_DATA_LEN_RANGE.
 */
CK_RV gather_fits(struct operation *operation, size_t text, size_t request);

/* What ERR (0 or -errno) from moving such a request means. */
CK_RV gather_rv(const struct operation *operation, int err, size_t request);

#endif
