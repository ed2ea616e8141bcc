/* SPDX-License-Identifier: BSD-2-Clause */
/* PKCS#11 3.2, section 5.6: session management. */
#include "token/session.h"

#include "token/module.h"

static CK_RV open_session(CK_SLOT_ID slot_id, CK_FLAGS flags, CK_SESSION_HANDLE *handle)
{
	struct slot *slot = slot_find(slot_id);

	if (!slot)
		return CKR_SLOT_ID_INVALID;
	if (!handle)
		return CKR_ARGUMENTS_BAD;
	if (!(flags & CKF_SERIAL_SESSION))
		return CKR_SESSION_PARALLEL_NOT_SUPPORTED;
	if (flags & CKF_ASYNC_SESSION)
		return CKR_SESSION_ASYNC_NOT_SUPPORTED;
	return session_open(slot, flags & (CKF_SERIAL_SESSION | CKF_RW_SESSION), handle);
}

CK_RV C_OpenSession(CK_SLOT_ID slot_id, CK_FLAGS flags, void *application, CK_NOTIFY notify,
		    CK_SESSION_HANDLE *handle)
{
	CK_RV rv;

	if (!module_enter())
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	rv = open_session(slot_id, flags, handle);
	module_leave();
	return rv;
}

CK_RV C_CloseSession(CK_SESSION_HANDLE handle)
{
	return session_close(handle);
}

CK_RV C_CloseAllSessions(CK_SLOT_ID slot_id)
{
	const struct slot *slot;

	if (!module_enter())
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	slot = slot_find(slot_id);
	if (slot)
		sessions_close(slot);
	module_leave();
	return slot ? CKR_OK : CKR_SLOT_ID_INVALID;
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

/* Neither a PIN nor a name changes anything: who may use a key is the kernel's decision. */
CK_RV C_LoginUser(CK_SESSION_HANDLE handle, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG pin_len,
		  CK_UTF8CHAR *name, CK_ULONG name_len)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);

	if (rv != CKR_OK)
		return rv;
	if ((!pin && pin_len) || (!name && name_len))
		return session_leave(session, CKR_ARGUMENTS_BAD);
	return session_leave(session, session_login(session, user));
}

CK_RV C_Login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG pin_len)
{
	return C_LoginUser(session, user, pin, pin_len, NULL, 0);
}

CK_RV C_Logout(CK_SESSION_HANDLE handle)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);

	return rv == CKR_OK ? session_leave(session, session_logout(session)) : rv;
}

CK_RV C_SessionCancel(CK_SESSION_HANDLE handle, CK_FLAGS flags)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);

	if (rv != CKR_OK)
		return rv;
	session_cancel(session, flags);
	return session_leave(session, CKR_OK);
}

/* The state of an operation is in the kernel, which hands none out. */
CK_RV C_GetOperationState(CK_SESSION_HANDLE handle, CK_BYTE *state, CK_ULONG *state_len)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);

	if (rv != CKR_OK)
		return rv;
	if (!state_len)
		return session_leave(session, CKR_ARGUMENTS_BAD);
	return session_leave(session, session_busy(session) ? CKR_STATE_UNSAVEABLE
							    : CKR_OPERATION_NOT_INITIALIZED);
}

CK_RV C_SetOperationState(CK_SESSION_HANDLE handle, CK_BYTE *state, CK_ULONG state_len,
			  CK_OBJECT_HANDLE encryption_key, CK_OBJECT_HANDLE authentication_key)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);

	/* None was ever saved. */
	return rv == CKR_OK ? session_leave(session, CKR_SAVED_STATE_INVALID) : rv;
}
