/* SPDX-License-Identifier: BSD-2-Clause */
#include "maker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conf.h"
#include "fake-kernel.h"
#include "kcryptoki.h"
#include "kernel/keyring.h"

CK_SESSION_HANDLE maker_rw, maker_ro;
const uint8_t maker_bytes[32] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16,
				 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32};

void maker_rv(CK_RV rv, CK_RV expected, const char *call, const char *file, int line)
{
	if (rv == expected)
		return;
	print_error("%s is 0x%lx instead of 0x%lx\n", call, rv, expected);
	_fail(file, line);
}

void maker_start(void)
{
	MAKER_RV(C_Initialize(NULL), CKR_OK);
	MAKER_RV(C_OpenSession(0, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &maker_rw),
		 CKR_OK);
	MAKER_RV(C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &maker_ro), CKR_OK);
}

void maker_stop(void)
{
	MAKER_RV(C_Finalize(NULL), CKR_OK);
}

void maker_configure(const char *text)
{
	maker_stop();
	conf_write(text, strlen(text));
	maker_start();
}

int maker_setup(void **state)
{
	int err = conf_setup(state);

	if (!err)
		maker_start();
	return err;
}

/* Keys of sessions, and the keyring that they were in, go with C_Finalize at the latest. */
int maker_teardown(void **state)
{
	C_Finalize(NULL);
	return conf_teardown(state) || fake_keys("keyring") ? -1 : 0;
}

CK_OBJECT_HANDLE maker_create(CK_ATTRIBUTE *list, CK_ULONG count)
{
	CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;

	MAKER_RV(C_CreateObject(maker_rw, list, count, &object), CKR_OK);
	assert_int_not_equal(object, CK_INVALID_HANDLE);
	return object;
}

CK_OBJECT_HANDLE maker_generate(CK_MECHANISM_TYPE type, CK_ATTRIBUTE *list, CK_ULONG count)
{
	CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;

	MAKER_RV(C_GenerateKey(maker_rw, &(CK_MECHANISM){type, NULL, 0}, list, count, &object),
		 CKR_OK);
	assert_int_not_equal(object, CK_INVALID_HANDLE);
	return object;
}

CK_ULONG maker_number(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
	CK_ULONG number = 0;
	CK_ATTRIBUTE attribute = {type, &number, sizeof(number)};

	MAKER_RV(C_GetAttributeValue(maker_ro, object, &attribute, 1), CKR_OK);
	assert_int_equal(attribute.ulValueLen, sizeof(number));
	return number;
}

bool maker_bool(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
	CK_BBOOL truth = 7;
	CK_ATTRIBUTE attribute = {type, &truth, sizeof(truth)};

	MAKER_RV(C_GetAttributeValue(maker_ro, object, &attribute, 1), CKR_OK);
	assert_int_equal(attribute.ulValueLen, sizeof(truth));
	assert_in_range(truth, CK_FALSE, CK_TRUE);
	return truth;
}

const char *maker_text(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, size_t *len)
{
	static char text[32768];
	CK_ATTRIBUTE attribute = {type, text, sizeof(text) - 1};

	MAKER_RV(C_GetAttributeValue(maker_ro, object, &attribute, 1), CKR_OK);
	text[attribute.ulValueLen] = '\0';
	if (len)
		*len = attribute.ulValueLen;
	return text;
}

CK_RV maker_asked(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
	CK_ATTRIBUTE attribute = {type, NULL, 0};

	return C_GetAttributeValue(maker_ro, object, &attribute, 1);
}

CK_ULONG maker_find(CK_SESSION_HANDLE session, CK_ATTRIBUTE *list, CK_ULONG count,
		    CK_OBJECT_HANDLE *objects)
{
	CK_ULONG n = 0;

	MAKER_RV(C_FindObjectsInit(session, list, count), CKR_OK);
	MAKER_RV(C_FindObjects(session, objects, 64, &n), CKR_OK);
	MAKER_RV(C_FindObjectsFinal(session), CKR_OK);
	return n;
}

CK_RV maker_encrypt(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, uint8_t out[16])
{
	CK_BYTE zeros[16] = {0};
	CK_ULONG len = 16;
	CK_RV rv = C_EncryptInit(session, &(CK_MECHANISM){CKM_AES_ECB, NULL, 0}, key);

	return rv == CKR_OK ? C_Encrypt(session, zeros, sizeof(zeros), out, &len) : rv;
}

int32_t maker_serial(CK_OBJECT_HANDLE object)
{
	return (int32_t)maker_number(object, CKA_KCRYPTOKI_KEY_SERIAL);
}

uint32_t maker_perm(CK_OBJECT_HANDLE object)
{
	struct key_info info;

	assert_int_equal(key_describe(maker_serial(object), &info), 0);
	free(info.description);
	return info.perm;
}

char *maker_description(CK_OBJECT_HANDLE object)
{
	struct key_info info;

	assert_int_equal(key_describe(maker_serial(object), &info), 0);
	return info.description;
}

size_t maker_keys(void)
{
	return fake_keys("user") + fake_keys("logon") + fake_keys("encrypted");
}
