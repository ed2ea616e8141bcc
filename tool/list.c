/* SPDX-License-Identifier: BSD-2-Clause */
/* `kcryptoki list`: the keys of a token. */
#include <stdlib.h>

#include "tool/choose.h"
#include "tool/entry.h"
#include "tool/verb.h"

static void tell(const struct token *token, const CK_OBJECT_HANDLE *keys, size_t count, bool json)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++) {
		if (json)
			json_array_append_new(array, entry(token, keys[i]));
		else
			entry_print(stdout, token, keys[i]);
	}
	if (json)
		entry_dump(array);
	else
		json_decref(array);
}

static int list(const struct options *options)
{
	struct token token;
	CK_OBJECT_HANDLE *keys;
	size_t count;
	bool found;

	if (!token_look(&token, options))
		return NOT_DONE;
	found = choose_all(&token, &keys, &count);
	if (found)
		tell(&token, keys, count, options->json);
	free(keys);
	token_close(&token);
	return found ? DONE : NOT_DONE;
}

const struct verb verb_list = {
	.name = "list",
	.run = list,
	.takes = TAKES_TOKEN,
	.usage = "[--token LABEL] [--json]",
	.help = "Lists the keys of a token: serial number, type, label; id, key type, length; "
		"what\n"
		"for, by whom; and whether it is in the store, or gone at the next reboot.\n",
};
