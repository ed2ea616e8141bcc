/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/search.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "token/attribute.h"

/* Whether TEMPLATE asks for something that no key of the token has: such searches (certificates,
 * trust, profiles, objects of sessions) are many, and need not ask the kernel anything. */
static bool without_keys(const CK_ATTRIBUTE *template, CK_ULONG count)
{
	static const CK_OBJECT_CLASS ours = CKO_SECRET_KEY;

	for (CK_ULONG i = 0; i < count; i++) {
		if (template[i].type == CKA_CLASS &&
		    (template[i].ulValueLen != sizeof(ours) ||
		     memcmp(template[i].pValue, &ours, sizeof(ours))))
			return true;
		if (template[i].type == CKA_TOKEN && template[i].ulValueLen == sizeof(CK_BBOOL) &&
		    *(const CK_BBOOL *)template[i].pValue == CK_FALSE)
			return true;
	}
	return false;
}

/* A key that is gone, revoked or expired is no object any more; one that may not be used by this
 * thread is, and its use says so. */
static bool alive(const struct object *object)
{
	/* A broker tells only of those that are. */
	int err = object->key->broker ? 0 : key_check(object->key);

	return err != -ENOKEY && err != -EKEYREVOKED && err != -EKEYEXPIRED;
}

/* Puts the handles of those objects of LIST that fit at FOUND, and LIST away; their number. */
static size_t choose(struct object **list, size_t count, const CK_ATTRIBUTE *template,
		     CK_ULONG n_template, CK_OBJECT_HANDLE *found)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		if (found && attributes_match(list[i], template, n_template) && alive(list[i]))
			found[n++] = list[i]->handle;
		object_put(list[i]);
	}
	free(list);
	return n;
}

CK_RV search_begin(struct search *search, struct slot *slot, const CK_ATTRIBUTE *template,
		   CK_ULONG count)
{
	struct object **objects = NULL, **others = NULL;
	CK_OBJECT_HANDLE *found;
	size_t n_objects = 0, n_others = 0, n;
	CK_RV rv = CKR_OK;

	if (search->active)
		return CKR_OPERATION_ACTIVE;
	if (!template && count)
		return CKR_ARGUMENTS_BAD;
	for (CK_ULONG i = 0; i < count; i++)
		if (!template[i].pValue && template[i].ulValueLen)
			return CKR_ATTRIBUTE_VALUE_INVALID;

	if (!without_keys(template, count))
		rv = slot_look(slot, &objects, &n_objects);
	if (rv == CKR_OK)
		rv = objects_of_sessions(slot, &others, &n_others);
	found = rv == CKR_OK ? malloc((n_objects + n_others + 1) * sizeof(*found)) : NULL;
	n = choose(objects, n_objects, template, count, found);
	n += choose(others, n_others, template, count, found ? found + n : NULL);
	if (rv != CKR_OK || !found)
		return rv != CKR_OK ? rv : CKR_HOST_MEMORY;
	/* Last, so that who takes the first object of a search gets a key. */
	if (attributes_match(slot->profile, template, count))
		found[n++] = slot->profile->handle;
	*search = (struct search){.active = true, .found = found, .count = n};
	return CKR_OK;
}

CK_RV search_next(struct search *search, CK_OBJECT_HANDLE *list, CK_ULONG max, CK_ULONG *count)
{
	if (!search->active)
		return CKR_OPERATION_NOT_INITIALIZED;
	if ((!list && max) || !count)
		return CKR_ARGUMENTS_BAD;
	for (*count = 0; *count < max && search->next < search->count; ++*count)
		list[*count] = search->found[search->next++];
	return CKR_OK;
}

CK_RV search_end(struct search *search)
{
	if (!search->active)
		return CKR_OPERATION_NOT_INITIALIZED;
	free(search->found);
	*search = (struct search){0};
	return CKR_OK;
}
