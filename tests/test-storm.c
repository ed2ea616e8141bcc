/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads that do whatever the token can, on sessions and keys of their own and on some that all
 * share, while others close those sessions and destroy those keys: no answer but those that fit,
 * and never CKR_OK with a wrong result. Then a thread that ends the module while the others call.
 *
 * KCRYPTOKI_SECONDS is how long (20), KCRYPTOKI_SEED what each thread's numbers come of.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "made.h"
#include "messages.h"
#include "number.h"
#include "objects.h"

enum { THREADS = 16, SHARED = 4, TEXT = 256 };

static const unsigned char secret[32] = "a key in the middle of a storm";
static unsigned char text[TEXT];
/* What is right, by libcrypto. */
static unsigned char digest_right[32], cbc_right[TEXT + GUEST_SLACK];
static unsigned char gcm_right[TEXT + GUEST_SLACK], mac_right[16 + GUEST_SLACK];

/* What all threads share. */
static atomic_ulong sessions[SHARED], keys[SHARED];
static atomic_bool over;
static atomic_ulong done, refused;

struct sailor {
	pthread_t id;
	uint64_t seed;
	CK_SESSION_HANDLE session; /* its own */
	CK_OBJECT_HANDLE key;      /* likewise; of its session */
	bool own;                  /* what it works with now */
	CK_SESSION_HANDLE s;
	CK_OBJECT_HANDLE k;
	char error[160];
};

/* The module is ended and started meanwhile: nothing is anybody's for sure. */
static atomic_bool ending;

static bool fits(const struct sailor *sailor, CK_RV rv)
{
	if (rv == CKR_OK)
		return true;
	if (atomic_load(&ending) &&
	    (rv == CKR_CRYPTOKI_NOT_INITIALIZED || rv == CKR_CRYPTOKI_ALREADY_INITIALIZED))
		return true;
	if (sailor->own && !atomic_load(&ending))
		return false;
	switch (rv) {
	/* The session, or the key, is gone. */
	case CKR_SESSION_HANDLE_INVALID:
	case CKR_SESSION_CLOSED:
	case CKR_OBJECT_HANDLE_INVALID:
	case CKR_KEY_HANDLE_INVALID:
	/* What the kernel says of a key that is gone, but not collected yet: EACCES. */
	case CKR_KEY_FUNCTION_NOT_PERMITTED:
	/* Another thread is in the middle of the same operation, or ended it. */
	case CKR_OPERATION_ACTIVE:
	case CKR_OPERATION_NOT_INITIALIZED:
		return true;
	default:
		return false;
	}
}

/* Of one operation: whether it went on, and what it says if not. */
#define CALL(sailor, call)                                                                       \
	do {                                                                                     \
		CK_RV rv_ = (call);                                                              \
		if (!fits(sailor, rv_)) {                                                        \
			snprintf((sailor)->error, sizeof((sailor)->error), "%s: 0x%lx%s", #call, \
				 rv_, (sailor)->own ? ", of its own" : "");                      \
			return false;                                                            \
		}                                                                                \
		if (rv_ != CKR_OK) {                                                             \
			atomic_fetch_add(&refused, 1);                                           \
			return true;                                                             \
		}                                                                                \
	} while (0)

/* In a session that others use, an operation may be another thread's, with its data. */
static bool right(struct sailor *sailor, const unsigned char *got, CK_ULONG n,
		  const unsigned char *wanted, size_t length, const char *what)
{
	if (n == length && memcmp(got, wanted, length) == 0)
		return true;
	snprintf(sailor->error, sizeof(sailor->error), "%s: %lu wrong bytes%s", what, n,
		 sailor->own ? ", of its own" : "");
	return false;
}

static bool do_digest(struct sailor *it)
{
	CK_MECHANISM mechanism = {CKM_SHA256, NULL, 0};
	unsigned char out[64];
	CK_ULONG n = sizeof(out);

	CALL(it, token.f->C_DigestInit(it->s, &mechanism));
	CALL(it, token.f->C_Digest(it->s, text, TEXT, out, &n));
	return right(it, out, n, digest_right, sizeof(digest_right), "digest");
}

