/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech/derive.h"

#include <string.h>

#include "kernel/log.h"
#include "mech/parameter.h"

bool derive_copy(const CK_MECHANISM *mechanism, void *copy, size_t size)
{
	if (!mechanism->pParameter || mechanism->ulParameterLen != size)
		return false;
	memcpy(copy, mechanism->pParameter, size);
	return true;
}

CK_RV derive_need_bytes(const struct derivation *derivation)
{
	if (derivation->base.bytes)
		return CKR_OK;
	log_line("%s needs the base key's bytes, which this process cannot have",
		 derivation->row->name);
	return CKR_KEY_FUNCTION_NOT_PERMITTED;
}

bool derive_reads(const struct mechanism *row, const CK_MECHANISM *mechanism)
{
	return row->derive->reads && row->derive->reads(mechanism);
}

CK_OBJECT_HANDLE derive_other_key(const struct mechanism *row, const CK_MECHANISM *mechanism)
{
	return row->derive->other_key ? row->derive->other_key(mechanism) : CK_INVALID_HANDLE;
}

CK_RV derive_length(const struct derivation *derivation, size_t *len)
{
	const struct derive_method *method = derivation->row->derive;

	*len = 0;
	return method->length ? method->length(derivation, len) : CKR_OK;
}

CK_RV derive_more(const struct mechanism *row, const CK_MECHANISM *mechanism,
		  struct derived_key **list, CK_ULONG *count)
{
	*list = NULL;
	*count = 0;
	return row->derive->more ? row->derive->more(mechanism, list, count) : CKR_OK;
}

CK_RV derive_run(const struct derivation *derivation, const size_t *lens, size_t n, uint8_t *out)
{
	const struct derive_method *method = derivation->row->derive;
	size_t total = 0;
	CK_RV rv;

	/* Else there would be bytes that nobody made. */
	if (!n || (n > 1 && !method->more))
		return parameter_refuse("the number of keys", n);
	for (size_t i = 0; i < n; i++) {
		if (!lens[i] || lens[i] > SIZE_MAX - total)
			return CKR_KEY_SIZE_RANGE;
		total += lens[i];
	}
	rv = method->run(derivation, lens, n, out);
	if (rv != CKR_OK)
		explicit_bzero(out, total);
	return rv;
}
