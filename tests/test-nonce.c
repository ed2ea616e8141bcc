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

#include "fake-kernel.h"
#include "kernel/log.h"
#include "kernel/transform.h"
#include "mech/nonce.h"
#include "mech/random.h"

/* What the log was told last. */
static char said[256];

void log_line(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(said, sizeof(said), format, args);
	va_end(args);
}

static const CK_ULONG generators[] = {CKG_GENERATE, CKG_GENERATE_COUNTER, CKG_GENERATE_RANDOM,
				      CKG_GENERATE_COUNTER_XOR};
static uint8_t own[NONCE_MAX], bytes[NONCE_MAX];
static struct nonce_source source;
static struct nonce nonce;

static int setup(void **state)
{
	fake_reset();
	random_forget();
	memset(&source, 0, sizeof(source));
	for (size_t i = 0; i < sizeof(own); i++)
		own[i] = (uint8_t)(0xa7 + i * 13);
	return 0;
}

static int teardown(void **state)
{
	transform_purge(0);
	return fake_open_sockets() ? -1 : 0;
}

/* A new source, whose caller asks for LEN bytes like this. */
static void ask(CK_ULONG generator, CK_ULONG len, CK_ULONG fixed_bits)
{
	memset(&source, 0, sizeof(source));
	memcpy(bytes, own, sizeof(bytes));
	nonce = (struct nonce){bytes, len, fixed_bits, generator};
}

static CK_RV make(void)
{
	*said = 0;
	return nonce_make(&source, &nonce);
}

static bool bit_of(const uint8_t *value, size_t bit)
{
	return value[bit / 8] >> (7 - bit % 8) & 1;
}

static void check_fixed(void)
{
	for (size_t bit = 0; bit < nonce.fixed_bits; bit++)
		assert_int_equal(bit_of(bytes, bit), bit_of(own, bit));
	for (size_t i = nonce.len; i < sizeof(bytes); i++)
		assert_int_equal(bytes[i], own[i]);
}

/* The free bits as a number, of which the last 64 count. */
static uint64_t value(void)
{
	uint64_t all = 0;

	for (size_t bit = nonce.fixed_bits; bit < 8 * nonce.len; bit++)
		all = all << 1 | bit_of(bytes, bit);
	return all;
}

static void a_callers_own_nonce_is_left_alone(void **state)
{
	static const struct nonce_source unused;

	/* Whatever stands in the other fields. */
	ask(CKG_NO_GENERATE, 100, 1000);
	assert_int_equal(make(), CKR_OK);
	assert_memory_equal(bytes, own, sizeof(bytes));
	assert_memory_equal(&source, &unused, sizeof(source));
	nonce.bytes = NULL;
	assert_int_equal(make(), CKR_OK);
}

static int by_value(const void *a, const void *b)
{
	return memcmp(a, b, NONCE_MAX);
}

/* As many as there may be, up to MOST; all different; the fixed bits as the caller has them. */
static size_t check_unique(size_t most)
{
	static uint8_t made[1100][NONCE_MAX];
	size_t n = 0;

	for (; n < most && make() == CKR_OK; n++) {
		check_fixed();
		memcpy(made[n], bytes, sizeof(bytes));
	}
	qsort(made, n, NONCE_MAX, by_value);
	for (size_t i = 1; i < n; i++)
		assert_memory_not_equal(made[i - 1], made[i], NONCE_MAX);
	return n;
}

static void no_nonce_comes_twice_with_any_number_of_fixed_bits(void **state)
{
	static const CK_ULONG lengths[] = {1, 7, 12, 13, 16};

	for (size_t g = 0; g < 4; g++) {
		for (size_t l = 0; l < 5; l++) {
			for (CK_ULONG fixed = 0; fixed <= 8 * lengths[l]; fixed++) {
				size_t bits = 8 * lengths[l] - fixed, n;

				ask(generators[g], lengths[l], fixed);
				n = check_unique(64);
				if (generators[g] != CKG_GENERATE_RANDOM)
					assert_int_equal(n, bits < 6 ? (size_t)1 << bits : 64);
				else
					assert_int_equal(n, bits <= 32   ? 1
							    : bits >= 44 ? 64
									 : 1u << (bits - 32) / 2);
			}
		}
	}
}

