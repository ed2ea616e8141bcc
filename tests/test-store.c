/* SPDX-License-Identifier: BSD-2-Clause */
/* A token's store, through the C_ functions over the fake kernel and the real file system: files
 * follow what becomes of keys, and where one of the two fails both are as they were. */
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

#include "conf.h"
#include "disk.h"
#include "fake-kernel.h"
#include "kcryptoki.h"
#include "kernel/folder.h"
#include "kernel/keyring.h"
#include "maker.h"
#include "token/sidecar.h"
#include "token/store.h"

#define SEALED TOKEN_KEY, NUMBER(CKA_VALUE_LEN, 32), TEXT(CKA_LABEL, "sealed \n%")
#define LABEL(text) TEXT(CKA_LABEL, text)

enum { WITHOUT = 1 };

static int32_t master;

/* The token's configuration, with a store unless WITHOUT. */
static void configure(int without)
{
	char text[256];

	snprintf(text, sizeof(text), "[token x]\nkeyring = user\nmaster = user:kmk\n%s%s\n",
		 without ? "" : "store = ", without ? "" : disk_store);
	maker_configure(text);
}

static void give_master(void)
{
	master = fake_key_add(FAKE_USER_KEYRING, "user", "kmk", maker_bytes, 32, FAKE_PERM);
}

static int setup(void **state)
{
	int err = disk_setup(state);

	if (!err)
		err = maker_setup(state);
	if (!err) {
		configure(0);
		give_master();
	}
	return err;
}

static int teardown(void **state)
{
	int err = maker_teardown(state);

	return disk_teardown(state) ? -1 : err;
}

static CK_RV try_generate(CK_OBJECT_HANDLE *key)
{
	return C_GenerateKey(maker_rw, &(CK_MECHANISM){CKM_AES_KEY_GEN, NULL, 0}, LIST(SEALED),
			     key);
}

static CK_OBJECT_HANDLE generate(void)
{
	return maker_generate(CKM_AES_KEY_GEN, LIST(SEALED));
}

static CK_RV relabel(CK_OBJECT_HANDLE key, const char *label)
{
	CK_ATTRIBUTE attribute = {CKA_LABEL, (void *)label, strlen(label)};

	return C_SetAttributeValue(maker_rw, key, &attribute, 1);
}

static bool is_label(CK_OBJECT_HANDLE key, const char *label)
{
	return !strcmp(maker_text(key, CKA_LABEL, NULL), label);
}

static const char *file_of(CK_OBJECT_HANDLE key)
{
	static char name[RECORD_NAME_MAX];

	record_name_of(maker_text(key, CKA_UNIQUE_ID, NULL), name);
	return name;
}

/* What is in the file of KEY, whose MAC is right; to be freed. */
static struct stored stored_of(CK_OBJECT_HANDLE key)
{
	struct reason reason = {""};
	int store = folder_open(disk_store, false);
	struct stored stored;

	assert_true(store >= 0);
	if (stored_read(store, file_of(key), &stored, &reason) ||
	    stored_check(&stored, NULL, &reason))
		fail_msg("%s: %s", file_of(key), reason.text);
	folder_close(store);
	return stored;
}

/* What the file of KEY says was changed of it. */
static void check_changes(CK_OBJECT_HANDLE key, const char *expected)
{
	struct stored stored = stored_of(key);

	assert_string_equal(stored.record.changes, expected);
	stored_free(&stored);
}

static char *sidecar_payload(CK_OBJECT_HANDLE key)
{
	int serial = sidecar_find(FAKE_USER_KEYRING, maker_text(key, CKA_UNIQUE_ID, NULL));
	char *changes;

	assert_true(serial > 0);
	assert_int_equal(sidecar_read(serial, FAKE_USER_KEYRING, &changes), 0);
	return changes;
}

