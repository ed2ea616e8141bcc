/* SPDX-License-Identifier: BSD-2-Clause */
/* What kcryptokid answers, whatever it is asked. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker/answer.h"
#include "conf.h"
#include "fake-kernel.h"
#include "kernel/transform.h"
#include "key/serials.h"
#include "mech/mechanism.h"
#include "token/slot.h"

static const uint8_t payload[32] = "0123456789abcdef0123456789abcde";

static struct rules rules;
static struct config config;
static struct client client = {.mine = 1, .name = "pid 7, uid 1000"};
static union answer reply;
static int passed;

static const char text[] =
	"[allow backup]\nlabel = backup\nmechanisms = aes-cbc aes-gcm aes-cmac\n"
	"uid = 1000\n[allow other]\nlabel = other\nmechanisms = aes-cbc\nuid = 1\n";

static int setup(void **state)
{
	int err = conf_setup(state);

	conf_write(text, strlen(text));
	serials_forget();
	mechanisms_start(FAMILY_NONE);
	config_default(&config);
	return err || rules_read(&rules, conf_path) || slots_start(&config) != CKR_OK;
}

static int teardown(void **state)
{
	slots_stop();
	rules_free(&rules);
	if (fake_open_sockets())
		return -1;
	return conf_teardown(state);
}

static int32_t add(const char *type, const char *description, uint32_t perm)
{
	return fake_key_add(FAKE_USER_KEYRING, type, description, payload, 32, perm);
}

static struct broker_request request(enum broker_ask what, int32_t serial, const char *type,
				     const char *name)
{
	struct broker_request made = {.version = BROKER_VERSION, .ask = what, .serial = serial};

	strcpy(made.type, type);
	strcpy(made.name, name);
	return made;
}

/* The error of the answer, whose size must be SIZE without one. */
static int ask_it(const struct broker_request *asked, size_t size)
{
	memset(&reply, 0xee, sizeof(reply));
	size = answer(&rules, &client, asked, &reply, &passed) == size ? size : 0;
	assert_int_equal(reply.answer.version, BROKER_VERSION);
	if (reply.answer.error)
		assert_int_equal(passed, -1);
	else
		assert_int_not_equal(size, 0);
	return (int)reply.answer.error;
}

static int ask(enum broker_ask what, int32_t serial, size_t size)
{
	struct broker_request asked = request(what, serial, "", "");

	return ask_it(&asked, size);
}

static int open_it(int32_t serial, const char *type, const char *name, unsigned int tag_size)
{
	struct broker_request asked = request(BROKER_OPEN, serial, type, name);
	int err;

	asked.tag_size = tag_size;
	err = ask_it(&asked, sizeof(reply.answer));
	if (!err) {
		assert_true(passed >= 0);
		assert_int_equal(fake_open_sockets(), 1);
		close(passed);
	}
	assert_int_equal(fake_open_sockets(), 0);
	return err;
}

static void keys_that_a_rule_gives_are_listed(void **state)
{
	int32_t a = add("logon", "pkcs11:object=backup?x-key-type=aes", FAKE_PERM_CONSTANT);
	int32_t b = add("user", "pkcs11:object=backup?x-uid=2", FAKE_PERM);
	int32_t gone = add("logon", "pkcs11:object=backup?x-uid=3", FAKE_PERM);

	add("logon", "pkcs11:object=other", FAKE_PERM);
	add("logon", "backup:without-a-uri", FAKE_PERM);
	add("user", "kcryptoki:0123456789abcdef", FAKE_PERM);
	fake_key_revoke(gone);
	assert_int_equal(ask(BROKER_LIST, 0, sizeof(reply.list)), 0);
	assert_int_equal(reply.list.count, 2);
	assert_int_equal(reply.list.serials[0], a < b ? a : b);
	assert_int_equal(reply.list.serials[1], a < b ? b : a);
	assert_int_equal(ask(BROKER_LIST, a < b ? a : b, sizeof(reply.list)), 0);
	assert_int_equal(reply.list.count, 1);
	assert_int_equal(ask(BROKER_LIST, INT32_MAX, sizeof(reply.list)), 0);
	assert_int_equal(reply.list.count, 0);
	client.mine = 0;
	assert_int_equal(ask(BROKER_LIST, 0, sizeof(reply.list)), 0);
	assert_int_equal(reply.list.count, 0);
	client.mine = 1;

	assert_int_equal(ask(BROKER_DESCRIBE, a, sizeof(reply.key)), 0);
	assert_int_equal(reply.key.constant, 1);
	assert_int_equal(reply.key.length, 32);
	assert_string_equal(reply.key.type, "logon");
	assert_non_null(strstr(reply.key.description, "object=backup?x-key-type=aes"));
	assert_int_equal(ask(BROKER_DESCRIBE, b, sizeof(reply.key)), 0);
	assert_int_equal(reply.key.constant, 0);
}

