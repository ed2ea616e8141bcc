/* SPDX-License-Identifier: BSD-2-Clause */
/* PKCS#11 3.0, section 5.6: session management. */
#include "token/session.h"

#include "token/module.h"

CK_RV C_OpenSession(CK_SLOT_ID slot_id, CK_FLAGS flags, void *application, CK_NOTIFY notify,
		    CK_SESSION_HANDLE *handle)
{
	struct slot *slot;

	if (!module_running())
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	slot = slot_find(slot_id);
	if (!slot)
		return CKR_SLOT_ID_INVALID;
	if (!handle)
		return CKR_ARGUMENTS_BAD;
	if (!(flags & CKF_SERIAL_SESSION))
		return CKR_SESSION_PARALLEL_NOT_SUPPORTED;
	return session_open(slot, flags & (CKF_SERIAL_SESSION | CKF_RW_SESSION), handle);
}

CK_RV C_CloseSession(CK_SESSION_HANDLE handle)
{
	return session_close(handle);
}

CK_RV C_CloseAllSessions(CK_SLOT_ID slot_id)
{
	const struct slot *slot;

	if (!module_running())
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	slot = slot_find(slot_id);
	if (!slot)
		return CKR_SLOT_ID_INVALID;
	sessions_close(slot);
	return CKR_OK;
}

CK_RV C_GetSessionInfo(CK_SESSION_HANDLE handle, CK_SESSION_INFO *info)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);

	if (rv != CKR_OK)
		return rv;
	if (!info)
		return session_leave(session, CKR_ARGUMENTS_BAD);
	session_info(session, info);
	return session_leave(session, CKR_OK);
}

CK_RV C_Login(CK_SESSION_HANDLE handle, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG pin_len)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);

	if (rv != CKR_OK)
		return rv;
	if (!pin && pin_len)
		return session_leave(session, CKR_ARGUMENTS_BAD);
	return session_leave(session, session_login(session, user));
}

CK_RV C_Logout(CK_SESSION_HANDLE handle)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);

	return rv == CKR_OK ? session_leave(session, session_logout(session)) : rv;
}
