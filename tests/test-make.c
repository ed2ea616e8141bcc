/* SPDX-License-Identifier: BSD-2-Clause */
/* New keys, through C_CreateObject, C_GenerateKey and C_CopyObject: where they go, and what of them
 * is left when something fails. */
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
#include "kernel/keyring.h"
#include "locked.h"
#include "maker.h"

#define EXTRACTABLE BOOL(CKA_EXTRACTABLE, CK_TRUE)
#define INSENSITIVE BOOL(CKA_SENSITIVE, CK_FALSE)
#define ENCRYPTED TEXT(CKA_KCRYPTOKI_KEYRING_TYPE, "encrypted")
#define VALUE_LEN(len) NUMBER(CKA_VALUE_LEN, len)

static const char with_master[] = "[token x]\nkeyring = user\nmaster = user:kmk\n";
static CK_MECHANISM aes_key_gen = {CKM_AES_KEY_GEN, NULL, 0};

static void give_master(void)
{
	fake_key_add(FAKE_USER_KEYRING, "user", "kmk", maker_bytes, 32, FAKE_PERM);
}

static CK_RV try_create(CK_ATTRIBUTE *list, CK_ULONG count)
{
	CK_OBJECT_HANDLE object = 99;
	CK_RV rv = C_CreateObject(maker_rw, list, count, &object);

	assert_true(rv == CKR_OK || object == 99);
	return rv;
}

static CK_RV try_generate(CK_ATTRIBUTE *list, CK_ULONG count)
{
	CK_OBJECT_HANDLE object = 99;
	CK_RV rv = C_GenerateKey(maker_rw, &aes_key_gen, list, count, &object);

	assert_true(rv == CKR_OK || object == 99);
	return rv;
}

/* TYPE NULL: of no keyring. */
static void check_type(CK_OBJECT_HANDLE object, const char *type, bool session)
{
	assert_int_equal(maker_bool(object, CKA_TOKEN), !session);
	if (!type) {
		MAKER_RV(maker_asked(object, CKA_KCRYPTOKI_KEYRING_TYPE),
			 CKR_ATTRIBUTE_TYPE_INVALID);
		MAKER_RV(maker_asked(object, CKA_KCRYPTOKI_KEY_SERIAL), CKR_ATTRIBUTE_TYPE_INVALID);
		return;
	}
	assert_string_equal(maker_text(object, CKA_KCRYPTOKI_KEYRING_TYPE, NULL), type);
	/* Nobody can change it: neither Write nor Set Attribute; what is extractable is read, and
	 * the blob of an encrypted key. */
	assert_int_equal(maker_perm(object),
			 strcmp(type, "logon") ? KEY_PERM_READABLE : KEY_PERM_CONSTANT);
	assert_int_equal(maker_perm(object) & 0x24242424, 0);
}

static void a_template_decides_where_a_key_goes(void **state)
{
	uint8_t made[16], again[16];

	check_type(maker_create(LIST(TOKEN_KEY, AES_KEY(maker_bytes, 16))), "logon", false);
	check_type(maker_create(LIST(TOKEN_KEY, EXTRACTABLE, AES_KEY(maker_bytes, 16))), "user",
		   false);
	check_type(maker_create(LIST(TOKEN_KEY, INSENSITIVE, AES_KEY(maker_bytes, 16))), "logon",
		   false);
	check_type(maker_create(LIST(AES_KEY(maker_bytes, 16))), NULL, true);
	check_type(maker_create(LIST(EXTRACTABLE, BOOL(CKA_SENSITIVE, CK_TRUE),
				     AES_KEY(maker_bytes, 16))),
		   NULL, true);
	check_type(maker_create(LIST(BOOL(CKA_SENSITIVE, CK_TRUE), AES_KEY(maker_bytes, 16))),
		   "logon", true);
	check_type(maker_generate(CKM_AES_KEY_GEN, LIST(TOKEN_KEY, VALUE_LEN(16))), "logon", false);
	check_type(maker_generate(CKM_AES_KEY_GEN, LIST(TOKEN_KEY, VALUE_LEN(16), EXTRACTABLE)),
		   "user", false);
	check_type(maker_generate(CKM_AES_KEY_GEN, LIST(VALUE_LEN(16))), "logon", true);
	check_type(maker_generate(CKM_AES_KEY_GEN, LIST(VALUE_LEN(16), INSENSITIVE)), NULL, true);
	check_type(maker_generate(CKM_AES_KEY_GEN, LIST(VALUE_LEN(16), EXTRACTABLE)), NULL, true);

	/* Wherever it is, the key is the caller's bytes. */
	fake_cipher("ecb(aes)", maker_bytes, 16, false, NULL, (uint8_t[16]){0}, 16, made);
	for (int i = 0; i < 4; i++) {
		CK_ATTRIBUTE list[] = {BOOL(CKA_TOKEN, i & 1), BOOL(CKA_SENSITIVE, i > 1),
				       AES_KEY(maker_bytes, 16)};

		MAKER_RV(maker_encrypt(maker_ro, maker_create(list, 5), again), CKR_OK);
		assert_memory_equal(made, again, 16);
	}
}

