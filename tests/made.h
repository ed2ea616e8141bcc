/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys that the module makes on a running kernel, and a look at what became of them there. */
#ifndef TESTS_MADE_H
#define TESTS_MADE_H

#include "guest.h"

/* How a key is to be; what is not named is left to the module. */
enum made_how {
	MADE_TOKEN = 1,
	MADE_EXTRACTABLE = 2,
	MADE_SENSITIVE = 4,
	MADE_INSENSITIVE = 8,
};

/* An AES key of these bytes by C_CreateObject, or (BYTES NULL) by C_GenerateKey. */
CK_RV made_key(struct token *t, CK_SESSION_HANDLE session, const char *label,
	       const unsigned char *bytes, size_t length, unsigned int how,
	       CK_OBJECT_HANDLE *object);

/* C_SetAttributeValue and C_CopyObject, of a label. */
CK_RV made_relabel(struct token *t, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
		   const char *label);
CK_RV made_copy(struct token *t, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
		const char *label, unsigned int how, CK_OBJECT_HANDLE *copy);

/* CKA_KCRYPTOKI_KEY_SERIAL; 0: the process itself holds the key. */
key_serial_t made_serial(struct token *t, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object);

/* How many keys have this label; the first in *OBJECT. -1: the search fails. */
int made_find(struct token *t, CK_SESSION_HANDLE session, const char *label,
	      CK_OBJECT_HANDLE *object);

/* Whether OBJECT encrypts, and decrypts what it encrypted; where its BYTES are known, as libcrypto
 * does. 0 or -1. */
int made_works(struct token *t, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
	       const unsigned char *bytes, size_t length);

/* Whether the module makes keys here that nobody can read. */
bool made_unread(void);

/* The line of /proc/keys for SERIAL. False: there is none. */
bool made_line(key_serial_t serial, char line[512]);

/* The serial numbers in the user keyring; their number, at most MAX. */
size_t made_linked(key_serial_t *serials, size_t max);

/* What there is when all that is gone has been collected. */
struct belongings made_settled(void);

/* Fails the test where this user's keys and this process's descriptors do not become again what
 * they were BEFORE. */
void made_nothing_left(const struct belongings *before);

/* The log of the module, which is kept in a file that made_log() names before the module starts.
 * TEXT: whether it says so; the log begins anew. */
void made_log(void);
bool made_logged(const char *text);

#endif
