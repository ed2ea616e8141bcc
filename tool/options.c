/* SPDX-License-Identifier: BSD-2-Clause */
#include "tool/options.h"

#include <getopt.h>
#include <stddef.h>
#include <string.h>

static const struct {
	const char *name, *argument;
	unsigned int takes; /* 0: every verb's */
	size_t field;       /* of struct options */
	const char *meaning;
} known[] = {
	/* clang-format off */
	{"label", "LABEL", TAKES_LABEL, offsetof(struct options, label), "CKA_LABEL of the key"},
	{"id", "HEX", TAKES_ID, offsetof(struct options, id), "CKA_ID of the key, in hex digits"},
	{"type", "TYPE", TAKES_TYPE, offsetof(struct options, type),
	 "logon, encrypted or user; else what the token makes"},
	{"key-type", "TYPE", TAKES_KEY_TYPE, offsetof(struct options, key_type),
	 "sha256-hmac, ...; else aes for 16, 24, 32 bytes, or generic-secret"},
	{"length", "BYTES", TAKES_LENGTH, offsetof(struct options, length),
	 "32, where the key type does not say it"},
	{"usage", "LIST", TAKES_USAGE, offsetof(struct options, usage),
	 "encrypt,decrypt,sign,verify,wrap,unwrap,derive; else all"},
	{"permit", "LIST", TAKES_PERMIT, offsetof(struct options, permit),
	 "user,group: who may use it besides its possessor"},
	{"credential", "NAME", TAKES_CREDENTIAL, offsetof(struct options, credential),
	 "the bytes are systemd's credential of that name"},
	{"token", "LABEL", TAKES_TOKEN, offsetof(struct options, token),
	 "the token; else the first that is a keyring's"},
	{"json", NULL, 0, offsetof(struct options, json), "the result as JSON, for programs"},
	{"help", NULL, 0, offsetof(struct options, help), "this"},
	/* clang-format on */
};

enum { KNOWN = sizeof(known) / sizeof(*known) };

static bool is_taken(size_t i, unsigned int takes)
{
	return !known[i].takes || known[i].takes & takes;
}

bool options_read(struct options *options, unsigned int takes, int argc, char **argv)
{
	struct option list[KNOWN + 1];
	size_t n = 0;
	int which;

	for (size_t i = 0; i < KNOWN; i++)
		if (is_taken(i, takes))
			list[n++] = (struct option){known[i].name, known[i].argument != NULL, NULL,
						    (int)i};
	list[n] = (struct option){0};
	*options = (struct options){0};
	optind = 2;
	while ((which = getopt_long(argc, argv, "", list, NULL)) != -1) {
		char *field;

		if (which == '?')
			return false;
		field = (char *)options + known[which].field;
		if (known[which].argument)
			memcpy(field, &optarg, sizeof(optarg));
		else
			*(bool *)field = true;
	}
	options->operands = argv + optind;
	options->n_operands = argc - optind;
	return true;
}

void options_explain(unsigned int takes, FILE *to)
{
	for (size_t i = 0; i < KNOWN; i++) {
		const char *argument = known[i].argument ? known[i].argument : "";

		if (is_taken(i, takes))
			fprintf(to, "  --%s %-*s %s\n", known[i].name,
				(int)(16 - strlen(known[i].name)), argument, known[i].meaning);
	}
}
