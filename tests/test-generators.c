/* SPDX-License-Identifier: BSD-2-Clause */
/* Nonces that the token makes: PKCS#11 3.2, section 6.13.2, CK_GENERATOR_FUNCTION. */
#include "messages.h"

#include <stdlib.h>
#include <string.h>

#define TEXT 40
#define MANY 5000

static unsigned char secret[32], aad[20], text[TEXT];

static const CK_ULONG generators[] = {CKG_GENERATE, CKG_GENERATE_COUNTER, CKG_GENERATE_RANDOM,
				      CKG_GENERATE_COUNTER_XOR};

enum { GENERATORS = sizeof(generators) / sizeof(*generators), NONCE_MAX = 13 };

/* A session with a process of encryption, and the parameter that goes from message to message. */
struct scene {
	CK_SESSION_HANDLE session;
	struct token_key key;
	struct material material;
	struct terms terms;
	unsigned char *nonce; /* in TERMS */
	size_t n;             /* its bytes */
	CK_ULONG generator, fixed;
};

static void begin(struct scene *scene, const struct aead *aead, size_t nonce_length)
{
	guest_need(aead->type);
	memset(scene, 0, sizeof(*scene));
	scene->session = guest_session();
	scene->key = guest_key(scene->session, aead->key_type, secret, sizeof(secret), true);
	scene->material = (struct material){.type = aead->type,
					    .key = secret,
					    .key_length = sizeof(secret),
					    .nonce_length = nonce_length,
					    .aad = aad,
					    .aad_length = sizeof(aad)};
	scene->nonce = scene->terms.nonce;
	scene->n = nonce_length;
	GUEST_RV(message_init(scene->session, TOKEN_ENCRYPT, aead->type, scene->key.object),
		 CKR_OK);
}

static void finish(struct scene *scene)
{
	GUEST_RV(message_final(scene->session, TOKEN_ENCRYPT), CKR_OK);
	token_key_drop(&scene->key);
	GUEST_RV(token.f->C_CloseSession(scene->session), CKR_OK);
}

/* Another process with the same key. */
static void begin_anew(struct scene *scene)
{
	GUEST_RV(message_final(scene->session, TOKEN_ENCRYPT), CKR_OK);
	GUEST_RV(message_init(scene->session, TOKEN_ENCRYPT, scene->material.type,
			      scene->key.object),
		 CKR_OK);
}

/* The next message is for GENERATOR, with a nonce of which the first FIXED bits are to stay. */
static void choose(struct scene *scene, CK_ULONG generator, CK_ULONG fixed, uint64_t seed)
{
	guest_fill(scene->material.iv, sizeof(scene->material.iv), seed);
	terms_make(&scene->terms, &scene->material, TEXT);
	terms_generate(&scene->terms, scene->material.type, generator, fixed);
	scene->generator = generator;
	scene->fixed = fixed;
}

static unsigned int bit(const unsigned char *bytes, size_t i)
{
	return bytes[i / 8] >> (7 - i % 8) & 1;
}

static void check_fixed(const struct scene *scene, const unsigned char *before)
{
	for (size_t i = 0; i < scene->fixed; i++)
		if (bit(before, i) != bit(scene->nonce, i))
			guest_fail("generator %lu: bit %zu of %lu fixed ones has changed",
				   scene->generator, i, scene->fixed);
}

/* What came out is what libcrypto makes with the nonce that came back. */
static void check_message(struct scene *scene, const unsigned char *out, size_t length)
{
	unsigned char right[TEXT + GUEST_SLACK];

	memcpy(scene->material.iv, scene->nonce, scene->n);
	guest_expect(&scene->material, text, length, right);
	if (memcmp(out, right, length) || !terms_tag_is(&scene->terms, right + length, 16))
		guest_fail("generator %lu: the nonce that came back is not that of the message",
			   scene->generator);
	assert_true(terms_nonce_ends(&scene->terms, scene->n));
}

static CK_RV call(struct scene *scene, unsigned char *out, CK_ULONG *n)
{
	return messages->C_EncryptMessage(scene->session, &scene->terms.parameter,
					  scene->terms.size, aad, sizeof(aad), text, TEXT, out, n);
}

