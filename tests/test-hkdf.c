/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake-kernel.h"
#include "kernel/alg.h"
#include "mech/derive.h"

enum { LONGEST = 255 * 64 };

/* Every pseudo-random key is wiped in a buffer of this size. */
static size_t wiped;

static void wipe(void *bytes, size_t len)
{
	memset(bytes, 0, len);
	wiped += len == ALG_DIGEST_MAX;
}

void explicit_bzero(void *bytes, size_t len)
{
	wipe(bytes, len);
}

/* What explicit_bzero() is called where the C library checks sizes. */
void __explicit_bzero_chk(void *bytes, size_t len, size_t size);

void __explicit_bzero_chk(void *bytes, size_t len, size_t size)
{
	wipe(bytes, len);
}

static uint8_t base_bytes[80], salt_bytes[200], info[40];
static struct hkdf_params params;
static CK_MECHANISM mechanism;
static struct derivation derivation;
static const char *hmac_name;
static size_t hash_size;

static int arm_base(const struct transform_key *key, int transform)
{
	return alg_set_key(transform, base_bytes, sizeof(base_bytes));
}

static int arm_salt(const struct transform_key *key, int transform)
{
	return alg_set_key(transform, salt_bytes, sizeof(salt_bytes));
}

static const struct transform_key base = {.id = 1, .constant = true, .arm = arm_base};
static const struct transform_key salt = {.id = 2, .constant = true, .arm = arm_salt};

static const struct {
	CK_MECHANISM_TYPE type;
	const char *hmac;
	size_t size;
} hashes[] = {
	{CKM_MD5, "hmac(md5)", 16},           {CKM_SHA_1, "hmac(sha1)", 20},
	{CKM_SHA256, "hmac(sha256)", 32},     {CKM_SHA512, "hmac(sha512)", 64},
	{CKM_SHA3_256, "hmac(sha3-256)", 32}, {CKM_RIPEMD160, "hmac(rmd160)", 20},
};

enum { HASHES = sizeof(hashes) / sizeof(*hashes) };

static void choose(size_t hash, bool extract, bool expand)
{
	params = (struct hkdf_params){.extract = extract,
				      .expand = expand,
				      .hash = hashes[hash].type,
				      .salt_type = CKF_HKDF_SALT_NULL,
				      .info = info,
				      .info_len = sizeof(info)};
	mechanism = (CK_MECHANISM){CKM_HKDF_DERIVE, &params, sizeof(params)};
	derivation = (struct derivation){.row = mechanism_find(CKM_HKDF_DERIVE),
					 .mechanism = &mechanism,
					 .base = {.key = &base, .type = CKK_HKDF}};
	if (extract) {
		derivation.base.bytes = base_bytes;
		derivation.base.len = sizeof(base_bytes);
	}
	hmac_name = hashes[hash].hmac;
	hash_size = hashes[hash].size;
}

static int setup(void **state)
{
	fake_reset();
	mechanisms_start(FAMILY_ALL);
	for (size_t i = 0; i < sizeof(base_bytes); i++)
		base_bytes[i] = (uint8_t)(i * 31 + 7);
	for (size_t i = 0; i < sizeof(salt_bytes); i++)
		salt_bytes[i] = (uint8_t)(i * 17 + 5);
	for (size_t i = 0; i < sizeof(info); i++)
		info[i] = (uint8_t)(i * 13 + 3);
	return 0;
}

static int teardown(void **state)
{
	if (fake_busy_sockets())
		return -1;
	transform_purge(0);
	return fake_open_sockets() ? -1 : 0;
}

/* RFC 5869, section 2.2, to the letter. */
static void extract(const void *salt_, size_t salt_len, uint8_t *prk)
{
	fake_hash(hmac_name, salt_, salt_len, base_bytes, sizeof(base_bytes), prk, hash_size);
}

/* Section 2.3. */
static void expand(const void *prk, size_t prk_len, size_t info_len, uint8_t *out, size_t len)
{
	uint8_t text[64 + sizeof(info) + 1], block[64];
	size_t before = 0;

	for (uint8_t i = 1; len; i++) {
		size_t some = len < hash_size ? len : hash_size;

		memcpy(text, block, before);
		memcpy(text + before, info, info_len);
		text[before + info_len] = i;
		fake_hash(hmac_name, prk, prk_len, text, before + info_len + 1, block, hash_size);
		before = hash_size;
		memcpy(out, block, some);
		out += some;
		len -= some;
	}
}

