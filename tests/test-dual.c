/* SPDX-License-Identifier: BSD-2-Clause */
/* PKCS#11 3.2, section 5.17: two operations that get their data in one call. */
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
static CK_BYTE iv[16], text[256], cipher[256], out[300];
static CK_ULONG len;

static const char aes_bytes[] = "0123456789abcdef", secret_bytes[] = "0123456789abcdefg";

static CK_MECHANISM sha256 = {CKM_SHA256, NULL, 0}, hmac = {CKM_SHA256_HMAC, NULL, 0},
		    cbc = {CKM_AES_CBC, iv, 16}, pad = {CKM_AES_CBC_PAD, iv, 16};

typedef CK_RV (*dual)(CK_SESSION_HANDLE, CK_BYTE *, CK_ULONG, CK_BYTE *, CK_ULONG *);

static CK_RV begin_digest(void)
{
	return C_DigestInit(session, &sha256);
}

static CK_RV begin_sign(void)
{
	return C_SignInit(session, &hmac, secret);
}

static CK_RV begin_verify(void)
{
	return C_VerifyInit(session, &hmac, secret);
}

/* Whether the second operation has got just LEN bytes at DATA by now; it is over afterwards. */
static bool digest_got(const CK_BYTE *data, size_t data_len)
{
	CK_BYTE digest[32], expected[32];
	CK_ULONG size = sizeof(digest);

	assert_int_equal(C_DigestFinal(session, digest, &size), CKR_OK);
	fake_hash("sha256", NULL, 0, data, data_len, expected, 32);
	return size == 32 && !memcmp(digest, expected, 32);
}

static bool sign_got(const CK_BYTE *data, size_t data_len)
{
	CK_BYTE mac[32], expected[32];
	CK_ULONG size = sizeof(mac);

	assert_int_equal(C_SignFinal(session, mac, &size), CKR_OK);
	fake_hash("hmac(sha256)", secret_bytes, 17, data, data_len, expected, 32);
	return size == 32 && !memcmp(mac, expected, 32);
}

static bool verify_got(const CK_BYTE *data, size_t data_len)
{
	CK_BYTE mac[32];
	CK_RV rv;

	fake_hash("hmac(sha256)", secret_bytes, 17, data, data_len, mac, 32);
	rv = C_VerifyFinal(session, mac, 32);
	assert_true(rv == CKR_OK || rv == CKR_SIGNATURE_INVALID);
	return rv == CKR_OK;
}

static const struct row {
	dual call;
	bool decrypts;
	CK_RV (*begin)(void); /* the second operation */
	bool (*got)(const CK_BYTE *, size_t);
} rows[] = {
	{C_DigestEncryptUpdate, false, begin_digest, digest_got},
	{C_SignEncryptUpdate, false, begin_sign, sign_got},
	{C_DecryptDigestUpdate, true, begin_digest, digest_got},
	{C_DecryptVerifyUpdate, true, begin_verify, verify_got},
};

enum { ROWS = sizeof(rows) / sizeof(*rows) };

static CK_RV begin_first(const struct row *row, CK_MECHANISM *mechanism)
{
	return row->decrypts ? C_DecryptInit(session, mechanism, aes)
			     : C_EncryptInit(session, mechanism, aes);
}

static void begin(const struct row *row, CK_MECHANISM *mechanism)
{
	assert_int_equal(begin_first(row, mechanism), CKR_OK);
	assert_int_equal(row->begin(), CKR_OK);
}

static CK_RV end_first(const struct row *row)
{
	len = sizeof(out);
	return row->decrypts ? C_DecryptFinal(session, out, &len)
			     : C_EncryptFinal(session, out, &len);
}

/* What ROW is given, and what it gives, for the text. */
static const CK_BYTE *input(const struct row *row)
{
	return row->decrypts ? cipher : text;
}

static const CK_BYTE *output(const struct row *row)
{
	return row->decrypts ? text : cipher;
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
		text[i] = (CK_BYTE)(i * 7);
	for (size_t i = 0; i < sizeof(iv); i++)
		iv[i] = (CK_BYTE)(200 + i);
	fake_cipher("cbc(aes)", aes_bytes, 16, false, iv, text, sizeof(text), cipher);
	memset(out, 0xa5, sizeof(out));
	return aes && secret ? 0 : -1;
}

static int teardown(void **state)
{
	return C_Finalize(NULL) != CKR_OK || fake_open_sockets() ? -1 : 0;
}

