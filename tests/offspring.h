/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes that a thread forks in the middle of a storm. In one way or another the child goes on
 * with the module: it starts it and works, with and without an end, itself or in a child of its
 * own; or it only leaves, or becomes another program.
 */
#ifndef TESTS_OFFSPRING_H
#define TESTS_OFFSPRING_H

#include "deeds.h"

/* A deed. */
int offspring_fork(struct actor *actor);

/* For main(): what the program does that a child became; it does not return to another one. */
void offspring_become(int argc, char **argv);

#endif
