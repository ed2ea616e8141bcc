/* SPDX-License-Identifier: BSD-2-Clause */
/* The fake kernel's algorithms: no secrets, but every byte, its place and its order count. */
#include <errno.h>
#include <string.h>

#include "fake-inside.h"
#include "fake-kernel.h"
#include "kernel/alg.h"

/* clang-format off */
#define KEY(least, most, step) .key_min = least, .key_max = most, .key_step = step
#define AES KEY(16, 32, 8)
#define ANY_KEY KEY(1, 32767, 1)
#define BLOCKS(how, bytes) .mode = FAKE_##how, .block = bytes, .iv = bytes
#define TAG(bytes) 1u << bytes
#define WIDE(iv_bytes) .mode = FAKE_WIDE, .block = 16, .iv = iv_bytes

#define HASH(algorithm, bytes)                                                                     \
	{"hash", algorithm, .size = bytes},                                                        \
	{"hash", "hmac(" algorithm ")", .size = bytes, ANY_KEY}
#define CIPHER(algorithm, bytes, ...)                                                              \
	{"skcipher", "ecb(" algorithm ")", .mode = FAKE_ECB, .block = bytes, __VA_ARGS__},         \
	{"skcipher", "cbc(" algorithm ")", BLOCKS(CBC, bytes), __VA_ARGS__},                       \
	{"skcipher", "ctr(" algorithm ")", BLOCKS(CTR, bytes), __VA_ARGS__}

const struct fake_algorithm fake_algorithms[] = {
	HASH("md5", 16),
	HASH("sha1", 20),
	HASH("sha224", 28),
	HASH("sha256", 32),
	HASH("sha384", 48),
	HASH("sha512", 64),
	HASH("sha3-224", 28),
	HASH("sha3-256", 32),
	HASH("sha3-384", 48),
	HASH("sha3-512", 64),
	HASH("rmd160", 20),
	{"hash", "blake2b-160", .size = 20},
	{"hash", "blake2b-256", .size = 32},
	{"hash", "blake2b-384", .size = 48},
	{"hash", "blake2b-512", .size = 64},
	{"hash", "cmac(aes)", .size = 16, AES},
	{"hash", "cmac(des3_ede)", .size = 8, KEY(24, 24, 1)},
	{"hash", "xcbc(aes)", .size = 16, AES},
	CIPHER("aes", 16, AES),
	{"skcipher", "ofb(aes)", BLOCKS(OFB, 16), AES},
	{"skcipher", "cfb(aes)", BLOCKS(CFB, 16), AES},
	{"skcipher", "cts(cbc(aes))", BLOCKS(CTS, 16), AES},
	{"skcipher", "xts(aes)", WIDE(16), KEY(32, 64, 16)},
	{"skcipher", "adiantum(xchacha12,aes)", WIDE(32), KEY(32, 32, 1)},
	{"skcipher", "adiantum(xchacha20,aes)", WIDE(32), KEY(32, 32, 1)},
	{"skcipher", "hctr2(aes)", WIDE(32), AES},
	{"skcipher", "chacha20", .mode = FAKE_CHACHA, .block = 64, .iv = 16, KEY(32, 32, 1)},
	CIPHER("des3_ede", 8, KEY(24, 24, 1)),
	CIPHER("camellia", 16, AES),
	CIPHER("twofish", 16, AES),
	CIPHER("blowfish", 8, KEY(4, 56, 1)),
	CIPHER("cast5", 8, KEY(5, 16, 1)),
	CIPHER("aria", 16, AES),
	{"aead", "gcm(aes)", .iv = 12, .tags = TAG(4) | TAG(8) | TAG(12) | TAG(13) | TAG(14) |
	 TAG(15) | TAG(16), AES},
	{"aead", "ccm(aes)", .iv = 16, .tags = TAG(4) | TAG(6) | TAG(8) | TAG(10) | TAG(12) |
	 TAG(14) | TAG(16), AES},
	{"aead", "rfc7539(chacha20,poly1305)", .iv = 12, .tags = TAG(16), KEY(32, 32, 1)},
	{"rng", "stdrng", .size = 0},
};
/* clang-format on */

const size_t fake_n_algorithms = sizeof(fake_algorithms) / sizeof(*fake_algorithms);

/* FNV-1a, 64 bits. */
uint64_t fake_sum(uint64_t sum, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;

	while (len--)
		sum = (sum ^ *at++) * 0x100000001b3;
	return sum;
}

/* splitmix64 */
void fake_spread(uint64_t sum, uint8_t *out, size_t len)
{
	uint64_t z = 0;

	for (size_t i = 0; i < len; i++, z >>= 8) {
		if (i % 8 == 0) {
			z = sum + (i / 8 + 1) * 0x9e3779b97f4a7c15;
			z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
			z = (z ^ z >> 27) * 0x94d049bb133111eb;
			z ^= z >> 31;
		}
		out[i] = (uint8_t)z;
	}
}

