/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/vocabulary.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kcryptoki.h"
#include "mech/mechanism.h"
#include "token/metadata.h"

/* CKK names in lower case with hyphens. */
static const struct {
	const char *name;
	CK_KEY_TYPE type;
} key_types[] = {
	{"aes", CKK_AES},
	{"generic-secret", CKK_GENERIC_SECRET},
	{"md5-hmac", CKK_MD5_HMAC},
	{"sha-1-hmac", CKK_SHA_1_HMAC},
	{"sha224-hmac", CKK_SHA224_HMAC},
	{"sha256-hmac", CKK_SHA256_HMAC},
	{"sha384-hmac", CKK_SHA384_HMAC},
	{"sha512-hmac", CKK_SHA512_HMAC},
	{"sha3-224-hmac", CKK_SHA3_224_HMAC},
	{"sha3-256-hmac", CKK_SHA3_256_HMAC},
	{"sha3-384-hmac", CKK_SHA3_384_HMAC},
	{"sha3-512-hmac", CKK_SHA3_512_HMAC},
	{"ripemd160-hmac", CKK_RIPEMD160_HMAC},
	{"hkdf", CKK_HKDF},
	{"aes-xts", CKK_AES_XTS},
	{"chacha20", CKK_CHACHA20},
	{"des3", CKK_DES3},
	{"camellia", CKK_CAMELLIA},
	{"twofish", CKK_TWOFISH},
	{"blowfish", CKK_BLOWFISH},
	{"cast128", CKK_CAST128},
	{"aria", CKK_ARIA},
	{"kcryptoki-adiantum", CKK_KCRYPTOKI_ADIANTUM},
};

struct bit {
	const char *name;
	unsigned int bit;
};

static const struct bit usage_words[] = {
	{"encrypt", USAGE_ENCRYPT}, {"decrypt", USAGE_DECRYPT},
	{"sign", USAGE_SIGN},       {"verify", USAGE_VERIFY},
	{"wrap", USAGE_WRAP},       {"unwrap", USAGE_UNWRAP},
	{"derive", USAGE_DERIVE},   {NULL, 0},
};

static const struct bit flag_words[] = {
	{"local", FLAG_LOCAL},
	{"extractable", FLAG_EXTRACTABLE},
	{"insensitive", FLAG_INSENSITIVE},
	{"always-sensitive", FLAG_ALWAYS_SENSITIVE},
	{"never-extractable", FLAG_NEVER_EXTRACTABLE},
	{"private", FLAG_PRIVATE},
	{"unmodifiable", FLAG_UNMODIFIABLE},
	{"uncopyable", FLAG_UNCOPYABLE},
	{"undestroyable", FLAG_UNDESTROYABLE},
	{"wrap-with-trusted", FLAG_WRAP_WITH_TRUSTED},
	{NULL, 0},
};

int vocabulary_key_type(const char *word, CK_KEY_TYPE *type)
{
	for (size_t i = 0; i < sizeof(key_types) / sizeof(*key_types); i++) {
		if (!strcmp(key_types[i].name, word)) {
			*type = key_types[i].type;
			return 0;
		}
	}
	return -EINVAL;
}

const char *vocabulary_of_key_type(CK_KEY_TYPE type)
{
	for (size_t i = 0; i < sizeof(key_types) / sizeof(*key_types); i++)
		if (key_types[i].type == type)
			return key_types[i].name;
	return NULL;
}

static unsigned int bit_of(const struct bit *table, const char *word, size_t len)
{
	while (table->name && (strlen(table->name) != len || strncmp(table->name, word, len)))
		table++;
	return table->bit;
}

static int read_bits(const struct bit *table, const char *list, unsigned int *bits)
{
	*bits = 0;
	while (*list) {
		size_t len = strcspn(list, ",");
		unsigned int bit = bit_of(table, list, len);

		if (!bit)
			return -EINVAL;
		*bits |= bit;
		list += len;
		if (*list)
			list++;
	}
	return 0;
}

static void write_bits(const struct bit *table, unsigned int bits, char text[VOCABULARY_MAX])
{
	*text = '\0';
	for (; table->name; table++) {
		if (!(bits & table->bit))
			continue;
		if (*text)
			strcat(text, ",");
		strcat(text, table->name);
	}
}

unsigned int vocabulary_one_usage(const char *word, size_t len)
{
	return bit_of(usage_words, word, len);
}

int vocabulary_usage(const char *list, unsigned int *usage)
{
	return read_bits(usage_words, list, usage);
}

void vocabulary_of_usage(unsigned int usage, char text[VOCABULARY_MAX])
{
	write_bits(usage_words, usage, text);
}

int vocabulary_flags(const char *list, unsigned int *flags)
{
	return read_bits(flag_words, list, flags);
}

void vocabulary_of_flags(unsigned int flags, char text[VOCABULARY_MAX])
{
	write_bits(flag_words, flags, text);
}

int vocabulary_mechanisms(const char *list, CK_MECHANISM_TYPE **types, size_t *count)
{
	const struct mechanism *row;
	size_t len, most = 1;

	for (const char *c = list; *c; c++)
		most += *c == ',';
	*count = 0;
	*types = calloc(most, sizeof(**types));
	if (!*types)
		return -ENOMEM;
	for (; *list; list += len + (list[len] == ',')) {
		len = strcspn(list, ",");
		row = mechanism_named(list, len);
		if (!row)
			return -EINVAL;
		(*types)[(*count)++] = row->type;
	}
	return 0;
}

char *vocabulary_of_mechanisms(const CK_MECHANISM_TYPE *types, size_t count)
{
	size_t size = 1;
	char *text, *end;

	for (size_t i = 0; i < count; i++)
		size += strlen(mechanism_find(types[i])->name) + 1;
	text = end = malloc(size);
	if (!text)
		return NULL;
	*end = '\0';
	for (size_t i = 0; i < count; i++) {
		end += sprintf(end, "%s%s", i ? "," : "",
			       mechanism_find(types[i])->name + strlen("CKM_"));
	}
	for (char *c = text; *c; c++)
		*c = *c == '_' ? '-' : (char)tolower((unsigned char)*c);
	return text;
}
