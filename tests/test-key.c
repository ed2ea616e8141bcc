/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake-kernel.h"
#include "kernel/alg.h"
#include "kernel/proc-keys.h"
#include "kernel/transform.h"
#include "key/key.h"
#include "key/serials.h"

static const uint8_t payload[64] = "0123456789abcdef0123456789abcdef";

/* Where a key was that passed through this process; what is unmapped there must be wiped. */
static const uint8_t *passed;
static bool wiped, locked;

int munmap(void *address, size_t len)
{
	const uint8_t *bytes = address;

	if (passed && passed >= bytes && passed < bytes + len) {
		wiped = true;
		for (size_t i = 0; i < len; i++)
			wiped = wiped && !bytes[i];
		passed = NULL;
	}
	return (int)syscall(SYS_munmap, address, len);
}

/* AddressSanitizer makes nothing of mlock(2). */
#ifdef __SANITIZE_ADDRESS__
#define LOCKED ""
#else
#define LOCKED " lo"
#endif

/* Whether the mapping that begins at KEY is locked, kept from core dumps and from children. */
static bool is_guarded(const void *key)
{
	FILE *file = fopen("/proc/self/smaps", "r");
	char line[512], start[32];
	bool here = false, guarded = false;

	snprintf(start, sizeof(start), "%08lx-", (unsigned long)(uintptr_t)key);
	while (file && fgets(line, sizeof(line), file)) {
		if (strstr(line, start) == line)
			here = true;
		if (here && !strncmp(line, "VmFlags:", 8)) {
			guarded =
				strstr(line, LOCKED) && strstr(line, " dd") && strstr(line, " wf");
			break;
		}
	}
	if (file)
		fclose(file);
	return guarded;
}

static void watch(const void *key, size_t len)
{
	passed = key;
	locked = is_guarded(key);
}

static int setup(void **state)
{
	fake_reset();
	serials_forget();
	passed = NULL;
	wiped = locked = false;
	return 0;
}

static int teardown(void **state)
{
	transform_purge(0);
	return fake_open_sockets() ? -1 : 0;
}

static int32_t add(const char *type, const char *description, size_t len, uint32_t perm)
{
	return fake_key_add(FAKE_USER_KEYRING, type, description, payload, len, perm);
}

static struct key *open_key(int32_t serial)
{
	struct key *key = NULL;

	assert_int_equal(key_open(FAKE_USER_KEYRING, serial, &key), 0);
	assert_int_equal(key->serial, serial);
	assert_int_equal(key->keyring, FAKE_USER_KEYRING);
	return key;
}

/* Arms a transform with KEY; 0, or what arming says. */
static int use(const struct key *key)
{
	struct transform transform = {
		.type = "skcipher", .name = "ecb(aes)", .key = &key->transform_key};
	struct op_socket *socket;
	int err = transform_take(&transform, &socket);

	if (!err)
		transform_give(socket, true);
	return err;
}

static const char *const types[] = {"user", "logon", "encrypted", "trusted"};
enum { TYPES = sizeof(types) / sizeof(*types) };

static void four_types_are_keys(void **state)
{
	static const char *const others[] = {"keyring", "asymmetric", "big_key", "users", "use"};
	struct key *key, *last = NULL;

	for (size_t i = 0; i < TYPES; i++) {
		key = open_key(add(types[i], "a;b\nc: 3", 32, FAKE_PERM));
		assert_string_equal(key->source->type, types[i]);
		assert_string_equal(key->description, "a;b\nc: 3");
		assert_true(key->length < 0);
		assert_int_not_equal(key->transform_key.id, 0);
		if (last)
			assert_int_not_equal(key->transform_key.id, last->transform_key.id);
		key_free(last);
		last = key;
	}
	key_free(last);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(
			key_open(FAKE_USER_KEYRING, add(others[i], "x", 8, FAKE_PERM), &key),
			-EOPNOTSUPP);
	key_free(NULL);
}

static void a_key_that_cannot_be_described_is_none(void **state)
{
	struct key *key;
	int32_t serial = add("user", "x", 16, FAKE_PERM);

	assert_int_equal(key_open(FAKE_USER_KEYRING, serial + 1, &key), -ENOKEY);
	fake_key_set_perm(serial, 0x3e000000);
	assert_int_equal(key_open(FAKE_USER_KEYRING, serial, &key), -EACCES);
	fake_key_revoke(serial);
	assert_int_equal(key_open(FAKE_USER_KEYRING, serial, &key), -EKEYREVOKED);
}

