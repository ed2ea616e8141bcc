/* SPDX-License-Identifier: BSD-2-Clause */
/* What clients send to kcryptokid, over keys that come, change and go: each answer is whole, brings
 * a socket only where the rules say so, and leaves nothing open. */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "broker/answer.h"
#include "fake-kernel.h"
#include "input.h"
#include "kernel/transform.h"
#include "key/serials.h"
#include "mech/mechanism.h"
#include "token/slot.h"

static const char text[] =
	"[allow backup]\nlabel = backup\nmechanisms = aes-cbc aes-gcm\nuid = 1\n"
	"[allow mac]\ntype = logon\ndescription = *mac*\nmechanisms = sha256-hmac\nuid = 1\n"
	"[allow sums]\nmechanisms = sha256\nuid = 1\n";

/* Keys that there may be, and the algorithms that the rules give with each. */
static const struct {
	const char *type, *description, *given[2];
} keys[] = {
	{"logon", "pkcs11:object=backup?x-key-type=aes", {"cbc(aes)", "gcm(aes)"}},
	{"user", "pkcs11:object=backup?x-key-type=aes&x-uid=1", {"cbc(aes)", "gcm(aes)"}},
	{"logon", "pkcs11:object=backup?x-key-type=aes&x-mechanisms=aes-gcm", {"gcm(aes)", NULL}},
	{"logon", "pkcs11:object=backup?x-key-type=aes&x-usage=encrypt", {NULL, NULL}},
	{"logon", "pkcs11:object=mac?x-key-type=generic-secret", {"hmac(sha256)", NULL}},
	{"user", "pkcs11:object=mac?x-key-type=generic-secret", {NULL, NULL}},
	{"logon", "pkcs11:object=other", {NULL, NULL}},
	{"user", "kcryptoki:0123456789abcdef", {NULL, NULL}},
	{"logon", "mac:but-no-uri", {NULL, NULL}},
};
enum { KEYS = sizeof(keys) / sizeof(*keys) };

static const char *const bare[] = {"cbc(aes)", "gcm(aes)", "hmac(sha256)", "sha256"};

static const struct {
	const char *type, *name;
} algorithms[] = {
	{"skcipher", "cbc(aes)"}, {"skcipher", "ctr(aes)"}, {"aead", "gcm(aes)"},
	{"hash", "hmac(sha256)"}, {"hash", "sha256"},       {"hash", "cbc(aes)"},
	{"rng", "stdrng"},        {"skcipher", "cbc(aes"},
};

static int32_t serials[KEYS];
static struct rules rules;
static struct config config;

static void begin(void)
{
	int fd = memfd_create("rules", 0);
	char path[64];

	MUST(fd >= 0 && write(fd, text, sizeof(text) - 1) == sizeof(text) - 1);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	fake_reset();
	serials_forget();
	mechanisms_start(FAMILY_NONE);
	MUST(rules_read(&rules, path) == 0 && rules.count == 3);
	config_default(&config);
	config.n_tokens = 1;
	MUST(slots_start(&config) == CKR_OK);
	memset(serials, 0, sizeof(serials));
	close(fd);
}

static void end(void)
{
	slots_stop();
	config_free(&config);
	rules_free(&rules);
	transform_purge(0);
	MUST(fake_open_sockets() == 0);
}

static void change_a_key(struct input *input)
{
	static const uint8_t payload[32];
	size_t which = input_byte(input) % KEYS;
	uint32_t perm = input_byte(input) % 2 ? FAKE_PERM : FAKE_PERM_CONSTANT;
	uint8_t how = input_byte(input) % 4;

	if (!serials[which])
		serials[which] = fake_key_add(FAKE_USER_KEYRING, keys[which].type,
					      keys[which].description, payload, 32, perm);
	else if (how == 0)
		fake_key_revoke(serials[which]);
	else if (how == 1)
		fake_key_expire(serials[which]);
	else if (how == 2)
		fake_key_set_perm(serials[which], perm);
	else {
		fake_key_unlink(serials[which]);
		serials[which] = 0;
	}
}

