/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech/padding.h"

size_t padding_text(const uint8_t *block, size_t size)
{
	size_t pad = block[size - 1];
	unsigned int wrong = (pad == 0) | (pad > size);

	for (size_t i = 0; i < size; i++)
		wrong |= (i < pad) & (block[size - 1 - i] != pad);
	return wrong ? size : size - pad;
}

size_t padding_size(size_t len, size_t block)
{
	return block - len % block;
}