static void encrypt(struct scene *scene)
{
	unsigned char before[NONCE_MAX], out[TEXT];
	CK_ULONG n = sizeof(out);

	memcpy(before, scene->nonce, scene->n);
	GUEST_RV(call(scene, out, &n), CKR_OK);
	assert_int_equal(n, TEXT);
	check_fixed(scene, before);
	check_message(scene, out, TEXT);
}

/* The nonce is there after the first call, and the tag after the last. */
static void encrypt_parts(struct scene *scene)
{
	unsigned char before[NONCE_MAX], made[NONCE_MAX], out[TEXT];
	struct terms *terms = &scene->terms;
	CK_ULONG n = sizeof(out);

	memcpy(before, scene->nonce, scene->n);
	GUEST_RV(messages->C_EncryptMessageBegin(scene->session, &terms->parameter, terms->size,
						 aad, sizeof(aad)),
		 CKR_OK);
	check_fixed(scene, before);
	memcpy(made, scene->nonce, scene->n);
	GUEST_RV(messages->C_EncryptMessageNext(scene->session, &terms->parameter, terms->size,
						text, 17, out, &n, 0),
		 CKR_OK);
	assert_int_equal(n, 0);
	n = sizeof(out);
	GUEST_RV(messages->C_EncryptMessageNext(scene->session, &terms->parameter, terms->size,
						text + 17, TEXT - 17, out, &n, CKF_END_OF_MESSAGE),
		 CKR_OK);
	assert_int_equal(n, TEXT);
	assert_memory_equal(scene->nonce, made, scene->n);
	check_message(scene, out, TEXT);
}

static void refuse(struct scene *scene, CK_RV expected)
{
	unsigned char before[sizeof(scene->terms.nonce)], out[TEXT] = {0}, zeros[TEXT] = {0};
	CK_ULONG n = sizeof(out);

	memcpy(before, scene->terms.nonce, sizeof(before));
	GUEST_RV(call(scene, out, &n), expected);
	GUEST_RV(messages->C_EncryptMessageBegin(scene->session, &scene->terms.parameter,
						 scene->terms.size, aad, sizeof(aad)),
		 expected);
	assert_memory_equal(out, zeros, sizeof(out));
	assert_memory_equal(before, scene->terms.nonce, sizeof(before));
	assert_true(terms_tag_is(&scene->terms, NULL, 0));
}

/* Nonces that have been; the same one twice is a failure. */
struct album {
	unsigned char (*nonces)[NONCE_MAX];
	size_t n, room;
};

static void keep(struct album *album, const struct scene *scene)
{
	assert_in_range(album->n + 1, 1, album->room);
	memset(album->nonces[album->n], 0, NONCE_MAX);
	memcpy(album->nonces[album->n++], scene->nonce, scene->n);
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, NONCE_MAX);
}

static void check_album(struct album *album, const char *what)
{
	qsort(album->nonces, album->n, NONCE_MAX, compare);
	for (size_t i = 1; i < album->n; i++)
		if (compare(album->nonces[i - 1], album->nonces[i]) == 0)
			guest_fail("%s: a nonce came twice among %zu", what, album->n);
	free(album->nonces);
}

static struct album new_album(size_t room)
{
	struct album album = {.nonces = calloc(room, NONCE_MAX), .room = room};

	assert_non_null(album.nonces);
	return album;
}

/* All generators, with fixed bits that end within a byte or not, whole messages and parts. */
static void test_fixed_bits(void **state)
{
	const struct aead *aead = *state;
	size_t nonces = message_sizes(aead->nonces);
	struct scene scene;
	uint64_t seed = 1;

	for (size_t i = 0; i < nonces; i++) {
		size_t length = aead->nonces[i];
		const CK_ULONG fixed[] = {0, 1, 8, 13, 8 * length - 16, 8 * length - 9};

		begin(&scene, aead, length);
		for (size_t k = 0; k < GENERATORS * 6; k++) {
			struct album album = new_album(8);
			CK_ULONG generator = generators[k % GENERATORS];

			/* With few free bits it would soon be at its end. */
			if (generator == CKG_GENERATE_RANDOM && 8 * length - fixed[k / 4] < 40)
				generator = CKG_GENERATE;
			choose(&scene, generator, fixed[k / 4], seed++);
			for (int message = 0; message < 4; message++) {
				encrypt(&scene);
				keep(&album, &scene);
				encrypt_parts(&scene);
				keep(&album, &scene);
			}
			check_album(&album, aead->key_type);
			begin_anew(&scene);
		}
		finish(&scene);
	}
}

