/* SPDX-License-Identifier: BSD-2-Clause */
/* A store's keys under another master, and a store that is loaded, saved or rotated while the
 * kernel or the disk fails. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "disk.h"
#include "fake-kernel.h"
#include "kernel/folder.h"
#include "stash.h"
#include "token/store.h"

enum { KEYS = 3 };

static struct stash_key keys[KEYS + 1];

/* The last is trusted. */
static void make_keys(void)
{
	keys[0] = stash_make("pkcs11:object=a%20%0A?x-key-type=aes&x-uid=01", "user:kmk");
	keys[1] = stash_make("pkcs11:object=b?x-uid=02", "user:kmk");
	keys[2] = stash_make("no pkcs11: URI", "user:kmk");
	keys[KEYS] = stash_make("kmk2", NULL);
	stash_change(&keys[1], "pkcs11:object=c");
	stash_permit(&keys[2], 0x1b0b0000);
	stash_save_all(keys, KEYS + 1, OUTCOME_DONE);
}

static int32_t give_new_master(void)
{
	stash_slot.master = "user:new";
	return fake_key_add(FAKE_SESSION_KEYRING, "user", "new", stash_bytes + 1, 32, FAKE_PERM);
}

/* The master that the file of KEY names, where its MAC is right. */
static const char *master_of(const struct stash_key *key)
{
	static char master[MASTER_MAX];
	struct reason reason = {""};
	struct stored stored;
	int store = folder_open(disk_store, false);

	assert_true(store >= 0);
	if (stored_read(store, key->file, &stored, &reason) || stored_check(&stored, NULL, &reason))
		fail_msg("%s: %s", key->file, reason.text);
	if (!record_master(&stored.record, master))
		strcpy(master, "none");
	stored_free(&stored);
	folder_close(store);
	return master;
}

static void all_keys_are_sealed_anew(void **state)
{
	char *before, *after;
	size_t len;

	make_keys();
	before = disk_read(keys[KEYS].file, &len);
	give_new_master();
	stash_rotate();
	/* Trusted keys have no master. */
	assert_int_equal(stash_n_told, KEYS);
	for (int i = 0; i < KEYS; i++) {
		stash_said(&keys[i], OUTCOME_DONE, NULL);
		assert_string_equal(master_of(&keys[i]), "user:new");
		stash_is_back(&keys[i]);
	}
	after = disk_read(keys[KEYS].file, &len);
	assert_string_equal(before, after);
	free(after);
	/* Nothing is written again. */
	after = disk_read(keys[0].file, &len);
	free(before);
	before = after;
	disk_fail("write", 1, EIO);
	stash_rotate();
	disk_fail(NULL, 0, 0);
	for (int i = 0; i < KEYS; i++)
		stash_said(&keys[i], OUTCOME_ALREADY, NULL);
	after = disk_read(keys[0].file, &len);
	assert_string_equal(before, after);
	free(before);
	free(after);
	/* Without the old master they come back, with all that was known of them. */
	stash_reboot();
	fake_key_unlink(stash_master);
	stash_load();
	for (int i = 0; i <= KEYS; i++)
		stash_is_back(&keys[i]);
}

/* Those in the keyring are still under the old master; what is saved is what is there. */
static void keys_in_use_stay_as_they_are(void **state)
{
	make_keys();
	give_new_master();
	stash_rotate();
	for (int i = 0; i < KEYS; i++) {
		int32_t serial = keys[i].serial;

		stash_is_back(&keys[i]);
		assert_int_equal(keys[i].serial, serial);
	}
	stash_save_all(keys, KEYS, OUTCOME_ALREADY);
	stash_change(&keys[0], "pkcs11:object=later");
	stash_save_all(keys, 1, OUTCOME_DONE);
	for (int i = 0; i < KEYS; i++)
		assert_string_equal(master_of(&keys[i]), "user:new");
}

