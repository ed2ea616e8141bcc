/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parameters of mechanisms as they lie in a caller's memory, under names of our own: p11-kit's
 * header has some of them, under names that changed from version to version. The comment says which
 * structure of the specification each one is.
 */
#ifndef KCRYPTOKI_PKCS11_PARAMETERS_H
#define KCRYPTOKI_PKCS11_PARAMETERS_H

#include "pkcs11.h"

/* CK_AES_CTR_PARAMS, CK_CAMELLIA_CTR_PARAMS: section 6.11.3 */
struct ctr_params {
	CK_ULONG counter_bits; /* at the end of the block, most significant first */
	CK_BYTE counter[16];
};

/* CK_GCM_PARAMS: section 6.13.6 */
struct gcm_params {
	CK_BYTE *iv;
	CK_ULONG iv_len;
	CK_ULONG iv_bits; /* means nothing; clients send 0 or anything here */
	CK_BYTE *aad;
	CK_ULONG aad_len;
	CK_ULONG tag_bits;
};

/* CK_GCM_PARAMS as version 2.20 had it, amendment 5. Java sends it; the length tells which. */
struct gcm_params_2_20 {
	CK_BYTE *iv;
	CK_ULONG iv_len;
	CK_BYTE *aad;
	CK_ULONG aad_len;
	CK_ULONG tag_bits;
};

/* CK_GCM_MESSAGE_PARAMS */
struct gcm_message_params {
	CK_BYTE *iv;
	CK_ULONG iv_len;
	CK_ULONG iv_fixed_bits;
	CK_ULONG iv_generator; /* CKG_... */
	CK_BYTE *tag;
	CK_ULONG tag_bits;
};

/* CK_CCM_PARAMS */
struct ccm_params {
	CK_ULONG data_len; /* bytes, without the MAC */
	CK_BYTE *nonce;
	CK_ULONG nonce_len;
	CK_BYTE *aad;
	CK_ULONG aad_len;
	CK_ULONG mac_len; /* bytes */
};

/* CK_CCM_MESSAGE_PARAMS */
struct ccm_message_params {
	CK_ULONG data_len;
	CK_BYTE *nonce;
	CK_ULONG nonce_len;
	CK_ULONG nonce_fixed_bits;
	CK_ULONG nonce_generator;
	CK_BYTE *mac;
	CK_ULONG mac_len;
};

/* CK_CHACHA20_PARAMS: section 6.58.3 */
struct chacha20_params {
	CK_BYTE *block_counter; /* least significant byte first */
	CK_ULONG block_counter_bits;
	CK_BYTE *nonce;
	CK_ULONG nonce_bits;
};

/* CK_SALSA20_CHACHA20_POLY1305_PARAMS: section 6.61.3 */
struct chacha20_poly1305_params {
	CK_BYTE *nonce;
	CK_ULONG nonce_len; /* bits, though clients send bytes, too */
	CK_BYTE *aad;
	CK_ULONG aad_len;
};

/* CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS */
struct chacha20_poly1305_message_params {
	CK_BYTE *nonce;
	CK_ULONG nonce_len;
	CK_BYTE *tag; /* 16 bytes */
};

#endif
