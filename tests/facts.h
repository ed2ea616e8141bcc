/* SPDX-License-Identifier: BSD-2-Clause */
/* What the specification and the standards say of the mechanisms that the module has. */
#ifndef TESTS_FACTS_H
#define TESTS_FACTS_H

#include <stdbool.h>
#include <string.h>
#include <sys/types.h>

#include "kcryptoki.h"
#include "mech/mechanism.h"
#include "pkcs11.h"

enum { KEY_MAX = 32767 };

/* The numbers of pkcs11t.h in "PKCS #11 Specification Version 3.2", by hand: the headers that this
 * is compiled with must have them, too. */
static const struct {
	CK_MECHANISM_TYPE type, number;
	const char *name, *kernel_name;
} expected[] = {
/* clang-format off */
#define E(ckm, number, kernel_name) {ckm, number, #ckm, kernel_name}
	E(CKM_MD5, 0x210, "md5"),
	E(CKM_SHA_1, 0x220, "sha1"),
	E(CKM_SHA224, 0x255, "sha224"),
	E(CKM_SHA256, 0x250, "sha256"),
	E(CKM_SHA384, 0x260, "sha384"),
	E(CKM_SHA512, 0x270, "sha512"),
	E(CKM_SHA3_224, 0x2b5, "sha3-224"),
	E(CKM_SHA3_256, 0x2b0, "sha3-256"),
	E(CKM_SHA3_384, 0x2c0, "sha3-384"),
	E(CKM_SHA3_512, 0x2d0, "sha3-512"),
	E(CKM_BLAKE2B_160, 0x400c, "blake2b-160"),
	E(CKM_BLAKE2B_256, 0x4011, "blake2b-256"),
	E(CKM_BLAKE2B_384, 0x4016, "blake2b-384"),
	E(CKM_BLAKE2B_512, 0x401b, "blake2b-512"),
	E(CKM_RIPEMD160, 0x240, "rmd160"),
	E(CKM_MD5_HMAC, 0x211, "hmac(md5)"),
	E(CKM_MD5_HMAC_GENERAL, 0x212, "hmac(md5)"),
	E(CKM_SHA_1_HMAC, 0x221, "hmac(sha1)"),
	E(CKM_SHA_1_HMAC_GENERAL, 0x222, "hmac(sha1)"),
	E(CKM_SHA224_HMAC, 0x256, "hmac(sha224)"),
	E(CKM_SHA224_HMAC_GENERAL, 0x257, "hmac(sha224)"),
	E(CKM_SHA256_HMAC, 0x251, "hmac(sha256)"),
	E(CKM_SHA256_HMAC_GENERAL, 0x252, "hmac(sha256)"),
	E(CKM_SHA384_HMAC, 0x261, "hmac(sha384)"),
	E(CKM_SHA384_HMAC_GENERAL, 0x262, "hmac(sha384)"),
	E(CKM_SHA512_HMAC, 0x271, "hmac(sha512)"),
	E(CKM_SHA512_HMAC_GENERAL, 0x272, "hmac(sha512)"),
	E(CKM_SHA3_224_HMAC, 0x2b6, "hmac(sha3-224)"),
	E(CKM_SHA3_224_HMAC_GENERAL, 0x2b7, "hmac(sha3-224)"),
	E(CKM_SHA3_256_HMAC, 0x2b1, "hmac(sha3-256)"),
	E(CKM_SHA3_256_HMAC_GENERAL, 0x2b2, "hmac(sha3-256)"),
	E(CKM_SHA3_384_HMAC, 0x2c1, "hmac(sha3-384)"),
	E(CKM_SHA3_384_HMAC_GENERAL, 0x2c2, "hmac(sha3-384)"),
	E(CKM_SHA3_512_HMAC, 0x2d1, "hmac(sha3-512)"),
	E(CKM_SHA3_512_HMAC_GENERAL, 0x2d2, "hmac(sha3-512)"),
	E(CKM_RIPEMD160_HMAC, 0x241, "hmac(rmd160)"),
	E(CKM_RIPEMD160_HMAC_GENERAL, 0x242, "hmac(rmd160)"),
	E(CKM_AES_CMAC, 0x108a, "cmac(aes)"),
	E(CKM_AES_CMAC_GENERAL, 0x108b, "cmac(aes)"),
	E(CKM_AES_XCBC_MAC, 0x108c, "xcbc(aes)"),
	E(CKM_AES_XCBC_MAC_96, 0x108d, "xcbc(aes)"),
	E(CKM_AES_GMAC, 0x108e, "gcm(aes)"),
	E(CKM_DES3_CMAC, 0x138, "cmac(des3_ede)"),
	E(CKM_DES3_CMAC_GENERAL, 0x137, "cmac(des3_ede)"),
	E(CKM_AES_ECB, 0x1081, "ecb(aes)"),
	E(CKM_AES_CBC, 0x1082, "cbc(aes)"),
	E(CKM_AES_CBC_PAD, 0x1085, "cbc(aes)"),
	E(CKM_AES_CTR, 0x1086, "ctr(aes)"),
	E(CKM_AES_OFB, 0x2104, "ofb(aes)"),
	E(CKM_AES_CFB128, 0x2107, "cfb(aes)"),
	E(CKM_AES_CTS, 0x1089, "cts(cbc(aes))"),
	E(CKM_AES_XTS, 0x1071, "xts(aes)"),
	E(CKM_CHACHA20, 0x1226, "chacha20"),
	E(CKM_AES_KEY_WRAP, 0x2109, "ecb(aes)"),
	E(CKM_AES_KEY_WRAP_PAD, 0x210a, "ecb(aes)"),
	E(CKM_AES_KEY_WRAP_PKCS7, 0x210c, "ecb(aes)"),
	E(CKM_AES_KEY_WRAP_KWP, 0x210b, "ecb(aes)"),
	E(CKM_AES_GCM, 0x1087, "gcm(aes)"),
	E(CKM_AES_CCM, 0x1088, "ccm(aes)"),
	E(CKM_CHACHA20_POLY1305, 0x4021, "rfc7539(chacha20,poly1305)"),
	E(CKM_KCRYPTOKI_ADIANTUM_XCHACHA12_AES, 0xcb435201, "adiantum(xchacha12,aes)"),
	E(CKM_KCRYPTOKI_ADIANTUM_XCHACHA20_AES, 0xcb435202, "adiantum(xchacha20,aes)"),
	E(CKM_KCRYPTOKI_AES_HCTR2, 0xcb435203, "hctr2(aes)"),
	E(CKM_AES_ECB_ENCRYPT_DATA, 0x1104, "ecb(aes)"),
	E(CKM_AES_CBC_ENCRYPT_DATA, 0x1105, "cbc(aes)"),
	E(CKM_HKDF_DERIVE, 0x402a, "hmac(sha256)"),
	E(CKM_HKDF_DATA, 0x402b, "hmac(sha256)"),
	E(CKM_SP800_108_COUNTER_KDF, 0x3ac, "hmac(sha256)"),
	E(CKM_SP800_108_FEEDBACK_KDF, 0x3ad, "hmac(sha256)"),
	E(CKM_CONCATENATE_BASE_AND_DATA, 0x362, NULL),
	E(CKM_DES3_ECB, 0x132, "ecb(des3_ede)"),
	E(CKM_DES3_CBC, 0x133, "cbc(des3_ede)"),
	E(CKM_DES3_CBC_PAD, 0x136, "cbc(des3_ede)"),
	E(CKM_CAMELLIA_ECB, 0x551, "ecb(camellia)"),
	E(CKM_CAMELLIA_CBC, 0x552, "cbc(camellia)"),
	E(CKM_CAMELLIA_CBC_PAD, 0x555, "cbc(camellia)"),
	E(CKM_CAMELLIA_CTR, 0x558, "ctr(camellia)"),
	E(CKM_TWOFISH_CBC, 0x1093, "cbc(twofish)"),
	E(CKM_TWOFISH_CBC_PAD, 0x1095, "cbc(twofish)"),
	E(CKM_BLOWFISH_CBC, 0x1091, "cbc(blowfish)"),
	E(CKM_BLOWFISH_CBC_PAD, 0x1094, "cbc(blowfish)"),
	E(CKM_CAST128_ECB, 0x321, "ecb(cast5)"),
	E(CKM_CAST128_CBC, 0x322, "cbc(cast5)"),
	E(CKM_CAST128_CBC_PAD, 0x325, "cbc(cast5)"),
	E(CKM_ARIA_ECB, 0x561, "ecb(aria)"),
	E(CKM_ARIA_CBC, 0x562, "cbc(aria)"),
	E(CKM_ARIA_CBC_PAD, 0x565, "cbc(aria)"),
	E(CKM_AES_KEY_GEN, 0x1080, NULL),
	E(CKM_AES_XTS_KEY_GEN, 0x1072, NULL),
	E(CKM_GENERIC_SECRET_KEY_GEN, 0x350, NULL),
	E(CKM_SHA_1_KEY_GEN, 0x4003, NULL),
	E(CKM_SHA224_KEY_GEN, 0x4004, NULL),
	E(CKM_SHA256_KEY_GEN, 0x4005, NULL),
	E(CKM_SHA384_KEY_GEN, 0x4006, NULL),
	E(CKM_SHA512_KEY_GEN, 0x4007, NULL),
	E(CKM_SHA3_224_KEY_GEN, 0x2b8, NULL),
	E(CKM_SHA3_256_KEY_GEN, 0x2b3, NULL),
	E(CKM_SHA3_384_KEY_GEN, 0x2c3, NULL),
	E(CKM_SHA3_512_KEY_GEN, 0x2d3, NULL),
	E(CKM_CHACHA20_KEY_GEN, 0x1225, NULL),
	E(CKM_DES3_KEY_GEN, 0x131, NULL),
	E(CKM_CAMELLIA_KEY_GEN, 0x550, NULL),
	E(CKM_TWOFISH_KEY_GEN, 0x1092, NULL),
	E(CKM_BLOWFISH_KEY_GEN, 0x1090, NULL),
	E(CKM_CAST128_KEY_GEN, 0x320, NULL),
	E(CKM_ARIA_KEY_GEN, 0x560, NULL),
	E(CKM_KCRYPTOKI_ADIANTUM_KEY_GEN, 0xcb435204, NULL),
	/* clang-format on */
};

