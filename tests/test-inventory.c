/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fake-kernel.h"
#include "kernel/transform.h"
#include "key/serials.h"
#include "token/inventory.h"
#include "token/slot.h"

static const uint8_t payload[64];
static struct slot slot = {.id = 0};

static int setup(void **state)
{
	fake_reset();
	serials_forget();
	return 0;
}

static int teardown(void **state)
{
	inventory_clear(&slot.inventory);
	transform_purge(0);
	return fake_open_sockets() ? -1 : 0;
}

static int32_t add(const char *description)
{
	return fake_key_add(FAKE_USER_KEYRING, "logon", description, payload, 16, FAKE_PERM);
}

enum { MOST = 64 };

static CK_OBJECT_HANDLE handles[MOST];
static int32_t serials[MOST];

/* The objects that a look shows, in handles[] and serials[]; their number. */
static size_t look(void)
{
	struct object **list = NULL;
	size_t count = 0;

	assert_int_equal(inventory_look(&slot.inventory, &slot, FAKE_USER_KEYRING, &list, &count),
			 CKR_OK);
	assert_true(count <= MOST);
	for (size_t i = 0; i < count; i++) {
		handles[i] = list[i]->handle;
		serials[i] = list[i]->key->serial;
		if (i)
			assert_true(serials[i - 1] < serials[i]);
		object_put(list[i]);
	}
	free(list);
	return count;
}

static void (*meanwhile)(void);

int __real_keyring_list(int32_t keyring, int32_t **list);
int __wrap_keyring_list(int32_t keyring, int32_t **list);

/* What another thread does once the keyring was read. */
int __wrap_keyring_list(int32_t keyring, int32_t **list)
{
	int result = __real_keyring_list(keyring, list);
	void (*deed)(void) = meanwhile;

	meanwhile = NULL;
	if (deed)
		deed();
	return result;
}

static bool is_object(CK_OBJECT_HANDLE handle)
{
	struct object *object = object_get(&slot, handle);

	object_put(object);
	return object;
}

static void an_empty_keyring_has_no_objects(void **state)
{
	assert_int_equal(look(), 0);
	assert_int_equal(fake_calls("key_describe"), 0);
	assert_int_equal(fake_calls("proc_keys_read"), 0);
}

static void a_key_that_stays_keeps_its_handle(void **state)
{
	CK_OBJECT_HANDLE first[2];

	add("pkcs11:object=a");
	add("pkcs11:object=b");
	assert_int_equal(look(), 2);
	first[0] = handles[0];
	first[1] = handles[1];
	assert_int_not_equal(first[0], first[1]);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(look(), 2);
		assert_int_equal(handles[0], first[0]);
		assert_int_equal(handles[1], first[1]);
	}
	/* One describe for each key, one read of /proc/keys, and one of the keyring for each look.
	 */
	assert_int_equal(fake_calls("key_describe"), 2);
	assert_int_equal(fake_calls("proc_keys_read"), 1);
	assert_int_equal(fake_calls("keyring_list"), 4);
	assert_int_equal(fake_calls("key_read"), 0);
}

static void keys_come_and_go(void **state)
{
	int32_t a = add("pkcs11:object=a"), b;
	CK_OBJECT_HANDLE first, second;

	assert_int_equal(look(), 1);
	first = handles[0];
	b = add("pkcs11:object=b");
	assert_int_equal(look(), 2);
	second = handles[serials[0] == b ? 0 : 1];
	assert_int_equal(handles[serials[0] == b ? 1 : 0], first);

	fake_key_unlink(a);
	assert_true(is_object(first));
	assert_int_equal(look(), 1);
	assert_int_equal(handles[0], second);
	assert_false(is_object(first));

	/* The same description again is another key. */
	add("pkcs11:object=a");
	assert_int_equal(look(), 2);
	assert_int_not_equal(handles[0], first);
	assert_int_not_equal(handles[1], first);
	assert_false(is_object(first));
}

static void keys_that_are_not_presented_are_described_once(void **state)
{
	add("pkcs11:object=a");
	add("not ours");
	add("pkcs11:object=b;type=cert");
	fake_key_add(FAKE_USER_KEYRING, "keyring", "ring", payload, 4, FAKE_PERM);
	fake_key_add(FAKE_SESSION_KEYRING, "logon", "pkcs11:object=c", payload, 16, FAKE_PERM);
	for (int i = 0; i < 5; i++)
		assert_int_equal(look(), 1);
	assert_int_equal(fake_calls("key_describe"), 4);
	assert_int_equal(fake_calls("proc_keys_read"), 1);
}

/* Where nothing new is to be presented /proc/keys need not be read. */
static void foreign_keys_cost_no_reading_of_proc_keys(void **state)
{
	add("not ours");
	assert_int_equal(look(), 0);
	assert_int_equal(fake_calls("proc_keys_read"), 0);
}

/* A shortage is no verdict on the key. */
static void a_key_that_could_not_be_described_is_asked_again(void **state)
{
	add("pkcs11:object=a");
	fake_fail("key_describe", 1, -EACCES);
	assert_int_equal(look(), 0);
	assert_int_equal(look(), 1);
	assert_int_equal(look(), 1);
	assert_int_equal(fake_calls("key_describe"), 2);
}

