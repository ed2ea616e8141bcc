/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Published vectors of key derivation through module/mech/derive.h, on the running kernel. Keys are
 * armed by their bytes and, where the kernel knows serial numbers, by that of a logon key, which
 * nobody can read. A row without a vector fails.
 */
#include "guest.h"

#include <errno.h>
#include <keyutils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "kernel/alg.h"
#include "mech/derive.h"
#include "vectors.h"

#define RFC_5869 "KDF/rfc-5869-HKDF-"
#define FEEDBACK VECTORS_OWN "kbkdf-feedback.rsp"

enum { ROWS_MAX = 256, OUT_MAX = 8192 };

/* Derivations that were right, of each row. */
static unsigned int done[ROWS_MAX];

/* A key, by its bytes or in a logon key. */
struct secret {
	struct transform_key transform_key; /* first: arm() gets back by it */
	const struct blob *bytes;
	key_serial_t serial; /* 0: by its bytes */
};

static bool serials;

static int arm(const struct transform_key *transform_key, int transform)
{
	const struct secret *secret = (const struct secret *)transform_key;

	return secret->serial ? alg_set_key_serial(transform, secret->serial)
			      : alg_set_key(transform, secret->bytes->data, secret->bytes->length);
}

static struct secret make_secret(const struct blob *bytes, const char *description)
{
	struct secret secret = {.transform_key = {.id = transform_key_id(), .arm = arm},
				.bytes = bytes};

	if (description) {
		secret.serial = add_key("logon", description, bytes->data, bytes->length,
					KEY_SPEC_PROCESS_KEYRING);
		if (secret.serial < 0)
			guest_fail("a logon key of %zu bytes: %s", bytes->length, strerror(errno));
	}
	return secret;
}

static const struct mechanism *need_row(CK_MECHANISM_TYPE type)
{
	const struct mechanism *row = mechanism_find(type);

	if (mechanism_offered(row) != 1)
		guest_skip("%s is not offered on this kernel to this user", row->name);
	return row;
}

static void succeeded(const struct mechanism *row)
{
	done[row - mechanisms]++;
}

/* What a derivation must come to: LEN bytes, in keys of LENS. */
struct outcome {
	const uint8_t *bytes;
	const size_t *lens;
	size_t n;
	unsigned long line;
};

static void derive_once(struct derivation *derivation, const struct outcome *outcome)
{
	static uint8_t out[OUT_MAX];
	size_t total = 0;
	CK_RV rv = derive_run(derivation, outcome->lens, outcome->n, out);

	for (size_t i = 0; i < outcome->n; i++)
		total += outcome->lens[i];
	if (rv != CKR_OK)
		guest_fail("%s, line %lu: 0x%lx", derivation->row->name, outcome->line, rv);
	if (memcmp(out, outcome->bytes, total) != 0)
		guest_fail("%s: other bytes than the vector of line %lu", derivation->row->name,
			   outcome->line);
	succeeded(derivation->row);
}

/* With the base and, where it is given, the salt as keys of either kind. */
static void derive(struct derivation *derivation, const struct blob *base, const struct blob *salt,
		   const struct outcome *outcome)
{
	for (int by_serial = 0; by_serial <= serials; by_serial++) {
		struct secret base_key, salt_key;

		/* The kernel has no logon key of no bytes. */
		if (by_serial && (!base->length || (salt && !salt->length)))
			continue;
		base_key = make_secret(base, by_serial ? "kcryptoki-test:base" : NULL);
		derivation->base.key = &base_key.transform_key;
		if (salt) {
			salt_key = make_secret(salt, by_serial ? "kcryptoki-test:salt" : NULL);
			derivation->salt = &salt_key.transform_key;
		}
		derive_once(derivation, outcome);
	}
}

/* The values of NIST's files and of RFC 5869's. */
struct record {
	unsigned long line;
	char prf[32], location[32], hash[32];
	unsigned int counter_bits;
	size_t bits;
	struct blob key, iv, fixed, before, after, out, salt, info, prk;
};

