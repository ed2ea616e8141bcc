/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake-kernel.h"
#include "key/serials.h"

static int setup(void **state)
{
	fake_reset();
	serials_forget();
	return 0;
}

static int teardown(void **state)
{
	return fake_open_sockets() ? -1 : 0;
}

static void the_kernel_is_asked_once(void **state)
{
	for (int i = 0; i < 3; i++)
		assert_true(serials_supported());
	assert_int_equal(fake_calls("alg_bind"), 1);
	assert_int_equal(fake_calls("alg_takes_serials"), 1);
}

static void an_old_kernel_is_asked_once(void **state)
{
	fake_serials(false);
	for (int i = 0; i < 3; i++)
		assert_false(serials_supported());
	assert_int_equal(fake_calls("alg_takes_serials"), 1);
	/* Until the next C_Initialize. */
	fake_serials(true);
	assert_false(serials_supported());
	serials_forget();
	assert_true(serials_supported());
}

/* Linux 7.3 keeps most algorithms from plain users: any one of three is enough. */
static void another_algorithm_does_as_well(void **state)
{
	fake_alg_hide("sha1", true);
	assert_true(serials_supported());
	serials_forget();
	fake_alg_hide("sha256", true);
	assert_true(serials_supported());
	serials_forget();
	fake_serials(false);
	assert_false(serials_supported());
}

static void a_failure_to_ask_is_no_answer(void **state)
{
	fake_alg_hide("sha1", true);
	fake_alg_hide("sha256", true);
	fake_alg_hide("xts(aes)", true);
	assert_false(serials_supported());
	assert_int_equal(fake_calls("alg_bind"), 3);
	fake_alg_hide("sha256", false);
	assert_true(serials_supported());
	serials_forget();
	fake_fail("alg_bind", 1, -EMFILE);
	assert_true(serials_supported());
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_kernel_is_asked_once),
		TEST(an_old_kernel_is_asked_once),
		TEST(another_algorithm_does_as_well),
		TEST(a_failure_to_ask_is_no_answer),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("serials", tests, NULL, NULL);
}
