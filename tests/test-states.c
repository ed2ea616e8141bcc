/* SPDX-License-Identifier: BSD-2-Clause */
/* When an operation is active, what ends it, and that nothing of it gets into the next one. */
#include "guest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST 6000

/* A kind of operation, by functions of one shape. Digests take no key; only ciphers give output
 * before their end; a verification takes its "output" as what is to be verified. */
struct kind {
	const char *name;
	CK_MECHANISM_TYPE type;
	enum token_kind does;
	bool verify;
	bool reverse; /* what libcrypto made goes in, and its input comes out */
	CK_C_EncryptInit init;
	CK_C_Encrypt single;
	CK_C_EncryptUpdate update;
	CK_C_EncryptFinal final;
};

static CK_RV digest_init(CK_SESSION_HANDLE s, CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)
{
	return token.f->C_DigestInit(s, mechanism);
}

#define ONLY_TAKES(name, function)                                                          \
	static CK_RV name(CK_SESSION_HANDLE s, CK_BYTE_PTR in, CK_ULONG n, CK_BYTE_PTR out, \
			  CK_ULONG_PTR out_length)                                          \
	{                                                                                   \
		*out_length = 0;                                                            \
		return token.f->function(s, in, n);                                         \
	}

ONLY_TAKES(digest_update, C_DigestUpdate)
ONLY_TAKES(sign_update, C_SignUpdate)
ONLY_TAKES(verify_update, C_VerifyUpdate)

static CK_RV verify_single(CK_SESSION_HANDLE s, CK_BYTE_PTR in, CK_ULONG n, CK_BYTE_PTR out,
			   CK_ULONG_PTR out_length)
{
	return token.f->C_Verify(s, in, n, out, *out_length);
}

static CK_RV verify_final(CK_SESSION_HANDLE s, CK_BYTE_PTR out, CK_ULONG_PTR out_length)
{
	return token.f->C_VerifyFinal(s, out, *out_length);
}

/* The functions that are the module's own are filled in once it is there. */
static struct kind kinds[] = {
	{"SHA-1", CKM_SHA_1, .does = TOKEN_DIGEST},
	{"SHA-256", CKM_SHA256, .does = TOKEN_DIGEST},
	{"HMAC signing", CKM_SHA256_HMAC, .does = TOKEN_SIGN},
	{"HMAC verifying", CKM_SHA256_HMAC, .does = TOKEN_SIGN, .verify = true},
	{"ECB encrypting", CKM_AES_ECB, .does = TOKEN_ENCRYPT},
	{"ECB decrypting", CKM_AES_ECB, .does = TOKEN_DECRYPT},
	{"CBC encrypting", CKM_AES_CBC, .does = TOKEN_ENCRYPT},
	{"CBC decrypting", CKM_AES_CBC, .does = TOKEN_DECRYPT},
	{"CBC_PAD encrypting", CKM_AES_CBC_PAD, .does = TOKEN_ENCRYPT},
	{"CBC_PAD decrypting", CKM_AES_CBC_PAD, .does = TOKEN_DECRYPT},
	{"CTR encrypting", CKM_AES_CTR, .does = TOKEN_ENCRYPT},
	{"CTR decrypting", CKM_AES_CTR, .does = TOKEN_DECRYPT},
	{"GCM encrypting", CKM_AES_GCM, .does = TOKEN_ENCRYPT},
	{"GCM decrypting", CKM_AES_GCM, .does = TOKEN_DECRYPT},
};

enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

static unsigned char secret[32];

/* What one kind is tested with: a key, a message, and what must become of it. */
struct subject {
	const struct kind *kind;
	CK_SESSION_HANDLE session;
	struct token_key key;
	struct material material;
	struct mechanism_store store;
	CK_MECHANISM_PTR mechanism;
	unsigned char in[LONGEST + GUEST_SLACK], out[LONGEST + GUEST_SLACK];
	size_t in_length, out_length;
};

static struct subject subject;
static const struct kind *now;

/* Each message is another one, so that bytes of an older one would be noticed. */
static void new_message(struct subject *s, size_t length)
{
	static uint64_t seed;
	unsigned char *from = s->kind->reverse ? s->out : s->in;
	unsigned char *to = s->kind->reverse ? s->in : s->out;

	guest_fill(s->material.iv, sizeof(s->material.iv), ++seed);
	guest_fill(from, length, ++seed);
	s->in_length = length;
	s->out_length = guest_expect(&s->material, from, length, to);
	if (s->kind->reverse) {
		s->in_length = s->out_length;
		s->out_length = length;
	}
	s->mechanism = guest_mechanism(&s->store, &s->material, 0);
}

