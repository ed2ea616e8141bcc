/* SPDX-License-Identifier: BSD-2-Clause */
/* C_DeriveKey: PKCS#11 3.2, section 5.18.5. What is computed, mech/derive.h says. */
#ifndef KCRYPTOKI_TOKEN_DERIVE_H
#define KCRYPTOKI_TOKEN_DERIVE_H

#include "token/session.h"

/* All keys are made, or none. Of several, the handle of one whose template is at fault becomes
 * CK_INVALID_HANDLE; in *KEY as in the parameter. */
CK_RV derive_keys(struct session *session, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE base,
		  const CK_ATTRIBUTE *list, CK_ULONG count, CK_OBJECT_HANDLE *key);

#endif
