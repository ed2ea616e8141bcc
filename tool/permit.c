/* SPDX-License-Identifier: BSD-2-Clause */
/* `kcryptoki permit`: who may use a key. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/keyring.h"
#include "token/store.h"
#include "tool/choose.h"
#include "tool/complain.h"
#include "tool/entry.h"
#include "tool/permissions.h"
#include "tool/verb.h"

/* The words behind KEY, as permissions and whether they are the last ones. */
static bool read_words(const struct options *options, uint32_t *users, bool *final)
{
	bool any = false;

	*users = 0;
	*final = false;
	for (int i = 1; i < options->n_operands; i++) {
		const char *word = options->operands[i];

		if (!strcmp(word, "not-writable")) {
			*final = true;
		} else if (permissions_read(word, users)) {
			any = true;
		} else {
			complain("%s is none of possessor, user, group and not-writable", word);
			return false;
		}
	}
	if (!any)
		complain("possessor, user or group says who may use the key");
	return any;
}

static void explain(int32_t serial, const struct key_info *info, int err)
{
	complain("key %d: its permissions are not changed: %s", serial, strerror(-err));
	if (err != -EACCES)
		return;
	if (info->uid != geteuid())
		complain("it belongs to uid %u, who may change them", info->uid);
	else if (!permissions_final(info->perm))
		complain("this process does not possess it: keyctl link its keyring to @s");
	else
		complain("nobody may change them any more: keys that the token makes are so, and "
			 "may be used faster; make the key anew, with --permit");
}

/* PERM in the file of the store that the key may have, which brings it back after a reboot. */
static bool keep(const struct token *token, int32_t keyring, int32_t serial, uint32_t perm)
{
	struct key *key = NULL;
	int store = -1;
	bool kept;

	complain_listen();
	kept = store_enter(token->slot, false, &store) == CKR_OK &&
	       !key_open(keyring, serial, &key) && store_permit(store, key, perm) == CKR_OK;
	if (!kept) {
		complain("key %d: its file in the store keeps the old permissions, which a reboot "
			 "brings back",
			 serial);
		complain_log();
	}
	store_leave(store);
	key_free(key);
	return kept;
}

/* Gives key SERIAL the permissions; 0 or -errno. */
static int change(int32_t keyring, int32_t serial, uint32_t perm)
{
	int err = key_set_perm(serial, perm);

	if (err == -EACCES && !keyring_possess(keyring))
		err = key_set_perm(serial, perm);
	return err;
}

static bool permit_serial(const struct token *token, int32_t serial, uint32_t users, bool final)
{
	int keyring = slot_keyring(token->slot), err;
	struct key_info info;
	uint32_t perm;

	if (keyring < 0) {
		complain("token %s: its keyring cannot be reached: %s", token->slot->label,
			 strerror(-keyring));
		return false;
	}
	err = key_describe(serial, &info);
	if (err) {
		complain("key %d: %s", serial, strerror(-err));
		return false;
	}
	free(info.description);
	perm = permissions_anew(info.perm, users, final);
	err = perm == info.perm ? 0 : change(keyring, serial, perm);
	if (err)
		explain(serial, &info, err);
	return !err && keep(token, keyring, serial, perm);
}

static int permit(const struct options *options)
{
	struct token token;
	CK_OBJECT_HANDLE key;
	uint32_t users;
	int32_t serial;
	bool done, final;

	if (!read_words(options, &users, &final))
		return USAGE;
	if (!token_open(&token, options))
		return NOT_DONE;
	done = choose(&token, options->operands[0], &key) &&
	       choose_serial(&token, options->operands[0], &serial) &&
	       permit_serial(&token, serial, users, final);
	if (done && options->json)
		entry_dump(entry(&token, key));
	else if (done)
		entry_print(stdout, &token, key);
	token_close(&token);
	return done ? DONE : NOT_DONE;
}

const struct verb verb_permit = {
	.name = "permit",
	.run = permit,
	.takes = TAKES_TOKEN,
	.least = 2,
	.most = INT_MAX,
	.usage = "[--token LABEL] [--json] KEY possessor|user|group... [not-writable]",
	.help = "Says who may use a key: who possesses it, any process of its user, or of its\n"
		"group; who is not named may not. With not-writable nobody may change the key or\n"
		"its permissions, which cannot be undone, and is faster.\n",
};
