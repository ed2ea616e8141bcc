/* SPDX-License-Identifier: BSD-2-Clause */
/* C_DeriveKey (PKCS#11 3.2, section 5.18.5): lengths, templates, and what becomes of several keys.
 * What is computed has tests of its own. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf.h"
#include "fake-kernel.h"
#include "kcryptoki.h"
#include "maker.h"
#include "pkcs11-parameters.h"

#define EXTRACTABLE BOOL(CKA_EXTRACTABLE, CK_TRUE)
#define INSENSITIVE BOOL(CKA_SENSITIVE, CK_FALSE)
#define VALUE_LEN(len) NUMBER(CKA_VALUE_LEN, len)

static CK_BYTE text[64] = "what is encrypted, or joined to the key, is this and much more";
static struct derivation_data data;
static struct cbc_encrypt_data_params cbc;
static struct hkdf_params hkdf;
static struct kdf_counter_format format;
static struct kdf_field fields[2], previous[2];
static struct counter_kdf_params counter;
static struct feedback_kdf_params feedback;
static struct derived_key more[3];

/* What each mechanism makes of an AES key, or (HKDF) a generic secret. */
static struct row {
	CK_MECHANISM mechanism;
	CK_KEY_TYPE base;
	CK_ULONG natural; /* bytes where the template names no length; 0: it must */
	CK_ULONG most;    /* 0: plenty */
	CK_RV too_long;
	bool reads; /* the base's bytes */
} rows[] = {
	{{CKM_AES_ECB_ENCRYPT_DATA, &data, sizeof(data)},
	 CKK_AES,
	 64,
	 64,
	 CKR_DATA_LEN_RANGE,
	 false},
	{{CKM_AES_CBC_ENCRYPT_DATA, &cbc, sizeof(cbc)}, CKK_AES, 64, 64, CKR_DATA_LEN_RANGE, false},
	{{CKM_CONCATENATE_BASE_AND_DATA, &data, sizeof(data)},
	 CKK_AES,
	 96,
	 96,
	 CKR_KEY_SIZE_RANGE,
	 true},
	{{CKM_HKDF_DERIVE, &hkdf, sizeof(hkdf)},
	 CKK_GENERIC_SECRET,
	 0,
	 8160,
	 CKR_KEY_SIZE_RANGE,
	 true},
	{{CKM_SP800_108_COUNTER_KDF, &counter, sizeof(counter)},
	 CKK_GENERIC_SECRET,
	 0,
	 8160,
	 CKR_KEY_SIZE_RANGE,
	 false},
	{{CKM_SP800_108_FEEDBACK_KDF, &feedback, sizeof(feedback)},
	 CKK_GENERIC_SECRET,
	 0,
	 0,
	 0,
	 false},
};

enum { ROWS = sizeof(rows) / sizeof(*rows), HKDF = 3, COUNTER = 4 };

static int setup(void **state)
{
	data = (struct derivation_data){text, sizeof(text)};
	cbc = (struct cbc_encrypt_data_params){.data = text, .data_len = sizeof(text)};
	hkdf = (struct hkdf_params){.extract = CK_TRUE,
				    .expand = CK_TRUE,
				    .hash = CKM_SHA256,
				    .salt_type = CKF_HKDF_SALT_DATA,
				    .salt = text,
				    .salt_len = 16,
				    .info = text,
				    .info_len = 5};
	format = (struct kdf_counter_format){CK_FALSE, 8};
	fields[0] = (struct kdf_field){CK_SP800_108_ITERATION_VARIABLE, &format, sizeof(format)};
	fields[1] = (struct kdf_field){CK_SP800_108_BYTE_ARRAY, text, 16};
	previous[0] = (struct kdf_field){CK_SP800_108_ITERATION_VARIABLE, NULL, 0};
	previous[1] = fields[1];
	counter = (struct counter_kdf_params){
		.prf = CKM_SHA256_HMAC, .n_fields = 2, .fields = fields};
	feedback = (struct feedback_kdf_params){
		.prf = CKM_SHA256_HMAC, .n_fields = 2, .fields = previous};
	return maker_setup(state);
}

