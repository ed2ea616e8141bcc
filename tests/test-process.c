/* SPDX-License-Identifier: BSD-2-Clause */
/* What lasts longer than a message of a process: its key, its socket, its nonces (mech/message.c;
 * the messages themselves are test-message.c's). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake-kernel.h"
#include "kernel/alg.h"
#include "mech/message.h"
#include "mech/random.h"
#include "pkcs11-parameters.h"

enum { LEN = 20, AAD = 5 };

static const char secret[] = "0123456789abcdef";
static uint8_t own_iv[13], iv[13], aad[AAD], text[LEN], sealed[LEN + 16], out[LEN], tag[16];
static struct gcm_message_params gcm;
static struct ccm_message_params ccm;
static struct message_terms terms;
static struct message message;
static int verdict, checks, arms;

static int arm(const struct transform_key *key, int transform)
{
	arms++;
	return verdict ? verdict : alg_set_key(transform, secret, 16);
}

static int check(const struct transform_key *key)
{
	checks++;
	return verdict;
}

static struct transform_key key;

static int setup(void **state)
{
	fake_reset();
	random_forget();
	verdict = checks = arms = 0;
	key = (struct transform_key){
		.id = transform_key_id(), .constant = true, .arm = arm, .check = check};
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 31 + 1);
	for (size_t i = 0; i < sizeof(iv); i++)
		own_iv[i] = (uint8_t)(0xf1 + i * 3);
	return 0;
}

static int teardown(void **state)
{
	message_cancel(&message);
	if (fake_busy_sockets())
		return -1;
	transform_purge(0);
	return fake_open_sockets() ? -1 : 0;
}

/* A process whose nonces come of GENERATOR. */
static void start(CK_MECHANISM_TYPE type, enum operation_kind kind, CK_ULONG generator,
		  CK_ULONG fixed_bits)
{
	CK_MECHANISM mechanism = {type, NULL, 0};

	message_cancel(&message);
	memcpy(iv, own_iv, sizeof(iv));
	gcm = (struct gcm_message_params){iv, 12, fixed_bits, generator, tag, 128};
	ccm = (struct ccm_message_params){LEN, iv, 13, fixed_bits, generator, tag, 16};
	terms = (struct message_terms){&gcm, sizeof(gcm), aad, AAD};
	if (type == CKM_AES_CCM) {
		terms.parameter = &ccm;
		terms.parameter_len = sizeof(ccm);
	}
	assert_int_equal(message_start(&message, kind, mechanism_find(type), &mechanism, &key),
			 CKR_OK);
}

static CK_RV part(enum operation_part which, size_t from, size_t to, CK_BYTE *to_out)
{
	CK_ULONG len = LEN;

	return message_next(&message, which, &terms, text + from, to - from, to_out, &len);
}

/* One message, whole or in parts. */
static CK_RV encrypt(bool parts)
{
	CK_ULONG len = LEN;
	CK_RV rv;

	memset(out, 0xa5, sizeof(out));
	if (!parts)
		return message_whole(&message, &terms, text, LEN, out, &len);
	rv = message_begin(&message, &terms);
	if (rv == CKR_OK)
		rv = part(OPERATION_NEXT, 0, 7, out);
	return rv == CKR_OK ? part(OPERATION_LAST, 7, LEN, out) : rv;
}

/* With the nonce that is in the caller's memory afterwards. */
static void encrypts(bool parts)
{
	bool is_ccm = message.mechanism->type == CKM_AES_CCM;
	uint8_t kernels[16] = {1};

	assert_int_equal(encrypt(parts), CKR_OK);
	memcpy(kernels + 1, iv, sizeof(iv));
	fake_seal(is_ccm ? "ccm(aes)" : "gcm(aes)", secret, 16, is_ccm ? kernels : iv, aad, AAD,
		  text, LEN, 16, sealed);
	assert_memory_equal(out, sealed, LEN);
	assert_memory_equal(tag, sealed + LEN, 16);
}

/* The last eight bytes of the nonce. */
static uint64_t count(void)
{
	size_t len = message.mechanism->type == CKM_AES_CCM ? 13 : 12;
	uint64_t all = 0;

	for (size_t i = len - 8; i < len; i++)
		all = all << 8 | iv[i];
	return all;
}

