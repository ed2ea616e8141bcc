/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Operations of scene.h in which something is made to go wrong: what is asked of each of them. A
 * failure is told with the words of attempt_says, which whoever makes it fail keeps up to date.
 */
#ifndef TESTS_ATTEMPT_H
#define TESTS_ATTEMPT_H

#include "scene.h"

extern struct scene attempt_scene;
extern char attempt_says[256];

#define ATTEMPT_FAIL(format, ...) guest_fail("%s: " format, attempt_says, __VA_ARGS__)

/* Group set-up and the first test, which skips where the others would; and the last one. */
int attempt_setup(void **state);
void attempt_begin(void **state);
void attempt_end(void **state);

/* An operation, in a module that was just started, or in one that has done it before. */
struct attempt {
	const struct scene_operation *operation;
	bool fresh;
};

/* The first use of an operation, after which what the process has is noted. */
void attempt_first(const struct scene_operation *operation);

/* What comes before it, and the operation itself. */
void attempt_prepare(const struct attempt *attempt);
CK_RV attempt_run(const struct attempt *attempt);
/* After one that nothing happened to. */
void attempt_recover(const struct attempt *attempt);

/* What must be true after the operation answered RV. FITS: that is an answer to what has happened.
 * LESS: the kernel forbade something, so that the token may show less until it is started anew.
 * Does the operation again. */
void attempt_check(const struct attempt *attempt, CK_RV rv, bool fits, bool less);

/* After all attempts of an operation: the module is ended, and the process has what it had. */
void attempt_last(const struct scene_operation *operation);

/* Runs TEST for each operation, after attempt_begin() and before attempt_end(); where
 * KCRYPTOKI_OPERATION names one, for that alone. */
int attempt_each(const char *group, void (*test)(void **state));

/* How many attempts were checked, and how many of them had an error for an answer. */
extern unsigned long attempt_checked, attempt_refused;

#endif
