/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/transform.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "kernel/alg.h"
#include "kernel/shared-lock.h"

enum {
	KEPT_MAX = 64,     /* idle sockets */
	KEPT_SECONDS = 60, /* after which an idle socket lets its copy of a key go */
};

/* Who has a socket: its owner, nobody, or an owner who is to close it. */
enum { IN_USE, IDLE, DOOMED };

/*
 * Every open op socket: a forked child must be able to close them all. Idle ones are taken and
 * given back by their states, with the list only read, so that threads do not wait for each other.
 */
static struct {
	struct shared_lock lock; /* a leaf: held for list work only */
	struct op_socket *first;
	atomic_size_t idle;
	atomic_int_least64_t looked; /* when idle sockets were last looked for that may go */
} sockets = {.lock = SHARED_LOCK_INITIALIZER};

static atomic_uint_fast64_t last_key_id;

uint64_t transform_key_id(void)
{
	return atomic_fetch_add(&last_key_id, 1) + 1;
}

/* In seconds, and read at each operation: of all clocks this one costs least. It may be set, back
 * as well. */
static int64_t now(void)
{
	return time(NULL);
}

static void enlist(struct op_socket *socket)
{
	socket->next = sockets.first;
	socket->link = &sockets.first;
	if (sockets.first)
		sockets.first->link = &socket->next;
	sockets.first = socket;
}

static void delist(struct op_socket *socket)
{
	*socket->link = socket->next;
	if (socket->next)
		socket->next->link = socket->link;
}

static void dispose(struct op_socket *list)
{
	while (list) {
		struct op_socket *next = list->next;

		close(list->fd);
		free(list);
		list = next;
	}
}

static transform_binder *bind_elsewhere;

void transform_bind_elsewhere(transform_binder *bind)
{
	bind_elsewhere = bind;
}

/* What others say after this process got ERR from bind(2). */
static int ask_elsewhere(int err, const char *type, const char *name, bool only_asks)
{
	if (!bind_elsewhere)
		return err;
	switch (err) {
	case -ENOENT:
	case -EAFNOSUPPORT:
	case -EPERM:
	case -EACCES:
		/* Who lacks a generator takes getrandom(2). */
		return strcmp(type, "rng") != 0 ? bind_elsewhere(type, name, only_asks) : -ENOENT;
	default:
		return err;
	}
}

int transform_bind(const char *type, const char *name)
{
	int fd = alg_bind(type, name);

	return fd < 0 ? ask_elsewhere(fd, type, name, false) : fd;
}

int transform_may_bind(const char *type, const char *name)
{
	int fd = alg_bind(type, name);

	if (fd < 0)
		return ask_elsewhere(fd, type, name, true);
	close(fd);
	return 0;
}

int transform_open(const struct transform *transform, int *op)
{
	const struct transform_key *key = transform->key;
	int fd = transform_bind(transform->type, transform->name);
	int err = fd < 0 ? fd : 0;

	if (!err && key)
		err = key->arm(key, fd);
	/* What a transform begins with (crypto/aead.c, crypto_aead_init_tfm()) need not be said. */
	if (!err && transform->tag_size && transform->tag_size != ALG_TAG_MAX)
		err = alg_set_tag_size(fd, transform->tag_size);
	if (!err) {
		*op = alg_accept(fd);
		err = *op < 0 ? *op : 0;
	}
	/* The op socket lives on without it; and a transform whose key was refused may still hold
	 * an older one. */
	if (fd >= 0)
		close(fd);
	return err;
}

/* What SOCKET's number names now, so that a child closes nothing else. */
static void identify(struct op_socket *socket)
{
	struct stat status;

	if (socket->inode || fstat(socket->fd, &status))
		return;
	socket->device = status.st_dev;
	socket->inode = status.st_ino;
}

