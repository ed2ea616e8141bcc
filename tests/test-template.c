/* SPDX-License-Identifier: BSD-2-Clause */
/* Templates: every attribute, right and wrong, and those that programs were seen to send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf.h"
#include "fake-kernel.h"
#include "kcryptoki.h"
#include "maker.h"
#include "token/template.h"

static CK_ATTRIBUTE nested[] = {BOOL(CKA_SIGN, CK_FALSE), TEXT(CKA_LABEL, "n")};
static CK_ATTRIBUTE twice_nested[] = {{CKA_WRAP_TEMPLATE, nested, sizeof(nested)}};
static CK_ATTRIBUTE unknown_nested[] = {BOOL(CKA_ISSUER, CK_TRUE)};
static CK_ATTRIBUTE empty_nested[] = {{CKA_LABEL, NULL, 1}};
static char thousand[1025];

/* Reads a template that may have any origin, as ORIGIN_GENERATE. */
static CK_RV read_list(CK_ATTRIBUTE *list, CK_ULONG count)
{
	struct template template;
	CK_RV rv = template_read(&template, ORIGIN_GENERATE, list, count);

	if (rv == CKR_OK)
		template_free(&template);
	return rv;
}

static CK_RV read_one(CK_ATTRIBUTE_TYPE type, const void *value, CK_ULONG len)
{
	CK_ATTRIBUTE attribute = {type, (void *)value, len};

	return read_list(&attribute, 1);
}

static const CK_ATTRIBUTE_TYPE booleans[] = {CKA_TOKEN,
					     CKA_PRIVATE,
					     CKA_SENSITIVE,
					     CKA_EXTRACTABLE,
					     CKA_MODIFIABLE,
					     CKA_COPYABLE,
					     CKA_DESTROYABLE,
					     CKA_WRAP_WITH_TRUSTED,
					     CKA_ENCRYPT,
					     CKA_DECRYPT,
					     CKA_SIGN,
					     CKA_VERIFY,
					     CKA_WRAP,
					     CKA_UNWRAP,
					     CKA_DERIVE,
					     CKA_TRUSTED,
					     CKA_ALWAYS_AUTHENTICATE};

enum { BOOLEANS = sizeof(booleans) / sizeof(*booleans) };

static void a_bool_is_one_byte_of_zero_or_one(void **state)
{
	for (size_t i = 0; i < BOOLEANS; i++) {
		/* That a key is trusted, the configuration says. */
		bool never = booleans[i] == CKA_TRUSTED || booleans[i] == CKA_ALWAYS_AUTHENTICATE;

		MAKER_RV(read_one(booleans[i], "\0", 1), CKR_OK);
		MAKER_RV(read_one(booleans[i], "\1", 1), never ? CKR_ATTRIBUTE_READ_ONLY : CKR_OK);
		MAKER_RV(read_one(booleans[i], "\2", 1), CKR_ATTRIBUTE_VALUE_INVALID);
		MAKER_RV(read_one(booleans[i], "\377", 1), CKR_ATTRIBUTE_VALUE_INVALID);
		MAKER_RV(read_one(booleans[i], "\0\0\0\0\0\0\0", 8), CKR_ATTRIBUTE_VALUE_INVALID);
		MAKER_RV(read_one(booleans[i], "", 0), CKR_ATTRIBUTE_VALUE_INVALID);
		MAKER_RV(read_one(booleans[i], NULL, 1), CKR_ATTRIBUTE_VALUE_INVALID);
	}
}

