/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys of sessions on a running kernel: where they are, how long they stay, what they cost, and
 * whose they are: threads', forked children's, and a process's that becomes another user's.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "made.h"

#define MANY 1000
#define QUOTA 200
#define OTHER_USER 65534

static const unsigned char secret[32] = "thirty-two bytes of a known key";

static CK_SESSION_HANDLE new_session(void)
{
	CK_SESSION_HANDLE session;

	GUEST_OK(token_session(&token, 0, &session));
	return session;
}

static void need_unread(void)
{
	guest_need_keys();
	if (!made_unread())
		guest_skip("no key is made here that nobody can read");
}

/* A sensitive key, which the kernel has. */
static CK_OBJECT_HANDLE sensitive(CK_SESSION_HANDLE session)
{
	CK_OBJECT_HANDLE key;

	GUEST_RV(made_key(&token, session, "sensitive", secret, 32, MADE_SENSITIVE, &key), CKR_OK);
	return key;
}

static void check_in_kernel(key_serial_t serial)
{
	char line[512];

	assert_true(serial > 0);
	assert_true(made_line(serial, line));
	assert_non_null(strstr(line, " logon "));
	/* Possessor: View, Search, Link; its user: View. */
	assert_non_null(strstr(line, " 19010000 "));
}

static void test_closed(void **state)
{
	struct belongings before;
	CK_SESSION_HANDLE one, two;
	CK_OBJECT_HANDLE key;
	key_serial_t serial;

	need_unread();
	before = made_settled();
	one = new_session();
	two = new_session();
	key = sensitive(one);
	serial = made_serial(&token, one, key);
	check_in_kernel(serial);
	GUEST_OK(made_works(&token, two, key, secret, 32));
	GUEST_RV(token.f->C_CloseSession(one), CKR_OK);
	belongings_wait_until_gone(serial);
	assert_int_equal(made_works(&token, two, key, secret, 32), -1);
	assert_int_equal(made_find(&token, two, "sensitive", &key), 0);
	GUEST_RV(token.f->C_CloseSession(two), CKR_OK);
	made_nothing_left(&before);
}

/* Of a child: tells its parent a key's serial number, and waits for its word. */
struct told {
	int up[2], down[2];
	bool dies; /* without C_Finalize */
};

static int make_and_tell(struct token *t, void *argument)
{
	struct told *told = argument;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;
	key_serial_t serial;
	char word;

	if (token_start(t) != 0 || token_session(t, 0, &session) != 0)
		return -1;
	if (made_key(t, session, "a child's", secret, 32, MADE_SENSITIVE, &key) != CKR_OK)
		return guest_error(t, "no key is made");
	if (made_works(t, session, key, secret, 32) != 0)
		return -1;
	serial = made_serial(t, session, key);
	if (!told->dies && t->f->C_Finalize(NULL) != CKR_OK)
		return guest_error(t, "C_Finalize");
	if (write(told->up[1], &serial, sizeof(serial)) != sizeof(serial) ||
	    read(told->down[0], &word, 1) != 1)
		return guest_error(t, "a pipe: %s", strerror(errno));
	return 0;
}

static void test_child(void **state)
{
	struct belongings before;

	need_unread();
	before = made_settled();
	for (int dies = 0; dies <= 1; dies++) {
		struct told told = {.dies = dies};
		key_serial_t serial = 0;
		int status;
		pid_t child;

		assert_int_equal(pipe(told.up) | pipe(told.down), 0);
		child = guest_fork(make_and_tell, &told);
		assert_int_equal(read(told.up[0], &serial, sizeof(serial)), sizeof(serial));
		if (dies) {
			check_in_kernel(serial);
			kill(child, SIGKILL);
			assert_int_equal(waitpid(child, &status, 0), child);
			belongings_wait_until_gone(serial);
		} else {
			/* The process lives on, the module has ended. */
			belongings_wait_until_gone(serial);
			assert_int_equal(write(told.down[1], "x", 1), 1);
			guest_reap(child);
		}
		close(told.up[0]);
		close(told.up[1]);
		close(told.down[0]);
		close(told.down[1]);
	}
	made_nothing_left(&before);
}

