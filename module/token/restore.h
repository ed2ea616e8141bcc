/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an administrator does with a store (store.h) as a whole: keys go into it, come back from it,
 * and are sealed under another master. For the tool; the module does none of it by itself.
 *
 * Each function tells of every key or file that it looked at, and goes on where one cannot be had.
 * They return 0, or -errno where the store itself cannot be used, as REASON says.
 */
#ifndef KCRYPTOKI_RESTORE_H
#define KCRYPTOKI_RESTORE_H

#include <stdint.h>

#include "token/record.h"
#include "token/slot.h"

enum outcome {
	OUTCOME_DONE,
	OUTCOME_ALREADY, /* nothing was to be done */
	OUTCOME_FAILED,
};

struct told {
	const char *file;        /* its name; NULL: not known */
	const char *type;        /* of the key, or NULL: the file does not say */
	const char *description; /* likewise */
	const char *changes;     /* likewise; sidecar.h */
	enum outcome outcome;
	const char *why; /* OUTCOME_FAILED */
};

typedef void teller(void *user, const struct told *told);

/* The key SERIAL in KEYRING to the store of SLOT. What is there already must be the same key, and
 * gets to know what was changed of it. */
int restore_save(const struct slot *slot, int32_t keyring, int32_t serial, teller *tell, void *user,
		 struct reason *reason);

/* All keys in the store of SLOT to KEYRING, trusted ones first, since they may be masters. A key
 * is moved there as a whole, with its permissions and what was changed of it. A store whose folder
 * is not there yet has none. */
int restore_load(const struct slot *slot, int32_t keyring, teller *tell, void *user,
		 struct reason *reason);

/*
 * Seals what is in the store of SLOT under SLOT's master, which must be there, as the one that each
 * file names. Each file is of one master or the other at any time; keys in keyrings stay as they
 * are. The kernel gives a key no master of another kind.
 */
int restore_rotate(const struct slot *slot, teller *tell, void *user, struct reason *reason);

#endif
