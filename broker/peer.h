/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who is at the other end of a connection: what the kernel says of whoever connected (unix(7),
 * SO_PEERCRED, SO_PEERGROUPS, SO_PEERPIDFD), never what a message says.
 */
#ifndef KCRYPTOKI_PEER_H
#define KCRYPTOKI_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct peer {
	pid_t pid; /* for the log: it may be another process's by now */
	uid_t uid;
	gid_t gid;
	const gid_t *groups; /* the others; until the next peer_read() */
	size_t n_groups;
	char unit[256]; /* of systemd, of the system's own manager; "": none, or not known */
};

/* Who connected FD. UNIT: which unit of systemd it is of, too. 0 or -errno. */
int peer_read(int fd, bool unit, struct peer *peer);

/* Whether this kernel gives a descriptor of a peer's process (Linux 6.5), without which its unit
 * could be that of a process that has got its number since. */
bool peer_has_units(void);

/* The unit that CGROUP, the text of /proc/PID/cgroup, names: "0::/system.slice/backup.service" is
 * one of backup.service. Empty where it is of none. */
void peer_unit_of(const char *cgroup, char unit[256]);

#endif
