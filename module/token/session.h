/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sessions: PKCS#11 3.2, section 5.6. A session's lock covers one call, so that calls on one
 * session come one after the other, and those on others are not held up.
 */
#ifndef KCRYPTOKI_SESSION_H
#define KCRYPTOKI_SESSION_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "mech/message.h"
#include "mech/operation.h"
#include "pkcs11.h"
#include "token/search.h"
#include "token/slot.h"

struct session {
	atomic_uint references;
	CK_SESSION_HANDLE handle;
	struct slot *slot;
	CK_FLAGS flags;

	pthread_mutex_t lock; /* for all that follows */
	bool closed;
	bool owns; /* objects that go with it */
	struct operation operations[OPERATION_KINDS];
	struct process {
		struct message message;
		struct object *object; /* a reference: its key must live as long */
	} processes[OPERATION_PROCESSES];
	struct search search;
};

CK_RV session_open(struct slot *slot, CK_FLAGS flags, CK_SESSION_HANDLE *handle);
CK_RV session_close(CK_SESSION_HANDLE handle);

/* Closes all sessions of SLOT, or (NULL) all. */
void sessions_close(const struct slot *slot);

/* In a forked child: all sessions are the parent's. */
void sessions_abandon(void);

/*
 * The session of HANDLE, locked, in *SESSION; CKR_OK, CKR_CRYPTOKI_NOT_INITIALIZED or
 * CKR_SESSION_HANDLE_INVALID. session_leave() unlocks it and passes RV on.
 */
CK_RV session_enter(CK_SESSION_HANDLE handle, struct session **session);
CK_RV session_leave(struct session *session, CK_RV rv);

void session_info(const struct session *session, CK_SESSION_INFO *info);
CK_RV session_login(struct session *session, CK_USER_TYPE user);
CK_RV session_logout(struct session *session);

/* C_*Init: begins an operation of KIND, or (MECHANISM NULL) cancels the active one. */
CK_RV session_begin(struct session *session, enum operation_kind kind,
		    const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key);

/* C_Message*Init and C_Message*Final, for a process of KIND. */
CK_RV session_begin_messages(struct session *session, enum operation_kind kind,
			     const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key);
CK_RV session_end_messages(struct session *session, enum operation_kind kind);

/* C_DigestKey. */
CK_RV session_digest_key(struct session *session, CK_OBJECT_HANDLE key);

/* C_SessionCancel: ends what FLAGS name (CKF_ENCRYPT, CKF_MESSAGE_SIGN, CKF_FIND_OBJECTS, ...). */
void session_cancel(struct session *session, CK_FLAGS flags);

/* Whether a cryptographic operation, or a process, is active. */
bool session_busy(const struct session *session);

#endif
