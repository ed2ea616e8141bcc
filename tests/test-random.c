/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <cmocka.h>

#include "fake-kernel.h"
#include "kernel/transform.h"
#include "mech/random.h"

/* getrandom(2), which gives few bytes at a time and is interrupted, as it may. */
static unsigned int asked;
static int getrandom_error;

ssize_t getrandom(void *out, size_t len, unsigned int flags)
{
	size_t some = len < 100 ? len : 100;

	if (getrandom_error || asked++ % 3 == 1) {
		errno = getrandom_error ? getrandom_error : EINTR;
		return -1;
	}
	for (size_t i = 0; i < some; i++)
		((uint8_t *)out)[i] = (uint8_t)(asked + i) | 1;
	return (ssize_t)some;
}

static int setup(void **state)
{
	fake_reset();
	random_forget();
	asked = 0;
	getrandom_error = 0;
	return 0;
}

static int teardown(void **state)
{
	transform_purge(0);
	return fake_open_sockets() ? -1 : 0;
}

static int by_value(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(uint64_t));
}

/* The fake's bytes are numbers that never come twice: so neither may they come out twice. */
static void every_length_is_filled_and_no_byte_comes_twice(void **state)
{
	static const size_t lengths[] = {0, 1, 7, 8, 127, 128, 129, 255, 256, 257, 5000, 100000, 5};
	size_t total = 0, at = 0, words;
	uint8_t *all;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++)
		total += lengths[i];
	all = malloc(total + 1);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		all[at + lengths[i]] = 0xa5;
		assert_int_equal(random_fill(all + at, lengths[i]), CKR_OK);
		assert_int_equal(all[at + lengths[i]], 0xa5);
		at += lengths[i];
	}
	words = total / 8;
	qsort(all, words, 8, by_value);
	for (size_t i = 1; i < words; i++)
		assert_memory_not_equal(all + 8 * i - 8, all + 8 * i, 8);
	free(all);
	assert_int_equal(asked, 0);
}

static void the_generator_is_seeded_and_kept(void **state)
{
	uint8_t bytes[128];

	for (int i = 0; i < 5; i++)
		assert_int_equal(random_fill(bytes, sizeof(bytes)), CKR_OK);
	assert_int_equal(fake_calls("alg_bind"), 1);
	assert_int_equal(fake_calls("alg_set_key"), 1);
	assert_int_equal(fake_calls("alg_accept"), 1);
	assert_int_equal(fake_calls("alg_recv"), 5);
}

static void no_bytes_cost_no_call(void **state)
{
	assert_int_equal(random_fill(NULL, 0), CKR_OK);
	assert_int_equal(fake_calls("alg_bind"), 0);
}

static void without_a_generator_getrandom_fills(void **state)
{
	uint8_t bytes[1001];

	fake_alg_hide("stdrng", true);
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(random_fill(bytes, 1000), CKR_OK);
	for (size_t i = 0; i < 1000; i++)
		assert_int_not_equal(bytes[i], 0);
	assert_int_equal(bytes[1000], 0);
	assert_true(asked >= 10);
	assert_int_equal(random_fill(bytes, 1), CKR_OK);
	assert_int_equal(random_fill(bytes, 0), CKR_OK);
	/* Asked once, and again only after a new start. */
	assert_int_equal(fake_calls("alg_bind"), 1);
	fake_alg_hide("stdrng", false);
	random_forget();
	asked = 0;
	assert_int_equal(random_fill(bytes, 10), CKR_OK);
	assert_int_equal(asked, 0);
	assert_int_equal(fake_calls("alg_recv"), 1);
}

static void without_af_alg_getrandom_fills(void **state)
{
	uint8_t bytes[16];

	fake_fail("alg_bind", 1, -EAFNOSUPPORT);
	assert_int_equal(random_fill(bytes, 16), CKR_OK);
	assert_true(asked > 0);
}

static void getrandoms_failure_is_ours(void **state)
{
	uint8_t bytes[16];

	fake_alg_hide("stdrng", true);
	getrandom_error = ENOSYS;
	assert_int_equal(random_fill(bytes, 16), CKR_DEVICE_ERROR);
}

/* A shortage of descriptors does not send anybody elsewhere for good. */
static void other_failures_are_answered_and_forgotten(void **state)
{
	uint8_t bytes[16];

	fake_fail("alg_bind", 1, -EMFILE);
	assert_int_equal(random_fill(bytes, 16), CKR_HOST_MEMORY);
	fake_fail("alg_accept", 1, -ENFILE);
	assert_int_equal(random_fill(bytes, 16), CKR_HOST_MEMORY);
	assert_int_equal(fake_open_sockets(), 0);
	assert_int_equal(random_fill(bytes, 16), CKR_OK);
	assert_int_equal(asked, 0);
}

static void a_failure_half_way_leaves_no_random_byte(void **state)
{
	uint8_t bytes[1000];

	memset(bytes, 0xa5, sizeof(bytes));
	fake_fail("alg_recv", 4, -EIO);
	assert_int_equal(random_fill(bytes, 900), CKR_DEVICE_ERROR);
	for (size_t i = 0; i < 900; i++)
		assert_int_equal(bytes[i], 0);
	for (size_t i = 900; i < 1000; i++)
		assert_int_equal(bytes[i], 0xa5);
	/* The socket that failed is not used again. */
	assert_int_equal(fake_open_sockets(), 0);
}

