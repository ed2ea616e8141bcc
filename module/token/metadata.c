/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/metadata.h"

#include <errno.h>
#include <p11-kit/uri.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "token/nested.h"
#include "token/vocabulary.h"

bool metadata_is_text(const uint8_t *bytes, size_t len)
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

static int read_key_type(struct metadata *metadata, const char *value)
{
	metadata->key_type_known = true;
	return vocabulary_key_type(value, &metadata->key_type);
}

static int write_key_type(const struct metadata *metadata, char **value)
{
	const char *word =
		metadata->key_type_known ? vocabulary_of_key_type(metadata->key_type) : NULL;

	return word && !(*value = strdup(word)) ? -ENOMEM : 0;
}

static int read_usage(struct metadata *metadata, const char *value)
{
	return vocabulary_usage(value, &metadata->usage);
}

static int write_usage(const struct metadata *metadata, char **value)
{
	char text[VOCABULARY_MAX];

	if (metadata->usage == USAGE_ALL)
		return 0;
	vocabulary_of_usage(metadata->usage, text);
	*value = strdup(text);
	return *value ? 0 : -ENOMEM;
}

static int read_mechanisms(struct metadata *metadata, const char *value)
{
	return vocabulary_mechanisms(value, &metadata->mechanisms, &metadata->n_mechanisms);
}

static int write_mechanisms(const struct metadata *metadata, char **value)
{
	if (!metadata->mechanisms)
		return 0;
	*value = vocabulary_of_mechanisms(metadata->mechanisms, metadata->n_mechanisms);
	return *value ? 0 : -ENOMEM;
}

static int read_flags(struct metadata *metadata, const char *value)
{
	return vocabulary_flags(value, &metadata->flags);
}

static int write_flags(const struct metadata *metadata, char **value)
{
	char text[VOCABULARY_MAX];

	if (!metadata->flags)
		return 0;
	vocabulary_of_flags(metadata->flags, text);
	*value = strdup(text);
	return *value ? 0 : -ENOMEM;
}

static int read_date(char date[9], const char *value)
{
	if (strlen(value) != 8 || strspn(value, "0123456789") != 8)
		return -EINVAL;
	strcpy(date, value);
	return 0;
}

static int write_text(const char *text, char **value)
{
	return text && *text && !(*value = strdup(text)) ? -ENOMEM : 0;
}

static int read_start(struct metadata *metadata, const char *value)
{
	return read_date(metadata->start, value);
}

static int write_start(const struct metadata *metadata, char **value)
{
	return write_text(metadata->start, value);
}

static int read_end(struct metadata *metadata, const char *value)
{
	return read_date(metadata->end, value);
}

static int write_end(const struct metadata *metadata, char **value)
{
	return write_text(metadata->end, value);
}

/* Of others' making it may be anything: it only makes descriptions differ. */
static int read_uid(struct metadata *metadata, const char *value)
{
	if (strlen(value) < sizeof(metadata->uid))
		strcpy(metadata->uid, value);
	return 0;
}

static int write_uid(const struct metadata *metadata, char **value)
{
	return write_text(metadata->uid, value);
}

#define TEMPLATE_FUNCTIONS(kind, KIND)                                            \
	static int read_##kind(struct metadata *metadata, const char *value)      \
	{                                                                         \
		metadata->templates[KIND] = strdup(value);                        \
		return metadata->templates[KIND] ? nested_check(value) : -ENOMEM; \
	}                                                                         \
	static int write_##kind(const struct metadata *metadata, char **value)    \
	{                                                                         \
		const char *text = metadata->templates[KIND];                     \
                                                                                  \
		return text && !(*value = strdup(text)) ? -ENOMEM : 0;            \
	}

TEMPLATE_FUNCTIONS(wrap_template, TEMPLATE_WRAP)
TEMPLATE_FUNCTIONS(unwrap_template, TEMPLATE_UNWRAP)
TEMPLATE_FUNCTIONS(derive_template, TEMPLATE_DERIVE)

/* Our attributes. WRITE leaves *VALUE NULL where there is nothing to say. */
static const struct {
	const char *name;
	int (*read)(struct metadata *metadata, const char *value);
	int (*write)(const struct metadata *metadata, char **value);
	const char *why; /* it cannot be read */
} ours[] = {
	{"x-key-type", read_key_type, write_key_type, "its x-key-type is not known"},
	{"x-usage", read_usage, write_usage, "its x-usage is not known"},
	{"x-mechanisms", read_mechanisms, write_mechanisms,
	 "its x-mechanisms names one that is not known"},
	{"x-flags", read_flags, write_flags, "its x-flags names one that is not known"},
	{"x-start", read_start, write_start, "its x-start is no date (YYYYMMDD)"},
	{"x-end", read_end, write_end, "its x-end is no date (YYYYMMDD)"},
	{"x-wrap-template", read_wrap_template, write_wrap_template,
	 "its x-wrap-template cannot be read"},
	{"x-unwrap-template", read_unwrap_template, write_unwrap_template,
	 "its x-unwrap-template cannot be read"},
	{"x-derive-template", read_derive_template, write_derive_template,
	 "its x-derive-template cannot be read"},
	{"x-uid", read_uid, write_uid, "its x-uid cannot be read"},
};

/*
 * What p11-kit passes over in URI, though whoever wrote it meant something: our attributes in the
 * path (they belong behind the '?') or in capitals, an attribute of ours that stands twice, which
 * RFC 7512 forbids, and a zero byte, which would end its value. NULL: nothing.
 */
