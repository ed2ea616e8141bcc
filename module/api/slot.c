/* SPDX-License-Identifier: BSD-2-Clause */
/* PKCS#11 3.2, section 5.5: slot and token management. */
#include "token/slot.h"

#include "token/module.h"

/* The slot that a call names, where ARGUMENT, which it needs, is there. CKR_OK: until leave(). */
static CK_RV enter(CK_SLOT_ID id, const void *argument, struct slot **slot)
{
	CK_RV rv;

	if (!module_enter())
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	*slot = slot_find(id);
	if (!*slot)
		rv = CKR_SLOT_ID_INVALID;
	else
		rv = argument ? CKR_OK : CKR_ARGUMENTS_BAD;
	if (rv != CKR_OK)
		module_leave();
	return rv;
}

static CK_RV leave(CK_RV rv)
{
	module_leave();
	return rv;
}

CK_RV C_GetSlotList(CK_BBOOL token_present, CK_SLOT_ID *list, CK_ULONG *count)
{
	if (!module_enter())
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	return leave(count ? slot_list(list, count) : CKR_ARGUMENTS_BAD);
}

CK_RV C_GetSlotInfo(CK_SLOT_ID id, CK_SLOT_INFO *info)
{
	struct slot *slot;
	CK_RV rv = enter(id, info, &slot);

	if (rv != CKR_OK)
		return rv;
	slot_info(slot, info);
	return leave(CKR_OK);
}

CK_RV C_GetTokenInfo(CK_SLOT_ID id, CK_TOKEN_INFO *info)
{
	struct slot *slot;
	CK_RV rv = enter(id, info, &slot);

	if (rv != CKR_OK)
		return rv;
	slot_token_info(slot, info);
	return leave(CKR_OK);
}

CK_RV C_GetMechanismList(CK_SLOT_ID id, CK_MECHANISM_TYPE *list, CK_ULONG *count)
{
	struct slot *slot;
	CK_RV rv = enter(id, count, &slot);

	return rv == CKR_OK ? leave(slot_mechanisms(list, count)) : rv;
}

CK_RV C_GetMechanismInfo(CK_SLOT_ID id, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
	struct slot *slot;
	CK_RV rv = enter(id, info, &slot);

	return rv == CKR_OK ? leave(slot_mechanism_info(type, info)) : rv;
}

/* Slots and tokens neither come nor go while the module runs. Who asks is told so; who would wait
 * would wait for ever, and clients that are refused the wait (NSS) ask again from time to time. */
CK_RV C_WaitForSlotEvent(CK_FLAGS flags, CK_SLOT_ID *slot, void *reserved)
{
	if (!module_running())
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	if (!slot || reserved)
		return CKR_ARGUMENTS_BAD;
	return flags & CKF_DONT_BLOCK ? CKR_NO_EVENT : CKR_FUNCTION_NOT_SUPPORTED;
}
