/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/inventory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/broker.h"
#include "kernel/keyring.h"
#include "kernel/log.h"
#include "kernel/proc-keys.h"
#include "key/own.h"
#include "mech/rv.h"
#include "token/lock.h"
#include "token/sidecar.h"
#include "token/slot.h"

/* A key seen in the keyring; OBJECT is NULL where it is not presented. */
struct known {
	int32_t serial;
	struct object *object;
	uint64_t since;      /* inventory.clock when it became known */
	char changes_of[17]; /* a sidecar: the unique id of its key; else empty */
};

static int by_serial(const void *a, const void *b)
{
	const int32_t *x = a, *y = b; /* struct known begins with its serial */

	return (*x > *y) - (*x < *y);
}

static const struct known *find(const struct known *known, size_t count, int32_t serial)
{
	return count ? bsearch(&serial, known, count, sizeof(*known), by_serial) : NULL;
}

/* The serials in SERIALS that INVENTORY does not know yet. */
static size_t unknown(struct inventory *inventory, const int32_t *serials, size_t count,
		      struct known *news)
{
	size_t n = 0;

	lock();
	for (size_t i = 0; i < count; i++)
		if (!find(inventory->known, inventory->count, serials[i]))
			news[n++] = (struct known){.serial = serials[i]};
	unlock();
	return n;
}

/* Whether ERR is a verdict on the key, which its type and description decide once and for all; what
 * else can go wrong is tried again at the next look. */
static bool conclusive(int err)
{
	return !err || err == -ENOMSG || err == -EOPNOTSUPP || err == -EINVAL;
}

/* Makes objects of new keys, as far as they are to be presented, and leaves out of NEWS what could
 * not be looked at. No lock is held. */
static CK_RV open_all(const struct slot *slot, int32_t keyring, struct known *news, size_t *count)
{
	char *proc_keys = NULL;
	bool asked = false;
	size_t n = 0;
	CK_RV rv = CKR_OK;
	int err;

	for (size_t i = 0; i < *count && rv == CKR_OK; i++) {
		struct known *one = &news[n];

		*one = (struct known){.serial = news[i].serial};
		err = object_open(slot, keyring, one->serial, &one->object, one->changes_of);
		if (conclusive(err))
			n++;
		else
			log_line("key %d is not presented: it cannot be described: %s", one->serial,
				 strerror(-err));
		if (err == -ENOMEM)
			rv = CKR_HOST_MEMORY;
		else if (!conclusive(err) && !rv_is_barred(err))
			rv = rv_of_run(err, "a key's description");
		if (err)
			continue;
		/* Of its keys a broker says the lengths itself. */
		if (!asked && keyring) {
			err = proc_keys_read(&proc_keys);
			if (err == -ENOENT || rv_is_barred(err))
				log_line("lengths of keys are not known: /proc/keys: %s",
					 strerror(-err));
			else
				rv = rv_of_run(err, "/proc/keys");
			asked = true;
		}
		object_measure(one->object, proc_keys);
		if (rv == CKR_OK)
			rv = object_publish(one->object);
	}
	free(proc_keys);
	*count = n;
	return rv;
}

static void close_all(struct known *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].object)
			object_withdraw(list[i].object);
}

/* Whether the keyring has the keys that INVENTORY has, by what was read of it: SERIALS. */
static bool is_as_seen(const struct inventory *inventory, const int32_t *serials, size_t count)
{
	bool same;

	lock();
	same = inventory->seen && count == inventory->n_seen &&
	       !memcmp(serials, inventory->seen, count * sizeof(*serials));
	unlock();
	return same;
}

/* Under the module lock: INVENTORY has just what was read of the keyring, or (NULL) that is not
 * known. SEEN is its own from here on. */
static void have_seen(struct inventory *inventory, int32_t *seen, size_t count)
{
	free(inventory->seen);
	inventory->seen = seen;
	inventory->n_seen = count;
}

/*
 * Takes NEWS in, and what is not in SERIALS out, into GONE. A key that another thread took in after
 * LOOKED may have come after our look at the keyring, and stays.
 */
static size_t merge(struct inventory *inventory, struct known *merged, struct known *news,
		    size_t n_news, const int32_t *serials, size_t n_serials, uint64_t looked,
		    struct known *gone)
{
	size_t n = 0, n_gone = 0;

