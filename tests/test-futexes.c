/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two threads with a session each never wait for each other: in what they do again and again there
 * is no futex(2). A seccomp filter in each thread traps it; a lock that is found taken would make
 * that call, with two processors sooner or later.
 */
#include "guest.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "inject.h"

enum { THREADS = 2, ROUNDS = 1500, WARMING = 4, LENGTH = 64 };

static atomic_ulong futexes;
static pthread_mutex_t contended = PTHREAD_MUTEX_INITIALIZER;
static unsigned long shared_count;

static unsigned char secret[32];

struct deed {
	const char *name;
	CK_MECHANISM_TYPE type;
	const char *key_type; /* NULL: none */
	int (*run)(struct token *t, CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
		   CK_OBJECT_HANDLE key);
};

struct member {
	pthread_t id;
	struct token token;
	const struct deed *deed;
	CK_OBJECT_HANDLE key;
	pthread_barrier_t *ready;
	atomic_uint *busy;
	int result;
};

static void on_trap(int signal, siginfo_t *info, void *context)
{
	greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
	const unsigned long args[6] = {
		(unsigned long)registers[REG_RDI], (unsigned long)registers[REG_RSI],
		(unsigned long)registers[REG_RDX], (unsigned long)registers[REG_R10],
		(unsigned long)registers[REG_R8],  (unsigned long)registers[REG_R9]};

	(void)signal;
	(void)info;
	atomic_fetch_add(&futexes, 1);
	registers[REG_RAX] = inject_raw(SYS_futex, args);
}

static int trap_futexes(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_futex, 0, 3),
		/* The half of the address that tells it from others. */
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, instruction_pointer)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(uintptr_t)inject_raw_return, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(filter) / sizeof(*filter), filter};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
			       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)
		       ? -1
		       : 0;
}

#define MUST(call)                                                      \
	do {                                                            \
		CK_RV rv_ = (call);                                     \
		if (rv_ != CKR_OK)                                      \
			return guest_error(t, "%s: 0x%lx", #call, rv_); \
	} while (0)

static int digest(struct token *t, CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
		  CK_OBJECT_HANDLE key)
{
	unsigned char in[LENGTH] = {0}, out[64];
	CK_ULONG n = sizeof(out);

	(void)key;
	MUST(t->f->C_DigestInit(session, mechanism));
	MUST(t->f->C_Digest(session, in, sizeof(in), out, &n));
	return 0;
}

static int sign(struct token *t, CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
		CK_OBJECT_HANDLE key)
{
	unsigned char in[LENGTH] = {0}, out[64];
	CK_ULONG n = sizeof(out);

	MUST(t->f->C_SignInit(session, mechanism, key));
	MUST(t->f->C_Sign(session, in, sizeof(in), out, &n));
	MUST(t->f->C_VerifyInit(session, mechanism, key));
	MUST(t->f->C_Verify(session, in, sizeof(in), out, n));
	return 0;
}

static int encrypt(struct token *t, CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
		   CK_OBJECT_HANDLE key)
{
	unsigned char in[LENGTH] = {0}, out[LENGTH + GUEST_SLACK];
	CK_ULONG n = sizeof(out), half = sizeof(out), end = sizeof(out);

	MUST(t->f->C_EncryptInit(session, mechanism, key));
	MUST(t->f->C_Encrypt(session, in, sizeof(in), out, &n));
	MUST(t->f->C_DecryptInit(session, mechanism, key));
	MUST(t->f->C_DecryptUpdate(session, out, n, in, &half));
	MUST(t->f->C_DecryptFinal(session, in + half, &end));
	return 0;
}

static int random_bytes(struct token *t, CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
			CK_OBJECT_HANDLE key)
{
	unsigned char out[32];

	(void)mechanism;
	(void)key;
	MUST(t->f->C_GenerateRandom(session, out, sizeof(out)));
	return 0;
}

/* What the filter sees where threads do wait for each other. */
static int share(struct token *t, CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism,
		 CK_OBJECT_HANDLE key)
{
	(void)t;
	(void)session;
	(void)mechanism;
	(void)key;
	for (int i = 0; i < 1000; i++) {
		pthread_mutex_lock(&contended);
		shared_count++;
		pthread_mutex_unlock(&contended);
	}
	return 0;
}

static int repeat(struct member *member, CK_SESSION_HANDLE session, int times)
{
	const struct deed *deed = member->deed;
	struct material material = {.type = deed->type};
	struct mechanism_store store;
	CK_MECHANISM_PTR mechanism = guest_mechanism(&store, &material, LENGTH);

	for (int i = 0; i < times; i++)
		if (deed->run(&member->token, session, mechanism, member->key) != 0)
			return -1;
	return 0;
}

static void *work(void *argument)
{
	struct member *member = argument;
	CK_SESSION_HANDLE session = 0;

	member->result = token_session(&member->token, 0, &session);
	/* All at once, so that each has what it needs, sockets above all. */
	pthread_barrier_wait(member->ready);
	if (member->result == 0)
		member->result = repeat(member, session, WARMING);
	pthread_barrier_wait(member->ready);
	if (member->result == 0 && trap_futexes() != 0)
		member->result = guest_error(&member->token, "seccomp: %s", strerror(errno));
	if (member->result == 0)
		member->result = repeat(member, session, ROUNDS);
	/* While a thread ends, it blocks all signals, and a call that is trapped is its death. */
	atomic_fetch_sub(member->busy, 1);
	for (;;)
		pause();
	return NULL;
}

static unsigned long count(const struct deed *deed, CK_OBJECT_HANDLE key)
{
	/* While a test runs, cmocka has a handler of its own. */
	const struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};
	struct member members[THREADS];
	atomic_uint busy = THREADS;
	pthread_barrier_t ready;

	assert_int_equal(sigaction(SIGSYS, &action, NULL), 0);
	atomic_store(&futexes, 0);
	pthread_barrier_init(&ready, NULL, THREADS);
	for (size_t i = 0; i < THREADS; i++) {
		members[i] = (struct member){
			.token = token, .deed = deed, .key = key, .ready = &ready, .busy = &busy};
		assert_int_equal(pthread_create(&members[i].id, NULL, work, &members[i]), 0);
	}
	while (atomic_load(&busy) > 0)
		usleep(1000);
	pthread_barrier_destroy(&ready);
	for (size_t i = 0; i < THREADS; i++)
		if (members[i].result != 0)
			guest_fail("thread %zu: %s", i, members[i].token.error);
	return atomic_load(&futexes);
}

