/* SPDX-License-Identifier: BSD-2-Clause */
/* libkcapi, which holds the key's bytes itself and passes them on (kcapi.h). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <kcapi.h>

#include "engine.h"

/* It cuts longer messages into pieces of 16 pages, and gives each the same IV; authenticated ones
 * it sends whole, and waits for ever where a socket's buffer is smaller. */
enum { ENCRYPT_MAX = 16 * 4096 };

struct handle {
	struct job job;
	struct kcapi_handle *kcapi;
	const uint8_t *message;
};

static void shut(void *opened)
{
	struct handle *h = opened;

	switch (h->job.subject->kind) {
	case DIGEST:
	case SIGN:
		kcapi_md_destroy(h->kcapi);
		break;
	case ENCRYPT:
		kcapi_cipher_destroy(h->kcapi);
		break;
	case SEAL:
		kcapi_aead_destroy(h->kcapi);
		break;
	default:
		kcapi_rng_destroy(h->kcapi);
		break;
	}
	free(h);
}

static int arm(struct handle *h)
{
	const char *name = h->job.subject->algorithm;
	int err;

	switch (h->job.subject->kind) {
	case DIGEST:
		return kcapi_md_init(&h->kcapi, name, 0);
	case SIGN:
		err = kcapi_md_init(&h->kcapi, name, 0);
		return err ? err : kcapi_md_setkey(h->kcapi, bench_key, KEY_SIZE);
	case ENCRYPT:
		err = kcapi_cipher_init(&h->kcapi, name, 0);
		return err ? err : kcapi_cipher_setkey(h->kcapi, bench_key, KEY_SIZE);
	case SEAL:
		err = kcapi_aead_init(&h->kcapi, name, 0);
		if (!err)
			err = kcapi_aead_settaglen(h->kcapi, TAG_SIZE);
		if (!err)
			kcapi_aead_setassoclen(h->kcapi, 0);
		return err ? err : kcapi_aead_setkey(h->kcapi, bench_key, KEY_SIZE);
	default:
		err = kcapi_rng_init(&h->kcapi, name, 0);
		return err ? err : kcapi_rng_seed(h->kcapi, NULL, 0);
	}
}

static void *open_handle(struct engine *engine, const struct job *job, const uint8_t *message)
{
	struct handle *h = calloc(1, sizeof(*h));
	int err;

	(void)engine;
	if (!h || !job->subject->type) {
		engine_fail("only a token does that");
		free(h);
		return NULL;
	}
	if ((job->subject->kind == ENCRYPT || job->subject->kind == SEAL) &&
	    job->size > ENCRYPT_MAX) {
		engine_fail("libkcapi encrypts %d bytes at most", ENCRYPT_MAX);
		free(h);
		return NULL;
	}
	h->job = *job;
	h->message = message;
	err = arm(h);
	if (!err)
		return h;
	engine_fail("libkcapi: %s", strerror(-err));
	shut(h);
	return NULL;
}

static ssize_t hash_parts(struct handle *h, uint8_t *out)
{
	for (unsigned int i = 0; i < PARTS; i++) {
		size_t at, len;

		job_part(&h->job, i, &at, &len);
		if (kcapi_md_update(h->kcapi, h->message + at, len) < 0)
			return -1;
	}
	return kcapi_md_final(h->kcapi, out, job_result(&h->job));
}

static ssize_t cipher_parts(struct handle *h, uint8_t *out)
{
	for (unsigned int i = 0; i < PARTS; i++) {
		struct iovec in, result;
		ssize_t went;
		size_t at, len;

		job_part(&h->job, i, &at, &len);
		in = (struct iovec){(void *)(uintptr_t)(h->message + at), len};
		result = (struct iovec){out + at, len};
		went = i == 0          ? kcapi_cipher_stream_init_enc(h->kcapi, bench_iv, &in, 1)
		       : i < PARTS - 1 ? kcapi_cipher_stream_update(h->kcapi, &in, 1)
				       : kcapi_cipher_stream_update_last(h->kcapi, &in, 1);
		if (went < 0 || kcapi_cipher_stream_op(h->kcapi, &result, 1) != (ssize_t)len)
			return -1;
	}
	return (ssize_t)h->job.size;
}

static ssize_t run(struct handle *h, uint8_t *out)
{
	size_t size = h->job.size, result = job_result(&h->job);
	bool parts = h->job.way == IN_PARTS;

	switch (h->job.subject->kind) {
	case DIGEST:
	case SIGN:
		return parts ? hash_parts(h, out)
			     : kcapi_md_digest(h->kcapi, h->message, size, out, result);
	case ENCRYPT:
		return parts ? cipher_parts(h, out)
			     : kcapi_cipher_encrypt(h->kcapi, h->message, size, bench_iv, out,
						    result, KCAPI_ACCESS_HEURISTIC);
	case SEAL:
		if (parts)
			return -ENOSYS;
		return kcapi_aead_encrypt(h->kcapi, h->message, size, bench_iv, out, result,
					  KCAPI_ACCESS_HEURISTIC);
	default:
		return kcapi_rng_generate(h->kcapi, out, size);
	}
}

static int once(void *opened, uint8_t *out)
{
	struct handle *h = opened;
	ssize_t made = run(h, out);

	return made == (ssize_t)job_result(&h->job) ? 0 : engine_fail("libkcapi: %zd", made);
}

const struct engine kcapi_engine = {"libkcapi", NULL, NULL, open_handle, once, shut, NULL};
