/* SPDX-License-Identifier: BSD-2-Clause */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mech/parameter.h"

static uint8_t iv[32] = {0x10, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
static uint8_t aad[] = "additional";

/* DECODE's answer to LEN bytes at DATA. */
static CK_RV decode(CK_RV (*decoder)(const CK_MECHANISM *, struct parameter *), void *data,
		    CK_ULONG len, struct parameter *parameter)
{
	CK_MECHANISM mechanism = {.mechanism = 1, .pParameter = data, .ulParameterLen = len};

	memset(parameter, 0, sizeof(*parameter));
	return decoder(&mechanism, parameter);
}

static void no_parameter_is_none(void **state)
{
	struct parameter parameter;

	assert_int_equal(decode(parameter_none, NULL, 0, &parameter), CKR_OK);
	assert_int_equal(decode(parameter_none, iv, 16, &parameter), CKR_MECHANISM_PARAM_INVALID);
	assert_int_equal(decode(parameter_none, NULL, 16, &parameter), CKR_MECHANISM_PARAM_INVALID);
	assert_int_equal(decode(parameter_none, iv, 0, &parameter), CKR_MECHANISM_PARAM_INVALID);
}

static void an_iv_is_sixteen_bytes(void **state)
{
	struct parameter parameter;

	for (CK_ULONG len = 0; len <= 32; len++) {
		if (len == 16)
			continue;
		assert_int_equal(decode(parameter_iv16, iv, len, &parameter),
				 CKR_MECHANISM_PARAM_INVALID);
	}
	assert_int_equal(decode(parameter_iv16, NULL, 16, &parameter), CKR_MECHANISM_PARAM_INVALID);
	assert_int_equal(decode(parameter_iv16, NULL, 0, &parameter), CKR_MECHANISM_PARAM_INVALID);
	assert_int_equal(decode(parameter_iv16, iv, (CK_ULONG)-1, &parameter),
			 CKR_MECHANISM_PARAM_INVALID);
	assert_int_equal(decode(parameter_iv16, iv, 16, &parameter), CKR_OK);
	assert_int_equal(parameter.iv_len, 16);
	assert_memory_equal(parameter.iv, iv, 16);
}

static void counter_parameters_have_their_size(void **state)
{
	CK_AES_CTR_PARAMS ctr = {.counter_bits = 128};
	struct parameter parameter;

	memcpy(ctr.cb, iv, 16);
	assert_int_equal(decode(parameter_ctr, &ctr, sizeof(ctr), &parameter), CKR_OK);
	assert_int_equal(parameter.iv_len, 16);
	assert_memory_equal(parameter.iv, iv, 16);
	assert_int_equal(decode(parameter_ctr, &ctr, sizeof(ctr) - 1, &parameter),
			 CKR_MECHANISM_PARAM_INVALID);
	assert_int_equal(decode(parameter_ctr, &ctr, sizeof(ctr) + 1, &parameter),
			 CKR_MECHANISM_PARAM_INVALID);
	assert_int_equal(decode(parameter_ctr, iv, 16, &parameter), CKR_MECHANISM_PARAM_INVALID);
	assert_int_equal(decode(parameter_ctr, NULL, sizeof(ctr), &parameter),
			 CKR_MECHANISM_PARAM_INVALID);
}

static void a_counter_has_1_to_128_bits(void **state)
{
	static const CK_ULONG bad[] = {0, 129, 130, 256, (CK_ULONG)-1, 1UL << 31};
	CK_AES_CTR_PARAMS ctr = {0};
	struct parameter parameter;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		ctr.counter_bits = bad[i];
		assert_int_equal(decode(parameter_ctr, &ctr, sizeof(ctr), &parameter),
				 CKR_MECHANISM_PARAM_INVALID);
	}
	for (ctr.counter_bits = 1; ctr.counter_bits <= 128; ctr.counter_bits++)
		assert_int_equal(decode(parameter_ctr, &ctr, sizeof(ctr), &parameter), CKR_OK);
}