/* A client knows serial numbers from others, or guesses them. */
static void other_keys_are_not_there(void **state)
{
	int32_t other = add("logon", "pkcs11:object=other?x-key-type=aes", FAKE_PERM);
	int32_t without = add("logon", "backup:without-a-uri", FAKE_PERM);
	int32_t elsewhere = fake_key_add(FAKE_SESSION_KEYRING, "logon", "pkcs11:object=no", payload,
					 32, FAKE_PERM);
	const int32_t serials[] = {other, without, elsewhere, 12345, -4, INT32_MIN};

	for (size_t i = 0; i < sizeof(serials) / sizeof(*serials); i++) {
		assert_int_equal(ask(BROKER_DESCRIBE, serials[i], 0), ENOKEY);
		assert_int_equal(ask(BROKER_CHECK, serials[i], 0), ENOKEY);
		assert_int_equal(open_it(serials[i], "skcipher", "cbc(aes)", 0), ENOKEY);
	}
}

static void sockets_are_opened_by_the_rules(void **state)
{
	int32_t key = add("logon", "pkcs11:object=backup?x-key-type=aes", FAKE_PERM_CONSTANT);

	/* A broker that was started since the client listed the keys. */
	assert_int_equal(ask(BROKER_CHECK, key, sizeof(reply.answer)), 0);
	assert_int_equal(open_it(key, "skcipher", "cbc(aes)", 0), 0);
	assert_int_equal(open_it(key, "hash", "cmac(aes)", 0), 0);
	assert_int_equal(open_it(key, "aead", "gcm(aes)", 16), 0);
	assert_int_equal(open_it(key, "aead", "gcm(aes)", 12), 0);
	assert_int_equal(open_it(key, "aead", "gcm(aes)", 0), EINVAL);
	assert_int_equal(open_it(key, "aead", "gcm(aes)", 17), EINVAL);
	assert_int_equal(open_it(key, "skcipher", "cbc(aes)", 16), EINVAL);
	assert_int_equal(open_it(key, "skcipher", "ctr(aes)", 0), EACCES);
	assert_int_equal(open_it(key, "hash", "cbc(aes)", 0), EACCES);
	assert_int_equal(open_it(key, "rng", "stdrng", 0), EACCES);
	assert_int_equal(open_it(0, "skcipher", "cbc(aes)", 0), 0);
	assert_int_equal(open_it(0, "skcipher", "ctr(aes)", 0), EACCES);
	fake_alg_hide("cbc(aes)", true);
	assert_int_equal(open_it(key, "skcipher", "cbc(aes)", 0), ENOENT);
	assert_int_equal(open_it(0, "skcipher", "cbc(aes)", 0), ENOENT);
	client.mine = 0;
	assert_int_equal(open_it(0, "hash", "cmac(aes)", 0), EACCES);
	assert_int_equal(open_it(key, "hash", "cmac(aes)", 0), ENOKEY);
	client.mine = 1;
}

