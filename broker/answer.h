/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The answers to a peer's requests: kernel/broker-message.h, as the rules have it. The keys are the
 * objects of the broker's own slots, and armed by serial number: their bytes never come here.
 */
#ifndef KCRYPTOKI_ANSWER_H
#define KCRYPTOKI_ANSWER_H

#include <stddef.h>

#include "broker/rules.h"
#include "kernel/broker-message.h"

/* Any answer. */
union answer {
	struct broker_answer answer;
	struct broker_list list;
	struct broker_key key;
};

/* Who asks. */
struct client {
	uint64_t mine; /* rules_of() */
	char name[96]; /* for the log: "pid 812, uid 1000, backup.service" */
	bool refused;  /* the log has said that it was, which it says once: clients ask for much */
};

/*
 * Answers REQUEST, which came whole, of CLIENT by RULES. Returns the bytes of ANSWER that are to be
 * sent, and in *FD a socket that goes with it and is then to be closed, or -1.
 */
size_t answer(const struct rules *rules, struct client *client,
	      const struct broker_request *request, union answer *answer, int *fd);

#endif