static void with_a_master_the_kernel_makes_keys(void **state)
{
	CK_OBJECT_HANDLE key;
	uint8_t out[16];

	maker_configure(with_master);
	give_master();
	key = maker_generate(CKM_AES_KEY_GEN, LIST(TOKEN_KEY, VALUE_LEN(32)));
	check_type(key, "encrypted", false);
	assert_int_equal(maker_number(key, CKA_VALUE_LEN), 32);
	assert_int_equal(maker_number(key, CKA_KEY_TYPE), CKK_AES);
	assert_true(maker_bool(key, CKA_LOCAL));
	MAKER_RV(maker_encrypt(maker_ro, key, out), CKR_OK);
	check_type(maker_generate(CKM_AES_KEY_GEN, LIST(TOKEN_KEY, VALUE_LEN(24))), "encrypted",
		   false);
	/* Others' bytes are made such a key only where that is asked for (below), and a session's
	 * need not outlive it. */
	check_type(maker_create(LIST(TOKEN_KEY, AES_KEY(maker_bytes, 32))), "logon", false);
	check_type(maker_generate(CKM_AES_KEY_GEN, LIST(VALUE_LEN(32))), "logon", true);
	check_type(maker_generate(CKM_AES_KEY_GEN, LIST(TOKEN_KEY, VALUE_LEN(32), EXTRACTABLE)),
		   "user", false);
	/* The kernel makes 20 bytes at least: never another type unasked. */
	MAKER_RV(try_generate(LIST(TOKEN_KEY, VALUE_LEN(16))), CKR_KEY_SIZE_RANGE);
	check_type(maker_generate(CKM_AES_KEY_GEN, LIST(TOKEN_KEY, VALUE_LEN(16),
							TEXT(CKA_KCRYPTOKI_KEYRING_TYPE, "logon"))),
		   "logon", false);
	check_type(maker_generate(CKM_GENERIC_SECRET_KEY_GEN, LIST(TOKEN_KEY, VALUE_LEN(4096))),
		   "encrypted", false);
	MAKER_RV(C_GenerateKey(maker_rw, &(CK_MECHANISM){CKM_GENERIC_SECRET_KEY_GEN, NULL, 0},
			       LIST(TOKEN_KEY, VALUE_LEN(4097)), &key),
		 CKR_KEY_SIZE_RANGE);

	maker_configure("[token x]\nkeyring = user\nmaster = user:kmk\ncreate = logon\n");
	check_type(maker_generate(CKM_AES_KEY_GEN, LIST(TOKEN_KEY, VALUE_LEN(16))), "logon", false);
	check_type(maker_generate(CKM_AES_KEY_GEN,
				  LIST(TOKEN_KEY, VALUE_LEN(32),
				       TEXT(CKA_KCRYPTOKI_KEYRING_TYPE, "encrypted"))),
		   "encrypted", false);
}

static void a_master_that_is_missing_makes_no_key(void **state)
{
	maker_configure(with_master);
	MAKER_RV(try_generate(LIST(TOKEN_KEY, VALUE_LEN(32))), CKR_DEVICE_ERROR);
	assert_int_equal(maker_keys(), 0);
	assert_int_equal(fake_calls("key_add"), 0);
	check_type(maker_create(LIST(TOKEN_KEY, AES_KEY(maker_bytes, 32))), "logon", false);
	conf_log_end();
	assert_non_null(strstr(conf_logged, "master key user:kmk is not found"));
}

