/* SPDX-License-Identifier: BSD-2-Clause */
/* What a search costs in a keyring of 2,000 keys, counted in system calls; and handles, while keys
 * come and go between searches. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "made.h"
#include "trace.h"

#define KEYS 2000
#define MORE 3

static key_serial_t serials[KEYS + MORE];
static CK_OBJECT_HANDLE handles[KEYS + MORE + 1];

static void need_room(void)
{
	guest_need_keys();
	if (getuid() != 0)
		guest_skip("a plain user's quota has no room for %d keys", KEYS);
}

static key_serial_t put(size_t number)
{
	char description[64];
	key_serial_t serial;

	snprintf(description, sizeof(description), "pkcs11:object=many-%zu?x-key-type=aes", number);
	serial = add_key(token.keyring_type, description, "sixteen bytes...", 16,
			 KEY_SPEC_USER_KEYRING);
	if (serial < 0)
		guest_fail("key %zu is not added: %s", number, strerror(errno));
	return serial;
}

static void put_all(void)
{
	for (size_t i = 0; i < KEYS; i++)
		serials[i] = put(i);
}

static void drop_all(void)
{
	for (size_t i = 0; i < KEYS + MORE; i++) {
		if (serials[i])
			keyctl_unlink(serials[i], KEY_SPEC_USER_KEYRING);
		serials[i] = 0;
	}
}

/* All keys there are, or those with a label. */
static CK_ULONG search(CK_SESSION_HANDLE session, const char *label)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof(class)},
				   {CKA_LABEL, (void *)label, label ? strlen(label) : 0}};
	CK_ULONG count = 0;

	if (token.f->C_FindObjectsInit(session, template, label ? 2 : 1) != CKR_OK ||
	    token.f->C_FindObjects(session, handles, KEYS + MORE + 1, &count) != CKR_OK ||
	    token.f->C_FindObjectsFinal(session) != CKR_OK)
		return CK_UNAVAILABLE_INFORMATION;
	return count;
}

enum { OUTSIDE, FIRST, SECOND, LABELLED, ONE_MORE, STEPS };

static struct trace_step steps[STEPS];

static int search_as(size_t step, CK_SESSION_HANDLE session, const char *label, CK_ULONG expected)
{
	CK_ULONG count;

	trace_mark(step);
	count = search(session, label);
	trace_mark(OUTSIDE);
	if (count == expected)
		return 0;
	print_message("# %lu keys are found instead of %lu\n", count, expected);
	return -1;
}

/* A process of its own, which has seen none of the keys. */
static int work(void)
{
	CK_SESSION_HANDLE session;
	key_serial_t more;
	int result;

	if (token_start(&token) != 0 || token_session(&token, 0, &session) != 0)
		return -1;
	/* What a process asks once, and possession, which each thread needs once: of a key that the
	 * searches below have no part in. */
	if (search(session, "none") != 0 || token.f->C_Finalize(NULL) != CKR_OK)
		return -1;
	if (token_start(&token) != 0 || token_session(&token, 0, &session) != 0)
		return -1;
	result = search_as(FIRST, session, NULL, KEYS);
	result |= search_as(SECOND, session, NULL, KEYS);
	result |= search_as(LABELLED, session, "many-1234", 1);
	more = put(KEYS);
	result |= search_as(ONE_MORE, session, "many-1234", 1);
	keyctl_unlink(more, KEY_SPEC_USER_KEYRING);
	return result;
}

static bool report(size_t step, const char *name, unsigned long keyctl, bool passes)
{
	unsigned long opened = steps[step].of[SYS_openat] + steps[step].of[SYS_open];

	print_message("# %s: %lu system calls: keyctl %lu, open %lu, read %lu\n", name,
		      steps[step].calls, steps[step].of[SYS_keyctl], opened,
		      steps[step].of[SYS_read]);
	if (steps[step].of[SYS_keyctl] == keyctl && opened == passes)
		return true;
	print_message("# expected: keyctl %lu, open %d\n", keyctl, passes);
	trace_explain(&steps[step]);
	return false;
}

