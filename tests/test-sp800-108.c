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
#include "mech/derive.h"

enum { OUT_MAX = 8192, TEXT_MAX = 256 };

/* How often a segment was wiped. */
static size_t wiped;

static void wipe(void *bytes, size_t len)
{
	memset(bytes, 0, len);
	wiped += len == ALG_DIGEST_MAX;
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
static size_t secret_len;
static uint8_t label[] = {0xde, 0xad, 0xbe, 0xef}, zero[1], context[] = {0xfe, 0xed, 0xbe};
static uint8_t iv[40];
static struct kdf_counter_format counter;
static struct kdf_length_format dkm;
static struct kdf_field fields[8];
static bool feedback;
static union {
	struct counter_kdf_params counter;
	struct feedback_kdf_params feedback;
} params;
static CK_MECHANISM mechanism;
static struct derivation derivation;
static const struct mechanism *prf;

static int arm(const struct transform_key *key, int transform)
{
	return alg_set_key(transform, secret, secret_len);
}

static const struct transform_key key = {.id = 1, .constant = true, .arm = arm};

static const struct kdf_field counter_field = {CK_SP800_108_COUNTER, &counter, sizeof(counter)};
static const struct kdf_field dkm_field = {CK_SP800_108_DKM_LENGTH, &dkm, sizeof(dkm)};
static const struct kdf_field label_field = {CK_SP800_108_BYTE_ARRAY, label, sizeof(label)};

static struct kdf_field variable(void)
{
	return feedback ? (struct kdf_field){CK_SP800_108_ITERATION_VARIABLE, NULL, 0}
			: (struct kdf_field){CK_SP800_108_ITERATION_VARIABLE, &counter,
					     sizeof(counter)};
}

static void set_fields(size_t n)
{
	params.counter.n_fields = n;
	params.counter.fields = fields;
}

/* The layout of section 5.1 of SP 800-108; in feedback mode that of 5.2, with the counter. */
static void choose(bool feedback_, CK_MECHANISM_TYPE type)
{
	size_t n = 0;

	feedback = feedback_;
	prf = mechanism_find(type);
	secret_len = type == CKM_DES3_CMAC ? 24 : 32;
	counter = (struct kdf_counter_format){.bits = 16};
	dkm = (struct kdf_length_format){.method = CK_SP800_108_DKM_LENGTH_SUM_OF_KEYS, .bits = 32};
	memset(&params, 0, sizeof(params));
	fields[n++] = variable();
	if (feedback)
		fields[n++] = counter_field;
	fields[n++] = label_field;
	fields[n++] = (struct kdf_field){CK_SP800_108_BYTE_ARRAY, zero, sizeof(zero)};
	fields[n++] = (struct kdf_field){CK_SP800_108_BYTE_ARRAY, context, sizeof(context)};
	fields[n++] = dkm_field;
	params.counter.prf = type;
	set_fields(n);
	mechanism = (CK_MECHANISM){
		feedback ? CKM_SP800_108_FEEDBACK_KDF : CKM_SP800_108_COUNTER_KDF, &params,
		feedback ? sizeof(params.feedback) : sizeof(params.counter)};
	derivation = (struct derivation){.row = mechanism_find(mechanism.mechanism),
					 .mechanism = &mechanism,
					 .base = {.key = &key, .type = prf->key_types[1]}};
}

static int setup(void **state)
{
	fake_reset();
	mechanisms_start(FAMILY_ALL);
	for (size_t i = 0; i < sizeof(iv); i++)
		iv[i] = (uint8_t)(i * 13 + 3);
	return 0;
}

static int teardown(void **state)
{
	if (fake_busy_sockets())
		return -1;
	transform_purge(0);
	return fake_open_sockets() ? -1 : 0;
}

static size_t put_number(uint8_t *at, uint64_t value, bool little_endian, size_t bits)
{
	for (size_t i = 0; i < bits / 8; i++)
		at[little_endian ? i : bits / 8 - 1 - i] = (uint8_t)(value >> 8 * i);
	return bits / 8;
}

/* The PRF's input for segment I, as the fields say. */
static size_t put_fields(uint8_t *text, uint64_t i, const uint8_t *previous, size_t previous_len,
			 uint64_t dkm_bits)
{
	size_t len = 0;

	for (size_t f = 0; f < params.counter.n_fields; f++) {
		const struct kdf_field *field = &fields[f];

		if (field->type == CK_SP800_108_BYTE_ARRAY) {
			memcpy(text + len, field->value, field->value_len);
			len += field->value_len;
		} else if (field->type == CK_SP800_108_DKM_LENGTH) {
			len += put_number(text + len, dkm_bits, dkm.little_endian, dkm.bits);
		} else if (field->type == CK_SP800_108_ITERATION_VARIABLE && feedback) {
			if (previous_len)
				memcpy(text + len, previous, previous_len);
			len += previous_len;
		} else {
			len += put_number(text + len, i, counter.little_endian, counter.bits);
		}
	}
	return len;
}

/* The standard, to the letter: all segments, of which each key takes as many as it needs. */
static void reference(const size_t *lens, size_t n, uint8_t *out)
{
	uint8_t text[TEXT_MAX], segment[64];
	size_t size = prf->size, segments = 0, bytes = 0, len;
	uint64_t i = 0, bits;

	for (size_t k = 0; k < n; k++) {
		segments += (lens[k] + size - 1) / size;
		bytes += lens[k];
	}
	bits = 8 * (dkm.method == CK_SP800_108_DKM_LENGTH_SUM_OF_KEYS ? bytes : segments * size);
	for (size_t k = 0; k < n; k++) {
		for (size_t done = 0; done < lens[k]; done += size) {
			size_t some = lens[k] - done < size ? lens[k] - done : size;

			len = put_fields(text, i + 1, i || !feedback ? segment : params.feedback.iv,
					 i || !feedback ? size : params.feedback.iv_len, bits);
			fake_hash(prf->kernel_name, secret, secret_len, text, len, segment, size);
			memcpy(out, segment, some);
			out += some;
			i++;
		}
	}
}

static void check(const size_t *lens, size_t n)
{
	static uint8_t expected[OUT_MAX], out[OUT_MAX + 1];
	size_t total = 0;

	for (size_t i = 0; i < n; i++)
		total += lens[i];
	memset(out, 0xa5, sizeof(out));
	reference(lens, n, expected);
	wiped = 0;
	assert_int_equal(derive_run(&derivation, lens, n, out), CKR_OK);
	assert_memory_equal(out, expected, total);
	assert_int_equal(out[total], 0xa5);
	assert_int_equal(wiped, 1);
}

static const CK_MECHANISM_TYPE prfs[] = {CKM_SHA_1_HMAC,    CKM_SHA224_HMAC,   CKM_SHA256_HMAC,
					 CKM_SHA384_HMAC,   CKM_SHA512_HMAC,   CKM_SHA3_224_HMAC,
					 CKM_SHA3_256_HMAC, CKM_SHA3_384_HMAC, CKM_SHA3_512_HMAC,
					 CKM_AES_CMAC,      CKM_DES3_CMAC};

static void every_prf_gives_every_length(void **state)
{
	for (size_t i = 0; i < sizeof(prfs) / sizeof(*prfs); i++) {
		for (int mode = 0; mode < 2; mode++) {
			choose(mode, prfs[i]);
			for (size_t len = 1; len <= 3 * prf->size + 1; len++)
				check(&len, 1);
		}
	}
	/* One kept socket for each PRF: its key was armed once. */
	assert_int_equal(fake_calls("alg_set_key"), sizeof(prfs) / sizeof(*prfs));
}

static void an_iv_is_the_segment_before_the_first(void **state)
{
	size_t len = 100;

	choose(true, CKM_SHA256_HMAC);
	params.feedback.iv = iv;
	for (params.feedback.iv_len = 0; params.feedback.iv_len <= sizeof(iv);
	     params.feedback.iv_len++)
		check(&len, 1);
}

static void numbers_have_their_width_and_order(void **state)
{
	size_t len = 70;

	for (int mode = 0; mode < 2; mode++) {
		for (CK_ULONG bits = 8; bits <= 64; bits += 8) {
			for (int little = 0; little < 2; little++) {
				choose(mode, CKM_SHA_1_HMAC);
				counter.bits = bits <= 32 ? bits : 24;
				counter.little_endian = little ? CK_TRUE : CK_FALSE;
				dkm.bits = bits < 16 ? 16 : bits;
				dkm.little_endian = little ? CK_FALSE : CK_TRUE;
				check(&len, 1);
				dkm.method = CK_SP800_108_DKM_LENGTH_SUM_OF_SEGMENTS;
				check(&len, 1);
			}
		}
	}
}

/* Any order, and any number of byte arrays; a feedback needs no counter. */
static void fields_come_as_they_are_laid_out(void **state)
{
	size_t len = 70;

	for (int mode = 0; mode < 2; mode++) {
		choose(mode, CKM_SHA256_HMAC);
		for (size_t turn = 0; turn < params.counter.n_fields; turn++) {
			struct kdf_field first = fields[0];

			memmove(fields, fields + 1,
				(params.counter.n_fields - 1) * sizeof(*fields));
			fields[params.counter.n_fields - 1] = first;
			check(&len, 1);
		}
		fields[0] = variable();
		set_fields(1);
		check(&len, 1);
	}
}

/* The example of section 6.42.6, and others: no two keys share a segment. */
static void several_keys_have_segments_of_their_own(void **state)
{
	static const size_t example[] = {48, 16}, many[] = {1, 32, 33, 7, 64, 65};

	for (int mode = 0; mode < 2; mode++) {
		for (CK_ULONG method = 1; method <= 2; method++) {
			choose(mode, CKM_SHA256_HMAC);
			dkm.method = method;
			fake_calls_forget();
			check(example, 2);
			assert_int_equal(fake_calls("alg_recv"), 3);
			check(many, 6);
		}
	}
}

static void a_counter_does_not_wrap(void **state)
{
	size_t most = 255 * 20, one_more = most + 1;
	static uint8_t out[OUT_MAX];

	for (int mode = 0; mode < 2; mode++) {
		choose(mode, CKM_SHA_1_HMAC);
		counter.bits = 8;
		check(&most, 1);
		assert_int_equal(derive_run(&derivation, &one_more, 1, out), CKR_KEY_SIZE_RANGE);
		counter.bits = 16;
		check(&one_more, 1);
	}
	/* Without a counter, 2^32 - 1 segments are the limit. */
	choose(true, CKM_SHA_1_HMAC);
	fields[0] = variable();
	set_fields(1);
	if (SIZE_MAX > UINT32_MAX) {
		derivation.row = mechanism_find(CKM_SP800_108_FEEDBACK_KDF);
		assert_int_equal(
			derivation.row->derive->run(
				&derivation, &(size_t){((size_t)1 << 16 << 16) * 20}, 1, out),
			CKR_KEY_SIZE_RANGE);
	}
}

static void refuses_at_all(CK_RV expected)
{
	uint8_t out[200] = {0};
	size_t len = sizeof(out);

	assert_int_equal(derive_run(&derivation, &len, 1, out), expected);
}

static void refuses(void)
{
	refuses_at_all(CKR_MECHANISM_PARAM_INVALID);
}

static void a_wrong_field_is_refused(void **state)
{
	for (int mode = 0; mode < 2; mode++) {
		struct kdf_field wrong[] = {
			{CK_SP800_108_BYTE_ARRAY, NULL, 4},
			{CK_SP800_108_BYTE_ARRAY, label, 0},
			{CK_SP800_108_DKM_LENGTH, NULL, sizeof(dkm)},
			{CK_SP800_108_DKM_LENGTH, &dkm, sizeof(dkm) - 1},
			{CK_SP800_108_COUNTER, NULL, sizeof(counter)},
			{CK_SP800_108_COUNTER, &counter, sizeof(counter) + 1},
			/* CK_SP800_108_KEY_HANDLE */
			{5, label, sizeof(CK_OBJECT_HANDLE)},
			{0, label, 4},
			{(CK_ULONG)-1, label, 4},
		};

		for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
			choose(mode, CKM_SHA256_HMAC);
			fields[0] = variable();
			fields[1] = wrong[i];
			set_fields(2);
			refuses();
		}
		/* Each at most once. */
		fields[1] = fields[0];
		refuses();
		fields[1] = fields[2] = dkm_field;
		set_fields(3);
		refuses();
		fields[1] = fields[2] = counter_field;
		refuses();
		/* Without one that iterates. */
		fields[0] = label_field;
		fields[1] = dkm_field;
		set_fields(2);
		refuses();
		set_fields(0);
		refuses();
		set_fields(2);
		params.counter.fields = NULL;
		refuses();
	}
	choose(false, CKM_SHA256_HMAC);
	fields[1] = counter_field;
	refuses();
	fields[0] = counter_field;
	set_fields(1);
	refuses();
	fields[0] = (struct kdf_field){CK_SP800_108_ITERATION_VARIABLE, NULL, 0};
	refuses();
	choose(true, CKM_SHA256_HMAC);
	fields[0] = (struct kdf_field){CK_SP800_108_ITERATION_VARIABLE, &counter, sizeof(counter)};
	refuses();
	assert_int_equal(fake_calls("alg_accept"), 0);
}

