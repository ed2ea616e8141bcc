/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/mapping.h"

#include <errno.h>
#include <fnmatch.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "mech/mechanism.h"
#include "token/vocabulary.h"
#include "token/words.h"

enum { TYPES_ALL = 15 };

static const struct {
	const char *name;
	unsigned int types;
} types[] = {
	{"logon", 1}, {"user", 2}, {"encrypted", 4}, {"trusted", 8}, {"*", TYPES_ALL},
};

static const char no_memory[] = "there is no memory for it";

static const struct mapping *mappings;
static size_t n_mappings;

static unsigned int types_named(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (word_is(name, len, types[i].name))
			return types[i].types;
	return 0;
}

static const char *set_type(struct mapping *mapping, const char *value)
{
	unsigned int named;
	const char *word;
	size_t len;

	while ((word = word_next(&value, &len))) {
		named = types_named(word, len);
		/* Keys that the section may have meant are not left to one that follows. */
		mapping->types |= named ? named : TYPES_ALL;
		if (!named)
			return "it is none of logon, user, encrypted, trusted and *";
	}
	return NULL;
}

static const char *set_description(struct mapping *mapping, const char *value)
{
	if (!*value)
		return "it is empty";
	mapping->description = strdup(value);
	return mapping->description ? NULL : no_memory;
}

/* A copy of LEN bytes, at least one byte long. */
static uint8_t *copy_of(const void *bytes, size_t len)
{
	uint8_t *copy = malloc(len + 1);

	if (copy && len)
		memcpy(copy, bytes, len);
	return copy;
}

static const char *set_label(struct mapping *mapping, const char *value)
{
	size_t len = strlen(value);

	if (!metadata_is_text((const uint8_t *)value, len))
		return "it is not UTF-8";
	mapping->metadata.label = copy_of(value, len);
	mapping->metadata.label_len = len;
	return mapping->metadata.label ? NULL : no_memory;
}

/* The bytes of HEX as a new array in *BYTES: 0, -EINVAL or -ENOMEM. */
static int read_hex(const char *hex, uint8_t **bytes, size_t *len)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	size_t n = strlen(hex);

	if (!n || n % 2 || hex[strspn(hex, digits)])
		return -EINVAL;
	*bytes = calloc(1, n / 2);
	if (!*bytes)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		(*bytes)[i / 2] =
			(uint8_t)((*bytes)[i / 2] << 4 | ((strchr(digits, hex[i]) - digits) & 15));
	*len = n / 2;
	return 0;
}

static const char *set_id(struct mapping *mapping, const char *value)
{
	int err = read_hex(value, &mapping->metadata.id, &mapping->metadata.id_len);

	return !err ? NULL : err == -ENOMEM ? no_memory : "it is not two hex digits a byte";
}

static const char *set_key_type(struct mapping *mapping, const char *value)
{
	mapping->metadata.key_type_known = !vocabulary_key_type(value, &mapping->metadata.key_type);
	return mapping->metadata.key_type_known ? NULL : "there is no such type of key";
}

static const char *set_usage(struct mapping *mapping, const char *value)
{
	unsigned int usage;
	const char *word;
	size_t len;

	while ((word = word_next(&value, &len))) {
		usage = vocabulary_one_usage(word, len);
		if (!usage)
			return "there is no such usage";
		mapping->metadata.usage |= usage;
	}
	return NULL;
}

static const char *set_mechanisms(struct mapping *mapping, const char *value)
{
	struct metadata *metadata = &mapping->metadata;
	size_t len, room = metadata->n_mechanisms + strlen(value) + 1;
	const struct mechanism *row;
	CK_MECHANISM_TYPE *larger;
	const char *word;

	larger = reallocarray(metadata->mechanisms, room, sizeof(*larger));
	if (!larger)
		return no_memory;
	metadata->mechanisms = larger;
	while ((word = word_next(&value, &len))) {
		row = mechanism_named(word, len);
		if (!row)
			return "there is no such mechanism";
		larger[metadata->n_mechanisms++] = row->type;
	}
	return NULL;
}

static const char *set_trusted(struct mapping *mapping, const char *value)
{
	mapping->metadata.trusted = !strcmp(value, "yes");
	return mapping->metadata.trusted || !strcmp(value, "no") ? NULL
								 : "it is neither yes nor no";
}

/* Each entry's bit in mapping.given is its place here. */
enum entry { TYPE, DESCRIPTION, LABEL, ID, KEY_TYPE, USAGE, MECHANISMS, TRUSTED };

static const struct {
	const char *name;
	bool adds; /* its values may stand in several lines */
	const char *(*set)(struct mapping *mapping, const char *value);
} entries[] = {
	[TYPE] = {"type", true, set_type},
	[DESCRIPTION] = {"description", false, set_description},
	[LABEL] = {"label", false, set_label},
	[ID] = {"id", false, set_id},
	[KEY_TYPE] = {"key-type", false, set_key_type},
	[USAGE] = {"usage", true, set_usage},
	[MECHANISMS] = {"mechanisms", true, set_mechanisms},
	[TRUSTED] = {"trusted", false, set_trusted},
};

