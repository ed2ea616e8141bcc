/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/session.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/secret.h"
#include "mech/rv.h"
#include "token/handle.h"
#include "token/lock.h"
#include "token/module.h"
#include "token/permit.h"

static struct handle_table sessions; /* under the module lock */

static void put(struct session *session)
{
	if (atomic_fetch_sub(&session->references, 1) > 1)
		return;
	pthread_mutex_destroy(&session->lock);
	free(session);
}

CK_RV session_open(struct slot *slot, CK_FLAGS flags, CK_SESSION_HANDLE *handle)
{
	struct session *session;
	CK_RV rv = CKR_OK;

	session = calloc(1, sizeof(*session));
	if (!session)
		return CKR_HOST_MEMORY;
	atomic_init(&session->references, 1);
	pthread_mutex_init(&session->lock, NULL);
	session->slot = slot;
	session->flags = flags;

	lock();
	if (slot->login == LOGIN_SO && !(flags & CKF_RW_SESSION)) {
		rv = CKR_SESSION_READ_WRITE_SO_EXISTS;
	} else {
		session->handle = handle_new(&sessions, session);
		rv = session->handle ? CKR_OK : CKR_HOST_MEMORY;
	}
	if (rv == CKR_OK) {
		slot->sessions++;
		slot->rw_sessions += !!(flags & CKF_RW_SESSION);
		*handle = session->handle;
	}
	unlock();
	if (rv != CKR_OK)
		put(session);
	return rv;
}

/* Under the module lock: takes the session of HANDLE off the table. */
static struct session *take(CK_SESSION_HANDLE handle)
{
	struct session *session = handle_end(&sessions, handle);
	struct slot *slot = session ? session->slot : NULL;

	if (!session)
		return NULL;
	slot->rw_sessions -= !!(session->flags & CKF_RW_SESSION);
	/* Section 5.6, C_CloseSession: the last one closed logs the user out. */
	if (!--slot->sessions)
		slot->login = LOGIN_NONE;
	return session;
}

/* Waits for the call that may be under way, and frees what the session held. */
static void finish(struct session *session)
{
	pthread_mutex_lock(&session->lock);
	session->closed = true;
	session_cancel(session, ~(CK_FLAGS)0);
	if (session->owns)
		objects_close(session->handle);
	pthread_mutex_unlock(&session->lock);
	put(session);
}

CK_RV session_close(CK_SESSION_HANDLE handle)
{
	struct session *session;

	if (!module_enter())
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	lock();
	session = take(handle);
	unlock();
	if (session)
		finish(session);
	module_leave();
	return session ? CKR_OK : CKR_SESSION_HANDLE_INVALID;
}

void sessions_close(const struct slot *slot)
{
	struct session *session;

	do {
		uint32_t place = 0;

		lock();
		while ((session = handle_next(&sessions, &place)))
			if (!slot || session->slot == slot)
				break;
		if (session)
			take(session->handle);
		unlock();
		if (session)
			finish(session);
	} while (session);
}

void sessions_abandon(void)
{
	memset(&sessions, 0, sizeof(sessions));
}

CK_RV session_enter(CK_SESSION_HANDLE handle, struct session **session)
{
	struct session *found;

	if (!module_enter())
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	lock_to_read();
	found = handle_item(&sessions, handle);
	if (found)
		atomic_fetch_add(&found->references, 1);
	unlock_read();
	if (!found) {
		module_leave();
		return CKR_SESSION_HANDLE_INVALID;
	}
	pthread_mutex_lock(&found->lock);
	if (found->closed)
		return session_leave(found, CKR_SESSION_HANDLE_INVALID);
	*session = found;
	return CKR_OK;
}

CK_RV session_leave(struct session *session, CK_RV rv)
{
	pthread_mutex_unlock(&session->lock);
	put(session);
	module_leave();
	return rv;
}

void session_info(const struct session *session, CK_SESSION_INFO *info)
{
	bool rw = session->flags & CKF_RW_SESSION;
	enum login login;

	lock_to_read();
	login = session->slot->login;
	unlock_read();
	*info = (CK_SESSION_INFO){.slotID = session->slot->id, .flags = session->flags};
	if (login == LOGIN_SO)
		info->state = CKS_RW_SO_FUNCTIONS;
	else if (login == LOGIN_USER)
		info->state = rw ? CKS_RW_USER_FUNCTIONS : CKS_RO_USER_FUNCTIONS;
	else
		info->state = rw ? CKS_RW_PUBLIC_SESSION : CKS_RO_PUBLIC_SESSION;
}

CK_RV session_login(struct session *session, CK_USER_TYPE user)
{
	struct slot *slot = session->slot;
	CK_RV rv = CKR_OK;

	/* No operation of ours asks for a second login. */
	if (user == CKU_CONTEXT_SPECIFIC)
		return CKR_OPERATION_NOT_INITIALIZED;
	if (user != CKU_USER && user != CKU_SO)
		return CKR_USER_TYPE_INVALID;
	lock();
	if (slot->login == (user == CKU_SO ? LOGIN_SO : LOGIN_USER))
		rv = CKR_USER_ALREADY_LOGGED_IN;
	else if (slot->login != LOGIN_NONE)
		rv = CKR_USER_ANOTHER_ALREADY_LOGGED_IN;
	else if (user == CKU_SO && slot->sessions > slot->rw_sessions)
		rv = CKR_SESSION_READ_ONLY_EXISTS;
	else
		slot->login = user == CKU_SO ? LOGIN_SO : LOGIN_USER;
	unlock();
	return rv;
}

