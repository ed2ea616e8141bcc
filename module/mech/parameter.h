/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mechanism parameters: checked, and copied out of the caller's memory at C_*Init, because the
 * caller may free it before the operation ends (PKCS#11 3.2, section 5.2).
 */
#ifndef KCRYPTOKI_PARAMETER_H
#define KCRYPTOKI_PARAMETER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/alg.h"
#include "mech/mechanism.h"
#include "mech/nonce.h"
#include "pkcs11.h"

struct parameter {
	uint8_t iv[ALG_IV_MAX];
	uint8_t *long_iv; /* GCM: one that does not fit; owned */
	uint32_t iv_len;
	/* Counters: blocks that may still be made before the counter repeats; else UINT64_MAX. */
	uint64_t blocks;
	size_t size; /* digests and MACs: bytes of the result */
	/* AEAD */
	uint8_t *aad; /* owned */
	size_t aad_len;
	unsigned int tag_size; /* bytes */
	size_t text_len;       /* CCM: the bytes that the message must have; else SIZE_MAX */
	/* The message-based functions: the tag does not stand behind the ciphertext, but where
	 * the caller wants, or has, it; NULL, as long as nobody has said where. */
	bool detached;
	uint8_t *tag;
};

/* What holds before a decoder says otherwise. */
void parameter_start(const struct mechanism *, struct parameter *);

/* Decoders. CKR_OK, CKR_MECHANISM_PARAM_INVALID or CKR_HOST_MEMORY. */
CK_RV parameter_none(const struct mechanism *, const CK_MECHANISM *, struct parameter *);
CK_RV parameter_iv(const struct mechanism *, const CK_MECHANISM *, struct parameter *);
CK_RV parameter_iv_or_none(const struct mechanism *, const CK_MECHANISM *, struct parameter *);
CK_RV parameter_mac_general(const struct mechanism *, const CK_MECHANISM *, struct parameter *);
CK_RV parameter_ctr(const struct mechanism *, const CK_MECHANISM *, struct parameter *);
CK_RV parameter_chacha20(const struct mechanism *, const CK_MECHANISM *, struct parameter *);

/* AEADs: aead-parameter.c. */
CK_RV parameter_gcm(const struct mechanism *, const CK_MECHANISM *, struct parameter *);
CK_RV parameter_any_gcm(const struct mechanism *, const CK_MECHANISM *, struct parameter *);
CK_RV parameter_gmac(const struct mechanism *, const CK_MECHANISM *, struct parameter *);
CK_RV parameter_ccm(const struct mechanism *, const CK_MECHANISM *, struct parameter *);
CK_RV parameter_chacha20_poly1305(const struct mechanism *, const CK_MECHANISM *,
				  struct parameter *);

/* Of key derivation by encryption, what the encryption needs: encrypt-data.c. */
CK_RV parameter_encrypt_data(const struct mechanism *, const CK_MECHANISM *, struct parameter *);

/* Decoders of a message's parameter, without its AAD. Not every call needs the place of the tag,
 * so that NULL passes. */
CK_RV parameter_gcm_message(const void *, CK_ULONG, struct parameter *, struct nonce *);
CK_RV parameter_any_gcm_message(const void *, CK_ULONG, struct parameter *, struct nonce *);
CK_RV parameter_ccm_message(const void *, CK_ULONG, struct parameter *, struct nonce *);
CK_RV parameter_chacha20_poly1305_message(const void *, CK_ULONG, struct parameter *,
					  struct nonce *);

/* Copies AAD into PARAMETER. */
CK_RV parameter_take_aad(struct parameter *, const CK_BYTE *aad, CK_ULONG aad_len);

void parameter_log(const char *what, CK_ULONG value);

/* CKR_MECHANISM_PARAM_INVALID, with a line in the log that says what of the parameter is wrong. */
static inline CK_RV parameter_refuse(const char *what, CK_ULONG value)
{
	parameter_log(what, value);
	return CKR_MECHANISM_PARAM_INVALID;
}

void parameter_free(struct parameter *);

#endif
