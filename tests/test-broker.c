/* SPDX-License-Identifier: BSD-2-Clause */
/* The broker on a real kernel: a kcryptokid whose keys this process does not possess. */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keeper.h"
#include "kernel/alg.h"
#include "kernel/broker-message.h"
#include "made.h"
#include "needles.h"
#include "trace.h"

enum { BROKER_SLOT = 1 };

static unsigned char secret[32], mac_secret[32], other_secret[32];
static key_serial_t backup, writable, mac, other;
static pid_t broker;
static const char *skipped;

static const char rules[] = "[allow keys]\nlabel = backup\nmechanisms = aes-cbc aes-ctr aes-gcm "
			    "aes-ccm aes-cmac\nuid = %d\n"
			    "[allow macs]\nlabel = mac\nmechanisms = sha256-hmac\nuid = %d\n"
			    "[allow others]\nlabel = other\nmechanisms = aes-cbc\nuid = 54321\n";

static int setup(void **state)
{
	guest_fill(secret, sizeof(secret), 1);
	guest_fill(mac_secret, sizeof(mac_secret), 2);
	guest_fill(other_secret, sizeof(other_secret), 3);
	if (alg_probe()) {
		skipped = "there is no AF_ALG";
		return guest_setup(state);
	}
	if (keeper_begin(rules))
		return -1;
	backup = keeper_add("logon", "pkcs11:object=backup;id=%01?x-key-type=aes", secret, 32, 1);
	writable = keeper_add("logon", "pkcs11:object=backup;id=%02?x-key-type=aes", secret, 32, 0);
	mac = keeper_add("logon", "pkcs11:object=mac?x-key-type=generic-secret", mac_secret, 32, 1);
	other = keeper_add("logon", "pkcs11:object=other?x-key-type=aes", other_secret, 32, 1);
	broker = keeper_broker();
	if (backup < 0 || writable < 0 || mac < 0 || other < 0 || broker < 0)
		return -1;
	if (strstr(keeper_log(), "keys are not served"))
		skipped = "this kernel takes no serial numbers of keys";
	return guest_setup(state);
}

static int teardown(void **state)
{
	int err = guest_teardown(state);

	if (broker)
		keeper_end();
	return err;
}

static void need(CK_MECHANISM_TYPE type)
{
	if (skipped)
		guest_skip("%s", skipped);
	guest_need_slot();
	guest_need(type);
}

static CK_SESSION_HANDLE open_session(void)
{
	CK_SESSION_HANDLE session;

	GUEST_RV(token.f->C_OpenSession(BROKER_SLOT, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL,
					NULL, &session),
		 CKR_OK);
	return session;
}

/* The key of the broker with this label and id. */
static CK_OBJECT_HANDLE find(CK_SESSION_HANDLE session, const char *label, int id)
{
	CK_OBJECT_HANDLE objects[8];
	CK_ULONG count = 0;
	unsigned char own[16] = {0};

	GUEST_OK(token_find(&token, session, CKO_SECRET_KEY, label, objects, 8, &count));
	for (CK_ULONG i = 0; i < count; i++) {
		CK_ATTRIBUTE attribute = {CKA_ID, own, sizeof(own)};

		GUEST_RV(token.f->C_GetAttributeValue(session, objects[i], &attribute, 1), CKR_OK);
		if (!id || (attribute.ulValueLen == 1 && own[0] == id))
			return objects[i];
	}
	return CK_INVALID_HANDLE;
}

static int works(struct token *t, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key,
		 CK_MECHANISM_TYPE type, const unsigned char *bytes, size_t length)
{
	struct material material = {
		.type = type, .key = bytes, .key_length = 32, .iv = {1, 2, 3}, .aad = secret};
	static const unsigned char text[4096] = {7, 8, 9};
	bool signs = type == CKM_SHA256_HMAC || type == CKM_AES_CMAC;

	material.aad_length = type == CKM_AES_GCM || type == CKM_AES_CCM ? 13 : 0;
	if (guest_run(t, session, key, &material, signs ? TOKEN_SIGN : TOKEN_ENCRYPT, text, length,
		      TOKEN_PLAIN, NULL))
		return -1;
	return signs ? 0
		     : guest_run(t, session, key, &material, TOKEN_DECRYPT, text, length,
				 TOKEN_PLAIN, NULL);
}

