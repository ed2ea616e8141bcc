/* SPDX-License-Identifier: BSD-2-Clause */
#include "key/serials.h"

#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

#include "kernel/alg.h"
#include "kernel/transform.h"

/* One of these binds wherever any key could be used: sha1 and xts(aes) even for plain users of
 * Linux 7.3. */
static const struct {
	const char *type, *name;
} probes[] = {{"hash", "sha1"}, {"hash", "sha256"}, {"skcipher", "xts(aes)"}};

enum { UNKNOWN, SUPPORTED, ABSENT };

static atomic_uchar verdict;

bool serials_supported(void)
{
	for (size_t i = 0; atomic_load(&verdict) == UNKNOWN && i < sizeof(probes) / sizeof(*probes);
	     i++) {
		int fd = transform_bind(probes[i].type, probes[i].name);

		if (fd < 0)
			continue;
		atomic_store(&verdict, alg_takes_serials(fd) ? SUPPORTED : ABSENT);
		close(fd);
	}
	return atomic_load(&verdict) == SUPPORTED;
}

void serials_forget(void)
{
	atomic_store(&verdict, UNKNOWN);
}
