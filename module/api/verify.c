/* SPDX-License-Identifier: BSD-2-Clause */
/* PKCS#11 3.2, section 5.15: verifying signatures and MACs. */
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

/* Section 5.15, since PKCS#11 3.2: the signature comes first. */
CK_RV C_VerifySignatureInit(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
			    CK_BYTE *signature, CK_ULONG signature_len)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);

	if (rv != CKR_OK)
		return rv;
	if (mechanism && !signature)
		return session_leave(session, CKR_ARGUMENTS_BAD);
	rv = session_begin(session, OPERATION_VERIFY_SIGNATURE, mechanism, key);
	if (rv == CKR_OK && mechanism)
		rv = operation_expect(&session->operations[OPERATION_VERIFY_SIGNATURE], signature,
				      signature_len);
	return session_leave(session, rv);
}

static CK_RV finish_expected(CK_SESSION_HANDLE handle, enum operation_part part, const CK_BYTE *in,
			     CK_ULONG in_len)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);

	if (rv != CKR_OK)
		return rv;
	return session_leave(
		session, operation_verify_expected(&session->operations[OPERATION_VERIFY_SIGNATURE],
						   part, in, in_len));
}

CK_RV C_VerifySignature(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG data_len)
{
	return finish_expected(session, OPERATION_ALL, data, data_len);
}

CK_RV C_VerifySignatureUpdate(CK_SESSION_HANDLE session, CK_BYTE *part, CK_ULONG part_len)
{
	return call_run(session, OPERATION_VERIFY_SIGNATURE, OPERATION_NEXT, part, part_len, NULL,
			NULL);
}

CK_RV C_VerifySignatureFinal(CK_SESSION_HANDLE session)
{
	return finish_expected(session, OPERATION_END, NULL, 0);
}
