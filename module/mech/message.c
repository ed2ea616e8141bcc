/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech/message.h"

#include <string.h>

#include "mech/rv.h"

CK_FLAGS message_flag(enum operation_kind kind)
{
	static const CK_FLAGS flags[OPERATION_PROCESSES] = {
		[OPERATION_ENCRYPT] = CKF_MESSAGE_ENCRYPT,
		[OPERATION_DECRYPT] = CKF_MESSAGE_DECRYPT,
		[OPERATION_SIGN] = CKF_MESSAGE_SIGN,
		[OPERATION_VERIFY] = CKF_MESSAGE_VERIFY,
	};

	return flags[kind];
}

/* A message that does not decrypt is called by another name here (section 5.11). */
static CK_RV renamed(CK_RV rv)
{
	return rv == CKR_ENCRYPTED_DATA_INVALID ? CKR_AEAD_DECRYPT_FAILED : rv;
}

static void give(struct message *message)
{
	if (message->socket)
		transform_give(message->socket, !message->socket->spoilt);
	message->socket = NULL;
}

/* A socket for a message whose tag has TAG_SIZE bytes: the process's own, unless another size is
 * wanted, a message was left in the middle, or its key is refused when it is asked for again. */
static CK_RV take(struct message *message, unsigned int tag_size)
{
	const struct mechanism *row = message->mechanism;
	struct op_socket *socket = message->socket;

	if (socket && !socket->spoilt && message->tag_size == tag_size &&
	    (!transform_stale(socket) || transform_renew(socket, message->key)))
		return CKR_OK;
	give(message);
	message->tag_size = tag_size;
	return rv_of_open(operation_take(row, message->key, tag_size, &message->socket), row->name);
}

CK_RV message_start(struct message *message, enum operation_kind kind, const struct mechanism *row,
		    const CK_MECHANISM *mechanism, const struct transform_key *key)
{
	struct parameter parameter;
	CK_RV rv = CKR_OK;

	parameter_start(row, &parameter);
	message->mechanism = row;
	message->kind = kind;
	message->key = key;
	if (row->decode_message) {
		/* The first message's parameter may be here, or none; each message brings its own.
		 * The size of most tags is assumed. */
		if (!mechanism->pParameter != !mechanism->ulParameterLen)
			rv = parameter_refuse("ulParameterLen", mechanism->ulParameterLen);
		parameter.tag_size = ALG_TAG_MAX;
	} else {
		rv = row->decode(row, mechanism, &parameter);
	}
	message->size = parameter.size;
	if (rv == CKR_OK)
		rv = take(message, parameter.tag_size);
	parameter_free(&parameter);
	if (rv == CKR_OK)
		nonce_begin(&message->nonces, key->id, row);
	else
		message_cancel(message);
	return rv;
}

static CK_RV decode(const struct message *message, const struct message_terms *terms,
		    struct parameter *parameter, struct nonce *nonce)
{
	const struct mechanism *row = message->mechanism;

	parameter_start(row, parameter);
	parameter->size = message->size;
	*nonce = (struct nonce){.generator = CKG_NO_GENERATE};
	if (row->decode_message)
		return row->decode_message(terms->parameter, terms->parameter_len, parameter,
					   nonce);
	if (terms->parameter || terms->parameter_len)
		return parameter_refuse("a message's ulParameterLen, where none is taken,",
					terms->parameter_len);
	return CKR_OK;
}

/* Begins the operation on one message, with the nonce as it lies there. */
static CK_RV begin(struct message *message, const struct message_terms *terms, struct nonce *nonce)
{
	/* No operation is active that it would belong to. */
	struct parameter *parameter = &message->operation.parameter;
	CK_RV rv;

	if (!message->mechanism)
		return CKR_OPERATION_NOT_INITIALIZED;
	if (message->operation.mechanism)
		return CKR_OPERATION_ACTIVE;
	if (!terms->aad && terms->aad_len)
		return CKR_ARGUMENTS_BAD;
	rv = decode(message, terms, parameter, nonce);
	if (rv == CKR_OK && terms->aad_len)
		rv = parameter_take_aad(parameter, terms->aad, terms->aad_len);
	if (rv == CKR_OK)
		rv = take(message, parameter->tag_size);
	if (rv == CKR_OK)
		operation_borrow(&message->operation, message->kind, message->mechanism,
				 message->socket);
	else
		parameter_free(parameter);
	return rv;
}

static bool makes_nonce(const struct message *message, const struct nonce *nonce)
{
	return message->kind == OPERATION_ENCRYPT && nonce->generator != CKG_NO_GENERATE;
}

/* Makes the nonce of the message that has just begun. */
static CK_RV make_nonce(struct message *message, const struct message_terms *terms,
			struct nonce *nonce)
{
	struct parameter *own = &message->operation.parameter, parameter;
	CK_RV rv;

	rv = nonce_make(&message->nonces, nonce);
	if (rv == CKR_OK)
		rv = decode(message, terms, &parameter, nonce);
	if (rv == CKR_OK)
		memcpy(own->iv, parameter.iv, sizeof(own->iv));
	else
		operation_cancel(&message->operation);
	return rv;
}

