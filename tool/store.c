/* SPDX-License-Identifier: BSD-2-Clause */
/* `kcryptoki save`, `load` and `rotate-master`: a token's store as a whole. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/folder.h"
#include "key/master.h"
#include "key/own.h"
#include "token/mapping.h"
#include "token/restore.h"
#include "token/sidecar.h"
#include "tool/choose.h"
#include "tool/complain.h"
#include "tool/entry.h"
#include "tool/report.h"
#include "tool/token.h"
#include "tool/verb.h"

/* What is said of a key, by what became of it. */
struct words {
	const char *done, *already, *failed;
};

/* What a verb has done so far. */
struct tally {
	const struct words *words;
	bool json;
	json_t *keys;
	size_t counts[OUTCOME_FAILED + 1];
};

/* The label that a key has, as far as it is understood, or its description. */
static json_t *label_of(const struct told *told)
{
	struct metadata metadata;
	const char *why;
	json_t *label = NULL;
	char *text;

	if (!told->description)
		return json_null();
	if (!mapping_read(&metadata, told->type, told->description, &why)) {
		if (told->changes && *told->changes)
			sidecar_apply(&metadata, told->changes);
		text = strndup(metadata.label ? (const char *)metadata.label : "",
			       metadata.label_len);
		label = text && *text ? printable(text) : NULL;
		free(text);
		metadata_free(&metadata);
	}
	return label ? label : printable(told->description);
}

static const char *word_for(const struct tally *tally, enum outcome outcome)
{
	return outcome == OUTCOME_DONE      ? tally->words->done
	       : outcome == OUTCOME_ALREADY ? tally->words->already
					    : tally->words->failed;
}

static void tell(void *user, const struct told *told)
{
	struct tally *tally = user;
	json_t *one = json_pack("{s:o, s:o, s:o, s:s}", "file",
				told->file ? printable(told->file) : json_null(), "type",
				told->type ? json_string(told->type) : json_null(), "label",
				label_of(told), "outcome", word_for(tally, told->outcome));
	const char *label = json_string_value(json_object_get(one, "label"));

	tally->counts[told->outcome]++;
	if (told->outcome == OUTCOME_FAILED)
		json_object_set_new(one, "why", printable(told->why));
	if (!tally->json) {
		printf("%-12s %-9s  %s%s%s%s\n", word_for(tally, told->outcome),
		       told->type ? told->type : "", label ? label : "", label ? " (" : "",
		       json_string_value(json_object_get(one, "file")), label ? ")" : "");
	}
	if (told->outcome == OUTCOME_FAILED)
		complain("%s: %s", told->file, told->why);
	json_array_append_new(tally->keys, one);
}

/* The end of what TALLY has, where ERR is 0, or why there is none; the program's exit status. */
static int finish(struct tally *tally, const struct token *token, int err,
		  const struct reason *reason)
{
	const char *store = token->slot->store ? token->slot->store : "";
	int status = err || tally->counts[OUTCOME_FAILED] ? NOT_DONE : DONE;

	if (err)
		complain("%s", *reason->text ? reason->text : strerror(-err));
	if (tally->json) {
		json_t *result = json_pack("{s:o, s:o, s:o, s:i}", "token",
					   printable(token->slot->label), "store", printable(store),
					   "keys", json_incref(tally->keys), "status", status);

		if (err)
			json_object_set_new(
				result, "why",
				printable(*reason->text ? reason->text : strerror(-err)));
		entry_dump(result);
	} else if (!err && folder_check(store) == -ENOENT) {
		printf("%s: it is not there yet, and made for the first key that is kept\n", store);
	} else if (!err) {
		printf("%s: %zu %s, %zu %s, %zu %s\n", store, tally->counts[OUTCOME_DONE],
		       tally->words->done, tally->counts[OUTCOME_ALREADY], tally->words->already,
		       tally->counts[OUTCOME_FAILED], tally->words->failed);
	}
	json_decref(tally->keys);
	return status;
}

/* The token of OPTIONS, and the serial number of its keyring, in *KEYRING. */
static bool begin(struct token *token, const struct options *options, int32_t *keyring)
{
	int found;

	if (!token_open(token, options))
		return false;
	found = slot_keyring(token->slot);
	if (found < 0) {
		complain("the keyring of token %s cannot be reached: %s", token->slot->label,
			 strerror(-found));
		token_close(token);
		return false;
	}
	*keyring = found;
	return true;
}

/* With an empty list of keys, for OPTIONS. */
static struct tally tally_begin(const struct words *words, const struct options *options)
{
	return (struct tally){.words = words, .json = options->json, .keys = json_array()};
}

static const struct words saving = {"saved", "there", "not saved"};

/* Whether the key is one that is to be found again after a reboot: an object of the token, or what
 * others are sealed under. */
