/* SPDX-License-Identifier: BSD-2-Clause */
/* C_WrapKey and C_UnwrapKey (PKCS#11 3.2, section 5.18). */
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

enum { ROOM = 4096 };

static CK_BYTE iv[16] = "an IV of 16 byte", aad[5] = "hello";
static struct gcm_params gcm = {
	.iv = iv, .iv_len = 12, .iv_bits = 96, .aad = aad, .aad_len = 5, .tag_bits = 128};

static struct {
	CK_MECHANISM mechanism;
	CK_ULONG wrapped;     /* of 24 bytes */
	CK_ULONG least, step; /* bytes of keys */
} rows[] = {
	{{CKM_AES_KEY_WRAP, NULL, 0}, 32, 16, 8},     {{CKM_AES_KEY_WRAP_PAD, NULL, 0}, 40, 8, 1},
	{{CKM_AES_KEY_WRAP_KWP, NULL, 0}, 32, 1, 1},  {{CKM_AES_CBC_PAD, iv, 16}, 32, 1, 1},
	{{CKM_AES_GCM, &gcm, sizeof(gcm)}, 40, 1, 1},
};

enum { ROWS = sizeof(rows) / sizeof(*rows) };

/* The key that wraps. */
static CK_OBJECT_HANDLE make_kek(CK_ATTRIBUTE *list, CK_ULONG count)
{
	CK_ATTRIBUTE whole[16] = {TOKEN_KEY, AES_KEY(maker_bytes, 32)};

	for (CK_ULONG i = 0; i < count; i++)
		whole[4 + i] = list[i];
	return maker_create(whole, 4 + count);
}

static CK_OBJECT_HANDLE make_key(const void *bytes, CK_ULONG len, bool token)
{
	return maker_create(LIST(BOOL(CKA_TOKEN, token), EXTRACTABLE,
				 SECRET_KEY(CKK_GENERIC_SECRET), BYTES(CKA_VALUE, bytes, len)));
}

static CK_RV wrap(size_t row, CK_OBJECT_HANDLE kek, CK_OBJECT_HANDLE key, uint8_t *out,
		  CK_ULONG *len)
{
	return C_WrapKey(maker_ro, &rows[row].mechanism, kek, key, out, len);
}

static CK_RV unwrap(size_t row, CK_OBJECT_HANDLE kek, uint8_t *in, CK_ULONG in_len,
		    CK_ATTRIBUTE *list, CK_ULONG count, CK_OBJECT_HANDLE *key)
{
	size_t before = maker_keys();
	CK_RV rv;

	*key = 99;
	rv = C_UnwrapKey(maker_rw, &rows[row].mechanism, kek, in, in_len, list, count, key);
	if (rv != CKR_OK) {
		assert_int_equal(*key, 99);
		assert_int_equal(maker_keys(), before);
	}
	assert_int_equal(fake_busy_sockets(), 0);
	return rv;
}

