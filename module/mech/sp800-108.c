/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NIST SP 800-108 in counter and feedback mode (section 6.42). The caller lays out the PRF's input,
 * field by field; each segment that the PRF gives is made of the same fields, with another counter
 * and, in feedback mode, the segment before it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/alg.h"
#include "mech/derive.h"
#include "mech/parameter.h"
#include "mech/prf.h"
#include "mech/rv.h"

/* A number as it is written into the PRF's input. */
struct number {
	uint8_t bytes[8];
	size_t len; /* bytes; 0: it does not come in */
	bool little_endian;
};

struct kdf {
	struct feedback_kdf_params params; /* of either mode */
	bool feedback;
	const struct mechanism *prf;
	uint64_t segments;   /* that all keys need */
	uint64_t keys_bytes; /* of all keys */
	struct number counter, dkm_length;
	struct iovec *input;    /* as many as there are fields; owned */
	struct iovec *previous; /* in INPUT: the segment before, at first the IV */
};

static void write_number(struct number *number, uint64_t value)
{
	for (size_t i = 0; i < number->len; i++, value >>= 8)
		number->bytes[number->little_endian ? i : number->len - 1 - i] = (uint8_t)value;
}

/* Whether VALUE can be written as NUMBER. */
static bool fits(const struct number *number, uint64_t value)
{
	return number->len == sizeof(number->bytes) || !(value >> 8 * number->len);
}

static CK_RV define_number(struct number *number, CK_BBOOL little_endian, CK_ULONG bits,
			   CK_ULONG bits_max)
{
	if (number->len)
		return parameter_refuse("a second field of its type; ulWidthInBits", bits);
	if (!bits || bits % 8 || bits > bits_max)
		return parameter_refuse("ulWidthInBits", bits);
	number->len = bits / 8;
	number->little_endian = little_endian;
	return CKR_OK;
}

static CK_RV take_counter(struct kdf *kdf, const struct kdf_field *field, struct iovec *part)
{
	struct kdf_counter_format format;
	CK_RV rv;

	if (!field->value || field->value_len != sizeof(format))
		return parameter_refuse("a counter's ulValueLen", field->value_len);
	memcpy(&format, field->value, sizeof(format));
	rv = define_number(&kdf->counter, format.little_endian, format.bits, 32);
	/* The loop counter goes up to 2^r - 1 (section 5.1 of SP 800-108). */
	if (rv == CKR_OK && !fits(&kdf->counter, kdf->segments))
		rv = CKR_KEY_SIZE_RANGE;
	*part = (struct iovec){.iov_base = kdf->counter.bytes, .iov_len = kdf->counter.len};
	return rv;
}

static CK_RV take_dkm_length(struct kdf *kdf, const struct kdf_field *field, struct iovec *part)
{
	struct kdf_length_format format;
	uint64_t bits;
	CK_RV rv;

	if (!field->value || field->value_len != sizeof(format))
		return parameter_refuse("a DKM length's ulValueLen", field->value_len);
	memcpy(&format, field->value, sizeof(format));
	if (format.method == CK_SP800_108_DKM_LENGTH_SUM_OF_KEYS)
		bits = 8 * kdf->keys_bytes;
	else if (format.method == CK_SP800_108_DKM_LENGTH_SUM_OF_SEGMENTS)
		bits = 8 * kdf->segments * kdf->prf->size;
	else
		return parameter_refuse("dkmLengthMethod", format.method);
	rv = define_number(&kdf->dkm_length, format.little_endian, format.bits, 64);
	if (rv != CKR_OK)
		return rv;
	if (!fits(&kdf->dkm_length, bits))
		return parameter_refuse("ulWidthInBits, too few for this DKM length,", format.bits);
	write_number(&kdf->dkm_length, bits);
	*part = (struct iovec){.iov_base = kdf->dkm_length.bytes, .iov_len = kdf->dkm_length.len};
	return CKR_OK;
}

