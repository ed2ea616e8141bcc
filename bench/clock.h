/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long jobs take, by the clock: CLOCK_MONOTONIC, which under QEMU's -icount shift=0 goes on by
 * a nanosecond with each instruction of the guest.
 */
#ifndef BENCH_CLOCK_H
#define BENCH_CLOCK_H

#include "contestant.h"

enum { CONTESTANTS_MAX = 12, ROUNDS_MAX = 64 };

struct timing {
	unsigned int rounds, threads;
	unsigned long count; /* of the job, for each thread in a round */
};

/* What came of one contestant. */
struct lap {
	bool done;          /* else REASON says why not */
	double nanoseconds; /* for one job: the median of the rounds */
	double ratio;       /* to the first contestant's in the same round: the median */
	char reason[200];
};

/* All contestants do JOB, in turn, round by round; -1 with engine_error where results differ. */
int clock_race(struct contestant *contestants, size_t n, const struct job *job,
	       const struct timing *timing, struct lap *laps);

#endif
