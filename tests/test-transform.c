/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake-kernel.h"
#include "kernel/alg.h"
#include "kernel/transform.h"

static int64_t later; /* seconds that have gone by */

time_t time(time_t *out)
{
	assert_null(out);
	return 1000000 + (time_t)later;
}

static int arm_result, check_result, checks, arms;

static int arm(const struct transform_key *key, int transform)
{
	arms++;
	return arm_result ? arm_result : alg_set_key(transform, "0123456789abcdef", 16);
}

static int check(const struct transform_key *key)
{
	checks++;
	return check_result;
}

static struct transform_key constant, writable;
static struct transform digest, cipher, changing, sealed;

static int setup(void **state)
{
	fake_reset();
	arm_result = check_result = checks = arms = 0;
	constant = (struct transform_key){
		.id = transform_key_id(), .constant = true, .arm = arm, .check = check};
	writable = constant;
	writable.id = transform_key_id();
	writable.constant = false;
	digest = (struct transform){.type = "hash", .name = "sha256"};
	cipher = (struct transform){.type = "skcipher", .name = "cbc(aes)", .key = &constant};
	changing = (struct transform){.type = "skcipher", .name = "cbc(aes)", .key = &writable};
	sealed = (struct transform){
		.type = "aead", .name = "gcm(aes)", .key = &constant, .tag_size = 12};
	return 0;
}

static int teardown(void **state)
{
	transform_purge(0);
	return transform_sockets() || fake_open_sockets() ? -1 : 0;
}

static struct op_socket *take(const struct transform *transform)
{
	struct op_socket *socket = NULL;

	assert_int_equal(transform_take(transform, &socket), 0);
	assert_non_null(socket);
	return socket;
}

static void a_socket_given_back_clean_is_used_again(void **state)
{
	struct op_socket *first = take(&digest), *second;
	int fd = first->fd;

	assert_int_equal(fake_open_sockets(), 1);
	assert_int_equal(transform_sockets(), 1);
	transform_give(first, true);
	assert_int_equal(transform_sockets(), 1);
	fake_calls_forget();
	first = take(&digest);
	assert_int_equal(first->fd, fd);
	assert_int_equal(fake_calls("alg_bind") + fake_calls("alg_accept"), 0);
	/* Two owners at once never share one. */
	second = take(&digest);
	assert_int_not_equal(second->fd, fd);
	assert_int_equal(transform_sockets(), 2);
	transform_give(first, true);
	transform_give(second, true);
	assert_int_equal(fake_open_sockets(), 2);
}

static void a_dirty_socket_is_closed(void **state)
{
	transform_give(take(&digest), false);
	assert_int_equal(transform_sockets(), 0);
	assert_int_equal(fake_open_sockets(), 0);
}

/* Name, key and tag size must all be the same. */
static void a_kept_socket_serves_its_own_kind_only(void **state)
{
	struct transform_key other_key = constant;
	struct transform others[] = {digest, cipher, cipher, sealed, sealed};
	struct op_socket *sockets[5];

	others[0].name = "sha1";
	others[1].name = "ctr(aes)";
	other_key.id = transform_key_id();
	others[2].key = &other_key;
	others[3].tag_size = 16;
	others[4].key = &other_key;
	transform_give(take(&digest), true);
	transform_give(take(&cipher), true);
	transform_give(take(&sealed), true);
	assert_int_equal(transform_sockets(), 3);
	for (size_t i = 0; i < 5; i++) {
		fake_calls_forget();
		sockets[i] = take(&others[i]);
		assert_int_equal(fake_calls("alg_accept"), 1);
	}
	for (size_t i = 0; i < 5; i++)
		transform_give(sockets[i], false);
	fake_calls_forget();
	transform_give(take(&sealed), true);
	transform_give(take(&cipher), true);
	transform_give(take(&digest), true);
	assert_int_equal(fake_calls("alg_bind"), 0);
}

static void a_constant_key_is_checked_and_not_armed_again(void **state)
{
	transform_give(take(&cipher), true);
	transform_give(take(&cipher), true);
	assert_int_equal(checks, 2);
	assert_int_equal(arms, 1);
}

