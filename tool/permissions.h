/* SPDX-License-Identifier: BSD-2-Clause */
/* Who may use a key, in words: "user,group". The masks are keyctl_setperm(3)'s. */
#ifndef KCRYPTOKI_PERMISSIONS_H
#define KCRYPTOKI_PERMISSIONS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Adds View and Search for whom the LEN bytes at WORD name to *MASK: possessor, user or group.
 * false where they name nobody. */
bool permissions_add(const char *word, size_t len, uint32_t *mask);

/* The same for a list with commas or blanks between. */
bool permissions_read(const char *list, uint32_t *mask);

/* Who may use a key with MASK: an array of "possessor", "user", "group", "other". */
json_t *permissions_users(uint32_t mask);

/* Whether anybody may change a key with MASK: its bytes, or whose it is and who may use it. */
bool permissions_writable(uint32_t mask);

/* Whether nobody may change who may use a key with MASK. */
bool permissions_final(uint32_t mask);

/* MASK for the possessor as before, where he can use the key, and what USERS adds for others; where
 * it is FINAL, nobody may change anything of the key again. */
uint32_t permissions_anew(uint32_t mask, uint32_t users, bool final);

#endif