static bool keyed(const struct kind *kind)
{
	return kind->does != TOKEN_DIGEST;
}

static bool is_hash(const struct kind *kind)
{
	return kind->does == TOKEN_DIGEST || kind->does == TOKEN_SIGN;
}

static struct subject *choose(const struct kind *kind, bool frozen)
{
	struct subject *s = &subject;
	static const unsigned char aad[] = "thirteen bytes";

	memset(s, 0, sizeof(*s));
	now = s->kind = kind;
	s->session = guest_session();
	s->material = (struct material){.type = kind->type};
	if (keyed(kind)) {
		s->material.key = secret;
		s->material.key_length = sizeof(secret);
		s->key = guest_key(s->session, is_hash(kind) ? "generic-secret" : "aes", secret,
				   sizeof(secret), frozen);
	}
	if (kind->type == CKM_AES_GCM) {
		s->material.aad = aad;
		s->material.aad_length = 13;
	}
	new_message(s, 1600);
	return s;
}

static CK_RV init(struct subject *s)
{
	return s->kind->init(s->session, s->mechanism, s->key.object);
}

/* The output of one call: OUT is prepared for a verification, which has none. */
struct output {
	unsigned char bytes[LONGEST + 2 * GUEST_SLACK];
	CK_ULONG length;
};

static void prepare(struct subject *s, struct output *output)
{
	memset(output->bytes, 0x5a, sizeof(output->bytes));
	output->length = sizeof(output->bytes);
	if (s->kind->verify) {
		memcpy(output->bytes, s->out, s->out_length);
		output->length = s->out_length;
	}
}

static CK_RV single(struct subject *s, struct output *output)
{
	prepare(s, output);
	return s->kind->single(s->session, s->in, s->in_length, output->bytes, &output->length);
}

static CK_RV update(struct subject *s, size_t from, size_t length, struct output *output)
{
	prepare(s, output);
	return s->kind->update(s->session, s->in + from, length, output->bytes, &output->length);
}

static CK_RV final(struct subject *s, struct output *output)
{
	prepare(s, output);
	return s->kind->final(s->session, output->bytes, &output->length);
}

static void expect_output(struct subject *s, const struct output *output, size_t from)
{
	if (from + output->length != s->out_length ||
	    memcmp(output->bytes, s->out + from, output->length))
		guest_fail("%s: wrong result", s->kind->name);
}

