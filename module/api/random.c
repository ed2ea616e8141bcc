/* SPDX-License-Identifier: BSD-2-Clause */
/* PKCS#11 3.0, section 5.19: random numbers. */
#include "mech/random.h"
#include "token/session.h"

CK_RV C_SeedRandom(CK_SESSION_HANDLE handle, CK_BYTE *seed, CK_ULONG seed_len)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);

	return rv == CKR_OK ? session_leave(session, CKR_RANDOM_SEED_NOT_SUPPORTED) : rv;
}

CK_RV C_GenerateRandom(CK_SESSION_HANDLE handle, CK_BYTE *out, CK_ULONG out_len)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);

	if (rv != CKR_OK)
		return rv;
	rv = !out && out_len ? CKR_ARGUMENTS_BAD : random_fill(out, out_len);
	return session_leave(session, rv);
}