/* The generators that count do so from zero, in the free bits. */
static void test_counters(void **state)
{
	const struct aead *aead = *state;
	const size_t n = aead->nonces[0];
	const CK_ULONG free_bits[] = {8 * n, 56, 20, 12};
	struct scene scene;

	begin(&scene, aead, n);
	for (size_t k = 0; k < 8; k++) {
		CK_ULONG fixed = 8 * n - free_bits[k / 2];
		unsigned char expected[NONCE_MAX];

		choose(&scene, k % 2 ? CKG_GENERATE_COUNTER_XOR : CKG_GENERATE_COUNTER, fixed, k);
		memcpy(expected, scene.nonce, n);
		for (size_t i = fixed; i < 8 * n && k % 2 == 0; i++)
			expected[i / 8] &= (unsigned char)~(0x80 >> i % 8);
		for (unsigned int i = 0; i < 300; i++) {
			encrypt(&scene);
			expected[n - 1] ^= i & 0xff;
			expected[n - 2] ^= i >> 8;
			assert_memory_equal(scene.nonce, expected, n);
			expected[n - 1] ^= i & 0xff;
			expected[n - 2] ^= i >> 8;
		}
		begin_anew(&scene);
	}
	finish(&scene);
}

static void test_many(void **state)
{
	const struct aead *aead = *state;
	struct album all = new_album(3 * MANY);
	struct scene scene;

	begin(&scene, aead, 12);
	for (size_t k = 0; k < GENERATORS; k++) {
		struct album album = new_album(MANY);
		unsigned char out[TEXT];

		choose(&scene, generators[k], k == 1 ? 77 : 32, k);
		for (int i = 0; i < MANY; i++) {
			CK_ULONG n = sizeof(out);

			if (i % 500 == 0) {
				encrypt(&scene);
			} else {
				GUEST_RV(call(&scene, out, &n), CKR_OK);
			}
			keep(&album, &scene);
			if (generators[k] != CKG_GENERATE_COUNTER)
				keep(&all, &scene);
		}
		check_album(&album, "one process");
		begin_anew(&scene);
	}
	/* These began at random, or with other fixed bits. */
	check_album(&all, "all processes");
	finish(&scene);
}

/* A process whose nonces are used up makes no more, and takes those of its caller on. */
static void used_up(struct scene *scene, CK_ULONG generator, CK_ULONG free_bits, size_t most)
{
	struct album album = new_album(most);
	CK_ULONG fixed = 8 * scene->n - free_bits;
	uint64_t seed = 100 * generator + free_bits;

	choose(scene, generator, fixed, seed);
	for (size_t i = 0; i < most; i++) {
		if (i % 3)
			encrypt(scene);
		else
			encrypt_parts(scene);
		keep(&album, scene);
	}
	check_album(&album, "until none was left");
	for (int times = 0; times < 3; times++) {
		choose(scene, generator, fixed, seed);
		refuse(scene, CKR_DATA_LEN_RANGE);
	}
	/* Other fixed bits are no way out, nor is another generator. */
	if (fixed) {
		choose(scene, generator, fixed - 1, seed);
		refuse(scene, CKR_MECHANISM_PARAM_INVALID);
	}
	choose(scene, generator == CKG_GENERATE ? CKG_GENERATE_COUNTER : CKG_GENERATE, fixed, seed);
	refuse(scene, CKR_MECHANISM_PARAM_INVALID);
	choose(scene, CKG_NO_GENERATE, 0, ++seed);
	encrypt(scene);
	choose(scene, CKG_NO_GENERATE, 8 * scene->n, ++seed);
	encrypt_parts(scene);
	/* Another process makes none either; but it may begin with something else. */
	begin_anew(scene);
	choose(scene, generator, fixed, seed - 2);
	refuse(scene, CKR_DATA_LEN_RANGE);
	choose(scene, CKG_GENERATE, 3, ++seed);
	encrypt(scene);
	begin_anew(scene);
}

