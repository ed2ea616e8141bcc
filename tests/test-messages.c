/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages of a process: whole ones and parts, of all sizes, right and wrong. */
#include "messages.h"
#include "vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST 200000
#define AAD_MAX 3000

static const size_t text_lengths[] = {0, 1, 15, 16, 17, 1000, 65536, LONGEST};
static const size_t aad_lengths[] = {0, 1, 20, AAD_MAX};

enum {
	TEXTS = sizeof(text_lengths) / sizeof(*text_lengths),
	AADS = sizeof(aad_lengths) / sizeof(*aad_lengths),
	MANNERS = 3,
};

/* Of the published vectors of each AEAD, one in so many. */
static const unsigned int every[AEADS] = {47, 17, 1};

static unsigned char secret[32], aad[AAD_MAX], text[LONGEST];

/* A session with a process of each kind, and what its next message is made of. */
struct scene {
	const struct aead *aead;
	CK_SESSION_HANDLE session;
	struct token_key key;
	struct material material;
};

static void begin(struct scene *scene, const struct aead *aead, size_t key_length, bool frozen)
{
	guest_need(aead->type);
	*scene = (struct scene){.aead = aead, .session = guest_session()};
	scene->key = guest_key(scene->session, aead->key_type, secret, key_length, frozen);
	scene->material =
		(struct material){.type = aead->type, .key = secret, .key_length = key_length};
	GUEST_RV(message_init(scene->session, TOKEN_ENCRYPT, aead->type, scene->key.object),
		 CKR_OK);
	GUEST_RV(message_init(scene->session, TOKEN_DECRYPT, aead->type, scene->key.object),
		 CKR_OK);
}

static void finish(struct scene *scene)
{
	GUEST_RV(message_final(scene->session, TOKEN_ENCRYPT), CKR_OK);
	GUEST_RV(message_final(scene->session, TOKEN_DECRYPT), CKR_OK);
	token_key_drop(&scene->key);
	GUEST_RV(token.f->C_CloseSession(scene->session), CKR_OK);
}

/* Each message has another nonce and text, so that bytes of an older one would be noticed. */
static void next_message(struct scene *scene, size_t length, size_t aad_length)
{
	static uint64_t seed = 100;
	struct material *material = &scene->material;

	guest_fill(material->iv, sizeof(material->iv), seed++);
	guest_fill(text, length < 64 ? length : 64, seed++);
	material->aad = aad_length ? aad : NULL;
	material->aad_length = aad_length;
}

/* The I-th pair of a nonce's and a tag's size. CCM counts a message's bytes in what the nonce
 * leaves of 15 bytes. */
static void choose_sizes(struct scene *scene, size_t i, size_t length)
{
	struct material *material = &scene->material;
	size_t nonces = message_sizes(scene->aead->nonces);

	material->tag_length = message_size(scene->aead->tags, i);
	material->nonce_length = message_size(scene->aead->nonces, i / 7 + i);
	if (scene->aead->type == CKM_AES_CCM && length > 0xffff &&
	    material->nonce_length == scene->aead->nonces[nonces - 1])
		material->nonce_length = scene->aead->nonces[0];
}

static int check(struct scene *scene, enum token_kind kind, size_t length, enum token_manner manner,
		 const struct token_split *split)
{
	return message_check(&token, scene->session, kind, &scene->material, text, length, manner,
			     split);
}

static void both_ways(struct scene *scene, size_t length, enum token_manner manner,
		      const struct token_split *split)
{
	GUEST_OK(check(scene, TOKEN_ENCRYPT, length, manner, split));
	GUEST_OK(check(scene, TOKEN_DECRYPT, length, manner, split));
}

static void test_whole(void **state)
{
	const struct aead *aead = *state;
	struct scene scene;
	size_t i = 0;

	for (size_t k = 0; k < message_sizes(aead->keys); k++) {
		begin(&scene, aead, aead->keys[k], k % 2);
		for (size_t t = 0; t < TEXTS; t++) {
			for (size_t a = 0; a < AADS; a++, i++) {
				/* All lengths with each AAD, but once. */
				if (k && text_lengths[t] > 1000 && a)
					continue;
				next_message(&scene, text_lengths[t], aad_lengths[a]);
				choose_sizes(&scene, i, text_lengths[t]);
				both_ways(&scene, text_lengths[t], (enum token_manner)(i % MANNERS),
					  NULL);
			}
		}
		finish(&scene);
	}
}

