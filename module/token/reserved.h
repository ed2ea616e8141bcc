/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The string that CK_C_INITIALIZE_ARGS.pReserved brings: p11-kit's x-init-reserved, or what NSS
 * knows as parameters="...". Words between blanks, of which one means something here:
 *
 *	conf=/etc/backup/kcryptoki.conf		conf='a name with blanks'	conf="another"
 */
#ifndef KCRYPTOKI_RESERVED_H
#define KCRYPTOKI_RESERVED_H

/* What conf= names in RESERVED, as a new string in *PATH, or NULL where nothing does: 0 or -ENOMEM.
 * RESERVED may be NULL, and is not read in a program with raised privileges. */
int reserved_conf(const char *reserved, char **path);

#endif
