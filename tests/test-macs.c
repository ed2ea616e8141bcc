/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MACs by the functions that came with PKCS#11 3.0 and 3.2: of messages (sections 5.14 and 5.16),
 * and verified with the signature first (section 5.15, C_VerifySignatureInit).
 */
#include "messages.h"

#include <stdlib.h>
#include <string.h>

#define LONGEST 70000
#define MAC_MAX 64

/* A MAC, and the one of the same name that is as long as is asked for. */
static const struct mac {
	const char *name;
	CK_MECHANISM_TYPE type, general;
	const char *key_type;
	size_t key_length, size;
} macs[] = {
	{"SHA-1", CKM_SHA_1_HMAC, CKM_SHA_1_HMAC_GENERAL, "sha-1-hmac", 20, 20},
	{"SHA-256", CKM_SHA256_HMAC, CKM_SHA256_HMAC_GENERAL, "generic-secret", 32, 32},
	{"SHA-384", CKM_SHA384_HMAC, CKM_SHA384_HMAC_GENERAL, "sha384-hmac", 200, 48},
	{"SHA-512", CKM_SHA512_HMAC, CKM_SHA512_HMAC_GENERAL, "generic-secret", 64, 64},
	{"SHA3-256", CKM_SHA3_256_HMAC, CKM_SHA3_256_HMAC_GENERAL, "sha3-256-hmac", 1, 32},
	{"CMAC", CKM_AES_CMAC, CKM_AES_CMAC_GENERAL, "aes", 16, 16},
	{"CMAC of 256 bits", CKM_AES_CMAC, CKM_AES_CMAC_GENERAL, "aes", 32, 16},
};

enum { MACS = sizeof(macs) / sizeof(*macs) };

static const size_t lengths[] = {0, 1, 63, 64, 65, 1000, LONGEST};

enum { LENGTHS = sizeof(lengths) / sizeof(*lengths) };

static unsigned char secret[200], text[LONGEST];

/* A session, a key, and a MAC of SIZE bytes. */
struct scene {
	const struct mac *mac;
	CK_SESSION_HANDLE session;
	struct token_key key;
	struct material material;
	CK_MECHANISM mechanism;
	CK_ULONG size;
	unsigned char right[MAC_MAX]; /* of the message that was made last */
};

static bool begin(struct scene *scene, const struct mac *mac, bool general, bool frozen)
{
	if (!guest_offers(mac->type))
		return false;
	*scene = (struct scene){.mac = mac, .session = guest_session(), .size = mac->size};
	scene->key = guest_key(scene->session, mac->key_type, secret, mac->key_length, frozen);
	scene->material =
		(struct material){.type = mac->type, .key = secret, .key_length = mac->key_length};
	scene->mechanism = (CK_MECHANISM){mac->type, NULL, 0};
	if (general)
		scene->mechanism = (CK_MECHANISM){mac->general, &scene->size, sizeof(scene->size)};
	return true;
}

static void finish(struct scene *scene)
{
	token_key_drop(&scene->key);
	GUEST_RV(token.f->C_CloseSession(scene->session), CKR_OK);
}

/* Each message is another one. */
static void new_message(struct scene *scene, size_t length)
{
	unsigned char right[LONGEST + GUEST_SLACK];
	static uint64_t seed;

	guest_fill(text, length < 32 ? length : 32, ++seed);
	guest_expect(&scene->material, text, length, right);
	memcpy(scene->right, right, scene->mac->size);
}

static void init(struct scene *scene)
{
	GUEST_RV(messages->C_MessageSignInit(scene->session, &scene->mechanism, scene->key.object),
		 CKR_OK);
	GUEST_RV(
		messages->C_MessageVerifyInit(scene->session, &scene->mechanism, scene->key.object),
		CKR_OK);
}

static void final(struct scene *scene)
{
	GUEST_RV(messages->C_MessageSignFinal(scene->session), CKR_OK);
	GUEST_RV(messages->C_MessageVerifyFinal(scene->session), CKR_OK);
}

