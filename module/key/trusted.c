/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys of type "trusted": random bytes that the kernel sealed by a TPM, a TEE or another root of
 * trust. Reading one gives the blob, which does not say how long the key is, and /proc/keys states
 * the size of the kernel's own structure, whatever is in it
 * (security/keys/trusted-keys/trusted_core.c).
 */
#include "key/key.h"
#include "key/probe.h"

const struct key_source key_source_trusted = {
	.type = "trusted", .sealed = true, .length = probe_length};