/* With few free bits a process makes all that there are, and then no more. */
static void when_all_are_made_no_more_are(void **state)
{
	static const CK_ULONG counting[] = {CKG_GENERATE, CKG_GENERATE_COUNTER,
					    CKG_GENERATE_COUNTER_XOR};

	for (size_t g = 0; g < 3; g++) {
		for (size_t bits = 0; bits <= 10; bits++) {
			uint8_t last[NONCE_MAX];

			ask(counting[g], 12, 96 - bits);
			assert_int_equal(check_unique(1100), (size_t)1 << bits);
			memcpy(last, bytes, sizeof(last));
			for (int i = 0; i < 3; i++) {
				assert_int_equal(make(), CKR_DATA_LEN_RANGE);
				assert_non_null(strstr(said, "no nonce is left"));
				assert_memory_equal(bytes, last, sizeof(last));
			}
			/* A new source, with other fixed bits, makes new ones. */
			own[0]++;
			ask(counting[g], 12, 96 - bits);
			assert_int_equal(make(), CKR_OK);
		}
	}
}

static void a_counter_counts_from_zero(void **state)
{
	for (CK_ULONG fixed = 0; fixed <= 96; fixed += fixed < 80 ? 7 : 1) {
		ask(CKG_GENERATE_COUNTER, 12, fixed);
		for (uint64_t i = 0; i < 600; i++) {
			CK_RV rv = make();

			if (96 - fixed < 10 && i >= 1u << (96 - fixed)) {
				assert_int_equal(rv, CKR_DATA_LEN_RANGE);
				break;
			}
			assert_int_equal(rv, CKR_OK);
			assert_true(value() == i);
			check_fixed();
		}
	}
	/* Which asks nobody for random bytes. */
	assert_int_equal(fake_calls("alg_bind"), 0);
}

/* Until the end of the free bits, or of 64. */
static void a_counter_counts_beyond_32_bits(void **state)
{
	static const CK_ULONG counting[] = {CKG_GENERATE_COUNTER, CKG_GENERATE_COUNTER_XOR,
					    CKG_GENERATE};

	memset(own, 0, sizeof(own));
	for (size_t g = 0; g < 3; g++) {
		ask(counting[g], 12, 0);
		assert_int_equal(make(), CKR_OK);
		memset(source.start, 0, sizeof(source.start));
		source.made = 0xffffffff;
		assert_int_equal(make(), CKR_OK);
		assert_true(value() == 0xffffffff);
		assert_int_equal(make(), CKR_OK);
		assert_true(value() == 0x100000000);
		source.made = UINT64_MAX - 1;
		assert_int_equal(make(), CKR_OK);
		assert_true(value() == UINT64_MAX - 1);
		assert_int_equal(make(), CKR_DATA_LEN_RANGE);
		for (CK_ULONG bits = 33; bits < 64; bits++) {
			uint64_t all = (uint64_t)1 << bits;

			ask(counting[g], 12, 96 - bits);
			assert_int_equal(make(), CKR_OK);
			memset(source.start, 0, sizeof(source.start));
			source.made = all - 1;
			assert_int_equal(make(), CKR_OK);
			assert_true(value() == all - 1);
			check_fixed();
			assert_int_equal(make(), CKR_DATA_LEN_RANGE);
		}
	}
}

/* It may begin anywhere, and where it wraps the fixed bits stay. */
static void a_random_start_counts_on_and_wraps(void **state)
{
	for (CK_ULONG fixed = 0; fixed < 96; fixed++) {
		size_t bits = 96 - fixed;
		uint64_t mask = bits < 64 ? ((uint64_t)1 << bits) - 1 : UINT64_MAX, first;

		ask(CKG_GENERATE, 12, fixed);
		assert_int_equal(make(), CKR_OK);
		first = value();
		assert_int_equal(make(), CKR_OK);
		assert_true(value() == ((first + 1) & mask));

		memset(source.start, 0xff, 12);
		source.made = 0;
		assert_int_equal(make(), CKR_OK);
		assert_true(value() == mask);
		assert_int_equal(make(), CKR_OK);
		assert_true(value() == 0);
		for (size_t bit = fixed; bit < 96; bit++)
			assert_false(bit_of(bytes, bit));
		check_fixed();
	}
}

