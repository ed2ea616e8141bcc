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
#include "kernel/transform.h"
#include "mech/operation.h"
#include "pkcs11-parameters.h"

enum { LONGEST = 67, LARGE = 20000 };

static const size_t sizes[] = {4, 8, 12, 13, 14, 15, 16};
static uint8_t iv[12], message[LARGE], expected[16];
static struct operation operation;

static int arm(const struct transform_key *key, int transform)
{
	return alg_set_key(transform, "0123456789abcdef", 16);
}

static const struct transform_key key = {.id = 1, .constant = true, .arm = arm};

static int setup(void **state)
{
	fake_reset();
	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)(i * 31 + i / 251 + 1);
	for (size_t i = 0; i < sizeof(iv); i++)
		iv[i] = (uint8_t)(0xf1 + i * 3);
	return 0;
}

static int teardown(void **state)
{
	operation_cancel(&operation);
	if (fake_busy_sockets())
		return -1;
	transform_purge(0);
	return fake_open_sockets() ? -1 : 0;
}

static void begin(enum operation_kind kind, size_t size)
{
	struct gcm_params gcm = {iv, 12, 96, NULL, 0, size * 8};
	CK_MECHANISM mechanism = {CKM_AES_GMAC, &gcm, sizeof(gcm)};

	operation_cancel(&operation);
	assert_int_equal(
		operation_begin(&operation, kind, mechanism_find(CKM_AES_GMAC), &mechanism, &key),
		CKR_OK);
}

/* The tag of GCM over LEN bytes of AAD and no text, in EXPECTED: SP 800-38D, section 3. */
static void reference(size_t len, size_t size)
{
	fake_seal("gcm(aes)", "0123456789abcdef", 16, iv, message, len, NULL, 0, size, expected);
}

static CK_RV run(enum operation_part part, const uint8_t *in, size_t in_len, uint8_t *out,
		 CK_ULONG *out_len)
{
	return operation_run(&operation, part, in, in_len, out, out_len);
}

/* What a length query, too small a buffer and one that suffices are answered. */
static void check_end(enum operation_part part, const uint8_t *in, size_t in_len, size_t size)
{
	uint8_t *out = malloc(size);
	CK_ULONG out_len = 0;

	assert_int_equal(run(part, in, in_len, NULL, &out_len), CKR_OK);
	assert_int_equal(out_len, size);
	out_len = size - 1;
	assert_int_equal(run(part, in, in_len, out, &out_len), CKR_BUFFER_TOO_SMALL);
	assert_int_equal(out_len, size);
	assert_int_equal(run(part, in, in_len, out, &out_len), CKR_OK);
	assert_int_equal(out_len, size);
	assert_memory_equal(out, expected, size);
	assert_null(operation.mechanism);
	free(out);
}

static void every_length_and_size_is_signed_in_one_part(void **state)
{
	for (size_t s = 0; s < 7; s++) {
		for (size_t len = 0; len <= LONGEST; len++) {
			reference(len, sizes[s]);
			begin(OPERATION_SIGN, sizes[s]);
			check_end(OPERATION_ALL, len ? message : NULL, len, sizes[s]);
		}
	}
}

static void every_split_gives_the_same(void **state)
{
	for (size_t len = 0; len <= LONGEST; len += 1 + len / 10) {
		reference(len, 16);
		for (size_t first = 0; first <= len; first++) {
			const size_t parts[] = {first, 0, len - first};
			const uint8_t *at = message;

			begin(OPERATION_SIGN, 16);
			for (size_t i = 0; i < 3; at += parts[i++])
				assert_int_equal(run(OPERATION_NEXT, at, parts[i], NULL, NULL),
						 CKR_OK);
			check_end(OPERATION_END, NULL, 0, 16);
		}
	}
}

static CK_RV verify(size_t size, bool parts, size_t len, const uint8_t *mac, size_t mac_len)
{
	begin(OPERATION_VERIFY, size);
	if (!parts)
		return operation_verify(&operation, OPERATION_ALL, message, len, mac, mac_len);
	assert_int_equal(run(OPERATION_NEXT, message, len, NULL, NULL), CKR_OK);
	return operation_verify(&operation, OPERATION_END, NULL, 0, mac, mac_len);
}

static void every_wrong_bit_is_seen(void **state)
{
	for (size_t s = 0; s < 7; s++) {
		for (size_t len = 0; len <= LONGEST; len += 33) {
			reference(len, sizes[s]);
			assert_int_equal(verify(sizes[s], false, len, expected, sizes[s]), CKR_OK);
			assert_int_equal(verify(sizes[s], true, len, expected, sizes[s]), CKR_OK);
			for (size_t bit = 0; bit < 8 * sizes[s]; bit++) {
				expected[bit / 8] ^= (uint8_t)(1 << bit % 8);
				assert_int_equal(verify(sizes[s], bit % 2, len, expected, sizes[s]),
						 CKR_SIGNATURE_INVALID);
				assert_null(operation.mechanism);
				expected[bit / 8] ^= (uint8_t)(1 << bit % 8);
			}
			for (size_t size = 0; size <= 16; size++)
				if (size != sizes[s])
					assert_int_equal(
						verify(sizes[s], size % 2, len, expected, size),
						CKR_SIGNATURE_LEN_RANGE);
		}
	}
	reference(20, 16);
	message[19] ^= 1;
	assert_int_equal(verify(16, false, 20, expected, 16), CKR_SIGNATURE_INVALID);
	assert_int_equal(verify(16, true, 19, expected, 16), CKR_SIGNATURE_INVALID);
	message[19] ^= 1;
	iv[11] ^= 1;
	assert_int_equal(verify(16, false, 20, expected, 16), CKR_SIGNATURE_INVALID);
}

