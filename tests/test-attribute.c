/* SPDX-License-Identifier: BSD-2-Clause */
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
#include "kernel/proc-keys.h"
#include "key/serials.h"
#include "token/attribute.h"
#include "token/slot.h"

static const struct slot slot = {.id = 0};
static struct object *object, *profile;

static struct object *make(const char *description, size_t len, bool measured)
{
	static const uint8_t payload[64];
	int32_t serial =
		fake_key_add(FAKE_USER_KEYRING, "logon", description, payload, len, FAKE_PERM);
	struct object *made = NULL;
	char *text = NULL;

	assert_int_equal(object_open(&slot, FAKE_USER_KEYRING, serial, &made, (char[17]){0}), 0);
	if (measured)
		assert_int_equal(proc_keys_read(&text), 0);
	object_measure(made, text);
	free(text);
	return made;
}

static int setup(void **state)
{
	fake_reset();
	serials_forget();
	object = make("pkcs11:object=name;id=%01%02?x-key-type=aes&x-usage=encrypt,verify,wrap", 32,
		      true);
	profile = object_profile(&slot);
	return profile ? 0 : -1;
}

static int teardown(void **state)
{
	object_put(object);
	object_put(profile);
	return 0;
}

#define BOOL(type, value)                           \
	{                                           \
		type, value, sizeof(CK_BBOOL), NULL \
	}
#define NUMBER(type, value)                         \
	{                                           \
		type, value, sizeof(CK_ULONG), NULL \
	}
#define BYTES(type, value)                        \
	{                                         \
		type, 0, sizeof(value) - 1, value \
	}
#define NOTHING(type)          \
	{                      \
		type, 0, 0, "" \
	}

struct expected {
	CK_ATTRIBUTE_TYPE type;
	CK_ULONG number, len;
	const char *bytes;
};

/* Every attribute of a secret key of ours, and its value. */
static const struct expected all[] = {
	NUMBER(CKA_CLASS, CKO_SECRET_KEY),
	NUMBER(CKA_KEY_TYPE, CKK_AES),
	NUMBER(CKA_VALUE_LEN, 32),
	NUMBER(CKA_KEY_GEN_MECHANISM, CK_UNAVAILABLE_INFORMATION),
	BYTES(CKA_LABEL, "name"),
	BYTES(CKA_ID, "\x01\x02"),
	BOOL(CKA_TOKEN, CK_TRUE),
	BOOL(CKA_PRIVATE, CK_FALSE),
	BOOL(CKA_SENSITIVE, CK_TRUE),
	BOOL(CKA_ALWAYS_SENSITIVE, CK_FALSE),
	BOOL(CKA_EXTRACTABLE, CK_FALSE),
	BOOL(CKA_NEVER_EXTRACTABLE, CK_FALSE),
	BOOL(CKA_LOCAL, CK_FALSE),
	BOOL(CKA_ENCRYPT, CK_TRUE),
	BOOL(CKA_DECRYPT, CK_FALSE),
	BOOL(CKA_SIGN, CK_FALSE),
	BOOL(CKA_VERIFY, CK_TRUE),
	BOOL(CKA_WRAP, CK_TRUE),
	BOOL(CKA_UNWRAP, CK_FALSE),
	BOOL(CKA_DERIVE, CK_FALSE),
	BOOL(CKA_MODIFIABLE, CK_TRUE),
	BOOL(CKA_COPYABLE, CK_FALSE),
	BOOL(CKA_DESTROYABLE, CK_TRUE),
	BOOL(CKA_TRUSTED, CK_FALSE),
	BOOL(CKA_WRAP_WITH_TRUSTED, CK_FALSE),
	BOOL(CKA_ALWAYS_AUTHENTICATE, CK_FALSE),
	NOTHING(CKA_START_DATE),
	NOTHING(CKA_END_DATE),
	NOTHING(CKA_ALLOWED_MECHANISMS),
	NOTHING(CKA_WRAP_TEMPLATE),
	NOTHING(CKA_UNWRAP_TEMPLATE),
	NOTHING(CKA_DERIVE_TEMPLATE),
	BYTES(CKA_KCRYPTOKI_KEYRING_TYPE, "logon"),
};

