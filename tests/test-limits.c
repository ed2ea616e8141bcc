/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mechanisms whose messages the kernel must get in one request: messages of all lengths around
 * every limit of the kernel's. The right bytes, or a refusal that a limit explains, and never
 * anything else. What is right, libcrypto says.
 */
#include "guest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST ((size_t)8 << 20)
#define PAGE 4096
#define GUARD 64
#define FILL 0xa5

struct row {
	const char *name;
	CK_MECHANISM_TYPE type;
	const char *key_type;
	size_t key_length;
	size_t least; /* bytes of the shortest message */
	bool unknown; /* to libcrypto */
};

#define ROW(type) #type, type
static const struct row rows[] = {
	{ROW(CKM_AES_GCM), "aes", 32, 0, false},
	{ROW(CKM_AES_CCM), "aes", 32, 0, false},
	{ROW(CKM_CHACHA20_POLY1305), "chacha20", 32, 0, false},
	{ROW(CKM_AES_GMAC), "aes", 32, 0, false},
	{ROW(CKM_AES_XTS), "aes-xts", 64, 16, false},
	{ROW(CKM_AES_CTS), "aes", 32, 16, false},
	{ROW(CKM_KCRYPTOKI_ADIANTUM_XCHACHA12_AES), "kcryptoki-adiantum", 32, 16, true},
	{ROW(CKM_KCRYPTOKI_AES_HCTR2), "aes", 32, 16, true},
};
#define ROWS (sizeof(rows) / sizeof(*rows))

static unsigned char secret[64];
static unsigned char *message;
static size_t room;          /* that the kernel gives to one request: see find_room() */
static size_t option_memory; /* out of which it pays for the lists of a request's pages */

/* A mechanism under test, and what came of it. */
struct trial {
	const struct row *row;
	CK_SESSION_HANDLE session;
	struct token_key key;
	struct material material;
	unsigned char *sealed, *guarded;
	size_t largest; /* request that was right */
	unsigned long right, refused, memory;
};

/* How a message is brought. */
struct way {
	enum token_kind kind;
	bool parts, in_place;
};

static CK_RV begin(struct trial *trial, enum token_kind kind, size_t text)
{
	CK_FUNCTION_LIST_PTR f = token.f;
	struct mechanism_store store;
	CK_MECHANISM_PTR mechanism = guest_mechanism(&store, &trial->material, text);
	CK_OBJECT_HANDLE key = trial->key.object;

	return kind == TOKEN_ENCRYPT   ? f->C_EncryptInit(trial->session, mechanism, key)
	       : kind == TOKEN_DECRYPT ? f->C_DecryptInit(trial->session, mechanism, key)
				       : f->C_SignInit(trial->session, mechanism, key);
}

static CK_RV single(struct trial *trial, enum token_kind kind, unsigned char *in, size_t length,
		    unsigned char *out, CK_ULONG *made)
{
	CK_FUNCTION_LIST_PTR f = token.f;

	return kind == TOKEN_ENCRYPT   ? f->C_Encrypt(trial->session, in, length, out, made)
	       : kind == TOKEN_DECRYPT ? f->C_Decrypt(trial->session, in, length, out, made)
				       : f->C_Sign(trial->session, in, length, out, made);
}

/* In parts; nothing may come before the last one. */
static CK_RV several(struct trial *trial, enum token_kind kind, unsigned char *in, size_t length,
		     unsigned char *out, CK_ULONG *made)
{
	CK_FUNCTION_LIST_PTR f = token.f;
	CK_SESSION_HANDLE session = trial->session;
	struct token_split split;

	guest_split(&split, length, length);
	for (size_t i = 0; i < split.n; i++) {
		CK_ULONG none = 0;
		CK_RV rv = kind == TOKEN_ENCRYPT
				   ? f->C_EncryptUpdate(session, in, split.part[i], out, &none)
			   : kind == TOKEN_DECRYPT
				   ? f->C_DecryptUpdate(session, in, split.part[i], out, &none)
				   : f->C_SignUpdate(session, in, split.part[i]);

		if (rv != CKR_OK)
			return rv;
		assert_int_equal(none, 0);
		in += split.part[i];
	}
	return kind == TOKEN_ENCRYPT   ? f->C_EncryptFinal(session, out, made)
	       : kind == TOKEN_DECRYPT ? f->C_DecryptFinal(session, out, made)
				       : f->C_SignFinal(session, out, made);
}

