/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys that this process holds itself, in locked memory: session objects whose bytes the caller
 * brought, or may read. The kernel gets them by value, so that they count against no quota.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/alg.h"
#include "kernel/secret.h"
#include "key/key.h"

static int arm(const struct transform_key *transform_key, int transform)
{
	const struct key *key = (const struct key *)transform_key;

	return alg_set_key(transform, key->bytes, (size_t)key->length);
}

const struct key_source key_source_held = {.type = "held", .readable = true};

int key_hold(const void *bytes, size_t len, struct key **key)
{
	struct key *made = calloc(1, sizeof(*made));

	if (!made)
		return -ENOMEM;
	*made = (struct key){
		.transform_key = {.id = transform_key_id(), .constant = true, .arm = arm},
		.source = &key_source_held,
		.description = strdup("of a session"),
		.length = (ssize_t)len,
		.bytes = secret_new(len),
	};
	if (!made->description || !made->bytes) {
		secret_free(made->bytes, len);
		made->bytes = NULL;
		key_free(made);
		return -ENOMEM;
	}
	memcpy(made->bytes, bytes, len);
	*key = made;
	return 0;
}
