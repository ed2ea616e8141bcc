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

#include "conf.h"
#include "token/config-file.h"

/* What the parser was told, a line each. */
static char told[65536];

__attribute__((format(printf, 1, 2))) static void tell(const char *format, ...)
{
	size_t len = strlen(told);
	va_list args;

	va_start(args, format);
	vsnprintf(told + len, sizeof(told) - len, format, args);
	va_end(args);
}

static void section(void *user, const struct config_line *line, const char *name)
{
	assert_ptr_equal(user, told);
	assert_string_equal(line->path, conf_path);
	if (name)
		tell("%u [%s]\n", line->number, name);
	else
		tell("%u no section\n", line->number);
}

static void entry(void *user, const struct config_line *line, const char *name, const char *value)
{
	assert_ptr_equal(user, told);
	tell("%u %s=%s\n", line->number, name, value);
}

static void passed_over(void *user)
{
	assert_ptr_equal(user, told);
	tell("passed over\n");
}

static void read_bytes(const char *bytes, size_t len)
{
	static const struct config_parser parser = {
		.section = section, .entry = entry, .passed_over = passed_over};

	conf_write(bytes, len);
	*told = '\0';
	conf_log_begin();
	assert_int_equal(config_file_read(conf_path, true, &parser, told), 0);
	conf_log_end();
}

static void tells(const char *text, const char *expected)
{
	read_bytes(text, strlen(text));
	if (strcmp(told, expected))
		fail_msg("%s\nis told as\n%s", text, told);
}

static void sections_and_entries_are_told_by_line(void **state)
{
	tells("[a]\nb = c\n\n[d e  f]\ng:h\n", "1 [a]\n2 b=c\n4 [d e  f]\n5 g=h\n");
	tells("b = c\n", "1 b=c\n");
	/* Those without entries, and those of the same name, too. */
	tells("[a]\n[a]\n[b]", "1 [a]\n2 [a]\n3 [b]\n");
	tells("\t[a]\n \t[ b\t]  \r\n[]\n[ ]", "1 [a]\n2 [b]\n3 []\n4 []\n");
	tells("[a] ; comment\n[b]#\n", "1 [a]\n2 [b]\n");
	tells("\xef\xbb\xbf[a]\nb=c", "1 [a]\n2 b=c\n");
	tells("\xef\xbb\xbf# [a]\nb=c", "2 b=c\n");
	tells("\xef\xbb\xbf", "");
	assert_string_equal(conf_logged, "");
}

static void a_value_may_go_on(void **state)
{
	tells("[a]\nb = c\n  d\n\te\n", "1 [a]\n2 b=c\n3 b=d\n4 b=e\n");
	/* Not over a section's beginning, however it is indented. */
	tells("[a]\nb = c\n [d]\n", "1 [a]\n2 b=c\n3 [d]\n");
	assert_string_equal(conf_logged, "");
	tells("[a]\nb = c\n[d]\n e\n", "1 [a]\n2 b=c\n3 [d]\npassed over\n");
}

static void long_names_of_sections_are_whole(void **state)
{
	char text[1100], expected[1100], name[1001];

	memset(name, 'n', 1000);
	name[1000] = '\0';
	snprintf(text, sizeof(text), "[%s]\nb=c\n", name);
	snprintf(expected, sizeof(expected), "1 [%s]\n2 b=c\n", name);
	tells(text, expected);
	assert_string_equal(conf_logged, "");
}

/* What follows one of these may have been meant for any section. */
static void a_section_must_be_a_section(void **state)
{
	static const char *const bad[] = {"[a", "[a b = c", "[a] b", "[a]]", "[", "[a ; b"};
	char text[64];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(text, sizeof(text), "[x]\n\n%s\nb = c\n", bad[i]);
		tells(text, "1 [x]\n3 no section\n4 b=c\n");
		if (!conf_complains(3, "no section's name") || conf_log_lines() != 1)
			fail_msg("%s: %s", bad[i], conf_logged);
	}
}

