/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Published test vectors: which files hold those of a mechanism, and a reader for them. The NIST
 * response files, and the files of others in the same form, are all lines "NAME = VALUE" in
 * records that empty lines part.
 */
#ifndef TESTS_VECTORS_H
#define TESTS_VECTORS_H

#include <stdbool.h>
#include <stddef.h>

#include "pkcs11.h"

enum vector_kind {
	VECTOR_DIGEST,
	VECTOR_MAC,
	VECTOR_CIPHER,
	VECTOR_AEAD,
};

enum vector_param {
	VECTOR_NO_PARAM,
	VECTOR_IV,
	VECTOR_CTR,
	VECTOR_GCM,
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
};

extern const struct vector_set vector_sets[];
extern const size_t n_vector_sets;

struct blob {
	unsigned char *data;
	size_t length;
	bool present;
};

struct vector {
	/* Where the record begins. */
	unsigned long line;
	/* False where the ciphertext must be refused. */
	bool valid;
	struct blob key, iv, aad, text, cipher, tag;
};

struct vector_file;

/* NULL, with errno, where a file of a set cannot be opened. */
struct vector_file *vector_open(const char *file);

/* 1 and the next vector, which lives until the next call; 0 at the end; -1 on a malformed file. */
int vector_next(struct vector_file *file, const struct vector **vector);

/* What is wrong with a malformed file. */
const char *vector_error(const struct vector_file *file);

void vector_close(struct vector_file *file);

/* PKCS#11 2.20 had no iv_bits; both layouts are in use. */
struct gcm_params {
	CK_BYTE_PTR iv;
	CK_ULONG iv_length, iv_bits;
	CK_BYTE_PTR aad;
	CK_ULONG aad_length, tag_bits;
};

struct old_gcm_params {
	CK_BYTE_PTR iv;
	CK_ULONG iv_length;
	CK_BYTE_PTR aad;
	CK_ULONG aad_length, tag_bits;
};

struct ctr_params {
	CK_ULONG counter_bits;
	CK_BYTE counter[16];
};

/* A mechanism that points into itself and into its vector. */
struct vector_mechanism {
	CK_MECHANISM mechanism;
	union {
		struct gcm_params gcm;
		struct old_gcm_params old_gcm;
		struct ctr_params ctr;
	} params;
};

/* 0, or -1 where the parameter has no room for the vector's IV. */
int vector_mechanism(const struct vector_set *set, const struct vector *vector, bool old_form,
		     struct vector_mechanism *mechanism);

/* How many vectors a file has; -1, with the reason in error, where it cannot be read to its end. */
long vector_count(const char *file, char *error, size_t size);

#endif
