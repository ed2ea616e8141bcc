/* SPDX-License-Identifier: BSD-2-Clause */
#include "arguments.h"

#include "kcryptoki.h"
#include "mech/mechanism.h"
#include "structures.h"

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

struct bytes_argument argument_zeros(size_t size)
{
	void *bytes = calloc(1, size ? size : 1);

	MUST(bytes);
	return (struct bytes_argument){keep(bytes), size};
}

struct bytes_argument argument_copy(const void *from, size_t size)
{
	struct bytes_argument copy = argument_zeros(size);

	if (size)
		memcpy(copy.bytes, from, size);
	return copy;
}

struct bytes_argument argument_room(struct input *input, size_t size)
{
	struct bytes_argument room = argument_zeros(size);

	for (size_t i = 0; i < size && input->left; i++)
		room.bytes[i] = input_byte(input);
	return room;
}

struct bytes_argument argument_bytes(struct input *input)
{
	uint8_t kind = input_byte(input);
	size_t n = kind & 0x7f;

	if (kind == 0xff)
		return (struct bytes_argument){NULL, input_number(input)};
	if (kind == 0xfd)
		return (struct bytes_argument){NULL, input_byte(input)};
	if (kind == 0xfe)
		n = 5000;
	struct bytes_argument argument = {keep(input_bytes(input, &n)), 0};

	argument.length = n;
	return argument;
}

CK_MECHANISM argument_mechanism(struct input *input, CK_OBJECT_HANDLE key)
{
	const struct mechanism *row = &mechanisms[input_byte(input) % n_mechanisms];
	uint8_t kind = input_byte(input);
	struct bytes_argument parameter = {NULL, 0};

	if (kind == 0xff)
		return (CK_MECHANISM){input_number(input), NULL, 0};
	if (kind < 0xf0)
		parameter = structure_parameter(input, row, key);
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
		CKA_DERIVE_TEMPLATE,
		CKA_COPYABLE,
		CKA_DESTROYABLE,
		CKA_ALWAYS_AUTHENTICATE,
		CKA_UNIQUE_ID,
		CKA_LOCAL,
		CKA_ALWAYS_SENSITIVE,
		CKA_NEVER_EXTRACTABLE,
		CKA_KEY_GEN_MECHANISM,
		CKA_KCRYPTOKI_KEYRING_TYPE,
		CKA_KCRYPTOKI_KEY_SERIAL,
		CKA_KCRYPTOKI_PERMISSIONS,
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
		value = argument_copy(inner, nested ? 0 : n * sizeof(*inner));
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
				? argument_copy(&number, sizeof(number))
				: argument_copy(&truth, sizeof(truth));
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
