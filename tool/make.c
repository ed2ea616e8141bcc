/* SPDX-License-Identifier: BSD-2-Clause */
/* `kcryptoki import` and `generate`: new keys. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kcryptoki.h"
#include "mech/mechanism.h"
#include "token/metadata.h"
#include "token/object.h"
#include "token/vocabulary.h"
#include "tool/complain.h"
#include "tool/entry.h"
#include "tool/permissions.h"
#include "tool/source.h"
#include "tool/token.h"
#include "tool/verb.h"

enum {
	TEMPLATE_MAX = 24,
	ID_MAX = 1024, /* module/token/template.c */
	LENGTH_USUAL = 32,
};

/* What the command line says of the key. */
struct wish {
	uint8_t id[ID_MAX];
	size_t id_len;
	CK_KEY_TYPE key_type;
	bool key_type_known;
	unsigned int usage; /* enum usage; 0: all */
	uint32_t users;     /* permissions.h */
	size_t length;      /* 0: not said */
};

static bool read_id(const char *hex, struct wish *wish)
{
	size_t len = strlen(hex);

	if (len % 2 || !len || len / 2 > ID_MAX || strspn(hex, "0123456789abcdefABCDEF") != len) {
		complain("--id %s: pairs of hex digits are meant, up to %d", hex, ID_MAX);
		return false;
	}
	for (; *hex; hex += 2) {
		char digits[3] = {hex[0], hex[1], '\0'};

		wish->id[wish->id_len++] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return true;
}

static bool read_type(const char *type)
{
	if (!strcmp(type, "logon") || !strcmp(type, "encrypted") || !strcmp(type, "user"))
		return true;
	complain("--type %s: it is none of logon, encrypted and user", type);
	return false;
}

static bool read_length(const char *text, size_t *length)
{
	char *end;
	unsigned long number;

	errno = 0;
	number = strtoul(text, &end, 10);
	if (errno || *end || strspn(text, "0123456789") != strlen(text) || number < 1 ||
	    number > 32767) {
		complain("--length %s: it is no number of bytes from 1 to 32767", text);
		return false;
	}
	*length = number;
	return true;
}

/* What is wrong with OPTIONS, stderr says. */
static bool read_wish(const struct options *options, struct wish *wish)
{
	if (!options->label || !*options->label) {
		complain("--label is missing");
		return false;
	}
	if (!metadata_is_text((const uint8_t *)options->label, strlen(options->label))) {
		complain("--label %s: this is no text in UTF-8", options->label);
		return false;
	}
	if (options->id && !read_id(options->id, wish))
		return false;
	if (options->type && !read_type(options->type))
		return false;
	if (options->key_type) {
		wish->key_type_known = true;
		if (vocabulary_key_type(options->key_type, &wish->key_type)) {
			complain("--key-type %s: kcryptoki.conf(5) lists those that are known",
				 options->key_type);
			return false;
		}
	}
	if (options->usage && (vocabulary_usage(options->usage, &wish->usage) || !wish->usage)) {
		complain("--usage %s: a list of encrypt, decrypt, sign, verify, wrap, unwrap, "
			 "derive is meant, with commas",
			 options->usage);
		return false;
	}
	if (options->permit && !permissions_read(options->permit, &wish->users)) {
		complain("--permit %s: a list of possessor, user, group is meant, with commas",
			 options->permit);
		return false;
	}
	return !options->length || read_length(options->length, &wish->length);
}

/* A template that grows; what its attributes point to must stay. */
struct list {
	CK_ATTRIBUTE attributes[TEMPLATE_MAX];
	CK_ULONG count;
	CK_ULONG class, key_type, length, permissions;
	CK_BBOOL yes, no;
};

static void add(struct list *list, CK_ATTRIBUTE_TYPE type, const void *value, size_t len)
{
	list->attributes[list->count++] = (CK_ATTRIBUTE){type, (void *)value, len};
}

static void add_bool(struct list *list, CK_ATTRIBUTE_TYPE type, bool value)
{
	add(list, type, value ? &list->yes : &list->no, sizeof(CK_BBOOL));
}

static void add_number(struct list *list, CK_ATTRIBUTE_TYPE type, CK_ULONG *field, CK_ULONG value)
{
	*field = value;
	add(list, type, field, sizeof(*field));
}

static void add_usages(struct list *list, unsigned int usage)
{
	static const struct {
		CK_ATTRIBUTE_TYPE type;
		unsigned int bit;
	} usages[] = {
		{CKA_ENCRYPT, USAGE_ENCRYPT}, {CKA_DECRYPT, USAGE_DECRYPT},
		{CKA_SIGN, USAGE_SIGN},       {CKA_VERIFY, USAGE_VERIFY},
		{CKA_WRAP, USAGE_WRAP},       {CKA_UNWRAP, USAGE_UNWRAP},
		{CKA_DERIVE, USAGE_DERIVE},
	};

	for (size_t i = 0; i < sizeof(usages) / sizeof(*usages); i++)
		add_bool(list, usages[i].type, usage & usages[i].bit);
}

/* What any new key is to have. */
static void fill(struct list *list, const struct options *options, const struct wish *wish)
{
	*list = (struct list){.yes = CK_TRUE, .no = CK_FALSE};
	add_number(list, CKA_CLASS, &list->class, CKO_SECRET_KEY);
	add_number(list, CKA_KEY_TYPE, &list->key_type, wish->key_type);
	add_bool(list, CKA_TOKEN, true);
	add(list, CKA_LABEL, options->label, strlen(options->label));
	if (wish->id_len)
		add(list, CKA_ID, wish->id, wish->id_len);
	/* In a keyring it is the type that decides who can read the key. */
	add_bool(list, CKA_EXTRACTABLE, options->type && !strcmp(options->type, "user"));
	if (options->type)
		add(list, CKA_KCRYPTOKI_KEYRING_TYPE, options->type, strlen(options->type));
	if (wish->usage)
		add_usages(list, wish->usage);
	if (wish->users & KEY_PERM_USE)
		add_number(list, CKA_KCRYPTOKI_PERMISSIONS, &list->permissions,
			   wish->users & KEY_PERM_USE);
}

/* Chooses the key type where WISH has none, and whether LENGTH bytes can be such a key. */
static bool settle_type(struct wish *wish, size_t length)
{
	const struct mechanism *row;

	if (!wish->key_type_known)
		wish->key_type = object_key_type(&(struct metadata){0}, (ssize_t)length);
	row = mechanism_generating(wish->key_type);
	if (!row || mechanism_fits_length(row, (ssize_t)length))
		return true;
	if (row->key_min == row->key_max)
		complain("a key of type %s has %lu bytes, not %zu",
			 vocabulary_of_key_type(wish->key_type), row->key_min, length);
	else if (row->key_step > 1)
		complain("a key of type %s has %lu to %lu bytes, in steps of %lu, not %zu",
			 vocabulary_of_key_type(wish->key_type), row->key_min, row->key_max,
			 row->key_step, length);
	else
		complain("a key of type %s has %lu to %lu bytes, not %zu",
			 vocabulary_of_key_type(wish->key_type), row->key_min, row->key_max,
			 length);
	return false;
}

static void tell(const struct token *token, CK_OBJECT_HANDLE key, bool json)
{
	if (json)
		entry_dump(entry(token, key));
	else
		entry_print(stdout, token, key);
}

static bool create(const struct token *token, const struct options *options, struct wish *wish,
		   const struct source_bytes *source, CK_OBJECT_HANDLE *key)
{
	struct list list;
	CK_RV rv;

	if (!settle_type(wish, source->len))
		return false;
	fill(&list, options, wish);
	add(&list, CKA_VALUE, source->bytes, source->len);
	complain_listen();
	rv = C_CreateObject(token->session, list.attributes, list.count, key);
	if (rv != CKR_OK)
		complain_of("C_CreateObject", rv);
	return rv == CKR_OK;
}

static int import(const struct options *options)
{
	const char *path = options->n_operands ? options->operands[0] : NULL;
	struct wish wish = {0};
	struct source_bytes source;
	struct token token;
	CK_OBJECT_HANDLE key;
	bool made;

	if (!read_wish(options, &wish))
		return USAGE;
	if (!path == !options->credential) {
		complain("a file, - or --credential says where the bytes come from");
		return USAGE;
	}
	if (!token_open(&token, options))
		return NOT_DONE;
	made = source_read(&source, path, options->credential);
	if (made) {
		made = create(&token, options, &wish, &source, &key);
		source_free(&source);
	}
	if (made)
		tell(&token, key, options->json);
	token_close(&token);
	return made ? DONE : NOT_DONE;
}

const struct verb verb_import = {
	.name = "import",
	.run = import,
	.takes = TAKES_TOKEN | TAKES_LABEL | TAKES_ID | TAKES_TYPE | TAKES_KEY_TYPE | TAKES_USAGE |
		 TAKES_PERMIT | TAKES_CREDENTIAL,
	.most = 1,
	.usage = "--label LABEL [OPTION...] FILE | - | --credential NAME",
	.help = "Makes a key of the bytes in FILE, as they are: no encoding is looked for, and a\n"
		"line end at their end is a part of the key. The file stays.\n",
};

/* The length of a key of WISH's type, where none is asked for. */
static size_t usual_length(const struct wish *wish, const struct mechanism *row)
{
	if (wish->length)
		return wish->length;
	return mechanism_fits_length(row, LENGTH_USUAL) ? LENGTH_USUAL : row->key_max;
}

/* The mechanism that makes keys of WISH's type, which gets its length; NULL, and stderr says why.
 */
static const struct mechanism *choose_generator(struct wish *wish)
{
	const struct mechanism *row;

	if (!wish->key_type_known)
		wish->key_type = object_key_type(
			&(struct metadata){0}, wish->length ? (ssize_t)wish->length : LENGTH_USUAL);
	wish->key_type_known = true;
	row = mechanism_generating(wish->key_type);
	if (!row) {
		complain("keys of type %s are only imported",
			 vocabulary_of_key_type(wish->key_type));
		return NULL;
	}
	wish->length = usual_length(wish, row);
	return settle_type(wish, wish->length) ? row : NULL;
}

static bool generate_key(const struct token *token, const struct options *options,
			 struct wish *wish, CK_OBJECT_HANDLE *key)
{
	const struct mechanism *row = choose_generator(wish);
	CK_MECHANISM mechanism = {0};
	struct list list;
	CK_RV rv;

	if (!row)
		return false;
	mechanism.mechanism = row->type;
	fill(&list, options, wish);
	if (row->key_min != row->key_max)
		add_number(&list, CKA_VALUE_LEN, &list.length, wish->length);
	complain_listen();
	rv = C_GenerateKey(token->session, &mechanism, list.attributes, list.count, key);
	if (rv != CKR_OK)
		complain_of("C_GenerateKey", rv);
	return rv == CKR_OK;
}

static int generate(const struct options *options)
{
	struct wish wish = {0};
	struct token token;
	CK_OBJECT_HANDLE key;
	bool made;

	if (!read_wish(options, &wish))
		return USAGE;
	if (!token_open(&token, options))
		return NOT_DONE;
	made = generate_key(&token, options, &wish, &key);
	if (made)
		tell(&token, key, options->json);
	token_close(&token);
	return made ? DONE : NOT_DONE;
}

const struct verb verb_generate = {
	.name = "generate",
	.run = generate,
	.takes = TAKES_TOKEN | TAKES_LABEL | TAKES_ID | TAKES_TYPE | TAKES_KEY_TYPE | TAKES_LENGTH |
		 TAKES_USAGE | TAKES_PERMIT,
	.usage = "--label LABEL [OPTION...]",
	.help = "Makes a key of random bytes: the kernel alone has them, where a master key is\n"
		"configured.\n",
};
