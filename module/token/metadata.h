/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a key's description says of it: an RFC 7512 URI, whose path names the object and whose
 * query carries our own attributes.
 *
 *	pkcs11:object=backup;id=%01%02;type=secret-key?x-key-type=aes&x-usage=encrypt,decrypt
 *	pkcs11:object=seal?x-mechanisms=aes-gcm,aes-ccm
 */
#ifndef KCRYPTOKI_METADATA_H
#define KCRYPTOKI_METADATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pkcs11.h"

enum usage {
	USAGE_ENCRYPT = 1,
	USAGE_DECRYPT = 2,
	USAGE_SIGN = 4,
	USAGE_VERIFY = 8,
	USAGE_WRAP = 16,
	USAGE_UNWRAP = 32,
	USAGE_DERIVE = 64,
	USAGE_ALL = 127
};

struct metadata {
	uint8_t *label, *id; /* owned; CKA_LABEL is UTF-8 without an end */
	size_t label_len, id_len;
	bool key_type_known;
	CK_KEY_TYPE key_type;
	unsigned int usage; /* enum usage */
	/* CKA_ALLOWED_MECHANISMS; owned. NULL: all. */
	CK_MECHANISM_TYPE *mechanisms;
	size_t n_mechanisms;
	char unique_id[17]; /* CKA_UNIQUE_ID: 16 hex digits, the same after a reboot */
	bool trusted;       /* CKA_TRUSTED: no description says it, see mapping.h */
};

/*
 * Reads DESCRIPTION, of a key of TYPE ("logon"), into METADATA. 0; -ENOMSG where the description is
 * no pkcs11: URI: then METADATA has defaults and its unique_id; -EINVAL where it is one, but not of
 * a secret key or not understood (WHY says which); -ENOMEM.
 */
int metadata_read(struct metadata *metadata, const char *type, const char *description,
		  const char **why);

void metadata_free(struct metadata *metadata);

/* The words of x-key-type and of x-usage ("aes"; "sign", LEN bytes): false and 0 where there is no
 * such word. */
bool key_type_named(const char *name, CK_KEY_TYPE *type);
unsigned int usage_named(const char *name, size_t len);

/* Whether BYTES are UTF-8 (RFC 3629) without zero bytes: clients print labels, and take them for C
 * strings. */
bool is_text(const uint8_t *bytes, size_t len);

#endif
