/* SPDX-License-Identifier: BSD-2-Clause */
/* Parameters of AEADs, as C_EncryptInit and as the message-based functions have them. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "mech/parameter.h"
#include "pkcs11-parameters.h"

enum {
	GCM_IV = 12, /* the only length that the kernel's gcm(aes) takes */
	CCM_NONCE_MIN = 7,
	CCM_NONCE_MAX = 13,
	CHACHA20_NONCE = 12, /* RFC 8439, the only one that the kernel's rfc7539() takes */
	POLY1305_TAG = 16,
};

static CK_RV take_gcm_tag(struct parameter *parameter, CK_ULONG tag_bits)
{
	/* SP 800-38D, section 5.2.1.2; a tag of no bits would be no tag at all. */
	if (tag_bits != 32 && tag_bits != 64 && (tag_bits < 96 || tag_bits > 128 || tag_bits % 8))
		return parameter_refuse(
			"ulTagBits (32, 64, 96, 104, 112, 120 and 128 are possible)", tag_bits);
	parameter->tag_size = (unsigned int)tag_bits / 8;
	return CKR_OK;
}

static CK_RV take_gcm(struct parameter *parameter, const CK_BYTE *iv, CK_ULONG iv_len,
		      CK_ULONG tag_bits)
{
	if (!iv || iv_len != GCM_IV)
		return parameter_refuse("ulIvLen (only 12 is possible)", iv_len);
	memcpy(parameter->iv, iv, GCM_IV);
	parameter->iv_len = GCM_IV;
	return take_gcm_tag(parameter, tag_bits);
}

/* A nonce of any length up to MOST, which the GHASH of ghash.c takes. */
static CK_RV take_any_gcm(struct parameter *parameter, const CK_BYTE *iv, CK_ULONG iv_len,
			  CK_ULONG most, CK_ULONG tag_bits)
{
	uint8_t *place = parameter->iv;

	if (!iv || !iv_len || iv_len > most)
		return parameter_refuse("ulIvLen", iv_len);
	if (iv_len > sizeof(parameter->iv))
		place = parameter->long_iv = malloc(iv_len);
	if (!place)
		return CKR_HOST_MEMORY;
	memcpy(place, iv, iv_len);
	parameter->iv_len = (uint32_t)iv_len;
	return take_gcm_tag(parameter, tag_bits);
}

/* Both layouts of CK_GCM_PARAMS. */
static CK_RV read_gcm(const CK_MECHANISM *mechanism, struct gcm_params *gcm)
{
	struct gcm_params_2_20 old;

	if (mechanism->pParameter && mechanism->ulParameterLen == sizeof(*gcm)) {
		memcpy(gcm, mechanism->pParameter, sizeof(*gcm));
	} else if (mechanism->pParameter && mechanism->ulParameterLen == sizeof(old)) {
		memcpy(&old, mechanism->pParameter, sizeof(old));
		*gcm = (struct gcm_params){.iv = old.iv,
					   .iv_len = old.iv_len,
					   .aad = old.aad,
					   .aad_len = old.aad_len,
					   .tag_bits = old.tag_bits};
	} else {
		return parameter_refuse("ulParameterLen", mechanism->ulParameterLen);
	}
	return CKR_OK;
}

CK_RV parameter_gcm(const struct mechanism *row, const CK_MECHANISM *mechanism,
		    struct parameter *parameter)
{
	struct gcm_params gcm;
	CK_RV rv = read_gcm(mechanism, &gcm);

	if (rv == CKR_OK)
		rv = take_gcm(parameter, gcm.iv, gcm.iv_len, gcm.tag_bits);
	return rv == CKR_OK ? parameter_take_aad(parameter, gcm.aad, gcm.aad_len) : rv;
}

CK_RV parameter_any_gcm(const struct mechanism *row, const CK_MECHANISM *mechanism,
			struct parameter *parameter)
{
	struct gcm_params gcm;
	CK_RV rv = read_gcm(mechanism, &gcm);

	if (rv == CKR_OK)
		rv = take_any_gcm(parameter, gcm.iv, gcm.iv_len, INT_MAX, gcm.tag_bits);
	return rv == CKR_OK ? parameter_take_aad(parameter, gcm.aad, gcm.aad_len) : rv;
}

CK_RV parameter_gmac(const struct mechanism *row, const CK_MECHANISM *mechanism,
		     struct parameter *parameter)
{
	struct gcm_params gcm;
	CK_RV rv = read_gcm(mechanism, &gcm);

	if (rv == CKR_OK)
		rv = take_gcm(parameter, gcm.iv, gcm.iv_len, gcm.tag_bits);
	if (rv == CKR_OK && gcm.aad_len)
		rv = parameter_refuse("ulAADLen, where the data is what is authenticated,",
				      gcm.aad_len);
	parameter->size = parameter->tag_size;
	return rv;
}

static CK_RV read_gcm_message(const void *from, CK_ULONG len, struct parameter *parameter,
			      struct nonce *nonce, struct gcm_message_params *gcm)
{
	if (!from || len != sizeof(*gcm))
		return parameter_refuse("ulParameterLen", len);
	memcpy(gcm, from, sizeof(*gcm));
	parameter->detached = true;
	parameter->tag = gcm->tag;
	*nonce = (struct nonce){.bytes = gcm->iv,
				.len = gcm->iv_len,
				.fixed_bits = gcm->iv_fixed_bits,
				.generator = gcm->iv_generator};
	return CKR_OK;
}

CK_RV parameter_gcm_message(const void *from, CK_ULONG len, struct parameter *parameter,
			    struct nonce *nonce)
{
	struct gcm_message_params gcm;
	CK_RV rv = read_gcm_message(from, len, parameter, nonce, &gcm);

