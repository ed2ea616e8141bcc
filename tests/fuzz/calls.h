/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls of PKCS#11 functions, each made of an input. */
#ifndef TESTS_FUZZ_CALLS_H
#define TESTS_FUZZ_CALLS_H

#include "input.h"

/* C_Initialize, two sessions, and a search; and C_Finalize. */
void calls_begin(void);
void calls_end(void);

/* One call. What must be true of any answer is checked: nothing beyond the caller's room, and no
 * code that says nothing. */
void calls_make(struct input *input);

#endif
