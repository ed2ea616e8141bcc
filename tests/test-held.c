/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake-kernel.h"
#include "kernel/alg.h"
#include "kernel/secret.h"
#include "key/key.h"
#include "locked.h"

static const uint8_t bytes[32] = "0123456789abcdefghijklmnopqrstu";
static uint8_t seen[64];
static size_t seen_len;
static const void *seen_at;

static void watch(const void *key, size_t len)
{
	seen_at = key;
	seen_len = len;
	memcpy(seen, key, len < sizeof(seen) ? len : sizeof(seen));
}

static int setup(void **state)
{
	fake_reset();
	fake_watch_keys(watch);
	seen_len = 0;
	return locked() ? -1 : 0;
}

static int teardown(void **state)
{
	fake_watch_keys(NULL);
	return fake_open_sockets() || locked() ? -1 : 0;
}

static struct key *hold(size_t len)
{
	struct key *key = NULL;

	assert_int_equal(key_hold(bytes, len, &key), 0);
	assert_non_null(key);
	return key;
}

static void the_bytes_are_a_copy_in_locked_memory(void **state)
{
	uint8_t mine[32];
	struct key *key;

	memcpy(mine, bytes, sizeof(mine));
	assert_int_equal(key_hold(mine, sizeof(mine), &key), 0);
	memset(mine, 0, sizeof(mine));
	assert_memory_equal(key->bytes, bytes, sizeof(bytes));
	assert_int_equal(locked(), CAN_LOCK ? 4 : 0);
	assert_int_equal(key->length, 32);
	assert_int_equal(key_length(key), 32);
	assert_int_equal(key->serial, 0);
	assert_true(key->source->readable);
	key_free(key);
	assert_int_equal(locked(), 0);
}

/* What the kernel gets is the bytes themselves, from where they are locked. */
static void it_arms_by_value(void **state)
{
	for (size_t len = 16; len <= 32; len += 8) {
		struct key *key = hold(len);
		const struct transform transform = {
			.type = "skcipher", .name = "ecb(aes)", .key = &key->transform_key};
		struct op_socket *socket;

		assert_int_equal(transform_take(&transform, &socket), 0);
		assert_int_equal(seen_len, len);
		assert_memory_equal(seen, bytes, len);
		assert_ptr_equal(seen_at, key->bytes);
		transform_give(socket, true);
		assert_int_equal(fake_calls("alg_set_key_serial"), 0);
		key_free(key);
		assert_int_equal(fake_open_sockets(), 0);
	}
	assert_int_equal(fake_calls("key_usable") + fake_calls("key_read"), 0);
}

/* Nobody but this process has it: a socket once armed serves, and nothing is asked. */
static void its_sockets_are_kept_until_it_goes(void **state)
{
	struct key *key = hold(32), *other = hold(32);
	const struct transform transform = {
		.type = "skcipher", .name = "ecb(aes)", .key = &key->transform_key};
	const struct transform another = {
		.type = "skcipher", .name = "ecb(aes)", .key = &other->transform_key};
	struct op_socket *socket;

	assert_int_not_equal(key->transform_key.id, other->transform_key.id);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(transform_take(&transform, &socket), 0);
		transform_give(socket, true);
	}
	assert_int_equal(fake_calls("alg_set_key"), 1);
	/* The same bytes are another key. */
	assert_int_equal(transform_take(&another, &socket), 0);
	transform_give(socket, true);
	assert_int_equal(fake_calls("alg_set_key"), 2);
	assert_int_equal(key_check(key), 0);
	assert_int_equal(fake_calls("key_usable"), 0);
	key_free(key);
	assert_int_equal(fake_open_sockets(), 1);
	key_free(other);
}

static void a_refusal_is_passed_on(void **state)
{
	struct key *key = hold(20);
	const struct transform transform = {
		.type = "skcipher", .name = "ecb(aes)", .key = &key->transform_key};
	struct op_socket *socket;

	assert_int_equal(transform_take(&transform, &socket), -EINVAL);
	assert_int_equal(fake_open_sockets(), 0);
	key_free(key);
}

static void its_bytes_can_be_had(void **state)
{
	struct key *key = hold(24);
	uint8_t *copy = NULL;
	size_t len = 0;

	assert_int_equal(key_bytes(key, &copy, &len), 0);
	assert_int_equal(len, 24);
	assert_memory_equal(copy, bytes, 24);
	assert_ptr_not_equal(copy, key->bytes);
	assert_int_equal(fake_calls("key_read"), 0);
	key_free(key);
	assert_memory_equal(copy, bytes, 24);
	secret_free(copy, len);
}

/* 0: no key is held in memory that is not locked. */
static int try_unlocked(void)
{
	struct rlimit none = {0, 0};
	struct key *key = NULL;

	if (setrlimit(RLIMIT_MEMLOCK, &none) || (!getuid() && setuid(65534)))
		return 1;
	return key_hold(bytes, 32, &key) == -ENOMEM && !key ? 0 : 2;
}

static void without_locked_memory_there_is_no_key(void **state)
{
	int status;
	pid_t pid;

	if (!CAN_LOCK)
		return;
	pid = fork();
	if (!pid)
		_exit(try_unlocked());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void long_keys_are_held_too(void **state)
{
	enum { LONG = 32767 };
	uint8_t *mine = malloc(LONG);
	struct key *key;

	for (size_t i = 0; i < LONG; i++)
		mine[i] = (uint8_t)(i * 7);
	assert_int_equal(key_hold(mine, LONG, &key), 0);
	assert_memory_equal(key->bytes, mine, LONG);
	free(mine);
	key_free(key);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_bytes_are_a_copy_in_locked_memory),
		TEST(it_arms_by_value),
		TEST(its_sockets_are_kept_until_it_goes),
		TEST(a_refusal_is_passed_on),
		TEST(its_bytes_can_be_had),
		TEST(without_locked_memory_there_is_no_key),
		TEST(long_keys_are_held_too),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("held", tests, NULL, NULL);
}
