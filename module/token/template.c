/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/template.h"

#include <stdlib.h>
#include <string.h>

#include "kcryptoki.h"
#include "kernel/keyring.h"
#include "kernel/log.h"
#include "kernel/relay.h"
#include "mech/mechanism.h"
#include "token/nested.h"

enum kind {
	TOKEN,
	CLASS,
	KEY_TYPE,
	VALUE,
	VALUE_LEN,
	LABEL,
	ID,
	USAGE,  /* argument: enum usage */
	FLAG,   /* argument: enum flag */
	UNFLAG, /* the same, the other way round */
	DATE_START,
	DATE_END,
	MECHANISMS,
	NESTED, /* argument: enum template_kind */
	KEYRING_TYPE,
	PERMISSIONS,
	FALSE_ONLY, /* what a token can be asked for, but not this one */
	EMPTY_ONLY,
	READ_ONLY,
};

enum {
	BYTES_MAX = 1024, /* of a label, an id, or a nested value */
	LIST_MAX = 256    /* mechanisms, or nested attributes */
};

static const struct row {
	CK_ATTRIBUTE_TYPE type;
	enum kind kind;
	unsigned int argument;
	bool settable; /* by C_SetAttributeValue */
} rows[] = {
	{CKA_TOKEN, TOKEN, 0, false},
	{CKA_CLASS, CLASS, 0, false},
	{CKA_KEY_TYPE, KEY_TYPE, 0, false},
	{CKA_VALUE, VALUE, 0, false},
	{CKA_VALUE_LEN, VALUE_LEN, 0, false},
	{CKA_LABEL, LABEL, 0, true},
	{CKA_ID, ID, 0, true},
	{CKA_ENCRYPT, USAGE, USAGE_ENCRYPT, true},
	{CKA_DECRYPT, USAGE, USAGE_DECRYPT, true},
	{CKA_SIGN, USAGE, USAGE_SIGN, true},
	{CKA_VERIFY, USAGE, USAGE_VERIFY, true},
	{CKA_WRAP, USAGE, USAGE_WRAP, true},
	{CKA_UNWRAP, USAGE, USAGE_UNWRAP, true},
	{CKA_DERIVE, USAGE, USAGE_DERIVE, true},
	{CKA_PRIVATE, FLAG, FLAG_PRIVATE, false},
	{CKA_SENSITIVE, UNFLAG, FLAG_INSENSITIVE, false},
	{CKA_EXTRACTABLE, FLAG, FLAG_EXTRACTABLE, false},
	{CKA_MODIFIABLE, UNFLAG, FLAG_UNMODIFIABLE, false},
	{CKA_COPYABLE, UNFLAG, FLAG_UNCOPYABLE, false},
	{CKA_DESTROYABLE, UNFLAG, FLAG_UNDESTROYABLE, false},
	{CKA_WRAP_WITH_TRUSTED, FLAG, FLAG_WRAP_WITH_TRUSTED, false},
	{CKA_START_DATE, DATE_START, 0, false},
	{CKA_END_DATE, DATE_END, 0, false},
	{CKA_ALLOWED_MECHANISMS, MECHANISMS, 0, false},
	{CKA_WRAP_TEMPLATE, NESTED, TEMPLATE_WRAP, false},
	{CKA_UNWRAP_TEMPLATE, NESTED, TEMPLATE_UNWRAP, false},
	{CKA_DERIVE_TEMPLATE, NESTED, TEMPLATE_DERIVE, false},
	{CKA_KCRYPTOKI_KEYRING_TYPE, KEYRING_TYPE, 0, false},
	{CKA_KCRYPTOKI_PERMISSIONS, PERMISSIONS, 0, false},
	/* Only the configuration says so (doc/ARCHITECTURE.md). */
	{CKA_TRUSTED, FALSE_ONLY, 0, false},
	/* Of private keys; clients name it all the same. */
	{CKA_ALWAYS_AUTHENTICATE, FALSE_ONLY, 0, false},
	/* "Application supplies an empty value": section 4.11. */
	{CKA_CHECK_VALUE, EMPTY_ONLY, 0, false},
	{CKA_LOCAL, READ_ONLY, 0, false},
	{CKA_ALWAYS_SENSITIVE, READ_ONLY, 0, false},
	{CKA_NEVER_EXTRACTABLE, READ_ONLY, 0, false},
	{CKA_KEY_GEN_MECHANISM, READ_ONLY, 0, false},
	{CKA_UNIQUE_ID, READ_ONLY, 0, false},
	{CKA_KCRYPTOKI_KEY_SERIAL, READ_ONLY, 0, false},
};

