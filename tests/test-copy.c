/* SPDX-License-Identifier: BSD-2-Clause */
/* C_CopyObject (PKCS#11 3.2, section 5.7.2): what a copy takes over, and what it may change. */
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

#define EXTRACTABLE BOOL(CKA_EXTRACTABLE, CK_TRUE)

static CK_OBJECT_HANDLE copy(CK_OBJECT_HANDLE from, CK_ATTRIBUTE *list, CK_ULONG count)
{
	CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;

	MAKER_RV(C_CopyObject(maker_rw, from, list, count, &made), CKR_OK);
	assert_int_not_equal(made, from);
	return made;
}

static CK_RV refused(CK_OBJECT_HANDLE from, CK_ATTRIBUTE *list, CK_ULONG count)
{
	size_t before = maker_keys();
	CK_OBJECT_HANDLE made = 99, found[64];
	CK_ULONG objects = maker_find(maker_ro, NULL, 0, found);
	CK_RV rv = C_CopyObject(maker_rw, from, list, count, &made);

	assert_int_equal(made, 99);
	assert_int_equal(maker_keys(), before);
	assert_int_equal(maker_find(maker_ro, NULL, 0, found), objects);
	return rv;
}

static void check_same_bytes(CK_OBJECT_HANDLE a, CK_OBJECT_HANDLE b)
{
	uint8_t one[16], other[16];

	MAKER_RV(maker_encrypt(maker_rw, a, one), CKR_OK);
	MAKER_RV(maker_encrypt(maker_rw, b, other), CKR_OK);
	assert_memory_equal(one, other, 16);
}

static void a_copy_is_like_its_original(void **state)
{
	for (int token = 0; token < 2; token++) {
		CK_OBJECT_HANDLE
		from = maker_create(LIST(
			BOOL(CKA_TOKEN, token), EXTRACTABLE, AES_KEY(maker_bytes, 24),
			TEXT(CKA_LABEL, "first"), TEXT(CKA_ID, "1"), BOOL(CKA_DECRYPT, CK_FALSE),
			BOOL(CKA_PRIVATE, CK_TRUE), TEXT(CKA_START_DATE, "20260101"),
			NUMBER(CKA_ALLOWED_MECHANISMS, CKM_AES_ECB), BOOL(CKA_MODIFIABLE, CK_FALSE),
			BOOL(CKA_DESTROYABLE, CK_FALSE))),
		to;

		to = copy(from,
			  LIST(BOOL(CKA_MODIFIABLE, CK_TRUE), BOOL(CKA_DESTROYABLE, CK_TRUE)));
		assert_int_equal(maker_bool(to, CKA_TOKEN), token);
		assert_string_equal(maker_text(to, CKA_LABEL, NULL), "first");
		assert_string_equal(maker_text(to, CKA_ID, NULL), "1");
		assert_string_equal(maker_text(to, CKA_START_DATE, NULL), "20260101");
		assert_int_equal(maker_number(to, CKA_ALLOWED_MECHANISMS), CKM_AES_ECB);
		assert_int_equal(maker_number(to, CKA_KEY_TYPE), CKK_AES);
		assert_int_equal(maker_number(to, CKA_VALUE_LEN), 24);
		assert_true(maker_bool(to, CKA_PRIVATE));
		assert_true(maker_bool(to, CKA_ENCRYPT));
		assert_false(maker_bool(to, CKA_DECRYPT));
		assert_true(maker_bool(to, CKA_MODIFIABLE));
		assert_true(maker_bool(to, CKA_DESTROYABLE));
		assert_false(maker_bool(from, CKA_DESTROYABLE));
		check_same_bytes(from, to);
		MAKER_RV(C_DestroyObject(maker_rw, to), CKR_OK);
	}
}

/* Java's KeyStore.setEntry makes a session's key the token's by {CKA_TOKEN, CKA_LABEL}. */
static void a_copy_may_live_elsewhere(void **state)
{
	CK_OBJECT_HANDLE held = maker_create(LIST(AES_KEY(maker_bytes, 32))), token, back;

	token = copy(held, LIST(BOOL(CKA_TOKEN, CK_TRUE), TEXT(CKA_LABEL, "alias")));
	assert_true(maker_bool(token, CKA_TOKEN));
	assert_string_equal(maker_text(token, CKA_KCRYPTOKI_KEYRING_TYPE, NULL), "logon");
	assert_string_equal(maker_text(token, CKA_LABEL, NULL), "alias");
	assert_true(maker_bool(token, CKA_SENSITIVE));
	check_same_bytes(held, token);
	/* It cannot be read any more. */
	assert_false(maker_bool(token, CKA_COPYABLE));
	MAKER_RV(refused(token, NULL, 0), CKR_ACTION_PROHIBITED);

	token = maker_create(LIST(TOKEN_KEY, EXTRACTABLE, AES_KEY(maker_bytes, 32)));
	back = copy(token, LIST(BOOL(CKA_TOKEN, CK_FALSE)));
	assert_false(maker_bool(back, CKA_TOKEN));
	check_same_bytes(token, back);
	back = copy(token, LIST(BOOL(CKA_TOKEN, CK_FALSE), BOOL(CKA_EXTRACTABLE, CK_FALSE)));
	assert_string_equal(maker_text(back, CKA_KCRYPTOKI_KEYRING_TYPE, NULL), "logon");
	check_same_bytes(token, back);
}

