/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The module as a whole: from C_Initialize to C_Finalize, and over forks. A forked child is not
 * initialized, whatever its parent was (PKCS#11 3.2, section 5.4, C_Initialize), and starts afresh.
 */
#ifndef KCRYPTOKI_MODULE_H
#define KCRYPTOKI_MODULE_H

#include <stdbool.h>

#include "pkcs11.h"

/* RESERVED is CK_C_INITIALIZE_ARGS.pReserved: see reserved.h. */
CK_RV module_start(const char *reserved);
CK_RV module_stop(void);

/* Between a start and a stop, in the process that started. Costs no system call. */
bool module_running(void);

/* A call begins: false, and nothing to leave, where the module does not run. Until it leaves, what
 * the module has stays: a stop waits for it. */
bool module_enter(void);
void module_leave(void);

#endif
