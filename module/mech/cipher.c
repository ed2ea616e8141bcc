/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ciphers: algif_skcipher (crypto/algif_skcipher.c). The kernel chains whole blocks from one
 * request to the next, so that messages of any length pass through in constant memory; what does
 * not fill a block waits in operation.tail, but stream ciphers go on with keystream.[ch]. PKCS#7
 * padding is made and checked here.
 */
#include <string.h>

#include "kernel/alg.h"
#include "kernel/receive.h"
#include "mech/engine.h"
#include "mech/keystream.h"
#include "mech/padding.h"
#include "mech/rv.h"

enum {
	/* The bytes of one request: as many as socket buffers hold by default. Larger ones save
	 * little, and above some megabytes the kernel has no memory for them. */
	REQUEST_MAX = 192 * 1024,
	/* A page may always be queued (af_alg_sndbuf()), and a result that the kernel hands out
	 * in several pieces is chained. */
	REQUEST_MIN = 4096,
};

static bool unpads(const struct operation *operation)
{
	return operation->mechanism->padded && operation_decrypts(operation);
}

/* The bytes that pass through the kernel now, of TOTAL bytes that are here. */
static size_t passing(const struct operation *operation, size_t total, bool last)
{
	size_t block = operation->mechanism->block;

	if (last && operation->mechanism->padded && !operation_decrypts(operation))
		return total + padding_size(total, block);
	if (last)
		return total;
	/* A block that may be the last one, whose padding is to be taken off, waits. */
	if (unpads(operation) && total)
		total--;
	return total - total % block;
}

/*
 * Decrypts the last block ahead of the others, to tell how long the text is. At the end of a
 * multi-part message that block is all there is, and is kept; in a single-part message it is the
 * last of IN, and the message itself is yet to come.
 */
static CK_RV peek(struct operation *operation, const uint8_t *in, size_t in_len)
{
	size_t block = operation->mechanism->block;
	struct alg_request head = operation_request(operation);
	struct iovec sent = {.iov_base = operation->tail, .iov_len = operation->tail_len};
	struct iovec result = {.iov_base = operation->last, .iov_len = block};
	int err;

	if (in_len) {
		sent.iov_base = (void *)(in + in_len - block);
		sent.iov_len = block;
		if (in_len > block)
			head.iv = in + in_len - 2 * block;
	}
	operation->clean = false;
	err = alg_send(operation->socket->fd, in_len || !operation->begun ? &head : NULL, &sent, 1,
		       false);
	if (!err)
		err = receive(operation->socket->fd, &result, 1, block);
	operation->clean = !err;
	if (!err && !in_len) {
		operation->peeked = true;
		operation->tail_len = 0;
	}
	return rv_of_run(err, operation->mechanism->name);
}

/* The length of a padded message's text, exactly where CAPACITY is too small for any. */
static CK_RV measure_unpadded(struct operation *operation, const uint8_t *in, size_t in_len,
			      size_t capacity, size_t *out_len)
{
	size_t block = operation->mechanism->block, total = operation->tail_len + in_len, text;
	CK_RV rv;

	if (!operation->peeked) {
		if (!total || total % block)
			return CKR_ENCRYPTED_DATA_LEN_RANGE;
		*out_len = total - 1;
		if (capacity >= total - 1 || capacity < total - block)
			return CKR_OK;
		rv = peek(operation, in, in_len);
		if (rv != CKR_OK)
			return rv;
	} else {
		total = block;
	}
	text = padding_text(operation->last, block);
	*out_len = total - block + text;
	return text < block ? CKR_OK : CKR_ENCRYPTED_DATA_INVALID;
}

static CK_RV measure(struct operation *operation, const uint8_t *in, size_t in_len, bool last,
		     size_t capacity, size_t *out_len)
{
	const struct mechanism *row = operation->mechanism;
	size_t block = row->block, total = operation->tail_len + in_len;

	/* Room to spare for a block of padding. */
	if (total < in_len || total > SIZE_MAX - block)
		return operation_wrong_length(operation);
	/* Section 6.11.3 names the one answer for encrypting and decrypting. A block that is under
	 * way was counted when its keystream was made. */
	if (total / block + (total % block != 0) - (row->stream && operation->tail_len) >
	    operation->parameter.blocks)
		return CKR_DATA_LEN_RANGE;

	if (last && unpads(operation))
		return measure_unpadded(operation, in, in_len, capacity, out_len);
	/* After a final that asked for more room, nothing but a final can come. */
	if (operation->peeked)
		return CKR_OPERATION_NOT_INITIALIZED;
	if (last && !row->padded && !row->stream && total % block)
		return operation_wrong_length(operation);
	*out_len = row->stream ? in_len : passing(operation, total, last);
	return CKR_OK;
}

/* The bytes of the next request, of LEFT that are to go and at most ROOM. */
static size_t request_size(const struct operation *operation, size_t left, size_t room)
{
	size_t block = operation->mechanism->block;
	size_t size = left <= room ? left : room / block * block;
	const uint8_t *iv = operation->parameter.iv;
	uint64_t to_wrap;

	if (!operation->mechanism->counted)
		return size;
	/* The kernel's counter of blocks has 32 bits, and must not wrap within a request. */
	to_wrap = ((uint64_t)1 << 32) - ((uint32_t)iv[0] | (uint32_t)iv[1] << 8 |
					 (uint32_t)iv[2] << 16 | (uint32_t)iv[3] << 24);
	return size < to_wrap * block ? size : (size_t)(to_wrap * block);
}

/* Counts on by BLOCKS, over as many bytes as it takes: those of the counter, which measure() has
 * found long enough. */
