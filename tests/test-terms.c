/* SPDX-License-Identifier: BSD-2-Clause */
/* What the message-based functions are told of a message: its parameter, its AAD, where its tag is,
 * and its MAC. A call that is wrong ends its message at most, and never the process. */
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
static CK_BYTE nonce[12], tag[16], aad[20], text[64], sealed[80], mac[32], out[128];
static CK_ULONG len;

static const char aes_bytes[] = "0123456789abcdef", secret_bytes[] = "0123456789abcdefg";

static struct gcm_message_params gcm_parameter = {
	.iv = nonce, .iv_len = 12, .tag = tag, .tag_bits = 128};
static CK_MECHANISM gcm = {CKM_AES_GCM, NULL, 0}, hmac = {CKM_SHA256_HMAC, NULL, 0};

enum { PARAMETER = sizeof(gcm_parameter), ENCRYPT = 0, DECRYPT };

static const struct {
	CK_RV (*init)(CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE);
	CK_RV(*whole)
	(CK_SESSION_HANDLE, void *, CK_ULONG, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG, CK_BYTE *,
	 CK_ULONG *);
	CK_RV (*begin)(CK_SESSION_HANDLE, void *, CK_ULONG, CK_BYTE *, CK_ULONG);
	CK_RV(*next)
	(CK_SESSION_HANDLE, void *, CK_ULONG, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *, CK_FLAGS);
	CK_RV (*final)(CK_SESSION_HANDLE);
	CK_BYTE *in;
} aead[] = {
	{C_MessageEncryptInit, C_EncryptMessage, C_EncryptMessageBegin, C_EncryptMessageNext,
	 C_MessageEncryptFinal, text},
	{C_MessageDecryptInit, C_DecryptMessage, C_DecryptMessageBegin, C_DecryptMessageNext,
	 C_MessageDecryptFinal, sealed},
};

static CK_ULONG *room(CK_ULONG bytes)
{
	len = bytes;
	return &len;
}

static void prepare(int kind)
{
	memset(out, 0xa5, sizeof(out));
	if (kind == DECRYPT)
		memcpy(tag, sealed + sizeof(text), sizeof(tag));
	else
		memset(tag, 0, sizeof(tag));
}

/* Nothing of what is secret, or not to be had, came out. */
static void gave_nothing(void)
{
	static const CK_BYTE zeros[64];

	assert_true(out[0] == 0xa5 || !memcmp(out, zeros, sizeof(zeros)));
}

/* No message is under way, and the process goes on to the next. */
static void goes_on(int kind)
{
	CK_RV rv = aead[kind].next(session, &gcm_parameter, PARAMETER, text, 1, out,
				   room(sizeof(out)), 0);

	assert_int_equal(rv, CKR_OPERATION_NOT_INITIALIZED);
	prepare(kind);
	assert_int_equal(aead[kind].whole(session, &gcm_parameter, PARAMETER, aad, sizeof(aad),
					  aead[kind].in, 64, out, room(sizeof(out))),
			 CKR_OK);
	assert_int_equal(len, 64);
	assert_memory_equal(out, aead[!kind].in, 64);
	assert_memory_equal(tag, sealed + 64, 16);
}

static void mac_goes_on(void)
{
	assert_int_equal(C_VerifyMessageNext(session, NULL, 0, text, 1, NULL, 0),
			 CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(C_VerifyMessage(session, NULL, 0, text, 64, mac, 32), CKR_OK);
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
	fake_key_add(FAKE_USER_KEYRING, "logon", "pkcs11:object=aes", aes_bytes, 16, FAKE_PERM);
	fake_key_add(FAKE_USER_KEYRING, "logon", "pkcs11:object=secret", secret_bytes, 17,
		     FAKE_PERM);
	if (C_Initialize(NULL) != CKR_OK ||
	    C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &session) != CKR_OK)
		return -1;
	aes = find("aes");
	secret = find("secret");
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (CK_BYTE)(i * 5);
	for (size_t i = 0; i < sizeof(aad); i++)
		aad[i] = (CK_BYTE)(i * 3);
	for (size_t i = 0; i < sizeof(nonce); i++)
		nonce[i] = (CK_BYTE)(100 + i);
	fake_seal("gcm(aes)", aes_bytes, 16, nonce, aad, sizeof(aad), text, sizeof(text), 16,
		  sealed);
	fake_hash("hmac(sha256)", secret_bytes, 17, text, sizeof(text), mac, 32);
	return aes && secret ? 0 : -1;
}

