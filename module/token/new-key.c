/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/new-key.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/log.h"
#include "kernel/secret.h"
#include "key/master.h"
#include "key/own.h"
#include "key/sealing.h"
#include "key/serials.h"
#include "mech/random.h"
#include "mech/rv.h"
#include "token/store.h"

enum {
	DESCRIPTION_MAX = 4095, /* security/keys/keyctl.c, KEY_MAX_DESC_SIZE */
	ENCRYPTED_MIN = 20,     /* security/keys/encrypted-keys/encrypted.c */
	ENCRYPTED_MAX = 4096,
};

/* A number that makes the description differ from all others. */
static CK_RV number(struct metadata *metadata)
{
	uint64_t random;
	CK_RV rv = random_fill((uint8_t *)&random, sizeof(random));

	if (rv != CKR_OK)
		return rv;
	snprintf(metadata->uid, sizeof(metadata->uid), "%016llx", (unsigned long long)random);
	return CKR_OK;
}

CK_RV new_key_hold(struct session *session, struct template *template, const uint8_t *bytes,
		   size_t len, struct object **object)
{
	struct key *key;
	CK_RV rv = number(&template->metadata);
	int err;

	if (rv != CKR_OK)
		return rv;
	memcpy(template->metadata.unique_id, template->metadata.uid,
	       sizeof(template->metadata.unique_id));
	err = key_hold(bytes, len, &key);
	if (err) {
		log_line("no key of a session is made: memory cannot be locked (RLIMIT_MEMLOCK)");
		return CKR_HOST_MEMORY;
	}
	*object = object_hold(session->slot, session->handle, key, &template->metadata);
	if (!*object) {
		key_free(key);
		return CKR_HOST_MEMORY;
	}
	(*object)->class = template->class;
	return CKR_OK;
}

/* The keyring's key as the session's object. */
static CK_RV open_of_session(struct session *session, int32_t serial, int32_t keyring, size_t len,
			     struct object **object)
{
	char none[17];
	int err = object_open(session->slot, keyring, serial, object, none);

	if (err)
		return rv_of_make(err, "a session's key");
	(*object)->session = session->handle;
	(*object)->key->length = (ssize_t)len;
	return CKR_OK;
}

/* How the key of TEMPLATE is to be made in a keyring, but for its description, and for the payload
 * of one of type encrypted. */
static CK_RV choose(const struct session *session, const struct template *template,
		    enum origin origin, const uint8_t *bytes, size_t len, struct key_order *order)
{
	const struct slot *slot = session->slot;
	const char *wanted = template->keyring_type;
	bool extractable = template->metadata.flags & FLAG_EXTRACTABLE;
	bool usual = origin == ORIGIN_GENERATE && slot->create == CREATE_ENCRYPTED;
	bool sealed = template->token && slot->master && !extractable &&
		      (*wanted ? !strcmp(wanted, "encrypted") : usual);

	order->type = extractable ? "user" : sealed ? "encrypted" : "logon";
	/* Of type encrypted it is the blob that is read, which tells the length and must be saved.
	 */
	order->perm = (extractable || sealed ? KEY_PERM_READABLE : KEY_PERM_CONSTANT) |
		      template->permissions;
	order->payload = bytes;
	order->len = len;
	if (*wanted && strcmp(wanted, order->type)) {
		log_line("a key of type %s is asked for, but this would be one of type %s%s",
			 wanted, order->type,
			 slot->master || strcmp(wanted, "encrypted")
				 ? ""
				 : "; the token has no master key (master =)");
		return CKR_TEMPLATE_INCONSISTENT;
	}
	if (!extractable && !serials_supported()) {
		log_line("no key is made that nobody can read: this kernel could not use it "
			 "(ALG_SET_KEY_BY_KEY_SERIAL, Linux 6.2); CKA_EXTRACTABLE may be TRUE");
		return CKR_TEMPLATE_INCONSISTENT;
	}
	if (sealed && (len < ENCRYPTED_MIN || len > ENCRYPTED_MAX)) {
		log_line("the kernel makes encrypted keys of 20 to 4096 bytes, not of %zu: ask for "
			 "type logon (CKA_KCRYPTOKI_KEYRING_TYPE, or create = logon)",
			 len);
		return CKR_KEY_SIZE_RANGE;
	}
	return CKR_OK;
}

/* The kernel makes a key under a master that is not there, and nobody could ever save it. */
static CK_RV find_master(const char *master)
{
	int err = master_find(master);

	if (err < 0) {
		log_line("no encrypted key is made: its master key %s is not found: %s", master,
			 strerror(-err));
		return CKR_DEVICE_ERROR;
	}
	return CKR_OK;
}

/* Makes the key of ORDER in its keyring: it is kept before anybody sees it, so that who is killed
 * between leaves a key that nobody knows of yet, and not one that will be lost. */
