/* SPDX-License-Identifier: BSD-2-Clause */
/* Several threads at once, and threads that do not possess the key (keyrings(7), "Possession"). */
#include "guest.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS 4
#define ROUNDS 150
#define LONGEST 20000

static unsigned char secret[32];

/* What four threads have in common. */
struct crew {
	struct token_key aes, mac;
	CK_SESSION_HANDLE session; /* the shared one, or 0 */
	int rounds;
	atomic_ulong done, refused;
	atomic_int stop;
};

struct member {
	pthread_t id;
	struct token token;
	struct crew *crew;
	uint64_t seed;
	int (*run)(struct member *);
	int result;
};

static void *start(void *argument)
{
	struct member *member = argument;

	member->result = member->run(member);
	return NULL;
}

static void launch(struct member *members, size_t n, struct crew *crew, int (*run)(struct member *))
{
	for (size_t i = 0; i < n; i++) {
		members[i] =
			(struct member){.token = token, .crew = crew, .seed = 1000 + i, .run = run};
		assert_int_equal(pthread_create(&members[i].id, NULL, start, &members[i]), 0);
	}
}

static void gather(struct member *members, size_t n)
{
	int result = 0;

	for (size_t i = 0; i < n; i++) {
		pthread_join(members[i].id, NULL);
		if (members[i].result != 0)
			print_message("# thread %zu: %s\n", i, members[i].token.error);
		result |= members[i].result;
	}
	assert_int_equal(result, 0);
}

static void make_keys(struct crew *crew, CK_SESSION_HANDLE session, bool frozen)
{
	crew->aes = guest_key(session, "aes", secret, sizeof(secret), frozen);
	crew->mac = guest_key(session, "generic-secret", secret, sizeof(secret), frozen);
}

static void drop_keys(struct crew *crew)
{
	token_key_drop(&crew->aes);
	token_key_drop(&crew->mac);
}

/* One operation of a random kind and length. */
static int one(struct member *member, CK_SESSION_HANDLE session, unsigned char *message)
{
	static const struct {
		CK_MECHANISM_TYPE type;
		enum token_kind kind;
	} kinds[] = {
		{CKM_SHA_1, TOKEN_DIGEST},        {CKM_SHA256, TOKEN_DIGEST},
		{CKM_SHA256_HMAC, TOKEN_SIGN},    {CKM_SHA512_HMAC, TOKEN_SIGN},
		{CKM_AES_ECB, TOKEN_ENCRYPT},     {CKM_AES_CBC, TOKEN_ENCRYPT},
		{CKM_AES_CBC, TOKEN_DECRYPT},     {CKM_AES_CBC_PAD, TOKEN_ENCRYPT},
		{CKM_AES_CBC_PAD, TOKEN_DECRYPT}, {CKM_AES_CTR, TOKEN_ENCRYPT},
		{CKM_AES_GCM, TOKEN_ENCRYPT},     {CKM_AES_GCM, TOKEN_DECRYPT},
	};
	size_t which = guest_random(&member->seed) % (sizeof(kinds) / sizeof(*kinds));
	size_t length = guest_random(&member->seed) % LONGEST;
	struct material material = {.type = kinds[which].type};
	CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
	struct token_split split;

	if (!guest_offers(material.type))
		return 0;
	if (kinds[which].kind != TOKEN_DIGEST) {
		material.key = secret;
		material.key_length = sizeof(secret);
		key = kinds[which].kind == TOKEN_SIGN ? member->crew->mac.object
						      : member->crew->aes.object;
	}
	if (guest_random(&member->seed) % 4 == 0)
		length %= 100;
	if (material.type == CKM_AES_ECB || material.type == CKM_AES_CBC)
		length -= length % 16;
	guest_fill(material.iv, sizeof(material.iv), guest_random(&member->seed));
	guest_fill(message, length, guest_random(&member->seed));
	atomic_fetch_add(&member->crew->done, 1);
	if (guest_random(&member->seed) % 2 || kinds[which].kind == TOKEN_DECRYPT)
		return guest_run(&member->token, session, key, &material, kinds[which].kind,
				 message, length, TOKEN_PLAIN, NULL);
	guest_split(&split, length, guest_random(&member->seed));
	return guest_run(&member->token, session, key, &material, kinds[which].kind, message,
			 length, TOKEN_PLAIN, &split);
}