static void count_on(uint8_t *iv, size_t blocks)
{
	for (; blocks; blocks >>= 8) {
		unsigned int sum = *iv + (unsigned int)(blocks & 0xff);

		*iv++ = (uint8_t)sum;
		blocks += sum & 0x100;
	}
}

/*
 * Sends the tail, IN and SUFFIX through the kernel, WHOLE bytes in all, and leaves the rest of IN
 * in the tail. The last DIVERTED bytes of the result go to operation.last, each at its place in the
 * block, the others to OUT.
 */
static int pump(struct operation *operation, const uint8_t *in, size_t in_len,
		const struct iovec *suffix, size_t whole, uint8_t *out, size_t diverted)
{
	const struct mechanism *row = operation->mechanism;
	size_t waiting = operation->tail_len;
	size_t limit = whole < REQUEST_MAX ? whole : REQUEST_MAX;
	struct alg_request head = operation_request(operation);
	size_t done = 0;
	ssize_t room = REQUEST_MIN;
	int err = 0;

	/* A result in two pieces of which the first ends within a block is not chained. */
	if (limit > REQUEST_MIN || diverted % row->block)
		room = transform_room(operation->socket, limit);
	if (room < 0)
		return (int)room;
	if (room < REQUEST_MIN)
		room = REQUEST_MIN;
	if (room > REQUEST_MAX)
		room = REQUEST_MAX;
	while (done < whole && !err) {
		size_t left = whole - done;
		size_t size = request_size(operation, left, (size_t)room);
		size_t aside = size == left ? diverted : 0;
		size_t behind = size - operation->tail_len;
		size_t from_in = behind < in_len ? behind : in_len;
		struct iovec sent[3], result[2];
		int n_sent = alg_add(sent, 0, operation->tail, operation->tail_len);
		int n_result = alg_add(result, 0, out + done, size - aside);

		n_sent = alg_add(sent, n_sent, in, from_in);
		n_sent = alg_add(sent, n_sent, suffix->iov_base, behind - from_in);
		n_result = alg_add(result, n_result, operation->last + row->block - aside, aside);
		operation->clean = false;
		err = alg_send(operation->socket->fd, operation->begun ? NULL : &head, sent, n_sent,
			       false);
		if (err)
			break;
		operation->begun = !row->counted;
		if (row->counted)
			count_on(operation->parameter.iv, size / row->block);
		in += from_in;
		in_len -= from_in;
		/* Where OUT is IN, the result overwrites as many bytes of input yet unsent as
		 * waited in the tail at first: take them out of its way. */
		operation->tail_len = in_len < waiting ? in_len : waiting;
		if (operation->tail_len)
			memcpy(operation->tail, in, operation->tail_len);
		in += operation->tail_len;
		in_len -= operation->tail_len;

		err = receive(operation->socket->fd, result, n_result, size);
		operation->clean = !err;
		done += size;
	}
	if (!err && in_len) {
		memcpy(operation->tail + operation->tail_len, in, in_len);
		operation->tail_len += in_len;
	}
	if (operation->parameter.blocks != UINT64_MAX)
		operation->parameter.blocks -= whole / row->block + (whole % row->block != 0);
	return err;
}

/* As many bytes as come in. Where a part that is not the last ends within a block, its keystream is
 * asked for, too. */
static int pump_stream(struct operation *operation, const uint8_t *in, size_t in_len, bool last,
		       uint8_t *out)
{
	static const uint8_t zeros[ALG_BLOCK_MAX];
	size_t block = operation->mechanism->block;
	size_t done = keystream_use(operation, in, in_len, out);
	size_t left = in_len - done, cut = left % block;
	struct iovec suffix = {.iov_base = (void *)zeros,
			       .iov_len = cut && !last ? block - cut : 0};
	bool decrypts = operation_decrypts(operation);
	int err;

	if (!left)
		return 0;
	if (decrypts)
		memcpy(operation->tail, in + in_len - cut, cut);
	err = pump(operation, in + done, left, &suffix, left + suffix.iov_len, out + done,
		   suffix.iov_len);
	if (!decrypts)
		memcpy(operation->tail, out + in_len - cut, cut);
	operation->tail_len = cut;
	return err;
}

static CK_RV move(struct operation *operation, const uint8_t *in, size_t in_len, bool last,
		  uint8_t *out, size_t *out_len)
{
	size_t block = operation->mechanism->block, total = operation->tail_len + in_len;
	size_t whole = passing(operation, total, last), text;
	size_t diverted = last && unpads(operation) ? block : 0;
	uint8_t padding[ALG_BLOCK_MAX];
	struct iovec suffix = {.iov_base = padding, .iov_len = whole > total ? whole - total : 0};
	int err;

	if (operation->peeked) {
		*out_len = padding_text(operation->last, block);
		memcpy(out, operation->last, *out_len);
		return CKR_OK;
	}
	memset(padding, (int)suffix.iov_len, sizeof(padding));
	if (operation->mechanism->stream) {
		err = pump_stream(operation, in, in_len, last, out);
		*out_len = in_len;
	} else {
		err = pump(operation, in, in_len, &suffix, whole, out, diverted);
		*out_len = whole - diverted;
	}
	if (!err && diverted) {
		text = padding_text(operation->last, block);
		if (text < block) {
			memcpy(out + *out_len, operation->last, text);
			*out_len += text;
			return CKR_OK;
		}
		explicit_bzero(out, *out_len);
		return CKR_ENCRYPTED_DATA_INVALID;
	}
	/* Nothing of a failed operation, not even what earlier requests made. */
	if (err && *out_len)
		explicit_bzero(out, *out_len);
	return rv_of_run(err, operation->mechanism->name);
}

const struct engine cipher_engine = {.measure = measure, .move = move};