/* 2^BITS less the low BITS bits of BLOCK, bit by bit; UINT64_MAX where it does not fit. */
static uint64_t blocks_by_subtraction(const uint8_t block[16], unsigned int bits)
{
	uint8_t difference[130];
	uint64_t result = 0;
	int borrow = 0;

	for (unsigned int bit = 0; bit <= bits; bit++) {
		int minuend = bit == bits;
		int subtrahend = bit == bits ? 0 : block[15 - bit / 8] >> bit % 8 & 1;
		int digit = minuend - subtrahend - borrow;

		borrow = digit < 0;
		difference[bit] = digit & 1;
	}
	for (unsigned int bit = bits + 1; bit--;) {
		if (result >> 63)
			return UINT64_MAX;
		result = result << 1 | difference[bit];
	}
	return result;
}

static void blocks_left_are_counted_to_the_wrap(void **state)
{
	CK_AES_CTR_PARAMS ctr;
	struct parameter parameter;
	uint64_t random = 1;

	for (unsigned int bits = 1; bits <= 128; bits++) {
		for (int sample = 0; sample < 400; sample++) {
			for (int i = 0; i < 16; i++) {
				random = random * 6364136223846793005 + 1442695040888963407;
				ctr.cb[i] = (uint8_t)(random >> 56);
				/* Ones and zeroes in a row are where mistakes are. */
				if (sample % 4 == 0)
					ctr.cb[i] = 0xff;
				else if (sample % 4 == 1 && i < sample / 4 % 17)
					ctr.cb[i] = 0xff;
				else if (sample % 4 == 2 && i >= sample / 4 % 17)
					ctr.cb[i] = 0;
			}
			if (sample % 8 == 4)
				ctr.cb[sample / 8 % 16] = (uint8_t) ~(1 << sample % 7);
			ctr.counter_bits = bits;
			assert_int_equal(decode(parameter_ctr, &ctr, sizeof(ctr), &parameter),
					 CKR_OK);
			if (parameter.blocks != blocks_by_subtraction(ctr.cb, bits))
				fail_msg("%u bits: %llu blocks, not %llu", bits,
					 (unsigned long long)parameter.blocks,
					 (unsigned long long)blocks_by_subtraction(ctr.cb, bits));
		}
	}
}

/* CK_GCM_PARAMS as 2.40 has it, and as it was before ulIvBits. */
struct new_gcm {
	void *iv;
	CK_ULONG iv_len, iv_bits;
	void *aad;
	CK_ULONG aad_len, tag_bits;
};

struct old_gcm {
	void *iv;
	CK_ULONG iv_len;
	void *aad;
	CK_ULONG aad_len, tag_bits;
};

static const struct new_gcm good = {iv, 12, 96, aad, sizeof(aad), 128};

static CK_RV decode_gcm(struct new_gcm gcm, struct parameter *parameter)
{
	CK_RV rv = decode(parameter_gcm, &gcm, sizeof(gcm), parameter);

	if (rv != CKR_OK)
		assert_null(parameter->aad);
	return rv;
}

static void check_gcm(struct parameter *parameter)
{
	assert_int_equal(parameter->iv_len, 12);
	assert_memory_equal(parameter->iv, iv, 12);
	assert_int_equal(parameter->aad_len, sizeof(aad));
	assert_memory_equal(parameter->aad, aad, sizeof(aad));
	/* A copy: the caller may free its own. */
	assert_ptr_not_equal(parameter->aad, aad);
	assert_int_equal(parameter->tag_size, 16);
	parameter_free(parameter);
	assert_null(parameter->aad);
}

