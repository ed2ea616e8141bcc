/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake-inside.h"
#include "fake-kernel.h"
#include "kernel/keyring.h"
#include "kernel/log.h"
#include "key/own.h"

static const uint8_t payload[32] = "0123456789abcdefghijklmnopqrstu";

static int setup(void **state)
{
	fake_reset();
	own_abandon();
	return 0;
}

static struct key_order order_of(const char *description, int32_t keyring)
{
	return (struct key_order){.type = "logon",
				  .description = description,
				  .payload = payload,
				  .len = sizeof(payload),
				  .perm = KEY_PERM_CONSTANT,
				  .keyring = keyring};
}

static int make(const char *description, int32_t in, int32_t *serial, int32_t *keyring)
{
	const struct key_order order = order_of(description, in);

	*serial = *keyring = 77;
	return own_make(&order, serial, keyring);
}

static bool has(int32_t keyring, int32_t serial)
{
	int32_t *list = NULL;
	int n = keyring_list(keyring, &list);
	bool found = false;

	for (int i = 0; i < n; i++)
		found |= list[i] == serial;
	free(list);
	return found;
}

static int count(int32_t keyring)
{
	int32_t *list = NULL;
	int n = keyring_list(keyring, &list);

	free(list);
	return n;
}

static void check_key(int32_t serial, const char *description)
{
	const uint8_t *bytes = NULL;
	struct key_info info;
	size_t len = 0;

	assert_int_equal(key_describe(serial, &info), 0);
	assert_string_equal(info.type, "logon");
	assert_string_equal(info.description, description);
	assert_int_equal(info.perm, KEY_PERM_CONSTANT);
	free(info.description);
	assert_int_equal(fake_key_arms(serial, &bytes, &len), 0);
	assert_int_equal(len, sizeof(payload));
	assert_memory_equal(bytes, payload, len);
}

/* All of it is there when others first see it. */
static void a_key_is_finished_before_it_is_moved(void **state)
{
	int32_t serial, keyring;

	assert_int_equal(make("pkcs11:object=a", FAKE_USER_KEYRING, &serial, &keyring), 0);
	assert_int_equal(keyring, FAKE_USER_KEYRING);
	assert_true(has(FAKE_USER_KEYRING, serial));
	check_key(serial, "pkcs11:object=a");
	assert_int_equal(fake_keys("logon"), 1);
	assert_int_equal(fake_keys("keyring"), 1);
	/* The keyring and the key; the permissions of both; and the way there. */
	assert_int_equal(fake_calls("key_add"), 2);
	assert_int_equal(fake_calls("key_set_perm"), 2);
	assert_int_equal(fake_calls("key_move"), 1);
	assert_int_equal(fake_calls("key_unlink"), 0);
	/* Nobody can change it. */
	assert_int_equal(key_update(serial, payload, 16), -EACCES);
	assert_int_equal(key_set_perm(serial, KEY_PERM_POSSESSOR), -EACCES);
}

static void a_session_s_key_stays_with_the_process(void **state)
{
	int32_t serial[3], keyring[3];
	struct key_info info;

	for (size_t i = 0; i < 3; i++) {
		char description[] = "pkcs11:object=a";

		description[14] = (char)('a' + i);
		assert_int_equal(make(description, 0, &serial[i], &keyring[i]), 0);
		check_key(serial[i], description);
	}
	/* All in one. */
	assert_int_equal(keyring[1], keyring[0]);
	assert_int_equal(keyring[2], keyring[0]);
	assert_int_equal(count(keyring[0]), 3);
	assert_int_equal(fake_keys("keyring"), 1);
	assert_int_equal(fake_calls("key_move"), 0);
	assert_int_equal(count(FAKE_USER_KEYRING), 0);
	assert_int_equal(key_describe(keyring[0], &info), 0);
	assert_string_equal(info.type, "keyring");
	/* Other threads of ours must be able to link it. */
	assert_int_equal(info.perm, KEY_PERM_SHARED);
	free(info.description);
	assert_int_equal(own_unlink(serial[1], keyring[1]), 0);
	assert_int_equal(count(keyring[0]), 2);
	assert_int_equal(own_unlink(serial[1], keyring[1]), -ENOENT);
}

