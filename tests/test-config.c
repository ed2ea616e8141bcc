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

#include "fake-kernel.h"
#include "kernel/alg.h"
#include "kernel/log.h"
#include "mech/mechanism.h"
#include "pkcs11.h"
#include "token/config.h"

static char directory[] = "/tmp/kcryptoki-config-XXXXXX";
static char path[64], log_path[64], logged[65536];

static int setup(void **state)
{
	snprintf(path, sizeof(path), "%s/conf", directory);
	snprintf(log_path, sizeof(log_path), "%s/log", directory);
	setenv("KCRYPTOKI_CONF", path, 1);
	setenv("KCRYPTOKI_DEBUG", log_path, 1);
	fake_reset();
	return 0;
}

static int teardown(void **state)
{
	C_Finalize(NULL);
	log_close();
	unlink(path);
	unlink(log_path);
	unsetenv("KCRYPTOKI_CONF");
	unsetenv("KCRYPTOKI_DEBUG");
	return fake_open_sockets() ? -1 : 0;
}

static void write_file(const char *text, size_t len)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

/* The families that the file as it is asks for; what the log says of it is in logged. */
static unsigned int families(void)
{
	struct config config = {.families = 0xa5a5};
	size_t len = 0;
	FILE *file;

	unlink(log_path);
	log_open();
	config_read(&config);
	log_close();
	file = fopen(log_path, "r");
	if (file) {
		len = fread(logged, 1, sizeof(logged) - 1, file);
		fclose(file);
	}
	logged[len] = '\0';
	return config.families;
}

static unsigned int families_of(const char *text)
{
	write_file(text, strlen(text));
	return families();
}

static unsigned int lines(void)
{
	unsigned int n = 0;

	for (const char *c = logged; (c = strchr(c, '\n')); c++)
		n++;
	return n;
}

/* Whether the log has a line on LINE of the file, which says WHAT. */
static bool complains(unsigned int line, const char *what)
{
	char start[128];

	snprintf(start, sizeof(start), ": %s:%u: ", path, line);
	for (const char *c = logged; (c = strstr(c, start)); c++) {
		size_t len = strcspn(c, "\n");
		const char *said = strstr(c, what);

		if (said && said < c + len)
			return true;
	}
	return false;
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
		assert_string_equal(logged, "");
		if (names[i].family != FAMILY_ALL)
			together |= names[i].family;
	}
	assert_int_equal(together, FAMILY_ALL);
	/* No row of the table has a family that has no name here. */
	for (size_t i = 0; i < n_mechanisms; i++)
		assert_int_equal(mechanisms[i].family & ~together, 0);
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
		if (families_of(text) != (FAMILY_DES3 | FAMILY_CAMELLIA) || *logged)
			fail_msg("%s: 0x%x %s", lists[i], families(), logged);
	}
	/* The last line may have no end, and the file a mark at its beginning. */
	assert_int_equal(families_of("\xef\xbb\xbf[mechanisms]\nlegacy=aria"), FAMILY_ARIA);
	assert_string_equal(logged, "");
	assert_int_equal(families_of("[mechanisms]\nlegacy=aria\n[mechanisms]\nlegacy=twofish\n"),
			 FAMILY_ARIA | FAMILY_TWOFISH);
	assert_string_equal(logged, "");
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
		assert_string_equal(logged, "");
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
		if (!complains(4, said))
			fail_msg("%s: %s", said, logged);
		assert_int_equal(lines(), 1);
	}
	assert_int_equal(families_of("[mechanisms]\nlegacy = one two\n three\n"), FAMILY_NONE);
	assert_true(complains(2, "called one"));
	assert_true(complains(2, "called two"));
	assert_true(complains(3, "called three"));
	assert_int_equal(lines(), 3);
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
	assert_true(complains(1, "[] legacy is not known"));
	assert_true(complains(3, "[mechanisms] modern is not known"));
	assert_true(complains(4, "[mechanisms] Legacy is not known"));
	assert_true(complains(7, "[slots] legacy is not known"));
	assert_true(complains(8, "[slots] user is not known"));
	assert_true(complains(10, "[Mechanisms] legacy is not known"));
	assert_int_equal(lines(), 6);
}

static void a_bad_line_is_named_and_passed_over(void **state)
{
	static const char *const bad[] = {"legacy", "all", "[mechanisms", "]", "des3 camellia"};
	char text[128];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(text, sizeof(text), "[mechanisms]\nlegacy = des3\n\n%s\nlegacy = aria\n",
			 bad[i]);
		assert_int_equal(families_of(text), FAMILY_DES3 | FAMILY_ARIA);
		if (!complains(4, "") || lines() != 1)
			fail_msg("%s: %s", bad[i], logged);
	}
}

static void every_bad_line_is_named(void **state)
{
	assert_int_equal(families_of("one\n[mechanisms]\ntwo\nlegacy = des3\nthree\n"),
			 FAMILY_DES3);
	assert_true(complains(1, ""));
	assert_true(complains(3, ""));
	assert_true(complains(5, ""));
}

