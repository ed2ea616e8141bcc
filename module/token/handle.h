/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Handles for sessions and objects. A handle is a place in a table and the number of times that
 * the place was used before, so that a handle of something gone is not soon something else's.
 * Handles fit in 31 bits, since CK_ULONG may have 32. Nothing here locks.
 */
#ifndef KCRYPTOKI_HANDLE_H
#define KCRYPTOKI_HANDLE_H

#include <stdint.h>

#include "pkcs11.h"

struct handle_place;

struct handle_table {
	struct handle_place *places;
	uint32_t size, used;            /* places allocated, and ever used */
	uint32_t free_first, free_last; /* places given back, oldest first; 0: none */
};

/* A handle for ITEM, or CK_INVALID_HANDLE where there is no memory. */
CK_ULONG handle_new(struct handle_table *table, void *item);

/* The item of HANDLE, or NULL. */
void *handle_item(const struct handle_table *table, CK_ULONG handle);

/* Lets HANDLE, which is an item's, name ITEM from now on. */
void handle_set(struct handle_table *table, CK_ULONG handle, void *item);

/* Ends HANDLE; returns its item, or NULL. */
void *handle_end(struct handle_table *table, CK_ULONG handle);

/* The next item at or after *PLACE, which it moves on; NULL: no more. Begin with *PLACE 0. */
void *handle_next(const struct handle_table *table, uint32_t *place);

/* Frees the table; all its items must have been ended. */
void handle_table_free(struct handle_table *table);

#endif
