/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nonces that the token generates for the message-based functions: PKCS#11 3.2, section 6.13.2,
 * where each must be unique within a session. A source outlives the process that uses it (from
 * C_MessageEncryptInit to C_MessageEncryptFinal): with the same key and mechanism the next one goes
 * on where it was. When no nonce is left, it makes no more.
 */
#ifndef KCRYPTOKI_NONCE_H
#define KCRYPTOKI_NONCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pkcs11.h"

struct mechanism;

enum { NONCE_MAX = 16 };

/* A nonce in the caller's memory, and how it is to be made. */
struct nonce {
	CK_BYTE *bytes;
	CK_ULONG len;        /* bytes */
	CK_ULONG fixed_bits; /* the first so many stay as the caller has them */
	CK_ULONG generator;  /* CKG_... */
};

/* What is remembered of the nonces that were made; all zeros before the first process. */
struct nonce_source {
	uint64_t key_id; /* whose nonces they are */
	const struct mechanism *mechanism;
	bool started;
	bool agreed; /* this process has made one, and how may not change any more */
	CK_ULONG len, fixed_bits, generator;
	uint64_t made;
	uint8_t start[NONCE_MAX]; /* CKG_GENERATE: random; CKG_GENERATE_COUNTER_XOR: the caller's */
	uint8_t last[NONCE_MAX];  /* what came of it */
};

/* A process begins, with a key (transform_key.id) and a mechanism. */
void nonce_begin(struct nonce_source *source, uint64_t key_id, const struct mechanism *mechanism);

/*
 * Makes the next nonce in NONCE's memory; does nothing for CKG_NO_GENERATE. CKR_DATA_LEN_RANGE
 * where the source is exhausted, CKR_MECHANISM_PARAM_INVALID where the nonce cannot be made as
 * asked, or is asked for otherwise than those before it in the process. The first one in a process
 * may be asked for otherwise than before, and the source begins anew.
 */
CK_RV nonce_make(struct nonce_source *source, struct nonce *nonce);

#endif