/* The kernel copied the key: only arming again sees that it was updated. */
static void a_writable_key_is_armed_each_time(void **state)
{
	transform_give(take(&changing), true);
	assert_int_equal(transform_sockets(), 0);
	transform_give(take(&changing), true);
	assert_int_equal(arms, 2);
	assert_int_equal(checks, 0);
}

static void a_key_without_check_is_always_usable(void **state)
{
	constant.check = NULL;
	transform_give(take(&cipher), true);
	transform_give(take(&cipher), true);
	assert_int_equal(arms, 1);
}

static void a_refused_key_loses_its_kept_sockets(void **state)
{
	struct op_socket *socket = NULL, *first = take(&cipher), *second = take(&cipher);

	transform_give(first, true);
	transform_give(second, true);
	transform_give(take(&digest), true);
	assert_int_equal(fake_open_sockets(), 3);
	check_result = -EKEYREVOKED;
	assert_int_equal(transform_take(&cipher, &socket), -EKEYREVOKED);
	/* The digest's is nobody's key. */
	assert_int_equal(fake_open_sockets(), 1);
	assert_int_equal(transform_sockets(), 1);
}

/* An operation under way goes on; but its socket, which holds the key, is not kept afterwards. */
static void purging_ends_sockets_in_use_when_they_are_given_back(void **state)
{
	struct op_socket *used = take(&cipher), *other = take(&digest);

	transform_give(take(&cipher), true);
	transform_purge(constant.id);
	assert_int_equal(fake_open_sockets(), 2);
	transform_give(used, true);
	assert_int_equal(fake_open_sockets(), 1);
	transform_give(other, true);
	assert_int_equal(fake_open_sockets(), 1);
	transform_purge(constant.id + 1000);
	assert_int_equal(fake_open_sockets(), 1);
	transform_give(take(&digest), true);
	used = take(&cipher);
	transform_purge(0);
	assert_int_equal(fake_open_sockets(), 1);
	transform_give(used, true);
	assert_int_equal(fake_open_sockets(), 0);
}

static void failures_leave_nothing_open(void **state)
{
	static const char *const functions[] = {"alg_bind", "alg_set_key", "alg_set_tag_size",
						"alg_accept"};
	struct op_socket *socket = NULL;

	for (size_t i = 0; i < 4; i++) {
		fake_fail(functions[i], 1, -EMFILE);
		assert_int_equal(transform_take(&sealed, &socket), -EMFILE);
		assert_int_equal(fake_open_sockets(), 0);
		assert_int_equal(transform_sockets(), 0);
	}
	arm_result = -EACCES;
	assert_int_equal(transform_take(&changing, &socket), -EACCES);
	assert_int_equal(fake_open_sockets(), 0);
	fake_alg_hide("gcm(aes)", true);
	arm_result = 0;
	assert_int_equal(transform_take(&sealed, &socket), -ENOENT);
	assert_int_equal(transform_sockets(), 0);
}

static void the_transform_itself_is_closed(void **state)
{
	struct op_socket *socket = take(&sealed);

	assert_int_equal(fake_calls("alg_bind"), 1);
	assert_int_equal(fake_open_sockets(), 1);
	transform_give(socket, false);
}

static void sixty_four_idle_sockets_are_kept(void **state)
{
	struct op_socket *sockets[80];

	for (size_t i = 0; i < 80; i++)
		sockets[i] = take(i % 2 ? &digest : &cipher);
	assert_int_equal(transform_sockets(), 80);
	for (size_t i = 0; i < 80; i++) {
		later += i == 1; /* the first one is the oldest */
		transform_give(sockets[i], true);
	}
	assert_int_equal(transform_sockets(), 64);
	assert_int_equal(fake_open_sockets(), 64);
	for (size_t i = 0; i < 70; i++)
		sockets[i] = take(&digest);
	for (size_t i = 0; i < 70; i++)
		transform_give(sockets[i], false);
}

