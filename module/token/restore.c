/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/restore.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/folder.h"
#include "kernel/keyring.h"
#include "key/master.h"
#include "key/own.h"
#include "token/sidecar.h"
#include "token/store.h"

/* One run over a store. */
struct run {
	int store;
	int32_t keyring;    /* where keys are, or go */
	const char *master; /* restore_rotate(): which is wanted */
	const char *type;   /* restore_load(): those that are looked for this time */
	bool first;         /* what is no record at all is told of once */
	teller *tell;
	void *user;
};

static void tell_result(const struct run *run, const char *file, const struct record *record,
			int err, const struct reason *reason)
{
	const struct told told = {
		.file = file,
		.type = record ? record->type : NULL,
		.description = record ? record->description : NULL,
		.changes = record ? record->changes : NULL,
		.outcome = !err               ? OUTCOME_DONE
			   : err == -EALREADY ? OUTCOME_ALREADY
					      : OUTCOME_FAILED,
		.why = *reason->text ? reason->text : strerror(-err),
	};

	run->tell(run->user, &told);
}

/* Why the kernel takes no blob, as far as it can be told. */
static void explain(const struct record *record, int err, struct reason *reason)
{
	if (err == -EDQUOT)
		reason_set(reason, "this user's quota of keys, or of their bytes, is used up "
				   "(kernel.keys.maxkeys, kernel.keys.maxbytes)");
	else if (err == -ENODEV)
		reason_set(reason, "this kernel has no keys of type %s, or not what sealed it",
			   record->type);
	else if (!strcmp(record->type, "trusted"))
		reason_set(reason,
			   "the kernel cannot unseal it: %s; was it sealed on another machine, or "
			   "in a state that this one is not in?",
			   strerror(-err));
	else
		reason_set(reason, "the kernel does not take its blob: %s", strerror(-err));
}

/* The key of RECORD in this process's own keyring, as DESCRIPTION, as a new *KEY, to be given to
 * bury(), or moved from there. */
static int revive(const struct record *record, const char *description, uint32_t perm,
		  struct key **key, struct reason *reason)
{
	struct key_order order = {.type = record->type, .description = description, .perm = perm};
	int32_t serial, own;
	char *payload;
	int err, len = asprintf(&payload, "load %s", record->blob);

	if (len < 0)
		return -ENOMEM;
	order.payload = payload;
	order.len = (size_t)len;
	err = own_make(&order, &serial, &own);
	free(payload);
	if (err) {
		explain(record, err, reason);
		return err;
	}
	err = key_open(own, serial, key);
	if (err)
		own_unlink(serial, own);
	return err;
}

static void bury(struct key *key)
{
	own_unlink(key->serial, key->keyring);
	key_free(key);
}

/* A copy of RECORD's key, beside which there may be the key itself. */
static int copy(const struct record *record, struct key **key, struct reason *reason)
{
	return revive(record, "kcryptoki-copy", KEY_PERM_POSSESSOR, key, reason);
}

/* The serial number of the key of TYPE and DESCRIPTION in KEYRING itself; 0: there is none. */
static int32_t member(int32_t keyring, const char *type, const char *description)
{
	int32_t *list = NULL, found = 0;
	int count = own_list(keyring, &list);

	for (int i = 0; i < count && !found; i++) {
		struct key_info info;

		if (key_describe(list[i], &info))
			continue;
		if (!strcmp(info.type, type) && !strcmp(info.description, description))
			found = list[i];
		free(info.description);
	}
	free(list);
	return found;
}

/* Whether the key that is there as SERIAL is KEY, too: -EALREADY where it is. */
static int compare(int32_t keyring, int32_t serial, const struct key *key, struct reason *reason)
{
	struct key *there;
	int err = key_open(keyring, serial, &there);

	if (err)
		return err;
	err = record_same_key(there, key, reason);
	key_free(there);
	if (err == -EKEYREJECTED)
		reason_set(reason, "key %d in keyring %d has its description, and is another key",
			   serial, keyring);
	return err ? err : -EALREADY;
}

/* Lets KEY, which is checked, take its place in RUN's keyring. Who sees it sees what was changed of
 * it, too. */
static int settle(const struct run *run, const struct record *record, const char *name,
		  const struct key *key, struct reason *reason)
{
	char unique_id[RECORD_NAME_MAX];
	int32_t there = member(run->keyring, record->type, record->description);
	int err = 0;

	if (there)
		return compare(run->keyring, there, key, reason);
	snprintf(unique_id, sizeof(unique_id), "%.*s", (int)strcspn(name, "."), name);
	if (*record->changes)
		err = sidecar_write(run->keyring, unique_id, record->changes);
	else
		sidecar_drop(run->keyring, unique_id);
	if (!err)
		err = own_move(key->serial, key->keyring, run->keyring);
	if (err)
		reason_set(reason, "it cannot be moved to keyring %d: %s", run->keyring,
			   strerror(-err));
	return err;
}

