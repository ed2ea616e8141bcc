/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sixteen threads that do all that the token can do, on sessions and keys of their own and on
 * common ones, which are closed and destroyed under them. KCRYPTOKI_SECONDS (20) of it, in an order
 * that KCRYPTOKI_SEED makes for each thread.
 */
#include <unistd.h>

#include "made.h"
#include "messages.h"
#include "offspring.h"
#include "storm.h"

#define THREADS 16

static void test_storm(void **state)
{
	CK_TOKEN_INFO info;

	(void)state;
	guest_need_keys();
	if (!made_unread())
		guest_skip("keys that nobody can read cannot be used here");
	storm_begin(THREADS, false);
	while (storm_goes_on())
		usleep(100000);
	storm_end();
	GUEST_RV(token.f->C_GetTokenInfo(token.slot, &info), CKR_OK);
	assert_int_equal(info.ulSessionCount, 0);
}

static void test_end(void **state)
{
	struct alg_sockets sockets;

	(void)state;
	GUEST_RV(token.f->C_Finalize(NULL), CKR_OK);
	belongings_alg_sockets(&sockets);
	assert_int_equal(sockets.n, 0);
	GUEST_OK(token_start(&token));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_storm),
		cmocka_unit_test(test_end),
	};

	offspring_become(argc, argv);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, messages_setup, guest_teardown);
}