static bool do_encrypt(struct sailor *it)
{
	unsigned char iv[16] = {0}, out[TEXT + 16];
	CK_MECHANISM mechanism = {CKM_AES_CBC, iv, sizeof(iv)};
	CK_ULONG n = sizeof(out);

	CALL(it, token.f->C_EncryptInit(it->s, &mechanism, it->k));
	CALL(it, token.f->C_Encrypt(it->s, text, TEXT, out, &n));
	return right(it, out, n, cbc_right, TEXT, "encryption");
}

static bool do_decrypt(struct sailor *it)
{
	struct material material = {.type = CKM_AES_GCM};
	struct mechanism_store store;
	unsigned char out[TEXT + 16];
	CK_ULONG n = sizeof(out);

	CALL(it, token.f->C_DecryptInit(it->s, guest_mechanism(&store, &material, TEXT), it->k));
	CALL(it, token.f->C_Decrypt(it->s, gcm_right, TEXT + 16, out, &n));
	return right(it, out, n, text, TEXT, "decryption");
}

static bool do_sign(struct sailor *it)
{
	CK_MECHANISM mechanism = {CKM_AES_CMAC, NULL, 0};
	unsigned char out[64];
	CK_ULONG n = sizeof(out);

	CALL(it, token.f->C_SignInit(it->s, &mechanism, it->k));
	CALL(it, token.f->C_Sign(it->s, text, TEXT, out, &n));
	return right(it, out, n, mac_right, 16, "signature");
}

static bool do_verify(struct sailor *it)
{
	CK_MECHANISM mechanism = {CKM_AES_CMAC, NULL, 0};

	CALL(it, token.f->C_VerifyInit(it->s, &mechanism, it->k));
	CALL(it, token.f->C_Verify(it->s, text, TEXT, mac_right, 16));
	return true;
}

static bool do_message(struct sailor *it)
{
	unsigned char iv[12] = {0}, tag[16], out[TEXT];
	struct gcm_message_params gcm = {iv, sizeof(iv), 0, CKG_NO_GENERATE, tag, 128};
	CK_ULONG n = sizeof(out);
	CK_RV rv;

	CALL(it, message_init(it->s, TOKEN_ENCRYPT, CKM_AES_GCM, it->k));
	rv = messages->C_EncryptMessage(it->s, &gcm, sizeof(gcm), NULL, 0, text, TEXT, out, &n);
	CK_RV ended = message_final(it->s, TOKEN_ENCRYPT);

	CALL(it, rv);
	if (!right(it, out, n, gcm_right, TEXT, "message") ||
	    !right(it, tag, sizeof(tag), gcm_right + TEXT, 16, "tag of a message"))
		return false;
	CALL(it, ended);
	return true;
}

static bool do_random(struct sailor *it)
{
	unsigned char out[32];

	CALL(it, token.f->C_GenerateRandom(it->s, out, sizeof(out)));
	return true;
}

static bool do_search(struct sailor *it)
{
	CK_OBJECT_HANDLE found[32];
	CK_ULONG n = 0;
	CK_RV rv;

	CALL(it, token.f->C_FindObjectsInit(it->s, TEMPLATE(IS_SECRET)));
	rv = token.f->C_FindObjects(it->s, found, 32, &n);
	CK_RV ended = token.f->C_FindObjectsFinal(it->s);

	CALL(it, rv);
	CALL(it, ended);
	return true;
}

static bool do_attributes(struct sailor *it)
{
	CK_ULONG size = 0;
	CK_ATTRIBUTE attribute = {CKA_VALUE_LEN, &size, sizeof(size)};

	CALL(it, token.f->C_GetAttributeValue(it->s, it->k, &attribute, 1));
	return right(it, (unsigned char *)&size, sizeof(size), (unsigned char *)&(CK_ULONG){32},
		     sizeof(size), "CKA_VALUE_LEN");
}

/* A key is made, used, and destroyed; in a session that others use, they may close it meanwhile. */
static bool do_life(struct sailor *it)
{
	unsigned int how = guest_random(&it->seed) % 2 ? MADE_SENSITIVE : 0;
	CK_OBJECT_HANDLE before = it->k, key;
	bool went;

	CALL(it, made_key(&token, it->s, "of a storm", secret, sizeof(secret), how, &key));
	it->k = key;
	went = do_encrypt(it);
	it->k = before;
	if (!went)
		return false;
	CALL(it, token.f->C_DestroyObject(it->s, key));
	return true;
}

