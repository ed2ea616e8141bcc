/* SPDX-License-Identifier: BSD-2-Clause */
#include "tool/complain.h"

#include <p11-kit/p11-kit.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/log.h"
#include "tool/report.h"

enum { LINES = 8 };

/* The last lines of the log, the oldest first. */
static char *lines[LINES];

static void keep(const char *line)
{
	size_t n = 0;

	while (n < LINES && lines[n])
		n++;
	if (n == LINES) {
		free(lines[0]);
		memmove(lines, lines + 1, (LINES - 1) * sizeof(*lines));
		n--;
	}
	lines[n] = strdup(line);
}

static void forget(void)
{
	for (size_t i = 0; i < LINES; i++) {
		free(lines[i]);
		lines[i] = NULL;
	}
}

void complain_listen(void)
{
	const char *where = secure_getenv("KCRYPTOKI_DEBUG");

	forget();
	if (!where || !*where || !strcmp(where, "0"))
		log_to(keep);
}

void complain(const char *format, ...)
{
	char text[5000];
	va_list args;
	json_t *line;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	line = printable(text);
	fflush(stdout);
	fprintf(stderr, "kcryptoki: %s\n", json_string_value(line));
	json_decref(line);
}

void complain_log(void)
{
	for (size_t i = 0; i < LINES && lines[i]; i++)
		fprintf(stderr, "  %s\n", lines[i]);
	forget();
}

void complain_of(const char *call, CK_RV rv)
{
	/* p11-kit 0.24 has no words for it. */
	complain("%s: %s", call,
		 rv == CKR_ACTION_PROHIBITED ? "the key's attributes forbid it"
					     : p11_kit_strerror(rv));
	complain_log();
}
