/* SPDX-License-Identifier: BSD-2-Clause */
/* [key] sections, from the file to what they make of a key's metadata. */
#include <errno.h>
#include <fnmatch.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf.h"
#include "mech/mechanism.h"
#include "token/config.h"
#include "token/mapping.h"

static struct config config;

static void read_it(const char *text)
{
	conf_write(text, strlen(text));
	config_free(&config);
	conf_log_begin();
	assert_int_equal(config_read(&config, NULL), 0);
	conf_log_end();
	mappings_start(config.mappings, config.n_mappings);
}

static int teardown(void **state)
{
	mappings_start(NULL, 0);
	config_free(&config);
	return conf_teardown(state);
}

/* As object_open() does. */
static int map(const char *type, const char *description, struct metadata *metadata)
{
	const char *why = "";
	int err = metadata_read(metadata, type, description, &why);

	if (!err || err == -ENOMSG)
		err = mapping_apply(metadata, type, description, !err, &why);
	if (err == -EINVAL)
		assert_string_not_equal(why, "");
	return err;
}

static void answers(const char *type, const char *description, int expected)
{
	struct metadata metadata;
	int err = map(type, description, &metadata);

	metadata_free(&metadata);
	if (err != expected)
		fail_msg("%s %s: %d instead of %d", type, description, err, expected);
}

static void without_a_section_there_is_no_mapping(void **state)
{
	read_it("");
	answers("logon", "other:backup", -ENOMSG);
	answers("logon", "pkcs11:object=a", 0);
}

static void type_and_description_choose(void **state)
{
	read_it("[key a]\ntype = logon\ndescription = other:*\n"
		"[key b]\ntype = encrypted, trusted\ndescription = [a-c]?\n"
		"[key c]\ntype = *\ndescription = any\n");
	assert_string_equal(conf_logged, "");
	answers("logon", "other:", 0);
	answers("logon", "other:a/b.c", 0);
	answers("logon", "other:.hidden", 0);
	answers("logon", "another:a", -ENOMSG);
	answers("user", "other:a", -ENOMSG);
	answers("encrypted", "other:a", -ENOMSG);
	answers("encrypted", "b1", 0);
	answers("trusted", "c2", 0);
	answers("trusted", "c23", -ENOMSG);
	answers("trusted", "d2", -ENOMSG);
	answers("logon", "b1", -ENOMSG);
	answers("user", "any", 0);
	answers("logon", "any", 0);
	answers("encrypted", "any", 0);
	answers("trusted", "any", 0);
	answers("user", "many", -ENOMSG);
	answers("big_key", "any", -ENOMSG);
	answers("*", "any", 0);
	answers("user", "ANY", -ENOMSG);
}

static void a_section_says_what_a_uri_would(void **state)
{
	struct metadata metadata;

	read_it("[key x]\n"
		"type = logon\n"
		"description = other:backup\n"
		"label = Sicherung \xc3\xa4 2\n"
		"id = 00fFaB\n"
		"key-type = sha256-hmac\n"
		"usage = sign,\tverify\n"
		"mechanisms = sha256-hmac\n"
		"   sha256-hmac-general, aes-gcm\n"
		"trusted = yes\n");
	assert_string_equal(conf_logged, "");
	assert_int_equal(map("logon", "other:backup", &metadata), 0);
	assert_int_equal(metadata.label_len, 14);
	assert_memory_equal(metadata.label, "Sicherung \xc3\xa4 2", 14);
	assert_int_equal(metadata.id_len, 3);
	assert_memory_equal(metadata.id, "\x00\xff\xab", 3);
	assert_true(metadata.key_type_known);
	assert_int_equal(metadata.key_type, CKK_SHA256_HMAC);
	assert_int_equal(metadata.usage, USAGE_SIGN | USAGE_VERIFY);
	assert_int_equal(metadata.n_mechanisms, 3);
	assert_int_equal(metadata.mechanisms[0], CKM_SHA256_HMAC);
	assert_int_equal(metadata.mechanisms[1], CKM_SHA256_HMAC_GENERAL);
	assert_int_equal(metadata.mechanisms[2], CKM_AES_GCM);
	assert_true(metadata.trusted);
	assert_int_equal(strlen(metadata.unique_id), 16);
	metadata_free(&metadata);
}

