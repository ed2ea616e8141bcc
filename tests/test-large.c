/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A message of 64 MiB, through mechanisms that have no limit: in parts, and in one call. What
 * libcrypto makes of it; and this process needs no more memory for it than for a small one.
 */
#include "guest.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)
#define LARGE (64 * MIB)

/* By how much this process's memory may grow, in KiB: the heap's rounding, and libcrypto's; with a
 * sanitizer, its shadow. */
#ifdef __SANITIZE_ADDRESS__
#define GROWTH (16 * 1024)
#else
#define GROWTH 1024
#endif

struct row {
	const char *name;
	CK_MECHANISM_TYPE type;
	enum token_kind kind;
	const char *key_type;
	const char *known; /* libcrypto's name for it */
	bool at_once;      /* in one call, too */
};

#define ROW(type) #type, type
static const struct row rows[] = {
	{ROW(CKM_SHA256), TOKEN_DIGEST, NULL, "SHA256", true},
	{ROW(CKM_SHA512_HMAC), TOKEN_SIGN, "generic-secret", "SHA512", false},
	{ROW(CKM_AES_CMAC), TOKEN_SIGN, "aes", "AES-256-CBC", false},
	{ROW(CKM_AES_ECB), TOKEN_ENCRYPT, "aes", "AES-256-ECB", false},
	{ROW(CKM_AES_CBC), TOKEN_DECRYPT, "aes", "AES-256-CBC", false},
	{ROW(CKM_AES_CBC_PAD), TOKEN_ENCRYPT, "aes", "AES-256-CBC", false},
	{ROW(CKM_AES_CTR), TOKEN_ENCRYPT, "aes", "AES-256-CTR", true},
	{ROW(CKM_CHACHA20), TOKEN_ENCRYPT, "chacha20", "ChaCha20", false},
};
#define ROWS (sizeof(rows) / sizeof(*rows))

static unsigned char secret[32];

/* A message on its way through the module and through libcrypto. */
struct flow {
	const struct row *row;
	CK_SESSION_HANDLE session;
	struct token_key key;
	struct material material;
	unsigned char *part, *out;
	EVP_CIPHER_CTX *cipher;
	EVP_MAC_CTX *mac;
	EVP_MD_CTX *digest;
	/* What libcrypto made, and the module has not yet. */
	unsigned char *owed;
	size_t n_owed;
	uint64_t state; /* of the message's bytes */
};

static void must(bool success)
{
	if (!success)
		guest_fail("libcrypto failed");
}

/* The most that was resident since the last call of forget_peak(), in KiB. */
static long peak(void)
{
	FILE *status = fopen("/proc/self/status", "r");
	char line[128];
	long kib = -1;

	assert_non_null(status);
	while (fgets(line, sizeof(line), status))
		if (sscanf(line, "VmHWM: %ld kB", &kib) == 1)
			break;
	fclose(status);
	assert_true(kib > 0);
	return kib;
}

/* proc(5): /proc/pid/clear_refs. */
static void forget_peak(void)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "5", 1), 1);
	close(fd);
}

static void begin_known(struct flow *flow)
{
	const char *known = flow->row->known;
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, known, NULL);
	EVP_MD *digest = EVP_MD_fetch(NULL, known, NULL);
	EVP_MAC *mac = EVP_MAC_fetch(NULL, digest ? "HMAC" : "CMAC", NULL);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(digest ? "digest" : "cipher", (char *)known, 0),
		OSSL_PARAM_construct_end()};

	if (flow->row->kind == TOKEN_DIGEST) {
		flow->digest = EVP_MD_CTX_new();
		must(EVP_DigestInit_ex2(flow->digest, digest, NULL));
	} else if (flow->row->kind == TOKEN_SIGN) {
		flow->mac = EVP_MAC_CTX_new(mac);
		must(EVP_MAC_init(flow->mac, secret, sizeof(secret), params));
	} else {
		flow->cipher = EVP_CIPHER_CTX_new();
		must(EVP_CipherInit_ex2(flow->cipher, cipher, secret, flow->material.iv,
					flow->row->kind == TOKEN_ENCRYPT, NULL));
		must(EVP_CIPHER_CTX_set_padding(flow->cipher, flow->row->type == CKM_AES_CBC_PAD));
	}
	EVP_MAC_free(mac);
	EVP_MD_free(digest);
	EVP_CIPHER_free(cipher);
}

