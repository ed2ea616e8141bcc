/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <keyutils.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/broker.h"
#include "kernel/folder.h"
#include "kernel/keyring.h"
#include "kernel/proc-keys.h"
#include "kernel/transform.h"
#include "key/key.h"
#include "key/serials.h"
#include "token/mapping.h"
#include "token/object.h"
#include "token/place.h"
#include "token/sidecar.h"
#include "token/slot.h"
#include "token/store.h"
#include "token/vocabulary.h"
#include "tool/report.h"

/* A keyring that is looked at, and how its keys become possessed. */
struct keyring {
	int32_t serial;
	const struct slot *slot;
	bool linkable; /* the module links it into the process's own, should a key be refused */
	const char *proc_keys;
};

/* Sets NAME to what FORMAT says. */
__attribute__((format(printf, 3, 4))) static void say(json_t *object, const char *name,
						      const char *format, ...)
{
	char text[5000];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_object_set_new(object, name, printable(text));
}

/* Whether the module could link KEYRING, as keyring_possess() does. */
static bool is_linkable(int32_t keyring)
{
	struct key_info info;
	bool may;

	if (key_describe(keyring, &info))
		return false;
	may = info.perm & KEY_OTH_LINK || (info.perm & KEY_USR_LINK && info.uid == geteuid()) ||
	      (info.perm & KEY_POS_LINK && !key_usable(keyring));
	free(info.description);
	return may;
}

/* Whether whoever possesses the key may search for it, that is use it. */
static bool possessor_may_use(int32_t serial)
{
	struct key_info info;
	bool may;

	if (key_describe(serial, &info))
		return false;
	may = info.perm & KEY_POS_SEARCH;
	free(info.description);
	return may;
}

/* "state": usable; or refused, "why", and what mends it. */
static void judge(json_t *one, const struct key *key, const struct keyring *keyring)
{
	int err = key_usable(key->serial);

	if (err == -EACCES && keyring->linkable && possessor_may_use(key->serial))
		err = 0;
	json_object_set_new(one, "state", json_string(err ? "refused" : "usable"));
	switch (err) {
	case 0:
		if (!key->transform_key.constant)
			say(one, "hint",
			    "it can be changed, and so is armed anew for each operation; "
			    "for good: keyctl setperm %d 0x19010000",
			    key->serial);
		return;
	case -EACCES:
		if (possessor_may_use(key->serial)) {
			say(one, "why",
			    "this process does not possess it, and its permissions do not "
			    "let its owner search for it");
			say(one, "mend", "keyctl link %d @s", keyring->serial);
			return;
		}
		/* And since nobody finds it, nobody may set its permissions. */
		say(one, "why",
		    "its permissions let nobody search for it, not even who possesses it");
		break;
	case -EKEYREVOKED:
		say(one, "why", "it was revoked");
		break;
	case -EKEYEXPIRED:
		say(one, "why", "it has expired, and cannot be revived");
		break;
	default:
		say(one, "why", "%s", strerror(-err));
		return;
	}
	say(one, "mend", "keyctl unlink %d %d, and load it anew", key->serial, keyring->serial);
}

/* Before Linux 6.2 a key is read to be used. Which key_offered() asks, too, linking what it must.
 */
static bool is_offered(const struct key *key)
{
	return serials_supported() ||
	       (key->source->arm_by_value && key_read(key->serial, NULL, 0) >= 0);
}

static ssize_t length_of(const struct key *key, const struct keyring *keyring)
{
	if (key->source->length)
		return key->source->length(key->serial);
	return keyring->proc_keys ? proc_keys_length(keyring->proc_keys, key->serial,
						     key->source->type, key->description)
				  : -ENODATA;
}

static void add_metadata(json_t *one, const struct metadata *metadata, ssize_t length)
{
	const char *type = vocabulary_of_key_type(object_key_type(metadata, length));
	char *label =
		strndup(metadata->label ? (const char *)metadata->label : "", metadata->label_len);
	char id[512] = "";

	for (size_t i = 0; i < metadata->id_len && 2 * i + 3 < sizeof(id); i++)
		snprintf(id + 2 * i, 3, "%02x", metadata->id[i]);
	json_object_set_new(one, "label", printable(label ? label : ""));
	json_object_set_new(one, "id", json_string(id));
	json_object_set_new(one, "key_type", json_string(type ? type : "generic-secret"));
	json_object_set_new(one, "length", length < 0 ? json_null() : json_integer(length));
	free(label);
}

