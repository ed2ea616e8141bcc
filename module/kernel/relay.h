/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes that hand other processes' calls to the module: p11-kit's server and remote. What
 * stands in a parameter there was written by somebody else, and they pass most parameters on as the
 * bytes they are, so that an address in one is the other process's: to follow it would crash, or
 * read and write whatever lies there in this one. Such parameters are therefore not taken in such a
 * process.
 */
#ifndef KCRYPTOKI_RELAY_H
#define KCRYPTOKI_RELAY_H

#include <stdbool.h>

/* Looks what program this process runs; for C_Initialize. */
void relay_start(void);

/* Whether it is one of those, as far as relay_start() found out. */
bool relay_here(void);

/* Whether it makes those parameters its own, addresses and all, whose layout p11-kit knows from
 * 0.25 on (rpc-message.c). */
bool relay_translates(void);

#endif
