/* SPDX-License-Identifier: BSD-2-Clause */
/* The process's memory, counted: a program that has allocations.c in it gets malloc(3) and its like
 * from there, and so do the libraries that it loads. */
#ifndef TESTS_ALLOCATIONS_H
#define TESTS_ALLOCATIONS_H

#include <stdbool.h>
#include <stddef.h>

/* Blocks that are allocated and not freed. */
size_t allocations_live(void);

/* Until allocations_end(), requests are counted, and the one with the index VICTIM gets no memory.
 */
void allocations_begin(size_t victim);
/* How many there were. *STRUCK: whether the victim was among them. */
size_t allocations_end(bool *struck);

#endif
