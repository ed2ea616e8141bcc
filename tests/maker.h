/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For tests of the life of keys, through the C_ functions over the fake kernel: sessions, templates
 * and keys in few words. The configuration file of conf.h is read where a test wrote one.
 */
#ifndef TESTS_MAKER_H
#define TESTS_MAKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pkcs11.h"

/* Attributes, and lists of them. */
#define BOOL(type, truth)                                   \
	{                                                   \
		type, (CK_BBOOL[]){truth}, sizeof(CK_BBOOL) \
	}
#define NUMBER(type, number)                                 \
	{                                                    \
		type, (CK_ULONG[]){number}, sizeof(CK_ULONG) \
	}
#define TEXT(type, text)                               \
	{                                              \
		type, (char[]){text}, sizeof(text) - 1 \
	}
#define BYTES(type, bytes, len)            \
	{                                  \
		type, (void *)(bytes), len \
	}
#define LIST(...) \
	(CK_ATTRIBUTE[]){__VA_ARGS__}, sizeof((CK_ATTRIBUTE[]){__VA_ARGS__}) / sizeof(CK_ATTRIBUTE)

#define TOKEN_KEY BOOL(CKA_TOKEN, CK_TRUE)
#define SECRET_KEY(key_type) NUMBER(CKA_CLASS, CKO_SECRET_KEY), NUMBER(CKA_KEY_TYPE, key_type)
#define AES_KEY(bytes, len) SECRET_KEY(CKK_AES), BYTES(CKA_VALUE, bytes, len)

/* Compares with the name of the number in the message. */
#define MAKER_RV(call, expected) maker_rv(call, expected, #call, __FILE__, __LINE__)
void maker_rv(CK_RV rv, CK_RV expected, const char *call, const char *file, int line);

/* Sessions of slot 0, whose keyring is the user's unless the configuration says otherwise. */
extern CK_SESSION_HANDLE maker_rw, maker_ro;
/* 32 bytes that differ from each other. */
extern const uint8_t maker_bytes[32];

/* Set-up and tear-down of a test. The latter finds what the module left in the fake kernel. */
int maker_setup(void **state);
int maker_teardown(void **state);

/* C_Initialize and the sessions; maker_stop() ends both. */
void maker_start(void);
void maker_stop(void);
/* The same after maker_stop(), with TEXT as the configuration. */
void maker_configure(const char *text);

/* C_CreateObject and C_GenerateKey in maker_rw, which must succeed. */
CK_OBJECT_HANDLE maker_create(CK_ATTRIBUTE *list, CK_ULONG count);
CK_OBJECT_HANDLE maker_generate(CK_MECHANISM_TYPE type, CK_ATTRIBUTE *list, CK_ULONG count);

/* Attributes of an object, which must be there. */
CK_ULONG maker_number(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type);
bool maker_bool(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type);
/* Into a buffer of 32767 bytes that lives until the next call; a zero byte follows. */
const char *maker_text(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, size_t *len);
/* What C_GetAttributeValue answers for TYPE. */
CK_RV maker_asked(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type);

/* The objects that a search finds, their number; OBJECTS has room for 64. */
CK_ULONG maker_find(CK_SESSION_HANDLE session, CK_ATTRIBUTE *list, CK_ULONG count,
		    CK_OBJECT_HANDLE *objects);

/* C_Encrypt with CKM_AES_ECB of a block of zeros: what tells keys apart. */
CK_RV maker_encrypt(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, uint8_t out[16]);

/* The serial number of the key of a keyring that OBJECT is, and what that is in the kernel. */
int32_t maker_serial(CK_OBJECT_HANDLE object);
uint32_t maker_perm(CK_OBJECT_HANDLE object);
/* To be freed. */
char *maker_description(CK_OBJECT_HANDLE object);

/* How many keys of types user, logon and encrypted there are. */
size_t maker_keys(void);

#endif