/* What Java does: a key for each cipher. They cost none of the user's quota. */
static void test_many_held(void **state)
{
	static CK_OBJECT_HANDLE keys[MANY];
	struct belongings before, now;
	CK_SESSION_HANDLE session;
	struct rlimit locked;

	guest_need_keys();
	before = made_settled();
	session = new_session();
	assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &locked), 0);
	for (size_t i = 0; i < MANY; i++)
		GUEST_RV(made_key(&token, session, "held", secret, 32, 0, &keys[i]), CKR_OK);
	now = belongings_now();
	print_message(
		"# %d keys of a session, of which the kernel has %ld; %lu KiB may be locked\n",
		MANY, now.keys - before.keys, (unsigned long)locked.rlim_cur / 1024);
	assert_true(now.keys <= before.keys);
	for (size_t i = 0; i < MANY; i += 37)
		GUEST_OK(made_works(&token, session, keys[i], secret, 32));
	GUEST_OK(made_works(&token, session, keys[MANY - 1], secret, 32));
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
	made_nothing_left(&before);
}

/* One that must be the kernel's is never anything else. */
static void test_quota(void **state)
{
	static CK_OBJECT_HANDLE keys[QUOTA + 1];
	struct belongings before;
	CK_SESSION_HANDLE session;
	CK_RV rv = CKR_OK;
	size_t n = 0;

	need_unread();
	if (getuid() == 0)
		guest_skip("root's quota is large");
	before = made_settled();
	session = new_session();
	made_logged("");
	while (n < QUOTA && (rv = made_key(&token, session, "kept", secret, 32, MADE_SENSITIVE,
					   &keys[n])) == CKR_OK)
		n++;
	print_message("# %zu sensitive keys of a session fit into the quota\n", n);
	GUEST_RV(rv, CKR_DEVICE_MEMORY);
	assert_in_range(n, QUOTA / 4, QUOTA - 1);
	assert_true(made_logged("/proc/key-users"));
	for (size_t i = 0; i < n; i += 17)
		GUEST_OK(made_works(&token, session, keys[i], secret, 32));
	/* Those that the process holds are made all the same. */
	GUEST_RV(made_key(&token, session, "held", secret, 32, 0, &keys[n]), CKR_OK);
	GUEST_OK(made_works(&token, session, keys[n], secret, 32));
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
	made_nothing_left(&before);
}

/* A thread that is older than the module, and so has a process keyring of its own. */
static struct {
	pthread_t id;
	sem_t go, done;
	guest_job run;
	void *argument;
	struct token token;
	int result;
} elder;

static void *live(void *argument)
{
	for (;;) {
		sem_wait(&elder.go);
		if (!elder.run)
			return NULL;
		elder.token = token;
		elder.result = elder.run(&elder.token, elder.argument);
		sem_post(&elder.done);
	}
}

static void ask_elder(guest_job run, void *argument)
{
	elder.run = run;
	elder.argument = argument;
	sem_post(&elder.go);
	sem_wait(&elder.done);
	if (elder.result != 0)
		guest_fail("in an older thread: %s", elder.token.error);
}

struct shared {
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;
};

static int use(struct token *t, void *argument)
{
	struct shared *shared = argument;

	return made_works(t, shared->session, shared->key, secret, 32);
}

static int make_only(struct token *t, void *argument)
{
	struct shared *shared = argument;
	CK_RV rv = made_key(t, shared->session, "a thread's", secret, 32, MADE_SENSITIVE,
			    &shared->key);

	return rv == CKR_OK ? 0 : guest_error(t, "no key is made: 0x%lx", rv);
}

static int make(struct token *t, void *argument)
{
	return make_only(t, argument) == 0 ? use(t, argument) : -1;
}

