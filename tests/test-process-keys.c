/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys that end or change while processes of messages go on with them. */
#include "parcels.h"

#include <errno.h>
#include <unistd.h>

/* Ways for a key to end while a process goes on with it. */
static void revoke_it(key_serial_t serial)
{
	assert_int_equal(keyctl_revoke(serial), 0);
}

static void unlink_it(key_serial_t serial)
{
	assert_int_equal(keyctl_unlink(serial, KEY_SPEC_USER_KEYRING), 0);
	belongings_wait_until_gone(serial);
}

static void invalidate(key_serial_t serial)
{
	assert_int_equal(keyctl_invalidate(serial), 0);
}

static void let_expire(key_serial_t serial)
{
	assert_int_equal(keyctl_set_timeout(serial, 1), 0);
	for (int tries = 0; tries < 300; tries++) {
		if (keyctl_get_keyring_ID(serial, 0) == -1 && errno == EKEYEXPIRED)
			return;
		usleep(10000);
	}
	guest_fail("key %d does not expire", serial);
}

/* Nobody possesses what may not be searched for: only its user can give it back. */
static void forbid(key_serial_t serial)
{
	assert_int_equal(keyctl_setperm(serial, KEY_POS_VIEW | KEY_USR_VIEW | KEY_USR_SETATTR), 0);
}

/* More than a second has gone by: a process asks for its key again. */
static void wait_a_little(void)
{
	usleep(2100000);
}

/* FROZEN: of a key that nobody may change, whose sockets are kept. */
struct end {
	const char *name;
	void (*happen)(key_serial_t serial);
	CK_RV rv;
	bool frozen;
};

static const struct end ends[] = {
	{"revoked", revoke_it, CKR_KEY_HANDLE_INVALID, false},
	{"expired", let_expire, CKR_KEY_HANDLE_INVALID, false},
	{"unlinked", unlink_it, CKR_KEY_HANDLE_INVALID, false},
	{"unlinked, constant", unlink_it, CKR_KEY_HANDLE_INVALID, true},
	{"invalidated", invalidate, CKR_KEY_HANDLE_INVALID, false},
	{"invalidated, constant", invalidate, CKR_KEY_HANDLE_INVALID, true},
	{"forbidden", forbid, CKR_KEY_FUNCTION_NOT_PERMITTED, false},
};

static void test_key_ends(void **state)
{
	static struct parcel parcels[PROCESSES];
	CK_SESSION_HANDLE session, busy;

	parcel_need();
	session = guest_session();
	busy = guest_session();
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		struct token_key key =
			guest_key(session, "aes", parcel_key, sizeof(parcel_key), ends[i].frozen);

		print_message("# %s\n", ends[i].name);
		parcel_init_all(session, key.object);
		parcel_init_all(busy, key.object);
		parcel_send_all(session, parcel_key, CKR_OK);
		for (enum process kind = ENCRYPT; kind < PROCESSES; kind++) {
			if (!parcel_has(kind))
				continue;
			parcel_pack(&parcels[kind], kind, parcel_key, PARCEL_MAX, i);
			GUEST_RV(parcel_begin(busy, &parcels[kind]), CKR_OK);
			GUEST_RV(parcel_next(busy, &parcels[kind], 0, 1001), CKR_OK);
		}
		ends[i].happen(key.serial);
		wait_a_little();
		parcel_send_all(session, parcel_key, ends[i].rv);
		parcel_send_all(session, parcel_key, ends[i].rv);
		/* A message that was under way is finished, and it was the last one. */
		for (enum process kind = ENCRYPT; kind < PROCESSES; kind++) {
			if (!parcel_has(kind))
				continue;
			GUEST_RV(parcel_next(busy, &parcels[kind], 1001, PARCEL_MAX), CKR_OK);
			assert_true(parcel_arrived(&parcels[kind]));
		}
		parcel_send_all(busy, parcel_key, ends[i].rv);
		parcel_final_all(session);
		parcel_final_all(busy);
		for (enum process kind = ENCRYPT; kind < PROCESSES; kind++)
			if (parcel_has(kind))
				GUEST_RV(parcel_init(session, kind, key.object), ends[i].rv);
		token_key_drop(&key);
	}
	GUEST_RV(token.f->C_CloseSession(busy), CKR_OK);
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

/* A key that stays does so for each time that it is asked for; one that is forbidden may come back.
 */
static void test_key_stays(void **state)
{
	CK_SESSION_HANDLE session;

	parcel_need();
	session = guest_session();
	for (int frozen = 0; frozen <= 1; frozen++) {
		struct token_key key =
			guest_key(session, "aes", parcel_key, sizeof(parcel_key), frozen);

		parcel_init_all(session, key.object);
		for (int times = 0; times < 3; times++) {
			parcel_send_all(session, parcel_key, CKR_OK);
			wait_a_little();
		}
		if (!frozen) {
			forbid(key.serial);
			parcel_send_all(session, parcel_key, CKR_KEY_FUNCTION_NOT_PERMITTED);
			assert_int_equal(keyctl_setperm(key.serial, KEY_POS_ALL | KEY_USR_VIEW), 0);
		}
		parcel_send_all(session, parcel_key, CKR_OK);
		parcel_final_all(session);
		token_key_drop(&key);
	}
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

/* The next process has the new bytes at once; one that goes on, after two seconds. */
static void test_key_updated(void **state)
{
	CK_SESSION_HANDLE old, new;
	struct token_key key;

	parcel_need();
	old = guest_session();
	new = guest_session();
	key = guest_key(old, "aes", parcel_key, sizeof(parcel_key), false);
	parcel_init_all(old, key.object);
	parcel_send_all(old, parcel_key, CKR_OK);
	GUEST_OK(token_key_update(&token, &key, parcel_other_key, sizeof(parcel_other_key)));
	parcel_init_all(new, key.object);
	parcel_send_all(new, parcel_other_key, CKR_OK);
	wait_a_little();
	parcel_send_all(new, parcel_other_key, CKR_OK);
	parcel_send_all(old, parcel_other_key, CKR_OK);
	parcel_final_all(old);
	parcel_init_all(old, key.object);
	parcel_send_all(old, parcel_other_key, CKR_OK);
	GUEST_OK(token_key_update(&token, &key, parcel_key, sizeof(parcel_key)));
	parcel_final_all(new);
	parcel_init_all(new, key.object);
	parcel_send_all(new, parcel_key, CKR_OK);
	token_key_drop(&key);
	GUEST_RV(token.f->C_CloseSession(old), CKR_OK);
	GUEST_RV(token.f->C_CloseSession(new), CKR_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key_ends),
		cmocka_unit_test(test_key_stays),
		cmocka_unit_test(test_key_updated),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, parcel_setup, guest_teardown);
}
