/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A token's store: a folder with a file (record.h) for each of its keys that outlives a reboot,
 * those of type encrypted and trusted. While the module runs it only follows what becomes of the
 * keyring; who brings keys back from it is restore.h, at boot.
 *
 * What is written is there for good when these functions return. Each says in the log why it fails.
 */
#ifndef KCRYPTOKI_STORE_H
#define KCRYPTOKI_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "token/record.h"
#include "token/slot.h"

/*
 * Opens the store of SLOT and keeps others out of it until store_leave(). *STORE is -1 where there
 * is none, and what follows then does nothing: SLOT has no store, or (unless MAKE) its folder is
 * not there.
 */
CK_RV store_enter(const struct slot *slot, bool make, int *store);
void store_leave(int store);

/* Keeps KEY, with CHANGES (sidecar.h) made to what its description says. */
CK_RV store_keep(int store, const struct key *key, const char *changes);

/* What is known of KEY is CHANGES now, if it is kept. */
CK_RV store_change(int store, const struct key *key, const char *changes);

/* KEY has the permissions PERM (keyctl_setperm(3)) now, if it is kept. */
CK_RV store_permit(int store, const struct key *key, uint32_t perm);

/* Takes KEY away, if it is kept. */
CK_RV store_drop(int store, const struct key *key);

/* Whether the key with this CKA_UNIQUE_ID is kept, as far as this process can see. */
bool store_has(const struct slot *slot, const char *unique_id);

/* A file of the store as it was read. The following are for restore.c, too; 0 or -errno, and then
 * REASON says more. */
struct stored {
	struct record record;
	char *text;
	size_t len;
};

/* The name of KEY's file. */
int stored_name(const struct key *key, char name[RECORD_NAME_MAX]);

/* Reads file NAME, which must be its record's name, into STORED, to be given to stored_free(). */
int stored_read(int store, const char *name, struct stored *stored, struct reason *reason);
void stored_free(struct stored *stored);

/* Whether the MAC is that of what guards STORED: its master, or ITSELF. NULL: its own key is not
 * there yet, and what only that can tell passes. -ENOKEY: the master is not there. */
int stored_check(const struct stored *stored, const struct key *itself, struct reason *reason);

/* Writes RECORD, whose key is ITSELF. */
int store_write(int store, const struct record *record, const struct key *itself,
		struct reason *reason);

/* What the kernel gives of KEY, sealed, as a string in *BLOB, to be freed. */
int store_blob(const struct key *key, char **blob, struct reason *reason);

#endif
