/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "disk.h"
#include "kernel/folder.h"
#include "kernel/log.h"

enum { MAX = 1 << 18 };

/* The calls of one function of folder.h, in their order. */
static char steps[1024];

static void note(const char *function)
{
	snprintf(steps + strlen(steps), sizeof(steps) - strlen(steps), "%s ", function);
}

/* NAME of disk_store, or the folder itself. */
static const char *path_of(const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", disk_store, name ? name : "");
	return path;
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode;
}

static int open_it(void)
{
	int folder = folder_open(disk_store, true);

	assert_true(folder >= 0);
	return folder;
}

static void holds(int folder, const char *name, const void *bytes, size_t len)
{
	char *text;
	size_t got = SIZE_MAX;

	assert_int_equal(folder_read(folder, name, MAX, &text, &got), 0);
	assert_int_equal(got, len);
	assert_memory_equal(text, bytes, len);
	assert_int_equal(text[len], '\0');
	free(text);
}

static int read_it(int folder, const char *name, size_t max)
{
	char *text = NULL;
	size_t len;
	int err = folder_read(folder, name, max, &text, &len);

	if (!err)
		free(text);
	return err;
}

static void what_is_written_is_read(void **state)
{
	static char large[MAX];
	int folder = open_it();

	for (size_t i = 0; i < sizeof(large); i++)
		large[i] = (char)(i * 7 + i / 256);
	assert_int_equal(folder_write(folder, "large", large, sizeof(large)), 0);
	holds(folder, "large", large, sizeof(large));
	assert_int_equal(folder_write(folder, "empty", NULL, 0), 0);
	holds(folder, "empty", "", 0);
	assert_int_equal(folder_write(folder, "zeros", "a\0b\0", 4), 0);
	holds(folder, "zeros", "a\0b\0", 4);
	/* A shorter text in place of a longer one. */
	assert_int_equal(folder_write(folder, "large", "short", 5), 0);
	holds(folder, "large", "short", 5);
	assert_int_equal(disk_count(), 3);
	assert_int_equal(read_it(folder, "none", MAX), -ENOENT);
	folder_close(folder);
	disk_slow(true);
	folder = open_it();
	assert_int_equal(folder_write(folder, "slow", "one byte at a time", 18), 0);
	holds(folder, "slow", "one byte at a time", 18);
	folder_close(folder);
	folder_close(-1);
}

static void only_the_owner_may_read_it(void **state)
{
	static const mode_t masks[] = {0, 022, 077};

	for (size_t i = 0; i < sizeof(masks) / sizeof(*masks); i++) {
		mode_t before = umask(masks[i]);
		int folder = open_it();

		assert_int_equal(folder_write(folder, "x", "x", 1), 0);
		umask(before);
		assert_int_equal(mode_of(disk_store), S_IFDIR | 0700);
		assert_int_equal(mode_of(path_of("x")), S_IFREG | 0600);
		/* Whatever the file before it was. */
		assert_int_equal(chmod(path_of("x"), 0666), 0);
		assert_int_equal(folder_write(folder, "x", "y", 1), 0);
		assert_int_equal(mode_of(path_of("x")), S_IFREG | 0600);
		assert_int_equal(folder_remove(folder, "x"), 0);
		folder_close(folder);
		assert_int_equal(rmdir(disk_store), 0);
	}
}

/* A reader sees the one or the other, and after a power failure there is one of them. */
static void a_file_is_there_whole_or_not_at_all(void **state)
{
	static const char *const functions[] = {"write", "fsync", "close", "renameat",
						"sync-folder"};
	int folder = open_it();

	disk_watch(note);
	*steps = '\0';
	assert_int_equal(folder_write(folder, "x", "old", 3), 0);
	assert_string_equal(steps, "unlinkat write fsync close renameat sync-folder ");
	*steps = '\0';
	assert_int_equal(folder_remove(folder, "x"), 0);
	assert_string_equal(steps, "unlinkat sync-folder ");
	assert_int_equal(folder_remove(folder, "x"), -ENOENT);
	disk_watch(NULL);
	for (size_t i = 0; i < 10; i++) {
		const char *function = functions[i / 2];
		bool done = !strcmp(function, "sync-folder");

		if (i % 2)
			assert_int_equal(folder_write(folder, "x", "old", 3), 0);
		disk_fail(function, 1, ENOSPC);
		assert_int_equal(folder_write(folder, "x", "new one", 7), -ENOSPC);
		if (done || i % 2)
			holds(folder, "x", done ? "new one" : "old", done ? 7 : 3);
		assert_int_equal(disk_count(), done || i % 2);
		folder_remove(folder, "x");
	}
	assert_int_equal(folder_write(folder, "x", "old", 3), 0);
	disk_fail("unlinkat", 1, EIO);
	assert_int_equal(folder_remove(folder, "x"), -EIO);
	holds(folder, "x", "old", 3);
	disk_fail("sync-folder", 1, EIO);
	assert_int_equal(folder_remove(folder, "x"), -EIO);
	folder_close(folder);
}

