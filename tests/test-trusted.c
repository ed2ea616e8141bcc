/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Trusted keys whose bytes are known here, since tests/trusted, which runs before, had the TPM seal
 * them: what the token makes of them is what libcrypto makes of their bytes.
 */
#include "guest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned char known[32], longer[64], odd[40];

/* The bytes that were sealed. */
static int load(const char *name, unsigned char *bytes, size_t length)
{
	const char *folder = getenv("KCRYPTOKI_TRUSTED");
	char path[512];
	FILE *file;
	size_t got;

	snprintf(path, sizeof(path), "%s/%s.key", folder ? folder : ".", name);
	file = fopen(path, "r");
	if (!file) {
		print_message("# no keys were sealed by a TPM: there is no %s\n", path);
		return -1;
	}
	got = fread(bytes, 1, length, file);
	fclose(file);
	return got == length ? 0 : -1;
}

static int setup(void **state)
{
	if (load("known", known, sizeof(known)) || load("long", longer, sizeof(longer)) ||
	    load("odd", odd, sizeof(odd)))
		return -1;
	return guest_setup(state);
}

static CK_OBJECT_HANDLE find(CK_SESSION_HANDLE session, const char *label)
{
	CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
	CK_ULONG count = 0;

	GUEST_OK(token_find(&token, session, CKO_SECRET_KEY, label, &object, 1, &count));
	if (count != 1)
		guest_fail("%lu keys are named %s", count, label);
	return object;
}

static CK_RV ask(CK_SESSION_HANDLE session, const char *label, CK_ATTRIBUTE_TYPE type,
		 CK_ULONG *value)
{
	CK_ATTRIBUTE attribute = {type, value, sizeof(*value)};

	return token.f->C_GetAttributeValue(session, find(session, label), &attribute, 1);
}

static void test_attributes(void **state)
{
	static const struct {
		const char *label;
		CK_KEY_TYPE type;
		CK_ULONG length;
	} keys[] = {
		{"known-aes", CKK_AES, 32},
		{"known-firmware", CKK_AES, 32},
		{"known-mac", CKK_GENERIC_SECRET, 32},
		{"long-xts", CKK_AES_XTS, 64},
	};
	CK_SESSION_HANDLE session = guest_session();
	CK_ULONG value = 0;

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		GUEST_RV(ask(session, keys[i].label, CKA_KEY_TYPE, &value), CKR_OK);
		assert_int_equal(value, keys[i].type);
		GUEST_RV(ask(session, keys[i].label, CKA_VALUE_LEN, &value), CKR_OK);
		assert_int_equal(value, keys[i].length);
		GUEST_RV(ask(session, keys[i].label, CKA_VALUE, &value), CKR_ATTRIBUTE_SENSITIVE);
	}
	/* No algorithm takes 40 bytes and nothing else. */
	GUEST_RV(ask(session, "odd-mac", CKA_VALUE_LEN, &value), CKR_ATTRIBUTE_TYPE_INVALID);
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

