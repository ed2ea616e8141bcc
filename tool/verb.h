/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tool can be told to do: a verb each, in a file each, and a row each in kcryptoki.c. */
#ifndef KCRYPTOKI_VERB_H
#define KCRYPTOKI_VERB_H

#include "tool/options.h"

enum {
	DONE = 0,
	NOT_DONE = 1, /* or only in part, which stderr explains */
	USAGE = 64,   /* the command line is not understood: sysexits.h, EX_USAGE */
};

struct verb {
	const char *name;
	int (*run)(const struct options *options); /* returns the program's exit status */
	unsigned int takes;                        /* enum takes */
	int least, most;                           /* operands */
	const char *usage;                         /* what follows its name on a command line */
	const char *help;                          /* what it does, in lines with their ends */
};

extern const struct verb verb_generate, verb_import, verb_list, verb_load, verb_permit,
	verb_rotate_master, verb_save, verb_status, verb_unlink;

#endif
