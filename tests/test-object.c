/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake-kernel.h"
#include "kernel/log.h"
#include "kernel/proc-keys.h"
#include "kernel/transform.h"
#include "key/serials.h"
#include "token/lock.h"
#include "token/object.h"
#include "token/slot.h"

static const uint8_t payload[64];
static const struct slot here = {.id = 0}, elsewhere = {.id = 1};

static int setup(void **state)
{
	fake_reset();
	serials_forget();
	return 0;
}

static int teardown(void **state)
{
	transform_purge(0);
	return fake_open_sockets() ? -1 : 0;
}

static int32_t add(const char *type, const char *description, size_t len)
{
	return fake_key_add(FAKE_USER_KEYRING, type, description, payload, len, FAKE_PERM);
}

static struct object *open_object(const char *type, const char *description, size_t len)
{
	struct object *object = NULL;
	char *text = NULL;

	assert_int_equal(object_open(&here, FAKE_USER_KEYRING, add(type, description, len), &object,
				     (char[17]){0}),
			 0);
	assert_int_equal(proc_keys_read(&text), 0);
	object_measure(object, text);
	free(text);
	return object;
}

static int try_open(int32_t serial)
{
	struct object *object = NULL;
	int err = object_open(&here, FAKE_USER_KEYRING, serial, &object, (char[17]){0});

	if (!err)
		object_put(object);
	else
		assert_null(object);
	return err;
}

static void what_is_not_to_be_presented_is_no_object(void **state)
{
	assert_int_equal(try_open(add("user", "fscrypt:0123", 64)), -ENOMSG);
	assert_int_equal(try_open(add("user", "pkcs11:object=a;type=cert", 16)), -EINVAL);
	assert_int_equal(try_open(add("keyring", "pkcs11:object=a", 4)), -EOPNOTSUPP);
	assert_int_equal(try_open(add("logon", "pkcs11:object=a", 16)), 0);
	assert_int_equal(try_open(0x7fffffff), -ENOKEY);
	fake_serials(false);
	serials_forget();
	assert_int_equal(try_open(add("logon", "pkcs11:object=a", 16)), -EOPNOTSUPP);
	assert_int_equal(try_open(add("user", "pkcs11:object=a", 16)), 0);
}

/* Whatever a seccomp filter may make of keyctl(2). */
static void any_failure_to_describe_is_passed_on(void **state)
{
	static const int errors[] = {-EACCES, -ENOMEM, -EPROTO, -ENOSYS, -EKEYREVOKED, -EINVAL};
	int32_t serial = add("logon", "pkcs11:object=a", 16);

	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		fake_fail("key_describe", 1, errors[i]);
		assert_int_equal(try_open(serial), errors[i]);
	}
}

static void the_key_type_is_as_named_or_by_length(void **state)
{
	static const struct {
		const char *description;
		size_t len;
		CK_KEY_TYPE type;
	} cases[] = {
		{"pkcs11:object=a", 16, CKK_AES},
		{"pkcs11:object=a", 24, CKK_AES},
		{"pkcs11:object=a", 32, CKK_AES},
		{"pkcs11:object=a", 15, CKK_GENERIC_SECRET},
		{"pkcs11:object=a", 17, CKK_GENERIC_SECRET},
		{"pkcs11:object=a", 31, CKK_GENERIC_SECRET},
		{"pkcs11:object=a", 33, CKK_GENERIC_SECRET},
		{"pkcs11:object=a", 48, CKK_GENERIC_SECRET},
		{"pkcs11:object=a", 64, CKK_GENERIC_SECRET},
		{"pkcs11:object=a", 1, CKK_GENERIC_SECRET},
		{"pkcs11:object=a?x-key-type=generic-secret", 32, CKK_GENERIC_SECRET},
		{"pkcs11:object=a?x-key-type=aes", 33, CKK_AES},
		{"pkcs11:object=a?x-key-type=sha256-hmac", 32, CKK_SHA256_HMAC},
		{"pkcs11:object=a?x-key-type=aes-xts", 32, CKK_AES_XTS},
		{"pkcs11:object=a?x-key-type=chacha20", 32, CKK_CHACHA20},
		{"pkcs11:object=a?x-key-type=des3", 24, CKK_DES3},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct object *object = open_object("logon", cases[i].description, cases[i].len);

		assert_int_equal(object->key_type, cases[i].type);
		assert_int_equal(object->key->length, cases[i].len);
		object_put(object);
	}
}

static void without_a_length_a_key_is_a_generic_secret(void **state)
{
	struct object *object;

	assert_int_equal(object_open(&here, FAKE_USER_KEYRING, add("logon", "pkcs11:object=a", 16),
				     &object, (char[17]){0}),
			 0);
	object_measure(object, NULL);
	assert_int_equal(object->key_type, CKK_GENERIC_SECRET);
	object_put(object);
}