static void check(const uint8_t *expected, size_t len)
{
	static uint8_t out[LONGEST + 1];

	memset(out, 0xa5, sizeof(out));
	assert_int_equal(derive_run(&derivation, &len, 1, out), CKR_OK);
	assert_memory_equal(out, expected, len);
	assert_int_equal(out[len], 0xa5);
}

/* The base is armed, never read. */
static void a_base_is_expanded_unread(void **state)
{
	static uint8_t expected[LONGEST + 1];

	for (size_t hash = 0; hash < HASHES; hash++) {
		size_t longest = 255 * hashes[hash].size, len;

		choose(hash, false, true);
		assert_false(derive_reads(derivation.row, &mechanism));
		assert_int_equal(derive_length(&derivation, &len), CKR_OK);
		assert_int_equal(len, 0);
		expand(base_bytes, sizeof(base_bytes), sizeof(info), expected, longest);
		for (len = 1; len <= 3 * hash_size; len++)
			check(expected, len);
		check(expected, longest);
		len = longest + 1;
		assert_int_equal(derive_run(&derivation, &len, 1, expected), CKR_KEY_SIZE_RANGE);
		params.info = NULL;
		params.info_len = 0;
		expand(base_bytes, sizeof(base_bytes), 0, expected, 100);
		check(expected, 100);
	}
}

/* Each way to say the salt. */
static void check_salts(void (*check_one)(const void *salt_, size_t salt_len))
{
	static const uint8_t zeros[64];

	check_one(zeros, hash_size);
	params.salt_type = CKF_HKDF_SALT_DATA;
	check_one(zeros, hash_size);
	params.salt = salt_bytes;
	for (params.salt_len = 1; params.salt_len < sizeof(salt_bytes); params.salt_len += 13)
		check_one(salt_bytes, params.salt_len);
	params.salt_type = CKF_HKDF_SALT_KEY;
	params.salt_key = 77;
	params.salt = NULL;
	derivation.salt = &salt;
	assert_int_equal(derive_other_key(derivation.row, &mechanism), 77);
	check_one(salt_bytes, sizeof(salt_bytes));
}

static void check_extract(const void *salt_, size_t salt_len)
{
	uint8_t prk[65];
	size_t len;

	extract(salt_, salt_len, prk);
	assert_int_equal(derive_length(&derivation, &len), CKR_OK);
	assert_int_equal(len, hash_size);
	check(prk, hash_size);
	for (len = 1; len <= 65; len++)
		if (len != hash_size)
			assert_int_equal(derive_run(&derivation, &len, 1, prk), CKR_KEY_SIZE_RANGE);
}

static void check_both(const void *salt_, size_t salt_len)
{
	uint8_t prk[64], expected[200];

	extract(salt_, salt_len, prk);
	expand(prk, hash_size, sizeof(info), expected, sizeof(expected));
	wiped = 0;
	check(expected, sizeof(expected));
	/* The pseudo-random key, and the last block. */
	assert_int_equal(wiped, 2);
}

static void a_base_is_extracted_with_any_salt(void **state)
{
	for (size_t hash = 0; hash < HASHES; hash++) {
		choose(hash, true, false);
		assert_true(derive_reads(derivation.row, &mechanism));
		assert_int_equal(derive_other_key(derivation.row, &mechanism), CK_INVALID_HANDLE);
		check_salts(check_extract);
		choose(hash, true, true);
		assert_true(derive_reads(derivation.row, &mechanism));
		check_salts(check_both);
	}
	/* No copy of a pseudo-random key stays in the kernel: that of the salt's key is kept. */
	assert_int_equal(fake_open_sockets(), HASHES);
}

static void refuses(void)
{
	uint8_t out[64] = {0};
	size_t len = hash_size;

	assert_int_equal(derive_run(&derivation, &len, 1, out), CKR_MECHANISM_PARAM_INVALID);
	assert_int_equal(derive_length(&derivation, &len), CKR_MECHANISM_PARAM_INVALID);
}

