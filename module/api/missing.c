/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Functions that the token does not have. A list has no NULL pointers, since clients call without
 * looking (PKCS#11 3.0, section 5.1: CKR_FUNCTION_NOT_SUPPORTED).
 */
#include "pkcs11.h"

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
MISSING(C_GetOperationState, (CK_SESSION_HANDLE session, CK_BYTE *state, CK_ULONG *state_len))
MISSING(C_SetOperationState,
	(CK_SESSION_HANDLE session, CK_BYTE *state, CK_ULONG state_len,
	 CK_OBJECT_HANDLE encryption_key, CK_OBJECT_HANDLE authentication_key))
MISSING(C_CreateObject,
	(CK_SESSION_HANDLE session, CK_ATTRIBUTE *template, CK_ULONG count,
	 CK_OBJECT_HANDLE *object))
MISSING(C_CopyObject,
	(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *template, CK_ULONG count,
	 CK_OBJECT_HANDLE *copy))
MISSING(C_DestroyObject, (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object))
MISSING(C_GetObjectSize, (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ULONG *size))
MISSING(C_SetAttributeValue,
	(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *template,
	 CK_ULONG count))
MISSING(C_DigestKey, (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key))
MISSING(C_SignRecoverInit,
	(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key))
MISSING(C_SignRecover,
	(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len))
MISSING(C_VerifyRecoverInit,
	(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key))
MISSING(C_VerifyRecover,
	(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len))
MISSING(C_DigestEncryptUpdate,
	(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len))
MISSING(C_DecryptDigestUpdate,
	(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len))
MISSING(C_SignEncryptUpdate,
	(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len))
MISSING(C_DecryptVerifyUpdate,
	(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len))
MISSING(C_GenerateKey,
	(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_ATTRIBUTE *template, CK_ULONG count,
	 CK_OBJECT_HANDLE *key))
MISSING(C_GenerateKeyPair,
	(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_ATTRIBUTE *public_template,
	 CK_ULONG public_count, CK_ATTRIBUTE *private_template, CK_ULONG private_count,
	 CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key))
MISSING(C_WrapKey,
	(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE wrapping_key,
	 CK_OBJECT_HANDLE key, CK_BYTE *out, CK_ULONG *out_len))
MISSING(C_UnwrapKey,
	(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE unwrapping_key,
	 CK_BYTE *in, CK_ULONG in_len, CK_ATTRIBUTE *template, CK_ULONG count,
	 CK_OBJECT_HANDLE *key))
MISSING(C_DeriveKey,
	(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE base,
	 CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *key))
MISSING(C_WaitForSlotEvent, (CK_FLAGS flags, CK_SLOT_ID *slot, void *reserved))

/* Section 5.20: relics of parallel functions. */
CK_RV C_GetFunctionStatus(CK_SESSION_HANDLE session)
{
	return CKR_FUNCTION_NOT_PARALLEL;
}

CK_RV C_CancelFunction(CK_SESSION_HANDLE session)
{
	return CKR_FUNCTION_NOT_PARALLEL;
}

/* 3.0 */
MISSING(C_LoginUser,
	(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG pin_len,
	 CK_UTF8CHAR *name, CK_ULONG name_len))
MISSING(C_SessionCancel, (CK_SESSION_HANDLE session, CK_FLAGS flags))
MISSING(C_MessageEncryptInit,
	(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key))
MISSING(C_EncryptMessage,
	(CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len, CK_BYTE *aad,
	 CK_ULONG aad_len, CK_BYTE *plain, CK_ULONG plain_len, CK_BYTE *cipher,
	 CK_ULONG *cipher_len))
MISSING(C_EncryptMessageBegin,
	(CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len, CK_BYTE *aad,
	 CK_ULONG aad_len))
MISSING(C_EncryptMessageNext,
	(CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len, CK_BYTE *plain,
	 CK_ULONG plain_len, CK_BYTE *cipher, CK_ULONG *cipher_len, CK_FLAGS flags))
MISSING(C_MessageEncryptFinal, (CK_SESSION_HANDLE session))
MISSING(C_MessageDecryptInit,
	(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key))
MISSING(C_DecryptMessage,
	(CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len, CK_BYTE *aad,
	 CK_ULONG aad_len, CK_BYTE *cipher, CK_ULONG cipher_len, CK_BYTE *plain,
	 CK_ULONG *plain_len))
MISSING(C_DecryptMessageBegin,
	(CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len, CK_BYTE *aad,
	 CK_ULONG aad_len))
MISSING(C_DecryptMessageNext,
	(CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len, CK_BYTE *cipher,
	 CK_ULONG cipher_len, CK_BYTE *plain, CK_ULONG *plain_len, CK_FLAGS flags))
MISSING(C_MessageDecryptFinal, (CK_SESSION_HANDLE session))
MISSING(C_MessageSignInit,
	(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key))
MISSING(C_SignMessage,
	(CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len, CK_BYTE *data,
	 CK_ULONG data_len, CK_BYTE *signature, CK_ULONG *signature_len))
MISSING(C_SignMessageBegin, (CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len))
MISSING(C_SignMessageNext,
	(CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len, CK_BYTE *data,
	 CK_ULONG data_len, CK_BYTE *signature, CK_ULONG *signature_len))
MISSING(C_MessageSignFinal, (CK_SESSION_HANDLE session))
MISSING(C_MessageVerifyInit,
	(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key))
MISSING(C_VerifyMessage,
	(CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len, CK_BYTE *data,
	 CK_ULONG data_len, CK_BYTE *signature, CK_ULONG signature_len))
MISSING(C_VerifyMessageBegin, (CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len))
MISSING(C_VerifyMessageNext,
	(CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len, CK_BYTE *data,
	 CK_ULONG data_len, CK_BYTE *signature, CK_ULONG signature_len))
MISSING(C_MessageVerifyFinal, (CK_SESSION_HANDLE session))
/* clang-format on */