/* PKCS#11 3.2, section 4.13, and what every object has (sections 4.2 and 4.4). */
static const struct expected all_of_profile[] = {
	NUMBER(CKA_CLASS, CKO_PROFILE),
	NUMBER(CKA_PROFILE_ID, CKP_BASELINE_PROVIDER),
	BOOL(CKA_TOKEN, CK_TRUE),
	BOOL(CKA_PRIVATE, CK_FALSE),
	BOOL(CKA_MODIFIABLE, CK_FALSE),
	BOOL(CKA_COPYABLE, CK_FALSE),
	BOOL(CKA_DESTROYABLE, CK_FALSE),
	NOTHING(CKA_LABEL),
	BYTES(CKA_UNIQUE_ID, "profile-baseline"),
};

enum {
	ALL = sizeof(all) / sizeof(*all),
	ALL_OF_PROFILE = sizeof(all_of_profile) / sizeof(*all_of_profile)
};

static void check_value(const struct expected *row, const uint8_t *value)
{
	CK_ULONG number;

	if (row->bytes) {
		assert_memory_equal(value, row->bytes, row->len);
	} else if (row->len == sizeof(CK_BBOOL)) {
		assert_int_equal(*value, row->number);
	} else {
		memcpy(&number, value, sizeof(number));
		assert_int_equal(number, row->number);
	}
}

static void check_all(const struct object *of, const struct expected *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		/* Just as long as the value, so that the sanitizer sees every byte too far. */
		uint8_t *value = malloc(rows[i].len + 1);
		CK_ATTRIBUTE attribute = {rows[i].type, NULL, 99};

		assert_int_equal(attributes_get(of, &attribute, 1), CKR_OK);
		assert_int_equal(attribute.ulValueLen, rows[i].len);
		attribute.pValue = value;
		value[rows[i].len] = 0xa5;
		assert_int_equal(attributes_get(of, &attribute, 1), CKR_OK);
		assert_int_equal(attribute.ulValueLen, rows[i].len);
		check_value(&rows[i], value);
		assert_int_equal(value[rows[i].len], 0xa5);
		free(value);
	}
}

static void every_attribute_has_its_value(void **state)
{
	check_all(object, all, ALL);
}

static void the_profile_has_attributes_of_its_own(void **state)
{
	static const CK_ATTRIBUTE_TYPE of_keys[] = {
		CKA_KEY_TYPE, CKA_ID,   CKA_VALUE, CKA_VALUE_LEN,         CKA_ENCRYPT,
		CKA_SIGN,     CKA_WRAP, CKA_LOCAL, CKA_ALLOWED_MECHANISMS};
	uint8_t value[64];

	check_all(profile, all_of_profile, ALL_OF_PROFILE);
	for (size_t i = 0; i < sizeof(of_keys) / sizeof(*of_keys); i++) {
		CK_ATTRIBUTE attribute = {of_keys[i], value, sizeof(value)};

		assert_int_equal(attributes_get(profile, &attribute, 1),
				 CKR_ATTRIBUTE_TYPE_INVALID);
		assert_int_equal(attribute.ulValueLen, CK_UNAVAILABLE_INFORMATION);
		assert_false(attributes_match(profile, &attribute, 1));
	}
	assert_int_equal(attributes_get(object, &(CK_ATTRIBUTE){CKA_PROFILE_ID, value, 8}, 1),
			 CKR_ATTRIBUTE_TYPE_INVALID);
}

