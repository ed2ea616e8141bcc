/* SPDX-License-Identifier: BSD-2-Clause */
/* What the module does not do in a program that hands on other processes' calls. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake-kernel.h"
#include "kernel/relay.h"
#include "mech/mechanism.h"
#include "pkcs11.h"

static char *own_name;

/* Which p11-kit the relay is of. */
static bool translates;

bool __wrap_relay_translates(void);

bool __wrap_relay_translates(void)
{
	return translates;
}

/* A client's address, which must not be followed. */
static void *const foreign = (void *)0x123456;

/* Until the next C_Initialize nobody notices. */
static void call_it(const char *name)
{
	program_invocation_name = (char *)name;
}

static void be(const char *name)
{
	call_it(name);
	relay_start();
}

static int setup(void **state)
{
	fake_reset();
	mechanisms_start(FAMILY_ALL);
	own_name = program_invocation_name;
	translates = true;
	return 0;
}

static int teardown(void **state)
{
	be(own_name);
	return relay_here() || fake_open_sockets() ? -1 : 0;
}

static void programs_are_known_by_their_names(void **state)
{
	static const char *const relays[] = {
		"p11-kit-server",
		"p11-kit-remote",
		"/usr/libexec/p11-kit/p11-kit-server",
		"/usr/lib/x86_64-linux-gnu/p11-kit/p11-kit-remote",
		"/opt/bin/.p11-kit-server-wrapped",
	};
	static const char *const others[] = {"",
					     "p11-kit",
					     "pkcs11-tool",
					     "/usr/bin/p11tool",
					     "server/",
					     "remote",
					     "/p11-kit-server/firefox"};

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		be(others[i]);
		assert_false(relay_here());
	}
	for (size_t i = 0; i < sizeof(relays) / sizeof(*relays); i++) {
		be(relays[i]);
		assert_true(relay_here());
	}
	be("firefox");
	assert_false(relay_here());
}

/* The parameters that p11-kit 0.26 (rpc-message.c) translates, or that have no addresses in them:
 * an IV, CK_AES_CTR_PARAMS, CK_MAC_GENERAL_PARAMS. */
static bool passes(const struct mechanism *row)
{
	static const char *const flat[] = {"none", "IV, ", "CK_MAC_GENERAL_PARAMS",
					   "CK_AES_CTR_PARAMS", "CK_CAMELLIA_CTR_PARAMS"};

	for (size_t i = 0; i < sizeof(flat) / sizeof(*flat); i++)
		if (!strncmp(row->parameter, flat[i], strlen(flat[i])))
			return true;
	return row->type == CKM_AES_GCM && translates;
}

static void parameters_with_addresses_are_not_offered(void **state)
{
	be("p11-kit-server");
	for (int version = 0; version < 2; version++) {
		size_t hidden = 0;

		translates = version;
		for (size_t i = 0; i < n_mechanisms; i++) {
			if (mechanism_offered(&mechanisms[i]) != passes(&mechanisms[i]))
				fail_msg("%s", mechanisms[i].name);
			hidden += !passes(&mechanisms[i]);
		}
		assert_int_equal(hidden, translates ? 11 : 12);
	}
	be("pkcs11-tool");
	for (size_t i = 0; i < n_mechanisms; i++)
		assert_int_equal(mechanism_offered(&mechanisms[i]), 1);
}

static void message_functions_with_addresses_are_not_offered(void **state)
{
	const CK_FLAGS messages = CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT;

	be("p11-kit-remote");
	for (size_t i = 0; i < n_mechanisms; i++)
		assert_int_equal(mechanism_flags(&mechanisms[i]) & messages, 0);
	/* A MAC's messages have no parameters. */
	assert_true(mechanism_flags(mechanism_find(CKM_SHA256_HMAC)) & CKF_MESSAGE_SIGN);
	assert_true(mechanism_flags(mechanism_find(CKM_SHA256_HMAC)) & CKF_MULTI_MESSAGE);
	assert_int_equal(mechanism_flags(mechanism_find(CKM_AES_GCM)),
			 CKF_ENCRYPT | CKF_DECRYPT | CKF_WRAP | CKF_UNWRAP);
	be("pkcs11-tool");
	for (size_t i = 0; i < n_mechanisms; i++)
		assert_int_equal(mechanism_flags(&mechanisms[i]), mechanisms[i].flags);
}

static CK_SESSION_HANDLE open_session(void)
{
	CK_SESSION_HANDLE session;
	CK_ULONG count = 2;
	CK_SLOT_ID slots[2];

	assert_int_equal(C_Initialize(NULL), CKR_OK);
	assert_int_equal(C_GetSlotList(CK_FALSE, slots, &count), CKR_OK);
	assert_int_equal(
		C_OpenSession(slots[0], CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session),
		CKR_OK);
	return session;
}

