/* SPDX-License-Identifier: BSD-2-Clause */
/* What kcryptokid.conf allows, and what of it is a mistake. */
#include <errno.h>
#include <keyutils.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/rules.h"
#include "conf.h"
#include "fake-kernel.h"
#include "mech/mechanism.h"
#include "token/slot.h"

static struct rules rules;
static struct config config;
static struct object *objects[8];
static size_t n_objects;

static void forget(void)
{
	while (n_objects)
		object_put(objects[--n_objects]);
	slots_stop();
	config_free(&config);
	rules_free(&rules);
}

static int setup(void **state)
{
	mechanisms_start(FAMILY_ALL);
	return conf_setup(state);
}

static int teardown(void **state)
{
	forget();
	return conf_teardown(state);
}

static void read_it(const char *text)
{
	rules_free(&rules);
	conf_write(text, strlen(text));
	conf_log_begin();
	assert_int_equal(rules_read(&rules, conf_path), 0);
	conf_log_end();
}

/* A file without mistakes. */
static void read_good(const char *text)
{
	read_it(text);
	if (conf_log_lines())
		fail_msg("%s", conf_logged);
}

/* A key of 32 bytes in the user keyring, as an object. */
static const struct object *key(const char *type, const char *description)
{
	static const uint8_t payload[32];
	int32_t serial = fake_key_add(FAKE_USER_KEYRING, type, description, payload, 32, FAKE_PERM);
	struct object *object;

	if (!slots_count()) {
		config_default(&config);
		assert_int_equal(slots_start(&config), CKR_OK);
	}
	assert_int_equal(slot_object(slot_find(0), serial, &object), CKR_OK);
	assert_true(n_objects < 8);
	return objects[n_objects++] = object;
}

static const struct peer plain = {.pid = 7, .uid = 1000, .gid = 100};

static uint64_t mine(const struct peer *peer)
{
	return rules_of(&rules, peer);
}

static bool gives(const struct object *object, const char *type, const char *name)
{
	return rules_find(&rules, mine(&plain), object, type, name);
}

#define TO_PLAIN "uid = 1000\n"
#define BACKUP "[allow backup]\nlabel = backup\n" TO_PLAIN

static void what_no_rule_gives_is_refused(void **state)
{
	const struct object *backup = key("logon", "pkcs11:object=backup?x-key-type=aes");
	const struct object *other = key("logon", "pkcs11:object=other?x-key-type=aes");

	read_good("");
	assert_int_equal(mine(&plain), 0);
	assert_false(gives(backup, "skcipher", "cbc(aes)"));
	assert_false(gives(NULL, "hash", "sha256"));
	assert_false(rules_show(&rules, ~UINT64_C(0), backup));

	read_good(BACKUP "mechanisms = aes-cbc\n[allow sums]\nmechanisms = sha256\n" TO_PLAIN);
	assert_true(gives(backup, "skcipher", "cbc(aes)"));
	assert_false(gives(backup, "skcipher", "ctr(aes)"));
	assert_false(gives(backup, "aead", "cbc(aes)"));
	assert_false(gives(backup, "hash", "sha256"));
	assert_false(gives(other, "skcipher", "cbc(aes)"));
	assert_true(rules_show(&rules, mine(&plain), backup));
	assert_false(rules_show(&rules, mine(&plain), other));
	assert_true(gives(NULL, "hash", "sha256"));
	assert_false(gives(NULL, "hash", "sha512"));
	/* With keys of the peer's own. */
	assert_true(gives(NULL, "skcipher", "cbc(aes)"));
	assert_false(gives(NULL, "skcipher", "ctr(aes)"));
}

static void peers_are_users_groups_and_units(void **state)
{
	static const gid_t groups[] = {30, 40};
	struct peer peer = {.uid = 1, .gid = 2, .groups = groups, .n_groups = 2};

	read_good("[allow a]\nmechanisms = sha256\nuid = 5 root\n"
		  "[allow b]\nmechanisms = sha256\ngid = 40\n"
		  "[allow c]\nmechanisms = sha256\nunit = backup.service other.service\n"
		  "[allow d]\nmechanisms = sha256\nuid = 5\ngid = 2\nunit = x.service\n");
	assert_int_equal(mine(&peer), 2 + 8);
	peer.n_groups = 1;
	assert_int_equal(mine(&peer), 8);
	peer.gid = 3;
	assert_int_equal(mine(&peer), 0);
	peer.uid = 0;
	assert_int_equal(mine(&peer), 1);
	peer.uid = 5;
	assert_int_equal(mine(&peer), 1 + 8);
	strcpy(peer.unit, "other.service");
	assert_int_equal(mine(&peer), 1 + 4 + 8);
	strcpy(peer.unit, "backup.servic");
	assert_int_equal(mine(&peer), 1 + 8);
	assert_true(rules_name_units(&rules));
	read_good("[allow a]\nmechanisms = sha256\nuid = 5\n");
	assert_false(rules_name_units(&rules));
}

