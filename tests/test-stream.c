/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mechanisms whose messages pass through piece by piece, of whatever length: digests, MACs, and
 * ciphers that chain from block to block. Messages of all lengths around blocks, pages, requests
 * and socket buffers, and libcrypto's results; and what is too short or too long for a mechanism.
 */
#include "guest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST ((size_t)1 << 20)

struct row {
	const char *name;
	CK_MECHANISM_TYPE type;
	enum token_kind kind;
	const char *key_type;
	size_t block;
	bool whole; /* messages are whole blocks */
};

#define ROW(type) #type, type
static const struct row rows[] = {
	{ROW(CKM_MD5), TOKEN_DIGEST, NULL, 64, false},
	{ROW(CKM_SHA_1), TOKEN_DIGEST, NULL, 64, false},
	{ROW(CKM_SHA224), TOKEN_DIGEST, NULL, 64, false},
	{ROW(CKM_SHA256), TOKEN_DIGEST, NULL, 64, false},
	{ROW(CKM_SHA384), TOKEN_DIGEST, NULL, 128, false},
	{ROW(CKM_SHA512), TOKEN_DIGEST, NULL, 128, false},
	{ROW(CKM_SHA3_224), TOKEN_DIGEST, NULL, 144, false},
	{ROW(CKM_SHA3_256), TOKEN_DIGEST, NULL, 136, false},
	{ROW(CKM_SHA3_384), TOKEN_DIGEST, NULL, 104, false},
	{ROW(CKM_SHA3_512), TOKEN_DIGEST, NULL, 72, false},
	{ROW(CKM_BLAKE2B_512), TOKEN_DIGEST, NULL, 128, false},
	{ROW(CKM_RIPEMD160), TOKEN_DIGEST, NULL, 64, false},
	{ROW(CKM_MD5_HMAC), TOKEN_SIGN, "generic-secret", 64, false},
	{ROW(CKM_SHA_1_HMAC), TOKEN_SIGN, "generic-secret", 64, false},
	{ROW(CKM_SHA224_HMAC), TOKEN_SIGN, "generic-secret", 64, false},
	{ROW(CKM_SHA256_HMAC), TOKEN_SIGN, "generic-secret", 64, false},
	{ROW(CKM_SHA384_HMAC), TOKEN_SIGN, "generic-secret", 128, false},
	{ROW(CKM_SHA512_HMAC), TOKEN_SIGN, "generic-secret", 128, false},
	{ROW(CKM_SHA3_224_HMAC), TOKEN_SIGN, "generic-secret", 144, false},
	{ROW(CKM_SHA3_256_HMAC), TOKEN_SIGN, "generic-secret", 136, false},
	{ROW(CKM_SHA3_384_HMAC), TOKEN_SIGN, "generic-secret", 104, false},
	{ROW(CKM_SHA3_512_HMAC), TOKEN_SIGN, "generic-secret", 72, false},
	{ROW(CKM_AES_CMAC), TOKEN_SIGN, "aes", 16, false},
	{ROW(CKM_AES_ECB), TOKEN_ENCRYPT, "aes", 16, true},
	{ROW(CKM_AES_CBC), TOKEN_ENCRYPT, "aes", 16, true},
	{ROW(CKM_AES_CBC_PAD), TOKEN_ENCRYPT, "aes", 16, false},
	{ROW(CKM_AES_CTR), TOKEN_ENCRYPT, "aes", 16, false},
	{ROW(CKM_AES_OFB), TOKEN_ENCRYPT, "aes", 16, false},
	{ROW(CKM_AES_CFB128), TOKEN_ENCRYPT, "aes", 16, false},
	{ROW(CKM_CHACHA20), TOKEN_ENCRYPT, "chacha20", 64, false},
};
#define ROWS (sizeof(rows) / sizeof(*rows))

/* The first and the number of those whose parts give as many bytes as they take. */
#define STREAMS 4
#define STREAM (ROWS - STREAMS)

static unsigned char secret[32];
static unsigned char *message;

struct scene {
	CK_SESSION_HANDLE session;
	struct token_key key;
	struct material material;
};

static void begin(struct scene *scene, CK_MECHANISM_TYPE type, const char *key_type)
{
	guest_need(type);
	*scene = (struct scene){.session = guest_session(), .material = {.type = type}};
	guest_fill(scene->material.iv, sizeof(scene->material.iv), type);
	/* A counter that carries through all its bytes but one within a message. */
	if (type == CKM_AES_CTR)
		memset(scene->material.iv + 1, 0xff, 14);
	/* One that does not run out. */
	if (type == CKM_CHACHA20)
		scene->material.iv[3] = 0;
	if (!key_type)
		return;
	scene->material.key = secret;
	scene->material.key_length = sizeof(secret);
	scene->key = guest_key(scene->session, key_type, secret, sizeof(secret), true);
}