/* All tags with all nonces, one after the other in one process. */
static void test_sizes(void **state)
{
	const struct aead *aead = *state;
	size_t nonces = message_sizes(aead->nonces), tags = message_sizes(aead->tags);
	struct scene scene;

	for (int frozen = 0; frozen <= 1; frozen++) {
		begin(&scene, aead, 32, frozen);
		for (size_t i = 0; i < nonces * tags; i++) {
			next_message(&scene, 40, i % 3 * 10);
			scene.material.nonce_length = aead->nonces[i % nonces];
			scene.material.tag_length = aead->tags[i / nonces];
			both_ways(&scene, 40, (enum token_manner)(i % MANNERS), NULL);
		}
		finish(&scene);
	}
}

static void in_parts(struct scene *scene, size_t i, size_t length, const struct token_split *split)
{
	next_message(scene, length, aad_lengths[i % AADS]);
	choose_sizes(scene, i, length);
	both_ways(scene, length, (enum token_manner)(i % MANNERS), split);
}

static void test_parts(void **state)
{
	static const size_t lengths[] = {2, 64, 1000, 5000, 65536, LONGEST};
	const struct token_split none = {0}, empty = {3, {0, 0, 0}};
	struct token_split split = {.n = 40};
	struct scene scene;
	size_t i = 0;

	begin(&scene, *state, 32, true);
	in_parts(&scene, i++, 0, &none);
	in_parts(&scene, i++, 0, &empty);
	for (size_t at = 0; at < 40; at++)
		split.part[at] = 1;
	in_parts(&scene, i++, 40, &split);
	/* Two parts, and what follows on them with the last. */
	for (size_t first = 0; first <= 33; first++) {
		split = (struct token_split){3, {first, 33 - first, first % 2}};
		in_parts(&scene, i++, 33 + first % 2, &split);
	}
	for (size_t k = 0; k < 3 * sizeof(lengths) / sizeof(*lengths); k++, i++) {
		guest_split(&split, lengths[k / 3], i);
		/* What is there already, and nothing more. */
		if (k % 3 == 1 && split.n < TOKEN_PARTS_MAX)
			split.part[split.n++] = 0;
		in_parts(&scene, i, lengths[k / 3], &split);
		/* A whole one in between. */
		next_message(&scene, 100, 13);
		both_ways(&scene, 100, TOKEN_PLAIN, NULL);
	}
	finish(&scene);
}

/* What a caller may change on the way: the last part alone says where the tag is. */
static void test_tag_comes_last(void **state)
{
	const struct aead *aead = *state;
	struct terms first, last;
	struct sealed sealed;
	struct scene scene;
	unsigned char out[100];
	CK_ULONG n;

	begin(&scene, aead, 32, false);
	for (int kind = TOKEN_ENCRYPT; kind <= TOKEN_DECRYPT; kind++) {
		struct message_calls calls = message_calls((enum token_kind)kind);
		unsigned char *in;

		next_message(&scene, 100, 10);
		scene.material.tag_length = 16;
		message_seal(&sealed, &scene.material, text, 100);
		in = kind == TOKEN_ENCRYPT ? text : sealed.cipher;
		terms_make(&first, &scene.material, 100);
		terms_make(&last, &scene.material, 100);
		if (kind == TOKEN_DECRYPT)
			memcpy(last.tag, sealed.tag, 16);
		GUEST_RV(calls.begin(scene.session, &first.parameter, first.size, aad, 10), CKR_OK);
		n = sizeof(out);
		GUEST_RV(
			calls.next(scene.session, &first.parameter, first.size, in, 60, out, &n, 0),
			CKR_OK);
		assert_int_equal(n, 0);
		n = sizeof(out);
		GUEST_RV(calls.next(scene.session, &last.parameter, last.size, in + 60, 40, out, &n,
				    CKF_END_OF_MESSAGE),
			 CKR_OK);
		assert_int_equal(n, 100);
		assert_memory_equal(out, kind == TOKEN_ENCRYPT ? sealed.cipher : text, 100);
		assert_true(terms_tag_is(&first, NULL, 0));
		assert_true(terms_tag_is(&last, sealed.tag, 16));
		free(sealed.cipher);
	}
	finish(&scene);
}

/* The example of section 5.9: C_MessageEncryptInit gets the parameter of the first message, with
 * its tag not yet made; the second message's nonce is the token's. */
