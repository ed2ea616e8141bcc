/* SPDX-License-Identifier: BSD-2-Clause */
/* A store as a whole: what is saved comes back, and a file that is wrong costs its own key. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "disk.h"
#include "fake-kernel.h"
#include "stash.h"
#include "token/restore.h"
#include "token/sidecar.h"

static void what_is_saved_comes_back(void **state)
{
	struct stash_key keys[4] = {
		stash_make("pkcs11:object=one%20%0A%25?x-key-type=aes&x-uid=01", "user:kmk"),
		stash_make("pkcs11:object=two?x-key-type=aes&x-uid=02", "user:kmk"),
		stash_make("no pkcs11: URI\n%", "user:kmk"),
		stash_make("kmk2", NULL),
	};

	stash_change(&keys[1], "pkcs11:object=another");
	stash_permit(&keys[0], 0x1b0b0000);
	stash_save_all(keys, 4, OUTCOME_DONE);
	assert_int_equal(disk_count(), 4);
	stash_reboot();
	stash_load();
	assert_int_equal(stash_n_told, 4);
	for (int i = 0; i < 4; i++) {
		stash_said(&keys[i], OUTCOME_DONE, NULL);
		stash_is_back(&keys[i]);
	}
	assert_int_equal(fake_keys("encrypted"), 3);
	assert_int_equal(fake_keys("trusted"), 1);
	/* Once more, and nothing happens. */
	stash_load();
	for (int i = 0; i < 4; i++) {
		stash_said(&keys[i], OUTCOME_ALREADY, NULL);
		stash_is_back(&keys[i]);
	}
	assert_int_equal(fake_keys("encrypted"), 3);
	assert_int_equal(fake_keys("trusted"), 1);
}

/* Whatever the names of their files. */
static void masters_come_before_what_they_seal(void **state)
{
	struct stash_key keys[13];
	char name[64];

	keys[0] = stash_make("pkcs11:object=kmk?x-uid=0001", NULL);
	for (int i = 1; i < 13; i++) {
		snprintf(name, sizeof(name), "pkcs11:object=sealed-%d?x-key-type=aes", i);
		keys[i] = stash_make(name, "trusted:pkcs11:object=kmk?x-uid=0001");
	}
	stash_save_all(keys, 13, OUTCOME_DONE);
	stash_reboot();
	stash_load();
	for (int i = 0; i < 13; i++) {
		stash_said(&keys[i], OUTCOME_DONE, NULL);
		stash_is_back(&keys[i]);
	}
}

static size_t moves, sidecars;

/* Who sees a key sees what was changed of it. */
static void look_at_move(const char *function)
{
	if (strcmp(function, "key_move") != 0)
		return;
	fake_watch_calls(NULL);
	sidecars = stash_sidecars();
	moves++;
}

static void changes_come_back_first(void **state)
{
	struct stash_key changed = stash_make("pkcs11:object=a?x-uid=01", "user:kmk");
	struct stash_key as_it_was;

	stash_change(&changed, "pkcs11:object=c?x-usage=encrypt");
	stash_save_all(&changed, 1, OUTCOME_DONE);
	stash_reboot();
	fake_watch_calls(look_at_move);
	stash_load();
	assert_int_equal(moves, 1);
	assert_int_equal(sidecars, 1);
	stash_is_back(&changed);
	/* What is left of another life is not this one's. */
	stash_reboot();
	as_it_was = stash_make("pkcs11:object=b?x-uid=02", "user:kmk");
	stash_save_all(&as_it_was, 1, OUTCOME_DONE);
	stash_reboot();
	stash_change(&as_it_was, "pkcs11:object=stale");
	as_it_was.changes = "";
	stash_load();
	stash_is_back(&as_it_was);
	stash_is_back(&changed);
}

static void another_key_of_that_name_stays(void **state)
{
	struct stash_key key = stash_make("pkcs11:object=a?x-uid=01", "user:kmk"), other;

	stash_save_all(&key, 1, OUTCOME_DONE);
	stash_reboot();
	other = stash_make("pkcs11:object=a?x-uid=01", "user:kmk");
	stash_load();
	stash_said(&key, OUTCOME_FAILED, "is another key");
	stash_is_back(&other);
	/* Nor does it take its place in the store. */
	stash_save_all(&other, 1, OUTCOME_FAILED);
	stash_said(&other, OUTCOME_FAILED, "its file is another key's");
	stash_reboot();
	stash_load();
	stash_is_back(&key);
}

