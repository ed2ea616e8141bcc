/* SPDX-License-Identifier: BSD-2-Clause */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/log.h"
#include "mech/parameter.h"
#include "pkcs11-parameters.h"

/* What the log was told last: a refused parameter is called by its name there. */
static char said[256];

void log_line(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(said, sizeof(said), format, args);
	va_end(args);
}

static uint8_t iv[40];
static struct mechanism row = {.iv = 16, .size = 32};

typedef CK_RV decoder(const struct mechanism *, const CK_MECHANISM *, struct parameter *);

static int setup(void **state)
{
	row.iv = 16;
	for (size_t i = 0; i < sizeof(iv); i++)
		iv[i] = (uint8_t)(0x10 + i);
	return 0;
}

/* What WITH answers to LEN bytes at DATA, which lie at an odd address, where reading too far shows,
 * and are gone afterwards. */
static CK_RV decode(decoder *with, const void *data, CK_ULONG len, struct parameter *parameter)
{
	CK_MECHANISM mechanism = {.mechanism = 1, .ulParameterLen = len};
	uint8_t *bytes = NULL;
	CK_RV rv;

	if (data) {
		bytes = malloc((len < 1000 ? len : 1000) + 1);
		memcpy(bytes + 1, data, len < sizeof(iv) ? len : sizeof(iv));
		mechanism.pParameter = bytes + 1;
	}
	*said = 0;
	parameter_start(&row, parameter);
	rv = with(&row, &mechanism, parameter);
	free(bytes);
	return rv;
}

static void refused(decoder *with, const void *data, CK_ULONG len, const char *name)
{
	struct parameter parameter;

	assert_int_equal(decode(with, data, len, &parameter), CKR_MECHANISM_PARAM_INVALID);
	assert_non_null(strstr(said, name));
	assert_null(parameter.aad);
}

static void no_parameter_is_none(void **state)
{
	struct parameter parameter;

	assert_int_equal(decode(parameter_none, NULL, 0, &parameter), CKR_OK);
	assert_int_equal(parameter.iv_len, 0);
	assert_int_equal(decode(parameter_none, iv, 0, &parameter), CKR_OK);
	assert_int_equal(parameter.iv_len, 0);
	refused(parameter_none, iv, 16, "ulParameterLen");
	refused(parameter_none, NULL, 16, "ulParameterLen");
	refused(parameter_none, NULL, (CK_ULONG)-1, "ulParameterLen");
}

static void what_holds_before_is_no_limit(void **state)
{
	struct parameter parameter;

	memset(&parameter, 0xa5, sizeof(parameter));
	parameter_start(&row, &parameter);
	assert_true(parameter.blocks == UINT64_MAX && parameter.text_len == SIZE_MAX);
	assert_int_equal(parameter.size, row.size);
	assert_int_equal(parameter.iv_len + parameter.tag_size + parameter.aad_len, 0);
	assert_true(!parameter.aad && !parameter.tag);
}

static void an_iv_has_the_length_of_its_row(void **state)
{
	static const size_t sizes[] = {4, 8, 16, 32};
	struct parameter parameter;

	for (size_t i = 0; i < 4; i++) {
		row.iv = sizes[i];
		for (CK_ULONG len = 0; len <= sizeof(iv); len++)
			if (len != row.iv)
				refused(parameter_iv, iv, len, "the IV's length");
		refused(parameter_iv, NULL, row.iv, "the IV's length");
		refused(parameter_iv, NULL, 0, "the IV's length");
		refused(parameter_iv, iv, (CK_ULONG)-1, "the IV's length");
		assert_int_equal(decode(parameter_iv, iv, row.iv, &parameter), CKR_OK);
		assert_int_equal(parameter.iv_len, row.iv);
		assert_memory_equal(parameter.iv, iv, row.iv);
	}
}

static void an_initial_value_may_be_missing(void **state)
{
	struct parameter parameter;

	row.iv = 8;
	assert_int_equal(decode(parameter_iv_or_none, NULL, 0, &parameter), CKR_OK);
	assert_int_equal(parameter.iv_len, 0);
	assert_int_equal(decode(parameter_iv_or_none, iv, 8, &parameter), CKR_OK);
	assert_int_equal(parameter.iv_len, 8);
	assert_memory_equal(parameter.iv, iv, 8);
	for (CK_ULONG len = 0; len <= 17; len++) {
		if (len != 8)
			refused(parameter_iv_or_none, iv, len, "the IV's length");
		if (len)
			refused(parameter_iv_or_none, NULL, len, "the IV's length");
	}
}

