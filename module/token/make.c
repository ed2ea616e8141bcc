/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/make.h"

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
#include "token/permit.h"
#include "token/store.h"
#include "token/vocabulary.h"

enum {
	KEY_MAX = 32767,        /* bytes of the kernel's longest payload */
	DESCRIPTION_MAX = 4095, /* security/keys/keyctl.c, KEY_MAX_DESC_SIZE */
	ENCRYPTED_MIN = 20,     /* security/keys/encrypted-keys/encrypted.c */
	ENCRYPTED_MAX = 4096,
};

/* Whether LEN bytes can be a key of TYPE. */
static bool fits(CK_KEY_TYPE type, size_t len)
{
	const struct mechanism *row = mechanism_generating(type);

	return len >= 1 && len <= KEY_MAX && (!row || mechanism_fits_length(row, (ssize_t)len));
}

CK_RV make_length(const struct template *template, size_t *len)
{
	const struct mechanism *row = mechanism_generating(template->metadata.key_type);

	*len = template->length;
	if (!row || row->key_min != row->key_max)
		return CKR_OK;
	*len = row->key_min;
	return template->length == SIZE_MAX || template->length == *len ? CKR_OK
									: CKR_TEMPLATE_INCONSISTENT;
}

/* What a template leaves open, and what it cannot say. */
static void complete(struct template *template, enum origin origin, const struct object *base)
{
	struct metadata *metadata = &template->metadata;
	unsigned int inherited = FLAG_ALWAYS_SENSITIVE | FLAG_NEVER_EXTRACTABLE;
	bool held = !template->token;

	/* Whoever brings the bytes to a session has them already. */
	if (!(template->flags_named & FLAG_INSENSITIVE) && held && origin == ORIGIN_CREATE)
		metadata->flags |= FLAG_INSENSITIVE;
	if (!(template->flags_named & FLAG_INSENSITIVE) && base && origin == ORIGIN_DERIVE &&
	    object_reveals(base))
		metadata->flags |= FLAG_INSENSITIVE;
	/* On the token, what cannot be taken out cannot be seen. */
	if (template->token && !(metadata->flags & FLAG_EXTRACTABLE))
		metadata->flags &= ~(unsigned int)FLAG_INSENSITIVE;
	if (origin == ORIGIN_GENERATE) {
		metadata->flags |= FLAG_LOCAL | inherited;
	} else if (base && origin == ORIGIN_DERIVE) {
		metadata->flags |= base->metadata.flags & inherited;
	} else if (base && origin == ORIGIN_COPY) {
		metadata->flags |= base->metadata.flags & (inherited | FLAG_LOCAL);
	}
	if (metadata->flags & FLAG_INSENSITIVE)
		metadata->flags &= ~(unsigned int)FLAG_ALWAYS_SENSITIVE;
	if (metadata->flags & FLAG_EXTRACTABLE)
		metadata->flags &= ~(unsigned int)FLAG_NEVER_EXTRACTABLE;
}

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