static void who_was_interrupted_is_no_obstacle(void **state)
{
	int folder = open_it();

	assert_true(folder_is_leftover("0123.key.new"));
	assert_false(folder_is_leftover("0123.key"));
	assert_false(folder_is_leftover(".new"));
	assert_false(folder_is_leftover(""));
	assert_false(folder_is_leftover("x.news"));
	disk_write("x.new", "half", 4);
	assert_int_equal(chmod(path_of("x.new"), 0400), 0);
	assert_int_equal(folder_write(folder, "x", "whole", 5), 0);
	holds(folder, "x", "whole", 5);
	assert_int_equal(disk_count(), 1);
	/* What stands in the way and cannot be a leftover is not taken for one. */
	assert_int_equal(mkdir(path_of("x.new"), 0700), 0);
	assert_int_equal(folder_write(folder, "x", "other", 5), -EEXIST);
	holds(folder, "x", "whole", 5);
	assert_int_equal(mkdir(path_of("y"), 0700), 0);
	assert_int_equal(folder_write(folder, "y", "other", 5), -EISDIR);
	assert_false(disk_has("y.new"));
	folder_close(folder);
}

static void what_it_lies_in_is_made(void **state)
{
	char path[512];
	int folder;

	snprintf(path, sizeof(path), "/%s//a/b///c/", disk_folder);
	assert_int_equal(folder_open(path, false), -ENOENT);
	assert_int_equal(folder_check(path), -ENOENT);
	folder = folder_open(path, true);
	assert_true(folder >= 0);
	assert_int_equal(folder_write(folder, "x", "x", 1), 0);
	folder_close(folder);
	assert_int_equal(folder_check(path), 0);
	for (int i = 0; i < 3; i++) {
		static const char *const names[] = {"a", "a/b", "a/b/c"};

		snprintf(path, sizeof(path), "%s/%s", disk_folder, names[i]);
		assert_int_equal(mode_of(path), S_IFDIR | 0700);
	}
	/* What is there already stays as it is, and need not be this user's alone. */
	snprintf(path, sizeof(path), "%s/a", disk_folder);
	assert_int_equal(chmod(path, 0777), 0);
	snprintf(path, sizeof(path), "%s/a/d", disk_folder);
	folder = folder_open(path, true);
	assert_true(folder >= 0);
	folder_close(folder);
	snprintf(path, sizeof(path), "%s/a", disk_folder);
	assert_int_equal(mode_of(path), S_IFDIR | 0777);
	/* A file is no folder, and a name can be too long. */
	disk_fail("mkdirat", 3, ENOSPC);
	snprintf(path, sizeof(path), "%s/e/f", disk_folder);
	assert_int_equal(folder_open(path, true), -ENOSPC);
	disk_fail("sync-folder", 1, EIO);
	assert_int_equal(folder_open(path, true), -EIO);
	snprintf(path, sizeof(path), "%s/a/b/c/x", disk_folder);
	assert_int_equal(folder_open(path, true), -ENOTDIR);
	snprintf(path, sizeof(path), "%s/a/b/c/x/y", disk_folder);
	assert_int_equal(folder_open(path, true), -ENOTDIR);
	snprintf(path, sizeof(path), "%s/%0256d", disk_folder, 1);
	assert_int_equal(folder_open(path, true), -ENAMETOOLONG);
}

static char said[1024];

static void hear(const char *line)
{
	snprintf(said, sizeof(said), "%s", line);
}