static bool is_given(const struct mapping *mapping, enum entry entry)
{
	return mapping->given & 1U << entry;
}

const char *mapping_set(struct mapping *mapping, const char *name, const char *value)
{
	const size_t n = sizeof(entries) / sizeof(*entries);
	size_t i = 0;

	while (i < n && strcmp(entries[i].name, name))
		i++;
	if (i == n)
		return "it is not known";
	if (is_given(mapping, (enum entry)i) && !entries[i].adds)
		return "it stands twice";
	mapping->given |= 1U << i;
	return entries[i].set(mapping, value);
}

const char *mapping_end(struct mapping *mapping)
{
	const char *why = !mapping->description ? "no description is given"
			  : !mapping->types     ? "no type is given"
						: NULL;

	/* See set_type(). */
	if (!mapping->types)
		mapping->types = TYPES_ALL;
	return why;
}

void mapping_free(struct mapping *mapping)
{
	free(mapping->description);
	metadata_free(&mapping->metadata);
}

void mappings_start(const struct mapping *list, size_t count)
{
	mappings = list;
	n_mappings = count;
}

/* Whether PATTERN fits DESCRIPTION, byte by byte whatever the program's locale: 1, 0 or -ENOMEM. */
static int fits(const char *pattern, const char *description)
{
	locale_t bytes = newlocale(LC_ALL_MASK, "C", (locale_t)0), old;
	int answer;

	if (!bytes)
		return -ENOMEM;
	old = uselocale(bytes);
	answer = fnmatch(pattern, description, 0);
	uselocale(old);
	freelocale(bytes);
	return !answer;
}

int mapping_fits(const struct mapping *mapping, const char *type, const char *description)
{
	if (!mapping->description || !(mapping->types & types_named(type, strlen(type))))
		return 0;
	return fits(mapping->description, description);
}

/* The first mapping that fits in *FOUND, or NULL. */
static int find(const char *type, const char *description, const struct mapping **found)
{
	int fit;

	*found = NULL;
	for (size_t i = 0; i < n_mappings; i++) {
		fit = mapping_fits(&mappings[i], type, description);
		if (fit < 0)
			return fit;
		if (fit) {
			*found = &mappings[i];
			break;
		}
	}
	return 0;
}

/* Gives METADATA a copy of what MAPPING says, and its defaults where it is silent. */
static int give(struct metadata *metadata, const struct mapping *mapping, const char *description)
{
	const struct metadata *said = &mapping->metadata;
	size_t len = strlen(description), size = said->n_mechanisms * sizeof(*said->mechanisms);

	if (is_given(mapping, LABEL)) {
		metadata->label = copy_of(said->label, said->label_len);
		metadata->label_len = said->label_len;
	} else if (metadata_is_text((const uint8_t *)description, len)) {
		metadata->label = copy_of(description, len);
		metadata->label_len = len;
	}
	if ((is_given(mapping, LABEL) || metadata->label_len) && !metadata->label)
		return -ENOMEM;
	if (!is_given(mapping, ID)) {
		/* It is hex, and so all that can go wrong is the memory. */
		if (read_hex(metadata->unique_id, &metadata->id, &metadata->id_len))
			return -ENOMEM;
	} else {
		metadata->id = copy_of(said->id, said->id_len);
		metadata->id_len = said->id_len;
	}
	if (is_given(mapping, MECHANISMS)) {
		metadata->mechanisms = (void *)copy_of(said->mechanisms, size);
		metadata->n_mechanisms = said->n_mechanisms;
	}
	if (!metadata->id || (is_given(mapping, MECHANISMS) && !metadata->mechanisms))
		return -ENOMEM;
	if (is_given(mapping, USAGE))
		metadata->usage = said->usage;
	metadata->key_type_known = said->key_type_known;
	metadata->key_type = said->key_type;
	return 0;
}

int mapping_apply(struct metadata *metadata, const char *type, const char *description, bool named,
		  const char **why)
{
	const struct mapping *mapping;
	int err = find(type, description, &mapping);

	if (err)
		return err;
	if (!mapping)
		return named ? 0 : -ENOMSG;
	if (mapping->unusable) {
		*why = "its [key] section in the configuration is not understood";
		return named ? 0 : -EINVAL;
	}
	metadata->trusted = mapping->metadata.trusted;
	return named ? 0 : give(metadata, mapping, description);
}

int mapping_read(struct metadata *metadata, const char *type, const char *description,
		 const char **why)
{
	int err = metadata_read(metadata, type, description, why);

	if (err && err != -ENOMSG)
		return err;
	err = mapping_apply(metadata, type, description, !err, why);
	if (err)
		metadata_free(metadata);
	return err;
}
