/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What those see of a key who are not to have it: another user, a process that does not possess it,
 * a program whose caller chose its environment, and a process that a seccomp filter keeps from the
 * kernel's keys or from AF_ALG. No access, no crash, and the log says why. test-session-keys.c has
 * processes that become another user's.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "made.h"

#ifndef AF_ALG
#define AF_ALG 38
#endif

enum { OTHER_USER = 12345 };

#define LABEL "isolated"

static const unsigned char secret[32] = "what is not to be had by others";

static struct token_key key;
static CK_SESSION_HANDLE session;
static char self[256];

/* A log of the running child's own: others' files are not its to write. */
static int log_to(struct token *t, char path[64])
{
	int fd;

	strcpy(path, "/tmp/kcryptoki-isolation-XXXXXX");
	fd = mkstemp(path);
	if (fd < 0)
		return guest_error(t, "mkstemp: %s", strerror(errno));
	close(fd);
	return setenv("KCRYPTOKI_DEBUG", path, 1);
}

static bool says(const char *path, const char *text)
{
	FILE *log = fopen(path, "r");
	char line[1024];
	bool found = false;

	while (log && fgets(line, sizeof(line), log)) {
		if (strstr(line, text))
			found = true;
	}
	if (log)
		fclose(log);
	return found;
}

static int expect(struct token *t, CK_RV rv, CK_RV wanted, const char *what)
{
	return rv == wanted ? 0 : guest_error(t, "%s: 0x%lx instead of 0x%lx", what, rv, wanted);
}

static CK_RV encrypt(struct token *t, CK_SESSION_HANDLE s, CK_OBJECT_HANDLE with)
{
	unsigned char iv[16] = {0}, text[16] = {0}, out[16];
	CK_MECHANISM mechanism = {CKM_AES_CBC, iv, sizeof(iv)};
	CK_ULONG n = sizeof(out);
	CK_RV rv = t->f->C_EncryptInit(s, &mechanism, with);

	return rv == CKR_OK ? t->f->C_Encrypt(s, text, sizeof(text), out, &n) : rv;
}

static CK_RV digest(struct token *t, CK_SESSION_HANDLE s)
{
	CK_MECHANISM mechanism = {CKM_SHA_1, NULL, 0};
	unsigned char out[20];
	CK_ULONG n = sizeof(out);
	CK_RV rv = t->f->C_DigestInit(s, &mechanism);

	return rv == CKR_OK ? t->f->C_Digest(s, out, 0, out, &n) : rv;
}

/* Neither in the module nor past it. */
static int see_nothing(struct token *t, CK_SESSION_HANDLE s)
{
	CK_OBJECT_HANDLE found;
	int n = made_find(t, s, LABEL, &found);
	CK_RV rv = encrypt(t, s, key.object);

	if (n != 0)
		return guest_error(t, "%d keys are found", n);
	/* Another user may not have the mechanism either. */
	if (rv != CKR_KEY_HANDLE_INVALID && rv != CKR_MECHANISM_INVALID)
		return guest_error(t, "a handle of another process: 0x%lx", rv);
	if (keyctl_get_keyring_ID(key.serial, 0) != -1 || errno != EACCES)
		return guest_error(t, "the kernel lets this process use the key");
	return 0;
}

static int become_other(struct token *t)
{
	if (setgid(OTHER_USER) != 0 || setuid(OTHER_USER) != 0)
		return guest_error(t, "setuid: %s", strerror(errno));
	/* As a login does; the old one is possessed still. */
	if (keyctl_join_session_keyring(NULL) < 0)
		return guest_error(t, "a session keyring: %s", strerror(errno));
	return 0;
}

static void need(void)
{
	if (key.object == CK_INVALID_HANDLE)
		guest_skip("the first test says why");
}

static int as_another_user(struct token *t, void *argument)
{
	CK_SESSION_HANDLE s;

	(void)argument;
	if (become_other(t) != 0 || token_start(t) != 0 || token_session(t, 0, &s) != 0)
		return -1;
	return see_nothing(t, s);
}

static void test_another_user(void **state)
{
	(void)state;
	need();
	if (getuid() != 0)
		guest_skip("only root can become another user");
	guest_child(as_another_user, NULL);
	/* It is there all the same. */
	GUEST_RV(encrypt(&token, session, key.object), CKR_OK);
}

/* A keyring that is found in no other, and which only its possessor may look at. */
static key_serial_t hidden;