static void keys_work_that_this_process_does_not_possess(void **state)
{
	static const CK_MECHANISM_TYPE types[] = {CKM_AES_CBC, CKM_AES_CTR, CKM_AES_GCM,
						  CKM_AES_CCM, CKM_AES_CMAC};
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;

	need(CKM_AES_CBC);
	assert_int_equal(keyctl_get_keyring_ID(backup, 0), -1);
	assert_int_equal(errno, EACCES);
	session = open_session();
	key = find(session, "backup", 1);
	assert_int_not_equal(key, CK_INVALID_HANDLE);
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (guest_offers(types[i]))
			GUEST_OK(works(&token, session, key, types[i], secret, 1024));
	if (getenv("KCRYPTOKI_GCM"))
		assert_true(guest_offers(CKM_AES_GCM));
	key = find(session, "mac", 0);
	GUEST_OK(works(&token, session, key, CKM_SHA256_HMAC, mac_secret, 1000));
	assert_non_null(strstr(keeper_log(), "gets a socket of cbc(aes) with key"));
	assert_non_null(strstr(keeper_log(), "by [allow macs]: it signs and verifies"));
}

static const struct broker_request question = {.version = BROKER_VERSION, .ask = BROKER_LIST};

static void nobody_gets_what_no_rule_gives(void **state)
{
	struct broker_request wishes[] = {
		keeper_wish(other, "skcipher", "cbc(aes)"),
		keeper_wish(backup, "skcipher", "ecb(aes)"),
		keeper_wish(mac, "hash", "hmac(sha512)"),
		keeper_wish(mac, "skcipher", "cbc(aes)"),
		keeper_wish(0, "hash", "sha256"),
		keeper_wish(0, "skcipher", "ecb(aes)"),
		keeper_wish(backup, "skcipher", "cbc(aes"),
		keeper_wish(KEY_SPEC_SESSION_KEYRING, "hash", "sha1"),
	};
	struct broker_request right = keeper_wish(backup, "skcipher", "cbc(aes)");
	CK_SESSION_HANDLE session;
	int fd, passed;

	need(CKM_AES_CBC);
	session = open_session();
	assert_int_equal(find(session, "other", 0), CK_INVALID_HANDLE);
	fd = keeper_dial();
	for (size_t i = 0; i < sizeof(wishes) / sizeof(*wishes); i++) {
		assert_true(keeper_ask(fd, &wishes[i], &passed) > 0);
		assert_int_equal(passed, -1);
	}
	assert_int_equal(keeper_ask(fd, &right, &passed), 0);
	assert_true(alg_is(passed));
	close(passed);
	close(fd);
}

/* Each has its own: a message that one is in the middle of does not show in the other. */
static void a_socket_is_its_own(void **state)
{
	struct broker_request request = keeper_wish(mac, "hash", "hmac(sha256)");
	struct material material = {.type = CKM_SHA256_HMAC, .key = mac_secret, .key_length = 32};
	unsigned char begun[] = "begun", text[] = "another's", expected[64 + GUEST_SLACK], got[32];
	struct iovec first = {begun, sizeof(begun)}, second = {text, sizeof(text)};
	struct iovec out = {got, sizeof(got)};
	int fd[2], op[2];

	need(CKM_SHA256_HMAC);
	for (int i = 0; i < 2; i++) {
		fd[i] = keeper_dial();
		assert_int_equal(keeper_ask(fd[i], &request, &op[i]), 0);
	}
	assert_int_equal(alg_send(op[0], NULL, &first, 1, true), 0);
	assert_int_equal(alg_send(op[1], NULL, &second, 1, false), 0);
	assert_int_equal(alg_recv(op[1], &out, 1, sizeof(got)), 0);
	assert_int_equal(guest_expect(&material, text, sizeof(text), expected), sizeof(got));
	assert_memory_equal(got, expected, sizeof(got));
	/* It has no transform, so that nobody gives it another key. */
	assert_int_equal(alg_set_key(op[0], text, sizeof(text)), -EOPNOTSUPP);
	for (int i = 0; i < 2; i++) {
		close(op[i]);
		close(fd[i]);
	}
}

