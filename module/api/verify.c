/* SPDX-License-Identifier: BSD-2-Clause */
/* PKCS#11 3.0, section 5.15: verifying signatures and MACs. */
#include "api/call.h"
#include "token/session.h"

static CK_RV finish(CK_SESSION_HANDLE handle, enum operation_part part, const CK_BYTE *in,
		    CK_ULONG in_len, const CK_BYTE *signature, CK_ULONG signature_len)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);

	if (rv != CKR_OK)
		return rv;
	return session_leave(session, operation_verify(&session->operations[OPERATION_VERIFY], part,
						       in, in_len, signature, signature_len));
}

CK_RV C_VerifyInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	return call_begin(session, OPERATION_VERIFY, mechanism, key);
}

CK_RV C_Verify(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *signature,
	       CK_ULONG signature_len)
{
	return finish(session, OPERATION_ALL, in, in_len, signature, signature_len);
}

CK_RV C_VerifyUpdate(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len)
{
	return call_run(session, OPERATION_VERIFY, OPERATION_NEXT, in, in_len, NULL, NULL);
}

CK_RV C_VerifyFinal(CK_SESSION_HANDLE session, CK_BYTE *signature, CK_ULONG signature_len)
{
	return finish(session, OPERATION_END, NULL, 0, signature, signature_len);
}