/* A buffer for a MAC, to be written to for SIZE bytes and no more. */
static void expect_mac(const struct scene *scene, const unsigned char *out, CK_ULONG size)
{
	if (size != scene->size || memcmp(out, scene->right, size))
		guest_fail("%s: wrong MAC of %lu bytes", scene->mac->name, size);
	for (size_t i = size; i < MAC_MAX + 1; i++)
		assert_int_equal(out[i], 0x5a);
}

static void sign_whole(struct scene *scene, size_t length)
{
	CK_SESSION_HANDLE s = scene->session;
	unsigned char out[MAC_MAX + 1];
	CK_ULONG n = 0;

	memset(out, 0x5a, sizeof(out));
	GUEST_RV(messages->C_SignMessage(s, NULL, 0, text, length, NULL, &n), CKR_OK);
	assert_int_equal(n, scene->size);
	n--;
	GUEST_RV(messages->C_SignMessage(s, NULL, 0, text, length, out, &n), CKR_BUFFER_TOO_SMALL);
	assert_int_equal(n, scene->size);
	assert_int_equal(out[0], 0x5a);
	GUEST_RV(messages->C_SignMessage(s, NULL, 0, text, length, out, &n), CKR_OK);
	expect_mac(scene, out, n);
}

static void sign_parts(struct scene *scene, const struct token_split *split)
{
	CK_SESSION_HANDLE s = scene->session;
	unsigned char out[MAC_MAX + 1], *in = text;
	size_t last = split->n ? split->part[split->n - 1] : 0;
	CK_ULONG n = 0;

	memset(out, 0x5a, sizeof(out));
	GUEST_RV(messages->C_SignMessageBegin(s, NULL, 0), CKR_OK);
	for (size_t i = 0; i + 1 < split->n; in += split->part[i++])
		GUEST_RV(messages->C_SignMessageNext(s, NULL, 0, in, split->part[i], NULL, NULL),
			 CKR_OK);
	/* Neither takes the last part in. */
	GUEST_RV(messages->C_SignMessageNext(s, NULL, 0, in, last, NULL, &n), CKR_OK);
	assert_int_equal(n, scene->size);
	n--;
	GUEST_RV(messages->C_SignMessageNext(s, NULL, 0, in, last, out, &n), CKR_BUFFER_TOO_SMALL);
	assert_int_equal(n, scene->size);
	GUEST_RV(messages->C_SignMessageNext(s, NULL, 0, in, last, out, &n), CKR_OK);
	expect_mac(scene, out, n);
	GUEST_RV(messages->C_SignMessageNext(s, NULL, 0, in, last, out, &n),
		 CKR_OPERATION_NOT_INITIALIZED);
}

static void verify_whole(struct scene *scene, size_t length, CK_ULONG size, CK_RV expected)
{
	GUEST_RV(messages->C_VerifyMessage(scene->session, NULL, 0, text, length, scene->right,
					   size),
		 expected);
}

static void verify_parts(struct scene *scene, const struct token_split *split, CK_ULONG size,
			 CK_RV expected)
{
	CK_SESSION_HANDLE s = scene->session;
	unsigned char *in = text;

	GUEST_RV(messages->C_VerifyMessageBegin(s, NULL, 0), CKR_OK);
	for (size_t i = 0; i + 1 < split->n; in += split->part[i++])
		GUEST_RV(messages->C_VerifyMessageNext(s, NULL, 0, in, split->part[i], NULL, 0),
			 CKR_OK);
	GUEST_RV(messages->C_VerifyMessageNext(s, NULL, 0, in,
					       split->n ? split->part[split->n - 1] : 0,
					       scene->right, size),
		 expected);
	GUEST_RV(messages->C_VerifyMessageNext(s, NULL, 0, in, 0, scene->right, size),
		 CKR_OPERATION_NOT_INITIALIZED);
}

