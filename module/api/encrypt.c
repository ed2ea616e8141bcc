/* SPDX-License-Identifier: BSD-2-Clause */
/* PKCS#11 3.2, section 5.8: encryption. */
#include "api/call.h"

CK_RV C_EncryptInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	return call_begin(session, OPERATION_ENCRYPT, mechanism, key);
}

CK_RV C_Encrypt(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out,
		CK_ULONG *out_len)
{
	return call_run(session, OPERATION_ENCRYPT, OPERATION_ALL, in, in_len, out, out_len);
}

CK_RV C_EncryptUpdate(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out,
		      CK_ULONG *out_len)
{
	return call_run(session, OPERATION_ENCRYPT, OPERATION_NEXT, in, in_len, out, out_len);
}

CK_RV C_EncryptFinal(CK_SESSION_HANDLE session, CK_BYTE *out, CK_ULONG *out_len)
{
	return call_run(session, OPERATION_ENCRYPT, OPERATION_END, NULL, 0, out, out_len);
}
