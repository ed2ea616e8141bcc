/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake-kernel.h"
#include "kernel/alg.h"
#include "mech/engine.h"
#include "mech/mechanism.h"
#include "mech/parameter.h"

static int setup(void **state)
{
	fake_reset();
	mechanisms_forget();
	return 0;
}

static int teardown(void **state)
{
	return fake_open_sockets() ? -1 : 0;
}

static bool ends(const char *name, const char *end)
{
	size_t len = strlen(name), end_len = strlen(end);

	return len > end_len && !strcmp(name + len - end_len, end);
}

/* FIPS 180-4, figure 1, and RFC 1321. */
static size_t digest_size(const char *name)
{
	static const struct {
		const char *part;
		size_t size;
	} sizes[] = {{"MD5", 16},      {"SHA_1", 20},   {"SHA224", 28},   {"SHA256", 32},
		     {"SHA384", 48},   {"SHA512", 64},  {"SHA3_224", 28}, {"SHA3_256", 32},
		     {"SHA3_384", 48}, {"SHA3_512", 64}};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		if (!strncmp(name + strlen("CKM_"), sizes[i].part, strlen(sizes[i].part)))
			return sizes[i].size;
	return 0;
}

static void rows_are_unique(void **state)
{
	assert_true(n_mechanisms >= 17);
	for (size_t i = 0; i < n_mechanisms; i++) {
		assert_ptr_equal(mechanism_find(mechanisms[i].type), &mechanisms[i]);
		for (size_t j = 0; j < i; j++) {
			assert_int_not_equal(mechanisms[i].type, mechanisms[j].type);
			assert_string_not_equal(mechanisms[i].name, mechanisms[j].name);
		}
	}
	assert_null(mechanism_find(CKM_RSA_PKCS));
	assert_null(mechanism_find((CK_MECHANISM_TYPE)-1));
	assert_null(mechanism_find(CKM_VENDOR_DEFINED));
}

static void names_are_those_of_the_numbers(void **state)
{
	static const struct {
		CK_MECHANISM_TYPE type;
		const char *name, *kernel_name;
	} expected[] = {
		{0x210, "CKM_MD5", "md5"},
		{0x220, "CKM_SHA_1", "sha1"},
		{0x255, "CKM_SHA224", "sha224"},
		{0x250, "CKM_SHA256", "sha256"},
		{0x260, "CKM_SHA384", "sha384"},
		{0x270, "CKM_SHA512", "sha512"},
		{0x2b5, "CKM_SHA3_224", "sha3-224"},
		{0x2b0, "CKM_SHA3_256", "sha3-256"},
		{0x2c0, "CKM_SHA3_384", "sha3-384"},
		{0x2d0, "CKM_SHA3_512", "sha3-512"},
		{0x211, "CKM_MD5_HMAC", "hmac(md5)"},
		{0x221, "CKM_SHA_1_HMAC", "hmac(sha1)"},
		{0x256, "CKM_SHA224_HMAC", "hmac(sha224)"},
		{0x251, "CKM_SHA256_HMAC", "hmac(sha256)"},
		{0x261, "CKM_SHA384_HMAC", "hmac(sha384)"},
		{0x271, "CKM_SHA512_HMAC", "hmac(sha512)"},
		{0x108a, "CKM_AES_CMAC", "cmac(aes)"},
		{0x1081, "CKM_AES_ECB", "ecb(aes)"},
		{0x1082, "CKM_AES_CBC", "cbc(aes)"},
		{0x1085, "CKM_AES_CBC_PAD", "cbc(aes)"},
		{0x1086, "CKM_AES_CTR", "ctr(aes)"},
		{0x1087, "CKM_AES_GCM", "gcm(aes)"},
	};

	for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
		const struct mechanism *row = mechanism_find(expected[i].type);

		assert_non_null(row);
		assert_string_equal(row->name, expected[i].name);
		assert_string_equal(row->kernel_name, expected[i].kernel_name);
	}
}

static void check_digest(const struct mechanism *row)
{
	assert_int_equal(row->flags, CKF_DIGEST);
	assert_int_equal(row->size, digest_size(row->name));
	assert_false(mechanism_takes_key(row));
	assert_ptr_equal(row->decode, parameter_none);
}

static void check_hmac(const struct mechanism *row)
{
	assert_int_equal(row->flags, CKF_SIGN | CKF_VERIFY);
	assert_int_equal(row->size, digest_size(row->name));
	assert_true(mechanism_takes_key(row));
	assert_int_equal(row->key_min, 1);
	assert_int_equal(row->key_max, 32767);
	assert_true(mechanism_fits_key(row, CKK_GENERIC_SECRET));
	assert_false(mechanism_fits_key(row, CKK_AES));
	assert_int_not_equal(row->key_types[1], CKK_GENERIC_SECRET);
	assert_true(mechanism_fits_key(row, row->key_types[1]));
	assert_ptr_equal(row->decode, parameter_none);
}

