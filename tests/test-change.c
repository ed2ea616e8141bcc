/* SPDX-License-Identifier: BSD-2-Clause */
/* C_SetAttributeValue, C_DestroyObject and C_GetObjectSize (PKCS#11 3.2, section 5.7). */
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
#include "fake-kernel.h"
#include "kcryptoki.h"
#include "kernel/keyring.h"
#include "maker.h"

#define LABEL(text) TEXT(CKA_LABEL, text)

/* On the token, held by the process, and in its keyring. */
enum { TOKEN, HELD, OWN, PLACES };

static CK_OBJECT_HANDLE make_key(int place)
{
	return maker_create(LIST(BOOL(CKA_TOKEN, place == TOKEN),
				 BOOL(CKA_SENSITIVE, place != HELD), AES_KEY(maker_bytes, 16),
				 LABEL("old"), TEXT(CKA_ID, "1")));
}

static CK_RV set(CK_OBJECT_HANDLE key, CK_ATTRIBUTE *list, CK_ULONG count)
{
	return C_SetAttributeValue(maker_rw, key, list, count);
}

static CK_RV destroy(CK_OBJECT_HANDLE key)
{
	return C_DestroyObject(maker_rw, key);
}

static CK_ULONG labelled(const char *label, CK_OBJECT_HANDLE *first)
{
	CK_OBJECT_HANDLE found[64];
	CK_ULONG n = maker_find(maker_ro, LIST(BYTES(CKA_LABEL, label, strlen(label))), found);

	*first = n ? found[0] : CK_INVALID_HANDLE;
	return n;
}

static bool is_label(CK_OBJECT_HANDLE key, const char *label)
{
	return !strcmp(maker_text(key, CKA_LABEL, NULL), label);
}

static void label_and_id_can_be_set(void **state)
{
	for (int place = 0; place < PLACES; place++) {
		CK_OBJECT_HANDLE key = make_key(place), first;
		CK_ULONG serial = place == HELD ? 0 : maker_number(key, CKA_KCRYPTOKI_KEY_SERIAL);
		uint8_t before[16], after[16];
		char unique[17];

		strcpy(unique, maker_text(key, CKA_UNIQUE_ID, NULL));
		MAKER_RV(maker_encrypt(maker_rw, key, before), CKR_OK);
		MAKER_RV(set(key, LIST(LABEL("new; 100% & more"), TEXT(CKA_ID, "\0\xff"))), CKR_OK);
		assert_true(is_label(key, "new; 100% & more"));
		assert_memory_equal(maker_text(key, CKA_ID, NULL), "\0\xff", 3);
		assert_string_equal(maker_text(key, CKA_UNIQUE_ID, NULL), unique);
		if (serial)
			assert_int_equal(maker_number(key, CKA_KCRYPTOKI_KEY_SERIAL), serial);
		/* A search gives the same handle, and the old name is nobody's. */
		assert_int_equal(labelled("new; 100% & more", &first), 1);
		assert_int_equal(first, key);
		assert_int_equal(labelled("old", &first), 0);
		assert_int_equal(maker_bool(key, CKA_TOKEN), place == TOKEN);
		assert_int_equal(maker_number(key, CKA_KEY_TYPE), CKK_AES);
		assert_int_equal(maker_number(key, CKA_VALUE_LEN), 16);
		MAKER_RV(maker_encrypt(maker_ro, key, after), CKR_OK);
		assert_memory_equal(before, after, 16);
		/* Clients count the end of a string in; and once more, to nothing. */
		MAKER_RV(set(key, LIST(TEXT(CKA_LABEL, "x\0"))), CKR_OK);
		assert_true(is_label(key, "x"));
		MAKER_RV(set(key, LIST(LABEL(""), TEXT(CKA_ID, ""))), CKR_OK);
		assert_true(is_label(key, ""));
		assert_string_equal(maker_text(key, CKA_ID, NULL), "");
		MAKER_RV(set(key, NULL, 0), CKR_OK);
		MAKER_RV(destroy(key), CKR_OK);
	}
	assert_int_equal(maker_keys(), 0);
}