static const struct {
	const char *name;
	size_t offset;
} names[] = {
	{"KI", offsetof(struct record, key)},
	{"IKM", offsetof(struct record, key)},
	{"IV", offsetof(struct record, iv)},
	{"FixedInputData", offsetof(struct record, fixed)},
	{"DataBeforeCtrData", offsetof(struct record, before)},
	{"DataAfterCtrData", offsetof(struct record, after)},
	{"KO", offsetof(struct record, out)},
	{"OKM", offsetof(struct record, out)},
	{"salt", offsetof(struct record, salt)},
	{"info", offsetof(struct record, info)},
	{"PRK", offsetof(struct record, prk)},
};

enum { NAMES = sizeof(names) / sizeof(*names) };

static struct blob *blob_of(struct record *record, size_t name)
{
	return (struct blob *)((char *)record + names[name].offset);
}

static void read_value(struct record *record, const char *name, const char *hex)
{
	static unsigned char bytes[OUT_MAX];
	size_t length = strlen(hex) / 2;

	if (!strcmp(name, "Hash"))
		snprintf(record->hash, sizeof(record->hash), "%.31s", hex);
	if (!strcmp(name, "L"))
		record->bits = strtoul(hex, NULL, 10);
	for (size_t i = 0; i < NAMES; i++) {
		if (strcmp(name, names[i].name) != 0)
			continue;
		for (size_t j = 0; j < length && j < sizeof(bytes); j++)
			sscanf(hex + 2 * j, "%2hhx", &bytes[j]);
		blob_set(blob_of(record, i), bytes, length);
	}
}

/* One line; true where a record begins. Sections stay until there are others. */
static bool read_line(struct record *record, char *line)
{
	char name[32], value[OUT_MAX] = "";

	if (sscanf(line, "[PRF=%31[^]]", record->prf) == 1) {
		record->location[0] = '\0';
		record->counter_bits = 0;
	}
	sscanf(line, "[CTRLOCATION=%31[^]]", record->location);
	sscanf(line, "[RLEN=%u_BITS]", &record->counter_bits);
	if (sscanf(line, " %31[A-Za-z] = %8191s", name, value) < 1)
		return false;
	if (!strcmp(name, "COUNT"))
		return true;
	read_value(record, name, value);
	return false;
}

typedef void (*record_test)(const struct record *);

static void finish(struct record *record, record_test test)
{
	if (record->out.present)
		test(record);
	for (size_t i = 0; i < NAMES; i++)
		blob_of(record, i)->present = false;
}

/* Gives TEST every record of FILE; their number. */
static void read_file(const char *name, record_test test)
{
	const char *directory = getenv("KCRYPTOKI_VECTORS");
	struct record record = {0};
	unsigned long number = 0;
	char path[4096], *line = NULL;
	size_t size = 0;
	FILE *file;

	if (!strncmp(name, VECTORS_OWN, strlen(VECTORS_OWN)))
		directory = TESTS_DIR;
	snprintf(path, sizeof(path), "%s/%s", directory ? directory : VECTORS_DIR, name);
	file = fopen(path, "re");
	if (!file)
		guest_fail("%s: %s", path, strerror(errno));
	while (getline(&line, &size, file) > 0) {
		number++;
		/* A section ends a record, too. */
		if (line[0] == '[')
			finish(&record, test);
		if (!read_line(&record, line))
			continue;
		finish(&record, test);
		record.line = number;
	}
	finish(&record, test);
	/* Some have two names. */
	for (size_t i = 0; i < NAMES; i++) {
		free(blob_of(&record, i)->data);
		blob_of(&record, i)->data = NULL;
	}
	free(line);
	fclose(file);
}

static const struct {
	const char *name;
	CK_MECHANISM_TYPE prf;
	CK_KEY_TYPE type;
} prfs[] = {
	{"CMAC_AES128", CKM_AES_CMAC, CKK_AES},
	{"CMAC_AES192", CKM_AES_CMAC, CKK_AES},
	{"CMAC_AES256", CKM_AES_CMAC, CKK_AES},
	{"CMAC_TDES2", CKM_DES3_CMAC, CKK_DES3},
	{"CMAC_TDES3", CKM_DES3_CMAC, CKK_DES3},
	{"HMAC_SHA1", CKM_SHA_1_HMAC, CKK_GENERIC_SECRET},
	{"HMAC_SHA224", CKM_SHA224_HMAC, CKK_GENERIC_SECRET},
	{"HMAC_SHA256", CKM_SHA256_HMAC, CKK_GENERIC_SECRET},
	{"HMAC_SHA384", CKM_SHA384_HMAC, CKK_GENERIC_SECRET},
	{"HMAC_SHA512", CKM_SHA512_HMAC, CKK_GENERIC_SECRET},
};