/* What wraps is C_Encrypt, and where the key lies makes no difference. */
static void a_key_is_wrapped_and_unwrapped(void **state)
{
	CK_OBJECT_HANDLE kek = make_kek(NULL, 0), key, back;
	uint8_t wrapped[ROOM], expected[ROOM];
	CK_ULONG len, expected_len;
	size_t value_len;

	for (size_t i = 0; i < 2 * ROWS; i++) {
		key = make_key(maker_bytes, 24, i % 2);
		expected_len = sizeof(expected);
		MAKER_RV(C_EncryptInit(maker_rw, &rows[i / 2].mechanism, kek), CKR_OK);
		MAKER_RV(C_Encrypt(maker_rw, (CK_BYTE *)maker_bytes, 24, expected, &expected_len),
			 CKR_OK);
		assert_int_equal(expected_len, rows[i / 2].wrapped);
		len = 0;
		MAKER_RV(wrap(i / 2, kek, key, NULL, &len), CKR_OK);
		assert_in_range(len, expected_len, expected_len + 16);
		len = expected_len - 1;
		memset(wrapped, 0xa5, sizeof(wrapped));
		MAKER_RV(wrap(i / 2, kek, key, wrapped, &len), CKR_BUFFER_TOO_SMALL);
		assert_int_equal(len, expected_len);
		for (size_t k = 0; k < sizeof(wrapped); k++)
			assert_int_equal(wrapped[k], 0xa5);
		MAKER_RV(wrap(i / 2, kek, key, wrapped, &len), CKR_OK);
		assert_int_equal(len, expected_len);
		assert_memory_equal(wrapped, expected, len);
		assert_int_equal(wrapped[len], 0xa5);

		MAKER_RV(unwrap(i / 2, kek, wrapped, len,
				LIST(SECRET_KEY(CKK_AES), BOOL(CKA_TOKEN, i % 2), EXTRACTABLE,
				     INSENSITIVE),
				&back),
			 CKR_OK);
		assert_memory_equal(maker_text(back, CKA_VALUE, &value_len), maker_bytes, 24);
		assert_int_equal(value_len, 24);
		assert_int_equal(maker_number(back, CKA_VALUE_LEN), 24);
		assert_int_equal(maker_number(back, CKA_KEY_TYPE), CKK_AES);
		assert_int_equal(maker_bool(back, CKA_TOKEN), i % 2);
		assert_false(maker_bool(back, CKA_LOCAL));
		assert_false(maker_bool(back, CKA_ALWAYS_SENSITIVE));
		assert_false(maker_bool(back, CKA_NEVER_EXTRACTABLE));
		MAKER_RV(C_DestroyObject(maker_rw, back), CKR_OK);
		MAKER_RV(C_DestroyObject(maker_rw, key), CKR_OK);
	}
	assert_int_equal(fake_busy_sockets(), 0);
}

static void keys_have_the_lengths_that_a_mechanism_takes(void **state)
{
	static uint8_t bytes[ROOM];
	CK_OBJECT_HANDLE kek = make_kek(NULL, 0), key, back;

	for (CK_ULONG len = 1; len < 70; len++) {
		key = make_key(bytes, len, false);
		for (size_t i = 0; i < ROWS; i++) {
			bool fits = len >= rows[i].least && len % rows[i].step == 0;
			uint8_t wrapped[ROOM];
			CK_ULONG size = sizeof(wrapped);

			MAKER_RV(wrap(i, kek, key, wrapped, &size),
				 fits ? CKR_OK : CKR_KEY_SIZE_RANGE);
			if (!fits)
				continue;
			/* Where no type is named, it is a generic secret. */
			MAKER_RV(unwrap(i, kek, wrapped, size, NULL, 0, &back), CKR_OK);
			assert_int_equal(maker_number(back, CKA_VALUE_LEN), len);
			assert_int_equal(maker_number(back, CKA_KEY_TYPE), CKK_GENERIC_SECRET);
			MAKER_RV(C_DestroyObject(maker_rw, back), CKR_OK);
		}
		MAKER_RV(C_DestroyObject(maker_rw, key), CKR_OK);
	}
}

static void what_may_not_leave_does_not(void **state)
{
	CK_OBJECT_HANDLE kek = make_kek(NULL, 0),
			 keys[] = {
				 maker_create(LIST(TOKEN_KEY, AES_KEY(maker_bytes, 16))),
				 maker_create(LIST(AES_KEY(maker_bytes, 16))),
				 maker_create(LIST(BOOL(CKA_SENSITIVE, CK_TRUE),
						   AES_KEY(maker_bytes, 16))),
				 maker_generate(CKM_AES_KEY_GEN,
						LIST(TOKEN_KEY, NUMBER(CKA_VALUE_LEN, 16))),
			 };
	uint8_t out[ROOM];
	CK_ULONG len = sizeof(out);
	CK_OBJECT_HANDLE profile;

	for (size_t i = 0; i < 4 * ROWS; i++) {
		MAKER_RV(wrap(i / 4, kek, keys[i % 4], out, &len), CKR_KEY_UNEXTRACTABLE);
		MAKER_RV(wrap(i / 4, kek, keys[i % 4], NULL, &len), CKR_KEY_UNEXTRACTABLE);
	}
	assert_int_equal(maker_find(maker_ro, LIST(NUMBER(CKA_CLASS, CKO_PROFILE)), &profile), 1);
	MAKER_RV(wrap(0, kek, profile, out, &len), CKR_KEY_HANDLE_INVALID);
	/* A key that somebody else put there is not for us to give away. */
	fake_key_add(FAKE_USER_KEYRING, "user", "pkcs11:object=theirs", maker_bytes, 16, FAKE_PERM);
	assert_int_equal(maker_find(maker_ro, LIST(TEXT(CKA_LABEL, "theirs")), &keys[0]), 1);
	MAKER_RV(wrap(0, kek, keys[0], out, &len), CKR_KEY_UNEXTRACTABLE);
}

