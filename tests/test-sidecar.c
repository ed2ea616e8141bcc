/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake-kernel.h"
#include "kernel/keyring.h"
#include "key/own.h"
#include "key/serials.h"
#include "token/sidecar.h"

static const char unique_id[] = "0123456789abcdef";

static int setup(void **state)
{
	fake_reset();
	own_abandon();
	serials_forget();
	return 0;
}

static struct metadata read_it(const char *description)
{
	struct metadata metadata;
	const char *why = "";

	if (metadata_read(&metadata, "logon", description, &why))
		fail_msg("%s: %s", description, why);
	return metadata;
}

/* Lets the key of DESCRIPTION become what CHANGED says of another, by way of the text. */
static struct metadata change(const char *description, const struct metadata *changed)
{
	struct metadata metadata = read_it(description);
	char *text = sidecar_text(changed);

	assert_non_null(text);
	assert_int_equal(sidecar_apply(&metadata, text), 0);
	free(text);
	return metadata;
}

static void label_id_and_usages_are_replaced(void **state)
{
	const struct metadata now = {.label = (uint8_t *)"new, ;%&",
				     .label_len = 8,
				     .id = (uint8_t *)"\0\xff",
				     .id_len = 2,
				     .usage = USAGE_SIGN,
				     .flags = FLAG_EXTRACTABLE,
				     .key_type = CKK_DES3,
				     .key_type_known = true};
	struct metadata metadata = change("pkcs11:object=old;id=%01?x-key-type=aes&x-flags=local&"
					  "x-usage=sign,verify&x-mechanisms=aes-cmac",
					  &now);

	assert_int_equal(metadata.label_len, 8);
	assert_memory_equal(metadata.label, "new, ;%&", 8);
	assert_int_equal(metadata.id_len, 2);
	assert_memory_equal(metadata.id, "\0\xff", 2);
	assert_int_equal(metadata.usage, USAGE_SIGN);
	/* All else is the description's. */
	assert_int_equal(metadata.flags, FLAG_LOCAL);
	assert_int_equal(metadata.key_type, CKK_AES);
	assert_int_equal(metadata.n_mechanisms, 1);
	metadata_free(&metadata);
}

/* An id that was taken away is no hash of what is said of the key by then. */
static void nothing_stays_nothing(void **state)
{
	const struct metadata now = {.usage = 0};
	struct metadata metadata = change("pkcs11:object=old;id=%01", &now), again;

	assert_int_equal(metadata.label_len, 0);
	assert_int_equal(metadata.id_len, 0);
	assert_int_equal(metadata.usage, 0);
	metadata.label = (uint8_t *)strdup("b");
	metadata.label_len = 1;
	again = change("pkcs11:object=old;id=%01", &metadata);
	assert_int_equal(again.label_len, 1);
	assert_int_equal(again.id_len, 0);
	assert_int_equal(again.usage, 0);
	metadata_free(&metadata);
	metadata_free(&again);
}

/* Who may write the keyring may forge one. */
static void usages_are_never_given(void **state)
{
	static const char *const forged[] = {
		"pkcs11:", "pkcs11:?x-usage=encrypt,decrypt,sign,verify,wrap,unwrap,derive",
		"pkcs11:object=a?x-flags=extractable,insensitive&x-key-type=des3"};
	struct metadata metadata;

	for (size_t i = 0; i < sizeof(forged) / sizeof(*forged); i++) {
		metadata = read_it("pkcs11:object=a?x-usage=sign&x-key-type=aes");
		assert_int_equal(sidecar_apply(&metadata, forged[i]), 0);
		assert_int_equal(metadata.usage, USAGE_SIGN);
		assert_int_equal(metadata.flags, 0);
		assert_int_equal(metadata.key_type, CKK_AES);
		metadata_free(&metadata);
	}
}

