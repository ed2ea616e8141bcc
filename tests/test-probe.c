/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "fake-kernel.h"
#include "key/probe.h"

static const uint8_t payload[160];
static int32_t key;

static int setup(void **state)
{
	fake_reset();
	key = fake_key_add(FAKE_USER_KEYRING, "trusted", "x", payload, 32, FAKE_PERM);
	return 0;
}

static int teardown(void **state)
{
	return fake_open_sockets() ? -1 : 0;
}

static ssize_t probe(size_t len)
{
	fake_key_update(key, payload, len);
	return probe_length(key);
}

static ssize_t told(size_t len)
{
	return len == 16 || len == 24 || len == 32 || len == 48 || len == 64 ? (ssize_t)len
									     : -ENODATA;
}

static void every_length_is_told_or_not_told(void **state)
{
	for (size_t len = 1; len <= sizeof(payload); len++)
		assert_int_equal(probe(len), told(len));
	assert_int_equal(fake_calls("key_read"), 0);
	assert_int_equal(fake_calls("alg_accept"), 0);
}

static void what_there_is_to_learn_nothing_from_is_not_asked(void **state)
{
	static const struct {
		size_t len;
		unsigned int questions;
	} cases[] = {{32, 2}, {16, 3}, {24, 3}, {48, 3}, {64, 3}, {40, 2}, {20, 2}, {128, 2}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		fake_calls_forget();
		probe(cases[i].len);
		assert_int_equal(fake_calls("alg_bind"), cases[i].questions);
		assert_int_equal(fake_calls("alg_set_key_serial"), cases[i].questions);
	}
}

static void check(const char *hidden, const ssize_t expected[5])
{
	static const size_t lengths[] = {16, 24, 32, 48, 64};

	fake_alg_hide(hidden, true);
	for (size_t i = 0; i < 5; i++) {
		ssize_t length = probe(lengths[i]);

		if (length != expected[i])
			print_message("%zu bytes, without %s: %zd\n", lengths[i], hidden, length);
		assert_int_equal(length, expected[i]);
	}
	/* Nor is any other taken for one of them. */
	for (size_t len = 1; len <= sizeof(payload); len++)
		if (told(len) < 0)
			assert_int_equal(probe(len), -ENODATA);
	fake_alg_hide(hidden, false);
}

/* Each algorithm that is not here leaves less to be told, and never makes it wrong. */
static void without_an_algorithm_less_is_told(void **state)
{
	check("ecb(aes)", (ssize_t[]){-ENODATA, 24, 32, 48, 64});
	check("xts(aes)", (ssize_t[]){16, 24, 32, -ENODATA, -ENODATA});
	check("adiantum(xchacha12,aes)", (ssize_t[]){16, 24, 32, 48, 64});
	check("cbc(des3_ede)", (ssize_t[]){-ENODATA, -ENODATA, 32, 48, 64});
	check("ecb(blowfish)", (ssize_t[]){16, 24, 32, -ENODATA, -ENODATA});
}

/* What Linux 7.3 leaves plain users. */
static void of_a_kernel_that_restricts_32_bytes_are_told(void **state)
{
	fake_alg_hide("ecb(aes)", true);
	fake_alg_hide("cbc(des3_ede)", true);
	fake_alg_hide("ecb(blowfish)", true);
	check("cbc(aes)", (ssize_t[]){-ENODATA, -ENODATA, 32, -ENODATA, -ENODATA});
}

static void a_key_that_is_refused_has_no_length(void **state)
{
	fake_serials(false);
	assert_int_equal(probe_length(key), -ENOPROTOOPT);
	fake_serials(true);
	fake_key_set_perm(key, 0x37010000);
	assert_int_equal(probe_length(key), -EACCES);
	fake_key_revoke(key);
	assert_int_equal(probe_length(key), -EKEYREVOKED);
	fake_key_unlink(key);
	assert_int_equal(probe_length(key), -ENOKEY);
}

static void a_failure_is_no_answer(void **state)
{
	fake_fail("alg_bind", 1, -EMFILE);
	assert_int_equal(probe_length(key), -EMFILE);
	for (unsigned int nth = 1; nth <= 2; nth++) {
		fake_fail("alg_set_key_serial", nth, -ENOMEM);
		assert_int_equal(probe_length(key), -ENOMEM);
	}
	assert_int_equal(probe_length(key), 32);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(every_length_is_told_or_not_told),
		TEST(what_there_is_to_learn_nothing_from_is_not_asked),
		TEST(without_an_algorithm_less_is_told),
		TEST(of_a_kernel_that_restricts_32_bytes_are_told),
		TEST(a_key_that_is_refused_has_no_length),
		TEST(a_failure_is_no_answer),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("probe", tests, NULL, NULL);
}
