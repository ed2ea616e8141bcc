/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NIST SP 800-38F: KW (RFC 3394) and KWP (RFC 5649) as ciphers, step by step on the kernel's
 * ecb(aes), so that the key stays there on every kernel (kw(aes) was removed from Linux). Two
 * system calls for each of 6 (n + 1) steps or so: made for keys, not for files.
 *
 * The names are those of the standard: a message is semiblocks A | R1 | ... | Rn, of 8 bytes each.
 * A begins as the initial value, by which unwrapping knows that nothing was changed.
 */
#include <errno.h>
#include <string.h>

#include "kernel/alg.h"
#include "kernel/receive.h"
#include "kernel/secret.h"
#include "mech/engine.h"
#include "mech/gather.h"
#include "mech/padding.h"
#include "mech/rv.h"

enum {
	SEMI = 8,
	BLOCK = 2 * SEMI,
	WITH_LENGTH = 4,
	/* Three times what a key of the kernel can have. Each semiblock costs twelve system calls,
	 * and whoever would close the session waits for them. */
	TEXT_MAX = 96 * 1024,
};

/* KWP's initial value is 4 bytes, and the message's length. */
static bool is_kwp(const struct operation *operation)
{
	return operation->mechanism->iv == WITH_LENGTH;
}

static void initial_value(const struct operation *operation, size_t len, uint8_t value[SEMI])
{
	static const uint8_t kw[SEMI] = {0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6};
	static const uint8_t kwp[WITH_LENGTH] = {0xa6, 0x59, 0x59, 0xa6};
	const struct parameter *parameter = &operation->parameter;

	if (!is_kwp(operation)) {
		memcpy(value, parameter->iv_len ? parameter->iv : kw, SEMI);
		return;
	}
	memcpy(value, parameter->iv_len ? parameter->iv : kwp, WITH_LENGTH);
	for (int i = 0; i < 4; i++)
		value[4 + i] = (uint8_t)(len >> (24 - 8 * i));
}

/* The bytes of R for LEN bytes of text, or 0 where that cannot be wrapped. */
static size_t padded(const struct operation *operation, size_t len)
{
	size_t size = len;

	if (len > TEXT_MAX)
		return 0;
	if (is_kwp(operation))
		return len ? len + (SEMI - len % SEMI) % SEMI : 0;
	if (operation->mechanism->padded)
		size += padding_size(len, SEMI);
	return size % SEMI == 0 && size >= 2 * SEMI ? size : 0;
}

/* One block through ecb(aes), which has no IV: the parameter's is ours. In one piece, since with
 * the smallest socket buffers the kernel fills no more than the first. */
static int step(struct operation *operation, uint8_t block[BLOCK])
{
	struct alg_request request = {.direction = operation_request(operation).direction};
	struct iovec iov = {.iov_base = block, .iov_len = BLOCK};
	int err;

	operation->clean = false;
	err = alg_send(operation->socket->fd, &request, &iov, 1, false);
	if (!err)
		err = receive(operation->socket->fd, &iov, 1, BLOCK);
	operation->clean = !err;
	return err;
}

static void count(uint8_t a[SEMI], uint64_t t)
{
	for (int i = SEMI - 1; i >= 0; i--, t >>= 8)
		a[i] ^= (uint8_t)t;
}

/* W and W^-1 of section 6.1, in place, on A | R of (N + 1) semiblocks. The text may be a key, which
 * is to be in no memory but secret_new()'s: BLOCK, A and one of R, is in that, too. */
static int shuffle(struct operation *operation, uint8_t *c, size_t n, uint8_t block[BLOCK])
{
	bool unwrap = operation_decrypts(operation);
	int err = 0;

	memcpy(block, c, SEMI);
	for (uint64_t s = 0; s < 6 * (uint64_t)n && !err; s++) {
		uint64_t t = unwrap ? 6 * (uint64_t)n - s : s + 1;
		uint8_t *r = c + SEMI * (1 + (t - 1) % n);

		memcpy(block + SEMI, r, SEMI);
		if (unwrap)
			count(block, t);
		err = step(operation, block);
		if (!unwrap)
			count(block, t);
		memcpy(r, block + SEMI, SEMI);
	}
	memcpy(c, block, SEMI);
	return err;
}

/* A single semiblock of KWP is one block (section 6.3). */
static int transform(struct operation *operation, uint8_t *c, size_t len, uint8_t block[BLOCK])
{
	return len == BLOCK && is_kwp(operation) ? step(operation, c)
						 : shuffle(operation, c, len / SEMI - 1, block);
}