static void the_profile_is_told_from_a_key(void **state)
{
	CK_ULONG keys = CKO_SECRET_KEY, profiles = CKO_PROFILE, id = CKP_BASELINE_PROVIDER;
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE key[] = {{CKA_CLASS, &keys, sizeof(keys)}, {CKA_TOKEN, &yes, 1}};
	CK_ATTRIBUTE by_class[] = {{CKA_CLASS, &profiles, sizeof(profiles)}, {CKA_TOKEN, &yes, 1}};
	CK_ATTRIBUTE by_id[] = {{CKA_PROFILE_ID, &id, sizeof(id)}};

	assert_true(attributes_match(object, key, 2));
	assert_false(attributes_match(profile, key, 2));
	assert_false(attributes_match(object, by_class, 2));
	assert_true(attributes_match(profile, by_class, 2));
	assert_false(attributes_match(object, by_id, 1));
	assert_true(attributes_match(profile, by_id, 1));
	id++;
	assert_false(attributes_match(profile, by_id, 1));
	/* What both have. */
	assert_true(attributes_match(object, &key[1], 1));
	assert_true(attributes_match(profile, &key[1], 1));
	assert_true(attributes_match(profile, NULL, 0));
}

/* An array of numbers: CKA_ALLOWED_MECHANISMS, section 4.8. */
static void allowed_mechanisms_are_listed(void **state)
{
	struct object *restricted =
		make("pkcs11:object=name?x-mechanisms=sha256-hmac,aes-gcm", 32, true);
	CK_MECHANISM_TYPE list[3] = {77, 77, 77};
	CK_ATTRIBUTE attribute = {CKA_ALLOWED_MECHANISMS, NULL, 0};

	assert_int_equal(attributes_get(restricted, &attribute, 1), CKR_OK);
	assert_int_equal(attribute.ulValueLen, 2 * sizeof(*list));
	attribute = (CK_ATTRIBUTE){CKA_ALLOWED_MECHANISMS, list, sizeof(*list)};
	assert_int_equal(attributes_get(restricted, &attribute, 1), CKR_BUFFER_TOO_SMALL);
	assert_int_equal(attribute.ulValueLen, CK_UNAVAILABLE_INFORMATION);
	assert_int_equal(list[0], 77);
	attribute.ulValueLen = sizeof(list);
	assert_int_equal(attributes_get(restricted, &attribute, 1), CKR_OK);
	assert_int_equal(attribute.ulValueLen, 2 * sizeof(*list));
	assert_int_equal(list[0], CKM_SHA256_HMAC);
	assert_int_equal(list[1], CKM_AES_GCM);
	assert_int_equal(list[2], 77);
	assert_true(attributes_match(restricted, &attribute, 1));
	attribute.ulValueLen -= sizeof(*list);
	assert_false(attributes_match(restricted, &attribute, 1));
	object_put(restricted);
}

static bool is(const struct object *of, CK_ATTRIBUTE_TYPE type)
{
	CK_BBOOL value = 99;
	CK_ATTRIBUTE attribute = {type, &value, sizeof(value)};

	assert_int_equal(attributes_get(of, &attribute, 1), CKR_OK);
	assert_in_range(value, CK_FALSE, CK_TRUE);
	return value == CK_TRUE;
}

/* Each word of x-flags turns one attribute, and no other. */
static void flags_turn_attributes(void **state)
{
	static const struct {
		const char *word;
		CK_ATTRIBUTE_TYPE type;
		bool value;
	} cases[] = {
		{"local", CKA_LOCAL, true},
		{"always-sensitive", CKA_ALWAYS_SENSITIVE, true},
		{"never-extractable", CKA_NEVER_EXTRACTABLE, true},
		{"private", CKA_PRIVATE, true},
		{"unmodifiable", CKA_MODIFIABLE, false},
		{"undestroyable", CKA_DESTROYABLE, false},
		{"wrap-with-trusted", CKA_WRAP_WITH_TRUSTED, true},
		/* A key that nobody can read is none of these. */
		{"extractable", CKA_EXTRACTABLE, false},
		{"insensitive", CKA_SENSITIVE, true},
		{"uncopyable", CKA_COPYABLE, false},
	};
	enum { CASES = sizeof(cases) / sizeof(*cases) };
	struct object *bare = make("pkcs11:object=bare", 32, true);

	for (size_t i = 0; i < CASES; i++) {
		char description[64];
		struct object *flagged;

		snprintf(description, sizeof(description), "pkcs11:?x-flags=%s", cases[i].word);
		flagged = make(description, 32, true);
		for (size_t k = 0; k < CASES; k++)
			assert_int_equal(is(flagged, cases[k].type),
					 k == i ? cases[k].value : is(bare, cases[k].type));
		object_put(flagged);
	}
	object_put(bare);
}

