/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration: an INI file, SYSCONFDIR/kcryptoki.conf or what KCRYPTOKI_CONF names. There
 * need not be one.
 *
 *	[mechanisms]
 *	legacy = des3 camellia
 */
#ifndef KCRYPTOKI_CONFIG_H
#define KCRYPTOKI_CONFIG_H

struct config {
	unsigned int families; /* enum family: what "legacy" names, or all of them */
};

/* Reads the file. What is wrong in it the log names, by file and line, and is passed over. */
void config_read(struct config *config);

#endif