static void a_general_mac_has_1_byte_to_all(void **state)
{
	struct parameter parameter;
	CK_ULONG size;

	for (size = 1; size <= 32; size++) {
		assert_int_equal(decode(parameter_mac_general, &size, sizeof(size), &parameter),
				 CKR_OK);
		assert_int_equal(parameter.size, size);
	}
	refused(parameter_mac_general, &size, sizeof(size), "CK_MAC_GENERAL_PARAMS");
	size = 0;
	refused(parameter_mac_general, &size, sizeof(size), "CK_MAC_GENERAL_PARAMS");
	size = (CK_ULONG)-1;
	refused(parameter_mac_general, &size, sizeof(size), "CK_MAC_GENERAL_PARAMS");
	/* Where it has more than 32 bits, all of them count. */
	size = ((CK_ULONG)1 << 16 << 16) + 16;
	if (size != 16)
		refused(parameter_mac_general, &size, sizeof(size), "CK_MAC_GENERAL_PARAMS");
	size = 16;
	for (CK_ULONG len = 0; len <= 2 * sizeof(size); len++)
		if (len != sizeof(size))
			refused(parameter_mac_general, iv, len, "ulParameterLen");
	refused(parameter_mac_general, NULL, sizeof(size), "ulParameterLen");
	refused(parameter_mac_general, NULL, 0, "ulParameterLen");
}

static void counter_parameters_have_their_size(void **state)
{
	struct ctr_params ctr = {.counter_bits = 128};
	struct parameter parameter;

	memcpy(ctr.counter, iv, 16);
	assert_int_equal(decode(parameter_ctr, &ctr, sizeof(ctr), &parameter), CKR_OK);
	assert_int_equal(parameter.iv_len, 16);
	assert_memory_equal(parameter.iv, iv, 16);
	for (CK_ULONG len = 0; len < sizeof(iv); len++)
		if (len != sizeof(ctr))
			refused(parameter_ctr, iv, len, "ulParameterLen");
	refused(parameter_ctr, NULL, sizeof(ctr), "ulParameterLen");
}

static void a_counter_has_1_to_128_bits(void **state)
{
	static const CK_ULONG bad[] = {0, 129, 130, 256, (CK_ULONG)-1, 1UL << 31};
	struct ctr_params ctr = {0};
	struct parameter parameter;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		ctr.counter_bits = bad[i];
		refused(parameter_ctr, &ctr, sizeof(ctr), "ulCounterBits");
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
	struct ctr_params ctr;
	struct parameter parameter;
	uint64_t random = 1;

	for (unsigned int bits = 1; bits <= 128; bits++) {
		for (int sample = 0; sample < 400; sample++) {
			for (int i = 0; i < 16; i++) {
				random = random * 6364136223846793005 + 1442695040888963407;
				ctr.counter[i] = (uint8_t)(random >> 56);
				/* Ones and zeroes in a row are where mistakes are. */
				if (sample % 4 == 0)
					ctr.counter[i] = 0xff;
				else if (sample % 4 == 1 && i < sample / 4 % 17)
					ctr.counter[i] = 0xff;
				else if (sample % 4 == 2 && i >= sample / 4 % 17)
					ctr.counter[i] = 0;
			}
			if (sample % 8 == 4)
				ctr.counter[sample / 8 % 16] = (uint8_t) ~(1 << sample % 7);
			ctr.counter_bits = bits;
			assert_int_equal(decode(parameter_ctr, &ctr, sizeof(ctr), &parameter),
					 CKR_OK);
			if (parameter.blocks != blocks_by_subtraction(ctr.counter, bits))
				fail_msg("%u bits: %llu blocks, not %llu", bits,
					 (unsigned long long)parameter.blocks,
					 (unsigned long long)blocks_by_subtraction(ctr.counter,
										   bits));
		}
	}
}

