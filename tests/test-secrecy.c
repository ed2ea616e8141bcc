/* SPDX-License-Identifier: BSD-2-Clause */
/* Who learns the bytes of a key: CKA_VALUE, CKA_SENSITIVE, CKA_EXTRACTABLE and CKA_COPYABLE of keys
 * of each type, of keys of sessions, and of data; and who may do what with a key. */
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
#include "kcryptoki.h"
#include "kernel/keyring.h"
#include "key/serials.h"
#include "locked.h"
#include "token/attribute.h"
#include "token/slot.h"

static const struct slot slot = {.id = 0};
static const uint8_t bytes[32] = "0123456789abcdefghijklmnopqrstu";

static int setup(void **state)
{
	fake_reset();
	serials_forget();
	return locked() ? -1 : 0;
}

/* Whatever was read was given back. */
static int teardown(void **state)
{
	return locked() ? -1 : 0;
}

static struct object *make(const char *type, const char *flags, uint32_t perm)
{
	static unsigned int number;
	struct object *made = NULL;
	char description[128];
	int32_t serial;

	snprintf(description, sizeof(description), "pkcs11:object=%u?x-key-type=generic-secret%s",
		 number++, flags);
	serial = fake_key_add(FAKE_USER_KEYRING, type, description, bytes, sizeof(bytes), perm);
	assert_int_equal(object_open(&slot, FAKE_USER_KEYRING, serial, &made, (char[17]){0}), 0);
	return made;
}

static struct object *hold(unsigned int flags)
{
	struct metadata metadata = {.flags = flags,
				    .usage = USAGE_ALL,
				    .key_type_known = true,
				    .key_type = CKK_AES,
				    .unique_id = "0123456789abcdef"};
	struct object *made;
	struct key *key;

	assert_int_equal(key_hold(bytes, sizeof(bytes), &key), 0);
	made = object_hold(&slot, 7, key, &metadata);
	assert_non_null(made);
	return made;
}

static bool is(const struct object *object, CK_ATTRIBUTE_TYPE type)
{
	CK_BBOOL value = 99;
	CK_ATTRIBUTE attribute = {type, &value, sizeof(value)};

	assert_int_equal(attributes_get(object, &attribute, 1), CKR_OK);
	assert_in_range(value, CK_FALSE, CK_TRUE);
	return value == CK_TRUE;
}

/* Whether OBJECT gives its bytes, and all ways of asking agree. */
static bool reveals(const struct object *object)
{
	uint8_t value[sizeof(bytes) + 1];
	CK_ATTRIBUTE attribute = {CKA_VALUE, NULL, 0};
	CK_RV rv = attributes_get(object, &attribute, 1);

	if (rv == CKR_OK)
		assert_int_equal(attribute.ulValueLen, sizeof(bytes));
	else
		assert_int_equal(attribute.ulValueLen, CK_UNAVAILABLE_INFORMATION);
	memset(value, 0xa5, sizeof(value));
	attribute = (CK_ATTRIBUTE){CKA_VALUE, value, sizeof(value)};
	assert_int_equal(attributes_get(object, &attribute, 1), rv);
	attribute = (CK_ATTRIBUTE){CKA_VALUE, (void *)bytes, sizeof(bytes)};
	assert_int_equal(attributes_match(object, &attribute, 1), rv == CKR_OK);
	if (rv != CKR_OK) {
		assert_int_equal(rv, CKR_ATTRIBUTE_SENSITIVE);
		for (size_t i = 0; i < sizeof(value); i++)
			assert_int_equal(value[i], 0xa5);
		return false;
	}
	assert_memory_equal(value, bytes, sizeof(bytes));
	assert_int_equal(value[sizeof(bytes)], 0xa5);
	attribute.pValue = value;
	value[31] ^= 1;
	assert_false(attributes_match(object, &attribute, 1));
	memset(value, 0xa5, sizeof(value));
	attribute = (CK_ATTRIBUTE){CKA_VALUE, value, sizeof(bytes) - 1};
	assert_int_equal(attributes_get(object, &attribute, 1), CKR_BUFFER_TOO_SMALL);
	assert_int_equal(attribute.ulValueLen, CK_UNAVAILABLE_INFORMATION);
	assert_int_equal(value[0], 0xa5);
	return true;
}

