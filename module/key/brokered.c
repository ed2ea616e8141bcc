/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys of a broker (kernel/broker.h): this process need not possess them. Where it may use one
 * nevertheless, and bind what the key is for, it does both itself.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/alg.h"
#include "kernel/broker.h"
#include "kernel/log.h"
#include "key/key.h"

/* By the type that the broker names; whatever it is, nothing is read of it here. */
static const struct key_source sources[] = {
	{.type = "user"},
	{.type = "logon"},
	{.type = "encrypted"},
	{.type = "trusted"},
};

static const struct key *key_of(const struct transform_key *transform_key)
{
	return (const struct key *)transform_key;
}

static int arm(const struct transform_key *transform_key, int transform)
{
	return alg_set_key_serial(transform, key_of(transform_key)->serial);
}

/* What the kernel says of a key that this thread may not use. Under a seccomp filter it may say
 * anything, and a process of another user namespace does not even see the key. */
static bool is_kept_away(int err)
{
	switch (err) {
	case -EACCES:
	case -EPERM:
	case -ENOSYS:
	case -ENOKEY:
	case -ENOENT:
	case -EAFNOSUPPORT:
	case -ENOPROTOOPT:
	case -EHOSTDOWN:
		return true;
	default:
		return false;
	}
}

static int open_op(const struct transform *transform, int *op)
{
	const struct key *key = key_of(transform->key);
	int err = key->near ? transform_open(transform, op) : -EACCES;

	if (!is_kept_away(err))
		return err;
	err = broker_open(key->broker, key->serial, transform, op);
	if (err == -EACCES)
		log_line("the broker at %s gives no socket of %s with key %d: no rule of it says "
			 "that "
			 "this user may have one, or the key's own restrictions forbid it",
			 broker_path(key->broker), transform->name, key->serial);
	return err;
}

int key_check_brokered(const struct key *key)
{
	int err = key->near ? key_usable(key->serial) : -EACCES;

	return is_kept_away(err) ? broker_check(key->broker, key->serial) : err;
}

static int check(const struct transform_key *transform_key)
{
	return key_check_brokered(key_of(transform_key));
}

/* What is always so of what a broker says, or it is none of ours. */
static const struct key_source *source_of(const struct broker_key *said)
{
	for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++)
		if (!strcmp(sources[i].type, said->type))
			return &sources[i];
	return NULL;
}

static struct key *make(struct broker *broker, int32_t serial, const struct broker_key *said,
			const struct key_source *source)
{
	struct key *key = calloc(1, sizeof(*key));

	if (!key)
		return NULL;
	*key = (struct key){
		.transform_key = {.id = transform_key_id(),
				  .constant = said->constant == 1,
				  .arm = arm,
				  .check = check,
				  .open = open_op},
		.source = source,
		.serial = serial,
		.broker = broker,
		.near = !key_usable(serial),
		.description = strdup(said->description),
		.length = said->length < 0 ? -ENODATA : said->length,
	};
	if (key->description)
		return key;
	free(key);
	return NULL;
}

int key_open_brokered(struct broker *broker, int32_t serial, struct key **key)
{
	struct broker_key *said = malloc(sizeof(*said));
	const struct key_source *source;
	int err = said ? broker_describe(broker, serial, said) : -ENOMEM;

	if (!err) {
		source = source_of(said);
		*key = source ? make(broker, serial, said, source) : NULL;
		err = !source ? -EOPNOTSUPP : *key ? 0 : -ENOMEM;
	}
	free(said);
	return err;
}
