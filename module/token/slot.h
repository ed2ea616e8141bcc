/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Slots and their tokens: one for each token of the configuration, whose place there is its id.
 * Where this process has no AF_ALG there are none but those of brokers, whose sockets are there.
 */
#ifndef KCRYPTOKI_SLOT_H
#define KCRYPTOKI_SLOT_H

#include <stdbool.h>

#include "pkcs11.h"
#include "token/config.h"
#include "token/inventory.h"

enum login { LOGIN_NONE, LOGIN_USER, LOGIN_SO };

struct broker;

struct slot {
	CK_SLOT_ID id;
	const char *label;           /* CK_TOKEN_INFO.label */
	const char *serial;          /* CK_TOKEN_INFO.serialNumber */
	const char *description;     /* CK_SLOT_INFO.slotDescription */
	const struct place *keyring; /* see slot_keyring() */
	struct broker *broker;       /* whose keys these are, none of which is made or changed
				      * here; NULL: the keyring's */
	/* For C_GenerateKey: the master key under which the kernel seals encrypted keys, as its
	 * orders name it ("user:kmk"), or NULL; and of which type a key that is not to be extracted
	 * is made. */
	const char *master;
	const char *store; /* the path of its folder (store.h), or NULL */
	enum create create;

	/* under the module lock */
	struct inventory inventory;
	struct object *profile;
	enum login login;
	CK_ULONG sessions, rw_sessions;
};

/* Asks for AF_ALG and brokers, and offers the tokens of CONFIG, which stays the caller's, as far as
 * these are there.
 * CKR_HOST_MEMORY where that cannot be told now. */
CK_RV slots_start(const struct config *config);

/* What may have made the kernel say ERR to whoever opens an AF_ALG socket, in brackets and with a
 * blank before; or "". */
const char *slots_obstacle(int err);

/* Forgets all objects and logins. All sessions are closed. */
void slots_stop(void);

/* In a forked child: everything known is the parent's. */
void slots_abandon(void);

CK_ULONG slots_count(void);

/* The slot of ID, or NULL. */
struct slot *slot_find(CK_SLOT_ID id);

/* The ids of all slots: section 5.5, C_GetSlotList. */
CK_RV slot_list(CK_SLOT_ID *list, CK_ULONG *count);
void slot_info(const struct slot *slot, CK_SLOT_INFO *info);
void slot_token_info(const struct slot *slot, CK_TOKEN_INFO *info);

/* The mechanisms that this process can use. */
CK_RV slot_mechanisms(CK_MECHANISM_TYPE *list, CK_ULONG *count);
CK_RV slot_mechanism_info(CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info);

/* The serial number of SLOT's keyring, as this thread sees it now, or -errno. By serial from there
 * on: the alias of the session keyring can change what it means. */
int slot_keyring(const struct slot *slot);

/* A reference to the object of key SERIAL in SLOT's keyring, looked for anew. CKR_DEVICE_ERROR: it
 * is not there. */
CK_RV slot_object(struct slot *slot, int32_t serial, struct object **object);

/* The objects of SLOT's keyring as it is now: see inventory_look(). */
CK_RV slot_look(struct slot *slot, struct object ***list, size_t *count);

/* Copies TEXT to a field of SIZE bytes, padded with blanks. */
void blank_padded(CK_UTF8CHAR *field, size_t size, const char *text);

#endif
