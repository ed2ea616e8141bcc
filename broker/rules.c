/* SPDX-License-Identifier: BSD-2-Clause */
#include "broker/rules.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/alg.h"
#include "kernel/log.h"
#include "mech/mechanism.h"
#include "token/config-file.h"
#include "token/words.h"

enum section { NOWHERE, BROKER, ALLOW };

struct reading {
	struct rules *rules;
	enum section section;
	struct rule *rule; /* ALLOW */
	struct config_line begun;
	bool spoilt; /* something in the section was complained of */
	int err;
};

static const char no_memory[] = "there is no memory for it", too_many[] = "there are too many";

static bool read_number(const char *word, unsigned int *number)
{
	char *end;
	unsigned long value = strtoul(word, &end, 10);

	*number = (unsigned int)value;
	return *word >= '0' && *word <= '9' && !*end && value < UINT32_MAX;
}

static const char *add_uid(struct rule *rule, const char *word)
{
	const struct passwd *user;
	unsigned int id;

	if (rule->n_uids == NAMES_MAX)
		return too_many;
	if (!read_number(word, &id)) {
		user = getpwnam(word);
		if (!user)
			return "there is no such user";
		id = user->pw_uid;
	}
	rule->uids[rule->n_uids++] = id;
	return NULL;
}

static const char *add_gid(struct rule *rule, const char *word)
{
	const struct group *group;
	unsigned int id;

	if (rule->n_gids == NAMES_MAX)
		return too_many;
	if (!read_number(word, &id)) {
		group = getgrnam(word);
		if (!group)
			return "there is no such group";
		id = group->gr_gid;
	}
	rule->gids[rule->n_gids++] = id;
	return NULL;
}

static const char *add_unit(struct rule *rule, const char *word)
{
	char same[256], path[300];

	if (rule->n_units == NAMES_MAX)
		return too_many;
	/* What no peer's unit could be is a mistake. */
	snprintf(path, sizeof(path), "0::/%s", word);
	peer_unit_of(path, same);
	if (strcmp(same, word) != 0)
		return "that is not the name of a unit with processes, as backup.service is";
	rule->units[rule->n_units] = strdup(word);
	return rule->units[rule->n_units] ? (rule->n_units++, NULL) : no_memory;
}

/* Each word of LIST by ADD. */
static const char *add_all(struct rule *rule, const char *list,
			   const char *(*add)(struct rule *, const char *))
{
	char copy[256];
	const char *word, *why = NULL;
	size_t len;

	while (!why && (word = word_next(&list, &len))) {
		if (len >= sizeof(copy))
			return "it is too long";
		memcpy(copy, word, len);
		copy[len] = '\0';
		why = add(rule, copy);
	}
	return why;
}

static const struct {
	const char *name;
	const char *(*add)(struct rule *, const char *);
} peers[] = {{"uid", add_uid}, {"gid", add_gid}, {"unit", add_unit}};

/* Entries that mean what they mean in a [key] section. */
static const char *const of_keys[] = {"type", "description", "label", "mechanisms", "usage"};

static const char *set(struct rule *rule, const char *name, const char *value)
{
	/* It would be taken for no restriction. */
	if (!*value)
		return "it is empty";
	for (size_t i = 0; i < sizeof(peers) / sizeof(*peers); i++)
		if (!strcmp(peers[i].name, name))
			return add_all(rule, value, peers[i].add);
	for (size_t i = 0; i < sizeof(of_keys) / sizeof(*of_keys); i++)
		if (!strcmp(of_keys[i], name))
			return mapping_set(&rule->what, name, value);
	return "it is not known";
}

/* What a socket of ROW's algorithm does with a key: no less can be given. */
static unsigned int does(const struct mechanism *row)
{
	return strcmp(row->kernel_type, "hash") != 0 ? USAGE_ENCRYPT | USAGE_DECRYPT
						     : USAGE_SIGN | USAGE_VERIFY;
}

