/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys that leave and enter the token encrypted: PKCS#11 3.2, section 5.18. */
#ifndef KCRYPTOKI_WRAP_H
#define KCRYPTOKI_WRAP_H

#include "token/session.h"

/* C_WrapKey. OUT NULL asks for the length. */
CK_RV wrap_key(struct session *session, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE wrapping,
	       CK_OBJECT_HANDLE key, CK_BYTE *out, CK_ULONG *out_len);

/* C_UnwrapKey. */
CK_RV unwrap_key(struct session *session, const CK_MECHANISM *mechanism,
		 CK_OBJECT_HANDLE unwrapping, const CK_BYTE *wrapped, CK_ULONG wrapped_len,
		 const CK_ATTRIBUTE *list, CK_ULONG count, CK_OBJECT_HANDLE *key);

#endif
