/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
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

#include "conf.h"
#include "fake-kernel.h"
#include "kernel/alg.h"
#include "kernel/log.h"
#include "mech/mechanism.h"
#include "pkcs11.h"
#include "token/config.h"

/* The families that the file as it is asks for. */
static unsigned int families(void)
{
	struct config config = {.families = 0xa5a5};
	unsigned int read;

	conf_log_begin();
	assert_int_equal(config_read(&config, NULL), 0);
	conf_log_end();
	read = config.families;
	config_free(&config);
	return read;
}

static unsigned int families_of(const char *text)
{
	conf_write(text, strlen(text));
	return families();
}

static void each_family_has_a_name(void **state)
{
	static const struct {
		const char *name;
		enum family family;
	} names[] = {
		{"ripemd160", FAMILY_RIPEMD160}, {"des3", FAMILY_DES3},
		{"camellia", FAMILY_CAMELLIA},   {"twofish", FAMILY_TWOFISH},
		{"blowfish", FAMILY_BLOWFISH},   {"cast128", FAMILY_CAST128},
		{"aria", FAMILY_ARIA},           {"all", FAMILY_ALL},
	};
	unsigned int together = 0;
	char text[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(text, sizeof(text), "[mechanisms]\nlegacy = %s\n", names[i].name);
		assert_int_equal(families_of(text), names[i].family);
		assert_string_equal(conf_logged, "");
		if (names[i].family != FAMILY_ALL)
			together |= names[i].family;
	}
	assert_int_equal(together, FAMILY_ALL);
	/* No row of the table has a family that has no name here. */
	for (size_t i = 0; i < n_mechanisms; i++)
		assert_int_equal(mechanisms[i].family & ~together, 0);
}

static void gcm_is_composed_where_it_is_asked_for(void **state)
{
#ifdef HAVE_NETTLE
	assert_int_equal(families_of("[mechanisms]\ngcm = composed\n"), FAMILY_GHASH);
	assert_string_equal(conf_logged, "");
#else
	assert_int_equal(families_of("[mechanisms]\ngcm = composed\n"), 0);
	assert_non_null(strstr(conf_logged, "without nettle"));
#endif
	assert_int_equal(families_of("[mechanisms]\nlegacy = all\n"), FAMILY_ALL);
	assert_int_equal(families_of("[mechanisms]\ngcm = yes\n"), 0);
	assert_non_null(strstr(conf_logged, "gcm is composed"));
}

static void several_families_stand_in_a_list(void **state)
{
	static const char *const lists[] = {
		"legacy = des3 camellia",
		"legacy = camellia des3",
		"legacy=des3,camellia",
		"legacy\t:\tdes3 , camellia",
		"legacy = ,, des3,\t camellia,",
		"  legacy = des3    camellia   ",
		"legacy = des3 des3 camellia camellia",
		"legacy = des3 ; triple DES\nlegacy = camellia",
		"legacy = des3\n   camellia",
		"# comment\n\n; another\nlegacy = des3 camellia\n\n#legacy = all",
		"legacy = des3 camellia\r",
	};
	char text[256];

	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		snprintf(text, sizeof(text), "[mechanisms]\n%s\n", lists[i]);
		if (families_of(text) != (FAMILY_DES3 | FAMILY_CAMELLIA) || *conf_logged)
			fail_msg("%s: 0x%x %s", lists[i], families(), conf_logged);
	}
	/* The last line may have no end, and the file a mark at its beginning. */
	assert_int_equal(families_of("\xef\xbb\xbf[mechanisms]\nlegacy=aria"), FAMILY_ARIA);
	assert_string_equal(conf_logged, "");
	assert_int_equal(families_of("[mechanisms]\nlegacy=aria\n[mechanisms]\nlegacy=twofish\n"),
			 FAMILY_ARIA | FAMILY_TWOFISH);
	assert_string_equal(conf_logged, "");
}

static void nothing_is_asked_for_by_an_empty_file(void **state)
{
	static const char *const texts[] = {
		"",
		"\n\n",
		"# [mechanisms]\n# legacy = all\n",
		"[mechanisms]\n",
		"[mechanisms]\nlegacy =\n",
		"[mechanisms]\nlegacy = , ,\n",
		"[mechanisms]\nlegacy = ; all\n",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		assert_int_equal(families_of(texts[i]), FAMILY_NONE);
		assert_string_equal(conf_logged, "");
	}
}

