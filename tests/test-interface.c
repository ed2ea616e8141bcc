/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pkcs11.h"

static CK_UTF8CHAR standard[] = "PKCS 11";

static CK_FUNCTION_LIST *list_2_40(void)
{
	CK_FUNCTION_LIST *list = NULL;

	assert_int_equal(C_GetFunctionList(&list), CKR_OK);
	assert_non_null(list);
	return list;
}

static CK_FUNCTION_LIST_3_0 *list_3_0(void)
{
	CK_VERSION version = {3, 0};
	CK_INTERFACE *interface = NULL;

	assert_int_equal(C_GetInterface(standard, &version, &interface, 0), CKR_OK);
	return interface->pFunctionList;
}

/* Each list is its version and nothing but pointers. */
static void no_member_is_null(void **state)
{
	const struct {
		const void *list;
		size_t size, functions;
	} lists[] = {{list_2_40(), sizeof(CK_FUNCTION_LIST), 68},
		     {list_3_0(), sizeof(CK_FUNCTION_LIST_3_0), 92}};

	for (size_t i = 0; i < 2; i++) {
		size_t n = lists[i].size / sizeof(void *) - 1;
		void (*const *members)(void) =
			(void (*const *)(void))((const char *)lists[i].list + sizeof(void *));

		assert_int_equal(n, lists[i].functions);
		for (size_t member = 0; member < n; member++)
			if (!members[member])
				fail_msg("member %zu of list %zu", member, i);
	}
}

/* Both are in the order of the specification, and hold the same functions. */
static void the_new_list_begins_with_the_old_one(void **state)
{
	CK_FUNCTION_LIST *old = list_2_40();
	CK_FUNCTION_LIST_3_0 *new = list_3_0();

	assert_int_equal(old->version.major, 2);
	assert_int_equal(old->version.minor, 40);
	assert_int_equal(new->version.major, 3);
	assert_int_equal(new->version.minor, 0);
	assert_memory_equal((char *)old + sizeof(void *), (char *)new + sizeof(void *),
			    sizeof(*old) - sizeof(void *));
	assert_ptr_equal(new->C_Initialize, C_Initialize);
	assert_ptr_equal(new->C_GetFunctionList, C_GetFunctionList);
	assert_ptr_equal(new->C_Encrypt, C_Encrypt);
	assert_ptr_equal(new->C_WaitForSlotEvent, C_WaitForSlotEvent);
	assert_ptr_equal(new->C_GetInterfaceList, C_GetInterfaceList);
	assert_ptr_equal(new->C_GetInterface, C_GetInterface);
	assert_ptr_equal(new->C_MessageVerifyFinal, C_MessageVerifyFinal);
}

static void both_interfaces_are_listed(void **state)
{
	CK_INTERFACE list[3];
	CK_ULONG count = 99;

	assert_int_equal(C_GetInterfaceList(NULL, NULL), CKR_ARGUMENTS_BAD);
	assert_int_equal(C_GetInterfaceList(list, NULL), CKR_ARGUMENTS_BAD);
	assert_int_equal(C_GetInterfaceList(NULL, &count), CKR_OK);
	assert_int_equal(count, 2);
	for (CK_ULONG room = 0; room < 2; room++) {
		count = room;
		assert_int_equal(C_GetInterfaceList(list, &count), CKR_BUFFER_TOO_SMALL);
		assert_int_equal(count, 2);
	}
	count = 3;
	memset(list, 0, sizeof(list));
	assert_int_equal(C_GetInterfaceList(list, &count), CKR_OK);
	assert_int_equal(count, 2);
	for (int i = 0; i < 2; i++) {
		assert_string_equal((char *)list[i].pInterfaceName, "PKCS 11");
		/* Fork safety is not claimed. */
		assert_int_equal(list[i].flags, 0);
	}
	assert_ptr_equal(list[0].pFunctionList, list_3_0());
	assert_ptr_equal(list[1].pFunctionList, list_2_40());
	assert_null(list[2].pFunctionList);
}

static CK_INTERFACE untouched;

static CK_RV ask(const char *name, int major, int minor, CK_FLAGS flags, CK_INTERFACE **interface)
{
	CK_VERSION version = {(CK_BYTE)major, (CK_BYTE)minor};
	CK_RV rv;

	*interface = &untouched;
	rv = C_GetInterface((CK_UTF8CHAR *)name, major < 0 ? NULL : &version, interface, flags);
	if (rv != CKR_OK)
		assert_ptr_equal(*interface, &untouched);
	return rv;
}

/* As p11-kit, NSS, pkcs11-tool, pkcs11-provider and Java ask. */
static void the_newest_interface_is_the_default(void **state)
{
	CK_INTERFACE *interface;

	assert_int_equal(ask(NULL, -1, 0, 0, &interface), CKR_OK);
	assert_ptr_equal(interface->pFunctionList, list_3_0());
	assert_int_equal(ask("PKCS 11", -1, 0, 0, &interface), CKR_OK);
	assert_ptr_equal(interface->pFunctionList, list_3_0());
	assert_int_equal(ask("PKCS 11", 3, 0, 0, &interface), CKR_OK);
	assert_ptr_equal(interface->pFunctionList, list_3_0());
	assert_int_equal(ask(NULL, 2, 40, 0, &interface), CKR_OK);
	assert_ptr_equal(interface->pFunctionList, list_2_40());
	assert_int_equal(C_GetInterface(NULL, NULL, NULL, 0), CKR_ARGUMENTS_BAD);
	assert_int_equal(C_GetFunctionList(NULL), CKR_ARGUMENTS_BAD);
}

