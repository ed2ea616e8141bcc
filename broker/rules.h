/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who may have what: [allow] sections of kcryptokid.conf. What no section allows is refused.
 *
 *	[allow nightly backup]
 *	label = backup
 *	mechanisms = aes-ctr aes-ccm
 *	usage = encrypt decrypt
 *	unit = backup.service
 *
 * A socket does all that its algorithm can do: it cannot be limited to encrypting, nor called back.
 * So a section that names half of what a socket does is a mistake, and a key whose own description
 * has but half of it is never given.
 */
#ifndef KCRYPTOKI_RULES_H
#define KCRYPTOKI_RULES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "broker/peer.h"
#include "token/mapping.h"
#include "token/object.h"

enum { RULES_MAX = 64, NAMES_MAX = 32 };

struct rule {
	char name[80];
	bool keys; /* it is of keys; else of algorithms alone */
	/* Which keys: type and description, or label. With what: mechanisms; usages, or 0: all that
	 * these are for. */
	struct mapping what;
	/* To whom. */
	uid_t uids[NAMES_MAX];
	gid_t gids[NAMES_MAX];
	char *units[NAMES_MAX]; /* owned */
	size_t n_uids, n_gids, n_units;
};

struct rules {
	struct rule list[RULES_MAX];
	size_t count;
	char socket[108]; /* [broker] socket: where to listen, unless a socket is brought */
};

/* Reads PATH. What is wrong in it the log names, by file and line; then the rules are not to be
 * used. 0 or -ENOMEM; to be freed in either case. */
int rules_read(struct rules *rules, const char *path);
void rules_free(struct rules *rules);

/* Tells the log what each rule comes to. */
void rules_explain(const struct rules *rules);

bool rules_name_units(const struct rules *rules);

/* The rules that are of PEER, a bit each. */
uint64_t rules_of(const struct rules *rules, const struct peer *peer);

/*
 * The first rule among those in MINE that gives a socket of the algorithm NAME of TYPE with the key
 * of OBJECT; NULL: there is none. OBJECT NULL: without a key, which whoever may have such a socket
 * of any key may have, too.
 */
const struct rule *rules_find(const struct rules *rules, uint64_t mine, const struct object *object,
			      const char *type, const char *name);

/* Whether one of the rules in MINE gives any socket with the key of OBJECT. */
bool rules_show(const struct rules *rules, uint64_t mine, const struct object *object);

#endif