static void bytes_become_an_encrypted_key_where_the_kernel_takes_them(void **state)
{
	CK_ATTRIBUTE list[] = {TOKEN_KEY, ENCRYPTED, AES_KEY(maker_bytes, 32)};
	uint8_t made[16], again[16];
	CK_OBJECT_HANDLE key, from;

	maker_configure(with_master);
	give_master();
	fake_encrypted_of(FAKE_BYTES_TAKEN);
	key = maker_create(list, 5);
	check_type(key, "encrypted", false);
	assert_false(maker_bool(key, CKA_LOCAL));
	fake_cipher("ecb(aes)", maker_bytes, 32, false, NULL, (uint8_t[16]){0}, 16, made);
	MAKER_RV(maker_encrypt(maker_ro, key, again), CKR_OK);
	assert_memory_equal(made, again, 16);
	from = maker_create(LIST(AES_KEY(maker_bytes, 32), EXTRACTABLE));
	MAKER_RV(C_CopyObject(maker_rw, from,
			      LIST(TOKEN_KEY, ENCRYPTED, BOOL(CKA_EXTRACTABLE, CK_FALSE)), &key),
		 CKR_OK);
	check_type(key, "encrypted", false);
	MAKER_RV(maker_encrypt(maker_ro, key, again), CKR_OK);
	assert_memory_equal(made, again, 16);
	MAKER_RV(C_DestroyObject(maker_rw, from), CKR_OK);
	/* What the kernel was told is given back. */
	assert_int_equal(locked(), 0);
	MAKER_RV(try_create(LIST(TOKEN_KEY, ENCRYPTED, AES_KEY(maker_bytes, 16))),
		 CKR_KEY_SIZE_RANGE);
	MAKER_RV(try_create(LIST(TOKEN_KEY, ENCRYPTED, EXTRACTABLE, AES_KEY(maker_bytes, 32))),
		 CKR_TEMPLATE_INCONSISTENT);
	fake_encrypted_of(FAKE_BYTES_REFUSED);
	MAKER_RV(try_create(list, 5), CKR_TEMPLATE_INCONSISTENT);
	fake_encrypted_of(FAKE_BYTES_IGNORED);
	MAKER_RV(try_create(list, 5), CKR_TEMPLATE_INCONSISTENT);
	assert_int_equal(fake_keys("encrypted"), 2);
	assert_int_equal(locked(), 0);
	conf_log_end();
	assert_non_null(strstr(conf_logged, "CONFIG_USER_DECRYPTED_DATA"));
}

static void permissions_are_added(void **state)
{
	static const CK_ULONG masks[] = {0, 0x90000, 0x80000, 0x900, 0x90909};

	maker_configure(with_master);
	give_master();
	for (size_t i = 0; i < 3 * sizeof(masks) / sizeof(*masks); i++) {
		uint32_t usual = i % 3 ? KEY_PERM_READABLE : KEY_PERM_CONSTANT;
		CK_ATTRIBUTE list[] = {TOKEN_KEY, NUMBER(CKA_KCRYPTOKI_PERMISSIONS, masks[i / 3]),
				       AES_KEY(maker_bytes, 32), EXTRACTABLE};
		CK_ATTRIBUTE length = VALUE_LEN(32);
		CK_OBJECT_HANDLE key;

		if (i % 3 == 2)
			list[4] = length;
		key = i % 3 == 2 ? maker_generate(CKM_AES_KEY_GEN, list, 5)
				 : maker_create(list, i % 3 ? 6 : 5);
		assert_int_equal(maker_perm(key), usual | masks[i / 3]);
		assert_int_equal(maker_number(key, CKA_KCRYPTOKI_PERMISSIONS),
				 usual | masks[i / 3]);
		list[0] = (CK_ATTRIBUTE)BOOL(CKA_TOKEN, CK_FALSE);
		/* A session's that is in a keyring, and one that this process holds. */
		list[5] = (CK_ATTRIBUTE)BOOL(CKA_SENSITIVE, i % 3 != 1);
		if (i % 3 == 2)
			continue;
		MAKER_RV(try_create(list, 6), i % 3 && i / 3 ? CKR_TEMPLATE_INCONSISTENT : CKR_OK);
	}
	MAKER_RV(maker_asked(maker_create(LIST(AES_KEY(maker_bytes, 16))),
			     CKA_KCRYPTOKI_PERMISSIONS),
		 CKR_ATTRIBUTE_TYPE_INVALID);
}

