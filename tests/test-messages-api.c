/* SPDX-License-Identifier: BSD-2-Clause */
/* Message-based processes (PKCS#11 3.2, sections 5.9, 5.11, 5.14 and 5.16), as clients call them:
 * their states, their arguments, and that each is apart from the others. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake-kernel.h"
#include "pkcs11-parameters.h"
#include "pkcs11.h"

static CK_SESSION_HANDLE session;
static CK_OBJECT_HANDLE aes, secret;
static CK_BYTE nonce[12], tag[16], aad[20], text[64], sealed[80], mac[32], out[128];
static CK_ULONG len;

static const char aes_bytes[] = "0123456789abcdef", secret_bytes[] = "0123456789abcdefg";

static struct gcm_message_params gcm_parameter = {
	.iv = nonce, .iv_len = 12, .tag = tag, .tag_bits = 128};
static CK_MECHANISM gcm = {CKM_AES_GCM, NULL, 0}, hmac = {CKM_SHA256_HMAC, NULL, 0},
		    cbc = {CKM_AES_CBC, nonce, 16}, sha256 = {CKM_SHA256, NULL, 0},
		    gmac = {CKM_AES_GMAC, NULL, 0}, unknown = {CKM_RSA_PKCS, NULL, 0};

static CK_ULONG *room(CK_ULONG bytes)
{
	len = bytes;
	return &len;
}

/* What one call says of a message. */
struct terms {
	void *parameter;
	CK_ULONG parameter_len;
	CK_BYTE *aad;
	CK_ULONG aad_len;
};

/* The functions of one kind, all alike. DATA is what a good message is of; a verification gets its
 * MAC in OUT. */
struct kind {
	CK_RV (*init)(CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE);
	CK_RV (*whole)(const struct terms *, CK_BYTE *data, CK_BYTE *to, CK_ULONG *to_len);
	CK_RV (*begin)(const struct terms *);
	CK_RV(*next)
	(const struct terms *, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *to, CK_ULONG *to_len,
	 bool last);
	CK_RV (*final)(CK_SESSION_HANDLE);
	CK_MECHANISM *mechanism;
	bool takes_parameter, gives;
};

static CK_RV encrypt_whole(const struct terms *t, CK_BYTE *data, CK_BYTE *to, CK_ULONG *to_len)
{
	return C_EncryptMessage(session, t->parameter, t->parameter_len, t->aad, t->aad_len, data,
				sizeof(text), to, to_len);
}

static CK_RV encrypt_begin(const struct terms *t)
{
	return C_EncryptMessageBegin(session, t->parameter, t->parameter_len, t->aad, t->aad_len);
}

static CK_RV encrypt_next(const struct terms *t, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *to,
			  CK_ULONG *to_len, bool last)
{
	return C_EncryptMessageNext(session, t->parameter, t->parameter_len, data, data_len, to,
				    to_len, last ? CKF_END_OF_MESSAGE : 0);
}

static CK_RV decrypt_whole(const struct terms *t, CK_BYTE *data, CK_BYTE *to, CK_ULONG *to_len)
{
	return C_DecryptMessage(session, t->parameter, t->parameter_len, t->aad, t->aad_len, data,
				sizeof(text), to, to_len);
}

static CK_RV decrypt_begin(const struct terms *t)
{
	return C_DecryptMessageBegin(session, t->parameter, t->parameter_len, t->aad, t->aad_len);
}

static CK_RV decrypt_next(const struct terms *t, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *to,
			  CK_ULONG *to_len, bool last)
{
	return C_DecryptMessageNext(session, t->parameter, t->parameter_len, data, data_len, to,
				    to_len, last ? CKF_END_OF_MESSAGE : 0);
}

static CK_RV sign_whole(const struct terms *t, CK_BYTE *data, CK_BYTE *to, CK_ULONG *to_len)
{
	return C_SignMessage(session, t->parameter, t->parameter_len, data, sizeof(text), to,
			     to_len);
}

static CK_RV sign_begin(const struct terms *t)
{
	return C_SignMessageBegin(session, t->parameter, t->parameter_len);
}

