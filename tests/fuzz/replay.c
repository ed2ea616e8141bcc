/* SPDX-License-Identifier: BSD-2-Clause */
/* Gives a fuzz target files, and those of folders, without libFuzzer: their number, to be printed.
 */
#include <dirent.h>
#include <limits.h>
#include <sys/stat.h>

#include "input.h"

static unsigned long replay(const char *path)
{
	FILE *file = fopen(path, "r");
	struct stat status;
	uint8_t *data;

	MUST(file && fstat(fileno(file), &status) == 0);
	/* The input at work is named before it can crash. */
	fprintf(stderr, "%s\n", path);
	data = malloc(status.st_size ? (size_t)status.st_size : 1);
	MUST(data && fread(data, 1, (size_t)status.st_size, file) == (size_t)status.st_size);
	fclose(file);
	LLVMFuzzerTestOneInput(data, (size_t)status.st_size);
	free(data);
	return 1;
}

static unsigned long replay_folder(const char *path, DIR *folder)
{
	struct dirent *entry;
	char name[PATH_MAX];
	unsigned long n = 0;

	while ((entry = readdir(folder))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		n += replay(name);
	}
	closedir(folder);
	return n;
}

int main(int argc, char **argv)
{
	unsigned long n = 0;

	for (int i = 1; i < argc; i++) {
		DIR *folder = opendir(argv[i]);

		n += folder ? replay_folder(argv[i], folder) : replay(argv[i]);
	}
	printf("%lu\n", n);
	return n ? 0 : 1;
}