__attribute__((noreturn, format(printf, 4, 5))) static void
fail_at(const struct trial *trial, const struct way *way, size_t in_length, const char *format, ...)
{
	static const char *const kinds[] = {[TOKEN_ENCRYPT] = "encrypting",
					    [TOKEN_DECRYPT] = "decrypting",
					    [TOKEN_SIGN] = "signing"};
	char what[128];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	guest_fail("%s, %s %zu bytes%s%s, AAD of %zu: %s", trial->row->name, kinds[way->kind],
		   in_length, way->parts ? " in parts" : "", way->in_place ? " in place" : "",
		   trial->material.aad_length, what);
}

/* The bytes that the kernel must take at once for a text. */
static size_t request_of(const struct trial *trial, size_t text)
{
	size_t tag = trial->row->type == CKM_AES_GMAC ? 16 : guest_tag_length(&trial->material);

	return trial->material.aad_length + text + tag;
}

/* A refusal must be that of its length: because the socket has no room for it, or, of megabytes, no
 * memory for the lists of its pages. */
static void check_refusal(struct trial *trial, const struct way *way, size_t in_length, CK_RV rv,
			  size_t request)
{
	if (rv != (way->kind == TOKEN_DECRYPT ? CKR_ENCRYPTED_DATA_LEN_RANGE : CKR_DATA_LEN_RANGE))
		fail_at(trial, way, in_length, "0x%lx", rv);
	if (request > room)
		trial->refused++;
	else if (request > 32 * option_memory)
		trial->memory++;
	else
		fail_at(trial, way, in_length, "refused, though %zu bytes would fit", room);
}

/* TEXT bytes one way: what is RIGHT must come, or nothing at all. */
static CK_RV go(struct trial *trial, struct way way, unsigned char *in, size_t in_length,
		const unsigned char *right, size_t right_length, size_t text)
{
	size_t size = in_length > right_length ? in_length : right_length, request;
	unsigned char *out = trial->guarded + GUARD;
	CK_ULONG made = right_length;
	CK_RV rv;

	memset(trial->guarded, FILL, GUARD + size + GUARD);
	if (way.in_place)
		memcpy(out, in, in_length);
	GUEST_RV(begin(trial, way.kind, text), CKR_OK);
	rv = (way.parts ? several : single)(trial, way.kind, way.in_place ? out : in, in_length,
					    out, &made);
	for (size_t i = 0; i < GUARD; i++)
		if (trial->guarded[i] != FILL || out[size + i] != FILL)
			fail_at(trial, &way, in_length, "written outside of the buffer");
	request = request_of(trial, text);
	if (rv == CKR_OK) {
		if (made != right_length || memcmp(out, right, made))
			fail_at(trial, &way, in_length, "wrong result");
		if (request > room)
			fail_at(trial, &way, in_length, "right, though %zu bytes fit", room);
		trial->right++;
		if (trial->largest < request)
			trial->largest = request;
		return rv;
	}
	check_refusal(trial, &way, in_length, rv, request);
	for (size_t i = 0; i < size; i++)
		if (out[i] != FILL && out[i] != 0 &&
		    !(way.in_place && i < in_length && out[i] == in[i]))
			fail_at(trial, &way, in_length, "refused, but byte %zu told", i);
	return rv;
}

/* Where libcrypto does not know the mechanism: the first result, in one part, stands for it. Each
 * of its bytes depends on each of the text, as they would not if the kernel had made pieces. */
static void learn(struct trial *trial, size_t text)
{
	unsigned char *other = trial->guarded + GUARD;
	const size_t changes[] = {0, text - 1};
	CK_ULONG made = text;

	GUEST_RV(begin(trial, TOKEN_ENCRYPT, text), CKR_OK);
	/* A refusal is judged by those who come to use it. */
	if (single(trial, TOKEN_ENCRYPT, message, text, trial->sealed, &made) != CKR_OK)
		return;
	for (size_t i = 0; i < 2; i++) {
		message[changes[i]] ^= 1;
		made = text;
		GUEST_RV(begin(trial, TOKEN_ENCRYPT, text), CKR_OK);
		GUEST_RV(single(trial, TOKEN_ENCRYPT, message, text, other, &made), CKR_OK);
		message[changes[i]] ^= 1;
		if (!memcmp(other, trial->sealed, 8) ||
		    !memcmp(other + text - 8, trial->sealed + text - 8, 8))
			guest_fail("%s of %zu bytes was computed in pieces", trial->row->name,
				   text);
	}
}

