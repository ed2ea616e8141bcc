/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel/log.h"

static char directory[] = "/tmp/kcryptoki-log-XXXXXX";
static char path[64], aside[64];

static int setup(void **state)
{
	snprintf(path, sizeof(path), "%s/log", directory);
	snprintf(aside, sizeof(aside), "%s/aside", directory);
	unsetenv("KCRYPTOKI_DEBUG");
	return 0;
}

static int teardown(void **state)
{
	log_close();
	unlink(path);
	unlink(aside);
	return 0;
}

/* The file as a string; "" where there is none. */
static const char *content(const char *name)
{
	static char text[16384];
	FILE *file = fopen(name, "r");
	size_t len = 0;

	if (file) {
		len = fread(text, 1, sizeof(text) - 1, file);
		fclose(file);
	}
	text[len] = '\0';
	return text;
}

/* What a line begins with, and its text behind that. */
static const char *text_of(const char *line)
{
	char prefix[64];
	int len = snprintf(prefix, sizeof(prefix), "kcryptoki[%ld]: ", (long)getpid());

	assert_int_equal(strncmp(line, prefix, (size_t)len), 0);
	return line + len;
}

static void nothing_is_logged_unasked(void **state)
{
	const char *const values[] = {NULL, "", "0"};

	for (size_t i = 0; i < 3; i++) {
		if (values[i])
			setenv("KCRYPTOKI_DEBUG", values[i], 1);
		log_open();
		assert_false(log_enabled());
		log_line("unheard");
		log_close();
	}
}

static void lines_are_appended_to_a_private_file(void **state)
{
	struct stat status;
	mode_t mask = umask(0);

	setenv("KCRYPTOKI_DEBUG", path, 1);
	log_open();
	umask(mask);
	assert_true(log_enabled());
	log_line("first %d", 1);
	log_close();
	assert_false(log_enabled());
	log_line("between");
	log_open();
	log_line("second");
	log_close();

	assert_int_equal(strncmp(text_of(content(path)), "first 1\n", 8), 0);
	assert_string_equal(text_of(strchr(content(path), '\n') + 1), "second\n");
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
}

static void an_open_log_stays_where_it_is(void **state)
{
	setenv("KCRYPTOKI_DEBUG", path, 1);
	log_open();
	setenv("KCRYPTOKI_DEBUG", aside, 1);
	log_open();
	log_line("here");
	assert_string_equal(text_of(content(path)), "here\n");
	assert_int_not_equal(access(aside, F_OK), 0);
}

static void a_symbolic_link_is_not_followed(void **state)
{
	assert_int_equal(symlink(aside, path), 0);
	setenv("KCRYPTOKI_DEBUG", path, 1);
	log_open();
	assert_false(log_enabled());
	log_line("elsewhere");
	assert_int_not_equal(access(aside, F_OK), 0);
}

static void bytes_that_could_forge_a_line_are_escaped(void **state)
{
	setenv("KCRYPTOKI_DEBUG", path, 1);
	log_open();
	log_line("a%sz", "\nkcryptoki[1]: \x1b[31m\t\r\x7f\x80\xc3\xa9\xff\\ ~");
	assert_string_equal(
		text_of(content(path)),
		"a\\x0akcryptoki[1]: \\x1b[31m\\x09\\x0d\\x7f\\x80\\xc3\\xa9\\xff\\ ~z\n");
}

/* Longest where every byte is written as four. */
static void a_long_line_is_cut_and_ended(void **state)
{
	static char text[6000];

	for (int fill = 0; fill < 2; fill++) {
		unlink(path);
		memset(text, fill ? '\n' : 'x', sizeof(text) - 1);
		setenv("KCRYPTOKI_DEBUG", path, 1);
		log_open();
		log_line("%s", text);
		log_line("next");
		log_close();
		assert_in_range(strcspn(content(path), "\n"), 900, 1200);
		assert_string_equal(text_of(strchr(content(path), '\n') + 1), "next\n");
	}
}

/* "1" is stderr, by a descriptor of its own: closing the log leaves the program's open. */
static void one_means_stderr(void **state)
{
	int kept = dup(STDERR_FILENO);

	assert_non_null(freopen(path, "w", stderr));
	setenv("KCRYPTOKI_DEBUG", "1", 1);
	log_open();
	log_line("to stderr");
	log_close();
	assert_int_equal(write(STDERR_FILENO, "still open\n", 11), 11);
	dup2(kept, STDERR_FILENO);
	close(kept);
	assert_string_equal(text_of(content(path)), "to stderr\nstill open\n");
}

static void a_file_that_cannot_be_opened_is_no_log(void **state)
{
	setenv("KCRYPTOKI_DEBUG", "/nonexistent/log", 1);
	log_open();
	assert_false(log_enabled());
	log_line("nowhere");
}

static int make_directory(void **state)
{
	return mkdtemp(directory) ? 0 : -1;
}

static int drop_directory(void **state)
{
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_is_logged_unasked, setup, teardown),
		cmocka_unit_test_setup_teardown(lines_are_appended_to_a_private_file, setup,
						teardown),
		cmocka_unit_test_setup_teardown(an_open_log_stays_where_it_is, setup, teardown),
		cmocka_unit_test_setup_teardown(a_symbolic_link_is_not_followed, setup, teardown),
		cmocka_unit_test_setup_teardown(bytes_that_could_forge_a_line_are_escaped, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_long_line_is_cut_and_ended, setup, teardown),
		cmocka_unit_test_setup_teardown(one_means_stderr, setup, teardown),
		cmocka_unit_test_setup_teardown(a_file_that_cannot_be_opened_is_no_log, setup,
						teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("log", tests, make_directory, drop_directory);
}
