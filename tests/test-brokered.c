/* SPDX-License-Identifier: BSD-2-Clause */
/* The module's end of a connection to a broker, at whose other end a thread of ours answers. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake-kernel.h"
#include "kernel/broker.h"
#include "key/key.h"

/* What the broker does with the next request. */
enum deed {
	ANSWER,          /* as the request wants it */
	REFUSE,          /* ERROR */
	HANG_UP,         /* without an answer */
	TOO_SHORT,       /* half of how an answer begins */
	TOO_LONG,        /* an answer and a byte */
	ONLY_BEGUN,      /* no error, and no more than how an answer begins */
	NEWER,           /* of another version */
	NO_SOCKET,       /* of AF_ALG: a pipe's end */
	NOTHING_WITH_IT, /* no descriptor */
	UNASKED,         /* a descriptor that was not asked for */
	UNENDED,         /* a description without an end */
	TOO_MANY,        /* more serial numbers than there is room for */
	LEAVE,           /* after the answer */
	AGAIN_AND_AGAIN, /* the same full part of a list, for ever */
};

static struct {
	char path[108];
	int listener;
	pthread_t thread;
	enum deed deed;
	uint32_t error;
	unsigned int connections, requests;
	int32_t serials[8];
	uint32_t n_serials;
	struct broker_request last;
} there;

static struct broker *broker;

/* alg_is() of the fake kernel knows its sockets by the number: this one is of the test's. */
int __wrap_alg_is(int fd);
int __wrap_alg_is(int fd)
{
	int type;
	socklen_t len = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0;
}

static void send_all(int fd, const void *bytes, size_t size, int with)
{
	struct iovec part = {.iov_base = (void *)bytes, .iov_len = size};
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(sizeof(int))];
	} control = {.bytes = {0}};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	if (with >= 0) {
		struct cmsghdr *header = &control.align;

		message.msg_control = control.bytes;
		message.msg_controllen = sizeof(control.bytes);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(with));
		memcpy(CMSG_DATA(header), &with, sizeof(with));
	}
	sendmsg(fd, &message, MSG_NOSIGNAL);
}

/* An answer without an error; its size. */
static size_t fill(const struct broker_request *asked, void *to)
{
	struct broker_list *list = to;
	struct broker_key *key = to;

	switch (asked->ask) {
	case BROKER_LIST:
		for (uint32_t i = 0; i < there.n_serials; i++)
			if (there.serials[i] > asked->serial)
				list->serials[list->count++] = there.serials[i];
		if (there.deed == TOO_MANY)
			list->count = BROKER_SERIALS + 1;
		if (there.deed == AGAIN_AND_AGAIN)
			list->count = BROKER_SERIALS;
		return sizeof(*list);
	case BROKER_DESCRIBE:
		*key = (struct broker_key){.constant = 1, .length = 32, .type = "logon"};
		strcpy(key->description, "pkcs11:object=x");
		if (there.deed == UNENDED) {
			memset(key->description, 'x', sizeof(key->description));
			memset(key->type, 'x', sizeof(key->type));
		}
		return sizeof(*key);
	default:
		return sizeof(struct broker_answer);
	}
}

static void reply(int fd, const struct broker_request *asked)
{
	static union {
		struct broker_answer answer;
		struct broker_list list;
		struct broker_key key;
		uint8_t bytes[8192];
	} to;
	int ends[2] = {-1, -1}, with = -1;
	size_t size;

	memset(&to, 0, sizeof(to));
	size = fill(asked, &to);
	to.answer = (struct broker_answer){.version = BROKER_VERSION};
	if (asked->ask == BROKER_OPEN || there.deed == UNASKED)
		with = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (there.deed == NO_SOCKET && !pipe(ends)) {
		close(with);
		with = ends[0];
	}
	if (there.deed == NOTHING_WITH_IT || there.deed == REFUSE) {
		close(with);
		with = -1;
	}
	if (there.deed == REFUSE) {
		to.answer.error = there.error;
		size = sizeof(to.answer);
	} else if (there.deed == NEWER) {
		to.answer.version++;
		size += 100;
	} else if (there.deed == TOO_SHORT || there.deed == ONLY_BEGUN) {
		size = sizeof(to.answer) / (there.deed == TOO_SHORT ? 2 : 1);
	} else if (there.deed == TOO_LONG) {
		size++;
	}
	send_all(fd, &to, size, with);
	if (with >= 0)
		close(with);
	if (ends[1] >= 0)
		close(ends[1]);
}

