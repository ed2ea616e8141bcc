/* SPDX-License-Identifier: BSD-2-Clause */
/* What becomes of objects: C_SetAttributeValue, C_DestroyObject, C_GetObjectSize (section 5.7). */
#ifndef KCRYPTOKI_CHANGE_H
#define KCRYPTOKI_CHANGE_H

#include "token/session.h"

CK_RV change_attributes(struct session *session, CK_OBJECT_HANDLE object, const CK_ATTRIBUTE *list,
			CK_ULONG count);
CK_RV change_destroy(struct session *session, CK_OBJECT_HANDLE object);
/* Takes back the object that SESSION has just made, whatever it says of itself. */
void change_undo(struct session *session, CK_OBJECT_HANDLE object);

CK_RV change_size(struct session *session, CK_OBJECT_HANDLE object, CK_ULONG *size);

#endif