static void a_change_is_there_after_a_restart(void **state)
{
	CK_OBJECT_HANDLE key = make_key(TOKEN);
	char unique[17];

	strcpy(unique, maker_text(key, CKA_UNIQUE_ID, NULL));
	MAKER_RV(set(key, LIST(LABEL("new"), BOOL(CKA_SIGN, CK_FALSE))), CKR_OK);
	maker_stop();
	maker_start();
	assert_int_equal(labelled("old", &key), 0);
	assert_int_equal(labelled("new", &key), 1);
	assert_string_equal(maker_text(key, CKA_UNIQUE_ID, NULL), unique);
	assert_string_equal(maker_text(key, CKA_ID, NULL), "1");
	assert_false(maker_bool(key, CKA_SIGN));
	assert_true(maker_bool(key, CKA_VERIFY));
}

static void usages_only_go_away(void **state)
{
	static const CK_ATTRIBUTE_TYPE usages[] = {CKA_ENCRYPT, CKA_DECRYPT, CKA_SIGN,  CKA_VERIFY,
						   CKA_WRAP,    CKA_UNWRAP,  CKA_DERIVE};

	for (int place = 0; place < PLACES; place++) {
		CK_OBJECT_HANDLE key = make_key(place);
		uint8_t out[16];

		for (size_t i = 0; i < sizeof(usages) / sizeof(*usages); i++) {
			CK_ATTRIBUTE yes = BOOL(usages[i], CK_TRUE), no = BOOL(usages[i], CK_FALSE);

			assert_true(maker_bool(key, usages[i]));
			MAKER_RV(set(key, &yes, 1), CKR_OK);
			MAKER_RV(set(key, &no, 1), CKR_OK);
			assert_false(maker_bool(key, usages[i]));
			MAKER_RV(set(key, &no, 1), CKR_OK);
			MAKER_RV(set(key, &yes, 1), CKR_ATTRIBUTE_READ_ONLY);
			assert_false(maker_bool(key, usages[i]));
		}
		MAKER_RV(maker_encrypt(maker_rw, key, out), CKR_KEY_FUNCTION_NOT_PERMITTED);
		MAKER_RV(set(key, LIST(LABEL("still"))), CKR_OK);
		MAKER_RV(destroy(key), CKR_OK);
	}
}

