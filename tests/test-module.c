/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake-kernel.h"
#include "kernel/transform.h"
#include "pkcs11.h"
#include "token/module.h"
#include "token/slot.h"

static int setup(void **state)
{
	fake_reset();
	return module_running() ? -1 : 0;
}

static int teardown(void **state)
{
	if (module_running())
		module_stop();
	return fake_open_sockets() || transform_sockets() ? -1 : 0;
}

static void it_starts_once_and_stops_once(void **state)
{
	assert_false(module_running());
	assert_int_equal(module_stop(), CKR_CRYPTOKI_NOT_INITIALIZED);
	assert_int_equal(module_start(NULL), CKR_OK);
	assert_true(module_running());
	assert_int_equal(module_start(NULL), CKR_CRYPTOKI_ALREADY_INITIALIZED);
	assert_true(module_running());
	assert_int_equal(module_stop(), CKR_OK);
	assert_false(module_running());
	assert_int_equal(module_stop(), CKR_CRYPTOKI_NOT_INITIALIZED);
}

/* No prompt, no thread, no probing: a module that is only registered must not be noticed. */
static void a_start_asks_one_question(void **state)
{
	assert_int_equal(module_start(NULL), CKR_OK);
	assert_int_equal(fake_calls("alg_probe"), 1);
	assert_int_equal(fake_calls("alg_bind") + fake_calls("keyring_resolve") +
				 fake_calls("keyring_list") + fake_calls("keyring_possess"),
			 0);
}

static CK_SESSION_HANDLE open_session(void)
{
	CK_SESSION_HANDLE session = 0;

	assert_int_equal(C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &session), CKR_OK);
	return session;
}

static CK_RV digest(CK_SESSION_HANDLE session)
{
	CK_MECHANISM sha256 = {CKM_SHA256, NULL, 0};
	uint8_t out[32], expected[32];
	CK_ULONG len = sizeof(out);
	CK_RV rv = C_DigestInit(session, &sha256);

	if (rv == CKR_OK)
		rv = C_Digest(session, (CK_BYTE *)"abc", 3, out, &len);
	fake_hash("sha256", NULL, 0, "abc", 3, expected, 32);
	return rv == CKR_OK && memcmp(out, expected, 32) ? CKR_GENERAL_ERROR : rv;
}

static void a_stop_leaves_nothing_open(void **state)
{
	CK_MECHANISM sha256 = {CKM_SHA256, NULL, 0};
	CK_SESSION_HANDLE session;

	fake_key_add(FAKE_USER_KEYRING, "logon", "pkcs11:object=a", "0123456789abcdef", 16,
		     FAKE_PERM);
	assert_int_equal(module_start(NULL), CKR_OK);
	session = open_session();
	assert_int_equal(C_Login(session, CKU_USER, NULL, 0), CKR_OK);
	assert_int_equal(digest(session), CKR_OK);
	assert_int_equal(C_FindObjectsInit(session, NULL, 0), CKR_OK);
	assert_int_equal(C_DigestInit(session, &sha256), CKR_OK);
	assert_int_equal(C_DigestUpdate(session, (CK_BYTE *)"abc", 3), CKR_OK);
	assert_int_equal(fake_open_sockets(), 1);
	assert_int_equal(module_stop(), CKR_OK);
	assert_int_equal(fake_open_sockets(), 0);
	assert_int_equal(slots_count(), 0);
}

static void a_new_start_begins_afresh(void **state)
{
	CK_SESSION_HANDLE old, session;
	CK_MECHANISM_INFO info;
	CK_SESSION_INFO session_info;

	fake_alg_hide("sha256", true);
	assert_int_equal(module_start(NULL), CKR_OK);
	assert_int_equal(C_GetMechanismInfo(0, CKM_SHA256, &info), CKR_MECHANISM_INVALID);
	old = open_session();
	assert_int_equal(C_Login(old, CKU_USER, NULL, 0), CKR_OK);
	assert_int_equal(module_stop(), CKR_OK);
	fake_alg_hide("sha256", false);
	assert_int_equal(module_start(NULL), CKR_OK);
	assert_int_equal(C_GetMechanismInfo(0, CKM_SHA256, &info), CKR_OK);
	assert_int_equal(C_GetSessionInfo(old, &session_info), CKR_SESSION_HANDLE_INVALID);
	session = open_session();
	assert_int_not_equal(session, old);
	assert_int_equal(C_GetSessionInfo(session, &session_info), CKR_OK);
	assert_int_equal(session_info.state, CKS_RO_PUBLIC_SESSION);
}

