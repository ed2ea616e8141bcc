/* SPDX-License-Identifier: BSD-2-Clause */
#include "arguments.h"

#include "kcryptoki.h"
#include "mech/mechanism.h"
#include "pkcs11-parameters.h"

enum { BLOCKS_MAX = 256 };

static void *blocks[BLOCKS_MAX];
static size_t n_blocks;

/* All that is made lives until arguments_free(). */
static void *keep(void *block)
{
	MUST(n_blocks < BLOCKS_MAX);
	blocks[n_blocks++] = block;
	return block;
}

void arguments_free(void)
{
	while (n_blocks)
		free(blocks[--n_blocks]);
}

struct bytes_argument argument_bytes(struct input *input)
{
	uint8_t kind = input_byte(input);
	size_t n = kind & 0x7f;

	if (kind == 0xff)
		return (struct bytes_argument){NULL, input_number(input)};
	if (kind == 0xfe)
		n = 5000;
	struct bytes_argument argument = {keep(input_bytes(input, &n)), 0};

	argument.length = n;
	return argument;
}

/* A copy of a parameter's structure. */
static struct bytes_argument copy(const void *structure, size_t size)
{
	void *bytes = malloc(size);

	MUST(bytes);
	memcpy(bytes, structure, size);
	return (struct bytes_argument){keep(bytes), size};
}

#define COPY(...) copy(&(__VA_ARGS__), sizeof(__VA_ARGS__))

struct bytes_argument argument_message(struct input *input)
{
	struct bytes_argument iv = argument_bytes(input), tag = argument_bytes(input);
	CK_ULONG fixed = input_byte(input), generator = input_byte(input) % 5,
		 n = input_byte(input);

	switch (input_byte(input) % 4) {
	case 0:
		return COPY((struct gcm_message_params){iv.bytes, iv.length, fixed, generator,
							tag.bytes, tag.length * 8});
	case 1:
		return COPY((struct ccm_message_params){n, iv.bytes, iv.length, fixed, generator,
							tag.bytes, tag.length});
	case 2:
		/* Its tag has 16 bytes, whatever the caller says. */
		return COPY((struct chacha20_poly1305_message_params){
			iv.bytes, iv.length * 8, tag.length >= 16 ? tag.bytes : NULL});
	default:
		return (struct bytes_argument){NULL, 0};
	}
}

static struct bytes_argument aead_parameter(struct input *input)
{
	struct bytes_argument iv = argument_bytes(input), aad = argument_bytes(input);
	CK_ULONG n = input_byte(input), bits = input_byte(input);

	switch (input_byte(input) % 5) {
	case 0:
		return COPY(
			(struct gcm_params){iv.bytes, iv.length, bits, aad.bytes, aad.length, n});
	case 1:
		return COPY(
			(struct gcm_params_2_20){iv.bytes, iv.length, aad.bytes, aad.length, n});
	case 2:
		return COPY(
			(struct ccm_params){n, iv.bytes, iv.length, aad.bytes, aad.length, bits});
	case 3:
		return COPY((struct chacha20_poly1305_params){iv.bytes, iv.length * (n & 8 ? 8 : 1),
							      aad.bytes, aad.length});
	default:
		/* The counter and the nonce have as many bytes as their bits say. */
		return COPY((struct chacha20_params){
			iv.bytes, iv.length >= 8 ? (n & 1 ? 64 : 32) : 0, aad.bytes,
			aad.length >= 12 ? (n & 2 ? 64 : 96) : 0});
	}
}

static struct bytes_argument derive_parameter(struct input *input, CK_OBJECT_HANDLE key)
{
	struct bytes_argument a = argument_bytes(input), b = argument_bytes(input);
	CK_ULONG flags = input_byte(input);
	CK_MECHANISM_TYPE hash = flags & 8 ? CKM_SHA256 : flags & 16 ? CKM_SHA512_HMAC : flags;
	struct cbc_encrypt_data_params cbc = {{0}, a.bytes, a.length};

	switch (input_byte(input) % 4) {
	case 0:
		return COPY((struct hkdf_params){flags & 1, flags & 2, hash, flags >> 5, a.bytes,
						 a.length, key, b.bytes, b.length});
	case 1:
		return COPY((struct derivation_data){a.bytes, a.length});
	case 2:
		return COPY(cbc);
	default:
		return COPY(key);
	}
}

static struct bytes_argument kdf_parameter(struct input *input)
{
	struct bytes_argument fields[3];
	struct kdf_field list[3];
	CK_ULONG n = input_byte(input) % 4;
	CK_MECHANISM_TYPE prf = input_byte(input) & 1 ? CKM_SHA256_HMAC : CKM_AES_CMAC;

