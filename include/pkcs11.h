/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PKCS#11 as this project compiles against it: p11-kit's header, and from PKCS#11 3.0 what older
 * p11-kit headers (before 0.25) lack. Types, values and the order of the function list follow
 * "PKCS #11 Cryptographic Token Interface Base Specification Version 3.0", OASIS, June 2020.
 */
#ifndef KCRYPTOKI_PKCS11_H
#define KCRYPTOKI_PKCS11_H

#include <p11-kit/pkcs11.h>

#include "pkcs11-functions.h"

#ifndef CK_FALSE
#define CK_FALSE 0
#endif

/* Missing from p11-kit's list of attributes and results in some or all versions. */
#ifndef CKA_COPYABLE
#define CKA_COPYABLE 0x171UL
#endif
#ifndef CKA_DESTROYABLE
#define CKA_DESTROYABLE 0x172UL
#endif
#ifndef CKA_UNIQUE_ID
#define CKA_UNIQUE_ID 0x4UL
#endif
#ifndef CKO_PROFILE
#define CKO_PROFILE 0x9UL
#endif
#ifndef CKM_SHA3_256
#define CKM_SHA3_256 0x2b0UL
#define CKM_SHA3_256_HMAC 0x2b1UL
#define CKM_SHA3_224 0x2b5UL
#define CKM_SHA3_224_HMAC 0x2b6UL
#define CKM_SHA3_384 0x2c0UL
#define CKM_SHA3_384_HMAC 0x2c1UL
#define CKM_SHA3_512 0x2d0UL
#define CKM_SHA3_512_HMAC 0x2d1UL
#endif
#ifndef CKR_OPERATION_CANCEL_FAILED
#define CKR_OPERATION_CANCEL_FAILED 0x202UL
#endif

#if CRYPTOKI_VERSION_MAJOR < 3

#define CKF_INTERFACE_FORK_SAFE 0x1UL

typedef struct CK_INTERFACE {
	CK_UTF8CHAR *pInterfaceName;
	void *pFunctionList;
	CK_FLAGS flags;
} CK_INTERFACE;

typedef CK_INTERFACE *CK_INTERFACE_PTR;
typedef CK_INTERFACE **CK_INTERFACE_PTR_PTR;

#define KCRYPTOKI_DECLARE(name, args)   \
	typedef CK_RV(*CK_##name) args; \
	CK_RV name args;
PKCS11_FUNCTIONS_3_0(KCRYPTOKI_DECLARE)
#undef KCRYPTOKI_DECLARE

typedef struct CK_FUNCTION_LIST_3_0 {
	CK_VERSION version;
#define KCRYPTOKI_MEMBER(name, ...) CK_##name name;
	PKCS11_FUNCTIONS_2_40(KCRYPTOKI_MEMBER)
	PKCS11_FUNCTIONS_3_0(KCRYPTOKI_MEMBER)
#undef KCRYPTOKI_MEMBER
} CK_FUNCTION_LIST_3_0;

#endif /* CRYPTOKI_VERSION_MAJOR < 3 */

#endif
