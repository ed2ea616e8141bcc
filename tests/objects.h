/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Objects as an application makes, finds and looks at them, in tests of a running kernel. A
 * template is an array; C_GetAttributeValue and its like are called as they are.
 */
#ifndef TESTS_OBJECTS_H
#define TESTS_OBJECTS_H

#include "guest.h"

extern CK_BBOOL objects_true, objects_false;
extern CK_OBJECT_CLASS objects_secret; /* CKO_SECRET_KEY */
extern CK_KEY_TYPE objects_aes, objects_generic;

/* clang-format off */
/* Attributes of a template; VALUE is an lvalue, BYTES an array, TEXT a string literal. */
#define IS_TRUE(type) {type, &objects_true, sizeof(objects_true)}
#define IS_FALSE(type) {type, &objects_false, sizeof(objects_false)}
#define IS_VALUE(type, value) {type, &(value), sizeof(value)}
#define IS_BYTES(type, bytes, length) {type, (void *)(bytes), length}
#define IS_TEXT(type, text) {type, (void *)(text), sizeof(text) - 1}
#define IS_SECRET {CKA_CLASS, &objects_secret, sizeof(objects_secret)}
#define IS_AES IS_SECRET, {CKA_KEY_TYPE, &objects_aes, sizeof(objects_aes)}
#define IS_GENERIC IS_SECRET, {CKA_KEY_TYPE, &objects_generic, sizeof(objects_generic)}

/* A template, where a function takes it and its length. */
#define TEMPLATE(...) \
	(CK_ATTRIBUTE[]){__VA_ARGS__}, sizeof((CK_ATTRIBUTE[]){__VA_ARGS__}) / sizeof(CK_ATTRIBUTE)
/* clang-format on */

/* CKA_EXTRACTABLE of keys that the token is to use: before Linux 6.2 those that nobody can read are
 * none. Set by what follows. */
extern CK_BBOOL objects_readable;

/* Skip where AES keys cannot be used; where keys that nobody can read cannot. */
void objects_need_keys(void);
void objects_need_unread(void);

CK_SESSION_HANDLE objects_rw_session(void);

/* C_CreateObject; C_GenerateKey by TYPE; C_UnwrapKey. They fail the test where no key comes of it.
 */
CK_OBJECT_HANDLE objects_create(CK_SESSION_HANDLE session, CK_ATTRIBUTE *template, CK_ULONG count);
CK_OBJECT_HANDLE objects_generate(CK_SESSION_HANDLE session, CK_MECHANISM_TYPE type,
				  CK_ATTRIBUTE *template, CK_ULONG count);
CK_OBJECT_HANDLE objects_unwrap(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
				CK_OBJECT_HANDLE with, unsigned char *wrapped, CK_ULONG length,
				CK_ATTRIBUTE *template, CK_ULONG count);

/* C_WrapKey as most call it: with a question for the length first. WRAPPED has room for SIZE bytes;
 * returns how many came. */
CK_ULONG objects_wrap(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE with,
		      CK_OBJECT_HANDLE key, unsigned char *wrapped, CK_ULONG size);

/* The first objects that fit, at most MAX; how many there were of those. */
CK_ULONG objects_find(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *objects, CK_ULONG max,
		      CK_ATTRIBUTE *template, CK_ULONG count);
/* The only one; fails the test where there is none, or another. */
CK_OBJECT_HANDLE objects_the(CK_SESSION_HANDLE session, CK_ATTRIBUTE *template, CK_ULONG count);

/* The value of one attribute, which must be there. */
bool objects_bool(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type);
CK_ULONG objects_number(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type);
CK_ULONG objects_bytes(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
		       unsigned char *bytes, CK_ULONG size);

/* Whether an attribute is of these bytes. */
bool objects_is(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
		const void *bytes, size_t length);

/* What C_GetAttributeValue answers for one attribute, given room for 4096 bytes. */
CK_RV objects_ask(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type);

void objects_destroy(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object);

/* One whole operation whose result is not known beforehand; how many bytes came. */
CK_ULONG objects_run(CK_SESSION_HANDLE session, enum token_kind kind, CK_MECHANISM *mechanism,
		     CK_OBJECT_HANDLE key, const unsigned char *in, CK_ULONG length,
		     unsigned char *out, CK_ULONG size);

#endif
