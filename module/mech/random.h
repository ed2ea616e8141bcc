/* SPDX-License-Identifier: BSD-2-Clause */
/* Random bytes from the kernel: its DRBG through AF_ALG where that binds, else getrandom(2). */
#ifndef KCRYPTOKI_RANDOM_H
#define KCRYPTOKI_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#include "pkcs11.h"

/* Fills OUT wholly, or fails. */
CK_RV random_fill(uint8_t *out, size_t len);

/*
 * Makes SEED the personalization string of the DRBG instances that serve this process from now on:
 * each is seeded by the kernel, and by SEED on top. CKR_RANDOM_SEED_NOT_SUPPORTED where
 * getrandom(2) serves.
 */
CK_RV random_seed(const uint8_t *seed, size_t len);

/* For a new C_Initialize: forgets the seed, and whether the DRBG binds. */
void random_forget(void);

/* Around fork(2), by pthread_atfork(3): the seed is whole in the child. */
void random_fork_prepare(void);
void random_fork_done(void);

/* In a forked child, whose copy of the lock another thread may have held. */
void random_abandon(void);

#endif
