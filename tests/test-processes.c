/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes of messages, and what is around them: other operations in the same session, calls out
 * of order, threads, forks, and the end of the module.
 */
#include "parcels.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS 4
#define ROUNDS 80

/* In one session: all processes, and the operations of the same kinds, part by part. */
static void test_side_by_side(void **state)
{
	static struct parcel parcels[PROCESSES];
	static unsigned char out[PARCEL_MAX + GUEST_SLACK], right[PARCEL_MAX + GUEST_SLACK];
	struct material cbc = {.type = CKM_AES_CBC_PAD, .key = parcel_key, .key_length = 32};
	struct material hash = {.type = CKM_SHA_1};
	CK_MECHANISM sha1 = {CKM_SHA_1, NULL, 0};
	CK_FUNCTION_LIST_PTR f = token.f;
	struct mechanism_store store;
	CK_SESSION_HANDLE s;
	struct token_key key;

	parcel_need();
	guest_need(CKM_AES_CBC_PAD);
	guest_need(CKM_SHA_1);
	s = guest_session();
	for (int frozen = 0; frozen <= 1; frozen++) {
		size_t made = 0, digest;
		CK_ULONG n;

		key = guest_key(s, "aes", parcel_key, sizeof(parcel_key), frozen);
		parcel_init_all(s, key.object);
		GUEST_RV(f->C_EncryptInit(s, guest_mechanism(&store, &cbc, 0), key.object), CKR_OK);
		GUEST_RV(f->C_DigestInit(s, &sha1), CKR_OK);
		for (enum process kind = ENCRYPT; kind < PROCESSES; kind++) {
			parcel_pack(&parcels[kind], kind, parcel_key, PARCEL_MAX, kind);
			if (parcel_has(kind))
				GUEST_RV(parcel_begin(s, &parcels[kind]), CKR_OK);
		}
		for (size_t at = 0; at < PARCEL_MAX; at += PARCEL_MAX / 10) {
			n = sizeof(out) - made;
			GUEST_RV(f->C_EncryptUpdate(s, parcel_text + at, PARCEL_MAX / 10,
						    out + made, &n),
				 CKR_OK);
			made += n;
			for (enum process kind = ENCRYPT; kind < PROCESSES; kind++)
				if (parcel_has(kind))
					GUEST_RV(parcel_next(s, &parcels[kind], at,
							     at + PARCEL_MAX / 10),
						 CKR_OK);
			GUEST_RV(f->C_DigestUpdate(s, parcel_text + at, PARCEL_MAX / 10), CKR_OK);
		}
		for (enum process kind = ENCRYPT; kind < PROCESSES; kind++)
			if (parcel_has(kind))
				assert_true(parcel_arrived(&parcels[kind]));
		/* The processes end, and the operations go on. */
		parcel_final_all(s);
		n = sizeof(out) - made;
		GUEST_RV(f->C_EncryptFinal(s, out + made, &n), CKR_OK);
		assert_int_equal(made + n, guest_expect(&cbc, parcel_text, PARCEL_MAX, right));
		assert_memory_equal(out, right, made + n);
		n = sizeof(out);
		GUEST_RV(f->C_DigestFinal(s, out, &n), CKR_OK);
		digest = guest_expect(&hash, parcel_text, PARCEL_MAX, right);
		assert_int_equal(n, digest);
		assert_memory_equal(out, right, digest);
		token_key_drop(&key);
	}
	GUEST_RV(f->C_CloseSession(s), CKR_OK);
}