static void what_becomes_of_a_key_is_seen_at_the_next_operation(void **state)
{
	unsigned char changed[32] = {42}, iv[16] = {0};
	CK_MECHANISM cbc = {CKM_AES_CBC, iv, sizeof(iv)};
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key, gone;
	key_serial_t serial;

	need(CKM_AES_CBC);
	session = open_session();
	key = find(session, "backup", 2);
	GUEST_OK(works(&token, session, key, CKM_AES_CBC, secret, 64));
	assert_int_equal(keeper_update(writable, changed, 32), 0);
	GUEST_OK(works(&token, session, key, CKM_AES_CBC, changed, 64));
	assert_int_equal(keeper_update(writable, secret, 32), 0);

	serial = keeper_add("logon", "pkcs11:object=backup;id=%03?x-key-type=aes", secret, 32, 0);
	gone = find(session, "backup", 3);
	GUEST_OK(works(&token, session, gone, CKM_AES_CBC, secret, 64));
	assert_int_equal(keeper_revoke(serial), 0);
	GUEST_RV(token.f->C_EncryptInit(session, &cbc, gone), CKR_KEY_HANDLE_INVALID);
	assert_int_equal(find(session, "backup", 3), CK_INVALID_HANDLE);
	keeper_unlink(serial);

	serial = keeper_add("logon", "pkcs11:object=backup;id=%04?x-key-type=aes", secret, 32, 1);
	gone = find(session, "backup", 4);
	GUEST_OK(works(&token, session, gone, CKM_AES_CBC, secret, 64));
	GUEST_RV(token.f->C_EncryptInit(session, &cbc, gone), CKR_OK);
	assert_int_equal(keeper_unlink(serial), 0);
	/* What was begun goes on; the key goes when the kernel has time. */
	unsigned char text[16] = {0}, out[16];
	CK_ULONG n = sizeof(out);
	GUEST_RV(token.f->C_Encrypt(session, text, sizeof(text), out, &n), CKR_OK);
	CK_RV rv = CKR_OK;
	for (int i = 0; i < 3000 && rv == CKR_OK; i++) {
		rv = token.f->C_EncryptInit(session, &cbc, gone);
		if (rv == CKR_OK)
			token.f->C_EncryptInit(session, NULL, gone);
		usleep(10000);
	}
	assert_true(rv == CKR_KEY_HANDLE_INVALID || rv == CKR_KEY_FUNCTION_NOT_PERMITTED);
}

static void a_broker_may_die_and_come_back(void **state)
{
	static const int signals[] = {SIGKILL, SIGTERM};
	unsigned char iv[16] = {0}, text[64] = {0}, out[64];
	CK_MECHANISM cbc = {CKM_AES_CBC, iv, sizeof(iv)};
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;
	CK_ULONG n;

	need(CKM_AES_CBC);
	session = open_session();
	key = find(session, "backup", 1);
	for (int i = 0; i < 2; i++) {
		GUEST_RV(token.f->C_EncryptInit(session, &cbc, key), CKR_OK);
		keeper_kill(signals[i]);
		n = 32;
		GUEST_RV(token.f->C_EncryptUpdate(session, text, 32, out, &n), CKR_OK);
		n = 32;
		GUEST_RV(token.f->C_EncryptUpdate(session, text, 32, out + 32, &n), CKR_OK);
		n = 0;
		GUEST_RV(token.f->C_EncryptFinal(session, out, &n), CKR_OK);
		/* Nobody says that the key may still be used. */
		GUEST_RV(token.f->C_EncryptInit(session, &cbc, key), CKR_DEVICE_ERROR);
		broker = keeper_broker();
		assert_true(broker > 0);
		GUEST_OK(works(&token, session, key, CKM_AES_CBC, secret, 64));
		/* Killed, it left its socket, which the next one took over; else it took it away.
		 */
	}
}

