/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys of type "user": any bytes, readable by who has Read permission. They are used unread like
 * the others; only a kernel before 6.2 leaves no other way than through this process.
 */
#include <errno.h>

#include "kernel/alg.h"
#include "kernel/secret.h"
#include "key/key.h"

static int pass_on(int32_t serial, size_t len, int transform)
{
	uint8_t *bytes = secret_new(len);
	ssize_t got;
	int err;

	if (!bytes)
		return -ENOMEM;
	got = key_read(serial, bytes, len);
	if (got < 0)
		err = (int)got;
	else if ((size_t)got > len)
		err = -EAGAIN;
	else
		err = alg_set_key(transform, bytes, (size_t)got);
	secret_free(bytes, len);
	return err;
}

static int arm_by_value(int32_t serial, int transform)
{
	ssize_t len;
	int err;

	/* Someone may lengthen the key between the question and the answer. */
	do {
		len = key_read(serial, NULL, 0);
		err = len > 0 ? pass_on(serial, (size_t)len, transform) : len ? (int)len : -EINVAL;
	} while (err == -EAGAIN);
	return err;
}

const struct key_source key_source_user = {
	.type = "user", .readable = true, .arm_by_value = arm_by_value};