/* Data and tag are what one request gives back. */
static void data_is_no_longer_than_one_request(void **state)
{
	static const size_t rooms[] = {4096, 10000};

	for (size_t r = 0; r < 2; r++) {
		for (size_t s = 0; s < 7; s++) {
			size_t most = rooms[r] - sizes[s];

			fake_room(rooms[r]);
			transform_purge(0);
			reference(most, sizes[s]);
			begin(OPERATION_SIGN, sizes[s]);
			check_end(OPERATION_ALL, message, most, sizes[s]);
			begin(OPERATION_SIGN, sizes[s]);
			assert_int_equal(
				run(OPERATION_ALL, message, most + 1, NULL, &(CK_ULONG){0}),
				CKR_DATA_LEN_RANGE);
			assert_null(operation.mechanism);
			begin(OPERATION_SIGN, sizes[s]);
			assert_int_equal(run(OPERATION_NEXT, message, most, NULL, NULL), CKR_OK);
			check_end(OPERATION_END, NULL, 0, sizes[s]);
			begin(OPERATION_SIGN, sizes[s]);
			assert_int_equal(run(OPERATION_NEXT, message, most, NULL, NULL), CKR_OK);
			assert_int_equal(run(OPERATION_NEXT, message, 1, NULL, NULL),
					 CKR_DATA_LEN_RANGE);
			assert_null(operation.mechanism);
			assert_int_equal(verify(sizes[s], false, most + 1, expected, sizes[s]),
					 CKR_DATA_LEN_RANGE);
		}
	}
}

/* The kernel counts AAD in 32 bits, however much room there is. */
static void data_is_counted_in_32_bits(void **state)
{
	static const size_t lengths[] = {(size_t)UINT32_MAX + 1, SIZE_MAX - 16, SIZE_MAX - 1,
					 SIZE_MAX};
	CK_ULONG len = 0;

	if (SIZE_MAX == UINT32_MAX)
		skip();
	fake_room((size_t)1 << 20 << 20);
	begin(OPERATION_SIGN, 16);
	assert_int_equal(run(OPERATION_ALL, message, UINT32_MAX, NULL, &len), CKR_OK);
	assert_int_equal(len, 16);
	for (size_t i = 0; i < 4; i++) {
		begin(OPERATION_SIGN, 16);
		assert_int_equal(run(OPERATION_ALL, message, lengths[i], NULL, &len),
				 CKR_DATA_LEN_RANGE);
		begin(OPERATION_SIGN, 16);
		assert_int_equal(run(OPERATION_NEXT, message, 3, NULL, NULL), CKR_OK);
		assert_int_equal(run(OPERATION_NEXT, message, lengths[i] - 1, NULL, NULL),
				 CKR_DATA_LEN_RANGE);
		assert_null(operation.mechanism);
	}
}

static void failures_end_the_operation_and_close_the_socket(void **state)
{
	static const char *const functions[] = {"alg_send", "alg_recv", "alg_room"};
	uint8_t out[16];

	for (size_t i = 0; i < 3; i++) {
		begin(OPERATION_SIGN, 16);
		fake_fail(functions[i], 1, -ENOMEM);
		assert_int_equal(run(OPERATION_ALL, message, 33, out, &(CK_ULONG){16}),
				 CKR_DEVICE_MEMORY);
		assert_null(operation.mechanism);
		/* Before anything is sent the socket is as good as new. */
		assert_int_equal(fake_open_sockets(), i == 2);
		transform_purge(0);
		begin(OPERATION_VERIFY, 16);
		fake_fail(functions[i], 1, -EIO);
		assert_int_equal(operation_verify(&operation, OPERATION_ALL, message, 33, out, 16),
				 CKR_DEVICE_ERROR);
		assert_null(operation.mechanism);
		transform_purge(0);
	}
}

static void it_costs_what_af_alg_costs(void **state)
{
	uint8_t out[16];

	for (int round = 0; round < 3; round++) {
		begin(OPERATION_SIGN, 16);
		assert_int_equal(run(OPERATION_ALL, message, 33, out, &(CK_ULONG){16}), CKR_OK);
	}
	assert_int_equal(fake_calls("alg_send"), 3);
	assert_int_equal(fake_calls("alg_recv"), 3);
	assert_int_equal(fake_calls("alg_bind"), 1);
	assert_int_equal(fake_calls("alg_room"), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(every_length_and_size_is_signed_in_one_part),
		TEST(every_split_gives_the_same),
		TEST(every_wrong_bit_is_seen),
		TEST(data_is_no_longer_than_one_request),
		TEST(data_is_counted_in_32_bits),
		TEST(failures_end_the_operation_and_close_the_socket),
		TEST(it_costs_what_af_alg_costs),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("gmac", tests, NULL, NULL);
}
