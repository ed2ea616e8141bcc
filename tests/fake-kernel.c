/* SPDX-License-Identifier: BSD-2-Clause */
#include "fake-kernel.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake-inside.h"
#include "kernel/alg.h"

enum { PAGE = 4096, FDS = 8192, FUNCTIONS = 40, ALGORITHMS = 128 };

/* A transform, or an op socket. */
struct sock {
	dev_t device;
	ino_t inode;
	const struct fake_algorithm *algorithm;
	bool op;
	uint64_t id, parent;
	bool armed;
	uint64_t key;
	unsigned int tag_size;
	size_t room;

	/* the request */
	bool hashing, waiting;
	uint64_t hash;
	uint32_t direction;
	uint8_t iv[ALG_IV_MAX];
	size_t aad, queued;
	uint8_t *queue;
};

static struct {
	pthread_mutex_t lock;
	bool hidden[ALGORITHMS];
	bool no_serials;
	size_t room;
	struct sock *sockets[FDS];
	uint64_t sockets_made, random;
	void (*watch)(const void *, size_t);
	void (*watch_calls)(const char *);
	struct {
		const char *name;
		unsigned int calls;
	} functions[FUNCTIONS];
	const char *failing;
	unsigned int fails_in;
	int failure;
} fake = {.lock = PTHREAD_MUTEX_INITIALIZER, .room = 208896};

void fake_die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("Bail out! fake kernel: ", stdout);
	vprintf(format, args);
	puts("");
	fflush(stdout);
	va_end(args);
	abort();
}

static unsigned int *count_of(const char *function)
{
	for (size_t i = 0; i < FUNCTIONS; i++) {
		if (!fake.functions[i].name)
			fake.functions[i].name = function;
		if (!strcmp(fake.functions[i].name, function))
			return &fake.functions[i].calls;
	}
	fake_die("%s is one function too many to count", function);
}

/* Locks; answers the failure that waits for this call, or 0. */
int fake_entered(const char *function)
{
	if (fake.watch_calls)
		fake.watch_calls(function);
	pthread_mutex_lock(&fake.lock);
	++*count_of(function);
	if (!fake.failing || strcmp(fake.failing, function) || --fake.fails_in)
		return 0;
	fake.failing = NULL;
	return fake.failure;
}

ssize_t fake_left(ssize_t result)
{
	pthread_mutex_unlock(&fake.lock);
	return result;
}

void fake_reset(void)
{
	if (fake_n_algorithms > ALGORITHMS)
		fake_die("%zu algorithms are too many", fake_n_algorithms);
	fake_keys_forget();
	memset(fake.hidden, 0, sizeof(fake.hidden));
	fake.no_serials = false;
	fake.room = 208896;
	fake.failing = NULL;
	fake.watch = NULL;
	fake.watch_calls = NULL;
	fake_calls_forget();
}

void fake_alg_hide(const char *name, bool hidden)
{
	for (size_t i = 0; i < fake_n_algorithms; i++) {
		if (!strcmp(fake_algorithms[i].name, name)) {
			fake.hidden[i] = hidden;
			return;
		}
	}
	fake_die("there is no %s to hide", name);
}

void fake_serials(bool known)
{
	fake.no_serials = !known;
}

void fake_room(size_t bytes)
{
	fake.room = bytes;
}

void fake_watch_calls(void (*watch)(const char *function))
{
	fake.watch_calls = watch;
}

void fake_fail(const char *function, unsigned int nth, int err)
{
	fake.failing = nth ? function : NULL;
	fake.fails_in = nth;
	fake.failure = err;
}

unsigned int fake_calls(const char *function)
{
	return *count_of(function);
}

void fake_calls_forget(void)
{
	memset(fake.functions, 0, sizeof(fake.functions));
}

void fake_watch_keys(void (*watch)(const void *key, size_t len))
{
	fake.watch = watch;
}

static int enrol(const struct fake_algorithm *algorithm, struct sock *parent)
{
	struct stat status;
	struct sock *sock = calloc(1, sizeof(*sock));
	/* A socket has an inode of its own, which an eventfd has not. */
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (!sock || fd < 0 || fd >= FDS || fstat(fd, &status))
		fake_die("no descriptor: %s", strerror(errno));
	if (parent) {
		*sock = *parent;
		sock->parent = parent->id;
	}
	sock->id = ++fake.sockets_made;
	sock->op = parent;
	sock->algorithm = algorithm;
	sock->device = status.st_dev;
	sock->inode = status.st_ino;
	sock->room = PAGE;
	/* Whatever had the number before was closed by the module. */
	if (fake.sockets[fd])
		free(fake.sockets[fd]->queue);
	free(fake.sockets[fd]);
	fake.sockets[fd] = sock;
	return fd;
}

