/* SPDX-License-Identifier: BSD-2-Clause */
/* PKCS#11 3.2, sections 5.9 and 5.11: message-based encryption and decryption. */
#include "api/call.h"
#include "token/session.h"

static CK_RV whole(CK_SESSION_HANDLE handle, enum operation_kind kind,
		   const struct message_terms *terms, const CK_BYTE *in, CK_ULONG in_len,
		   CK_BYTE *out, CK_ULONG *out_len)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);

	if (rv != CKR_OK)
		return rv;
	return session_leave(session, message_whole(&session->processes[kind].message, terms, in,
						    in_len, out, out_len));
}

static CK_RV next(CK_SESSION_HANDLE handle, enum operation_kind kind, CK_FLAGS flags,
		  const struct message_terms *terms, const CK_BYTE *in, CK_ULONG in_len,
		  CK_BYTE *out, CK_ULONG *out_len)
{
	enum operation_part part = flags & CKF_END_OF_MESSAGE ? OPERATION_LAST : OPERATION_NEXT;
	struct session *session;
	CK_RV rv = session_enter(handle, &session);

	if (rv != CKR_OK)
		return rv;
	if (flags & ~CKF_END_OF_MESSAGE)
		return session_leave(session, CKR_ARGUMENTS_BAD);
	return session_leave(session, message_next(&session->processes[kind].message, part, terms,
						   in, in_len, out, out_len));
}

CK_RV C_MessageEncryptInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	return call_begin_messages(session, OPERATION_ENCRYPT, mechanism, key);
}

CK_RV C_EncryptMessage(CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len,
		       CK_BYTE *aad, CK_ULONG aad_len, CK_BYTE *plain, CK_ULONG plain_len,
		       CK_BYTE *cipher, CK_ULONG *cipher_len)
{
	const struct message_terms terms = {parameter, parameter_len, aad, aad_len};

	return whole(session, OPERATION_ENCRYPT, &terms, plain, plain_len, cipher, cipher_len);
}

CK_RV C_EncryptMessageBegin(CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len,
			    CK_BYTE *aad, CK_ULONG aad_len)
{
	const struct message_terms terms = {parameter, parameter_len, aad, aad_len};

	return call_begin_message(session, OPERATION_ENCRYPT, &terms);
}

CK_RV C_EncryptMessageNext(CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len,
			   CK_BYTE *plain, CK_ULONG plain_len, CK_BYTE *cipher,
			   CK_ULONG *cipher_len, CK_FLAGS flags)
{
	const struct message_terms terms = {parameter, parameter_len, NULL, 0};

	return next(session, OPERATION_ENCRYPT, flags, &terms, plain, plain_len, cipher,
		    cipher_len);
}

CK_RV C_MessageEncryptFinal(CK_SESSION_HANDLE session)
{
	return call_end_messages(session, OPERATION_ENCRYPT);
}

CK_RV C_MessageDecryptInit(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	return call_begin_messages(session, OPERATION_DECRYPT, mechanism, key);
}

CK_RV C_DecryptMessage(CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len,
		       CK_BYTE *aad, CK_ULONG aad_len, CK_BYTE *cipher, CK_ULONG cipher_len,
		       CK_BYTE *plain, CK_ULONG *plain_len)
{
	const struct message_terms terms = {parameter, parameter_len, aad, aad_len};

	return whole(session, OPERATION_DECRYPT, &terms, cipher, cipher_len, plain, plain_len);
}

CK_RV C_DecryptMessageBegin(CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len,
			    CK_BYTE *aad, CK_ULONG aad_len)
{
	const struct message_terms terms = {parameter, parameter_len, aad, aad_len};

	return call_begin_message(session, OPERATION_DECRYPT, &terms);
}

CK_RV C_DecryptMessageNext(CK_SESSION_HANDLE session, void *parameter, CK_ULONG parameter_len,
			   CK_BYTE *cipher, CK_ULONG cipher_len, CK_BYTE *plain,
			   CK_ULONG *plain_len, CK_FLAGS flags)
{
	const struct message_terms terms = {parameter, parameter_len, NULL, 0};

	return next(session, OPERATION_DECRYPT, flags, &terms, cipher, cipher_len, plain,
		    plain_len);
}

CK_RV C_MessageDecryptFinal(CK_SESSION_HANDLE session)
{
	return call_end_messages(session, OPERATION_DECRYPT);
}