static void test_example(void **state)
{
	const struct aead *aead = *state;
	unsigned char out[100];
	CK_MECHANISM mechanism = {.mechanism = aead->type};
	struct sealed sealed;
	struct scene scene;
	struct terms terms;
	CK_ULONG n = sizeof(out);

	begin(&scene, aead, 32, false);
	GUEST_RV(message_final(scene.session, TOKEN_ENCRYPT), CKR_OK);
	next_message(&scene, 100, 20);
	terms_make(&terms, &scene.material, 100);
	mechanism.pParameter = &terms.parameter;
	mechanism.ulParameterLen = terms.size;
	GUEST_RV(messages->C_MessageEncryptInit(scene.session, &mechanism, scene.key.object),
		 CKR_OK);
	message_seal(&sealed, &scene.material, text, 100);
	GUEST_RV(messages->C_EncryptMessage(scene.session, &terms.parameter, terms.size, aad, 20,
					    text, 100, out, &n),
		 CKR_OK);
	assert_memory_equal(out, sealed.cipher, 100);
	assert_true(terms_tag_is(&terms, sealed.tag, 16));
	free(sealed.cipher);

	if (aead->type != CKM_CHACHA20_POLY1305)
		terms_generate(&terms, aead->type, CKG_GENERATE, 0);
	GUEST_RV(messages->C_EncryptMessageBegin(scene.session, &terms.parameter, terms.size, aad,
						 20),
		 CKR_OK);
	n = sizeof(out);
	GUEST_RV(messages->C_EncryptMessageNext(scene.session, &terms.parameter, terms.size, text,
						50, out, &n, 0),
		 CKR_OK);
	assert_int_equal(n, 0);
	n = sizeof(out);
	GUEST_RV(messages->C_EncryptMessageNext(scene.session, &terms.parameter, terms.size,
						text + 50, 50, out, &n, CKF_END_OF_MESSAGE),
		 CKR_OK);
	assert_int_equal(n, 100);
	memcpy(scene.material.iv, terms.nonce, 12);
	message_seal(&sealed, &scene.material, text, 100);
	assert_memory_equal(out, sealed.cipher, 100);
	assert_true(terms_tag_is(&terms, sealed.tag, 16));
	free(sealed.cipher);
	finish(&scene);
}

/* Sizes that are none of the mechanism's are refused, and the process goes on. */
static void test_refused_sizes(void **state)
{
	const struct aead *aead = *state;
	unsigned char out[64];
	struct scene scene;
	struct terms terms;

	begin(&scene, aead, 32, true);
	for (size_t nonce = 1; nonce <= 24; nonce++) {
		for (size_t tag = 1; tag <= 17; tag++) {
			size_t good = 0;
			CK_ULONG n = sizeof(out);

			for (const size_t *size = aead->nonces; *size; size++)
				good += *size == nonce;
			for (const size_t *size = aead->tags; *size; size++)
				good += *size == tag;
			/* The parameter of ChaCha20-Poly1305 has no place for another tag. */
			if (good == 2 || (aead->type == CKM_CHACHA20_POLY1305 && tag != 16))
				continue;
			next_message(&scene, 20, 5);
			scene.material.nonce_length = nonce;
			scene.material.tag_length = tag;
			terms_make(&terms, &scene.material, 20);
			GUEST_RV(messages->C_EncryptMessage(scene.session, &terms.parameter,
							    terms.size, aad, 5, text, 20, out, &n),
				 CKR_MECHANISM_PARAM_INVALID);
			GUEST_RV(messages->C_DecryptMessageBegin(scene.session, &terms.parameter,
								 terms.size, aad, 5),
				 CKR_MECHANISM_PARAM_INVALID);
		}
		choose_sizes(&scene, nonce, 20);
		both_ways(&scene, 20, TOKEN_PLAIN, NULL);
	}
	finish(&scene);
}