/* A key to derive from, whose bytes can be had. */
static CK_OBJECT_HANDLE make_base(const struct row *row, bool token)
{
	return maker_create(LIST(BOOL(CKA_TOKEN, token), EXTRACTABLE, INSENSITIVE,
				 SECRET_KEY(row->base), BYTES(CKA_VALUE, maker_bytes, 32)));
}

static CK_RV try_derive(struct row *row, CK_OBJECT_HANDLE base, CK_ATTRIBUTE *list, CK_ULONG count,
			CK_OBJECT_HANDLE *key)
{
	size_t before = maker_keys();
	CK_OBJECT_HANDLE found[64];
	CK_ULONG objects = maker_find(maker_ro, NULL, 0, found);
	CK_RV rv;

	*key = 99;
	rv = C_DeriveKey(maker_rw, &row->mechanism, base, list, count, key);
	if (rv != CKR_OK) {
		assert_int_equal(maker_keys(), before);
		assert_int_equal(maker_find(maker_ro, NULL, 0, found), objects);
	}
	assert_int_equal(fake_busy_sockets(), 0);
	return rv;
}

static CK_OBJECT_HANDLE derive(struct row *row, CK_OBJECT_HANDLE base, CK_ATTRIBUTE *list,
			       CK_ULONG count)
{
	CK_OBJECT_HANDLE key;

	MAKER_RV(try_derive(row, base, list, count, &key), CKR_OK);
	return key;
}

static void the_same_comes_out_wherever_it_goes(void **state)
{
	for (size_t i = 0; i < ROWS; i++) {
		char bytes[2][32];
		uint8_t out[2][16];

		for (int token = 0; token < 2; token++) {
			CK_OBJECT_HANDLE base = make_base(&rows[i], token), key;
			size_t len;

			key = derive(&rows[i], base,
				     LIST(BOOL(CKA_TOKEN, token), SECRET_KEY(CKK_AES),
					  VALUE_LEN(32), EXTRACTABLE, INSENSITIVE));
			memcpy(bytes[token], maker_text(key, CKA_VALUE, &len), 32);
			assert_int_equal(len, 32);
			assert_int_equal(maker_bool(key, CKA_TOKEN), token);
			assert_false(maker_bool(key, CKA_LOCAL));
			MAKER_RV(maker_encrypt(maker_ro, key, out[0]), CKR_OK);
			key = derive(&rows[i], base,
				     LIST(BOOL(CKA_TOKEN, !token), SECRET_KEY(CKK_AES),
					  VALUE_LEN(32), BOOL(CKA_SENSITIVE, CK_TRUE),
					  BOOL(CKA_EXTRACTABLE, CK_FALSE)));
			assert_string_equal(maker_text(key, CKA_KCRYPTOKI_KEYRING_TYPE, NULL),
					    "logon");
			MAKER_RV(maker_encrypt(maker_ro, key, out[1]), CKR_OK);
			assert_memory_equal(out[0], out[1], 16);
		}
		assert_memory_equal(bytes[0], bytes[1], 32);
		if (!i) {
			uint8_t expected[32];

			fake_cipher("ecb(aes)", maker_bytes, 32, false, NULL, text, 32, expected);
			assert_memory_equal(bytes[0], expected, 32);
		}
	}
}