	return rv == CKR_OK ? take_gcm(parameter, gcm.iv, gcm.iv_len, gcm.tag_bits) : rv;
}

/* Nonces that fit: a message's parameter owns nothing. */
CK_RV parameter_any_gcm_message(const void *from, CK_ULONG len, struct parameter *parameter,
				struct nonce *nonce)
{
	struct gcm_message_params gcm;
	CK_RV rv = read_gcm_message(from, len, parameter, nonce, &gcm);

	return rv == CKR_OK ? take_any_gcm(parameter, gcm.iv, gcm.iv_len, ALG_IV_MAX, gcm.tag_bits)
			    : rv;
}

/* RFC 3610: the first byte of the kernel's IV tells in how many bytes (less one) the message's
 * length is counted, which are those that the nonce leaves of 15. */
static CK_RV take_ccm(struct parameter *parameter, const CK_BYTE *nonce, CK_ULONG nonce_len,
		      CK_ULONG data_len, CK_ULONG mac_len)
{
	unsigned int counted;

	if (!nonce || nonce_len < CCM_NONCE_MIN || nonce_len > CCM_NONCE_MAX)
		return parameter_refuse("ulNonceLen (7 to 13 are possible)", nonce_len);
	if (mac_len < 4 || mac_len > 16 || mac_len % 2)
		return parameter_refuse("ulMACLen (4, 6, 8, 10, 12, 14 and 16 are possible)",
					mac_len);
	counted = 15 - (unsigned int)nonce_len;
	if (data_len == SIZE_MAX || (counted < sizeof(data_len) && data_len >> 8 * counted))
		return parameter_refuse("ulDataLen, too much for that length of the nonce,",
					data_len);
	memset(parameter->iv, 0, 16);
	parameter->iv[0] = (uint8_t)(counted - 1);
	memcpy(parameter->iv + 1, nonce, nonce_len);
	parameter->iv_len = 16;
	parameter->tag_size = (unsigned int)mac_len;
	parameter->text_len = data_len;
	return CKR_OK;
}

CK_RV parameter_ccm(const struct mechanism *row, const CK_MECHANISM *mechanism,
		    struct parameter *parameter)
{
	struct ccm_params ccm;
	CK_RV rv;

	if (!mechanism->pParameter || mechanism->ulParameterLen != sizeof(ccm))
		return parameter_refuse("ulParameterLen", mechanism->ulParameterLen);
	memcpy(&ccm, mechanism->pParameter, sizeof(ccm));
	rv = take_ccm(parameter, ccm.nonce, ccm.nonce_len, ccm.data_len, ccm.mac_len);
	return rv == CKR_OK ? parameter_take_aad(parameter, ccm.aad, ccm.aad_len) : rv;
}

CK_RV parameter_ccm_message(const void *from, CK_ULONG len, struct parameter *parameter,
			    struct nonce *nonce)
{
	struct ccm_message_params ccm;

	if (!from || len != sizeof(ccm))
		return parameter_refuse("ulParameterLen", len);
	memcpy(&ccm, from, sizeof(ccm));
	parameter->detached = true;
	parameter->tag = ccm.mac;
	*nonce = (struct nonce){.bytes = ccm.nonce,
				.len = ccm.nonce_len,
				.fixed_bits = ccm.nonce_fixed_bits,
				.generator = ccm.nonce_generator};
	return take_ccm(parameter, ccm.nonce, ccm.nonce_len, ccm.data_len, ccm.mac_len);
}

/* ulNonceLen counts bits, says section 6.61.3; callers that count bytes are understood, too. */
static CK_RV take_chacha20(struct parameter *parameter, const CK_BYTE *nonce, CK_ULONG nonce_len)
{
	if (!nonce || (nonce_len != 8 * CHACHA20_NONCE && nonce_len != CHACHA20_NONCE))
		return parameter_refuse("ulNonceLen (only 96 bits are possible)", nonce_len);
	memcpy(parameter->iv, nonce, CHACHA20_NONCE);
	parameter->iv_len = CHACHA20_NONCE;
	parameter->tag_size = POLY1305_TAG;
	return CKR_OK;
}

CK_RV parameter_chacha20_poly1305(const struct mechanism *row, const CK_MECHANISM *mechanism,
				  struct parameter *parameter)
{
	struct chacha20_poly1305_params chacha;
	CK_RV rv;

	if (!mechanism->pParameter || mechanism->ulParameterLen != sizeof(chacha))
		return parameter_refuse("ulParameterLen", mechanism->ulParameterLen);
	memcpy(&chacha, mechanism->pParameter, sizeof(chacha));
	rv = take_chacha20(parameter, chacha.nonce, chacha.nonce_len);
	return rv == CKR_OK ? parameter_take_aad(parameter, chacha.aad, chacha.aad_len) : rv;
}

/* The structure names no generator: the nonce is the caller's. */
CK_RV parameter_chacha20_poly1305_message(const void *from, CK_ULONG len,
					  struct parameter *parameter, struct nonce *nonce)
{
	struct chacha20_poly1305_message_params chacha;

	if (!from || len != sizeof(chacha))
		return parameter_refuse("ulParameterLen", len);
	memcpy(&chacha, from, sizeof(chacha));
	parameter->detached = true;
	parameter->tag = chacha.tag;
	*nonce = (struct nonce){
		.bytes = chacha.nonce, .len = CHACHA20_NONCE, .generator = CKG_NO_GENERATE};
	return take_chacha20(parameter, chacha.nonce, chacha.nonce_len);
}
