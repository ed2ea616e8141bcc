/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "token/words.h"

/* That LIST's words, with a | behind each, are EXPECTED. */
static void words_are(const char *list, const char *expected)
{
	char together[128] = "";
	const char *word;
	size_t len;

	while ((word = word_next(&list, &len)))
		snprintf(together + strlen(together), sizeof(together) - strlen(together), "%.*s|",
			 (int)len, word);
	assert_string_equal(together, expected);
	assert_string_equal(list, "");
	assert_null(word_next(&list, &len));
}

static void blanks_and_commas_stand_between_words(void **state)
{
	words_are("", "");
	words_are(" ,\t, ", "");
	words_are("a", "a|");
	words_are("a b,c\td", "a|b|c|d|");
	words_are(" , aa , ,bb,", "aa|bb|");
	words_are("a;b a.b", "a;b|a.b|");
}

static void a_word_is_the_whole_of_it(void **state)
{
	assert_true(word_is("sign,", 4, "sign"));
	assert_false(word_is("sign", 3, "sign"));
	assert_false(word_is("signs", 5, "sign"));
	assert_false(word_is("sigh", 4, "sign"));
	assert_true(word_is("x", 0, ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blanks_and_commas_stand_between_words),
		cmocka_unit_test(a_word_is_the_whole_of_it),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
