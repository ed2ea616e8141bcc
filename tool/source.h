/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the bytes of an imported key come from. */
#ifndef KCRYPTOKI_SOURCE_H
#define KCRYPTOKI_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What was read, in memory of kernel/secret.h alone. */
struct source_bytes {
	uint8_t *bytes; /* LEN of them */
	size_t len, size;
};

/*
 * Reads the file PATH ("-": standard input), or (where PATH is NULL) CREDENTIAL of
 * $CREDENTIALS_DIRECTORY, as they are: no encoding is looked for. false, and stderr says why, where
 * that cannot be read, is empty, or longer than a key can be. What looks like a text with a line
 * end is warned of.
 */
bool source_read(struct source_bytes *source, const char *path, const char *credential);

/* Wipes it and gives it back. */
void source_free(struct source_bytes *source);

#endif
