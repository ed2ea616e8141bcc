/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GCM (NIST SP 800-38D) where the kernel keeps gcm(aes) from this process, or takes no nonce but of
 * 12 bytes: AES in counter mode by the kernel, and GHASH here, by nettle. The key stays in the
 * kernel. The hash key H does not: it is the keystream of a counter of zeros. So this is offered
 * only where the configuration asks.
 *
 * A text is given out only after its tag was found right.
 */
#include <errno.h>
#include <string.h>

#include <nettle/gcm.h>
#include <nettle/memops.h>

#include "kernel/alg.h"
#include "kernel/receive.h"
#include "kernel/secret.h"
#include "mech/engine.h"
#include "mech/gather.h"
#include "mech/rv.h"

enum {
	BLOCK = GCM_BLOCK_SIZE,
	/* As in cipher.c. */
	REQUEST_MAX = 192 * 1024,
	REQUEST_MIN = 4096,
	SCRATCH = 1024,
};

/* SP 800-38D, section 5.2.1.1: the bytes of the longest text. */
#define TEXT_MAX (((uint64_t)1 << 36) - 32)

/* What tells of H, or of the tag's mask; in locked memory. */
struct hash {
	struct gcm_key key;
	struct gcm_ctx state;
	uint8_t h[BLOCK], mask[BLOCK], tag[BLOCK];
	uint8_t scratch[SCRATCH];
};

/* nettle_cipher_func, for its one block: CTX is what the kernel makes of it. */
static void known(const void *ctx, size_t len, uint8_t *out, const uint8_t *in)
{
	(void)in;
	memcpy(out, ctx, len);
}

/* For blocks that are only to be hashed. */
static void nothing(const void *ctx, size_t len, uint8_t *out, const uint8_t *in)
{
	(void)ctx;
	(void)in;
	memset(out, 0, len);
}

/* Hashes LEN bytes of ciphertext; all but the last time a multiple of SCRATCH. */
static void hash_text(struct hash *hash, const uint8_t *text, size_t len)
{
	for (size_t some; len; text += some, len -= some) {
		some = len < SCRATCH ? len : SCRATCH;
		gcm_decrypt(&hash->state, &hash->key, NULL, nothing, some, hash->scratch, text);
	}
}

static uint32_t count_of(const uint8_t *counter)
{
	return (uint32_t)counter[12] << 24 | (uint32_t)counter[13] << 16 |
	       (uint32_t)counter[14] << 8 | counter[15];
}

/* inc32() of section 6.2, BLOCKS times: the other 12 bytes stay. */
static void count_on(uint8_t *counter, size_t blocks)
{
	uint32_t count = count_of(counter) + (uint32_t)blocks;

	for (int i = 0; i < 4; i++)
		counter[12 + i] = (uint8_t)(count >> (24 - 8 * i));
}

/* One request. */
static int code(struct operation *operation, const uint8_t *counter, const uint8_t *in, size_t len,
		uint8_t *out)
{
	/* In counter mode both directions are the same. */
	const struct alg_request request = {
		.direction = ALG_OP_ENCRYPT, .iv = counter, .iv_len = BLOCK};
	struct iovec sent = {.iov_base = (void *)in, .iov_len = len};
	struct iovec result = {.iov_base = out, .iov_len = len};
	int err;

	operation->clean = false;
	err = alg_send(operation->socket->fd, &request, &sent, 1, false);
	if (!err)
		err = receive(operation->socket->fd, &result, 1, len);
	operation->clean = !err;
	return err;
}

/* Codes LEN bytes; COUNTER goes on. OUT may be IN. The kernel's counter has 128 bits, and is not
 * let to wrap where GCM's has 32. */
static int code_all(struct operation *operation, uint8_t *counter, const uint8_t *in, size_t len,
		    uint8_t *out)
{
	size_t limit = len < REQUEST_MAX ? len : REQUEST_MAX, room = REQUEST_MIN;
	int err = 0;

	if (limit > REQUEST_MIN) {
		ssize_t found = transform_room(operation->socket, limit);

		if (found < 0)
			return (int)found;
		if (found > REQUEST_MIN)
			room = (size_t)found / BLOCK * BLOCK;
	}
	if (room > REQUEST_MAX)
		room = REQUEST_MAX;
	for (size_t some; len && !err; in += some, out += some, len -= some) {
		uint64_t to_wrap = (((uint64_t)1 << 32) - count_of(counter)) * BLOCK;

		some = len < room ? len : room;
		if (some > to_wrap)
			some = (size_t)to_wrap;
		err = code(operation, counter, in, some, out);
		count_on(counter, (some + BLOCK - 1) / BLOCK);
	}
	return err;
}