static bool is_wanted(const struct token *token, const struct key *key)
{
	struct metadata metadata;
	const char *why;

	if (!key->source->sealed)
		return false;
	if (token->slot->master && master_find(token->slot->master) == key->serial)
		return true;
	if (mapping_read(&metadata, key->source->type, key->description, &why))
		return false;
	metadata_free(&metadata);
	return true;
}

static int save_all(const struct token *token, int32_t keyring, struct tally *tally,
		    struct reason *reason)
{
	int32_t *list = NULL;
	int count = own_list(keyring, &list), err = 0;

	for (int i = 0; i < count && !err; i++) {
		struct key *key;
		bool wanted;

		if (key_open(keyring, list[i], &key))
			continue;
		wanted = is_wanted(token, key);
		key_free(key);
		if (wanted)
			err = restore_save(token->slot, keyring, list[i], tell, tally, reason);
	}
	free(list);
	return count < 0 ? count : err;
}

static int save_these(const struct token *token, int32_t keyring, const struct options *options,
		      struct tally *tally, struct reason *reason)
{
	int err = 0;

	for (int i = 0; i < options->n_operands && !err; i++) {
		int32_t serial;

		if (choose_serial(token, options->operands[i], &serial))
			err = restore_save(token->slot, keyring, serial, tell, tally, reason);
		else
			tally->counts[OUTCOME_FAILED]++;
	}
	return err;
}

/* DEED with the token of OPTIONS, whose keys are in KEYRING; the program's exit status. */
static int run(const struct options *options, const struct words *words,
	       int (*deed)(const struct token *token, int32_t keyring,
			   const struct options *options, struct tally *tally,
			   struct reason *reason))
{
	struct tally tally = tally_begin(words, options);
	struct reason reason = {""};
	struct token token;
	int32_t keyring;
	int err, status;

	if (!begin(&token, options, &keyring)) {
		json_decref(tally.keys);
		return NOT_DONE;
	}
	err = deed(&token, keyring, options, &tally, &reason);
	status = finish(&tally, &token, err, &reason);
	token_close(&token);
	return status;
}

static int save_some(const struct token *token, int32_t keyring, const struct options *options,
		     struct tally *tally, struct reason *reason)
{
	return options->n_operands ? save_these(token, keyring, options, tally, reason)
				   : save_all(token, keyring, tally, reason);
}

static int save(const struct options *options)
{
	return run(options, &saving, save_some);
}

static int load_all(const struct token *token, int32_t keyring, const struct options *options,
		    struct tally *tally, struct reason *reason)
{
	(void)options;
	return restore_load(token->slot, keyring, tell, tally, reason);
}

static int load(const struct options *options)
{
	static const struct words words = {"loaded", "there", "not loaded"};

	return run(options, &words, load_all);
}

/* What keys are about to be sealed under must come back after a reboot, too. */
static int save_master(const struct token *token, int32_t keyring, const struct options *options,
		       struct reason *reason)
{
	struct tally tally = tally_begin(&saving, options);
	const char *master = token->slot->master;
	int err = 0;

	/* That it is missing is told of later. */
	if (master && !strncmp(master, "trusted:", 8) && master_find(master) > 0)
		err = restore_save(token->slot, keyring, master_find(master), tell, &tally, reason);
	if (!err && tally.counts[OUTCOME_FAILED]) {
		reason_set(reason, "nothing is sealed under %s, which is not in the store", master);
		err = -EIO;
	}
	json_decref(tally.keys);
	return err;
}

static int rotate_all(const struct token *token, int32_t keyring, const struct options *options,
		      struct tally *tally, struct reason *reason)
{
	int err = save_master(token, keyring, options, reason);

	if (!err)
		err = restore_rotate(token->slot, tell, tally, reason);
	if (!err && !tally->counts[OUTCOME_FAILED] && !options->json)
		printf("Nothing in the store needs another master than %s.\n", token->slot->master);
	return err;
}

static int rotate(const struct options *options)
{
	static const struct words words = {"sealed anew", "as wanted", "not sealed"};

	return run(options, &words, rotate_all);
}

const struct verb verb_save = {
	.name = "save",
	.run = save,
	.takes = TAKES_TOKEN,
	.most = INT_MAX,
	.usage = "[--token LABEL] [--json] [KEY...]",
	.help = "Keeps these keys, or all encrypted and trusted ones of the token, in the token's\n"
		"store, from where \"kcryptoki load\" brings them back after a reboot.\n",
};

const struct verb verb_load = {
	.name = "load",
	.run = load,
	.takes = TAKES_TOKEN,
	.usage = "[--token LABEL] [--json]",
	.help = "Brings all keys in the token's store back to its keyring: after a reboot, when "
		"the\n"
		"master key is there. A file that is damaged costs its own key only.\n",
};

const struct verb verb_rotate_master = {
	.name = "rotate-master",
	.run = rotate,
	.takes = TAKES_TOKEN,
	.usage = "[--token LABEL] [--json]",
	.help = "Seals all keys in the token's store under the master that the configuration "
		"names\n"
		"now. Both masters must be there. Whenever it is interrupted, it can be run "
		"again.\n",
};