static void both_masters_must_be_there(void **state)
{
	struct reason reason = {""};
	int32_t new;

	make_keys();
	stash_slot.master = "user:new";
	assert_int_equal(restore_rotate(&stash_slot, stash_tell, NULL, &reason), -ENOKEY);
	assert_non_null(strstr(reason.text, "the new master user:new is not found"));
	stash_slot.master = NULL;
	assert_int_equal(restore_rotate(&stash_slot, stash_tell, NULL, &reason), -ENOKEY);
	assert_non_null(strstr(reason.text, "master = user:NAME"));
	stash_slot.master = "user:new";
	new = give_new_master();
	stash_slot.store = NULL;
	assert_int_equal(restore_rotate(&stash_slot, stash_tell, NULL, &reason), -ENOENT);
	stash_slot.store = disk_store;
	fake_key_unlink(stash_master);
	stash_rotate();
	for (int i = 0; i < KEYS; i++)
		stash_said(&keys[i], OUTCOME_FAILED, "its master key user:kmk is not there");
	stash_give_master();
	for (int i = 0; i < KEYS; i++)
		assert_string_equal(master_of(&keys[i]), "user:kmk");
	fake_key_unlink(new);
}

static void each_file_has_its_own_master(void **state)
{
	int32_t third =
		fake_key_add(FAKE_SESSION_KEYRING, "user", "third", stash_bytes, 30, FAKE_PERM);
	struct stash_key other = stash_make("pkcs11:object=d?x-uid=04", "user:third");

	make_keys();
	stash_save_all(&other, 1, OUTCOME_DONE);
	give_new_master();
	fake_key_unlink(stash_master);
	stash_rotate();
	stash_said(&other, OUTCOME_DONE, NULL);
	for (int i = 0; i < KEYS; i++)
		stash_said(&keys[i], OUTCOME_FAILED, "user:kmk is not there");
	stash_give_master();
	fake_key_unlink(third);
	stash_rotate();
	stash_said(&other, OUTCOME_ALREADY, NULL);
	for (int i = 0; i < KEYS; i++)
		stash_said(&keys[i], OUTCOME_DONE, NULL);
}

/* Or who reads that all is as wanted would take the old master away, and keep a file that brings
 * nothing back. */
static void what_is_damaged_is_not_as_wanted(void **state)
{
	char *text;
	size_t len;

	make_keys();
	give_new_master();
	stash_rotate();
	text = disk_read(keys[0].file, &len);
	text[len - 2] ^= 1;
	disk_write(keys[0].file, text, len);
	free(text);
	stash_rotate();
	stash_said(&keys[0], OUTCOME_FAILED, "it was changed");
	stash_said(&keys[1], OUTCOME_ALREADY, NULL);
}

/* The kernel does not: encrypted_update(), valid_master_desc(). */
static void a_master_of_another_kind_is_refused(void **state)
{
	make_keys();
	stash_slot.master = "trusted:kmk2";
	stash_rotate();
	for (int i = 0; i < KEYS; i++) {
		stash_said(&keys[i], OUTCOME_FAILED, "one of its own kind");
		assert_string_equal(master_of(&keys[i]), "user:kmk");
	}
}

static void what_was_changed_by_others_is_not_sealed(void **state)
{
	char *text;
	size_t len;

	make_keys();
	text = disk_read(keys[1].file, &len);
	strstr(text, "object=c")[7] = 'd';
	disk_write(keys[1].file, text, len);
	free(text);
	give_new_master();
	stash_rotate();
	stash_said(&keys[0], OUTCOME_DONE, NULL);
	stash_said(&keys[1], OUTCOME_FAILED, "it was changed");
	stash_said(&keys[2], OUTCOME_DONE, NULL);
}

static const char *const of_kernel[] = {
	"key_add",     "key_set_perm",       "key_move",     "key_unlink",
	"key_update",  "keyring_possess",    "keyring_list", "key_describe",
	"key_request", "key_read",           "key_search",   "alg_bind",
	"alg_accept",  "alg_set_key_serial", "alg_send",     "alg_recv"};
static const char *const of_disk[] = {"write",    "close",       "fsync",
				      "renameat", "sync-folder", "unlinkat"};

enum { KERNEL = sizeof(of_kernel) / sizeof(*of_kernel), DISK = sizeof(of_disk) / sizeof(*of_disk) };

static unsigned int calls;
static const char *counted;

static void count(const char *function)
{
	calls += !strcmp(function, counted);
}

