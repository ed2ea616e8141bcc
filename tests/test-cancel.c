/* SPDX-License-Identifier: BSD-2-Clause */
/* What ends operations from outside (C_SessionCancel, the end of a session), and what tells that
 * some are active (C_GetOperationState): PKCS#11 3.2, section 5.6. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake-kernel.h"
#include "pkcs11-parameters.h"
#include "pkcs11.h"

static CK_SESSION_HANDLE session;
static CK_OBJECT_HANDLE aes, secret;
static CK_BYTE iv[16], text[64], out[128], tag[16], mac[32];
static CK_ULONG len;

static const char aes_bytes[] = "0123456789abcdef", secret_bytes[] = "0123456789abcdefg";

static CK_MECHANISM sha256 = {CKM_SHA256, NULL, 0}, hmac = {CKM_SHA256_HMAC, NULL, 0},
		    cbc = {CKM_AES_CBC, iv, 16}, gcm = {CKM_AES_GCM, NULL, 0};
static struct gcm_message_params parameter = {.iv = iv, .iv_len = 12, .tag = tag, .tag_bits = 128};

/* One call each: a beginning, a part of a message, and a stop that is not C_SessionCancel's. */
static CK_RV init_digest(CK_SESSION_HANDLE in)
{
	return C_DigestInit(in, &sha256);
}

static CK_RV part_digest(CK_SESSION_HANDLE in)
{
	return C_DigestUpdate(in, text, sizeof(text));
}

static CK_RV stop_digest(CK_SESSION_HANDLE in)
{
	return C_DigestInit(in, NULL);
}

static CK_RV init_encrypt(CK_SESSION_HANDLE in)
{
	return C_EncryptInit(in, &cbc, aes);
}

static CK_RV part_encrypt(CK_SESSION_HANDLE in)
{
	len = sizeof(out);
	return C_EncryptUpdate(in, text, 20, out, &len);
}

static CK_RV stop_encrypt(CK_SESSION_HANDLE in)
{
	return C_EncryptInit(in, NULL, 0);
}

static CK_RV init_decrypt(CK_SESSION_HANDLE in)
{
	return C_DecryptInit(in, &cbc, aes);
}

static CK_RV part_decrypt(CK_SESSION_HANDLE in)
{
	len = sizeof(out);
	return C_DecryptUpdate(in, text, 20, out, &len);
}

static CK_RV stop_decrypt(CK_SESSION_HANDLE in)
{
	return C_DecryptInit(in, NULL, 0);
}

static CK_RV init_sign(CK_SESSION_HANDLE in)
{
	return C_SignInit(in, &hmac, secret);
}

static CK_RV part_sign(CK_SESSION_HANDLE in)
{
	return C_SignUpdate(in, text, sizeof(text));
}

static CK_RV stop_sign(CK_SESSION_HANDLE in)
{
	return C_SignInit(in, NULL, 0);
}

static CK_RV init_verify(CK_SESSION_HANDLE in)
{
	return C_VerifyInit(in, &hmac, secret);
}

static CK_RV part_verify(CK_SESSION_HANDLE in)
{
	return C_VerifyUpdate(in, text, 5);
}

static CK_RV stop_verify(CK_SESSION_HANDLE in)
{
	return C_VerifyInit(in, NULL, 0);
}

static CK_RV init_signature(CK_SESSION_HANDLE in)
{
	return C_VerifySignatureInit(in, &hmac, secret, mac, sizeof(mac));
}

static CK_RV part_signature(CK_SESSION_HANDLE in)
{
	return C_VerifySignatureUpdate(in, text, 5);
}

static CK_RV stop_signature(CK_SESSION_HANDLE in)
{
	return C_VerifySignatureInit(in, NULL, 0, NULL, 0);
}

static CK_RV init_messages_encrypt(CK_SESSION_HANDLE in)
{
	return C_MessageEncryptInit(in, &gcm, aes);
}