CK_RV session_logout(struct session *session)
{
	bool was;

	lock();
	was = session->slot->login != LOGIN_NONE;
	session->slot->login = LOGIN_NONE;
	unlock();
	return was ? CKR_OK : CKR_USER_NOT_LOGGED_IN;
}

static const enum usage usages[OPERATION_KINDS] = {
	[OPERATION_ENCRYPT] = USAGE_ENCRYPT,
	[OPERATION_DECRYPT] = USAGE_DECRYPT,
	[OPERATION_SIGN] = USAGE_SIGN,
	[OPERATION_VERIFY] = USAGE_VERIFY,
	[OPERATION_VERIFY_SIGNATURE] = USAGE_VERIFY,
};

CK_RV session_begin(struct session *session, enum operation_kind kind,
		    const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	struct operation *operation = &session->operations[kind];
	const struct mechanism *row;
	struct object *object;
	CK_RV rv;

	if (!mechanism) {
		operation_cancel(operation);
		return CKR_OK;
	}
	if (operation->mechanism)
		return CKR_OPERATION_ACTIVE;
	rv = permit_mechanism(mechanism, operation_flag(kind), &row);
	if (rv != CKR_OK)
		return rv;
	if (!mechanism_takes_key(row))
		return operation_begin(operation, kind, row, mechanism, NULL);

	object = object_get(session->slot, key);
	rv = permit_key(object, row, usages[kind]);
	if (rv == CKR_OK)
		rv = operation_begin(operation, kind, row, mechanism, &object->key->transform_key);
	/* What one row does not take, another one may. */
	while (rv == CKR_MECHANISM_PARAM_INVALID && (row = mechanism_instead(row)))
		rv = operation_begin(operation, kind, row, mechanism, &object->key->transform_key);
	object_put(object);
	return rv;
}

static void end_process(struct process *process)
{
	message_cancel(&process->message);
	object_put(process->object);
	process->object = NULL;
}

CK_RV session_begin_messages(struct session *session, enum operation_kind kind,
			     const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	struct process *process = &session->processes[kind];
	const struct mechanism *row;
	CK_RV rv;

	if (!mechanism) {
		end_process(process);
		return CKR_OK;
	}
	if (process->message.mechanism)
		return CKR_OPERATION_ACTIVE;
	rv = permit_mechanism(mechanism, message_flag(kind), &row);
	if (rv != CKR_OK)
		return rv;
	process->object = object_get(session->slot, key);
	rv = permit_key(process->object, row, usages[kind]);
	if (rv == CKR_OK)
		rv = message_start(&process->message, kind, row, mechanism,
				   &process->object->key->transform_key);
	if (rv != CKR_OK)
		end_process(process);
	return rv;
}

CK_RV session_end_messages(struct session *session, enum operation_kind kind)
{
	struct process *process = &session->processes[kind];
	CK_RV rv = message_final(&process->message);

	if (rv == CKR_OK)
		end_process(process);
	return rv;
}

static CK_RV digest_bytes(struct operation *digest, const struct key *key)
{
	uint8_t *bytes;
	size_t len;
	int err = key_bytes(key, &bytes, &len);
	CK_RV rv;

	if (err)
		return rv_of_run(err, "CKA_VALUE");
	digest->secret = true;
	rv = operation_run(digest, OPERATION_NEXT, bytes, len, NULL, NULL);
	digest->secret = false;
	secret_free(bytes, len);
	return rv;
}

CK_RV session_digest_key(struct session *session, CK_OBJECT_HANDLE key)
{
	struct object *object;
	CK_RV rv = CKR_KEY_INDIGESTIBLE;

	if (!session->operations[OPERATION_DIGEST].mechanism)
		return CKR_OPERATION_NOT_INITIALIZED;
	/* Most keys are not this process's to read. The digest goes on without them. */
	object = object_get(session->slot, key);
	if (!object || object->class != CKO_SECRET_KEY)
		rv = CKR_KEY_HANDLE_INVALID;
	else if (object_extractable(object))
		rv = digest_bytes(&session->operations[OPERATION_DIGEST], object->key);
	object_put(object);
	return rv;
}

void session_cancel(struct session *session, CK_FLAGS flags)
{
	for (int kind = 0; kind < OPERATION_KINDS; kind++) {
		if (flags & operation_flag(kind))
			operation_cancel(&session->operations[kind]);
		if (kind < OPERATION_PROCESSES && flags & message_flag(kind))
			end_process(&session->processes[kind]);
	}
	if (flags & CKF_FIND_OBJECTS)
		search_end(&session->search);
}

bool session_busy(const struct session *session)
{
	for (int kind = 0; kind < OPERATION_KINDS; kind++)
		if (session->operations[kind].mechanism ||
		    (kind < OPERATION_PROCESSES && session->processes[kind].message.mechanism))
			return true;
	return false;
}
