/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nonces that the token generates for the message-based functions: PKCS#11 3.2, section 6.13.2.
 * Within one process (C_MessageEncryptInit to C_MessageEncryptFinal) none comes twice; when there
 * is no other left the process makes no more.
 */
#ifndef KCRYPTOKI_NONCE_H
#define KCRYPTOKI_NONCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pkcs11.h"

enum { NONCE_MAX = 16 };

/* A nonce in the caller's memory, and how it is to be made. */
struct nonce {
	CK_BYTE *bytes;
	CK_ULONG len;        /* bytes */
	CK_ULONG fixed_bits; /* the first so many stay as the caller has them */
	CK_ULONG generator;  /* CKG_... */
};

/* What a process remembers of the nonces that it made; all zeros before the first. */
struct nonce_source {
	bool started;
	CK_ULONG len, fixed_bits, generator;
	uint64_t made;
	uint8_t start[NONCE_MAX]; /* CKG_GENERATE: random; CKG_GENERATE_COUNTER_XOR: the caller's */
	uint8_t last[NONCE_MAX];  /* what came of it */
};

/*
 * Makes the next nonce in NONCE's memory; does nothing for CKG_NO_GENERATE. CKR_DATA_LEN_RANGE
 * where the source is exhausted, CKR_MECHANISM_PARAM_INVALID where the nonce cannot be made as
 * asked, or is asked for otherwise than those before it.
 */
CK_RV nonce_make(struct nonce_source *source, struct nonce *nonce);

#endif
