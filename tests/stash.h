/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For tests of token/restore.h over the fake kernel: keys in the user keyring, their store in
 * disk_store, and what is told of them. The master user:kmk is in the session keyring, which no
 * stash_reboot() clears.
 */
#ifndef TESTS_STASH_H
#define TESTS_STASH_H

#include <stdbool.h>
#include <stdint.h>

#include "token/restore.h"
#include "token/slot.h"

struct stash_key {
	int32_t serial; /* 0: after a reboot */
	const char *type;
	char description[128];
	const char *changes; /* "": none */
	uint32_t perm;
	char file[RECORD_NAME_MAX];
	uint8_t print[32]; /* a MAC that it makes */
};

extern struct slot stash_slot;
extern int32_t stash_master;
extern const uint8_t stash_bytes[33];

int stash_setup(void **state);
int stash_teardown(void **state);

int32_t stash_give_master(void);

/* A key of type encrypted under MASTER, or (NULL) trusted. */
struct stash_key stash_make(const char *description, const char *master);

/* Writes the sidecar, and sets the permissions. */
void stash_change(struct stash_key *key, const char *changes);
void stash_permit(struct stash_key *key, uint32_t perm);

/* All keys but the masters in the session keyring are gone. */
void stash_reboot(void);

/* What was told by the last of the following, which are restore.h's, and return 0. */
struct stash_told {
	char file[64], why[512];
	enum outcome outcome;
};
extern struct stash_told stash_told[64];
extern size_t stash_n_told;
teller stash_tell;
void stash_load(void);
void stash_rotate(void);
/* Each of COUNT KEYS; that OUTCOME is told of it. */
void stash_save_all(const struct stash_key *keys, size_t count, enum outcome outcome);

/* Whether OUTCOME was told of KEY. Once, where that must be, and why (NULL: no matter). */
bool stash_is(const struct stash_key *key, enum outcome outcome);
void stash_said(const struct stash_key *key, enum outcome outcome, const char *why);

/* KEY is in the user keyring as it was; its serial number becomes known. */
void stash_is_back(struct stash_key *key);

/* Sidecars in the user keyring. */
size_t stash_sidecars(void);

#endif
