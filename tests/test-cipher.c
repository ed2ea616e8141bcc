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
#include "pkcs11-parameters.h"

enum { LARGE = 300000 };

static uint8_t iv[16], message[LARGE + 2 * ALG_BLOCK_MAX], coded[LARGE + 2 * ALG_BLOCK_MAX];
static CK_ULONG counter_bits;
static const struct mechanism *row;
static struct operation operation;

/* Each row takes as much of it as it can. */
static const char secret[] = "0123456789abcdef0123456789ABCDEFhijklmnopqrstuvwxyz012345";

static int arm(const struct transform_key *key, int transform)
{
	return alg_set_key(transform, secret, row->key_max);
}

static const struct transform_key key = {.id = 1, .constant = true, .arm = arm};

static int setup(void **state)
{
	fake_reset();
	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)(i * 31 + i / 251);
	for (size_t i = 0; i < sizeof(iv); i++)
		iv[i] = (uint8_t)(0x71 + i * 3);
	counter_bits = 0;
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

/* The next row of this engine, from the one before it or NULL. */
static bool next_row(void)
{
	for (row = row ? row + 1 : mechanisms; row < mechanisms + n_mechanisms; row++)
		if (row->engine == &cipher_engine && row->flags & CKF_ENCRYPT)
			return true;
	row = NULL;
	return false;
}

/* Counters have COUNTER_BITS; 0: as many as there may be. */
static CK_RV try_begin(bool decrypt)
{
	struct ctr_params ctr = {.counter_bits = counter_bits ? counter_bits : 128};
	size_t bytes = counter_bits ? counter_bits / 8 : 8;
	struct chacha20_params chacha = {iv, 8 * bytes, iv + bytes, 8 * (16 - bytes)};
	CK_MECHANISM mechanism = {row->type, row->iv ? iv : NULL, row->iv};

	memcpy(ctr.counter, iv, sizeof(iv));
	if (row->counted)
		mechanism = (CK_MECHANISM){row->type, &chacha, sizeof(chacha)};
	else if (row->decode == parameter_ctr)
		mechanism = (CK_MECHANISM){row->type, &ctr, sizeof(ctr)};
	operation_cancel(&operation);
	return operation_begin(&operation, decrypt ? OPERATION_DECRYPT : OPERATION_ENCRYPT, row,
			       &mechanism, &key);
}

static void begin(bool decrypt)
{
	assert_int_equal(try_begin(decrypt), CKR_OK);
}

/* The kernel's answer to plain bytes as they are, in CODED; where it does not chain, block by
 * block, with a counter of our own. */
static void encode_raw(const uint8_t *plain, size_t len)
{
	uint8_t own[16];

	if (!row->counted) {
		fake_cipher(row->kernel_name, secret, row->key_max, false, iv, plain, len, coded);
		return;
	}
	memcpy(own, iv, sizeof(own));
	for (size_t done = 0, some; done < len; done += some) {
		some = len - done < 64 ? len - done : 64;
		fake_cipher(row->kernel_name, secret, row->key_max, false, own, plain + done, some,
			    coded + done);
		for (int i = 0; i < 8 && !++own[i]; i++)
			;
	}
}

/* What comes of LEN bytes of the message, in CODED; its length. Padding: RFC 5652, 6.3. */
static size_t encode(size_t len)
{
	static uint8_t plain[sizeof(message)];
	size_t pad = row->padded ? row->block - len % row->block : 0;

	memcpy(plain, message, len);
	memset(plain + len, (int)pad, pad);
	if (row->stream || (len + pad) % row->block == 0)
		encode_raw(plain, len + pad);
	return len + pad;
}

static bool takes(size_t len)
{
	return row->stream || row->padded || len % row->block == 0;
}

static CK_RV run(enum operation_part part, const uint8_t *in, size_t in_len, uint8_t *out,
		 CK_ULONG *out_len)
{
	return operation_run(&operation, part, in, in_len, out, out_len);
}

