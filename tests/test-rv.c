/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mech/rv.h"

/* What each errno means at each of the three places. */
static const struct {
	int error;
	CK_RV open, run, make;
} expected[] = {
	{0, CKR_OK, CKR_OK, CKR_OK},
	{ENOKEY, CKR_KEY_HANDLE_INVALID, CKR_KEY_HANDLE_INVALID, CKR_DEVICE_ERROR},
	{EKEYREVOKED, CKR_KEY_HANDLE_INVALID, CKR_KEY_HANDLE_INVALID, CKR_DEVICE_ERROR},
	{EKEYEXPIRED, CKR_KEY_HANDLE_INVALID, CKR_KEY_HANDLE_INVALID, CKR_DEVICE_ERROR},
	{EACCES, CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_KEY_FUNCTION_NOT_PERMITTED,
	 CKR_TOKEN_WRITE_PROTECTED},
	{EMFILE, CKR_HOST_MEMORY, CKR_HOST_MEMORY, CKR_HOST_MEMORY},
	{ENFILE, CKR_HOST_MEMORY, CKR_HOST_MEMORY, CKR_HOST_MEMORY},
	{ENOMEM, CKR_DEVICE_MEMORY, CKR_DEVICE_MEMORY, CKR_DEVICE_MEMORY},
	{ENOBUFS, CKR_DEVICE_MEMORY, CKR_DEVICE_MEMORY, CKR_DEVICE_MEMORY},
	{EDQUOT, CKR_DEVICE_MEMORY, CKR_DEVICE_MEMORY, CKR_DEVICE_MEMORY},
	{EBADMSG, CKR_DEVICE_ERROR, CKR_ENCRYPTED_DATA_INVALID, CKR_DEVICE_ERROR},
	{ENOPROTOOPT, CKR_KEY_TYPE_INCONSISTENT, CKR_DEVICE_ERROR, CKR_DEVICE_ERROR},
	{EINVAL, CKR_KEY_SIZE_RANGE, CKR_DEVICE_ERROR, CKR_DEVICE_ERROR},
	{ENOENT, CKR_MECHANISM_INVALID, CKR_DEVICE_ERROR, CKR_DEVICE_ERROR},
	{EAFNOSUPPORT, CKR_MECHANISM_INVALID, CKR_DEVICE_ERROR, CKR_DEVICE_ERROR},
	{EIO, CKR_DEVICE_ERROR, CKR_DEVICE_ERROR, CKR_DEVICE_ERROR},
	{EPERM, CKR_DEVICE_ERROR, CKR_DEVICE_ERROR, CKR_TOKEN_WRITE_PROTECTED},
	{EAGAIN, CKR_DEVICE_ERROR, CKR_DEVICE_ERROR, CKR_DEVICE_ERROR},
	{100000, CKR_DEVICE_ERROR, CKR_DEVICE_ERROR, CKR_DEVICE_ERROR},
};

static void every_errno_has_its_answer(void **state)
{
	for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
		int err = -expected[i].error;

		assert_int_equal(rv_of_open(err, "test"), expected[i].open);
		assert_int_equal(rv_of_run(err, "test"), expected[i].run);
		assert_int_equal(rv_of_make(err, "test"), expected[i].make);
	}
}

/* A failure never passes for success, nor for a question for a length. */
static void no_errno_is_success(void **state)
{
	for (int err = 1; err < 4096; err++) {
		const CK_RV answers[] = {rv_of_open(-err, "test"), rv_of_run(-err, "test"),
					 rv_of_make(-err, "test")};

		for (int i = 0; i < 3; i++) {
			assert_int_not_equal(answers[i], CKR_OK);
			assert_int_not_equal(answers[i], CKR_BUFFER_TOO_SMALL);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_errno_has_its_answer),
		cmocka_unit_test(no_errno_is_success),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("rv", tests, NULL, NULL);
}