/* CCM's parameter says how long the message is. */
static void test_ccm_length(void **state)
{
	CK_ULONG wrong[] = {0, 19, 21, 1000, 65536};
	unsigned char out[64];
	struct scene scene;
	struct terms terms;

	begin(&scene, &aeads[1], 32, true);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		CK_ULONG n = sizeof(out);

		next_message(&scene, 20, 5);
		scene.material.tag_length = 8;
		scene.material.nonce_length = 13;
		terms_make(&terms, &scene.material, wrong[i]);
		GUEST_RV(messages->C_EncryptMessage(scene.session, &terms.parameter, terms.size,
						    aad, 5, text, 20, out, &n),
			 wrong[i] > 65535 ? CKR_MECHANISM_PARAM_INVALID : CKR_DATA_LEN_RANGE);
		n = sizeof(out);
		GUEST_RV(messages->C_DecryptMessage(scene.session, &terms.parameter, terms.size,
						    aad, 5, text, 20, out, &n),
			 wrong[i] > 65535 ? CKR_MECHANISM_PARAM_INVALID
					  : CKR_ENCRYPTED_DATA_LEN_RANGE);
		both_ways(&scene, 20, TOKEN_PLAIN, NULL);
	}
	finish(&scene);
}

/* Decrypts what was tampered with: in one call and in parts, in place and not. */
static void refused(struct scene *scene, const struct material *material, const struct sealed *sent,
		    const unsigned char *tag, size_t length)
{
	struct message_job job = {.kind = TOKEN_DECRYPT,
				  .material = material,
				  .in = sent->cipher,
				  .tag = tag,
				  .length = length,
				  .rv = CKR_AEAD_DECRYPT_FAILED};
	struct token_split split = {3, {length / 3, length / 3, length - length / 3 * 2}};

	for (int manner = 0; manner < MANNERS; manner++) {
		GUEST_OK(
			message_run(&token, scene->session, &job, (enum token_manner)manner, NULL));
		GUEST_OK(message_run(&token, scene->session, &job, (enum token_manner)manner,
				     &split));
	}
	/* And the next one is as good as any. */
	GUEST_OK(check(scene, TOKEN_DECRYPT, length, TOKEN_PLAIN, NULL));
}

static void tampered(struct scene *scene, size_t length, size_t aad_length, uint64_t *random)
{
	struct material other = scene->material;
	unsigned char tag[16], changed[AAD_MAX];
	size_t tag_length = scene->material.tag_length;
	struct sealed sealed;

	message_seal(&sealed, &scene->material, text, length);
	if (length) {
		size_t at = guest_random(random) % length;

		sealed.cipher[at] ^= 1 << at % 8;
		refused(scene, &scene->material, &sealed, sealed.tag, length);
		sealed.cipher[at] ^= 1 << at % 8;
	}
	memcpy(tag, sealed.tag, tag_length);
	tag[guest_random(random) % tag_length] ^= 0x10;
	refused(scene, &scene->material, &sealed, tag, length);
	if (aad_length) {
		memcpy(changed, aad, aad_length);
		changed[guest_random(random) % aad_length] ^= 4;
		other.aad = changed;
		refused(scene, &other, &sealed, sealed.tag, length);
		other.aad_length--;
		other.aad = aad;
		refused(scene, &other, &sealed, sealed.tag, length);
	}
	other = scene->material;
	other.iv[guest_random(random) % 7] ^= 0x80;
	refused(scene, &other, &sealed, sealed.tag, length);
	free(sealed.cipher);
}

static void test_tampered(void **state)
{
	static const size_t lengths[] = {0, 1, 16, 100, 5000, 65536};
	uint64_t random = 77;
	struct scene scene;

	for (int frozen = 0; frozen <= 1; frozen++) {
		begin(&scene, *state, 32, frozen);
		for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
			for (size_t a = 0; a < 2; a++) {
				size_t aad_length = aad_lengths[(i + 2 * a + frozen) % AADS];

				if (a && lengths[i] > 5000)
					continue;
				next_message(&scene, lengths[i], aad_length);
				choose_sizes(&scene, 3 * i + a, lengths[i]);
				tampered(&scene, lengths[i], aad_length, &random);
			}
		}
		finish(&scene);
	}
}

/* What no tag was seen for stays unknown: a short tag, cut off at the end, is one of another size.
 */
static void test_cut_tag(void **state)
{
	const struct aead *aead = *state;
	struct material shorter;
	struct sealed sealed;
	struct scene scene;

	begin(&scene, aead, 16, true);
	next_message(&scene, 50, 20);
	scene.material.tag_length = 16;
	message_seal(&sealed, &scene.material, text, 50);
	shorter = scene.material;
	shorter.tag_length = 12;
	/* GCM's shorter tag is the beginning of the longer one; CCM's covers its own size. */
	if (aead->type == CKM_AES_GCM)
		GUEST_OK(message_check(&token, scene.session, TOKEN_DECRYPT, &shorter, text, 50,
				       TOKEN_PLAIN, NULL));
	else
		refused(&scene, &shorter, &sealed, sealed.tag, 50);
	free(sealed.cipher);
	finish(&scene);
}

