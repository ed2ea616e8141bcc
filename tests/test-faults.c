/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each system call of each operation fails once in every way that the kernel has there. The answer
 * says so, no text of a failed operation comes out, and the operation, done again in the same
 * session, has the right result; nothing is left.
 *
 * KCRYPTOKI_ONE_IN=N does one pair of a call and a failure in N; KCRYPTOKI_SEED says which.
 */
#include <stdio.h>

#include "attempt.h"
#include "faults.h"
#include "number.h"

#define CALLS_MAX 1024

static struct inject_call calls[CALLS_MAX];
static uint64_t seed;
static unsigned long one_in;
static bool injecting;

/* The calls that an operation makes. */
static size_t record(const struct attempt *attempt)
{
	const char *name = attempt->operation->name;
	bool struck;
	size_t n;
	CK_RV rv;

	attempt_prepare(attempt);
	inject_begin(calls, CALLS_MAX, NULL, NULL);
	rv = attempt_run(attempt);
	n = inject_end(&struck);
	if (rv != CKR_OK)
		guest_fail("%s: 0x%lx without any failure", name, rv);
	if (n > CALLS_MAX)
		guest_fail("%s: %zu system calls", name, n);
	for (size_t i = 0; i < n; i++)
		if (!faults_kind(&calls[i]))
			guest_fail("%s: nothing is known of how system call %ld (%#lx, %#lx) fails",
				   name, calls[i].number, calls[i].args[0], calls[i].args[1]);
	attempt_recover(attempt);
	return n;
}

/* The same calls come in each attempt, but for what the kernel's collector of keys does meanwhile.
 */
static bool strike(const struct attempt *attempt, size_t i, const struct inject_fault *fault,
		   CK_RV *rv)
{
	struct inject_victim victim = {faults_kind, faults_kind(&calls[i]), 0};
	bool struck = false;

	for (size_t j = 0; j < i; j++)
		victim.nth += faults_kind(&calls[j]) == victim.of;
	for (int tries = 0; tries < 5 && !struck; tries++) {
		attempt_prepare(attempt);
		inject_begin(NULL, 0, &victim, fault);
		*rv = attempt_run(attempt);
		inject_end(&struck);
		if (!struck)
			attempt_recover(attempt);
	}
	return struck;
}

static void try(const struct attempt *attempt, size_t i, const struct inject_fault *fault)
{
	CK_RV rv = CKR_OK;

	snprintf(attempt_says, sizeof(attempt_says), "%s%s, call %zu, %s, %s",
		 attempt->operation->name, attempt->fresh ? ", for the first time" : "", i,
		 faults_name(&calls[i]), faults_describe(fault));
	if (!strike(attempt, i, fault, &rv))
		ATTEMPT_FAIL("%s", "this call was not made again");
	attempt_check(attempt, rv, faults_fit(fault, rv), faults_forbid(fault));
}

static void try_all(const struct attempt *attempt)
{
	struct inject_fault faults[FAULTS_MAX];
	unsigned long before = attempt_checked;
	size_t n = record(attempt), ways;

	for (size_t i = 0; i < n; i++) {
		ways = faults_of(&calls[i], faults);
		for (size_t j = 0; j < ways; j++)
			if (guest_random(&seed) % one_in == 0)
				try(attempt, i, &faults[j]);
	}
	print_message("# %s%s: %zu system calls, %lu pairs of one and a failure\n",
		      attempt->operation->name, attempt->fresh ? ", for the first time" : "", n,
		      attempt_checked - before);
}

static void test_operation(void **state)
{
	struct attempt attempt = {*state, true};

	attempt_first(attempt.operation);
	if (!injecting && inject_setup() != 0)
		guest_fail("no seccomp filter can be had");
	injecting = true;
	try_all(&attempt);
	attempt.fresh = false;
	if (!attempt.operation->restarts)
		try_all(&attempt);
	attempt_last(attempt.operation);
}

int main(void)
{
	seed = number_of("KCRYPTOKI_SEED", 1);
	one_in = number_of("KCRYPTOKI_ONE_IN", 1);
	print_message("# KCRYPTOKI_SEED=%lu, one pair in %lu\n", (unsigned long)seed, one_in);
	return attempt_each("faults", test_operation);
}
