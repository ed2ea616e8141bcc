/* SPDX-License-Identifier: BSD-2-Clause */
#include "broker/server.h"

#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/answer.h"
#include "broker/peer.h"
#include "kernel/log.h"

struct connection {
	int fd; /* -1: none */
	uid_t uid;
	uint64_t heard; /* in which round its last request came */
	struct client client;
};

static struct {
	struct connection connections[CLIENTS_MAX];
	const struct rules *rules;
	bool units;
	uint64_t round;
	/* Those who had their turn in this round. */
	uid_t served[CLIENTS_MAX];
	size_t n_served;
} server;

static void hang_up(struct connection *connection, const char *why)
{
	if (why)
		log_line("%s is disconnected: %s", connection->client.name, why);
	close(connection->fd);
	connection->fd = -1;
}

/* ANSWER and what goes with it; it must fit at once. */
static int send_answer(int fd, const union answer *answer, size_t size, int passed)
{
	struct iovec part = {.iov_base = (void *)answer, .iov_len = size};
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(sizeof(int))];
	} control = {.bytes = {0}};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	struct cmsghdr *header;

	if (passed >= 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof(control.bytes);
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(passed));
		memcpy(CMSG_DATA(header), &passed, sizeof(passed));
	}
	return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static void serve_one(struct connection *connection)
{
	struct broker_request request;
	union answer reply;
	size_t size;
	int unread, passed, err;
	ssize_t got = recv(connection->fd, &request, sizeof(request), MSG_DONTWAIT | MSG_TRUNC);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		hang_up(connection, NULL);
		return;
	}
	/* Else descriptors on their way to it would gather in the kernel. */
	if (ioctl(connection->fd, SIOCOUTQ, &unread) || unread) {
		hang_up(connection, "it asks before it has read the last answer");
		return;
	}
	if ((size_t)got != sizeof(request)) {
		hang_up(connection, "what it sends is no request");
		return;
	}
	connection->heard = server.round;
	size = answer(server.rules, &connection->client, &request, &reply, &passed);
	err = send_answer(connection->fd, &reply, size, passed);
	if (passed >= 0)
		close(passed);
	if (err)
		hang_up(connection, err == -EPIPE ? NULL : strerror(-err));
}

/* Of those of UID (ANYBODY: of all) the one that was idle longest; their number in *COUNT. */
static struct connection *oldest(uid_t uid, bool anybody, size_t *count)
{
	struct connection *found = NULL;

	*count = 0;
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		struct connection *one = &server.connections[i];

		if (one->fd < 0 || (!anybody && one->uid != uid))
			continue;
		++*count;
		if (!found || one->heard < found->heard)
			found = one;
	}
	return found;
}

/* Who has most connections gives one up. */
static uid_t greediest(void)
{
	uid_t found = 0;
	size_t most = 0, count;

	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		if (server.connections[i].fd < 0)
			continue;
		oldest(server.connections[i].uid, false, &count);
		if (count > most) {
			most = count;
			found = server.connections[i].uid;
		}
	}
	return found;
}

static struct connection *room_for(uid_t uid)
{
	size_t of_user, all;
	struct connection *theirs = oldest(uid, false, &of_user);

	/* A module whose connection is gone makes another, and its sockets go on. */
	if (of_user >= CLIENTS_OF_USER) {
		hang_up(theirs, NULL);
	} else {
		oldest(0, true, &all);
		if (all == CLIENTS_MAX)
			hang_up(oldest(greediest(), false, &all), NULL);
	}
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (server.connections[i].fd < 0)
			return &server.connections[i];
	return NULL;
}

static void admit(int fd)
{
	struct connection *connection;
	struct client client;
	struct peer peer;
	int err = peer_read(fd, server.units, &peer);

	if (err) {
		log_line("a connection is refused: who it is of cannot be told: %s",
			 strerror(-err));
		close(fd);
		return;
	}
	client = (struct client){.mine = rules_of(server.rules, &peer)};
	snprintf(client.name, sizeof(client.name), "pid %ld, uid %lu%s%.48s", (long)peer.pid,
		 (unsigned long)peer.uid, *peer.unit ? ", " : "", peer.unit);
	if (!client.mine) {
		log_line("%s is given nothing: no [allow] section names it", client.name);
		client.refused = true;
	}
	connection = room_for(peer.uid);
	*connection = (struct connection){
		.fd = fd, .uid = peer.uid, .heard = server.round, .client = client};
}

/* A few at a time, so that who only connects does not keep others waiting. */
static void admit_some(int listener)
{
	for (int i = 0; i < 8; i++) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0) {
			if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
				log_line("no connection can be taken: %s", strerror(errno));
			return;
		}
		admit(fd);
	}
}

/* Whether UID's turn is over in this round. */
static bool was_served(uid_t uid)
{
	for (size_t i = 0; i < server.n_served; i++)
		if (server.served[i] == uid)
			return true;
	return false;
}

/* Those who have asked, from a place on that moves: another one of a user's connections comes first
 * each time. */
static void take_turns(const struct pollfd *polled, const size_t *whose, size_t n)
{
	server.n_served = 0;
	for (size_t i = 0; i < n; i++) {
		size_t at = (i + server.round) % n;
		struct connection *one = &server.connections[whose[at]];

		if (!polled[at].revents || was_served(one->uid))
			continue;
		server.served[server.n_served++] = one->uid;
		serve_one(one);
	}
}

void serve(int listener, int stop, const struct rules *rules)
{
	struct pollfd polled[CLIENTS_MAX + 2];
	size_t whose[CLIENTS_MAX], n;

	server.rules = rules;
	server.units = rules_name_units(rules);
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		server.connections[i].fd = -1;
	for (;; server.round++) {
		n = 0;
		for (size_t i = 0; i < CLIENTS_MAX; i++) {
			if (server.connections[i].fd < 0)
				continue;
			polled[n] =
				(struct pollfd){.fd = server.connections[i].fd, .events = POLLIN};
			whose[n++] = i;
		}
		polled[n] = (struct pollfd){.fd = listener, .events = POLLIN};
		polled[n + 1] = (struct pollfd){.fd = stop, .events = POLLIN};
		if (poll(polled, n + 2, -1) < 0)
			continue;
		if (polled[n + 1].revents)
			break;
		take_turns(polled, whose, n);
		if (polled[n].revents)
			admit_some(listener);
	}
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (server.connections[i].fd >= 0)
			hang_up(&server.connections[i], NULL);
}