static void a_wrong_number_format_is_refused(void **state)
{
	static const CK_ULONG counters[] = {0, 1, 7, 12, 33, 40, 64, (CK_ULONG)-1};
	static const CK_ULONG lengths[] = {0, 1, 7, 20, 65, 72, (CK_ULONG)-1};
	static const CK_ULONG methods[] = {0, 3, (CK_ULONG)-1};

	for (int mode = 0; mode < 2; mode++) {
		for (size_t i = 0; i < sizeof(counters) / sizeof(*counters); i++) {
			choose(mode, CKM_SHA256_HMAC);
			counter.bits = counters[i];
			refuses();
		}
		for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
			choose(mode, CKM_SHA256_HMAC);
			dkm.bits = lengths[i];
			refuses();
		}
		for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++) {
			choose(mode, CKM_SHA256_HMAC);
			dkm.method = methods[i];
			refuses();
		}
		/* 1600 bits are more than a byte tells. */
		choose(mode, CKM_SHA256_HMAC);
		dkm.bits = 8;
		refuses();
	}
}

static void a_wrong_structure_is_refused(void **state)
{
	struct derived_key more[2], *list;
	CK_ULONG count;

	for (int mode = 0; mode < 2; mode++) {
		struct derived_key **at;
		CK_ULONG *n;

		choose(mode, CKM_SHA256_HMAC);
		at = mode ? &params.feedback.more : &params.counter.more;
		n = mode ? &params.feedback.n_more : &params.counter.n_more;
		assert_int_equal(derive_more(derivation.row, &mechanism, &list, &count), CKR_OK);
		assert_int_equal(count, 0);
		*at = more;
		refuses();
		assert_int_equal(derive_more(derivation.row, &mechanism, &list, &count),
				 CKR_MECHANISM_PARAM_INVALID);
		*n = 2;
		assert_int_equal(derive_more(derivation.row, &mechanism, &list, &count), CKR_OK);
		assert_ptr_equal(list, more);
		assert_int_equal(count, 2);
		*at = NULL;
		refuses();
		*n = 0;
		mechanism.ulParameterLen = mode ? sizeof(params.counter) : sizeof(params.feedback);
		refuses();
		mechanism = (CK_MECHANISM){mechanism.mechanism, NULL, 0};
		refuses();
		assert_int_equal(derive_more(derivation.row, &mechanism, &list, &count),
				 CKR_MECHANISM_PARAM_INVALID);
		assert_int_equal(count, 0);
	}
	choose(true, CKM_SHA256_HMAC);
	params.feedback.iv_len = 3;
	refuses();
}

