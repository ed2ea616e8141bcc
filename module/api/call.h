/* SPDX-License-Identifier: BSD-2-Clause */
/* What the C_ functions of one operation kind have in common: enter the session, one call, leave.
 */
#ifndef KCRYPTOKI_CALL_H
#define KCRYPTOKI_CALL_H

#include "mech/message.h"
#include "mech/operation.h"
#include "pkcs11.h"

CK_RV call_begin(CK_SESSION_HANDLE session, enum operation_kind kind, const CK_MECHANISM *mechanism,
		 CK_OBJECT_HANDLE key);
CK_RV call_run(CK_SESSION_HANDLE session, enum operation_kind kind, enum operation_part part,
	       const CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len);

/* Of a message-based process. */
CK_RV call_begin_messages(CK_SESSION_HANDLE session, enum operation_kind kind,
			  const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key);
CK_RV call_begin_message(CK_SESSION_HANDLE session, enum operation_kind kind,
			 const struct message_terms *terms);
CK_RV call_end_messages(CK_SESSION_HANDLE session, enum operation_kind kind);

#endif
