/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake-kernel.h"
#include "pkcs11.h"

/* The module takes callbacks' pointers and calls none of them. */
static CK_RV make_mutex(void **mutex)
{
	abort();
}

static CK_RV use_mutex(void *mutex)
{
	abort();
}

static int setup(void **state)
{
	fake_reset();
	return 0;
}

static int teardown(void **state)
{
	C_Finalize(NULL);
	return fake_open_sockets() ? -1 : 0;
}

static CK_RV start(CK_FLAGS flags, unsigned int callbacks, void *reserved)
{
	CK_C_INITIALIZE_ARGS args = {
		.CreateMutex = callbacks & 1 ? make_mutex : NULL,
		.DestroyMutex = callbacks & 2 ? use_mutex : NULL,
		.LockMutex = callbacks & 4 ? use_mutex : NULL,
		.UnlockMutex = callbacks & 8 ? use_mutex : NULL,
		.flags = flags,
		.pReserved = reserved,
	};
	CK_RV rv = C_Initialize(&args);

	if (rv == CKR_OK)
		assert_int_equal(C_Finalize(NULL), CKR_OK);
	return rv;
}

/* PKCS#11 3.2, section 5.4, C_Initialize: all four or none; callbacks alone cannot be promised,
 * since locks are the system's. */
static void arguments_say_how_to_lock(void **state)
{
	static const CK_FLAGS flags[] = {0, CKF_LIBRARY_CANT_CREATE_OS_THREADS, CKF_OS_LOCKING_OK,
					 CKF_LIBRARY_CANT_CREATE_OS_THREADS | CKF_OS_LOCKING_OK};

	for (size_t i = 0; i < 4; i++) {
		for (unsigned int callbacks = 1; callbacks < 15; callbacks++)
			assert_int_equal(start(flags[i], callbacks, NULL), CKR_ARGUMENTS_BAD);
		assert_int_equal(start(flags[i], 0, NULL), CKR_OK);
		assert_int_equal(start(flags[i], 15, NULL),
				 flags[i] & CKF_OS_LOCKING_OK ? CKR_OK : CKR_CANT_LOCK);
	}
	assert_int_equal(C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
}

/* NSS passes its parameters there, p11-kit x-init-reserved. */
static void reserved_words_are_left_alone(void **state)
{
	char parameters[] = "configdir='/nonexistent'";

	assert_int_equal(start(CKF_OS_LOCKING_OK, 0, parameters), CKR_OK);
	assert_int_equal(start(CKF_OS_LOCKING_OK, 15, parameters), CKR_OK);
}

static void initialize_and_finalize_come_in_pairs(void **state)
{
	CK_INFO info;

	assert_int_equal(C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
	assert_int_equal(C_Finalize(&info), CKR_CRYPTOKI_NOT_INITIALIZED);
	assert_int_equal(C_GetInfo(&info), CKR_CRYPTOKI_NOT_INITIALIZED);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(C_Initialize(NULL), CKR_OK);
		assert_int_equal(C_Initialize(NULL), CKR_CRYPTOKI_ALREADY_INITIALIZED);
		assert_int_equal(C_Finalize(&info), CKR_ARGUMENTS_BAD);
		assert_int_equal(C_GetInfo(&info), CKR_OK);
		assert_int_equal(C_Finalize(NULL), CKR_OK);
	}
}

static void the_library_is_described(void **state)
{
	CK_INFO info;

	assert_int_equal(C_Initialize(NULL), CKR_OK);
	assert_int_equal(C_GetInfo(NULL), CKR_ARGUMENTS_BAD);
	memset(&info, 0xa5, sizeof(info));
	assert_int_equal(C_GetInfo(&info), CKR_OK);
	assert_int_equal(info.cryptokiVersion.major, 3);
	assert_int_equal(info.cryptokiVersion.minor, 2);
	assert_int_equal(info.flags, 0);
	assert_memory_equal(info.manufacturerID, "kcryptoki                       ", 32);
	assert_memory_equal(info.libraryDescription, "Linux keyrings and AF_ALG       ", 32);
}

/* Slots stay as they are: who asks is told so, and nobody is made to wait for ever. */
static void no_slot_event_ever_comes(void **state)
{
	CK_SLOT_ID slot = 99;
	int reserved = 0;

	assert_int_equal(C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL),
			 CKR_CRYPTOKI_NOT_INITIALIZED);
	assert_int_equal(C_Initialize(NULL), CKR_OK);
	assert_int_equal(C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL), CKR_NO_EVENT);
	assert_int_equal(C_WaitForSlotEvent(0, &slot, NULL), CKR_FUNCTION_NOT_SUPPORTED);
	assert_int_equal(C_WaitForSlotEvent(CKF_DONT_BLOCK, NULL, NULL), CKR_ARGUMENTS_BAD);
	assert_int_equal(C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, &reserved), CKR_ARGUMENTS_BAD);
	assert_int_equal(slot, 99);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(arguments_say_how_to_lock),
		TEST(reserved_words_are_left_alone),
		TEST(initialize_and_finalize_come_in_pairs),
		TEST(the_library_is_described),
		TEST(no_slot_event_ever_comes),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("general", tests, NULL, NULL);
}
