/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech/rv.h"

#include <errno.h>
#include <string.h>

#include "kernel/log.h"

enum { OPEN = 1, RUN = 2, MAKE = 4, ANY = OPEN | RUN | MAKE };

/* The first row that fits wins; what no row names is CKR_DEVICE_ERROR. */
static const struct {
	int error, stage;
	CK_RV rv;
} table[] = {
	/* Where something is written it is the token's keyring that is gone. */
	{ENOKEY, OPEN | RUN, CKR_KEY_HANDLE_INVALID},
	{EKEYREVOKED, OPEN | RUN, CKR_KEY_HANDLE_INVALID},
	{EKEYEXPIRED, OPEN | RUN, CKR_KEY_HANDLE_INVALID},
	{EACCES, OPEN | RUN, CKR_KEY_FUNCTION_NOT_PERMITTED},
	{EACCES, MAKE, CKR_TOKEN_WRITE_PROTECTED},
	{EPERM, MAKE, CKR_TOKEN_WRITE_PROTECTED},
	{EMFILE, ANY, CKR_HOST_MEMORY},
	{ENFILE, ANY, CKR_HOST_MEMORY},
	{ENOMEM, ANY, CKR_DEVICE_MEMORY},
	{ENOBUFS, ANY, CKR_DEVICE_MEMORY},
	{EDQUOT, ANY, CKR_DEVICE_MEMORY},
	/* Of a store. */
	{ENOSPC, MAKE, CKR_DEVICE_MEMORY},
	{EROFS, MAKE, CKR_TOKEN_WRITE_PROTECTED},
	{EBADMSG, RUN, CKR_ENCRYPTED_DATA_INVALID},
	{ENOPROTOOPT, OPEN, CKR_KEY_TYPE_INCONSISTENT},
	/* Rows, parameters and tag sizes are checked before: what is left is the key's length. */
	{EINVAL, OPEN, CKR_KEY_SIZE_RANGE},
	{ENOENT, OPEN, CKR_MECHANISM_INVALID},
	{EAFNOSUPPORT, OPEN, CKR_MECHANISM_INVALID},
};

bool rv_is_barred(int err)
{
	switch (err) {
	case -EACCES:
	case -EKEYEXPIRED:
	case -EKEYREVOKED:
	case -ENOKEY:
	case -ENOSYS:
	case -ENOTDIR:
	case -EOPNOTSUPP:
	case -EPERM:
		return true;
	default:
		return false;
	}
}

static CK_RV translate(int err, int stage, const char *doing, const char *what)
{
	CK_RV rv = CKR_DEVICE_ERROR;

	if (!err)
		return CKR_OK;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		if (table[i].error == -err && table[i].stage & stage) {
			rv = table[i].rv;
			break;
		}
	}
	log_line("%s %s: %s (errno %d), answered with CKR 0x%lx", doing, what, strerror(-err), -err,
		 (unsigned long)rv);
	return rv;
}

CK_RV rv_of_open(int err, const char *what)
{
	return translate(err, OPEN, "beginning", what);
}

CK_RV rv_of_run(int err, const char *what)
{
	return translate(err, RUN, "computing", what);
}

CK_RV rv_of_make(int err, const char *what)
{
	return translate(err, MAKE, "writing", what);
}