/* THE seam: a key that others have makes op sockets its own way. */
static int open_socket(const struct transform *transform, struct op_socket **made)
{
	const struct transform_key *key = transform->key;
	struct op_socket *socket = calloc(1, sizeof(*socket));
	int err;

	if (!socket)
		return -ENOMEM;
	err = key && key->open ? key->open(transform, &socket->fd)
			       : transform_open(transform, &socket->fd);
	if (err) {
		free(socket);
		return err;
	}
	socket->name = transform->name;
	socket->tag_size = transform->tag_size;
	socket->key_id = key ? key->id : 0;
	socket->keep = !key || key->constant;
	/* Its family does not tell that it is ours (is_still()). */
	if (key && key->open)
		identify(socket);

	shared_write(&sockets.lock, 0);
	enlist(socket);
	shared_write_end(&sockets.lock);
	*made = socket;
	return 0;
}

static bool fits(const struct op_socket *socket, const struct transform *transform)
{
	return socket->key_id == (transform->key ? transform->key->id : 0) &&
	       socket->tag_size == transform->tag_size &&
	       (socket->name == transform->name || !strcmp(socket->name, transform->name));
}

/* Whether SOCKET was in state FROM, and is in state TO now. */
static bool move(struct op_socket *socket, int from, int to)
{
	return atomic_compare_exchange_strong(&socket->state, &from, to);
}

/* With the list locked: takes SOCKET, which was idle and is DOOMED now, to the list of those to be
 * closed. */
static void condemn(struct op_socket *socket, struct op_socket **done)
{
	delist(socket);
	atomic_fetch_sub(&sockets.idle, 1);
	socket->next = *done;
	*done = socket;
}

static bool is_old(const struct op_socket *socket, int64_t at)
{
	int64_t taken = atomic_load(&socket->taken);

	return atomic_load(&socket->state) == IDLE && (taken <= at - KEPT_SECONDS || taken > at);
}

/* Closes idle sockets that nobody has taken for a while. */
static void collect(int64_t at)
{
	struct op_socket *done = NULL, *socket, *next;

	shared_read(&sockets.lock);
	for (socket = sockets.first; socket && !is_old(socket, at);)
		socket = socket->next;
	shared_read_end(&sockets.lock);
	if (!socket)
		return;
	shared_write(&sockets.lock, 0);
	for (socket = sockets.first; socket; socket = next) {
		next = socket->next;
		if (is_old(socket, at) && move(socket, IDLE, DOOMED))
			condemn(socket, &done);
	}
	shared_write_end(&sockets.lock);
	dispose(done);
}

static struct op_socket *take_kept(const struct transform *transform, int64_t at)
{
	struct op_socket *socket;

	if (atomic_load(&sockets.looked) != at) {
		atomic_store(&sockets.looked, at);
		collect(at);
	}
	shared_read(&sockets.lock);
	for (socket = sockets.first; socket; socket = socket->next)
		if (fits(socket, transform) && move(socket, IDLE, IN_USE))
			break;
	shared_read_end(&sockets.lock);
	if (socket)
		atomic_fetch_sub(&sockets.idle, 1);
	return socket;
}

int transform_take(const struct transform *transform, struct op_socket **socket)
{
	const struct transform_key *key = transform->key;
	int64_t at = now();
	int err = 0;

	*socket = NULL;
	/* Arming a key asks the kernel all that the check would ask. */
	if (!key || key->constant) {
		if (key && key->check)
			err = key->check(key);
		if (err)
			transform_purge(key->id);
		else
			*socket = take_kept(transform, at);
	}
	if (!err && !*socket)
		err = open_socket(transform, socket);
	if (!err) {
		atomic_store_explicit(&(*socket)->taken, at, memory_order_relaxed);
		(*socket)->spoilt = false;
	}
	return err;
}

bool transform_stale(const struct op_socket *socket)
{
	return now() != atomic_load_explicit(&socket->taken, memory_order_relaxed);
}