/* Encrypted keys that anybody can see. */
static size_t seen(void)
{
	int32_t *list;
	int count = keyring_list(FAKE_USER_KEYRING, &list);
	size_t n = 0;

	for (int i = 0; i < count; i++) {
		struct key_info info;

		assert_int_equal(key_describe(list[i], &info), 0);
		n += !strcmp(info.type, "encrypted");
		free(info.description);
	}
	free(list);
	return n;
}

/* What changes something, in its order. */
static char steps[2048];

static void note(const char *function)
{
	static const char *const noted[] = {"key_add",     "key_move", "key_unlink", "renameat",
					    "sync-folder", "fsync",    "unlinkat"};

	for (size_t i = 0; i < sizeof(noted) / sizeof(*noted); i++)
		if (!strcmp(noted[i], function))
			snprintf(steps + strlen(steps), sizeof(steps) - strlen(steps), "%s ",
				 function);
}

static void watch(bool on)
{
	fake_watch_calls(on ? note : NULL);
	disk_watch(on ? note : NULL);
	if (on)
		*steps = '\0';
}

static struct {
	unsigned int times;
	size_t seen, files;
	int read; /* what record_read() said of the file */
} moved;

/* At the moment when the key is to be seen. The module is at work: nothing may end it here. */
static void look_at_move(const char *function)
{
	struct reason reason = {""};
	struct record record;
	char name[256], *text;
	size_t len;

	if (strcmp(function, "key_move") != 0)
		return;
	fake_watch_calls(NULL);
	moved.times++;
	moved.seen = seen();
	moved.files = disk_count();
	if (!moved.files)
		return;
	disk_first(NULL, name);
	text = disk_read(name, &len);
	moved.read = record_read(&record, text, len, &reason);
	if (!moved.read)
		record_free(&record);
	free(text);
}

/* Who is killed between leaves a file whose key nobody knows of, and never a key that the next boot
 * forgets. */
static void a_key_is_kept_before_it_is_seen(void **state)
{
	CK_OBJECT_HANDLE key;

	memset(&moved, 0, sizeof(moved));
	fake_watch_calls(look_at_move);
	key = generate();
	assert_int_equal(moved.times, 1);
	assert_int_equal(moved.seen, 0);
	assert_int_equal(moved.files, 1);
	assert_int_equal(moved.read, 0);
	assert_true(disk_has(file_of(key)));
	assert_true(maker_bool(key, CKA_KCRYPTOKI_STORED));
	watch(true);
	generate();
	watch(false);
	assert_string_equal(steps, "key_add unlinkat fsync renameat sync-folder key_move ");
	assert_int_equal(disk_count(), 2);
}

static void a_file_says_all_of_its_key(void **state)
{
	CK_OBJECT_HANDLE key = generate();
	char *description = maker_description(key), blob[1024];
	struct stored stored = stored_of(key);
	ssize_t len = key_read(maker_serial(key), blob, sizeof(blob));

	assert_string_equal(stored.record.type, "encrypted");
	assert_string_equal(stored.record.description, description);
	assert_int_equal(stored.record.perm, maker_perm(key));
	assert_string_equal(stored.record.changes, "");
	assert_int_equal(strlen(stored.record.blob), len);
	assert_memory_equal(stored.record.blob, blob, (size_t)len);
	free(description);
	stored_free(&stored);
	/* What else becomes a key of type encrypted is kept, too. */
	fake_encrypted_of(FAKE_BYTES_TAKEN);
	key = maker_create(LIST(TOKEN_KEY, AES_KEY(maker_bytes, 32),
				TEXT(CKA_KCRYPTOKI_KEYRING_TYPE, "encrypted"),
				NUMBER(CKA_KCRYPTOKI_PERMISSIONS, KEY_PERM_USE)));
	stored = stored_of(key);
	assert_int_equal(stored.record.perm, maker_perm(key));
	assert_int_equal(stored.record.perm, KEY_PERM_READABLE | KEY_PERM_USE);
	stored_free(&stored);
	assert_int_equal(disk_count(), 2);
}

