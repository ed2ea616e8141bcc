/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The whole API as a sequence of calls, whose arguments are what a C program can pass: any number,
 * any order, memory of any length. The fake kernel fails where the input says so.
 */
#include "calls.h"
#include "fake-kernel.h"
#include "stage.h"

enum { CALLS_MAX = 200 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t secret[32] = "a key of the fake kernel's";
	struct input input = {data, size};

	stage_reset();
	fake_key_add(FAKE_USER_KEYRING, "logon", "pkcs11:object=a?x-key-type=aes", secret, 32,
		     FAKE_PERM_CONSTANT);
	fake_key_add(FAKE_USER_KEYRING, "user", "pkcs11:object=b?x-key-type=generic-secret", secret,
		     32, FAKE_PERM_CONSTANT);
	fake_key_add(FAKE_USER_KEYRING, "logon", "pkcs11:object=c?x-key-type=chacha20", secret, 32,
		     FAKE_PERM);
	calls_begin();
	for (int i = 0; i < CALLS_MAX && input.left; i++)
		calls_make(&input);
	calls_end();
	return 0;
}
