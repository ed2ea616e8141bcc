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
#include "mech/operation.h"

enum { LONGEST = 67, BLOCK = 16, LARGE = 300000 };

static const CK_MECHANISM_TYPE types[] = {CKM_AES_ECB, CKM_AES_CBC, CKM_AES_CBC_PAD, CKM_AES_CTR};
static uint8_t iv[16], message[LARGE + 2 * BLOCK], coded[LARGE + 2 * BLOCK];
static struct operation operation;

static int arm(const struct transform_key *key, int transform)
{
	return alg_set_key(transform, "0123456789abcdef", 16);
}

static const struct transform_key key = {.id = 1, .constant = true, .arm = arm};

static int setup(void **state)
{
	fake_reset();
	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)(i * 31 + i / 251);
	for (size_t i = 0; i < sizeof(iv); i++)
		iv[i] = (uint8_t)(0xf1 + i * 3);
	return 0;
}

static int teardown(void **state)
{
	operation_cancel(&operation);
	transform_purge(0);
	return fake_open_sockets() ? -1 : 0;
}

static CK_RV begin_bits(CK_MECHANISM_TYPE type, bool decrypt, CK_ULONG bits)
{
	CK_AES_CTR_PARAMS ctr = {.counter_bits = bits};
	CK_MECHANISM mechanism = {type, iv, sizeof(iv)};

	memcpy(ctr.cb, iv, sizeof(iv));
	if (type == CKM_AES_ECB)
		mechanism = (CK_MECHANISM){type, NULL, 0};
	if (type == CKM_AES_CTR)
		mechanism = (CK_MECHANISM){type, &ctr, sizeof(ctr)};
	operation_cancel(&operation);
	return operation_begin(&operation, decrypt ? OPERATION_DECRYPT : OPERATION_ENCRYPT,
			       mechanism_find(type), &mechanism, &key);
}

static void begin(CK_MECHANISM_TYPE type, bool decrypt)
{
	assert_int_equal(begin_bits(type, decrypt, 128), CKR_OK);
}

static bool pads(CK_MECHANISM_TYPE type)
{
	return type == CKM_AES_CBC_PAD;
}

/* The kernel's answer to plain bytes as they are, in CODED. */
static void encode_raw(CK_MECHANISM_TYPE type, const uint8_t *plain, size_t len)
{
	fake_cipher(mechanism_find(type)->kernel_name, "0123456789abcdef", 16, false,
		    type == CKM_AES_ECB ? NULL : iv, plain, len, coded);
}

/* What TYPE makes of LEN bytes of the message, in CODED; its length. Padding: RFC 5652, 6.3. */
static size_t encode(CK_MECHANISM_TYPE type, size_t len)
{
	static uint8_t plain[sizeof(message)];
	size_t pad = pads(type) ? BLOCK - len % BLOCK : 0;

	memcpy(plain, message, len);
	memset(plain + len, (int)pad, pad);
	encode_raw(type, plain, len + pad);
	return len + pad;
}

static bool takes(CK_MECHANISM_TYPE type, size_t len)
{
	return type == CKM_AES_CTR || pads(type) || len % BLOCK == 0;
}

static CK_RV run(enum operation_part part, const uint8_t *in, size_t in_len, uint8_t *out,
		 CK_ULONG *out_len)
{
	return operation_run(&operation, part, in, in_len, out, out_len);
}

/* One part from memory that is just as long, so that the sanitizer sees every byte too far. */
static void check_whole(CK_MECHANISM_TYPE type, bool decrypt, bool in_place, const uint8_t *in,
			size_t in_len, const uint8_t *expected, size_t expected_len)
{
	size_t room = in_place && in_len > expected_len ? in_len : expected_len;
	uint8_t *out = malloc(room + 1), *own = in_place ? out : malloc(in_len + 1);
	CK_ULONG out_len = room;

	memset(out, 0xa5, room + 1);
	memcpy(own, in, in_len);
	begin(type, decrypt);
	assert_int_equal(run(OPERATION_ALL, own, in_len, out, &out_len), CKR_OK);
	assert_int_equal(out_len, expected_len);
	assert_memory_equal(out, expected, expected_len);
	assert_int_equal(out[room], 0xa5);
	assert_null(operation.mechanism);
	if (!in_place)
		free(own);
	free(out);
}