/* One part from memory that is just as long, so that the sanitizer sees every byte too far. */
static void check_whole(bool decrypt, bool in_place, const uint8_t *in, size_t in_len,
			const uint8_t *expected, size_t expected_len)
{
	size_t room = in_place && in_len > expected_len ? in_len : expected_len;
	uint8_t *out = malloc(room + 1), *own = in_place ? out : malloc(in_len + 1);
	CK_ULONG out_len = room;

	memset(out, 0xa5, room + 1);
	memcpy(own, in, in_len);
	begin(decrypt);
	assert_int_equal(run(OPERATION_ALL, own, in_len, out, &out_len), CKR_OK);
	assert_int_equal(out_len, expected_len);
	assert_memory_equal(out, expected, expected_len);
	assert_int_equal(out[room], 0xa5);
	assert_null(operation.mechanism);
	if (!in_place)
		free(own);
	free(out);
}

static size_t longest(void)
{
	return row->block == 64 ? 133 : 4 * row->block + 3;
}

static void every_length_passes_in_one_part(void **state)
{
	size_t rows = 0;

	for (; next_row(); rows++) {
		for (size_t len = 0; len <= longest(); len++) {
			size_t coded_len = encode(len);

			for (int in_place = 0; takes(len) && in_place < 2; in_place++) {
				check_whole(false, in_place, message, len, coded, coded_len);
				check_whole(true, in_place, coded, coded_len, message, len);
			}
		}
	}
	assert_int_equal(rows, 24);
}

static void lengths_that_do_not_fit_are_refused(void **state)
{
	uint8_t out[256];

	while (next_row()) {
		for (size_t len = 0; len <= longest(); len++) {
			CK_ULONG out_len = sizeof(out);
			bool fits = row->padded ? len && len % row->block == 0 : takes(len);

			if (!takes(len)) {
				begin(false);
				assert_int_equal(run(OPERATION_ALL, message, len, out, &out_len),
						 CKR_DATA_LEN_RANGE);
			}
			if (fits)
				continue;
			out_len = sizeof(out);
			begin(true);
			assert_int_equal(run(OPERATION_ALL, message, len, out, &out_len),
					 CKR_ENCRYPTED_DATA_LEN_RANGE);
			begin(true);
			out_len = sizeof(out);
			assert_int_equal(run(OPERATION_NEXT, message, len, out, &out_len), CKR_OK);
			out_len = sizeof(out);
			assert_int_equal(run(OPERATION_END, NULL, 0, out, &out_len),
					 CKR_ENCRYPTED_DATA_LEN_RANGE);
			assert_null(operation.mechanism);
		}
		/* More than can be padded, or added to what waits. */
		begin(false);
		assert_int_equal(run(OPERATION_ALL, message, SIZE_MAX - 3, NULL, &(CK_ULONG){0}),
				 CKR_DATA_LEN_RANGE);
		begin(true);
		assert_int_equal(run(OPERATION_NEXT, message, 5, out, &(CK_ULONG){sizeof(out)}),
				 CKR_OK);
		assert_int_equal(run(OPERATION_NEXT, message, SIZE_MAX - 2, NULL, &(CK_ULONG){0}),
				 CKR_ENCRYPTED_DATA_LEN_RANGE);
		assert_null(operation.mechanism);
	}
}

/* The bytes that are out after IN bytes are in: all of a stream, else all whole blocks, but when
 * padding is to be taken off, what may be the last one waits. */
static size_t out_after(bool decrypt, size_t in)
{
	size_t block = row->block;

	if (row->stream)
		return in;
	return row->padded && decrypt && in ? (in - 1) / block * block : in / block * block;
}

