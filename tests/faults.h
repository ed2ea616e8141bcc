/* SPDX-License-Identifier: BSD-2-Clause */
/* How system calls fail: of each one that the module makes, what the kernel can answer there. */
#ifndef TESTS_FAULTS_H
#define TESTS_FAULTS_H

#include "inject.h"
#include "pkcs11.h"

enum { FAULTS_MAX = 24 };

/* The same for calls that fail alike; NULL: it is not known here. */
const void *faults_kind(const struct inject_call *call);

/* The call's name with its request: "keyctl KEYCTL_READ". */
const char *faults_name(const struct inject_call *call);

/* How CALL may fail; their number. */
size_t faults_of(const struct inject_call *call, struct inject_fault faults[FAULTS_MAX]);

/* "ENOMEM", "half". */
const char *faults_describe(const struct inject_fault *fault);

/* Whether RV is an answer that says what has happened. */
bool faults_fit(const struct inject_fault *fault, CK_RV rv);

/* Whether the kernel forbids by it, so that what is not to be had is not shown. */
bool faults_forbid(const struct inject_fault *fault);

#endif