static void every_length_passes_in_one_part(void **state)
{
	for (size_t t = 0; t < 4; t++) {
		for (size_t len = 0; len <= LONGEST; len++) {
			size_t coded_len = encode(types[t], len);

			for (int in_place = 0; takes(types[t], len) && in_place < 2; in_place++) {
				check_whole(types[t], false, in_place, message, len, coded,
					    coded_len);
				check_whole(types[t], true, in_place, coded, coded_len, message,
					    len);
			}
		}
	}
}

static void lengths_that_do_not_fit_are_refused(void **state)
{
	uint8_t out[128];

	for (size_t t = 0; t < 4; t++) {
		for (size_t len = 0; len <= LONGEST; len++) {
			CK_ULONG out_len = sizeof(out);
			bool fits = pads(types[t]) ? len && len % BLOCK == 0 : takes(types[t], len);

			if (!takes(types[t], len)) {
				begin(types[t], false);
				assert_int_equal(run(OPERATION_ALL, message, len, out, &out_len),
						 CKR_DATA_LEN_RANGE);
			}
			if (fits)
				continue;
			out_len = sizeof(out);
			begin(types[t], true);
			assert_int_equal(run(OPERATION_ALL, message, len, out, &out_len),
					 CKR_ENCRYPTED_DATA_LEN_RANGE);
			begin(types[t], true);
			out_len = sizeof(out);
			assert_int_equal(run(OPERATION_NEXT, message, len, out, &out_len), CKR_OK);
			out_len = sizeof(out);
			assert_int_equal(run(OPERATION_END, NULL, 0, out, &out_len),
					 CKR_ENCRYPTED_DATA_LEN_RANGE);
			assert_null(operation.mechanism);
		}
	}
	begin(CKM_AES_CTR, false);
	assert_int_equal(run(OPERATION_ALL, message, SIZE_MAX, NULL, &(CK_ULONG){0}),
			 CKR_DATA_LEN_RANGE);
	begin(CKM_AES_CBC_PAD, false);
	assert_int_equal(run(OPERATION_ALL, message, SIZE_MAX - 3, NULL, &(CK_ULONG){0}),
			 CKR_DATA_LEN_RANGE);
}

/* The bytes that are out after IN bytes are in: all whole blocks, but when padding is to be taken
 * off, what may be the last one waits. */
static size_t out_after(CK_MECHANISM_TYPE type, bool decrypt, size_t in)
{
	return pads(type) && decrypt && in ? (in - 1) / BLOCK * BLOCK : in / BLOCK * BLOCK;
}

static void check_parts(CK_MECHANISM_TYPE type, bool decrypt, bool in_place, const uint8_t *in,
			const size_t *parts, size_t n, const uint8_t *expected, size_t expected_len)
{
	size_t taken = 0, made = 0;
	CK_ULONG out_len;
	uint8_t last[2 * BLOCK];

	begin(type, decrypt);
	for (size_t i = 0; i < n; taken += parts[i++]) {
		size_t due = out_after(type, decrypt, taken + parts[i]) - made;
		size_t room = in_place && parts[i] > due ? parts[i] : due;
		uint8_t *out = malloc(room + 1), *own = in_place ? out : malloc(parts[i] + 1);

		memcpy(own, in + taken, parts[i]);
		if (due) {
			out_len = due - 1;
			assert_int_equal(run(OPERATION_NEXT, own, parts[i], out, &out_len),
					 CKR_BUFFER_TOO_SMALL);
			assert_int_equal(out_len, due);
		}
		out_len = room;
		assert_int_equal(run(OPERATION_NEXT, own, parts[i], out, &out_len), CKR_OK);
		assert_int_equal(out_len, due);
		assert_memory_equal(out, expected + made, due);
		made += due;
		if (!in_place)
			free(own);
		free(out);
	}
	out_len = sizeof(last);
	assert_int_equal(run(OPERATION_END, NULL, 0, last, &out_len), CKR_OK);
	assert_int_equal(made + out_len, expected_len);
	assert_memory_equal(last, expected + made, out_len);
}