static void end(struct scene *scene)
{
	token_key_drop(&scene->key);
	GUEST_RV(token.f->C_CloseSession(scene->session), CKR_OK);
}

static void check(struct scene *scene, enum token_kind kind, size_t length)
{
	const struct material *material = &scene->material;
	bool cipher = kind == TOKEN_ENCRYPT || kind == TOKEN_DECRYPT;
	CK_OBJECT_HANDLE key = scene->key.object;
	struct token_split split;
	size_t in_length = length;

	if (kind == TOKEN_DECRYPT && material->type == CKM_AES_CBC_PAD)
		in_length = length - length % 16 + 16;
	guest_split(&split, in_length, length + kind);
	GUEST_OK(guest_run(&token, scene->session, key, material, kind, message, length,
			   length & 1 ? TOKEN_QUERYING : TOKEN_PLAIN, NULL));
	GUEST_OK(guest_run(&token, scene->session, key, material, kind, message, length,
			   TOKEN_PLAIN, &split));
	if (!cipher)
		return;
	GUEST_OK(guest_run(&token, scene->session, key, material, kind, message, length,
			   TOKEN_IN_PLACE, NULL));
	GUEST_OK(guest_run(&token, scene->session, key, material, kind, message, length,
			   TOKEN_IN_PLACE, &split));
	if (length < 65536)
		GUEST_OK(guest_run(&token, scene->session, key, material, kind, message, length,
				   TOKEN_QUERYING, &split));
}

/* Lengths that matter: 0, and each of these with its neighbours. */
static void lengths(void **state)
{
	const struct row *row = *state;
	const size_t edges[] = {
		row->block, 2 * row->block,    4096,
		65536,      (size_t)128 << 10, /* a request of the module's: cipher.c */
		212992,                        /* a socket's buffer */
		LARGEST};
	struct scene scene;

	begin(&scene, row->type, row->key_type);
	for (size_t i = 0; i < sizeof(edges) / sizeof(*edges); i++) {
		size_t step = row->whole ? row->block : 1, edge = edges[i];
		size_t low = edge > row->block ? edge - step : 0;

		/* Around the first block, all lengths up to the second. */
		for (size_t length = low; length <= edge + step; length += step) {
			if (length > LARGEST)
				continue;
			check(&scene, row->kind, length);
			if (row->kind == TOKEN_ENCRYPT)
				check(&scene, TOKEN_DECRYPT, length);
		}
	}
	end(&scene);
}

/* CALLS, of a length that must be refused: in one part, when asked how much will come, and at the
 * end of parts, or with the part that brings it. */
static void refused(struct scene *scene, enum token_kind kind, size_t length, CK_RV wrong)
{
	bool encrypt = kind == TOKEN_ENCRYPT;
	CK_RV rv;
	CK_C_EncryptInit init = encrypt ? token.f->C_EncryptInit : token.f->C_DecryptInit;
	CK_C_Encrypt single = encrypt ? token.f->C_Encrypt : token.f->C_Decrypt;
	CK_C_EncryptUpdate update = encrypt ? token.f->C_EncryptUpdate : token.f->C_DecryptUpdate;
	CK_C_EncryptFinal final = encrypt ? token.f->C_EncryptFinal : token.f->C_DecryptFinal;
	struct mechanism_store store;
	CK_MECHANISM_PTR mechanism = guest_mechanism(&store, &scene->material, 0);
	static unsigned char out[4096];
	CK_ULONG made = sizeof(out);

	memset(out, 0, sizeof(out));
	GUEST_RV(init(scene->session, mechanism, scene->key.object), CKR_OK);
	GUEST_RV(single(scene->session, message, length, out, &made), wrong);
	GUEST_RV(init(scene->session, mechanism, scene->key.object), CKR_OK);
	GUEST_RV(single(scene->session, message, length, NULL, &made), wrong);
	for (size_t i = 0; i < sizeof(out); i++)
		assert_int_equal(out[i], 0);
	GUEST_RV(init(scene->session, mechanism, scene->key.object), CKR_OK);
	for (size_t at = 0; at < length; at++) {
		made = sizeof(out);
		rv = update(scene->session, message + at, 1, out, &made);
		if (rv != CKR_OK) {
			assert_int_equal(at, length - 1);
			GUEST_RV(rv, wrong);
			return;
		}
	}
	made = sizeof(out);
	GUEST_RV(final(scene->session, out, &made), wrong);
}

