/* SPDX-License-Identifier: BSD-2-Clause */
#include "vector-run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Messages up to this length are cut at every byte: 64 and a tag. */
#define SMALL 80

/* Most keys are updated in place, which is fast and has to work; one in so many is a new one. */
#define FRESH_EVERY 64

/* The longest ciphertext and tag. */
#define SEALED_MAX 16384

/* One in so many vectors gets all that can be done, besides those that are the first of a shape. */
#define THOROUGH_EVERY 100

/* So many bits of a MAC are flipped, one at a time, where not all can be done. */
#define FLIPS 2

/* How many shapes of vectors are remembered; a file with more gets more done. */
#define SHAPES_MAX 256

/* Lengths. The tag's is left out: it makes no difference to how a message is taken apart. */
struct shape {
	size_t key, iv, aad, text, cipher, valid;
};

/* Where the running test is. */
static struct {
	struct token *token;
	const struct vector_set *set;
	const char *name;
	struct vector_file *file;
	const struct vector *vector;
	bool thorough;
	/* The shapes that the file had until now. */
	struct shape seen[SHAPES_MAX];
	size_t n_seen, firsts;
	CK_SESSION_HANDLE session;
	struct token_key key;
	struct vector_mechanism mechanism;
	struct vector_tally tally;
} now;

static unsigned long one_in = 1;

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
	now.tally.operations++;
	if (vector_mechanism(now.set, now.vector, now.tally.operations % 2, &now.mechanism) != 0)
		fail_here("an IV of %zu bytes", now.vector->iv.length);
	return &now.mechanism.mechanism;
}

static void run(struct token_job *job, enum token_manner manner)
{
	static const char *const manners[] = {"", " asked for lengths", " in place"};

	job->mechanism = next_mechanism();
	if (token_run(now.token, now.session, job, manner) != 0)
		fail_here("in one part%s: %s", manners[manner], now.token->error);
}

static void run_parts(struct token_job *job, struct token_split split, enum token_manner manner)
{
	static const char *const manners[] = {"", " asked for lengths", " in place"};
	char parts[8 * TOKEN_PARTS_MAX] = "";
	size_t used = 0;

	job->mechanism = next_mechanism();
	if (token_run_parts(now.token, now.session, job, manner, &split) == 0)
		return;
	for (size_t i = 0; i < split.n; i++)
		used += (size_t)snprintf(parts + used, sizeof(parts) - used, "%s%zu", i ? "+" : "",
					 split.part[i]);
	fail_here("in parts of %s%s: %s", parts, manners[manner], now.token->error);
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
	/* Where there are more vectors than are run, edges will do. */
	if (length > SMALL || now.set->every > 1)
		run_edges(job);
	else
		for (size_t i = 0; i <= length; i++)
			run_parts(job, two_parts(length, i), TOKEN_PLAIN);
	if (length <= SMALL)
		run_parts(job, single_bytes(length), TOKEN_PLAIN);
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
	if (!ciphers || now.tally.vectors % 4 == 0)
		run_parts(job, random_split(job->in_length), TOKEN_PLAIN);
	else if (now.tally.vectors % 4 == 2)
		run(job, TOKEN_IN_PLACE);
}

static void check_verify(const char *call, CK_RV rv, CK_RV expected, const char *what)
{
	if (rv != expected)
		fail_here("%s, %s: 0x%lx instead of 0x%lx", call, what, rv, expected);
}

