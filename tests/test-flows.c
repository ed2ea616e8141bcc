/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What programs do with secret keys of a token: their calls, in their order, with the templates
 * that they send. What bytes come of a key that is known here is libcrypto's to say.
 */
#include "messages.h"
#include "objects.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <string.h>
#include <unistd.h>

enum { TEXT = 1000, ROOM = TEXT + GUEST_SLACK, JAVA_KEYS = 1000 };

static unsigned char secret[32], other_secret[32], text[TEXT], iv[16];

static struct material with(CK_MECHANISM_TYPE type, const unsigned char *key, size_t length)
{
	struct material material = {.type = type, .key = key, .key_length = length};

	memcpy(material.iv, iv, sizeof(iv));
	return material;
}

/* A key of the token that an administrator put there. */
static CK_OBJECT_HANDLE put(CK_SESSION_HANDLE session, CK_KEY_TYPE type, const unsigned char *bytes,
			    const char *label)
{
	return objects_create(session,
			      TEMPLATE(IS_SECRET, IS_VALUE(CKA_KEY_TYPE, type), IS_TRUE(CKA_TOKEN),
				       IS_BYTES(CKA_LABEL, label, strlen(label)),
				       IS_TEXT(CKA_ID, "\1\2"),
				       IS_VALUE(CKA_EXTRACTABLE, objects_readable),
				       IS_BYTES(CKA_VALUE, bytes, 32)));
}

/* The key does as libcrypto with BYTES, there and back. */
static void agrees(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, CK_MECHANISM_TYPE type,
		   const unsigned char *bytes, size_t length)
{
	struct material material = with(type, bytes, length);

	GUEST_OK(guest_run(&token, session, key, &material, TOKEN_ENCRYPT, text, TEXT,
			   TOKEN_QUERYING, NULL));
	GUEST_OK(guest_run(&token, session, key, &material, TOKEN_DECRYPT, text, TEXT, TOKEN_PLAIN,
			   NULL));
}

/* A key that nobody knows: there and back, and not the text itself. */
static void returns(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, CK_MECHANISM *mechanism)
{
	unsigned char sealed[ROOM], again[ROOM];
	CK_ULONG length = objects_run(session, TOKEN_ENCRYPT, mechanism, key, text, TEXT, sealed,
				      sizeof(sealed));

	assert_memory_not_equal(sealed, text, TEXT);
	assert_int_equal(objects_run(session, TOKEN_DECRYPT, mechanism, key, sealed, length, again,
				     sizeof(again)),
			 TEXT);
	assert_memory_equal(again, text, TEXT);
}

static void verifies(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
	CK_MECHANISM hmac = {CKM_SHA256_HMAC, NULL, 0};
	unsigned char mac[32];

	assert_int_equal(objects_run(session, TOKEN_SIGN, &hmac, key, text, TEXT, mac, 32), 32);
	GUEST_RV(token.f->C_VerifyInit(session, &hmac, key), CKR_OK);
	GUEST_RV(token.f->C_Verify(session, text, TEXT, mac, 32), CKR_OK);
	mac[31] ^= 1;
	GUEST_RV(token.f->C_VerifyInit(session, &hmac, key), CKR_OK);
	GUEST_RV(token.f->C_Verify(session, text, TEXT, mac, 32), CKR_SIGNATURE_INVALID);
}

/* A key that the token made, and keeps. */
static void is_kept(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
	assert_true(objects_bool(session, key, CKA_SENSITIVE));
	assert_true(objects_bool(session, key, CKA_ALWAYS_SENSITIVE));
	assert_false(objects_bool(session, key, CKA_EXTRACTABLE));
	assert_true(objects_bool(session, key, CKA_NEVER_EXTRACTABLE));
	assert_true(objects_bool(session, key, CKA_LOCAL));
	assert_true(objects_is(session, key, CKA_KCRYPTOKI_KEYRING_TYPE, "logon", 5));
	GUEST_RV(objects_ask(session, key, CKA_VALUE), CKR_ATTRIBUTE_SENSITIVE);
}

/* Each has a session of its own, and a login that is its first. */
static CK_SESSION_HANDLE log_in(void)
{
	CK_SESSION_HANDLE session = objects_rw_session();

	GUEST_RV(token.f->C_Login(session, CKU_USER, (unsigned char *)"1234", 4), CKR_OK);
	return session;
}

