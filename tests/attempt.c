/* SPDX-License-Identifier: BSD-2-Clause */
#include "attempt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allocations.h"
#include "messages.h"

struct scene attempt_scene;
char attempt_says[256];
unsigned long attempt_checked, attempt_refused;

static bool begun;
static size_t linked, descriptors, live;

int attempt_setup(void **state)
{
	return messages_setup(state);
}

void attempt_begin(void **state)
{
	(void)state;
	scene_setup(&attempt_scene);
	begun = true;
}

void attempt_end(void **state)
{
	(void)state;
	if (!begun)
		guest_skip("the first test says why");
	assert_true(attempt_checked > 0);
	assert_true(attempt_refused > 0);
	print_message("# %lu attempts, %lu were answered with an error\n", attempt_checked,
		      attempt_refused);
	scene_teardown(&attempt_scene);
	scene_drop_sidecars();
}

static void start(void)
{
	GUEST_RV(token.f->C_Initialize(NULL), CKR_OK);
	scene_open(&attempt_scene);
}

/* One that starts the module itself begins without it. */
void attempt_prepare(const struct attempt *attempt)
{
	linked = scene_linked();
	if (attempt->fresh || attempt->operation->restarts)
		GUEST_RV(token.f->C_Finalize(NULL), CKR_OK);
	if (attempt->fresh && !attempt->operation->restarts)
		start();
}

CK_RV attempt_run(const struct attempt *attempt)
{
	memset(attempt_scene.out, 0, sizeof(attempt_scene.out));
	return attempt->operation->run(&attempt_scene, attempt->operation->row);
}

void attempt_recover(const struct attempt *attempt)
{
	if (!attempt->operation->restarts) {
		scene_sweep(&attempt_scene);
		return;
	}
	token.f->C_Finalize(NULL);
	start();
}

/* ANEW: in a module that does not know what the kernel answered before. */
static void check_again(const struct scene_operation *operation, bool anew)
{
	const struct attempt again = {operation, anew};
	CK_ULONG objects = 0;
	CK_RV rv;

	attempt_prepare(&again);
	rv = attempt_run(&again);
	if (rv != CKR_OK)
		ATTEMPT_FAIL("0x%lx when the operation was done again", rv);
	attempt_recover(&again);
	rv = scene_search(&attempt_scene, &objects);
	if (rv != CKR_OK || objects != attempt_scene.objects)
		ATTEMPT_FAIL("%lu objects were there before, now %lu (0x%lx)",
			     attempt_scene.objects, objects, rv);
}

void attempt_check(const struct attempt *attempt, CK_RV rv, bool fits, bool less)
{
	if (rv == SCENE_WRONG)
		ATTEMPT_FAIL("CKR_OK, and %s", "the result is wrong");
	if (rv == SCENE_FEWER && !less)
		ATTEMPT_FAIL("CKR_OK, and %s", "not all is there that was");
	if (rv != CKR_OK && rv != SCENE_FEWER && !fits)
		ATTEMPT_FAIL("0x%lx", rv);
	if (rv != CKR_OK && attempt->operation->sealed && scene_reveals(&attempt_scene))
		ATTEMPT_FAIL("0x%lx, and a part of the text is in the caller's memory", rv);
	attempt_checked++;
	attempt_refused += rv != CKR_OK;
	attempt_recover(attempt);
	if (scene_linked() != linked)
		ATTEMPT_FAIL("%zu keys were linked before, now %zu", linked, scene_linked());
	check_again(attempt->operation, less);
}

void attempt_first(const struct scene_operation *operation)
{
	const struct attempt first = {operation, true};

	if (!begun)
		guest_skip("the first test says why");
	attempt_prepare(&first);
	GUEST_RV(attempt_run(&first), CKR_OK);
	attempt_recover(&first);
	GUEST_RV(token.f->C_Finalize(NULL), CKR_OK);
	descriptors = belongings_descriptors();
	live = allocations_live();
	start();
}

void attempt_last(const struct scene_operation *operation)
{
	snprintf(attempt_says, sizeof(attempt_says), "%s", operation->name);
	GUEST_RV(token.f->C_Finalize(NULL), CKR_OK);
	if (belongings_descriptors() != descriptors)
		ATTEMPT_FAIL("%zu descriptors were open before, now %zu", descriptors,
			     belongings_descriptors());
	if (allocations_live() != live)
		ATTEMPT_FAIL("%zu blocks of memory were in use before, now %zu", live,
			     allocations_live());
	start();
}

/* After a failure, the next operation finds a module that works. */
static int afresh(void **state)
{
	(void)state;
	token.f->C_Finalize(NULL);
	if (token.f->C_Initialize(NULL) != CKR_OK)
		return -1;
	if (begun)
		scene_open(&attempt_scene);
	return 0;
}

int attempt_each(const char *group, void (*test)(void **state))
{
	static char names[64][96];
	struct CMUnitTest tests[64] = {cmocka_unit_test(attempt_begin)};
	const char *only = getenv("KCRYPTOKI_OPERATION");
	size_t n = 1;

	for (size_t i = 0; i < scene_count; i++) {
		if (only && strcmp(only, scene_operations[i].name) != 0)
			continue;
		snprintf(names[n], sizeof(names[n]), "test_operation %s", scene_operations[i].name);
		tests[n] = (struct CMUnitTest){names[n], test, afresh, NULL,
					       (void *)&scene_operations[i]};
		n++;
	}
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(attempt_end);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return _cmocka_run_group_tests(group, tests, n, attempt_setup, guest_teardown);
}