static CK_OBJECT_HANDLE make(CK_SESSION_HANDLE session)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_AES;
	CK_BBOOL yes = CK_TRUE;
	CK_BYTE value[16] = {1};
	CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof(class)},
				   {CKA_KEY_TYPE, &type, sizeof(type)},
				   {CKA_DERIVE, &yes, sizeof(yes)},
				   {CKA_VALUE, value, sizeof(value)}};
	CK_OBJECT_HANDLE key;

	assert_int_equal(C_CreateObject(session, template, 4, &key), CKR_OK);
	return key;
}

/* Each of these would read or write at an address of the client's. */
static void no_address_of_a_client_is_followed(void **state)
{
	CK_ULONG words[8], derive[] = {(CK_ULONG)foreign, 16}, len = 64;
	CK_MECHANISM message = {CKM_AES_GCM, NULL, 0},
		     ccm = {CKM_AES_CCM, words, 6 * sizeof(*words)},
		     gmac = {CKM_AES_GMAC, words, 6 * sizeof(*words)},
		     gcm = {CKM_AES_GCM, words, 6 * sizeof(*words)},
		     data = {CKM_AES_ECB_ENCRYPT_DATA, derive, sizeof(derive)};
	static const CK_ATTRIBUTE_TYPE templates[] = {CKA_WRAP_TEMPLATE, CKA_UNWRAP_TEMPLATE,
						      CKA_DERIVE_TEMPLATE};
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key, made;
	CK_BYTE out[64];

	be("pkcs11-tool");
	call_it("p11-kit-server");
	session = open_session();
	key = make(session);
	for (size_t i = 0; i < 8; i++)
		words[i] = (CK_ULONG)foreign;
	assert_int_equal(C_MessageEncryptInit(session, &message, key), CKR_MECHANISM_INVALID);
	assert_int_equal(
		C_EncryptMessage(session, words, 6 * sizeof(*words), NULL, 0, out, 16, out, &len),
		CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(C_EncryptMessageBegin(session, words, 6 * sizeof(*words), NULL, 0),
			 CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(C_EncryptMessageNext(session, words, 6 * sizeof(*words), out, 16, out,
					      &len, CKF_END_OF_MESSAGE),
			 CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(C_MessageDecryptInit(session, &message, key), CKR_MECHANISM_INVALID);
	assert_int_equal(
		C_DecryptMessage(session, words, 6 * sizeof(*words), NULL, 0, out, 16, out, &len),
		CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(C_EncryptInit(session, &ccm, key), CKR_MECHANISM_INVALID);
	assert_int_equal(C_SignInit(session, &gmac, key), CKR_MECHANISM_INVALID);
	translates = false;
	assert_int_equal(C_EncryptInit(session, &gcm, key), CKR_MECHANISM_INVALID);
	assert_int_equal(C_DeriveKey(session, &data, key, NULL, 0, &made), CKR_MECHANISM_INVALID);
	for (size_t i = 0; i < 3; i++) {
		CK_ATTRIBUTE inner[] = {{CKA_TOKEN, foreign, 1}},
			     outer = {templates[i], inner, sizeof(inner)};

		assert_int_equal(C_GetAttributeValue(session, key, &outer, 1),
				 CKR_ATTRIBUTE_TYPE_INVALID);
		outer.ulValueLen = sizeof(inner);
		assert_int_equal(C_CopyObject(session, key, &outer, 1, &made),
				 CKR_ATTRIBUTE_TYPE_INVALID);
		assert_int_equal(C_FindObjectsInit(session, &outer, 1), CKR_OK);
		len = 1;
		assert_int_equal(C_FindObjects(session, &made, 1, &len), CKR_OK);
		assert_int_equal(len, 0);
		assert_int_equal(C_FindObjectsFinal(session), CKR_OK);
	}
	assert_int_equal(C_Finalize(NULL), CKR_OK);
}

/* What C_Initialize finds out holds until the next one. */
static void an_ordinary_program_has_them_all(void **state)
{
	CK_MECHANISM message = {CKM_AES_GCM, NULL, 0};
	CK_ATTRIBUTE outer = {CKA_DERIVE_TEMPLATE, NULL, 0};
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;

	be("p11-kit-server");
	call_it("pkcs11-tool");
	session = open_session();
	key = make(session);
	assert_int_equal(C_MessageEncryptInit(session, &message, key), CKR_OK);
	assert_int_equal(C_MessageEncryptFinal(session), CKR_OK);
	assert_int_equal(C_GetAttributeValue(session, key, &outer, 1), CKR_OK);
	assert_int_equal(C_Finalize(NULL), CKR_OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(programs_are_known_by_their_names),
		TEST(parameters_with_addresses_are_not_offered),
		TEST(message_functions_with_addresses_are_not_offered),
		TEST(no_address_of_a_client_is_followed),
		TEST(an_ordinary_program_has_them_all),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("relay", tests, NULL, NULL);
}
