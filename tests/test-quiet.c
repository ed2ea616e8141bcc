/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a program notices of a module that it loads because it is registered: the cost of its start,
 * and what stays behind. The module is loaded and ended anew by each test.
 */
#include "guest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "made.h"
#include "trace.h"

/* The most that C_Initialize and C_GetSlotList may cost together. */
#define CALLS_MAX 20

enum { OUTSIDE, LOAD, START, LIST, FINISH, START_AGAIN, LIST_AGAIN, FINISH_AGAIN, STEPS };

static struct trace_step steps[STEPS];

/* As p11-kit and pkcs11-tool do: for the number, and for the slots. */
static int list(size_t step)
{
	CK_SLOT_ID slots[8];
	CK_ULONG n = 0;
	CK_RV rv;

	trace_mark(step);
	rv = token.f->C_GetSlotList(CK_FALSE, NULL, &n);
	if (rv == CKR_OK && n <= 8)
		rv = token.f->C_GetSlotList(CK_FALSE, slots, &n);
	trace_mark(OUTSIDE);
	return rv == CKR_OK ? 0 : guest_error(&token, "C_GetSlotList: 0x%lx", rv);
}

static int start_and_finish(size_t start, size_t slots, size_t finish)
{
	CK_RV rv;

	trace_mark(start);
	rv = token.f->C_Initialize(NULL);
	trace_mark(OUTSIDE);
	if (rv != CKR_OK)
		return guest_error(&token, "C_Initialize: 0x%lx", rv);
	if (list(slots) != 0)
		return -1;
	trace_mark(finish);
	rv = token.f->C_Finalize(NULL);
	trace_mark(OUTSIDE);
	return rv == CKR_OK ? 0 : guest_error(&token, "C_Finalize: 0x%lx", rv);
}

static int work(void)
{
	int result;

	trace_mark(LOAD);
	result = token_load(&token);
	trace_mark(OUTSIDE);
	if (result == 0)
		result = start_and_finish(START, LIST, FINISH);
	if (result == 0)
		result = start_and_finish(START_AGAIN, LIST_AGAIN, FINISH_AGAIN);
	if (result != 0)
		printf("# %s\n", token.error);
	return result;
}

static void test_start_is_cheap(void **state)
{
	assert_int_equal(trace_run(work, steps, STEPS, NULL), 0);
	for (size_t step = LOAD; step < STEPS; step++)
		assert_true(steps[step].reached);
	printf("# system calls: dlopen %lu, C_Initialize %lu, C_GetSlotList %lu, C_Finalize %lu; "
	       "once more %lu, %lu, %lu\n",
	       steps[LOAD].calls, steps[START].calls, steps[LIST].calls, steps[FINISH].calls,
	       steps[START_AGAIN].calls, steps[LIST_AGAIN].calls, steps[FINISH_AGAIN].calls);
	trace_explain(&steps[START]);
	assert_in_range(steps[START].calls + steps[LIST].calls, 1, CALLS_MAX - 1);
	assert_in_range(steps[START_AGAIN].calls + steps[LIST_AGAIN].calls, 1, CALLS_MAX - 1);
}

/* All of this process that a library could change unasked. */
struct surroundings {
	struct belongings belongings;
	size_t threads;
	key_serial_t session_keyring, process_keyring, thread_keyring;
	sigset_t blocked;
	struct sigaction actions[NSIG];
	mode_t mask;
	char folder[4096];
};

static size_t threads(void)
{
	DIR *directory = opendir("/proc/self/task");
	size_t n = 0;

	while (directory && readdir(directory))
		n++;
	if (directory)
		closedir(directory);
	return n - 2;
}

static void look_around(struct surroundings *s)
{
	memset(s, 0, sizeof(*s));
	/* The kernel makes a user keyring when it is named for the first time. */
	keyctl_get_keyring_ID(KEY_SPEC_USER_KEYRING, 0);
	s->belongings = belongings_now();
	s->threads = threads();
	s->session_keyring = keyctl_get_keyring_ID(KEY_SPEC_SESSION_KEYRING, 0);
	s->process_keyring = keyctl_get_keyring_ID(KEY_SPEC_PROCESS_KEYRING, 0);
	s->thread_keyring = keyctl_get_keyring_ID(KEY_SPEC_THREAD_KEYRING, 0);
	sigprocmask(SIG_BLOCK, NULL, &s->blocked);
	for (int i = 1; i < NSIG; i++)
		sigaction(i, NULL, &s->actions[i]);
	s->mask = umask(0);
	umask(s->mask);
	if (!getcwd(s->folder, sizeof(s->folder)))
		guest_fail("getcwd: %s", strerror(errno));
}

