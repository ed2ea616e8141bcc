/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/derive.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/secret.h"
#include "mech/derive.h"
#include "mech/rv.h"
#include "token/change.h"
#include "token/make.h"
#include "token/nested.h"
#include "token/permit.h"

enum {
	KEYS_MAX = 64,      /* of one call */
	BYTES_MAX = 1 << 20 /* of all of them */
};

/* One of the keys to be made. */
struct wanted {
	struct template template;
	bool read; /* the template is */
	size_t len;
	CK_OBJECT_HANDLE handle, *out;
};

struct work {
	struct derivation derivation;
	struct object *base, *other;
	struct wanted *keys;
	size_t n;
	uint8_t *bytes, *base_bytes;
	size_t len, base_len;
};

/* Secrecy as the mechanism has it. */
static CK_RV inherit(struct template *template, const struct object *base,
		     enum derive_secrecy secrecy)
{
	const unsigned int softer = FLAG_EXTRACTABLE | FLAG_INSENSITIVE;
	struct metadata *metadata = &template->metadata;
	unsigned int has = (object_extractable(base) ? FLAG_EXTRACTABLE : 0) |
			   (object_sensitive(base) ? 0 : FLAG_INSENSITIVE);

	if (secrecy == DERIVE_STRICT && metadata->flags & softer & ~has)
		return CKR_TEMPLATE_INCONSISTENT;
	if (secrecy == DERIVE_INHERIT) {
		metadata->flags |= has & ~template->flags_named;
		template->flags_named |= softer;
	}
	return CKR_OK;
}

/* Where there are several keys, section 6.42.6 tells by the handle whose template is wrong. */
static void blame(const struct work *work, const struct wanted *wanted)
{
	if (work->n > 1 && wanted->out)
		*wanted->out = CK_INVALID_HANDLE;
}

/* LIST, with CKA_DERIVE_TEMPLATE of the base. */
static CK_RV read_one(struct work *work, struct wanted *wanted, const CK_ATTRIBUTE *list,
		      CK_ULONG count)
{
	const struct derive_method *method = work->derivation.row->derive;
	const char *text = work->base->metadata.templates[TEMPLATE_DERIVE];
	CK_ATTRIBUTE *joined, *added;
	CK_ULONG joined_count;
	CK_RV rv = nested_join(text, list, count, &joined, &joined_count, &added);

	if (rv != CKR_OK)
		return rv;
	rv = template_read(&wanted->template, ORIGIN_DERIVE, joined, joined_count);
	free(joined);
	free(added);
	if (rv != CKR_OK)
		return rv;
	wanted->read = true;
	if (!wanted->template.class_named)
		wanted->template.class = method->object_class;
	if (wanted->template.class != method->object_class)
		return CKR_TEMPLATE_INCONSISTENT;
	/* Data is there to be read. */
	if (wanted->template.class == CKO_DATA)
		wanted->template.metadata.flags |= FLAG_EXTRACTABLE | FLAG_INSENSITIVE;
	else
		rv = inherit(&wanted->template, work->base, method->secrecy);
	if (rv == CKR_OK)
		rv = make_length(&wanted->template, &wanted->len);
	return rv;
}

static CK_RV read_template(struct work *work, struct wanted *wanted, const CK_ATTRIBUTE *list,
			   CK_ULONG count)
{
	CK_RV rv = read_one(work, wanted, list, count);

	if (rv != CKR_OK)
		blame(work, wanted);
	return rv;
}

static CK_RV read_templates(struct work *work, const CK_ATTRIBUTE *list, CK_ULONG count,
			    CK_OBJECT_HANDLE *key)
{
	const struct derivation *derivation = &work->derivation;
	struct derived_key *more = NULL;
	CK_ULONG n = 0;
	size_t natural;
	CK_RV rv = derive_more(derivation->row, derivation->mechanism, &more, &n);

	if (rv == CKR_OK && n >= KEYS_MAX)
		rv = CKR_MECHANISM_PARAM_INVALID;
	if (rv != CKR_OK)
		return rv;
	work->keys = calloc(n + 1, sizeof(*work->keys));
	if (!work->keys)
		return CKR_HOST_MEMORY;
	work->n = n + 1;
	work->keys[0].out = key;
	rv = read_template(work, &work->keys[0], list, count);
	for (CK_ULONG i = 0; rv == CKR_OK && i < n; i++) {
		work->keys[i + 1].out = more[i].key;
		if (!more[i].key || (!more[i].attributes && more[i].n_attributes))
			rv = CKR_MECHANISM_PARAM_INVALID;
		else
			rv = read_template(work, &work->keys[i + 1], more[i].attributes,
					   more[i].n_attributes);
	}
	if (rv == CKR_OK && work->keys[0].len == SIZE_MAX) {
		rv = derive_length(derivation, &natural);
		work->keys[0].len = natural ? natural : SIZE_MAX;
	}
	for (size_t i = 0; rv == CKR_OK && i < work->n; i++) {
		if (work->keys[i].len == SIZE_MAX)
			rv = CKR_TEMPLATE_INCOMPLETE;
		else if (work->keys[i].len > BYTES_MAX - work->len)
			rv = CKR_KEY_SIZE_RANGE;
		else
			work->len += work->keys[i].len;
		if (rv != CKR_OK)
			blame(work, &work->keys[i]);
	}
	return rv;
}