static void leave(CK_SESSION_HANDLE session)
{
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

/* No class; one hit is wanted, and two are asked for. */
static CK_OBJECT_HANDLE bao_key(CK_SESSION_HANDLE session)
{
	CK_OBJECT_HANDLE key =
		objects_the(session, TEMPLATE(IS_TEXT(CKA_ID, "\1\2"), IS_TEXT(CKA_LABEL, "bao")));

	assert_int_equal(objects_number(session, key, CKA_CLASS), CKO_SECRET_KEY);
	assert_int_equal(objects_number(session, key, CKA_KEY_TYPE), CKK_AES);
	return key;
}

static void openbao(void)
{
	struct gcm_params params = {.iv = iv, .iv_len = 12, .iv_bits = 96, .tag_bits = 128};
	CK_MECHANISM gcm = {CKM_AES_GCM, &params, sizeof(params)};
	struct material material = {.type = CKM_AES_GCM, .key = secret, .key_length = 32};
	unsigned char nonce[12], sealed[ROOM], expected[ROOM], again[ROOM];
	CK_SESSION_HANDLE session = objects_rw_session();
	CK_OBJECT_HANDLE key = put(session, CKK_AES, secret, "bao");
	CK_ULONG length;

	leave(session);
	session = log_in();
	GUEST_RV(token.f->C_GenerateRandom(session, nonce, sizeof(nonce)), CKR_OK);
	params.iv = nonce;
	length = objects_run(session, TOKEN_ENCRYPT, &gcm, bao_key(session), text, TEXT, sealed,
			     sizeof(sealed));
	leave(session);
	memcpy(material.iv, nonce, sizeof(nonce));
	assert_int_equal(guest_expect(&material, text, TEXT, expected), length);
	assert_memory_equal(sealed, expected, length);

	session = log_in();
	assert_int_equal(objects_run(session, TOKEN_DECRYPT, &gcm, bao_key(session), sealed, length,
				     again, sizeof(again)),
			 TEXT);
	assert_memory_equal(again, text, TEXT);
	objects_destroy(session, key);
	leave(session);
}

static void vault(void)
{
	CK_ULONG length = 32;
	CK_MECHANISM cbc = {CKM_AES_CBC_PAD, iv, sizeof(iv)};
	CK_SESSION_HANDLE session = log_in();
	CK_OBJECT_HANDLE key, mac, found;

	key = objects_generate(
		session, CKM_AES_KEY_GEN,
		TEMPLATE(IS_AES, IS_TEXT(CKA_LABEL, "vault-aes"), IS_TEXT(CKA_ID, "vault-aes"),
			 IS_VALUE(CKA_VALUE_LEN, length), IS_TRUE(CKA_TOKEN), IS_TRUE(CKA_PRIVATE),
			 IS_TRUE(CKA_SENSITIVE), IS_FALSE(CKA_EXTRACTABLE), IS_TRUE(CKA_ENCRYPT),
			 IS_TRUE(CKA_DECRYPT), IS_TRUE(CKA_WRAP), IS_TRUE(CKA_UNWRAP),
			 IS_TRUE(CKA_SIGN), IS_TRUE(CKA_VERIFY), IS_TRUE(CKA_DERIVE)));
	mac = objects_generate(session, CKM_GENERIC_SECRET_KEY_GEN,
			       TEMPLATE(IS_GENERIC, IS_TEXT(CKA_LABEL, "vault-mac"),
					IS_VALUE(CKA_VALUE_LEN, length), IS_TRUE(CKA_TOKEN),
					IS_TRUE(CKA_PRIVATE), IS_TRUE(CKA_SENSITIVE),
					IS_FALSE(CKA_EXTRACTABLE), IS_TRUE(CKA_SIGN),
					IS_TRUE(CKA_VERIFY)));
	leave(session);

	session = log_in();
	found = objects_the(session, TEMPLATE(IS_AES, IS_TEXT(CKA_LABEL, "vault-aes")));
	assert_int_equal(found, key);
	is_kept(session, key);
	is_kept(session, mac);
	assert_int_equal(objects_number(session, key, CKA_VALUE_LEN), 32);
	assert_int_equal(objects_number(session, key, CKA_KEY_GEN_MECHANISM), CKM_AES_KEY_GEN);
	returns(session, key, &cbc);
	verifies(session, mac);
	objects_destroy(session, key);
	objects_destroy(session, mac);
	leave(session);
}

/* A project's key leaves wrapped, and comes back at the next request. */
static void barbican_with(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE mkek, CK_OBJECT_HANDLE hmac,
			  CK_MECHANISM *wrapping)
{
	struct gcm_params params = {.iv = iv, .iv_len = 12, .iv_bits = 96, .tag_bits = 128};
	CK_MECHANISM gcm = {CKM_AES_GCM, &params, sizeof(params)},
		     sha256 = {CKM_SHA256_HMAC, NULL, 0};
	struct material mac = {.type = CKM_SHA256_HMAC, .key = other_secret, .key_length = 32};
	unsigned char wrapped[80], signature[64], expected[80], sealed[ROOM], again[ROOM], kek[32];
	CK_ULONG length = 32, wrapped_len, sealed_len, sign_len = sizeof(signature);
	CK_OBJECT_HANDLE key = objects_generate(
		session, CKM_AES_KEY_GEN,
		TEMPLATE(IS_AES, IS_VALUE(CKA_VALUE_LEN, length), IS_FALSE(CKA_TOKEN),
			 IS_TRUE(CKA_PRIVATE), IS_TRUE(CKA_SENSITIVE), IS_TRUE(CKA_ENCRYPT),
			 IS_TRUE(CKA_DECRYPT), IS_FALSE(CKA_SIGN), IS_FALSE(CKA_VERIFY),
			 IS_FALSE(CKA_WRAP), IS_FALSE(CKA_UNWRAP), IS_TRUE(CKA_EXTRACTABLE)));

	GUEST_RV(objects_ask(session, key, CKA_VALUE), CKR_ATTRIBUTE_SENSITIVE);
	sealed_len = objects_run(session, TOKEN_ENCRYPT, &gcm, key, text, TEXT, sealed, ROOM);
	wrapped_len = objects_wrap(session, wrapping, mkek, key, wrapped, sizeof(wrapped));
	GUEST_RV(token.f->C_SignInit(session, &sha256, hmac), CKR_OK);
	GUEST_RV(token.f->C_Sign(session, wrapped, wrapped_len, signature, &sign_len), CKR_OK);
	assert_int_equal(sign_len, guest_expect(&mac, wrapped, wrapped_len, expected));
	assert_memory_equal(signature, expected, sign_len);
	objects_destroy(session, key);

	GUEST_RV(token.f->C_VerifyInit(session, &sha256, hmac), CKR_OK);
	GUEST_RV(token.f->C_Verify(session, wrapped, wrapped_len, signature, sign_len), CKR_OK);
	key = objects_unwrap(session, wrapping, mkek, wrapped, wrapped_len,
			     TEMPLATE(IS_AES, IS_FALSE(CKA_TOKEN), IS_TRUE(CKA_PRIVATE),
				      IS_TRUE(CKA_SENSITIVE), IS_TRUE(CKA_ENCRYPT),
				      IS_TRUE(CKA_DECRYPT), IS_TRUE(CKA_EXTRACTABLE)));
	assert_int_equal(
		objects_run(session, TOKEN_DECRYPT, &gcm, key, sealed, sealed_len, again, ROOM),
		TEXT);
	assert_memory_equal(again, text, TEXT);
	objects_destroy(session, key);

	/* Unlike Barbican, a look at the bytes: they are wrapped as libcrypto wraps them. */
	key = objects_unwrap(session, wrapping, mkek, wrapped, wrapped_len,
			     TEMPLATE(IS_AES, IS_FALSE(CKA_SENSITIVE), IS_TRUE(CKA_EXTRACTABLE)));
	assert_int_equal(objects_bytes(session, key, CKA_VALUE, kek, sizeof(kek)), 32);
	agrees(session, key, CKM_AES_GCM, kek, sizeof(kek));
	if (wrapping->mechanism != CKM_AES_KEY_WRAP_PAD) {
		struct material wrap = with(wrapping->mechanism, secret, sizeof(secret));

		assert_int_equal(guest_expect(&wrap, kek, sizeof(kek), expected), wrapped_len);
		assert_memory_equal(wrapped, expected, wrapped_len);
	}
	objects_destroy(session, key);
}

static void barbican(void)
{
	CK_MECHANISM mechanisms[] = {{CKM_AES_CBC_PAD, iv, sizeof(iv)},
				     {CKM_AES_KEY_WRAP_PAD, NULL, 0},
				     {CKM_AES_KEY_WRAP_KWP, NULL, 0}};
	CK_SESSION_HANDLE session = log_in();
	CK_OBJECT_HANDLE mkek = put(session, CKK_AES, secret, "mkek");
	CK_OBJECT_HANDLE hmac = put(session, CKK_GENERIC_SECRET, other_secret, "hmac");

	assert_int_equal(objects_the(session, TEMPLATE(IS_AES, IS_TEXT(CKA_LABEL, "mkek"))), mkek);
	for (size_t i = 0; i < sizeof(mechanisms) / sizeof(*mechanisms); i++)
		barbican_with(session, mkek, hmac, &mechanisms[i]);
	objects_destroy(session, mkek);
	objects_destroy(session, hmac);
	leave(session);
}

static void pg_vault_tde(void)
{
	CK_MECHANISM wrapping = {CKM_AES_KEY_WRAP, NULL, 0};
	struct material material = {.type = CKM_AES_KEY_WRAP, .key = secret, .key_length = 32};
	unsigned char wrapped[64], expected[64], dek[32];
	CK_SESSION_HANDLE session = objects_rw_session();
	CK_OBJECT_HANDLE kek = put(session, CKK_AES, secret, "pg"), key;
	CK_ULONG length;

	key = objects_create(session,
			     TEMPLATE(IS_AES, IS_FALSE(CKA_TOKEN), IS_TRUE(CKA_EXTRACTABLE),
				      IS_FALSE(CKA_SENSITIVE), IS_TRUE(CKA_ENCRYPT),
				      IS_BYTES(CKA_VALUE, other_secret, 32)));
	length = objects_wrap(session, &wrapping, kek, key, wrapped, sizeof(wrapped));
	assert_int_equal(length, guest_expect(&material, other_secret, 32, expected));
	assert_memory_equal(wrapped, expected, length);
	objects_destroy(session, key);
	key = objects_unwrap(session, &wrapping, kek, wrapped, length,
			     TEMPLATE(IS_AES, IS_FALSE(CKA_TOKEN), IS_TRUE(CKA_EXTRACTABLE),
				      IS_FALSE(CKA_SENSITIVE)));
	assert_int_equal(objects_bytes(session, key, CKA_VALUE, dek, sizeof(dek)), 32);
	assert_memory_equal(dek, other_secret, 32);
	objects_destroy(session, key);
	objects_destroy(session, kek);
	leave(session);
}

static void infisical(void)
{
	struct material mac = {.type = CKM_SHA256_HMAC, .key = other_secret, .key_length = 32};
	unsigned char message[16 + ROOM];
	struct token_split split = {2, {16}};
	struct material cbc = with(CKM_AES_CBC_PAD, secret, 32);
	CK_SESSION_HANDLE session = log_in();
	CK_OBJECT_HANDLE aes = put(session, CKK_AES, secret, "infisical"),
			 hmac = put(session, CKK_GENERIC_SECRET, other_secret, "infisical");

	assert_int_equal(objects_the(session, TEMPLATE(IS_AES, IS_TEXT(CKA_LABEL, "infisical"))),
			 aes);
	assert_int_equal(
		objects_the(session, TEMPLATE(IS_GENERIC, IS_TEXT(CKA_LABEL, "infisical"))), hmac);
	GUEST_RV(token.f->C_GenerateRandom(session, cbc.iv, 16), CKR_OK);
	GUEST_OK(guest_run(&token, session, aes, &cbc, TOKEN_ENCRYPT, text, TEXT, TOKEN_PLAIN,
			   NULL));
	memcpy(message, cbc.iv, 16);
	split.part[1] = guest_expect(&cbc, text, TEXT, message + 16);
	GUEST_OK(guest_run(&token, session, hmac, &mac, TOKEN_SIGN, message, 16 + split.part[1],
			   TOKEN_PLAIN, &split));
	GUEST_OK(guest_run(&token, session, aes, &cbc, TOKEN_DECRYPT, text, TEXT, TOKEN_PLAIN,
			   NULL));
	objects_destroy(session, aes);
	objects_destroy(session, hmac);
	leave(session);
}

static void keystone(void)
{
	static unsigned char aad[] = "credential 42";
	struct material gcm = with(CKM_AES_GCM, secret, 32);
	CK_SESSION_HANDLE session = log_in();
	CK_OBJECT_HANDLE key = put(session, CKK_AES, secret, "keystone");

	gcm.aad = aad;
	gcm.aad_length = sizeof(aad);
	assert_int_equal(objects_the(session, TEMPLATE(IS_AES, IS_TEXT(CKA_LABEL, "keystone"))),
			 key);
	GUEST_OK(guest_run(&token, session, key, &gcm, TOKEN_ENCRYPT, text, TEXT, TOKEN_PLAIN,
			   NULL));
	GUEST_OK(guest_run(&token, session, key, &gcm, TOKEN_DECRYPT, text, TEXT, TOKEN_PLAIN,
			   NULL));
	objects_destroy(session, key);
	leave(session);
}

/* crypto11's own templates. */
static void k8s_kms(void)
{
	CK_ULONG length = 32;
	struct gcm_params params = {.iv = iv, .iv_len = 12, .iv_bits = 96, .tag_bits = 128};
	CK_MECHANISM gcm = {CKM_AES_GCM, &params, sizeof(params)},
		     cbc = {CKM_AES_CBC_PAD, iv, sizeof(iv)};
	CK_SESSION_HANDLE session = log_in();
	CK_OBJECT_HANDLE aes, hmac;

	aes = objects_generate(
		session, CKM_AES_KEY_GEN,
		TEMPLATE(IS_TEXT(CKA_ID, "k8s"), IS_TEXT(CKA_LABEL, "k8s"), IS_AES,
			 IS_TRUE(CKA_TOKEN), IS_FALSE(CKA_SIGN), IS_FALSE(CKA_VERIFY),
			 IS_TRUE(CKA_ENCRYPT), IS_TRUE(CKA_DECRYPT), IS_TRUE(CKA_SENSITIVE),
			 IS_FALSE(CKA_EXTRACTABLE), IS_VALUE(CKA_VALUE_LEN, length)));
	hmac = objects_generate(session, CKM_GENERIC_SECRET_KEY_GEN,
				TEMPLATE(IS_TEXT(CKA_ID, "k8s-mac"), IS_GENERIC, IS_TRUE(CKA_TOKEN),
					 IS_TRUE(CKA_SIGN), IS_TRUE(CKA_VERIFY),
					 IS_FALSE(CKA_ENCRYPT), IS_FALSE(CKA_DECRYPT),
					 IS_TRUE(CKA_SENSITIVE), IS_FALSE(CKA_EXTRACTABLE),
					 IS_VALUE(CKA_VALUE_LEN, length)));
	assert_int_equal(objects_the(session, TEMPLATE(IS_SECRET, IS_TEXT(CKA_ID, "k8s"))), aes);
	assert_int_equal(objects_the(session, TEMPLATE(IS_SECRET, IS_TEXT(CKA_LABEL, "k8s"))), aes);
	is_kept(session, aes);
	returns(session, aes, &gcm);
	returns(session, aes, &cbc);
	verifies(session, hmac);
	/* What the templates did not give is not to be had. */
	GUEST_RV(token.f->C_SignInit(session, &(CK_MECHANISM){CKM_AES_CMAC, NULL, 0}, aes),
		 CKR_KEY_FUNCTION_NOT_PERMITTED);
	objects_destroy(session, aes);
	objects_destroy(session, hmac);
	leave(session);
}

/* LENGTH bytes by libcrypto: HKDF with SHA-256, no salt. */
static void hkdf(const unsigned char *base, const char *info, unsigned char *out, size_t length)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *context = EVP_KDF_CTX_new(kdf);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)base, 32),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)info, strlen(info)),
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_MODE, (char *)"EXPAND_ONLY", 0),
		OSSL_PARAM_construct_end(),
	};

	assert_int_equal(EVP_KDF_derive(context, out, length, params), 1);
	EVP_KDF_CTX_free(context);
	EVP_KDF_free(kdf);
}

