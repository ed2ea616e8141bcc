/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/config.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/log.h"
#include "mech/mechanism.h"

static const struct {
	const char *name;
	enum family family;
} families[] = {
	{"ripemd160", FAMILY_RIPEMD160}, {"des3", FAMILY_DES3},
	{"camellia", FAMILY_CAMELLIA},   {"twofish", FAMILY_TWOFISH},
	{"blowfish", FAMILY_BLOWFISH},   {"cast128", FAMILY_CAST128},
	{"aria", FAMILY_ARIA},           {"all", FAMILY_ALL},
};

enum { TEXT_MAX = 64 * 1024, BAD_LINES_MAX = 32 };

struct file {
	const char *path;
	char text[TEXT_MAX];
	size_t len, at;
	unsigned int line; /* that was read last; inih tells its handler none */
	unsigned int bad[BAD_LINES_MAX], n_bad;
	struct config *config; /* NULL: only bad lines are looked for */
};

static unsigned int family_named(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++)
		if (strlen(families[i].name) == len && !strncmp(families[i].name, name, len))
			return families[i].family;
	return FAMILY_NONE;
}

static void read_legacy(struct file *file, const char *list)
{
	static const char separators[] = " \t,";
	size_t len;

	for (list += strspn(list, separators); *list;
	     list += len + strspn(list + len, separators)) {
		unsigned int family;

		len = strcspn(list, separators);
		family = family_named(list, len);
		if (!family)
			log_line("%s:%u: there is no family of mechanisms called %.*s", file->path,
				 file->line, (int)len, list);
		file->config->families |= family;
	}
}

static int entry(void *user, const char *section, const char *name, const char *value)
{
	struct file *file = user;

	if (!file->config)
		return 1;
	if (!strcmp(section, "mechanisms") && !strcmp(name, "legacy"))
		read_legacy(file, value);
	else
		log_line("%s:%u: [%s] %s is not known", file->path, file->line, section, name);
	return 1;
}

static bool is_bad(const struct file *file)
{
	for (unsigned int i = 0; i < file->n_bad; i++)
		if (file->bad[i] == file->line)
			return true;
	return false;
}

/* For inih, whose buffer LINE has SIZE bytes: a line that does not fit is not read as two. */
static char *next_line(char *line, int size, void *user)
{
	struct file *file = user;
	const char *start = file->text + file->at;
	size_t left = file->len - file->at, len;
	const char *end = memchr(start, '\n', left);

	if (!left)
		return NULL;
	len = end ? (size_t)(end - start) : left;
	file->at += len + !!end;
	file->line++;
	line[0] = '\0';
	if (is_bad(file) || (len && strchr("#;", start[strspn(start, " \t")])))
		return line;
	if (len < (size_t)size) {
		memcpy(line, start, len);
		line[len] = '\0';
	} else if (file->config) {
		log_line("%s:%u: the line is too long", file->path, file->line);
	}
	return line;
}

/* The first bad line that is not known yet, or 0. */
static unsigned int parse(struct file *file)
{
	int wrong;

	file->at = 0;
	file->line = 0;
	/* One pointer goes to inih's reader and to its handler. */
	wrong = ini_parse_stream(next_line, file, entry, file);
	return wrong > 0 ? (unsigned int)wrong : 0;
}

static bool read_text(struct file *file, FILE *stream)
{
	/* One byte stays: what strspn() and strchr() look at ends with a zero. */
	file->len = fread(file->text, 1, TEXT_MAX - 1, stream);
	if (ferror(stream)) {
		log_line("%s is not read: %s", file->path, strerror(errno));
		return false;
	}
	if (!feof(stream)) {
		log_line("%s is not read: it has more than %d bytes", file->path, TEXT_MAX - 1);
		return false;
	}
	return true;
}

void config_read(struct config *config)
{
	const char *path = secure_getenv("KCRYPTOKI_CONF");
	bool named = path && *path;
	struct file *file;
	unsigned int wrong = 0;
	FILE *stream;

	memset(config, 0, sizeof(*config));
	if (!named)
		path = SYSCONFDIR "/kcryptoki.conf";
	stream = fopen(path, "re");
	file = stream ? calloc(1, sizeof(*file)) : NULL;
	if (!file) {
		if (stream || named || errno != ENOENT)
			log_line("%s is not read: %s", path, strerror(errno));
		if (stream)
			fclose(stream);
		return;
	}
	file->path = path;
	if (read_text(file, stream)) {
		/* inih tells of the first bad line only: so each one is passed over in turn. */
		while (file->n_bad < BAD_LINES_MAX && (wrong = parse(file))) {
			log_line("%s:%u: neither a section nor a name and a value", path, wrong);
			file->bad[file->n_bad++] = wrong;
		}
		if (file->n_bad == BAD_LINES_MAX)
			log_line("%s: further bad lines are not named", path);
		file->config = config;
		parse(file);
	}
	free(file);
	fclose(stream);
}
