/* SPDX-License-Identifier: BSD-2-Clause */
#include "belongings.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guest.h"

static bool is_alg_socket(int fd, unsigned long *inode)
{
	char path[64], target[64];
	int domain = 0;
	socklen_t size = sizeof(domain);
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return false;
	target[n] = '\0';
	return sscanf(target, "socket:[%lu]", inode) == 1 &&
	       getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_ALG;
}

static size_t look(struct alg_sockets *sockets)
{
	DIR *directory = opendir("/proc/self/fd");
	struct dirent *entry;
	size_t count = 0;

	while (directory && (entry = readdir(directory))) {
		int fd = atoi(entry->d_name);
		unsigned long inode;

		if (entry->d_name[0] == '.' || fd == dirfd(directory))
			continue;
		count++;
		if (sockets && is_alg_socket(fd, &inode) &&
		    sockets->n < sizeof(sockets->fd) / sizeof(*sockets->fd)) {
			sockets->fd[sockets->n] = fd;
			sockets->inode[sockets->n++] = inode;
		}
	}
	if (directory)
		closedir(directory);
	return count;
}

void belongings_alg_sockets(struct alg_sockets *sockets)
{
	sockets->n = 0;
	look(sockets);
}

size_t belongings_descriptors(void)
{
	return look(NULL);
}

static bool is_listed(key_serial_t serial)
{
	FILE *keys = fopen("/proc/keys", "r");
	unsigned int listed;
	bool found = false;
	char line[4096];

	while (keys && fgets(line, sizeof(line), keys))
		found |= sscanf(line, "%8x", &listed) == 1 && listed == (unsigned int)serial;
	if (keys)
		fclose(keys);
	return found;
}

void belongings_wait_until_gone(key_serial_t serial)
{
	for (int tries = 0; tries < 200; tries++) {
		if (!is_listed(serial))
			return;
		usleep(10000);
	}
	guest_fail("the kernel does not collect key %d", serial);
}

struct belongings belongings_now(void)
{
	struct belongings stock = {.linked = keyctl_read(KEY_SPEC_USER_KEYRING, NULL, 0),
				   .descriptors = belongings_descriptors()};
	FILE *users = fopen("/proc/key-users", "r");
	char line[256];
	long uid, keys, bytes;

	while (users && fgets(line, sizeof(line), users))
		if (sscanf(line, "%ld: %*s %*s %ld/%*d %ld/", &uid, &keys, &bytes) == 3 &&
		    uid == (long)getuid()) {
			stock.keys = keys;
			stock.bytes = bytes;
		}
	if (users)
		fclose(users);
	return stock;
}

void belongings_tell(void)
{
	key_serial_t serials[64];
	long n = keyctl_read(KEY_SPEC_USER_KEYRING, (char *)serials, sizeof(serials));

	n = n < (long)sizeof(serials) ? n : (long)sizeof(serials);
	for (long i = 0; i < n / (long)sizeof(*serials); i++) {
		char *description = NULL;

		if (keyctl_describe_alloc(serials[i], &description) >= 0)
			print_message("# in the user keyring: %d: %s\n", serials[i], description);
		free(description);
	}
}

bool belongings_return_to(long linked)
{
	for (int tries = 0; tries < 100; tries++) {
		if (keyctl_read(KEY_SPEC_USER_KEYRING, NULL, 0) <= linked)
			return true;
		usleep(100000);
	}
	return false;
}
