/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Key derivation by data encryption (section 6.17): the beginning of what the base key makes of the
 * caller's data. The row's own engine and decoder encrypt, as in any other operation.
 */
#include <string.h>

#include "kernel/secret.h"
#include "mech/derive.h"
#include "mech/operation.h"

/* The two structures, as one. */
static CK_RV read_data(const struct mechanism *row, const CK_MECHANISM *mechanism,
		       struct cbc_encrypt_data_params *params)
{
	struct derivation_data ecb = {0};
	bool right = row->iv ? derive_copy(mechanism, params, sizeof(*params))
			     : derive_copy(mechanism, &ecb, sizeof(ecb));

	if (!right)
		return parameter_refuse("ulParameterLen", mechanism->ulParameterLen);
	if (!row->iv)
		*params = (struct cbc_encrypt_data_params){.data = ecb.data,
							   .data_len = ecb.data_len};
	if (!params->data && params->data_len)
		return parameter_refuse("there is no data, but its length", params->data_len);
	if (!params->data_len || params->data_len % row->block)
		return parameter_refuse("the data's length (whole blocks are possible)",
					params->data_len);
	return CKR_OK;
}

CK_RV parameter_encrypt_data(const struct mechanism *row, const CK_MECHANISM *mechanism,
			     struct parameter *parameter)
{
	struct cbc_encrypt_data_params params;
	CK_RV rv = read_data(row, mechanism, &params);

	if (rv != CKR_OK)
		return rv;
	memcpy(parameter->iv, params.iv, row->iv);
	parameter->iv_len = (uint32_t)row->iv;
	return CKR_OK;
}

static CK_RV length(const struct derivation *derivation, size_t *len)
{
	struct cbc_encrypt_data_params params;
	CK_RV rv = read_data(derivation->row, derivation->mechanism, &params);

	if (rv == CKR_OK)
		*len = params.data_len;
	return rv;
}

static CK_RV run(const struct derivation *derivation, const size_t *lens, size_t n, uint8_t *out)
{
	const struct mechanism *row = derivation->row;
	struct cbc_encrypt_data_params params;
	struct operation operation = {0};
	CK_ULONG whole, made;
	uint8_t *text;
	CK_RV rv = read_data(row, derivation->mechanism, &params);

	if (rv != CKR_OK)
		return rv;
	if (*lens > params.data_len)
		return CKR_DATA_LEN_RANGE;
	/* Blocks that come later have no part in the key. */
	whole = *lens + (row->block - *lens % row->block) % row->block;
	made = whole;
	text = secret_new(whole);
	if (!text)
		return CKR_HOST_MEMORY;
	rv = operation_begin(&operation, OPERATION_ENCRYPT, row, derivation->mechanism,
			     derivation->base.key);
	if (rv == CKR_OK)
		rv = operation_run(&operation, OPERATION_ALL, params.data, whole, text, &made);
	if (rv == CKR_OK)
		memcpy(out, text, *lens);
	secret_free(text, whole);
	return rv;
}

const struct derive_method encrypt_data_derive = {
	.object_class = CKO_SECRET_KEY,
	.secrecy = DERIVE_FREE,
	.length = length,
	.run = run,
};
