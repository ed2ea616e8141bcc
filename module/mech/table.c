/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rows. Numbers and parameters follow "PKCS #11 Specification Version 3.2", section 6, except
 * what kcryptoki.h adds; kernel names follow linux/crypto. A row that few kernels have costs
 * nothing elsewhere: it is offered only where its name can be bound.
 */
#include "kcryptoki.h"
#include "mech/derive.h"
#include "mech/engine.h"
#include "mech/mechanism.h"
#include "mech/parameter.h"

#define CRYPT (CKF_ENCRYPT | CKF_DECRYPT)
#define WRAPPING (CKF_WRAP | CKF_UNWRAP)
#define SEAL (CRYPT | CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT | CKF_MULTI_MESSAGE)
#define AUTHENTICATE \
	(CKF_SIGN | CKF_VERIFY | CKF_MESSAGE_SIGN | CKF_MESSAGE_VERIFY | CKF_MULTI_MESSAGE)

/* The longest payload that a key of the kernel can have. */
#define KEY_MAX 32767

/* clang-format off */
#define ROW(ckm, words, kind, algorithm, machine, ...)                                             \
	{.type = ckm, .name = words, .kernel_type = kind, .kernel_name = algorithm,                \
	 .engine = &machine##_engine, __VA_ARGS__}

#define PARAMETER(decoder, words) .decode = parameter_##decoder, .parameter = words
#define NO_PARAMETER PARAMETER(none, "none")
#define IV(bytes) PARAMETER(iv, "IV, " #bytes " bytes"), .iv = bytes
#define GENERAL PARAMETER(mac_general, "CK_MAC_GENERAL_PARAMS")

#define KEY(ckk, least, most, step)                                                                \
	.key_types = {ckk, ckk}, .key_min = least, .key_max = most, .key_step = step
#define AES_KEY KEY(CKK_AES, 16, 32, 8)

#define DIGEST(ckm, algorithm, bytes, ...)                                                         \
	ROW(ckm, #ckm, "hash", algorithm, hash, NO_PARAMETER, .size = bytes, .flags = CKF_DIGEST,  \
	    __VA_ARGS__)

/* Keys from one byte up, as clients use them. SUITS: section 6.42.2 has it among the PRFs. */
#define HMAC(ckm, ckk, algorithm, bytes, suits, ...)                                               \
	ROW(ckm, #ckm, "hash", "hmac(" algorithm ")", hash, NO_PARAMETER,                          \
	    .key_types = {CKK_GENERIC_SECRET, ckk}, .key_min = 1, .key_max = KEY_MAX,              \
	    .size = bytes, .prf = suits, .flags = AUTHENTICATE, __VA_ARGS__),                      \
	ROW(ckm##_GENERAL, #ckm "_GENERAL", "hash", "hmac(" algorithm ")", hash, GENERAL,          \
	    .key_types = {CKK_GENERIC_SECRET, ckk}, .key_min = 1, .key_max = KEY_MAX,              \
	    .size = bytes, .flags = AUTHENTICATE, __VA_ARGS__)

#define MAC(ckm, algorithm, bytes, ...)                                                            \
	ROW(ckm, #ckm, "hash", algorithm, hash, .size = bytes, .flags = AUTHENTICATE, __VA_ARGS__)

#define CIPHER(ckm, algorithm, bytes, ...)                                                         \
	ROW(ckm, #ckm, "skcipher", algorithm, cipher, .block = bytes, .flags = CRYPT, __VA_ARGS__)
#define WRAPPING_CIPHER(ckm, algorithm, bytes, ...)                                                \
	ROW(ckm, #ckm, "skcipher", algorithm, cipher, .block = bytes, .flags = CRYPT | WRAPPING,   \
	    __VA_ARGS__)

/* Ciphers that the kernel does not chain from one request to the next. */
#define WHOLE(ckm, algorithm, ...)                                                                 \
	ROW(ckm, #ckm, "skcipher", algorithm, whole, .block = 16, .least = 16, .flags = CRYPT, __VA_ARGS__)

#define AEAD(ckm, algorithm, decoder, words, may, ...)                                             \
	ROW(ckm, #ckm, "aead", algorithm, aead, PARAMETER(decoder, words),                         \
	    .decode_message = parameter_##decoder##_message, .flags = may, __VA_ARGS__)

/* NIST SP 800-38F; .block is its semiblock, and .iv the bytes of its alternative initial value. */
#define WRAP(ckm, bytes, ...)                                                                      \
	ROW(ckm, #ckm, "skcipher", "ecb(aes)", keywrap,                                            \
	    PARAMETER(iv_or_none, "none, or initial value, " #bytes " bytes"), AES_KEY,            \
	    .block = 8, .iv = bytes, .flags = CRYPT | WRAPPING, __VA_ARGS__)

/* Key derivation. */
#define DERIVE(ckm, ckm_name, kind, algorithm, method, words, ...)                                 \
	{.type = ckm, .name = ckm_name, .kernel_type = kind, .kernel_name = algorithm,             \
	 .derive = &method##_derive, .parameter = words, .points = true, .flags = CKF_DERIVE,      \
	 __VA_ARGS__}

/* The encryption of data, by the engine that encrypts. */
#define ENCRYPT_DATA(ckm, algorithm, words, ...)                                                   \
	DERIVE(ckm, #ckm, "skcipher", algorithm, encrypt_data, words, .engine = &cipher_engine,    \
	       .decode = parameter_encrypt_data, .block = 16, AES_KEY, __VA_ARGS__)

/* Which HMAC or CMAC it is, only the parameter says: this one stands for them all. */
#define WITH_PRF(ckm, method, words, ...)                                                          \
	DERIVE(ckm, #ckm, "hash", "hmac(sha256)", method, words, .key_min = 1, .key_max = KEY_MAX, \
	       __VA_ARGS__)
#define HKDF_KEY .key_types = {CKK_HKDF, CKK_GENERIC_SECRET}

#define LEGACY(cipher, family_, ckk, algorithm, bytes, least, most, step)                          \
	CIPHER(CKM_##cipher##_CBC, "cbc(" algorithm ")", bytes, IV(bytes),                         \
	       KEY(ckk, least, most, step), .family = family_),                                    \
	CIPHER(CKM_##cipher##_CBC_PAD, "cbc(" algorithm ")", bytes, IV(bytes),                     \
	       KEY(ckk, least, most, step), .family = family_, .padded = true)
#define LEGACY_ECB(cipher, family_, ckk, algorithm, bytes, least, most, step)                      \
	CIPHER(CKM_##cipher##_ECB, "ecb(" algorithm ")", bytes, NO_PARAMETER,                      \
	       KEY(ckk, least, most, step), .family = family_),                                    \
	LEGACY(cipher, family_, ckk, algorithm, bytes, least, most, step)

/* A build without nettle has the row, and offers it to nobody: config.c. */
#ifdef HAVE_NETTLE
#define GHASH_ENGINE .engine = &ghash_engine
#else
#define GHASH_ENGINE .engine = NULL
#endif

/* Random bytes that fit. */
#define GENERATE(ckm, ckk, least, most, step, ...)                                                 \
	{.type = ckm, .name = #ckm, NO_PARAMETER, KEY(ckk, least, most, step),                     \
	 .flags = CKF_GENERATE, __VA_ARGS__}

const struct mechanism mechanisms[] = {
	DIGEST(CKM_MD5, "md5", 16),
	DIGEST(CKM_SHA_1, "sha1", 20),
	DIGEST(CKM_SHA224, "sha224", 28),
	DIGEST(CKM_SHA256, "sha256", 32),
	DIGEST(CKM_SHA384, "sha384", 48),
	DIGEST(CKM_SHA512, "sha512", 64),
	DIGEST(CKM_SHA3_224, "sha3-224", 28),
	DIGEST(CKM_SHA3_256, "sha3-256", 32),
	DIGEST(CKM_SHA3_384, "sha3-384", 48),
	DIGEST(CKM_SHA3_512, "sha3-512", 64),
	DIGEST(CKM_BLAKE2B_160, "blake2b-160", 20),
	DIGEST(CKM_BLAKE2B_256, "blake2b-256", 32),
	DIGEST(CKM_BLAKE2B_384, "blake2b-384", 48),
	DIGEST(CKM_BLAKE2B_512, "blake2b-512", 64),
	DIGEST(CKM_RIPEMD160, "rmd160", 20, .family = FAMILY_RIPEMD160),

	HMAC(CKM_MD5_HMAC, CKK_MD5_HMAC, "md5", 16, false),
	HMAC(CKM_SHA_1_HMAC, CKK_SHA_1_HMAC, "sha1", 20, true),
	HMAC(CKM_SHA224_HMAC, CKK_SHA224_HMAC, "sha224", 28, true),
	HMAC(CKM_SHA256_HMAC, CKK_SHA256_HMAC, "sha256", 32, true),
	HMAC(CKM_SHA384_HMAC, CKK_SHA384_HMAC, "sha384", 48, true),
	HMAC(CKM_SHA512_HMAC, CKK_SHA512_HMAC, "sha512", 64, true),
	HMAC(CKM_SHA3_224_HMAC, CKK_SHA3_224_HMAC, "sha3-224", 28, true),
	HMAC(CKM_SHA3_256_HMAC, CKK_SHA3_256_HMAC, "sha3-256", 32, true),
	HMAC(CKM_SHA3_384_HMAC, CKK_SHA3_384_HMAC, "sha3-384", 48, true),
	HMAC(CKM_SHA3_512_HMAC, CKK_SHA3_512_HMAC, "sha3-512", 64, true),
	HMAC(CKM_RIPEMD160_HMAC, CKK_RIPEMD160_HMAC, "rmd160", 20, false, .family = FAMILY_RIPEMD160),

	MAC(CKM_AES_CMAC, "cmac(aes)", 16, NO_PARAMETER, AES_KEY, .prf = true),
	MAC(CKM_AES_CMAC_GENERAL, "cmac(aes)", 16, GENERAL, AES_KEY),
	/* RFC 3566 knows keys of 16 bytes only, though kernels before 7.3 take others. */
	MAC(CKM_AES_XCBC_MAC, "xcbc(aes)", 16, NO_PARAMETER, KEY(CKK_AES, 16, 16, 0),
	    .key_loose = true),
	MAC(CKM_AES_XCBC_MAC_96, "xcbc(aes)", 12, NO_PARAMETER, KEY(CKK_AES, 16, 16, 0),
	    .key_loose = true),
	ROW(CKM_AES_GMAC, "CKM_AES_GMAC", "aead", "gcm(aes)", gmac, PARAMETER(gmac, "CK_GCM_PARAMS, no AAD"),
	    .points = true, AES_KEY, .size = 16, .flags = CKF_SIGN | CKF_VERIFY),
	MAC(CKM_DES3_CMAC, "cmac(des3_ede)", 8, NO_PARAMETER, KEY(CKK_DES3, 24, 24, 0),
	    .prf = true, .family = FAMILY_DES3),
	MAC(CKM_DES3_CMAC_GENERAL, "cmac(des3_ede)", 8, GENERAL, KEY(CKK_DES3, 24, 24, 0),
	    .family = FAMILY_DES3),

	CIPHER(CKM_AES_ECB, "ecb(aes)", 16, NO_PARAMETER, AES_KEY),
	CIPHER(CKM_AES_CBC, "cbc(aes)", 16, IV(16), AES_KEY),
	WRAPPING_CIPHER(CKM_AES_CBC_PAD, "cbc(aes)", 16, IV(16), AES_KEY, .padded = true),
	CIPHER(CKM_AES_CTR, "ctr(aes)", 16, PARAMETER(ctr, "CK_AES_CTR_PARAMS"), AES_KEY,
	       .stream = true),
	CIPHER(CKM_AES_OFB, "ofb(aes)", 16, IV(16), AES_KEY, .stream = true),
	CIPHER(CKM_AES_CFB128, "cfb(aes)", 16, IV(16), AES_KEY, .stream = true, .feedback = true),
	WHOLE(CKM_AES_CTS, "cts(cbc(aes))", IV(16), AES_KEY, .stolen = true),
	WHOLE(CKM_AES_XTS, "xts(aes)", IV(16), KEY(CKK_AES_XTS, 32, 64, 32), .key_loose = true),
	CIPHER(CKM_CHACHA20, "chacha20", 64, PARAMETER(chacha20, "CK_CHACHA20_PARAMS"),
	       KEY(CKK_CHACHA20, 32, 32, 0), .points = true, .stream = true, .counted = true),
	WRAP(CKM_AES_KEY_WRAP, 8),
	WRAP(CKM_AES_KEY_WRAP_PAD, 8, .padded = true),
	WRAP(CKM_AES_KEY_WRAP_PKCS7, 8, .padded = true),
	WRAP(CKM_AES_KEY_WRAP_KWP, 4),

	AEAD(CKM_AES_GCM, "gcm(aes)", gcm, "CK_GCM_PARAMS", SEAL | WRAPPING, AES_KEY, .points = true,
	     .translated = true),
	AEAD(CKM_AES_CCM, "ccm(aes)", ccm, "CK_CCM_PARAMS", SEAL, AES_KEY, .points = true),
	AEAD(CKM_CHACHA20_POLY1305, "rfc7539(chacha20,poly1305)", chacha20_poly1305,
	     "CK_SALSA20_CHACHA20_POLY1305_PARAMS", SEAL, KEY(CKK_CHACHA20, 32, 32, 0), .points = true),

	WHOLE(CKM_KCRYPTOKI_ADIANTUM_XCHACHA12_AES, "adiantum(xchacha12,aes)", IV(32),
	      KEY(CKK_KCRYPTOKI_ADIANTUM, 32, 32, 0)),
	WHOLE(CKM_KCRYPTOKI_ADIANTUM_XCHACHA20_AES, "adiantum(xchacha20,aes)", IV(32),
	      KEY(CKK_KCRYPTOKI_ADIANTUM, 32, 32, 0)),
	WHOLE(CKM_KCRYPTOKI_AES_HCTR2, "hctr2(aes)", IV(32), AES_KEY),

	ENCRYPT_DATA(CKM_AES_ECB_ENCRYPT_DATA, "ecb(aes)", "CK_KEY_DERIVATION_STRING_DATA"),
	ENCRYPT_DATA(CKM_AES_CBC_ENCRYPT_DATA, "cbc(aes)", "CK_AES_CBC_ENCRYPT_DATA_PARAMS", .iv = 16),
	WITH_PRF(CKM_HKDF_DERIVE, hkdf, "CK_HKDF_PARAMS", HKDF_KEY),
	WITH_PRF(CKM_HKDF_DATA, hkdf_data, "CK_HKDF_PARAMS", HKDF_KEY),
	WITH_PRF(CKM_SP800_108_COUNTER_KDF, counter, "CK_SP800_108_KDF_PARAMS", .any_key = true),
	WITH_PRF(CKM_SP800_108_FEEDBACK_KDF, feedback, "CK_SP800_108_FEEDBACK_KDF_PARAMS", .any_key = true),
	DERIVE(CKM_CONCATENATE_BASE_AND_DATA, "CKM_CONCATENATE_BASE_AND_DATA", NULL, NULL, concatenate,
	       "CK_KEY_DERIVATION_STRING_DATA", .any_key = true, .key_min = 1, .key_max = KEY_MAX),

	LEGACY_ECB(DES3, FAMILY_DES3, CKK_DES3, "des3_ede", 8, 24, 24, 0),
	LEGACY_ECB(CAMELLIA, FAMILY_CAMELLIA, CKK_CAMELLIA, "camellia", 16, 16, 32, 8),
	CIPHER(CKM_CAMELLIA_CTR, "ctr(camellia)", 16, PARAMETER(ctr, "CK_CAMELLIA_CTR_PARAMS"),
	       KEY(CKK_CAMELLIA, 16, 32, 8), .family = FAMILY_CAMELLIA, .stream = true),
	LEGACY(TWOFISH, FAMILY_TWOFISH, CKK_TWOFISH, "twofish", 16, 16, 32, 8),
	LEGACY(BLOWFISH, FAMILY_BLOWFISH, CKK_BLOWFISH, "blowfish", 8, 4, 56, 0),
	LEGACY_ECB(CAST128, FAMILY_CAST128, CKK_CAST128, "cast5", 8, 5, 16, 0),
	LEGACY_ECB(ARIA, FAMILY_ARIA, CKK_ARIA, "aria", 16, 16, 32, 8),

	GENERATE(CKM_AES_KEY_GEN, CKK_AES, 16, 32, 8),
	GENERATE(CKM_AES_XTS_KEY_GEN, CKK_AES_XTS, 32, 64, 32),
	GENERATE(CKM_GENERIC_SECRET_KEY_GEN, CKK_GENERIC_SECRET, 1, KEY_MAX, 0, .key_in_bits = true),
	GENERATE(CKM_SHA_1_KEY_GEN, CKK_SHA_1_HMAC, 1, KEY_MAX, 0),
	GENERATE(CKM_SHA224_KEY_GEN, CKK_SHA224_HMAC, 1, KEY_MAX, 0),
	GENERATE(CKM_SHA256_KEY_GEN, CKK_SHA256_HMAC, 1, KEY_MAX, 0),
	GENERATE(CKM_SHA384_KEY_GEN, CKK_SHA384_HMAC, 1, KEY_MAX, 0),
	GENERATE(CKM_SHA512_KEY_GEN, CKK_SHA512_HMAC, 1, KEY_MAX, 0),
	GENERATE(CKM_SHA3_224_KEY_GEN, CKK_SHA3_224_HMAC, 1, KEY_MAX, 0),
	GENERATE(CKM_SHA3_256_KEY_GEN, CKK_SHA3_256_HMAC, 1, KEY_MAX, 0),
	GENERATE(CKM_SHA3_384_KEY_GEN, CKK_SHA3_384_HMAC, 1, KEY_MAX, 0),
	GENERATE(CKM_SHA3_512_KEY_GEN, CKK_SHA3_512_HMAC, 1, KEY_MAX, 0),
	GENERATE(CKM_CHACHA20_KEY_GEN, CKK_CHACHA20, 32, 32, 0),
	GENERATE(CKM_DES3_KEY_GEN, CKK_DES3, 24, 24, 0, .family = FAMILY_DES3),
	GENERATE(CKM_CAMELLIA_KEY_GEN, CKK_CAMELLIA, 16, 32, 8, .family = FAMILY_CAMELLIA),
	GENERATE(CKM_TWOFISH_KEY_GEN, CKK_TWOFISH, 16, 32, 8, .family = FAMILY_TWOFISH),
	GENERATE(CKM_BLOWFISH_KEY_GEN, CKK_BLOWFISH, 4, 56, 0, .family = FAMILY_BLOWFISH),
	GENERATE(CKM_CAST128_KEY_GEN, CKK_CAST128, 5, 16, 0, .family = FAMILY_CAST128),
	GENERATE(CKM_ARIA_KEY_GEN, CKK_ARIA, 16, 32, 8, .family = FAMILY_ARIA),
	GENERATE(CKM_KCRYPTOKI_ADIANTUM_KEY_GEN, CKK_KCRYPTOKI_ADIANTUM, 32, 32, 0),
};

const struct mechanism stand_ins[] = {
	{.type = CKM_AES_GCM, .name = "CKM_AES_GCM", .kernel_type = "skcipher", .kernel_name = "ctr(aes)",
	 GHASH_ENGINE, PARAMETER(any_gcm, "CK_GCM_PARAMS"), .decode_message = parameter_any_gcm_message,
	 .flags = SEAL | WRAPPING, AES_KEY, .family = FAMILY_GHASH, .own_tag = true, .points = true,
	 .translated = true},
};
/* clang-format on */

const size_t n_mechanisms = sizeof(mechanisms) / sizeof(*mechanisms);
const size_t n_stand_ins = sizeof(stand_ins) / sizeof(*stand_ins);