static void a_wrong_parameter_is_refused(void **state)
{
	static const CK_MECHANISM_TYPE no_hashes[] = {CKM_SHA256_HMAC, CKM_AES_CMAC,
						      CKM_AES_CBC,     CKM_BLAKE2B_256,
						      CKM_RSA_PKCS,    CK_UNAVAILABLE_INFORMATION};
	static const CK_ULONG no_salts[] = {0, 3, 5, 6, 7, 8};

	choose(2, false, false);
	refuses();
	for (int extracts = 0; extracts < 2; extracts++) {
		choose(2, extracts, true);
		params.info = NULL;
		refuses();
		for (size_t i = 0; i < sizeof(no_hashes) / sizeof(*no_hashes); i++) {
			choose(2, extracts, true);
			params.hash = no_hashes[i];
			refuses();
		}
		choose(2, extracts, true);
		mechanism.ulParameterLen--;
		refuses();
		mechanism = (CK_MECHANISM){CKM_HKDF_DERIVE, NULL, 0};
		refuses();
		assert_false(derive_reads(derivation.row, &mechanism));
		assert_int_equal(derive_other_key(derivation.row, &mechanism), CK_INVALID_HANDLE);
	}
	for (size_t i = 0; i < sizeof(no_salts) / sizeof(*no_salts); i++) {
		choose(2, true, true);
		params.salt_type = no_salts[i];
		refuses();
	}
	choose(2, true, true);
	params.salt_type = CKF_HKDF_SALT_DATA;
	params.salt_len = 4;
	refuses();
	/* The handle led to no key. */
	params.salt_type = CKF_HKDF_SALT_KEY;
	params.salt_key = 77;
	refuses();
	assert_int_equal(fake_calls("alg_accept"), 0);
}

/* Section 6.62.3: "The salt should be ignored if bExtract is false", and the info likewise. */
static void what_is_not_needed_is_ignored(void **state)
{
	uint8_t expected[64];

	choose(2, false, true);
	params.salt_type = CKF_HKDF_SALT_KEY;
	params.salt_key = 77;
	params.salt_len = 5;
	assert_int_equal(derive_other_key(derivation.row, &mechanism), CK_INVALID_HANDLE);
	expand(base_bytes, sizeof(base_bytes), sizeof(info), expected, 40);
	check(expected, 40);
	choose(2, true, false);
	params.info = NULL;
	extract((uint8_t[32]){0}, 32, expected);
	check(expected, 32);
}

static void a_hash_that_does_not_bind_is_refused(void **state)
{
	fake_alg_hide("hmac(sha512)", true);
	mechanisms_start(FAMILY_NONE);
	choose(3, false, true);
	refuses();
	/* RIPEMD-160 was not asked for. */
	choose(5, false, true);
	refuses();
	fake_fail("alg_bind", 1, -EMFILE);
	choose(2, false, true);
	assert_int_equal(derive_run(&derivation, &(size_t){8}, 1, (uint8_t[8]){0}),
			 CKR_HOST_MEMORY);
	assert_int_equal(derive_run(&derivation, &(size_t){8}, 1, (uint8_t[8]){0}), CKR_OK);
}

static void an_unreadable_base_is_not_extracted(void **state)
{
	size_t len = 32;
	uint8_t out[32];

	for (int expands = 0; expands < 2; expands++) {
		choose(2, true, expands);
		derivation.base.bytes = NULL;
		assert_int_equal(derive_run(&derivation, &len, 1, out),
				 CKR_KEY_FUNCTION_NOT_PERMITTED);
	}
}

static void failures_leave_nothing(void **state)
{
	static const char *const functions[] = {"alg_set_key", "alg_accept", "alg_send",
						"alg_recv"};
	static const uint8_t zeros[100];
	size_t len = sizeof(zeros), failed = 0;

	for (size_t i = 0; i < 4; i++) {
		for (unsigned int nth = 1;; nth++) {
			uint8_t out[sizeof(zeros)];
			CK_RV rv;

			choose(2, true, true);
			memset(out, 0xa5, sizeof(out));
			fake_fail(functions[i], nth, -EIO);
			rv = derive_run(&derivation, &len, 1, out);
			fake_fail("", 0, 0);
			if (rv == CKR_OK)
				break;
			failed++;
			assert_int_equal(rv, CKR_DEVICE_ERROR);
			assert_memory_equal(out, zeros, sizeof(out));
			assert_int_equal(fake_open_sockets(), 0);
		}
	}
	/* Two keys, and one message and four blocks. */
	assert_int_equal(failed, 2 + 2 + 5 + 5);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_base_is_expanded_unread),
		TEST(a_base_is_extracted_with_any_salt),
		TEST(a_wrong_parameter_is_refused),
		TEST(what_is_not_needed_is_ignored),
		TEST(a_hash_that_does_not_bind_is_refused),
		TEST(an_unreadable_base_is_not_extracted),
		TEST(failures_leave_nothing),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("hkdf", tests, NULL, NULL);
}
