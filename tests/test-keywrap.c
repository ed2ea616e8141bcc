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
#include "kernel/transform.h"
#include "mech/engine.h"
#include "mech/operation.h"

enum { LONGEST = 83, LARGE = 88000 };

/* More memory than there is, is asked for on purpose. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

/* How often as many bytes were wiped as are looked for, with a block more. */
static size_t looked_for, wiped;

static void wipe(void *bytes, size_t len)
{
	memset(bytes, 0, len);
	wiped += len == looked_for + 16;
}

void explicit_bzero(void *bytes, size_t len)
{
	wipe(bytes, len);
}

/* What explicit_bzero() is called where the C library checks sizes. */
void __explicit_bzero_chk(void *bytes, size_t len, size_t size);

void __explicit_bzero_chk(void *bytes, size_t len, size_t size)
{
	wipe(bytes, len);
}

static const char secret[] = "0123456789abcdef0123456789ABCDEF";
static const CK_MECHANISM_TYPE types[] = {CKM_AES_KEY_WRAP, CKM_AES_KEY_WRAP_PAD,
					  CKM_AES_KEY_WRAP_PKCS7, CKM_AES_KEY_WRAP_KWP};
static uint8_t iv[8], message[LARGE], wrapped[LARGE + 16];
static const struct mechanism *row;
static bool kwp, own_iv;
static struct operation operation;

static int arm(const struct transform_key *key, int transform)
{
	return alg_set_key(transform, secret, 32);
}

static const struct transform_key key = {.id = 1, .constant = true, .arm = arm};

static int setup(void **state)
{
	fake_reset();
	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)(i * 31 + i / 251 + 1);
	for (size_t i = 0; i < sizeof(iv); i++)
		iv[i] = (uint8_t)(0xf1 + i * 3);
	own_iv = false;
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

static void choose(size_t type)
{
	row = mechanism_find(types[type % 4]);
	kwp = row->type == CKM_AES_KEY_WRAP_KWP;
}

static void begin(bool decrypt)
{
	enum operation_kind kind = decrypt ? OPERATION_DECRYPT : OPERATION_ENCRYPT;
	CK_MECHANISM mechanism = {row->type, own_iv ? iv : NULL, own_iv ? row->iv : 0};

	operation_cancel(&operation);
	assert_int_equal(operation_begin(&operation, kind, row, &mechanism, &key), CKR_OK);
}

static CK_RV run(enum operation_part part, const uint8_t *in, size_t in_len, uint8_t *out,
		 CK_ULONG *out_len)
{
	return operation_run(&operation, part, in, in_len, out, out_len);
}

static void one_block(uint8_t block[16])
{
	fake_cipher("ecb(aes)", secret, 32, false, NULL, block, 16, block);
}

/* SP 800-38F, algorithm 1, to the letter: semiblocks that move on by one place at each step. In
 * place, on LEN bytes. */
static void w(uint8_t *s, size_t len)
{
	uint8_t block[16];

	for (uint64_t t = 1; t <= 6 * (len / 8 - 1); t++) {
		memcpy(block, s, 16);
		one_block(block);
		memmove(s + 8, s + 16, len - 16);
		memcpy(s + len - 8, block + 8, 8);
		for (int i = 0; i < 8; i++)
			s[i] = block[i] ^ (uint8_t)(t >> (56 - 8 * i));
	}
}

/* Wraps LEN bytes of PADDED as they are, with the length CLAIMED in KWP's initial value, into
 * WRAPPED; the length of that. */
static size_t wrap_raw(const uint8_t *padded, size_t len, uint32_t claimed)
{
	memset(wrapped, 0xa6, 8);
	if (own_iv)
		memcpy(wrapped, iv, kwp ? 4 : 8);
	else if (kwp)
		memcpy(wrapped, "\xa6\x59\x59\xa6", 4);
	for (int i = 0; kwp && i < 4; i++)
		wrapped[4 + i] = (uint8_t)(claimed >> (24 - 8 * i));
	memcpy(wrapped + 8, padded, len);
	if (kwp && len == 8)
		one_block(wrapped);
	else
		w(wrapped, len + 8);
	return len + 8;
}