static CK_RV sign_next(const struct terms *t, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *to,
		       CK_ULONG *to_len, bool last)
{
	return C_SignMessageNext(session, t->parameter, t->parameter_len, data, data_len,
				 last ? to : NULL, last ? to_len : NULL);
}

static CK_RV verify_whole(const struct terms *t, CK_BYTE *data, CK_BYTE *to, CK_ULONG *to_len)
{
	return C_VerifyMessage(session, t->parameter, t->parameter_len, data, sizeof(text), mac,
			       sizeof(mac));
}

static CK_RV verify_begin(const struct terms *t)
{
	return C_VerifyMessageBegin(session, t->parameter, t->parameter_len);
}

static CK_RV verify_next(const struct terms *t, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *to,
			 CK_ULONG *to_len, bool last)
{
	return C_VerifyMessageNext(session, t->parameter, t->parameter_len, data, data_len,
				   last ? mac : NULL, last ? sizeof(mac) : 0);
}

static const struct kind kinds[] = {
	{C_MessageEncryptInit, encrypt_whole, encrypt_begin, encrypt_next, C_MessageEncryptFinal,
	 &gcm, true, true},
	{C_MessageDecryptInit, decrypt_whole, decrypt_begin, decrypt_next, C_MessageDecryptFinal,
	 &gcm, true, true},
	{C_MessageSignInit, sign_whole, sign_begin, sign_next, C_MessageSignFinal, &hmac, false,
	 true},
	{C_MessageVerifyInit, verify_whole, verify_begin, verify_next, C_MessageVerifyFinal, &hmac,
	 false, false},
};

enum { KINDS = sizeof(kinds) / sizeof(*kinds), ENCRYPT = 0, DECRYPT, SIGN, VERIFY };

static CK_OBJECT_HANDLE key_of(const struct kind *kind)
{
	return kind->mechanism == &gcm ? aes : secret;
}

static struct terms good(const struct kind *kind)
{
	if (!kind->takes_parameter)
		return (struct terms){0};
	return (struct terms){&gcm_parameter, sizeof(gcm_parameter), aad, sizeof(aad)};
}

static CK_BYTE *data_of(const struct kind *kind)
{
	return kind == &kinds[DECRYPT] ? sealed : text;
}

/* What a good message makes of its data, and how long that is. */
static void gave(const struct kind *kind)
{
	if (kind == &kinds[ENCRYPT]) {
		assert_int_equal(len, sizeof(text));
		assert_memory_equal(out, sealed, sizeof(text));
		assert_memory_equal(tag, sealed + sizeof(text), sizeof(tag));
	} else if (kind == &kinds[DECRYPT]) {
		assert_int_equal(len, sizeof(text));
		assert_memory_equal(out, text, sizeof(text));
	} else if (kind == &kinds[SIGN]) {
		assert_int_equal(len, sizeof(mac));
		assert_memory_equal(out, mac, sizeof(mac));
	}
}

static void prepare(const struct kind *kind)
{
	memset(out, 0xa5, sizeof(out));
	if (kind == &kinds[DECRYPT])
		memcpy(tag, sealed + sizeof(text), sizeof(tag));
	else
		memset(tag, 0, sizeof(tag));
}

static void init(const struct kind *kind)
{
	assert_int_equal(kind->init(session, kind->mechanism, key_of(kind)), CKR_OK);
}

/* The process is there and between two messages: a whole one goes through. */
static void works(const struct kind *kind)
{
	struct terms terms = good(kind);

	prepare(kind);
	assert_int_equal(kind->whole(&terms, data_of(kind), out, room(sizeof(out))), CKR_OK);
	gave(kind);
}

static void ends(const struct kind *kind)
{
	assert_int_equal(kind->final(session), CKR_OK);
	assert_int_equal(kind->final(session), CKR_OPERATION_NOT_INITIALIZED);
}

