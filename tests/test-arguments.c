/* SPDX-License-Identifier: BSD-2-Clause */
/* Every C_ function that works, called wrongly: its answer, and that all goes on afterwards. */
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

enum { NO_SLOT = 99, NO_SESSION = 0x7ffffff, NO_KEY = 0x7fffffe };

static CK_FUNCTION_LIST_3_2 *f;
static CK_SESSION_HANDLE session;
static CK_OBJECT_HANDLE aes, secret;
static CK_BYTE iv[16], in[64], out[128];
static CK_ULONG len;

static CK_MECHANISM sha256 = {CKM_SHA256, NULL, 0}, hmac = {CKM_SHA256_HMAC, NULL, 0},
		    ecb = {CKM_AES_ECB, NULL, 0}, cbc = {CKM_AES_CBC, iv, 16},
		    pad = {CKM_AES_CBC_PAD, iv, 16}, gcm = {CKM_AES_GCM, NULL, 0},
		    unknown = {CKM_RSA_PKCS, NULL, 0};

/* The output's size, as most functions want it. */
static CK_ULONG *room(CK_ULONG bytes)
{
	len = bytes;
	return &len;
}

static CK_OBJECT_HANDLE find(const char *label)
{
	CK_ATTRIBUTE template = {CKA_LABEL, (void *)label, strlen(label)};
	CK_OBJECT_HANDLE object = 0;
	CK_ULONG count = 0;

	assert_int_equal(f->C_FindObjectsInit(session, &template, 1), CKR_OK);
	assert_int_equal(f->C_FindObjects(session, &object, 1, &count), CKR_OK);
	assert_int_equal(count, 1);
	assert_int_equal(f->C_FindObjectsFinal(session), CKR_OK);
	return object;
}

static int setup(void **state)
{
	CK_INTERFACE *interface;

	fake_reset();
	if (C_GetInterface(NULL, NULL, &interface, 0) != CKR_OK)
		return -1;
	f = interface->pFunctionList;
	fake_key_add(FAKE_USER_KEYRING, "logon", "pkcs11:object=aes", "0123456789abcdef", 16,
		     FAKE_PERM);
	fake_key_add(FAKE_USER_KEYRING, "logon", "pkcs11:object=secret", "0123456789abcdefg", 17,
		     FAKE_PERM);
	if (f->C_Initialize(NULL) != CKR_OK ||
	    f->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &session) != CKR_OK)
		return -1;
	aes = find("aes");
	secret = find("secret");
	return 0;
}

/* After all that was wrong, the session still does right. */
static int teardown(void **state)
{
	CK_BYTE expected[64];
	int bad = 0;

	bad |= f->C_EncryptInit(session, &ecb, aes) != CKR_OK;
	bad |= f->C_Encrypt(session, in, sizeof(in), out, room(sizeof(out))) != CKR_OK;
	fake_cipher("ecb(aes)", "0123456789abcdef", 16, false, NULL, in, sizeof(in), expected);
	bad |= len != sizeof(in) || memcmp(out, expected, sizeof(in));
	bad |= f->C_Finalize(NULL) != CKR_OK;
	return bad || fake_open_sockets() ? -1 : 0;
}

enum { MOST = 128 };