static void grow_stale(void)
{
	message.socket->taken -= 5;
}

static void the_key_is_asked_for_once_in_a_while(void **state)
{
	start(CKM_AES_GCM, OPERATION_ENCRYPT, CKG_NO_GENERATE, 0);
	for (int i = 0; i < 10; i++)
		encrypts(i % 2);
	assert_int_equal(checks, 1);
	for (int i = 0; i < 4; i++) {
		grow_stale();
		encrypts(i % 2);
		encrypts(i % 2);
		assert_int_equal(checks, 2 + i);
	}
	/* A key that nobody can change keeps its socket. */
	assert_int_equal(arms, 1);
	assert_int_equal(fake_calls("alg_accept"), 1);
	/* In the middle of a message nobody asks. */
	assert_int_equal(message_begin(&message, &terms), CKR_OK);
	grow_stale();
	assert_int_equal(part(OPERATION_NEXT, 0, 5, out), CKR_OK);
	assert_int_equal(part(OPERATION_LAST, 5, LEN, out), CKR_OK);
	assert_int_equal(checks, 5);
	assert_memory_equal(out, sealed, LEN);
}

static void a_key_that_may_change_is_armed_anew(void **state)
{
	key.constant = false;
	start(CKM_AES_GCM, OPERATION_ENCRYPT, CKG_NO_GENERATE, 0);
	encrypts(false);
	encrypts(true);
	assert_int_equal(arms, 1);
	grow_stale();
	encrypts(true);
	assert_int_equal(arms, 2);
	assert_int_equal(fake_open_sockets(), 1);
	assert_int_equal(message_final(&message), CKR_OK);
	assert_int_equal(fake_open_sockets(), 0);
}

static void a_key_refused_in_between_comes_back_or_not(void **state)
{
	start(CKM_AES_GCM, OPERATION_ENCRYPT, CKG_GENERATE_COUNTER, 32);
	encrypts(false);
	assert_true(count() == 0);
	for (int parts = 0; parts < 2; parts++) {
		/* What has begun goes on. */
		assert_int_equal(message_begin(&message, &terms), CKR_OK);
		verdict = -EKEYREVOKED;
		assert_int_equal(part(OPERATION_LAST, 0, LEN, out), CKR_OK);
		grow_stale();
		for (int i = 0; i < 3; i++) {
			assert_int_equal(encrypt(parts), CKR_KEY_HANDLE_INVALID);
			assert_non_null(message.mechanism);
			assert_null(message.operation.mechanism);
			/* Its copy of the key is gone. */
			assert_int_equal(fake_open_sockets(), 0);
		}
		verdict = -EACCES;
		assert_int_equal(encrypt(parts), CKR_KEY_FUNCTION_NOT_PERMITTED);
		verdict = 0;
		/* Without a nonce lost. */
		encrypts(parts);
		assert_true(count() == 2 + 2 * (uint64_t)parts);
	}
	verdict = -EKEYREVOKED;
	grow_stale();
	assert_int_equal(encrypt(false), CKR_KEY_HANDLE_INVALID);
	assert_int_equal(message_final(&message), CKR_OK);
	assert_int_equal(fake_open_sockets(), 0);
}

static void other_shortages_are_over_with_the_message(void **state)
{
	start(CKM_AES_GCM, OPERATION_ENCRYPT, CKG_NO_GENERATE, 0);
	/* Another tag size needs another socket. */
	gcm.tag_bits = 96;
	fake_fail("alg_bind", 1, -EMFILE);
	assert_int_equal(encrypt(false), CKR_HOST_MEMORY);
	gcm.tag_bits = 128;
	encrypts(false);
	gcm.tag_bits = 96;
	fake_fail("alg_set_tag_size", 1, -ENOMEM);
	assert_int_equal(encrypt(true), CKR_DEVICE_MEMORY);
	gcm.tag_bits = 128;
	encrypts(true);
}