/* A process of messages asks again each second; a broker that is away does not end it. */
static void messages_go_on_without_it(void **state)
{
	static const unsigned char text[100] = {5};
	unsigned char expected[64 + GUEST_SLACK], got[32];
	struct material material = {.type = CKM_SHA256_HMAC, .key = mac_secret, .key_length = 32};
	CK_MECHANISM mechanism = {CKM_SHA256_HMAC, NULL, 0};
	CK_INTERFACE_PTR interface;
	CK_VERSION version = {3, 0};
	CK_FUNCTION_LIST_3_0 *f;
	CK_SESSION_HANDLE session;
	CK_ULONG n;

	need(CKM_SHA256_HMAC);
	GUEST_RV(((CK_C_GetInterface)dlsym(token.library, "C_GetInterface"))(
			 (CK_UTF8CHAR *)"PKCS 11", &version, &interface, 0),
		 CKR_OK);
	f = interface->pFunctionList;
	assert_int_equal(guest_expect(&material, text, sizeof(text), expected), sizeof(got));
	session = open_session();
	GUEST_RV(f->C_MessageSignInit(session, &mechanism, find(session, "mac", 0)), CKR_OK);
	for (int i = 0; i < 4; i++) {
		if (i == 1)
			keeper_kill(SIGKILL);
		if (i == 3)
			broker = keeper_broker();
		usleep(1100000);
		memset(got, 0, sizeof(got));
		n = sizeof(got);
		GUEST_RV(f->C_SignMessage(session, NULL, 0, (CK_BYTE *)text, sizeof(text), got, &n),
			 CKR_OK);
		assert_memory_equal(got, expected, sizeof(got));
	}
	GUEST_RV(f->C_MessageSignFinal(session), CKR_OK);
}

static void nothing_is_made_or_changed_in_it(void **state)
{
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key, made;
	CK_TOKEN_INFO info;

	need(CKM_AES_CBC);
	session = open_session();
	key = find(session, "backup", 1);
	GUEST_RV(token.f->C_GetTokenInfo(BROKER_SLOT, &info), CKR_OK);
	assert_true(info.flags & CKF_WRITE_PROTECTED);
	GUEST_RV(made_key(&token, session, "new", secret, 32, MADE_TOKEN, &made),
		 CKR_TOKEN_WRITE_PROTECTED);
	GUEST_RV(made_key(&token, session, "new", NULL, 32, MADE_TOKEN, &made),
		 CKR_TOKEN_WRITE_PROTECTED);
	GUEST_RV(made_relabel(&token, session, key, "mine"), CKR_TOKEN_WRITE_PROTECTED);
	GUEST_RV(token.f->C_DestroyObject(session, key), CKR_TOKEN_WRITE_PROTECTED);
	/* Keys of sessions are this process's own affair. */
	GUEST_RV(made_key(&token, session, "mine", secret, 32, 0, &made), CKR_OK);
	GUEST_OK(made_works(&token, session, made, secret, 32));
	GUEST_RV(token.f->C_DestroyObject(session, made), CKR_OK);
	GUEST_OK(works(&token, session, key, CKM_AES_CBC, secret, 64));
}

static bool has_slot(void)
{
	CK_SLOT_INFO info;

	return token.f->C_GetSlotInfo(BROKER_SLOT, &info) == CKR_OK;
}

static void start_again(void)
{
	GUEST_RV(token.f->C_Finalize(NULL), CKR_OK);
	GUEST_OK(token_start(&token));
}

