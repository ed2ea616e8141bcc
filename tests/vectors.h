/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Published test vectors: which files hold those of a mechanism (vector-sets.c), and a reader for
 * them (vectors.c). The NIST response files, and the files of others in the same form, are all
 * lines "NAME = VALUE" in records that empty lines part.
 */
#ifndef TESTS_VECTORS_H
#define TESTS_VECTORS_H

#include <stdbool.h>
#include <stddef.h>

#include "pkcs11-parameters.h"
#include "pkcs11.h"

/* Begins the names of the files that stand beside this one; see vector_open(). */
#define VECTORS_OWN "vectors/"

enum vector_kind {
	VECTOR_DIGEST,
	VECTOR_MAC,
	VECTOR_CIPHER,
	VECTOR_AEAD,
};

enum vector_param {
	VECTOR_NO_PARAM,
	VECTOR_IV,
	VECTOR_GENERAL,
	VECTOR_CTR,
	VECTOR_CHACHA20,
	VECTOR_GCM,
	VECTOR_GMAC,
	VECTOR_CCM,
	VECTOR_CHACHA20_POLY1305,
};

struct blob {
	unsigned char *data;
	size_t length;
	bool present;
};

struct vector {
	/* Where the record begins, and which one of its file it is, from 1. */
	unsigned long line, number;
	/* False where the ciphertext, or the MAC, must be refused. */
	bool valid;
	struct blob key, iv, aad, text, cipher, tag;
};

/* Lengths in bytes; no upper bound: any. */
struct vector_range {
	size_t least, most;
};

struct vector_set {
	CK_MECHANISM_TYPE mechanism;
	const char *name;
	enum vector_kind kind;
	enum vector_param param;
	/* The block of the algorithm, at whose edges messages are split. */
	size_t block;
	/* Names of key types, as in a key's description; keys are made of each in turn. */
	const char *key_types[2];
	/* Ends with NULL. */
	const char *const *files;
	/* Makes a vector of the mechanism out of a record, or says that there is none in it. */
	bool (*adapt)(const struct vector_set *, struct vector *);
	/* MACs: bytes of a whole one. */
	size_t tag;
	/* What the mechanism takes; vectors with anything else must be refused at once. */
	struct vector_range iv, key;
	/* What was changed on its way is refused, and tells no byte. */
	bool sealed;
	/* How long the text is, only decryption can tell. */
	bool padded;
	/* Of vectors alike, only one in so many is run; 0: all are. */
	unsigned int every;
};

extern const struct vector_set vector_sets[];
extern const size_t n_vector_sets;

struct vector_file;

/* NULL, with errno, where a file of a set cannot be opened. */
struct vector_file *vector_open(const struct vector_set *set, const char *file);

/*
 * 1 and the next vector, which lives until the next call; 0 at the end; -1 on a malformed file.
 * Records that are no vectors of the set are passed over.
 */
int vector_next(struct vector_file *file, const struct vector **vector);

/* What is wrong with a malformed file. */
const char *vector_error(const struct vector_file *file);

void vector_close(struct vector_file *file);

/* How many vectors a file has; -1, with the reason in error, where it cannot be read to its end. */
long vector_count(const struct vector_set *set, const char *file, char *error, size_t size);

/* Copies LENGTH bytes, or as many zeros. */
void blob_set(struct blob *blob, const void *data, size_t length);

/* A mechanism that points into itself and into its vector. */
struct vector_mechanism {
	CK_MECHANISM mechanism;
	union {
		CK_ULONG general;
		struct ctr_params ctr;
		struct chacha20_params chacha20;
		struct gcm_params gcm;
		struct gcm_params_2_20 old_gcm;
		struct ccm_params ccm;
		struct chacha20_poly1305_params chacha20_poly1305;
	} params;
};

/*
 * Where a parameter can be written in two ways, OTHER_WAY picks one. 0, or -1 where the parameter
 * has no room for the vector's IV.
 */
int vector_mechanism(const struct vector_set *set, const struct vector *vector, bool other_way,
		     struct vector_mechanism *mechanism);

#endif