static void test_threads(void **state)
{
	struct shared ours, theirs;
	struct belongings before;

	need_unread();
	before = made_settled();
	ours.session = theirs.session = new_session();
	ours.key = sensitive(ours.session);
	ask_elder(use, &ours);
	guest_thread(use, &ours);
	ask_elder(make, &theirs);
	GUEST_OK(use(&token, &theirs));
	guest_thread(use, &theirs);
	GUEST_RV(token.f->C_DestroyObject(theirs.session, theirs.key), CKR_OK);
	guest_thread(make, &theirs);
	GUEST_OK(use(&token, &theirs));
	ask_elder(use, &theirs);
	GUEST_RV(token.f->C_CloseSession(ours.session), CKR_OK);
	made_nothing_left(&before);
}

/* A child, whose module starts afresh in a process that has an older thread: that makes the first
 * key, and ends: the key is the session's, not the thread's. */
static int outlive(struct token *t, void *argument)
{
	static struct shared shared;

	if (pthread_create(&elder.id, NULL, live, NULL) != 0)
		return guest_error(t, "pthread_create");
	if (token_start(t) != 0 || token_session(t, 0, &shared.session) != 0)
		return -1;
	token = *t;
	/* It does not use the key: a socket that is kept would keep what the thread had. */
	ask_elder(make_only, &shared);
	elder.run = NULL;
	sem_post(&elder.go);
	pthread_join(elder.id, NULL);
	/* What it had is collected soon. */
	usleep(200000);
	return use(t, &shared);
}

static void test_thread_ends(void **state)
{
	need_unread();
	guest_child(outlive, NULL);
}

static int start_anew(struct token *t, void *argument)
{
	const struct shared *parents = argument;
	CK_OBJECT_HANDLE found;
	struct shared mine;

	if (t->f->C_GetSessionInfo(parents->session, &(CK_SESSION_INFO){0}) !=
	    CKR_CRYPTOKI_NOT_INITIALIZED)
		return guest_error(t, "a child has its parent's session");
	if (token_start(t) != 0 || token_session(t, 0, &mine.session) != 0)
		return -1;
	if (made_find(t, mine.session, "sensitive", &found) != 0 ||
	    made_find(t, mine.session, "held", &found) != 0)
		return guest_error(t, "a child has its parent's keys");
	if (make(t, &mine) != 0)
		return -1;
	return t->f->C_Finalize(NULL) == CKR_OK ? 0 : guest_error(t, "C_Finalize");
}

static void test_fork(void **state)
{
	struct shared ours;
	struct belongings before;
	CK_OBJECT_HANDLE held;
	key_serial_t serial;

	need_unread();
	before = made_settled();
	ours.session = new_session();
	ours.key = sensitive(ours.session);
	serial = made_serial(&token, ours.session, ours.key);
	GUEST_RV(made_key(&token, ours.session, "held", secret, 32, 0, &held), CKR_OK);
	guest_child(start_anew, &ours);
	check_in_kernel(serial);
	GUEST_OK(use(&token, &ours));
	GUEST_OK(made_works(&token, ours.session, held, secret, 32));
	GUEST_RV(token.f->C_CloseSession(ours.session), CKR_OK);
	made_nothing_left(&before);
}

/*
 * A process of root's becomes another user's, wholly or for the access to files alone. The kernel
 * goes by the user that setuid(2) sets (security/keys/process_keys.c, look_up_user_keyrings()), and
 * the module by the kernel.
 */
