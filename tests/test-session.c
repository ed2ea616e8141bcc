/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake-kernel.h"
#include "pkcs11-parameters.h"
#include "token/module.h"
#include "token/session.h"

static struct slot *slot, *other_slot;

static int setup(void **state)
{
	fake_reset();
	if (module_start(NULL) != CKR_OK)
		return -1;
	slot = slot_find(0);
	other_slot = slot_find(1);
	return slot && other_slot ? 0 : -1;
}

static int teardown(void **state)
{
	return module_stop() != CKR_OK || fake_open_sockets() ? -1 : 0;
}

static CK_SESSION_HANDLE open_in(struct slot *where, bool rw)
{
	CK_SESSION_HANDLE handle = 0;

	assert_int_equal(
		session_open(where, CKF_SERIAL_SESSION | (rw ? CKF_RW_SESSION : 0), &handle),
		CKR_OK);
	assert_int_not_equal(handle, CK_INVALID_HANDLE);
	return handle;
}

static CK_STATE state_of(CK_SESSION_HANDLE handle)
{
	struct session *session;
	CK_SESSION_INFO info;

	assert_int_equal(session_enter(handle, &session), CKR_OK);
	session_info(session, &info);
	assert_int_equal(session_leave(session, CKR_OK), CKR_OK);
	return info.state;
}

static CK_RV login(CK_SESSION_HANDLE handle, CK_USER_TYPE user)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);

	return rv == CKR_OK ? session_leave(session, session_login(session, user)) : rv;
}

static CK_RV logout(CK_SESSION_HANDLE handle)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);

	return rv == CKR_OK ? session_leave(session, session_logout(session)) : rv;
}

static CK_RV begin(CK_SESSION_HANDLE handle, enum operation_kind kind,
		   const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);

	return rv == CKR_OK ? session_leave(session, session_begin(session, kind, mechanism, key))
			    : rv;
}

static CK_RV begin_messages(CK_SESSION_HANDLE handle, enum operation_kind kind,
			    const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	struct session *session;
	CK_RV rv = session_enter(handle, &session);

	return rv == CKR_OK ? session_leave(session,
					    session_begin_messages(session, kind, mechanism, key))
			    : rv;
}

static bool busy(CK_SESSION_HANDLE handle)
{
	struct session *session;
	bool is;

	assert_int_equal(session_enter(handle, &session), CKR_OK);
	is = session_busy(session);
	session_leave(session, CKR_OK);
	return is;
}

static void a_session_is_what_it_was_opened_as(void **state)
{
	CK_SESSION_HANDLE ro = open_in(slot, false), rw = open_in(other_slot, true);
	struct session *session;
	CK_SESSION_INFO info;

	assert_int_not_equal(ro, rw);
	assert_int_equal(session_enter(ro, &session), CKR_OK);
	session_info(session, &info);
	session_leave(session, CKR_OK);
	assert_int_equal(info.slotID, 0);
	assert_int_equal(info.flags, CKF_SERIAL_SESSION);
	assert_int_equal(info.state, CKS_RO_PUBLIC_SESSION);
	assert_int_equal(info.ulDeviceError, 0);
	assert_int_equal(session_enter(rw, &session), CKR_OK);
	session_info(session, &info);
	/* What the caller makes of it is passed on. */
	assert_int_equal(session_leave(session, CKR_DATA_INVALID), CKR_DATA_INVALID);
	assert_int_equal(info.slotID, 1);
	assert_int_equal(info.flags, CKF_SERIAL_SESSION | CKF_RW_SESSION);
	assert_int_equal(info.state, CKS_RW_PUBLIC_SESSION);
}

static void a_closed_session_is_gone(void **state)
{
	CK_SESSION_HANDLE handle = open_in(slot, true);
	struct session *session;

	assert_int_equal(session_close(handle), CKR_OK);
	assert_int_equal(session_close(handle), CKR_SESSION_HANDLE_INVALID);
	assert_int_equal(session_enter(handle, &session), CKR_SESSION_HANDLE_INVALID);
	assert_int_equal(session_enter(CK_INVALID_HANDLE, &session), CKR_SESSION_HANDLE_INVALID);
	assert_int_equal(session_close(CK_INVALID_HANDLE), CKR_SESSION_HANDLE_INVALID);
	assert_int_not_equal(open_in(slot, true), handle);
}

