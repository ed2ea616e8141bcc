/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether this kernel arms transforms by key serial number; asked once, of any hash that binds. */
#ifndef KCRYPTOKI_SERIALS_H
#define KCRYPTOKI_SERIALS_H

#include <stdbool.h>

bool serials_supported(void);

/* Forgets what was found out: for a new C_Initialize. */
void serials_forget(void);

#endif
