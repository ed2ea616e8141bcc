/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech/operation.h"

#include <stdlib.h>
#include <string.h>

#include "mech/engine.h"
#include "mech/rv.h"

CK_FLAGS operation_flag(enum operation_kind kind)
{
	static const CK_FLAGS flags[OPERATION_KINDS] = {
		[OPERATION_DIGEST] = CKF_DIGEST,   [OPERATION_ENCRYPT] = CKF_ENCRYPT,
		[OPERATION_DECRYPT] = CKF_DECRYPT, [OPERATION_SIGN] = CKF_SIGN,
		[OPERATION_VERIFY] = CKF_VERIFY,   [OPERATION_VERIFY_SIGNATURE] = CKF_VERIFY,
	};

	return flags[kind];
}

CK_RV operation_wrong_length(const struct operation *operation)
{
	return operation_decrypts(operation) ? CKR_ENCRYPTED_DATA_LEN_RANGE : CKR_DATA_LEN_RANGE;
}

static void end(struct operation *operation)
{
	if (operation->socket && operation->borrowed)
		operation->socket->spoilt = !operation->clean;
	else if (operation->socket)
		transform_give(operation->socket, operation->clean);
	if (operation->text) {
		explicit_bzero(operation->text, operation->text_size);
		free(operation->text);
	}
	free(operation->signature);
	free(operation->parameter.long_iv);
	free(operation->parameter.aad);
	explicit_bzero(operation, sizeof(*operation));
}

/* The one place that decides whether an operation ends: section 5.2, and C_Encrypt's "terminates
 * the active operation unless it returns CKR_BUFFER_TOO_SMALL or is a successful call to determine
 * the length of the buffer". */
static CK_RV settle(struct operation *operation, CK_RV rv, bool finished)
{
	if (rv != CKR_BUFFER_TOO_SMALL && (rv != CKR_OK || finished))
		end(operation);
	return rv;
}

int operation_take(const struct mechanism *row, const struct transform_key *key,
		   unsigned int tag_size, struct op_socket **socket)
{
	const struct transform transform = {.type = row->kernel_type,
					    .name = row->kernel_name,
					    .key = key,
					    .tag_size = row->own_tag ? 0 : tag_size};

	return transform_take(&transform, socket);
}

CK_RV operation_begin(struct operation *operation, enum operation_kind kind,
		      const struct mechanism *row, const CK_MECHANISM *mechanism,
		      const struct transform_key *key)
{
	CK_RV rv;
	int err;

	operation->mechanism = row;
	operation->kind = kind;
	operation->clean = true;
	parameter_start(row, &operation->parameter);
	rv = row->decode(row, mechanism, &operation->parameter);
	if (rv == CKR_OK) {
		err = operation_take(row, key, operation->parameter.tag_size, &operation->socket);
		rv = rv_of_open(err, row->name);
	}
	return settle(operation, rv, false);
}

void operation_borrow(struct operation *operation, enum operation_kind kind,
		      const struct mechanism *row, struct op_socket *socket)
{
	operation->mechanism = row;
	operation->kind = kind;
	operation->clean = true;
	operation->borrowed = true;
	operation->socket = socket;
}

CK_RV operation_expect(struct operation *operation, const CK_BYTE *signature,
		       CK_ULONG signature_len)
{
	CK_RV rv = CKR_OK;

	if (signature_len != operation->parameter.size)
		rv = CKR_SIGNATURE_LEN_RANGE;
	else if (!(operation->signature = malloc(signature_len)))
		rv = CKR_HOST_MEMORY;
	else
		memcpy(operation->signature, signature, signature_len);
	operation->signature_len = signature_len;
	return settle(operation, rv, false);
}

/* Whether a call that brings PART gives something back: all but the updates that only take in. */
static bool answers(const struct operation *operation, enum operation_part part)
{
	return part != OPERATION_NEXT || operation->kind == OPERATION_ENCRYPT ||
	       operation->kind == OPERATION_DECRYPT;
}

/* Whether PART may come now: a single-part call cannot end what an update began. */
static bool in_order(const struct operation *operation, enum operation_part part)
{
	return operation->mechanism && !(part == OPERATION_ALL && operation->multipart);
}

static CK_RV run(struct operation *operation, enum operation_part part, const CK_BYTE *in,
		 CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len, bool *asked)
{
	const struct engine *engine = operation->mechanism->engine;
	bool last = part != OPERATION_NEXT;
	size_t room = out && out_len ? *out_len : SIZE_MAX, need = 0, made = 0;
	CK_RV rv;

	*asked = out_len && !out;
	rv = engine->measure(operation, in, in_len, last, room, &need);
	if (rv != CKR_OK)
		return rv;
	if (out_len) {
		*out_len = need;
		if (!out)
			return CKR_OK;
		if (room < need)
			return CKR_BUFFER_TOO_SMALL;
	}
	operation->multipart = part != OPERATION_ALL;
	rv = engine->move(operation, in, in_len, last, out, &made);
	if (rv == CKR_OK && out_len)
		*out_len = made;
	return rv;
}

CK_RV operation_run(struct operation *operation, enum operation_part part, const CK_BYTE *in,
		    CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len)
{
	bool asked = false;
	CK_RV rv;

	if (!operation->mechanism)
		return CKR_OPERATION_NOT_INITIALIZED;
	if (!in_order(operation, part))
		rv = CKR_OPERATION_NOT_INITIALIZED;
	else if ((!in && in_len) || (!out_len && answers(operation, part)))
		rv = CKR_ARGUMENTS_BAD;
	else
		rv = run(operation, part, in, in_len, out, out_len, &asked);
	return settle(operation, rv, part != OPERATION_NEXT && !asked);
}

static bool same(const uint8_t *a, const uint8_t *b, size_t len)
{
	volatile uint8_t difference = 0;

	/* In a time that tells nothing about where the first difference is. */
	while (len--)
		difference |= a[len] ^ b[len];
	return !difference;
}

CK_RV operation_verify(struct operation *operation, enum operation_part part, const CK_BYTE *in,
		       CK_ULONG in_len, const CK_BYTE *signature, CK_ULONG signature_len)
{
	uint8_t mac[ALG_DIGEST_MAX];
	CK_ULONG mac_len = sizeof(mac);
	bool asked;
	CK_RV rv;

	if (!operation->mechanism)
		return CKR_OPERATION_NOT_INITIALIZED;
	if (!in_order(operation, part))
		rv = CKR_OPERATION_NOT_INITIALIZED;
	else if ((!in && in_len) || !signature)
		rv = CKR_ARGUMENTS_BAD;
	else if (signature_len != operation->parameter.size)
		rv = CKR_SIGNATURE_LEN_RANGE;
	else
		rv = run(operation, part, in, in_len, mac, &mac_len, &asked);
	if (rv == CKR_OK && !same(mac, signature, signature_len))
		rv = CKR_SIGNATURE_INVALID;
	explicit_bzero(mac, sizeof(mac));
	return settle(operation, rv, true);
}

CK_RV operation_verify_expected(struct operation *operation, enum operation_part part,
				const CK_BYTE *in, CK_ULONG in_len)
{
	return operation_verify(operation, part, in, in_len, operation->signature,
				operation->signature_len);
}

void operation_cancel(struct operation *operation)
{
	if (operation->mechanism)
		end(operation);
}