/* LEN bytes of the message, padded as the row does and wrapped; 0 where it does not. */
static size_t wrap(size_t len)
{
	static uint8_t padded[LARGE + 8];
	size_t pad = kwp ? (8 - len % 8) % 8 : row->padded ? 8 - len % 8 : 0;

	if ((len + pad) % 8 || len + pad < (kwp ? 8 : 16))
		return 0;
	memcpy(padded, message, len);
	memset(padded + len, kwp ? 0 : (int)pad, pad);
	return wrap_raw(padded, len + pad, (uint32_t)len);
}

static void check_wrap(size_t len, size_t wrapped_len, bool in_place)
{
	uint8_t *out = malloc(wrapped_len + 1), *own = in_place ? out : malloc(len + 1);
	CK_ULONG out_len = 0;

	memcpy(own, message, len);
	out[wrapped_len] = 0xa5;
	begin(false);
	fake_calls_forget();
	assert_int_equal(run(OPERATION_ALL, own, len, NULL, &out_len), CKR_OK);
	assert_int_equal(out_len, wrapped_len);
	out_len = wrapped_len - 1;
	assert_int_equal(run(OPERATION_ALL, own, len, out, &out_len), CKR_BUFFER_TOO_SMALL);
	assert_int_equal(out_len, wrapped_len);
	assert_int_equal(fake_calls("alg_send"), 0);
	assert_int_equal(run(OPERATION_ALL, own, len, out, &out_len), CKR_OK);
	assert_int_equal(out_len, wrapped_len);
	assert_memory_equal(out, wrapped, wrapped_len);
	assert_int_equal(out[wrapped_len], 0xa5);
	assert_null(operation.mechanism);
	if (!in_place)
		free(own);
	free(out);
}

/* Into memory of just ROOM bytes, which are enough. */
static void check_unwrap(size_t len, size_t wrapped_len, size_t room, bool in_place)
{
	size_t size = in_place ? wrapped_len : room;
	uint8_t *out = malloc(size + 1), *own = in_place ? out : malloc(wrapped_len);
	CK_ULONG out_len = room;

	memcpy(own, wrapped, wrapped_len);
	out[size] = 0xa5;
	begin(true);
	assert_int_equal(run(OPERATION_ALL, own, wrapped_len, out, &out_len), CKR_OK);
	assert_int_equal(out_len, len);
	assert_memory_equal(out, message, len);
	assert_int_equal(out[size], 0xa5);
	assert_null(operation.mechanism);
	if (!in_place)
		free(own);
	free(out);
}

static void every_length_is_wrapped_and_unwrapped(void **state)
{
	for (size_t t = 0; t < 8; t++) {
		choose(t);
		own_iv = t / 4;
		for (size_t len = 0; len <= LONGEST; len++) {
			size_t wrapped_len = wrap(len);
			uint8_t out[LONGEST + 16];

			if (!wrapped_len) {
				begin(false);
				assert_int_equal(run(OPERATION_ALL, message, len, out,
						     &(CK_ULONG){sizeof(out)}),
						 CKR_DATA_LEN_RANGE);
				assert_null(operation.mechanism);
				continue;
			}
			for (int in_place = 0; in_place < 2; in_place++) {
				check_wrap(len, wrapped_len, in_place);
				check_unwrap(len, wrapped_len, len, in_place);
				check_unwrap(len, wrapped_len, wrapped_len, in_place);
			}
		}
	}
}

/* The number of the step is more than a byte, and more than two. */
static void long_messages_count_on(void **state)
{
	static const size_t lengths[] = {336, 344, 352, 4096, LARGE};

	for (size_t i = 0; i < 5; i++) {
		size_t wrapped_len;

		choose(lengths[i] == LARGE ? 0 : i);
		wrapped_len = wrap(lengths[i]);
		check_wrap(lengths[i], wrapped_len, false);
		check_unwrap(lengths[i], wrapped_len, wrapped_len, false);
	}
}

