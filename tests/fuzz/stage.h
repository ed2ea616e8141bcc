/* SPDX-License-Identifier: BSD-2-Clause */
/* The module over a fake kernel, from C_Initialize to C_Finalize, of which nothing may be left. */
#ifndef TESTS_FUZZ_STAGE_H
#define TESTS_FUZZ_STAGE_H

#include "input.h"
#include "pkcs11.h"

/* Any answer: no code that says nothing. */
void stage_answer(CK_RV rv);

/* The kernel as after boot, and CONFIGURATION as the file. What is logged is written, and thrown
 * away. */
void stage_reset(const char *configuration);

/* C_Initialize, every family of mechanisms, and a session that can write. */
CK_SESSION_HANDLE stage_begin(void);

/* C_Finalize: no descriptor stays open that was not before stage_begin(), and no keyring of the
 * process's own. Whatever the kernel was to fail at is forgotten. */
void stage_end(void);

#endif