static const char *mistake(const char *uri)
{
	const char *query = strchr(uri, '?');

	if (query && strstr(query, "%00"))
		return "a zero byte stands in it";
	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++) {
		size_t len = strlen(ours[i].name);
		int seen = 0;

		for (const char *c = uri; (c = strcasestr(c, ours[i].name)); c++) {
			if (c == uri || !strchr(":;?&", c[-1]) || c[len] != '=')
				continue;
			if (strncmp(c, ours[i].name, len))
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

static int read_attributes(struct metadata *metadata, P11KitUri *uri, const char **why)
{
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(ours) / sizeof(*ours); i++) {
		const char *value = p11_kit_uri_get_vendor_query(uri, ours[i].name);

		err = value ? ours[i].read(metadata, value) : 0;
		if (err)
			*why = ours[i].why;
	}
	return err;
}

static int read_uri(struct metadata *metadata, P11KitUri *uri, const char *description,
		    const char **why)
{
	CK_ATTRIBUTE *class;
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
	err = read_attributes(metadata, uri, why);
	if (err)
		return err;
	err = copy(uri, CKA_LABEL, &metadata->label, &metadata->label_len);
	if (!err && !metadata_is_text(metadata->label, metadata->label_len)) {
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
		metadata->id_made = true;
		metadata->id = malloc(sizeof(hash));
		err = metadata->id ? 0 : -ENOMEM;
		for (size_t i = 0; !err && i < sizeof(hash); i++)
			metadata->id[metadata->id_len++] = (uint8_t)(hash >> (56 - 8 * i));
	}
	if (err)
		metadata_free(metadata);
	return err;
}

/* A text that grows; LOST where there was no memory for a part of it. */
struct text {
	char *bytes;
	size_t len;
	bool lost;
};

static void put(struct text *to, const char *bytes, size_t len)
{
	char *larger = to->lost ? NULL : realloc(to->bytes, to->len + len + 1);

	to->lost = !larger;
	if (!larger)
		return;
	memcpy(larger + to->len, bytes, len);
	to->bytes = larger;
	to->len += len;
	larger[to->len] = '\0';
}

static void put_text(struct text *to, const char *text)
{
	put(to, text, strlen(text));
}

/* What need not be escaped in a value (RFC 7512, section 2.3), and the comma with it, since bytes
 * count against the quota. EVERY: an id is bytes, and escaped whole. */
static void put_value(struct text *to, const uint8_t *bytes, size_t len, bool every)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-._,";
	char escaped[4];

	for (size_t i = 0; i < len; i++) {
		if (!every && bytes[i] && strchr(plain, bytes[i])) {
			put(to, (const char *)&bytes[i], 1);
		} else {
			snprintf(escaped, sizeof(escaped), "%%%02X", bytes[i]);
			put_text(to, escaped);
		}
	}
}

static int put_uri(struct text *to, const struct metadata *metadata)
{
	const char *before = "?";
	int err = 0;

	put_text(to, P11_KIT_URI_SCHEME ":");
	if (metadata->id_len) {
		put_text(to, "id=");
		put_value(to, metadata->id, metadata->id_len, true);
	}
	if (metadata->label_len) {
		put_text(to, metadata->id_len ? ";object=" : "object=");
		put_value(to, metadata->label, metadata->label_len, false);
	}
	for (size_t i = 0; !err && i < sizeof(ours) / sizeof(*ours); i++) {
		char *value = NULL;

		err = ours[i].write(metadata, &value);
		if (value) {
			put_text(to, before);
			put_text(to, ours[i].name);
			put_text(to, "=");
			put_value(to, (const uint8_t *)value, strlen(value), false);
			before = "&";
		}
		free(value);
	}
	return err;
}

/* p11-kit's writer loses attributes, or crashes, where memory is short. */
char *metadata_write(const struct metadata *metadata)
{
	struct text text = {0};

	if (put_uri(&text, metadata) || text.lost) {
		free(text.bytes);
		return NULL;
	}
	return text.bytes;
}

/* A copy of LEN bytes in *TO, where there are any. */
static int duplicate(void *to, const void *from, size_t len)
{
	void *copy = NULL;

	if (from) {
		copy = malloc(len ? len : 1);
		if (!copy)
			return -ENOMEM;
		memcpy(copy, from, len);
	}
	memcpy(to, &copy, sizeof(copy));
	return 0;
}

int metadata_copy(struct metadata *to, const struct metadata *from)
{
	int err;

	*to = *from;
	to->label = to->id = NULL;
	to->mechanisms = NULL;
	memset(to->templates, 0, sizeof(to->templates));
	err = duplicate(&to->label, from->label, from->label_len);
	if (!err)
		err = duplicate(&to->id, from->id, from->id_len);
	if (!err)
		err = duplicate(&to->mechanisms, from->mechanisms,
				from->n_mechanisms * sizeof(*from->mechanisms));
	for (int i = 0; !err && i < TEMPLATES; i++)
		if (from->templates[i])
			err = duplicate(&to->templates[i], from->templates[i],
					strlen(from->templates[i]) + 1);
	if (err)
		metadata_free(to);
	return err;
}

bool metadata_allows(const struct metadata *metadata, CK_MECHANISM_TYPE type)
{
	for (size_t i = 0; i < metadata->n_mechanisms; i++)
		if (metadata->mechanisms[i] == type)
			return true;
	return !metadata->mechanisms;
}

void metadata_free(struct metadata *metadata)
{
	free(metadata->label);
	free(metadata->id);
	free(metadata->mechanisms);
	metadata->label = metadata->id = NULL;
	metadata->mechanisms = NULL;
	for (int i = 0; i < TEMPLATES; i++) {
		free(metadata->templates[i]);
		metadata->templates[i] = NULL;
	}
}
