/* SPDX-License-Identifier: BSD-2-Clause */
/* The fake kernel's keys: kernel/keyring.h, and /proc/keys. */
#include <errno.h>
#include <keyutils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake-inside.h"
#include "fake-kernel.h"
#include "kernel/keyring.h"

enum { KEYS = 1024, KEYRINGS = 4, FIRST_SERIAL = 0x1234567 };

enum permission {
	VIEW = KEY_POS_VIEW | KEY_USR_VIEW,
	READ = KEY_POS_READ | KEY_USR_READ,
	SEARCH = KEY_POS_SEARCH | KEY_USR_SEARCH,
	WRITE = KEY_POS_WRITE | KEY_USR_WRITE,
	LINK = KEY_POS_LINK | KEY_USR_LINK,
	SETATTR = KEY_POS_SETATTR | KEY_USR_SETATTR
};

struct fake_key {
	int32_t serial, keyring;
	char *type, *description;
	char *master; /* of one of type "encrypted": as its order named it */
	uint8_t *payload;
	size_t len;
	uint32_t perm;
	int dead; /* -errno of whoever asks */
};

static struct fake_key keys[KEYS];
static size_t n_keys, keys_made, quota;
static int32_t distant[KEYRINGS];
static char *forged;

/* A link into the process keyring counts for the thread that made it, as far as a program can tell
 * (kernel: a process keyring made later than a thread is not the thread's), and a forked child has
 * none: keyrings(7). */
static _Thread_local struct {
	pid_t pid;
	int32_t keyrings[KEYRINGS];
} linked;

static bool holds(const int32_t list[KEYRINGS], int32_t keyring)
{
	for (size_t i = 0; i < KEYRINGS; i++)
		if (list[i] == keyring)
			return true;
	return false;
}

static void insert(int32_t list[KEYRINGS], int32_t keyring)
{
	size_t i = 0;

	if (holds(list, keyring))
		return;
	while (list[i])
		if (++i == KEYRINGS)
			fake_die("too many keyrings");
	list[i] = keyring;
}

static bool possessed(int32_t keyring)
{
	return !holds(distant, keyring) ||
	       (linked.pid == getpid() && holds(linked.keyrings, keyring));
}

void fake_keys_forget(void)
{
	for (size_t i = 0; i < n_keys; i++) {
		free(keys[i].type);
		free(keys[i].description);
		free(keys[i].master);
		free(keys[i].payload);
	}
	n_keys = quota = 0;
	fake_encrypted_of(FAKE_BYTES_REFUSED);
	memset(distant, 0, sizeof(distant));
	memset(&linked, 0, sizeof(linked));
	fake_proc_keys_forge(NULL);
}

static struct fake_key *key_of(int32_t serial)
{
	for (size_t i = 0; i < n_keys; i++)
		if (keys[i].serial == serial)
			return &keys[i];
	return NULL;
}

static struct fake_key *must_have(int32_t serial)
{
	struct fake_key *key = key_of(serial);

	if (!key)
		fake_die("no key %d", serial);
	return key;
}

int32_t fake_key_add(int32_t keyring, const char *type, const char *description,
		     const void *payload, size_t len, uint32_t perm)
{
	struct fake_key *key = &keys[n_keys];

	if (n_keys == KEYS)
		fake_die("too many keys");
	*key = (struct fake_key){
		/* Never the same again, and not in the order of their making. */
		.serial = FIRST_SERIAL + (int32_t)(++keys_made * 7919 % 65537),
		.keyring = keyring,
		.type = strdup(type),
		.description = strdup(description),
		.perm = perm,
	};
	n_keys++;
	fake_key_update(key->serial, payload, len);
	return key->serial;
}

void fake_key_update(int32_t serial, const void *payload, size_t len)
{
	struct fake_key *key = must_have(serial);

	free(key->payload);
	key->payload = malloc(len + 1);
	if (!key->payload)
		fake_die("no memory");
	memcpy(key->payload, payload, len);
	key->len = len;
}

void fake_key_revoke(int32_t serial)
{
	must_have(serial)->dead = -EKEYREVOKED;
}

void fake_key_expire(int32_t serial)
{
	must_have(serial)->dead = -EKEYEXPIRED;
}

void fake_key_unlink(int32_t serial)
{
	must_have(serial)->dead = -ENOKEY;
}

void fake_key_set_perm(int32_t serial, uint32_t perm)
{
	must_have(serial)->perm = perm;
}

