/* SPDX-License-Identifier: BSD-2-Clause */
/* Objects of sessions: who sees them, and when they are gone (PKCS#11 3.2, section 5.6). */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf.h"
#include "fake-kernel.h"
#include "kcryptoki.h"
#include "kernel/keyring.h"
#include "maker.h"

#define SESSION_KEY NUMBER(CKA_VALUE_LEN, 16), BOOL(CKA_TOKEN, CK_FALSE)

static CK_SESSION_HANDLE open_session(CK_SLOT_ID slot)
{
	CK_SESSION_HANDLE session;

	MAKER_RV(C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session), CKR_OK);
	return session;
}

/* HELD by this process, else a key of its keyring. */
static CK_OBJECT_HANDLE make_key(CK_SESSION_HANDLE session, bool held)
{
	CK_OBJECT_HANDLE key;

	MAKER_RV(C_CreateObject(session, LIST(AES_KEY(maker_bytes, 16), BOOL(CKA_SENSITIVE, !held)),
				&key),
		 CKR_OK);
	return key;
}

static CK_ULONG find(CK_SESSION_HANDLE session, bool token)
{
	CK_OBJECT_HANDLE found[64];

	return maker_find(session, LIST(BOOL(CKA_TOKEN, token), SECRET_KEY(CKK_AES)), found);
}

static void all_sessions_of_the_token_see_them(void **state)
{
	CK_SESSION_HANDLE elsewhere = open_session(1);
	uint8_t one[16], other[16];

	for (int held = 0; held < 2; held++) {
		CK_OBJECT_HANDLE key = make_key(maker_ro, held);

		assert_int_equal(find(maker_ro, false), held + 1);
		assert_int_equal(find(maker_rw, false), held + 1);
		assert_int_equal(find(maker_rw, true), 0);
		MAKER_RV(maker_encrypt(maker_ro, key, one), CKR_OK);
		MAKER_RV(maker_encrypt(maker_rw, key, other), CKR_OK);
		assert_memory_equal(one, other, 16);
		/* Another token's know nothing of it. */
		assert_int_equal(find(elsewhere, false), 0);
		MAKER_RV(maker_encrypt(elsewhere, key, one), CKR_KEY_HANDLE_INVALID);
		MAKER_RV(C_DestroyObject(elsewhere, key), CKR_OBJECT_HANDLE_INVALID);
		MAKER_RV(C_GetAttributeValue(elsewhere, key, LIST(BOOL(CKA_TOKEN, 0))),
			 CKR_OBJECT_HANDLE_INVALID);
	}
}

static void they_go_with_their_session(void **state)
{
	CK_SESSION_HANDLE maker = open_session(0);
	CK_OBJECT_HANDLE keys[4], token, other = make_key(maker_ro, false);
	uint8_t out[16];

	for (int i = 0; i < 4; i++)
		keys[i] = make_key(maker, i % 2);
	token = maker_create(LIST(TOKEN_KEY, AES_KEY(maker_bytes, 16)));
	assert_int_equal(fake_keys("logon"), 4);
	assert_int_equal(find(maker_rw, false), 5);
	/* A changed one is still its session's; a destroyed one is not. */
	MAKER_RV(C_SetAttributeValue(maker_rw, keys[0], LIST(TEXT(CKA_LABEL, "a"))), CKR_OK);
	MAKER_RV(C_SetAttributeValue(maker_rw, keys[1], LIST(TEXT(CKA_LABEL, "b"))), CKR_OK);
	MAKER_RV(C_DestroyObject(maker_rw, keys[2]), CKR_OK);
	assert_int_equal(fake_keys("logon"), 3);
	MAKER_RV(C_CloseSession(maker), CKR_OK);
	assert_int_equal(fake_keys("logon"), 2);
	assert_int_equal(find(maker_rw, false), 1);
	for (int i = 0; i < 4; i++) {
		MAKER_RV(maker_encrypt(maker_rw, keys[i], out), CKR_KEY_HANDLE_INVALID);
		MAKER_RV(maker_asked(keys[i], CKA_LABEL), CKR_OBJECT_HANDLE_INVALID);
	}
	MAKER_RV(maker_encrypt(maker_rw, other, out), CKR_OK);
	MAKER_RV(maker_encrypt(maker_rw, token, out), CKR_OK);
	MAKER_RV(C_CloseSession(maker_rw), CKR_OK);
	MAKER_RV(maker_encrypt(maker_ro, token, out), CKR_OK);
}