static void a_published_object_is_found_in_its_slot(void **state)
{
	struct object *object = open_object("logon", "pkcs11:object=a", 16);
	CK_OBJECT_HANDLE handle;

	assert_null(object_get(&here, object->handle));
	assert_int_equal(object_publish(object), CKR_OK);
	handle = object->handle;
	assert_int_not_equal(handle, CK_INVALID_HANDLE);
	assert_ptr_equal(object_get(&here, handle), object);
	object_put(object);
	assert_null(object_get(&elsewhere, handle));
	assert_null(object_get(&here, CK_INVALID_HANDLE));
	assert_null(object_get(&here, handle + 1));
	object_withdraw(object);
	assert_null(object_get(&here, handle));
}

/* Who holds a reference goes on with the key when its handle has ended. */
static void a_reference_outlives_the_handle(void **state)
{
	struct object *object = open_object("logon", "pkcs11:object=a", 16);
	struct object *held;

	assert_int_equal(object_publish(object), CKR_OK);
	held = object_get(&here, object->handle);
	object_withdraw(object);
	assert_int_equal(held->metadata.label[0], 'a');
	assert_int_equal(key_check(held->key), 0);
	object_put(held);
	object_put(NULL);
}

/* Another thread may have changed it meanwhile: what its handle says now is what goes. */
static void who_withdraws_an_object_withdraws_its_successor(void **state)
{
	struct object *object = open_object("logon", "pkcs11:object=a", 16), *better = NULL;
	CK_OBJECT_HANDLE handle;

	assert_int_equal(object_publish(object), CKR_OK);
	handle = object->handle;
	assert_int_equal(object_again(object, NULL, &better), 0);
	lock();
	assert_true(object_succeed(object, better));
	unlock();
	object_withdraw(object);
	assert_null(object_get(&here, handle));
	/* Whose handle has ended has no successor. */
	assert_int_equal(object_again(object, NULL, &better), 0);
	lock();
	assert_false(object_succeed(object, better));
	unlock();
	object_put(better);
	object_put(object);
}

/* One for each slot, and like keys for whoever holds a handle or a reference. */
static void a_profile_is_an_object_without_a_key(void **state)
{
	struct object *profile = object_profile(&here), *other = object_profile(&elsewhere);
	CK_OBJECT_HANDLE handle;

	assert_null(profile->key);
	assert_string_equal(profile->metadata.unique_id, "profile-baseline");
	assert_int_equal(object_publish(profile), CKR_OK);
	assert_int_equal(object_publish(other), CKR_OK);
	handle = profile->handle;
	assert_int_not_equal(handle, other->handle);
	assert_ptr_equal(object_get(&here, handle), profile);
	assert_null(object_get(&elsewhere, handle));
	object_withdraw(profile);
	assert_null(object_get(&here, handle));
	assert_ptr_equal(profile->slot, &here);
	object_put(profile);
	object_withdraw(other);
	assert_int_equal(fake_calls("key_describe"), 0);
}

/* A restriction that is not understood: the key is not there, and the log says why. */
static void unknown_mechanisms_hide_a_key(void **state)
{
	static const char *const descriptions[] = {
		"pkcs11:object=a?x-mechanisms=aes-gcm,rot13",
		"pkcs11:object=a?x-mechanisms=AES-GCM",
		"pkcs11:object=a;x-mechanisms=aes-gcm",
	};
	char path[] = "/tmp/kcryptoki-object-XXXXXX", text[4096] = "";
	int fd = mkstemp(path), count = 0;
	FILE *file;

	assert_true(fd >= 0);
	setenv("KCRYPTOKI_DEBUG", path, 1);
	log_open();
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(try_open(add("logon", descriptions[i], 16)), -EINVAL);
	assert_int_equal(try_open(add("logon", "pkcs11:object=a?x-mechanisms=", 16)), 0);
	log_close();
	unsetenv("KCRYPTOKI_DEBUG");

	file = fdopen(fd, "r");
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	unlink(path);
	assert_non_null(strstr(text, "(logon pkcs11:object=a?x-mechanisms=aes-gcm,rot13) is not "
				     "presented: its x-mechanisms names one that is not known"));
	assert_non_null(strstr(text, "behind a question mark"));
	for (const char *c = text; (c = strstr(c, "is not presented")); c++)
		count++;
	assert_int_equal(count, 3);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_is_not_to_be_presented_is_no_object),
		TEST(the_key_type_is_as_named_or_by_length),
		TEST(without_a_length_a_key_is_a_generic_secret),
		TEST(a_published_object_is_found_in_its_slot),
		TEST(a_reference_outlives_the_handle),
		TEST(who_withdraws_an_object_withdraws_its_successor),
		TEST(any_failure_to_describe_is_passed_on),
		TEST(a_profile_is_an_object_without_a_key),
		TEST(unknown_mechanisms_hide_a_key),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("object", tests, NULL, NULL);
}