static bool begins(const char *name, const char *start)
{
	return !strncmp(name, start, strlen(start));
}

/* Families by what a kernel name has in it. */
static enum family family_of(const char *kernel_name)
{
	static const struct {
		const char *part;
		enum family family;
	} families[] = {{"rmd160", FAMILY_RIPEMD160},  {"des3_ede", FAMILY_DES3},
			{"camellia", FAMILY_CAMELLIA}, {"twofish", FAMILY_TWOFISH},
			{"blowfish", FAMILY_BLOWFISH}, {"cast5", FAMILY_CAST128},
			{"aria", FAMILY_ARIA}};

	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++)
		if (strstr(kernel_name, families[i].part))
			return families[i].family;
	return FAMILY_NONE;
}

/* Whether the standards of the algorithm NAME know keys of LEN bytes. */
static bool takes_length(const char *name, ssize_t len)
{
	if (len < 0)
		return true;
	if (begins(name, "hmac("))
		return len >= 1 && len <= KEY_MAX;
	if (!strcmp(name, "xts(aes)"))
		return len == 32 || len == 64;
	if (begins(name, "xcbc("))
		return len == 16;
	if (begins(name, "adiantum(") || strstr(name, "chacha20"))
		return len == 32;
	if (strstr(name, "des3_ede"))
		return len == 24;
	if (strstr(name, "blowfish"))
		return len >= 4 && len <= 56;
	if (strstr(name, "cast5"))
		return len >= 5 && len <= 16;
	if (strchr(name, '('))
		return len == 16 || len == 24 || len == 32;
	return len == 0;
}

