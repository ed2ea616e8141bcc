/* SPDX-License-Identifier: BSD-2-Clause */
/* The function lists, and the three functions that hand them out: the only ones exported. */
#include <string.h>

#include "pkcs11.h"

/* Everything else is hidden, by -fvisibility. */
#define EXPORTED __attribute__((visibility("default")))

#define MEMBER(name, ...) .name = name,

static CK_FUNCTION_LIST list_2_40 = {.version = {2, 40}, PKCS11_FUNCTIONS_2_40(MEMBER)};

static CK_FUNCTION_LIST_3_0 list_3_0 = {.version = {3, 0},
					PKCS11_FUNCTIONS_2_40(MEMBER) PKCS11_FUNCTIONS_3_0(MEMBER)};

static CK_FUNCTION_LIST_3_2 list_3_2 = {.version = {3, 2},
					PKCS11_FUNCTIONS_2_40(MEMBER) PKCS11_FUNCTIONS_3_0(MEMBER)
						PKCS11_FUNCTIONS_3_2(MEMBER)};

static char standard[] = "PKCS 11";

/* The newest first: C_GetInterface without a version gives that one. */
static CK_INTERFACE interfaces[] = {
	{.pInterfaceName = (void *)standard, .pFunctionList = &list_3_2},
	{.pInterfaceName = (void *)standard, .pFunctionList = &list_3_0},
	{.pInterfaceName = (void *)standard, .pFunctionList = &list_2_40},
};

enum { INTERFACES = sizeof(interfaces) / sizeof(*interfaces) };

EXPORTED CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list)
{
	if (!list)
		return CKR_ARGUMENTS_BAD;
	*list = &list_2_40;
	return CKR_OK;
}

EXPORTED CK_RV C_GetInterfaceList(CK_INTERFACE *list, CK_ULONG *count)
{
	CK_ULONG room;

	if (!count)
		return CKR_ARGUMENTS_BAD;
	room = *count;
	*count = INTERFACES;
	if (!list)
		return CKR_OK;
	if (room < INTERFACES)
		return CKR_BUFFER_TOO_SMALL;
	memcpy(list, interfaces, sizeof(interfaces));
	return CKR_OK;
}

EXPORTED CK_RV C_GetInterface(CK_UTF8CHAR *name, CK_VERSION *version, CK_INTERFACE **interface,
			      CK_FLAGS flags)
{
	if (!interface)
		return CKR_ARGUMENTS_BAD;
	for (size_t i = 0; i < INTERFACES; i++) {
		/* Each list begins with its version. */
		const CK_VERSION *own = interfaces[i].pFunctionList;

		if (name && strcmp((const char *)name, standard))
			continue;
		if (version && (version->major != own->major || version->minor != own->minor))
			continue;
		/* Fork safety in the specification's sense is not claimed, nor anything else. */
		if (flags & ~interfaces[i].flags)
			continue;
		*interface = &interfaces[i];
		return CKR_OK;
	}
	return CKR_ARGUMENTS_BAD;
}
