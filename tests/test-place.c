/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <keyutils.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fake-kernel.h"
#include "token/place.h"

static int setup(void **state)
{
	fake_reset();
	return 0;
}

static struct place place_of(const char *text)
{
	struct place place;
	const char *why;

	memset(&place, 0xa5, sizeof(place));
	why = place_read(&place, text);
	if (why)
		fail_msg("%s: %s", text, why);
	return place;
}

static int resolve(const char *text)
{
	struct place place = place_of(text);

	return place_resolve(&place);
}

static void keyrings_have_words(void **state)
{
	assert_int_equal(resolve("user"), FAKE_USER_KEYRING);
	assert_int_equal(resolve("session"), FAKE_SESSION_KEYRING);
	assert_int_equal(fake_calls("keyring_resolve"), 2);
	assert_int_equal(resolve("persistent"), FAKE_PERSISTENT_KEYRING);
	assert_int_equal(fake_calls("keyring_persistent"), 1);
	assert_int_equal(fake_calls("key_search"), 0);
	fake_fail("keyring_persistent", 1, -EOPNOTSUPP);
	assert_int_equal(resolve("persistent"), -EOPNOTSUPP);
}

static void numbers_are_serials(void **state)
{
	static const struct {
		const char *text;
		int32_t serial;
	} cases[] = {
		{"1", 1},
		{"0123", 123},
		{"2147483647", INT32_MAX},
		{"0x1", 1},
		{"0x2f1C3a5e", 0x2f1c3a5e},
		{"0x7fffffff", INT32_MAX},
		{"0x000000000000001", 1},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct place place = place_of(cases[i].text);

		assert_int_equal(place.kind, PLACE_SERIAL);
		assert_int_equal(place.serial, cases[i].serial);
	}
}

static void bad_numbers_and_names_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"0",
		"0x0",
		"2147483648",
		"0x80000000",
		"0xffffffffffffffffffffffff",
		"99999999999999999999999999",
		"\xff",
		"a\xc3",
	};
	struct place place;
	char name[300];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (!place_read(&place, bad[i]))
			fail_msg("taken: %s", bad[i]);
	memset(name, 'x', sizeof(name));
	name[255] = '\0';
	place = place_of(name);
	assert_string_equal(place.name, name);
	name[255] = 'x';
	name[256] = '\0';
	assert_non_null(place_read(&place, name));
}

static void what_is_no_number_is_a_name(void **state)
{
	static const char *const names[] = {"backup", "users", "User", "0x",  "0xg",
					    "12a",    "-4",    "@u",   "a b", "\xc3\xa4"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct place place = place_of(names[i]);

		assert_int_equal(place.kind, PLACE_NAME);
		assert_string_equal(place.name, names[i]);
	}
}

/* Reading a key as if it were a keyring would bring its bytes into this process. */
static void a_serial_must_be_a_keyrings(void **state)
{
	int32_t keyring = fake_key_add(FAKE_USER_KEYRING, "keyring", "backup", "", 0, FAKE_PERM);
	int32_t key = fake_key_add(FAKE_USER_KEYRING, "user", "backup", "01234567", 8, FAKE_PERM);
	char text[32];

	snprintf(text, sizeof(text), "%d", keyring);
	assert_int_equal(resolve(text), keyring);
	snprintf(text, sizeof(text), "0x%x", (unsigned int)keyring);
	assert_int_equal(resolve(text), keyring);
	snprintf(text, sizeof(text), "%d", key);
	assert_int_equal(resolve(text), -ENOTDIR);
	assert_int_equal(fake_calls("keyring_list") + fake_calls("key_read"), 0);
	fake_key_unlink(keyring);
	snprintf(text, sizeof(text), "%d", keyring);
	assert_int_equal(resolve(text), -ENOKEY);
	assert_int_equal(resolve("2147483647"), -ENOKEY);
}

static void a_name_is_searched_for_in_the_session_first(void **state)
{
	int32_t user, session, nested;

	assert_int_equal(resolve("backup"), -ENOKEY);
	user = fake_key_add(FAKE_USER_KEYRING, "keyring", "backup", "", 0, FAKE_PERM);
	assert_int_equal(resolve("backup"), user);
	nested = fake_key_add(user, "keyring", "deeper", "", 0, FAKE_PERM);
	assert_int_equal(resolve("deeper"), nested);
	session = fake_key_add(FAKE_SESSION_KEYRING, "keyring", "backup", "", 0, FAKE_PERM);
	assert_int_equal(resolve("backup"), session);
	fake_key_unlink(session);
	assert_int_equal(resolve("backup"), user);
	/* A key of that name is no keyring. */
	fake_key_add(FAKE_SESSION_KEYRING, "user", "backup", "", 0, FAKE_PERM);
	assert_int_equal(resolve("backup"), user);
	fake_fail("key_search", 2, -EACCES);
	assert_int_equal(resolve("nowhere"), -EACCES);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest tests[] = {
		TEST(keyrings_have_words),
		TEST(numbers_are_serials),
		TEST(bad_numbers_and_names_are_refused),
		TEST(what_is_no_number_is_a_name),
		TEST(a_serial_must_be_a_keyrings),
		TEST(a_name_is_searched_for_in_the_session_first),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("place", tests, NULL, NULL);
}