/* Ciphers of whole blocks take nothing else; and a ciphertext with a padding is never empty. */
static void broken_blocks(void **state)
{
	static const CK_MECHANISM_TYPE types[] = {CKM_AES_ECB, CKM_AES_CBC, CKM_AES_CBC_PAD};
	static const size_t some[] = {1, 15, 17, 31, 33};
	struct scene scene;

	for (size_t i = 0; i < 3; i++) {
		begin(&scene, types[i], "aes");
		for (size_t j = 0; j < sizeof(some) / sizeof(*some); j++) {
			refused(&scene, TOKEN_DECRYPT, some[j], CKR_ENCRYPTED_DATA_LEN_RANGE);
			if (types[i] != CKM_AES_CBC_PAD)
				refused(&scene, TOKEN_ENCRYPT, some[j], CKR_DATA_LEN_RANGE);
		}
		if (types[i] == CKM_AES_CBC_PAD)
			refused(&scene, TOKEN_DECRYPT, 0, CKR_ENCRYPTED_DATA_LEN_RANGE);
		end(&scene);
	}
}

/* What 16 blocks are left to: so much and no more, in parts neither. */
static void last_blocks(struct scene *scene, size_t block)
{
	struct token_split parts = {3, {100, 100, 56}};

	parts.part[2] = 16 * block - 200;
	for (enum token_kind kind = TOKEN_ENCRYPT; kind <= TOKEN_DECRYPT; kind++) {
		GUEST_OK(guest_run(&token, scene->session, scene->key.object, &scene->material,
				   kind, message, 16 * block, TOKEN_QUERYING, NULL));
		GUEST_OK(guest_run(&token, scene->session, scene->key.object, &scene->material,
				   kind, message, 16 * block, TOKEN_QUERYING, &parts));
		refused(scene, kind, 16 * block + 1, CKR_DATA_LEN_RANGE);
	}
}

/* A counter has so many blocks (PKCS#11 3.2, section 6.11.3: an overflow is CKR_DATA_LEN_RANGE). */
static void ctr_end(void **state)
{
	struct scene scene;

	begin(&scene, CKM_AES_CTR, "aes");
	memset(scene.material.iv, 0xff, 16);
	scene.material.iv[15] = 0xf0;
	last_blocks(&scene, 16);
	end(&scene);
}

static void chacha20_end(void **state)
{
	struct scene scene;

	begin(&scene, CKM_CHACHA20, "chacha20");
	memcpy(scene.material.iv, "\xf0\xff\xff\xff", 4);
	last_blocks(&scene, 64);
	memset(scene.material.iv, 0xff, 8);
	scene.material.iv[0] = 0xf0;
	scene.material.counter_bits = 64;
	last_blocks(&scene, 64);
	end(&scene);
}

/* The kernel counts in 32 bits, where the caller may have 64. */
static void chacha20_carries(void **state)
{
	static const size_t some[] = {1023, 1024, 1025, 2048, 70000, 200000, LARGEST};
	struct scene scene;

	begin(&scene, CKM_CHACHA20, "chacha20");
	scene.material.counter_bits = 64;
	memcpy(scene.material.iv, "\xf0\xff\xff\xff\x00\x00\x00\x00", 8);
	for (int times = 0; times < 2; times++) {
		for (size_t i = 0; i < sizeof(some) / sizeof(*some); i++) {
			check(&scene, TOKEN_ENCRYPT, some[i]);
			check(&scene, TOKEN_DECRYPT, some[i]);
		}
		/* Through more than one byte of the upper half; and in the middle of a request. */
		memcpy(scene.material.iv, "\x01\xfc\xff\xff\xff\xff\xff\x00", 8);
	}
	end(&scene);
}

/* Parts of one buffer to another place in the same one: output never overtakes input, but is
 * behind it by what waits for its block. */
static void shifted(void **state)
{
	struct mechanism_store store;
	unsigned char *right, *buffer;
	struct token_split split;
	size_t in = 0, out = 0, length = 400000;
	struct scene scene;
	CK_ULONG made;

	begin(&scene, CKM_AES_CBC, "aes");
	right = malloc(length + GUEST_SLACK);
	buffer = malloc(length);
	assert_true(right && buffer);
	memcpy(buffer, message, length);
	guest_expect(&scene.material, message, length, right);
	guest_split(&split, length, 5);
	GUEST_RV(token.f->C_EncryptInit(scene.session, guest_mechanism(&store, &scene.material, 0),
					scene.key.object),
		 CKR_OK);
	for (size_t i = 0; i < split.n; i++) {
		made = in + split.part[i] - out;
		GUEST_RV(token.f->C_EncryptUpdate(scene.session, buffer + in, split.part[i],
						  buffer + out, &made),
			 CKR_OK);
		in += split.part[i];
		out += made;
		assert_true(out <= in);
	}
	made = length - out;
	GUEST_RV(token.f->C_EncryptFinal(scene.session, buffer + out, &made), CKR_OK);
	assert_int_equal(out + made, length);
	assert_memory_equal(buffer, right, length);
	free(right);
	free(buffer);
	end(&scene);
}

