/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AF_ALG with nothing above it: the fewest system calls there are, on sockets that are kept
 * (linux/Documentation/crypto/userspace-if.rst). "raw-checked" asks before each operation whether
 * the key may still be used; "raw-armed" opens and arms its sockets anew for each.
 */
#include <errno.h>
#include <keyutils.h>
#include <linux/if_alg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "engine.h"

#ifndef ALG_SET_KEY_BY_KEY_SERIAL
#define ALG_SET_KEY_BY_KEY_SERIAL 7
#endif

enum { RANDOM_MAX = 128 };

/* As long as a token's: the kernel compares descriptions when it is asked for a key. */
#define RAW_KEY "pkcs11:object=kcryptoki-bench-%u?x-key-type=aes&x-uid=0123456789abcdef"

enum manner { KEPT, CHECKED, ARMED };

struct raw {
	struct job job;
	enum manner manner;
	struct sockaddr_alg address;
	key_serial_t key;
	int transform, op;
	const uint8_t *message;
	/* ALG_SET_OP, ALG_SET_IV and ALG_SET_AEAD_ASSOCLEN, made once. */
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(4) + CMSG_SPACE(sizeof(struct af_alg_iv) + IV_MAX) +
			   CMSG_SPACE(4)];
	} control;
	size_t control_len;
};

static void *add(struct raw *raw, int type, size_t len)
{
	struct cmsghdr *header = (struct cmsghdr *)(raw->control.bytes + raw->control_len);

	header->cmsg_level = SOL_ALG;
	header->cmsg_type = type;
	header->cmsg_len = CMSG_LEN(len);
	raw->control_len += CMSG_SPACE(len);
	return CMSG_DATA(header);
}

static void make_control(struct raw *raw)
{
	const struct subject *subject = raw->job.subject;
	const uint32_t encrypt = ALG_OP_ENCRYPT, none = 0, len = (uint32_t)subject->iv;
	uint8_t *iv;

	if (subject->kind != ENCRYPT && subject->kind != SEAL)
		return;
	memcpy(add(raw, ALG_SET_OP, 4), &encrypt, 4);
	iv = add(raw, ALG_SET_IV, sizeof(struct af_alg_iv) + len);
	memcpy(iv, &len, 4);
	memcpy(iv + 4, bench_iv, len);
	if (subject->kind == SEAL)
		memcpy(add(raw, ALG_SET_AEAD_ASSOCLEN, 4), &none, 4);
}

