/* SPDX-License-Identifier: BSD-2-Clause */
/* Where results go: as much memory as an input says, watched. */
#ifndef TESTS_FUZZ_ROOM_H
#define TESTS_FUZZ_ROOM_H

#include "input.h"
#include "pkcs11.h"

struct room {
	CK_BYTE *bytes;   /* NULL: the caller asks for the length only */
	CK_ULONG *length; /* NULL: the caller is wrong */
	CK_ULONG offered;
};

/* Room of as many bytes as the input says, or of OFFERED. */
struct room room_take(struct input *input);
struct room room_of(CK_ULONG offered);

/* Looks at what RV left: not a byte beyond the room, none behind the result, none of what failed.
 */
void room_check(const struct room *room, CK_RV rv);

/* Whether the result is LENGTH bytes, these. */
bool room_is(const struct room *room, const uint8_t *bytes, size_t length);

void room_free(struct room *room);

/* Both. */
void room_give(struct room *room, CK_RV rv);

#endif
