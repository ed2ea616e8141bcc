/* SPDX-License-Identifier: BSD-2-Clause */
/* Stream ciphers, part by part: what comes out with each part, what it costs, and what is left. */
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
#include "mech/keystream.h"
#include "mech/operation.h"
#include "pkcs11-parameters.h"

enum { LEN = 333 };

static const CK_MECHANISM_TYPE types[] = {CKM_AES_CTR, CKM_AES_OFB, CKM_AES_CFB128,
					  CKM_CAMELLIA_CTR, CKM_CHACHA20};
enum { TYPES = sizeof(types) / sizeof(*types) };

static const char secret[] = "0123456789abcdef0123456789ABCDEF";
static uint8_t iv[16], text[LEN], coded[LEN], out[LEN + 1];
static const struct mechanism *row;
static struct operation operation;

static int arm(const struct transform_key *key, int transform)
{
	return alg_set_key(transform, secret, 32);
}

static const struct transform_key key = {.id = 1, .constant = true, .arm = arm};

static int setup(void **state)
{
	fake_reset();
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 31 + i / 251 + 1);
	for (size_t i = 0; i < sizeof(iv); i++)
		iv[i] = (uint8_t)(0x71 + i * 3);
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

/* The operation, with a counter of 32 bits; and what is to come of the whole text in CODED. */
static void begin(CK_MECHANISM_TYPE type, bool decrypt)
{
	struct ctr_params ctr = {.counter_bits = 32};
	struct chacha20_params chacha = {iv, 32, iv + 4, 96};
	CK_MECHANISM mechanism = {type, iv, sizeof(iv)};

	row = mechanism_find(type);
	memcpy(ctr.counter, iv, sizeof(iv));
	if (row->counted)
		mechanism = (CK_MECHANISM){type, &chacha, sizeof(chacha)};
	else if (row->decode == parameter_ctr)
		mechanism = (CK_MECHANISM){type, &ctr, sizeof(ctr)};
	operation_cancel(&operation);
	assert_int_equal(operation_begin(&operation,
					 decrypt ? OPERATION_DECRYPT : OPERATION_ENCRYPT, row,
					 &mechanism, &key),
			 CKR_OK);
	fake_cipher(row->kernel_name, secret, 32, false, iv, text, LEN, coded);
	fake_calls_forget();
}

static CK_RV update(const uint8_t *in, size_t in_len, uint8_t *to, size_t room)
{
	CK_ULONG out_len = room;
	CK_RV rv = operation_run(&operation, OPERATION_NEXT, in, in_len, to, &out_len);

	if (rv == CKR_OK)
		assert_int_equal(out_len, in_len);
	return rv;
}

static void end(void)
{
	static const struct operation none;
	CK_ULONG out_len = sizeof(out);
	unsigned int sent = fake_calls("alg_send");

	assert_int_equal(operation_run(&operation, OPERATION_END, NULL, 0, out, &out_len), CKR_OK);
	assert_int_equal(out_len, 0);
	assert_int_equal(fake_calls("alg_send"), sent);
	/* Nothing of the keystream stays. */
	assert_memory_equal(&operation, &none, sizeof(none));
}

/* Each part in memory that is just as long, so that the sanitizer sees every byte too far. */
static void parts_of_every_size_give_as_much_as_they_take(void **state)
{
	for (size_t t = 0; t < 2UL * TYPES; t++) {
		bool decrypt = t % 2;

		for (size_t size = 1; size <= 140; size += size < 20 ? 1 : 7) {
			const uint8_t *in = decrypt ? coded : text, *due = decrypt ? text : coded;

			begin(types[t / 2], decrypt);
			for (size_t at = 0, some; at < LEN; at += some) {
				uint8_t *own = malloc(some = LEN - at < size ? LEN - at : size);
				bool in_place = at / size % 2;
				uint8_t *to = in_place ? own : malloc(some);

				memcpy(own, in + at, some);
				assert_int_equal(update(own, some, to, some), CKR_OK);
				assert_memory_equal(to, due + at, some);
				if (!in_place)
					free(to);
				free(own);
			}
			end();
		}
	}
}

/* However many it begins; none within a block, and none at the end. */
static void a_part_costs_a_request_where_it_begins_a_block(void **state)
{
	for (size_t t = 0; t < TYPES; t++) {
		size_t block = mechanism_find(types[t])->block;
		const struct {
			size_t len;
			unsigned int requests;
		} parts[] = {{block, 1},     {3 * block, 1}, {5, 1},         {0, 0},
			     {block - 6, 0}, {1, 0},         {block, 1},     {1, 1},
			     {block - 1, 0}, {block / 2, 1}, {2 * block, 1}, {block / 2, 0}};
		unsigned int rooms = 0;
		size_t at = 0;

		begin(types[t], false);
		for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
			size_t from = at % LEN, some = parts[i].len;

			fake_calls_forget();
			if (from + some > LEN)
				from = 0;
			assert_int_equal(update(text + from, some, out, some), CKR_OK);
			assert_int_equal(fake_calls("alg_send"), parts[i].requests);
			assert_int_equal(fake_calls("alg_recv"), parts[i].requests);
			rooms += fake_calls("alg_room");
			at += some;
		}
		/* A socket is asked for its room once. */
		assert_true(rooms <= 1);
		end();
	}
}

