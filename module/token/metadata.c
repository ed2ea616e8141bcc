/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/metadata.h"

#include <errno.h>
#include <p11-kit/uri.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kcryptoki.h"
#include "mech/mechanism.h"

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

static const struct {
	const char *name;
	enum usage usage;
} usages[] = {
	{"encrypt", USAGE_ENCRYPT}, {"decrypt", USAGE_DECRYPT}, {"sign", USAGE_SIGN},
	{"verify", USAGE_VERIFY},   {"wrap", USAGE_WRAP},       {"unwrap", USAGE_UNWRAP},
	{"derive", USAGE_DERIVE},
};

static bool read_key_type(struct metadata *metadata, const char *name)
{
	for (size_t i = 0; i < sizeof(key_types) / sizeof(*key_types); i++) {
		if (!strcmp(key_types[i].name, name)) {
			metadata->key_type = key_types[i].type;
			metadata->key_type_known = true;
			return true;
		}
	}
	return false;
}

static bool read_usage(struct metadata *metadata, const char *list)
{
	metadata->usage = 0;
	while (*list) {
		size_t len = strcspn(list, ","), i = 0;

		while (strlen(usages[i].name) != len || strncmp(usages[i].name, list, len))
			if (++i == sizeof(usages) / sizeof(*usages))
				return false;
		metadata->usage |= usages[i].usage;
		list += len;
		if (*list)
			list++;
	}
	return true;
}

/* A list of rows' names: 0, -EINVAL where one is not known, -ENOMEM. */
static int read_mechanisms(struct metadata *metadata, const char *list)
{
	const struct mechanism *row;
	size_t len, most = 1;

	for (const char *c = list; *c; c++)
		most += *c == ',';
	metadata->mechanisms = calloc(most, sizeof(*metadata->mechanisms));
	if (!metadata->mechanisms)
		return -ENOMEM;
	for (; *list; list += len + (list[len] == ',')) {
		len = strcspn(list, ",");
		row = mechanism_named(list, len);
		if (!row)
			return -EINVAL;
		metadata->mechanisms[metadata->n_mechanisms++] = row->type;
	}
	return 0;
}

/* Whether BYTES are UTF-8 (RFC 3629) without zero bytes: clients print labels, and take them for C
 * strings. */
static bool is_text(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len;) {
		uint32_t code = bytes[i];
		size_t more = code < 0x80 ? 0 : code < 0xe0 ? 1 : code < 0xf0 ? 2 : 3;
		static const uint32_t least[] = {1, 0x80, 0x800, 0x10000};

		if ((code >= 0x80 && code < 0xc2) || code > 0xf4 || len - i <= more)
			return false;
		code &= 0xffU >> (more ? more + 2 : 0);
		for (size_t k = 1; k <= more; k++) {
			if ((bytes[i + k] & 0xc0) != 0x80)
				return false;
			code = code << 6 | (bytes[i + k] & 0x3f);
		}
		if (code < least[more] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
			return false;
		i += more + 1;
	}
	return true;
}

/* A copy of URI without white space, which counts nowhere in one; to be freed. */
static char *compact(const char *uri)
{
	char *copy = malloc(strlen(uri) + 1), *end = copy;

	if (!copy)
		return NULL;
	for (; *uri; uri++)
		if (!strchr(" \t\n\v\f\r", *uri))
			*end++ = *uri;
	*end = '\0';
	return copy;
}

/*
 * What p11-kit passes over in URI, though whoever wrote it meant something: our attributes in the
 * path (they belong behind the '?') or in capitals, and an attribute of ours that stands twice,
 * which RFC 7512 forbids. NULL: nothing.
 */
static const char *mistake(const char *uri)
{
	static const char *const ours[] = {"x-key-type=", "x-usage=", "x-mechanisms="};
	const char *query = strchr(uri, '?');

	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++) {
		int seen = 0;

		for (const char *c = uri; (c = strcasestr(c, ours[i])); c++) {
			if (c == uri || !strchr(":;?&", c[-1]))
				continue;
			if (strncmp(c, ours[i], strlen(ours[i])))
				return "attributes that begin with x- are written in small letters";
			if (!query || c < query)
				return "attributes that begin with x- belong behind a question "
				       "mark";
			if (seen++)
				return "an attribute stands twice";
		}
	}
	return NULL;
}