static void what_is_wrong_with_which_key_is_named(void **state)
{
	CK_OBJECT_HANDLE kek = make_kek(NULL, 0), key = make_key(maker_bytes, 16, false), back,
			 unable = make_kek(
				 LIST(BOOL(CKA_WRAP, CK_FALSE), BOOL(CKA_UNWRAP, CK_FALSE)));
	CK_MECHANISM hash = {CKM_SHA256, NULL, 0}, cbc = {CKM_AES_CBC, iv, 16},
		     bad_iv = {CKM_AES_CBC_PAD, iv, 15};
	uint8_t out[ROOM] = {0};
	CK_ULONG len = sizeof(out);

	MAKER_RV(wrap(0, 99, key, out, &len), CKR_WRAPPING_KEY_HANDLE_INVALID);
	MAKER_RV(wrap(0, kek, 99, out, &len), CKR_KEY_HANDLE_INVALID);
	MAKER_RV(wrap(0, key, key, out, &len), CKR_WRAPPING_KEY_TYPE_INCONSISTENT);
	MAKER_RV(wrap(0, unable, key, out, &len), CKR_KEY_FUNCTION_NOT_PERMITTED);
	MAKER_RV(C_WrapKey(maker_ro, &hash, kek, key, out, &len), CKR_MECHANISM_INVALID);
	MAKER_RV(C_WrapKey(maker_ro, &cbc, kek, key, out, &len), CKR_MECHANISM_INVALID);
	MAKER_RV(C_WrapKey(maker_ro, &bad_iv, kek, key, out, &len), CKR_MECHANISM_PARAM_INVALID);
	MAKER_RV(C_WrapKey(maker_ro, NULL, kek, key, out, &len), CKR_ARGUMENTS_BAD);
	MAKER_RV(wrap(0, kek, key, out, NULL), CKR_ARGUMENTS_BAD);

	MAKER_RV(unwrap(0, 99, out, 24, NULL, 0, &back), CKR_UNWRAPPING_KEY_HANDLE_INVALID);
	MAKER_RV(unwrap(0, key, out, 24, NULL, 0, &back), CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT);
	MAKER_RV(unwrap(0, unable, out, 24, NULL, 0, &back), CKR_KEY_FUNCTION_NOT_PERMITTED);
	MAKER_RV(unwrap(0, kek, out, 0, NULL, 0, &back), CKR_WRAPPED_KEY_LEN_RANGE);
	MAKER_RV(unwrap(0, kek, out, 23, NULL, 0, &back), CKR_WRAPPED_KEY_LEN_RANGE);
	MAKER_RV(unwrap(0, kek, out, (~(CK_ULONG)0 >> 2) + 1, NULL, 0, &back),
		 CKR_WRAPPED_KEY_LEN_RANGE);
	MAKER_RV(unwrap(0, kek, NULL, 24, NULL, 0, &back), CKR_ARGUMENTS_BAD);
	MAKER_RV(unwrap(0, kek, out, 24, NULL, 1, &back), CKR_ARGUMENTS_BAD);
	MAKER_RV(C_UnwrapKey(maker_rw, &rows[0].mechanism, kek, out, 24, NULL, 0, NULL),
		 CKR_ARGUMENTS_BAD);
	MAKER_RV(C_UnwrapKey(maker_rw, &cbc, kek, out, 24, NULL, 0, &back), CKR_MECHANISM_INVALID);

	/* An expired one, or one that the kernel refuses. */
	fake_key_expire(maker_serial(kek));
	MAKER_RV(wrap(0, kek, key, out, &len), CKR_WRAPPING_KEY_HANDLE_INVALID);
	MAKER_RV(unwrap(0, kek, out, 24, NULL, 0, &back), CKR_UNWRAPPING_KEY_HANDLE_INVALID);
}