/* Messages whose nonce the token makes, and keys derived from one that nobody can read. */
static void cosmian(void)
{
	static const char info[] = "covercrypt";
	struct hkdf_params params = {.expand = CK_TRUE,
				     .hash = CKM_SHA256,
				     .salt_type = CKF_HKDF_SALT_NULL,
				     .info = (unsigned char *)info,
				     .info_len = sizeof(info) - 1};
	CK_MECHANISM derivation = {CKM_HKDF_DERIVE, &params, sizeof(params)};
	struct material material = {.type = CKM_AES_GCM, .key = secret, .key_length = 32};
	unsigned char sealed[ROOM], expected[ROOM], derived[32], first[12] = {0};
	CK_SESSION_HANDLE session = log_in();
	CK_OBJECT_HANDLE key = put(session, CKK_AES, secret, "cosmian"), base, child;
	CK_ULONG length = 32;
	struct terms terms;

	GUEST_RV(message_init(session, TOKEN_ENCRYPT, CKM_AES_GCM, key), CKR_OK);
	for (int i = 0; i < 2; i++) {
		CK_ULONG made = sizeof(sealed);

		terms_make(&terms, &material, TEXT);
		terms_generate(&terms, CKM_AES_GCM, CKG_GENERATE_RANDOM, 0);
		GUEST_RV(messages->C_EncryptMessage(session, &terms.parameter, terms.size, NULL, 0,
						    text, TEXT, sealed, &made),
			 CKR_OK);
		assert_int_equal(made, TEXT);
		memcpy(material.iv, terms.nonce, 12);
		guest_expect(&material, text, TEXT, expected);
		assert_memory_equal(sealed, expected, TEXT);
		assert_true(terms_tag_is(&terms, expected + TEXT, 16));
		assert_memory_not_equal(terms.nonce, first, 12);
		memcpy(first, terms.nonce, 12);
	}
	GUEST_RV(message_final(session, TOKEN_ENCRYPT), CKR_OK);
	objects_destroy(session, key);

	base = put(session, CKK_HKDF, other_secret, "cosmian");
	GUEST_RV(token.f->C_DeriveKey(session, &derivation, base,
				      TEMPLATE(IS_AES, IS_VALUE(CKA_VALUE_LEN, length),
					       IS_FALSE(CKA_TOKEN), IS_TRUE(CKA_ENCRYPT),
					       IS_TRUE(CKA_DECRYPT)),
				      &child),
		 CKR_OK);
	hkdf(other_secret, info, derived, sizeof(derived));
	agrees(session, child, CKM_AES_GCM, derived, sizeof(derived));
	GUEST_RV(objects_ask(session, child, CKA_VALUE), CKR_ATTRIBUTE_SENSITIVE);
	objects_destroy(session, child);
	objects_destroy(session, base);
	leave(session);
}

