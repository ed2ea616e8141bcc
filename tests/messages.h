/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Message-based functions (PKCS#11 3.2, sections 5.9 and 5.11) of a running module, called as an
 * application calls them, on messages whose results are known. Functions that return an int return
 * 0 or -1 and then say why in the token's error, as those of guest.h do.
 */
#ifndef TESTS_MESSAGES_H
#define TESTS_MESSAGES_H

#include "guest.h"

/* The functions of PKCS#11 3.2. */
extern CK_FUNCTION_LIST_3_2 *messages;

/* guest_setup(), and the list. */
int messages_setup(void **state);

/* An AEAD, and the sizes that it has. Lists end with 0. */
struct aead {
	CK_MECHANISM_TYPE type;
	const char *key_type;
	size_t keys[4], nonces[8], tags[8];
};

enum { AEADS = 3 };

extern const struct aead aeads[AEADS];

/* Tests of a group that get an AEAD as their state. */
/* clang-format off */
#define ON_AEAD(test, type, i) {#test " " #type, test, NULL, NULL, (void *)&aeads[i]}
#define EACH_AEAD(test)                                                                            \
	ON_AEAD(test, CKM_AES_GCM, 0), ON_AEAD(test, CKM_AES_CCM, 1),                              \
	ON_AEAD(test, CKM_CHACHA20_POLY1305, 2)
/* clang-format on */

/* Of a list of sizes: how many, and one of them, whatever I is. */
size_t message_sizes(const size_t *list);
size_t message_size(const size_t *list, size_t i);

/* The parameter of a message, and what it points to. */
struct terms {
	union {
		struct gcm_message_params gcm;
		struct ccm_message_params ccm;
		struct chacha20_poly1305_message_params chacha20_poly1305;
	} parameter;
	CK_ULONG size;
	/* The caller's memory; beyond what the message has of each, no byte may change. */
	unsigned char nonce[32], tag[32];
};

/* For a message of MATERIAL (its type, nonce, and sizes) with LENGTH bytes; the tag is not filled
 * in. It points into itself, and cannot be copied. */
void terms_make(struct terms *terms, const struct material *material, size_t length);

/* For a nonce that is to be made, as CKG_... says, but for its first FIXED bits. */
void terms_generate(struct terms *terms, CK_MECHANISM_TYPE type, CK_ULONG generator,
		    CK_ULONG fixed);

/* Whether the tag is TAG, and nothing was written behind its SIZE bytes; behind the nonce's. */
bool terms_tag_is(const struct terms *terms, const unsigned char *tag, size_t size);
bool terms_nonce_ends(const struct terms *terms, size_t size);

/* The functions of a process: of encryption, or of decryption. */
struct message_calls {
	const char *name;
	CK_C_MessageEncryptInit init;
	CK_C_EncryptMessage whole;
	CK_C_EncryptMessageBegin begin;
	CK_C_EncryptMessageNext next;
	CK_C_MessageEncryptFinal final;
};
struct message_calls message_calls(enum token_kind kind);

/* Begins a process; the parameter that may come with it is left out. Ends one. */
CK_RV message_init(CK_SESSION_HANDLE session, enum token_kind kind, CK_MECHANISM_TYPE type,
		   CK_OBJECT_HANDLE key);
CK_RV message_final(CK_SESSION_HANDLE session, enum token_kind kind);

/* One message, and what must become of it. */
struct message_job {
	enum token_kind kind; /* TOKEN_ENCRYPT or TOKEN_DECRYPT */
	const struct material *material;
	const unsigned char *in, *out, *tag;
	size_t length;
	/* What the last call must answer. If that is no success, no byte of the result may come. */
	CK_RV rv;
};

/*
 * Sends the message through the process of its kind, which is active in SESSION: in one call, or
 * (SPLIT) in parts, of which the last ends it.
 */
int message_run(struct token *t, CK_SESSION_HANDLE session, const struct message_job *job,
		enum token_manner manner, const struct token_split *split);

/* A message that libcrypto has encrypted. To be freed. */
struct sealed {
	unsigned char *cipher; /* and the tag behind it */
	const unsigned char *tag;
};
void message_seal(struct sealed *sealed, const struct material *material, const unsigned char *text,
		  size_t length);

/* message_run() against libcrypto, encrypting or decrypting. */
int message_check(struct token *t, CK_SESSION_HANDLE session, enum token_kind kind,
		  const struct material *material, const unsigned char *text, size_t length,
		  enum token_manner manner, const struct token_split *split);

#endif