/* Who may write to a folder can bring back what was taken out of it. */
static void others_folders_are_refused(void **state)
{
	static const mode_t refused[] = {0720, 0702, 0770, 0777, 01777};

	log_to(hear);
	assert_int_equal(mkdir(disk_store, 0700), 0);
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		assert_int_equal(chmod(disk_store, refused[i]), 0);
		*said = '\0';
		assert_int_equal(folder_open(disk_store, i % 2), -EPERM);
		assert_non_null(strstr(said, disk_store));
		assert_non_null(strstr(said, "others may write to it"));
		assert_int_equal(folder_check(disk_store), -EPERM);
	}
	/* What is in it is sealed: who looks learns names. */
	assert_int_equal(chmod(disk_store, 0755), 0);
	folder_close(open_it());
	assert_int_equal(folder_check(disk_store), 0);
	log_to(NULL);
	if (geteuid() != 0)
		return;
	assert_int_equal(chmod(disk_store, 0700), 0);
	assert_int_equal(chown(disk_store, 12345, (gid_t)-1), 0);
	assert_int_equal(folder_open(disk_store, true), -EPERM);
	assert_int_equal(folder_check(disk_store), -EPERM);
}

static void links_are_not_followed(void **state)
{
	char elsewhere[512], link[96];
	int folder = open_it();

	snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", disk_folder);
	disk_write("../elsewhere", "kept", 4);
	assert_int_equal(symlink(elsewhere, path_of("x")), 0);
	assert_int_equal(symlink(elsewhere, path_of("y.new")), 0);
	assert_int_equal(symlink("nowhere", path_of("z")), 0);
	assert_int_equal(read_it(folder, "x", MAX), -EPERM);
	assert_int_equal(read_it(folder, "z", MAX), -EPERM);
	assert_int_equal(folder_write(folder, "x", "own", 3), 0);
	holds(folder, "x", "own", 3);
	assert_int_equal(folder_write(folder, "y", "own", 3), 0);
	holds(folder, "y", "own", 3);
	assert_int_equal(folder_remove(folder, "z"), 0);
	holds(folder, "../elsewhere", "kept", 4);
	folder_close(folder);
	/* The folder itself may be behind one: it is whose it is that counts. */
	snprintf(link, sizeof(link), "%s/link", disk_folder);
	assert_int_equal(symlink("store", link), 0);
	folder = folder_open(link, true);
	holds(folder, "x", "own", 3);
	folder_close(folder);
	assert_int_equal(chmod(disk_store, 0777), 0);
	assert_int_equal(folder_open(link, true), -EPERM);
}

static void what_is_no_file_of_ours_is_refused(void **state)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int folder = open_it(), listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(name.sun_path, sizeof(name.sun_path), "%s/socket", disk_store);
	assert_int_equal(bind(listener, (struct sockaddr *)&name, sizeof(name)), 0);
	assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
	assert_int_equal(mkdir(path_of("folder"), 0700), 0);
	alarm(10);
	assert_int_equal(read_it(folder, "fifo", MAX), -EPERM);
	assert_int_equal(read_it(folder, "folder", MAX), -EPERM);
	assert_int_equal(read_it(folder, "socket", MAX), -ENXIO);
	alarm(0);
	close(listener);
	disk_write("x", "12345", 5);
	assert_int_equal(read_it(folder, "x", 5), 0);
	assert_int_equal(read_it(folder, "x", 4), -EFBIG);
	assert_int_equal(chmod(path_of("x"), 0620), 0);
	assert_int_equal(read_it(folder, "x", 5), -EPERM);
	assert_int_equal(chmod(path_of("x"), 0602), 0);
	assert_int_equal(read_it(folder, "x", 5), -EPERM);
	assert_int_equal(chmod(path_of("x"), 0644), 0);
	assert_int_equal(read_it(folder, "x", 5), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(path_of("x"), 12345, (gid_t)-1), 0);
		assert_int_equal(read_it(folder, "x", 5), -EPERM);
	}
	folder_close(folder);
}

static void names_can_be_too_long(void **state)
{
	char name[NAME_MAX + 2];
	int folder = open_it();

	memset(name, 'n', sizeof(name));
	name[NAME_MAX - 4] = '\0';
	assert_int_equal(folder_write(folder, name, "x", 1), 0);
	holds(folder, name, "x", 1);
	name[NAME_MAX - 4] = 'n';
	name[NAME_MAX - 3] = '\0';
	assert_int_equal(folder_write(folder, name, "x", 1), -ENAMETOOLONG);
	memset(name, 'n', sizeof(name));
	name[NAME_MAX + 1] = '\0';
	assert_int_equal(folder_write(folder, name, "x", 1), -ENAMETOOLONG);
	assert_int_equal(read_it(folder, name, 1), -ENAMETOOLONG);
	assert_int_equal(disk_count(), 1);
	folder_close(folder);
}

