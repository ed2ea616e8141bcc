/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech/nonce.h"

#include <string.h>

#include "kernel/log.h"
#include "mech/parameter.h"
#include "mech/random.h"

/*
 * How many nonces with BITS free bits a process may make. Random ones may come twice: NIST SP
 * 800-38D, section 8.3, allows 2^32 of 96 bits, and the same odds are kept for fewer bits.
 */
static uint64_t supply(CK_ULONG generator, CK_ULONG bits)
{
	if (generator == CKG_GENERATE_RANDOM)
		return bits >= 96  ? (uint64_t)1 << 32
		       : bits > 32 ? (uint64_t)1 << (bits - 32) / 2
				   : 1;
	return bits < 64 ? (uint64_t)1 << bits : UINT64_MAX;
}

/* The bits of byte I that the generator may set. */
static uint8_t free_bits(const struct nonce *nonce, size_t i)
{
	CK_ULONG fixed = nonce->fixed_bits > 8 * i ? nonce->fixed_bits - 8 * i : 0;

	return fixed < 8 ? (uint8_t)(0xff >> fixed) : 0;
}

static bool same_free_part(const struct nonce *nonce, const uint8_t *other)
{
	for (size_t i = 0; i < nonce->len; i++)
		if ((nonce->bytes[i] ^ other[i]) & free_bits(nonce, i))
			return false;
	return true;
}

/* Whether NONCE is asked for as those that SOURCE has made, its caller's part aside. */
static bool same_kind(const struct nonce_source *source, const struct nonce *nonce)
{
	return source->started && source->generator == nonce->generator &&
	       source->fixed_bits == nonce->fixed_bits && source->len == nonce->len;
}

/* "The value of the non-fixed portion passed must not vary from call to call"; it may be what the
 * last call left there, since that is where it was put. */
static bool same_value(const struct nonce_source *source, const struct nonce *nonce)
{
	return nonce->generator != CKG_GENERATE_COUNTER_XOR ||
	       same_free_part(nonce, source->start) || same_free_part(nonce, source->last);
}

static CK_RV check(const struct nonce_source *source, const struct nonce *nonce)
{
	if (nonce->generator > CKG_GENERATE_COUNTER_XOR)
		return parameter_refuse("the generator", nonce->generator);
	if (!nonce->len || nonce->len > NONCE_MAX)
		return parameter_refuse("the nonce's length", nonce->len);
	if (nonce->fixed_bits > 8 * nonce->len)
		return parameter_refuse("the number of fixed bits", nonce->fixed_bits);
	/* Nonces of one kind are all different; of two kinds, two could be the same. */
	if (source->agreed && !same_kind(source, nonce))
		return parameter_refuse("not as in the messages before: the generator",
					nonce->generator);
	if (source->agreed && !same_value(source, nonce))
		return parameter_refuse("the nonce is not that of the first message; the generator",
					nonce->generator);
	return CKR_OK;
}

static CK_RV start(struct nonce_source *source, const struct nonce *nonce)
{
	source->started = true;
	source->made = 0;
	source->len = nonce->len;
	source->fixed_bits = nonce->fixed_bits;
	source->generator = nonce->generator;
	if (nonce->generator == CKG_GENERATE)
		return random_fill(source->start, nonce->len);
	if (nonce->generator == CKG_GENERATE_COUNTER_XOR)
		memcpy(source->start, nonce->bytes, nonce->len);
	else
		memset(source->start, 0, nonce->len);
	return CKR_OK;
}

/* VALUE = START + COUNT (or START ^ COUNT), both as numbers of LEN bytes, the last the lowest. */
static void count_on(uint8_t *value, const uint8_t *start, size_t len, uint64_t count, bool by_xor)
{
	unsigned int carry = 0;

	for (size_t i = len; i > 0; i--, count >>= 8) {
		unsigned int low = count & 0xff;

		carry += start[i - 1] + low;
		value[i - 1] = (uint8_t)(by_xor ? start[i - 1] ^ low : carry);
		carry >>= 8;
	}
}

void nonce_begin(struct nonce_source *source, uint64_t key_id, const struct mechanism *mechanism)
{
	if (source->key_id != key_id || source->mechanism != mechanism)
		*source = (struct nonce_source){.key_id = key_id, .mechanism = mechanism};
	source->agreed = false;
}

CK_RV nonce_make(struct nonce_source *source, struct nonce *nonce)
{
	struct nonce_source next = *source;
	uint8_t value[NONCE_MAX];
	CK_RV rv;

	if (nonce->generator == CKG_NO_GENERATE)
		return CKR_OK;
	rv = check(source, nonce);
	if (rv == CKR_OK && !(same_kind(source, nonce) && same_value(source, nonce)))
		rv = start(&next, nonce);
	if (rv != CKR_OK)
		return rv;
	if (next.made >= supply(nonce->generator, 8 * nonce->len - nonce->fixed_bits)) {
		log_line("no nonce is left after %llu messages: begin anew, with another key or "
			 "another number of fixed bits",
			 (unsigned long long)next.made);
		return CKR_DATA_LEN_RANGE;
	}

	if (nonce->generator == CKG_GENERATE_RANDOM)
		rv = random_fill(value, nonce->len);
	else
		count_on(value, next.start, nonce->len, next.made,
			 nonce->generator == CKG_GENERATE_COUNTER_XOR);
	if (rv != CKR_OK)
		return rv;
	for (size_t i = 0; i < nonce->len; i++) {
		uint8_t mask = free_bits(nonce, i);

		nonce->bytes[i] = (uint8_t)((nonce->bytes[i] & ~mask) | (value[i] & mask));
	}
	memcpy(next.last, nonce->bytes, nonce->len);
	next.made++;
	next.agreed = true;
	*source = next;
	return CKR_OK;
}
