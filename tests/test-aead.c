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

enum { LONGEST = 67, LARGE = 20000 };

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

static uint8_t iv[12], aad[40], message[LARGE], sealed[LARGE + 16];
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
		message[i] = (uint8_t)(i * 31 + i / 251 + 1);
	for (size_t i = 0; i < sizeof(aad); i++)
		aad[i] = (uint8_t)(200 - i);
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

static void begin(bool decrypt, size_t aad_len, size_t tag)
{
	CK_GCM_PARAMS gcm = {iv, 12, 96, aad, aad_len, tag * 8};
	CK_MECHANISM mechanism = {CKM_AES_GCM, &gcm, sizeof(gcm)};

	operation_cancel(&operation);
	assert_int_equal(operation_begin(&operation,
					 decrypt ? OPERATION_DECRYPT : OPERATION_ENCRYPT,
					 mechanism_find(CKM_AES_GCM), &mechanism, &key),
			 CKR_OK);
}

/* The sealed message, in SEALED; its length. */
static size_t seal(size_t aad_len, size_t len, size_t tag)
{
	fake_seal("0123456789abcdef", 16, iv, aad, aad_len, message, len, tag, sealed);
	return len + tag;
}

static CK_RV run(enum operation_part part, const uint8_t *in, size_t in_len, uint8_t *out,
		 CK_ULONG *out_len)
{
	return operation_run(&operation, part, in, in_len, out, out_len);
}

static void check_whole(bool decrypt, bool in_place, size_t aad_len, size_t tag, size_t len)
{
	size_t sealed_len = seal(aad_len, len, tag);
	size_t in_len = decrypt ? sealed_len : len, due = decrypt ? len : sealed_len;
	size_t room = in_place ? sealed_len : due;
	uint8_t *out = malloc(room + 1), *own = in_place ? out : malloc(in_len + 1);
	CK_ULONG out_len = 0;

	out[room] = 0xa5;
	memcpy(own, decrypt ? sealed : message, in_len);
	begin(decrypt, aad_len, tag);
	assert_int_equal(run(OPERATION_ALL, own, in_len, NULL, &out_len), CKR_OK);
	assert_int_equal(out_len, due);
	if (due) {
		out_len = due - 1;
		assert_int_equal(run(OPERATION_ALL, own, in_len, out, &out_len),
				 CKR_BUFFER_TOO_SMALL);
		assert_int_equal(out_len, due);
	}
	out_len = due;
	assert_int_equal(run(OPERATION_ALL, own, in_len, out, &out_len), CKR_OK);
	assert_int_equal(out_len, due);
	assert_memory_equal(out, decrypt ? message : sealed, due);
	assert_int_equal(out[room], 0xa5);
	assert_null(operation.mechanism);
	if (!in_place)
		free(own);
	free(out);
}

static void every_length_passes_in_one_part(void **state)
{
	static const size_t tags[] = {4, 8, 12, 13, 14, 15, 16}, aads[] = {0, 1, 16, 40};

	for (size_t t = 0; t < 7; t++)
		for (size_t a = 0; a < 4; a++)
			for (size_t len = 0; len <= LONGEST; len++)
				for (int mode = 0; mode < 4; mode++)
					check_whole(mode & 1, mode & 2, aads[a], tags[t], len);
}

/* Updates give nothing: not a byte of text may be out before the tag is found right. */
static void check_parts(bool decrypt, const size_t *parts, size_t n, size_t len)
{
	size_t sealed_len = seal(40, len, 16), due = decrypt ? len : sealed_len;
	const uint8_t *at = decrypt ? sealed : message;
	uint8_t *out = malloc(due + 1);
	CK_ULONG out_len;

	begin(decrypt, 40, 16);
	for (size_t i = 0; i < n; at += parts[i++]) {
		out_len = 0;
		assert_int_equal(run(OPERATION_NEXT, at, parts[i], out, &out_len), CKR_OK);
		assert_int_equal(out_len, 0);
	}
	out_len = 0;
	assert_int_equal(run(OPERATION_END, NULL, 0, NULL, &out_len), CKR_OK);
	assert_int_equal(out_len, due);
	if (due) {
		out_len = due - 1;
		assert_int_equal(run(OPERATION_END, NULL, 0, out, &out_len), CKR_BUFFER_TOO_SMALL);
		assert_int_equal(out_len, due);
	}
	out_len = due;
	assert_int_equal(run(OPERATION_END, NULL, 0, out, &out_len), CKR_OK);
	assert_int_equal(out_len, due);
	assert_memory_equal(out, decrypt ? message : sealed, due);
	assert_null(operation.mechanism);
	free(out);
}

