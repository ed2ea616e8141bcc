/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line, and lines of results with tabs between their columns. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "exact.h"

enum {
	LIST_MAX = 32,
	FOLLOWED = 2, /* how often a job is done that is followed step by step */
};

struct plan {
	const struct subject *subjects[LIST_MAX];
	enum way ways[LIST_MAX];
	size_t sizes[LIST_MAX];
	size_t n_subjects, n_ways, n_sizes;
	struct timing timing;
	bool exact;
	struct contestant contestants[CONTESTANTS_MAX];
	size_t n;
};

static const char usage[] =
	"Usage: kcryptoki-bench [OPTION]... ENGINE[:ARGUMENT][=LABEL]...\n"
	"\n"
	"Lets engines do the same work, in turn, and prints for each what it took:\n"
	"WHAT, LABEL, SUBJECT, WAY, SIZE, THREADS, and the values, with tabs between them.\n"
	"\n"
	"Engines: raw, raw-checked, raw-armed, libkcapi, token:MODULE.so[,writable|,brokered],\n"
	"token:p11-kit-client.so,server ADDRESS\n"
	"\n"
	"  -c SUBJECT,...  SHA-256, HMAC-SHA256, AES-256-CBC, AES-256-CTR, AES-256-GCM, random,\n"
	"                  find (a size is a number of keys), start\n"
	"  -w WAY,...      one-shot (the default), parts, message\n"
	"  -s SIZE,...     bytes (default 64)\n"
	"  -t THREADS      default 1\n"
	"  -n COUNT        how often in a round, for each thread (default 100)\n"
	"  -r ROUNDS       default 5; the median counts\n"
	"  -x              not by the clock: the process's instructions, and system calls\n";

static bool take_subject(struct plan *plan, const char *word)
{
	return (plan->subjects[plan->n_subjects++] = subject_find(word)) != NULL;
}

static bool take_way(struct plan *plan, const char *word)
{
	for (int way = 0; way < WAYS; way++) {
		if (strcmp(way_names[way], word) == 0) {
			plan->ways[plan->n_ways++] = (enum way)way;
			return true;
		}
	}
	return false;
}

static bool take_size(struct plan *plan, const char *word)
{
	char *end;

	plan->sizes[plan->n_sizes++] = strtoul(word, &end, 10);
	return *word && !*end;
}

static bool take_list(struct plan *plan, char *words, bool (*take)(struct plan *, const char *))
{
	char *rest = NULL;
	size_t n = 0;

	for (char *word = strtok_r(words, ",", &rest); word; word = strtok_r(NULL, ",", &rest))
		if (n++ == LIST_MAX || !take(plan, word))
			return false;
	return n > 0;
}

static bool take_number(const char *word, unsigned long max, unsigned long *number)
{
	char *end;

	*number = strtoul(word, &end, 10);
	return *word && !*end && *number > 0 && *number <= max;
}

static bool take_option(struct plan *plan, int option, char *argument)
{
	unsigned long number = 0;

	switch (option) {
	case 'c':
		return take_list(plan, argument, take_subject);
	case 'w':
		return take_list(plan, argument, take_way);
	case 's':
		return take_list(plan, argument, take_size);
	case 't':
		if (!take_number(argument, 16, &number))
			return false;
		plan->timing.threads = (unsigned int)number;
		return true;
	case 'n':
		return take_number(argument, 1000000000, &plan->timing.count);
	case 'r':
		if (!take_number(argument, ROUNDS_MAX, &number))
			return false;
		plan->timing.rounds = (unsigned int)number;
		return true;
	case 'x':
		plan->exact = true;
		return true;
	default:
		return false;
	}
}

static int count(struct plan *plan, const struct job *job)
{
	for (size_t i = 0; i < plan->n; i++) {
		struct cost cost;

		printf("cost\t%s\t%s\t%s\t%zu\t1\t", plan->contestants[i].label, job->subject->name,
		       way_names[job->way], job->size);
		if (exact_cost(&plan->contestants[i], job, FOLLOWED, &cost) == 0)
			printf("%.2f\t%.2f\n", cost.instructions, cost.calls);
		else
			printf("not done\t%s\n", engine_error);
		fflush(stdout);
	}
	return 0;
}

static int race(struct plan *plan, const struct job *job)
{
	struct lap laps[CONTESTANTS_MAX];
	int err = clock_race(plan->contestants, plan->n, job, &plan->timing, laps);

	for (size_t i = 0; i < plan->n; i++) {
		printf("time\t%s\t%s\t%s\t%zu\t%u\t", plan->contestants[i].label,
		       job->subject->name, way_names[job->way], job->size, plan->timing.threads);
		if (laps[i].done)
			printf("%.1f\t%.4f\n", laps[i].nanoseconds, laps[i].ratio);
		else
			printf("not done\t%s\n", laps[i].reason);
	}
	fflush(stdout);
	return err;
}

static int run(struct plan *plan, int (*measure)(struct plan *, const struct job *))
{
	for (size_t c = 0; c < plan->n_subjects; c++) {
		for (size_t w = 0; w < plan->n_ways; w++) {
			for (size_t s = 0; s < plan->n_sizes; s++) {
				const struct job job = {plan->subjects[c], plan->ways[w],
							plan->sizes[s]};

				if (measure(plan, &job) != 0)
					return -1;
			}
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	static struct plan plan = {.timing = {.rounds = 5, .threads = 1, .count = 100}};
	int option, err = 0;

	while ((option = getopt(argc, argv, "c:w:s:t:n:r:xh")) != -1) {
		if (!take_option(&plan, option, optarg)) {
			fputs(usage, option == 'h' ? stdout : stderr);
			return option == 'h' ? 0 : 2;
		}
	}
	if (!plan.n_ways)
		plan.ways[plan.n_ways++] = ONE_SHOT;
	if (!plan.n_sizes)
		plan.sizes[plan.n_sizes++] = 64;
	for (; optind < argc && plan.n < CONTESTANTS_MAX; optind++)
		if (contestant_parse(&plan.contestants[plan.n++], argv[optind]) != 0)
			err = -1;
	if (!err && (!plan.n || !plan.n_subjects || optind < argc)) {
		fputs(usage, stderr);
		return 2;
	}
	/* A child that is followed starts its engine itself. */
	for (size_t i = 0; !err && !plan.exact && i < plan.n; i++)
		err = contestant_start(&plan.contestants[i]);
	if (!err)
		err = run(&plan, plan.exact ? count : race);
	if (err) {
		fprintf(stderr, "kcryptoki-bench: %s\n", engine_error);
		return 1;
	}
	for (size_t i = 0; !plan.exact && i < plan.n; i++)
		contestant_end(&plan.contestants[i]);
	return 0;
}
