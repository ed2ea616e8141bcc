/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptions of keys: what is read can be written, and is read again as the same. */
#include <errno.h>

#include "input.h"
#include "token/metadata.h"

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
	}
	/* What is no URI has metadata, too. */
	if (!err || err == -ENOMSG)
		metadata_free(&metadata);
	else
		MUST(why);
	free(text);
	return 0;
}
