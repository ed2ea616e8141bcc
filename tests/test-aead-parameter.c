/* SPDX-License-Identifier: BSD-2-Clause */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/log.h"
#include "mech/parameter.h"
#include "pkcs11-parameters.h"

/* What the log was told last: a refused parameter is called by its name there. */
static char said[256];

void log_line(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(said, sizeof(said), format, args);
	va_end(args);
}

static uint8_t iv[16] = {0x10, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
static uint8_t aad[] = "additional", tag[16];
static const struct mechanism row = {.size = 16};

typedef CK_RV decoder(const struct mechanism *, const CK_MECHANISM *, struct parameter *);
typedef CK_RV message_decoder(const void *, CK_ULONG, struct parameter *, struct nonce *);

/* LEN bytes of the SIZE at FROM, at an odd address, where reading too far shows. */
static uint8_t *misplace(const void *from, CK_ULONG size, CK_ULONG len)
{
	uint8_t *bytes = malloc(len + 1);

	memset(bytes, 0, len + 1);
	memcpy(bytes + 1, from, len < size ? len : size);
	return bytes;
}

/* What WITH answers to LEN bytes at DATA, which are gone afterwards. */
static CK_RV decode(decoder *with, const void *data, CK_ULONG size, CK_ULONG len,
		    struct parameter *parameter)
{
	uint8_t *bytes = misplace(data, size, len);
	CK_MECHANISM mechanism = {.mechanism = 1, .pParameter = bytes + 1, .ulParameterLen = len};
	CK_RV rv;

	*said = 0;
	parameter_start(&row, parameter);
	rv = with(&row, &mechanism, parameter);
	free(bytes);
	if (rv != CKR_OK)
		assert_null(parameter->aad);
	return rv;
}

static CK_RV decode_message(message_decoder *with, const void *data, CK_ULONG size, CK_ULONG len,
			    struct parameter *parameter, struct nonce *nonce)
{
	uint8_t *bytes = misplace(data, size, len);
	CK_RV rv;

	*said = 0;
	parameter_start(&row, parameter);
	rv = with(bytes + 1, len, parameter, nonce);
	free(bytes);
	assert_null(parameter->aad);
	return rv;
}

#define DECODE(name, params, parameter) \
	decode(parameter_##name, &(params), sizeof(params), sizeof(params), parameter)
#define DECODE_MESSAGE(name, params, parameter, nonce)                                        \
	decode_message(parameter_##name##_message, &(params), sizeof(params), sizeof(params), \
		       parameter, nonce)
#define REFUSED(decoding, name)                                          \
	do {                                                             \
		assert_int_equal(decoding, CKR_MECHANISM_PARAM_INVALID); \
		if (!strstr(said, name))                                 \
			fail_msg("\"%s\" does not name %s", said, name); \
	} while (0)

static const struct gcm_params gcm_good = {iv, 12, 96, aad, sizeof(aad), 128};
static const struct gcm_message_params gcm_message_good = {iv, 12, 32, CKG_GENERATE, tag, 96};
static const struct ccm_params ccm_good = {20, iv, 13, aad, sizeof(aad), 8};
static const struct ccm_message_params ccm_message_good = {20,  iv, 13, 40, CKG_GENERATE_COUNTER,
							   tag, 10};
static const struct chacha20_poly1305_params chacha_good = {iv, 96, aad, sizeof(aad)};
static const struct chacha20_poly1305_message_params chacha_message_good = {iv, 96, tag};

/* The specification's names for the same memory, where this machine's header has them. */
static void structures_are_laid_out_as_callers_have_them(void **state)
{
	CK_GCM_PARAMS gcm = {0};

	assert_int_equal(sizeof(gcm), sizeof(gcm_good));
	assert_int_equal(sizeof(gcm_good), 6 * sizeof(CK_ULONG));
	assert_int_equal(sizeof(struct gcm_params_2_20), 5 * sizeof(CK_ULONG));
	assert_int_equal(sizeof(gcm_message_good), 6 * sizeof(CK_ULONG));
	assert_int_equal(offsetof(struct gcm_message_params, tag), 4 * sizeof(CK_ULONG));
	assert_int_equal(sizeof(ccm_good), 6 * sizeof(CK_ULONG));
	assert_int_equal(offsetof(struct ccm_params, mac_len), 5 * sizeof(CK_ULONG));
	assert_int_equal(sizeof(ccm_message_good), 7 * sizeof(CK_ULONG));
	assert_int_equal(offsetof(struct ccm_message_params, mac), 5 * sizeof(CK_ULONG));
	assert_int_equal(sizeof(chacha_good), 4 * sizeof(CK_ULONG));
	assert_int_equal(sizeof(chacha_message_good), 3 * sizeof(CK_ULONG));
}

/* A copy of everything: the caller may free its own. */
static void check(struct parameter *parameter, size_t iv_len, size_t tag_size)
{
	assert_int_equal(parameter->iv_len, iv_len);
	assert_int_equal(parameter->aad_len, sizeof(aad));
	assert_memory_equal(parameter->aad, aad, sizeof(aad));
	assert_ptr_not_equal(parameter->aad, aad);
	assert_int_equal(parameter->tag_size, tag_size);
	assert_false(parameter->detached);
	assert_null(parameter->tag);
	parameter_free(parameter);
	assert_null(parameter->aad);
}

static void both_layouts_of_gcm_parameters_are_taken(void **state)
{
	struct gcm_params_2_20 old = {iv, 12, aad, sizeof(aad), 128};
	struct gcm_params gcm = gcm_good;
	struct parameter parameter;

	assert_int_equal(DECODE(gcm, old, &parameter), CKR_OK);
	assert_memory_equal(parameter.iv, iv, 12);
	check(&parameter, 12, 16);
	assert_int_equal(DECODE(gcm, gcm, &parameter), CKR_OK);
	assert_memory_equal(parameter.iv, iv, 12);
	assert_true(parameter.text_len == SIZE_MAX);
	check(&parameter, 12, 16);
	/* Each field of the old one where it was. */
	old.iv_len = 13;
	REFUSED(DECODE(gcm, old, &parameter), "ulIvLen");
	old = (struct gcm_params_2_20){iv, 12, aad, 0, 96};
	assert_int_equal(DECODE(gcm, old, &parameter), CKR_OK);
	assert_int_equal(parameter.tag_size, 12);
	assert_null(parameter.aad);
}

static void other_lengths_of_parameters_are_refused(void **state)
{
	static const struct {
		decoder *decoder;
		message_decoder *message;
		const void *good;
		CK_ULONG size, other;
	} cases[] = {
		{parameter_gcm, NULL, &gcm_good, sizeof(gcm_good), sizeof(struct gcm_params_2_20)},
		{parameter_gmac, NULL, &gcm_good, sizeof(gcm_good), sizeof(struct gcm_params_2_20)},
		{parameter_ccm, NULL, &ccm_good, sizeof(ccm_good), 0},
		{parameter_chacha20_poly1305, NULL, &chacha_good, sizeof(chacha_good), 0},
		{NULL, parameter_gcm_message, &gcm_message_good, sizeof(gcm_message_good), 0},
		{NULL, parameter_ccm_message, &ccm_message_good, sizeof(ccm_message_good), 0},
		{NULL, parameter_chacha20_poly1305_message, &chacha_message_good,
		 sizeof(chacha_message_good), 0},
	};
	CK_MECHANISM none = {.mechanism = 1};
	struct parameter parameter;
	struct nonce nonce;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		for (CK_ULONG len = 0; len <= cases[i].size + 8; len++) {
			if (len == cases[i].size || (len && len == cases[i].other))
				continue;
			if (cases[i].message)
				REFUSED(decode_message(cases[i].message, cases[i].good,
						       cases[i].size, len, &parameter, &nonce),
					"ulParameterLen");
			else
				REFUSED(decode(cases[i].decoder, cases[i].good, cases[i].size, len,
					       &parameter),
					"ulParameterLen");
		}
		none.ulParameterLen = cases[i].size;
		*said = 0;
		parameter_start(&row, &parameter);
		REFUSED(cases[i].message ? cases[i].message(NULL, cases[i].size, &parameter, &nonce)
					 : cases[i].decoder(&row, &none, &parameter),
			"ulParameterLen");
	}
}

static void iv_bits_are_ignored(void **state)
{
	static const CK_ULONG bits[] = {0, 96, 128, (CK_ULONG)-1};
	struct parameter parameter;
	struct gcm_params gcm = gcm_good;

	for (size_t i = 0; i < 4; i++) {
		gcm.iv_bits = bits[i];
		assert_int_equal(DECODE(gcm, gcm, &parameter), CKR_OK);
		check(&parameter, 12, 16);
	}
}

static void a_gcm_iv_is_twelve_bytes(void **state)
{
	struct gcm_message_params message = gcm_message_good;
	struct gcm_params gcm = gcm_good;
	struct parameter parameter;
	struct nonce nonce;

	for (CK_ULONG len = 0; len <= 17; len++) {
		gcm.iv_len = message.iv_len = len;
		if (len == 12)
			continue;
		REFUSED(DECODE(gcm, gcm, &parameter), "ulIvLen");
		REFUSED(DECODE_MESSAGE(gcm, message, &parameter, &nonce), "ulIvLen");
	}
	gcm = gcm_good;
	message = gcm_message_good;
	gcm.iv = message.iv = NULL;
	REFUSED(DECODE(gcm, gcm, &parameter), "ulIvLen");
	REFUSED(DECODE_MESSAGE(gcm, message, &parameter, &nonce), "ulIvLen");
}

/* SP 800-38D, section 5.2.1.2. */
static void gcm_tags_have_the_lengths_of_the_standard(void **state)
{
	struct gcm_message_params message = gcm_message_good;
	struct gcm_params gcm = gcm_good, gmac = gcm_good;
	struct parameter parameter;
	struct nonce nonce;

	gmac.aad_len = 0;
	for (CK_ULONG bits = 0; bits <= 257; bits++) {
		bool may = bits == 32 || bits == 64 || bits == 96 || bits == 104 || bits == 112 ||
			   bits == 120 || bits == 128;

		gcm.tag_bits = gmac.tag_bits = message.tag_bits = bits;
		if (!may) {
			REFUSED(DECODE(gcm, gcm, &parameter), "ulTagBits");
			REFUSED(DECODE(gmac, gmac, &parameter), "ulTagBits");
			REFUSED(DECODE_MESSAGE(gcm, message, &parameter, &nonce), "ulTagBits");
			continue;
		}
		assert_int_equal(DECODE(gcm, gcm, &parameter), CKR_OK);
		check(&parameter, 12, bits / 8);
		assert_int_equal(DECODE_MESSAGE(gcm, message, &parameter, &nonce), CKR_OK);
		assert_int_equal(parameter.tag_size, bits / 8);
		/* A GMAC is the tag. */
		assert_int_equal(DECODE(gmac, gmac, &parameter), CKR_OK);
		assert_int_equal(parameter.tag_size, bits / 8);
		assert_int_equal(parameter.size, bits / 8);
		assert_memory_equal(parameter.iv, iv, 12);
		assert_null(parameter.aad);
	}
	gcm.tag_bits = (CK_ULONG)-128;
	REFUSED(DECODE(gcm, gcm, &parameter), "ulTagBits");
	/* Bytes, where bits are counted. */
	gcm.tag_bits = 16;
	REFUSED(DECODE(gcm, gcm, &parameter), "ulTagBits");
}

static void a_gmac_takes_no_additional_data(void **state)
{
	struct gcm_params gmac = gcm_good;
	struct parameter parameter;

	REFUSED(DECODE(gmac, gmac, &parameter), "ulAADLen");
	gmac.aad = NULL;
	REFUSED(DECODE(gmac, gmac, &parameter), "ulAADLen");
	gmac.aad_len = 0;
	assert_int_equal(DECODE(gmac, gmac, &parameter), CKR_OK);
	gmac.iv_len = 16;
	REFUSED(DECODE(gmac, gmac, &parameter), "ulIvLen");
}

static void additional_data_may_be_missing(void **state)
{
	struct gcm_params gcm = gcm_good;
	struct ccm_params ccm = ccm_good;
	struct chacha20_poly1305_params chacha = chacha_good;
	struct parameter parameter;

	for (int round = 0; round < 2; round++) {
		gcm.aad_len = ccm.aad_len = chacha.aad_len = 0;
		gcm.aad = ccm.aad = chacha.aad = round ? NULL : aad;
		assert_int_equal(DECODE(gcm, gcm, &parameter), CKR_OK);
		assert_true(!parameter.aad && !parameter.aad_len);
		assert_int_equal(DECODE(ccm, ccm, &parameter), CKR_OK);
		assert_true(!parameter.aad && !parameter.aad_len);
		assert_int_equal(DECODE(chacha20_poly1305, chacha, &parameter), CKR_OK);
		assert_true(!parameter.aad && !parameter.aad_len);
	}
	gcm.aad_len = ccm.aad_len = chacha.aad_len = 1;
	REFUSED(DECODE(gcm, gcm, &parameter), "AAD");
	REFUSED(DECODE(ccm, ccm, &parameter), "AAD");
	REFUSED(DECODE(chacha20_poly1305, chacha, &parameter), "AAD");
	gcm.aad = ccm.aad = chacha.aad = aad;
	gcm.aad_len = ccm.aad_len = chacha.aad_len = (CK_ULONG)INT_MAX + 1;
	REFUSED(DECODE(gcm, gcm, &parameter), "AAD");
	REFUSED(DECODE(ccm, ccm, &parameter), "AAD");
	REFUSED(DECODE(chacha20_poly1305, chacha, &parameter), "AAD");
}

/* RFC 3610, section 2: nonce and the length's bytes are 15 together. */
static void a_ccm_iv_tells_the_size_of_the_length(void **state)
{
	struct ccm_message_params message = ccm_message_good;
	struct ccm_params ccm = ccm_good;
	struct parameter parameter;
	struct nonce nonce;
	uint8_t expected[16];

	for (CK_ULONG len = 0; len <= 17; len++) {
		ccm.nonce_len = message.nonce_len = len;
		if (len < 7 || len > 13) {
			REFUSED(DECODE(ccm, ccm, &parameter), "ulNonceLen");
			REFUSED(DECODE_MESSAGE(ccm, message, &parameter, &nonce), "ulNonceLen");
			continue;
		}
		memset(expected, 0, sizeof(expected));
		expected[0] = (uint8_t)(14 - len);
		memcpy(expected + 1, iv, len);
		assert_int_equal(DECODE(ccm, ccm, &parameter), CKR_OK);
		assert_memory_equal(parameter.iv, expected, 16);
		assert_int_equal(parameter.text_len, 20);
		check(&parameter, 16, 8);
		assert_int_equal(DECODE_MESSAGE(ccm, message, &parameter, &nonce), CKR_OK);
		assert_memory_equal(parameter.iv, expected, 16);
	}
	ccm.nonce = message.nonce = NULL;
	ccm.nonce_len = message.nonce_len = 13;
	REFUSED(DECODE(ccm, ccm, &parameter), "ulNonceLen");
	REFUSED(DECODE_MESSAGE(ccm, message, &parameter, &nonce), "ulNonceLen");
}

/* SP 800-38C, appendix A.1. */
static void ccm_macs_have_the_lengths_of_the_standard(void **state)
{
	struct ccm_message_params message = ccm_message_good;
	struct ccm_params ccm = ccm_good;
	struct parameter parameter;
	struct nonce nonce;

	for (CK_ULONG len = 0; len <= 130; len++) {
		ccm.mac_len = message.mac_len = len;
		if (len < 4 || len > 16 || len % 2) {
			REFUSED(DECODE(ccm, ccm, &parameter), "ulMACLen");
			REFUSED(DECODE_MESSAGE(ccm, message, &parameter, &nonce), "ulMACLen");
			continue;
		}
		assert_int_equal(DECODE(ccm, ccm, &parameter), CKR_OK);
		check(&parameter, 16, len);
		assert_int_equal(DECODE_MESSAGE(ccm, message, &parameter, &nonce), CKR_OK);
		assert_int_equal(parameter.tag_size, len);
	}
	/* Where it has more than 32 bits, all of them count. */
	ccm.mac_len = (CK_ULONG)1 << 16 << 16 | 8;
	if (ccm.mac_len != 8)
		REFUSED(DECODE(ccm, ccm, &parameter), "ulMACLen");
}

static void a_ccm_message_fits_the_bytes_of_its_length(void **state)
{
	struct ccm_message_params message = ccm_message_good;
	struct ccm_params ccm = ccm_good;
	struct parameter parameter;
	struct nonce nonce;

	/* Those lengths that a CK_ULONG can say. */
	for (CK_ULONG len = 16 - sizeof(CK_ULONG); len <= 13; len++) {
		CK_ULONG most = ((CK_ULONG)1 << 8 * (15 - len)) - 1;

		ccm.nonce_len = message.nonce_len = len;
		ccm.data_len = message.data_len = most;
		assert_int_equal(DECODE(ccm, ccm, &parameter), CKR_OK);
		assert_true(parameter.text_len == most);
		parameter_free(&parameter);
		assert_int_equal(DECODE_MESSAGE(ccm, message, &parameter, &nonce), CKR_OK);
		ccm.data_len = message.data_len = most + 1;
		REFUSED(DECODE(ccm, ccm, &parameter), "ulDataLen");
		REFUSED(DECODE_MESSAGE(ccm, message, &parameter, &nonce), "ulDataLen");
		ccm.data_len = (CK_ULONG)-1;
		REFUSED(DECODE(ccm, ccm, &parameter), "ulDataLen");
	}
	/* Eight bytes count them all; but SIZE_MAX is what stands for no promise. */
	ccm.nonce_len = message.nonce_len = 7;
	ccm.data_len = message.data_len = (CK_ULONG)-1;
	REFUSED(DECODE(ccm, ccm, &parameter), "ulDataLen");
	REFUSED(DECODE_MESSAGE(ccm, message, &parameter, &nonce), "ulDataLen");
	ccm.data_len = (CK_ULONG)-2;
	assert_int_equal(DECODE(ccm, ccm, &parameter), CKR_OK);
	assert_true(parameter.text_len == (size_t)-2);
	parameter_free(&parameter);
}

/* Bits, says section 6.61.3; but bytes are understood, too. */
static void a_chacha20_nonce_has_96_bits(void **state)
{
	struct chacha20_poly1305_message_params message = chacha_message_good;
	struct chacha20_poly1305_params chacha = chacha_good;
	struct parameter parameter;
	struct nonce nonce;

	for (CK_ULONG len = 0; len <= 256; len++) {
		chacha.nonce_len = message.nonce_len = len;
		if (len != 96 && len != 12) {
			REFUSED(DECODE(chacha20_poly1305, chacha, &parameter), "ulNonceLen");
			REFUSED(DECODE_MESSAGE(chacha20_poly1305, message, &parameter, &nonce),
				"ulNonceLen");
			continue;
		}
		assert_int_equal(DECODE(chacha20_poly1305, chacha, &parameter), CKR_OK);
		assert_memory_equal(parameter.iv, iv, 12);
		assert_true(parameter.text_len == SIZE_MAX);
		check(&parameter, 12, 16);
		assert_int_equal(DECODE_MESSAGE(chacha20_poly1305, message, &parameter, &nonce),
				 CKR_OK);
		assert_memory_equal(parameter.iv, iv, 12);
		assert_int_equal(parameter.tag_size, 16);
		assert_int_equal(nonce.len, 12);
	}
	chacha.nonce = message.nonce = NULL;
	chacha.nonce_len = message.nonce_len = 96;
	REFUSED(DECODE(chacha20_poly1305, chacha, &parameter), "ulNonceLen");
	REFUSED(DECODE_MESSAGE(chacha20_poly1305, message, &parameter, &nonce), "ulNonceLen");
}

/* Where the nonce lies in the caller's memory, how it is made, and where the tag goes. */
static void a_message_tells_of_its_nonce_and_tag(void **state)
{
	struct parameter parameter;
	struct nonce nonce;

	assert_int_equal(DECODE_MESSAGE(gcm, gcm_message_good, &parameter, &nonce), CKR_OK);
	assert_ptr_equal(nonce.bytes, iv);
	assert_int_equal(nonce.len, 12);
	assert_int_equal(nonce.fixed_bits, 32);
	assert_int_equal(nonce.generator, CKG_GENERATE);
	assert_true(parameter.detached);
	assert_ptr_equal(parameter.tag, tag);
	assert_int_equal(parameter.tag_size, 12);
	assert_memory_equal(parameter.iv, iv, 12);
	assert_int_equal(parameter.iv_len, 12);

	assert_int_equal(DECODE_MESSAGE(ccm, ccm_message_good, &parameter, &nonce), CKR_OK);
	assert_ptr_equal(nonce.bytes, iv);
	assert_int_equal(nonce.len, 13);
	assert_int_equal(nonce.fixed_bits, 40);
	assert_int_equal(nonce.generator, CKG_GENERATE_COUNTER);
	assert_true(parameter.detached);
	assert_ptr_equal(parameter.tag, tag);
	assert_int_equal(parameter.tag_size, 10);
	assert_int_equal(parameter.text_len, 20);

	assert_int_equal(DECODE_MESSAGE(chacha20_poly1305, chacha_message_good, &parameter, &nonce),
			 CKR_OK);
	assert_ptr_equal(nonce.bytes, iv);
	assert_int_equal(nonce.generator, CKG_NO_GENERATE);
	assert_true(parameter.detached);
	assert_ptr_equal(parameter.tag, tag);
}

/* Most calls need no place for the tag; the tag does not go behind the ciphertext for that. */
static void a_message_may_not_tell_of_its_tag_yet(void **state)
{
	struct gcm_message_params gcm = gcm_message_good;
	struct ccm_message_params ccm = ccm_message_good;
	struct chacha20_poly1305_message_params chacha = chacha_message_good;
	struct parameter parameters[3] = {0};
	struct nonce nonce;

	gcm.tag = ccm.mac = chacha.tag = NULL;
	assert_int_equal(DECODE_MESSAGE(gcm, gcm, &parameters[0], &nonce), CKR_OK);
	assert_int_equal(DECODE_MESSAGE(ccm, ccm, &parameters[1], &nonce), CKR_OK);
	assert_int_equal(DECODE_MESSAGE(chacha20_poly1305, chacha, &parameters[2], &nonce), CKR_OK);
	for (size_t i = 0; i < 3; i++) {
		assert_true(parameters[i].detached);
		assert_null(parameters[i].tag);
		assert_true(parameters[i].tag_size);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(structures_are_laid_out_as_callers_have_them),
		cmocka_unit_test(both_layouts_of_gcm_parameters_are_taken),
		cmocka_unit_test(other_lengths_of_parameters_are_refused),
		cmocka_unit_test(iv_bits_are_ignored),
		cmocka_unit_test(a_gcm_iv_is_twelve_bytes),
		cmocka_unit_test(gcm_tags_have_the_lengths_of_the_standard),
		cmocka_unit_test(a_gmac_takes_no_additional_data),
		cmocka_unit_test(additional_data_may_be_missing),
		cmocka_unit_test(a_ccm_iv_tells_the_size_of_the_length),
		cmocka_unit_test(ccm_macs_have_the_lengths_of_the_standard),
		cmocka_unit_test(a_ccm_message_fits_the_bytes_of_its_length),
		cmocka_unit_test(a_chacha20_nonce_has_96_bits),
		cmocka_unit_test(a_message_tells_of_its_nonce_and_tag),
		cmocka_unit_test(a_message_may_not_tell_of_its_tag_yet),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("aead-parameter", tests, NULL, NULL);
}
