/* SPDX-License-Identifier: BSD-2-Clause */
/* Who is at the other end of a connection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker/peer.h"

static void units_stand_behind_slices(void **state)
{
	static const struct {
		const char *cgroup, *unit;
	} cases[] = {
		{"0::/system.slice/backup.service\n", "backup.service"},
		{"0::/system.slice/backup.service/payload/x.service\n", "backup.service"},
		{"0::/system.slice/system-getty.slice/getty@tty1.service\n", "getty@tty1.service"},
		{"0::/backup.service\n", "backup.service"},
		{"0::/init.scope\n", "init.scope"},
		{"0::/backup.service", "backup.service"},
		{"12:pids:/x.service\n1:name=systemd:/y.service\n0::/system.slice/z.service\n",
		 "z.service"},
		/* What a user's own manager has is a unit of that user's. */
		{"0::/user.slice/user-1000.slice/user@1000.service/app.slice/backup.service\n",
		 "user@1000.service"},
		{"0::/user.slice/user-1000.slice/session-2.scope\n", "session-2.scope"},
		/* Another root's, seen from here. */
		{"0::/../../system.slice/backup.service\n", ""},
		{"0::/../backup.service\n", ""},
		{"0::/docker/0123\n", ""},
		{"0::/lxc.payload/system.slice/backup.service\n", ""},
		{"0::/system.slice\n", ""},
		{"0::/system.slice/\n", ""},
		{"0::/.service\n", ""},
		{"0::/\n", ""},
		{"1:name=systemd:/system.slice/backup.service\n", ""},
		{"x 0::/backup.service\n", ""},
		{"", ""},
	};
	char unit[256];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		memset(unit, 'x', sizeof(unit));
		peer_unit_of(cases[i].cgroup, unit);
		assert_string_equal(unit, cases[i].unit);
	}
}

static void a_long_name_is_none(void **state)
{
	char cgroup[600] = "0::/", unit[256];

	memset(cgroup + 4, 'a', 500);
	strcpy(cgroup + 4 + 248, ".service");
	peer_unit_of(cgroup, unit);
	assert_string_equal(unit, "");
	strcpy(cgroup + 4 + 247, ".service");
	peer_unit_of(cgroup, unit);
	assert_string_equal(unit, cgroup + 4);
}

static void a_peer_is_who_the_kernel_says(void **state)
{
	gid_t groups[256];
	int pair[2], n = getgroups(256, groups);
	struct peer peer;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	assert_int_equal(peer_read(pair[0], false, &peer), 0);
	assert_int_equal(peer.pid, getpid());
	assert_int_equal(peer.uid, geteuid());
	assert_int_equal(peer.gid, getegid());
	assert_int_equal(peer.n_groups, n);
	for (int i = 0; i < n; i++)
		assert_int_equal(peer.groups[i], groups[i]);
	/* A unit, or none, where the kernel tells it; else the peer is not known at all. */
	assert_int_equal(!peer_read(pair[0], true, &peer), peer_has_units());
	close(pair[0]);
	close(pair[1]);
	assert_true(peer_read(pair[0], false, &peer) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(units_stand_behind_slices),
		cmocka_unit_test(a_long_name_is_none),
		cmocka_unit_test(a_peer_is_who_the_kernel_says),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
