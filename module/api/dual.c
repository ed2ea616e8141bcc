/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PKCS#11 3.2, section 5.17: dual-function cryptographic functions. Each is an update of two
 * operations; where the first gives nothing out (an error, a question for the length, too little
 * room), the second gets nothing.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "token/session.h"

static bool overlap(const CK_BYTE *a, CK_ULONG a_len, const CK_BYTE *b, CK_ULONG b_len)
{
	uintptr_t first = (uintptr_t)a, second = (uintptr_t)b;

	/* Lengths come from the caller, and a sum may wrap round. */
	return first <= second ? second - first < a_len : first - second < b_len;
}

/* Brings IN to OTHER, once the first operation has put its result at OUT: where that fails, the
 * call does, and gives nothing out. */
static CK_RV feed(struct operation *other, const CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out,
		  CK_ULONG out_len)
{
	CK_RV rv = operation_run(other, OPERATION_NEXT, in, in_len, NULL, NULL);

	if (rv != CKR_OK && out_len)
		explicit_bzero(out, out_len);
	return rv;
}

/* IN is encrypted, and goes to OTHER, too. */
static CK_RV encrypt_and(struct session *session, enum operation_kind other, CK_BYTE *in,
			 CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len)
{
	struct operation *encrypt = &session->operations[OPERATION_ENCRYPT];
	CK_BYTE *plain = in, *copy = NULL;
	CK_RV rv;

	if (!encrypt->mechanism || !session->operations[other].mechanism)
		return CKR_OPERATION_NOT_INITIALIZED;
	/* The ciphertext is not to be what OTHER gets. */
	if (in && out && out_len && overlap(in, in_len, out, *out_len)) {
		plain = copy = malloc(in_len ? in_len : 1);
		if (!copy)
			return CKR_HOST_MEMORY;
		memcpy(copy, in, in_len);
	}
	rv = operation_run(encrypt, OPERATION_NEXT, in, in_len, out, out_len);
	if (rv == CKR_OK && out && out_len)
		rv = feed(&session->operations[other], plain, in_len, out, *out_len);
	if (copy)
		explicit_bzero(copy, in_len);
	free(copy);
	return rv;
}

/* IN is decrypted, and what comes of it goes to OTHER, too. */
static CK_RV decrypt_and(struct session *session, enum operation_kind other, CK_BYTE *in,
			 CK_ULONG in_len, CK_BYTE *out, CK_ULONG *out_len)
{
	struct operation *decrypt = &session->operations[OPERATION_DECRYPT];
	CK_RV rv;

	if (!decrypt->mechanism || !session->operations[other].mechanism)
		return CKR_OPERATION_NOT_INITIALIZED;
	rv = operation_run(decrypt, OPERATION_NEXT, in, in_len, out, out_len);
	if (rv == CKR_OK && out)
		rv = feed(&session->operations[other], out, *out_len, out, *out_len);
	return rv;
}

static CK_RV call(CK_SESSION_HANDLE handle,
		  CK_RV (*both)(struct session *, enum operation_kind, CK_BYTE *, CK_ULONG,
				CK_BYTE *, CK_ULONG *),
		  enum operation_kind other, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out,
		  CK_ULONG *out_len)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);

	if (rv != CKR_OK)
		return rv;
	return session_leave(session, both(session, other, in, in_len, out, out_len));
}

CK_RV C_DigestEncryptUpdate(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out,
			    CK_ULONG *out_len)
{
	return call(session, encrypt_and, OPERATION_DIGEST, in, in_len, out, out_len);
}

CK_RV C_DecryptDigestUpdate(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out,
			    CK_ULONG *out_len)
{
	return call(session, decrypt_and, OPERATION_DIGEST, in, in_len, out, out_len);
}

CK_RV C_SignEncryptUpdate(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out,
			  CK_ULONG *out_len)
{
	return call(session, encrypt_and, OPERATION_SIGN, in, in_len, out, out_len);
}

CK_RV C_DecryptVerifyUpdate(CK_SESSION_HANDLE session, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out,
			    CK_ULONG *out_len)
{
	return call(session, decrypt_and, OPERATION_VERIFY, in, in_len, out, out_len);
}
