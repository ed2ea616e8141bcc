/* SPDX-License-Identifier: BSD-2-Clause */
/* PKCS#7 padding, by itself and as ciphers take it off. */
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
#include "kernel/transform.h"
#include "mech/operation.h"
#include "mech/padding.h"

enum { LONGEST = 67, BLOCK_MAX = 16 };

static const CK_MECHANISM_TYPE types[] = {CKM_AES_CBC_PAD, CKM_DES3_CBC_PAD};
static const char secret[] = "0123456789abcdef01234567";
static uint8_t iv[16], message[LONGEST], coded[LONGEST + BLOCK_MAX];
static const struct mechanism *row;
static struct operation operation;

static int arm(const struct transform_key *key, int transform)
{
	return alg_set_key(transform, secret, 24);
}

static const struct transform_key key = {.id = 1, .constant = true, .arm = arm};

static int setup(void **state)
{
	fake_reset();
	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)(i * 31 + 3);
	for (size_t i = 0; i < sizeof(iv); i++)
		iv[i] = (uint8_t)(0xf1 + i * 3);
	return 0;
}

static int teardown(void **state)
{
	operation_cancel(&operation);
	if (fake_busy_sockets())
		return -1;
	transform_purge(0);
	return fake_open_sockets() ? -1 : 0;
}

static void padding_fills_the_block(void **state)
{
	for (size_t block = 8; block <= 64; block *= 2) {
		for (size_t len = 0; len <= 3 * block; len++) {
			size_t pad = padding_size(len, block);

			assert_in_range(pad, 1, block);
			assert_int_equal((len + pad) % block, 0);
		}
	}
}

/* Every value of the last byte, and every byte of the padding wrong once, by one bit. */
static void wrong_padding_is_told_from_text(void **state)
{
	uint8_t bytes[BLOCK_MAX];

	for (size_t size = 8; size <= BLOCK_MAX; size += 8) {
		for (unsigned int pad = 0; pad < 256; pad++) {
			bool good = pad >= 1 && pad <= size;

			memset(bytes, 0x99, sizeof(bytes));
			for (size_t i = 0; i < size && i < pad; i++)
				bytes[size - 1 - i] = (uint8_t)pad;
			bytes[size - 1] = (uint8_t)pad;
			assert_int_equal(padding_text(bytes, size), good ? size - pad : size);
			for (unsigned int bit = 0; good && bit < 8 * (size - 1); bit++) {
				bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
				assert_int_equal(padding_text(bytes, size),
						 bit / 8 < size - pad ? size - pad : size);
				bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
			}
		}
	}
}

static void begin(bool decrypt)
{
	CK_MECHANISM mechanism = {row->type, iv, row->iv};

	operation_cancel(&operation);
	assert_int_equal(operation_begin(&operation,
					 decrypt ? OPERATION_DECRYPT : OPERATION_ENCRYPT, row,
					 &mechanism, &key),
			 CKR_OK);
}

static CK_RV run(enum operation_part part, const uint8_t *in, size_t in_len, uint8_t *out,
		 CK_ULONG *out_len)
{
	return operation_run(&operation, part, in, in_len, out, out_len);
}

/* The kernel's answer to plain bytes as they are, in CODED. */
static void encode_raw(const uint8_t *plain, size_t len)
{
	fake_cipher(row->kernel_name, secret, 24, false, iv, plain, len, coded);
}

/* LEN bytes of the message, padded (RFC 5652, 6.3) and encrypted; the length of that. */
static size_t encode(size_t len)
{
	uint8_t plain[sizeof(coded)];
	size_t pad = row->block - len % row->block;

	memcpy(plain, message, len);
	memset(plain + len, (int)pad, pad);
	encode_raw(plain, len + pad);
	return len + pad;
}

