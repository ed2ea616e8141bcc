/* SPDX-License-Identifier: BSD-2-Clause */
/* For tests of the configuration: a file that KCRYPTOKI_CONF names, and what the log says of it. */
#ifndef TESTS_CONF_H
#define TESTS_CONF_H

#include <stdbool.h>
#include <stddef.h>

/* In a folder of the test's own. */
extern char conf_folder[64], conf_path[128], conf_log_path[128];

/* What was logged when conf_log_end() was called last. */
extern char conf_logged[65536];

/* Set-up and tear-down of a test: a fake kernel, a folder, no file, and KCRYPTOKI_CONF. */
int conf_setup(void **state);
int conf_teardown(void **state);

void conf_write(const void *bytes, size_t len);

/* What happens between goes to conf_logged. */
void conf_log_begin(void);
void conf_log_end(void);

unsigned int conf_log_lines(void);

/* Whether the log has a line on LINE of the file, which says WHAT. */
bool conf_complains(unsigned int line, const char *what);

#endif