uint64_t fake_sum_of_key(const void *key, size_t len)
{
	return len ? fake_sum(0xcbf29ce484222325, key, len) : 0;
}

uint64_t fake_sum_of_hash(const char *name, uint64_t key)
{
	return fake_sum(fake_sum(0x84222325cbf29ce4, &key, sizeof(key)), name, strlen(name));
}

static void mix(uint8_t *text, const uint8_t *mask, size_t len)
{
	for (size_t i = 0; i < len; i++)
		text[i] ^= mask[i];
}

/* XORs TEXT with what comes of SUM. */
static void cover(uint64_t sum, uint8_t *text, size_t len)
{
	uint8_t mask[64];

	for (size_t done = 0, some; done < len; done += some) {
		some = len - done < sizeof(mask) ? len - done : sizeof(mask);
		fake_spread(sum + done, mask, some);
		mix(text + done, mask, some);
	}
}

/* A Feistel network over all of TEXT: each byte of the result depends on each byte of it. */
static void code_text(uint64_t key, bool decrypt, uint8_t *text, size_t len)
{
	size_t half = len / 2, rest = len - half;

	for (unsigned int i = 0; i < 4; i++) {
		unsigned int round = decrypt ? 3 - i : i;

		if (round % 2)
			cover(fake_sum(key + round, text, half), text + half, rest);
		else
			cover(fake_sum(key + round, text + half, rest), text, half);
	}
}

/* What is in the innermost parentheses: modes of one cipher share its block function. */
static uint64_t block_key(const struct fake_algorithm *algorithm, uint64_t key)
{
	const char *inner = strrchr(algorithm->name, '(');

	inner = inner ? inner + 1 : algorithm->name;
	return fake_sum(key, inner, strcspn(inner, ")"));
}

static void ecb(uint64_t key, bool decrypt, size_t block, uint8_t *text, size_t len)
{
	for (; len; text += block, len -= block)
		code_text(key, decrypt, text, block);
}

static void cbc(uint64_t key, bool decrypt, size_t block, uint8_t *iv, uint8_t *text, size_t len)
{
	uint8_t before[ALG_BLOCK_MAX];

	for (; len; text += block, len -= block) {
		memcpy(before, text, block);
		if (!decrypt)
			mix(text, iv, block);
		code_text(key, decrypt, text, block);
		if (decrypt)
			mix(text, iv, block);
		memcpy(iv, decrypt ? before : text, block);
	}
}

/* CTR, OFB and CFB. */
static void stream(enum fake_mode mode, uint64_t key, bool decrypt, size_t block, uint8_t *iv,
		   uint8_t *text, size_t len)
{
	uint8_t mask[ALG_BLOCK_MAX];

	for (size_t some; len; text += some, len -= some) {
		some = len < block ? len : block;
		memcpy(mask, iv, block);
		code_text(key, false, mask, block);
		if (mode == FAKE_CTR)
			for (size_t i = block; i-- && !++iv[i];)
				;
		if (mode == FAKE_OFB)
			memcpy(iv, mask, block);
		if (mode == FAKE_CFB && decrypt)
			memcpy(iv, text, some);
		mix(text, mask, some);
		if (mode == FAKE_CFB && !decrypt)
			memcpy(iv, text, some);
	}
}

/* Counts blocks in the first 32 bits of the IV, without a carry, in a copy of it. */
static void chacha(uint64_t key, const uint8_t *iv, uint8_t *text, size_t len)
{
	uint32_t counter = (uint32_t)iv[0] | (uint32_t)iv[1] << 8 | (uint32_t)iv[2] << 16 |
			   (uint32_t)iv[3] << 24;
	uint64_t rest = fake_sum(key, iv + 4, 12);

	if (counter + (uint64_t)(len + 63) / 64 > (uint64_t)1 << 32)
		fake_die("a request of %zu bytes crosses the wrap of the counter 0x%08x", len,
			 counter);
	for (size_t some; len; text += some, len -= some, counter++) {
		some = len < 64 ? len : 64;
		cover(fake_sum(rest, &counter, sizeof(counter)), text, some);
	}
}

/* CBC with ciphertext stealing as crypto/cts.c has it, CS3: the last block comes before the one
 * that is cut. */
static void cts(uint64_t key, bool decrypt, uint8_t *iv, uint8_t *text, size_t len)
{
	size_t at = (len - 1) / 16 * 16, some = len - at;
	uint8_t last[16] = {0}, *full = text + at - 16;

	if (!at) {
		cbc(key, decrypt, 16, iv, text, 16);
	} else if (!decrypt) {
		cbc(key, false, 16, iv, text, at);
		memcpy(last, text + at, some);
		memcpy(text + at, full, some);
		cbc(key, false, 16, iv, last, 16);
		memcpy(full, last, 16);
	} else {
		cbc(key, true, 16, iv, text, at - 16);
		memcpy(last, full, 16);
		code_text(key, true, last, 16);
		/* Where the last block was padded with zeros, the block before it shows through. */
		memcpy(full, last, 16);
		memcpy(full, text + at, some);
		mix(text + at, last, some);
		cbc(key, true, 16, iv, full, 16);
	}
}