static int without_possession(struct token *t, void *argument)
{
	char conf[] = "/tmp/kcryptoki-conf-XXXXXX", path[64], text[64];
	int fd = mkstemp(conf), n;
	CK_SESSION_HANDLE s;
	CK_OBJECT_HANDLE found;

	(void)argument;
	n = snprintf(text, sizeof(text), "[token kernel-user]\nkeyring = %d\n", hidden);
	if (fd < 0 || write(fd, text, (size_t)n) != n || close(fd) != 0 || log_to(t, path) != 0)
		return guest_error(t, "no configuration");
	setenv("KCRYPTOKI_CONF", conf, 1);
	if (keyctl_join_session_keyring(NULL) < 0)
		return guest_error(t, "a session keyring: %s", strerror(errno));
	if (token_start(t) != 0 || token_session(t, 0, &s) != 0)
		return -1;
	n = made_find(t, s, LABEL, &found);
	if (n != 0)
		return guest_error(t, "%d keys are found", n);
	if (!says(path, "shows no objects"))
		return guest_error(t, "the log says no reason");
	return 0;
}

static int possess_and_ask(struct token *t, void *argument)
{
	int status = -1;
	pid_t child;

	/* In this child's session keyring alone. */
	if (keyctl_join_session_keyring(NULL) < 0)
		return guest_error(t, "a session keyring: %s", strerror(errno));
	hidden = add_key("keyring", "kcryptoki-hidden", NULL, 0, KEY_SPEC_SESSION_KEYRING);
	if (hidden < 0 || add_key("logon", "pkcs11:object=" LABEL "?x-key-type=aes", secret,
				  sizeof(secret), hidden) < 0)
		return guest_error(t, "add_key: %s", strerror(errno));
	if (keyctl_setperm(hidden, KEY_POS_ALL) != 0)
		return guest_error(t, "setperm: %s", strerror(errno));
	child = guest_fork(without_possession, argument);
	if (waitpid(child, &status, 0) != child || status != 0)
		return guest_error(t, "its child ended with status 0x%x", status);
	return 0;
}

static void test_no_possession(void **state)
{
	(void)state;
	need();
	guest_child(possess_and_ask, NULL);
}

/* The program that others run, with root's rights: main() comes here. */
static int with_raised_rights(void)
{
	struct token t = {0};
	CK_SLOT_ID slots[8];
	CK_ULONG n = 8;

	if (!getauxval(AT_SECURE) || geteuid() != 0 || getuid() == 0) {
		puts("# it has no raised rights");
		return 2;
	}
	if (token_load(&t) != 0 || token_start(&t) != 0) {
		printf("# %s\n", t.error);
		return 3;
	}
	if (t.f->C_GetSlotList(CK_TRUE, slots, &n) != CKR_OK)
		return 4;
	/* The configuration that the caller named has one token. */
	printf("# %lu slots\n", n);
	return n == 2 ? 0 : 5;
}

static bool copy_program(const char *to)
{
	char command[600];

	snprintf(command, sizeof(command), "cp %s %s && chmod 4755 %s", self, to, to);
	return system(command) == 0; /* NOLINT(cert-env33-c) */
}

static int call_program(struct token *t, void *argument)
{
	const char *program = argument;
	char conf[] = "/tmp/kcryptoki-conf-XXXXXX";
	static const char text[] = "[token forged]\nkeyring = session\n";
	int fd, status;
	pid_t child;

	if (become_other(t) != 0)
		return -1;
	fd = mkstemp(conf);
	if (fd < 0 || write(fd, text, sizeof(text) - 1) < 0 || close(fd) != 0)
		return guest_error(t, "no configuration");
	setenv("KCRYPTOKI_CONF", conf, 1);
	setenv("KCRYPTOKI_DEBUG", "/tmp/kcryptoki-forged-log", 1);
	child = fork();
	if (child == 0) {
		execl(program, program, "raised", NULL);
		_exit(6);
	}
	if (waitpid(child, &status, 0) != child || status != 0)
		return guest_error(t, "the program ended with status 0x%x", status);
	if (access("/tmp/kcryptoki-forged-log", F_OK) == 0)
		return guest_error(t, "it wrote a log where its caller said");
	return 0;
}

static void test_setuid_program(void **state)
{
	static char program[] = "/run/kcryptoki-raised";

	(void)state;
	need();
	if (getuid() != 0)
		guest_skip("only root can install a setuid program");
	if (!copy_program(program))
		guest_fail("the program cannot be installed");
	guest_child(call_program, program);
	unlink(program);
}

/* Forbids NUMBER with ERROR; with FIRST (not 0), only where that is its first argument. */
static int forbid(struct token *t, long number, unsigned int first, int error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)number, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, first, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned int)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(*code), code};

	if (!first) {
		/* Whatever the argument is. */
		code[3].jt = 0;
		code[3].jf = 0;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		return guest_error(t, "seccomp: %s", strerror(errno));
	return 0;
}

struct filter {
	const char *name;
	long number;
	unsigned int first;
	int error;
	const char *reason; /* that the log gives a process which has it from the start */
};

