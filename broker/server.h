/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Clients, served one request at a time. What any of them can take is bounded: connections of all
 * and of each user, of which those that lie idle longest make room for new ones; one request of
 * each user before the next one's turn; one answer that was not yet read; and nothing is kept of it
 * when it was sent.
 */
#ifndef KCRYPTOKI_SERVER_H
#define KCRYPTOKI_SERVER_H

#include "broker/rules.h"

enum { CLIENTS_MAX = 256, CLIENTS_OF_USER = 64 };

/* Serves who connects to LISTENER, and returns when STOP, a descriptor, can be read. */
void serve(int listener, int stop, const struct rules *rules);

#endif