void fake_keyring_distant(int32_t keyring, bool is)
{
	for (size_t i = 0; i < KEYRINGS; i++)
		if (distant[i] == keyring)
			distant[i] = 0;
	if (is)
		insert(distant, keyring);
}

void fake_proc_keys_forge(const char *lines)
{
	free(forged);
	forged = lines ? strdup(lines) : NULL;
}

/* All keys are the caller's own: who possesses one has the possessor's permissions besides. */
static bool permits(const struct fake_key *key, enum permission permission)
{
	uint32_t mine = KEY_USR_ALL | (possessed(key->keyring) ? KEY_POS_ALL : 0);

	return key->perm & permission & mine;
}

static int look_up(int32_t serial, enum permission permission, struct fake_key **found)
{
	struct fake_key *key = key_of(serial);

	*found = key;
	if (!key)
		return -ENOKEY;
	if (key->dead)
		return key->dead;
	return permits(key, permission) ? 0 : -EACCES;
}

int fake_key_arms(int32_t serial, const uint8_t **payload, size_t *len)
{
	struct fake_key *key;
	int err = look_up(serial, SEARCH, &key);

	if (err)
		return err;
	if (strcmp(key->type, "user") && strcmp(key->type, "logon") &&
	    strcmp(key->type, "encrypted") && strcmp(key->type, "trusted"))
		return -ENOPROTOOPT;
	*payload = key->payload;
	*len = key->len;
	return 0;
}

/* What an alias stands for. */
static int32_t serial_of(int32_t keyring)
{
	return keyring == KEY_SPEC_USER_KEYRING      ? FAKE_USER_KEYRING
	       : keyring == KEY_SPEC_SESSION_KEYRING ? FAKE_SESSION_KEYRING
						     : keyring;
}

int keyring_resolve(int32_t special)
{
	int err = fake_entered("keyring_resolve");

	if (!err)
		err = serial_of(special) > 0 ? serial_of(special) : -EINVAL;
	return (int)fake_left(err);
}

int keyring_list(int32_t keyring, int32_t **list)
{
	int err = fake_entered("keyring_list"), n = 0;

	if (err)
		return (int)fake_left(err);
	*list = malloc((n_keys + 1) * sizeof(**list));
	if (!*list)
		fake_die("no memory");
	/* A revoked or expired key stays in its keyring until it is unlinked or collected. */
	for (size_t i = 0; i < n_keys; i++)
		if (keys[i].keyring == keyring && keys[i].dead != -ENOKEY)
			(*list)[n++] = keys[i].serial;
	return (int)fake_left(n);
}

static int find_in(int32_t keyring, const char *type, const char *description)
{
	for (size_t i = 0; i < n_keys; i++)
		if (keys[i].keyring == keyring && keys[i].dead != -ENOKEY &&
		    !strcmp(keys[i].type, type) && !strcmp(keys[i].description, description))
			return keys[i].serial;
	return -ENOKEY;
}

static size_t keys_alive(void)
{
	size_t n = 0;

	for (size_t i = 0; i < n_keys; i++)
		n += keys[i].dead != -ENOKEY;
	return n;
}

size_t fake_keys(const char *type)
{
	size_t n = 0;

	for (size_t i = 0; i < n_keys; i++)
		n += keys[i].dead != -ENOKEY && !strcmp(keys[i].type, type);
	return n;
}

void fake_quota(size_t count)
{
	quota = count;
}

static int search(int32_t keyring, const char *type, const char *description)
{
	int found = -ENOKEY;

	for (size_t i = 0; i < n_keys && found < 0; i++)
		if (keys[i].keyring == keyring && !keys[i].dead && !strcmp(keys[i].type, type) &&
		    !strcmp(keys[i].description, description))
			found = keys[i].serial;
	for (size_t i = 0; i < n_keys && found < 0; i++)
		if (keys[i].keyring == keyring && !keys[i].dead && !strcmp(keys[i].type, "keyring"))
			found = search(keys[i].serial, type, description);
	return found;
}

static int request(const char *type, const char *description)
{
	int found = search(FAKE_SESSION_KEYRING, type, description);

	return found < 0 ? search(FAKE_USER_KEYRING, type, description) : found;
}

int key_request(const char *type, const char *description)
{
	int err = fake_entered("key_request");

	return (int)fake_left(err ? err : request(type, description));
}