static void *serve(void *unused)
{
	for (;;) {
		int fd = accept(there.listener, NULL, NULL);

		if (fd < 0)
			return NULL;
		there.connections++;
		while (recv(fd, &there.last, sizeof(there.last), 0) == sizeof(there.last)) {
			/* Once it is answered, the test may want something else. */
			enum deed deed = there.deed;

			there.requests++;
			if (deed == HANG_UP)
				break;
			reply(fd, &there.last);
			if (deed == LEAVE)
				break;
		}
		close(fd);
	}
}

static void begin(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	there.listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	strcpy(address.sun_path, there.path);
	assert_int_equal(bind(there.listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(there.listener, 8), 0);
	assert_int_equal(pthread_create(&there.thread, NULL, serve, NULL), 0);
}

/* The broker goes, and its connections with it. */
static void end(void)
{
	shutdown(there.listener, SHUT_RDWR);
	there.deed = HANG_UP;
	if (broker)
		broker_check(broker, 1);
	transform_purge(0);
	pthread_join(there.thread, NULL);
	close(there.listener);
	unlink(there.path);
	there.deed = ANSWER;
}

static int setup(void **state)
{
	fake_reset();
	memset(&there, 0, sizeof(there));
	snprintf(there.path, sizeof(there.path), "/tmp/kcryptoki-broker-%ld", (long)getpid());
	assert_null(broker_add(there.path));
	begin();
	broker = broker_add(there.path);
	return broker ? 0 : -1;
}

static size_t descriptors(void)
{
	size_t n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += !lseek(fd, 0, SEEK_CUR) || errno != EBADF;
	return n;
}

/* The thread closes what it has open in its own time. */
static void must_be_open(size_t count)
{
	for (int i = 0; i < 2000 && descriptors() != count; i++)
		usleep(1000);
	assert_int_equal(descriptors(), count);
}

static int teardown(void **state)
{
	end();
	brokers_forget();
	return 0;
}

static const struct transform cbc = {.type = "skcipher", .name = "cbc(aes)"};

static void requests_say_what_is_wanted(void **state)
{
	const struct transform gcm = {.type = "aead", .name = "gcm(aes)", .tag_size = 12};
	struct broker_key key;
	int32_t *list;
	int fd;

	there.serials[there.n_serials++] = 5;
	there.serials[there.n_serials++] = 9;
	assert_int_equal(broker_list(broker, &list), 2);
	assert_int_equal(list[0], 5);
	assert_int_equal(list[1], 9);
	free(list);
	assert_int_equal(broker_describe(broker, 9, &key), 0);
	assert_int_equal(there.last.serial, 9);
	assert_string_equal(key.description, "pkcs11:object=x");
	assert_int_equal(broker_check(broker, 7), 0);
	assert_int_equal(there.last.ask, BROKER_CHECK);
	assert_int_equal(there.last.serial, 7);
	assert_int_equal(broker_open(broker, 8, &gcm, &fd), 0);
	assert_int_equal(there.last.version, BROKER_VERSION);
	assert_int_equal(there.last.serial, 8);
	assert_int_equal(there.last.tag_size, 12);
	assert_string_equal(there.last.type, "aead");
	assert_string_equal(there.last.name, "gcm(aes)");
	close(fd);
	/* By one connection. */
	assert_int_equal(there.connections, 1);
}

static void errors_are_the_brokers(void **state)
{
	struct broker_key key;
	int32_t *list;
	int fd;

	there.deed = REFUSE;
	there.error = EKEYREVOKED;
	assert_int_equal(broker_check(broker, 7), -EKEYREVOKED);
	assert_int_equal(broker_list(broker, &list), -EKEYREVOKED);
	assert_null(list);
	assert_int_equal(broker_describe(broker, 7, &key), -EKEYREVOKED);
	assert_int_equal(broker_open(broker, 7, &cbc, &fd), -EKEYREVOKED);
	there.error = 0x80000000U;
	assert_int_equal(broker_check(broker, 7), -EPROTO);
	assert_int_equal(there.connections, 1);
}

/* Nothing is believed, and nothing is left open. */
static void answers_that_are_none_are_refused(void **state)
{
	static const enum deed deeds[] = {TOO_SHORT, TOO_LONG,        ONLY_BEGUN, NEWER,
					  NO_SOCKET, NOTHING_WITH_IT, HANG_UP};
	struct broker_key key;
	size_t before;
	int32_t *list;
	int fd;

	before = descriptors();
	for (size_t i = 0; i < sizeof(deeds) / sizeof(*deeds); i++) {
		bool alone = deeds[i] == NO_SOCKET || deeds[i] == NOTHING_WITH_IT;
		int wanted = deeds[i] == NEWER     ? -EPROTONOSUPPORT
			     : deeds[i] == HANG_UP ? -EHOSTDOWN
						   : -EPROTO;

		there.deed = deeds[i];
		/* These answers are no longer than their beginning. */
		if (deeds[i] != ONLY_BEGUN)
			assert_int_equal(broker_open(broker, 7, &cbc, &fd), wanted);
		if (!alone && deeds[i] != ONLY_BEGUN)
			assert_int_equal(broker_check(broker, 7), wanted);
		if (!alone) {
			assert_int_equal(broker_list(broker, &list), wanted);
			assert_int_equal(broker_describe(broker, 7, &key), wanted);
		}
		transform_purge(0);
		must_be_open(before);
	}
	there.deed = ANSWER;
	assert_int_equal(broker_check(broker, 7), 0);
}

static void lists_end(void **state)
{
	int32_t *list;

	there.deed = TOO_MANY;
	assert_int_equal(broker_list(broker, &list), -EPROTO);
	there.deed = AGAIN_AND_AGAIN;
	there.requests = 0;
	assert_int_equal(broker_list(broker, &list), -EPROTO);
	assert_true(there.requests <= 2);
}

static void descriptors_that_nobody_asked_for_are_closed(void **state)
{
	struct broker_key key;
	size_t before;
	int32_t *list;

	before = descriptors();
	there.deed = UNASKED;
	assert_int_equal(broker_check(broker, 7), 0);
	assert_int_equal(broker_list(broker, &list), 0);
	free(list);
	assert_int_equal(broker_describe(broker, 7, &key), 0);
	transform_purge(0);
	must_be_open(before);
}

static void texts_end(void **state)
{
	struct broker_key key;
	struct key *made;

	there.deed = UNENDED;
	assert_int_equal(broker_describe(broker, 7, &key), 0);
	assert_int_equal(strlen(key.description), sizeof(key.description) - 1);
	assert_int_equal(strlen(key.type), sizeof(key.type) - 1);
	assert_int_equal(key_open_brokered(broker, 7, &made), -EOPNOTSUPP);
}

/* A broker that was started anew costs nobody anything; one that is gone is an error, and no more.
 */
static void a_broker_may_go_and_come(void **state)
{
	assert_int_equal(broker_check(broker, 7), 0);
	end();
	assert_int_equal(broker_check(broker, 7), -EHOSTDOWN);
	begin();
	assert_int_equal(broker_check(broker, 7), 0);
	assert_int_equal(there.connections, 2);
	/* It has no room for connections that lie idle. */
	there.deed = LEAVE;
	assert_int_equal(broker_check(broker, 7), 0);
	assert_int_equal(broker_check(broker, 7), 0);
	assert_int_equal(there.connections, 3);
}

/* What this process may use itself it does not ask others for. */
static void what_is_near_is_used_directly(void **state)
{
	static const uint8_t payload[32];
	int32_t serial = fake_key_add(FAKE_USER_KEYRING, "logon", "pkcs11:object=x", payload, 32,
				      FAKE_PERM_CONSTANT);
	struct op_socket *socket;
	struct transform transform = cbc;
	struct key *key;

	assert_int_equal(key_open_brokered(broker, serial, &key), 0);
	assert_true(key->near);
	transform.key = &key->transform_key;
	there.requests = 0;
	assert_int_equal(transform_take(&transform, &socket), 0);
	transform_give(socket, true);
	assert_int_equal(key_check(key), 0);
	assert_int_equal(there.requests, 0);
	/* Here the key is gone; the broker may know better. */
	fake_key_unlink(serial);
	assert_int_equal(key_check(key), 0);
	assert_int_equal(there.requests, 1);
	key_free(key);
	assert_int_equal(fake_open_sockets(), 0);

	assert_int_equal(key_open_brokered(broker, 99, &key), 0);
	assert_false(key->near);
	assert_int_equal(key->length, 32);
	assert_int_equal(key_length(key), 32);
	transform.key = &key->transform_key;
	there.requests = 0;
	fake_calls_forget();
	assert_int_equal(transform_take(&transform, &socket), 0);
	transform_give(socket, true);
	assert_int_equal(there.last.ask, BROKER_OPEN);
	/* Kept, and asked for again. */
	assert_int_equal(transform_take(&transform, &socket), 0);
	transform_give(socket, true);
	assert_int_equal(there.last.ask, BROKER_CHECK);
	assert_int_equal(fake_calls("alg_bind"), 0);
	there.deed = REFUSE;
	there.error = EKEYEXPIRED;
	assert_int_equal(transform_take(&transform, &socket), -EKEYEXPIRED);
	assert_int_equal(transform_sockets(), 1); /* the connection */
	key_free(key);
}

static void what_may_not_be_bound_is_asked_for(void **state)
{
	static const int errors[] = {-ENOENT, -EPERM, -EACCES, -EAFNOSUPPORT};
	int fd = transform_bind("skcipher", "cbc(aes)");

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(there.requests, 0);
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		fake_fail("alg_bind", 1, errors[i]);
		there.deed = ANSWER;
		fd = transform_bind("skcipher", "cbc(aes)");
		assert_true(fd >= 0);
		close(fd);
		there.deed = REFUSE;
		there.error = EACCES;
		fake_fail("alg_bind", 1, errors[i]);
		assert_int_equal(transform_bind("skcipher", "cbc(aes)"), -ENOENT);
		there.error = EIO;
		fake_fail("alg_bind", 1, errors[i]);
		assert_int_equal(transform_bind("skcipher", "cbc(aes)"), -EHOSTDOWN);
		fake_fail("alg_bind", 1, errors[i]);
		assert_int_equal(transform_bind("rng", "stdrng"), -ENOENT);

		/* Whether it would be bound, without a socket. */
		there.deed = ANSWER;
		fake_fail("alg_bind", 1, errors[i]);
		assert_int_equal(transform_may_bind("skcipher", "cbc(aes)"), 0);
		assert_int_equal(there.last.ask, BROKER_OFFER);
		there.deed = REFUSE;
		fake_fail("alg_bind", 1, errors[i]);
		assert_int_equal(transform_may_bind("skcipher", "cbc(aes)"), -EHOSTDOWN);
	}
	assert_int_equal(transform_may_bind("skcipher", "cbc(aes)"), 0);
	assert_int_equal(fake_open_sockets(), 0);
	there.requests = 0;
	fake_fail("alg_bind", 1, -EMFILE);
	assert_int_equal(transform_bind("skcipher", "cbc(aes)"), -EMFILE);
	assert_int_equal(there.requests, 0);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(requests_say_what_is_wanted),
		TEST(errors_are_the_brokers),
		TEST(answers_that_are_none_are_refused),
		TEST(lists_end),
		TEST(descriptors_that_nobody_asked_for_are_closed),
		TEST(texts_end),
		TEST(a_broker_may_go_and_come),
		TEST(what_is_near_is_used_directly),
		TEST(what_may_not_be_bound_is_asked_for),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
