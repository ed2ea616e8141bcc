/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What one job costs, exactly: a child does it, and is followed instruction by instruction by its
 * parent (ptrace(2), PTRACE_SINGLESTEP). Of the kernel's instructions this says nothing.
 */
#ifndef BENCH_EXACT_H
#define BENCH_EXACT_H

#include "contestant.h"

struct cost {
	double instructions; /* of the process, for one job */
	double calls;        /* system calls */
};

/* JOB, COUNT times, after it was done before; -1 with engine_error. */
int exact_cost(struct contestant *contestant, const struct job *job, unsigned int count,
	       struct cost *cost);

#endif