/* As the kernel wants it for the whole of a message in one request. */
static void make_room(const struct raw *raw)
{
	int room = (int)(2 * (job_result(&raw->job) + 65536));

	if (job_result(&raw->job) > 65536) {
		setsockopt(raw->op, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
		setsockopt(raw->op, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	}
}

static int arm(struct raw *raw)
{
	const struct subject *subject = raw->job.subject;
	int err = 0;

	raw->transform = socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (raw->transform < 0 ||
	    bind(raw->transform, (struct sockaddr *)&raw->address, sizeof(raw->address)) < 0)
		return engine_fail("%s: %s", subject->algorithm, strerror(errno));
	if (subject->kind == RANDOM)
		err = setsockopt(raw->transform, SOL_ALG, ALG_SET_KEY, NULL, 0);
	else if (subject->kind != DIGEST)
		err = setsockopt(raw->transform, SOL_ALG, ALG_SET_KEY_BY_KEY_SERIAL, &raw->key,
				 sizeof(raw->key));
	if (err)
		return engine_fail("the key of %s: %s", subject->algorithm, strerror(errno));
	raw->op = accept4(raw->transform, NULL, NULL, SOCK_CLOEXEC);
	if (raw->op < 0)
		return engine_fail("accept: %s", strerror(errno));
	make_room(raw);
	return 0;
}

static void disarm(struct raw *raw)
{
	if (raw->op >= 0)
		close(raw->op);
	if (raw->transform >= 0)
		close(raw->transform);
	raw->op = raw->transform = -1;
}

static void shut(void *opened)
{
	struct raw *raw = opened;

	disarm(raw);
	if (raw->key > 0)
		keyctl_unlink(raw->key, KEY_SPEC_USER_KEYRING);
	free(raw);
}

static void *open_raw(enum manner manner, const struct job *job, const uint8_t *message)
{
	const struct subject *subject = job->subject;
	struct raw *raw = calloc(1, sizeof(*raw));
	static atomic_uint last;
	char name[96];

	snprintf(name, sizeof(name), RAW_KEY, ++last);
	if (!raw || !subject->type) {
		engine_fail("only a token does that");
		free(raw);
		return NULL;
	}
	*raw = (struct raw){.job = *job,
			    .manner = manner,
			    .message = message,
			    .transform = -1,
			    .op = -1,
			    .address = {.salg_family = AF_ALG}};
	strcpy((char *)raw->address.salg_type, subject->type);
	strcpy((char *)raw->address.salg_name, subject->algorithm);
	make_control(raw);
	if (subject->kind == RANDOM || subject->kind == DIGEST) {
		if (manner != KEPT) {
			engine_fail("there is no key");
			free(raw);
			return NULL;
		}
	} else {
		raw->key = add_key("logon", name, bench_key, KEY_SIZE, KEY_SPEC_USER_KEYRING);
		/* As a token's keys lie: whoever possesses the keyring may use them. */
		keyctl_link(KEY_SPEC_USER_KEYRING, KEY_SPEC_PROCESS_KEYRING);
	}
	if (raw->key < 0)
		engine_fail("add_key: %s", strerror(errno));
	if (raw->key < 0 || (manner != ARMED && arm(raw) != 0)) {
		shut(raw);
		return NULL;
	}
	return raw;
}

static int hear(const struct raw *raw, uint8_t *out, size_t len)
{
	ssize_t came = recv(raw->op, out, len, MSG_DONTWAIT);

	return came == (ssize_t)len ? 0 : engine_fail("recv: %zd, %s", came, strerror(errno));
}

static int tell(const struct raw *raw, size_t at, size_t len, bool first, bool more)
{
	struct iovec iov = {(void *)(uintptr_t)(raw->message + at), len};
	struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t went;

	if (first && raw->control_len) {
		header.msg_control = (void *)(uintptr_t)raw->control.bytes;
		header.msg_controllen = raw->control_len;
	}
	went = sendmsg(raw->op, &header, MSG_DONTWAIT | (more ? MSG_MORE : 0));
	return went == (ssize_t)len ? 0 : engine_fail("sendmsg: %zd, %s", went, strerror(errno));
}

static int draw(const struct raw *raw, uint8_t *out)
{
	for (size_t at = 0; at < raw->job.size; at += RANDOM_MAX) {
		size_t left = raw->job.size - at;

		if (hear(raw, out + at, left < RANDOM_MAX ? left : RANDOM_MAX) != 0)
			return -1;
	}
	return 0;
}

/* A cipher gives out what came of each part; all others the whole at the end. */
static int work(const struct raw *raw, uint8_t *out)
{
	bool whole = raw->job.way != IN_PARTS;
	bool streams = raw->job.subject->kind == ENCRYPT;

	if (raw->job.subject->kind == RANDOM)
		return draw(raw, out);
	if (whole)
		return tell(raw, 0, raw->job.size, true, false) != 0
			       ? -1
			       : hear(raw, out, job_result(&raw->job));
	for (unsigned int i = 0; i < PARTS; i++) {
		size_t at, len;

		job_part(&raw->job, i, &at, &len);
		if (tell(raw, at, len, i == 0, i < PARTS - 1) != 0 ||
		    (streams && hear(raw, out + at, len) != 0))
			return -1;
	}
	return streams ? 0 : hear(raw, out, job_result(&raw->job));
}

static int once(void *opened, uint8_t *out)
{
	struct raw *raw = opened;
	int err;

	if (raw->manner == CHECKED && keyctl_get_keyring_ID(raw->key, 0) != raw->key)
		return engine_fail("keyctl: %s", strerror(errno));
	if (raw->manner != ARMED)
		return work(raw, out);
	err = arm(raw) != 0 ? -1 : work(raw, out);
	disarm(raw);
	return err;
}

static void *open_kept(struct engine *engine, const struct job *job, const uint8_t *message)
{
	(void)engine;
	return open_raw(KEPT, job, message);
}

static void *open_checked(struct engine *engine, const struct job *job, const uint8_t *message)
{
	(void)engine;
	return open_raw(CHECKED, job, message);
}

static void *open_armed(struct engine *engine, const struct job *job, const uint8_t *message)
{
	(void)engine;
	return open_raw(ARMED, job, message);
}

const struct engine raw_engine = {"raw", NULL, NULL, open_kept, once, shut, NULL};
const struct engine raw_checked_engine = {"raw-checked", NULL, NULL, open_checked,
					  once,          shut, NULL};
const struct engine raw_armed_engine = {"raw-armed", NULL, NULL, open_armed, once, shut, NULL};
