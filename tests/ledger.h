/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was begun and what was done with the keys of a store, in a file that stays when the power
 * goes: a line before each deed, and one after it, each of them there for good before what follows
 * begins. So it tells which keys must be there, and which may. For power.c; tests/power-cut reads
 * the lines, too.
 *
 *	generate NUMBER KIND LENGTH    begun: a key, whose number is its CKA_ID
 *	label NUMBER VERSION LENGTH    begun: it is to have that label
 *	destroy NUMBER                 begun
 *	rotate MASTER                  begun: all keys are to be sealed under that one
 *	done CIPHER                    what was begun last; of a new key, what it made of its text
 *	found NUMBER VERSION LENGTH CIPHER, missing NUMBER
 *	                               what became of a deed that was begun only
 *	verified BOOT KEYS             all is as it was acknowledged
 */
#ifndef TESTS_LEDGER_H
#define TESTS_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { LEDGER_CIPHER = 32, LEDGER_LABEL_MAX = 2048 };

enum ledger_state {
	LEDGER_NONE,
	LEDGER_BEGUN,
	LEDGER_THERE,
	LEDGER_LEAVING,
	LEDGER_GONE,
};

struct ledger_label {
	unsigned int version, length;
};

struct ledger_key {
	enum ledger_state state;
	unsigned int kind;
	struct ledger_label label, next; /* NEXT was begun where its version is not the other's */
	unsigned char cipher[LEDGER_CIPHER];
};

struct ledger {
	int fd;
	off_t end;               /* where the next line goes */
	struct ledger_key *keys; /* by their numbers */
	size_t n;
	unsigned int master,
		next; /* the one that all keys are under; where NEXT differs, or that */
	char deed;    /* what was begun last, and with which key */
	unsigned int number;
};

/* Reads the file PATH, or makes it. 0, or -1 and says why. A line that was not written whole was
 * not written. */
int ledger_open(struct ledger *ledger, const char *path);
void ledger_close(struct ledger *ledger);

/* Writes a line, for good, which is true from now on; ends the program where that fails. */
void ledger_write(struct ledger *ledger, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* How many keys are there, or may be. */
size_t ledger_count(const struct ledger *ledger);

/* The label of key NUMBER, a string, in TEXT. */
void ledger_label(unsigned int number, struct ledger_label label, char text[LEDGER_LABEL_MAX]);

/* CIPHER in hex digits. */
void ledger_hex(const unsigned char cipher[LEDGER_CIPHER], char hex[2 * LEDGER_CIPHER + 1]);

#endif
