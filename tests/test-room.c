/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A request ends, without a word, where the receiver's budget has less than a page left
 * (af_alg_get_rsgl()), and the budget is counted in whole pages, from where the receiver's memory
 * begins. So: a message that raises the socket's buffers to an odd size, and on the same socket one
 * that just fits what they seem to hold, received at several places within a page. What is right,
 * libcrypto says.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "messages.h"

enum { PAGE = 4096, LARGEST = 1 << 20, TAG = 16 };

struct row {
	const char *name;
	CK_MECHANISM_TYPE type;
	const char *key_type;
	size_t key_length;
	bool by_message; /* an AEAD, whose tag is received apart */
};

#define ROW(type) #type, type
static const struct row rows[] = {
	{ROW(CKM_AES_XTS), "aes-xts", 64, false},
	{ROW(CKM_AES_CTS), "aes", 32, false},
	{ROW(CKM_AES_GCM), "aes", 32, true},
	{ROW(CKM_AES_CCM), "aes", 32, true},
	{ROW(CKM_CHACHA20_POLY1305), "chacha20", 32, true},
};
enum { ROWS = sizeof(rows) / sizeof(*rows) };

static unsigned char secret[64], *text, *wanted, *pages;

/* Encrypts LENGTH bytes; the result, and the tag behind it, at OUT. */
static CK_RV seal(CK_SESSION_HANDLE session, const struct row *row, const struct material *material,
		  CK_OBJECT_HANDLE key, size_t length, unsigned char *out)
{
	CK_ULONG made = length;
	struct terms terms;
	CK_RV rv;

	if (!row->by_message) {
		struct mechanism_store store;

		rv = token.f->C_EncryptInit(session, guest_mechanism(&store, material, length),
					    key);
		if (rv == CKR_OK)
			rv = token.f->C_Encrypt(session, text, length, out, &made);
	} else {
		terms_make(&terms, material, length);
		rv = messages->C_EncryptMessage(session, &terms.parameter, terms.size, NULL, 0,
						text, length, out, &made);
		memcpy(out + length, terms.tag, TAG);
	}
	if (rv == CKR_OK && made != length)
		guest_fail("%s: %lu bytes of %zu", row->name, made, length);
	return rv;
}

/* One message that raises the buffers, and one of LENGTH bytes after it, received at OFFSET. */
static bool pair(CK_SESSION_HANDLE session, const struct row *row, size_t first, size_t length,
		 size_t offset)
{
	struct material material = {
		.type = row->type, .key = secret, .key_length = row->key_length};
	/* A key of its own, so that the socket is new. */
	struct token_key key = guest_key(session, row->key_type, secret, row->key_length, true);
	size_t tag = row->by_message ? TAG : 0;
	unsigned char *out = pages + offset;
	CK_RV rv;

	if (row->by_message)
		GUEST_RV(message_init(session, TOKEN_ENCRYPT, row->type, key.object), CKR_OK);
	rv = seal(session, row, &material, key.object, first, out);
	if (rv == CKR_OK) {
		guest_expect(&material, text, first, wanted);
		if (memcmp(out, wanted, first + tag))
			guest_fail("%s: wrong bytes of the first %zu", row->name, first);
	}
	rv = seal(session, row, &material, key.object, length, out);
	if (rv == CKR_OK) {
		guest_expect(&material, text, length, wanted);
		if (memcmp(out, wanted, length + tag))
			guest_fail("%s: CKR_OK, and wrong bytes: %zu after %zu, at %zu in a page",
				   row->name, length, first, offset);
	} else {
		GUEST_RV(rv, CKR_DATA_LEN_RANGE);
	}
	if (row->by_message)
		GUEST_RV(message_final(session, TOKEN_ENCRYPT), CKR_OK);
	token_key_drop(&key);
	return rv == CKR_OK;
}

static void what_seems_to_fit_is_right(void **state)
{
	static const size_t firsts[] = {225530, 225273, 213007, 3001};
	static const size_t offsets[] = {0, 4000, 2048, 16};
	const struct row *row = *state;
	CK_SESSION_HANDLE session;
	size_t right = 0, refused = 0;

	guest_need(row->type);
	guest_need_keys();
	session = guest_session();
	for (size_t i = 0; i < sizeof(firsts) / sizeof(*firsts); i++) {
		/* What the kernel makes of the size that is asked for: twice as much. */
		size_t size = 2 * (firsts[i] + PAGE);

		for (size_t k = 0; k < 10; k++) {
			size_t below = k < 5 ? k * 16 : PAGE - 80 + (k - 5) * 700;

			if (pair(session, row, firsts[i], size - PAGE - below,
				 offsets[(i + k) % 4]))
				right++;
			else
				refused++;
		}
	}
	printf("# %s: %zu right, %zu refused\n", row->name, right, refused);
	assert_true(right > 0);
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

static int set_up(void **state)
{
	guest_fill(secret, sizeof(secret), 1);
	text = malloc(LARGEST);
	wanted = malloc(LARGEST + GUEST_SLACK);
	pages = aligned_alloc(PAGE, LARGEST + 2 * PAGE);
	if (!text || !wanted || !pages)
		return -1;
	guest_fill(text, LARGEST, 2);
	return messages_setup(state);
}

static int tear_down(void **state)
{
	free(text);
	free(wanted);
	free(pages);
	return guest_teardown(state);
}

int main(void)
{
	struct CMUnitTest tests[ROWS];
	char names[ROWS][64];

	for (size_t i = 0; i < ROWS; i++) {
		snprintf(names[i], sizeof(names[i]), "what_seems_to_fit_is_right %s", rows[i].name);
		tests[i] = (struct CMUnitTest){.name = names[i],
					       .test_func = what_seems_to_fit_is_right,
					       .initial_state = (void *)&rows[i]};
	}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
