/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every published vector through the module: in one part and in several, in place and not, with
 * room for the output and no byte more. $KCRYPTOKI_EXPECT=all makes a mechanism that the module
 * does not offer a failure; $KCRYPTOKI_SEED varies the random splits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mech/mechanism.h"
#include "token.h"
#include "vectors.h"

/* Messages up to this length are cut at every byte: 64 and a tag. */
#define SMALL 80

/* Most keys are updated in place, which is fast and has to work; one in so many is a new one. */
#define FRESH_EVERY 64

/* The longest ciphertext and tag. */
#define SEALED_MAX 16384

/* One in so many vectors gets all that can be done, besides the first of every shape. */
#define THOROUGH_EVERY 100

/* Lengths. The tag's is left out: it makes no difference to how a message is taken apart. */
struct shape {
	size_t key, iv, aad, text, cipher;
};

static struct token token;
static bool token_works;
static CK_MECHANISM_TYPE *offered;
static CK_ULONG n_offered;

/* Where the running test is. */
static struct {
	const struct vector_set *set;
	const char *name;
	struct vector_file *file;
	const struct vector *vector;
	bool thorough;
	/* The last shape of an invalid and of a valid vector. */
	struct shape seen[2];
	CK_SESSION_HANDLE session;
	struct token_key key;
	struct vector_mechanism mechanism;
	unsigned long vectors, operations, keys, updates;
} now;

__attribute__((noreturn, format(printf, 1, 2))) static void fail_here(const char *format, ...)
{
	va_list args;

	printf("# %s", now.set->name);
	if (now.name)
		printf(", %s", now.name);
	if (now.vector)
		printf(" line %lu", now.vector->line);
	printf(": ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	fail();
	/* cmocka 1.1.5 does not declare that fail() never returns. */
	abort();
}

static uint64_t random_state = 1;

static size_t random_below(size_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % n;
}

static unsigned char random_bit(void)
{
	return (unsigned char)(1 << random_below(8));
}

/* What the next operation is begun with; the two forms of a parameter take turns. */
static CK_MECHANISM *next_mechanism(void)
{
	now.operations++;
	if (vector_mechanism(now.set, now.vector, now.operations % 2, &now.mechanism) != 0)
		fail_here("an IV of %zu bytes", now.vector->iv.length);
	return &now.mechanism.mechanism;
}

static void run(struct token_job *job, enum token_manner manner)
{
	static const char *const manners[] = {"", " asked for lengths", " in place"};

	job->mechanism = next_mechanism();
	if (token_run(&token, now.session, job, manner) != 0)
		fail_here("in one part%s: %s", manners[manner], token.error);
}

static void run_parts(struct token_job *job, struct token_split split, enum token_manner manner)
{
	static const char *const manners[] = {"", " asked for lengths", " in place"};
	char parts[8 * TOKEN_PARTS_MAX] = "";
	size_t used = 0;

	job->mechanism = next_mechanism();
	if (token_run_parts(&token, now.session, job, manner, &split) == 0)
		return;
	for (size_t i = 0; i < split.n; i++)
		used += (size_t)snprintf(parts + used, sizeof(parts) - used, "%s%zu", i ? "+" : "",
					 split.part[i]);
	fail_here("in parts of %s%s: %s", parts, manners[manner], token.error);
}

static struct token_split two_parts(size_t length, size_t first)
{
	return (struct token_split){2, {first, length - first}};
}

static struct token_split single_bytes(size_t length)
{
	struct token_split split = {.n = length};

	for (size_t i = 0; i < length; i++)
		split.part[i] = 1;
	return split;
}

/* From two to eight parts; half of them end at the edge of a block, or beside it. */
static struct token_split random_split(size_t length)
{
	struct token_split split = {.n = 2 + random_below(7)};
	size_t block = now.set->block, at = 0;

	for (size_t i = 0; i + 1 < split.n; i++) {
		size_t to = at + random_below(length - at + 1);

		if (random_below(2) && to >= block)
			to = to / block * block - 1 + random_below(3);
		if (to < at)
			to = at;
		if (to > length)
			to = length;
		split.part[i] = to - at;
		at = to;
	}
	split.part[split.n - 1] = length - at;
	return split;
}

static void run_edges(struct token_job *job)
{
	size_t length = job->in_length, block = now.set->block, last = length / block * block;
	const size_t cuts[] = {
		0,         1,        block - 1, block,    block + 1,  2 * block - 1,
		2 * block, last - 1, last,      last + 1, length - 1, length,
	};

	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++)
		if (cuts[i] <= length)
			run_parts(job, two_parts(length, cuts[i]), TOKEN_PLAIN);
}

