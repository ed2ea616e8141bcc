/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs vectors through the module: in one part and in several, in place and not, with room for the
 * output and no byte more. What goes wrong is printed, and fails the cmocka test that is running.
 */
#ifndef TESTS_VECTOR_RUN_H
#define TESTS_VECTOR_RUN_H

#include <stdint.h>

#include "token.h"
#include "vectors.h"

struct vector_tally {
	unsigned long vectors, operations, keys, updates;
};

/* SEED, which is not zero, varies the random splits. ONE_IN: of vectors of one shape so many have
 * no turn but one, and of shapes so many are not split in every way but one; 1: all. */
void vector_run_begin(uint64_t seed, unsigned long one_in);

/* All vectors of a set. */
void vector_run_set(struct token *token, const struct vector_set *set, struct vector_tally *tally);

/* Closes what a set's run, or its failure, left open. */
void vector_run_stop(void);

#endif
