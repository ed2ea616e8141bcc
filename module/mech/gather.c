/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech/gather.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/log.h"
#include "mech/rv.h"

/* Bytes that every request gets the memory for: what socket buffers hold by default. */
enum { MODEST = 200 * 1024 };

CK_RV gather(struct operation *operation, const uint8_t *in, size_t in_len)
{
	size_t need = operation->text_len + in_len, size;
	uint8_t *larger;

	if (need > operation->text_size) {
		size = need > 2 * operation->text_size ? need : 2 * operation->text_size;
		/* Not realloc(3), which may leave a copy of the plaintext behind. */
		larger = malloc(size);
		if (!larger)
			return CKR_HOST_MEMORY;
		if (operation->text) {
			memcpy(larger, operation->text, operation->text_len);
			explicit_bzero(operation->text, operation->text_size);
			free(operation->text);
		}
		operation->text = larger;
		operation->text_size = size;
	}
	if (in_len)
		memcpy(operation->text + operation->text_len, in, in_len);
	operation->text_len = need;
	return CKR_OK;
}

CK_RV gather_fits(struct operation *operation, size_t text, size_t request)
{
	ssize_t room = transform_room(operation->socket, request);

	if (room < 0)
		return rv_of_run((int)room, operation->mechanism->name);
	if (request <= (size_t)room)
		return CKR_OK;
	log_line("%s: a message of %zu bytes is more than the %zd that one request takes here "
		 "(net.core.wmem_max, net.core.rmem_max)",
		 operation->mechanism->name, text, room);
	return operation_wrong_length(operation);
}

CK_RV gather_rv(const struct operation *operation, int err, size_t request)
{
	bool full = err == -ENOMEM || err == -ENOBUFS || err == -EAGAIN;

	if (!err)
		return CKR_OK;
	/* Page lists of a request count against net.core.optmem_max, too (crypto/af_alg.c), which
	 * ends before the largest socket buffers do. */
	return full && request > MODEST ? operation_wrong_length(operation)
					: rv_of_run(err, operation->mechanism->name);
}
