/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys that others named: a [key] section of the configuration says of the keys of some types, with
 * descriptions like a pattern, what a pkcs11: URI would say.
 *
 *	[key nightly backup]
 *	type = logon
 *	description = backup:*
 *	label = backup
 *	key-type = aes
 *	mechanisms = aes-gcm
 *
 * The first section that fits a key decides. One in which something is not understood, which may
 * have been a restriction, hides the keys that it fits.
 */
#ifndef KCRYPTOKI_MAPPING_H
#define KCRYPTOKI_MAPPING_H

#include <stdbool.h>
#include <stddef.h>

#include "token/metadata.h"

struct mapping {
	bool unusable;      /* something in the section is not understood */
	char *description;  /* owned; a pattern of fnmatch(3). NULL: fits no key */
	unsigned int types; /* of key, a bit each */
	unsigned int given; /* entries, a bit each: what is given in METADATA */
	struct metadata metadata;
};

/*
 * Takes an entry of a section into MAPPING, which is all zeros at first. NULL, or what is wrong
 * with it; then the caller sets unusable, and MAPPING keeps what it is known to fit.
 */
const char *mapping_set(struct mapping *mapping, const char *name, const char *value);

/* The section has no further entry: NULL, or what is missing, and then likewise. */
const char *mapping_end(struct mapping *mapping);

void mapping_free(struct mapping *mapping);

/* Whether MAPPING fits a key of TYPE ("logon") and DESCRIPTION: 1, 0 or -ENOMEM. */
int mapping_fits(const struct mapping *mapping, const char *type, const char *description);

/* What is to be presented of a key of TYPE and DESCRIPTION, by its description or a section:
 * metadata_read() and mapping_apply(). As the latter; on success METADATA is to be freed. */
int mapping_read(struct metadata *metadata, const char *type, const char *description,
		 const char **why);

/* From now on the COUNT mappings of LIST, which stays the caller's, are those that count. */
void mappings_start(const struct mapping *list, size_t count);

/*
 * A key of TYPE ("logon") and DESCRIPTION whose METADATA is as metadata_read() left it, NAMED where
 * that returned 0: gives a key that is not named what its section says, and CKA_TRUSTED to any. 0;
 * -ENOMSG where it is not named and no section fits it; -EINVAL where its section is unusable (WHY
 * says so); -ENOMEM. On failure METADATA is still to be freed.
 */
int mapping_apply(struct metadata *metadata, const char *type, const char *description, bool named,
		  const char **why);

#endif