static void sessions_are_counted(void **state)
{
	CK_SESSION_HANDLE ro = open_in(slot, false), rw = open_in(slot, true);

	open_in(other_slot, true);
	assert_int_equal(slot->sessions, 2);
	assert_int_equal(slot->rw_sessions, 1);
	session_close(rw);
	assert_int_equal(slot->sessions, 1);
	assert_int_equal(slot->rw_sessions, 0);
	session_close(ro);
	assert_int_equal(slot->sessions, 0);
	assert_int_equal(other_slot->sessions, 1);
}

/* PKCS#11 3.0, section 5.6.8, and the states of section 5.6. */
static void a_user_logs_in_for_all_sessions_of_the_slot(void **state)
{
	CK_SESSION_HANDLE ro = open_in(slot, false), rw = open_in(slot, true);
	CK_SESSION_HANDLE elsewhere = open_in(other_slot, true), later;

	assert_int_equal(logout(ro), CKR_USER_NOT_LOGGED_IN);
	assert_int_equal(login(ro, CKU_USER), CKR_OK);
	assert_int_equal(state_of(ro), CKS_RO_USER_FUNCTIONS);
	assert_int_equal(state_of(rw), CKS_RW_USER_FUNCTIONS);
	assert_int_equal(state_of(elsewhere), CKS_RW_PUBLIC_SESSION);
	later = open_in(slot, false);
	assert_int_equal(state_of(later), CKS_RO_USER_FUNCTIONS);
	assert_int_equal(login(rw, CKU_USER), CKR_USER_ALREADY_LOGGED_IN);
	assert_int_equal(login(rw, CKU_SO), CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
	assert_int_equal(logout(later), CKR_OK);
	assert_int_equal(state_of(ro), CKS_RO_PUBLIC_SESSION);
	assert_int_equal(state_of(rw), CKS_RW_PUBLIC_SESSION);
	assert_int_equal(logout(later), CKR_USER_NOT_LOGGED_IN);
	assert_int_equal(login(ro, CKU_USER), CKR_OK);
}

static void a_security_officer_has_read_write_sessions_only(void **state)
{
	CK_SESSION_HANDLE ro = open_in(slot, false), rw = open_in(slot, true), refused = 77;

	assert_int_equal(login(rw, CKU_SO), CKR_SESSION_READ_ONLY_EXISTS);
	assert_int_equal(login(ro, CKU_SO), CKR_SESSION_READ_ONLY_EXISTS);
	session_close(ro);
	assert_int_equal(login(rw, CKU_SO), CKR_OK);
	assert_int_equal(state_of(rw), CKS_RW_SO_FUNCTIONS);
	assert_int_equal(login(rw, CKU_SO), CKR_USER_ALREADY_LOGGED_IN);
	assert_int_equal(login(rw, CKU_USER), CKR_USER_ANOTHER_ALREADY_LOGGED_IN);
	assert_int_equal(session_open(slot, CKF_SERIAL_SESSION, &refused),
			 CKR_SESSION_READ_WRITE_SO_EXISTS);
	assert_int_equal(refused, 77);
	assert_int_equal(slot->sessions, 1);
	open_in(slot, true);
	assert_int_equal(logout(rw), CKR_OK);
	open_in(slot, false);
}

static void other_users_do_not_exist(void **state)
{
	CK_SESSION_HANDLE handle = open_in(slot, true);

	assert_int_equal(login(handle, CKU_CONTEXT_SPECIFIC), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(login(handle, 3), CKR_USER_TYPE_INVALID);
	assert_int_equal(login(handle, (CK_USER_TYPE)-1), CKR_USER_TYPE_INVALID);
	assert_int_equal(state_of(handle), CKS_RW_PUBLIC_SESSION);
}

static void the_last_session_logs_out(void **state)
{
	CK_SESSION_HANDLE first = open_in(slot, true), second = open_in(slot, true);

	assert_int_equal(login(first, CKU_USER), CKR_OK);
	session_close(first);
	assert_int_equal(state_of(second), CKS_RW_USER_FUNCTIONS);
	session_close(second);
	assert_int_equal(state_of(open_in(slot, true)), CKS_RW_PUBLIC_SESSION);
}

static void closing_all_sessions_logs_out_and_spares_other_slots(void **state)
{
	CK_SESSION_HANDLE one = open_in(slot, true), two = open_in(slot, false);
	CK_SESSION_HANDLE elsewhere = open_in(other_slot, true);
	struct session *session;

	assert_int_equal(login(one, CKU_USER), CKR_OK);
	assert_int_equal(login(elsewhere, CKU_USER), CKR_OK);
	sessions_close(slot);
	assert_int_equal(session_enter(one, &session), CKR_SESSION_HANDLE_INVALID);
	assert_int_equal(session_enter(two, &session), CKR_SESSION_HANDLE_INVALID);
	assert_int_equal(state_of(elsewhere), CKS_RW_USER_FUNCTIONS);
	assert_int_equal(state_of(open_in(slot, true)), CKS_RW_PUBLIC_SESSION);
	sessions_close(NULL);
	assert_int_equal(session_enter(elsewhere, &session), CKR_SESSION_HANDLE_INVALID);
	assert_int_equal(slot->sessions + other_slot->sessions, 0);
}

static void closing_frees_what_operations_held(void **state)
{
	static const CK_BYTE block[64];
	CK_MECHANISM sha256 = {CKM_SHA256, NULL, 0};
	CK_SESSION_HANDLE handle = open_in(slot, true);
	struct session *session;

	assert_int_equal(begin(handle, OPERATION_DIGEST, &sha256, 0), CKR_OK);
	assert_int_equal(session_enter(handle, &session), CKR_OK);
	assert_int_equal(search_begin(&session->search, slot, NULL, 0), CKR_OK);
	assert_int_equal(operation_run(&session->operations[OPERATION_DIGEST], OPERATION_NEXT,
				       block, sizeof(block), NULL, NULL),
			 CKR_OK);
	session_leave(session, CKR_OK);
	assert_int_equal(fake_open_sockets(), 1);
	session_close(handle);
	/* It was in mid-message: nobody may have that socket again. */
	assert_int_equal(fake_open_sockets(), 0);
}

static CK_OBJECT_HANDLE add_key(const char *type, const char *description, size_t len,
				uint32_t perm, int32_t *serial)
{
	static const uint8_t payload[64];
	struct object **list = NULL;
	CK_OBJECT_HANDLE handle = 0;
	size_t count = 0;

	*serial = fake_key_add(FAKE_USER_KEYRING, type, description, payload, len, perm);
	assert_int_equal(slot_look(slot, &list, &count), CKR_OK);
	for (size_t i = 0; i < count; i++) {
		if (list[i]->key->serial == *serial)
			handle = list[i]->handle;
		object_put(list[i]);
	}
	free(list);
	return handle;
}

static void a_key_must_fit_its_use(void **state)
{
	CK_MECHANISM ecb = {CKM_AES_ECB, NULL, 0}, hmac = {CKM_SHA256_HMAC, NULL, 0};
	CK_SESSION_HANDLE handle = open_in(slot, false), elsewhere = open_in(other_slot, false);
	int32_t serial;
	CK_OBJECT_HANDLE aes = add_key("logon", "pkcs11:object=a", 16, FAKE_PERM, &serial);
	CK_OBJECT_HANDLE generic = add_key("logon", "pkcs11:object=g", 20, FAKE_PERM, &serial);
	CK_OBJECT_HANDLE signs =
		add_key("logon", "pkcs11:object=s?x-usage=sign", 20, FAKE_PERM, &serial);
	CK_OBJECT_HANDLE odd =
		add_key("logon", "pkcs11:object=o?x-key-type=aes", 17, FAKE_PERM, &serial);

	assert_int_equal(begin(handle, OPERATION_ENCRYPT, &ecb, aes), CKR_OK);
	assert_int_equal(begin(handle, OPERATION_DECRYPT, &ecb, generic),
			 CKR_KEY_TYPE_INCONSISTENT);
	assert_int_equal(begin(handle, OPERATION_SIGN, &hmac, aes), CKR_KEY_TYPE_INCONSISTENT);
	assert_int_equal(begin(handle, OPERATION_DECRYPT, &ecb, odd), CKR_KEY_SIZE_RANGE);
	assert_int_equal(begin(handle, OPERATION_SIGN, &hmac, signs), CKR_OK);
	assert_int_equal(begin(handle, OPERATION_VERIFY, &hmac, signs),
			 CKR_KEY_FUNCTION_NOT_PERMITTED);
	assert_int_equal(begin(handle, OPERATION_VERIFY, &hmac, generic), CKR_OK);
	assert_int_equal(begin(handle, OPERATION_DECRYPT, &ecb, CK_INVALID_HANDLE),
			 CKR_KEY_HANDLE_INVALID);
	assert_int_equal(begin(handle, OPERATION_DECRYPT, &ecb, aes + 12345),
			 CKR_KEY_HANDLE_INVALID);
	/* Another slot's key is not this one's. */
	assert_int_equal(begin(elsewhere, OPERATION_DECRYPT, &ecb, aes), CKR_KEY_HANDLE_INVALID);
}

static void a_key_that_is_gone_or_forbidden_says_so(void **state)
{
	static const uint32_t perms[] = {FAKE_PERM, FAKE_PERM_CONSTANT};
	CK_MECHANISM ecb = {CKM_AES_ECB, NULL, 0};
	CK_SESSION_HANDLE handle = open_in(slot, false);

	for (size_t i = 0; i < 2; i++) {
		int32_t serial;
		CK_OBJECT_HANDLE key = add_key("logon", "pkcs11:object=a", 16, perms[i], &serial);

		assert_int_equal(begin(handle, OPERATION_ENCRYPT, &ecb, key), CKR_OK);
		assert_int_equal(begin(handle, OPERATION_ENCRYPT, NULL, 0), CKR_OK);
		fake_key_set_perm(serial, 0x01010000);
		assert_int_equal(begin(handle, OPERATION_ENCRYPT, &ecb, key),
				 CKR_KEY_FUNCTION_NOT_PERMITTED);
		fake_key_set_perm(serial, perms[i]);
		fake_key_expire(serial);
		assert_int_equal(begin(handle, OPERATION_ENCRYPT, &ecb, key),
				 CKR_KEY_HANDLE_INVALID);
		fake_key_unlink(serial);
		assert_int_equal(begin(handle, OPERATION_ENCRYPT, &ecb, key),
				 CKR_KEY_HANDLE_INVALID);
	}
}

static void mechanisms_are_checked(void **state)
{
	CK_MECHANISM sha256 = {CKM_SHA256, NULL, 0}, ecb = {CKM_AES_ECB, NULL, 0},
		     rsa = {CKM_RSA_PKCS, NULL, 0};
	CK_SESSION_HANDLE handle = open_in(slot, false);

	assert_int_equal(begin(handle, OPERATION_DIGEST, &rsa, 0), CKR_MECHANISM_INVALID);
	assert_int_equal(begin(handle, OPERATION_DIGEST, &ecb, 0), CKR_MECHANISM_INVALID);
	assert_int_equal(begin(handle, OPERATION_SIGN, &sha256, 0), CKR_MECHANISM_INVALID);
	assert_int_equal(begin(handle, OPERATION_SIGN, &ecb, 0), CKR_MECHANISM_INVALID);
	assert_int_equal(fake_calls("alg_bind"), 0);
	fake_alg_hide("sha256", true);
	assert_int_equal(begin(handle, OPERATION_DIGEST, &sha256, 0), CKR_MECHANISM_INVALID);
	fake_fail("alg_bind", 1, -EMFILE);
	sha256.mechanism = CKM_SHA384;
	assert_int_equal(begin(handle, OPERATION_DIGEST, &sha256, 0), CKR_HOST_MEMORY);
	assert_int_equal(begin(handle, OPERATION_DIGEST, &sha256, 0), CKR_OK);
	assert_int_equal(begin(handle, OPERATION_DIGEST, &sha256, 0), CKR_OPERATION_ACTIVE);
	/* NULL cancels; and cancels nothing where there is nothing. */
	assert_int_equal(begin(handle, OPERATION_DIGEST, NULL, 0), CKR_OK);
	assert_int_equal(begin(handle, OPERATION_DIGEST, NULL, 0), CKR_OK);
	assert_int_equal(begin(handle, OPERATION_DIGEST, &sha256, 0), CKR_OK);
}

/* A search is no cryptographic operation. */
static void operations_and_processes_make_a_session_busy(void **state)
{
	CK_MECHANISM sha256 = {CKM_SHA256, NULL, 0}, hmac = {CKM_SHA256_HMAC, NULL, 0};
	CK_SESSION_HANDLE handle = open_in(slot, false);
	struct session *session;
	int32_t serial;
	CK_OBJECT_HANDLE key = add_key("logon", "pkcs11:object=g", 20, FAKE_PERM, &serial);

	assert_false(busy(handle));
	assert_int_equal(begin(handle, OPERATION_DIGEST, &sha256, 0), CKR_OK);
	assert_true(busy(handle));
	assert_int_equal(begin(handle, OPERATION_DIGEST, NULL, 0), CKR_OK);
	assert_false(busy(handle));
	assert_int_equal(begin_messages(handle, OPERATION_VERIFY, &hmac, key), CKR_OK);
	assert_true(busy(handle));
	assert_int_equal(session_enter(handle, &session), CKR_OK);
	assert_int_equal(session_end_messages(session, OPERATION_VERIFY), CKR_OK);
	assert_int_equal(session_end_messages(session, OPERATION_VERIFY),
			 CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(search_begin(&session->search, slot, NULL, 0), CKR_OK);
	session_leave(session, CKR_OK);
	assert_false(busy(handle));
}

static void look(void)
{
	struct object **list = NULL;
	size_t count = 0;

	assert_int_equal(slot_look(slot, &list, &count), CKR_OK);
	while (count)
		object_put(list[--count]);
	free(list);
}

/* The key leaves the keyring, and its object the token, while messages are still being made: a
 * socket that is armed serves on for a while, and a new one asks for the key that was. */
static void a_process_outlives_the_handle_of_its_key(void **state)
{
	static const uint8_t zeros[16];
	uint8_t iv[12] = {0}, tag[16], out[64], expected[80];
	struct gcm_message_params parameter = {.iv = iv, .iv_len = 12, .tag = tag, .tag_bits = 128};
	const struct message_terms terms = {&parameter, sizeof(parameter), NULL, 0};
	CK_MECHANISM gcm = {CKM_AES_GCM, NULL, 0};
	CK_SESSION_HANDLE handle = open_in(slot, false);
	CK_ULONG len = sizeof(out);
	struct session *session;
	struct message *message;
	int32_t serial;
	CK_OBJECT_HANDLE key = add_key("logon", "pkcs11:object=a", 16, FAKE_PERM_CONSTANT, &serial);

	assert_int_equal(begin_messages(handle, OPERATION_ENCRYPT, &gcm, key), CKR_OK);
	fake_key_unlink(serial);
	look();
	assert_null(object_get(slot, key));
	assert_int_equal(session_enter(handle, &session), CKR_OK);
	message = &session->processes[OPERATION_ENCRYPT].message;
	assert_int_equal(message_whole(message, &terms, (const CK_BYTE *)"abc", 3, out, &len),
			 CKR_OK);
	fake_seal("gcm(aes)", zeros, 16, iv, NULL, 0, (const uint8_t *)"abc", 3, 16, expected);
	assert_memory_equal(out, expected, 3);
	assert_memory_equal(tag, expected + 3, 16);
	/* Another size of tag takes another socket. */
	parameter.tag_bits = 96;
	len = sizeof(out);
	assert_int_equal(message_whole(message, &terms, (const CK_BYTE *)"abc", 3, out, &len),
			 CKR_KEY_HANDLE_INVALID);
	session_leave(session, CKR_OK);
	assert_int_equal(session_close(handle), CKR_OK);
	assert_int_equal(fake_open_sockets(), 0);
}

/* Each kind, in the middle of a message. The sanitizer sees what is not given back. */
static void closing_frees_what_processes_held(void **state)
{
	CK_MECHANISM gcm = {CKM_AES_GCM, NULL, 0}, hmac = {CKM_SHA256_HMAC, NULL, 0};
	CK_SESSION_HANDLE handle = open_in(slot, false);
	uint8_t iv[12] = {0}, tag[16] = {0}, aad[40] = {0}, text[100] = {0};
	struct gcm_message_params parameter = {.iv = iv, .iv_len = 12, .tag = tag, .tag_bits = 128};
	const struct message_terms terms = {&parameter, sizeof(parameter), aad, sizeof(aad)},
				   none = {0};
	struct session *session;
	int32_t serial;
	CK_OBJECT_HANDLE aes = add_key("logon", "pkcs11:object=a", 16, FAKE_PERM_CONSTANT, &serial);
	CK_OBJECT_HANDLE key = add_key("logon", "pkcs11:object=g", 20, FAKE_PERM_CONSTANT, &serial);
	static const enum operation_kind kinds[] = {OPERATION_ENCRYPT, OPERATION_DECRYPT,
						    OPERATION_SIGN, OPERATION_VERIFY};

	for (size_t i = 0; i < 4; i++)
		assert_int_equal(
			begin_messages(handle, kinds[i], i < 2 ? &gcm : &hmac, i < 2 ? aes : key),
			CKR_OK);
	assert_int_equal(session_enter(handle, &session), CKR_OK);
	for (size_t i = 0; i < 4; i++) {
		struct message *message = &session->processes[kinds[i]].message;
		CK_ULONG len = 0;

		assert_int_equal(message_begin(message, i < 2 ? &terms : &none), CKR_OK);
		assert_int_equal(message_next(message, OPERATION_NEXT, i < 2 ? &terms : &none, text,
					      sizeof(text), i < 2 ? text : NULL,
					      i < 2 ? &len : NULL),
				 CKR_OK);
	}
	session_leave(session, CKR_OK);
	assert_int_equal(fake_open_sockets(), 4);
	session_close(handle);
	/* The MACs were begun in the kernel: nobody may have those sockets again. */
	assert_int_equal(fake_open_sockets(), 2);
}

static void mechanisms_of_processes_are_checked(void **state)
{
	CK_MECHANISM ecb = {CKM_AES_ECB, NULL, 0}, gcm = {CKM_AES_GCM, NULL, 0},
		     rsa = {CKM_RSA_PKCS, NULL, 0};
	CK_SESSION_HANDLE handle = open_in(slot, false);
	int32_t serial;
	CK_OBJECT_HANDLE key = add_key("logon", "pkcs11:object=a", 16, FAKE_PERM, &serial);

	fake_calls_forget();
	assert_int_equal(begin_messages(handle, OPERATION_ENCRYPT, &rsa, key),
			 CKR_MECHANISM_INVALID);
	assert_int_equal(begin_messages(handle, OPERATION_ENCRYPT, &ecb, key),
			 CKR_MECHANISM_INVALID);
	assert_int_equal(begin_messages(handle, OPERATION_SIGN, &gcm, key), CKR_MECHANISM_INVALID);
	assert_int_equal(fake_calls("alg_bind"), 0);
	fake_fail("alg_bind", 1, -EMFILE);
	assert_int_equal(begin_messages(handle, OPERATION_ENCRYPT, &gcm, key), CKR_HOST_MEMORY);
	/* The socket cannot be armed: nothing has begun. */
	fake_fail("alg_set_key_serial", 1, -ENOMEM);
	assert_int_equal(begin_messages(handle, OPERATION_ENCRYPT, &gcm, key), CKR_DEVICE_MEMORY);
	assert_false(busy(handle));
	assert_int_equal(begin_messages(handle, OPERATION_ENCRYPT, &gcm, key), CKR_OK);
	assert_int_equal(begin_messages(handle, OPERATION_ENCRYPT, &gcm, key),
			 CKR_OPERATION_ACTIVE);
	fake_alg_hide("hmac(sha256)", true);
	assert_int_equal(begin_messages(handle, OPERATION_SIGN,
					&(CK_MECHANISM){CKM_SHA256_HMAC, NULL, 0}, key),
			 CKR_MECHANISM_INVALID);
}

static void nothing_opens_after_the_end(void **state)
{
	CK_SESSION_HANDLE handle = open_in(slot, true), refused = 77;
	struct session *session;

	assert_int_equal(module_stop(), CKR_OK);
	assert_int_equal(C_OpenSession(slot->id, CKF_SERIAL_SESSION, NULL, NULL, &refused),
			 CKR_CRYPTOKI_NOT_INITIALIZED);
	assert_int_equal(session_enter(handle, &session), CKR_CRYPTOKI_NOT_INITIALIZED);
	assert_int_equal(session_close(handle), CKR_CRYPTOKI_NOT_INITIALIZED);
	assert_int_equal(module_start(NULL), CKR_OK);
	assert_int_equal(session_enter(handle, &session), CKR_SESSION_HANDLE_INVALID);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_session_is_what_it_was_opened_as),
		TEST(a_closed_session_is_gone),
		TEST(sessions_are_counted),
		TEST(a_user_logs_in_for_all_sessions_of_the_slot),
		TEST(a_security_officer_has_read_write_sessions_only),
		TEST(other_users_do_not_exist),
		TEST(the_last_session_logs_out),
		TEST(closing_all_sessions_logs_out_and_spares_other_slots),
		TEST(closing_frees_what_operations_held),
		TEST(a_key_must_fit_its_use),
		TEST(a_key_that_is_gone_or_forbidden_says_so),
		TEST(mechanisms_are_checked),
		TEST(operations_and_processes_make_a_session_busy),
		TEST(a_process_outlives_the_handle_of_its_key),
		TEST(closing_frees_what_processes_held),
		TEST(mechanisms_of_processes_are_checked),
		TEST(nothing_opens_after_the_end),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