/* Section 6.58.3: 32 bits and a nonce of 96, as RFC 8439 has it, or 64 and 64, as the original. */
static void chacha20_has_a_counter_of_32_or_64_bits(void **state)
{
	struct chacha20_params chacha = {iv, 32, iv + 16, 96};
	struct parameter parameter;
	uint8_t expected[16];

	for (CK_ULONG bits = 0; bits <= 256; bits++) {
		for (CK_ULONG nonce = 0; nonce <= 256; nonce += 8) {
			bool good = (bits == 32 && nonce == 96) || (bits == 64 && nonce == 64);

			chacha.block_counter_bits = bits;
			chacha.nonce_bits = nonce;
			if (!good) {
				refused(parameter_chacha20, &chacha, sizeof(chacha),
					bits == 32 || bits == 64 ? "ulNonceBits"
								 : "blockCounterBits");
				continue;
			}
			assert_int_equal(
				decode(parameter_chacha20, &chacha, sizeof(chacha), &parameter),
				CKR_OK);
			memcpy(expected, iv, bits / 8);
			memcpy(expected + bits / 8, iv + 16, nonce / 8);
			assert_int_equal(parameter.iv_len, 16);
			assert_memory_equal(parameter.iv, expected, 16);
		}
	}
	/* Bytes, where bits are counted. */
	chacha = (struct chacha20_params){iv, 4, iv + 16, 12};
	refused(parameter_chacha20, &chacha, sizeof(chacha), "blockCounterBits");
	chacha = (struct chacha20_params){NULL, 32, iv + 16, 96};
	refused(parameter_chacha20, &chacha, sizeof(chacha), "blockCounterBits");
	chacha = (struct chacha20_params){iv, 32, NULL, 96};
	refused(parameter_chacha20, &chacha, sizeof(chacha), "ulNonceBits");
	for (CK_ULONG len = 0; len < sizeof(iv); len++)
		if (len != sizeof(chacha))
			refused(parameter_chacha20, iv, len, "ulParameterLen");
	refused(parameter_chacha20, NULL, sizeof(chacha), "ulParameterLen");
}

static void chacha20_counts_blocks_to_the_wrap(void **state)
{
	static const uint64_t counters[] = {0,
					    1,
					    2,
					    0xff,
					    0x100,
					    0x01020304,
					    0x7fffffff,
					    0x80000000,
					    0xfffffffe,
					    0xffffffff,
					    0x100000000,
					    0x0102030405060708,
					    1ULL << 63,
					    -2ULL,
					    -1ULL,
					    0xff00,
					    0xffffffff00000000};
	struct parameter parameter;
	uint8_t counter[8];

	for (size_t i = 0; i < sizeof(counters) / sizeof(*counters); i++) {
		struct chacha20_params small = {counter, 32, iv, 96}, large = {counter, 64, iv, 64};

		for (int byte = 0; byte < 8; byte++)
			counter[byte] = (uint8_t)(counters[i] >> 8 * byte);
		assert_int_equal(decode(parameter_chacha20, &small, sizeof(small), &parameter),
				 CKR_OK);
		assert_true(parameter.blocks == ((uint64_t)1 << 32) - (uint32_t)counters[i]);
		assert_int_equal(decode(parameter_chacha20, &large, sizeof(large), &parameter),
				 CKR_OK);
		assert_true(parameter.blocks == (counters[i] ? -counters[i] : UINT64_MAX));
	}
}

static void additional_data_is_copied(void **state)
{
	struct parameter parameter = {0};

	*said = 0;
	assert_int_equal(parameter_take_aad(&parameter, NULL, 0), CKR_OK);
	assert_int_equal(parameter_take_aad(&parameter, iv, 0), CKR_OK);
	assert_null(parameter.aad);
	assert_int_equal(parameter_take_aad(&parameter, NULL, 1), CKR_MECHANISM_PARAM_INVALID);
	assert_non_null(strstr(said, "AAD"));
	assert_int_equal(parameter_take_aad(&parameter, iv, (CK_ULONG)INT_MAX + 1),
			 CKR_MECHANISM_PARAM_INVALID);
	assert_null(parameter.aad);
	assert_int_equal(parameter.aad_len, 0);
	assert_int_equal(parameter_take_aad(&parameter, iv, sizeof(iv)), CKR_OK);
	assert_ptr_not_equal(parameter.aad, iv);
	assert_int_equal(parameter.aad_len, sizeof(iv));
	assert_memory_equal(parameter.aad, iv, sizeof(iv));
	parameter_free(&parameter);
	assert_null(parameter.aad);
	assert_int_equal(parameter.aad_len, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest tests[] = {
		TEST(no_parameter_is_none),
		TEST(what_holds_before_is_no_limit),
		TEST(an_iv_has_the_length_of_its_row),
		TEST(an_initial_value_may_be_missing),
		TEST(a_general_mac_has_1_byte_to_all),
		TEST(counter_parameters_have_their_size),
		TEST(a_counter_has_1_to_128_bits),
		TEST(blocks_left_are_counted_to_the_wrap),
		TEST(chacha20_has_a_counter_of_32_or_64_bits),
		TEST(chacha20_counts_blocks_to_the_wrap),
		TEST(additional_data_is_copied),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("parameter", tests, NULL, NULL);
}
