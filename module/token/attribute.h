/* SPDX-License-Identifier: BSD-2-Clause */
/* The attributes of an object: PKCS#11 3.2, sections 4.2, 4.4, 4.8, 4.11 and 4.14. */
#ifndef KCRYPTOKI_ATTRIBUTE_H
#define KCRYPTOKI_ATTRIBUTE_H

#include <stdbool.h>

#include "pkcs11.h"
#include "token/object.h"

/* C_GetAttributeValue: answers every entry of TEMPLATE, whatever becomes of the others. */
CK_RV attributes_get(const struct object *object, CK_ATTRIBUTE *template, CK_ULONG count);

/* Whether OBJECT has every attribute of TEMPLATE with just that value. */
bool attributes_match(const struct object *object, const CK_ATTRIBUTE *template, CK_ULONG count);

#endif
