/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A folder of small files, each of which is there whole or not at all, whenever the power goes: it
 * is written under another name, synchronized, renamed, and the folder synchronized (rename(2),
 * fsync(2)). Its descriptor is a lock on it, too (flock(2)), against other processes and other
 * threads. Every function returns 0 (or what it says) on success and -errno otherwise.
 */
#ifndef KCRYPTOKI_FOLDER_H
#define KCRYPTOKI_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A descriptor of the folder PATH, locked, to be given to folder_close(). Where it is missing it
 * and what it lies in are made, for this user alone, if MAKE; else -ENOENT. -EPERM: it is another
 * user's, or others may write to it, as the log says.
 */
int folder_open(const char *path, bool make);
void folder_close(int folder);

/* What folder_open() would answer of a folder that is to be there; waits for nobody. */
int folder_check(const char *path);

/* The names in it, sorted, in a new array in *NAMES; returns their number. */
int folder_list(int folder, char ***names);
void folder_free(char **names, int count);

/* The LEN bytes of file NAME, and a zero byte behind them, as a new *TEXT. -EFBIG: they are more
 * than MAX; -EPERM: it is no file of this user's, or others may write to it. */
int folder_read(int folder, const char *name, size_t max, char **text, size_t *len);

/* Makes LEN bytes of TEXT file NAME, whatever it was before; only its owner may read it. */
int folder_write(int folder, const char *name, const char *text, size_t len);

/* For good, when this returns. -ENOENT: there is none. */
int folder_remove(int folder, const char *name);

/* Whether NAME is what folder_write() leaves behind where it is interrupted. */
bool folder_is_leftover(const char *name);

#endif