static CK_RV make_kept(const struct slot *slot, const struct key_order *order, int32_t *serial)
{
	struct key_order ordered = *order;
	struct key *key = NULL;
	int32_t own;
	int store, err;
	CK_RV rv = store_enter(slot, true, &store);

	if (rv != CKR_OK)
		return rv;
	ordered.keyring = 0;
	err = own_make(&ordered, serial, &own);
	if (err) {
		store_leave(store);
		return rv_of_make(err, "a key");
	}
	rv = rv_of_make(key_open(own, *serial, &key), "a key");
	if (rv == CKR_OK) {
		rv = store_keep(store, key, "");
		if (rv == CKR_OK)
			rv = rv_of_make(own_move(*serial, own, order->keyring), "a key");
		/* A file that only may not last is there, too. */
		if (rv != CKR_OK)
			store_drop(store, key);
	}
	if (rv != CKR_OK)
		own_unlink(*serial, own);
	key_free(key);
	store_leave(store);
	return rv;
}

/* Takes away what was made a moment ago. */
static void unmake(const struct slot *slot, int32_t serial, int32_t keyring)
{
	struct key *key = NULL;
	int store = -1;

	if (!key_open(keyring, serial, &key) && key->source->sealed &&
	    store_enter(slot, false, &store) != CKR_OK)
		log_line("key %d is not made, but may come back from the store", serial);
	own_unlink(serial, keyring);
	if (key)
		store_drop(store, key);
	store_leave(store);
	key_free(key);
}

/* What the kernel is told to make a key of type encrypted of LEN bytes, in *TEXT: of BYTES, or
 * (NULL) of its own. */
static CK_RV seal(const char *master, const uint8_t *bytes, size_t len, void **text, size_t *size)
{
	CK_RV rv = find_master(master);
	int err = rv == CKR_OK && bytes ? sealing_takes_bytes(master) : 0;

	if (err == -EOPNOTSUPP) {
		log_line("no encrypted key is made of bytes that are there already: this kernel "
			 "makes them itself (it lacks CONFIG_USER_DECRYPTED_DATA, and was not "
			 "started with encrypted_keys.user_decrypted_data=1); ask for type logon "
			 "(CKA_KCRYPTOKI_KEYRING_TYPE), or let the key be generated");
		return CKR_TEMPLATE_INCONSISTENT;
	}
	if (err)
		return rv_of_make(err, "an encrypted key");
	if (rv == CKR_OK && !(*text = sealing_order(master, bytes, len, size)))
		rv = CKR_HOST_MEMORY;
	return rv;
}

/* Makes the key of ORDER, which lacks its description and its place. */
static CK_RV place(struct session *session, struct template *template, size_t len,
		   struct key_order order, struct object **object)
{
	char *description;
	int32_t serial, keyring;
	CK_RV rv = number(&template->metadata);
	int err;

	if (rv != CKR_OK)
		return rv;
	if (template->token) {
		err = slot_keyring(session->slot);
		if (err < 0)
			return rv_of_make(err, session->slot->label);
		order.keyring = err;
	}
	description = metadata_write(&template->metadata);
	if (!description)
		return CKR_HOST_MEMORY;
	if (strlen(description) > DESCRIPTION_MAX) {
		log_line("label, id, templates and mechanisms of a key take %zu bytes in its "
			 "description, which can have %d",
			 strlen(description), DESCRIPTION_MAX);
		free(description);
		return CKR_ATTRIBUTE_VALUE_INVALID;
	}
	order.description = description;
	if (session->slot->store && !strcmp(order.type, "encrypted")) {
		rv = make_kept(session->slot, &order, &serial);
		keyring = order.keyring;
	} else {
		rv = rv_of_make(own_make(&order, &serial, &keyring), "a key");
	}
	free(description);
	if (rv != CKR_OK)
		return rv;
	rv = template->token ? slot_object(session->slot, serial, object)
			     : open_of_session(session, serial, keyring, len, object);
	if (rv != CKR_OK)
		unmake(session->slot, serial, keyring);
	return rv;
}

CK_RV new_key_store(struct session *session, struct template *template, enum origin origin,
		    const uint8_t *bytes, size_t len, struct object **object)
{
	struct key_order order = {0};
	void *text = NULL;
	CK_RV rv = choose(session, template, origin, bytes, len, &order);

	if (rv == CKR_OK && !strcmp(order.type, "encrypted")) {
		rv = seal(session->slot->master, origin == ORIGIN_GENERATE ? NULL : bytes, len,
			  &text, &order.len);
		order.payload = text;
	}
	if (rv == CKR_OK)
		rv = place(session, template, len, order, object);
	secret_free(text, order.len);
	return rv;
}
