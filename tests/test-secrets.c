/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the bytes of keys are while a process uses them: nowhere in it, or in locked memory that no
 * core dump has, for as long as they pass through. A child uses the module; this process looks
 * through its memory. It never has the bytes itself but as their complement.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "made.h"
#include "messages.h"
#include "needles.h"
#include "objects.h"

#define LABEL "secrets"

/* What both processes see: how far the child is, and what it found out. */
static struct {
	key_serial_t serial;
} * shared;

static struct needles secret;

static void make_secret(void)
{
	unsigned char bytes[32];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		guest_fail("no random bytes");
	needles_set(&secret, "the key", bytes, sizeof(bytes));
	explicit_bzero(bytes, sizeof(bytes));
}

static void reveal(unsigned char bytes[32])
{
	for (size_t i = 0; i < 32; i++)
		bytes[i] = (unsigned char)~secret.complement[i];
}

/* The key is set by a process that is gone then. */
static int plant(struct token *t, void *argument)
{
	unsigned char bytes[32];

	(void)argument;
	reveal(bytes);
	shared->serial = add_key("logon", "pkcs11:object=" LABEL "?x-key-type=aes", bytes,
				 sizeof(bytes), KEY_SPEC_USER_KEYRING);
	if (shared->serial < 0)
		return guest_error(t, "add_key: %s", strerror(errno));
	return guest_freeze(t, shared->serial);
}

#define STEP(call)                                                                   \
	do {                                                                         \
		CK_RV rv_ = (call);                                                  \
		if (rv_ != CKR_OK)                                                   \
			return guest_error(t, "%s:%d: 0x%lx", #call, __LINE__, rv_); \
	} while (0)

/* The child's side of each test: it works, and then stands still. */
static void stand_still(void)
{
	raise(SIGSTOP);
}

static int start(struct token *t, CK_SESSION_HANDLE *session)
{
	return token_start(t) == 0 ? token_session(t, CKF_RW_SESSION, session) : -1;
}

static int use(struct token *t, CK_SESSION_HANDLE s, CK_OBJECT_HANDLE key)
{
	static const CK_MECHANISM_TYPE types[] = {CKM_AES_ECB, CKM_AES_CBC_PAD, CKM_AES_CTR,
						  CKM_AES_GCM, CKM_AES_CCM,     CKM_AES_CTS};
	unsigned char text[64] = "a text", out[200], back[200];
	CK_ATTRIBUTE check = {CKA_CHECK_VALUE, out, 3};
	CK_MECHANISM cmac = {CKM_AES_CMAC, NULL, 0};
	CK_ULONG n, m;

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		struct material material = {.type = types[i]};
		struct mechanism_store store;
		CK_MECHANISM_PTR mechanism = guest_mechanism(&store, &material, sizeof(text));

		n = sizeof(out);
		m = sizeof(back);
		STEP(t->f->C_EncryptInit(s, mechanism, key));
		STEP(t->f->C_Encrypt(s, text, sizeof(text), out, &n));
		STEP(t->f->C_DecryptInit(s, mechanism, key));
		STEP(t->f->C_Decrypt(s, out, n, back, &m));
	}
	n = sizeof(out);
	STEP(t->f->C_SignInit(s, &cmac, key));
	STEP(t->f->C_Sign(s, text, sizeof(text), out, &n));
	STEP(t->f->C_VerifyInit(s, &cmac, key));
	STEP(t->f->C_Verify(s, text, sizeof(text), out, n));
	STEP(t->f->C_GetAttributeValue(s, key, &check, 1));
	return 0;
}

static int use_planted(struct token *t, void *argument)
{
	CK_SESSION_HANDLE s;
	CK_OBJECT_HANDLE key;

	(void)argument;
	if (start(t, &s) != 0)
		return -1;
	if (made_find(t, s, LABEL, &key) != 1)
		return guest_error(t, "the key is not found");
	if (use(t, s, key) != 0)
		return -1;
	stand_still();
	return 0;
}

