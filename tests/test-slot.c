/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf.h"
#include "fake-kernel.h"
#include "kernel/alg.h"
#include "mech/mechanism.h"
#include "token/session.h"
#include "token/slot.h"

static struct config config;

static int setup(void **state)
{
	fake_reset();
	config_default(&config);
	mechanisms_start(FAMILY_ALL);
	slots_start(&config);
	return 0;
}

static int teardown(void **state)
{
	slots_stop();
	return fake_open_sockets() ? -1 : 0;
}

static void without_af_alg_there_are_no_slots(void **state)
{
	static const int errors[] = {-EAFNOSUPPORT, -EPERM, -EACCES, -EPROTONOSUPPORT};
	CK_SLOT_ID list[4];
	CK_ULONG count;

	for (size_t i = 0; i < 4; i++) {
		slots_stop();
		fake_fail("alg_probe", 1, errors[i]);
		assert_int_equal(slots_start(&config), CKR_OK);
		assert_int_equal(slots_count(), 0);
		assert_null(slot_find(0));
		count = 4;
		assert_int_equal(slot_list(list, &count), CKR_OK);
		assert_int_equal(count, 0);
		count = 0;
		assert_int_equal(slot_list(NULL, &count), CKR_OK);
		assert_int_equal(count, 0);
	}
}