static void the_oldest_is_evicted(void **state)
{
	struct op_socket *old = take(&digest), *others[64];
	int fd = old->fd;

	for (size_t i = 0; i < 64; i++)
		others[i] = take(&cipher);
	transform_give(old, true);
	later += 2;
	for (size_t i = 0; i < 64; i++)
		transform_give(others[i], true);
	assert_int_equal(transform_sockets(), 64);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	fake_calls_forget();
	transform_give(take(&cipher), true);
	assert_int_equal(fake_calls("alg_accept"), 0);
}

static void a_key_is_not_kept_in_an_idle_socket_for_long(void **state)
{
	struct op_socket *socket = take(&digest);

	transform_give(take(&cipher), true);
	later += 50;
	transform_give(take(&sealed), true);
	assert_int_equal(transform_sockets(), 3);
	later += 30;
	fake_calls_forget();
	transform_give(take(&sealed), true);
	/* The cipher's was idle for 80 seconds, the AEAD's for 30. */
	assert_int_equal(transform_sockets(), 2);
	assert_int_equal(fake_calls("alg_bind"), 0);
	transform_give(socket, true);
}

/* An administrator set it: how long a socket was idle cannot be told. */
static void a_clock_that_goes_back_lets_idle_sockets_go(void **state)
{
	struct op_socket *used = take(&digest);

	transform_give(take(&cipher), true);
	assert_false(transform_stale(used));
	later -= 3600;
	assert_true(transform_stale(used));
	transform_give(take(&sealed), true);
	assert_int_equal(transform_sockets(), 2);
	transform_give(used, true);
	/* What was in use is idle since a time to come. */
	later++;
	transform_give(take(&sealed), true);
	assert_int_equal(transform_sockets(), 1);
}

/* By one question; and where nobody answers it, what is open goes on. */
static void a_stale_socket_may_be_renewed(void **state)
{
	struct op_socket *socket = take(&cipher);

	checks = 0;
	later += 2;
	assert_true(transform_stale(socket));
	assert_true(transform_renew(socket, cipher.key));
	assert_int_equal(checks, 1);
	assert_false(transform_stale(socket));
	later += 2;
	check_result = -EHOSTDOWN;
	assert_true(transform_renew(socket, cipher.key));
	assert_false(transform_stale(socket));
	later += 2;
	check_result = -EKEYREVOKED;
	assert_false(transform_renew(socket, cipher.key));
	assert_true(transform_stale(socket));
	check_result = 0;
	transform_give(socket, true);
}

static void whoever_takes_a_socket_lets_old_ones_go(void **state)
{
	struct op_socket *socket;

	transform_give(take(&cipher), true);
	later += 61;
	socket = take(&digest);
	assert_int_equal(transform_sockets(), 1);
	transform_give(socket, true);
}

static void room_is_asked_for_once(void **state)
{
	struct op_socket *socket = take(&cipher);

	fake_room(100000);
	assert_int_equal(transform_room(socket, 0), 100000);
	assert_int_equal(transform_room(socket, 4097), 100000);
	assert_int_equal(transform_room(socket, 100000), 100000);
	assert_int_equal(transform_room(socket, 10), 100000);
	assert_int_equal(fake_calls("alg_room"), 1);
	/* More than was granted before: the kernel may allow it. */
	assert_int_equal(transform_room(socket, 100001), 100000);
	assert_int_equal(fake_calls("alg_room"), 2);
	transform_give(socket, true);
	socket = take(&cipher);
	assert_int_equal(transform_room(socket, 50000), 100000);
	assert_int_equal(fake_calls("alg_room"), 2);
	fake_fail("alg_room", 1, -ENOBUFS);
	assert_int_equal(transform_room(socket, 200000), -ENOBUFS);
	assert_int_equal(transform_room(socket, 100000), 100000);
	transform_give(socket, true);
}

/* Who goes on using a socket asks again from time to time, at no cost. */
static void a_socket_that_was_taken_long_ago_is_stale(void **state)
{
	struct op_socket *socket = take(&cipher);

	assert_false(transform_stale(socket));
	fake_calls_forget();
	later += 2;
	assert_true(transform_stale(socket));
	socket->spoilt = true;
	transform_give(socket, true);
	assert_int_equal(checks, 1);
	/* Taken anew, it is neither stale nor spoilt. */
	socket = take(&cipher);
	assert_int_equal(fake_calls("alg_accept"), 0);
	assert_int_equal(checks, 2);
	assert_false(transform_stale(socket));
	assert_false(socket->spoilt);
	transform_give(socket, true);
}

