/* SPDX-License-Identifier: BSD-2-Clause */
/* Configuration files, by whichever way they are named, what their [key] sections make of a key,
 * and the broker's rules. */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "broker/rules.h"
#include "input.h"
#include "kernel/log.h"
#include "token/config.h"
#include "token/mapping.h"
#include "token/reserved.h"

static void look_at(const char *type, const char *description)
{
	struct metadata metadata;
	const char *why = NULL;
	int err = metadata_read(&metadata, type, description, &why);

	if (err && err != -ENOMSG)
		return;
	mapping_apply(&metadata, type, description, err == 0, &why);
	MUST(metadata_is_text(metadata.label, metadata.label_len));
	metadata_free(&metadata);
}

/* Nobody is given anything that the kernel would have to be asked for by no name. */
static void rule(const char *path)
{
	static const struct peer peer = {.uid = 1, .gid = 1, .unit = "a.service"};
	static struct rules rules;
	uint64_t mine;

	MUST(rules_read(&rules, path) == 0);
	MUST(rules.count <= RULES_MAX);
	mine = rules_of(&rules, &peer);
	MUST(!rules_find(&rules, mine, NULL, "", "") &&
	     !rules_find(&rules, 0, NULL, "hash", "sha1"));
	rules_explain(&rules);
	rules_free(&rules);
}

/* The same bytes as the string of C_Initialize: a path, if any, is a part of it. */
static void reserve(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	char *text = input_text(&input), *path = NULL;

	MUST(reserved_conf(text, &path) == 0);
	MUST(!path || strstr(text, path));
	free(path);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("configuration", 0);
	struct config config;
	char path[64];

	MUST(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	setenv("KCRYPTOKI_CONF", path, 1);
	setenv("KCRYPTOKI_DEBUG", "/dev/null", 1);
	log_open();
	MUST(config_read(&config, NULL) == 0);
	MUST(config.n_tokens <= TOKENS_MAX);
	for (size_t i = 0; i < config.n_tokens; i++) {
		MUST(memchr(config.tokens[i].label, '\0', sizeof(config.tokens[i].label)));
		MUST(memchr(config.tokens[i].serial, '\0', sizeof(config.tokens[i].serial)));
	}
	mappings_start(config.mappings, config.n_mappings);
	look_at("logon", "backup:1");
	look_at("user", "pkcs11:object=a;id=%01?x-key-type=aes");
	mappings_start(NULL, 0);
	config_free(&config);
	rule(path);
	close(fd);
	reserve(data, size);
	return 0;
}
