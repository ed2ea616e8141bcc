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
#include "pkcs11-parameters.h"

enum { LONGEST = 67, LARGE = 20000, NONCE = 12 };

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

static const CK_MECHANISM_TYPE types[] = {CKM_AES_GCM, CKM_AES_CCM, CKM_CHACHA20_POLY1305};
static const char secret[] = "0123456789abcdef0123456789ABCDEF";
static uint8_t iv[16], aad[40], message[LARGE], sealed[LARGE + 16], tag[16];
static const struct mechanism *row;
static struct op_socket *lent;
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
	for (size_t i = 0; i < sizeof(aad); i++)
		aad[i] = (uint8_t)(200 - i);
	for (size_t i = 0; i < sizeof(iv); i++)
		iv[i] = (uint8_t)(0xf1 + i * 3);
	row = mechanism_find(CKM_AES_GCM);
	return 0;
}

/* Ends what is under way, and takes back what it borrowed. */
static void stop(void)
{
	operation_cancel(&operation);
	if (lent)
		transform_give(lent, !lent->spoilt);
	lent = NULL;
}

static int teardown(void **state)
{
	stop();
	if (fake_busy_sockets())
		return -1;
	transform_purge(0);
	return fake_open_sockets() ? -1 : 0;
}

/* The next row, from the one before it or NULL. */
static bool next_row(size_t *i)
{
	if (*i == sizeof(types) / sizeof(*types)) {
		row = mechanism_find(CKM_AES_GCM);
		return false;
	}
	row = mechanism_find(types[(*i)++]);
	return true;
}

static bool takes_tag(size_t size)
{
	return row->type == CKM_AES_GCM   ? size == 4 || size == 8 || size >= 12
	       : row->type == CKM_AES_CCM ? size % 2 == 0
					  : size == 16;
}

/* As C_EncryptInit begins it; CCM's message is to have LEN bytes. */
static void begin(bool decrypt, size_t aad_len, size_t tag_size, size_t len)
{
	struct gcm_params gcm = {iv, NONCE, 0, aad, aad_len, tag_size * 8};
	struct ccm_params ccm = {len, iv, NONCE, aad, aad_len, tag_size};
	struct chacha20_poly1305_params chacha = {iv, 8 * NONCE, aad, aad_len};
	CK_MECHANISM mechanism = {row->type, &gcm, sizeof(gcm)};

	if (row->type == CKM_AES_CCM)
		mechanism = (CK_MECHANISM){row->type, &ccm, sizeof(ccm)};
	if (row->type == CKM_CHACHA20_POLY1305)
		mechanism = (CK_MECHANISM){row->type, &chacha, sizeof(chacha)};
	stop();
	assert_int_equal(operation_begin(&operation,
					 decrypt ? OPERATION_DECRYPT : OPERATION_ENCRYPT, row,
					 &mechanism, &key),
			 CKR_OK);
}

/* As a message of a process begins, whose tag has a place of its own. */
static void begin_detached(bool decrypt, size_t aad_len, size_t tag_size, size_t len)
{
	struct gcm_message_params gcm = {iv, NONCE, 0, CKG_NO_GENERATE, tag, tag_size * 8};
	struct ccm_message_params ccm = {len, iv, NONCE, 0, CKG_NO_GENERATE, tag, tag_size};
	struct chacha20_poly1305_message_params chacha = {iv, 8 * NONCE, tag};
	struct transform transform = {row->kernel_type, row->kernel_name, &key,
				      (unsigned int)tag_size};
	struct parameter *parameter = &operation.parameter;
	struct nonce nonce;

	stop();
	parameter_start(row, parameter);
	assert_int_equal(row->type == CKM_AES_GCM
				 ? row->decode_message(&gcm, sizeof(gcm), parameter, &nonce)
			 : row->type == CKM_AES_CCM
				 ? row->decode_message(&ccm, sizeof(ccm), parameter, &nonce)
				 : row->decode_message(&chacha, sizeof(chacha), parameter, &nonce),
			 CKR_OK);
	assert_int_equal(parameter_take_aad(parameter, aad, aad_len), CKR_OK);
	assert_int_equal(transform_take(&transform, &lent), 0);
	operation_borrow(&operation, decrypt ? OPERATION_DECRYPT : OPERATION_ENCRYPT, row, lent);
}

