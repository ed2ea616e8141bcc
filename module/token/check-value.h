/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CKA_CHECK_VALUE: PKCS#11 3.2, section 4.11.1. Of AES keys and other block ciphers' the beginning
 * of an encrypted block of zeros, where this process has the cipher; of the others the beginning of
 * their SHA-1, where they can be read.
 */
#ifndef KCRYPTOKI_CHECK_VALUE_H
#define KCRYPTOKI_CHECK_VALUE_H

#include <stdint.h>

#include "pkcs11.h"
#include "token/object.h"

enum { CHECK_VALUE_LEN = 3 };

/* CKR_ATTRIBUTE_TYPE_INVALID where OBJECT has none here; what else rv.h answers of accidents. */
CK_RV check_value(const struct object *object, uint8_t value[CHECK_VALUE_LEN]);

#endif
