/* SPDX-License-Identifier: BSD-2-Clause */
/* What may be done: whether this process has a mechanism, and whether a key serves it. */
#ifndef KCRYPTOKI_PERMIT_H
#define KCRYPTOKI_PERMIT_H

#include "mech/mechanism.h"
#include "pkcs11.h"
#include "token/object.h"

/* The row of MECHANISM in *ROW, where this process has it and it serves for FLAG (CKF_SIGN); else
 * CKR_MECHANISM_INVALID. */
CK_RV permit_mechanism(const CK_MECHANISM *mechanism, CK_FLAGS flag, const struct mechanism **row);

/*
 * Whether OBJECT, which may be NULL, is a key that may be used with ROW for USAGE:
 * CKR_KEY_HANDLE_INVALID, CKR_KEY_TYPE_INCONSISTENT, CKR_KEY_FUNCTION_NOT_PERMITTED,
 * CKR_MECHANISM_INVALID (not one of its CKA_ALLOWED_MECHANISMS), CKR_KEY_SIZE_RANGE. Whether this
 * thread may use it is the kernel's to say.
 */
CK_RV permit_key(const struct object *object, const struct mechanism *row, enum usage usage);

/* Whether OBJECT is not restricted to other mechanisms than ROW (CKA_ALLOWED_MECHANISMS). */
bool permit_row(const struct object *object, const struct mechanism *row);

#endif