/* BUFFER there and back in parts, in place: a part gives as many bytes as it takes, and the end
 * none. What comes back is digested, too, and so it is all there for that. */
static void there_and_back(struct scene *scene, unsigned char *buffer, size_t length,
			   const struct token_split *split)
{
	CK_FUNCTION_LIST_PTR f = token.f;
	CK_SESSION_HANDLE session = scene->session;
	CK_MECHANISM sha1 = {CKM_SHA_1, NULL, 0};
	unsigned char right[20], digest[20];
	struct mechanism_store store;
	CK_MECHANISM_PTR mechanism = guest_mechanism(&store, &scene->material, 0);
	unsigned char *coded = malloc(length + GUEST_SLACK);
	CK_ULONG made = sizeof(right);
	size_t at = 0;

	assert_non_null(coded);
	GUEST_RV(f->C_DigestInit(session, &sha1), CKR_OK);
	GUEST_RV(f->C_Digest(session, buffer, length, right, &made), CKR_OK);
	guest_expect(&scene->material, buffer, length, coded);
	GUEST_RV(f->C_EncryptInit(session, mechanism, scene->key.object), CKR_OK);
	for (size_t i = 0; i < split->n; at += split->part[i++]) {
		made = split->part[i];
		GUEST_RV(f->C_EncryptUpdate(session, buffer + at, split->part[i], buffer + at,
					    &made),
			 CKR_OK);
		assert_int_equal(made, split->part[i]);
		assert_memory_equal(buffer + at, coded + at, made);
	}
	made = 0;
	GUEST_RV(f->C_EncryptFinal(session, digest, &made), CKR_OK);
	assert_int_equal(made, 0);
	free(coded);

	GUEST_RV(f->C_DecryptInit(session, mechanism, scene->key.object), CKR_OK);
	GUEST_RV(f->C_DigestInit(session, &sha1), CKR_OK);
	at = 0;
	for (size_t i = 0; i < split->n; at += split->part[i++]) {
		made = split->part[i];
		GUEST_RV(f->C_DecryptDigestUpdate(session, buffer + at, split->part[i], buffer + at,
						  &made),
			 CKR_OK);
		assert_int_equal(made, split->part[i]);
	}
	made = 0;
	GUEST_RV(f->C_DecryptFinal(session, digest, &made), CKR_OK);
	assert_int_equal(made, 0);
	made = sizeof(digest);
	GUEST_RV(f->C_DigestFinal(session, digest, &made), CKR_OK);
	assert_memory_equal(buffer, message, length);
	assert_memory_equal(digest, right, sizeof(right));
}

static void streams(void **state)
{
	static const size_t some[] = {0, 1, 15, 16, 17, 63, 64, 65, 130, 5000, 400000};
	const struct row *row = *state;
	struct scene scene;

	begin(&scene, row->type, row->key_type);
	for (size_t i = 0; i < sizeof(some) / sizeof(*some); i++) {
		for (uint64_t seed = 0; seed < (some[i] > 5000 ? 4 : 100); seed++) {
			unsigned char *buffer = malloc(some[i] + 1);
			struct token_split split;

			assert_non_null(buffer);
			memcpy(buffer, message, some[i]);
			guest_split(&split, some[i], seed);
			there_and_back(&scene, buffer, some[i], &split);
			free(buffer);
		}
	}
	end(&scene);
}

static int set_up(void **state)
{
	guest_fill(secret, sizeof(secret), 1);
	message = malloc(LARGEST);
	if (!message)
		return -1;
	guest_fill(message, LARGEST, 2);
	return guest_setup(state);
}

static int tear_down(void **state)
{
	free(message);
	return guest_teardown(state);
}

int main(void)
{
	static const char *const stream_names[STREAMS] = {"CTR in parts", "OFB in parts",
							  "CFB128 in parts", "ChaCha20 in parts"};
	struct CMUnitTest tests[ROWS + 5 + STREAMS] = {
		[ROWS] = cmocka_unit_test(broken_blocks),
		cmocka_unit_test(ctr_end),
		cmocka_unit_test(chacha20_end),
		cmocka_unit_test(chacha20_carries),
		cmocka_unit_test(shifted),
	};

	for (size_t i = 0; i < ROWS; i++)
		tests[i] = (struct CMUnitTest){.name = rows[i].name,
					       .test_func = lengths,
					       .initial_state = (void *)&rows[i]};
	for (size_t i = 0; i < STREAMS; i++)
		tests[ROWS + 5 + i] =
			(struct CMUnitTest){.name = stream_names[i],
					    .test_func = streams,
					    .initial_state = (void *)&rows[STREAM + i]};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
