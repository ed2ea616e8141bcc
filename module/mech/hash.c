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

static CK_RV move(struct operation *operation, const uint8_t *in, size_t in_len, bool last,
		  uint8_t *out, size_t *out_len)
{
	struct iovec result = {.iov_base = out, .iov_len = operation->parameter.size};
	int err = 0;

	while (in_len && !err) {
		struct iovec part = {.iov_base = (void *)in,
				     .iov_len = in_len < SEND_MAX ? in_len : SEND_MAX};

		in += part.iov_len;
		in_len -= part.iov_len;
		operation->clean = false;
		err = alg_send(operation->socket->fd, NULL, &part, 1, !last || in_len);
	}
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