static size_t find_prf(const char *name)
{
	for (size_t i = 0; i < sizeof(prfs) / sizeof(*prfs); i++)
		if (!strcmp(prfs[i].name, name))
			return i;
	guest_fail("the PRF %s is not known here", name);
}

static unsigned int passed_over;

static struct kdf_field bytes_field(const struct blob *blob)
{
	return (struct kdf_field){CK_SP800_108_BYTE_ARRAY, blob->data, blob->length};
}

/* The fields of the PRF's input, as the record's section places the counter. */
static size_t lay_out(const struct record *record, struct kdf_counter_format *counter,
		      bool feedback, struct kdf_field *fields)
{
	const struct kdf_field counts = {feedback ? CK_SP800_108_COUNTER
						  : CK_SP800_108_ITERATION_VARIABLE,
					 counter, sizeof(*counter)};
	size_t n = 0;

	*counter = (struct kdf_counter_format){.bits = record->counter_bits};
	if (!strncmp(record->location, "BEFORE_", 7))
		fields[n++] = counts;
	if (feedback)
		fields[n++] = (struct kdf_field){CK_SP800_108_ITERATION_VARIABLE, NULL, 0};
	if (!strcmp(record->location, "AFTER_ITER"))
		fields[n++] = counts;
	if (!strcmp(record->location, "MIDDLE_FIXED")) {
		fields[n++] = bytes_field(&record->before);
		fields[n++] = counts;
		fields[n++] = bytes_field(&record->after);
	} else {
		fields[n++] = bytes_field(&record->fixed);
	}
	if (!strcmp(record->location, "AFTER_FIXED"))
		fields[n++] = counts;
	return n;
}

/* The first LEN bytes that NIST knows, as one key; and as two, where segments allow. */
static void derive_kdf(struct derivation *derivation, const struct record *record, size_t size)
{
	struct blob key = {0};
	size_t len = record->bits / 8, lens[] = {size, len - size};
	struct outcome outcome = {record->out.data, &len, 1, record->line};

	if (len != record->out.length)
		guest_fail("line %lu: %zu bytes are said to be %zu", record->line,
			   record->out.length, len);
	blob_set(&key, record->key.data, record->key.length);
	/* Triple DES with two keys is K1 | K2 | K1. */
	if (!strcmp(record->prf, "CMAC_TDES2")) {
		blob_set(&key, NULL, 24);
		memcpy(key.data, record->key.data, 16);
		memcpy(key.data + 16, record->key.data, 8);
	}
	derive(derivation, &key, NULL, &outcome);
	if (len > size) {
		outcome = (struct outcome){record->out.data, lens, 2, record->line};
		derive(derivation, &key, NULL, &outcome);
	}
	free(key.data);
}

static void run_kdf(const struct record *record, bool feedback)
{
	size_t i = find_prf(record->prf);
	struct kdf_counter_format counter;
	struct kdf_field fields[4];
	size_t n = lay_out(record, &counter, feedback, fields);
	struct counter_kdf_params counter_params = {
		.prf = prfs[i].prf, .n_fields = n, .fields = fields};
	struct feedback_kdf_params feedback_params = {.prf = prfs[i].prf,
						      .n_fields = n,
						      .fields = fields,
						      .iv = record->iv.data,
						      .iv_len = record->iv.length};
	CK_MECHANISM mechanism = {CKM_SP800_108_COUNTER_KDF, &counter_params,
				  sizeof(counter_params)};
	struct derivation derivation = {.mechanism = &mechanism, .base.type = prfs[i].type};
	static uint8_t out[OUT_MAX];
	size_t len = record->bits / 8;

	if (feedback)
		mechanism = (CK_MECHANISM){CKM_SP800_108_FEEDBACK_KDF, &feedback_params,
					   sizeof(feedback_params)};
	derivation.row = mechanism_find(mechanism.mechanism);
	if (mechanism_offered(mechanism_find(prfs[i].prf)) != 1) {
		passed_over++;
		GUEST_RV(derive_run(&derivation, &len, 1, out), CKR_MECHANISM_PARAM_INVALID);
		return;
	}
	derive_kdf(&derivation, record, mechanism_find(prfs[i].prf)->size);
}