static void what_a_section_does_not_say_has_defaults(void **state)
{
	struct metadata metadata, other;
	char id[17];

	read_it("[key x]\ntype = *\ndescription = *\n");
	assert_int_equal(map("logon", "other:backup", &metadata), 0);
	assert_int_equal(metadata.label_len, 12);
	assert_memory_equal(metadata.label, "other:backup", 12);
	assert_int_equal(metadata.id_len, 8);
	for (size_t i = 0; i < 8; i++)
		snprintf(id + 2 * i, 3, "%02x", metadata.id[i]);
	assert_string_equal(id, metadata.unique_id);
	assert_false(metadata.key_type_known);
	assert_int_equal(metadata.usage, USAGE_ALL);
	assert_null(metadata.mechanisms);
	assert_false(metadata.trusted);
	assert_int_equal(map("user", "other:backup", &other), 0);
	assert_memory_not_equal(metadata.id, other.id, 8);
	metadata_free(&other);
	metadata_free(&metadata);
	/* A label is text. */
	assert_int_equal(map("logon", "other:\xff", &metadata), 0);
	assert_int_equal(metadata.label_len, 0);
	assert_null(metadata.label);
	metadata_free(&metadata);
}

/* What is given, and empty, is not what is not given. */
static void nothing_is_something(void **state)
{
	struct metadata metadata;

	read_it("[key x]\ntype = user\ndescription = a\nlabel =\nusage =\nmechanisms =\n");
	assert_string_equal(conf_logged, "");
	assert_int_equal(map("user", "a", &metadata), 0);
	assert_int_equal(metadata.label_len, 0);
	assert_int_equal(metadata.usage, 0);
	assert_non_null(metadata.mechanisms);
	assert_int_equal(metadata.n_mechanisms, 0);
	metadata_free(&metadata);
}

static void the_first_section_that_fits_decides(void **state)
{
	struct metadata metadata;

	read_it("[key a]\ntype = user\ndescription = *\nlabel = 1\n"
		"[key a]\ntype = logon\ndescription = a:*\nlabel = 2\nusage = sign\n"
		"[key a]\ntype = *\ndescription = *\nlabel = 3\n");
	assert_string_equal(conf_logged, "");
	assert_int_equal(config.n_mappings, 3);
	assert_int_equal(map("logon", "a:b", &metadata), 0);
	assert_int_equal(metadata.label[0], '2');
	assert_int_equal(metadata.usage, USAGE_SIGN);
	metadata_free(&metadata);
	assert_int_equal(map("logon", "b:b", &metadata), 0);
	assert_int_equal(metadata.label[0], '3');
	assert_int_equal(metadata.usage, USAGE_ALL);
	metadata_free(&metadata);
}

/* A URI speaks for itself, but for CKA_TRUSTED, which it cannot say. */
static void a_uri_gets_nothing_but_trust(void **state)
{
	static const char uri[] = "pkcs11:object=mine?x-key-type=aes";
	struct metadata metadata;

	read_it("[key x]\ntype = logon\ndescription = pkcs11:object=mine*\nlabel = 1\nid = 01\n"
		"usage = sign\nmechanisms = aes-gcm\nkey-type = des3\ntrusted = yes\n");
	assert_string_equal(conf_logged, "");
	assert_int_equal(map("logon", uri, &metadata), 0);
	assert_int_equal(metadata.label_len, 4);
	assert_int_equal(metadata.id_len, 8);
	assert_int_equal(metadata.usage, USAGE_ALL);
	assert_int_equal(metadata.key_type, CKK_AES);
	assert_null(metadata.mechanisms);
	assert_true(metadata.trusted);
	metadata_free(&metadata);
	assert_int_equal(map("user", uri, &metadata), 0);
	assert_false(metadata.trusted);
	metadata_free(&metadata);
	/* One that is not understood stays so. */
	answers("logon", "pkcs11:object=mine?x-key-type=rot13", -EINVAL);
}

/* Never less restricted than whoever wrote it may have meant: its keys are not presented, not even
 * by a section that follows, and the log says why. */