/* What the kernel makes of the key, in one part and in others, is what libcrypto makes of KEY. */
static void agree(const char *label, CK_MECHANISM_TYPE type, const unsigned char *key,
		  size_t key_length, enum token_kind kind)
{
	static unsigned char text[20000], aad[33];
	struct material material = {
		.type = type, .key = key, .key_length = key_length, .iv = {1, 2, 3, 4}};
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE object;
	struct token_split split;
	size_t length = sizeof(text);

	guest_need(type);
	session = guest_session();
	object = find(session, label);
	guest_fill(text, sizeof(text), 7);
	guest_fill(aad, sizeof(aad), 8);
	if (guest_tag_length(&material)) {
		material.aad = aad;
		material.aad_length = sizeof(aad);
	}
	/* What is decrypted has a tag, or a block of padding. */
	if (kind == TOKEN_DECRYPT)
		length += type == CKM_AES_CBC_PAD ? 16 : guest_tag_length(&material);
	GUEST_OK(guest_run(&token, session, object, &material, kind, text, sizeof(text),
			   TOKEN_QUERYING, NULL));
	for (uint64_t seed = 1; seed <= 2; seed++) {
		guest_split(&split, length, seed);
		GUEST_OK(guest_run(&token, session, object, &material, kind, text, sizeof(text),
				   TOKEN_PLAIN, &split));
	}
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

static void test_cipher(void **state)
{
	const CK_MECHANISM_TYPE *type = *state;

	agree("known-aes", *type, known, sizeof(known), TOKEN_ENCRYPT);
	agree("known-aes", *type, known, sizeof(known), TOKEN_DECRYPT);
	agree("known-firmware", *type, known, sizeof(known), TOKEN_ENCRYPT);
}

static void test_xts(void **state)
{
	agree("long-xts", CKM_AES_XTS, longer, sizeof(longer), TOKEN_ENCRYPT);
	agree("long-xts", CKM_AES_XTS, longer, sizeof(longer), TOKEN_DECRYPT);
}

static void test_mac(void **state)
{
	agree("known-aes", CKM_AES_CMAC, known, sizeof(known), TOKEN_SIGN);
	agree("known-mac", CKM_SHA256_HMAC, known, sizeof(known), TOKEN_SIGN);
	agree("odd-mac", CKM_SHA256_HMAC, odd, sizeof(odd), TOKEN_SIGN);
}

static void test_forgery(void **state)
{
	struct material material = {
		.type = CKM_AES_GCM, .key = known, .key_length = sizeof(known), .iv = {9}};
	struct mechanism_store store;
	unsigned char text[100], sealed[100 + GUEST_SLACK];
	CK_SESSION_HANDLE session = guest_session();
	struct token_job job = {
		.kind = TOKEN_DECRYPT,
		.mechanism = guest_mechanism(&store, &material, sizeof(text)),
		.key = find(session, "known-aes"),
		.in = sealed,
		.room = sizeof(sealed),
		.rv = CKR_ENCRYPTED_DATA_INVALID,
		.sealed = true,
	};

	guest_fill(text, sizeof(text), 10);
	job.in_length = guest_expect(&material, text, sizeof(text), sealed);
	sealed[job.in_length - 1] ^= 1;
	GUEST_OK(token_run(&token, session, &job, TOKEN_PLAIN));
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

/* The last test: the key is gone after it. */
static void test_revoked(void **state)
{
	CK_SESSION_HANDLE session = guest_session();
	CK_MECHANISM mechanism = {.mechanism = CKM_SHA256_HMAC};
	CK_OBJECT_HANDLE object = find(session, "odd-mac");
	long serial = keyctl_search(KEY_SPEC_USER_KEYRING, "trusted",
				    "pkcs11:object=odd-mac;id=%15?x-key-type=generic-secret", 0);

	assert_true(serial > 0);
	GUEST_RV(token.f->C_SignInit(session, &mechanism, object), CKR_OK);
	assert_int_equal(keyctl_revoke((key_serial_t)serial), 0);
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
	session = guest_session();
	GUEST_RV(token.f->C_SignInit(session, &mechanism, object), CKR_KEY_HANDLE_INVALID);
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

int main(void)
{
	static CK_MECHANISM_TYPE ecb = CKM_AES_ECB, cbc = CKM_AES_CBC, pad = CKM_AES_CBC_PAD,
				 ctr = CKM_AES_CTR, gcm = CKM_AES_GCM, ccm = CKM_AES_CCM;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_attributes),
		{"test_ecb", test_cipher, NULL, NULL, &ecb},
		{"test_cbc", test_cipher, NULL, NULL, &cbc},
		{"test_cbc_pad", test_cipher, NULL, NULL, &pad},
		{"test_ctr", test_cipher, NULL, NULL, &ctr},
		{"test_gcm", test_cipher, NULL, NULL, &gcm},
		{"test_ccm", test_cipher, NULL, NULL, &ccm},
		cmocka_unit_test(test_xts),
		cmocka_unit_test(test_mac),
		cmocka_unit_test(test_forgery),
		cmocka_unit_test(test_revoked),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, guest_teardown);
}