/* CKA_VALUE is out for keys that can be read, and are neither sensitive nor kept in. */
static void the_type_decides_and_then_the_flags(void **state)
{
	static const struct {
		const char *type, *flags;
		bool extractable, sensitive, reveals, copyable;
	} cases[] = {
		{"user", "", false, true, false, false},
		{"user", "&x-flags=insensitive", false, false, false, false},
		{"user", "&x-flags=extractable", true, true, false, true},
		{"user", "&x-flags=extractable,insensitive", true, false, true, true},
		{"user", "&x-flags=extractable,insensitive,uncopyable", true, false, true, false},
		{"logon", "", false, true, false, false},
		{"logon", "&x-flags=extractable,insensitive", false, true, false, false},
		{"encrypted", "&x-flags=extractable,insensitive", false, true, false, false},
		{"trusted", "&x-flags=extractable,insensitive", false, true, false, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct object *object = make(cases[i].type, cases[i].flags, KEY_PERM_READABLE);

		assert_int_equal(is(object, CKA_EXTRACTABLE), cases[i].extractable);
		assert_int_equal(is(object, CKA_SENSITIVE), cases[i].sensitive);
		assert_int_equal(is(object, CKA_COPYABLE), cases[i].copyable);
		fake_calls_forget();
		assert_int_equal(reveals(object), cases[i].reveals);
		/* What must not be told is not read. */
		if (!cases[i].reveals)
			assert_int_equal(fake_calls("key_read"), 0);
		object_put(object);
	}
}

static void keys_of_sessions_are_no_keyrings(void **state)
{
	static const struct {
		unsigned int flags;
		bool extractable, sensitive, reveals;
	} cases[] = {
		{FLAG_EXTRACTABLE | FLAG_INSENSITIVE, true, false, true},
		{FLAG_EXTRACTABLE, true, true, false},
		{FLAG_INSENSITIVE, false, false, false},
	};
	CK_ULONG number = 0;
	CK_ATTRIBUTE serial = {CKA_KCRYPTOKI_KEY_SERIAL, &number, sizeof(number)};
	CK_ATTRIBUTE type = {CKA_KCRYPTOKI_KEYRING_TYPE, NULL, 0};
	CK_ATTRIBUTE len = {CKA_VALUE_LEN, &number, sizeof(number)};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct object *object = hold(cases[i].flags);

		assert_int_equal(is(object, CKA_EXTRACTABLE), cases[i].extractable);
		assert_int_equal(is(object, CKA_SENSITIVE), cases[i].sensitive);
		assert_int_equal(reveals(object), cases[i].reveals);
		assert_true(is(object, CKA_COPYABLE));
		assert_false(is(object, CKA_TOKEN));
		assert_int_equal(attributes_get(object, &serial, 1), CKR_ATTRIBUTE_TYPE_INVALID);
		assert_int_equal(attributes_get(object, &type, 1), CKR_ATTRIBUTE_TYPE_INVALID);
		assert_int_equal(attributes_get(object, &len, 1), CKR_OK);
		assert_int_equal(number, sizeof(bytes));
		object_put(object);
	}
}

/* Section 4.5. */
static void data_is_there_to_be_read(void **state)
{
	struct object *object = hold(FLAG_EXTRACTABLE | FLAG_INSENSITIVE);
	CK_OBJECT_CLASS class = 0;
	CK_ATTRIBUTE list[] = {{CKA_CLASS, &class, sizeof(class)},
			       {CKA_APPLICATION, NULL, 9},
			       {CKA_OBJECT_ID, NULL, 9},
			       {CKA_LABEL, NULL, 9}};
	static const CK_ATTRIBUTE_TYPE of_keys[] = {CKA_KEY_TYPE, CKA_SENSITIVE,   CKA_EXTRACTABLE,
						    CKA_ENCRYPT,  CKA_CHECK_VALUE, CKA_ID};

	object->class = CKO_DATA;
	assert_true(reveals(object));
	assert_false(is(object, CKA_TOKEN));
	assert_false(is(object, CKA_PRIVATE));
	assert_true(is(object, CKA_MODIFIABLE));
	assert_true(is(object, CKA_DESTROYABLE));
	assert_int_equal(attributes_get(object, list, 4), CKR_OK);
	assert_int_equal(class, CKO_DATA);
	for (int i = 1; i < 4; i++)
		assert_int_equal(list[i].ulValueLen, 0);
	for (size_t i = 0; i < sizeof(of_keys) / sizeof(*of_keys); i++)
		assert_int_equal(attributes_get(object, &(CK_ATTRIBUTE){of_keys[i], NULL, 0}, 1),
				 CKR_ATTRIBUTE_TYPE_INVALID);
	object_put(object);
}

