/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Brokers (kcryptokid): processes that hold the right to bind and the possession of keys, and pass
 * on sockets. Every function returns 0 (or what it says) on success and -errno otherwise: what the
 * broker answers, -EHOSTDOWN where it does not, -EPROTO where that is no answer. A connection that
 * was lost, since the broker was started anew, is made anew.
 */
#ifndef KCRYPTOKI_BROKER_H
#define KCRYPTOKI_BROKER_H

#include <stdint.h>

#include "kernel/broker-message.h"
#include "kernel/transform.h"

struct broker;

/* The broker whose socket is PATH, or NULL where no socket is there that this process may connect
 * to, or there are too many brokers. Connects to none yet. From here on what this process may not
 * bind is asked of it, too. */
struct broker *broker_add(const char *path);

/* Forgets all of them. Their keys are gone, and nobody asks any more. */
void brokers_forget(void);

const char *broker_path(const struct broker *broker);

/* The serial numbers of the keys that this process may use as a new array in *LIST; their number.
 */
int broker_list(struct broker *broker, int32_t **list);

int broker_describe(struct broker *broker, int32_t serial, struct broker_key *key);

/* 0 where the key may still be used. */
int broker_check(struct broker *broker, int32_t serial);

/* An op socket for TRANSFORM, armed with the key SERIAL, in *OP. */
int broker_open(struct broker *broker, int32_t serial, const struct transform *transform, int *op);

#endif
