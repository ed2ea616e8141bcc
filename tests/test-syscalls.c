/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How many system calls an operation costs, once it was done before. A child does the operations,
 * with marks between them that are system calls themselves; its parent traces it and counts.
 */
#include "guest.h"

#include <errno.h>
#include <linux/if_alg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* getpgid() of a process that cannot be: what follows counts as the step MARK - id. */
#define MARK (-12345)

enum step {
	OUTSIDE,
	START,
	LIST_FIRST,
	LIST_AGAIN,
	DIGEST_INIT,
	DIGEST,
	DIGEST_EMPTY,
	DIGEST_PARTS, /* of one, two, ... parts */
	DIGEST_PARTS_END = DIGEST_PARTS + 5,
	SIGN_INIT,
	SIGN,
	VERIFY_INIT,
	VERIFY,
	CBC_INIT,
	CBC,
	CBC_DECRYPT_INIT,
	CBC_DECRYPT,
	CTR_INIT,
	CTR,
	GCM_INIT,
	GCM,
	GCM_DECRYPT_INIT,
	GCM_DECRYPT,
	FIND_NOTHING,
	STEPS
};

#define NAMES_MAX 64

static struct {
	bool reached;
	unsigned long calls;
	unsigned long of[512]; /* by number */
} steps[STEPS];

/* What bind() was asked for while the mechanisms were listed. */
static struct sockaddr_alg bound[NAMES_MAX];
static size_t n_bound;

static bool absent;
static char child_error[256];

static void mark(enum step step)
{
	syscall(SYS_getpgid, MARK - (int)step);
}

#define MUST(call)                                                           \
	do {                                                                 \
		CK_RV rv_ = (call);                                          \
		if (rv_ != CKR_OK)                                           \
			return guest_error(&token, "%s: 0x%lx", #call, rv_); \
	} while (0)

#define COUNT(step, call)            \
	do {                         \
		mark(step);          \
		CK_RV rv2_ = (call); \
		mark(OUTSIDE);       \
		MUST(rv2_);          \
	} while (0)

static unsigned char secret[32];

/* Each operation twice: the first one pays for the sockets. */
static int digests(CK_SESSION_HANDLE session)
{
	CK_MECHANISM sha256 = {CKM_SHA256, NULL, 0};
	unsigned char in[100] = {0}, out[64];
	CK_ULONG n;

	for (int times = 0; times < 2; times++) {
		COUNT(DIGEST_INIT, token.f->C_DigestInit(session, &sha256));
		n = sizeof(out);
		COUNT(DIGEST, token.f->C_Digest(session, in, sizeof(in), out, &n));
	}
	MUST(token.f->C_DigestInit(session, &sha256));
	n = sizeof(out);
	COUNT(DIGEST_EMPTY, token.f->C_Digest(session, in, 0, out, &n));
	for (int parts = 1; parts <= 5; parts++) {
		MUST(token.f->C_DigestInit(session, &sha256));
		mark((enum step)(DIGEST_PARTS + parts - 1));
		for (int i = 0; i < parts; i++)
			token.f->C_DigestUpdate(session, in, sizeof(in));
		n = sizeof(out);
		COUNT((enum step)(DIGEST_PARTS + parts - 1),
		      token.f->C_DigestFinal(session, out, &n));
	}
	return 0;
}

static int macs(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
	CK_MECHANISM hmac = {CKM_SHA256_HMAC, NULL, 0};
	unsigned char in[100] = {0}, out[64];
	CK_ULONG n;

	for (int times = 0; times < 2; times++) {
		COUNT(SIGN_INIT, token.f->C_SignInit(session, &hmac, key));
		n = sizeof(out);
		COUNT(SIGN, token.f->C_Sign(session, in, sizeof(in), out, &n));
		COUNT(VERIFY_INIT, token.f->C_VerifyInit(session, &hmac, key));
		COUNT(VERIFY, token.f->C_Verify(session, in, sizeof(in), out, n));
	}
	return 0;
}

static int cipher(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, CK_MECHANISM_TYPE type,
		  enum step init, bool decrypt)
{
	struct material material = {.type = type, .aad = secret, .aad_length = 13};
	unsigned char in[1600] = {0}, out[1700];
	struct mechanism_store store;
	CK_MECHANISM_PTR mechanism = guest_mechanism(&store, &material);
	CK_ULONG n, m;

	for (int times = 0; times < 2; times++) {
		n = sizeof(out);
		COUNT(init, token.f->C_EncryptInit(session, mechanism, key));
		COUNT((enum step)(init + 1), token.f->C_Encrypt(session, in, sizeof(in), out, &n));
		if (!decrypt)
			continue;
		m = sizeof(in);
		COUNT((enum step)(init + 2), token.f->C_DecryptInit(session, mechanism, key));
		COUNT((enum step)(init + 3), token.f->C_Decrypt(session, out, n, in, &m));
	}
	return 0;
}

static int find_nothing(CK_SESSION_HANDLE session)
{
	CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	CK_ATTRIBUTE template = {CKA_CLASS, &class, sizeof(class)};
	CK_OBJECT_HANDLE object;
	CK_ULONG n;

	mark(FIND_NOTHING);
	MUST(token.f->C_FindObjectsInit(session, &template, 1));
	MUST(token.f->C_FindObjects(session, &object, 1, &n));
	MUST(token.f->C_FindObjectsFinal(session));
	mark(OUTSIDE);
	return 0;
}

static int start(void)
{
	CK_MECHANISM_TYPE list[256];
	CK_ULONG slots = 0, n;

	if (token_open(&token) != 0)
		return -1;
	MUST(token.f->C_Finalize(NULL));
	mark(START);
	MUST(token.f->C_Initialize(NULL));
	MUST(token.f->C_GetSlotList(CK_TRUE, NULL, &slots));
	mark(OUTSIDE);
	if (token.absent)
		return 0;
	n = sizeof(list) / sizeof(*list);
	COUNT(LIST_FIRST, token.f->C_GetMechanismList(token.slot, list, &n));
	COUNT(LIST_AGAIN, token.f->C_GetMechanismList(token.slot, list, &n));
	return 0;
}

/* In the child; it was started by its own setup, with the module loaded but not yet running. */
static int work(void)
{
	CK_SESSION_HANDLE session;
	struct token_key aes, mac;

	if (guest_setup(NULL) != 0)
		return -1;
	if (token.absent)
		return 0;
	if (token_session(&token, 0, &session) != 0)
		return -1;
	if (guest_offers(CKM_SHA256) && digests(session) != 0)
		return -1;
	if (guest_offers(CKM_SHA256_HMAC)) {
		mac = guest_key(session, "generic-secret", secret, sizeof(secret), true);
		if (macs(session, mac.object) != 0)
			return -1;
		token_key_drop(&mac);
	}
	if (guest_offers(CKM_AES_CBC)) {
		aes = guest_key(session, "aes", secret, sizeof(secret), true);
		if (cipher(session, aes.object, CKM_AES_CBC, CBC_INIT, true) != 0 ||
		    cipher(session, aes.object, CKM_AES_CTR, CTR_INIT, false) != 0)
			return -1;
		if (guest_offers(CKM_AES_GCM) &&
		    cipher(session, aes.object, CKM_AES_GCM, GCM_INIT, true) != 0)
			return -1;
		token_key_drop(&aes);
	}
	return find_nothing(session);
}

static void child(int errors)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
		_exit(3);
	raise(SIGSTOP);
	if (start() == 0) {
		token_close(&token);
		if (work() == 0)
			_exit(token.absent ? 2 : 0);
	}
	if (write(errors, token.error, strlen(token.error)) < 0)
		_exit(3);
	_exit(1);
}

