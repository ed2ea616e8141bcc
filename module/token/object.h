/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What PKCS#11 shows of a token: its keys, one CKO_SECRET_KEY each, the keys (and derived data) of
 * sessions, and the profile that the token conforms to. Immutable once made, and
 * reference-counted: a change makes another object, which takes over the handle.
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
	CK_SESSION_HANDLE session; /* whose object it is; 0: the token's */
	CK_OBJECT_CLASS class;     /* CKO_SECRET_KEY, CKO_PROFILE, CKO_DATA */
	struct key *key;           /* owned; NULL: the profile */
	struct metadata metadata;
	CK_KEY_TYPE key_type;
	char *changes; /* what was changed since the key was made: sidecar.h; owned; NULL: nothing
			*/
};

/*
 * The key SERIAL in KEYRING (0: of SLOT's broker) as an object of SLOT, without a handle yet. 0;
 * -ENOMSG or -EOPNOTSUPP where it is not to be presented, which the log explains where someone may
 * wonder; -errno. Where it is a sidecar, CHANGES_OF gets the unique id of the key that it is for.
 */
int object_open(const struct slot *slot, int32_t keyring, int32_t serial, struct object **object,
		char changes_of[17]);

/* SLOT's one CKO_PROFILE, without a handle yet; NULL where there is no memory. */
struct object *object_profile(const struct slot *slot);

/* Takes KEY, which this process holds, and METADATA over, as an object of SESSION without a handle
 * yet; NULL where there is no memory, and then both stay the caller's. */
struct object *object_hold(const struct slot *slot, CK_SESSION_HANDLE session, struct key *key,
			   struct metadata *metadata);

/* CKA_SENSITIVE. Whether the key's bytes may leave the token wrapped (CKA_EXTRACTABLE); as they
 * are; and go into a copy. */
bool object_sensitive(const struct object *object);
bool object_extractable(const struct object *object);
bool object_reveals(const struct object *object);
bool object_copyable(const struct object *object);

/* CKA_KEY_TYPE of a key with METADATA that has LENGTH bytes; negative: not known. */
CK_KEY_TYPE object_key_type(const struct metadata *metadata, ssize_t length);

/* Finds out the key's length, and with it the key type where the description names none. */
void object_measure(struct object *object, const char *proc_keys);

/* Gives OBJECT a handle, by which others find it, and the caller's reference to the handle. */
CK_RV object_publish(struct object *object);

/* Ends the handle, unless that was done, whether OBJECT still has it or another that succeeded it.
 * Who still holds a reference goes on. */
void object_withdraw(struct object *object);

/* The same under the module lock, for an object that none succeeded: true where its reference is
 * the caller's to put. */
bool object_retire(struct object *object);

/*
 * The key of OLD as another object, with CHANGES (sidecar.h; NULL: none) made to what its
 * description says; without a handle yet. 0, -EINVAL where CHANGES cannot be read, -errno.
 */
int object_again(const struct object *old, const char *changes, struct object **object);

/*
 * Under the module lock: gives OLD's handle and its reference to BETTER. OLD is the caller's to put
 * afterwards; false, and nothing done, where its handle was ended meanwhile.
 */
bool object_succeed(struct object *old, struct object *better);

/* References to the objects of SLOT's sessions in a new array; their number in *COUNT. */
CK_RV objects_of_sessions(const struct slot *slot, struct object ***list, size_t *count);

/* Destroys what SESSION made for itself. */
void objects_close(CK_SESSION_HANDLE session);

/* A reference to the object of HANDLE in SLOT, or NULL. */
struct object *object_get(const struct slot *slot, CK_OBJECT_HANDLE handle);
void object_put(struct object *object);

/* In a forked child: all objects are the parent's. */
void objects_abandon(void);

#endif