static void what_cannot_be_set_changes_nothing(void **state)
{
	static const CK_ATTRIBUTE_TYPE fixed[] = {CKA_TOKEN,
						  CKA_CLASS,
						  CKA_KEY_TYPE,
						  CKA_VALUE,
						  CKA_VALUE_LEN,
						  CKA_PRIVATE,
						  CKA_SENSITIVE,
						  CKA_EXTRACTABLE,
						  CKA_MODIFIABLE,
						  CKA_COPYABLE,
						  CKA_DESTROYABLE,
						  CKA_TRUSTED,
						  CKA_WRAP_WITH_TRUSTED,
						  CKA_ALLOWED_MECHANISMS,
						  CKA_LOCAL,
						  CKA_ALWAYS_SENSITIVE,
						  CKA_NEVER_EXTRACTABLE,
						  CKA_KEY_GEN_MECHANISM,
						  CKA_UNIQUE_ID,
						  CKA_START_DATE,
						  CKA_END_DATE,
						  CKA_CHECK_VALUE,
						  CKA_WRAP_TEMPLATE,
						  CKA_UNWRAP_TEMPLATE,
						  CKA_DERIVE_TEMPLATE,
						  CKA_KCRYPTOKI_KEY_SERIAL,
						  CKA_KCRYPTOKI_KEYRING_TYPE};
	const CK_ATTRIBUTE new = LABEL("new");
	static char long_label[1025];

	memset(long_label, 'x', sizeof(long_label));
	for (int place = 0; place < PLACES; place++) {
		CK_OBJECT_HANDLE key = make_key(place);

		for (size_t i = 0; i < sizeof(fixed) / sizeof(*fixed); i++)
			MAKER_RV(set(key, LIST(new, BOOL(fixed[i], CK_TRUE))),
				 CKR_ATTRIBUTE_READ_ONLY);
		MAKER_RV(set(key, LIST(new, BOOL(CKA_ISSUER, CK_TRUE))),
			 CKR_ATTRIBUTE_TYPE_INVALID);
		MAKER_RV(set(key, LIST(new, BOOL(CKA_SIGN, 2))), CKR_ATTRIBUTE_VALUE_INVALID);
		MAKER_RV(set(key, LIST(new, NUMBER(CKA_SIGN, 0))), CKR_ATTRIBUTE_VALUE_INVALID);
		MAKER_RV(set(key, LIST(new, BYTES(CKA_SIGN, NULL, 1))),
			 CKR_ATTRIBUTE_VALUE_INVALID);
		MAKER_RV(set(key, LIST(new, BYTES(CKA_ID, NULL, 1))), CKR_ATTRIBUTE_VALUE_INVALID);
		MAKER_RV(set(key, LIST(BYTES(CKA_LABEL, long_label, 1025))),
			 CKR_ATTRIBUTE_VALUE_INVALID);
		MAKER_RV(set(key, LIST(LABEL("\xff"))), CKR_ATTRIBUTE_VALUE_INVALID);
		MAKER_RV(set(key, LIST(new, LABEL("newer"))), CKR_TEMPLATE_INCONSISTENT);
		MAKER_RV(set(key, NULL, 1), CKR_ARGUMENTS_BAD);
		assert_true(is_label(key, "old"));
		assert_true(maker_bool(key, CKA_SIGN));
		MAKER_RV(set(key, LIST(new, new)), CKR_OK);
		MAKER_RV(set(key, LIST(BYTES(CKA_LABEL, long_label, 1024))), CKR_OK);
		MAKER_RV(destroy(key), CKR_OK);
	}
	MAKER_RV(set(99, LIST(new)), CKR_OBJECT_HANDLE_INVALID);
}

static void who_may_not_change_does_not(void **state)
{
	CK_OBJECT_HANDLE key = make_key(TOKEN), profile;
	CK_ATTRIBUTE new = LABEL("new");

	MAKER_RV(C_SetAttributeValue(maker_ro, key, &new, 1), CKR_SESSION_READ_ONLY);
	MAKER_RV(C_DestroyObject(maker_ro, key), CKR_SESSION_READ_ONLY);
	assert_true(is_label(key, "old"));
	assert_int_equal(maker_keys(), 1);
	assert_int_equal(maker_find(maker_ro, LIST(NUMBER(CKA_CLASS, CKO_PROFILE)), &profile), 1);
	MAKER_RV(set(profile, &new, 1), CKR_ACTION_PROHIBITED);
	MAKER_RV(destroy(profile), CKR_ACTION_PROHIBITED);
	for (int place = 0; place < PLACES; place++) {
		key = maker_create(LIST(BOOL(CKA_TOKEN, place == TOKEN),
					BOOL(CKA_SENSITIVE, place != HELD),
					AES_KEY(maker_bytes, 16), BOOL(CKA_MODIFIABLE, CK_FALSE)));
		MAKER_RV(set(key, &new, 1), CKR_ACTION_PROHIBITED);
		MAKER_RV(destroy(key), CKR_OK);
		key = maker_create(LIST(BOOL(CKA_TOKEN, place == TOKEN),
					BOOL(CKA_SENSITIVE, place != HELD),
					AES_KEY(maker_bytes, 16), BOOL(CKA_DESTROYABLE, CK_FALSE)));
		MAKER_RV(destroy(key), CKR_ACTION_PROHIBITED);
		MAKER_RV(set(key, &new, 1), CKR_OK);
	}
	/* A session's object is any session's to change and destroy. */
	key = make_key(HELD);
	MAKER_RV(C_SetAttributeValue(maker_ro, key, &new, 1), CKR_OK);
	MAKER_RV(C_DestroyObject(maker_ro, key), CKR_OK);
}

