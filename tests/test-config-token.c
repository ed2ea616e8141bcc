/* SPDX-License-Identifier: BSD-2-Clause */
/* The tokens that the configuration names, as the configuration and as slots. */
#include <errno.h>
#include <keyutils.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf.h"
#include "fake-kernel.h"
#include "pkcs11.h"
#include "token/config.h"
#include "token/slot.h"

static struct config config;

static void read_it(const char *text)
{
	conf_write(text, strlen(text));
	config_free(&config);
	conf_log_begin();
	assert_int_equal(config_read(&config, NULL), 0);
	conf_log_end();
}

static int teardown(void **state)
{
	config_free(&config);
	return conf_teardown(state);
}

/* Without a [token] section there are the three that were always there. */
static void three_tokens_need_no_configuration(void **state)
{
	static const char *const texts[] = {"", "[mechanisms]\nlegacy = aria\n",
					    "[key x]\ntype = *\ndescription = *\n", "[tokens a]\n"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		read_it(texts[i]);
		assert_string_equal(conf_logged, "");
		assert_int_equal(config.n_tokens, 3);
		assert_false(config.tokens_named);
		assert_true(config.tokens[0].usable && config.tokens[1].usable);
		assert_true(config.tokens[2].usable);
		assert_string_equal(config.tokens[2].label, "kernel-broker");
		assert_string_equal(config.tokens[2].broker, "/run/kcryptokid/socket");
		assert_string_equal(config.tokens[1].broker, "");
		assert_string_equal(config.tokens[0].label, "kernel-user");
		assert_string_equal(config.tokens[0].serial, "user");
		assert_string_equal(config.tokens[0].description, "Linux user keyring (@u)");
		assert_int_equal(config.tokens[0].keyring.serial, KEY_SPEC_USER_KEYRING);
		assert_string_equal(config.tokens[1].label, "kernel-session");
		assert_string_equal(config.tokens[1].serial, "session");
		assert_string_equal(config.tokens[1].description, "Linux session keyring (@s)");
		assert_int_equal(config.tokens[1].keyring.serial, KEY_SPEC_SESSION_KEYRING);
		assert_string_equal(config.tokens[0].master, "");
		assert_int_equal(config.tokens[0].create, CREATE_LOGON);
	}
}

static void tokens_are_in_the_order_of_the_file(void **state)
{
	read_it("[token b]\nkeyring = session\n"
		"[token a]\nkeyring = persistent\nmaster = user:kmk\n"
		"[token Schl\xc3\xbcssel des Hauses / 2]\nkeyring = 0x12ab\n"
		"[token of a long name of a keyring]\n"
		"keyring = kcryptoki-1\xc3\xa4\xc3\xa4\xc3\xa4 and so on, and so on, and so on, "
		"and "
		"so on\n");
	assert_string_equal(conf_logged, "");
	assert_int_equal(config.n_tokens, 4);
	assert_string_equal(config.tokens[0].label, "b");
	assert_string_equal(config.tokens[0].serial, "session");
	assert_string_equal(config.tokens[1].label, "a");
	assert_string_equal(config.tokens[1].serial, "persistent");
	assert_string_equal(config.tokens[1].description, "Linux persistent keyring");
	assert_int_equal(config.tokens[1].keyring.kind, PLACE_PERSISTENT);
	assert_string_equal(config.tokens[1].master, "user:kmk");
	assert_string_equal(config.tokens[2].label, "Schl\xc3\xbcssel des Hauses / 2");
	assert_string_equal(config.tokens[2].serial, "0x12ab");
	assert_string_equal(config.tokens[2].description, "Linux keyring 0x12ab");
	assert_int_equal(config.tokens[2].keyring.serial, 0x12ab);
	/* Cut between characters. */
	assert_string_equal(config.tokens[3].serial, "kcryptoki-1\xc3\xa4\xc3\xa4");
	assert_int_equal(strlen(config.tokens[3].description), 64);
	for (size_t i = 0; i < 4; i++)
		assert_true(config.tokens[i].usable);
}

static void a_master_makes_encrypted_keys(void **state)
{
	static const struct {
		const char *text, *master;
		enum create create;
	} cases[] = {
		{"", "", CREATE_LOGON},
		{"create = logon\n", "", CREATE_LOGON},
		{"master = user:kmk\n", "user:kmk", CREATE_ENCRYPTED},
		{"master = trusted:a:b\n", "trusted:a:b", CREATE_ENCRYPTED},
		{"master = user:kmk\ncreate = logon\n", "user:kmk", CREATE_LOGON},
		{"create = logon\nmaster = user:kmk\n", "user:kmk", CREATE_LOGON},
		{"create = encrypted\nmaster = user:kmk\n", "user:kmk", CREATE_ENCRYPTED},
	};
	char text[128];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		snprintf(text, sizeof(text), "[token a]\nkeyring = user\n%s", cases[i].text);
		read_it(text);
		assert_string_equal(conf_logged, "");
		assert_true(config.tokens[0].usable);
		assert_string_equal(config.tokens[0].master, cases[i].master);
		assert_int_equal(config.tokens[0].create, cases[i].create);
	}
}

