/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the list of mechanisms costs: system calls, time, and the kernel modules that it loads; as
 * the module is configured, and with all families of mechanisms. The figures of a first list are
 * those of a machine that was just started; after other tests few modules are left to load.
 */
#include "guest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "trace.h"

#define NAMES_MAX 160

enum { OUTSIDE, START, FIRST, AGAIN, FIRST_OF_ALL, AGAIN_OF_ALL, STEPS };

static struct trace_step steps[STEPS];

/* What bind() was asked for in FIRST and FIRST_OF_ALL. */
static struct names {
	struct sockaddr_alg bound[NAMES_MAX];
	size_t n;
} names[2];

#define MUST(call)                                                           \
	do {                                                                 \
		CK_RV rv_ = (call);                                          \
		if (rv_ != CKR_OK)                                           \
			return guest_error(&token, "%s: 0x%lx", #call, rv_); \
	} while (0)

static CK_RV list(CK_ULONG *n)
{
	CK_MECHANISM_TYPE types[256];

	*n = sizeof(types) / sizeof(*types);
	return token.f->C_GetMechanismList(token.slot, types, n);
}

/* Starts the module anew, with all families. */
static int start_with_all(void)
{
	static const char all[] = "[mechanisms]\nlegacy = all\n";
	char path[] = "/tmp/test-list-XXXXXX";
	int fd = mkstemp(path);

	if (fd < 0 || write(fd, all, strlen(all)) < 0 || close(fd) != 0)
		return guest_error(&token, "%s: %s", path, strerror(errno));
	setenv("KCRYPTOKI_CONF", path, 1);
	MUST(token.f->C_Finalize(NULL));
	MUST(token.f->C_Initialize(NULL));
	unlink(path);
	return 0;
}

/* The names of the modules that the kernel has, each between blanks. */
static void read_modules(char *text, size_t size)
{
	FILE *file = fopen("/proc/modules", "r");
	char line[512], name[128];
	size_t used = 1;

	strcpy(text, " ");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%127s", name) == 1 && used + strlen(name) + 2 < size)
			used += (size_t)sprintf(text + used, "%s ", name);
	if (file)
		fclose(file);
}

static void print_new(const char *before, char *after)
{
	unsigned int loaded = 0;
	char between[160];

	print_message("# kernel modules that it loaded:");
	for (char *name = strtok(after, " "); name; name = strtok(NULL, " ")) {
		snprintf(between, sizeof(between), " %s ", name);
		if (strstr(before, between))
			continue;
		print_message(" %s", name);
		loaded++;
	}
	print_message(" (%u)\n", loaded);
}

static int time_list(const char *which)
{
	static char before[65536], after[65536];
	struct timespec began, ended;
	CK_ULONG n;

	read_modules(before, sizeof(before));
	clock_gettime(CLOCK_MONOTONIC, &began);
	MUST(list(&n));
	clock_gettime(CLOCK_MONOTONIC, &ended);
	read_modules(after, sizeof(after));
	print_message("# the first list, %s: %lu mechanisms, %lld us; in an emulated guest a time "
		      "is no result\n",
		      which, n,
		      (ended.tv_sec - began.tv_sec) * 1000000LL +
			      (ended.tv_nsec - began.tv_nsec) / 1000);
	print_new(before, after);
	return 0;
}

static int time_lists(void)
{
	if (token_open(&token) != 0)
		return -1;
	if (token.absent)
		return 0;
	if (time_list("as configured") != 0 || start_with_all() != 0)
		return -1;
	return time_list("with all families");
}

/* In a child of its own, and before the one that is traced: that takes its time, and would find all
 * modules loaded. */
static int time_in_child(void)
{
	int status = -1;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		int result = time_lists();

		if (result != 0)
			print_message("# %s\n", token.error);
		fflush(NULL);
		_exit(result != 0);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 ? 0 : -1;
}

#define COUNT(step, call)            \
	do {                         \
		trace_mark(step);    \
		CK_RV rv2_ = (call); \
		trace_mark(OUTSIDE); \
		MUST(rv2_);          \
	} while (0)

static int count_lists(void)
{
	CK_ULONG slots = 0, n;

	if (token_open(&token) != 0)
		return -1;
	MUST(token.f->C_Finalize(NULL));
	trace_mark(START);
	MUST(token.f->C_Initialize(NULL));
	MUST(token.f->C_GetSlotList(CK_TRUE, NULL, &slots));
	trace_mark(OUTSIDE);
	if (token.absent)
		return 0;
	COUNT(FIRST, list(&n));
	COUNT(AGAIN, list(&n));
	if (start_with_all() != 0)
		return -1;
	COUNT(FIRST_OF_ALL, list(&n));
	COUNT(AGAIN_OF_ALL, list(&n));
	return 0;
}

static int count(void)
{
	int result = count_lists();

	if (result != 0)
		print_message("# %s\n", token.error);
	return result;
}

static void note_bind(size_t step, const struct sockaddr_alg *address)
{
	struct names *to = &names[step == FIRST_OF_ALL];

	if ((step == FIRST || step == FIRST_OF_ALL) && to->n < NAMES_MAX)
		to->bound[to->n++] = *address;
}

static int set_up(void **state)
{
	return time_in_child() == 0 ? trace_run(count, steps, STEPS, note_bind) : -1;
}

static void test_start(void **state)
{
	print_message("# C_Initialize and C_GetSlotList: %lu system calls\n", steps[START].calls);
	assert_true(steps[START].reached);
	assert_in_range(steps[START].calls, 0, 19);
}

static bool same_name(const struct sockaddr_alg *a, const struct sockaddr_alg *b)
{
	return !strcmp((const char *)a->salg_type, (const char *)b->salg_type) &&
	       !strcmp((const char *)a->salg_name, (const char *)b->salg_name);
}

/* At most three for each name: socket, bind and close; no name twice; and nothing after that. */
static void check(size_t first, const struct names *asked, const char *which)
{
	if (!steps[first].reached)
		guest_skip("the module offers no slot");
	print_message("# the first list, %s: %lu system calls for %zu kernel names; the second: "
		      "%lu\n",
		      which, steps[first].calls, asked->n, steps[first + 1].calls);
	assert_in_range(asked->n, 1, NAMES_MAX - 1);
	for (size_t i = 0; i < asked->n; i++)
		for (size_t j = 0; j < i; j++)
			if (same_name(&asked->bound[i], &asked->bound[j]))
				guest_fail("%s is asked for twice", asked->bound[i].salg_name);
	if (steps[first].calls > 3 * asked->n)
		trace_explain(&steps[first]);
	assert_in_range(steps[first].calls, 1, 3 * asked->n);
	if (steps[first + 1].calls)
		trace_explain(&steps[first + 1]);
	assert_true(steps[first + 1].reached);
	assert_int_equal(steps[first + 1].calls, 0);
}

static void test_configured(void **state)
{
	check(FIRST, &names[0], "as configured");
}

static void test_all_families(void **state)
{
	check(FIRST_OF_ALL, &names[1], "with all families");
	assert_in_range(names[1].n, names[0].n, NAMES_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start),
		cmocka_unit_test(test_configured),
		cmocka_unit_test(test_all_families),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, NULL);
}
