/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * C_Finalize while other threads call, again and again: what they get is right, or an error that
 * says so; and C_Initialize works afterwards. PKCS#11 calls it undefined (section 5.4,
 * C_Finalize); programs do it at their end.
 */
#include <stdio.h>
#include <unistd.h>

#include "made.h"
#include "messages.h"
#include "offspring.h"
#include "storm.h"

#define THREADS 16

/* On a slow machine, too. */
#define ENDS_LEAST 6

static void test_finalize(void **state)
{
	uint64_t seed = 9;
	unsigned long ends = 0;

	(void)state;
	guest_need_keys();
	if (!made_unread())
		guest_skip("keys that nobody can read cannot be used here");
	storm_begin(THREADS, true);
	while (storm_goes_on() || ends < ENDS_LEAST) {
		struct alg_sockets sockets;
		CK_SESSION_HANDLE session;

		usleep((useconds_t)(guest_random(&seed) % 100000));
		/* A watch: whoever waits for ever is not waited for. */
		alarm(60);
		GUEST_RV(token.f->C_Finalize(NULL), CKR_OK);
		/* At once, and not only soon. */
		belongings_alg_sockets(&sockets);
		if (sockets.n)
			guest_fail("%zu sockets are open after C_Finalize", sockets.n);
		GUEST_RV(token.f->C_OpenSession(token.slot, CKF_SERIAL_SESSION, NULL, NULL,
						&session),
			 CKR_CRYPTOKI_NOT_INITIALIZED);
		GUEST_OK(token_start(&token));
		if (++ends % 8 == 0)
			storm_sweep();
	}
	alarm(0);
	print_message("# %lu times C_Finalize and C_Initialize\n", ends);
	storm_end();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_finalize)};

	offspring_become(argc, argv);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, messages_setup, guest_teardown);
}
