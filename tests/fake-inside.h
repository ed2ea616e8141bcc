/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of the fake kernel have in common. */
#ifndef TESTS_FAKE_INSIDE_H
#define TESTS_FAKE_INSIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { FAKE_TAG = 16 };

/* A mistake that the real kernel would punish by blocking or by a wrong result. */
__attribute__((noreturn, format(printf, 1, 2))) void fake_die(const char *format, ...);

/* Around each function of the kernel: counts it, and answers the failure that waits for it. */
int fake_entered(const char *function);
ssize_t fake_left(ssize_t result);

/* fake-keyring.c */
void fake_keys_forget(void);
int fake_key_arms(int32_t serial, const uint8_t **payload, size_t *len);

/* What a blob of MASTER, "user:NAME", is sealed by; NULL: the machine, as trusted keys are. 0,
 * -ENOKEY or -EINVAL. */
int fake_seal_of(const char *master, uint64_t *seal);

/* fake-blob.c */
enum {
	FAKE_PAYLOAD = 4096, /* bytes of a sealed key, at most */
	FAKE_MASTER = 256,   /* of a master's name, with its end */
	FAKE_BLOB = 2 * FAKE_PAYLOAD + FAKE_MASTER + 64
};

/* The MADE bytes of a new key of TYPE that PAYLOAD orders or loads, and its master: NUMBER makes
 * random ones. 0 or -errno. */
int fake_follow(const char *type, const void *payload, size_t len, uint64_t number, uint8_t *bytes,
		size_t *made, char master[FAKE_MASTER]);

/* What is read of a key. */
void fake_blob(const char *master, uint64_t seal, const uint8_t *bytes, size_t len,
	       char text[FAKE_BLOB]);

/* fake-sums.c: algorithms; a key is the sum of its bytes. */
enum fake_mode {
	FAKE_ECB = 1, /* whole blocks */
	FAKE_CBC,
	FAKE_CTR, /* any length, chained where it ends with a block */
	FAKE_OFB,
	FAKE_CFB,
	FAKE_CHACHA, /* never chained: each request has its own counter */
	FAKE_CTS,    /* never chained, and a message is one request */
	FAKE_WIDE    /* the same; each byte depends on each other, as in Adiantum */
};

struct fake_algorithm {
	const char *type, *name;
	size_t size;                       /* hashes: bytes of the result */
	enum fake_mode mode;               /* ciphers */
	size_t block;                      /* ciphers: bytes */
	uint32_t iv;                       /* ciphers, AEADs: bytes */
	uint32_t tags;                     /* AEADs: a bit for each number of bytes */
	size_t key_min, key_max, key_step; /* bytes; key_max 0: none */
};

extern const struct fake_algorithm fake_algorithms[];
extern const size_t fake_n_algorithms;

uint64_t fake_sum(uint64_t sum, const void *bytes, size_t len);
uint64_t fake_sum_of_key(const void *key, size_t len);
uint64_t fake_sum_of_hash(const char *name, uint64_t key);
void fake_spread(uint64_t sum, uint8_t *out, size_t len);

/* In place; IV is left as the kernel chains it. 0 or -errno. */
int fake_code(const struct fake_algorithm *algorithm, uint64_t key, bool decrypt, uint8_t *iv,
	      uint8_t *text, size_t len);

/* AEADs: what IV asks of a message of LEN bytes, 0 or -errno; and the two parts of the work. */
int fake_sealable(const struct fake_algorithm *algorithm, const uint8_t *iv, size_t len);
void fake_stream(const struct fake_algorithm *algorithm, uint64_t key, const uint8_t *iv,
		 uint8_t *text, size_t len);
void fake_tag(const struct fake_algorithm *algorithm, uint64_t key, const uint8_t *iv,
	      const void *aad, size_t aad_len, const void *text, size_t len, uint8_t out[FAKE_TAG]);

#endif