static int teardown(void **state)
{
	return C_Finalize(NULL) != CKR_OK || fake_open_sockets() ? -1 : 0;
}

/* The first message's parameter may come with the beginning of the process, or none. */
static void the_first_parameter_may_be_there_or_not(void **state)
{
	CK_MECHANISM with = {CKM_AES_GCM, &gcm_parameter, PARAMETER};
	CK_MECHANISM bad[] = {{CKM_AES_GCM, NULL, PARAMETER}, {CKM_AES_GCM, &gcm_parameter, 0}};
	CK_MECHANISM bad_macs[] = {{CKM_SHA256_HMAC, text, 8},
				   {CKM_SHA256_HMAC, NULL, 8},
				   {CKM_SHA256_HMAC_GENERAL, NULL, 0}};

	for (int kind = ENCRYPT; kind <= DECRYPT; kind++) {
		for (int i = 0; i < 2; i++)
			assert_int_equal(aead[kind].init(session, &bad[i], aes),
					 CKR_MECHANISM_PARAM_INVALID);
		assert_int_equal(aead[kind].final(session), CKR_OPERATION_NOT_INITIALIZED);
		assert_int_equal(aead[kind].init(session, &with, aes), CKR_OK);
		goes_on(kind);
		assert_int_equal(aead[kind].final(session), CKR_OK);
	}
	for (int i = 0; i < 3; i++) {
		assert_int_equal(C_MessageSignInit(session, &bad_macs[i], secret),
				 CKR_MECHANISM_PARAM_INVALID);
		assert_int_equal(C_MessageVerifyInit(session, &bad_macs[i], secret),
				 CKR_MECHANISM_PARAM_INVALID);
	}
	assert_int_equal(C_MessageSignFinal(session), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(C_MessageVerifyFinal(session), CKR_OPERATION_NOT_INITIALIZED);
}

/* How long a MAC is, the process is told; each message then takes no parameter. */
static void a_process_makes_macs_of_one_length(void **state)
{
	CK_ULONG size = 10;
	CK_MECHANISM general = {CKM_SHA256_HMAC_GENERAL, &size, sizeof(size)};

	assert_int_equal(C_MessageSignInit(session, &general, secret), CKR_OK);
	assert_int_equal(C_MessageVerifyInit(session, &general, secret), CKR_OK);
	size = 32;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(C_SignMessage(session, NULL, 0, text, 64, out, room(64)), CKR_OK);
		assert_int_equal(len, 10);
		assert_memory_equal(out, mac, 10);
		assert_int_equal(C_VerifyMessage(session, NULL, 0, text, 64, mac, 10), CKR_OK);
		assert_int_equal(C_VerifyMessage(session, NULL, 0, text, 64, mac, 32),
				 CKR_SIGNATURE_LEN_RANGE);
	}
}