static void every_split_gives_the_same(void **state)
{
	for (size_t len = 0; len <= LONGEST; len += 1 + len / 20) {
		for (int decrypt = 0; decrypt < 2; decrypt++) {
			size_t in_len = len + (decrypt ? 16 : 0);

			for (size_t first = 0; first <= in_len; first++) {
				const size_t parts[] = {first, 0, (in_len - first) / 2,
							in_len - first - (in_len - first) / 2};

				check_parts(decrypt, parts, 4, len);
			}
		}
	}
}

static void what_is_shorter_than_its_tag_is_refused(void **state)
{
	uint8_t out[32];

	for (size_t len = 0; len < 16; len++) {
		CK_ULONG out_len = sizeof(out);

		begin(true, 0, 16);
		assert_int_equal(run(OPERATION_ALL, message, len, out, &out_len),
				 CKR_ENCRYPTED_DATA_LEN_RANGE);
		assert_null(operation.mechanism);
		begin(true, 0, 16);
		out_len = sizeof(out);
		assert_int_equal(run(OPERATION_NEXT, message, len, out, &out_len), CKR_OK);
		out_len = sizeof(out);
		assert_int_equal(run(OPERATION_END, NULL, 0, out, &out_len),
				 CKR_ENCRYPTED_DATA_LEN_RANGE);
		assert_null(operation.mechanism);
	}
	assert_int_equal(fake_calls("alg_send"), 0);
}

/* PKCS#11 3.0, section 5.10: CKR_ENCRYPTED_DATA_INVALID; and no byte of the text. */
static void refuse(size_t aad_len, size_t len, size_t in_len, bool parts)
{
	uint8_t out[LONGEST + 1];
	CK_ULONG out_len = sizeof(out);
	CK_RV rv;

	memset(out, 0xa5, sizeof(out));
	begin(true, aad_len, 16);
	if (parts) {
		assert_int_equal(run(OPERATION_NEXT, sealed, in_len / 2, out, &out_len), CKR_OK);
		out_len = sizeof(out);
		assert_int_equal(run(OPERATION_NEXT, sealed + in_len / 2, in_len - in_len / 2, out,
				     &out_len),
				 CKR_OK);
		out_len = sizeof(out);
		rv = run(OPERATION_END, NULL, 0, out, &out_len);
	} else {
		rv = run(OPERATION_ALL, sealed, in_len, out, &out_len);
	}
	assert_int_equal(rv, CKR_ENCRYPTED_DATA_INVALID);
	assert_null(operation.mechanism);
	for (size_t i = 0; i < sizeof(out); i++)
		if (out[i] != 0xa5 && out[i] != 0)
			fail_msg("byte %zu of %zu is left", i, len);
}

static void a_wrong_message_leaves_no_byte(void **state)
{
	static const size_t lengths[] = {0, 1, 16, 33};

	for (size_t l = 0; l < 4; l++) {
		for (size_t aad_len = 0; aad_len <= 40; aad_len += 20) {
			size_t in_len = seal(aad_len, lengths[l], 16);

			for (size_t i = 0; i < in_len; i++) {
				sealed[i] ^= 4;
				refuse(aad_len, lengths[l], in_len, i % 2);
				sealed[i] ^= 4;
			}
			if (aad_len) {
				aad[aad_len - 1] ^= 1;
				refuse(aad_len, lengths[l], in_len, false);
				aad[aad_len - 1] ^= 1;
				refuse(aad_len - 1, lengths[l], in_len, false);
			}
		}
	}
	/* The socket is clean after a wrong tag, and goes on. */
	assert_int_equal(fake_calls("alg_bind"), 1);
	check_whole(true, false, 40, 16, 33);
	assert_int_equal(fake_calls("alg_bind"), 1);
}

static void other_failures_wipe_and_close(void **state)
{
	static const char *const functions[] = {"alg_send", "alg_recv"};
	size_t in_len = seal(40, 33, 16);
	uint8_t out[64];

	for (size_t i = 0; i < 2; i++) {
		CK_ULONG out_len = sizeof(out);

		memset(out, 0xa5, sizeof(out));
		begin(true, 40, 16);
		fake_fail(functions[i], 1, -ENOMEM);
		assert_int_equal(run(OPERATION_ALL, sealed, in_len, out, &out_len),
				 CKR_DEVICE_MEMORY);
		for (size_t at = 0; at < 33; at++)
			assert_int_equal(out[at], 0);
		assert_int_equal(fake_open_sockets(), 0);
	}
	begin(true, 40, 16);
	fake_fail("alg_room", 1, -ENOBUFS);
	assert_int_equal(run(OPERATION_ALL, message, 5000, NULL, &(CK_ULONG){0}),
			 CKR_DEVICE_MEMORY);
}

