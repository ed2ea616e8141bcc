/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A mechanism with a parameter and a key, tried in every way in which it may be used. What is
 * refused leaves nothing behind; what is taken comes out the same whole and in parts, and comes
 * back the other way round. The caller's parameter is freed as soon as an operation has begun.
 */
#ifndef TESTS_FUZZ_TRIAL_H
#define TESTS_FUZZ_TRIAL_H

#include "input.h"
#include "mech/mechanism.h"
#include "room.h"

enum { ROOM = 6000 };

struct trial {
	CK_SESSION_HANDLE session;
	const struct mechanism *row;
	CK_OBJECT_HANDLE key, other; /* the mechanism's, and one to be wrapped, or to be a salt */
	struct input parameter;      /* the same each time that it is read */
};

extern struct trial trial;

/* A message, and where its second part begins. */
struct text {
	uint8_t *bytes;
	size_t length, cut;
};

/* Begins an operation. */
CK_RV trial_begin(CK_C_EncryptInit function);

/* All in one call into ROOM, behind a question for the length, which must be enough; whether it
 * succeeded. */
bool trial_run(CK_C_EncryptInit init, CK_C_Encrypt function, const uint8_t *in, size_t length,
	       struct room *room);

/* BYTES as a message; no part of it is longer than it is. */
struct text trial_text(uint8_t *bytes, size_t length, size_t cut);

/* trial-cipher.c, trial-mac.c, trial-message.c */
void trial_cipher(const struct text *text);
void trial_digest(const struct text *text);
void trial_mac(const struct text *text);
void trial_messages(struct input *input, const struct text *text);

#endif