static void check_both(CK_MECHANISM_TYPE type, size_t len, const size_t *parts, size_t n)
{
	size_t coded_len = encode(type, len), more[4];

	memcpy(more, parts, n * sizeof(*parts));
	/* What the padding adds comes with the last part. */
	more[n - 1] += coded_len - len;
	for (int in_place = 0; in_place < 2; in_place++) {
		check_parts(type, false, in_place, message, parts, n, coded, coded_len);
		check_parts(type, true, in_place, coded, more, n, message, len);
	}
}

static void every_split_in_two_gives_the_same(void **state)
{
	for (size_t t = 0; t < 4; t++) {
		for (size_t len = 0; len <= LONGEST; len++) {
			for (size_t first = 0; takes(types[t], len) && first <= len; first++) {
				const size_t parts[] = {first, len - first};

				check_both(types[t], len, parts, 2);
			}
		}
	}
}

static void every_split_in_three_gives_the_same(void **state)
{
	for (size_t t = 0; t < 4; t++) {
		size_t len = types[t] == CKM_AES_CTR ? 53 : 48;

		for (size_t first = 0; first <= len; first++) {
			for (size_t second = 0; first + second <= len; second++) {
				const size_t parts[] = {first, second, 0, len - first - second};

				check_both(types[t], len, parts, 4);
			}
		}
	}
}

/* Decrypts the last of two blocks, made to be PLAIN, with all the rest right. */
static CK_RV unpad(const uint8_t plain[BLOCK], bool parts, uint8_t out[2 * BLOCK],
		   CK_ULONG *out_len)
{
	uint8_t blocks[2 * BLOCK];
	CK_ULONG first = 2 * BLOCK;

	memcpy(blocks, message, BLOCK);
	memcpy(blocks + BLOCK, plain, BLOCK);
	encode_raw(CKM_AES_CBC, blocks, sizeof(blocks));
	memset(out, 0xa5, 2 * BLOCK);
	begin(CKM_AES_CBC_PAD, true);
	*out_len = 2 * BLOCK;
	if (!parts)
		return run(OPERATION_ALL, coded, sizeof(blocks), out, out_len);
	assert_int_equal(run(OPERATION_NEXT, coded, sizeof(blocks), out, &first), CKR_OK);
	assert_int_equal(first, BLOCK);
	*out_len = BLOCK;
	return run(OPERATION_END, NULL, 0, out + BLOCK, out_len);
}

static void every_wrong_padding_is_refused(void **state)
{
	uint8_t plain[BLOCK], out[2 * BLOCK];
	CK_ULONG out_len;

	for (int parts = 0; parts < 2; parts++) {
		for (unsigned int pad = 0; pad < 256; pad++) {
			bool good = pad >= 1 && pad <= BLOCK;

			memset(plain, (int)pad, sizeof(plain));
			assert_int_equal(unpad(plain, parts, out, &out_len),
					 good ? CKR_OK : CKR_ENCRYPTED_DATA_INVALID);
			assert_null(operation.mechanism);
			if (good)
				assert_int_equal(out_len, (parts ? 1 : 2) * BLOCK - pad);
			for (size_t i = parts ? BLOCK : 0; !good && i < 2 * BLOCK; i++)
				assert_true(out[i] == 0 || out[i] == 0xa5);
			/* Each byte of the padding but the last, which says how many there are. */
			for (unsigned int at = 1; good && at < BLOCK; at++) {
				memset(plain, (int)pad, sizeof(plain));
				plain[BLOCK - 1 - at] ^= 0x20;
				assert_int_equal(unpad(plain, parts, out, &out_len),
						 at < pad ? CKR_ENCRYPTED_DATA_INVALID : CKR_OK);
				for (size_t i = parts ? BLOCK : 0; at < pad && i < 2 * BLOCK; i++)
					assert_true(out[i] == 0 || out[i] == 0xa5);
			}
		}
	}
}

