/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread that sleeps in the kernel holds up nobody who works on another session. Each operation
 * of scene.h is held in each of its system calls, in a module that was just started and in one that
 * knows it; meanwhile another thread does operations (KCRYPTOKI_BESIDE of them, 4, in turn) with
 * the same keys. And: what becomes of it when its session, its key or the module is ended
 * meanwhile. One call in KCRYPTOKI_ONE_IN, which KCRYPTOKI_SEED chooses.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "made.h"
#include "messages.h"
#include "number.h"
#include "objects.h"
#include "pause.h"
#include "scene.h"

/* How long an operation may take here at most; one that waits for the sleeper takes longer. */
enum { PATIENCE = 20, OPERATIONS_MAX = 64 };

static struct scene scene;
static bool begun, wrong;
static uint64_t seed;
static unsigned long one_in, rounds;
static size_t n_calls[OPERATIONS_MAX];

static struct sleeper {
	pthread_t thread;
	struct scene scene;
	const struct scene_operation *operation;
	sem_t begun;
	int listener;
	CK_RV rv;
} sleeper;

static struct companion {
	pthread_t thread;
	struct scene scene;
	sem_t go, done;
	size_t next, beside;
	bool over, busy;
	const char *name; /* of the operation that it does */
	CK_RV rv;
} companion;

__attribute__((format(printf, 1, 2))) static void complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("# ");
	vprintf(format, args);
	printf("\n");
	va_end(args);
	wrong = true;
}

static bool in_time(sem_t *semaphore)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += PATIENCE;
	while (sem_timedwait(semaphore, &end) != 0)
		if (errno != EINTR)
			return false;
	return true;
}

static void *accompany(void *argument)
{
	struct companion *c = argument;

	while (sem_wait(&c->go) == 0 && !c->over) {
		c->rv = CKR_OK;
		for (size_t i = 0; i < c->beside && c->rv == CKR_OK; i++) {
			const struct scene_operation *operation =
				&scene_operations[c->next++ % scene_count];

			c->name = operation->name;
			if (!operation->restarts)
				c->rv = operation->run(&c->scene, operation->row);
		}
		sem_post(&c->done);
	}
	return NULL;
}

/* The companion works while the sleeper sleeps. */
static void work_beside(const char *what, int call)
{
	sem_post(&companion.go);
	if (!in_time(&companion.done)) {
		complain("%s, asleep in call %d: \"%s\" of another session waits for it", what,
			 call, companion.name);
		companion.busy = true;
		return;
	}
	rounds++;
	if (companion.rv != CKR_OK)
		complain("%s, asleep in call %d: \"%s\" of another session: 0x%lx", what, call,
			 companion.name, companion.rv);
}

static void *sleep_now_and_then(void *argument)
{
	struct sleeper *s = argument;

	s->listener = pause_begin();
	sem_post(&s->begun);
	if (s->listener >= 0)
		s->rv = s->operation->run(&s->scene, s->operation->row);
	return NULL;
}

static void fall_asleep(const struct scene_operation *operation)
{
	sleeper.operation = operation;
	sleeper.scene = scene;
	assert_int_equal(pthread_create(&sleeper.thread, NULL, sleep_now_and_then, &sleeper), 0);
	sem_wait(&sleeper.begun);
	if (sleeper.listener < 0)
		guest_fail("no seccomp listener: %s", strerror(errno));
}

static void wake_up(void)
{
	pthread_join(sleeper.thread, NULL);
	close(sleeper.listener);
	if (companion.busy)
		sem_wait(&companion.done);
	companion.busy = false;
}

static void open_all(void)
{
	scene_open(&scene);
	companion.scene = scene;
	companion.scene.session = objects_rw_session();
	companion.scene.made_label = "companion made";
	companion.scene.new_label = "companion renamed";
	companion.scene.accompanied = true;
}

static void start_anew(void)
{
	GUEST_RV(token.f->C_Finalize(NULL), CKR_OK);
	GUEST_OK(token_start(&token));
	open_all();
}

/* What the test's own libraries load at first, with locks of theirs, is there then. */
static void do_each_once(void)
{
	for (size_t i = 0; i < scene_count; i++)
		if (!scene_operations[i].restarts)
			GUEST_RV(scene_operations[i].run(&scene, scene_operations[i].row), CKR_OK);
}