static void a_mistake_hides_the_keys_of_its_section(void **state)
{
	static const struct {
		const char *text;
		unsigned int line;
		const char *said;
	} cases[] = {
		{"key-type = rot13", 4, "[key x] key-type: there is no such type of key; none"},
		{"key-type = AES", 4, "no such type of key"},
		{"key-type =", 4, "no such type of key"},
		{"key-type = aes aes", 4, "no such type of key"},
		{"usage = fly", 4, "usage: there is no such usage"},
		{"usage = sign, fly", 4, "usage: there is no such usage"},
		{"usage = sign\n  fly", 5, "usage: there is no such usage"},
		{"usage = SIGN", 4, "usage: there is no such usage"},
		{"mechanisms = rot13", 4, "mechanisms: there is no such mechanism"},
		{"mechanisms = aes-gcm CKM_AES_CBC", 4, "no such mechanism"},
		{"label = \xff", 4, "label: it is not UTF-8"},
		{"label = a\nlabel = b", 5, "label: it stands twice"},
		{"label = a\n b", 5, "label: it stands twice"},
		{"id = 012", 4, "id: it is not two hex digits a byte"},
		{"id = 0g", 4, "id: it is not"},
		{"id = 0x01", 4, "id: it is not"},
		{"id =", 4, "id: it is not"},
		{"id = 01\nid = 02", 5, "id: it stands twice"},
		{"key-type = aes\nkey-type = aes", 5, "key-type: it stands twice"},
		{"trusted = maybe", 4, "trusted: it is neither yes nor no"},
		{"trusted = YES", 4, "trusted: it is neither"},
		{"trusted =", 4, "trusted: it is neither"},
		{"trusted = yes\ntrusted = no", 5, "trusted: it stands twice"},
		{"description = b", 4, "description: it stands twice"},
		{"mechanism = aes-gcm", 4, "mechanism: it is not known"},
		{"Usage = sign", 4, "Usage: it is not known"},
		{"= sign", 4, "[key x] : it is not known"},
		{"usage sign", 4, "neither a section nor a name and a value"},
		{"type = logo", 4, "type: it is none of logon, user, encrypted, trusted and *"},
	};
	char text[512];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		snprintf(text, sizeof(text),
			 "[key x]\ntype = user\ndescription = a\n%s\n"
			 "[key all]\ntype = *\ndescription = *\n",
			 cases[i].text);
		read_it(text);
		if (!conf_complains(cases[i].line, cases[i].said) || conf_log_lines() != 1)
			fail_msg("%s: %s", cases[i].text, conf_logged);
		answers("user", "a", -EINVAL);
		answers("user", "c", 0);
		answers("logon", "c", 0);
	}
	/* Of which type it meant is not known here. */
	answers("encrypted", "a", -EINVAL);
}

static void a_line_that_is_too_long_hides_too(void **state)
{
	char text[2048], zero[] = "[key x]\ntype = user\ndescription = a\nusage = sign\0\n"
				  "[key y]\ntype = *\ndescription = *\n";

	snprintf(text, sizeof(text), "[key x]\ntype = user\ndescription = a\nusage = %01000d\n", 0);
	read_it(text);
	assert_true(conf_complains(4, "too long"));
	answers("user", "a", -EINVAL);

	conf_write(zero, sizeof(zero) - 1);
	config_free(&config);
	assert_int_equal(config_read(&config, NULL), 0);
	mappings_start(config.mappings, config.n_mappings);
	answers("user", "a", -EINVAL);
	answers("user", "b", 0);
}

static void a_section_needs_a_type_and_a_description(void **state)
{
	read_it("[key x]\ntype = *\n[key y]\ndescription = a\n[key z]\ndescription =\n[key]\n"
		"[key w]\ntype =\ndescription = b\n");
	assert_true(conf_complains(1, "[key x] no description is given; none of its keys"));
	assert_true(conf_complains(3, "[key y] no type is given"));
	assert_true(conf_complains(6, "[key z] description: it is empty"));
	assert_true(conf_complains(5, "[key z] no description is given"));
	assert_true(conf_complains(7, "[key] no description is given"));
	assert_true(conf_complains(8, "[key w] no type is given"));
	assert_int_equal(conf_log_lines(), 6);
	answers("user", "a", -EINVAL);
	answers("user", "b", -EINVAL);
	answers("user", "c", -ENOMSG);
}

static void an_unusable_section_trusts_nobody(void **state)
{
	struct metadata metadata;

	read_it("[key x]\ntype = logon\ndescription = pkcs11:*\ntrusted = yes\nusage = fly\n"
		"[key y]\ntype = *\ndescription = *\ntrusted = yes\n");
	assert_int_equal(map("logon", "pkcs11:object=a", &metadata), 0);
	assert_false(metadata.trusted);
	metadata_free(&metadata);
	assert_int_equal(map("user", "pkcs11:object=a", &metadata), 0);
	assert_true(metadata.trusted);
	metadata_free(&metadata);
}