/* C_Decrypt of padded data says what it needs, exactly where that decides, and goes on. */
static void too_small_a_buffer_for_padded_data_learns_the_length(void **state)
{
	for (size_t len = 0; len <= LONGEST; len++) {
		size_t coded_len = encode(CKM_AES_CBC_PAD, len);

		for (size_t room = 0; room < coded_len; room++) {
			uint8_t *out = malloc(room + 1), *again = malloc(len + 1);
			CK_ULONG out_len = 0, need;
			CK_RV rv;

			begin(CKM_AES_CBC_PAD, true);
			assert_int_equal(run(OPERATION_ALL, coded, coded_len, NULL, &out_len),
					 CKR_OK);
			assert_in_range(out_len, len, coded_len);
			out_len = room;
			rv = run(OPERATION_ALL, coded, coded_len, out, &out_len);
			assert_int_equal(rv, room < len ? CKR_BUFFER_TOO_SMALL : CKR_OK);
			if (rv == CKR_OK) {
				assert_int_equal(out_len, len);
				assert_memory_equal(out, message, len);
			} else {
				/* As exact as it gets once the room is within a block of it. */
				need = room >= coded_len - BLOCK ? len : coded_len - 1;
				assert_int_equal(out_len, need);
				out_len = len;
				assert_int_equal(
					run(OPERATION_ALL, coded, coded_len, again, &out_len),
					CKR_OK);
				assert_int_equal(out_len, len);
				assert_memory_equal(again, message, len);
			}
			free(again);
			free(out);
		}
	}
}

static void too_small_a_buffer_at_the_end_of_parts_does_too(void **state)
{
	uint8_t first[3 * BLOCK];

	for (size_t len = 0; len <= 2 * BLOCK; len++) {
		size_t coded_len = encode(CKM_AES_CBC_PAD, len), rest;

		for (size_t room = 0; room <= BLOCK; room++) {
			uint8_t *out = malloc(room + 1), last[BLOCK];
			CK_ULONG first_len = sizeof(first), out_len = room;

			begin(CKM_AES_CBC_PAD, true);
			assert_int_equal(run(OPERATION_NEXT, coded, coded_len, first, &first_len),
					 CKR_OK);
			assert_memory_equal(first, message, first_len);
			rest = len - first_len;
			if (room < rest) {
				for (int i = 0; i < 2; i++) {
					out_len = room;
					assert_int_equal(run(OPERATION_END, NULL, 0, out, &out_len),
							 CKR_BUFFER_TOO_SMALL);
					assert_int_equal(out_len, rest);
				}
				assert_int_equal(run(OPERATION_END, NULL, 0, NULL, &out_len),
						 CKR_OK);
				assert_in_range(out_len, rest, BLOCK);
				out_len = rest;
				assert_int_equal(run(OPERATION_END, NULL, 0, last, &out_len),
						 CKR_OK);
				assert_memory_equal(last, message + first_len, rest);
			} else {
				assert_int_equal(run(OPERATION_END, NULL, 0, out, &out_len),
						 CKR_OK);
				assert_memory_equal(out, message + first_len, rest);
			}
			assert_int_equal(out_len, rest);
			assert_null(operation.mechanism);
			free(out);
		}
	}
}

/* The last block was decrypted ahead to learn its length; then more comes after all, into a buffer
 * of no bytes. */
static void an_update_after_a_refused_final_writes_nothing_too_far(void **state)
{
	uint8_t first[BLOCK], *none = malloc(1);
	size_t coded_len = encode(CKM_AES_CBC_PAD, 3);
	CK_ULONG len = sizeof(first);
	CK_RV rv;

	begin(CKM_AES_CBC_PAD, true);
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
		assert_int_equal(len, BLOCK);
	free(none);
}

