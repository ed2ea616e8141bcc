/* SPDX-License-Identifier: BSD-2-Clause */
#include "room.h"

#include "stage.h"

/* A sanitizer sees each byte beyond what malloc(3) gave; without one there are some to look at. */
#ifndef __has_feature
#define __has_feature(feature) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
enum { BEYOND = 0 };
#else
enum { BEYOND = 16 };
#endif

enum { LARGE = 6000, UNTOUCHED = 0xa5 };

static void *watched(size_t size)
{
	uint8_t *bytes = malloc(size + BEYOND ? size + BEYOND : 1);

	MUST(bytes);
	memset(bytes, UNTOUCHED, size + BEYOND);
	return bytes;
}

static bool untouched(const void *bytes, size_t from, size_t to)
{
	const uint8_t *byte = bytes;

	while (from < to && byte[from] == UNTOUCHED)
		from++;
	return from >= to;
}

/* What was there for a while is wiped. */
static bool empty(const uint8_t *byte, size_t from, size_t to)
{
	while (from < to && (byte[from] == UNTOUCHED || !byte[from]))
		from++;
	return from >= to;
}

struct room room_of(CK_ULONG offered)
{
	struct room room = {.bytes = watched(offered),
			    .length = watched(sizeof(*room.length)),
			    .offered = offered};

	*room.length = offered;
	return room;
}

struct room room_take(struct input *input)
{
	uint8_t kind = input_byte(input);
	struct room room = room_of(kind == 0xff ? LARGE : kind & 0x7f);

	if (kind == 0xfe) {
		free(room.length);
		room.length = NULL;
	} else if (kind & 0x80 && kind != 0xff) {
		free(room.bytes);
		room.bytes = NULL;
	}
	return room;
}

void room_check(const struct room *room, CK_RV rv)
{
	stage_answer(rv);
	MUST(rv != CKR_OK || room->length);
	if (room->length)
		MUST(untouched(room->length, sizeof(*room->length),
			       sizeof(*room->length) + BEYOND));
	if (!room->bytes)
		return;
	MUST(untouched(room->bytes, room->offered, room->offered + BEYOND));
	MUST(rv != CKR_OK || *room->length <= room->offered);
	MUST(rv != CKR_BUFFER_TOO_SMALL || *room->length > room->offered);
	MUST(empty(room->bytes, rv == CKR_OK ? *room->length : 0, room->offered));
}

bool room_is(const struct room *room, const uint8_t *bytes, size_t length)
{
	return *room->length == length && (!length || !memcmp(room->bytes, bytes, length));
}

void room_free(struct room *room)
{
	free(room->bytes);
	free(room->length);
	*room = (struct room){0};
}

void room_give(struct room *room, CK_RV rv)
{
	room_check(room, rv);
	room_free(room);
}
