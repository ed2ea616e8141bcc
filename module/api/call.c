/* SPDX-License-Identifier: BSD-2-Clause */
#include "api/call.h"

#include "token/session.h"

CK_RV call_begin(CK_SESSION_HANDLE handle, enum operation_kind kind, const CK_MECHANISM *mechanism,
		 CK_OBJECT_HANDLE key)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);

	if (rv != CKR_OK)
		return rv;
	return session_leave(session, session_begin(session, kind, mechanism, key));
}

CK_RV call_run(CK_SESSION_HANDLE handle, enum operation_kind kind, enum operation_part part,
	       const CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);

	if (rv != CKR_OK)
		return rv;
	return session_leave(
		session, operation_run(&session->operations[kind], part, in, in_len, out, out_len));
}

CK_RV call_begin_messages(CK_SESSION_HANDLE handle, enum operation_kind kind,
			  const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);

	if (rv != CKR_OK)
		return rv;
	return session_leave(session, session_begin_messages(session, kind, mechanism, key));
}

CK_RV call_begin_message(CK_SESSION_HANDLE handle, enum operation_kind kind,
			 const struct message_terms *terms)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);

	if (rv != CKR_OK)
		return rv;
	return session_leave(session, message_begin(&session->processes[kind].message, terms));
}

CK_RV call_end_messages(CK_SESSION_HANDLE handle, enum operation_kind kind)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);

	return rv == CKR_OK ? session_leave(session, session_end_messages(session, kind)) : rv;
}
