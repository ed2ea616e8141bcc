/* SPDX-License-Identifier: BSD-2-Clause */
#include "structures.h"

#include "pkcs11-parameters.h"

enum { PARTS_MAX = 12 };

enum kind {
	NOTHING, /* the end */
	NUMBER,  /* CK_ULONG */
	TRUTH,   /* CK_BBOOL */
	BYTES,   /* usual: how many of them, in place */
	POINTER, /* to as many bytes as the CK_ULONG at COUNT says, which counts in UNITS to a byte
		  */
	TAG,     /* to the 16 bytes of a tag */
	OBJECT,  /* CK_OBJECT_HANDLE */
	HASH,    /* CK_MECHANISM_TYPE */
	PRF,     /* the same */
	FIELDS,  /* to as many struct kdf_field as the CK_ULONG at COUNT says */
	MORE,    /* likewise, struct derived_key */
};

struct part {
	enum kind kind;
	size_t at, count;
	CK_ULONG usual; /* the number, or length, that gets on */
	unsigned int units;
};

/* clang-format off */
#define AT(kind, s, member, usual) {kind, offsetof(struct s, member), 0, usual, 0}
#define POINTER(s, member, count, usual, units) \
	{POINTER, offsetof(struct s, member), offsetof(struct s, count), usual, units}
#define LIST(kind, s, member, count) {kind, offsetof(struct s, member), offsetof(struct s, count), 0, 0}
#define SIZE(s) sizeof(struct s)

/* Of a mechanism, by number; of one mechanism there may be several. */
static const struct layout {
	CK_MECHANISM_TYPE type;
	bool message;
	size_t size;
	struct part parts[PARTS_MAX];
} layouts[] = {
#define GCM POINTER(gcm_params, iv, iv_len, 12, 1), AT(NUMBER, gcm_params, iv_bits, 96), \
	POINTER(gcm_params, aad, aad_len, 0, 1), AT(NUMBER, gcm_params, tag_bits, 128)
#define GCM_2_20 POINTER(gcm_params_2_20, iv, iv_len, 12, 1), \
	POINTER(gcm_params_2_20, aad, aad_len, 0, 1), AT(NUMBER, gcm_params_2_20, tag_bits, 128)
	{CKM_AES_GCM, false, SIZE(gcm_params), {GCM}},
	{CKM_AES_GCM, false, SIZE(gcm_params_2_20), {GCM_2_20}},
	{CKM_AES_GMAC, false, SIZE(gcm_params), {GCM}},
	{CKM_AES_GMAC, false, SIZE(gcm_params_2_20), {GCM_2_20}},
	{CKM_AES_CCM, false, SIZE(ccm_params),
	 {AT(NUMBER, ccm_params, data_len, 16), POINTER(ccm_params, nonce, nonce_len, 12, 1),
	  POINTER(ccm_params, aad, aad_len, 0, 1), AT(NUMBER, ccm_params, mac_len, 16)}},
	{CKM_CHACHA20_POLY1305, false, SIZE(chacha20_poly1305_params),
	 {POINTER(chacha20_poly1305_params, nonce, nonce_len, 12, 8),
	  POINTER(chacha20_poly1305_params, aad, aad_len, 0, 1)}},
	{CKM_CHACHA20, false, SIZE(chacha20_params),
	 {POINTER(chacha20_params, block_counter, block_counter_bits, 4, 8),
	  POINTER(chacha20_params, nonce, nonce_bits, 12, 8)}},
	{CKM_AES_CTR, false, SIZE(ctr_params),
	 {AT(NUMBER, ctr_params, counter_bits, 128), AT(BYTES, ctr_params, counter, 16)}},
	{CKM_CAMELLIA_CTR, false, SIZE(ctr_params),
	 {AT(NUMBER, ctr_params, counter_bits, 128), AT(BYTES, ctr_params, counter, 16)}},
	{CKM_AES_ECB_ENCRYPT_DATA, false, SIZE(derivation_data),
	 {POINTER(derivation_data, data, data_len, 32, 1)}},
	{CKM_CONCATENATE_BASE_AND_DATA, false, SIZE(derivation_data),
	 {POINTER(derivation_data, data, data_len, 16, 1)}},
	{CKM_AES_CBC_ENCRYPT_DATA, false, SIZE(cbc_encrypt_data_params),
	 {AT(BYTES, cbc_encrypt_data_params, iv, 16),
	  POINTER(cbc_encrypt_data_params, data, data_len, 32, 1)}},
#define HKDF AT(TRUTH, hkdf_params, extract, 1), AT(TRUTH, hkdf_params, expand, 1), \
	AT(HASH, hkdf_params, hash, 0), AT(NUMBER, hkdf_params, salt_type, CKF_HKDF_SALT_DATA), \
	POINTER(hkdf_params, salt, salt_len, 16, 1), AT(OBJECT, hkdf_params, salt_key, 0), \
	POINTER(hkdf_params, info, info_len, 8, 1)
	{CKM_HKDF_DERIVE, false, SIZE(hkdf_params), {HKDF}},
	{CKM_HKDF_DATA, false, SIZE(hkdf_params), {HKDF}},
	{CKM_SP800_108_COUNTER_KDF, false, SIZE(counter_kdf_params),
	 {AT(PRF, counter_kdf_params, prf, 0), LIST(FIELDS, counter_kdf_params, fields, n_fields),
	  LIST(MORE, counter_kdf_params, more, n_more)}},
	{CKM_SP800_108_FEEDBACK_KDF, false, SIZE(feedback_kdf_params),
	 {AT(PRF, feedback_kdf_params, prf, 0), LIST(FIELDS, feedback_kdf_params, fields, n_fields),
	  POINTER(feedback_kdf_params, iv, iv_len, 32, 1),
	  LIST(MORE, feedback_kdf_params, more, n_more)}},
	{CKM_AES_GCM, true, SIZE(gcm_message_params),
	 {POINTER(gcm_message_params, iv, iv_len, 12, 1),
	  AT(NUMBER, gcm_message_params, iv_fixed_bits, 32),
	  AT(NUMBER, gcm_message_params, iv_generator, CKG_GENERATE_COUNTER),
	  POINTER(gcm_message_params, tag, tag_bits, 16, 8)}},
	{CKM_AES_CCM, true, SIZE(ccm_message_params),
	 {AT(NUMBER, ccm_message_params, data_len, 16),
	  POINTER(ccm_message_params, nonce, nonce_len, 12, 1),
	  AT(NUMBER, ccm_message_params, nonce_fixed_bits, 32),
	  AT(NUMBER, ccm_message_params, nonce_generator, CKG_GENERATE_COUNTER),
	  POINTER(ccm_message_params, mac, mac_len, 16, 1)}},
	{CKM_CHACHA20_POLY1305, true, SIZE(chacha20_poly1305_message_params),
	 {POINTER(chacha20_poly1305_message_params, nonce, nonce_len, 12, 8),
	  AT(TAG, chacha20_poly1305_message_params, tag, 16)}},
};
/* clang-format on */

