/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake-kernel.h"
#include "kernel/alg.h"
#include "kernel/transform.h"
#include "mech/operation.h"

static uint8_t text[64], iv[16];
static struct operation operation;

static int arm(const struct transform_key *key, int transform)
{
	return alg_set_key(transform, "0123456789abcdef", 16);
}

static const struct transform_key key = {.id = 1, .constant = true, .arm = arm};

static int setup(void **state)
{
	fake_reset();
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i + 1);
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

static CK_RV try_begin(CK_MECHANISM_TYPE type, enum operation_kind kind, void *parameter,
		       CK_ULONG len)
{
	const struct mechanism *row = mechanism_find(type);
	CK_MECHANISM mechanism = {type, parameter, len};

	return operation_begin(&operation, kind, row, &mechanism,
			       mechanism_takes_key(row) ? &key : NULL);
}

static void begin(CK_MECHANISM_TYPE type, enum operation_kind kind)
{
	bool iv_too = type == CKM_AES_CBC || type == CKM_AES_CBC_PAD;

	operation_cancel(&operation);
	assert_int_equal(try_begin(type, kind, iv_too ? iv : NULL, iv_too ? 16 : 0), CKR_OK);
	assert_non_null(operation.mechanism);
}

static CK_RV run(enum operation_part part, CK_ULONG in_len, uint8_t *out, CK_ULONG *out_len)
{
	return operation_run(&operation, part, in_len ? text : NULL, in_len, out, out_len);
}

static bool active(void)
{
	return operation.mechanism != NULL;
}

static void kinds_have_their_flags(void **state)
{
	assert_int_equal(operation_flag(OPERATION_DIGEST), CKF_DIGEST);
	assert_int_equal(operation_flag(OPERATION_ENCRYPT), CKF_ENCRYPT);
	assert_int_equal(operation_flag(OPERATION_DECRYPT), CKF_DECRYPT);
	assert_int_equal(operation_flag(OPERATION_SIGN), CKF_SIGN);
	assert_int_equal(operation_flag(OPERATION_VERIFY), CKF_VERIFY);
	assert_int_equal(operation_flag(OPERATION_VERIFY_SIGNATURE), CKF_VERIFY);
}

