/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Authenticated ciphers: algif_aead (crypto/algif_aead.c). The kernel takes a message in one
 * request, so that parts are gathered until the last one. In: AAD, text, and when decrypting the
 * tag. Out: AAD, text, and when encrypting the tag; the AAD comes back into our copy of it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/alg.h"
#include "kernel/log.h"
#include "mech/engine.h"
#include "mech/rv.h"

static bool decrypts(const struct operation *operation)
{
	return operation->kind == OPERATION_DECRYPT;
}

static CK_RV measure(struct operation *operation, const uint8_t *in, size_t in_len, bool last,
		     size_t capacity, size_t *out_len)
{
	size_t tag = operation->parameter.tag_size, aad = operation->parameter.aad_len;
	CK_RV too_long = decrypts(operation) ? CKR_ENCRYPTED_DATA_LEN_RANGE : CKR_DATA_LEN_RANGE;
	size_t text = operation->text_len + in_len;
	size_t request = aad + text + (decrypts(operation) ? 0 : tag);
	ssize_t room;

	if (text < in_len || request < text)
		return too_long;
	room = transform_room(operation->socket, request);
	if (room < 0)
		return rv_of_run((int)room, operation->mechanism->name);
	if (request > (size_t)room) {
		log_line("%s: a message of %zu bytes is more than the %zd that one request takes "
			 "here (net.core.wmem_max, net.core.rmem_max)",
			 operation->mechanism->name, text, room);
		return too_long;
	}
	if (!last) {
		*out_len = 0;
	} else if (decrypts(operation)) {
		if (text < tag)
			return CKR_ENCRYPTED_DATA_LEN_RANGE;
		*out_len = text - tag;
	} else {
		*out_len = text + tag;
	}
	return CKR_OK;
}

static CK_RV gather(struct operation *operation, const uint8_t *in, size_t in_len)
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

static CK_RV move(struct operation *operation, const uint8_t *in, size_t in_len, bool last,
		  uint8_t *out, size_t *out_len)
{
	const struct parameter *parameter = &operation->parameter;
	struct alg_request request = operation_request(operation);
	uint8_t spare;
	struct iovec sent[] = {
		{.iov_base = parameter->aad, .iov_len = parameter->aad_len},
		{.iov_base = operation->text, .iov_len = operation->text_len},
		{.iov_base = (void *)in, .iov_len = in_len},
	};
	struct iovec received[] = {
		{.iov_base = parameter->aad, .iov_len = parameter->aad_len},
		{.iov_base = out, .iov_len = 0},
	};
	size_t text = operation->text_len + in_len;
	int err;

	if (!last)
		return gather(operation, in, in_len);

	*out_len = decrypts(operation) ? text - parameter->tag_size : text + parameter->tag_size;
	received[1].iov_len = *out_len;
	/* A receive of no bytes returns at once, and the tag would not be looked at. */
	if (!parameter->aad_len && !*out_len)
		received[1] = (struct iovec){.iov_base = &spare, .iov_len = sizeof(spare)};

	operation->clean = false;
	err = alg_send(operation->socket->fd, &request, sent, 3, false);
	if (!err) {
		err = alg_recv(operation->socket->fd, received, 2, parameter->aad_len + *out_len);
		/* After a wrong tag nothing is left in the socket (kernel: af_alg_pull_tsgl). */
		operation->clean = !err || err == -EBADMSG;
	}
	/* The kernel decrypts before it has checked the tag. */
	if (err && *out_len)
		explicit_bzero(out, *out_len);
	return rv_of_run(err, operation->mechanism->name);
}

const struct engine aead_engine = {.measure = measure, .move = move};
