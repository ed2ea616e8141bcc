/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/config-file.h"

#include <errno.h>
#include <ini.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/log.h"

enum { TEXT_MAX = 64 * 1024 };

struct file {
	size_t len, at;
	struct config_line line; /* that was read last; inih tells its handler none */
	bool unanswered;         /* inih has that line, and has made no entry of it */
	const struct config_parser *parser;
	void *user;
	char text[TEXT_MAX]; /* a zero follows the last byte */
};

static const char blanks[] = " \t\r\v\f";

static void pass_over(struct file *file, const char *why)
{
	log_line("%s:%u: %s", file->line.path, file->line.number, why);
	file->parser->passed_over(file->user);
}

/* The line "[NAME]" at START, LEN bytes. */
static void header(struct file *file, char *start, size_t len)
{
	char *name = start + 1, *end = memchr(start, ']', len), *rest;

	rest = end ? end + 1 + strspn(end + 1, blanks) : NULL;
	if (!rest || (rest != start + len && !strchr("#;", *rest))) {
		log_line("%s:%u: no section's name stands in brackets: what follows it is passed "
			 "over",
			 file->line.path, file->line.number);
		file->parser->section(file->user, &file->line, NULL);
		return;
	}
	name += strspn(name, blanks);
	while (end > name && strchr(blanks, end[-1]))
		end--;
	*end = '\0';
	file->parser->section(file->user, &file->line, name);
}

/* For inih, whose buffer LINE has SIZE bytes: a line that does not fit is not read as two. */
static char *next_line(char *line, int size, void *user)
{
	struct file *file = user;
	char *start = file->text + file->at, *end, *first;
	size_t left = file->len - file->at, len;

	if (file->unanswered)
		pass_over(file, "neither a section nor a name and a value");
	file->unanswered = false;
	if (!left)
		return NULL;
	end = memchr(start, '\n', left);
	len = end ? (size_t)(end - start) : left;
	file->at += len + !!end;
	file->line.number++;
	line[0] = '\0';
	first = start + strspn(start, blanks);
	if (memchr(start, '\0', len)) {
		pass_over(file, "the line holds a zero byte");
	} else if (first == start + len || strchr("#;", *first)) {
		return line;
	} else if (*first == '[') {
		header(file, first, len - (size_t)(first - start));
		/* Lines that go on with an entry do not go on over a section's beginning. */
		strcpy(line, "[]");
	} else if (len >= (size_t)size) {
		pass_over(file, "the line is too long");
	} else {
		memcpy(line, start, len);
		line[len] = '\0';
		file->unanswered = true;
	}
	return line;
}

static int entry(void *user, const char *section, const char *name, const char *value)
{
	struct file *file = user;

	file->unanswered = false;
	file->parser->entry(file->user, &file->line, name, value);
	return 1;
}

static bool read_text(struct file *file, FILE *stream)
{
	static const char mark[] = "\xef\xbb\xbf"; /* at the beginning of some UTF-8 files */
	size_t mark_len = strlen(mark);

	file->len = fread(file->text, 1, TEXT_MAX - 1, stream);
	file->text[file->len] = '\0';
	if (ferror(stream)) {
		log_line("%s is not read: %s", file->line.path, strerror(errno));
		return false;
	}
	if (!feof(stream)) {
		log_line("%s is not read: it has more than %d bytes", file->line.path,
			 TEXT_MAX - 1);
		return false;
	}
	if (file->len >= mark_len && !memcmp(file->text, mark, mark_len))
		file->at = mark_len;
	return true;
}

int config_file_read(const char *path, bool needed, const struct config_parser *parser, void *user)
{
	FILE *stream = fopen(path, "re");
	struct file *file;
	int err = 0;

	if (!stream) {
		err = errno;
		if (needed || err != ENOENT)
			log_line("%s is not read: %s", path, strerror(err));
		return err == ENOMEM ? -ENOMEM : 0;
	}
	/* Most of it stays untouched, and costs nothing. */
	file = malloc(sizeof(*file));
	if (file) {
		memset(file, 0, offsetof(struct file, text));
		file->line.path = path;
		file->parser = parser;
		file->user = user;
	}
	/* One pointer goes to inih's reader and to its handler. */
	if (!file ||
	    (read_text(file, stream) && ini_parse_stream(next_line, file, entry, file) < 0))
		err = -ENOMEM;
	free(file);
	fclose(stream);
	return err;
}