static int become(struct token *t, void *argument)
{
	bool wholly = *(bool *)argument;
	int expected = wholly ? 0 : 1;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE of_root, of_other, found;
	struct shared of_session, more;

	if (token_start(t) != 0 || token_session(t, CKF_RW_SESSION, &session) != 0)
		return -1;
	of_session.session = more.session = session;
	if (made_key(t, session, "of root", secret, 32, MADE_TOKEN, &of_root) != CKR_OK ||
	    made_find(t, session, "of root", &found) != 1 || make(t, &of_session) != 0)
		return guest_error(t, "root makes no keys");
	if (wholly && setuid(OTHER_USER) != 0)
		return guest_error(t, "setuid: %s", strerror(errno));
	setfsuid(OTHER_USER);
	if (made_find(t, session, "of root", &found) != expected)
		return guest_error(t, "root's key is found, or not, after setuid %d", wholly);
	if (wholly && made_works(t, session, of_root, NULL, 0) == 0)
		return guest_error(t, "another user uses what is root's by its old handle");
	/* What the process has of its own stays its own. */
	if (use(t, &of_session) != 0 || make(t, &more) != 0)
		return -1;
	if (made_key(t, session, "of another", secret, 32, MADE_TOKEN, &of_other) != CKR_OK ||
	    made_find(t, session, "of another", &found) != 1 || found != of_other)
		return guest_error(t, "another user makes no key");
	if (made_works(t, session, of_other, secret, 32) != 0)
		return -1;
	if (t->f->C_DestroyObject(session, of_other) != CKR_OK)
		return guest_error(t, "another user's key is not destroyed");
	if (!wholly && t->f->C_DestroyObject(session, of_root) != CKR_OK)
		return guest_error(t, "root's key is not destroyed");
	return t->f->C_Finalize(NULL) == CKR_OK ? 0 : guest_error(t, "C_Finalize");
}

static void become_both(void)
{
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;

	for (int wholly = 0; wholly <= 1; wholly++) {
		bool argument = wholly;

		guest_child(become, &argument);
	}
	/* Who has become another user leaves what was root's. */
	GUEST_OK(token_session(&token, CKF_RW_SESSION, &session));
	assert_int_equal(made_find(&token, session, "of root", &key), 1);
	GUEST_RV(token.f->C_DestroyObject(session, key), CKR_OK);
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

/* Whether a plain user has the mechanisms that root has. */
static bool restricted(void)
{
	FILE *file = fopen("/proc/sys/crypto/af_alg_restrict", "r");
	int level = file ? fgetc(file) : '0';

	if (file)
		fclose(file);
	return level != '0';
}

static void test_other_user(void **state)
{
	struct belongings before;

	need_unread();
	if (getuid() != 0)
		guest_skip("only root becomes another user");
	if (restricted())
		guest_skip("another user can use no AES here (crypto.af_alg_restrict)");
	/* The kernel keeps the other user's keyrings, once there are any. */
	become_both();
	before = made_settled();
	become_both();
	made_nothing_left(&before);
}

static int set_up(void **state)
{
	struct shared shared;
	int result;

	sem_init(&elder.go, 0, 0);
	sem_init(&elder.done, 0, 0);
	if (pthread_create(&elder.id, NULL, live, NULL) != 0)
		return -1;
	made_log();
	result = guest_setup(state);
	if (result != 0 || token.absent || !guest_offers(CKM_AES_CBC))
		return result;
	guest_need_keys();
	/* What a process, or a thread, has once and keeps is there before anything is counted. */
	shared.session = new_session();
	for (unsigned int how = 0; how <= (made_unread() ? MADE_SENSITIVE : 0);
	     how += MADE_SENSITIVE) {
		if (made_key(&token, shared.session, "first", secret, 32, how, &shared.key) !=
			    CKR_OK ||
		    use(&token, &shared) != 0)
			return -1;
		ask_elder(use, &shared);
	}
	return token.f->C_CloseSession(shared.session) == CKR_OK ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_closed),    cmocka_unit_test(test_child),
		cmocka_unit_test(test_many_held), cmocka_unit_test(test_quota),
		cmocka_unit_test(test_threads),   cmocka_unit_test(test_thread_ends),
		cmocka_unit_test(test_fork),      cmocka_unit_test(test_other_user),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, guest_teardown);
}