/* What is out of order is refused, and does no harm to what is under way. */
static void test_out_of_order(void **state)
{
	static struct parcel parcel, late;
	CK_SESSION_HANDLE s;
	struct token_key key;

	parcel_need();
	s = guest_session();
	key = guest_key(s, "aes", parcel_key, sizeof(parcel_key), true);
	for (enum process kind = ENCRYPT; kind <= DECRYPT; kind++) {
		CK_FLAGS flag = kind == ENCRYPT ? CKF_MESSAGE_ENCRYPT : CKF_MESSAGE_DECRYPT;

		GUEST_RV(parcel_final(s, kind), CKR_OPERATION_NOT_INITIALIZED);
		GUEST_RV(parcel_send(s, kind, parcel_key, false), CKR_OPERATION_NOT_INITIALIZED);
		GUEST_RV(parcel_send(s, kind, parcel_key, true), CKR_OPERATION_NOT_INITIALIZED);
		GUEST_RV(parcel_init(s, kind, key.object), CKR_OK);
		GUEST_RV(parcel_init(s, kind, key.object), CKR_OPERATION_ACTIVE);
		parcel_pack(&parcel, kind, parcel_key, 700, 1);
		parcel_pack(&late, kind, parcel_key, 700, 2);
		GUEST_RV(parcel_next(s, &parcel, 0, 100), CKR_OPERATION_NOT_INITIALIZED);
		GUEST_RV(parcel_begin(s, &parcel), CKR_OK);
		GUEST_RV(parcel_next(s, &parcel, 0, 100), CKR_OK);
		GUEST_RV(parcel_begin(s, &late), CKR_OPERATION_ACTIVE);
		GUEST_RV(parcel_send(s, kind, parcel_key, false), CKR_OPERATION_ACTIVE);
		GUEST_RV(parcel_final(s, kind), CKR_OPERATION_ACTIVE);
		GUEST_RV(parcel_next(s, &parcel, 100, 700), CKR_OK);
		assert_true(parcel_arrived(&parcel));
		GUEST_RV(parcel_next(s, &parcel, 100, 700), CKR_OPERATION_NOT_INITIALIZED);
		GUEST_RV(parcel_send(s, kind, parcel_key, true), CKR_OK);
		/* Left in the middle, in three ways. */
		for (int way = 0; way < 3; way++) {
			GUEST_RV(parcel_begin(s, &late), CKR_OK);
			GUEST_RV(parcel_next(s, &late, 0, 300), CKR_OK);
			if (way == 0) {
				GUEST_RV(message_calls(kind == ENCRYPT ? TOKEN_ENCRYPT
								       : TOKEN_DECRYPT)
						 .init(s, NULL, 0),
					 CKR_OK);
			} else if (way == 1) {
				GUEST_RV(messages->C_SessionCancel(s, flag), CKR_OK);
			} else {
				GUEST_RV(token.f->C_CloseSession(s), CKR_OK);
				s = guest_session();
			}
			GUEST_RV(parcel_final(s, kind), CKR_OPERATION_NOT_INITIALIZED);
			GUEST_RV(parcel_init(s, kind, key.object), CKR_OK);
			GUEST_RV(parcel_send(s, kind, parcel_key, way == 1), CKR_OK);
		}
		GUEST_RV(parcel_final(s, kind), CKR_OK);
	}
	token_key_drop(&key);
	GUEST_RV(token.f->C_CloseSession(s), CKR_OK);
}

/* Threads, with a session each or with one for all. */
struct member {
	pthread_t id;
	struct token token;
	const struct token_key *key;
	CK_SESSION_HANDLE session; /* for all, or 0 */
	uint64_t seed;
	unsigned char nonces[ROUNDS][12];
	int result;
};

static int check_random(struct member *member, CK_SESSION_HANDLE session)
{
	struct material material = parcel_material(parcel_key, guest_random(&member->seed));
	size_t length = guest_random(&member->seed) % PARCEL_MAX;
	enum token_kind kind = guest_random(&member->seed) % 2 ? TOKEN_ENCRYPT : TOKEN_DECRYPT;
	bool parts = !member->session && guest_random(&member->seed) % 2;
	struct token_split split;

	material.tag_length = message_size(parcel_aead()->tags, guest_random(&member->seed));
	guest_split(&split, length, guest_random(&member->seed));
	return message_check(&member->token, session, kind, &material, parcel_text, length,
			     (enum token_manner)(guest_random(&member->seed) % 3),
			     parts ? &split : NULL);
}