static void a_type_that_it_would_not_be_is_refused(void **state)
{
	static const char *const types[] = {"logon", "encrypted", "user"};

	for (int i = 0; i < 24; i++) {
		const char *type = types[i % 3];
		bool token = i / 3 % 2, extractable = i / 6 % 2, create = i / 12;
		CK_ATTRIBUTE list[] = {BOOL(CKA_TOKEN, token),
				       BOOL(CKA_EXTRACTABLE, extractable),
				       BOOL(CKA_SENSITIVE, CK_TRUE),
				       BYTES(CKA_KCRYPTOKI_KEYRING_TYPE, type, strlen(type)),
				       create ? (CK_ATTRIBUTE)BYTES(CKA_VALUE, maker_bytes, 32)
					      : (CK_ATTRIBUTE)VALUE_LEN(32),
				       SECRET_KEY(CKK_AES)};
		/* Held by the process it has no type at all. */
		bool right = extractable ? token && !strcmp(type, "user") : !strcmp(type, "logon");
		size_t before = maker_keys();
		CK_RV rv = create ? try_create(list, 7) : try_generate(list, 7);

		MAKER_RV(rv, right ? CKR_OK : CKR_TEMPLATE_INCONSISTENT);
		assert_int_equal(maker_keys() - before, right);
	}
}

static void every_generator_makes_its_keys(void **state)
{
	static const struct {
		CK_MECHANISM_TYPE mechanism;
		CK_KEY_TYPE type;
		CK_ULONG least, most, wrong;
		bool fixed;
	} rows[] = {
		{CKM_AES_KEY_GEN, CKK_AES, 16, 32, 20, false},
		{CKM_AES_XTS_KEY_GEN, CKK_AES_XTS, 32, 64, 48, false},
		{CKM_GENERIC_SECRET_KEY_GEN, CKK_GENERIC_SECRET, 1, 32767, 32768, false},
		{CKM_SHA_1_KEY_GEN, CKK_SHA_1_HMAC, 1, 32767, 0, false},
		{CKM_SHA224_KEY_GEN, CKK_SHA224_HMAC, 28, 64, 40000, false},
		{CKM_SHA256_KEY_GEN, CKK_SHA256_HMAC, 32, 64, ~(~(CK_ULONG)0 >> 1), false},
		{CKM_SHA384_KEY_GEN, CKK_SHA384_HMAC, 48, 128, 0, false},
		{CKM_SHA512_KEY_GEN, CKK_SHA512_HMAC, 64, 128, 0, false},
		{CKM_SHA3_224_KEY_GEN, CKK_SHA3_224_HMAC, 28, 64, 0, false},
		{CKM_SHA3_256_KEY_GEN, CKK_SHA3_256_HMAC, 32, 64, 0, false},
		{CKM_SHA3_384_KEY_GEN, CKK_SHA3_384_HMAC, 48, 64, 0, false},
		{CKM_SHA3_512_KEY_GEN, CKK_SHA3_512_HMAC, 64, 65, 0, false},
		{CKM_CHACHA20_KEY_GEN, CKK_CHACHA20, 32, 32, 16, true},
		{CKM_DES3_KEY_GEN, CKK_DES3, 24, 24, 16, true},
		{CKM_CAMELLIA_KEY_GEN, CKK_CAMELLIA, 16, 24, 17, false},
		{CKM_TWOFISH_KEY_GEN, CKK_TWOFISH, 16, 32, 8, false},
		{CKM_BLOWFISH_KEY_GEN, CKK_BLOWFISH, 4, 56, 57, false},
		{CKM_CAST128_KEY_GEN, CKK_CAST128, 5, 16, 4, false},
		{CKM_ARIA_KEY_GEN, CKK_ARIA, 16, 32, 33, false},
		{CKM_KCRYPTOKI_ADIANTUM_KEY_GEN, CKK_KCRYPTOKI_ADIANTUM, 32, 32, 31, true},
	};

	maker_configure("[mechanisms]\nlegacy = all\n");
	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(*rows); i++) {
		CK_MECHANISM mechanism = {rows[i / 2].mechanism, NULL, 0};
		CK_ULONG len = i % 2 ? rows[i / 2].least : rows[i / 2].most;
		CK_RV wrong =
			rows[i / 2].fixed ? CKR_TEMPLATE_INCONSISTENT : CKR_ATTRIBUTE_VALUE_INVALID;
		CK_ATTRIBUTE list[] = {BOOL(CKA_TOKEN, i % 2), EXTRACTABLE, INSENSITIVE,
				       VALUE_LEN(len)};
		CK_OBJECT_HANDLE key = maker_generate(rows[i / 2].mechanism, list, 4);
		size_t got;

		maker_text(key, CKA_VALUE, i % 2 ? &got : NULL);
		assert_int_equal(maker_number(key, CKA_KEY_TYPE), rows[i / 2].type);
		assert_int_equal(maker_number(key, CKA_VALUE_LEN), len);
		assert_int_equal(maker_number(key, CKA_KEY_GEN_MECHANISM), mechanism.mechanism);
		MAKER_RV(C_DestroyObject(maker_rw, key), CKR_OK);
		list[3] = (CK_ATTRIBUTE)VALUE_LEN(rows[i / 2].wrong);
		MAKER_RV(C_GenerateKey(maker_rw, &mechanism, list, 4, &key), wrong);
		MAKER_RV(C_GenerateKey(maker_rw, &mechanism, list, 3, &key),
			 rows[i / 2].fixed ? CKR_OK : CKR_TEMPLATE_INCOMPLETE);
		mechanism.pParameter = &mechanism;
		mechanism.ulParameterLen = 1;
		MAKER_RV(C_GenerateKey(maker_rw, &mechanism, list, 3, &key),
			 CKR_MECHANISM_PARAM_INVALID);
	}
	maker_configure("");
	MAKER_RV(C_GenerateKey(maker_rw, &(CK_MECHANISM){CKM_DES3_KEY_GEN, NULL, 0}, NULL, 0,
			       &(CK_OBJECT_HANDLE){0}),
		 CKR_MECHANISM_INVALID);
	MAKER_RV(C_GenerateKey(maker_rw, &(CK_MECHANISM){CKM_AES_ECB, NULL, 0}, NULL, 0,
			       &(CK_OBJECT_HANDLE){0}),
		 CKR_MECHANISM_INVALID);
}