static CK_RV part_messages_encrypt(CK_SESSION_HANDLE in)
{
	CK_RV rv = C_EncryptMessageBegin(in, &parameter, sizeof(parameter), text, 9);

	len = sizeof(out);
	return rv == CKR_OK ? C_EncryptMessageNext(in, &parameter, sizeof(parameter), text, 20, out,
						   &len, 0)
			    : rv;
}

static CK_RV stop_messages_encrypt(CK_SESSION_HANDLE in)
{
	return C_MessageEncryptInit(in, NULL, 0);
}

static CK_RV init_messages_decrypt(CK_SESSION_HANDLE in)
{
	return C_MessageDecryptInit(in, &gcm, aes);
}

static CK_RV part_messages_decrypt(CK_SESSION_HANDLE in)
{
	CK_RV rv = C_DecryptMessageBegin(in, &parameter, sizeof(parameter), text, 9);

	len = sizeof(out);
	return rv == CKR_OK ? C_DecryptMessageNext(in, &parameter, sizeof(parameter), text, 20, out,
						   &len, 0)
			    : rv;
}

static CK_RV stop_messages_decrypt(CK_SESSION_HANDLE in)
{
	return C_MessageDecryptInit(in, NULL, 0);
}

static CK_RV init_messages_sign(CK_SESSION_HANDLE in)
{
	return C_MessageSignInit(in, &hmac, secret);
}

static CK_RV part_messages_sign(CK_SESSION_HANDLE in)
{
	CK_RV rv = C_SignMessageBegin(in, NULL, 0);

	return rv == CKR_OK ? C_SignMessageNext(in, NULL, 0, text, 5, NULL, NULL) : rv;
}

static CK_RV stop_messages_sign(CK_SESSION_HANDLE in)
{
	return C_MessageSignInit(in, NULL, 0);
}

static CK_RV init_messages_verify(CK_SESSION_HANDLE in)
{
	return C_MessageVerifyInit(in, &hmac, secret);
}

static CK_RV part_messages_verify(CK_SESSION_HANDLE in)
{
	CK_RV rv = C_VerifyMessageBegin(in, NULL, 0);

	return rv == CKR_OK ? C_VerifyMessageNext(in, NULL, 0, text, 5, NULL, 0) : rv;
}

static CK_RV stop_messages_verify(CK_SESSION_HANDLE in)
{
	return C_MessageVerifyInit(in, NULL, 0);
}

static CK_RV init_search(CK_SESSION_HANDLE in)
{
	return C_FindObjectsInit(in, NULL, 0);
}

static CK_RV part_search(CK_SESSION_HANDLE in)
{
	CK_OBJECT_HANDLE object;

	return C_FindObjects(in, &object, 1, &len);
}

static const struct kind {
	CK_FLAGS flag;
	CK_RV (*init)(CK_SESSION_HANDLE);
	CK_RV (*part)(CK_SESSION_HANDLE);
	CK_RV (*stop)(CK_SESSION_HANDLE);
} kinds[] = {
	{CKF_DIGEST, init_digest, part_digest, stop_digest},
	{CKF_ENCRYPT, init_encrypt, part_encrypt, stop_encrypt},
	{CKF_DECRYPT, init_decrypt, part_decrypt, stop_decrypt},
	{CKF_SIGN, init_sign, part_sign, stop_sign},
	{CKF_VERIFY, init_verify, part_verify, stop_verify},
	{CKF_VERIFY, init_signature, part_signature, stop_signature},
	{CKF_MESSAGE_ENCRYPT, init_messages_encrypt, part_messages_encrypt, stop_messages_encrypt},
	{CKF_MESSAGE_DECRYPT, init_messages_decrypt, part_messages_decrypt, stop_messages_decrypt},
	{CKF_MESSAGE_SIGN, init_messages_sign, part_messages_sign, stop_messages_sign},
	{CKF_MESSAGE_VERIFY, init_messages_verify, part_messages_verify, stop_messages_verify},
	{CKF_FIND_OBJECTS, init_search, part_search, C_FindObjectsFinal},
};

enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

static const CK_FLAGS flags[] = {
	CKF_DIGEST,         CKF_ENCRYPT,         CKF_DECRYPT,         CKF_SIGN,
	CKF_VERIFY,         CKF_MESSAGE_ENCRYPT, CKF_MESSAGE_DECRYPT, CKF_MESSAGE_SIGN,
	CKF_MESSAGE_VERIFY, CKF_FIND_OBJECTS};

enum { FLAGS = sizeof(flags) / sizeof(*flags) };

static void start_all(CK_SESSION_HANDLE in, bool parts)
{
	for (size_t i = 0; i < KINDS; i++) {
		assert_int_equal(kinds[i].init(in), CKR_OK);
		if (parts)
			assert_int_equal(kinds[i].part(in), CKR_OK);
	}
}

/* Whether an operation of KIND is active in the session; it is over afterwards. */
static bool was_active(CK_SESSION_HANDLE in, const struct kind *kind)
{
	CK_RV rv = kind->init(in);

	assert_true(rv == CKR_OK || rv == CKR_OPERATION_ACTIVE);
	assert_int_equal(kind->stop(in), CKR_OK);
	return rv == CKR_OPERATION_ACTIVE;
}

static CK_OBJECT_HANDLE find(const char *label)
{
	CK_ATTRIBUTE template = {CKA_LABEL, (void *)label, strlen(label)};
	CK_OBJECT_HANDLE object = 0;
	CK_ULONG count = 0;

	if (C_FindObjectsInit(session, &template, 1) == CKR_OK) {
		C_FindObjects(session, &object, 1, &count);
		C_FindObjectsFinal(session);
	}
	return object;
}

static int setup(void **state)
{
	fake_reset();
	/* Keys that nobody can change: their sockets are kept where they can be. */
	fake_key_add(FAKE_USER_KEYRING, "logon", "pkcs11:object=aes", aes_bytes, 16,
		     FAKE_PERM_CONSTANT);
	fake_key_add(FAKE_USER_KEYRING, "logon", "pkcs11:object=secret", secret_bytes, 17,
		     FAKE_PERM_CONSTANT);
	if (C_Initialize(NULL) != CKR_OK ||
	    C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &session) != CKR_OK)
		return -1;
	aes = find("aes");
	secret = find("secret");
	return aes && secret ? 0 : -1;
}

static int teardown(void **state)
{
	return C_Finalize(NULL) != CKR_OK || fake_open_sockets() ? -1 : 0;
}

/* All sets of flags, with everything active: what a flag does not name stays. */
static void flags_cancel_what_they_name(void **state)
{
	for (unsigned int set = 0; set < 1U << FLAGS; set++) {
		CK_FLAGS given = 0;

		for (unsigned int i = 0; i < FLAGS; i++)
			if (set >> i & 1)
				given |= flags[i];
		start_all(session, set % 2);
		assert_int_equal(C_SessionCancel(session, given), CKR_OK);
		for (size_t i = 0; i < KINDS; i++)
			if (was_active(session, &kinds[i]) == !!(kinds[i].flag & given))
				fail_msg("kind %zu, flags 0x%lx", i, given);
	}
}

static void other_flags_cancel_nothing(void **state)
{
	CK_FLAGS known = 0;

	for (size_t i = 0; i < FLAGS; i++)
		known |= flags[i];
	start_all(session, true);
	assert_int_equal(C_SessionCancel(session, 0), CKR_OK);
	assert_int_equal(C_SessionCancel(session, CKF_MULTI_MESSAGE), CKR_OK);
	assert_int_equal(C_SessionCancel(session, CKF_SIGN_RECOVER | CKF_VERIFY_RECOVER), CKR_OK);
	assert_int_equal(C_SessionCancel(session, CKF_WRAP | CKF_UNWRAP | CKF_DERIVE), CKR_OK);
	assert_int_equal(C_SessionCancel(session, ~known), CKR_OK);
	for (size_t i = 0; i < KINDS; i++)
		assert_true(was_active(session, &kinds[i]));
}