/* A MAC's socket holds the state of the message that was left in the middle. */
static void a_spoilt_socket_is_replaced(void **state)
{
	static const struct message_terms none;
	static const uint8_t block[64];
	CK_MECHANISM mechanism = {CKM_AES_CMAC, NULL, 0};
	uint8_t mac[16], expected[16];
	CK_ULONG len = 16;

	assert_int_equal(message_start(&message, OPERATION_SIGN, mechanism_find(CKM_AES_CMAC),
				       &mechanism, &key),
			 CKR_OK);
	fake_hash("cmac(aes)", secret, 16, text, LEN, expected, 16);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(message_begin(&message, &none), CKR_OK);
		assert_int_equal(message_next(&message, OPERATION_NEXT, NULL, block, sizeof(block),
					      NULL, NULL),
				 CKR_OK);
		/* The last call's parameter is refused. */
		assert_int_equal(message_next(&message, OPERATION_LAST, &terms, text, 9, mac, &len),
				 CKR_MECHANISM_PARAM_INVALID);
		assert_true(message.socket->spoilt);
		len = 16;
		assert_int_equal(message_whole(&message, &none, text, LEN, mac, &len), CKR_OK);
		assert_memory_equal(mac, expected, 16);
		assert_int_equal(fake_calls("alg_accept"), 2 + i);
		assert_int_equal(fake_open_sockets(), 1);
	}
	/* And where the process ends at that point, it is not kept. */
	assert_int_equal(message_begin(&message, &none), CKR_OK);
	assert_int_equal(
		message_next(&message, OPERATION_NEXT, NULL, block, sizeof(block), NULL, NULL),
		CKR_OK);
	assert_int_equal(message_next(&message, OPERATION_LAST, &terms, text, 9, mac, &len),
			 CKR_MECHANISM_PARAM_INVALID);
	assert_int_equal(message_final(&message), CKR_OK);
	assert_int_equal(fake_open_sockets(), 0);
}

static void every_message_has_its_nonce(void **state)
{
	static const CK_MECHANISM_TYPE types[] = {CKM_AES_GCM, CKM_AES_CCM};

	for (size_t t = 0; t < 2; t++) {
		for (CK_ULONG generator = CKG_GENERATE; generator <= CKG_GENERATE_COUNTER_XOR;
		     generator++) {
			uint64_t seen[40], base = 0;

			start(types[t], OPERATION_ENCRYPT, generator, 20);
			for (uint64_t i = 0; i < 40; i++) {
				encrypts(i % 2);
				seen[i] = count();
				base = i ? base : seen[i];
				for (uint64_t j = 0; j < i; j++)
					assert_true(seen[i] != seen[j]);
				if (generator == CKG_GENERATE_COUNTER)
					assert_true(seen[i] == i);
				if (generator == CKG_GENERATE_COUNTER_XOR)
					assert_true(seen[i] == (base ^ i));
				if (generator == CKG_GENERATE)
					assert_true(seen[i] == base + i);
				assert_memory_equal(iv, own_iv, 2);
				assert_int_equal(iv[2] >> 4, own_iv[2] >> 4);
			}
		}
	}
	/* Chosen by the caller, the same again and again. */
	start(CKM_AES_GCM, OPERATION_ENCRYPT, CKG_NO_GENERATE, 20);
	for (int i = 0; i < 4; i++) {
		encrypts(i % 2);
		assert_memory_equal(iv, own_iv, sizeof(iv));
	}
	/* Which costs the others nothing: they count on from where they were. */
	gcm.iv_generator = CKG_GENERATE_COUNTER;
	for (uint64_t i = 0; i < 4; i++) {
		encrypts(i % 2);
		assert_true(count() == i);
	}
}

/* A nonce in parts is there when the first call returns. */
static void a_nonce_is_made_when_the_message_begins(void **state)
{
	uint8_t made[13];

	start(CKM_AES_GCM, OPERATION_ENCRYPT, CKG_GENERATE_RANDOM, 0);
	assert_int_equal(message_begin(&message, &terms), CKR_OK);
	assert_memory_not_equal(iv, own_iv, 12);
	memcpy(made, iv, sizeof(made));
	/* What the caller does with its memory meanwhile is its own business. */
	memset(iv, 0, 12);
	assert_int_equal(part(OPERATION_NEXT, 0, 5, out), CKR_OK);
	assert_int_equal(part(OPERATION_LAST, 5, LEN, out), CKR_OK);
	fake_seal("gcm(aes)", secret, 16, made, aad, AAD, text, LEN, 16, sealed);
	assert_memory_equal(out, sealed, LEN);
	assert_memory_equal(tag, sealed + LEN, 16);
	for (int i = 0; i < 12; i++)
		assert_int_equal(iv[i], 0);
}

