/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * THE table: one row for each mechanism, and every fact about it. Lists, checks, documentation and
 * vector tests walk it; nothing else in the module knows a mechanism by its number.
 */
#ifndef KCRYPTOKI_MECHANISM_H
#define KCRYPTOKI_MECHANISM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "pkcs11.h"

struct derive_method;
struct engine;
struct nonce;
struct parameter;

/* Families of algorithms that nobody should choose anew. Each probe of one may load a kernel
 * module, so that they are offered only where the configuration asks. */
enum family {
	FAMILY_NONE,
	FAMILY_RIPEMD160 = 1,
	FAMILY_DES3 = 2,
	FAMILY_CAMELLIA = 4,
	FAMILY_TWOFISH = 8,
	FAMILY_BLOWFISH = 16,
	FAMILY_CAST128 = 32,
	FAMILY_ARIA = 64,
	FAMILY_ALL = 127,
	/* Not one of them: GCM of which a part is done in this process (ghash.c). */
	FAMILY_GHASH = 128,
};

struct mechanism {
	CK_MECHANISM_TYPE type;
	const char *name;                      /* "CKM_AES_CBC" */
	const char *kernel_type, *kernel_name; /* struct sockaddr_alg; NULL: needs none, and is
						* offered always */
	const struct engine *engine;           /* NULL: it moves no messages */
	const struct derive_method *derive;    /* CKF_DERIVE */
	/* Checks and copies the mechanism's parameter. */
	CK_RV (*decode)(const struct mechanism *, const CK_MECHANISM *, struct parameter *);
	/* AEADs: checks and copies a message's parameter (message-based functions), and says where
	 * its nonce lies. */
	CK_RV (*decode_message)(const void *, CK_ULONG, struct parameter *, struct nonce *);
	const char *parameter;     /* what PARAMETER is, in words for the documentation */
	bool points;               /* there are addresses in it */
	bool translated;           /* p11-kit knows their layout (kernel/relay.h) */
	CK_KEY_TYPE key_types[2];  /* key types that fit; both the same where there is one */
	bool any_key;              /* keys of all types fit, until the parameter says otherwise */
	CK_ULONG key_min, key_max; /* bytes; 0 and 0: the mechanism takes no key */
	CK_ULONG key_step;         /* bytes from one legal length to the next; 0: any */
	bool key_loose;            /* kernels take keys of other lengths, too */
	bool key_in_bits;          /* CK_MECHANISM_INFO counts key sizes in bits */
	size_t size;               /* digests and MACs: bytes of the (whole) result */
	bool prf;                  /* MACs: one of the PRFs of SP 800-108 */
	size_t block;              /* ciphers: bytes */
	size_t iv;                 /* ciphers: bytes of the parameter, where it is an IV */
	size_t least;              /* ciphers of whole messages: bytes of the shortest one */
	bool stream;               /* ciphers: a message may end within a block */
	bool feedback;             /* stream ciphers whose ciphertext makes the next keystream */
	bool padded;               /* ciphers: PKCS#7 padding, ours; the kernel has none */
	bool counted;              /* ciphers: the IV begins with a counter of blocks, which the
				    * kernel does not carry over from one request to the next */
	bool own_tag;              /* AEADs: of the tag the kernel knows nothing */
	bool stolen;               /* ciphers: the last two blocks change places (CS1 and CS3) */
	enum family family;
	CK_FLAGS flags; /* CKF_ENCRYPT and so on: what the mechanism may be used for */
};

extern const struct mechanism mechanisms[]; /* table.c */
extern const size_t n_mechanisms;

/* Rows that stand in for those of the same type: where these are not offered, or do not take a
 * parameter. Their algorithms are other rows', too. */
extern const struct mechanism stand_ins[];
extern const size_t n_stand_ins;

/* The row of TYPE, or of NAME ("aes-cbc" is CKM_AES_CBC); NULL. */
const struct mechanism *mechanism_find(CK_MECHANISM_TYPE type);
const struct mechanism *mechanism_named(const char *name, size_t len);

/* The row that generates keys of TYPE, which has their lengths; NULL. */
const struct mechanism *mechanism_generating(CK_KEY_TYPE type);

/* Whether ROW is of no family, or of one that the configuration names. */
bool mechanism_is_wanted(const struct mechanism *row);

/*
 * 1 where this process may bind the row's algorithm, 0 where not, -errno where that could not be
 * found out. Asked of the kernel once for each kernel name, on first need.
 */
int mechanism_offered(const struct mechanism *row);

/* What stands in for ROW here; NULL. */
const struct mechanism *mechanism_instead(const struct mechanism *row);

/* In *ROW the row of TYPE that is offered, or what stands in for it; NULL where neither is. As
 * mechanism_offered(). */
int mechanism_choose(CK_MECHANISM_TYPE type, const struct mechanism **row);

/* What ROW may be used for in this process. */
CK_FLAGS mechanism_flags(const struct mechanism *row);

bool mechanism_takes_key(const struct mechanism *row);
bool mechanism_fits_key(const struct mechanism *row, CK_KEY_TYPE type);
/* LENGTH in bytes; one that is not known (negative) fits until the kernel says otherwise. */
bool mechanism_fits_length(const struct mechanism *row, ssize_t length);

/* For a new C_Initialize: forgets what was found out, and offers these families (enum family). */
void mechanisms_start(unsigned int families);

#endif
