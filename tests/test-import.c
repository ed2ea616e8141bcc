/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the bytes of an imported key are while kcryptoki(1) has them: in locked memory that no core
 * dump has, and nowhere else; and nowhere in it when it ends. The tool that was built runs, and
 * this process looks through its memory at each system call that hands bytes on, and before its
 * end. It never has the bytes itself but as their complement.
 */
#include <errno.h>
#include <fcntl.h>
#include <keyutils.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest.h"
#include "made.h"
#include "needles.h"

#define FOLDER "/tmp/kcryptoki-import"

enum { LENGTH = 32 };

/* The key as it is, and in hex digits, as the kernel is told of one of type encrypted. */
static struct needles secrets[2];

static void reveal(unsigned char bytes[LENGTH])
{
	for (size_t i = 0; i < LENGTH; i++)
		bytes[i] = (unsigned char)~secrets[0].complement[i];
}

static void make_secret(void)
{
	unsigned char bytes[LENGTH];
	char hex[2 * LENGTH + 1];

	assert_int_equal(getrandom(bytes, sizeof(bytes), 0), sizeof(bytes));
	for (size_t i = 0; i < LENGTH; i++)
		snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
	needles_set(&secrets[0], "the key", bytes, sizeof(bytes));
	needles_set(&secrets[1], "the key in hex", (unsigned char *)hex, 2 * LENGTH);
	explicit_bzero(bytes, sizeof(bytes));
	explicit_bzero(hex, sizeof(hex));
}

/* The bytes into a file of that name. */
static void write_secret(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	unsigned char bytes[LENGTH];

	reveal(bytes);
	if (fd < 0 || write(fd, bytes, sizeof(bytes)) != sizeof(bytes))
		guest_fail("%s: %s", path, strerror(errno));
	explicit_bzero(bytes, sizeof(bytes));
	close(fd);
}

static void write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	if (!file || fputs(text, file) < 0 || fclose(file))
		guest_fail("%s: %s", path, strerror(errno));
}

/* In the child: the tool, which a tracer lets go on. */
__attribute__((noreturn)) static void become(char *const argv[])
{
	int input = open(FOLDER "/key", O_RDONLY | O_CLOEXEC);
	int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (input < 0 || dup2(input, STDIN_FILENO) < 0 || dup2(nothing, STDOUT_FILENO) < 0 ||
	    setenv("KCRYPTOKI_CONF", FOLDER "/conf", 1) ||
	    setenv("CREDENTIALS_DIRECTORY", FOLDER, 1) || ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		_exit(111);
	execv(argv[0], argv);
	_exit(112);
}

struct outcome {
	int status;        /* of wait(2) */
	long locked, open; /* on its way */
	struct needles_found end;
};

static bool hands_on(pid_t child)
{
	struct __ptrace_syscall_info info;

	return ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof(info), &info) > 0 &&
	       info.op == PTRACE_SYSCALL_INFO_ENTRY &&
	       (info.entry.nr == SYS_add_key || info.entry.nr == SYS_write ||
		info.entry.nr == SYS_munmap);
}

static struct outcome run(char *const argv[])
{
	struct outcome outcome = {0};
	pid_t child = fork();
	int status, deliver = 0;

	if (!child)
		become(argv);
	if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, child, NULL,
		   PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXIT))
		guest_fail("%s does not begin: status 0x%x", argv[0], status);
	while (!ptrace(PTRACE_SYSCALL, child, NULL, deliver) &&
	       waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
		deliver = 0;
		if (status >> 8 == (SIGTRAP | PTRACE_EVENT_EXIT << 8)) {
			outcome.end = needles_in(child, secrets, 2);
		} else if (WSTOPSIG(status) != (SIGTRAP | 0x80)) {
			deliver = WSTOPSIG(status);
		} else if (hands_on(child)) {
			struct needles_found found = needles_in(child, secrets, 2);

			outcome.locked += found.locked;
			outcome.open += found.open;
		}
	}
	outcome.status = status;
	return outcome;
}

static void need(void)
{
	guest_need_keys();
	if (!made_unread())
		guest_skip("keys that nobody can read cannot be used here");
	if (access(TOOL, X_OK))
		guest_skip("the tool is not built: it needs jansson");
}

