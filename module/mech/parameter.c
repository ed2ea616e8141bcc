/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech/parameter.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/log.h"
#include "pkcs11-parameters.h"

void parameter_log(const char *what, CK_ULONG value)
{
	log_line("the mechanism's parameter is refused: %s is %lu", what, (unsigned long)value);
}

void parameter_start(const struct mechanism *row, struct parameter *parameter)
{
	*parameter =
		(struct parameter){.blocks = UINT64_MAX, .size = row->size, .text_len = SIZE_MAX};
}

CK_RV parameter_none(const struct mechanism *row, const CK_MECHANISM *mechanism,
		     struct parameter *parameter)
{
	/* A pointer to no bytes is no parameter: OpenSC 0.26's pkcs11-tool --test gives one. */
	if (mechanism->ulParameterLen)
		return parameter_refuse("ulParameterLen, where none is taken,",
					mechanism->ulParameterLen);
	return CKR_OK;
}

CK_RV parameter_iv(const struct mechanism *row, const CK_MECHANISM *mechanism,
		   struct parameter *parameter)
{
	if (!mechanism->pParameter || mechanism->ulParameterLen != row->iv)
		return parameter_refuse("the IV's length", mechanism->ulParameterLen);
	memcpy(parameter->iv, mechanism->pParameter, row->iv);
	parameter->iv_len = (uint32_t)row->iv;
	return CKR_OK;
}

CK_RV parameter_iv_or_none(const struct mechanism *row, const CK_MECHANISM *mechanism,
			   struct parameter *parameter)
{
	if (!mechanism->pParameter && !mechanism->ulParameterLen)
		return CKR_OK;
	return parameter_iv(row, mechanism, parameter);
}

CK_RV parameter_mac_general(const struct mechanism *row, const CK_MECHANISM *mechanism,
			    struct parameter *parameter)
{
	CK_ULONG size;

	if (!mechanism->pParameter || mechanism->ulParameterLen != sizeof(size))
		return parameter_refuse("ulParameterLen", mechanism->ulParameterLen);
	memcpy(&size, mechanism->pParameter, sizeof(size));
	if (size < 1 || size > row->size)
		return parameter_refuse("CK_MAC_GENERAL_PARAMS", size);
	parameter->size = size;
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

CK_RV parameter_ctr(const struct mechanism *row, const CK_MECHANISM *mechanism,
		    struct parameter *parameter)
{
	struct ctr_params ctr;

	if (!mechanism->pParameter || mechanism->ulParameterLen != sizeof(ctr))
		return parameter_refuse("ulParameterLen", mechanism->ulParameterLen);
	memcpy(&ctr, mechanism->pParameter, sizeof(ctr));
	if (ctr.counter_bits < 1 || ctr.counter_bits > 128)
		return parameter_refuse("ulCounterBits", ctr.counter_bits);
	memcpy(parameter->iv, ctr.counter, sizeof(ctr.counter));
	parameter->iv_len = sizeof(ctr.counter);
	parameter->blocks = blocks_left(parameter->iv, ctr.counter_bits);
	return CKR_OK;
}

/* The IV of the kernel's chacha20 is counter and nonce as RFC 8439 and the original have them,
 * 16 bytes together; XChaCha20, with 24 bytes of nonce, is another algorithm there. */
CK_RV parameter_chacha20(const struct mechanism *row, const CK_MECHANISM *mechanism,
			 struct parameter *parameter)
{
	struct chacha20_params chacha;
	uint64_t counter = 0;
	size_t counter_len;

	if (!mechanism->pParameter || mechanism->ulParameterLen != sizeof(chacha))
		return parameter_refuse("ulParameterLen", mechanism->ulParameterLen);
	memcpy(&chacha, mechanism->pParameter, sizeof(chacha));
	if (!chacha.block_counter ||
	    (chacha.block_counter_bits != 32 && chacha.block_counter_bits != 64))
		return parameter_refuse("blockCounterBits (32 and 64 are possible)",
					chacha.block_counter_bits);
	if (!chacha.nonce || chacha.nonce_bits != 128 - chacha.block_counter_bits)
		return parameter_refuse("ulNonceBits (96 with a counter of 32 bits, 64 with 64)",
					chacha.nonce_bits);

	counter_len = chacha.block_counter_bits / 8;
	memcpy(parameter->iv, chacha.block_counter, counter_len);
	memcpy(parameter->iv + counter_len, chacha.nonce, 16 - counter_len);
	parameter->iv_len = 16;
	for (size_t i = counter_len; i > 0; i--)
		counter = counter << 8 | parameter->iv[i - 1];
	if (counter_len == 4)
		parameter->blocks = ((uint64_t)1 << 32) - counter;
	else
		parameter->blocks = counter ? -counter : UINT64_MAX;
	return CKR_OK;
}

CK_RV parameter_take_aad(struct parameter *parameter, const CK_BYTE *aad, CK_ULONG aad_len)
{
	if (!aad && aad_len)
		return parameter_refuse("there is no AAD, but its length", aad_len);
	if (aad_len > INT_MAX)
		return parameter_refuse("the AAD's length", aad_len);
	if (aad_len) {
		parameter->aad = malloc(aad_len);
		if (!parameter->aad)
			return CKR_HOST_MEMORY;
		memcpy(parameter->aad, aad, aad_len);
		parameter->aad_len = aad_len;
	}
	return CKR_OK;
}

void parameter_free(struct parameter *parameter)
{
	free(parameter->long_iv);
	free(parameter->aad);
	memset(parameter, 0, sizeof(*parameter));
}