static void generated_keys_are_random_and_des_has_its_parity(void **state)
{
	char first[32], second[33];

	maker_configure("[mechanisms]\nlegacy = des3\n");
	for (int i = 0; i < 2; i++) {
		CK_ATTRIBUTE list[] = {EXTRACTABLE, INSENSITIVE};
		size_t len;

		memcpy(i ? first : second,
		       maker_text(maker_generate(CKM_DES3_KEY_GEN, list, 2), CKA_VALUE, &len), 24);
		assert_int_equal(len, 24);
	}
	assert_memory_not_equal(first, second, 24);
	for (int i = 0; i < 24; i++)
		assert_true(__builtin_parity((unsigned char)first[i]));
}

static void check_past(CK_OBJECT_HANDLE key, bool local, bool always, bool never)
{
	assert_int_equal(maker_bool(key, CKA_LOCAL), local);
	assert_int_equal(maker_bool(key, CKA_ALWAYS_SENSITIVE), always);
	assert_int_equal(maker_bool(key, CKA_NEVER_EXTRACTABLE), never);
	assert_int_equal(maker_number(key, CKA_KEY_GEN_MECHANISM),
			 local ? CKM_AES_KEY_GEN : CK_UNAVAILABLE_INFORMATION);
}

/* Section 4.8: what was once otherwise, or came from elsewhere, was not always so. */
static void a_key_tells_its_past(void **state)
{
	for (int i = 0; i < 2; i++) {
		CK_ATTRIBUTE list[] = {BOOL(CKA_TOKEN, i), VALUE_LEN(32), EXTRACTABLE, INSENSITIVE};
		CK_ATTRIBUTE bytes[] = {BOOL(CKA_TOKEN, i), AES_KEY(maker_bytes, 32), EXTRACTABLE};
		CK_OBJECT_HANDLE copy, key = maker_generate(CKM_AES_KEY_GEN, list, 2);

		check_past(key, true, true, true);
		check_past(maker_create(bytes, 4), false, false, false);
		check_past(maker_generate(CKM_AES_KEY_GEN, list, 4), true, false, false);
		key = maker_generate(CKM_AES_KEY_GEN, list, 3);
		check_past(key, true, true, false);
		MAKER_RV(C_CopyObject(maker_rw, key, LIST(BOOL(CKA_EXTRACTABLE, CK_FALSE)), &copy),
			 CKR_OK);
		check_past(copy, true, true, false);
		assert_false(maker_bool(copy, CKA_EXTRACTABLE));
		check_past(maker_create(bytes, 5), false, false, false);
	}
}

