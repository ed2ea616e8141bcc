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

enum { DATA = 32768 };

/* How often as many bytes were wiped as are looked for. */
static size_t looked_for, wiped;

static void wipe(void *bytes, size_t len)
{
	memset(bytes, 0, len);
	wiped += len == looked_for;
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

static const char secret[] = "0123456789abcdef0123456789ABCDEF";
static uint8_t bytes[DATA];
static struct derivation_data ecb;
static struct cbc_encrypt_data_params cbc;
static CK_MECHANISM mechanism;
static struct derivation derivation;

static int arm(const struct transform_key *key, int transform)
{
	return alg_set_key(transform, secret, 32);
}

static const struct transform_key key = {.id = 1, .constant = true, .arm = arm};

static void choose(bool with_iv)
{
	CK_MECHANISM_TYPE type = with_iv ? CKM_AES_CBC_ENCRYPT_DATA : CKM_AES_ECB_ENCRYPT_DATA;

	ecb = (struct derivation_data){bytes, sizeof(bytes)};
	cbc = (struct cbc_encrypt_data_params){.data = bytes, .data_len = sizeof(bytes)};
	for (size_t i = 0; i < sizeof(cbc.iv); i++)
		cbc.iv[i] = (uint8_t)(0x71 + 3 * i);
	mechanism = with_iv ? (CK_MECHANISM){type, &cbc, sizeof(cbc)}
			    : (CK_MECHANISM){type, &ecb, sizeof(ecb)};
	derivation = (struct derivation){.row = mechanism_find(type),
					 .mechanism = &mechanism,
					 .base = {.key = &key, .type = CKK_AES}};
}

static void set_data(uint8_t *data, CK_ULONG len)
{
	ecb = (struct derivation_data){data, len};
	cbc.data = data;
	cbc.data_len = len;
}

static int setup(void **state)
{
	fake_reset();
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 31 + i / 251 + 7);
	return 0;
}

static int teardown(void **state)
{
	if (fake_busy_sockets())
		return -1;
	transform_purge(0);
	return fake_open_sockets() ? -1 : 0;
}

static void check(size_t len)
{
	static uint8_t expected[DATA], out[DATA + 1];

	memset(out, 0xa5, sizeof(out));
	fake_cipher(derivation.row->kernel_name, secret, 32, false, cbc.iv, bytes, sizeof(bytes),
		    expected);
	looked_for = (len + 15) / 16 * 16;
	wiped = 0;
	assert_int_equal(derive_run(&derivation, &len, 1, out), CKR_OK);
	assert_memory_equal(out, expected, len);
	assert_int_equal(out[len], 0xa5);
	/* The blocks that it took. */
	assert_int_equal(wiped, 1);
}

static void a_key_is_the_beginning_of_the_ciphertext(void **state)
{
	for (int with_iv = 0; with_iv < 2; with_iv++) {
		size_t len;

		choose(with_iv);
		assert_false(derive_reads(derivation.row, &mechanism));
		assert_int_equal(derive_length(&derivation, &len), CKR_OK);
		assert_int_equal(len, DATA);
		for (len = 1; len <= 70; len++)
			check(len);
		check(DATA);
		check(DATA - 1);
		/* Where a request can be no longer than that. */
		fake_room(4096);
		transform_purge(0);
		check(DATA - 17);
		fake_reset();
		transform_purge(0);
	}
}

static void a_key_may_not_be_longer_than_the_data(void **state)
{
	uint8_t out[64];

	for (int with_iv = 0; with_iv < 2; with_iv++) {
		size_t len = 49;

		choose(with_iv);
		set_data(bytes, 48);
		assert_int_equal(derive_run(&derivation, &len, 1, out), CKR_DATA_LEN_RANGE);
		len--;
		assert_int_equal(derive_run(&derivation, &len, 1, out), CKR_OK);
	}
}

static void refuses(void)
{
	uint8_t out[16] = {0};
	size_t len = 16;

	assert_int_equal(derive_run(&derivation, &len, 1, out), CKR_MECHANISM_PARAM_INVALID);
	assert_int_equal(derive_length(&derivation, &len), CKR_MECHANISM_PARAM_INVALID);
}

static void a_wrong_parameter_is_refused(void **state)
{
	static const CK_ULONG lens[] = {0, 1, 15, 17, 31, 33};

	for (int with_iv = 0; with_iv < 2; with_iv++) {
		choose(with_iv);
		for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
			set_data(bytes, lens[i]);
			refuses();
		}
		set_data(NULL, 32);
		refuses();
		choose(with_iv);
		mechanism.ulParameterLen--;
		refuses();
		/* The other structure. */
		mechanism.ulParameterLen = with_iv ? sizeof(ecb) : sizeof(cbc);
		refuses();
		mechanism = (CK_MECHANISM){mechanism.mechanism, NULL, 0};
		refuses();
	}
	assert_int_equal(fake_calls("alg_bind"), 0);
}

static void the_kernels_errors_are_passed_on(void **state)
{
	static const struct {
		const char *function;
		int err;
		CK_RV rv;
	} cases[] = {{"alg_bind", -ENOENT, CKR_MECHANISM_INVALID},
		     {"alg_set_key", -EINVAL, CKR_KEY_SIZE_RANGE},
		     {"alg_set_key", -EKEYEXPIRED, CKR_KEY_HANDLE_INVALID},
		     {"alg_send", -ENOMEM, CKR_DEVICE_MEMORY},
		     {"alg_recv", -EIO, CKR_DEVICE_ERROR}};
	static const uint8_t zeros[20];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint8_t out[20];
		size_t len = sizeof(out);

		choose(i % 2);
		transform_purge(0);
		memset(out, 0xa5, sizeof(out));
		fake_fail(cases[i].function, 1, cases[i].err);
		assert_int_equal(derive_run(&derivation, &len, 1, out), cases[i].rv);
		assert_memory_equal(out, zeros, sizeof(out));
		assert_int_equal(fake_open_sockets(), 0);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_key_is_the_beginning_of_the_ciphertext),
		TEST(a_key_may_not_be_longer_than_the_data),
		TEST(a_wrong_parameter_is_refused),
		TEST(the_kernels_errors_are_passed_on),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("encrypt-data", tests, NULL, NULL);
}