static void fill(char *field, size_t size, const char *word, struct input *input)
{
	size_t len = strlen(word);
	uint8_t spoil = input_byte(input);

	memset(field, 0, size);
	memcpy(field, word, len < size ? len : size);
	if (spoil >= 250) {
		uint8_t byte = input_byte(input);

		memset(field, byte, size);
	}
}

static struct broker_request make(struct input *input)
{
	struct broker_request request = {.version = BROKER_VERSION};
	uint8_t kind = input_byte(input), which = input_byte(input);

	request.ask = kind < 250 ? 1 + kind % 5U : kind;
	if (kind == 249)
		request.version = which;
	request.serial = which < 200   ? serials[which % KEYS]
			 : which < 240 ? which - 220
				       : (int32_t)input_number(input);
	which = input_byte(input) % (sizeof(algorithms) / sizeof(*algorithms));
	fill(request.type, sizeof(request.type), algorithms[which].type, input);
	fill(request.name, sizeof(request.name), algorithms[which].name, input);
	which = input_byte(input);
	request.tag_size = !strcmp(request.type, "aead") && which < 200 ? 12 + which % 6U : which;
	if (strcmp(request.type, "aead") != 0 && which < 240)
		request.tag_size = 0;
	return request;
}

static bool is_given(const struct broker_request *request, uint64_t mine)
{
	if (!request->serial) {
		for (size_t i = 0; i < sizeof(bare) / sizeof(*bare); i++)
			if (!strcmp(bare[i], request->name))
				return mine;
		return false;
	}
	for (size_t i = 0; i < KEYS; i++)
		if (serials[i] == request->serial)
			for (size_t k = 0; k < 2; k++)
				if (keys[i].given[k] && !strcmp(keys[i].given[k], request->name))
					return mine;
	return false;
}

static void check(const struct broker_request *request, const struct client *client,
		  const union answer *reply, size_t size, int fd)
{
	bool opened = request->ask == BROKER_OPEN && !reply->answer.error;

	MUST(reply->answer.version == BROKER_VERSION);
	MUST(opened == (fd >= 0));
	if (reply->answer.error) {
		MUST(size == sizeof(reply->answer));
	} else if (request->ask == BROKER_LIST) {
		MUST(size == sizeof(reply->list) && reply->list.count <= KEYS);
		MUST(client->mine || !reply->list.count);
	} else if (request->ask == BROKER_DESCRIBE) {
		MUST(size == sizeof(reply->key) && client->mine);
		MUST(memchr(reply->key.description, '\0', sizeof(reply->key.description)));
	} else if (request->ask == BROKER_CHECK) {
		MUST(size == sizeof(reply->answer) && client->mine);
	} else {
		struct broker_request asked = *request;

		/* An offer is of no key. */
		if (request->ask == BROKER_OFFER)
			asked.serial = 0;
		MUST(size == sizeof(reply->answer) && is_given(&asked, client->mine));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static union answer reply;
	struct input input = {data, size};
	struct client client = {.name = "pid 1"};

	begin();
	while (input.left) {
		uint8_t what = input_byte(&input);
		struct broker_request request;
		size_t length;
		int fd;

		if (what < 60) {
			change_a_key(&input);
			continue;
		}
		if (what < 70)
			fake_fail(what % 2 ? "alg_bind" : "key_usable", 1 + what % 3U, -ENOMEM);
		client.mine = what % 16 ? 7 : 0;
		request = make(&input);
		memset(&reply, 0xee, sizeof(reply));
		length = answer(&rules, &client, &request, &reply, &fd);
		check(&request, &client, &reply, length, fd);
		if (fd >= 0)
			close(fd);
		fake_fail("", 0, 0);
		MUST(fake_open_sockets() == 0);
	}
	end();
	return 0;
}