static void other_values_have_their_forms(void **state)
{
	static const struct {
		CK_ATTRIBUTE_TYPE type;
		const void *value;
		CK_ULONG len;
		CK_RV rv;
	} rows[] = {
		{CKA_CLASS, "\4\0\0\0\0\0\0", sizeof(CK_ULONG), CKR_OK},
		{CKA_CLASS, "\4\0\0", sizeof(CK_ULONG) / 2, CKR_ATTRIBUTE_VALUE_INVALID},
		{CKA_CLASS, NULL, sizeof(CK_ULONG), CKR_ATTRIBUTE_VALUE_INVALID},
		{CKA_KEY_TYPE, "\37\0\0\0\0\0\0", sizeof(CK_ULONG), CKR_OK},
		{CKA_KEY_TYPE, "\37", 1, CKR_ATTRIBUTE_VALUE_INVALID},
		{CKA_KEY_TYPE, NULL, sizeof(CK_ULONG), CKR_ATTRIBUTE_VALUE_INVALID},
		{CKA_VALUE_LEN, "\20\0\0\0\0\0\0", sizeof(CK_ULONG), CKR_OK},
		{CKA_VALUE_LEN, "\20\0\0", sizeof(CK_ULONG) / 2, CKR_ATTRIBUTE_VALUE_INVALID},
		{CKA_VALUE_LEN, NULL, sizeof(CK_ULONG), CKR_ATTRIBUTE_VALUE_INVALID},
		{CKA_VALUE, NULL, 8, CKR_ATTRIBUTE_VALUE_INVALID},
		{CKA_VALUE, "12345678", 8, CKR_TEMPLATE_INCONSISTENT}, /* it was to be made */
		{CKA_VALUE, NULL, 0, CKR_TEMPLATE_INCONSISTENT},
		{CKA_LABEL, "text", 4, CKR_OK},
		{CKA_LABEL, "text", 5, CKR_OK}, /* with the end of a string */
		{CKA_LABEL, "te\0xt", 5, CKR_ATTRIBUTE_VALUE_INVALID},
		{CKA_LABEL, "\xc3\xa4", 2, CKR_OK},
		{CKA_LABEL, "\xc3", 1, CKR_ATTRIBUTE_VALUE_INVALID},
		{CKA_LABEL, NULL, 0, CKR_OK},
		{CKA_LABEL, NULL, 1, CKR_ATTRIBUTE_VALUE_INVALID},
		{CKA_LABEL, thousand, 1024, CKR_OK},
		{CKA_LABEL, thousand, 1025, CKR_ATTRIBUTE_VALUE_INVALID},
		{CKA_ID, "\0\377", 2, CKR_OK},
		{CKA_ID, NULL, 0, CKR_OK},
		{CKA_ID, NULL, 1, CKR_ATTRIBUTE_VALUE_INVALID},
		{CKA_ID, thousand, 1024, CKR_OK},
		{CKA_ID, thousand, 1025, CKR_ATTRIBUTE_VALUE_INVALID},
		{CKA_START_DATE, "20260131", 8, CKR_OK},
		{CKA_START_DATE, NULL, 0, CKR_OK},
		{CKA_START_DATE, "2026-1-1", 8, CKR_ATTRIBUTE_VALUE_INVALID},
		{CKA_START_DATE, "202601311", 9, CKR_ATTRIBUTE_VALUE_INVALID},
		{CKA_START_DATE, NULL, 8, CKR_ATTRIBUTE_VALUE_INVALID},
		{CKA_END_DATE, "20260131", 8, CKR_OK},
		{CKA_END_DATE, "", 0, CKR_OK},
		{CKA_END_DATE, "\0\0\0\0\0\0\0", 8, CKR_ATTRIBUTE_VALUE_INVALID},
		{CKA_ALLOWED_MECHANISMS, NULL, 0, CKR_OK},
		{CKA_ALLOWED_MECHANISMS, "\x82\x10\0\0\0\0\0", sizeof(CK_ULONG), CKR_OK},
		{CKA_ALLOWED_MECHANISMS, "\x82\x10\0", sizeof(CK_ULONG) / 2,
		 CKR_ATTRIBUTE_VALUE_INVALID},
		{CKA_ALLOWED_MECHANISMS, NULL, sizeof(CK_ULONG), CKR_ATTRIBUTE_VALUE_INVALID},
		{CKA_ALLOWED_MECHANISMS, thousand, sizeof(CK_ULONG) * 257,
		 CKR_ATTRIBUTE_VALUE_INVALID},
		{CKA_WRAP_TEMPLATE, nested, sizeof(nested), CKR_OK},
		{CKA_UNWRAP_TEMPLATE, nested, sizeof(nested), CKR_OK},
		{CKA_DERIVE_TEMPLATE, nested, sizeof(nested), CKR_OK},
		{CKA_WRAP_TEMPLATE, NULL, 0, CKR_OK},
		{CKA_WRAP_TEMPLATE, NULL, sizeof(nested), CKR_ATTRIBUTE_VALUE_INVALID},
		{CKA_WRAP_TEMPLATE, nested, sizeof(nested) - 1, CKR_ATTRIBUTE_VALUE_INVALID},
		{CKA_WRAP_TEMPLATE, twice_nested, sizeof(twice_nested),
		 CKR_ATTRIBUTE_VALUE_INVALID},
		{CKA_UNWRAP_TEMPLATE, unknown_nested, sizeof(unknown_nested),
		 CKR_ATTRIBUTE_VALUE_INVALID},
		{CKA_DERIVE_TEMPLATE, empty_nested, sizeof(empty_nested),
		 CKR_ATTRIBUTE_VALUE_INVALID},
		{CKA_DERIVE_TEMPLATE, nested, sizeof(*nested) * 257, CKR_ATTRIBUTE_VALUE_INVALID},
		{CKA_KCRYPTOKI_KEYRING_TYPE, "logon", 5, CKR_OK},
		{CKA_KCRYPTOKI_KEYRING_TYPE, "encrypted", 9, CKR_OK},
		{CKA_KCRYPTOKI_KEYRING_TYPE, "user", 4, CKR_OK},
		{CKA_KCRYPTOKI_KEYRING_TYPE, "trusted", 7, CKR_ATTRIBUTE_VALUE_INVALID},
		{CKA_KCRYPTOKI_KEYRING_TYPE, "logo", 4, CKR_ATTRIBUTE_VALUE_INVALID},
		{CKA_KCRYPTOKI_KEYRING_TYPE, "", 0, CKR_ATTRIBUTE_VALUE_INVALID},
		{CKA_KCRYPTOKI_KEYRING_TYPE, thousand, 16, CKR_ATTRIBUTE_VALUE_INVALID},
		{CKA_KCRYPTOKI_KEYRING_TYPE, NULL, 5, CKR_ATTRIBUTE_VALUE_INVALID},
		{CKA_KCRYPTOKI_PERMISSIONS, "\x9\x9\x9\0\0\0\0", sizeof(CK_ULONG), CKR_OK},
		{CKA_KCRYPTOKI_PERMISSIONS, "\0\0\x8\0\0\0\0", sizeof(CK_ULONG), CKR_OK},
		{CKA_KCRYPTOKI_PERMISSIONS, "\0\0\x2\0\0\0\0", sizeof(CK_ULONG),
		 CKR_ATTRIBUTE_VALUE_INVALID},
		{CKA_KCRYPTOKI_PERMISSIONS, "\0\x20\0\0\0\0\0", sizeof(CK_ULONG),
		 CKR_ATTRIBUTE_VALUE_INVALID},
		{CKA_KCRYPTOKI_PERMISSIONS, "\0\0\0\x8\0\0\0", sizeof(CK_ULONG),
		 CKR_ATTRIBUTE_VALUE_INVALID},
		{CKA_KCRYPTOKI_PERMISSIONS, "\x9\x9\x9", sizeof(CK_ULONG) / 2,
		 CKR_ATTRIBUTE_VALUE_INVALID},
		{CKA_KCRYPTOKI_PERMISSIONS, NULL, sizeof(CK_ULONG), CKR_ATTRIBUTE_VALUE_INVALID},
		{CKA_CHECK_VALUE, NULL, 0, CKR_OK},
		{CKA_CHECK_VALUE, "abc", 3, CKR_ATTRIBUTE_VALUE_INVALID},
		{CKA_LOCAL, "\0", 1, CKR_ATTRIBUTE_READ_ONLY},
		{CKA_ALWAYS_SENSITIVE, "\0", 1, CKR_ATTRIBUTE_READ_ONLY},
		{CKA_NEVER_EXTRACTABLE, "\0", 1, CKR_ATTRIBUTE_READ_ONLY},
		{CKA_KEY_GEN_MECHANISM, "12345678", 8, CKR_ATTRIBUTE_READ_ONLY},
		{CKA_UNIQUE_ID, "1", 1, CKR_ATTRIBUTE_READ_ONLY},
		{CKA_KCRYPTOKI_KEY_SERIAL, "12345678", 8, CKR_ATTRIBUTE_READ_ONLY},
		{CKA_ISSUER, "1", 1, CKR_ATTRIBUTE_TYPE_INVALID},
		{CKA_MODULUS, NULL, 0, CKR_ATTRIBUTE_TYPE_INVALID},
		{CKA_VENDOR_DEFINED | 1, "1", 1, CKR_ATTRIBUTE_TYPE_INVALID},
		{(CK_ATTRIBUTE_TYPE)-1, "1", 1, CKR_ATTRIBUTE_TYPE_INVALID},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		CK_RV rv = read_one(rows[i].type, rows[i].value, rows[i].len);

		if (rv != rows[i].rv)
			fail_msg("row %zu (0x%lx): 0x%lx instead of 0x%lx", i, rows[i].type, rv,
				 rows[i].rv);
	}
}

