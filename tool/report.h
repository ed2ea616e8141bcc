/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What `kcryptoki status` found, as one JSON object (jansson.h), whose parts are documented in
 * kcryptoki(1). Every function returns a new reference; none of them changes anything: no keyring
 * is made, none is joined or linked, and no payload of a key is read.
 */
#ifndef KCRYPTOKI_REPORT_H
#define KCRYPTOKI_REPORT_H

#include <jansson.h>

#include "token/config.h"

/* machine.c: "kernel", "process" and "quota". */
json_t *machine_kernel(void);
json_t *machine_process(void);
json_t *machine_quota(void);

/* mechanisms.c: "mechanisms", each with "where" it works: "here", "broker", or "nowhere" and why.
 */
json_t *mechanisms_found(void);

/* keys.c: "tokens", those of CONFIG, with their keys. */
json_t *tokens_found(const struct config *config);

/* TEXT as a JSON string: what cannot be printed is \xNN, since descriptions are other people's. */
json_t *printable(const char *text);

/* print.c: REPORT for people. */
void print_report(json_t *report);

/* How usable all of it is: 0 usable, 1 in part, 2 not at all; the program's exit status. */
int report_verdict(json_t *report);

#endif