static void run_thoroughly(struct token_job *job)
{
	bool ciphers = job->kind == TOKEN_ENCRYPT || job->kind == TOKEN_DECRYPT;
	size_t length = job->in_length;

	run(job, TOKEN_PLAIN);
	run(job, TOKEN_QUERYING);
	if (length > SMALL) {
		run_edges(job);
	} else {
		for (size_t i = 0; i <= length; i++)
			run_parts(job, two_parts(length, i), TOKEN_PLAIN);
		run_parts(job, single_bytes(length), TOKEN_PLAIN);
	}
	for (int i = 0; i < 4; i++)
		run_parts(job, random_split(length), TOKEN_PLAIN);
	run_parts(job, random_split(length), TOKEN_QUERYING);
	/* A digest or a signature has no place in its message. */
	if (ciphers) {
		run(job, TOKEN_IN_PLACE);
		run_parts(job, random_split(length), TOKEN_IN_PLACE);
	}
}

static void run_job(struct token_job *job)
{
	bool ciphers = job->kind == TOKEN_ENCRYPT || job->kind == TOKEN_DECRYPT;

	job->key = now.key.object;
	if (now.thorough) {
		run_thoroughly(job);
		return;
	}
	run(job, TOKEN_PLAIN);
	if (!ciphers || now.vectors % 4 == 0)
		run_parts(job, random_split(job->in_length), TOKEN_PLAIN);
	else if (now.vectors % 4 == 2)
		run(job, TOKEN_IN_PLACE);
}

static void check_verify(const char *call, CK_RV rv, CK_RV expected, const char *what)
{
	if (rv != expected)
		fail_here("%s, %s: 0x%lx instead of 0x%lx", call, what, rv, expected);
}

static void verify(unsigned char *signature, size_t length, CK_RV expected, const char *what)
{
	CK_FUNCTION_LIST_PTR f = token.f;
	const struct blob *text = &now.vector->text;
	struct token_split split = random_split(text->length);
	unsigned char *in = text->data;
	CK_RV rv;

	rv = f->C_VerifyInit(now.session, next_mechanism(), now.key.object);
	check_verify("C_VerifyInit", rv, CKR_OK, what);
	rv = f->C_Verify(now.session, in, text->length, signature, length);
	check_verify("C_Verify", rv, expected, what);

	rv = f->C_VerifyInit(now.session, next_mechanism(), now.key.object);
	check_verify("C_VerifyInit", rv, CKR_OK, what);
	for (size_t i = 0; i < split.n; i++) {
		rv = f->C_VerifyUpdate(now.session, in, split.part[i]);
		check_verify("C_VerifyUpdate", rv, CKR_OK, what);
		in += split.part[i];
	}
	rv = f->C_VerifyFinal(now.session, signature, length);
	check_verify("C_VerifyFinal", rv, expected, what);
}

static void run_verify(void)
{
	const struct blob *tag = &now.vector->tag;
	unsigned char copy[128] = {0};

	if (tag->length == 0 || tag->length >= sizeof(copy))
		fail_here("a MAC of %zu bytes", tag->length);
	verify(tag->data, tag->length, CKR_OK, "the right MAC");
	memcpy(copy, tag->data, tag->length);
	for (size_t i = 0; i < tag->length; i++) {
		unsigned char bit = random_bit();

		copy[i] ^= bit;
		verify(copy, tag->length, CKR_SIGNATURE_INVALID, "a bit flipped");
		copy[i] ^= bit;
	}
	verify(copy, tag->length - 1, CKR_SIGNATURE_LEN_RANGE, "a byte short");
	verify(copy, tag->length + 1, CKR_SIGNATURE_LEN_RANGE, "a byte long");
}

/* A bit flipped anywhere in the ciphertext or the tag. */
static void run_flipped(struct token_job *job)
{
	job->rv = CKR_ENCRYPTED_DATA_INVALID;
	for (int i = 0; i < 8; i++) {
		size_t at = random_below(job->in_length);
		unsigned char bit = random_bit();

		job->in[at] ^= bit;
		run(job, i % 2 ? TOKEN_IN_PLACE : TOKEN_PLAIN);
		job->in[at] ^= bit;
	}
}