enum { LAYOUTS = sizeof(layouts) / sizeof(*layouts) };

/* The usual one of every two, else a small one, or any. */
static CK_ULONG number(struct input *input, CK_ULONG usual)
{
	uint8_t kind = input_byte(input);

	if (kind == 0xff)
		return input_number(input);
	return kind < 0x80 ? usual : kind & (kind < 0xc0 ? 7 : 0x7f);
}

static struct bytes_argument pointed(struct input *input, CK_ULONG usual)
{
	return input_byte(input) < 0x80 ? argument_room(input, usual) : argument_bytes(input);
}

/* What a field of TYPE takes, or in feedback mode an iteration variable: nothing. */
static struct bytes_argument field_value(struct input *input, CK_ULONG type)
{
	uint8_t kind = input_byte(input), bits = input_byte(input);
	struct kdf_counter_format counter = {kind >> 7, 8 * (CK_ULONG)(bits % 10)};
	struct kdf_length_format length = {kind >> 4 & 3, kind >> 7, 8 * (CK_ULONG)(bits % 10)};

	switch (kind % 8) {
	case 0:
		return (struct bytes_argument){NULL, 0};
	case 1:
		return argument_bytes(input);
	default:
		if (type == CK_SP800_108_BYTE_ARRAY)
			return argument_room(input, 1 + bits % 16);
		return type == CK_SP800_108_DKM_LENGTH ? argument_copy(&length, sizeof(length))
						       : argument_copy(&counter, sizeof(counter));
	}
}

static struct bytes_argument fields(struct input *input)
{
	struct kdf_field list[5];
	size_t n = input_byte(input) % 6;

	for (size_t i = 0; i < n; i++) {
		CK_ULONG type = number(input, i ? 1 + (CK_ULONG)input_byte(input) % 4
						: CK_SP800_108_ITERATION_VARIABLE);
		struct bytes_argument value = field_value(input, type);

		list[i] = (struct kdf_field){type, value.bytes, value.length};
	}
	struct bytes_argument kept = argument_copy(list, n * sizeof(*list));

	return (struct bytes_argument){kept.bytes, n};
}

/* Keys that are made besides the first. */
static struct bytes_argument more(struct input *input)
{
	struct derived_key list[3];
	size_t n = input_byte(input) % 4;

