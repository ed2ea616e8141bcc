/* SPDX-License-Identifier: BSD-2-Clause */
#include "faults.h"

#include <errno.h>
#include <linux/if_alg.h>
#include <linux/keyctl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#ifndef ALG_SET_KEY_BY_KEY_SERIAL
#define ALG_SET_KEY_BY_KEY_SERIAL 7
#endif

enum { ANY = -1 };

struct row {
	const char *name;
	long number;
	int argument; /* the one that has REQUEST; ANY: all */
	unsigned long request;
	bool made;    /* whatever it answers, it has been done */
	bool shorter; /* it may do a part */
	int done[2];  /* errnos that say that it was done before, or is by now: then it is done */
	int errors[16];
};

/* clang-format off */
#define CALL(name) #name, SYS_##name
#define KEYCTL(request) "keyctl " #request, SYS_keyctl, 0, request
#define OPTION(request) "setsockopt " #request, SYS_setsockopt, 2, request
/* What any look for a key may say: security/keys/process_keys.c, lookup_user_key(). */
#define LOOKUP ENOKEY, EKEYREVOKED, EKEYEXPIRED, EACCES, ENOMEM, EPERM, ENOSYS
/* What any new descriptor may. */
#define DESCRIPTOR EMFILE, ENFILE, ENOMEM
#define SENDING EAGAIN, EINTR, ENOMEM, ENOBUFS, EINVAL, ENOKEY, EPIPE, EIO, EMSGSIZE, EPERM
#define RECEIVING EAGAIN, EINTR, ENOMEM, EINVAL, EBADMSG, ENOKEY, EIO, EBUSY, EOVERFLOW, EPERM