static void look_fails(CK_RV rv)
{
	struct object **list = NULL;
	size_t count = 0;

	assert_int_equal(inventory_look(&slot.inventory, &slot, FAKE_USER_KEYRING, &list, &count),
			 rv);
	assert_null(list);
	assert_int_equal(count, 0);
}

/* After an accident nobody knows which keys there are. */
static void an_accident_is_no_empty_keyring(void **state)
{
	add("pkcs11:object=a");
	fake_fail("key_describe", 1, -EINTR);
	look_fails(CKR_DEVICE_ERROR);
	fake_fail("key_describe", 1, -EDQUOT);
	look_fails(CKR_DEVICE_MEMORY);
	fake_fail("keyring_list", 1, -EINTR);
	look_fails(CKR_DEVICE_ERROR);
	/* Nor would anybody ask for the lengths again. */
	fake_fail("proc_keys_read", 1, -EMFILE);
	look_fails(CKR_HOST_MEMORY);
	assert_int_equal(look(), 1);
}

static void lengths_may_be_unknown(void **state)
{
	add("pkcs11:object=a");
	fake_fail("proc_keys_read", 1, -ENOENT);
	assert_int_equal(look(), 1);
}

static void failures_leave_what_was_known(void **state)
{
	CK_OBJECT_HANDLE first;

	add("pkcs11:object=a");
	assert_int_equal(look(), 1);
	first = handles[0];
	fake_fail("keyring_list", 1, -EKEYREVOKED);
	look_fails(CKR_OK);
	assert_true(is_object(first));
	add("pkcs11:object=b");
	add("pkcs11:object=c");
	fake_fail("key_describe", 2, -ENOMEM);
	look_fails(CKR_HOST_MEMORY);
	assert_true(is_object(first));
	assert_int_equal(look(), 3);
	assert_true(is_object(first));
}

/* Reading a keyring can take possession, as using a key can. */
static void a_keyring_that_is_refused_is_possessed(void **state)
{
	add("pkcs11:object=a");
	fake_fail("keyring_list", 1, -EACCES);
	assert_int_equal(look(), 1);
	assert_int_equal(fake_calls("keyring_possess"), 1);
	assert_int_equal(fake_calls("keyring_list"), 2);
}

static int32_t passing;

static void one_comes_and_is_found(void)
{
	passing = add("pkcs11:object=passing");
	fake_fail("key_describe", 1, -EACCES);
	assert_int_equal(look(), 2);
	assert_int_equal(serials[1], passing);
	fake_fail("key_describe", 1, -EACCES);
}

/* One key more than was read, and one less, are not what was read. */
static void what_was_not_taken_in_is_looked_for_again(void **state)
{
	int32_t stays = add("pkcs11:object=stays"), refused;

	assert_int_equal(look(), 1);
	refused = add("pkcs11:object=refused");
	meanwhile = one_comes_and_is_found;
	assert_int_equal(look(), 2);
	fake_key_unlink(passing);
	/* The keyring reads as it did then. */
	assert_int_equal(look(), 2);
	assert_int_equal(serials[0], stays);
	assert_int_equal(serials[1], refused);
}

static void a_look_holds_what_it_shows(void **state)
{
	struct object **list = NULL;
	size_t count = 0;
	int32_t serial = add("pkcs11:object=a");

	assert_int_equal(inventory_look(&slot.inventory, &slot, FAKE_USER_KEYRING, &list, &count),
			 CKR_OK);
	fake_key_unlink(serial);
	assert_int_equal(look(), 0);
	assert_int_equal(list[0]->key->serial, serial);
	assert_int_equal(list[0]->metadata.label[0], 'a');
	object_put(list[0]);
	free(list);
}

static void clearing_ends_all_handles(void **state)
{
	CK_OBJECT_HANDLE first;

	add("pkcs11:object=a");
	look();
	first = handles[0];
	inventory_clear(&slot.inventory);
	assert_false(is_object(first));
	assert_int_equal(look(), 1);
	assert_int_not_equal(handles[0], first);
	inventory_clear(&slot.inventory);
	inventory_clear(&slot.inventory);
}

static void many_keys_come_in_any_order(void **state)
{
	char description[32];
	int32_t gone[MOST];

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < MOST; i++) {
			snprintf(description, sizeof(description), "pkcs11:object=%d", i);
			gone[i] = add(description);
		}
		assert_int_equal(look(), MOST);
		for (int i = 0; i < MOST; i += 2)
			fake_key_unlink(gone[i]);
		assert_int_equal(look(), MOST / 2);
		for (int i = 1; i < MOST; i += 2)
			fake_key_unlink(gone[i]);
		assert_int_equal(look(), 0);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(an_empty_keyring_has_no_objects),
		TEST(a_key_that_stays_keeps_its_handle),
		TEST(keys_come_and_go),
		TEST(keys_that_are_not_presented_are_described_once),
		TEST(foreign_keys_cost_no_reading_of_proc_keys),
		TEST(a_key_that_could_not_be_described_is_asked_again),
		TEST(an_accident_is_no_empty_keyring),
		TEST(lengths_may_be_unknown),
		TEST(failures_leave_what_was_known),
		TEST(a_keyring_that_is_refused_is_possessed),
		TEST(what_was_not_taken_in_is_looked_for_again),
		TEST(a_look_holds_what_it_shows),
		TEST(clearing_ends_all_handles),
		TEST(many_keys_come_in_any_order),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("inventory", tests, NULL, NULL);
}
