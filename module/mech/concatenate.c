/* SPDX-License-Identifier: BSD-2-Clause */
/* Concatenation of a base key and data (section 6.43.5), where the base's bytes can be had. */
#include <string.h>

#include "mech/derive.h"
#include "mech/parameter.h"

static CK_RV read_data(const CK_MECHANISM *mechanism, struct derivation_data *data)
{
	if (!derive_copy(mechanism, data, sizeof(*data)))
		return parameter_refuse("ulParameterLen", mechanism->ulParameterLen);
	if (!data->data && data->data_len)
		return parameter_refuse("there is no data, but ulLen", data->data_len);
	return CKR_OK;
}

static bool reads(const CK_MECHANISM *mechanism)
{
	return true;
}

static CK_RV length(const struct derivation *derivation, size_t *len)
{
	struct derivation_data data;
	CK_RV rv = read_data(derivation->mechanism, &data);

	if (rv != CKR_OK)
		return rv;
	if (data.data_len > SIZE_MAX - derivation->base.len)
		return parameter_refuse("ulLen", data.data_len);
	*len = derivation->base.len + data.data_len;
	return CKR_OK;
}

static CK_RV run(const struct derivation *derivation, const size_t *lens, size_t n, uint8_t *out)
{
	const struct derive_base *base = &derivation->base;
	size_t len, from_base;
	struct derivation_data data;
	CK_RV rv = length(derivation, &len);

	if (rv == CKR_OK)
		rv = read_data(derivation->mechanism, &data);
	if (rv == CKR_OK)
		rv = derive_need_bytes(derivation);
	if (rv != CKR_OK)
		return rv;
	if (*lens > len)
		return CKR_KEY_SIZE_RANGE;
	from_base = *lens < base->len ? *lens : base->len;
	memcpy(out, base->bytes, from_base);
	if (*lens > from_base)
		memcpy(out + from_base, data.data, *lens - from_base);
	return CKR_OK;
}

const struct derive_method concatenate_derive = {
	.object_class = CKO_SECRET_KEY,
	.secrecy = DERIVE_STRICT,
	.reads = reads,
	.length = length,
	.run = run,
};
