/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys that another user made, and that root linked into its keyring. The other one stays their
 * owner: he chose their descriptions, and may change or end them at any moment between two calls.
 * Such a key works or is refused, always with the bytes that it has; the good key beside it does
 * not notice.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "made.h"
#include "objects.h"

enum { OTHER_USER = 12345, ALL = 0x3f3f3f3f };

#define GOOD "the good key"
#define FOREIGN "the foreign key"
#define FOREIGN_URI "pkcs11:object=the%20foreign%20key?x-key-type=aes"

static const unsigned char secret[32] = "a key among those of others";
static const unsigned char first[32] = "what the other user put in first";
static const unsigned char second[32] = "and what he put in after";

static CK_SESSION_HANDLE session;
static key_serial_t good, foreign;
static pid_t other;
static int ends[2] = {-1, -1}; /* root's, and the other user's */

/* What the other user does to his key. */
enum deed { ADD, UPDATE, FORBID, PERMIT, REVOKE, EXPIRE, UNLINK, DEEDS };

/* The first byte says what; for ADD a description follows. */
static long obey(const char *order, key_serial_t *key)
{
	switch ((enum deed)order[0]) {
	case ADD:
		*key = add_key(token.keyring_type, order + 1, first, sizeof(first),
			       KEY_SPEC_USER_KEYRING);
		/* For root to link, which has no right of its own to. */
		return *key < 0 ? -1 : keyctl_setperm(*key, ALL) != 0 ? -1 : *key;
	case UPDATE:
		return keyctl_update(*key, second, sizeof(second));
	case FORBID:
		return keyctl_setperm(*key, KEY_USR_ALL);
	case PERMIT:
		return keyctl_setperm(*key, ALL);
	case REVOKE:
		return keyctl_revoke(*key);
	case EXPIRE:
		return keyctl_set_timeout(*key, 1);
	case UNLINK:
		return keyctl_unlink(*key, KEY_SPEC_USER_KEYRING);
	default:
		return -1;
	}
}

/* The other user's process; it does nothing of its own. */
static int serve(struct token *t, void *argument)
{
	int orders = ends[1];
	char order[4200] = "";
	key_serial_t key = 0;
	long answer = 0;
	ssize_t n;

	(void)argument;
	close(ends[0]);
	if (setgid(OTHER_USER) != 0 || setuid(OTHER_USER) != 0 ||
	    keyctl_join_session_keyring(NULL) < 0 ||
	    keyctl_link(KEY_SPEC_USER_KEYRING, KEY_SPEC_SESSION_KEYRING) != 0)
		return guest_error(t, "no other user: %s", strerror(errno));
	/* guest_fork() gives a child a minute. */
	alarm(0);
	while ((n = recv(orders, order, sizeof(order) - 1, 0)) > 0) {
		order[n] = '\0';
		answer = obey(order, &key);
		if (send(orders, &answer, sizeof(answer), MSG_NOSIGNAL) < 0)
			break;
	}
	return 0;
}

static long tell(enum deed deed, const char *description)
{
	char order[4200] = {(char)deed};
	long answer = -1;
	size_t n = strlen(description);

	memcpy(order + 1, description, n);
	assert_int_equal(send(ends[0], order, n + 1, MSG_NOSIGNAL), n + 1);
	assert_int_equal(recv(ends[0], &answer, sizeof(answer), 0), sizeof(answer));
	return answer;
}

static void need(void)
{
	if (good <= 0)
		guest_skip("the first test says why");
}

static CK_ULONG count(void)
{
	CK_OBJECT_HANDLE found[16];

	return objects_find(session, found, 16, TEMPLATE(IS_SECRET));
}

static void check_good(void)
{
	CK_OBJECT_HANDLE key = objects_the(session, TEMPLATE(IS_SECRET, IS_TEXT(CKA_LABEL, GOOD)));

	assert_int_equal(made_serial(&token, session, key), good);
	GUEST_OK(made_works(&token, session, key, secret, sizeof(secret)));
}

/* The other user's key, in root's keyring. */
static void adopt(const char *description)
{
	foreign = (key_serial_t)tell(ADD, description);
	if (foreign <= 0)
		guest_fail("the other user adds no key");
	assert_int_equal(keyctl_link(foreign, KEY_SPEC_USER_KEYRING), 0);
}

static void abandon(void)
{
	keyctl_unlink(foreign, KEY_SPEC_USER_KEYRING);
	tell(UNLINK, "");
	foreign = 0;
	assert_int_equal(count(), 1);
	check_good();
}

static void test_begin(void **state)
{
	(void)state;
	guest_need_keys();
	guest_need(CKM_AES_CBC);
	if (getuid() != 0)
		guest_skip("only root can become another user");
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	other = guest_fork(serve, NULL);
	assert_true(other > 0);
	close(ends[1]);
	session = objects_rw_session();
	good = add_key(token.keyring_type, "pkcs11:object=the%20good%20key?x-key-type=aes", secret,
		       sizeof(secret), KEY_SPEC_USER_KEYRING);
	assert_true(good > 0);
	assert_int_equal(count(), 1);
	check_good();
}

