/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a slot knows of its keyring. Looking again costs one read of the keyring, one describe for
 * each key not seen before, one read of /proc/keys where there is such a key, and one read for each
 * key that was changed (sidecar.h); a key that stays keeps its handle. Where the keyring reads as
 * it did, nothing else is done.
 */
#ifndef KCRYPTOKI_INVENTORY_H
#define KCRYPTOKI_INVENTORY_H

#include <stddef.h>
#include <stdint.h>

#include "pkcs11.h"
#include "token/object.h"

struct inventory {
	struct known *known; /* by serial, ascending; under the module lock */
	size_t count;
	int32_t *seen; /* those that were read, in the kernel's order; NULL: others may be known */
	size_t n_seen;
	uint64_t clock; /* counts looks and merges, to tell which came first */
};

/* Looks at KEYRING (0: SLOT's broker) again. Sets *LIST to a new array of references to the objects
 * in it, by serial, and *COUNT to their number; a keyring that cannot be read shows nothing, and
 * what is known of it stays. */
CK_RV inventory_look(struct inventory *inventory, const struct slot *slot, int32_t keyring,
		     struct object ***list, size_t *count);

/* A reference to the object of key SERIAL, as of the last look, or NULL. */
struct object *inventory_find(const struct inventory *inventory, int32_t serial);

/* Withdraws OBJECT, whose key was destroyed, or what has its handle by now. */
void inventory_forget(struct inventory *inventory, const struct object *object);

/* Withdraws all objects. */
void inventory_clear(struct inventory *inventory);

#endif
