/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake-kernel.h"
#include "kernel/alg.h"
#include "kernel/keyring.h"
#include "kernel/transform.h"
#include "key/serials.h"
#include "mech/mechanism.h"
#include "token/attribute.h"
#include "token/check-value.h"
#include "token/slot.h"

static const struct slot slot = {.id = 0};
static const uint8_t bytes[64] = "0123456789abcdefghijklmnopqrstuvwxyz";

static int setup(void **state)
{
	fake_reset();
	serials_forget();
	mechanisms_start(FAMILY_ALL);
	return 0;
}

static int teardown(void **state)
{
	int left = fake_busy_sockets() ? -1 : 0;

	transform_purge(0);
	return left || fake_open_sockets() ? -1 : 0;
}

static struct object *make(const char *type, const char *query, size_t len)
{
	static unsigned int number;
	struct object *made = NULL;
	char description[128];
	int32_t serial;

	snprintf(description, sizeof(description), "pkcs11:object=%u?%s", number++, query);
	serial = fake_key_add(FAKE_USER_KEYRING, type, description, bytes, len, KEY_PERM_READABLE);
	assert_int_equal(object_open(&slot, FAKE_USER_KEYRING, serial, &made, (char[17]){0}), 0);
	object_measure(made, NULL);
	return made;
}

static struct object *hold(CK_KEY_TYPE type, unsigned int flags, size_t len)
{
	struct metadata metadata = {.flags = flags, .key_type_known = true, .key_type = type};
	struct object *made;
	struct key *key;

	assert_int_equal(key_hold(bytes, len, &key), 0);
	made = object_hold(&slot, 7, key, &metadata);
	assert_non_null(made);
	return made;
}

/* That OBJECT has none, and says so, and nothing of the key is in what it answers. */
static void has_none(struct object *object)
{
	uint8_t value[CHECK_VALUE_LEN] = {0xa5, 0xa5, 0xa5};
	CK_ATTRIBUTE attribute = {CKA_CHECK_VALUE, value, sizeof(value)};

	assert_int_equal(check_value(object, value), CKR_ATTRIBUTE_TYPE_INVALID);
	assert_int_equal(attributes_get(object, &attribute, 1), CKR_ATTRIBUTE_TYPE_INVALID);
	assert_int_equal(attribute.ulValueLen, CK_UNAVAILABLE_INFORMATION);
	assert_memory_equal(value, "\xa5\xa5\xa5", sizeof(value));
	object_put(object);
}

static void has(struct object *object, const uint8_t *expected)
{
	uint8_t value[CHECK_VALUE_LEN + 1] = {0, 0, 0, 0xa5};
	CK_ATTRIBUTE attribute = {CKA_CHECK_VALUE, NULL, 0};

	assert_int_equal(check_value(object, value), CKR_OK);
	assert_memory_equal(value, expected, CHECK_VALUE_LEN);
	assert_int_equal(value[CHECK_VALUE_LEN], 0xa5);
	memset(value, 0, CHECK_VALUE_LEN);
	assert_int_equal(attributes_get(object, &attribute, 1), CKR_OK);
	assert_int_equal(attribute.ulValueLen, CHECK_VALUE_LEN);
	attribute = (CK_ATTRIBUTE){CKA_CHECK_VALUE, value, sizeof(value)};
	assert_int_equal(attributes_get(object, &attribute, 1), CKR_OK);
	assert_int_equal(attribute.ulValueLen, CHECK_VALUE_LEN);
	assert_memory_equal(value, expected, CHECK_VALUE_LEN);
	assert_true(attributes_match(object, &attribute, 1));
	value[0] ^= 1;
	assert_false(attributes_match(object, &attribute, 1));
	object_put(object);
}

/* Section 4.11.1: three bytes of an encrypted block of zeros; the key is not read for it. */
static void of_a_cipher_s_key_it_is_a_block_of_zeros(void **state)
{
	static const struct {
		const char *query, *cipher;
		size_t len;
	} cases[] = {
		{"x-key-type=aes", "ecb(aes)", 16},
		{"x-key-type=aes", "ecb(aes)", 32},
		/* Whatever it may be used for. */
		{"x-key-type=aes&x-usage=wrap&x-mechanisms=aes-gcm", "ecb(aes)", 24},
		{"x-key-type=des3", "ecb(des3_ede)", 24},
		{"x-key-type=camellia", "ecb(camellia)", 16},
		{"x-key-type=aria", "ecb(aria)", 16},
	};
	static const char *const types[] = {"logon", "encrypted", "user"};
	static const uint8_t zeros[16];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint8_t expected[16];
		size_t block = strstr(cases[i].cipher, "des3") ? 8 : 16;

		fake_cipher(cases[i].cipher, bytes, cases[i].len, false, NULL, zeros, block,
			    expected);
		for (size_t k = 0; k < 3; k++) {
			struct object *object = make(types[k], cases[i].query, cases[i].len);

			fake_calls_forget();
			has(object, expected);
			assert_int_equal(fake_calls("key_read"), 0);
		}
	}
	{
		uint8_t expected[16];

		fake_cipher("ecb(aes)", bytes, 32, false, NULL, zeros, 16, expected);
		has(hold(CKK_AES, FLAG_INSENSITIVE, 32), expected);
	}
}

