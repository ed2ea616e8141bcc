/* SPDX-License-Identifier: BSD-2-Clause */
#include "key/probe.h"

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

#include "kernel/alg.h"

/* The lengths that may be the key's, one bit each. */
enum {
	BYTES_16 = 1,
	BYTES_24 = 2,
	BYTES_32 = 4,
	BYTES_48 = 8,
	BYTES_64 = 16,
	OTHER = 32, /* any but these */
	ALL = 63
};

/*
 * What is left where an algorithm takes the key, and where it does not. Those that more processes
 * may bind come first, since Linux 7.3 leaves plain users but two of them; and last those of old
 * families, of which only keys are asked that nothing else tells apart: asking may load a module.
 */
static const struct question {
	const char *name;
	unsigned int taken, refused;
} questions[] = {
	{"ecb(aes)", BYTES_16 | BYTES_24 | BYTES_32, BYTES_48 | BYTES_64 | OTHER},
	{"xts(aes)", BYTES_32 | BYTES_48 | BYTES_64, BYTES_16 | BYTES_24 | OTHER},
	{"adiantum(xchacha12,aes)", BYTES_32, ALL & ~BYTES_32},
	{"cbc(des3_ede)", BYTES_24, ALL & ~BYTES_24},
	/* 4 to 56 bytes */
	{"ecb(blowfish)", ALL & ~BYTES_64, BYTES_64 | OTHER},
};

/* Whether the algorithm NAME takes the key: 1 or 0, -ENOENT where it is not here, or -errno. */
static int takes(const char *name, int32_t serial)
{
	int fd = alg_bind("skcipher", name);
	int err;

	if (fd < 0)
		return fd;
	err = alg_set_key_serial(fd, serial);
	close(fd);
	return err == -EINVAL ? 0 : err ? err : 1;
}

static ssize_t bytes(unsigned int left)
{
	switch (left) {
	case BYTES_16:
		return 16;
	case BYTES_24:
		return 24;
	case BYTES_32:
		return 32;
	case BYTES_48:
		return 48;
	case BYTES_64:
		return 64;
	default:
		return -ENODATA;
	}
}

ssize_t probe_length(int32_t serial)
{
	unsigned int left = ALL;

	for (size_t i = 0; i < sizeof(questions) / sizeof(*questions); i++) {
		const struct question *question = &questions[i];
		int answer;

		/* Nothing to learn from it. */
		if (!(left & ~question->taken) || !(left & ~question->refused))
			continue;
		answer = takes(question->name, serial);
		if (answer == -ENOENT)
			continue;
		if (answer < 0)
			return answer;
		left &= answer ? question->taken : question->refused;
	}
	return bytes(left);
}