/* A broker's slot is there where its socket is, with AF_ALG or without. */
static void a_brokers_slot_needs_its_socket_alone(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	char *path = config.tokens[2].broker;
	CK_TOKEN_INFO info;

	snprintf(path, sizeof(config.tokens[2].broker), "/tmp/kcryptoki-slot-%ld", (long)getpid());
	slots_stop();
	assert_int_equal(slots_start(&config), CKR_OK);
	assert_int_equal(slots_count(), 2);
	strcpy(address.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	slots_stop();
	assert_int_equal(slots_start(&config), CKR_OK);
	assert_int_equal(slots_count(), 3);
	slots_stop();
	fake_fail("alg_probe", 1, -EPERM);
	assert_int_equal(slots_start(&config), CKR_OK);
	assert_int_equal(slots_count(), 1);
	assert_non_null(slot_find(2));
	slot_token_info(slot_find(2), &info);
	assert_true(info.flags & CKF_WRITE_PROTECTED);
	assert_memory_equal(info.label, "kernel-broker ", 14);
	/* A file of that name is no socket. */
	unlink(path);
	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	slots_stop();
	assert_int_equal(slots_start(&config), CKR_OK);
	assert_int_equal(slots_count(), 2);
	unlink(path);
	close(fd);
}

/* Zero slots would be an answer for as long as the module runs. */
static void a_shortage_is_no_answer(void **state)
{
	static const int errors[] = {-EMFILE, -ENFILE, -ENOMEM, -ENOBUFS};

	for (size_t i = 0; i < 4; i++) {
		slots_stop();
		fake_fail("alg_probe", 1, errors[i]);
		assert_int_equal(slots_start(&config), CKR_HOST_MEMORY);
		assert_int_equal(slots_count(), 0);
	}
	assert_int_equal(slots_start(&config), CKR_OK);
	assert_true(slots_count() > 0);
}

/* The start asks for nothing but a socket: no algorithm, no keyring. */
static void starting_costs_one_question(void **state)
{
	slots_stop();
	fake_calls_forget();
	slots_start(&config);
	assert_int_equal(fake_calls("alg_probe"), 1);
	assert_int_equal(fake_calls("alg_bind") + fake_calls("keyring_resolve"), 0);
	slots_stop();
	assert_int_equal(slots_count(), 0);
	assert_null(slot_find(0));
}

/* Section 5.5.1, C_GetSlotList. */
static void the_list_is_asked_for_in_two_ways(void **state)
{
	CK_SLOT_ID list[4] = {77, 77, 77, 77};
	CK_ULONG count = 99;

	assert_int_equal(slot_list(NULL, &count), CKR_OK);
	assert_int_equal(count, 2);
	count = 4;
	assert_int_equal(slot_list(list, &count), CKR_OK);
	assert_int_equal(count, 2);
	assert_int_equal(list[0], 0);
	assert_int_equal(list[1], 1);
	assert_int_equal(list[2], 77);
	for (CK_ULONG room = 0; room < 2; room++) {
		list[0] = 77;
		count = room;
		assert_int_equal(slot_list(list, &count), CKR_BUFFER_TOO_SMALL);
		assert_int_equal(count, 2);
		assert_int_equal(list[0], 77);
	}
	assert_ptr_not_equal(slot_find(0), slot_find(1));
	assert_null(slot_find(2));
	assert_null(slot_find((CK_SLOT_ID)-1));
}

static void is_padded(const CK_UTF8CHAR *field, size_t size, const char *text)
{
	size_t len = strlen(text);

	assert_memory_equal(field, text, len);
	for (size_t i = len; i < size; i++)
		assert_int_equal(field[i], ' ');
}

static void fields_are_padded_with_blanks(void **state)
{
	CK_UTF8CHAR field[9] = "12345678";

	blank_padded(field, 8, "abc");
	assert_string_equal((char *)field, "abc     ");
	blank_padded(field, 8, "");
	assert_string_equal((char *)field, "        ");
	blank_padded(field, 8, "12345678");
	assert_string_equal((char *)field, "12345678");
	blank_padded(field, 8, "123456789");
	assert_string_equal((char *)field, "12345678");
}

static void slots_hold_tokens(void **state)
{
	CK_SLOT_INFO info, other;

	slot_info(slot_find(0), &info);
	slot_info(slot_find(1), &other);
	assert_int_equal(info.flags, CKF_TOKEN_PRESENT);
	is_padded(info.manufacturerID, sizeof(info.manufacturerID), "kcryptoki");
	assert_memory_not_equal(info.slotDescription, other.slotDescription,
				sizeof(info.slotDescription));
	assert_null(memchr(info.slotDescription, '\0', sizeof(info.slotDescription)));
}

static void tokens_are_ready_and_ask_for_no_pin(void **state)
{
	struct slot *slot = slot_find(0);
	CK_TOKEN_INFO info, other;

	slot->sessions = 3;
	slot->rw_sessions = 1;
	memset(&info, 0xa5, sizeof(info));
	slot_token_info(slot, &info);
	slot->sessions = slot->rw_sessions = 0;
	slot_token_info(slot_find(1), &other);
	assert_int_equal(info.flags, CKF_RNG | CKF_TOKEN_INITIALIZED | CKF_USER_PIN_INITIALIZED |
					     CKF_DUAL_CRYPTO_OPERATIONS);
	is_padded(info.label, sizeof(info.label), "kernel-user");
	is_padded(other.label, sizeof(other.label), "kernel-session");
	is_padded(info.manufacturerID, sizeof(info.manufacturerID), "kcryptoki");
	assert_memory_not_equal(info.serialNumber, other.serialNumber, sizeof(info.serialNumber));
	assert_null(memchr(info.serialNumber, '\0', sizeof(info.serialNumber)));
	assert_null(memchr(info.model, '\0', sizeof(info.model)));
	assert_null(memchr(info.utcTime, '\0', sizeof(info.utcTime)));
	assert_int_equal(info.ulMaxSessionCount, CK_EFFECTIVELY_INFINITE);
	assert_int_equal(info.ulMaxRwSessionCount, CK_EFFECTIVELY_INFINITE);
	assert_int_equal(info.ulSessionCount, 3);
	assert_int_equal(info.ulRwSessionCount, 1);
	assert_int_equal(info.ulMinPinLen, 0);
	assert_int_equal(info.ulFreePublicMemory, CK_UNAVAILABLE_INFORMATION);
}

enum { MOST = 200 };

/* Puts what the kernel itself says it has, of these families, in LIST; their number. */
static CK_ULONG bindable(unsigned int families, CK_MECHANISM_TYPE *list)
{
	CK_ULONG n = 0;

	assert_true(n_mechanisms < MOST);
	for (size_t i = 0; i < n_mechanisms; i++) {
		const char *name = mechanisms[i].kernel_name;
		int fd = name ? alg_bind(mechanisms[i].kernel_type, name) : -1;

		if ((fd >= 0 || !name) && !(mechanisms[i].family & ~families))
			list[n++] = mechanisms[i].type;
		if (fd >= 0)
			close(fd);
	}
	return n;
}

static void lists(unsigned int families)
{
	CK_MECHANISM_TYPE list[MOST], expected[MOST];
	CK_ULONG count = MOST, n = bindable(families, expected);

	assert_int_equal(slot_mechanisms(list, &count), CKR_OK);
	assert_int_equal(count, n);
	assert_memory_equal(list, expected, n * sizeof(*list));
}

static void mechanisms_that_bind_are_listed(void **state)
{
	CK_MECHANISM_TYPE list[MOST];
	CK_ULONG count = 0, n;

	lists(FAMILY_ALL);
	assert_int_equal(slot_mechanisms(NULL, &count), CKR_OK);
	assert_true(count > 30);
	n = count - 1;
	list[count - 1] = 77;
	assert_int_equal(slot_mechanisms(list, &n), CKR_BUFFER_TOO_SMALL);
	assert_int_equal(n, count);
	assert_int_equal(list[count - 1], 77);
	n = count;
	assert_int_equal(slot_mechanisms(list, &n), CKR_OK);

	mechanisms_start(FAMILY_ALL);
	fake_alg_hide("cbc(aes)", true);
	fake_alg_hide("md5", true);
	lists(FAMILY_ALL);
	n = MOST;
	assert_int_equal(slot_mechanisms(list, &n), CKR_OK);
	assert_int_equal(n, count - 4);
}

/* Of a family that nobody asked for the kernel is not even asked: that might load a module. */
static void legacy_mechanisms_are_listed_where_they_are_asked_for(void **state)
{
	CK_MECHANISM_TYPE list[MOST];
	CK_MECHANISM_INFO info;
	CK_ULONG n, plain;

	mechanisms_start(FAMILY_NONE);
	lists(FAMILY_NONE);
	plain = bindable(FAMILY_NONE, list);
	for (unsigned int family = 1; family < FAMILY_ALL; family <<= 1) {
		mechanisms_start(family);
		lists(family);
		mechanisms_start(FAMILY_ALL & ~family);
		lists(FAMILY_ALL & ~family);
	}
	mechanisms_start(FAMILY_NONE);
	fake_calls_forget();
	n = MOST;
	assert_int_equal(slot_mechanisms(list, &n), CKR_OK);
	assert_int_equal(n, plain);
	for (size_t i = 0; i < n_mechanisms; i++) {
		if (mechanisms[i].family == FAMILY_NONE)
			continue;
		fake_calls_forget();
		assert_int_equal(slot_mechanism_info(mechanisms[i].type, &info),
				 CKR_MECHANISM_INVALID);
		assert_int_equal(fake_calls("alg_bind"), 0);
	}
}

/* A short list for want of descriptors would be taken as the truth. */
static void a_list_that_cannot_be_made_is_an_error(void **state)
{
	CK_MECHANISM_TYPE list[MOST];
	CK_ULONG count = MOST;

	fake_fail("alg_bind", 5, -EMFILE);
	assert_int_equal(slot_mechanisms(list, &count), CKR_HOST_MEMORY);
	lists(FAMILY_ALL);
}

static void mechanism_info_is_the_rows(void **state)
{
	static const struct {
		CK_MECHANISM_TYPE type;
		CK_ULONG least, most;
		CK_FLAGS flags;
	} infos[] = {
		{CKM_AES_CBC, 16, 32, CKF_ENCRYPT | CKF_DECRYPT},
		{CKM_AES_CBC_PAD, 16, 32, CKF_ENCRYPT | CKF_DECRYPT | CKF_WRAP | CKF_UNWRAP},
		{CKM_AES_KEY_WRAP_KWP, 16, 32, CKF_ENCRYPT | CKF_DECRYPT | CKF_WRAP | CKF_UNWRAP},
		{CKM_AES_XTS, 32, 64, CKF_ENCRYPT | CKF_DECRYPT},
		{CKM_SHA256_HMAC, 1, 32767,
		 CKF_SIGN | CKF_VERIFY | CKF_MESSAGE_SIGN | CKF_MESSAGE_VERIFY | CKF_MULTI_MESSAGE},
		{CKM_AES_GCM, 16, 32,
		 CKF_ENCRYPT | CKF_DECRYPT | CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT |
			 CKF_MULTI_MESSAGE | CKF_WRAP | CKF_UNWRAP},
		{CKM_AES_GMAC, 16, 32, CKF_SIGN | CKF_VERIFY},
		{CKM_SHA_1, 0, 0, CKF_DIGEST},
		{CKM_HKDF_DERIVE, 1, 32767, CKF_DERIVE},
		{CKM_AES_KEY_GEN, 16, 32, CKF_GENERATE},
		{CKM_DES3_KEY_GEN, 24, 24, CKF_GENERATE},
		{CKM_SHA256_KEY_GEN, 1, 32767, CKF_GENERATE},
		/* Section 6.8: bits. */
		{CKM_GENERIC_SECRET_KEY_GEN, 8, 262136, CKF_GENERATE},
	};
	CK_MECHANISM_INFO info;

	for (size_t i = 0; i < sizeof(infos) / sizeof(*infos); i++) {
		memset(&info, 0xa5, sizeof(info));
		assert_int_equal(slot_mechanism_info(infos[i].type, &info), CKR_OK);
		assert_int_equal(info.ulMinKeySize, infos[i].least);
		assert_int_equal(info.ulMaxKeySize, infos[i].most);
		assert_int_equal(info.flags, infos[i].flags);
	}
	assert_int_equal(slot_mechanism_info(CKM_RSA_PKCS, &info), CKR_MECHANISM_INVALID);
	fake_alg_hide("sha512", true);
	assert_int_equal(slot_mechanism_info(CKM_SHA512, &info), CKR_MECHANISM_INVALID);
	fake_fail("alg_bind", 1, -ENOMEM);
	assert_int_equal(slot_mechanism_info(CKM_SHA384, &info), CKR_DEVICE_MEMORY);
}

static void each_slot_has_a_profile(void **state)
{
	struct slot *user = slot_find(0), *session = slot_find(1);
	CK_OBJECT_HANDLE first = user->profile->handle, second = session->profile->handle;
	struct object *object = object_get(user, first);

	assert_ptr_equal(object, user->profile);
	object_put(object);
	assert_int_not_equal(first, second);
	assert_null(object_get(user, second));
	assert_null(object_get(session, first));
	slots_stop();
	assert_null(user->profile);
	assert_null(object_get(user, first));
	slots_start(&config);
	assert_non_null(user->profile);
	/* A handle of before is not taken for one of now. */
	assert_null(object_get(user, first));
	assert_null(object_get(session, second));
}

static CK_ULONG objects_in(struct slot *slot)
{
	struct object **list = NULL;
	size_t count = 0;

	assert_int_equal(slot_look(slot, &list, &count), CKR_OK);
	for (size_t i = 0; i < count; i++)
		object_put(list[i]);
	free(list);
	return count;
}

static void each_slot_looks_into_its_keyring(void **state)
{
	fake_key_add(FAKE_USER_KEYRING, "logon", "pkcs11:object=a", "0123456789abcdef", 16,
		     FAKE_PERM);
	fake_key_add(FAKE_USER_KEYRING, "logon", "pkcs11:object=b", "0123456789abcdef", 16,
		     FAKE_PERM);
	fake_key_add(FAKE_SESSION_KEYRING, "logon", "pkcs11:object=c", "0123456789abcdef", 16,
		     FAKE_PERM);
	assert_int_equal(objects_in(slot_find(0)), 2);
	assert_int_equal(objects_in(slot_find(1)), 1);
	/* The alias is resolved anew each time: what it stands for can change. */
	assert_int_equal(fake_calls("keyring_resolve"), 2);
	objects_in(slot_find(1));
	assert_int_equal(fake_calls("keyring_resolve"), 3);
	fake_fail("keyring_resolve", 1, -ENOKEY);
	assert_int_equal(objects_in(slot_find(1)), 0);
	assert_int_equal(objects_in(slot_find(1)), 1);
}

static const char *said_of_sockets(int err)
{
	slots_stop();
	fake_fail("alg_probe", 1, err);
	conf_log_begin();
	slots_start(&config);
	conf_log_end();
	return conf_logged;
}

static const char *said_of_keyrings(int err)
{
	slots_start(&config);
	fake_fail("keyring_resolve", 1, err);
	conf_log_begin();
	assert_int_equal(objects_in(slot_find(0)), 0);
	conf_log_end();
	return conf_logged;
}

/* Whoever forbids leaves no trace but an error number. */
static void the_log_says_who_may_have_forbidden_it(void **state)
{
	static const int forbidden[] = {-EPERM, -EACCES};

	config_default(&config);
	mechanisms_start(FAMILY_ALL);
	for (size_t i = 0; i < 2; i++)
		assert_non_null(strstr(said_of_sockets(forbidden[i]), "(a seccomp filter forbids"));
	assert_non_null(strstr(said_of_sockets(-EAFNOSUPPORT), "RestrictAddressFamilies= lacks"));
	assert_null(strchr(said_of_sockets(-EMFILE), '('));
	assert_non_null(strstr(said_of_keyrings(-EPERM), "SystemCallFilter= lacks @keyring"));
	assert_null(strchr(said_of_keyrings(-ENOKEY), '('));
	slots_stop();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(without_af_alg_there_are_no_slots),
		TEST(a_brokers_slot_needs_its_socket_alone),
		TEST(a_shortage_is_no_answer),
		TEST(starting_costs_one_question),
		TEST(the_list_is_asked_for_in_two_ways),
		TEST(fields_are_padded_with_blanks),
		TEST(slots_hold_tokens),
		TEST(tokens_are_ready_and_ask_for_no_pin),
		TEST(mechanisms_that_bind_are_listed),
		TEST(legacy_mechanisms_are_listed_where_they_are_asked_for),
		TEST(a_list_that_cannot_be_made_is_an_error),
		TEST(mechanism_info_is_the_rows),
		TEST(each_slot_looks_into_its_keyring),
		TEST(each_slot_has_a_profile),
		cmocka_unit_test_setup_teardown(the_log_says_who_may_have_forbidden_it, conf_setup,
						conf_teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("slot", tests, NULL, NULL);
}