static const char *check(struct rule *rule)
{
	const struct metadata *what = &rule->what.metadata;
	unsigned int usage = what->usage;

	rule->keys = rule->what.description || rule->what.types || what->label;
	if (!rule->n_uids && !rule->n_gids && !rule->n_units)
		return "it names nobody: uid, gid or unit";
	if (!what->n_mechanisms)
		return "it names no mechanisms";
	if ((rule->what.description || rule->what.types) && mapping_end(&rule->what))
		return "keys are named by type and description, or by label";
	for (size_t i = 0; i < what->n_mechanisms; i++) {
		const struct mechanism *row = mechanism_find(what->mechanisms[i]);

		if (!row->kernel_name)
			return "one of its mechanisms needs no socket";
		if (rule->keys && !mechanism_takes_key(row))
			return "one of its mechanisms takes no key, and wants a section without";
		if (usage && mechanism_takes_key(row) && does(row) & ~usage)
			return "a socket does all that its algorithm can: usage names encrypt and "
			       "decrypt where a mechanism is of a cipher, sign and verify where it "
			       "is of a MAC, or is not there";
	}
	return NULL;
}

static void complain(const struct config_line *line, const struct rule *rule, const char *entry,
		     const char *why)
{
	log_line("%s:%u: [%s] %s%s%s", line->path, line->number, rule ? rule->name : "broker",
		 entry ? entry : "", entry ? ": " : "", why);
}

static void end_section(struct reading *reading)
{
	const char *why = reading->section == ALLOW ? check(reading->rule) : NULL;

	if (why && !reading->spoilt)
		complain(&reading->begun, reading->rule, NULL, why);
	reading->section = NOWHERE;
	reading->spoilt = false;
}

static void begin_section(void *user, const struct config_line *line, const char *name)
{
	struct reading *reading = user;
	struct rules *rules = reading->rules;
	size_t kind = name ? strcspn(name, " \t") : 0;

	end_section(reading);
	reading->begun = *line;
	if (!name)
		return;
	if (!strcmp(name, "broker")) {
		reading->section = BROKER;
	} else if (!word_is(name, kind, "allow") && !word_is(name, kind, "token") &&
		   !word_is(name, kind, "key") && strcmp(name, "mechanisms") != 0) {
		log_line("%s:%u: there is no section like [%s]", line->path, line->number, name);
	} else if (word_is(name, kind, "allow") && rules->count == RULES_MAX) {
		log_line("%s:%u: there are %d rules before it", line->path, line->number,
			 RULES_MAX);
	} else if (word_is(name, kind, "allow")) {
		reading->section = ALLOW;
		reading->rule = &rules->list[rules->count++];
		snprintf(reading->rule->name, sizeof(reading->rule->name), "%s", name);
	}
}

static const char *set_socket(struct rules *rules, const char *value)
{
	if (*rules->socket)
		return "it stands twice";
	if (*value != '/' || strlen(value) >= sizeof(rules->socket))
		return "it is no absolute path, or longer than a socket's can be";
	strcpy(rules->socket, value);
	return NULL;
}

static void take_entry(void *user, const struct config_line *line, const char *name,
		       const char *value)
{
	struct reading *reading = user;
	const char *why = NULL;

	if (reading->section == ALLOW)
		why = set(reading->rule, name, value);
	else if (reading->section == BROKER)
		why = strcmp(name, "socket") != 0 ? "it is not known"
						  : set_socket(reading->rules, value);
	if (why == no_memory)
		reading->err = -ENOMEM;
	if (!why)
		return;
	reading->spoilt = true;
	complain(line, reading->section == ALLOW ? reading->rule : NULL, name, why);
}

/* config.c reads the same file, and has said so. */
static void passed_over(void *user)
{
	(void)user;
}

int rules_read(struct rules *rules, const char *path)
{
	static const struct config_parser parser = {
		.section = begin_section, .entry = take_entry, .passed_over = passed_over};
	struct reading reading = {.rules = rules};
	int err;

	memset(rules, 0, sizeof(*rules));
	err = config_file_read(path, true, &parser, &reading);
	end_section(&reading);
	return err ? err : reading.err;
}

void rules_free(struct rules *rules)
{
	for (size_t i = 0; i < rules->count; i++) {
		struct rule *rule = &rules->list[i];

		mapping_free(&rule->what);
		while (rule->n_units)
			free(rule->units[--rule->n_units]);
	}
	rules->count = 0;
}

bool rules_name_units(const struct rules *rules)
{
	for (size_t i = 0; i < rules->count; i++)
		if (rules->list[i].n_units)
			return true;
	return false;
}

static bool is_in(const struct peer *peer, gid_t gid)
{
	if (peer->gid == gid)
		return true;
	for (size_t i = 0; i < peer->n_groups; i++)
		if (peer->groups[i] == gid)
			return true;
	return false;
}