	for (size_t i = 0; i < inventory->count; i++) {
		const struct known *old = &inventory->known[i];

		if (old->since >= looked ||
		    bsearch(&old->serial, serials, n_serials, sizeof(*serials), by_serial))
			merged[n++] = *old;
		else
			gone[n_gone++] = *old;
	}
	for (size_t i = 0; i < n_news; i++) {
		if (find(inventory->known, inventory->count, news[i].serial)) {
			/* Another thread was faster: its object has the handle. */
			gone[n_gone++] = news[i];
		} else {
			news[i].since = inventory->clock;
			merged[n++] = news[i];
		}
	}
	qsort(merged, n, sizeof(*merged), by_serial);
	inventory->clock++;
	inventory->count = n;
	return n_gone;
}

/* A sidecar, and what it says now; TEXT is NULL where that cannot be read. */
struct changes {
	int32_t serial;
	char of[17], *text;
};

static CK_RV read_changes(struct inventory *inventory, int32_t keyring, struct changes **list,
			  size_t *count)
{
	size_t n = 0;

	*list = NULL;
	*count = 0;
	lock();
	for (size_t i = 0; i < inventory->count; i++)
		n += *inventory->known[i].changes_of != 0;
	if (n)
		*list = calloc(n, sizeof(**list));
	for (size_t i = 0; *list && i < inventory->count; i++) {
		const struct known *known = &inventory->known[i];

		if (!*known->changes_of)
			continue;
		(*list)[*count].serial = known->serial;
		strcpy((*list)[(*count)++].of, known->changes_of);
	}
	unlock();
	for (size_t i = 0; i < *count; i++) {
		struct changes *one = &(*list)[i];
		int err = sidecar_read(one->serial, keyring, &one->text);

		if (err)
			log_line("key %d, what was changed of key %s, cannot be read: %s",
				 one->serial, one->of, strerror(-err));
	}
	return n && !*list ? CKR_HOST_MEMORY : CKR_OK;
}

static const struct changes *changes_for(const struct changes *list, size_t count,
					 const struct object *object)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(list[i].of, object->metadata.unique_id))
			return &list[i];
	return NULL;
}

/* An object of INVENTORY, referenced, that does not know what LIST says now, which goes to *TEXT;
 * its place. */
static struct object *outdated(const struct inventory *inventory, const struct changes *list,
			       size_t count, size_t *at, const char **text)
{
	for (; *at < inventory->count; ++*at) {
		struct object *object = inventory->known[*at].object;
		const struct changes *changes = object ? changes_for(list, count, object) : NULL;

		*text = changes ? changes->text : NULL;
		if (!object || (!*text && !object->changes) ||
		    (*text && object->changes && !strcmp(*text, object->changes)))
			continue;
		/* What cannot be read now gives no usage back that it took away. */
		if (changes && !*text)
			continue;
		atomic_fetch_add(&object->references, 1);
		return object;
	}
	return NULL;
}

static void succeed(struct inventory *inventory, struct object *old, struct object *better)
{
	struct object *done = better;

	lock();
	for (size_t i = 0; i < inventory->count; i++) {
		if (inventory->known[i].object != old || !object_succeed(old, better))
			continue;
		inventory->known[i].object = better;
		done = old;
	}
	unlock();
	object_put(done);
}

/* Lets objects say what their sidecars say now. */
static CK_RV apply_changes(struct inventory *inventory, int32_t keyring)
{
	struct object *old, *better;
	struct changes *list;
	const char *text;
	size_t count, at = 0;
	CK_RV rv = read_changes(inventory, keyring, &list, &count);

	while (rv == CKR_OK) {
		int err;

		lock();
		old = outdated(inventory, list, count, &at, &text);
		unlock();
		if (!old)
			break;
		err = object_again(old, text, &better);
		if (!err)
			succeed(inventory, old, better);
		else if (err == -ENOMEM)
			rv = CKR_HOST_MEMORY;
		object_put(old);
		/* One that cannot be made anew stays as it is. */
		at++;
	}
	for (size_t i = 0; i < count; i++)
		free(list[i].text);
	free(list);
	return rv;
}

static CK_RV present(const struct inventory *inventory, struct object ***list, size_t *count)
{
	lock();
	*list = calloc(inventory->count + 1, sizeof(**list));
	for (size_t i = 0; *list && i < inventory->count; i++) {
		struct object *object = inventory->known[i].object;

		if (object) {
			atomic_fetch_add(&object->references, 1);
			(*list)[(*count)++] = object;
		}
	}
	unlock();
	return *list ? CKR_OK : CKR_HOST_MEMORY;
}

/* SERIALS in order, in memory of their own; NULL: there is none. */
static int32_t *sorted(const int32_t *serials, size_t count)
{
	int32_t *copy = malloc((count + 1) * sizeof(*copy));

	if (copy && count) {
		memcpy(copy, serials, count * sizeof(*copy));
		qsort(copy, count, sizeof(*copy), by_serial);
	}
	return copy;
}

