/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The situations of processes that tests/reach looks at, as those bring about who start them: root
 * and a plain user as they are, a session keyring of the process's own (systemd's
 * KeyringMode=private), a container's seccomp filter, a user namespace. What cannot be brought
 * about ends the program.
 */
#ifndef TESTS_SITUATION_H
#define TESTS_SITUATION_H

#include <stdbool.h>
#include <sys/types.h>

/* From root to a user without further groups. */
void situation_become(uid_t uid, gid_t gid);

/* "root", "plain", "private", "seccomp" or "userns". False: NAME is none. */
bool situation_enter(const char *name);

#endif