static void what_nobody_seals_is_not_stored(void **state)
{
	CK_ATTRIBUTE aes[] = {TOKEN_KEY, AES_KEY(maker_bytes, 32), LABEL("old"),
			      BOOL(CKA_EXTRACTABLE, CK_TRUE)};
	CK_OBJECT_HANDLE keys[5] = {
		maker_create(aes, 5), maker_create(aes, 6),
		maker_generate(CKM_AES_KEY_GEN,
			       LIST(TOKEN_KEY, NUMBER(CKA_VALUE_LEN, 32), LABEL("old"),
				    TEXT(CKA_KCRYPTOKI_KEYRING_TYPE, "logon"))),
		maker_generate(CKM_AES_KEY_GEN, LIST(NUMBER(CKA_VALUE_LEN, 32), LABEL("old"))),
		maker_create(aes + 1, 4)};

	for (size_t i = 0; i < 4; i++)
		assert_false(maker_bool(keys[i], CKA_KCRYPTOKI_STORED));
	MAKER_RV(maker_asked(keys[4], CKA_KCRYPTOKI_STORED), CKR_ATTRIBUTE_TYPE_INVALID);
	assert_int_not_equal(access(disk_store, F_OK), 0);
	/* Their lives go on whatever the store is like. */
	assert_int_equal(mkdir(disk_store, 0700), 0);
	assert_int_equal(chmod(disk_store, 0777), 0);
	for (size_t i = 0; i < 5; i++) {
		MAKER_RV(relabel(keys[i], "new"), CKR_OK);
		assert_true(is_label(keys[i], "new"));
		MAKER_RV(C_DestroyObject(maker_rw, keys[i]), CKR_OK);
	}
	assert_int_equal(disk_count(), 0);
}

static void a_file_follows_what_is_changed(void **state)
{
	CK_OBJECT_HANDLE key = generate();
	struct stored before = stored_of(key), after;
	char *changes;

	watch(true);
	MAKER_RV(relabel(key, "two"), CKR_OK);
	watch(false);
	assert_string_equal(steps, "unlinkat fsync renameat sync-folder key_add ");
	changes = sidecar_payload(key);
	assert_non_null(strstr(changes, "object=two"));
	check_changes(key, changes);
	free(changes);
	MAKER_RV(C_SetAttributeValue(maker_rw, key,
				     LIST(TEXT(CKA_ID, "\0 %\n"), BOOL(CKA_DECRYPT, CK_FALSE))),
		 CKR_OK);
	changes = sidecar_payload(key);
	assert_non_null(strstr(changes, "id=%00%20%25%0A;object=two"));
	check_changes(key, changes);
	free(changes);
	assert_true(maker_bool(key, CKA_KCRYPTOKI_STORED));
	after = stored_of(key);
	assert_string_equal(after.record.description, before.record.description);
	assert_string_equal(after.record.blob, before.record.blob);
	assert_int_equal(after.record.perm, before.record.perm);
	stored_free(&before);
	stored_free(&after);
	assert_int_equal(disk_count(), 1);
}

static void permissions_are_written_alone(void **state)
{
	CK_OBJECT_HANDLE object = generate();
	struct stored stored;
	struct key *key;
	char *changes;
	int store;

	MAKER_RV(relabel(object, "two"), CKR_OK);
	changes = sidecar_payload(object);
	assert_int_equal(key_open(FAKE_USER_KEYRING, maker_serial(object), &key), 0);
	store = folder_open(disk_store, false);
	MAKER_RV(store_permit(store, key, 0x1b0b0000), CKR_OK);
	store_leave(store);
	MAKER_RV(store_permit(-1, key, 0), CKR_OK);
	stored = stored_of(object);
	assert_int_equal(stored.record.perm, 0x1b0b0000);
	assert_string_equal(stored.record.changes, changes);
	stored_free(&stored);
	key_free(key);
	free(changes);
}