static void keys_are_named_by_type_and_description_or_label(void **state)
{
	const struct object *a = key("logon", "pkcs11:object=nightly?x-key-type=aes");
	const struct object *b = key("encrypted", "pkcs11:object=nightly?x-key-type=aes");
	const struct object *c = key("logon", "pkcs11:object=daily?x-key-type=aes");

	read_good("[allow x]\ntype = logon\ndescription = pkcs11:object=night*\n"
		  "mechanisms = aes-cbc\n" TO_PLAIN);
	assert_true(gives(a, "skcipher", "cbc(aes)"));
	assert_false(gives(b, "skcipher", "cbc(aes)"));
	assert_false(gives(c, "skcipher", "cbc(aes)"));
	read_good("[allow x]\nlabel = nightly\nmechanisms = aes-cbc\n" TO_PLAIN);
	assert_true(gives(a, "skcipher", "cbc(aes)") && gives(b, "skcipher", "cbc(aes)"));
	assert_false(gives(c, "skcipher", "cbc(aes)"));
	read_good("[allow x]\nlabel = nightly\ntype = encrypted\ndescription = *\n"
		  "mechanisms = aes-cbc\n" TO_PLAIN);
	assert_false(gives(a, "skcipher", "cbc(aes)"));
	assert_true(gives(b, "skcipher", "cbc(aes)"));
	/* Without a key a rule is of none. */
	read_good("[allow x]\nmechanisms = aes-cbc\n" TO_PLAIN);
	assert_false(gives(a, "skcipher", "cbc(aes)"));
}

/* A socket encrypts and decrypts: whoever may have it may do both. */
static void half_a_usage_is_not_given(void **state)
{
	static const struct {
		const char *usage;
		bool gives;
	} cases[] = {
		{"encrypt,decrypt", true}, {"encrypt", false},     {"decrypt", false},
		{"wrap,unwrap", false},    {"sign,verify", false}, {"encrypt,decrypt,wrap", true},
	};
	char description[128];

	read_good(BACKUP "mechanisms = aes-cbc aes-cmac\n");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct object *object;

		snprintf(description, sizeof(description),
			 "pkcs11:object=backup?x-key-type=aes&x-usage=%s", cases[i].usage);
		object = key("logon", description);
		assert_int_equal(gives(object, "skcipher", "cbc(aes)"), cases[i].gives);
		assert_int_equal(gives(object, "hash", "cmac(aes)"),
				 !strcmp(cases[i].usage, "sign,verify"));
	}
}

static void a_rule_gives_what_its_usages_name(void **state)
{
	const struct object *object = key("logon", "pkcs11:object=backup?x-key-type=aes");

	read_good(BACKUP "mechanisms = aes-cbc\nusage = encrypt decrypt\n");
	assert_true(gives(object, "skcipher", "cbc(aes)"));
	read_good(BACKUP "mechanisms = aes-cmac\nusage = sign, verify\n");
	assert_true(gives(object, "hash", "cmac(aes)"));
	read_it(BACKUP "mechanisms = aes-cbc\nusage = encrypt\n");
	assert_true(conf_complains(1, "[allow backup] a socket does all that its algorithm can"));
	read_it(BACKUP "mechanisms = aes-cmac\nusage = encrypt decrypt\n");
	assert_true(conf_complains(1, "sign and verify"));
	read_it(BACKUP "mechanisms = aes-key-wrap\nusage = wrap unwrap\n");
	assert_true(conf_complains(1, "encrypt and decrypt"));
}

static void the_keys_own_restrictions_hold(void **state)
{
	const struct object *object =
		key("logon", "pkcs11:object=backup?x-key-type=aes&x-mechanisms=aes-ccm");

	read_good(BACKUP "mechanisms = aes-cbc aes-ccm sha256-hmac\n");
	assert_true(gives(object, "aead", "ccm(aes)"));
	assert_false(gives(object, "skcipher", "cbc(aes)"));
	/* Nor is an AES key one of HMAC. */
	object = key("logon", "pkcs11:object=backup?x-key-type=aes&x-uid=2");
	assert_true(gives(object, "skcipher", "cbc(aes)"));
	assert_false(gives(object, "hash", "hmac(sha256)"));
}

