/* SPDX-License-Identifier: BSD-2-Clause */
/* Blobs of encrypted keys, as the kernel gives them: the length of the key in them. */
#include <errno.h>

#include "input.h"
#include "kernel/keyring.h"
#include "key/key.h"

static struct input blob;

ssize_t __wrap_key_read(int32_t serial, void *buffer, size_t size);

/* Like keyctl(2), KEYCTL_READ: as much as there is room for, and how long it is. */
ssize_t __wrap_key_read(int32_t serial, void *buffer, size_t size)
{
	(void)serial;
	memcpy(buffer, blob.at, blob.left < size ? blob.left : size);
	return (ssize_t)blob.left;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ssize_t length;

	blob = (struct input){data, size};
	length = key_source_encrypted.length(1);
	MUST(length == -EMSGSIZE || length == -EPROTO || (length >= 1 && length <= 4096));
	return 0;
}
