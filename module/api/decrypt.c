/* SPDX-License-Identifier: BSD-2-Clause */
/* PKCS#11 3.2, section 5.10: decryption. */
#include "api/call.h"

CK_RV C_DecryptInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	return call_begin(session, OPERATION_DECRYPT, mechanism, key);
}

CK_RV C_Decrypt(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out,
		CK_ULONG *out_len)
{
	return call_run(session, OPERATION_DECRYPT, OPERATION_ALL, in, in_len, out, out_len);
}

CK_RV C_DecryptUpdate(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out,
		      CK_ULONG *out_len)
{
	return call_run(session, OPERATION_DECRYPT, OPERATION_NEXT, in, in_len, out, out_len);
}

CK_RV C_DecryptFinal(CK_SESSION_HANDLE session, CK_BYTE *out, CK_ULONG *out_len)
{
	return call_run(session, OPERATION_DECRYPT, OPERATION_END, NULL, 0, out, out_len);
}
