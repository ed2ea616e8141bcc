/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages of all lengths around every limit of the kernel's: the right bytes, or a refusal, and
 * never anything else. What is right, libcrypto says.
 */
#include "guest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST ((size_t)8 << 20)
#define GUARD 64
#define FILL 0xa5

static unsigned char secret[32];
static unsigned char *message;

static const size_t lengths[] = {
	0, 1, 15, 16, 17, 4095, 4096, 4097, 65535, 65536, 65537, (size_t)1 << 20, LARGEST};

static struct material material_of(CK_MECHANISM_TYPE type)
{
	struct material material = {.type = type};

	guest_fill(material.iv, sizeof(material.iv), type);
	/* A counter that carries through all its bytes but one within a message. */
	if (type == CKM_AES_CTR)
		memset(material.iv + 1, 0xff, 14);
	return material;
}

static void check(CK_SESSION_HANDLE session, const struct token_key *key,
		  const struct material *material, enum token_kind kind, size_t length)
{
	struct token_split split;
	bool cipher = kind == TOKEN_ENCRYPT || kind == TOKEN_DECRYPT;
	size_t in_length = length;

	if (kind == TOKEN_DECRYPT && material->type == CKM_AES_CBC_PAD)
		in_length = length - length % 16 + 16;
	guest_split(&split, in_length, length + kind);
	GUEST_OK(guest_run(&token, session, key->object, material, kind, message, length,
			   cipher && length & 1 ? TOKEN_QUERYING : TOKEN_PLAIN, NULL));
	/* Beyond a megabyte, one way with parts and the other in place are no other than below. */
	if (kind != TOKEN_DECRYPT || length < LARGEST)
		GUEST_OK(guest_run(&token, session, key->object, material, kind, message, length,
				   TOKEN_PLAIN, &split));
	if (!cipher)
		return;
	if (kind != TOKEN_ENCRYPT || length < LARGEST)
		GUEST_OK(guest_run(&token, session, key->object, material, kind, message, length,
				   TOKEN_IN_PLACE, NULL));
	if (length < LARGEST)
		GUEST_OK(guest_run(&token, session, key->object, material, kind, message, length,
				   TOKEN_IN_PLACE, &split));
	if (length < 65536)
		GUEST_OK(guest_run(&token, session, key->object, material, kind, message, length,
				   TOKEN_QUERYING, &split));
}

static void hashes(CK_MECHANISM_TYPE type, enum token_kind kind, size_t most)
{
	struct material material = material_of(type);
	struct token_key key = {0};
	CK_SESSION_HANDLE session;

	guest_need(type);
	session = guest_session();
	if (kind == TOKEN_SIGN) {
		material.key = secret;
		material.key_length = sizeof(secret);
		key = guest_key(session, "generic-secret", secret, sizeof(secret), true);
	}
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++)
		if (lengths[i] <= most)
			check(session, &key, &material, kind, lengths[i]);
	token_key_drop(&key);
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

static void test_sha1(void **state)
{
	hashes(CKM_SHA_1, TOKEN_DIGEST, LARGEST);
}

static void test_sha256(void **state)
{
	hashes(CKM_SHA256, TOKEN_DIGEST, LARGEST);
}

static void test_sha512(void **state)
{
	hashes(CKM_SHA512, TOKEN_DIGEST, (size_t)1 << 20);
}

static void test_hmac(void **state)
{
	hashes(CKM_SHA256_HMAC, TOKEN_SIGN, (size_t)1 << 20);
}

static void ciphers(CK_MECHANISM_TYPE type)
{
	struct material material = material_of(type);
	CK_SESSION_HANDLE session;
	struct token_key key;

	guest_need(type);
	session = guest_session();
	material.key = secret;
	material.key_length = sizeof(secret);
	key = guest_key(session, "aes", secret, sizeof(secret), true);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		if (lengths[i] % 16 && (type == CKM_AES_ECB || type == CKM_AES_CBC))
			continue;
		check(session, &key, &material, TOKEN_ENCRYPT, lengths[i]);
		check(session, &key, &material, TOKEN_DECRYPT, lengths[i]);
	}
	token_key_drop(&key);
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

