/* SPDX-License-Identifier: BSD-2-Clause */
#include "objects.h"

#include <string.h>

CK_BBOOL objects_true = CK_TRUE, objects_false = CK_FALSE;
CK_OBJECT_CLASS objects_secret = CKO_SECRET_KEY;
CK_KEY_TYPE objects_aes = CKK_AES, objects_generic = CKK_GENERIC_SECRET;

CK_BBOOL objects_readable;

void objects_need_keys(void)
{
	guest_need_keys();
	objects_readable = strcmp(token.keyring_type, "logon") ? CK_TRUE : CK_FALSE;
}

void objects_need_unread(void)
{
	objects_need_keys();
	if (objects_readable)
		guest_skip("this kernel cannot use keys that nobody can read");
}

CK_SESSION_HANDLE objects_rw_session(void)
{
	CK_SESSION_HANDLE session;

	GUEST_OK(token_session(&token, CKF_RW_SESSION, &session));
	return session;
}

CK_OBJECT_HANDLE objects_create(CK_SESSION_HANDLE session, CK_ATTRIBUTE *template, CK_ULONG count)
{
	CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;

	GUEST_RV(token.f->C_CreateObject(session, template, count, &key), CKR_OK);
	return key;
}

CK_OBJECT_HANDLE objects_generate(CK_SESSION_HANDLE session, CK_MECHANISM_TYPE type,
				  CK_ATTRIBUTE *template, CK_ULONG count)
{
	CK_MECHANISM mechanism = {type, NULL, 0};
	CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;

	GUEST_RV(token.f->C_GenerateKey(session, &mechanism, template, count, &key), CKR_OK);
	return key;
}

CK_OBJECT_HANDLE objects_unwrap(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
				CK_OBJECT_HANDLE with, unsigned char *wrapped, CK_ULONG length,
				CK_ATTRIBUTE *template, CK_ULONG count)
{
	CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;

	GUEST_RV(token.f->C_UnwrapKey(session, mechanism, with, wrapped, length, template, count,
				      &key),
		 CKR_OK);
	return key;
}

CK_ULONG objects_wrap(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE with,
		      CK_OBJECT_HANDLE key, unsigned char *wrapped, CK_ULONG size)
{
	CK_ULONG asked = 0, length;

	GUEST_RV(token.f->C_WrapKey(session, mechanism, with, key, NULL, &asked), CKR_OK);
	if (asked > size)
		guest_fail("a key of %lu bytes, wrapped?", asked);
	length = asked - 1;
	memset(wrapped, 0xa5, size);
	GUEST_RV(token.f->C_WrapKey(session, mechanism, with, key, wrapped, &length),
		 CKR_BUFFER_TOO_SMALL);
	for (CK_ULONG i = 0; i < size; i++)
		assert_int_equal(wrapped[i], 0xa5);
	assert_int_equal(length, asked);
	GUEST_RV(token.f->C_WrapKey(session, mechanism, with, key, wrapped, &length), CKR_OK);
	assert_int_equal(length, asked);
	return length;
}

CK_ULONG objects_find(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *objects, CK_ULONG max,
		      CK_ATTRIBUTE *template, CK_ULONG count)
{
	CK_ULONG found = 0;

	GUEST_RV(token.f->C_FindObjectsInit(session, template, count), CKR_OK);
	GUEST_RV(token.f->C_FindObjects(session, objects, max, &found), CKR_OK);
	GUEST_RV(token.f->C_FindObjectsFinal(session), CKR_OK);
	return found;
}

CK_OBJECT_HANDLE objects_the(CK_SESSION_HANDLE session, CK_ATTRIBUTE *template, CK_ULONG count)
{
	CK_OBJECT_HANDLE objects[2];

	assert_int_equal(objects_find(session, objects, 2, template, count), 1);
	return objects[0];
}

static void get(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
		void *value, CK_ULONG size)
{
	CK_ATTRIBUTE attribute = {type, value, size};

	GUEST_RV(token.f->C_GetAttributeValue(session, object, &attribute, 1), CKR_OK);
	assert_int_equal(attribute.ulValueLen, size);
}

bool objects_bool(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
	CK_BBOOL value = 2;

	get(session, object, type, &value, sizeof(value));
	assert_true(value == CK_TRUE || value == CK_FALSE);
	return value;
}

CK_ULONG objects_number(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
	CK_ULONG value = 0;

	get(session, object, type, &value, sizeof(value));
	return value;
}

CK_ULONG objects_bytes(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
		       unsigned char *bytes, CK_ULONG size)
{
	CK_ATTRIBUTE attribute = {type, NULL, 0};
	CK_ULONG asked;

	GUEST_RV(token.f->C_GetAttributeValue(session, object, &attribute, 1), CKR_OK);
	asked = attribute.ulValueLen;
	attribute = (CK_ATTRIBUTE){type, bytes, size};
	GUEST_RV(token.f->C_GetAttributeValue(session, object, &attribute, 1), CKR_OK);
	assert_int_equal(attribute.ulValueLen, asked);
	return asked;
}

bool objects_is(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
		const void *bytes, size_t length)
{
	unsigned char value[4096];

	return objects_bytes(session, object, type, value, sizeof(value)) == length &&
	       memcmp(value, bytes, length) == 0;
}

CK_RV objects_ask(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
	unsigned char value[4096];
	CK_ATTRIBUTE attribute = {type, value, sizeof(value)};

	return token.f->C_GetAttributeValue(session, object, &attribute, 1);
}

void objects_destroy(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
	GUEST_RV(token.f->C_DestroyObject(session, object), CKR_OK);
	GUEST_RV(objects_ask(session, object, CKA_CLASS), CKR_OBJECT_HANDLE_INVALID);
}

CK_ULONG objects_run(CK_SESSION_HANDLE session, enum token_kind kind, CK_MECHANISM *mechanism,
		     CK_OBJECT_HANDLE key, const unsigned char *in, CK_ULONG length,
		     unsigned char *out, CK_ULONG size)
{
	CK_FUNCTION_LIST_PTR f = token.f;
	CK_C_EncryptInit init = kind == TOKEN_ENCRYPT   ? f->C_EncryptInit
				: kind == TOKEN_DECRYPT ? f->C_DecryptInit
							: f->C_SignInit;
	CK_C_Encrypt run = kind == TOKEN_ENCRYPT   ? f->C_Encrypt
			   : kind == TOKEN_DECRYPT ? f->C_Decrypt
						   : f->C_Sign;

	GUEST_RV(init(session, mechanism, key), CKR_OK);
	GUEST_RV(run(session, (unsigned char *)in, length, out, &size), CKR_OK);
	return size;
}