/* A name of its own for each, so that two may share label and id; the same handle by any search. */
static void two_keys_may_share_label_and_id(void **state)
{
	CK_ATTRIBUTE list[] = {TOKEN_KEY, AES_KEY(maker_bytes, 16), TEXT(CKA_LABEL, "two"),
			       TEXT(CKA_ID, "\1\2")};
	CK_OBJECT_HANDLE found[64], keys[2] = {maker_create(list, 6), maker_create(list, 6)};
	char *descriptions[2] = {maker_description(keys[0]), maker_description(keys[1])}, *uid;
	char unique[17];

	for (int i = 0; i < 2; i++) {
		uid = strstr(descriptions[i], "x-uid=");
		assert_memory_equal(descriptions[i], "pkcs11:", 7);
		assert_non_null(strstr(descriptions[i], "object=two"));
		assert_non_null(strstr(descriptions[i], "id=%01%02"));
		assert_non_null(strstr(descriptions[i], "x-key-type=aes"));
		assert_non_null(uid);
		assert_int_equal(strspn(uid + 6, "0123456789abcdef"), 16);
	}
	assert_string_not_equal(descriptions[0], descriptions[1]);
	assert_int_not_equal(keys[0], keys[1]);
	strcpy(unique, maker_text(keys[0], CKA_UNIQUE_ID, NULL));
	assert_string_not_equal(unique, maker_text(keys[1], CKA_UNIQUE_ID, NULL));
	assert_int_equal(maker_find(maker_ro, &list[4], 2, found), 2);
	assert_true(found[0] == keys[0] || found[0] == keys[1]);
	assert_true(found[1] == keys[0] || found[1] == keys[1]);
	free(descriptions[0]);
	free(descriptions[1]);
}

static void a_read_only_session_makes_session_objects_only(void **state)
{
	CK_OBJECT_HANDLE key, from = maker_create(LIST(AES_KEY(maker_bytes, 16), EXTRACTABLE));

	MAKER_RV(C_CreateObject(maker_ro, LIST(TOKEN_KEY, AES_KEY(maker_bytes, 16)), &key),
		 CKR_SESSION_READ_ONLY);
	MAKER_RV(C_GenerateKey(maker_ro, &aes_key_gen, LIST(TOKEN_KEY, VALUE_LEN(16)), &key),
		 CKR_SESSION_READ_ONLY);
	MAKER_RV(C_CopyObject(maker_ro, from, LIST(TOKEN_KEY), &key), CKR_SESSION_READ_ONLY);
	assert_int_equal(maker_keys(), 0);
	MAKER_RV(C_CreateObject(maker_ro, LIST(AES_KEY(maker_bytes, 16)), &key), CKR_OK);
	MAKER_RV(C_GenerateKey(maker_ro, &aes_key_gen, LIST(VALUE_LEN(16)), &key), CKR_OK);
	MAKER_RV(C_CopyObject(maker_ro, from, NULL, 0, &key), CKR_OK);
}

static void a_full_quota_is_named(void **state)
{
	CK_ATTRIBUTE list[] = {TOKEN_KEY, VALUE_LEN(16)};
	CK_ATTRIBUTE held[] = {AES_KEY(maker_bytes, 16)};

	MAKER_RV(try_generate(list, 2), CKR_OK);
	fake_quota(2);
	MAKER_RV(try_generate(list, 2), CKR_DEVICE_MEMORY);
	MAKER_RV(try_create(LIST(TOKEN_KEY, AES_KEY(maker_bytes, 16))), CKR_DEVICE_MEMORY);
	/* A sensitive key of a session is not kept in memory instead, but others need no quota. */
	MAKER_RV(try_generate(&list[1], 1), CKR_DEVICE_MEMORY);
	MAKER_RV(try_create(held, 3), CKR_OK);
	assert_int_equal(maker_keys(), 1);
	fake_quota(0);
	MAKER_RV(try_generate(list, 2), CKR_OK);
	conf_log_end();
	assert_non_null(strstr(conf_logged, "used up the quota"));
	assert_non_null(strstr(conf_logged, "/proc/key-users"));
	assert_non_null(strstr(conf_logged, "kernel.keys.maxkeys"));
}

