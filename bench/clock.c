/* SPDX-License-Identifier: BSD-2-Clause */
#include "clock.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { THREADS_MAX = 16 };

struct runner {
	pthread_t id;
	const struct engine *engine;
	void *opened;
	uint8_t *out;
	unsigned long count;
	pthread_barrier_t *start;
	int result;
	char error[200];
};

/* A contestant's threads, ready to run, and what came of them. */
struct team {
	struct runner runners[THREADS_MAX];
	unsigned int n;
	double laps[ROUNDS_MAX];
	uint8_t *result; /* of the first thread */
};

static double now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (double)at.tv_sec * 1e9 + (double)at.tv_nsec;
}

static void *run(void *argument)
{
	struct runner *r = argument;

	if (r->start)
		pthread_barrier_wait(r->start);
	r->result = 0;
	for (unsigned long i = 0; i < r->count && r->result == 0; i++)
		r->result = r->engine->once(r->opened, r->out);
	if (r->result != 0)
		snprintf(r->error, sizeof(r->error), "%s", engine_error);
	return NULL;
}

static void dismiss(struct team *team)
{
	for (unsigned int i = 0; i < team->n; i++) {
		team->runners[i].engine->close(team->runners[i].opened);
		free(team->runners[i].out);
	}
	team->n = 0;
}

static int gather(struct team *team, struct contestant *contestant, const struct job *job,
		  const uint8_t *message, unsigned int threads)
{
	team->n = 0;
	for (unsigned int i = 0; i < threads; i++) {
		struct runner *r = &team->runners[i];

		*r = (struct runner){.engine = &contestant->engine};
		r->opened = r->engine->open(&contestant->engine, job, message);
		if (!r->opened)
			return -1;
		team->n++;
		r->out = bench_memory(job_result(job));
		/* Twice: what is done first is not what is measured. */
		if (r->engine->once(r->opened, r->out) != 0 ||
		    r->engine->once(r->opened, r->out) != 0)
			return -1;
	}
	return 0;
}

/* Returns nanoseconds for one job, all threads together; 0 with engine_error where one failed. */
static double race(struct team *team, unsigned long count)
{
	pthread_barrier_t start;
	double began;
	bool alone = team->n == 1;

	pthread_barrier_init(&start, NULL, team->n + 1);
	for (unsigned int i = 0; i < team->n; i++) {
		team->runners[i].count = count;
		team->runners[i].start = alone ? NULL : &start;
		if (!alone && pthread_create(&team->runners[i].id, NULL, run, &team->runners[i]))
			abort();
	}
	if (!alone)
		pthread_barrier_wait(&start);
	began = now();
	if (alone)
		run(&team->runners[0]);
	for (unsigned int i = 0; !alone && i < team->n; i++)
		pthread_join(team->runners[i].id, NULL);
	began = now() - began;
	pthread_barrier_destroy(&start);
	for (unsigned int i = 0; i < team->n; i++) {
		if (team->runners[i].result != 0) {
			engine_fail("%.190s", team->runners[i].error);
			return 0;
		}
	}
	return began / (double)(count * team->n);
}

static int by_size(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

static double median(double *values, unsigned int n)
{
	qsort(values, n, sizeof(*values), by_size);
	return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/* Whether all that is no random number came out the same. */
static int compare(const struct team *teams, const struct lap *laps, size_t n,
		   const struct job *job)
{
	const struct team *first = NULL;

	if (job->subject->kind == RANDOM || job->subject->kind == FIND ||
	    job->subject->kind == START)
		return 0;
	for (size_t i = 0; i < n; i++) {
		if (!laps[i].done)
			continue;
		if (first && memcmp(first->result, teams[i].result, job_result(job)) != 0)
			return engine_fail("%s of %zu bytes: contestant %zu has another result",
					   job->subject->name, job->size, i + 1);
		first = first ? first : &teams[i];
	}
	return 0;
}

static void conclude(struct team *teams, struct lap *laps, size_t n, unsigned int rounds)
{
	for (size_t i = n; i-- > 0;) {
		double ratios[ROUNDS_MAX], copy[ROUNDS_MAX];

		if (!laps[i].done)
			continue;
		for (unsigned int r = 0; r < rounds; r++)
			ratios[r] = laps[0].done ? teams[i].laps[r] / teams[0].laps[r] : 0;
		memcpy(copy, teams[i].laps, sizeof(copy));
		laps[i].nanoseconds = median(copy, rounds);
		laps[i].ratio = median(ratios, rounds);
	}
}

/* One round of one contestant, who is alone: the kernel looks through the keys of all of them. */
static int lap(struct team *team, struct contestant *contestant, const struct job *job,
	       const uint8_t *message, const struct timing *timing, double *took)
{
	int err = gather(team, contestant, job, message, timing->threads);

	if (err == 0) {
		*took = race(team, timing->count);
		err = *took > 0 ? 0 : -1;
	}
	if (err == 0 && !team->result) {
		team->result = bench_memory(job_result(job));
		memcpy(team->result, team->runners[0].out, job_result(job));
	}
	dismiss(team);
	return err;
}

int clock_race(struct contestant *contestants, size_t n, const struct job *job,
	       const struct timing *timing, struct lap *laps)
{
	struct team *teams = calloc(n, sizeof(*teams));
	uint8_t *message = bench_memory(job->size);
	int err;

	if (!teams)
		abort();
	for (size_t i = 0; i < job->size; i++)
		message[i] = (uint8_t)(i * 7 + i / 256);
	for (size_t i = 0; i < n; i++)
		laps[i].done = true;
	for (unsigned int r = 0; r < timing->rounds; r++) {
		for (size_t i = 0; i < n; i++) {
			if (!laps[i].done)
				continue;
			laps[i].done = lap(&teams[i], &contestants[i], job, message, timing,
					   &teams[i].laps[r]) == 0;
			if (!laps[i].done)
				snprintf(laps[i].reason, sizeof(laps[i].reason), "%s",
					 engine_error);
		}
	}
	conclude(teams, laps, n, timing->rounds);
	err = compare(teams, laps, n, job);
	for (size_t i = 0; i < n; i++)
		free(teams[i].result);
	free(message);
	free(teams);
	return err;
}
