/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of a message-based process (PKCS#11 3.2, sections 5.9, 5.11, 5.14 and 5.16): begun by
 * C_Message*Init, over with C_Message*Final; between them each message is an operation of its own,
 * which ends without ending the process. The socket stays for all of them.
 *
 * A process belongs to whoever holds it (a session); nothing here locks. The key must live as long.
 */
#ifndef KCRYPTOKI_MESSAGE_H
#define KCRYPTOKI_MESSAGE_H

#include "mech/nonce.h"
#include "mech/operation.h"

struct message {
	const struct mechanism *mechanism; /* NULL: no process is active */
	enum operation_kind kind;          /* OPERATION_ENCRYPT, _DECRYPT, _SIGN or _VERIFY */
	const struct transform_key *key;
	struct op_socket *socket;   /* NULL: to be taken with the next message */
	unsigned int tag_size;      /* that the socket is for */
	size_t size;                /* MACs: bytes of the result */
	struct nonce_source nonces; /* stays when the process ends */
	struct operation operation; /* the message under way */
};

/* The flag in mechanism.flags that stands for a process of KIND. */
CK_FLAGS message_flag(enum operation_kind kind);

/* Begins a process where none is active. */
CK_RV message_start(struct message *message, enum operation_kind kind, const struct mechanism *row,
		    const CK_MECHANISM *mechanism, const struct transform_key *key);

/* What one call says of a message. */
struct message_terms {
	void *parameter;
	CK_ULONG parameter_len;
	const CK_BYTE *aad;
	CK_ULONG aad_len;
};

/* Begins a message of several parts; makes its nonce, where that is asked for. */
CK_RV message_begin(struct message *message, const struct message_terms *terms);

/* Brings a part: see operation_run(). PART is OPERATION_NEXT or OPERATION_LAST; the last part
 * also gives, or checks, the tag where TERMS say. Only then, and not for a question for the length,
 * CKR_MECHANISM_PARAM_INVALID where they do not say it. */
CK_RV message_next(struct message *message, enum operation_part part,
		   const struct message_terms *terms, const CK_BYTE *in, CK_ULONG in_len,
		   CK_BYTE *out, CK_ULONG *out_len);

/* A whole message in one call. */
CK_RV message_whole(struct message *message, const struct message_terms *terms, const CK_BYTE *in,
		    CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len);

/* The same for verifications: SIGNATURE is NULL with the parts that are not the last. */
CK_RV message_verify_next(struct message *message, const CK_BYTE *in, CK_ULONG in_len,
			  const CK_BYTE *signature, CK_ULONG signature_len);
CK_RV message_verify_whole(struct message *message, const struct message_terms *terms,
			   const CK_BYTE *in, CK_ULONG in_len, const CK_BYTE *signature,
			   CK_ULONG signature_len);

/* Ends the process; refuses in the middle of a message. */
CK_RV message_final(struct message *message);

/* Ends the process, if one is active, whatever it is at. */
void message_cancel(struct message *message);

#endif