/* A verification of a right MAC and of a wrong one. */
static void verify(struct trial *trial, struct way way, size_t text, unsigned char *mac)
{
	CK_FUNCTION_LIST_PTR f = token.f;
	struct mechanism_store store;
	const CK_RV rights[] = {CKR_OK, CKR_SIGNATURE_INVALID};
	size_t request = request_of(trial, text);
	struct token_split split;
	CK_RV rv;

	guest_split(&split, text, text);
	for (size_t i = 0; i < 2; i++) {
		unsigned char *in = message;

		GUEST_RV(f->C_VerifyInit(trial->session,
					 guest_mechanism(&store, &trial->material, 0),
					 trial->key.object),
			 CKR_OK);
		rv = CKR_OK;
		for (size_t j = 0; way.parts && j < split.n && rv == CKR_OK; j++) {
			rv = f->C_VerifyUpdate(trial->session, in, split.part[j]);
			in += split.part[j];
		}
		if (rv == CKR_OK)
			rv = way.parts ? f->C_VerifyFinal(trial->session, mac, 16)
				       : f->C_Verify(trial->session, in, text, mac, 16);
		if (rv != rights[i] || request > room)
			check_refusal(trial, &way, text, rv, request);
		mac[15] ^= 1;
	}
}

/* A text with its AAD, both ways; SHAPE chooses how. False where it was refused. */
static bool text_of(struct trial *trial, size_t text, unsigned int shape)
{
	struct way way = {.parts = shape & 1, .in_place = shape & 2};
	bool fits = request_of(trial, text) <= room;
	size_t sealed = text + guest_tag_length(&trial->material);
	CK_RV rv;

	if (trial->row->type == CKM_AES_GMAC) {
		way = (struct way){.kind = TOKEN_SIGN, .parts = shape & 1};
		guest_expect(&trial->material, message, text, trial->sealed);
		rv = go(trial, way, message, text, trial->sealed, 16, text);
		if (rv == CKR_OK || !fits)
			verify(trial, way, text, trial->sealed);
		return rv == CKR_OK;
	}
	/* What does not fit is refused before anybody looks at it; so libcrypto need not look at
	 * megabytes. */
	if (trial->row->unknown)
		learn(trial, text);
	else if (fits || text < 500000)
		guest_expect(&trial->material, message, text, trial->sealed);
	way.kind = TOKEN_ENCRYPT;
	rv = go(trial, way, message, text, trial->sealed, sealed, text);
	if (rv != CKR_OK && fits)
		return false;
	way.kind = TOKEN_DECRYPT;
	return go(trial, way, trial->sealed, sealed, message, text, text) == CKR_OK;
}

static void start(struct trial *trial, const struct row *row)
{
	guest_need(row->type);
	*trial = (struct trial){
		.row = row,
		.session = guest_session(),
		.material = {.type = row->type, .key = secret, .key_length = row->key_length},
	};
	guest_fill(trial->material.iv, sizeof(trial->material.iv), row->type);
	trial->material.aad = message + 1;
	trial->key = guest_key(trial->session, row->key_type, secret, row->key_length, true);
	trial->sealed = malloc(LARGEST + PAGE + GUEST_SLACK);
	trial->guarded = malloc(GUARD + LARGEST + PAGE + GUEST_SLACK + GUARD);
	assert_true(trial->sealed && trial->guarded);
}

static void end(struct trial *trial)
{
	/* A small one after all of them. */
	trial->material.aad_length = 0;
	assert_true(text_of(trial, 100, 0));
	free(trial->sealed);
	free(trial->guarded);
	token_key_drop(&trial->key);
	GUEST_RV(token.f->C_CloseSession(trial->session), CKR_OK);
}

/* A request of TOTAL bytes with so much AAD; or, ALL_AAD, with all of it but 17 bytes of text. */
#define ALL_AAD SIZE_MAX
static bool total_of(struct trial *trial, size_t total, size_t aad, unsigned int shape)
{
	size_t overhead;

	trial->material.aad_length = 0;
	overhead = request_of(trial, 0);
	if (aad == ALL_AAD)
		aad = total - overhead - 17;
	trial->material.aad_length = aad;
	return text_of(trial, total - overhead - aad, shape);
}

/* Megabytes at a time are slow: only the edges, where most of it is text. */
static bool matters(size_t limit, int offset, size_t aad)
{
	if (limit > (size_t)1 << 20)
		return abs(offset) <= 1 && !aad;
	return limit < 500000 || (abs(offset) <= 1 && aad != 13);
}

static void around(struct trial *trial, size_t limit)
{
	static const int offsets[] = {-64, -17, -16, -1, 0, 1, 15, 16, 64};
	static const size_t aads[] = {0, 13, ALL_AAD};
	bool aead = guest_tag_length(&trial->material) > 0;
	unsigned int shape = 0;

	for (size_t i = 0; i < (aead ? sizeof(aads) / sizeof(*aads) : 1); i++)
		for (size_t j = 0; j < sizeof(offsets) / sizeof(*offsets); j++)
			if (matters(limit, offsets[j], aads[i]))
				total_of(trial, limit + (size_t)offsets[j], aads[i], shape++);
}

/* The socket buffers: the usual size, twice that, and what newer kernels allow; and the same less
 * the page that the module leaves free. */
