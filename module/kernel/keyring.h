/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keyctl(2), as far as the token needs it, through libkeyutils. Every function returns 0 (or what
 * it says) on success and -errno otherwise. Nothing here writes to a keyring of the user's.
 */
#ifndef KCRYPTOKI_KEYRING_H
#define KCRYPTOKI_KEYRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

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

/* The serial number of the key of TYPE and DESCRIPTION in KEYRING or in a keyring below it that may
 * be searched; links it nowhere. */
int key_search(int32_t keyring, const char *type, const char *description);

int key_describe(int32_t serial, struct key_info *info);

/* 0 where the key exists, is neither revoked nor expired, and may be searched for by this thread:
 * just what ALG_SET_KEY_BY_KEY_SERIAL asks for. */
int key_usable(int32_t serial);

/* The payload as a user of the key may read it; returns its length, which may exceed SIZE. */
ssize_t key_read(int32_t serial, void *buffer, size_t size);

#endif
