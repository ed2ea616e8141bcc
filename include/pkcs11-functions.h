/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The functions of PKCS#11, once: the function lists are made from these two macros, in the order
 * of "PKCS #11 Base Specification Version 3.0", section 4 (CK_FUNCTION_LIST, CK_FUNCTION_LIST_3_0).
 * F(name) for those that every p11-kit header declares, F(name, arguments) for those of 3.0.
 */
#ifndef KCRYPTOKI_PKCS11_FUNCTIONS_H
#define KCRYPTOKI_PKCS11_FUNCTIONS_H

#define PKCS11_FUNCTIONS_2_40(F) \
	F(C_Initialize) \
	F(C_Finalize) \
	F(C_GetInfo) \
	F(C_GetFunctionList) \
	F(C_GetSlotList) \
	F(C_GetSlotInfo) \
	F(C_GetTokenInfo) \
	F(C_GetMechanismList) \
	F(C_GetMechanismInfo) \
	F(C_InitToken) \
	F(C_InitPIN) \
	F(C_SetPIN) \
	F(C_OpenSession) \
	F(C_CloseSession) \
	F(C_CloseAllSessions) \
	F(C_GetSessionInfo) \
	F(C_GetOperationState) \
	F(C_SetOperationState) \
	F(C_Login) \
	F(C_Logout) \
	F(C_CreateObject) \
	F(C_CopyObject) \
	F(C_DestroyObject) \
	F(C_GetObjectSize) \
	F(C_GetAttributeValue) \
	F(C_SetAttributeValue) \
	F(C_FindObjectsInit) \
	F(C_FindObjects) \
	F(C_FindObjectsFinal) \
	F(C_EncryptInit) \
	F(C_Encrypt) \
	F(C_EncryptUpdate) \
	F(C_EncryptFinal) \
	F(C_DecryptInit) \
	F(C_Decrypt) \
	F(C_DecryptUpdate) \
	F(C_DecryptFinal) \
	F(C_DigestInit) \
	F(C_Digest) \
	F(C_DigestUpdate) \
	F(C_DigestKey) \
	F(C_DigestFinal) \
	F(C_SignInit) \
	F(C_Sign) \
	F(C_SignUpdate) \
	F(C_SignFinal) \
	F(C_SignRecoverInit) \
	F(C_SignRecover) \
	F(C_VerifyInit) \
	F(C_Verify) \
	F(C_VerifyUpdate) \
	F(C_VerifyFinal) \
	F(C_VerifyRecoverInit) \
	F(C_VerifyRecover) \
	F(C_DigestEncryptUpdate) \
	F(C_DecryptDigestUpdate) \
	F(C_SignEncryptUpdate) \
	F(C_DecryptVerifyUpdate) \
	F(C_GenerateKey) \
	F(C_GenerateKeyPair) \
	F(C_WrapKey) \
	F(C_UnwrapKey) \
	F(C_DeriveKey) \
	F(C_SeedRandom) \
	F(C_GenerateRandom) \
	F(C_GetFunctionStatus) \
	F(C_CancelFunction) \
	F(C_WaitForSlotEvent)

#define PKCS11_FUNCTIONS_3_0(F) \
	F(C_GetInterfaceList, (CK_INTERFACE *interfaces, CK_ULONG *count)) \
	F(C_GetInterface, \
	  (CK_UTF8CHAR *name, CK_VERSION *version, CK_INTERFACE **interface, \
	   CK_FLAGS flags)) \
	F(C_LoginUser, \
	  (CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR *pin, \
	   CK_ULONG pin_len, CK_UTF8CHAR *name, CK_ULONG name_len)) \
	F(C_SessionCancel, (CK_SESSION_HANDLE session, CK_FLAGS flags)) \
	F(C_MessageEncryptInit, \
	  (CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)) \
	F(C_EncryptMessage, \
	  (CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len, \
	   CK_BYTE *aad, CK_ULONG aad_len, CK_BYTE *plain, CK_ULONG plain_len, \
	   CK_BYTE *cipher, CK_ULONG *cipher_len)) \
	F(C_EncryptMessageBegin, \
	  (CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len, \
	   CK_BYTE *aad, CK_ULONG aad_len)) \
	F(C_EncryptMessageNext, \
	  (CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len, \
	   CK_BYTE *plain, CK_ULONG plain_len, CK_BYTE *cipher, CK_ULONG *cipher_len, \
	   CK_FLAGS flags)) \
	F(C_MessageEncryptFinal, (CK_SESSION_HANDLE session)) \
	F(C_MessageDecryptInit, \
	  (CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)) \
	F(C_DecryptMessage, \
	  (CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len, \
	   CK_BYTE *aad, CK_ULONG aad_len, CK_BYTE *cipher, CK_ULONG cipher_len, \
	   CK_BYTE *plain, CK_ULONG *plain_len)) \
	F(C_DecryptMessageBegin, \
	  (CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len, \
	   CK_BYTE *aad, CK_ULONG aad_len)) \
	F(C_DecryptMessageNext, \
	  (CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len, \
	   CK_BYTE *cipher, CK_ULONG cipher_len, CK_BYTE *plain, CK_ULONG *plain_len, \
	   CK_FLAGS flags)) \
	F(C_MessageDecryptFinal, (CK_SESSION_HANDLE session)) \
	F(C_MessageSignInit, \
	  (CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)) \
	F(C_SignMessage, \
	  (CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len, \
	   CK_BYTE *data, CK_ULONG data_len, CK_BYTE *signature, CK_ULONG *signature_len)) \
	F(C_SignMessageBegin, \
	  (CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len)) \
	F(C_SignMessageNext, \
	  (CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len, \
	   CK_BYTE *data, CK_ULONG data_len, CK_BYTE *signature, CK_ULONG *signature_len)) \
	F(C_MessageSignFinal, (CK_SESSION_HANDLE session)) \
	F(C_MessageVerifyInit, \
	  (CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)) \
	F(C_VerifyMessage, \
	  (CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len, \
	   CK_BYTE *data, CK_ULONG data_len, CK_BYTE *signature, CK_ULONG signature_len)) \
	F(C_VerifyMessageBegin, \
	  (CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len)) \
	F(C_VerifyMessageNext, \
	  (CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len, \
	   CK_BYTE *data, CK_ULONG data_len, CK_BYTE *signature, CK_ULONG signature_len)) \
	F(C_MessageVerifyFinal, (CK_SESSION_HANDLE session))

#endif
