/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/search.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "token/attribute.h"

/* Whether TEMPLATE asks for a class that no key has: such searches (certificates, trust, profiles)
 * are many, and need not ask the kernel anything. */
static bool without_keys(const CK_ATTRIBUTE *template, CK_ULONG count)
{
	static const CK_OBJECT_CLASS ours = CKO_SECRET_KEY;

	for (CK_ULONG i = 0; i < count; i++)
		if (template[i].type == CKA_CLASS &&
		    (template[i].ulValueLen != sizeof(ours) ||
		     memcmp(template[i].pValue, &ours, sizeof(ours))))
			return true;
	return false;
}

/* A key that is gone, revoked or expired is no object any more; one that may not be used by this
 * thread is, and its use says so. */
static bool alive(const struct object *object)
{
	int err = key_check(object->key);

	return err != -ENOKEY && err != -EKEYREVOKED && err != -EKEYEXPIRED;
}

CK_RV search_begin(struct search *search, struct slot *slot, const CK_ATTRIBUTE *template,
		   CK_ULONG count)
{
	struct object **objects = NULL;
	CK_OBJECT_HANDLE *found;
	size_t n_objects = 0, n = 0;
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
	if (rv != CKR_OK)
		return rv;
	found = malloc((n_objects + 1) * sizeof(*found));
	for (size_t i = 0; i < n_objects; i++) {
		if (found && attributes_match(objects[i], template, count) && alive(objects[i]))
			found[n++] = objects[i]->handle;
		object_put(objects[i]);
	}
	free(objects);
	if (!found)
		return CKR_HOST_MEMORY;
	/* Last, so that who takes the first object of a search gets a key. */
	if (slot->profile && attributes_match(slot->profile, template, count))
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