static bool do_session(struct sailor *it)
{
	CK_SESSION_HANDLE session;

	CALL(it, token.f->C_OpenSession(token.slot, CKF_SERIAL_SESSION, NULL, NULL, &session));
	CALL(it, token.f->C_CloseSession(session));
	return true;
}

/* One of the shared sessions is closed, and another takes its place. */
static bool do_close(struct sailor *it)
{
	size_t which = guest_random(&it->seed) % SHARED;
	CK_SESSION_HANDLE session;

	it->own = false;
	CALL(it, token.f->C_OpenSession(token.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL,
					&session));
	CALL(it, token.f->C_CloseSession(atomic_exchange(&sessions[which], session)));
	return true;
}

static bool do_destroy(struct sailor *it)
{
	size_t which = guest_random(&it->seed) % SHARED;
	CK_OBJECT_HANDLE key;

	it->own = false;
	CALL(it, made_key(&token, it->session, "shared", secret, sizeof(secret),
			  guest_random(&it->seed) % 4 ? MADE_TOKEN : 0, &key));
	CALL(it, token.f->C_DestroyObject(it->session, atomic_exchange(&keys[which], key)));
	return true;
}

static bool (*const operations[])(struct sailor *) = {
	do_digest, do_encrypt, do_decrypt,    do_sign, do_verify,  do_message, do_random,
	do_search, do_life,    do_attributes, do_life, do_session, do_close,   do_destroy,
};

static bool (*choose(struct sailor *it))(struct sailor *)
{
	uint64_t dice = guest_random(&it->seed);

	it->own = dice & 256 && !atomic_load(&ending);
	it->s = it->own ? it->session : atomic_load(&sessions[dice >> 10 & (SHARED - 1)]);
	it->k = it->own ? it->key : atomic_load(&keys[dice >> 12 & (SHARED - 1)]);
	return operations[dice % (sizeof(operations) / sizeof(*operations))];
}

static void *sail(void *argument)
{
	struct sailor *it = argument;

	while (!atomic_load(&over) && choose(it)(it)) {
		atomic_fetch_add(&done, 1);
		/* Or nobody would get to starting it again. */
		if (atomic_load(&ending))
			usleep(500);
	}
	/* The first that fails ends it for all. */
	if (*it->error)
		atomic_store(&over, true);
	return NULL;
}

static void prepare(void)
{
	struct material digest = {.type = CKM_SHA256};
	struct material material = {.key = secret, .key_length = sizeof(secret)};
	unsigned char whole[TEXT + GUEST_SLACK];

	guest_fill(text, TEXT, 3);
	guest_expect(&digest, text, TEXT, whole);
	memcpy(digest_right, whole, sizeof(digest_right));
	material.type = CKM_AES_CBC;
	guest_expect(&material, text, TEXT, cbc_right);
	material.type = CKM_AES_GCM;
	guest_expect(&material, text, TEXT, gcm_right);
	material.type = CKM_AES_CMAC;
	guest_expect(&material, text, TEXT, mac_right);
}

static void share(void)
{
	CK_OBJECT_HANDLE key;

	for (size_t i = 0; i < SHARED; i++) {
		CK_SESSION_HANDLE session = objects_rw_session();

		atomic_store(&sessions[i], session);
		GUEST_RV(made_key(&token, session, "shared", secret, sizeof(secret), MADE_TOKEN,
				  &key),
			 CKR_OK);
		atomic_store(&keys[i], key);
	}
}

static void begin(struct sailor *crew)
{
	uint64_t seed = number_of("KCRYPTOKI_SEED", 1);

	print_message("# KCRYPTOKI_SEED=%lu\n", (unsigned long)seed);
	atomic_store(&over, false);
	atomic_store(&done, 0);
	atomic_store(&refused, 0);
	for (size_t i = 0; i < THREADS; i++) {
		crew[i] = (struct sailor){.seed = seed * 1000 + i, .session = objects_rw_session()};
		GUEST_RV(made_key(&token, crew[i].session, "own", secret, sizeof(secret),
				  i % 2 ? MADE_SENSITIVE : 0, &crew[i].key),
			 CKR_OK);
	}
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&crew[i].id, NULL, sail, &crew[i]), 0);
}

