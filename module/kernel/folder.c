/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/log.h"

static const char suffix[] = ".new"; /* of a file that is being written */

static int open_for_reading(int folder, const char *name)
{
	int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Makes what was done to names in FOLDER last. */
static int sync_folder(int folder)
{
	return fsync(folder) ? -errno : 0;
}

/* Makes the folder NAME in PARENT, which may be there already. */
static int make_one(int parent, const char *name)
{
	int again, err;

	if (mkdirat(parent, name, S_IRWXU))
		return errno == EEXIST ? 0 : -errno;
	again = open_for_reading(parent, ".");
	if (again < 0)
		return again;
	err = sync_folder(again);
	close(again);
	return err;
}

/* For what is on the way, which need not be this user's to read. */
static int step(int parent, const char *name)
{
	int fd = openat(parent, name, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Makes PATH, which is absolute, and what it lies in. */
static int make_all(const char *path)
{
	char name[NAME_MAX + 1];
	int folder = step(AT_FDCWD, "/"), next, err = 0;

	while (folder >= 0 && *(path += strspn(path, "/"))) {
		size_t len = strcspn(path, "/");

		if (len > NAME_MAX) {
			close(folder);
			return -ENAMETOOLONG;
		}
		memcpy(name, path, len);
		name[len] = '\0';
		path += len;
		err = make_one(folder, name);
		next = err ? err : step(folder, name);
		close(folder);
		folder = next;
	}
	if (folder < 0)
		return folder;
	close(folder);
	return 0;
}

/* Whether what ST says of belongs to this user, and nobody else may write to it. */
static bool is_ours(const struct stat *st)
{
	return st->st_uid == geteuid() && !(st->st_mode & (S_IWGRP | S_IWOTH));
}

static int lock_folder(int folder)
{
	while (flock(folder, LOCK_EX))
		if (errno != EINTR)
			return -errno;
	return 0;
}

/* The folder PATH, unless it is one that cannot be trusted. */
static int open_ours(const char *path)
{
	int folder = open_for_reading(AT_FDCWD, path), err = 0;
	struct stat st;

	if (folder < 0)
		return folder;
	if (fstat(folder, &st))
		err = -errno;
	else if (!is_ours(&st))
		err = -EPERM;
	if (err)
		close(folder);
	return err ? err : folder;
}

int folder_open(const char *path, bool make)
{
	int folder = open_ours(path), err = 0;

	if (folder == -ENOENT && make) {
		err = make_all(path);
		folder = err ? err : open_ours(path);
	}
	if (folder == -EPERM)
		log_line("the folder %s is not used: it belongs to another user, or others may "
			 "write to it",
			 path);
	if (folder < 0)
		return folder;
	err = lock_folder(folder);
	if (err)
		close(folder);
	return err ? err : folder;
}

int folder_check(const char *path)
{
	int folder = open_ours(path);

	if (folder < 0)
		return folder;
	close(folder);
	return 0;
}

void folder_close(int folder)
{
	if (folder < 0)
		return;
	/* A child that was forked meanwhile may have the descriptor, too. */
	flock(folder, LOCK_UN);
	close(folder);
}

static int by_name(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

/* Adds a copy of NAME to the COUNT that *NAMES has. */
static int add_name(char ***names, int count, const char *name)
{
	char **larger = reallocarray(*names, (size_t)count + 1, sizeof(*larger));

	if (!larger)
		return -ENOMEM;
	*names = larger;
	larger[count] = strdup(name);
	return larger[count] ? count + 1 : -ENOMEM;
}

int folder_list(int folder, char ***names)
{
	int again = open_for_reading(folder, "."), count = 0, more = 0;
	DIR *dir = again < 0 ? NULL : fdopendir(again);
	struct dirent *entry;

	*names = NULL;
	if (again < 0)
		return again;
	if (!dir) {
		close(again);
		return -ENOMEM;
	}
	while (more >= 0 && (errno = 0, entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		more = add_name(names, count, entry->d_name);
		count = more < 0 ? count : more;
	}
	if (more >= 0 && errno)
		more = -errno;
	closedir(dir);
	if (more < 0) {
		folder_free(*names, count);
		*names = NULL;
		return more;
	}
	if (count)
		qsort(*names, (size_t)count, sizeof(**names), by_name);
	return count;
}

void folder_free(char **names, int count)
{
	for (int i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

static int read_all(int fd, char *text, size_t len)
{
	while (len) {
		ssize_t got = read(fd, text, len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -EIO;
		text += got;
		len -= (size_t)got;
	}
	return 0;
}

int folder_read(int folder, const char *name, size_t max, char **text, size_t *len)
{
	/* A fifo would wait for its other end. */
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), err = 0;
	struct stat st;

	if (fd < 0)
		return errno == ELOOP ? -EPERM : -errno;
	if (fstat(fd, &st))
		err = -errno;
	else if (!S_ISREG(st.st_mode) || !is_ours(&st))
		err = -EPERM;
	else if (st.st_size < 0 || (size_t)st.st_size > max)
		err = -EFBIG;
	if (!err) {
		*len = (size_t)st.st_size;
		*text = malloc(*len + 1);
		err = *text ? read_all(fd, *text, *len) : -ENOMEM;
		if (err)
			free(*text);
		else
			(*text)[*len] = '\0';
	}
	close(fd);
	return err;
}

static int write_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t done = write(fd, text, len);

		if (done < 0 && errno != EINTR)
			return -errno;
		if (done > 0) {
			text += done;
			len -= (size_t)done;
		}
	}
	return 0;
}

int folder_write(int folder, const char *name, const char *text, size_t len)
{
	char temporary[NAME_MAX + 1];
	int fd, err;

	if ((size_t)snprintf(temporary, sizeof(temporary), "%s%s", name, suffix) >=
	    sizeof(temporary))
		return -ENAMETOOLONG;
	/* Left behind by one who was interrupted: the lock says that nobody is at it. */
	unlinkat(folder, temporary, 0);
	fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
	if (fd < 0)
		return -errno;
	err = write_all(fd, text, len);
	if (!err && fsync(fd))
		err = -errno;
	/* Some file systems tell of a full disk no earlier. */
	if (close(fd) && !err)
		err = -errno;
	if (!err && renameat(folder, temporary, folder, name))
		err = -errno;
	if (err) {
		unlinkat(folder, temporary, 0);
		return err;
	}
	return sync_folder(folder);
}

int folder_remove(int folder, const char *name)
{
	return unlinkat(folder, name, 0) ? -errno : sync_folder(folder);
}

bool folder_is_leftover(const char *name)
{
	size_t len = strlen(name), end = strlen(suffix);

	return len > end && !strcmp(name + len - end, suffix);
}