static void run_cipher(void)
{
	static unsigned char sealed[SEALED_MAX];
	const struct vector *v = now.vector;
	bool aead = now.set->kind == VECTOR_AEAD;
	bool padded = !aead && v->text.length != v->cipher.length;
	size_t length = v->cipher.length + (aead ? v->tag.length : 0);
	struct token_job encrypt = {
		.kind = TOKEN_ENCRYPT,
		.in = v->text.data,
		.in_length = v->text.length,
		.out = sealed,
		.out_length = length,
		.room = length,
		.sealed = aead,
	};
	struct token_job decrypt = {
		.kind = TOKEN_DECRYPT,
		.in = sealed,
		.in_length = length,
		.out = v->text.data,
		.out_length = v->text.length,
		.room = padded ? length : v->cipher.length,
		.rv = v->valid ? CKR_OK : CKR_ENCRYPTED_DATA_INVALID,
		.sealed = aead,
	};

	if (length > sizeof(sealed))
		fail_here("%zu bytes are more than this test has room for", length);
	memcpy(sealed, v->cipher.data, v->cipher.length);
	if (aead)
		memcpy(sealed + v->cipher.length, v->tag.data, v->tag.length);
	if (v->valid)
		run_job(&encrypt);
	run_job(&decrypt);
	if (v->valid && aead && now.thorough)
		run_flipped(&decrypt);
}

static void run_plain(enum token_kind kind)
{
	const struct vector *v = now.vector;
	struct token_job job = {
		.kind = kind,
		.in = v->text.data,
		.in_length = v->text.length,
		.out = v->tag.data,
		.out_length = v->tag.length,
		.room = v->tag.length,
	};

	run_job(&job);
}

/* The kernel's GCM has nonces of 12 bytes only; another one is refused, never shortened. */
static void run_refused_nonce(void)
{
	CK_RV rv = token.f->C_EncryptInit(now.session, next_mechanism(), now.key.object);

	if (rv != CKR_MECHANISM_PARAM_INVALID)
		fail_here("C_EncryptInit, nonce of %zu bytes: 0x%lx", now.vector->iv.length, rv);
	rv = token.f->C_DecryptInit(now.session, next_mechanism(), now.key.object);
	if (rv != CKR_MECHANISM_PARAM_INVALID)
		fail_here("C_DecryptInit, nonce of %zu bytes: 0x%lx", now.vector->iv.length, rv);
}

static void check_fields(void)
{
	const struct vector *v = now.vector;
	enum vector_kind kind = now.set->kind;
	bool ciphers = kind == VECTOR_CIPHER || kind == VECTOR_AEAD;

	if ((!v->text.present && v->valid) || (kind != VECTOR_DIGEST && !v->key.present) ||
	    (kind != VECTOR_CIPHER && !v->tag.present) || (ciphers && !v->cipher.present) ||
	    (now.set->param != VECTOR_NO_PARAM && !v->iv.present))
		fail_here("the record lacks a value");
}

static void take_key(void)
{
	const struct blob *value = &now.vector->key;
	const char *key_type = now.set->key_types[now.keys % 2];

	if (now.key.serial != 0 && now.key.length == value->length &&
	    now.vectors % FRESH_EVERY != 0) {
		now.updates++;
		if (token_key_update(&token, &now.key, value->data, value->length) != 0)
			fail_here("%s", token.error);
		return;
	}
	now.keys++;
	token_key_drop(&now.key);
	if (token_key_put(&token, now.session, NULL, key_type, NULL, value->data, value->length,
			  &now.key) != 0)
		fail_here("%s", token.error);
}

static void run_vector(void)
{
	const struct vector *v = now.vector;
	struct shape shape = {v->key.length, v->iv.length, v->aad.length, v->text.length,
			      v->cipher.length};

	check_fields();
	now.thorough = memcmp(&now.seen[v->valid], &shape, sizeof(shape)) != 0 ||
		       random_below(THOROUGH_EVERY) == 0;
	now.seen[v->valid] = shape;
	if (now.set->kind != VECTOR_DIGEST)
		take_key();
	now.vectors++;
	switch (now.set->kind) {
	case VECTOR_DIGEST:
		run_plain(TOKEN_DIGEST);
		break;
	case VECTOR_MAC:
		run_plain(TOKEN_SIGN);
		run_verify();
		break;
	default:
		if (now.set->param == VECTOR_GCM && v->iv.length != 12)
			run_refused_nonce();
		else
			run_cipher();
	}
}

static void run_file(const char *name)
{
	int more;

	now.name = name;
	now.file = vector_open(name);
	if (!now.file)
		fail_here("%s", strerror(errno));
	memset(now.seen, 0xff, sizeof(now.seen));
	while ((more = vector_next(now.file, &now.vector)) > 0)
		run_vector();
	if (more < 0)
		fail_here("%s", vector_error(now.file));
	now.vector = NULL;
	vector_close(now.file);
	now.file = NULL;
}

/* One test of the group, and the name that it goes by. */
struct entry {
	const struct vector_set *set;
	struct CMUnitTest *test;
	char name[160];
};