/* The sealed message, in SEALED; its length. */
static size_t seal(size_t aad_len, size_t len, size_t tag_size)
{
	uint8_t kernels[16] = {14 - NONCE};

	/* CCM: RFC 3610, section 2.3; the kernel wants the counter to be zero. */
	memcpy(kernels + 1, iv, NONCE);
	fake_seal(row->kernel_name, secret, 32, row->type == CKM_AES_CCM ? kernels : iv, aad,
		  aad_len, message, len, tag_size, sealed);
	return len + tag_size;
}

static CK_RV run(enum operation_part part, const uint8_t *in, size_t in_len, uint8_t *out,
		 CK_ULONG *out_len)
{
	return operation_run(&operation, part, in, in_len, out, out_len);
}

/* A length query, too small a buffer and one that suffices: all of IN, or the end of parts. */
static void check_end(const uint8_t *in, size_t in_len, bool parts, uint8_t *out, const void *text,
		      size_t due)
{
	enum operation_part part = parts ? OPERATION_END : OPERATION_ALL;
	CK_ULONG out_len = 0;

	assert_int_equal(run(part, in, in_len, NULL, &out_len), CKR_OK);
	assert_int_equal(out_len, due);
	if (due) {
		out_len = due - 1;
		assert_int_equal(run(part, in, in_len, out, &out_len), CKR_BUFFER_TOO_SMALL);
		assert_int_equal(out_len, due);
	}
	assert_int_equal(run(part, in, in_len, out, &out_len), CKR_OK);
	assert_int_equal(out_len, due);
	assert_memory_equal(out, text, due);
	assert_null(operation.mechanism);
	assert_int_equal(fake_busy_sockets(), 0);
}

static void check_whole(bool decrypt, bool in_place, size_t aad_len, size_t tag_size, size_t len)
{
	size_t sealed_len = seal(aad_len, len, tag_size);
	size_t in_len = decrypt ? sealed_len : len, due = decrypt ? len : sealed_len;
	size_t room = in_place ? sealed_len : due;
	uint8_t *out = malloc(room + 1), *own = in_place ? out : malloc(in_len + 1);

	out[room] = 0xa5;
	memcpy(own, decrypt ? sealed : message, in_len);
	begin(decrypt, aad_len, tag_size, len);
	check_end(own, in_len, false, out, decrypt ? message : sealed, due);
	assert_int_equal(out[room], 0xa5);
	if (!in_place)
		free(own);
	free(out);
}

/* The same with the tag in the message's parameter: text and ciphertext are equally long. */
static void check_detached(bool decrypt, bool in_place, size_t aad_len, size_t tag_size, size_t len)
{
	uint8_t *out = malloc(len + 1), *own = in_place ? out : malloc(len + 1);

	seal(aad_len, len, tag_size);
	memset(tag, 0x5a, sizeof(tag));
	if (decrypt)
		memcpy(tag, sealed + len, tag_size);
	out[len] = 0xa5;
	memcpy(own, decrypt ? sealed : message, len);
	begin_detached(decrypt, aad_len, tag_size, len);
	check_end(own, len, false, out, decrypt ? message : sealed, len);
	assert_memory_equal(tag, sealed + len, tag_size);
	for (size_t i = tag_size; i < sizeof(tag); i++)
		assert_int_equal(tag[i], 0x5a);
	assert_int_equal(out[len], 0xa5);
	assert_false(lent->spoilt);
	if (!in_place)
		free(own);
	free(out);
}

static void every_length_passes_in_one_part(void **state)
{
	static const size_t aads[] = {0, 1, 16, 40};
	size_t tags = 0;

	for (size_t i = 0; next_row(&i);) {
		for (size_t size = 4; size <= 16; size++) {
			if (!takes_tag(size))
				continue;
			tags++;
			for (size_t at = 0; at < 4 * (LONGEST + 1); at++) {
				size_t aad_len = aads[at % 4], len = at / 4;

				for (int mode = 0; mode < 4; mode++) {
					check_whole(mode & 1, mode & 2, aad_len, size, len);
					check_detached(mode & 1, mode & 2, aad_len, size, len);
				}
			}
		}
	}
	assert_int_equal(tags, 15);
}