/* Refuses a message whose tag is to be given or checked now, where nobody has said where. */
static CK_RV need_tag(struct message *message)
{
	const struct parameter *parameter = &message->operation.parameter;
	CK_RV rv;

	if (!parameter->detached || parameter->tag)
		return CKR_OK;
	rv = parameter_refuse("pTag or pMAC is NULL, and the tag's size in bytes",
			      parameter->tag_size);
	operation_cancel(&message->operation);
	return rv;
}

CK_RV message_begin(struct message *message, const struct message_terms *terms)
{
	struct nonce nonce;
	CK_RV rv = begin(message, terms, &nonce);

	if (rv == CKR_OK && makes_nonce(message, &nonce))
		rv = make_nonce(message, terms, &nonce);
	return rv;
}

/* The last part may name another place for the tag than the call that began the message. */
static CK_RV place_tag(struct message *message, const struct message_terms *terms)
{
	struct parameter parameter;
	struct nonce nonce;
	CK_RV rv = decode(message, terms, &parameter, &nonce);

	if (rv == CKR_OK && parameter.tag_size != message->operation.parameter.tag_size)
		rv = parameter_refuse("not as the message began: the tag's size in bytes",
				      parameter.tag_size);
	if (rv == CKR_OK)
		message->operation.parameter.tag = parameter.tag;
	else
		operation_cancel(&message->operation);
	return rv;
}

CK_RV message_next(struct message *message, enum operation_part part,
		   const struct message_terms *terms, const CK_BYTE *in, CK_ULONG in_len,
		   CK_BYTE *out, CK_ULONG *out_len)
{
	CK_RV rv = CKR_OK;

	if (!message->operation.mechanism)
		return CKR_OPERATION_NOT_INITIALIZED;
	if (part == OPERATION_LAST)
		rv = place_tag(message, terms);
	if (rv == CKR_OK && part == OPERATION_LAST && out)
		rv = need_tag(message);
	if (rv == CKR_OK)
		rv = operation_run(&message->operation, part, in, in_len, out, out_len);
	return renamed(rv);
}

CK_RV message_whole(struct message *message, const struct message_terms *terms, const CK_BYTE *in,
		    CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len)
{
	struct operation *operation = &message->operation;
	struct nonce nonce;
	CK_ULONG need = 0;
	CK_RV rv;

	if (!message->mechanism)
		return CKR_OPERATION_NOT_INITIALIZED;
	if (!out_len)
		return CKR_ARGUMENTS_BAD;
	rv = begin(message, terms, &nonce);
	/* A question for the length, or too little room, uses no nonce up. */
	if (rv == CKR_OK && (!out || makes_nonce(message, &nonce)))
		rv = operation_run(operation, OPERATION_ALL, in, in_len, NULL, &need);
	if (rv == CKR_OK && (!out || *out_len < need)) {
		operation_cancel(operation);
		*out_len = need;
		return out ? CKR_BUFFER_TOO_SMALL : CKR_OK;
	}
	if (rv == CKR_OK)
		rv = need_tag(message);
	if (rv == CKR_OK && makes_nonce(message, &nonce))
		rv = make_nonce(message, terms, &nonce);
	if (rv == CKR_OK)
		rv = operation_run(operation, OPERATION_ALL, in, in_len, out, out_len);
	/* The next call brings the whole message again. */
	if (rv == CKR_BUFFER_TOO_SMALL)
		operation_cancel(operation);
	return renamed(rv);
}

CK_RV message_verify_next(struct message *message, const CK_BYTE *in, CK_ULONG in_len,
			  const CK_BYTE *signature, CK_ULONG signature_len)
{
	struct operation *operation = &message->operation;

	if (!operation->mechanism)
		return CKR_OPERATION_NOT_INITIALIZED;
	/* Section 5.16: where there is none, more parts follow, whatever is said of its length. */
	if (!signature)
		return operation_run(operation, OPERATION_NEXT, in, in_len, NULL, NULL);
	return operation_verify(operation, OPERATION_LAST, in, in_len, signature, signature_len);
}

CK_RV message_verify_whole(struct message *message, const struct message_terms *terms,
			   const CK_BYTE *in, CK_ULONG in_len, const CK_BYTE *signature,
			   CK_ULONG signature_len)
{
	struct nonce nonce;
	CK_RV rv = begin(message, terms, &nonce);

	return rv == CKR_OK ? operation_verify(&message->operation, OPERATION_ALL, in, in_len,
					       signature, signature_len)
			    : rv;
}

CK_RV message_final(struct message *message)
{
	if (!message->mechanism)
		return CKR_OPERATION_NOT_INITIALIZED;
	if (message->operation.mechanism)
		return CKR_OPERATION_ACTIVE;
	message_cancel(message);
	return CKR_OK;
}

void message_cancel(struct message *message)
{
	struct nonce_source nonces = message->nonces;

	operation_cancel(&message->operation);
	give(message);
	explicit_bzero(message, sizeof(*message));
	message->nonces = nonces;
}
