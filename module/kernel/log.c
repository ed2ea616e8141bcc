/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1024 };

static atomic_int log_fd = -1;

/* For a program of which this is part, instead of the above. */
static void (*log_sink)(const char *line);

void log_to(void (*sink)(const char *line))
{
	log_sink = sink;
}

void log_open(void)
{
	const char *where = secure_getenv("KCRYPTOKI_DEBUG");
	int fd;

	if (!where || !*where || !strcmp(where, "0") || atomic_load(&log_fd) >= 0)
		return;
	/* A duplicate, so that closing the log never closes the program's stderr. */
	if (!strcmp(where, "1"))
		fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	else
		fd = open(where, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	atomic_store(&log_fd, fd);
}

void log_close(void)
{
	int fd = atomic_exchange(&log_fd, -1);

	if (fd >= 0)
		close(fd);
}

bool log_enabled(void)
{
	return log_sink || atomic_load_explicit(&log_fd, memory_order_relaxed) >= 0;
}

void log_line(const char *format, ...)
{
	static const char hex[] = "0123456789abcdef";
	char text[LINE_MAX_BYTES], line[LINE_MAX_BYTES + 64];
	size_t n, start;
	va_list args;
	int fd = atomic_load(&log_fd);

	if (fd < 0 && !log_sink)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);

	start = n = (size_t)snprintf(line, sizeof(line), "kcryptoki[%ld]: ", (long)getpid());
	/* Descriptions come from other programs: a newline or an escape in one must not forge a
	 * line. */
	for (const char *c = text; *c && n + 6 < sizeof(line); c++) {
		if (*c >= 0x20 && *c < 0x7f) {
			line[n++] = *c;
		} else {
			line[n++] = '\\';
			line[n++] = 'x';
			line[n++] = hex[(unsigned char)*c >> 4];
			line[n++] = hex[*c & 15];
		}
	}
	if (log_sink) {
		line[n] = '\0';
		log_sink(line + start);
		return;
	}
	line[n++] = '\n';
	/* A log that cannot be written must not fail the call that it describes. */
	if (write(fd, line, n) < 0)
		return;
}