static void parameters_and_aad_are_checked(void **state)
{
	struct gcm_message_params no_iv = gcm_parameter, short_iv = gcm_parameter,
				  odd_tag = gcm_parameter;
	const struct {
		void *parameter;
		CK_ULONG parameter_len;
		CK_BYTE *aad;
		CK_RV rv;
	} cases[] = {
		{NULL, 0, aad, CKR_MECHANISM_PARAM_INVALID},
		{NULL, PARAMETER, aad, CKR_MECHANISM_PARAM_INVALID},
		{&gcm_parameter, 0, aad, CKR_MECHANISM_PARAM_INVALID},
		{&gcm_parameter, PARAMETER - 1, aad, CKR_MECHANISM_PARAM_INVALID},
		{&gcm_parameter, PARAMETER + 8, aad, CKR_MECHANISM_PARAM_INVALID},
		{nonce, sizeof(nonce), aad, CKR_MECHANISM_PARAM_INVALID},
		{&no_iv, PARAMETER, aad, CKR_MECHANISM_PARAM_INVALID},
		{&short_iv, PARAMETER, aad, CKR_MECHANISM_PARAM_INVALID},
		{&odd_tag, PARAMETER, aad, CKR_MECHANISM_PARAM_INVALID},
		{&gcm_parameter, PARAMETER, NULL, CKR_ARGUMENTS_BAD},
	};

	no_iv.iv = NULL;
	short_iv.iv_len = 11;
	odd_tag.tag_bits = 72;
	for (int kind = ENCRYPT; kind <= DECRYPT; kind++) {
		assert_int_equal(aead[kind].init(session, &gcm, aes), CKR_OK);
		for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
			prepare(kind);
			assert_int_equal(aead[kind].begin(session, cases[i].parameter,
							  cases[i].parameter_len, cases[i].aad, 20),
					 cases[i].rv);
			for (int asks = 0; asks < 2; asks++)
				assert_int_equal(aead[kind].whole(session, cases[i].parameter,
								  cases[i].parameter_len,
								  cases[i].aad, 20, aead[kind].in,
								  64, asks ? NULL : out,
								  room(sizeof(out))),
						 cases[i].rv);
			assert_int_equal(out[0], 0xa5);
			goes_on(kind);
		}
	}
}

static void a_mac_takes_no_parameter(void **state)
{
	const struct {
		void *parameter;
		CK_ULONG parameter_len;
	} cases[] = {{text, 8}, {NULL, 8}, {text, 0}};

	assert_int_equal(C_MessageSignInit(session, &hmac, secret), CKR_OK);
	assert_int_equal(C_MessageVerifyInit(session, &hmac, secret), CKR_OK);
	for (size_t i = 0; i < 3; i++) {
		void *parameter = cases[i].parameter;
		CK_ULONG parameter_len = cases[i].parameter_len;

		assert_int_equal(C_SignMessageBegin(session, parameter, parameter_len),
				 CKR_MECHANISM_PARAM_INVALID);
		assert_int_equal(C_SignMessage(session, parameter, parameter_len, text, 64, out,
					       room(sizeof(out))),
				 CKR_MECHANISM_PARAM_INVALID);
		assert_int_equal(C_SignMessage(session, NULL, 0, text, 64, out, room(64)), CKR_OK);
		assert_memory_equal(out, mac, 32);
		assert_int_equal(C_VerifyMessageBegin(session, parameter, parameter_len),
				 CKR_MECHANISM_PARAM_INVALID);
		assert_int_equal(
			C_VerifyMessage(session, parameter, parameter_len, text, 64, mac, 32),
			CKR_MECHANISM_PARAM_INVALID);
		mac_goes_on();
	}
}

static void other_flags_are_refused(void **state)
{
	static const CK_FLAGS flags[] = {2, 0x80000000, CKF_END_OF_MESSAGE | 2, (CK_FLAGS)-1};

	for (int kind = ENCRYPT; kind <= DECRYPT; kind++) {
		assert_int_equal(aead[kind].init(session, &gcm, aes), CKR_OK);
		for (size_t i = 0; i < 4; i++) {
			prepare(kind);
			assert_int_equal(aead[kind].begin(session, &gcm_parameter, PARAMETER, aad,
							  sizeof(aad)),
					 CKR_OK);
			assert_int_equal(aead[kind].next(session, &gcm_parameter, PARAMETER,
							 aead[kind].in, 64, out, room(sizeof(out)),
							 flags[i]),
					 CKR_ARGUMENTS_BAD);
			gave_nothing();
			assert_int_equal(aead[kind].init(session, NULL, 0), CKR_OK);
			assert_int_equal(aead[kind].init(session, &gcm, aes), CKR_OK);
		}
		goes_on(kind);
	}
}

