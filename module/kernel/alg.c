/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/alg.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef AF_ALG
#define AF_ALG 38
#endif
#ifndef SOL_ALG
#define SOL_ALG 279
#endif

/* No key has it; serials of real keys are random, positive and start above 2. */
enum { SERIAL_OF_NO_KEY = 0x7ffffff0 };

int alg_probe(void)
{
	int fd = socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

int alg_bind(const char *type, const char *name)
{
	struct sockaddr_alg address = {.salg_family = AF_ALG};
	int fd, err;

	if (strlen(type) >= sizeof(address.salg_type) || strlen(name) >= sizeof(address.salg_name))
		return -ENOENT;
	strcpy((char *)address.salg_type, type);
	strcpy((char *)address.salg_name, name);

	fd = socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

int alg_set_key(int transform, const void *key, size_t len)
{
	if (len > INT_MAX)
		return -EINVAL;
	return setsockopt(transform, SOL_ALG, ALG_SET_KEY, key, (socklen_t)len) < 0 ? -errno : 0;
}

int alg_set_key_serial(int transform, int32_t serial)
{
	return setsockopt(transform, SOL_ALG, ALG_SET_KEY_BY_KEY_SERIAL, &serial, sizeof(serial)) <
			       0
		       ? -errno
		       : 0;
}

int alg_set_tag_size(int transform, unsigned int len)
{
	/* The size travels as the option's length; there is no value (crypto/af_alg.c). */
	return setsockopt(transform, SOL_ALG, ALG_SET_AEAD_AUTHSIZE, NULL, len) < 0 ? -errno : 0;
}

int alg_set_drbg_entropy(int transform, const void *entropy, size_t len)
{
	if (len > INT_MAX)
		return -EINVAL;
	return setsockopt(transform, SOL_ALG, ALG_SET_DRBG_ENTROPY, entropy, (socklen_t)len) < 0
		       ? -errno
		       : 0;
}

int alg_accept(int transform)
{
	int fd = accept4(transform, NULL, NULL, SOCK_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

bool alg_is(int fd)
{
	int domain;
	socklen_t len = sizeof(domain);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_ALG;
}

int alg_takes_serials(int transform)
{
	return alg_set_key_serial(transform, SERIAL_OF_NO_KEY) != -ENOPROTOOPT;
}

/* The whole pages that a buffer of SIZE bytes has (crypto/af_alg.c, af_alg_sndbuf() and its like).
 */
static size_t whole_pages(int size, size_t page)
{
	return size > 0 ? (size_t)size / page * page : 0;
}

static ssize_t buffer_size(int op, int option, size_t len, size_t page)
{
	int size = 0, wanted;
	socklen_t size_len = sizeof(size);

	if (getsockopt(op, SOL_SOCKET, option, &size, &size_len) < 0)
		return -errno;
	if (len > INT_MAX / 2 - page || len + page <= whole_pages(size, page))
		return (ssize_t)whole_pages(size, page);
	/* The kernel doubles what is asked for and caps it at net.core.[rw]mem_max. */
	wanted = (int)(len + page);
	if (setsockopt(op, SOL_SOCKET, option, &wanted, sizeof(wanted)) < 0 ||
	    getsockopt(op, SOL_SOCKET, option, &size, &size_len) < 0)
		return -errno;
	return (ssize_t)whole_pages(size, page);
}

ssize_t alg_room(int op, size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	ssize_t out = buffer_size(op, SO_SNDBUF, len, page);
	ssize_t in = buffer_size(op, SO_RCVBUF, len, page);
	ssize_t least = out < in ? out : in;

	if (least < 0)
		return least;
	/* A page of slack: af_alg_get_rsgl() takes no further piece of the receiver's memory when
	 * less than a page is left of the budget, and the request ends there. */
	return (size_t)least > page ? least - (ssize_t)page : 0;
}

/* The control messages of one request, packed one behind the other (cmsg(3)). */
struct control {
	size_t used;
	union {
		struct cmsghdr align;
		uint8_t bytes[2 * CMSG_SPACE(sizeof(uint32_t)) +
			      CMSG_SPACE(sizeof(struct af_alg_iv) + ALG_IV_MAX)];
	};
};

/* Where the LEN bytes of a message of TYPE go. */
static uint8_t *put(struct control *control, int type, size_t len)
{
	struct cmsghdr *header = (struct cmsghdr *)(void *)(control->bytes + control->used);
	uint8_t *data = CMSG_DATA(header);
	const uint64_t none = 0;

	header->cmsg_level = SOL_ALG;
	header->cmsg_type = type;
	header->cmsg_len = CMSG_LEN(len);
	control->used += CMSG_SPACE(len);
	/* What fills the message up is not of this stack. */
	memcpy(data + CMSG_ALIGN(len) - sizeof(none), &none, sizeof(none));
	return data;
}

static void put_number(struct control *control, int type, uint32_t number)
{
	memcpy(put(control, type, sizeof(number)), &number, sizeof(number));
}

static void put_iv(struct control *control, const struct alg_request *request)
{
	/* struct af_alg_iv: the length, and so many bytes. */
	uint8_t *iv = put(control, ALG_SET_IV, sizeof(request->iv_len) + request->iv_len);

	memcpy(iv, &request->iv_len, sizeof(request->iv_len));
	memcpy(iv + sizeof(request->iv_len), request->iv, request->iv_len);
}

/* 0 where all of TOTAL went, -errno, or SHORT_ERR. What did not fit into a request is not queued:
 * net.core.optmem_max limits the lists of pages, too. */
static int result(ssize_t went, size_t total, int short_err)
{
	if (went < 0)
		return -errno;
	return (size_t)went == total ? 0 : short_err;
}

int alg_send(int op, const struct alg_request *request, const struct iovec *iov, int count,
	     bool more)
{
	int flags = MSG_DONTWAIT | MSG_NOSIGNAL | (more ? MSG_MORE : 0);
	struct msghdr message;
	struct control control;
	size_t total = 0;

	/* It costs the kernel less: there is no header to be read. */
	if (!request && count == 1)
		return result(send(op, iov->iov_base, iov->iov_len, flags), iov->iov_len, -ENOBUFS);
	for (int i = 0; i < count; i++)
		total += iov[i].iov_len;
	message = (struct msghdr){.msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)count};
	if (request) {
		if (request->iv_len > ALG_IV_MAX)
			return -EINVAL;
		control.used = 0;
		/* Without ALG_SET_OP the kernel decrypts, so it is always there. */
		put_number(&control, ALG_SET_OP, request->direction);
		if (request->iv_len)
			put_iv(&control, request);
		if (request->aad_len)
			put_number(&control, ALG_SET_AEAD_ASSOCLEN, request->aad_len);
		message.msg_control = control.bytes;
		message.msg_controllen = control.used;
	}
	return result(sendmsg(op, &message, flags), total, -ENOBUFS);
}

int alg_recv(int op, const struct iovec *iov, int count, size_t expected)
{
	struct msghdr message;

	if (count == 1)
		return result(recv(op, iov->iov_base, iov->iov_len, MSG_DONTWAIT), expected, -EIO);
	message = (struct msghdr){.msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)count};
	return result(recvmsg(op, &message, MSG_DONTWAIT), expected, -EIO);
}