static void test_used_up(void **state)
{
	struct scene scene;

	begin(&scene, *state, 12);
	used_up(&scene, CKG_GENERATE, 0, 1);
	used_up(&scene, CKG_GENERATE, 1, 2);
	used_up(&scene, CKG_GENERATE, 5, 32);
	used_up(&scene, CKG_GENERATE, 9, 512);
	used_up(&scene, CKG_GENERATE_COUNTER, 0, 1);
	used_up(&scene, CKG_GENERATE_COUNTER, 4, 16);
	used_up(&scene, CKG_GENERATE_COUNTER, 8, 256);
	used_up(&scene, CKG_GENERATE_COUNTER_XOR, 0, 1);
	used_up(&scene, CKG_GENERATE_COUNTER_XOR, 3, 8);
	used_up(&scene, CKG_GENERATE_COUNTER_XOR, 10, 1024);
	/* Random ones come twice sooner: they end where the odds for that are still NIST's. */
	used_up(&scene, CKG_GENERATE_RANDOM, 32, 1);
	used_up(&scene, CKG_GENERATE_RANDOM, 40, 16);
	used_up(&scene, CKG_GENERATE_RANDOM, 48, 256);
	finish(&scene);
}

/* Processes of a session, however they end, make all of its nonces only once with one key. */
static void test_processes(void **state)
{
	const struct aead *aead = *state;
	CK_SESSION_HANDLE s;
	struct scene scene;

	begin(&scene, aead, 12);
	s = scene.session;
	for (size_t k = 0; k < GENERATORS; k++) {
		struct album album = new_album(60);

		choose(&scene, generators[k], 40, k);
		for (int process = 0; process < 20; process++) {
			for (int i = 0; i < 3; i++) {
				i % 2 ? encrypt(&scene) : encrypt_parts(&scene);
				keep(&album, &scene);
			}
			if (generators[k] == CKG_GENERATE_COUNTER)
				assert_int_equal(scene.nonce[11], 3 * process + 2);
			if (process % 3 == 0)
				GUEST_RV(message_final(s, TOKEN_ENCRYPT), CKR_OK);
			else if (process % 3 == 1)
				GUEST_RV(messages->C_SessionCancel(s, CKF_MESSAGE_ENCRYPT), CKR_OK);
			else
				GUEST_RV(messages->C_MessageEncryptInit(s, NULL, 0), CKR_OK);
			GUEST_RV(message_init(s, TOKEN_ENCRYPT, aead->type, scene.key.object),
				 CKR_OK);
		}
		check_album(&album, "processes of a session");
	}
	/* Another session is another beginning. */
	finish(&scene);
	begin(&scene, aead, 12);
	choose(&scene, CKG_GENERATE_COUNTER, 40, 1);
	encrypt(&scene);
	assert_int_equal(scene.nonce[11], 0);
	finish(&scene);
}

/* No question for the length, and no buffer that is too small, takes a nonce away. */
static void test_questions(void **state)
{
	struct scene scene;

	begin(&scene, *state, 12);
	for (unsigned int i = 0; i < 64; i++) {
		unsigned char before[sizeof(scene.terms.nonce)], out[TEXT];
		CK_ULONG n = 0;

		choose(&scene, CKG_GENERATE_COUNTER, 90, i);
		memcpy(before, scene.terms.nonce, sizeof(before));
		GUEST_RV(call(&scene, NULL, &n), CKR_OK);
		assert_int_equal(n, TEXT);
		n = TEXT - 1;
		GUEST_RV(call(&scene, out, &n), CKR_BUFFER_TOO_SMALL);
		assert_int_equal(n, TEXT);
		assert_memory_equal(before, scene.terms.nonce, sizeof(before));
		assert_true(terms_tag_is(&scene.terms, NULL, 0));
		encrypt(&scene);
		assert_int_equal(scene.nonce[11] & 63, i);
	}
	finish(&scene);
}

