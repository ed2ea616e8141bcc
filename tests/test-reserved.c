/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include <cmocka.h>

#include "conf.h"
#include "token/reserved.h"

static bool raised;

unsigned long __real_getauxval(unsigned long type);
unsigned long __wrap_getauxval(unsigned long type);

unsigned long __wrap_getauxval(unsigned long type)
{
	return type == AT_SECURE ? raised : __real_getauxval(type);
}

/* That RESERVED names EXPECTED (NULL: nothing), and the log says so in N lines. */
static void names(const char *reserved, const char *expected, unsigned int n)
{
	char *path = (char *)"unset";

	conf_log_begin();
	assert_int_equal(reserved_conf(reserved, &path), 0);
	conf_log_end();
	if (!expected && path)
		fail_msg("%s: %s", reserved, path);
	if (expected && (!path || strcmp(path, expected)))
		fail_msg("%s: %s instead of %s", reserved, path ? path : "nothing", expected);
	if (conf_log_lines() != n)
		fail_msg("%s: %s", reserved ? reserved : "NULL", conf_logged);
	free(path);
}

static void without_words_nothing_is_named(void **state)
{
	names(NULL, NULL, 0);
	names("", NULL, 0);
	names("  \t\r\n ", NULL, 0);
}

static void conf_names_the_file(void **state)
{
	names("conf=/etc/x.conf", "/etc/x.conf", 0);
	names("  conf=/etc/x.conf\t", "/etc/x.conf", 0);
	names("conf=x", "x", 0);
	names("conf=a=b", "a=b", 0);
	names("conf=", "", 0);
	names("\nconf=/etc/x.conf\n", "/etc/x.conf", 0);
}

static void quotes_hold_blanks(void **state)
{
	names("conf='/a b/c'", "/a b/c", 0);
	names("conf=\"/a b/c\"", "/a b/c", 0);
	names("conf=\"it's\"", "it's", 0);
	names("conf='say \"x\"'", "say \"x\"", 0);
	names("conf=''", "", 0);
	names("conf=' '", " ", 0);
	/* They are taken off around a whole name only. */
	names("conf=a' 'b", "a' 'b", 0);
}

static void quotes_must_end(void **state)
{
	names("conf='/a b", NULL, 1);
	assert_non_null(strstr(conf_logged, "C_Initialize: conf='/a b: the quotes do not end"));
	names("conf=\"/a b' x", NULL, 1);
	names("conf='", NULL, 1);
	names("x='a conf=b", NULL, 1);
}

/* NSS passes the parameters of its own modules as well. */
static void other_words_are_named_and_passed_over(void **state)
{
	names("configdir='sql:/home/x y' certPrefix='' flags=readOnly,noDB conf=/c", "/c", 3);
	assert_non_null(strstr(conf_logged, "configdir='sql:/home/x y' is not known"));
	assert_non_null(strstr(conf_logged, "certPrefix='' is not known"));
	assert_non_null(strstr(conf_logged, "flags=readOnly,noDB is not known"));
	names("tokenDescription=\"conf=/d\" conf=/c", "/c", 1);
	names("Conf=/d", NULL, 1);
	names("conf /d", NULL, 2);
	names("xconf=/d", NULL, 1);
	names("\x1b[31m", NULL, 1);
	assert_non_null(strstr(conf_logged, "\\x1b[31m is not known"));
}

static void the_first_one_counts(void **state)
{
	names("conf=/a conf=/b", "/a", 1);
	assert_non_null(strstr(conf_logged, "conf=/b: conf= stands twice"));
}

static void long_strings_are_strings(void **state)
{
	enum { LONG = 1 << 20, MANY = 1000 };
	char *text = malloc(LONG + 1);

	assert_non_null(text);
	memset(text, 'x', LONG);
	memcpy(text, "conf=", 5);
	text[LONG] = '\0';
	names(text, text + 5, 0);
	text[0] = 'C';
	names(text, NULL, 1);
	for (size_t i = 0; i < MANY; i++)
		memcpy(text + 4 * i, "' ' ", 5);
	names(text, NULL, MANY);
	free(text);
}

static void raised_privileges_read_nothing(void **state)
{
	raised = true;
	names("conf=/etc/x.conf", NULL, 1);
	assert_non_null(strstr(conf_logged, "raised privileges"));
	names(NULL, NULL, 0);
	raised = false;
	names("conf=/etc/x.conf", "/etc/x.conf", 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, conf_setup, conf_teardown)
	const struct CMUnitTest tests[] = {
		TEST(without_words_nothing_is_named),
		TEST(conf_names_the_file),
		TEST(quotes_hold_blanks),
		TEST(quotes_must_end),
		TEST(other_words_are_named_and_passed_over),
		TEST(the_first_one_counts),
		TEST(long_strings_are_strings),
		TEST(raised_privileges_read_nothing),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("reserved", tests, NULL, NULL);
}
