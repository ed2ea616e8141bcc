/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A process that is killed while it makes, changes, copies or destroys a key: at each of its system
 * calls, before and after it. What is in the keyring then is all of a key or nothing.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "made.h"

#define LINKED_MAX 64
#define POINTS_MAX 2000

static const unsigned char secret[32] = "thirty-two bytes of a known key";

/* What a child does. WORK starts with a session of its own and the key to work on, if there is one.
 */
struct row {
	const char *name;
	CK_RV (*work)(struct token *t, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key);
	bool begins;     /* with a key that is there */
	bool relabelled; /* which was changed before */
	bool creates;    /* "new" may be there afterwards */
	bool changes;    /* "old" may be "new" instead */
	bool destroys;
	bool known;       /* the bytes of "new" */
	unsigned int how; /* of what begins, or is made */
};

static CK_RV generate(struct token *t, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
	return made_key(t, session, "new", NULL, 32, MADE_TOKEN, &key);
}

static CK_RV generate_readable(struct token *t, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
	return made_key(t, session, "new", NULL, 32, MADE_TOKEN | MADE_EXTRACTABLE, &key);
}

static CK_RV create(struct token *t, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
	return made_key(t, session, "new", secret, 32, MADE_TOKEN, &key);
}

static CK_RV create_readable(struct token *t, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
	return made_key(t, session, "new", secret, 32, MADE_TOKEN | MADE_EXTRACTABLE, &key);
}

static CK_RV copy(struct token *t, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
	return made_copy(t, session, key, "new", MADE_TOKEN, &key);
}

/* Two at once. */
static CK_RV relabel(struct token *t, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
	CK_ATTRIBUTE list[] = {{CKA_LABEL, (void *)"new", 3}, {CKA_ID, (void *)"new", 3}};

	return t->f->C_SetAttributeValue(session, key, list, 2);
}

static CK_RV destroy(struct token *t, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
	return t->f->C_DestroyObject(session, key);
}

static const struct row rows[] = {
	{.name = "generated", .work = generate, .creates = true, .how = MADE_TOKEN},
	{.name = "generated, extractable",
	 .work = generate_readable,
	 .creates = true,
	 .how = MADE_TOKEN | MADE_EXTRACTABLE},
	{.name = "created", .work = create, .creates = true, .known = true, .how = MADE_TOKEN},
	{.name = "created, extractable",
	 .work = create_readable,
	 .creates = true,
	 .known = true,
	 .how = MADE_TOKEN | MADE_EXTRACTABLE},
	{.name = "copied",
	 .work = copy,
	 .begins = true,
	 .creates = true,
	 .known = true,
	 .how = MADE_TOKEN | MADE_EXTRACTABLE},
	{.name = "relabelled",
	 .work = relabel,
	 .begins = true,
	 .changes = true,
	 .how = MADE_TOKEN | MADE_EXTRACTABLE},
	{.name = "relabelled again",
	 .work = relabel,
	 .begins = true,
	 .relabelled = true,
	 .changes = true,
	 .how = MADE_TOKEN | MADE_EXTRACTABLE},
	{.name = "destroyed",
	 .work = destroy,
	 .begins = true,
	 .destroys = true,
	 .how = MADE_TOKEN | MADE_EXTRACTABLE},
	{.name = "relabelled, destroyed",
	 .work = destroy,
	 .begins = true,
	 .relabelled = true,
	 .destroys = true,
	 .how = MADE_TOKEN | MADE_EXTRACTABLE},
};
#define ROWS (sizeof(rows) / sizeof(*rows))

/* The child: all that is not the row's own is done before it lets itself be traced. */
static void run_child(const struct row *row)
{
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key = 0;
	CK_RV rv;

	if (token_start(&token) != 0 || token_session(&token, CKF_RW_SESSION, &session) != 0 ||
	    (row->begins && made_find(&token, session, "old", &key) != 1)) {
		dprintf(STDOUT_FILENO, "# in a child: %s\n", token.error);
		_exit(2);
	}
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
		_exit(3);
	raise(SIGSTOP);
	rv = row->work(&token, session, key);
	raise(SIGSTOP);
	if (rv != CKR_OK)
		dprintf(STDOUT_FILENO, "# in a child: 0x%lx\n", rv);
	_exit(rv == CKR_OK ? 0 : 1);
}