static void a_start_is_random_for_each_process(void **state)
{
	uint64_t first;

	ask(CKG_GENERATE, 12, 32);
	assert_int_equal(make(), CKR_OK);
	first = value();
	assert_int_equal(fake_calls("alg_recv"), 1);
	assert_int_equal(make(), CKR_OK);
	/* Asked for once. */
	assert_int_equal(fake_calls("alg_recv"), 1);
	ask(CKG_GENERATE, 12, 32);
	assert_int_equal(make(), CKR_OK);
	assert_true(value() - first > 1000 && first - value() > 1000);
}

/* NIST SP 800-38D, section 8.3: 2^32 of 96 bits; and the same odds for fewer. */
static void random_nonces_have_a_supply(void **state)
{
	for (CK_ULONG bits = 0; bits <= 128; bits++) {
		uint64_t supply = bits >= 96  ? (uint64_t)1 << 32
				  : bits > 32 ? (uint64_t)1 << (bits - 32) / 2
					      : 1;

		ask(CKG_GENERATE_RANDOM, 16, 128 - bits);
		if (supply > 1) {
			assert_int_equal(make(), CKR_OK);
			source.made = supply - 1;
		}
		assert_int_equal(make(), CKR_OK);
		check_fixed();
		assert_int_equal(make(), CKR_DATA_LEN_RANGE);
	}
	/* Each is asked for by itself. */
	ask(CKG_GENERATE_RANDOM, 12, 0);
	fake_calls_forget();
	for (int i = 0; i < 5; i++)
		assert_int_equal(make(), CKR_OK);
	assert_int_equal(fake_calls("alg_recv"), 5);
}

/* Section 6.13.2: the counter is added by XOR to what the caller brings with the first message. */
static void a_counter_by_xor_keeps_to_the_callers_value(void **state)
{
	for (CK_ULONG fixed = 0; fixed <= 88; fixed += 11) {
		for (int mode = 0; mode < 3; mode++) {
			ask(CKG_GENERATE_COUNTER_XOR, 12, fixed);
			for (uint64_t i = 0; i < 70; i++) {
				uint64_t first;

				/* What was returned may come again, or the value as it was. */
				if (mode == 1 || (mode == 2 && i % 2))
					memcpy(bytes, own, sizeof(bytes));
				assert_int_equal(make(), CKR_OK);
				check_fixed();
				first = value() ^ i;
				memcpy(bytes, own, sizeof(bytes));
				assert_true(value() == first);
				for (size_t at = 0; at < 12; at++)
					bytes[at] = source.last[at];
			}
		}
	}
	assert_int_equal(fake_calls("alg_bind"), 0);
}