static void every_split_gives_the_same(void **state)
{
	uint8_t out[LONGEST + 16];

	for (size_t t = 0; t < 4; t++) {
		choose(t);
		for (size_t len = 24; len <= (row->padded || kwp ? 41 : 40); len += kwp ? 1 : 8) {
			size_t wrapped_len = wrap(len);

			for (int decrypt = 0; decrypt < 2; decrypt++) {
				size_t in_len = decrypt ? wrapped_len : len;
				const uint8_t *in = decrypt ? wrapped : message;

				for (size_t first = 0; first <= in_len; first++) {
					CK_ULONG out_len = 0;

					begin(decrypt);
					assert_int_equal(
						run(OPERATION_NEXT, in, first, out, &out_len),
						CKR_OK);
					assert_int_equal(out_len, 0);
					assert_int_equal(run(OPERATION_NEXT, in + first,
							     in_len - first, out, &out_len),
							 CKR_OK);
					assert_int_equal(out_len, 0);
					out_len = sizeof(out);
					assert_int_equal(run(OPERATION_END, NULL, 0, out, &out_len),
							 CKR_OK);
					assert_int_equal(out_len, decrypt ? len : wrapped_len);
					assert_memory_equal(out, decrypt ? message : wrapped,
							    out_len);
				}
			}
		}
	}
}

/* As exact as it gets once the room is within two semiblocks of the whole; and it goes on. */
static void too_small_a_buffer_learns_the_length(void **state)
{
	for (size_t t = 0; t < 4; t++) {
		choose(t);
		for (size_t len = 1; len <= 48; len++) {
			size_t wrapped_len = wrap(len);

			for (size_t room = 0; wrapped_len && room < len; room++) {
				uint8_t *out = malloc(room + 1), again[64];
				bool near = (kwp || row->padded) && room + 16 >= wrapped_len;
				CK_ULONG out_len = 0;

				begin(true);
				fake_calls_forget();
				assert_int_equal(
					run(OPERATION_ALL, wrapped, wrapped_len, NULL, &out_len),
					CKR_OK);
				assert_int_equal(out_len, wrapped_len - 8);
				assert_int_equal(fake_calls("alg_send"), 0);
				out_len = room;
				assert_int_equal(
					run(OPERATION_ALL, wrapped, wrapped_len, out, &out_len),
					CKR_BUFFER_TOO_SMALL);
				assert_int_equal(out_len, near ? len : wrapped_len - 8);
				out_len = len;
				assert_int_equal(
					run(OPERATION_ALL, wrapped, wrapped_len, again, &out_len),
					CKR_OK);
				assert_int_equal(out_len, len);
				assert_memory_equal(again, message, len);
				free(out);
			}
		}
	}
}

/* INVALID, whatever is wrong, and no byte of text; the socket is clean and goes on. */
static void refuse(size_t wrapped_len, size_t room)
{
	uint8_t out[LONGEST + 16];
	CK_ULONG out_len = room;

	memset(out, 0xa5, sizeof(out));
	begin(true);
	assert_int_equal(run(OPERATION_ALL, wrapped, wrapped_len, out, &out_len),
			 CKR_ENCRYPTED_DATA_INVALID);
	assert_null(operation.mechanism);
	for (size_t i = 0; i < sizeof(out); i++)
		assert_int_equal(out[i], 0xa5);
	assert_int_equal(fake_open_sockets(), 1);
}

static void every_wrong_bit_is_seen(void **state)
{
	static const size_t lengths[] = {5, 8, 16, 20, 24, 33};

	for (size_t t = 0; t < 4; t++) {
		choose(t);
		for (size_t i = 0; i < 6; i++) {
			size_t wrapped_len = wrap(lengths[i]);

			for (size_t bit = 0; bit < 8 * wrapped_len; bit++) {
				wrapped[bit / 8] ^= (uint8_t)(1 << bit % 8);
				refuse(wrapped_len, sizeof(wrapped));
				/* Also where only the length is to be told. */
				if (kwp || row->padded)
					refuse(wrapped_len, wrapped_len - 16);
				wrapped[bit / 8] ^= (uint8_t)(1 << bit % 8);
			}
		}
	}
}

