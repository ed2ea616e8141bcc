/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake-kernel.h"
#include "token/module.h"
#include "token/search.h"

static const uint8_t payload[64];
static struct slot *slot;
static struct search search;

static int setup(void **state)
{
	fake_reset();
	if (module_start(NULL) != CKR_OK)
		return -1;
	slot = slot_find(0);
	return slot ? 0 : -1;
}

static int teardown(void **state)
{
	search_end(&search);
	return module_stop() != CKR_OK || fake_open_sockets() ? -1 : 0;
}

static int32_t add(const char *description, size_t len)
{
	return fake_key_add(FAKE_USER_KEYRING, "logon", description, payload, len, FAKE_PERM);
}

/* How many objects match. Where no class is asked for the profile is one of them. */
static CK_ULONG found(CK_ATTRIBUTE *template, CK_ULONG n)
{
	CK_OBJECT_HANDLE list[32];
	CK_ULONG count = 99;

	assert_int_equal(search_begin(&search, slot, template, n), CKR_OK);
	assert_int_equal(search_next(&search, list, 32, &count), CKR_OK);
	assert_int_equal(search_end(&search), CKR_OK);
	return count;
}

static void templates_choose(void **state)
{
	CK_ULONG class = CKO_SECRET_KEY, aes = CKK_AES, generic = CKK_GENERIC_SECRET;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ATTRIBUTE by_class[] = {{CKA_CLASS, &class, sizeof(class)}};
	CK_ATTRIBUTE by_label[] = {{CKA_LABEL, (void *)"a", 1}};
	CK_ATTRIBUTE by_type[] = {{CKA_KEY_TYPE, &aes, sizeof(aes)}};
	CK_ATTRIBUTE generic_a[] = {{CKA_KEY_TYPE, &generic, sizeof(generic)},
				    {CKA_LABEL, (void *)"a", 1}};
	CK_ATTRIBUTE token[] = {{CKA_TOKEN, &yes, 1}, {CKA_CLASS, &class, sizeof(class)}};
	CK_ATTRIBUTE on_token[] = {{CKA_TOKEN, &yes, 1}};
	CK_ATTRIBUTE session[] = {{CKA_TOKEN, &no, 1}};
	CK_ATTRIBUTE unknown[] = {{CKA_ISSUER, (void *)"x", 1}};
	CK_ATTRIBUTE value[] = {{CKA_VALUE, (void *)payload, 16}};

	add("pkcs11:object=a", 16);
	add("pkcs11:object=a", 20);
	add("pkcs11:object=b", 32);
	add("not ours", 32);
	assert_int_equal(found(NULL, 0), 4);
	assert_int_equal(found(on_token, 1), 4);
	assert_int_equal(found(by_class, 1), 3);
	assert_int_equal(found(by_label, 1), 2);
	assert_int_equal(found(by_type, 1), 2);
	assert_int_equal(found(generic_a, 2), 1);
	assert_int_equal(found(token, 2), 3);
	assert_int_equal(found(session, 1), 0);
	assert_int_equal(found(unknown, 1), 0);
	assert_int_equal(found(value, 1), 0);
}

/* Clients look for certificates, trust and profiles all day. */
static void foreign_classes_cost_nothing(void **state)
{
	static const CK_ULONG classes[] = {CKO_CERTIFICATE, CKO_PROFILE, 0xb, 0xce534351,
					   (CK_ULONG)-1};
	CK_BBOOL yes = CK_TRUE;

	add("pkcs11:object=a", 16);
	fake_calls_forget();
	for (size_t i = 0; i < 5; i++) {
		CK_ULONG class = classes[i];
		CK_ATTRIBUTE template[] = {{CKA_TOKEN, &yes, 1},
					   {CKA_CLASS, &class, sizeof(class)}};

		assert_int_equal(found(template, 2), class == CKO_PROFILE);
		template[1].ulValueLen = sizeof(class) / 2;
		assert_int_equal(found(template, 2), 0);
	}
	assert_int_equal(found(&(CK_ATTRIBUTE){CKA_CLASS, NULL, 0}, 1), 0);
	assert_int_equal(fake_calls("keyring_resolve") + fake_calls("keyring_list") +
				 fake_calls("key_describe") + fake_calls("key_usable") +
				 fake_calls("proc_keys_read"),
			 0);
}

