/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech/random.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/random.h>

#include "kernel/alg.h"
#include "kernel/log.h"
#include "kernel/receive.h"
#include "kernel/transform.h"
#include "mech/rv.h"

/* Bytes of a personalization string. Longer seeds are folded into as many, so that each byte
 * counts.
 */
enum { SEED_MAX = 1024 };

static struct {
	pthread_mutex_t lock;    /* a leaf */
	atomic_uint_fast64_t id; /* transform_key.id of those who got this seed; 0: none yet */
	uint8_t bytes[SEED_MAX];
	size_t len;
} seed = {.lock = PTHREAD_MUTEX_INITIALIZER};

static atomic_bool absent; /* the DRBG was asked for, and does not bind here */

/* The kernel's DRBG seeds itself; until it is given a personalization string, even an empty one,
 * it refuses to work (crypto/algif_rng.c, drbg_kcapi_seed()). */
static int arm(const struct transform_key *key, int transform)
{
	uint8_t copy[SEED_MAX];
	size_t len;
	int err;

	pthread_mutex_lock(&seed.lock);
	len = seed.len;
	memcpy(copy, seed.bytes, len);
	pthread_mutex_unlock(&seed.lock);
	err = alg_set_key(transform, len ? copy : NULL, len);
	explicit_bzero(copy, sizeof(copy));
	return err;
}

/* Sees to it that the seed has an id. */
static void begin(void)
{
	pthread_mutex_lock(&seed.lock);
	if (!atomic_load(&seed.id))
		atomic_store(&seed.id, transform_key_id());
	pthread_mutex_unlock(&seed.lock);
}

/* An instance of the DRBG, and the id of its seed; -ENOENT or -EAFNOSUPPORT where there is none. */
static int take(struct op_socket **socket, uint64_t *id)
{
	struct transform_key key = {.constant = true, .arm = arm};
	const struct transform generator = {.type = "rng", .name = "stdrng", .key = &key};
	int err;

	if (atomic_load(&absent))
		return -ENOENT;
	if (!atomic_load(&seed.id))
		begin();
	key.id = *id = atomic_load(&seed.id);
	err = transform_take(&generator, socket);
	if (err == -ENOENT || err == -EAFNOSUPPORT) {
		log_line("random bytes come from getrandom: this process may not bind stdrng");
		atomic_store(&absent, true);
	}
	return err;
}

/* Nobody will ask again for an instance whose seed was outgrown while it was made. */
static void give(struct op_socket *socket, uint64_t id, bool clean)
{
	transform_give(socket, clean && atomic_load(&seed.id) == id);
}

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
	uint64_t id;
	int err;

	if (!len)
		return CKR_OK;
	err = take(&socket, &id);
	if (err == -ENOENT || err == -EAFNOSUPPORT)
		return from_getrandom(out, len);
	if (err)
		return rv_of_open(err, "stdrng");
	while (len && !err) {
		size_t size = len < ALG_RANDOM_MAX ? len : ALG_RANDOM_MAX;
		struct iovec part = {.iov_base = out, .iov_len = size};

		err = receive(socket->fd, &part, 1, size);
		out += size;
		len -= size;
	}
	give(socket, id, !err);
	if (err)
		explicit_bzero(all, all_len);
	return rv_of_run(err, "stdrng");
}

/* Whether there is a DRBG that takes the seed of now. */
static CK_RV try_seed(void)
{
	struct op_socket *socket;
	uint64_t id;
	int err = take(&socket, &id);

	if (err == -ENOENT || err == -EAFNOSUPPORT)
		return CKR_RANDOM_SEED_NOT_SUPPORTED;
	if (!err)
		give(socket, id, true);
	return rv_of_open(err, "stdrng");
}

CK_RV random_seed(const uint8_t *bytes, size_t len)
{
	CK_RV rv = try_seed();
	uint64_t old;

	if (rv != CKR_OK)
		return rv;
	pthread_mutex_lock(&seed.lock);
	/* On top of what was given before. An instance that lives cannot be seeded again (EBUSY):
	 * those of the old id go, and new ones come. */
	for (size_t i = 0; i < len; i++) {
		uint8_t *byte = &seed.bytes[i % SEED_MAX];

		*byte = (uint8_t)((*byte << 1 | *byte >> 7) ^ bytes[i]);
	}
	if (len > seed.len)
		seed.len = len < SEED_MAX ? len : SEED_MAX;
	old = seed.id;
	seed.id = transform_key_id();
	pthread_mutex_unlock(&seed.lock);
	if (old)
		transform_purge(old);
	return try_seed();
}

void random_forget(void)
{
	atomic_store(&absent, false);
	pthread_mutex_lock(&seed.lock);
	explicit_bzero(seed.bytes, sizeof(seed.bytes));
	seed.len = 0;
	seed.id = 0;
	pthread_mutex_unlock(&seed.lock);
}

void random_fork_prepare(void)
{
	pthread_mutex_lock(&seed.lock);
}

void random_fork_done(void)
{
	pthread_mutex_unlock(&seed.lock);
}

void random_abandon(void)
{
	static const pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;

	memcpy(&seed.lock, &fresh, sizeof(fresh));
}
