/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A kcryptokid and its keys, for tests: both are of a process of their own, the keeper, which has
 * the keys in a session keyring that nobody else possesses, though all are of one user.
 */
#ifndef TESTS_KEEPER_H
#define TESTS_KEEPER_H

#include <keyutils.h>
#include <stddef.h>
#include <sys/types.h>

#include "kernel/broker-message.h"

/* The folder of this run, the broker's socket in it, and the configurations. */
extern char keeper_folder[64], keeper_socket[96], keeper_rules[96], keeper_conf[96];

/* Starts the keeper, for whose broker RULES are written, with %d for this user's id; and writes a
 * configuration with two tokens, of the user keyring and of the broker (and, where KCRYPTOKI_GCM is
 * set, composed GCM), which KCRYPTOKI_CONF names from then on. 0, or -1 and says why. Not yet the
 * broker. */
int keeper_begin(const char *rules);
void keeper_end(void);

/* Starts the broker, and waits until it is ready; its process id, or -1. */
pid_t keeper_broker(void);

/* Ends it by SIGNAL, and waits for its end. */
void keeper_kill(int signal);

/* What the broker has written to its log so far, as a string that lives until the next call. */
const char *keeper_log(void);

/* Keys of the keeper's. Nobody can change one that is FROZEN. */
key_serial_t keeper_add(const char *type, const char *description, const void *payload,
			size_t length, int frozen);
int keeper_update(key_serial_t serial, const void *payload, size_t length);
int keeper_revoke(key_serial_t serial);
int keeper_unlink(key_serial_t serial);

/* A connection of one's own to the broker, for what no module sends; -1 where there is none. */
int keeper_dial(void);

/* The error of its answer to REQUEST, or -1; and in *PASSED the descriptor that came with it, or
 * -1. */
int keeper_ask(int connection, const struct broker_request *request, int *passed);

/* A request for a socket. */
struct broker_request keeper_wish(key_serial_t serial, const char *type, const char *name);

#endif
