/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's generators of SP 800-90A with published vectors, through the module's own calls of
 * the kernel. This needs CAP_SYS_ADMIN and a kernel with CONFIG_CRYPTO_USER_API_RNG_CAVP (see
 * linux/crypto/algif_rng.c), and is skipped elsewhere; $KCRYPTOKI_EXPECT=full makes that a failure.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest.h"
#include "kernel/alg.h"

#define VECTORS "tests/vectors/drbg.rsp"

/* The longest value of any record. */
enum { VALUE_MAX = 256 };

struct value {
	uint8_t bytes[VALUE_MAX];
	size_t length;
};

struct vector {
	/* Where the record begins. */
	unsigned long line;
	/* With the nonce behind it, as the kernel takes it. */
	struct value entropy;
	struct value personalization;
	struct value additional[2];
	size_t n_additional;
	/* By the second request. */
	struct value returned;
};

static FILE *file;
static unsigned long line_number;

__attribute__((noreturn)) static void malformed(const char *what)
{
	guest_fail("%s:%lu: %s", VECTORS, line_number, what);
}

static bool read_line(char *line, int size)
{
	if (!fgets(line, size, file))
		return false;
	line_number++;
	line[strcspn(line, "\n")] = '\0';
	return true;
}

static void append(struct value *value, const char *hex)
{
	size_t length = strlen(hex) / 2;

	if (strlen(hex) % 2 || value->length + length > VALUE_MAX)
		malformed("not whole bytes, or too many");
	for (size_t i = 0; i < length; i++)
		sscanf(hex + 2 * i, "%2hhx", &value->bytes[value->length + i]);
	value->length += length;
}

static void read_field(struct vector *vector, const char *line)
{
	char name[32], hex[2 * VALUE_MAX + 1] = "";
	int end = 0;

	/* Of a value that is empty only the first %n is reached. */
	sscanf(line, "%31s =%n %512[0-9A-Fa-f]%n", name, &end, hex, &end);
	if (!end || line[end])
		malformed("neither a name and a hexadecimal value nor a section");
	if (!strcmp(name, "EntropyInput") || !strcmp(name, "Nonce"))
		append(&vector->entropy, hex);
	else if (!strcmp(name, "PersonalizationString"))
		append(&vector->personalization, hex);
	else if (!strcmp(name, "AdditionalInput") && vector->n_additional < 2)
		append(&vector->additional[vector->n_additional++], hex);
	else if (!strcmp(name, "ReturnedBits"))
		append(&vector->returned, hex);
	else if (strcmp(name, "COUNT") != 0)
		malformed("an unknown name");
}

static void find_section(const char *generator)
{
	char line[1024], section[64];

	rewind(file);
	line_number = 0;
	snprintf(section, sizeof(section), "[%s]", generator);
	while (read_line(line, sizeof(line)))
		if (!strcmp(line, section))
			return;
	malformed("the section is missing");
}

/* False at the end of the section. */
static bool next(struct vector *vector)
{
	char line[1024];

	*vector = (struct vector){0};
	while (read_line(line, sizeof(line))) {
		if (line[0] == '#')
			continue;
		if (line[0] == '[')
			break;
		if (line[0]) {
			if (!vector->line)
				vector->line = line_number;
			read_field(vector, line);
		} else if (vector->line) {
			break;
		}
	}
	if (!vector->line)
		return false;
	if (!vector->entropy.length || vector->n_additional != 2 || !vector->returned.length)
		malformed("an incomplete record");
	return true;
}

__attribute__((noreturn)) static void unavailable(const char *generator, const char *why, int err)
{
	const char *expect = getenv("KCRYPTOKI_EXPECT");

	if (expect && !strcmp(expect, "full"))
		guest_fail("%s: %s (%s)", generator, why, strerror(-err));
	guest_skip("%s: %s (%s)", generator, why, strerror(-err));
}

/* A generator that starts from what VECTOR says. */
static int instantiate(const char *generator, const struct vector *vector)
{
	int transform = alg_bind("rng", generator), err;

	if (transform < 0)
		unavailable(generator, "this kernel does not offer it to this user", transform);
	err = alg_set_drbg_entropy(transform, vector->entropy.bytes, vector->entropy.length);
	if (err == -ENOPROTOOPT || err == -EACCES) {
		close(transform);
		unavailable(generator, "this kernel does not let this user give its entropy", err);
	}
	if (err)
		guest_fail("%s, line %lu: entropy: %s", generator, vector->line, strerror(-err));
	err = alg_set_key(transform, vector->personalization.bytes, vector->personalization.length);
	if (err)
		guest_fail("%s, line %lu: seeding: %s", generator, vector->line, strerror(-err));
	return transform;
}

/*
 * The second answer. It is cut where NIST asked for more than the kernel gives at once: of CTR_DRBG
 * and HMAC_DRBG that would change it, of Hash_DRBG not, since its state does not depend on how much
 * was asked for (SP 800-90A, 10.1.1.4).
 */
static size_t generate(const char *generator, const struct vector *vector, uint8_t *out)
{
	size_t length = vector->returned.length;
	int transform = instantiate(generator, vector), op = alg_accept(transform), err = 0;

	if (op < 0)
		guest_fail("%s, line %lu: accept: %s", generator, vector->line, strerror(-op));
	if (length > ALG_RANDOM_MAX)
		length = ALG_RANDOM_MAX;
	for (size_t i = 0; i < 2 && !err; i++) {
		const struct value *additional = &vector->additional[i];
		struct iovec in = {(void *)additional->bytes, additional->length};
		struct iovec room = {out, length};

		if (in.iov_len)
			err = alg_send(op, NULL, &in, 1, false);
		if (!err)
			err = alg_recv(op, &room, 1, length);
	}
	if (err)
		guest_fail("%s, line %lu: %s", generator, vector->line, strerror(-err));
	close(op);
	close(transform);
	return length;
}

static void vectors_hold(void **state)
{
	const char *generator = *state;
	unsigned int count = 0;
	struct vector vector;

	find_section(generator);
	while (next(&vector)) {
		uint8_t out[ALG_RANDOM_MAX];
		size_t length = generate(generator, &vector, out);

		if (memcmp(out, vector.returned.bytes, length) != 0)
			guest_fail("%s: other bytes than the vector of line %lu", generator,
				   vector.line);
		count++;
	}
	assert_in_range(count, 1, 1000);
	printf("# %s: %u vectors\n", generator, count);
}

static int open_vectors(void **state)
{
	/* Where automake runs the test; else this is the source folder. */
	const char *directory = getenv("srcdir");
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", directory ? directory : ".", VECTORS);
	file = fopen(path, "re");
	if (!file)
		print_message("# %s: %s\n", path, strerror(errno));
	return file ? 0 : -1;
}

static int close_vectors(void **state)
{
	return fclose(file);
}

int main(void)
{
	static const char *const generators[] = {
		"drbg_nopr_sha256",      "drbg_nopr_sha384",      "drbg_nopr_sha512",
		"drbg_nopr_hmac_sha256", "drbg_nopr_hmac_sha384", "drbg_nopr_hmac_sha512",
		"drbg_nopr_ctr_aes128",  "drbg_nopr_ctr_aes192",  "drbg_nopr_ctr_aes256",
	};
	struct CMUnitTest tests[sizeof(generators) / sizeof(*generators)];

	for (size_t i = 0; i < sizeof(generators) / sizeof(*generators); i++)
		tests[i] = (struct CMUnitTest){.name = generators[i],
					       .test_func = vectors_hold,
					       .initial_state = (void *)generators[i]};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, open_vectors, close_vectors);
}
