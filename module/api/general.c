/* SPDX-License-Identifier: BSD-2-Clause */
/* PKCS#11 3.2, section 5.4: general purpose functions. */
#include <string.h>

#include "config.h"
#include "token/module.h"
#include "token/slot.h"

CK_RV C_Initialize(void *arguments)
{
	const CK_C_INITIALIZE_ARGS *args = arguments;
	int callbacks;

	if (args) {
		callbacks = !!args->CreateMutex + !!args->DestroyMutex + !!args->LockMutex +
			    !!args->UnlockMutex;
		if (callbacks != 0 && callbacks != 4)
			return CKR_ARGUMENTS_BAD;
		/* Locks are pthread's own; no threads are made. */
		if (callbacks == 4 && !(args->flags & CKF_OS_LOCKING_OK))
			return CKR_CANT_LOCK;
	}
	/* Section 5.4.1 asks for NULL; p11-kit and NSS hand over a string of the administrator's.
	 */
	return module_start(args ? args->pReserved : NULL);
}

CK_RV C_Finalize(void *reserved)
{
	if (!module_running())
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	return reserved ? CKR_ARGUMENTS_BAD : module_stop();
}

CK_RV C_GetInfo(CK_INFO *info)
{
	if (!module_running())
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	if (!info)
		return CKR_ARGUMENTS_BAD;
	memset(info, 0, sizeof(*info));
	info->cryptokiVersion = (CK_VERSION){3, 2};
	blank_padded(info->manufacturerID, sizeof(info->manufacturerID), "kcryptoki");
	blank_padded(info->libraryDescription, sizeof(info->libraryDescription),
		     "Linux keyrings and AF_ALG");
	info->libraryVersion = (CK_VERSION){VERSION_MAJOR, VERSION_MINOR};
	return CKR_OK;
}