static void *work(void *argument)
{
	struct member *member = argument;
	CK_SESSION_HANDLE session = member->session;

	if (!session) {
		member->result = token_session(&member->token, 0, &session);
		if (member->result == 0 &&
		    (message_init(session, TOKEN_ENCRYPT, parcel_aead()->type,
				  member->key->object) ||
		     message_init(session, TOKEN_DECRYPT, parcel_aead()->type,
				  member->key->object)))
			member->result = guest_error(&member->token, "no process begins");
	}
	for (int i = 0; i < ROUNDS && member->result == 0; i++)
		member->result = check_random(member, session);
	if (!member->session)
		member->token.f->C_CloseSession(session);
	return NULL;
}

/* All nonces come from one process. */
static void *generate(void *argument)
{
	struct member *member = argument;
	struct material material = parcel_material(parcel_key, 0);
	unsigned char out[64], right[64 + GUEST_SLACK];
	struct terms terms;

	for (int i = 0; i < ROUNDS && member->result == 0; i++) {
		CK_ULONG n = sizeof(out);
		CK_RV rv;

		terms_make(&terms, &material, 64);
		terms_generate(&terms, material.type, CKG_GENERATE_COUNTER, 32);
		rv = messages->C_EncryptMessage(member->session, &terms.parameter, terms.size,
						parcel_aad, sizeof(parcel_aad), parcel_text, 64,
						out, &n);
		memcpy(material.iv, terms.nonce, 12);
		guest_expect(&material, parcel_text, 64, right);
		if (rv != CKR_OK || memcmp(out, right, 64) || !terms_tag_is(&terms, right + 64, 16))
			member->result = guest_error(&member->token, "a message fails: 0x%lx", rv);
		memcpy(member->nonces[i], terms.nonce, 12);
	}
	return NULL;
}

