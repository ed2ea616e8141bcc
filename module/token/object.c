/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/object.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/log.h"
#include "key/own.h"
#include "token/handle.h"
#include "token/lock.h"
#include "token/mapping.h"
#include "token/sidecar.h"
#include "token/slot.h"

static struct handle_table objects; /* under the module lock */

static struct object *object_new(const struct slot *slot)
{
	struct object *object = calloc(1, sizeof(*object));

	if (object) {
		atomic_init(&object->references, 1);
		object->slot = slot;
		object->class = CKO_SECRET_KEY;
	}
	return object;
}

struct object *object_profile(const struct slot *slot)
{
	struct object *object = object_new(slot);

	if (object) {
		object->class = CKO_PROFILE;
		/* No key's: those are hashes of a description that names a key. */
		strcpy(object->metadata.unique_id, "profile-baseline");
	}
	return object;
}

CK_KEY_TYPE object_key_type(const struct metadata *metadata, ssize_t length)
{
	if (metadata->key_type_known)
		return metadata->key_type;
	return length == 16 || length == 24 || length == 32 ? CKK_AES : CKK_GENERIC_SECRET;
}

static void find_key_type(struct object *object)
{
	object->key_type = object_key_type(&object->metadata, object->key->length);
}

struct object *object_hold(const struct slot *slot, CK_SESSION_HANDLE session, struct key *key,
			   struct metadata *metadata)
{
	struct object *object = object_new(slot);

	if (!object)
		return NULL;
	object->session = session;
	object->key = key;
	object->metadata = *metadata;
	memset(metadata, 0, sizeof(*metadata));
	find_key_type(object);
	return object;
}

bool object_extractable(const struct object *object)
{
	return object->key && object->key->source->readable &&
	       object->metadata.flags & FLAG_EXTRACTABLE;
}

bool object_sensitive(const struct object *object)
{
	return !object->key->source->readable || !(object->metadata.flags & FLAG_INSENSITIVE);
}

bool object_reveals(const struct object *object)
{
	return object_extractable(object) && !object_sensitive(object);
}

int object_open(const struct slot *slot, int32_t keyring, int32_t serial, struct object **object,
		char changes_of[17])
{
	struct object *made = object_new(slot);
	const char *why = "", *of;
	int err;

	if (!made)
		return -ENOMEM;
	err = keyring ? key_open(keyring, serial, &made->key)
		      : key_open_brokered(slot->broker, serial, &made->key);
	if (!err && (of = sidecar_of(made->key)) && strlen(of) == 16) {
		strcpy(changes_of, of);
		err = -ENOMSG;
	}
	if (!err) {
		err = mapping_read(&made->metadata, made->key->source->type, made->key->description,
				   &why);
		if (err == -EINVAL)
			log_line("key %d (%s %s) is not presented: %s", serial,
				 made->key->source->type, made->key->description, why);
	}
	if (!err && !key_offered(made->key))
		err = -EOPNOTSUPP;
	if (err) {
		object_put(made);
		return err;
	}
	find_key_type(made);
	*object = made;
	return 0;
}

void object_measure(struct object *object, const char *proc_keys)
{
	key_measure(object->key, proc_keys);
	find_key_type(object);
}

CK_RV object_publish(struct object *object)
{
	lock();
	object->handle = handle_new(&objects, object);
	unlock();
	return object->handle ? CKR_OK : CKR_HOST_MEMORY;
}

bool object_retire(struct object *object)
{
	return object->handle == CK_INVALID_HANDLE || handle_end(&objects, object->handle);
}

void object_withdraw(struct object *object)
{
	struct object *last = object;

	lock();
	if (object->handle != CK_INVALID_HANDLE)
		last = handle_end(&objects, object->handle);
	unlock();
	object_put(last);
}

bool object_copyable(const struct object *object)
{
	return object->key && !(object->metadata.flags & FLAG_UNCOPYABLE) &&
	       (object->key->bytes || object_extractable(object));
}

static int hold_again(const struct object *old, struct object **object)
{
	struct metadata metadata;
	struct key *key;
	int err = metadata_copy(&metadata, &old->metadata);

	if (err)
		return err;
	err = key_hold(old->key->bytes, (size_t)old->key->length, &key);
	if (!err) {
		*object = object_hold(old->slot, old->session, key, &metadata);
		err = *object ? 0 : -ENOMEM;
		if (err)
			key_free(key);
	}
	if (err)
		metadata_free(&metadata);
	return err;
}

int object_again(const struct object *old, const char *changes, struct object **object)
{
	const struct key *key = old->key;
	char none[17];
	int err = key->bytes ? hold_again(old, object)
			     : object_open(old->slot, key->keyring, key->serial, object, none);

	if (err)
		return err;
	(*object)->session = old->session;
	(*object)->class = old->class;
	(*object)->key->length = key->length;
	find_key_type(*object);
	if (changes) {
		(*object)->changes = strdup(changes);
		err = (*object)->changes ? sidecar_apply(&(*object)->metadata, changes) : -ENOMEM;
	}
	if (err)
		object_put(*object);
	return err;
}

bool object_succeed(struct object *old, struct object *better)
{
	if (handle_item(&objects, old->handle) != old)
		return false;
	better->handle = old->handle;
	handle_set(&objects, old->handle, better);
	return true;
}

CK_RV objects_of_sessions(const struct slot *slot, struct object ***list, size_t *count)
{
	struct object *object;
	uint32_t place = 0;

	*count = 0;
	lock();
	*list = malloc((objects.used + 1) * sizeof(**list));
	while (*list && (object = handle_next(&objects, &place))) {
		if (!object->session || object->slot != slot)
			continue;
		atomic_fetch_add(&object->references, 1);
		(*list)[(*count)++] = object;
	}
	unlock();
	return *list ? CKR_OK : CKR_HOST_MEMORY;
}

void objects_close(CK_SESSION_HANDLE session)
{
	struct object *object;

	do {
		uint32_t place = 0;

		lock();
		while ((object = handle_next(&objects, &place)))
			if (object->session == session)
				break;
		if (object)
			handle_end(&objects, object->handle);
		unlock();
		if (object && object->key->serial)
			own_unlink(object->key->serial, object->key->keyring);
		object_put(object);
	} while (object);
}

struct object *object_get(const struct slot *slot, CK_OBJECT_HANDLE handle)
{
	struct object *object;

	lock_to_read();
	object = handle_item(&objects, handle);
	if (object && object->slot == slot)
		atomic_fetch_add(&object->references, 1);
	else
		object = NULL;
	unlock_read();
	return object;
}

void object_put(struct object *object)
{
	if (!object || atomic_fetch_sub(&object->references, 1) > 1)
		return;
	key_free(object->key);
	metadata_free(&object->metadata);
	free(object->changes);
	free(object);
}

void objects_abandon(void)
{
	memset(&objects, 0, sizeof(objects));
}
