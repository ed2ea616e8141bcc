/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For tests of what is written to folders (kernel/folder.h): the real file system, whose system
 * calls can be made to fail, and are told of in order. disk_wraps in Makefile.am has the linker's
 * part of it.
 */
#ifndef TESTS_DISK_H
#define TESTS_DISK_H

#include <stdbool.h>
#include <stddef.h>

/* A folder of the test's own, which exists when disk_setup() returns, and a path in it, which does
 * not. */
extern char disk_folder[64], disk_store[96];
int disk_setup(void **state);
/* Takes the folder away with all that is in it. -1: a descriptor was left open. */
int disk_teardown(void **state);

/*
 * The NTH next call of FUNCTION does nothing and fails with ERRNO, a positive number. These are
 * "write" of a file, "close" of one (which is closed nevertheless), "fsync", "sync-folder"
 * (fsync(2) of one), "renameat", "unlinkat" and "mkdirat". NTH 0 takes it back.
 */
void disk_fail(const char *function, unsigned int nth, int error);

/* Whether files take one byte at a time, and interrupt every other one. */
void disk_slow(bool slow);

/* Is told of each of these calls before it does anything. NULL: nobody is. */
void disk_watch(void (*watch)(const char *function));

/* A file NAME of disk_store, which must be there, as a string in memory of its own; its length. */
char *disk_read(const char *name, size_t *len);
void disk_write(const char *name, const void *bytes, size_t len);

/* Whether it is there; how many names there are (0: no folder), and the first but OTHER (may be
 * NULL) in NAME. */
bool disk_has(const char *name);
size_t disk_count(void);
void disk_first(const char *other, char name[256]);

/* Descriptors of this process. */
size_t disk_descriptors(void);

#endif
