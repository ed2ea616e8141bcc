/* SPDX-License-Identifier: BSD-2-Clause */
/* Random bytes from the kernel: its DRBG through AF_ALG where that binds, else getrandom(2). */
#ifndef KCRYPTOKI_RANDOM_H
#define KCRYPTOKI_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#include "pkcs11.h"

/* Fills OUT wholly, or fails. */
CK_RV random_fill(uint8_t *out, size_t len);

/* Forgets whether the DRBG binds: for a new C_Initialize. */
void random_forget(void);

#endif