/* Section 4.1.1. */
static void what_stands_twice_must_say_the_same(void **state)
{
	static const struct {
		CK_ATTRIBUTE_TYPE type;
		const char *one, *other;
		CK_ULONG len;
	} rows[] = {
		{CKA_LABEL, "one", "two", 3},
		{CKA_ID, "one", "two", 3},
		{CKA_VALUE_LEN, "\20\0\0\0\0\0\0", "\30\0\0\0\0\0\0", sizeof(CK_ULONG)},
		{CKA_START_DATE, "20260101", "20260102", 8},
		{CKA_KCRYPTOKI_KEYRING_TYPE, "logon", "lagon", 5},
		{CKA_ALLOWED_MECHANISMS, "\x82\x10\0\0\0\0\0", "\x81\x10\0\0\0\0\0",
		 sizeof(CK_ULONG)},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char copy[8];
		CK_ATTRIBUTE list[] = {{rows[i].type, (void *)rows[i].one, rows[i].len},
				       BOOL(CKA_SIGN, CK_TRUE),
				       {rows[i].type, copy, rows[i].len}};

		memcpy(copy, rows[i].one, rows[i].len);
		MAKER_RV(read_list(list, 3), CKR_OK);
		list[2].pValue = (void *)rows[i].other;
		MAKER_RV(read_list(list, 3), CKR_TEMPLATE_INCONSISTENT);
		list[2].pValue = list[0].pValue;
		list[2].ulValueLen--;
		MAKER_RV(read_list(list, 3), CKR_TEMPLATE_INCONSISTENT);
	}
	for (size_t i = 0; i < BOOLEANS; i++) {
		MAKER_RV(read_list(LIST(BOOL(booleans[i], CK_FALSE), BOOL(booleans[i], CK_FALSE))),
			 CKR_OK);
		MAKER_RV(read_list(LIST(BOOL(booleans[i], CK_FALSE), BOOL(booleans[i], CK_TRUE))),
			 CKR_TEMPLATE_INCONSISTENT);
	}
	MAKER_RV(read_list(LIST({CKA_LABEL, NULL, 0}, BYTES(CKA_LABEL, "", 0))), CKR_OK);
}