static void is_over(const struct kind *kind)
{
	struct terms terms = good(kind);

	assert_int_equal(kind->whole(&terms, data_of(kind), out, room(sizeof(out))),
			 CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(kind->begin(&terms), CKR_OPERATION_NOT_INITIALIZED);
	for (int last = 0; last < 2; last++)
		assert_int_equal(kind->next(&terms, data_of(kind), 1, out, room(sizeof(out)), last),
				 CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(kind->final(session), CKR_OPERATION_NOT_INITIALIZED);
}

/* No message has begun, or the last one is over: the process stays. */
static void no_message(const struct kind *kind)
{
	struct terms terms = good(kind);

	for (int last = 0; last < 2; last++)
		assert_int_equal(kind->next(&terms, data_of(kind), 1, out, room(sizeof(out)), last),
				 CKR_OPERATION_NOT_INITIALIZED);
	works(kind);
}

static CK_OBJECT_HANDLE find(const char *label)
{
	CK_ATTRIBUTE template = {CKA_LABEL, (void *)label, strlen(label)};
	CK_OBJECT_HANDLE object = 0;
	CK_ULONG count = 0;

	if (C_FindObjectsInit(session, &template, 1) == CKR_OK) {
		C_FindObjects(session, &object, 1, &count);
		C_FindObjectsFinal(session);
	}
	return object;
}

static int setup(void **state)
{
	fake_reset();
	fake_key_add(FAKE_USER_KEYRING, "logon", "pkcs11:object=aes", aes_bytes, 16, FAKE_PERM);
	fake_key_add(FAKE_USER_KEYRING, "logon", "pkcs11:object=secret", secret_bytes, 17,
		     FAKE_PERM);
	if (C_Initialize(NULL) != CKR_OK ||
	    C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &session) != CKR_OK)
		return -1;
	aes = find("aes");
	secret = find("secret");
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (CK_BYTE)(i * 5);
	for (size_t i = 0; i < sizeof(aad); i++)
		aad[i] = (CK_BYTE)(i * 3);
	for (size_t i = 0; i < sizeof(nonce); i++)
		nonce[i] = (CK_BYTE)(100 + i);
	fake_seal("gcm(aes)", aes_bytes, 16, nonce, aad, sizeof(aad), text, sizeof(text), 16,
		  sealed);
	fake_hash("hmac(sha256)", secret_bytes, 17, text, sizeof(text), mac, 32);
	return aes && secret ? 0 : -1;
}

static int teardown(void **state)
{
	return C_Finalize(NULL) != CKR_OK || fake_open_sockets() ? -1 : 0;
}

static void a_process_makes_any_number_of_messages(void **state)
{
	for (size_t i = 0; i < KINDS; i++) {
		const struct kind *kind = &kinds[i];
		struct terms terms = good(kind);

		is_over(kind);
		init(kind);
		for (int message = 0; message < 3; message++) {
			works(kind);
			prepare(kind);
			assert_int_equal(kind->begin(&terms), CKR_OK);
			for (CK_ULONG at = 0; at < 64; at += 16) {
				bool last = at == 48;

				assert_int_equal(kind->next(&terms, data_of(kind) + at, 16, out,
							    room(sizeof(out)), last),
						 CKR_OK);
				if (kind->takes_parameter && !last)
					assert_int_equal(len, 0);
			}
			gave(kind);
		}
		ends(kind);
		is_over(kind);
	}
}

static void a_process_begins_once(void **state)
{
	for (size_t i = 0; i < KINDS; i++) {
		struct terms terms = good(&kinds[i]);

		init(&kinds[i]);
		assert_int_equal(kinds[i].init(session, kinds[i].mechanism, key_of(&kinds[i])),
				 CKR_OPERATION_ACTIVE);
		assert_int_equal(kinds[i].init(session, &unknown, 0), CKR_OPERATION_ACTIVE);
		works(&kinds[i]);
		prepare(&kinds[i]);
		assert_int_equal(kinds[i].begin(&terms), CKR_OK);
		assert_int_equal(kinds[i].init(session, kinds[i].mechanism, key_of(&kinds[i])),
				 CKR_OPERATION_ACTIVE);
		/* All of it may be the last part. */
		assert_int_equal(
			kinds[i].next(&terms, data_of(&kinds[i]), 64, out, room(sizeof(out)), true),
			CKR_OK);
		gave(&kinds[i]);
		ends(&kinds[i]);
		init(&kinds[i]);
		works(&kinds[i]);
	}
}

/* Of decryption, MACs and verification the specification does not say so, and nothing else. */
static void no_mechanism_ends_a_process(void **state)
{
	for (size_t i = 0; i < KINDS; i++) {
		struct terms terms = good(&kinds[i]);

		assert_int_equal(kinds[i].init(session, NULL, 0), CKR_OK);
		init(&kinds[i]);
		assert_int_equal(kinds[i].init(session, NULL, 0), CKR_OK);
		is_over(&kinds[i]);
		/* In mid-message, too. */
		init(&kinds[i]);
		assert_int_equal(kinds[i].begin(&terms), CKR_OK);
		assert_int_equal(kinds[i].next(&terms, text, 16, out, room(sizeof(out)), false),
				 CKR_OK);
		assert_int_equal(kinds[i].init(session, NULL, 0), CKR_OK);
		is_over(&kinds[i]);
		init(&kinds[i]);
		works(&kinds[i]);
	}
}

static void keys_and_mechanisms_are_checked(void **state)
{
	for (size_t i = 0; i < KINDS; i++) {
		const struct kind *kind = &kinds[i];
		CK_OBJECT_HANDLE key = key_of(kind);
		CK_MECHANISM *wrong[] = {&unknown, &cbc, &sha256, &gmac,
					 kind->mechanism == &gcm ? &hmac : &gcm};

		/* A mechanism may serve for C_Encrypt or C_Sign, and not here. */
		for (size_t w = 0; w < 5; w++)
			assert_int_equal(kind->init(session, wrong[w], key), CKR_MECHANISM_INVALID);
		assert_int_equal(kind->init(session, kind->mechanism, CK_INVALID_HANDLE),
				 CKR_KEY_HANDLE_INVALID);
		assert_int_equal(kind->init(session, kind->mechanism, 0x7fffffe),
				 CKR_KEY_HANDLE_INVALID);
		assert_int_equal(kind->init(session, kind->mechanism, key == aes ? secret : aes),
				 CKR_KEY_TYPE_INCONSISTENT);
		is_over(kind);
	}
}

static void messages_come_one_after_the_other(void **state)
{
	for (size_t i = 0; i < KINDS; i++) {
		const struct kind *kind = &kinds[i];
		struct terms terms = good(kind);

		init(kind);
		no_message(kind);
		prepare(kind);
		assert_int_equal(kind->begin(&terms), CKR_OK);
		/* Before the first part, and after it. */
		for (CK_ULONG at = 0; at < 64; at += 32) {
			assert_int_equal(kind->begin(&terms), CKR_OPERATION_ACTIVE);
			assert_int_equal(kind->whole(&terms, data_of(kind), out, room(sizeof(out))),
					 CKR_OPERATION_ACTIVE);
			assert_int_equal(kind->final(session), CKR_OPERATION_ACTIVE);
			assert_int_equal(kind->next(&terms, data_of(kind) + at, 32, out,
						    room(sizeof(out)), at),
					 CKR_OK);
		}
		gave(kind);
		no_message(kind);
		ends(kind);
	}
}

/* Section 5.2. A question, or too small a buffer, neither ends the message nor uses it up. */
static void lengths_may_be_asked_for(void **state)
{
	for (size_t i = 0; i < SIGN + 1; i++) {
		const struct kind *kind = &kinds[i];
		CK_ULONG size = i == SIGN ? 32 : 64;
		struct terms terms = good(kind);

		init(kind);
		prepare(kind);
		assert_int_equal(kind->whole(&terms, data_of(kind), NULL, room(0)), CKR_OK);
		assert_int_equal(len, size);
		assert_int_equal(kind->whole(&terms, data_of(kind), out, room(size - 1)),
				 CKR_BUFFER_TOO_SMALL);
		assert_int_equal(len, size);
		assert_int_equal(kind->whole(&terms, data_of(kind), out, room(size)), CKR_OK);
		gave(kind);

		prepare(kind);
		assert_int_equal(kind->begin(&terms), CKR_OK);
		assert_int_equal(
			kind->next(&terms, data_of(kind), 32, out, room(sizeof(out)), false),
			CKR_OK);
		assert_int_equal(kind->next(&terms, data_of(kind) + 32, 32, NULL, room(0), true),
				 CKR_OK);
		assert_int_equal(len, size);
		assert_int_equal(
			kind->next(&terms, data_of(kind) + 32, 32, out, room(size - 1), true),
			CKR_BUFFER_TOO_SMALL);
		assert_int_equal(len, size);
		assert_int_equal(out[0], 0xa5);
		assert_int_equal(kind->final(session), CKR_OPERATION_ACTIVE);
		assert_int_equal(kind->next(&terms, data_of(kind) + 32, 32, out, room(size), true),
				 CKR_OK);
		gave(kind);
		ends(kind);
	}
}

static void pointers_to_data_are_checked(void **state)
{
	for (size_t i = 0; i < KINDS; i++) {
		const struct kind *kind = &kinds[i];
		struct terms terms = good(kind);

		init(kind);
		prepare(kind);
		assert_int_equal(kind->whole(&terms, NULL, out, room(sizeof(out))),
				 CKR_ARGUMENTS_BAD);
		no_message(kind);
		if (kind->gives) {
			assert_int_equal(kind->whole(&terms, data_of(kind), out, NULL),
					 CKR_ARGUMENTS_BAD);
			assert_int_equal(kind->whole(&terms, data_of(kind), NULL, NULL),
					 CKR_ARGUMENTS_BAD);
			no_message(kind);
		}
		for (int last = 0; last < 2; last++) {
			assert_int_equal(kind->begin(&terms), CKR_OK);
			assert_int_equal(kind->next(&terms, NULL, 5, out, room(sizeof(out)), last),
					 CKR_ARGUMENTS_BAD);
			no_message(kind);
		}
		/* No data at all is data, too. */
		assert_int_equal(kind->begin(&terms), CKR_OK);
		assert_int_equal(kind->next(&terms, NULL, 0, out, room(sizeof(out)), false),
				 CKR_OK);
		assert_int_equal(kind->init(session, NULL, 0), CKR_OK);
	}
	for (int i = ENCRYPT; i <= DECRYPT; i++) {
		struct terms terms = good(&kinds[i]);

		init(&kinds[i]);
		for (int last = 0; last < 2; last++) {
			assert_int_equal(kinds[i].begin(&terms), CKR_OK);
			assert_int_equal(
				kinds[i].next(&terms, data_of(&kinds[i]), 64, out, NULL, last),
				CKR_ARGUMENTS_BAD);
			no_message(&kinds[i]);
		}
		ends(&kinds[i]);
	}
}

/* A failure in the kernel, too, ends the message; a socket that it left full is not used again. */
static void failures_end_their_message_only(void **state)
{
	for (size_t i = 0; i < KINDS; i++) {
		const struct kind *kind = &kinds[i];
		struct terms terms = good(kind);

		init(kind);
		for (int recv = 0; recv < 2; recv++) {
			prepare(kind);
			fake_fail(recv ? "alg_recv" : "alg_send", 1, -EIO);
			assert_int_equal(kind->whole(&terms, data_of(kind), out, room(sizeof(out))),
					 CKR_DEVICE_ERROR);
			no_message(kind);
			assert_int_equal(kind->begin(&terms), CKR_OK);
			fake_fail(recv ? "alg_recv" : "alg_send", 1, -EIO);
			assert_int_equal(
				kind->next(&terms, data_of(kind), 64, out, room(sizeof(out)), true),
				CKR_DEVICE_ERROR);
			no_message(kind);
		}
		ends(kind);
	}
}

/* All at once, in the middle of a message each, with ordinary operations between. */
static void kinds_do_not_disturb_each_other(void **state)
{
	CK_BYTE results[KINDS][128], digest[32], expected[80];
	CK_ULONG sizes[KINDS];
	struct gcm_params plain = {.iv = nonce, .iv_len = 12, .tag_bits = 128};
	CK_MECHANISM ordinary = {CKM_AES_GCM, &plain, sizeof(plain)};

	assert_int_equal(C_EncryptInit(session, &ordinary, aes), CKR_OK);
	assert_int_equal(C_DecryptInit(session, &ordinary, aes), CKR_OK);
	assert_int_equal(C_SignInit(session, &hmac, secret), CKR_OK);
	assert_int_equal(C_VerifyInit(session, &hmac, secret), CKR_OK);
	assert_int_equal(C_DigestInit(session, &sha256), CKR_OK);
	for (size_t i = 0; i < KINDS; i++)
		init(&kinds[i]);
	memcpy(tag, sealed + 64, 16);
	for (size_t i = 0; i < KINDS; i++) {
		struct terms terms = good(&kinds[i]);

		assert_int_equal(kinds[i].begin(&terms), CKR_OK);
		assert_int_equal(kinds[i].next(&terms, data_of(&kinds[i]), 32, out,
					       room(sizeof(out)), false),
				 CKR_OK);
	}
	assert_int_equal(C_SignUpdate(session, text, 5), CKR_OK);
	assert_int_equal(C_VerifyUpdate(session, text, 64), CKR_OK);
	assert_int_equal(C_DigestUpdate(session, text, 7), CKR_OK);
	assert_int_equal(C_EncryptUpdate(session, text, 9, out, room(sizeof(out))), CKR_OK);
	for (size_t i = 0; i < KINDS; i++) {
		struct terms terms = good(&kinds[i]);

		sizes[i] = sizeof(results[i]);
		assert_int_equal(kinds[i].next(&terms, data_of(&kinds[i]) + 32, 32, results[i],
					       &sizes[i], true),
				 CKR_OK);
		ends(&kinds[i]);
	}
	assert_memory_equal(results[ENCRYPT], sealed, 64);
	assert_memory_equal(results[DECRYPT], text, 64);
	assert_memory_equal(results[SIGN], mac, 32);

	assert_int_equal(C_VerifyFinal(session, mac, 32), CKR_OK);
	assert_int_equal(C_SignFinal(session, out, room(32)), CKR_OK);
	fake_hash("hmac(sha256)", secret_bytes, 17, text, 5, expected, 32);
	assert_memory_equal(out, expected, 32);
	assert_int_equal(C_DigestFinal(session, digest, room(32)), CKR_OK);
	fake_hash("sha256", NULL, 0, text, 7, expected, 32);
	assert_memory_equal(digest, expected, 32);
	assert_int_equal(C_EncryptFinal(session, out, room(sizeof(out))), CKR_OK);
	fake_seal("gcm(aes)", aes_bytes, 16, nonce, NULL, 0, text, 9, 16, expected);
	assert_memory_equal(out, expected, 25);
}

/* No function of one kind serves a process of another, nor an ordinary operation the process. */
static void kinds_do_not_serve_each_other(void **state)
{
	for (size_t i = 0; i < KINDS; i++) {
		init(&kinds[i]);
		for (size_t other = 0; other < KINDS; other++)
			if (other != i)
				is_over(&kinds[other]);
		assert_int_equal(C_Encrypt(session, text, 64, out, room(sizeof(out))),
				 CKR_OPERATION_NOT_INITIALIZED);
		assert_int_equal(C_Decrypt(session, text, 64, out, room(sizeof(out))),
				 CKR_OPERATION_NOT_INITIALIZED);
		assert_int_equal(C_Sign(session, text, 64, out, room(sizeof(out))),
				 CKR_OPERATION_NOT_INITIALIZED);
		assert_int_equal(C_Verify(session, text, 64, mac, 32),
				 CKR_OPERATION_NOT_INITIALIZED);
		assert_int_equal(C_VerifySignature(session, text, 64),
				 CKR_OPERATION_NOT_INITIALIZED);
		ends(&kinds[i]);
	}
	assert_int_equal(C_SignInit(session, &hmac, secret), CKR_OK);
	assert_int_equal(C_VerifyInit(session, &hmac, secret), CKR_OK);
	for (size_t i = 0; i < KINDS; i++)
		is_over(&kinds[i]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_process_makes_any_number_of_messages),
		TEST(a_process_begins_once),
		TEST(no_mechanism_ends_a_process),
		TEST(keys_and_mechanisms_are_checked),
		TEST(messages_come_one_after_the_other),
		TEST(lengths_may_be_asked_for),
		TEST(pointers_to_data_are_checked),
		TEST(failures_end_their_message_only),
		TEST(kinds_do_not_disturb_each_other),
		TEST(kinds_do_not_serve_each_other),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("messages-api", tests, NULL, NULL);
}