static void lengths_are_named_or_natural(void **state)
{
	for (size_t i = 0; i < ROWS; i++) {
		struct row *row = &rows[i];
		CK_OBJECT_HANDLE base = make_base(row, false), key;

		MAKER_RV(try_derive(row, base, NULL, 0, &key),
			 row->natural ? CKR_OK : CKR_TEMPLATE_INCOMPLETE);
		if (row->natural) {
			assert_int_equal(maker_number(key, CKA_VALUE_LEN), row->natural);
			assert_int_equal(maker_number(key, CKA_KEY_TYPE), CKK_GENERIC_SECRET);
		}
		key = derive(row, base, LIST(SECRET_KEY(CKK_CHACHA20)));
		assert_int_equal(maker_number(key, CKA_VALUE_LEN), 32);
		key = derive(row, base, LIST(VALUE_LEN(1)));
		assert_int_equal(maker_number(key, CKA_VALUE_LEN), 1);
		MAKER_RV(try_derive(row, base, LIST(VALUE_LEN(0)), &key), CKR_KEY_SIZE_RANGE);
		MAKER_RV(try_derive(row, base, LIST(VALUE_LEN(~(~(CK_ULONG)0 >> 1))), &key),
			 CKR_KEY_SIZE_RANGE);
		MAKER_RV(try_derive(row, base, LIST(VALUE_LEN((CK_ULONG)-2)), &key),
			 CKR_KEY_SIZE_RANGE);
		if (row->most) {
			derive(row, base, LIST(VALUE_LEN(row->most)));
			MAKER_RV(try_derive(row, base, LIST(VALUE_LEN(row->most + 1)), &key),
				 row->too_long);
		} else {
			derive(row, base, LIST(VALUE_LEN(32767)));
			MAKER_RV(try_derive(row, base, LIST(VALUE_LEN(32768)), &key),
				 CKR_KEY_SIZE_RANGE);
		}
		MAKER_RV(try_derive(row, base, LIST(SECRET_KEY(CKK_AES), VALUE_LEN(31)), &key),
			 CKR_KEY_SIZE_RANGE);
	}
	/* Extracting alone gives the hash's length. */
	hkdf.expand = CK_FALSE;
	assert_int_equal(maker_number(derive(&rows[HKDF], make_base(&rows[HKDF], false), NULL, 0),
				      CKA_VALUE_LEN),
			 32);
}

static void templates_are_checked(void **state)
{
	for (size_t i = 0; i < ROWS; i++) {
		CK_OBJECT_HANDLE base = make_base(&rows[i], false), key;

#define DERIVE(rv, ...) \
	MAKER_RV(try_derive(&rows[i], base, LIST(VALUE_LEN(32), __VA_ARGS__), &key), rv)
		DERIVE(CKR_TEMPLATE_INCONSISTENT, NUMBER(CKA_CLASS, CKO_DATA));
		DERIVE(CKR_TEMPLATE_INCONSISTENT, BYTES(CKA_VALUE, text, 32));
		DERIVE(CKR_TEMPLATE_INCONSISTENT, TEXT(CKA_ID, "a"), TEXT(CKA_ID, "b"));
		DERIVE(CKR_ATTRIBUTE_TYPE_INVALID, BOOL(CKA_ISSUER, CK_TRUE));
		DERIVE(CKR_ATTRIBUTE_VALUE_INVALID, BOOL(CKA_SIGN, 7));
		DERIVE(CKR_ATTRIBUTE_VALUE_INVALID, SECRET_KEY(CKK_RSA));
		DERIVE(CKR_ATTRIBUTE_READ_ONLY, BOOL(CKA_LOCAL, CK_TRUE));
		MAKER_RV(try_derive(&rows[i], base, LIST(SECRET_KEY(CKK_CHACHA20), VALUE_LEN(16)),
				    &key),
			 CKR_TEMPLATE_INCONSISTENT);
		MAKER_RV(C_DeriveKey(maker_ro, &rows[i].mechanism, base,
				     LIST(TOKEN_KEY, VALUE_LEN(32)), &key),
			 CKR_SESSION_READ_ONLY);
		MAKER_RV(C_DeriveKey(maker_ro, &rows[i].mechanism, base, NULL, 1, &key),
			 CKR_ARGUMENTS_BAD);
		MAKER_RV(C_DeriveKey(maker_ro, &rows[i].mechanism, base, NULL, 0, NULL),
			 CKR_ARGUMENTS_BAD);
		MAKER_RV(C_DeriveKey(maker_ro, NULL, base, NULL, 0, &key), CKR_ARGUMENTS_BAD);
	}
}