/* The key that wraps has a length that the mechanism does not take. */
static void a_key_of_another_length_is_named(void **state)
{
	CK_OBJECT_HANDLE kek, key = make_key(maker_bytes, 16, false), back;
	uint8_t out[ROOM] = {0};
	CK_ULONG len = sizeof(out);

	fake_key_add(FAKE_USER_KEYRING, "logon", "pkcs11:object=odd?x-key-type=aes", maker_bytes,
		     17, FAKE_PERM);
	assert_int_equal(maker_find(maker_ro, LIST(TEXT(CKA_LABEL, "odd")), &kek), 1);
	MAKER_RV(wrap(0, kek, key, out, &len), CKR_WRAPPING_KEY_SIZE_RANGE);
	MAKER_RV(unwrap(0, kek, out, 24, NULL, 0, &back), CKR_UNWRAPPING_KEY_SIZE_RANGE);
}

static void a_blob_that_was_changed_makes_no_key(void **state)
{
	CK_OBJECT_HANDLE kek = make_kek(NULL, 0), key = make_key(maker_bytes, 24, false), back;
	uint8_t wrapped[ROOM];

	for (size_t i = 0; i < ROWS; i++) {
		CK_ULONG len = sizeof(wrapped);

		MAKER_RV(wrap(i, kek, key, wrapped, &len), CKR_OK);
		/* CBC says nothing of what comes before the padding. */
		for (CK_ULONG at = i == 3 ? len - 1 : 0; at < len; at++) {
			CK_RV rv;

			wrapped[at] ^= 1;
			rv = unwrap(i, kek, wrapped, len, NULL, 0, &back);
			if (i != 3 || rv != CKR_OK)
				MAKER_RV(rv, CKR_WRAPPED_KEY_INVALID);
			wrapped[at] ^= 1;
		}
		MAKER_RV(unwrap(i, kek, wrapped, len, NULL, 0, &back), CKR_OK);
		MAKER_RV(unwrap(i, kek, wrapped, 7, NULL, 0, &back), CKR_WRAPPED_KEY_LEN_RANGE);
	}
}

static void a_bad_template_makes_no_key(void **state)
{
	CK_OBJECT_HANDLE kek = make_kek(NULL, 0), key = make_key(maker_bytes, 24, false), back;
	uint8_t wrapped[ROOM];
	size_t sockets = 0;

	for (size_t i = 0; i < ROWS; i++) {
		CK_ULONG len = sizeof(wrapped);

		MAKER_RV(wrap(i, kek, key, wrapped, &len), CKR_OK);
		sockets = fake_open_sockets();
#define UNWRAP(rv, ...) MAKER_RV(unwrap(i, kek, wrapped, len, LIST(__VA_ARGS__), &back), rv)
		UNWRAP(CKR_ATTRIBUTE_TYPE_INVALID, BOOL(CKA_ISSUER, CK_TRUE));
		UNWRAP(CKR_ATTRIBUTE_VALUE_INVALID, BOOL(CKA_SIGN, 2));
		UNWRAP(CKR_ATTRIBUTE_READ_ONLY, BOOL(CKA_LOCAL, CK_TRUE));
		UNWRAP(CKR_TEMPLATE_INCONSISTENT, NUMBER(CKA_CLASS, CKO_PRIVATE_KEY));
		UNWRAP(CKR_TEMPLATE_INCONSISTENT, BYTES(CKA_VALUE, maker_bytes, 24));
		UNWRAP(CKR_TEMPLATE_INCONSISTENT, NUMBER(CKA_VALUE_LEN, 16));
		UNWRAP(CKR_TEMPLATE_INCONSISTENT, SECRET_KEY(CKK_CHACHA20),
		       NUMBER(CKA_VALUE_LEN, 24));
		UNWRAP(CKR_TEMPLATE_INCONSISTENT, TEXT(CKA_LABEL, "a"), TEXT(CKA_LABEL, "b"));
		UNWRAP(CKR_WRAPPED_KEY_LEN_RANGE, SECRET_KEY(CKK_CHACHA20));
		UNWRAP(CKR_WRAPPED_KEY_LEN_RANGE, SECRET_KEY(CKK_AES_XTS));
		/* What no description could say would come back as something else. */
		UNWRAP(CKR_ATTRIBUTE_VALUE_INVALID, SECRET_KEY(CKK_RSA));
		UNWRAP(CKR_ATTRIBUTE_VALUE_INVALID, TOKEN_KEY, SECRET_KEY(CKK_DES));
		MAKER_RV(C_UnwrapKey(maker_ro, &rows[i].mechanism, kek, wrapped, len,
				     LIST(TOKEN_KEY), &back),
			 CKR_SESSION_READ_ONLY);
		UNWRAP(CKR_OK, SECRET_KEY(CKK_AES), NUMBER(CKA_VALUE_LEN, 24));
		assert_int_equal(fake_open_sockets(), sockets);
	}
}

