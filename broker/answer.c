/* SPDX-License-Identifier: BSD-2-Clause */
#include "broker/answer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/alg.h"
#include "kernel/log.h"
#include "kernel/transform.h"
#include "key/serials.h"
#include "token/slot.h"

/* The slots that there are, in *IDS; their number. */
static size_t list_slots(CK_SLOT_ID ids[TOKENS_MAX])
{
	CK_ULONG count = TOKENS_MAX;

	return slot_list(ids, &count) == CKR_OK ? count : 0;
}

static void put_all(struct object **objects, size_t count)
{
	while (count)
		object_put(objects[--count]);
	free(objects);
}

/* Adds the keys of SLOT, as its keyring is now, to the COUNT references at *OBJECTS. */
static int add_keys(struct slot *slot, struct object ***objects, size_t *count)
{
	struct object **part, **larger;
	size_t n;

	if (slot_look(slot, &part, &n) != CKR_OK)
		return -EIO;
	larger = reallocarray(*objects, *count + n + 1, sizeof(*larger));
	if (!larger) {
		put_all(part, n);
		return -ENOMEM;
	}
	if (n)
		memcpy(larger + *count, part, n * sizeof(*part));
	free(part);
	*objects = larger;
	*count += n;
	return 0;
}

/* All keys of ours in a new array of references: or an error, since a list that is short would be
 * taken as true. */
static int look(struct object ***objects, size_t *count)
{
	CK_SLOT_ID ids[TOKENS_MAX];
	/* Where the kernel takes no serial numbers, a key could only be read. */
	size_t n_slots = serials_supported() ? list_slots(ids) : 0;
	int err = 0;

	*objects = NULL;
	*count = 0;
	for (size_t i = 0; i < n_slots && !err; i++)
		err = add_keys(slot_find(ids[i]), objects, count);
	if (err)
		put_all(*objects, *count);
	return err;
}

static int by_serial(const void *a, const void *b)
{
	const int32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static struct object *known(int32_t serial)
{
	CK_SLOT_ID ids[TOKENS_MAX];
	size_t n_slots = list_slots(ids);
	struct object *object = NULL;

	for (size_t i = 0; i < n_slots && !object; i++)
		object = inventory_find(&slot_find(ids[i])->inventory, serial);
	return object;
}

/* SERIALS, ascending, without those that came before: a key may be linked to several keyrings. */
static size_t unique(int32_t *serials, size_t count)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		if (!n || serials[n - 1] != serials[i])
			serials[n++] = serials[i];
	return n;
}

/* A reference to the object of key SERIAL, of those that a rule in MINE is about; or NULL. ANEW:
 * should it still be in its keyring. */
static struct object *find(const struct rules *rules, uint64_t mine, int32_t serial, bool anew)
{
	struct object *object = anew ? NULL : known(serial), **objects;
	size_t count;

	/* Clients know keys from a broker that was here before. */
	if (!object && !look(&objects, &count)) {
		put_all(objects, count);
		object = known(serial);
	}
	if (!object || rules_show(rules, mine, object))
		return object;
	object_put(object);
	return NULL;
}

static int list(const struct rules *rules, const struct client *client, int32_t above,
		struct broker_list *to)
{
	struct object **objects;
	int32_t *serials;
	size_t count, n = 0;
	int err = look(&objects, &count);

	serials = err ? NULL : malloc((count + 1) * sizeof(*serials));
	for (size_t i = 0; serials && i < count; i++)
		if (objects[i]->key->serial > above &&
		    rules_show(rules, client->mine, objects[i]) && !key_check(objects[i]->key))
			serials[n++] = objects[i]->key->serial;
	if (!err)
		put_all(objects, count);
	if (!serials)
		return err ? err : -ENOMEM;
	qsort(serials, n, sizeof(*serials), by_serial);
	n = unique(serials, n);
	to->count = (uint32_t)(n < BROKER_SERIALS ? n : BROKER_SERIALS);
	memcpy(to->serials, serials, to->count * sizeof(*serials));
	free(serials);
	return 0;
}

static int describe(const struct rules *rules, const struct client *client, int32_t serial,
		    struct broker_key *to)
{
	struct object *object = find(rules, client->mine, serial, false);
	char *text = object ? metadata_write(&object->metadata) : NULL;
	int err = !object ? -ENOKEY : !text ? -ENOMEM : 0;

	if (!err && strlen(text) >= sizeof(to->description))
		err = -E2BIG;
	if (!err) {
		to->constant = object->key->transform_key.constant;
		to->length = object->key->length < 0 ? -1 : (int32_t)object->key->length;
		strcpy(to->type, object->key->source->type);
		strcpy(to->description, text);
	}
	free(text);
	object_put(object);
	return err;
}

