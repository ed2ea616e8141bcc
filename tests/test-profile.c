/* SPDX-License-Identifier: BSD-2-Clause */
/* The one object of each token that is no key: CKO_PROFILE (PKCS#11 3.2, section 4.13), which says
 * that the token conforms to the Baseline Provider profile ("PKCS #11 Profiles Version 3.2"). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake-kernel.h"
#include "pkcs11-parameters.h"
#include "pkcs11.h"

static CK_SESSION_HANDLE session;

/* The profile, and how many there are, by its class. */
static CK_OBJECT_HANDLE find_profile(CK_SESSION_HANDLE in)
{
	CK_ULONG class = CKO_PROFILE, count = 0;
	CK_ATTRIBUTE template = {CKA_CLASS, &class, sizeof(class)};
	CK_OBJECT_HANDLE objects[2] = {0};

	assert_int_equal(C_FindObjectsInit(in, &template, 1), CKR_OK);
	assert_int_equal(C_FindObjects(in, objects, 2, &count), CKR_OK);
	assert_int_equal(C_FindObjectsFinal(in), CKR_OK);
	assert_int_equal(count, 1);
	return objects[0];
}

static int setup(void **state)
{
	fake_reset();
	return C_Initialize(NULL) == CKR_OK &&
			       C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &session) == CKR_OK
		       ? 0
		       : -1;
}

static int teardown(void **state)
{
	C_Finalize(NULL);
	return fake_open_sockets() ? -1 : 0;
}

/* Mandatory test case BL-M-1-32 of the profiles, step by step, on a token without keys. */
static void the_baseline_test_case_passes(void **state)
{
	CK_ULONG slots = 0, count = 99;
	CK_SLOT_ID list[8];
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE template = {CKA_TOKEN, &yes, sizeof(yes)};
	CK_OBJECT_HANDLE object = 0;
	CK_TOKEN_INFO token_info;
	CK_SLOT_INFO slot_info;
	CK_INFO info;

	C_Finalize(NULL);
	assert_int_equal(C_Initialize(NULL), CKR_OK);
	assert_int_equal(C_GetInfo(&info), CKR_OK);
	assert_int_equal(info.cryptokiVersion.major, 3);
	assert_int_equal(info.cryptokiVersion.minor, 2);
	assert_int_equal(info.flags, 0);
	assert_int_equal(C_GetSlotList(CK_TRUE, NULL, &slots), CKR_OK);
	assert_in_range(slots, 1, 8);
	assert_int_equal(C_GetSlotList(CK_TRUE, list, &slots), CKR_OK);
	assert_int_equal(C_GetSlotInfo(list[0], &slot_info), CKR_OK);
	assert_int_equal(slot_info.flags & CKF_TOKEN_PRESENT, CKF_TOKEN_PRESENT);
	assert_int_equal(C_GetTokenInfo(list[0], &token_info), CKR_OK);
	assert_int_equal(token_info.flags & CKF_TOKEN_INITIALIZED, CKF_TOKEN_INITIALIZED);
	assert_int_equal(C_OpenSession(list[0], CKF_SERIAL_SESSION, NULL, NULL, &session), CKR_OK);
	assert_int_equal(C_FindObjectsInit(session, &template, 1), CKR_OK);
	assert_int_equal(C_FindObjects(session, &object, 1, &count), CKR_OK);
	assert_int_equal(count, 1);
	assert_int_not_equal(object, CK_INVALID_HANDLE);
	assert_int_equal(C_FindObjectsFinal(session), CKR_OK);
	assert_int_equal(C_CloseSession(session), CKR_OK);
	assert_int_equal(C_CloseAllSessions(list[0]), CKR_OK);
	assert_int_equal(C_Finalize(NULL), CKR_OK);
}

