/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Authenticated ciphers: algif_aead (crypto/algif_aead.c), one request a message. In: AAD, text,
 * and when decrypting the tag. Out: AAD, text, and when encrypting the tag; the AAD comes back into
 * our copy of it. The tag stands behind the ciphertext, or where the message's parameter says.
 */
#include <errno.h>
#include <string.h>

#include "kernel/alg.h"
#include "kernel/receive.h"
#include "mech/engine.h"
#include "mech/gather.h"

static CK_RV measure(struct operation *operation, const uint8_t *in, size_t in_len, bool last,
		     size_t capacity, size_t *out_len)
{
	const struct parameter *parameter = &operation->parameter;
	bool decrypts = operation_decrypts(operation);
	size_t tag = operation_tag(operation);
	size_t text = operation->text_len + in_len;
	/* What is queued, or comes out: the longer of the two. */
	size_t request = parameter->aad_len + text +
			 (decrypts ? parameter->tag_size - tag : parameter->tag_size);
	size_t promised = parameter->text_len;
	CK_RV rv;

	if (text < in_len || request < text)
		return operation_wrong_length(operation);
	if (promised != SIZE_MAX) {
		if (decrypts)
			promised += tag;
		if (promised < parameter->text_len || text > promised || (last && text != promised))
			return operation_wrong_length(operation);
	}
	rv = gather_fits(operation, text, request);
	if (rv != CKR_OK)
		return rv;
	if (last && decrypts && text < tag)
		return CKR_ENCRYPTED_DATA_LEN_RANGE;
	*out_len = !last ? 0 : decrypts ? text - tag : text + tag;
	return CKR_OK;
}

static CK_RV move(struct operation *operation, const uint8_t *in, size_t in_len, bool last,
		  uint8_t *out, size_t *out_len)
{
	const struct parameter *parameter = &operation->parameter;
	struct alg_request request = operation_request(operation);
	size_t text = operation->text_len + in_len, out_all;
	size_t detached = parameter->tag_size - operation_tag(operation);
	struct iovec sent[4], received[3];
	int n_sent, n_received, err;
	uint8_t spare;

	if (!last)
		return gather(operation, in, in_len);

	n_sent = alg_add(sent, 0, parameter->aad, parameter->aad_len);
	n_sent = alg_add(sent, n_sent, operation->text, operation->text_len);
	n_sent = alg_add(sent, n_sent, in, in_len);
	n_received = alg_add(received, 0, parameter->aad, parameter->aad_len);
	if (operation_decrypts(operation)) {
		*out_len = text - operation_tag(operation);
		n_sent = alg_add(sent, n_sent, parameter->tag, detached);
		detached = 0;
	} else {
		*out_len = text + operation_tag(operation);
	}
	n_received = alg_add(received, n_received, out, *out_len);
	n_received = alg_add(received, n_received, parameter->tag, detached);
	out_all = parameter->aad_len + *out_len + detached;
	/* A receive of no bytes returns at once, and the tag would not be looked at. */
	if (!n_received)
		n_received = alg_add(received, 0, &spare, sizeof(spare));

	operation->clean = false;
	err = alg_send(operation->socket->fd, &request, sent, n_sent, false);
	if (!err) {
		err = receive(operation->socket->fd, received, n_received, out_all);
		/* After a wrong tag nothing is left in the socket (kernel: af_alg_pull_tsgl). */
		operation->clean = !err || err == -EBADMSG;
	}
	/* The kernel decrypts before it has checked the tag. */
	if (err && *out_len)
		explicit_bzero(out, *out_len);
	if (err && detached)
		explicit_bzero(parameter->tag, detached);
	return gather_rv(operation, err, parameter->aad_len + text);
}

const struct engine aead_engine = {.measure = measure, .move = move};