static void a_key_is_saved_once(void **state)
{
	struct stash_key key = stash_make("pkcs11:object=a?x-uid=01", "user:kmk");
	char *text, *again;
	size_t len;

	stash_save_all(&key, 1, OUTCOME_DONE);
	text = disk_read(key.file, &len);
	disk_fail("write", 1, EIO);
	stash_save_all(&key, 1, OUTCOME_ALREADY);
	disk_fail(NULL, 0, 0);
	again = disk_read(key.file, &len);
	assert_string_equal(text, again);
	free(text);
	free(again);
	/* What was changed of it meanwhile is added. */
	stash_change(&key, "pkcs11:object=b");
	stash_save_all(&key, 1, OUTCOME_DONE);
	stash_save_all(&key, 1, OUTCOME_ALREADY);
	stash_permit(&key, 0x1b0b0000);
	stash_save_all(&key, 1, OUTCOME_DONE);
	stash_save_all(&key, 1, OUTCOME_ALREADY);
	assert_int_equal(disk_count(), 1);
	stash_reboot();
	stash_load();
	stash_is_back(&key);
	/* A file that fails is as it was. */
	stash_change(&key, "pkcs11:object=c");
	disk_fail("fsync", 1, ENOSPC);
	stash_save_all(&key, 1, OUTCOME_FAILED);
	stash_said(&key, OUTCOME_FAILED, "No space left");
	stash_reboot();
	key.changes = "pkcs11:object=b";
	stash_load();
	stash_is_back(&key);
}

/* The bytes of a key of type user are what is read of it. */
static void what_nobody_seals_is_not_saved(void **state)
{
	static const char *const types[] = {"user", "logon", "keyring"};
	struct reason reason = {""};

	for (size_t i = 0; i < 3; i++) {
		int32_t serial = fake_key_add(FAKE_USER_KEYRING, types[i], "pkcs11:object=a",
					      stash_bytes, 32, FAKE_PERM);

		assert_true(restore_save(&stash_slot, FAKE_USER_KEYRING, serial, stash_tell, NULL,
					 &reason) < 0 ||
			    (stash_n_told && stash_told[0].outcome == OUTCOME_FAILED));
		assert_true(*reason.text || (stash_n_told && *stash_told[0].why));
		assert_int_equal(disk_count(), 0);
	}
}

static void what_cannot_be_saved_is_said(void **state)
{
	struct stash_key key = stash_make("pkcs11:object=a?x-uid=01", "user:kmk");
	struct slot without = stash_slot;
	struct reason reason = {""};
	char *text, *now;
	size_t len, n;

	fake_key_unlink(stash_master);
	stash_save_all(&key, 1, OUTCOME_FAILED);
	stash_said(&key, OUTCOME_FAILED, "master key");
	assert_int_equal(disk_count(), 0);
	stash_give_master();
	assert_int_equal(restore_save(&stash_slot, FAKE_USER_KEYRING, 1, stash_tell, NULL, &reason),
			 -ENOKEY);
	assert_non_null(strstr(reason.text, "key 1 cannot be looked at"));
	without.store = NULL;
	assert_int_equal(
		restore_save(&without, FAKE_USER_KEYRING, key.serial, stash_tell, NULL, &reason),
		-ENOENT);
	assert_non_null(strstr(reason.text, "store = FOLDER"));
	stash_save_all(&key, 1, OUTCOME_DONE);
	/* A damaged file may be all that there is of a key. */
	text = disk_read(key.file, &len);
	text[len / 2] ^= 1;
	for (int cut = 0; cut < 2; cut++) {
		disk_write(key.file, text, len - (size_t)cut);
		stash_save_all(&key, 1, OUTCOME_FAILED);
		now = disk_read(key.file, &n);
		assert_int_equal(n, len - (size_t)cut);
		assert_memory_equal(now, text, n);
		free(now);
	}
	free(text);
	assert_int_equal(chmod(disk_store, 0777), 0);
	assert_int_equal(
		restore_save(&stash_slot, FAKE_USER_KEYRING, key.serial, stash_tell, NULL, &reason),
		-EPERM);
	assert_non_null(strstr(reason.text, disk_store));
}

