/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Parameters that are structures with addresses in them. An input chooses every number and every
 * length; the addresses are of memory that is there and is as long as the structure says, as a C
 * program's are, or NULL.
 */
#ifndef TESTS_FUZZ_STRUCTURES_H
#define TESTS_FUZZ_STRUCTURES_H

#include "arguments.h"
#include "mech/mechanism.h"

/* The parameter of ROW: a structure of its own, or bytes of a length that no such structure has.
 * KEY: an object that it may name. */
struct bytes_argument structure_parameter(struct input *input, const struct mechanism *row,
					  CK_OBJECT_HANDLE key);

/* The parameter of a message: of the AEAD ROW, or of any (NULL). */
struct bytes_argument structure_message(struct input *input, const struct mechanism *row);

#endif
