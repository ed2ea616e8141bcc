/* SPDX-License-Identifier: BSD-2-Clause */
/* PKCS#11 3.2, section 5.13: signing and MACing. */
#include "api/call.h"

CK_RV C_SignInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	return call_begin(session, OPERATION_SIGN, mechanism, key);
}

CK_RV C_Sign(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out,
	     CK_ULONG *out_len)
{
	return call_run(session, OPERATION_SIGN, OPERATION_ALL, in, in_len, out, out_len);
}

CK_RV C_SignUpdate(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len)
{
	return call_run(session, OPERATION_SIGN, OPERATION_NEXT, in, in_len, NULL, NULL);
}

CK_RV C_SignFinal(CK_SESSION_HANDLE session, CK_BYTE *out, CK_ULONG *out_len)
{
	return call_run(session, OPERATION_SIGN, OPERATION_END, NULL, 0, out, out_len);
}