/* Test case BL-M-1 of the profiles asks for any object of a token, which may hold no key. */
static void the_profile_is_there_without_keys(void **state)
{
	CK_ULONG class = CKO_PROFILE, other = CKP_BASELINE_PROVIDER + 1;
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE on_token = {CKA_TOKEN, &yes, 1};
	CK_ATTRIBUTE profiles[] = {{CKA_CLASS, &class, sizeof(class)},
				   {CKA_PROFILE_ID, &other, sizeof(other)}};
	CK_OBJECT_HANDLE by_token = 0, by_class = 0;
	CK_ULONG count = 0;

	assert_int_equal(search_begin(&search, slot, &on_token, 1), CKR_OK);
	assert_int_equal(search_next(&search, &by_token, 1, &count), CKR_OK);
	assert_int_equal(count, 1);
	search_end(&search);
	assert_int_equal(search_begin(&search, slot, profiles, 1), CKR_OK);
	assert_int_equal(search_next(&search, &by_class, 1, &count), CKR_OK);
	assert_int_equal(count, 1);
	search_end(&search);
	assert_int_not_equal(by_token, CK_INVALID_HANDLE);
	assert_int_equal(by_token, by_class);
	assert_int_equal(found(profiles, 2), 0);
	assert_int_equal(found(NULL, 0), 1);
}

/* Who takes the first object that comes means a key. */
static void the_profile_comes_last(void **state)
{
	CK_OBJECT_HANDLE list[8];
	CK_ULONG count = 0;

	for (int i = 0; i < 5; i++)
		add("pkcs11:object=a", 16);
	assert_int_equal(search_begin(&search, slot, NULL, 0), CKR_OK);
	assert_int_equal(search_next(&search, list, 8, &count), CKR_OK);
	assert_int_equal(count, 6);
	for (CK_ULONG i = 0; i < count; i++) {
		struct object *object = object_get(slot, list[i]);

		assert_non_null(object);
		assert_int_equal(!object->key, i == 5);
		object_put(object);
	}
}

static void results_come_in_any_portion(void **state)
{
	CK_OBJECT_HANDLE list[5], seen[5];
	CK_ULONG count, total = 0;

	/* Five with the profile. */
	for (int i = 0; i < 4; i++)
		add("pkcs11:object=a", 16);
	assert_int_equal(search_begin(&search, slot, NULL, 0), CKR_OK);
	assert_int_equal(search_next(&search, NULL, 0, &count), CKR_OK);
	assert_int_equal(count, 0);
	for (int i = 0; i < 10; i++) {
		list[1] = 0xa5;
		assert_int_equal(search_next(&search, list, 1, &count), CKR_OK);
		assert_int_equal(count, i < 5);
		assert_int_equal(list[1], 0xa5);
		for (CK_ULONG j = 0; count && j < total; j++)
			assert_int_not_equal(seen[j], list[0]);
		if (count)
			seen[total++] = list[0];
	}
	search_end(&search);
	assert_int_equal(search_begin(&search, slot, NULL, 0), CKR_OK);
	assert_int_equal(search_next(&search, list, 3, &count), CKR_OK);
	assert_int_equal(count, 3);
	assert_int_equal(search_next(&search, list, 3, &count), CKR_OK);
	assert_int_equal(count, 2);
}

/* p11tool destroys objects in mid-search. */
static void the_result_is_taken_down_at_the_beginning(void **state)
{
	CK_OBJECT_HANDLE list[5];
	CK_ULONG count;
	int32_t serial = add("pkcs11:object=a", 16);

	add("pkcs11:object=b", 16);
	assert_int_equal(search_begin(&search, slot, NULL, 0), CKR_OK);
	fake_key_unlink(serial);
	add("pkcs11:object=c", 16);
	assert_int_equal(search_next(&search, list, 5, &count), CKR_OK);
	assert_int_equal(count, 3);
}