/* The sidecar of KEY as another process writes it. */
static void write_sidecar(CK_OBJECT_HANDLE key, const char *text)
{
	char name[64];

	snprintf(name, sizeof(name), "kcryptoki:%s", maker_text(key, CKA_UNIQUE_ID, NULL));
	assert_true(key_add("user", name, text, strlen(text), FAKE_USER_KEYRING) > 0);
}

static void what_others_change_is_seen_at_the_next_search(void **state)
{
	CK_OBJECT_HANDLE key = make_key(TOKEN), found[64];

	write_sidecar(key, "pkcs11:object=theirs;id=2?x-usage=encrypt");
	assert_int_equal(maker_find(maker_ro, LIST(LABEL("theirs")), found), 1);
	assert_int_equal(found[0], key);
	assert_string_equal(maker_text(key, CKA_ID, NULL), "2");
	assert_false(maker_bool(key, CKA_SIGN));
	/* What is changed here says what was changed there, too. */
	MAKER_RV(set(key, LIST(LABEL("ours"))), CKR_OK);
	assert_string_equal(maker_text(key, CKA_ID, NULL), "2");
	assert_false(maker_bool(key, CKA_SIGN));
	assert_true(maker_bool(key, CKA_ENCRYPT));
	/* Sidecars are no objects themselves: the key, and the profile. */
	assert_int_equal(maker_find(maker_ro, NULL, 0, found), 2);
	assert_int_equal(fake_keys("user"), 1);
}

static void a_forged_sidecar_gives_no_usage(void **state)
{
	CK_OBJECT_HANDLE key = maker_create(LIST(TOKEN_KEY, AES_KEY(maker_bytes, 16), LABEL("old"),
						 BOOL(CKA_ENCRYPT, CK_FALSE))),
			 found[64];
	uint8_t out[16];

	write_sidecar(key, "pkcs11:object=a?x-usage=encrypt,sign&x-flags=extractable,local&"
			   "x-key-type=generic-secret&x-mechanisms=aes-ecb");
	assert_int_equal(maker_find(maker_ro, LIST(LABEL("a")), found), 1);
	assert_false(maker_bool(key, CKA_ENCRYPT));
	assert_true(maker_bool(key, CKA_SIGN));
	assert_false(maker_bool(key, CKA_DECRYPT));
	assert_false(maker_bool(key, CKA_EXTRACTABLE));
	assert_false(maker_bool(key, CKA_LOCAL));
	assert_int_equal(maker_number(key, CKA_KEY_TYPE), CKK_AES);
	MAKER_RV(maker_encrypt(maker_rw, key, out), CKR_KEY_FUNCTION_NOT_PERMITTED);
}

/* Neither what is no URI nor what names no key that is there does anything. */
static void a_sidecar_that_makes_no_sense_is_passed_over(void **state)
{
	static const char *const texts[] = {"", "rubbish", "pkcs11:type=cert", "pkcs11:object=%ff",
					    "pkcs11:object=new?x-usage=fly"};
	CK_OBJECT_HANDLE key = make_key(TOKEN), found[64];

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		write_sidecar(key, texts[i]);
		assert_int_equal(maker_find(maker_ro, NULL, 0, found), 2);
		assert_true(is_label(key, "old"));
		assert_true(maker_bool(key, CKA_SIGN));
	}
	key_add("user", "kcryptoki:0123456789abcdef", "pkcs11:object=b", 15, FAKE_USER_KEYRING);
	key_add("user", "kcryptoki:short", "pkcs11:object=b", 15, FAKE_USER_KEYRING);
	fake_fail("key_read", 1, -EACCES);
	assert_int_equal(maker_find(maker_ro, NULL, 0, found), 2);
	assert_true(is_label(key, "old"));
	/* It is written over, and goes with its key; the orphans are somebody else's. */
	MAKER_RV(set(key, LIST(LABEL("new"))), CKR_OK);
	assert_true(is_label(key, "new"));
	assert_int_equal(fake_keys("user"), 3);
	MAKER_RV(destroy(key), CKR_OK);
	assert_int_equal(fake_keys("user"), 2);
}