static int load(const struct run *run, const char *name, struct stored *stored,
		struct reason *reason)
{
	const struct record *record = &stored->record;
	struct key *key;
	int err = stored_check(stored, NULL, reason);

	if (!err)
		err = revive(record, record->description, record->perm, &key, reason);
	if (err)
		return err;
	if (strcmp(record->type, "trusted") == 0)
		err = stored_check(stored, key, reason);
	if (!err)
		err = settle(run, record, name, key, reason);
	if (err)
		bury(key);
	else
		key_free(key);
	return err;
}

/* RECORD's blob becomes one of RUN's master, and the same key. */
static int rewrap(const struct run *run, struct record *record, struct reason *reason)
{
	struct key *key, *again;
	char *blob, *order;
	int err = copy(record, &key, reason);

	if (err)
		return err;
	if (asprintf(&order, "update %s", run->master) < 0) {
		bury(key);
		return -ENOMEM;
	}
	err = key_update(key->serial, order, strlen(order));
	free(order);
	if (err)
		reason_set(reason, "the kernel does not seal it under %s: %s%s", run->master,
			   strerror(-err),
			   err == -EINVAL ? " (a master is replaced by one of its own kind)" : "");
	else
		err = store_blob(key, &blob, reason);
	if (err) {
		bury(key);
		return err;
	}
	free(record->blob);
	record->blob = blob;
	/* Before the other blob is gone for good. */
	err = revive(record, "kcryptoki-rewrapped", KEY_PERM_POSSESSOR, &again, reason);
	if (!err) {
		err = record_same_key(key, again, reason);
		bury(again);
	}
	bury(key);
	return err;
}

static int rotate(const struct run *run, const char *name, struct stored *stored,
		  struct reason *reason)
{
	char master[MASTER_MAX];
	int err = stored_check(stored, NULL, reason);

	(void)name;
	if (!err && record_master(&stored->record, master) && !strcmp(master, run->master))
		return -EALREADY;
	if (!err)
		err = rewrap(run, &stored->record, reason);
	return err ? err : store_write(run->store, &stored->record, NULL, reason);
}

static bool is_key_file(const char *name)
{
	size_t len = strlen(name);

	return len > 4 && !strcmp(name + len - 4, ".key");
}

/* DEED with each file of RUN's type. */
static void each(const struct run *run, char **names, int count,
		 int (*deed)(const struct run *, const char *, struct stored *, struct reason *))
{
	for (int i = 0; i < count; i++) {
		struct reason reason = {""};
		struct stored stored;
		int err;

		if (!is_key_file(names[i])) {
			if (folder_is_leftover(names[i]))
				folder_remove(run->store, names[i]);
			continue;
		}
		err = stored_read(run->store, names[i], &stored, &reason);
		if (err) {
			if (run->first)
				tell_result(run, names[i], NULL, err, &reason);
			continue;
		}
		if (!strcmp(stored.record.type, run->type)) {
			err = deed(run, names[i], &stored, &reason);
			tell_result(run, names[i], &stored.record, err, &reason);
		}
		stored_free(&stored);
	}
}

/* Opens the store of SLOT. */
static int begin(struct run *run, const struct slot *slot, bool make, struct reason *reason)
{
	if (!slot->store) {
		reason_set(reason,
			   "token %s has no store: its section of the configuration needs "
			   "\"store = FOLDER\"",
			   slot->label);
		return -ENOENT;
	}
	run->store = folder_open(slot->store, make);
	if (run->store < 0)
		reason_set(reason, "the store %s cannot be opened: %s", slot->store,
			   run->store == -EPERM
				   ? "it belongs to another user, or others may write to it"
				   : strerror(-run->store));
	return run->store < 0 ? run->store : 0;
}

/* Whether ERR, of begin(), says that no key was kept yet. */
static bool is_empty(const struct slot *slot, int err)
{
	return slot->store && err == -ENOENT;
}

int restore_load(const struct slot *slot, int32_t keyring, teller *tell, void *user,
		 struct reason *reason)
{
	struct run run = {.keyring = keyring, .tell = tell, .user = user};
	char **names;
	int err = begin(&run, slot, false, reason), count;

	if (err)
		return is_empty(slot, err) ? 0 : err;
	count = folder_list(run.store, &names);
	for (int pass = 0; pass < 2 && count > 0; pass++) {
		run.first = !pass;
		run.type = pass ? "encrypted" : "trusted";
		each(&run, names, count, load);
	}
	if (count >= 0)
		folder_free(names, count);
	folder_close(run.store);
	return count < 0 ? count : 0;
}