static void check_parts(bool decrypt, bool in_place, const uint8_t *in, const size_t *parts,
			size_t n, const uint8_t *expected, size_t expected_len)
{
	size_t taken = 0, made = 0;
	CK_ULONG out_len;
	uint8_t last[2 * ALG_BLOCK_MAX];

	begin(decrypt);
	for (size_t i = 0; i < n; taken += parts[i++]) {
		size_t due = out_after(decrypt, taken + parts[i]) - made;
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
	assert_int_equal(fake_busy_sockets(), 0);
}

static void check_both(size_t len, size_t coded_len, const size_t *parts, size_t n)
{
	size_t more[4];

	memcpy(more, parts, n * sizeof(*parts));
	/* What the padding adds comes with the last part. */
	more[n - 1] += coded_len - len;
	for (int in_place = 0; in_place < 2; in_place++) {
		check_parts(false, in_place, message, parts, n, coded, coded_len);
		check_parts(true, in_place, coded, more, n, message, len);
	}
}

static void every_split_in_two_gives_the_same(void **state)
{
	while (next_row()) {
		for (size_t len = 0; len <= longest(); len++) {
			size_t coded_len = encode(len), step = row->block == 64 ? 1 + len % 5 : 1;

			for (size_t first = 0; takes(len) && first <= len; first += step)
				check_both(len, coded_len, (size_t[]){first, len - first}, 2);
		}
	}
}

static void every_split_in_three_gives_the_same(void **state)
{
	while (next_row()) {
		size_t len = 3 * row->block + (row->stream ? 5 : 0), coded_len = encode(len);
		size_t step = row->block == 64 ? 7 : 1;

		for (size_t first = 0; first <= len; first += step) {
			for (size_t second = 0; first + second <= len; second += step) {
				const size_t parts[] = {first, second, 0, len - first - second};

				check_both(len, coded_len, parts, 4);
			}
		}
	}
}

/* SIZE bytes where MOST are allowed: in one part and in two, both directions. Section 6.11.3 of
 * PKCS#11 3.2 has the same answer for both. */
static void check_limit(size_t size, size_t most)
{
	static uint8_t out[512];

	for (int decrypt = 0; decrypt < 2; decrypt++) {
		CK_ULONG len = sizeof(out);

		begin(decrypt);
		assert_int_equal(run(OPERATION_ALL, message, size, out, &len),
				 size <= most ? CKR_OK : CKR_DATA_LEN_RANGE);
		for (size_t first = 0; first <= size && first <= most; first++) {
			begin(decrypt);
			len = sizeof(out);
			assert_int_equal(run(OPERATION_NEXT, message, first, out, &len), CKR_OK);
			len = sizeof(out);
			assert_int_equal(run(OPERATION_NEXT, message, size - first, out, &len),
					 size <= most ? CKR_OK : CKR_DATA_LEN_RANGE);
			if (size > most)
				continue;
			len = sizeof(out);
			assert_int_equal(run(OPERATION_END, NULL, 0, out, &len), CKR_OK);
		}
		assert_null(operation.mechanism);
	}
}

static void a_message_may_not_outlast_its_counter(void **state)
{
	uint8_t out[32];

	while (next_row()) {
		if (row->decode != parameter_ctr)
			continue;
		/* Three blocks until the low four bits are 0 again. */
		iv[15] = 0xed;
		counter_bits = 4;
		for (size_t size = 0; size <= 67; size++)
			check_limit(size, 48);
		/* All 128 bits, the last block before the wrap. */
		counter_bits = 128;
		memset(iv, 0xff, sizeof(iv));
		check_limit(16, 16);
		check_limit(17, 16);
		/* And what was used up stays so. */
		iv[15] = 0xfe;
		begin(false);
		for (int i = 0; i < 2; i++)
			assert_int_equal(run(OPERATION_NEXT, message, 16, out, &(CK_ULONG){32}),
					 CKR_OK);
		assert_int_equal(run(OPERATION_NEXT, message, 0, out, &(CK_ULONG){32}), CKR_OK);
		assert_int_equal(run(OPERATION_NEXT, message, 1, out, &(CK_ULONG){32}),
				 CKR_DATA_LEN_RANGE);
	}
}

static void count_from(uint64_t counter)
{
	for (int i = 0; i < 8; i++)
		iv[i] = (uint8_t)(counter >> 8 * i);
}

static void a_chacha20_message_may_not_outlast_its_counter(void **state)
{
	static const size_t sizes[] = {0, 1, 63, 64, 65, 128, 191, 192, 193, 256};

	row = mechanism_find(CKM_CHACHA20);
	for (counter_bits = 32; counter_bits <= 64; counter_bits += 32) {
		uint64_t last = counter_bits == 32 ? UINT32_MAX : UINT64_MAX;

		for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
			/* Three blocks are left. With 32 bits, what follows is nonce. */
			count_from(last - 2);
			check_limit(sizes[i], 192);
		}
		count_from(last);
		check_limit(64, 64);
		check_limit(65, 64);
		count_from(0);
		check_limit(256, 256);
	}
	row = NULL;
}

