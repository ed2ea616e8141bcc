/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/proc-keys.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int proc_keys_read(char **text)
{
	size_t size = 16384, used = 0;
	char *buffer = malloc(size), *larger;
	int fd = open("/proc/keys", O_RDONLY | O_CLOEXEC);
	int err = fd < 0 ? -errno : 0;

	while (buffer && !err) {
		ssize_t got = read(fd, buffer + used, size - used - 1);

		if (got < 0)
			err = errno == EINTR ? 0 : -errno;
		else if (got == 0)
			break;
		else
			used += (size_t)got;
		if (!err && size - used < 4096) {
			larger = realloc(buffer, size *= 2);
			err = larger ? 0 : -ENOMEM;
			buffer = larger ? larger : buffer;
		}
	}
	if (fd >= 0)
		close(fd);
	if (!buffer || err) {
		free(buffer);
		return err ? err : -ENOMEM;
	}
	buffer[used] = '\0';
	*text = buffer;
	return 0;
}

/* "SERIAL FLAGS USAGE TIMEOUT PERM UID GID TYPE DESCRIPTION: LENGTH", columns of blanks between. */
static bool skip_columns(const char **at, int count)
{
	while (count--) {
		while (**at == ' ')
			++*at;
		if (!**at || **at == '\n')
			return false;
		while (**at && **at != ' ' && **at != '\n')
			++*at;
	}
	return true;
}

/* What follows "TYPE DESCRIPTION: " in LINE, or NULL where that is not there. */
static const char *behind(const char *line, const char *type, const char *description)
{
	const char *at = line;
	size_t type_len = strlen(type), description_len = strlen(description);

	if (!skip_columns(&at, 7))
		return NULL;
	while (*at == ' ')
		at++;
	if (strncmp(at, type, type_len))
		return NULL;
	at += type_len;
	/* The type is padded to nine columns and one blank follows; blanks after that are the
	 * description's own. */
	for (size_t column = type_len; column < 10; column++)
		if (*at++ != ' ')
			return NULL;
	if (strncmp(at, description, description_len))
		return NULL;
	at += description_len;
	return strncmp(at, ": ", 2) ? NULL : at + 2;
}

static ssize_t length_at(const char *line, const char *type, const char *description)
{
	const char *at = behind(line, type, description);
	unsigned long len;
	char *end;

	if (!at || !isdigit((unsigned char)*at))
		return -ENOENT;
	len = strtoul(at, &end, 10);
	return *end == '\n' && len <= 32767 ? (ssize_t)len : -ENOENT;
}

int proc_keys_find(const char *text, const char *type, const char *description)
{
	int found = -ENOENT;

	for (const char *line = text; line && *line;) {
		if (behind(line, type, description)) {
			if (found != -ENOENT)
				return -EPROTO;
			found = (int)strtoul(line, NULL, 16);
		}
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return found;
}

ssize_t proc_keys_length(const char *text, int32_t serial, const char *type,
			 const char *description)
{
	char prefix[16];
	size_t prefix_len;
	ssize_t found = -ENOENT;

	prefix_len = (size_t)snprintf(prefix, sizeof(prefix), "%08x ", (unsigned int)serial);
	for (const char *line = text; line && *line;) {
		if (!strncmp(line, prefix, prefix_len)) {
			if (found != -ENOENT)
				return -EPROTO;
			found = length_at(line, type, description);
			if (found < 0)
				return -EPROTO;
		}
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return found;
}
