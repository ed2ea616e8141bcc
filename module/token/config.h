/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration: an INI file, as kcryptoki.conf explains. The file is what pReserved names
 * (reserved.h), else KCRYPTOKI_CONF, else SYSCONFDIR/kcryptoki.conf; there need not be one.
 */
#ifndef KCRYPTOKI_CONFIG_H
#define KCRYPTOKI_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "token/mapping.h"
#include "token/place.h"

enum { TOKENS_MAX = 16 };

/* What C_GenerateKey makes of a token key that is not to be extracted. */
enum create { CREATE_LOGON, CREATE_ENCRYPTED };

/* A [token] section. Its place among them is its slot's id, whatever becomes of the others. */
struct token_config {
	bool usable;
	char label[33];       /* CK_TOKEN_INFO.label */
	char serial[17];      /* CK_TOKEN_INFO.serialNumber */
	char description[65]; /* CK_SLOT_INFO.slotDescription */
	struct place keyring;
	char broker[108]; /* the path of a broker's socket, whose keys these are; "": a keyring's */
	char master[256]; /* "user:kmk", as the kernel's encrypted keys name one; "": none */
	enum create create;
	char store[256]; /* the path of a folder: store.h; "": none */
};

struct config {
	unsigned int families; /* enum family: what "legacy" names, or all of them */
	struct token_config tokens[TOKENS_MAX];
	size_t n_tokens;
	bool tokens_named;        /* by the file, which then names all of them */
	struct mapping *mappings; /* owned: the [key] sections */
	size_t n_mappings;
};

/* The configuration where there is no file: three tokens, of the user and of the session keyring,
 * and of the broker, should there be one. */
void config_default(struct config *config);

/* Reads the file; RESERVED is pReserved. What is wrong in it the log names, by file and line, and
 * is passed over. 0, or -ENOMEM. The result is to be freed in either case. */
int config_read(struct config *config, const char *reserved);

/* Reads the file PATH likewise, which must be there where it is NEEDED. */
int config_read_file(struct config *config, const char *path, bool needed);

void config_free(struct config *config);

#endif