static void a_prf_that_is_none_is_refused(void **state)
{
	static const CK_MECHANISM_TYPE none[] = {CKM_SHA256,
						 CKM_SHA256_HMAC_GENERAL,
						 CKM_MD5_HMAC,
						 CKM_AES_CMAC_GENERAL,
						 CKM_AES_XCBC_MAC,
						 CKM_AES_GMAC,
						 CKM_AES_CBC,
						 CKM_RSA_PKCS,
						 CKM_SP800_108_COUNTER_KDF,
						 CK_UNAVAILABLE_INFORMATION};

	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++) {
		choose(i % 2, CKM_SHA256_HMAC);
		params.counter.prf = none[i];
		refuses();
	}
	fake_alg_hide("hmac(sha256)", true);
	mechanisms_start(FAMILY_NONE);
	choose(false, CKM_SHA256_HMAC);
	refuses();
	/* Triple DES was not asked for. */
	choose(true, CKM_DES3_CMAC);
	refuses();
	fake_fail("alg_bind", 1, -EMFILE);
	choose(true, CKM_SHA512_HMAC);
	refuses_at_all(CKR_HOST_MEMORY);
	refuses_at_all(CKR_OK);
}

/* "For an AES-CMAC PRF the base key must be of type CKK_AES", and so on. */
static void a_base_is_a_key_of_its_prf(void **state)
{
	static const CK_KEY_TYPE types[] = {CKK_AES,         CKK_GENERIC_SECRET, CKK_SHA256_HMAC,
					    CKK_SHA512_HMAC, CKK_DES3,           CKK_HKDF};
	static const bool hmac[] = {false, true, true, false, false, false};
	static const bool cmac[] = {true, false, false, false, false, false};

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		choose(i % 2, CKM_SHA256_HMAC);
		derivation.base.type = types[i];
		refuses_at_all(hmac[i] ? CKR_OK : CKR_KEY_TYPE_INCONSISTENT);
		choose(i % 2, CKM_AES_CMAC);
		derivation.base.type = types[i];
		refuses_at_all(cmac[i] ? CKR_OK : CKR_KEY_TYPE_INCONSISTENT);
	}
	choose(false, CKM_AES_CMAC);
	secret_len = 17;
	transform_purge(0);
	refuses_at_all(CKR_KEY_SIZE_RANGE);
}