/* The length of the text in C, unwrapped, or SIZE_MAX where it was not wrapped with this key. Says
 * no more than that, and takes as long whatever is wrong. */
static size_t text_length(const struct operation *operation, const uint8_t *c, size_t len)
{
	size_t size = len - SEMI, text = size, claimed = 0;
	unsigned int wrong = 0;
	uint8_t value[SEMI];

	if (is_kwp(operation)) {
		for (int i = 4; i < SEMI; i++)
			claimed = claimed << 8 | c[i];
		wrong |= (claimed > size) | (claimed + SEMI <= size);
		for (size_t i = size - SEMI; i < size; i++)
			wrong |= (i >= claimed) & (c[SEMI + i] != 0);
		text = claimed;
	}
	initial_value(operation, text, value);
	for (int i = 0; i < SEMI; i++)
		wrong |= c[i] != value[i];
	if (operation->mechanism->padded) {
		size_t left = padding_text(c + len - SEMI, SEMI);

		wrong |= left == SEMI;
		text = size - SEMI + left;
	}
	return wrong ? SIZE_MAX : text;
}

/*
 * Wraps or unwraps the gathered text and IN. *WORK, of *WORK_LEN bytes, is A | R afterwards and a
 * block of no meaning, to be given back; *TEXT_LEN the bytes of text in R.
 */
static CK_RV run(struct operation *operation, const uint8_t *in, size_t in_len, uint8_t **work,
		 size_t *work_len, size_t *text_len)
{
	size_t len = operation->text_len + in_len;
	bool unwrap = operation_decrypts(operation);
	size_t size = unwrap ? len : padded(operation, len) + SEMI;
	uint8_t *c = secret_new(size + BLOCK), *text;
	int err;

	if (!c)
		return CKR_HOST_MEMORY;
	text = unwrap ? c : c + SEMI;
	if (operation->text_len)
		memcpy(text, operation->text, operation->text_len);
	if (in_len)
		memcpy(text + operation->text_len, in, in_len);
	if (!unwrap) {
		initial_value(operation, len, c);
		memset(text + len, operation->mechanism->padded ? (int)(size - SEMI - len) : 0,
		       size - SEMI - len);
	}
	err = transform(operation, c, size, c + size);
	*text_len = err || !unwrap ? len : text_length(operation, c, size);
	*work = c;
	*work_len = size + BLOCK;
	return *text_len == SIZE_MAX ? CKR_ENCRYPTED_DATA_INVALID
				     : rv_of_run(err, operation->mechanism->name);
}

static CK_RV measure(struct operation *operation, const uint8_t *in, size_t in_len, bool last,
		     size_t capacity, size_t *out_len)
{
	size_t len = operation->text_len + in_len, least = is_kwp(operation) ? 2 : 3, size = 0;
	uint8_t *work = NULL;
	CK_RV rv;

	*out_len = 0;
	if (len < in_len || len > TEXT_MAX + 2 * SEMI)
		return operation_wrong_length(operation);
	if (!last)
		return CKR_OK;
	if (!operation_decrypts(operation)) {
		size = padded(operation, len);
		*out_len = size + SEMI;
		return size ? CKR_OK : CKR_DATA_LEN_RANGE;
	}
	if (len % SEMI || len < least * SEMI)
		return CKR_ENCRYPTED_DATA_LEN_RANGE;
	*out_len = len - SEMI;
	/* How much of that is padding, only unwrapping tells. */
	if (capacity >= *out_len || len - 2 * SEMI > capacity ||
	    !(is_kwp(operation) || operation->mechanism->padded))
		return CKR_OK;
	rv = run(operation, in, in_len, &work, &size, out_len);
	secret_free(work, size);
	return rv;
}

static CK_RV move(struct operation *operation, const uint8_t *in, size_t in_len, bool last,
		  uint8_t *out, size_t *out_len)
{
	uint8_t *work = NULL;
	size_t size = 0, text = 0;
	CK_RV rv;

	if (!last)
		return gather(operation, in, in_len);
	rv = run(operation, in, in_len, &work, &size, &text);
	if (rv == CKR_OK) {
		bool unwrap = operation_decrypts(operation);

		*out_len = unwrap ? text : size - BLOCK;
		memcpy(out, unwrap ? work + SEMI : work, *out_len);
	}
	secret_free(work, size);
	return rv;
}

const struct engine keywrap_engine = {.measure = measure, .move = move};