static void kill_it(pid_t child)
{
	int status;

	kill(child, SIGKILL);
	do {
		if (waitpid(child, &status, 0) != child)
			guest_fail("waitpid: %s", strerror(errno));
	} while (!WIFSIGNALED(status) && !WIFEXITED(status));
}

/* Kills a child where it begins or ends a system call for the POINT-th time. False: it was done
 * before. */
static bool run_until(const struct row *row, size_t point)
{
	int status;
	pid_t child;

	fflush(NULL);
	child = fork();
	if (child == 0)
		run_child(row);
	if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
		guest_fail("the child does not begin: status 0x%x", status);
	if (ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) != 0)
		guest_fail("ptrace: %s", strerror(errno));
	for (size_t i = 0; i <= point; i++) {
		if (ptrace(PTRACE_SYSCALL, child, NULL, NULL) != 0 ||
		    waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
			guest_fail("the child ended at point %zu: status 0x%x", i, status);
		if (WSTOPSIG(status) == (SIGTRAP | 0x80))
			continue;
		/* Done: it goes on to its end, and says how it was. */
		if (WSTOPSIG(status) != SIGSTOP || ptrace(PTRACE_CONT, child, NULL, NULL) != 0)
			guest_fail("the child is stopped: status 0x%x", status);
		guest_reap(child);
		return false;
	}
	kill_it(child);
	return true;
}

/* What stands in the keyring, as the kernel tells it. */
static size_t linked_with(const char *text)
{
	key_serial_t serials[LINKED_MAX];
	size_t count = made_linked(serials, LINKED_MAX), n = 0;

	for (size_t i = 0; i < count; i++) {
		char *description;

		if (keyctl_describe_alloc(serials[i], &description) < 0)
			guest_fail("key %d cannot be described", serials[i]);
		n += strstr(description, text) != NULL;
		free(description);
	}
	return n;
}

static bool has_id(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, const char *id)
{
	char value[64];
	CK_ATTRIBUTE attribute = {CKA_ID, value, sizeof(value)};

	GUEST_RV(token.f->C_GetAttributeValue(session, key, &attribute, 1), CKR_OK);
	return attribute.ulValueLen == strlen(id) && !memcmp(value, id, strlen(id));
}

/* A key that is there is whole: it works, and nobody can change it. */
static void check_whole(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, const unsigned char *bytes)
{
	const key_perm_t changing = KEY_OTH_WRITE | KEY_OTH_SETATTR;
	unsigned int perm = 0;
	char *description;

	GUEST_OK(made_works(&token, session, key, bytes, sizeof(secret)));
	assert_true(keyctl_describe_alloc(made_serial(&token, session, key), &description) > 0);
	assert_int_equal(sscanf(description, "%*[^;];%*d;%*d;%x;", &perm), 1);
	assert_int_equal(perm & (changing | changing << 8 | changing << 16 | changing << 24), 0);
	free(description);
}

