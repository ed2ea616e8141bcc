/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A key that is made, as its completed template wants it: of which type it becomes, and how it gets
 * to where it lives; make.h says which is which. The object that it is has no handle yet, unless it
 * is the token's.
 */
#ifndef KCRYPTOKI_NEW_KEY_H
#define KCRYPTOKI_NEW_KEY_H

#include "token/session.h"
#include "token/template.h"

/* Of LEN BYTES, in this process's memory, for SESSION, as *OBJECT. */
CK_RV new_key_hold(struct session *session, struct template *template, const uint8_t *bytes,
		   size_t len, struct object **object);

/* In a keyring, and in the token's store where the kernel seals it. Of ORIGIN_GENERATE the kernel
 * makes bytes of its own, where it can. */
CK_RV new_key_store(struct session *session, struct template *template, enum origin origin,
		    const uint8_t *bytes, size_t len, struct object **object);

#endif
