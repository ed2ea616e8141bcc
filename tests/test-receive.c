/* SPDX-License-Identifier: BSD-2-Clause */
/* Who forks waits for what is being received, and who would receive waits for the fork. What that
 * is for, test-fork shows on a kernel before 6.5. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel/receive.h"

static atomic_bool hold, inside, forked, received;
static bool forks_inside;

int __wrap_alg_recv(int op, const struct iovec *iov, int count, size_t expected);

/* A kernel that takes its time. */
int __wrap_alg_recv(int op, const struct iovec *iov, int count, size_t expected)
{
	atomic_store(&inside, true);
	if (forks_inside) {
		receive_fork_prepare();
		receive_fork_done();
	}
	while (atomic_load(&hold))
		usleep(100);
	return (int)expected;
}

static void *receiver(void *unused)
{
	receive(-1, NULL, 0, 0);
	atomic_store(&received, true);
	return NULL;
}

static void *forker(void *unused)
{
	receive_fork_prepare();
	atomic_store(&forked, true);
	receive_fork_done();
	return NULL;
}

static void wait_for(atomic_bool *what)
{
	while (!atomic_load(what))
		usleep(100);
}

static int set_up(void **state)
{
	atomic_store(&hold, false);
	atomic_store(&inside, false);
	atomic_store(&forked, false);
	atomic_store(&received, false);
	forks_inside = false;
	return 0;
}

static void the_result_is_the_kernels(void **state)
{
	assert_int_equal(receive(-1, NULL, 0, 0), 0);
	assert_int_equal(receive(-1, NULL, 0, 7), 7);
}

static void a_fork_waits_for_what_is_being_received(void **state)
{
	pthread_t receives, forks;

	atomic_store(&hold, true);
	assert_int_equal(pthread_create(&receives, NULL, receiver, NULL), 0);
	wait_for(&inside);
	assert_int_equal(pthread_create(&forks, NULL, forker, NULL), 0);
	usleep(50000);
	assert_false(atomic_load(&forked));
	atomic_store(&hold, false);
	pthread_join(forks, NULL);
	pthread_join(receives, NULL);
	assert_true(atomic_load(&forked));
}

static void receiving_waits_for_a_fork(void **state)
{
	pthread_t receives;

	receive_fork_prepare();
	assert_int_equal(pthread_create(&receives, NULL, receiver, NULL), 0);
	usleep(50000);
	assert_false(atomic_load(&inside));
	receive_fork_done();
	pthread_join(receives, NULL);
	assert_true(atomic_load(&received));
}

/* As in a signal handler: the thread's own result is not waited for. */
static void a_thread_does_not_wait_for_itself(void **state)
{
	forks_inside = true;
	assert_int_equal(receive(-1, NULL, 0, 3), 3);
}

static void a_child_receives_at_once(void **state)
{
	receive_fork_prepare();
	receive_abandon();
	assert_int_equal(receive(-1, NULL, 0, 5), 5);
	receive_fork_prepare();
	receive_fork_done();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {
		TEST(the_result_is_the_kernels),  TEST(a_fork_waits_for_what_is_being_received),
		TEST(receiving_waits_for_a_fork), TEST(a_thread_does_not_wait_for_itself),
		TEST(a_child_receives_at_once),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("receive", tests, NULL, NULL);
}
