/* SPDX-License-Identifier: BSD-2-Clause */
#include "situation.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <keyutils.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef AF_ALG
#define AF_ALG 38
#endif

__attribute__((noreturn)) static void give_up(const char *what)
{
	fprintf(stderr, "situation: %s: %s\n", what, strerror(errno));
	exit(2);
}

void situation_become(uid_t uid, gid_t gid)
{
	if (setgroups(0, NULL) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
		give_up("setresuid");
	/* A process that changed its ids does not own its files in /proc until it can be dumped. */
	if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))
		give_up("PR_SET_DUMPABLE");
}

static void join_session(void)
{
	if (keyctl_join_session_keyring(NULL) < 0)
		give_up("keyctl_join_session_keyring");
}

/* What a container's usual filter denies of what the token needs, and with the same error. */
static void deny(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_keyctl, 5, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_add_key, 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_request_key, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_ALG, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(*code), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		give_up("seccomp");
	if (socket(AF_ALG, SOCK_SEQPACKET, 0) != -1 || errno != EPERM ||
	    keyctl_get_keyring_ID(KEY_SPEC_USER_KEYRING, 0) != -1 || errno != EPERM)
		give_up("the filter denies nothing");
}

static void write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		give_up(path);
	close(fd);
}

static void enter_user_namespace(void)
{
	uid_t uid = getuid();
	gid_t gid = getgid();
	char map[64];

	if (unshare(CLONE_NEWUSER))
		give_up("CLONE_NEWUSER");
	write_to("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1", uid);
	write_to("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "0 %u 1", gid);
	write_to("/proc/self/gid_map", map);
	if (getuid() != 0)
		give_up("uid_map");
}

static void stay(void)
{
}

static const struct {
	const char *name;
	void (*enter)(void);
} situations[] = {
	{"root", stay},
	{"plain", stay},
	{"private", join_session},
	{"seccomp", deny},
	{"userns", enter_user_namespace},
};

bool situation_enter(const char *name)
{
	for (size_t i = 0; i < sizeof(situations) / sizeof(*situations); i++)
		if (!strcmp(situations[i].name, name)) {
			situations[i].enter();
			return true;
		}
	return false;
}
