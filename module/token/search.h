/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An object search: C_FindObjectsInit takes down all handles at once, so that objects may come and
 * go while it is read out. A search belongs to its session, whose lock guards it.
 */
#ifndef KCRYPTOKI_SEARCH_H
#define KCRYPTOKI_SEARCH_H

#include <stdbool.h>
#include <stddef.h>

#include "pkcs11.h"
#include "token/slot.h"

struct search {
	bool active;
	CK_OBJECT_HANDLE *found;
	size_t count, next;
};

CK_RV search_begin(struct search *search, struct slot *slot, const CK_ATTRIBUTE *template,
		   CK_ULONG count);

/* Puts up to MAX handles at LIST and their number at COUNT; 0 after the last one. */
CK_RV search_next(struct search *search, CK_OBJECT_HANDLE *list, CK_ULONG max, CK_ULONG *count);

CK_RV search_end(struct search *search);

#endif