static void check_aes(const struct mechanism *row)
{
	bool mac = ends(row->name, "_CMAC");

	assert_int_equal(row->flags, mac ? CKF_SIGN | CKF_VERIFY : CKF_ENCRYPT | CKF_DECRYPT);
	assert_true(mechanism_takes_key(row));
	assert_true(mechanism_fits_key(row, CKK_AES));
	assert_false(mechanism_fits_key(row, CKK_GENERIC_SECRET));
	assert_int_equal(row->key_min, 16);
	assert_int_equal(row->key_max, 32);
	assert_int_equal(row->size, mac ? 16 : 0);
	assert_int_equal(row->padded, ends(row->name, "_PAD"));
	assert_int_equal(row->stream, ends(row->name, "_CTR"));
}

/* Names, flags, kernel interface, engine and sizes tell the same story. */
static void rows_are_sane(void **state)
{
	for (size_t i = 0; i < n_mechanisms; i++) {
		const struct mechanism *row = &mechanisms[i];
		bool hash = !strcmp(row->kernel_type, "hash");
		bool cipher = !strcmp(row->kernel_type, "skcipher");

		assert_int_equal(strncmp(row->name, "CKM_", 4), 0);
		assert_non_null(row->decode);
		assert_ptr_equal(row->engine, hash     ? &hash_engine
					      : cipher ? &cipher_engine
						       : &aead_engine);
		assert_int_equal(row->block, cipher ? 16 : 0);
		assert_true(row->size <= ALG_DIGEST_MAX && row->block <= ALG_BLOCK_MAX);
		assert_true(row->key_min <= row->key_max);
		if (ends(row->name, "_HMAC"))
			check_hmac(row);
		else if (!strncmp(row->name, "CKM_AES_", 8))
			check_aes(row);
		else
			check_digest(row);
	}
}

static void all_is_offered_where_all_binds(void **state)
{
	for (size_t i = 0; i < n_mechanisms; i++)
		assert_int_equal(mechanism_offered(&mechanisms[i]), 1);
}

/* Each probe may load a kernel module: once for each kernel name, also where two rows share one. */
static void the_kernel_is_asked_once_for_each_name(void **state)
{
	mechanism_offered(mechanism_find(CKM_AES_CBC_PAD));
	assert_int_equal(fake_calls("alg_bind"), 1);
	mechanism_offered(mechanism_find(CKM_AES_CBC));
	assert_int_equal(fake_calls("alg_bind"), 1);
	for (int round = 0; round < 3; round++)
		for (size_t i = 0; i < n_mechanisms; i++)
			mechanism_offered(&mechanisms[i]);
	assert_int_equal(fake_calls("alg_bind"), n_mechanisms - 1);
	assert_int_equal(fake_open_sockets(), 0);
}

static void what_does_not_bind_is_not_offered(void **state)
{
	fake_alg_hide("cbc(aes)", true);
	for (int round = 0; round < 2; round++) {
		assert_int_equal(mechanism_offered(mechanism_find(CKM_AES_CBC)), 0);
		assert_int_equal(mechanism_offered(mechanism_find(CKM_AES_CBC_PAD)), 0);
		assert_int_equal(mechanism_offered(mechanism_find(CKM_AES_ECB)), 1);
	}
	assert_int_equal(fake_calls("alg_bind"), 2);
	/* Remembered until the next C_Initialize. */
	fake_alg_hide("cbc(aes)", false);
	assert_int_equal(mechanism_offered(mechanism_find(CKM_AES_CBC)), 0);
	mechanisms_forget();
	assert_int_equal(mechanism_offered(mechanism_find(CKM_AES_CBC)), 1);
}

/* A shortage says nothing about the algorithm, and is not remembered. */
static void other_errors_are_passed_on(void **state)
{
	static const int errors[] = {-EMFILE, -ENOMEM, -EAFNOSUPPORT, -EPERM};
	const struct mechanism *row = mechanism_find(CKM_SHA256);

	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		fake_fail("alg_bind", 1, errors[i]);
		assert_int_equal(mechanism_offered(row), errors[i]);
	}
	assert_int_equal(mechanism_offered(row), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_unique),
		cmocka_unit_test(names_are_those_of_the_numbers),
		cmocka_unit_test(rows_are_sane),
		cmocka_unit_test_setup_teardown(all_is_offered_where_all_binds, setup, teardown),
		cmocka_unit_test_setup_teardown(the_kernel_is_asked_once_for_each_name, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_does_not_bind_is_not_offered, setup, teardown),
		cmocka_unit_test_setup_teardown(other_errors_are_passed_on, setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("mechanism", tests, NULL, NULL);
}
