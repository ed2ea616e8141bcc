/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AF_ALG, system call by system call. Every function returns 0 (or what it says) on success and
 * -errno otherwise. Follows linux/Documentation/crypto/userspace-if.rst and crypto/af_alg.c.
 *
 * A "transform" here is a bound socket (it holds the key), an "op socket" what accept() makes of
 * it (it holds one request at a time). All are close-on-exec.
 */
#ifndef KCRYPTOKI_ALG_H
#define KCRYPTOKI_ALG_H

#include <linux/if_alg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* Linux 5.11 and 6.2; missing from the headers of older distributions. */
#ifndef ALG_SET_DRBG_ENTROPY
#define ALG_SET_DRBG_ENTROPY 6
#endif
#ifndef ALG_SET_KEY_BY_KEY_SERIAL
#define ALG_SET_KEY_BY_KEY_SERIAL 7
#endif

/* The largest tag, block, IV and digest of any algorithm that the kernel offers here. */
enum {
	ALG_IV_MAX = 32,
	ALG_BLOCK_MAX = 64,
	ALG_DIGEST_MAX = 64,
	ALG_TAG_MAX = 16,
	ALG_RANDOM_MAX = 128
};

/* What begins a cipher or AEAD request: ALG_SET_OP, ALG_SET_IV, ALG_SET_AEAD_ASSOCLEN. */
struct alg_request {
	uint32_t direction; /* ALG_OP_ENCRYPT or ALG_OP_DECRYPT */
	const uint8_t *iv;
	uint32_t iv_len;  /* bytes; 0 sends no IV */
	uint32_t aad_len; /* bytes; 0 sends none */
};

/*
 * Adds LEN bytes at BASE to the COUNT pieces of memory in IOV; returns how many there are then.
 * Each costs the kernel as much, so that what lies behind the last one makes that longer, and what
 * is empty is left out.
 */
static inline int alg_add(struct iovec *iov, int count, const void *base, size_t len)
{
	if (!len)
		return count;
	if (count && (uint8_t *)iov[count - 1].iov_base + iov[count - 1].iov_len == base) {
		iov[count - 1].iov_len += len;
		return count;
	}
	iov[count] = (struct iovec){.iov_base = (void *)base, .iov_len = len};
	return count + 1;
}

/* 0 where this process may open AF_ALG sockets. */
int alg_probe(void);

/* A transform bound to TYPE ("hash", "skcipher", "aead", "rng") and NAME; -ENOENT: not here. */
int alg_bind(const char *type, const char *name);

int alg_set_key(int transform, const void *key, size_t len);
int alg_set_key_serial(int transform, int32_t serial);
int alg_set_tag_size(int transform, unsigned int len);

/*
 * For tests of a generator against published vectors, where the kernel is built with
 * CONFIG_CRYPTO_USER_API_RNG_CAVP and the process has CAP_SYS_ADMIN: the entropy and nonce that the
 * generator is to be seeded with, before alg_set_key() with the personalization string seeds it.
 * Additional data of the next request is then sent with alg_send().
 */
int alg_set_drbg_entropy(int transform, const void *entropy, size_t len);

/* An op socket of TRANSFORM. */
int alg_accept(int transform);

/* Whether FD is a socket of this family. */
bool alg_is(int fd);

/* 1 where TRANSFORM's kernel knows ALG_SET_KEY_BY_KEY_SERIAL, 0 where not. */
int alg_takes_serials(int transform);

/* The bytes that one request may queue before it is received; both directions are raised to LEN
 * where they are smaller and the kernel allows it. Returns the bytes that are safe. */
ssize_t alg_room(int op, size_t len);

/*
 * Queues all bytes of IOV. REQUEST begins a request, NULL goes on with the chained IV; MORE says
 * that further data of the same message follows. Never blocks: -EAGAIN where it would.
 */
int alg_send(int op, const struct alg_request *request, const struct iovec *iov, int count,
	     bool more);

/*
 * Receives EXPECTED bytes into IOV; any other number is -EIO. IOV has room for exactly these, since
 * a larger receive buffer waits for ever and a smaller one leaves bytes for the next request. The
 * one exception is a result of no bytes, which needs a byte of room to be computed at all.
 */
int alg_recv(int op, const struct iovec *iov, int count, size_t expected);

#endif