/* A keyring's own permissions do not count here, but for those that are distant. */
static int writable(int32_t keyring)
{
	return possessed(keyring) ? 0 : -EACCES;
}

int fake_seal_of(const char *master, uint64_t *seal)
{
	const char *colon = master ? strchr(master, ':') : NULL;
	struct fake_key *key;
	char type[16];

	*seal = 0;
	if (!master)
		return 0;
	if (!colon)
		return -EINVAL;
	snprintf(type, sizeof(type), "%.*s", (int)(colon - master), master);
	key = key_of(request(type, colon + 1));
	if (!key)
		return -ENOKEY;
	*seal = fake_sum_of_key(key->payload, key->len);
	return 0;
}

static bool is_sealed(const char *type)
{
	return !strcmp(type, "encrypted") || !strcmp(type, "trusted");
}

static void set_master(int32_t serial, const char *master)
{
	struct fake_key *key = must_have(serial);

	free(key->master);
	key->master = strdup(master);
}

int key_add(const char *type, const char *description, const void *payload, size_t len,
	    int32_t keyring)
{
	int err = fake_entered("key_add"), serial;
	struct fake_key *key;
	uint8_t bytes[FAKE_PAYLOAD];
	char master[FAKE_MASTER] = "";

	keyring = serial_of(keyring);
	/* security/keys/keyctl.c: KEY_MAX_DESC_SIZE, with the end of the string. */
	if (!err && strlen(description) >= 4096)
		err = -EINVAL;
	if (!err)
		err = writable(keyring);
	if (!err && (!*description || strlen(description) > 4095))
		err = -EINVAL;
	if (!err && quota && keys_alive() >= quota)
		err = -EDQUOT;
	if (!err && is_sealed(type)) {
		err = fake_follow(type, payload, len, keys_made, bytes, &len, master);
		payload = bytes;
	}
	if (err)
		return (int)fake_left(err);
	serial = find_in(keyring, type, description);
	key = serial > 0 ? key_of(serial) : NULL;
	if (key && !permits(key, WRITE))
		err = -EACCES;
	if (!key)
		serial = fake_key_add(keyring, type, description, payload ? payload : "", len,
				      FAKE_PERM);
	else if (!err)
		fake_key_update(serial, payload, len);
	if (!err && *master)
		set_master(serial, master);
	return (int)fake_left(err ? err : serial);
}

int key_move(int32_t serial, int32_t from, int32_t to)
{
	int err = fake_entered("key_move");
	struct fake_key *key = key_of(serial);

	to = serial_of(to);
	if (!err)
		err = writable(to);
	if (!err && (!key || key->dead || key->keyring != from))
		err = -ENOKEY;
	if (!err && find_in(to, key->type, key->description) > 0)
		err = -EEXIST;
	if (!err && !permits(key, LINK))
		err = -EACCES;
	if (!err)
		key->keyring = to;
	return (int)fake_left(err);
}

int key_unlink(int32_t serial, int32_t keyring)
{
	int err = fake_entered("key_unlink");
	struct fake_key *key = key_of(serial);

	keyring = serial_of(keyring);
	if (!err)
		err = writable(keyring);
	if (!err && (!key || key->dead == -ENOKEY || key->keyring != keyring))
		err = -ENOENT;
	if (!err)
		key->dead = -ENOKEY;
	return (int)fake_left(err);
}

/* Of one that no order made, whose master need not be there. */
static const char *master_of(const struct fake_key *key)
{
	return key->master ? key->master : "user:master";
}

/* "update MASTER" of the same kind: encrypted_update(), which asks for neither. */
static int change_master(struct fake_key *key, const char *payload, size_t len)
{
	char text[FAKE_MASTER + 16], master[FAKE_MASTER];
	const char *before = master_of(key);

	snprintf(text, sizeof(text), "%.*s", (int)len, payload);
	if (sscanf(text, "update %255s", master) != 1)
		fake_die("an encrypted key is updated by \"%s\"", text);
	if (strncmp(before, master, strcspn(before, ":") + 1))
		return -EINVAL;
	set_master(key->serial, master);
	return 0;
}

int key_update(int32_t serial, const void *payload, size_t len)
{
	int err = fake_entered("key_update");
	struct fake_key *key;

	if (!err)
		err = look_up(serial, WRITE, &key);
	if (!err && !strcmp(key->type, "encrypted"))
		err = change_master(key, payload, len);
	else if (!err)
		fake_key_update(serial, payload, len);
	return (int)fake_left(err);
}

