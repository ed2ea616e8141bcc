/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the module decided and why, for a person who asked for it with KCRYPTOKI_DEBUG: "1" writes
 * to stderr, anything else names a file to append to. Without it nothing is ever printed.
 */
#ifndef KCRYPTOKI_LOG_H
#define KCRYPTOKI_LOG_H

#include <stdbool.h>

/* Reads KCRYPTOKI_DEBUG; ignored in setuid programs (secure_getenv(3)). */
void log_open(void);
void log_close(void);

/* From now on each line goes to SINK, without a newline, whatever the environment says. NULL: as
 * before. For programs that have the module's code inside. */
void log_to(void (*sink)(const char *line));

/* True where someone listens: for callers whose message costs something to make. */
bool log_enabled(void);

/* One line, without a newline at its end. Bytes that are not printable are written as \xNN. */
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