/* Section 4.8: some keys are wrapped with trusted keys only. */
static void wrap_with_trusted_is_kept(void **state)
{
	CK_OBJECT_HANDLE trusted, other = make_kek(NULL, 0), key;
	uint8_t out[ROOM];
	CK_ULONG len = sizeof(out);

	maker_configure("[token x]\nkeyring = user\n[key x]\ntype = logon\n"
			"description = *trust me*\ntrusted = yes\n");
	trusted = make_kek(LIST(TEXT(CKA_LABEL, "trust me")));
	other = make_kek(NULL, 0);
	key = maker_create(
		LIST(EXTRACTABLE, BOOL(CKA_WRAP_WITH_TRUSTED, CK_TRUE), AES_KEY(maker_bytes, 16)));
	MAKER_RV(wrap(0, other, key, out, &len), CKR_KEY_NOT_WRAPPABLE);
	assert_false(maker_bool(trusted, CKA_TRUSTED));
	MAKER_RV(C_DestroyObject(maker_rw, trusted), CKR_OK);
	fake_key_add(FAKE_USER_KEYRING, "logon", "pkcs11:object=trust me?x-key-type=aes",
		     maker_bytes, 32, FAKE_PERM);
	assert_int_equal(maker_find(maker_ro, LIST(BOOL(CKA_TRUSTED, CK_TRUE)), &trusted), 1);
	MAKER_RV(wrap(0, trusted, key, out, &len), CKR_OK);
}