/* Who only wants to know gets nothing, and the log no line of it. */
static void what_would_be_given_is_said(void **state)
{
	static const struct {
		const char *type, *name;
		int error;
	} cases[] = {{"skcipher", "cbc(aes)", 0},  {"hash", "cmac(aes)", 0},
		     {"hash", "cbc(aes)", EACCES}, {"skcipher", "ctr(aes)", EACCES},
		     {"skcipher", "", EINVAL},     {"rng", "stdrng", EACCES}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct broker_request asked =
			request(BROKER_OFFER, 0, cases[i].type, cases[i].name);

		assert_int_equal(ask_it(&asked, sizeof(reply.answer)), cases[i].error);
		assert_int_equal(passed, -1);
		assert_int_equal(fake_open_sockets(), 0);
	}
	fake_alg_hide("cbc(aes)", true);
	{
		struct broker_request asked = request(BROKER_OFFER, 0, "skcipher", "cbc(aes)");

		assert_int_equal(ask_it(&asked, 0), ENOENT);
	}
}

/* A line for each grant; and one for all that a client is refused. */
static void grants_and_refusals_are_logged(void **state)
{
	int32_t key = add("logon", "pkcs11:object=backup?x-key-type=aes", FAKE_PERM);
	struct broker_request asked = request(BROKER_OFFER, 0, "skcipher", "cbc(aes)");

	client.refused = false;
	conf_log_begin();
	ask_it(&asked, sizeof(reply.answer));
	open_it(key, "skcipher", "cbc(aes)", 0);
	open_it(0, "hash", "cmac(aes)", 0);
	open_it(key, "skcipher", "ctr(aes)", 0);
	open_it(0, "skcipher", "ctr(aes)", 0);
	open_it(123, "skcipher", "cbc(aes)", 0);
	conf_log_end();
	assert_int_equal(conf_log_lines(), 3);
	assert_non_null(strstr(conf_logged, "uid 1000 gets a socket of cbc(aes) with key"));
	assert_non_null(strstr(conf_logged, "by [allow backup]: it encrypts and decrypts"));
	assert_non_null(strstr(conf_logged, "uid 1000 gets cmac(aes) without a key, by [allow"));
	assert_non_null(strstr(conf_logged, "uid 1000 is refused ctr(aes), which no rule gives"));
}

/* A key may be linked to several keyrings, and is one all the same. */
static void a_key_is_listed_once(void **state)
{
	config.tokens[1].keyring = config.tokens[0].keyring;
	slots_stop();
	assert_int_equal(slots_start(&config), CKR_OK);
	add("logon", "pkcs11:object=backup?x-key-type=aes", FAKE_PERM);
	assert_int_equal(ask(BROKER_LIST, 0, sizeof(reply.list)), 0);
	assert_int_equal(reply.list.count, 1);
}

/* A list that is short for want of memory, say, would be taken as true. */
static void what_cannot_be_listed_is_an_error(void **state)
{
	add("logon", "pkcs11:object=backup?x-key-type=aes", FAKE_PERM);
	fake_fail("keyring_list", 1, -EIO);
	assert_int_equal(ask(BROKER_LIST, 0, 0), EIO);
	assert_int_equal(ask(BROKER_LIST, 0, sizeof(reply.list)), 0);
	assert_int_equal(reply.list.count, 1);
}

/* The kernel is asked for no name that no rule has: that could load a module. */
static void names_that_no_rule_has_do_not_reach_the_kernel(void **state)
{
	fake_calls_forget();
	open_it(0, "skcipher", "ctr(aes)", 0);
	open_it(0, "skcipher", "made-up", 0);
	assert_int_equal(fake_calls("alg_bind"), 0);
}

static void revoked_keys_are_refused(void **state)
{
	int32_t key = add("logon", "pkcs11:object=backup?x-key-type=aes", FAKE_PERM);

	assert_int_equal(ask(BROKER_CHECK, key, sizeof(reply.answer)), 0);
	fake_key_revoke(key);
	assert_int_equal(ask(BROKER_CHECK, key, 0), EKEYREVOKED);
	assert_int_equal(open_it(key, "skcipher", "cbc(aes)", 0), EKEYREVOKED);
	fake_key_unlink(key);
	assert_int_equal(open_it(key, "skcipher", "cbc(aes)", 0), ENOKEY);
}

