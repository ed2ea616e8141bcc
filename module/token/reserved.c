/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/reserved.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "kernel/log.h"

static const char blanks[] = " \t\r\n\v\f";
static const char conf[] = "conf=";

/* Where WORD ends: at a blank that stands in no quotes. WHOLE: all its quotes end, too. */
static const char *end_of(const char *word, bool *whole)
{
	char quote = '\0';

	for (; *word && (quote || !strchr(blanks, *word)); word++) {
		if (quote)
			quote = *word == quote ? '\0' : quote;
		else if (*word == '"' || *word == '\'')
			quote = *word;
	}
	*whole = !quote;
	return word;
}

/* A copy of VALUE, LEN bytes, without the quotes around it. */
static char *unquoted(const char *value, size_t len)
{
	if (len >= 2 && (*value == '"' || *value == '\'') && value[len - 1] == *value) {
		value++;
		len -= 2;
	}
	return strndup(value, len);
}

int reserved_conf(const char *reserved, char **path)
{
	const size_t prefix = strlen(conf);
	const char *end;
	bool whole;

	*path = NULL;
	if (!reserved || !*reserved)
		return 0;
	/* As secure_getenv(3) asks: who started the program is not to choose its keys. */
	if (getauxval(AT_SECURE)) {
		log_line("C_Initialize: its string is ignored, since this program has raised "
			 "privileges");
		return 0;
	}
	for (const char *word = reserved + strspn(reserved, blanks); *word;
	     word = end + strspn(end, blanks)) {
		end = end_of(word, &whole);
		if (strncmp(word, conf, prefix)) {
			log_line("C_Initialize: %.*s is not known", (int)(end - word), word);
		} else if (!whole) {
			log_line("C_Initialize: %.*s: the quotes do not end", (int)(end - word),
				 word);
		} else if (*path) {
			log_line("C_Initialize: %.*s: conf= stands twice", (int)(end - word), word);
		} else {
			*path = unquoted(word + prefix, (size_t)(end - word) - prefix);
			if (!*path)
				return -ENOMEM;
		}
	}
	return 0;
}
