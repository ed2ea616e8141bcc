/* SPDX-License-Identifier: BSD-2-Clause */
#include "stash.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "disk.h"
#include "fake-kernel.h"
#include "kernel/keyring.h"
#include "key/own.h"
#include "key/serials.h"
#include "mech/mechanism.h"
#include "mech/prf.h"
#include "token/sidecar.h"
#include "token/store.h"

struct slot stash_slot;
int32_t stash_master;
const uint8_t stash_bytes[33] = "thirty-two bytes of a master key";
struct stash_told stash_told[64];
size_t stash_n_told;

int32_t stash_give_master(void)
{
	stash_master =
		fake_key_add(FAKE_SESSION_KEYRING, "user", "kmk", stash_bytes, 32, FAKE_PERM);
	return stash_master;
}

int stash_setup(void **state)
{
	if (disk_setup(state))
		return -1;
	fake_reset();
	own_abandon();
	serials_forget();
	stash_slot = (struct slot){.label = "x", .master = "user:kmk", .store = disk_store};
	stash_n_told = 0;
	stash_give_master();
	return 0;
}

int stash_teardown(void **state)
{
	/* What is left in the process's own keyring is left in the kernel. */
	size_t left = fake_keys("encrypted") + fake_keys("trusted");
	int32_t *list;
	int count;

	for (int i = 0; i < 2; i++) {
		count = keyring_list(i ? FAKE_SESSION_KEYRING : FAKE_USER_KEYRING, &list);
		for (int j = 0; j < count; j++) {
			struct key_info info;

			if (key_describe(list[j], &info))
				continue;
			left -= !strcmp(info.type, "encrypted") || !strcmp(info.type, "trusted");
			free(info.description);
		}
		free(list);
	}
	own_clear();
	fake_reset();
	return disk_teardown(state) || left || fake_open_sockets() ? -1 : 0;
}

/* What HMAC-SHA256 makes of nothing with KEY. */
static void print(const struct key *key, uint8_t out[32])
{
	const struct iovec none = {.iov_base = NULL, .iov_len = 0};
	struct prf prf;

	assert_int_equal(prf_open(&prf, mechanism_find(CKM_SHA256_HMAC), &key->transform_key),
			 CKR_OK);
	assert_int_equal(prf_compute(&prf, &none, 1, out), CKR_OK);
	prf_close(&prf);
}

struct stash_key stash_make(const char *description, const char *master)
{
	struct stash_key made = {.type = master ? "encrypted" : "trusted",
				 .changes = "",
				 .perm = KEY_PERM_POSSESSOR};
	static uint8_t payload[32];
	struct key *key;
	char order[256];

	snprintf(made.description, sizeof(made.description), "%s", description);
	snprintf(order, sizeof(order), "new default %s 32", master ? master : "");
	payload[0]++;
	made.serial =
		master ? key_add("encrypted", description, order, strlen(order), FAKE_USER_KEYRING)
		       : fake_key_add(FAKE_USER_KEYRING, "trusted", description, payload,
				      sizeof(payload), FAKE_PERM);
	assert_true(made.serial > 0);
	assert_int_equal(key_set_perm(made.serial, made.perm), 0);
	assert_int_equal(key_open(FAKE_USER_KEYRING, made.serial, &key), 0);
	assert_int_equal(stored_name(key, made.file), 0);
	print(key, made.print);
	key_free(key);
	return made;
}

static const char *unique_id_of(const struct stash_key *key)
{
	static char unique_id[RECORD_NAME_MAX];

	snprintf(unique_id, sizeof(unique_id), "%.16s", key->file);
	return unique_id;
}

void stash_change(struct stash_key *key, const char *changes)
{
	assert_int_equal(sidecar_write(FAKE_USER_KEYRING, unique_id_of(key), changes), 0);
	key->changes = changes;
}

void stash_permit(struct stash_key *key, uint32_t perm)
{
	fake_key_set_perm(key->serial, perm);
	key->perm = perm;
}

