/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys of which others chose the descriptions: each costs itself at most. The good key among them
 * is found, alone by its label, and works.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "made.h"
#include "objects.h"

#define GOOD "the good key"
#define GOOD_URI "pkcs11:object=the%20good%20key;id=%01?x-key-type=aes"

enum { LONG = 4095, MANY = 2000, PLACES = 4096 };

static const unsigned char secret[32] = "a key among hostile ones";

static CK_SESSION_HANDLE session;
static key_serial_t good;

/* Whether a key of this description is presented; the kernel may refuse it, which is as well. */
struct row {
	const char *name, *description;
	bool presented;
};

static const struct row rows[] = {
	{"a semicolon", "pkcs11:object=a;b?x-key-type=aes", false},
	{"semicolons alone", "pkcs11:;;;", false},
	{"a newline", "pkcs11:object=a\nb", true},
	{"a line of /proc/keys",
	 "pkcs11:object=a: 3\n00000001 I--Q--- 1 perm 3f010000 0 0 user pkcs11:object=b: 32", true},
	{"bad UTF-8", "pkcs11:object=\xff\xfe", false},
	{"bad UTF-8, escaped", "pkcs11:object=%ff%fe", false},
	{"an overlong zero", "pkcs11:object=%c0%80", false},
	{"a surrogate", "pkcs11:object=%ed%a0%80", false},
	{"a zero byte", "pkcs11:object=a%00b", false},
	{"half an escape", "pkcs11:object=a%4", false},
	{"no escape", "pkcs11:object=a%zz", false},
	{"a percent sign at the end", "pkcs11:object=%", false},
	{"an unknown type", "pkcs11:object=a?x-key-type=unknown", false},
	{"an unknown usage", "pkcs11:object=a?x-usage=encrypt,fly", false},
	{"an unknown flag", "pkcs11:object=a?x-flags=flying", false},
	{"unknown mechanisms", "pkcs11:object=a?x-mechanisms=rot13", false},
	{"a private key", "pkcs11:object=a;type=private", false},
	{"another token's", "pkcs11:token=other;object=a", true},
	{"an attribute twice", "pkcs11:object=a;object=b", true},
	{"a bad template", "pkcs11:object=a?x-wrap-template=zz", false},
	{"the scheme alone", "pkcs11:", true},
	{"the scheme without its colon", "pkcs11", false},
	{"a sidecar's name", "kcryptoki:0123456789abcdef", false},
	{"a path", "../../../../etc/passwd", false},
	{"formats", "pkcs11:object=%25n%25s%25n", true},
};
#define ROWS (sizeof(rows) / sizeof(*rows))

static CK_ULONG count(void)
{
	static CK_OBJECT_HANDLE found[PLACES];

	return objects_find(session, found, PLACES, TEMPLATE(IS_SECRET));
}

/* Alone by its label, and of use. */
static void check_good(void)
{
	CK_OBJECT_HANDLE key = objects_the(session, TEMPLATE(IS_SECRET, IS_TEXT(CKA_LABEL, GOOD)));

	assert_int_equal(made_serial(&token, session, key), good);
	GUEST_OK(made_works(&token, session, key, secret, sizeof(secret)));
}

static key_serial_t put(const char *type, const char *description)
{
	return add_key(type, description, secret, sizeof(secret), KEY_SPEC_USER_KEYRING);
}

static void test_begin(void **state)
{
	(void)state;
	guest_need_keys();
	guest_need(CKM_AES_CBC);
	session = objects_rw_session();
	good = put(token.keyring_type, GOOD_URI);
	assert_true(good > 0);
	assert_int_equal(count(), 1);
	check_good();
}

static void need(void)
{
	if (good <= 0)
		guest_skip("the first test says why");
}

static void test_descriptions(void **state)
{
	bool wrong = false;

	(void)state;
	need();
	for (size_t i = 0; i < ROWS; i++) {
		/* A logon key's description has a prefix: any colon will do (keyrings(7)). */
		key_serial_t key = put(token.keyring_type, rows[i].description);
		CK_ULONG n = count();

		if (key < 0)
			print_message("# %s: the kernel refuses it: %s\n", rows[i].name,
				      strerror(errno));
		if (n != (key > 0 && rows[i].presented ? 2UL : 1UL)) {
			print_message("# %s: %lu keys\n", rows[i].name, n);
			wrong = true;
		}
		check_good();
		if (key > 0)
			keyctl_unlink(key, KEY_SPEC_USER_KEYRING);
	}
	assert_false(wrong);
	assert_int_equal(count(), 1);
}

