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

enum { LEAST = 16, LONGEST = 67, LARGE = 20000 };

/* Memory that is wiped, and what was wiped last at the place that is looked for. */
static const void *looked_for;
static size_t wiped;

static void wipe(void *bytes, size_t len)
{
	memset(bytes, 0, len);
	if (bytes == looked_for)
		wiped = len;
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

static const char secret[] = "0123456789abcdef0123456789ABCDEFhijklmnopqrstuvwxyz0123456789#+-";
static uint8_t iv[32], message[LARGE], coded[LARGE];
static const struct mechanism *row;
static struct operation operation;

static int arm(const struct transform_key *key, int transform)
{
	return alg_set_key(transform, secret, row->key_max);
}

static const struct transform_key key = {.id = 1, .constant = true, .arm = arm};

static int setup(void **state)
{
	fake_reset();
	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)(i * 31 + i / 251 + 1);
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

/* The next row of this engine, from the one before it or NULL. */
static bool next_row(void)
{
	for (row = row ? row + 1 : mechanisms; row < mechanisms + n_mechanisms; row++)
		if (row->engine == &whole_engine)
			return true;
	row = NULL;
	return false;
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

/* CBC-CS1 as the addendum to SP 800-38A defines it: CBC over the text and zeros, without the end of
 * the last block but one. */
static void steal(size_t len)
{
	uint8_t padded[LARGE + 16] = {0};
	size_t last = (len - 1) / 16 * 16;

	memcpy(padded, message, len);
	fake_cipher("cbc(aes)", secret, row->key_max, false, iv, padded, last + 16, padded);
	memcpy(coded, padded, len - 16);
	memcpy(coded + len - 16, padded + last, 16);
}

/* LEN bytes of the message, encrypted, in CODED. */
static void encode(size_t len)
{
	if (row->type == CKM_AES_CTS)
		steal(len);
	else
		fake_cipher(row->kernel_name, secret, row->key_max, false, iv, message, len, coded);
}

static void check_whole(bool decrypt, bool in_place, size_t len)
{
	uint8_t *out = malloc(len + 1), *own = in_place ? out : malloc(len);
	CK_ULONG out_len = 0;

	out[len] = 0xa5;
	memcpy(own, decrypt ? coded : message, len);
	begin(decrypt);
	assert_int_equal(run(OPERATION_ALL, own, len, NULL, &out_len), CKR_OK);
	assert_int_equal(out_len, len);
	out_len = len - 1;
	assert_int_equal(run(OPERATION_ALL, own, len, out, &out_len), CKR_BUFFER_TOO_SMALL);
	assert_int_equal(out_len, len);
	assert_int_equal(run(OPERATION_ALL, own, len, out, &out_len), CKR_OK);
	assert_int_equal(out_len, len);
	assert_memory_equal(out, decrypt ? message : coded, len);
	assert_int_equal(out[len], 0xa5);
	assert_null(operation.mechanism);
	if (!in_place)
		free(own);
	free(out);
}

static void every_length_passes_in_one_part(void **state)
{
	size_t rows = 0;

	for (; next_row(); rows++) {
		for (size_t len = LEAST; len <= LONGEST; len++) {
			encode(len);
			for (int mode = 0; mode < 4; mode++)
				check_whole(mode & 1, mode & 2, len);
		}
	}
	assert_int_equal(rows, 5);
}

/* Parts of a message of LEN bytes, the last one with OPERATION_LAST or all before OPERATION_END. */
static void check_parts(bool decrypt, const size_t *parts, size_t n, size_t len, bool with_last)
{
	const uint8_t *at = decrypt ? coded : message;
	enum operation_part part = with_last ? OPERATION_LAST : OPERATION_END;
	uint8_t *out = malloc(len);
	CK_ULONG out_len;

	begin(decrypt);
	for (size_t i = 0; i < n - with_last; at += parts[i++]) {
		out_len = 0;
		assert_int_equal(run(OPERATION_NEXT, at, parts[i], out, &out_len), CKR_OK);
		assert_int_equal(out_len, 0);
	}
	out_len = 0;
	assert_int_equal(run(part, at, with_last ? parts[n - 1] : 0, NULL, &out_len), CKR_OK);
	assert_int_equal(out_len, len);
	out_len = len - 1;
	assert_int_equal(run(part, at, with_last ? parts[n - 1] : 0, out, &out_len),
			 CKR_BUFFER_TOO_SMALL);
	assert_int_equal(out_len, len);
	assert_int_equal(run(part, at, with_last ? parts[n - 1] : 0, out, &out_len), CKR_OK);
	assert_int_equal(out_len, len);
	assert_memory_equal(out, decrypt ? message : coded, len);
	assert_null(operation.mechanism);
	free(out);
}

static void every_split_gives_the_same(void **state)
{
	while (next_row()) {
		for (size_t len = LEAST; len <= LONGEST; len++) {
			encode(len);
			for (size_t first = 0; first <= len; first++) {
				size_t half = (len - first) / 2;
				const size_t parts[] = {first, half, 0, len - first - half};

				for (int mode = 0; mode < 4; mode++)
					check_parts(mode & 1, parts, 4, len, mode & 2);
			}
		}
	}
}

/* One block has no other to change places with. */
static void sixteen_bytes_of_cts_are_cbc(void **state)
{
	uint8_t expected[16], out[16];
	CK_ULONG len = sizeof(out);

	row = mechanism_find(CKM_AES_CTS);
	fake_cipher("cbc(aes)", secret, row->key_max, false, iv, message, 16, expected);
	begin(false);
	assert_int_equal(run(OPERATION_ALL, message, 16, out, &len), CKR_OK);
	assert_memory_equal(out, expected, 16);
	/* And with whole blocks only, CS1 is CBC all the same. */
	fake_cipher("cbc(aes)", secret, row->key_max, false, iv, message, 64, coded);
	check_whole(false, false, 64);
	check_whole(true, true, 64);
	row = NULL;
}

static void every_byte_of_the_tweak_counts(void **state)
{
	uint8_t first[32], out[32];

	while (next_row()) {
		begin(false);
		assert_int_equal(run(OPERATION_ALL, message, 32, first, &(CK_ULONG){32}), CKR_OK);
		for (size_t i = 0; i < row->iv; i++) {
			iv[i] ^= 0x40;
			begin(false);
			assert_int_equal(run(OPERATION_ALL, message, 32, out, &(CK_ULONG){32}),
					 CKR_OK);
			assert_memory_not_equal(out, first, 32);
			iv[i] ^= 0x40;
		}
	}
}

static void what_is_shorter_than_a_block_is_refused(void **state)
{
	uint8_t out[16];

	while (next_row()) {
		for (size_t len = 0; len < LEAST; len++) {
			for (int decrypt = 0; decrypt < 2; decrypt++) {
				CK_RV refusal =
					decrypt ? CKR_ENCRYPTED_DATA_LEN_RANGE : CKR_DATA_LEN_RANGE;
				CK_ULONG out_len = sizeof(out);

				begin(decrypt);
				assert_int_equal(run(OPERATION_ALL, message, len, out, &out_len),
						 refusal);
				assert_null(operation.mechanism);
				begin(decrypt);
				assert_int_equal(run(OPERATION_NEXT, message, len, out, &out_len),
						 CKR_OK);
				assert_int_equal(run(OPERATION_END, NULL, 0, NULL, &out_len),
						 refusal);
				assert_null(operation.mechanism);
			}
		}
	}
	assert_int_equal(fake_calls("alg_send"), 0);
}

/* What does not fit in one request would be answered wrongly by the real kernel. */
static void a_message_is_no_longer_than_one_request(void **state)
{
	static const size_t rooms[] = {4096, 10000};
	uint8_t *out = malloc(LARGE);

	while (next_row()) {
		for (size_t r = 0; r < 2; r++) {
			size_t most = rooms[r];

			fake_room(most);
			transform_purge(0);
			encode(most);
			check_whole(false, true, most);
			check_whole(true, false, most);
			check_parts(false, (size_t[]){1000, most - 1000}, 2, most, false);
			for (int decrypt = 0; decrypt < 2; decrypt++) {
				CK_RV refusal =
					decrypt ? CKR_ENCRYPTED_DATA_LEN_RANGE : CKR_DATA_LEN_RANGE;
				CK_ULONG len = LARGE;

				begin(decrypt);
				assert_int_equal(run(OPERATION_ALL, message, most + 1, out, &len),
						 refusal);
				assert_null(operation.mechanism);
				begin(decrypt);
				assert_int_equal(run(OPERATION_NEXT, message, most, out, &len),
						 CKR_OK);
				len = LARGE;
				assert_int_equal(run(OPERATION_NEXT, message, 1, out, &len),
						 refusal);
				assert_null(operation.mechanism);
			}
		}
		begin(false);
		assert_int_equal(run(OPERATION_NEXT, message, 20, out, &(CK_ULONG){LARGE}), CKR_OK);
		assert_int_equal(run(OPERATION_NEXT, message, SIZE_MAX - 10, NULL, &(CK_ULONG){0}),
				 CKR_DATA_LEN_RANGE);
	}
	free(out);
}

static void failures_wipe_and_close(void **state)
{
	static const char *const functions[] = {"alg_send", "alg_recv"};
	uint8_t out[LONGEST];

	while (next_row()) {
		for (size_t i = 0; i < 4; i++) {
			CK_ULONG len = LONGEST;

			memset(out, 0xa5, sizeof(out));
			begin(i / 2);
			fake_fail(functions[i % 2], 1, -ENOMEM);
			assert_int_equal(run(OPERATION_ALL, message, LONGEST, out, &len),
					 CKR_DEVICE_MEMORY);
			for (size_t at = 0; at < LONGEST; at++)
				assert_int_equal(out[at], 0);
			assert_null(operation.mechanism);
			assert_int_equal(fake_open_sockets(), 0);
		}
		begin(false);
		fake_fail("alg_room", 1, -ENOBUFS);
		assert_int_equal(run(OPERATION_ALL, message, 16, NULL, &(CK_ULONG){0}),
				 CKR_DEVICE_MEMORY);
		assert_null(operation.mechanism);
		transform_purge(0);
	}
}

static void it_costs_what_af_alg_costs(void **state)
{
	uint8_t out[LONGEST];

	while (next_row()) {
		for (int round = 0; round < 3; round++) {
			begin(round % 2);
			fake_calls_forget();
			assert_int_equal(
				run(OPERATION_ALL, message, LONGEST, out, &(CK_ULONG){LONGEST}),
				CKR_OK);
			assert_int_equal(fake_calls("alg_send"), 1);
			assert_int_equal(fake_calls("alg_recv"), 1);
			/* The same socket is asked once. */
			assert_int_equal(fake_calls("alg_room"), !round);
		}
	}
}

static void an_abandoned_message_leaves_nothing_behind(void **state)
{
	uint8_t out[8];

	while (next_row()) {
		begin(false);
		assert_int_equal(run(OPERATION_NEXT, message, 30, out, &(CK_ULONG){sizeof(out)}),
				 CKR_OK);
		operation_cancel(&operation);
		encode(40);
		check_whole(false, false, 40);
	}
}

/* What was gathered of a message is plaintext in this process's memory. */
static void gathered_text_is_wiped(void **state)
{
	uint8_t out[100];

	row = mechanism_find(CKM_AES_XTS);
	begin(false);
	assert_int_equal(run(OPERATION_NEXT, message, 100, out, &(CK_ULONG){100}), CKR_OK);
	looked_for = operation.text;
	assert_non_null(looked_for);
	wiped = 0;
	assert_int_equal(run(OPERATION_END, NULL, 0, out, &(CK_ULONG){100}), CKR_OK);
	assert_true(wiped >= 100);
	looked_for = NULL;
	row = NULL;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(every_length_passes_in_one_part),
		TEST(every_split_gives_the_same),
		TEST(sixteen_bytes_of_cts_are_cbc),
		TEST(every_byte_of_the_tweak_counts),
		TEST(what_is_shorter_than_a_block_is_refused),
		TEST(a_message_is_no_longer_than_one_request),
		TEST(failures_wipe_and_close),
		TEST(it_costs_what_af_alg_costs),
		TEST(an_abandoned_message_leaves_nothing_behind),
		TEST(gathered_text_is_wiped),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("whole", tests, NULL, NULL);
}