static void test_begin(void **state)
{
	(void)state;
	scene_setup(&scene);
	scene.accompanied = true;
	seed = number_of("KCRYPTOKI_SEED", 1);
	one_in = number_of("KCRYPTOKI_ONE_IN", 1);
	print_message("# KCRYPTOKI_SEED=%lu KCRYPTOKI_ONE_IN=%lu\n", (unsigned long)seed, one_in);
	companion.beside = number_of("KCRYPTOKI_BESIDE", 4);
	assert_true(scene_count <= OPERATIONS_MAX);
	assert_int_equal(sem_init(&companion.go, 0, 0), 0);
	assert_int_equal(sem_init(&companion.done, 0, 0), 0);
	assert_int_equal(sem_init(&sleeper.begun, 0, 0), 0);
	assert_int_equal(pthread_create(&companion.thread, NULL, accompany, &companion), 0);
	start_anew();
	do_each_once();
	begun = true;
}

static void need(void)
{
	if (!begun)
		guest_skip("the first test says why");
}

/* Returns in how many calls the operation was held. */
static size_t hold_each_call(const struct scene_operation *operation)
{
	struct pause_call call;
	size_t n = 0;

	fall_asleep(operation);
	while (pause_next(sleeper.listener, &call)) {
		n++;
		if (!companion.busy && guest_random(&seed) % one_in == 0)
			work_beside(operation->name, call.number);
		pause_let_go(sleeper.listener, &call);
	}
	wake_up();
	if (sleeper.rv != CKR_OK)
		complain("%s: 0x%lx", operation->name, sleeper.rv);
	return n;
}

static void hold_all(bool fresh)
{
	size_t calls = 0, operations = 0;

	need();
	rounds = 0;
	for (size_t i = 0; i < scene_count; i++) {
		if (scene_operations[i].restarts)
			continue;
		if (fresh)
			start_anew();
		n_calls[i] = hold_each_call(&scene_operations[i]);
		calls += n_calls[i];
		operations++;
	}
	print_message("# %zu system calls of %zu operations; beside %lu of them another thread "
		      "worked\n",
		      calls, operations, rounds);
	assert_true(rounds > scene_count / one_in);
	assert_false(wrong);
}

static void test_fresh(void **state)
{
	(void)state;
	hold_all(true);
}

static void test_known(void **state)
{
	(void)state;
	hold_all(false);
}

/* What ends under the sleeper, and what he may answer then beside CKR_OK with the right result. */
static CK_RV close_session(void)
{
	return token.f->C_CloseSession(sleeper.scene.session);
}

static CK_RV close_all(void)
{
	return token.f->C_CloseAllSessions(token.slot);
}

static CK_RV cancel(void)
{
	return messages->C_SessionCancel(sleeper.scene.session, (CK_FLAGS)-1);
}

static CK_RV destroy(void)
{
	return token.f->C_DestroyObject(companion.scene.session, scene.frozen.object);
}

static CK_RV finalize(void)
{
	return token.f->C_Finalize(NULL);
}

static const struct end {
	const char *name;
	CK_RV (*end)(void);
	CK_RV answers[4];
	bool alone; /* the companion cannot work then */
} ends[] = {
	{"C_CloseSession", close_session, {CKR_SESSION_HANDLE_INVALID, CKR_SESSION_CLOSED}, false},
	{"C_CloseAllSessions", close_all, {CKR_SESSION_HANDLE_INVALID, CKR_SESSION_CLOSED}, true},
	{"C_SessionCancel", cancel, {CKR_OPERATION_NOT_INITIALIZED}, false},
	{"C_DestroyObject",
	 destroy,
	 {CKR_KEY_HANDLE_INVALID, CKR_OBJECT_HANDLE_INVALID, CKR_KEY_FUNCTION_NOT_PERMITTED},
	 false},
	{"C_Finalize", finalize, {CKR_CRYPTOKI_NOT_INITIALIZED, CKR_SESSION_HANDLE_INVALID}, true},
};

struct ender {
	pthread_t thread;
	const struct end *end;
	sem_t done;
	CK_RV rv;
};

