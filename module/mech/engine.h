/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An engine moves messages through an interface of the kernel (algif_hash, algif_skcipher,
 * algif_aead). It knows how, and how much comes out; when an operation ends is not its business.
 */
#ifndef KCRYPTOKI_ENGINE_H
#define KCRYPTOKI_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#include "mech/operation.h"

struct engine {
	/*
	 * The bytes that come out when IN_LEN bytes come in, LAST telling whether the message
	 * ends with them. CAPACITY is the room that the caller has, SIZE_MAX where that is not the
	 * question: an exact length may have its price, and a limit that is enough has none.
	 * Refuses lengths that the mechanism does not take.
	 */
	CK_RV(*measure)
	(struct operation *, const uint8_t *in, size_t in_len, bool last, size_t capacity,
	 size_t *out_len);
	/* Moves the bytes. OUT has the room that measure() named. Sets *OUT_LEN. */
	CK_RV(*move)
	(struct operation *, const uint8_t *in, size_t in_len, bool last, uint8_t *out,
	 size_t *out_len);
};

extern const struct engine hash_engine;    /* hash.c: digests and MACs */
extern const struct engine cipher_engine;  /* cipher.c: ciphers that chain from block to block */
extern const struct engine whole_engine;   /* whole.c: ciphers of whole messages */
extern const struct engine aead_engine;    /* aead.c */
extern const struct engine gmac_engine;    /* gmac.c */
extern const struct engine ghash_engine;   /* ghash.c: GCM without the kernel's; HAVE_NETTLE */
extern const struct engine keywrap_engine; /* keywrap.c */

/* What a request of OPERATION begins with: direction, IV, and AAD length. */
static inline struct alg_request operation_request(const struct operation *operation)
{
	return (struct alg_request){
		.direction = operation_decrypts(operation) ? ALG_OP_DECRYPT : ALG_OP_ENCRYPT,
		.iv = operation->parameter.iv,
		.iv_len = operation->parameter.iv_len,
		.aad_len = (uint32_t)operation->parameter.aad_len,
	};
}

#endif