static void without_af_alg_it_starts_with_no_slots(void **state)
{
	fake_fail("alg_probe", 1, -EAFNOSUPPORT);
	assert_int_equal(module_start(NULL), CKR_OK);
	assert_int_equal(slots_count(), 0);
	assert_int_equal(module_stop(), CKR_OK);
	assert_int_equal(module_start(NULL), CKR_OK);
	assert_int_equal(slots_count(), 2);
}

/* In the child: 0, or the line of the first assertion that does not hold. */
#define CHECK(condition)                           \
	do {                                       \
		if (!(condition))                  \
			_exit(__LINE__ % 255 + 1); \
	} while (0)

static void child(CK_SESSION_HANDLE parents)
{
	CK_SESSION_HANDLE session;
	CK_SESSION_INFO info;
	CK_MECHANISM sha256 = {CKM_SHA256, NULL, 0};

	CHECK(!module_running());
	CHECK(C_DigestInit(parents, &sha256) == CKR_CRYPTOKI_NOT_INITIALIZED);
	CHECK(C_GetSessionInfo(parents, &info) == CKR_CRYPTOKI_NOT_INITIALIZED);
	CHECK(module_stop() == CKR_CRYPTOKI_NOT_INITIALIZED);
	CHECK(fake_open_sockets() == 2);
	CHECK(module_start(NULL) == CKR_OK);
	CHECK(module_start(NULL) == CKR_CRYPTOKI_ALREADY_INITIALIZED);
	/* Nothing of the parent's is used, or left open. */
	CHECK(fake_open_sockets() == 0);
	CHECK(C_GetSessionInfo(parents, &info) == CKR_SESSION_HANDLE_INVALID);
	CHECK(C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &session) == CKR_OK);
	CHECK(C_GetSessionInfo(session, &info) == CKR_OK);
	CHECK(info.state == CKS_RO_PUBLIC_SESSION);
	CHECK(digest(session) == CKR_OK);
	CHECK(C_Finalize(NULL) == CKR_OK);
	CHECK(fake_open_sockets() == 0);
	_exit(0);
}

/* A plain clone(2): no handlers of pthread_atfork(3) run. */
static pid_t bare_fork(void)
{
	return (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
}

static void check_fork(pid_t (*make_child)(void))
{
	CK_MECHANISM sha256 = {CKM_SHA256, NULL, 0};
	uint8_t out[32], expected[32];
	CK_ULONG len = sizeof(out);
	CK_SESSION_HANDLE session;
	CK_SESSION_INFO info;
	int status;
	pid_t pid;

	assert_int_equal(module_start(NULL), CKR_OK);
	session = open_session();
	assert_int_equal(C_Login(session, CKU_USER, NULL, 0), CKR_OK);
	/* One socket in mid-message, one kept. */
	assert_int_equal(C_GenerateRandom(session, out, 1), CKR_OK);
	assert_int_equal(C_DigestInit(session, &sha256), CKR_OK);
	assert_int_equal(C_DigestUpdate(session, (CK_BYTE *)"ab", 2), CKR_OK);
	pid = make_child();
	if (!pid)
		child(session);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);

	assert_true(module_running());
	assert_int_equal(C_GetSessionInfo(session, &info), CKR_OK);
	assert_int_equal(info.state, CKS_RO_USER_FUNCTIONS);
	assert_int_equal(C_DigestUpdate(session, (CK_BYTE *)"c", 1), CKR_OK);
	assert_int_equal(C_DigestFinal(session, out, &len), CKR_OK);
	fake_hash("sha256", NULL, 0, "abc", 3, expected, 32);
	assert_memory_equal(out, expected, 32);
	assert_int_equal(module_stop(), CKR_OK);
}

static void a_forked_child_starts_afresh(void **state)
{
	check_fork(fork);
}

static void a_child_of_a_bare_clone_starts_afresh(void **state)
{
	check_fork(bare_fork);
}

static pid_t fork_twice(void)
{
	pid_t pid = fork();
	int status;

	if (pid)
		return pid;
	pid = fork();
	if (!pid)
		return 0;
	_exit(waitpid(pid, &status, 0) == pid && !status ? 0 : 99);
}

static void a_grandchild_starts_afresh(void **state)
{
	check_fork(fork_twice);
}