/* The kernel's counter wraps at 2^32; the caller's goes on. */
static void a_counter_of_64_bits_passes_the_kernels_wrap(void **state)
{
	static const uint64_t counters[] = {0xfffffffd, 0x5fffffffe, 0xfffffffffffffd,
					    0x00fffffffffffffd};
	uint8_t out[512];

	row = mechanism_find(CKM_CHACHA20);
	counter_bits = 64;
	for (size_t i = 0; i < 4; i++) {
		count_from(counters[i]);
		for (size_t len = 100; len <= 397; len += 27) {
			encode(len);
			for (size_t first = 0; first <= len; first += 3)
				check_both(len, len, (size_t[]){first, len - first}, 2);
			check_whole(false, false, message, len, coded, len);
			check_whole(true, true, coded, len, message, len);
		}
		begin(false);
		fake_calls_forget();
		assert_int_equal(run(OPERATION_ALL, message, 397, out, &(CK_ULONG){512}), CKR_OK);
		assert_memory_equal(out, coded, 397);
		assert_int_equal(fake_calls("alg_send"), 2);
	}
	/* In the middle of a large message, and at the edge of a request. */
	for (uint64_t blocks = 1; blocks <= 4096; blocks *= 64) {
		count_from(0x100000000 - blocks);
		encode(LARGE);
		check_whole(false, true, message, LARGE, coded, LARGE);
	}
	row = NULL;
}

static void check_large(bool decrypt, bool in_place, size_t waiting, size_t len, size_t coded_len)
{
	const uint8_t *in = decrypt ? coded : message, *expected = decrypt ? message : coded;
	size_t in_len = decrypt ? coded_len : len, made, block = row->block;
	size_t first = out_after(decrypt, waiting);
	uint8_t *buffer = malloc(2 * (in_len + block)), *out, *at;
	CK_ULONG out_len = block;

	begin(decrypt);
	assert_int_equal(run(OPERATION_NEXT, in, waiting, buffer, &out_len), CKR_OK);
	assert_int_equal(out_len, first);
	assert_memory_equal(buffer, expected, first);
	at = in_place ? buffer : buffer + in_len + block;
	memcpy(at, in + waiting, in_len - waiting);
	out_len = in_len + block;
	out = buffer;
	assert_int_equal(run(OPERATION_NEXT, at, in_len - waiting, out, &out_len), CKR_OK);
	made = out_len;
	assert_int_equal(first + made, out_after(decrypt, in_len));
	out_len = block;
	assert_int_equal(run(OPERATION_END, NULL, 0, out + made, &out_len), CKR_OK);
	assert_int_equal(first + made + out_len, decrypt ? len : coded_len);
	assert_memory_equal(out, expected + first, made + out_len);
	free(buffer);
}

/* More than one request takes, from every state of the tail, also where the output overtakes the
 * input in the caller's own buffer. */
static void large_messages_go_in_several_requests(void **state)
{
	static const size_t rooms[] = {4096, 5001, 65536, 208896};
	static const CK_MECHANISM_TYPE types[] = {CKM_AES_ECB,      CKM_AES_CBC, CKM_AES_CBC_PAD,
						  CKM_AES_CTR,      CKM_AES_OFB, CKM_AES_CFB128,
						  CKM_DES3_CBC_PAD, CKM_CHACHA20};

	for (size_t t = 0; t < sizeof(types) / sizeof(*types); t++) {
		row = mechanism_find(types[t]);
		for (size_t r = 0; r < 4; r++) {
			size_t len = row->stream ? LARGE - 5 : LARGE / row->block * row->block;
			size_t coded_len = encode(len);

			fake_room(rooms[r]);
			transform_purge(0);
			for (size_t waiting = 0; waiting < row->block;
			     waiting += row->block / (r ? 2 : 8))
				for (int mode = 0; mode < 4; mode++)
					check_large(mode & 1, mode & 2, waiting, len, coded_len);
			check_whole(false, true, message, len, coded, coded_len);
			check_whole(true, true, coded, coded_len, message, len);
		}
	}
	row = NULL;
}

