/* SPDX-License-Identifier: BSD-2-Clause */
/* Master keys: those that the kernel seals keys of type "encrypted" under. */
#ifndef KCRYPTOKI_MASTER_H
#define KCRYPTOKI_MASTER_H

/* The serial number of MASTER, "user:NAME" or "trusted:NAME", as the kernel itself finds it for
 * this thread; or -errno: -ENOKEY where it is not there, -EINVAL where MASTER is no such name. */
int master_find(const char *master);

#endif