static void what_is_read_is_what_was_said(void **state)
{
	CK_MECHANISM_TYPE types[] = {CKM_AES_GCM, CKM_RSA_PKCS, CKM_AES_ECB};
	struct template read;
	const struct metadata *metadata = &read.metadata;

	MAKER_RV(template_read(&read, ORIGIN_GENERATE, NULL, 0), CKR_OK);
	assert_int_equal(read.class, CKO_SECRET_KEY);
	assert_false(read.class_named || read.token || metadata->key_type_known || read.value);
	assert_int_equal(read.length, SIZE_MAX);
	assert_int_equal(metadata->usage, USAGE_ALL);
	assert_int_equal(metadata->flags | read.flags_named | read.usage_wanted, 0);
	assert_null(metadata->mechanisms);
	template_free(&read);

	MAKER_RV(template_read(&read, ORIGIN_GENERATE,
			       LIST(TOKEN_KEY, SECRET_KEY(CKK_AES), NUMBER(CKA_VALUE_LEN, 24),
				    TEXT(CKA_LABEL, "label\0\0"), TEXT(CKA_ID, "i\0"),
				    BOOL(CKA_SIGN, CK_FALSE), BOOL(CKA_VERIFY, CK_TRUE),
				    BOOL(CKA_SENSITIVE, CK_FALSE), BOOL(CKA_EXTRACTABLE, CK_FALSE),
				    BOOL(CKA_COPYABLE, CK_FALSE), BOOL(CKA_PRIVATE, CK_TRUE),
				    TEXT(CKA_END_DATE, "20260101"),
				    BYTES(CKA_ALLOWED_MECHANISMS, types, sizeof(types)),
				    {CKA_UNWRAP_TEMPLATE, nested, sizeof(nested)})),
		 CKR_OK);
	assert_true(read.class_named && read.token && metadata->key_type_known);
	assert_int_equal(metadata->key_type, CKK_AES);
	assert_int_equal(read.length, 24);
	assert_int_equal(metadata->label_len, 5);
	assert_memory_equal(metadata->label, "label", 5);
	assert_int_equal(metadata->id_len, 2);
	assert_memory_equal(metadata->id, "i\0", 2);
	assert_int_equal(metadata->usage, USAGE_ALL & ~USAGE_SIGN);
	assert_int_equal(read.usage_wanted, USAGE_VERIFY);
	assert_int_equal(metadata->flags, FLAG_INSENSITIVE | FLAG_UNCOPYABLE | FLAG_PRIVATE);
	assert_int_equal(read.flags_named,
			 FLAG_INSENSITIVE | FLAG_EXTRACTABLE | FLAG_UNCOPYABLE | FLAG_PRIVATE);
	assert_string_equal(metadata->end, "20260101");
	/* One that is not of this token allows nothing here. */
	assert_int_equal(metadata->n_mechanisms, 2);
	assert_int_equal(metadata->mechanisms[0], CKM_AES_GCM);
	assert_int_equal(metadata->mechanisms[1], CKM_AES_ECB);
	assert_string_equal(metadata->templates[TEMPLATE_UNWRAP], "108:00,3:6e");
	assert_null(metadata->templates[TEMPLATE_WRAP]);
	template_free(&read);
}

