/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech/parameter.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/log.h"

/*
 * CK_GCM_PARAMS as PKCS#11 2.40 and later have it, and as 2.20 amendment 5 had it before ulIvBits:
 * Java sends the old one first, most others the new one. The length tells which.
 */
struct gcm_params {
	CK_BYTE *iv;
	CK_ULONG iv_len;
	CK_ULONG iv_bits; /* ignored: clients send 0 or anything here */
	CK_BYTE *aad;
	CK_ULONG aad_len;
	CK_ULONG tag_bits;
};

struct gcm_params_old {
	CK_BYTE *iv;
	CK_ULONG iv_len;
	CK_BYTE *aad;
	CK_ULONG aad_len;
	CK_ULONG tag_bits;
};

enum { GCM_IV = 12 }; /* the only length that the kernel's gcm(aes) takes */

static CK_RV refuse(const char *what, CK_ULONG value)
{
	log_line("the mechanism's parameter is refused: %s is %lu", what, (unsigned long)value);
	return CKR_MECHANISM_PARAM_INVALID;
}

CK_RV parameter_none(const CK_MECHANISM *mechanism, struct parameter *parameter)
{
	if (mechanism->pParameter || mechanism->ulParameterLen)
		return refuse("ulParameterLen, where none is taken,", mechanism->ulParameterLen);
	return CKR_OK;
}

CK_RV parameter_iv16(const CK_MECHANISM *mechanism, struct parameter *parameter)
{
	if (!mechanism->pParameter || mechanism->ulParameterLen != 16)
		return refuse("the IV's length", mechanism->ulParameterLen);
	memcpy(parameter->iv, mechanism->pParameter, 16);
	parameter->iv_len = 16;
	return CKR_OK;
}

/*
 * The blocks that a counter of BITS bits at the end of BLOCK makes before it wraps, as far as 64
 * bits can tell. The kernel counts in all 128 bits, so that beyond a wrap its result would differ.
 */
static uint64_t blocks_left(const uint8_t block[16], CK_ULONG bits)
{
	uint64_t low = 0;

	for (CK_ULONG bit = bits; bit > 64; bit--) {
		CK_ULONG place = bit - 1;

		/* A zero above the low 64 bits leaves at least 2^64 blocks. */
		if (!(block[15 - place / 8] >> place % 8 & 1))
			return UINT64_MAX;
	}
	for (int i = 8; i < 16; i++)
		low = low << 8 | block[i];
	if (bits < 64)
		return ((uint64_t)1 << bits) - (low & (((uint64_t)1 << bits) - 1));
	return low ? -low : UINT64_MAX;
}

CK_RV parameter_ctr(const CK_MECHANISM *mechanism, struct parameter *parameter)
{
	CK_AES_CTR_PARAMS ctr;

	if (!mechanism->pParameter || mechanism->ulParameterLen != sizeof(ctr))
		return refuse("ulParameterLen", mechanism->ulParameterLen);
	memcpy(&ctr, mechanism->pParameter, sizeof(ctr));
	if (ctr.counter_bits < 1 || ctr.counter_bits > 128)
		return refuse("ulCounterBits", ctr.counter_bits);
	memcpy(parameter->iv, ctr.cb, 16);
	parameter->iv_len = 16;
	parameter->blocks = blocks_left(parameter->iv, ctr.counter_bits);
	return CKR_OK;
}

CK_RV parameter_gcm(const CK_MECHANISM *mechanism, struct parameter *parameter)
{
	struct gcm_params gcm;
	struct gcm_params_old old;

	if (!mechanism->pParameter)
		return refuse("ulParameterLen", mechanism->ulParameterLen);
	if (mechanism->ulParameterLen == sizeof(gcm)) {
		memcpy(&gcm, mechanism->pParameter, sizeof(gcm));
	} else if (mechanism->ulParameterLen == sizeof(old)) {
		memcpy(&old, mechanism->pParameter, sizeof(old));
		gcm = (struct gcm_params){.iv = old.iv,
					  .iv_len = old.iv_len,
					  .aad = old.aad,
					  .aad_len = old.aad_len,
					  .tag_bits = old.tag_bits};
	} else {
		return refuse("ulParameterLen", mechanism->ulParameterLen);
	}
	if (!gcm.iv || gcm.iv_len != GCM_IV)
		return refuse("ulIvLen (only 12 is possible)", gcm.iv_len);
	if (!gcm.aad && gcm.aad_len)
		return refuse("pAAD is NULL, but ulAADLen", gcm.aad_len);
	if (gcm.aad_len > INT_MAX)
		return refuse("ulAADLen", gcm.aad_len);
	/* SP 800-38D, section 5.2.1.2; a tag of no bits would be no tag at all. */
	if (gcm.tag_bits != 32 && gcm.tag_bits != 64 &&
	    (gcm.tag_bits < 96 || gcm.tag_bits > 128 || gcm.tag_bits % 8))
		return refuse("ulTagBits (32, 64, 96, 104, 112, 120 and 128 are possible)",
			      gcm.tag_bits);

	memcpy(parameter->iv, gcm.iv, GCM_IV);
	parameter->iv_len = GCM_IV;
	parameter->tag_size = (unsigned int)gcm.tag_bits / 8;
	if (gcm.aad_len) {
		parameter->aad = malloc(gcm.aad_len);
		if (!parameter->aad)
			return CKR_HOST_MEMORY;
		memcpy(parameter->aad, gcm.aad, gcm.aad_len);
		parameter->aad_len = gcm.aad_len;
	}
	return CKR_OK;
}

void parameter_free(struct parameter *parameter)
{
	free(parameter->aad);
	memset(parameter, 0, sizeof(*parameter));
}