/* Opening never reads a payload. */
static void a_key_nobody_can_change_is_constant(void **state)
{
	static const struct {
		uint32_t perm;
		bool constant;
	} cases[] = {
		{FAKE_PERM_CONSTANT, true}, {FAKE_PERM, false},  {0x1b0b0004, false},
		{0x1b0b0400, false},        {0x1b0f0000, false}, {0x1f0b0000, false},
		{0x1b1b1b1b, true},         {0x1b1b1b3b, false}, {0x1b1b3b1b, false},
		{0x1b3b1b1b, false},        {0x3b1b1b1b, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct key *key = open_key(add("user", "x", 16, cases[i].perm));

		assert_int_equal(key->transform_key.constant, cases[i].constant);
		key_free(key);
	}
	assert_int_equal(fake_calls("key_read"), 0);
}

static void check_length(const char *type, const char *description, size_t len, ssize_t expected)
{
	struct key *key = open_key(add(type, description, len, FAKE_PERM));
	char *text = NULL;

	assert_int_equal(proc_keys_read(&text), 0);
	key_measure(key, text);
	assert_int_equal(key->length, expected);
	if (strcmp(type, "encrypted"))
		assert_int_equal(fake_calls("key_read"), 0);
	free(text);
	key_free(key);
}

static void lengths_are_known_without_reading_a_key(void **state)
{
	check_length("user", "pkcs11:object=u", 16, 16);
	check_length("logon", "pkcs11:object=l", 61, 61);
	check_length("logon", "a: 12\nb;c", 24, 24);
	/* Of this type the blob is read, which is sealed: "default user:master 32 ...". */
	check_length("encrypted", "pkcs11:object=e", 32, 32);
	assert_int_equal(fake_calls("key_read"), 1);
	fake_calls_forget();
	/* Here neither of the two tells: the kernel is asked what the key can arm. */
	check_length("trusted", "pkcs11:object=t", 64, 64);
	check_length("trusted", "pkcs11:object=t", 33, -ENODATA);
	assert_int_equal(fake_calls("key_read"), 0);
}

static void a_length_that_is_not_known_says_why(void **state)
{
	struct key *key = open_key(add("logon", "x", 16, FAKE_PERM));
	struct key *sealed = open_key(add("encrypted", "y", 32, FAKE_PERM));
	char *text = NULL;

	key_measure(key, NULL);
	assert_true(key->length < 0);
	fake_proc_keys_forge("0badf00d I--Q--- 1 perm 3f010000 0 0 user      x: 1\n");
	assert_int_equal(proc_keys_read(&text), 0);
	memcpy(text, "00000000", 8);
	key_measure(key, text);
	assert_int_equal(key->length, -ENOENT);
	free(text);
	fake_fail("key_read", 1, -EIO);
	key_measure(sealed, NULL);
	assert_int_equal(sealed->length, -EIO);
	key_free(sealed);
	key_free(key);
}

/* An encrypted key's blob can be read, and a trusted key be tried, by its possessor alone; without
 * possession there is no length, and with it no key type: so it is gained first, as for any use. */
static void measuring_gains_possession(void **state)
{
	static const char *const sealed[] = {"encrypted", "trusted"};

	for (size_t i = 0; i < 2; i++) {
		struct key *key;
		ssize_t len;

		setup(NULL);
		fake_keyring_distant(FAKE_USER_KEYRING, true);
		key = open_key(add(sealed[i], "x", 32, FAKE_PERM));
		key_measure(key, NULL);
		len = key->length;
		key_free(key);
		assert_int_equal(len, 32);
	}
}

/* Immutable is what was found; a key may be given another payload, and is measured on request. */
static void a_length_can_be_asked_for_again(void **state)
{
	for (size_t i = 0; i < TYPES; i++) {
		struct key *key = open_key(add(types[i], "x", 32, FAKE_PERM));
		char *text = NULL;

		assert_int_equal(proc_keys_read(&text), 0);
		key_measure(key, text);
		free(text);
		fake_key_update(key->serial, payload, 48);
		assert_int_equal(key_length(key), 48);
		assert_int_equal(key->length, 32);
		fake_key_update(key->serial, payload, 16);
		assert_int_equal(key_length(key), 16);
		key_free(key);
	}
}

static void a_length_that_cannot_be_asked_for_is_not_known(void **state)
{
	struct key *key = open_key(add("logon", "x", 16, FAKE_PERM));
	struct key *sealed = open_key(add("encrypted", "y", 32, FAKE_PERM));

	fake_fail("proc_keys_read", 1, -EACCES);
	assert_true(key_length(key) < 0);
	assert_int_equal(key_length(key), 16);
	fake_fail("key_read", 1, -EIO);
	assert_int_equal(key_length(sealed), -EIO);
	assert_int_equal(key_length(sealed), 32);
	fake_key_unlink(key->serial);
	assert_int_equal(key_length(key), -ENOENT);
	key_free(sealed);
	key_free(key);
}

static void a_key_is_armed_by_its_serial_number(void **state)
{
	for (size_t i = 0; i < TYPES; i++) {
		struct key *key = open_key(add(types[i], "x", 32, FAKE_PERM));

		assert_int_equal(use(key), 0);
		key_free(key);
	}
	assert_int_equal(fake_calls("alg_set_key_serial"), TYPES);
	assert_int_equal(fake_calls("alg_set_key"), 0);
	assert_int_equal(fake_calls("key_read"), 0);
	assert_int_equal(fake_calls("keyring_possess"), 0);
}

static void what_the_kernel_refuses_is_refused(void **state)
{
	struct key *key = open_key(add("logon", "x", 17, FAKE_PERM));

	assert_int_equal(use(key), -EINVAL);
	assert_int_equal(key_check(key), 0);
	fake_key_expire(key->serial);
	assert_int_equal(use(key), -EKEYEXPIRED);
	assert_int_equal(key_check(key), -EKEYEXPIRED);
	fake_key_revoke(key->serial);
	assert_int_equal(use(key), -EKEYREVOKED);
	assert_int_equal(key_check(key), -EKEYREVOKED);
	fake_key_unlink(key->serial);
	assert_int_equal(use(key), -ENOKEY);
	assert_int_equal(key_check(key), -ENOKEY);
	assert_int_equal(fake_calls("keyring_possess"), 0);
	key_free(key);
}

/* EACCES: link the keyring, and try once more. */
static void possession_is_gained_once(void **state)
{
	struct key *key;

	fake_keyring_distant(FAKE_USER_KEYRING, true);
	key = open_key(add("logon", "x", 16, FAKE_PERM));
	assert_int_equal(use(key), 0);
	assert_int_equal(fake_calls("keyring_possess"), 1);
	assert_int_equal(fake_calls("alg_set_key_serial"), 2);
	assert_int_equal(use(key), 0);
	assert_int_equal(fake_calls("keyring_possess"), 1);
	key_free(key);

	fake_reset();
	fake_keyring_distant(FAKE_USER_KEYRING, true);
	key = open_key(add("logon", "x", 16, FAKE_PERM));
	assert_int_equal(key_check(key), 0);
	assert_int_equal(fake_calls("key_usable"), 2);
	assert_int_equal(fake_calls("keyring_possess"), 1);
	key_free(key);
}

static void without_possession_the_key_is_refused(void **state)
{
	struct key *key;

	fake_keyring_distant(FAKE_USER_KEYRING, true);
	key = open_key(add("logon", "x", 16, FAKE_PERM));
	fake_fail("keyring_possess", 1, -EDQUOT);
	assert_int_equal(use(key), -EACCES);
	assert_int_equal(fake_calls("alg_set_key_serial"), 1);
	fake_fail("keyring_possess", 1, -EPERM);
	assert_int_equal(key_check(key), -EACCES);
	assert_int_equal(fake_calls("key_usable"), 1);
	/* Possessed, and still not searchable: no endless trying. */
	fake_key_set_perm(key->serial, 0x37010000);
	fake_calls_forget();
	assert_int_equal(use(key), -EACCES);
	assert_int_equal(fake_calls("alg_set_key_serial"), 2);
	assert_int_equal(key_check(key), -EACCES);
	key_free(key);
}

/* A constant key: its kept socket is used after a check, without arming. */
static void a_kept_socket_is_used_only_while_the_key_is_usable(void **state)
{
	struct key *key = open_key(add("logon", "x", 16, FAKE_PERM_CONSTANT));

	assert_int_equal(use(key), 0);
	assert_int_equal(use(key), 0);
	assert_int_equal(fake_calls("alg_set_key_serial"), 1);
	assert_int_equal(fake_calls("key_usable"), 2);
	assert_int_equal(fake_open_sockets(), 1);
	fake_key_revoke(key->serial);
	assert_int_equal(use(key), -EKEYREVOKED);
	assert_int_equal(fake_open_sockets(), 0);
	key_free(key);
	key = open_key(add("logon", "y", 16, FAKE_PERM_CONSTANT));
	assert_int_equal(use(key), 0);
	assert_int_equal(fake_open_sockets(), 1);
	key_free(key);
	assert_int_equal(fake_open_sockets(), 0);
}

static void a_new_kernel_can_use_every_type(void **state)
{
	for (size_t i = 0; i < TYPES; i++) {
		struct key *key = open_key(add(types[i], "x", 32, FAKE_PERM));

		assert_true(key_offered(key));
		key_free(key);
	}
	assert_int_equal(fake_calls("key_read"), 0);
}

/* Before Linux 6.2 a key must be read to be used. */
static void an_old_kernel_can_use_what_can_be_read(void **state)
{
	static const struct {
		const char *type;
		uint32_t perm;
		bool distant, offered;
	} cases[] = {
		{"user", FAKE_PERM, false, true},       {"user", FAKE_PERM, true, true},
		{"user", 0x31010000, false, false},     {"logon", FAKE_PERM, false, false},
		{"encrypted", FAKE_PERM, false, false}, {"trusted", FAKE_PERM, false, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct key *key;

		setup(NULL);
		fake_serials(false);
		fake_keyring_distant(FAKE_USER_KEYRING, cases[i].distant);
		key = open_key(add(cases[i].type, "x", 16, cases[i].perm));
		assert_int_equal(key_offered(key), cases[i].offered);
		key_free(key);
	}
}

static void on_an_old_kernel_a_user_key_passes_through_guarded_memory(void **state)
{
	struct key *key = open_key(add("user", "x", 16, FAKE_PERM));

	fake_serials(false);
	fake_watch_keys(watch);
	assert_int_equal(use(key), 0);
	assert_int_equal(fake_calls("alg_set_key"), 1);
	assert_true(locked);
	assert_true(wiped);
	/* A refused one is wiped no less. */
	wiped = false;
	fake_key_update(key->serial, payload, 17);
	assert_int_equal(use(key), -EINVAL);
	assert_true(wiped);
	fake_key_update(key->serial, payload, 16);
	fake_fail("key_read", 1, -EACCES);
	assert_int_equal(use(key), 0); /* possession was gained, and the second try read it */
	fake_fail("key_read", 1, -EIO);
	assert_int_equal(use(key), -EIO);
	key_free(key);
}

static void on_an_old_kernel_other_types_cannot_be_armed(void **state)
{
	struct key *logon = open_key(add("logon", "x", 16, FAKE_PERM));
	struct key *sealed = open_key(add("encrypted", "x", 32, FAKE_PERM));

	fake_serials(false);
	assert_int_equal(use(logon), -ENOPROTOOPT);
	assert_int_equal(use(sealed), -ENOPROTOOPT);
	assert_int_equal(fake_calls("alg_set_key"), 0);
	key_free(logon);
	key_free(sealed);
}

/* The errno says "no serial numbers here" or "not that key": reading a key that a new kernel
 * refused would be the wrong conclusion. */
static void an_ambiguous_refusal_reads_no_key_on_a_new_kernel(void **state)
{
	struct key *key = open_key(add("user", "x", 16, FAKE_PERM));

	fake_fail("alg_set_key_serial", 1, -ENOPROTOOPT);
	assert_int_equal(use(key), -ENOPROTOOPT);
	assert_int_equal(fake_calls("alg_takes_serials"), 1);
	assert_int_equal(fake_calls("key_read"), 0);
	assert_int_equal(fake_calls("alg_set_key"), 0);
	key_free(key);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(four_types_are_keys),
		TEST(a_key_that_cannot_be_described_is_none),
		TEST(a_key_nobody_can_change_is_constant),
		TEST(lengths_are_known_without_reading_a_key),
		TEST(a_length_that_is_not_known_says_why),
		TEST(a_length_can_be_asked_for_again),
		TEST(a_length_that_cannot_be_asked_for_is_not_known),
		TEST(a_key_is_armed_by_its_serial_number),
		TEST(what_the_kernel_refuses_is_refused),
		TEST(possession_is_gained_once),
		TEST(without_possession_the_key_is_refused),
		TEST(a_kept_socket_is_used_only_while_the_key_is_usable),
		TEST(a_new_kernel_can_use_every_type),
		TEST(an_old_kernel_can_use_what_can_be_read),
		TEST(on_an_old_kernel_a_user_key_passes_through_guarded_memory),
		TEST(on_an_old_kernel_other_types_cannot_be_armed),
		TEST(an_ambiguous_refusal_reads_no_key_on_a_new_kernel),
		TEST(measuring_gains_possession),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("key", tests, NULL, NULL);
}