/* Updates give nothing: not a byte of text may be out before the tag is found right. */
static void check_parts(bool decrypt, bool detached, const size_t *parts, size_t n, size_t len)
{
	size_t sealed_len = seal(40, len, 16), due = decrypt || detached ? len : sealed_len;
	const uint8_t *at = decrypt ? sealed : message;
	uint8_t *out = malloc(due + 1);
	CK_ULONG out_len;

	memcpy(tag, sealed + len, 16);
	if (detached)
		begin_detached(decrypt, 40, 16, len);
	else
		begin(decrypt, 40, 16, len);
	for (size_t i = 0; i < n; at += parts[i++]) {
		out_len = 0;
		assert_int_equal(run(OPERATION_NEXT, at, parts[i], out, &out_len), CKR_OK);
		assert_int_equal(out_len, 0);
	}
	check_end(NULL, 0, true, out, decrypt ? message : sealed, due);
	free(out);
}

static void every_split_gives_the_same(void **state)
{
	for (size_t i = 0; next_row(&i);) {
		for (size_t len = 0; len <= LONGEST; len += 1 + len / 20) {
			for (int mode = 0; mode < 4; mode++) {
				size_t in_len = len + (mode == 1 ? 16 : 0);

				for (size_t first = 0; first <= in_len; first++) {
					size_t half = (in_len - first) / 2;
					const size_t parts[] = {first, 0, half,
								in_len - first - half};

					check_parts(mode & 1, mode & 2, parts, 4, len);
				}
			}
		}
	}
}

static void what_is_shorter_than_its_tag_is_refused(void **state)
{
	uint8_t out[32];

	for (size_t i = 0; next_row(&i);) {
		for (size_t len = 0; len < 16; len++) {
			CK_ULONG out_len = sizeof(out);

			begin(true, 0, 16, 0);
			assert_int_equal(run(OPERATION_ALL, message, len, out, &out_len),
					 CKR_ENCRYPTED_DATA_LEN_RANGE);
			assert_null(operation.mechanism);
			begin(true, 0, 16, 0);
			out_len = sizeof(out);
			assert_int_equal(run(OPERATION_NEXT, message, len, out, &out_len), CKR_OK);
			out_len = sizeof(out);
			assert_int_equal(run(OPERATION_END, NULL, 0, out, &out_len),
					 CKR_ENCRYPTED_DATA_LEN_RANGE);
			assert_null(operation.mechanism);
		}
	}
	assert_int_equal(fake_calls("alg_send"), 0);
}

/* Section 5.10: CKR_ENCRYPTED_DATA_INVALID; and no byte of the text. */
static void refuse(size_t aad_len, size_t len, bool parts, bool detached)
{
	uint8_t out[LONGEST + 1];
	size_t in_len = detached ? len : len + 16;
	CK_ULONG out_len = sizeof(out);
	CK_RV rv;

	memset(out, 0xa5, sizeof(out));
	memcpy(tag, sealed + len, 16);
	if (detached)
		begin_detached(true, aad_len, 16, len);
	else
		begin(true, aad_len, 16, len);
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
	/* The tag is the caller's. */
	assert_memory_equal(tag, sealed + len, 16);
	assert_int_equal(fake_busy_sockets(), 0);
}

static void a_wrong_message_leaves_no_byte(void **state)
{
	static const size_t lengths[] = {0, 1, 16, 33};

	for (size_t r = 0; next_row(&r);) {
		for (size_t at = 0; at < 12; at++) {
			size_t len = lengths[at % 4], aad_len = at / 4 * 20;
			size_t sealed_len = seal(aad_len, len, 16);

			for (size_t i = 0; i < 2 * sealed_len; i++) {
				sealed[i / 2] ^= 4;
				refuse(aad_len, len, i / 2 % 2, i % 2);
				sealed[i / 2] ^= 4;
			}
			for (int detached = 0; aad_len && detached < 2; detached++) {
				aad[aad_len - 1] ^= 1;
				refuse(aad_len, len, false, detached);
				aad[aad_len - 1] ^= 1;
				refuse(aad_len - 1, len, false, detached);
			}
		}
	}
	stop();
	/* The socket is clean after a wrong tag, and goes on. */
	assert_int_equal(fake_calls("alg_bind"), 3);
	check_whole(true, false, 40, 16, 33);
	assert_int_equal(fake_calls("alg_bind"), 3);
}

