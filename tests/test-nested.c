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

#include "token/nested.h"

static void check(const CK_ATTRIBUTE *one, CK_ATTRIBUTE_TYPE type, const void *value, CK_ULONG len)
{
	assert_int_equal(one->type, type);
	assert_int_equal(one->ulValueLen, len);
	assert_non_null(one->pValue);
	assert_memory_equal(one->pValue, value, len);
	/* Callers read numbers from where it lies. */
	assert_int_equal((uintptr_t)one->pValue % sizeof(CK_ULONG), 0);
}

static CK_ULONG reads(const char *text, CK_ATTRIBUTE **list)
{
	CK_ULONG count = 99;

	assert_int_equal(nested_check(text), 0);
	if (nested_read(text, list, &count))
		fail_msg("refused: %s", text);
	return count;
}

static void text_becomes_attributes(void **state)
{
	CK_ATTRIBUTE *list;

	assert_int_equal(reads("", &list), 0);
	free(list);
	assert_int_equal(reads("103:01", &list), 1);
	check(&list[0], CKA_SENSITIVE, "\x01", 1);
	free(list);
	assert_int_equal(reads("3:6162,102:,8b435202:aBCd,40000600:0102030405060708", &list), 4);
	check(&list[0], CKA_LABEL, "ab", 2);
	check(&list[1], CKA_ID, "", 0);
	check(&list[2], 0x8b435202, "\xab\xcd", 2);
	check(&list[3], CKA_ALLOWED_MECHANISMS, "\1\2\3\4\5\6\7\10", 8);
	free(list);
}

static void what_is_no_list_is_refused(void **state)
{
	static const char *const texts[] = {
		"x",        ":",        "103",          "103:0",       "103:0g",
		"103:01,x", ",103:01",  "103:01,,3:",   "103:01;3:61", "103:01 ",
		" 103:01",  "0x103:01", "123456789:01", "-1:01",       "103::01",
		"103:01:",  ":01",      "103:01,3",
	};
	/* These would hold addresses. */
	static const char *const arrays[] = {
		"40000211:000000000000000000000000000000000000000000000000",
		"40000212:000000000000000000000000000000000000000000000000",
		"40000213:",
		"103:01,40000211:00",
		"40000999:00",
		"C0000211:00"};
	CK_ATTRIBUTE *list = (CK_ATTRIBUTE *)&list;
	CK_ULONG count;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		if (nested_check(texts[i]) != -EINVAL)
			fail_msg("understood: %s", texts[i]);
		assert_int_equal(nested_read(texts[i], &list, &count), -EINVAL);
		assert_null(list);
	}
	for (size_t i = 0; i < sizeof(arrays) / sizeof(*arrays); i++) {
		if (nested_check(arrays[i]) != -EINVAL)
			fail_msg("understood: %s", arrays[i]);
		assert_int_equal(nested_read(arrays[i], &list, &count), -EINVAL);
	}
}

/* What is written is read back the same, whatever the number and the lengths. */
static void attributes_become_text_and_are_read_back(void **state)
{
	enum { MOST = 40 };
	CK_ATTRIBUTE out[MOST] = {{0}}, *in;
	uint8_t values[MOST][1024];

	for (CK_ULONG count = 0; count <= MOST; count++) {
		char *text;

		for (CK_ULONG i = 0; i < count; i++) {
			CK_ULONG len = (i * 67 + count * 29) % 1025;

			for (CK_ULONG k = 0; k < len; k++)
				values[i][k] = (uint8_t)(i + count + k * 7);
			out[i] = (CK_ATTRIBUTE){0x100 + (i * 0x4000001) % 0x40000000, values[i],
						len};
		}
		text = nested_write(out, count);
		assert_non_null(text);
		assert_int_equal(strspn(text, "0123456789abcdef:,"), strlen(text));
		assert_int_equal(reads(text, &in), count);
		for (CK_ULONG i = 0; i < count; i++)
			check(&in[i], out[i].type, out[i].pValue, out[i].ulValueLen);
		assert_true(nested_is(text, out, count * sizeof(*out)));
		free(in);
		free(text);
	}
}

static void written_it_is_as_short_as_can_be(void **state)
{
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE list[] = {
		{CKA_SENSITIVE, &yes, 1}, {CKA_LABEL, NULL, 0}, {0x8b435202, (void *)"\xff", 1}};
	char *text = nested_write(list, 3);

	assert_string_equal(text, "103:01,3:,8b435202:ff");
	free(text);
	text = nested_write(NULL, 0);
	assert_string_equal(text, "");
	free(text);
}

static void lists_are_compared_value_by_value(void **state)
{
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ATTRIBUTE list[] = {
		{CKA_SENSITIVE, &yes, 1}, {CKA_LABEL, NULL, 0}, {CKA_ID, (void *)"ab", 2}};
	static const char text[] = "103:01,3:,102:6162";

	assert_true(nested_is(text, list, sizeof(list)));
	assert_true(nested_is(NULL, NULL, 0));
	assert_true(nested_is("", list, 0));
	assert_false(nested_is(NULL, list, sizeof(list)));
	assert_false(nested_is(text, NULL, 0));
	assert_false(nested_is(text, NULL, sizeof(list)));
	assert_false(nested_is(text, list, sizeof(list) - 1));
	assert_false(nested_is(text, list, 2 * sizeof(*list)));
	list[2].ulValueLen = 1;
	assert_false(nested_is(text, list, sizeof(list)));
	list[2] = (CK_ATTRIBUTE){CKA_ID, NULL, 2};
	assert_false(nested_is(text, list, sizeof(list)));
	list[2] = (CK_ATTRIBUTE){CKA_LABEL, (void *)"ab", 2};
	assert_false(nested_is(text, list, sizeof(list)));
	list[2] = (CK_ATTRIBUTE){CKA_ID, (void *)"ab", 2};
	list[0].pValue = &no;
	assert_false(nested_is(text, list, sizeof(list)));
}

static void a_list_is_joined_with_what_a_key_adds(void **state)
{
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE list[] = {{CKA_SENSITIVE, &yes, 1}, {CKA_LABEL, (void *)"a", 1}}, *joined,
		     *added;
	CK_ULONG count;

	assert_int_equal(nested_join("102:6162,3:", list, 2, &joined, &count, &added), CKR_OK);
	assert_int_equal(count, 4);
	assert_memory_equal(joined, list, sizeof(list));
	check(&joined[2], CKA_ID, "ab", 2);
	check(&joined[3], CKA_LABEL, "", 0);
	free(joined);
	free(added);
	assert_int_equal(nested_join(NULL, list, 2, &joined, &count, &added), CKR_OK);
	assert_int_equal(count, 2);
	assert_memory_equal(joined, list, sizeof(list));
	assert_null(added);
	free(joined);
	assert_int_equal(nested_join("162:00", NULL, 0, &joined, &count, &added), CKR_OK);
	assert_int_equal(count, 1);
	check(&joined[0], CKA_EXTRACTABLE, "", 1);
	free(joined);
	free(added);
	assert_int_equal(nested_join(NULL, NULL, 0, &joined, &count, &added), CKR_OK);
	assert_int_equal(count, 0);
	free(joined);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_becomes_attributes),
		cmocka_unit_test(what_is_no_list_is_refused),
		cmocka_unit_test(attributes_become_text_and_are_read_back),
		cmocka_unit_test(written_it_is_as_short_as_can_be),
		cmocka_unit_test(lists_are_compared_value_by_value),
		cmocka_unit_test(a_list_is_joined_with_what_a_key_adds),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("nested", tests, NULL, NULL);
}