static const struct vector_set *set_of(CK_MECHANISM_TYPE type)
{
	for (size_t i = 0; i < n_vector_sets; i++)
		if (vector_sets[i].mechanism == type)
			return &vector_sets[i];
	guest_fail("there are no vectors of mechanism 0x%lx", type);
}

/* Published vectors, each with a process of its own, since each has another key. */
static void run_vector(struct scene *scene, const struct vector *vector)
{
	const struct aead *aead = scene->aead;
	struct material material = {.type = aead->type,
				    .nonce_length = vector->iv.length,
				    .aad = vector->aad.data,
				    .aad_length = vector->aad.length,
				    .tag_length = vector->tag.length};
	struct message_job job = {
		.material = &material, .tag = vector->tag.data, .length = vector->cipher.length};
	struct token_split split = {2, {job.length / 2, job.length - job.length / 2}};

	memcpy(material.iv, vector->iv.data, vector->iv.length);
	for (int kind = TOKEN_ENCRYPT; kind <= TOKEN_DECRYPT; kind++) {
		bool decrypt = kind == TOKEN_DECRYPT;

		if (!decrypt && !vector->valid)
			continue;
		job.kind = (enum token_kind)kind;
		job.in = decrypt ? vector->cipher.data : vector->text.data;
		job.out = decrypt ? vector->text.data : vector->cipher.data;
		job.rv = vector->valid ? CKR_OK : CKR_AEAD_DECRYPT_FAILED;
		GUEST_RV(message_init(scene->session, job.kind, aead->type, scene->key.object),
			 CKR_OK);
		GUEST_OK(message_run(&token, scene->session, &job, TOKEN_PLAIN, NULL));
		GUEST_OK(message_run(&token, scene->session, &job, TOKEN_IN_PLACE, &split));
		GUEST_RV(message_final(scene->session, job.kind), CKR_OK);
	}
}

static void test_vectors(void **state)
{
	const struct aead *aead = *state;
	const struct vector_set *set;
	struct scene scene = {.aead = aead};
	unsigned int run = 0, invalid = 0, seen = 0;

	guest_need(aead->type);
	set = set_of(aead->type);
	scene.session = guest_session();
	for (const char *const *name = set->files; *name; name++) {
		struct vector_file *file = vector_open(set, *name);
		const struct vector *vector;

		if (!file)
			guest_fail("%s cannot be read", *name);
		while (vector_next(file, &vector) > 0) {
			size_t nonce = vector->iv.length;

			if (nonce < aead->nonces[0] ||
			    nonce > aead->nonces[message_sizes(aead->nonces) - 1] ||
			    seen++ % every[aead - aeads] != 0)
				continue;
			/* The same key, with other bytes where they are as many. */
			if (scene.key.length != vector->key.length) {
				token_key_drop(&scene.key);
				scene.key = guest_key(scene.session, aead->key_type,
						      vector->key.data, vector->key.length, false);
			} else {
				GUEST_OK(token_key_update(&token, &scene.key, vector->key.data,
							  vector->key.length));
			}
			run_vector(&scene, vector);
			run++;
			invalid += !vector->valid;
		}
		vector_close(file);
	}
	print_message("# %u vectors of %u, %u of them invalid\n", run, seen, invalid);
	assert_in_range(run, 20, seen);
	assert_in_range(invalid, 1, run);
	token_key_drop(&scene.key);
	GUEST_RV(token.f->C_CloseSession(scene.session), CKR_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH_AEAD(test_whole),
		EACH_AEAD(test_sizes),
		EACH_AEAD(test_parts),
		EACH_AEAD(test_tag_comes_last),
		EACH_AEAD(test_example),
		EACH_AEAD(test_refused_sizes),
		cmocka_unit_test(test_ccm_length),
		EACH_AEAD(test_tampered),
		ON_AEAD(test_cut_tag, CKM_AES_GCM, 0),
		ON_AEAD(test_cut_tag, CKM_AES_CCM, 1),
		EACH_AEAD(test_vectors),
	};

	guest_fill(secret, sizeof(secret), 1);
	guest_fill(aad, sizeof(aad), 2);
	guest_fill(text, sizeof(text), 3);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, messages_setup, guest_teardown);
}
