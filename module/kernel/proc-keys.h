/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /proc/keys: the one place that tells a key's length without reading the key (proc(5),
 * security/keys/proc.c). Its lines hold raw descriptions, so another key's description can hold a
 * newline and forge a line; a length counts only where exactly one line claims it.
 */
#ifndef KCRYPTOKI_PROC_KEYS_H
#define KCRYPTOKI_PROC_KEYS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The whole of /proc/keys as a string in *TEXT, to be freed; 0 or -errno. */
int proc_keys_read(char **text);

/* The payload bytes that TEXT states for a key of TYPE "user" or "logon"; -ENOENT: not stated,
 * -EPROTO: more than one line claims to be this key's. */
ssize_t proc_keys_length(const char *text, int32_t serial, const char *type,
			 const char *description);

/* The serial number of the key of TYPE and DESCRIPTION that a line of TEXT claims to be; -ENOENT:
 * none does, -EPROTO: several. What the key is, the kernel is to be asked. */
int proc_keys_find(const char *text, const char *type, const char *description);

#endif
