/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/attribute.h"

#include <stdlib.h>
#include <string.h>

#include "kcryptoki.h"
#include "kernel/relay.h"
#include "kernel/secret.h"
#include "mech/mechanism.h"
#include "mech/rv.h"
#include "token/check-value.h"
#include "token/nested.h"
#include "token/store.h"

enum kind {
	FALSEHOOD,
	TRUTH,
	NUMBER, /* argument */
	USAGE,  /* whether the object has the usage that is the argument */
	FLAG,   /* whether its metadata has the flag that is the argument */
	UNFLAG, /* whether not */
	TOKEN,
	EXTRACTABLE,
	SENSITIVE,
	COPYABLE,
	KEY_TYPE,
	LENGTH,
	LABEL,
	ID,
	UNIQUE_ID,
	GENERATOR, /* the mechanism that made a local key */
	DATE_START,
	DATE_END,
	MECHANISMS, /* those that the object is restricted to */
	TRUSTED,
	SERIAL,
	KEYRING_TYPE,
	STORED,
	PERMISSIONS,
	CHECK_VALUE,
	NESTED, /* an array of attributes; argument: enum template_kind */
	EMPTY,  /* known, and of no bytes */
	VALUE,
};

struct row {
	CK_ATTRIBUTE_TYPE type;
	enum kind kind;
	CK_ULONG argument;
};

static const struct row profile_rows[] = {
	/* Section 4.14, and the Baseline Provider clause of the profiles. */
	{CKA_CLASS, NUMBER, CKO_PROFILE},
	{CKA_PROFILE_ID, NUMBER, CKP_BASELINE_PROVIDER},
	{CKA_TOKEN, TRUTH, 0},
	{CKA_PRIVATE, FALSEHOOD, 0},
	{CKA_MODIFIABLE, FALSEHOOD, 0},
	{CKA_COPYABLE, FALSEHOOD, 0},
	{CKA_DESTROYABLE, FALSEHOOD, 0},
	{CKA_LABEL, EMPTY, 0},
	{CKA_UNIQUE_ID, UNIQUE_ID, 0},
};

/* What HKDF makes besides keys: section 4.5. */
static const struct row data_rows[] = {
	{CKA_CLASS, NUMBER, CKO_DATA},
	{CKA_TOKEN, TOKEN, 0},
	{CKA_PRIVATE, FLAG, FLAG_PRIVATE},
	{CKA_LABEL, LABEL, 0},
	{CKA_APPLICATION, EMPTY, 0},
	{CKA_OBJECT_ID, EMPTY, 0},
	{CKA_UNIQUE_ID, UNIQUE_ID, 0},
	{CKA_VALUE, VALUE, 0},
	{CKA_MODIFIABLE, UNFLAG, FLAG_UNMODIFIABLE},
	{CKA_COPYABLE, COPYABLE, 0},
	{CKA_DESTROYABLE, UNFLAG, FLAG_UNDESTROYABLE},
};

