/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mechanism parameters: checked, and copied out of the caller's memory at C_*Init, because the
 * caller may free it before the operation ends (PKCS#11 3.0, section 5.2).
 */
#ifndef KCRYPTOKI_PARAMETER_H
#define KCRYPTOKI_PARAMETER_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/alg.h"
#include "pkcs11.h"

struct parameter {
	uint8_t iv[ALG_IV_MAX];
	uint32_t iv_len;
	/* CTR: blocks that may still be made before the counter repeats; else UINT64_MAX. */
	uint64_t blocks;
	/* AEAD */
	uint8_t *aad; /* owned */
	size_t aad_len;
	unsigned int tag_size; /* bytes */
};

/* Decoders. CKR_OK, CKR_MECHANISM_PARAM_INVALID or CKR_HOST_MEMORY. */
CK_RV parameter_none(const CK_MECHANISM *, struct parameter *);
CK_RV parameter_iv16(const CK_MECHANISM *, struct parameter *);
CK_RV parameter_ctr(const CK_MECHANISM *, struct parameter *); /* CK_AES_CTR_PARAMS */
CK_RV parameter_gcm(const CK_MECHANISM *, struct parameter *); /* CK_GCM_PARAMS, both layouts */

void parameter_free(struct parameter *);

#endif
