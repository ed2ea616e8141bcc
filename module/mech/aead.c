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

/* The bytes of tag that the caller sees as part of the ciphertext. */
static size_t attached(const struct operation *operation)
{
	return operation->parameter.detached ? 0 : operation->parameter.tag_size;
}

static CK_RV measure(struct operation *operation, const uint8_t *in, size_t in_len, bool last,
		     size_t capacity, size_t *out_len)
{
	const struct parameter *parameter = &operation->parameter;
	bool decrypts = operation_decrypts(operation);
	size_t tag = attached(operation);
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
	size_t text = operation->text_len + in_len, detached = 0, tag_out = 0;
	uint8_t spare, tag[ALG_TAG_MAX];
	struct iovec sent[] = {
		{.iov_base = parameter->aad, .iov_len = parameter->aad_len},
		{.iov_base = operation->text, .iov_len = operation->text_len},
		{.iov_base = (void *)in, .iov_len = in_len},
		{.iov_base = tag, .iov_len = 0},
	};
	struct iovec received[] = {
		{.iov_base = parameter->aad, .iov_len = parameter->aad_len},
		{.iov_base = out, .iov_len = 0},
		{.iov_base = tag, .iov_len = 0},
	};
	int err;

	if (!last)
		return gather(operation, in, in_len);

	if (parameter->detached)
		detached = parameter->tag_size;
	if (operation_decrypts(operation)) {
		*out_len = text - attached(operation);
		if (detached)
			memcpy(tag, parameter->tag, detached);
		sent[3].iov_len = detached;
	} else {
		*out_len = text + attached(operation);
		received[2].iov_len = tag_out = detached;
	}
	received[1].iov_len = *out_len;
	/* A receive of no bytes returns at once, and the tag would not be looked at. */
	if (!parameter->aad_len && !*out_len && !tag_out)
		received[1] = (struct iovec){.iov_base = &spare, .iov_len = sizeof(spare)};

	operation->clean = false;
	err = alg_send(operation->socket->fd, &request, sent, 4, false);
	if (!err) {
		err = receive(operation->socket->fd, received, 3,
			      parameter->aad_len + *out_len + tag_out);
		/* After a wrong tag nothing is left in the socket (kernel: af_alg_pull_tsgl). */
		operation->clean = !err || err == -EBADMSG;
	}
	/* The kernel decrypts before it has checked the tag. */
	if (err && *out_len)
		explicit_bzero(out, *out_len);
	if (!err && tag_out)
		memcpy(parameter->tag, tag, tag_out);
	return gather_rv(operation, err, parameter->aad_len + text);
}

const struct engine aead_engine = {.measure = measure, .move = move};