static CK_RV hold(struct session *session, struct template *template, const uint8_t *bytes,
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

	if (!key_open(keyring, serial, &key) && store_enter(slot, false, &store) != CKR_OK)
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

static CK_RV store(struct session *session, struct template *template, enum origin origin,
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

/* Makes the object from BYTES, which the kernel replaces where it makes the key. */
static CK_RV make(struct session *session, struct template *template, enum origin origin,
		  const struct object *base, const uint8_t *bytes, size_t len,
		  CK_OBJECT_HANDLE *handle)
{
	struct metadata *metadata = &template->metadata;
	struct object *object = NULL;
	bool held;
	CK_RV rv;

	if (template->token && !(session->flags & CKF_RW_SESSION))
		return CKR_SESSION_READ_ONLY;
	if (template->token && session->slot->broker)
		return CKR_TOKEN_WRITE_PROTECTED;
	if (template->token && template->class != CKO_SECRET_KEY)
		return CKR_TEMPLATE_INCONSISTENT;
	complete(template, origin, base);
	held = !template->token && metadata->flags & (FLAG_EXTRACTABLE | FLAG_INSENSITIVE);
	if (held && (*template->keyring_type || template->permissions))
		rv = CKR_TEMPLATE_INCONSISTENT;
	else if (held)
		rv = hold(session, template, bytes, len, &object);
	else
		rv = store(session, template, origin, bytes, len, &object);
	if (!object)
		return rv;
	if (object->session) {
		rv = object_publish(object);
		if (rv != CKR_OK) {
			if (object->key->serial)
				own_unlink(object->key->serial, object->key->keyring);
			object_put(object);
			return rv;
		}
		session->owns = true;
		*handle = object->handle;
	} else {
		*handle = object->handle;
		/* The slot keeps its own reference. */
		object_put(object);
	}
	return CKR_OK;
}

/* Section 6.18: the lowest bit of each byte makes their number odd. */
static void set_parity(uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint8_t byte = bytes[i] & 0xfe;

		bytes[i] = byte | !__builtin_parity(byte);
	}
}

CK_RV make_key(struct session *session, struct template *template, enum origin origin,
	       const struct object *base, uint8_t *bytes, size_t len, CK_OBJECT_HANDLE *handle)
{
	struct metadata *metadata = &template->metadata;

	if (template->class == CKO_SECRET_KEY && !metadata->key_type_known) {
		metadata->key_type = CKK_GENERIC_SECRET;
		metadata->key_type_known = true;
	}
	/* A description could not say it. */
	if (template->class == CKO_SECRET_KEY && !vocabulary_of_key_type(metadata->key_type))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	if (template->class == CKO_SECRET_KEY && !fits(metadata->key_type, len))
		return origin == ORIGIN_UNWRAP ? CKR_WRAPPED_KEY_LEN_RANGE : CKR_KEY_SIZE_RANGE;
	if (origin == ORIGIN_DERIVE && metadata->key_type == CKK_DES3)
		set_parity(bytes, len);
	return make(session, template, origin, base, bytes, len, handle);
}

CK_RV make_created(struct session *session, const CK_ATTRIBUTE *list, CK_ULONG count,
		   CK_OBJECT_HANDLE *handle)
{
	struct template template;
	CK_RV rv = template_read(&template, ORIGIN_CREATE, list, count);

	if (rv != CKR_OK)
		return rv;
	if (!template.class_named ||
	    (template.class == CKO_SECRET_KEY && !template.metadata.key_type_known))
		rv = CKR_TEMPLATE_INCOMPLETE;
	else if (template.class != CKO_SECRET_KEY)
		rv = CKR_ATTRIBUTE_VALUE_INVALID;
	else if (!vocabulary_of_key_type(template.metadata.key_type) ||
		 !fits(template.metadata.key_type, template.value_len))
		rv = CKR_ATTRIBUTE_VALUE_INVALID;
	/* pkcs11-tool names the length, too. */
	else if (template.length != SIZE_MAX && template.length != template.value_len)
		rv = CKR_TEMPLATE_INCONSISTENT;
	if (rv == CKR_OK)
		rv = make(session, &template, ORIGIN_CREATE, NULL, template.value,
			  template.value_len, handle);
	template_free(&template);
	return rv;
}

static CK_RV generate(struct session *session, struct template *template, CK_OBJECT_HANDLE *handle)
{
	uint8_t *bytes;
	size_t len;
	CK_RV rv = make_length(template, &len);

	if (rv == CKR_OK && len == SIZE_MAX)
		rv = CKR_TEMPLATE_INCOMPLETE;
	if (rv == CKR_OK && !fits(template->metadata.key_type, len))
		rv = CKR_ATTRIBUTE_VALUE_INVALID;
	if (rv != CKR_OK)
		return rv;
	bytes = secret_new(len);
	if (!bytes)
		return CKR_HOST_MEMORY;
	rv = random_fill(bytes, len);
	if (rv == CKR_OK && template->metadata.key_type == CKK_DES3)
		set_parity(bytes, len);
	if (rv == CKR_OK)
		rv = make(session, template, ORIGIN_GENERATE, NULL, bytes, len, handle);
	secret_free(bytes, len);
	return rv;
}

CK_RV make_generated(struct session *session, const CK_MECHANISM *mechanism,
		     const CK_ATTRIBUTE *list, CK_ULONG count, CK_OBJECT_HANDLE *handle)
{
	const struct mechanism *row;
	struct parameter parameter;
	struct template template;
	CK_RV rv = permit_mechanism(mechanism, CKF_GENERATE, &row);

	if (rv == CKR_OK)
		rv = row->decode(row, mechanism, &parameter);
	if (rv == CKR_OK)
		rv = template_read(&template, ORIGIN_GENERATE, list, count);
	if (rv != CKR_OK)
		return rv;
	/* The mechanism says what comes of it; a template may say the same. */
	if (template.class != CKO_SECRET_KEY ||
	    (template.metadata.key_type_known && template.metadata.key_type != row->key_types[0]))
		rv = CKR_TEMPLATE_INCONSISTENT;
	template.metadata.key_type = row->key_types[0];
	template.metadata.key_type_known = true;
	if (rv == CKR_OK)
		rv = generate(session, &template, handle);
	template_free(&template);
	return rv;
}

static bool names(const CK_ATTRIBUTE *list, CK_ULONG count, CK_ATTRIBUTE_TYPE type)
{
	while (count-- && list->type != type)
		list++;
	return count != (CK_ULONG)-1;
}

/* Whether TEMPLATE asks for what ORIGINAL has not and its copy must not have: bytes that can be
 * seen, a usage, a way around CKA_WRAP_WITH_TRUSTED (section 4.8, "cannot be changed once set"). */
static bool softens(const struct template *template, const struct object *original)
{
	const unsigned int visible = FLAG_EXTRACTABLE | FLAG_INSENSITIVE;
	const struct metadata *wanted = &template->metadata, *has = &original->metadata;
	unsigned int unset = template->flags_named & ~wanted->flags;

	return wanted->flags & visible & ~has->flags || template->usage_wanted & ~has->usage ||
	       unset & has->flags & FLAG_WRAP_WITH_TRUSTED;
}

/* ORIGINAL's metadata, changed as TEMPLATE says, which was read from LIST: section 5.7.2. */
static CK_RV merge(struct template *template, const struct object *original,
		   const CK_ATTRIBUTE *list, CK_ULONG count)
{
	struct metadata wanted = template->metadata;
	unsigned int named = template->flags_named, flags = original->metadata.flags;

	if (template->class_named || wanted.key_type_known || template->length != SIZE_MAX ||
	    wanted.mechanisms || wanted.templates[0] || wanted.templates[1] || wanted.templates[2])
		return CKR_TEMPLATE_INCONSISTENT;
	if (softens(template, original))
		return CKR_TEMPLATE_INCONSISTENT;
	if (metadata_copy(&template->metadata, &original->metadata)) {
		template->metadata = wanted;
		return CKR_HOST_MEMORY;
	}
	template->metadata.flags = (flags & ~named) | (wanted.flags & named);
	template->metadata.usage &= wanted.usage;
	template->metadata.key_type = original->key_type;
	template->metadata.key_type_known = true;
	template->class = original->class;
	if (!names(list, count, CKA_TOKEN))
		template->token = !original->session;
	/* The configuration says it of keys that it knows. */
	template->metadata.trusted = false;
	if (names(list, count, CKA_START_DATE))
		strcpy(template->metadata.start, wanted.start);
	if (names(list, count, CKA_END_DATE))
		strcpy(template->metadata.end, wanted.end);
	if (names(list, count, CKA_LABEL)) {
		free(template->metadata.label);
		template->metadata.label = wanted.label;
		template->metadata.label_len = wanted.label_len;
		wanted.label = NULL;
	}
	if (names(list, count, CKA_ID)) {
		free(template->metadata.id);
		template->metadata.id = wanted.id;
		template->metadata.id_len = wanted.id_len;
		wanted.id = NULL;
	}
	metadata_free(&wanted);
	return CKR_OK;
}

CK_RV make_copied(struct session *session, CK_OBJECT_HANDLE original, const CK_ATTRIBUTE *list,
		  CK_ULONG count, CK_OBJECT_HANDLE *handle)
{
	struct object *from = object_get(session->slot, original);
	struct template template;
	uint8_t *bytes;
	size_t len;
	CK_RV rv;
	int err;

	if (!from)
		return CKR_OBJECT_HANDLE_INVALID;
	rv = object_copyable(from) ? template_read(&template, ORIGIN_COPY, list, count)
				   : CKR_ACTION_PROHIBITED;
	if (rv == CKR_OK) {
		rv = merge(&template, from, list, count);
		err = rv == CKR_OK ? key_bytes(from->key, &bytes, &len) : 0;
		if (rv == CKR_OK && err)
			rv = rv_of_open(err, "CKA_VALUE");
		if (rv == CKR_OK) {
			rv = make(session, &template, ORIGIN_COPY, from, bytes, len, handle);
			secret_free(bytes, len);
		}
		template_free(&template);
	}
	object_put(from);
	return rv;
}
