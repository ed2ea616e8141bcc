/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech/random.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/random.h>

#include "kernel/alg.h"
#include "kernel/log.h"
#include "kernel/transform.h"
#include "mech/rv.h"

/* The kernel's DRBG seeds itself; until it is given a personalization string, even an empty one,
 * it refuses to work (crypto/algif_rng.c, drbg_kcapi_seed()). */
static int seed(const struct transform_key *key, int transform)
{
	return alg_set_key(transform, NULL, 0);
}

/* The string is always the same: an id of its own that no key source hands out. */
static const struct transform_key personalization = {
	.id = UINT64_MAX, .constant = true, .arm = seed};

static const struct transform generator = {
	.type = "rng", .name = "stdrng", .key = &personalization};

static atomic_bool absent; /* the DRBG was asked for, and does not bind here */

static CK_RV from_getrandom(uint8_t *out, size_t len)
{
	while (len) {
		ssize_t got = getrandom(out, len, 0);

		if (got < 0 && errno != EINTR)
			return rv_of_run(-errno, "getrandom");
		if (got > 0) {
			out += got;
			len -= (size_t)got;
		}
	}
	return CKR_OK;
}

CK_RV random_fill(uint8_t *out, size_t len)
{
	struct op_socket *socket;
	uint8_t *all = out;
	size_t all_len = len;
	int err;

	if (!len)
		return CKR_OK;
	if (atomic_load(&absent))
		return from_getrandom(out, len);
	err = transform_take(&generator, &socket);
	if (err == -ENOENT || err == -EAFNOSUPPORT) {
		log_line("random bytes come from getrandom: this process may not bind stdrng");
		atomic_store(&absent, true);
		return from_getrandom(out, len);
	}
	if (err)
		return rv_of_open(err, generator.name);
	while (len && !err) {
		size_t size = len < ALG_RANDOM_MAX ? len : ALG_RANDOM_MAX;
		struct iovec part = {.iov_base = out, .iov_len = size};

		err = alg_recv(socket->fd, &part, 1, size);
		out += size;
		len -= size;
	}
	transform_give(socket, !err);
	if (err)
		explicit_bzero(all, all_len);
	return rv_of_run(err, generator.name);
}

void random_forget(void)
{
	atomic_store(&absent, false);
}
