/* SPDX-License-Identifier: BSD-2-Clause */
/* Which vectors there are of each mechanism, and what its parameter is. */
#include "vectors.h"

#include <string.h>

#include "kcryptoki.h"

/*
 * Adapters. Where nobody published vectors of a mechanism, those of another one tell what its must
 * be; nothing is computed here that the module computes.
 */

/* A vector with a shorter MAC than the mechanism makes is one of its _GENERAL sister; of a longer
 * one, the mechanism makes the beginning. */
static bool adapt_mac(const struct vector_set *set, struct vector *vector)
{
	if (vector->tag.length < set->tag)
		return false;
	vector->tag.length = set->tag;
	return true;
}

/* GMAC is GCM without a text: what is signed is the AAD. */
static bool adapt_gmac(const struct vector_set *set, struct vector *vector)
{
	const struct blob *aad = &vector->aad;

	if (!vector->cipher.present || vector->cipher.length > 0)
		return false;
	blob_set(&vector->text, aad->data, aad->length);
	vector->aad.length = 0;
	return true;
}

/* A stream cipher makes of the beginning of a text the beginning of the ciphertext. */
static bool adapt_stream(const struct vector_set *set, struct vector *vector)
{
	size_t cut = vector->number % 3 == 0 ? vector->number / 3 % set->block : 0;

	if (cut < vector->text.length) {
		vector->text.length -= cut;
		vector->cipher.length -= cut;
	}
	return true;
}

/* One of a record's blocks, with what was exclusive-ored to it as its IV; ECB did so with zeros. */
static bool take_block(const struct vector_set *set, struct vector *vector)
{
	struct blob *text = &vector->text, *cipher = &vector->cipher;
	size_t block = set->block, at;

	if (text->length == 0 || text->length % block != 0 || cipher->length != text->length)
		return false;
	at = vector->number % (text->length / block) * block;
	if (!vector->iv.present)
		blob_set(&vector->iv, NULL, block);
	else if (at > 0)
		blob_set(&vector->iv, cipher->data + at - block, block);
	memmove(text->data, text->data + at, block);
	memmove(cipher->data, cipher->data + at, block);
	text->length = cipher->length = block;
	return true;
}

/* A block of ECB is a message of CBC whose IV is zeros. */
static bool adapt_cbc(const struct vector_set *set, struct vector *vector)
{
	return vector->iv.present || take_block(set, vector);
}

/*
 * CBC enciphers P ^ IV. A padding can take the place of P's last bytes, where the IV changes by as
 * much: the same block is enciphered. Every so often the padding is one of no bytes, which must be
 * refused.
 */
static bool adapt_cbc_pad(const struct vector_set *set, struct vector *vector)
{
	size_t block = set->block, padding = vector->number % (block + 1);
	unsigned char *iv;

	if (!take_block(set, vector))
		return false;
	iv = vector->iv.data;
	for (size_t i = block - (padding ? padding : 1); i < block; i++)
		iv[i] ^= vector->text.data[i] ^ (unsigned char)padding;
	vector->text.length = block - padding;
	vector->valid = padding > 0;
	return true;
}

/* Some files call any result an output. */
static bool adapt_output(const struct vector_set *set, struct vector *vector)
{
	if (!vector->cipher.present && vector->tag.present)
		blob_set(&vector->cipher, vector->tag.data, vector->tag.length);
	vector->tag.present = false;
	return true;
}

/*
 * What is wrapped with padding is wrapped as it is, padded: those vectors of KW whose text happens
 * to end in a padding are vectors with padding, and the others must be refused.
 */
static bool adapt_key_wrap_pad(const struct vector_set *set, struct vector *vector)
{
	size_t length = vector->text.length, padding;

	if (!vector->valid)
		return true;
	padding = vector->text.data[length - 1];
	vector->valid = padding > 0 && padding <= set->block;
	for (size_t i = 0; vector->valid && i < padding; i++)
		vector->valid = vector->text.data[length - 1 - i] == padding;
	if (vector->valid)
		vector->text.length -= padding;
	return true;
}