static bool is_open(int fd)
{
	struct stat status;

	return fake.sockets[fd] && !fstat(fd, &status) &&
	       status.st_dev == fake.sockets[fd]->device &&
	       status.st_ino == fake.sockets[fd]->inode;
}

static struct sock *sock_of(int fd, bool op)
{
	if (fd < 0 || fd >= FDS || !is_open(fd) || fake.sockets[fd]->op != op)
		fake_die("descriptor %d is no open %s", fd, op ? "op socket" : "transform");
	return fake.sockets[fd];
}

size_t fake_open_sockets(void)
{
	size_t n = 0;

	for (int fd = 0; fd < FDS; fd++)
		n += is_open(fd);
	return n;
}

size_t fake_busy_sockets(void)
{
	size_t n = 0;

	for (int fd = 0; fd < FDS; fd++)
		if (is_open(fd))
			n += fake.sockets[fd]->hashing || fake.sockets[fd]->waiting ||
			     fake.sockets[fd]->queued;
	return n;
}

int alg_probe(void)
{
	return (int)fake_left(fake_entered("alg_probe"));
}

int alg_bind(const char *type, const char *name)
{
	int err = fake_entered("alg_bind");

	if (err)
		return (int)fake_left(err);
	for (size_t i = 0; i < fake_n_algorithms; i++)
		if (!strcmp(fake_algorithms[i].type, type) &&
		    !strcmp(fake_algorithms[i].name, name) && !fake.hidden[i])
			return (int)fake_left(enrol(&fake_algorithms[i], NULL));
	return (int)fake_left(-ENOENT);
}

static bool has_ops(const struct sock *transform)
{
	for (int fd = 0; fd < FDS; fd++)
		if (is_open(fd) && fake.sockets[fd]->op &&
		    fake.sockets[fd]->parent == transform->id)
			return true;
	return false;
}

static int arm(struct sock *sock, const void *key, size_t len)
{
	const struct fake_algorithm *algorithm = sock->algorithm;

	if (has_ops(sock))
		return -EBUSY;
	if (strcmp(algorithm->type, "rng")) {
		if (!algorithm->key_max)
			return -ENOSYS;
		if (len < algorithm->key_min || len > algorithm->key_max ||
		    (len - algorithm->key_min) % algorithm->key_step)
			return -EINVAL;
	}
	sock->armed = true;
	sock->key = fake_sum_of_key(key, len);
	return 0;
}

int alg_set_key(int transform, const void *key, size_t len)
{
	int err = fake_entered("alg_set_key");

	if (!err && fake.watch)
		fake.watch(key, len);
	return (int)fake_left(err ? err : arm(sock_of(transform, false), key, len));
}

int alg_set_key_serial(int transform, int32_t serial)
{
	int err = fake_entered("alg_set_key_serial");
	struct sock *sock = sock_of(transform, false);
	const uint8_t *payload = NULL;
	size_t len = 0;

	if (!err && fake.no_serials)
		err = -ENOPROTOOPT;
	if (!err && !sock->algorithm->key_max)
		err = -ENOSYS;
	if (!err)
		err = fake_key_arms(serial, &payload, &len);
	return (int)fake_left(err ? err : arm(sock, payload, len));
}

int alg_set_tag_size(int transform, unsigned int len)
{
	int err = fake_entered("alg_set_tag_size");
	struct sock *sock = sock_of(transform, false);

	if (!err && has_ops(sock))
		err = -EBUSY;
	if (!err && (len >= 32 || !(sock->algorithm->tags >> len & 1)))
		err = -EINVAL;
	if (!err)
		sock->tag_size = len;
	return (int)fake_left(err);
}

int alg_accept(int transform)
{
	int err = fake_entered("alg_accept");
	struct sock *parent = sock_of(transform, false);

	return (int)fake_left(err ? err : enrol(parent->algorithm, parent));
}