static const struct row key_rows[] = {
	{CKA_CLASS, NUMBER, CKO_SECRET_KEY},
	{CKA_TOKEN, TOKEN, 0},
	{CKA_PRIVATE, FLAG, FLAG_PRIVATE},
	{CKA_LABEL, LABEL, 0},
	{CKA_ID, ID, 0},
	{CKA_UNIQUE_ID, UNIQUE_ID, 0},
	{CKA_KEY_TYPE, KEY_TYPE, 0},
	{CKA_VALUE, VALUE, 0},
	{CKA_VALUE_LEN, LENGTH, 0},
	{CKA_CHECK_VALUE, CHECK_VALUE, 0},
	{CKA_ENCRYPT, USAGE, USAGE_ENCRYPT},
	{CKA_DECRYPT, USAGE, USAGE_DECRYPT},
	{CKA_SIGN, USAGE, USAGE_SIGN},
	{CKA_VERIFY, USAGE, USAGE_VERIFY},
	{CKA_WRAP, USAGE, USAGE_WRAP},
	{CKA_UNWRAP, USAGE, USAGE_UNWRAP},
	{CKA_DERIVE, USAGE, USAGE_DERIVE},
	{CKA_SENSITIVE, SENSITIVE, 0},
	{CKA_EXTRACTABLE, EXTRACTABLE, 0},
	/* Of keys made outside, the token cannot vouch for what became of their bytes before:
	 * section 4.11, "CKA_ALWAYS_SENSITIVE". */
	{CKA_ALWAYS_SENSITIVE, FLAG, FLAG_ALWAYS_SENSITIVE},
	{CKA_NEVER_EXTRACTABLE, FLAG, FLAG_NEVER_EXTRACTABLE},
	{CKA_LOCAL, FLAG, FLAG_LOCAL},
	{CKA_KEY_GEN_MECHANISM, GENERATOR, 0},
	{CKA_MODIFIABLE, UNFLAG, FLAG_UNMODIFIABLE},
	{CKA_COPYABLE, COPYABLE, 0},
	{CKA_DESTROYABLE, UNFLAG, FLAG_UNDESTROYABLE},
	{CKA_TRUSTED, TRUSTED, 0},
	{CKA_WRAP_WITH_TRUSTED, FLAG, FLAG_WRAP_WITH_TRUSTED},
	{CKA_ALWAYS_AUTHENTICATE, FALSEHOOD, 0},
	{CKA_START_DATE, DATE_START, 0},
	{CKA_END_DATE, DATE_END, 0},
	{CKA_ALLOWED_MECHANISMS, MECHANISMS, 0},
	{CKA_WRAP_TEMPLATE, NESTED, TEMPLATE_WRAP},
	{CKA_UNWRAP_TEMPLATE, NESTED, TEMPLATE_UNWRAP},
	{CKA_DERIVE_TEMPLATE, NESTED, TEMPLATE_DERIVE},
	{CKA_KCRYPTOKI_KEY_SERIAL, SERIAL, 0},
	{CKA_KCRYPTOKI_KEYRING_TYPE, KEYRING_TYPE, 0},
	{CKA_KCRYPTOKI_STORED, STORED, 0},
	{CKA_KCRYPTOKI_PERMISSIONS, PERMISSIONS, 0},
};

static const struct row *find(const struct object *object, CK_ATTRIBUTE_TYPE type)
{
	const struct row *rows = object->class == CKO_SECRET_KEY ? key_rows
				 : object->class == CKO_DATA     ? data_rows
								 : profile_rows;
	size_t n = object->class == CKO_SECRET_KEY ? sizeof(key_rows) / sizeof(*key_rows)
		   : object->class == CKO_DATA     ? sizeof(data_rows) / sizeof(*data_rows)
						   : sizeof(profile_rows) / sizeof(*profile_rows);

	for (size_t i = 0; i < n; i++)
		if (rows[i].type == type)
			return &rows[i];
	return NULL;
}

/* A value: BYTES may point into the object, or to what follows. */
struct value {
	const void *bytes;
	size_t len;
	CK_ULONG number;
	CK_BBOOL truth;
	uint8_t check[CHECK_VALUE_LEN];
	uint8_t *secret; /* to be given back */
};

static void done(struct value *value)
{
	secret_free(value->secret, value->len);
}

static CK_RV be_number(struct value *value, CK_ULONG number)
{
	value->number = number;
	value->bytes = &value->number;
	value->len = sizeof(value->number);
	return CKR_OK;
}

static CK_RV be_bool(struct value *value, bool truth)
{
	value->truth = truth ? CK_TRUE : CK_FALSE;
	value->bytes = &value->truth;
	value->len = sizeof(value->truth);
	return CKR_OK;
}

static CK_RV be_bytes(struct value *value, const void *bytes, size_t len)
{
	value->bytes = bytes;
	value->len = len;
	return CKR_OK;
}

/* The names that C_GetAttributeValue has for what the kernel refuses: section 5.7.5. */
static CK_RV rv_of_value(CK_RV rv)
{
	if (rv == CKR_KEY_FUNCTION_NOT_PERMITTED)
		return CKR_ATTRIBUTE_SENSITIVE;
	return rv == CKR_KEY_HANDLE_INVALID ? CKR_OBJECT_HANDLE_INVALID : rv;
}