/* Section 6.8: of their SHA-1, so that the bytes are needed. */
static void of_a_generic_secret_it_is_a_digest(void **state)
{
	uint8_t expected[20];

	for (size_t len = 1; len <= sizeof(bytes); len += 9) {
		fake_hash("sha1", NULL, 0, bytes, len, expected, sizeof(expected));
		has(hold(CKK_GENERIC_SECRET, FLAG_EXTRACTABLE, len), expected);
		has(make("user", "x-key-type=generic-secret&x-flags=extractable", len), expected);
	}
	fake_calls_forget();
	has_none(make("user", "x-key-type=generic-secret", 32));
	has_none(make("user", "x-key-type=generic-secret&x-flags=insensitive", 32));
	has_none(make("logon", "x-key-type=generic-secret&x-flags=extractable", 32));
	assert_int_equal(fake_calls("key_read"), 0);
	has_none(make("encrypted", "x-key-type=generic-secret&x-flags=extractable", 32));
}

static void of_other_keys_there_is_none(void **state)
{
	static const char *const types[] = {"aes-xts", "chacha20", "sha256-hmac", "hkdf",
					    "kcryptoki-adiantum"};
	char query[64];

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		snprintf(query, sizeof(query), "x-key-type=%s&x-flags=extractable", types[i]);
		has_none(make("user", query, 32));
	}
	/* A key that its type's cipher does not take. */
	has_none(make("logon", "x-key-type=aes", 20));
}

static void where_the_cipher_is_missing_there_is_none(void **state)
{
	fake_alg_hide("ecb(aes)", true);
	fake_alg_hide("sha1", true);
	has_none(make("logon", "x-key-type=aes", 32));
	has_none(hold(CKK_GENERIC_SECRET, FLAG_EXTRACTABLE, 32));
	fake_reset();
	mechanisms_start(FAMILY_NONE);
	has_none(make("logon", "x-key-type=des3", 24));
	assert_int_equal(fake_calls("alg_bind"), 0);
}

/* Whatever fails on the way, there is none, and no socket is left in the middle of a message; an
 * accident is told as such. */
static void failures_are_no_values(void **state)
{
	static const char *const functions[] = {"alg_bind", "alg_set_key_serial", "alg_accept",
						"alg_send", "alg_recv"};
	static const char *const of_held[] = {"alg_bind", "alg_accept", "alg_send", "alg_recv"};
	static const struct {
		int error;
		CK_RV rv;
	} failures[] = {{-ENOMEM, CKR_DEVICE_MEMORY},
			{-EIO, CKR_DEVICE_ERROR},
			{-EKEYREVOKED, CKR_ATTRIBUTE_TYPE_INVALID},
			{-EACCES, CKR_ATTRIBUTE_TYPE_INVALID}};
	uint8_t value[CHECK_VALUE_LEN];

	for (size_t k = 0; k < sizeof(failures) / sizeof(*failures); k++) {
		for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
			struct object *object = make("logon", "x-key-type=aes", 32);

			/* What is tried again, with its keyring linked. */
			if (failures[k].error == -EACCES && i == 1) {
				object_put(object);
				continue;
			}
			mechanism_offered(mechanism_find(CKM_AES_ECB));
			fake_fail(functions[i], 1, failures[k].error);
			assert_int_equal(check_value(object, value), failures[k].rv);
			assert_int_equal(fake_busy_sockets(), 0);
			fake_fail(functions[i], 1, 0);
			object_put(object);
			transform_purge(0);
		}
		for (size_t i = 0; i < sizeof(of_held) / sizeof(*of_held); i++) {
			struct object *object = hold(CKK_GENERIC_SECRET, FLAG_EXTRACTABLE, 32);

			mechanism_offered(mechanism_find(CKM_SHA_1));
			fake_fail(of_held[i], 1, failures[k].error);
			assert_int_equal(check_value(object, value), failures[k].rv);
			assert_int_equal(fake_busy_sockets(), 0);
			fake_fail(of_held[i], 1, 0);
			object_put(object);
			transform_purge(0);
		}
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(of_a_cipher_s_key_it_is_a_block_of_zeros),
		TEST(of_a_generic_secret_it_is_a_digest),
		TEST(of_other_keys_there_is_none),
		TEST(where_the_cipher_is_missing_there_is_none),
		TEST(failures_are_no_values),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("check-value", tests, NULL, NULL);
}
