/* SPDX-License-Identifier: BSD-2-Clause */
/* The fake kernel's algorithms: no secrets, but every byte, its place and its order count. */
#include <string.h>

#include "fake-inside.h"
#include "fake-kernel.h"

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
	for (size_t i = 0; i < len; i++) {
		uint64_t z = sum + (i / 8 + 1) * 0x9e3779b97f4a7c15;

		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
		z = (z ^ z >> 27) * 0x94d049bb133111eb;
		out[i] = (uint8_t)((z ^ z >> 31) >> i % 8 * 8);
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

/* Bytes change places within the block, so that one that is cut elsewhere shows. */
static void code_block(uint64_t key, bool decrypt, const uint8_t in[FAKE_BLOCK],
		       uint8_t out[FAKE_BLOCK])
{
	uint8_t mask[FAKE_BLOCK];

	fake_spread(key, mask, sizeof(mask));
	for (size_t i = 0; i < FAKE_BLOCK; i++) {
		if (decrypt)
			out[(i + 5) % FAKE_BLOCK] = in[i] ^ mask[i];
		else
			out[i] = in[(i + 5) % FAKE_BLOCK] ^ mask[i];
	}
}

static void chain(const uint8_t iv[FAKE_BLOCK], uint8_t block[FAKE_BLOCK])
{
	for (size_t i = 0; i < FAKE_BLOCK; i++)
		block[i] ^= iv[i];
}

static void count(uint64_t key, uint8_t counter[FAKE_BLOCK], uint8_t *text, size_t len)
{
	uint8_t mask[FAKE_BLOCK];
	size_t i;

	fake_spread(fake_sum(key, counter, FAKE_BLOCK), mask, sizeof(mask));
	for (i = 0; i < len; i++)
		text[i] ^= mask[i];
	for (i = FAKE_BLOCK; i-- && !++counter[i];)
		;
}

void fake_code(const char *name, uint64_t key, bool decrypt, uint8_t iv[FAKE_BLOCK], uint8_t *text,
	       size_t len)
{
	bool counts = !strncmp(name, "ctr", 3), chains = !strncmp(name, "cbc", 3);
	uint8_t before[FAKE_BLOCK], after[FAKE_BLOCK];

	for (; len; text += FAKE_BLOCK, len -= len < FAKE_BLOCK ? len : FAKE_BLOCK) {
		if (counts) {
			count(key, iv, text, len < FAKE_BLOCK ? len : FAKE_BLOCK);
			continue;
		}
		memcpy(before, text, FAKE_BLOCK);
		if (chains && !decrypt)
			chain(iv, before);
		code_block(key, decrypt, before, after);
		if (chains && decrypt)
			chain(iv, after);
		if (chains)
			memcpy(iv, decrypt ? before : after, FAKE_BLOCK);
		memcpy(text, after, FAKE_BLOCK);
	}
}

void fake_stream(uint64_t key, const uint8_t iv[12], uint8_t *text, size_t len)
{
	uint8_t counter[FAKE_BLOCK] = {0};

	memcpy(counter, iv, 12);
	fake_code("ctr", key, false, counter, text, len);
}

void fake_tag(uint64_t key, const uint8_t iv[12], const void *aad, size_t aad_len, const void *text,
	      size_t len, uint8_t out[FAKE_TAG])
{
	uint64_t sum = fake_sum(fake_sum(key, iv, 12), &aad_len, sizeof(aad_len));

	fake_spread(fake_sum(fake_sum(sum, aad, aad_len), text, len), out, FAKE_TAG);
}

void fake_hash(const char *name, const void *key, size_t key_len, const void *in, size_t len,
	       uint8_t *out, size_t out_len)
{
	uint64_t sum = fake_sum_of_hash(name, fake_sum_of_key(key, key_len));

	fake_spread(fake_sum(sum, in, len), out, out_len);
}

void fake_cipher(const char *name, const void *key, size_t key_len, bool decrypt,
		 const uint8_t iv[16], const uint8_t *in, size_t len, uint8_t *out)
{
	uint8_t own_iv[FAKE_BLOCK] = {0};

	if (iv)
		memcpy(own_iv, iv, sizeof(own_iv));
	if (len)
		memmove(out, in, len);
	fake_code(name, fake_sum_of_key(key, key_len), decrypt, own_iv, out, len);
}

void fake_seal(const void *key, size_t key_len, const uint8_t iv[12], const void *aad,
	       size_t aad_len, const uint8_t *text, size_t len, size_t tag_size, uint8_t *out)
{
	uint64_t sum = fake_sum_of_key(key, key_len);
	uint8_t tag[FAKE_TAG];

	if (len)
		memmove(out, text, len);
	fake_stream(sum, iv, out, len);
	fake_tag(sum, iv, aad, aad_len, out, len, tag);
	memcpy(out + len, tag, tag_size);
}
