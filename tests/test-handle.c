/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "token/handle.h"

static void an_item_is_found_by_its_handle_only(void **state)
{
	struct handle_table table = {0};
	int one, two;
	CK_ULONG a = handle_new(&table, &one), b = handle_new(&table, &two);

	assert_int_not_equal(a, CK_INVALID_HANDLE);
	assert_int_not_equal(b, CK_INVALID_HANDLE);
	assert_int_not_equal(a, b);
	assert_ptr_equal(handle_item(&table, a), &one);
	assert_ptr_equal(handle_item(&table, b), &two);
	assert_null(handle_item(&table, CK_INVALID_HANDLE));
	assert_null(handle_item(&table, b + 1));
	assert_null(handle_item(&table, (CK_ULONG)-1));
	/* The same place, but bits that no handle has. */
	assert_null(handle_item(&table, a | (CK_ULONG)1 << 31));
	assert_null(handle_item(&table, a | (CK_ULONG)1 << (sizeof(a) * 8 - 1)));
	handle_table_free(&table);
}

static void a_table_without_items_has_no_handles(void **state)
{
	struct handle_table table = {0};
	uint32_t place = 0;

	assert_null(handle_item(&table, 1));
	assert_null(handle_end(&table, 1));
	assert_null(handle_next(&table, &place));
	handle_table_free(&table);
}

static void an_ended_handle_stays_ended(void **state)
{
	struct handle_table table = {0};
	int items[40];
	CK_ULONG old[40], a;

	for (size_t i = 0; i < 40; i++) {
		old[i] = handle_new(&table, &items[i]);
		assert_ptr_equal(handle_end(&table, old[i]), &items[i]);
		assert_null(handle_end(&table, old[i]));
	}
	a = handle_new(&table, items);
	for (size_t i = 0; i < 40; i++) {
		assert_int_not_equal(a, old[i]);
		assert_null(handle_item(&table, old[i]));
	}
	handle_table_free(&table);
}

/* One place used over and over: its generations must outlast any stale handle that a program may
 * reasonably keep, and must never make handle 0 nor leave 31 bits. */
static void a_place_has_many_generations(void **state)
{
	enum { TIMES = 2047 };
	struct handle_table table = {0};
	CK_ULONG first, handle;
	int item;

	first = handle = handle_new(&table, &item);
	for (int i = 0; i < TIMES; i++) {
		assert_ptr_equal(handle_end(&table, handle), &item);
		handle = handle_new(&table, &item);
		assert_int_not_equal(handle, CK_INVALID_HANDLE);
		assert_true(handle <= 0x7fffffff);
		assert_int_not_equal(handle, first);
		assert_null(handle_item(&table, first));
	}
	handle_table_free(&table);
}

static void the_place_that_rested_longest_is_used_next(void **state)
{
	struct handle_table table = {0};
	int items[3];
	CK_ULONG handles[3], again;
	const CK_ULONG place = 0xfffff;

	for (int i = 0; i < 3; i++)
		handles[i] = handle_new(&table, &items[i]);
	handle_end(&table, handles[1]);
	handle_end(&table, handles[0]);
	handle_end(&table, handles[2]);
	again = handle_new(&table, items);
	assert_int_equal(again & place, handles[1] & place);
	again = handle_new(&table, items);
	assert_int_equal(again & place, handles[0] & place);
	again = handle_new(&table, items);
	assert_int_equal(again & place, handles[2] & place);
	/* The queue is empty: a place never used. */
	again = handle_new(&table, items);
	for (int i = 0; i < 3; i++)
		assert_int_not_equal(again & place, handles[i] & place);
	handle_table_free(&table);
}

static void many_handles_are_all_different_and_walked_once(void **state)
{
	enum { MANY = 100000 };
	struct handle_table table = {0};
	CK_ULONG *handles = calloc(MANY, sizeof(*handles));
	uint8_t *items = calloc(MANY, 1);
	uint32_t place = 0;
	size_t n = 0;

	for (size_t i = 0; i < MANY; i++) {
		handles[i] = handle_new(&table, &items[i]);
		assert_int_not_equal(handles[i], CK_INVALID_HANDLE);
	}
	for (size_t i = 0; i < MANY; i += 3)
		assert_ptr_equal(handle_end(&table, handles[i]), &items[i]);
	for (uint8_t *item; (item = handle_next(&table, &place)); n++)
		++*item;
	assert_int_equal(n, MANY - (MANY + 2) / 3);
	for (size_t i = 0; i < MANY; i++) {
		assert_int_equal(items[i], i % 3 != 0);
		assert_ptr_equal(handle_item(&table, handles[i]), i % 3 ? &items[i] : NULL);
	}
	handle_table_free(&table);
	free(items);
	free(handles);
}

/* A program that leaks sessions gets an error, not a handle of somebody else's. */
static void a_full_table_says_so(void **state)
{
	enum { PLACES = (1 << 20) - 1 };
	struct handle_table table = {0};
	CK_ULONG last = 0;
	int item;

	for (size_t i = 0; i < PLACES; i++) {
		last = handle_new(&table, &item);
		assert_int_not_equal(last, CK_INVALID_HANDLE);
	}
	assert_true(last <= 0x7fffffff);
	assert_int_equal(handle_new(&table, &item), CK_INVALID_HANDLE);
	assert_ptr_equal(handle_end(&table, last), &item);
	assert_int_not_equal(handle_new(&table, &item), CK_INVALID_HANDLE);
	handle_table_free(&table);
}

/* A changed object takes over the handle of the one before. */
static void a_handle_can_be_given_to_another_item(void **state)
{
	struct handle_table table = {0};
	int one, two, other;
	CK_ULONG a = handle_new(&table, &one), b = handle_new(&table, &other);
	uint32_t place = 0;

	handle_set(&table, a, &two);
	assert_ptr_equal(handle_item(&table, a), &two);
	assert_ptr_equal(handle_item(&table, b), &other);
	assert_ptr_equal(handle_next(&table, &place), &two);
	assert_ptr_equal(handle_next(&table, &place), &other);
	assert_null(handle_next(&table, &place));
	handle_set(&table, b, &one);
	assert_ptr_equal(handle_item(&table, a), &two);
	assert_ptr_equal(handle_end(&table, a), &two);
	assert_ptr_equal(handle_end(&table, b), &one);
	assert_null(handle_item(&table, a));
	handle_table_free(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_item_is_found_by_its_handle_only),
		cmocka_unit_test(a_table_without_items_has_no_handles),
		cmocka_unit_test(an_ended_handle_stays_ended),
		cmocka_unit_test(a_place_has_many_generations),
		cmocka_unit_test(the_place_that_rested_longest_is_used_next),
		cmocka_unit_test(many_handles_are_all_different_and_walked_once),
		cmocka_unit_test(a_full_table_says_so),
		cmocka_unit_test(a_handle_can_be_given_to_another_item),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("handle", tests, NULL, NULL);
}
