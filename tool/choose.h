/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * KEY on a command line: a key's serial number, a pkcs11: URI, or a label, whole. What only a part
 * of the token's keys would do with is an error: one key, or none.
 */
#ifndef KCRYPTOKI_CHOOSE_H
#define KCRYPTOKI_CHOOSE_H

#include <stdbool.h>
#include <stdint.h>

#include "tool/token.h"

/* The object of the one key that TEXT names; false, and stderr says why, where there is none, or
 * more than one, which are listed. */
bool choose(const struct token *token, const char *text, CK_OBJECT_HANDLE *object);

/* Its serial number likewise. */
bool choose_serial(const struct token *token, const char *text, int32_t *serial);

/* All keys of TOKEN in a new array in *LIST, to be freed, *COUNT of them. */
bool choose_all(const struct token *token, CK_OBJECT_HANDLE **list, size_t *count);

#endif