/* The templates of ipa's p11helper: master keys, which wrap each other and zones' keys. */
static CK_OBJECT_HANDLE ipa_key(CK_SESSION_HANDLE session, const char *id, CK_BBOOL wraps,
				CK_BBOOL extractable)
{
	CK_ULONG length = 16;

	return objects_generate(
		session, CKM_AES_KEY_GEN,
		TEMPLATE(IS_BYTES(CKA_ID, id, strlen(id)), IS_TEXT(CKA_LABEL, "dnssec-master"),
			 IS_TRUE(CKA_TOKEN), IS_VALUE(CKA_VALUE_LEN, length), IS_TRUE(CKA_COPYABLE),
			 IS_FALSE(CKA_DECRYPT), IS_FALSE(CKA_DERIVE), IS_FALSE(CKA_ENCRYPT),
			 IS_VALUE(CKA_EXTRACTABLE, extractable), IS_TRUE(CKA_MODIFIABLE),
			 IS_TRUE(CKA_PRIVATE), IS_TRUE(CKA_SENSITIVE), IS_FALSE(CKA_SIGN),
			 IS_VALUE(CKA_UNWRAP, wraps), IS_FALSE(CKA_VERIFY),
			 IS_VALUE(CKA_WRAP, wraps), IS_FALSE(CKA_WRAP_WITH_TRUSTED)));
}