static void states_and_arguments_are_checked(void **state)
{
	CK_OBJECT_HANDLE list[2];
	CK_ULONG count;
	CK_ATTRIBUTE null = {CKA_LABEL, NULL, 3};

	assert_int_equal(search_next(&search, list, 2, &count), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(search_end(&search), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(search_begin(&search, slot, NULL, 1), CKR_ARGUMENTS_BAD);
	assert_int_equal(search_begin(&search, slot, &null, 1), CKR_ATTRIBUTE_VALUE_INVALID);
	assert_int_equal(search_end(&search), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(search_begin(&search, slot, NULL, 0), CKR_OK);
	assert_int_equal(search_begin(&search, slot, NULL, 0), CKR_OPERATION_ACTIVE);
	assert_int_equal(search_next(&search, NULL, 2, &count), CKR_ARGUMENTS_BAD);
	assert_int_equal(search_next(&search, list, 2, NULL), CKR_ARGUMENTS_BAD);
	/* A bad call does not end the search. */
	assert_int_equal(search_next(&search, list, 2, &count), CKR_OK);
	assert_int_equal(search_end(&search), CKR_OK);
}

static void dead_keys_are_no_objects(void **state)
{
	int32_t a = add("pkcs11:object=a", 16), b = add("pkcs11:object=b", 16);

	assert_int_equal(found(NULL, 0), 3);
	fake_key_revoke(a);
	assert_int_equal(found(NULL, 0), 2);
	fake_key_expire(b);
	assert_int_equal(found(NULL, 0), 1);
}

/* Its use says which permission is missing: CKR_KEY_FUNCTION_NOT_PERMITTED. */
static void a_key_that_may_not_be_used_is_listed(void **state)
{
	int32_t serial = add("pkcs11:object=a", 16);

	fake_key_set_perm(serial, 0x37010000);
	assert_int_equal(found(NULL, 0), 2);
}

static void an_unreachable_keyring_is_empty(void **state)
{
	add("pkcs11:object=a", 16);
	fake_fail("keyring_resolve", 1, -ENOKEY);
	assert_int_equal(found(NULL, 0), 1);
	fake_fail("keyring_resolve", 1, -ENOMEM);
	assert_int_equal(search_begin(&search, slot, NULL, 0), CKR_HOST_MEMORY);
	assert_int_equal(search_end(&search), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(found(NULL, 0), 2);
}

/* C_FindObjectsInit knows nothing of keys' handles and permissions (section 5.7.7). */
static void a_keyring_that_cannot_be_read_is_empty(void **state)
{
	static const int errors[] = {-EACCES, -ENOKEY, -EKEYREVOKED, -ENOSYS, -EPERM};
	CK_ULONG class = CKO_SECRET_KEY, count = 1;
	CK_ATTRIBUTE keys = {CKA_CLASS, &class, sizeof(class)};
	CK_OBJECT_HANDLE object;

	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		fake_fail("keyring_list", 1, errors[i]);
		assert_int_equal(search_begin(&search, slot, &keys, 1), CKR_OK);
		assert_int_equal(search_next(&search, &object, 1, &count), CKR_OK);
		assert_int_equal(count, 0);
		assert_int_equal(search_end(&search), CKR_OK);
	}
	fake_fail("keyring_list", 1, -ENOMEM);
	assert_int_equal(search_begin(&search, slot, NULL, 0), CKR_HOST_MEMORY);
	assert_int_equal(search_end(&search), CKR_OPERATION_NOT_INITIALIZED);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(templates_choose),
		TEST(foreign_classes_cost_nothing),
		TEST(the_profile_is_there_without_keys),
		TEST(the_profile_comes_last),
		TEST(results_come_in_any_portion),
		TEST(the_result_is_taken_down_at_the_beginning),
		TEST(states_and_arguments_are_checked),
		TEST(dead_keys_are_no_objects),
		TEST(a_key_that_may_not_be_used_is_listed),
		TEST(an_unreachable_keyring_is_empty),
		TEST(a_keyring_that_cannot_be_read_is_empty),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("search", tests, NULL, NULL);
}
