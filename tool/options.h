/* SPDX-License-Identifier: BSD-2-Clause */
/* The options that verbs share: each is called the same and means the same wherever it is taken. */
#ifndef KCRYPTOKI_OPTIONS_H
#define KCRYPTOKI_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

enum takes {
	TAKES_TOKEN = 1,
	TAKES_LABEL = 2,
	TAKES_ID = 4,
	TAKES_TYPE = 8,
	TAKES_KEY_TYPE = 16,
	TAKES_LENGTH = 32,
	TAKES_USAGE = 64,
	TAKES_PERMIT = 128,
	TAKES_CREDENTIAL = 256,
};

/* As the command line has them; NULL: not there. */
struct options {
	bool help, json;
	const char *token, *label, *id, *type, *key_type, *length, *usage, *permit, *credential;
	char **operands; /* what is no option, N_OPERANDS of them */
	int n_operands;
};

/*
 * Reads ARGV from its third on, behind the program and the verb, which TAKES these besides --help
 * and --json. false, and stderr says why, where that cannot be.
 */
bool options_read(struct options *options, unsigned int takes, int argc, char **argv);

/* What each of them means, a line each. */
void options_explain(unsigned int takes, FILE *to);

#endif