/* Decrypts the last of two blocks, made to be PLAIN, with all the rest right. */
static CK_RV unpad(const uint8_t plain[BLOCK_MAX], bool parts, uint8_t out[2 * BLOCK_MAX],
		   CK_ULONG *out_len)
{
	size_t block = row->block;
	uint8_t blocks[2 * BLOCK_MAX];
	CK_ULONG first = 2 * block;

	memcpy(blocks, message, block);
	memcpy(blocks + block, plain, block);
	encode_raw(blocks, 2 * block);
	memset(out, 0xa5, 2 * BLOCK_MAX);
	begin(true);
	*out_len = 2 * block;
	if (!parts)
		return run(OPERATION_ALL, coded, 2 * block, out, out_len);
	assert_int_equal(run(OPERATION_NEXT, coded, 2 * block, out, &first), CKR_OK);
	assert_int_equal(first, block);
	*out_len = block;
	return run(OPERATION_END, NULL, 0, out + block, out_len);
}

/* Of a refused message nothing is left where the caller looks. */
static void check_wiped(const uint8_t out[2 * BLOCK_MAX], bool parts)
{
	for (size_t i = parts ? row->block : 0; i < 2 * BLOCK_MAX; i++)
		assert_true(out[i] == 0 || out[i] == 0xa5);
}

static void every_wrong_padding_is_refused(void **state)
{
	uint8_t plain[BLOCK_MAX], out[2 * BLOCK_MAX];
	CK_ULONG out_len;

	for (int round = 0; round < 4; round++) {
		bool parts = round % 2;
		size_t block;

		row = mechanism_find(types[round / 2]);
		block = row->block;
		for (unsigned int pad = 0; pad < 256; pad++) {
			bool good = pad >= 1 && pad <= block;

			memset(plain, (int)pad, sizeof(plain));
			assert_int_equal(unpad(plain, parts, out, &out_len),
					 good ? CKR_OK : CKR_ENCRYPTED_DATA_INVALID);
			assert_null(operation.mechanism);
			if (good)
				assert_int_equal(out_len, (parts ? 1 : 2) * block - pad);
			else
				check_wiped(out, parts);
			/* Each byte of the padding but the last, which says how many there are. */
			for (unsigned int at = 1; good && at < block; at++) {
				memset(plain, (int)pad, sizeof(plain));
				plain[block - 1 - at] ^= 0x20;
				assert_int_equal(unpad(plain, parts, out, &out_len),
						 at < pad ? CKR_ENCRYPTED_DATA_INVALID : CKR_OK);
				if (at < pad)
					check_wiped(out, parts);
			}
		}
	}
}

static void check_room(size_t len, size_t coded_len, size_t room)
{
	uint8_t *out = malloc(room + 1), *again = malloc(len + 1);
	CK_ULONG out_len = 0, need;
	CK_RV rv;

	begin(true);
	assert_int_equal(run(OPERATION_ALL, coded, coded_len, NULL, &out_len), CKR_OK);
	assert_in_range(out_len, len, coded_len);
	out_len = room;
	rv = run(OPERATION_ALL, coded, coded_len, out, &out_len);
	assert_int_equal(rv, room < len ? CKR_BUFFER_TOO_SMALL : CKR_OK);
	if (rv == CKR_OK) {
		assert_int_equal(out_len, len);
		assert_memory_equal(out, message, len);
	} else {
		/* As exact as it gets once the room is within a block of it. */
		need = room >= coded_len - row->block ? len : coded_len - 1;
		assert_int_equal(out_len, need);
		out_len = len;
		assert_int_equal(run(OPERATION_ALL, coded, coded_len, again, &out_len), CKR_OK);
		assert_int_equal(out_len, len);
		assert_memory_equal(again, message, len);
	}
	free(again);
	free(out);
}

/* C_Decrypt of padded data says what it needs, exactly where that decides, and goes on. */
static void too_small_a_buffer_for_padded_data_learns_the_length(void **state)
{
	for (size_t t = 0; t < 2; t++) {
		row = mechanism_find(types[t]);
		for (size_t len = 0; len <= LONGEST; len++) {
			size_t coded_len = encode(len);

			for (size_t room = 0; room < coded_len; room++)
				check_room(len, coded_len, room);
		}
	}
}