/* What is not known is named, and all else is taken. */
static void unknown_families_are_named(void **state)
{
	static const char *const unknown[] = {"rot13", "DES3", "des", "des33", "aes", "ALL", "*"};
	char text[128], said[128];

	for (size_t i = 0; i < sizeof(unknown) / sizeof(*unknown); i++) {
		snprintf(text, sizeof(text), "[mechanisms]\n\n# legacy\nlegacy = des3, %s aria\n",
			 unknown[i]);
		snprintf(said, sizeof(said), "no family of mechanisms called %s", unknown[i]);
		assert_int_equal(families_of(text), FAMILY_DES3 | FAMILY_ARIA);
		if (!conf_complains(4, said))
			fail_msg("%s: %s", said, conf_logged);
		assert_int_equal(conf_log_lines(), 1);
	}
	assert_int_equal(families_of("[mechanisms]\nlegacy = one two\n three\n"), FAMILY_NONE);
	assert_true(conf_complains(2, "called one"));
	assert_true(conf_complains(2, "called two"));
	assert_true(conf_complains(3, "called three"));
	assert_int_equal(conf_log_lines(), 3);
}

static void unknown_entries_are_named(void **state)
{
	assert_int_equal(families_of("legacy = aria\n"
				     "[mechanisms]\n"
				     "modern = all\n"
				     "Legacy = twofish\n"
				     "legacy = des3\n"
				     "[slots]\n"
				     "legacy = camellia\n"
				     "user = no\n"
				     "[Mechanisms]\n"
				     "legacy = camellia\n"),
			 FAMILY_DES3);
	assert_true(conf_complains(1, "[] legacy is not known"));
	assert_true(conf_complains(3, "[mechanisms] modern is not known"));
	assert_true(conf_complains(4, "[mechanisms] Legacy is not known"));
	assert_true(conf_complains(7, "[slots] legacy is not known"));
	assert_true(conf_complains(8, "[slots] user is not known"));
	assert_true(conf_complains(10, "[Mechanisms] legacy is not known"));
	assert_int_equal(conf_log_lines(), 6);
}

static void a_bad_line_is_named_and_passed_over(void **state)
{
	static const char *const bad[] = {"legacy", "all", "]", "des3 camellia"};
	char text[128];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(text, sizeof(text), "[mechanisms]\nlegacy = des3\n\n%s\nlegacy = aria\n",
			 bad[i]);
		assert_int_equal(families_of(text), FAMILY_DES3 | FAMILY_ARIA);
		if (!conf_complains(4, "") || conf_log_lines() != 1)
			fail_msg("%s: %s", bad[i], conf_logged);
	}
}

static void every_bad_line_is_named(void **state)
{
	assert_int_equal(families_of("one\n[mechanisms]\ntwo\nlegacy = des3\nthree\n"),
			 FAMILY_DES3);
	assert_true(conf_complains(1, ""));
	assert_true(conf_complains(3, ""));
	assert_true(conf_complains(5, ""));
}

/* A line may be longer than its reader's buffer, and is one line all the same. */
static void a_long_line_is_one_line(void **state)
{
	char text[2048];

	snprintf(text, sizeof(text), "[mechanisms]\n# %0300d\nlegacy = rot13\n", 0);
	assert_int_equal(families_of(text), FAMILY_NONE);
	if (!conf_complains(3, "called rot13") || conf_log_lines() != 1)
		fail_msg("%s", conf_logged);
	/* The end of a comment is no entry. */
	for (size_t len = 180; len < 420; len++) {
		snprintf(text, sizeof(text), "[mechanisms]\n#%*s legacy = all\nlegacy = des3\n",
			 (int)len, "-");
		if (families_of(text) != FAMILY_DES3 || *conf_logged)
			fail_msg("%zu: 0x%x %s", len, families(), conf_logged);
	}
	/* An entry that is too long is not read in part, nor is it silence; others are read. */
	snprintf(text, sizeof(text), "[mechanisms]\nlegacy = des3 %*s aria\nlegacy = camellia\n",
		 900, "twofish");
	assert_int_equal(families_of(text), FAMILY_CAMELLIA);
	assert_true(conf_complains(2, "too long"));
	assert_int_equal(conf_log_lines(), 1);
}

/* A file that someone named should be there; the one in its usual place need not. */
static void a_missing_file_is_named_where_it_was_asked_for(void **state)
{
	assert_int_equal(families(), FAMILY_NONE);
	assert_non_null(strstr(conf_logged, conf_path));
	assert_non_null(strstr(conf_logged, "is not read: No such file or directory"));
	assert_int_equal(conf_log_lines(), 1);
}

static void the_usual_place_may_be_empty(void **state)
{
	if (!access(SYSCONFDIR "/kcryptoki.conf", F_OK)) {
		print_message("# " SYSCONFDIR "/kcryptoki.conf is there\n");
		skip();
	}
	conf_write("[mechanisms]\nlegacy = all\n", 26);
	setenv("KCRYPTOKI_CONF", "", 1);
	assert_int_equal(families(), FAMILY_NONE);
	assert_string_equal(conf_logged, "");
	unsetenv("KCRYPTOKI_CONF");
	assert_int_equal(families(), FAMILY_NONE);
	assert_string_equal(conf_logged, "");
}

