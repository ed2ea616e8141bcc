/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake-kernel.h"
#include "kernel/alg.h"
#include "mech/prf.h"

static const char secret[] = "0123456789abcdef0123456789ABCDEF";
static uint8_t message[300];
static const struct mechanism *row;
static bool refused;

static int arm(const struct transform_key *key, int transform)
{
	return alg_set_key(transform, secret, 32);
}

static int check(const struct transform_key *key)
{
	return refused ? -EKEYREVOKED : 0;
}

static const struct transform_key key = {.id = 1, .constant = true, .arm = arm, .check = check};

static int setup(void **state)
{
	fake_reset();
	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)(i * 31 + i / 251 + 7);
	row = mechanism_find(CKM_SHA384_HMAC);
	refused = false;
	return 0;
}

static int teardown(void **state)
{
	if (fake_busy_sockets())
		return -1;
	transform_purge(0);
	return fake_open_sockets() ? -1 : 0;
}

static void check_parts(struct prf *prf, const struct iovec *input, size_t count, size_t len)
{
	uint8_t expected[64], out[65];

	memset(out, 0xa5, sizeof(out));
	assert_int_equal(prf_compute(prf, input, count, out), CKR_OK);
	fake_hash(row->kernel_name, secret, 32, message, len, expected, row->size);
	assert_memory_equal(out, expected, row->size);
	assert_int_equal(out[row->size], 0xa5);
}

static void parts_are_one_message(void **state)
{
	struct prf prf;

	assert_int_equal(prf_open(&prf, row, &key), CKR_OK);
	for (size_t cut = 0; cut <= sizeof(message); cut++) {
		const struct iovec parts[] = {
			{message, cut},
			{NULL, 0},
			{message + cut, sizeof(message) - cut},
		};

		check_parts(&prf, parts, 3, sizeof(message));
	}
	check_parts(&prf, &(struct iovec){message, 1}, 1, 1);
	check_parts(&prf, &(struct iovec){NULL, 0}, 1, 0);
	prf_close(&prf);
	/* One socket did it all, and stays for the next one. */
	assert_int_equal(fake_calls("alg_set_key"), 1);
	assert_int_equal(fake_open_sockets(), 1);
	fake_calls_forget();
	assert_int_equal(prf_open(&prf, row, &key), CKR_OK);
	check_parts(&prf, &(struct iovec){message, 9}, 1, 9);
	prf_close(&prf);
	assert_int_equal(fake_calls("alg_bind"), 0);
	assert_int_equal(fake_calls("alg_send") + fake_calls("alg_recv"), 2);
}

/* sendmsg(2) takes no more than IOV_MAX parts at once. */
static void there_may_be_many_parts(void **state)
{
	size_t count = 2 * IOV_MAX + 1;
	struct iovec *parts = calloc(count, sizeof(*parts));
	uint8_t *all = malloc(count), expected[64], out[64];
	struct prf prf;

	for (size_t i = 0; i < count; i++) {
		all[i] = message[i % sizeof(message)];
		parts[i] = (struct iovec){&message[i % sizeof(message)], 1};
	}
	assert_int_equal(prf_open(&prf, row, &key), CKR_OK);
	for (size_t n = IOV_MAX - 1; n <= count; n += IOV_MAX / 2 + 1) {
		fake_calls_forget();
		assert_int_equal(prf_compute(&prf, parts, n, out), CKR_OK);
		fake_hash(row->kernel_name, secret, 32, all, n, expected, row->size);
		assert_memory_equal(out, expected, row->size);
		assert_int_equal(fake_calls("alg_send"), (n + IOV_MAX - 1) / IOV_MAX);
	}
	prf_close(&prf);
	free(parts);
	free(all);
}

static void a_result_may_be_the_next_input(void **state)
{
	uint8_t block[64], expected[64];
	struct prf prf;

	assert_int_equal(prf_open(&prf, row, &key), CKR_OK);
	memcpy(block, message, row->size);
	for (int i = 0; i < 3; i++) {
		fake_hash(row->kernel_name, secret, 32, block, row->size, expected, row->size);
		assert_int_equal(prf_compute(&prf, &(struct iovec){block, row->size}, 1, block),
				 CKR_OK);
		assert_memory_equal(block, expected, row->size);
	}
	prf_close(&prf);
}

static void bytes_are_a_key_for_once(void **state)
{
	uint8_t expected[64], out[64];
	struct prf prf;

	for (size_t len = 1; len <= 200; len += 7) {
		assert_int_equal(prf_open_bytes(&prf, row, message, len), CKR_OK);
		assert_int_equal(prf_compute(&prf, &(struct iovec){message, 20}, 1, out), CKR_OK);
		prf_close(&prf);
		fake_hash(row->kernel_name, message, len, message, 20, expected, row->size);
		assert_memory_equal(out, expected, row->size);
		/* The kernel's copy of it is gone. */
		assert_int_equal(fake_open_sockets(), 0);
	}
}

static void failures_close_the_socket(void **state)
{
	static const char *const functions[] = {"alg_send", "alg_recv"};
	uint8_t out[64];
	struct prf prf;

	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(prf_open(&prf, row, &key), CKR_OK);
		fake_fail(functions[i], 1, -ENOMEM);
		assert_int_equal(prf_compute(&prf, &(struct iovec){message, 20}, 1, out),
				 CKR_DEVICE_MEMORY);
		prf_close(&prf);
		assert_int_equal(fake_open_sockets(), 0);
	}
	fake_fail("alg_accept", 1, -EMFILE);
	assert_int_equal(prf_open(&prf, row, &key), CKR_HOST_MEMORY);
	fake_fail("alg_set_key", 1, -EINVAL);
	assert_int_equal(prf_open_bytes(&prf, row, message, 5), CKR_KEY_SIZE_RANGE);
	refused = true;
	assert_int_equal(prf_open(&prf, row, &key), CKR_KEY_HANDLE_INVALID);
	assert_int_equal(fake_open_sockets(), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(parts_are_one_message),          TEST(there_may_be_many_parts),
		TEST(a_result_may_be_the_next_input), TEST(bytes_are_a_key_for_once),
		TEST(failures_close_the_socket),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("prf", tests, NULL, NULL);
}