/* What the killed process left; returns whether it had done its work. */
static bool check(const struct row *row, CK_SESSION_HANDLE session, size_t others)
{
	CK_OBJECT_HANDLE old = 0, new = 0;
	int n_old = made_find(&token, session, "old", &old);
	int n_new = made_find(&token, session, "new", &new);
	size_t sidecars = linked_with("kcryptoki:");

	if (n_old)
		check_whole(session, old, secret);
	if (n_new)
		check_whole(session, new, row->begins || row->known ? secret : NULL);
	if (row->creates) {
		assert_int_equal(n_old, row->begins);
		assert_in_range(n_new, 0, 1);
		assert_int_equal(sidecars, 0);
	} else if (row->changes) {
		assert_int_equal(n_old + n_new, 1);
		assert_int_equal(sidecars, row->relabelled || n_new);
		assert_true(n_old ? !has_id(session, old, "new") : has_id(session, new, "new"));
	} else {
		assert_in_range(n_old, 0, 1);
		assert_int_equal(n_new, 0);
		/* What was changed of a key goes after it: the other way round a key would be what
		 * it was before. Alone it is ignored. */
		assert_in_range(sidecars, n_old && row->relabelled, row->relabelled);
	}
	assert_int_equal(linked_with(";"), others + (size_t)(n_old + n_new) + sidecars);
	if (n_old)
		GUEST_RV(token.f->C_DestroyObject(session, old), CKR_OK);
	if (n_new)
		GUEST_RV(token.f->C_DestroyObject(session, new), CKR_OK);
	return row->destroys ? !n_old : n_new;
}

static void drop_orphans(void)
{
	key_serial_t serials[LINKED_MAX];
	size_t count = made_linked(serials, LINKED_MAX);

	for (size_t i = 0; i < count; i++) {
		char *description;

		if (keyctl_describe_alloc(serials[i], &description) < 0)
			continue;
		if (strstr(description, ";kcryptoki:"))
			keyctl_unlink(serials[i], KEY_SPEC_USER_KEYRING);
		free(description);
	}
}

static void begin(const struct row *row, CK_SESSION_HANDLE session)
{
	CK_OBJECT_HANDLE key;

	if (!row->begins)
		return;
	GUEST_RV(made_key(&token, session, row->relabelled ? "first" : "old", secret, 32, row->how,
			  &key),
		 CKR_OK);
	if (row->relabelled)
		GUEST_RV(made_relabel(&token, session, key, "old"), CKR_OK);
}

static void test_killed(void **state)
{
	const struct row *row = *state;
	struct belongings before;
	CK_SESSION_HANDLE session;
	size_t point, done = 0, others;
	bool more = true;

	guest_need_keys();
	if (!(row->how & MADE_EXTRACTABLE) && !made_unread())
		guest_skip("no key is made here that nobody can read");
	GUEST_OK(token_session(&token, CKF_RW_SESSION, &session));
	before = made_settled();
	others = linked_with(";");
	for (point = 0; more && point < POINTS_MAX; point++) {
		begin(row, session);
		more = run_until(row, point);
		if (check(row, session, others))
			done++;
		else if (done)
			guest_fail("what was done at point %zu is undone at the next", point - 1);
		drop_orphans();
	}
	print_message("# %s: killed at %zu points, after %zu of which it was done\n", row->name,
		      point - 1, done - 1);
	/* One of its own system calls did it, and one was before. */
	assert_in_range(done, 2, point - 1);
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
	made_nothing_left(&before);
}

static int set_up(void **state)
{
	CK_OBJECT_HANDLE key;
	CK_SESSION_HANDLE session;
	int result = guest_setup(state);

	if (result != 0 || token.absent || !guest_offers(CKM_AES_CBC))
		return result;
	/* What a process has once and keeps is there before anything is counted. */
	if (token_session(&token, CKF_RW_SESSION, &session) != 0 ||
	    made_key(&token, session, "first", secret, 32, MADE_TOKEN | MADE_EXTRACTABLE, &key) !=
		    CKR_OK ||
	    made_works(&token, session, key, secret, 32) != 0 ||
	    token.f->C_DestroyObject(session, key) != CKR_OK ||
	    token.f->C_CloseSession(session) != CKR_OK)
		return -1;
	return 0;
}

int main(void)
{
	struct CMUnitTest tests[ROWS];

	for (size_t i = 0; i < ROWS; i++)
		tests[i] = (struct CMUnitTest){.name = rows[i].name,
					       .test_func = test_killed,
					       .initial_state = (void *)&rows[i]};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, guest_teardown);
}