/* Takes in what is new among SERIALS, as they were read of KEYRING after LOOKED, and out what is
 * not there. Keeps SERIALS, or frees them. */
static CK_RV take_in(struct inventory *inventory, const struct slot *slot, int32_t keyring,
		     int32_t *serials, size_t n_serials, uint64_t looked)
{
	struct known *news = calloc(n_serials + 1, sizeof(*news)), *merged = NULL, *gone = NULL;
	struct known *old = NULL;
	int32_t *in_order = sorted(serials, n_serials);
	size_t n_news = 0, n_gone = 0, n_unknown, room;
	CK_RV rv = CKR_HOST_MEMORY;

	if (!news || !in_order)
		goto out;
	n_news = n_unknown = unknown(inventory, in_order, n_serials, news);
	rv = open_all(slot, keyring, news, &n_news);
	if (rv != CKR_OK)
		goto out;

	rv = CKR_HOST_MEMORY;
	lock();
	room = inventory->count + n_news + 1;
	merged = calloc(room, sizeof(*merged));
	gone = calloc(room, sizeof(*gone));
	if (merged && gone) {
		n_gone = merge(inventory, merged, news, n_news, in_order, n_serials, looked, gone);
		/* Whoever destroys one of these now finds it neither known nor by its handle. */
		for (size_t i = 0; i < n_gone; i++)
			if (gone[i].object && !object_retire(gone[i].object))
				gone[i].object = NULL;
		old = inventory->known;
		inventory->known = merged;
		/* All of these and no others: unless one could not be looked at, or another
		 * thread has seen more. */
		if (n_news == n_unknown && inventory->count == n_serials) {
			have_seen(inventory, serials, n_serials);
			serials = NULL;
		} else {
			have_seen(inventory, NULL, 0);
		}
		merged = NULL;
		n_news = 0;
		rv = CKR_OK;
	}
	unlock();
out:
	close_all(news, n_news);
	for (size_t i = 0; i < n_gone; i++)
		object_put(gone[i].object);
	free(old);
	free(merged);
	free(gone);
	free(news);
	free(in_order);
	free(serials);
	return rv;
}

CK_RV inventory_look(struct inventory *inventory, const struct slot *slot, int32_t keyring,
		     struct object ***list, size_t *count)
{
	int32_t *serials = NULL;
	uint64_t looked;
	CK_RV rv = CKR_OK;
	int got;

	*list = NULL;
	*count = 0;
	lock();
	looked = ++inventory->clock;
	unlock();
	got = keyring ? own_list(keyring, &serials) : broker_list(slot->broker, &serials);
	if (got == -ENOMEM)
		return CKR_HOST_MEMORY;
	if (got < 0 && !rv_is_barred(got))
		return rv_of_run(got, keyring ? "a keyring" : "a broker's keys");
	if (got < 0) {
		log_line("%s shows no objects: its keyring %d cannot be read: %s", slot->label,
			 keyring, strerror(-got));
		return CKR_OK;
	}
	if (is_as_seen(inventory, serials, (size_t)got))
		free(serials);
	else
		rv = take_in(inventory, slot, keyring, serials, (size_t)got, looked);
	if (rv == CKR_OK)
		rv = apply_changes(inventory, keyring);
	return rv == CKR_OK ? present(inventory, list, count) : rv;
}

struct object *inventory_find(const struct inventory *inventory, int32_t serial)
{
	const struct known *known;
	struct object *object;

	lock();
	known = find(inventory->known, inventory->count, serial);
	object = known ? known->object : NULL;
	if (object)
		atomic_fetch_add(&object->references, 1);
	unlock();
	return object;
}

void inventory_forget(struct inventory *inventory, const struct object *object)
{
	struct object *known = NULL;

	lock();
	for (size_t i = 0; i < inventory->count; i++) {
		struct known *one = &inventory->known[i];

		/* By the handle, which a successor may have meanwhile. */
		if (!one->object || one->object->handle != object->handle)
			continue;
		known = one->object;
		one->object = NULL;
	}
	unlock();
	if (known)
		object_withdraw(known);
}

void inventory_clear(struct inventory *inventory)
{
	struct inventory old;

	lock();
	old = *inventory;
	inventory->known = NULL;
	inventory->count = 0;
	have_seen(inventory, NULL, 0);
	inventory->clock++;
	unlock();
	close_all(old.known, old.count);
	free(old.known);
}
