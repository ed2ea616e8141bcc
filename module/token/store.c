/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/folder.h"
#include "kernel/keyring.h"
#include "kernel/log.h"
#include "key/master.h"
#include "mech/rv.h"

int stored_name(const struct key *key, char name[RECORD_NAME_MAX])
{
	const struct record record = {.type = (char *)key->source->type,
				      .description = key->description};

	return record_name(&record, name);
}

int stored_read(int store, const char *name, struct stored *stored, struct reason *reason)
{
	char expected[RECORD_NAME_MAX];
	int err = folder_read(store, name, RECORD_MAX, &stored->text, &stored->len);

	if (err) {
		reason_set(reason, "%s",
			   err == -EPERM   ? "it is no file of this user's alone"
			   : err == -EFBIG ? "it is longer than any that kcryptoki stores"
					   : strerror(-err));
		return err;
	}
	err = record_read(&stored->record, stored->text, stored->len, reason);
	if (err) {
		free(stored->text);
		return err;
	}
	err = record_name(&stored->record, expected);
	if (err)
		reason_set(reason, "what it says of its key is not understood");
	else if (strcmp(name, expected) != 0) {
		reason_set(reason, "it is a duplicate, or was renamed: its key is that of %s",
			   expected);
		err = -EEXIST;
	}
	if (err)
		stored_free(stored);
	return err;
}

void stored_free(struct stored *stored)
{
	record_free(&stored->record);
	free(stored->text);
}

/* What guards RECORD as a new key in *GUARD, to be freed; NULL where its own key does. */
static int find_guard(const struct record *record, struct key **guard, struct reason *reason)
{
	char master[MASTER_MAX];
	int found;

	*guard = NULL;
	if (!record_master(record, master)) {
		if (strcmp(record->type, "encrypted") != 0)
			return 0;
		reason_set(reason, "its blob names no master key");
		return -EPROTO;
	}
	found = master_find(master);
	if (found >= 0)
		found = key_open(0, found, guard);
	if (found == -ENOKEY)
		reason_set(reason, "its master key %s is not there: load that first", master);
	else if (found < 0)
		reason_set(reason, "its master key %s cannot be used: %s", master,
			   strerror(-found));
	return found < 0 ? found : 0;
}

int stored_check(const struct stored *stored, const struct key *itself, struct reason *reason)
{
	struct key *guard;
	int err = find_guard(&stored->record, &guard, reason);

	if (!err && (guard || itself))
		err = record_check(stored->text, stored->len, guard ? guard : itself, reason);
	key_free(guard);
	return err;
}

int store_write(int store, const struct record *record, const struct key *itself,
		struct reason *reason)
{
	char name[RECORD_NAME_MAX], *text = NULL;
	struct key *guard;
	size_t len = 0;
	int err = find_guard(record, &guard, reason);

	if (err)
		return err;
	err = record_write(record, guard ? guard : itself, &text, &len, reason);
	key_free(guard);
	if (err)
		return err;
	err = record_name(record, name);
	if (!err)
		err = folder_write(store, name, text, len);
	if (err)
		reason_set(reason, "its file cannot be written: %s", strerror(-err));
	free(text);
	return err;
}

int store_blob(const struct key *key, char **blob, struct reason *reason)
{
	char *text = malloc(RECORD_MAX);
	ssize_t len = text ? key_read(key->serial, text, RECORD_MAX - 1) : -ENOMEM;

	if (len == -EACCES && !keyring_possess(key->keyring))
		len = key_read(key->serial, text, RECORD_MAX - 1);
	if (len >= RECORD_MAX)
		len = -EMSGSIZE;
	if (len < 0) {
		reason_set(reason, "its blob cannot be read: %s%s", strerror((int)-len),
			   len == -ENOKEY ? " (its master key is not there)" : "");
		free(text);
		return (int)len;
	}
	text[len] = '\0';
	*blob = text;
	return 0;
}

static CK_RV tell(int err, const struct reason *reason)
{
	if (err)
		log_line("the store: %s", *reason->text ? reason->text : strerror(-err));
	return rv_of_make(err, "the store");
}

CK_RV store_enter(const struct slot *slot, bool make, int *store)
{
	int folder = slot->store ? folder_open(slot->store, make) : -ENOENT;

	*store = -1;
	if (folder == -ENOENT && (!slot->store || !make))
		return CKR_OK;
	if (folder < 0)
		return rv_of_make(folder, slot->store);
	*store = folder;
	return CKR_OK;
}

void store_leave(int store)
{
	folder_close(store);
}

CK_RV store_keep(int store, const struct key *key, const char *changes)
{
	struct reason reason = {""};
	struct record record;
	struct key_info info;
	int err;

	if (store < 0)
		return CKR_OK;
	err = key_describe(key->serial, &info);
	if (err)
		return rv_of_make(err, "the store");
	/* What is others' is not the record's to free. */
	record = (struct record){.type = info.type,
				 .description = info.description,
				 .perm = info.perm,
				 .changes = (char *)changes};
	err = store_blob(key, &record.blob, &reason);
	if (!err)
		err = store_write(store, &record, key, &reason);
	free(record.blob);
	free(info.description);
	return tell(err, &reason);
}

/* KEY's file, if there is one, with CHANGES (NULL: those that it has) and PERM (NULL: likewise). */
static CK_RV rewrite(int store, const struct key *key, const char *changes, const uint32_t *perm)
{
	struct reason reason = {""};
	struct stored stored;
	struct record now;
	char name[RECORD_NAME_MAX];
	int err;

	if (store < 0)
		return CKR_OK;
	err = stored_name(key, name);
	if (!err)
		err = stored_read(store, name, &stored, &reason);
	if (err)
		return err == -ENOENT ? CKR_OK : tell(err, &reason);
	err = stored_check(&stored, key, &reason);
	now = stored.record;
	if (changes)
		now.changes = (char *)changes;
	if (perm)
		now.perm = *perm;
	if (!err)
		err = store_write(store, &now, key, &reason);
	stored_free(&stored);
	return tell(err, &reason);
}

CK_RV store_change(int store, const struct key *key, const char *changes)
{
	return rewrite(store, key, changes, NULL);
}

CK_RV store_permit(int store, const struct key *key, uint32_t perm)
{
	return rewrite(store, key, NULL, &perm);
}

CK_RV store_drop(int store, const struct key *key)
{
	char name[RECORD_NAME_MAX];
	int err;

	if (store < 0)
		return CKR_OK;
	err = stored_name(key, name);
	if (!err)
		err = folder_remove(store, name);
	if (!err || err == -ENOENT)
		return CKR_OK;
	log_line(
		"the file %s of a destroyed key stays in the store, and brings it back at the next "
		"kcryptoki load: %s; remove it",
		name, strerror(-err));
	return CKR_DEVICE_ERROR;
}

bool store_has(const struct slot *slot, const char *unique_id)
{
	char name[RECORD_NAME_MAX], *path;
	bool has;

	if (!slot->store)
		return false;
	record_name_of(unique_id, name);
	if (asprintf(&path, "%s/%s", slot->store, name) < 0)
		return false;
	has = !faccessat(AT_FDCWD, path, F_OK, AT_EACCESS);
	free(path);
	return has;
}
