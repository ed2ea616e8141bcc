/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CKA_WRAP_TEMPLATE, CKA_UNWRAP_TEMPLATE and CKA_DERIVE_TEMPLATE (PKCS#11 3.2, section 4.10): an
 * array of attributes within an attribute, as text that a description can hold:
 * "TYPE:VALUE,TYPE:VALUE", all in hexadecimal digits, values as they lie in memory. None of them is
 * such an array itself.
 */
#ifndef KCRYPTOKI_NESTED_H
#define KCRYPTOKI_NESTED_H

#include <stdbool.h>
#include <stddef.h>

#include "pkcs11.h"

/* 0, or -EINVAL where TEXT is not of that form. */
int nested_check(const char *text);

/* TEXT as attributes in one piece of memory, to be freed with free(3): 0, -EINVAL or -ENOMEM. */
int nested_read(const char *text, CK_ATTRIBUTE **list, CK_ULONG *count);

/*
 * LIST and what TEXT (NULL: nothing) adds to it, as one list in *JOINED, which needs the memory of
 * *ADDED; both to be freed. CKR_OK or CKR_HOST_MEMORY. Where they contradict each other,
 * template_read() finds an attribute twice.
 */
CK_RV nested_join(const char *text, const CK_ATTRIBUTE *list, CK_ULONG count, CK_ATTRIBUTE **joined,
		  CK_ULONG *joined_count, CK_ATTRIBUTE **added);

/* Whether TEXT (NULL: no attributes) is the array of LEN bytes at LIST, in its order. */
bool nested_is(const char *text, const CK_ATTRIBUTE *list, CK_ULONG len);

/* The text for COUNT attributes, to be freed; NULL where there is no memory. */
char *nested_write(const CK_ATTRIBUTE *list, CK_ULONG count);

#endif