/* Lets each call that DEED makes fail, in a store and kernel of its own, and CHECK what is left. */
static void with_each_failing(void (*before)(void), int (*deed)(void), void (*check)(void))
{
	for (size_t i = 0; i < KERNEL + DISK; i++) {
		for (unsigned int nth = 1; nth == 1 || calls + 1 >= nth; nth++) {
			assert_int_equal(stash_setup(NULL), 0);
			before();
			calls = 0;
			counted = i < KERNEL ? of_kernel[i] : of_disk[i - KERNEL];
			fake_watch_calls(count);
			disk_watch(count);
			if (i < KERNEL)
				fake_fail(counted, nth, nth % 2 ? -EIO : -EACCES);
			else
				disk_fail(counted, nth, ENOSPC);
			stash_n_told = 0;
			deed();
			fake_fail(NULL, 0, 0);
			disk_fail(NULL, 0, 0);
			fake_watch_calls(NULL);
			disk_watch(NULL);
			check();
			/* What could not be unlinked is left. */
			if (!strcmp(counted, "key_unlink"))
				stash_reboot();
			if (stash_teardown(NULL))
				fail_msg("%s, %u: something is left", counted, nth);
		}
	}
}

static struct reason why;

static int load(void)
{
	return restore_load(&stash_slot, FAKE_USER_KEYRING, stash_tell, NULL, &why);
}

static int rotate(void)
{
	return restore_rotate(&stash_slot, stash_tell, NULL, &why);
}

static int save(void)
{
	return restore_save(&stash_slot, FAKE_USER_KEYRING, keys[0].serial, stash_tell, NULL, &why);
}

static void before_load(void)
{
	make_keys();
	stash_reboot();
}

static void before_rotation(void)
{
	make_keys();
	give_new_master();
}

static void before_saving(void)
{
	make_keys();
	stash_change(&keys[0], "pkcs11:object=new");
}

/* Of each key it was told whether it is there, and the rest comes by the next run. */
static void check_load(void)
{
	for (size_t i = 0; i <= KEYS && stash_n_told == KEYS + 1; i++)
		if (stash_is(&keys[i], OUTCOME_DONE))
			stash_is_back(&keys[i]);
	stash_load();
	for (size_t i = 0; i <= KEYS; i++)
		stash_is_back(&keys[i]);
}

/* Each file is of one master or the other. */
static void check_rotation(void)
{
	assert_int_equal(disk_count(), KEYS + 1);
	for (size_t i = 0; i < KEYS; i++) {
		const char *master = master_of(&keys[i]);

		if (strcmp(master, "user:new") != 0)
			assert_string_equal(master, "user:kmk");
		if (stash_n_told == KEYS && stash_is(&keys[i], OUTCOME_DONE))
			assert_string_equal(master, "user:new");
	}
	stash_reboot();
	stash_load();
	for (size_t i = 0; i <= KEYS; i++)
		stash_is_back(&keys[i]);
	stash_rotate();
	for (size_t i = 0; i < KEYS; i++)
		assert_string_equal(master_of(&keys[i]), "user:new");
}

static void check_saving(void)
{
	struct reason reason = {""};

	/* After a folder that could not be synchronized, it may be there already. */
	assert_int_equal(restore_save(&stash_slot, FAKE_USER_KEYRING, keys[0].serial, stash_tell,
				      NULL, &reason),
			 0);
	assert_int_not_equal(stash_told[stash_n_told - 1].outcome, OUTCOME_FAILED);
	stash_reboot();
	stash_load();
	stash_is_back(&keys[0]);
}

static void a_load_that_fails_can_be_done_again(void **state)
{
	with_each_failing(before_load, load, check_load);
}

static void a_rotation_that_fails_can_be_done_again(void **state)
{
	with_each_failing(before_rotation, rotate, check_rotation);
}

static void a_saving_that_fails_can_be_done_again(void **state)
{
	with_each_failing(before_saving, save, check_saving);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, stash_setup, stash_teardown)
	const struct CMUnitTest tests[] = {
		TEST(all_keys_are_sealed_anew),
		TEST(keys_in_use_stay_as_they_are),
		TEST(both_masters_must_be_there),
		TEST(each_file_has_its_own_master),
		TEST(what_is_damaged_is_not_as_wanted),
		TEST(a_master_of_another_kind_is_refused),
		TEST(what_was_changed_by_others_is_not_sealed),
		cmocka_unit_test(a_load_that_fails_can_be_done_again),
		cmocka_unit_test(a_rotation_that_fails_can_be_done_again),
		cmocka_unit_test(a_saving_that_fails_can_be_done_again),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("rotate", tests, NULL, NULL);
}
