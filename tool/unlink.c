/* SPDX-License-Identifier: BSD-2-Clause */
/* `kcryptoki unlink`: keys are destroyed. */
#include <limits.h>
#include <stdlib.h>

#include "tool/choose.h"
#include "tool/complain.h"
#include "tool/entry.h"
#include "tool/verb.h"

static bool destroy(const struct token *token, CK_OBJECT_HANDLE key, json_t *gone)
{
	json_t *one = entry(token, key);
	CK_RV rv;

	complain_listen();
	rv = C_DestroyObject(token->session, key);
	if (rv == CKR_OK) {
		json_array_append_new(gone, one);
		return true;
	}
	/* The same key, named twice. */
	if (rv == CKR_OBJECT_HANDLE_INVALID) {
		json_decref(one);
		return true;
	}
	complain_of("C_DestroyObject", rv);
	entry_line(stderr, one);
	json_decref(one);
	return false;
}

/* All of them are known before the first is gone. */
static bool choose_these(const struct token *token, const struct options *options,
			 CK_OBJECT_HANDLE *keys)
{
	bool all = true;

	for (int i = 0; i < options->n_operands; i++)
		all = choose(token, options->operands[i], &keys[i]) && all;
	return all;
}

static bool unlink_keys(const struct token *token, const struct options *options)
{
	CK_OBJECT_HANDLE *keys = calloc((size_t)options->n_operands, sizeof(*keys));
	bool all = keys && choose_these(token, options, keys);
	json_t *gone = json_array();
	size_t i;
	json_t *one;

	/* Of those that are known, one that cannot be destroyed does not keep the others. */
	for (int k = 0, known = all; known && k < options->n_operands; k++)
		all = destroy(token, keys[k], gone) && all;
	free(keys);
	if (options->json) {
		entry_dump(gone);
		return all;
	}
	for (i = 0; (one = json_array_get(gone, i)); i++)
		entry_line(stdout, one);
	json_decref(gone);
	return all;
}

static int unlink_verb(const struct options *options)
{
	struct token token;
	bool done;

	if (!token_open(&token, options))
		return NOT_DONE;
	done = unlink_keys(&token, options);
	token_close(&token);
	return done ? DONE : NOT_DONE;
}

const struct verb verb_unlink = {
	.name = "unlink",
	.run = unlink_verb,
	.takes = TAKES_TOKEN,
	.least = 1,
	.most = INT_MAX,
	.usage = "[--token LABEL] [--json] KEY...",
	.help = "Destroys keys: in the keyring, and in the store. KEY is a serial number, a "
		"pkcs11:\n"
		"URI, or a label.\n",
};
