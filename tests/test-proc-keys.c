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

#include "kernel/proc-keys.h"

int __real_proc_keys_read(char **text);

enum { SERIAL = 0x0123abcd, OTHER = 0x3fffffff };

/* Lines as security/keys/proc.c prints them. */
#define LINE(serial, type, rest) \
	serial " I--Q---     1 perm 3f010000  1000  1000 " type " " rest "\n"
#define USER "user     "
#define LOGON "logon    "

static const char some_keys[] = LINE("00aa0001", "keyring  ", "_uid.1000: 3")
	LINE("0123abcd", USER, "pkcs11:object=a?x-key-type=aes: 16")
		LINE("3fffffff", LOGON,
		     "pkcs11:object=b: 32767") "20000000 I------     2 10m 3f010000     0 -1 user  "
					       "    expiring: 24\n" LINE("20000001", "encrypte ",
									 "pkcs11:object=c: 182");

static void lengths_of_user_and_logon_keys_are_read(void **state)
{
	assert_int_equal(
		proc_keys_length(some_keys, SERIAL, "user", "pkcs11:object=a?x-key-type=aes"), 16);
	assert_int_equal(proc_keys_length(some_keys, OTHER, "logon", "pkcs11:object=b"), 32767);
	assert_int_equal(proc_keys_length(some_keys, 0x20000000, "user", "expiring"), 24);
}

static void keys_are_found_by_type_and_description(void **state)
{
	assert_int_equal(proc_keys_find(some_keys, "keyring", "_uid.1000"), 0xaa0001);
	assert_int_equal(proc_keys_find(some_keys, "logon", "pkcs11:object=b"), OTHER);
	assert_int_equal(proc_keys_find(some_keys, "user", "pkcs11:object=b"), -ENOENT);
	assert_int_equal(proc_keys_find(some_keys, "keyring", "_uid"), -ENOENT);
	assert_int_equal(proc_keys_find("", "user", "a"), -ENOENT);
	/* Of two, one is forged. */
	assert_int_equal(proc_keys_find(LINE("00000001", USER, "a: 1")
						LINE("00000002", USER, "a: 1"),
					"user", "a"),
			 -EPROTO);
}

static void a_key_that_is_not_listed_is_absent(void **state)
{
	assert_int_equal(proc_keys_length(some_keys, 0x0123abce, "user", "pkcs11:object=b"),
			 -ENOENT);
	assert_int_equal(proc_keys_length("", SERIAL, "user", "a"), -ENOENT);
	/* A serial number within a line does not begin one. */
	assert_int_equal(
		proc_keys_length(LINE("00000001", USER, "0123abcd : 3"), SERIAL, "user", "a"),
		-ENOENT);
}

