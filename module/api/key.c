/* SPDX-License-Identifier: BSD-2-Clause */
/* PKCS#11 3.2, section 5.18: key management. */
#include "token/derive.h"
#include "token/make.h"
#include "token/wrap.h"

CK_RV C_GenerateKey(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_ATTRIBUTE *template,
		    CK_ULONG count, CK_OBJECT_HANDLE *key)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);

	if (rv != CKR_OK)
		return rv;
	if (!mechanism || (!template && count) || !key)
		return session_leave(session, CKR_ARGUMENTS_BAD);
	return session_leave(session, make_generated(session, mechanism, template, count, key));
}

CK_RV C_WrapKey(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE wrapping,
		CK_OBJECT_HANDLE key, CK_BYTE *out, CK_ULONG *out_len)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);

	if (rv != CKR_OK)
		return rv;
	if (!mechanism || !out_len)
		return session_leave(session, CKR_ARGUMENTS_BAD);
	return session_leave(session, wrap_key(session, mechanism, wrapping, key, out, out_len));
}

CK_RV C_UnwrapKey(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE unwrapping,
		  CK_BYTE *in, CK_ULONG in_len, CK_ATTRIBUTE *template, CK_ULONG count,
		  CK_OBJECT_HANDLE *key)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);

	if (rv != CKR_OK)
		return rv;
	if (!mechanism || !in || (!template && count) || !key)
		return session_leave(session, CKR_ARGUMENTS_BAD);
	return session_leave(session, unwrap_key(session, mechanism, unwrapping, in, in_len,
						 template, count, key));
}

CK_RV C_DeriveKey(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE base,
		  CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *key)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);

	if (rv != CKR_OK)
		return rv;
	if (!mechanism || (!template && count) || !key)
		return session_leave(session, CKR_ARGUMENTS_BAD);
	return session_leave(session, derive_keys(session, mechanism, base, template, count, key));
}