static bool is_of(const struct rule *rule, const struct peer *peer)
{
	for (size_t i = 0; i < rule->n_uids; i++)
		if (rule->uids[i] == peer->uid)
			return true;
	for (size_t i = 0; i < rule->n_gids; i++)
		if (is_in(peer, rule->gids[i]))
			return true;
	for (size_t i = 0; i < rule->n_units; i++)
		if (!strcmp(rule->units[i], peer->unit))
			return true;
	return false;
}

uint64_t rules_of(const struct rules *rules, const struct peer *peer)
{
	uint64_t mine = 0;

	for (size_t i = 0; i < rules->count; i++)
		if (is_of(&rules->list[i], peer))
			mine |= UINT64_C(1) << i;
	return mine;
}

static bool has_label(const struct metadata *metadata, const struct metadata *wanted)
{
	return metadata->label_len == wanted->label_len &&
	       !memcmp(metadata->label, wanted->label, wanted->label_len);
}

static bool is_of_key(const struct rule *rule, const struct object *object)
{
	const struct mapping *what = &rule->what;

	if (!rule->keys || (what->metadata.label && !has_label(&object->metadata, &what->metadata)))
		return false;
	return !what->description ||
	       mapping_fits(what, object->key->source->type, object->key->description) > 0;
}

/* Whether RULE gives ROW's algorithm with the key of OBJECT. Usages and mechanisms that the key's
 * own description names restrict it here as well, where nobody can pass them by. */
static bool gives(const struct rule *rule, const struct mechanism *row, const struct object *object)
{
	unsigned int usage = rule->what.metadata.usage, needed = does(row);

	return (!usage || (usage & needed) == needed) &&
	       (object->metadata.usage & needed) == needed &&
	       mechanism_fits_key(row, object->key_type) &&
	       metadata_allows(&object->metadata, row->type);
}

/* A row of RULE for a socket of NAME of TYPE (NULL: any) with OBJECT (NULL: none). */
static bool finds(const struct rule *rule, const struct object *object, const char *type,
		  const char *name)
{
	const struct metadata *what = &rule->what.metadata;

	if (object && !is_of_key(rule, object))
		return false;
	for (size_t i = 0; i < what->n_mechanisms; i++) {
		const struct mechanism *row = mechanism_find(what->mechanisms[i]);

		if (name && (strcmp(row->kernel_name, name) || strcmp(row->kernel_type, type)))
			continue;
		if (!object || (mechanism_takes_key(row) && gives(rule, row, object)))
			return true;
	}
	return false;
}

const struct rule *rules_find(const struct rules *rules, uint64_t mine, const struct object *object,
			      const char *type, const char *name)
{
	for (size_t i = 0; i < rules->count; i++)
		if (mine & UINT64_C(1) << i && finds(&rules->list[i], object, type, name))
			return &rules->list[i];
	return NULL;
}

bool rules_show(const struct rules *rules, uint64_t mine, const struct object *object)
{
	return rules_find(rules, mine, object, NULL, NULL);
}

/* Whether this process may bind ROW's algorithm now. */
static bool is_here(const struct mechanism *row)
{
	int fd = alg_bind(row->kernel_type, row->kernel_name);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* The algorithms of RULE that are HERE, or are not, as the kernel calls them; cut where they are
 * too many. */
static void list_algorithms(const struct rule *rule, bool here, char *text, size_t size)
{
	size_t used = 0;

	*text = '\0';
	for (size_t i = 0; i < rule->what.metadata.n_mechanisms && used < size; i++) {
		const struct mechanism *row = mechanism_find(rule->what.metadata.mechanisms[i]);

		if (!strstr(text, row->kernel_name) && is_here(row) == here)
			used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "",
						 row->kernel_name);
	}
}

void rules_explain(const struct rules *rules)
{
	char names[512];

	for (size_t i = 0; i < rules->count; i++) {
		const struct rule *rule = &rules->list[i];

		list_algorithms(rule, true, names, sizeof(names));
		if (*names && rule->keys)
			log_line("[%s] gives sockets of %s with its keys, each of which does all "
				 "that the algorithm can, for as long as it is open; and the same "
				 "algorithms for keys of the peer's own",
				 rule->name, names);
		else if (*names)
			log_line("[%s] gives %s, without keys of ours", rule->name, names);
		list_algorithms(rule, false, names, sizeof(names));
		if (*names)
			log_line("[%s] cannot give %s: this kernel lacks it, or keeps it from this "
				 "process (crypto.af_alg_restrict; CAP_NET_ADMIN)",
				 rule->name, names);
	}
	if (!rules->count)
		log_line("there are no [allow] sections: nobody is given anything");
}
