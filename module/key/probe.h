/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The length of a key that nothing states: found out by offering the key to algorithms that take
 * keys of certain lengths only. Neither the key nor its blob is read.
 */
#ifndef KCRYPTOKI_PROBE_H
#define KCRYPTOKI_PROBE_H

#include <stdint.h>
#include <sys/types.h>

/*
 * The bytes of the key SERIAL, where they are 16, 24, 32, 48 or 64; -ENODATA where they are others,
 * or this kernel lets this process bind too little to tell; -errno where the kernel refuses the key
 * (alg_set_key_serial()) or has no resources. Costs four system calls an algorithm: two algorithms
 * for 32 bytes, three for the others, where AES binds. Every socket that held the key is closed.
 */
ssize_t probe_length(int32_t serial);

#endif