static void run_counter(const struct record *record)
{
	run_kdf(record, false);
}

static void run_feedback(const struct record *record)
{
	run_kdf(record, true);
}

static void report(const struct mechanism *row)
{
	printf("# %s: %u derivations; %u vectors passed over, whose PRF is not offered\n",
	       row->name, done[row - mechanisms], passed_over);
	passed_over = 0;
	assert_true(done[row - mechanisms] > 0);
}

static void counter_mode(void **state)
{
	const struct mechanism *row = need_row(CKM_SP800_108_COUNTER_KDF);

	read_file("KDF/nist-800-108-KBKDF-CTR.txt", run_counter);
	report(row);
}

static void feedback_mode(void **state)
{
	const struct mechanism *row = need_row(CKM_SP800_108_FEEDBACK_KDF);

	read_file(FEEDBACK, run_feedback);
	report(row);
}

static CK_MECHANISM_TYPE hkdf;

static struct derivation hkdf_of(CK_MECHANISM *mechanism, struct hkdf_params *params,
				 const struct blob *base)
{
	struct derivation derivation = {
		.row = mechanism_find(hkdf), .mechanism = mechanism, .base.type = CKK_HKDF};

	*mechanism = (CK_MECHANISM){hkdf, params, sizeof(*params)};
	if (derive_reads(derivation.row, mechanism)) {
		derivation.base.bytes = base->data;
		derivation.base.len = base->length;
	}
	return derivation;
}

static void derive_hkdf(struct hkdf_params params, const struct record *record,
			const struct blob *base, const struct blob *expected)
{
	const struct outcome outcome = {expected->data, &expected->length, 1, record->line};
	const struct blob *salt = &record->salt;
	struct derivation derivation;
	CK_MECHANISM mechanism;

	params.hash = !strcmp(record->hash, "SHA-1") ? CKM_SHA_1 : CKM_SHA256;
	params.info = record->info.data;
	params.info_len = record->info.length;
	/* Without a salt, and an empty one, is the same. */
	params.salt_type = salt->length ? CKF_HKDF_SALT_DATA : CKF_HKDF_SALT_NULL;
	params.salt = salt->data;
	params.salt_len = salt->length;
	derivation = hkdf_of(&mechanism, &params, base);
	derive(&derivation, base, NULL, &outcome);
	if (!params.extract || !salt->length) {
		params.salt_type = CKF_HKDF_SALT_DATA;
		derive(&derivation, base, NULL, &outcome);
		return;
	}
	params.salt_type = CKF_HKDF_SALT_KEY;
	params.salt_key = 1;
	params.salt = NULL;
	params.salt_len = 0;
	derive(&derivation, base, salt, &outcome);
}

static void run_hkdf(const struct record *record)
{
	derive_hkdf((struct hkdf_params){.extract = CK_TRUE, .expand = CK_TRUE}, record,
		    &record->key, &record->out);
	if (!record->prk.present)
		return;
	derive_hkdf((struct hkdf_params){.extract = CK_TRUE}, record, &record->key, &record->prk);
	/* The pseudo-random key is the base, and unread. */
	derive_hkdf((struct hkdf_params){.expand = CK_TRUE}, record, &record->prk, &record->out);
}

static void rfc_5869(void **state)
{
	static const CK_MECHANISM_TYPE types[] = {CKM_HKDF_DERIVE, CKM_HKDF_DATA};

	for (size_t i = 0; i < 2; i++) {
		hkdf = types[i];
		need_row(hkdf);
		read_file(RFC_5869 "SHA256.txt", run_hkdf);
		read_file(RFC_5869 "SHA1.txt", run_hkdf);
		read_file("KDF/hkdf-generated.txt", run_hkdf);
		report(mechanism_find(hkdf));
	}
}