static void the_generator_is_that_of_local_keys(void **state)
{
	static const struct {
		const char *description;
		CK_MECHANISM_TYPE type;
	} cases[] = {
		{"pkcs11:?x-key-type=aes&x-flags=local", CKM_AES_KEY_GEN},
		{"pkcs11:?x-key-type=generic-secret&x-flags=local", CKM_GENERIC_SECRET_KEY_GEN},
		{"pkcs11:?x-key-type=sha3-256-hmac&x-flags=local", CKM_SHA3_256_KEY_GEN},
		{"pkcs11:?x-key-type=hkdf&x-flags=local", CK_UNAVAILABLE_INFORMATION},
		{"pkcs11:?x-key-type=aes", CK_UNAVAILABLE_INFORMATION},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct object *local = make(cases[i].description, 32, true);
		CK_MECHANISM_TYPE type = 0;
		CK_ATTRIBUTE attribute = {CKA_KEY_GEN_MECHANISM, &type, sizeof(type)};

		assert_int_equal(attributes_get(local, &attribute, 1), CKR_OK);
		assert_int_equal(type, cases[i].type);
		object_put(local);
	}
}

static void dates_and_the_serial_are_shown(void **state)
{
	struct object *dated = make("pkcs11:?x-start=20260102&x-end=20301231", 32, true);
	CK_ULONG serial = 0;
	uint8_t start[8], end[9] = {0};
	CK_ATTRIBUTE list[] = {{CKA_START_DATE, start, sizeof(start)},
			       {CKA_END_DATE, end, sizeof(end)},
			       {CKA_KCRYPTOKI_KEY_SERIAL, &serial, sizeof(serial)}};

	assert_int_equal(attributes_get(dated, list, 3), CKR_OK);
	assert_int_equal(list[0].ulValueLen, 8);
	assert_memory_equal(start, "20260102", 8);
	assert_int_equal(list[1].ulValueLen, 8);
	assert_memory_equal(end, "20301231", 9);
	assert_int_equal(serial, dated->key->serial);
	/* Numbers in use, and no arrays to callers that look at the bit. */
	assert_int_equal(CKA_KCRYPTOKI_KEY_SERIAL, 0x8b435201);
	assert_int_equal(CKA_KCRYPTOKI_KEYRING_TYPE, 0x8b435202);
	assert_int_equal(CKA_KCRYPTOKI_STORED, 0x8b435203);
	assert_int_equal(CKA_KCRYPTOKI_PERMISSIONS, 0x8b435204);
	assert_true(attributes_match(dated, &list[2], 1));
	assert_false(attributes_match(object, &list[2], 1));
	object_put(dated);
}