/* All at once, with a second one of each that differs in its end. */
static void test_descriptions_together(void **state)
{
	key_serial_t keys[ROWS];
	size_t presented = 1;

	(void)state;
	need();
	for (size_t i = 0; i < ROWS; i++) {
		keys[i] = put(token.keyring_type, rows[i].description);
		presented += keys[i] > 0 && rows[i].presented;
	}
	assert_int_equal(count(), presented);
	check_good();
	for (size_t i = 0; i < ROWS; i++)
		if (keys[i] > 0)
			keyctl_unlink(keys[i], KEY_SPEC_USER_KEYRING);
	assert_int_equal(count(), 1);
}

/* The longest that the kernel takes (KEY_MAX_DESC_SIZE is a page), and its neighbours. */
static void test_long_descriptions(void **state)
{
	static const char *const patterns[] = {"a", "%41",      "%",
					       ";", "\xc3\xa4", "&x-usage=encrypt"};
	char text[LONG + 1];

	(void)state;
	need();
	for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++) {
		for (size_t length = LONG - 2; length <= LONG; length++) {
			key_serial_t key;
			size_t at = (size_t)snprintf(text, sizeof(text), "pkcs11:object=");

			while (at < length) {
				text[at] = patterns[i][(at - 14) % strlen(patterns[i])];
				at++;
			}
			text[length] = '\0';
			key = put(token.keyring_type, text);
			/* A label may have 1,024 bytes of what a caller gives; this one is the
			 * kernel's. */
			assert_true(count() <= 2);
			check_good();
			if (key > 0)
				keyctl_unlink(key, KEY_SPEC_USER_KEYRING);
		}
	}
	assert_int_equal(count(), 1);
}

/* Other things than secret keys. */
static void test_other_types(void **state)
{
	key_serial_t within, plain;

	(void)state;
	need();
	within = add_key("keyring", "pkcs11:object=a", NULL, 0, KEY_SPEC_USER_KEYRING);
	assert_true(within > 0);
	/* A keyring that holds the keyring that holds it cannot be; one with the good key can. */
	assert_int_equal(keyctl_link(good, within), 0);
	plain = put("user", "a plain key");
	assert_int_equal(count(), 1);
	check_good();
	keyctl_unlink(within, KEY_SPEC_USER_KEYRING);
	keyctl_unlink(plain, KEY_SPEC_USER_KEYRING);
}

static key_serial_t many[MANY];

static int drop_many(void **state)
{
	(void)state;
	for (size_t i = 0; i < MANY && many[i]; i++) {
		keyctl_unlink(many[i], KEY_SPEC_USER_KEYRING);
		many[i] = 0;
	}
	return 0;
}

/* What is gone counts in the quota until the kernel has collected it: long descriptions do. */
static key_serial_t put_in_time(const char *text, bool enough)
{
	key_serial_t serial;

	for (int tries = 0; (serial = put(token.keyring_type, text)) < 0 && errno == EDQUOT;
	     tries++) {
		if (enough || tries == 100)
			return 0;
		usleep(100000);
	}
	if (serial < 0)
		guest_fail("no key is added: %s", strerror(errno));
	return serial;
}

/* More than a keyring is likely to have, as many as the quota gives. */
static void test_many(void **state)
{
	const size_t least = getuid() == 0 ? MANY : 100;
	size_t made = 0;
	char text[64];

	(void)state;
	need();
	for (size_t i = 0; i < MANY; i++) {
		/* Small ones: a plain user has 20,000 bytes, and 200 keys. */
		snprintf(text, sizeof(text), i % 2 ? "pkcs11:object=%zx" : "pkcs11:%%%zx", i);
		many[made] = put_in_time(text, made >= least);
		if (!many[made])
			break;
		made++;
	}
	print_message("# %zu keys\n", made);
	assert_true(made >= least);
	assert_int_equal(count(), 1 + made / 2);
	check_good();
	drop_many(state);
	assert_int_equal(count(), 1);
}

static void test_end(void **state)
{
	(void)state;
	need();
	check_good();
	keyctl_unlink(good, KEY_SPEC_USER_KEYRING);
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_begin),
		cmocka_unit_test(test_descriptions),
		cmocka_unit_test(test_descriptions_together),
		cmocka_unit_test(test_long_descriptions),
		cmocka_unit_test(test_other_types),
		cmocka_unit_test_teardown(test_many, drop_many),
		cmocka_unit_test(test_end),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, guest_setup, guest_teardown);
}
