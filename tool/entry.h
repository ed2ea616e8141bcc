/* SPDX-License-Identifier: BSD-2-Clause */
/* A key as the verbs tell of it. */
#ifndef KCRYPTOKI_ENTRY_H
#define KCRYPTOKI_ENTRY_H

#include <jansson.h>
#include <stdio.h>

#include "tool/token.h"

/* As JSON, which kcryptoki(1) explains. What the key has not, such as permissions where it is a
 * broker's, is not in it. */
json_t *entry(const struct token *token, CK_OBJECT_HANDLE object);

/* ENTRY as a line for people. */
void entry_line(FILE *to, json_t *entry);

/* OBJECT as such a line. */
void entry_print(FILE *to, const struct token *token, CK_OBJECT_HANDLE object);

/* JSON to stdout; its reference is taken. */
void entry_dump(json_t *json);

#endif