/* Section 5.7.5, what it says of arrays of attributes: in three calls. */
static void templates_are_given_as_arrays(void **state)
{
	struct object *wrapping =
		make("pkcs11:object=w?x-unwrap-template=162:00,3:616263,102:", 32, true);
	CK_BBOOL extractable = 99;
	char label[4] = "xxxx";
	CK_ATTRIBUTE inner[4] = {{0}}, outer = {CKA_UNWRAP_TEMPLATE, NULL, 99};

	assert_int_equal(attributes_get(wrapping, &outer, 1), CKR_OK);
	assert_int_equal(outer.ulValueLen, 3 * sizeof(*inner));
	outer = (CK_ATTRIBUTE){CKA_UNWRAP_TEMPLATE, inner, sizeof(inner)};
	assert_int_equal(attributes_get(wrapping, &outer, 1), CKR_OK);
	assert_int_equal(outer.ulValueLen, 3 * sizeof(*inner));
	assert_int_equal(inner[0].type, CKA_EXTRACTABLE);
	assert_int_equal(inner[0].ulValueLen, 1);
	assert_int_equal(inner[1].type, CKA_LABEL);
	assert_int_equal(inner[1].ulValueLen, 3);
	assert_int_equal(inner[2].type, CKA_ID);
	assert_int_equal(inner[2].ulValueLen, 0);
	assert_int_equal(inner[3].type, 0);
	/* Too little room in one element, which does not spoil the others. */
	inner[0].pValue = &extractable;
	inner[1] = (CK_ATTRIBUTE){0, label, 2};
	assert_int_equal(attributes_get(wrapping, &outer, 1), CKR_BUFFER_TOO_SMALL);
	assert_int_equal(extractable, CK_FALSE);
	assert_int_equal(inner[1].type, CKA_LABEL);
	assert_int_equal(inner[1].ulValueLen, CK_UNAVAILABLE_INFORMATION);
	assert_memory_equal(label, "xxxx", 4);
	inner[1].ulValueLen = sizeof(label);
	assert_int_equal(attributes_get(wrapping, &outer, 1), CKR_OK);
	assert_int_equal(inner[1].ulValueLen, 3);
	assert_memory_equal(label, "abcx", 4);
	assert_true(attributes_match(wrapping, &outer, 1));
	assert_false(attributes_match(object, &outer, 1));
	label[0] = 'b';
	assert_false(attributes_match(wrapping, &outer, 1));
	/* Too little room for the array: nothing of it is touched. */
	outer.ulValueLen = 3 * sizeof(*inner) - 1;
	memset(inner, 0xa5, sizeof(inner));
	assert_int_equal(attributes_get(wrapping, &outer, 1), CKR_BUFFER_TOO_SMALL);
	assert_int_equal(outer.ulValueLen, CK_UNAVAILABLE_INFORMATION);
	assert_int_equal(inner[0].type, (CK_ATTRIBUTE_TYPE)0xa5a5a5a5a5a5a5a5);
	outer = (CK_ATTRIBUTE){CKA_WRAP_TEMPLATE, inner, sizeof(inner)};
	assert_int_equal(attributes_get(wrapping, &outer, 1), CKR_OK);
	assert_int_equal(outer.ulValueLen, 0);
	object_put(wrapping);
}

static void room_to_spare_is_left_alone(void **state)
{
	uint8_t value[64];

	for (size_t i = 0; i < ALL; i++) {
		CK_ATTRIBUTE attribute = {all[i].type, value, sizeof(value)};

		memset(value, 0xa5, sizeof(value));
		assert_int_equal(attributes_get(object, &attribute, 1), CKR_OK);
		assert_int_equal(attribute.ulValueLen, all[i].len);
		check_value(&all[i], value);
		assert_int_equal(value[all[i].len], 0xa5);
	}
}

static void too_small_a_buffer_is_left_alone(void **state)
{
	uint8_t value[64];

	for (size_t i = 0; i < ALL; i++) {
		CK_ATTRIBUTE attribute = {all[i].type, value, all[i].len - 1};

		if (!all[i].len)
			continue;
		memset(value, 0xa5, sizeof(value));
		assert_int_equal(attributes_get(object, &attribute, 1), CKR_BUFFER_TOO_SMALL);
		assert_int_equal(attribute.ulValueLen, CK_UNAVAILABLE_INFORMATION);
		assert_int_equal(value[0], 0xa5);
	}
}

static void the_unique_id_is_sixteen_digits(void **state)
{
	uint8_t id[17] = {0}, other_id[17] = {0};
	CK_ATTRIBUTE attribute = {CKA_UNIQUE_ID, id, 16};
	struct object *other = make("pkcs11:object=name;id=%01%02", 32, true);

	assert_int_equal(attributes_get(object, &attribute, 1), CKR_OK);
	assert_int_equal(attribute.ulValueLen, 16);
	assert_int_equal(strspn((char *)id, "0123456789abcdef"), 16);
	attribute.pValue = other_id;
	assert_int_equal(attributes_get(other, &attribute, 1), CKR_OK);
	assert_memory_not_equal(id, other_id, 16);
	object_put(other);
}