static const struct row *find(CK_ATTRIBUTE_TYPE type)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (rows[i].type == type)
			return &rows[i];
	return NULL;
}

static CK_RV read_bool(const CK_ATTRIBUTE *attribute, bool *value)
{
	CK_BBOOL byte;

	if (attribute->ulValueLen != sizeof(byte) || !attribute->pValue)
		return CKR_ATTRIBUTE_VALUE_INVALID;
	byte = *(const CK_BBOOL *)attribute->pValue;
	*value = byte != CK_FALSE;
	return byte == CK_TRUE || byte == CK_FALSE ? CKR_OK : CKR_ATTRIBUTE_VALUE_INVALID;
}

static CK_RV read_number(const CK_ATTRIBUTE *attribute, CK_ULONG *value)
{
	if (attribute->ulValueLen != sizeof(*value) || !attribute->pValue)
		return CKR_ATTRIBUTE_VALUE_INVALID;
	memcpy(value, attribute->pValue, sizeof(*value));
	return CKR_OK;
}

static CK_RV read_bytes(const CK_ATTRIBUTE *attribute, uint8_t **bytes, size_t *len)
{
	uint8_t *copy = NULL;

	if (attribute->ulValueLen > BYTES_MAX || (!attribute->pValue && attribute->ulValueLen))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	if (attribute->ulValueLen) {
		copy = malloc(attribute->ulValueLen);
		if (!copy)
			return CKR_HOST_MEMORY;
		memcpy(copy, attribute->pValue, attribute->ulValueLen);
	}
	free(*bytes);
	*bytes = copy;
	*len = attribute->ulValueLen;
	return CKR_OK;
}

static CK_RV read_label(const CK_ATTRIBUTE *attribute, struct metadata *metadata)
{
	CK_RV rv = read_bytes(attribute, &metadata->label, &metadata->label_len);

	/* Clients count the end of a string in. */
	while (rv == CKR_OK && metadata->label_len && !metadata->label[metadata->label_len - 1])
		metadata->label_len--;
	if (rv == CKR_OK && !metadata_is_text(metadata->label, metadata->label_len))
		rv = CKR_ATTRIBUTE_VALUE_INVALID;
	return rv;
}

/* An empty one, or year, month and day in digits: section 3.3, CK_DATE. */
static CK_RV read_date(const CK_ATTRIBUTE *attribute, char date[9])
{
	date[0] = '\0';
	if (!attribute->ulValueLen)
		return CKR_OK;
	if (attribute->ulValueLen != 8 || !attribute->pValue)
		return CKR_ATTRIBUTE_VALUE_INVALID;
	memcpy(date, attribute->pValue, 8);
	date[8] = '\0';
	return strspn(date, "0123456789") == 8 ? CKR_OK : CKR_ATTRIBUTE_VALUE_INVALID;
}

static CK_RV read_mechanisms(const CK_ATTRIBUTE *attribute, struct metadata *metadata)
{
	size_t n = attribute->ulValueLen / sizeof(CK_MECHANISM_TYPE), known = 0;
	CK_MECHANISM_TYPE *types;

	if (attribute->ulValueLen % sizeof(*types) || n > LIST_MAX ||
	    (!attribute->pValue && attribute->ulValueLen))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	/* An empty list is how clients say that there is no restriction, and how it is shown. */
	if (!n)
		return CKR_OK;
	types = malloc(attribute->ulValueLen);
	if (!types)
		return CKR_HOST_MEMORY;
	memcpy(types, attribute->pValue, attribute->ulValueLen);
	/* One that is not of this token allows nothing here. */
	for (size_t i = 0; i < n; i++)
		if (mechanism_find(types[i]))
			types[known++] = types[i];
	free(metadata->mechanisms);
	metadata->mechanisms = types;
	metadata->n_mechanisms = known;
	return CKR_OK;
}

