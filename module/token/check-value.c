/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/check-value.h"

#include <string.h>

#include "kernel/secret.h"
#include "mech/operation.h"
#include "mech/rv.h"

/* The mechanism that encrypts one block with keys of a type. */
static const struct {
	CK_KEY_TYPE key_type;
	CK_MECHANISM_TYPE mechanism;
} ciphers[] = {
	{CKK_AES, CKM_AES_ECB},
	{CKK_DES3, CKM_DES3_ECB},
	{CKK_CAMELLIA, CKM_CAMELLIA_ECB},
	{CKK_ARIA, CKM_ARIA_ECB},
};

static CK_RV run(CK_MECHANISM_TYPE type, enum operation_kind kind, const struct transform_key *key,
		 const uint8_t *in, size_t len, uint8_t *out)
{
	const CK_MECHANISM mechanism = {.mechanism = type};
	const struct mechanism *row = mechanism_find(type);
	struct operation operation = {0};
	CK_ULONG made = ALG_DIGEST_MAX;
	int offered = mechanism_offered(row);
	CK_RV rv;

	if (!offered)
		return CKR_ATTRIBUTE_TYPE_INVALID;
	rv = offered < 0 ? rv_of_open(offered, row->name)
			 : operation_begin(&operation, kind, row, &mechanism, key);
	if (rv == CKR_OK)
		rv = operation_run(&operation, OPERATION_ALL, in, len, out, &made);
	switch (rv) {
	case CKR_OK:
	/* An accident is told: the key has the value all the same. */
	case CKR_HOST_MEMORY:
	case CKR_DEVICE_MEMORY:
	case CKR_DEVICE_ERROR:
		return rv;
	default:
		return CKR_ATTRIBUTE_TYPE_INVALID;
	}
}

static CK_RV of_bytes(const struct object *object, uint8_t *out)
{
	uint8_t *bytes;
	size_t len;
	CK_RV rv;

	if (!object_extractable(object) || key_bytes(object->key, &bytes, &len))
		return CKR_ATTRIBUTE_TYPE_INVALID;
	rv = run(CKM_SHA_1, OPERATION_DIGEST, NULL, bytes, len, out);
	secret_free(bytes, len);
	return rv;
}

CK_RV check_value(const struct object *object, uint8_t value[CHECK_VALUE_LEN])
{
	static const uint8_t zeros[ALG_BLOCK_MAX];
	uint8_t out[ALG_DIGEST_MAX];
	CK_MECHANISM_TYPE cipher = CK_UNAVAILABLE_INFORMATION;
	CK_RV rv;

	for (size_t i = 0; i < sizeof(ciphers) / sizeof(*ciphers); i++)
		if (ciphers[i].key_type == object->key_type)
			cipher = ciphers[i].mechanism;
	if (cipher != CK_UNAVAILABLE_INFORMATION)
		rv = run(cipher, OPERATION_ENCRYPT, &object->key->transform_key, zeros,
			 mechanism_find(cipher)->block, out);
	else if (object->key_type == CKK_GENERIC_SECRET)
		rv = of_bytes(object, out);
	else
		rv = CKR_ATTRIBUTE_TYPE_INVALID;
	if (rv == CKR_OK)
		memcpy(value, out, CHECK_VALUE_LEN);
	explicit_bzero(out, sizeof(out));
	return rv;
}