static void both_operations_get_their_data(void **state)
{
	for (size_t i = 0; i < ROWS; i++) {
		begin(&rows[i], &cbc);
		len = sizeof(out);
		assert_int_equal(rows[i].call(session, (CK_BYTE *)input(&rows[i]), 256, out, &len),
				 CKR_OK);
		assert_int_equal(len, 256);
		assert_memory_equal(out, output(&rows[i]), 256);
		assert_true(rows[i].got(text, 256));
		assert_int_equal(end_first(&rows[i]), CKR_OK);
		assert_int_equal(len, 0);
	}
}

/* What waits for its block is not given out yet: encrypting, the second operation has it at once;
 * decrypting, when it comes. */
static void parts_may_be_of_any_length(void **state)
{
	static const CK_ULONG parts[] = {1, 15, 0, 17, 40, 16, 3, 100, 64};

	for (size_t i = 0; i < ROWS; i++) {
		CK_ULONG done = 0, given = 0;

		begin(&rows[i], &cbc);
		for (size_t part = 0; part < sizeof(parts) / sizeof(*parts); part++) {
			len = sizeof(out) - given;
			assert_int_equal(rows[i].call(session, (CK_BYTE *)input(&rows[i]) + done,
						      parts[part], out + given, &len),
					 CKR_OK);
			done += parts[part];
			given += len;
			assert_int_equal(given, done - done % 16);
		}
		assert_int_equal(done, 256);
		assert_memory_equal(out, output(&rows[i]), 256);
		assert_true(rows[i].got(text, 256));
		assert_int_equal(end_first(&rows[i]), CKR_OK);
	}
	/* The other one may be ended in mid-block. */
	begin(&rows[0], &cbc);
	len = sizeof(out);
	assert_int_equal(C_DigestEncryptUpdate(session, text, 20, out, &len), CKR_OK);
	assert_true(digest_got(text, 20));
	begin_first(&rows[2], &cbc);
	assert_int_equal(begin_digest(), CKR_OK);
	len = sizeof(out);
	assert_int_equal(C_DecryptDigestUpdate(session, cipher, 20, out, &len), CKR_OK);
	assert_true(digest_got(text, 16));
}

/* The specification's own warning: the last block of a padded message waits for C_DecryptFinal,
 * and is the caller's to digest. */
static void padding_is_not_digested(void **state)
{
	CK_BYTE padded[48], plain[48];
	CK_ULONG made = 48, last = 16;

	assert_int_equal(C_EncryptInit(session, &pad, aes), CKR_OK);
	assert_int_equal(C_Encrypt(session, text, 34, padded, &made), CKR_OK);
	assert_int_equal(made, 48);
	begin(&rows[2], &pad);
	len = sizeof(plain);
	assert_int_equal(C_DecryptDigestUpdate(session, padded, 48, plain, &len), CKR_OK);
	assert_int_equal(len, 32);
	assert_int_equal(C_DecryptFinal(session, plain + 32, &last), CKR_OK);
	assert_int_equal(last, 2);
	assert_memory_equal(plain, text, 34);
	assert_int_equal(C_DigestUpdate(session, plain + 32, last), CKR_OK);
	assert_true(digest_got(text, 34));
}

static void calls_of_either_kind_may_come_between(void **state)
{
	CK_BYTE all[256];
	CK_ULONG at = 0;

	begin(&rows[0], &cbc);
	len = 64;
	assert_int_equal(C_DigestEncryptUpdate(session, text, 64, all, &len), CKR_OK);
	at += len;
	assert_int_equal(C_DigestUpdate(session, text + 64, 10), CKR_OK);
	assert_int_equal(C_DigestKey(session, aes), CKR_KEY_INDIGESTIBLE);
	len = 64;
	assert_int_equal(C_EncryptUpdate(session, text + 64, 64, all + at, &len), CKR_OK);
	at += len;
	len = 128;
	assert_int_equal(C_DigestEncryptUpdate(session, text + 128, 128, all + at, &len), CKR_OK);
	assert_memory_equal(all, cipher, 256);
	memmove(text + 74, text + 128, 128);
	assert_true(digest_got(text, 74 + 128));
}

/* "The plaintext and ciphertext can be in the same place." Whoever says that more room is there
 * than memory, means the same. */
static void the_result_may_take_the_place_of_the_data(void **state)
{
	static const CK_ULONG rooms[] = {256, 300, 1 << 20, (CK_ULONG)-1 / 2, (CK_ULONG)-1};

	for (size_t i = 0; i < ROWS; i++) {
		for (size_t r = 0; r < sizeof(rooms) / sizeof(*rooms); r++) {
			begin(&rows[i], &cbc);
			memcpy(out, input(&rows[i]), 256);
			len = rooms[r];
			assert_int_equal(rows[i].call(session, out, 256, out, &len), CKR_OK);
			assert_int_equal(len, 256);
			assert_memory_equal(out, output(&rows[i]), 256);
			if (!rows[i].got(text, 256))
				fail_msg("row %zu, room %lx", i, rooms[r]);
			assert_int_equal(end_first(&rows[i]), CKR_OK);
		}
	}
}

