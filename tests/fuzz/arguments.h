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
struct bytes_argument argument_bytes(struct input *input);

/* A mechanism; where its parameter has addresses in it, they are of memory that is there. KEY: an
 * object that a parameter may name. */
CK_MECHANISM argument_mechanism(struct input *input, CK_OBJECT_HANDLE key);

/* The parameter of a message of an AEAD. */
struct bytes_argument argument_message(struct input *input);

/* Frees all that was made since it was last called. */
void arguments_free(void);

#endif
