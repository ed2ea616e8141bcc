/* SPDX-License-Identifier: BSD-2-Clause */
#include "subject.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE = 4096 };

const struct subject subjects[] = {
	{"SHA-256", DIGEST, CKM_SHA256, CK_UNAVAILABLE_INFORMATION, "hash", "sha256", 0, 32},
	{"HMAC-SHA256", SIGN, CKM_SHA256_HMAC, CKK_GENERIC_SECRET, "hash", "hmac(sha256)", 0, 32},
	{"AES-256-CBC", ENCRYPT, CKM_AES_CBC, CKK_AES, "skcipher", "cbc(aes)", 16, 0},
	{"AES-256-CTR", ENCRYPT, CKM_AES_CTR, CKK_AES, "skcipher", "ctr(aes)", 16, 0},
	{"AES-256-GCM", SEAL, CKM_AES_GCM, CKK_AES, "aead", "gcm(aes)", 12, TAG_SIZE},
	{"random", RANDOM, CK_UNAVAILABLE_INFORMATION, CK_UNAVAILABLE_INFORMATION, "rng", "stdrng",
	 0, 0},
	{"find", FIND, CK_UNAVAILABLE_INFORMATION, CKK_AES, NULL, NULL, 0, 0},
	{"start", START, CK_UNAVAILABLE_INFORMATION, CK_UNAVAILABLE_INFORMATION, NULL, NULL, 0, 0},
};
const size_t subjects_count = sizeof(subjects) / sizeof(*subjects);

const char *const way_names[WAYS] = {"one-shot", "parts", "message"};

const uint8_t bench_key[KEY_SIZE] = {0x4b, 0x63, 0x72, 0x79, 0x70, 0x74, 0x6f, 0x6b,
				     0x69, 0x20, 0x6d, 0x65, 0x61, 0x73, 0x75, 0x72,
				     0x65, 0x64, 0x3a, 0x20, 0x74, 0x68, 0x69, 0x73,
				     0x20, 0x6b, 0x65, 0x79, 0x2e, 0x2e, 0x2e, 0x21};
const uint8_t bench_iv[IV_MAX] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0, 0, 0, 1};

void *bench_memory(size_t len)
{
	size_t pages = len / PAGE + 1;
	void *memory = aligned_alloc(PAGE, pages * PAGE);

	if (!memory)
		abort();
	return memset(memory, 0, pages * PAGE);
}

size_t job_result(const struct job *job)
{
	switch (job->subject->kind) {
	case DIGEST:
	case SIGN:
		return job->subject->added;
	case FIND:
	case START:
		return 0;
	default:
		return job->size + job->subject->added;
	}
}

void job_part(const struct job *job, unsigned int number, size_t *at, size_t *len)
{
	size_t part = job->size / PARTS / IV_MAX * IV_MAX;

	*at = number * part;
	*len = number == PARTS - 1 ? job->size - *at : part;
}

const struct subject *subject_find(const char *name)
{
	for (size_t i = 0; i < subjects_count; i++)
		if (strcmp(subjects[i].name, name) == 0)
			return &subjects[i];
	return NULL;
}
