/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/secret.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	PAGE = 4096,
	CELL = 64,
	CELLS = PAGE / CELL, /* one bit each in struct page.used */
};

struct page {
	struct page *next;
	uint8_t *bytes;
	uint64_t used;
};

static struct {
	pthread_mutex_t lock; /* a leaf; never held over a system call: mlock(2) may sleep */
	struct page *first;
} pages = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void *map(size_t len)
{
	void *bytes = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (bytes == MAP_FAILED)
		return NULL;
	if (mlock(bytes, len) || madvise(bytes, len, MADV_DONTDUMP) ||
	    madvise(bytes, len, MADV_WIPEONFORK)) {
		munmap(bytes, len);
		return NULL;
	}
	return bytes;
}

static bool is_shared(size_t len)
{
	return len <= PAGE / 2;
}

static uint64_t cells_of(size_t len)
{
	size_t cells = len ? (len + CELL - 1) / CELL : 1;

	return ((uint64_t)1 << cells) - 1;
}

/* The first place in PAGE for CELLS in a row; CELLS where there is none. */
static unsigned int place_in(const struct page *page, uint64_t cells)
{
	for (unsigned int at = 0; at < CELLS; at++) {
		uint64_t here = cells << at;

		if (here >> at == cells && !(page->used & here))
			return at;
	}
	return CELLS;
}

static struct page *new_page(void)
{
	struct page *page = calloc(1, sizeof(*page));

	if (!page)
		return NULL;
	page->bytes = map(PAGE);
	if (!page->bytes) {
		free(page);
		return NULL;
	}
	return page;
}

static void drop_page(struct page *page)
{
	if (!page)
		return;
	munmap(page->bytes, PAGE);
	free(page);
}

/* NULL: no page has room. */
static void *from_pages(uint64_t cells)
{
	for (struct page *page = pages.first; page; page = page->next) {
		unsigned int at = place_in(page, cells);

		if (at == CELLS)
			continue;
		page->used |= cells << at;
		return page->bytes + at * CELL;
	}
	return NULL;
}

static void *from_new_page(uint64_t cells)
{
	struct page *page = new_page();

	if (!page)
		return NULL;
	page->used = cells;
	pthread_mutex_lock(&pages.lock);
	page->next = pages.first;
	pages.first = page;
	pthread_mutex_unlock(&pages.lock);
	return page->bytes;
}

void *secret_new(size_t len)
{
	void *bytes;

	if (!is_shared(len))
		return map(len);
	pthread_mutex_lock(&pages.lock);
	bytes = from_pages(cells_of(len));
	pthread_mutex_unlock(&pages.lock);
	return bytes ? bytes : from_new_page(cells_of(len));
}

/* Returns the page where nothing else was in it: it is no longer one of them. */
static struct page *to_page(uint8_t *bytes, uint64_t cells)
{
	struct page **link = &pages.first, *page;

	while ((uintptr_t)bytes - (uintptr_t)(*link)->bytes >= PAGE)
		link = &(*link)->next;
	page = *link;
	page->used &= ~(cells << (size_t)(bytes - page->bytes) / CELL);
	if (page->used)
		return NULL;
	*link = page->next;
	return page;
}

void secret_free(void *bytes, size_t len)
{
	struct page *empty;

	if (!bytes)
		return;
	explicit_bzero(bytes, len);
	if (!is_shared(len)) {
		munmap(bytes, len);
		return;
	}
	pthread_mutex_lock(&pages.lock);
	empty = to_page(bytes, cells_of(len));
	pthread_mutex_unlock(&pages.lock);
	drop_page(empty);
}

void secret_fork_prepare(void)
{
	pthread_mutex_lock(&pages.lock);
}

void secret_fork_done(void)
{
	pthread_mutex_unlock(&pages.lock);
}

void secret_abandon(void)
{
	static const pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;

	pages.first = NULL;
	memcpy(&pages.lock, &fresh, sizeof(fresh));
}