static void test_ecb(void **state)
{
	ciphers(CKM_AES_ECB);
}

static void test_cbc(void **state)
{
	ciphers(CKM_AES_CBC);
}

static void test_cbc_pad(void **state)
{
	ciphers(CKM_AES_CBC_PAD);
}

static void test_ctr(void **state)
{
	ciphers(CKM_AES_CTR);
}

/* A counter has so many blocks (PKCS#11 3.0, section 2.12.3 of the mechanisms: an overflow is
 * CKR_DATA_LEN_RANGE), and no more in parts. */
static void test_ctr_end(void **state)
{
	struct token_split parts = {3, {100, 100, 56}};
	struct material material = {.type = CKM_AES_CTR};
	struct mechanism_store store;
	CK_SESSION_HANDLE session;
	unsigned char out[300];
	struct token_key key;
	CK_ULONG made;

	guest_need(CKM_AES_CTR);
	session = guest_session();
	material.key = secret;
	material.key_length = sizeof(secret);
	memset(material.iv, 0xff, sizeof(material.iv));
	material.iv[15] = 0xf0;
	key = guest_key(session, "aes", secret, sizeof(secret), true);
	GUEST_OK(guest_run(&token, session, key.object, &material, TOKEN_ENCRYPT, message, 256,
			   TOKEN_QUERYING, NULL));
	GUEST_OK(guest_run(&token, session, key.object, &material, TOKEN_ENCRYPT, message, 256,
			   TOKEN_QUERYING, &parts));
	guest_mechanism(&store, &material);
	made = sizeof(out);
	GUEST_RV(token.f->C_EncryptInit(session, &store.mechanism, key.object), CKR_OK);
	GUEST_RV(token.f->C_Encrypt(session, message, 257, out, &made), CKR_DATA_LEN_RANGE);
	GUEST_RV(token.f->C_EncryptInit(session, &store.mechanism, key.object), CKR_OK);
	made = sizeof(out);
	GUEST_RV(token.f->C_EncryptUpdate(session, message, 250, out, &made), CKR_OK);
	made = sizeof(out);
	GUEST_RV(token.f->C_EncryptUpdate(session, message, 7, out, &made), CKR_DATA_LEN_RANGE);
	token_key_drop(&key);
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

/* Parts of one buffer to another place in the same one: output never overtakes input, but is
 * behind it by what waits for its block. */
static void test_shifted(void **state)
{
	struct material material = material_of(CKM_AES_CBC);
	struct mechanism_store store;
	unsigned char *right, *buffer;
	CK_SESSION_HANDLE session;
	struct token_split split;
	struct token_key key;
	size_t in = 0, out = 0, length = 400000;
	CK_ULONG made;

	guest_need(CKM_AES_CBC);
	session = guest_session();
	material.key = secret;
	material.key_length = sizeof(secret);
	key = guest_key(session, "aes", secret, sizeof(secret), false);
	right = malloc(length + GUEST_SLACK);
	buffer = malloc(length);
	assert_true(right && buffer);
	memcpy(buffer, message, length);
	guest_expect(&material, message, length, right);
	guest_split(&split, length, 5);
	GUEST_RV(token.f->C_EncryptInit(session, guest_mechanism(&store, &material), key.object),
		 CKR_OK);
	for (size_t i = 0; i < split.n; i++) {
		made = in + split.part[i] - out;
		GUEST_RV(token.f->C_EncryptUpdate(session, buffer + in, split.part[i], buffer + out,
						  &made),
			 CKR_OK);
		in += split.part[i];
		out += made;
		assert_true(out <= in);
	}
	made = 0;
	GUEST_RV(token.f->C_EncryptFinal(session, buffer + out, &made), CKR_OK);
	assert_int_equal(out, length);
	assert_memory_equal(buffer, right, length);
	free(right);
	free(buffer);
	token_key_drop(&key);
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

/* GCM, of which the kernel takes no more in one request than its socket buffers hold. */
struct gcm {
	CK_SESSION_HANDLE session;
	struct token_key key;
	struct material material;
	unsigned char *sealed, *guarded;
	size_t largest;
	unsigned long right, refused, memory;
};

static bool is_refusal(struct gcm *gcm, CK_RV rv, enum token_kind kind)
{
	if (rv == (kind == TOKEN_ENCRYPT ? CKR_DATA_LEN_RANGE : CKR_ENCRYPTED_DATA_LEN_RANGE)) {
		gcm->refused++;
		return true;
	}
	if (rv == CKR_DEVICE_MEMORY) {
		gcm->memory++;
		return true;
	}
	return false;
}

static CK_RV gcm_call(struct gcm *gcm, enum token_kind kind, unsigned char *in, size_t length,
		      unsigned char *out, CK_ULONG *made, bool parts)
{
	CK_FUNCTION_LIST_PTR f = token.f;
	bool encrypts = kind == TOKEN_ENCRYPT;
	struct token_split split;
	CK_ULONG none;
	CK_RV rv;

	if (!parts)
		return encrypts ? f->C_Encrypt(gcm->session, in, length, out, made)
				: f->C_Decrypt(gcm->session, in, length, out, made);
	guest_split(&split, length, length);
	for (size_t i = 0; i < split.n; i++) {
		none = 0;
		rv = encrypts ? f->C_EncryptUpdate(gcm->session, in, split.part[i], out, &none)
			      : f->C_DecryptUpdate(gcm->session, in, split.part[i], out, &none);
		if (rv != CKR_OK)
			return rv;
		assert_int_equal(none, 0);
		in += split.part[i];
	}
	return encrypts ? f->C_EncryptFinal(gcm->session, out, made)
			: f->C_DecryptFinal(gcm->session, out, made);
}

/* TEXT bytes one way, of which OUT must come, or nothing at all. */
static void gcm_way(struct gcm *gcm, enum token_kind kind, unsigned char *in, size_t in_length,
		    const unsigned char *right, size_t right_length, bool parts)
{
	unsigned char *out = gcm->guarded + GUARD;
	struct mechanism_store store;
	CK_ULONG made = right_length;
	CK_RV rv;

	memset(gcm->guarded, FILL, GUARD + right_length + GUARD);
	guest_mechanism(&store, &gcm->material);
	GUEST_RV(kind == TOKEN_ENCRYPT
			 ? token.f->C_EncryptInit(gcm->session, &store.mechanism, gcm->key.object)
			 : token.f->C_DecryptInit(gcm->session, &store.mechanism, gcm->key.object),
		 CKR_OK);
	rv = gcm_call(gcm, kind, in, in_length, out, &made, parts);
	for (size_t i = 0; i < GUARD; i++)
		if (gcm->guarded[i] != FILL || out[right_length + i] != FILL)
			guest_fail("GCM, %zu bytes: written outside of the buffer", in_length);
	if (rv == CKR_OK) {
		if (made != right_length || memcmp(out, right, made))
			guest_fail("GCM, AAD of %zu and input of %zu bytes%s: wrong result",
				   gcm->material.aad_length, in_length, parts ? " in parts" : "");
		gcm->right++;
		if (gcm->largest < gcm->material.aad_length + in_length)
			gcm->largest = gcm->material.aad_length + in_length;
		return;
	}
	if (!is_refusal(gcm, rv, kind))
		guest_fail("GCM, AAD of %zu and input of %zu bytes: 0x%lx",
			   gcm->material.aad_length, in_length, rv);
	for (size_t i = 0; i < right_length; i++)
		if (out[i] != FILL && out[i] != 0)
			guest_fail("GCM, input of %zu bytes: refused, but byte %zu told", in_length,
				   i);
}

/* A request of TOTAL bytes: AAD, text and tag. */
static void gcm_total(struct gcm *gcm, size_t total, size_t aad, bool parts)
{
	size_t text = total - aad - 16, sealed;

	gcm->material.aad_length = aad;
	sealed = guest_expect(&gcm->material, message, text, gcm->sealed);
	gcm_way(gcm, TOKEN_ENCRYPT, message, text, gcm->sealed, sealed, parts);
	gcm_way(gcm, TOKEN_DECRYPT, gcm->sealed, sealed, message, text, parts);
}

static void gcm_around(size_t limit)
{
	static const int offsets[] = {-64, -17, -16, -1, 0, 1, 15, 16, 64};
	static const size_t aads[] = {0, 1, 13, 4096};
	static unsigned char aad[4096];
	struct gcm gcm = {.material = material_of(CKM_AES_GCM)};

	guest_need(CKM_AES_GCM);
	gcm.session = guest_session();
	gcm.material.key = secret;
	gcm.material.key_length = sizeof(secret);
	gcm.material.aad = aad;
	gcm.key = guest_key(gcm.session, "aes", secret, sizeof(secret), true);
	gcm.sealed = malloc(LARGEST + 4096 + GUEST_SLACK);
	gcm.guarded = malloc(GUARD + LARGEST + 4096 + GUEST_SLACK + GUARD);
	assert_true(gcm.sealed && gcm.guarded);
	guest_fill(aad, sizeof(aad), 77);
	for (size_t i = 0; i < sizeof(aads) / sizeof(*aads); i++) {
		for (size_t j = 0; j < sizeof(offsets) / sizeof(*offsets); j++) {
			size_t total = limit + (size_t)offsets[j];

			if (total < aads[i] + 16)
				continue;
			/* Megabytes at a time are slow; the edges matter. */
			if (limit < 500000 || (!(aads[i] % 4096) && abs(offsets[j]) <= 1)) {
				gcm_total(&gcm, total, aads[i], false);
				if (limit < 500000)
					gcm_total(&gcm, total, aads[i], true);
			}
		}
	}
	print_message("# GCM around %zu: %lu right, %lu refused as too long, %lu for want of "
		      "memory; the largest that worked: %zu bytes of AAD and input\n",
		      limit, gcm.right, gcm.refused, gcm.memory, gcm.largest);
	/* A small one after all of them. */
	gcm.material.aad_length = 13;
	GUEST_OK(guest_run(&token, gcm.session, gcm.key.object, &gcm.material, TOKEN_ENCRYPT,
			   message, 100, TOKEN_PLAIN, NULL));
	free(gcm.sealed);
	free(gcm.guarded);
	token_key_drop(&gcm.key);
	GUEST_RV(token.f->C_CloseSession(gcm.session), CKR_OK);
}

/* The socket buffers: the usual size, twice that, and what newer kernels allow; and the same less
 * the page that the module leaves free. */
static void test_gcm_page(void **state)
{
	gcm_around(4096);
}

static void test_gcm_default(void **state)
{
	gcm_around(212992 - 4096);
	gcm_around(212992);
}

static void test_gcm_raised(void **state)
{
	gcm_around(425984 - 4096);
	gcm_around(425984);
}

static void test_gcm_megabytes(void **state)
{
	gcm_around((size_t)1 << 20);
	gcm_around(LARGEST / 2);
	gcm_around(LARGEST - 4096);
	gcm_around(LARGEST);
}

static int set_up(void **state)
{
	guest_fill(secret, sizeof(secret), 1);
	message = malloc(LARGEST + 4096);
	if (!message)
		return -1;
	guest_fill(message, LARGEST + 4096, 2);
	return guest_setup(state);
}

static int tear_down(void **state)
{
	free(message);
	return guest_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sha1),       cmocka_unit_test(test_sha256),
		cmocka_unit_test(test_sha512),     cmocka_unit_test(test_hmac),
		cmocka_unit_test(test_ecb),        cmocka_unit_test(test_cbc),
		cmocka_unit_test(test_cbc_pad),    cmocka_unit_test(test_ctr),
		cmocka_unit_test(test_ctr_end),    cmocka_unit_test(test_shifted),
		cmocka_unit_test(test_gcm_page),   cmocka_unit_test(test_gcm_default),
		cmocka_unit_test(test_gcm_raised), cmocka_unit_test(test_gcm_megabytes),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
