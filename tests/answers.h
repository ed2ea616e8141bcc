/* SPDX-License-Identifier: BSD-2-Clause */
/* What a call of a deed may answer, and why. */
#ifndef TESTS_ANSWERS_H
#define TESTS_ANSWERS_H

#include "deeds.h"

/* Why a call may answer something else than CKR_OK. SESSION and STATE explain it in a common
 * session only, KEY of a common key. */
enum {
	SESSION = 1,
	STATE = 2,
	KEY = 4,
	FULL = 8,
	UNCOPYABLE = 16,
	MIXED = 32,
	GONE = 128,
	OTHERS_KEY = 64, /* which another thread brought to a common session */
};

/* DEED_REFUSED where CALL may answer RV, for the NAMED reasons or for those that hold anyway. */
int answers_refuse(struct actor *a, const char *call, CK_RV rv, unsigned int named);

/* Goes on where CALL answers CKR_OK. */
#define CALL(call, reasons)                                            \
	do {                                                           \
		CK_RV rv_ = (call);                                    \
		if (rv_ != CKR_OK)                                     \
			return answers_refuse(a, #call, rv_, reasons); \
	} while (0)
/* Goes on where another deed was done. */
#define DO(deed)                      \
	do {                          \
		int came_ = (deed);   \
		if (came_)            \
			return came_; \
	} while (0)

#endif
