/* SPDX-License-Identifier: BSD-2-Clause */
/* How much memory this process has locked. */
#ifndef TESTS_LOCKED_H
#define TESTS_LOCKED_H

#include <stdio.h>

/* AddressSanitizer lets no process lock memory. */
#ifdef __SANITIZE_ADDRESS__
enum { CAN_LOCK = 0 };
#else
enum { CAN_LOCK = 1 };
#endif

/* Kilobytes, or -1 where /proc/self/status does not say. */
static long locked(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[256];
	long kilobytes = -1;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "VmLck: %ld", &kilobytes) == 1)
			break;
	if (file)
		fclose(file);
	return kilobytes;
}

#endif
