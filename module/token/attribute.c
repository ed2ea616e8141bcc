/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/attribute.h"

#include <string.h>

enum kind {
	FALSEHOOD,
	TRUTH,
	NUMBER, /* argument */
	USAGE,  /* whether the object has the usage that is the argument */
	KEY_TYPE,
	LENGTH,
	LABEL,
	ID,
	UNIQUE_ID,
	MECHANISMS, /* those that the object is restricted to */
	TRUSTED,
	EMPTY, /* known, and of no bytes */
	SECRET,
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

static const struct row key_rows[] = {
	{CKA_CLASS, NUMBER, CKO_SECRET_KEY},
	{CKA_TOKEN, TRUTH, 0},
	{CKA_PRIVATE, FALSEHOOD, 0},
	{CKA_LABEL, LABEL, 0},
	{CKA_ID, ID, 0},
	{CKA_UNIQUE_ID, UNIQUE_ID, 0},
	{CKA_KEY_TYPE, KEY_TYPE, 0},
	{CKA_VALUE, SECRET, 0},
	{CKA_VALUE_LEN, LENGTH, 0},
	{CKA_ENCRYPT, USAGE, USAGE_ENCRYPT},
	{CKA_DECRYPT, USAGE, USAGE_DECRYPT},
	{CKA_SIGN, USAGE, USAGE_SIGN},
	{CKA_VERIFY, USAGE, USAGE_VERIFY},
	{CKA_WRAP, USAGE, USAGE_WRAP},
	{CKA_UNWRAP, USAGE, USAGE_UNWRAP},
	{CKA_DERIVE, USAGE, USAGE_DERIVE},
	{CKA_SENSITIVE, TRUTH, 0},
	{CKA_EXTRACTABLE, FALSEHOOD, 0},
	/* Made outside the token, so that it cannot vouch for what became of the bytes before:
	 * section 4.11, "CKA_ALWAYS_SENSITIVE". */
	{CKA_ALWAYS_SENSITIVE, FALSEHOOD, 0},
	{CKA_NEVER_EXTRACTABLE, FALSEHOOD, 0},
	{CKA_LOCAL, FALSEHOOD, 0},
	{CKA_KEY_GEN_MECHANISM, NUMBER, CK_UNAVAILABLE_INFORMATION},
	{CKA_MODIFIABLE, FALSEHOOD, 0},
	{CKA_COPYABLE, FALSEHOOD, 0},
	{CKA_DESTROYABLE, FALSEHOOD, 0},
	{CKA_TRUSTED, TRUSTED, 0},
	{CKA_WRAP_WITH_TRUSTED, FALSEHOOD, 0},
	{CKA_ALWAYS_AUTHENTICATE, FALSEHOOD, 0},
	{CKA_START_DATE, EMPTY, 0},
	{CKA_END_DATE, EMPTY, 0},
	{CKA_ALLOWED_MECHANISMS, MECHANISMS, 0},
};

static const struct row *find(const struct object *object, CK_ATTRIBUTE_TYPE type)
{
	const struct row *rows = object->key ? key_rows : profile_rows;
	size_t n = object->key ? sizeof(key_rows) / sizeof(*key_rows)
			       : sizeof(profile_rows) / sizeof(*profile_rows);

	for (size_t i = 0; i < n; i++)
		if (rows[i].type == type)
			return &rows[i];
	return NULL;
}

/* A value in VALUE, whose pValue may point into OBJECT or to NUMBER. */
static CK_RV look_up(const struct object *object, CK_ATTRIBUTE_TYPE type, CK_ATTRIBUTE *value,
		     CK_ULONG *number)
{
	static const CK_BBOOL no = CK_FALSE, yes = CK_TRUE;
	const struct metadata *metadata = &object->metadata;
	const struct row *row = find(object, type);
	const void *bytes = number;
	CK_ULONG len = sizeof(*number);

	if (!row)
		return CKR_ATTRIBUTE_TYPE_INVALID;
	*number = row->argument;
	switch (row->kind) {
	case FALSEHOOD:
	case TRUTH:
		bytes = row->kind == TRUTH ? &yes : &no;
		len = sizeof(CK_BBOOL);
		break;
	case USAGE:
		bytes = metadata->usage & row->argument ? &yes : &no;
		len = sizeof(CK_BBOOL);
		break;
	case TRUSTED:
		bytes = metadata->trusted ? &yes : &no;
		len = sizeof(CK_BBOOL);
		break;
	case NUMBER:
		break;
	case KEY_TYPE:
		*number = object->key_type;
		break;
	case LENGTH:
		if (object->key->length < 0)
			return CKR_ATTRIBUTE_TYPE_INVALID;
		*number = (CK_ULONG)object->key->length;
		break;
	case LABEL:
		bytes = metadata->label;
		len = metadata->label_len;
		break;
	case ID:
		bytes = metadata->id;
		len = metadata->id_len;
		break;
	case UNIQUE_ID:
		bytes = metadata->unique_id;
		len = strlen(metadata->unique_id);
		break;
	case MECHANISMS:
		bytes = metadata->mechanisms;
		len = metadata->n_mechanisms * sizeof(*metadata->mechanisms);
		break;
	case EMPTY:
		len = 0;
		break;
	case SECRET:
		return CKR_ATTRIBUTE_SENSITIVE;
	}
	*value = (CK_ATTRIBUTE){.type = type, .pValue = (void *)bytes, .ulValueLen = len};
	return CKR_OK;
}

static CK_RV get(const struct object *object, CK_ATTRIBUTE *wanted)
{
	CK_ATTRIBUTE value;
	CK_ULONG number;
	CK_RV rv = look_up(object, wanted->type, &value, &number);

	if (rv != CKR_OK) {
		wanted->ulValueLen = CK_UNAVAILABLE_INFORMATION;
	} else if (!wanted->pValue) {
		wanted->ulValueLen = value.ulValueLen;
	} else if (wanted->ulValueLen < value.ulValueLen) {
		wanted->ulValueLen = CK_UNAVAILABLE_INFORMATION;
		rv = CKR_BUFFER_TOO_SMALL;
	} else {
		if (value.ulValueLen)
			memcpy(wanted->pValue, value.pValue, value.ulValueLen);
		wanted->ulValueLen = value.ulValueLen;
	}
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
	CK_ATTRIBUTE value;
	CK_ULONG number;

	for (CK_ULONG i = 0; i < count; i++) {
		if (look_up(object, template[i].type, &value, &number) != CKR_OK ||
		    value.ulValueLen != template[i].ulValueLen)
			return false;
		if (value.ulValueLen && memcmp(value.pValue, template[i].pValue, value.ulValueLen))
			return false;
	}
	return true;
}