int restore_rotate(const struct slot *slot, teller *tell, void *user, struct reason *reason)
{
	struct run run = {.master = slot->master,
			  .type = "encrypted",
			  .first = true,
			  .tell = tell,
			  .user = user};
	char **names;
	int err, count;

	if (!slot->master) {
		reason_set(reason,
			   "token %s has no master: its section of the configuration needs "
			   "\"master = user:NAME\", of the new one",
			   slot->label);
		return -ENOKEY;
	}
	err = master_find(slot->master);
	if (err < 0) {
		reason_set(reason, "the new master %s is not found: %s", slot->master,
			   strerror(-err));
		return err;
	}
	err = begin(&run, slot, false, reason);
	if (err)
		return is_empty(slot, err) ? 0 : err;
	count = folder_list(run.store, &names);
	if (count > 0)
		each(&run, names, count, rotate);
	if (count >= 0)
		folder_free(names, count);
	folder_close(run.store);
	return count < 0 ? count : 0;
}

/* What was changed of the key with this file NAME, as a string in *CHANGES, to be freed. */
static int changes_of(int32_t keyring, const char *name, char **changes)
{
	char unique_id[RECORD_NAME_MAX];
	int found;

	snprintf(unique_id, sizeof(unique_id), "%.*s", (int)strcspn(name, "."), name);
	found = sidecar_find(keyring, unique_id);
	if (found > 0)
		return sidecar_read(found, keyring, changes);
	*changes = strdup("");
	return found != -ENOKEY ? found : *changes ? 0 : -ENOMEM;
}

/* 0 where RECORD brings KEY back; -EKEYREJECTED: it brings another. A trusted key's may bring none,
 * where something must be said to load it that its blob does not have: a parent, a password. */
static int brings_back(const struct record *record, const struct key *key, struct reason *reason)
{
	struct key *kept;
	int err = copy(record, &kept, reason);

	if (err)
		return err;
	err = record_same_key(kept, key, reason);
	bury(kept);
	return err;
}

/* STORED is what there is of KEY, which is as RECORD says, but for its blob. */
static int save_again(const struct run *run, struct stored *stored, const struct key *key,
		      const struct record *record, struct reason *reason)
{
	struct record now = stored->record;
	int err = stored_check(stored, key, reason);

	if (!err)
		err = brings_back(&stored->record, key, reason);
	if (err == -EKEYREJECTED)
		reason_set(reason, "its file is another key's, which has the same description; "
				   "move that away, if it is not wanted any more");
	if (err)
		return err;
	if (!strcmp(now.changes, record->changes) && now.perm == record->perm)
		return -EALREADY;
	now.changes = record->changes;
	now.perm = record->perm;
	return store_write(run->store, &now, key, reason);
}

static int save(const struct run *run, const struct key *key, const char *name,
		struct record *record, struct reason *reason)
{
	struct stored stored;
	int err = stored_read(run->store, name, &stored, reason);

	if (!err) {
		err = save_again(run, &stored, key, record, reason);
		stored_free(&stored);
		return err;
	}
	/* A file that is damaged, or another version's, is nobody's to overwrite. */
	if (err != -ENOENT)
		return err;
	*reason = (struct reason){""};
	err = store_blob(key, &record->blob, reason);
	if (!err)
		err = brings_back(record, key, reason);
	return err ? err : store_write(run->store, record, key, reason);
}

int restore_save(const struct slot *slot, int32_t keyring, int32_t serial, teller *tell, void *user,
		 struct reason *reason)
{
	struct run run = {.keyring = keyring, .tell = tell, .user = user};
	char name[RECORD_NAME_MAX];
	struct record record = {0};
	struct key_info info;
	struct key *key;
	int err = key_open(keyring, serial, &key);

	if (err) {
		reason_set(reason, "key %d cannot be looked at: %s", serial, strerror(-err));
		return err;
	}
	/* What is read of others is the key itself. */
	if (!key->source->sealed) {
		reason_set(reason,
			   "key %d is of type %s: the kernel seals only encrypted and "
			   "trusted keys",
			   serial, key->source->type);
		err = -EOPNOTSUPP;
	}
	/* First: what is changed of it meanwhile waits, and is written by who changes it. */
	if (!err)
		err = begin(&run, slot, true, reason);
	if (err) {
		key_free(key);
		return err;
	}
	err = key_describe(serial, &info);
	if (!err) {
		record = (struct record){.type = strdup(info.type),
					 .description = info.description,
					 .perm = info.perm};
		err = record.type ? stored_name(key, name) : -ENOMEM;
	}
	if (!err)
		err = changes_of(keyring, name, &record.changes);
	if (!err) {
		struct reason why = {""};

		tell_result(&run, name, &record, save(&run, key, name, &record, &why), &why);
	}
	folder_close(run.store);
	record_free(&record);
	key_free(key);
	return err;
}