static CK_RV compute(struct work *work)
{
	size_t lens[KEYS_MAX];

	for (size_t i = 0; i < work->n; i++)
		lens[i] = work->keys[i].len;
	work->bytes = secret_new(work->len);
	if (!work->bytes)
		return CKR_HOST_MEMORY;
	return derive_run(&work->derivation, lens, work->n, work->bytes);
}

/* Makes all keys, or none. */
static CK_RV make_all(struct session *session, struct work *work)
{
	uint8_t *at = work->bytes;
	size_t made = 0;
	CK_RV rv = CKR_OK;

	for (; rv == CKR_OK && made < work->n; made++) {
		struct wanted *wanted = &work->keys[made];

		rv = make_key(session, &wanted->template, ORIGIN_DERIVE, work->base, at,
			      wanted->len, &wanted->handle);
		at += wanted->len;
		if (rv != CKR_OK)
			blame(work, wanted);
	}
	for (size_t i = 0; rv != CKR_OK && i + 1 < made; i++)
		change_undo(session, work->keys[i].handle);
	for (size_t i = 0; rv == CKR_OK && i < work->n; i++)
		if (work->keys[i].out)
			*work->keys[i].out = work->keys[i].handle;
	return rv;
}

/* The base, and what else the mechanism needs. */
static CK_RV prepare(struct session *session, struct work *work, CK_OBJECT_HANDLE base)
{
	struct derivation *derivation = &work->derivation;
	const struct mechanism *row = derivation->row;
	CK_OBJECT_HANDLE other;
	CK_RV rv;

	work->base = object_get(session->slot, base);
	rv = permit_key(work->base, row, USAGE_DERIVE);
	if (rv != CKR_OK)
		return rv;
	derivation->base.key = &work->base->key->transform_key;
	derivation->base.type = work->base->key_type;
	other = derive_other_key(row, derivation->mechanism);
	if (other != CK_INVALID_HANDLE) {
		work->other = object_get(session->slot, other);
		if (!work->other || work->other->class != CKO_SECRET_KEY)
			return CKR_KEY_HANDLE_INVALID;
		if (!(work->other->metadata.usage & USAGE_DERIVE))
			return CKR_KEY_FUNCTION_NOT_PERMITTED;
		if (!permit_row(work->other, row))
			return CKR_MECHANISM_INVALID;
		derivation->salt = &work->other->key->transform_key;
	}
	/* A held key's bytes are here anyway; others must be meant to be seen. */
	if (derive_reads(row, derivation->mechanism) &&
	    (work->base->key->bytes || object_extractable(work->base))) {
		int err = key_bytes(work->base->key, &work->base_bytes, &work->base_len);

		if (err)
			return rv_of_open(err, "the key that is derived from");
		derivation->base.bytes = work->base_bytes;
		derivation->base.len = work->base_len;
	}
	return CKR_OK;
}

static void finish(struct work *work)
{
	for (size_t i = 0; i < work->n; i++)
		if (work->keys[i].read)
			template_free(&work->keys[i].template);
	free(work->keys);
	secret_free(work->bytes, work->len);
	secret_free(work->base_bytes, work->base_len);
	object_put(work->base);
	object_put(work->other);
}

CK_RV derive_keys(struct session *session, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE base,
		  const CK_ATTRIBUTE *list, CK_ULONG count, CK_OBJECT_HANDLE *key)
{
	struct work work = {.derivation.mechanism = mechanism};
	CK_RV rv = permit_mechanism(mechanism, CKF_DERIVE, &work.derivation.row);

	if (rv == CKR_OK)
		rv = prepare(session, &work, base);
	if (rv == CKR_OK)
		rv = read_templates(&work, list, count, key);
	if (rv == CKR_OK)
		rv = compute(&work);
	if (rv == CKR_OK)
		rv = make_all(session, &work);
	finish(&work);
	return rv;
}