#define FILES(...) ((const char *const[]){__VA_ARGS__, NULL})

/* clang-format off */
#define OWN(name) VECTORS_OWN name ".rsp"
#define SIZES(stem) stem "128.rsp", stem "192.rsp", stem "256.rsp"
#define SIZES_TXT(stem) stem "128.txt", stem "192.txt", stem "256.txt"
#define AES_FILES(stem)                                                                            \
	FILES(SIZES("ciphers/AES/" stem "GFSbox"), SIZES("ciphers/AES/" stem "KeySbox"),           \
	      SIZES("ciphers/AES/" stem "VarKey"), SIZES("ciphers/AES/" stem "VarTxt"),            \
	      SIZES("ciphers/AES/" stem "MMT"))
#define DES3_FILES(stem)                                                                           \
	FILES(stem "invperm.rsp", stem "permop.rsp", stem "subtab.rsp", stem "varkey.rsp",         \
	      stem "vartext.rsp", stem "MMT1.rsp", stem "MMT2.rsp", stem "MMT3.rsp")
#define SHA_FILES(stem) FILES("hashes/" stem "ShortMsg.rsp", "hashes/" stem "LongMsg.rsp")
#define GCM_FILES                                                                                  \
	FILES(SIZES("ciphers/AES/GCM/gcmEncryptExtIV"), SIZES("ciphers/AES/GCM/gcmDecrypt"))
#define KW_NIST(stem)                                                                              \
	SIZES_TXT("keywrap/kwtestvectors/" stem "_AE_"),                                           \
	SIZES_TXT("keywrap/kwtestvectors/" stem "_AD_")