/* The first row that fits. EPERM and ENOSYS are those of a seccomp filter. */
static const struct row rows[] = {
	{CALL(socket), ANY, 0, false, false, {0}, {EAFNOSUPPORT, EACCES, EPERM, ENOBUFS, DESCRIPTOR}},
	/* crypto/af_alg.c, alg_bind(); EINTR, EAGAIN, ETIMEDOUT: crypto/api.c. */
	{CALL(bind), ANY, 0, false, false, {0}, {ENOENT, EINVAL, EPERM, EACCES, EINTR, EAGAIN, ETIMEDOUT, ELIBBAD, ENOMEM}},
	{CALL(accept4), ANY, 0, false, false, {0}, {ENOKEY, EINTR, EAGAIN, ECONNABORTED, EPERM, DESCRIPTOR}},
	{OPTION(ALG_SET_KEY_BY_KEY_SERIAL), false, false, {0}, {ENOPROTOOPT, EINVAL, EBUSY, EKEYREJECTED, LOOKUP}},
	{OPTION(ALG_SET_KEY), false, false, {0}, {ENOPROTOOPT, EINVAL, EBUSY, EKEYREJECTED, ENOMEM}},
	{OPTION(ALG_SET_AEAD_AUTHSIZE), false, false, {0}, {EINVAL, EBUSY, ENOPROTOOPT}},
	{OPTION(ALG_SET_DRBG_ENTROPY), false, false, {0}, {EINVAL, ENOMEM, EACCES, ENOPROTOOPT}},
	{CALL(setsockopt), ANY, 0, false, false, {0}, {EINVAL, ENOMEM, ENOPROTOOPT}},
	{CALL(getsockopt), ANY, 0, false, false, {0}, {EINVAL, ENOMEM, ENOPROTOOPT}},
	/* crypto/algif_*.c and crypto/af_alg.c; what a driver may answer. */
	{CALL(sendmsg), ANY, 0, false, true, {0}, {SENDING}},
	{CALL(sendto), ANY, 0, false, true, {0}, {SENDING}},
	{CALL(recvmsg), ANY, 0, false, true, {EBADMSG}, {RECEIVING}},
	{CALL(recvfrom), ANY, 0, false, true, {EBADMSG}, {RECEIVING}},
	{KEYCTL(KEYCTL_GET_KEYRING_ID), false, false, {0}, {EINTR, EDQUOT, LOOKUP}},
	{KEYCTL(KEYCTL_READ), false, false, {0}, {EINTR, EIO, EOPNOTSUPP, LOOKUP}},
	{KEYCTL(KEYCTL_DESCRIBE), false, false, {0}, {EINTR, LOOKUP}},
	{KEYCTL(KEYCTL_SEARCH), false, false, {0}, {EINTR, EDQUOT, ENOTDIR, LOOKUP}},
	{KEYCTL(KEYCTL_LINK), false, false, {0}, {EINTR, EDQUOT, ENFILE, ELOOP, EDEADLK, LOOKUP}},
	{KEYCTL(KEYCTL_MOVE), false, false, {0}, {EINTR, EDQUOT, EEXIST, EDEADLK, EOPNOTSUPP, LOOKUP}},
	{KEYCTL(KEYCTL_UNLINK), false, false, {ENOENT, ENOKEY}, {EINTR, ENOENT, LOOKUP}},
	{KEYCTL(KEYCTL_UPDATE), false, false, {0}, {EINTR, EDQUOT, EOPNOTSUPP, EINVAL, LOOKUP}},
	{KEYCTL(KEYCTL_SETPERM), false, false, {0}, {EINTR, EINVAL, LOOKUP}},
	{KEYCTL(KEYCTL_CLEAR), false, false, {0}, {EINTR, ENOTDIR, LOOKUP}},
	{KEYCTL(KEYCTL_INVALIDATE), false, false, {0}, {EINTR, LOOKUP}},
	{KEYCTL(KEYCTL_JOIN_SESSION_KEYRING), false, false, {0}, {EINTR, EDQUOT, ENOMEM, EPERM, EACCES, ENOSYS}},
	{KEYCTL(KEYCTL_GET_PERSISTENT), false, false, {0}, {EINTR, EDQUOT, EOPNOTSUPP, LOOKUP}},
	{CALL(add_key), ANY, 0, false, false, {0}, {EINTR, EDQUOT, EINVAL, ENODEV, LOOKUP}},
	{CALL(request_key), ANY, 0, false, false, {0}, {EINTR, EDQUOT, EKEYREJECTED, LOOKUP}},
	{CALL(openat), ANY, 0, false, false, {0}, {EACCES, ENOENT, EINTR, DESCRIPTOR}},
	{CALL(read), ANY, 0, false, true, {0}, {EINTR, EAGAIN, EIO, ENOMEM}},
	{CALL(write), ANY, 0, false, true, {0}, {EINTR, EAGAIN, EIO, ENOSPC}},
	/* The descriptor is gone, whatever is said (close(2)). */
	{CALL(close), ANY, 0, true, false, {0}, {EINTR, EIO}},
	{CALL(fstat), ANY, 0, false, false, {0}, {EIO, ENOMEM, EOVERFLOW}},
	{CALL(newfstatat), ANY, 0, false, false, {0}, {EIO, ENOMEM, EACCES, ENOENT}},
	{CALL(getdents64), ANY, 0, false, false, {0}, {EIO, ENOENT}},
	{CALL(lseek), ANY, 0, false, false, {0}, {ESPIPE}},
	{CALL(fcntl), ANY, 0, false, false, {0}, {EMFILE, EAGAIN}},
	{CALL(readlink), ANY, 0, false, false, {0}, {EACCES, ENOENT, ENOMEM}},
	{CALL(uname), ANY, 0, false, false, {0}, {EFAULT}},
	{CALL(sysinfo), ANY, 0, false, false, {0}, {EFAULT}},
	{CALL(prctl), ANY, 0, false, false, {0}, {EINVAL, EPERM}},
	{CALL(getrandom), ANY, 0, false, true, {0}, {EINTR, EAGAIN, ENOSYS, EPERM}},
	{CALL(memfd_create), ANY, 0, false, false, {0}, {EPERM, ENOSYS, DESCRIPTOR}},
	{CALL(mmap), ANY, 0, false, false, {0}, {ENOMEM, EAGAIN, EPERM}},
	{CALL(mremap), ANY, 0, false, false, {0}, {ENOMEM, EAGAIN}},
	{CALL(mprotect), ANY, 0, false, false, {0}, {ENOMEM, EACCES}},
	{CALL(mlock), ANY, 0, false, false, {0}, {ENOMEM, EAGAIN, EPERM}},
	{CALL(munlock), ANY, 0, false, false, {0}, {ENOMEM}},
	{CALL(madvise), ANY, 0, false, false, {0}, {EINVAL, ENOMEM, EAGAIN}},
};