/* A restriction to what the token has not is one to nothing, and stays so. */
static void mechanisms_that_are_not_here_allow_nothing(void **state)
{
	for (int token = 0; token < 2; token++) {
		CK_OBJECT_HANDLE key =
			maker_create(LIST(BOOL(CKA_TOKEN, token), AES_KEY(maker_bytes, 16),
					  NUMBER(CKA_ALLOWED_MECHANISMS, CKM_RSA_PKCS)));
		uint8_t out[16];

		MAKER_RV(maker_encrypt(maker_rw, key, out), CKR_MECHANISM_INVALID);
		key = maker_create(LIST(BOOL(CKA_TOKEN, token), AES_KEY(maker_bytes, 16),
					{CKA_ALLOWED_MECHANISMS, NULL, 0}));
		MAKER_RV(maker_encrypt(maker_rw, key, out), CKR_OK);
	}
}

/* Every attribute that a key can be given, as it says itself afterwards, wherever it is. */
static void a_key_is_as_its_template_says(void **state)
{
	for (size_t i = 0; i < 3 * BOOLEANS; i++) {
		CK_ATTRIBUTE_TYPE type = booleans[i / 3];
		bool never = type == CKA_TRUSTED || type == CKA_ALWAYS_AUTHENTICATE;

		for (int set = 0; set < (never ? 1 : 2); set++) {
			CK_ATTRIBUTE list[] = {AES_KEY(maker_bytes, 16), BOOL(type, set),
					       BOOL(CKA_TOKEN, i % 3 == 0),
					       BOOL(CKA_SENSITIVE, i % 3 == 2)};
			CK_ULONG count = type == CKA_TOKEN ? 4 : type == CKA_SENSITIVE ? 5 : 6;
			CK_OBJECT_HANDLE key = maker_create(list, count);

			/* A token's key that cannot be taken out cannot be seen, and no copy be
			 * made of one that cannot be read. */
			if (type != CKA_COPYABLE && !(type == CKA_SENSITIVE && i % 3 == 0))
				assert_int_equal(maker_bool(key, type), set);
			C_DestroyObject(maker_rw, key);
		}
	}
}

