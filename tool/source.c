/* SPDX-License-Identifier: BSD-2-Clause */
#include "tool/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/secret.h"
#include "tool/complain.h"

enum { LENGTH_MAX = 32767 }; /* the kernel's longest payload */

/* A descriptor of the file of CREDENTIAL, whose path goes to PATH; -1, and stderr says why. */
static int open_credential(const char *credential, char *path, size_t size)
{
	const char *folder = secure_getenv("CREDENTIALS_DIRECTORY");
	int fd;

	if (!folder || !*folder) {
		complain("there are no credentials: CREDENTIALS_DIRECTORY is not set; systemd sets "
			 "it in a unit with LoadCredential= or LoadCredentialEncrypted=");
		return -1;
	}
	if (!*credential || strchr(credential, '/') || !strcmp(credential, "..") ||
	    (size_t)snprintf(path, size, "%s/%s", folder, credential) >= size) {
		complain("%s is no name of a credential", credential);
		return -1;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		complain("credential %s: %s: %s", credential, path, strerror(errno));
	return fd;
}

static int open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		complain("%s: %s", path, strerror(errno));
	return fd;
}

/* Whatever FD gives, as far as there is room. By read(2): stdio would have a copy. */
static bool fill(struct source_bytes *source, int fd, const char *name)
{
	ssize_t got;

	do {
		got = read(fd, source->bytes + source->len, source->size - source->len);
		if (got > 0)
			source->len += (size_t)got;
	} while ((got > 0 && source->len < source->size) || (got < 0 && errno == EINTR));
	if (got < 0)
		complain("%s: %s", name, strerror(errno));
	else if (!source->len)
		complain("%s is empty", name);
	else if (source->len > LENGTH_MAX)
		complain("%s is longer than a key can be (%d bytes)", name, LENGTH_MAX);
	else
		return true;
	return false;
}

static void warn_of_line_end(const struct source_bytes *source, const char *name)
{
	size_t len = source->len - 1;

	if ((len == 16 || len == 24 || len == 32) && source->bytes[len] == '\n')
		complain("warning: %s is %zu bytes and a line end, which is now part of the key; "
			 "\"head -c %zu\" or \"printf %%s\" leaves it away",
			 name, len, len);
}

bool source_read(struct source_bytes *source, const char *path, const char *credential)
{
	bool standard = path && !strcmp(path, "-"), filled;
	char name[4096];
	int fd;

	*source = (struct source_bytes){.size = LENGTH_MAX + 1};
	if (standard)
		fd = STDIN_FILENO;
	else
		fd = path ? open_file(path) : open_credential(credential, name, sizeof(name));
	if (fd < 0)
		return false;
	if (path)
		snprintf(name, sizeof(name), "%s", standard ? "standard input" : path);
	source->bytes = secret_new(source->size);
	if (!source->bytes)
		complain("no memory can be locked for the key (RLIMIT_MEMLOCK)");
	filled = source->bytes && fill(source, fd, name);
	if (!standard)
		close(fd);
	if (filled)
		warn_of_line_end(source, name);
	else
		source_free(source);
	return filled;
}

void source_free(struct source_bytes *source)
{
	secret_free(source->bytes, source->size);
	*source = (struct source_bytes){0};
}
