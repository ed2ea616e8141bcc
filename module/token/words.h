/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists in the configuration: words between blanks and commas. */
#ifndef KCRYPTOKI_WORDS_H
#define KCRYPTOKI_WORDS_H

#include <stdbool.h>
#include <stddef.h>

/* The next word of *LIST, LEN bytes without an end, and *LIST behind it; NULL where none is left.
 */
const char *word_next(const char **list, size_t *len);

/* Whether the LEN bytes at WORD are NAME. */
bool word_is(const char *word, size_t len, const char *name);

#endif