static int copy(P11KitUri *uri, CK_ATTRIBUTE_TYPE type, uint8_t **bytes, size_t *len)
{
	CK_ATTRIBUTE *attribute = p11_kit_uri_get_attribute(uri, type);

	if (!attribute || !attribute->ulValueLen)
		return 0;
	*bytes = malloc(attribute->ulValueLen);
	if (!*bytes)
		return -ENOMEM;
	memcpy(*bytes, attribute->pValue, attribute->ulValueLen);
	*len = attribute->ulValueLen;
	return 0;
}

/* FNV-1a, 64 bits: the same in every process and after every reboot. Within a keyring, type and
 * description name one key. */
static uint64_t fingerprint(const char *type, const char *description)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (const char *c = type; *c; c++)
		hash = (hash ^ (uint8_t)*c) * 0x100000001b3;
	hash = (hash ^ ';') * 0x100000001b3;
	for (const char *c = description; *c; c++)
		hash = (hash ^ (uint8_t)*c) * 0x100000001b3;
	return hash;
}

static int read_uri(struct metadata *metadata, P11KitUri *uri, const char *description,
		    const char **why)
{
	CK_ATTRIBUTE *class;
	const char *value;
	char *text = compact(description);
	int err;

	if (!text)
		return -ENOMEM;
	*why = mistake(text);
	free(text);
	if (*why)
		return -EINVAL;
	/* What p11-kit calls P11_KIT_URI_NO_MEMORY is also its word for attributes that it cannot
	 * store, and one key's description is not to hide the others. */
	err = p11_kit_uri_parse(description, P11_KIT_URI_FOR_ANY, uri);
	if (err != P11_KIT_URI_OK) {
		*why = p11_kit_uri_message(err);
		return -EINVAL;
	}
	class = p11_kit_uri_get_attribute(uri, CKA_CLASS);
	if (class && *(CK_OBJECT_CLASS *)class->pValue != CKO_SECRET_KEY) {
		*why = "its type= is not secret-key";
		return -EINVAL;
	}
	value = p11_kit_uri_get_vendor_query(uri, "x-key-type");
	if (value && !read_key_type(metadata, value)) {
		*why = "its x-key-type is not known";
		return -EINVAL;
	}
	/* A restriction that is not understood must not be read as none. */
	value = p11_kit_uri_get_vendor_query(uri, "x-usage");
	if (value && !read_usage(metadata, value)) {
		*why = "its x-usage is not known";
		return -EINVAL;
	}
	value = p11_kit_uri_get_vendor_query(uri, "x-mechanisms");
	err = value ? read_mechanisms(metadata, value) : 0;
	if (err) {
		*why = "its x-mechanisms names one that is not known";
		return err;
	}
	err = copy(uri, CKA_LABEL, &metadata->label, &metadata->label_len);
	if (!err && !is_text(metadata->label, metadata->label_len)) {
		*why = "its object= is not UTF-8";
		return -EINVAL;
	}
	return err ? err : copy(uri, CKA_ID, &metadata->id, &metadata->id_len);
}

int metadata_read(struct metadata *metadata, const char *type, const char *description,
		  const char **why)
{
	uint64_t hash = fingerprint(type, description);
	P11KitUri *uri;
	int err;

	memset(metadata, 0, sizeof(*metadata));
	metadata->usage = USAGE_ALL;
	snprintf(metadata->unique_id, sizeof(metadata->unique_id), "%016llx",
		 (unsigned long long)hash);
	if (strncmp(description, P11_KIT_URI_SCHEME ":", P11_KIT_URI_SCHEME_LEN + 1))
		return -ENOMSG;

	uri = p11_kit_uri_new();
	err = uri ? read_uri(metadata, uri, description, why) : -ENOMEM;
	p11_kit_uri_free(uri);
	if (!err && !metadata->id) {
		metadata->id = malloc(sizeof(hash));
		err = metadata->id ? 0 : -ENOMEM;
		for (size_t i = 0; !err && i < sizeof(hash); i++)
			metadata->id[metadata->id_len++] = (uint8_t)(hash >> (56 - 8 * i));
	}
	if (err)
		metadata_free(metadata);
	return err;
}

void metadata_free(struct metadata *metadata)
{
	free(metadata->label);
	free(metadata->id);
	free(metadata->mechanisms);
	metadata->label = metadata->id = NULL;
	metadata->mechanisms = NULL;
}
