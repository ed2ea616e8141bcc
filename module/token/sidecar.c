/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/sidecar.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/keyring.h"
#include "kernel/log.h"
#include "key/own.h"

static const char prefix[] = "kcryptoki:";

enum {
	NAME_MAX_BYTES = sizeof(prefix) + 32,
	CHANGES_MAX = 32768, /* more than any payload */
};

const char *sidecar_of(const struct key *key)
{
	if (strcmp(key->source->type, "user") || strncmp(key->description, prefix, strlen(prefix)))
		return NULL;
	return key->description + strlen(prefix);
}

static void name(char text[NAME_MAX_BYTES], const char *unique_id)
{
	snprintf(text, NAME_MAX_BYTES, "%s%s", prefix, unique_id);
}

int sidecar_read(int32_t serial, int32_t keyring, char **changes)
{
	char *text = malloc(CHANGES_MAX);
	ssize_t len;

	if (!text)
		return -ENOMEM;
	len = key_read(serial, text, CHANGES_MAX - 1);
	if (len == -EACCES && !keyring_possess(keyring))
		len = key_read(serial, text, CHANGES_MAX - 1);
	if (len < 0) {
		free(text);
		return (int)len;
	}
	text[len < CHANGES_MAX ? len : CHANGES_MAX - 1] = '\0';
	*changes = text;
	return 0;
}

int sidecar_apply(struct metadata *metadata, const char *changes)
{
	struct metadata now;
	const char *why = "it is no pkcs11: URI";
	int err = metadata_read(&now, "user", changes, &why);

	if (err) {
		if (err != -ENOMEM)
			log_line("what was changed of key %s is not understood: %s",
				 metadata->unique_id, why);
		return err == -ENOMEM ? err : -EINVAL;
	}
	free(metadata->label);
	free(metadata->id);
	metadata->label = now.label;
	metadata->label_len = now.label_len;
	/* An id that was taken away is not named. */
	metadata->id = now.id_made ? NULL : now.id;
	metadata->id_len = now.id_made ? 0 : now.id_len;
	metadata->usage &= now.usage;
	now.label = NULL;
	if (!now.id_made)
		now.id = NULL;
	metadata_free(&now);
	return 0;
}

char *sidecar_text(const struct metadata *metadata)
{
	const struct metadata now = {.label = metadata->label,
				     .label_len = metadata->label_len,
				     .id = metadata->id,
				     .id_len = metadata->id_len,
				     .usage = metadata->usage};

	return metadata_write(&now);
}

int sidecar_write(int32_t keyring, const char *unique_id, const char *changes)
{
	char description[NAME_MAX_BYTES];
	int err;

	name(description, unique_id);
	/* Makes it, or updates it in place: one step either way. */
	err = key_add("user", description, changes, strlen(changes), keyring);
	if (err == -EACCES && !keyring_possess(keyring))
		err = key_add("user", description, changes, strlen(changes), keyring);
	return err < 0 ? err : 0;
}

int sidecar_find(int32_t keyring, const char *unique_id)
{
	char description[NAME_MAX_BYTES];

	name(description, unique_id);
	return key_search(keyring, "user", description);
}

void sidecar_drop(int32_t keyring, const char *unique_id)
{
	int serial = sidecar_find(keyring, unique_id);

	if (serial > 0)
		own_unlink(serial, keyring);
}
