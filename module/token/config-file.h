/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An INI file, whose entries inih(3) reads: what a line looks like is its concern. Added is what
 * inih does not tell: where an entry stands, sections without entries or with long names, and each
 * line that is passed over, since one of those may have been a restriction.
 */
#ifndef KCRYPTOKI_CONFIG_FILE_H
#define KCRYPTOKI_CONFIG_FILE_H

#include <stdbool.h>

struct config_line {
	const char *path;
	unsigned int number;
};

struct config_parser {
	/* A section begins: the words between its brackets, without blanks around them. NULL: they
	 * are not understood, as the log says, and what follows belongs nowhere. */
	void (*section)(void *user, const struct config_line *line, const char *name);
	/* What stands in the lines after an entry, behind blanks, are further values of NAME. */
	void (*entry)(void *user, const struct config_line *line, const char *name,
		      const char *value);
	/* A line is passed over, as the log says. */
	void (*passed_over)(void *user);
};

/*
 * Reads the file PATH, and gives USER to PARSER's functions. A file that cannot be read is named in
 * the log, but for one that is not there where NEEDED is false. 0, or -ENOMEM.
 */
int config_file_read(const char *path, bool needed, const struct config_parser *parser, void *user);

#endif
