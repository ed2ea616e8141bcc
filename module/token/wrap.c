/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/wrap.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/log.h"
#include "kernel/secret.h"
#include "mech/rv.h"
#include "token/attribute.h"
#include "token/make.h"
#include "token/nested.h"
#include "token/permit.h"

/* The specification's names for what is wrong with the key that wraps, or unwraps. */
static CK_RV renamed(CK_RV rv, bool unwraps)
{
	switch (rv) {
	case CKR_KEY_HANDLE_INVALID:
		return unwraps ? CKR_UNWRAPPING_KEY_HANDLE_INVALID
			       : CKR_WRAPPING_KEY_HANDLE_INVALID;
	case CKR_KEY_SIZE_RANGE:
		return unwraps ? CKR_UNWRAPPING_KEY_SIZE_RANGE : CKR_WRAPPING_KEY_SIZE_RANGE;
	case CKR_KEY_TYPE_INCONSISTENT:
		return unwraps ? CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT
			       : CKR_WRAPPING_KEY_TYPE_INCONSISTENT;
	case CKR_ENCRYPTED_DATA_INVALID:
		return CKR_WRAPPED_KEY_INVALID;
	case CKR_ENCRYPTED_DATA_LEN_RANGE:
		return CKR_WRAPPED_KEY_LEN_RANGE;
	case CKR_DATA_LEN_RANGE:
		return CKR_KEY_SIZE_RANGE;
	default:
		return rv;
	}
}

/* The operation, in locked memory, since plaintext waits in it. */
static CK_RV run(enum operation_kind kind, const struct mechanism *row,
		 const CK_MECHANISM *mechanism, const struct object *object, const CK_BYTE *in,
		 CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len)
{
	struct operation *operation = secret_new(sizeof(*operation));
	CK_RV rv;

	if (!operation)
		return CKR_HOST_MEMORY;
	rv = operation_begin(operation, kind, row, mechanism, &object->key->transform_key);
	if (rv == CKR_OK)
		rv = operation_run(operation, OPERATION_ALL, in, in_len, out, out_len);
	operation_cancel(operation);
	secret_free(operation, sizeof(*operation));
	return renamed(rv, kind == OPERATION_DECRYPT);
}

/* Whether WRAPPING may wrap KEY: CKA_EXTRACTABLE, CKA_WRAP_WITH_TRUSTED, CKA_WRAP_TEMPLATE. */
static CK_RV permit_wrapping(const struct object *wrapping, const struct object *key)
{
	const char *template = wrapping->metadata.templates[TEMPLATE_WRAP];
	CK_ATTRIBUTE *list = NULL;
	CK_ULONG count = 0;
	bool fits;

	if (!key || key->class != CKO_SECRET_KEY)
		return CKR_KEY_HANDLE_INVALID;
	if (!object_extractable(key))
		return CKR_KEY_UNEXTRACTABLE;
	if (key->metadata.flags & FLAG_WRAP_WITH_TRUSTED && !wrapping->metadata.trusted)
		return CKR_KEY_NOT_WRAPPABLE;
	if (!template)
		return CKR_OK;
	if (nested_read(template, &list, &count))
		return CKR_HOST_MEMORY;
	fits = attributes_match(key, list, count);
	free(list);
	return fits ? CKR_OK : CKR_KEY_HANDLE_INVALID;
}

CK_RV wrap_key(struct session *session, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE wrapping,
	       CK_OBJECT_HANDLE key, CK_BYTE *out, CK_ULONG *out_len)
{
	struct object *with = object_get(session->slot, wrapping);
	struct object *what = object_get(session->slot, key);
	const struct mechanism *row;
	uint8_t *bytes;
	size_t len;
	CK_RV rv = permit_mechanism(mechanism, CKF_WRAP, &row);
	int err;

	if (rv == CKR_OK)
		rv = renamed(permit_key(with, row, USAGE_WRAP), false);
	if (rv == CKR_OK)
		rv = permit_wrapping(with, what);
	if (rv == CKR_OK) {
		err = key_bytes(what->key, &bytes, &len);
		rv = rv_of_open(err, "CKA_VALUE");
	}
	if (rv == CKR_OK) {
		rv = run(OPERATION_ENCRYPT, row, mechanism, with, bytes, len, out, out_len);
		secret_free(bytes, len);
	}
	object_put(with);
	object_put(what);
	return rv;
}

static CK_RV make(struct session *session, const struct object *with, const CK_ATTRIBUTE *list,
		  CK_ULONG count, uint8_t *bytes, size_t len, CK_OBJECT_HANDLE *handle)
{
	CK_ATTRIBUTE *joined, *added;
	CK_ULONG joined_count;
	struct template template;
	size_t wanted;
	CK_RV rv = nested_join(with->metadata.templates[TEMPLATE_UNWRAP], list, count, &joined,
			       &joined_count, &added);

	if (rv != CKR_OK)
		return rv;
	rv = template_read(&template, ORIGIN_UNWRAP, joined, joined_count);
	free(joined);
	free(added);
	if (rv != CKR_OK)
		return rv;
	rv = make_length(&template, &wanted);
	if (template.class != CKO_SECRET_KEY ||
	    (rv == CKR_OK && template.length != SIZE_MAX && template.length != len))
		rv = CKR_TEMPLATE_INCONSISTENT;
	if (rv == CKR_OK)
		rv = make_key(session, &template, ORIGIN_UNWRAP, with, bytes, len, handle);
	template_free(&template);
	return rv;
}

CK_RV unwrap_key(struct session *session, const CK_MECHANISM *mechanism,
		 CK_OBJECT_HANDLE unwrapping, const CK_BYTE *wrapped, CK_ULONG wrapped_len,
		 const CK_ATTRIBUTE *list, CK_ULONG count, CK_OBJECT_HANDLE *key)
{
	/* More than any key with what wrapping adds. */
	enum { WRAPPED_MAX = 40000 };
	struct object *with = object_get(session->slot, unwrapping);
	const struct mechanism *row;
	CK_ULONG len = wrapped_len;
	uint8_t *bytes = NULL;
	CK_RV rv = permit_mechanism(mechanism, CKF_UNWRAP, &row);

	if (rv == CKR_OK)
		rv = renamed(permit_key(with, row, USAGE_UNWRAP), true);
	if (rv == CKR_OK && (!wrapped_len || wrapped_len > WRAPPED_MAX))
		rv = CKR_WRAPPED_KEY_LEN_RANGE;
	if (rv == CKR_OK && !(bytes = secret_new(wrapped_len)))
		rv = CKR_HOST_MEMORY;
	if (rv == CKR_OK)
		rv = run(OPERATION_DECRYPT, row, mechanism, with, wrapped, wrapped_len, bytes,
			 &len);
	if (rv == CKR_OK)
		rv = make(session, with, list, count, bytes, len, key);
	secret_free(bytes, wrapped_len);
	object_put(with);
	return rv;
}