static void in_place_a_block_may_wait(void **state)
{
	CK_BYTE place[64];

	begin(&rows[1], &cbc);
	memcpy(place, text, 40);
	len = 40;
	assert_int_equal(C_SignEncryptUpdate(session, place, 40, place, &len), CKR_OK);
	assert_int_equal(len, 32);
	assert_memory_equal(place, cipher, 32);
	memcpy(place, text + 40, 40);
	len = 48;
	assert_int_equal(C_SignEncryptUpdate(session, place, 40, place, &len), CKR_OK);
	assert_int_equal(len, 48);
	assert_memory_equal(place, cipher + 32, 48);
	assert_true(sign_got(text, 80));
}

/* Nobody is promised that, but no wrong digest may come of it. */
static void the_result_may_overlap_the_data(void **state)
{
	static const size_t offsets[] = {1, 16, 40, 63};

	for (size_t i = 0; i < ROWS; i++) {
		for (size_t o = 0; o < 8; o++) {
			size_t offset = offsets[o / 2], from = o % 2 ? offset : 0;

			begin(&rows[i], &cbc);
			memcpy(out + from, input(&rows[i]), 64);
			len = 64;
			assert_int_equal(
				rows[i].call(session, out + from, 64, out + offset - from, &len),
				CKR_OK);
			assert_memory_equal(out + offset - from, output(&rows[i]), 64);
			assert_true(rows[i].got(text, 64));
			assert_int_equal(end_first(&rows[i]), CKR_OK);
		}
	}
}

/* "If a call does not produce encrypted output (...) then no plaintext is passed to the active
 * digest operation." */
static void without_output_the_second_operation_gets_nothing(void **state)
{
	for (size_t i = 0; i < ROWS; i++) {
		CK_BYTE *data = (CK_BYTE *)input(&rows[i]);

		begin(&rows[i], &cbc);
		len = 0;
		assert_int_equal(rows[i].call(session, data, 64, NULL, &len), CKR_OK);
		assert_int_equal(len, 64);
		for (CK_ULONG room = 0; room < 64; room += 21) {
			len = room;
			out[0] = 0xa5;
			assert_int_equal(rows[i].call(session, data, 64, out, &len),
					 CKR_BUFFER_TOO_SMALL);
			assert_int_equal(len, 64);
			assert_int_equal(out[0], 0xa5);
		}
		/* And both go on. */
		assert_int_equal(rows[i].call(session, data, 64, out, &len), CKR_OK);
		assert_memory_equal(out, output(&rows[i]), 64);
		assert_true(rows[i].got(text, 64));
		assert_int_equal(end_first(&rows[i]), CKR_OK);
	}
}

static void both_operations_are_needed(void **state)
{
	for (size_t i = 0; i < ROWS; i++) {
		CK_BYTE *data = (CK_BYTE *)input(&rows[i]);

		len = sizeof(out);
		assert_int_equal(rows[i].call(session, data, 16, out, &len),
				 CKR_OPERATION_NOT_INITIALIZED);
		/* Alone, each stays as it is. */
		assert_int_equal(begin_first(&rows[i], &cbc), CKR_OK);
		assert_int_equal(rows[i].call(session, data, 16, out, &len),
				 CKR_OPERATION_NOT_INITIALIZED);
		assert_int_equal(end_first(&rows[i]), CKR_OK);
		assert_int_equal(len, 0);
		assert_int_equal(rows[i].begin(), CKR_OK);
		len = sizeof(out);
		assert_int_equal(rows[i].call(session, data, 16, out, &len),
				 CKR_OPERATION_NOT_INITIALIZED);
		assert_true(rows[i].got(text, 0));
	}
	assert_int_equal(out[0], 0xa5);
}