bool alg_is(int fd)
{
	fake_entered("alg_is");
	return fake_left(fd >= 0 && fd < FDS && is_open(fd));
}

int alg_takes_serials(int transform)
{
	fake_entered("alg_takes_serials");
	sock_of(transform, false);
	return (int)fake_left(!fake.no_serials);
}

ssize_t alg_room(int op, size_t len)
{
	int err = fake_entered("alg_room");

	if (err)
		return fake_left(err);
	sock_of(op, true)->room = fake.room;
	return fake_left((ssize_t)fake.room);
}

static size_t total(const struct iovec *iov, int count)
{
	size_t len = 0;

	for (int i = 0; i < count; i++)
		len += iov[i].iov_len;
	return len;
}

static int enqueue(struct sock *sock, const struct iovec *iov, int count)
{
	size_t len = total(iov, count);
	uint8_t *larger = realloc(sock->queue, sock->queued + len + 1);

	if (!larger)
		fake_die("no memory");
	sock->queue = larger;
	/* The real one takes what fits, and blocks or answers this. */
	if (sock->queued + len > sock->room)
		return -EAGAIN;
	for (int i = 0; i < count; i++) {
		if (iov[i].iov_len)
			memcpy(sock->queue + sock->queued, iov[i].iov_base, iov[i].iov_len);
		sock->queued += iov[i].iov_len;
	}
	return 0;
}

static int start(struct sock *sock, const struct alg_request *request)
{
	if (request->iv_len != sock->algorithm->iv)
		return -EINVAL;
	if (request->direction != ALG_OP_ENCRYPT && request->direction != ALG_OP_DECRYPT)
		return -EINVAL;
	sock->direction = request->direction;
	if (request->iv_len)
		memcpy(sock->iv, request->iv, request->iv_len);
	sock->aad = request->aad_len;
	return 0;
}

static int hash_send(struct sock *sock, const struct iovec *iov, int count, bool more)
{
	if (sock->waiting)
		fake_die("a message begins where another one was never received");
	if (!sock->hashing)
		sock->hash = fake_sum_of_hash(sock->algorithm->name, sock->key);
	for (int i = 0; i < count; i++)
		sock->hash = fake_sum(sock->hash, iov[i].iov_base, iov[i].iov_len);
	sock->hashing = more;
	sock->waiting = !more;
	return 0;
}

int alg_send(int op, const struct alg_request *request, const struct iovec *iov, int count,
	     bool more)
{
	int err = fake_entered("alg_send");
	struct sock *sock = sock_of(op, true);
	const char *type = sock->algorithm->type;

	if (err)
		return (int)fake_left(err);
	if (!strcmp(type, "rng"))
		return (int)fake_left(-EOPNOTSUPP);
	if (sock->algorithm->key_max && !sock->armed)
		return (int)fake_left(-ENOKEY);
	if (!strcmp(type, "hash"))
		return (int)fake_left(hash_send(sock, iov, count, more));
	if (sock->waiting)
		return (int)fake_left(-EINVAL);
	if (!request && (sock->algorithm->mode >= FAKE_CHACHA || !strcmp(type, "aead")))
		fake_die("%s goes on without a beginning", sock->algorithm->name);
	err = request ? start(sock, request) : 0;
	if (!err)
		err = enqueue(sock, iov, count);
	if (!err)
		sock->waiting = !more;
	return (int)fake_left(err);
}

static void scatter(const uint8_t *from, const struct iovec *iov, int count)
{
	for (int i = 0; i < count; i++) {
		if (iov[i].iov_len)
			memcpy(iov[i].iov_base, from, iov[i].iov_len);
		from += iov[i].iov_len;
	}
}

static int cipher_recv(struct sock *sock, const struct iovec *iov, int count, size_t expected)
{
	size_t len = sock->queued;
	bool decrypt = sock->direction == ALG_OP_DECRYPT;
	int err;

	if (!sock->waiting)
		return -EAGAIN;
	if (expected != len || total(iov, count) != len)
		fake_die("%zu bytes queued, %zu expected, a buffer of %zu", len, expected,
			 total(iov, count));
	sock->waiting = false;
	sock->queued = 0;
	err = fake_code(sock->algorithm, sock->key, decrypt, sock->iv, sock->queue, len);
	if (!err)
		scatter(sock->queue, iov, count);
	return err;
}

