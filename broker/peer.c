/* SPDX-License-Identifier: BSD-2-Clause */
#include "broker/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel/log.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

/* The most that setgroups(2) takes. */
enum { GROUPS_MAX = 65536 };

static int pidfd_of(int fd)
{
	int pidfd;
	socklen_t len = sizeof(pidfd);

	return getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) ? -errno : pidfd;
}

bool peer_has_units(void)
{
	int pair[2], pidfd;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return false;
	pidfd = pidfd_of(pair[0]);
	if (pidfd >= 0)
		close(pidfd);
	close(pair[0]);
	close(pair[1]);
	return pidfd >= 0;
}

/* What is at PATH, of which no more than SIZE - 1 bytes are read, as a string. */
static bool read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		return false;
	got = read(fd, text, size - 1);
	close(fd);
	text[got > 0 ? got : 0] = '\0';
	return got > 0;
}

static bool ends_with(const char *text, size_t len, const char *end)
{
	return len > strlen(end) && !memcmp(text + len - strlen(end), end, strlen(end));
}

/* As systemd's own cg_path_get_unit(): behind the slices stands the unit, and what it makes below
 * is its own affair. */
void peer_unit_of(const char *cgroup, char unit[256])
{
	static const char prefix[] = "0::/";
	const char *at;
	size_t len;

	*unit = '\0';
	/* The one hierarchy of version 2; its line is the last in a mixed one. */
	while (cgroup && strncmp(cgroup, prefix, strlen(prefix))) {
		cgroup = strchr(cgroup, '\n');
		cgroup += !!cgroup;
	}
	if (!cgroup)
		return;
	for (at = cgroup + strlen(prefix);; at += len + 1) {
		len = strcspn(at, "/\n");
		if (!ends_with(at, len, ".slice"))
			break;
		if (at[len] != '/')
			return;
	}
	if (len >= 256 || !(ends_with(at, len, ".service") || ends_with(at, len, ".scope") ||
			    ends_with(at, len, ".socket") || ends_with(at, len, ".mount")))
		return;
	memcpy(unit, at, len);
	unit[len] = '\0';
}

static bool has_ended(int pidfd)
{
	struct pollfd ended = {.fd = pidfd, .events = POLLIN};

	return poll(&ended, 1, 0) != 0;
}

/* Of a process that goes meanwhile nothing is believed: its number may be another's. */
static void read_unit(int pidfd, char unit[256])
{
	char path[64], text[4096];
	const char *line;
	int pid;

	*unit = '\0';
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	if (!read_text(path, text, sizeof(text)))
		return;
	line = strstr(text, "\nPid:");
	if (!line || sscanf(line, "\nPid: %d", &pid) != 1 || pid <= 0)
		return;
	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	if (!read_text(path, text, sizeof(text)))
		return;
	if (!has_ended(pidfd))
		peer_unit_of(text, unit);
}

int peer_read(int fd, bool unit, struct peer *peer)
{
	static gid_t groups[GROUPS_MAX];
	struct ucred who;
	socklen_t len = sizeof(who);
	int pidfd;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len))
		return -errno;
	*peer = (struct peer){.pid = who.pid, .uid = who.uid, .gid = who.gid, .groups = groups};
	len = sizeof(groups);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len))
		return -errno;
	peer->n_groups = len / sizeof(*groups);
	if (!unit)
		return 0;
	pidfd = pidfd_of(fd);
	if (pidfd < 0)
		return pidfd;
	read_unit(pidfd, peer->unit);
	close(pidfd);
	return 0;
}
