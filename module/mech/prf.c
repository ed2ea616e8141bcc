/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech/prf.h"

#include <limits.h>
#include <stdbool.h>

#include "kernel/alg.h"
#include "kernel/receive.h"
#include "mech/rv.h"

/* A key that this process has the bytes of. */
struct own_key {
	struct transform_key transform_key; /* first: arm() gets back by it */
	const uint8_t *bytes;
	size_t len;
};

static int arm(const struct transform_key *transform_key, int transform)
{
	const struct own_key *key = (const struct own_key *)transform_key;

	return alg_set_key(transform, key->bytes, key->len);
}

CK_RV prf_open(struct prf *prf, const struct mechanism *row, const struct transform_key *key)
{
	const struct transform transform = {
		.type = row->kernel_type, .name = row->kernel_name, .key = key};

	prf->row = row;
	return rv_of_open(transform_take(&transform, &prf->socket), row->name);
}

CK_RV prf_open_bytes(struct prf *prf, const struct mechanism *row, const uint8_t *bytes, size_t len)
{
	/* Not constant: its socket is closed after use, and the kernel's copy goes with it. */
	const struct own_key key = {
		.transform_key = {.id = transform_key_id(), .arm = arm},
		.bytes = bytes,
		.len = len,
	};

	return prf_open(prf, row, &key.transform_key);
}

CK_RV prf_compute(struct prf *prf, const struct iovec *input, size_t count, uint8_t *out)
{
	struct iovec result = {.iov_base = out, .iov_len = prf->row->size};
	int err = 0;

	while (count && !err) {
		size_t some = count < IOV_MAX ? count : IOV_MAX;

		err = alg_send(prf->socket->fd, NULL, input, (int)some, some < count);
		input += some;
		count -= some;
	}
	if (!err)
		err = receive(prf->socket->fd, &result, 1, result.iov_len);
	prf->socket->spoilt = err;
	return rv_of_run(err, prf->row->name);
}

void prf_close(struct prf *prf)
{
	transform_give(prf->socket, !prf->socket->spoilt);
	prf->socket = NULL;
}
