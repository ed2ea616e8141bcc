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
#include "kernel/transform.h"
#include "mech/gather.h"

/* More memory than there is, is asked for on purpose. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

/* What was wiped last. */
static const void *wiped_at;
static size_t wiped;

static void wipe(void *bytes, size_t len)
{
	wiped_at = bytes;
	wiped = len;
	memset(bytes, 0, len);
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

static uint8_t message[5000];
static struct operation operation;

static int setup(void **state)
{
	const struct transform transform = {.type = "hash", .name = "sha256"};

	fake_reset();
	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)(i * 31 + i / 251 + 1);
	memset(&operation, 0, sizeof(operation));
	operation.mechanism = mechanism_find(CKM_AES_XTS);
	operation.kind = OPERATION_ENCRYPT;
	return transform_take(&transform, &operation.socket);
}

static int teardown(void **state)
{
	free(operation.text);
	transform_give(operation.socket, false);
	return fake_open_sockets() ? -1 : 0;
}

static void parts_of_any_size_come_one_after_the_other(void **state)
{
	for (size_t step = 1; step <= 1700; step += 1 + step / 3) {
		free(operation.text);
		operation.text = NULL;
		operation.text_len = operation.text_size = 0;
		for (size_t done = 0, some; done < sizeof(message); done += some) {
			some = sizeof(message) - done < step ? sizeof(message) - done : step;
			assert_int_equal(gather(&operation, message + done, some), CKR_OK);
			assert_int_equal(operation.text_len, done + some);
			assert_true(operation.text_size >= operation.text_len);
			/* Not twice as much as there ever was. */
			assert_true(operation.text_size <= 2 * (done + some));
		}
		assert_memory_equal(operation.text, message, sizeof(message));
	}
}

static void parts_of_nothing_cost_nothing(void **state)
{
	assert_int_equal(gather(&operation, NULL, 0), CKR_OK);
	assert_null(operation.text);
	assert_int_equal(gather(&operation, message, 10), CKR_OK);
	assert_int_equal(gather(&operation, NULL, 0), CKR_OK);
	assert_int_equal(operation.text_len, 10);
	assert_memory_equal(operation.text, message, 10);
}

/* The text moves seldom, and where it was nothing is left of it. */
static void what_is_left_behind_is_wiped(void **state)
{
	size_t moves = 0;

	for (size_t i = 0; i < sizeof(message); i++) {
		const uint8_t *before = operation.text;
		size_t before_size = operation.text_size;

		wiped_at = NULL;
		assert_int_equal(gather(&operation, message + i, 1), CKR_OK);
		/* Where it did not grow, nothing was wiped. */
		if (!wiped_at)
			continue;
		moves++;
		assert_ptr_equal(wiped_at, before);
		assert_int_equal(wiped, before_size);
	}
	assert_in_range(moves, 5, 20);
	assert_memory_equal(operation.text, message, sizeof(message));
}

static void without_memory_what_is_there_stays(void **state)
{
	assert_int_equal(gather(&operation, message, 100), CKR_OK);
	assert_int_equal(gather(&operation, message, SIZE_MAX / 2), CKR_HOST_MEMORY);
	assert_int_equal(operation.text_len, 100);
	assert_memory_equal(operation.text, message, 100);
	assert_int_equal(gather(&operation, message + 100, 1), CKR_OK);
	assert_memory_equal(operation.text, message, 101);
}

static void what_one_request_takes_fits(void **state)
{
	fake_room(10000);
	assert_int_equal(gather_fits(&operation, 0, 0), CKR_OK);
	assert_int_equal(gather_fits(&operation, 10000, 10000), CKR_OK);
	assert_int_equal(fake_calls("alg_room"), 1);
	assert_int_equal(gather_fits(&operation, 1, 10001), CKR_DATA_LEN_RANGE);
	/* Text is for the log: it is the request that counts. */
	assert_int_equal(gather_fits(&operation, 20000, 10000), CKR_OK);
	operation.kind = OPERATION_DECRYPT;
	assert_int_equal(gather_fits(&operation, 1, 10001), CKR_ENCRYPTED_DATA_LEN_RANGE);
	operation.kind = OPERATION_SIGN;
	assert_int_equal(gather_fits(&operation, 1, SIZE_MAX), CKR_DATA_LEN_RANGE);
	/* Where the kernel allows more meanwhile, more fits. */
	fake_room(20000);
	assert_int_equal(gather_fits(&operation, 1, 10001), CKR_OK);
}

static void no_answer_about_the_room_is_an_error(void **state)
{
	fake_fail("alg_room", 1, -ENOBUFS);
	assert_int_equal(gather_fits(&operation, 0, 0), CKR_DEVICE_MEMORY);
	fake_fail("alg_room", 1, -EIO);
	assert_int_equal(gather_fits(&operation, 0, 0), CKR_DEVICE_ERROR);
	assert_int_equal(gather_fits(&operation, 0, 0), CKR_OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(parts_of_any_size_come_one_after_the_other),
		TEST(parts_of_nothing_cost_nothing),
		TEST(what_is_left_behind_is_wiped),
		TEST(without_memory_what_is_there_stays),
		TEST(what_one_request_takes_fits),
		TEST(no_answer_about_the_room_is_an_error),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("gather", tests, NULL, NULL);
}