/* HOW of made.h, by C_CreateObject; the caller wipes what it brought. */
static int create_and_use(struct token *t, void *argument)
{
	unsigned int how = *(unsigned int *)argument;
	unsigned char bytes[32];
	CK_SESSION_HANDLE s;
	CK_OBJECT_HANDLE key;

	if (start(t, &s) != 0)
		return -1;
	reveal(bytes);
	STEP(made_key(t, s, LABEL, bytes, sizeof(bytes), how, &key));
	explicit_bzero(bytes, sizeof(bytes));
	if (use(t, s, key) != 0)
		return -1;
	stand_still();
	STEP(t->f->C_DestroyObject(s, key));
	stand_still();
	return 0;
}

/* A key that is generated and can be read: by this process's parent, to whom it belongs as well. */
static int generate_and_use(struct token *t, void *argument)
{
	unsigned char wrapped[64];
	CK_MECHANISM wrapping = {CKM_AES_KEY_WRAP, NULL, 0};
	CK_OBJECT_HANDLE key, kek, copy, back;
	CK_ULONG n = sizeof(wrapped);
	CK_SESSION_HANDLE s;

	(void)argument;
	if (start(t, &s) != 0)
		return -1;
	STEP(made_key(t, s, LABEL, NULL, 32, MADE_TOKEN | MADE_EXTRACTABLE, &key));
	STEP(made_key(t, s, "a key to wrap with", NULL, 32, MADE_SENSITIVE, &kek));
	shared->serial = made_serial(t, s, key);
	if (use(t, s, key) != 0)
		return -1;
	stand_still();
	/* What passes through from here on is known to who looks. */
	STEP(t->f->C_WrapKey(s, &wrapping, kek, key, wrapped, &n));
	STEP(t->f->C_UnwrapKey(s, &wrapping, kek, wrapped, n, TEMPLATE(IS_AES, IS_TRUE(CKA_TOKEN)),
			       &back));
	STEP(made_copy(t, s, key, "a copy", MADE_TOKEN, &copy));
	stand_still();
	STEP(t->f->C_DestroyObject(s, back));
	STEP(t->f->C_DestroyObject(s, copy));
	STEP(t->f->C_DestroyObject(s, key));
	return 0;
}

static pid_t begin(guest_job run, void *argument)
{
	pid_t child = guest_fork(run, argument);
	int status;

	if (waitpid(child, &status, WUNTRACED) != child || !WIFSTOPPED(status))
		guest_fail("the child ended with status 0x%x", status);
	return child;
}

static void go_on(pid_t child)
{
	int status;

	kill(child, SIGCONT);
	if (waitpid(child, &status, WUNTRACED) != child || !WIFSTOPPED(status))
		guest_fail("the child ended with status 0x%x", status);
}

static void end(pid_t child)
{
	kill(child, SIGCONT);
	guest_reap(child);
}

static struct needles_found look(pid_t child)
{
	struct needles_found found = needles_in(child, &secret, 1);

	print_message("# %zu KiB were looked through: %ld times in locked memory, %ld elsewhere\n",
		      found.looked / 1024, found.locked, found.open);
	if (found.looked < 1 << 20)
		guest_fail("the child's memory cannot be read");
	return found;
}

static void need(void)
{
	guest_need_keys();
	if (!made_unread())
		guest_skip("keys that nobody can read cannot be used here");
	guest_need(CKM_AES_GCM);
	make_secret();
}

static int show(struct token *t, void *argument)
{
	unsigned char *bytes = malloc(4096);
	unsigned char *locked =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)argument;
	if (!bytes || locked == MAP_FAILED || mlock(locked, 4096) ||
	    madvise(locked, 4096, MADV_DONTDUMP))
		return guest_error(t, "no memory");
	memset(bytes, 0, 4096);
	reveal(bytes + 1001);
	reveal(locked + 77);
	stand_still();
	explicit_bzero(bytes, 4096);
	explicit_bzero(locked, 4096);
	stand_still();
	return 0;
}