/* By the names that section 5.7.5 has for it; and not a byte. */
static void what_cannot_be_read_has_an_error_of_its_own(void **state)
{
	static const struct {
		int err;
		CK_RV rv;
	} cases[] = {
		{-EACCES, CKR_ATTRIBUTE_SENSITIVE},
		{-ENOKEY, CKR_OBJECT_HANDLE_INVALID},
		{-EKEYREVOKED, CKR_OBJECT_HANDLE_INVALID},
		{-EKEYEXPIRED, CKR_OBJECT_HANDLE_INVALID},
		{-ENOMEM, CKR_DEVICE_MEMORY},
		{-EIO, CKR_DEVICE_ERROR},
		{-EINVAL, CKR_DEVICE_ERROR},
	};
	struct object *object = make("user", "&x-flags=extractable,insensitive", KEY_PERM_READABLE);

	for (unsigned int nth = 1; nth <= 2; nth++) {
		for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
			uint8_t value[64] = {0}, zeros[64] = {0};
			CK_ATTRIBUTE attribute = {CKA_VALUE, value, sizeof(value)};

			/* The first call may be tried again, with its keyring linked. */
			if (nth == 1 && cases[i].err == -EACCES)
				continue;
			fake_fail("key_read", nth, cases[i].err);
			assert_int_equal(attributes_get(object, &attribute, 1), cases[i].rv);
			assert_int_equal(attribute.ulValueLen, CK_UNAVAILABLE_INFORMATION);
			assert_memory_equal(value, zeros, sizeof(value));
			assert_int_equal(locked(), 0);
		}
	}
	/* One that may neither be read nor found by searching, which would do. */
	fake_key_set_perm(object->key->serial, 0x00010000);
	assert_false(reveals(object));
	object_put(object);
}

static CK_RV permissions_of(const struct object *of, CK_ULONG *mask)
{
	CK_ATTRIBUTE wanted = {CKA_KCRYPTOKI_PERMISSIONS, mask, sizeof(*mask)};

	return attributes_get(of, &wanted, 1);
}

static void permissions_are_those_of_now(void **state)
{
	static char broker;
	struct object *object = make("logon", "", FAKE_PERM), *profile = object_profile(&slot);
	CK_ULONG mask = 0;

	assert_int_equal(permissions_of(object, &mask), CKR_OK);
	assert_int_equal(mask, FAKE_PERM);
	fake_key_set_perm(object->key->serial, 0x19010000);
	assert_int_equal(permissions_of(object, &mask), CKR_OK);
	assert_int_equal(mask, 0x19010000);
	fake_key_set_perm(object->key->serial, 0x18000000);
	assert_int_equal(permissions_of(object, &mask), CKR_ATTRIBUTE_SENSITIVE);
	fake_key_unlink(object->key->serial);
	assert_int_equal(permissions_of(object, &mask), CKR_OBJECT_HANDLE_INVALID);
	/* A broker has its keys from elsewhere. */
	object->key->broker = (struct broker *)&broker;
	assert_int_equal(permissions_of(object, &mask), CKR_ATTRIBUTE_TYPE_INVALID);
	object->key->broker = NULL;
	assert_int_equal(permissions_of(profile, &mask), CKR_ATTRIBUTE_TYPE_INVALID);
	object_put(object);
	object_put(profile);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_type_decides_and_then_the_flags),
		TEST(keys_of_sessions_are_no_keyrings),
		TEST(data_is_there_to_be_read),
		TEST(what_cannot_be_read_has_an_error_of_its_own),
		TEST(permissions_are_those_of_now),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("secrecy", tests, NULL, NULL);
}