static void freeipa(void)
{
	CK_MECHANISM wrapping = {CKM_AES_KEY_WRAP_PAD, NULL, 0};
	unsigned char wrapped[64];
	CK_SESSION_HANDLE session = log_in();
	CK_OBJECT_HANDLE master = ipa_key(session, "\1", CK_TRUE, CK_FALSE),
			 old = ipa_key(session, "\2", CK_TRUE, CK_TRUE), again, found[3];
	CK_BBOOL no = CK_FALSE;
	CK_ATTRIBUTE wrap = IS_VALUE(CKA_WRAP, no);
	CK_ULONG length;

	assert_int_equal(objects_find(session, found, 3,
				      TEMPLATE(IS_SECRET, IS_TEXT(CKA_LABEL, "dnssec-master"),
					       IS_TRUE(CKA_UNWRAP))),
			 2);
	/* A master key that was replaced unwraps still, and wraps no more. */
	GUEST_RV(token.f->C_SetAttributeValue(session, old, &wrap, 1), CKR_OK);
	assert_int_equal(
		objects_the(session, TEMPLATE(IS_SECRET, IS_TEXT(CKA_LABEL, "dnssec-master"),
					      IS_TRUE(CKA_WRAP))),
		master);
	GUEST_RV(token.f->C_WrapKey(session, &wrapping, old, old, wrapped, &length),
		 CKR_KEY_FUNCTION_NOT_PERMITTED);
	length = objects_wrap(session, &wrapping, master, old, wrapped, sizeof(wrapped));
	assert_int_equal(length, 32);
	again = objects_unwrap(
		session, &wrapping, master, wrapped, length,
		TEMPLATE(IS_AES, IS_TEXT(CKA_ID, "\3"), IS_TEXT(CKA_LABEL, "dnssec-master"),
			 IS_TRUE(CKA_TOKEN), IS_TRUE(CKA_COPYABLE), IS_FALSE(CKA_DECRYPT),
			 IS_FALSE(CKA_DERIVE), IS_FALSE(CKA_ENCRYPT), IS_FALSE(CKA_EXTRACTABLE),
			 IS_TRUE(CKA_MODIFIABLE), IS_TRUE(CKA_PRIVATE), IS_TRUE(CKA_SENSITIVE),
			 IS_FALSE(CKA_SIGN), IS_TRUE(CKA_UNWRAP), IS_FALSE(CKA_VERIFY),
			 IS_TRUE(CKA_WRAP), IS_FALSE(CKA_WRAP_WITH_TRUSTED)));
	assert_int_equal(objects_number(session, again, CKA_VALUE_LEN), 16);
	assert_false(objects_bool(session, again, CKA_LOCAL));
	/* The key that came back is the one that left. */
	length = objects_wrap(session, &wrapping, again, old, wrapped, sizeof(wrapped));
	objects_destroy(session, objects_unwrap(session, &wrapping, old, wrapped, length,
						TEMPLATE(IS_AES, IS_FALSE(CKA_TOKEN))));
	objects_destroy(session, again);
	objects_destroy(session, old);
	objects_destroy(session, master);
	leave(session);
}

