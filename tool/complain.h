/* SPDX-License-Identifier: BSD-2-Clause */
/* What goes wrong, on stderr: what failed, and as the module's log says it, why. */
#ifndef KCRYPTOKI_COMPLAIN_H
#define KCRYPTOKI_COMPLAIN_H

#include "pkcs11.h"

/* One line, behind the program's name; what cannot be printed is \xNN, since labels are other
 * people's. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The log is kept from here on, and what was kept is forgotten. Where KCRYPTOKI_DEBUG is set, it
 * goes there instead. */
void complain_listen(void);

/* CALL answered RV: in words, and with what the log said meanwhile. */
void complain_of(const char *call, CK_RV rv);

/* The log alone. */
void complain_log(void);

#endif