static void the_base_must_be_a_key_for_it(void **state)
{
	CK_OBJECT_HANDLE key, profile;

	assert_int_equal(maker_find(maker_ro, LIST(NUMBER(CKA_CLASS, CKO_PROFILE)), &profile), 1);
	for (size_t i = 0; i < ROWS; i++) {
		struct row *row = &rows[i];
		CK_ATTRIBUTE length = VALUE_LEN(32);

		MAKER_RV(try_derive(row, 99, &length, 1, &key), CKR_KEY_HANDLE_INVALID);
		MAKER_RV(try_derive(row, profile, &length, 1, &key), CKR_KEY_HANDLE_INVALID);
		key = maker_create(LIST(BOOL(CKA_DERIVE, CK_FALSE), EXTRACTABLE,
					SECRET_KEY(row->base), BYTES(CKA_VALUE, maker_bytes, 32)));
		MAKER_RV(try_derive(row, key, &length, 1, &key), CKR_KEY_FUNCTION_NOT_PERMITTED);
		key = maker_create(
			LIST(SECRET_KEY(CKK_CHACHA20), BYTES(CKA_VALUE, maker_bytes, 32)));
		MAKER_RV(try_derive(row, key, &length, 1, &key),
			 i == 2 ? CKR_OK : CKR_KEY_TYPE_INCONSISTENT);
		/* Most bases are never read, and need not be readable. */
		key = maker_create(
			LIST(TOKEN_KEY, SECRET_KEY(row->base), BYTES(CKA_VALUE, maker_bytes, 32)));
		MAKER_RV(try_derive(row, key, &length, 1, &key),
			 row->reads ? CKR_KEY_FUNCTION_NOT_PERMITTED : CKR_OK);
		row->mechanism.ulParameterLen--;
		MAKER_RV(try_derive(row, make_base(row, false), &length, 1, &key),
			 CKR_MECHANISM_PARAM_INVALID);
		row->mechanism.ulParameterLen++;
	}
	hkdf.extract = CK_FALSE;
	key = maker_create(
		LIST(TOKEN_KEY, SECRET_KEY(CKK_GENERIC_SECRET), BYTES(CKA_VALUE, maker_bytes, 32)));
	derive(&rows[HKDF], key, LIST(VALUE_LEN(32)));
}

/* The base as SENSITIVE and EXTRACTABLE say, and what a key that names neither becomes. */
static void secrecy_is_as_the_mechanism_has_it(void **state)
{
	for (size_t i = 0; i < 4 * ROWS; i++) {
		struct row *row = &rows[i / 4];
		bool sensitive = i & 1, extractable = i & 2, strict = i / 4 == 2,
		     inherits = i / 4 >= COUNTER;
		CK_OBJECT_HANDLE key, base = maker_create(LIST(SECRET_KEY(row->base),
							       BYTES(CKA_VALUE, maker_bytes, 32),
							       BOOL(CKA_SENSITIVE, sensitive),
							       BOOL(CKA_EXTRACTABLE, extractable)));
		CK_RV rv = try_derive(row, base, LIST(VALUE_LEN(32)), &key);

		/* That one is in the keyring, and nobody reads it. */
		if (row->reads && sensitive && !extractable) {
			MAKER_RV(rv, CKR_KEY_FUNCTION_NOT_PERMITTED);
			continue;
		}
		MAKER_RV(rv, CKR_OK);
		if (inherits) {
			assert_int_equal(maker_bool(key, CKA_SENSITIVE), sensitive);
			assert_int_equal(maker_bool(key, CKA_EXTRACTABLE), extractable);
		}
		assert_false(maker_bool(key, CKA_ALWAYS_SENSITIVE));
		assert_false(maker_bool(key, CKA_NEVER_EXTRACTABLE));
		MAKER_RV(try_derive(row, base, LIST(VALUE_LEN(32), INSENSITIVE), &key),
			 strict && sensitive ? CKR_TEMPLATE_INCONSISTENT : CKR_OK);
		if (!strict || !sensitive)
			assert_false(maker_bool(key, CKA_SENSITIVE));
		MAKER_RV(try_derive(row, base, LIST(VALUE_LEN(32), EXTRACTABLE), &key),
			 strict && !extractable ? CKR_TEMPLATE_INCONSISTENT : CKR_OK);
		if (strict && sensitive) {
			key = derive(row, base, LIST(VALUE_LEN(32)));
			assert_true(maker_bool(key, CKA_SENSITIVE));
			assert_false(maker_bool(key, CKA_EXTRACTABLE));
		}
	}
}