int key_set_perm(int32_t serial, uint32_t perm)
{
	int err = fake_entered("key_set_perm");
	struct fake_key *key;

	if (!err)
		err = look_up(serial, SETATTR, &key);
	if (!err)
		key->perm = perm;
	return (int)fake_left(err);
}

/* There is one thread. */
void *keyring_keep(void)
{
	return NULL;
}

void keyring_release(void *kept)
{
}

int keyring_clear(int32_t keyring)
{
	int err = fake_entered("keyring_clear");

	for (size_t i = 0; !err && i < n_keys; i++)
		if (keys[i].keyring == keyring)
			keys[i].dead = -ENOKEY;
	return (int)fake_left(err);
}

int key_search(int32_t keyring, const char *type, const char *description)
{
	int err = fake_entered("key_search");

	return (int)fake_left(err ? err : search(serial_of(keyring), type, description));
}

int keyring_persistent(void)
{
	int err = fake_entered("keyring_persistent");

	return (int)fake_left(err ? err : FAKE_PERSISTENT_KEYRING);
}

int keyring_possess(int32_t keyring)
{
	int err = fake_entered("keyring_possess");
	struct fake_key *key = key_of(keyring);

	if (!err && key && key->dead)
		err = key->dead;
	if (!err) {
		if (linked.pid != getpid())
			memset(&linked, 0, sizeof(linked));
		linked.pid = getpid();
		insert(linked.keyrings, keyring);
	}
	return (int)fake_left(err);
}

int key_describe(int32_t serial, struct key_info *info)
{
	int err = fake_entered("key_describe");
	struct fake_key *key;

	if (!err)
		err = look_up(serial, VIEW, &key);
	if (!err) {
		snprintf(info->type, sizeof(info->type), "%s", key->type);
		info->uid = getuid();
		info->perm = key->perm;
		info->description = strdup(key->description);
	}
	return (int)fake_left(err);
}

int key_usable(int32_t serial)
{
	int err = fake_entered("key_usable");
	struct fake_key *key;

	return (int)fake_left(err ? err : look_up(serial, SEARCH, &key));
}

static ssize_t blob(const struct fake_key *key, char *buffer, size_t size)
{
	const char *master = strcmp(key->type, "trusted") ? master_of(key) : NULL;
	char text[FAKE_BLOB];
	uint64_t seal;
	int err = fake_seal_of(master, &seal);
	size_t len;

	if (err && key->master)
		return err;
	fake_blob(master, seal, key->payload, key->len, text);
	len = strlen(text);
	memcpy(buffer, text, len < size ? len : size);
	return (ssize_t)len;
}

ssize_t key_read(int32_t serial, void *buffer, size_t size)
{
	int err = fake_entered("key_read");
	struct fake_key *key;

	if (err)
		return fake_left(err);
	err = look_up(serial, READ, &key);
	/* Possession allows it too, where Search does: security/keys/keyctl.c, keyctl_read_key().
	 */
	if (err == -EACCES && possessed(key->keyring) && permits(key, SEARCH))
		err = 0;
	if (!err && !strcmp(key->type, "logon"))
		err = -EOPNOTSUPP;
	if (err)
		return fake_left(err);
	if (is_sealed(key->type))
		return fake_left(blob(key, buffer, size));
	if (buffer)
		memcpy(buffer, key->payload, key->len < size ? key->len : size);
	return fake_left((ssize_t)key->len);
}

int __wrap_proc_keys_read(char **text);

int __wrap_proc_keys_read(char **text)
{
	int err = fake_entered("proc_keys_read");
	size_t size;
	FILE *file;

	if (err)
		return (int)fake_left(err);
	file = open_memstream(text, &size);
	if (!file)
		fake_die("no memory");
	for (size_t i = 0; i < n_keys; i++) {
		const struct fake_key *key = &keys[i];

		if (key->dead == -ENOKEY || !permits(key, VIEW))
			continue;
		fprintf(file, "%08x I--Q--- %5d %4s %08x %5d %5d %-9.9s %s", (unsigned)key->serial,
			1, "perm", key->perm, 0, 0, key->type, key->description);
		/* Of other types it states other things, or nothing. */
		if (!key->dead)
			fprintf(file, ": %zu", is_sealed(key->type) ? 672 : key->len);
		fputc('\n', file);
	}
	if (forged)
		fputs(forged, file);
	fclose(file);
	return (int)fake_left(0);
}