static void a_message_may_not_outlast_its_counter(void **state)
{
	uint8_t out[LONGEST + BLOCK];
	CK_ULONG len;

	/* Three blocks until the low four bits are 0 again. */
	iv[15] = 0xed;
	for (size_t size = 0; size <= LONGEST; size++) {
		assert_int_equal(begin_bits(CKM_AES_CTR, false, 4), CKR_OK);
		len = sizeof(out);
		assert_int_equal(run(OPERATION_ALL, message, size, out, &len),
				 size <= 48 ? CKR_OK : CKR_DATA_LEN_RANGE);
		assert_int_equal(begin_bits(CKM_AES_CTR, true, 4), CKR_OK);
		len = sizeof(out);
		assert_int_equal(run(OPERATION_ALL, message, size, out, &len),
				 size <= 48 ? CKR_OK : CKR_ENCRYPTED_DATA_LEN_RANGE);
		for (size_t first = 0; first <= size && first <= 48; first++) {
			assert_int_equal(begin_bits(CKM_AES_CTR, false, 4), CKR_OK);
			len = sizeof(out);
			assert_int_equal(run(OPERATION_NEXT, message, first, out, &len), CKR_OK);
			len = sizeof(out);
			assert_int_equal(run(OPERATION_NEXT, message, size - first, out, &len),
					 size <= 48 ? CKR_OK : CKR_DATA_LEN_RANGE);
		}
	}
	/* All 128 bits, the last block before the wrap. */
	memset(iv, 0xff, sizeof(iv));
	begin(CKM_AES_CTR, false);
	len = sizeof(out);
	assert_int_equal(run(OPERATION_ALL, message, 17, out, &len), CKR_DATA_LEN_RANGE);
	begin(CKM_AES_CTR, false);
	len = sizeof(out);
	assert_int_equal(run(OPERATION_ALL, message, 16, out, &len), CKR_OK);
}

static void check_large(CK_MECHANISM_TYPE type, bool decrypt, bool in_place, size_t waiting)
{
	size_t len = LARGE - (takes(type, 1) ? 5 : LARGE % BLOCK), coded_len = encode(type, len);
	const uint8_t *in = decrypt ? coded : message, *expected = decrypt ? message : coded;
	size_t in_len = decrypt ? coded_len : len, made;
	uint8_t *buffer = malloc(2 * (in_len + BLOCK)), *out, *at;
	CK_ULONG out_len = BLOCK;

	begin(type, decrypt);
	assert_int_equal(run(OPERATION_NEXT, in, waiting, buffer, &out_len), CKR_OK);
	assert_int_equal(out_len, 0);
	at = in_place ? buffer : buffer + in_len + BLOCK;
	memcpy(at, in + waiting, in_len - waiting);
	out_len = in_len + BLOCK;
	out = buffer;
	assert_int_equal(run(OPERATION_NEXT, at, in_len - waiting, out, &out_len), CKR_OK);
	made = out_len;
	assert_int_equal(made, out_after(type, decrypt, in_len));
	out_len = BLOCK;
	assert_int_equal(run(OPERATION_END, NULL, 0, out + made, &out_len), CKR_OK);
	assert_int_equal(made + out_len, decrypt ? len : coded_len);
	assert_memory_equal(out, expected, made + out_len);
	free(buffer);
}

/* More than one request takes, from every state of the tail, also where the output overtakes the
 * input in the caller's own buffer. */
static void large_messages_go_in_several_requests(void **state)
{
	static const size_t rooms[] = {4096, 5001, 65536, 208896};

	for (size_t r = 0; r < 4; r++) {
		for (size_t t = 0; t < 4; t++) {
			for (size_t waiting = 0; waiting < BLOCK; waiting += r ? 5 : 1) {
				for (int mode = 0; mode < 4; mode++) {
					fake_room(rooms[r]);
					transform_purge(0);
					check_large(types[t], mode & 1, mode & 2, waiting);
				}
			}
		}
		for (size_t t = 0; t < 4; t++) {
			size_t len = LARGE / BLOCK * BLOCK, coded_len = encode(types[t], len);

			check_whole(types[t], false, true, message, len, coded, coded_len);
			check_whole(types[t], true, true, coded, coded_len, message, len);
		}
	}
}

