/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a token's keys are: a keyring, by what the configuration calls it. What it is called can
 * come to mean another keyring at any time, so that it is resolved at each use.
 *
 *	user		the user keyring, @u
 *	session		the session keyring, @s
 *	persistent	the user's persistent keyring (persistent-keyring(7))
 *	0x2f1c3a5e	a serial number
 *	backup		the keyring of that description below @s, else below @u
 */
#ifndef KCRYPTOKI_PLACE_H
#define KCRYPTOKI_PLACE_H

#include <stdint.h>

enum place_kind { PLACE_ALIAS, PLACE_PERSISTENT, PLACE_SERIAL, PLACE_NAME };

struct place {
	enum place_kind kind;
	int32_t serial; /* PLACE_ALIAS: KEY_SPEC_...; PLACE_SERIAL */
	char name[256]; /* PLACE_NAME */
};

/* Reads TEXT into PLACE. NULL, or what is wrong with it. */
const char *place_read(struct place *place, const char *text);

/* The serial number of the keyring as this thread sees it, or -errno: -ENOTDIR where it is none. A
 * persistent keyring is made where there is none, and linked into the process keyring. */
int place_resolve(const struct place *place);

/* The same, making and linking nothing. -ENOKEY: a persistent keyring is not there yet. */
int place_find(const struct place *place);

#endif