static void a_file_that_cannot_be_read_is_named(void **state)
{
	char beyond[192];

	conf_write("[mechanisms]\nlegacy = all\n", 26);
	snprintf(beyond, sizeof(beyond), "%s/conf", conf_path);
	setenv("KCRYPTOKI_CONF", beyond, 1);
	assert_int_equal(families(), FAMILY_NONE);
	assert_non_null(strstr(conf_logged, "/conf/conf is not read: Not a directory"));
	assert_int_equal(unlink(conf_path), 0);
	assert_int_equal(symlink("conf", conf_path), 0);
	setenv("KCRYPTOKI_CONF", conf_path, 1);
	assert_int_equal(families(), FAMILY_NONE);
	assert_non_null(strstr(conf_logged, "is not read: Too many levels of symbolic links"));
	/* This one can be opened, but not read. */
	setenv("KCRYPTOKI_CONF", conf_folder, 1);
	assert_int_equal(families(), FAMILY_NONE);
	assert_non_null(strstr(conf_logged, "Is a directory"));
}

/* What cannot be read twice: a shell's <(...), say. */
static void a_pipe_is_read(void **state)
{
	static const char text[] = "[mechanisms]\nwrong\nlegacy = aria rot13\n";
	char name[64];
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], text, sizeof(text) - 1), sizeof(text) - 1);
	close(ends[1]);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", ends[0]);
	setenv("KCRYPTOKI_CONF", name, 1);
	assert_int_equal(families(), FAMILY_ARIA);
	close(ends[0]);
	assert_int_equal(conf_log_lines(), 2);
}

/* No more than a reader's patience: but what is not read is not passed over in silence. */
static void too_much_is_said_to_be_too_much(void **state)
{
	enum { LARGE = 1 << 22 };
	char *text = malloc(LARGE + 1);

	assert_non_null(text);
	memset(text, '\n', LARGE);
	memcpy(text + LARGE - 27, "\n[mechanisms]\nlegacy = all\n", 27);
	text[LARGE] = '\0';
	if (families_of(text) != FAMILY_ALL)
		assert_non_null(strstr(conf_logged, "is not read"));
	memset(text, 0, LARGE);
	strcpy(text, "[mechanisms]\n");
	for (int i = 0; i < 1000; i++)
		strcat(text, "x\n");
	strcat(text, "legacy = des3\n");
	assert_int_equal(families_of(text), FAMILY_DES3);
	assert_true(conf_complains(2, "") && conf_complains(3, ""));
	free(text);
}

static unsigned int descriptors(void)
{
	unsigned int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void no_descriptor_stays_open(void **state)
{
	unsigned int before = descriptors();

	families_of("[mechanisms]\nlegacy = all\nwrong\n");
	assert_int_equal(descriptors(), before);
	setenv("KCRYPTOKI_CONF", conf_folder, 1);
	families();
	assert_int_equal(descriptors(), before);
}

/* What the file may hold besides: no crash, and no family that is not named. */
static void bytes_are_bytes(void **state)
{
	static const char junk[] = "[mechanisms]\nlegacy = \0all\n\0\0=\0\n[\0]\nle\0gacy = all\n";
	char bytes[512];

	conf_write(junk, sizeof(junk));
	assert_int_equal(families(), FAMILY_NONE);
	/* A zero byte ends its line, and takes no other along. */
	conf_write("[mechanisms]\nle\0x = 1\nlegacy = des3\n", 36);
	assert_int_equal(families(), FAMILY_DES3);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 37);
	conf_write(bytes, sizeof(bytes));
	assert_int_equal(families(), FAMILY_NONE);
	/* A name from the file forges no line in the log. */
	assert_int_equal(families_of("[mechanisms]\nlegacy = \x1b[31mred\n"), FAMILY_NONE);
	assert_true(conf_complains(2, "\\x1b[31mred"));
}

/* Whether the kernel is asked for an algorithm of TYPE, as the token lists it. */
static bool asks_for(CK_MECHANISM_TYPE type)
{
	const struct mechanism *row = mechanism_find(type);
	int fd = alg_bind(row->kernel_type, row->kernel_name);
	CK_MECHANISM_INFO info;
	CK_RV rv;

	if (fd >= 0)
		close(fd);
	fake_calls_forget();
	rv = C_GetMechanismInfo(0, type, &info);
	assert_int_equal(rv, fake_calls("alg_bind") && fd >= 0 ? CKR_OK : CKR_MECHANISM_INVALID);
	return fake_calls("alg_bind");
}

