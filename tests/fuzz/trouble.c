/* SPDX-License-Identifier: BSD-2-Clause */
#include "trouble.h"

#include <errno.h>

#include "arguments.h"
#include "fake-kernel.h"

#define OF(list) list[input_byte(input) % (sizeof(list) / sizeof(*list))]

/* KEY's owner acts. */
static void administer(struct input *input, int32_t key)
{
	static const uint8_t payload[32] = "other bytes of a key";
	uint8_t what = input_byte(input);

	if (!key)
		return;
	switch (what % 5) {
	case 0:
		fake_key_revoke(key);
		break;
	case 1:
		fake_key_expire(key);
		break;
	case 2:
		fake_key_unlink(key);
		break;
	case 3:
		fake_key_set_perm(key, what & 0x80 ? FAKE_PERM : FAKE_PERM_CONSTANT);
		break;
	default:
		fake_key_update(key, payload, what % 33);
	}
}

/* What others know of their keys is read by all. */
static void forge(struct input *input)
{
	static char lines[256];
	struct bytes_argument bytes = argument_bytes(input);

	snprintf(lines, sizeof(lines), "%.*s", bytes.bytes ? (int)bytes.length : 0, bytes.bytes);
	fake_proc_keys_forge(lines);
}

/* Somebody's key, of any description. */
static void plant(struct input *input)
{
	static const char *const types[] = {"user", "logon", "encrypted", "trusted", "big_key"};
	const char *type = OF(types);
	struct bytes_argument bytes = argument_bytes(input), payload = argument_bytes(input);
	char description[256] = "pkcs11:";
	size_t from = input_byte(input) & 1 ? 0 : strlen(description);

	if (!bytes.bytes || !payload.bytes || !payload.length || payload.length > 128)
		return;
	snprintf(description + from, sizeof(description) - from, "%.*s", (int)bytes.length,
		 bytes.bytes);
	fake_key_add(FAKE_USER_KEYRING, type, description, payload.bytes, payload.length,
		     input_byte(input) & 1 ? FAKE_PERM : FAKE_PERM_CONSTANT);
}

void trouble_make(struct input *input, int32_t key)
{
	static const char *const functions[] = {
		"alg_bind",     "alg_accept",         "alg_send",     "alg_recv",
		"alg_set_key",  "alg_set_key_serial", "alg_room",     "keyring_list",
		"key_describe", "key_usable",         "key_add",      "key_move",
		"key_unlink",   "key_read",           "key_set_perm", "keyring_possess",
	};
	static const int errors[] = {-ENOMEM,      -EIO,   -EACCES, -ENOKEY,
				     -EKEYREVOKED, -EINTR, -EMFILE, -EDQUOT};

	switch (input_byte(input) % 16) {
	case 0:
		fake_quota(input_byte(input) % 8);
		break;
	case 1:
		fake_room((size_t)input_byte(input) * 64);
		break;
	case 2:
		fake_serials(input_byte(input) & 1);
		break;
	case 3:
		fake_keyring_distant(FAKE_USER_KEYRING, input_byte(input) & 1);
		break;
	case 4:
	case 5:
		administer(input, key);
		break;
	case 6:
		forge(input);
		break;
	case 7:
	case 8:
		plant(input);
		break;
	default: {
		const char *function = OF(functions);
		int error = OF(errors);

		fake_fail(function, 1 + input_byte(input) % 4, error);
	}
	}
}
