/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel is told, and what it does with it: over the fake kernel. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake-kernel.h"
#include "kernel/secret.h"
#include "key/sealing.h"
#include "locked.h"

static int setup(void **state)
{
	fake_reset();
	return locked() ? -1 : 0;
}

/* Whatever was tried is gone. */
static int teardown(void **state)
{
	return locked() || fake_keys("encrypted") ? -1 : 0;
}

static void check_order(const uint8_t *bytes, size_t len, const char *expected)
{
	size_t size = 0;
	char *order = sealing_order("user:kmk", bytes, len, &size);

	assert_non_null(order);
	assert_int_equal(size, strlen(expected));
	assert_memory_equal(order, expected, size);
	if (CAN_LOCK)
		assert_true(locked() > 0);
	secret_free(order, size);
	assert_int_equal(locked(), 0);
}

static void an_order_names_the_master_and_the_bytes(void **state)
{
	static const uint8_t bytes[20] = {0x00, 0x01, 0x7f, 0x80, 0xff, 0x9a};

	check_order(NULL, 32, "new default user:kmk 32");
	check_order(bytes, 20, "new default user:kmk 20 00017f80ff9a0000000000000000000000000000");
}

static void the_longest_order_is_whole(void **state)
{
	static uint8_t bytes[4096];
	char master[256] = "trusted:", *order;
	size_t size = 0;

	memset(bytes, 0xab, sizeof(bytes));
	memset(master + 8, 'm', sizeof(master) - 9);
	order = sealing_order(master, bytes, sizeof(bytes), &size);
	assert_int_equal(size, strlen("new default  4096 ") + 255 + 8192);
	assert_memory_equal(order + size - 4, "abab", 4);
	assert_memory_equal(order + size - 8192 - 6, " 4096 a", 7);
	secret_free(order, size);
}

static void a_kernel_is_asked_whether_it_takes_bytes(void **state)
{
	assert_int_equal(sealing_takes_bytes("user:kmk"), -EOPNOTSUPP);
	fake_encrypted_of(FAKE_BYTES_TAKEN);
	assert_int_equal(sealing_takes_bytes("user:kmk"), 0);
	/* A key that is not of the bytes would be taken for one that is. */
	fake_encrypted_of(FAKE_BYTES_IGNORED);
	assert_int_equal(sealing_takes_bytes("user:kmk"), -EOPNOTSUPP);
}

static void what_else_fails_is_no_answer(void **state)
{
	static const int errors[] = {-ENOKEY, -EDQUOT, -EACCES, -ENODEV};

	fake_encrypted_of(FAKE_BYTES_TAKEN);
	for (unsigned int i = 0; i < 2 * sizeof(errors) / sizeof(*errors); i++) {
		fake_fail("key_add", 1 + i % 2, errors[i / 2]);
		assert_int_equal(sealing_takes_bytes("user:kmk"), errors[i / 2]);
		fake_calls_forget();
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(an_order_names_the_master_and_the_bytes),
		TEST(the_longest_order_is_whole),
		TEST(a_kernel_is_asked_whether_it_takes_bytes),
		TEST(what_else_fails_is_no_answer),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("sealing", tests, NULL, NULL);
}
