/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/words.h"

#include <string.h>

static const char separators[] = " \t,";

const char *word_next(const char **list, size_t *len)
{
	const char *word = *list + strspn(*list, separators);

	*len = strcspn(word, separators);
	*list = word + *len;
	return *len ? word : NULL;
}

bool word_is(const char *word, size_t len, const char *name)
{
	return strlen(name) == len && !memcmp(word, name, len);
}