int fake_code(const struct fake_algorithm *algorithm, uint64_t key, bool decrypt, uint8_t *iv,
	      uint8_t *text, size_t len)
{
	enum fake_mode mode = algorithm->mode;
	size_t block = algorithm->block;

	if ((mode == FAKE_ECB || mode == FAKE_CBC) && len % block)
		return -EINVAL;
	if ((mode == FAKE_CTS || mode == FAKE_WIDE) && len < block)
		return -EINVAL;
	if (mode == FAKE_WIDE) {
		key = fake_sum(key, algorithm->name, strlen(algorithm->name));
		code_text(fake_sum(key, iv, algorithm->iv), decrypt, text, len);
		return 0;
	}
	key = block_key(algorithm, key);
	if (mode == FAKE_ECB)
		ecb(key, decrypt, block, text, len);
	else if (mode == FAKE_CBC)
		cbc(key, decrypt, block, iv, text, len);
	else if (mode == FAKE_CTS)
		cts(key, decrypt, iv, text, len);
	else if (mode == FAKE_CHACHA)
		chacha(key, iv, text, len);
	else
		stream(mode, key, decrypt, block, iv, text, len);
	return 0;
}

/* crypto/ccm.c: the first byte of its IV says in how many bytes, less one, the message's length is
 * counted. */
int fake_sealable(const struct fake_algorithm *algorithm, const uint8_t *iv, size_t len)
{
	if (strcmp(algorithm->name, "ccm(aes)"))
		return 0;
	if (iv[0] < 1 || iv[0] > 7)
		return -EINVAL;
	return iv[0] < 3 && len >> 8 * (iv[0] + 1) ? -EOVERFLOW : 0;
}

static uint64_t sealing_key(const struct fake_algorithm *algorithm, uint64_t key, const uint8_t *iv)
{
	key = fake_sum(key, algorithm->name, strlen(algorithm->name));
	return fake_sum(key, iv, algorithm->iv);
}

void fake_stream(const struct fake_algorithm *algorithm, uint64_t key, const uint8_t *iv,
		 uint8_t *text, size_t len)
{
	cover(sealing_key(algorithm, key, iv), text, len);
}

void fake_tag(const struct fake_algorithm *algorithm, uint64_t key, const uint8_t *iv,
	      const void *aad, size_t aad_len, const void *text, size_t len, uint8_t out[FAKE_TAG])
{
	uint64_t sum = fake_sum(sealing_key(algorithm, key, iv), &aad_len, sizeof(aad_len));

	fake_spread(fake_sum(fake_sum(sum, aad, aad_len), text, len), out, FAKE_TAG);
}

static const struct fake_algorithm *find(const char *name)
{
	for (size_t i = 0; i < fake_n_algorithms; i++)
		if (!strcmp(fake_algorithms[i].name, name))
			return &fake_algorithms[i];
	fake_die("there is no %s", name);
}

void fake_hash(const char *name, const void *key, size_t key_len, const void *in, size_t len,
	       uint8_t *out, size_t out_len)
{
	uint64_t sum = fake_sum_of_hash(name, fake_sum_of_key(key, key_len));

	fake_spread(fake_sum(sum, in, len), out, out_len);
}

void fake_cipher(const char *name, const void *key, size_t key_len, bool decrypt, const uint8_t *iv,
		 const uint8_t *in, size_t len, uint8_t *out)
{
	const struct fake_algorithm *algorithm = find(name);
	uint8_t own_iv[ALG_IV_MAX] = {0};

	if (iv)
		memcpy(own_iv, iv, algorithm->iv);
	if (len)
		memmove(out, in, len);
	if (fake_code(algorithm, fake_sum_of_key(key, key_len), decrypt, own_iv, out, len))
		fake_die("%s takes no %zu bytes", name, len);
}

void fake_seal(const char *name, const void *key, size_t key_len, const uint8_t *iv,
	       const void *aad, size_t aad_len, const uint8_t *text, size_t len, size_t tag_size,
	       uint8_t *out)
{
	const struct fake_algorithm *algorithm = find(name);
	uint64_t sum = fake_sum_of_key(key, key_len);
	uint8_t tag[FAKE_TAG];

	if (len)
		memmove(out, text, len);
	fake_stream(algorithm, sum, iv, out, len);
	fake_tag(algorithm, sum, iv, aad, aad_len, out, len, tag);
	memcpy(out + len, tag, tag_size);
}