/* A pattern means the same in every program, whatever its language. */
static void a_locale_changes_nothing(void **state)
{
	read_it("[key x]\ntype = *\ndescription = a?z\n");
	answers("user", "a\xc3\xa4z", -ENOMSG);
	if (!setlocale(LC_ALL, "C.UTF-8")) {
		print_message("# skipped: there is no locale C.UTF-8\n");
		skip();
	}
	/* The locale counts where nobody minds it. */
	assert_int_equal(fnmatch("a?z", "a\xc3\xa4z", 0), 0);
	answers("user", "a\xc3\xa4z", -ENOMSG);
	answers("user", "a\xffz", 0);
	assert_int_equal(fnmatch("a?z", "a\xc3\xa4z", 0), 0);
	setlocale(LC_ALL, "C");
}

static void many_sections_are_many(void **state)
{
	enum { N = 1500 };
	char *text = calloc(1, 40 * N), name[32];
	size_t len = 0;

	assert_non_null(text);
	for (int i = 0; i < N; i++)
		len += (size_t)sprintf(text + len, "[key]\ntype=*\ndescription=a%d\n", i);
	read_it(text);
	free(text);
	assert_string_equal(conf_logged, "");
	assert_int_equal(config.n_mappings, N);
	snprintf(name, sizeof(name), "a%d", N - 1);
	answers("user", name, 0);
	answers("user", "a1500", -ENOMSG);
}

/* The file that is installed asks for nothing as it is, and for what its examples show without
 * their marks. */
static void the_shipped_file_is_right(void **state)
{
	const char *srcdir = getenv("srcdir");
	char path[512], text[32768], *line, *to;
	struct metadata metadata;
	FILE *file;
	size_t len;

	snprintf(path, sizeof(path), "%s/kcryptoki.conf", srcdir ? srcdir : ".");
	file = fopen(path, "r");
	if (!file) {
		print_message("# skipped: %s is not there\n", path);
		skip();
	}
	len = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[len] = '\0';
	read_it(text);
	assert_string_equal(conf_logged, "");
	assert_int_equal(config.n_mappings, 0);
	assert_int_equal(config.families, 0);
	assert_string_equal(config.tokens[0].label, "kernel-user");

	/* "#name = value" and "#<tab>value", but not "# prose". */
	for (line = to = text; *line;) {
		if (line[0] == '#' && line[1] != ' ' && line[1] != '\n')
			line++;
		while (*line && *line != '\n')
			*to++ = *line++;
		if (*line)
			*to++ = *line++;
	}
	*to = '\0';
	read_it(text);
#ifdef HAVE_NETTLE
	if (*conf_logged)
		fail_msg("%s", conf_logged);
#else
	assert_non_null(strstr(conf_logged, "without nettle"));
	assert_string_equal(strchr(conf_logged, '\n'), "\n");
#endif
	assert_int_equal(config.n_mappings, 2);
	assert_int_equal(config.families & FAMILY_ALL, FAMILY_DES3 | FAMILY_CAMELLIA);
	assert_int_equal(map("logon", "backup:1", &metadata), 0);
	assert_int_equal(metadata.n_mechanisms, 2);
	metadata_free(&metadata);
	answers("logon", "fscrypt:1", 0);
	answers("encrypted", "kmk", 0);
	answers("trusted", "kmk", 0);
	answers("user", "kmk", -ENOMSG);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, conf_setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(without_a_section_there_is_no_mapping),
		TEST(type_and_description_choose),
		TEST(a_section_says_what_a_uri_would),
		TEST(what_a_section_does_not_say_has_defaults),
		TEST(nothing_is_something),
		TEST(the_first_section_that_fits_decides),
		TEST(a_uri_gets_nothing_but_trust),
		TEST(a_mistake_hides_the_keys_of_its_section),
		TEST(a_line_that_is_too_long_hides_too),
		TEST(a_section_needs_a_type_and_a_description),
		TEST(an_unusable_section_trusts_nobody),
		TEST(a_locale_changes_nothing),
		TEST(many_sections_are_many),
		TEST(the_shipped_file_is_right),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("mapping", tests, NULL, NULL);
}
