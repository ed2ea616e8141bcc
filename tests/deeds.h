/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a thread of a storm does: one deed after the other, on a session and a key of its own or on
 * such as all threads have in common, which others close and destroy at any moment. Each call may
 * answer only what that explains, and what it answers with CKR_OK is right wherever it can be told.
 */
#ifndef TESTS_DEEDS_H
#define TESTS_DEEDS_H

#include <stdatomic.h>

#include "guest.h"

enum { COMMON_SESSIONS = 6, COMMON_KEYS = 8, SAMPLES = 8, SAMPLE_MAX = 2048 };

#define DEEDS_LABEL "storm"

/* What the threads have in common. All keys are of the same bytes. */
struct commons {
	/* In the even ones, operations are of one part, and of one mechanism for each kind, so that
	 * results are right whoever began. */
	atomic_ulong sessions[COMMON_SESSIONS];
	atomic_ulong keys[COMMON_KEYS];
	/* C_Finalize may come at any moment. */
	bool ends;
};

/* A message, and what must become of it: computed beforehand, so that neither threads nor forked
 * children need libcrypto. */
struct sample {
	size_t length;
	unsigned char text[SAMPLE_MAX], digest[32], mac[16];
	unsigned char cbc[SAMPLE_MAX + GUEST_SLACK], ctr[SAMPLE_MAX + GUEST_SLACK],
		gcm[SAMPLE_MAX + GUEST_SLACK];
	/* By the key that is derived from the first text. */
	unsigned char derived[SAMPLE_MAX + GUEST_SLACK];
};

extern unsigned char deeds_secret[32];
extern struct sample samples[SAMPLES];

struct actor {
	struct token token;
	struct commons *commons;
	uint64_t seed;
	/* Its own, which nobody else knows; the key lies on the token. */
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;
	char unique_id[64];
	/* Where it acts now, and whether it has that in common with others. */
	CK_SESSION_HANDLE s;
	CK_OBJECT_HANDLE k;
	bool common_session, common_key, careless;
	const struct sample *sample;
};

/* What came of a deed: all was well, or something was refused as it may be; else an error. */
enum { DEED_DONE = 0, DEED_REFUSED = 1, DEED_WRONG = -1 };

struct deed {
	const char *name;
	int (*act)(struct actor *actor);
	/* What it does in common sessions is not for the even ones. */
	bool careless;
	/* One that takes long is done once where others are done so often; 0: as often. */
	unsigned int rarity;
};

extern const struct deed deeds[];
extern const size_t deeds_count;

void deeds_prepare(void);

/* A session and a key of one's own; and their end. */
int actor_enter(struct actor *actor);
int actor_leave(struct actor *actor);

/* One deed at random, whose place in the table goes to *WHICH. */
int actor_act(struct actor *actor, size_t *which);

/* What all have in common; and its end, where the module has not ended. */
int commons_fill(struct actor *actor);
int commons_empty(struct actor *actor);

/* The digest, and the ciphertext by KEY, of SAMPLE. */
int deeds_check(struct token *t, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key,
		const struct sample *sample);

#endif
