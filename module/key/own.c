/* SPDX-License-Identifier: BSD-2-Clause */
#include "key/own.h"

#include <errno.h>
#include <keyutils.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "kernel/keyring.h"
#include "kernel/log.h"

static atomic_int_least32_t own; /* 0: not made yet */
static _Atomic(void *) kept;     /* what lets it outlive the thread that made it */

/* A new keyring in this thread's process keyring. */
static int make_keyring(void)
{
	char description[64];
	uint64_t number;
	int serial, err;

	/* By a name of its own: a second keyring of the same name would take its place. */
	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return -EIO;
	snprintf(description, sizeof(description), "kcryptoki-%016llx", (unsigned long long)number);
	serial = key_add("keyring", description, NULL, 0, KEY_SPEC_PROCESS_KEYRING);
	if (serial < 0)
		return serial;
	/* Threads that are older than the process keyring have another one, and link this. */
	err = key_set_perm(serial, KEY_PERM_SHARED);
	if (err) {
		key_unlink(serial, KEY_SPEC_PROCESS_KEYRING);
		return err;
	}
	return serial;
}

/* The process's own keyring, possessed by this thread; its serial number. */
static int own_keyring(void)
{
	int32_t here = atomic_load(&own);
	int made;

	if (here && !keyring_possess(here))
		return here;
	made = make_keyring();
	if (made < 0)
		return made;
	if (atomic_compare_exchange_strong(&own, &here, made)) {
		/* By this thread, which has it in its process keyring now. */
		keyring_release(atomic_exchange(&kept, keyring_keep()));
		return made;
	}
	key_unlink(made, KEY_SPEC_PROCESS_KEYRING);
	made = keyring_possess(here);
	return made ? made : here;
}

static void explain(const struct key_order *order, int err)
{
	if (err == -EDQUOT)
		log_line("no %s key is made: this user has used up the quota of keys or of their "
			 "bytes; /proc/key-users tells, kernel.keys.maxkeys and "
			 "kernel.keys.maxbytes raise it",
			 order->type);
	else if (err == -EACCES)
		log_line("no %s key is made: this process may not write to keyring %d; link it "
			 "into the session keyring",
			 order->type, order->keyring);
	else
		log_line("no %s key is made (%s): %s", order->type, order->description,
			 strerror(-err));
}

int own_move(int32_t serial, int32_t from, int32_t to)
{
	int err = key_move(serial, from, to);

	if (err == -EACCES && !keyring_possess(to))
		err = key_move(serial, from, to);
	return err;
}

int own_make(const struct key_order *order, int32_t *serial, int32_t *keyring)
{
	int from = own_keyring(), made, err;

	made = from < 0
		       ? from
		       : key_add(order->type, order->description, order->payload, order->len, from);
	err = made < 0 ? made : key_set_perm(made, order->perm);
	if (!err && order->keyring)
		err = own_move(made, from, order->keyring);
	if (err) {
		if (made > 0)
			key_unlink(made, from);
		explain(order, err);
		return err;
	}
	*serial = made;
	*keyring = order->keyring ? order->keyring : from;
	return 0;
}

int own_list(int32_t keyring, int32_t **list)
{
	int count = keyring_list(keyring, list);

	if (count == -EACCES && !keyring_possess(keyring))
		count = keyring_list(keyring, list);
	return count;
}

int own_unlink(int32_t serial, int32_t keyring)
{
	int err = key_unlink(serial, keyring);

	if (err == -EACCES && !keyring_possess(keyring))
		err = key_unlink(serial, keyring);
	return err;
}

void own_clear(void)
{
	int32_t here = atomic_exchange(&own, 0);

	if (here && !keyring_possess(here)) {
		keyring_clear(here);
		key_unlink(here, KEY_SPEC_PROCESS_KEYRING);
	}
	keyring_release(atomic_exchange(&kept, NULL));
}

void own_abandon(void)
{
	atomic_store(&own, 0);
	atomic_store(&kept, NULL);
}