static CK_RV be_secret(struct value *value, const struct object *object)
{
	CK_RV rv;

	if (object->class == CKO_SECRET_KEY && !object_reveals(object))
		return CKR_ATTRIBUTE_SENSITIVE;
	rv = rv_of_run(key_bytes(object->key, &value->secret, &value->len), "CKA_VALUE");
	value->bytes = value->secret;
	return rv_of_value(rv);
}

/* As they are now. */
static CK_RV be_permissions(struct value *value, const struct key *key)
{
	struct key_info info;
	int err;

	if (!key->serial || key->broker)
		return CKR_ATTRIBUTE_TYPE_INVALID;
	err = key_describe(key->serial, &info);
	if (err)
		return rv_of_value(rv_of_run(err, "permissions"));
	free(info.description);
	return be_number(value, info.perm);
}

static CK_RV be_check_value(struct value *value, const struct object *object)
{
	CK_RV rv = check_value(object, value->check);

	return rv == CKR_OK ? be_bytes(value, value->check, sizeof(value->check)) : rv;
}

static CK_RV be_generator(struct value *value, const struct object *object)
{
	const struct mechanism *row =
		object->metadata.flags & FLAG_LOCAL ? mechanism_generating(object->key_type) : NULL;

	return be_number(value, row ? row->type : CK_UNAVAILABLE_INFORMATION);
}

/* What OBJECT says of TYPE; done() afterwards. */
static CK_RV look_up(const struct object *object, CK_ATTRIBUTE_TYPE type, struct value *value)
{
	const struct metadata *metadata = &object->metadata;
	const struct row *row = find(object, type);

	memset(value, 0, sizeof(*value));
	if (!row)
		return CKR_ATTRIBUTE_TYPE_INVALID;
	switch (row->kind) {
	case FALSEHOOD:
	case TRUTH:
		return be_bool(value, row->kind == TRUTH);
	case USAGE:
		return be_bool(value, metadata->usage & row->argument);
	case FLAG:
		return be_bool(value, metadata->flags & row->argument);
	case UNFLAG:
		return be_bool(value, !(metadata->flags & row->argument));
	case TRUSTED:
		return be_bool(value, metadata->trusted);
	case TOKEN:
		return be_bool(value, !object->session);
	case EXTRACTABLE:
		return be_bool(value, object_extractable(object));
	case SENSITIVE:
		return be_bool(value, object_sensitive(object));
	case COPYABLE:
		return be_bool(value, object_copyable(object));
	case NUMBER:
		return be_number(value, row->argument);
	case KEY_TYPE:
		return be_number(value, object->key_type);
	case LENGTH:
		if (object->key->length < 0)
			return CKR_ATTRIBUTE_TYPE_INVALID;
		return be_number(value, (CK_ULONG)object->key->length);
	case LABEL:
		return be_bytes(value, metadata->label, metadata->label_len);
	case ID:
		return be_bytes(value, metadata->id, metadata->id_len);
	case UNIQUE_ID:
		return be_bytes(value, metadata->unique_id, strlen(metadata->unique_id));
	case GENERATOR:
		return be_generator(value, object);
	case DATE_START:
		return be_bytes(value, metadata->start, strlen(metadata->start));
	case DATE_END:
		return be_bytes(value, metadata->end, strlen(metadata->end));
	case MECHANISMS:
		return be_bytes(value, metadata->mechanisms,
				metadata->n_mechanisms * sizeof(*metadata->mechanisms));
	case SERIAL:
		return object->key->serial ? be_number(value, (CK_ULONG)object->key->serial)
					   : CKR_ATTRIBUTE_TYPE_INVALID;
	case KEYRING_TYPE:
		return object->key->serial ? be_bytes(value, object->key->source->type,
						      strlen(object->key->source->type))
					   : CKR_ATTRIBUTE_TYPE_INVALID;
	case STORED:
		return object->key->serial && !object->key->broker
			       ? be_bool(value, !object->session && store_has(object->slot,
									      metadata->unique_id))
			       : CKR_ATTRIBUTE_TYPE_INVALID;
	case PERMISSIONS:
		return be_permissions(value, object->key);
	case CHECK_VALUE:
		return be_check_value(value, object);
	case EMPTY:
		return CKR_OK;
	case VALUE:
		return be_secret(value, object);
	case NESTED: /* looks different to each caller: get_nested() */
		break;
	}
	return CKR_ATTRIBUTE_TYPE_INVALID;
}

