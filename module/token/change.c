/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/change.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "key/own.h"
#include "mech/rv.h"
#include "token/lock.h"
#include "token/sidecar.h"
#include "token/store.h"
#include "token/template.h"

/* Whether SESSION may change OBJECT at all. */
static CK_RV permit(const struct session *session, const struct object *object, enum flag prohibits)
{
	if (!object)
		return CKR_OBJECT_HANDLE_INVALID;
	if (!object->key || object->metadata.flags & prohibits)
		return CKR_ACTION_PROHIBITED;
	if (!object->session && !(session->flags & CKF_RW_SESSION))
		return CKR_SESSION_READ_ONLY;
	if (object->key->broker)
		return CKR_TOKEN_WRITE_PROTECTED;
	return CKR_OK;
}

/* What others changed meanwhile becomes known. */
static CK_RV look(struct session *session)
{
	struct object **list;
	size_t count;
	CK_RV rv = slot_look(session->slot, &list, &count);

	for (size_t i = 0; rv == CKR_OK && i < count; i++)
		object_put(list[i]);
	if (rv == CKR_OK)
		free(list);
	return rv;
}

/* The object of HANDLE as it is now: what is written to its sidecar says all that is known of it,
 * so that a usage that another process took away would come back with what is written by one that
 * had not looked. */
static CK_RV get_current(struct session *session, CK_OBJECT_HANDLE handle, struct object **object)
{
	CK_RV rv;

	*object = object_get(session->slot, handle);
	if (!*object || (*object)->session || !(*object)->key)
		return CKR_OK;
	object_put(*object);
	*object = NULL;
	rv = look(session);
	if (rv == CKR_OK)
		*object = object_get(session->slot, handle);
	return rv;
}

/* The store of the token, where OBJECT's key may be in it; others wait until store_leave(). */
static CK_RV enter(const struct slot *slot, const struct object *object, int *store)
{
	*store = -1;
	return object->key->source->sealed ? store_enter(slot, false, store) : CKR_OK;
}

/* TEXT to the store, and then to the keyring, which nobody else changes meanwhile. */
static CK_RV write_change(const struct slot *slot, const struct object *object, const char *text)
{
	const char *before = object->changes ? object->changes : "";
	int store, err = 0;
	CK_RV rv = enter(slot, object, &store);

	if (rv != CKR_OK)
		return rv;
	rv = store_change(store, object->key, text);
	if (rv == CKR_OK)
		err = sidecar_write(object->key->keyring, object->metadata.unique_id, text);
	/* A file that only may not last says it, too. */
	if (rv != CKR_OK || err)
		store_change(store, object->key, before);
	store_leave(store);
	return rv == CKR_OK ? rv_of_make(err, "what is changed of a key") : rv;
}

/* TEXT becomes what is known of OBJECT: in the keyring, where everybody sees it, or here. */
static CK_RV change(struct session *session, struct object *object, const char *text)
{
	const struct key *key = object->key;
	struct object *better;
	bool succeeds;
	CK_RV rv;
	int err;

	if (!object->session) {
		rv = write_change(session->slot, object, text);
		if (rv == CKR_OK)
			rv = look(session);
		if (rv != CKR_OK)
			return rv;
		/* Another thread may have destroyed the key before there was this to take away with
		 * it. */
		better = object_get(session->slot, object->handle);
		if (!better)
			sidecar_drop(key->keyring, object->metadata.unique_id);
		object_put(better);
		return better ? CKR_OK : CKR_OBJECT_HANDLE_INVALID;
	}
	err = object_again(object, text, &better);
	if (err)
		return rv_of_make(err, "what is changed of a key");
	lock();
	succeeds = object_succeed(object, better);
	unlock();
	/* Either the handle's reference to the old one, or ours to the new. */
	object_put(succeeds ? object : better);
	return succeeds ? CKR_OK : CKR_OBJECT_HANDLE_INVALID;
}

CK_RV change_attributes(struct session *session, CK_OBJECT_HANDLE handle, const CK_ATTRIBUTE *list,
			CK_ULONG count)
{
	struct object *object;
	struct metadata metadata;
	char *text = NULL;
	CK_RV rv = get_current(session, handle, &object);

	if (rv == CKR_OK)
		rv = permit(session, object, FLAG_UNMODIFIABLE);
	if (rv == CKR_OK && metadata_copy(&metadata, &object->metadata))
		rv = CKR_HOST_MEMORY;
	if (rv == CKR_OK) {
		rv = template_change(&metadata, list, count);
		if (rv == CKR_OK && !(text = sidecar_text(&metadata)))
			rv = CKR_HOST_MEMORY;
		metadata_free(&metadata);
	}
	if (rv == CKR_OK)
		rv = change(session, object, text);
	free(text);
	object_put(object);
	return rv;
}

static CK_RV destroy(struct session *session, struct object *object)
{
	const struct key *key = object->key;
	CK_RV rv = CKR_OK, last = CKR_OK;
	int store = -1, err;

	if (key->serial && !object->session)
		rv = enter(session->slot, object, &store);
	if (rv != CKR_OK)
		return rv;
	if (key->serial) {
		err = own_unlink(key->serial, key->keyring);
		/* Someone else was faster. */
		if (err == -ENOENT || err == -ENOKEY)
			err = 0;
		if (!err && !object->session)
			sidecar_drop(key->keyring, object->metadata.unique_id);
		rv = rv_of_make(err, "the keyring of a key to be destroyed");
	}
	/* Last, or a key that cannot be destroyed would be one that is lost. */
	if (rv == CKR_OK)
		last = store_drop(store, key);
	store_leave(store);
	if (rv == CKR_OK && object->session)
		object_withdraw(object);
	else if (rv == CKR_OK)
		inventory_forget(&session->slot->inventory, object);
	return rv == CKR_OK ? last : rv;
}

CK_RV change_destroy(struct session *session, CK_OBJECT_HANDLE handle)
{
	struct object *object = object_get(session->slot, handle);
	CK_RV rv = permit(session, object, FLAG_UNDESTROYABLE);

	if (rv == CKR_OK)
		rv = destroy(session, object);
	object_put(object);
	return rv;
}

void change_undo(struct session *session, CK_OBJECT_HANDLE handle)
{
	struct object *object = object_get(session->slot, handle);

	if (object)
		destroy(session, object);
	object_put(object);
}

CK_RV change_size(struct session *session, CK_OBJECT_HANDLE handle, CK_ULONG *size)
{
	struct object *object = object_get(session->slot, handle);
	const struct key *key = object ? object->key : NULL;
	CK_RV rv = object ? CKR_OK : CKR_OBJECT_HANDLE_INVALID;

	if (rv == CKR_OK && !size)
		rv = CKR_ARGUMENTS_BAD;
	/* What counts against the quota, as near as can be told: description and payload. */
	if (rv == CKR_OK)
		*size = key ? strlen(key->description) + 1 +
					(key->length > 0 ? (CK_ULONG)key->length : 0)
			    : sizeof(*object);
	object_put(object);
	return rv;
}