static uint8_t personalization[4096];
static size_t personalization_len;
static unsigned int personalized;

static void watch(const void *key, size_t len)
{
	personalized++;
	personalization_len = len;
	assert_true(len <= sizeof(personalization));
	if (len)
		memcpy(personalization, key, len);
}

/* The kernel seeds once for each instance (a live one answers EBUSY): so a seed means a new one. */
static void a_seed_goes_to_a_new_instance(void **state)
{
	static const uint8_t first[] = "a seed", second[] = "and another one";
	uint8_t bytes[32];

	fake_watch_keys(watch);
	personalized = 0;
	assert_int_equal(random_fill(bytes, sizeof(bytes)), CKR_OK);
	assert_int_equal(personalized, 1);
	assert_int_equal(personalization_len, 0);
	assert_int_equal(random_seed(first, sizeof(first)), CKR_OK);
	assert_int_equal(personalized, 2);
	assert_int_equal(personalization_len, sizeof(first));
	assert_memory_equal(personalization, first, sizeof(first));
	assert_int_equal(random_fill(bytes, sizeof(bytes)), CKR_OK);
	assert_int_equal(personalized, 2);
	assert_int_equal(fake_open_sockets(), 1);
	/* On top of the first. */
	assert_int_equal(random_seed(second, sizeof(second)), CKR_OK);
	assert_int_equal(personalized, 3);
	assert_int_equal(personalization_len, sizeof(second));
	assert_memory_not_equal(personalization, second, sizeof(first));
	assert_memory_equal(personalization + sizeof(first), second + sizeof(first),
			    sizeof(second) - sizeof(first));
	assert_int_equal(fake_open_sockets(), 1);
	/* A new start forgets them. */
	transform_purge(0);
	random_forget();
	assert_int_equal(random_fill(bytes, sizeof(bytes)), CKR_OK);
	assert_int_equal(personalization_len, 0);
}

static void every_byte_of_a_long_seed_counts(void **state)
{
	static const size_t places[] = {0, 1, 1023, 1024, 2047, 2048, 9999};
	static uint8_t seed[10000], before[1024];

	fake_watch_keys(watch);
	memset(seed, 0x11, sizeof(seed));
	assert_int_equal(random_seed(seed, sizeof(seed)), CKR_OK);
	assert_int_equal(personalization_len, 1024);
	memcpy(before, personalization, sizeof(before));
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		transform_purge(0);
		random_forget();
		seed[places[i]] ^= 0x40;
		assert_int_equal(random_seed(seed, sizeof(seed)), CKR_OK);
		seed[places[i]] ^= 0x40;
		assert_int_equal(personalization_len, 1024);
		assert_memory_not_equal(personalization, before, sizeof(before));
	}
	/* A seed that comes twice is not taken back. */
	assert_int_equal(random_seed(seed, 16), CKR_OK);
	memcpy(before, personalization, sizeof(before));
	assert_int_equal(random_seed(seed, 16), CKR_OK);
	assert_memory_not_equal(personalization, before, 16);
}

static void without_a_generator_there_is_nothing_to_seed(void **state)
{
	static const uint8_t seed[] = "a seed";

	fake_alg_hide("stdrng", true);
	assert_int_equal(random_seed(seed, sizeof(seed)), CKR_RANDOM_SEED_NOT_SUPPORTED);
	fake_alg_hide("stdrng", false);
	random_forget();
	fake_fail("alg_bind", 1, -EMFILE);
	assert_int_equal(random_seed(seed, sizeof(seed)), CKR_HOST_MEMORY);
	fake_fail("alg_set_key", 2, -ENOMEM);
	assert_int_equal(random_seed(seed, sizeof(seed)), CKR_DEVICE_MEMORY);
	/* It can go between two questions. */
	fake_fail("alg_bind", 2, -ENOENT);
	assert_int_equal(random_seed(seed, sizeof(seed)), CKR_RANDOM_SEED_NOT_SUPPORTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_length_is_filled_and_no_byte_comes_twice,
						setup, teardown),
		cmocka_unit_test_setup_teardown(the_generator_is_seeded_and_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(no_bytes_cost_no_call, setup, teardown),
		cmocka_unit_test_setup_teardown(without_a_generator_getrandom_fills, setup,
						teardown),
		cmocka_unit_test_setup_teardown(without_af_alg_getrandom_fills, setup, teardown),
		cmocka_unit_test_setup_teardown(getrandoms_failure_is_ours, setup, teardown),
		cmocka_unit_test_setup_teardown(other_failures_are_answered_and_forgotten, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_failure_half_way_leaves_no_random_byte, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_seed_goes_to_a_new_instance, setup, teardown),
		cmocka_unit_test_setup_teardown(every_byte_of_a_long_seed_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(without_a_generator_there_is_nothing_to_seed, setup,
						teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