	for (size_t i = 0; i < n; i++) {
		struct template_argument template = argument_template(input);
		struct bytes_argument attributes =
			argument_copy(template.list, template.count * sizeof(*template.list));
		CK_BYTE *handle = argument_room(input, sizeof(CK_OBJECT_HANDLE)).bytes;

		list[i] = (struct derived_key){(void *)attributes.bytes, template.count,
					       input_byte(input) == 0xff ? NULL : (void *)handle};
	}
	return n ? (struct bytes_argument){argument_copy(list, n * sizeof(*list)).bytes, n}
		 : (struct bytes_argument){NULL, 0};
}

/* Rows of the kind that is wanted, more often than others. */
static CK_MECHANISM_TYPE mechanism_of(struct input *input, enum kind kind)
{
	static const CK_MECHANISM_TYPE hashes[] = {CKM_SHA256, CKM_SHA_1, CKM_SHA512, CKM_SHA3_256};
	static const CK_MECHANISM_TYPE prfs[] = {CKM_SHA256_HMAC, CKM_AES_CMAC, CKM_SHA512_HMAC,
						 CKM_DES3_CMAC};
	uint8_t which = input_byte(input);

	if (which < 0x80)
		return (kind == HASH ? hashes : prfs)[which % 4];
	return which == 0xff ? input_number(input) : mechanisms[which % n_mechanisms].type;
}

static void put(uint8_t *structure, size_t at, const void *value, size_t size)
{
	memcpy(structure + at, value, size);
}

static void put_part(struct input *input, const struct part *part, uint8_t *structure,
		     CK_OBJECT_HANDLE key)
{
	struct bytes_argument argument = {NULL, 0};
	CK_ULONG value = 0;
	CK_BBOOL truth;

	switch (part->kind) {
	case NUMBER:
		value = number(input, part->usual);
		break;
	case OBJECT:
		value = key;
		break;
	case HASH:
	case PRF:
		value = mechanism_of(input, part->kind);
		break;
	case TRUTH:
		truth = number(input, part->usual) & 0xff;
		put(structure, part->at, &truth, sizeof(truth));
		return;
	case BYTES:
		put(structure, part->at, argument_room(input, part->usual).bytes, part->usual);
		return;
	case POINTER:
		argument = pointed(input, part->usual);
		/* Some count bytes where others count bits. */
		argument.length *= part->units > 1 && input_byte(input) == 0xff ? 1 : part->units;
		break;
	case TAG:
		if (input_byte(input) != 0xff)
			argument = argument_room(input, part->usual);
		put(structure, part->at, &argument.bytes, sizeof(argument.bytes));
		return;
	case FIELDS:
		argument = fields(input);
		break;
	case MORE:
		argument = more(input);
		break;
	case NOTHING:
		return;
	}
	if (part->count || part->kind == POINTER) {
		put(structure, part->at, &argument.bytes, sizeof(argument.bytes));
		put(structure, part->count, &argument.length, sizeof(argument.length));
	} else {
		put(structure, part->at, &value, sizeof(value));
	}
}

static struct bytes_argument fill(struct input *input, const struct layout *layout,
				  CK_OBJECT_HANDLE key)
{
	struct bytes_argument structure = argument_zeros(layout->size);

	for (const struct part *part = layout->parts; part->kind; part++)
		put_part(input, part, structure.bytes, key);
	return structure;
}

static bool has_size(const struct mechanism *row, size_t size)
{
	for (size_t i = 0; i < LAYOUTS; i++)
		if (layouts[i].type == row->type && layouts[i].size == size)
			return true;
	return false;
}

struct bytes_argument structure_parameter(struct input *input, const struct mechanism *row,
					  CK_OBJECT_HANDLE key)
{
	uint8_t kind = input_byte(input);
	struct bytes_argument bytes;
	const struct layout *layout = NULL;

	for (size_t i = 0; i < LAYOUTS; i++)
		if (layouts[i].type == row->type && !layouts[i].message && (!layout || kind & 1))
			layout = &layouts[i];
	if (layout && kind < 0xf0)
		return fill(input, layout, key);
	if (kind < 0x80)
		return argument_room(input, row->iv ? row->iv : kind & 1 ? sizeof(CK_ULONG) : 0);
	bytes = argument_bytes(input);
	/* Any bytes as addresses would be no fault of the module's. */
	while (row->points && bytes.length && has_size(row, bytes.length))
		bytes.length--;
	return bytes;
}

struct bytes_argument structure_message(struct input *input, const struct mechanism *row)
{
	uint8_t kind = input_byte(input);
	size_t which = kind % 4;

	for (size_t i = 0; i < LAYOUTS; i++)
		if (layouts[i].message && (row ? layouts[i].type == row->type : !which--))
			return fill(input, &layouts[i], CK_INVALID_HANDLE);
	return (struct bytes_argument){NULL, 0};
}
