/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counts system calls. A child does the work, with marks between its steps that are system calls
 * themselves; its parent traces it.
 */
#ifndef TESTS_TRACE_H
#define TESTS_TRACE_H

#include <linux/if_alg.h>
#include <stdbool.h>
#include <stddef.h>

struct trace_step {
	bool reached;
	unsigned long calls;
	unsigned long of[512]; /* by number */
};

/* For the child: what follows counts as STEP, until the next mark; 0 is what nobody asks for. A
 * step that is begun again begins anew, but not if it goes on without a mark of 0. */
void trace_mark(size_t step);

/*
 * Runs WORK in a child, and counts. ON_BIND, if there is one, is told each address that bind(2) is
 * asked for. 0, or -1 where WORK (which says why itself) did not return 0, or cannot be traced.
 */
int trace_run(int (*work)(void), struct trace_step *steps, size_t n,
	      void (*on_bind)(size_t step, const struct sockaddr_alg *address));

/* Says which calls a step made. */
void trace_explain(const struct trace_step *step);

#endif