static void first_signature(struct scene *scene, size_t length, CK_ULONG size, CK_RV expected)
{
	CK_SESSION_HANDLE s = scene->session;
	CK_RV rv = messages->C_VerifySignatureInit(s, &scene->mechanism, scene->key.object,
						   scene->right, size);

	/* What its length tells may be told at once. */
	if (expected == CKR_SIGNATURE_LEN_RANGE && rv == expected) {
		GUEST_RV(messages->C_VerifySignature(s, text, length),
			 CKR_OPERATION_NOT_INITIALIZED);
		return;
	}
	GUEST_RV(rv, CKR_OK);
	GUEST_RV(messages->C_VerifySignatureInit(s, &scene->mechanism, scene->key.object,
						 scene->right, size),
		 CKR_OPERATION_ACTIVE);
	GUEST_RV(messages->C_VerifySignature(s, text, length), expected);
	GUEST_RV(messages->C_VerifySignature(s, text, length), CKR_OPERATION_NOT_INITIALIZED);
}

/* The signature is the module's to remember. */
static void first_signature_parts(struct scene *scene, const struct token_split *split,
				  CK_RV expected)
{
	CK_SESSION_HANDLE s = scene->session;
	unsigned char *in = text, signature[MAC_MAX];

	memcpy(signature, scene->right, scene->size);
	GUEST_RV(messages->C_VerifySignatureInit(s, &scene->mechanism, scene->key.object, signature,
						 scene->size),
		 CKR_OK);
	memset(signature, 0, sizeof(signature));
	for (size_t i = 0; i < split->n; in += split->part[i++])
		GUEST_RV(messages->C_VerifySignatureUpdate(s, in, split->part[i]), CKR_OK);
	GUEST_RV(messages->C_VerifySignatureFinal(s), expected);
	GUEST_RV(messages->C_VerifySignatureFinal(s), CKR_OPERATION_NOT_INITIALIZED);
}

/* One message by all functions, and what is wrong with it. */
static void all_ways(struct scene *scene, size_t length, uint64_t seed)
{
	struct token_split split;
	size_t at = seed % scene->size;

	new_message(scene, length);
	guest_split(&split, length, seed);
	sign_whole(scene, length);
	sign_parts(scene, &split);
	verify_whole(scene, length, scene->size, CKR_OK);
	verify_parts(scene, &split, scene->size, CKR_OK);
	first_signature(scene, length, scene->size, CKR_OK);
	first_signature_parts(scene, &split, CKR_OK);

	scene->right[at] ^= 1 << seed % 8;
	verify_whole(scene, length, scene->size, CKR_SIGNATURE_INVALID);
	verify_parts(scene, &split, scene->size, CKR_SIGNATURE_INVALID);
	first_signature(scene, length, scene->size, CKR_SIGNATURE_INVALID);
	first_signature_parts(scene, &split, CKR_SIGNATURE_INVALID);
	scene->right[at] ^= 1 << seed % 8;
	for (CK_ULONG size = scene->size - 1; size <= scene->size + 1; size += 2) {
		verify_whole(scene, length, size, CKR_SIGNATURE_LEN_RANGE);
		verify_parts(scene, &split, size, CKR_SIGNATURE_LEN_RANGE);
		first_signature(scene, length, size, CKR_SIGNATURE_LEN_RANGE);
	}
	if (length) {
		text[seed % length] ^= 0x20;
		verify_whole(scene, length, scene->size, CKR_SIGNATURE_INVALID);
		verify_parts(scene, &split, scene->size, CKR_SIGNATURE_INVALID);
		first_signature(scene, length, scene->size, CKR_SIGNATURE_INVALID);
		text[seed % length] ^= 0x20;
	}
	/* The next one is as good as any. */
	verify_whole(scene, length, scene->size, CKR_OK);
	sign_whole(scene, length);
}

static void each_mac(void (*test)(struct scene *), bool general)
{
	struct scene scene;
	size_t tested = 0;

	guest_need_slot();
	for (size_t i = 0; i < 2 * MACS; i++) {
		if (!begin(&scene, &macs[i / 2], general, i % 2))
			continue;
		test(&scene);
		finish(&scene);
		tested++;
	}
	if (!tested)
		guest_skip("no MAC is offered on this kernel to this user");
}

static void all_lengths(struct scene *scene)
{
	static uint64_t seed;

	init(scene);
	for (size_t i = 0; i < LENGTHS; i++)
		all_ways(scene, lengths[i], ++seed);
	final(scene);
}

static void test_full(void **state)
{
	each_mac(all_lengths, false);
}