/*
 * A pattern (fnmatch(3)) that DESCRIPTION fits, as it can stand in an INI file, where a comment
 * begins with ";" and blanks at the ends are lost. What cannot be printed is any bytes: how many
 * "?" it would be depends on the locale.
 */
static void write_pattern(const char *description, char *out, size_t size)
{
	size_t n = 0;

	for (const char *at = description; *at && n + 3 < size; at++) {
		bool at_end = at == description || !at[1];

		if (*at < 0x20 || *at >= 0x7f) {
			if (!n || out[n - 1] != '*')
				out[n++] = '*';
		} else if (*at == ';' || (*at == ' ' && at_end)) {
			out[n++] = '?';
		} else {
			if (strchr("*?[\\", *at))
				out[n++] = '\\';
			out[n++] = *at;
		}
	}
	out[n] = '\0';
}

/* The lines that would present ONE, of TYPE and DESCRIPTION. */
static void add_section(json_t *one, const char *type, const char *description)
{
	char pattern[2 * 4096], text[sizeof(pattern) + 64];

	write_pattern(description, pattern, sizeof(pattern));
	snprintf(text, sizeof(text), "[key NAME]\ntype = %s\ndescription = %s", type, pattern);
	json_object_set_new(one, "mend", json_string(text));
}

/* Whether KEY is the one that the token has others sealed under. */
static bool is_master(const struct key *key, const struct slot *slot)
{
	size_t len = strlen(key->source->type);

	return slot->master && !strncmp(slot->master, key->source->type, len) &&
	       slot->master[len] == ':' && !strcmp(slot->master + len + 1, key->description);
}

/* A key of a type that can arm something, as one of PRESENTED or of OTHERS. */
static void take(const struct key *key, const struct keyring *keyring, json_t *presented,
		 json_t *others)
{
	struct metadata metadata;
	const char *why = NULL, *type = key->source->type;
	int err = mapping_read(&metadata, type, key->description, &why);
	json_t *one;

	if (sidecar_of(key))
		return;
	one = json_pack("{s:i, s:s}", "serial", key->serial, "type", type);
	say(one, "description", "%s", key->description);
	if (!err) {
		add_metadata(one, &metadata, length_of(key, keyring));
		json_object_set_new(one, "stored",
				    json_boolean(store_has(keyring->slot, metadata.unique_id)));
		metadata_free(&metadata);
		judge(one, key, keyring);
		if (!is_offered(key)) {
			json_object_set_new(one, "state", json_string("refused"));
			say(one, "why",
			    "this kernel cannot use it unread (Linux 6.2 can), and it "
			    "cannot be read");
			say(one, "mend", "a key of type user instead");
		}
		json_array_append_new(presented, one);
		return;
	}
	if (err == -ENOMSG && is_master(key, keyring->slot)) {
		say(one, "why",
		    "it is the master key, under which the kernel seals keys of this token");
	} else if (err == -ENOMSG) {
		say(one, "why",
		    "its description is no pkcs11: URI, and no [key] section of the "
		    "configuration fits it");
		add_section(one, type, key->description);
	} else {
		say(one, "why", "%s", why ? why : strerror(-err));
	}
	json_array_append_new(others, one);
}

/* A key that the kernel does not even describe. */
static void take_unseen(int32_t serial, int32_t keyring, int err, json_t *presented)
{
	json_t *one = json_pack("{s:i, s:s, s:s, s:s, s:n}", "serial", serial, "type", "", "label",
				"", "state", "refused", "length");

	say(one, "why", "%s",
	    err == -EKEYREVOKED   ? "it was revoked"
	    : err == -EKEYEXPIRED ? "it has expired, and cannot be revived"
				  : "this process may not view it");
	say(one, "mend", "keyctl unlink %d %d, and load it anew", serial, keyring);
	json_array_append_new(presented, one);
}

/* The keys in KEYRING into TOKEN; -errno where it cannot be read. */
static int look(json_t *token, int32_t serial, const struct slot *slot)
{
	json_t *presented = json_array(), *others = json_array();
	struct keyring keyring = {.serial = serial, .slot = slot, .linkable = is_linkable(serial)};
	char *proc_keys = NULL;
	int32_t *list = NULL;
	int count = keyring_list(serial, &list);

	if (!proc_keys_read(&proc_keys))
		keyring.proc_keys = proc_keys;
	for (int i = 0; i < count; i++) {
		struct key *key;
		int err = key_open(serial, list[i], &key);

		if (err == -EKEYREVOKED || err == -EKEYEXPIRED || err == -EACCES)
			take_unseen(list[i], serial, err, presented);
		if (err)
			continue;
		take(key, &keyring, presented, others);
		key_free(key);
	}
	free(list);
	free(proc_keys);
	json_object_set_new(token, "keys", presented);
	json_object_set_new(token, "not_presented", others);
	return count < 0 ? count : 0;
}

