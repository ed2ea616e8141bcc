/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech/keystream.h"

#include <string.h>

size_t keystream_use(struct operation *operation, const uint8_t *in, size_t in_len, uint8_t *out)
{
	size_t block = operation->mechanism->block, at = operation->tail_len, done = 0;

	if (!at)
		return 0;
	for (; at < block && done < in_len; at++, done++) {
		uint8_t from = in[done], to = from ^ operation->last[at];

		operation->tail[at] = operation_decrypts(operation) ? from : to;
		out[done] = to;
	}
	operation->tail_len = at % block;
	if (at == block && operation->mechanism->feedback) {
		memcpy(operation->parameter.iv, operation->tail, block);
		operation->begun = false;
	}
	return done;
}
