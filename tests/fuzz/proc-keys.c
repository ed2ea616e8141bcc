/* SPDX-License-Identifier: BSD-2-Clause */
/* /proc/keys, with lines that others' descriptions forge: a key, its description, and the file. */
#include "kernel/proc-keys.h"
#include "input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	int32_t serial = (int32_t)(input_number(&input) & 0x7fffffff);
	const char *type = input_byte(&input) & 1 ? "user" : "logon";
	size_t n = input_byte(&input);
	uint8_t *bytes = input_bytes(&input, &n);
	char *description = strndup((const char *)bytes, n), *text = input_text(&input);
	ssize_t length;

	MUST(description);
	length = proc_keys_length(text, serial, type, description);
	/* A length is no more than a line of /proc/keys said, whose digits are few. */
	MUST(length >= -4096 && length <= INT32_MAX);
	free(text);
	free(description);
	free(bytes);
	return 0;
}
