/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The whole API as a sequence of calls, whose arguments are what a C program can pass: any number,
 * any order, memory of any length. The fake kernel fails where the input says so.
 */
#include "calls.h"
#include "fake-kernel.h"
#include "stage.h"

enum { CALLS_MAX = 200 };

/* Keys of every type, as their owners and administrators leave them. */
static void set_scene(uint8_t scene)
{
	static const uint8_t secret[32] = "a key of the fake kernel's";
	static const struct {
		const char *type, *description;
		uint32_t perm;
	} keys[] = {
		{"logon", "pkcs11:object=a?x-key-type=aes", FAKE_PERM_CONSTANT},
		{"user",
		 "pkcs11:object=b?x-key-type=generic-secret&x-flags=extractable"
		 "&x-wrap-template=162:01,100:1f00000000000000&x-derive-template=103:01",
		 FAKE_PERM_CONSTANT},
		{"logon", "pkcs11:object=c?x-key-type=chacha20", FAKE_PERM},
		{"encrypted", "pkcs11:object=d?x-key-type=aes", FAKE_PERM_CONSTANT},
		{"trusted", "pkcs11:object=e", FAKE_PERM_CONSTANT},
		{"user", "kmk", FAKE_PERM_CONSTANT},
	};

	stage_reset(scene & 1 ? "[token x]\nkeyring = user\nmaster = user:kmk\n" : "");
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		fake_key_add(FAKE_USER_KEYRING, keys[i].type, keys[i].description, secret, 32,
			     keys[i].perm);
	fake_serials(!(scene & 2));
	fake_alg_hide("stdrng", scene & 4);
	fake_keyring_distant(FAKE_USER_KEYRING, scene & 8);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};

	set_scene(input_byte(&input));
	calls_begin();
	for (int i = 0; i < CALLS_MAX && input.left; i++)
		calls_make(&input);
	calls_end();
	return 0;
}
