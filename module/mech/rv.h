/* SPDX-License-Identifier: BSD-2-Clause */
/* errno -> CK_RV, for the whole module. */
#ifndef KCRYPTOKI_RV_H
#define KCRYPTOKI_RV_H

#include <stdbool.h>

#include "pkcs11.h"

/* ERR is 0 or -errno. Opening and arming a transform; WHAT names the mechanism in the log. */
CK_RV rv_of_open(int err, const char *what);

/* Moving a message through an op socket. */
CK_RV rv_of_run(int err, const char *what);

/* From making, changing or destroying a key. */
CK_RV rv_of_make(int err, const char *what);

/* Whether ERR says that there is no such key or keyring, or that this process is kept from it: a
 * search leaves it out. Any other is an accident, after which nobody can say what is there. */
bool rv_is_barred(int err);

#endif