static void each_line_that_is_passed_over_is_told(void **state)
{
	char text[2048];

	tells("b\n[a]\nc\nd=e\nf", "passed over\n2 [a]\npassed over\n4 d=e\npassed over\n");
	assert_true(conf_complains(1, "neither a section nor a name and a value"));
	assert_true(conf_complains(3, "neither"));
	assert_true(conf_complains(5, "neither"));
	assert_int_equal(conf_log_lines(), 3);

	snprintf(text, sizeof(text), "[a]\nb = %01000d\nc=d\n", 0);
	tells(text, "1 [a]\npassed over\n3 c=d\n");
	assert_true(conf_complains(2, "too long"));
	assert_int_equal(conf_log_lines(), 1);
}

static void a_zero_byte_spoils_its_line(void **state)
{
	static const char *const lines[] = {
		"b\0 = c", "b = c\0 ", "\0b = ", "#b = \0", "[b]\0 =", "[b\0] ="};
	char text[32];

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		memset(text, '\0', sizeof(text));
		memcpy(text, "[a]\n", 4);
		memcpy(text + 4, lines[i], 6);
		memcpy(text + 10, "\nd=e\n", 5);
		read_bytes(text, 15);
		assert_string_equal(told, "1 [a]\npassed over\n3 d=e\n");
		assert_true(conf_complains(2, "zero byte"));
	}
	read_bytes("\0", 1);
	assert_string_equal(told, "passed over\n");
}

static void a_thousand_bad_lines_are_a_thousand(void **state)
{
	enum { N = 1000 };
	char text[2 * N + 16] = "";
	unsigned int n = 0;

	for (int i = 0; i < N; i++)
		strcat(text, "x\n");
	strcat(text, "a=b\n");
	read_bytes(text, strlen(text));
	for (const char *c = told; (c = strstr(c, "passed over\n")); c++)
		n++;
	assert_int_equal(n, N);
	assert_non_null(strstr(told, "1001 a=b\n"));
}

static void any_bytes_are_read_to_their_end(void **state)
{
	static const char alphabet[] = "[]=;# \t\n\r\0\xef\xbb\xbf"
				       "ab:,'\\";
	uint64_t seed = 1;
	char bytes[400];

	for (int round = 0; round < 2000; round++) {
		for (size_t i = 0; i < sizeof(bytes); i++) {
			seed = seed * 6364136223846793005 + 1442695040888963407;
			bytes[i] = alphabet[(seed >> 33) % (sizeof(alphabet) - 1)];
		}
		read_bytes(bytes, (seed >> 33) % sizeof(bytes));
	}
}

static void a_file_that_need_not_be_there_is_not_missed(void **state)
{
	static const struct config_parser parser = {
		.section = section, .entry = entry, .passed_over = passed_over};

	conf_log_begin();
	assert_int_equal(config_file_read(conf_path, false, &parser, told), 0);
	conf_log_end();
	assert_string_equal(conf_logged, "");
	conf_log_begin();
	assert_int_equal(config_file_read(conf_path, true, &parser, told), 0);
	assert_int_equal(config_file_read(conf_folder, false, &parser, told), 0);
	conf_log_end();
	assert_int_equal(conf_log_lines(), 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, conf_setup, conf_teardown)
	const struct CMUnitTest tests[] = {
		TEST(sections_and_entries_are_told_by_line),
		TEST(a_value_may_go_on),
		TEST(long_names_of_sections_are_whole),
		TEST(a_section_must_be_a_section),
		TEST(each_line_that_is_passed_over_is_told),
		TEST(a_zero_byte_spoils_its_line),
		TEST(a_thousand_bad_lines_are_a_thousand),
		TEST(any_bytes_are_read_to_their_end),
		TEST(a_file_that_need_not_be_there_is_not_missed),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("config-file", tests, NULL, NULL);
}
