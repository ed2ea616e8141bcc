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

enum { PAYLOAD_MAX = 32767 }; /* user_preparse() in security/keys/user_defined.c */

static int arm_by_value(int32_t serial, int transform)
{
	/* Pages of its own: locked, left out of core dumps, and gone after use. */
	void *bytes = mmap(NULL, PAYLOAD_MAX + 1, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ssize_t len;
	int err = -ENOMEM;

	if (bytes == MAP_FAILED)
		return err;
	if (!mlock(bytes, PAYLOAD_MAX + 1) && !madvise(bytes, PAYLOAD_MAX + 1, MADV_DONTDUMP) &&
	    !madvise(bytes, PAYLOAD_MAX + 1, MADV_WIPEONFORK)) {
		len = key_read(serial, bytes, PAYLOAD_MAX + 1);
		err = len < 0 ? (int)len : len > PAYLOAD_MAX ? -EINVAL : 0;
		if (!err)
			err = alg_set_key(transform, bytes, (size_t)len);
	}
	explicit_bzero(bytes, PAYLOAD_MAX + 1);
	munmap(bytes, PAYLOAD_MAX + 1);
	return err;
}

const struct key_source key_source_user = {.type = "user", .arm_by_value = arm_by_value};
