/* SPDX-License-Identifier: BSD-2-Clause */
/* Verification where the signature comes first (PKCS#11 3.2, section 5.15,
 * C_VerifySignatureInit). */
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

static CK_SESSION_HANDLE session;
static CK_OBJECT_HANDLE aes, secret;
static CK_BYTE text[64], mac[32], longer[40];

static const char aes_bytes[] = "0123456789abcdef", secret_bytes[] = "0123456789abcdefg";

static CK_MECHANISM hmac = {CKM_SHA256_HMAC, NULL, 0}, sha256 = {CKM_SHA256, NULL, 0},
		    ecb = {CKM_AES_ECB, NULL, 0}, gcm = {CKM_AES_GCM, NULL, 0},
		    unknown = {CKM_RSA_PKCS, NULL, 0};

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
		text[i] = (CK_BYTE)(i * 11);
	fake_hash("hmac(sha256)", secret_bytes, 17, text, sizeof(text), mac, 32);
	memcpy(longer, mac, sizeof(mac));
	return aes && secret ? 0 : -1;
}

static int teardown(void **state)
{
	return C_Finalize(NULL) != CKR_OK || fake_open_sockets() ? -1 : 0;
}

static CK_RV init(CK_BYTE *signature, CK_ULONG len)
{
	return C_VerifySignatureInit(session, &hmac, secret, signature, len);
}

static void is_over(void)
{
	assert_int_equal(C_VerifySignature(session, text, 64), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(C_VerifySignatureUpdate(session, text, 64), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(C_VerifySignatureFinal(session), CKR_OPERATION_NOT_INITIALIZED);
}

/* In one part, and in parts of STEP bytes. */
static CK_RV verify(CK_BYTE *signature, CK_ULONG len, CK_ULONG step)
{
	CK_RV rv = init(signature, len);

	if (rv == CKR_OK && !step) {
		rv = C_VerifySignature(session, text, sizeof(text));
	} else if (rv == CKR_OK) {
		for (CK_ULONG at = 0; at < sizeof(text); at += step)
			assert_int_equal(C_VerifySignatureUpdate(session, text + at, step), CKR_OK);
		rv = C_VerifySignatureFinal(session);
	}
	is_over();
	return rv;
}

static void right_signatures_are_told_from_wrong_ones(void **state)
{
	static const CK_ULONG steps[] = {0, 1, 16, 64};

	is_over();
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(verify(mac, 32, steps[i]), CKR_OK);
		for (size_t bit = 0; bit < 256; bit += 17) {
			mac[bit / 8] ^= 1 << bit % 8;
			assert_int_equal(verify(mac, 32, steps[i]), CKR_SIGNATURE_INVALID);
			mac[bit / 8] ^= 1 << bit % 8;
		}
		text[63] ^= 1;
		assert_int_equal(verify(mac, 32, steps[i]), CKR_SIGNATURE_INVALID);
		text[63] ^= 1;
	}
}

static void nothing_may_be_signed(void **state)
{
	fake_hash("hmac(sha256)", secret_bytes, 17, NULL, 0, mac, 32);
	assert_int_equal(init(mac, 32), CKR_OK);
	assert_int_equal(C_VerifySignature(session, NULL, 0), CKR_OK);
	assert_int_equal(init(mac, 32), CKR_OK);
	assert_int_equal(C_VerifySignatureFinal(session), CKR_OK);
	assert_int_equal(init(mac, 32), CKR_OK);
	assert_int_equal(C_VerifySignatureUpdate(session, NULL, 0), CKR_OK);
	assert_int_equal(C_VerifySignatureFinal(session), CKR_OK);
	is_over();
}

/* "If the signature can be seen to be invalid purely on the basis of its length": at once. */
static void a_wrong_length_is_seen_at_the_beginning(void **state)
{
	static const CK_ULONG lengths[] = {0, 1, 31, 33, 40, (CK_ULONG)-1};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		assert_int_equal(init(longer, lengths[i]), CKR_SIGNATURE_LEN_RANGE);
		is_over();
	}
	assert_int_equal(fake_busy_sockets(), 0);
	assert_int_equal(verify(longer, 32, 0), CKR_OK);
}