static void questions_and_small_buffers_use_no_nonce_up(void **state)
{
	for (CK_ULONG generator = CKG_GENERATE_COUNTER; generator <= CKG_GENERATE_COUNTER_XOR;
	     generator += 2) {
		uint8_t expected[13];

		start(CKM_AES_GCM, OPERATION_ENCRYPT, generator, 88);
		for (int made = 0; made < 256; made++) {
			memcpy(expected, iv, sizeof(expected));
			for (CK_ULONG asked = 0; asked < 3; asked++) {
				CK_ULONG len = asked;

				assert_int_equal(message_whole(&message, &terms, text, LEN,
							       asked ? out : NULL, &len),
						 asked ? CKR_BUFFER_TOO_SMALL : CKR_OK);
				assert_int_equal(len, LEN);
				assert_memory_equal(iv, expected, sizeof(iv));
			}
			encrypts(made % 2);
			assert_int_equal(iv[11], generator == CKG_GENERATE_COUNTER
							 ? made
							 : own_iv[11] ^ made);
		}
		assert_int_equal(encrypt(false), CKR_DATA_LEN_RANGE);
	}
}

static void without_a_nonce_nothing_is_encrypted(void **state)
{
	start(CKM_AES_GCM, OPERATION_ENCRYPT, CKG_GENERATE_COUNTER, 95);
	encrypts(false);
	encrypts(true);
	fake_calls_forget();
	memset(tag, 0x5a, sizeof(tag));
	for (int parts = 0; parts < 2; parts++) {
		assert_int_equal(encrypt(parts), CKR_DATA_LEN_RANGE);
		assert_null(message.operation.mechanism);
		for (size_t i = 0; i < LEN; i++)
			assert_int_equal(out[i], 0xa5);
		assert_int_equal(tag[0], 0x5a);
		/* As asked, it cannot be made. */
		gcm.iv_fixed_bits = 94 + 2 * (CK_ULONG)parts;
		assert_int_equal(encrypt(parts), CKR_MECHANISM_PARAM_INVALID);
		gcm.iv_fixed_bits = 97;
		assert_int_equal(encrypt(parts), CKR_MECHANISM_PARAM_INVALID);
		gcm.iv_fixed_bits = 95;
		gcm.iv_generator = 5;
		assert_int_equal(encrypt(parts), CKR_MECHANISM_PARAM_INVALID);
		gcm.iv_generator = CKG_GENERATE_COUNTER;
	}
	assert_int_equal(fake_calls("alg_send"), 0);
	/* Nor does a new process make any; but it may agree on something else. */
	start(CKM_AES_GCM, OPERATION_ENCRYPT, CKG_GENERATE_COUNTER, 95);
	assert_int_equal(encrypt(false), CKR_DATA_LEN_RANGE);
	gcm.iv_fixed_bits = 94;
	encrypts(false);
	/* No random bytes, no nonce. */
	start(CKM_AES_GCM, OPERATION_ENCRYPT, CKG_GENERATE_RANDOM, 0);
	fake_fail("alg_recv", 1, -EIO);
	assert_int_equal(encrypt(false), CKR_DEVICE_ERROR);
	encrypts(false);
}

/* What was tried with a nonce may have been seen. */
static void a_nonce_is_used_up_by_a_failure(void **state)
{
	static const char *const functions[] = {"alg_send", "alg_recv"};

	start(CKM_AES_GCM, OPERATION_ENCRYPT, CKG_GENERATE_COUNTER, 32);
	encrypts(false);
	for (uint64_t i = 0; i < 4; i++) {
		fake_fail(functions[i % 2], 1, -ENOMEM);
		assert_int_equal(encrypt(i / 2), CKR_DEVICE_MEMORY);
		encrypts(i / 2);
		assert_true(count() == 2 + 2 * i);
	}
	assert_int_equal(message_begin(&message, &terms), CKR_OK);
	message_cancel(&message);
}

