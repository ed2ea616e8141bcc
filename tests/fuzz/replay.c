/* SPDX-License-Identifier: BSD-2-Clause */
/* Gives a fuzz target the files of folders, without libFuzzer. */
#include <dirent.h>
#include <limits.h>

#include "input.h"

static bool replay(const char *path)
{
	static uint8_t data[1 << 16];
	FILE *file = fopen(path, "r");
	size_t size;
	uint8_t *copy;

	if (!file)
		return false;
	size = fread(data, 1, sizeof(data), file);
	fclose(file);
	copy = malloc(size ? size : 1);
	MUST(copy);
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
	return true;
}

int main(int argc, char **argv)
{
	unsigned long n = 0;

	for (int i = 1; i < argc; i++) {
		DIR *folder = opendir(argv[i]);
		struct dirent *entry;
		char path[PATH_MAX];

		while (folder && (entry = readdir(folder))) {
			snprintf(path, sizeof(path), "%s/%s", argv[i], entry->d_name);
			/* The input at work is named before it can crash. */
			if (entry->d_name[0] == '.')
				continue;
			fprintf(stderr, "%s\n", path);
			n += replay(path);
		}
		if (folder)
			closedir(folder);
	}
	printf("%lu\n", n);
	return n ? 0 : 1;
}
