/* SPDX-License-Identifier: BSD-2-Clause */
/* PKCS#11 3.2, sections 5.14 and 5.16: message-based MACs, made and verified. */
#include "api/call.h"
#include "token/session.h"

CK_RV C_MessageSignInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	return call_begin_messages(session, OPERATION_SIGN, mechanism, key);
}

CK_RV C_SignMessage(CK_SESSION_HANDLE handle, void *parameter, CK_ULONG parameter_len,
		    CK_BYTE *data, CK_ULONG data_len, CK_BYTE *signature, CK_ULONG *signature_len)
{
	const struct message_terms terms = {parameter, parameter_len, NULL, 0};
	struct session *session;
	CK_RV rv = session_enter(handle, &session);

	if (rv != CKR_OK)
		return rv;
	return session_leave(session,
			     message_whole(&session->processes[OPERATION_SIGN].message, &terms,
					   data, data_len, signature, signature_len));
}

CK_RV C_SignMessageBegin(CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len)
{
	const struct message_terms terms = {parameter, parameter_len, NULL, 0};

	return call_begin_message(session, OPERATION_SIGN, &terms);
}

CK_RV C_SignMessageNext(CK_SESSION_HANDLE handle, void *parameter, CK_ULONG parameter_len,
			CK_BYTE *data, CK_ULONG data_len, CK_BYTE *signature,
			CK_ULONG *signature_len)
{
	const struct message_terms terms = {parameter, parameter_len, NULL, 0};
	/* "set to NULL if there is more data part to follow" */
	enum operation_part part = signature_len ? OPERATION_LAST : OPERATION_NEXT;
	struct session *session;
	CK_RV rv = session_enter(handle, &session);

	if (rv != CKR_OK)
		return rv;
	return session_leave(session,
			     message_next(&session->processes[OPERATION_SIGN].message, part, &terms,
					  data, data_len, signature, signature_len));
}

CK_RV C_MessageSignFinal(CK_SESSION_HANDLE session)
{
	return call_end_messages(session, OPERATION_SIGN);
}

CK_RV C_MessageVerifyInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	return call_begin_messages(session, OPERATION_VERIFY, mechanism, key);
}

CK_RV C_VerifyMessage(CK_SESSION_HANDLE handle, void *parameter, CK_ULONG parameter_len,
		      CK_BYTE *data, CK_ULONG data_len, CK_BYTE *signature, CK_ULONG signature_len)
{
	const struct message_terms terms = {parameter, parameter_len, NULL, 0};
	struct session *session;
	CK_RV rv = session_enter(handle, &session);

	if (rv != CKR_OK)
		return rv;
	return session_leave(
		session, message_verify_whole(&session->processes[OPERATION_VERIFY].message, &terms,
					      data, data_len, signature, signature_len));
}

CK_RV C_VerifyMessageBegin(CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len)
{
	const struct message_terms terms = {parameter, parameter_len, NULL, 0};

	return call_begin_message(session, OPERATION_VERIFY, &terms);
}

CK_RV C_VerifyMessageNext(CK_SESSION_HANDLE handle, void *parameter, CK_ULONG parameter_len,
			  CK_BYTE *data, CK_ULONG data_len, CK_BYTE *signature,
			  CK_ULONG signature_len)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);

	if (rv != CKR_OK)
		return rv;
	return session_leave(session,
			     message_verify_next(&session->processes[OPERATION_VERIFY].message,
						 data, data_len, signature, signature_len));
}

CK_RV C_MessageVerifyFinal(CK_SESSION_HANDLE session)
{
	return call_end_messages(session, OPERATION_VERIFY);
}
