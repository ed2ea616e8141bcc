/* SPDX-License-Identifier: BSD-2-Clause */
#include "needles.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 1 << 20 };

void needles_set(struct needles *needles, const char *name, const unsigned char *bytes,
		 size_t length)
{
	if (length > sizeof(needles->complement))
		length = sizeof(needles->complement);
	needles->name = name;
	needles->length = length;
	for (size_t i = 0; i < length; i++)
		needles->complement[i] = (unsigned char)~bytes[i];
}

/* The first place in HAY that has eight bytes of the secret, from AT on; LENGTH where there is
 * none. A first byte that is none of the secret's is quickly passed by. */
static size_t next(const unsigned char *hay, size_t length, size_t at,
		   const struct needles *needles, const bool first[256])
{
	for (; at + NEEDLE <= length; at++) {
		if (!first[hay[at]])
			continue;
		for (size_t i = 0; i + NEEDLE <= needles->length; i++) {
			size_t same = 0;

			while (same < NEEDLE &&
			       (hay[at + same] ^ needles->complement[i + same]) == 0xff)
				same++;
			if (same == NEEDLE)
				return at;
		}
	}
	return length;
}

/* A part of a memory that is looked through. */
struct range {
	int memory;
	unsigned long from, to;
	bool locked;
	const char *where;
};

static long look(const unsigned char *hay, size_t length, unsigned long address,
		 const struct range *range, const struct needles *needles)
{
	bool first[256] = {false};
	long found = 0;

	for (size_t i = 0; i + NEEDLE <= needles->length; i++)
		first[needles->complement[i] ^ 0xff] = true;
	for (size_t at = 0; (at = next(hay, length, at, needles, first)) < length; at += NEEDLE) {
		if (!range->locked)
			printf("# %s at %#lx, %s\n", needles->name, address + at, range->where);
		found++;
	}
	return found;
}

static void look_through(const struct range *range, const struct needles *needles, size_t n,
			 struct needles_found *found)
{
	static unsigned char chunk[CHUNK];

	/* Chunks overlap, so that nothing is cut in two. */
	for (unsigned long at = range->from; at < range->to; at += CHUNK - NEEDLE) {
		size_t size = range->to - at < CHUNK ? range->to - at : CHUNK;
		ssize_t got = pread(range->memory, chunk, size, (off_t)at);

		if (got <= 0)
			continue;
		found->looked += (size_t)got;
		for (size_t i = 0; i < n; i++) {
			long here = look(chunk, (size_t)got, at, range, &needles[i]);

			if (range->locked)
				found->locked += here;
			else
				found->open += here;
		}
		/* What was read here is not to be found in this process. */
		explicit_bzero(chunk, (size_t)got);
	}
}

struct needles_found needles_in(pid_t pid, const struct needles *needles, size_t n)
{
	struct needles_found found = {0};
	struct range range = {0};
	char path[64], line[512], header[512] = "";
	char readable = '-';
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%ld/mem", (long)pid);
	range.memory = open(path, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%ld/smaps", (long)pid);
	maps = fopen(path, "re");
	while (range.memory >= 0 && maps && fgets(line, sizeof(line), maps)) {
		unsigned long from, to;

		if (sscanf(line, "%lx-%lx %c", &from, &to, &readable) == 3) {
			range.from = from;
			range.to = to;
			line[strcspn(line, "\n")] = '\0';
			strcpy(header, line);
		}
		/* The last line of a mapping: proc_pid_smaps(5). */
		if (strncmp(line, "VmFlags:", 8) != 0 || readable != 'r' ||
		    strstr(header, "[vvar]"))
			continue;
		range.locked = strstr(line, " lo ") && strstr(line, " dd ");
		range.where = header;
		look_through(&range, needles, n, &found);
	}
	if (maps)
		fclose(maps);
	if (range.memory >= 0)
		close(range.memory);
	return found;
}

struct needles_found needles_in_file(const char *path, const struct needles *needles, size_t n)
{
	struct needles_found found = {0};
	struct range range = {.memory = open(path, O_RDONLY | O_CLOEXEC), .where = path};

	if (range.memory < 0)
		return found;
	range.to = (unsigned long)lseek(range.memory, 0, SEEK_END);
	look_through(&range, needles, n, &found);
	close(range.memory);
	return found;
}