static void failures_leave_nothing(void **state)
{
	static const char *const functions[] = {"alg_set_key", "alg_accept", "alg_send",
						"alg_recv"};
	static const uint8_t zeros[100];
	static const size_t lens[] = {60, 40};
	size_t failed = 0;

	for (size_t i = 0; i < 4; i++) {
		for (unsigned int nth = 1;; nth++) {
			uint8_t out[sizeof(zeros)];
			CK_RV rv;

			choose(nth % 2, CKM_SHA256_HMAC);
			transform_purge(0);
			memset(out, 0xa5, sizeof(out));
			fake_fail(functions[i], nth, -EIO);
			rv = derive_run(&derivation, lens, 2, out);
			fake_fail("", 0, 0);
			if (rv == CKR_OK)
				break;
			failed++;
			assert_int_equal(rv, CKR_DEVICE_ERROR);
			assert_memory_equal(out, zeros, sizeof(out));
			assert_int_equal(fake_open_sockets(), 0);
		}
	}
	assert_int_equal(failed, 1 + 1 + 4 + 4);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(every_prf_gives_every_length),
		TEST(an_iv_is_the_segment_before_the_first),
		TEST(numbers_have_their_width_and_order),
		TEST(fields_come_as_they_are_laid_out),
		TEST(several_keys_have_segments_of_their_own),
		TEST(a_counter_does_not_wrap),
		TEST(a_wrong_field_is_refused),
		TEST(a_wrong_number_format_is_refused),
		TEST(a_wrong_structure_is_refused),
		TEST(a_prf_that_is_none_is_refused),
		TEST(a_base_is_a_key_of_its_prf),
		TEST(failures_leave_nothing),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("sp800-108", tests, NULL, NULL);
}