static void compare_signals(const struct surroundings *a, const struct surroundings *b)
{
	for (int i = 1; i < NSIG; i++) {
		assert_int_equal(sigismember(&a->blocked, i), sigismember(&b->blocked, i));
		assert_ptr_equal(a->actions[i].sa_handler, b->actions[i].sa_handler);
		assert_int_equal(a->actions[i].sa_flags, b->actions[i].sa_flags);
	}
}

static void compare(const struct surroundings *a, const struct surroundings *b)
{
	assert_int_equal(a->threads, b->threads);
	assert_int_equal(a->belongings.keys, b->belongings.keys);
	assert_int_equal(a->belongings.bytes, b->belongings.bytes);
	assert_int_equal(a->belongings.linked, b->belongings.linked);
	assert_int_equal(a->session_keyring, b->session_keyring);
	assert_int_equal(a->process_keyring, b->process_keyring);
	assert_int_equal(a->thread_keyring, b->thread_keyring);
	assert_int_equal(a->mask, b->mask);
	assert_string_equal(a->folder, b->folder);
	compare_signals(a, b);
}

/* What p11-kit and GnuTLS ask of every module, and a search such as a TLS library makes. */
static void ask_around(void)
{
	CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	CK_ATTRIBUTE template = {CKA_CLASS, &class, sizeof(class)};
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE object;
	CK_TOKEN_INFO token_info;
	CK_SLOT_INFO slot_info;
	CK_INFO info;
	CK_ULONG n;

	GUEST_RV(token.f->C_GetInfo(&info), CKR_OK);
	GUEST_RV(token.f->C_GetSlotInfo(token.slot, &slot_info), CKR_OK);
	GUEST_RV(token.f->C_GetTokenInfo(token.slot, &token_info), CKR_OK);
	session = guest_session();
	GUEST_RV(token.f->C_FindObjectsInit(session, &template, 1), CKR_OK);
	GUEST_RV(token.f->C_FindObjects(session, &object, 1, &n), CKR_OK);
	assert_int_equal(n, 0);
	GUEST_RV(token.f->C_FindObjectsFinal(session), CKR_OK);
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

static void test_start_changes_nothing(void **state)
{
	struct surroundings before, during, after;

	/* The kernel may still be collecting keys of an earlier test. */
	made_settled();
	look_around(&before);
	assert_int_equal(before.threads, 1);
	GUEST_OK(token_open(&token));
	if (!token.absent)
		ask_around();
	look_around(&during);
	token_close(&token);
	look_around(&after);
	compare(&before, &during);
	compare(&before, &after);
	assert_int_equal(after.belongings.descriptors, before.belongings.descriptors);
}

/* One of each, so that every mechanism finds one that suits it. */
static const struct {
	const char *type;
	size_t length;
} kinds[] = {
	{"aes", 32},      {"aes", 16},      {"generic-secret", 32},
	{"aes-xts", 64},  {"chacha20", 32}, {"kcryptoki-adiantum", 32},
	{"des3", 24},     {"camellia", 32}, {"twofish", 32},
	{"blowfish", 32}, {"cast128", 16},  {"aria", 32},
};

enum { KINDS = sizeof(kinds) / sizeof(*kinds), MECHANISMS_MAX = 200 };

static unsigned char secret[64];

/* Begins an operation, and leaves it in the middle. */
static bool begin_with(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_FLAGS can,
		       CK_OBJECT_HANDLE key)
{
	unsigned char in[100] = {0}, out[200];
	CK_ULONG n = sizeof(out);

	if (can & CKF_DIGEST)
		return token.f->C_DigestInit(session, mechanism) == CKR_OK &&
		       token.f->C_DigestUpdate(session, in, sizeof(in)) == CKR_OK;
	if (can & CKF_SIGN)
		return token.f->C_SignInit(session, mechanism, key) == CKR_OK &&
		       token.f->C_SignUpdate(session, in, sizeof(in)) == CKR_OK;
	return token.f->C_EncryptInit(session, mechanism, key) == CKR_OK &&
	       token.f->C_EncryptUpdate(session, in, sizeof(in), out, &n) == CKR_OK;
}

/* With a parameter that guest.h knows, or that other mechanisms take. */
static bool begin(CK_MECHANISM_TYPE type, CK_FLAGS can, const struct token_key *keys)
{
	struct material material = {.type = type, .aad = secret, .aad_length = 13};
	struct ctr_params counter = {.counter_bits = 128};
	CK_SESSION_HANDLE session = guest_session();
	CK_ULONG mac_length = 4;
	unsigned char iv[16] = {0};
	struct mechanism_store store;
	CK_MECHANISM mechanisms[] = {
		*guest_mechanism(&store, &material, 100),
		{type, &mac_length, sizeof(mac_length)},
		{type, iv, sizeof(iv)},
		{type, iv, 8},
		{type, &counter, sizeof(counter)},
	};

	for (size_t i = 0; i < sizeof(mechanisms) / sizeof(*mechanisms); i++)
		for (size_t k = 0; k < KINDS; k++)
			if (begin_with(session, &mechanisms[i], can, keys[k].object))
				return true;
	printf("# no operation of mechanism 0x%lx\n", type);
	return false;
}

/* All mechanisms that compute, at once; keys that are made; a search and random bytes. */
static void use_everything(struct token_key *keys)
{
	static CK_MECHANISM_TYPE types[MECHANISMS_MAX];
	CK_MECHANISM generate = {CKM_AES_KEY_GEN, NULL, 0};
	CK_ULONG n = MECHANISMS_MAX, length = 32;
	CK_ATTRIBUTE template = {CKA_VALUE_LEN, &length, sizeof(length)};
	CK_SESSION_HANDLE session = guest_session();
	CK_OBJECT_HANDLE key;
	unsigned char bytes[32];
	size_t tried = 0, begun = 0;
	struct alg_sockets sockets;
	CK_MECHANISM_INFO info;

	GUEST_RV(token.f->C_GetMechanismList(token.slot, types, &n), CKR_OK);
	for (size_t i = 0; i < KINDS; i++)
		keys[i] = guest_key(session, kinds[i].type, secret, kinds[i].length, i % 2);
	for (CK_ULONG i = 0; i < n; i++) {
		GUEST_RV(token.f->C_GetMechanismInfo(token.slot, types[i], &info), CKR_OK);
		if (!(info.flags & (CKF_DIGEST | CKF_SIGN | CKF_ENCRYPT)))
			continue;
		tried++;
		begun += begin(types[i], info.flags, keys);
	}
	if (guest_offers(CKM_AES_KEY_GEN) && strcmp(token.keyring_type, "logon") == 0)
		GUEST_RV(token.f->C_GenerateKey(session, &generate, &template, 1, &key), CKR_OK);
	GUEST_RV(token.f->C_GenerateRandom(session, bytes, sizeof(bytes)), CKR_OK);
	GUEST_RV(token.f->C_FindObjectsInit(session, NULL, 0), CKR_OK);
	belongings_alg_sockets(&sockets);
	printf("# %zu of %zu mechanisms in the middle of an operation, with %zu sockets\n", begun,
	       tried, sockets.n);
	assert_true(tried > 0);
	assert_int_equal(begun, tried);
	assert_true(sockets.n > 0);
}

static void test_finish_leaves_nothing(void **state)
{
	struct surroundings before, after;
	struct token_key keys[KINDS];

	made_settled();
	look_around(&before);
	assert_int_equal(guest_setup(NULL), 0);
	guest_need_slot();
	guest_need_keys();
	use_everything(keys);
	for (size_t i = 0; i < KINDS; i++)
		token_key_drop(&keys[i]);
	guest_teardown(NULL);
	for (int tries = 0; tries < 300; tries++) {
		look_around(&after);
		if (after.belongings.linked == before.belongings.linked)
			break;
		usleep(10000);
	}
	assert_int_equal(after.threads, before.threads);
	assert_int_equal(after.belongings.linked, before.belongings.linked);
	assert_int_equal(after.belongings.descriptors, before.belongings.descriptors);
	compare_signals(&before, &after);
}

/* In a child whose standard output and error are OUT. */
static int quietly(int out)
{
	if (dup2(out, STDOUT_FILENO) < 0 || dup2(out, STDERR_FILENO) < 0)
		return 1;
	if (token_open(&token) != 0)
		return 2;
	if (!token.absent) {
		CK_MECHANISM unknown = {0x7fffffff, NULL, 0};
		CK_SESSION_HANDLE session = 0;

		token_session(&token, 0, &session);
		token.f->C_DigestInit(session, &unknown);
		token.f->C_DigestInit(session, NULL);
		token.f->C_SignInit(session, &unknown, 12345);
	}
	token_close(&token);
	fflush(NULL);
	return 0;
}

static void test_it_prints_nothing(void **state)
{
	int out = memfd_create("output", MFD_CLOEXEC), status;
	char said[1000];
	struct stat stat;
	ssize_t n;
	pid_t pid;

	assert_true(out >= 0);
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		_exit(quietly(out));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(fstat(out, &stat), 0);
	n = pread(out, said, sizeof(said), 0);
	if (n > 0)
		printf("# it said: %.*s\n", (int)n, said);
	close(out);
	assert_int_equal(stat.st_size, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start_is_cheap),
		cmocka_unit_test(test_start_changes_nothing),
		cmocka_unit_test(test_finish_leaves_nothing),
		cmocka_unit_test(test_it_prints_nothing),
	};

	/* Where it is set, the log goes where it names. */
	unsetenv("KCRYPTOKI_DEBUG");
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