static void a_destroyed_key_loses_its_file_last(void **state)
{
	CK_OBJECT_HANDLE key = generate(), other = generate(), found[64];

	MAKER_RV(relabel(key, "two"), CKR_OK);
	watch(true);
	MAKER_RV(C_DestroyObject(maker_rw, key), CKR_OK);
	watch(false);
	assert_string_equal(steps, "key_unlink key_unlink unlinkat sync-folder ");
	assert_int_equal(disk_count(), 1);
	assert_true(disk_has(file_of(other)));
	assert_int_equal(maker_find(maker_ro, LIST(LABEL("two")), found), 0);
}

/* Nothing becomes lasting by itself. */
static void who_has_no_file_gets_none(void **state)
{
	CK_OBJECT_HANDLE key;
	char gone[128];

	configure(WITHOUT);
	key = generate();
	assert_false(maker_bool(key, CKA_KCRYPTOKI_STORED));
	for (int i = 0; i < 2; i++) {
		configure(0);
		assert_int_equal(maker_find(maker_ro, LIST(SECRET_KEY(CKK_AES)), &key), 1);
		assert_false(maker_bool(key, CKA_KCRYPTOKI_STORED));
		MAKER_RV(relabel(key, i ? "b" : "a"), CKR_OK);
		assert_true(is_label(key, i ? "b" : "a"));
		assert_int_equal(disk_count(), 0);
		/* With a folder, and without. */
		assert_int_equal(access(disk_store, F_OK), i ? 0 : -1);
		mkdir(disk_store, 0700);
	}
	MAKER_RV(C_DestroyObject(maker_rw, key), CKR_OK);
	/* A folder that is taken away takes no key with it. */
	key = generate();
	assert_int_equal(disk_count(), 1);
	snprintf(gone, sizeof(gone), "%s/gone", disk_folder);
	assert_int_equal(rename(disk_store, gone), 0);
	assert_false(maker_bool(key, CKA_KCRYPTOKI_STORED));
	MAKER_RV(relabel(key, "c"), CKR_OK);
	MAKER_RV(C_DestroyObject(maker_rw, key), CKR_OK);
	assert_int_not_equal(access(disk_store, F_OK), 0);
}

static const struct {
	const char *function;
	int error;
	CK_RV rv;
} disk_errors[] = {
	{"write", ENOSPC, CKR_DEVICE_MEMORY},   {"fsync", EIO, CKR_DEVICE_ERROR},
	{"close", EDQUOT, CKR_DEVICE_MEMORY},   {"renameat", EROFS, CKR_TOKEN_WRITE_PROTECTED},
	{"sync-folder", EIO, CKR_DEVICE_ERROR},
};

static void no_room_no_key(void **state)
{
	CK_OBJECT_HANDLE key = 99;

	disk_fail("mkdirat", 3, EACCES);
	MAKER_RV(try_generate(&key), CKR_TOKEN_WRITE_PROTECTED);
	assert_int_not_equal(access(disk_store, F_OK), 0);
	assert_int_equal(mkdir(disk_store, 0700), 0);
	for (size_t i = 0; i < sizeof(disk_errors) / sizeof(*disk_errors); i++) {
		disk_fail(disk_errors[i].function, 1, disk_errors[i].error);
		MAKER_RV(try_generate(&key), disk_errors[i].rv);
		assert_int_equal(key, 99);
		assert_int_equal(maker_keys(), 1);
		if (disk_count())
			fail_msg("after %s there is a file", disk_errors[i].function);
	}
	conf_log_end();
	assert_non_null(strstr(conf_logged, "its file cannot be written: No space left"));
}

static void no_room_no_change(void **state)
{
	CK_OBJECT_HANDLE key = generate();

	for (size_t i = 0; i < 2 * sizeof(disk_errors) / sizeof(*disk_errors); i++) {
		char *before = i % 2 ? sidecar_payload(key) : NULL;

		disk_fail(disk_errors[i / 2].function, 1, disk_errors[i / 2].error);
		MAKER_RV(relabel(key, "never"), disk_errors[i / 2].rv);
		if (i % 2) {
			assert_true(is_label(key, "changed"));
			check_changes(key, before);
			MAKER_RV(C_DestroyObject(maker_rw, key), CKR_OK);
			key = generate();
		} else {
			assert_true(is_label(key, "sealed \n%"));
			check_changes(key, "");
			assert_int_equal(sidecar_find(FAKE_USER_KEYRING,
						      maker_text(key, CKA_UNIQUE_ID, NULL)),
					 -ENOKEY);
			MAKER_RV(relabel(key, "changed"), CKR_OK);
		}
		free(before);
		assert_int_equal(disk_count(), 1);
	}
}

