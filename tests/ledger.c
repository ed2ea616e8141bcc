/* SPDX-License-Identifier: BSD-2-Clause */
#include "ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LEDGER_LINE = 256, KEYS_MAX = 1000000 };

static int complain(const char *what)
{
	fprintf(stderr, "the ledger: %s: %s\n", what, strerror(errno));
	return -1;
}

/* Room for key NUMBER; NULL where it can be none. */
static struct ledger_key *key_of(struct ledger *ledger, unsigned int number)
{
	struct ledger_key *larger;

	if (number >= KEYS_MAX)
		return NULL;
	if (number >= ledger->n) {
		larger = reallocarray(ledger->keys, number + 1, sizeof(*larger));
		if (!larger)
			return NULL;
		memset(larger + ledger->n, 0, (number + 1 - ledger->n) * sizeof(*larger));
		ledger->keys = larger;
		ledger->n = number + 1;
	}
	return &ledger->keys[number];
}

static bool read_hex(const char *hex, unsigned char cipher[LEDGER_CIPHER])
{
	unsigned int byte;

	for (int i = 0; i < LEDGER_CIPHER; i++) {
		if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
			return false;
		cipher[i] = (unsigned char)byte;
	}
	return true;
}

static bool finish(struct ledger *ledger, const char *hex)
{
	struct ledger_key *key = ledger->deed == 'r' ? NULL : key_of(ledger, ledger->number);

	switch (ledger->deed) {
	case 'g':
		key->state = LEDGER_THERE;
		return read_hex(hex, key->cipher);
	case 'l':
		key->label = key->next;
		return true;
	case 'd':
		key->state = LEDGER_GONE;
		return true;
	case 'r':
		ledger->master = ledger->next;
		return true;
	default:
		return false;
	}
}

static bool begin(struct ledger *ledger, const char *word, unsigned int number,
		  struct ledger_label label)
{
	struct ledger_key *key;

	ledger->deed = *word;
	ledger->number = number;
	if (*word == 'r') {
		ledger->next = number;
		return true;
	}
	key = key_of(ledger, number);
	if (!key)
		return false;
	switch (*word) {
	case 'g':
		/* Its kind stands where others have a version. */
		*key = (struct ledger_key){.state = LEDGER_BEGUN,
					   .kind = label.version,
					   .label.length = label.length,
					   .next.length = label.length};
		return true;
	case 'l':
		key->next = label;
		return true;
	case 'd':
		key->state = LEDGER_LEAVING;
		return true;
	default:
		return false;
	}
}

/* What LINE says becomes true. */
static bool apply(struct ledger *ledger, const char *line)
{
	struct ledger_label label = {0, 0};
	char word[16], hex[2 * LEDGER_CIPHER + 1] = "";
	struct ledger_key *key;
	unsigned int number = 0;

	if (sscanf(line, "done %64s", hex) == 1)
		return finish(ledger, hex);
	if (sscanf(line, "%15s %u %u %u %64s", word, &number, &label.version, &label.length, hex) <
	    2)
		return false;
	if (!strcmp(word, "verified"))
		return true;
	if (strcmp(word, "found") != 0 && strcmp(word, "missing") != 0)
		return begin(ledger, word, number, label);
	key = key_of(ledger, number);
	if (!key)
		return false;
	key->state = *word == 'f' ? LEDGER_THERE : LEDGER_GONE;
	key->label = label;
	key->next = label;
	return *word != 'f' || read_hex(hex, key->cipher);
}

/* Reads the lines of TEXT; how many bytes they are, or -1. */
static ssize_t read_lines(struct ledger *ledger, char *text)
{
	char *line = text, *end;

	while ((end = strchr(line, '\n'))) {
		*end = '\0';
		if (!apply(ledger, line)) {
			fprintf(stderr, "the ledger: this is not understood: %s\n", line);
			return -1;
		}
		line = end + 1;
	}
	return line - text;
}

int ledger_open(struct ledger *ledger, const char *path)
{
	ssize_t got, whole = -1;
	off_t size;
	char *text;

	*ledger = (struct ledger){.fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666)};
	size = ledger->fd < 0 ? -1 : lseek(ledger->fd, 0, SEEK_END);
	if (size < 0)
		return complain(path);
	text = calloc(1, (size_t)size + 1);
	got = text ? pread(ledger->fd, text, (size_t)size, 0) : -1;
	if (got != size)
		complain("it cannot be read");
	else
		whole = read_lines(ledger, text);
	free(text);
	if (whole < 0)
		return -1;
	ledger->end = whole;
	return whole < size && ftruncate(ledger->fd, whole) ? complain("it cannot be cut") : 0;
}

void ledger_close(struct ledger *ledger)
{
	free(ledger->keys);
	close(ledger->fd);
}

void ledger_write(struct ledger *ledger, const char *format, ...)
{
	char line[LEDGER_LINE];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	if (len < 0 || len >= LEDGER_LINE - 1 || !apply(ledger, line)) {
		fprintf(stderr, "the ledger: this is no line: %s\n", line);
		exit(2);
	}
	line[len] = '\n';
	/* Not with O_APPEND: 9p would append whole pages. */
	if (pwrite(ledger->fd, line, (size_t)len + 1, ledger->end) != len + 1 ||
	    fsync(ledger->fd)) {
		complain("it cannot be written");
		exit(2);
	}
	ledger->end += len + 1;
}

size_t ledger_count(const struct ledger *ledger)
{
	size_t count = 0;

	for (size_t i = 0; i < ledger->n; i++)
		count += ledger->keys[i].state != LEDGER_NONE &&
			 ledger->keys[i].state != LEDGER_GONE;
	return count;
}

void ledger_label(unsigned int number, struct ledger_label label, char text[LEDGER_LABEL_MAX])
{
	int len = snprintf(text, LEDGER_LABEL_MAX, "%u.%u", number, label.version);

	/* Lengths vary, so that files have one block of a disk or more. */
	for (; len < (int)label.length && len < LEDGER_LABEL_MAX - 1; len++)
		text[len] = '.';
	text[len] = '\0';
}

void ledger_hex(const unsigned char cipher[LEDGER_CIPHER], char hex[2 * LEDGER_CIPHER + 1])
{
	for (int i = 0; i < LEDGER_CIPHER; i++)
		sprintf(hex + 2 * i, "%02x", cipher[i]);
}