static void another_value_to_be_xored_is_refused(void **state)
{
	for (size_t bit = 0; bit < 96; bit++) {
		ask(CKG_GENERATE_COUNTER_XOR, 12, 40);
		/* The last of them has two bits changed. */
		for (int i = 0; i < 4; i++)
			assert_int_equal(make(), CKR_OK);
		memcpy(bytes, own, sizeof(bytes));
		bytes[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
		if (bit < 40) {
			/* The fixed bits are the caller's, who may change them. */
			assert_int_equal(make(), CKR_OK);
			assert_int_not_equal(bit_of(bytes, bit), bit_of(own, bit));
			continue;
		}
		assert_int_equal(make(), CKR_MECHANISM_PARAM_INVALID);
		assert_non_null(strstr(said, "not that of the first message"));
		/* It cost nothing. */
		memcpy(bytes, own, sizeof(bytes));
		assert_int_equal(make(), CKR_OK);
		assert_int_equal(source.made, 5);
	}
}

static void what_was_agreed_on_first_may_not_change(void **state)
{
	for (size_t g = 0; g < 4; g++) {
		ask(generators[g], 12, 32);
		assert_int_equal(make(), CKR_OK);
		for (int change = 0; change < 5; change++) {
			uint8_t before[NONCE_MAX];

			nonce = (struct nonce){bytes, 12, 32, generators[g]};
			memcpy(before, bytes, sizeof(before));
			if (change < 2)
				nonce.fixed_bits += change ? 1 : -1;
			else if (change < 4)
				nonce.len += change == 2 ? 1 : -1;
			else
				nonce.generator = generators[(g + 1) % 4];
			assert_int_equal(make(), CKR_MECHANISM_PARAM_INVALID);
			assert_non_null(strstr(said, "not as in the messages before"));
			assert_memory_equal(bytes, before, sizeof(before));
		}
		assert_int_equal(source.made, 1);
		nonce = (struct nonce){bytes, 12, 32, generators[g]};
		assert_int_equal(make(), CKR_OK);
		assert_int_equal(source.made, 2);
	}
}

enum { KEY = 7 };

/* Another process with the same key and mechanism. */
static void resume(void)
{
	nonce_begin(&source, KEY, NULL);
}

/* What was made in one process is not made in the next, nor is what a process may make more. */
static void the_next_process_goes_on(void **state)
{
	for (size_t g = 0; g < 4; g++) {
		static uint8_t made[64][NONCE_MAX];

		ask(generators[g], 12, 52);
		resume();
		for (size_t i = 0; i < 64; i++) {
			/* The caller may have kept its nonce, or what came of it. */
			if (i % 3 == 0)
				resume();
			if (i % 2)
				memcpy(bytes, own, sizeof(bytes));
			assert_int_equal(make(), CKR_OK);
			check_fixed();
			assert_int_equal(source.made, i + 1);
			memcpy(made[i], bytes, sizeof(bytes));
			for (size_t j = 0; j < i; j++)
				assert_memory_not_equal(made[i], made[j], NONCE_MAX);
		}
		/* 44 bits: as many random ones as 2^6, and no more in any process. */
		resume();
		assert_int_equal(make(), generators[g] == CKG_GENERATE_RANDOM ? CKR_DATA_LEN_RANGE
									      : CKR_OK);
	}
}

/* Only the first nonce of a process may be another kind of nonce, which begins anew. */
static void the_next_process_may_agree_on_something_else(void **state)
{
	for (size_t g = 0; g < 4; g++) {
		for (int change = 0; change < 5; change++) {
			ask(generators[g], 12, 32);
			resume();
			for (int i = 0; i < 3; i++)
				assert_int_equal(make(), CKR_OK);
			resume();
			nonce.fixed_bits += change == 0;
			nonce.len -= change == 1;
			if (change == 2)
				nonce.generator = generators[(g + 1) % 4];
			/* What the caller brings counts for one of them alone, and not its fixed
			 * bits. */
			bytes[11] ^= change == 3 ? 0x80 : 0;
			bytes[0] ^= change == 4 ? 0x80 : 0;
			assert_int_equal(make(), CKR_OK);
			assert_int_equal(source.made,
					 change < 3 || (change == 3 &&
							nonce.generator == CKG_GENERATE_COUNTER_XOR)
						 ? 1
						 : 4);
			/* That is agreed on now. */
			nonce.fixed_bits++;
			assert_int_equal(make(), CKR_MECHANISM_PARAM_INVALID);
			nonce.fixed_bits--;
			assert_int_equal(make(), CKR_OK);
		}
	}
}

/* Until it has made a nonce a process has not agreed on anything, and forgotten nothing. */
static void what_was_only_asked_for_changes_nothing(void **state)
{
	ask(CKG_GENERATE_COUNTER, 12, 94);
	resume();
	for (int i = 0; i < 4; i++)
		assert_int_equal(make(), CKR_OK);
	for (int i = 0; i < 3; i++) {
		resume();
		nonce.generator = i ? CKG_GENERATE_RANDOM : CKG_GENERATE;
		nonce.fixed_bits = 0;
		fake_fail("alg_recv", 1, -EIO);
		assert_int_equal(make(), CKR_DEVICE_ERROR);
		nonce.fixed_bits = 97;
		assert_int_equal(make(), CKR_MECHANISM_PARAM_INVALID);
		nonce.generator = CKG_GENERATE_COUNTER;
		nonce.fixed_bits = 94;
		assert_int_equal(make(), CKR_DATA_LEN_RANGE);
	}
	nonce.fixed_bits = 93;
	assert_int_equal(make(), CKR_OK);
	assert_int_equal(value(), 0);
}

static void another_key_or_mechanism_begins_anew(void **state)
{
	const struct mechanism *other = (const void *)&source;

	for (int change = 0; change < 3; change++) {
		ask(CKG_GENERATE_COUNTER, 12, 94);
		resume();
		for (int i = 0; i < 4; i++)
			assert_int_equal(make(), CKR_OK);
		nonce_begin(&source, KEY + (change & 1), change & 2 ? other : NULL);
		assert_int_equal(make(), change ? CKR_OK : CKR_DATA_LEN_RANGE);
		assert_true(value() == (change ? 0 : 3));
	}
}

static void what_cannot_be_made_is_refused(void **state)
{
	static const struct {
		CK_ULONG generator, len, fixed_bits;
		const char *name;
	} cases[] = {
		{5, 12, 0, "the generator"},
		{(CK_ULONG)-1, 12, 0, "the generator"},
		{CKG_GENERATE, 0, 0, "length"},
		{CKG_GENERATE, NONCE_MAX + 1, 0, "length"},
		{CKG_GENERATE_RANDOM, (CK_ULONG)-1, 0, "length"},
		{CKG_GENERATE_COUNTER, 12, 97, "fixed bits"},
		{CKG_GENERATE_COUNTER_XOR, 12, (CK_ULONG)-1, "fixed bits"},
		{CKG_GENERATE_RANDOM, 7, 57, "fixed bits"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		ask(cases[i].generator, cases[i].len, cases[i].fixed_bits);
		assert_int_equal(make(), CKR_MECHANISM_PARAM_INVALID);
		assert_non_null(strstr(said, cases[i].name));
		assert_memory_equal(bytes, own, sizeof(bytes));
		/* A good one may still come. */
		assert_false(source.started);
		nonce = (struct nonce){bytes, 12, 0, CKG_GENERATE};
		assert_int_equal(make(), CKR_OK);
	}
}

static void without_random_bytes_there_is_no_nonce(void **state)
{
	static const CK_ULONG random[] = {CKG_GENERATE, CKG_GENERATE_RANDOM};

	for (size_t i = 0; i < 2; i++) {
		ask(random[i], 12, 0);
		fake_fail("alg_recv", 1, -EIO);
		assert_int_equal(make(), CKR_DEVICE_ERROR);
		assert_memory_equal(bytes, own, sizeof(bytes));
		assert_int_equal(source.made, 0);
		assert_int_equal(make(), CKR_OK);
		assert_memory_not_equal(bytes, own, 12);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_callers_own_nonce_is_left_alone),
		TEST(no_nonce_comes_twice_with_any_number_of_fixed_bits),
		TEST(when_all_are_made_no_more_are),
		TEST(a_counter_counts_from_zero),
		TEST(a_counter_counts_beyond_32_bits),
		TEST(a_random_start_counts_on_and_wraps),
		TEST(a_start_is_random_for_each_process),
		TEST(random_nonces_have_a_supply),
		TEST(a_counter_by_xor_keeps_to_the_callers_value),
		TEST(another_value_to_be_xored_is_refused),
		TEST(what_was_agreed_on_first_may_not_change),
		TEST(the_next_process_goes_on),
		TEST(the_next_process_may_agree_on_something_else),
		TEST(what_was_only_asked_for_changes_nothing),
		TEST(another_key_or_mechanism_begins_anew),
		TEST(what_cannot_be_made_is_refused),
		TEST(without_random_bytes_there_is_no_nonce),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("nonce", tests, NULL, NULL);
}
