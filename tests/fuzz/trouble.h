/* SPDX-License-Identifier: BSD-2-Clause */
/* What can go wrong beneath the module, as an input says. */
#ifndef TESTS_FUZZ_TROUBLE_H
#define TESTS_FUZZ_TROUBLE_H

#include "input.h"

/* The kernel will fail, or is short of something; others add keys, forge lines of /proc/keys, or do
 * something to KEY, a serial number or 0. */
void trouble_make(struct input *input, int32_t key);

#endif
