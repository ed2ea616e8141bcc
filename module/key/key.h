/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys of the kernel's keyrings, of the types that can arm a transform, and keys that this process
 * holds itself. A key is immutable once found; what the kernel thinks of it is asked anew at each
 * use.
 */
#ifndef KCRYPTOKI_KEY_H
#define KCRYPTOKI_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "kernel/keyring.h"
#include "kernel/transform.h"

/* A type of key (keyrings(7)): one file, and one line in key.c. */
struct key_source {
	const char *type; /* as the kernel names it */
	bool readable;    /* who has Read permission gets the bytes that arm a transform */
	bool sealed;      /* he gets what the kernel sealed, and takes back: it can be stored */
	/* Gives the key's bytes to TRANSFORM on a kernel that takes no serial numbers, or NULL
	 * where that cannot be, since the type cannot be read. */
	int (*arm_by_value)(int32_t serial, int transform);
	/* The length of what arms a transform, in bytes, or -errno. NULL: it is the payload's,
	 * which /proc/keys states. */
	ssize_t (*length)(int32_t serial);
};

extern const struct key_source key_source_user, key_source_logon, key_source_encrypted,
	key_source_trusted;
extern const struct key_source key_source_held; /* held.c; of no keyring */

struct broker;

struct key {
	struct transform_key transform_key; /* first: the source's functions get back by it */
	const struct key_source *source;
	int32_t serial;        /* 0: held by this process */
	int32_t keyring;       /* where it was found: linking this gives possession; 0: nowhere */
	struct broker *broker; /* whose key it is (brokered.c), or NULL */
	bool near;             /* of a broker's key: this process may use it itself, too */
	char *description;
	ssize_t length; /* bytes when it was found, or -errno where that is not known */
	uint8_t *bytes; /* of a held key: secret.h; owned */
};

/*
 * The key SERIAL in KEYRING as a new key, to be freed, in *KEY. -EOPNOTSUPP: it is of a type that
 * arms nothing; -ENOMEM, and what keyctl(2) answers. Reads no payload.
 */
int key_open(int32_t keyring, int32_t serial, struct key **key);

/* The key SERIAL of BROKER likewise, whose description is a URI that the broker made. */
int key_open_brokered(struct broker *broker, int32_t serial, struct key **key);

/* 0 where this process may use KEY, of a broker, now. */
int key_check_brokered(const struct key *key);

/* A new key of LEN bytes that this process holds, in locked memory; BYTES are copied. 0 or -ENOMEM.
 */
int key_hold(const void *bytes, size_t len, struct key **key);

/*
 * The bytes of a key of a type that can be read, as a piece of secret.h in *BYTES, to be given back
 * there; NULL where that fails. -EOPNOTSUPP: its type cannot be read; and what keyctl(2) answers.
 * Whether the key's metadata allows it is the caller's to ask.
 */
int key_bytes(const struct key *key, uint8_t **bytes, size_t *len);

/* Whether this kernel can use KEY: before Linux 6.2 it must be readable. The log says why not. */
bool key_offered(const struct key *key);

/* Finds out KEY's length; PROC_KEYS is /proc/keys as a string, or NULL where it cannot be read. */
void key_measure(struct key *key, const char *proc_keys);

/* KEY's length as it is now, in bytes, or -errno: a key can be given a payload of another length.
 */
ssize_t key_length(const struct key *key);

/* 0 where this thread may use KEY now, linking its keyring into the process keyring if need be. */
int key_check(const struct key *key);

void key_free(struct key *key);

#endif