static void nothing_is_overwritten(void **state)
{
	int32_t first, second, keyring;
	int32_t there = fake_key_add(FAKE_USER_KEYRING, "logon", "pkcs11:object=other", "x", 1,
				     KEY_PERM_POSSESSOR);
	const uint8_t *bytes = NULL;
	size_t len = 0;

	assert_int_equal(make("pkcs11:object=a", FAKE_USER_KEYRING, &first, &keyring), 0);
	assert_int_equal(make("pkcs11:object=a", FAKE_USER_KEYRING, &second, &keyring), -EEXIST);
	assert_int_equal(make("pkcs11:object=other", FAKE_USER_KEYRING, &second, &keyring),
			 -EEXIST);
	assert_int_equal(second, 77);
	assert_int_equal(keyring, 77);
	assert_int_equal(fake_keys("logon"), 2);
	check_key(first, "pkcs11:object=a");
	assert_int_equal(fake_key_arms(there, &bytes, &len), 0);
	assert_int_equal(len, 1);
	/* Of another type it is another key. */
	assert_int_equal(own_make(&(struct key_order){.type = "user",
						      .description = "pkcs11:object=a",
						      .payload = payload,
						      .len = 16,
						      .perm = KEY_PERM_READABLE,
						      .keyring = FAKE_USER_KEYRING},
				  &second, &keyring),
			 0);
}

/* Each call fails once; with the process's own keyring to be made, and with it there. */
static void of_a_failed_attempt_nothing_is_left(void **state)
{
	static const struct {
		const char *function;
		unsigned int nth;
		bool with_keyring;
	} cases[] = {
		{"key_add", 1, false},      {"key_add", 2, false},  {"key_set_perm", 1, false},
		{"key_set_perm", 2, false}, {"key_move", 1, false}, {"key_add", 1, true},
		{"key_set_perm", 1, true},  {"key_move", 1, true},
	};
	static const int errors[] = {-ENOMEM, -EDQUOT, -EIO, -EACCES, -EINVAL};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		for (size_t k = 0; k < sizeof(errors) / sizeof(*errors); k++) {
			int32_t serial, keyring;
			size_t keyrings;

			fake_reset();
			own_abandon();
			if (cases[i].with_keyring) {
				assert_int_equal(make("pkcs11:", 0, &serial, &keyring), 0);
				assert_int_equal(own_unlink(serial, keyring), 0);
			}
			fake_fail(cases[i].function, cases[i].nth, errors[k]);
			/* Moving is tried again, with the keyring linked. */
			if (!strcmp(cases[i].function, "key_move") && errors[k] == -EACCES) {
				assert_int_equal(make("pkcs11:object=a", FAKE_USER_KEYRING, &serial,
						      &keyring),
						 0);
				continue;
			}
			assert_int_equal(
				make("pkcs11:object=a", FAKE_USER_KEYRING, &serial, &keyring),
				errors[k]);
			assert_int_equal(serial, 77);
			assert_int_equal(keyring, 77);
			assert_int_equal(fake_keys("logon"), 0);
			keyrings = fake_keys("keyring");
			assert_in_range(keyrings, 0, 1);
			/* And the next one works, with that keyring, if there is one. */
			assert_int_equal(
				make("pkcs11:object=a", FAKE_USER_KEYRING, &serial, &keyring), 0);
			assert_int_equal(fake_keys("keyring"), 1);
			assert_int_equal(fake_keys("logon"), 1);
		}
	}
}

static void a_keyring_that_is_not_possessed_is_linked(void **state)
{
	int32_t serial, keyring;

	fake_keyring_distant(FAKE_USER_KEYRING, true);
	assert_int_equal(make("pkcs11:object=a", FAKE_USER_KEYRING, &serial, &keyring), 0);
	assert_int_equal(fake_calls("key_move"), 2);
	assert_int_equal(fake_calls("keyring_possess"), 1);
	fake_keyring_distant(FAKE_SESSION_KEYRING, true);
	fake_fail("keyring_possess", 2, -EACCES);
	assert_int_equal(make("pkcs11:object=a", FAKE_SESSION_KEYRING, &serial, &keyring), -EACCES);
	assert_int_equal(fake_keys("logon"), 1);
	serial = fake_key_add(FAKE_SESSION_KEYRING, "logon", "pkcs11:object=b", payload, 16,
			      KEY_PERM_CONSTANT);
	assert_int_equal(own_unlink(serial, FAKE_SESSION_KEYRING), 0);
	assert_false(has(FAKE_SESSION_KEYRING, serial));
}