static void run_threads(struct member *members, void *(*run)(void *), const struct token_key *key,
			CK_SESSION_HANDLE session)
{
	for (size_t i = 0; i < THREADS; i++) {
		members[i] = (struct member){
			.token = token, .key = key, .session = session, .seed = 300 + i};
		assert_int_equal(pthread_create(&members[i].id, NULL, run, &members[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(members[i].id, NULL);
	for (size_t i = 0; i < THREADS; i++)
		if (members[i].result != 0)
			guest_fail("thread %zu: %s", i, members[i].token.error);
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, 12);
}

static void test_threads(void **state)
{
	static struct member members[THREADS];
	static unsigned char all[THREADS * ROUNDS][12];
	CK_SESSION_HANDLE session;

	parcel_need();
	session = guest_session();
	for (int frozen = 0; frozen <= 1; frozen++) {
		struct token_key key =
			guest_key(session, "aes", parcel_key, sizeof(parcel_key), frozen);

		run_threads(members, work, &key, 0);
		parcel_init_all(session, key.object);
		run_threads(members, work, &key, session);
		run_threads(members, generate, &key, session);
		for (size_t i = 0; i < THREADS; i++)
			memcpy(all[i * ROUNDS], members[i].nonces, sizeof(members[i].nonces));
		qsort(all, THREADS * ROUNDS, 12, compare);
		/* Counted without a gap, whoever asked. */
		for (unsigned int i = 0; i < THREADS * ROUNDS; i++)
			assert_int_equal(all[i][10] << 8 | all[i][11], i);
		parcel_final_all(session);
		token_key_drop(&key);
	}
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

/* A parent in the middle of a message of each process, and one child or two. */
struct family {
	CK_SESSION_HANDLE session;
	struct token_key key;
	struct parcel parcels[PROCESSES];
	int pipe[2];
};

#define REFUSED(call)                                                                \
	do {                                                                         \
		CK_RV rv_ = (call);                                                  \
		if (rv_ != CKR_CRYPTOKI_NOT_INITIALIZED)                             \
			return guest_error(t, "%s: 0x%lx in the child", #call, rv_); \
	} while (0)

/* A dozen nonces of a new process in SESSION go to PIPE. */
static int send_nonces(struct token *t, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, int pipe)
{
	static const CK_ULONG generators[] = {CKG_GENERATE, CKG_GENERATE_RANDOM};
	struct material material = parcel_material(parcel_key, 0);
	unsigned char out[16];
	struct terms terms;

	for (int i = 0; i < 12; i++) {
		CK_ULONG n = sizeof(out);

		if (i % 6 == 0 &&
		    (message_calls(TOKEN_ENCRYPT).init(session, NULL, 0) != CKR_OK ||
		     message_init(session, TOKEN_ENCRYPT, parcel_aead()->type, key) != CKR_OK))
			return guest_error(t, "no process begins");
		terms_make(&terms, &material, 16);
		terms_generate(&terms, material.type, generators[i / 6], 0);
		if (messages->C_EncryptMessage(session, &terms.parameter, terms.size, parcel_aad,
					       sizeof(parcel_aad), parcel_text, 16, out,
					       &n) != CKR_OK)
			return guest_error(t, "no nonce is made");
		if (write(pipe, terms.nonce, 12) != 12)
			return guest_error(t, "write: %s", strerror(errno));
	}
	return 0;
}

static int child(struct token *t, void *argument)
{
	struct family *family = argument;
	CK_SESSION_HANDLE s = family->session;
	struct material material = parcel_material(parcel_key, 5);
	struct token_key key;

	for (enum process kind = ENCRYPT; kind < PROCESSES; kind++) {
		struct parcel *parcel = &family->parcels[kind];

		REFUSED(parcel_init(s, kind, family->key.object));
		REFUSED(parcel_begin(s, parcel));
		REFUSED(parcel_next(s, parcel, 0, 100));
		REFUSED(parcel_next(s, parcel, 100, PARCEL_MAX));
		REFUSED(parcel_send(s, kind, parcel_key, false));
		REFUSED(parcel_final(s, kind));
	}
	REFUSED(messages->C_VerifySignatureInit(s, NULL, 0, NULL, 0));
	REFUSED(messages->C_SessionCancel(s, CKF_MESSAGE_ENCRYPT));
	if (token_start(t) != 0)
		return -1;
	if (parcel_next(s, &family->parcels[ENCRYPT], 100, PARCEL_MAX) !=
	    CKR_SESSION_HANDLE_INVALID)
		return guest_error(t, "the parent's session is open in the child");
	if (token_session(t, 0, &s) != 0 ||
	    token_key_put(t, s, NULL, "aes", NULL, parcel_key, sizeof(parcel_key), &key) != 0)
		return -1;
	if (parcel_next(s, &family->parcels[ENCRYPT], 100, PARCEL_MAX) !=
	    CKR_OPERATION_NOT_INITIALIZED)
		return guest_error(t, "the parent's process is active in the child");
	if (send_nonces(t, s, key.object, family->pipe[1]) != 0 ||
	    message_check(t, s, TOKEN_ENCRYPT, &material, parcel_text, PARCEL_MAX, TOKEN_PLAIN,
			  NULL) != 0)
		return -1;
	/* The end of the module with a process that goes on. */
	token_key_drop(&key);
	return t->f->C_Finalize(NULL) == CKR_OK ? 0 : guest_error(t, "C_Finalize in the child");
}

static void test_fork(void **state)
{
	static struct family family;
	static unsigned char nonces[3 * 12][12];
	CK_SESSION_HANDLE another;

	parcel_need();
	for (int frozen = 0; frozen <= 1; frozen++) {
		CK_SESSION_HANDLE s = family.session = guest_session();

		another = guest_session();
		assert_int_equal(pipe(family.pipe), 0);
		family.key = guest_key(s, "aes", parcel_key, sizeof(parcel_key), frozen);
		parcel_init_all(s, family.key.object);
		/* So that there is a store of random bytes which a child could get, too. */
		GUEST_OK(send_nonces(&token, another, family.key.object, family.pipe[1]));
		assert_int_equal(read(family.pipe[0], nonces, 144), 144);
		for (enum process kind = ENCRYPT; kind < PROCESSES; kind++) {
			parcel_pack(&family.parcels[kind], kind, parcel_key, PARCEL_MAX, kind);
			if (!parcel_has(kind))
				continue;
			GUEST_RV(parcel_begin(s, &family.parcels[kind]), CKR_OK);
			GUEST_RV(parcel_next(s, &family.parcels[kind], 0, 1000), CKR_OK);
		}
		guest_child(child, &family);
		guest_child(child, &family);
		for (enum process kind = ENCRYPT; kind < PROCESSES; kind++) {
			if (!parcel_has(kind))
				continue;
			GUEST_RV(parcel_next(s, &family.parcels[kind], 1000, PARCEL_MAX), CKR_OK);
			assert_true(parcel_arrived(&family.parcels[kind]));
		}
		parcel_send_all(s, parcel_key, CKR_OK);
		parcel_final_all(s);
		GUEST_OK(send_nonces(&token, another, family.key.object, family.pipe[1]));
		assert_int_equal(read(family.pipe[0], nonces, sizeof(nonces)), sizeof(nonces));
		qsort(nonces, 36, 12, compare);
		for (size_t i = 1; i < 36; i++)
			assert_int_not_equal(compare(nonces[i - 1], nonces[i]), 0);
		close(family.pipe[0]);
		close(family.pipe[1]);
		token_key_drop(&family.key);
		GUEST_RV(token.f->C_CloseSession(another), CKR_OK);
		GUEST_RV(token.f->C_CloseSession(s), CKR_OK);
	}
}

/* The module ends in the middle of everything, and nothing is left of it. */
static void test_finalize(void **state)
{
	static struct parcel parcels[PROCESSES];
	size_t before;

	parcel_need();
	for (int frozen = 0; frozen <= 1; frozen++) {
		struct alg_sockets sockets;
		CK_SESSION_HANDLE session;
		struct token_key key;

		GUEST_RV(token.f->C_Finalize(NULL), CKR_OK);
		before = belongings_descriptors();
		GUEST_OK(token_start(&token));
		session = guest_session();
		key = guest_key(session, "aes", parcel_key, sizeof(parcel_key), frozen);
		for (int i = 0; i < 5; i++) {
			CK_SESSION_HANDLE s = guest_session();

			parcel_init_all(s, key.object);
			for (enum process kind = ENCRYPT; kind < PROCESSES; kind++) {
				parcel_pack(&parcels[kind], kind, parcel_key, PARCEL_MAX, kind);
				if (!parcel_has(kind))
					continue;
				if (i)
					GUEST_RV(parcel_send(s, kind, parcel_key, i % 2), CKR_OK);
				if (i < 2)
					continue;
				GUEST_RV(parcel_begin(s, &parcels[kind]), CKR_OK);
				GUEST_RV(parcel_next(s, &parcels[kind], 0, 300), CKR_OK);
			}
			if (i == 3)
				GUEST_RV(token.f->C_CloseSession(s), CKR_OK);
		}
		belongings_alg_sockets(&sockets);
		assert_in_range(sockets.n, 8, 64);
		token_key_drop(&key);
		GUEST_RV(token.f->C_Finalize(NULL), CKR_OK);
		belongings_alg_sockets(&sockets);
		assert_int_equal(sockets.n, 0);
		assert_int_equal(belongings_descriptors(), before);
		GUEST_OK(token_start(&token));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_side_by_side), cmocka_unit_test(test_out_of_order),
		cmocka_unit_test(test_threads),      cmocka_unit_test(test_fork),
		cmocka_unit_test(test_finalize),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, parcel_setup, guest_teardown);
}
