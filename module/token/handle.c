/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/handle.h"

#include <stdlib.h>
#include <string.h>

enum {
	PLACE_BITS = 20,
	PLACES_MAX = 1 << PLACE_BITS, /* place 0 is never used: it would make handle 0 */
	USES_MAX = 1 << (31 - PLACE_BITS),
};

struct handle_place {
	void *item; /* NULL: free */
	uint32_t uses;
	uint32_t next_free;
};

static CK_ULONG handle_of(const struct handle_table *table, uint32_t place)
{
	return (CK_ULONG)table->places[place].uses << PLACE_BITS | place;
}

static uint32_t place_of(const struct handle_table *table, CK_ULONG handle)
{
	uint32_t place = (uint32_t)(handle & (PLACES_MAX - 1));

	if (place < 1 || place > table->used || !table->places[place].item ||
	    handle_of(table, place) != handle)
		return 0;
	return place;
}

static uint32_t new_place(struct handle_table *table)
{
	uint32_t size = table->size ? table->size * 2 : 16;
	struct handle_place *larger;

	if (table->used + 1 < table->size)
		return ++table->used;
	if (size > PLACES_MAX)
		return 0;
	larger = realloc(table->places, size * sizeof(*larger));
	if (!larger)
		return 0;
	memset(larger + table->size, 0, (size - table->size) * sizeof(*larger));
	table->places = larger;
	table->size = size;
	return ++table->used;
}

CK_ULONG handle_new(struct handle_table *table, void *item)
{
	uint32_t place = table->free_first;

	if (place) {
		table->free_first = table->places[place].next_free;
		if (!table->free_first)
			table->free_last = 0;
	} else {
		place = new_place(table);
		if (!place)
			return CK_INVALID_HANDLE;
	}
	table->places[place].item = item;
	table->places[place].next_free = 0;
	return handle_of(table, place);
}

void *handle_item(const struct handle_table *table, CK_ULONG handle)
{
	uint32_t place = place_of(table, handle);

	return place ? table->places[place].item : NULL;
}

void handle_set(struct handle_table *table, CK_ULONG handle, void *item)
{
	table->places[place_of(table, handle)].item = item;
}

void *handle_end(struct handle_table *table, CK_ULONG handle)
{
	uint32_t place = place_of(table, handle);
	void *item;

	if (!place)
		return NULL;
	item = table->places[place].item;
	table->places[place].item = NULL;
	table->places[place].uses = (table->places[place].uses + 1) % USES_MAX;
	/* To the end of the queue: the place that has rested longest is used next. */
	if (table->free_last)
		table->places[table->free_last].next_free = place;
	else
		table->free_first = place;
	table->free_last = place;
	return item;
}

void *handle_next(const struct handle_table *table, uint32_t *place)
{
	while (*place < table->used)
		if (table->places[++*place].item)
			return table->places[*place].item;
	return NULL;
}

void handle_table_free(struct handle_table *table)
{
	free(table->places);
	memset(table, 0, sizeof(*table));
}