static void end(struct sailor *crew)
{
	bool failed = false;

	atomic_store(&over, true);
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(crew[i].id, NULL);
		if (*crew[i].error) {
			print_message("# thread %zu: %s\n", i, crew[i].error);
			failed = true;
		}
	}
	print_message(
		"# %lu operations by %d threads, of which %lu found what they wanted gone, or "
		"in use\n",
		atomic_load(&done), THREADS, atomic_load(&refused));
	assert_false(failed);
	assert_true(atomic_load(&done) > THREADS);
}

/* Token keys that are left, by their label. */
static void sweep(void)
{
	CK_SESSION_HANDLE session = objects_rw_session();
	CK_OBJECT_HANDLE found[64];
	CK_ULONG n =
		objects_find(session, found, 64,
			     TEMPLATE(IS_SECRET, IS_TRUE(CKA_TOKEN), IS_TEXT(CKA_LABEL, "shared")));

	for (CK_ULONG i = 0; i < n; i++)
		objects_destroy(session, found[i]);
	GUEST_RV(token.f->C_CloseAllSessions(token.slot), CKR_OK);
}

static void need(void)
{
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;

	guest_need_keys();
	if (!made_unread())
		guest_skip("keys that nobody can read cannot be used here");
	guest_need(CKM_AES_GCM);
	guest_need(CKM_AES_CMAC);
	guest_need(CKM_SHA256);
	prepare();
	/* What the module makes or links once stays: its own keyring for as long as it is started,
	 * and, where a thread needs it, a link to the user keyring. */
	keyctl_link(KEY_SPEC_USER_KEYRING, KEY_SPEC_PROCESS_KEYRING);
	session = objects_rw_session();
	GUEST_RV(made_key(&token, session, "first", secret, sizeof(secret), MADE_SENSITIVE, &key),
		 CKR_OK);
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

static void test_storm(void **state)
{
	static struct sailor crew[THREADS];
	struct belongings before;
	time_t until = time(NULL) + (time_t)number_of("KCRYPTOKI_SECONDS", 20);

	(void)state;
	need();
	before = made_settled();
	share();
	begin(crew);
	while (!atomic_load(&over) && time(NULL) < until)
		usleep(100000);
	end(crew);
	assert_true(atomic_load(&refused) > 0);
	sweep();
	made_nothing_left(&before);
}

/* After another start: new sessions, and the handles that the keys have now. */
static void share_again(void)
{
	CK_SESSION_HANDLE mine = objects_rw_session();
	CK_OBJECT_HANDLE found[SHARED];
	CK_ULONG n = objects_find(mine, found, SHARED,
				  TEMPLATE(IS_SECRET, IS_TEXT(CKA_LABEL, "shared")));

	for (size_t i = 0; i < n; i++)
		atomic_store(&keys[i], found[i]);
	for (size_t i = 0; i < SHARED; i++)
		atomic_store(&sessions[i], objects_rw_session());
	GUEST_RV(token.f->C_CloseSession(mine), CKR_OK);
}

/* The module ends while the others call, and starts again. */
static void test_finalize(void **state)
{
	static struct sailor crew[THREADS];
	struct belongings before, now;
	time_t until = time(NULL) + (time_t)number_of("KCRYPTOKI_SECONDS", 20);
	unsigned long times = 0;

	(void)state;
	need();
	before = made_settled();
	share();
	atomic_store(&ending, true);
	begin(crew);
	while (!atomic_load(&over) && time(NULL) < until) {
		usleep(200000);
		GUEST_RV(token.f->C_Finalize(NULL), CKR_OK);
		GUEST_RV(token.f->C_Initialize(NULL), CKR_OK);
		times++;
		share_again();
	}
	end(crew);
	atomic_store(&ending, false);
	print_message("# the module was ended %lu times\n", times);
	assert_true(times > 3);
	GUEST_RV(token.f->C_Finalize(NULL), CKR_OK);
	GUEST_RV(token.f->C_Initialize(NULL), CKR_OK);
	sweep();
	need();
	/* Of the bytes the kernel was seen to count a link's four too many, when keyrings came and
	 * went while others wrote to them. */
	now = made_settled();
	print_message("# bytes of quota: %ld before, now %ld\n", before.bytes, now.bytes);
	assert_in_range(now.bytes, before.bytes, before.bytes + 16);
	before.bytes = now.bytes;
	made_nothing_left(&before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_storm),
		cmocka_unit_test(test_finalize),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, messages_setup, guest_teardown);
}
