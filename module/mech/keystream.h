/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stream ciphers give out as many bytes as come in, part by part (PKCS#11 3.2, sections 5.2, 6.10
 * and 6.58), while the kernel chains whole blocks. So where a part ends within a block, zeros make
 * the block whole, and what comes of them is keystream for the part that follows.
 *
 * Of the block under way operation.tail_len bytes are done (0: none is under way); its keystream is
 * in operation.last, each byte at its place, and its ciphertext, as far as done, in operation.tail.
 */
#ifndef KCRYPTOKI_KEYSTREAM_H
#define KCRYPTOKI_KEYSTREAM_H

#include <stddef.h>
#include <stdint.h>

#include "mech/operation.h"

/*
 * Codes as much of IN as the block under way takes; OUT may be IN. The bytes done. Where that
 * completes a block whose ciphertext feeds back (mechanism.feedback), the next request begins with
 * it as the IV: the kernel has the zeros' in its place.
 */
size_t keystream_use(struct operation *operation, const uint8_t *in, size_t in_len, uint8_t *out);

#endif