/* "If a flag is set for an operation that has not been initialized (...) ignored." */
static void what_is_not_active_is_ignored(void **state)
{
	assert_int_equal(C_SessionCancel(session, (CK_FLAGS)-1), CKR_OK);
	for (size_t i = 0; i < KINDS; i++) {
		assert_int_equal(kinds[i].init(session), CKR_OK);
		assert_int_equal(C_SessionCancel(session, ~kinds[i].flag), CKR_OK);
		assert_int_equal(kinds[i].part(session), CKR_OK);
		assert_int_equal(C_SessionCancel(session, (CK_FLAGS)-1), CKR_OK);
		assert_int_equal(kinds[i].part(session), CKR_OPERATION_NOT_INITIALIZED);
		assert_int_equal(C_SessionCancel(session, kinds[i].flag), CKR_OK);
	}
}

/* Nothing of the cancelled message is in the next one. */
static void a_cancelled_message_leaves_no_trace(void **state)
{
	CK_BYTE expected[64];

	for (int round = 0; round < 3; round++) {
		start_all(session, true);
		assert_int_equal(C_SessionCancel(session, (CK_FLAGS)-1), CKR_OK);
		assert_int_equal(fake_busy_sockets(), 0);

		fake_hash("sha256", NULL, 0, text, 64, expected, 32);
		assert_int_equal(init_digest(session), CKR_OK);
		len = 32;
		assert_int_equal(C_Digest(session, text, 64, out, &len), CKR_OK);
		assert_memory_equal(out, expected, 32);
		fake_cipher("cbc(aes)", aes_bytes, 16, false, iv, text, 64, expected);
		assert_int_equal(init_encrypt(session), CKR_OK);
		len = 64;
		assert_int_equal(C_Encrypt(session, text, 64, out, &len), CKR_OK);
		assert_memory_equal(out, expected, 64);
		fake_hash("hmac(sha256)", secret_bytes, 17, text, 64, expected, 32);
		assert_int_equal(init_messages_sign(session), CKR_OK);
		len = 32;
		assert_int_equal(C_SignMessage(session, NULL, 0, text, 64, out, &len), CKR_OK);
		assert_memory_equal(out, expected, 32);
		assert_int_equal(C_MessageSignFinal(session), CKR_OK);
	}
}

static void half_of_a_dual_operation_stays(void **state)
{
	CK_BYTE expected[32];

	assert_int_equal(init_digest(session), CKR_OK);
	assert_int_equal(init_encrypt(session), CKR_OK);
	len = sizeof(out);
	assert_int_equal(C_DigestEncryptUpdate(session, text, 32, out, &len), CKR_OK);
	assert_int_equal(C_SessionCancel(session, CKF_ENCRYPT), CKR_OK);
	assert_int_equal(C_DigestEncryptUpdate(session, text, 32, out, &len),
			 CKR_OPERATION_NOT_INITIALIZED);
	len = sizeof(out);
	assert_int_equal(C_DigestFinal(session, out, &len), CKR_OK);
	fake_hash("sha256", NULL, 0, text, 32, expected, 32);
	assert_memory_equal(out, expected, 32);
}

static void other_sessions_go_on(void **state)
{
	CK_SESSION_HANDLE other;

	assert_int_equal(C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &other), CKR_OK);
	start_all(session, true);
	start_all(other, true);
	assert_int_equal(C_SessionCancel(session, (CK_FLAGS)-1), CKR_OK);
	for (size_t i = 0; i < KINDS; i++) {
		assert_false(was_active(session, &kinds[i]));
		assert_true(was_active(other, &kinds[i]));
	}
}

