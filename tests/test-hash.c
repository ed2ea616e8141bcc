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

static uint8_t message[67];
static struct operation operation;

/* Of a length that suits HMAC and CMAC. */
static const char secret[] = "a key of 16 byte";

enum { SECRET = sizeof(secret) - 1 };

static int arm(const struct transform_key *key, int transform)
{
	return alg_set_key(transform, secret, SECRET);
}

static const struct transform_key key = {.id = 1, .constant = true, .arm = arm};

static int setup(void **state)
{
	fake_reset();
	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)(i * 31 + 7);
	return 0;
}

static int teardown(void **state)
{
	operation_cancel(&operation);
	transform_purge(0);
	return fake_open_sockets() ? -1 : 0;
}

static const struct mechanism *begin(CK_MECHANISM_TYPE type)
{
	const struct mechanism *row = mechanism_find(type);
	CK_MECHANISM mechanism = {.mechanism = type};
	bool keyed = mechanism_takes_key(row);

	assert_int_equal(operation_begin(&operation, keyed ? OPERATION_SIGN : OPERATION_DIGEST, row,
					 &mechanism, keyed ? &key : NULL),
			 CKR_OK);
	return row;
}

static void reference(const struct mechanism *row, const uint8_t *in, size_t len, uint8_t *out)
{
	bool keyed = mechanism_takes_key(row);

	fake_hash(row->kernel_name, keyed ? secret : NULL, keyed ? SECRET : 0, in, len, out,
		  row->size);
}

static bool is_hash(const struct mechanism *row)
{
	return !strcmp(row->kernel_type, "hash");
}

static void every_row_hashes_every_length_in_one_part(void **state)
{
	uint8_t expected[64], out[65];

	for (size_t i = 0; i < n_mechanisms; i++) {
		if (!is_hash(&mechanisms[i]))
			continue;
		for (size_t len = 0; len <= sizeof(message); len++) {
			const struct mechanism *row = begin(mechanisms[i].type);
			CK_ULONG out_len = sizeof(out);

			memset(out, 0xa5, sizeof(out));
			reference(row, message, len, expected);
			assert_int_equal(operation_run(&operation, OPERATION_ALL, message, len, out,
						       &out_len),
					 CKR_OK);
			assert_int_equal(out_len, row->size);
			assert_memory_equal(out, expected, row->size);
			assert_int_equal(out[row->size], 0xa5);
			assert_null(operation.mechanism);
		}
	}
}

static void every_split_gives_the_same_hash(void **state)
{
	static const CK_MECHANISM_TYPE types[] = {CKM_SHA256, CKM_SHA512_HMAC};
	uint8_t expected[64], out[64];

	for (size_t t = 0; t < 2; t++) {
		for (size_t first = 0; first <= sizeof(message); first++) {
			for (size_t second = 0; first + second <= sizeof(message); second += 3) {
				const struct mechanism *row = begin(types[t]);
				size_t rest = sizeof(message) - first - second;
				CK_ULONG out_len = row->size;
				const size_t parts[] = {first, second, 0, rest};
				const uint8_t *at = message;

				for (size_t i = 0; i < 4; at += parts[i++])
					assert_int_equal(operation_run(&operation, OPERATION_NEXT,
								       at, parts[i], NULL, NULL),
							 CKR_OK);
				assert_int_equal(operation_run(&operation, OPERATION_END, NULL, 0,
							       out, &out_len),
						 CKR_OK);
				reference(row, message, sizeof(message), expected);
				assert_memory_equal(out, expected, row->size);
			}
		}
	}
}

static void a_final_without_updates_hashes_nothing(void **state)
{
	const struct mechanism *row = begin(CKM_SHA256);
	uint8_t expected[32], out[32];
	CK_ULONG out_len = sizeof(out);

	assert_int_equal(operation_run(&operation, OPERATION_END, NULL, 0, out, &out_len), CKR_OK);
	reference(row, NULL, 0, expected);
	assert_memory_equal(out, expected, 32);
}

