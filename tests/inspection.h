/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keys of a token beside what a ledger says of them, for power.c. What is not as it should be
 * is told of on standard error.
 */
#ifndef TESTS_INSPECTION_H
#define TESTS_INSPECTION_H

#include <stdbool.h>

#include "ledger.h"
#include "pkcs11.h"

extern struct ledger inspected;
extern CK_SESSION_HANDLE inspection_session;
extern unsigned int inspection_faults; /* how many so far */

/* What keys are made of. */
enum { INSPECTION_KINDS = 3 };
extern const struct inspection_kind {
	CK_ULONG length;
	CK_BBOOL wraps;
	bool shared;
} inspection_kinds[INSPECTION_KINDS];
/* Permissions of one that is shared: its owner may search it, its group view it, too. */
extern const CK_ULONG inspection_shared;

/* One fault more. */
__attribute__((format(printf, 1, 2))) void inspection_fault(const char *format, ...);

/* Ends the program where RV says that CALL failed. */
void inspection_must(CK_RV rv, const char *call);

/* CKA_ID of key NUMBER. */
void inspection_id(unsigned int number, unsigned char id[4]);

/* Key NUMBER, which must be there. */
CK_OBJECT_HANDLE inspection_object(unsigned int number);

/* What key NUMBER makes of its text. */
CK_RV inspection_encrypt(unsigned int number, CK_OBJECT_HANDLE object,
			 unsigned char out[LEDGER_CIPHER]);

/* Looks at all keys that the token presents. What was begun only, and what became of it, goes into
 * the ledger. */
void inspection_run(void);

#endif