static int check(const struct rules *rules, const struct client *client, int32_t serial)
{
	struct object *object = find(rules, client->mine, serial, false);
	int err = object ? key_check(object->key) : -ENOKEY;

	object_put(object);
	return err;
}

/* One that has an end, and nothing behind it. */
static bool is_text(const char *text, size_t size)
{
	size_t len = strnlen(text, size);

	for (size_t i = len; i < size; i++)
		if (text[i])
			return false;
	return len && len < size;
}

static int open_key(const struct rule *rule, const struct client *client,
		    const struct broker_request *request, const struct object *object, int *fd)
{
	const struct key *key = object->key;
	bool aead = !strcmp(request->type, "aead");
	const struct transform transform = {.type = request->type,
					    .name = request->name,
					    .key = &key->transform_key,
					    .tag_size = request->tag_size};
	int err = aead == !request->tag_size || request->tag_size > ALG_TAG_MAX
			  ? -EINVAL
			  : transform_open(&transform, fd);

	if (err)
		log_line("%s gets no socket of %s with key %d: %s", client->name, request->name,
			 key->serial, strerror(-err));
	else
		log_line(
			"%s gets a socket of %s with key %d (%s %s), by [%s]: it %s for as long as "
			"it is open",
			client->name, request->name, key->serial, key->source->type,
			key->description, rule->name,
			!strcmp(request->type, "hash") ? "signs and verifies"
						       : "encrypts and decrypts");
	return err;
}

static int bind_one(const struct rule *rule, const struct client *client,
		    const struct broker_request *request, int *fd)
{
	*fd = alg_bind(request->type, request->name);
	if (*fd < 0)
		log_line("%s does not get %s: %s", client->name, request->name, strerror(-*fd));
	else
		log_line("%s gets %s without a key, by [%s]", client->name, request->name,
			 rule->name);
	return *fd < 0 ? *fd : 0;
}

static bool names_algorithm(const struct broker_request *request)
{
	return is_text(request->type, sizeof(request->type)) &&
	       is_text(request->name, sizeof(request->name));
}

static void refuse(struct client *client, const char *what)
{
	if (!client->refused)
		log_line("%s is refused %s, which no rule gives; what else it is refused is not "
			 "told",
			 client->name, what);
	client->refused = true;
}

static int offer(const struct rules *rules, struct client *client,
		 const struct broker_request *request)
{
	int fd;

	if (!names_algorithm(request))
		return -EINVAL;
	if (!rules_find(rules, client->mine, NULL, request->type, request->name)) {
		refuse(client, request->name);
		return -EACCES;
	}
	fd = alg_bind(request->type, request->name);
	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

static int open_socket(const struct rules *rules, struct client *client,
		       const struct broker_request *request, int *fd)
{
	struct object *object = NULL;
	const struct rule *rule;
	int err;

	if (!names_algorithm(request))
		return -EINVAL;
	if (request->serial) {
		object = find(rules, client->mine, request->serial, true);
		if (!object) {
			refuse(client, "a key");
			return -ENOKEY;
		}
	}
	/* Before the kernel is asked for a name that a client chose: it may load a module. */
	rule = rules_find(rules, client->mine, object, request->type, request->name);
	if (!rule) {
		err = -EACCES;
		refuse(client, request->name);
	} else {
		err = object ? open_key(rule, client, request, object, fd)
			     : bind_one(rule, client, request, fd);
	}
	object_put(object);
	if (err)
		*fd = -1;
	return err;
}

size_t answer(const struct rules *rules, struct client *client,
	      const struct broker_request *request, union answer *answer, int *fd)
{
	size_t size = sizeof(answer->answer);
	int err = -EPROTONOSUPPORT;

	*fd = -1;
	if (request->version == BROKER_VERSION) {
		switch (request->ask) {
		case BROKER_LIST:
			size = sizeof(answer->list);
			memset(&answer->list, 0, size);
			err = list(rules, client, request->serial, &answer->list);
			break;
		case BROKER_DESCRIBE:
			size = sizeof(answer->key);
			memset(&answer->key, 0, size);
			err = describe(rules, client, request->serial, &answer->key);
			break;
		case BROKER_CHECK:
			err = check(rules, client, request->serial);
			break;
		case BROKER_OPEN:
			err = open_socket(rules, client, request, fd);
			break;
		case BROKER_OFFER:
			err = offer(rules, client, request);
			break;
		default:
			break;
		}
	}
	answer->answer = (struct broker_answer){.version = BROKER_VERSION, .error = (uint32_t)-err};
	return err ? sizeof(answer->answer) : size;
}
