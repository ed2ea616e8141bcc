/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All four kinds of a message-based process with one AES key: an AEAD, and AES-CMAC. Their messages
 * are known, and are taken part by part by whoever wants to know what happens in between.
 */
#ifndef TESTS_PARCELS_H
#define TESTS_PARCELS_H

#include "messages.h"

#define PARCEL_MAX 3000

enum process { ENCRYPT, DECRYPT, SIGN, VERIFY, PROCESSES };

/* The bytes that all messages are made of; and those of two keys. */
extern unsigned char parcel_text[PARCEL_MAX], parcel_aad[20], parcel_key[32], parcel_other_key[32];

/* messages_setup(), and what stands above. */
int parcel_setup(void **state);

/* Skips where no AEAD with AES keys is offered. */
void parcel_need(void);

/* That AEAD. */
const struct aead *parcel_aead(void);

/* Whether processes of that kind can be begun: MACs where AES-CMAC is offered. */
bool parcel_has(enum process kind);

CK_RV parcel_init(CK_SESSION_HANDLE session, enum process kind, CK_OBJECT_HANDLE key);
CK_RV parcel_final(CK_SESSION_HANDLE session, enum process kind);

/* All kinds; fail the running test. */
void parcel_init_all(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key);
void parcel_final_all(CK_SESSION_HANDLE session);

/* What a message of the AEAD is made of, but for its length. */
struct material parcel_material(const unsigned char *key, uint64_t seed);

/* A message on its way, and what must become of it. */
struct parcel {
	enum process kind;
	struct material material;
	struct terms terms;
	unsigned char sealed[PARCEL_MAX + GUEST_SLACK], mac[64];
	unsigned char out[PARCEL_MAX + GUEST_SLACK];
	CK_ULONG length, made;
};

/* SEED makes the nonce. KEY are the key's bytes. */
void parcel_pack(struct parcel *parcel, enum process kind, const unsigned char *key, size_t length,
		 uint64_t seed);

/* The first call of a message in parts; the bytes from FROM to TO, which is the message's length in
 * the last call; and all in one call. */
CK_RV parcel_begin(CK_SESSION_HANDLE session, struct parcel *parcel);
CK_RV parcel_next(CK_SESSION_HANDLE session, struct parcel *parcel, size_t from, size_t to);
CK_RV parcel_whole(CK_SESSION_HANDLE session, struct parcel *parcel);

/* Whether what came of it is right. */
bool parcel_arrived(const struct parcel *parcel);

/* A message of its own, in one call or in parts. CKR_GENERAL_ERROR where the result is wrong. */
CK_RV parcel_send(CK_SESSION_HANDLE session, enum process kind, const unsigned char *key,
		  bool parts);

/* Sends in all kinds of processes, both ways; fails the running test where the answer is not
 * EXPECTED. */
void parcel_send_all(CK_SESSION_HANDLE session, const unsigned char *key, CK_RV expected);

#endif