static CK_OBJECT_HANDLE the_foreign_one(void)
{
	CK_OBJECT_HANDLE key =
		objects_the(session, TEMPLATE(IS_SECRET, IS_TEXT(CKA_LABEL, FOREIGN)));

	assert_int_equal(made_serial(&token, session, key), foreign);
	return key;
}

static void test_used(void **state)
{
	(void)state;
	need();
	adopt(FOREIGN_URI);
	assert_int_equal(count(), 2);
	GUEST_OK(made_works(&token, session, the_foreign_one(), first, sizeof(first)));
	abandon();
}

/* Other bytes than at the last call: those that it has now. */
static void test_updated(void **state)
{
	CK_OBJECT_HANDLE key;

	(void)state;
	need();
	adopt(FOREIGN_URI);
	key = the_foreign_one();
	GUEST_OK(made_works(&token, session, key, first, sizeof(first)));
	assert_int_equal(tell(UPDATE, ""), 0);
	GUEST_OK(made_works(&token, session, key, second, sizeof(second)));
	abandon();
}

static CK_RV encrypt_init(CK_OBJECT_HANDLE key)
{
	unsigned char iv[16] = {0};
	CK_MECHANISM mechanism = {CKM_AES_CBC, iv, sizeof(iv)};

	return token.f->C_EncryptInit(session, &mechanism, key);
}

/* Refused while root may not search it, and back with the right. */
static void test_forbidden(void **state)
{
	CK_OBJECT_HANDLE key;

	(void)state;
	need();
	adopt(FOREIGN_URI);
	key = the_foreign_one();
	GUEST_OK(made_works(&token, session, key, first, sizeof(first)));
	assert_int_equal(tell(FORBID, ""), 0);
	GUEST_RV(encrypt_init(key), CKR_KEY_FUNCTION_NOT_PERMITTED);
	check_good();
	assert_int_equal(tell(PERMIT, ""), 0);
	GUEST_OK(made_works(&token, session, the_foreign_one(), first, sizeof(first)));
	abandon();
}

static void refuse_after(enum deed deed)
{
	CK_OBJECT_HANDLE key;

	adopt(FOREIGN_URI);
	key = the_foreign_one();
	GUEST_OK(made_works(&token, session, key, first, sizeof(first)));
	assert_int_equal(tell(deed, ""), 0);
	if (deed == EXPIRE)
		sleep(2);
	GUEST_RV(encrypt_init(key), CKR_KEY_HANDLE_INVALID);
	assert_int_equal(count(), 1);
	check_good();
	abandon();
}

static void test_revoked(void **state)
{
	(void)state;
	need();
	refuse_after(REVOKE);
}

static void test_expired(void **state)
{
	(void)state;
	need();
	refuse_after(EXPIRE);
}

/* Root's link holds it. */
static void test_unlinked(void **state)
{
	CK_OBJECT_HANDLE key;

	(void)state;
	need();
	adopt(FOREIGN_URI);
	key = the_foreign_one();
	assert_int_equal(tell(UNLINK, ""), 0);
	GUEST_OK(made_works(&token, session, key, first, sizeof(first)));
	abandon();
}

/* What he says of the key in its description; the good one's name makes it no second good one. */
static void test_descriptions(void **state)
{
	static const struct {
		const char *name, *description;
		CK_ULONG keys;
	} rows[] = {
		{"a line of /proc/keys",
		 "pkcs11:object=a: 3\n00000001 I--Q--- 1 perm 3f010000 0 0 user pkcs11:object=b: "
		 "32",
		 2},
		{"bad UTF-8", "pkcs11:object=\xff\xfe", 1},
		{"half an escape", "pkcs11:object=%4", 1},
		{"a semicolon", "pkcs11:object=a;b", 1},
		{"a sidecar's name", "kcryptoki:0123456789abcdef", 1},
		{"the good key's own", "pkcs11:object=the%20good%20ke%79?x-key-type=aes", 2},
	};

	(void)state;
	need();
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		print_message("# %s\n", rows[i].name);
		adopt(rows[i].description);
		assert_int_equal(count(), rows[i].keys);
		if (strstr(rows[i].description, "good")) {
			CK_OBJECT_HANDLE found[4];

			assert_int_equal(
				objects_find(session, found, 4,
					     TEMPLATE(IS_SECRET, IS_TEXT(CKA_LABEL, GOOD))),
				2);
		} else {
			check_good();
		}
		abandon();
	}
}

static int test_end(void **state)
{
	if (ends[0] >= 0)
		close(ends[0]);
	if (other > 0)
		waitpid(other, NULL, 0);
	if (foreign > 0)
		keyctl_unlink(foreign, KEY_SPEC_USER_KEYRING);
	if (good > 0)
		keyctl_unlink(good, KEY_SPEC_USER_KEYRING);
	return guest_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_begin),    cmocka_unit_test(test_used),
		cmocka_unit_test(test_updated),  cmocka_unit_test(test_forbidden),
		cmocka_unit_test(test_revoked),  cmocka_unit_test(test_expired),
		cmocka_unit_test(test_unlinked), cmocka_unit_test(test_descriptions),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, guest_setup, test_end);
}
