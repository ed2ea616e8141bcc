/* SPDX-License-Identifier: BSD-2-Clause */
#include "key/master.h"

#include <errno.h>
#include <string.h>

#include "kernel/keyring.h"

int master_find(const char *master)
{
	const char *colon = strchr(master, ':');
	size_t len = colon ? (size_t)(colon - master) : 0;
	char type[16];

	if (!len || len >= sizeof(type))
		return -EINVAL;
	memcpy(type, master, len);
	type[len] = '\0';
	return key_request(type, colon + 1);
}
