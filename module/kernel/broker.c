/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/broker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "kernel/alg.h"
#include "kernel/log.h"

enum {
	BROKERS_MAX = 16,
	PATIENCE = 10, /* seconds that a broker may take to answer */
};

struct broker {
	/* Connections are kept, closed when they are old, and forgotten by a child, as op sockets
	 * are: those of this key. */
	struct transform_key connection;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
};

/* Changed only while the module starts or stops. */
static struct broker brokers[BROKERS_MAX];
static size_t n_brokers;

static int connect_to(const char *path)
{
	const struct timeval patience = {.tv_sec = PATIENCE};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return -errno;
	strcpy(address.sun_path, path);
	if (!setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) &&
	    !setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) &&
	    !connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static int dial(const struct transform *transform, int *fd)
{
	*fd = connect_to(transform->name);
	return *fd < 0 ? *fd : 0;
}

/* The descriptor that came with MESSAGE, or -1. */
static int passed(struct msghdr *message)
{
	const struct cmsghdr *header = CMSG_FIRSTHDR(message);
	int fd = -1;

	if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
	    header->cmsg_len == CMSG_LEN(sizeof(fd)))
		memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

static ssize_t receive_answer(int socket, void *answer, size_t size, int *fd)
{
	struct iovec part = {.iov_base = answer, .iov_len = size};
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	ssize_t got;

	*fd = -1;
	do {
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof(control);
		got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_TRUNC);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	*fd = passed(&message);
	return got;
}