static void those_that_cannot_be_destroyed_go_too(void **state)
{
	CK_SESSION_HANDLE maker = open_session(0);
	CK_OBJECT_HANDLE key;

	MAKER_RV(C_GenerateKey(maker, &(CK_MECHANISM){CKM_AES_KEY_GEN, NULL, 0},
			       LIST(SESSION_KEY, BOOL(CKA_DESTROYABLE, CK_FALSE)), &key),
		 CKR_OK);
	MAKER_RV(C_DestroyObject(maker, key), CKR_ACTION_PROHIBITED);
	MAKER_RV(C_CloseSession(maker), CKR_OK);
	assert_int_equal(fake_keys("logon"), 0);
}

static void they_go_with_all_sessions(void **state)
{
	CK_SESSION_HANDLE elsewhere = open_session(1);
	CK_OBJECT_HANDLE there = make_key(elsewhere, false);
	uint8_t out[16];

	for (int i = 0; i < 4; i++)
		make_key(i / 2 ? maker_rw : maker_ro, i % 2);
	assert_int_equal(fake_keys("logon"), 3);
	MAKER_RV(C_CloseAllSessions(0), CKR_OK);
	assert_int_equal(fake_keys("logon"), 1);
	MAKER_RV(maker_encrypt(elsewhere, there, out), CKR_OK);
	maker_ro = open_session(0);
	assert_int_equal(find(maker_ro, false), 0);
}

static void they_go_with_c_finalize(void **state)
{
	CK_OBJECT_HANDLE keys[2] = {make_key(maker_ro, false), make_key(maker_ro, true)};
	uint8_t out[16];

	assert_int_equal(fake_keys("logon"), 1);
	/* One keyring of the process, for them all. */
	make_key(maker_rw, false);
	assert_int_equal(fake_keys("keyring"), 1);
	maker_stop();
	assert_int_equal(fake_keys("logon"), 0);
	assert_int_equal(fake_keys("keyring"), 0);
	maker_start();
	assert_int_equal(find(maker_ro, false), 0);
	MAKER_RV(maker_encrypt(maker_ro, keys[0], out), CKR_KEY_HANDLE_INVALID);
	MAKER_RV(maker_encrypt(maker_ro, keys[1], out), CKR_KEY_HANDLE_INVALID);
	MAKER_RV(maker_encrypt(maker_ro, make_key(maker_ro, false), out), CKR_OK);
}

/* Another session's operation goes on to its end. */
static void an_operation_elsewhere_outlives_them(void **state)
{
	CK_MECHANISM hmac = {CKM_AES_CMAC, NULL, 0};

	for (int held = 0; held < 2; held++) {
		CK_SESSION_HANDLE maker = open_session(0);
		CK_OBJECT_HANDLE key = make_key(maker, held);
		uint8_t out[16], expected[16];
		CK_ULONG len = 16;

		fake_hash("cmac(aes)", maker_bytes, 16, maker_bytes, 20, expected, 16);
		MAKER_RV(C_SignInit(maker_rw, &hmac, key), CKR_OK);
		MAKER_RV(C_SignUpdate(maker_rw, (CK_BYTE *)maker_bytes, 10), CKR_OK);
		MAKER_RV(C_CloseSession(maker), CKR_OK);
		MAKER_RV(C_SignUpdate(maker_rw, (CK_BYTE *)maker_bytes + 10, 10), CKR_OK);
		MAKER_RV(C_SignFinal(maker_rw, out, &len), CKR_OK);
		assert_memory_equal(out, expected, 16);
		MAKER_RV(C_SignInit(maker_rw, &hmac, key), CKR_KEY_HANDLE_INVALID);
	}
}

/* A search that began before shows what was there, and its handles are nobody's. */
static void a_search_may_outlive_them(void **state)
{
	CK_SESSION_HANDLE maker = open_session(0);
	CK_OBJECT_HANDLE key = make_key(maker, false), found = 0;
	CK_ULONG n = 0;

	MAKER_RV(C_FindObjectsInit(maker_rw, LIST(SECRET_KEY(CKK_AES))), CKR_OK);
	MAKER_RV(C_CloseSession(maker), CKR_OK);
	MAKER_RV(C_FindObjects(maker_rw, &found, 1, &n), CKR_OK);
	MAKER_RV(C_FindObjectsFinal(maker_rw), CKR_OK);
	assert_true(!n || found == key);
	MAKER_RV(maker_asked(key, CKA_LABEL), CKR_OBJECT_HANDLE_INVALID);
}

