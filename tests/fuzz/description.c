/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptions of keys, and the texts of their sidecars: what is read can be written, and is read
 * again as the same. */
#include <errno.h>

#include "input.h"
#include "token/metadata.h"
#include "token/nested.h"
#include "token/sidecar.h"

static bool same(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	return a_len == b_len && (!a_len || memcmp(a, b, a_len) == 0);
}

static void compare(const struct metadata *a, const struct metadata *b)
{
	MUST(same(a->label, a->label_len, b->label, b->label_len));
	/* An id that was made of the description is another one for another description. */
	MUST(a->id_made || same(a->id, a->id_len, b->id, b->id_len));
	MUST(a->flags == b->flags);
	MUST(a->usage == b->usage);
	MUST(strcmp(a->start, b->start) == 0 && strcmp(a->end, b->end) == 0);
	MUST(strcmp(a->uid, b->uid) == 0);
	MUST(a->key_type_known == b->key_type_known);
	MUST(!a->key_type_known || a->key_type == b->key_type);
	MUST(!a->mechanisms == !b->mechanisms && a->n_mechanisms == b->n_mechanisms);
	for (size_t i = 0; i < a->n_mechanisms; i++)
		MUST(a->mechanisms[i] == b->mechanisms[i]);
	for (size_t i = 0; i < TEMPLATES; i++) {
		MUST(!a->templates[i] == !b->templates[i]);
		MUST(!a->templates[i] || strcmp(a->templates[i], b->templates[i]) == 0);
	}
}

static void write_again(struct metadata *metadata)
{
	const char *why = NULL;
	struct metadata again;
	char *text;

	/* The id that was made is not the key's own. */
	if (metadata->id_made)
		metadata->id_len = 0;
	text = metadata_write(metadata);
	MUST(text);
	MUST(metadata_read(&again, "user", text, &why) == 0);
	compare(metadata, &again);
	metadata_free(&again);
	free(text);
}

/* Arrays of attributes are read as they are written, and written as they are read. */
static void nest_again(const struct metadata *metadata)
{
	for (size_t i = 0; i < TEMPLATES; i++) {
		const char *text = metadata->templates[i];
		CK_ATTRIBUTE *list = NULL;
		CK_ULONG count = 0;
		char *again;

		if (!text)
			continue;
		MUST(nested_read(text, &list, &count) == 0);
		MUST(nested_is(text, list, count * sizeof(*list)));
		again = nested_write(list, count);
		MUST(again && nested_is(again, list, count * sizeof(*list)));
		free(again);
		free(list);
	}
}

/* The same text as what was changed of a key: no usage comes back, and what no change can say
 * stays. */
static void change(const char *text)
{
	static const char key[] = "pkcs11:object=k;id=%01?x-key-type=aes&x-usage=encrypt,sign"
				  "&x-mechanisms=aes-gcm&x-flags=local&x-wrap-template=100:1f";
	struct metadata before, after;
	const char *why = NULL;
	char *written;
	int err;

	MUST(metadata_read(&before, "logon", key, &why) == 0);
	MUST(metadata_read(&after, "logon", key, &why) == 0);
	err = sidecar_apply(&after, text);
	MUST(!(after.usage & ~before.usage));
	if (err) {
		compare(&before, &after);
	} else {
		written = sidecar_text(&after);
		MUST(written && metadata_is_text(after.label, after.label_len));
		MUST(sidecar_apply(&before, written) == 0);
		/* All but label, id and usage never differed. */
		compare(&before, &after);
		free(written);
	}
	metadata_free(&before);
	metadata_free(&after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	struct metadata metadata;
	const char *why = NULL;
	char *text = input_text(&input);
	int err = metadata_read(&metadata, "user", text, &why);

	if (!err) {
		MUST(metadata_is_text(metadata.label, metadata.label_len));
		write_again(&metadata);
		nest_again(&metadata);
	}
	change(text);
	/* What is no URI has metadata, too. */
	if (!err || err == -ENOMSG)
		metadata_free(&metadata);
	else
		MUST(why);
	free(text);
	return 0;
}
