/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a fuzz target takes out of its input. Each target is LLVMFuzzerTestOneInput() of libFuzzer
 * (llvm.org/docs/LibFuzzer.html): tests/fuzz/run looks for inputs that crash it, and replay.c gives
 * it those of the corpus in every build.
 */
#ifndef TESTS_FUZZ_INPUT_H
#define TESTS_FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must be true, whatever the input is. */
#define MUST(condition)                                                                           \
	do {                                                                                      \
		if (!(condition)) {                                                               \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                                  \
		}                                                                                 \
	} while (0)

struct input {
	const uint8_t *at;
	size_t left;
};

/* 0 where the input has ended. No expression takes two of them, nor a result beside the call that
 * makes it: compilers order them differently, and an input that crashes one build would not crash
 * another. */
static inline uint8_t input_byte(struct input *input)
{
	if (!input->left)
		return 0;
	input->left--;
	return *input->at++;
}

static inline uint64_t input_number(struct input *input)
{
	uint64_t number = 0;

	for (int i = 0; i < 8; i++)
		number = number << 8 | input_byte(input);
	return number;
}

/* Bytes of their own, LENGTH of them as far as there are so many, to be freed: a sanitizer sees who
 * goes beyond them. */
static inline uint8_t *input_bytes(struct input *input, size_t *length)
{
	uint8_t *bytes;

	if (*length > input->left)
		*length = input->left;
	bytes = malloc(*length ? *length : 1);
	MUST(bytes);
	memcpy(bytes, input->at, *length);
	input->at += *length;
	input->left -= *length;
	return bytes;
}

/* All that is left, as a string to be freed. */
static inline char *input_text(struct input *input)
{
	char *text = malloc(input->left + 1);

	MUST(text);
	memcpy(text, input->at, input->left);
	text[input->left] = '\0';
	input->at += input->left;
	input->left = 0;
	return text;
}

#endif