static void nothing_runs_without_a_beginning(void **state)
{
	uint8_t out[64];
	CK_ULONG len = sizeof(out);

	assert_int_equal(run(OPERATION_ALL, 16, out, &len), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(run(OPERATION_NEXT, 16, out, &len), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(run(OPERATION_END, 0, out, &len), CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(operation_run(&operation, OPERATION_ALL, NULL, 3, NULL, NULL),
			 CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(operation_verify(&operation, OPERATION_ALL, text, 1, text, 32),
			 CKR_OPERATION_NOT_INITIALIZED);
	assert_int_equal(operation_verify_expected(&operation, OPERATION_ALL, text, 1),
			 CKR_OPERATION_NOT_INITIALIZED);
	operation_cancel(&operation);
	assert_int_equal(fake_calls("alg_bind"), 0);
}

static void a_failed_beginning_leaves_no_operation(void **state)
{
	assert_int_equal(try_begin(CKM_AES_CBC, OPERATION_ENCRYPT, iv, 15),
			 CKR_MECHANISM_PARAM_INVALID);
	assert_false(active());
	fake_fail("alg_set_key", 1, -EINVAL);
	assert_int_equal(try_begin(CKM_AES_CBC, OPERATION_ENCRYPT, iv, 16), CKR_KEY_SIZE_RANGE);
	assert_false(active());
	fake_fail("alg_bind", 1, -EMFILE);
	assert_int_equal(try_begin(CKM_SHA256, OPERATION_DIGEST, NULL, 0), CKR_HOST_MEMORY);
	assert_false(active());
	assert_int_equal(fake_open_sockets(), 0);
}

/* Section 5.2: a NULL buffer asks for a length that is enough, and ends nothing. */
static void asking_for_the_length_keeps_the_operation(void **state)
{
	uint8_t out[32];
	CK_ULONG len;

	for (int part = OPERATION_ALL; part <= OPERATION_END; part += OPERATION_END) {
		begin(CKM_SHA256, OPERATION_DIGEST);
		for (int i = 0; i < 3; i++) {
			len = 0;
			assert_int_equal(run(part, part == OPERATION_ALL ? 10 : 0, NULL, &len),
					 CKR_OK);
			assert_int_equal(len, 32);
			assert_true(active());
		}
		assert_int_equal(fake_calls("alg_send"), 0);
		len = 32;
		assert_int_equal(run(part, part == OPERATION_ALL ? 10 : 0, out, &len), CKR_OK);
		assert_false(active());
		fake_reset();
	}
}

static void too_small_a_buffer_keeps_the_operation(void **state)
{
	uint8_t out[32], expected[32];
	CK_ULONG len;

	begin(CKM_SHA256, OPERATION_DIGEST);
	for (CK_ULONG room = 0; room < 32; room++) {
		memset(out, 0xa5, sizeof(out));
		len = room;
		assert_int_equal(run(OPERATION_ALL, 10, out, &len), CKR_BUFFER_TOO_SMALL);
		assert_int_equal(len, 32);
		assert_int_equal(out[0], 0xa5);
		assert_true(active());
	}
	/* And nothing of the input was consumed by it. */
	len = 32;
	assert_int_equal(run(OPERATION_ALL, 10, out, &len), CKR_OK);
	fake_hash("sha256", NULL, 0, text, 10, expected, 32);
	assert_memory_equal(out, expected, 32);
	assert_false(active());
}

/* A refused single-part call does not make the operation a multi-part one. */
static void after_a_refused_final_a_single_part_may_come(void **state)
{
	uint8_t out[32];
	CK_ULONG len = 3;

	begin(CKM_SHA256, OPERATION_DIGEST);
	assert_int_equal(run(OPERATION_END, 0, out, &len), CKR_BUFFER_TOO_SMALL);
	len = 32;
	assert_int_equal(run(OPERATION_ALL, 10, out, &len), CKR_OK);
}

static void an_update_keeps_and_a_final_ends(void **state)
{
	uint8_t out[64];
	CK_ULONG len = 64;

	begin(CKM_AES_ECB, OPERATION_ENCRYPT);
	assert_int_equal(run(OPERATION_NEXT, 20, out, &len), CKR_OK);
	assert_int_equal(len, 16);
	assert_true(active());
	len = 64;
	assert_int_equal(run(OPERATION_NEXT, 12, out, &len), CKR_OK);
	assert_int_equal(len, 16);
	len = 64;
	assert_int_equal(run(OPERATION_END, 0, out, &len), CKR_OK);
	assert_int_equal(len, 0);
	assert_false(active());
}

/* C_Encrypt "cannot be used to terminate a multi-part operation, and must be called after
 * C_EncryptInit without intervening C_EncryptUpdate calls" (5.8.2). */
static void a_single_part_after_an_update_ends_the_operation(void **state)
{
	uint8_t out[64];
	CK_ULONG len = 64;

	begin(CKM_AES_ECB, OPERATION_ENCRYPT);
	assert_int_equal(run(OPERATION_NEXT, 16, out, &len), CKR_OK);
	len = 64;
	assert_int_equal(run(OPERATION_ALL, 16, out, &len), CKR_OPERATION_NOT_INITIALIZED);
	assert_false(active());
	begin(CKM_SHA256_HMAC, OPERATION_VERIFY);
	assert_int_equal(run(OPERATION_NEXT, 16, NULL, NULL), CKR_OK);
	assert_int_equal(operation_verify(&operation, OPERATION_ALL, text, 16, text, 32),
			 CKR_OPERATION_NOT_INITIALIZED);
	assert_false(active());
}

static void bad_arguments_end_the_operation(void **state)
{
	uint8_t out[64];
	CK_ULONG len = 64;

	begin(CKM_AES_ECB, OPERATION_ENCRYPT);
	assert_int_equal(operation_run(&operation, OPERATION_ALL, NULL, 16, out, &len),
			 CKR_ARGUMENTS_BAD);
	assert_false(active());
	begin(CKM_AES_ECB, OPERATION_ENCRYPT);
	assert_int_equal(run(OPERATION_ALL, 16, out, NULL), CKR_ARGUMENTS_BAD);
	assert_false(active());
	begin(CKM_AES_ECB, OPERATION_ENCRYPT);
	assert_int_equal(run(OPERATION_END, 0, out, NULL), CKR_ARGUMENTS_BAD);
	assert_false(active());
}

/* C_EncryptUpdate has an output, and so needs its length: PKCS#11 3.0, section 5.8.3. */
static void an_update_with_output_needs_its_length(void **state)
{
	uint8_t out[64];

	begin(CKM_AES_ECB, OPERATION_ENCRYPT);
	assert_int_equal(run(OPERATION_NEXT, 16, NULL, NULL), CKR_ARGUMENTS_BAD);
	assert_false(active());
	begin(CKM_AES_ECB, OPERATION_ENCRYPT);
	assert_int_equal(run(OPERATION_NEXT, 16, out, NULL), CKR_ARGUMENTS_BAD);
	assert_false(active());
}

static void a_wrong_length_ends_the_operation(void **state)
{
	uint8_t out[64];
	CK_ULONG len = 64;

	begin(CKM_AES_ECB, OPERATION_ENCRYPT);
	assert_int_equal(run(OPERATION_ALL, 17, out, &len), CKR_DATA_LEN_RANGE);
	assert_false(active());
	begin(CKM_AES_ECB, OPERATION_DECRYPT);
	len = 64;
	assert_int_equal(run(OPERATION_ALL, 17, out, &len), CKR_ENCRYPTED_DATA_LEN_RANGE);
	assert_false(active());
	/* Also where only the length was asked for. */
	begin(CKM_AES_ECB, OPERATION_ENCRYPT);
	assert_int_equal(run(OPERATION_ALL, 17, NULL, &len), CKR_DATA_LEN_RANGE);
	assert_false(active());
}

static void a_failure_of_the_kernel_ends_the_operation(void **state)
{
	uint8_t out[64];
	CK_ULONG len = 64;

	begin(CKM_AES_ECB, OPERATION_ENCRYPT);
	fake_fail("alg_send", 1, -ENOMEM);
	assert_int_equal(run(OPERATION_NEXT, 16, out, &len), CKR_DEVICE_MEMORY);
	assert_false(active());
	assert_int_equal(fake_open_sockets(), 0);
}

static CK_RV verify(enum operation_part part, const uint8_t *mac, CK_ULONG len)
{
	return operation_verify(&operation, part, part == OPERATION_ALL ? text : NULL,
				part == OPERATION_ALL ? sizeof(text) : 0, mac, len);
}

static void a_mac_is_verified(void **state)
{
	uint8_t mac[33] = {0};

	fake_hash("hmac(sha256)", "0123456789abcdef", 16, text, sizeof(text), mac, 32);
	begin(CKM_SHA256_HMAC, OPERATION_VERIFY);
	assert_int_equal(verify(OPERATION_ALL, mac, 32), CKR_OK);
	assert_false(active());
	begin(CKM_SHA256_HMAC, OPERATION_VERIFY);
	assert_int_equal(run(OPERATION_NEXT, sizeof(text), NULL, NULL), CKR_OK);
	assert_true(active());
	assert_int_equal(verify(OPERATION_END, mac, 32), CKR_OK);
	assert_false(active());
}

static void every_wrong_bit_of_a_mac_is_seen(void **state)
{
	uint8_t mac[33] = {0};

	fake_hash("hmac(sha256)", "0123456789abcdef", 16, text, sizeof(text), mac, 32);
	for (unsigned int bit = 0; bit < 256; bit++) {
		mac[bit / 8] ^= (uint8_t)(1 << bit % 8);
		begin(CKM_SHA256_HMAC, OPERATION_VERIFY);
		assert_int_equal(verify(OPERATION_ALL, mac, 32), CKR_SIGNATURE_INVALID);
		assert_false(active());
		mac[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (CK_ULONG len = 0; len <= 33; len++) {
		if (len == 32)
			continue;
		begin(CKM_SHA256_HMAC, OPERATION_VERIFY);
		assert_int_equal(verify(OPERATION_ALL, mac, len), CKR_SIGNATURE_LEN_RANGE);
		assert_false(active());
	}
	begin(CKM_SHA256_HMAC, OPERATION_VERIFY);
	assert_int_equal(verify(OPERATION_ALL, NULL, 32), CKR_ARGUMENTS_BAD);
	assert_false(active());
	begin(CKM_SHA256_HMAC, OPERATION_VERIFY);
	assert_int_equal(operation_verify(&operation, OPERATION_ALL, NULL, 1, mac, 32),
			 CKR_ARGUMENTS_BAD);
	assert_false(active());
	begin(CKM_SHA256_HMAC, OPERATION_VERIFY);
	fake_fail("alg_recv", 1, -EIO);
	assert_int_equal(verify(OPERATION_ALL, mac, 32), CKR_DEVICE_ERROR);
	assert_false(active());
}

static void reference(uint8_t mac[32])
{
	fake_hash("hmac(sha256)", "0123456789abcdef", 16, text, sizeof(text), mac, 32);
}

/* Section 5.16: the signature comes with C_VerifySignatureInit. */
static void expect(const uint8_t *mac)
{
	uint8_t own[32];

	memcpy(own, mac, sizeof(own));
	begin(CKM_SHA256_HMAC, OPERATION_VERIFY_SIGNATURE);
	assert_int_equal(operation_expect(&operation, own, 32), CKR_OK);
	assert_true(active());
	/* It is copied. */
	memset(own, 0, sizeof(own));
}

static CK_RV verify_expected(bool parts)
{
	if (!parts)
		return operation_verify_expected(&operation, OPERATION_ALL, text, sizeof(text));
	assert_int_equal(operation_run(&operation, OPERATION_NEXT, text, 20, NULL, NULL), CKR_OK);
	assert_int_equal(
		operation_run(&operation, OPERATION_NEXT, text + 20, sizeof(text) - 20, NULL, NULL),
		CKR_OK);
	return operation_verify_expected(&operation, OPERATION_END, NULL, 0);
}

static void an_expected_mac_is_verified(void **state)
{
	uint8_t mac[32];

	reference(mac);
	for (unsigned int bit = 0; bit < 256; bit++) {
		for (int parts = 0; parts < 2; parts++) {
			expect(mac);
			assert_int_equal(verify_expected(parts), CKR_OK);
			assert_false(active());
			mac[bit / 8] ^= (uint8_t)(1 << bit % 8);
			expect(mac);
			assert_int_equal(verify_expected(parts), CKR_SIGNATURE_INVALID);
			assert_false(active());
			mac[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
	/* All on one socket. */
	assert_int_equal(fake_calls("alg_accept"), 1);
}

static void an_expected_mac_has_its_length(void **state)
{
	CK_ULONG size = 5;
	uint8_t mac[33] = {0};

	for (CK_ULONG len = 0; len <= 33; len++) {
		if (len == 32)
			continue;
		begin(CKM_SHA256_HMAC, OPERATION_VERIFY_SIGNATURE);
		assert_int_equal(operation_expect(&operation, mac, len), CKR_SIGNATURE_LEN_RANGE);
		assert_false(active());
		assert_int_equal(operation_verify_expected(&operation, OPERATION_ALL, text, 1),
				 CKR_OPERATION_NOT_INITIALIZED);
	}
	reference(mac);
	assert_int_equal(
		try_begin(CKM_SHA256_HMAC_GENERAL, OPERATION_VERIFY_SIGNATURE, &size, sizeof(size)),
		CKR_OK);
	assert_int_equal(operation_expect(&operation, mac, 5), CKR_OK);
	assert_int_equal(verify_expected(false), CKR_OK);
}

static void an_expected_mac_may_wait_in_vain(void **state)
{
	uint8_t mac[32];

	reference(mac);
	expect(mac);
	operation_cancel(&operation);
	/* What began in parts ends in parts. */
	expect(mac);
	assert_int_equal(operation_run(&operation, OPERATION_NEXT, text, 20, NULL, NULL), CKR_OK);
	assert_int_equal(operation_verify_expected(&operation, OPERATION_ALL, text, 20),
			 CKR_OPERATION_NOT_INITIALIZED);
	assert_false(active());
	expect(mac);
	assert_int_equal(operation_verify_expected(&operation, OPERATION_ALL, NULL, 20),
			 CKR_ARGUMENTS_BAD);
	assert_false(active());
	expect(mac);
	fake_fail("alg_recv", 1, -EIO);
	assert_int_equal(verify_expected(true), CKR_DEVICE_ERROR);
	assert_false(active());
	assert_int_equal(fake_open_sockets(), 0);
}

/* C_EncryptMessageNext with CKF_END_OF_MESSAGE: a final that brings data. */
static void a_last_part_brings_data_and_ends(void **state)
{
	uint8_t out[64], expected[64];
	CK_ULONG len = 64;

	fake_cipher("ecb(aes)", "0123456789abcdef", 16, false, NULL, text, 64, expected);
	for (CK_ULONG first = 0; first <= 64; first += 8) {
		CK_ULONG due = 64 - first / 16 * 16;

		begin(CKM_AES_ECB, OPERATION_ENCRYPT);
		if (first) {
			len = 64;
			assert_int_equal(run(OPERATION_NEXT, first, out, &len), CKR_OK);
		}
		len = 0;
		assert_int_equal(operation_run(&operation, OPERATION_LAST, text + first, 64 - first,
					       NULL, &len),
				 CKR_OK);
		assert_int_equal(len, due);
		if (due) {
			len = due - 1;
			assert_int_equal(operation_run(&operation, OPERATION_LAST, text + first,
						       64 - first, out + 64 - due, &len),
					 CKR_BUFFER_TOO_SMALL);
			assert_int_equal(len, due);
		}
		assert_true(active());
		assert_int_equal(operation_run(&operation, OPERATION_LAST, text + first, 64 - first,
					       out + 64 - due, &len),
				 CKR_OK);
		assert_int_equal(len, due);
		assert_memory_equal(out, expected, 64);
		assert_false(active());
	}
	begin(CKM_AES_ECB, OPERATION_ENCRYPT);
	assert_int_equal(run(OPERATION_LAST, 16, out, NULL), CKR_ARGUMENTS_BAD);
	assert_false(active());
}

static struct op_socket *lend(struct op_socket *socket, bool decrypt)
{
	const struct mechanism *row = mechanism_find(CKM_AES_GCM);
	const struct transform transform = {row->kernel_type, row->kernel_name, &key, 16};
	struct parameter *parameter = &operation.parameter;

	parameter_start(row, parameter);
	parameter->tag_size = 16;
	parameter->iv_len = 12;
	assert_int_equal(parameter_take_aad(parameter, iv, sizeof(iv)), CKR_OK);
	if (!socket)
		assert_int_equal(transform_take(&transform, &socket), 0);
	operation_borrow(&operation, decrypt ? OPERATION_DECRYPT : OPERATION_ENCRYPT, row, socket);
	assert_true(active());
	return socket;
}

static void a_borrowed_socket_stays_open(void **state)
{
	struct op_socket *socket = NULL;
	uint8_t out[80], back[64];
	CK_ULONG len;

	for (int i = 0; i < 3; i++) {
		socket = lend(socket, false);
		len = sizeof(out);
		assert_int_equal(run(OPERATION_ALL, 64, out, &len), CKR_OK);
		assert_false(active());
		assert_false(socket->spoilt);
		lend(socket, true);
		len = sizeof(back);
		assert_int_equal(operation_run(&operation, OPERATION_ALL, out, 80, back, &len),
				 CKR_OK);
		assert_memory_equal(back, text, 64);
		assert_false(socket->spoilt);
		/* A wrong tag leaves nothing behind. */
		out[70] ^= 1;
		lend(socket, true);
		assert_int_equal(operation_run(&operation, OPERATION_ALL, out, 80, back, &len),
				 CKR_ENCRYPTED_DATA_INVALID);
		assert_false(socket->spoilt);
		/* Nor what was not begun. */
		lend(socket, false);
		operation_cancel(&operation);
		assert_false(socket->spoilt);
		assert_int_equal(fake_open_sockets(), 1);
	}
	assert_int_equal(fake_calls("alg_accept"), 1);
	transform_give(socket, true);
}

static void a_borrowed_socket_is_spoilt_in_the_middle(void **state)
{
	static const char *const functions[] = {"alg_send", "alg_recv"};
	struct op_socket *socket = NULL;
	uint8_t out[80];

	for (size_t i = 0; i < 2; i++) {
		CK_ULONG len = sizeof(out);

		socket = lend(NULL, false);
		fake_fail(functions[i], 1, -ENOMEM);
		assert_int_equal(run(OPERATION_ALL, 64, out, &len), CKR_DEVICE_MEMORY);
		assert_false(active());
		/* It is still there, but its owner is told. */
		assert_true(socket->spoilt);
		assert_int_equal(fake_open_sockets(), 1);
		transform_give(socket, !socket->spoilt);
		assert_int_equal(fake_open_sockets(), 0);
	}
}

static void cancelling_ends_at_any_time(void **state)
{
	uint8_t out[64];
	CK_ULONG len = 64;

	begin(CKM_AES_CBC, OPERATION_ENCRYPT);
	operation_cancel(&operation);
	assert_false(active());
	/* Nothing was sent: the socket is as good as new. */
	assert_int_equal(fake_open_sockets(), 1);
	begin(CKM_AES_CBC, OPERATION_ENCRYPT);
	assert_int_equal(fake_calls("alg_bind"), 1);
	run(OPERATION_NEXT, 20, out, &len);
	operation_cancel(&operation);
	assert_false(active());
	operation_cancel(&operation);
	assert_int_equal(run(OPERATION_END, 0, out, &len), CKR_OPERATION_NOT_INITIALIZED);
}

/* What the caller's memory held at C_EncryptInit counts, not what it holds later. */
static void the_parameter_is_copied(void **state)
{
	uint8_t own[16] = {0x42}, out[64], expected[64];
	CK_ULONG len = 64;

	fake_cipher("cbc(aes)", "0123456789abcdef", 16, false, own, text, 64, expected);
	assert_int_equal(try_begin(CKM_AES_CBC, OPERATION_ENCRYPT, own, 16), CKR_OK);
	memset(own, 0, sizeof(own));
	assert_int_equal(run(OPERATION_ALL, 64, out, &len), CKR_OK);
	assert_memory_equal(out, expected, 64);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_have_their_flags),
		TEST(nothing_runs_without_a_beginning),
		TEST(a_failed_beginning_leaves_no_operation),
		TEST(asking_for_the_length_keeps_the_operation),
		TEST(too_small_a_buffer_keeps_the_operation),
		TEST(after_a_refused_final_a_single_part_may_come),
		TEST(an_update_keeps_and_a_final_ends),
		TEST(a_single_part_after_an_update_ends_the_operation),
		TEST(bad_arguments_end_the_operation),
		TEST(a_wrong_length_ends_the_operation),
		TEST(a_failure_of_the_kernel_ends_the_operation),
		TEST(a_mac_is_verified),
		TEST(every_wrong_bit_of_a_mac_is_seen),
		TEST(an_expected_mac_is_verified),
		TEST(an_expected_mac_has_its_length),
		TEST(an_expected_mac_may_wait_in_vain),
		TEST(a_last_part_brings_data_and_ends),
		TEST(a_borrowed_socket_stays_open),
		TEST(a_borrowed_socket_is_spoilt_in_the_middle),
		TEST(cancelling_ends_at_any_time),
		TEST(the_parameter_is_copied),
		TEST(an_update_with_output_needs_its_length),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("operation", tests, NULL, NULL);
}