#define YES(type) BOOL(type, CK_TRUE)
#define NO(type) BOOL(type, CK_FALSE)
#define CREATED(...)                    \
	{                               \
		true, LIST(__VA_ARGS__) \
	}
#define GENERATED(...)                   \
	{                                \
		false, LIST(__VA_ARGS__) \
	}

/* As recorded, or as their sources have it. */
static void what_programs_send_is_taken(void **state)
{
	const struct {
		bool created;
		CK_ATTRIBUTE *list;
		CK_ULONG count;
	} sent[] = {
		/* pkcs11-tool --keygen and --write-object */
		GENERATED(NUMBER(CKA_CLASS, CKO_SECRET_KEY), TOKEN_KEY,
			  NUMBER(CKA_KEY_TYPE, CKK_AES), NO(CKA_SENSITIVE), NO(CKA_EXTRACTABLE),
			  NO(CKA_PRIVATE), YES(CKA_ENCRYPT), YES(CKA_DECRYPT), YES(CKA_WRAP),
			  YES(CKA_UNWRAP), NO(CKA_DERIVE), NUMBER(CKA_VALUE_LEN, 32),
			  TEXT(CKA_LABEL, "k"), TEXT(CKA_ID, "\1"),
			  NUMBER(CKA_ALLOWED_MECHANISMS, CKM_AES_GCM)),
		CREATED(NUMBER(CKA_CLASS, CKO_SECRET_KEY), TOKEN_KEY,
			NUMBER(CKA_KEY_TYPE, CKK_GENERIC_SECRET), NO(CKA_SENSITIVE),
			NO(CKA_EXTRACTABLE), NO(CKA_PRIVATE), YES(CKA_ENCRYPT), YES(CKA_DECRYPT),
			BYTES(CKA_VALUE, maker_bytes, 32), TEXT(CKA_LABEL, "k"),
			TEXT(CKA_ID, "\1")),
		/* pkcs11-tool --test */
		CREATED(AES_KEY(maker_bytes, 16), NUMBER(CKA_VALUE_LEN, 16), NO(CKA_TOKEN),
			YES(CKA_ENCRYPT), YES(CKA_DECRYPT)),
		/* p11tool --write --secret-key */
		CREATED(NUMBER(CKA_CLASS, CKO_SECRET_KEY), BYTES(CKA_VALUE, maker_bytes, 20),
			TOKEN_KEY, YES(CKA_PRIVATE), NUMBER(CKA_KEY_TYPE, CKK_GENERIC_SECRET),
			BYTES(CKA_ID, maker_bytes, 16), TEXT(CKA_LABEL, "x"), YES(CKA_SENSITIVE)),
		/* NSS: keys of the token and of sessions */
		GENERATED(NUMBER(CKA_VALUE_LEN, 16), TOKEN_KEY, YES(CKA_PRIVATE), YES(CKA_ENCRYPT),
			  YES(CKA_SIGN)),
		CREATED(AES_KEY(maker_bytes, 16), YES(CKA_ENCRYPT)),
		/* Java */
		CREATED(AES_KEY(maker_bytes, 16)),
		CREATED(SECRET_KEY(CKK_GENERIC_SECRET), BYTES(CKA_VALUE, maker_bytes, 32)),
		CREATED(TOKEN_KEY, AES_KEY(maker_bytes, 16), YES(CKA_PRIVATE),
			TEXT(CKA_LABEL, "a")),
		/* pkcs11-provider */
		GENERATED(TOKEN_KEY, NUMBER(CKA_VALUE_LEN, 32), YES(CKA_ENCRYPT), YES(CKA_DECRYPT),
			  YES(CKA_WRAP), YES(CKA_UNWRAP)),
		/* crypto11, Vault */
		GENERATED(NUMBER(CKA_CLASS, CKO_SECRET_KEY), TOKEN_KEY, YES(CKA_SIGN),
			  YES(CKA_VERIFY), YES(CKA_ENCRYPT), YES(CKA_DECRYPT), YES(CKA_SENSITIVE),
			  NO(CKA_EXTRACTABLE), NUMBER(CKA_VALUE_LEN, 32), TEXT(CKA_LABEL, "v"),
			  TEXT(CKA_ID, "v")),
		/* Barbican: a master key, and a project's */
		GENERATED(NUMBER(CKA_CLASS, CKO_SECRET_KEY), NUMBER(CKA_KEY_TYPE, CKK_AES),
			  NUMBER(CKA_VALUE_LEN, 32), TEXT(CKA_LABEL, "mkek"), YES(CKA_PRIVATE),
			  YES(CKA_SENSITIVE), YES(CKA_ENCRYPT), YES(CKA_DECRYPT), YES(CKA_SIGN),
			  YES(CKA_VERIFY), YES(CKA_TOKEN), YES(CKA_WRAP), YES(CKA_UNWRAP),
			  NO(CKA_EXTRACTABLE)),
		GENERATED(NUMBER(CKA_CLASS, CKO_SECRET_KEY), NUMBER(CKA_KEY_TYPE, CKK_AES),
			  NUMBER(CKA_VALUE_LEN, 32), NO(CKA_TOKEN), YES(CKA_PRIVATE),
			  YES(CKA_SENSITIVE), YES(CKA_ENCRYPT), YES(CKA_DECRYPT),
			  YES(CKA_EXTRACTABLE)),
		/* FreeIPA's DNSSEC master key */
		GENERATED(NUMBER(CKA_CLASS, CKO_SECRET_KEY), YES(CKA_COPYABLE), NO(CKA_DECRYPT),
			  NO(CKA_DERIVE), YES(CKA_DESTROYABLE), NO(CKA_ENCRYPT),
			  YES(CKA_EXTRACTABLE), BYTES(CKA_ID, maker_bytes, 16),
			  NUMBER(CKA_KEY_TYPE, CKK_AES), TEXT(CKA_LABEL, "dnssec-master"),
			  YES(CKA_MODIFIABLE), YES(CKA_PRIVATE), YES(CKA_SENSITIVE), NO(CKA_SIGN),
			  TOKEN_KEY, YES(CKA_UNWRAP), NUMBER(CKA_VALUE_LEN, 16), NO(CKA_VERIFY),
			  YES(CKA_WRAP), NO(CKA_WRAP_WITH_TRUSTED)),
	};

	for (size_t i = 0; i < sizeof(sent) / sizeof(*sent); i++) {
		CK_OBJECT_HANDLE key =
			sent[i].created
				? maker_create(sent[i].list, sent[i].count)
				: maker_generate(CKM_AES_KEY_GEN, sent[i].list, sent[i].count);

		/* Usages that are not named are there: GnuTLS names none. */
		for (CK_ULONG k = 0; k < sent[i].count; k++)
			if (sent[i].list[k].type == CKA_SIGN)
				key = CK_INVALID_HANDLE;
		assert_true(key == CK_INVALID_HANDLE || maker_bool(key, CKA_SIGN));
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, maker_setup, maker_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bool_is_one_byte_of_zero_or_one),
		cmocka_unit_test(other_values_have_their_forms),
		cmocka_unit_test(what_stands_twice_must_say_the_same),
		cmocka_unit_test(what_is_read_is_what_was_said),
		TEST(mechanisms_that_are_not_here_allow_nothing),
		TEST(a_key_is_as_its_template_says),
		TEST(what_programs_send_is_taken),
	};

	memset(thousand, 'x', sizeof(thousand));
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("template", tests, NULL, NULL);
}