/* More than a user's quota of keys, all there at once: the collector takes them late, if ever. */
static void java(void)
{
	static CK_OBJECT_HANDLE keys[JAVA_KEYS];
	CK_MECHANISM cbc_pad = {CKM_AES_CBC_PAD, iv, sizeof(iv)};
	CK_ULONG length = 32;
	struct belongings before, after;
	unsigned char bytes[32] = {0};
	CK_OBJECT_HANDLE kept;
	CK_SESSION_HANDLE session = objects_rw_session();

	before = belongings_now();
	for (unsigned int i = 0; i < JAVA_KEYS; i++) {
		struct material cbc = with(CKM_AES_CBC_PAD, bytes, 32);

		memcpy(bytes, &i, sizeof(i));
		keys[i] = objects_create(session, TEMPLATE(IS_AES, IS_BYTES(CKA_VALUE, bytes, 32)));
		GUEST_OK(guest_run(&token, session, keys[i], &cbc, TOKEN_ENCRYPT, text, 100,
				   TOKEN_PLAIN, NULL));
	}
	after = belongings_now();
	/* Those that earlier tests destroyed may be collected meanwhile. */
	assert_true(after.keys <= before.keys);
	assert_true(after.descriptors < before.descriptors + 100);
	agrees(session, keys[JAVA_KEYS - 1], CKM_AES_GCM, bytes, 32);

	/* KeyGenerator: nobody can read that one. */
	kept = objects_generate(session, CKM_AES_KEY_GEN,
				TEMPLATE(IS_SECRET, IS_VALUE(CKA_VALUE_LEN, length)));
	is_kept(session, kept);
	returns(session, kept, &cbc_pad);

	/* KeyStore.setEntry(), getKey(), deleteEntry(). */
	GUEST_RV(token.f->C_CopyObject(session, keys[JAVA_KEYS - 1],
				       TEMPLATE(IS_TRUE(CKA_TOKEN), IS_TEXT(CKA_LABEL, "entry")),
				       &kept),
		 CKR_OK);
	leave(session);
	session = objects_rw_session();
	assert_int_equal(objects_the(session, TEMPLATE(IS_TRUE(CKA_TOKEN),
						       IS_TEXT(CKA_LABEL, "entry"), IS_SECRET)),
			 kept);
	GUEST_RV(objects_ask(session, keys[0], CKA_CLASS), CKR_OBJECT_HANDLE_INVALID);
	assert_int_equal(objects_number(session, kept, CKA_KEY_TYPE), CKK_AES);
	assert_int_equal(objects_number(session, kept, CKA_VALUE_LEN), 32);
	assert_true(objects_bool(session, kept, CKA_SENSITIVE));
	assert_false(objects_bool(session, kept, CKA_EXTRACTABLE));
	agrees(session, kept, CKM_AES_CBC_PAD, bytes, 32);
	objects_destroy(session, kept);
	leave(session);
}