/* What an errno may be answered with, beside CKR_DEVICE_ERROR, which fits them all. */
static const struct {
	int error;
	CK_RV rv[8];
} answers[] = {
	{EMFILE, {CKR_HOST_MEMORY}},
	{ENFILE, {CKR_HOST_MEMORY}},
	{ENOMEM, {CKR_DEVICE_MEMORY, CKR_HOST_MEMORY}},
	{ENOBUFS, {CKR_DEVICE_MEMORY, CKR_HOST_MEMORY}},
	{EDQUOT, {CKR_DEVICE_MEMORY}},
	{EAGAIN, {CKR_HOST_MEMORY, CKR_DEVICE_MEMORY}},
	{EPERM, {CKR_HOST_MEMORY, CKR_DEVICE_MEMORY, CKR_TOKEN_WRITE_PROTECTED, CKR_MECHANISM_INVALID}},
	{EACCES, {CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_TOKEN_WRITE_PROTECTED, CKR_OBJECT_HANDLE_INVALID, CKR_KEY_HANDLE_INVALID, CKR_ATTRIBUTE_TYPE_INVALID}},
	{ENOKEY, {CKR_KEY_HANDLE_INVALID, CKR_OBJECT_HANDLE_INVALID, CKR_ATTRIBUTE_TYPE_INVALID, CKR_WRAPPING_KEY_HANDLE_INVALID, CKR_UNWRAPPING_KEY_HANDLE_INVALID}},
	{EKEYREVOKED, {CKR_KEY_HANDLE_INVALID, CKR_OBJECT_HANDLE_INVALID, CKR_ATTRIBUTE_TYPE_INVALID, CKR_WRAPPING_KEY_HANDLE_INVALID, CKR_UNWRAPPING_KEY_HANDLE_INVALID}},
	{EKEYEXPIRED, {CKR_KEY_HANDLE_INVALID, CKR_OBJECT_HANDLE_INVALID, CKR_ATTRIBUTE_TYPE_INVALID, CKR_WRAPPING_KEY_HANDLE_INVALID, CKR_UNWRAPPING_KEY_HANDLE_INVALID}},
	{ENOENT, {CKR_MECHANISM_INVALID, CKR_OBJECT_HANDLE_INVALID, CKR_ATTRIBUTE_TYPE_INVALID}},
	{EAFNOSUPPORT, {CKR_MECHANISM_INVALID, CKR_ATTRIBUTE_TYPE_INVALID}},
	{ENOPROTOOPT, {CKR_KEY_TYPE_INCONSISTENT, CKR_ATTRIBUTE_TYPE_INVALID, CKR_WRAPPING_KEY_TYPE_INCONSISTENT, CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT}},
	{EINVAL, {CKR_KEY_SIZE_RANGE, CKR_HOST_MEMORY, CKR_ATTRIBUTE_TYPE_INVALID, CKR_DEVICE_MEMORY, CKR_WRAPPING_KEY_SIZE_RANGE, CKR_UNWRAPPING_KEY_SIZE_RANGE}},
	{EBADMSG, {CKR_ENCRYPTED_DATA_INVALID, CKR_AEAD_DECRYPT_FAILED, CKR_WRAPPED_KEY_INVALID, CKR_ATTRIBUTE_TYPE_INVALID}},
	{ENOSYS, {CKR_HOST_MEMORY}},
};
/* clang-format on */

static const struct row *find(const struct inject_call *call)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (rows[i].number == call->number &&
		    (rows[i].argument == ANY ||
		     (int)call->args[rows[i].argument] == (int)rows[i].request))
			return &rows[i];
	return NULL;
}

const void *faults_kind(const struct inject_call *call)
{
	return find(call);
}

const char *faults_name(const struct inject_call *call)
{
	return find(call)->name;
}

size_t faults_of(const struct inject_call *call, struct inject_fault faults[FAULTS_MAX])
{
	const struct row *row = find(call);
	size_t n = 0;

	if (!row)
		return 0;
	while (n < sizeof(row->errors) / sizeof(*row->errors) && row->errors[n]) {
		faults[n].error = row->errors[n];
		faults[n].made = row->made || row->errors[n] == row->done[0] ||
				 row->errors[n] == row->done[1];
		faults[n].shorter = false;
		n++;
	}
	if (row->shorter)
		faults[n++] = (struct inject_fault){.shorter = true};
	return n;
}

const char *faults_describe(const struct inject_fault *fault)
{
	return fault->shorter ? "half of it" : strerrorname_np(fault->error);
}

bool faults_fit(const struct inject_fault *fault, CK_RV rv)
{
	if (rv == CKR_DEVICE_ERROR)
		return true;
	/* What is sent short is short of memory (kernel/alg.c), and a tag that is not all there is
	 * not right. */
	if (fault->shorter)
		return rv == CKR_DEVICE_MEMORY || rv == CKR_ENCRYPTED_DATA_INVALID ||
		       rv == CKR_AEAD_DECRYPT_FAILED;
	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++)
		for (size_t j = 0; j < 8 && answers[i].error == fault->error; j++)
			if (answers[i].rv[j] == rv && rv != CKR_OK)
				return true;
	return false;
}

bool faults_forbid(const struct inject_fault *fault)
{
	switch (fault->error) {
	case EACCES:
	case EPERM:
	case ENOSYS:
	case ENOKEY:
	case EKEYREVOKED:
	case EKEYEXPIRED:
	case ENOENT:
	case ENOTDIR:
	case EOPNOTSUPP:
	case EAFNOSUPPORT:
	case ENOPROTOOPT:
		return true;
	default:
		return false;
	}
}