static void the_past_goes_on(void **state)
{
	CK_OBJECT_HANDLE key,
		base = maker_generate(CKM_AES_KEY_GEN, LIST(TOKEN_KEY, VALUE_LEN(32)));

	key = derive(&rows[0], base, LIST(VALUE_LEN(32)));
	assert_true(maker_bool(key, CKA_ALWAYS_SENSITIVE));
	assert_true(maker_bool(key, CKA_NEVER_EXTRACTABLE));
	key = derive(&rows[0], base, LIST(VALUE_LEN(32), INSENSITIVE, EXTRACTABLE));
	assert_false(maker_bool(key, CKA_ALWAYS_SENSITIVE));
	assert_false(maker_bool(key, CKA_NEVER_EXTRACTABLE));
}

/* Section 4.10. */
static void the_bases_template_is_kept(void **state)
{
	CK_ATTRIBUTE gives[] = {SECRET_KEY(CKK_AES), VALUE_LEN(24), BOOL(CKA_WRAP, CK_FALSE)};
	CK_OBJECT_HANDLE key,
		base = maker_create(LIST(AES_KEY(maker_bytes, 32),
					 {CKA_DERIVE_TEMPLATE, gives, sizeof(gives)}));

	key = derive(&rows[0], base, NULL, 0);
	assert_int_equal(maker_number(key, CKA_KEY_TYPE), CKK_AES);
	assert_int_equal(maker_number(key, CKA_VALUE_LEN), 24);
	assert_false(maker_bool(key, CKA_WRAP));
	assert_true(maker_bool(key, CKA_UNWRAP));
	derive(&rows[0], base, LIST(BOOL(CKA_WRAP, CK_FALSE), VALUE_LEN(24)));
	MAKER_RV(try_derive(&rows[0], base, LIST(BOOL(CKA_WRAP, CK_TRUE)), &key),
		 CKR_TEMPLATE_INCONSISTENT);
	MAKER_RV(try_derive(&rows[0], base, LIST(VALUE_LEN(32)), &key), CKR_TEMPLATE_INCONSISTENT);
}

/* Section 6.18: "the parity bits of the key will be set properly". */
static void des_keys_get_their_parity(void **state)
{
	for (size_t i = 0; i < ROWS; i++) {
		CK_OBJECT_HANDLE key = derive(&rows[i], make_base(&rows[i], false),
					      LIST(SECRET_KEY(CKK_DES3), EXTRACTABLE, INSENSITIVE));
		const char *bytes = maker_text(key, CKA_VALUE, NULL);

		for (int k = 0; k < 24; k++)
			assert_true(__builtin_parity((unsigned char)bytes[k]));
	}
}

static void hkdf_makes_data_too(void **state)
{
	struct row row = rows[HKDF];
	CK_OBJECT_HANDLE base = make_base(&row, false), key, found[64];
	char bytes[32];
	size_t len;

	key = derive(&row, base, LIST(VALUE_LEN(32), EXTRACTABLE, INSENSITIVE));
	memcpy(bytes, maker_text(key, CKA_VALUE, NULL), 32);
	row.mechanism.mechanism = CKM_HKDF_DATA;
	key = derive(&row, base, LIST(VALUE_LEN(32), TEXT(CKA_LABEL, "data")));
	assert_int_equal(maker_number(key, CKA_CLASS), CKO_DATA);
	assert_memory_equal(maker_text(key, CKA_VALUE, &len), bytes, 32);
	assert_int_equal(len, 32);
	assert_false(maker_bool(key, CKA_TOKEN));
	assert_string_equal(maker_text(key, CKA_LABEL, NULL), "data");
	MAKER_RV(maker_asked(key, CKA_KEY_TYPE), CKR_ATTRIBUTE_TYPE_INVALID);
	assert_int_equal(maker_find(maker_ro, LIST(NUMBER(CKA_CLASS, CKO_DATA)), found), 1);
	assert_int_equal(found[0], key);
	/* It is no key to anything. */
	MAKER_RV(C_SignInit(maker_rw, &(CK_MECHANISM){CKM_SHA256_HMAC, NULL, 0}, key),
		 CKR_KEY_HANDLE_INVALID);
	MAKER_RV(try_derive(&row, key, LIST(VALUE_LEN(32)), &found[0]), CKR_KEY_HANDLE_INVALID);
	MAKER_RV(C_SetAttributeValue(maker_rw, key, LIST(TEXT(CKA_LABEL, "new"))), CKR_OK);
	assert_int_equal(maker_number(key, CKA_CLASS), CKO_DATA);
	MAKER_RV(C_DestroyObject(maker_rw, key), CKR_OK);
	MAKER_RV(try_derive(&row, base, LIST(VALUE_LEN(32), TOKEN_KEY), &key),
		 CKR_TEMPLATE_INCONSISTENT);
	MAKER_RV(try_derive(&row, base, LIST(VALUE_LEN(32), SECRET_KEY(CKK_AES)), &key),
		 CKR_TEMPLATE_INCONSISTENT);
}

