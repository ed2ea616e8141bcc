/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys of type "user": any bytes, readable by who has Read permission. They are used unread like
 * the others; only a kernel before 6.2 leaves no other way than through this process.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "kernel/alg.h"
#include "key/key.h"

/* Reads LEN bytes of a key into memory of its own (locked, left out of core dumps and of forked
 * children, gone after use) and gives them to TRANSFORM. */
static int pass_on(int32_t serial, size_t len, int transform)
{
	uint8_t *bytes =
		mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ssize_t got;
	int err;

	if (bytes == MAP_FAILED)
		return -ENOMEM;
	if (mlock(bytes, len) || madvise(bytes, len, MADV_DONTDUMP) ||
	    madvise(bytes, len, MADV_WIPEONFORK)) {
		err = -ENOMEM;
	} else {
		got = key_read(serial, bytes, len);
		if (got < 0)
			err = (int)got;
		else if ((size_t)got > len)
			err = -EAGAIN;
		else
			err = alg_set_key(transform, bytes, (size_t)got);
	}
	explicit_bzero(bytes, len);
	munmap(bytes, len);
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

const struct key_source key_source_user = {.type = "user", .arm_by_value = arm_by_value};
