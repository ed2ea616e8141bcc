/* SPDX-License-Identifier: BSD-2-Clause */
/* In a process that serves the token to others by p11-kit's protocol, no message's parameter is
 * followed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake-kernel.h"
#include "pkcs11-parameters.h"
#include "pkcs11.h"

static const CK_FLAGS seals = CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT;
static CK_SESSION_HANDLE session;
static CK_OBJECT_HANDLE key;

static void start_as(const char *name, const char *key_type)
{
	char description[64] = "pkcs11:object=key?x-key-type=";
	CK_ULONG n = 0;

	program_invocation_short_name = (char *)name;
	fake_reset();
	fake_key_add(FAKE_USER_KEYRING, "logon", strcat(description, key_type), "0123456789abcdef",
		     16, FAKE_PERM);
	assert_int_equal(C_Initialize(NULL), CKR_OK);
	assert_int_equal(C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &session), CKR_OK);
	assert_int_equal(C_FindObjectsInit(session, NULL, 0), CKR_OK);
	assert_int_equal(C_FindObjects(session, &key, 1, &n), CKR_OK);
	assert_int_equal(C_FindObjectsFinal(session), CKR_OK);
	assert_int_equal(n, 1);
}

static CK_FLAGS flags_of(CK_MECHANISM_TYPE type)
{
	CK_MECHANISM_INFO info;

	assert_int_equal(C_GetMechanismInfo(0, type, &info), CKR_OK);
	return info.flags;
}

static void messages_are_not_offered(const char *server)
{
	static const CK_MECHANISM_TYPE types[] = {CKM_AES_GCM, CKM_AES_CCM};
	/* Pointers as they come out of another process. */
	struct gcm_message_params gcm = {
		.iv = (CK_BYTE *)1, .iv_len = 12, .tag = (CK_BYTE *)2, .tag_bits = 128};
	CK_BYTE text[16] = {0}, out[32];
	CK_ULONG len = sizeof(out);

	start_as(server, "aes");
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		CK_MECHANISM mechanism = {types[i], NULL, 0};

		assert_int_equal(flags_of(types[i]) & (seals | CKF_MULTI_MESSAGE), 0);
		assert_int_equal(C_MessageEncryptInit(session, &mechanism, key),
				 CKR_MECHANISM_INVALID);
		assert_int_equal(C_MessageDecryptInit(session, &mechanism, key),
				 CKR_MECHANISM_INVALID);
	}
	assert_int_equal(C_EncryptMessage(session, &gcm, sizeof(gcm), NULL, 0, text, 16, out, &len),
			 CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(C_DecryptMessageBegin(session, &gcm, sizeof(gcm), NULL, 0),
			 CKR_OPERATION_NOT_INITIALIZED);
	/* All else is. */
	assert_true(flags_of(CKM_AES_GCM) & CKF_ENCRYPT);
	assert_true(flags_of(CKM_SHA256_HMAC) & CKF_MESSAGE_SIGN);
	assert_int_equal(C_Finalize(NULL), CKR_OK);
}

static void test_server(void **state)
{
	messages_are_not_offered("p11-kit-server");
}

static void test_remote(void **state)
{
	messages_are_not_offered("p11-kit-remote");
}

/* A MAC's message has no parameter. */
static void test_signatures(void **state)
{
	CK_MECHANISM mechanism = {CKM_SHA256_HMAC, NULL, 0};
	CK_BYTE text[16] = {0}, out[32];
	CK_ULONG len = sizeof(out);

	start_as("p11-kit-server", "generic-secret");
	assert_int_equal(C_MessageSignInit(session, &mechanism, key), CKR_OK);
	assert_int_equal(C_SignMessage(session, NULL, 0, text, 16, out, &len), CKR_OK);
	assert_int_equal(C_Finalize(NULL), CKR_OK);
}

static void test_others(void **state)
{
	CK_MECHANISM mechanism = {CKM_AES_GCM, NULL, 0};

	start_as("p11-kit", "aes");
	assert_int_equal(flags_of(CKM_AES_GCM) & seals, seals);
	assert_int_equal(C_MessageEncryptInit(session, &mechanism, key), CKR_OK);
	assert_int_equal(C_Finalize(NULL), CKR_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_server),
		cmocka_unit_test(test_remote),
		cmocka_unit_test(test_signatures),
		cmocka_unit_test(test_others),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("served", tests, NULL, NULL);
}