static void limits(void **state)
{
	static const size_t known[] = {PAGE,          212992 - PAGE,  212992,
				       425984 - PAGE, 425984,         (size_t)1 << 20,
				       LARGEST / 2,   LARGEST - PAGE, LARGEST};
	struct trial trial;
	size_t low, high;

	start(&trial, *state);
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		around(&trial, known[i]);
	if (room < LARGEST)
		around(&trial, room);
	/* Where memory is the limit: to a page. */
	for (low = trial.largest, high = room; high - low > PAGE;) {
		size_t middle = low + (high - low) / 2;

		if (total_of(&trial, middle, 0, 0))
			low = middle;
		else
			high = middle;
	}
	print_message("# %s: %lu right, %lu refused as too long, %lu for want of memory; the "
		      "largest request that worked: %zu bytes, of %zu that have room\n",
		      trial.row->name, trial.right, trial.refused, trial.memory, trial.largest,
		      room);
	end(&trial);
}

/* A message too short to be one is refused at its end, in one part and in several. */
static void too_short(struct trial *trial, enum token_kind kind, size_t length)
{
	CK_RV wrong = kind == TOKEN_DECRYPT ? CKR_ENCRYPTED_DATA_LEN_RANGE : CKR_DATA_LEN_RANGE;
	unsigned char out[GUEST_SLACK];
	CK_ULONG made = sizeof(out);

	GUEST_RV(begin(trial, kind, 0), CKR_OK);
	GUEST_RV(single(trial, kind, message, length, out, &made), wrong);
	GUEST_RV(begin(trial, kind, 0), CKR_OK);
	made = sizeof(out);
	GUEST_RV(several(trial, kind, message, length, out, &made), wrong);
	GUEST_RV(begin(trial, kind, 0), CKR_OK);
	GUEST_RV(single(trial, kind, message, length, NULL, &made), wrong);
}

static void small(void **state)
{
	static const size_t aads[] = {0, 1, 16, 17, 65279, 65280, 70000};
	struct trial trial;
	size_t tag;

	start(&trial, *state);
	tag = guest_tag_length(&trial.material);
	for (size_t i = 0; i < (tag ? sizeof(aads) / sizeof(*aads) : 1); i++) {
		trial.material.aad_length = aads[i];
		for (size_t text = trial.row->least; text <= (aads[i] > 17 ? 17 : 130); text++)
			for (unsigned int shape = 0; shape < 4; shape++)
				text_of(&trial, text, shape);
	}
	trial.material.aad_length = 0;
	for (size_t length = 0; length < trial.row->least; length++)
		too_short(&trial, TOKEN_ENCRYPT, length);
	for (size_t length = 0; length < trial.row->least + tag; length++)
		too_short(&trial, TOKEN_DECRYPT, length);
	assert_int_equal(trial.refused + trial.memory, 0);
	end(&trial);
}

static size_t number_in(const char *path)
{
	FILE *file = fopen(path, "r");
	size_t number = 0;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%zu", &number), 1);
	fclose(file);
	return number;
}

/* A socket's buffer is what the administrator gives to everybody, or twice the most that one may
 * ask for (the kernel's sock_setsockopt()); the module leaves a page of it free. */
static void find_room(void)
{
	size_t out = 2 * number_in("/proc/sys/net/core/wmem_max");
	size_t in = 2 * number_in("/proc/sys/net/core/rmem_max");
	size_t out_given = number_in("/proc/sys/net/core/wmem_default");
	size_t in_given = number_in("/proc/sys/net/core/rmem_default");

	out = out > out_given ? out : out_given;
	in = in > in_given ? in : in_given;
	/* Whole pages count, and one is kept free. */
	room = (out < in ? out : in) / PAGE * PAGE - PAGE;
	option_memory = number_in("/proc/sys/net/core/optmem_max");
}

static int set_up(void **state)
{
	guest_fill(secret, sizeof(secret), 1);
	message = malloc(LARGEST + PAGE);
	if (!message)
		return -1;
	guest_fill(message, LARGEST + PAGE, 2);
	find_room();
	return guest_setup(state);
}

static int tear_down(void **state)
{
	free(message);
	return guest_teardown(state);
}

int main(void)
{
	struct CMUnitTest tests[2 * ROWS];
	char names[2 * ROWS][64];

	for (size_t i = 0; i < 2 * ROWS; i++) {
		const struct row *row = &rows[i / 2];

		snprintf(names[i], sizeof(names[i]), "%s %s", row->name,
			 i % 2 ? "limits" : "small");
		tests[i] = (struct CMUnitTest){.name = names[i],
					       .test_func = i % 2 ? limits : small,
					       .initial_state = (void *)row};
	}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
