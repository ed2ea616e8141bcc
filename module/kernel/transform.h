/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Op sockets, and the one place that opens them. Callers take a socket for one operation and give
 * it back; sockets given back clean are kept for the next operation of the same kind, key and tag
 * size, so that in the steady state an operation costs no set-up.
 *
 * The kernel copies a key when a transform is armed. So a kept socket is only used where the key
 * cannot have changed (transform_key.constant), and only after the key was found usable again.
 */
#ifndef KCRYPTOKI_TRANSFORM_H
#define KCRYPTOKI_TRANSFORM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct transform;

/* What arms a transform. Key sources fill one in; to everybody else it is opaque. */
struct transform_key {
	uint64_t id;   /* never 0, never used for another key in this process */
	bool constant; /* nobody can change the key */
	/* Gives the key to a bound transform; 0 or -errno. */
	int (*arm)(const struct transform_key *, int transform);
	/* 0 where the key may still be used, else -errno; NULL: always. */
	int (*check)(const struct transform_key *);
	/* Makes an op socket in *OP another way than transform_open(), or besides; NULL: no. */
	int (*open)(const struct transform *, int *op);
};

/* What an op socket is opened for. */
struct transform {
	const char *type, *name;
	const struct transform_key *key; /* NULL: the algorithm takes none */
	unsigned int tag_size;           /* bytes; 0: not an AEAD */
};

/* One op socket; its owner alone uses it until it is given back. */
struct op_socket {
	int fd;
	bool spoilt; /* for its owner: a message was left in the middle */
	/* private to transform.[ch] */
	size_t room;
	struct op_socket *next, **link;
	uint64_t device, inode;
	const char *name;
	uint64_t key_id;
	unsigned int tag_size;
	bool keep;
	atomic_int state;
	atomic_int_least64_t taken; /* seconds */
};

/*
 * A transform bound to TYPE and NAME by this process, or by another that may do so for it; -ENOENT:
 * neither may, or there is none. -EHOSTDOWN: the other one does not answer now.
 */
int transform_bind(const char *type, const char *name);

/* 0 where transform_bind() would bring one, else what it would answer. */
int transform_may_bind(const char *type, const char *name);

/* Who binds what this process may not, or ONLY_ASKS whether it would be bound: as the above. NULL:
 * nobody. For when nobody takes sockets. */
typedef int transform_binder(const char *type, const char *name, bool only_asks);
void transform_bind_elsewhere(transform_binder *bind);

/* An op socket of a transform that is bound and armed here, in *OP: nobody else has it. */
int transform_open(const struct transform *transform, int *op);

/* A socket for TRANSFORM in *SOCKET, kept or new. Where a key is refused, its kept sockets go. */
int transform_take(const struct transform *transform, struct op_socket **socket);

/* Whether SOCKET was taken in another second than this one, so that who still uses it should ask
 * again, by giving it back and taking another, whether its key may be used. Costs no system call.
 */
bool transform_stale(const struct op_socket *socket);

/* Whether SOCKET, which is stale, may go on without: its KEY, which nobody can change, may still be
 * used, or whoever could tell is away (-EHOSTDOWN): what is open goes on. */
bool transform_renew(struct op_socket *socket, const struct transform_key *key);

/* Ends the use of SOCKET. CLEAN: no request is queued, and nothing is left to receive. */
void transform_give(struct op_socket *socket, bool clean);

/*
 * The bytes that one request on SOCKET may queue before it is received, raised towards LEN where
 * the kernel allows; or -errno. Asks the kernel once, and again where LEN is more than it said.
 * Beyond it a send blocks, and an AEAD or XTS result is silently wrong (crypto/algif_aead.c splits
 * it into several requests).
 */
ssize_t transform_ask_room(struct op_socket *socket, size_t len);
static inline ssize_t transform_room(struct op_socket *socket, size_t len)
{
	if (socket->room && len <= socket->room)
		return (ssize_t)socket->room;
	return transform_ask_room(socket, len);
}

/* Closes the kept sockets of a key, or (0) of all keys and none; those in use are closed when they
 * are given back. */
void transform_purge(uint64_t key_id);

/* Sockets open now, kept ones included. */
size_t transform_sockets(void);

/* A number for transform_key.id. */
uint64_t transform_key_id(void);

/* Around fork(2), by pthread_atfork(3): the list of sockets is whole in the child. */
void transform_fork_prepare(void);
void transform_fork_done(void);

/* In a forked child, before anything else: closes what it inherited, and starts with nothing. */
void transform_abandon(void);

#endif
