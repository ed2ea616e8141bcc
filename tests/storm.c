/* SPDX-License-Identifier: BSD-2-Clause */
#include "storm.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "made.h"
#include "number.h"
#include "objects.h"

enum {
	THREADS_MAX = 64,
	DEEDS_MAX = 32,
	PATIENCE = 20, /* times as long as was asked for, where the machine is slow */
};

struct commons storm_commons;

static struct worker {
	pthread_t id;
	struct actor actor;
	atomic_ulong done[DEEDS_MAX], refused[DEEDS_MAX];
	size_t last;
	int result;
} workers[THREADS_MAX];

static unsigned int n_workers;
static struct actor keeper;
static struct belongings before;
static time_t began, seconds;
static atomic_bool over;

/* Where the module ends, a thread begins anew with a session and a key. */
static int enter(struct actor *actor)
{
	int came;

	while ((came = actor_enter(actor)) == DEED_REFUSED && !atomic_load(&over))
		sched_yield();
	return came;
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	struct actor *actor = &worker->actor;
	int came = enter(actor);

	while (came == DEED_DONE && !atomic_load(&over)) {
		came = actor_act(actor, &worker->last);
		(came == DEED_DONE ? worker->done : worker->refused)[worker->last]++;
		if (came != DEED_REFUSED)
			continue;
		came = DEED_DONE;
		if (storm_commons.ends && actor_leave(actor) != DEED_WRONG)
			came = enter(actor);
	}
	if (came != DEED_WRONG)
		came = actor_leave(actor);
	if (came == DEED_WRONG)
		atomic_store(&over, true);
	worker->result = came;
	return NULL;
}

/* What is made once is made, and what the process has then is noted. */
static void take_stock(bool ends)
{
	struct actor *a = &keeper;

	if (actor_enter(a) != DEED_DONE || commons_fill(a) != DEED_DONE ||
	    commons_empty(a) != DEED_DONE || actor_leave(a) != DEED_DONE)
		guest_fail("what is common does not come and go: %s", a->token.error);
	if (ends)
		GUEST_RV(token.f->C_Finalize(NULL), CKR_OK);
	/* As a thread does that needs it. */
	keyctl_link(KEY_SPEC_USER_KEYRING, KEY_SPEC_PROCESS_KEYRING);
	before = made_settled();
	if (ends)
		GUEST_OK(token_start(&token));
}

void storm_sweep(void)
{
	CK_SESSION_HANDLE session = objects_rw_session();
	CK_OBJECT_HANDLE found[256];
	CK_ULONG n = objects_find(session, found, 256, TEMPLATE(IS_SECRET, IS_TRUE(CKA_TOKEN)));

	for (CK_ULONG i = 0; i < n; i++) {
		char label[sizeof(DEEDS_LABEL)] = "";
		CK_ATTRIBUTE attribute = {CKA_LABEL, label, sizeof(label)};
		CK_RV rv = token.f->C_GetAttributeValue(session, found[i], &attribute, 1);

		if (rv == CKR_BUFFER_TOO_SMALL || (rv == CKR_OK && strcmp(label, DEEDS_LABEL) == 0))
			token.f->C_DestroyObject(session, found[i]);
	}
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

void storm_begin(unsigned int threads, bool ends)
{
	uint64_t seed = number_of("KCRYPTOKI_SEED", 1);

	print_message("# KCRYPTOKI_SEED=%lu, %u threads\n", (unsigned long)seed, threads);
	assert_true(threads <= THREADS_MAX && deeds_count <= DEEDS_MAX);
	deeds_prepare();
	storm_commons.ends = false;
	keeper = (struct actor){.token = token, .commons = &storm_commons, .seed = 1};
	take_stock(ends);
	began = time(NULL);
	seconds = (time_t)number_of("KCRYPTOKI_SECONDS", 20);
	if (actor_enter(&keeper) != DEED_DONE || commons_fill(&keeper) != DEED_DONE)
		guest_fail("what is common is not made: %s", keeper.token.error);
	storm_commons.ends = ends;
	atomic_store(&over, false);
	n_workers = threads;
	for (unsigned int i = 0; i < threads; i++) {
		memset(&workers[i], 0, sizeof(workers[i]));
		workers[i].actor = keeper;
		workers[i].actor.seed = (seed + i) * 0x9e3779b97f4a7c15 | 1;
		assert_int_equal(pthread_create(&workers[i].id, NULL, work, &workers[i]), 0);
	}
}

static void count(size_t deed, unsigned long *done, unsigned long *refused)
{
	*done = *refused = 0;
	for (unsigned int i = 0; i < n_workers; i++) {
		*done += atomic_load(&workers[i].done[deed]);
		*refused += atomic_load(&workers[i].refused[deed]);
	}
}

/* While the module ends again and again, some may have no luck. */
static bool was_seen(size_t deed)
{
	unsigned long done, refused;

	count(deed, &done, &refused);
	return done || (storm_commons.ends && refused);
}

static bool were_all_seen(void)
{
	for (size_t d = 0; d < deeds_count; d++)
		if (!was_seen(d))
			return false;
	return true;
}

bool storm_goes_on(void)
{
	time_t passed = time(NULL) - began;

	if (atomic_load(&over) || passed >= seconds * PATIENCE)
		return false;
	return passed < seconds || !were_all_seen();
}

static void tell(void)
{
	unsigned long all = 0, all_refused = 0;

	for (size_t d = 0; d < deeds_count; d++) {
		unsigned long done, refused;

		count(d, &done, &refused);
		print_message("# %-28s %8lu done %8lu refused\n", deeds[d].name, done, refused);
		if (!was_seen(d))
			guest_fail("%s: not once", deeds[d].name);
		all += done;
		all_refused += refused;
	}
	print_message("# %lu deeds done, %lu refused, in %ld s\n", all, all_refused,
		      (long)(time(NULL) - began));
}

void storm_end(void)
{
	struct belongings now;

	bool wrong = false;

	atomic_store(&over, true);
	for (unsigned int i = 0; i < n_workers; i++)
		pthread_join(workers[i].id, NULL);
	for (unsigned int i = 0; i < n_workers; i++) {
		if (workers[i].result != DEED_WRONG)
			continue;
		wrong = true;
		print_message("# thread %u, %s: %s\n", i, deeds[workers[i].last].name,
			      workers[i].actor.token.error);
	}
	if (wrong)
		guest_fail("something was wrong");
	tell();
	if (!storm_commons.ends &&
	    (commons_empty(&keeper) != DEED_DONE || actor_leave(&keeper) != DEED_DONE))
		guest_fail("what was common does not go: %s", keeper.token.error);
	if (storm_commons.ends) {
		storm_sweep();
		GUEST_RV(token.f->C_Finalize(NULL), CKR_OK);
	}
	/* Of the bytes the kernel was seen to count a link's four too many, when keyrings came and
	 * went while others wrote to them. */
	now = made_settled();
	assert_in_range(now.bytes, before.bytes, before.bytes + 16);
	before.bytes = now.bytes;
	made_nothing_left(&before);
	if (storm_commons.ends)
		GUEST_OK(token_start(&token));
}
