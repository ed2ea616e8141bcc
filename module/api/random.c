/* SPDX-License-Identifier: BSD-2-Clause */
/* PKCS#11 3.2, section 5.19: random numbers. */
#include "mech/random.h"
#include "token/session.h"

CK_RV C_SeedRandom(CK_SESSION_HANDLE handle, CK_BYTE *seed, CK_ULONG seed_len)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);

	if (rv != CKR_OK)
		return rv;
	rv = !seed && seed_len ? CKR_ARGUMENTS_BAD : random_seed(seed, seed_len);
	return session_leave(session, rv);
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
