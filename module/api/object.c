/* SPDX-License-Identifier: BSD-2-Clause */
/* PKCS#11 3.2, section 5.7: object management. */
#include "token/attribute.h"
#include "token/change.h"
#include "token/make.h"

CK_RV C_CreateObject(CK_SESSION_HANDLE handle, CK_ATTRIBUTE *template, CK_ULONG count,
		     CK_OBJECT_HANDLE *object)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);

	if (rv != CKR_OK)
		return rv;
	if ((!template && count) || !object)
		return session_leave(session, CKR_ARGUMENTS_BAD);
	return session_leave(session, make_created(session, template, count, object));
}

CK_RV C_CopyObject(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *template,
		   CK_ULONG count, CK_OBJECT_HANDLE *copy)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);

	if (rv != CKR_OK)
		return rv;
	if ((!template && count) || !copy)
		return session_leave(session, CKR_ARGUMENTS_BAD);
	return session_leave(session, make_copied(session, object, template, count, copy));
}

CK_RV C_DestroyObject(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);

	return rv == CKR_OK ? session_leave(session, change_destroy(session, object)) : rv;
}

CK_RV C_GetObjectSize(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ULONG *size)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);

	return rv == CKR_OK ? session_leave(session, change_size(session, object, size)) : rv;
}

CK_RV C_SetAttributeValue(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *template,
			  CK_ULONG count)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);

	if (rv != CKR_OK)
		return rv;
	if (!template && count)
		return session_leave(session, CKR_ARGUMENTS_BAD);
	return session_leave(session, change_attributes(session, object, template, count));
}

static CK_RV get_attributes(const struct session *session, CK_OBJECT_HANDLE handle,
			    CK_ATTRIBUTE *template, CK_ULONG count)
{
	struct object *object = object_get(session->slot, handle);
	CK_RV rv = object ? attributes_get(object, template, count) : CKR_OBJECT_HANDLE_INVALID;

	object_put(object);
	return rv;
}

CK_RV C_GetAttributeValue(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *template,
			  CK_ULONG count)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);

	if (rv != CKR_OK)
		return rv;
	rv = !template && count ? CKR_ARGUMENTS_BAD
				: get_attributes(session, object, template, count);
	return session_leave(session, rv);
}

CK_RV C_FindObjectsInit(CK_SESSION_HANDLE handle, CK_ATTRIBUTE *template, CK_ULONG count)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);

	if (rv != CKR_OK)
		return rv;
	return session_leave(session,
			     search_begin(&session->search, session->slot, template, count));
}

CK_RV C_FindObjects(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE *list, CK_ULONG max, CK_ULONG *count)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);

	if (rv != CKR_OK)
		return rv;
	return session_leave(session, search_next(&session->search, list, max, count));
}

CK_RV C_FindObjectsFinal(CK_SESSION_HANDLE handle)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);

	return rv == CKR_OK ? session_leave(session, search_end(&session->search)) : rv;
}
