/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads that do random deeds (deeds.h) until they are told to stop. */
#ifndef TESTS_STORM_H
#define TESTS_STORM_H

#include "deeds.h"

extern struct commons storm_commons;

/* KCRYPTOKI_SEED (1), from which each thread has a seed of its own, is printed. */
void storm_begin(unsigned int threads, bool ends);

/* Whether it goes on: for KCRYPTOKI_SECONDS (20) from its begin, or longer until each deed was
 * seen; and while nothing went wrong. */
bool storm_goes_on(void);

/* Destroys the keys of the token that threads lost since the module ended under them. */
void storm_sweep(void);

/* Waits for the threads, tells what they did, and fails the test where something was wrong.
 * Nothing is left of them, then. */
void storm_end(void);

#endif