void stash_reboot(void)
{
	own_clear();
	assert_int_equal(keyring_clear(FAKE_USER_KEYRING), 0);
}

void stash_tell(void *user, const struct told *told)
{
	struct stash_told *one = &stash_told[stash_n_told++];

	assert_true(stash_n_told < 64);
	assert_non_null(told->file);
	*one = (struct stash_told){.outcome = told->outcome};
	snprintf(one->file, sizeof(one->file), "%s", told->file);
	if (told->outcome == OUTCOME_FAILED) {
		assert_true(told->why && *told->why);
		snprintf(one->why, sizeof(one->why), "%s", told->why);
	}
}

void stash_load(void)
{
	struct reason reason = {""};

	stash_n_told = 0;
	if (restore_load(&stash_slot, FAKE_USER_KEYRING, stash_tell, NULL, &reason))
		fail_msg("%s", reason.text);
}

void stash_rotate(void)
{
	struct reason reason = {""};

	stash_n_told = 0;
	if (restore_rotate(&stash_slot, stash_tell, NULL, &reason))
		fail_msg("%s", reason.text);
}

bool stash_is(const struct stash_key *key, enum outcome outcome)
{
	for (size_t i = 0; i < stash_n_told; i++)
		if (!strcmp(stash_told[i].file, key->file))
			return stash_told[i].outcome == outcome;
	fail_msg("nothing is told of %s", key->description);
	return false;
}

void stash_said(const struct stash_key *key, enum outcome outcome, const char *why)
{
	size_t times = 0;

	for (size_t i = 0; i < stash_n_told; i++) {
		const struct stash_told *one = &stash_told[i];

		if (strcmp(one->file, key->file) != 0)
			continue;
		times++;
		if (one->outcome != outcome || (why && !strstr(one->why, why)))
			fail_msg("of %s: %d, %s", key->description, one->outcome, one->why);
	}
	if (times != 1)
		fail_msg("%zu times it is told of %s", times, key->description);
}

void stash_save_all(const struct stash_key *keys, size_t count, enum outcome outcome)
{
	struct reason reason = {""};

	stash_n_told = 0;
	for (size_t i = 0; i < count; i++) {
		if (restore_save(&stash_slot, FAKE_USER_KEYRING, keys[i].serial, stash_tell, NULL,
				 &reason))
			fail_msg("%s", reason.text);
		stash_said(&keys[i], outcome, NULL);
	}
}

void stash_is_back(struct stash_key *key)
{
	int found = key_search(FAKE_USER_KEYRING, key->type, key->description), sidecar;
	struct key_info info;
	uint8_t made[32];
	struct key *there;
	char *changes;

	if (found <= 0)
		fail_msg("%s is not there", key->description);
	key->serial = found;
	assert_int_equal(key_describe(found, &info), 0);
	assert_int_equal(info.perm, key->perm);
	free(info.description);
	assert_int_equal(key_open(FAKE_USER_KEYRING, found, &there), 0);
	print(there, made);
	key_free(there);
	assert_memory_equal(made, key->print, sizeof(made));
	sidecar = sidecar_find(FAKE_USER_KEYRING, unique_id_of(key));
	if (!*key->changes) {
		assert_int_equal(sidecar, -ENOKEY);
		return;
	}
	assert_true(sidecar > 0);
	assert_int_equal(sidecar_read(sidecar, FAKE_USER_KEYRING, &changes), 0);
	assert_string_equal(changes, key->changes);
	free(changes);
}

size_t stash_sidecars(void)
{
	int32_t *list;
	int count = keyring_list(FAKE_USER_KEYRING, &list);
	size_t n = 0;

	for (int i = 0; i < count; i++) {
		struct key *key;

		if (key_open(FAKE_USER_KEYRING, list[i], &key))
			continue;
		n += sidecar_of(key) != NULL;
		key_free(key);
	}
	free(list);
	return n;
}
