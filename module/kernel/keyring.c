/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/keyring.h"

#include <errno.h>
#include <keyutils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int keyring_resolve(int32_t special)
{
	key_serial_t serial = keyctl_get_keyring_ID(special, 0);

	return serial < 0 ? -errno : serial;
}

int keyring_list(int32_t keyring, int32_t **list)
{
	size_t size = 0, wanted = 4096 * sizeof(**list); /* more than most have: one call */
	void *bytes = NULL, *larger;
	long len;

	do {
		size = wanted;
		larger = realloc(bytes, size);
		len = larger ? keyctl_read(keyring, larger, size) : -1;
		if (len < 0) {
			int err = larger ? -errno : -ENOMEM;

			free(larger ? larger : bytes);
			return err;
		}
		bytes = larger;
		wanted = (size_t)len;
	} while (wanted > size);
	*list = bytes;
	return (int)(wanted / sizeof(**list));
}

int keyring_persistent(void)
{
	long serial = keyctl_get_persistent((uid_t)-1, KEY_SPEC_PROCESS_KEYRING);

	return serial < 0 ? -errno : (int)serial;
}

/* By its name: kernel, security/keys/persistent.c. */
static bool is_persistent(int32_t keyring)
{
	static const char prefix[] = "_persistent.";
	struct key_info info;
	bool is;

	if (key_describe(keyring, &info))
		return false;
	is = !strncmp(info.description, prefix, strlen(prefix));
	free(info.description);
	return is;
}

int keyring_possess(int32_t keyring)
{
	int err;

	/* Never @s: linking into it replaces the session keyring of a process that has none. */
	if (!keyctl_link(keyring, KEY_SPEC_PROCESS_KEYRING))
		return 0;
	if (errno != EACCES)
		return -errno;
	if (is_persistent(keyring)) {
		err = keyring_persistent();
		return err < 0 ? err : 0;
	}
	return keyctl_link(KEY_SPEC_USER_KEYRING, KEY_SPEC_PROCESS_KEYRING) < 0 ? -errno : 0;
}

/* A file holds the credentials of who opened it (kernel, fs/file_table.c, f_cred), those hold the
 * process keyring, and a mapping holds the file. */
void *keyring_keep(void)
{
	int fd = memfd_create("kcryptoki", MFD_CLOEXEC);
	void *kept;

	if (fd < 0)
		return NULL;
	kept = mmap(NULL, 1, PROT_NONE, MAP_SHARED, fd, 0);
	close(fd);
	if (kept == MAP_FAILED)
		return NULL;
	if (!madvise(kept, 1, MADV_DONTFORK))
		return kept;
	keyring_release(kept);
	return NULL;
}

void keyring_release(void *kept)
{
	if (kept)
		munmap(kept, 1);
}

int key_search(int32_t keyring, const char *type, const char *description)
{
	long serial = keyctl_search(keyring, type, description, 0);

	return serial < 0 ? -errno : (int)serial;
}

/* In one call, where the description is as long as they are. NULL and errno where there is none. */
static char *describe(int32_t serial)
{
	char buffer[512], *text;
	long len = keyctl_describe(serial, buffer, sizeof(buffer));

	if (len < 0)
		return NULL;
	if ((size_t)len > sizeof(buffer))
		return keyctl_describe_alloc(serial, &text) < 0 ? NULL : text;
	return strdup(buffer);
}

int key_describe(int32_t serial, struct key_info *info)
{
	char *text = describe(serial);
	int start = -1, err = -errno;

	/* Never 0, since then INFO is believed. */
	if (!text)
		return err < 0 ? err : -ENOMEM;
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

int key_request(const char *type, const char *description)
{
	key_serial_t serial = request_key(type, description, NULL, 0);

	return serial < 0 ? -errno : serial;
}

int key_add(const char *type, const char *description, const void *payload, size_t len,
	    int32_t keyring)
{
	key_serial_t serial = add_key(type, description, payload, len, keyring);

	return serial < 0 ? -errno : serial;
}

int key_move(int32_t serial, int32_t from, int32_t to)
{
	return keyctl_move(serial, from, to, KEYCTL_MOVE_EXCL) < 0 ? -errno : 0;
}

int key_unlink(int32_t serial, int32_t keyring)
{
	return keyctl_unlink(serial, keyring) < 0 ? -errno : 0;
}

int key_update(int32_t serial, const void *payload, size_t len)
{
	return keyctl_update(serial, payload, len) < 0 ? -errno : 0;
}

int key_set_perm(int32_t serial, uint32_t perm)
{
	return keyctl_setperm(serial, perm) < 0 ? -errno : 0;
}

int keyring_clear(int32_t keyring)
{
	return keyctl_clear(keyring) < 0 ? -errno : 0;
}

ssize_t key_read(int32_t serial, void *buffer, size_t size)
{
	long len = keyctl_read(serial, buffer, size);

	return len < 0 ? -errno : len;
}