/* What keyctl(1) did to one meanwhile. */
static void one_that_is_gone_from_the_keyring_is_no_object(void **state)
{
	CK_OBJECT_HANDLE key = make_key(maker_ro, false), gone = make_key(maker_ro, false);
	uint8_t out[16];

	fake_key_revoke(maker_serial(key));
	fake_key_unlink(maker_serial(gone));
	assert_int_equal(find(maker_ro, false), 0);
	MAKER_RV(maker_encrypt(maker_ro, key, out), CKR_KEY_HANDLE_INVALID);
	MAKER_RV(maker_encrypt(maker_ro, gone, out), CKR_KEY_HANDLE_INVALID);
	MAKER_RV(C_DestroyObject(maker_ro, key), CKR_OK);
	MAKER_RV(C_DestroyObject(maker_ro, gone), CKR_OK);
	assert_int_equal(fake_keys("logon"), 0);
}

static int in_child(void)
{
	CK_OBJECT_HANDLE key;
	CK_ULONG n = 99;

	if (C_CreateObject(maker_rw, LIST(AES_KEY(maker_bytes, 16)), &key) !=
	    CKR_CRYPTOKI_NOT_INITIALIZED)
		return 1;
	if (C_Initialize(NULL) != CKR_OK ||
	    C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &maker_ro) != CKR_OK)
		return 2;
	if (C_FindObjectsInit(maker_ro, LIST(SECRET_KEY(CKK_AES))) != CKR_OK ||
	    C_FindObjects(maker_ro, &key, 1, &n) != CKR_OK || n ||
	    C_FindObjectsFinal(maker_ro) != CKR_OK)
		return 3;
	/* A keyring of its own, and the parent's is not cleared. */
	if (C_GenerateKey(maker_ro, &(CK_MECHANISM){CKM_AES_KEY_GEN, NULL, 0}, LIST(SESSION_KEY),
			  &key) != CKR_OK ||
	    fake_keys("keyring") != 2 || fake_keys("logon") != 2)
		return 4;
	if (C_Finalize(NULL) != CKR_OK || fake_keys("keyring") != 1 || fake_keys("logon") != 1)
		return 5;
	return 0;
}

static void a_forked_child_has_none(void **state)
{
	CK_OBJECT_HANDLE keys[2] = {make_key(maker_ro, false), make_key(maker_ro, true)};
	int status = -1;
	uint8_t out[16];
	pid_t child = fork();

	if (!child)
		_exit(in_child());
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	MAKER_RV(maker_encrypt(maker_ro, keys[0], out), CKR_OK);
	MAKER_RV(maker_encrypt(maker_ro, keys[1], out), CKR_OK);
}

/* Threads that make and close while others search and use: what there is, is right. */
static void *work(void *failures)
{
	uint8_t expected[16], out[16];

	fake_cipher("ecb(aes)", maker_bytes, 16, false, NULL, (uint8_t[16]){0}, 16, expected);
	for (int i = 0; i < 12; i++) {
		CK_SESSION_HANDLE session;
		CK_OBJECT_HANDLE key, found[8];
		CK_ULONG n = 0, len = 16;
		bool bad;

		bad = C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &session) != CKR_OK ||
		      C_CreateObject(session,
				     LIST(AES_KEY(maker_bytes, 16), BOOL(CKA_SENSITIVE, i % 2)),
				     &key) != CKR_OK ||
		      C_EncryptInit(session, &(CK_MECHANISM){CKM_AES_ECB, NULL, 0}, key) !=
			      CKR_OK ||
		      C_Encrypt(session, (CK_BYTE[16]){0}, 16, out, &len) != CKR_OK ||
		      memcmp(out, expected, 16) ||
		      C_SetAttributeValue(session, key, LIST(TEXT(CKA_LABEL, "x"))) != CKR_OK ||
		      C_FindObjectsInit(session, LIST(SECRET_KEY(CKK_AES))) != CKR_OK ||
		      C_FindObjects(session, found, 8, &n) != CKR_OK || !n ||
		      C_FindObjectsFinal(session) != CKR_OK || C_CloseSession(session) != CKR_OK;
		__atomic_fetch_add((int *)failures, bad, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

static void threads_make_their_own(void **state)
{
	pthread_t threads[4];
	int failures = 0;

	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, &failures), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(failures, 0);
	assert_int_equal(fake_keys("logon"), 0);
	assert_int_equal(fake_keys("keyring"), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, maker_setup, maker_teardown)
	const struct CMUnitTest tests[] = {
		TEST(all_sessions_of_the_token_see_them),
		TEST(they_go_with_their_session),
		TEST(those_that_cannot_be_destroyed_go_too),
		TEST(they_go_with_all_sessions),
		TEST(they_go_with_c_finalize),
		TEST(an_operation_elsewhere_outlives_them),
		TEST(a_search_may_outlive_them),
		TEST(one_that_is_gone_from_the_keyring_is_no_object),
		TEST(a_forked_child_has_none),
		TEST(threads_make_their_own),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("session-objects", tests, NULL, NULL);
}
