/* SPDX-License-Identifier: BSD-2-Clause */
/* C_DeriveKey: PKCS#11 3.2, section 5.18.5. What is computed, mech/derive.h says. */
#ifndef KCRYPTOKI_TOKEN_DERIVE_H
#define KCRYPTOKI_TOKEN_DERIVE_H

#include "token/session.h"

/* KEY may be NULL only where the mechanism gives handles elsewhere; all keys are made, or none. */
CK_RV derive_keys(struct session *session, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE base,
		  const CK_ATTRIBUTE *list, CK_ULONG count, CK_OBJECT_HANDLE *key);

#endif