static void the_salt_may_be_a_key(void **state)
{
	CK_OBJECT_HANDLE base = make_base(&rows[HKDF], false), key;
	CK_ATTRIBUTE list[] = {VALUE_LEN(32), EXTRACTABLE, INSENSITIVE};
	static CK_MECHANISM_TYPE only_hmac[] = {CKM_SHA256_HMAC};
	char bytes[32];

	memcpy(bytes, maker_text(derive(&rows[HKDF], base, list, 3), CKA_VALUE, NULL), 32);
	hkdf.salt_type = CKF_HKDF_SALT_KEY;
	hkdf.salt = NULL;
	hkdf.salt_len = 0;
	hkdf.salt_key = maker_create(
		LIST(TOKEN_KEY, SECRET_KEY(CKK_GENERIC_SECRET), BYTES(CKA_VALUE, text, 16)));
	key = derive(&rows[HKDF], base, list, 3);
	assert_memory_equal(maker_text(key, CKA_VALUE, NULL), bytes, 32);
	hkdf.salt_key = 99;
	MAKER_RV(try_derive(&rows[HKDF], base, list, 3, &key), CKR_KEY_HANDLE_INVALID);
	hkdf.salt_key = CK_INVALID_HANDLE;
	MAKER_RV(try_derive(&rows[HKDF], base, list, 3, &key), CKR_MECHANISM_PARAM_INVALID);
	hkdf.salt_key = maker_create(LIST(SECRET_KEY(CKK_GENERIC_SECRET),
					  BYTES(CKA_VALUE, text, 16), BOOL(CKA_DERIVE, CK_FALSE)));
	MAKER_RV(try_derive(&rows[HKDF], base, list, 3, &key), CKR_KEY_FUNCTION_NOT_PERMITTED);
	hkdf.salt_key =
		maker_create(LIST(SECRET_KEY(CKK_GENERIC_SECRET), BYTES(CKA_VALUE, text, 16),
				  BYTES(CKA_ALLOWED_MECHANISMS, only_hmac, sizeof(only_hmac))));
	MAKER_RV(try_derive(&rows[HKDF], base, list, 3, &key), CKR_MECHANISM_INVALID);
}

