/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The functions of PKCS#11, once: the function lists are made from these macros, in the order of
 * "PKCS #11 Specification Version 3.2", pkcs11f.h (CK_FUNCTION_LIST, CK_FUNCTION_LIST_3_0,
 * CK_FUNCTION_LIST_3_2). F(name) for those that every p11-kit header declares, F(name, arguments)
 * for those that came later.
 */
#ifndef KCRYPTOKI_PKCS11_FUNCTIONS_H
#define KCRYPTOKI_PKCS11_FUNCTIONS_H

#define PKCS11_FUNCTIONS_2_40(F) \
	F(C_Initialize)          \
	F(C_Finalize)            \
	F(C_GetInfo)             \
	F(C_GetFunctionList)     \
	F(C_GetSlotList)         \
	F(C_GetSlotInfo)         \
	F(C_GetTokenInfo)        \
	F(C_GetMechanismList)    \
	F(C_GetMechanismInfo)    \
	F(C_InitToken)           \
	F(C_InitPIN)             \
	F(C_SetPIN)              \
	F(C_OpenSession)         \
	F(C_CloseSession)        \
	F(C_CloseAllSessions)    \
	F(C_GetSessionInfo)      \
	F(C_GetOperationState)   \
	F(C_SetOperationState)   \
	F(C_Login)               \
	F(C_Logout)              \
	F(C_CreateObject)        \
	F(C_CopyObject)          \
	F(C_DestroyObject)       \
	F(C_GetObjectSize)       \
	F(C_GetAttributeValue)   \
	F(C_SetAttributeValue)   \
	F(C_FindObjectsInit)     \
	F(C_FindObjects)         \
	F(C_FindObjectsFinal)    \
	F(C_EncryptInit)         \
	F(C_Encrypt)             \
	F(C_EncryptUpdate)       \
	F(C_EncryptFinal)        \
	F(C_DecryptInit)         \
	F(C_Decrypt)             \
	F(C_DecryptUpdate)       \
	F(C_DecryptFinal)        \
	F(C_DigestInit)          \
	F(C_Digest)              \
	F(C_DigestUpdate)        \
	F(C_DigestKey)           \
	F(C_DigestFinal)         \
	F(C_SignInit)            \
	F(C_Sign)                \
	F(C_SignUpdate)          \
	F(C_SignFinal)           \
	F(C_SignRecoverInit)     \
	F(C_SignRecover)         \
	F(C_VerifyInit)          \
	F(C_Verify)              \
	F(C_VerifyUpdate)        \
	F(C_VerifyFinal)         \
	F(C_VerifyRecoverInit)   \
	F(C_VerifyRecover)       \
	F(C_DigestEncryptUpdate) \
	F(C_DecryptDigestUpdate) \
	F(C_SignEncryptUpdate)   \
	F(C_DecryptVerifyUpdate) \
	F(C_GenerateKey)         \
	F(C_GenerateKeyPair)     \
	F(C_WrapKey)             \
	F(C_UnwrapKey)           \
	F(C_DeriveKey)           \
	F(C_SeedRandom)          \
	F(C_GenerateRandom)      \
	F(C_GetFunctionStatus)   \
	F(C_CancelFunction)      \
	F(C_WaitForSlotEvent)