/* AAD, text and tag together are one request; beyond its room the real kernel answers wrongly. */
static void a_message_is_no_longer_than_one_request(void **state)
{
	static const size_t rooms[] = {4096, 10000};
	uint8_t *out = malloc(LARGE);

	for (size_t r = 0; r < 2; r++) {
		size_t most = rooms[r] - 40 - 16;

		for (size_t len = most - 2; len <= most + 3; len++) {
			size_t sealed_len;
			CK_ULONG out_len = LARGE;

			fake_room(rooms[r]);
			transform_purge(0);
			begin(false, 40, 16);
			assert_int_equal(run(OPERATION_ALL, message, len, out, &out_len),
					 len <= most ? CKR_OK : CKR_DATA_LEN_RANGE);
			assert_null(operation.mechanism);
			begin(false, 40, 16);
			out_len = LARGE;
			assert_int_equal(run(OPERATION_NEXT, message, 1000, out, &out_len), CKR_OK);
			out_len = LARGE;
			assert_int_equal(
				run(OPERATION_NEXT, message + 1000, len - 1000, out, &out_len),
				len <= most ? CKR_OK : CKR_DATA_LEN_RANGE);
			assert_int_equal(operation.mechanism != NULL, len <= most);

			sealed_len = seal(40, len, 16);
			begin(true, 40, 16);
			out_len = LARGE;
			assert_int_equal(run(OPERATION_ALL, sealed, sealed_len, out, &out_len),
					 len <= most ? CKR_OK : CKR_ENCRYPTED_DATA_LEN_RANGE);
			if (len <= most)
				assert_memory_equal(out, message, len);
		}
	}
	begin(false, 40, 16);
	assert_int_equal(run(OPERATION_ALL, message, SIZE_MAX, NULL, &(CK_ULONG){0}),
			 CKR_DATA_LEN_RANGE);
	begin(false, 40, 16);
	assert_int_equal(run(OPERATION_ALL, message, SIZE_MAX - 20, NULL, &(CK_ULONG){0}),
			 CKR_DATA_LEN_RANGE);
	free(out);
}

/* Each tag size arms a transform of its own, and needs no more than two calls afterwards. */
static void it_costs_what_af_alg_costs(void **state)
{
	uint8_t out[64];
	CK_ULONG out_len = sizeof(out);

	check_whole(false, false, 40, 16, 33);
	check_whole(false, false, 40, 12, 33);
	assert_int_equal(fake_calls("alg_set_tag_size"), 2);
	fake_calls_forget();
	begin(false, 40, 16);
	assert_int_equal(run(OPERATION_ALL, message, 33, out, &out_len), CKR_OK);
	assert_int_equal(fake_calls("alg_send"), 1);
	assert_int_equal(fake_calls("alg_recv"), 1);
	assert_int_equal(fake_calls("alg_bind") + fake_calls("alg_room"), 0);
}

static void an_abandoned_message_leaves_nothing_behind(void **state)
{
	uint8_t out[8];
	CK_ULONG out_len = sizeof(out);

	begin(false, 40, 16);
	assert_int_equal(run(OPERATION_NEXT, message, 30, out, &out_len), CKR_OK);
	operation_cancel(&operation);
	check_whole(false, false, 40, 16, 33);
}

/* What was gathered of a message is plaintext in this process's memory. */
static void gathered_text_is_wiped(void **state)
{
	uint8_t out[16];
	CK_ULONG out_len = sizeof(out);

	begin(false, 0, 16);
	assert_int_equal(run(OPERATION_NEXT, message, 100, out, &out_len), CKR_OK);
	looked_for = operation.text;
	assert_non_null(looked_for);
	wiped = 0;
	out_len = sizeof(out);
	assert_int_equal(run(OPERATION_NEXT, message, 1000, out, &out_len), CKR_OK);
	if (operation.text != looked_for)
		assert_true(wiped >= 100);
	looked_for = operation.text;
	wiped = 0;
	operation_cancel(&operation);
	assert_true(wiped >= 1100);
	looked_for = NULL;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(every_length_passes_in_one_part),
		TEST(every_split_gives_the_same),
		TEST(what_is_shorter_than_its_tag_is_refused),
		TEST(a_wrong_message_leaves_no_byte),
		TEST(other_failures_wipe_and_close),
		TEST(a_message_is_no_longer_than_one_request),
		TEST(it_costs_what_af_alg_costs),
		TEST(an_abandoned_message_leaves_nothing_behind),
		TEST(gathered_text_is_wiped),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("aead", tests, NULL, NULL);
}
