/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /proc/keys, with lines that others' descriptions forge: a key, its description, and the file.
 * Where the file has the key's own line, no other can make it longer or shorter.
 */
#include "kernel/proc-keys.h"

#include <errno.h>

#include "input.h"

enum { LENGTH = 77 };

static ssize_t length_with_own(const char *before, int32_t serial, const char *type,
			       const char *description, const char *after)
{
	char *text = NULL;
	ssize_t length;

	/* security/keys/proc.c, proc_keys_show() */
	MUST(asprintf(&text, "%s\n%08x I--Q---     1 perm 3f010000     0     0 %-9.9s %s: %d\n%s",
		      before, (unsigned int)serial, type, description, LENGTH, after) > 0);
	length = proc_keys_length(text, serial, type, description);
	free(text);
	return length;
}

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
	MUST(length == -ENOENT || length == -EPROTO || (length >= 0 && length <= 32767));
	length = length_with_own(text, serial, type, description, "");
	MUST(length == LENGTH || length == -EPROTO);
	length = length_with_own("", serial, type, description, text);
	MUST(length == LENGTH || length == -EPROTO);
	free(text);
	free(description);
	free(bytes);
	return 0;
}
