/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/transform.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "kernel/alg.h"

enum {
	KEPT_MAX = 64,     /* idle sockets */
	KEPT_SECONDS = 60, /* after which an idle socket lets its copy of a key go */
	STALE_SECONDS = 1, /* how long a socket is used without asking for its key again */
};

/* Every open op socket, newest first: a forked child must be able to close them all. */
static struct {
	pthread_mutex_t lock; /* a leaf: held for list work only, never over a system call */
	struct op_socket *first;
	size_t idle;
} sockets = {.lock = PTHREAD_MUTEX_INITIALIZER};

static atomic_uint_fast64_t last_key_id;

uint64_t transform_key_id(void)
{
	return atomic_fetch_add(&last_key_id, 1) + 1;
}

static int64_t now(void)
{
	struct timespec time;

	/* The coarse clock is read without a system call. */
	clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
	return time.tv_sec;
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

static int identify(struct op_socket *socket)
{
	struct stat status;

	if (fstat(socket->fd, &status) < 0)
		return -errno;
	socket->device = status.st_dev;
	socket->inode = status.st_ino;
	return 0;
}

/* THE seam: whatever makes op sockets otherwise (a broker, say) is asked here. */
static int open_op(const struct transform *transform, int *op)
{
	const struct transform_key *key = transform->key;
	int fd = alg_bind(transform->type, transform->name);
	int err = fd < 0 ? fd : 0;

	if (!err && key)
		err = key->arm(key, fd);
	if (!err && transform->tag_size)
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

static int open_socket(const struct transform *transform, struct op_socket **made)
{
	struct op_socket *socket = calloc(1, sizeof(*socket));
	int err;

	if (!socket)
		return -ENOMEM;
	err = open_op(transform, &socket->fd);
	if (err) {
		free(socket);
		return err;
	}
	err = identify(socket);
	if (err) {
		dispose(socket);
		return err;
	}
	socket->name = transform->name;
	socket->tag_size = transform->tag_size;
	socket->key_id = transform->key ? transform->key->id : 0;
	socket->keep = !transform->key || transform->key->constant;

	pthread_mutex_lock(&sockets.lock);
	enlist(socket);
	pthread_mutex_unlock(&sockets.lock);
	*made = socket;
	return 0;
}

static bool fits(const struct op_socket *socket, const struct transform *transform)
{
	return socket->idle && socket->key_id == (transform->key ? transform->key->id : 0) &&
	       socket->tag_size == transform->tag_size && !strcmp(socket->name, transform->name);
}

/* Takes idle sockets of KEY_ID (0: any) that were last taken up to BEFORE out of the list. */
static struct op_socket *collect(uint64_t key_id, int64_t before)
{
	struct op_socket *out = NULL, *next;

	for (struct op_socket *socket = sockets.first; socket; socket = next) {
		next = socket->next;
		if (!socket->idle || socket->taken > before || (key_id && socket->key_id != key_id))
			continue;
		delist(socket);
		sockets.idle--;
		socket->next = out;
		out = socket;
	}
	return out;
}

static struct op_socket *take_kept(const struct transform *transform, int64_t time)
{
	struct op_socket *socket, *done;

	pthread_mutex_lock(&sockets.lock);
	done = collect(0, time - KEPT_SECONDS);
	for (socket = sockets.first; socket && !fits(socket, transform);)
		socket = socket->next;
	if (socket) {
		socket->idle = false;
		sockets.idle--;
	}
	pthread_mutex_unlock(&sockets.lock);
	dispose(done);
	return socket;
}

int transform_take(const struct transform *transform, struct op_socket **socket)
{
	const struct transform_key *key = transform->key;
	int64_t time = now();
	int err = 0;

	*socket = NULL;
	/* Arming a key asks the kernel all that the check would ask. */
	if (!key || key->constant) {
		if (key && key->check)
			err = key->check(key);
		if (err)
			transform_purge(key->id);
		else
			*socket = take_kept(transform, time);
	}
	if (!err && !*socket)
		err = open_socket(transform, socket);
	if (!err) {
		(*socket)->taken = time;
		(*socket)->spoilt = false;
	}
	return err;
}

bool transform_stale(const struct op_socket *socket)
{
	return now() - socket->taken > STALE_SECONDS;
}

ssize_t transform_room(struct op_socket *socket, size_t len)
{
	ssize_t room;

	if (socket->room && len <= socket->room)
		return (ssize_t)socket->room;
	room = alg_room(socket->fd, len);
	if (room > 0)
		socket->room = (size_t)room;
	return room;
}

/* The idle one that was given back before all others: the list has the newest first. */
static struct op_socket *oldest(void)
{
	struct op_socket *found = NULL;

	for (struct op_socket *socket = sockets.first; socket; socket = socket->next)
		if (socket->idle)
			found = socket;
	return found;
}

void transform_give(struct op_socket *socket, bool clean)
{
	struct op_socket *done = NULL;

	pthread_mutex_lock(&sockets.lock);
	delist(socket);
	if (clean && socket->keep) {
		if (sockets.idle == KEPT_MAX) {
			done = oldest();
			delist(done);
			sockets.idle--;
			done->next = NULL;
		}
		/* To the front: the socket used last is the first to be used again. */
		enlist(socket);
		socket->idle = true;
		sockets.idle++;
	} else {
		socket->next = NULL;
		done = socket;
	}
	pthread_mutex_unlock(&sockets.lock);
	dispose(done);
}

void transform_purge(uint64_t key_id)
{
	struct op_socket *out;

	pthread_mutex_lock(&sockets.lock);
	out = collect(key_id, INT64_MAX);
	/* Those in use go when they are given back. */
	for (struct op_socket *socket = sockets.first; socket; socket = socket->next)
		if (!key_id || socket->key_id == key_id)
			socket->keep = false;
	pthread_mutex_unlock(&sockets.lock);
	dispose(out);
}

size_t transform_sockets(void)
{
	size_t count = 0;

	pthread_mutex_lock(&sockets.lock);
	for (struct op_socket *socket = sockets.first; socket; socket = socket->next)
		count++;
	pthread_mutex_unlock(&sockets.lock);
	return count;
}

void transform_fork_prepare(void)
{
	pthread_mutex_lock(&sockets.lock);
}

void transform_fork_done(void)
{
	pthread_mutex_unlock(&sockets.lock);
}

void transform_abandon(void)
{
	static const pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;
	struct op_socket *next;
	struct stat status;

	/* A lock that is held here was held by another thread of the parent when a bare clone(2)
	 * copied it: then the list may be half made, and is left alone. */
	if (!pthread_mutex_trylock(&sockets.lock)) {
		for (struct op_socket *socket = sockets.first; socket; socket = next) {
			next = socket->next;
			/* The program may have closed the number and used it for its own. */
			if (!fstat(socket->fd, &status) && status.st_dev == socket->device &&
			    status.st_ino == socket->inode)
				close(socket->fd);
			/* The parent's threads may own it in this copy of memory, so that only
			 * idle ones can be freed. */
			if (socket->idle)
				free(socket);
		}
	}
	sockets.first = NULL;
	sockets.idle = 0;
	memcpy(&sockets.lock, &fresh, sizeof(fresh));
}