/* All kinds in the middle of their messages, whichever call ends the session. */
static void the_end_of_a_session_ends_all(void **state)
{
	for (int way = 0; way < 3; way++) {
		CK_SESSION_HANDLE other;

		assert_int_equal(C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &other), CKR_OK);
		start_all(other, true);
		assert_true(fake_busy_sockets() > 0);
		if (way == 0)
			assert_int_equal(C_CloseSession(other), CKR_OK);
		else if (way == 1)
			assert_int_equal(C_CloseAllSessions(0), CKR_OK);
		else
			assert_int_equal(C_Finalize(NULL), CKR_OK);
		assert_int_equal(fake_busy_sockets(), 0);
		for (size_t i = 0; i < KINDS; i++)
			assert_int_equal(kinds[i].part(other),
					 way == 2 ? CKR_CRYPTOKI_NOT_INITIALIZED
						  : CKR_SESSION_HANDLE_INVALID);
	}
	assert_int_equal(fake_open_sockets(), 0);
	assert_int_equal(C_Initialize(NULL), CKR_OK);
}

/* The state is in the kernel, which hands none out. A search is no cryptographic operation. */
static void no_state_can_be_saved(void **state)
{
	CK_BYTE saved[256];

	assert_int_equal(C_GetOperationState(session, NULL, &len), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(C_GetOperationState(session, saved, NULL), CKR_ARGUMENTS_BAD);
	for (size_t i = 0; i < KINDS; i++) {
		CK_RV rv = kinds[i].flag == CKF_FIND_OBJECTS ? CKR_OPERATION_NOT_INITIALIZED
							     : CKR_STATE_UNSAVEABLE;

		assert_int_equal(kinds[i].init(session), CKR_OK);
		for (int part = 0; part < 2; part++) {
			len = 0;
			assert_int_equal(C_GetOperationState(session, NULL, &len), rv);
			len = sizeof(saved);
			assert_int_equal(C_GetOperationState(session, saved, &len), rv);
			assert_int_equal(C_GetOperationState(session, NULL, NULL),
					 CKR_ARGUMENTS_BAD);
			if (!part)
				assert_int_equal(kinds[i].part(session), CKR_OK);
		}
		assert_true(was_active(session, &kinds[i]));
		assert_int_equal(C_GetOperationState(session, NULL, &len),
				 CKR_OPERATION_NOT_INITIALIZED);
	}
}

/* None was ever saved; and what is active stays, with what it has got so far. */
static void no_state_can_be_restored(void **state)
{
	CK_BYTE saved[256] = {0}, expected[32];

	assert_int_equal(C_SetOperationState(session, saved, sizeof(saved), 0, 0),
			 CKR_SAVED_STATE_INVALID);
	start_all(session, true);
	assert_int_equal(C_SetOperationState(session, saved, sizeof(saved), 0, 0),
			 CKR_SAVED_STATE_INVALID);
	assert_int_equal(C_SetOperationState(session, saved, 1, aes, secret),
			 CKR_SAVED_STATE_INVALID);
	len = sizeof(out);
	assert_int_equal(C_SignFinal(session, out, &len), CKR_OK);
	fake_hash("hmac(sha256)", secret_bytes, 17, text, sizeof(text), expected, 32);
	assert_memory_equal(out, expected, 32);
	for (size_t i = 0; i < KINDS; i++)
		if (kinds[i].flag != CKF_SIGN)
			assert_true(was_active(session, &kinds[i]));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(flags_cancel_what_they_name),    TEST(other_flags_cancel_nothing),
		TEST(what_is_not_active_is_ignored),  TEST(a_cancelled_message_leaves_no_trace),
		TEST(half_of_a_dual_operation_stays), TEST(other_sessions_go_on),
		TEST(the_end_of_a_session_ends_all),  TEST(no_state_can_be_saved),
		TEST(no_state_can_be_restored),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("cancel", tests, NULL, NULL);
}