	for (CK_ULONG i = 0; i < 3; i++) {
		fields[i] = argument_bytes(input);
		list[i] = (struct kdf_field){input_byte(input) % 6, fields[i].bytes,
					     fields[i].length};
	}
	void *kept = copy(list, sizeof(list)).bytes;

	return COPY((struct counter_kdf_params){.prf = prf, .n_fields = n, .fields = kept});
}

static struct bytes_argument pointing(struct input *input, const struct mechanism *row,
				      CK_OBJECT_HANDLE key)
{
	if (!row->derive)
		return aead_parameter(input);
	return input_byte(input) & 1 ? kdf_parameter(input) : derive_parameter(input, key);
}

CK_MECHANISM argument_mechanism(struct input *input, CK_OBJECT_HANDLE key)
{
	const struct mechanism *row = &mechanisms[input_byte(input) % n_mechanisms];
	struct bytes_argument parameter;
	struct ctr_params ctr = {.counter_bits = 128};
	uint8_t kind = input_byte(input);

	if (kind == 0xff)
		return (CK_MECHANISM){input_number(input), NULL, 0};
	if (kind & 1)
		parameter = (struct bytes_argument){NULL, 0};
	else if (row->points)
		parameter = pointing(input, row, key);
	else if (kind & 2)
		parameter = COPY(ctr);
	else
		parameter = argument_bytes(input);
	/* A pointer to an array of attributes would be followed. */
	if (row->derive && !row->points && parameter.length > sizeof(CK_ULONG))
		parameter.length = sizeof(CK_ULONG);
	return (CK_MECHANISM){row->type, parameter.bytes, parameter.length};
}

static CK_ATTRIBUTE attribute(struct input *input, bool nested)
{
	static const CK_ATTRIBUTE_TYPE types[] = {
		CKA_CLASS,
		CKA_TOKEN,
		CKA_PRIVATE,
		CKA_LABEL,
		CKA_VALUE,
		CKA_KEY_TYPE,
		CKA_ID,
		CKA_SENSITIVE,
		CKA_ENCRYPT,
		CKA_DECRYPT,
		CKA_WRAP,
		CKA_UNWRAP,
		CKA_SIGN,
		CKA_VERIFY,
		CKA_DERIVE,
		CKA_START_DATE,
		CKA_END_DATE,
		CKA_VALUE_LEN,
		CKA_EXTRACTABLE,
		CKA_MODIFIABLE,
		CKA_CHECK_VALUE,
		CKA_TRUSTED,
		CKA_WRAP_WITH_TRUSTED,
		CKA_ALLOWED_MECHANISMS,
		CKA_WRAP_TEMPLATE,
		CKA_UNWRAP_TEMPLATE,
		CKA_KCRYPTOKI_KEYRING_TYPE,
		CKA_KCRYPTOKI_KEY_SERIAL,
	};
	enum { TYPES = sizeof(types) / sizeof(*types) };
	uint8_t which = input_byte(input);
	CK_ATTRIBUTE_TYPE type = which == 0xff ? input_number(input) : types[which % TYPES];
	bool array = type & CKF_ARRAY_ATTRIBUTE && type != CKA_ALLOWED_MECHANISMS;
	struct bytes_argument value;
	uint8_t kind;

	if (array) {
		CK_ATTRIBUTE inner[2];
		CK_ULONG n = input_byte(input) % 3;

		for (CK_ULONG i = 0; i < n && !nested; i++)
			inner[i] = attribute(input, true);
		value = copy(inner, nested ? 0 : n * sizeof(*inner));
		return (CK_ATTRIBUTE){type, value.bytes, value.length};
	}
	kind = input_byte(input);
	if (kind < 0x40) {
		/* What a well-behaved caller sends. */
		CK_ULONG number = input_byte(input);
		CK_BBOOL truth = number & 1;

		number = type == CKA_CLASS      ? CKO_SECRET_KEY
			 : type == CKA_KEY_TYPE ? (number & 1 ? CKK_AES : CKK_GENERIC_SECRET)
						: number % 65;
		value = type == CKA_CLASS || type == CKA_KEY_TYPE || type == CKA_VALUE_LEN
				? COPY(number)
				: COPY(truth);
	} else {
		value = argument_bytes(input);
	}
	return (CK_ATTRIBUTE){type, value.bytes, value.length};
}

struct template_argument argument_template(struct input *input)
{
	struct template_argument template = {.count = input_byte(input) % 12};

	for (CK_ULONG i = 0; i < template.count; i++)
		template.list[i] = attribute(input, false);
	return template;
}
