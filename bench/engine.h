/* SPDX-License-Identifier: BSD-2-Clause */
/* Whoever does what is measured. */
#ifndef BENCH_ENGINE_H
#define BENCH_ENGINE_H

#include <stdbool.h>

#include "subject.h"

struct engine {
	const char *name;
	/* Once in a process, and its end; NULL where there is nothing to do. -1 with engine_error.
	 * ARGUMENT is what the command line says beside the name, or NULL. */
	int (*start)(struct engine *engine, const char *argument);
	void (*end)(struct engine *engine);
	/* What one thread needs to do JOB again and again; NULL with engine_error where that cannot
	 * be done here. MESSAGE has the bytes of the job, and outlives it. */
	void *(*open)(struct engine *engine, const struct job *job, const uint8_t *message);
	/* JOB once, with its result in OUT; -1 with engine_error. */
	int (*once)(void *opened, uint8_t *out);
	void (*close)(void *opened);
	void *self;
};

extern const struct engine raw_engine, raw_checked_engine, raw_armed_engine, kcapi_engine,
	token_engine;

/* Why the last call of this thread failed. */
extern _Thread_local char engine_error[200];

/* Puts a message into engine_error; returns -1. */
__attribute__((format(printf, 1, 2))) int engine_fail(const char *format, ...);

#endif