/* The last part may put the tag elsewhere; of another size it cannot be, after all. */
static void the_last_part_names_the_tag(void **state)
{
	struct gcm_message_params later = gcm_parameter, shorter = gcm_parameter,
				  none = gcm_parameter;
	const struct {
		void *parameter;
		CK_ULONG parameter_len;
	} bad[] = {{&shorter, PARAMETER}, {&none, PARAMETER}, {NULL, 0}, {&later, PARAMETER - 8}};
	CK_BYTE elsewhere[16];

	later.tag = elsewhere;
	shorter.tag_bits = 96;
	none.tag = NULL;
	for (int kind = ENCRYPT; kind <= DECRYPT; kind++) {
		assert_int_equal(aead[kind].init(session, &gcm, aes), CKR_OK);
		prepare(kind);
		memcpy(elsewhere, tag, sizeof(tag));
		memset(tag, 0x77, sizeof(tag));
		assert_int_equal(
			aead[kind].begin(session, &gcm_parameter, PARAMETER, aad, sizeof(aad)),
			CKR_OK);
		assert_int_equal(aead[kind].next(session, &later, PARAMETER, aead[kind].in, 64, out,
						 room(64), CKF_END_OF_MESSAGE),
				 CKR_OK);
		assert_memory_equal(out, aead[!kind].in, 64);
		assert_memory_equal(elsewhere, sealed + 64, 16);
		assert_int_equal(tag[0] & tag[15], 0x77);

		for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
			prepare(kind);
			assert_int_equal(aead[kind].begin(session, &gcm_parameter, PARAMETER, aad,
							  sizeof(aad)),
					 CKR_OK);
			assert_int_equal(aead[kind].next(session, bad[i].parameter,
							 bad[i].parameter_len, aead[kind].in, 64,
							 out, room(64), CKF_END_OF_MESSAGE),
					 CKR_MECHANISM_PARAM_INVALID);
			gave_nothing();
			goes_on(kind);
		}
	}
}

/* Neither at the beginning nor with a question for the length; and what is refused for want of it
 * costs no nonce. */
static void a_tag_is_needed_only_where_it_goes(void **state)
{
	struct gcm_message_params none = gcm_parameter;
	CK_BYTE before[sizeof(nonce)];

	none.tag = NULL;
	none.iv_generator = CKG_GENERATE_COUNTER;
	memcpy(before, nonce, sizeof(nonce));
	for (int kind = ENCRYPT; kind <= DECRYPT; kind++) {
		assert_int_equal(aead[kind].init(session, &gcm, aes), CKR_OK);
		for (int asks = 2; asks-- > 0;) {
			prepare(kind);
			assert_int_equal(aead[kind].whole(session, &none, PARAMETER, aad,
							  sizeof(aad), aead[kind].in, 64,
							  asks ? NULL : out, room(sizeof(out))),
					 asks ? CKR_OK : CKR_MECHANISM_PARAM_INVALID);
			if (asks)
				assert_int_equal(len, 64);
			assert_int_equal(out[0], 0xa5);
			assert_memory_equal(nonce, before, sizeof(nonce));
			goes_on(kind);
		}
		none.iv_generator = CKG_NO_GENERATE;
		prepare(kind);
		assert_int_equal(aead[kind].begin(session, &none, PARAMETER, aad, sizeof(aad)),
				 CKR_OK);
		assert_int_equal(aead[kind].next(session, &none, PARAMETER, aead[kind].in, 30, out,
						 room(64), 0),
				 CKR_OK);
		assert_int_equal(aead[kind].next(session, &none, PARAMETER, aead[kind].in + 30, 34,
						 NULL, room(0), CKF_END_OF_MESSAGE),
				 CKR_OK);
		assert_int_equal(len, 64);
		assert_int_equal(aead[kind].next(session, &gcm_parameter, PARAMETER,
						 aead[kind].in + 30, 34, out, room(64),
						 CKF_END_OF_MESSAGE),
				 CKR_OK);
		assert_memory_equal(out, aead[!kind].in, 64);
		assert_memory_equal(tag, sealed + 64, 16);
	}
}