/* SIZE is that of an answer without an error. */
static int exchange(int socket, const struct broker_request *request, struct broker_answer *answer,
		    size_t size, int *fd)
{
	ssize_t went;

	do {
		went = send(socket, request, sizeof(*request), MSG_NOSIGNAL);
	} while (went < 0 && errno == EINTR);
	if (went < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	went = receive_answer(socket, answer, size, fd);
	if (went < 0)
		return (int)went;
	/* A packet of nothing is the end of the connection. */
	if (!went)
		return -ECONNRESET;
	if ((size_t)went < sizeof(*answer))
		return -EPROTO;
	/* Of another version all that is known is how it begins. */
	return (size_t)went == size || answer->error || answer->version != BROKER_VERSION ? 0
											  : -EPROTO;
}

static bool is_lost(int err)
{
	return err == -EPIPE || err == -ECONNRESET || err == -ENOTCONN;
}

/* What ANSWER, which came whole, says. */
static int verdict(const struct broker *broker, const struct broker_answer *answer)
{
	if (answer->version != BROKER_VERSION) {
		log_line("the broker at %s speaks version %u of the protocol, this module %d",
			 broker->path, answer->version, BROKER_VERSION);
		return -EPROTONOSUPPORT;
	}
	return answer->error <= INT32_MAX ? -(int)answer->error : -EPROTO;
}

/* *FD is a descriptor that came with an answer without an error, or -1. */
static int ask(struct broker *broker, const struct broker_request *request,
	       struct broker_answer *answer, size_t size, int *fd)
{
	const struct transform connection = {
		.type = "unix", .name = broker->path, .key = &broker->connection};
	struct op_socket *socket;
	int err;

	*fd = -1;
	for (int tries = 0; tries < 2; tries++) {
		err = transform_take(&connection, &socket);
		if (err)
			break;
		err = exchange(socket->fd, request, answer, size, fd);
		transform_give(socket, !err);
		if (!is_lost(err))
			break;
		/* The broker was started anew, or was short of room for connections that lie idle;
		 * what was kept beside this one is lost as well. */
		transform_purge(broker->connection.id);
	}
	if (err) {
		log_line("the broker at %s does not answer: %s", broker->path, strerror(-err));
		/* What the errno of a connection would mean of a key or an algorithm is not so. */
		if (err != -EPROTO && err != -ENOMEM && err != -EMFILE && err != -ENFILE)
			err = -EHOSTDOWN;
	} else {
		err = verdict(broker, answer);
	}
	if (err && *fd >= 0) {
		close(*fd);
		*fd = -1;
	}
	return err;
}

/* An answer that brings a socket of AF_ALG in *FD. */
static int ask_for_socket(struct broker *broker, const struct broker_request *request, int *fd)
{
	struct broker_answer answer;
	int err = ask(broker, request, &answer, sizeof(answer), fd);

	if (err)
		return err;
	if (*fd >= 0 && alg_is(*fd))
		return 0;
	if (*fd >= 0)
		close(*fd);
	return -EPROTO;
}

/* An answer that is nothing but its error. */
static int ask_for_nothing(struct broker *broker, const struct broker_request *request)
{
	struct broker_answer answer;
	int fd, err = ask(broker, request, &answer, sizeof(answer), &fd);

	if (!err && fd >= 0)
		close(fd);
	return err;
}

/* A request that names an algorithm; -ENOENT where none can be called like that. */
static int fill(struct broker_request *request, enum broker_ask ask, const char *type,
		const char *name)
{
	*request = (struct broker_request){.version = BROKER_VERSION, .ask = ask};
	if (strlen(type) >= sizeof(request->type) || strlen(name) >= sizeof(request->name))
		return -ENOENT;
	strcpy(request->type, type);
	strcpy(request->name, name);
	return 0;
}

/* What ERR, a broker's answer to whoever wants an algorithm, comes to. */
static const char *why_not(int err)
{
	switch (err) {
	case -EACCES:
		return "no rule of it gives this user any";
	case -ENOENT:
		return "this kernel lacks it, or keeps it from the broker as well "
		       "(crypto.af_alg_restrict)";
	case -EAFNOSUPPORT:
		return "it cannot open AF_ALG sockets either (crypto.af_alg_restrict is 2, or its "
		       "service's RestrictAddressFamilies= lacks AF_ALG)";
	default:
		return strerror(-err);
	}
}

/* For transform_bind() and transform_may_bind(). Nobody has it, unless one could not be asked. */
static int bind_there(const char *type, const char *name, bool only_asks)
{
	struct broker_request request;
	int err = fill(&request, only_asks ? BROKER_OFFER : BROKER_OPEN, type, name), fd;
	int answer = err ? err : -ENOENT;

	for (size_t i = 0; !err && i < n_brokers; i++) {
		int one = only_asks ? ask_for_nothing(&brokers[i], &request)
				    : ask_for_socket(&brokers[i], &request, &fd);

		if (!one)
			return only_asks ? 0 : fd;
		log_line("the broker at %s gives no %s: %s", brokers[i].path, name, why_not(one));
		if (one != -ENOENT && one != -EACCES && one != -EAFNOSUPPORT)
			answer = -EHOSTDOWN;
	}
	return answer;
}

struct broker *broker_add(const char *path)
{
	struct broker *broker = &brokers[n_brokers];
	struct stat status;

	if (n_brokers == BROKERS_MAX || strlen(path) >= sizeof(broker->path) ||
	    stat(path, &status) || !S_ISSOCK(status.st_mode))
		return NULL;
	/* Who may not write to it may not connect: unix(7). */
	if (access(path, W_OK)) {
		log_line("the broker at %s is not for this user: %s", path, strerror(errno));
		return NULL;
	}
	broker->connection =
		(struct transform_key){.id = transform_key_id(), .constant = true, .open = dial};
	strcpy(broker->path, path);
	n_brokers++;
	transform_bind_elsewhere(bind_there);
	return broker;
}

void brokers_forget(void)
{
	transform_bind_elsewhere(NULL);
	n_brokers = 0;
}

const char *broker_path(const struct broker *broker)
{
	return broker->path;
}

int broker_list(struct broker *broker, int32_t **list)
{
	struct broker_request request = {.version = BROKER_VERSION, .ask = BROKER_LIST};
	struct broker_list *part = malloc(sizeof(*part));
	int32_t *larger;
	size_t count = 0;
	int err, fd;

	*list = NULL;
	do {
		err = part ? ask(broker, &request, &part->answer, sizeof(*part), &fd) : -ENOMEM;
		if (!err && fd >= 0)
			close(fd);
		if (!err && part->count > BROKER_SERIALS)
			err = -EPROTO;
		larger = err ? NULL : realloc(*list, (count + part->count + 1) * sizeof(*larger));
		if (!larger) {
			err = err ? err : -ENOMEM;
			break;
		}
		*list = larger;
		memcpy(larger + count, part->serials, part->count * sizeof(*larger));
		count += part->count;
		/* Those of the next part are above; else it would be asked for without end. */
		if (part->count && larger[count - 1] <= request.serial)
			err = -EPROTO;
		if (part->count)
			request.serial = larger[count - 1];
	} while (!err && part->count == BROKER_SERIALS);
	free(part);
	if (!err)
		return (int)count;
	free(*list);
	*list = NULL;
	return err;
}

int broker_describe(struct broker *broker, int32_t serial, struct broker_key *key)
{
	const struct broker_request request = {
		.version = BROKER_VERSION, .ask = BROKER_DESCRIBE, .serial = serial};
	int fd, err = ask(broker, &request, &key->answer, sizeof(*key), &fd);

	if (err)
		return err;
	if (fd >= 0)
		close(fd);
	key->type[sizeof(key->type) - 1] = '\0';
	key->description[sizeof(key->description) - 1] = '\0';
	return 0;
}

int broker_check(struct broker *broker, int32_t serial)
{
	const struct broker_request request = {
		.version = BROKER_VERSION, .ask = BROKER_CHECK, .serial = serial};

	return ask_for_nothing(broker, &request);
}

int broker_open(struct broker *broker, int32_t serial, const struct transform *transform, int *op)
{
	struct broker_request request;
	int err = fill(&request, BROKER_OPEN, transform->type, transform->name);

	if (err)
		return err;
	request.serial = serial;
	request.tag_size = transform->tag_size;
	return ask_for_socket(broker, &request, op);
}