/* The home of who the process is, whatever its environment says. */
static void a_store_is_a_folder(void **state)
{
	const struct passwd *user = getpwuid(geteuid());
	char home[512];

	assert_non_null(user);
	setenv("HOME", "/elsewhere", 1);
	read_it("[token a]\nkeyring = user\nstore = ~/.local/share/kcryptoki\n"
		"[token b]\nkeyring = session\nstore = /var/lib/a folder; of b/\n"
		"[token c]\nkeyring = persistent\n"
		"[token d]\nkeyring = persistent\n");
	assert_string_equal(conf_logged, "");
	snprintf(home, sizeof(home), "%s/.local/share/kcryptoki", user->pw_dir);
	assert_string_equal(config.tokens[0].store, home);
	assert_string_equal(config.tokens[1].store, "/var/lib/a folder; of b");
	/* Of those that have none nobody shares one. */
	assert_string_equal(config.tokens[2].store, "");
	for (size_t i = 0; i < 4; i++)
		assert_true(config.tokens[i].usable);
	read_it("[token a]\nkeyring = user\nstore = /\n");
	assert_string_equal(config.tokens[0].store, "/");
}

/* Keys of the one would be loaded into the other. */
static void a_store_is_one_tokens(void **state)
{
	static const char *const paths[] = {"/a/b", "/a/b/", "//a///b", "/a/b//", "/a/./b"};
	char text[256];

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		snprintf(text, sizeof(text),
			 "[token a]\nkeyring = user\nstore = /a/b\n"
			 "[token b]\nkeyring = session\nstore = %s\n",
			 paths[i]);
		read_it(text);
		if (!conf_complains(4, "the store is another token's") || conf_log_lines() != 1)
			fail_msg("%s: %s", paths[i], conf_logged);
		assert_true(config.tokens[0].usable);
		assert_false(config.tokens[1].usable);
	}
	read_it("[token a]\nkeyring = user\nstore = /a\n"
		"[token b]\nkeyring = session\nstore = /a/b\n");
	assert_string_equal(conf_logged, "");
}

/* Cut off, it would be another. */
static void the_path_of_a_store_can_be_too_long(void **state)
{
	char text[512];

	for (int over = 0; over < 2; over++) {
		int n = snprintf(text, sizeof(text), "[token a]\nkeyring = user\nstore = /");
		size_t len = over ? 300 : 180;

		memset(text + n, 'x', len);
		strcpy(text + n + len, "\n");
		read_it(text);
		assert_int_equal(config.tokens[0].usable, !over);
		assert_int_equal(conf_log_lines() != 0, over);
		if (!over)
			assert_int_equal(strlen(config.tokens[0].store), len + 1);
	}
}

