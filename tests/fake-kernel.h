/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A kernel for tests: kernel/alg.h, kernel/keyring.h and /proc/keys, played in memory, for machines
 * that have no AF_ALG and for failures that no real kernel makes on demand. It proves logic, never
 * cryptography: its algorithms only make every mistake in order, chaining, direction, IV, split and
 * length show in the result.
 *
 * Op sockets and transforms are real descriptors, so that what stays open can be counted. Where the
 * real kernel would block for ever, leave bytes in the socket or answer wrongly, the fake aborts.
 */
#ifndef TESTS_FAKE_KERNEL_H
#define TESTS_FAKE_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	FAKE_USER_KEYRING = 0x0ab00001,    /* what KEY_SPEC_USER_KEYRING stands for */
	FAKE_SESSION_KEYRING = 0x0ab00002, /* and KEY_SPEC_SESSION_KEYRING */
	FAKE_PERSISTENT_KEYRING = 0x0ab00003,

	FAKE_PERM = 0x3f010000,         /* what add_key(2) gives: the owner may only view */
	FAKE_PERM_CONSTANT = 0x1b0b0000 /* nobody can change it, the owner may search */
};

/* As after boot: all algorithms, serial numbers known, no keys, no failures, all counts 0. Sockets
 * that are open stay, so that fake_open_sockets() still tells of them. */
void fake_reset(void);

/* What this kernel has. NAME as in struct sockaddr_alg. */
void fake_alg_hide(const char *name, bool hidden);
void fake_serials(bool known); /* ALG_SET_KEY_BY_KEY_SERIAL: Linux 6.2 */
void fake_room(size_t bytes);  /* the most that alg_room() grants; a page is there at once */

/* The NTH next call of FUNCTION ("alg_send") does nothing and answers ERR. One failure waits at a
 * time; 0 takes it back. */
void fake_fail(const char *function, unsigned int nth, int err);

/* Calls of FUNCTION since the last fake_reset() or fake_calls_forget(), failed ones included. */
unsigned int fake_calls(const char *function);
void fake_calls_forget(void);

/* Is told of each of them before it does anything. NULL: nobody is. */
void fake_watch_calls(void (*watch)(const char *function));

/* Descriptors of transforms and op sockets that are open in this process. */
size_t fake_open_sockets(void);

/* Those of them in which part of a message is queued, or a result waits. */
size_t fake_busy_sockets(void);

/* Checks the memory that alg_set_key() is given, while it is there. */
void fake_watch_keys(void (*watch)(const void *key, size_t len));

/* Keys, and keyrings of type "keyring", whose serial is a KEYRING too. The payload of types
 * "encrypted" and "trusted" is what arms a transform; reading gives a blob. */
int32_t fake_key_add(int32_t keyring, const char *type, const char *description,
		     const void *payload, size_t len, uint32_t perm);
void fake_key_revoke(int32_t serial);
void fake_key_expire(int32_t serial);
void fake_key_unlink(int32_t serial); /* and collected */
void fake_key_set_perm(int32_t serial, uint32_t perm);
void fake_key_update(int32_t serial, const void *payload, size_t len);

/* How many keys of TYPE there are; the most that there may be of all types (0: no limit). */
size_t fake_keys(const char *type);
void fake_quota(size_t count);

/* What becomes of bytes that an order for a key of type "encrypted" brings; refused at first. */
enum fake_bytes { FAKE_BYTES_REFUSED, FAKE_BYTES_TAKEN, FAKE_BYTES_IGNORED };
void fake_encrypted_of(enum fake_bytes what);

/* DISTANT: a thread possesses what is in KEYRING only after keyring_possess(). */
void fake_keyring_distant(int32_t keyring, bool distant);

/* Lines that others' descriptions forge: appended to /proc/keys. NULL: none. */
void fake_proc_keys_forge(const char *lines);

/* What the algorithms make of a whole message; keys are NULL where there is none. */
void fake_hash(const char *name, const void *key, size_t key_len, const void *in, size_t len,
	       uint8_t *out, size_t out_len);
void fake_cipher(const char *name, const void *key, size_t key_len, bool decrypt, const uint8_t *iv,
		 const uint8_t *in, size_t len, uint8_t *out);
void fake_seal(const char *name, const void *key, size_t key_len, const uint8_t *iv,
	       const void *aad, size_t aad_len, const uint8_t *text, size_t len, size_t tag_size,
	       uint8_t *out);

#endif
