/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was changed of a key since it was made. A key's description never changes, and a logon key
 * cannot be read back: so C_SetAttributeValue writes beside it, into a key of type "user" named
 * "kcryptoki:" and the key's CKA_UNIQUE_ID, in the same keyring. Its payload is a pkcs11: URI with
 * the label, the id and the usages as they are now. It can take usages away, never give any.
 *
 * A sidecar without its key is ignored. Who may write the keyring may forge one.
 */
#ifndef KCRYPTOKI_SIDECAR_H
#define KCRYPTOKI_SIDECAR_H

#include <stdint.h>

#include "key/key.h"
#include "token/metadata.h"

/* The unique id that KEY, by its type and description, is the sidecar of, or NULL. */
const char *sidecar_of(const struct key *key);

/* The payload of sidecar SERIAL, in KEYRING, as a string in *CHANGES, to be freed. 0 or -errno. */
int sidecar_read(int32_t serial, int32_t keyring, char **changes);

/* Makes CHANGES to METADATA, as the key's description has it: 0, -EINVAL, -ENOMEM. */
int sidecar_apply(struct metadata *metadata, const char *changes);

/* What makes metadata as in its description into METADATA, to be freed; NULL: no memory. */
char *sidecar_text(const struct metadata *metadata);

/* Writes the sidecar for the key with UNIQUE_ID in KEYRING, in one step. 0 or -errno. */
int sidecar_write(int32_t keyring, const char *unique_id, const char *changes);

/* The serial number of the sidecar of the key with UNIQUE_ID in KEYRING, or -errno: -ENOKEY where
 * there is none. */
int sidecar_find(int32_t keyring, const char *unique_id);

/* Takes the sidecar away, if there is one. */
void sidecar_drop(int32_t keyring, const char *unique_id);

#endif