static void what_is_not_named_has_defaults(void **state)
{
	struct object *bare = make("pkcs11:", 15, true);
	uint8_t value[64];
	CK_ATTRIBUTE attribute = {CKA_LABEL, value, sizeof(value)};
	static const CK_ATTRIBUTE_TYPE usages[] = {CKA_ENCRYPT, CKA_DECRYPT, CKA_SIGN,  CKA_VERIFY,
						   CKA_WRAP,    CKA_UNWRAP,  CKA_DERIVE};

	assert_int_equal(attributes_get(bare, &attribute, 1), CKR_OK);
	assert_int_equal(attribute.ulValueLen, 0);
	attribute = (CK_ATTRIBUTE){CKA_ID, value, sizeof(value)};
	assert_int_equal(attributes_get(bare, &attribute, 1), CKR_OK);
	assert_int_equal(attribute.ulValueLen, 8);
	for (size_t i = 0; i < 7; i++) {
		attribute = (CK_ATTRIBUTE){usages[i], value, 1};
		assert_int_equal(attributes_get(bare, &attribute, 1), CKR_OK);
		assert_int_equal(value[0], CK_TRUE);
	}
	object_put(bare);
}

static void the_value_is_sensitive(void **state)
{
	uint8_t value[64];
	CK_ATTRIBUTE attribute = {CKA_VALUE, value, sizeof(value)};

	memset(value, 0xa5, sizeof(value));
	assert_int_equal(attributes_get(object, &attribute, 1), CKR_ATTRIBUTE_SENSITIVE);
	assert_int_equal(attribute.ulValueLen, CK_UNAVAILABLE_INFORMATION);
	for (size_t i = 0; i < sizeof(value); i++)
		assert_int_equal(value[i], 0xa5);
	attribute = (CK_ATTRIBUTE){CKA_VALUE, NULL, 0};
	assert_int_equal(attributes_get(object, &attribute, 1), CKR_ATTRIBUTE_SENSITIVE);
	assert_int_equal(attribute.ulValueLen, CK_UNAVAILABLE_INFORMATION);
	assert_int_equal(fake_calls("key_read"), 0);
}

static void other_attributes_are_unknown(void **state)
{
	static const CK_ATTRIBUTE_TYPE types[] = {CKA_MODULUS, CKA_CERTIFICATE_CATEGORY, CKA_ISSUER,
						  CKA_VENDOR_DEFINED | 1, (CK_ATTRIBUTE_TYPE)-1};
	uint8_t value[64];

	for (size_t i = 0; i < 5; i++) {
		CK_ATTRIBUTE attribute = {types[i], value, sizeof(value)};

		assert_int_equal(attributes_get(object, &attribute, 1), CKR_ATTRIBUTE_TYPE_INVALID);
		assert_int_equal(attribute.ulValueLen, CK_UNAVAILABLE_INFORMATION);
	}
}

/* Section 5.7.5: whatever becomes of one entry, the others are answered. */
static void one_bad_entry_does_not_spoil_the_others(void **state)
{
	uint8_t value[64], label[8] = {0}, id[8] = {0}, small[1];
	CK_ULONG len = 0;
	CK_ATTRIBUTE list[] = {
		{CKA_LABEL, label, sizeof(label)},
		{CKA_VALUE, value, sizeof(value)},
		{CKA_MODULUS, value, sizeof(value)},
		{CKA_KEY_TYPE, small, sizeof(small)},
		{CKA_ID, id, sizeof(id)},
		{CKA_VALUE_LEN, &len, sizeof(len)},
	};
	CK_RV rv = attributes_get(object, list, 6);

	assert_true(rv == CKR_ATTRIBUTE_SENSITIVE || rv == CKR_ATTRIBUTE_TYPE_INVALID ||
		    rv == CKR_BUFFER_TOO_SMALL);
	assert_int_equal(list[0].ulValueLen, 4);
	assert_memory_equal(label, "name", 4);
	for (int i = 1; i < 4; i++)
		assert_int_equal(list[i].ulValueLen, CK_UNAVAILABLE_INFORMATION);
	assert_int_equal(list[4].ulValueLen, 2);
	assert_memory_equal(id, "\x01\x02", 2);
	assert_int_equal(list[5].ulValueLen, sizeof(len));
	assert_int_equal(len, 32);
	assert_int_equal(attributes_get(object, NULL, 0), CKR_OK);
}

