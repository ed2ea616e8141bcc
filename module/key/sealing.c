/* SPDX-License-Identifier: BSD-2-Clause */
#include "key/sealing.h"

#include <errno.h>
#include <keyutils.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "kernel/keyring.h"
#include "kernel/secret.h"

void *sealing_order(const char *master, const uint8_t *bytes, size_t len, size_t *size)
{
	static const char digits[] = "0123456789abcdef";
	char begin[320], *order, *end;
	size_t n = (size_t)snprintf(begin, sizeof(begin), "new default %s %zu%s", master, len,
				    bytes ? " " : "");

	*size = n + (bytes ? 2 * len : 0);
	order = secret_new(*size);
	if (!order)
		return NULL;
	memcpy(order, begin, n);
	end = order + n;
	/* Not by stdio, whose buffers would keep the key. */
	for (size_t i = 0; bytes && i < len; i++) {
		*end++ = digits[bytes[i] >> 4];
		*end++ = digits[bytes[i] & 15];
	}
	return order;
}

/* Whether the kernel makes a key whose bytes are forty times DIGIT: 0 or -errno. The key is gone
 * again. */
static int try(const char *master, char digit)
{
	char order[384], name[32];
	size_t len = (size_t)snprintf(order, 320, "new default %s 20 ", master);
	uint64_t number;
	int made;

	memset(order + len, digit, 40);
	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return -EIO;
	snprintf(name, sizeof(name), "kcryptoki-%016llx", (unsigned long long)number);
	made = key_add("encrypted", name, order, len + 40, KEY_SPEC_PROCESS_KEYRING);
	return made < 0 ? made : key_unlink(made, KEY_SPEC_PROCESS_KEYRING);
}

/*
 * Before Linux 5.18 the bytes were passed over, and the key was a random one: what is no
 * hexadecimal digit tells. From then on CONFIG_USER_DECRYPTED_DATA, or a parameter of the kernel's
 * module, decides (security/keys/encrypted-keys/encrypted.c).
 */
int sealing_takes_bytes(const char *master)
{
	int err = try(master, 'x');

	if (err && err != -EINVAL)
		return err;
	err = err ? try(master, '0') : -EINVAL;
	return err == -EINVAL ? -EOPNOTSUPP : err;
}
