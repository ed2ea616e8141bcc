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

/* CK_KEY_DERIVATION_STRING_DATA: section 6.43.2 */
struct derivation_data {
	CK_BYTE *data;
	CK_ULONG data_len;
};

/* CK_AES_CBC_ENCRYPT_DATA_PARAMS: section 6.17.2 */
struct cbc_encrypt_data_params {
	CK_BYTE iv[16];
	CK_BYTE *data;
	CK_ULONG data_len;
};

/* CK_HKDF_PARAMS: section 6.62.2 */
struct hkdf_params {
	CK_BBOOL extract;
	CK_BBOOL expand;
	CK_MECHANISM_TYPE hash;
	CK_ULONG salt_type; /* CKF_HKDF_SALT_... */
	CK_BYTE *salt;
	CK_ULONG salt_len;
	CK_OBJECT_HANDLE salt_key;
	CK_BYTE *info;
	CK_ULONG info_len;
};

/* CK_SP800_108_COUNTER_FORMAT: section 6.42.2 */
struct kdf_counter_format {
	CK_BBOOL little_endian;
	CK_ULONG bits;
};

/* CK_SP800_108_DKM_LENGTH_FORMAT */
struct kdf_length_format {
	CK_ULONG method; /* CK_SP800_108_DKM_LENGTH_SUM_OF_... */
	CK_BBOOL little_endian;
	CK_ULONG bits;
};

/* CK_PRF_DATA_PARAM */
struct kdf_field {
	CK_ULONG type; /* CK_SP800_108_... */
	void *value;
	CK_ULONG value_len;
};

/* CK_DERIVED_KEY */
struct derived_key {
	CK_ATTRIBUTE *attributes;
	CK_ULONG n_attributes;
	CK_OBJECT_HANDLE *key; /* where the handle goes */
};

/* CK_SP800_108_KDF_PARAMS */
struct counter_kdf_params {
	CK_MECHANISM_TYPE prf;
	CK_ULONG n_fields;
	struct kdf_field *fields;
	CK_ULONG n_more;
	struct derived_key *more;
};

/* CK_SP800_108_FEEDBACK_KDF_PARAMS */
struct feedback_kdf_params {
	CK_MECHANISM_TYPE prf;
	CK_ULONG n_fields;
	struct kdf_field *fields;
	CK_ULONG iv_len;
	CK_BYTE *iv;
	CK_ULONG n_more;
	struct derived_key *more;
};

#endif