static void an_unknown_length_is_no_attribute(void **state)
{
	struct object *unmeasured = make("pkcs11:object=u", 32, false);
	CK_ULONG len = 7;
	CK_ATTRIBUTE attribute = {CKA_VALUE_LEN, &len, sizeof(len)};

	assert_int_equal(attributes_get(unmeasured, &attribute, 1), CKR_ATTRIBUTE_TYPE_INVALID);
	assert_int_equal(attribute.ulValueLen, CK_UNAVAILABLE_INFORMATION);
	assert_int_equal(len, 7);
	object_put(unmeasured);
}

static void an_object_matches_its_own_attributes(void **state)
{
	CK_ATTRIBUTE template[ALL];
	CK_ULONG numbers[ALL];
	CK_BBOOL flags[ALL];

	for (size_t i = 0; i < ALL; i++) {
		numbers[i] = all[i].number;
		flags[i] = (CK_BBOOL)all[i].number;
		template[i] = (CK_ATTRIBUTE){all[i].type,
					     all[i].bytes                     ? (void *)all[i].bytes
					     : all[i].len == sizeof(CK_BBOOL) ? (void *)&flags[i]
									      : (void *)&numbers[i],
					     all[i].len};
		assert_true(attributes_match(object, &template[i], 1));
	}
	assert_true(attributes_match(object, template, ALL));
	assert_true(attributes_match(object, NULL, 0));
	for (size_t i = 0; i < ALL; i++) {
		if (all[i].bytes)
			continue;
		numbers[i] ^= 1;
		flags[i] ^= 1;
		assert_false(attributes_match(object, template, ALL));
		numbers[i] ^= 1;
		flags[i] ^= 1;
	}
}

static void near_misses_do_not_match(void **state)
{
	CK_ULONG class = CKO_SECRET_KEY;
	CK_ATTRIBUTE cases[] = {
		{CKA_LABEL, (void *)"nam", 3},    {CKA_LABEL, (void *)"names", 5},
		{CKA_LABEL, (void *)"nama", 4},   {CKA_LABEL, NULL, 0},
		{CKA_ID, (void *)"\x01", 1},      {CKA_CLASS, &class, sizeof(class) / 2},
		{CKA_VALUE, (void *)"", 0},       {CKA_MODULUS, (void *)"", 0},
		{CKA_START_DATE, (void *)"x", 1}, {CKA_VENDOR_DEFINED, (void *)"x", 1},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_false(attributes_match(object, &cases[i], 1));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(every_attribute_has_its_value),
		TEST(the_profile_has_attributes_of_its_own),
		TEST(the_profile_is_told_from_a_key),
		TEST(allowed_mechanisms_are_listed),
		TEST(flags_turn_attributes),
		TEST(the_generator_is_that_of_local_keys),
		TEST(dates_and_the_serial_are_shown),
		TEST(templates_are_given_as_arrays),
		TEST(room_to_spare_is_left_alone),
		TEST(too_small_a_buffer_is_left_alone),
		TEST(the_unique_id_is_sixteen_digits),
		TEST(what_is_not_named_has_defaults),
		TEST(the_value_is_sensitive),
		TEST(other_attributes_are_unknown),
		TEST(one_bad_entry_does_not_spoil_the_others),
		TEST(an_unknown_length_is_no_attribute),
		TEST(an_object_matches_its_own_attributes),
		TEST(near_misses_do_not_match),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("attribute", tests, NULL, NULL);
}
