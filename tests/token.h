/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Drives a PKCS#11 module from outside, as an application does: finds the token, puts keys where it
 * is to find them, and runs operations whose results are known. Every function that can fail
 * returns 0 or -1 and says why in token->error; a copy of the struct has its own error, so that
 * each thread can have one.
 */
#ifndef TESTS_TOKEN_H
#define TESTS_TOKEN_H

#include <keyutils.h>
#include <stdbool.h>
#include <stddef.h>

#include "pkcs11.h"

#define TOKEN_LABEL "kernel-user"

struct token {
	void *library;
	CK_FUNCTION_LIST_PTR f;
	CK_SLOT_ID slot;
	/* Set where the module works but has no slot to test: the reason to skip. */
	const char *absent;
	/* The keyring type that makes usable keys here: see token_key_put(). */
	const char *keyring_type;
	char error[256];
};

struct token_key {
	key_serial_t serial;
	CK_OBJECT_HANDLE object;
	size_t length;
};

/*
 * Loads the module that $KCRYPTOKI_MODULE names, else the one that was built, and starts it. A
 * forked child calls token_start() again by itself.
 */
int token_load(struct token *token);
int token_start(struct token *token);
int token_open(struct token *token); /* both */
void token_close(struct token *token);

int token_session(struct token *token, CK_FLAGS flags, CK_SESSION_HANDLE *session);

/* The list is malloc'ed, and the caller's. */
int token_mechanisms(struct token *token, CK_MECHANISM_TYPE **list, CK_ULONG *count);

/*
 * Adds a key to the user keyring and finds it as an object in a session. key_type is the name that
 * stands in the key's description ("aes"). keyring_type is "logon", "user", or NULL for the type
 * which the module can use: logon, and user where logon keys are not found as objects (before
 * Linux 6.2). Without a label one is made up.
 */
int token_key_put(struct token *token, CK_SESSION_HANDLE session, const char *keyring_type,
		  const char *key_type, const char *label, const void *payload, size_t length,
		  struct token_key *key);

/* Puts another payload into the same key: same serial, same object. */
int token_key_update(struct token *token, struct token_key *key, const void *payload,
		     size_t length);

/* Takes the key away at once; its quota is free again soon after. Harmless for a dropped key. */
void token_key_drop(struct token_key *key);

/* The objects of one class with this label; at most max handles are stored. */
int token_find(struct token *token, CK_SESSION_HANDLE session, CK_OBJECT_CLASS class,
	       const char *label, CK_OBJECT_HANDLE *objects, CK_ULONG max, CK_ULONG *count);

/* The operations that turn an input into an output. */
enum token_kind {
	TOKEN_ENCRYPT,
	TOKEN_DECRYPT,
	TOKEN_DIGEST,
	TOKEN_SIGN,
};

/* An input, and what must come of it. */
struct token_job {
	enum token_kind kind;
	CK_MECHANISM_PTR mechanism;
	CK_OBJECT_HANDLE key;
	unsigned char *in;
	size_t in_length;
	const unsigned char *out;
	size_t out_length;
	/* The room that is offered: more than out_length only where a padding is taken off. */
	size_t room;
	/* What the last call of the operation must return. */
	CK_RV rv;
	/* A refused message must leave no byte of its text behind. */
	bool sealed;
};

/* How the output is asked for. */
enum token_manner {
	TOKEN_PLAIN,
	TOKEN_QUERYING, /* with questions for the length, and buffers that are too small */
	TOKEN_IN_PLACE, /* to where the input is */
};

#define TOKEN_PARTS_MAX 96

struct token_split {
	size_t n;
	size_t part[TOKEN_PARTS_MAX];
};

/* One whole operation, in one call or in parts; every byte of the output and around it is checked.
 */
int token_run(struct token *token, CK_SESSION_HANDLE session, const struct token_job *job,
	      enum token_manner manner);
int token_run_parts(struct token *token, CK_SESSION_HANDLE session, const struct token_job *job,
		    enum token_manner manner, const struct token_split *split);

#endif
