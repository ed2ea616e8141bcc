/* SPDX-License-Identifier: BSD-2-Clause */
/* Arguments of PKCS#11 functions, as an input has them: memory of its own each, freed by
 * arguments_free(). */
#ifndef TESTS_FUZZ_ARGUMENTS_H
#define TESTS_FUZZ_ARGUMENTS_H

#include "input.h"
#include "pkcs11.h"

struct template_argument {
	CK_ATTRIBUTE list[16];
	CK_ULONG count;
};

struct bytes_argument {
	CK_BYTE *bytes; /* may be NULL */
	CK_ULONG length;
};

struct template_argument argument_template(struct input *input);

/* Of a length that the input says; NULL, too, with any length. */
struct bytes_argument argument_bytes(struct input *input);

/* SIZE bytes: of the input, as far as it has them, and then zeros; or zeros; or those at FROM. */
struct bytes_argument argument_room(struct input *input, size_t size);
struct bytes_argument argument_zeros(size_t size);
struct bytes_argument argument_copy(const void *from, size_t size);

/* A mechanism of the table, mostly. KEY: an object that its parameter may name. */
CK_MECHANISM argument_mechanism(struct input *input, CK_OBJECT_HANDLE key);

/* Frees all that was made since it was last called. */
void arguments_free(void);

#endif
