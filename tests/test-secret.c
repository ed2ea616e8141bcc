/* SPDX-License-Identifier: BSD-2-Clause */
/* Over the real kernel: what /proc/self/smaps says of the memory, and what forked children see. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/secret.h"
#include "locked.h"

enum { PIECES = 400 };

static int setup(void **state)
{
	return locked() ? -1 : 0;
}

/* All pages were given back. */
static int teardown(void **state)
{
	return locked() ? -1 : 0;
}

/* The mapping that BYTES lie in, by proc(5): its kilobytes that are locked, and its flags. */
static long look(const void *bytes, char flags[256])
{
	FILE *file = fopen("/proc/self/smaps", "re");
	unsigned long from, to;
	char line[512];
	bool here = false;
	long kilobytes = -1;

	*flags = '\0';
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			here = (uintptr_t)bytes >= from && (uintptr_t)bytes < to;
		if (!here)
			continue;
		sscanf(line, "Locked: %ld", &kilobytes);
		if (!strncmp(line, "VmFlags:", 8))
			snprintf(flags, 256, "%.255s", line + 8);
	}
	fclose(file);
	return kilobytes;
}

static bool is_zero(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i])
			return false;
	return true;
}

/* Locked, not dumped, wiped in children: whatever the length. */
static void pieces_are_locked_and_left_out_of_dumps(void **state)
{
	static const size_t lens[] = {0, 1, 16, 64, 65, 2048, 2049, 4096, 4097, 32767, 1 << 20};
	char flags[256];

	for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
		uint8_t *bytes = secret_new(lens[i]);

		assert_non_null(bytes);
		assert_true(is_zero(bytes, lens[i]));
		memset(bytes, 0xa5, lens[i]);
		if (CAN_LOCK) {
			assert_in_range(look(bytes + lens[i] / 2, flags), 4, 2048);
			assert_non_null(strstr(flags, " lo"));
			assert_true(locked() * 1024 >= (long)lens[i]);
		}
		look(bytes + (lens[i] ? lens[i] - 1 : 0), flags);
		assert_non_null(strstr(flags, " dd"));
		assert_non_null(strstr(flags, " wf"));
		secret_free(bytes, lens[i]);
		assert_int_equal(locked(), 0);
	}
	secret_free(NULL, 16);
}

static size_t length_of(unsigned int i)
{
	return (i * 37) % 260 + (i % 50 == 49 ? 2500 : 0);
}

static bool holds(const uint8_t *bytes, unsigned int number, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i] != (uint8_t)(number + i))
			return false;
	return true;
}

/* Pieces come and go in an order of no order; each keeps what was written to it, and comes zero. */
static void pieces_never_overlap(void **state)
{
	uint8_t *pieces[PIECES] = {NULL};
	unsigned int order = 12345, kept = 0;

	for (unsigned int round = 0; round < 20 * PIECES; round++) {
		unsigned int i = (order = order * 1103515245 + 12345) >> 8;
		size_t len = length_of(i %= PIECES);

		if (pieces[i]) {
			assert_true(holds(pieces[i], i, len));
			secret_free(pieces[i], len);
			pieces[i] = NULL;
			continue;
		}
		pieces[i] = secret_new(len);
		assert_non_null(pieces[i]);
		assert_true(is_zero(pieces[i], len));
		for (size_t k = 0; k < len; k++)
			pieces[i][k] = (uint8_t)(i + k);
	}
	for (unsigned int i = 0; i < PIECES; i++) {
		kept += pieces[i] != NULL;
		if (pieces[i])
			assert_true(holds(pieces[i], i, length_of(i)));
		secret_free(pieces[i], length_of(i));
	}
	assert_in_range(kept, PIECES / 4, PIECES);
}

/* A plain user may lock few pages: 64 keys of 64 bytes take one. */
static void small_pieces_share_pages(void **state)
{
	uint8_t *pieces[65];

	for (size_t i = 0; i < 64; i++) {
		pieces[i] = secret_new(i % 2 ? 64 : 1);
		assert_non_null(pieces[i]);
		assert_int_equal(((uintptr_t)pieces[i] ^ (uintptr_t)pieces[0]) / 4096, 0);
		for (size_t k = 0; k < i; k++)
			assert_true(pieces[i] >= pieces[k] + 64 || pieces[i] + 64 <= pieces[k]);
	}
	/* The hole is filled again; then another page is needed. */
	secret_free(pieces[7], 64);
	assert_ptr_equal(secret_new(33), pieces[7]);
	assert_int_equal(locked(), CAN_LOCK ? 4 : 0);
	pieces[64] = secret_new(1);
	assert_int_equal(locked(), CAN_LOCK ? 8 : 0);
	for (size_t i = 0; i < 65; i++)
		secret_free(pieces[i], i % 2 ? 64 : 1);
}

