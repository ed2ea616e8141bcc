/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * add_key(2) and keyctl(2), as far as the token needs them, through libkeyutils. Every function
 * returns 0 (or what it says) on success and -errno otherwise.
 */
#ifndef KCRYPTOKI_KEYRING_H
#define KCRYPTOKI_KEYRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Permissions, keyctl_setperm(3): of a key that nobody can change, and of its possessor alone. */
enum {
	KEY_PERM_CONSTANT = 0x19010000,  /* possessor: View, Search, Link; owner: View */
	KEY_PERM_READABLE = 0x1b010000,  /* the same, and its possessor may read it */
	KEY_PERM_POSSESSOR = 0x3f000000, /* possessor: all; others do not even see it */
	KEY_PERM_SHARED = 0x3f180000,    /* possessor: all; owner: Search, Link */
	KEY_PERM_USE = 0x00090909        /* View and Search for who does not possess it: owner,
					  * group and others */
};

/* keyctl_describe(3): "type;uid;gid;perm;description", split. */
struct key_info {
	char type[32];
	uid_t uid;
	uint32_t perm;     /* keyctl_setperm(3) */
	char *description; /* may hold ';' and newlines; to be freed */
};

/*
 * The serial number behind SPECIAL (KEY_SPEC_USER_KEYRING, KEY_SPEC_SESSION_KEYRING) for this
 * thread. Never creates a session keyring: a process that has none gets the user session keyring.
 */
int keyring_resolve(int32_t special);

/* The serial numbers in KEYRING as a new array in *LIST; returns their number. */
int keyring_list(int32_t keyring, int32_t **list);

/*
 * Links KEYRING into this thread's process keyring, so that the thread possesses what it holds.
 * Where only a possessor may link it, what can stand above it is linked: the user keyring. 0 does
 * not say that this sufficed.
 */
int keyring_possess(int32_t keyring);

/* The serial number of the user's persistent keyring, made where there is none, and linked into
 * this thread's process keyring. */
int keyring_persistent(void);

/*
 * Keeps what this thread's process keyring holds, which otherwise ends with the thread where others
 * are older than it, until keyring_release() or the end of the process; a forked child has no part
 * in it. NULL where that cannot be. Holds no descriptor.
 */
void *keyring_keep(void);
void keyring_release(void *kept);

/* The serial number of the key of TYPE and DESCRIPTION in KEYRING or in a keyring below it that may
 * be searched; links it nowhere. */
int key_search(int32_t keyring, const char *type, const char *description);

int key_describe(int32_t serial, struct key_info *info);

/* 0 where the key exists, is neither revoked nor expired, and may be searched for by this thread:
 * just what ALG_SET_KEY_BY_KEY_SERIAL asks for. */
int key_usable(int32_t serial);

/* The key that request_key(2) finds for this thread, as the kernel itself looks for a master key;
 * its serial number. Makes none. */
int key_request(const char *type, const char *description);

/*
 * A key of TYPE in KEYRING, its serial number. Where DESCRIPTION is there already that key is
 * updated (security/keys/key.c, key_create_or_update()): so a new key is made where nobody else
 * makes any, and moved. TYPE "keyring" makes a keyring, of no payload.
 */
int key_add(const char *type, const char *description, const void *payload, size_t len,
	    int32_t keyring);

/* Moves the key; -EEXIST where TO has one of that type and description. */
int key_move(int32_t serial, int32_t from, int32_t to);

/* Takes the key out of KEYRING; with its last link it is gone. */
int key_unlink(int32_t serial, int32_t keyring);

int key_update(int32_t serial, const void *payload, size_t len);
int key_set_perm(int32_t serial, uint32_t perm);

/* Takes all keys out of KEYRING. */
int keyring_clear(int32_t keyring);

/* The payload as a user of the key may read it; returns its length, which may exceed SIZE. */
ssize_t key_read(int32_t serial, void *buffer, size_t size);

#endif