/* Too little room, or a question, takes nothing of it. */
static void a_part_may_be_tried_again(void **state)
{
	for (size_t t = 0; t < TYPES; t++) {
		CK_ULONG len = 0;

		begin(types[t], false);
		assert_int_equal(update(text, 5, out, 5), CKR_OK);
		for (size_t room = 0; room < 8; room++) {
			len = room;
			assert_int_equal(
				operation_run(&operation, OPERATION_NEXT, text + 5, 8, out, &len),
				CKR_BUFFER_TOO_SMALL);
			assert_int_equal(len, 8);
			assert_int_equal(
				operation_run(&operation, OPERATION_NEXT, text + 5, 8, NULL, &len),
				CKR_OK);
			assert_int_equal(len, 8);
		}
		assert_int_equal(update(text + 5, LEN - 5, out, LEN), CKR_OK);
		assert_memory_equal(out, coded + 5, LEN - 5);
		end();
	}
}

/* Each block is counted when it is begun, and never again. */
static void blocks_are_counted_once(void **state)
{
	static const size_t counted[] = {0, 3, 4};

	for (size_t t = 0; t < 3; t++) {
		uint64_t all;

		begin(types[counted[t]], false);
		all = operation.parameter.blocks;
		for (size_t at = 0; at < LEN; at++) {
			assert_int_equal(update(text + at, 1, out, 1), CKR_OK);
			assert_true(operation.parameter.blocks == all - (at / row->block + 1));
		}
		end();
	}
}

/* What the keystream gave goes with what the kernel did not. */
static void a_failure_gives_nothing(void **state)
{
	static const char *const functions[] = {"alg_send", "alg_recv"};

	for (size_t t = 0; t < 2UL * TYPES; t++) {
		begin(types[t / 2], true);
		assert_int_equal(update(coded, 5, out, 5), CKR_OK);
		memset(out, 0xa5, sizeof(out));
		fake_fail(functions[t % 2], 1, -EIO);
		assert_int_equal(update(coded + 5, 100, out, LEN), CKR_DEVICE_ERROR);
		for (size_t i = 0; i < sizeof(out); i++)
			assert_int_equal(out[i], i < 100 ? 0 : 0xa5);
		assert_null(operation.mechanism);
	}
}

/* keystream_use() alone: of a block of four bytes, whose ciphertext feeds back or not. */
static void a_block_is_completed_byte_by_byte(void **state)
{
	static const uint8_t in[] = {1, 2, 3, 4, 5};
	struct mechanism small = {.block = 4};

	for (int mode = 0; mode < 4; mode++) {
		for (size_t at = 0; at <= 4; at++) {
			struct operation o = {.mechanism = &small,
					      .kind = mode & 1 ? OPERATION_DECRYPT
							       : OPERATION_ENCRYPT,
					      .begun = true,
					      .tail = {0x10, 0x20, 0x30, 0x40},
					      .tail_len = at % 4,
					      .last = {0x81, 0x82, 0x83, 0x84}};
			uint8_t to[5] = {0};

			small.feedback = mode & 2;
			/* None is under way. */
			if (at % 4 == 0) {
				assert_int_equal(keystream_use(&o, in, 5, to), 0);
				assert_int_equal(o.tail_len, 0);
				assert_true(o.begun);
				continue;
			}
			for (size_t i = at; i < 4; i++) {
				assert_int_equal(o.tail_len, i);
				assert_true(o.begun);
				assert_int_equal(keystream_use(&o, in, i < 3 ? 1 : 5, to), 1);
				assert_int_equal(to[0], 1 ^ (0x81 + i));
				assert_int_equal(to[1], 0);
				assert_int_equal(o.tail[i], mode & 1 ? in[0] : to[0]);
			}
			assert_int_equal(o.tail_len, 0);
			assert_int_equal(o.begun, !small.feedback);
			assert_int_equal(memcmp(o.parameter.iv, o.tail, 4) == 0, small.feedback);
			assert_int_equal(o.tail[0], 0x10);
		}
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(parts_of_every_size_give_as_much_as_they_take),
		TEST(a_part_costs_a_request_where_it_begins_a_block),
		TEST(a_part_may_be_tried_again),
		TEST(blocks_are_counted_once),
		TEST(a_failure_gives_nothing),
		TEST(a_block_is_completed_byte_by_byte),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("keystream", tests, NULL, NULL);
}