static void all_sizes(struct scene *scene)
{
	const CK_ULONG sizes[] = {1, 4, scene->mac->size / 2, scene->mac->size - 1,
				  scene->mac->size};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		scene->size = sizes[i];
		init(scene);
		/* A signature of no bytes would be no signature. */
		if (sizes[i] > 1)
			all_ways(scene, 333, i);
		new_message(scene, 100);
		sign_whole(scene, 100);
		verify_whole(scene, 100, scene->size, CKR_OK);
		verify_whole(scene, 100, 0, CKR_SIGNATURE_LEN_RANGE);
		final(scene);
	}
	for (CK_ULONG wrong = 0; wrong <= scene->mac->size + 1; wrong += scene->mac->size + 1) {
		scene->size = wrong;
		GUEST_RV(messages->C_MessageSignInit(scene->session, &scene->mechanism,
						     scene->key.object),
			 CKR_MECHANISM_PARAM_INVALID);
		GUEST_RV(messages->C_MessageVerifyInit(scene->session, &scene->mechanism,
						       scene->key.object),
			 CKR_MECHANISM_PARAM_INVALID);
		GUEST_RV(messages->C_VerifySignatureInit(scene->session, &scene->mechanism,
							 scene->key.object, scene->right, wrong),
			 CKR_MECHANISM_PARAM_INVALID);
	}
}

static void test_general(void **state)
{
	each_mac(all_sizes, true);
}

/* What was left in the middle does not get into what comes next, in this process or another. */
static void left_off(struct scene *scene)
{
	CK_FUNCTION_LIST_PTR f = token.f;
	CK_SESSION_HANDLE s = scene->session;

	for (int way = 0; way < 4; way++) {
		init(scene);
		new_message(scene, 500);
		GUEST_RV(messages->C_SignMessageBegin(s, NULL, 0), CKR_OK);
		GUEST_RV(messages->C_SignMessageNext(s, NULL, 0, text, 100, NULL, NULL), CKR_OK);
		GUEST_RV(messages->C_VerifyMessageBegin(s, NULL, 0), CKR_OK);
		GUEST_RV(messages->C_VerifyMessageNext(s, NULL, 0, text, 100, NULL, 0), CKR_OK);
		GUEST_RV(messages->C_VerifySignatureInit(s, &scene->mechanism, scene->key.object,
							 scene->right, scene->size),
			 CKR_OK);
		GUEST_RV(messages->C_VerifySignatureUpdate(s, text, 100), CKR_OK);
		switch (way) {
		case 0:
			GUEST_RV(messages->C_MessageSignInit(s, NULL, 0), CKR_OK);
			GUEST_RV(messages->C_MessageVerifyInit(s, NULL, 0), CKR_OK);
			GUEST_RV(messages->C_VerifySignatureInit(s, NULL, 0, NULL, 0), CKR_OK);
			break;
		case 1:
			GUEST_RV(messages->C_SessionCancel(
					 s, CKF_MESSAGE_SIGN | CKF_MESSAGE_VERIFY | CKF_VERIFY),
				 CKR_OK);
			break;
		case 2:
			GUEST_RV(f->C_CloseSession(s), CKR_OK);
			s = scene->session = guest_session();
			break;
		default:
			/* An error ends the message, and the process goes on. */
			GUEST_RV(messages->C_SignMessageNext(s, NULL, 0, NULL, 5, NULL, NULL),
				 CKR_ARGUMENTS_BAD);
			GUEST_RV(messages->C_VerifyMessageNext(s, NULL, 0, NULL, 5, NULL, 0),
				 CKR_ARGUMENTS_BAD);
			GUEST_RV(messages->C_VerifySignatureUpdate(s, NULL, 5), CKR_ARGUMENTS_BAD);
			sign_whole(scene, 500);
			verify_whole(scene, 500, scene->size, CKR_OK);
			final(scene);
		}
		init(scene);
		all_ways(scene, 500, (uint64_t)way);
		final(scene);
	}
}

static void test_left_off(void **state)
{
	each_mac(left_off, false);
}

