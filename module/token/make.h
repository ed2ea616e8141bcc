/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * New keys, and what becomes of them: PKCS#11 3.2, sections 5.7 and 5.18. Where a key goes, its
 * template decides:
 *
 *	logon       on the token, or of a session, that nobody can read: what keys are
 *	encrypted   on a token with a master key, generated: the kernel makes the bytes; or of a
 *	            caller's bytes, where it is asked for and the kernel does that
 *	user        on the token, CKA_EXTRACTABLE
 *	held        of a session, extractable or not sensitive: in locked memory of this process
 */
#ifndef KCRYPTOKI_MAKE_H
#define KCRYPTOKI_MAKE_H

#include "token/session.h"
#include "token/template.h"

/* C_CreateObject. */
CK_RV make_created(struct session *session, const CK_ATTRIBUTE *list, CK_ULONG count,
		   CK_OBJECT_HANDLE *handle);

/* C_GenerateKey. */
CK_RV make_generated(struct session *session, const CK_MECHANISM *mechanism,
		     const CK_ATTRIBUTE *list, CK_ULONG count, CK_OBJECT_HANDLE *handle);

/* C_CopyObject. */
CK_RV make_copied(struct session *session, CK_OBJECT_HANDLE original, const CK_ATTRIBUTE *list,
		  CK_ULONG count, CK_OBJECT_HANDLE *handle);

/*
 * A key of LEN bytes, unwrapped or derived (then BASE is what from), as TEMPLATE wants it, which is
 * read already and stays the caller's. Where its key type is not named, it is a generic secret.
 * Derived DES keys get their parity, in BYTES.
 */
CK_RV make_key(struct session *session, struct template *template, enum origin origin,
	       const struct object *base, uint8_t *bytes, size_t len, CK_OBJECT_HANDLE *handle);

/* The length that keys of TEMPLATE's type have, where it is one, or what it names; SIZE_MAX: open.
 * CKR_TEMPLATE_INCONSISTENT where they contradict each other. */
CK_RV make_length(const struct template *template, size_t *len);

#endif