static int work_alone(struct member *member)
{
	unsigned char *message = malloc(LONGEST);
	CK_SESSION_HANDLE session;
	int result = token_session(&member->token, 0, &session);

	for (int i = 0; i < member->crew->rounds && result == 0; i++) {
		result = one(member, session, message);
		/* Sessions come and go, too. */
		if (result == 0 && i % 16 == 15) {
			member->token.f->C_CloseSession(session);
			result = token_session(&member->token, 0, &session);
		}
	}
	member->token.f->C_CloseSession(session);
	free(message);
	return result;
}

static void own_sessions(bool frozen)
{
	struct crew crew = {.rounds = ROUNDS};
	struct member members[THREADS];
	CK_SESSION_HANDLE session;

	session = guest_session();
	make_keys(&crew, session, frozen);
	launch(members, THREADS, &crew, work_alone);
	gather(members, THREADS);
	print_message("# %lu operations\n", atomic_load(&crew.done));
	drop_keys(&crew);
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

static void need_any(void)
{
	guest_need_slot();
	if (!guest_offers(CKM_SHA_1) && !guest_offers(CKM_SHA256) && !guest_offers(CKM_AES_CBC))
		guest_skip("none of the mechanisms used here is offered");
}

static void test_own_sessions(void **state)
{
	need_any();
	own_sessions(true);
	own_sessions(false);
}

static bool is_about_state(CK_RV rv)
{
	return rv == CKR_OPERATION_ACTIVE || rv == CKR_OPERATION_NOT_INITIALIZED;
}

/*
 * Nobody cares whose operation it is: all use the same IV, so that the result for one's own message
 * is the same whichever thread began.
 */
static int careless_cipher(struct member *member, unsigned char *in, size_t length)
{
	CK_SESSION_HANDLE session = member->crew->session;
	struct material material = {
		.type = CKM_AES_CBC, .key = secret, .key_length = sizeof(secret)};
	unsigned char out[2000], right[2000 + GUEST_SLACK];
	struct mechanism_store store;
	CK_ULONG made = sizeof(out);
	CK_RV rv;

	length -= length % 16;
	rv = member->token.f->C_EncryptInit(session, guest_mechanism(&store, &material, 0),
					    member->crew->aes.object);
	if (rv != CKR_OK && !is_about_state(rv))
		return guest_error(&member->token, "C_EncryptInit: 0x%lx", rv);
	rv = member->token.f->C_Encrypt(session, in, length, out, &made);
	atomic_fetch_add(rv == CKR_OK ? &member->crew->done : &member->crew->refused, 1);
	if (rv != CKR_OK)
		return is_about_state(rv) ? 0 : guest_error(&member->token, "C_Encrypt: 0x%lx", rv);
	guest_expect(&material, in, length, right);
	if (made != length || memcmp(out, right, length))
		return guest_error(&member->token, "C_Encrypt: wrong result");
	return 0;
}

static int careless_digest(struct member *member, unsigned char *in, size_t length)
{
	CK_SESSION_HANDLE session = member->crew->session;
	struct material material = {.type = CKM_SHA_1};
	CK_MECHANISM mechanism = {CKM_SHA_1, NULL, 0};
	unsigned char out[64], right[2000 + GUEST_SLACK];
	CK_ULONG made = sizeof(out);
	CK_RV rv;

	rv = member->token.f->C_DigestInit(session, &mechanism);
	if (rv != CKR_OK && !is_about_state(rv))
		return guest_error(&member->token, "C_DigestInit: 0x%lx", rv);
	rv = member->token.f->C_Digest(session, in, length, out, &made);
	atomic_fetch_add(rv == CKR_OK ? &member->crew->done : &member->crew->refused, 1);
	if (rv != CKR_OK)
		return is_about_state(rv) ? 0 : guest_error(&member->token, "C_Digest: 0x%lx", rv);
	if (guest_expect(&material, in, length, right) != made || memcmp(out, right, made))
		return guest_error(&member->token, "C_Digest: wrong result");
	return 0;
}

/* Parts of several threads in one message: what comes out is nobody's, and only must not harm. */
static int careless_parts(struct member *member, unsigned char *in, size_t length)
{
	CK_FUNCTION_LIST_PTR f = member->token.f;
	CK_SESSION_HANDLE session = member->crew->session;
	struct material material = {
		.type = CKM_AES_CTR, .key = secret, .key_length = sizeof(secret)};
	unsigned char out[2100];
	struct mechanism_store store;
	CK_ULONG made = sizeof(out);
	CK_RV rv;

	f->C_DecryptInit(session, guest_mechanism(&store, &material, 0), member->crew->aes.object);
	rv = f->C_DecryptUpdate(session, in, length, out, &made);
	if (rv != CKR_OK && !is_about_state(rv))
		return guest_error(&member->token, "C_DecryptUpdate: 0x%lx", rv);
	made = sizeof(out);
	rv = f->C_DecryptFinal(session, out, &made);
	if (rv != CKR_OK && !is_about_state(rv))
		return guest_error(&member->token, "C_DecryptFinal: 0x%lx", rv);
	return 0;
}

static int work_together(struct member *member)
{
	unsigned char message[2000];
	int result = 0;

	for (int i = 0; i < member->crew->rounds && result == 0; i++) {
		size_t length = guest_random(&member->seed) % sizeof(message);

		guest_fill(message, length, guest_random(&member->seed));
		switch (guest_random(&member->seed) % 3) {
		case 0:
			if (guest_offers(CKM_AES_CBC))
				result = careless_cipher(member, message, length);
			break;
		case 1:
			if (guest_offers(CKM_SHA_1))
				result = careless_digest(member, message, length);
			break;
		default:
			if (guest_offers(CKM_AES_CTR))
				result = careless_parts(member, message, length);
			break;
		}
	}
	return result;
}

static void test_one_session(void **state)
{
	struct crew crew = {.rounds = 4 * ROUNDS};
	struct member members[THREADS];

	need_any();
	crew.session = guest_session();
	make_keys(&crew, crew.session, true);
	launch(members, THREADS, &crew, work_together);
	gather(members, THREADS);
	print_message("# %lu operations, %lu refused since another thread was faster\n",
		      atomic_load(&crew.done), atomic_load(&crew.refused));
	assert_in_range(atomic_load(&crew.done), 1, 1000000);
	drop_keys(&crew);
	GUEST_RV(token.f->C_CloseSession(crew.session), CKR_OK);
}

/* Keys come and go while others search. */
static int search_on(struct member *member)
{
	CK_FUNCTION_LIST_PTR f = member->token.f;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE found[16];
	CK_ULONG n;

	if (token_session(&member->token, 0, &session) != 0)
		return -1;
	while (!atomic_load(&member->crew->stop)) {
		CK_OBJECT_CLASS class = CKO_SECRET_KEY;
		CK_ATTRIBUTE template = {CKA_CLASS, &class, sizeof(class)};
		bool stays = false;
		CK_RV rv = f->C_FindObjectsInit(session, &template, 1);

		for (n = 1; rv == CKR_OK && n;) {
			rv = f->C_FindObjects(session, found, 16, &n);
			for (CK_ULONG i = 0; i < n; i++) {
				CK_ULONG value = 0;
				CK_ATTRIBUTE length = {CKA_VALUE_LEN, &value, sizeof(value)};
				CK_RV answer =
					f->C_GetAttributeValue(session, found[i], &length, 1);

				stays |= found[i] == member->crew->aes.object;
				/* It may have gone in the meantime. */
				if (answer != CKR_OK && answer != CKR_OBJECT_HANDLE_INVALID &&
				    answer != CKR_ATTRIBUTE_TYPE_INVALID)
					rv = answer;
			}
		}
		if (rv != CKR_OK || f->C_FindObjectsFinal(session) != CKR_OK)
			return guest_error(&member->token, "a search fails: 0x%lx", rv);
		if (!stays)
			return guest_error(&member->token, "a key that stays was not found");
	}
	return f->C_CloseSession(session) == CKR_OK ? 0
						    : guest_error(&member->token, "C_CloseSession");
}

static void test_searches(void **state)
{
	struct crew crew = {0};
	struct member members[THREADS];
	CK_SESSION_HANDLE session;

	guest_need_slot();
	session = guest_session();
	make_keys(&crew, session, true);
	launch(members, 3, &crew, search_on);
	for (int i = 0; i < 60; i++) {
		struct token_key key = guest_key(session, "aes", secret, 16, i % 2);

		token_key_drop(&key);
	}
	atomic_store(&crew.stop, 1);
	gather(members, 3);
	drop_keys(&crew);
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

/* Without possession a key of one's own is refused. */
static int refused_here(struct token *t, key_serial_t serial)
{
	if (keyctl_get_keyring_ID(serial, 0) != -1 || errno != EACCES)
		return guest_error(t, "the key is usable without possession: the test is void");
	return 0;
}

static int use_key(struct token *t, const char *label)
{
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE object;
	CK_ULONG count = 0;
	struct material material = {
		.type = CKM_AES_CBC, .key = secret, .key_length = sizeof(secret)};
	int result;

	if (token_session(t, 0, &session) != 0 ||
	    token_find(t, session, CKO_SECRET_KEY, label, &object, 1, &count) != 0)
		return -1;
	if (count != 1)
		return guest_error(t, "the key is not found");
	result = guest_run(t, session, object, &material, TOKEN_ENCRYPT, secret, 32, TOKEN_PLAIN,
			   NULL);
	t->f->C_CloseSession(session);
	return result;
}

/* The session is joined by this thread and inherited by those that it starts. */
static int join_anonymous(struct token *t)
{
	if (keyctl_join_session_keyring(NULL) < 0)
		return guest_error(t, "keyctl_join_session_keyring: %s", strerror(errno));
	return 0;
}

static int add(struct token *t, const char *label, key_serial_t *serial)
{
	char description[128];

	snprintf(description, sizeof(description), "pkcs11:object=%s?x-key-type=aes", label);
	*serial = add_key(t->keyring_type, description, secret, sizeof(secret),
			  KEY_SPEC_USER_KEYRING);
	return *serial < 0 ? guest_error(t, "add_key: %s", strerror(errno)) : 0;
}

static int in_anonymous_session(struct token *t, void *argument)
{
	key_serial_t *serial = argument;

	if (join_anonymous(t) != 0 || refused_here(t, *serial) != 0 || use_key(t, "anonymous") != 0)
		return -1;
	/* And again: what gave possession is still there. */
	return use_key(t, "anonymous");
}

static void anonymous_session(key_perm_t perm)
{
	key_serial_t serial;

	GUEST_OK(add(&token, "anonymous", &serial));
	assert_int_equal(keyctl_setperm(serial, perm), 0);
	guest_thread(in_anonymous_session, &serial);
	keyctl_unlink(serial, KEY_SPEC_USER_KEYRING);
}

/* A key that can be written is armed at each use, one that cannot is only asked about. */
static void test_anonymous_session(void **state)
{
	guest_need_keys();
	anonymous_session(KEY_POS_ALL | KEY_USR_VIEW);
	anonymous_session(KEY_POS_VIEW | KEY_POS_READ | KEY_POS_SEARCH | KEY_USR_VIEW);
}

/* Threads that wait until the module runs and the key is there. */
struct early {
	pthread_barrier_t ready;
	atomic_int give_up;
	key_serial_t serial;
};

static struct early early;

static int wait_then_use(struct member *member)
{
	pthread_barrier_wait(&early.ready);
	if (atomic_load(&early.give_up))
		return 0;
	/* This thread has no process keyring, and does not see one that another has made since. */
	if (refused_here(&member->token, early.serial) != 0)
		return -1;
	return use_key(&member->token, "early");
}

static int before_all(struct token *t, void *argument)
{
	struct member members[THREADS];
	struct crew crew = {0};
	int result = join_anonymous(t);

	if (result != 0)
		return result;
	pthread_barrier_init(&early.ready, NULL, THREADS + 1);
	for (size_t i = 0; i < THREADS; i++) {
		members[i] = (struct member){.token = *t, .crew = &crew, .run = wait_then_use};
		if (pthread_create(&members[i].id, NULL, start, &members[i]) != 0)
			return guest_error(t, "pthread_create");
	}
	result = token_start(t);
	if (result == 0)
		result = add(t, "early", &early.serial);
	/* This thread's possession comes first, and must not be taken for theirs. */
	if (result == 0)
		result = use_key(t, "early");
	atomic_store(&early.give_up, result != 0);
	pthread_barrier_wait(&early.ready);
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(members[i].id, NULL);
		if (result == 0 && members[i].result != 0)
			result = guest_error(t, "thread %zu: %s", i, members[i].token.error);
	}
	keyctl_unlink(early.serial, KEY_SPEC_USER_KEYRING);
	pthread_barrier_destroy(&early.ready);
	return result;
}

static void test_early_threads(void **state)
{
	guest_need_keys();
	GUEST_RV(token.f->C_Finalize(NULL), CKR_OK);
	guest_thread(before_all, NULL);
	/* before_all() left the module running. */
	GUEST_RV(token.f->C_Initialize(NULL), CKR_CRYPTOKI_ALREADY_INITIALIZED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_sessions),  cmocka_unit_test(test_one_session),
		cmocka_unit_test(test_searches),      cmocka_unit_test(test_anonymous_session),
		cmocka_unit_test(test_early_threads),
	};

	guest_fill(secret, sizeof(secret), 7);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, guest_setup, guest_teardown);
}
