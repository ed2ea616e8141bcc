/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake-kernel.h"
#include "kernel/alg.h"
#include "mech/message.h"
#include "mech/random.h"
#include "pkcs11-parameters.h"

enum { LONGEST = 67, NONCE = 12 };

static const CK_MECHANISM_TYPE aeads[] = {CKM_AES_GCM, CKM_AES_CCM, CKM_CHACHA20_POLY1305};
static const char secret[] = "0123456789abcdef0123456789ABCDEF";
static uint8_t iv[NONCE], aad[40], text[LONGEST], sealed[LONGEST + 16], out[LONGEST + 1], tag[16];
static const struct mechanism *row;
static struct message message;
static int verdict, checks, arms;

static int arm(const struct transform_key *key, int transform)
{
	arms++;
	return verdict ? verdict : alg_set_key(transform, secret, 32);
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
	for (size_t i = 0; i < sizeof(aad); i++)
		aad[i] = (uint8_t)(200 - i);
	for (size_t i = 0; i < sizeof(iv); i++)
		iv[i] = (uint8_t)(0xf1 + i * 3);
	memset(tag, 0x5a, sizeof(tag));
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

static CK_RV try_start(enum operation_kind kind, CK_MECHANISM_TYPE type, void *parameter,
		       CK_ULONG len)
{
	CK_MECHANISM mechanism = {type, parameter, len};

	message_cancel(&message);
	row = mechanism_find(type);
	return message_start(&message, kind, row, &mechanism, &key);
}

static void start(enum operation_kind kind, CK_MECHANISM_TYPE type)
{
	assert_int_equal(try_start(kind, type, NULL, 0), CKR_OK);
}

/* What a call says of a message of LEN bytes: the nonce in IV, the tag in TAG. */
static struct terms {
	struct gcm_message_params gcm;
	struct ccm_message_params ccm;
	struct chacha20_poly1305_message_params chacha;
	struct message_terms terms;
} now;

static const struct message_terms *terms(CK_ULONG len, size_t aad_len, size_t tag_size)
{
	now.gcm = (struct gcm_message_params){iv, NONCE, 0, CKG_NO_GENERATE, tag, tag_size * 8};
	now.ccm = (struct ccm_message_params){len, iv, NONCE, 0, CKG_NO_GENERATE, tag, tag_size};
	now.chacha = (struct chacha20_poly1305_message_params){iv, 8 * NONCE, tag};
	now.terms = (struct message_terms){&now.gcm, sizeof(now.gcm), aad, aad_len};
	if (row->type == CKM_AES_CCM) {
		now.terms.parameter = &now.ccm;
		now.terms.parameter_len = sizeof(now.ccm);
	} else if (row->type == CKM_CHACHA20_POLY1305) {
		now.terms.parameter = &now.chacha;
		now.terms.parameter_len = sizeof(now.chacha);
	} else if (!row->decode_message) {
		now.terms = (struct message_terms){NULL, 0, NULL, 0};
	}
	return &now.terms;
}

/* What the message is to become with the nonce in IV: ciphertext, and behind it the tag. */
static void seal(size_t len, size_t aad_len, size_t tag_size)
{
	uint8_t kernels[16] = {14 - NONCE};

	memcpy(kernels + 1, iv, NONCE);
	fake_seal(row->kernel_name, secret, 32, row->type == CKM_AES_CCM ? kernels : iv, aad,
		  aad_len, text, len, tag_size, sealed);
}

static CK_RV whole(const struct message_terms *with, const void *in, CK_ULONG len)
{
	CK_ULONG out_len = LONGEST;
	CK_RV rv;

	memset(out, 0xa5, sizeof(out));
	rv = message_whole(&message, with, in, len, out, &out_len);
	if (rv == CKR_OK)
		assert_int_equal(out_len, len);
	return rv;
}

static void encrypts(size_t len, size_t aad_len, size_t tag_size)
{
	assert_int_equal(whole(terms(len, aad_len, tag_size), text, len), CKR_OK);
	seal(len, aad_len, tag_size);
	assert_memory_equal(out, sealed, len);
	assert_memory_equal(tag, sealed + len, tag_size);
}

static void decrypts(size_t len, size_t aad_len, size_t tag_size)
{
	seal(len, aad_len, tag_size);
	memcpy(tag, sealed + len, tag_size);
	assert_int_equal(whole(terms(len, aad_len, tag_size), sealed, len), CKR_OK);
	assert_memory_equal(out, text, len);
}

static void kinds_have_their_flags(void **state)
{
	assert_int_equal(message_flag(OPERATION_ENCRYPT), CKF_MESSAGE_ENCRYPT);
	assert_int_equal(message_flag(OPERATION_DECRYPT), CKF_MESSAGE_DECRYPT);
	assert_int_equal(message_flag(OPERATION_SIGN), CKF_MESSAGE_SIGN);
	assert_int_equal(message_flag(OPERATION_VERIFY), CKF_MESSAGE_VERIFY);
}

/* Of a process, with START, or of a message in it. */
static void check_order(void)
{
	CK_ULONG len = LONGEST;

	assert_int_equal(
		message_next(&message, OPERATION_NEXT, terms(9, 0, 16), text, 9, out, &len),
		CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(
		message_next(&message, OPERATION_LAST, terms(9, 0, 16), text, 9, out, &len),
		CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(message_verify_next(&message, text, 9, NULL, 0),
			 CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(message_verify_next(&message, text, 9, tag, 16),
			 CKR_OPERATION_NOT_INITIALIZED);
}

static void nothing_runs_without_a_beginning(void **state)
{
	row = mechanism_find(CKM_AES_GCM);
	check_order();
	assert_int_equal(message_begin(&message, terms(9, 0, 16)), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(whole(terms(9, 0, 16), text, 9), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(message_verify_whole(&message, terms(9, 0, 16), text, 9, tag, 16),
			 CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(message_final(&message), CKR_OPERATION_NOT_INITIALIZED);
	message_cancel(&message);
	assert_int_equal(fake_calls("alg_bind"), 0);
	start(OPERATION_ENCRYPT, CKM_AES_GCM);
	check_order();
	assert_int_equal(message_final(&message), CKR_OK);
	assert_int_equal(message_final(&message), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(whole(terms(9, 0, 16), text, 9), CKR_OPERATION_NOT_INITIALIZED);
}

static void a_failed_beginning_leaves_no_process(void **state)
{
	CK_ULONG size = 33;

	assert_int_equal(try_start(OPERATION_ENCRYPT, CKM_AES_GCM, iv, 0),
			 CKR_MECHANISM_PARAM_INVALID);
	assert_int_equal(try_start(OPERATION_ENCRYPT, CKM_AES_GCM, NULL, 48),
			 CKR_MECHANISM_PARAM_INVALID);
	assert_int_equal(try_start(OPERATION_SIGN, CKM_SHA256_HMAC, iv, NONCE),
			 CKR_MECHANISM_PARAM_INVALID);
	assert_int_equal(try_start(OPERATION_SIGN, CKM_SHA256_HMAC_GENERAL, &size, sizeof(size)),
			 CKR_MECHANISM_PARAM_INVALID);
	assert_int_equal(fake_calls("alg_bind"), 0);
	verdict = -EKEYREVOKED;
	assert_int_equal(try_start(OPERATION_ENCRYPT, CKM_AES_GCM, NULL, 0),
			 CKR_KEY_HANDLE_INVALID);
	verdict = 0;
	fake_fail("alg_accept", 1, -EMFILE);
	assert_int_equal(try_start(OPERATION_ENCRYPT, CKM_AES_GCM, NULL, 0), CKR_HOST_MEMORY);
	assert_null(message.mechanism);
	assert_int_equal(fake_open_sockets(), 0);
	/* What the first message's parameter will be may be there, and is not looked at. */
	assert_int_equal(try_start(OPERATION_ENCRYPT, CKM_AES_GCM, iv, 1), CKR_OK);
	encrypts(20, 5, 16);
}

static void whole_messages_pass_both_ways(void **state)
{
	for (size_t t = 0; t < 3; t++) {
		for (int decrypt = 0; decrypt < 2; decrypt++) {
			start(decrypt ? OPERATION_DECRYPT : OPERATION_ENCRYPT, aeads[t]);
			for (size_t len = 0; len <= LONGEST; len++) {
				for (size_t aad_len = 0; aad_len <= 40; aad_len += 20) {
					iv[0]++;
					(decrypt ? decrypts : encrypts)(len, aad_len, 16);
					/* Where the text is. */
					memcpy(out, decrypt ? sealed : text, len);
					assert_int_equal(message_whole(&message,
								       terms(len, aad_len, 16), out,
								       len, out, &(CK_ULONG){len}),
							 CKR_OK);
					assert_memory_equal(out, decrypt ? text : sealed, len);
				}
			}
			assert_int_equal(message_final(&message), CKR_OK);
		}
	}
	/* Another process goes on with the socket of the one before it. */
	assert_int_equal(fake_calls("alg_accept"), 3);
	assert_int_equal(fake_open_sockets(), 3);
}

static void check_parts(bool decrypt, size_t len, size_t first, size_t second)
{
	const uint8_t *in = decrypt ? sealed : text, *due = decrypt ? text : sealed;
	const struct message_terms *with = terms(len, 20, 16);
	CK_ULONG out_len;

	iv[1]++;
	seal(len, 20, 16);
	memset(tag, 0, sizeof(tag));
	assert_int_equal(message_begin(&message, with), CKR_OK);
	for (int part = 0; part < 2; part++) {
		out_len = 0;
		assert_int_equal(message_next(&message, OPERATION_NEXT, NULL,
					      part ? in + first : in, part ? second : first, out,
					      &out_len),
				 CKR_OK);
		assert_int_equal(out_len, 0);
	}
	/* The tag need not be known before. */
	if (decrypt)
		memcpy(tag, sealed + len, 16);
	for (int asked = 0; asked < 2; asked++) {
		out_len = len - 1;
		assert_int_equal(message_next(&message, OPERATION_LAST, with, in + first + second,
					      len - first - second, asked ? out : NULL, &out_len),
				 asked ? CKR_BUFFER_TOO_SMALL : CKR_OK);
		assert_int_equal(out_len, len);
	}
	assert_int_equal(message_next(&message, OPERATION_LAST, with, in + first + second,
				      len - first - second, out, &out_len),
			 CKR_OK);
	assert_int_equal(out_len, len);
	assert_memory_equal(out, due, len);
	assert_memory_equal(tag, sealed + len, 16);
}

static void messages_pass_in_parts_both_ways(void **state)
{
	for (size_t t = 0; t < 3; t++) {
		for (int decrypt = 0; decrypt < 2; decrypt++) {
			start(decrypt ? OPERATION_DECRYPT : OPERATION_ENCRYPT, aeads[t]);
			for (size_t first = 0; first <= LONGEST; first += 3)
				for (size_t second = 0; first + second <= LONGEST; second += 11)
					check_parts(decrypt, LONGEST, first, second);
			decrypt ? decrypts(20, 5, 16) : encrypts(20, 5, 16);
		}
	}
}

/* The tag size is the transform's, and so another socket's. */
static void tags_may_change_their_size(void **state)
{
	static const size_t sizes[] = {16, 12, 12, 4, 16, 8, 16};

	for (int decrypt = 0; decrypt < 2; decrypt++) {
		start(decrypt ? OPERATION_DECRYPT : OPERATION_ENCRYPT, CKM_AES_GCM);
		for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
			iv[0]++;
			memset(tag, 0x5a, sizeof(tag));
			decrypt ? decrypts(33, 20, sizes[i]) : encrypts(33, 20, sizes[i]);
			for (size_t at = sizes[i]; at < 16; at++)
				assert_int_equal(tag[at], 0x5a);
		}
	}
	assert_int_equal(fake_calls("alg_accept"), 4);
}

static void the_last_part_says_where_the_tag_lies(void **state)
{
	uint8_t before[16], expected[16];
	CK_ULONG len = LONGEST;

	start(OPERATION_ENCRYPT, CKM_AES_GCM);
	assert_int_equal(message_begin(&message, terms(20, 5, 16)), CKR_OK);
	memcpy(before, tag, 16);
	now.gcm.tag = expected;
	assert_int_equal(message_next(&message, OPERATION_LAST, &now.terms, text, 20, out, &len),
			 CKR_OK);
	seal(20, 5, 16);
	assert_memory_equal(expected, sealed + 20, 16);
	assert_memory_equal(tag, before, 16);
	/* But not how long it is: that ends the message, and not the process. */
	for (int i = 0; i < 2; i++) {
		len = LONGEST;
		assert_int_equal(message_begin(&message, terms(20, 5, 16)), CKR_OK);
		now.gcm.tag_bits = i ? 96 : 97;
		assert_int_equal(
			message_next(&message, OPERATION_LAST, &now.terms, text, 20, out, &len),
			CKR_MECHANISM_PARAM_INVALID);
		check_order();
		encrypts(20, 5, 16);
	}
}

/* Each with a good message behind it. */
static void errors_end_the_message_and_not_the_process(void **state)
{
	static const char *const functions[] = {"alg_send", "alg_recv", "alg_room"};
	CK_ULONG len = LONGEST;

	for (size_t t = 0; t < 2; t++) {
		start(OPERATION_ENCRYPT, aeads[t]);
		for (int parts = 0; parts < 2; parts++) {
			terms(20, 5, 16);
			now.gcm.iv_len = now.ccm.nonce_len = 14;
			assert_int_equal(parts ? message_begin(&message, &now.terms)
					       : whole(&now.terms, text, 20),
					 CKR_MECHANISM_PARAM_INVALID);
			encrypts(20, 5, 16);
			terms(20, 5, 16);
			now.terms.aad = NULL;
			assert_int_equal(parts ? message_begin(&message, &now.terms)
					       : whole(&now.terms, text, 20),
					 CKR_ARGUMENTS_BAD);
			encrypts(20, 5, 16);
		}
		assert_int_equal(whole(terms(20, 5, 16), NULL, 20), CKR_ARGUMENTS_BAD);
		assert_int_equal(message_whole(&message, terms(20, 5, 16), text, 20, out, NULL),
				 CKR_ARGUMENTS_BAD);
		encrypts(20, 5, 16);
		assert_int_equal(message_begin(&message, terms(20, 5, 16)), CKR_OK);
		assert_int_equal(message_next(&message, OPERATION_NEXT, NULL, text, 20, out, NULL),
				 CKR_ARGUMENTS_BAD);
		check_order();
		for (size_t i = 0; i < 3; i++) {
			encrypts(20, 5, 16);
			/* As if the socket had not been asked yet. */
			message.socket->room = 0;
			fake_fail(functions[i], 1, -ENOMEM);
			memset(tag, 0x5a, sizeof(tag));
			assert_int_equal(whole(terms(20, 5, 16), text, 20), CKR_DEVICE_MEMORY);
			/* What fails before the request leaves it alone. */
			assert_int_equal(tag[0], i < 2 ? 0 : 0x5a);
			check_order();
			encrypts(20, 5, 16);
			/* A socket that was spoilt is closed, and there is one in its place. */
			assert_int_equal(fake_open_sockets(), t + 1);
			assert_int_equal(fake_busy_sockets(), 0);
		}
	}
	/* CCM's promise. */
	assert_int_equal(whole(terms(20, 5, 16), text, 19), CKR_DATA_LEN_RANGE);
	assert_int_equal(whole(terms(20, 5, 16), text, 21), CKR_DATA_LEN_RANGE);
	assert_int_equal(message_begin(&message, terms(20, 5, 16)), CKR_OK);
	assert_int_equal(message_next(&message, OPERATION_LAST, &now.terms, text, 19, out, &len),
			 CKR_DATA_LEN_RANGE);
	check_order();
	encrypts(20, 5, 16);
}

/* Section 5.11; and no byte of the text. */
static void a_wrong_message_does_not_decrypt(void **state)
{
	for (size_t t = 0; t < 3; t++) {
		start(OPERATION_DECRYPT, aeads[t]);
		for (size_t i = 0; i < 2 * (33 + 16 + 5); i++) {
			size_t at = i / 2;
			uint8_t *wrong = at < 33 + 16 ? &sealed[at] : &aad[at - 33 - 16];
			CK_ULONG len = LONGEST;

			seal(33, 5, 16);
			*wrong ^= 0x10;
			memcpy(tag, sealed + 33, 16);
			memset(out, 0xa5, sizeof(out));
			terms(33, 5, 16);
			if (i % 2) {
				assert_int_equal(message_begin(&message, &now.terms), CKR_OK);
				assert_int_equal(message_next(&message, OPERATION_NEXT, NULL,
							      sealed, 10, out, &len),
						 CKR_OK);
				len = LONGEST;
			}
			assert_int_equal(
				i % 2 ? message_next(&message, OPERATION_LAST, &now.terms,
						     sealed + 10, 23, out, &len)
				      : message_whole(&message, &now.terms, sealed, 33, out, &len),
				CKR_AEAD_DECRYPT_FAILED);
			for (size_t byte = 0; byte < sizeof(out); byte++)
				assert_true(out[byte] == 0 || out[byte] == 0xa5);
			if (at >= 33 + 16)
				*wrong ^= 0x10;
			check_order();
			decrypts(33, 5, 16);
		}
	}
	assert_int_equal(fake_calls("alg_accept"), 3);
}

static void in_the_middle_nothing_else_begins_or_ends(void **state)
{
	CK_ULONG len = LONGEST;

	start(OPERATION_ENCRYPT, CKM_AES_GCM);
	assert_int_equal(message_begin(&message, terms(20, 5, 16)), CKR_OK);
	for (int i = 0; i < 2; i++) {
		len = LONGEST;
		assert_int_equal(
			message_next(&message, OPERATION_NEXT, NULL, text + 5 * i, 5, out, &len),
			CKR_OK);
		assert_int_equal(message_begin(&message, terms(20, 5, 16)), CKR_OPERATION_ACTIVE);
		assert_int_equal(whole(terms(20, 5, 16), text, 20), CKR_OPERATION_ACTIVE);
		assert_int_equal(message_final(&message), CKR_OPERATION_ACTIVE);
	}
	/* The message is unharmed. */
	len = LONGEST;
	assert_int_equal(
		message_next(&message, OPERATION_LAST, terms(20, 5, 16), text + 10, 10, out, &len),
		CKR_OK);
	seal(20, 5, 16);
	assert_memory_equal(out, sealed, 20);
	assert_memory_equal(tag, sealed + 20, 16);
	assert_int_equal(message_final(&message), CKR_OK);
}

static void cancelling_ends_at_any_time(void **state)
{
	CK_ULONG len = LONGEST;

	for (int sent = 0; sent < 3; sent++) {
		start(OPERATION_SIGN, CKM_SHA256_HMAC);
		if (sent)
			assert_int_equal(message_begin(&message, terms(0, 0, 0)), CKR_OK);
		if (sent == 2)
			assert_int_equal(
				message_next(&message, OPERATION_NEXT, NULL, text, 65, NULL, NULL),
				CKR_OK);
		message_cancel(&message);
		assert_null(message.mechanism);
		/* What is in the middle of a message is not kept. */
		assert_int_equal(fake_open_sockets(), sent < 2);
		assert_int_equal(
			message_next(&message, OPERATION_LAST, terms(0, 0, 0), text, 5, out, &len),
			CKR_OPERATION_NOT_INITIALIZED);
	}
}

static void reference(size_t len, uint8_t mac[32])
{
	fake_hash("hmac(sha256)", secret, 32, text, len, mac, 32);
}

static void messages_are_signed(void **state)
{
	const struct message_terms strange = {iv, NONCE, NULL, 0};
	uint8_t mac[32];
	CK_ULONG len;

	for (CK_ULONG size = 5; size <= 32; size += 27) {
		assert_int_equal(
			try_start(OPERATION_SIGN, CKM_SHA256_HMAC_GENERAL, &size, sizeof(size)),
			CKR_OK);
		for (size_t text_len = 0; text_len <= LONGEST; text_len++) {
			reference(text_len, mac);
			for (int asked = 0; asked < 3; asked++) {
				len = asked == 1 ? size - 1 : size;
				assert_int_equal(message_whole(&message, terms(0, 0, 0), text,
							       text_len, asked ? out : NULL, &len),
						 asked == 1 ? CKR_BUFFER_TOO_SMALL : CKR_OK);
				assert_int_equal(len, size);
			}
			assert_memory_equal(out, mac, size);
			assert_int_equal(message_begin(&message, terms(0, 0, 0)), CKR_OK);
			assert_int_equal(message_next(&message, OPERATION_NEXT, NULL, text,
						      text_len / 2, NULL, NULL),
					 CKR_OK);
			for (int asked = 0; asked < 3; asked++) {
				len = asked == 1 ? size - 1 : size;
				assert_int_equal(message_next(&message, OPERATION_LAST,
							      terms(0, 0, 0), text + text_len / 2,
							      text_len - text_len / 2,
							      asked ? out : NULL, &len),
						 asked == 1 ? CKR_BUFFER_TOO_SMALL : CKR_OK);
				assert_int_equal(len, size);
			}
			assert_memory_equal(out, mac, size);
		}
	}
	/* A message of a MAC has no parameter. */
	assert_int_equal(message_begin(&message, &strange), CKR_MECHANISM_PARAM_INVALID);
	assert_int_equal(message_whole(&message, &strange, text, 5, out, &len),
			 CKR_MECHANISM_PARAM_INVALID);
	assert_int_equal(message_begin(&message, terms(0, 0, 0)), CKR_OK);
	assert_int_equal(message_next(&message, OPERATION_LAST, &strange, text, 5, out, &len),
			 CKR_MECHANISM_PARAM_INVALID);
	check_order();
	assert_int_equal(fake_calls("alg_accept"), 1);
}

static CK_RV verify(bool parts, const uint8_t *mac, CK_ULONG len)
{
	if (!parts)
		return message_verify_whole(&message, terms(0, 0, 0), text, LONGEST, mac, len);
	assert_int_equal(message_begin(&message, terms(0, 0, 0)), CKR_OK);
	/* More follows where no signature is, whatever is said of its length. */
	assert_int_equal(message_verify_next(&message, text, 20, NULL, 0), CKR_OK);
	assert_int_equal(message_verify_next(&message, text + 20, 7, NULL, len), CKR_OK);
	return message_verify_next(&message, text + 27, LONGEST - 27, mac, len);
}

static void messages_are_verified(void **state)
{
	uint8_t mac[33] = {0};

	start(OPERATION_VERIFY, CKM_SHA256_HMAC);
	reference(LONGEST, mac);
	for (unsigned int bit = 0; bit < 256; bit++) {
		assert_int_equal(verify(bit % 2, mac, 32), CKR_OK);
		mac[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(verify(bit % 2, mac, 32), CKR_SIGNATURE_INVALID);
		check_order();
		mac[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(fake_calls("alg_accept"), 1);
	for (CK_ULONG len = 1; len <= 33; len++)
		if (len != 32)
			assert_int_equal(verify(len % 2, mac, len), CKR_SIGNATURE_LEN_RANGE);
	assert_int_equal(verify(false, NULL, 32), CKR_ARGUMENTS_BAD);
	check_order();
	for (int parts = 0; parts < 2; parts++) {
		fake_fail("alg_recv", 1, -EIO);
		assert_int_equal(verify(parts, mac, 32), CKR_DEVICE_ERROR);
		check_order();
		assert_int_equal(verify(parts, mac, 32), CKR_OK);
		assert_int_equal(fake_open_sockets(), 1);
	}
	assert_int_equal(message_begin(&message, terms(0, 0, 0)), CKR_OK);
	assert_int_equal(verify(false, mac, 32), CKR_OPERATION_ACTIVE);
	assert_int_equal(message_verify_next(&message, text, LONGEST, mac, 32), CKR_OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(kinds_have_their_flags),
		TEST(nothing_runs_without_a_beginning),
		TEST(a_failed_beginning_leaves_no_process),
		TEST(whole_messages_pass_both_ways),
		TEST(messages_pass_in_parts_both_ways),
		TEST(tags_may_change_their_size),
		TEST(the_last_part_says_where_the_tag_lies),
		TEST(errors_end_the_message_and_not_the_process),
		TEST(a_wrong_message_does_not_decrypt),
		TEST(in_the_middle_nothing_else_begins_or_ends),
		TEST(cancelling_ends_at_any_time),
		TEST(messages_are_signed),
		TEST(messages_are_verified),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
