/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys of type "encrypted": random bytes made by the kernel. Reading one gives the blob, that is
 * the key sealed under its master key, whose text begins "FORMAT MASTER LENGTH "
 * (Documentation/security/keys/trusted-encrypted.rst).
 */
#include <errno.h>
#include <stdio.h>

#include "key/key.h"

static ssize_t length(int32_t serial)
{
	/* FORMAT, MASTER, LENGTH, an IV, the sealed key and its MAC, the latter three in hex. */
	char blob[16384];
	unsigned int bytes;
	ssize_t len = key_read(serial, blob, sizeof(blob) - 1);

	if (len < 0)
		return len;
	if ((size_t)len >= sizeof(blob))
		return -EMSGSIZE;
	blob[len] = '\0';
	if (sscanf(blob, "%*s %*s %u ", &bytes) != 1 || bytes < 1 || bytes > 4096)
		return -EPROTO;
	return bytes;
}

const struct key_source key_source_encrypted = {
	.type = "encrypted", .sealed = true, .length = length};