/* Why what is in a store could not be checked here, or NULL: record.c. */
static const char *record_obstacle(void)
{
	if (!serials_supported())
		return "this kernel cannot use keys unread (Linux 6.2 can)";
	if (transform_may_bind("hash", "hmac(sha256)"))
		return "hmac(sha256), with which it is checked, is not to be had here";
	return NULL;
}

/* "store": where the token's keys outlive a reboot, and whether that can be used. */
static json_t *look_at_store(const char *path)
{
	const char *why = record_obstacle();
	json_t *store;
	int err;

	if (!*path)
		return json_null();
	err = folder_check(path);
	if (!why && err == -EPERM)
		why = "it belongs to another user, or others may write to it";
	else if (!why && err)
		why = err == -ENOENT ? NULL : strerror(-err);
	store = json_pack("{s:o, s:s}", "folder", printable(path), "state",
			  why   ? "refused"
			  : err ? "absent"
				: "there");
	if (!why && err)
		why = "it is made for the first key that is kept";
	if (why)
		say(store, "why", "%s", why);
	return store;
}

static void look_at_keyring(json_t *token, const struct token_config *config,
			    const struct slot *slot)
{
	int serial = place_find(&config->keyring);
	int err = serial < 0 ? serial : look(token, serial, slot);

	json_object_set_new(token, "store", look_at_store(config->store));
	if (serial >= 0)
		json_object_set_new(token, "keyring", json_integer(serial));
	json_object_set_new(token, "state", json_string(err ? "empty" : "there"));
	if (err == -ENOKEY)
		say(token, "why", "its keyring is not there yet");
	else if (err == -EPERM)
		say(token, "why",
		    "a seccomp filter forbids keyctl(2): a container's, or the service's "
		    "SystemCallFilter= lacks @keyring");
	else if (err)
		say(token, "why", "its keyring cannot be read: %s", strerror(-err));
}

static void look_at_broker(json_t *token, const struct slot *slot)
{
	json_t *keys = json_array();
	int32_t *list = NULL;
	int count = broker_list(slot->broker, &list);

	for (int i = 0; i < count; i++) {
		struct metadata metadata;
		const char *why = NULL;
		struct key *key;
		json_t *one;

		if (key_open_brokered(slot->broker, list[i], &key))
			continue;
		one = json_pack("{s:i, s:s, s:s}", "serial", key->serial, "type", key->source->type,
				"state", "usable");
		if (!mapping_read(&metadata, key->source->type, key->description, &why)) {
			add_metadata(one, &metadata, key->length);
			metadata_free(&metadata);
		}
		json_array_append_new(keys, one);
		key_free(key);
	}
	free(list);
	json_object_set_new(token, "keys", keys);
	json_object_set_new(token, "not_presented", json_array());
	json_object_set_new(token, "state", json_string(count < 0 ? "empty" : "there"));
	if (count < 0)
		say(token, "why", "the broker does not answer: %s", strerror(-count));
	else if (!count)
		say(token, "why", "the broker has no key for this user");
}

json_t *tokens_found(const struct config *config)
{
	json_t *tokens = json_array();

	for (size_t i = 0; i < config->n_tokens; i++) {
		const struct token_config *one = &config->tokens[i];
		const struct slot *slot = slot_find(i);
		json_t *token = json_pack("{s:o, s:o}", "label", printable(one->label), "place",
					  printable(one->description));

		if (!one->usable) {
			json_object_set_new(token, "state", json_string("absent"));
			say(token, "why", "there is a mistake in its section of the configuration");
		} else if (*one->broker && !slot) {
			json_object_set_new(token, "state", json_string("absent"));
			say(token, "why", "no broker's socket is there");
		} else if (!slot) {
			json_object_set_new(token, "state", json_string("absent"));
			say(token, "why", "this process cannot open AF_ALG sockets");
		} else if (slot->broker) {
			look_at_broker(token, slot);
		} else {
			look_at_keyring(token, one, slot);
		}
		json_array_append_new(tokens, token);
	}
	return tokens;
}
