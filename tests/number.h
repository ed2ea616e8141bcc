/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers that the environment may bring to a test. */
#ifndef TESTS_NUMBER_H
#define TESTS_NUMBER_H

#include <stdlib.h>

/* What the variable NAME says; OTHERWISE where it is not set. */
static inline unsigned long number_of(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoul(text, NULL, 0) : otherwise;
}

#endif
