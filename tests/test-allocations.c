/* SPDX-License-Identifier: BSD-2-Clause */
/* Each allocation of each operation fails once; see test-faults.c. */
#include <stdio.h>

#include "allocations.h"
#include "attempt.h"

static bool try(const struct attempt *attempt, size_t i)
{
	bool struck;
	CK_RV rv;

	snprintf(attempt_says, sizeof(attempt_says), "%s%s, allocation %zu",
		 attempt->operation->name, attempt->fresh ? ", for the first time" : "", i);
	attempt_prepare(attempt);
	allocations_begin(i);
	rv = attempt_run(attempt);
	allocations_end(&struck);
	if (struck)
		attempt_check(attempt, rv, rv == CKR_HOST_MEMORY || rv == CKR_DEVICE_MEMORY, false);
	else
		attempt_recover(attempt);
	return struck;
}

static void test_operation(void **state)
{
	struct attempt attempt = {*state, true};
	size_t fresh = 0, again = 0;

	attempt_first(attempt.operation);
	while (try(&attempt, fresh))
		fresh++;
	attempt.fresh = false;
	while (!attempt.operation->restarts && try(&attempt, again))
		again++;
	attempt_last(attempt.operation);
	print_message("# %s: %zu allocations for the first time, then %zu\n",
		      attempt.operation->name, fresh, again);
}

int main(void)
{
	return attempt_each("allocations", test_operation);
}