/* Two system calls for one part, n + 1 for n, and one for nothing. */
static void it_costs_what_af_alg_costs(void **state)
{
	uint8_t out[32];
	CK_ULONG out_len = 32;

	begin(CKM_SHA256);
	operation_run(&operation, OPERATION_ALL, message, 1, out, &out_len);
	begin(CKM_SHA256);
	fake_calls_forget();
	operation_run(&operation, OPERATION_ALL, message, 67, out, &out_len);
	assert_int_equal(fake_calls("alg_send") + fake_calls("alg_recv"), 2);
	begin(CKM_SHA256);
	fake_calls_forget();
	for (int i = 0; i < 5; i++)
		operation_run(&operation, OPERATION_NEXT, message, 10, NULL, NULL);
	operation_run(&operation, OPERATION_END, NULL, 0, out, &out_len);
	assert_int_equal(fake_calls("alg_send") + fake_calls("alg_recv"), 6);
	begin(CKM_SHA256);
	fake_calls_forget();
	operation_run(&operation, OPERATION_ALL, NULL, 0, out, &out_len);
	assert_int_equal(fake_calls("alg_send") + fake_calls("alg_recv"), 1);
	assert_int_equal(fake_calls("alg_bind"), 0);
}

static void a_large_message_needs_no_room(void **state)
{
	size_t len = 3 << 20;
	uint8_t *large = calloc(1, len), out[32], expected[32];
	CK_ULONG out_len = 32;
	const struct mechanism *row = begin(CKM_SHA256);

	large[len - 1] = 1;
	assert_int_equal(operation_run(&operation, OPERATION_ALL, large, len, out, &out_len),
			 CKR_OK);
	reference(row, large, len, expected);
	assert_memory_equal(out, expected, 32);
	assert_int_equal(fake_calls("alg_send"), 1);
	free(large);
}

/* What was sent of an abandoned message must not begin the next one. */
static void an_abandoned_message_leaves_nothing_behind(void **state)
{
	const struct mechanism *row = begin(CKM_SHA256);
	uint8_t expected[32], out[32];
	CK_ULONG out_len = 32;

	assert_int_equal(operation_run(&operation, OPERATION_NEXT, message, 10, NULL, NULL),
			 CKR_OK);
	operation_cancel(&operation);
	begin(CKM_SHA256);
	assert_int_equal(operation_run(&operation, OPERATION_ALL, message, 67, out, &out_len),
			 CKR_OK);
	reference(row, message, 67, expected);
	assert_memory_equal(out, expected, 32);
}

static void failures_end_the_operation_and_close_the_socket(void **state)
{
	static const struct {
		const char *function;
		int err;
		CK_RV rv;
	} cases[] = {{"alg_send", -ENOMEM, CKR_DEVICE_MEMORY},
		     {"alg_send", -EAGAIN, CKR_DEVICE_ERROR},
		     {"alg_recv", -EIO, CKR_DEVICE_ERROR}};
	uint8_t out[32];

	for (size_t i = 0; i < 3; i++) {
		CK_ULONG out_len = 32;

		begin(CKM_SHA256);
		fake_fail(cases[i].function, 1, cases[i].err);
		assert_int_equal(
			operation_run(&operation, OPERATION_ALL, message, 9, out, &out_len),
			cases[i].rv);
		assert_null(operation.mechanism);
		assert_int_equal(fake_open_sockets(), 0);
	}
	begin(CKM_SHA256);
	fake_fail("alg_send", 1, -EIO);
	assert_int_equal(operation_run(&operation, OPERATION_NEXT, message, 9, NULL, NULL),
			 CKR_DEVICE_ERROR);
	assert_null(operation.mechanism);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_row_hashes_every_length_in_one_part, setup,
						teardown),
		cmocka_unit_test_setup_teardown(every_split_gives_the_same_hash, setup, teardown),
		cmocka_unit_test_setup_teardown(a_final_without_updates_hashes_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(it_costs_what_af_alg_costs, setup, teardown),
		cmocka_unit_test_setup_teardown(a_large_message_needs_no_room, setup, teardown),
		cmocka_unit_test_setup_teardown(an_abandoned_message_leaves_nothing_behind, setup,
						teardown),
		cmocka_unit_test_setup_teardown(failures_end_the_operation_and_close_the_socket,
						setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