/* A message that is not authentic gives nothing out: in its text, its tag, its AAD or its nonce. */
static void forgeries_end_their_message_only(void **state)
{
	CK_BYTE *const places[] = {&sealed[63], &tag[15], &aad[19], &nonce[0]};

	assert_int_equal(C_MessageDecryptInit(session, &gcm, aes), CKR_OK);
	for (size_t i = 0; i < 8; i++) {
		prepare(DECRYPT);
		*places[i / 2] ^= 1;
		if (i % 2) {
			assert_int_equal(C_DecryptMessageBegin(session, &gcm_parameter, PARAMETER,
							       aad, sizeof(aad)),
					 CKR_OK);
			assert_int_equal(C_DecryptMessageNext(session, &gcm_parameter, PARAMETER,
							      sealed, 64, out, room(64),
							      CKF_END_OF_MESSAGE),
					 CKR_AEAD_DECRYPT_FAILED);
		} else {
			assert_int_equal(C_DecryptMessage(session, &gcm_parameter, PARAMETER, aad,
							  sizeof(aad), sealed, 64, out, room(64)),
					 CKR_AEAD_DECRYPT_FAILED);
		}
		gave_nothing();
		*places[i / 2] ^= 1;
		goes_on(DECRYPT);
	}
}

static void a_mac_is_expected_with_its_length(void **state)
{
	static const struct {
		CK_ULONG mac_len;
		bool none, wrong;
		CK_RV rv;
	} cases[] = {{32, false, true, CKR_SIGNATURE_INVALID},
		     {31, false, false, CKR_SIGNATURE_LEN_RANGE},
		     {33, false, false, CKR_SIGNATURE_LEN_RANGE},
		     {0, false, false, CKR_SIGNATURE_LEN_RANGE},
		     {32, true, false, CKR_ARGUMENTS_BAD}};
	CK_BYTE given[40] = {0};

	memcpy(given, mac, 32);
	assert_int_equal(C_MessageVerifyInit(session, &hmac, secret), CKR_OK);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		CK_BYTE *signature = cases[i].none ? NULL : given;

		given[31] ^= cases[i].wrong;
		assert_int_equal(
			C_VerifyMessage(session, NULL, 0, text, 64, signature, cases[i].mac_len),
			cases[i].rv);
		mac_goes_on();
		/* In parts NULL says that more follow. */
		for (CK_ULONG before = 0; before < 64 && signature; before += 40) {
			assert_int_equal(C_VerifyMessageBegin(session, NULL, 0), CKR_OK);
			assert_int_equal(C_VerifyMessageNext(session, NULL, 0, text, before, NULL,
							     cases[i].mac_len),
					 CKR_OK);
			assert_int_equal(C_VerifyMessageNext(session, NULL, 0, text + before,
							     64 - before, signature,
							     cases[i].mac_len),
					 cases[i].rv);
			mac_goes_on();
		}
		given[31] ^= cases[i].wrong;
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_first_parameter_may_be_there_or_not),
		TEST(a_process_makes_macs_of_one_length),
		TEST(parameters_and_aad_are_checked),
		TEST(a_mac_takes_no_parameter),
		TEST(other_flags_are_refused),
		TEST(the_last_part_names_the_tag),
		TEST(a_tag_is_needed_only_where_it_goes),
		TEST(forgeries_end_their_message_only),
		TEST(a_mac_is_expected_with_its_length),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("terms", tests, NULL, NULL);
}
