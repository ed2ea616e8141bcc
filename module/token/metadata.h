/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a key's description says of it: an RFC 7512 URI, whose path names the object and whose
 * query carries our own attributes.
 *
 *	pkcs11:object=backup;id=%01%02;type=secret-key?x-key-type=aes&x-usage=encrypt,decrypt
 *	pkcs11:object=seal?x-mechanisms=aes-gcm,aes-ccm
 *
 * Keys that the token makes also have x-uid, a random number, so that two may share label and id;
 * and x-flags, x-start, x-end, x-wrap-template, x-unwrap-template, x-derive-template as needed.
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

/* Boolean attributes, where they are not what keys usually have. */
enum flag {
	FLAG_LOCAL = 1,
	FLAG_EXTRACTABLE = 2, /* counts for keys of a type that can be read only */
	FLAG_INSENSITIVE = 4, /* likewise: not CKA_SENSITIVE */
	FLAG_ALWAYS_SENSITIVE = 8,
	FLAG_NEVER_EXTRACTABLE = 16,
	FLAG_PRIVATE = 32,
	FLAG_UNMODIFIABLE = 64,
	FLAG_UNCOPYABLE = 128,
	FLAG_UNDESTROYABLE = 256,
	FLAG_WRAP_WITH_TRUSTED = 512,
};

/* CKA_WRAP_TEMPLATE and its like. */
enum template_kind { TEMPLATE_WRAP, TEMPLATE_UNWRAP, TEMPLATE_DERIVE, TEMPLATES };

struct metadata {
	uint8_t *label, *id; /* owned; CKA_LABEL is UTF-8 without an end */
	size_t label_len, id_len;
	bool id_made;               /* of the description, which names none */
	unsigned int flags;         /* enum flag */
	char start[9], end[9];      /* CKA_START_DATE, CKA_END_DATE: YYYYMMDD, or empty */
	char uid[33];               /* x-uid: hex digits, or empty */
	char *templates[TEMPLATES]; /* "TYPE:VALUE,..." in hex digits; owned; NULL: none */
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

/* Whether BYTES are UTF-8 (RFC 3629) without zero bytes: clients print labels, and take them for C
 * strings. */
bool metadata_is_text(const uint8_t *bytes, size_t len);

/*
 * METADATA as a description, to be freed; NULL where there is no memory. What metadata_read() makes
 * of it is METADATA again.
 */
char *metadata_write(const struct metadata *metadata);

/* A copy of FROM in TO, which has its own memory; 0 or -ENOMEM. */
int metadata_copy(struct metadata *to, const struct metadata *from);

/* Whether METADATA does not restrict its key to other mechanisms than TYPE. */
bool metadata_allows(const struct metadata *metadata, CK_MECHANISM_TYPE type);

void metadata_free(struct metadata *metadata);

#endif
