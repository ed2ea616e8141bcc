/* SPDX-License-Identifier: BSD-2-Clause */
/* PKCS#7 padding (RFC 5652, section 6.3): the kernel has none. */
#ifndef KCRYPTOKI_PADDING_H
#define KCRYPTOKI_PADDING_H

#include <stddef.h>
#include <stdint.h>

/* The bytes of text in BLOCK, the last one of a message, of SIZE bytes; SIZE where its padding is
 * wrong. The time that this takes does not depend on the bytes. */
size_t padding_text(const uint8_t *block, size_t size);

/* The bytes of padding behind LEN bytes of text. */
size_t padding_size(size_t len, size_t block);

#endif