static void a_list_is_whole_and_sorted(void **state)
{
	enum { FILES = 1500 };
	int folder = open_it();
	char **names, name[32];

	assert_int_equal(folder_list(folder, &names), 0);
	folder_free(names, 0);
	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "%04d.key", i * 7 % FILES);
		disk_write(name, "", 0);
	}
	disk_write(".hidden", "", 0);
	/* Twice: where one reader has got to is not where the next one begins. */
	for (int twice = 0; twice < 2; twice++) {
		assert_int_equal(folder_list(folder, &names), FILES + 1);
		assert_string_equal(names[0], ".hidden");
		for (int i = 0; i < FILES; i++) {
			snprintf(name, sizeof(name), "%04d.key", i);
			assert_string_equal(names[i + 1], name);
		}
		folder_free(names, FILES + 1);
	}
	folder_close(folder);
}

/* Opens the folder, and says so by a byte. */
static void enter_and_say(int said_to)
{
	int folder = folder_open(disk_store, true);
	char answer = folder >= 0 ? 'y' : 'n';

	if (write(said_to, &answer, 1) != 1)
		_exit(1);
	folder_close(folder);
}

static void *enter_in_thread(void *argument)
{
	enter_and_say(*(int *)argument);
	return NULL;
}

/* What comes within MS milliseconds; 0: nothing. */
static char heard(int from, int ms)
{
	struct pollfd poller = {.fd = from, .events = POLLIN};
	char answer = 0;

	if (poll(&poller, 1, ms) == 1 && read(from, &answer, 1) != 1)
		answer = 'e';
	return answer;
}

static void on_signal(int number)
{
}

static void one_is_in_it_at_a_time(void **state)
{
	const struct sigaction action = {.sa_handler = on_signal};
	int folder = open_it(), ends[2], status;
	pthread_t thread;
	pid_t child;

	assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	child = fork();
	if (!child) {
		alarm(30);
		enter_and_say(ends[1]);
		_exit(0);
	}
	assert_int_equal(heard(ends[0], 200), 0);
	/* Who only asks does not wait. */
	alarm(30);
	assert_int_equal(folder_check(disk_store), 0);
	alarm(0);
	folder_close(folder);
	assert_int_equal(heard(ends[0], 20000), 'y');
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	folder = open_it();
	assert_int_equal(pthread_create(&thread, NULL, enter_in_thread, &ends[1]), 0);
	assert_int_equal(heard(ends[0], 200), 0);
	/* A signal that comes meanwhile is no reason to give up. */
	assert_int_equal(pthread_kill(thread, SIGUSR1), 0);
	assert_int_equal(heard(ends[0], 100), 0);
	folder_close(folder);
	assert_int_equal(heard(ends[0], 20000), 'y');
	assert_int_equal(pthread_join(thread, NULL), 0);
	close(ends[0]);
	close(ends[1]);
}

static void a_forked_child_keeps_nobody_out(void **state)
{
	int folder = open_it(), status;
	pid_t child = fork();

	/* It has the descriptor as long as it lives. */
	if (!child) {
		alarm(40);
		pause();
		_exit(0);
	}
	assert_int_equal(fcntl(folder, F_GETFD), FD_CLOEXEC);
	folder_close(folder);
	alarm(20);
	folder_close(open_it());
	alarm(0);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	/* And a child that ends does not open what its parent keeps. */
	folder = open_it();
	child = fork();
	if (!child)
		_exit(0);
	assert_int_equal(waitpid(child, &status, 0), child);
	child = fork();
	if (!child) {
		alarm(1);
		folder_open(disk_store, true);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM);
	folder_close(folder);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, disk_setup, disk_teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_is_written_is_read),
		TEST(only_the_owner_may_read_it),
		TEST(a_file_is_there_whole_or_not_at_all),
		TEST(who_was_interrupted_is_no_obstacle),
		TEST(what_it_lies_in_is_made),
		TEST(others_folders_are_refused),
		TEST(links_are_not_followed),
		TEST(what_is_no_file_of_ours_is_refused),
		TEST(names_can_be_too_long),
		TEST(a_list_is_whole_and_sorted),
		TEST(one_is_in_it_at_a_time),
		TEST(a_forked_child_keeps_nobody_out),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("folder", tests, NULL, NULL);
}
