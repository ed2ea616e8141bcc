/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys that others named, as an application finds and uses them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf.h"
#include "fake-kernel.h"
#include "pkcs11-parameters.h"
#include "pkcs11.h"

static const uint8_t secret[32] = "0123456789abcdef0123456789abcde";
static CK_SESSION_HANDLE session;

static void start(const char *text)
{
	conf_write(text, strlen(text));
	assert_int_equal(C_Initialize(NULL), CKR_OK);
	assert_int_equal(C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &session), CKR_OK);
}

static int32_t add(const char *type, const char *description, size_t len)
{
	return fake_key_add(FAKE_USER_KEYRING, type, description, secret, len, FAKE_PERM);
}

/* The keys with this attribute: their number, and the first. */
static CK_ULONG find(CK_ATTRIBUTE_TYPE type, const void *value, CK_ULONG len,
		     CK_OBJECT_HANDLE *first)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof(class)}, {type, (void *)value, len}};
	CK_OBJECT_HANDLE found[16];
	CK_ULONG count = 0;

	assert_int_equal(C_FindObjectsInit(session, template, 2), CKR_OK);
	assert_int_equal(C_FindObjects(session, found, 16, &count), CKR_OK);
	assert_int_equal(C_FindObjectsFinal(session), CKR_OK);
	if (first)
		*first = count ? found[0] : CK_INVALID_HANDLE;
	return count;
}

static CK_OBJECT_HANDLE labelled(const char *label)
{
	CK_OBJECT_HANDLE object;

	if (find(CKA_LABEL, label, strlen(label), &object) != 1)
		fail_msg("%s is not found once", label);
	return object;
}

static CK_ULONG keys(void)
{
	return find(CKA_CLASS, &(CK_OBJECT_CLASS){CKO_SECRET_KEY}, sizeof(CK_OBJECT_CLASS), NULL);
}

static bool is(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
	CK_BBOOL value = 77;
	CK_ATTRIBUTE attribute = {type, &value, sizeof(value)};

	assert_int_equal(C_GetAttributeValue(session, object, &attribute, 1), CKR_OK);
	assert_true(value == CK_TRUE || value == CK_FALSE);
	return value;
}

static CK_ULONG number(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
	CK_ULONG value = 77;
	CK_ATTRIBUTE attribute = {type, &value, sizeof(value)};

	assert_int_equal(C_GetAttributeValue(session, object, &attribute, 1), CKR_OK);
	return value;
}

static void others_keys_are_left_alone_without_a_mapping(void **state)
{
	add("logon", "other:backup", 32);
	add("user", "passphrase", 16);
	add("encrypted", "evm-key", 32);
	start("");
	assert_int_equal(keys(), 0);
}

static void a_mapped_key_has_what_its_section_says(void **state)
{
	CK_MECHANISM_TYPE mechanisms[4];
	CK_ATTRIBUTE allowed = {CKA_ALLOWED_MECHANISMS, mechanisms, sizeof(mechanisms)};
	CK_OBJECT_HANDLE key, same;

	add("logon", "other:backup", 32);
	add("user", "other:backup", 16);
	add("logon", "unlike:backup", 16);
	start("[key backups]\ntype = logon\ndescription = other:*\nlabel = backup\nid = 0102\n"
	      "usage = encrypt decrypt\nmechanisms = aes-gcm aes-cbc\ntrusted = yes\n");
	assert_int_equal(keys(), 1);
	key = labelled("backup");
	assert_int_equal(find(CKA_ID, "\1\2", 2, &same), 1);
	assert_int_equal(key, same);
	/* By its length: the section names none. */
	assert_int_equal(number(key, CKA_KEY_TYPE), CKK_AES);
	assert_int_equal(number(key, CKA_VALUE_LEN), 32);
	assert_true(is(key, CKA_ENCRYPT) && is(key, CKA_DECRYPT));
	assert_false(is(key, CKA_SIGN) || is(key, CKA_WRAP) || is(key, CKA_DERIVE));
	assert_true(is(key, CKA_TRUSTED));
	assert_int_equal(find(CKA_TRUSTED, &(CK_BBOOL){CK_TRUE}, 1, &same), 1);
	assert_true(is(key, CKA_SENSITIVE));
	assert_int_equal(C_GetAttributeValue(session, key, &allowed, 1), CKR_OK);
	assert_int_equal(allowed.ulValueLen, 2 * sizeof(*mechanisms));
	assert_int_equal(mechanisms[0], CKM_AES_GCM);
	assert_int_equal(mechanisms[1], CKM_AES_CBC);
	/* A handle stays, as of any key. */
	assert_int_equal(labelled("backup"), key);
}