static void key_ids_are_never_zero_nor_the_same(void **state)
{
	uint64_t last = transform_key_id();

	assert_int_not_equal(last, 0);
	for (int i = 0; i < 1000; i++) {
		uint64_t id = transform_key_id();

		assert_true(id > last);
		last = id;
	}
}

/* In the child: 0, or the line of the first assertion that does not hold. */
#define CHECK(condition)                 \
	do {                             \
		if (!(condition))        \
			_exit(__LINE__); \
	} while (0)

static void in_the_child(struct op_socket *used, int idle_fd, int reused_fd)
{
	struct op_socket *taken;
	/* Of the same kind, so that the inode alone tells. */
	int own = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	transform_fork_done();
	/* The program closed this number and made something of its own of it. */
	CHECK(own >= 0 && dup2(own, reused_fd) == reused_fd);
	transform_abandon();
	CHECK(transform_sockets() == 0);
	CHECK(fcntl(used->fd, F_GETFD) < 0 && errno == EBADF);
	CHECK(fcntl(idle_fd, F_GETFD) < 0 && errno == EBADF);
	CHECK(fcntl(reused_fd, F_GETFD) >= 0);
	CHECK(fake_open_sockets() == 0);
	CHECK(transform_take(&digest, &taken) == 0);
	CHECK(transform_sockets() == 1);
	transform_give(taken, true);
	transform_purge(0);
	CHECK(fake_open_sockets() == 0);
	_exit(0);
}

static void a_forked_child_closes_what_it_inherited_and_nothing_else(void **state)
{
	struct op_socket *used = take(&cipher), *idle = take(&digest), *reused = take(&sealed);
	int idle_fd = idle->fd, reused_fd = reused->fd, status;
	pid_t pid;

	transform_give(idle, true);
	transform_give(reused, true);
	transform_fork_prepare();
	pid = fork();
	if (!pid)
		in_the_child(used, idle_fd, reused_fd);
	transform_fork_done();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);

	assert_int_equal(transform_sockets(), 3);
	assert_int_equal(fake_open_sockets(), 3);
	transform_give(used, true);
}

/* As a bare clone(2) does: the parent was not told. */
static void without_warning_a_child_closes_what_it_inherited(void **state)
{
	struct op_socket *used = take(&cipher);
	int status;
	pid_t pid;

	transform_give(take(&digest), true);
	pid = fork();
	if (!pid) {
		transform_abandon();
		CHECK(transform_sockets() == 0);
		CHECK(fake_open_sockets() == 0);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(fake_open_sockets(), 2);
	transform_give(used, true);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_socket_given_back_clean_is_used_again),
		TEST(a_dirty_socket_is_closed),
		TEST(a_kept_socket_serves_its_own_kind_only),
		TEST(a_constant_key_is_checked_and_not_armed_again),
		TEST(a_writable_key_is_armed_each_time),
		TEST(a_key_without_check_is_always_usable),
		TEST(a_refused_key_loses_its_kept_sockets),
		TEST(purging_ends_sockets_in_use_when_they_are_given_back),
		TEST(failures_leave_nothing_open),
		TEST(the_transform_itself_is_closed),
		TEST(sixty_four_idle_sockets_are_kept),
		TEST(the_oldest_is_evicted),
		TEST(a_key_is_not_kept_in_an_idle_socket_for_long),
		TEST(a_clock_that_goes_back_lets_idle_sockets_go),
		TEST(whoever_takes_a_socket_lets_old_ones_go),
		TEST(room_is_asked_for_once),
		TEST(a_socket_that_was_taken_long_ago_is_stale),
		TEST(a_stale_socket_may_be_renewed),
		TEST(key_ids_are_never_zero_nor_the_same),
		TEST(a_forked_child_closes_what_it_inherited_and_nothing_else),
		TEST(without_warning_a_child_closes_what_it_inherited),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("transform", tests, NULL, NULL);
}