/* With ARGUMENTS; what goes wrong is seen by the key that is not there. */
static bool imports(const char *const arguments[])
{
	const char *argv[16] = {TOOL, "import", "--label", "imported"};
	struct outcome outcome;
	size_t n = 4;

	while (*arguments)
		argv[n++] = *arguments++;
	outcome = run((char *const *)argv);
	print_message("# on its way it was seen %ld times in locked memory, %ld elsewhere; at the "
		      "end of %zu KiB %ld times\n",
		      outcome.locked, outcome.open, outcome.end.looked / 1024,
		      outcome.end.locked + outcome.end.open);
	assert_true(outcome.end.looked > 1 << 20);
	assert_true(outcome.locked > 0);
	assert_int_equal(outcome.open, 0);
	assert_int_equal(outcome.end.locked + outcome.end.open, 0);
	return WIFEXITED(outcome.status) && !WEXITSTATUS(outcome.status);
}

#define IMPORTS(...) imports((const char *const[]){__VA_ARGS__, NULL})

/* And the key is those bytes. */
static void check_key(void)
{
	unsigned char bytes[LENGTH], text[16] = {0};
	struct material material = {.type = CKM_AES_ECB, .key = bytes, .key_length = LENGTH};
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;

	GUEST_OK(token_session(&token, CKF_RW_SESSION, &session));
	if (made_find(&token, session, "imported", &key) != 1)
		guest_fail("the key is not found");
	reveal(bytes);
	GUEST_OK(guest_run(&token, session, key, &material, TOKEN_ENCRYPT, text, sizeof(text),
			   TOKEN_PLAIN, NULL));
	explicit_bzero(bytes, sizeof(bytes));
	GUEST_RV(token.f->C_DestroyObject(session, key), CKR_OK);
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

static void test_a_file(void **state)
{
	need();
	assert_true(IMPORTS(FOLDER "/key"));
	check_key();
}

static void test_standard_input(void **state)
{
	need();
	assert_true(IMPORTS("--json", "-"));
	check_key();
}

static void test_a_credential(void **state)
{
	need();
	assert_true(IMPORTS("--type", "user", "--credential", "key"));
	check_key();
}

/* What is refused leaves as little. */
static void test_a_refusal(void **state)
{
	need();
	assert_false(IMPORTS("--key-type", "aes-xts", "--type", "encrypted", "-"));
	assert_false(IMPORTS("--key-type", "des3", FOLDER "/key"));
}

/* As a text, where the kernel takes it. */
static void test_an_encrypted_key(void **state)
{
	static const char order[] = "new default user:kcryptoki-test-master 20 "
				    "0000000000000000000000000000000000000000";
	key_serial_t master, tried;

	need();
	master = add_key("user", "kcryptoki-test-master", "a master key of thirty-two bytes", 32,
			 KEY_SPEC_USER_KEYRING);
	assert_in_range(master, 1, INT32_MAX);
	tried = add_key("encrypted", "kcryptoki-test", order, strlen(order),
			KEY_SPEC_PROCESS_KEYRING);
	write_text(FOLDER "/conf",
		   "[token t]\nkeyring = user\nmaster = user:kcryptoki-test-master\n");
	if (tried < 0) {
		assert_false(IMPORTS("--type", "encrypted", FOLDER "/key"));
	} else {
		assert_true(IMPORTS("--type", "encrypted", FOLDER "/key"));
		check_key();
		keyctl_unlink(tried, KEY_SPEC_PROCESS_KEYRING);
	}
	write_text(FOLDER "/conf", "[token t]\nkeyring = user\n");
	keyctl_unlink(master, KEY_SPEC_USER_KEYRING);
	print_message("# this kernel makes %s keys of such bytes\n",
		      tried < 0 ? "no encrypted" : "encrypted");
}

static int setup(void **state)
{
	if (mkdir(FOLDER, 0700) && errno != EEXIST)
		return -1;
	make_secret();
	write_secret(FOLDER "/key");
	write_text(FOLDER "/conf", "[token t]\nkeyring = user\n");
	return guest_setup(state);
}

static int teardown(void **state)
{
	unlink(FOLDER "/key");
	unlink(FOLDER "/conf");
	rmdir(FOLDER);
	return guest_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_file),           cmocka_unit_test(test_standard_input),
		cmocka_unit_test(test_a_credential),     cmocka_unit_test(test_a_refusal),
		cmocka_unit_test(test_an_encrypted_key),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, teardown);
}
