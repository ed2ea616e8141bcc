/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random bytes: C_GenerateRandom of any length, in calls, threads and processes, which never gives
 * the same twice; C_SeedRandom where this process may bind the kernel's DRBG, and its refusal
 * elsewhere.
 */
#include "guest.h"

#include <linux/if_alg.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define FILL 0xa5
#define LONGEST 100000

/* Pieces of the bytes that came, to be told apart. */
#define PIECE 16
#define PIECES 8192
struct pieces {
	atomic_size_t n;
	unsigned char piece[PIECES][PIECE];
};

static CK_RV generate(struct token *t, CK_SESSION_HANDLE session, void *out, size_t length)
{
	return t->f->C_GenerateRandom(session, out, length);
}

/* Some more pieces, asked for singly and several at a time. */
static int collect(struct token *t, CK_SESSION_HANDLE session, struct pieces *pieces, size_t count)
{
	for (size_t done = 0, some; done < count; done += some) {
		size_t at;

		some = done % 16 ? 1 : 15;
		at = atomic_fetch_add(&pieces->n, some);
		if (at + some > PIECES)
			return guest_error(t, "more pieces than there is room for");
		if (generate(t, session, pieces->piece[at], some * PIECE) != CKR_OK)
			return guest_error(t, "C_GenerateRandom failed");
	}
	return 0;
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, PIECE);
}

static void check_different(struct pieces *pieces)
{
	size_t n = atomic_load(&pieces->n);

	assert_in_range(n, 1, PIECES);
	qsort(pieces->piece, n, PIECE, compare);
	for (size_t i = 1; i < n; i++)
		assert_memory_not_equal(pieces->piece[i - 1], pieces->piece[i], PIECE);
}

/* Shared with children that are forked later. */
static struct pieces *begin(CK_SESSION_HANDLE *session)
{
	struct pieces *pieces;