/* Who looks would find it. */
static void test_what_is_there_is_found(void **state)
{
	struct needles_found found;
	pid_t child;

	(void)state;
	make_secret();
	child = begin(show, NULL);
	found = look(child);
	assert_int_equal(found.open, 32 / NEEDLE);
	assert_int_equal(found.locked, 32 / NEEDLE);
	go_on(child);
	found = look(child);
	assert_int_equal(found.open + found.locked, 0);
	end(child);
}

static void test_operations(void **state)
{
	struct needles_found found;
	pid_t child;

	(void)state;
	need();
	guest_child(plant, NULL);
	child = begin(use_planted, NULL);
	found = look(child);
	assert_int_equal(found.open + found.locked, 0);
	end(child);
	keyctl_unlink(shared->serial, KEY_SPEC_USER_KEYRING);
}

static void created(unsigned int how, long locked)
{
	struct needles_found found;
	pid_t child;

	need();
	child = begin(create_and_use, &how);
	found = look(child);
	assert_int_equal(found.open, 0);
	assert_int_equal(found.locked, locked);
	go_on(child);
	found = look(child);
	assert_int_equal(found.open + found.locked, 0);
	end(child);
}

static void test_created(void **state)
{
	(void)state;
	created(MADE_TOKEN, 0);
	created(MADE_TOKEN | MADE_EXTRACTABLE, 0);
}

static void test_created_for_session(void **state)
{
	(void)state;
	created(MADE_SENSITIVE, 0);
}

/* What the process itself holds is in locked memory alone, and wiped when it is destroyed. */
static void test_held(void **state)
{
	(void)state;
	created(0, 32 / NEEDLE);
}

static void read_secret(void)
{
	unsigned char bytes[32];
	long got;

	keyctl_link(KEY_SPEC_USER_KEYRING, KEY_SPEC_PROCESS_KEYRING);
	got = keyctl_read(shared->serial, (char *)bytes, sizeof(bytes));
	if (got != sizeof(bytes))
		guest_fail("the key cannot be read: %s", strerror(errno));
	needles_set(&secret, "the key", bytes, sizeof(bytes));
	explicit_bzero(bytes, sizeof(bytes));
}

/* To the child's next system call, or its next stop; which one: -1 for that. */
static long step(pid_t child)
{
	struct __ptrace_syscall_info info;
	int status;

	for (;;) {
		if (ptrace(PTRACE_SYSCALL, child, NULL, NULL) != 0 ||
		    waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
			guest_fail("the child ended with status 0x%x", status);
		/* Not what the kernel tells of a stop beside the signal itself. */
		if (status >> 8 == SIGSTOP)
			return -1;
		if (ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof(info), &info) > 0 &&
		    info.op == PTRACE_SYSCALL_INFO_ENTRY)
			return (long)info.entry.nr;
	}
}

/* At each system call by which something may be handed over, what passes is in locked memory only.
 */