/* However a process ends, the next one with the same key and mechanism goes on with the nonces. */
static void nonces_outlive_the_process(void **state)
{
	CK_MECHANISM good = {CKM_AES_GCM, NULL, 0}, wrong = {CKM_AES_GCM, iv, 0};
	uint64_t due = 0;

	for (int way = 0; way < 5; way++) {
		start(CKM_AES_GCM, OPERATION_ENCRYPT, CKG_GENERATE_COUNTER, 20);
		encrypts(way % 2);
		assert_true(count() == due++);
		if (way == 0)
			assert_int_equal(message_final(&message), CKR_OK);
		if (way == 1)
			message_cancel(&message);
		/* In the middle of a message, which has taken its nonce. */
		if (way == 2) {
			assert_int_equal(message_begin(&message, &terms), CKR_OK);
			due++;
			message_cancel(&message);
		}
		/* And where a process with another key did not come to be. */
		if (way > 2) {
			message_cancel(&message);
			key.id++;
			verdict = way == 3 ? -EKEYREVOKED : 0;
			assert_int_equal(message_start(&message, OPERATION_ENCRYPT,
						       mechanism_find(CKM_AES_GCM),
						       way == 3 ? &good : &wrong, &key),
					 way == 3 ? CKR_KEY_HANDLE_INVALID
						  : CKR_MECHANISM_PARAM_INVALID);
			verdict = 0;
			key.id--;
		}
	}
	/* In one with no generated nonce, too. */
	start(CKM_AES_GCM, OPERATION_ENCRYPT, CKG_NO_GENERATE, 0);
	encrypts(false);
	start(CKM_AES_GCM, OPERATION_ENCRYPT, CKG_GENERATE_COUNTER, 20);
	encrypts(false);
	assert_true(count() == due);
	/* Another mechanism, another key: none of theirs was made before. */
	start(CKM_AES_CCM, OPERATION_ENCRYPT, CKG_GENERATE_COUNTER, 20);
	encrypts(false);
	assert_true(count() == 0);
	encrypts(false);
	key.id = transform_key_id();
	start(CKM_AES_CCM, OPERATION_ENCRYPT, CKG_GENERATE_COUNTER, 20);
	encrypts(false);
	assert_true(count() == 0);
}

/* Whoever decrypts brings the nonce, whatever the parameter says of how it was made. */
static void decryption_makes_no_nonce(void **state)
{
	for (CK_ULONG generator = 0; generator < 7; generator++) {
		for (int parts = 0; parts < 2; parts++) {
			CK_ULONG len = LEN;
			uint8_t back[LEN];

			start(CKM_AES_GCM, OPERATION_ENCRYPT, CKG_NO_GENERATE, 0);
			encrypts(false);
			start(CKM_AES_GCM, OPERATION_DECRYPT, generator, 1000);
			if (parts)
				assert_int_equal(message_begin(&message, &terms), CKR_OK);
			assert_int_equal(
				parts ? message_next(&message, OPERATION_LAST, &terms, out, LEN,
						     back, &len)
				      : message_whole(&message, &terms, out, LEN, back, &len),
				CKR_OK);
			assert_memory_equal(back, text, LEN);
			assert_memory_equal(iv, own_iv, sizeof(iv));
			assert_int_equal(message.nonces.made, 0);
		}
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_key_is_asked_for_once_in_a_while),
		TEST(a_key_that_may_change_is_armed_anew),
		TEST(a_key_refused_in_between_comes_back_or_not),
		TEST(other_shortages_are_over_with_the_message),
		TEST(a_spoilt_socket_is_replaced),
		TEST(every_message_has_its_nonce),
		TEST(a_nonce_is_made_when_the_message_begins),
		TEST(questions_and_small_buffers_use_no_nonce_up),
		TEST(without_a_nonce_nothing_is_encrypted),
		TEST(a_nonce_is_used_up_by_a_failure),
		TEST(nonces_outlive_the_process),
		TEST(decryption_makes_no_nonce),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("process", tests, NULL, NULL);
}