/* Section 6.42.6: all, or none, and then by its handle the one whose template was wrong. */
static void several_keys_are_all_made_or_none(void **state)
{
	CK_ATTRIBUTE first[] = {TOKEN_KEY, VALUE_LEN(48), BOOL(CKA_DESTROYABLE, CK_FALSE)};
	CK_ATTRIBUTE second[] = {SECRET_KEY(CKK_AES), VALUE_LEN(16)};
	CK_ATTRIBUTE third[] = {TOKEN_KEY, EXTRACTABLE, INSENSITIVE, VALUE_LEN(20)};
	CK_OBJECT_HANDLE keys[3] = {0}, base = make_base(&rows[COUNTER], false), found[64], key;
	char bytes[20];

	more[0] = (struct derived_key){second, 3, &keys[1]};
	more[1] = (struct derived_key){third, 4, &keys[2]};
	counter.more = feedback.more = more;
	counter.n_more = feedback.n_more = 2;
	for (size_t i = COUNTER; i < ROWS; i++) {
		struct row *row = &rows[i];
		size_t before = maker_keys();

		for (size_t bad = 1; bad < 3; bad++) {
			CK_ATTRIBUTE *list = bad == 1 ? &second[2] : &third[3];
			static const CK_ULONG wrong[] = {17, 0, (~(CK_ULONG)0 >> 2) + 1, 40000};

			for (size_t k = bad == 1 ? 0 : 1; k < 4; k++) {
				CK_ATTRIBUTE good = *list, length = VALUE_LEN(wrong[k]);
				bool named = wrong[k] == 17 || wrong[k] > 40000;

				*list = length;
				keys[1] = keys[2] = 77;
				MAKER_RV(try_derive(row, base, first, 3, &keys[0]),
					 CKR_KEY_SIZE_RANGE);
				if (named) {
					assert_int_equal(keys[bad], CK_INVALID_HANDLE);
					assert_int_equal(keys[3 - bad], 77);
					assert_int_equal(keys[0], 99);
				}
				*list = good;
			}
		}
		fake_quota(fake_keys("logon") + fake_keys("user") + fake_keys("keyring") + 1);
		MAKER_RV(try_derive(row, base, first, 3, &keys[0]), CKR_DEVICE_MEMORY);
		fake_quota(0);
		MAKER_RV(C_DeriveKey(maker_rw, &row->mechanism, base, first, 3, &keys[0]), CKR_OK);
		/* The session's is held, as its base is. */
		assert_int_equal(maker_keys(), before + 2);
		assert_int_equal(maker_number(keys[0], CKA_VALUE_LEN), 48);
		assert_int_equal(maker_number(keys[1], CKA_VALUE_LEN), 16);
		memcpy(bytes, maker_text(keys[2], CKA_VALUE, NULL), 20);
		assert_int_equal(maker_find(maker_ro, LIST(TOKEN_KEY), found),
				 2 * (i - COUNTER) + 3);
		/* Each begins with a segment of its own: the third key with the fourth. */
		counter.n_more = feedback.n_more = 0;
		counter.more = feedback.more = NULL;
		key = derive(row, base, LIST(VALUE_LEN(116), EXTRACTABLE, INSENSITIVE));
		assert_memory_equal(maker_text(key, CKA_VALUE, NULL) + 96, bytes, 20);
		counter.n_more = feedback.n_more = 2;
		counter.more = feedback.more = more;
		more[1].key = NULL;
		MAKER_RV(try_derive(row, base, first, 3, &keys[0]), CKR_MECHANISM_PARAM_INVALID);
		more[1].key = &keys[2];
	}
	counter.n_more = 64;
	MAKER_RV(try_derive(&rows[COUNTER], base, first, 3, &keys[0]), CKR_MECHANISM_PARAM_INVALID);
}

static void whatever_fails_nothing_is_left(void **state)
{
	static const char *const functions[] = {"alg_bind",   "alg_set_key", "alg_set_key_serial",
						"alg_accept", "alg_send",    "alg_recv",
						"key_read",   "key_add",     "key_set_perm",
						"key_move",   "key_describe"};
	bool failed;

	for (size_t i = 0; i < ROWS * sizeof(functions) / sizeof(*functions); i++) {
		const char *function = functions[i / ROWS];

		for (unsigned int nth = 1; nth == 1 || failed; nth++) {
			CK_OBJECT_HANDLE base = make_base(&rows[i % ROWS], true), key = 99;
			size_t before = maker_keys();
			CK_RV rv;

			fake_calls_forget();
			fake_fail(function, nth, -EIO);
			rv = C_DeriveKey(maker_rw, &rows[i % ROWS].mechanism, base,
					 LIST(TOKEN_KEY, VALUE_LEN(40)), &key);
			failed = fake_calls(function) >= nth;
			fake_fail(NULL, 0, 0);
			assert_int_equal(maker_keys(), before + (rv == CKR_OK));
			assert_int_equal(fake_busy_sockets(), 0);
			assert_true(rv == CKR_OK || key == 99);
			maker_stop();
			fake_reset();
			maker_start();
		}
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, maker_teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_same_comes_out_wherever_it_goes),
		TEST(lengths_are_named_or_natural),
		TEST(templates_are_checked),
		TEST(the_base_must_be_a_key_for_it),
		TEST(secrecy_is_as_the_mechanism_has_it),
		TEST(the_past_goes_on),
		TEST(the_bases_template_is_kept),
		TEST(des_keys_get_their_parity),
		TEST(hkdf_makes_data_too),
		TEST(the_salt_may_be_a_key),
		TEST(several_keys_are_all_made_or_none),
		TEST(whatever_fails_nothing_is_left),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("derive-key", tests, NULL, NULL);
}
