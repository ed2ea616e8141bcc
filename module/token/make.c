/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/make.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/secret.h"
#include "key/own.h"
#include "mech/random.h"
#include "mech/rv.h"
#include "token/new-key.h"
#include "token/permit.h"
#include "token/vocabulary.h"

enum { KEY_MAX = 32767 }; /* bytes of the kernel's longest payload */

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
		rv = new_key_hold(session, template, bytes, len, &object);
	else
		rv = new_key_store(session, template, origin, bytes, len, &object);
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