static void others_folders_are_not_used(void **state)
{
	CK_OBJECT_HANDLE key = generate(), none = 99;
	char name[RECORD_NAME_MAX];

	strcpy(name, file_of(key));
	assert_int_equal(chmod(disk_store, 0770), 0);
	MAKER_RV(try_generate(&none), CKR_TOKEN_WRITE_PROTECTED);
	MAKER_RV(relabel(key, "two"), CKR_TOKEN_WRITE_PROTECTED);
	MAKER_RV(C_DestroyObject(maker_rw, key), CKR_TOKEN_WRITE_PROTECTED);
	assert_true(is_label(key, "sealed \n%"));
	assert_int_equal(maker_keys(), 2);
	assert_int_equal(disk_count(), 1);
	conf_log_end();
	assert_non_null(strstr(conf_logged, "others may write to it"));
	assert_int_equal(chmod(disk_store, 0700), 0);
	check_changes(key, "");
	MAKER_RV(C_DestroyObject(maker_rw, key), CKR_OK);
	assert_false(disk_has(name));
	/* No folder at all. */
	assert_int_equal(rmdir(disk_store), 0);
	assert_int_equal(symlink("/dev/null", disk_store), 0);
	MAKER_RV(try_generate(&none), CKR_DEVICE_ERROR);
	assert_int_equal(maker_keys(), 1);
}

/* What is not to be kept is not made either: a file is guarded by the master. */
static void without_its_master_a_key_stays_as_it_is(void **state)
{
	CK_OBJECT_HANDLE key = generate(), none = 99;

	fake_key_unlink(master);
	MAKER_RV(try_generate(&none), CKR_DEVICE_ERROR);
	MAKER_RV(relabel(key, "two"), CKR_DEVICE_ERROR);
	assert_true(is_label(key, "sealed \n%"));
	assert_int_equal(disk_count(), 1);
	conf_log_end();
	assert_non_null(strstr(conf_logged, "its master key user:kmk is not there"));
	give_master();
	check_changes(key, "");
	MAKER_RV(relabel(key, "two"), CKR_OK);
	/* Another master under the same name vouches for nothing. */
	fake_key_update(master, "another master of some length", 29);
	MAKER_RV(relabel(key, "three"), CKR_DEVICE_ERROR);
	assert_true(is_label(key, "two"));
	fake_key_unlink(master);
	/* To destroy it takes none. */
	MAKER_RV(C_DestroyObject(maker_rw, key), CKR_OK);
	assert_int_equal(disk_count(), 0);
}