/* Calls every function that takes a session; the number of their ANSWERS. */
static size_t call_all(CK_SESSION_HANDLE handle, CK_RV answers[MOST])
{
	CK_SESSION_INFO info;
	const CK_RV all[] = {
		f->C_CloseSession(handle),
		f->C_GetSessionInfo(handle, &info),
		f->C_SessionCancel(handle, CKF_ENCRYPT),
		f->C_GetOperationState(handle, NULL, &len),
		f->C_SetOperationState(handle, in, 16, 0, 0),
		f->C_Login(handle, CKU_USER, NULL, 0),
		f->C_LoginUser(handle, CKU_USER, NULL, 0, NULL, 0),
		f->C_Logout(handle),
		f->C_GetAttributeValue(handle, aes, NULL, 0),
		f->C_FindObjectsInit(handle, NULL, 0),
		f->C_FindObjects(handle, NULL, 0, &len),
		f->C_FindObjectsFinal(handle),
		f->C_EncryptInit(handle, &ecb, aes),
		f->C_Encrypt(handle, in, 16, out, room(16)),
		f->C_EncryptUpdate(handle, in, 16, out, room(16)),
		f->C_EncryptFinal(handle, out, room(16)),
		f->C_DecryptInit(handle, &ecb, aes),
		f->C_Decrypt(handle, in, 16, out, room(16)),
		f->C_DecryptUpdate(handle, in, 16, out, room(16)),
		f->C_DecryptFinal(handle, out, room(16)),
		f->C_DigestInit(handle, &sha256),
		f->C_Digest(handle, in, 1, out, room(32)),
		f->C_DigestUpdate(handle, in, 1),
		f->C_DigestKey(handle, aes),
		f->C_DigestFinal(handle, out, room(32)),
		f->C_SignInit(handle, &hmac, secret),
		f->C_Sign(handle, in, 1, out, room(32)),
		f->C_SignUpdate(handle, in, 1),
		f->C_SignFinal(handle, out, room(32)),
		f->C_VerifyInit(handle, &hmac, secret),
		f->C_Verify(handle, in, 1, out, 32),
		f->C_VerifyUpdate(handle, in, 1),
		f->C_VerifyFinal(handle, out, 32),
		f->C_VerifySignatureInit(handle, &hmac, secret, out, 32),
		f->C_VerifySignature(handle, in, 1),
		f->C_VerifySignatureUpdate(handle, in, 1),
		f->C_VerifySignatureFinal(handle),
		f->C_DigestEncryptUpdate(handle, in, 16, out, room(16)),
		f->C_DecryptDigestUpdate(handle, in, 16, out, room(16)),
		f->C_SignEncryptUpdate(handle, in, 16, out, room(16)),
		f->C_DecryptVerifyUpdate(handle, in, 16, out, room(16)),
		f->C_SeedRandom(handle, in, 1),
		f->C_GenerateRandom(handle, out, 1),
		f->C_MessageEncryptInit(handle, &gcm, aes),
		f->C_EncryptMessage(handle, in, 1, NULL, 0, in, 16, out, room(16)),
		f->C_EncryptMessageBegin(handle, in, 1, NULL, 0),
		f->C_EncryptMessageNext(handle, in, 1, in, 16, out, room(16), 0),
		f->C_MessageEncryptFinal(handle),
		f->C_MessageDecryptInit(handle, &gcm, aes),
		f->C_DecryptMessage(handle, in, 1, NULL, 0, in, 16, out, room(16)),
		f->C_DecryptMessageBegin(handle, in, 1, NULL, 0),
		f->C_DecryptMessageNext(handle, in, 1, in, 16, out, room(16), 0),
		f->C_MessageDecryptFinal(handle),
		f->C_MessageSignInit(handle, &hmac, secret),
		f->C_SignMessage(handle, NULL, 0, in, 1, out, room(32)),
		f->C_SignMessageBegin(handle, NULL, 0),
		f->C_SignMessageNext(handle, NULL, 0, in, 1, out, room(32)),
		f->C_MessageSignFinal(handle),
		f->C_MessageVerifyInit(handle, &hmac, secret),
		f->C_VerifyMessage(handle, NULL, 0, in, 1, out, 32),
		f->C_VerifyMessageBegin(handle, NULL, 0),
		f->C_VerifyMessageNext(handle, NULL, 0, in, 1, out, 32),
		f->C_MessageVerifyFinal(handle),
		/* A bad handle comes before a bad pointer. */
		f->C_GetSessionInfo(handle, NULL),
		f->C_GetOperationState(handle, NULL, NULL),
		f->C_Login(handle, CKU_USER, NULL, 1),
		f->C_LoginUser(handle, CKU_USER, NULL, 0, NULL, 1),
		f->C_Encrypt(handle, NULL, 1, NULL, NULL),
		f->C_DigestEncryptUpdate(handle, NULL, 1, NULL, NULL),
		f->C_VerifySignatureInit(handle, &hmac, secret, NULL, 32),
		f->C_EncryptMessage(handle, NULL, 1, NULL, 1, NULL, 1, NULL, NULL),
		f->C_EncryptMessageNext(handle, NULL, 1, NULL, 1, NULL, NULL, (CK_FLAGS)-1),
		f->C_GenerateRandom(handle, NULL, 1),
	};

	memcpy(answers, all, sizeof(all));
	return sizeof(all) / sizeof(*all);
}

