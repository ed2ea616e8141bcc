/* SPDX-License-Identifier: BSD-2-Clause */
/* How much memory the module takes: idle, for each session, and while a long message passes
 * through. */
#include "guest.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	IDLE_MAX = 200 * 1024,
	SESSION_MAX = 4096,
	SESSIONS = 500,
	PART = 64 * 1024,
	PARTS = 48,
};

static long idle; /* bytes; -1: not measured */
static unsigned char secret[32];

/* Bytes of this process's own, that is what it has and nobody shares. */
static long own_bytes(void)
{
	char line[128];
	long kib, sum = 0;
	FILE *file = fopen("/proc/self/smaps_rollup", "r");

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "Private_Dirty: %ld", &kib) == 1)
			sum = kib * 1024;
	if (file)
		fclose(file);
	return sum;
}

/* Bytes that malloc(3) has given out, and those that it has of the kernel. */
static size_t in_use(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static size_t of_kernel(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.arena + info.hblkhd;
}

static void test_idle(void **state)
{
	(void)state;
	guest_need_slot();
	print_message("# idle, with the libraries that it brings: %ld bytes, %d allowed\n", idle,
		      IDLE_MAX);
	assert_true(idle > 0);
	assert_true(idle < IDLE_MAX);
}

static void test_sessions(void **state)
{
	CK_SESSION_HANDLE sessions[SESSIONS];
	unsigned char iv[16] = {0};
	CK_MECHANISM cbc = {CKM_AES_CBC, iv, sizeof(iv)};
	size_t before, opened, begun;
	struct token_key key;

	(void)state;
	guest_need_keys();
	guest_need(CKM_AES_CBC);
	key = guest_key(guest_session(), "aes", secret, sizeof(secret), true);
	before = in_use();
	for (size_t i = 0; i < SESSIONS; i++)
		GUEST_OK(token_session(&token, 0, &sessions[i]));
	opened = (in_use() - before) / SESSIONS;
	for (size_t i = 0; i < SESSIONS; i++)
		GUEST_RV(token.f->C_EncryptInit(sessions[i], &cbc, key.object), CKR_OK);
	begun = (in_use() - before) / SESSIONS;
	for (size_t i = 0; i < SESSIONS; i++)
		GUEST_RV(token.f->C_CloseSession(sessions[i]), CKR_OK);
	token_key_drop(&key);
	print_message("# a session: %zu bytes, with an operation %zu; %d allowed\n", opened, begun,
		      SESSION_MAX);
	assert_true(opened > 0 && begun > opened);
	assert_true(begun < SESSION_MAX);
}

static CK_RV update(enum token_kind kind, CK_SESSION_HANDLE session, unsigned char *in,
		    unsigned char *out)
{
	CK_ULONG n = PART;

	if (kind == TOKEN_DIGEST)
		return token.f->C_DigestUpdate(session, in, PART);
	if (kind == TOKEN_SIGN)
		return token.f->C_SignUpdate(session, in, PART);
	return token.f->C_EncryptUpdate(session, in, PART, out, &n);
}

static CK_RV finish(enum token_kind kind, CK_SESSION_HANDLE session, unsigned char *out)
{
	CK_ULONG n = PART;

	if (kind == TOKEN_DIGEST)
		return token.f->C_DigestFinal(session, out, &n);
	if (kind == TOKEN_SIGN)
		return token.f->C_SignFinal(session, out, &n);
	return token.f->C_EncryptFinal(session, out, &n);
}

struct stream {
	const char *name;
	CK_MECHANISM_TYPE type;
	enum token_kind kind;
	const char *key_type;
};

static void test_stream(void **state)
{
	static unsigned char in[PART], out[PART];
	const struct stream *stream = *state;
	struct material material = {.type = stream->type};
	struct mechanism_store store;
	CK_SESSION_HANDLE session;
	struct token_key key = {0};
	CK_MECHANISM_PTR mechanism = guest_mechanism(&store, &material, 0);
	size_t used, had;

	if (stream->key_type)
		guest_need_keys();
	guest_need(stream->type);
	session = guest_session();
	if (stream->key_type)
		key = guest_key(session, stream->key_type, secret, sizeof(secret), true);
	if (stream->kind == TOKEN_DIGEST)
		GUEST_RV(token.f->C_DigestInit(session, mechanism), CKR_OK);
	else if (stream->kind == TOKEN_SIGN)
		GUEST_RV(token.f->C_SignInit(session, mechanism, key.object), CKR_OK);
	else
		GUEST_RV(token.f->C_EncryptInit(session, mechanism, key.object), CKR_OK);
	used = in_use();
	had = of_kernel();
	for (int i = 0; i < PARTS; i++) {
		GUEST_RV(update(stream->kind, session, in, out), CKR_OK);
		assert_int_equal(in_use(), used);
	}
	/* Nor was there more meanwhile. */
	assert_int_equal(of_kernel(), had);
	GUEST_RV(finish(stream->kind, session, out), CKR_OK);
	token_key_drop(&key);
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

/* What the module takes of a process that does nothing else, which says it in bytes. */
static int idle_alone(void)
{
	struct token idler = {0};
	long before = own_bytes(), bytes;
	CK_ULONG n = 0;

	if (!before || token_load(&idler) != 0 || idler.f->C_Initialize(NULL) != CKR_OK ||
	    idler.f->C_GetSlotList(CK_TRUE, NULL, &n) != CKR_OK)
		return 1;
	bytes = own_bytes() - before;
	idler.f->C_Finalize(NULL);
	return write(STDOUT_FILENO, &bytes, sizeof(bytes)) != sizeof(bytes);
}

static int set_up(void **state)
{
	int ends[2], status;
	pid_t child;

	if (pipe(ends) != 0)
		return -1;
	child = fork();
	if (child == 0) {
		dup2(ends[1], STDOUT_FILENO);
		execl("/proc/self/exe", "test-footprint", "alone", NULL);
		_exit(1);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || status != 0 ||
	    read(ends[0], &idle, sizeof(idle)) != sizeof(idle))
		idle = -1;
	close(ends[0]);
	close(ends[1]);
	return guest_setup(state);
}

int main(int argc, char **argv)
{
	static const struct stream streams[] = {
		{"SHA-256", CKM_SHA256, TOKEN_DIGEST, NULL},
		{"HMAC", CKM_SHA256_HMAC, TOKEN_SIGN, "generic-secret"},
		{"CMAC", CKM_AES_CMAC, TOKEN_SIGN, "aes"},
		{"CBC", CKM_AES_CBC, TOKEN_ENCRYPT, "aes"},
		{"CTR", CKM_AES_CTR, TOKEN_ENCRYPT, "aes"},
		{"ChaCha20", CKM_CHACHA20, TOKEN_ENCRYPT, "chacha20"},
	};
	enum { STREAMS = sizeof(streams) / sizeof(*streams) };
	struct CMUnitTest tests[2 + STREAMS] = {
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_sessions),
	};

	for (size_t i = 0; i < STREAMS; i++)
		tests[2 + i] = (struct CMUnitTest){.name = streams[i].name,
						   .test_func = test_stream,
						   .initial_state = (void *)&streams[i]};
	(void)argv;
	if (argc > 1)
		return idle_alone();
	guest_fill(secret, sizeof(secret), 11);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, guest_teardown);
}