/* Section 4.10: what a key wraps, and what comes of what it unwraps. */
static void templates_of_the_key_that_wraps_are_kept(void **state)
{
	CK_ATTRIBUTE only[] = {NUMBER(CKA_KEY_TYPE, CKK_AES), BOOL(CKA_ENCRYPT, CK_TRUE)};
	CK_ATTRIBUTE gives[] = {BOOL(CKA_SIGN, CK_FALSE), BOOL(CKA_EXTRACTABLE, CK_FALSE),
				NUMBER(CKA_KEY_TYPE, CKK_AES), TEXT(CKA_LABEL, "given")};
	CK_OBJECT_HANDLE kek = make_kek(LIST({CKA_WRAP_TEMPLATE, only, sizeof(only)},
					     {CKA_UNWRAP_TEMPLATE, gives, sizeof(gives)})),
			 key, back;
	uint8_t out[ROOM];
	CK_ULONG len = sizeof(out);

	MAKER_RV(wrap(0, kek, make_key(maker_bytes, 16, false), out, &len), CKR_KEY_HANDLE_INVALID);
	key = maker_create(
		LIST(EXTRACTABLE, AES_KEY(maker_bytes, 16), BOOL(CKA_ENCRYPT, CK_FALSE)));
	MAKER_RV(wrap(0, kek, key, out, &len), CKR_KEY_HANDLE_INVALID);
	key = maker_create(LIST(EXTRACTABLE, AES_KEY(maker_bytes, 16)));
	MAKER_RV(wrap(0, kek, key, out, &len), CKR_OK);

	MAKER_RV(unwrap(0, kek, out, len, NULL, 0, &back), CKR_OK);
	assert_false(maker_bool(back, CKA_SIGN));
	assert_true(maker_bool(back, CKA_VERIFY));
	assert_false(maker_bool(back, CKA_EXTRACTABLE));
	assert_int_equal(maker_number(back, CKA_KEY_TYPE), CKK_AES);
	assert_string_equal(maker_text(back, CKA_LABEL, NULL), "given");
	MAKER_RV(unwrap(0, kek, out, len, LIST(BOOL(CKA_SIGN, CK_FALSE), TEXT(CKA_ID, "1")), &back),
		 CKR_OK);
	assert_string_equal(maker_text(back, CKA_ID, NULL), "1");
	MAKER_RV(unwrap(0, kek, out, len, LIST(BOOL(CKA_SIGN, CK_TRUE)), &back),
		 CKR_TEMPLATE_INCONSISTENT);
	MAKER_RV(unwrap(0, kek, out, len, LIST(EXTRACTABLE), &back), CKR_TEMPLATE_INCONSISTENT);
	MAKER_RV(unwrap(0, kek, out, len, LIST(NUMBER(CKA_KEY_TYPE, CKK_GENERIC_SECRET)), &back),
		 CKR_TEMPLATE_INCONSISTENT);
}

/* Whatever the kernel refuses on the way, no bytes and no key come of it. */
static void whatever_fails_nothing_comes_of_it(void **state)
{
	static const char *const functions[] = {"alg_bind",    "alg_set_key_serial", "alg_accept",
						"alg_send",    "alg_recv",           "key_read",
						"key_add",     "key_set_perm",       "key_move",
						"key_describe"};
	uint8_t wrapped[ROOM], out[ROOM];

	for (size_t i = 0; i < ROWS * sizeof(functions) / sizeof(*functions); i++) {
		const char *function = functions[i / ROWS];

		for (unsigned int nth = 1;; nth += 1 + nth / 4) {
			CK_OBJECT_HANDLE kek = make_kek(NULL, 0), back,
					 key = make_key(maker_bytes, 24, true);
			CK_ULONG len = sizeof(wrapped), again = sizeof(out);
			bool failed;

			memset(out, 0xa5, sizeof(out));
			MAKER_RV(wrap(i % ROWS, kek, key, wrapped, &len), CKR_OK);
			MAKER_RV(C_DestroyObject(maker_rw, kek), CKR_OK);
			kek = make_kek(NULL, 0);
			fake_calls_forget();
			fake_fail(function, nth, -EIO);
			if (wrap(i % ROWS, kek, key, out, &again) != CKR_OK)
				for (size_t k = 0; k < sizeof(out); k++)
					assert_true(out[k] == 0xa5 || !out[k]);
			else
				assert_memory_equal(out, wrapped, len);
			unwrap(i % ROWS, kek, wrapped, len, LIST(TOKEN_KEY), &back);
			failed = fake_calls(function) >= nth;
			fake_fail(NULL, 0, 0);
			maker_stop();
			fake_reset();
			maker_start();
			if (!failed)
				break;
		}
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, maker_setup, maker_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_key_is_wrapped_and_unwrapped),
		TEST(keys_have_the_lengths_that_a_mechanism_takes),
		TEST(what_may_not_leave_does_not),
		TEST(what_is_wrong_with_which_key_is_named),
		TEST(a_key_of_another_length_is_named),
		TEST(a_blob_that_was_changed_makes_no_key),
		TEST(a_bad_template_makes_no_key),
		TEST(wrap_with_trusted_is_kept),
		TEST(templates_of_the_key_that_wraps_are_kept),
		TEST(whatever_fails_nothing_comes_of_it),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("wrap-key", tests, NULL, NULL);
}
