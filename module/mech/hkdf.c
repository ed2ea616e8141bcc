/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HKDF (RFC 5869, section 6.62). Extracting makes of the base key a message, so that its bytes are
 * needed; expanding alone leaves it in the kernel, and a salt that is a key stays there, too.
 */
#include <stdio.h>
#include <string.h>

#include "kernel/alg.h"
#include "mech/derive.h"
#include "mech/parameter.h"
#include "mech/prf.h"
#include "mech/rv.h"

/* RFC 5869, section 2.3: the counter has one byte. */
enum { BLOCKS_MAX = 255 };

static bool reads(const CK_MECHANISM *mechanism)
{
	struct hkdf_params params;

	return derive_copy(mechanism, &params, sizeof(params)) && params.extract;
}

static CK_OBJECT_HANDLE other_key(const CK_MECHANISM *mechanism)
{
	struct hkdf_params params;

	/* Without extraction, the salt is to be ignored. */
	if (!derive_copy(mechanism, &params, sizeof(params)) || !params.extract ||
	    params.salt_type != CKF_HKDF_SALT_KEY)
		return CK_INVALID_HANDLE;
	return params.salt_key;
}

/* The HMAC with HASH, or NULL. */
static const struct mechanism *hmac_of(const struct mechanism *hash)
{
	char name[64];

	snprintf(name, sizeof(name), "hmac(%s)", hash->kernel_name);
	for (size_t i = 0; i < n_mechanisms; i++) {
		const struct mechanism *row = &mechanisms[i];

		if (row->flags & CKF_SIGN && !strcmp(row->kernel_name, name))
			return row;
	}
	return NULL;
}

static CK_RV find_hmac(CK_MECHANISM_TYPE type, const struct mechanism **hmac)
{
	const struct mechanism *hash = mechanism_find(type);
	int offered;

	*hmac = hash && hash->flags & CKF_DIGEST ? hmac_of(hash) : NULL;
	if (!*hmac)
		return parameter_refuse("prfHashMechanism", type);
	offered = mechanism_offered(*hmac);
	if (offered < 0)
		return rv_of_open(offered, (*hmac)->name);
	return offered ? CKR_OK
		       : parameter_refuse("prfHashMechanism, which this process cannot have,",
					  type);
}

static CK_RV check_salt(const struct derivation *derivation, const struct hkdf_params *params)
{
	switch (params->salt_type) {
	case CKF_HKDF_SALT_NULL:
		return CKR_OK;
	case CKF_HKDF_SALT_DATA:
		return params->salt || !params->salt_len
			       ? CKR_OK
			       : parameter_refuse("there is no salt, but ulSaltLen",
						  params->salt_len);
	case CKF_HKDF_SALT_KEY:
		return derivation->salt ? CKR_OK : parameter_refuse("hSaltKey", params->salt_key);
	default:
		return parameter_refuse("ulSaltType", params->salt_type);
	}
}

static CK_RV read_params(const struct derivation *derivation, struct hkdf_params *params,
			 const struct mechanism **hmac)
{
	const CK_MECHANISM *mechanism = derivation->mechanism;
	CK_RV rv = CKR_OK;

	if (!derive_copy(mechanism, params, sizeof(*params)))
		return parameter_refuse("ulParameterLen", mechanism->ulParameterLen);
	if (!params->extract && !params->expand)
		return parameter_refuse("neither bExtract nor bExpand is set; bExpand", 0);
	if (params->extract)
		rv = check_salt(derivation, params);
	if (rv == CKR_OK && params->expand && !params->info && params->info_len)
		rv = parameter_refuse("there is no info, but ulInfoLen", params->info_len);
	return rv == CKR_OK ? find_hmac(params->hash, hmac) : rv;
}

static CK_RV length(const struct derivation *derivation, size_t *len)
{
	const struct mechanism *hmac;
	struct hkdf_params params;
	CK_RV rv = read_params(derivation, &params, &hmac);

	if (rv == CKR_OK && !params.expand)
		*len = hmac->size;
	return rv;
}