static void watch(pid_t child)
{
	long seen = 0, number;
	unsigned int steps = 0;
	int status;
	struct needles_found found;

	if (ptrace(PTRACE_SEIZE, child, NULL, PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD) != 0 ||
	    waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
		guest_fail("ptrace: %s", strerror(errno));
	kill(child, SIGCONT);
	while ((number = step(child)) != -1) {
		/* Of the many steps of a key wrap, some: each look takes a while. */
		if (number == SYS_sendmsg || number == SYS_recvmsg || number == SYS_recvfrom
			    ? steps++ % 7 != 0
			    : number != SYS_add_key && number != SYS_keyctl && number != SYS_munmap)
			continue;
		found = needles_in(child, &secret, 1);
		seen += found.locked;
		if (found.open)
			guest_fail("at system call %ld it is in memory that is not locked", number);
	}
	print_message("# on its way it was seen %ld times, in locked memory\n", seen);
	assert_true(seen > 0);
	if (ptrace(PTRACE_DETACH, child, NULL, (void *)SIGSTOP) != 0)
		guest_fail("ptrace: %s", strerror(errno));
}

static void test_what_passes(void **state)
{
	struct needles_found found;
	pid_t child;

	(void)state;
	need();
	guest_need(CKM_AES_KEY_WRAP);
	child = begin(generate_and_use, NULL);
	read_secret();
	found = look(child);
	assert_int_equal(found.open + found.locked, 0);
	watch(child);
	found = look(child);
	assert_int_equal(found.open + found.locked, 0);
	end(child);
}

/* A message whose tag is wrong: no part of the text that it would have been comes out. */
static int decrypt_forged(struct token *t, void *argument)
{
	static const unsigned char key_bytes[32] = "a key that anybody may know";
	struct material material = {.type = CKM_AES_GCM, .key = key_bytes, .key_length = 32};
	unsigned char text[32], sealed[32 + GUEST_SLACK], out[64];
	struct mechanism_store store;
	CK_MECHANISM_PTR mechanism = guest_mechanism(&store, &material, sizeof(text));
	CK_ULONG n = sizeof(out);
	CK_SESSION_HANDLE s;
	CK_OBJECT_HANDLE key;
	size_t length;
	CK_RV rv;

	(void)argument;
	if (start(t, &s) != 0)
		return -1;
	STEP(made_key(t, s, LABEL, key_bytes, 32, MADE_SENSITIVE, &key));
	reveal(text);
	length = guest_expect(&material, text, sizeof(text), sealed);
	explicit_bzero(text, sizeof(text));
	sealed[length - 1] ^= 1;
	STEP(t->f->C_DecryptInit(s, mechanism, key));
	rv = t->f->C_Decrypt(s, sealed, length, out, &n);
	if (rv != CKR_ENCRYPTED_DATA_INVALID)
		return guest_error(t, "a forged message: 0x%lx", rv);
	stand_still();
	return 0;
}

static void test_forged_text(void **state)
{
	struct needles_found found;
	pid_t child;

	(void)state;
	need();
	secret.name = "the text";
	child = begin(decrypt_forged, NULL);
	found = look(child);
	assert_int_equal(found.open + found.locked, 0);
	end(child);
}

static int hold_and_dump(struct token *t, void *argument)
{
	const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	unsigned char bytes[32];
	CK_SESSION_HANDLE s;
	CK_OBJECT_HANDLE key;

	(void)argument;
	if (setrlimit(RLIMIT_CORE, &unlimited) != 0 || chdir("/tmp") != 0 || start(t, &s) != 0)
		return -1;
	reveal(bytes);
	STEP(made_key(t, s, LABEL, bytes, sizeof(bytes), 0, &key));
	explicit_bzero(bytes, sizeof(bytes));
	if (use(t, s, key) != 0)
		return -1;
	abort();
}

/* A core dump of a process that holds a key; by root, who says where it goes. */
static void test_core(void **state)
{
	static const char pattern[] = "/tmp/kcryptoki-core";
	FILE *setting;
	struct needles_found found;
	pid_t child;
	int status;

	(void)state;
	need();
	setting = fopen("/proc/sys/kernel/core_pattern", "w");
	if (!setting || fputs(pattern, setting) < 0 || fclose(setting) != 0)
		guest_skip("only root can say where core dumps go");
	child = guest_fork(hold_and_dump, NULL);
	if (waitpid(child, &status, 0) != child || !WIFSIGNALED(status) || !WCOREDUMP(status))
		guest_fail("no core dump: status 0x%x", status);
	found = needles_in_file(pattern, &secret, 1);
	print_message("# a core dump of %zu KiB\n", found.looked / 1024);
	assert_true(found.looked > 1 << 16);
	assert_int_equal(found.open, 0);
	unlink(pattern);
}

static int setup(void **state)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	return shared == MAP_FAILED ? -1 : messages_setup(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_there_is_found),
		cmocka_unit_test(test_operations),
		cmocka_unit_test(test_created),
		cmocka_unit_test(test_created_for_session),
		cmocka_unit_test(test_held),
		cmocka_unit_test(test_what_passes),
		cmocka_unit_test(test_forged_text),
		cmocka_unit_test(test_core),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, guest_teardown);
}