static void verify(unsigned char *signature, size_t length, CK_RV expected, const char *what)
{
	CK_FUNCTION_LIST_PTR f = now.token->f;
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
	for (size_t i = 0; i < (now.thorough ? tag->length : FLIPS); i++) {
		size_t at = now.thorough ? i : random_below(tag->length);
		unsigned char bit = random_bit();

		copy[at] ^= bit;
		verify(copy, tag->length, CKR_SIGNATURE_INVALID, "a bit flipped");
		copy[at] ^= bit;
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
	size_t length = v->cipher.length + (aead ? v->tag.length : 0);
	size_t room = now.set->padded || !v->valid ? v->cipher.length : v->text.length;
	struct token_job encrypt = {
		.kind = TOKEN_ENCRYPT,
		.in = v->text.data,
		.in_length = v->text.length,
		.out = sealed,
		.out_length = length,
		.room = length,
		.sealed = now.set->sealed,
	};
	struct token_job decrypt = {
		.kind = TOKEN_DECRYPT,
		.in = sealed,
		.in_length = length,
		.out = v->text.data,
		.out_length = v->text.length,
		.room = room,
		.rv = v->valid ? CKR_OK : CKR_ENCRYPTED_DATA_INVALID,
		.sealed = now.set->sealed,
	};

	if (length > sizeof(sealed))
		fail_here("%zu bytes are more than this test has room for", length);
	memcpy(sealed, v->cipher.data, v->cipher.length);
	if (aead)
		memcpy(sealed + v->cipher.length, v->tag.data, v->tag.length);
	if (v->valid)
		run_job(&encrypt);
	run_job(&decrypt);
	if (v->valid && now.set->sealed && now.thorough)
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

static void run_mac_once(void)
{
	const struct blob *tag = &now.vector->tag;

	if (!now.vector->valid) {
		verify(tag->data, tag->length, CKR_SIGNATURE_INVALID, "a wrong MAC");
		return;
	}
	run_plain(TOKEN_SIGN);
	run_verify();
}

static void expect_init(const char *call, CK_RV rv, CK_RV expected)
{
	if (rv != expected)
		fail_here("%s: 0x%lx instead of 0x%lx", call, rv, expected);
}

/* No mechanism makes less of a parameter or a key than it is: it is refused before anything else.
 */
static void run_refused(CK_RV expected)
{
	CK_FUNCTION_LIST_PTR f = now.token->f;
	CK_SESSION_HANDLE session = now.session;
	CK_OBJECT_HANDLE key = now.key.object;

	if (now.set->kind == VECTOR_MAC) {
		expect_init("C_SignInit", f->C_SignInit(session, next_mechanism(), key), expected);
		expect_init("C_VerifyInit", f->C_VerifyInit(session, next_mechanism(), key),
			    expected);
	} else {
		expect_init("C_EncryptInit", f->C_EncryptInit(session, next_mechanism(), key),
			    expected);
		expect_init("C_DecryptInit", f->C_DecryptInit(session, next_mechanism(), key),
			    expected);
	}
}

/* A MAC of every length is the beginning of the whole one. */
static void run_mac(void)
{
	const struct vector *whole = now.vector;
	struct vector cut = *whole;
	size_t length = whole->tag.length;
	const size_t lengths[] = {1 + now.tally.vectors * 11 % length, length};
	const size_t refused[] = {0, now.set->tag + 1};

	if (now.set->param != VECTOR_GENERAL || !whole->valid) {
		run_mac_once();
		return;
	}
	now.vector = &cut;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		cut.tag.length = lengths[i];
		run_mac_once();
	}
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]) && now.thorough; i++) {
		cut.tag.length = refused[i];
		run_refused(CKR_MECHANISM_PARAM_INVALID);
	}
	now.vector = whole;
}

static bool within(const struct vector_range *range, size_t length)
{
	return range->most == 0 || (length >= range->least && length <= range->most);
}

static void check_fields(void)
{
	const struct vector *v = now.vector;
	enum vector_kind kind = now.set->kind;
	bool ciphers = kind == VECTOR_CIPHER || kind == VECTOR_AEAD;

	bool needs_iv = now.set->param != VECTOR_NO_PARAM && now.set->param != VECTOR_GENERAL;

	if ((!v->text.present && v->valid) || (kind != VECTOR_DIGEST && !v->key.present) ||
	    (kind != VECTOR_CIPHER && !v->tag.present) || (ciphers && !v->cipher.present) ||
	    (needs_iv && !v->iv.present))
		fail_here("the record lacks a value");
}

