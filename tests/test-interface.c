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

static void *list_of(CK_BYTE major, CK_BYTE minor)
{
	CK_VERSION version = {major, minor};
	CK_INTERFACE *interface = NULL;

	assert_int_equal(C_GetInterface(standard, &version, &interface, 0), CKR_OK);
	assert_non_null(interface);
	return interface->pFunctionList;
}

typedef void (*function)(void);

#define F(name) ((function)(name))

/* clang-format off */
/* As pkcs11f.h of the specification has them: first 68, since 3.0 92, since 3.2 104. */
static const function in_order[] = {
	F(C_Initialize), F(C_Finalize), F(C_GetInfo), F(C_GetFunctionList), F(C_GetSlotList),
	F(C_GetSlotInfo), F(C_GetTokenInfo), F(C_GetMechanismList), F(C_GetMechanismInfo),
	F(C_InitToken), F(C_InitPIN), F(C_SetPIN), F(C_OpenSession), F(C_CloseSession),
	F(C_CloseAllSessions), F(C_GetSessionInfo), F(C_GetOperationState), F(C_SetOperationState),
	F(C_Login), F(C_Logout), F(C_CreateObject), F(C_CopyObject), F(C_DestroyObject),
	F(C_GetObjectSize), F(C_GetAttributeValue), F(C_SetAttributeValue), F(C_FindObjectsInit),
	F(C_FindObjects), F(C_FindObjectsFinal), F(C_EncryptInit), F(C_Encrypt), F(C_EncryptUpdate),
	F(C_EncryptFinal), F(C_DecryptInit), F(C_Decrypt), F(C_DecryptUpdate), F(C_DecryptFinal),
	F(C_DigestInit), F(C_Digest), F(C_DigestUpdate), F(C_DigestKey), F(C_DigestFinal),
	F(C_SignInit), F(C_Sign), F(C_SignUpdate), F(C_SignFinal), F(C_SignRecoverInit),
	F(C_SignRecover), F(C_VerifyInit), F(C_Verify), F(C_VerifyUpdate), F(C_VerifyFinal),
	F(C_VerifyRecoverInit), F(C_VerifyRecover), F(C_DigestEncryptUpdate),
	F(C_DecryptDigestUpdate), F(C_SignEncryptUpdate), F(C_DecryptVerifyUpdate),
	F(C_GenerateKey), F(C_GenerateKeyPair), F(C_WrapKey), F(C_UnwrapKey), F(C_DeriveKey),
	F(C_SeedRandom), F(C_GenerateRandom), F(C_GetFunctionStatus), F(C_CancelFunction),
	F(C_WaitForSlotEvent),
	F(C_GetInterfaceList), F(C_GetInterface), F(C_LoginUser), F(C_SessionCancel),
	F(C_MessageEncryptInit), F(C_EncryptMessage), F(C_EncryptMessageBegin),
	F(C_EncryptMessageNext), F(C_MessageEncryptFinal), F(C_MessageDecryptInit),
	F(C_DecryptMessage), F(C_DecryptMessageBegin), F(C_DecryptMessageNext),
	F(C_MessageDecryptFinal), F(C_MessageSignInit), F(C_SignMessage), F(C_SignMessageBegin),
	F(C_SignMessageNext), F(C_MessageSignFinal), F(C_MessageVerifyInit), F(C_VerifyMessage),
	F(C_VerifyMessageBegin), F(C_VerifyMessageNext), F(C_MessageVerifyFinal),
	F(C_EncapsulateKey), F(C_DecapsulateKey), F(C_VerifySignatureInit), F(C_VerifySignature),
	F(C_VerifySignatureUpdate), F(C_VerifySignatureFinal), F(C_GetSessionValidationFlags),
	F(C_AsyncComplete), F(C_AsyncGetID), F(C_AsyncJoin), F(C_WrapKeyAuthenticated),
	F(C_UnwrapKeyAuthenticated),
};
/* clang-format on */