/* The text of the array of attributes that OBJECT has by the name of TYPE, in *TEXT (NULL: it is
 * empty); false where TYPE is none, or the addresses in a caller's array are not this process's. */
static bool is_nested(const struct object *object, CK_ATTRIBUTE_TYPE type, const char **text)
{
	const struct row *row = find(object, type);

	if (!row || row->kind != NESTED || relay_here())
		return false;
	*text = object->metadata.templates[row->argument];
	return true;
}

/* Bytes of VALUE into what is WANTED, as far as there is room. */
static CK_RV give(CK_ATTRIBUTE *wanted, const void *value, CK_ULONG len)
{
	if (wanted->pValue && wanted->ulValueLen < len) {
		wanted->ulValueLen = CK_UNAVAILABLE_INFORMATION;
		return CKR_BUFFER_TOO_SMALL;
	}
	if (wanted->pValue && len)
		memcpy(wanted->pValue, value, len);
	wanted->ulValueLen = len;
	return CKR_OK;
}

/* Section 5.7.5: the caller says in each element of the array where its value is to go. */
static CK_RV get_nested(const char *text, CK_ATTRIBUTE *wanted)
{
	CK_ATTRIBUTE *list = NULL, *out = wanted->pValue;
	CK_ULONG count = 0;
	CK_RV rv = CKR_OK, one;

	if (text && nested_read(text, &list, &count)) {
		wanted->ulValueLen = CK_UNAVAILABLE_INFORMATION;
		return CKR_HOST_MEMORY;
	}
	if (out && wanted->ulValueLen < count * sizeof(*list)) {
		wanted->ulValueLen = CK_UNAVAILABLE_INFORMATION;
		rv = CKR_BUFFER_TOO_SMALL;
		out = NULL;
	} else {
		wanted->ulValueLen = count * sizeof(*list);
	}
	for (CK_ULONG i = 0; out && i < count; i++) {
		out[i].type = list[i].type;
		one = give(&out[i], list[i].pValue, list[i].ulValueLen);
		if (rv == CKR_OK)
			rv = one;
	}
	free(list);
	return rv;
}

static CK_RV get(const struct object *object, CK_ATTRIBUTE *wanted)
{
	struct value value;
	const char *text;
	CK_RV rv;

	if (is_nested(object, wanted->type, &text))
		return get_nested(text, wanted);
	rv = look_up(object, wanted->type, &value);
	if (rv != CKR_OK) {
		wanted->ulValueLen = CK_UNAVAILABLE_INFORMATION;
		return rv;
	}
	rv = give(wanted, value.bytes, value.len);
	done(&value);
	return rv;
}

CK_RV attributes_get(const struct object *object, CK_ATTRIBUTE *template, CK_ULONG count)
{
	CK_RV rv = CKR_OK, one;

	for (CK_ULONG i = 0; i < count; i++) {
		one = get(object, &template[i]);
		if (rv == CKR_OK)
			rv = one;
	}
	return rv;
}

bool attributes_match(const struct object *object, const CK_ATTRIBUTE *template, CK_ULONG count)
{
	struct value value;
	const char *text;
	bool same;

	for (CK_ULONG i = 0; i < count; i++) {
		if (is_nested(object, template[i].type, &text)) {
			if (!nested_is(text, template[i].pValue, template[i].ulValueLen))
				return false;
			continue;
		}
		if (look_up(object, template[i].type, &value) != CKR_OK)
			return false;
		same = value.len == template[i].ulValueLen &&
		       (!value.len || !memcmp(value.bytes, template[i].pValue, value.len));
		done(&value);
		if (!same)
			return false;
	}
	return true;
}
