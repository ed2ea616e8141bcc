/* SPDX-License-Identifier: BSD-2-Clause */
#include "offspring.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Argument of the program that a child becomes. */
#define BECOME "--what-is-inherited"

enum { SECONDS = 60 };

enum way { LEAVE, WORK, WORK_AND_END, EXIT, BEGET, EXEC, WAYS };

static int begin(struct token *t)
{
	CK_RV rv = t->f->C_GetSlotList(CK_TRUE, NULL, &(CK_ULONG){0});

	if (rv != CKR_CRYPTOKI_NOT_INITIALIZED)
		return guest_error(t, "a child that did not start the module: 0x%lx", rv);
	return 0;
}

/* The key that the thread keeps for itself: it waits, and does not destroy it. */
static int find(struct token *t, CK_SESSION_HANDLE session, const char *unique_id,
		CK_OBJECT_HANDLE *key)
{
	CK_ATTRIBUTE template = {CKA_UNIQUE_ID, (void *)unique_id, strlen(unique_id)};
	CK_ULONG n = 0;
	CK_RV rv = t->f->C_FindObjectsInit(session, &template, 1);

	if (rv == CKR_OK)
		rv = t->f->C_FindObjects(session, key, 1, &n);
	if (rv == CKR_OK)
		rv = t->f->C_FindObjectsFinal(session);
	return rv == CKR_OK && n == 1
		       ? 0
		       : guest_error(t, "a child finds %lu keys %s: 0x%lx", n, unique_id, rv);
}

/* Where the module ends under the threads they have no keys that outlive it. */
static int work(struct token *t, const struct actor *a)
{
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;

	if (token_start(t) != 0 || token_session(t, 0, &session) != 0)
		return -1;
	if (a->commons->ends)
		return 0;
	if (find(t, session, a->unique_id, &key) != 0)
		return -1;
	return deeds_check(t, session, key, a->sample);
}

static int end(struct token *t)
{
	CK_RV rv = t->f->C_Finalize(NULL);

	return rv == CKR_OK ? 0 : guest_error(t, "C_Finalize in a child: 0x%lx", rv);
}

static pid_t fork_one(const struct actor *a, enum way way);

static int wait_for(struct token *t, pid_t child)
{
	int status = -1;

	if (child < 0 || waitpid(child, &status, 0) != child)
		return guest_error(t, "fork or waitpid: %s", strerror(errno));
	return status == 0 ? 0 : guest_error(t, "a child ended with status 0x%x", status);
}

static int live(struct token *t, const struct actor *a, enum way way)
{
	switch (way) {
	case LEAVE:
		return begin(t);
	case WORK:
		return begin(t) != 0 ? -1 : work(t, a);
	case WORK_AND_END:
	case EXIT:
		return begin(t) != 0 || work(t, a) != 0 ? -1 : end(t);
	case BEGET:
		return work(t, a) != 0 || wait_for(t, fork_one(a, WORK)) != 0 ? -1 : end(t);
	case EXEC:
		execl("/proc/self/exe", "offspring", BECOME, (char *)NULL);
		return guest_error(t, "execl: %s", strerror(errno));
	default:
		return -1;
	}
}

static pid_t fork_one(const struct actor *a, enum way way)
{
	pid_t child = fork();
	struct token mine;
	int result;

	if (child)
		return child;
	/* One that waits for a lock for ever must not hold up the others. */
	alarm(SECONDS);
	mine = a->token;
	result = live(&mine, a, way);
	if (result != 0)
		dprintf(STDOUT_FILENO, "# in a child, way %d: %s\n", (int)way, mine.error);
	if (way == EXIT && result == 0)
		exit(0);
	_exit(result != 0);
}

int offspring_fork(struct actor *a)
{
	fflush(NULL);
	return wait_for(&a->token, fork_one(a, (enum way)(guest_random(&a->seed) % WAYS))) == 0
		       ? DEED_DONE
		       : DEED_WRONG;
}

void offspring_become(int argc, char **argv)
{
	struct alg_sockets sockets;

	if (argc < 2 || strcmp(argv[1], BECOME) != 0)
		return;
	belongings_alg_sockets(&sockets);
	if (sockets.n)
		dprintf(STDOUT_FILENO, "# %zu AF_ALG sockets are inherited\n", sockets.n);
	_exit(sockets.n != 0);
}