#define EXPECT(call, expected)                                                                     \
	do {                                                                                       \
		CK_RV rv_ = (call);                                                                \
		if (rv_ != (expected))                                                             \
			guest_fail("line %d: %s: %s: 0x%lx instead of 0x%lx", __LINE__, now->name, \
				   #call, rv_, (CK_RV)(expected));                                 \
	} while (0)

/* A whole operation in the same session, with the same key and another message. */
static void expect_fresh(struct subject *s)
{
	struct output output;

	new_message(s, 1600);
	EXPECT(init(s), CKR_OK);
	EXPECT(single(s, &output), CKR_OK);
	expect_output(s, &output, 0);
}

static void expect_none(struct subject *s)
{
	struct output output;

	EXPECT(single(s, &output), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(update(s, 0, 16, &output), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(final(s, &output), CKR_OPERATION_NOT_INITIALIZED);
}

/* Runs TEST for each kind that is offered, with keys of both sorts. */
static void each_kind(void (*test)(struct subject *))
{
	size_t tested = 0;

	guest_need_slot();
	for (size_t i = 0; i < KINDS; i++) {
		if (!guest_offers(kinds[i].type))
			continue;
		for (int frozen = 0; frozen <= keyed(&kinds[i]); frozen++) {
			struct subject *s = choose(&kinds[i], frozen);

			test(s);
			GUEST_RV(token.f->C_CloseSession(s->session), CKR_OK);
			token_key_drop(&s->key);
		}
		tested++;
	}
	if (!tested)
		guest_skip("no mechanism is offered");
}

static void begin_and_cancel(struct subject *s)
{
	struct output output;

	EXPECT(s->kind->init(s->session, NULL, s->key.object), CKR_OK);
	expect_none(s);
	EXPECT(init(s), CKR_OK);
	EXPECT(init(s), CKR_OPERATION_ACTIVE);
	EXPECT(single(s, &output), CKR_OK);
	expect_output(s, &output, 0);

	EXPECT(init(s), CKR_OK);
	EXPECT(s->kind->init(s->session, NULL, s->key.object), CKR_OK);
	expect_none(s);
	EXPECT(init(s), CKR_OK);
	EXPECT(update(s, 0, 33, &output), CKR_OK);
	EXPECT(init(s), CKR_OPERATION_ACTIVE);
	EXPECT(s->kind->init(s->session, NULL, CK_INVALID_HANDLE), CKR_OK);
	expect_none(s);
	expect_fresh(s);
}

static void query_then_small_then_enough(struct subject *s)
{
	struct output output;
	CK_ULONG asked = 0, small;

	if (s->kind->verify)
		return;
	EXPECT(init(s), CKR_OK);
	for (int times = 0; times < 3; times++)
		EXPECT(s->kind->single(s->session, s->in, s->in_length, NULL, &asked), CKR_OK);
	assert_in_range(asked, s->out_length, s->out_length + 16);
	for (size_t less = 1; less <= s->out_length; less *= 7) {
		memset(output.bytes, 0x5a, sizeof(output.bytes));
		small = s->out_length - less;
		EXPECT(s->kind->single(s->session, s->in, s->in_length, output.bytes, &small),
		       CKR_BUFFER_TOO_SMALL);
		assert_in_range(small, s->out_length, s->out_length + 16);
		for (size_t i = 0; i < sizeof(output.bytes); i++)
			assert_int_equal(output.bytes[i], 0x5a);
	}
	prepare(s, &output);
	output.length = s->out_length;
	EXPECT(s->kind->single(s->session, s->in, s->in_length, output.bytes, &output.length),
	       CKR_OK);
	expect_output(s, &output, 0);
	expect_none(s);
}

static void query_the_final(struct subject *s)
{
	struct output output;
	CK_ULONG asked = 0, small = 0;
	size_t so_far;

	if (s->kind->verify)
		return;
	new_message(s, 1600);
	EXPECT(init(s), CKR_OK);
	EXPECT(update(s, 0, s->in_length, &output), CKR_OK);
	so_far = output.length;
	if (so_far && memcmp(output.bytes, s->out, so_far))
		guest_fail("%s: wrong result of an update", s->kind->name);
	EXPECT(s->kind->final(s->session, NULL, &asked), CKR_OK);
	assert_in_range(asked, s->out_length - so_far, s->out_length - so_far + 16);
	/* Where nothing is left to give, no room is enough room. */
	if (s->out_length > so_far) {
		EXPECT(s->kind->final(s->session, output.bytes, &small), CKR_BUFFER_TOO_SMALL);
		assert_in_range(small, s->out_length - so_far, s->out_length - so_far + 16);
	}
	prepare(s, &output);
	output.length = s->out_length - so_far;
	EXPECT(s->kind->final(s->session, output.bytes, &output.length), CKR_OK);
	expect_output(s, &output, so_far);
	expect_none(s);
	expect_fresh(s);
}

static void out_of_order(struct subject *s)
{
	struct output output;

	expect_none(s);
	EXPECT(s->kind->final(s->session, NULL, &output.length), CKR_OPERATION_NOT_INITIALIZED);
	EXPECT(init(s), CKR_OK);
	EXPECT(update(s, 0, 48, &output), CKR_OK);
	EXPECT(single(s, &output), CKR_OPERATION_NOT_INITIALIZED);
	expect_none(s);
	/* A message without updates is empty; what libcrypto made of one to decrypt may not be. */
	new_message(s, 0);
	EXPECT(init(s), CKR_OK);
	if (s->in_length)
		EXPECT(update(s, 0, s->in_length, &output), CKR_OK);
	EXPECT(final(s, &output), CKR_OK);
	expect_output(s, &output, 0);
	expect_none(s);
	expect_fresh(s);
}

static void errors_end(struct subject *s)
{
	struct output output = {.length = sizeof(output.bytes)};

	EXPECT(init(s), CKR_OK);
	EXPECT(s->kind->single(s->session, NULL, 16, output.bytes, &output.length),
	       CKR_ARGUMENTS_BAD);
	expect_none(s);
	EXPECT(init(s), CKR_OK);
	EXPECT(s->kind->update(s->session, NULL, 16, output.bytes, &output.length),
	       CKR_ARGUMENTS_BAD);
	expect_none(s);
	if (!s->kind->verify) {
		EXPECT(init(s), CKR_OK);
		EXPECT(s->kind->single(s->session, s->in, s->in_length, output.bytes, NULL),
		       CKR_ARGUMENTS_BAD);
		expect_none(s);
	}
	expect_fresh(s);
}

/* Messages that are refused, each by its own code; the next one is not. */
static void refused(struct subject *s)
{
	CK_RV wrong_length = s->kind->reverse ? CKR_ENCRYPTED_DATA_LEN_RANGE : CKR_DATA_LEN_RANGE;
	CK_MECHANISM_TYPE type = s->kind->type;
	struct output output;

	if (type == CKM_AES_ECB || type == CKM_AES_CBC ||
	    (type == CKM_AES_CBC_PAD && s->kind->reverse)) {
		s->in_length = 31;
		EXPECT(init(s), CKR_OK);
		EXPECT(single(s, &output), wrong_length);
		EXPECT(init(s), CKR_OK);
		EXPECT(update(s, 0, 31, &output), CKR_OK);
		EXPECT(final(s, &output), wrong_length);
		expect_none(s);
		expect_fresh(s);
	}
	if ((type == CKM_AES_CBC_PAD || type == CKM_AES_GCM) && s->kind->reverse) {
		s->in[s->in_length - 1] ^= 0x80;
		EXPECT(init(s), CKR_OK);
		EXPECT(single(s, &output), CKR_ENCRYPTED_DATA_INVALID);
		expect_none(s);
		EXPECT(init(s), CKR_OK);
		EXPECT(update(s, 0, s->in_length, &output), CKR_OK);
		EXPECT(final(s, &output), CKR_ENCRYPTED_DATA_INVALID);
		expect_none(s);
		expect_fresh(s);
	}
	if (s->kind->verify) {
		s->out[5] ^= 1;
		EXPECT(init(s), CKR_OK);
		EXPECT(single(s, &output), CKR_SIGNATURE_INVALID);
		s->out_length--;
		EXPECT(init(s), CKR_OK);
		EXPECT(update(s, 0, 100, &output), CKR_OK);
		EXPECT(final(s, &output), CKR_SIGNATURE_LEN_RANGE);
		expect_none(s);
		expect_fresh(s);
	}
}

/* Leaves an operation in the state that STEP names. */
static void leave_off(struct subject *s, int step)
{
	struct output output;
	CK_ULONG asked = 0;

	new_message(s, LONGEST - LONGEST % 16);
	EXPECT(init(s), CKR_OK);
	switch (step) {
	case 1: /* bytes that fill no block, and so are not yet in the kernel */
		EXPECT(update(s, 0, 7, &output), CKR_OK);
		break;
	case 2:
		for (size_t at = 0; at + 501 < s->in_length; at += 501)
			EXPECT(update(s, at, 501, &output), CKR_OK);
		break;
	case 3: /* the answer may have needed bytes through the kernel */
		if (!s->kind->verify)
			EXPECT(s->kind->single(s->session, s->in, s->in_length, NULL, &asked),
			       CKR_OK);
		break;
	case 4:
		EXPECT(update(s, 0, s->in_length, &output), CKR_OK);
		if (!s->kind->verify)
			EXPECT(s->kind->final(s->session, NULL, &asked), CKR_OK);
		break;
	case 5: /* too small by so little that a padding has to be looked at */
		if (!s->kind->verify && s->out_length) {
			asked = s->out_length - 1;
			EXPECT(s->kind->single(s->session, s->in, s->in_length, output.bytes,
					       &asked),
			       CKR_BUFFER_TOO_SMALL);
		}
		break;
	default:
		break;
	}
}

static void abandoned(struct subject *s)
{
	for (int step = 0; step <= 5; step++) {
		leave_off(s, step);
		EXPECT(s->kind->init(s->session, NULL, 0), CKR_OK);
		expect_fresh(s);
		leave_off(s, step);
		EXPECT(token.f->C_CloseSession(s->session), CKR_OK);
		s->session = guest_session();
		expect_fresh(s);
		leave_off(s, step);
		EXPECT(token.f->C_CloseAllSessions(token.slot), CKR_OK);
		s->session = guest_session();
		expect_fresh(s);
	}
}

/* One of several operations that go on side by side in one session. */
struct strand {
	struct subject subject;
	size_t in, out;
	bool done;
};

static void pull(struct strand *strand, size_t length)
{
	struct subject *s = &strand->subject;
	struct output output;

	now = s->kind;
	if (strand->in == s->in_length) {
		EXPECT(final(s, &output), CKR_OK);
		strand->done = true;
	} else {
		if (length > s->in_length - strand->in)
			length = s->in_length - strand->in;
		EXPECT(update(s, strand->in, length, &output), CKR_OK);
		strand->in += length;
	}
	if (s->kind->verify)
		return;
	if (memcmp(output.bytes, s->out + strand->out, output.length))
		guest_fail("%s: wrong bytes from %zu on", s->kind->name, strand->out);
	strand->out += output.length;
	if (strand->done && strand->out != s->out_length)
		guest_fail("%s: %zu bytes in all", s->kind->name, strand->out);
}

static void side_by_side(const size_t *which, size_t n, bool frozen)
{
	static struct strand strands[5];
	CK_SESSION_HANDLE session = guest_session();
	uint64_t state = 1 + frozen;
	size_t left = n;

	for (size_t i = 0; i < n; i++) {
		struct subject *s = choose(&kinds[which[i]], frozen);

		EXPECT(token.f->C_CloseSession(s->session), CKR_OK);
		s->session = session;
		strands[i] = (struct strand){.subject = *s};
		s = &strands[i].subject;
		s->mechanism = guest_mechanism(&s->store, &s->material, 0);
		EXPECT(init(s), CKR_OK);
	}
	while (left) {
		struct strand *strand = &strands[guest_random(&state) % n];

		if (!strand->done) {
			pull(strand, guest_random(&state) % 300);
			left -= strand->done;
		}
	}
	for (size_t i = 0; i < n; i++)
		token_key_drop(&strands[i].subject.key);
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

static void test_side_by_side(void **state)
{
	static const CK_MECHANISM_TYPE needed[] = {CKM_SHA256, CKM_SHA256_HMAC, CKM_AES_CBC,
						   CKM_AES_CTR};

	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++)
		guest_need(needed[i]);
	for (int frozen = 0; frozen <= 1; frozen++) {
		side_by_side((size_t[]){1, 6, 2}, 3, frozen);
		side_by_side((size_t[]){1, 2, 3, 6, 7}, 5, frozen);
		side_by_side((size_t[]){0, 2, 3, 8, 11}, 5, frozen);
		side_by_side((size_t[]){0, 10, 9}, 3, frozen);
	}
}

#define EACH_KIND(name)                       \
	static void test_##name(void **state) \
	{                                     \
		each_kind(name);              \
	}

EACH_KIND(begin_and_cancel)
EACH_KIND(query_then_small_then_enough)
EACH_KIND(query_the_final)
EACH_KIND(out_of_order)
EACH_KIND(errors_end)
EACH_KIND(refused)
EACH_KIND(abandoned)

static void fill_in(struct kind *k)
{
	CK_FUNCTION_LIST_PTR f = token.f;

	k->reverse = k->does == TOKEN_DECRYPT;
	if (k->does == TOKEN_DIGEST) {
		k->init = digest_init, k->single = f->C_Digest;
		k->update = digest_update, k->final = f->C_DigestFinal;
	} else if (k->verify) {
		k->init = f->C_VerifyInit, k->single = verify_single;
		k->update = verify_update, k->final = verify_final;
	} else if (k->does == TOKEN_SIGN) {
		k->init = f->C_SignInit, k->single = f->C_Sign;
		k->update = sign_update, k->final = f->C_SignFinal;
	} else if (k->does == TOKEN_ENCRYPT) {
		k->init = f->C_EncryptInit, k->single = f->C_Encrypt;
		k->update = f->C_EncryptUpdate, k->final = f->C_EncryptFinal;
	} else {
		k->init = f->C_DecryptInit, k->single = f->C_Decrypt;
		k->update = f->C_DecryptUpdate, k->final = f->C_DecryptFinal;
	}
}

static int set_up(void **state)
{
	int result = guest_setup(state);

	for (size_t i = 0; i < KINDS && result == 0 && !token.absent; i++) {
		fill_in(&kinds[i]);
		if (!guest_offers(kinds[i].type))
			print_message("# skipped, since it is not offered on this kernel to this "
				      "user: %s\n",
				      kinds[i].name);
	}
	return result;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_begin_and_cancel),
		cmocka_unit_test(test_query_then_small_then_enough),
		cmocka_unit_test(test_query_the_final),
		cmocka_unit_test(test_out_of_order),
		cmocka_unit_test(test_errors_end),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_abandoned),
		cmocka_unit_test(test_side_by_side),
	};

	guest_fill(secret, sizeof(secret), 42);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, guest_teardown);
}