static void there_must_be_a_store_to_load(void **state)
{
	struct slot without = stash_slot;
	struct reason reason = {""};

	without.store = NULL;
	assert_int_equal(restore_load(&without, FAKE_USER_KEYRING, stash_tell, NULL, &reason),
			 -ENOENT);
	assert_non_null(strstr(reason.text, "store = FOLDER"));
	reason = (struct reason){""};
	/* Which is empty before its folder is made for the first key. */
	assert_int_equal(restore_load(&stash_slot, FAKE_USER_KEYRING, stash_tell, NULL, &reason),
			 0);
	assert_int_not_equal(access(disk_store, F_OK), 0);
	assert_int_equal(mkdir(disk_store, 0777), 0);
	assert_int_equal(chmod(disk_store, 0777), 0);
	assert_int_equal(restore_load(&stash_slot, FAKE_USER_KEYRING, stash_tell, NULL, &reason),
			 -EPERM);
	assert_non_null(strstr(reason.text, "others may write to it"));
	assert_int_equal(stash_n_told, 0);
}

enum { GOOD, CUT, EMPTY, DAMAGED, VERSION, OTHERS, OWNER, LINKED, LARGE, FILES };

/* Each of the files in another way; what is said of it. */
static const char *const said_of[FILES] = {
	NULL,
	"cut off",
	"it is empty",
	"it was changed, or user kmk is another key",
	"another version",
	"it is a duplicate, or was renamed",
	"no file of this user's alone",
	"no file of this user's alone",
	"longer than any",
};

static void spoil(int how, const struct stash_key *key, const struct stash_key *other)
{
	static char large[RECORD_MAX + 1];
	char path[256], *text, *others;
	size_t len, others_len;

	text = disk_read(key->file, &len);
	others = disk_read(other->file, &others_len);
	snprintf(path, sizeof(path), "%s/%s", disk_store, key->file);
	/* A digit of the permissions. */
	if (how == DAMAGED)
		strstr(text, "0x3f")[2] = '1';
	if (how == VERSION)
		text[strlen("kcryptoki-store ")] = '2';
	if (how == OTHERS)
		disk_write(key->file, others, others_len);
	else if (how == LARGE)
		disk_write(key->file, large, sizeof(large));
	else
		disk_write(key->file, text, how == CUT ? len - 1 : how == EMPTY ? 0 : len);
	if (how == OWNER)
		assert_int_equal(chmod(path, 0620), 0);
	if (how == LINKED) {
		assert_int_equal(unlink(path), 0);
		assert_int_equal(symlink(other->file, path), 0);
	}
	free(text);
	free(others);
}

static void a_file_that_is_wrong_costs_its_key(void **state)
{
	struct stash_key keys[FILES];
	char name[64];

	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "pkcs11:object=%d?x-uid=%02d", i, i);
		keys[i] = stash_make(name, "user:kmk");
	}
	stash_save_all(keys, FILES, OUTCOME_DONE);
	for (int i = 1; i < FILES; i++)
		spoil(i, &keys[i], &keys[0]);
	stash_reboot();
	stash_load();
	assert_int_equal(stash_n_told, FILES);
	assert_int_equal(fake_keys("encrypted"), 1);
	for (int i = 0; i < FILES; i++)
		stash_said(&keys[i], i ? OUTCOME_FAILED : OUTCOME_DONE, said_of[i]);
	stash_is_back(&keys[0]);
	assert_int_equal(disk_count(), FILES);
	/* Whoever rotates hears the same. */
	stash_slot.master = "user:new";
	fake_key_add(FAKE_SESSION_KEYRING, "user", "new", stash_bytes + 1, 24, FAKE_PERM);
	stash_rotate();
	assert_int_equal(stash_n_told, FILES);
	for (int i = 0; i < FILES; i++)
		stash_said(&keys[i], i ? OUTCOME_FAILED : OUTCOME_DONE, said_of[i]);
	assert_int_equal(disk_count(), FILES);
}

/* Its MAC is made by itself. */
static void a_trusted_key_vouches_for_its_own_file(void **state)
{
	struct stash_key key = stash_make("kmk2", NULL);
	char *text;
	size_t len;

	stash_save_all(&key, 1, OUTCOME_DONE);
	text = disk_read(key.file, &len);
	strstr(text, "0x3f")[2] = '1';
	disk_write(key.file, text, len);
	stash_reboot();
	stash_load();
	stash_said(&key, OUTCOME_FAILED, "it was changed, or trusted kmk2 is another key");
	assert_int_equal(fake_keys("trusted"), 0);
	strstr(text, "0x1f")[2] = '3';
	/* Of a blob that the kernel does not take nothing comes either. */
	*(strstr(text, "\nmac ") - 1) ^= 1;
	disk_write(key.file, text, len);
	stash_load();
	stash_said(&key, OUTCOME_FAILED, "sealed on another machine");
	assert_int_equal(fake_keys("trusted"), 0);
	free(text);
}

