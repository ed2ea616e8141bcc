/* SPDX-License-Identifier: BSD-2-Clause */
/* How many system calls an operation costs, once it was done before. */
#include "guest.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "trace.h"

/* How often a message of a process is sent, after the first. */
#define TIMES 4
#define PARTS_MAX 5

enum kind { DIGEST, MAC, CIPHER, STREAM, WRAP, SEALS, SIGNS };

struct row {
	const char *name;
	CK_MECHANISM_TYPE type;
	enum kind kind;
	const char *key_type;
	size_t key_length;
	bool gathered;      /* parts wait for the last one */
	CK_ULONG generator; /* SEALS */
};

#define ROW(type) #type, type
static const struct row rows[] = {
	{ROW(CKM_SHA_1), DIGEST, NULL, 0, false, 0},
	{ROW(CKM_SHA256), DIGEST, NULL, 0, false, 0},
	{ROW(CKM_SHA256_HMAC), MAC, "generic-secret", 32, false, 0},
	{ROW(CKM_AES_CMAC), MAC, "aes", 32, false, 0},
	{ROW(CKM_AES_XCBC_MAC), MAC, "aes", 16, false, 0},
	{ROW(CKM_AES_GMAC), MAC, "aes", 32, true, 0},
	{ROW(CKM_AES_ECB), CIPHER, "aes", 32, false, 0},
	{ROW(CKM_AES_CBC), CIPHER, "aes", 32, false, 0},
	{ROW(CKM_AES_CBC_PAD), CIPHER, "aes", 32, false, 0},
	{ROW(CKM_AES_CTR), STREAM, "aes", 32, false, 0},
	{ROW(CKM_CHACHA20), STREAM, "chacha20", 32, false, 0},
	{ROW(CKM_AES_CTS), CIPHER, "aes", 32, false, 0},
	{ROW(CKM_AES_XTS), CIPHER, "aes-xts", 64, false, 0},
	{ROW(CKM_KCRYPTOKI_ADIANTUM_XCHACHA12_AES), CIPHER, "kcryptoki-adiantum", 32, false, 0},
	{ROW(CKM_AES_GCM), CIPHER, "aes", 32, false, 0},
	{ROW(CKM_AES_CCM), CIPHER, "aes", 32, false, 0},
	{ROW(CKM_CHACHA20_POLY1305), CIPHER, "chacha20", 32, false, 0},
	{ROW(CKM_AES_KEY_WRAP), WRAP, "aes", 32, false, 0},
	{ROW(CKM_AES_KEY_WRAP_KWP), WRAP, "aes", 32, false, 0},
	{"messages, GCM, CKG_NO_GENERATE", CKM_AES_GCM, SEALS, "aes", 32, true, CKG_NO_GENERATE},
	{"messages, GCM, CKG_GENERATE", CKM_AES_GCM, SEALS, "aes", 32, true, CKG_GENERATE},
	{"messages, SHA-256 HMAC", CKM_SHA256_HMAC, SIGNS, "generic-secret", 32, false, 0},
};
#define ROWS (sizeof(rows) / sizeof(*rows))

/* Of each row: what is counted. DO and UNDO are also those of several messages, or sizes. */
enum {
	INIT,
	UNDO_INIT,
	DO,
	UNDO = DO + TIMES,
	PARTS = UNDO + TIMES,
	EMPTY = PARTS + PARTS_MAX,
	WIDTH
};

enum { OUTSIDE, FIND_NOTHING, OF_ROWS };
#define STEPS (OF_ROWS + ROWS * WIDTH)

static struct trace_step steps[STEPS];

static const size_t wrapped[] = {16, 32, 64};

/* What a page of locked memory for the key costs (kernel/secret.c): mmap, mlock, two madvise and
 * munmap. A sanitizer makes nothing of mlock, and the others are not counted (trace.c). */
#ifdef __SANITIZE_ADDRESS__
enum { LOCKED = 0 };
#else
enum { LOCKED = 5 };
#endif