static void a_socket_that_is_not_for_this_user_is_no_slot(void **state)
{
	bool had;

	need(CKM_AES_CBC);
	if (!geteuid())
		guest_skip("every socket is for root");
	assert_true(has_slot());
	assert_int_equal(chmod(keeper_socket, 0400), 0);
	start_again();
	had = has_slot();
	assert_int_equal(chmod(keeper_socket, 0666), 0);
	start_again();
	assert_false(had);
	assert_true(has_slot());
}

/* Its children too, and threads side by side. */
static int works_again(struct token *t, void *argument)
{
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;
	CK_ULONG count = 0;

	if (argument && token_start(t))
		return -1;
	if (t->f->C_OpenSession(BROKER_SLOT, CKF_SERIAL_SESSION, NULL, NULL, &session) != CKR_OK)
		return guest_error(t, "no session");
	if (token_find(t, session, CKO_SECRET_KEY, "mac", &key, 1, &count) || !count)
		return guest_error(t, "the key is not found");
	for (int i = 0; i < 50; i++)
		if (works(t, session, key, CKM_SHA256_HMAC, mac_secret, 100 + (size_t)i))
			return -1;
	return t->f->C_CloseSession(session) == CKR_OK ? 0 : -1;
}

static void *in_thread(void *failed)
{
	struct token own = token;

	if (works_again(&own, NULL)) {
		print_message("# %s\n", own.error);
		*(bool *)failed = true;
	}
	return NULL;
}

static void threads_and_children_have_their_own_connections(void **state)
{
	bool failed[4] = {false};
	pthread_t threads[4];
	pid_t child;

	need(CKM_SHA256_HMAC);
	GUEST_OK(works_again(&token, NULL));
	child = guest_fork(works_again, &token);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, in_thread, &failed[i]), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	guest_reap(child);
	for (int i = 0; i < 4; i++)
		assert_false(failed[i]);
	GUEST_OK(works_again(&token, NULL));
}

static size_t descriptors_of(pid_t pid)
{
	char command[64];
	size_t n = 0;
	FILE *list;

	snprintf(command, sizeof(command), "ls /proc/%d/fd | wc -l", (int)pid);
	list = popen(command, "r");
	if (!list || fscanf(list, "%zu", &n) != 1)
		n = SIZE_MAX;
	if (list)
		pclose(list);
	return n;
}

/* Whoever asks and never listens, sends what is no request, or connects and says nothing. */
static void a_greedy_client_costs_the_others_nothing(void **state)
{
	struct broker_request request = keeper_wish(backup, "skcipher", "cbc(aes)");
	unsigned char junk[5000] = {0};
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;
	int fd[200], passed;

	need(CKM_AES_CBC);
	session = open_session();
	key = find(session, "backup", 1);
	for (size_t i = 0; i < 200; i++) {
		fd[i] = keeper_dial();
		if (i % 4 == 1)
			for (int times = 0; times < 50; times++)
				send(fd[i], &request, sizeof(request), MSG_DONTWAIT | MSG_NOSIGNAL);
		else if (i % 4 == 2)
			send(fd[i], junk, 1 + i * 20, MSG_DONTWAIT | MSG_NOSIGNAL);
		else if (i % 4 == 3)
			send(fd[i], &question, sizeof(question), MSG_DONTWAIT | MSG_NOSIGNAL);
		if (i % 50 == 49)
			GUEST_OK(works(&token, session, key, CKM_AES_CBC, secret, 64));
	}
	/* Standard ones, the listener, for signals; and 64 clients of this user. */
	assert_in_range(descriptors_of(broker), 6, 64 + 8);
	GUEST_OK(works(&token, session, key, CKM_AES_CBC, secret, 64));
	for (size_t i = 0; i < 200; i++)
		close(fd[i]);
	fd[0] = keeper_dial();
	assert_int_equal(keeper_ask(fd[0], &request, &passed), 0);
	close(passed);
	close(fd[0]);
	assert_non_null(strstr(keeper_log(), "what it sends is no request"));
	assert_non_null(strstr(keeper_log(), "it asks before it has read the last answer"));
}