static void take_key(void)
{
	const struct blob *value = &now.vector->key;
	const char *key_type = now.set->key_types[now.tally.keys % 2];

	if (now.key.serial != 0 && now.key.length == value->length &&
	    now.tally.vectors % FRESH_EVERY != 0) {
		now.tally.updates++;
		if (token_key_update(now.token, &now.key, value->data, value->length) != 0)
			fail_here("%s", now.token->error);
		return;
	}
	now.tally.keys++;
	token_key_drop(&now.key);
	if (token_key_put(now.token, now.session, NULL, key_type, NULL, value->data, value->length,
			  &now.key) != 0)
		fail_here("%s", now.token->error);
}

/* Whether nothing in the file was of the vector's shape until now. */
static bool is_new(const struct vector *v)
{
	struct shape shape = {v->key.length,  v->iv.length,     v->aad.length,
			      v->text.length, v->cipher.length, v->valid};

	for (size_t i = 0; i < now.n_seen; i++)
		if (memcmp(&now.seen[i], &shape, sizeof(shape)) == 0)
			return false;
	if (now.n_seen < SHAPES_MAX)
		now.seen[now.n_seen++] = shape;
	return true;
}

/* Whether the vector has its turn, and how thoroughly. */
static bool choose(void)
{
	const struct vector *v = now.vector;
	unsigned long every = (now.set->every > 1 ? now.set->every : 1) * one_in;
	bool first = is_new(v);

	if (!first && v->number % every != 0)
		return false;
	now.thorough = (first && now.firsts++ % one_in == 0) || random_below(THOROUGH_EVERY) == 0;
	return true;
}

/* Where $KCRYPTOKI_GCM is "composed", the module was configured for nonces of all lengths. */
static bool takes_nonce(void)
{
	const char *gcm = getenv("KCRYPTOKI_GCM");

	if (gcm && strcmp(gcm, "composed") == 0 && now.set->kind == VECTOR_AEAD &&
	    now.set->param == VECTOR_GCM)
		return true;
	return within(&now.set->iv, now.vector->iv.length);
}

static void run_vector(void)
{
	const struct vector *v = now.vector;

	check_fields();
	if (!choose())
		return;
	if (now.set->kind != VECTOR_DIGEST)
		take_key();
	now.tally.vectors++;
	if (!takes_nonce())
		run_refused(CKR_MECHANISM_PARAM_INVALID);
	else if (!within(&now.set->key, v->key.length))
		run_refused(CKR_KEY_SIZE_RANGE);
	else if (now.set->kind == VECTOR_DIGEST)
		run_plain(TOKEN_DIGEST);
	else if (now.set->kind == VECTOR_MAC)
		run_mac();
	else
		run_cipher();
}

static void run_file(const char *name)
{
	int more;

	now.name = name;
	now.file = vector_open(now.set, name);
	if (!now.file)
		fail_here("%s", strerror(errno));
	now.n_seen = now.firsts = 0;
	while ((more = vector_next(now.file, &now.vector)) > 0)
		run_vector();
	if (more < 0)
		fail_here("%s", vector_error(now.file));
	now.vector = NULL;
	vector_close(now.file);
	now.file = NULL;
}

void vector_run_begin(uint64_t seed, unsigned long every)
{
	random_state = seed;
	one_in = every;
}

void vector_run_set(struct token *token, const struct vector_set *set, struct vector_tally *tally)
{
	memset(&now, 0, sizeof(now));
	now.token = token;
	now.set = set;
	if (token_session(token, 0, &now.session) != 0)
		fail_here("%s", token->error);
	for (const char *const *file = set->files; *file; file++)
		run_file(*file);
	*tally = now.tally;
}

void vector_run_stop(void)
{
	vector_close(now.file);
	token_key_drop(&now.key);
	if (now.session)
		now.token->f->C_CloseSession(now.session);
	memset(&now, 0, sizeof(now));
}