static void note_bind(pid_t pid, const struct __ptrace_syscall_info *info)
{
	struct iovec local = {&bound[n_bound], sizeof(bound[0])};
	struct iovec remote = {(void *)(uintptr_t)info->entry.args[1], sizeof(bound[0])};

	if (n_bound < NAMES_MAX &&
	    process_vm_readv(pid, &local, 1, &remote, 1, 0) == (ssize_t)sizeof(bound[0]))
		n_bound++;
}

/* One system call of the child's, at its entry. */
static void count(pid_t pid, enum step *step)
{
	struct __ptrace_syscall_info info = {0};
	long number;
	int id;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) <= 0 ||
	    info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return;
	number = (long)info.entry.nr;
	id = MARK - (int)info.entry.args[0];
	if (number == SYS_getpgid && id >= 0 && id < STEPS) {
		/* Steps begin anew, but for those that have several calls. */
		if (id != OUTSIDE && *step == OUTSIDE) {
			memset(&steps[id], 0, sizeof(steps[id]));
			steps[id].reached = true;
		}
		*step = (enum step)id;
		return;
	}
	steps[*step].calls++;
	if (number >= 0 && number < 512)
		steps[*step].of[number]++;
	if (*step == LIST_FIRST && number == SYS_bind)
		note_bind(pid, &info);
}