/* A sanitizer's shadow is terabytes long, to whoever looks through it. */
#ifdef __has_feature
#define SANITIZED (__has_feature(thread_sanitizer) || __has_feature(address_sanitizer))
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

static void key_bytes_never_come_here(void **state)
{
	struct needles needles[3];
	struct needles_found found;

	need(CKM_AES_CBC);
	if (SANITIZED)
		guest_skip("a sanitizer's memory is too much to be looked through");
	needles_set(&needles[0], "backup", secret, sizeof(secret));
	needles_set(&needles[1], "mac", mac_secret, sizeof(mac_secret));
	/* What must be found, for the search to mean anything. */
	needles_set(&needles[2], "rule", (const unsigned char *)"[allow keys]", 12);
	kill(broker, SIGSTOP);
	found = needles_in(broker, needles, 2);
	if (!found.looked) {
		kill(broker, SIGCONT);
		guest_skip("this user may not look into the broker's memory");
	}
	assert_int_equal(found.locked + found.open, 0);
	found = needles_in(broker, &needles[2], 1);
	kill(broker, SIGCONT);
	assert_true(found.open > 0);
}

enum { OUTSIDE, INIT, DO, STEPS };

static int once(void)
{
	unsigned char iv[16] = {0}, text[64] = {0}, out[64];
	CK_MECHANISM cbc = {CKM_AES_CBC, iv, sizeof(iv)};
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;
	CK_ULONG n = sizeof(out);
	CK_RV rv;

	if (token_start(&token) ||
	    token.f->C_OpenSession(BROKER_SLOT, CKF_SERIAL_SESSION, NULL, NULL, &session))
		return -1;
	key = find(session, "backup", 1);
	for (int times = 0; times < 2; times++) {
		trace_mark(INIT);
		rv = token.f->C_EncryptInit(session, &cbc, key);
		trace_mark(OUTSIDE);
		if (rv != CKR_OK)
			return -1;
		trace_mark(DO);
		rv = token.f->C_Encrypt(session, text, sizeof(text), out, &n);
		trace_mark(OUTSIDE);
		if (rv != CKR_OK)
			return -1;
	}
	return 0;
}

/* As many as with keys of one's own, but for the question, which is two calls instead of one. */
static void it_is_never_between_a_client_and_the_kernel(void **state)
{
	struct trace_step steps[STEPS] = {{0}};

	need(CKM_AES_CBC);
	assert_int_equal(trace_run(once, steps, STEPS, NULL), 0);
	print_message("# C_EncryptInit %lu, C_Encrypt %lu system calls\n", steps[INIT].calls,
		      steps[DO].calls);
	if (steps[INIT].calls != 2 || steps[DO].calls != 2) {
		trace_explain(&steps[INIT]);
		trace_explain(&steps[DO]);
	}
	assert_int_equal(steps[INIT].calls, 2);
	assert_int_equal(steps[DO].calls, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_work_that_this_process_does_not_possess),
		cmocka_unit_test(nobody_gets_what_no_rule_gives),
		cmocka_unit_test(a_socket_is_its_own),
		cmocka_unit_test(what_becomes_of_a_key_is_seen_at_the_next_operation),
		cmocka_unit_test(a_broker_may_die_and_come_back),
		cmocka_unit_test(messages_go_on_without_it),
		cmocka_unit_test(nothing_is_made_or_changed_in_it),
		cmocka_unit_test(a_socket_that_is_not_for_this_user_is_no_slot),
		cmocka_unit_test(threads_and_children_have_their_own_connections),
		cmocka_unit_test(a_greedy_client_costs_the_others_nothing),
		cmocka_unit_test(key_bytes_never_come_here),
		cmocka_unit_test(it_is_never_between_a_client_and_the_kernel),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, teardown);
}
