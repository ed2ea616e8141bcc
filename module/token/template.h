/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Templates of new keys (PKCS#11 3.2, sections 4.1, 4.9 and 4.11): what a caller wants of one, read
 * by a table, with the token's own choice for what it leaves open.
 *
 * Usages that are not named are allowed: clients rely on it (p11tool names none, pkcs11-tool only
 * some).
 */
#ifndef KCRYPTOKI_TEMPLATE_H
#define KCRYPTOKI_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pkcs11.h"
#include "token/metadata.h"

/* Where a new key's bytes come from. */
enum origin { ORIGIN_CREATE, ORIGIN_GENERATE, ORIGIN_UNWRAP, ORIGIN_DERIVE, ORIGIN_COPY };

struct template
{
	struct metadata metadata;  /* owned; .flags are as wanted, and .key_type_known as given */
	unsigned int flags_named;  /* those of enum flag that the template decides */
	unsigned int usage_wanted; /* those of enum usage that are named, and TRUE */
	bool token;
	CK_OBJECT_CLASS class;
	bool class_named;
	const uint8_t *value; /* CKA_VALUE, the caller's; NULL: not named */
	size_t value_len;
	size_t length;         /* CKA_VALUE_LEN; SIZE_MAX: not named */
	char keyring_type[16]; /* CKA_KCRYPTOKI_KEYRING_TYPE, or empty */
	uint32_t permissions;  /* CKA_KCRYPTOKI_PERMISSIONS: added to what the key gets anyway */
};

/*
 * Reads a template for a key of ORIGIN. CKR_ATTRIBUTE_TYPE_INVALID, CKR_ATTRIBUTE_VALUE_INVALID,
 * CKR_ATTRIBUTE_READ_ONLY, CKR_TEMPLATE_INCONSISTENT, CKR_HOST_MEMORY; then nothing is to be freed.
 */
CK_RV template_read(struct template *template, enum origin origin, const CK_ATTRIBUTE *list,
		    CK_ULONG count);

void template_free(struct template *template);

/*
 * C_SetAttributeValue: METADATA as LIST wants it, of label, id and usages (which can only be taken
 * away); CKR_ATTRIBUTE_READ_ONLY for all others.
 */
CK_RV template_change(struct metadata *metadata, const CK_ATTRIBUTE *list, CK_ULONG count);

#endif