#define PKCS11_FUNCTIONS_3_0(F)                                                                    \
	F(C_GetInterfaceList, (CK_INTERFACE * interfaces, CK_ULONG * count))                       \
	F(C_GetInterface,                                                                          \
	  (CK_UTF8CHAR * name, CK_VERSION * version, CK_INTERFACE * *interface, CK_FLAGS flags))   \
	F(C_LoginUser, (CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR * pin,           \
			CK_ULONG pin_len, CK_UTF8CHAR * name, CK_ULONG name_len))                  \
	F(C_SessionCancel, (CK_SESSION_HANDLE session, CK_FLAGS flags))                            \
	F(C_MessageEncryptInit,                                                                    \
	  (CK_SESSION_HANDLE session, CK_MECHANISM * mechanism, CK_OBJECT_HANDLE key))             \
	F(C_EncryptMessage, (CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len,   \
			     CK_BYTE *aad, CK_ULONG aad_len, CK_BYTE *plain, CK_ULONG plain_len,   \
			     CK_BYTE *cipher, CK_ULONG *cipher_len))                               \
	F(C_EncryptMessageBegin, (CK_SESSION_HANDLE session, void *parameter,                      \
				  CK_ULONG parameter_len, CK_BYTE *aad, CK_ULONG aad_len))         \
	F(C_EncryptMessageNext,                                                                    \
	  (CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len, CK_BYTE *plain,     \
	   CK_ULONG plain_len, CK_BYTE *cipher, CK_ULONG *cipher_len, CK_FLAGS flags))             \
	F(C_MessageEncryptFinal, (CK_SESSION_HANDLE session))                                      \
	F(C_MessageDecryptInit,                                                                    \
	  (CK_SESSION_HANDLE session, CK_MECHANISM * mechanism, CK_OBJECT_HANDLE key))             \
	F(C_DecryptMessage, (CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len,   \
			     CK_BYTE *aad, CK_ULONG aad_len, CK_BYTE *cipher, CK_ULONG cipher_len, \
			     CK_BYTE *plain, CK_ULONG *plain_len))                                 \
	F(C_DecryptMessageBegin, (CK_SESSION_HANDLE session, void *parameter,                      \
				  CK_ULONG parameter_len, CK_BYTE *aad, CK_ULONG aad_len))         \
	F(C_DecryptMessageNext,                                                                    \
	  (CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len, CK_BYTE *cipher,    \
	   CK_ULONG cipher_len, CK_BYTE *plain, CK_ULONG *plain_len, CK_FLAGS flags))              \
	F(C_MessageDecryptFinal, (CK_SESSION_HANDLE session))                                      \
	F(C_MessageSignInit,                                                                       \
	  (CK_SESSION_HANDLE session, CK_MECHANISM * mechanism, CK_OBJECT_HANDLE key))             \
	F(C_SignMessage,                                                                           \
	  (CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len, CK_BYTE *data,      \
	   CK_ULONG data_len, CK_BYTE *signature, CK_ULONG *signature_len))                        \
	F(C_SignMessageBegin,                                                                      \
	  (CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len))                    \
	F(C_SignMessageNext,                                                                       \
	  (CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len, CK_BYTE *data,      \
	   CK_ULONG data_len, CK_BYTE *signature, CK_ULONG *signature_len))                        \
	F(C_MessageSignFinal, (CK_SESSION_HANDLE session))                                         \
	F(C_MessageVerifyInit,                                                                     \
	  (CK_SESSION_HANDLE session, CK_MECHANISM * mechanism, CK_OBJECT_HANDLE key))             \
	F(C_VerifyMessage,                                                                         \
	  (CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len, CK_BYTE *data,      \
	   CK_ULONG data_len, CK_BYTE *signature, CK_ULONG signature_len))                         \
	F(C_VerifyMessageBegin,                                                                    \
	  (CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len))                    \
	F(C_VerifyMessageNext,                                                                     \
	  (CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len, CK_BYTE *data,      \
	   CK_ULONG data_len, CK_BYTE *signature, CK_ULONG signature_len))                         \
	F(C_MessageVerifyFinal, (CK_SESSION_HANDLE session))

#define PKCS11_FUNCTIONS_3_2(F)                                                                    \
	F(C_EncapsulateKey, (CK_SESSION_HANDLE session, CK_MECHANISM * mechanism,                  \
			     CK_OBJECT_HANDLE public_key, CK_ATTRIBUTE * template, CK_ULONG count, \
			     CK_BYTE * cipher, CK_ULONG * cipher_len, CK_OBJECT_HANDLE * key))     \
	F(C_DecapsulateKey,                                                                        \
	  (CK_SESSION_HANDLE session, CK_MECHANISM * mechanism, CK_OBJECT_HANDLE private_key,      \
	   CK_ATTRIBUTE * template, CK_ULONG count, CK_BYTE * cipher, CK_ULONG cipher_len,         \
	   CK_OBJECT_HANDLE * key))                                                                \
	F(C_VerifySignatureInit,                                                                   \
	  (CK_SESSION_HANDLE session, CK_MECHANISM * mechanism, CK_OBJECT_HANDLE key,              \
	   CK_BYTE * signature, CK_ULONG signature_len))                                           \
	F(C_VerifySignature, (CK_SESSION_HANDLE session, CK_BYTE * data, CK_ULONG data_len))       \
	F(C_VerifySignatureUpdate, (CK_SESSION_HANDLE session, CK_BYTE * part, CK_ULONG part_len)) \
	F(C_VerifySignatureFinal, (CK_SESSION_HANDLE session))                                     \
	F(C_GetSessionValidationFlags,                                                             \
	  (CK_SESSION_HANDLE session, CK_SESSION_VALIDATION_FLAGS_TYPE type, CK_FLAGS * flags))    \
	F(C_AsyncComplete,                                                                         \
	  (CK_SESSION_HANDLE session, CK_UTF8CHAR * function, CK_ASYNC_DATA * result))             \
	F(C_AsyncGetID, (CK_SESSION_HANDLE session, CK_UTF8CHAR * function, CK_ULONG * id))        \
	F(C_AsyncJoin, (CK_SESSION_HANDLE session, CK_UTF8CHAR * function, CK_ULONG id,            \
			CK_BYTE * data, CK_ULONG data_len))                                        \
	F(C_WrapKeyAuthenticated,                                                                  \
	  (CK_SESSION_HANDLE session, CK_MECHANISM * mechanism, CK_OBJECT_HANDLE wrapping_key,     \
	   CK_OBJECT_HANDLE key, CK_BYTE * aad, CK_ULONG aad_len, CK_BYTE * wrapped,               \
	   CK_ULONG * wrapped_len))                                                                \
	F(C_UnwrapKeyAuthenticated,                                                                \
	  (CK_SESSION_HANDLE session, CK_MECHANISM * mechanism, CK_OBJECT_HANDLE unwrapping_key,   \
	   CK_BYTE * wrapped, CK_ULONG wrapped_len, CK_ATTRIBUTE * template, CK_ULONG count,       \
	   CK_BYTE * aad, CK_ULONG aad_len, CK_OBJECT_HANDLE * key))

#endif
