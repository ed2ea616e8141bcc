/* SPDX-License-Identifier: BSD-2-Clause */
#include "tool/entry.h"

#include <stdlib.h>
#include <string.h>

#include "kcryptoki.h"
#include "token/vocabulary.h"
#include "tool/permissions.h"
#include "tool/report.h"

static const struct {
	const char *word;
	CK_ATTRIBUTE_TYPE type;
} usages[] = {
	{"encrypt", CKA_ENCRYPT}, {"decrypt", CKA_DECRYPT}, {"sign", CKA_SIGN},
	{"verify", CKA_VERIFY},   {"wrap", CKA_WRAP},       {"unwrap", CKA_UNWRAP},
	{"derive", CKA_DERIVE},
};

enum { USAGES = sizeof(usages) / sizeof(*usages) };

struct source {
	const struct token *token;
	CK_OBJECT_HANDLE object;
};

/* The value of TYPE, LEN bytes and a zero byte, to be freed; NULL: the key has none. */
static char *bytes_of(struct source from, CK_ATTRIBUTE_TYPE type, size_t *len)
{
	CK_ATTRIBUTE wanted = {type, NULL, 0};
	char *bytes;

	if (C_GetAttributeValue(from.token->session, from.object, &wanted, 1) != CKR_OK)
		return NULL;
	bytes = calloc(1, wanted.ulValueLen + 1);
	wanted.pValue = bytes;
	if (bytes && C_GetAttributeValue(from.token->session, from.object, &wanted, 1) == CKR_OK) {
		*len = wanted.ulValueLen;
		return bytes;
	}
	free(bytes);
	return NULL;
}

static bool number_of(struct source from, CK_ATTRIBUTE_TYPE type, CK_ULONG *number)
{
	CK_ATTRIBUTE wanted = {type, number, sizeof(*number)};

	return C_GetAttributeValue(from.token->session, from.object, &wanted, 1) == CKR_OK;
}

/* -1: the key has none. */
static int bool_of(struct source from, CK_ATTRIBUTE_TYPE type)
{
	CK_BBOOL value = CK_FALSE;
	CK_ATTRIBUTE wanted = {type, &value, sizeof(value)};

	if (C_GetAttributeValue(from.token->session, from.object, &wanted, 1) != CKR_OK)
		return -1;
	return value == CK_TRUE;
}

static void set_number(json_t *one, const char *name, struct source from, CK_ATTRIBUTE_TYPE type)
{
	CK_ULONG number;

	json_object_set_new(one, name,
			    number_of(from, type, &number) ? json_integer((json_int_t)number)
							   : json_null());
}

/* Labels are UTF-8; the token shows no others. */
static void set_text(json_t *one, const char *name, struct source from, CK_ATTRIBUTE_TYPE type)
{
	size_t len = 0;
	char *text = bytes_of(from, type, &len);
	json_t *string = json_stringn(text ? text : "", len);

	json_object_set_new(one, name, string ? string : printable(text));
	free(text);
}

static void set_hex(json_t *one, const char *name, struct source from, CK_ATTRIBUTE_TYPE type)
{
	size_t len = 0;
	char *bytes = bytes_of(from, type, &len), *hex = calloc(1, 2 * len + 1);

	for (size_t i = 0; hex && i < len; i++)
		sprintf(hex + 2 * i, "%02x", (unsigned char)bytes[i]);
	json_object_set_new(one, name, json_string(hex ? hex : ""));
	free(hex);
	free(bytes);
}

static void set_key_type(json_t *one, struct source from)
{
	const char *word = NULL;
	CK_ULONG type;

	if (number_of(from, CKA_KEY_TYPE, &type))
		word = vocabulary_of_key_type(type);
	json_object_set_new(one, "key_type", word ? json_string(word) : json_null());
}

static void set_usages(json_t *one, struct source from)
{
	json_t *list = json_array();

	for (size_t i = 0; i < USAGES; i++)
		if (bool_of(from, usages[i].type) == 1)
			json_array_append_new(list, json_string(usages[i].word));
	json_object_set_new(one, "usages", list);
}

static void set_permissions(json_t *one, struct source from)
{
	char text[16];
	CK_ULONG mask;

	if (!number_of(from, CKA_KCRYPTOKI_PERMISSIONS, &mask))
		return;
	snprintf(text, sizeof(text), "0x%08lx", (unsigned long)mask);
	json_object_set_new(one, "permissions", json_string(text));
	json_object_set_new(one, "users", permissions_users((uint32_t)mask));
	json_object_set_new(one, "writable", json_boolean(permissions_writable((uint32_t)mask)));
}

json_t *entry(const struct token *token, CK_OBJECT_HANDLE object)
{
	struct source from = {token, object};
	json_t *one = json_object();
	int stored = bool_of(from, CKA_KCRYPTOKI_STORED);

	set_number(one, "serial", from, CKA_KCRYPTOKI_KEY_SERIAL);
	set_text(one, "type", from, CKA_KCRYPTOKI_KEYRING_TYPE);
	set_text(one, "label", from, CKA_LABEL);
	set_hex(one, "id", from, CKA_ID);
	set_text(one, "unique_id", from, CKA_UNIQUE_ID);
	set_key_type(one, from);
	set_number(one, "length", from, CKA_VALUE_LEN);
	set_usages(one, from);
	set_permissions(one, from);
	if (stored >= 0)
		json_object_set_new(one, "stored", json_boolean(stored));
	return one;
}

static const char *text_of(json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

/* The words of LIST, with commas; "all" where there are ALL of them, and NONE where none is. */
static void print_words(FILE *to, json_t *list, size_t all, const char *none)
{
	size_t i;
	json_t *one;

	if (json_array_size(list) == all) {
		fputs("all", to);
		return;
	}
	for (i = 0; (one = json_array_get(list, i)); i++)
		fprintf(to, "%s%s", i ? "," : "", json_string_value(one));
	if (!i)
		fputs(none, to);
}

void entry_line(FILE *to, json_t *entry)
{
	json_t *length = json_object_get(entry, "length"), *label, *users;
	json_t *stored = json_object_get(entry, "stored");

	label = printable(text_of(entry, "label"));
	fprintf(to, "%11lld  %-9s  %s (", json_integer_value(json_object_get(entry, "serial")),
		text_of(entry, "type"), json_string_value(label));
	if (*text_of(entry, "id"))
		fprintf(to, "id %s, ", text_of(entry, "id"));
	fputs(text_of(entry, "key_type"), to);
	if (json_is_integer(length))
		fprintf(to, ", %lld bytes", json_integer_value(length));
	fputs("; for ", to);
	print_words(to, json_object_get(entry, "usages"), USAGES, "nothing");
	users = json_object_get(entry, "users");
	if (users) {
		fputs("; by ", to);
		print_words(to, users, SIZE_MAX, "nobody");
		if (json_is_true(json_object_get(entry, "writable")))
			fputs(", writable", to);
	}
	if (stored)
		fputs(json_is_true(stored) ? "; stored" : "; volatile", to);
	fputs(")\n", to);
	json_decref(label);
}

void entry_print(FILE *to, const struct token *token, CK_OBJECT_HANDLE object)
{
	json_t *one = entry(token, object);

	entry_line(to, one);
	json_decref(one);
}

void entry_dump(json_t *json)
{
	json_dumpf(json, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
	puts("");
	json_decref(json);
}
