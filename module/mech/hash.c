/* SPDX-License-Identifier: BSD-2-Clause */
/* Digests and MACs: algif_hash (crypto/algif_hash.c). The kernel keeps the state of the message,
 * and where less than the whole result is asked for gives its beginning. */
#include <string.h>

#include "kernel/alg.h"
#include "kernel/receive.h"
#include "mech/engine.h"
#include "mech/rv.h"

/* sendmsg(2) moves at most MAX_RW_COUNT, just under 2 GiB, in one call. */
enum { SEND_MAX = 1 << 30 };

static CK_RV measure(struct operation *operation, const uint8_t *in, size_t in_len, bool last,
		     size_t capacity, size_t *out_len)
{
	*out_len = last ? operation->parameter.size : 0;
	return CKR_OK;
}

/* Sends what waits, and IN. */
static int send_all(struct operation *operation, const uint8_t *in, size_t in_len, bool more)
{
	int err = 0;

	while ((in_len || operation->tail_len) && !err) {
		size_t some = in_len < SEND_MAX ? in_len : SEND_MAX;
		struct iovec parts[2];
		int n = alg_add(parts, 0, operation->tail, operation->tail_len);

		n = alg_add(parts, n, in, some);
		in += some;
		in_len -= some;
		operation->clean = false;
		err = alg_send(operation->socket->fd, NULL, parts, n, more || in_len);
		operation->tail_len = 0;
	}
	return err;
}

static CK_RV move(struct operation *operation, const uint8_t *in, size_t in_len, bool last,
		  uint8_t *out, size_t *out_len)
{
	struct iovec result = {.iov_base = out, .iov_len = operation->parameter.size};
	int err;

	/* A few bytes are not worth a system call yet. */
	if (!last && !operation->secret && in_len < sizeof(operation->tail) - operation->tail_len) {
		if (in_len)
			memcpy(operation->tail + operation->tail_len, in, in_len);
		operation->tail_len += in_len;
		return CKR_OK;
	}
	err = send_all(operation, in, in_len, !last);
	if (!err && last) {
		/* Without anything sent before, this is the hash of the empty message. */
		err = receive(operation->socket->fd, &result, 1, result.iov_len);
		operation->clean = !err;
		*out_len = result.iov_len;
		if (err)
			explicit_bzero(out, *out_len);
	}
	return rv_of_run(err, operation->mechanism->name);
}

const struct engine hash_engine = {.measure = measure, .move = move};