static void a_missing_master_is_named(void **state)
{
	struct stash_key key = stash_make("pkcs11:object=a?x-uid=01", "user:kmk");

	stash_save_all(&key, 1, OUTCOME_DONE);
	stash_reboot();
	fake_key_unlink(stash_master);
	stash_load();
	stash_said(&key, OUTCOME_FAILED, "its master key user:kmk is not there");
	assert_int_equal(fake_keys("encrypted"), 0);
	/* Another one under its name. */
	fake_key_add(FAKE_SESSION_KEYRING, "user", "kmk", stash_bytes, 24, FAKE_PERM);
	stash_load();
	stash_said(&key, OUTCOME_FAILED, "user kmk is another key than when it was written");
	assert_int_equal(fake_keys("encrypted"), 0);
	stash_reboot();
	fake_key_revoke(stash_give_master());
	stash_load();
	stash_said(&key, OUTCOME_FAILED, "another key");
}

static void other_files_are_left_alone(void **state)
{
	static const char *const others[] = {"README", ".key", "0123456789abcdef.key~", "x.keys"};
	struct stash_key key = stash_make("pkcs11:object=a?x-uid=01", "user:kmk");
	char path[256];

	stash_save_all(&key, 1, OUTCOME_DONE);
	stash_reboot();
	for (size_t i = 0; i < 4; i++)
		disk_write(others[i], "x", 1);
	disk_write("0123456789abcdef.key.new", "half", 4);
	disk_write("x.new", "half", 4);
	snprintf(path, sizeof(path), "%s/folder.key", disk_store);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/folder.new", disk_store);
	assert_int_equal(mkdir(path, 0700), 0);
	stash_load();
	assert_int_equal(stash_n_told, 2);
	stash_said(&key, OUTCOME_DONE, NULL);
	assert_int_equal(disk_count(), 4 + 1 + 2);
	for (size_t i = 0; i < 4; i++)
		assert_true(disk_has(others[i]));
	assert_false(disk_has("x.new"));
}

/* A keyring that only its possessor may read is possessed first. */
static void a_distant_keyring_is_reached(void **state)
{
	struct stash_key key = stash_make("pkcs11:object=a?x-uid=01", "user:kmk");

	stash_save_all(&key, 1, OUTCOME_DONE);
	fake_fail("keyring_list", 1, -EACCES);
	stash_load();
	stash_said(&key, OUTCOME_ALREADY, NULL);
	stash_reboot();
	fake_keyring_distant(FAKE_USER_KEYRING, true);
	stash_load();
	stash_said(&key, OUTCOME_DONE, NULL);
	stash_is_back(&key);
}

static void the_quota_is_named(void **state)
{
	struct stash_key keys[2] = {stash_make("pkcs11:object=a?x-uid=01", "user:kmk"),
				    stash_make("pkcs11:object=b?x-uid=02", "user:kmk")};

	stash_save_all(keys, 2, OUTCOME_DONE);
	stash_reboot();
	/* The master, a keyring of this process's own, one key. */
	fake_quota(3);
	stash_load();
	assert_int_equal(fake_keys("encrypted"), 1);
	assert_int_equal(stash_n_told, 2);
	stash_said(&keys[stash_is(&keys[0], OUTCOME_DONE) ? 1 : 0], OUTCOME_FAILED,
		   "kernel.keys.maxkeys");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, stash_setup, stash_teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_is_saved_comes_back),
		TEST(masters_come_before_what_they_seal),
		TEST(changes_come_back_first),
		TEST(another_key_of_that_name_stays),
		TEST(a_key_is_saved_once),
		TEST(what_nobody_seals_is_not_saved),
		TEST(what_cannot_be_saved_is_said),
		TEST(there_must_be_a_store_to_load),
		TEST(a_file_that_is_wrong_costs_its_key),
		TEST(a_trusted_key_vouches_for_its_own_file),
		TEST(a_missing_master_is_named),
		TEST(other_files_are_left_alone),
		TEST(a_distant_keyring_is_reached),
		TEST(the_quota_is_named),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("restore", tests, NULL, NULL);
}