static int set_up(void **state)
{
	guest_fill(secret, sizeof(secret), 1);
	guest_fill(other_secret, sizeof(other_secret), 2);
	guest_fill(text, sizeof(text), 3);
	guest_fill(iv, sizeof(iv), 4);
	return messages_setup(state);
}

/* What a flow needs of the kernel, besides AES keys. */
static const struct flow {
	const char *name;
	void (*run)(void);
	bool unread; /* keys that nobody can read */
	CK_MECHANISM_TYPE mechanisms[3];
} flows[] = {
	{"OpenBao", openbao, false, {CKM_AES_GCM}},
	{"Vault", vault, true, {CKM_AES_CBC_PAD, CKM_SHA256_HMAC}},
	{"Barbican", barbican, false, {CKM_AES_GCM, CKM_AES_KEY_WRAP, CKM_SHA256_HMAC}},
	{"pg_vault_tde", pg_vault_tde, false, {CKM_AES_KEY_WRAP}},
	{"Infisical", infisical, false, {CKM_AES_CBC_PAD, CKM_SHA256_HMAC}},
	{"Keystone", keystone, false, {CKM_AES_GCM}},
	{"k8s-kms", k8s_kms, true, {CKM_AES_GCM, CKM_SHA256_HMAC, CKM_AES_CMAC}},
	{"Cosmian", cosmian, true, {CKM_AES_GCM, CKM_HKDF_DERIVE}},
	{"FreeIPA", freeipa, true, {CKM_AES_KEY_WRAP_PAD}},
	{"Java", java, true, {CKM_AES_GCM}},
};
enum { FLOWS = sizeof(flows) / sizeof(*flows) };

static void flow(void **state)
{
	const struct flow *flow = *state;

	guest_need_slot();
	/* One that failed may have left some, and a login. */
	GUEST_RV(token.f->C_CloseAllSessions(token.slot), CKR_OK);
	for (size_t i = 0; i < 3 && flow->mechanisms[i]; i++)
		guest_need(flow->mechanisms[i]);
	if (flow->unread)
		objects_need_unread();
	else
		objects_need_keys();
	flow->run();
}

int main(void)
{
	struct CMUnitTest tests[FLOWS];

	for (size_t i = 0; i < FLOWS; i++)
		tests[i] = (struct CMUnitTest){.name = flows[i].name,
					       .test_func = flow,
					       .initial_state = (void *)&flows[i]};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, guest_teardown);
}
