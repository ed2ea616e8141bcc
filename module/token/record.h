/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A key of the kernel's as a file: what the kernel gives out of it, sealed, and what is known of
 *it.
 *
 *	kcryptoki-store 1
 *	type 9 encrypted
 *	description 26 pkcs11:object=a?x-uid=00ff
 *	permissions 10 0x1b010000
 *	changes 16 pkcs11:object=b
 *	blob 182 default user:kmk 32 6c1f...
 *	mac 64 HEX
 *
 * A field is its name, its length in bytes, the bytes, and a line end; all are there, in this
 *order. The MAC is of all that stands before its line: HMAC-SHA256 under the key that "guards" the
 *file, which is the master of an encrypted key, and a trusted key itself. So nobody without it can
 * give a key another name, usages or permissions, or another's blob.
 */
#ifndef KCRYPTOKI_RECORD_H
#define KCRYPTOKI_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "key/key.h"

enum {
	RECORD_MAX = 131072, /* bytes of a file: more than a description, changes and a blob */
	MASTER_MAX = 256,
};

struct record {
	char *type;        /* "encrypted", "trusted" */
	char *description; /* of the key in the keyring */
	uint32_t perm;     /* keyctl_setperm(3) */
	char *changes;     /* sidecar.h; "": none */
	char *blob;        /* what keyctl_read(3) gives: for "load" */
};

/* Why something failed, for people. */
struct reason {
	char text[512];
};
void reason_set(struct reason *reason, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Reads LEN bytes of TEXT, which has a zero byte behind them, into RECORD, to be freed; its MAC is
 * not looked at. 0; -EPROTO: it is no record, as REASON says, and -ENOMEM. */
int record_read(struct record *record, const char *text, size_t len, struct reason *reason);
void record_free(struct record *record);

/* The name of the file that RECORD stands in: its key's CKA_UNIQUE_ID and ".key". */
enum { RECORD_NAME_MAX = 32 };
/* -EINVAL: its description is not understood. */
int record_name(const struct record *record, char name[RECORD_NAME_MAX]);
void record_name_of(const char *unique_id, char name[RECORD_NAME_MAX]);

/* The master that guards RECORD, as "user:NAME", in MASTER; false: the key does so itself. -EPROTO
 * is false, too: its blob names none. */
bool record_master(const struct record *record, char master[MASTER_MAX]);

/* RECORD as text with its MAC, made with GUARD, in *TEXT, to be freed. 0 or -errno, as REASON says.
 */
int record_write(const struct record *record, const struct key *guard, char **text, size_t *len,
		 struct reason *reason);

/* 0 where the MAC of the LEN bytes of TEXT, which record_read() read, is GUARD's. -EKEYREJECTED: it
 * is not. */
int record_check(const char *text, size_t len, const struct key *guard, struct reason *reason);

/* 0 where both keys are the same, told by what they make of one message; -EKEYREJECTED. */
int record_same_key(const struct key *one, const struct key *other, struct reason *reason);

#endif