/* Each mistake is named, costs its token, and leaves the others their ids. */
static void a_mistake_costs_its_token(void **state)
{
	static const struct {
		const char *text;
		unsigned int line;
		const char *said;
	} cases[] = {
		{"[token]\nkeyring=user\n", 3, "[token] a label is UTF-8 of 1 to 32 bytes"},
		{"[token ]\nkeyring=user\n", 3, "a label is UTF-8 of 1 to 32 bytes"},
		{"[token 123456789012345678901234567890123]\nkeyring=user\n", 3, "32 bytes"},
		{"[token \xff]\nkeyring=user\n", 3, "a label is UTF-8"},
		{"[token first]\nkeyring=user\n", 3, "the label is another token's"},
		{"[token x]\n", 3,
		 "[token x] neither a keyring nor a broker is given; there will be no such token"},
		{"[token x]\nmaster=user:a\n", 3, "neither a keyring nor a broker"},
		{"[token x]\nbroker=run/s\n", 4, "broker: it is not the absolute path of a socket"},
		{"[token x]\nbroker=\n", 4, "broker: it is not the absolute path"},
		{"[token x]\nbroker=/s\nbroker=/s\n", 5, "broker: it stands twice"},
		{"[token x]\nbroker=/s\nkeyring=user\n", 3,
		 "the keys of a broker are in no keyring"},
		{"[token x]\nbroker=/s\nmaster=user:a\n", 3,
		 "the keys of a broker are in no keyring"},
		{"[token x]\nkeyring=\n", 4, "[token x] keyring: it names no keyring"},
		{"[token x]\nkeyring=0\n", 4, "keyring: no serial number is like that"},
		{"[token x]\nkeyring=99999999999\n", 4, "no serial number is like that"},
		{"[token x]\nkeyring=\xff\n", 4, "keyring: the name is not UTF-8"},
		{"[token x]\nkeyring=user\nkeyring=user\n", 5, "keyring: it stands twice"},
		{"[token x]\nkeyring=user\n  session\n", 5, "keyring: it stands twice"},
		{"[token x]\nkeyring=user\nmaster=kmk\n", 5, "master: it is neither user:NAME"},
		{"[token x]\nkeyring=user\nmaster=\n", 5, "master: it is neither"},
		{"[token x]\nkeyring=user\nmaster=user:\n", 5, "master: it is neither"},
		{"[token x]\nkeyring=user\nmaster=logon:a\n", 5, "master: it is neither"},
		{"[token x]\nkeyring=user\nmaster=user:a b\n", 5, "master: it is neither"},
		{"[token x]\nkeyring=user\nmaster=:a\n", 5, "master: it is neither"},
		{"[token x]\nkeyring=user\ncreate=user\n", 5, "create: it is neither logon nor"},
		{"[token x]\nkeyring=user\ncreate=\n", 5, "create: it is neither"},
		{"[token x]\nkeyring=user\ncreate=encrypted\n", 3,
		 "keys cannot be created encrypted without a master key"},
		{"[token x]\nbroker=/s\nstore=/a\n", 3, "the keys of a broker are in no keyring"},
		{"[token x]\nstore=/a\n", 3, "neither a keyring nor a broker"},
		{"[token x]\nkeyring=user\nstore=\n", 5,
		 "store: it is neither the absolute path of a folder nor one in ~/"},
		{"[token x]\nkeyring=user\nstore=a/b\n", 5, "store: it is neither"},
		{"[token x]\nkeyring=user\nstore=~\n", 5, "store: it is neither"},
		{"[token x]\nkeyring=user\nstore=~root/a\n", 5, "store: it is neither"},
		{"[token x]\nkeyring=user\nstore=./a\n", 5, "store: it is neither"},
		{"[token x]\nkeyring=user\nstore=/a\nstore=/b\n", 6, "store: it stands twice"},
		{"[token x]\nkeyring=user\nmaster\n", 5, "neither a section nor"},
	};
	char text[256];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		snprintf(text, sizeof(text),
			 "[token first]\nkeyring=user\n%s[token last]\nkeyring=session\n",
			 cases[i].text);
		read_it(text);
		if (!conf_complains(cases[i].line, cases[i].said) || conf_log_lines() != 1)
			fail_msg("%s: %s", cases[i].text, conf_logged);
		assert_int_equal(config.n_tokens, 3);
		assert_true(config.tokens[0].usable);
		assert_false(config.tokens[1].usable);
		assert_true(config.tokens[2].usable);
		assert_string_equal(config.tokens[2].label, "last");
	}
}

static void unknown_entries_cost_nothing(void **state)
{
	read_it("[token a]\ncolour = blue\nkeyring = user\nKeyring = session\n");
	assert_true(conf_complains(2, "[token a] colour is not known"));
	assert_true(conf_complains(4, "[token a] Keyring is not known"));
	assert_int_equal(conf_log_lines(), 2);
	assert_true(config.tokens[0].usable);
}

/* Of a section without a name between brackets nothing is taken for the section before it. */
static void a_broken_section_leaves_the_others_alone(void **state)
{
	read_it("[token a]\nkeyring = user\n[token b\nkeyring = session\nmaster = user:x\n");
	assert_int_equal(conf_log_lines(), 1);
	assert_int_equal(config.n_tokens, 1);
	assert_true(config.tokens[0].usable);
	assert_string_equal(config.tokens[0].master, "");
}

static void more_than_sixteen_are_too_many(void **state)
{
	char text[4096] = "";

	for (int i = 0; i < 100; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 "[token t%d]\nkeyring = user\n", i);
	read_it(text);
	assert_int_equal(config.n_tokens, TOKENS_MAX);
	assert_string_equal(config.tokens[15].label, "t15");
	assert_true(conf_complains(33, "[token t16] is passed over: there are 16 tokens before"));
	assert_true(conf_complains(199, "[token t99] is passed over"));
	assert_int_equal(conf_log_lines(), 84);
}