/* Not even what earlier requests made. */
static void a_failure_in_a_later_request_wipes_the_earlier_ones(void **state)
{
	static const char *const functions[] = {"alg_send", "alg_recv"};
	uint8_t *out = malloc(LARGE + BLOCK);

	fake_room(50000);
	for (size_t f = 0; f < 2; f++) {
		for (unsigned int nth = 1; nth <= 3; nth++) {
			CK_ULONG len = LARGE;

			begin(CKM_AES_CTR, true);
			memset(out, 0xa5, LARGE + BLOCK);
			fake_fail(functions[f], nth, -ENOMEM);
			assert_int_equal(run(OPERATION_ALL, message, LARGE, out, &len),
					 CKR_DEVICE_MEMORY);
			for (size_t i = 0; i < LARGE; i++)
				if (out[i])
					fail_msg("byte %zu is left", i);
			assert_int_equal(out[LARGE], 0xa5);
			assert_null(operation.mechanism);
			assert_int_equal(fake_open_sockets(), 0);
		}
	}
	fake_fail("alg_room", 1, -ENOBUFS);
	begin(CKM_AES_CTR, true);
	assert_int_equal(run(OPERATION_ALL, message, LARGE, out, &(CK_ULONG){LARGE}),
			 CKR_DEVICE_MEMORY);
	free(out);
}

static void a_failed_look_ahead_ends_the_operation(void **state)
{
	uint8_t out[BLOCK];
	size_t coded_len = encode(CKM_AES_CBC_PAD, 20);
	CK_ULONG len = BLOCK;

	begin(CKM_AES_CBC_PAD, true);
	fake_fail("alg_recv", 1, -EIO);
	assert_int_equal(run(OPERATION_ALL, coded, coded_len, out, &len), CKR_DEVICE_ERROR);
	assert_null(operation.mechanism);
	assert_int_equal(fake_open_sockets(), 0);
}

static void it_costs_what_af_alg_costs(void **state)
{
	uint8_t out[64];
	CK_ULONG len;

	for (size_t t = 0; t < 4; t++) {
		for (int decrypt = 0; decrypt < 2; decrypt++) {
			size_t coded_len = encode(types[t], 32);

			check_whole(types[t], false, false, message, 32, coded, coded_len);
			begin(types[t], decrypt);
			fake_calls_forget();
			len = sizeof(out);
			assert_int_equal(run(OPERATION_ALL, decrypt ? coded : message,
					     decrypt ? coded_len : 32, out, &len),
					 CKR_OK);
			assert_int_equal(fake_calls("alg_send"), 1);
			assert_int_equal(fake_calls("alg_recv"), 1);
			assert_int_equal(fake_calls("alg_room"), 0);
		}
	}
	/* Nothing to move, nothing to ask. */
	begin(CKM_AES_CBC, false);
	fake_calls_forget();
	len = sizeof(out);
	assert_int_equal(run(OPERATION_NEXT, message, 15, out, &len), CKR_OK);
	assert_int_equal(fake_calls("alg_send"), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(every_length_passes_in_one_part),
		TEST(lengths_that_do_not_fit_are_refused),
		TEST(every_split_in_two_gives_the_same),
		TEST(every_split_in_three_gives_the_same),
		TEST(every_wrong_padding_is_refused),
		TEST(too_small_a_buffer_for_padded_data_learns_the_length),
		TEST(too_small_a_buffer_at_the_end_of_parts_does_too),
		TEST(a_message_may_not_outlast_its_counter),
		TEST(large_messages_go_in_several_requests),
		TEST(a_failure_in_a_later_request_wipes_the_earlier_ones),
		TEST(a_failed_look_ahead_ends_the_operation),
		TEST(it_costs_what_af_alg_costs),
		TEST(an_update_after_a_refused_final_writes_nothing_too_far),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("cipher", tests, NULL, NULL);
}
