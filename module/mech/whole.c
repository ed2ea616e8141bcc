/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ciphers of whole messages: algif_skcipher takes them in one request, and would answer wrongly if
 * it got two (XTS, CTS, Adiantum, HCTR2). The result is as long as the message.
 *
 * CTS: NIST's addendum to SP 800-38A knows three variants, which differ in the order of the last
 * two blocks. The kernel makes CS3 (always the full block first, then the one that may be shorter);
 * PKCS#11 callers mean CS1 (the shorter one first), as NSS and OpenSSL do.
 */
#include <string.h>

#include "kernel/alg.h"
#include "kernel/receive.h"
#include "mech/engine.h"
#include "mech/gather.h"

static CK_RV measure(struct operation *operation, const uint8_t *in, size_t in_len, bool last,
		     size_t capacity, size_t *out_len)
{
	size_t text = operation->text_len + in_len;

	if (text < in_len || (last && text < operation->mechanism->least))
		return operation_wrong_length(operation);
	*out_len = last ? text : 0;
	return gather_fits(operation, text, text);
}

/* Of a message of LEN bytes, those in the block that CTS may cut short; 0 where there is no other
 * to change places with. */
static size_t cut(const struct mechanism *row, size_t len)
{
	if (!row->stolen || len <= row->block)
		return 0;
	return len % row->block ? len % row->block : row->block;
}

/* IN and the text gathered before it, as one sequence: copies what is from AT on. */
static void copy_from(const struct operation *operation, const uint8_t *in, size_t at, uint8_t *to,
		      size_t len)
{
	size_t before = at < operation->text_len ? operation->text_len - at : 0;

	if (before > len)
		before = len;
	if (before)
		memcpy(to, operation->text + at, before);
	if (len > before)
		memcpy(to + before, in + (at + before - operation->text_len), len - before);
}

/* Changes the places of the first FIRST bytes and the others. */
static void exchange(uint8_t *bytes, size_t first, size_t second)
{
	uint8_t copy[2 * ALG_BLOCK_MAX];

	memcpy(copy, bytes + first, second);
	memcpy(copy + second, bytes, first);
	memcpy(bytes, copy, first + second);
}

static CK_RV move(struct operation *operation, const uint8_t *in, size_t in_len, bool last,
		  uint8_t *out, size_t *out_len)
{
	const struct mechanism *row = operation->mechanism;
	struct alg_request request = operation_request(operation);
	size_t text = operation->text_len + in_len, shorter = cut(row, text);
	size_t tail = shorter ? shorter + row->block : 0, body = text - tail;
	size_t gathered = operation->text_len < body ? operation->text_len : body;
	uint8_t turned[2 * ALG_BLOCK_MAX];
	struct iovec received = {.iov_base = out, .iov_len = text}, sent[3];
	int n_sent, err;

	if (!last)
		return gather(operation, in, in_len);

	if (tail) {
		copy_from(operation, in, body, turned, tail);
		if (operation_decrypts(operation))
			exchange(turned, shorter, row->block);
	}
	n_sent = alg_add(sent, 0, operation->text, gathered);
	n_sent = alg_add(sent, n_sent, in, body - gathered);
	n_sent = alg_add(sent, n_sent, turned, tail);
	*out_len = text;
	operation->clean = false;
	err = alg_send(operation->socket->fd, &request, sent, n_sent, false);
	if (!err)
		err = receive(operation->socket->fd, &received, 1, text);
	operation->clean = !err;
	if (err)
		explicit_bzero(out, text);
	else if (tail && !operation_decrypts(operation))
		exchange(out + body, row->block, shorter);
	explicit_bzero(turned, sizeof(turned));
	return gather_rv(operation, err, text);
}

const struct engine whole_engine = {.measure = measure, .move = move};