static CK_RV read_nested(const CK_ATTRIBUTE *attribute, char **text)
{
	const CK_ATTRIBUTE *list = attribute->pValue;
	size_t n = attribute->ulValueLen / sizeof(*list);

	if (attribute->ulValueLen % sizeof(*list) || n > LIST_MAX || (!list && n))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	for (size_t i = 0; i < n; i++)
		if (list[i].ulValueLen > BYTES_MAX || (!list[i].pValue && list[i].ulValueLen) ||
		    !find(list[i].type) || find(list[i].type)->kind == NESTED)
			return CKR_ATTRIBUTE_VALUE_INVALID;
	free(*text);
	*text = n ? nested_write(list, n) : NULL;
	return n && !*text ? CKR_HOST_MEMORY : CKR_OK;
}

static CK_RV read_keyring_type(const CK_ATTRIBUTE *attribute, char type[16])
{
	if (!attribute->pValue || !attribute->ulValueLen || attribute->ulValueLen > 15)
		return CKR_ATTRIBUTE_VALUE_INVALID;
	memcpy(type, attribute->pValue, attribute->ulValueLen);
	type[attribute->ulValueLen] = '\0';
	return !strcmp(type, "logon") || !strcmp(type, "encrypted") || !strcmp(type, "user")
		       ? CKR_OK
		       : CKR_ATTRIBUTE_VALUE_INVALID;
}

static CK_RV read_permissions(const CK_ATTRIBUTE *attribute, uint32_t *permissions)
{
	CK_ULONG number = 0;
	CK_RV rv = read_number(attribute, &number);

	if (rv != CKR_OK || number & ~(CK_ULONG)KEY_PERM_USE)
		return CKR_ATTRIBUTE_VALUE_INVALID;
	*permissions = (uint32_t)number;
	return CKR_OK;
}

static CK_RV read_flag(struct template *template, const struct row *row,
		       const CK_ATTRIBUTE *attribute)
{
	bool set;
	CK_RV rv = read_bool(attribute, &set);

	if (rv != CKR_OK)
		return rv;
	template->flags_named |= row->argument;
	if (set == (row->kind == FLAG))
		template->metadata.flags |= row->argument;
	else
		template->metadata.flags &= ~row->argument;
	return CKR_OK;
}

static CK_RV read_usage(struct template *template, const struct row *row,
			const CK_ATTRIBUTE *attribute)
{
	bool set;
	CK_RV rv = read_bool(attribute, &set);

	if (rv == CKR_OK && set)
		template->usage_wanted |= row->argument;
	else if (rv == CKR_OK)
		template->metadata.usage &= ~row->argument;
	return rv;
}

static CK_RV read_false(const CK_ATTRIBUTE *attribute)
{
	bool set;
	CK_RV rv = read_bool(attribute, &set);

	return rv == CKR_OK && set ? CKR_ATTRIBUTE_READ_ONLY : rv;
}

static CK_RV read_value(struct template *template, const CK_ATTRIBUTE *attribute)
{
	static const uint8_t nothing;

	if (!attribute->pValue && attribute->ulValueLen)
		return CKR_ATTRIBUTE_VALUE_INVALID;
	template->value = attribute->pValue ? attribute->pValue : &nothing;
	template->value_len = attribute->ulValueLen;
	return CKR_OK;
}