static void families_are_offered_where_they_are_asked_for(void **state)
{
	static const struct {
		const char *text;
		bool des3, camellia, ripemd160;
	} cases[] = {
		{"", false, false, false},
		{"[mechanisms]\nlegacy = des3\n", true, false, false},
		{"[mechanisms]\nlegacy = camellia ripemd160\n", false, true, true},
		{"[mechanisms]\nlegacy = all\n", true, true, true},
		{"[mechanisms]\nlegacy = rot13\n", false, false, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		conf_write(cases[i].text, strlen(cases[i].text));
		assert_int_equal(C_Initialize(NULL), CKR_OK);
		/* The file counts as it was at the start. */
		conf_write("[mechanisms]\nlegacy = all\n", 26);
		assert_int_equal(asks_for(CKM_DES3_CBC), cases[i].des3);
		assert_int_equal(asks_for(CKM_CAMELLIA_CBC), cases[i].camellia);
		assert_int_equal(asks_for(CKM_RIPEMD160), cases[i].ripemd160);
		assert_true(asks_for(CKM_SHA256));
		assert_int_equal(C_Finalize(NULL), CKR_OK);
	}
}

static void an_operation_wants_its_family(void **state)
{
	CK_MECHANISM ripemd = {CKM_RIPEMD160, NULL, 0};
	CK_SESSION_HANDLE session;

	conf_write("[mechanisms]\nlegacy = des3\n", 27);
	assert_int_equal(C_Initialize(NULL), CKR_OK);
	assert_int_equal(C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &session), CKR_OK);
	fake_calls_forget();
	assert_int_equal(C_DigestInit(session, &ripemd), CKR_MECHANISM_INVALID);
	assert_int_equal(fake_calls("alg_bind"), 0);
}

/* The log is open before the file is read. */
static void a_start_logs_what_is_wrong(void **state)
{
	conf_write("[mechanisms]\nlegacy = rot13\n", 28);
	assert_int_equal(C_Initialize(NULL), CKR_OK);
	assert_int_equal(C_Finalize(NULL), CKR_OK);
	conf_log_end();
	assert_true(conf_complains(2, "called rot13"));
}

/* Whether DES3 is offered, by the answer to a question for it, where pReserved is RESERVED. */
static CK_RV des3_of(const char *reserved)
{
	CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK, .pReserved = (void *)reserved};
	CK_MECHANISM_INFO info;
	CK_RV rv;

	assert_int_equal(C_Initialize(&args), CKR_OK);
	rv = C_GetMechanismInfo(0, CKM_DES3_CBC, &info);
	assert_int_equal(C_Finalize(NULL), CKR_OK);
	return rv;
}

static void the_string_of_c_initialize_names_the_file(void **state)
{
	char reserved[256];

	conf_write("[mechanisms]\nlegacy = des3\n", 27);
	setenv("KCRYPTOKI_CONF", "/dev/null", 1);
	snprintf(reserved, sizeof(reserved), "configdir='sql:/x' conf=%s", conf_path);
	assert_int_equal(des3_of(reserved), CKR_OK);
	assert_int_equal(des3_of("configdir=''"), CKR_MECHANISM_INVALID);
	/* Where it names none, the environment does. */
	setenv("KCRYPTOKI_CONF", conf_path, 1);
	assert_int_equal(des3_of("conf="), CKR_OK);
	assert_int_equal(des3_of("x"), CKR_OK);
	assert_int_equal(des3_of(NULL), CKR_OK);
	assert_int_equal(des3_of("conf=/dev/null"), CKR_MECHANISM_INVALID);
	/* A file that is not there is named in the log, and is no reason to read another. */
	assert_int_equal(des3_of("conf=/dev/null/x"), CKR_MECHANISM_INVALID);
	conf_log_end();
	assert_non_null(strstr(conf_logged, "/dev/null/x is not read: Not a directory"));
	assert_non_null(strstr(conf_logged, "C_Initialize: configdir='sql:/x' is not known"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, conf_setup, conf_teardown)
	const struct CMUnitTest tests[] = {
		TEST(each_family_has_a_name),
		TEST(gcm_is_composed_where_it_is_asked_for),
		TEST(several_families_stand_in_a_list),
		TEST(nothing_is_asked_for_by_an_empty_file),
		TEST(unknown_families_are_named),
		TEST(unknown_entries_are_named),
		TEST(a_bad_line_is_named_and_passed_over),
		TEST(every_bad_line_is_named),
		TEST(a_long_line_is_one_line),
		TEST(a_missing_file_is_named_where_it_was_asked_for),
		TEST(the_usual_place_may_be_empty),
		TEST(a_file_that_cannot_be_read_is_named),
		TEST(a_pipe_is_read),
		TEST(too_much_is_said_to_be_too_much),
		TEST(no_descriptor_stays_open),
		TEST(bytes_are_bytes),
		TEST(families_are_offered_where_they_are_asked_for),
		TEST(an_operation_wants_its_family),
		TEST(a_start_logs_what_is_wrong),
		TEST(the_string_of_c_initialize_names_the_file),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
