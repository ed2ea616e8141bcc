/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Functions that the token does not have. A list has no NULL pointers, since clients call without
 * looking (PKCS#11 3.2, section 5.1: CKR_FUNCTION_NOT_SUPPORTED).
 */
#include "config.h"
#include "pkcs11.h"

#ifdef DECAPSULATE_BY_POINTER
#define DECAPSULATE_LEN CK_ULONG *
#else
#define DECAPSULATE_LEN CK_ULONG
#endif

#define MISSING(name, args)                        \
	CK_RV name args                            \
	{                                          \
		return CKR_FUNCTION_NOT_SUPPORTED; \
	}

/* clang-format off */
MISSING(C_InitToken, (CK_SLOT_ID slot, CK_UTF8CHAR *pin, CK_ULONG pin_len, CK_UTF8CHAR *label))
MISSING(C_InitPIN, (CK_SESSION_HANDLE session, CK_UTF8CHAR *pin, CK_ULONG pin_len))
MISSING(C_SetPIN,
	(CK_SESSION_HANDLE session, CK_UTF8CHAR *old, CK_ULONG old_len, CK_UTF8CHAR *pin,
	 CK_ULONG pin_len))
MISSING(C_SignRecoverInit,
	(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key))
MISSING(C_SignRecover,
	(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len))
MISSING(C_VerifyRecoverInit,
	(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key))
MISSING(C_VerifyRecover,
	(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len))
MISSING(C_GenerateKeyPair,
	(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_ATTRIBUTE *public_template,
	 CK_ULONG public_count, CK_ATTRIBUTE *private_template, CK_ULONG private_count,
	 CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key))

/* Section 5.20: relics of parallel functions. */
CK_RV C_GetFunctionStatus(CK_SESSION_HANDLE session)
{
	return CKR_FUNCTION_NOT_PARALLEL;
}

CK_RV C_CancelFunction(CK_SESSION_HANDLE session)
{
	return CKR_FUNCTION_NOT_PARALLEL;
}

/* 3.2 */
MISSING(C_EncapsulateKey,
	(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE public_key,
	 CK_ATTRIBUTE *template, CK_ULONG count, CK_BYTE *cipher, CK_ULONG *cipher_len,
	 CK_OBJECT_HANDLE *key))
MISSING(C_DecapsulateKey,
	(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE private_key,
	 CK_ATTRIBUTE *template, CK_ULONG count, CK_BYTE *cipher, DECAPSULATE_LEN cipher_len,
	 CK_OBJECT_HANDLE *key))
MISSING(C_GetSessionValidationFlags,
	(CK_SESSION_HANDLE session, CK_SESSION_VALIDATION_FLAGS_TYPE type, CK_FLAGS *flags))
MISSING(C_AsyncComplete,
	(CK_SESSION_HANDLE session, CK_UTF8CHAR *function, CK_ASYNC_DATA *result))
MISSING(C_AsyncGetID, (CK_SESSION_HANDLE session, CK_UTF8CHAR *function, CK_ULONG *id))
MISSING(C_AsyncJoin,
	(CK_SESSION_HANDLE session, CK_UTF8CHAR *function, CK_ULONG id, CK_BYTE *data,
	 CK_ULONG data_len))
MISSING(C_WrapKeyAuthenticated,
	(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE wrapping_key,
	 CK_OBJECT_HANDLE key, CK_BYTE *aad, CK_ULONG aad_len, CK_BYTE *wrapped,
	 CK_ULONG *wrapped_len))
MISSING(C_UnwrapKeyAuthenticated,
	(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE unwrapping_key,
	 CK_BYTE *wrapped, CK_ULONG wrapped_len, CK_ATTRIBUTE *template, CK_ULONG count,
	 CK_BYTE *aad, CK_ULONG aad_len, CK_OBJECT_HANDLE *key))
/* clang-format on */
