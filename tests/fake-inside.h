/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of the fake kernel have in common. */
#ifndef TESTS_FAKE_INSIDE_H
#define TESTS_FAKE_INSIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { FAKE_BLOCK = 16, FAKE_TAG = 16 };

/* A mistake that the real kernel would punish by blocking or by a wrong result. */
__attribute__((noreturn, format(printf, 1, 2))) void fake_die(const char *format, ...);

/* Around each function of the kernel: counts it, and answers the failure that waits for it. */
int fake_entered(const char *function);
ssize_t fake_left(ssize_t result);

/* fake-keyring.c */
void fake_keys_forget(void);
int fake_key_arms(int32_t serial, const uint8_t **payload, size_t *len);

/* fake-sums.c: algorithms; a key is the sum of its bytes. */
uint64_t fake_sum(uint64_t sum, const void *bytes, size_t len);
uint64_t fake_sum_of_key(const void *key, size_t len);
uint64_t fake_sum_of_hash(const char *name, uint64_t key);
void fake_spread(uint64_t sum, uint8_t *out, size_t len);

/* In place; IV is left as the kernel chains it. */
void fake_code(const char *name, uint64_t key, bool decrypt, uint8_t iv[FAKE_BLOCK], uint8_t *text,
	       size_t len);
void fake_stream(uint64_t key, const uint8_t iv[12], uint8_t *text, size_t len);
void fake_tag(uint64_t key, const uint8_t iv[12], const void *aad, size_t aad_len, const void *text,
	      size_t len, uint8_t out[FAKE_TAG]);

#endif
