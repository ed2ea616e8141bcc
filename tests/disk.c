/* SPDX-License-Identifier: BSD-2-Clause */
#include "disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

char disk_folder[64], disk_store[96];

static struct {
	const char *failing;
	unsigned int fails_in;
	int error;
	bool slow, interrupts;
	void (*watch)(const char *function);
	size_t descriptors;
} disk;

/* Whether FUNCTION is to fail now; errno then says why. */
static bool fails(const char *function)
{
	if (disk.watch)
		disk.watch(function);
	if (!disk.failing || strcmp(disk.failing, function) != 0 || --disk.fails_in)
		return false;
	disk.failing = NULL;
	errno = disk.error;
	return true;
}

/* Whether FD is a file in the folder of this test that is being written. */
static bool is_file(int fd)
{
	char link[64], path[256];
	ssize_t len;

	if (!*disk_folder)
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	path[len > 0 ? len : 0] = '\0';
	return !strncmp(path, disk_folder, strlen(disk_folder)) && len > 4 &&
	       !strcmp(path + len - 4, ".new");
}

ssize_t __real_write(int fd, const void *bytes, size_t len);
ssize_t __wrap_write(int fd, const void *bytes, size_t len);

ssize_t __wrap_write(int fd, const void *bytes, size_t len)
{
	if (!is_file(fd))
		return __real_write(fd, bytes, len);
	if (fails("write"))
		return -1;
	disk.interrupts = disk.slow && !disk.interrupts;
	if (disk.interrupts) {
		errno = EINTR;
		return -1;
	}
	return __real_write(fd, bytes, disk.slow ? 1 : len);
}

int __real_close(int fd);
int __wrap_close(int fd);

int __wrap_close(int fd)
{
	bool failing = is_file(fd) && fails("close");
	int result = __real_close(fd);

	if (!failing)
		return result;
	errno = disk.error;
	return -1;
}

int __wrap_fsync(int fd);

/* Nobody cuts the power, and disks are slow. */
int __wrap_fsync(int fd)
{
	struct stat st;

	return fstat(fd, &st) || fails(S_ISDIR(st.st_mode) ? "sync-folder" : "fsync") ? -1 : 0;
}

int __real_renameat(int from, const char *old, int to, const char *new);
int __wrap_renameat(int from, const char *old, int to, const char *new);

int __wrap_renameat(int from, const char *old, int to, const char *new)
{
	return fails("renameat") ? -1 : __real_renameat(from, old, to, new);
}

int __real_unlinkat(int folder, const char *name, int flags);
int __wrap_unlinkat(int folder, const char *name, int flags);

int __wrap_unlinkat(int folder, const char *name, int flags)
{
	return fails("unlinkat") ? -1 : __real_unlinkat(folder, name, flags);
}

int __real_mkdirat(int folder, const char *name, mode_t mode);
int __wrap_mkdirat(int folder, const char *name, mode_t mode);

int __wrap_mkdirat(int folder, const char *name, mode_t mode)
{
	return fails("mkdirat") ? -1 : __real_mkdirat(folder, name, mode);
}

void disk_fail(const char *function, unsigned int nth, int error)
{
	disk.failing = nth ? function : NULL;
	disk.fails_in = nth;
	disk.error = error;
}

void disk_slow(bool slow)
{
	disk.slow = slow;
}

void disk_watch(void (*watch)(const char *function))
{
	disk.watch = watch;
}

size_t disk_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

int disk_setup(void **state)
{
	memset(&disk, 0, sizeof(disk));
	strcpy(disk_folder, "/tmp/kcryptoki-disk-XXXXXX");
	if (!mkdtemp(disk_folder))
		return -1;
	snprintf(disk_store, sizeof(disk_store), "%s/store", disk_folder);
	disk.descriptors = disk_descriptors();
	return 0;
}

static int take_away(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

int disk_teardown(void **state)
{
	bool left = disk_descriptors() != disk.descriptors;

	memset(&disk, 0, sizeof(disk));
	if (nftw(disk_folder, take_away, 16, FTW_DEPTH | FTW_PHYS))
		return -1;
	*disk_folder = '\0';
	return left ? -1 : 0;
}

static void path_of(const char *name, char path[512])
{
	snprintf(path, 512, "%s/%s", disk_store, name);
}

char *disk_read(const char *name, size_t *len)
{
	char path[512], *text = malloc(1 << 20);
	FILE *file;

	path_of(name, path);
	file = fopen(path, "r");
	assert_non_null(text);
	assert_non_null(file);
	*len = fread(text, 1, (1 << 20) - 1, file);
	text[*len] = '\0';
	assert_int_equal(fclose(file), 0);
	return text;
}

void disk_write(const char *name, const void *bytes, size_t len)
{
	char path[512];
	FILE *file;

	path_of(name, path);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

bool disk_has(const char *name)
{
	char path[512];

	path_of(name, path);
	return faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static size_t each_name(const char *other, char first[256])
{
	DIR *dir = opendir(disk_store);
	struct dirent *entry;
	size_t n = 0;

	while (dir && (entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") ||
		    (other && !strcmp(entry->d_name, other)))
			continue;
		if (!n++ && first)
			snprintf(first, 256, "%s", entry->d_name);
	}
	if (dir)
		closedir(dir);
	return n;
}

size_t disk_count(void)
{
	return each_name(NULL, NULL);
}

void disk_first(const char *other, char name[256])
{
	assert_true(each_name(other, name) > 0);
}