/* What is not as in the messages before is refused, and they go on where they were. */
static void test_changes(void **state)
{
	struct scene scene;
	uint64_t seed = 50;

	begin(&scene, *state, 12);
	for (size_t k = 0; k < GENERATORS; k++) {
		struct terms good;
		struct album album = new_album(30);

		choose(&scene, generators[k], 20, seed++);
		encrypt(&scene);
		keep(&album, &scene);
		for (CK_ULONG generator = CKG_GENERATE; generator <= 6; generator++) {
			if (generator == generators[k])
				continue;
			memcpy(good.nonce, scene.terms.nonce, sizeof(good.nonce));
			choose(&scene, generator, 20, seed++);
			refuse(&scene, CKR_MECHANISM_PARAM_INVALID);
			choose(&scene, generators[k], 19, seed++);
			refuse(&scene, CKR_MECHANISM_PARAM_INVALID);
			choose(&scene, generators[k], 97, seed++);
			refuse(&scene, CKR_MECHANISM_PARAM_INVALID);
			choose(&scene, CKG_NO_GENERATE, 20, seed++);
			encrypt(&scene);
			choose(&scene, generators[k], 20, seed++);
			memcpy(scene.terms.nonce, good.nonce, sizeof(good.nonce));
			encrypt(&scene);
			keep(&album, &scene);
		}
		check_album(&album, "among refusals");
		begin_anew(&scene);
	}
	finish(&scene);
}

/* "The value of the non-fixed portion passed must not vary from call to call": it is what the
 * caller first had, or what the last call left. */
static void test_xor_start(void **state)
{
	unsigned char first[12];
	struct scene scene;

	begin(&scene, *state, 12);
	choose(&scene, CKG_GENERATE_COUNTER_XOR, 32, 9);
	memcpy(first, scene.nonce, 12);
	for (unsigned int i = 0; i < 20; i++) {
		if (i % 3 == 2)
			memcpy(scene.nonce, first, 12);
		if (i % 5 == 4) {
			memset(scene.terms.tag, scene.terms.tag[31], 16);
			scene.nonce[11] ^= 0x55;
			refuse(&scene, CKR_MECHANISM_PARAM_INVALID);
			scene.nonce[11] ^= 0x55;
		}
		/* Fixed bits may be others; they are the caller's. */
		scene.nonce[0] = (unsigned char)i;
		encrypt(&scene);
		assert_int_equal(scene.nonce[0], i);
		assert_int_equal(scene.nonce[11], first[11] ^ i);
		assert_memory_equal(scene.nonce + 1, first + 1, 10);
	}
	finish(&scene);
}

/* Decryption takes the nonce as it is, whatever else the parameter says. */
static void test_decryption(void **state)
{
	const struct aead *aead = *state;
	unsigned char out[TEXT], sealed[TEXT + GUEST_SLACK];
	struct scene scene;

	begin(&scene, aead, aead->nonces[0]);
	GUEST_RV(message_init(scene.session, TOKEN_DECRYPT, aead->type, scene.key.object), CKR_OK);
	for (CK_ULONG generator = 0; generator <= 6; generator++) {
		CK_ULONG n = sizeof(out);

		choose(&scene, generator, generator % 2 ? 1000 : 5, generator);
		guest_expect(&scene.material, text, TEXT, sealed);
		memcpy(scene.terms.tag, sealed + TEXT, 16);
		GUEST_RV(messages->C_DecryptMessage(scene.session, &scene.terms.parameter,
						    scene.terms.size, aad, sizeof(aad), sealed,
						    TEXT, out, &n),
			 CKR_OK);
		assert_memory_equal(out, text, TEXT);
		assert_memory_equal(scene.nonce, scene.material.iv, scene.n);
	}
	GUEST_RV(message_final(scene.session, TOKEN_DECRYPT), CKR_OK);
	finish(&scene);
}

#define EACH(test) ON_AEAD(test, CKM_AES_GCM, 0), ON_AEAD(test, CKM_AES_CCM, 1)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(test_fixed_bits), EACH(test_counters),   EACH(test_many),
		EACH(test_used_up),    EACH(test_questions),  EACH(test_changes),
		EACH(test_xor_start),  EACH(test_decryption), EACH(test_processes),
	};

	guest_fill(secret, sizeof(secret), 11);
	guest_fill(aad, sizeof(aad), 12);
	guest_fill(text, sizeof(text), 13);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, messages_setup, guest_teardown);
}
