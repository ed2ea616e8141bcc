/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel is told to make a key of type "encrypted", as
 * Documentation/security/keys/trusted-encrypted.rst has it. */
#ifndef KCRYPTOKI_SEALING_H
#define KCRYPTOKI_SEALING_H

#include <stddef.h>
#include <stdint.h>

/*
 * The payload for a new key of LEN bytes under MASTER ("user:kmk"), as a piece of secret.h of *SIZE
 * bytes: of BYTES, or (NULL) of random ones that the kernel makes. NULL where there is no memory.
 */
void *sealing_order(const char *master, const uint8_t *bytes, size_t len, size_t *size);

/*
 * 0 where the kernel makes keys of the bytes that it is given. -EOPNOTSUPP where it does not, and
 * -errno where that cannot be told, as without MASTER.
 */
int sealing_takes_bytes(const char *master);

#endif