/* A keyring goes with the last thread that links it. */
static void a_lost_keyring_is_made_anew(void **state)
{
	int32_t serial, first, second;

	assert_int_equal(make("pkcs11:object=a", 0, &serial, &first), 0);
	fake_key_unlink(first);
	assert_int_equal(make("pkcs11:object=b", 0, &serial, &second), 0);
	assert_int_not_equal(first, second);
	assert_true(has(second, serial));
	assert_int_equal(make("pkcs11:object=c", 0, &serial, &first), 0);
	assert_int_equal(first, second);
}

static void clearing_takes_all(void **state)
{
	int32_t serial, first, second, moved;

	own_clear();
	assert_int_equal(make("pkcs11:object=a", 0, &serial, &first), 0);
	assert_int_equal(make("pkcs11:object=b", FAKE_USER_KEYRING, &moved, &second), 0);
	own_clear();
	assert_int_equal(fake_keys("keyring"), 0);
	assert_int_equal(fake_keys("logon"), 1);
	check_key(moved, "pkcs11:object=b");
	assert_int_equal(make("pkcs11:object=a", 0, &serial, &second), 0);
	assert_int_not_equal(first, second);
}

/* In a child: the parent's keyring is not for it, neither to use nor to clear. */
static void what_is_abandoned_is_left_alone(void **state)
{
	int32_t serial, first, second;

	assert_int_equal(make("pkcs11:object=a", 0, &serial, &first), 0);
	own_abandon();
	own_clear();
	assert_int_equal(fake_keys("logon"), 1);
	assert_int_equal(make("pkcs11:object=a", 0, &serial, &second), 0);
	assert_int_not_equal(first, second);
	assert_int_equal(count(first), 1);
}

/* Two keyrings of one name in a process keyring would replace each other. */
static void names_of_keyrings_differ(void **state)
{
	struct key_info one, other;
	int32_t serial, first, second;

	assert_int_equal(make("pkcs11:object=a", 0, &serial, &first), 0);
	own_abandon();
	assert_int_equal(make("pkcs11:object=a", 0, &serial, &second), 0);
	assert_int_equal(key_describe(first, &one), 0);
	assert_int_equal(key_describe(second, &other), 0);
	assert_string_not_equal(one.description, other.description);
	free(one.description);
	free(other.description);
}

static void the_log_says_how_to_go_on(void **state)
{
	char path[] = "/tmp/test-own-XXXXXX", text[4096] = "";
	int fd = mkstemp(path);
	int32_t serial, keyring;

	assert_true(fd >= 0);
	setenv("KCRYPTOKI_DEBUG", path, 1);
	log_open();
	fake_quota(1);
	assert_int_equal(make("pkcs11:object=a", FAKE_USER_KEYRING, &serial, &keyring), -EDQUOT);
	fake_quota(0);
	fake_keyring_distant(FAKE_USER_KEYRING, true);
	fake_fail("keyring_possess", 2, -EACCES);
	assert_int_equal(make("pkcs11:object=a", FAKE_USER_KEYRING, &serial, &keyring), -EACCES);
	log_close();
	unsetenv("KCRYPTOKI_DEBUG");
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	assert_non_null(strstr(text, "/proc/key-users"));
	assert_non_null(strstr(text, "link it into the session keyring"));
	/* Nothing of the key. */
	assert_null(strstr(text, (const char *)payload));
	close(fd);
	unlink(path);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest tests[] = {
		TEST(a_key_is_finished_before_it_is_moved),
		TEST(a_session_s_key_stays_with_the_process),
		TEST(nothing_is_overwritten),
		TEST(of_a_failed_attempt_nothing_is_left),
		TEST(a_keyring_that_is_not_possessed_is_linked),
		TEST(a_lost_keyring_is_made_anew),
		TEST(clearing_takes_all),
		TEST(what_is_abandoned_is_left_alone),
		TEST(names_of_keyrings_differ),
		TEST(the_log_says_how_to_go_on),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("own", tests, NULL, NULL);
}