/* A line may be longer than its reader's buffer, and is one line all the same. */
static void a_long_line_is_one_line(void **state)
{
	char text[2048];

	snprintf(text, sizeof(text), "[mechanisms]\n# %0300d\nlegacy = rot13\n", 0);
	assert_int_equal(families_of(text), FAMILY_NONE);
	if (!complains(3, "called rot13") || lines() != 1)
		fail_msg("%s", logged);
	/* The end of a comment is no entry. */
	for (size_t len = 180; len < 420; len++) {
		snprintf(text, sizeof(text), "[mechanisms]\n#%*s legacy = all\nlegacy = des3\n",
			 (int)len, "-");
		if (families_of(text) != FAMILY_DES3 || *logged)
			fail_msg("%zu: 0x%x %s", len, families(), logged);
	}
	/* An entry that is too long is not read in part, nor is it silence; others are read. */
	snprintf(text, sizeof(text), "[mechanisms]\nlegacy = des3 %*s aria\nlegacy = camellia\n",
		 900, "twofish");
	assert_int_equal(families_of(text), FAMILY_CAMELLIA);
	assert_true(complains(2, "too long"));
	assert_int_equal(lines(), 1);
}

/* A file that someone named should be there; the one in its usual place need not. */
static void a_missing_file_is_named_where_it_was_asked_for(void **state)
{
	assert_int_equal(families(), FAMILY_NONE);
	assert_non_null(strstr(logged, path));
	assert_non_null(strstr(logged, "is not read: No such file or directory"));
	assert_int_equal(lines(), 1);
}

static void the_usual_place_may_be_empty(void **state)
{
	if (!access(SYSCONFDIR "/kcryptoki.conf", F_OK)) {
		print_message("# " SYSCONFDIR "/kcryptoki.conf is there\n");
		skip();
	}
	write_file("[mechanisms]\nlegacy = all\n", 26);
	setenv("KCRYPTOKI_CONF", "", 1);
	assert_int_equal(families(), FAMILY_NONE);
	assert_string_equal(logged, "");
	unsetenv("KCRYPTOKI_CONF");
	assert_int_equal(families(), FAMILY_NONE);
	assert_string_equal(logged, "");
}

static void a_file_that_cannot_be_read_is_named(void **state)
{
	char beyond[128];

	write_file("[mechanisms]\nlegacy = all\n", 26);
	snprintf(beyond, sizeof(beyond), "%s/conf", path);
	setenv("KCRYPTOKI_CONF", beyond, 1);
	assert_int_equal(families(), FAMILY_NONE);
	assert_non_null(strstr(logged, "/conf/conf is not read: Not a directory"));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("conf", path), 0);
	setenv("KCRYPTOKI_CONF", path, 1);
	assert_int_equal(families(), FAMILY_NONE);
	assert_non_null(strstr(logged, "is not read: Too many levels of symbolic links"));
	/* This one can be opened, but not read. */
	setenv("KCRYPTOKI_CONF", directory, 1);
	assert_int_equal(families(), FAMILY_NONE);
	assert_non_null(strstr(logged, "Is a directory"));
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
	assert_int_equal(lines(), 2);
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
		assert_non_null(strstr(logged, "is not read"));
	memset(text, 0, LARGE);
	strcpy(text, "[mechanisms]\n");
	for (int i = 0; i < 1000; i++)
		strcat(text, "x\n");
	strcat(text, "legacy = des3\n");
	assert_int_equal(families_of(text), FAMILY_DES3);
	assert_true(complains(2, "") && complains(3, ""));
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
	setenv("KCRYPTOKI_CONF", directory, 1);
	families();
	assert_int_equal(descriptors(), before);
}

/* What the file may hold besides: no crash, and no family that is not named. */
static void bytes_are_bytes(void **state)
{
	static const char junk[] = "[mechanisms]\nlegacy = \0all\n\0\0=\0\n[\0]\nle\0gacy = all\n";
	char bytes[512];

	write_file(junk, sizeof(junk));
	assert_int_equal(families(), FAMILY_NONE);
	/* A zero byte ends its line, and takes no other along. */
	write_file("[mechanisms]\nle\0x = 1\nlegacy = des3\n", 36);
	assert_int_equal(families(), FAMILY_DES3);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 37);
	write_file(bytes, sizeof(bytes));
	assert_int_equal(families(), FAMILY_NONE);
	/* A name from the file forges no line in the log. */
	assert_int_equal(families_of("[mechanisms]\nlegacy = \x1b[31mred\n"), FAMILY_NONE);
	assert_true(complains(2, "\\x1b[31mred"));
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
		write_file(cases[i].text, strlen(cases[i].text));
		assert_int_equal(C_Initialize(NULL), CKR_OK);
		/* The file counts as it was at the start. */
		write_file("[mechanisms]\nlegacy = all\n", 26);
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

	write_file("[mechanisms]\nlegacy = des3\n", 27);
	assert_int_equal(C_Initialize(NULL), CKR_OK);
	assert_int_equal(C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &session), CKR_OK);
	fake_calls_forget();
	assert_int_equal(C_DigestInit(session, &ripemd), CKR_MECHANISM_INVALID);
	assert_int_equal(fake_calls("alg_bind"), 0);
}

/* The log is open before the file is read. */
static void a_start_logs_what_is_wrong(void **state)
{
	FILE *file;

	write_file("[mechanisms]\nlegacy = rot13\n", 28);
	assert_int_equal(C_Initialize(NULL), CKR_OK);
	assert_int_equal(C_Finalize(NULL), CKR_OK);
	file = fopen(log_path, "r");
	assert_non_null(file);
	logged[fread(logged, 1, sizeof(logged) - 1, file)] = '\0';
	fclose(file);
	assert_true(complains(2, "called rot13"));
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
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(each_family_has_a_name),
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
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("config", tests, make_directory, drop_directory);
}