static void the_length_is_the_mechanisms(void **state)
{
	CK_ULONG size = 10;
	CK_MECHANISM general = {CKM_SHA256_HMAC_GENERAL, &size, sizeof(size)};

	assert_int_equal(C_VerifySignatureInit(session, &general, secret, mac, 32),
			 CKR_SIGNATURE_LEN_RANGE);
	assert_int_equal(C_VerifySignatureInit(session, &general, secret, mac, 10), CKR_OK);
	size = 32;
	assert_int_equal(C_VerifySignature(session, text, 64), CKR_OK);
	is_over();
}

/* Only its length and bytes are kept: the caller's memory may go. */
static void the_signature_is_copied(void **state)
{
	CK_BYTE *own = longer;

	assert_int_equal(init(own, 32), CKR_OK);
	memset(own, 0, 32);
	assert_int_equal(C_VerifySignature(session, text, 64), CKR_OK);
	memcpy(own, mac, 32);
	own[5] ^= 4;
	assert_int_equal(init(own, 32), CKR_OK);
	memcpy(own, mac, 32);
	assert_int_equal(C_VerifySignature(session, text, 64), CKR_SIGNATURE_INVALID);
}

static void arguments_are_checked(void **state)
{
	assert_int_equal(init(NULL, 32), CKR_ARGUMENTS_BAD);
	assert_int_equal(init(NULL, 0), CKR_ARGUMENTS_BAD);
	is_over();
	assert_int_equal(init(mac, 32), CKR_OK);
	assert_int_equal(C_VerifySignature(session, NULL, 64), CKR_ARGUMENTS_BAD);
	is_over();
	assert_int_equal(init(mac, 32), CKR_OK);
	assert_int_equal(C_VerifySignatureUpdate(session, NULL, 64), CKR_ARGUMENTS_BAD);
	is_over();
}

static void keys_and_mechanisms_are_checked(void **state)
{
	CK_MECHANISM *const wrong[] = {&unknown, &sha256, &ecb, &gcm};
	CK_MECHANISM bad = {CKM_SHA256_HMAC, text, 8};

	for (size_t i = 0; i < 4; i++)
		assert_int_equal(C_VerifySignatureInit(session, wrong[i], secret, mac, 32),
				 CKR_MECHANISM_INVALID);
	assert_int_equal(C_VerifySignatureInit(session, &bad, secret, mac, 32),
			 CKR_MECHANISM_PARAM_INVALID);
	assert_int_equal(C_VerifySignatureInit(session, &hmac, CK_INVALID_HANDLE, mac, 32),
			 CKR_KEY_HANDLE_INVALID);
	assert_int_equal(C_VerifySignatureInit(session, &hmac, 0x7fffffe, mac, 32),
			 CKR_KEY_HANDLE_INVALID);
	assert_int_equal(C_VerifySignatureInit(session, &hmac, aes, mac, 32),
			 CKR_KEY_TYPE_INCONSISTENT);
	is_over();
}

/* "Any mechanism that supports C_VerifyInit must also support C_VerifySignatureInit." */
static void every_mac_serves(void **state)
{
	CK_BYTE iv[12] = {7}, out[64];
	struct gcm_params gmac_parameter = {.iv = iv, .iv_len = 12, .tag_bits = 128};
	CK_MECHANISM macs[] = {{CKM_MD5_HMAC, NULL, 0},
			       {CKM_SHA512_HMAC, NULL, 0},
			       {CKM_AES_CMAC, NULL, 0},
			       {CKM_AES_GMAC, &gmac_parameter, sizeof(gmac_parameter)}};

	for (size_t i = 0; i < 4; i++) {
		CK_OBJECT_HANDLE key = i < 2 ? secret : aes;
		CK_ULONG len = sizeof(out);

		assert_int_equal(C_SignInit(session, &macs[i], key), CKR_OK);
		assert_int_equal(C_Sign(session, text, 64, out, &len), CKR_OK);
		for (int wrong = 0; wrong < 2; wrong++) {
			out[len - 1] ^= wrong;
			assert_int_equal(C_VerifySignatureInit(session, &macs[i], key, out, len),
					 CKR_OK);
			assert_int_equal(C_VerifySignatureUpdate(session, text, 50), CKR_OK);
			assert_int_equal(C_VerifySignatureUpdate(session, text + 50, 14), CKR_OK);
			assert_int_equal(C_VerifySignatureFinal(session),
					 wrong ? CKR_SIGNATURE_INVALID : CKR_OK);
		}
	}
}