static CK_RV take_previous(struct kdf *kdf, const struct kdf_field *field, struct iovec *part)
{
	if (kdf->previous)
		return parameter_refuse("a second iteration variable; ulValueLen",
					field->value_len);
	if (field->value || field->value_len)
		return parameter_refuse("the iteration variable's ulValueLen, where none is taken,",
					field->value_len);
	*part = (struct iovec){.iov_base = kdf->params.iv, .iov_len = kdf->params.iv_len};
	kdf->previous = part;
	return CKR_OK;
}

static CK_RV take_bytes(const struct kdf_field *field, struct iovec *part)
{
	if (!field->value || !field->value_len)
		return parameter_refuse("a byte array's ulValueLen", field->value_len);
	*part = (struct iovec){.iov_base = field->value, .iov_len = field->value_len};
	return CKR_OK;
}

static CK_RV take_field(struct kdf *kdf, const struct kdf_field *field, struct iovec *part)
{
	switch (field->type) {
	case CK_SP800_108_ITERATION_VARIABLE:
		return kdf->feedback ? take_previous(kdf, field, part)
				     : take_counter(kdf, field, part);
	case CK_SP800_108_COUNTER:
		if (!kdf->feedback)
			return parameter_refuse("in counter mode a field's type", field->type);
		return take_counter(kdf, field, part);
	case CK_SP800_108_DKM_LENGTH:
		return take_dkm_length(kdf, field, part);
	case CK_SP800_108_BYTE_ARRAY:
		return take_bytes(field, part);
	default:
		return parameter_refuse("a field's type", field->type);
	}
}

static CK_RV lay_out(struct kdf *kdf)
{
	const struct feedback_kdf_params *params = &kdf->params;
	CK_RV rv = CKR_OK;

	if (!params->fields || !params->n_fields)
		return parameter_refuse("ulNumberOfDataParams", params->n_fields);
	kdf->input = calloc(params->n_fields, sizeof(*kdf->input));
	if (!kdf->input)
		return CKR_HOST_MEMORY;
	for (CK_ULONG i = 0; i < params->n_fields && rv == CKR_OK; i++)
		rv = take_field(kdf, &params->fields[i], &kdf->input[i]);
	if (rv == CKR_OK && !(kdf->feedback ? kdf->previous != NULL : kdf->counter.len != 0))
		rv = parameter_refuse("without an iteration variable ulNumberOfDataParams",
				      params->n_fields);
	return rv;
}

static CK_RV read_params(const CK_MECHANISM *mechanism, bool feedback,
			 struct feedback_kdf_params *params)
{
	struct counter_kdf_params counter;
	bool right = feedback ? derive_copy(mechanism, params, sizeof(*params))
			      : derive_copy(mechanism, &counter, sizeof(counter));

	if (!right)
		return parameter_refuse("ulParameterLen", mechanism->ulParameterLen);
	if (!feedback)
		*params = (struct feedback_kdf_params){.prf = counter.prf,
						       .n_fields = counter.n_fields,
						       .fields = counter.fields,
						       .n_more = counter.n_more,
						       .more = counter.more};
	if (!params->iv && params->iv_len)
		return parameter_refuse("there is no IV, but ulIVLen", params->iv_len);
	if (!params->more != !params->n_more)
		return parameter_refuse("ulAdditionalDerivedKeys", params->n_more);
	return CKR_OK;
}

static CK_RV find_prf(const struct derivation *derivation, CK_MECHANISM_TYPE type,
		      const struct mechanism **prf)
{
	int offered;

	*prf = mechanism_find(type);
	if (!*prf || !(*prf)->prf)
		return parameter_refuse("prfType", type);
	offered = mechanism_offered(*prf);
	if (offered < 0)
		return rv_of_open(offered, (*prf)->name);
	if (!offered)
		return parameter_refuse("prfType, which this process cannot have,", type);
	return mechanism_fits_key(*prf, derivation->base.type) ? CKR_OK : CKR_KEY_TYPE_INCONSISTENT;
}