static void known(struct flow *flow, const unsigned char *in, size_t length)
{
	int made = 0;

	if (flow->digest)
		must(EVP_DigestUpdate(flow->digest, in, length));
	if (flow->mac)
		must(EVP_MAC_update(flow->mac, in, length));
	if (flow->cipher)
		must(EVP_CipherUpdate(flow->cipher, flow->owed + flow->n_owed, &made, in,
				      (int)length));
	flow->n_owed += (size_t)made;
}

static void known_end(struct flow *flow)
{
	unsigned char *owed = flow->owed + flow->n_owed;
	unsigned int digest_made = 0;
	size_t mac_made = 0;
	int made = 0;

	if (flow->digest)
		must(EVP_DigestFinal_ex(flow->digest, owed, &digest_made));
	if (flow->mac)
		must(EVP_MAC_final(flow->mac, owed, &mac_made, GUEST_SLACK));
	if (flow->cipher)
		must(EVP_CipherFinal_ex(flow->cipher, owed, &made));
	flow->n_owed += (size_t)made + digest_made + mac_made;
}

/* The module made these bytes, LENGTH in all so far. */
static void settle(struct flow *flow, const unsigned char *out, size_t made)
{
	if (made > flow->n_owed || memcmp(out, flow->owed, made))
		guest_fail("%s: wrong bytes", flow->row->name);
	flow->n_owed -= made;
	memmove(flow->owed, flow->owed + made, flow->n_owed);
}

static void begin(struct flow *flow, const struct row *row)
{
	guest_need(row->type);
	*flow = (struct flow){.row = row, .session = guest_session(), .state = 1};
	flow->material = (struct material){.type = row->type};
	memset(flow->material.iv, 1, sizeof(flow->material.iv));
	if (row->key_type)
		flow->key = guest_key(flow->session, row->key_type, secret, sizeof(secret), true);
	flow->part = malloc(MIB);
	flow->out = malloc(MIB + GUEST_SLACK);
	flow->owed = malloc(MIB + 2 * GUEST_SLACK);
	assert_true(flow->part && flow->out && flow->owed);
	guest_fill(flow->part, MIB, row->type);
	memset(flow->out, 0, MIB + GUEST_SLACK);
	memset(flow->owed, 0, MIB + 2 * GUEST_SLACK);
}

static void end_known(struct flow *flow)
{
	EVP_CIPHER_CTX_free(flow->cipher);
	EVP_MAC_CTX_free(flow->mac);
	EVP_MD_CTX_free(flow->digest);
	flow->cipher = NULL;
	flow->mac = NULL;
	flow->digest = NULL;
	assert_int_equal(flow->n_owed, 0);
}

static void end(struct flow *flow)
{
	free(flow->part);
	free(flow->out);
	free(flow->owed);
	token_key_drop(&flow->key);
	GUEST_RV(token.f->C_CloseSession(flow->session), CKR_OK);
}

/* The next mebibyte of the message. */
static void next(struct flow *flow, unsigned char *part)
{
	uint64_t mark = guest_random(&flow->state);

	memcpy(part, flow->part, MIB);
	memcpy(part + mark % (MIB - sizeof(mark)), &mark, sizeof(mark));
}

static CK_RV init(struct flow *flow)
{
	CK_FUNCTION_LIST_PTR f = token.f;
	struct mechanism_store store;
	CK_MECHANISM_PTR mechanism = guest_mechanism(&store, &flow->material, 0);
	CK_OBJECT_HANDLE key = flow->key.object;

	switch (flow->row->kind) {
	case TOKEN_ENCRYPT:
		return f->C_EncryptInit(flow->session, mechanism, key);
	case TOKEN_DECRYPT:
		return f->C_DecryptInit(flow->session, mechanism, key);
	case TOKEN_SIGN:
		return f->C_SignInit(flow->session, mechanism, key);
	default:
		return f->C_DigestInit(flow->session, mechanism);
	}
}

static CK_RV update(struct flow *flow, unsigned char *in, size_t length, CK_ULONG *made)
{
	CK_FUNCTION_LIST_PTR f = token.f;

	*made = 0;
	if (flow->row->kind == TOKEN_SIGN)
		return f->C_SignUpdate(flow->session, in, length);
	if (flow->row->kind == TOKEN_DIGEST)
		return f->C_DigestUpdate(flow->session, in, length);
	*made = MIB + GUEST_SLACK;
	return flow->row->kind == TOKEN_ENCRYPT
		       ? f->C_EncryptUpdate(flow->session, in, length, flow->out, made)
		       : f->C_DecryptUpdate(flow->session, in, length, flow->out, made);
}

