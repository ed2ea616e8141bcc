/* SPDX-License-Identifier: BSD-2-Clause */
/* kcryptoki, the tool. See kcryptoki(1). */
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "tool/complain.h"
#include "tool/verb.h"

static const struct verb *const verbs[] = {
	/* clang-format off */
	&verb_status,
	&verb_list,
	&verb_generate,
	&verb_import,
	&verb_permit,
	&verb_unlink,
	&verb_save,
	&verb_load,
	&verb_rotate_master,
	/* clang-format on */
};

enum { VERBS = sizeof(verbs) / sizeof(*verbs) };

static void usage(FILE *to)
{
	for (size_t i = 0; i < VERBS; i++)
		fprintf(to, "%s kcryptoki %s %s\n", i ? "      " : "Usage:", verbs[i]->name,
			verbs[i]->usage);
	fputs("       kcryptoki VERB --help\n"
	      "       kcryptoki --help | --version\n"
	      "See kcryptoki(1).\n",
	      to);
}

static const struct verb *find(const char *name)
{
	for (size_t i = 0; i < VERBS; i++)
		if (!strcmp(verbs[i]->name, name))
			return verbs[i];
	return NULL;
}

static int run(const struct verb *verb, int argc, char **argv)
{
	struct options options;
	bool read = options_read(&options, verb->takes, argc, argv);

	if (read && options.help) {
		printf("Usage: kcryptoki %s %s\n\n%s\n", verb->name, verb->usage, verb->help);
		options_explain(verb->takes, stdout);
		return DONE;
	}
	if (read && options.n_operands >= verb->least && options.n_operands <= verb->most) {
		int status = verb->run(&options);

		/* Whoever reads the result is told that it is not all of it. */
		if (!fflush(stdout) && !ferror(stdout))
			return status;
		complain("the result cannot be written");
		return status == DONE ? NOT_DONE : status;
	}
	fprintf(stderr, "Usage: kcryptoki %s %s\n", verb->name, verb->usage);
	return USAGE;
}

int main(int argc, char **argv)
{
	const struct verb *verb = argc > 1 ? find(argv[1]) : NULL;

	if (verb)
		return run(verb, argc, argv);
	if (argc == 2 && !strcmp(argv[1], "--help")) {
		usage(stdout);
		return DONE;
	}
	if (argc == 2 && !strcmp(argv[1], "--version")) {
		puts("kcryptoki " PACKAGE_VERSION);
		return DONE;
	}
	usage(stderr);
	return USAGE;
}