/* "All keys must be created from disjoint segments" (section 6.42.6): each begins with one. */
static CK_RV count_segments(struct kdf *kdf, const size_t *lens, size_t n)
{
	size_t size = kdf->prf->size;

	for (size_t i = 0; i < n; i++) {
		kdf->keys_bytes += lens[i];
		kdf->segments += lens[i] / size + (lens[i] % size != 0);
	}
	/* What both modes give at most, whatever the counter. */
	return kdf->segments <= UINT32_MAX ? CKR_OK : CKR_KEY_SIZE_RANGE;
}

static CK_RV iterate(struct kdf *kdf, struct prf *prf, const size_t *lens, size_t n, uint8_t *out)
{
	size_t size = kdf->prf->size, done = 0, some;
	uint8_t segment[ALG_DIGEST_MAX];
	CK_RV rv = CKR_OK;

	for (uint64_t i = 1; i <= kdf->segments && rv == CKR_OK; i++) {
		write_number(&kdf->counter, i);
		rv = prf_compute(prf, kdf->input, kdf->params.n_fields, segment);
		if (rv != CKR_OK)
			break;
		if (kdf->previous)
			*kdf->previous = (struct iovec){.iov_base = segment, .iov_len = size};
		some = *lens - done < size ? *lens - done : size;
		memcpy(out, segment, some);
		out += some;
		done += some;
		if (done == *lens) {
			lens++;
			done = 0;
		}
	}
	explicit_bzero(segment, sizeof(segment));
	return rv;
}

static CK_RV run(const struct derivation *derivation, bool feedback, const size_t *lens, size_t n,
		 uint8_t *out)
{
	struct kdf kdf = {.feedback = feedback};
	struct prf prf;
	CK_RV rv = read_params(derivation->mechanism, feedback, &kdf.params);

	if (rv == CKR_OK)
		rv = find_prf(derivation, kdf.params.prf, &kdf.prf);
	if (rv == CKR_OK)
		rv = count_segments(&kdf, lens, n);
	if (rv == CKR_OK)
		rv = lay_out(&kdf);
	if (rv == CKR_OK)
		rv = prf_open(&prf, kdf.prf, derivation->base.key);
	if (rv == CKR_OK) {
		rv = iterate(&kdf, &prf, lens, n, out);
		prf_close(&prf);
	}
	free(kdf.input);
	return rv;
}

static CK_RV more(const CK_MECHANISM *mechanism, bool feedback, struct derived_key **list,
		  CK_ULONG *count)
{
	struct feedback_kdf_params params;
	CK_RV rv = read_params(mechanism, feedback, &params);

	if (rv == CKR_OK) {
		*list = params.more;
		*count = params.n_more;
	}
	return rv;
}

static CK_RV counter_run(const struct derivation *derivation, const size_t *lens, size_t n,
			 uint8_t *out)
{
	return run(derivation, false, lens, n, out);
}

static CK_RV feedback_run(const struct derivation *derivation, const size_t *lens, size_t n,
			  uint8_t *out)
{
	return run(derivation, true, lens, n, out);
}

static CK_RV counter_more(const CK_MECHANISM *mechanism, struct derived_key **list, CK_ULONG *count)
{
	return more(mechanism, false, list, count);
}

static CK_RV feedback_more(const CK_MECHANISM *mechanism, struct derived_key **list,
			   CK_ULONG *count)
{
	return more(mechanism, true, list, count);
}

const struct derive_method counter_derive = {
	.object_class = CKO_SECRET_KEY,
	.secrecy = DERIVE_INHERIT,
	.more = counter_more,
	.run = counter_run,
};

const struct derive_method feedback_derive = {
	.object_class = CKO_SECRET_KEY,
	.secrecy = DERIVE_INHERIT,
	.more = feedback_more,
	.run = feedback_run,
};