/* Each list is its version and nothing but pointers, none of which is NULL. */
static void lists_are_in_the_order_of_the_specification(void **state)
{
	const struct {
		const void *list;
		size_t size, functions;
		CK_VERSION version;
	} lists[] = {{list_2_40(), sizeof(CK_FUNCTION_LIST), 68, {2, 40}},
		     {list_of(3, 0), sizeof(CK_FUNCTION_LIST_3_0), 92, {3, 0}},
		     {list_of(3, 2), sizeof(CK_FUNCTION_LIST_3_2), 104, {3, 2}}};

	assert_int_equal(sizeof(in_order) / sizeof(*in_order), 104);
	for (size_t i = 0; i < 3; i++) {
		const CK_VERSION *version = lists[i].list;
		const function *members =
			(const function *)((const char *)lists[i].list + sizeof(void *));

		assert_int_equal(lists[i].size, (lists[i].functions + 1) * sizeof(void *));
		assert_int_equal(version->major, lists[i].version.major);
		assert_int_equal(version->minor, lists[i].version.minor);
		for (size_t member = 0; member < lists[i].functions; member++)
			if (!members[member] || members[member] != in_order[member])
				fail_msg("member %zu of list %zu", member, i);
	}
}

static void three_interfaces_are_listed(void **state)
{
	CK_INTERFACE list[4];
	CK_ULONG count = 99;

	assert_int_equal(C_GetInterfaceList(NULL, NULL), CKR_ARGUMENTS_BAD);
	assert_int_equal(C_GetInterfaceList(list, NULL), CKR_ARGUMENTS_BAD);
	assert_int_equal(C_GetInterfaceList(NULL, &count), CKR_OK);
	assert_int_equal(count, 3);
	memset(list, 0, sizeof(list));
	for (CK_ULONG room = 0; room < 3; room++) {
		count = room;
		assert_int_equal(C_GetInterfaceList(list, &count), CKR_BUFFER_TOO_SMALL);
		assert_int_equal(count, 3);
		assert_null(list[0].pFunctionList);
	}
	for (CK_ULONG room = 3; room < 5; room++) {
		count = room;
		memset(list, 0, sizeof(list));
		assert_int_equal(C_GetInterfaceList(list, &count), CKR_OK);
		assert_int_equal(count, 3);
		assert_ptr_equal(list[0].pFunctionList, list_of(3, 2));
		assert_ptr_equal(list[1].pFunctionList, list_of(3, 0));
		assert_ptr_equal(list[2].pFunctionList, list_2_40());
		assert_null(list[3].pFunctionList);
	}
	for (int i = 0; i < 3; i++) {
		assert_string_equal((char *)list[i].pInterfaceName, "PKCS 11");
		/* Fork safety is not claimed. */
		assert_int_equal(list[i].flags, 0);
	}
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
	assert_ptr_equal(interface->pFunctionList, list_of(3, 2));
	assert_int_equal(ask("PKCS 11", -1, 0, 0, &interface), CKR_OK);
	assert_ptr_equal(interface->pFunctionList, list_of(3, 2));
	assert_int_equal(ask(NULL, 3, 2, 0, &interface), CKR_OK);
	assert_ptr_equal(interface->pFunctionList, list_of(3, 2));
	assert_int_equal(ask(NULL, 2, 40, 0, &interface), CKR_OK);
	assert_ptr_equal(interface->pFunctionList, list_2_40());
	assert_int_equal(C_GetInterface(NULL, NULL, NULL, 0), CKR_ARGUMENTS_BAD);
	assert_int_equal(C_GetFunctionList(NULL), CKR_ARGUMENTS_BAD);
}

/* Who knows 3.0 only gets a list of 3.0, though the newer one begins with the same members. */
static void an_older_version_is_given_as_it_was_asked_for(void **state)
{
	CK_INTERFACE *interface;

	assert_int_equal(ask("PKCS 11", 3, 0, 0, &interface), CKR_OK);
	assert_int_equal(((CK_VERSION *)interface->pFunctionList)->minor, 0);
	assert_ptr_not_equal(list_of(3, 0), list_of(3, 2));
	assert_int_equal(ask("PKCS 11", 2, 40, 0, &interface), CKR_OK);
	assert_int_equal(((CK_VERSION *)interface->pFunctionList)->minor, 40);
}

