/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * GCM that is composed of the kernel's counter mode and GHASH in this process ("gcm = composed" in
 * the configuration): nonces and messages that the kernel's own GCM does not take, and GCM where
 * the kernel keeps it from the process. Published vectors run with it in a ring of their own.
 */
#include "guest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LONGEST (((size_t)3 << 20) + 5)

static unsigned char secret[32], aad[33];
static unsigned char *text;

static void need_composed(void)
{
#ifndef HAVE_NETTLE
	guest_skip("the module was built without nettle");
#endif
	guest_need_keys();
	guest_need(CKM_AES_CTR);
	/* Offered, since it is composed where it cannot be bound. */
	assert_true(guest_offers(CKM_AES_GCM));
}

static struct material material_of(size_t nonce_length, uint64_t seed)
{
	struct material material = {.type = CKM_AES_GCM,
				    .key = secret,
				    .key_length = sizeof(secret),
				    .nonce_length = nonce_length,
				    .aad = aad,
				    .aad_length = seed % (sizeof(aad) + 1)};

	guest_fill(material.iv, sizeof(material.iv), seed);
	return material;
}

/* CUT: in parts. */
static void both_ways(CK_SESSION_HANDLE session, const struct token_key *key,
		      const struct material *material, size_t length, enum token_manner manner,
		      bool cut)
{
	struct token_split split;

	guest_split(&split, length, length);
	GUEST_OK(guest_run(&token, session, key->object, material, TOKEN_ENCRYPT, text, length,
			   manner, cut ? &split : NULL));
	guest_split(&split, length + guest_tag_length(material), length);
	GUEST_OK(guest_run(&token, session, key->object, material, TOKEN_DECRYPT, text, length,
			   manner, cut ? &split : NULL));
}

static void test_nonces(void **state)
{
	static const size_t nonces[] = {1, 8, 11, 12, 13, 16, 17, 32};
	static const size_t lengths[] = {0, 1, 15, 16, 17, 1000, 5000};
	CK_SESSION_HANDLE session;
	struct token_key key;
	uint64_t seed = 1;

	(void)state;
	need_composed();
	session = guest_session();
	key = guest_key(session, "aes", secret, sizeof(secret), true);
	for (size_t n = 0; n < sizeof(nonces) / sizeof(*nonces); n++) {
		for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
			struct material material = material_of(nonces[n], seed++);

			both_ways(session, &key, &material, lengths[i], TOKEN_QUERYING, false);
			both_ways(session, &key, &material, lengths[i], TOKEN_IN_PLACE, false);
			both_ways(session, &key, &material, lengths[i], TOKEN_PLAIN, true);
			both_ways(session, &key, &material, lengths[i], TOKEN_IN_PLACE, true);
		}
	}
	token_key_drop(&key);
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

/* More than one request takes on any kernel. */
static void test_long_message(void **state)
{
	struct material material = material_of(16, 7);
	CK_SESSION_HANDLE session;
	struct token_key key;

	(void)state;
	need_composed();
	session = guest_session();
	key = guest_key(session, "aes", secret, sizeof(secret), true);
	both_ways(session, &key, &material, LONGEST, TOKEN_PLAIN, false);
	token_key_drop(&key);
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

/* Whatever is not as it was sealed gives no byte of the text out. */
static void test_changed(void **state)
{
	enum { LENGTH = 40, TAG = 16 };
	struct material material = material_of(16, 9);
	struct mechanism_store store;
	CK_MECHANISM_PTR mechanism = guest_mechanism(&store, &material, LENGTH);
	unsigned char sealed[LENGTH + GUEST_SLACK], out[LENGTH + TAG];
	CK_SESSION_HANDLE session;
	struct token_key key;
	size_t n;

	(void)state;
	need_composed();
	session = guest_session();
	key = guest_key(session, "aes", secret, sizeof(secret), true);
	n = guest_expect(&material, text, LENGTH, sealed);
	assert_int_equal(n, LENGTH + TAG);
	for (size_t i = 0; i < n; i++) {
		CK_ULONG len = sizeof(out);

		memset(out, 0xa5, sizeof(out));
		sealed[i] ^= (unsigned char)(1 << i % 8);
		GUEST_RV(token.f->C_DecryptInit(session, mechanism, key.object), CKR_OK);
		GUEST_RV(token.f->C_Decrypt(session, sealed, n, out, &len),
			 CKR_ENCRYPTED_DATA_INVALID);
		sealed[i] ^= (unsigned char)(1 << i % 8);
		for (size_t at = 0; at < LENGTH; at++)
			assert_true(out[at] == 0 || out[at] == 0xa5);
	}
	/* Too short for a tag, and cut. */
	for (size_t cut = 1; cut <= n; cut++) {
		CK_ULONG len = sizeof(out);

		GUEST_RV(token.f->C_DecryptInit(session, mechanism, key.object), CKR_OK);
		GUEST_RV(token.f->C_Decrypt(session, sealed, n - cut, out, &len),
			 n - cut < TAG ? CKR_ENCRYPTED_DATA_LEN_RANGE : CKR_ENCRYPTED_DATA_INVALID);
	}
	token_key_drop(&key);
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

static void test_listed_once(void **state)
{
	CK_MECHANISM_TYPE *list;
	CK_MECHANISM_INFO info;
	CK_ULONG count, often = 0;

	(void)state;
	need_composed();
	GUEST_OK(token_mechanisms(&token, &list, &count));
	for (CK_ULONG i = 0; i < count; i++)
		often += list[i] == CKM_AES_GCM;
	free(list);
	assert_int_equal(often, 1);
	GUEST_RV(token.f->C_GetMechanismInfo(token.slot, CKM_AES_GCM, &info), CKR_OK);
	assert_true(info.flags & CKF_ENCRYPT);
}

static int set_up(void **state)
{
	char path[] = "/tmp/kcryptoki-composed-XXXXXX";
	const char conf[] = "[mechanisms]\ngcm = composed\n";
	int fd = mkstemp(path), err;

	if (fd < 0 || write(fd, conf, strlen(conf)) != (ssize_t)strlen(conf))
		return -1;
	close(fd);
	setenv("KCRYPTOKI_CONF", path, 1);
	text = malloc(LONGEST);
	if (!text)
		return -1;
	guest_fill(secret, sizeof(secret), 3);
	guest_fill(aad, sizeof(aad), 4);
	guest_fill(text, LONGEST, 5);
	err = guest_setup(state);
	unlink(path);
	return err;
}

static int tear_down(void **state)
{
	free(text);
	return guest_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nonces),
		cmocka_unit_test(test_long_message),
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_listed_once),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
