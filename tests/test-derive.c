/* SPDX-License-Identifier: BSD-2-Clause */
/* What is the same for all mechanisms; the computations have tests of their own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mech/derive.h"

static CK_RV answer;
static size_t runs;

static CK_RV run(const struct derivation *derivation, const size_t *lens, size_t n, uint8_t *out)
{
	runs++;
	for (size_t i = 0; i < n; i++) {
		memset(out, 0x77, lens[i]);
		out += lens[i];
	}
	return answer;
}

static CK_RV more(const CK_MECHANISM *mechanism, struct derived_key **list, CK_ULONG *count)
{
	return CKR_OK;
}

static const struct derive_method single = {.run = run}, several = {.run = run, .more = more};
static const CK_MECHANISM mechanism = {.mechanism = 1};

static CK_RV derive(const struct derive_method *method, const size_t *lens, size_t n, uint8_t *out)
{
	const struct mechanism row = {.name = "CKM_TEST", .derive = method};
	const struct derivation derivation = {.row = &row, .mechanism = &mechanism};

	return derive_run(&derivation, lens, n, out);
}

static int setup(void **state)
{
	answer = CKR_OK;
	runs = 0;
	return 0;
}

static void what_a_method_does_not_say_is_the_obvious(void **state)
{
	const struct mechanism row = {.name = "CKM_TEST", .derive = &single};
	const struct derivation derivation = {.row = &row, .mechanism = &mechanism};
	struct derived_key key, *list = &key;
	CK_ULONG count = 7;
	size_t len = 7;

	assert_false(derive_reads(&row, &mechanism));
	assert_int_equal(derive_other_key(&row, &mechanism), CK_INVALID_HANDLE);
	assert_int_equal(derive_length(&derivation, &len), CKR_OK);
	assert_int_equal(len, 0);
	assert_int_equal(derive_more(&row, &mechanism, &list, &count), CKR_OK);
	assert_null(list);
	assert_int_equal(count, 0);
	assert_int_equal(derive_need_bytes(&derivation), CKR_KEY_FUNCTION_NOT_PERMITTED);
}

static void a_failure_leaves_no_byte(void **state)
{
	static const size_t lens[] = {3, 5, 9};
	uint8_t out[18], zeros[17] = {0};

	memset(out, 0xa5, sizeof(out));
	assert_int_equal(derive(&several, lens, 3, out), CKR_OK);
	for (size_t i = 0; i < 17; i++)
		assert_int_equal(out[i], 0x77);
	answer = CKR_DEVICE_ERROR;
	assert_int_equal(derive(&several, lens, 3, out), CKR_DEVICE_ERROR);
	assert_memory_equal(out, zeros, 17);
	assert_int_equal(out[17], 0xa5);
}

static void lengths_without_sense_are_refused(void **state)
{
	static const size_t none[] = {4, 0, 4}, huge[] = {4, SIZE_MAX - 4, 1};
	uint8_t out[4];

	assert_int_equal(derive(&several, none, 3, out), CKR_KEY_SIZE_RANGE);
	assert_int_equal(derive(&several, huge, 3, out), CKR_KEY_SIZE_RANGE);
	/* Nobody would make the second one. */
	assert_int_equal(derive(&single, none, 2, out), CKR_MECHANISM_PARAM_INVALID);
	assert_int_equal(derive(&single, none, 0, out), CKR_MECHANISM_PARAM_INVALID);
	assert_int_equal(runs, 0);
}

static void a_parameter_is_copied_where_its_size_is_right(void **state)
{
	uint64_t value = 0x1122334455667788, copy = 0;
	CK_MECHANISM with = {1, &value, sizeof(value)};

	assert_true(derive_copy(&with, &copy, sizeof(copy)));
	assert_true(copy == value);
	for (size_t size = 0; size < 2 * sizeof(value); size++) {
		with.ulParameterLen = size;
		assert_int_equal(derive_copy(&with, &copy, sizeof(copy)), size == sizeof(copy));
	}
	with = (CK_MECHANISM){1, NULL, sizeof(value)};
	assert_false(derive_copy(&with, &copy, sizeof(copy)));
}

/* Sections 6.17.4, 6.42.7, 6.43.5 and 6.62.3. */
static void rows_have_the_secrecy_of_the_specification(void **state)
{
	static const struct {
		CK_MECHANISM_TYPE type;
		enum derive_secrecy secrecy;
	} rows[] = {
		{CKM_AES_ECB_ENCRYPT_DATA, DERIVE_FREE},
		{CKM_AES_CBC_ENCRYPT_DATA, DERIVE_FREE},
		{CKM_HKDF_DERIVE, DERIVE_FREE},
		{CKM_HKDF_DATA, DERIVE_FREE},
		{CKM_SP800_108_COUNTER_KDF, DERIVE_INHERIT},
		{CKM_SP800_108_FEEDBACK_KDF, DERIVE_INHERIT},
		{CKM_CONCATENATE_BASE_AND_DATA, DERIVE_STRICT},
	};
	size_t derive_rows = 0;

	for (size_t i = 0; i < n_mechanisms; i++)
		derive_rows += mechanisms[i].derive != NULL;
	assert_int_equal(derive_rows, sizeof(rows) / sizeof(*rows));
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(mechanism_find(rows[i].type)->derive->secrecy, rows[i].secrecy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_a_method_does_not_say_is_the_obvious, setup),
		cmocka_unit_test_setup(a_failure_leaves_no_byte, setup),
		cmocka_unit_test_setup(lengths_without_sense_are_refused, setup),
		cmocka_unit_test_setup(a_parameter_is_copied_where_its_size_is_right, setup),
		cmocka_unit_test_setup(rows_have_the_secrecy_of_the_specification, setup),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("derive", tests, NULL, NULL);
}
