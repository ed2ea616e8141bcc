/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Key wrap (NIST SP 800-38F), which the module makes of the kernel's ecb(aes): what libcrypto makes
 * of messages of all lengths, with keys of all lengths; lengths that must be refused, and wrapped
 * keys that were changed.
 */
#include "guest.h"

#include <stdlib.h>
#include <string.h>

#define LARGEST 4096

struct row {
	const char *name;
	CK_MECHANISM_TYPE type;
	CK_MECHANISM_TYPE known; /* to libcrypto */
	bool padded;             /* by PKCS#7 first */
	size_t text[12];         /* lengths; ends with 0 */
	size_t refused[8];       /* and some that must not be wrapped, beside 0 */
	size_t not_wrapped[8];   /* or unwrapped */
};

#define ROW(type) #type, type
static const struct row rows[] = {
	{ROW(CKM_AES_KEY_WRAP),
	 CKM_AES_KEY_WRAP,
	 false,
	 {16, 24, 32, 40, 64, 72, LARGEST},
	 {1, 8, 15, 17, 23, 25, 33},
	 {8, 16, 17, 23, 25, 39, 41}},
	{ROW(CKM_AES_KEY_WRAP_KWP),
	 CKM_AES_KEY_WRAP_KWP,
	 false,
	 {1, 7, 8, 9, 15, 16, 17, 24, 32, 64, LARGEST},
	 {0},
	 {8, 15, 17, 23, 25}},
	{ROW(CKM_AES_KEY_WRAP_PAD),
	 CKM_AES_KEY_WRAP,
	 true,
	 {8, 9, 15, 16, 17, 23, 24, 32, 64, LARGEST},
	 {1, 7},
	 {8, 16, 17, 23, 25}},
	{ROW(CKM_AES_KEY_WRAP_PKCS7),
	 CKM_AES_KEY_WRAP,
	 true,
	 {8, 9, 15, 16, 17, 23, 24, 32, 64, LARGEST},
	 {1, 7},
	 {8, 16, 17, 23, 25}},
};
#define ROWS (sizeof(rows) / sizeof(*rows))

static unsigned char secret[32];
static unsigned char message[LARGEST];
static unsigned char wrapped[LARGEST + GUEST_SLACK];

/* A row, and a key. */
struct scene {
	const struct row *row;
	CK_SESSION_HANDLE session;
	struct token_key key;
	CK_MECHANISM mechanism;
};

static size_t expect(const struct scene *scene, size_t length)
{
	struct material material = {
		.type = scene->row->known, .key = secret, .key_length = scene->key.length};
	static unsigned char text[LARGEST + 8];

	memcpy(text, message, length);
	if (scene->row->padded) {
		memset(text + length, (int)(8 - length % 8), 8);
		length += 8 - length % 8;
	}
	return guest_expect(&material, text, length, wrapped);
}

static void run(const struct scene *scene, struct token_job *job)
{
	struct token_split split;

	guest_split(&split, job->in_length, job->in_length);
	for (enum token_manner manner = TOKEN_PLAIN; manner <= TOKEN_IN_PLACE; manner++) {
		/* Thousands of steps, each time. */
		if (job->in_length > 100 && manner != TOKEN_PLAIN)
			continue;
		GUEST_OK(token_run(&token, scene->session, job, manner));
		GUEST_OK(token_run_parts(&token, scene->session, job, manner, &split));
	}
}

static void check(struct scene *scene, size_t length)
{
	struct token_job job = {.kind = TOKEN_ENCRYPT,
				.mechanism = &scene->mechanism,
				.key = scene->key.object,
				.in = message,
				.in_length = length,
				.out = wrapped,
				.out_length = expect(scene, length)};

	job.room = job.out_length;
	run(scene, &job);
	job.kind = TOKEN_DECRYPT;
	job.in = wrapped;
	job.in_length = job.out_length;
	job.out = message;
	job.out_length = length;
	job.room = length;
	run(scene, &job);
}

static void check_refused(struct scene *scene, enum token_kind kind, size_t length)
{
	struct token_job job = {.kind = kind,
				.mechanism = &scene->mechanism,
				.key = scene->key.object,
				.in = message,
				.in_length = length,
				.room = GUEST_SLACK,
				.rv = kind == TOKEN_ENCRYPT ? CKR_DATA_LEN_RANGE
							    : CKR_ENCRYPTED_DATA_LEN_RANGE,
				.sealed = true};

	run(scene, &job);
}

/* Each bit counts, and nothing of what is refused is told. */
static void check_changed(struct scene *scene)
{
	struct token_job job = {.kind = TOKEN_DECRYPT,
				.mechanism = &scene->mechanism,
				.key = scene->key.object,
				.in = wrapped,
				.in_length = expect(scene, 32),
				.room = 40,
				.rv = CKR_ENCRYPTED_DATA_INVALID,
				.sealed = true};

	for (size_t i = 0; i < job.in_length; i++) {
		wrapped[i] ^= (unsigned char)(1 << i % 8);
		GUEST_OK(token_run(&token, scene->session, &job, TOKEN_PLAIN));
		wrapped[i] ^= (unsigned char)(1 << i % 8);
	}
}

