/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/object.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/log.h"
#include "token/handle.h"
#include "token/lock.h"
#include "token/mapping.h"

static struct handle_table objects; /* under the module lock */

static struct object *object_new(const struct slot *slot)
{
	struct object *object = calloc(1, sizeof(*object));

	if (object) {
		atomic_init(&object->references, 1);
		object->slot = slot;
	}
	return object;
}

struct object *object_profile(const struct slot *slot)
{
	struct object *object = object_new(slot);

	/* No key's: those are hashes of a description that names a key. */
	if (object)
		strcpy(object->metadata.unique_id, "profile-baseline");
	return object;
}

int object_open(const struct slot *slot, int32_t keyring, int32_t serial, struct object **object)
{
	struct object *made = object_new(slot);
	const char *why = "";
	int err;

	if (!made)
		return -ENOMEM;
	err = key_open(keyring, serial, &made->key);
	if (!err) {
		err = metadata_read(&made->metadata, made->key->source->type,
				    made->key->description, &why);
		if (!err || err == -ENOMSG)
			err = mapping_apply(&made->metadata, made->key->source->type,
					    made->key->description, !err, &why);
		if (err == -EINVAL)
			log_line("key %d (%s %s) is not presented: %s", serial,
				 made->key->source->type, made->key->description, why);
	}
	if (!err && !key_offered(made->key))
		err = -EOPNOTSUPP;
	if (err)
		object_put(made);
	else
		*object = made;
	return err;
}

void object_measure(struct object *object, const char *proc_keys)
{
	ssize_t length;

	key_measure(object->key, proc_keys);
	length = object->key->length;
	if (object->metadata.key_type_known)
		object->key_type = object->metadata.key_type;
	else if (length == 16 || length == 24 || length == 32)
		object->key_type = CKK_AES;
	else
		object->key_type = CKK_GENERIC_SECRET;
}

CK_RV object_publish(struct object *object)
{
	lock();
	object->handle = handle_new(&objects, object);
	unlock();
	return object->handle ? CKR_OK : CKR_HOST_MEMORY;
}

void object_withdraw(struct object *object)
{
	lock();
	handle_end(&objects, object->handle);
	unlock();
	object_put(object);
}

struct object *object_get(const struct slot *slot, CK_OBJECT_HANDLE handle)
{
	struct object *object;

	lock();
	object = handle_item(&objects, handle);
	if (object && object->slot == slot)
		atomic_fetch_add(&object->references, 1);
	else
		object = NULL;
	unlock();
	return object;
}

void object_put(struct object *object)
{
	if (!object || atomic_fetch_sub(&object->references, 1) > 1)
		return;
	key_free(object->key);
	metadata_free(&object->metadata);
	free(object);
}

void objects_abandon(void)
{
	memset(&objects, 0, sizeof(objects));
}