static void slots_are_the_tokens_that_are_usable(void **state)
{
	static const char text[] = "[token alpha]\nkeyring = backup\nmaster = trusted:kmk\n"
				   "[token beta]\n"
				   "[token gamma]\nkeyring = session\n";
	CK_SLOT_ID list[4];
	CK_ULONG count = 4;
	CK_TOKEN_INFO info;
	CK_SLOT_INFO slot_info;

	conf_write(text, strlen(text));
	assert_int_equal(C_Initialize(NULL), CKR_OK);
	assert_int_equal(C_GetSlotList(CK_TRUE, list, &count), CKR_OK);
	assert_int_equal(count, 2);
	assert_int_equal(list[0], 0);
	assert_int_equal(list[1], 2);
	assert_int_equal(C_GetTokenInfo(1, &info), CKR_SLOT_ID_INVALID);
	assert_int_equal(C_GetTokenInfo(2, &info), CKR_OK);
	assert_memory_equal(info.label, "gamma                           ", 32);
	assert_int_equal(C_GetTokenInfo(0, &info), CKR_OK);
	assert_memory_equal(info.label, "alpha                           ", 32);
	assert_memory_equal(info.serialNumber, "backup          ", 16);
	assert_int_equal(C_GetSlotInfo(0, &slot_info), CKR_OK);
	assert_memory_equal(slot_info.slotDescription, "Linux keyring backup  ", 22);
	assert_string_equal(slot_find(0)->master, "trusted:kmk");
	assert_int_equal(slot_find(0)->create, CREATE_ENCRYPTED);
	assert_null(slot_find(2)->master);
	assert_int_equal(slot_find(2)->create, CREATE_LOGON);
	/* No keyring is asked for before it is needed. */
	assert_int_equal(fake_calls("key_search") + fake_calls("keyring_resolve") +
				 fake_calls("keyring_persistent") + fake_calls("key_describe"),
			 0);
	assert_int_equal(C_Finalize(NULL), CKR_OK);
	/* Another file, another start. */
	conf_write("", 0);
	assert_int_equal(C_Initialize(NULL), CKR_OK);
	assert_int_equal(C_GetTokenInfo(0, &info), CKR_OK);
	assert_memory_equal(info.label, "kernel-user ", 12);
}

static CK_ULONG keys_in(CK_SLOT_ID slot)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_ATTRIBUTE template = {CKA_CLASS, &class, sizeof(class)};
	CK_OBJECT_HANDLE found[8];
	CK_SESSION_HANDLE session;
	CK_ULONG count = 0;

	assert_int_equal(C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session), CKR_OK);
	assert_int_equal(C_FindObjectsInit(session, &template, 1), CKR_OK);
	assert_int_equal(C_FindObjects(session, found, 8, &count), CKR_OK);
	assert_int_equal(C_CloseSession(session), CKR_OK);
	return count;
}

static void add_keys(int32_t keyring, int n)
{
	char description[32];

	for (int i = 0; i < n; i++) {
		snprintf(description, sizeof(description), "pkcs11:object=%d", i);
		fake_key_add(keyring, "logon", description, "0123456789abcdef", 16, FAKE_PERM);
	}
}

static void each_token_looks_into_its_keyring(void **state)
{
	int32_t named = fake_key_add(FAKE_USER_KEYRING, "keyring", "backup", "", 0, FAKE_PERM);
	int32_t distant = fake_key_add(0x77, "keyring", "elsewhere", "", 0, FAKE_PERM);
	char text[256];

	snprintf(text, sizeof(text),
		 "[token a]\nkeyring = backup\n[token b]\nkeyring = %d\n"
		 "[token c]\nkeyring = persistent\n[token d]\nkeyring = user\n",
		 distant);
	conf_write(text, strlen(text));
	add_keys(named, 1);
	add_keys(distant, 2);
	add_keys(FAKE_PERSISTENT_KEYRING, 3);
	add_keys(FAKE_USER_KEYRING, 4);
	assert_int_equal(C_Initialize(NULL), CKR_OK);
	for (CK_SLOT_ID id = 0; id < 4; id++)
		assert_int_equal(keys_in(id), id + 1);
	/* What is not there shows no keys, and comes back. */
	fake_key_unlink(named);
	assert_int_equal(keys_in(0), 0);
	named = fake_key_add(FAKE_USER_KEYRING, "keyring", "backup", "", 0, FAKE_PERM);
	add_keys(named, 5);
	assert_int_equal(keys_in(0), 5);
	/* A keyring that may be read by its possessor only is possessed first. */
	fake_fail("keyring_list", 1, -EACCES);
	fake_calls_forget();
	assert_int_equal(keys_in(1), 2);
	assert_int_equal(fake_calls("keyring_possess"), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, conf_setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(three_tokens_need_no_configuration),
		TEST(tokens_are_in_the_order_of_the_file),
		TEST(a_master_makes_encrypted_keys),
		TEST(a_store_is_a_folder),
		TEST(a_store_is_one_tokens),
		TEST(the_path_of_a_store_can_be_too_long),
		TEST(a_mistake_costs_its_token),
		TEST(unknown_entries_cost_nothing),
		TEST(a_broken_section_leaves_the_others_alone),
		TEST(more_than_sixteen_are_too_many),
		TEST(slots_are_the_tokens_that_are_usable),
		TEST(each_token_looks_into_its_keyring),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("config-token", tests, NULL, NULL);
}