/* Each is asked for by its own pair. */
static void other_operations_do_not_serve(void **state)
{
	CK_BYTE mac[32];

	assert_int_equal(C_EncryptInit(session, &cbc, aes), CKR_OK);
	assert_int_equal(begin_verify(), CKR_OK);
	assert_int_equal(C_VerifySignatureInit(session, &hmac, secret, mac, 32), CKR_OK);
	len = sizeof(out);
	for (size_t i = 0; i < ROWS; i++)
		assert_int_equal(rows[i].call(session, text, 16, out, &len),
				 CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(C_DecryptInit(session, &cbc, aes), CKR_OK);
	assert_int_equal(C_SessionCancel(session, CKF_ENCRYPT), CKR_OK);
	assert_int_equal(begin_digest(), CKR_OK);
	assert_int_equal(begin_sign(), CKR_OK);
	for (size_t i = 0; i < ROWS; i++)
		assert_int_equal(rows[i].call(session, text, 16, out, &len),
				 rows[i].decrypts ? CKR_OK : CKR_OPERATION_NOT_INITIALIZED);
}

static void bad_arguments_give_the_second_operation_nothing(void **state)
{
	for (size_t i = 0; i < ROWS; i++) {
		for (int wrong = 0; wrong < 3; wrong++) {
			CK_BYTE *data = wrong == 0 ? NULL : (CK_BYTE *)input(&rows[i]);

			begin(&rows[i], &cbc);
			len = sizeof(out);
			assert_int_equal(rows[i].call(session, data, 16, wrong == 1 ? NULL : out,
						      wrong ? NULL : &len),
					 CKR_ARGUMENTS_BAD);
			assert_int_equal(end_first(&rows[i]), CKR_OPERATION_NOT_INITIALIZED);
			assert_true(rows[i].got(text, 0));
		}
		/* No data at all is no mistake. */
		begin(&rows[i], &cbc);
		len = sizeof(out);
		assert_int_equal(rows[i].call(session, NULL, 0, out, &len), CKR_OK);
		assert_int_equal(len, 0);
		assert_true(rows[i].got(text, 0));
		assert_int_equal(end_first(&rows[i]), CKR_OK);
	}
}

static void a_failure_of_the_first_leaves_the_second(void **state)
{
	for (size_t i = 0; i < ROWS; i++) {
		begin(&rows[i], &cbc);
		len = sizeof(out);
		fake_fail("alg_recv", 1, -EIO);
		assert_int_equal(rows[i].call(session, (CK_BYTE *)input(&rows[i]), 64, out, &len),
				 CKR_DEVICE_ERROR);
		assert_int_equal(end_first(&rows[i]), CKR_OPERATION_NOT_INITIALIZED);
		assert_true(rows[i].got(text, 0));
	}
}

/* "Of a failed operation, no bytes at all": what the first gave is not the caller's then. */
static void a_failure_of_the_second_gives_nothing_out(void **state)
{
	static const CK_BYTE zeros[64];

	for (size_t i = 0; i < ROWS; i++) {
		begin(&rows[i], &cbc);
		memset(out, 0xa5, sizeof(out));
		len = sizeof(out);
		fake_fail("alg_send", 2, -EIO);
		assert_int_equal(rows[i].call(session, (CK_BYTE *)input(&rows[i]), 64, out, &len),
				 CKR_DEVICE_ERROR);
		if (!memcmp(out, output(&rows[i]), 64))
			fail_msg("row %zu gave its result out", i);
		assert_true(out[0] == 0xa5 || !memcmp(out, zeros, 64));
		assert_int_equal(C_SessionCancel(session, (CK_FLAGS)-1), CKR_OK);
	}
}

/* An AEAD gives nothing out before its end; the data counts from its update on. */
static void gathered_data_is_digested_once(void **state)
{
	CK_BYTE nonce[12] = {1}, sealed[80];
	struct gcm_params gcm = {.iv = nonce, .iv_len = 12, .tag_bits = 128};
	CK_MECHANISM mechanism = {CKM_AES_GCM, &gcm, sizeof(gcm)};

	begin(&rows[0], &mechanism);
	len = sizeof(out);
	assert_int_equal(C_DigestEncryptUpdate(session, text, 64, out, &len), CKR_OK);
	assert_int_equal(len, 0);
	assert_true(digest_got(text, 64));
	len = sizeof(out);
	assert_int_equal(C_EncryptFinal(session, out, &len), CKR_OK);
	fake_seal("gcm(aes)", aes_bytes, 16, nonce, NULL, 0, text, 64, 16, sealed);
	assert_int_equal(len, 80);
	assert_memory_equal(out, sealed, 80);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(both_operations_get_their_data),
		TEST(parts_may_be_of_any_length),
		TEST(padding_is_not_digested),
		TEST(calls_of_either_kind_may_come_between),
		TEST(the_result_may_take_the_place_of_the_data),
		TEST(in_place_a_block_may_wait),
		TEST(the_result_may_overlap_the_data),
		TEST(without_output_the_second_operation_gets_nothing),
		TEST(both_operations_are_needed),
		TEST(other_operations_do_not_serve),
		TEST(bad_arguments_give_the_second_operation_nothing),
		TEST(a_failure_of_the_first_leaves_the_second),
		TEST(a_failure_of_the_second_gives_nothing_out),
		TEST(gathered_data_is_digested_once),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("dual", tests, NULL, NULL);
}
