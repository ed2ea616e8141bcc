/* SPDX-License-Identifier: BSD-2-Clause */
#include "vectors.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Where python3-cryptography-vectors is, unless $KCRYPTOKI_VECTORS says so; this directory. */
#ifndef VECTORS_DIR
#define VECTORS_DIR "/usr/lib/python3/dist-packages/cryptography_vectors"
#endif
#ifndef TESTS_DIR
#define TESTS_DIR "tests"
#endif

/* Lengths and counters that stand beside the data; -1 where nothing is said. */
struct numbers {
	long text_bits, unit_bits; /* of this record */
	long block_counter, unit;  /* of this record */
	long text, aad, tag;       /* in bytes, of all records that follow */
};

struct vector_file {
	const struct vector_set *set;
	FILE *stream;
	char *line;
	size_t line_size;
	unsigned long line_number;
	struct numbers numbers;
	struct vector vector;
	/* Of records that lack their own. */
	struct blob shared_key, shared_iv;
	char error[128];
};

/* The names that carry data, as the various files call them, and how often a value counts. */
static const struct field {
	const char *name;
	size_t offset;
	int times;
} fields[] = {
	{"KEY", offsetof(struct vector, key), 1},
	{"K", offsetof(struct vector, key), 1},
	{"KEY1", offsetof(struct vector, key), 1},
	{"KEY2", offsetof(struct vector, key), 1},
	{"KEY3", offsetof(struct vector, key), 1},
	{"KEYS", offsetof(struct vector, key), 3},
	{"IV", offsetof(struct vector, iv), 1},
	{"I", offsetof(struct vector, iv), 1},
	{"NONCE", offsetof(struct vector, iv), 1},
	{"AAD", offsetof(struct vector, aad), 1},
	{"AD", offsetof(struct vector, aad), 1},
	{"ADATA", offsetof(struct vector, aad), 1},
	{"PLAINTEXT", offsetof(struct vector, text), 1},
	{"PT", offsetof(struct vector, text), 1},
	{"P", offsetof(struct vector, text), 1},
	{"MSG", offsetof(struct vector, text), 1},
	{"MESSAGE", offsetof(struct vector, text), 1},
	{"PAYLOAD", offsetof(struct vector, text), 1},
	{"IN", offsetof(struct vector, text), 1},
	{"INPUT", offsetof(struct vector, text), 1},
	{"CIPHERTEXT", offsetof(struct vector, cipher), 1},
	{"CT", offsetof(struct vector, cipher), 1},
	{"C", offsetof(struct vector, cipher), 1},
	{"TAG", offsetof(struct vector, tag), 1},
	{"MD", offsetof(struct vector, tag), 1},
	{"OUTPUT", offsetof(struct vector, tag), 1},
};