/* What is under way cannot be begun, ended or taken over by a call that is out of its order. */
static void out_of_order(struct scene *scene)
{
	CK_SESSION_HANDLE s = scene->session;
	unsigned char out[MAC_MAX];
	CK_ULONG n = sizeof(out);

	GUEST_RV(messages->C_SignMessage(s, NULL, 0, text, 5, out, &n),
		 CKR_OPERATION_NOT_INITIALIZED);
	GUEST_RV(messages->C_VerifyMessageBegin(s, NULL, 0), CKR_OPERATION_NOT_INITIALIZED);
	GUEST_RV(messages->C_MessageSignFinal(s), CKR_OPERATION_NOT_INITIALIZED);
	GUEST_RV(messages->C_MessageVerifyFinal(s), CKR_OPERATION_NOT_INITIALIZED);
	init(scene);
	GUEST_RV(messages->C_MessageSignInit(s, &scene->mechanism, scene->key.object),
		 CKR_OPERATION_ACTIVE);
	GUEST_RV(messages->C_SignMessageNext(s, NULL, 0, text, 5, NULL, NULL),
		 CKR_OPERATION_NOT_INITIALIZED);
	new_message(scene, 100);
	GUEST_RV(messages->C_SignMessageBegin(s, NULL, 0), CKR_OK);
	GUEST_RV(messages->C_SignMessageNext(s, NULL, 0, text, 60, NULL, NULL), CKR_OK);
	GUEST_RV(messages->C_SignMessageBegin(s, NULL, 0), CKR_OPERATION_ACTIVE);
	GUEST_RV(messages->C_SignMessage(s, NULL, 0, text, 5, out, &n), CKR_OPERATION_ACTIVE);
	GUEST_RV(messages->C_MessageSignFinal(s), CKR_OPERATION_ACTIVE);
	n = sizeof(out);
	GUEST_RV(messages->C_SignMessageNext(s, NULL, 0, text + 60, 40, out, &n), CKR_OK);
	assert_int_equal(n, scene->size);
	assert_memory_equal(out, scene->right, n);
	/* A message of a MAC has no parameter. */
	GUEST_RV(messages->C_SignMessage(s, out, 5, text, 5, out, &n), CKR_MECHANISM_PARAM_INVALID);
	sign_whole(scene, 100);
	final(scene);
}

static void test_out_of_order(void **state)
{
	each_mac(out_of_order, false);
}

/* GMAC has no messages; its signature may come first all the same. */
static void test_gmac(void **state)
{
	unsigned char right[1000 + GUEST_SLACK];
	struct mechanism_store store;
	struct material material = {.type = CKM_AES_GMAC, .key = secret, .key_length = 32};
	CK_SESSION_HANDLE session;
	struct token_split split;
	struct token_key key;
	CK_MECHANISM_PTR mechanism;

	guest_need(CKM_AES_GMAC);
	session = guest_session();
	key = guest_key(session, "aes", secret, 32, true);
	for (size_t length = 0; length <= 1000; length = 3 * length + 1) {
		unsigned char *in = text;

		guest_fill(material.iv, sizeof(material.iv), length);
		guest_expect(&material, text, length, right);
		mechanism = guest_mechanism(&store, &material, length);
		guest_split(&split, length, length);
		for (int wrong = 0; wrong <= 1; wrong++, in = text) {
			right[3] ^= wrong << 6;
			GUEST_RV(messages->C_VerifySignatureInit(session, mechanism, key.object,
								 right, 16),
				 CKR_OK);
			for (size_t i = 0; i < split.n; in += split.part[i++])
				GUEST_RV(messages->C_VerifySignatureUpdate(session, in,
									   split.part[i]),
					 CKR_OK);
			GUEST_RV(messages->C_VerifySignatureFinal(session),
				 wrong ? CKR_SIGNATURE_INVALID : CKR_OK);
		}
		GUEST_RV(messages->C_MessageSignInit(session, mechanism, key.object),
			 CKR_MECHANISM_INVALID);
	}
	token_key_drop(&key);
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full),     cmocka_unit_test(test_general),
		cmocka_unit_test(test_left_off), cmocka_unit_test(test_out_of_order),
		cmocka_unit_test(test_gmac),
	};

	guest_fill(secret, sizeof(secret), 21);
	guest_fill(text, sizeof(text), 22);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, messages_setup, guest_teardown);
}