/*
 * cmocka 1.1.5 writes "not ok # SKIP", which Automake counts as a failure. A test that passes under
 * a name which ends in the directive is a skipped one to every reader of TAP.
 */
static void skip_as(struct entry *entry, const char *reason)
{
	const char *expect = getenv("KCRYPTOKI_EXPECT");

	if (expect && strcmp(expect, "all") == 0)
		fail_here("%s", reason);
	snprintf(entry->name, sizeof(entry->name), "%s # SKIP %s", entry->set->name, reason);
	entry->test->name = entry->name;
}

static bool is_offered(CK_MECHANISM_TYPE type)
{
	for (CK_ULONG i = 0; i < n_offered; i++)
		if (offered[i] == type)
			return true;
	return false;
}

static double seconds(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void test_set(void **state)
{
	struct entry *entry = *state;
	double start = seconds();

	memset(&now, 0, sizeof(now));
	now.set = entry->set;
	if (!token_works)
		fail_here("%s", token.error);
	if (token.absent) {
		skip_as(entry, token.absent);
		return;
	}
	if (!is_offered(entry->set->mechanism)) {
		skip_as(entry, "not in C_GetMechanismList");
		return;
	}
	if (token_session(&token, 0, &now.session) != 0)
		fail_here("%s", token.error);
	for (const char *const *file = entry->set->files; *file; file++)
		run_file(*file);
	printf("# %s: %lu vectors, %lu operations, %lu keys updated %lu times, %.1f s\n",
	       entry->set->name, now.vectors, now.operations, now.keys, now.updates,
	       seconds() - start);
	assert_true(now.vectors > 0);
}

static int tear_down(void **state)
{
	vector_close(now.file);
	token_key_drop(&now.key);
	if (now.session)
		token.f->C_CloseSession(now.session);
	memset(&now, 0, sizeof(now));
	return 0;
}

static const struct vector_set *set_of(CK_MECHANISM_TYPE type)
{
	for (size_t i = 0; i < n_vector_sets; i++)
		if (vector_sets[i].mechanism == type)
			return &vector_sets[i];
	return NULL;
}

static bool has_vectors(const struct mechanism *row)
{
	const struct vector_set *set = set_of(row->type);
	bool good = set && set->files[0];
	char error[128];

	if (!good)
		printf("# %s has no vectors\n", row->name);
	for (size_t i = 0; set && set->files[i]; i++) {
		long count = vector_count(set->files[i], error, sizeof(error));

		if (count > 0)
			continue;
		printf("# %s has no vectors in %s: %s\n", row->name, set->files[i],
		       count < 0 ? error : "an empty file");
		good = false;
	}
	return good;
}

static void test_rows(void **state)
{
	size_t good = 0;

	for (size_t i = 0; i < n_mechanisms; i++)
		good += has_vectors(&mechanisms[i]);
	assert_true(n_mechanisms > 0);
	assert_int_equal(good, n_mechanisms);
}

static int open_token(void **state)
{
	const char *seed = getenv("KCRYPTOKI_SEED");

	if (seed && strtoull(seed, NULL, 0) != 0)
		random_state = strtoull(seed, NULL, 0);
	printf("# seed %llu\n", (unsigned long long)random_state);
	token_works = token_open(&token) == 0 &&
		      (token.absent || token_mechanisms(&token, &offered, &n_offered) == 0);
	return 0;
}

static int close_token(void **state)
{
	if (token.keyring_type)
		printf("# the keys were of type %s\n", token.keyring_type);
	free(offered);
	token_close(&token);
	return 0;
}

int main(void)
{
	struct CMUnitTest *tests = calloc(n_vector_sets + 1, sizeof(*tests));
	struct entry *entries = calloc(n_vector_sets, sizeof(*entries));
	int failed;

	if (!tests || !entries)
		return 1;
	setvbuf(stdout, NULL, _IOLBF, 0);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	tests[0] = (struct CMUnitTest)cmocka_unit_test(test_rows);
	tests[0].name = "every row has a vector";
	for (size_t i = 0; i < n_vector_sets; i++) {
		entries[i].set = &vector_sets[i];
		entries[i].test = &tests[i + 1];
		tests[i + 1] = (struct CMUnitTest){.name = vector_sets[i].name,
						   .test_func = test_set,
						   .teardown_func = tear_down,
						   .initial_state = &entries[i]};
	}
	failed = _cmocka_run_group_tests("vectors", tests, n_vector_sets + 1, open_token,
					 close_token);
	free(entries);
	free(tests);
	return failed ? 1 : 0;
}
