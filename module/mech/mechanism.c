/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech/mechanism.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "kernel/alg.h"
#include "kernel/log.h"
#include "mech/engine.h"
#include "mech/parameter.h"

/* clang-format off */
#define DIGEST(ckm, algorithm, bytes)                                                              \
	{.type = ckm, .name = #ckm, .kernel_type = "hash", .kernel_name = algorithm,               \
	 .engine = &hash_engine, .decode = parameter_none, .size = bytes, .flags = CKF_DIGEST}

/* Keys from one byte up, as clients use them, to the longest payload that a key can have. */
#define HMAC(ckm, ckk, algorithm, bytes)                                                           \
	{.type = ckm, .name = #ckm, .kernel_type = "hash", .kernel_name = "hmac(" algorithm ")",   \
	 .engine = &hash_engine, .decode = parameter_none,                                         \
	 .key_types = {CKK_GENERIC_SECRET, ckk}, .key_min = 1, .key_max = 32767, .size = bytes,    \
	 .flags = CKF_SIGN | CKF_VERIFY}

#define AES(ckm, kind, algorithm, machine, decoder, ...)                                           \
	{.type = ckm, .name = #ckm, .kernel_type = kind, .kernel_name = algorithm,                 \
	 .engine = machine, .decode = decoder, .key_types = {CKK_AES, CKK_AES},                    \
	 .key_min = 16, .key_max = 32, .flags = CKF_ENCRYPT | CKF_DECRYPT, __VA_ARGS__}

const struct mechanism mechanisms[] = {
	DIGEST(CKM_MD5, "md5", 16),
	DIGEST(CKM_SHA_1, "sha1", 20),
	DIGEST(CKM_SHA224, "sha224", 28),
	DIGEST(CKM_SHA256, "sha256", 32),
	DIGEST(CKM_SHA384, "sha384", 48),
	DIGEST(CKM_SHA512, "sha512", 64),
	DIGEST(CKM_SHA3_224, "sha3-224", 28),
	DIGEST(CKM_SHA3_256, "sha3-256", 32),
	DIGEST(CKM_SHA3_384, "sha3-384", 48),
	DIGEST(CKM_SHA3_512, "sha3-512", 64),

	HMAC(CKM_MD5_HMAC, CKK_MD5_HMAC, "md5", 16),
	HMAC(CKM_SHA_1_HMAC, CKK_SHA_1_HMAC, "sha1", 20),
	HMAC(CKM_SHA224_HMAC, CKK_SHA224_HMAC, "sha224", 28),
	HMAC(CKM_SHA256_HMAC, CKK_SHA256_HMAC, "sha256", 32),
	HMAC(CKM_SHA384_HMAC, CKK_SHA384_HMAC, "sha384", 48),
	HMAC(CKM_SHA512_HMAC, CKK_SHA512_HMAC, "sha512", 64),

	{.type = CKM_AES_CMAC, .name = "CKM_AES_CMAC", .kernel_type = "hash",
	 .kernel_name = "cmac(aes)", .engine = &hash_engine, .decode = parameter_none,
	 .key_types = {CKK_AES, CKK_AES}, .key_min = 16, .key_max = 32, .size = 16,
	 .flags = CKF_SIGN | CKF_VERIFY},

	AES(CKM_AES_ECB, "skcipher", "ecb(aes)", &cipher_engine, parameter_none, .block = 16),
	AES(CKM_AES_CBC, "skcipher", "cbc(aes)", &cipher_engine, parameter_iv16, .block = 16),
	AES(CKM_AES_CBC_PAD, "skcipher", "cbc(aes)", &cipher_engine, parameter_iv16, .block = 16,
	    .padded = true),
	AES(CKM_AES_CTR, "skcipher", "ctr(aes)", &cipher_engine, parameter_ctr, .block = 16,
	    .stream = true),
	AES(CKM_AES_GCM, "aead", "gcm(aes)", &aead_engine, parameter_gcm),
};
/* clang-format on */

enum { ROWS = sizeof(mechanisms) / sizeof(*mechanisms) };

const size_t n_mechanisms = ROWS;

enum { UNKNOWN, OFFERED, ABSENT };

/* What bind() said, at the first row of each kernel name. */
static atomic_uchar verdicts[ROWS];

const struct mechanism *mechanism_find(CK_MECHANISM_TYPE type)
{
	for (size_t i = 0; i < ROWS; i++)
		if (mechanisms[i].type == type)
			return &mechanisms[i];
	return NULL;
}

static atomic_uchar *verdict_of(const struct mechanism *row)
{
	size_t i = 0;

	while (strcmp(mechanisms[i].kernel_name, row->kernel_name) ||
	       strcmp(mechanisms[i].kernel_type, row->kernel_type))
		i++;
	return &verdicts[i];
}

int mechanism_offered(const struct mechanism *row)
{
	atomic_uchar *verdict = verdict_of(row);
	int fd;

	if (atomic_load(verdict) != UNKNOWN)
		return atomic_load(verdict) == OFFERED;

	fd = alg_bind(row->kernel_type, row->kernel_name);
	if (fd < 0 && fd != -ENOENT) {
		log_line("%s: asking for %s failed: %s", row->name, row->kernel_name,
			 strerror(-fd));
		return fd;
	}
	if (fd >= 0)
		close(fd);
	else
		log_line("%s is not offered: this kernel lacks %s, or keeps it from this process "
			 "(crypto.af_alg_restrict)",
			 row->name, row->kernel_name);
	atomic_store(verdict, fd >= 0 ? OFFERED : ABSENT);
	return fd >= 0;
}

bool mechanism_takes_key(const struct mechanism *row)
{
	return row->key_max > 0;
}

bool mechanism_fits_key(const struct mechanism *row, CK_KEY_TYPE type)
{
	return row->key_types[0] == type || row->key_types[1] == type;
}

void mechanisms_forget(void)
{
	for (size_t i = 0; i < ROWS; i++)
		atomic_store(&verdicts[i], UNKNOWN);
}