static void its_restrictions_hold(void **state)
{
	CK_BYTE iv[16] = {1}, text[32] = {2}, out[32], expected[32];
	CK_MECHANISM cbc = {CKM_AES_CBC, iv, 16}, ecb = {CKM_AES_ECB, NULL, 0},
		     cmac = {CKM_AES_CMAC, NULL, 0};
	CK_OBJECT_HANDLE key;
	CK_ULONG len = sizeof(out);

	add("logon", "other:backup", 32);
	start("[key backups]\ntype = logon\ndescription = other:*\nlabel = backup\n"
	      "usage = encrypt\nmechanisms = aes-cbc aes-cmac\n");
	key = labelled("backup");
	assert_int_equal(C_EncryptInit(session, &ecb, key), CKR_MECHANISM_INVALID);
	assert_int_equal(C_DecryptInit(session, &cbc, key), CKR_KEY_FUNCTION_NOT_PERMITTED);
	assert_int_equal(C_SignInit(session, &cmac, key), CKR_KEY_FUNCTION_NOT_PERMITTED);
	assert_int_equal(C_EncryptInit(session, &cbc, key), CKR_OK);
	assert_int_equal(C_Encrypt(session, text, sizeof(text), out, &len), CKR_OK);
	fake_cipher("cbc(aes)", secret, 32, false, iv, text, sizeof(text), expected);
	assert_memory_equal(out, expected, sizeof(expected));
}

static void a_section_that_is_not_understood_hides_its_keys(void **state)
{
	add("logon", "other:backup", 32);
	add("logon", "other:else", 32);
	start("[key backups]\ntype = logon\ndescription = other:backup\nmechanisms = aes-gmc\n"
	      "[key all]\ntype = *\ndescription = *\n");
	assert_int_equal(keys(), 1);
	labelled("other:else");
	conf_log_end();
	assert_non_null(strstr(conf_logged,
			       "(logon other:backup) is not presented: its [key] section "
			       "in the configuration is not understood"));
}

/* The line that the shipped file has for it. */
static void all_but_user_keys_can_be_presented(void **state)
{
	add("logon", "other:backup", 32);
	add("encrypted", "evm-key", 24);
	add("user", "passphrase", 16);
	add("keyring", "ring", 16);
	add("logon", "pkcs11:object=mine", 16);
	start("[key all]\ntype = logon encrypted trusted\ndescription = *\n");
	assert_int_equal(keys(), 3);
	labelled("other:backup");
	labelled("mine");
	assert_int_equal(number(labelled("evm-key"), CKA_KEY_TYPE), CKK_AES);
	assert_int_equal(number(labelled("evm-key"), CKA_VALUE_LEN), 24);
	assert_false(is(labelled("mine"), CKA_TRUSTED));
}

/* A key's verdict is remembered, and with it what it costs: one describe. */
static void a_key_is_described_once(void **state)
{
	add("logon", "other:backup", 32);
	add("user", "passphrase", 16);
	start("[key all]\ntype = logon\ndescription = *\n");
	assert_int_equal(fake_calls("key_describe"), 0);
	assert_int_equal(keys(), 1);
	assert_int_equal(fake_calls("key_describe"), 2);
	assert_int_equal(keys(), 1);
	assert_int_equal(fake_calls("key_describe"), 2);
}

/* The next C_Initialize reads anew. */
static void a_mapping_ends_with_the_module(void **state)
{
	add("logon", "other:backup", 32);
	start("[key all]\ntype = logon\ndescription = *\n");
	assert_int_equal(keys(), 1);
	assert_int_equal(C_Finalize(NULL), CKR_OK);
	start("");
	assert_int_equal(keys(), 0);
	assert_int_equal(C_Finalize(NULL), CKR_OK);
	start("[key all]\ntype = logon\ndescription = *\nlabel = again\n");
	labelled("again");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, conf_setup, conf_teardown)
	const struct CMUnitTest tests[] = {
		TEST(others_keys_are_left_alone_without_a_mapping),
		TEST(a_mapped_key_has_what_its_section_says),
		TEST(its_restrictions_hold),
		TEST(a_section_that_is_not_understood_hides_its_keys),
		TEST(all_but_user_keys_can_be_presented),
		TEST(a_key_is_described_once),
		TEST(a_mapping_ends_with_the_module),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("mapping-api", tests, NULL, NULL);
}