bool transform_renew(struct op_socket *socket, const struct transform_key *key)
{
	int err = key->constant && key->check ? key->check(key) : -ESTALE;

	if (err && err != -EHOSTDOWN)
		return false;
	atomic_store_explicit(&socket->taken, now(), memory_order_relaxed);
	return true;
}

ssize_t transform_ask_room(struct op_socket *socket, size_t len)
{
	ssize_t room = alg_room(socket->fd, len);

	if (room > 0)
		socket->room = (size_t)room;
	return room;
}

/* With the list locked: the idle one that was taken before all others, DOOMED; or NULL. */
static struct op_socket *doom_oldest(void)
{
	struct op_socket *found;

	do {
		found = NULL;
		for (struct op_socket *socket = sockets.first; socket; socket = socket->next)
			if (atomic_load(&socket->state) == IDLE &&
			    (!found || atomic_load(&socket->taken) <= atomic_load(&found->taken)))
				found = socket;
	} while (found && !move(found, IDLE, DOOMED));
	return found;
}

/* Whether SOCKET stays open, idle. It may be another's at once. */
static bool lay_by(struct op_socket *socket)
{
	atomic_fetch_add(&sockets.idle, 1);
	if (move(socket, IN_USE, IDLE))
		return true;
	atomic_fetch_sub(&sockets.idle, 1);
	return false;
}

void transform_give(struct op_socket *socket, bool clean)
{
	struct op_socket *done = NULL, *old;
	bool kept = clean && socket->keep && lay_by(socket);

	if (kept && atomic_load(&sockets.idle) <= KEPT_MAX)
		return;
	shared_write(&sockets.lock, 0);
	if (!kept) {
		delist(socket);
		socket->next = NULL;
		done = socket;
	}
	while (atomic_load(&sockets.idle) > KEPT_MAX && (old = doom_oldest()))
		condemn(old, &done);
	shared_write_end(&sockets.lock);
	dispose(done);
}

void transform_purge(uint64_t key_id)
{
	struct op_socket *done = NULL, *socket, *next;

	shared_write(&sockets.lock, 0);
	for (socket = sockets.first; socket; socket = next) {
		next = socket->next;
		/* Those in use go when they are given back. */
		if ((!key_id || socket->key_id == key_id) &&
		    atomic_exchange(&socket->state, DOOMED) == IDLE)
			condemn(socket, &done);
	}
	shared_write_end(&sockets.lock);
	dispose(done);
}

size_t transform_sockets(void)
{
	size_t count = 0;

	shared_read(&sockets.lock);
	for (struct op_socket *socket = sockets.first; socket; socket = socket->next)
		count++;
	shared_read_end(&sockets.lock);
	return count;
}

void transform_fork_prepare(void)
{
	shared_write(&sockets.lock, 0);
	for (struct op_socket *socket = sockets.first; socket; socket = socket->next)
		identify(socket);
}

void transform_fork_done(void)
{
	shared_write_end(&sockets.lock);
}

/* Whether SOCKET's number is still what it was: the program may have closed it, and used it for its
 * own. A bare clone(2) asked nobody to identify sockets before. */
static bool is_still(const struct op_socket *socket)
{
	struct stat status;

	if (!socket->inode)
		return alg_is(socket->fd);
	return !fstat(socket->fd, &status) && status.st_dev == socket->device &&
	       status.st_ino == socket->inode;
}

void transform_abandon(void)
{
	struct op_socket *next;

	/* Another thread of the parent was writing when a bare clone(2) copied its memory: then the
	 * list may be half made, and is left alone. */
	if (!atomic_load(&sockets.lock.written)) {
		for (struct op_socket *socket = sockets.first; socket; socket = next) {
			next = socket->next;
			if (is_still(socket))
				close(socket->fd);
			/* The parent's threads may own it in this copy of memory, so that only
			 * idle ones can be freed. */
			if (atomic_load(&socket->state) == IDLE)
				free(socket);
		}
	}
	sockets.first = NULL;
	atomic_store(&sockets.idle, 0);
	shared_renew(&sockets.lock, 0);
}