static void who_is_refused_by_the_keyring_leaves_no_file(void **state)
{
	static const int errors[] = {-EDQUOT, -EEXIST, -EIO};
	CK_OBJECT_HANDLE key = 99;
	char *before;

	for (size_t i = 0; i < 3; i++) {
		fake_fail("key_move", 1, errors[i]);
		MAKER_RV(try_generate(&key), i ? CKR_DEVICE_ERROR : CKR_DEVICE_MEMORY);
		assert_int_equal(maker_keys(), 1);
		assert_int_equal(disk_count(), 0);
	}
	fake_key_add(FAKE_SESSION_KEYRING, "user", "kmk", maker_bytes, 32, FAKE_PERM);
	fake_keyring_distant(FAKE_USER_KEYRING, true);
	fake_fail("keyring_possess", 2, -EACCES);
	MAKER_RV(try_generate(&key), CKR_TOKEN_WRITE_PROTECTED);
	assert_int_equal(disk_count(), 0);
	MAKER_RV(try_generate(&key), CKR_OK);
	assert_int_equal(disk_count(), 1);
	/* And a sidecar. */
	fake_fail("key_add", 1, -EDQUOT);
	MAKER_RV(relabel(key, "never"), CKR_DEVICE_MEMORY);
	assert_true(is_label(key, "sealed \n%"));
	check_changes(key, "");
	MAKER_RV(relabel(key, "two"), CKR_OK);
	before = sidecar_payload(key);
	fake_fail("key_add", 1, -EDQUOT);
	MAKER_RV(relabel(key, "never"), CKR_DEVICE_MEMORY);
	assert_true(is_label(key, "two"));
	check_changes(key, before);
	free(before);
	/* A key that stays keeps its file. */
	fake_fail("key_unlink", 1, -EIO);
	MAKER_RV(C_DestroyObject(maker_rw, key), CKR_DEVICE_ERROR);
	check_changes(key, before = sidecar_payload(key));
	free(before);
}

/* Otherwise it would come back unasked. */
static void a_file_that_stays_is_named(void **state)
{
	for (int i = 0; i < 2; i++) {
		CK_OBJECT_HANDLE key = generate(), found;
		char name[RECORD_NAME_MAX];

		strcpy(name, file_of(key));
		conf_log_end();
		conf_log_begin();
		disk_fail(i ? "sync-folder" : "unlinkat", 1, EIO);
		MAKER_RV(C_DestroyObject(maker_rw, key), CKR_DEVICE_ERROR);
		assert_int_equal(maker_keys(), 1);
		assert_int_equal(maker_find(maker_ro, LIST(SECRET_KEY(CKK_AES)), &found), 0);
		MAKER_RV(C_DestroyObject(maker_rw, key), CKR_OBJECT_HANDLE_INVALID);
		conf_log_end();
		assert_non_null(strstr(conf_logged, name));
		assert_non_null(strstr(conf_logged, "remove it"));
	}
}

/* Whatever it is, it is nobody's to overwrite. */
static void a_damaged_file_is_left_as_it_is(void **state)
{
	CK_OBJECT_HANDLE key = generate(), other = generate();
	char name[RECORD_NAME_MAX], *texts[2], *now;
	size_t lens[2], n;

	texts[1] = disk_read(file_of(other), &lens[1]);
	strcpy(name, file_of(key));
	texts[0] = disk_read(name, &lens[0]);
	texts[0][lens[0] / 2] ^= 1;
	for (int i = 0; i < 4; i++) {
		size_t len = i == 0 ? 0 : i == 1 ? lens[0] - 1 : lens[i == 3];
		const char *text = texts[i == 3];

		disk_write(name, text, len);
		MAKER_RV(relabel(key, "two"), CKR_DEVICE_ERROR);
		assert_true(is_label(key, "sealed \n%"));
		now = disk_read(name, &n);
		assert_int_equal(n, len);
		assert_memory_equal(now, text, len);
		free(now);
	}
	MAKER_RV(C_DestroyObject(maker_rw, key), CKR_OK);
	assert_false(disk_has(name));
	assert_true(disk_has(file_of(other)));
	free(texts[0]);
	free(texts[1]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_key_is_kept_before_it_is_seen),
		TEST(a_file_says_all_of_its_key),
		TEST(what_nobody_seals_is_not_stored),
		TEST(a_file_follows_what_is_changed),
		TEST(permissions_are_written_alone),
		TEST(a_destroyed_key_loses_its_file_last),
		TEST(who_has_no_file_gets_none),
		TEST(no_room_no_key),
		TEST(no_room_no_change),
		TEST(others_folders_are_not_used),
		TEST(without_its_master_a_key_stays_as_it_is),
		TEST(who_is_refused_by_the_keyring_leaves_no_file),
		TEST(a_file_that_stays_is_named),
		TEST(a_damaged_file_is_left_as_it_is),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