static void wraps(void **state)
{
	const struct row *row = *state;
	struct scene scene = {.row = row, .mechanism = {row->type, NULL, 0}};

	guest_need(row->type);
	scene.session = guest_session();
	for (size_t length = 16; length <= 32; length += 8) {
		scene.key = guest_key(scene.session, "aes", secret, length, true);
		for (size_t i = 0; row->text[i]; i++)
			check(&scene, row->text[i]);
		check_refused(&scene, TOKEN_ENCRYPT, 0);
		check_refused(&scene, TOKEN_DECRYPT, 0);
		for (size_t i = 0; row->refused[i]; i++)
			check_refused(&scene, TOKEN_ENCRYPT, row->refused[i]);
		for (size_t i = 0; row->not_wrapped[i]; i++)
			check_refused(&scene, TOKEN_DECRYPT, row->not_wrapped[i]);
		check_changed(&scene);
		token_key_drop(&scene.key);
	}
	GUEST_RV(token.f->C_CloseSession(scene.session), CKR_OK);
}

/* What other software than this may have wrapped: TEXT with an initial value, which
 * unwraps by MECHANISM to its first LENGTH bytes, or (SIZE_MAX) not. */
static void check_forged(struct scene *scene, CK_MECHANISM_TYPE type, const char *value,
			 const char *text, size_t size, size_t length)
{
	CK_MECHANISM forge = {CKM_AES_KEY_WRAP, (void *)value, 8};
	struct token_job job = {.kind = TOKEN_DECRYPT,
				.mechanism = &scene->mechanism,
				.key = scene->key.object,
				.in = wrapped,
				.out = (const unsigned char *)text,
				.out_length = length,
				.room = length,
				.sealed = true};
	CK_ULONG made = sizeof(wrapped);

	if (length == SIZE_MAX) {
		job.out_length = job.room = size;
		job.rv = CKR_ENCRYPTED_DATA_INVALID;
	}
	GUEST_RV(token.f->C_EncryptInit(scene->session, &forge, scene->key.object), CKR_OK);
	GUEST_RV(token.f->C_Encrypt(scene->session, (unsigned char *)text, size, wrapped, &made),
		 CKR_OK);
	job.in_length = made;
	scene->mechanism.mechanism = type;
	GUEST_OK(token_run(&token, scene->session, &job, TOKEN_PLAIN));
}

/* SP 800-38F, section 6.3: the length that is claimed is within the last 8 bytes, and what follows
 * it are zeros. PKCS#7 padding is 1 to 8 bytes, all the same. */
static void forged(void **state)
{
	static const char zeros[] = "a text of 12\0\0\0", other[] = "a text of 12\0\1\0";
	static const char plain[] = "\xa6\xa6\xa6\xa6\xa6\xa6\xa6\xa6";
	static const char seven[] = "a text of\7\7\7\7\7\7\7",
			  nine[] = "text....\11\11\11\11\11\11\11\11";
	static const char broken[] = "a text of\7\7\7\6\7\7\7", none[] = "a text of 16 by\0";
	struct scene scene = {0};

	guest_need(CKM_AES_KEY_WRAP);
	scene.session = guest_session();
	scene.key = guest_key(scene.session, "aes", secret, 32, true);
	for (char claim = 0; claim < 20; claim++) {
		char value[8] = "\xa6\x59\x59\xa6";

		value[7] = claim;
		check_forged(&scene, CKM_AES_KEY_WRAP_KWP, value, zeros, 16,
			     claim >= 12 && claim <= 16 ? (size_t)claim : SIZE_MAX);
		check_forged(&scene, CKM_AES_KEY_WRAP_KWP, value, other, 16,
			     claim >= 14 && claim <= 16 ? (size_t)claim : SIZE_MAX);
		value[4] = 1;
		check_forged(&scene, CKM_AES_KEY_WRAP_KWP, value, zeros, 16, SIZE_MAX);
	}
	for (size_t i = 0; i < 2; i++) {
		CK_MECHANISM_TYPE type = i ? CKM_AES_KEY_WRAP_PAD : CKM_AES_KEY_WRAP_PKCS7;

		check_forged(&scene, type, plain, seven, 16, 9);
		check_forged(&scene, type, plain, broken, 16, SIZE_MAX);
		check_forged(&scene, type, plain, nine, 16, SIZE_MAX);
		check_forged(&scene, type, plain, none, 16, SIZE_MAX);
	}
	token_key_drop(&scene.key);
	GUEST_RV(token.f->C_CloseSession(scene.session), CKR_OK);
}

static int set_up(void **state)
{
	guest_fill(secret, sizeof(secret), 1);
	guest_fill(message, sizeof(message), 2);
	return guest_setup(state);
}

int main(void)
{
	struct CMUnitTest tests[ROWS + 1] = {[ROWS] = cmocka_unit_test(forged)};

	for (size_t i = 0; i < ROWS; i++)
		tests[i] = (struct CMUnitTest){.name = rows[i].name,
					       .test_func = wraps,
					       .initial_state = (void *)&rows[i]};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, guest_teardown);
}