static CK_RV open_salt(const struct derivation *derivation, const struct hkdf_params *params,
		       const struct mechanism *hmac, struct prf *prf)
{
	static const uint8_t zeros[ALG_DIGEST_MAX];

	if (params->salt_type == CKF_HKDF_SALT_KEY)
		return prf_open(prf, hmac, derivation->salt);
	/* To HMAC, as many zeros are the same key as none, which some kernels do not take. */
	if (params->salt_type == CKF_HKDF_SALT_NULL || !params->salt_len)
		return prf_open_bytes(prf, hmac, zeros, hmac->size);
	return prf_open_bytes(prf, hmac, params->salt, params->salt_len);
}

/* Section 2.2. */
static CK_RV extract(const struct derivation *derivation, const struct hkdf_params *params,
		     const struct mechanism *hmac, uint8_t *prk)
{
	const struct iovec input = {.iov_base = (void *)derivation->base.bytes,
				    .iov_len = derivation->base.len};
	struct prf prf;
	CK_RV rv = derive_need_bytes(derivation);

	if (rv == CKR_OK)
		rv = open_salt(derivation, params, hmac, &prf);
	if (rv != CKR_OK)
		return rv;
	rv = prf_compute(&prf, &input, 1, prk);
	prf_close(&prf);
	return rv;
}

/* Section 2.3; PRF is armed with PRK. */
static CK_RV expand(struct prf *prf, const struct hkdf_params *params, uint8_t *out, size_t len)
{
	uint8_t block[ALG_DIGEST_MAX], counter = 0;
	size_t size = prf->row->size;
	struct iovec input[] = {
		{.iov_base = block, .iov_len = 0},
		{.iov_base = params->info, .iov_len = params->info_len},
		{.iov_base = &counter, .iov_len = sizeof(counter)},
	};
	CK_RV rv = CKR_OK;

	for (size_t done = 0, some; done < len && rv == CKR_OK; done += some) {
		some = len - done < size ? len - done : size;
		counter++;
		rv = prf_compute(prf, input, 3, block);
		input[0].iov_len = size;
		if (rv == CKR_OK)
			memcpy(out + done, block, some);
	}
	explicit_bzero(block, sizeof(block));
	return rv;
}

static CK_RV run(const struct derivation *derivation, const size_t *lens, size_t n, uint8_t *out)
{
	const struct mechanism *hmac;
	struct hkdf_params params;
	uint8_t prk[ALG_DIGEST_MAX];
	struct prf prf;
	CK_RV rv = read_params(derivation, &params, &hmac);

	if (rv != CKR_OK)
		return rv;
	if (params.expand ? *lens > BLOCKS_MAX * hmac->size : *lens != hmac->size)
		return CKR_KEY_SIZE_RANGE;
	if (!params.expand)
		return extract(derivation, &params, hmac, out);
	if (params.extract) {
		rv = extract(derivation, &params, hmac, prk);
		if (rv == CKR_OK)
			rv = prf_open_bytes(&prf, hmac, prk, hmac->size);
		explicit_bzero(prk, sizeof(prk));
	} else {
		rv = prf_open(&prf, hmac, derivation->base.key);
	}
	if (rv != CKR_OK)
		return rv;
	rv = expand(&prf, &params, out, *lens);
	prf_close(&prf);
	return rv;
}

const struct derive_method hkdf_derive = {
	.object_class = CKO_SECRET_KEY,
	.secrecy = DERIVE_FREE,
	.reads = reads,
	.other_key = other_key,
	.length = length,
	.run = run,
};

const struct derive_method hkdf_data_derive = {
	.object_class = CKO_DATA,
	.secrecy = DERIVE_FREE,
	.reads = reads,
	.other_key = other_key,
	.length = length,
	.run = run,
};