#define MUST(call)                                                           \
	do {                                                                 \
		CK_RV rv_ = (call);                                          \
		if (rv_ != CKR_OK)                                           \
			return guest_error(&token, "%s: 0x%lx", #call, rv_); \
	} while (0)

#define COUNT(step, call)            \
	do {                         \
		trace_mark(step);    \
		CK_RV rv2_ = (call); \
		trace_mark(OUTSIDE); \
		MUST(rv2_);          \
	} while (0)

static unsigned char secret[64];

/* Where a row is done: in the session, with the key, as the steps from FIRST on. */
struct scene {
	const struct row *row;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;
	size_t first;
	CK_FUNCTION_LIST_3_0 *f3;
};

/* Each operation twice: the first one pays for the sockets. */
static int digests(const struct scene *s)
{
	CK_MECHANISM mechanism = {s->row->type, NULL, 0};
	unsigned char in[100] = {0}, out[64];
	CK_ULONG n;

	for (int times = 0; times < 2; times++) {
		COUNT(s->first + INIT, token.f->C_DigestInit(s->session, &mechanism));
		n = sizeof(out);
		COUNT(s->first + DO, token.f->C_Digest(s->session, in, sizeof(in), out, &n));
	}
	MUST(token.f->C_DigestInit(s->session, &mechanism));
	n = sizeof(out);
	COUNT(s->first + EMPTY, token.f->C_Digest(s->session, in, 0, out, &n));
	for (size_t parts = 1; parts <= PARTS_MAX; parts++) {
		MUST(token.f->C_DigestInit(s->session, &mechanism));
		trace_mark(s->first + PARTS + parts - 1);
		for (size_t i = 0; i < parts; i++)
			token.f->C_DigestUpdate(s->session, in, sizeof(in));
		n = sizeof(out);
		COUNT(s->first + PARTS + parts - 1, token.f->C_DigestFinal(s->session, out, &n));
	}
	return 0;
}

static int macs(const struct scene *s)
{
	struct material material = {.type = s->row->type};
	unsigned char in[100] = {0}, out[64];
	struct mechanism_store store;
	CK_MECHANISM_PTR mechanism = guest_mechanism(&store, &material, 0);
	CK_ULONG n;

	for (int times = 0; times < 2; times++) {
		COUNT(s->first + INIT, token.f->C_SignInit(s->session, mechanism, s->key));
		n = sizeof(out);
		COUNT(s->first + DO, token.f->C_Sign(s->session, in, sizeof(in), out, &n));
		COUNT(s->first + UNDO_INIT, token.f->C_VerifyInit(s->session, mechanism, s->key));
		COUNT(s->first + UNDO, token.f->C_Verify(s->session, in, sizeof(in), out, n));
	}
	for (size_t parts = 1; parts <= PARTS_MAX; parts++) {
		MUST(token.f->C_SignInit(s->session, mechanism, s->key));
		trace_mark(s->first + PARTS + parts - 1);
		for (size_t i = 0; i < parts; i++)
			token.f->C_SignUpdate(s->session, in, sizeof(in));
		n = sizeof(out);
		COUNT(s->first + PARTS + parts - 1, token.f->C_SignFinal(s->session, out, &n));
	}
	return 0;
}

/* LENGTH bytes there and back, as DO + WHICH and UNDO + WHICH. */
static int there_and_back(const struct scene *s, size_t length, size_t which)
{
	struct material material = {.type = s->row->type, .aad = secret, .aad_length = 13};
	/* With room for a padding, which saves looking for its length. */
	unsigned char in[1700] = {0}, out[1700];
	struct mechanism_store store;
	CK_MECHANISM_PTR mechanism = guest_mechanism(&store, &material, length);
	CK_ULONG n, m;

	for (int times = 0; times < 2; times++) {
		n = sizeof(out);
		COUNT(s->first + INIT, token.f->C_EncryptInit(s->session, mechanism, s->key));
		COUNT(s->first + DO + which, token.f->C_Encrypt(s->session, in, length, out, &n));
		m = sizeof(in);
		COUNT(s->first + UNDO_INIT, token.f->C_DecryptInit(s->session, mechanism, s->key));
		COUNT(s->first + UNDO + which, token.f->C_Decrypt(s->session, out, n, in, &m));
	}
	return 0;
}

static int ciphers(const struct scene *s)
{
	return there_and_back(s, 1600, 0);
}

/* Parts of whole blocks, and parts that end within one: each gives as many bytes as it takes. */
static int streams(const struct scene *s)
{
	struct material material = {.type = s->row->type};
	unsigned char in[320] = {0}, out[320];
	struct mechanism_store store;
	CK_MECHANISM_PTR mechanism = guest_mechanism(&store, &material, 0);
	CK_ULONG n;

	if (there_and_back(s, 1600, 0) != 0)
		return -1;
	/* A socket is asked for its room once, where a part ends within a block. */
	n = sizeof(out);
	MUST(token.f->C_EncryptInit(s->session, mechanism, s->key));
	MUST(token.f->C_EncryptUpdate(s->session, in, 100, out, &n));
	n = sizeof(out);
	MUST(token.f->C_EncryptFinal(s->session, out, &n));
	for (size_t parts = 1; parts <= PARTS_MAX; parts++) {
		MUST(token.f->C_EncryptInit(s->session, mechanism, s->key));
		trace_mark(s->first + PARTS + parts - 1);
		for (size_t i = 0; i < parts; i++) {
			n = sizeof(out);
			token.f->C_EncryptUpdate(s->session, in, i % 2 ? 100 : sizeof(in), out, &n);
		}
		n = sizeof(out);
		COUNT(s->first + PARTS + parts - 1, token.f->C_EncryptFinal(s->session, out, &n));
	}
	return 0;
}

static int wraps(const struct scene *s)
{
	for (size_t i = 0; i < sizeof(wrapped) / sizeof(*wrapped); i++)
		if (there_and_back(s, wrapped[i], i) != 0)
			return -1;
	return 0;
}

/* Messages of one process, after a first one. */
static int seals(const struct scene *s)
{
	unsigned char iv[12] = {0}, tag[16], in[1000] = {0}, out[1000];
	struct gcm_message_params gcm = {iv, sizeof(iv), 32, s->row->generator, tag, 128};
	CK_MECHANISM mechanism = {s->row->type, NULL, 0};
	CK_ULONG n;

	/* The first one pays for the socket. */
	MUST(s->f3->C_MessageEncryptInit(s->session, &mechanism, s->key));
	MUST(s->f3->C_MessageEncryptFinal(s->session));
	COUNT(s->first + INIT, s->f3->C_MessageEncryptInit(s->session, &mechanism, s->key));
	for (size_t i = 0; i <= TIMES; i++) {
		n = sizeof(out);
		COUNT(i ? s->first + DO + i - 1 : OUTSIDE,
		      s->f3->C_EncryptMessage(s->session, &gcm, sizeof(gcm), secret, 13, in,
					      sizeof(in), out, &n));
	}
	for (size_t parts = 1; parts <= PARTS_MAX; parts++) {
		trace_mark(s->first + PARTS + parts - 1);
		MUST(s->f3->C_EncryptMessageBegin(s->session, &gcm, sizeof(gcm), secret, 13));
		for (size_t i = 1; i <= parts; i++) {
			n = sizeof(out);
			MUST(s->f3->C_EncryptMessageNext(s->session, &gcm, sizeof(gcm), in, 100,
							 out, &n,
							 i == parts ? CKF_END_OF_MESSAGE : 0));
		}
		trace_mark(OUTSIDE);
	}
	MUST(s->f3->C_MessageEncryptFinal(s->session));

	COUNT(s->first + UNDO_INIT, s->f3->C_MessageDecryptInit(s->session, &mechanism, s->key));
	for (size_t i = 0; i < TIMES; i++) {
		n = sizeof(in);
		COUNT(s->first + UNDO + i,
		      s->f3->C_DecryptMessage(s->session, &gcm, sizeof(gcm), secret, 13, out,
					      PARTS_MAX * 100UL, in, &n));
	}
	MUST(s->f3->C_MessageDecryptFinal(s->session));
	return 0;
}

static int signs(const struct scene *s)
{
	CK_MECHANISM mechanism = {s->row->type, NULL, 0};
	unsigned char in[100] = {0}, mac[64];
	CK_ULONG n;

	MUST(s->f3->C_MessageSignInit(s->session, &mechanism, s->key));
	MUST(s->f3->C_MessageSignFinal(s->session));
	COUNT(s->first + INIT, s->f3->C_MessageSignInit(s->session, &mechanism, s->key));
	for (size_t i = 0; i <= TIMES; i++) {
		n = sizeof(mac);
		COUNT(i ? s->first + DO + i - 1 : OUTSIDE,
		      s->f3->C_SignMessage(s->session, NULL, 0, in, sizeof(in), mac, &n));
	}
	for (size_t parts = 1; parts <= PARTS_MAX; parts++) {
		trace_mark(s->first + PARTS + parts - 1);
		MUST(s->f3->C_SignMessageBegin(s->session, NULL, 0));
		for (size_t i = 1; i < parts; i++)
			MUST(s->f3->C_SignMessageNext(s->session, NULL, 0, in, sizeof(in), NULL,
						      NULL));
		n = sizeof(mac);
		MUST(s->f3->C_SignMessageNext(s->session, NULL, 0, in, sizeof(in), mac, &n));
		trace_mark(OUTSIDE);
	}
	MUST(s->f3->C_SignMessage(s->session, NULL, 0, in, sizeof(in), mac, &n));
	MUST(s->f3->C_MessageSignFinal(s->session));

	COUNT(s->first + UNDO_INIT, s->f3->C_MessageVerifyInit(s->session, &mechanism, s->key));
	for (size_t i = 0; i < TIMES; i++)
		COUNT(s->first + UNDO + i,
		      s->f3->C_VerifyMessage(s->session, NULL, 0, in, sizeof(in), mac, n));
	MUST(s->f3->C_MessageVerifyFinal(s->session));
	return 0;
}

static int find_nothing(CK_SESSION_HANDLE session)
{
	CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	CK_ATTRIBUTE template = {CKA_CLASS, &class, sizeof(class)};
	CK_OBJECT_HANDLE object;
	CK_ULONG n;

	trace_mark(FIND_NOTHING);
	MUST(token.f->C_FindObjectsInit(session, &template, 1));
	MUST(token.f->C_FindObjects(session, &object, 1, &n));
	MUST(token.f->C_FindObjectsFinal(session));
	trace_mark(OUTSIDE);
	return 0;
}

static int work(void)
{
	static int (*const by_kind[])(const struct scene *) = {
		[DIGEST] = digests, [MAC] = macs,    [CIPHER] = ciphers, [STREAM] = streams,
		[WRAP] = wraps,     [SEALS] = seals, [SIGNS] = signs,
	};
	CK_VERSION version = {3, 0};
	CK_INTERFACE *interface;
	struct scene scene = {0};

	if (guest_setup(NULL) != 0)
		return -1;
	if (token.absent)
		return 0;
	if (token_session(&token, 0, &scene.session) != 0)
		return -1;
	MUST(((CK_C_GetInterface)dlsym(token.library, "C_GetInterface"))((CK_UTF8CHAR *)"PKCS 11",
									 &version, &interface, 0));
	scene.f3 = interface->pFunctionList;
	for (size_t i = 0; i < ROWS; i++) {
		const struct row *row = &rows[i];
		struct token_key key = {0};

		if (!guest_offers(row->type))
			continue;
		if (row->key_type)
			key = guest_key(scene.session, row->key_type, secret, row->key_length,
					true);
		scene.row = row;
		scene.key = key.object;
		scene.first = OF_ROWS + i * WIDTH;
		if (by_kind[row->kind](&scene) != 0)
			return -1;
		token_key_drop(&key);
	}
	return find_nothing(scene.session);
}

static int in_child(void)
{
	int result = work();

	if (result != 0)
		print_message("# %s\n", token.error);
	return result;
}

static int set_up(void **state)
{
	return trace_run(in_child, steps, STEPS, NULL);
}

/* What a test has to say, and whether it fails. */
static struct {
	char line[512];
	bool wrong;
} report;

static void begin_report(const char *name)
{
	report.wrong = false;
	snprintf(report.line, sizeof(report.line), "# %s:", name);
}

__attribute__((format(printf, 3, 4))) static void expect(size_t step, unsigned long calls,
							 const char *format, ...)
{
	size_t used = strlen(report.line);
	char what[64];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	snprintf(report.line + used, sizeof(report.line) - used, "%s %lu,", what,
		 steps[step].calls);
	if (steps[step].reached && steps[step].calls == calls)
		return;
	print_message("# %s: %lu system calls instead of %lu\n", what, steps[step].calls, calls);
	trace_explain(&steps[step]);
	report.wrong = true;
}

static void end_report(void)
{
	/* Without the last comma. */
	report.line[strlen(report.line) - 1] = '\0';
	print_message("%s system calls\n", report.line);
	assert_false(report.wrong);
}

/* A process of messages that takes more than a second asks whether it may still use its key (the
 * module's transform_stale()): one call more, on a slow machine. */
static bool asked_again(size_t step)
{
	return steps[step].of[SYS_keyctl] == 1;
}

/* The messages of a process, without the first; at least one of them did not ask again. */
static void expect_messages(size_t first, const char *function)
{
	size_t often = 0;

	for (size_t i = 0; i < TIMES; i++) {
		bool asked = asked_again(first + i);

		expect(first + i, asked ? 3 : 2, " %s%s", asked ? "(asking again) " : "",
		       i ? "and" : function);
		often += asked;
	}
	if (often == TIMES)
		report.wrong = true;
}

static void expect_parts(const struct row *row, size_t first)
{
	for (size_t parts = 1; parts <= PARTS_MAX; parts++) {
		size_t step = first + parts - 1;
		bool asked = (row->kind == SEALS || row->kind == SIGNS) && asked_again(step);
		size_t calls = row->kind == STREAM ? 2 * parts : row->gathered ? 2 : parts + 1;

		expect(step, calls + asked, " %s%zu part%s", asked ? "(asking again) " : "", parts,
		       parts > 1 ? "s" : "");
	}
}

static void test_row(void **state)
{
	static const struct {
		const char *init, *undo_init, *run, *undo;
	} functions[] = {
		[DIGEST] = {"C_DigestInit", NULL, "C_Digest", NULL},
		[MAC] = {"C_SignInit", "C_VerifyInit", "C_Sign", "C_Verify"},
		[CIPHER] = {"C_EncryptInit", "C_DecryptInit", "C_Encrypt", "C_Decrypt"},
		[STREAM] = {"C_EncryptInit", "C_DecryptInit", "C_Encrypt", "C_Decrypt"},
		[WRAP] = {"C_EncryptInit", "C_DecryptInit", "C_Encrypt", "C_Decrypt"},
		[SEALS] = {"C_MessageEncryptInit", "C_MessageDecryptInit", "C_EncryptMessage",
			   "C_DecryptMessage"},
		[SIGNS] = {"C_MessageSignInit", "C_MessageVerifyInit", "C_SignMessage",
			   "C_VerifyMessage"},
	};
	const struct row *row = *state;
	enum kind kind = row->kind;
	size_t first = OF_ROWS + (size_t)(row - rows) * WIDTH;

	if (!steps[FIND_NOTHING].reached)
		guest_skip("the module offers no slot");
	if (!steps[first + INIT].reached)
		guest_skip("the mechanism is not offered on this kernel to this user");
	begin_report(row->name);
	expect(first + INIT, kind != DIGEST, " %s", functions[kind].init);
	if (functions[kind].undo_init)
		expect(first + UNDO_INIT, 1, " %s", functions[kind].undo_init);
	if (kind == SEALS || kind == SIGNS) {
		expect_messages(first + DO, functions[kind].run);
		expect_messages(first + UNDO, functions[kind].undo);
	} else if (kind == WRAP) {
		/* Two for each step of the standard, of which each 8 bytes take six. */
		for (size_t i = 0; i < sizeof(wrapped) / sizeof(*wrapped); i++) {
			expect(first + DO + i, 12 * wrapped[i] / 8 + LOCKED, " %s of %zu bytes",
			       functions[kind].run, wrapped[i]);
			expect(first + UNDO + i, 12 * wrapped[i] / 8 + LOCKED, " %s",
			       functions[kind].undo);
		}
	} else {
		expect(first + DO, 2, " %s", functions[kind].run);
		if (functions[kind].undo)
			expect(first + UNDO, 2, " %s", functions[kind].undo);
	}
	if (kind != CIPHER && kind != WRAP)
		expect_parts(row, first + PARTS);
	if (kind == DIGEST)
		expect(first + EMPTY, 1, " of nothing");
	end_report();
}

static void test_find_nothing(void **state)
{
	if (!steps[FIND_NOTHING].reached)
		guest_skip("the module offers no slot");
	begin_report("a search for certificates");
	expect(FIND_NOTHING, 0, " C_FindObjects*");
	end_report();
}

int main(void)
{
	struct CMUnitTest tests[ROWS + 1] = {
		[ROWS] = cmocka_unit_test(test_find_nothing),
	};

	for (size_t i = 0; i < ROWS; i++)
		tests[i] = (struct CMUnitTest){.name = rows[i].name,
					       .test_func = test_row,
					       .initial_state = (void *)&rows[i]};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, NULL);
}
