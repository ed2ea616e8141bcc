/* SPDX-License-Identifier: BSD-2-Clause */
/* Every call of the kernel's and of the file system's that a token with a store makes fails once,
 * wherever it comes: key and file are there both, or neither. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf.h"
#include "disk.h"
#include "fake-kernel.h"
#include "kernel/folder.h"
#include "kernel/keyring.h"
#include "maker.h"
#include "token/sidecar.h"
#include "token/store.h"

static const char *const of_kernel[] = {
	"key_add",         "key_set_perm",   "key_move",        "key_unlink",
	"keyring_possess", "keyring_list",   "keyring_resolve", "key_describe",
	"key_request",     "proc_keys_read", "key_usable",      "key_read",
	"key_search",      "alg_bind",       "alg_accept",      "alg_set_key_serial",
	"alg_send",        "alg_recv"};
static const char *const of_disk[] = {"write",       "close",    "fsync",  "renameat",
				      "sync-folder", "unlinkat", "mkdirat"};

enum { KERNEL = sizeof(of_kernel) / sizeof(*of_kernel), DISK = sizeof(of_disk) / sizeof(*of_disk) };

static unsigned int calls;
static const char *counted;

static void count(const char *function)
{
	calls += !strcmp(function, counted);
}

static void begin(void)
{
	char text[256];

	assert_int_equal(disk_setup(NULL), 0);
	fake_reset();
	snprintf(text, sizeof(text), "[token x]\nkeyring = user\nmaster = user:kmk\nstore = %s\n",
		 disk_store);
	conf_write(text, strlen(text));
	maker_start();
	fake_key_add(FAKE_USER_KEYRING, "user", "kmk", maker_bytes, 32, FAKE_PERM);
}

static void end(void)
{
	maker_stop();
	assert_int_equal(fake_keys("keyring"), 0);
	assert_int_equal(disk_teardown(NULL), 0);
}

/* The NTH call of FUNCTION is to fail. */
static void plan(size_t function, unsigned int nth)
{
	calls = 0;
	counted = function < KERNEL ? of_kernel[function] : of_disk[function - KERNEL];
	fake_watch_calls(count);
	disk_watch(count);
	if (function < KERNEL)
		fake_fail(counted, nth, nth % 2 || *counted == 'a' ? -EIO : -EACCES);
	else
		disk_fail(counted, nth, EIO);
}

/* Whether it was called as often. */
static bool came(unsigned int nth)
{
	fake_fail(NULL, 0, 0);
	disk_fail(NULL, 0, 0);
	fake_watch_calls(NULL);
	disk_watch(NULL);
	return calls >= nth;
}

static CK_RV generate(CK_OBJECT_HANDLE *key)
{
	return C_GenerateKey(maker_rw, &(CK_MECHANISM){CKM_AES_KEY_GEN, NULL, 0},
			     LIST(TOKEN_KEY, NUMBER(CKA_VALUE_LEN, 32), TEXT(CKA_LABEL, "old")),
			     key);
}

static CK_RV relabel(CK_OBJECT_HANDLE *key)
{
	return C_SetAttributeValue(maker_rw, *key, LIST(TEXT(CKA_LABEL, "new")));
}

static CK_RV destroy(CK_OBJECT_HANDLE *key)
{
	return C_DestroyObject(maker_rw, *key);
}

/* What the one file says was changed of its key: is it WANTED? */
static bool says(const char *wanted)
{
	struct reason reason = {""};
	struct stored stored;
	int store = folder_open(disk_store, false);
	char name[256];
	bool is;

	disk_first(NULL, name);
	if (stored_read(store, name, &stored, &reason) || stored_check(&stored, NULL, &reason))
		fail_msg("%s: %s", name, reason.text);
	is = !strcmp(stored.record.changes, wanted);
	stored_free(&stored);
	folder_close(store);
	return is;
}

/* Whether there are KEYS encrypted keys, and a file for each. */
static void check(size_t keys, const char *during, unsigned int nth)
{
	if (fake_keys("encrypted") != keys || disk_count() != keys)
		fail_msg("%s (%s, %u): %zu keys, %zu files", during, counted, nth,
			 fake_keys("encrypted"), disk_count());
}

static void check_changed(CK_OBJECT_HANDLE key, unsigned int nth)
{
	const char *label = maker_text(key, CKA_LABEL, NULL);
	int sidecar;
	char *changes = NULL;

	if (strcmp(label, "old") != 0 && strcmp(label, "new") != 0)
		fail_msg("%s, %u: the label is %s", counted, nth, label);
	sidecar = sidecar_find(FAKE_USER_KEYRING, maker_text(key, CKA_UNIQUE_ID, NULL));
	if (sidecar > 0)
		assert_int_equal(sidecar_read(sidecar, FAKE_USER_KEYRING, &changes), 0);
	if (!says(changes ? changes : ""))
		fail_msg("%s, %u: the file says otherwise than the keyring", counted, nth);
	free(changes);
}

static void a_key_is_made_and_kept_or_neither(void **state)
{
	for (size_t i = 0; i < KERNEL + DISK; i++) {
		bool reached = true;

		for (unsigned int nth = 1; reached; nth++) {
			CK_OBJECT_HANDLE key = 99;
			CK_RV rv;

			begin();
			plan(i, nth);
			rv = generate(&key);
			reached = came(nth);
			check(rv == CKR_OK, "generated", nth);
			assert_true(rv == CKR_OK ? says("") : key == 99);
			end();
		}
	}
}

static void a_change_is_kept_or_is_none(void **state)
{
	for (size_t i = 0; i < KERNEL + DISK; i++) {
		bool reached = true;

		for (unsigned int nth = 1; reached; nth++) {
			CK_OBJECT_HANDLE key;

			begin();
			MAKER_RV(generate(&key), CKR_OK);
			plan(i, nth);
			relabel(&key);
			reached = came(nth);
			check(1, "changed", nth);
			check_changed(key, nth);
			end();
		}
	}
}

/* A file that cannot be taken away stays, which is said. */
static void a_key_is_destroyed_with_its_file(void **state)
{
	for (size_t i = 0; i < KERNEL + DISK; i++) {
		bool reached = true;

		for (unsigned int nth = 1; reached; nth++) {
			CK_OBJECT_HANDLE key;
			CK_RV rv;

			begin();
			MAKER_RV(generate(&key), CKR_OK);
			MAKER_RV(relabel(&key), CKR_OK);
			plan(i, nth);
			rv = destroy(&key);
			reached = came(nth);
			if (i >= KERNEL && rv != CKR_OK)
				assert_int_equal(fake_keys("encrypted"), 0);
			else
				check(rv != CKR_OK, "destroyed", nth);
			end();
		}
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, conf_setup, conf_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_key_is_made_and_kept_or_neither),
		TEST(a_change_is_kept_or_is_none),
		TEST(a_key_is_destroyed_with_its_file),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("store-faults", tests, NULL, NULL);
}
