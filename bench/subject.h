/* SPDX-License-Identifier: BSD-2-Clause */
/* What is measured: one operation of a mechanism on a message of a size, done in one of three ways.
 */
#ifndef BENCH_SUBJECT_H
#define BENCH_SUBJECT_H

#include <stddef.h>
#include <stdint.h>

#include "pkcs11.h"

/* FIND: the search for one key by its label, where as many lie as the size says. START: C_Finalize,
 * C_Initialize and C_GetSlotList. */
enum kind { DIGEST, SIGN, ENCRYPT, SEAL, RANDOM, FIND, START };

/* Init and one call; Init, PARTS updates and a final call; or one call of the message API, whose
 * Init was done before. */
enum way { ONE_SHOT, IN_PARTS, AS_MESSAGE, WAYS };

enum { PARTS = 4, KEY_SIZE = 32, IV_MAX = 16, TAG_SIZE = 16 };

struct subject {
	const char *name;
	enum kind kind;
	CK_MECHANISM_TYPE mechanism;
	CK_KEY_TYPE key_type; /* CK_UNAVAILABLE_INFORMATION: no key */
	/* struct sockaddr_alg. */
	const char *type, *algorithm;
	size_t iv;    /* bytes */
	size_t added; /* bytes of the result, beside those of the message where it is encrypted */
};

struct job {
	const struct subject *subject;
	enum way way;
	size_t size; /* bytes of the message */
};

extern const struct subject subjects[];
extern const size_t subjects_count;
extern const char *const way_names[WAYS];

/* The same for whoever does the work, so that results can be compared. */
extern const uint8_t bench_key[KEY_SIZE], bench_iv[IV_MAX];

/* Memory for LEN bytes, zero, whose pages begin where it does: how many pieces the kernel makes of
 * it is the same for everybody. For free(3); ends the program where there is none. */
void *bench_memory(size_t len);

/* Bytes of the result of JOB. */
size_t job_result(const struct job *job);

/* The part of JOB's message with NUMBER, of PARTS: multiples of a block, where there is one. */
void job_part(const struct job *job, unsigned int number, size_t *at, size_t *len);

/* NULL: there is no such subject. */
const struct subject *subject_find(const char *name);

#endif
