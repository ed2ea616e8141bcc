/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What PKCS#11 shows of a token: its keys, one CKO_SECRET_KEY each, and the profile that the token
 * conforms to. Immutable once made, and reference-counted.
 */
#ifndef KCRYPTOKI_OBJECT_H
#define KCRYPTOKI_OBJECT_H

#include <stdatomic.h>
#include <stdbool.h>

#include "key/key.h"
#include "pkcs11.h"
#include "token/metadata.h"

struct slot;

struct object {
	atomic_uint references;
	CK_OBJECT_HANDLE handle;
	const struct slot *slot;
	struct key *key; /* owned; NULL: the profile (CKO_PROFILE) */
	struct metadata metadata;
	CK_KEY_TYPE key_type;
};

/*
 * The key SERIAL in KEYRING as an object of SLOT, without a handle yet. 0; -ENOMSG or -EOPNOTSUPP
 * where it is not to be presented, which the log explains where someone may wonder; -errno.
 */
int object_open(const struct slot *slot, int32_t keyring, int32_t serial, struct object **object);

/* SLOT's one CKO_PROFILE, without a handle yet; NULL where there is no memory. */
struct object *object_profile(const struct slot *slot);

/* Finds out the key's length, and with it the key type where the description names none. */
void object_measure(struct object *object, const char *proc_keys);

/* Gives OBJECT a handle, by which others find it, and the caller's reference to the handle. */
CK_RV object_publish(struct object *object);

/* Ends the handle. Who still holds a reference goes on. */
void object_withdraw(struct object *object);

/* A reference to the object of HANDLE in SLOT, or NULL. */
struct object *object_get(const struct slot *slot, CK_OBJECT_HANDLE handle);
void object_put(struct object *object);

/* In a forked child: all objects are the parent's. */
void objects_abandon(void);

#endif