static void a_line_that_says_otherwise_is_not_believed(void **state)
{
	static const char *const lines[] = {
		/* another type, another description, a longer or a shorter one */
		LINE("0123abcd", LOGON, "a: 16"),
		LINE("0123abcd", "userx    ", "a: 16"),
		LINE("0123abcd", USER, "b: 16"),
		LINE("0123abcd", USER, "ab: 16"),
		LINE("0123abcd", USER, ": 16"),
		LINE("0123abcd", USER, " a: 16"),
		/* no length, or none that a payload can have */
		LINE("0123abcd", USER, "a"),
		LINE("0123abcd", USER, "a: "),
		LINE("0123abcd", USER, "a: x"),
		LINE("0123abcd", USER, "a: -1"),
		LINE("0123abcd", USER, "a: +1"),
		LINE("0123abcd", USER, "a: 16 "),
		LINE("0123abcd", USER, "a: 16x"),
		LINE("0123abcd", USER, "a: 32768"),
		LINE("0123abcd", USER, "a: 18446744073709551632"),
		LINE("0123abcd", USER, "a:16"),
		/* cut short */
		"0123abcd \n",
		"0123abcd I--Q---     1 perm 3f010000\n",
		"0123abcd I--Q---     1 perm 3f010000  1000  1000\n",
		"0123abcd I--Q---     1 perm 3f010000  1000  1000 user",
		"0123abcd I--Q---     1 perm 3f010000  1000  1000 user      a",
		"0123abcd I--Q---     1 perm 3f010000  1000  1000 user      a: 16",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		if (proc_keys_length(lines[i], SERIAL, "user", "a") != -EPROTO)
			fail_msg("believed: %s", lines[i]);
	assert_int_equal(proc_keys_length(LINE("0123abcd", USER, "a: 0"), SERIAL, "user", "a"), 0);
}

/* Somebody else's key named "x\n0123abcd ...: 32" makes a line of its own. */
static void two_lines_for_one_key_are_a_forgery(void **state)
{
	static const char mine[] = LINE("0123abcd", USER, "a: 16");
	static const char forged[] = LINE("3fffffff", USER, "x\n" LINE("0123abcd", USER, "a: 32"));
	static const char other[] = LINE("3fffffff", USER, "x\n0123abcd nonsense: 3");
	char text[512];

	snprintf(text, sizeof(text), "%s%s", mine, forged);
	assert_int_equal(proc_keys_length(text, SERIAL, "user", "a"), -EPROTO);
	snprintf(text, sizeof(text), "%s%s", forged, mine);
	assert_int_equal(proc_keys_length(text, SERIAL, "user", "a"), -EPROTO);
	snprintf(text, sizeof(text), "%s%s", mine, mine);
	assert_int_equal(proc_keys_length(text, SERIAL, "user", "a"), -EPROTO);
	snprintf(text, sizeof(text), "%s%s", mine, other);
	assert_int_equal(proc_keys_length(text, SERIAL, "user", "a"), -EPROTO);
	snprintf(text, sizeof(text), "%s%s", other, mine);
	assert_int_equal(proc_keys_length(text, SERIAL, "user", "a"), -EPROTO);
	/* The forgery is about another key: this one's length counts. */
	assert_int_equal(proc_keys_length(forged, OTHER, "user", "x"), -EPROTO);
	snprintf(text, sizeof(text), "%s%s", LINE("00000007", USER, "b: 5"), forged);
	assert_int_equal(proc_keys_length(text, 7, "user", "b"), 5);
}

static void descriptions_may_hold_anything_but_a_zero(void **state)
{
	static const char *const descriptions[] = {
		"a;b;c",    " a",       "a ",
		"  ",       "a b",      "a: 12",
		"a: 12: 7", ": 12",     ":",
		"a\tb",     "a\nb",     "a: 12\nb",
		"\n",       "\n\n",     "a\n",
		"\xff\xfe", "a\x1b[1m", "0123abcd I--Q--- 1 perm 3f010000 0 0 user x: 5",
	};
	char text[1024];

	for (size_t i = 0; i < sizeof(descriptions) / sizeof(*descriptions); i++) {
		snprintf(text, sizeof(text),
			 "%s0123abcd I--Q---     1 perm 3f010000  1000  1000 " USER " %s: 37\n%s",
			 some_keys, descriptions[i], LINE("00000009", LOGON, "z: 9"));
		/* Without this key's own line among them. */
		memcpy(strstr(text, "0123abcd"), "00000008", 8);
		if (proc_keys_length(text, SERIAL, "user", descriptions[i]) != 37)
			fail_msg("not understood: %s", descriptions[i]);
	}
}

static void a_description_of_its_own_cannot_lie(void **state)
{
	static const char text[] = LINE("0123abcd", USER, "a: 12: 7");

	assert_int_equal(proc_keys_length(text, SERIAL, "user", "a: 12"), 7);
	/* ": 12" is not the end of the line. */
	assert_int_equal(proc_keys_length(text, SERIAL, "user", "a"), -EPROTO);
}

static void the_longest_description_is_read(void **state)
{
	char *description = malloc(4096), *text = malloc(8192);

	memset(description, 'd', 4095);
	description[4095] = '\0';
	snprintf(text, 8192, "0123abcd I--Q---     1 perm 3f010000     0     0 " LOGON " %s: 64\n",
		 description);
	assert_int_equal(proc_keys_length(text, SERIAL, "logon", description), 64);
	description[4094] = 'e';
	assert_int_equal(proc_keys_length(text, SERIAL, "logon", description), -EPROTO);
	free(text);
	free(description);
}

static void high_serial_numbers_are_eight_digits(void **state)
{
	assert_int_equal(proc_keys_length(LINE("00000003", USER, "a: 16"), 3, "user", "a"), 16);
	assert_int_equal(proc_keys_length(LINE("7fffffff", USER, "a: 16"), 0x7fffffff, "user", "a"),
			 16);
}

/* The real file, where this machine has one. */
static void the_file_is_read_whole(void **state)
{
	char *text = NULL;
	int err = __real_proc_keys_read(&text);

	if (err == -ENOENT || err == -EACCES)
		skip();
	assert_int_equal(err, 0);
	assert_non_null(text);
	if (*text)
		assert_int_equal(text[strlen(text) - 1], '\n');
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths_of_user_and_logon_keys_are_read),
		cmocka_unit_test(keys_are_found_by_type_and_description),
		cmocka_unit_test(a_key_that_is_not_listed_is_absent),
		cmocka_unit_test(a_line_that_says_otherwise_is_not_believed),
		cmocka_unit_test(two_lines_for_one_key_are_a_forgery),
		cmocka_unit_test(descriptions_may_hold_anything_but_a_zero),
		cmocka_unit_test(a_description_of_its_own_cannot_lie),
		cmocka_unit_test(the_longest_description_is_read),
		cmocka_unit_test(high_serial_numbers_are_eight_digits),
		cmocka_unit_test(the_file_is_read_whole),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("proc-keys", tests, NULL, NULL);
}