static void all_answer(CK_SESSION_HANDLE handle, CK_RV rv)
{
	CK_RV answers[MOST];
	size_t n = call_all(handle, answers);

	for (size_t i = 0; i < n; i++)
		if (answers[i] != rv)
			fail_msg("answer %zu is 0x%lx", i, answers[i]);
}

static void nothing_works_before_initialize(void **state)
{
	CK_FLAGS flags = CKF_SERIAL_SESSION;
	CK_MECHANISM_INFO mechanism_info;
	CK_TOKEN_INFO token_info;
	CK_SLOT_INFO slot_info;
	CK_INFO info;

	assert_int_equal(f->C_Finalize(NULL), CKR_OK);
	const CK_RV answers[] = {
		f->C_Finalize(NULL),
		f->C_GetInfo(&info),
		f->C_GetSlotList(CK_TRUE, NULL, &len),
		f->C_GetSlotInfo(0, &slot_info),
		f->C_GetTokenInfo(0, &token_info),
		f->C_GetMechanismList(0, NULL, &len),
		f->C_GetMechanismInfo(0, CKM_SHA256, &mechanism_info),
		f->C_OpenSession(0, flags, NULL, NULL, &session),
		f->C_CloseAllSessions(0),
	};
	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++)
		if (answers[i] != CKR_CRYPTOKI_NOT_INITIALIZED)
			fail_msg("answer %zu is 0x%lx", i, answers[i]);
	all_answer(session, CKR_CRYPTOKI_NOT_INITIALIZED);
	assert_int_equal(f->C_Initialize(NULL), CKR_OK);
	assert_int_equal(f->C_OpenSession(0, flags, NULL, NULL, &session), CKR_OK);
	aes = find("aes");
}

static void no_session_is_invalid(void **state)
{
	all_answer(CK_INVALID_HANDLE, CKR_SESSION_HANDLE_INVALID);
	all_answer(NO_SESSION, CKR_SESSION_HANDLE_INVALID);
	all_answer((CK_SESSION_HANDLE)-1, CKR_SESSION_HANDLE_INVALID);
}

static void slots_are_checked(void **state)
{
	CK_MECHANISM_INFO mechanism_info;
	CK_TOKEN_INFO token_info;
	CK_SLOT_INFO slot_info;
	CK_SESSION_HANDLE handle = 77;

	assert_int_equal(f->C_GetSlotList(CK_TRUE, NULL, NULL), CKR_ARGUMENTS_BAD);
	assert_int_equal(f->C_GetSlotList(CK_FALSE, &(CK_SLOT_ID){0}, NULL), CKR_ARGUMENTS_BAD);
	assert_int_equal(f->C_GetSlotInfo(NO_SLOT, &slot_info), CKR_SLOT_ID_INVALID);
	assert_int_equal(f->C_GetSlotInfo(0, NULL), CKR_ARGUMENTS_BAD);
	assert_int_equal(f->C_GetTokenInfo(NO_SLOT, &token_info), CKR_SLOT_ID_INVALID);
	assert_int_equal(f->C_GetTokenInfo(0, NULL), CKR_ARGUMENTS_BAD);
	assert_int_equal(f->C_GetMechanismList(NO_SLOT, NULL, &len), CKR_SLOT_ID_INVALID);
	assert_int_equal(f->C_GetMechanismList(0, NULL, NULL), CKR_ARGUMENTS_BAD);
	assert_int_equal(f->C_GetMechanismInfo(NO_SLOT, CKM_SHA256, &mechanism_info),
			 CKR_SLOT_ID_INVALID);
	assert_int_equal(f->C_GetMechanismInfo(0, CKM_SHA256, NULL), CKR_ARGUMENTS_BAD);
	assert_int_equal(f->C_GetMechanismInfo(0, CKM_RSA_PKCS, &mechanism_info),
			 CKR_MECHANISM_INVALID);
	assert_int_equal(f->C_CloseAllSessions(NO_SLOT), CKR_SLOT_ID_INVALID);
	assert_int_equal(f->C_OpenSession(NO_SLOT, CKF_SERIAL_SESSION, NULL, NULL, &handle),
			 CKR_SLOT_ID_INVALID);
	assert_int_equal(f->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, NULL),
			 CKR_ARGUMENTS_BAD);
	for (CK_FLAGS flags = 0; flags < 16; flags++)
		if ((flags & (CKF_SERIAL_SESSION | CKF_ASYNC_SESSION)) != CKF_SERIAL_SESSION)
			assert_int_equal(f->C_OpenSession(0, flags, NULL, NULL, &handle),
					 flags & CKF_SERIAL_SESSION
						 ? CKR_SESSION_ASYNC_NOT_SUPPORTED
						 : CKR_SESSION_PARALLEL_NOT_SUPPORTED);
	assert_int_equal(handle, 77);
}

