/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of one cryptographic operation (PKCS#11 3.2, sections 5.8 to 5.12): begun by C_*Init,
 * fed by C_*Update, finished by C_*Final; a single-part call is a finish with all the data.
 *
 * An operation belongs to whoever holds it (a session); nothing here locks.
 */
#ifndef KCRYPTOKI_OPERATION_H
#define KCRYPTOKI_OPERATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/transform.h"
#include "mech/mechanism.h"
#include "mech/parameter.h"
#include "pkcs11.h"

/* One slot for each kind in a session: kinds do not exclude each other. */
enum operation_kind {
	OPERATION_ENCRYPT,
	OPERATION_DECRYPT,
	OPERATION_SIGN,
	OPERATION_VERIFY,
	OPERATION_PROCESSES, /* those above can be processes of messages, too (message.h) */
	OPERATION_DIGEST = OPERATION_PROCESSES,
	OPERATION_VERIFY_SIGNATURE, /* the signature came with C_VerifySignatureInit */
	OPERATION_KINDS
};

/* How much of a message a call brings. */
enum operation_part {
	OPERATION_ALL,  /* C_Encrypt: the whole message */
	OPERATION_NEXT, /* C_EncryptUpdate: a part, others follow */
	OPERATION_LAST, /* C_EncryptMessageNext: the last part */
	OPERATION_END   /* C_EncryptFinal: nothing more */
};

struct operation {
	const struct mechanism *mechanism; /* NULL: no operation is active */
	enum operation_kind kind;
	bool multipart; /* an update came: only a final may end it */
	bool borrowed;  /* the socket goes on to the next message of a process */
	struct op_socket *socket;
	struct parameter parameter;
	uint8_t *signature; /* OPERATION_VERIFY_SIGNATURE; owned */
	size_t signature_len;

	bool secret; /* for the owner: what is brought is a key's, and is not to be kept here */

	/* What the engines keep between calls. */
	bool begun;                  /* the kernel has seen part of this message */
	bool clean;                  /* nothing is queued in the socket */
	bool peeked;                 /* last[] holds the last block, decrypted already */
	uint8_t tail[ALG_BLOCK_MAX]; /* input held back: less than a block, or the last one;
				      * stream ciphers: keystream.h */
	size_t tail_len;             /* bytes */
	uint8_t last[ALG_BLOCK_MAX]; /* the last block of a padded message, decrypted; stream
				      * ciphers: keystream.h */
	uint8_t *text;               /* gather.c: the message so far; owned */
	size_t text_len, text_size;  /* bytes used and allocated */
};

/* The flag in mechanism.flags that stands for KIND. */
CK_FLAGS operation_flag(enum operation_kind kind);

/* Begins an operation where none is active. ROW is MECHANISM's row and serves KIND; KEY is NULL
 * where it takes none. */
CK_RV operation_begin(struct operation *operation, enum operation_kind kind,
		      const struct mechanism *row, const CK_MECHANISM *mechanism,
		      const struct transform_key *key);

/* A socket for ROW, 0 or -errno. TAG_SIZE is that of an AEAD's operation. */
int operation_take(const struct mechanism *row, const struct transform_key *key,
		   unsigned int tag_size, struct op_socket **socket);

/* Begins an operation on one message of a process: its parameter is there already, and SOCKET stays
 * the lender's. */
void operation_borrow(struct operation *operation, enum operation_kind kind,
		      const struct mechanism *row, struct op_socket *socket);

/*
 * Brings IN, and puts what comes of it at OUT, whose size is *OUT_LEN before and the result's
 * length after. OUT NULL asks for a length that is enough. OUT_LEN is NULL where the call has no
 * output (C_DigestUpdate, C_SignUpdate). OUT may be IN.
 */
CK_RV operation_run(struct operation *operation, enum operation_part part, const CK_BYTE *in,
		    CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len);

/* Keeps SIGNATURE, which an operation that was just begun is to verify; ends it where there is no
 * memory. */
CK_RV operation_expect(struct operation *operation, const CK_BYTE *signature,
		       CK_ULONG signature_len);

/* Finishes a verification: brings IN and compares the MAC with SIGNATURE. */
CK_RV operation_verify(struct operation *operation, enum operation_part part, const CK_BYTE *in,
		       CK_ULONG in_len, const CK_BYTE *signature, CK_ULONG signature_len);

/* The same, where the signature is known already. */
CK_RV operation_verify_expected(struct operation *operation, enum operation_part part,
				const CK_BYTE *in, CK_ULONG in_len);

/* Ends an operation, if one is active, without a result. */
void operation_cancel(struct operation *operation);

/* For engines. */
static inline bool operation_decrypts(const struct operation *operation)
{
	return operation->kind == OPERATION_DECRYPT;
}

/* AEADs: the bytes of tag that the caller sees as part of the ciphertext. */
static inline size_t operation_tag(const struct operation *operation)
{
	return operation->parameter.detached ? 0 : operation->parameter.tag_size;
}
CK_RV operation_wrong_length(const struct operation *operation);

#endif