static const struct {
	const char *name;
	size_t offset;
} counts[] = {
	{"LEN", offsetof(struct numbers, text_bits)},
	{"DATAUNITLEN", offsetof(struct numbers, unit_bits)},
	{"DATAUNITSEQNUMBER", offsetof(struct numbers, unit)},
	{"INITIAL_BLOCK_COUNTER", offsetof(struct numbers, block_counter)},
	{"PLEN", offsetof(struct numbers, text)},
	{"ALEN", offsetof(struct numbers, aad)},
	{"TLEN", offsetof(struct numbers, tag)},
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* All that a vector owns. */
static const size_t blobs[] = {
	offsetof(struct vector, key),    offsetof(struct vector, iv),
	offsetof(struct vector, aad),    offsetof(struct vector, text),
	offsetof(struct vector, cipher), offsetof(struct vector, tag),
};

static struct blob *blob_at(struct vector *vector, size_t offset)
{
	return (struct blob *)((char *)vector + offset);
}

/* One byte more than asked for, so that an empty value is not a null pointer. */
static void blob_resize(struct blob *blob, size_t length)
{
	unsigned char *data = realloc(blob->data, length + 1);

	if (!data)
		abort();
	blob->data = data;
	blob->length = length;
	blob->present = true;
}

void blob_set(struct blob *blob, const void *data, size_t length)
{
	blob_resize(blob, length);
	if (data)
		memcpy(blob->data, data, length);
	else
		memset(blob->data, 0, length);
}

struct vector_file *vector_open(const struct vector_set *set, const char *name)
{
	const char *directory = getenv("KCRYPTOKI_VECTORS");
	struct vector_file *file;
	char path[PATH_MAX];

	if (strncmp(name, VECTORS_OWN, strlen(VECTORS_OWN)) == 0)
		directory = TESTS_DIR;
	else if (!directory || !*directory)
		directory = VECTORS_DIR;
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = calloc(1, sizeof(*file));
	if (!file)
		return NULL;
	file->set = set;
	file->numbers.text = file->numbers.aad = file->numbers.tag = -1;
	file->stream = fopen(path, "re");
	if (file->stream)
		return file;
	free(file);
	return NULL;
}

void vector_close(struct vector_file *file)
{
	if (!file)
		return;
	for (size_t i = 0; i < COUNT_OF(blobs); i++)
		free(blob_at(&file->vector, blobs[i])->data);
	free(file->shared_key.data);
	free(file->shared_iv.data);
	fclose(file->stream);
	free(file->line);
	free(file);
}

const char *vector_error(const struct vector_file *file)
{
	return file->error;
}

static int malformed(struct vector_file *file, const char *what)
{
	snprintf(file->error, sizeof(file->error), "line %lu: %s", file->line_number, what);
	return -1;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* In place: the bytes that VALUE says, as hexadecimal digits or as text in quotes, or -1. */
static ssize_t decode(char *value)
{
	size_t length = strlen(value), n = 0;

	if (length >= 2 && value[0] == '"' && value[length - 1] == '"') {
		memmove(value, value + 1, length - 2);
		return (ssize_t)length - 2;
	}
	for (const char *at = value; *at; at++) {
		int high, low;

		if (*at == ' ')
			continue;
		high = hex_digit(at[0]);
		low = hex_digit(at[1]);
		if (high < 0 || low < 0)
			return -1;
		value[n++] = (char)(high << 4 | low);
		at++;
	}
	return (ssize_t)n;
}

static int read_data(struct vector_file *file, const struct field *field, char *value)
{
	struct blob *blob = blob_at(&file->vector, field->offset);
	size_t before = blob->present ? blob->length : 0;
	ssize_t length = decode(value);

	if (length < 0)
		return malformed(file, "neither hexadecimal nor text in quotes");
	/* The keys of DES come in three pieces. */
	if (blob->present && strncasecmp(field->name, "KEY", 3) != 0)
		return malformed(file, "the same name twice in one record");
	blob_resize(blob, before + (size_t)(length * field->times));
	for (int i = 0; i < field->times; i++)
		memcpy(blob->data + before + i * length, value, (size_t)length);
	return 0;
}

static bool read_count(struct vector_file *file, const char *name, const char *value)
{
	for (size_t i = 0; i < COUNT_OF(counts); i++) {
		if (strcasecmp(name, counts[i].name) == 0) {
			*(long *)((char *)&file->numbers + counts[i].offset) =
				strtol(value, NULL, 10);
			return true;
		}
	}
	return strcasecmp(name, "COUNT") == 0 || strcasecmp(name, "NLEN") == 0;
}

static int read_result(struct vector_file *file, const char *value)
{
	static const char *const good[] = {"valid", "pass"};
	static const char *const bad[] = {"invalid", "fail", "CIPHERFINAL_ERROR"};

	for (size_t i = 0; i < COUNT_OF(good); i++)
		if (strcasecmp(value, good[i]) == 0)
			return 0;
	file->vector.valid = false;
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		if (strcasecmp(value, bad[i]) == 0)
			return 0;
	return malformed(file, "neither valid nor invalid");
}

static int read_value(struct vector_file *file, const char *name, char *value)
{
	for (size_t i = 0; i < COUNT_OF(fields); i++)
		if (strcasecmp(name, fields[i].name) == 0)
			return read_data(file, &fields[i], value);
	if (read_count(file, name, value))
		return 0;
	if (strcasecmp(name, "RESULT") == 0)
		return read_result(file, value);
	return malformed(file, "an unknown name");
}

/* "NAME = VALUE"; in the vectors of Camellia's authors "NAME No.NUMBER : VALUE". */
static int read_line(struct vector_file *file, char *line)
{
	char *end = strchr(line, '='), *value, *number;

	if (strcasecmp(line, "FAIL") == 0) {
		file->vector.valid = false;
		return 0;
	}
	if (!end)
		end = strchr(line, ':');
	if (!end)
		return malformed(file, "neither a name and a value nor a section");
	value = end + 1;
	while (isspace((unsigned char)*value))
		value++;
	do {
		*end = '\0';
	} while (end > line && isspace((unsigned char)*--end));
	number = strstr(line, " No.");
	if (number)
		*number = '\0';
	return read_value(file, line, value);
}

/*
 * "[NAME = NUMBER, ...]": the lengths that records need and do not tell. The others repeat what the
 * values tell, or name one direction, while every vector here holds in both.
 */
static void read_section(struct vector_file *file, char *line)
{
	char *rest = NULL, name[16];
	long number;

	for (char *part = strtok_r(line, "[,]", &rest); part; part = strtok_r(NULL, "[,]", &rest)) {
		char value[24];

		if (sscanf(part, " %15[A-Za-z] = %ld", name, &number) != 2)
			continue;
		snprintf(value, sizeof(value), "%ld", number);
		read_count(file, name, value);
	}
}

/* A record of a key or a nonce alone says which one those that follow have. */
static bool is_shared(struct vector_file *file)
{
	struct vector *vector = &file->vector;

	if (vector->text.present || vector->cipher.present || vector->tag.present)
		return false;
	if (vector->key.present)
		blob_set(&file->shared_key, vector->key.data, vector->key.length);
	if (vector->iv.present)
		blob_set(&file->shared_iv, vector->iv.data, vector->iv.length);
	return true;
}

static void take_shared(struct vector_file *file)
{
	struct vector *vector = &file->vector;

	if (!vector->key.present && file->shared_key.present)
		blob_set(&vector->key, file->shared_key.data, file->shared_key.length);
	if (!vector->iv.present && file->shared_iv.present)
		blob_set(&vector->iv, file->shared_iv.data, file->shared_iv.length);
}

/* IVs that are told as numbers, as the kernel has them: least significant byte first. */
static void make_iv(struct vector_file *file)
{
	const struct numbers *numbers = &file->numbers;
	struct blob *iv = &file->vector.iv;

	if (numbers->unit >= 0) {
		blob_set(iv, NULL, 16);
		for (size_t i = 0; i < sizeof(numbers->unit); i++)
			iv->data[i] = (unsigned char)(numbers->unit >> 8 * i);
	}
	if (numbers->block_counter >= 0 && iv->present) {
		blob_resize(iv, iv->length + 4);
		memmove(iv->data + 4, iv->data, iv->length - 4);
		for (int i = 0; i < 4; i++)
			iv->data[i] = (unsigned char)(numbers->block_counter >> 8 * i);
	}
}

/* An empty value is written as one zero byte. */
static int check_length(struct vector_file *file, struct blob *blob, long length)
{
	if (length < 0 || !blob->present)
		return 0;
	if (length == 0 && blob->length == 1 && blob->data[0] == 0)
		blob->length = 0;
	if (blob->length != (size_t)length)
		return malformed(file, "a value of another length than was said");
	return 0;
}

/* In the vectors of CCM the tag ends the ciphertext. */
static int part_tag(struct vector_file *file)
{
	struct vector *vector = &file->vector;
	size_t length = (size_t)file->numbers.tag;

	if (file->numbers.tag < 0 || vector->tag.present || !vector->cipher.present)
		return 0;
	if (vector->cipher.length < length)
		return malformed(file, "no room for the tag");
	vector->cipher.length -= length;
	blob_set(&vector->tag, vector->cipher.data + vector->cipher.length, length);
	return 0;
}

/* 1 where the record is a vector of the set, 0 where it is not one. */
static int end_record(struct vector_file *file)
{
	const struct numbers *numbers = &file->numbers;
	struct vector *vector = &file->vector;

	if (is_shared(file))
		return 0;
	/* Data units of XTS that end within a byte: neither PKCS#11 nor the kernel has them. */
	if (numbers->unit_bits > 0 && numbers->unit_bits % 8 != 0)
		return 0;
	take_shared(file);
	make_iv(file);
	if (numbers->text_bits > 0 && numbers->text_bits % 8 != 0)
		return malformed(file, "a message that is not whole bytes");
	if (check_length(file, &vector->text,
			 numbers->text_bits < 0 ? numbers->text : numbers->text_bits / 8) != 0 ||
	    check_length(file, &vector->aad, numbers->aad) != 0 || part_tag(file) != 0)
		return -1;
	vector->number++;
	return !file->set->adapt || file->set->adapt(file->set, vector);
}

static void begin_record(struct vector_file *file)
{
	for (size_t i = 0; i < COUNT_OF(blobs); i++) {
		struct blob *blob = blob_at(&file->vector, blobs[i]);

		blob->present = false;
		blob->length = 0;
	}
	file->numbers.text_bits = file->numbers.unit_bits = -1;
	file->numbers.block_counter = file->numbers.unit = -1;
	file->vector.line = 0;
	file->vector.valid = true;
}

/* One more record: 1 where there is one, 0 at the end of the file. */
static int read_record(struct vector_file *file)
{
	ssize_t length;

	begin_record(file);
	while ((length = getline(&file->line, &file->line_size, file->stream)) != -1) {
		char *line = file->line;

		file->line_number++;
		while (length > 0 && isspace((unsigned char)line[length - 1]))
			line[--length] = '\0';
		if (line[0] == '#')
			continue;
		if (line[0] == '\0' || line[0] == '[') {
			if (file->vector.line != 0 && line[0] == '[')
				return malformed(file, "a section amid a record");
			if (file->vector.line != 0)
				return 1;
			read_section(file, line);
			continue;
		}
		if (file->vector.line == 0)
			file->vector.line = file->line_number;
		if (read_line(file, line) != 0)
			return -1;
	}
	if (ferror(file->stream))
		return malformed(file, strerror(errno));
	return file->vector.line != 0;
}

int vector_next(struct vector_file *file, const struct vector **vector)
{
	int more;

	*vector = &file->vector;
	while ((more = read_record(file)) > 0) {
		int suits = end_record(file);

		if (suits != 0)
			return suits;
	}
	return more;
}

long vector_count(const struct vector_set *set, const char *name, char *error, size_t size)
{
	struct vector_file *file = vector_open(set, name);
	const struct vector *vector;
	long count = 0;
	int more;

	if (!file) {
		snprintf(error, size, "%s", strerror(errno));
		return -1;
	}
	while ((more = vector_next(file, &vector)) > 0)
		count++;
	if (more < 0) {
		snprintf(error, size, "%s", vector_error(file));
		count = -1;
	}
	vector_close(file);
	return count;
}