static CK_RV login(bool by_name, CK_USER_TYPE user, const char *pin, CK_ULONG pin_len)
{
	return by_name ? f->C_LoginUser(session, user, (CK_UTF8CHAR *)pin, pin_len,
					(CK_UTF8CHAR *)"anybody", 7)
		       : f->C_Login(session, user, (CK_UTF8CHAR *)pin, pin_len);
}

/* Users have no names: C_LoginUser is C_Login, and each knows of the other's. */
static void logins_are_checked(void **state)
{
	CK_SESSION_HANDLE read_only = session;
	CK_SESSION_INFO info;

	for (int by_name = 0; by_name < 2; by_name++) {
		assert_int_equal(f->C_Logout(session), CKR_USER_NOT_LOGGED_IN);
		assert_int_equal(login(by_name, CKU_USER, NULL, 4), CKR_ARGUMENTS_BAD);
		assert_int_equal(login(by_name, 3, NULL, 0), CKR_USER_TYPE_INVALID);
		assert_int_equal(login(by_name, CKU_SO, NULL, 0), CKR_SESSION_READ_ONLY_EXISTS);
		assert_int_equal(login(by_name, CKU_CONTEXT_SPECIFIC, NULL, 0),
				 CKR_OPERATION_NOT_INITIALIZED);
		assert_int_equal(f->C_GetSessionInfo(session, &info), CKR_OK);
		assert_int_equal(info.state, CKS_RO_PUBLIC_SESSION);
		assert_int_equal(login(by_name, CKU_USER, "1234", 4), CKR_OK);
		assert_int_equal(f->C_GetSessionInfo(session, &info), CKR_OK);
		assert_int_equal(info.state, CKS_RO_USER_FUNCTIONS);
		assert_int_equal(login(by_name, CKU_USER, NULL, 0), CKR_USER_ALREADY_LOGGED_IN);
		assert_int_equal(login(!by_name, CKU_USER, NULL, 0), CKR_USER_ALREADY_LOGGED_IN);
		assert_int_equal(login(by_name, CKU_SO, NULL, 0),
				 CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
		assert_int_equal(f->C_Logout(session), CKR_OK);
	}
	assert_int_equal(f->C_LoginUser(session, CKU_USER, NULL, 0, NULL, 7), CKR_ARGUMENTS_BAD);
	assert_int_equal(f->C_LoginUser(session, CKU_USER, NULL, 0, NULL, 0), CKR_OK);
	assert_int_equal(f->C_Logout(session), CKR_OK);

	assert_int_equal(
		f->C_OpenSession(0, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session),
		CKR_OK);
	assert_int_equal(f->C_CloseSession(read_only), CKR_OK);
	assert_int_equal(login(true, CKU_SO, "1234", 4), CKR_OK);
	assert_int_equal(f->C_GetSessionInfo(session, &info), CKR_OK);
	assert_int_equal(info.state, CKS_RW_SO_FUNCTIONS);
	assert_int_equal(login(true, CKU_USER, NULL, 0), CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
}

static void sessions_are_checked(void **state)
{
	CK_SESSION_HANDLE other;
	CK_SESSION_INFO info;

	assert_int_equal(f->C_GetSessionInfo(session, NULL), CKR_ARGUMENTS_BAD);
	assert_int_equal(
		f->C_OpenSession(0, CKF_SERIAL_SESSION | CKF_RW_SESSION | 0xf0, NULL, NULL, &other),
		CKR_OK);
	assert_int_equal(f->C_GetSessionInfo(other, &info), CKR_OK);
	assert_int_equal(info.flags, CKF_SERIAL_SESSION | CKF_RW_SESSION);
	assert_int_equal(f->C_CloseSession(other), CKR_OK);
	assert_int_equal(f->C_CloseSession(other), CKR_SESSION_HANDLE_INVALID);
	/* The other slot's sessions are closed without this one's. */
	assert_int_equal(f->C_OpenSession(1, CKF_SERIAL_SESSION, NULL, NULL, &other), CKR_OK);
	assert_int_equal(f->C_CloseAllSessions(1), CKR_OK);
	assert_int_equal(f->C_CloseSession(other), CKR_SESSION_HANDLE_INVALID);
}

static void objects_are_checked(void **state)
{
	CK_ATTRIBUTE label = {CKA_LABEL, out, sizeof(out)}, bad = {CKA_LABEL, NULL, 1};
	CK_OBJECT_HANDLE list[4];

	assert_int_equal(f->C_GetAttributeValue(session, NO_KEY, &label, 1),
			 CKR_OBJECT_HANDLE_INVALID);
	assert_int_equal(f->C_GetAttributeValue(session, CK_INVALID_HANDLE, &label, 1),
			 CKR_OBJECT_HANDLE_INVALID);
	assert_int_equal(f->C_GetAttributeValue(session, aes, NULL, 1), CKR_ARGUMENTS_BAD);
	assert_int_equal(f->C_GetAttributeValue(session, aes, NULL, 0), CKR_OK);
	assert_int_equal(f->C_GetAttributeValue(session, aes, &label, 1), CKR_OK);
	assert_int_equal(label.ulValueLen, 3);

	assert_int_equal(f->C_FindObjects(session, list, 4, &len), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(f->C_FindObjectsFinal(session), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(f->C_FindObjectsInit(session, NULL, 1), CKR_ARGUMENTS_BAD);
	assert_int_equal(f->C_FindObjectsInit(session, &bad, 1), CKR_ATTRIBUTE_VALUE_INVALID);
	assert_int_equal(f->C_FindObjectsInit(session, NULL, 0), CKR_OK);
	assert_int_equal(f->C_FindObjectsInit(session, NULL, 0), CKR_OPERATION_ACTIVE);
	assert_int_equal(f->C_FindObjects(session, NULL, 4, &len), CKR_ARGUMENTS_BAD);
	assert_int_equal(f->C_FindObjects(session, list, 4, NULL), CKR_ARGUMENTS_BAD);
	assert_int_equal(f->C_FindObjects(session, list, 4, &len), CKR_OK);
	assert_int_equal(len, 3);
	assert_int_equal(f->C_FindObjectsFinal(session), CKR_OK);
}

static void random_numbers_are_checked(void **state)
{
	assert_int_equal(f->C_SeedRandom(session, NULL, 8), CKR_ARGUMENTS_BAD);
	assert_int_equal(f->C_SeedRandom(session, NULL, 0), CKR_OK);
	assert_int_equal(f->C_SeedRandom(session, in, 16), CKR_OK);
	assert_int_equal(f->C_GenerateRandom(session, NULL, 8), CKR_ARGUMENTS_BAD);
	assert_int_equal(f->C_GenerateRandom(session, NULL, 0), CKR_OK);
	assert_int_equal(f->C_GenerateRandom(session, out, 0), CKR_OK);
	assert_int_equal(f->C_GenerateRandom(session, out, sizeof(out)), CKR_OK);
}

static void without_a_generator_of_the_kernel_there_is_nothing_to_seed(void **state)
{
	fake_alg_hide("stdrng", true);
	assert_int_equal(f->C_SeedRandom(session, in, 16), CKR_RANDOM_SEED_NOT_SUPPORTED);
	assert_int_equal(f->C_SeedRandom(session, NULL, 8), CKR_ARGUMENTS_BAD);
	assert_int_equal(f->C_GenerateRandom(session, out, sizeof(out)), CKR_OK);
}

/* The members of one kind of operation with an output. */
struct kind {
	CK_RV (*init)(CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE);
	CK_RV (*all)(CK_SESSION_HANDLE, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *);
	CK_RV (*next)(CK_SESSION_HANDLE, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *);
	CK_RV (*end)(CK_SESSION_HANDLE, CK_BYTE *, CK_ULONG *);
	CK_MECHANISM *good, *wrong; /* the latter is of another kind */
	CK_ULONG result;            /* bytes, of 16 */
};

static CK_RV digest_init(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	return C_DigestInit(handle, mechanism);
}

static CK_RV digest_next(CK_SESSION_HANDLE handle, CK_BYTE *part, CK_ULONG part_len, CK_BYTE *none,
			 CK_ULONG *none_len)
{
	return C_DigestUpdate(handle, part, part_len);
}

static CK_RV sign_next(CK_SESSION_HANDLE handle, CK_BYTE *part, CK_ULONG part_len, CK_BYTE *none,
		       CK_ULONG *none_len)
{
	return C_SignUpdate(handle, part, part_len);
}

static const struct kind kinds[] = {
	{C_EncryptInit, C_Encrypt, C_EncryptUpdate, C_EncryptFinal, &cbc, &hmac, 16},
	{C_DecryptInit, C_Decrypt, C_DecryptUpdate, C_DecryptFinal, &cbc, &sha256, 16},
	{digest_init, C_Digest, digest_next, C_DigestFinal, &sha256, &ecb, 32},
	{C_SignInit, C_Sign, sign_next, C_SignFinal, &hmac, &cbc, 32},
};

/* The operation is over: nothing of it answers any more. */
static void is_over(const struct kind *kind)
{
	assert_int_equal(kind->all(session, in, 16, out, room(64)), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(kind->next(session, in, 16, out, room(64)), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(kind->end(session, out, room(64)), CKR_OPERATION_NOT_INITIALIZED);
}

static void check_beginning(const struct kind *kind, CK_OBJECT_HANDLE key)
{
	is_over(kind);
	assert_int_equal(kind->init(session, &unknown, key), CKR_MECHANISM_INVALID);
	assert_int_equal(kind->init(session, kind->wrong, key), CKR_MECHANISM_INVALID);
	is_over(kind);
	/* NULL cancels, and there is nothing to cancel. */
	assert_int_equal(kind->init(session, NULL, key), CKR_OK);
	if (kind->init != digest_init) {
		assert_int_equal(kind->init(session, kind->good, NO_KEY), CKR_KEY_HANDLE_INVALID);
		assert_int_equal(kind->init(session, kind->good, CK_INVALID_HANDLE),
				 CKR_KEY_HANDLE_INVALID);
		assert_int_equal(kind->init(session, kind->good, key == aes ? secret : aes),
				 CKR_KEY_TYPE_INCONSISTENT);
	}
	assert_int_equal(kind->init(session, kind->good, key), CKR_OK);
	assert_int_equal(kind->init(session, kind->good, key), CKR_OPERATION_ACTIVE);
	assert_int_equal(kind->init(session, kind->wrong, key), CKR_OPERATION_ACTIVE);
	assert_int_equal(kind->init(session, NULL, 0), CKR_OK);
	is_over(kind);
}

static void check_running(const struct kind *kind, CK_OBJECT_HANDLE key)
{
	assert_int_equal(kind->init(session, kind->good, key), CKR_OK);
	assert_int_equal(kind->all(session, NULL, 16, out, room(64)), CKR_ARGUMENTS_BAD);
	is_over(kind);
	assert_int_equal(kind->init(session, kind->good, key), CKR_OK);
	assert_int_equal(kind->all(session, in, 16, out, NULL), CKR_ARGUMENTS_BAD);
	is_over(kind);
	assert_int_equal(kind->init(session, kind->good, key), CKR_OK);
	assert_int_equal(kind->end(session, out, NULL), CKR_ARGUMENTS_BAD);
	is_over(kind);
	assert_int_equal(kind->init(session, kind->good, key), CKR_OK);
	assert_int_equal(kind->next(session, NULL, 16, out, room(64)), CKR_ARGUMENTS_BAD);
	is_over(kind);
	if (kind->next == C_EncryptUpdate || kind->next == C_DecryptUpdate) {
		for (int i = 0; i < 2; i++) {
			assert_int_equal(kind->init(session, kind->good, key), CKR_OK);
			assert_int_equal(kind->next(session, in, 16, i ? out : NULL, NULL),
					 CKR_ARGUMENTS_BAD);
			is_over(kind);
		}
	}
	/* Questions and small buffers keep it, in one part and at the end of several. */
	assert_int_equal(kind->init(session, kind->good, key), CKR_OK);
	assert_int_equal(kind->all(session, in, 16, NULL, room(0)), CKR_OK);
	assert_int_equal(len, kind->result);
	assert_int_equal(kind->all(session, in, 16, out, room(kind->result - 1)),
			 CKR_BUFFER_TOO_SMALL);
	assert_int_equal(len, kind->result);
	assert_int_equal(kind->all(session, in, 16, out, room(kind->result)), CKR_OK);
	is_over(kind);
	assert_int_equal(kind->init(session, kind->good, key), CKR_OK);
	assert_int_equal(kind->next(session, in, 16, out, room(64)), CKR_OK);
	assert_int_equal(kind->all(session, in, 16, out, room(64)), CKR_OPERATION_NOT_INITIALIZED);
	is_over(kind);
	assert_int_equal(kind->init(session, kind->good, key), CKR_OK);
	assert_int_equal(kind->next(session, in, 16, out, room(64)), CKR_OK);
	assert_int_equal(kind->end(session, NULL, room(0)), CKR_OK);
	assert_int_equal(kind->end(session, out, room(64)), CKR_OK);
	is_over(kind);
}

static void operations_with_output_are_checked(void **state)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		CK_OBJECT_HANDLE key = kinds[i].good == &hmac ? secret : aes;

		check_beginning(&kinds[i], key);
		check_running(&kinds[i], key);
	}
}

static void verifying_is_over(void)
{
	assert_int_equal(f->C_Verify(session, in, 16, out, 32), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(f->C_VerifyUpdate(session, in, 16), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(f->C_VerifyFinal(session, out, 32), CKR_OPERATION_NOT_INITIALIZED);
}

static void verifying_is_checked(void **state)
{
	static const struct {
		CK_ULONG in_len, mac_len;
		bool no_in, no_mac, wrong;
		CK_RV rv;
	} cases[] = {
		{16, 32, false, false, false, CKR_OK},
		{16, 32, false, false, true, CKR_SIGNATURE_INVALID},
		{16, 31, false, false, false, CKR_SIGNATURE_LEN_RANGE},
		{16, 33, false, false, false, CKR_SIGNATURE_LEN_RANGE},
		{16, 0, false, false, false, CKR_SIGNATURE_LEN_RANGE},
		{16, 32, true, false, false, CKR_ARGUMENTS_BAD},
		{16, 32, false, true, false, CKR_ARGUMENTS_BAD},
	};
	CK_BYTE mac[64] = {0};

	verifying_is_over();
	assert_int_equal(f->C_VerifyInit(session, &unknown, secret), CKR_MECHANISM_INVALID);
	assert_int_equal(f->C_VerifyInit(session, &sha256, secret), CKR_MECHANISM_INVALID);
	assert_int_equal(f->C_VerifyInit(session, &hmac, NO_KEY), CKR_KEY_HANDLE_INVALID);
	assert_int_equal(f->C_VerifyInit(session, &hmac, aes), CKR_KEY_TYPE_INCONSISTENT);
	fake_hash("hmac(sha256)", "0123456789abcdefg", 17, in, 16, mac, 32);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		mac[31] ^= cases[i].wrong;
		assert_int_equal(f->C_VerifyInit(session, &hmac, secret), CKR_OK);
		assert_int_equal(f->C_VerifyInit(session, &hmac, secret), CKR_OPERATION_ACTIVE);
		assert_int_equal(f->C_Verify(session, cases[i].no_in ? NULL : in, cases[i].in_len,
					     cases[i].no_mac ? NULL : mac, cases[i].mac_len),
				 cases[i].rv);
		verifying_is_over();
		assert_int_equal(f->C_VerifyInit(session, &hmac, secret), CKR_OK);
		if (cases[i].no_in) {
			assert_int_equal(f->C_VerifyUpdate(session, NULL, 16), cases[i].rv);
		} else {
			assert_int_equal(f->C_VerifyUpdate(session, in, 16), CKR_OK);
			assert_int_equal(f->C_VerifyFinal(session, cases[i].no_mac ? NULL : mac,
							  cases[i].mac_len),
					 cases[i].rv);
		}
		verifying_is_over();
		mac[31] ^= cases[i].wrong;
	}
	assert_int_equal(f->C_VerifyInit(session, &hmac, secret), CKR_OK);
	assert_int_equal(f->C_VerifyInit(session, NULL, 0), CKR_OK);
	verifying_is_over();
}

static void parameters_are_checked(void **state)
{
	struct ctr_params ctr = {.counter_bits = 129};
	CK_MECHANISM bad[] = {
		{CKM_AES_CBC, NULL, 0},
		{CKM_AES_CBC, iv, 15},
		{CKM_AES_ECB, iv, 16},
		{CKM_AES_CTR, iv, 16},
		{CKM_AES_CTR, &ctr, sizeof(ctr)},
		{CKM_AES_GCM, NULL, 0},
		{CKM_AES_GCM, iv, 12},
		{CKM_AES_CBC_PAD, NULL, 16},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(f->C_EncryptInit(session, &bad[i], aes),
				 CKR_MECHANISM_PARAM_INVALID);
		assert_int_equal(f->C_DecryptInit(session, &bad[i], aes),
				 CKR_MECHANISM_PARAM_INVALID);
	}
	is_over(&kinds[0]);
	is_over(&kinds[1]);
}

/* One operation of each kind at a time, and none disturbs another. */
static void kinds_do_not_exclude_each_other(void **state)
{
	CK_BYTE expected[32], mac[32];

	assert_int_equal(f->C_EncryptInit(session, &cbc, aes), CKR_OK);
	assert_int_equal(f->C_DecryptInit(session, &pad, aes), CKR_OK);
	assert_int_equal(f->C_DigestInit(session, &sha256), CKR_OK);
	assert_int_equal(f->C_SignInit(session, &hmac, secret), CKR_OK);
	assert_int_equal(f->C_VerifyInit(session, &hmac, secret), CKR_OK);
	assert_int_equal(f->C_FindObjectsInit(session, NULL, 0), CKR_OK);
	assert_int_equal(f->C_DigestUpdate(session, in, 5), CKR_OK);
	assert_int_equal(f->C_SignUpdate(session, in, 16), CKR_OK);
	assert_int_equal(f->C_Encrypt(session, in, 17, out, room(64)), CKR_DATA_LEN_RANGE);
	assert_int_equal(f->C_Decrypt(session, in, 17, out, room(64)),
			 CKR_ENCRYPTED_DATA_LEN_RANGE);
	assert_int_equal(f->C_SignFinal(session, mac, room(32)), CKR_OK);
	assert_int_equal(f->C_Verify(session, in, 16, mac, 32), CKR_OK);
	assert_int_equal(f->C_DigestUpdate(session, in + 5, 6), CKR_OK);
	assert_int_equal(f->C_DigestFinal(session, out, room(32)), CKR_OK);
	fake_hash("sha256", NULL, 0, in, 11, expected, 32);
	assert_memory_equal(out, expected, 32);
	assert_int_equal(f->C_FindObjectsFinal(session), CKR_OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(nothing_works_before_initialize),
		TEST(no_session_is_invalid),
		TEST(slots_are_checked),
		TEST(logins_are_checked),
		TEST(sessions_are_checked),
		TEST(objects_are_checked),
		TEST(random_numbers_are_checked),
		TEST(without_a_generator_of_the_kernel_there_is_nothing_to_seed),
		TEST(operations_with_output_are_checked),
		TEST(verifying_is_checked),
		TEST(parameters_are_checked),
		TEST(kinds_do_not_exclude_each_other),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("arguments", tests, NULL, NULL);
}