/* What is given back is wiped before anything else can have it. */
static void given_back_it_is_wiped(void **state)
{
	uint8_t *stays = secret_new(64), *bytes = secret_new(100);

	memset(bytes, 0xa5, 100);
	secret_free(bytes, 100);
	/* The page is there still, for the other piece. */
	assert_true(is_zero(bytes, 100));
	secret_free(stays, 64);
}

/* 0: it sees zeros, and its pieces are its own. */
static int see(uint8_t *const *pieces, const size_t *lens, size_t n)
{
	uint8_t *own;

	for (size_t i = 0; i < n; i++)
		if (!is_zero(pieces[i], lens[i]))
			return 1;
	secret_abandon();
	own = secret_new(64);
	if (!own || !is_zero(own, 64))
		return 2;
	/* Locks are not inherited: it is in a page of the child's. */
	if (CAN_LOCK && locked() != 4)
		return 5;
	for (size_t i = 0; i < n; i++)
		if (own + 64 > pieces[i] && own < pieces[i] + lens[i])
			return 3;
	memset(own, 1, 64);
	secret_free(own, 64);
	return locked() ? 4 : 0;
}

static void forked_children_see_zeros(void **state)
{
	static const size_t lens[] = {32, 2048, 5000};
	uint8_t *pieces[3];
	int wstatus;
	pid_t pid;

	for (size_t i = 0; i < 3; i++) {
		pieces[i] = secret_new(lens[i]);
		memset(pieces[i], 0xa5, lens[i]);
	}
	secret_fork_prepare();
	pid = fork();
	if (!pid) {
		secret_fork_done();
		_exit(see(pieces, lens, 3));
	}
	secret_fork_done();
	assert_int_equal(waitpid(pid, &wstatus, 0), pid);
	assert_int_equal(wstatus, 0);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(pieces[i][lens[i] - 1], 0xa5);
		secret_free(pieces[i], lens[i]);
	}
}

/* 0: nothing is given out that is not locked. */
static int try_limit(rlim_t limit)
{
	struct rlimit none = {limit, limit};
	uint8_t *bytes, *more;

	if (setrlimit(RLIMIT_MEMLOCK, &none) || (!getuid() && setuid(65534)))
		return 1;
	bytes = secret_new(32);
	if (limit < 4096)
		return bytes || secret_new(5000) ? 2 : 0;
	/* One page, whose other pieces are to be had. */
	more = secret_new(2048);
	if (!bytes || !more || secret_new(2048) || secret_new(5000))
		return 3;
	secret_free(more, 2048);
	more = secret_new(1024);
	secret_free(bytes, 32);
	secret_free(more, 1024);
	return more && !locked() ? 0 : 4;
}

static void without_locked_memory_there_is_none(void **state)
{
	static const rlim_t limits[] = {0, 4096};

	for (size_t i = 0; CAN_LOCK && i < 2; i++) {
		int wstatus;
		pid_t pid = fork();

		if (!pid)
			_exit(try_limit(limits[i]));
		assert_int_equal(waitpid(pid, &wstatus, 0), pid);
		assert_int_equal(wstatus, 0);
	}
}

static void *work(void *argument)
{
	uint8_t mark = *(const uint8_t *)argument;

	for (unsigned int round = 0; round < 5000; round++) {
		size_t len = round % 300;
		uint8_t *bytes = secret_new(len);

		if (!bytes || !is_zero(bytes, len))
			return argument;
		memset(bytes, mark, len);
		for (size_t i = 0; i < len; i++)
			if (bytes[i] != mark)
				return argument;
		secret_free(bytes, len);
	}
	return NULL;
}

static void any_thread_may_call(void **state)
{
	static const uint8_t marks[] = {1, 2, 3, 4};
	pthread_t threads[4];
	void *failed;

	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, (void *)&marks[i]), 0);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(pieces_are_locked_and_left_out_of_dumps),
		TEST(pieces_never_overlap),
		TEST(small_pieces_share_pages),
		TEST(given_back_it_is_wiped),
		TEST(forked_children_see_zeros),
		TEST(without_locked_memory_there_is_none),
		TEST(any_thread_may_call),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("secret", tests, NULL, NULL);
}