static void a_keyring_that_may_not_be_written_is_named(void **state)
{
	fake_keyring_distant(FAKE_USER_KEYRING, true);
	fake_fail("keyring_possess", 1, -EACCES);
	MAKER_RV(try_create(LIST(TOKEN_KEY, AES_KEY(maker_bytes, 16))), CKR_TOKEN_WRITE_PROTECTED);
	assert_int_equal(maker_keys(), 0);
	/* Where linking it helps, that is done. */
	MAKER_RV(try_create(LIST(TOKEN_KEY, AES_KEY(maker_bytes, 16))), CKR_OK);
	assert_int_equal(maker_keys(), 1);
	conf_log_end();
	assert_non_null(strstr(conf_logged, "may not write to keyring"));
}

/* Where a key is made, every call that can fail does, each time: there is a key, or nothing. */
static void whatever_fails_nothing_is_left(void **state)
{
	static const char *const functions[] = {
		"key_add",      "key_set_perm", "key_move",    "keyring_possess", "keyring_resolve",
		"keyring_list", "key_describe", "key_request", "proc_keys_read",  "key_usable",
		"key_read",     "alg_bind",     "alg_recv"};
	CK_OBJECT_HANDLE found[64];
	CK_RV rv = CKR_OK;

	for (size_t i = 0; i < 6 * sizeof(functions) / sizeof(*functions); i++) {
		const char *function = functions[i / 6];
		size_t how = i % 6;
		CK_ATTRIBUTE list[] = {
			BOOL(CKA_TOKEN, how < 3 || how == 5), BOOL(CKA_SENSITIVE, how != 4),
			BOOL(CKA_EXTRACTABLE, how == 2), AES_KEY(maker_bytes, 32), ENCRYPTED};
		CK_ATTRIBUTE length = VALUE_LEN(32);
		CK_ULONG count = how == 5 ? 7 : 6;

		if (how == 1)
			list[5] = length;
		for (unsigned int nth = 1;; nth++) {
			maker_configure(how == 1 || how == 5 ? with_master : "");
			give_master();
			fake_encrypted_of(FAKE_BYTES_TAKEN);
			fake_calls_forget();
			fake_fail(function, nth, nth % 2 || *function == 'a' ? -EIO : -EACCES);
			rv = how == 1 ? try_generate(list, count) : try_create(list, count);
			fake_fail(NULL, 0, 0);
			if (rv != CKR_OK) {
				if (maker_keys() != 1)
					fail_msg("%s leaves %zu keys (%zu)", function,
						 maker_keys() - 1, how);
				/* The profile alone. */
				assert_int_equal(maker_find(maker_ro, NULL, 0, found), 1);
				if (rv != CKR_DEVICE_ERROR && rv != CKR_TOKEN_WRITE_PROTECTED)
					fail_msg("%s, %u: 0x%lx (%zu)", function, nth, rv, how);
			} else {
				assert_int_equal(maker_find(maker_ro, NULL, 0, found), 2);
			}
			maker_stop();
			assert_int_equal(fake_keys("keyring"), 0);
			rv = fake_calls(function) < nth ? CKR_CANCEL : CKR_OK;
			fake_reset();
			maker_start();
			if (rv == CKR_CANCEL)
				break;
		}
	}
}

static void without_serial_numbers_only_readable_keys_are_made(void **state)
{
	CK_OBJECT_HANDLE key;
	uint8_t out[16];

	fake_serials(false);
	MAKER_RV(try_create(LIST(TOKEN_KEY, AES_KEY(maker_bytes, 16))), CKR_TEMPLATE_INCONSISTENT);
	MAKER_RV(try_generate(LIST(TOKEN_KEY, VALUE_LEN(16))), CKR_TEMPLATE_INCONSISTENT);
	MAKER_RV(try_generate(LIST(VALUE_LEN(16))), CKR_TEMPLATE_INCONSISTENT);
	assert_int_equal(maker_keys(), 0);
	key = maker_create(LIST(TOKEN_KEY, AES_KEY(maker_bytes, 16), EXTRACTABLE));
	MAKER_RV(maker_encrypt(maker_ro, key, out), CKR_OK);
	key = maker_create(LIST(AES_KEY(maker_bytes, 16)));
	MAKER_RV(maker_encrypt(maker_ro, key, out), CKR_OK);
	conf_log_end();
	assert_non_null(strstr(conf_logged, "CKA_EXTRACTABLE may be TRUE"));
}

