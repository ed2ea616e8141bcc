/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * THE table: one row for each mechanism, and every fact about it. Lists, checks, documentation and
 * vector tests walk it; nothing else in the module knows a mechanism by its number.
 */
#ifndef KCRYPTOKI_MECHANISM_H
#define KCRYPTOKI_MECHANISM_H

#include <stdbool.h>
#include <stddef.h>

#include "pkcs11.h"

struct engine;
struct parameter;

struct mechanism {
	CK_MECHANISM_TYPE type;
	const char *name;                      /* "CKM_AES_CBC" */
	const char *kernel_type, *kernel_name; /* struct sockaddr_alg */
	const struct engine *engine;
	/* Checks and copies the mechanism's parameter. */
	CK_RV (*decode)(const CK_MECHANISM *, struct parameter *);
	CK_KEY_TYPE key_types[2];  /* key types that fit; both the same where there is one */
	CK_ULONG key_min, key_max; /* bytes; 0 and 0: the mechanism takes no key */
	size_t size;               /* digests and MACs: bytes of the result */
	size_t block;              /* ciphers: bytes */
	bool stream;               /* ciphers: a message may end within a block */
	bool padded;               /* ciphers: PKCS#7 padding, ours; the kernel has none */
	CK_FLAGS flags;            /* CKF_ENCRYPT and so on: what the mechanism may be used for */
};

extern const struct mechanism mechanisms[];
extern const size_t n_mechanisms;

/* The row of TYPE, or NULL. */
const struct mechanism *mechanism_find(CK_MECHANISM_TYPE type);

/*
 * 1 where this process may bind the row's algorithm, 0 where not, -errno where that could not be
 * found out. Asked of the kernel once for each kernel name, on first need.
 */
int mechanism_offered(const struct mechanism *row);

bool mechanism_takes_key(const struct mechanism *row);
bool mechanism_fits_key(const struct mechanism *row, CK_KEY_TYPE type);

/* Forgets what was found out: for a new C_Initialize. */
void mechanisms_forget(void);

#endif
