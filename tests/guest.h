/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of a running kernel share: one token, results that libcrypto computed, and a look
 * at this process's sockets and keys. Functions that return an int return 0 or -1 and then say why
 * in the token's error, so that threads and forked children can use them.
 */
#ifndef TESTS_GUEST_H
#define TESTS_GUEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "belongings.h"
#include "kcryptoki.h"
#include "pkcs11-parameters.h"
#include "token.h"

/* The most that a padding or a tag adds. */
#define GUEST_SLACK 64

extern struct token token;

/* Group set-up and tear-down: the module is started and ended once for all tests. */
int guest_setup(void **state);
int guest_teardown(void **state);

/* Skips the running test, saying why. */
__attribute__((noreturn, format(printf, 1, 2))) void guest_skip(const char *format, ...);
__attribute__((noreturn, format(printf, 1, 2))) void guest_fail(const char *format, ...);

/* Skip where there is no slot, or a mechanism is not in C_GetMechanismList. */
void guest_need_slot(void);
void guest_need(CK_MECHANISM_TYPE type);
/* Skips where AES keys cannot be used; sets token.keyring_type to what makes them usable. */
void guest_need_keys(void);
bool guest_offers(CK_MECHANISM_TYPE type);

/* Fails the running test where CALL failed. */
#define GUEST_OK(call)                                                                       \
	do {                                                                                 \
		if ((call) != 0)                                                             \
			guest_fail("%s:%d: %s: %s", __FILE__, __LINE__, #call, token.error); \
	} while (0)

/* Fails the running test where a call did not answer EXPECTED. */
#define GUEST_RV(call, expected)                                                                   \
	do {                                                                                       \
		CK_RV guest_rv_ = (call), guest_wanted_ = (expected);                              \
		if (guest_rv_ != guest_wanted_)                                                    \
			guest_fail("%s:%d: %s: 0x%lx instead of 0x%lx", __FILE__, __LINE__, #call, \
				   guest_rv_, guest_wanted_);                                      \
	} while (0)

/* Puts a message into T->error; returns -1. */
__attribute__((format(printf, 2, 3))) int guest_error(struct token *t, const char *format, ...);

/* All that decides what becomes of a message. */
struct material {
	CK_MECHANISM_TYPE type;
	const unsigned char *key;
	size_t key_length;
	unsigned char iv[32]; /* also the counter, or the tweak; most mechanisms take less of it */
	size_t nonce_length;  /* AEADs; 0: 12 */
	size_t counter_bits;  /* ChaCha20; 0: 32 */
	const unsigned char *aad;
	size_t aad_length;
	size_t tag_length; /* AEADs; 0: 16 */
};

/* The mechanism of MATERIAL, made in STORE, which must live as long. */
struct mechanism_store {
	CK_MECHANISM mechanism;
	union {
		struct ctr_params ctr;
		struct gcm_params gcm;
		struct ccm_params ccm;
		struct chacha20_params chacha20;
		struct chacha20_poly1305_params chacha20_poly1305;
	} parameter;
};
CK_MECHANISM_PTR guest_mechanism(struct mechanism_store *store, const struct material *material,
				 size_t text_length);

/* The bytes that encryption adds for a tag; 0 for what is no AEAD. */
size_t guest_tag_length(const struct material *material);

/* Encrypts, digests or signs by libcrypto, which knows all that is tested here but XCBC and what
 * kcryptoki.h adds. OUT has GUEST_SLACK bytes more than IN. */
size_t guest_expect(const struct material *material, const unsigned char *in, size_t length,
		    unsigned char *out);

/* One operation by the module, whose result must be libcrypto's. TOKEN_DECRYPT decrypts what
 * libcrypto encrypted. SPLIT is NULL for a single part. */
int guest_run(struct token *t, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key,
	      const struct material *material, enum token_kind kind, const unsigned char *in,
	      size_t length, enum token_manner manner, const struct token_split *split);

CK_SESSION_HANDLE guest_session(void);

/* Takes the Write and SetAttr permissions of a key away, whoever has them; and gives its user
 * Search. */
int guest_freeze(struct token *t, key_serial_t serial);

/* A key whose bytes nobody may change, as the module found it after it was made so; FROZEN false:
 * a key that can be written. */
struct token_key guest_key(CK_SESSION_HANDLE session, const char *key_type, const void *payload,
			   size_t length, bool frozen);

/* Pseudo-random numbers that are the same at each run. */
uint64_t guest_random(uint64_t *state);
void guest_fill(unsigned char *bytes, size_t length, uint64_t seed);

/* Cuts LENGTH into parts of odd sizes. */
void guest_split(struct token_split *split, size_t length, uint64_t seed);

/* Runs RUN in a forked child, or a thread; fails the test where it fails there. RUN gets a copy of
 * the token, with an error of its own. */
typedef int (*guest_job)(struct token *t, void *argument);
pid_t guest_fork(guest_job run, void *argument);
void guest_reap(pid_t child);
void guest_child(guest_job run, void *argument);
void guest_thread(guest_job run, void *argument);

#endif
