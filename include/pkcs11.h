/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PKCS#11 as this project compiles against it: p11-kit's header, and from PKCS#11 3.0 to 3.2 what
 * older p11-kit headers (before 0.25 and 0.26) lack. Types, values and the order of the function
 * lists follow "PKCS #11 Specification Version 3.2", OASIS, 2025.
 */
#ifndef KCRYPTOKI_PKCS11_H
#define KCRYPTOKI_PKCS11_H

#include <p11-kit/pkcs11.h>

/* Names in small letters, which p11-kit 0.24 takes away from everybody. */
#undef aad_len
#undef aad_ptr
#undef counter_bits
#undef data_params
#undef hash_alg
#undef iv_bits
#undef iv_len
#undef iv_ptr
#undef source_data
#undef string_data
#undef tag_bits

#include "pkcs11-constants.h"
#include "pkcs11-functions.h"

#define KCRYPTOKI_DECLARE(name, args)   \
	typedef CK_RV(*CK_##name) args; \
	CK_RV name args;
#define KCRYPTOKI_MEMBER(name, ...) CK_##name name;

#if CRYPTOKI_VERSION_MAJOR < 3

typedef struct CK_INTERFACE {
	CK_UTF8CHAR *pInterfaceName;
	void *pFunctionList;
	CK_FLAGS flags;
} CK_INTERFACE;

typedef CK_INTERFACE *CK_INTERFACE_PTR;
typedef CK_INTERFACE **CK_INTERFACE_PTR_PTR;

PKCS11_FUNCTIONS_3_0(KCRYPTOKI_DECLARE)

typedef struct CK_FUNCTION_LIST_3_0 {
	CK_VERSION version;
	PKCS11_FUNCTIONS_2_40(KCRYPTOKI_MEMBER)
	PKCS11_FUNCTIONS_3_0(KCRYPTOKI_MEMBER)
} CK_FUNCTION_LIST_3_0;

#endif

#if CRYPTOKI_VERSION_MAJOR < 3 || (CRYPTOKI_VERSION_MAJOR == 3 && CRYPTOKI_VERSION_MINOR < 2)

typedef CK_ULONG CK_SESSION_VALIDATION_FLAGS_TYPE;
typedef struct CK_ASYNC_DATA CK_ASYNC_DATA; /* only ever passed by */

PKCS11_FUNCTIONS_3_2(KCRYPTOKI_DECLARE)

typedef struct CK_FUNCTION_LIST_3_2 {
	CK_VERSION version;
	PKCS11_FUNCTIONS_2_40(KCRYPTOKI_MEMBER)
	PKCS11_FUNCTIONS_3_0(KCRYPTOKI_MEMBER)
	PKCS11_FUNCTIONS_3_2(KCRYPTOKI_MEMBER)
} CK_FUNCTION_LIST_3_2;

#endif

#undef KCRYPTOKI_DECLARE
#undef KCRYPTOKI_MEMBER

#endif