static void what_is_not_understood_changes_nothing(void **state)
{
	static const char *const texts[] = {"",
					    "x",
					    "pkcs11:?x-usage=x",
					    "pkcs11:object=%ff",
					    "pkcs11:type=cert",
					    "pkcs11:object"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct metadata metadata = read_it("pkcs11:object=a;id=%01?x-usage=sign");

		assert_int_equal(sidecar_apply(&metadata, texts[i]), -EINVAL);
		assert_int_equal(metadata.usage, USAGE_SIGN);
		assert_memory_equal(metadata.label, "a", 1);
		assert_memory_equal(metadata.id, "\1", 1);
		metadata_free(&metadata);
	}
}

/* The unique id that a key of TYPE and DESCRIPTION is a sidecar of, or "". */
static void is_sidecar_of(const char *type, const char *description, const char *expected)
{
	int32_t serial = fake_key_add(FAKE_USER_KEYRING, type, description, "x", 1, FAKE_PERM);
	const char *of;
	struct key *key;

	assert_int_equal(key_open(FAKE_USER_KEYRING, serial, &key), 0);
	of = sidecar_of(key);
	assert_string_equal(of ? of : "", expected);
	key_free(key);
}

static void a_sidecar_is_known_by_type_and_name(void **state)
{
	is_sidecar_of("user", "kcryptoki:0123456789abcdef", unique_id);
	is_sidecar_of("logon", "kcryptoki:0123456789abcdef", "");
	is_sidecar_of("user", "pkcs11:object=a", "");
	is_sidecar_of("user", "kcryptok:0123456789abcdef", "");
}

static int32_t find(void)
{
	return key_search(FAKE_USER_KEYRING, "user", "kcryptoki:0123456789abcdef");
}

static void writing_makes_it_or_changes_it(void **state)
{
	char *text = NULL;
	int32_t serial;

	assert_int_equal(sidecar_write(FAKE_USER_KEYRING, unique_id, "pkcs11:object=one"), 0);
	serial = find();
	assert_true(serial > 0);
	assert_int_equal(sidecar_read(serial, FAKE_USER_KEYRING, &text), 0);
	assert_string_equal(text, "pkcs11:object=one");
	free(text);
	assert_int_equal(sidecar_write(FAKE_USER_KEYRING, unique_id, "pkcs11:object=b"), 0);
	assert_int_equal(find(), serial);
	assert_int_equal(sidecar_read(serial, FAKE_USER_KEYRING, &text), 0);
	assert_string_equal(text, "pkcs11:object=b");
	free(text);
	assert_int_equal(fake_keys("user"), 1);
	sidecar_drop(FAKE_USER_KEYRING, unique_id);
	assert_int_equal(fake_keys("user"), 0);
	sidecar_drop(FAKE_USER_KEYRING, unique_id);
	assert_int_equal(sidecar_read(serial, FAKE_USER_KEYRING, &text), -ENOKEY);
}

static void a_keyring_that_is_not_possessed_is_linked(void **state)
{
	char *text = NULL;

	fake_keyring_distant(FAKE_USER_KEYRING, true);
	assert_int_equal(sidecar_write(FAKE_USER_KEYRING, unique_id, "pkcs11:object=one"), 0);
	assert_int_equal(fake_calls("keyring_possess"), 1);
	fake_reset();
	assert_int_equal(sidecar_write(FAKE_USER_KEYRING, unique_id, "pkcs11:object=one"), 0);
	fake_keyring_distant(FAKE_USER_KEYRING, true);
	assert_int_equal(sidecar_read(find(), FAKE_USER_KEYRING, &text), 0);
	assert_string_equal(text, "pkcs11:object=one");
	free(text);
	fake_fail("key_add", 1, -EDQUOT);
	assert_int_equal(sidecar_write(FAKE_USER_KEYRING, unique_id, "pkcs11:object=c"), -EDQUOT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest tests[] = {
		TEST(label_id_and_usages_are_replaced),
		TEST(nothing_stays_nothing),
		TEST(usages_are_never_given),
		TEST(what_is_not_understood_changes_nothing),
		TEST(a_sidecar_is_known_by_type_and_name),
		TEST(writing_makes_it_or_changes_it),
		TEST(a_keyring_that_is_not_possessed_is_linked),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("sidecar", tests, NULL, NULL);
}
