/* SPDX-License-Identifier: BSD-2-Clause */
/* An engine as the command line names it: ENGINE[:ARGUMENT][=LABEL]. */
#ifndef BENCH_CONTESTANT_H
#define BENCH_CONTESTANT_H

#include "engine.h"

struct contestant {
	struct engine engine;
	char label[64];
	char argument[256]; /* empty: none */
};

/* -1 with engine_error: there is no such engine. */
int contestant_parse(struct contestant *contestant, const char *text);

/* -1 with engine_error. */
int contestant_start(struct contestant *contestant);
void contestant_end(struct contestant *contestant);

#endif