static void *end_it(void *argument)
{
	struct ender *ender = argument;

	ender->rv = ender->end->end();
	sem_post(&ender->done);
	return NULL;
}

/* A key that only the sleeper uses, for it to be destroyed. */
static void lend_key(void)
{
	GUEST_RV(made_key(&token, companion.scene.session, "lent", scene_secret, 32, MADE_TOKEN,
			  &scene.frozen.object),
		 CKR_OK);
	scene.written.object = scene.frozen.object;
}

static void destroy_all(const char *label)
{
	CK_OBJECT_HANDLE found[16];
	CK_ULONG n = objects_find(
		companion.scene.session, found, 16,
		TEMPLATE(IS_BYTES(CKA_LABEL, label, strlen(label)), IS_TRUE(CKA_TOKEN)));

	for (CK_ULONG i = 0; i < n; i++)
		objects_destroy(companion.scene.session, found[i]);
}

static bool may_answer(const struct end *end, CK_RV rv)
{
	for (size_t i = 0; i < sizeof(end->answers) / sizeof(*end->answers); i++)
		if (end->answers[i] == rv)
			return true;
	return false;
}

/* END comes while OPERATION sleeps in its call number AT. Returns whether END waited for it. */
static bool end_under(const struct end *end, const struct scene_operation *operation, size_t at)
{
	struct ender ender = {.end = end};
	struct pause_call call;
	bool came = false, waited = false;
	size_t n = 0;

	assert_int_equal(sem_init(&ender.done, 0, 0), 0);
	if (end->end == destroy)
		lend_key();
	fall_asleep(operation);
	while (pause_next(sleeper.listener, &call)) {
		if (n++ == at) {
			came = true;
			assert_int_equal(pthread_create(&ender.thread, NULL, end_it, &ender), 0);
			/* Whether it waits, or ends at once, the companion is not to notice. */
			usleep(10000);
			if (!end->alone)
				work_beside(operation->name, call.number);
			waited = sem_trywait(&ender.done) != 0;
		}
		pause_let_go(sleeper.listener, &call);
	}
	wake_up();
	if (came)
		pthread_join(ender.thread, NULL);
	if (came && ender.rv != CKR_OK)
		complain("%s under %s: 0x%lx", end->name, operation->name, ender.rv);
	if (sleeper.rv != CKR_OK && !may_answer(end, sleeper.rv))
		complain("%s, after %s came under it: 0x%lx", operation->name, end->name,
			 sleeper.rv);
	if (end->end == finalize && came)
		GUEST_OK(token_start(&token));
	else if (end->end != close_all)
		token.f->C_CloseAllSessions(token.slot);
	open_all();
	destroy_all("lent");
	destroy_all(scene.made_label);
	destroy_all(scene.new_label);
	return waited;
}

static void test_end_under(void **state)
{
	const struct end *end = *state;
	size_t n = 0, waited = 0, refused = 0;

	need();
	for (size_t i = 0; i < scene_count; i++) {
		if (!n_calls[i])
			continue;
		waited += end_under(end, &scene_operations[i],
				    (size_t)(guest_random(&seed) % n_calls[i]));
		refused += sleeper.rv != CKR_OK;
		n++;
	}
	print_message("# %zu operations; for %zu of them it waited, %zu ended with an error\n", n,
		      waited, refused);
	assert_false(wrong);
}

static void test_end(void **state)
{
	(void)state;
	need();
	companion.over = true;
	sem_post(&companion.go);
	pthread_join(companion.thread, NULL);
	GUEST_RV(token.f->C_CloseSession(companion.scene.session), CKR_OK);
	scene_teardown(&scene);
}

#define END_UNDER(name, i)                                                            \
	{                                                                             \
		name " under a sleeper", test_end_under, NULL, NULL, (void *)&ends[i] \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_begin),       cmocka_unit_test(test_fresh),
		cmocka_unit_test(test_known),       END_UNDER("C_CloseSession", 0),
		END_UNDER("C_CloseAllSessions", 1), END_UNDER("C_SessionCancel", 2),
		END_UNDER("C_DestroyObject", 3),    END_UNDER("C_Finalize", 4),
		cmocka_unit_test(test_end),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, messages_setup, guest_teardown);
}
