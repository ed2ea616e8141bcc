/* SPDX-License-Identifier: BSD-2-Clause */
#include "key/key.h"

#include <errno.h>
#include <keyutils.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/alg.h"
#include "kernel/log.h"
#include "kernel/proc-keys.h"
#include "kernel/secret.h"
#include "key/serials.h"

static const struct key_source *const sources[] = {
	&key_source_user,
	&key_source_logon,
	&key_source_encrypted,
	&key_source_trusted,
};

static const struct key_source *source_of(const char *type)
{
	for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++)
		if (!strcmp(sources[i]->type, type))
			return sources[i];
	return NULL;
}

static const struct key *key_of(const struct transform_key *transform_key)
{
	return (const struct key *)transform_key;
}

/*
 * Search permission usually comes with possession, and possession with a link from the thread's
 * keyrings (keyrings(7), "Possession"). The keyring is linked, never the key: a link of ours would
 * keep the key alive after its administrator unlinked it.
 */
static int possess(const struct key *key)
{
	int err = keyring_possess(key->keyring);

	if (err)
		log_line("key %d: its keyring %d cannot be linked into the process keyring: %s",
			 key->serial, key->keyring, strerror(-err));
	return err;
}

static void explain(const struct key *key, int err)
{
	if (err == -EACCES)
		log_line("key %d (%s) is refused: this thread does not possess it and its owner "
			 "has no Search permission; link its keyring into the session keyring, or "
			 "let its possessor run: keyctl setperm %d 0x3d090000",
			 key->serial, key->description, key->serial);
	else if (err)
		log_line("key %d (%s) is refused: %s", key->serial, key->description,
			 strerror(-err));
}

int key_check(const struct key *key)
{
	int err;

	if (key->bytes)
		return 0;
	if (key->broker)
		return key_check_brokered(key);
	err = key_usable(key->serial);

	if (err == -EACCES && !possess(key))
		err = key_usable(key->serial);
	explain(key, err);
	return err;
}

static int check(const struct transform_key *transform_key)
{
	return key_check(key_of(transform_key));
}

static int arm_once(const struct key *key, int transform)
{
	int err = alg_set_key_serial(transform, key->serial);

	/* This errno also says that the kernel knows no serial numbers at all. */
	if (err == -ENOPROTOOPT && key->source->arm_by_value && !alg_takes_serials(transform)) {
		/* Reading asks for Read permission; using a key asks for Search on every kernel. */
		err = key_usable(key->serial);
		if (!err)
			err = key->source->arm_by_value(key->serial, transform);
	}
	return err;
}

static int arm(const struct transform_key *transform_key, int transform)
{
	const struct key *key = key_of(transform_key);
	int err = arm_once(key, transform);

	if (err == -EACCES && !possess(key))
		err = arm_once(key, transform);
	explain(key, err);
	return err;
}

/* Why KEY cannot be used on this kernel, or NULL. */
static const char *obstacle(const struct key *key)
{
	ssize_t len;

	if (key->broker || serials_supported())
		return NULL;
	if (!key->source->arm_by_value)
		return "its type cannot be read, and this kernel cannot use it unread "
		       "(ALG_SET_KEY_BY_KEY_SERIAL, Linux 6.2)";
	len = key_read(key->serial, NULL, 0);
	if (len == -EACCES && !possess(key))
		len = key_read(key->serial, NULL, 0);
	return len < 0 ? "it may not be read, and this kernel cannot use it unread "
			 "(ALG_SET_KEY_BY_KEY_SERIAL, Linux 6.2)"
		       : NULL;
}

bool key_offered(const struct key *key)
{
	const char *why = obstacle(key);

	if (why)
		log_line("key %d (%s %s) is not offered: %s", key->serial, key->source->type,
			 key->description, why);
	return !why;
}

/*
 * Whether PERM (keyctl_setperm(3)) lets nobody change the key's payload. Who may set attributes may
 * give himself Write, update the key, and take Write away again: the permissions would look as
 * before, and sockets armed with the old payload would go on.
 */
static bool is_constant(uint32_t perm)
{
	const uint32_t changing = KEY_OTH_WRITE | KEY_OTH_SETATTR;

	return !(perm & (changing | changing << 8 | changing << 16 | changing << 24));
}

int key_open(int32_t keyring, int32_t serial, struct key **key)
{
	struct key_info info;
	const struct key_source *source;
	struct key *made;
	int err = key_describe(serial, &info);

	if (err)
		return err;
	source = source_of(info.type);
	made = source ? calloc(1, sizeof(*made)) : NULL;
	if (!made) {
		free(info.description);
		return source ? -ENOMEM : -EOPNOTSUPP;
	}
	*made = (struct key){
		.transform_key = {.id = transform_key_id(),
				  .constant = is_constant(info.perm),
				  .arm = arm,
				  .check = check},
		.source = source,
		.serial = serial,
		.keyring = keyring,
		.description = info.description,
		.length = -ENODATA,
	};
	*key = made;
	return 0;
}

int key_bytes(const struct key *key, uint8_t **bytes, size_t *len)
{
	ssize_t got;

	if (!key->source->readable)
		return -EOPNOTSUPP;
	got = key->bytes ? key->length : key_read(key->serial, NULL, 0);
	if (got == -EACCES && !possess(key))
		got = key_read(key->serial, NULL, 0);
	if (got <= 0)
		return got ? (int)got : -EINVAL;
	*len = (size_t)got;
	*bytes = secret_new(*len);
	if (!*bytes)
		return -ENOMEM;
	if (key->bytes)
		memcpy(*bytes, key->bytes, *len);
	else
		got = key_read(key->serial, *bytes, *len);
	if (got == (ssize_t)*len)
		return 0;
	secret_free(*bytes, *len);
	*bytes = NULL;
	/* Someone gave the key another payload between the question and the answer. */
	return got < 0 ? (int)got : -EAGAIN;
}

static ssize_t measured(const struct key *key, const char *proc_keys)
{
	ssize_t length;

	/* What the broker said. */
	if (key->broker)
		return key->length;
	if (!key->source->length)
		return proc_keys ? proc_keys_length(proc_keys, key->serial, key->source->type,
						    key->description)
				 : -ENODATA;
	length = key->source->length(key->serial);
	if (length == -EACCES && !possess(key))
		length = key->source->length(key->serial);
	return length;
}

ssize_t key_length(const struct key *key)
{
	char *proc_keys = NULL;
	ssize_t length;

	if (key->bytes || key->broker)
		return key->length;

	if (!key->source->length)
		proc_keys_read(&proc_keys);
	length = measured(key, proc_keys);
	free(proc_keys);
	return length;
}

void key_measure(struct key *key, const char *proc_keys)
{
	key->length = measured(key, proc_keys);
	if (key->length < 0)
		log_line("key %d (%s): its length is not known: %s", key->serial, key->description,
			 strerror((int)-key->length));
}

void key_free(struct key *key)
{
	if (!key)
		return;
	transform_purge(key->transform_key.id);
	if (key->bytes)
		secret_free(key->bytes, (size_t)key->length);
	free(key->description);
	free(key);
}
