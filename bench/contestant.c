/* SPDX-License-Identifier: BSD-2-Clause */
#include "contestant.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

_Thread_local char engine_error[200];

static const struct engine *const engines[] = {
	&raw_engine,   &raw_checked_engine, &raw_armed_engine,
#ifdef HAVE_KCAPI
	&kcapi_engine,
#endif
	&token_engine,
};

int engine_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(engine_error, sizeof(engine_error), format, args);
	va_end(args);
	return -1;
}

int contestant_parse(struct contestant *contestant, const char *text)
{
	size_t name = strcspn(text, ":="), argument = 0;
	const char *rest = text + name;

	memset(contestant, 0, sizeof(*contestant));
	for (size_t i = 0; i < sizeof(engines) / sizeof(*engines); i++)
		if (strlen(engines[i]->name) == name && strncmp(engines[i]->name, text, name) == 0)
			contestant->engine = *engines[i];
	if (!contestant->engine.name)
		return engine_fail("there is no engine %.*s", (int)name, text);
	if (*rest == ':') {
		/* An address has a "=" of its own. */
		argument =
			strrchr(++rest, '=') ? (size_t)(strrchr(rest, '=') - rest) : strlen(rest);
		snprintf(contestant->argument, sizeof(contestant->argument), "%.*s", (int)argument,
			 rest);
		rest += argument;
	}
	snprintf(contestant->label, sizeof(contestant->label), "%s",
		 *rest == '=' ? rest + 1 : contestant->engine.name);
	return 0;
}

int contestant_start(struct contestant *contestant)
{
	const char *argument = contestant->argument;

	if (!contestant->engine.start)
		return 0;
	return contestant->engine.start(&contestant->engine, *argument ? argument : NULL);
}

void contestant_end(struct contestant *contestant)
{
	if (contestant->engine.end)
		contestant->engine.end(&contestant->engine);
}