static void a_copy_may_be_changed(void **state)
{
	CK_ATTRIBUTE list[] = {TOKEN_KEY,
			       EXTRACTABLE,
			       AES_KEY(maker_bytes, 16),
			       TEXT(CKA_LABEL, "first"),
			       TEXT(CKA_ID, "1"),
			       TEXT(CKA_END_DATE, "20270101")};
	CK_OBJECT_HANDLE from = maker_create(list, 8), to;
	char *description;

	to = copy(from, LIST(TEXT(CKA_LABEL, "second"), TEXT(CKA_ID, "22"),
			     TEXT(CKA_START_DATE, "20260202"), TEXT(CKA_END_DATE, "20280101"),
			     BOOL(CKA_SIGN, CK_FALSE), BOOL(CKA_ENCRYPT, CK_TRUE),
			     BOOL(CKA_PRIVATE, CK_TRUE), BOOL(CKA_WRAP_WITH_TRUSTED, CK_TRUE)));
	assert_string_equal(maker_text(to, CKA_LABEL, NULL), "second");
	assert_string_equal(maker_text(to, CKA_ID, NULL), "22");
	assert_string_equal(maker_text(to, CKA_START_DATE, NULL), "20260202");
	assert_string_equal(maker_text(to, CKA_END_DATE, NULL), "20280101");
	assert_false(maker_bool(to, CKA_SIGN));
	assert_true(maker_bool(to, CKA_ENCRYPT));
	assert_true(maker_bool(to, CKA_PRIVATE));
	assert_true(maker_bool(to, CKA_WRAP_WITH_TRUSTED));
	assert_string_equal(maker_text(from, CKA_LABEL, NULL), "first");
	/* Nothing is also something to change to. */
	to = copy(from, LIST(TEXT(CKA_LABEL, ""), TEXT(CKA_END_DATE, ""), TEXT(CKA_ID, "")));
	assert_string_equal(maker_text(to, CKA_LABEL, NULL), "");
	assert_string_equal(maker_text(to, CKA_END_DATE, NULL), "");
	description = maker_description(to);
	assert_null(strstr(description, "id=1"));
	free(description);
}

static void a_copy_is_never_softer(void **state)
{
	CK_OBJECT_HANDLE from, readable;

	from = maker_create(LIST(BOOL(CKA_SENSITIVE, CK_TRUE), EXTRACTABLE,
				 AES_KEY(maker_bytes, 16), BOOL(CKA_DERIVE, CK_FALSE),
				 BOOL(CKA_WRAP_WITH_TRUSTED, CK_TRUE)));
	MAKER_RV(refused(from, LIST(BOOL(CKA_SENSITIVE, CK_FALSE))), CKR_TEMPLATE_INCONSISTENT);
	MAKER_RV(refused(from, LIST(BOOL(CKA_DERIVE, CK_TRUE))), CKR_TEMPLATE_INCONSISTENT);
	MAKER_RV(refused(from, LIST(BOOL(CKA_WRAP_WITH_TRUSTED, CK_FALSE))),
		 CKR_TEMPLATE_INCONSISTENT);
	readable = maker_create(LIST(AES_KEY(maker_bytes, 16)));
	MAKER_RV(refused(readable, LIST(EXTRACTABLE)), CKR_TEMPLATE_INCONSISTENT);
	from = copy(from, LIST(BOOL(CKA_DERIVE, CK_FALSE), BOOL(CKA_WRAP_WITH_TRUSTED, CK_TRUE)));
	assert_true(maker_bool(from, CKA_WRAP_WITH_TRUSTED));
	assert_false(maker_bool(from, CKA_DERIVE));
}