static CK_RV final(struct flow *flow, CK_ULONG *made)
{
	CK_FUNCTION_LIST_PTR f = token.f;

	*made = GUEST_SLACK;
	switch (flow->row->kind) {
	case TOKEN_ENCRYPT:
		return f->C_EncryptFinal(flow->session, flow->out, made);
	case TOKEN_DECRYPT:
		return f->C_DecryptFinal(flow->session, flow->out, made);
	case TOKEN_SIGN:
		return f->C_SignFinal(flow->session, flow->out, made);
	default:
		return f->C_DigestFinal(flow->session, flow->out, made);
	}
}

/* In parts of a mebibyte, and the first a little less, so that blocks lie across all parts. */
static void in_parts(void **state)
{
	unsigned char *part = malloc(MIB);
	CK_ULONG made;
	struct flow flow;
	long before = 0, growth;

	assert_non_null(part);
	begin(&flow, *state);
	begin_known(&flow);
	GUEST_RV(init(&flow), CKR_OK);
	for (size_t at = 0; at < LARGE; at += MIB) {
		size_t length = at ? MIB : MIB - 5;

		/* After the first part all is there that will ever be needed. */
		if (at == MIB) {
			forget_peak();
			before = peak();
		}
		next(&flow, part);
		known(&flow, part, length);
		GUEST_RV(update(&flow, part, length, &made), CKR_OK);
		settle(&flow, flow.out, made);
	}
	known(&flow, part, 5);
	GUEST_RV(update(&flow, part, 5, &made), CKR_OK);
	settle(&flow, flow.out, made);
	known_end(&flow);
	GUEST_RV(final(&flow, &made), CKR_OK);
	settle(&flow, flow.out, made);
	growth = peak() - before;
	print_message("# %s: 64 MiB in 65 parts, and the process grew by %ld KiB\n", flow.row->name,
		      growth);
	end_known(&flow);
	free(part);
	end(&flow);
	assert_in_range(growth, 0, GROWTH);
}

static CK_RV single(struct flow *flow, unsigned char *bytes, unsigned char *out, CK_ULONG *made)
{
	CK_FUNCTION_LIST_PTR f = token.f;

	if (flow->row->kind == TOKEN_DIGEST)
		return f->C_Digest(flow->session, bytes, LARGE, out, made);
	return f->C_Encrypt(flow->session, bytes, LARGE, out, made);
}

/* In one call, and a cipher in place. */
static void at_once(void **state)
{
	unsigned char *message = malloc(LARGE), *part, *out;
	struct flow flow;
	CK_ULONG made = LARGE;
	bool cipher;
	long before;

	assert_non_null(message);
	begin(&flow, *state);
	cipher = flow.row->kind == TOKEN_ENCRYPT;
	part = flow.owed;
	for (size_t at = 0; at < LARGE; at += MIB)
		next(&flow, message + at);
	forget_peak();
	before = peak();
	out = cipher ? message : flow.out;
	GUEST_RV(init(&flow), CKR_OK);
	GUEST_RV(single(&flow, message, out, &made), CKR_OK);
	before = peak() - before;

	begin_known(&flow);
	flow.state = 1;
	part = malloc(MIB);
	assert_non_null(part);
	for (size_t at = 0; at < LARGE; at += MIB) {
		next(&flow, part);
		known(&flow, part, MIB);
		if (cipher)
			settle(&flow, message + at, MIB);
	}
	known_end(&flow);
	settle(&flow, out, cipher ? 0 : made);
	assert_true(!cipher || made == LARGE);
	print_message("# %s: 64 MiB in one call, and the process grew by %ld KiB\n", flow.row->name,
		      before);
	end_known(&flow);
	free(part);
	free(message);
	end(&flow);
	assert_in_range(before, 0, GROWTH);
}

static int set_up(void **state)
{
	guest_fill(secret, sizeof(secret), 1);
	return guest_setup(state);
}

int main(void)
{
	struct CMUnitTest tests[2 * ROWS];
	char names[2 * ROWS][64];
	size_t n = 0;

	for (size_t i = 0; i < ROWS; i++) {
		for (int once = 0; once <= rows[i].at_once; once++, n++) {
			snprintf(names[n], sizeof(names[n]), "%s %s", rows[i].name,
				 once ? "at once" : "in parts");
			tests[n] = (struct CMUnitTest){.name = names[n],
						       .test_func = once ? at_once : in_parts,
						       .initial_state = (void *)&rows[i]};
		}
	}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return _cmocka_run_group_tests("large", tests, n, set_up, guest_teardown);
}