static void mistakes_are_named(void **state)
{
	static const struct {
		const char *text;
		unsigned int line;
		const char *said;
	} cases[] = {
		{"[allow a]\nmechanisms = sha256\n", 1, "[allow a] it names nobody"},
		{"[allow a]\nuid = 1\n", 1, "it names no mechanisms"},
		{"[allow a]\nuid = 1\nmechanisms = rot13\n", 3, "mechanisms: there is no such"},
		{"[allow a]\nuid = nobody-like-that\nmechanisms = sha256\n", 2,
		 "uid: there is no such user"},
		{"[allow a]\ngid = nobody-like-that\nmechanisms = sha256\n", 2,
		 "gid: there is no such group"},
		{"[allow a]\nuid = 4294967295\nmechanisms = sha256\n", 2, "no such user"},
		{"[allow a]\nuid = -1\nmechanisms = sha256\n", 2, "no such user"},
		{"[allow a]\nunit = backup\nmechanisms = sha256\n", 2,
		 "unit: that is not the name"},
		{"[allow a]\nunit = a.slice\nmechanisms = sha256\n", 2, "unit: that is not"},
		{"[allow a]\nunit = a/b.service\nmechanisms = sha256\n", 2, "unit: that is not"},
		{"[allow a]\nuid = 1\nmechanisms = aes-key-gen\n", 1, "needs no socket"},
		{"[allow a]\nuid = 1\nmechanisms = aes-cbc\ntype = logon\n", 1,
		 "by type and description"},
		{"[allow a]\nuid = 1\nmechanisms = aes-cbc\ndescription = *\n", 1,
		 "by type and description"},
		{"[allow a]\nuid = 1\nmechanisms = aes-cbc\nid = 01\n", 4, "id: it is not known"},
		{"[allow a]\nuid = 1\nmechanisms = aes-cbc\nuser = x\n", 4,
		 "user: it is not known"},
		{"[allow a]\nuid = 1\nmechanisms = aes-cbc sha256\nlabel = x\n", 1, "takes no key"},
		{"[allow a]\nuid = 1\nmechanisms = aes-cbc\nusage =\n", 4, "usage: it is empty"},
		{"[allow a]\nuid = 1\nmechanisms = aes-cbc\nlabel =\n", 4, "label: it is empty"},
		{"[allow a]\nuid = 1\nmechanisms = aes-cbc\nlabel = a\ntype =\n", 5,
		 "type: it is empty"},
		{"[allow a]\nuid =\nmechanisms = aes-cbc\n", 2, "uid: it is empty"},
		{"[broker x]\n", 1, "there is no section like [broker x]"},
		{"[rules]\n", 1, "there is no section like [rules]"},
		{"[broker]\nsocket = /s\nsocket = /s\n", 3, "[broker] socket: it stands twice"},
		{"[broker]\nsocket = run/s\n", 2, "[broker] socket: it is no absolute path"},
		{"[broker]\nport = 1\n", 2, "[broker] port: it is not known"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		read_it(cases[i].text);
		if (!conf_complains(cases[i].line, cases[i].said) || conf_log_lines() != 1)
			fail_msg("%s: %s", cases[i].text, conf_logged);
	}
}

static void there_is_an_end_to_rules(void **state)
{
	char text[8192] = "";

	for (int i = 0; i <= RULES_MAX; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 "[allow r%d]\nuid = %d\nmechanisms = sha256\n", i, i);
	read_it(text);
	assert_true(conf_complains(3 * RULES_MAX + 1, "there are 64 rules before it"));
	assert_int_equal(rules.count, RULES_MAX);
	assert_int_equal(mine(&(struct peer){.uid = 63}), UINT64_C(1) << 63);
	strcpy(text, "[allow a]\nmechanisms = sha256\nuid =");
	for (int i = 0; i <= NAMES_MAX; i++)
		strcat(text, " 1");
	read_it(text);
	assert_true(conf_complains(3, "uid: there are too many"));
}

static void what_rules_come_to_is_said(void **state)
{
	read_good(BACKUP "mechanisms = aes-cbc aes-cbc-pad aes-key-wrap\n");
	conf_log_begin();
	rules_explain(&rules);
	conf_log_end();
	assert_non_null(strstr(conf_logged, "[allow backup] gives sockets of cbc(aes), ecb(aes) "));
	assert_null(strstr(conf_logged, "cannot give"));
	fake_alg_hide("cbc(aes)", true);
	conf_log_begin();
	rules_explain(&rules);
	conf_log_end();
	assert_non_null(strstr(conf_logged, "[allow backup] gives sockets of ecb(aes) "));
	assert_non_null(
		strstr(conf_logged, "[allow backup] cannot give cbc(aes): this kernel lacks"));
	rules_free(&rules);
	conf_log_begin();
	rules_explain(&rules);
	conf_log_end();
	assert_non_null(strstr(conf_logged, "nobody is given anything"));
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_no_rule_gives_is_refused),
		TEST(peers_are_users_groups_and_units),
		TEST(keys_are_named_by_type_and_description_or_label),
		TEST(half_a_usage_is_not_given),
		TEST(a_rule_gives_what_its_usages_name),
		TEST(the_keys_own_restrictions_hold),
		TEST(mistakes_are_named),
		TEST(there_is_an_end_to_rules),
		TEST(what_rules_come_to_is_said),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