static void what_is_no_key_is_refused(void **state)
{
	const CK_ATTRIBUTE value = BYTES(CKA_VALUE, maker_bytes, 16);

	MAKER_RV(try_create(LIST(value)), CKR_TEMPLATE_INCOMPLETE);
	MAKER_RV(try_create(LIST(SECRET_KEY(CKK_AES))), CKR_TEMPLATE_INCOMPLETE);
	MAKER_RV(try_create(LIST(NUMBER(CKA_CLASS, CKO_SECRET_KEY), value)),
		 CKR_TEMPLATE_INCOMPLETE);
	MAKER_RV(try_create(LIST(NUMBER(CKA_KEY_TYPE, CKK_AES), value)), CKR_TEMPLATE_INCOMPLETE);
	MAKER_RV(try_create(LIST(NUMBER(CKA_CLASS, CKO_DATA), value)), CKR_ATTRIBUTE_VALUE_INVALID);
	MAKER_RV(try_create(LIST(SECRET_KEY(CKK_RSA), value)), CKR_ATTRIBUTE_VALUE_INVALID);
	MAKER_RV(try_create(LIST(AES_KEY(maker_bytes, 15))), CKR_ATTRIBUTE_VALUE_INVALID);
	MAKER_RV(try_create(LIST(SECRET_KEY(CKK_GENERIC_SECRET), BYTES(CKA_VALUE, NULL, 0))),
		 CKR_ATTRIBUTE_VALUE_INVALID);
	MAKER_RV(try_create(LIST(AES_KEY(maker_bytes, 16), VALUE_LEN(24))),
		 CKR_TEMPLATE_INCONSISTENT);
	MAKER_RV(try_create(LIST(AES_KEY(maker_bytes, 16), VALUE_LEN(16))), CKR_OK);
	MAKER_RV(try_generate(LIST(SECRET_KEY(CKK_GENERIC_SECRET), VALUE_LEN(16))),
		 CKR_TEMPLATE_INCONSISTENT);
	MAKER_RV(try_generate(LIST(NUMBER(CKA_CLASS, CKO_PUBLIC_KEY), VALUE_LEN(16))),
		 CKR_TEMPLATE_INCONSISTENT);
	MAKER_RV(try_generate(LIST(VALUE_LEN(16), value)), CKR_TEMPLATE_INCONSISTENT);
	MAKER_RV(C_CreateObject(maker_rw, NULL, 1, &(CK_OBJECT_HANDLE){0}), CKR_ARGUMENTS_BAD);
	MAKER_RV(C_CreateObject(maker_rw, LIST(value), NULL), CKR_ARGUMENTS_BAD);
	MAKER_RV(C_GenerateKey(maker_rw, NULL, LIST(value), &(CK_OBJECT_HANDLE){0}),
		 CKR_ARGUMENTS_BAD);
	assert_int_equal(maker_keys(), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, maker_setup, maker_teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_template_decides_where_a_key_goes),
		TEST(with_a_master_the_kernel_makes_keys),
		TEST(a_master_that_is_missing_makes_no_key),
		TEST(bytes_become_an_encrypted_key_where_the_kernel_takes_them),
		TEST(permissions_are_added),
		TEST(a_type_that_it_would_not_be_is_refused),
		TEST(every_generator_makes_its_keys),
		TEST(generated_keys_are_random_and_des_has_its_parity),
		TEST(a_key_tells_its_past),
		TEST(two_keys_may_share_label_and_id),
		TEST(a_read_only_session_makes_session_objects_only),
		TEST(a_full_quota_is_named),
		TEST(a_keyring_that_may_not_be_written_is_named),
		TEST(whatever_fails_nothing_is_left),
		TEST(without_serial_numbers_only_readable_keys_are_made),
		TEST(what_is_no_key_is_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("make", tests, NULL, NULL);
}