static void a_change_that_cannot_be_written_is_none(void **state)
{
	CK_OBJECT_HANDLE key = make_key(TOKEN), found[64];
	CK_ATTRIBUTE new = LABEL("new");

	fake_quota(fake_keys("logon") + fake_keys("keyring"));
	MAKER_RV(set(key, &new, 1), CKR_DEVICE_MEMORY);
	fake_quota(0);
	fake_keyring_distant(FAKE_USER_KEYRING, true);
	for (unsigned int nth = 1; nth < 4; nth++) {
		fake_fail("keyring_possess", nth, -EPERM);
		C_SetAttributeValue(maker_rw, key, &new, 1);
		fake_fail(NULL, 0, 0);
		assert_in_range(maker_find(maker_ro, &new, 1, found), 0, 1);
	}
	fake_keyring_distant(FAKE_USER_KEYRING, false);
	assert_int_equal(maker_keys(), 2);
	MAKER_RV(destroy(key), CKR_OK);

	key = make_key(TOKEN);
	fake_fail("key_add", 1, -EPERM);
	MAKER_RV(set(key, &new, 1), CKR_TOKEN_WRITE_PROTECTED);
	fake_fail("key_add", 1, -EKEYREVOKED);
	MAKER_RV(set(key, &new, 1), CKR_DEVICE_ERROR);
	assert_int_equal(maker_find(maker_ro, &new, 1, found), 0);
	assert_true(is_label(key, "old"));
	assert_int_equal(maker_keys(), 1);
}

static void a_destroyed_key_is_gone(void **state)
{
	for (int place = 0; place < PLACES; place++) {
		CK_OBJECT_HANDLE key = make_key(place), found[64];
		uint8_t out[16];

		MAKER_RV(set(key, LIST(LABEL("new"))), CKR_OK);
		MAKER_RV(destroy(key), CKR_OK);
		assert_int_equal(maker_keys(), 0);
		MAKER_RV(destroy(key), CKR_OBJECT_HANDLE_INVALID);
		MAKER_RV(set(key, LIST(LABEL("new"))), CKR_OBJECT_HANDLE_INVALID);
		MAKER_RV(maker_encrypt(maker_rw, key, out), CKR_KEY_HANDLE_INVALID);
		MAKER_RV(maker_asked(key, CKA_LABEL), CKR_OBJECT_HANDLE_INVALID);
		assert_int_equal(maker_find(maker_ro, NULL, 0, found), 1);
	}
	MAKER_RV(destroy(CK_INVALID_HANDLE), CKR_OBJECT_HANDLE_INVALID);
}

/* p11tool does so. */
static void keys_are_destroyed_in_mid_search(void **state)
{
	CK_OBJECT_HANDLE key = 0;
	CK_ULONG n, all = 0;

	for (int i = 0; i < 6; i++)
		make_key(i % PLACES);
	MAKER_RV(C_FindObjectsInit(maker_rw, LIST(LABEL("old"))), CKR_OK);
	while (MAKER_RV(C_FindObjects(maker_rw, &key, 1, &n), CKR_OK), n) {
		MAKER_RV(destroy(key), CKR_OK);
		all++;
	}
	MAKER_RV(C_FindObjectsFinal(maker_rw), CKR_OK);
	assert_int_equal(all, 6);
	assert_int_equal(maker_keys(), 0);
}