static void other_failures_wipe_and_close(void **state)
{
	static const char *const functions[] = {"alg_send", "alg_recv"};
	size_t in_len = seal(40, 33, 16);
	uint8_t out[64];

	for (size_t i = 0; i < 4; i++) {
		CK_ULONG out_len = sizeof(out);

		memset(out, 0xa5, sizeof(out));
		memset(tag, 0x5a, sizeof(tag));
		if (i / 2)
			begin_detached(false, 40, 16, 33);
		else
			begin(true, 40, 16, 33);
		fake_fail(functions[i % 2], 1, -ENOMEM);
		assert_int_equal(run(OPERATION_ALL, sealed, i / 2 ? 33 : in_len, out, &out_len),
				 CKR_DEVICE_MEMORY);
		for (size_t at = 0; at < 33; at++)
			assert_int_equal(out[at], 0);
		for (size_t at = 0; at < 16; at++)
			assert_int_equal(tag[at], i / 2 ? 0 : 0x5a);
		/* What was borrowed goes back to its owner, who is told. */
		assert_int_equal(fake_open_sockets(), i / 2);
		assert_int_equal(lent && lent->spoilt, i / 2);
	}
	begin(true, 40, 16, 0);
	fake_fail("alg_room", 1, -ENOBUFS);
	assert_int_equal(run(OPERATION_ALL, message, 5000, NULL, &(CK_ULONG){0}),
			 CKR_DEVICE_MEMORY);
}

/* AAD, text and tag together are one request, wherever the tag lies; beyond its room the real
 * kernel answers wrongly. */
static void check_limit(bool decrypt, bool detached, size_t most, size_t len)
{
	static uint8_t out[LARGE + 16];
	CK_RV refusal = decrypt ? CKR_ENCRYPTED_DATA_LEN_RANGE : CKR_DATA_LEN_RANGE;
	size_t sealed_len = seal(40, len, 16), in_len = decrypt && !detached ? sealed_len : len;
	const uint8_t *in = decrypt ? sealed : message;

	for (int parts = 0; parts < 2; parts++) {
		CK_ULONG out_len = sizeof(out);

		memcpy(tag, sealed + len, 16);
		if (detached)
			begin_detached(decrypt, 40, 16, len);
		else
			begin(decrypt, 40, 16, len);
		if (parts) {
			assert_int_equal(run(OPERATION_NEXT, in, 1000, out, &out_len), CKR_OK);
			out_len = sizeof(out);
			assert_int_equal(
				run(OPERATION_NEXT, in + 1000, in_len - 1000, out, &out_len),
				len <= most ? CKR_OK : refusal);
			assert_int_equal(operation.mechanism != NULL, len <= most);
			continue;
		}
		assert_int_equal(run(OPERATION_ALL, in, in_len, out, &out_len),
				 len <= most ? CKR_OK : refusal);
		assert_null(operation.mechanism);
		if (len <= most)
			assert_memory_equal(out, decrypt ? message : sealed, out_len);
	}
}

static void a_message_is_no_longer_than_one_request(void **state)
{
	static const size_t rooms[] = {4096, 10000};

	for (size_t i = 0; next_row(&i);) {
		for (size_t r = 0; r < 2; r++) {
			size_t most = rooms[r] - 40 - 16;

			stop();
			fake_room(rooms[r]);
			transform_purge(0);
			for (size_t len = most - 2; len <= most + 3; len++)
				for (int mode = 0; mode < 4; mode++)
					check_limit(mode & 1, mode & 2, most, len);
		}
		/* CCM's nonce leaves no room for such lengths. */
		for (size_t least = 0; row->type != CKM_AES_CCM && least <= 20; least += 20) {
			begin(false, 40, 16, 0);
			assert_int_equal(
				run(OPERATION_ALL, message, SIZE_MAX - least, NULL, &(CK_ULONG){0}),
				CKR_DATA_LEN_RANGE);
			begin(true, 40, 16, 0);
			assert_int_equal(run(OPERATION_NEXT, message, 30, NULL, &(CK_ULONG){0}),
					 CKR_OK);
			assert_int_equal(run(OPERATION_NEXT, message, SIZE_MAX - least, NULL,
					     &(CK_ULONG){0}),
					 CKR_ENCRYPTED_DATA_LEN_RANGE);
		}
	}
}