static int aead_recv(struct sock *sock, const struct iovec *iov, int count, size_t expected)
{
	size_t aad = sock->aad, tag_size = sock->tag_size ? sock->tag_size : 16, text;
	bool decrypt = sock->direction == ALG_OP_DECRYPT;
	uint8_t full[FAKE_TAG] = {0};
	bool good = true;
	int err;

	if (!sock->waiting)
		return -EAGAIN;
	/* The request stays queued, as in the real one. */
	if (sock->queued < aad + (decrypt ? tag_size : 0))
		return -EINVAL;
	text = sock->queued - aad - (decrypt ? tag_size : 0);
	err = fake_sealable(sock->algorithm, sock->iv, text);
	if (err)
		return err;
	if (expected != aad + text + (decrypt ? 0 : tag_size))
		fake_die("%zu bytes of AAD and %zu of text, but %zu expected", aad, text, expected);
	if (total(iov, count) != (expected ? expected : 1))
		fake_die("%zu bytes expected into a buffer of %zu", expected, total(iov, count));
	if (expected > sock->room)
		fake_die("a result of %zu bytes is more than a request of %zu gives", expected,
			 sock->room);
	sock->waiting = false;
	sock->queued = 0;
	sock->queue = realloc(sock->queue, expected + tag_size);
	if (decrypt) {
		fake_tag(sock->algorithm, sock->key, sock->iv, sock->queue, aad, sock->queue + aad,
			 text, full);
		good = !memcmp(full, sock->queue + aad + text, tag_size);
	}
	fake_stream(sock->algorithm, sock->key, sock->iv, sock->queue + aad, text);
	if (!decrypt) {
		fake_tag(sock->algorithm, sock->key, sock->iv, sock->queue, aad, sock->queue + aad,
			 text, full);
		memcpy(sock->queue + aad + text, full, tag_size);
	}
	/* The text comes out before the tag is known to be wrong. */
	if (expected)
		scatter(sock->queue, iov, count);
	return good ? 0 : -EBADMSG;
}

static int hash_recv(struct sock *sock, const struct iovec *iov, int count, size_t expected)
{
	uint8_t result[ALG_DIGEST_MAX];

	/* Less than all is the beginning of it, and nothing is left behind. */
	if (!expected || expected > sock->algorithm->size || total(iov, count) != expected)
		fake_die("a digest of %zu bytes, %zu expected", sock->algorithm->size, expected);
	if (!sock->hashing && !sock->waiting)
		sock->hash = fake_sum_of_hash(sock->algorithm->name, sock->key);
	fake_spread(sock->hash, result, expected);
	sock->hashing = sock->waiting = false;
	scatter(result, iov, count);
	return 0;
}

static int random_recv(struct sock *sock, const struct iovec *iov, int count, size_t expected)
{
	uint8_t bytes[ALG_RANDOM_MAX];

	if (!sock->armed)
		return -EINVAL;
	if (expected > sizeof(bytes) || total(iov, count) != expected)
		fake_die("%zu random bytes into a buffer of %zu", expected, total(iov, count));
	/* Every eight bytes are the count of them all, spread: none comes twice. */
	for (size_t i = 0; i < expected; i++, fake.random++)
		bytes[i] = (uint8_t)((fake.random / 8 + 1) * 0x9e3779b97f4a7c15 >>
				     fake.random % 8 * 8);
	scatter(bytes, iov, count);
	return 0;
}

int alg_recv(int op, const struct iovec *iov, int count, size_t expected)
{
	int err = fake_entered("alg_recv");
	struct sock *sock = sock_of(op, true);
	const char *type = sock->algorithm->type;

	if (err) {
		/* As where the kernel gives less than all. */
		if (count && iov->iov_len)
			*(uint8_t *)iov->iov_base = 0x5a;
		return (int)fake_left(err);
	}
	if (sock->algorithm->key_max && !sock->armed)
		return (int)fake_left(-ENOKEY);
	if (!strcmp(type, "hash"))
		err = hash_recv(sock, iov, count, expected);
	else if (!strcmp(type, "skcipher"))
		err = cipher_recv(sock, iov, count, expected);
	else if (!strcmp(type, "aead"))
		err = aead_recv(sock, iov, count, expected);
	else
		err = random_recv(sock, iov, count, expected);
	return (int)fake_left(err);
}