static void the_profile_says_what_it_is(void **state)
{
	CK_ULONG class = 0, id = 0;
	CK_BYTE label[8], unique[32];
	CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof(class)},
				   {CKA_PROFILE_ID, &id, sizeof(id)},
				   {CKA_LABEL, label, sizeof(label)},
				   {CKA_UNIQUE_ID, unique, sizeof(unique)}};

	assert_int_equal(C_GetAttributeValue(session, find_profile(session), template, 4), CKR_OK);
	assert_int_equal(class, CKO_PROFILE);
	assert_int_equal(id, CKP_BASELINE_PROVIDER);
	assert_int_equal(template[2].ulValueLen, 0);
	assert_int_equal(template[3].ulValueLen, strlen("profile-baseline"));
	assert_memory_equal(unique, "profile-baseline", strlen("profile-baseline"));
	assert_int_equal(C_GetAttributeValue(session, find_profile(session),
					     &(CK_ATTRIBUTE){CKA_KEY_TYPE, NULL, 0}, 1),
			 CKR_ATTRIBUTE_TYPE_INVALID);
}

/* It is a key to no function, whichever mechanism fits. */
static void the_profile_is_no_key(void **state)
{
	CK_BYTE iv[16] = {0}, mac[32];
	CK_MECHANISM cbc = {CKM_AES_CBC, iv, 16}, hmac = {CKM_SHA256_HMAC, NULL, 0},
		     gcm = {CKM_AES_GCM, NULL, 0}, sha256 = {CKM_SHA256, NULL, 0};
	CK_OBJECT_HANDLE profile = find_profile(session);
	const CK_RV answers[] = {
		C_DigestInit(session, &sha256),
		C_EncryptInit(session, &cbc, profile),
		C_DecryptInit(session, &cbc, profile),
		C_SignInit(session, &hmac, profile),
		C_VerifyInit(session, &hmac, profile),
		C_VerifySignatureInit(session, &hmac, profile, mac, 32),
		C_MessageEncryptInit(session, &gcm, profile),
		C_MessageDecryptInit(session, &gcm, profile),
		C_MessageSignInit(session, &hmac, profile),
		C_MessageVerifyInit(session, &hmac, profile),
		C_DigestKey(session, profile),
	};
	CK_ULONG len = 0;

	assert_int_equal(answers[0], CKR_OK);
	for (size_t i = 1; i < sizeof(answers) / sizeof(*answers); i++)
		if (answers[i] != CKR_KEY_HANDLE_INVALID)
			fail_msg("answer %zu is 0x%lx", i, answers[i]);
	assert_int_equal(C_DigestInit(session, NULL), CKR_OK);
	assert_int_equal(C_GetOperationState(session, NULL, &len), CKR_OPERATION_NOT_INITIALIZED);
	/* What is wrong before the key is asked about is said first. */
	assert_int_equal(C_EncryptInit(session, &hmac, profile), CKR_MECHANISM_INVALID);
}

/* Clients ask for profiles at every start. */
static void finding_it_asks_the_kernel_nothing(void **state)
{
	static const char *const functions[] = {
		"keyring_resolve", "keyring_list", "keyring_possess", "key_describe",
		"key_usable",      "key_read",     "proc_keys_read",  "alg_bind",
		"alg_probe",       "alg_accept"};
	CK_ULONG class = 0;

	fake_key_add(FAKE_USER_KEYRING, "logon", "pkcs11:object=a", "0123456789abcdef", 16,
		     FAKE_PERM);
	fake_calls_forget();
	assert_int_equal(C_GetAttributeValue(session, find_profile(session),
					     &(CK_ATTRIBUTE){CKA_CLASS, &class, sizeof(class)}, 1),
			 CKR_OK);
	assert_int_equal(class, CKO_PROFILE);
	for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++)
		if (fake_calls(functions[i]))
			fail_msg("%s was called", functions[i]);
}

static void each_token_has_its_own(void **state)
{
	CK_SESSION_HANDLE other;
	CK_OBJECT_HANDLE first, second;
	CK_ULONG class = 0;
	CK_ATTRIBUTE attribute = {CKA_CLASS, &class, sizeof(class)};

	assert_int_equal(C_OpenSession(1, CKF_SERIAL_SESSION, NULL, NULL, &other), CKR_OK);
	first = find_profile(session);
	second = find_profile(other);
	assert_int_not_equal(first, second);
	assert_int_equal(C_GetAttributeValue(other, first, &attribute, 1),
			 CKR_OBJECT_HANDLE_INVALID);
	assert_int_equal(C_GetAttributeValue(session, second, &attribute, 1),
			 CKR_OBJECT_HANDLE_INVALID);
	assert_int_equal(C_GetAttributeValue(other, second, &attribute, 1), CKR_OK);
	assert_int_equal(class, CKO_PROFILE);
}