static void a_child_of_a_stopped_module_may_start_it(void **state)
{
	int status;
	pid_t pid;

	assert_int_equal(module_start(NULL), CKR_OK);
	assert_int_equal(module_stop(), CKR_OK);
	pid = fork();
	if (!pid) {
		CHECK(module_start(NULL) == CKR_OK);
		CHECK(slots_count() == 2);
		CHECK(module_stop() == CKR_OK);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_false(module_running());
}

enum { STARTERS = 4, ROUNDS = 200 };

/* What a thread saw: how its start ended, and whether the module was there for it then. */
struct starter {
	pthread_barrier_t *barrier;
	CK_RV rv;
	bool running;
};

static void *start_together(void *argument)
{
	struct starter *starter = argument;

	pthread_barrier_wait(starter->barrier);
	starter->rv = module_start(NULL);
	starter->running = module_running();
	return NULL;
}

/* Libraries in one process that know nothing of each other do so, and go on at once. */
static void threads_that_start_together_all_find_it_running(void **state)
{
	pthread_barrier_t barrier;

	assert_int_equal(pthread_barrier_init(&barrier, NULL, STARTERS), 0);
	for (int round = 0; round < ROUNDS; round++) {
		struct starter starters[STARTERS];
		pthread_t threads[STARTERS];
		int first = 0;

		for (int i = 0; i < STARTERS; i++) {
			starters[i] = (struct starter){.barrier = &barrier};
			assert_int_equal(
				pthread_create(&threads[i], NULL, start_together, &starters[i]), 0);
		}
		for (int i = 0; i < STARTERS; i++) {
			assert_int_equal(pthread_join(threads[i], NULL), 0);
			if (starters[i].rv == CKR_OK)
				first++;
			else
				assert_int_equal(starters[i].rv, CKR_CRYPTOKI_ALREADY_INITIALIZED);
			assert_true(starters[i].running);
		}
		assert_int_equal(first, 1);
		assert_int_equal(module_stop(), CKR_OK);
	}
	pthread_barrier_destroy(&barrier);
}

/* How often a thread started and stopped the module. */
struct turns {
	int started, stopped, wrong;
};

static void *start_and_stop(void *argument)
{
	struct turns *turns = argument;
	CK_RV rv;

	for (int round = 0; round < ROUNDS; round++) {
		rv = module_start(NULL);
		turns->started += rv == CKR_OK;
		turns->wrong += rv != CKR_OK && rv != CKR_CRYPTOKI_ALREADY_INITIALIZED;
		rv = module_stop();
		turns->stopped += rv == CKR_OK;
		turns->wrong += rv != CKR_OK && rv != CKR_CRYPTOKI_NOT_INITIALIZED;
	}
	return NULL;
}

static void starts_and_stops_of_threads_take_turns(void **state)
{
	struct turns turns[STARTERS] = {{0}}, sum = {0};
	pthread_t threads[STARTERS];

	for (int i = 0; i < STARTERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, start_and_stop, &turns[i]), 0);
	for (int i = 0; i < STARTERS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		sum.started += turns[i].started;
		sum.stopped += turns[i].stopped;
		sum.wrong += turns[i].wrong;
	}
	assert_int_equal(sum.wrong, 0);
	assert_int_equal(sum.started, sum.stopped + module_running());
}

static void *stop_once(void *argument)
{
	*(CK_RV *)argument = module_stop();
	return NULL;
}

/* What a call uses stays until it is over; and nothing begins meanwhile. */
static void a_stop_waits_for_calls_under_way(void **state)
{
	CK_RV rv = CKR_GENERAL_ERROR;
	pthread_t thread;

	assert_false(module_enter());
	assert_int_equal(module_start(NULL), CKR_OK);
	assert_true(module_enter());
	assert_true(module_enter());
	assert_int_equal(pthread_create(&thread, NULL, stop_once, &rv), 0);
	while (module_running())
		usleep(1000);
	assert_false(module_enter());
	module_leave();
	usleep(20000);
	assert_int_equal(slots_count(), 2);
	module_leave();
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(rv, CKR_OK);
	assert_int_equal(slots_count(), 0);
	assert_int_equal(module_start(NULL), CKR_OK);
	assert_int_equal(module_stop(), CKR_OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(it_starts_once_and_stops_once),
		TEST(a_start_asks_one_question),
		TEST(a_stop_leaves_nothing_open),
		TEST(a_new_start_begins_afresh),
		TEST(without_af_alg_it_starts_with_no_slots),
		TEST(a_forked_child_starts_afresh),
		TEST(a_child_of_a_bare_clone_starts_afresh),
		TEST(a_grandchild_starts_afresh),
		TEST(a_child_of_a_stopped_module_may_start_it),
		TEST(threads_that_start_together_all_find_it_running),
		TEST(starts_and_stops_of_threads_take_turns),
		TEST(a_stop_waits_for_calls_under_way),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("module", tests, NULL, NULL);
}
