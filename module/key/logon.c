/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys of type "logon": any bytes, which no process can read back. */
#include "key/key.h"

const struct key_source key_source_logon = {.type = "logon"};
