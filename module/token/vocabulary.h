/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The words of a key's description: "aes", "encrypt,decrypt", "aes-gcm,aes-ccm", "local". Read they
 * are all understood or refused (-EINVAL), since a restriction that is not understood must not be
 * read as none; -ENOMEM. Written, they are appended to TEXT, which has room (VOCABULARY_MAX).
 */
#ifndef KCRYPTOKI_VOCABULARY_H
#define KCRYPTOKI_VOCABULARY_H

#include <stddef.h>

#include "pkcs11.h"

/* Enough for all usages, or all flags, and the end of a string. */
enum { VOCABULARY_MAX = 192 };

int vocabulary_key_type(const char *word, CK_KEY_TYPE *type);
/* The word for TYPE, or NULL. */
const char *vocabulary_of_key_type(CK_KEY_TYPE type);

/* The usage that the LEN bytes at WORD name, or 0. */
unsigned int vocabulary_one_usage(const char *word, size_t len);

/* Lists, with commas between: enum usage and enum flag of metadata.h. */
int vocabulary_usage(const char *list, unsigned int *usage);
void vocabulary_of_usage(unsigned int usage, char text[VOCABULARY_MAX]);
int vocabulary_flags(const char *list, unsigned int *flags);
void vocabulary_of_flags(unsigned int flags, char text[VOCABULARY_MAX]);

/* The numbers of the rows that LIST names, in a new array. */
int vocabulary_mechanisms(const char *list, CK_MECHANISM_TYPE **types, size_t *count);
/* What names these rows, to be freed; NULL where there is no memory. */
char *vocabulary_of_mechanisms(const CK_MECHANISM_TYPE *types, size_t count);

#endif
