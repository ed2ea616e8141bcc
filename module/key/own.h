/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys that this process makes. Each is made in a keyring of the process's own, which nobody else
 * writes to and which is gone with the process, given its permissions there, and only then moved to
 * where it is to live: whoever looks sees all of it or nothing, and nothing is overwritten. Keys of
 * sessions stay in that keyring.
 */
#ifndef KCRYPTOKI_OWN_H
#define KCRYPTOKI_OWN_H

#include <stddef.h>
#include <stdint.h>

struct key_order {
	const char *type, *description;
	const void *payload;
	size_t len;
	uint32_t perm;   /* keyctl_setperm(3) */
	int32_t keyring; /* a serial number; 0: this process's own */
};

/*
 * Makes a key; *SERIAL is its serial number, *KEYRING the one that it is in. -EEXIST: that keyring
 * has one of this type and description; -EDQUOT: the user's quota is used up, which the log
 * explains; and what add_key(2) and keyctl(2) answer.
 */
int own_make(const struct key_order *order, int32_t *serial, int32_t *keyring);

/* Moves a key that own_make() left in keyring FROM to keyring TO, linking that into the process
 * keyring if need be. -EEXIST: that has one of this type and description. */
int own_move(int32_t serial, int32_t from, int32_t to);

/* The serial numbers in KEYRING as keyring_list() gives them, linking it likewise. */
int own_list(int32_t keyring, int32_t **list);

/* Takes a key out of KEYRING, linking that into the process keyring if need be. */
int own_unlink(int32_t serial, int32_t keyring);

/* Takes all keys out of the process's own keyring. */
void own_clear(void);

/* In a forked child: the keyring is the parent's. */
void own_abandon(void);

#endif