static void what_is_no_request_is_refused(void **state)
{
	struct broker_request asked = request(BROKER_LIST, 0, "", "");

	asked.version = BROKER_VERSION + 1;
	assert_int_equal(ask_it(&asked, 0), EPROTONOSUPPORT);
	for (uint32_t what = 0; what < 300; what += what == 0 ? BROKER_OFFER + 1 : 1) {
		asked = request(what, 0, "", "");
		assert_int_equal(ask_it(&asked, 0), EPROTONOSUPPORT);
	}
	asked = request(BROKER_OPEN, 0, "skcipher", "");
	assert_int_equal(ask_it(&asked, 0), EINVAL);
	asked = request(BROKER_OPEN, 0, "", "cbc(aes)");
	assert_int_equal(ask_it(&asked, 0), EINVAL);
	memset(asked.type, 'x', sizeof(asked.type));
	assert_int_equal(ask_it(&asked, 0), EINVAL);
	asked = request(BROKER_OPEN, 0, "skcipher", "cbc(aes)");
	memset(asked.name, 'x', sizeof(asked.name));
	assert_int_equal(ask_it(&asked, 0), EINVAL);
	asked = request(BROKER_OPEN, 0, "skcipher", "cbc(aes)");
	asked.name[sizeof(asked.name) - 1] = 'x';
	assert_int_equal(ask_it(&asked, 0), EINVAL);
}

static void watch(const void *key, size_t len)
{
	fail_msg("%zu bytes of a key came here", len);
}

/* Before Linux 6.2 they could only be read. */
static void key_bytes_never_come_here(void **state)
{
	int32_t key = add("user", "pkcs11:object=backup?x-key-type=aes", FAKE_PERM);

	fake_watch_keys(watch);
	assert_int_equal(open_it(key, "skcipher", "cbc(aes)", 0), 0);
	fake_serials(false);
	serials_forget();
	slots_stop();
	assert_int_equal(slots_start(&config), CKR_OK);
	assert_int_equal(ask(BROKER_LIST, 0, sizeof(reply.list)), 0);
	assert_int_equal(reply.list.count, 0);
	assert_int_equal(open_it(key, "skcipher", "cbc(aes)", 0), ENOKEY);
	assert_int_equal(open_it(0, "skcipher", "cbc(aes)", 0), 0);
}

static void many_keys_come_in_parts(void **state)
{
	char description[64];
	int32_t above = 0;
	size_t seen = 0;

	for (int i = 0; i < BROKER_SERIALS + 5; i++) {
		snprintf(description, sizeof(description), "pkcs11:object=backup?x-uid=%x", i);
		add("logon", description, FAKE_PERM);
	}
	do {
		assert_int_equal(ask(BROKER_LIST, above, sizeof(reply.list)), 0);
		for (uint32_t i = 0; i < reply.list.count; i++) {
			assert_true(reply.list.serials[i] > above);
			above = reply.list.serials[i];
		}
		seen += reply.list.count;
	} while (reply.list.count == BROKER_SERIALS);
	assert_int_equal(seen, BROKER_SERIALS + 5);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(keys_that_a_rule_gives_are_listed),
		TEST(other_keys_are_not_there),
		TEST(sockets_are_opened_by_the_rules),
		TEST(what_would_be_given_is_said),
		TEST(grants_and_refusals_are_logged),
		TEST(a_key_is_listed_once),
		TEST(what_cannot_be_listed_is_an_error),
		TEST(names_that_no_rule_has_do_not_reach_the_kernel),
		TEST(revoked_keys_are_refused),
		TEST(what_is_no_request_is_refused),
		TEST(key_bytes_never_come_here),
		TEST(many_keys_come_in_parts),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