	guest_need_slot();
	*session = guest_session();
	pieces = mmap(NULL, sizeof(*pieces), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	assert_ptr_not_equal(pieces, MAP_FAILED);
	return pieces;
}

static void end(CK_SESSION_HANDLE session, struct pieces *pieces)
{
	munmap(pieces, sizeof(*pieces));
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

/* Whether the kernel's DRBG binds for this process. */
static bool binds(void)
{
	struct sockaddr_alg address = {
		.salg_family = AF_ALG, .salg_type = "rng", .salg_name = "stdrng"};
	int fd = socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	bool bound = fd >= 0 && !bind(fd, (struct sockaddr *)&address, sizeof(address));

	if (fd >= 0)
		close(fd);
	return bound;
}

static size_t alg_sockets(void)
{
	struct alg_sockets sockets;

	belongings_alg_sockets(&sockets);
	return sockets.n;
}

/* Every byte of a buffer is set sooner or later to something else than it was, and none beside
 * it. */
static void check_length(CK_SESSION_HANDLE session, size_t length)
{
	unsigned char *out = malloc(length + 2), *changed = calloc(1, length + 1);
	size_t left = length;

	assert_true(out && changed);
	for (int times = 0; times < 20 && (left || !times); times++) {
		memset(out, FILL, length + 2);
		GUEST_RV(generate(&token, session, out + 1, length), CKR_OK);
		assert_int_equal(out[0], FILL);
		assert_int_equal(out[length + 1], FILL);
		for (size_t i = 0; i < length; i++) {
			if (out[1 + i] == FILL || changed[i])
				continue;
			changed[i] = 1;
			left--;
		}
	}
	assert_int_equal(left, 0);
	free(out);
	free(changed);
}

static void any_length(void **state)
{
	static const size_t lengths[] = {0,   1,   2,    3,    7,    15,    16,    17,     31,
					 127, 128, 129,  255,  256,  257,   383,   384,    385,
					 511, 512, 1000, 4095, 4096, 65535, 65537, LONGEST};
	CK_SESSION_HANDLE session;

	guest_need_slot();
	session = guest_session();
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++)
		check_length(session, lengths[i]);
	GUEST_RV(generate(&token, session, NULL, 1), CKR_ARGUMENTS_BAD);
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
	GUEST_RV(generate(&token, session, &session, 1), CKR_SESSION_HANDLE_INVALID);
}

/* Within what one call gives: no piece comes twice, and neither a value of a byte nor a distance of
 * equal ones comes twice as often as others, or half as often; which chance will not do. */
static void nothing_is_preferred(void **state)
{
	unsigned long values[256] = {0};
	CK_SESSION_HANDLE session;
	struct pieces *pieces = begin(&session);
	unsigned char *bytes = pieces->piece[0];

	GUEST_RV(generate(&token, session, bytes, LONGEST), CKR_OK);
	for (size_t i = 0; i < LONGEST; i++)
		values[bytes[i]]++;
	for (size_t i = 0; i < 256; i++)
		assert_in_range(values[i], LONGEST / 256 / 2, LONGEST / 256 * 2);
	for (size_t gap = 1; gap <= 512; gap++) {
		size_t same = 0;

		for (size_t i = gap; i < LONGEST; i++)
			same += bytes[i] == bytes[i - gap];
		assert_in_range(same, LONGEST / 256 / 2, LONGEST / 256 * 2);
	}
	atomic_store(&pieces->n, LONGEST / PIECE);
	check_different(pieces);
	end(session, pieces);
}

static void calls_differ(void **state)
{
	CK_SESSION_HANDLE session;
	struct pieces *pieces = begin(&session);

	GUEST_OK(collect(&token, session, pieces, 4000));
	check_different(pieces);
	end(session, pieces);
}

struct thread {
	struct token token;
	struct pieces *pieces;
	pthread_t id;
	bool seeds;
	int result;
};

static void *run_thread(void *argument)
{
	struct thread *thread = argument;
	struct token *t = &thread->token;
	CK_SESSION_HANDLE session;
	CK_RV rv;

	thread->result = token_session(t, 0, &session);
	for (int i = 0; i < 6 && thread->result == 0; i++) {
		thread->result = collect(t, session, thread->pieces, 96);
		if (thread->result != 0 || !thread->seeds)
			continue;
		rv = t->f->C_SeedRandom(session, (unsigned char *)"the same in all threads", 23);
		if (rv != CKR_OK && rv != CKR_RANDOM_SEED_NOT_SUPPORTED)
			thread->result = guest_error(t, "C_SeedRandom: 0x%lx", rv);
	}
	return NULL;
}

static void threads_differ(void **state)
{
	struct thread threads[6];
	CK_SESSION_HANDLE session;
	struct pieces *pieces = begin(&session);
	size_t sockets = alg_sockets();

	for (size_t i = 0; i < 6; i++) {
		threads[i] = (struct thread){.token = token, .pieces = pieces, .seeds = i % 2};
		assert_int_equal(pthread_create(&threads[i].id, NULL, run_thread, &threads[i]), 0);
	}
	for (size_t i = 0; i < 6; i++)
		pthread_join(threads[i].id, NULL);
	for (size_t i = 0; i < 6; i++)
		if (threads[i].result != 0)
			guest_fail("in a thread: %s", threads[i].token.error);
	check_different(pieces);
	/* One for each that drew at the same time, at most. */
	assert_in_range(alg_sockets(), 0, sockets + 6);
	end(session, pieces);
}

/* A child that starts the module anew; its parent did already, and goes on. */
static int draw_in_child(struct token *t, void *argument)
{
	struct pieces *pieces = argument;
	CK_SESSION_HANDLE session;
	unsigned char byte;

	if (generate(t, 1, &byte, 1) != CKR_CRYPTOKI_NOT_INITIALIZED ||
	    t->f->C_SeedRandom(1, &byte, 1) != CKR_CRYPTOKI_NOT_INITIALIZED)
		return guest_error(t, "the parent's module goes on in its child");
	if (token_start(t) != 0 || token_session(t, 0, &session) != 0)
		return -1;
	return collect(t, session, pieces, 200);
}

static void forks_differ(void **state)
{
	CK_SESSION_HANDLE session;
	struct pieces *pieces = begin(&session);
	pid_t children[4];

	/* So that there is a socket, and a seed, that the children could share. */
	GUEST_OK(collect(&token, session, pieces, 16));
	token.f->C_SeedRandom(session, (unsigned char *)"inherited", 9);
	for (size_t i = 0; i < 4; i++)
		children[i] = guest_fork(draw_in_child, pieces);
	GUEST_OK(collect(&token, session, pieces, 200));
	for (size_t i = 0; i < 4; i++)
		guest_reap(children[i]);
	GUEST_OK(collect(&token, session, pieces, 200));
	assert_in_range(atomic_load(&pieces->n), 1200, PIECES);
	check_different(pieces);
	end(session, pieces);
}

/* A new seed is slow: a DRBG is made for it, and gathers entropy. Seeds of any length are taken;
 * what comes then is new, also for the same seed; and no socket stays that the old seed had. */
static void seeds(void **state)
{
	static const size_t lengths[] = {0, 1, 16, 48, 1023, 1024, 1025, 5000, LONGEST};
	static unsigned char seed[LONGEST];
	CK_SESSION_HANDLE session;
	struct pieces *pieces;
	size_t before;

	guest_need_slot();
	if (!binds())
		guest_skip("stdrng does not bind on this kernel for this user");
	pieces = begin(&session);
	GUEST_OK(collect(&token, session, pieces, 16));
	before = alg_sockets();
	assert_in_range(before, 1, 128);
	for (size_t times = 0; times < 4; times++) {
		for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
			GUEST_RV(token.f->C_SeedRandom(session, seed, lengths[i]), CKR_OK);
			GUEST_OK(collect(&token, session, pieces, 16));
			assert_in_range(alg_sockets(), 1, before);
		}
	}
	check_different(pieces);
	GUEST_RV(token.f->C_SeedRandom(session, NULL, 1), CKR_ARGUMENTS_BAD);
	check_length(session, LONGEST);
	end(session, pieces);
}

static void seeds_refused(void **state)
{
	CK_SESSION_HANDLE session;
	struct pieces *pieces;

	guest_need_slot();
	if (binds())
		guest_skip("stdrng binds");
	pieces = begin(&session);
	for (size_t i = 0; i < 3; i++) {
		GUEST_RV(token.f->C_SeedRandom(session, (unsigned char *)"seed", 4),
			 CKR_RANDOM_SEED_NOT_SUPPORTED);
		GUEST_OK(collect(&token, session, pieces, 100));
	}
	check_different(pieces);
	end(session, pieces);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_length),    cmocka_unit_test(nothing_is_preferred),
		cmocka_unit_test(calls_differ),  cmocka_unit_test(threads_differ),
		cmocka_unit_test(forks_differ),  cmocka_unit_test(seeds),
		cmocka_unit_test(seeds_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, guest_setup, guest_teardown);
}
