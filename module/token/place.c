/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/place.h"

#include <errno.h>
#include <keyutils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/keyring.h"
#include "kernel/proc-keys.h"
#include "token/metadata.h"

static const struct {
	const char *name;
	enum place_kind kind;
	int32_t serial;
} words[] = {
	{"user", PLACE_ALIAS, KEY_SPEC_USER_KEYRING},
	{"session", PLACE_ALIAS, KEY_SPEC_SESSION_KEYRING},
	{"persistent", PLACE_PERSISTENT, 0},
};

/* Whether TEXT is a number, whatever its size. */
static bool is_number(const char *text)
{
	static const char decimal[] = "0123456789", hex[] = "0123456789abcdefABCDEF";
	const char *digits = decimal;

	if (!strncmp(text, "0x", 2)) {
		text += 2;
		digits = hex;
	}
	return *text && !text[strspn(text, digits)];
}

const char *place_read(struct place *place, const char *text)
{
	size_t len = strlen(text);
	unsigned long number;

	*place = (struct place){.kind = PLACE_NAME};
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (!strcmp(words[i].name, text)) {
			place->kind = words[i].kind;
			place->serial = words[i].serial;
			return NULL;
		}
	}
	if (is_number(text)) {
		number = strtoul(text, NULL, strncmp(text, "0x", 2) ? 10 : 16);
		place->kind = PLACE_SERIAL;
		place->serial = (int32_t)number;
		return number && number <= INT32_MAX ? NULL : "no serial number is like that";
	}
	if (!len)
		return "it names no keyring";
	if (len >= sizeof(place->name))
		return "the name is too long";
	if (!metadata_is_text((const uint8_t *)text, len))
		return "the name is not UTF-8";
	memcpy(place->name, text, len);
	return NULL;
}

/* SERIAL, if it is a keyring: reading a key as if it were one would bring its bytes here. */
static int keyring_of(int32_t serial)
{
	struct key_info info;
	int err = key_describe(serial, &info);

	if (err)
		return err;
	free(info.description);
	return strcmp(info.type, "keyring") ? -ENOTDIR : serial;
}

/* The user's persistent keyring, where it is; only /proc/keys tells of it without making it. */
static int find_persistent(void)
{
	char name[32], *text;
	int found = proc_keys_read(&text);

	if (found)
		return found;
	snprintf(name, sizeof(name), "_persistent.%lu", (unsigned long)geteuid());
	found = proc_keys_find(text, "keyring", name);
	free(text);
	return found == -ENOENT ? -ENOKEY : found < 0 ? found : keyring_of(found);
}

int place_find(const struct place *place)
{
	int found;

	switch (place->kind) {
	case PLACE_ALIAS:
		return keyring_resolve(place->serial);
	case PLACE_PERSISTENT:
		return find_persistent();
	case PLACE_SERIAL:
		return keyring_of(place->serial);
	case PLACE_NAME:
		break;
	}
	found = key_search(KEY_SPEC_SESSION_KEYRING, "keyring", place->name);
	return found < 0 ? key_search(KEY_SPEC_USER_KEYRING, "keyring", place->name) : found;
}

int place_resolve(const struct place *place)
{
	return place->kind == PLACE_PERSISTENT ? keyring_persistent() : place_find(place);
}
