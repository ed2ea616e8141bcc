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

/* Begins the names of the files which that package lacks; they are in TESTS_DIR. */
#define OWN "vectors/"

#define FILES(...) ((const char *const[]){__VA_ARGS__, NULL})

/* clang-format off */
#define SIZES(stem) stem "128.rsp", stem "192.rsp", stem "256.rsp"
#define SIZES_TXT(stem) stem "128.txt", stem "192.txt", stem "256.txt"
#define AES_FILES(mode)                                                                            \
	FILES(SIZES("ciphers/AES/" mode "/" mode "GFSbox"),                                        \
	      SIZES("ciphers/AES/" mode "/" mode "KeySbox"),                                       \
	      SIZES("ciphers/AES/" mode "/" mode "VarKey"),                                        \
	      SIZES("ciphers/AES/" mode "/" mode "VarTxt"),                                        \
	      SIZES("ciphers/AES/" mode "/" mode "MMT"))
#define SHA_FILES(stem) FILES("hashes/" stem "ShortMsg.rsp", "hashes/" stem "LongMsg.rsp")

#define DIGEST(ckm, block, files)                                                                  \
	{ckm, #ckm, VECTOR_DIGEST, VECTOR_NO_PARAM, block, {NULL, NULL}, files}
#define MAC(ckm, block, key_type, files)                                                           \
	{ckm, #ckm, VECTOR_MAC, VECTOR_NO_PARAM, block, {"generic-secret", key_type}, files}
#define AES(ckm, kind, param, files)                                                               \
	{ckm, #ckm, VECTOR_##kind, VECTOR_##param, 16, {"aes", "aes"}, files}
/* clang-format on */

const struct vector_set vector_sets[] = {
	DIGEST(CKM_MD5, 64, FILES("hashes/MD5/rfc-1321.txt")),
	DIGEST(CKM_SHA_1, 64, SHA_FILES("SHA1/SHA1")),
	DIGEST(CKM_SHA224, 64, SHA_FILES("SHA2/SHA224")),
	DIGEST(CKM_SHA256, 64, SHA_FILES("SHA2/SHA256")),
	DIGEST(CKM_SHA384, 128, SHA_FILES("SHA2/SHA384")),
	DIGEST(CKM_SHA512, 128, SHA_FILES("SHA2/SHA512")),
	DIGEST(CKM_SHA3_224, 144, SHA_FILES("SHA3/SHA3_224")),
	DIGEST(CKM_SHA3_256, 136, SHA_FILES("SHA3/SHA3_256")),
	DIGEST(CKM_SHA3_384, 104, SHA_FILES("SHA3/SHA3_384")),
	DIGEST(CKM_SHA3_512, 72, SHA_FILES("SHA3/SHA3_512")),

	MAC(CKM_MD5_HMAC, 64, "md5-hmac", FILES("HMAC/rfc-2202-md5.txt")),
	MAC(CKM_SHA_1_HMAC, 64, "sha-1-hmac", FILES("HMAC/rfc-2202-sha1.txt")),
	MAC(CKM_SHA224_HMAC, 64, "sha224-hmac", FILES("HMAC/rfc-4231-sha224.txt")),
	MAC(CKM_SHA256_HMAC, 64, "sha256-hmac", FILES("HMAC/rfc-4231-sha256.txt")),
	MAC(CKM_SHA384_HMAC, 128, "sha384-hmac", FILES("HMAC/rfc-4231-sha384.txt")),
	MAC(CKM_SHA512_HMAC, 128, "sha512-hmac", FILES("HMAC/rfc-4231-sha512.txt")),

	{CKM_AES_CMAC, "CKM_AES_CMAC", VECTOR_MAC, VECTOR_NO_PARAM, 16, {"aes", "aes"},
	 FILES(SIZES_TXT("CMAC/nist-800-38b-aes"))},

	AES(CKM_AES_ECB, CIPHER, NO_PARAM, AES_FILES("ECB")),
	AES(CKM_AES_CBC, CIPHER, IV, AES_FILES("CBC")),
	AES(CKM_AES_CBC_PAD, CIPHER, IV, FILES(OWN "aes-cbc-pkcs5.rsp")),
	AES(CKM_AES_CTR, CIPHER, CTR,
	    FILES("ciphers/AES/CTR/aes-128-ctr.txt", "ciphers/AES/CTR/aes-192-ctr.txt",
		  "ciphers/AES/CTR/aes-256-ctr.txt")),
	AES(CKM_AES_GCM, AEAD, GCM,
	    FILES(SIZES("ciphers/AES/GCM/gcmEncryptExtIV"), SIZES("ciphers/AES/GCM/gcmDecrypt"))),
};

const size_t n_vector_sets = sizeof(vector_sets) / sizeof(vector_sets[0]);

struct vector_file {
	FILE *stream;
	char *line;
	size_t line_size;
	unsigned long line_number;
	/* In bits, as the files say it, or -1. */
	long text_bits;
	struct vector vector;
	char error[128];
};

/* The names that carry data, as the various files call them. */
static const struct field {
	const char *name;
	size_t offset;
} fields[] = {
	{"KEY", offsetof(struct vector, key)},
	{"IV", offsetof(struct vector, iv)},
	{"AAD", offsetof(struct vector, aad)},
	{"PLAINTEXT", offsetof(struct vector, text)},
	{"PT", offsetof(struct vector, text)},
	{"MSG", offsetof(struct vector, text)},
	{"MESSAGE", offsetof(struct vector, text)},
	{"CIPHERTEXT", offsetof(struct vector, cipher)},
	{"CT", offsetof(struct vector, cipher)},
	{"TAG", offsetof(struct vector, tag)},
	{"MD", offsetof(struct vector, tag)},
	{"OUTPUT", offsetof(struct vector, tag)},
};

#define N_FIELDS (sizeof(fields) / sizeof(fields[0]))

static struct blob *field_blob(struct vector *vector, const struct field *field)
{
	return (struct blob *)((char *)vector + field->offset);
}

struct vector_file *vector_open(const char *name)
{
	const char *directory = getenv("KCRYPTOKI_VECTORS");
	struct vector_file *file;
	char path[PATH_MAX];

	if (strncmp(name, OWN, strlen(OWN)) == 0)
		directory = TESTS_DIR;
	else if (!directory || !*directory)
		directory = VECTORS_DIR;
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = calloc(1, sizeof(*file));
	if (!file)
		return NULL;
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
	for (size_t i = 0; i < N_FIELDS; i++) {
		struct blob *blob = field_blob(&file->vector, &fields[i]);

		free(blob->data);
		blob->data = NULL;
	}
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

static int read_hex(struct vector_file *file, struct blob *blob, const char *hex)
{
	size_t length = strlen(hex);
	unsigned char *data;

	if (blob->present)
		return malformed(file, "the same name twice in one record");
	if (length % 2 != 0)
		return malformed(file, "an odd number of hexadecimal digits");
	/* One byte more, so that an empty value is not a null pointer. */
	data = realloc(blob->data, length / 2 + 1);
	if (!data)
		return malformed(file, "out of memory");
	blob->data = data;
	for (size_t i = 0; i < length / 2; i++) {
		int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return malformed(file, "not hexadecimal");
		data[i] = (unsigned char)(high << 4 | low);
	}
	blob->length = length / 2;
	blob->present = true;
	return 0;
}

static int read_value(struct vector_file *file, const char *name, const char *value)
{
	for (size_t i = 0; i < N_FIELDS; i++)
		if (strcasecmp(name, fields[i].name) == 0)
			return read_hex(file, field_blob(&file->vector, &fields[i]), value);
	if (strcasecmp(name, "COUNT") == 0)
		return 0;
	if (strcasecmp(name, "LEN") == 0) {
		file->text_bits = strtol(value, NULL, 10);
		return 0;
	}
	if (strcasecmp(name, "RESULT") != 0)
		return malformed(file, "an unknown name");
	file->vector.valid = strcasecmp(value, "valid") == 0;
	if (!file->vector.valid && strcasecmp(value, "invalid") != 0)
		return malformed(file, "neither valid nor invalid");
	return 0;
}

static int read_line(struct vector_file *file, char *line)
{
	char *equals = strchr(line, '='), *value;

	if (strcasecmp(line, "FAIL") == 0) {
		file->vector.valid = false;
		return 0;
	}
	if (!equals)
		return malformed(file, "neither a name and a value nor a section");
	value = equals + 1;
	while (isspace((unsigned char)*value))
		value++;
	do {
		*equals = '\0';
	} while (equals > line && isspace((unsigned char)*--equals));
	return read_value(file, line, value);
}

static int end_record(struct vector_file *file)
{
	struct blob *text = &file->vector.text;

	if (file->text_bits < 0)
		return 1;
	if (file->text_bits % 8 != 0 || !text->present)
		return malformed(file, "a message that is not whole bytes");
	/* An empty message is written as one zero byte. */
	if (file->text_bits == 0 && text->length == 1 && text->data[0] == 0)
		text->length = 0;
	if (text->length != (size_t)file->text_bits / 8)
		return malformed(file, "a message of another length than Len says");
	return 1;
}

static void begin_record(struct vector_file *file)
{
	for (size_t i = 0; i < N_FIELDS; i++) {
		struct blob *blob = field_blob(&file->vector, &fields[i]);

		blob->present = false;
		blob->length = 0;
	}
	file->text_bits = -1;
	file->vector.line = 0;
	file->vector.valid = true;
}

/*
 * Section lines are passed over: they repeat lengths that the values have anyway, or name one
 * direction, while every vector here holds in both.
 */
int vector_next(struct vector_file *file, const struct vector **vector)
{
	ssize_t length;

	begin_record(file);
	*vector = &file->vector;
	while ((length = getline(&file->line, &file->line_size, file->stream)) != -1) {
		char *line = file->line;

		file->line_number++;
		while (length > 0 && isspace((unsigned char)line[length - 1]))
			line[--length] = '\0';
		if (line[0] == '#')
			continue;
		if (line[0] == '\0' || line[0] == '[') {
			if (file->vector.line != 0)
				return end_record(file);
			continue;
		}
		if (file->vector.line == 0)
			file->vector.line = file->line_number;
		if (read_line(file, line) != 0)
			return -1;
	}
	if (ferror(file->stream))
		return malformed(file, strerror(errno));
	return file->vector.line != 0 ? end_record(file) : 0;
}

long vector_count(const char *name, char *error, size_t size)
{
	struct vector_file *file = vector_open(name);
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

static int set_param(struct vector_mechanism *mechanism, void *param, size_t length)
{
	mechanism->mechanism.pParameter = param;
	mechanism->mechanism.ulParameterLen = length;
	return 0;
}

int vector_mechanism(const struct vector_set *set, const struct vector *vector, bool old_form,
		     struct vector_mechanism *mechanism)
{
	const struct blob *iv = &vector->iv, *aad = &vector->aad;
	CK_ULONG tag_bits = 8 * vector->tag.length;

	*mechanism = (struct vector_mechanism){.mechanism.mechanism = set->mechanism};
	switch (set->param) {
	case VECTOR_NO_PARAM:
		return 0;
	case VECTOR_IV:
		return set_param(mechanism, iv->data, iv->length);
	case VECTOR_CTR: {
		struct ctr_params *ctr = &mechanism->params.ctr;

		if (iv->length != sizeof(ctr->counter))
			return -1;
		ctr->counter_bits = 128;
		memcpy(ctr->counter, iv->data, sizeof(ctr->counter));
		return set_param(mechanism, ctr, sizeof(*ctr));
	}
	case VECTOR_GCM:
		break;
	}
	if (old_form) {
		struct old_gcm_params *gcm = &mechanism->params.old_gcm;

		*gcm = (struct old_gcm_params){iv->data, iv->length, aad->data, aad->length,
					       tag_bits};
		return set_param(mechanism, gcm, sizeof(*gcm));
	}
	mechanism->params.gcm = (struct gcm_params){
		iv->data, iv->length, 8 * iv->length, aad->data, aad->length, tag_bits,
	};
	return set_param(mechanism, &mechanism->params.gcm, sizeof(mechanism->params.gcm));
}