static void every_wrong_bit_of_the_initial_value_is_seen(void **state)
{
	for (size_t t = 0; t < 4; t++) {
		choose(t);
		own_iv = true;
		for (size_t bit = 0; bit < 8 * row->iv; bit++) {
			size_t wrapped_len = wrap(16);

			iv[bit / 8] ^= (uint8_t)(1 << bit % 8);
			refuse(wrapped_len, sizeof(wrapped));
			iv[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		/* The default is another one, both ways. */
		wrap(16);
		own_iv = false;
		refuse(24, sizeof(wrapped));
		wrap(16);
		own_iv = true;
		refuse(24, sizeof(wrapped));
	}
}

static void every_wrong_padding_is_refused(void **state)
{
	uint8_t padded[24];

	for (size_t t = 1; t < 3; t++) {
		choose(t);
		for (unsigned int pad = 0; pad < 256; pad++) {
			bool good = pad >= 1 && pad <= 8;
			size_t text = 24 - (good ? pad : 8);

			memcpy(padded, message, text);
			memset(padded + text, (int)pad, 24 - text);
			if (!good) {
				refuse(wrap_raw(padded, 24, 0), 24);
				continue;
			}
			check_unwrap(text, wrap_raw(padded, 24, 0), 24, false);
			for (size_t at = text; at < 24; at++) {
				padded[at] ^= 0x80;
				refuse(wrap_raw(padded, 24, 0), 24);
				padded[at] ^= 0x80;
			}
		}
	}
}

/* SP 800-38F, algorithm 6, steps 5 to 8. */
static void every_wrong_length_or_padding_of_kwp_is_refused(void **state)
{
	static const uint32_t far[] = {0x100,      0x10000, 0x1000000,  0x80000000,
				       UINT32_MAX, 0x114,   0x01000014, 0xfffffff8};
	uint8_t padded[24] = {0};

	choose(3);
	for (size_t size = 8; size <= 24; size += 8) {
		for (uint32_t claimed = 0; claimed <= 40; claimed++) {
			bool good = claimed <= size && claimed + 8 > size && claimed;

			memset(padded, 0, sizeof(padded));
			memcpy(padded, message, claimed < size ? claimed : size);
			if (!good) {
				refuse(wrap_raw(padded, size, claimed), sizeof(wrapped));
				continue;
			}
			check_unwrap(claimed, wrap_raw(padded, size, claimed), size, false);
			for (size_t at = claimed; at < size; at++) {
				padded[at] = 0x80;
				refuse(wrap_raw(padded, size, claimed), sizeof(wrapped));
				padded[at] = 1;
				refuse(wrap_raw(padded, size, claimed), sizeof(wrapped));
				padded[at] = 0;
			}
		}
		for (size_t i = 0; i < sizeof(far) / sizeof(*far); i++)
			refuse(wrap_raw(padded, size, far[i] + (uint32_t)size), sizeof(wrapped));
		refuse(wrap_raw(padded, size, UINT32_MAX), sizeof(wrapped));
	}
}

static void lengths_that_nothing_wrapped_has_are_refused(void **state)
{
	uint8_t out[64];

	for (size_t t = 0; t < 4; t++) {
		choose(t);
		for (size_t len = 0; len <= 50; len++) {
			bool may = len % 8 == 0 && len >= (kwp ? 16 : 24);
			CK_ULONG out_len = 0;

			begin(true);
			assert_int_equal(run(OPERATION_ALL, message, len, NULL, &out_len),
					 may ? CKR_OK : CKR_ENCRYPTED_DATA_LEN_RANGE);
			begin(true);
			assert_int_equal(run(OPERATION_NEXT, message, len, out, &out_len), CKR_OK);
			if (!may) {
				assert_int_equal(run(OPERATION_END, NULL, 0, out, &out_len),
						 CKR_ENCRYPTED_DATA_LEN_RANGE);
				assert_null(operation.mechanism);
			}
		}
	}
	assert_int_equal(fake_calls("alg_send"), 0);
}

/* Nothing so long is worth its system calls, and nothing of it is kept. */
static void long_messages_are_refused(void **state)
{
	enum { MOST = 96 * 1024 };
	uint8_t out[16];
	CK_ULONG len;

	for (size_t t = 0; t < 4; t++) {
		choose(t);
		begin(false);
		assert_int_equal(run(OPERATION_NEXT, message, 16, out, &(CK_ULONG){0}), CKR_OK);
		assert_int_equal(run(OPERATION_NEXT, message, SIZE_MAX - 15, out, &(CK_ULONG){0}),
				 CKR_DATA_LEN_RANGE);
		assert_null(operation.mechanism);
		begin(false);
		assert_int_equal(run(OPERATION_ALL, message, SIZE_MAX - 7, NULL, &(CK_ULONG){0}),
				 CKR_DATA_LEN_RANGE);
		begin(true);
		assert_int_equal(run(OPERATION_NEXT, message, SIZE_MAX / 2, out, &(CK_ULONG){0}),
				 CKR_ENCRYPTED_DATA_LEN_RANGE);
		begin(true);
		len = SIZE_MAX;
		assert_int_equal(run(OPERATION_ALL, message, MOST + 24, out, &len),
				 CKR_ENCRYPTED_DATA_LEN_RANGE);
		begin(false);
		assert_int_equal(run(OPERATION_ALL, message, MOST + 8, NULL, &len),
				 CKR_DATA_LEN_RANGE);
		begin(false);
		assert_int_equal(
			run(OPERATION_ALL, message, row->padded ? MOST - 1 : MOST, NULL, &len),
			CKR_OK);
		assert_int_equal(len, MOST + 8);
		operation_cancel(&operation);
	}
}

/* Two system calls a step. */
static void it_costs_six_steps_a_semiblock(void **state)
{
	uint8_t out[64];

	for (size_t t = 0; t < 4; t++) {
		choose(t);
		for (size_t len = 8; len <= 40; len += 8) {
			size_t wrapped_len = wrap(len), n = wrapped_len / 8 - 1;
			size_t steps = kwp && n == 1 ? 1 : 6 * n;

			for (int decrypt = 0; wrapped_len && decrypt < 2; decrypt++) {
				begin(decrypt);
				fake_calls_forget();
				assert_int_equal(run(OPERATION_ALL, decrypt ? wrapped : message,
						     decrypt ? wrapped_len : len, out,
						     &(CK_ULONG){sizeof(out)}),
						 CKR_OK);
				assert_int_equal(fake_calls("alg_send"), steps);
				assert_int_equal(fake_calls("alg_recv"), steps);
			}
		}
	}
}

static void check_failure(bool decrypt, size_t room, size_t wrapped_len)
{
	static const char *const functions[] = {"alg_send", "alg_recv"};
	unsigned int steps = (unsigned int)(6 * (wrapped_len / 8 - 1));

	for (unsigned int i = 0; i < 2 * steps; i++) {
		uint8_t out[64];
		CK_ULONG out_len = room;

		memset(out, 0xa5, sizeof(out));
		begin(decrypt);
		fake_fail(functions[i % 2], 1 + i / 2, -ENOMEM);
		assert_int_equal(run(OPERATION_ALL, decrypt ? wrapped : message,
				     decrypt ? wrapped_len : 24, out, &out_len),
				 CKR_DEVICE_MEMORY);
		for (size_t at = 0; at < sizeof(out); at++)
			assert_int_equal(out[at], 0xa5);
		assert_null(operation.mechanism);
		assert_int_equal(fake_open_sockets(), 0);
	}
}

static void a_failure_at_any_step_leaves_nothing(void **state)
{
	for (size_t t = 0; t < 4; t++) {
		choose(t);
		check_failure(false, 64, wrap(24));
		check_failure(true, 64, wrap(24));
		/* Where the room is too small, unwrapping comes to tell the length. */
		if (kwp || row->padded)
			check_failure(true, wrap(24) - 16, wrap(24));
	}
}

/* All of it, also where it was wrong or served for its length only. */
static void what_was_unwrapped_is_wiped(void **state)
{
	uint8_t out[64];

	choose(3);
	looked_for = wrap(30);
	for (int round = 0; round < 3; round++) {
		CK_ULONG len = round ? looked_for - 16 : sizeof(out);

		begin(true);
		wiped = 0;
		wrapped[0] ^= round == 2;
		assert_int_equal(run(OPERATION_ALL, wrapped, looked_for, out, &len),
				 round == 0   ? CKR_OK
				 : round == 1 ? CKR_BUFFER_TOO_SMALL
					      : CKR_ENCRYPTED_DATA_INVALID);
		assert_int_equal(wiped, 1);
	}
	looked_for = 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(every_length_is_wrapped_and_unwrapped),
		TEST(long_messages_count_on),
		TEST(every_split_gives_the_same),
		TEST(too_small_a_buffer_learns_the_length),
		TEST(every_wrong_bit_is_seen),
		TEST(every_wrong_bit_of_the_initial_value_is_seen),
		TEST(every_wrong_padding_is_refused),
		TEST(every_wrong_length_or_padding_of_kwp_is_refused),
		TEST(lengths_that_nothing_wrapped_has_are_refused),
		TEST(long_messages_are_refused),
		TEST(it_costs_six_steps_a_semiblock),
		TEST(a_failure_at_any_step_leaves_nothing),
		TEST(what_was_unwrapped_is_wiped),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("keywrap", tests, NULL, NULL);
}
