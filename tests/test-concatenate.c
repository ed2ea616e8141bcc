/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mech/derive.h"

static struct derivation_data data;
static CK_MECHANISM mechanism;
static struct derivation derivation;

/* The example of section 6.43.5. */
static const uint8_t base[] = {0x01, 0x23, 0x45, 0x67};
static uint8_t more[] = {0x89, 0xab, 0xcd, 0xef};
static const uint8_t both[] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};

static int setup(void **state)
{
	data = (struct derivation_data){more, sizeof(more)};
	mechanism = (CK_MECHANISM){CKM_CONCATENATE_BASE_AND_DATA, &data, sizeof(data)};
	derivation = (struct derivation){
		.row = mechanism_find(CKM_CONCATENATE_BASE_AND_DATA),
		.mechanism = &mechanism,
		.base = {.type = CKK_AES, .bytes = base, .len = sizeof(base)},
	};
	return 0;
}

static void a_key_is_the_beginning_of_both(void **state)
{
	uint8_t out[9];
	size_t len = 0;

	assert_true(derive_reads(derivation.row, &mechanism));
	assert_int_equal(derive_length(&derivation, &len), CKR_OK);
	assert_int_equal(len, 8);
	for (len = 1; len <= 8; len++) {
		memset(out, 0xa5, sizeof(out));
		assert_int_equal(derive_run(&derivation, &len, 1, out), CKR_OK);
		assert_memory_equal(out, both, len);
		assert_int_equal(out[len], 0xa5);
	}
	len = 9;
	assert_int_equal(derive_run(&derivation, &len, 1, out), CKR_KEY_SIZE_RANGE);
}

static void there_may_be_no_data(void **state)
{
	uint8_t out[4];
	size_t len;

	data = (struct derivation_data){NULL, 0};
	assert_int_equal(derive_length(&derivation, &len), CKR_OK);
	assert_int_equal(len, 4);
	assert_int_equal(derive_run(&derivation, &len, 1, out), CKR_OK);
	assert_memory_equal(out, base, 4);
}

static void an_unreadable_base_is_refused(void **state)
{
	uint8_t out[4];
	size_t len = 4;

	derivation.base.bytes = NULL;
	assert_int_equal(derive_run(&derivation, &len, 1, out), CKR_KEY_FUNCTION_NOT_PERMITTED);
}

static void refuses(void)
{
	uint8_t out[4] = {0};
	size_t len = 4;

	assert_int_equal(derive_run(&derivation, &len, 1, out), CKR_MECHANISM_PARAM_INVALID);
	assert_int_equal(derive_length(&derivation, &len), CKR_MECHANISM_PARAM_INVALID);
}

static void a_wrong_parameter_is_refused(void **state)
{
	data.data = NULL;
	refuses();
	data = (struct derivation_data){more, SIZE_MAX - 3};
	refuses();
	setup(NULL);
	mechanism.ulParameterLen--;
	refuses();
	mechanism = (CK_MECHANISM){CKM_CONCATENATE_BASE_AND_DATA, NULL, 0};
	refuses();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_key_is_the_beginning_of_both, setup),
		cmocka_unit_test_setup(there_may_be_no_data, setup),
		cmocka_unit_test_setup(an_unreadable_base_is_refused, setup),
		cmocka_unit_test_setup(a_wrong_parameter_is_refused, setup),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("concatenate", tests, NULL, NULL);
}
