/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a module and a broker (kcryptokid) say to each other, as doc/broker-protocol.md explains:
 * over a SOCK_SEQPACKET socket of AF_UNIX, one packet a message, of the size that its kind has.
 * Each request is answered before the next is sent. Both are on one machine: numbers are in its
 * byte order, and errors are its errno(3).
 */
#ifndef KCRYPTOKI_BROKER_MESSAGE_H
#define KCRYPTOKI_BROKER_MESSAGE_H

#include <stdint.h>

/* Where the socket is, unless a configuration says otherwise. */
#define BROKER_SOCKET "/run/kcryptokid/socket"

enum { BROKER_VERSION = 1, BROKER_SERIALS = 1000, BROKER_DESCRIPTION = 4096 };

enum broker_ask {
	BROKER_LIST = 1, /* the keys above SERIAL that this peer may use: struct broker_list */
	BROKER_DESCRIBE, /* the key SERIAL: struct broker_key */
	BROKER_CHECK,    /* whether it may be used now: struct broker_answer */
	/* struct broker_answer and, where that has no error, one descriptor (SCM_RIGHTS). SERIAL 0:
	 * a transform bound to TYPE and NAME, without a key. Else: an op socket of one that was
	 * armed with the key, whose tags have TAG_SIZE bytes where it is an AEAD. */
	BROKER_OPEN,
	BROKER_OFFER /* whether OPEN of TYPE and NAME without a key would bring one */
};

struct broker_request {
	uint32_t version; /* BROKER_VERSION */
	uint32_t ask;     /* enum broker_ask */
	int32_t serial;
	uint32_t tag_size;       /* bytes */
	char type[16], name[64]; /* as in struct sockaddr_alg; filled up with zeros */
};

/* How every answer begins; one with an error is no longer than this. */
struct broker_answer {
	uint32_t version; /* the broker's: where it is another than the request's, ERROR says so */
	uint32_t
		error; /* 0 or errno(3); EPROTONOSUPPORT: of this version or ask it knows nothing */
};

struct broker_list {
	struct broker_answer answer;
	uint32_t count;                  /* fewer than BROKER_SERIALS: there are no more */
	int32_t serials[BROKER_SERIALS]; /* ascending */
};

struct broker_key {
	struct broker_answer answer;
	uint32_t constant; /* 1: nobody can change the key, so that its sockets may be kept */
	int32_t length;    /* bytes; negative: not known */
	char type[32];     /* of the kernel's key */
	/* A pkcs11: URI (token/metadata.h), whatever the key is called in its keyring. */
	char description[BROKER_DESCRIPTION];
};

#endif
