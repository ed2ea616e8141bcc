/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The token that a verb is about, by the module's own functions, which are linked into the tool: it
 * reads the configuration and sees the keys as any program's does.
 */
#ifndef KCRYPTOKI_TOKEN_H
#define KCRYPTOKI_TOKEN_H

#include <stdbool.h>

#include "token/slot.h"
#include "tool/options.h"

struct token {
	const struct slot *slot;
	CK_SESSION_HANDLE session; /* that may write */
};

/* Starts the module, and a session with the token of OPTIONS' label, or the first that is a
 * keyring's. false, and stderr says why, where there is none, or it is a broker's. */
bool token_open(struct token *token, const struct options *options);

/* The same for a token of either kind, which is only looked at. */
bool token_look(struct token *token, const struct options *options);

/* Ends both. */
void token_close(struct token *token);

#endif