/* Sets HASH up for OPERATION's nonce and AAD, and COUNTER to that of the text's first block. */
static int begin(struct operation *operation, struct hash *hash, uint8_t *counter)
{
	static const uint8_t zeros[BLOCK];
	const struct parameter *parameter = &operation->parameter;
	const uint8_t *nonce = parameter->long_iv ? parameter->long_iv : parameter->iv;
	int err = code(operation, zeros, zeros, BLOCK, hash->h);

	if (err)
		return err;
	gcm_set_key(&hash->key, hash->h, known);
	gcm_set_iv(&hash->state, &hash->key, parameter->iv_len, nonce);
	memcpy(counter, hash->state.iv.b, BLOCK);
	err = code(operation, counter, zeros, BLOCK, hash->mask);
	count_on(counter, 1);
	gcm_update(&hash->state, &hash->key, parameter->aad_len, parameter->aad);
	return err;
}

static CK_RV measure(struct operation *operation, const uint8_t *in, size_t in_len, bool last,
		     size_t capacity, size_t *out_len)
{
	size_t text = operation->text_len + in_len, tag = operation_tag(operation);
	bool decrypts = operation_decrypts(operation);

	if (text < in_len || text > TEXT_MAX)
		return operation_wrong_length(operation);
	if (last && decrypts && text < tag)
		return CKR_ENCRYPTED_DATA_LEN_RANGE;
	*out_len = !last ? 0 : decrypts ? text - tag : text + tag;
	return CKR_OK;
}

static int seal(struct operation *operation, struct hash *hash, const uint8_t *in, size_t len,
		uint8_t *out)
{
	const struct parameter *parameter = &operation->parameter;
	uint8_t counter[BLOCK];
	int err = begin(operation, hash, counter);

	if (!err)
		err = code_all(operation, counter, in, len, out);
	if (err)
		return err;
	hash_text(hash, out, len);
	gcm_digest(&hash->state, &hash->key, hash->mask, known, parameter->tag_size,
		   parameter->detached ? parameter->tag : out + len);
	return 0;
}

static int unseal(struct operation *operation, struct hash *hash, const uint8_t *in, size_t len,
		  uint8_t *out)
{
	const struct parameter *parameter = &operation->parameter;
	uint8_t counter[BLOCK];
	int err = begin(operation, hash, counter);

	if (err)
		return err;
	hash_text(hash, in, len);
	gcm_digest(&hash->state, &hash->key, hash->mask, known, parameter->tag_size, hash->tag);
	if (!memeql_sec(hash->tag, parameter->detached ? parameter->tag : in + len,
			parameter->tag_size))
		return -EBADMSG;
	return code_all(operation, counter, in, len, out);
}

static CK_RV move(struct operation *operation, const uint8_t *in, size_t in_len, bool last,
		  uint8_t *out, size_t *out_len)
{
	size_t text = operation->text_len + in_len, len;
	struct hash *hash;
	CK_RV rv = CKR_OK;
	int err;

	/* Where parts came before, OUT may be where IN is, and go on over it. */
	if (!last || operation->text_len)
		rv = gather(operation, in, in_len);
	if (rv != CKR_OK || !last)
		return rv;
	if (operation->text_len)
		in = operation->text;
	hash = secret_new(sizeof(*hash));
	if (!hash)
		return CKR_HOST_MEMORY;
	if (operation_decrypts(operation)) {
		len = *out_len = text - operation_tag(operation);
		err = unseal(operation, hash, in, len, out);
	} else {
		len = text;
		*out_len = text + operation_tag(operation);
		err = seal(operation, hash, in, len, out);
	}
	secret_free(hash, sizeof(*hash));
	if (err && *out_len)
		explicit_bzero(out, *out_len);
	return rv_of_run(err, operation->mechanism->name);
}

const struct engine ghash_engine = {.measure = measure, .move = move};
