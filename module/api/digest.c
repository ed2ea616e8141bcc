/* SPDX-License-Identifier: BSD-2-Clause */
/* PKCS#11 3.2, section 5.12: message digesting. */
#include "api/call.h"
#include "token/session.h"

CK_RV C_DigestInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism)
{
	return call_begin(session, OPERATION_DIGEST, mechanism, CK_INVALID_HANDLE);
}

CK_RV C_Digest(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out,
	       CK_ULONG *out_len)
{
	return call_run(session, OPERATION_DIGEST, OPERATION_ALL, in, in_len, out, out_len);
}

CK_RV C_DigestUpdate(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len)
{
	return call_run(session, OPERATION_DIGEST, OPERATION_NEXT, in, in_len, NULL, NULL);
}

CK_RV C_DigestKey(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE key)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);

	return rv == CKR_OK ? session_leave(session, session_digest_key(session, key)) : rv;
}

CK_RV C_DigestFinal(CK_SESSION_HANDLE session, CK_BYTE *out, CK_ULONG *out_len)
{
	return call_run(session, OPERATION_DIGEST, OPERATION_END, NULL, 0, out, out_len);
}