static void other_interfaces_are_refused(void **state)
{
	CK_INTERFACE *interface;

	assert_int_not_equal(ask("Vendor NSS FIPS Interface", -1, 0, 0, &interface), CKR_OK);
	assert_int_not_equal(ask("PKCS 11 ", -1, 0, 0, &interface), CKR_OK);
	assert_int_not_equal(ask("", -1, 0, 0, &interface), CKR_OK);
	assert_int_not_equal(ask("pkcs 11", 3, 2, 0, &interface), CKR_OK);
	assert_int_not_equal(ask("PKCS 11", 3, 1, 0, &interface), CKR_OK);
	assert_int_not_equal(ask("PKCS 11", 3, 3, 0, &interface), CKR_OK);
	assert_int_not_equal(ask("PKCS 11", 2, 2, 0, &interface), CKR_OK);
	assert_int_not_equal(ask("PKCS 11", 3, 40, 0, &interface), CKR_OK);
	assert_int_not_equal(ask("PKCS 11", 2, 20, 0, &interface), CKR_OK);
	assert_int_not_equal(ask("PKCS 11", 0, 0, 0, &interface), CKR_OK);
	assert_int_not_equal(ask(NULL, -1, 0, CKF_INTERFACE_FORK_SAFE, &interface), CKR_OK);
	assert_int_not_equal(ask("PKCS 11", 3, 0, CKF_INTERFACE_FORK_SAFE, &interface), CKR_OK);
	assert_int_not_equal(ask("PKCS 11", 3, 2, CKF_INTERFACE_FORK_SAFE, &interface), CKR_OK);
	assert_int_not_equal(ask("PKCS 11", 3, 0, (CK_FLAGS)-1, &interface), CKR_OK);
}

/* Before C_Initialize too, and whatever the arguments are. */
static void what_is_missing_says_so(void **state)
{
	CK_FUNCTION_LIST_3_2 *f = list_of(3, 2);
	const CK_RV answers[] = {
		f->C_InitToken(0, NULL, 0, NULL),
		f->C_InitPIN(0, NULL, 0),
		f->C_SetPIN(0, NULL, 0, NULL, 0),
		f->C_SignRecoverInit(0, NULL, 0),
		f->C_SignRecover(0, NULL, 0, NULL, NULL),
		f->C_VerifyRecoverInit(0, NULL, 0),
		f->C_VerifyRecover(0, NULL, 0, NULL, NULL),
		f->C_GenerateKeyPair(0, NULL, NULL, 0, NULL, 0, NULL, NULL),
		f->C_EncapsulateKey(0, NULL, 0, NULL, 0, NULL, NULL, NULL),
		f->C_DecapsulateKey(0, NULL, 0, NULL, 0, NULL, 0, NULL),
		f->C_GetSessionValidationFlags(0, 0, NULL),
		f->C_AsyncComplete(0, NULL, NULL),
		f->C_AsyncGetID(0, NULL, NULL),
		f->C_AsyncJoin(0, NULL, 0, NULL, 0),
		f->C_WrapKeyAuthenticated(0, NULL, 0, 0, NULL, 0, NULL, NULL),
		f->C_UnwrapKeyAuthenticated(0, NULL, 0, NULL, 0, NULL, 0, NULL, 0, NULL),
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
		cmocka_unit_test(lists_are_in_the_order_of_the_specification),
		cmocka_unit_test(three_interfaces_are_listed),
		cmocka_unit_test(the_newest_interface_is_the_default),
		cmocka_unit_test(an_older_version_is_given_as_it_was_asked_for),
		cmocka_unit_test(other_interfaces_are_refused),
		cmocka_unit_test(what_is_missing_says_so),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("interface", tests, NULL, NULL);
}