/* Not even what earlier requests made. */
static void a_failure_in_a_later_request_wipes_the_earlier_ones(void **state)
{
	static const CK_MECHANISM_TYPE types[] = {CKM_AES_CTR, CKM_CHACHA20};
	static const char *const functions[] = {"alg_send", "alg_recv"};
	uint8_t *out = malloc(LARGE + 1);

	fake_room(50000);
	for (size_t i = 0; i < 12; i++) {
		CK_ULONG len = LARGE;

		row = mechanism_find(types[i % 2]);
		begin(true);
		memset(out, 0xa5, LARGE + 1);
		fake_fail(functions[i / 2 % 2], 1 + (unsigned int)i / 4, -ENOMEM);
		assert_int_equal(run(OPERATION_ALL, message, LARGE, out, &len), CKR_DEVICE_MEMORY);
		for (size_t at = 0; at < LARGE; at++)
			if (out[at])
				fail_msg("byte %zu is left", at);
		assert_int_equal(out[LARGE], 0xa5);
		assert_null(operation.mechanism);
		assert_int_equal(fake_open_sockets(), 0);
	}
	fake_fail("alg_room", 1, -ENOBUFS);
	begin(true);
	assert_int_equal(run(OPERATION_ALL, message, LARGE, out, &(CK_ULONG){LARGE}),
			 CKR_DEVICE_MEMORY);
	free(out);
	row = NULL;
}

/* A message that nobody finished is not the beginning of the next one on its socket. */
static void an_abandoned_message_leaves_nothing_behind(void **state)
{
	uint8_t out[4 * ALG_BLOCK_MAX];
	CK_ULONG len;

	while (next_row()) {
		size_t size = 2 * row->block, coded_len = encode(size);

		begin(false);
		len = sizeof(out);
		assert_int_equal(run(OPERATION_NEXT, message, row->block + 3, out, &len), CKR_OK);
		operation_cancel(&operation);
		check_whole(false, false, message, size, coded, coded_len);
		check_whole(true, false, coded, coded_len, message, size);
	}
}

static void it_costs_what_af_alg_costs(void **state)
{
	uint8_t out[3 * ALG_BLOCK_MAX];
	CK_ULONG len;

	while (next_row()) {
		for (int decrypt = 0; decrypt < 2; decrypt++) {
			size_t size = 2 * row->block, coded_len = encode(size);

			check_whole(false, false, message, size, coded, coded_len);
			begin(decrypt);
			fake_calls_forget();
			len = sizeof(out);
			assert_int_equal(run(OPERATION_ALL, decrypt ? coded : message,
					     decrypt ? coded_len : size, out, &len),
					 CKR_OK);
			assert_int_equal(fake_calls("alg_send"), 1);
			assert_int_equal(fake_calls("alg_recv"), 1);
			assert_int_equal(fake_calls("alg_room"), 0);
		}
		/* Nothing to move, nothing to ask; see test-keystream.c for streams. */
		begin(false);
		fake_calls_forget();
		len = sizeof(out);
		assert_int_equal(run(OPERATION_NEXT, message, row->block - 1, out, &len), CKR_OK);
		assert_int_equal(fake_calls("alg_send"), row->stream);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(every_length_passes_in_one_part),
		TEST(lengths_that_do_not_fit_are_refused),
		TEST(every_split_in_two_gives_the_same),
		TEST(every_split_in_three_gives_the_same),
		TEST(a_message_may_not_outlast_its_counter),
		TEST(a_chacha20_message_may_not_outlast_its_counter),
		TEST(a_counter_of_64_bits_passes_the_kernels_wrap),
		TEST(large_messages_go_in_several_requests),
		TEST(a_failure_in_a_later_request_wipes_the_earlier_ones),
		TEST(an_abandoned_message_leaves_nothing_behind),
		TEST(it_costs_what_af_alg_costs),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("cipher", tests, NULL, NULL);
}