static void a_verification_begins_once(void **state)
{
	assert_int_equal(init(mac, 32), CKR_OK);
	assert_int_equal(init(mac, 32), CKR_OPERATION_ACTIVE);
	assert_int_equal(init(mac, 31), CKR_OPERATION_ACTIVE);
	assert_int_equal(C_VerifySignatureUpdate(session, text, 32), CKR_OK);
	assert_int_equal(init(mac, 32), CKR_OPERATION_ACTIVE);
	/* Nor does a second beginning bring another signature. */
	assert_int_equal(init(text, 32), CKR_OPERATION_ACTIVE);
	assert_int_equal(C_VerifySignatureUpdate(session, text + 32, 32), CKR_OK);
	assert_int_equal(C_VerifySignatureFinal(session), CKR_OK);
	is_over();
}

static void no_mechanism_cancels(void **state)
{
	assert_int_equal(C_VerifySignatureInit(session, NULL, 0, NULL, 0), CKR_OK);
	for (int part = 0; part < 2; part++) {
		assert_int_equal(init(mac, 32), CKR_OK);
		if (part)
			assert_int_equal(C_VerifySignatureUpdate(session, text, 32), CKR_OK);
		assert_int_equal(C_VerifySignatureInit(session, NULL, secret, mac, 32), CKR_OK);
		is_over();
	}
}

static void one_part_does_not_end_several(void **state)
{
	assert_int_equal(init(mac, 32), CKR_OK);
	assert_int_equal(C_VerifySignatureUpdate(session, text, 0), CKR_OK);
	assert_int_equal(C_VerifySignature(session, text, 64), CKR_OPERATION_NOT_INITIALIZED);
	is_over();
}

static void a_failure_ends_the_verification(void **state)
{
	for (int recv = 0; recv < 2; recv++) {
		assert_int_equal(init(mac, 32), CKR_OK);
		fake_fail(recv ? "alg_recv" : "alg_send", 1, -EIO);
		assert_int_equal(C_VerifySignature(session, text, 64), CKR_DEVICE_ERROR);
		is_over();
	}
	assert_int_equal(verify(mac, 32, 0), CKR_OK);
}

/* C_VerifyInit's and C_SignInit's operations are others, and may be active at the same time. */
static void other_verifications_are_apart(void **state)
{
	CK_BYTE half[32], out[32];
	CK_ULONG len = 32;

	fake_hash("hmac(sha256)", secret_bytes, 17, text, 20, half, 32);
	assert_int_equal(C_VerifyInit(session, &hmac, secret), CKR_OK);
	is_over();
	assert_int_equal(init(mac, 32), CKR_OK);
	assert_int_equal(C_SignInit(session, &hmac, secret), CKR_OK);
	assert_int_equal(C_MessageVerifyInit(session, &hmac, secret), CKR_OK);
	assert_int_equal(C_VerifyUpdate(session, text, 20), CKR_OK);
	assert_int_equal(C_VerifySignatureUpdate(session, text, 64), CKR_OK);
	assert_int_equal(C_VerifyMessage(session, NULL, 0, text, 20, half, 32), CKR_OK);
	assert_int_equal(C_VerifyFinal(session, half, 32), CKR_OK);
	assert_int_equal(C_Verify(session, text, 20, half, 32), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(C_Sign(session, text, 20, out, &len), CKR_OK);
	assert_memory_equal(out, half, 32);
	assert_int_equal(C_VerifyInit(session, NULL, 0), CKR_OK);
	assert_int_equal(C_VerifySignatureFinal(session), CKR_OK);
	assert_int_equal(C_MessageVerifyFinal(session), CKR_OK);
	is_over();

	assert_int_equal(init(mac, 32), CKR_OK);
	assert_int_equal(C_VerifyUpdate(session, text, 20), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(C_VerifyFinal(session, mac, 32), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(C_Verify(session, text, 64, mac, 32), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(C_VerifySignature(session, text, 64), CKR_OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(right_signatures_are_told_from_wrong_ones),
		TEST(nothing_may_be_signed),
		TEST(a_wrong_length_is_seen_at_the_beginning),
		TEST(the_length_is_the_mechanisms),
		TEST(the_signature_is_copied),
		TEST(arguments_are_checked),
		TEST(keys_and_mechanisms_are_checked),
		TEST(every_mac_serves),
		TEST(a_verification_begins_once),
		TEST(no_mechanism_cancels),
		TEST(one_part_does_not_end_several),
		TEST(a_failure_ends_the_verification),
		TEST(other_verifications_are_apart),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("signature", tests, NULL, NULL);
}