static void test_cost(void **state)
{
	/* To resolve the keyring, and to read it. */
	const unsigned long look = 2;
	bool right = true;

	need_room();
	put_all();
	if (trace_run(work, steps, STEPS, NULL) != 0)
		guest_fail("the searches fail");
	right &= report(FIRST, "the first search", look + 2 * KEYS, true);
	right &= report(SECOND, "the second search", look + KEYS, false);
	right &= report(LABELLED, "a search for a label", look + 1, false);
	right &= report(ONE_MORE, "the same, with one key more", look + 2, true);
	drop_all();
	assert_true(right);
}

static CK_OBJECT_HANDLE labelled(CK_SESSION_HANDLE session, size_t number)
{
	char label[32];
	CK_ULONG count;

	snprintf(label, sizeof(label), "many-%zu", number);
	count = search(session, label);
	assert_in_range(count, 0, 1);
	return count ? handles[0] : 0;
}

static void wait_for(key_serial_t serial, int error)
{
	for (int tries = 0; tries < 300; tries++) {
		if (keyctl_get_keyring_ID(serial, 0) == -1 && errno == error)
			return;
		usleep(10000);
	}
	guest_fail("key %d does not end", serial);
}

static void test_handles(void **state)
{
	static CK_OBJECT_HANDLE first[KEYS];
	CK_SESSION_HANDLE session;

	need_room();
	put_all();
	session = guest_session();
	assert_int_equal(search(session, NULL), KEYS);
	for (size_t i = 0; i < KEYS; i += 100)
		first[i] = labelled(session, i);
	/* Some go, each in its way, and some come. */
	assert_int_equal(keyctl_unlink(serials[1], KEY_SPEC_USER_KEYRING), 0);
	assert_int_equal(keyctl_revoke(serials[2]), 0);
	assert_int_equal(keyctl_set_timeout(serials[3], 1), 0);
	assert_int_equal(keyctl_invalidate(serials[4]), 0);
	wait_for(serials[3], EKEYEXPIRED);
	for (size_t i = KEYS; i < KEYS + MORE; i++)
		serials[i] = put(i);
	assert_int_equal(search(session, NULL), KEYS - 4 + MORE);
	for (size_t i = 1; i <= 4; i++)
		assert_int_equal(labelled(session, i), 0);
	for (size_t i = 0; i < KEYS; i += 100) {
		assert_int_not_equal(first[i], 0);
		assert_int_equal(labelled(session, i), first[i]);
		GUEST_OK(made_works(&token, session, first[i],
				    (const unsigned char *)"sixteen bytes...", 16));
	}
	for (size_t i = KEYS; i < KEYS + MORE; i++)
		GUEST_OK(made_works(&token, session, labelled(session, i),
				    (const unsigned char *)"sixteen bytes...", 16));
	/* One that comes back under its name is another one. */
	serials[1] = put(1);
	assert_int_not_equal(labelled(session, 1), 0);
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
	drop_all();
}

/* Keys that are none of the token's, more than one read is offered room for; and a description that
 * is longer than most. */
static void test_large(void **state)
{
	enum { OTHERS = 4200, LABEL = 1500 };
	static key_serial_t others[OTHERS];
	static char label[LABEL + 1], description[LABEL + 64];
	CK_SESSION_HANDLE session;
	key_serial_t serial;

	need_room();
	for (size_t i = 0; i < OTHERS; i++) {
		snprintf(description, sizeof(description), "none of ours %zu", i);
		others[i] = add_key("user", description, "x", 1, KEY_SPEC_USER_KEYRING);
		assert_true(others[i] > 0);
	}
	memset(label, 'l', LABEL);
	snprintf(description, sizeof(description), "pkcs11:object=%s?x-key-type=aes", label);
	serial = add_key(token.keyring_type, description, "sixteen bytes...", 16,
			 KEY_SPEC_USER_KEYRING);
	assert_true(serial > 0);
	session = guest_session();
	assert_int_equal(search(session, NULL), 1);
	assert_int_equal(search(session, label), 1);
	GUEST_OK(made_works(&token, session, handles[0], (const unsigned char *)"sixteen bytes...",
			    16));
	assert_int_equal(made_serial(&token, session, handles[0]), serial);
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
	keyctl_unlink(serial, KEY_SPEC_USER_KEYRING);
	for (size_t i = 0; i < OTHERS; i++)
		keyctl_unlink(others[i], KEY_SPEC_USER_KEYRING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cost),
		cmocka_unit_test(test_handles),
		cmocka_unit_test(test_large),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, guest_setup, guest_teardown);
}
