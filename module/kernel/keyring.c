/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/keyring.h"

#include <errno.h>
#include <keyutils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int keyring_resolve(int32_t special)
{
	key_serial_t serial = keyctl_get_keyring_ID(special, 0);

	return serial < 0 ? -errno : serial;
}

int keyring_list(int32_t keyring, int32_t **list)
{
	void *bytes = NULL;
	int len = keyctl_read_alloc(keyring, &bytes);

	if (len < 0)
		return -errno;
	*list = bytes;
	return len / (int)sizeof(**list);
}

int keyring_possess(int32_t keyring)
{
	/* Never @s: linking into it replaces the session keyring of a process that has none. */
	return keyctl_link(keyring, KEY_SPEC_PROCESS_KEYRING) < 0 ? -errno : 0;
}

int key_describe(int32_t serial, struct key_info *info)
{
	char *text = NULL;
	int start = -1;

	if (keyctl_describe_alloc(serial, &text) < 0)
		return -errno;
	if (sscanf(text, "%31[^;];%u;%*u;%x;%n", info->type, &info->uid, &info->perm, &start) < 3 ||
	    start < 0) {
		free(text);
		return -EPROTO;
	}
	memmove(text, text + start, strlen(text + start) + 1);
	info->description = text;
	return 0;
}

int key_usable(int32_t serial)
{
	return keyctl_get_keyring_ID(serial, 0) < 0 ? -errno : 0;
}

ssize_t key_read(int32_t serial, void *buffer, size_t size)
{
	long len = keyctl_read(serial, buffer, size);

	return len < 0 ? -errno : len;
}
