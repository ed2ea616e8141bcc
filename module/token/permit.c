/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/permit.h"

#include "kernel/log.h"
#include "mech/rv.h"

bool permit_row(const struct object *object, const struct mechanism *row)
{
	bool allows = metadata_allows(&object->metadata, row->type);

	if (!allows)
		log_line("%s is not one of the key's x-mechanisms", row->name);
	return allows;
}

/* Whether KEY's length is one of ROW's. A key can be given another one after it was found, and a
 * length that is not known is the kernel's to refuse; but where the kernel would take others than
 * the mechanism's, it is measured anew, and must be known. */
static bool fits_length(const struct key *key, const struct mechanism *row)
{
	ssize_t length = key->length;

	if (!mechanism_fits_length(row, length) ||
	    (row->key_loose && (length < 0 || !key->transform_key.constant)))
		length = key_length(key);
	return mechanism_fits_length(row, length) && !(row->key_loose && length < 0);
}

CK_RV permit_key(const struct object *object, const struct mechanism *row, enum usage usage)
{
	if (!object || object->class != CKO_SECRET_KEY)
		return CKR_KEY_HANDLE_INVALID;
	if (!mechanism_fits_key(row, object->key_type))
		return CKR_KEY_TYPE_INCONSISTENT;
	if (!(object->metadata.usage & usage))
		return CKR_KEY_FUNCTION_NOT_PERMITTED;
	if (!permit_row(object, row))
		return CKR_MECHANISM_INVALID;
	return fits_length(object->key, row) ? CKR_OK : CKR_KEY_SIZE_RANGE;
}

CK_RV permit_mechanism(const CK_MECHANISM *mechanism, CK_FLAGS flag, const struct mechanism **row)
{
	int offered;

	/* Of what it is not for, the kernel is not asked. */
	*row = mechanism_find(mechanism->mechanism);
	if (!*row || !(mechanism_flags(*row) & flag))
		return CKR_MECHANISM_INVALID;
	offered = mechanism_choose(mechanism->mechanism, row);
	if (offered < 0)
		return rv_of_open(offered, (*row)->name);
	return *row ? CKR_OK : CKR_MECHANISM_INVALID;
}