static void what_a_key_is_stays(void **state)
{
	CK_OBJECT_HANDLE from = maker_create(LIST(EXTRACTABLE, AES_KEY(maker_bytes, 16)));
	CK_ATTRIBUTE nested = NUMBER(CKA_KEY_TYPE, CKK_AES);

	MAKER_RV(refused(from, LIST(NUMBER(CKA_KEY_TYPE, CKK_GENERIC_SECRET))),
		 CKR_TEMPLATE_INCONSISTENT);
	MAKER_RV(refused(from, LIST(NUMBER(CKA_CLASS, CKO_DATA))), CKR_TEMPLATE_INCONSISTENT);
	MAKER_RV(refused(from, LIST(NUMBER(CKA_VALUE_LEN, 16))), CKR_TEMPLATE_INCONSISTENT);
	MAKER_RV(refused(from, LIST(BYTES(CKA_VALUE, maker_bytes, 16))), CKR_TEMPLATE_INCONSISTENT);
	MAKER_RV(refused(from, LIST(NUMBER(CKA_ALLOWED_MECHANISMS, CKM_AES_GCM))),
		 CKR_TEMPLATE_INCONSISTENT);
	for (CK_ATTRIBUTE_TYPE type = CKA_WRAP_TEMPLATE; type <= CKA_DERIVE_TEMPLATE; type++)
		MAKER_RV(refused(from, LIST({type, &nested, sizeof(nested)})),
			 CKR_TEMPLATE_INCONSISTENT);
	MAKER_RV(refused(from, LIST(BOOL(CKA_LOCAL, CK_TRUE))), CKR_ATTRIBUTE_READ_ONLY);
	MAKER_RV(refused(from, LIST(BOOL(CKA_ISSUER, CK_TRUE))), CKR_ATTRIBUTE_TYPE_INVALID);
	MAKER_RV(refused(from, LIST(TEXT(CKA_KCRYPTOKI_KEYRING_TYPE, "logon"))),
		 CKR_TEMPLATE_INCONSISTENT);
	MAKER_RV(refused(from, NULL, 1), CKR_ARGUMENTS_BAD);
	MAKER_RV(refused(99, NULL, 0), CKR_OBJECT_HANDLE_INVALID);
	MAKER_RV(C_CopyObject(maker_rw, from, NULL, 0, NULL), CKR_ARGUMENTS_BAD);
}

static void what_may_not_be_copied_is_not(void **state)
{
	CK_OBJECT_HANDLE profile;
	CK_ATTRIBUTE list[] = {BOOL(CKA_COPYABLE, CK_FALSE), EXTRACTABLE, AES_KEY(maker_bytes, 16),
			       TOKEN_KEY};

	assert_int_equal(maker_find(maker_ro, LIST(NUMBER(CKA_CLASS, CKO_PROFILE)), &profile), 1);
	MAKER_RV(refused(profile, NULL, 0), CKR_ACTION_PROHIBITED);
	MAKER_RV(refused(maker_create(list, 5), NULL, 0), CKR_ACTION_PROHIBITED);
	MAKER_RV(refused(maker_create(list, 6), NULL, 0), CKR_ACTION_PROHIBITED);
	MAKER_RV(refused(maker_create(LIST(BOOL(CKA_SENSITIVE, CK_TRUE), AES_KEY(maker_bytes, 16))),
			 NULL, 0),
		 CKR_ACTION_PROHIBITED);
	assert_false(maker_bool(maker_create(list, 6), CKA_COPYABLE));
}

/* The configuration says so of keys that it knows, not of whatever was once one. */
static void a_copy_is_not_trusted_for_its_originals_sake(void **state)
{
	CK_OBJECT_HANDLE from, token, session;

	maker_configure("[token x]\nkeyring = user\n[key x]\ntype = user\ndescription = *\ntrusted "
			"= yes\n");
	from = maker_create(LIST(TOKEN_KEY, EXTRACTABLE, AES_KEY(maker_bytes, 16)));
	assert_true(maker_bool(from, CKA_TRUSTED));
	token = copy(from, NULL, 0);
	assert_true(maker_bool(token, CKA_TRUSTED));
	session = copy(from, LIST(BOOL(CKA_TOKEN, CK_FALSE)));
	assert_false(maker_bool(session, CKA_TRUSTED));
}

/* Of a key that was changed since, the copy is as it is now. */
static void a_copy_is_as_its_original_is_now(void **state)
{
	for (int token = 0; token < 2; token++) {
		CK_OBJECT_HANDLE from = maker_create(LIST(BOOL(CKA_TOKEN, token), EXTRACTABLE,
							  AES_KEY(maker_bytes, 16))),
				 to;

		MAKER_RV(C_SetAttributeValue(
				 maker_rw, from,
				 LIST(TEXT(CKA_LABEL, "new"), BOOL(CKA_ENCRYPT, CK_FALSE))),
			 CKR_OK);
		to = copy(from, NULL, 0);
		assert_string_equal(maker_text(to, CKA_LABEL, NULL), "new");
		assert_false(maker_bool(to, CKA_ENCRYPT));
		MAKER_RV(refused(from, LIST(BOOL(CKA_ENCRYPT, CK_TRUE))),
			 CKR_TEMPLATE_INCONSISTENT);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, maker_setup, maker_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_copy_is_like_its_original),
		TEST(a_copy_may_live_elsewhere),
		TEST(a_copy_may_be_changed),
		TEST(a_copy_is_never_softer),
		TEST(what_a_key_is_stays),
		TEST(what_may_not_be_copied_is_not),
		TEST(a_copy_is_not_trusted_for_its_originals_sake),
		TEST(a_copy_is_as_its_original_is_now),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("copy", tests, NULL, NULL);
}
