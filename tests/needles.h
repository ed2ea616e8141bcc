/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Looks for secrets in the memory of a process, as its core dump would hold it: every mapping that
 * can be read, through /proc/PID/mem.
 */
#ifndef TESTS_NEEDLES_H
#define TESTS_NEEDLES_H

#include <stddef.h>
#include <sys/types.h>

/* Eight bytes in a row are taken for a part of the secret: that they come by chance is less likely
 * than one in 2^30 for a process of gigabytes. */
enum { NEEDLE = 8 };

/* A secret, and what is to be called by its name when it is found. Kept complemented, so that who
 * looks does not find himself. */
struct needles {
	const char *name;
	unsigned char complement[256];
	size_t length;
};

void needles_set(struct needles *needles, const char *name, const unsigned char *bytes,
		 size_t length);

/* How often a part of one of them was found: in memory that is locked and left out of core dumps,
 * and elsewhere, which is printed. */
struct needles_found {
	long locked, open;
	size_t looked; /* bytes; 0: it could not be read */
};

/* In the memory of PID, which had better be stopped; and in a file. */
struct needles_found needles_in(pid_t pid, const struct needles *needles, size_t n);
struct needles_found needles_in_file(const char *path, const struct needles *needles, size_t n);

#endif
