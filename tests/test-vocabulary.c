/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kcryptoki.h"
#include "mech/mechanism.h"
#include "token/metadata.h"
#include "token/vocabulary.h"

enum { FLAGS_ALL = 2 * FLAG_WRAP_WITH_TRUSTED - 1 };

static void check_key_type(CK_KEY_TYPE type)
{
	const char *word = vocabulary_of_key_type(type);
	CK_KEY_TYPE got = CK_UNAVAILABLE_INFORMATION;

	assert_non_null(word);
	assert_int_equal(vocabulary_key_type(word, &got), 0);
	assert_int_equal(got, type);
}

/* No mechanism takes or makes a key whose type a description could not say. The words themselves
 * are test-metadata's. */
static void each_row_has_words_for_its_keys(void **state)
{
	static const char *const strange[] = {"",     "AES",     "aes ", "ae",      "aess", "rsa",
					      "aes,", "ckk-aes", "rc4",  "aes_xts", "0x1f"};
	CK_KEY_TYPE type;

	for (size_t i = 0; i < n_mechanisms; i++) {
		if (!mechanism_takes_key(&mechanisms[i]) || mechanisms[i].any_key)
			continue;
		check_key_type(mechanisms[i].key_types[0]);
		check_key_type(mechanisms[i].key_types[1]);
	}
	for (size_t i = 0; i < sizeof(strange) / sizeof(*strange); i++)
		assert_int_equal(vocabulary_key_type(strange[i], &type), -EINVAL);
	assert_null(vocabulary_of_key_type(CKK_RSA));
	assert_null(vocabulary_of_key_type(CKK_RC4));
	assert_null(vocabulary_of_key_type(CK_UNAVAILABLE_INFORMATION));
}

static const char *const usages[] = {"encrypt", "decrypt", "sign",  "verify",
				     "wrap",    "unwrap",  "derive"};
static const char *const flags[] = {
	"local",   "extractable",  "insensitive", "always-sensitive", "never-extractable",
	"private", "unmodifiable", "uncopyable",  "undestroyable",    "wrap-with-trusted"};

/* All subsets of N words: written as a list with commas, and read back. */
static void check_sets(const char *const *words, unsigned int n,
		       int (*read)(const char *, unsigned int *),
		       void (*write)(unsigned int, char[VOCABULARY_MAX]))
{
	for (unsigned int set = 0; set < 1U << n; set++) {
		char text[VOCABULARY_MAX + 1], expected[512] = "";
		unsigned int got = 99;

		for (unsigned int i = 0; i < n; i++) {
			if (!(set & 1U << i))
				continue;
			strcat(expected, *expected ? "," : "");
			strcat(expected, words[i]);
		}
		memset(text, 0x5a, sizeof(text));
		write(set, text);
		assert_string_equal(text, expected);
		assert_int_equal(text[VOCABULARY_MAX], 0x5a);
		assert_int_equal(read(text, &got), 0);
		assert_int_equal(got, set);
	}
}

static void usages_are_read_as_they_are_written(void **state)
{
	assert_int_equal(1U << sizeof(usages) / sizeof(*usages), USAGE_ALL + 1);
	check_sets(usages, 7, vocabulary_usage, vocabulary_of_usage);
}

static void flags_are_read_as_they_are_written(void **state)
{
	assert_int_equal(1U << sizeof(flags) / sizeof(*flags), FLAGS_ALL + 1);
	check_sets(flags, 10, vocabulary_flags, vocabulary_of_flags);
}

/* One word that is not understood spoils the list: it may have been a restriction. */
static void lists_are_understood_or_refused(void **state)
{
	static const char *const strange[] = {"x",
					      "encrypt,x",
					      "encrypt;decrypt",
					      "encrypt decrypt",
					      ",",
					      ",encrypt",
					      "encrypt,,sign",
					      "Encrypt",
					      "encryp",
					      "encrypts",
					      "encrypt, sign",
					      " encrypt",
					      "local,encrypt"};
	unsigned int got;

	for (size_t i = 0; i < sizeof(strange) / sizeof(*strange); i++) {
		if (vocabulary_usage(strange[i], &got) != -EINVAL)
			fail_msg("understood: %s", strange[i]);
		assert_int_equal(vocabulary_flags(strange[i], &got), -EINVAL);
	}
	assert_int_equal(vocabulary_usage("sign,encrypt,sign", &got), 0);
	assert_int_equal(got, USAGE_SIGN | USAGE_ENCRYPT);
	assert_int_equal(vocabulary_usage("local", &got), -EINVAL);
	assert_int_equal(vocabulary_flags("sign", &got), -EINVAL);
}

static void one_usage_is_a_whole_word(void **state)
{
	for (unsigned int i = 0; i < 7; i++) {
		size_t len = strlen(usages[i]);

		assert_int_equal(vocabulary_one_usage(usages[i], len), 1U << i);
		assert_int_equal(vocabulary_one_usage(usages[i], len - 1), 0);
		assert_int_equal(vocabulary_one_usage(usages[i], len + 1), 0);
	}
	assert_int_equal(vocabulary_one_usage("sign,verify", 4), USAGE_SIGN);
	assert_int_equal(vocabulary_one_usage("", 0), 0);
}

static void mechanisms_are_read_as_they_are_written(void **state)
{
	CK_MECHANISM_TYPE *all = calloc(n_mechanisms, sizeof(*all)), *got;
	size_t count;
	char *text;

	for (size_t i = 0; i < n_mechanisms; i++)
		all[i] = mechanisms[i].type;
	for (size_t n = 0; n <= n_mechanisms; n++) {
		text = vocabulary_of_mechanisms(all, n);
		assert_non_null(text);
		assert_int_equal(strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-,"),
				 strlen(text));
		assert_int_equal(vocabulary_mechanisms(text, &got, &count), 0);
		assert_int_equal(count, n);
		/* Even of none: a list that allows nothing is not the lack of one. */
		assert_non_null(got);
		assert_memory_equal(got, all, n * sizeof(*all));
		free(got);
		free(text);
	}
	free(all);
	text = vocabulary_of_mechanisms((CK_MECHANISM_TYPE[]){CKM_AES_GCM, CKM_SHA_1_HMAC}, 2);
	assert_string_equal(text, "aes-gcm,sha-1-hmac");
	free(text);
}

static void unknown_mechanisms_are_refused(void **state)
{
	static const char *const strange[] = {
		"x",        "aes-gcm,x",       "aes-gcm,,aes-ccm", ",",
		"AES-GCM",  "aes_gcm",         "aes-gcm aes-ccm",  "aes",
		"rsa-pkcs", "aes-gcm, aes-ccm"};
	CK_MECHANISM_TYPE *got;
	size_t count;

	for (size_t i = 0; i < sizeof(strange) / sizeof(*strange); i++) {
		got = NULL;
		if (vocabulary_mechanisms(strange[i], &got, &count) != -EINVAL)
			fail_msg("understood: %s", strange[i]);
		free(got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row_has_words_for_its_keys),
		cmocka_unit_test(usages_are_read_as_they_are_written),
		cmocka_unit_test(flags_are_read_as_they_are_written),
		cmocka_unit_test(lists_are_understood_or_refused),
		cmocka_unit_test(one_usage_is_a_whole_word),
		cmocka_unit_test(mechanisms_are_read_as_they_are_written),
		cmocka_unit_test(unknown_mechanisms_are_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("vocabulary", tests, NULL, NULL);
}