/* The handle lasts as long as the module runs, whatever becomes of keys and sessions. */
static void its_handle_stays(void **state)
{
	CK_OBJECT_HANDLE profile = find_profile(session);
	CK_SESSION_HANDLE other;
	CK_ULONG class = 0;
	CK_ATTRIBUTE attribute = {CKA_CLASS, &class, sizeof(class)};
	int32_t serial;

	assert_int_equal(C_CloseAllSessions(0), CKR_OK);
	assert_int_equal(C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &other), CKR_OK);
	serial = fake_key_add(FAKE_USER_KEYRING, "logon", "pkcs11:object=a", "0123456789abcdef", 16,
			      FAKE_PERM);
	assert_int_equal(C_FindObjectsInit(other, NULL, 0), CKR_OK);
	assert_int_equal(C_FindObjectsFinal(other), CKR_OK);
	fake_key_unlink(serial);
	assert_int_equal(C_FindObjectsInit(other, NULL, 0), CKR_OK);
	assert_int_equal(C_FindObjectsFinal(other), CKR_OK);
	assert_int_equal(find_profile(other), profile);
	assert_int_equal(C_GetAttributeValue(other, profile, &attribute, 1), CKR_OK);

	assert_int_equal(C_Finalize(NULL), CKR_OK);
	assert_int_equal(C_Initialize(NULL), CKR_OK);
	assert_int_equal(C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &other), CKR_OK);
	assert_int_equal(C_GetAttributeValue(other, profile, &attribute, 1),
			 CKR_OBJECT_HANDLE_INVALID);
	find_profile(other);
}

/* A keyring that cannot be read hides keys, and not what the token is. */
static void it_is_there_without_a_keyring(void **state)
{
	static const int errors[] = {-EACCES, -ENOKEY, -EKEYREVOKED};
	CK_OBJECT_HANDLE profile = find_profile(session), object = 0;
	CK_ULONG count;

	for (size_t i = 0; i < 3; i++) {
		count = 0;
		fake_fail("keyring_list", 1, errors[i]);
		assert_int_equal(C_FindObjectsInit(session, NULL, 0), CKR_OK);
		assert_int_equal(C_FindObjects(session, &object, 1, &count), CKR_OK);
		assert_int_equal(count, 1);
		assert_int_equal(object, profile);
		assert_int_equal(C_FindObjectsFinal(session), CKR_OK);
	}
}

/* In the child, where an assertion would go on with the parent's tests: its exit status. */
static int child(void)
{
	CK_ULONG class = CKO_PROFILE, count = 0;
	CK_ATTRIBUTE template = {CKA_CLASS, &class, sizeof(class)};
	CK_OBJECT_HANDLE object;
	CK_SESSION_HANDLE own;

	if (C_Initialize(NULL) != CKR_OK ||
	    C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &own) != CKR_OK)
		return 1;
	if (C_FindObjectsInit(own, &template, 1) != CKR_OK ||
	    C_FindObjects(own, &object, 1, &count) != CKR_OK || count != 1)
		return 2;
	if (C_GetAttributeValue(own, object, &template, 1) != CKR_OK)
		return 3;
	return C_Finalize(NULL) == CKR_OK ? 0 : 4;
}

/* In a forked child all objects are the parent's; the child's own module has a profile again. */
static void a_child_has_a_profile_of_its_own(void **state)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(child());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	find_profile(session);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_baseline_test_case_passes), TEST(the_profile_says_what_it_is),
		TEST(the_profile_is_no_key),         TEST(finding_it_asks_the_kernel_nothing),
		TEST(each_token_has_its_own),        TEST(its_handle_stays),
		TEST(it_is_there_without_a_keyring), TEST(a_child_has_a_profile_of_its_own),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("profile", tests, NULL, NULL);
}