static void other_interfaces_are_refused(void **state)
{
	CK_INTERFACE *interface;

	assert_int_not_equal(ask("Vendor NSS FIPS Interface", -1, 0, 0, &interface), CKR_OK);
	assert_int_not_equal(ask("PKCS 11 ", -1, 0, 0, &interface), CKR_OK);
	assert_int_not_equal(ask("", -1, 0, 0, &interface), CKR_OK);
	assert_int_not_equal(ask("PKCS 11", 3, 2, 0, &interface), CKR_OK);
	assert_int_not_equal(ask("PKCS 11", 3, 1, 0, &interface), CKR_OK);
	assert_int_not_equal(ask("PKCS 11", 2, 20, 0, &interface), CKR_OK);
	assert_int_not_equal(ask("PKCS 11", 0, 0, 0, &interface), CKR_OK);
	assert_int_not_equal(ask(NULL, -1, 0, CKF_INTERFACE_FORK_SAFE, &interface), CKR_OK);
	assert_int_not_equal(ask("PKCS 11", 3, 0, CKF_INTERFACE_FORK_SAFE, &interface), CKR_OK);
	assert_int_not_equal(ask("PKCS 11", 3, 0, (CK_FLAGS)-1, &interface), CKR_OK);
}

/* Before C_Initialize too, and whatever the arguments are. */
static void what_is_missing_says_so(void **state)
{
	CK_FUNCTION_LIST_3_0 *f = list_3_0();
	const CK_RV answers[] = {
		f->C_InitToken(0, NULL, 0, NULL),
		f->C_InitPIN(0, NULL, 0),
		f->C_SetPIN(0, NULL, 0, NULL, 0),
		f->C_GetOperationState(0, NULL, NULL),
		f->C_SetOperationState(0, NULL, 0, 0, 0),
		f->C_CreateObject(0, NULL, 0, NULL),
		f->C_CopyObject(0, 0, NULL, 0, NULL),
		f->C_DestroyObject(0, 0),
		f->C_GetObjectSize(0, 0, NULL),
		f->C_SetAttributeValue(0, 0, NULL, 0),
		f->C_DigestKey(0, 0),
		f->C_SignRecoverInit(0, NULL, 0),
		f->C_SignRecover(0, NULL, 0, NULL, NULL),
		f->C_VerifyRecoverInit(0, NULL, 0),
		f->C_VerifyRecover(0, NULL, 0, NULL, NULL),
		f->C_DigestEncryptUpdate(0, NULL, 0, NULL, NULL),
		f->C_DecryptDigestUpdate(0, NULL, 0, NULL, NULL),
		f->C_SignEncryptUpdate(0, NULL, 0, NULL, NULL),
		f->C_DecryptVerifyUpdate(0, NULL, 0, NULL, NULL),
		f->C_GenerateKey(0, NULL, NULL, 0, NULL),
		f->C_GenerateKeyPair(0, NULL, NULL, 0, NULL, 0, NULL, NULL),
		f->C_WrapKey(0, NULL, 0, 0, NULL, NULL),
		f->C_UnwrapKey(0, NULL, 0, NULL, 0, NULL, 0, NULL),
		f->C_DeriveKey(0, NULL, 0, NULL, 0, NULL),
		f->C_WaitForSlotEvent(0, NULL, NULL),
		f->C_LoginUser(0, 0, NULL, 0, NULL, 0),
		f->C_SessionCancel(0, 0),
		f->C_MessageEncryptInit(0, NULL, 0),
		f->C_EncryptMessage(0, NULL, 0, NULL, 0, NULL, 0, NULL, NULL),
		f->C_EncryptMessageBegin(0, NULL, 0, NULL, 0),
		f->C_EncryptMessageNext(0, NULL, 0, NULL, 0, NULL, NULL, 0),
		f->C_MessageEncryptFinal(0),
		f->C_MessageDecryptInit(0, NULL, 0),
		f->C_DecryptMessage(0, NULL, 0, NULL, 0, NULL, 0, NULL, NULL),
		f->C_DecryptMessageBegin(0, NULL, 0, NULL, 0),
		f->C_DecryptMessageNext(0, NULL, 0, NULL, 0, NULL, NULL, 0),
		f->C_MessageDecryptFinal(0),
		f->C_MessageSignInit(0, NULL, 0),
		f->C_SignMessage(0, NULL, 0, NULL, 0, NULL, NULL),
		f->C_SignMessageBegin(0, NULL, 0),
		f->C_SignMessageNext(0, NULL, 0, NULL, 0, NULL, NULL),
		f->C_MessageSignFinal(0),
		f->C_MessageVerifyInit(0, NULL, 0),
		f->C_VerifyMessage(0, NULL, 0, NULL, 0, NULL, 0),
		f->C_VerifyMessageBegin(0, NULL, 0),
		f->C_VerifyMessageNext(0, NULL, 0, NULL, 0, NULL, 0),
		f->C_MessageVerifyFinal(0),
	};

	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++)
		if (answers[i] != CKR_FUNCTION_NOT_SUPPORTED)
			fail_msg("answer %zu is 0x%lx", i, answers[i]);
	assert_int_equal(f->C_GetFunctionStatus(0), CKR_FUNCTION_NOT_PARALLEL);
	assert_int_equal(f->C_CancelFunction(0), CKR_FUNCTION_NOT_PARALLEL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_member_is_null),
		cmocka_unit_test(the_new_list_begins_with_the_old_one),
		cmocka_unit_test(both_interfaces_are_listed),
		cmocka_unit_test(the_newest_interface_is_the_default),
		cmocka_unit_test(other_interfaces_are_refused),
		cmocka_unit_test(what_is_missing_says_so),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("interface", tests, NULL, NULL);
}