/* CCM: ulDataLen says how long the text will be. */
static void check_promise(bool decrypt, bool detached, size_t promised, size_t len)
{
	CK_RV refusal = decrypt ? CKR_ENCRYPTED_DATA_LEN_RANGE : CKR_DATA_LEN_RANGE;
	size_t in_len = decrypt && !detached ? len + 16 : len;
	uint8_t out[64];

	seal(20, len, 16);
	memcpy(tag, sealed + len, 16);
	for (int parts = 0; parts < 2; parts++) {
		const uint8_t *in = decrypt ? sealed : message;
		CK_ULONG out_len = sizeof(out);
		CK_RV rv;

		if (detached)
			begin_detached(decrypt, 20, 16, promised);
		else
			begin(decrypt, 20, 16, promised);
		if (parts) {
			rv = run(OPERATION_NEXT, in, in_len, out, &out_len);
			/* Too much is told as soon as it is there, too little at the end. */
			assert_int_equal(rv, len <= promised ? CKR_OK : refusal);
			out_len = sizeof(out);
			if (rv == CKR_OK)
				rv = run(OPERATION_END, NULL, 0, out, &out_len);
		} else {
			rv = run(OPERATION_ALL, in, in_len, out, &out_len);
		}
		assert_int_equal(rv, len == promised ? CKR_OK : refusal);
		assert_null(operation.mechanism);
		if (rv == CKR_OK)
			assert_memory_equal(out, decrypt ? message : sealed, out_len);
	}
}

static void a_ccm_message_is_as_long_as_promised(void **state)
{
	row = mechanism_find(CKM_AES_CCM);
	for (size_t promised = 0; promised <= 40; promised += 20)
		for (size_t len = promised ? promised - 2 : 0; len <= promised + 2; len++)
			for (int mode = 0; mode < 4; mode++)
				check_promise(mode & 1, mode & 2, promised, len);
}

/* Each tag size arms a transform of its own, and needs no more than two calls afterwards. */
static void it_costs_what_af_alg_costs(void **state)
{
	uint8_t out[64];
	CK_ULONG out_len = sizeof(out);

	check_whole(false, false, 40, 16, 33);
	check_whole(false, false, 40, 12, 33);
	assert_int_equal(fake_calls("alg_bind"), 2);
	/* Sixteen bytes are what a transform begins with. */
	assert_int_equal(fake_calls("alg_set_tag_size"), 1);
	fake_calls_forget();
	begin(false, 40, 16, 33);
	assert_int_equal(run(OPERATION_ALL, message, 33, out, &out_len), CKR_OK);
	assert_int_equal(fake_calls("alg_send"), 1);
	assert_int_equal(fake_calls("alg_recv"), 1);
	assert_int_equal(fake_calls("alg_bind") + fake_calls("alg_room"), 0);
}

static void an_abandoned_message_leaves_nothing_behind(void **state)
{
	uint8_t out[8];

	begin(false, 40, 16, 33);
	assert_int_equal(run(OPERATION_NEXT, message, 30, out, &(CK_ULONG){8}), CKR_OK);
	operation_cancel(&operation);
	check_whole(false, false, 40, 16, 33);
}

/* What was gathered of a message is plaintext in this process's memory. */
static void gathered_text_is_wiped(void **state)
{
	uint8_t out[16];

	begin(false, 0, 16, 1100);
	assert_int_equal(run(OPERATION_NEXT, message, 100, out, &(CK_ULONG){16}), CKR_OK);
	looked_for = operation.text;
	assert_non_null(looked_for);
	wiped = 0;
	assert_int_equal(run(OPERATION_NEXT, message, 1000, out, &(CK_ULONG){16}), CKR_OK);
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
		TEST(a_ccm_message_is_as_long_as_promised),
		TEST(it_costs_what_af_alg_costs),
		TEST(an_abandoned_message_leaves_nothing_behind),
		TEST(gathered_text_is_wiped),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("aead", tests, NULL, NULL);
}