#define DIGEST(ckm, size, ...)                                                                     \
	{.mechanism = ckm, .name = #ckm, .kind = VECTOR_DIGEST, .block = size, .files = __VA_ARGS__}
#define MAC(stem, what, size, bytes, type1, type2, ...)                                            \
	{.mechanism = CKM_##stem, .name = "CKM_" #stem, .kind = VECTOR_MAC,                        \
	 .param = VECTOR_##what, .block = size, .tag = bytes, .key_types = {type1, type2},         \
	 .files = __VA_ARGS__}
/* Also the mechanism of the same name with _GENERAL. */
#define MACS(stem, size, bytes, type1, type2, ...)                                                 \
	MAC(stem, NO_PARAM, size, bytes, type1, type2, __VA_ARGS__, ADAPT(mac)),                   \
	MAC(stem##_GENERAL, GENERAL, size, bytes, type1, type2, __VA_ARGS__)
#define HMAC(stem, size, bytes, type, ...)                                                         \
	MACS(stem, size, bytes, "generic-secret", type, __VA_ARGS__)
#define CIPHER(ckm, what, size, type, ...)                                                         \
	{.mechanism = ckm, .name = #ckm, .kind = VECTOR_CIPHER, .param = VECTOR_##what,            \
	 .block = size, .key_types = {type, type}, .files = __VA_ARGS__}
#define AEAD(ckm, what, type, ...)                                                                 \
	{.mechanism = ckm, .name = #ckm, .kind = VECTOR_AEAD, .param = VECTOR_##what,              \
	 .block = 16, .key_types = {type, type}, .sealed = true, .files = __VA_ARGS__}
#define ADAPT(how) .adapt = adapt_##how
#define PADDED ADAPT(cbc_pad), .padded = true
/* clang-format on */

const struct vector_set vector_sets[] = {
	DIGEST(CKM_MD5, 64, FILES("hashes/MD5/rfc-1321.txt")),
	DIGEST(CKM_SHA_1, 64, SHA_FILES("SHA1/SHA1")),
	DIGEST(CKM_SHA224, 64, SHA_FILES("SHA2/SHA224")),
	DIGEST(CKM_SHA256, 64, SHA_FILES("SHA2/SHA256")),
	DIGEST(CKM_SHA384, 128, SHA_FILES("SHA2/SHA384")),
	DIGEST(CKM_SHA512, 128, SHA_FILES("SHA2/SHA512")),
	DIGEST(CKM_SHA3_224, 144, SHA_FILES("SHA3/SHA3_224")),
	DIGEST(CKM_SHA3_256, 136, SHA_FILES("SHA3/SHA3_256")),
	DIGEST(CKM_SHA3_384, 104, SHA_FILES("SHA3/SHA3_384")),
	DIGEST(CKM_SHA3_512, 72, SHA_FILES("SHA3/SHA3_512")),
	DIGEST(CKM_BLAKE2B_160, 128, FILES(OWN("blake2b-160"))),
	DIGEST(CKM_BLAKE2B_256, 128, FILES(OWN("blake2b-256"))),
	DIGEST(CKM_BLAKE2B_384, 128, FILES(OWN("blake2b-384"))),
	DIGEST(CKM_BLAKE2B_512, 128, FILES("hashes/blake2/blake2b.txt", OWN("blake2b-512"))),
	DIGEST(CKM_RIPEMD160, 64, FILES("hashes/ripemd160/ripevectors.txt")),

	HMAC(MD5_HMAC, 64, 16, "md5-hmac", FILES("HMAC/rfc-2202-md5.txt")),
	HMAC(SHA_1_HMAC, 64, 20, "sha-1-hmac", FILES("HMAC/rfc-2202-sha1.txt", OWN("hmac-sha1"))),
	HMAC(SHA224_HMAC, 64, 28, "sha224-hmac",
	     FILES("HMAC/rfc-4231-sha224.txt", OWN("hmac-sha224"))),
	HMAC(SHA256_HMAC, 64, 32, "sha256-hmac",
	     FILES("HMAC/rfc-4231-sha256.txt", OWN("hmac-sha256"))),
	HMAC(SHA384_HMAC, 128, 48, "sha384-hmac",
	     FILES("HMAC/rfc-4231-sha384.txt", OWN("hmac-sha384"))),
	HMAC(SHA512_HMAC, 128, 64, "sha512-hmac",
	     FILES("HMAC/rfc-4231-sha512.txt", OWN("hmac-sha512"))),
	HMAC(SHA3_224_HMAC, 144, 28, "sha3-224-hmac", FILES(OWN("hmac-sha3-224"))),
	HMAC(SHA3_256_HMAC, 136, 32, "sha3-256-hmac", FILES(OWN("hmac-sha3-256"))),
	HMAC(SHA3_384_HMAC, 104, 48, "sha3-384-hmac", FILES(OWN("hmac-sha3-384"))),
	HMAC(SHA3_512_HMAC, 72, 64, "sha3-512-hmac", FILES(OWN("hmac-sha3-512"))),
	HMAC(RIPEMD160_HMAC, 64, 20, "ripemd160-hmac", FILES("HMAC/rfc-2286-ripemd160.txt")),

	MACS(AES_CMAC, 16, 16, "aes", "aes", FILES(SIZES_TXT("CMAC/nist-800-38b-aes"))),
	MAC(AES_XCBC_MAC, NO_PARAM, 16, 16, "aes", "aes", FILES(OWN("aes-xcbc")), ADAPT(mac)),
	MAC(AES_XCBC_MAC_96, NO_PARAM, 16, 12, "aes", "aes", FILES(OWN("aes-xcbc")), ADAPT(mac)),
	MAC(AES_GMAC, GMAC, 16, 16, "aes", "aes", GCM_FILES, ADAPT(gmac), .iv = {12, 12},
	    .every = 10),
	MACS(DES3_CMAC, 8, 8, "des3", "des3", FILES("CMAC/nist-800-38b-3des.txt")),

	CIPHER(CKM_AES_ECB, NO_PARAM, 16, "aes", AES_FILES("ECB/ECB")),
	CIPHER(CKM_AES_CBC, IV, 16, "aes", AES_FILES("CBC/CBC")),
	CIPHER(CKM_AES_CBC_PAD, IV, 16, "aes", FILES(OWN("aes-cbc-pkcs5")), .padded = true),
	CIPHER(CKM_AES_CTR, CTR, 16, "aes",
	       FILES("ciphers/AES/CTR/aes-128-ctr.txt", "ciphers/AES/CTR/aes-192-ctr.txt",
		     "ciphers/AES/CTR/aes-256-ctr.txt")),
	CIPHER(CKM_AES_OFB, IV, 16, "aes", AES_FILES("OFB/OFB"), ADAPT(stream), .every = 5),
	CIPHER(CKM_AES_CFB128, IV, 16, "aes", AES_FILES("CFB/CFB128"), ADAPT(stream), .every = 5),
	/* CS1 of whole blocks is CBC. */
	CIPHER(CKM_AES_CTS, IV, 16, "aes", FILES(OWN("aes-cts"), SIZES("ciphers/AES/CBC/CBCMMT"))),
	CIPHER(CKM_AES_XTS, IV, 16, "aes-xts",
	       FILES("ciphers/AES/XTS/tweak-128hexstr/XTSGenAES128.rsp",
		     "ciphers/AES/XTS/tweak-128hexstr/XTSGenAES256.rsp",
		     "ciphers/AES/XTS/tweak-dataunitseqno/XTSGenAES128.rsp",
		     "ciphers/AES/XTS/tweak-dataunitseqno/XTSGenAES256.rsp"),
	       .every = 10),
	CIPHER(CKM_CHACHA20, CHACHA20, 64, "chacha20",
	       FILES("ciphers/ChaCha20/rfc7539.txt", OWN("chacha20"))),
	CIPHER(CKM_AES_KEY_WRAP, NO_PARAM, 8, "aes", FILES(KW_NIST("KW")), .sealed = true,
	       .every = 10),
	CIPHER(CKM_AES_KEY_WRAP_PAD, NO_PARAM, 8, "aes", FILES(KW_NIST("KW")), ADAPT(key_wrap_pad),
	       .sealed = true, .padded = true, .every = 25),
	CIPHER(CKM_AES_KEY_WRAP_PKCS7, NO_PARAM, 8, "aes", FILES(KW_NIST("KW")),
	       ADAPT(key_wrap_pad), .sealed = true, .padded = true, .every = 25),
	CIPHER(CKM_AES_KEY_WRAP_KWP, NO_PARAM, 8, "aes",
	       FILES("keywrap/kwp_botan.txt", OWN("aes-kwp"), KW_NIST("KWP")), ADAPT(output),
	       .sealed = true, .padded = true, .every = 25),

	/* The kernel's GCM has nonces of 12 bytes only; another one is refused, never shortened,
	 * where the module does not compose GCM. */
	AEAD(CKM_AES_GCM, GCM, "aes",
	     FILES(SIZES("ciphers/AES/GCM/gcmEncryptExtIV"), SIZES("ciphers/AES/GCM/gcmDecrypt"),
		   OWN("aes-gcm-wrapped")),
	     .iv = {12, 12}, .every = 5),
	AEAD(CKM_AES_CCM, CCM, "aes",
	     FILES(SIZES("ciphers/AES/CCM/VADT"), SIZES("ciphers/AES/CCM/VNT"),
		   SIZES("ciphers/AES/CCM/VPT"), SIZES("ciphers/AES/CCM/VTT"),
		   SIZES("ciphers/AES/CCM/DVPT")),
	     .iv = {7, 13}, .every = 3),
	AEAD(CKM_CHACHA20_POLY1305, CHACHA20_POLY1305, "chacha20",
	     FILES("ciphers/ChaCha20Poly1305/boringssl.txt", "ciphers/ChaCha20Poly1305/openssl.txt",
		   OWN("chacha20-poly1305")),
	     .iv = {12, 12}),

	CIPHER(CKM_KCRYPTOKI_ADIANTUM_XCHACHA12_AES, IV, 16, "kcryptoki-adiantum",
	       FILES(OWN("adiantum-xchacha12"))),
	CIPHER(CKM_KCRYPTOKI_ADIANTUM_XCHACHA20_AES, IV, 16, "kcryptoki-adiantum",
	       FILES(OWN("adiantum-xchacha20"))),
	CIPHER(CKM_KCRYPTOKI_AES_HCTR2, IV, 16, "aes", FILES(OWN("aes-hctr2"))),

	CIPHER(CKM_DES3_ECB, NO_PARAM, 8, "des3", DES3_FILES("ciphers/3DES/ECB/TECB")),
	CIPHER(CKM_DES3_CBC, IV, 8, "des3", DES3_FILES("ciphers/3DES/CBC/TCBC")),
	CIPHER(CKM_DES3_CBC_PAD, IV, 8, "des3", DES3_FILES("ciphers/3DES/CBC/TCBC"), PADDED),
	CIPHER(CKM_CAMELLIA_ECB, NO_PARAM, 16, "camellia",
	       FILES("ciphers/Camellia/camellia-128-ecb.txt",
		     "ciphers/Camellia/camellia-192-ecb.txt",
		     "ciphers/Camellia/camellia-256-ecb.txt"),
	       .every = 10),
	CIPHER(CKM_CAMELLIA_CBC, IV, 16, "camellia", FILES("ciphers/Camellia/camellia-cbc.txt")),
	CIPHER(CKM_CAMELLIA_CBC_PAD, IV, 16, "camellia",
	       FILES("ciphers/Camellia/camellia-cbc.txt", "ciphers/Camellia/camellia-128-ecb.txt",
		     "ciphers/Camellia/camellia-192-ecb.txt",
		     "ciphers/Camellia/camellia-256-ecb.txt"),
	       PADDED, .every = 10),
	CIPHER(CKM_CAMELLIA_CTR, CTR, 16, "camellia", FILES(OWN("camellia-ctr"))),
	CIPHER(CKM_TWOFISH_CBC, IV, 16, "twofish", FILES(OWN("twofish-ecb")), ADAPT(cbc)),
	CIPHER(CKM_TWOFISH_CBC_PAD, IV, 16, "twofish", FILES(OWN("twofish-ecb")), PADDED),
	CIPHER(CKM_BLOWFISH_CBC, IV, 8, "blowfish",
	       FILES("ciphers/Blowfish/bf-cbc.txt", "ciphers/Blowfish/bf-ecb.txt"), ADAPT(cbc),
	       .key = {4, 56}),
	CIPHER(CKM_BLOWFISH_CBC_PAD, IV, 8, "blowfish",
	       FILES("ciphers/Blowfish/bf-cbc.txt", "ciphers/Blowfish/bf-ecb.txt"), PADDED,
	       .key = {4, 56}),
	CIPHER(CKM_CAST128_ECB, NO_PARAM, 8, "cast128",
	       FILES("ciphers/CAST5/cast5-ecb.txt", OWN("cast128-ecb"))),
	CIPHER(CKM_CAST128_CBC, IV, 8, "cast128", FILES("ciphers/CAST5/cast5-cbc.txt")),
	CIPHER(CKM_CAST128_CBC_PAD, IV, 8, "cast128",
	       FILES("ciphers/CAST5/cast5-cbc.txt", OWN("cast128-ecb")), PADDED),
	CIPHER(CKM_ARIA_ECB, NO_PARAM, 16, "aria", FILES(OWN("aria-ecb"))),
	CIPHER(CKM_ARIA_CBC, IV, 16, "aria", FILES(OWN("aria-cbc"), OWN("aria-ecb")), ADAPT(cbc)),
	CIPHER(CKM_ARIA_CBC_PAD, IV, 16, "aria", FILES(OWN("aria-cbc"), OWN("aria-ecb")), PADDED),
};

const size_t n_vector_sets = sizeof(vector_sets) / sizeof(vector_sets[0]);

static int set_param(struct vector_mechanism *mechanism, void *param, size_t length)
{
	mechanism->mechanism.pParameter = param;
	mechanism->mechanism.ulParameterLen = length;
	return 0;
}

/* The layout of version 2.20 has no iv_bits; both are in use. */
static int set_gcm(const struct vector *vector, bool old, struct vector_mechanism *mechanism)
{
	const struct blob *iv = &vector->iv, *aad = &vector->aad;
	struct gcm_params *gcm = &mechanism->params.gcm;
	CK_ULONG tag_bits = 8 * vector->tag.length;

	if (old) {
		mechanism->params.old_gcm = (struct gcm_params_2_20){
			iv->data, iv->length, aad->data, aad->length, tag_bits,
		};
		return set_param(mechanism, gcm, sizeof(mechanism->params.old_gcm));
	}
	*gcm = (struct gcm_params){
		iv->data, iv->length, 8 * iv->length, aad->data, aad->length, tag_bits,
	};
	return set_param(mechanism, gcm, sizeof(*gcm));
}

/* The IV is counter and nonce together; how much of it is the counter makes no difference, as long
 * as it does not overflow. */
static int set_chacha20(const struct vector *vector, bool long_counter,
			struct vector_mechanism *mechanism)
{
	struct chacha20_params *chacha20 = &mechanism->params.chacha20;
	size_t counter = long_counter ? 8 : 4;

	if (vector->iv.length != 16)
		return -1;
	*chacha20 = (struct chacha20_params){
		vector->iv.data,
		8 * counter,
		vector->iv.data + counter,
		8 * (16 - counter),
	};
	return set_param(mechanism, chacha20, sizeof(*chacha20));
}

static int set_ctr(const struct vector *vector, struct vector_mechanism *mechanism)
{
	struct ctr_params *ctr = &mechanism->params.ctr;

	if (vector->iv.length != sizeof(ctr->counter))
		return -1;
	ctr->counter_bits = 128;
	memcpy(ctr->counter, vector->iv.data, sizeof(ctr->counter));
	return set_param(mechanism, ctr, sizeof(*ctr));
}

int vector_mechanism(const struct vector_set *set, const struct vector *vector, bool other_way,
		     struct vector_mechanism *mechanism)
{
	const struct blob *iv = &vector->iv, *aad = &vector->aad;

	*mechanism = (struct vector_mechanism){.mechanism.mechanism = set->mechanism};
	switch (set->param) {
	case VECTOR_NO_PARAM:
		return 0;
	case VECTOR_IV:
		return set_param(mechanism, iv->data, iv->length);
	case VECTOR_GENERAL:
		mechanism->params.general = vector->tag.length;
		return set_param(mechanism, &mechanism->params.general, sizeof(CK_ULONG));
	case VECTOR_CTR:
		return set_ctr(vector, mechanism);
	case VECTOR_CHACHA20:
		return set_chacha20(vector, other_way, mechanism);
	case VECTOR_GCM:
	case VECTOR_GMAC:
		return set_gcm(vector, other_way, mechanism);
	case VECTOR_CCM:
		mechanism->params.ccm = (struct ccm_params){
			vector->cipher.length, iv->data,           iv->length, aad->data,
			aad->length,           vector->tag.length,
		};
		return set_param(mechanism, &mechanism->params.ccm, sizeof(struct ccm_params));
	case VECTOR_CHACHA20_POLY1305:
		/* Bits, says the specification; some clients say bytes. */
		mechanism->params.chacha20_poly1305 = (struct chacha20_poly1305_params){
			iv->data,
			other_way ? iv->length : 8 * iv->length,
			aad->data,
			aad->length,
		};
		return set_param(mechanism, &mechanism->params.chacha20_poly1305,
				 sizeof(struct chacha20_poly1305_params));
	}
	return -1;
}