static int trace(void **state)
{
	enum step step = OUTSIDE;
	int errors[2], status = 0, signal;
	ssize_t n;
	pid_t pid;

	if (pipe(errors) != 0)
		return -1;
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		child(errors[1]);
	close(errors[1]);
	waitpid(pid, &status, 0);
	if (!WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) != 0) {
		print_message("# the child cannot be traced: %s\n", strerror(errno));
		return -1;
	}
	for (signal = 0; ptrace(PTRACE_SYSCALL, pid, NULL, signal) == 0;) {
		if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
			break;
		signal = WSTOPSIG(status);
		if (signal == (SIGTRAP | 0x80)) {
			count(pid, &step);
			signal = 0;
		}
	}
	n = read(errors[0], child_error, sizeof(child_error) - 1);
	close(errors[0]);
	child_error[n < 0 ? 0 : n] = '\0';
	absent = WIFEXITED(status) && WEXITSTATUS(status) == 2;
	if (!WIFEXITED(status) || (WEXITSTATUS(status) != 0 && !absent)) {
		print_message("# the child ended with status 0x%x: %s\n", status, child_error);
		return -1;
	}
	return 0;
}

static void need(enum step step)
{
	if (absent)
		guest_skip("the module offers no slot");
	if (!steps[step].reached)
		guest_skip("the mechanism is not offered on this kernel to this user");
}

static void expect(enum step step, const char *name, unsigned long calls)
{
	need(step);
	print_message("# %s: %lu system calls\n", name, steps[step].calls);
	if (steps[step].calls == calls)
		return;
	for (size_t i = 0; i < sizeof(steps[step].of) / sizeof(*steps[step].of); i++)
		if (steps[step].of[i])
			print_message("#   system call number %zu: %lu times\n", i,
				      steps[step].of[i]);
	guest_fail("%s: %lu system calls instead of %lu", name, steps[step].calls, calls);
}

static void test_start(void **state)
{
	print_message("# C_Initialize and C_GetSlotList: %lu system calls\n", steps[START].calls);
	assert_true(steps[START].reached);
	assert_in_range(steps[START].calls, 0, 19);
}

static void test_mechanism_list(void **state)
{
	need(LIST_FIRST);
	print_message("# the first C_GetMechanismList: %lu system calls, %zu kernel names\n",
		      steps[LIST_FIRST].calls, n_bound);
	assert_in_range(n_bound, 1, NAMES_MAX - 1);
	assert_in_range(steps[LIST_FIRST].calls, 1, 3 * n_bound);
	for (size_t i = 0; i < n_bound; i++)
		for (size_t j = 0; j < i; j++)
			if (!memcmp(bound[i].salg_type, bound[j].salg_type,
				    sizeof(bound[i].salg_type)) &&
			    !memcmp(bound[i].salg_name, bound[j].salg_name,
				    sizeof(bound[i].salg_name)))
				guest_fail("%s is asked for twice", bound[i].salg_name);
	expect(LIST_AGAIN, "the second C_GetMechanismList", 0);
}

static void test_digest(void **state)
{
	expect(DIGEST_INIT, "C_DigestInit", 0);
	expect(DIGEST, "C_Digest", 2);
	expect(DIGEST_EMPTY, "C_Digest of nothing", 1);
}

static void test_digest_parts(void **state)
{
	char name[64];

	for (unsigned int parts = 1; parts <= 5; parts++) {
		snprintf(name, sizeof(name), "C_DigestUpdate %u times, and C_DigestFinal", parts);
		expect((enum step)(DIGEST_PARTS + parts - 1), name, parts + 1);
	}
}

static void test_mac(void **state)
{
	expect(SIGN_INIT, "C_SignInit", 1);
	expect(SIGN, "C_Sign", 2);
	expect(VERIFY_INIT, "C_VerifyInit", 1);
	expect(VERIFY, "C_Verify", 2);
}

static void test_cipher(void **state)
{
	expect(CBC_INIT, "C_EncryptInit of CBC", 1);
	expect(CBC, "C_Encrypt of CBC", 2);
	expect(CBC_DECRYPT_INIT, "C_DecryptInit of CBC", 1);
	expect(CBC_DECRYPT, "C_Decrypt of CBC", 2);
	expect(CTR_INIT, "C_EncryptInit of CTR", 1);
	expect(CTR, "C_Encrypt of CTR", 2);
}

static void test_gcm(void **state)
{
	expect(GCM_INIT, "C_EncryptInit of GCM", 1);
	expect(GCM, "C_Encrypt of GCM", 2);
	expect(GCM_DECRYPT_INIT, "C_DecryptInit of GCM", 1);
	expect(GCM_DECRYPT, "C_Decrypt of GCM", 2);
}

static void test_find_nothing(void **state)
{
	expect(FIND_NOTHING, "a search for certificates", 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start),  cmocka_unit_test(test_mechanism_list),
		cmocka_unit_test(test_digest), cmocka_unit_test(test_digest_parts),
		cmocka_unit_test(test_mac),    cmocka_unit_test(test_cipher),
		cmocka_unit_test(test_gcm),    cmocka_unit_test(test_find_nothing),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, trace, NULL);
}