/* The key is the ciphertext: vectors of the cipher are vectors of the derivation. */
static void run_encryption(const struct vector *vector, CK_MECHANISM_TYPE type)
{
	struct derivation_data ecb = {vector->text.data, vector->text.length};
	struct cbc_encrypt_data_params cbc = {.data = vector->text.data,
					      .data_len = vector->text.length};
	CK_MECHANISM mechanism = {type, &ecb, sizeof(ecb)};
	struct derivation derivation = {
		.row = mechanism_find(type), .mechanism = &mechanism, .base.type = CKK_AES};
	size_t lens[] = {vector->cipher.length, vector->cipher.length - 5};
	struct outcome outcome = {vector->cipher.data, lens, 1, vector->line};

	if (derivation.row->iv) {
		memcpy(cbc.iv, vector->iv.data, sizeof(cbc.iv));
		mechanism = (CK_MECHANISM){type, &cbc, sizeof(cbc)};
	}
	derive(&derivation, &vector->key, NULL, &outcome);
	outcome.lens++;
	derive(&derivation, &vector->key, NULL, &outcome);
}

static void run_cipher(CK_MECHANISM_TYPE cipher, CK_MECHANISM_TYPE type)
{
	const struct vector_set *set = vector_sets;
	const struct vector *vector;

	while (set->mechanism != cipher)
		set++;
	for (const char *const *name = set->files; *name; name++) {
		struct vector_file *file = vector_open(set, *name);

		if (!file)
			guest_fail("%s: %s", *name, strerror(errno));
		while (vector_next(file, &vector) > 0)
			run_encryption(vector, type);
		vector_close(file);
	}
	report(mechanism_find(type));
}

static void encryption_of_data(void **state)
{
	need_row(CKM_AES_ECB_ENCRYPT_DATA);
	run_cipher(CKM_AES_ECB, CKM_AES_ECB_ENCRYPT_DATA);
	need_row(CKM_AES_CBC_ENCRYPT_DATA);
	run_cipher(CKM_AES_CBC, CKM_AES_CBC_ENCRYPT_DATA);
}

/* The example of section 6.43.5. */
static void concatenation(void **state)
{
	uint8_t base[] = {0x01, 0x23, 0x45, 0x67}, data[] = {0x89, 0xab, 0xcd, 0xef};
	const uint8_t both[] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};
	struct derivation_data params = {data, sizeof(data)};
	CK_MECHANISM mechanism = {CKM_CONCATENATE_BASE_AND_DATA, &params, sizeof(params)};
	struct derivation derivation = {.row = need_row(CKM_CONCATENATE_BASE_AND_DATA),
					.mechanism = &mechanism,
					.base = {.bytes = base, .len = sizeof(base)}};
	const struct outcome outcome = {both, &(size_t){sizeof(both)}, 1, 0};

	derive_once(&derivation, &outcome);
}

static void every_row_was_tried(void **state)
{
	assert_true(n_mechanisms < ROWS_MAX);
	for (size_t i = 0; i < n_mechanisms; i++)
		if (mechanisms[i].derive && mechanism_offered(&mechanisms[i]) == 1 && !done[i])
			guest_fail("%s has no vector", mechanisms[i].name);
}

/* Nothing of a key stays open behind a derivation. */
static void no_socket_stays(void **state)
{
	struct alg_sockets sockets;

	belongings_alg_sockets(&sockets);
	assert_int_equal(sockets.n, 0);
	assert_int_equal(transform_sockets(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counter_mode),    cmocka_unit_test(feedback_mode),
		cmocka_unit_test(rfc_5869),        cmocka_unit_test(encryption_of_data),
		cmocka_unit_test(concatenation),   cmocka_unit_test(every_row_was_tried),
		cmocka_unit_test(no_socket_stays),
	};
	int transform = alg_bind("hash", "hmac(sha256)");

	setvbuf(stdout, NULL, _IOLBF, 0);
	mechanisms_start(FAMILY_ALL);
	serials = transform >= 0 && alg_takes_serials(transform) == 1;
	if (transform >= 0)
		close(transform);
	printf("# keys are armed by their bytes%s\n", serials ? " and by serial number" : "");
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("derivation", tests, NULL, NULL);
}