/* What has begun ends as if nothing had happened; nothing begins after. */
static void an_operation_outlives_its_key(void **state)
{
	size_t sockets;

	/* The random generator's stays. */
	MAKER_RV(destroy(make_key(HELD)), CKR_OK);
	sockets = fake_open_sockets();
	for (int place = 0; place < PLACES; place++) {
		CK_OBJECT_HANDLE key = make_key(place);
		uint8_t before[16], out[16];
		CK_ULONG len = 16;

		MAKER_RV(maker_encrypt(maker_ro, key, before), CKR_OK);
		MAKER_RV(C_EncryptInit(maker_ro, &(CK_MECHANISM){CKM_AES_ECB, NULL, 0}, key),
			 CKR_OK);
		MAKER_RV(set(key, LIST(BOOL(CKA_ENCRYPT, CK_FALSE))), CKR_OK);
		MAKER_RV(destroy(key), CKR_OK);
		MAKER_RV(C_Encrypt(maker_ro, (CK_BYTE[16]){0}, 16, out, &len), CKR_OK);
		assert_memory_equal(before, out, 16);
	}
	/* And its socket, which knows the key, is not kept. */
	assert_int_equal(fake_open_sockets(), sockets);
}

static void a_key_that_cannot_be_destroyed_stays(void **state)
{
	CK_OBJECT_HANDLE key = make_key(TOKEN), found[64];

	fake_fail("key_unlink", 1, -EPERM);
	MAKER_RV(destroy(key), CKR_TOKEN_WRITE_PROTECTED);
	fake_keyring_distant(FAKE_USER_KEYRING, true);
	fake_fail("keyring_possess", 1, -EACCES);
	MAKER_RV(destroy(key), CKR_TOKEN_WRITE_PROTECTED);
	assert_true(is_label(key, "old"));
	assert_int_equal(maker_keys(), 1);
	assert_int_equal(maker_find(maker_ro, LIST(LABEL("old")), found), 1);
	MAKER_RV(destroy(key), CKR_OK);
	assert_int_equal(maker_keys(), 0);
	/* Where somebody else was faster it is gone all the same. */
	key = make_key(TOKEN);
	fake_key_unlink(maker_serial(key));
	MAKER_RV(destroy(key), CKR_OK);
	MAKER_RV(destroy(key), CKR_OBJECT_HANDLE_INVALID);
}

static void an_object_has_a_size(void **state)
{
	for (int place = 0; place < PLACES; place++) {
		CK_OBJECT_HANDLE key = make_key(place);
		CK_ULONG size = 0;
		char *description;

		MAKER_RV(C_GetObjectSize(maker_ro, key, &size), CKR_OK);
		assert_in_range(size, 17, 1000);
		if (place != HELD) {
			description = maker_description(key);
			/* What the kernel counts. */
			assert_int_equal(size, strlen(description) + 1 + 16);
			free(description);
		}
		MAKER_RV(C_GetObjectSize(maker_ro, key, NULL), CKR_ARGUMENTS_BAD);
		MAKER_RV(destroy(key), CKR_OK);
		MAKER_RV(C_GetObjectSize(maker_ro, key, &size), CKR_OBJECT_HANDLE_INVALID);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, maker_setup, maker_teardown)
	const struct CMUnitTest tests[] = {
		TEST(label_and_id_can_be_set),
		TEST(a_change_is_there_after_a_restart),
		TEST(usages_only_go_away),
		TEST(what_cannot_be_set_changes_nothing),
		TEST(who_may_not_change_does_not),
		TEST(what_others_change_is_seen_at_the_next_search),
		TEST(a_forged_sidecar_gives_no_usage),
		TEST(a_sidecar_that_makes_no_sense_is_passed_over),
		TEST(a_change_that_cannot_be_written_is_none),
		TEST(a_destroyed_key_is_gone),
		TEST(keys_are_destroyed_in_mid_search),
		TEST(an_operation_outlives_its_key),
		TEST(a_key_that_cannot_be_destroyed_stays),
		TEST(an_object_has_a_size),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("change", tests, NULL, NULL);
}
