/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every published vector through the module, as vector-run.c does it. $KCRYPTOKI_EXPECT=all makes a
 * mechanism that the module does not offer a failure, but for those that $KCRYPTOKI_LACKS names,
 * between blanks: they must be missing, so that the list stays true. $KCRYPTOKI_SEED varies the
 * random splits; of vectors of one shape $KCRYPTOKI_ONE_IN=8 runs one in eight.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mech/mechanism.h"
#include "number.h"
#include "token.h"
#include "vector-run.h"
#include "vectors.h"

static struct token token;
static bool token_works;
static CK_MECHANISM_TYPE *offered;
static CK_ULONG n_offered;

/* One test of the group, and the name that it goes by. */
struct entry {
	const struct vector_set *set;
	struct CMUnitTest *test;
	char name[160];
};

static void fail_entry(const struct entry *entry, const char *reason)
{
	printf("# %s: %s\n", entry->set->name, reason);
	fail();
}

static bool expects_all(void)
{
	const char *expect = getenv("KCRYPTOKI_EXPECT");

	return expect && (strcmp(expect, "all") == 0 || strcmp(expect, "full") == 0);
}

/* Whether $KCRYPTOKI_LACKS has the name. */
static bool is_lacking(const char *name)
{
	const char *at = getenv("KCRYPTOKI_LACKS");
	size_t length = strlen(name);

	for (; at && *at; at += strcspn(at, " ")) {
		at += strspn(at, " ");
		if (strcspn(at, " ") == length && memcmp(at, name, length) == 0)
			return true;
	}
	return false;
}

/*
 * cmocka 1.1.5 writes "not ok # SKIP", which Automake counts as a failure. A test that passes under
 * a name which ends in the directive is a skipped one to every reader of TAP.
 */
static void skip_as(struct entry *entry, const char *reason)
{
	snprintf(entry->name, sizeof(entry->name), "%s # SKIP %s", entry->set->name, reason);
	entry->test->name = entry->name;
}

static bool is_offered(CK_MECHANISM_TYPE type)
{
	for (CK_ULONG i = 0; i < n_offered; i++)
		if (offered[i] == type)
			return true;
	return false;
}

static double seconds(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void test_set(void **state)
{
	struct entry *entry = *state;
	struct vector_tally tally;
	double start = seconds();
	bool lacking;

	if (!token_works)
		fail_entry(entry, token.error);
	if (token.absent && expects_all())
		fail_entry(entry, token.absent);
	if (token.absent) {
		skip_as(entry, token.absent);
		return;
	}
	lacking = is_lacking(entry->set->name);
	if (!is_offered(entry->set->mechanism)) {
		if (expects_all() && !lacking)
			fail_entry(entry, "not in C_GetMechanismList");
		skip_as(entry, "not in C_GetMechanismList");
		return;
	}
	if (lacking)
		fail_entry(entry, "in C_GetMechanismList, though $KCRYPTOKI_LACKS names it");
	vector_run_set(&token, entry->set, &tally);
	printf("# %s: %lu vectors, %lu operations, %lu keys updated %lu times, %.1f s\n",
	       entry->set->name, tally.vectors, tally.operations, tally.keys, tally.updates,
	       seconds() - start);
	assert_true(tally.vectors > 0);
}

static int tear_down(void **state)
{
	vector_run_stop();
	return 0;
}

static const struct vector_set *set_of(CK_MECHANISM_TYPE type)
{
	for (size_t i = 0; i < n_vector_sets; i++)
		if (vector_sets[i].mechanism == type)
			return &vector_sets[i];
	return NULL;
}

static bool has_vectors(const struct mechanism *row)
{
	const struct vector_set *set = set_of(row->type);
	bool good = set && set->files[0];
	char error[128];

	if (!good)
		printf("# %s has no vectors\n", row->name);
	for (size_t i = 0; set && set->files[i]; i++) {
		long count = vector_count(set, set->files[i], error, sizeof(error));

		if (count > 0)
			continue;
		printf("# %s has no vectors in %s: %s\n", row->name, set->files[i],
		       count < 0 ? error : "an empty file");
		good = false;
	}
	return good;
}

static void test_rows(void **state)
{
	size_t good = 0, rows = 0;

	for (size_t i = 0; i < n_mechanisms; i++) {
		/* Those are tests/test-derivation's; and there is none for random keys. */
		if (mechanisms[i].derive || mechanisms[i].flags == CKF_GENERATE)
			continue;
		rows++;
		good += has_vectors(&mechanisms[i]);
	}
	assert_true(rows > 0);
	assert_int_equal(good, rows);
}

static int open_token(void **state)
{
	unsigned long seed = number_of("KCRYPTOKI_SEED", 1),
		      one_in = number_of("KCRYPTOKI_ONE_IN", 1);

	vector_run_begin(seed, one_in);
	printf("# seed %lu, one vector in %lu\n", seed, one_in);
	token_works = token_open(&token) == 0 &&
		      (token.absent || token_mechanisms(&token, &offered, &n_offered) == 0);
	return 0;
}

static int close_token(void **state)
{
	if (token.keyring_type)
		printf("# the keys were of type %s\n", token.keyring_type);
	free(offered);
	token_close(&token);
	return 0;
}

int main(void)
{
	struct CMUnitTest *tests = calloc(n_vector_sets + 1, sizeof(*tests));
	struct entry *entries = calloc(n_vector_sets, sizeof(*entries));
	int failed;

	if (!tests || !entries)
		return 1;
	setvbuf(stdout, NULL, _IOLBF, 0);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	tests[0] = (struct CMUnitTest)cmocka_unit_test(test_rows);
	tests[0].name = "every row has a vector";
	for (size_t i = 0; i < n_vector_sets; i++) {
		entries[i].set = &vector_sets[i];
		entries[i].test = &tests[i + 1];
		tests[i + 1] = (struct CMUnitTest){.name = vector_sets[i].name,
						   .test_func = test_set,
						   .teardown_func = tear_down,
						   .initial_state = &entries[i]};
	}
	failed = _cmocka_run_group_tests("vectors", tests, n_vector_sets + 1, open_token,
					 close_token);
	free(entries);
	free(tests);
	return failed ? 1 : 0;
}