static void check_last_room(size_t len, size_t coded_len, size_t room)
{
	uint8_t first[3 * BLOCK_MAX], *out = malloc(room + 1), last[BLOCK_MAX];
	CK_ULONG first_len = sizeof(first), out_len = room;
	size_t rest;

	begin(true);
	assert_int_equal(run(OPERATION_NEXT, coded, coded_len, first, &first_len), CKR_OK);
	assert_memory_equal(first, message, first_len);
	rest = len - first_len;
	if (room >= rest) {
		assert_int_equal(run(OPERATION_END, NULL, 0, out, &out_len), CKR_OK);
		assert_memory_equal(out, message + first_len, rest);
	} else {
		for (int i = 0; i < 2; i++) {
			out_len = room;
			assert_int_equal(run(OPERATION_END, NULL, 0, out, &out_len),
					 CKR_BUFFER_TOO_SMALL);
			assert_int_equal(out_len, rest);
		}
		assert_int_equal(run(OPERATION_END, NULL, 0, NULL, &out_len), CKR_OK);
		assert_in_range(out_len, rest, row->block);
		out_len = rest;
		assert_int_equal(run(OPERATION_END, NULL, 0, last, &out_len), CKR_OK);
		assert_memory_equal(last, message + first_len, rest);
	}
	assert_int_equal(out_len, rest);
	assert_null(operation.mechanism);
	free(out);
}

static void too_small_a_buffer_at_the_end_of_parts_does_too(void **state)
{
	for (size_t t = 0; t < 2; t++) {
		row = mechanism_find(types[t]);
		for (size_t len = 0; len <= 2 * row->block; len++) {
			size_t coded_len = encode(len);

			for (size_t room = 0; room <= row->block; room++)
				check_last_room(len, coded_len, room);
		}
	}
}

/* The last block was decrypted ahead to learn its length; then more comes after all, into a buffer
 * of no bytes. */
static void an_update_after_a_refused_final_writes_nothing_too_far(void **state)
{
	uint8_t first[BLOCK_MAX], *none = malloc(1);
	CK_ULONG len = sizeof(first);
	size_t coded_len;
	CK_RV rv;

	row = mechanism_find(CKM_AES_CBC_PAD);
	coded_len = encode(3);
	begin(true);
	assert_int_equal(run(OPERATION_NEXT, coded, coded_len, first, &len), CKR_OK);
	assert_int_equal(len, 0);
	len = 0;
	assert_int_equal(run(OPERATION_END, NULL, 0, first, &len), CKR_BUFFER_TOO_SMALL);
	assert_int_equal(len, 3);
	*none = 0xa5;
	len = 0;
	rv = run(OPERATION_NEXT, message, 1, none, &len);
	assert_int_equal(*none, 0xa5);
	/* The message may go on or not; but the block that was looked at is not lost unseen. */
	assert_int_not_equal(rv, CKR_OK);
	if (rv == CKR_BUFFER_TOO_SMALL)
		assert_int_equal(len, row->block);
	free(none);
}

static void a_failed_look_ahead_ends_the_operation(void **state)
{
	static const char *const functions[] = {"alg_send", "alg_recv"};
	uint8_t out[BLOCK_MAX];
	size_t coded_len;

	row = mechanism_find(CKM_AES_CBC_PAD);
	coded_len = encode(20);
	for (size_t i = 0; i < 2; i++) {
		CK_ULONG len = BLOCK_MAX;

		begin(true);
		fake_fail(functions[i], 1, -EIO);
		assert_int_equal(run(OPERATION_ALL, coded, coded_len, out, &len), CKR_DEVICE_ERROR);
		assert_null(operation.mechanism);
		assert_int_equal(fake_open_sockets(), 0);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(padding_fills_the_block),
		cmocka_unit_test(wrong_padding_is_told_from_text),
		TEST(every_wrong_padding_is_refused),
		TEST(too_small_a_buffer_for_padded_data_learns_the_length),
		TEST(too_small_a_buffer_at_the_end_of_parts_does_too),
		TEST(an_update_after_a_refused_final_writes_nothing_too_far),
		TEST(a_failed_look_ahead_ends_the_operation),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("padding", tests, NULL, NULL);
}
