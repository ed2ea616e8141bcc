/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "fake-kernel.h"
#include "kernel/alg.h"
#include "kernel/transform.h"
#include "mech/engine.h"
#include "mech/operation.h"

static uint8_t message[67];
static struct operation operation;

/* Of a length that suits HMAC and CMAC. */
static const char secret[] = "a key of 16 bytes, or of";
static size_t secret_len;

static int arm(const struct transform_key *key, int transform)
{
	return alg_set_key(transform, secret, secret_len);
}

static const struct transform_key key = {.id = 1, .constant = true, .arm = arm};

static int setup(void **state)
{
	fake_reset();
	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (uint8_t)(i * 31 + 7);
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

static bool is_general(const struct mechanism *row)
{
	return row->decode == parameter_mac_general;
}

/* SIZE: of a general MAC. */
static const struct mechanism *begin_kind(CK_MECHANISM_TYPE type, CK_ULONG size,
					  enum operation_kind kind)
{
	const struct mechanism *row = mechanism_find(type);
	CK_MECHANISM mechanism = {.mechanism = type};
	bool keyed = mechanism_takes_key(row);

	if (is_general(row))
		mechanism = (CK_MECHANISM){type, &size, sizeof(size)};
	secret_len = strstr(row->kernel_name, "des3") ? 24 : 16;
	operation_cancel(&operation);
	assert_int_equal(operation_begin(&operation, kind, row, &mechanism, keyed ? &key : NULL),
			 CKR_OK);
	return row;
}

static const struct mechanism *begin(CK_MECHANISM_TYPE type)
{
	const struct mechanism *row = mechanism_find(type);

	return begin_kind(type, row->size,
			  mechanism_takes_key(row) ? OPERATION_SIGN : OPERATION_DIGEST);
}

static void reference(const struct mechanism *row, const uint8_t *in, size_t len, uint8_t *out)
{
	bool keyed = mechanism_takes_key(row);

	fake_hash(row->kernel_name, keyed ? secret : NULL, keyed ? secret_len : 0, in, len, out,
		  row->size);
}

static bool is_hash(const struct mechanism *row)
{
	return row->engine == &hash_engine;
}

static void every_row_hashes_every_length_in_one_part(void **state)
{
	uint8_t expected[64], out[65];

	for (size_t i = 0; i < n_mechanisms; i++) {
		if (!is_hash(&mechanisms[i]))
			continue;
		for (size_t len = 0; len <= sizeof(message); len++) {
			const struct mechanism *row = begin(mechanisms[i].type);
			CK_ULONG out_len = sizeof(out);

			memset(out, 0xa5, sizeof(out));
			reference(row, message, len, expected);
			assert_int_equal(operation_run(&operation, OPERATION_ALL, message, len, out,
						       &out_len),
					 CKR_OK);
			assert_int_equal(out_len, row->size);
			assert_memory_equal(out, expected, row->size);
			assert_int_equal(out[row->size], 0xa5);
			assert_null(operation.mechanism);
		}
	}
}

static void every_split_gives_the_same_hash(void **state)
{
	static const CK_MECHANISM_TYPE types[] = {CKM_SHA256, CKM_SHA512_HMAC};
	uint8_t expected[64], out[64];

	for (size_t t = 0; t < 2; t++) {
		for (size_t first = 0; first <= sizeof(message); first++) {
			for (size_t second = 0; first + second <= sizeof(message); second += 3) {
				const struct mechanism *row = begin(types[t]);
				size_t rest = sizeof(message) - first - second;
				CK_ULONG out_len = row->size;
				const size_t parts[] = {first, second, 0, rest};
				const uint8_t *at = message;

				for (size_t i = 0; i < 4; at += parts[i++])
					assert_int_equal(operation_run(&operation, OPERATION_NEXT,
								       at, parts[i], NULL, NULL),
							 CKR_OK);
				assert_int_equal(operation_run(&operation, OPERATION_END, NULL, 0,
							       out, &out_len),
						 CKR_OK);
				reference(row, message, sizeof(message), expected);
				assert_memory_equal(out, expected, row->size);
			}
		}
	}
}

static void a_final_without_updates_hashes_nothing(void **state)
{
	const struct mechanism *row = begin(CKM_SHA256);
	uint8_t expected[32], out[32];
	CK_ULONG out_len = sizeof(out);

	assert_int_equal(operation_run(&operation, OPERATION_END, NULL, 0, out, &out_len), CKR_OK);
	reference(row, NULL, 0, expected);
	assert_memory_equal(out, expected, 32);
}

/* SIZE bytes of MAC, from memory that is just as long. */
static void check_general(const struct mechanism *row, CK_ULONG size, bool parts)
{
	uint8_t expected[64], *out = malloc(size);
	CK_ULONG out_len = 0;

	begin_kind(row->type, size, OPERATION_SIGN);
	reference(row, message, sizeof(message), expected);
	if (parts)
		for (size_t at = 0; at < sizeof(message); at++)
			assert_int_equal(operation_run(&operation, OPERATION_NEXT, message + at, 1,
						       NULL, NULL),
					 CKR_OK);
	for (int asked = 0; asked < 2; asked++) {
		assert_int_equal(operation_run(&operation, parts ? OPERATION_END : OPERATION_ALL,
					       parts ? NULL : message, parts ? 0 : sizeof(message),
					       asked ? out : NULL, &out_len),
				 asked ? CKR_BUFFER_TOO_SMALL : CKR_OK);
		assert_int_equal(out_len, size);
		out_len = size - 1;
	}
	out_len = size;
	assert_int_equal(operation_run(&operation, parts ? OPERATION_END : OPERATION_ALL,
				       parts ? NULL : message, parts ? 0 : sizeof(message), out,
				       &out_len),
			 CKR_OK);
	assert_int_equal(out_len, size);
	assert_memory_equal(out, expected, size);
	/* What of it was not asked for is not left in the socket. */
	assert_int_equal(fake_busy_sockets(), 0);
	free(out);
}

static CK_RV verify(const struct mechanism *row, CK_ULONG size, bool parts, const uint8_t *mac,
		    CK_ULONG mac_len)
{
	begin_kind(row->type, size, OPERATION_VERIFY);
	if (parts)
		assert_int_equal(operation_run(&operation, OPERATION_NEXT, message, sizeof(message),
					       NULL, NULL),
				 CKR_OK);
	return operation_verify(&operation, parts ? OPERATION_END : OPERATION_ALL,
				parts ? NULL : message, parts ? 0 : sizeof(message), mac, mac_len);
}

static void general_macs_have_every_size(void **state)
{
	size_t rows = 0;

	for (size_t i = 0; i < n_mechanisms; i++) {
		const struct mechanism *row = &mechanisms[i];

		if (!is_general(row))
			continue;
		rows++;
		for (CK_ULONG size = 1; size <= row->size; size++) {
			check_general(row, size, size % 2);
			check_general(row, row->size, size % 3);
		}
	}
	assert_int_equal(rows, 13);
	/* The same socket served all sizes of a name. */
	assert_int_equal(fake_calls("alg_accept"), rows);
}

static void general_macs_are_verified_with_their_size(void **state)
{
	uint8_t mac[65] = {0};

	for (size_t i = 0; i < n_mechanisms; i++) {
		const struct mechanism *row = &mechanisms[i];

		if (!is_general(row))
			continue;
		begin(row->type);
		reference(row, message, sizeof(message), mac);
		for (CK_ULONG size = 1; size <= row->size; size++) {
			for (int parts = 0; parts < 2; parts++) {
				assert_int_equal(verify(row, size, parts, mac, size), CKR_OK);
				assert_int_equal(verify(row, size, parts, mac, size + 1),
						 CKR_SIGNATURE_LEN_RANGE);
				assert_int_equal(verify(row, size, parts, mac, size - 1),
						 CKR_SIGNATURE_LEN_RANGE);
				mac[size - 1] ^= 0x80;
				assert_int_equal(verify(row, size, parts, mac, size),
						 CKR_SIGNATURE_INVALID);
				mac[size - 1] ^= 0x80;
			}
		}
	}
}

/* RFC 3566: of the same 16 bytes, the first 12. */
static void the_shorter_xcbc_is_the_beginning_of_the_longer(void **state)
{
	uint8_t whole[16], shorter[13] = {0};
	CK_ULONG len = sizeof(whole);

	begin(CKM_AES_XCBC_MAC);
	assert_int_equal(operation_run(&operation, OPERATION_ALL, message, 40, whole, &len),
			 CKR_OK);
	assert_int_equal(len, 16);
	begin(CKM_AES_XCBC_MAC_96);
	len = sizeof(shorter);
	assert_int_equal(operation_run(&operation, OPERATION_ALL, message, 40, shorter, &len),
			 CKR_OK);
	assert_int_equal(len, 12);
	assert_memory_equal(whole, shorter, 12);
	assert_int_equal(shorter[12], 0);
}

/* sendmsg(2) does not take it at once. */
static void a_message_of_more_than_a_gigabyte_is_sent_in_pieces(void **state)
{
	size_t len = ((size_t)1 << 30) + 1;
	uint8_t *zeros = mmap(NULL, len, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), out[16];
	CK_ULONG out_len = sizeof(out);

	assert_ptr_not_equal(zeros, MAP_FAILED);
	begin(CKM_MD5);
	assert_int_equal(operation_run(&operation, OPERATION_ALL, zeros, len, out, &out_len),
			 CKR_OK);
	assert_int_equal(fake_calls("alg_send"), 2);
	munmap(zeros, len);
}

/* Two system calls for one part, n + 1 for n, and one for nothing. */
static void it_costs_what_af_alg_costs(void **state)
{
	uint8_t out[32];
	CK_ULONG out_len = 32;

	begin(CKM_SHA256);
	operation_run(&operation, OPERATION_ALL, message, 1, out, &out_len);
	begin(CKM_SHA256);
	fake_calls_forget();
	operation_run(&operation, OPERATION_ALL, message, 67, out, &out_len);
	assert_int_equal(fake_calls("alg_send") + fake_calls("alg_recv"), 2);
	begin(CKM_SHA256);
	fake_calls_forget();
	for (int i = 0; i < 5; i++)
		operation_run(&operation, OPERATION_NEXT, message, 64, NULL, NULL);
	operation_run(&operation, OPERATION_END, NULL, 0, out, &out_len);
	assert_int_equal(fake_calls("alg_send") + fake_calls("alg_recv"), 6);
	/* Smaller ones wait for each other. */
	begin(CKM_SHA256);
	fake_calls_forget();
	for (int i = 0; i < 14; i++)
		operation_run(&operation, OPERATION_NEXT, message, 10, NULL, NULL);
	operation_run(&operation, OPERATION_END, NULL, 0, out, &out_len);
	assert_int_equal(fake_calls("alg_send"), 2);
	assert_int_equal(fake_calls("alg_recv"), 1);
	begin(CKM_SHA256);
	fake_calls_forget();
	operation_run(&operation, OPERATION_ALL, NULL, 0, out, &out_len);
	assert_int_equal(fake_calls("alg_send") + fake_calls("alg_recv"), 1);
	assert_int_equal(fake_calls("alg_bind"), 0);
}

static void a_large_message_needs_no_room(void **state)
{
	size_t len = 3 << 20;
	uint8_t *large = calloc(1, len), out[32], expected[32];
	CK_ULONG out_len = 32;
	const struct mechanism *row = begin(CKM_SHA256);

	large[len - 1] = 1;
	assert_int_equal(operation_run(&operation, OPERATION_ALL, large, len, out, &out_len),
			 CKR_OK);
	reference(row, large, len, expected);
	assert_memory_equal(out, expected, 32);
	assert_int_equal(fake_calls("alg_send"), 1);
	free(large);
}

/* What was sent of an abandoned message must not begin the next one. */
static void an_abandoned_message_leaves_nothing_behind(void **state)
{
	const struct mechanism *row = begin(CKM_SHA256);
	uint8_t expected[32], out[32];
	CK_ULONG out_len = 32;

	assert_int_equal(operation_run(&operation, OPERATION_NEXT, message, 10, NULL, NULL),
			 CKR_OK);
	operation_cancel(&operation);
	begin(CKM_SHA256);
	assert_int_equal(operation_run(&operation, OPERATION_ALL, message, 67, out, &out_len),
			 CKR_OK);
	reference(row, message, 67, expected);
	assert_memory_equal(out, expected, 32);
}

/* C_DigestKey: a key's bytes are sent at once, behind what waits, and none stays. */
static void what_is_secret_does_not_wait(void **state)
{
	static const uint8_t none[ALG_BLOCK_MAX];
	const struct mechanism *row = mechanism_find(CKM_SHA256);
	uint8_t whole[23] = {0}, expected[64], out[32];
	CK_ULONG out_len = 32;

	memcpy(whole + 3, message, 20);
	begin(CKM_SHA256);
	operation_run(&operation, OPERATION_NEXT, none, 3, NULL, NULL);
	operation.secret = true;
	fake_calls_forget();
	assert_int_equal(operation_run(&operation, OPERATION_NEXT, message, 20, NULL, NULL),
			 CKR_OK);
	operation.secret = false;
	assert_int_equal(fake_calls("alg_send"), 1);
	assert_int_equal(operation.tail_len, 0);
	assert_memory_equal(operation.tail, none, sizeof(none));
	assert_int_equal(operation_run(&operation, OPERATION_END, NULL, 0, out, &out_len), CKR_OK);
	reference(row, whole, sizeof(whole), expected);
	assert_memory_equal(out, expected, 32);
}

static void failures_end_the_operation_and_close_the_socket(void **state)
{
	static const struct {
		const char *function;
		int err;
		CK_RV rv;
	} cases[] = {{"alg_send", -ENOMEM, CKR_DEVICE_MEMORY},
		     {"alg_send", -EAGAIN, CKR_DEVICE_ERROR},
		     {"alg_recv", -EIO, CKR_DEVICE_ERROR}};
	uint8_t out[32] = {0};

	for (size_t i = 0; i < 3; i++) {
		CK_ULONG out_len = 32;

		begin(CKM_SHA256);
		fake_fail(cases[i].function, 1, cases[i].err);
		assert_int_equal(
			operation_run(&operation, OPERATION_ALL, message, 9, out, &out_len),
			cases[i].rv);
		assert_null(operation.mechanism);
		assert_int_equal(fake_open_sockets(), 0);
		assert_int_equal(out[0], 0);
	}
	begin(CKM_SHA256);
	fake_fail("alg_send", 1, -EIO);
	assert_int_equal(operation_run(&operation, OPERATION_NEXT, message, 65, NULL, NULL),
			 CKR_DEVICE_ERROR);
	assert_null(operation.mechanism);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(every_row_hashes_every_length_in_one_part),
		TEST(every_split_gives_the_same_hash),
		TEST(a_final_without_updates_hashes_nothing),
		TEST(general_macs_have_every_size),
		TEST(general_macs_are_verified_with_their_size),
		TEST(the_shorter_xcbc_is_the_beginning_of_the_longer),
		TEST(a_message_of_more_than_a_gigabyte_is_sent_in_pieces),
		TEST(it_costs_what_af_alg_costs),
		TEST(a_large_message_needs_no_room),
		TEST(an_abandoned_message_leaves_nothing_behind),
		TEST(what_is_secret_does_not_wait),
		TEST(failures_end_the_operation_and_close_the_socket),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