static void both_layouts_of_gcm_parameters_are_taken(void **state)
{
	struct old_gcm old = {iv, 12, aad, sizeof(aad), 128};
	struct new_gcm gcm = good;
	struct parameter parameter;

	assert_int_equal(sizeof(CK_GCM_PARAMS), sizeof(gcm));
	assert_int_equal(decode(parameter_gcm, &old, sizeof(old), &parameter), CKR_OK);
	check_gcm(&parameter);
	assert_int_equal(decode_gcm(gcm, &parameter), CKR_OK);
	check_gcm(&parameter);
	for (CK_ULONG len = 0; len <= sizeof(gcm) + 8; len++) {
		/* Nothing behind what the length says may be read: the sanitizer watches. */
		uint8_t bytes[sizeof(gcm) + 8] = {0};

		if (len != sizeof(old) && len != sizeof(gcm))
			assert_int_equal(decode(parameter_gcm, bytes, len, &parameter),
					 CKR_MECHANISM_PARAM_INVALID);
	}
	assert_int_equal(decode(parameter_gcm, NULL, sizeof(gcm), &parameter),
			 CKR_MECHANISM_PARAM_INVALID);
}

static void iv_bits_are_ignored(void **state)
{
	static const CK_ULONG bits[] = {0, 96, 128, (CK_ULONG)-1};
	struct parameter parameter;
	struct new_gcm gcm = good;

	for (size_t i = 0; i < 4; i++) {
		gcm.iv_bits = bits[i];
		assert_int_equal(decode_gcm(gcm, &parameter), CKR_OK);
		check_gcm(&parameter);
	}
}

static void a_gcm_iv_is_twelve_bytes(void **state)
{
	struct parameter parameter;
	struct new_gcm gcm = good;

	for (gcm.iv_len = 0; gcm.iv_len <= 17; gcm.iv_len++)
		if (gcm.iv_len != 12)
			assert_int_equal(decode_gcm(gcm, &parameter), CKR_MECHANISM_PARAM_INVALID);
	gcm = good;
	gcm.iv = NULL;
	assert_int_equal(decode_gcm(gcm, &parameter), CKR_MECHANISM_PARAM_INVALID);
}

/* SP 800-38D, section 5.2.1.2. */
static void tags_have_the_lengths_of_the_standard(void **state)
{
	struct parameter parameter;
	struct new_gcm gcm = good;

	for (CK_ULONG bits = 0; bits <= 257; bits++) {
		bool may = bits == 32 || bits == 64 || bits == 96 || bits == 104 || bits == 112 ||
			   bits == 120 || bits == 128;

		gcm.tag_bits = bits;
		assert_int_equal(decode_gcm(gcm, &parameter),
				 may ? CKR_OK : CKR_MECHANISM_PARAM_INVALID);
		if (may)
			assert_int_equal(parameter.tag_size, bits / 8);
		parameter_free(&parameter);
	}
	gcm.tag_bits = (CK_ULONG)-128;
	assert_int_equal(decode_gcm(gcm, &parameter), CKR_MECHANISM_PARAM_INVALID);
}

static void additional_data_may_be_missing(void **state)
{
	struct parameter parameter;
	struct new_gcm gcm = good;

	gcm.aad_len = 0;
	assert_int_equal(decode_gcm(gcm, &parameter), CKR_OK);
	assert_int_equal(parameter.aad_len, 0);
	parameter_free(&parameter);
	gcm.aad = NULL;
	assert_int_equal(decode_gcm(gcm, &parameter), CKR_OK);
	parameter_free(&parameter);
	gcm.aad_len = 1;
	assert_int_equal(decode_gcm(gcm, &parameter), CKR_MECHANISM_PARAM_INVALID);
	gcm = good;
	gcm.aad_len = (CK_ULONG)INT_MAX + 1;
	assert_int_equal(decode_gcm(gcm, &parameter), CKR_MECHANISM_PARAM_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_parameter_is_none),
		cmocka_unit_test(an_iv_is_sixteen_bytes),
		cmocka_unit_test(counter_parameters_have_their_size),
		cmocka_unit_test(a_counter_has_1_to_128_bits),
		cmocka_unit_test(blocks_left_are_counted_to_the_wrap),
		cmocka_unit_test(both_layouts_of_gcm_parameters_are_taken),
		cmocka_unit_test(iv_bits_are_ignored),
		cmocka_unit_test(a_gcm_iv_is_twelve_bytes),
		cmocka_unit_test(tags_have_the_lengths_of_the_standard),
		cmocka_unit_test(additional_data_may_be_missing),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("parameter", tests, NULL, NULL);
}