static const struct filter filters[] = {
	{"AF_ALG, EPERM", SYS_socket, AF_ALG, EPERM, "a seccomp filter forbids them"},
	{"AF_ALG, EACCES", SYS_socket, AF_ALG, EACCES, "a seccomp filter forbids them"},
	{"AF_ALG, EAFNOSUPPORT", SYS_socket, AF_ALG, EAFNOSUPPORT, "RestrictAddressFamilies"},
	{"keyctl, EPERM", SYS_keyctl, 0, EPERM, "shows no objects"},
	{"keyctl, ENOSYS", SYS_keyctl, 0, ENOSYS, "shows no objects"},
};

/* No slots, or no objects; never a failure. */
static int from_the_start(struct token *t, void *argument)
{
	const struct filter *filter = argument;
	CK_SESSION_HANDLE s;
	CK_OBJECT_HANDLE found;
	CK_SLOT_ID slots[8];
	CK_ULONG n = 8;
	char path[64];

	if (log_to(t, path) != 0 || forbid(t, filter->number, filter->first, filter->error) != 0)
		return -1;
	if (expect(t, t->f->C_Initialize(NULL), CKR_OK, "C_Initialize") != 0 ||
	    expect(t, t->f->C_GetSlotList(CK_TRUE, slots, &n), CKR_OK, "C_GetSlotList") != 0)
		return -1;
	if ((n == 0) != (filter->number == SYS_socket))
		return guest_error(t, "%lu slots", n);
	if (n) {
		if (token_session(t, 0, &s) != 0)
			return -1;
		if (made_find(t, s, LABEL, &found) != 0)
			return guest_error(t, "keys are found, or a search fails");
		/* What takes no key works. */
		if (expect(t, digest(t, s), CKR_OK, "a digest") != 0)
			return -1;
	}
	if (!says(path, filter->reason))
		return guest_error(t, "the log does not say \"%s\"", filter->reason);
	return expect(t, t->f->C_Finalize(NULL), CKR_OK, "C_Finalize");
}

/* What was found before cannot be used any more, and goes on where it needs nothing that is
 * forbidden. */
static int later(struct token *t, void *argument)
{
	const struct filter *filter = argument;
	CK_SESSION_HANDLE s;
	CK_OBJECT_HANDLE found;
	bool sockets = filter->number == SYS_socket;
	char path[64];
	CK_RV rv;

	if (log_to(t, path) != 0 || token_start(t) != 0 || token_session(t, 0, &s) != 0)
		return -1;
	if (made_find(t, s, LABEL, &found) != 1 || encrypt(t, s, found) != CKR_OK ||
	    digest(t, s) != CKR_OK)
		return guest_error(t, "the key is not found, or does not work");
	if (forbid(t, filter->number, filter->first, filter->error) != 0)
		return -1;
	/* The key is checked by keyctl(2); its socket is kept. */
	rv = encrypt(t, s, found);
	if (sockets ? rv != CKR_OK : rv == CKR_OK)
		return guest_error(t, "a key that was used before: 0x%lx", rv);
	if (!sockets && !says(path, "is refused"))
		return guest_error(t, "the log does not say that the key is refused");
	if (expect(t, digest(t, s), CKR_OK, "a digest") != 0)
		return -1;
	return expect(t, t->f->C_Finalize(NULL), CKR_OK, "C_Finalize");
}

static void test_seccomp_from_the_start(void **state)
{
	(void)state;
	need();
	for (size_t i = 0; i < sizeof(filters) / sizeof(*filters); i++) {
		print_message("# %s\n", filters[i].name);
		guest_child(from_the_start, (void *)&filters[i]);
	}
}

static void test_seccomp_later(void **state)
{
	(void)state;
	need();
	for (size_t i = 0; i < sizeof(filters) / sizeof(*filters); i++) {
		print_message("# %s\n", filters[i].name);
		guest_child(later, (void *)&filters[i]);
	}
}

static void test_begin(void **state)
{
	(void)state;
	guest_need_keys();
	guest_need(CKM_AES_CBC);
	session = guest_session();
	GUEST_OK(token_key_put(&token, session, NULL, "aes", LABEL, secret, sizeof(secret), &key));
	GUEST_OK(guest_freeze(&token, key.serial));
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
	session = guest_session();
	if (made_find(&token, session, LABEL, &key.object) != 1)
		guest_fail("the key is not found");
}

static int test_end(void **state)
{
	if (key.serial)
		token_key_drop(&key);
	return guest_teardown(state);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_begin),
		cmocka_unit_test(test_another_user),
		cmocka_unit_test(test_no_possession),
		cmocka_unit_test(test_setuid_program),
		cmocka_unit_test(test_seccomp_from_the_start),
		cmocka_unit_test(test_seccomp_later),
	};

	if (argc > 1 && strcmp(argv[1], "raised") == 0)
		return with_raised_rights();
	snprintf(self, sizeof(self), "%s", argv[0]);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, guest_setup, test_end);
}
