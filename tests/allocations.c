/* SPDX-License-Identifier: BSD-2-Clause */
#include "allocations.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN __attribute__((visibility("default")))

/* The C library's own, under the names that it exports them by (glibc, malloc/malloc.c). */
/* NOLINTBEGIN(bugprone-reserved-identifier) */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *block, size_t size);
void __libc_free(void *block);
/* NOLINTEND(bugprone-reserved-identifier) */

static atomic_size_t live;
static bool active, struck;
static size_t n, victim;

/* The module, and what works for it. Not p11-kit's parser of URIs, which was seen to crash without
 * memory (0.24, p11_kit_uri_new()); and not libcrypto, which works for the test. */
static bool is_meant(const void *caller)
{
	static const char *const libraries[] = {"kcryptoki.so", "libc.so", "libkeyutils.so",
						"libinih.so"};
	Dl_info info;

	if (!dladdr(caller, &info) || !info.dli_fname)
		return false;
	for (size_t i = 0; i < sizeof(libraries) / sizeof(*libraries); i++)
		if (strstr(info.dli_fname, libraries[i]))
			return true;
	return false;
}

static bool refused(const void *caller)
{
	if (!active || !is_meant(caller) || n++ != victim)
		return false;
	struck = true;
	errno = ENOMEM;
	return true;
}

static void *counted(void *block)
{
	if (block)
		atomic_fetch_add(&live, 1);
	return block;
}

SHOWN void *malloc(size_t size)
{
	return refused(__builtin_return_address(0)) ? NULL : counted(__libc_malloc(size));
}

SHOWN void *calloc(size_t count, size_t size)
{
	return refused(__builtin_return_address(0)) ? NULL : counted(__libc_calloc(count, size));
}

SHOWN void *realloc(void *block, size_t size)
{
	void *larger;

	if (refused(__builtin_return_address(0)))
		return NULL;
	larger = __libc_realloc(block, size);
	if (!block)
		return counted(larger);
	if (!size && !larger)
		atomic_fetch_sub(&live, 1);
	return larger;
}

SHOWN void free(void *block)
{
	if (block)
		atomic_fetch_sub(&live, 1);
	__libc_free(block);
}

size_t allocations_live(void)
{
	return atomic_load(&live);
}

void allocations_begin(size_t which)
{
	n = 0;
	victim = which;
	struck = false;
	active = true;
}

size_t allocations_end(bool *was_struck)
{
	active = false;
	*was_struck = struck;
	return n;
}