static void test_deed(void **state)
{
	const struct deed *deed = *state;
	struct token_key key = {0};
	unsigned long n;

	guest_need_slot();
	if (deed->run == digest)
		guest_need(deed->type);
	if (deed->key_type) {
		guest_need_keys();
		guest_need(deed->type);
		key = guest_key(guest_session(), deed->key_type, secret, sizeof(secret), true);
	}
	n = count(deed, key.object);
	token_key_drop(&key);
	print_message("%s: %lu futex calls in %d rounds of %d threads\n", deed->name, n, ROUNDS,
		      THREADS);
	assert_int_equal(n, 0);
}

/* A check that cannot fail is none. */
static void test_filter(void **state)
{
	static const struct deed sharing = {"a lock that is shared", CKM_SHA256, NULL, share};

	(void)state;
	guest_need_slot();
	if (sysconf(_SC_NPROCESSORS_ONLN) < THREADS)
		guest_skip("there is one processor");
	assert_true(count(&sharing, 0) > 0);
}

static int set_up(void **state)
{
	guest_fill(secret, sizeof(secret), 7);
	return guest_setup(state);
}

int main(void)
{
	static const struct deed deeds[] = {
		{"SHA-256", CKM_SHA256, NULL, digest},
		{"HMAC", CKM_SHA256_HMAC, "generic-secret", sign},
		{"CMAC", CKM_AES_CMAC, "aes", sign},
		{"CBC", CKM_AES_CBC, "aes", encrypt},
		{"CTR", CKM_AES_CTR, "aes", encrypt},
		{"GCM", CKM_AES_GCM, "aes", encrypt},
		{"random bytes", CKM_SHA256, NULL, random_bytes},
	};
	enum { DEEDS = sizeof(deeds) / sizeof(*deeds) };
	struct CMUnitTest tests[DEEDS + 1] = {[DEEDS] = cmocka_unit_test(test_filter)};

	for (size_t i = 0; i < DEEDS; i++)
		tests[i] = (struct CMUnitTest){.name = deeds[i].name,
					       .test_func = test_deed,
					       .initial_state = (void *)&deeds[i]};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, guest_teardown);
}
