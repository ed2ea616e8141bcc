/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What C_DeriveKey computes (PKCS#11 3.2, section 5.18.5): the bytes of new keys from a base key.
 * The base stays in the kernel wherever the mechanism can do with a transform of it. What becomes
 * of the bytes, and which attributes the new keys have, is the token's business.
 *
 * Parameters are read where they lie, in the caller's memory, by each of these functions;
 * derive_run checks all of them.
 */
#ifndef KCRYPTOKI_DERIVE_H
#define KCRYPTOKI_DERIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/transform.h"
#include "mech/mechanism.h"
#include "pkcs11-parameters.h"
#include "pkcs11.h"

/* What keys are derived from. */
struct derive_base {
	const struct transform_key *key; /* arms a transform, unread */
	CK_KEY_TYPE type;
	const uint8_t *bytes; /* where derive_reads() says so, and this process may; else NULL */
	size_t len;           /* of BYTES */
};

/* One C_DeriveKey. */
struct derivation {
	const struct mechanism *row; /* MECHANISM's; it has CKF_DERIVE */
	const CK_MECHANISM *mechanism;
	struct derive_base base;
	const struct transform_key *salt; /* the key of derive_other_key(), or NULL */
};

/* What becomes of CKA_SENSITIVE and CKA_EXTRACTABLE where keys are derived. */
enum derive_secrecy {
	DERIVE_FREE,    /* the template's, else the token's defaults */
	DERIVE_INHERIT, /* the template's, else the base's */
	DERIVE_STRICT /* the base's where it is sensitive or not extractable, else as DERIVE_FREE */
};

/* How a mechanism derives; NULL: the obvious. The token asks by the functions below. */
struct derive_method {
	CK_OBJECT_CLASS object_class; /* of what is made: CKO_SECRET_KEY or CKO_DATA */
	enum derive_secrecy secrecy;
	bool (*reads)(const CK_MECHANISM *);
	CK_OBJECT_HANDLE (*other_key)(const CK_MECHANISM *);
	CK_RV (*length)(const struct derivation *, size_t *len);
	CK_RV (*more)(const CK_MECHANISM *, struct derived_key **list, CK_ULONG *count);
	CK_RV (*run)(const struct derivation *, const size_t *lens, size_t n, uint8_t *out);
};

extern const struct derive_method encrypt_data_derive;             /* encrypt-data.c */
extern const struct derive_method concatenate_derive;              /* concatenate.c */
extern const struct derive_method hkdf_derive, hkdf_data_derive;   /* hkdf.c */
extern const struct derive_method counter_derive, feedback_derive; /* sp800-108.c */

/* Whether the base's bytes are needed: its key alone is not enough. */
bool derive_reads(const struct mechanism *row, const CK_MECHANISM *mechanism);

/* The further key that MECHANISM's parameter names (HKDF's hSaltKey), or CK_INVALID_HANDLE. */
CK_OBJECT_HANDLE derive_other_key(const struct mechanism *row, const CK_MECHANISM *mechanism);

/* The bytes that come out where nobody asks for a length, in *LEN; 0: one must be asked for.
 * CKR_MECHANISM_PARAM_INVALID. */
CK_RV derive_length(const struct derivation *derivation, size_t *len);

/*
 * The further keys that the call makes, each with a template of its own, behind the one of
 * C_DeriveKey and in this order: *COUNT of them at *LIST, in the caller's memory, or none.
 * CKR_MECHANISM_PARAM_INVALID.
 */
CK_RV derive_more(const struct mechanism *row, const CK_MECHANISM *mechanism,
		  struct derived_key **list, CK_ULONG *count);

/*
 * Derives N keys of LENS[0], LENS[1]... bytes; OUT, which has room for them all, gets them one
 * behind the other, or no byte of them. N is 1 and what derive_more() says.
 *
 * CKR_MECHANISM_PARAM_INVALID: the parameter is not as the specification wants it, or asks for a
 * hash or PRF that this process cannot have; the log says what.
 * CKR_KEY_SIZE_RANGE: a length is 0 or more than the mechanism gives, or the base key's length does
 * not suit it. CKR_DATA_LEN_RANGE: there is less data to encrypt than the key is to have.
 * CKR_KEY_TYPE_INCONSISTENT: the base is no key of the PRF. CKR_KEY_FUNCTION_NOT_PERMITTED: its
 * bytes are needed, and there are none. And what rv.h makes of the kernel's errors.
 */
CK_RV derive_run(const struct derivation *derivation, const size_t *lens, size_t n, uint8_t *out);

/* For methods: the bytes of the derivation's base, which are needed. */
CK_RV derive_need_bytes(const struct derivation *derivation);

/* Whether the parameter is a structure of SIZE bytes; copies it to COPY. */
bool derive_copy(const CK_MECHANISM *mechanism, void *copy, size_t size);

#endif
