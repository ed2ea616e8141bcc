/* SPDX-License-Identifier: BSD-2-Clause */
/* The words by which the configuration knows families of mechanisms. */
#ifndef TESTS_FAMILIES_H
#define TESTS_FAMILIES_H

#include "mech/mechanism.h"

static const struct {
	const char *word;
	enum family family;
} families[] = {
	{"ripemd160", FAMILY_RIPEMD160}, {"des3", FAMILY_DES3},
	{"camellia", FAMILY_CAMELLIA},   {"twofish", FAMILY_TWOFISH},
	{"blowfish", FAMILY_BLOWFISH},   {"cast128", FAMILY_CAST128},
	{"aria", FAMILY_ARIA},
};

enum { FAMILIES = sizeof(families) / sizeof(*families) };

#endif