static CK_RV read_one(struct template *template, const struct row *row,
		      const CK_ATTRIBUTE *attribute)
{
	struct metadata *metadata = &template->metadata;
	CK_ULONG number = 0;
	CK_RV rv;

	switch (row->kind) {
	case TOKEN:
		return read_bool(attribute, &template->token);
	case CLASS:
		template->class_named = true;
		return read_number(attribute, &template->class);
	case KEY_TYPE:
		metadata->key_type_known = true;
		return read_number(attribute, &metadata->key_type);
	case VALUE:
		return read_value(template, attribute);
	case VALUE_LEN:
		rv = read_number(attribute, &number);
		template->length = number;
		return rv;
	case LABEL:
		return read_label(attribute, metadata);
	case ID:
		return read_bytes(attribute, &metadata->id, &metadata->id_len);
	case USAGE:
		return read_usage(template, row, attribute);
	case FLAG:
	case UNFLAG:
		return read_flag(template, row, attribute);
	case DATE_START:
		return read_date(attribute, metadata->start);
	case DATE_END:
		return read_date(attribute, metadata->end);
	case MECHANISMS:
		return read_mechanisms(attribute, metadata);
	case NESTED:
		if (relay_here())
			return CKR_ATTRIBUTE_TYPE_INVALID;
		return read_nested(attribute, &metadata->templates[row->argument]);
	case KEYRING_TYPE:
		return read_keyring_type(attribute, template->keyring_type);
	case PERMISSIONS:
		return read_permissions(attribute, &template->permissions);
	case FALSE_ONLY:
		return read_false(attribute);
	case EMPTY_ONLY:
		return attribute->ulValueLen ? CKR_ATTRIBUTE_VALUE_INVALID : CKR_OK;
	case READ_ONLY:
		break;
	}
	return CKR_ATTRIBUTE_READ_ONLY;
}

static bool same(const CK_ATTRIBUTE *a, const CK_ATTRIBUTE *b)
{
	return a->ulValueLen == b->ulValueLen &&
	       (!a->ulValueLen ||
		(a->pValue && b->pValue && !memcmp(a->pValue, b->pValue, a->ulValueLen)));
}

/* Section 4.1.1: the same attribute twice is inconsistent, unless both say the same. */
static CK_RV check_repetition(const CK_ATTRIBUTE *list, CK_ULONG at)
{
	for (CK_ULONG i = 0; i < at; i++)
		if (list[i].type == list[at].type && !same(&list[i], &list[at]))
			return CKR_TEMPLATE_INCONSISTENT;
	return CKR_OK;
}

CK_RV template_read(struct template *template, enum origin origin, const CK_ATTRIBUTE *list,
		    CK_ULONG count)
{
	CK_RV rv = CKR_OK;

	*template = (struct template){.class = CKO_SECRET_KEY, .length = SIZE_MAX};
	template->metadata.usage = USAGE_ALL;
	for (CK_ULONG i = 0; i < count && rv == CKR_OK; i++) {
		const struct row *row = find(list[i].type);

		rv = !row ? CKR_ATTRIBUTE_TYPE_INVALID : check_repetition(list, i);
		if (rv == CKR_OK)
			rv = read_one(template, row, &list[i]);
		if (rv != CKR_OK)
			log_line("attribute 0x%lx of the template is refused: CKR 0x%lx",
				 (unsigned long)list[i].type, (unsigned long)rv);
	}
	/* Only C_CreateObject is given the bytes. */
	if (rv == CKR_OK && template->value && origin != ORIGIN_CREATE)
		rv = CKR_TEMPLATE_INCONSISTENT;
	if (rv == CKR_OK && origin == ORIGIN_CREATE && !template->value)
		rv = CKR_TEMPLATE_INCOMPLETE;
	if (rv != CKR_OK)
		template_free(template);
	return rv;
}

void template_free(struct template *template)
{
	metadata_free(&template->metadata);
}

CK_RV template_change(struct metadata *metadata, const CK_ATTRIBUTE *list, CK_ULONG count)
{
	struct template template = {.metadata = *metadata};
	unsigned int usage = metadata->usage;
	CK_RV rv = CKR_OK;

	for (CK_ULONG i = 0; i < count && rv == CKR_OK; i++) {
		const struct row *row = find(list[i].type);
		bool set = false;

		if (!row)
			rv = CKR_ATTRIBUTE_TYPE_INVALID;
		else if (!row->settable)
			rv = CKR_ATTRIBUTE_READ_ONLY;
		else
			rv = check_repetition(list, i);
		/* A usage that was taken away, or never given, stays away. */
		if (rv == CKR_OK && row->kind == USAGE && !(usage & row->argument)) {
			rv = read_bool(&list[i], &set);
			if (rv == CKR_OK && set)
				rv = CKR_ATTRIBUTE_READ_ONLY;
		}
		if (rv == CKR_OK)
			rv = read_one(&template, row, &list[i]);
	}
	*metadata = template.metadata;
	return rv;
}