static CK_KEY_TYPE key_type(const char *kernel_name)
{
	static const struct {
		const char *part;
		CK_KEY_TYPE type;
	} types[] = {{"adiantum(", CKK_KCRYPTOKI_ADIANTUM},
		     {"xts(aes)", CKK_AES_XTS},
		     {"chacha20", CKK_CHACHA20},
		     {"hmac(md5)", CKK_MD5_HMAC},
		     {"hmac(sha1)", CKK_SHA_1_HMAC},
		     {"hmac(sha224)", CKK_SHA224_HMAC},
		     {"hmac(sha256)", CKK_SHA256_HMAC},
		     {"hmac(sha384)", CKK_SHA384_HMAC},
		     {"hmac(sha512)", CKK_SHA512_HMAC},
		     {"hmac(sha3-224)", CKK_SHA3_224_HMAC},
		     {"hmac(sha3-256)", CKK_SHA3_256_HMAC},
		     {"hmac(sha3-384)", CKK_SHA3_384_HMAC},
		     {"hmac(sha3-512)", CKK_SHA3_512_HMAC},
		     {"hmac(rmd160)", CKK_RIPEMD160_HMAC},
		     {"(aes)", CKK_AES},
		     {"(des3_ede)", CKK_DES3},
		     {"(camellia)", CKK_CAMELLIA},
		     {"(twofish)", CKK_TWOFISH},
		     {"(blowfish)", CKK_BLOWFISH},
		     {"(cast5)", CKK_CAST128},
		     {"(aria)", CKK_ARIA}};

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (strstr(kernel_name, types[i].part))
			return types[i].type;
	return CK_UNAVAILABLE_INFORMATION;
}

#endif
