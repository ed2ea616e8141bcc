/* SPDX-License-Identifier: BSD-2-Clause */
/* C_DigestKey (PKCS#11 3.2, section 5.12): a key's bytes are the kernel's, and nobody's to digest.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake-kernel.h"
#include "pkcs11.h"

static CK_SESSION_HANDLE session;
static CK_BYTE text[] = "The quick brown fox jumps over the lazy dog", out[32], expected[32];
static CK_ULONG len;

static CK_MECHANISM sha256 = {CKM_SHA256, NULL, 0};

enum { TEXT = sizeof(text) - 1 };

static CK_OBJECT_HANDLE add(int32_t keyring, const char *type, const char *description)
{
	CK_ATTRIBUTE template = {CKA_LABEL, (void *)"k", 1};
	CK_OBJECT_HANDLE object = 0;
	CK_SESSION_HANDLE in;
	CK_ULONG count = 0;

	fake_key_add(keyring, type, description, "0123456789abcdef", 16, FAKE_PERM);
	assert_int_equal(
		C_OpenSession(keyring == FAKE_SESSION_KEYRING, CKF_SERIAL_SESSION, NULL, NULL, &in),
		CKR_OK);
	assert_int_equal(C_FindObjectsInit(in, &template, 1), CKR_OK);
	assert_int_equal(C_FindObjects(in, &object, 1, &count), CKR_OK);
	assert_int_equal(C_CloseSession(in), CKR_OK);
	assert_int_equal(count, 1);
	return object;
}

static int setup(void **state)
{
	fake_reset();
	fake_hash("sha256", NULL, 0, text, TEXT, expected, 32);
	return C_Initialize(NULL) == CKR_OK &&
			       C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &session) == CKR_OK
		       ? 0
		       : -1;
}

static int teardown(void **state)
{
	return C_Finalize(NULL) != CKR_OK || fake_open_sockets() ? -1 : 0;
}

static void finish(void)
{
	len = sizeof(out);
	assert_int_equal(C_DigestFinal(session, out, &len), CKR_OK);
	assert_int_equal(len, 32);
	assert_memory_equal(out, expected, 32);
}

/* Of every type, also of those that this process could read; the digest goes on without it. */
static void a_key_is_not_digested(void **state)
{
	static const char *const types[] = {"user", "logon", "encrypted"};

	for (size_t i = 0; i < 3; i++) {
		CK_OBJECT_HANDLE key;

		fake_reset();
		key = add(FAKE_USER_KEYRING, types[i], "pkcs11:object=k");
		fake_calls_forget();
		assert_int_equal(C_DigestInit(session, &sha256), CKR_OK);
		assert_int_equal(C_DigestKey(session, key), CKR_KEY_INDIGESTIBLE);
		assert_int_equal(C_DigestUpdate(session, text, 20), CKR_OK);
		assert_int_equal(C_DigestKey(session, key), CKR_KEY_INDIGESTIBLE);
		assert_int_equal(C_DigestUpdate(session, text + 20, TEXT - 20), CKR_OK);
		assert_int_equal(C_DigestKey(session, key), CKR_KEY_INDIGESTIBLE);
		finish();
		assert_int_equal(fake_calls("key_read"), 0);
	}
}

/* It is no part of a message: one call may still bring all of it. */
static void a_refused_key_is_no_part(void **state)
{
	CK_OBJECT_HANDLE key = add(FAKE_USER_KEYRING, "logon", "pkcs11:object=k");

	assert_int_equal(C_DigestInit(session, &sha256), CKR_OK);
	assert_int_equal(C_DigestKey(session, key), CKR_KEY_INDIGESTIBLE);
	len = sizeof(out);
	assert_int_equal(C_Digest(session, text, TEXT, out, &len), CKR_OK);
	assert_memory_equal(out, expected, 32);
}

static void no_key_is_an_invalid_handle(void **state)
{
	CK_OBJECT_HANDLE key = add(FAKE_USER_KEYRING, "logon", "pkcs11:object=k");
	CK_OBJECT_HANDLE elsewhere = add(FAKE_SESSION_KEYRING, "logon", "pkcs11:object=k");
	const CK_OBJECT_HANDLE handles[] = {CK_INVALID_HANDLE, 0x7fffffe, (CK_OBJECT_HANDLE)-1,
					    elsewhere};

	assert_int_equal(C_DigestInit(session, &sha256), CKR_OK);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(C_DigestKey(session, handles[i]), CKR_KEY_HANDLE_INVALID);
	assert_int_equal(C_DigestKey(session, key), CKR_KEY_INDIGESTIBLE);
	assert_int_equal(C_DigestUpdate(session, text, TEXT), CKR_OK);
	assert_int_equal(C_DigestKey(session, CK_INVALID_HANDLE), CKR_KEY_HANDLE_INVALID);
	finish();
}

static void without_a_digest_there_is_nothing_to_do(void **state)
{
	CK_MECHANISM hmac = {CKM_SHA256_HMAC, NULL, 0};
	CK_OBJECT_HANDLE key =
		add(FAKE_USER_KEYRING, "logon", "pkcs11:object=k?x-key-type=generic-secret");

	assert_int_equal(C_DigestKey(session, key), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(C_DigestKey(session, CK_INVALID_HANDLE), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(C_SignInit(session, &hmac, key), CKR_OK);
	assert_int_equal(C_DigestKey(session, key), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(C_DigestInit(session, &sha256), CKR_OK);
	assert_int_equal(C_DigestKey(session, key), CKR_KEY_INDIGESTIBLE);
	len = sizeof(out);
	assert_int_equal(C_Digest(session, text, TEXT, out, &len), CKR_OK);
	assert_int_equal(C_DigestKey(session, key), CKR_OPERATION_NOT_INITIALIZED);
}

/* Its bytes go to the kernel at once: what waits, waits in memory that is not locked. */
static void an_extractable_key_is_sent_at_once(void **state)
{
	static const CK_BYTE together[] = "abc0123456789abcdefabc";
	CK_OBJECT_HANDLE key = add(FAKE_USER_KEYRING, "user",
				   "pkcs11:object=k?x-key-type=generic-secret&x-flags=extractable");

	fake_hash("sha256", NULL, 0, together, sizeof(together) - 1, expected, 32);
	assert_int_equal(C_DigestInit(session, &sha256), CKR_OK);
	fake_calls_forget();
	assert_int_equal(C_DigestUpdate(session, (CK_BYTE *)"abc", 3), CKR_OK);
	assert_int_equal(fake_calls("alg_send"), 0);
	assert_int_equal(C_DigestKey(session, key), CKR_OK);
	assert_int_equal(fake_calls("alg_send"), 1);
	assert_int_equal(C_DigestUpdate(session, (CK_BYTE *)"abc", 3), CKR_OK);
	assert_int_equal(fake_calls("alg_send"), 1);
	finish();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_key_is_not_digested),
		TEST(a_refused_key_is_no_part),
		TEST(no_key_is_an_invalid_handle),
		TEST(without_a_digest_there_is_nothing_to_do),
		TEST(an_extractable_key_is_sent_at_once),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("digest", tests, NULL, NULL);
}
