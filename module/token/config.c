/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/config.h"

#include <errno.h>
#include <keyutils.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/broker-message.h"
#include "kernel/log.h"
#include "mech/mechanism.h"
#include "token/config-file.h"
#include "token/reserved.h"
#include "token/words.h"

static const struct {
	const char *name;
	enum family family;
} families[] = {
	{"ripemd160", FAMILY_RIPEMD160}, {"des3", FAMILY_DES3},
	{"camellia", FAMILY_CAMELLIA},   {"twofish", FAMILY_TWOFISH},
	{"blowfish", FAMILY_BLOWFISH},   {"cast128", FAMILY_CAST128},
	{"aria", FAMILY_ARIA},           {"all", FAMILY_ALL},
};

/* Of a [token] section, a bit each: the entries that it has. */
enum { KEYRING = 1, MASTER = 2, CREATE = 4, BROKER = 8, STORE = 16 };

enum section { NOWHERE, UNKNOWN, MECHANISMS, TOKEN, KEY, OTHERS };

struct reading {
	struct config *config;
	enum section section;
	char name[80]; /* the section's, for the log */
	struct config_line begun;
	struct token_config *token; /* TOKEN: the section's */
	unsigned int given;         /* TOKEN: which entries it has */
	int err;
};

static unsigned int family_named(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++)
		if (word_is(name, len, families[i].name))
			return families[i].family;
	return FAMILY_NONE;
}

static void read_legacy(struct config *config, const struct config_line *line, const char *list)
{
	unsigned int family;
	const char *word;
	size_t len;

	while ((word = word_next(&list, &len))) {
		family = family_named(word, len);
		if (!family)
			log_line("%s:%u: there is no family of mechanisms called %.*s", line->path,
				 line->number, (int)len, word);
		config->families |= family;
	}
}

/* How GCM is done where the kernel does not. */
static void read_gcm(struct config *config, const struct config_line *line, const char *text)
{
	if (strcmp(text, "composed") != 0)
		log_line("%s:%u: gcm is composed, or has no entry", line->path, line->number);
#ifdef HAVE_NETTLE
	else
		config->families |= FAMILY_GHASH;
#else
	else
		log_line("%s:%u: GCM cannot be composed: the module was built without nettle",
			 line->path, line->number);
	(void)config;
#endif
}

/* Copies TEXT, which is UTF-8, to a field of SIZE bytes, leaving out characters that do not fit. */
static void copy_text(char *field, size_t size, const char *text)
{
	size_t len = strnlen(text, size - 1);

	while (!metadata_is_text((const uint8_t *)text, len))
		len--;
	memcpy(field, text, len);
	field[len] = '\0';
}

/* TEXT is what the configuration calls the keyring. */
static const char *set_keyring(struct token_config *token, const char *text)
{
	const char *why = place_read(&token->keyring, text);
	char description[sizeof(token->description) + sizeof(token->keyring.name)];

	if (why)
		return why;
	copy_text(token->serial, sizeof(token->serial), text);
	switch (token->keyring.kind) {
	case PLACE_ALIAS:
		snprintf(description, sizeof(description), "Linux %s keyring (@%c)", text, *text);
		break;
	case PLACE_PERSISTENT:
		snprintf(description, sizeof(description), "Linux persistent keyring");
		break;
	case PLACE_SERIAL:
	case PLACE_NAME:
		snprintf(description, sizeof(description), "Linux keyring %s", text);
		break;
	}
	copy_text(token->description, sizeof(token->description), description);
	return NULL;
}

static const char *set_broker(struct token_config *token, const char *text)
{
	char description[sizeof(token->description) + sizeof(token->broker)];

	if (*text != '/')
		return "it is not the absolute path of a socket";
	if (strlen(text) >= sizeof(token->broker))
		return "the path is longer than a socket's can be";
	strcpy(token->broker, text);
	copy_text(token->serial, sizeof(token->serial), "broker");
	snprintf(description, sizeof(description), "kcryptokid at %s", text);
	copy_text(token->description, sizeof(token->description), description);
	return NULL;
}

static const char *set_master(struct token_config *token, const char *text)
{
	const char *colon = strchr(text, ':');

	/* Blanks separate the words of the kernel's order: security/keys/encrypted-keys. */
	if (!colon || !colon[1] || strpbrk(text, " \t") ||
	    (!word_is(text, (size_t)(colon - text), "user") &&
	     !word_is(text, (size_t)(colon - text), "trusted")))
		return "it is neither user:NAME nor trusted:NAME";
	if (strlen(text) >= sizeof(token->master))
		return "it is too long";
	strcpy(token->master, text);
	return NULL;
}

static const char *set_create(struct token_config *token, const char *text)
{
	token->create = strcmp(text, "encrypted") ? CREATE_LOGON : CREATE_ENCRYPTED;
	return token->create == CREATE_ENCRYPTED || !strcmp(text, "logon")
		       ? NULL
		       : "it is neither logon nor encrypted";
}

/* PATH, which is absolute, as others would write it. */
static void tidy(char *path)
{
	char *to = path;

	for (const char *from = path; *from;) {
		size_t len;

		from += strspn(from, "/");
		len = strcspn(from, "/");
		if (len && !(len == 1 && *from == '.')) {
			*to++ = '/';
			memmove(to, from, len);
			to += len;
		}
		from += len;
	}
	if (to == path)
		*to++ = '/';
	*to = '\0';
}

/* "~" is the home of who the process is, not of who began it: $HOME may be either's. */
static const char *set_store(struct token_config *token, const char *text)
{
	char buffer[4096];
	struct passwd entry, *found = NULL;
	const char *home = "";

	if (*text == '~' && text[1] == '/') {
		getpwuid_r(geteuid(), &entry, buffer, sizeof(buffer), &found);
		if (!found || *found->pw_dir != '/')
			return "this user has no home folder";
		home = found->pw_dir;
		text++;
	}
	if (*text != '/')
		return "it is neither the absolute path of a folder nor one in ~/";
	if ((size_t)snprintf(token->store, sizeof(token->store), "%s%s", home, text) >=
	    sizeof(token->store))
		return "the path is too long";
	/* Or two tokens could share it. */
	tidy(token->store);
	return NULL;
}

static const struct {
	const char *name;
	unsigned int bit;
	const char *(*set)(struct token_config *token, const char *text);
} token_entries[] = {
	{"keyring", KEYRING, set_keyring}, {"broker", BROKER, set_broker},
	{"master", MASTER, set_master},    {"create", CREATE, set_create},
	{"store", STORE, set_store},
};

static struct token_config *add_token(struct config *config)
{
	struct token_config *token = &config->tokens[config->n_tokens++];

	*token = (struct token_config){.usable = true};
	return token;
}

static void add_default(struct config *config, const char *label, const char *keyring)
{
	struct token_config *token = add_token(config);

	copy_text(token->label, sizeof(token->label), label);
	set_keyring(token, keyring);
}

void config_default(struct config *config)
{
	struct token_config *token;

	memset(config, 0, sizeof(*config));
	add_default(config, "kernel-user", "user");
	add_default(config, "kernel-session", "session");
	token = add_token(config);
	copy_text(token->label, sizeof(token->label), "kernel-broker");
	set_broker(token, BROKER_SOCKET);
}

/* The section loses what it stands for. */
static void spoil(struct reading *reading)
{
	if (reading->section == TOKEN)
		reading->token->usable = false;
	else if (reading->section == KEY)
		reading->config->mappings[reading->config->n_mappings - 1].unusable = true;
}

/* WHY is what is wrong with ENTRY of the section, or, where that is NULL, with the whole of it. */
static void complain(struct reading *reading, const struct config_line *line, const char *entry,
		     const char *why)
{
	log_line("%s:%u: [%s] %s%s%s; %s", line->path, line->number, reading->name,
		 entry ? entry : "", entry ? ": " : "", why,
		 reading->section == TOKEN ? "there will be no such token"
					   : "none of its keys will be presented");
	spoil(reading);
}

static void passed_over(void *user)
{
	/* It may have been the line that restricted the section. */
	spoil(user);
}

/* Keys of two tokens in one folder would be loaded into both. */
static bool shares_store(const struct config *config, const struct token_config *token)
{
	for (size_t i = 0; *token->store && i < config->n_tokens; i++)
		if (&config->tokens[i] != token && !strcmp(config->tokens[i].store, token->store))
			return true;
	return false;
}

static void end_section(struct reading *reading)
{
	struct config *config = reading->config;
	const char *why = NULL;

	if (reading->section == KEY)
		why = mapping_end(&config->mappings[config->n_mappings - 1]);
	else if (reading->section == TOKEN && !(reading->given & (KEYRING | BROKER)))
		why = "neither a keyring nor a broker is given";
	else if (reading->section == TOKEN && reading->given & BROKER && reading->given != BROKER)
		why = "the keys of a broker are in no keyring of this process, and none is made";
	else if (reading->section == TOKEN && reading->token->create == CREATE_ENCRYPTED &&
		 !(reading->given & MASTER))
		why = "keys cannot be created encrypted without a master key";
	else if (reading->section == TOKEN && shares_store(config, reading->token))
		why = "the store is another token's";
	if (why)
		complain(reading, &reading->begun, NULL, why);
	if (reading->section == TOKEN && !(reading->given & CREATE))
		reading->token->create = reading->given & MASTER ? CREATE_ENCRYPTED : CREATE_LOGON;
	reading->section = NOWHERE;
}

static void begin_token(struct reading *reading, const char *label)
{
	struct config *config = reading->config;
	size_t len = strlen(label);

	/* A file that names tokens names all of them. */
	if (!config->tokens_named)
		config->n_tokens = 0;
	config->tokens_named = true;
	if (config->n_tokens == TOKENS_MAX) {
		log_line("%s:%u: [%s] is passed over: there are %d tokens before it",
			 reading->begun.path, reading->begun.number, reading->name, TOKENS_MAX);
		return;
	}
	reading->section = TOKEN;
	reading->given = 0;
	reading->token = add_token(config);
	if (!len || len >= sizeof(reading->token->label) ||
	    !metadata_is_text((const uint8_t *)label, len)) {
		complain(reading, &reading->begun, NULL, "a label is UTF-8 of 1 to 32 bytes");
		return;
	}
	strcpy(reading->token->label, label);
	for (size_t i = 0; i + 1 < config->n_tokens; i++)
		if (!strcmp(config->tokens[i].label, label))
			complain(reading, &reading->begun, NULL, "the label is another token's");
}

static void begin_key(struct reading *reading)
{
	struct config *config = reading->config;
	struct mapping *larger =
		reallocarray(config->mappings, config->n_mappings + 1, sizeof(*larger));

	if (!larger) {
		reading->err = -ENOMEM;
		return;
	}
	config->mappings = larger;
	larger[config->n_mappings++] = (struct mapping){0};
	reading->section = KEY;
}

static void section(void *user, const struct config_line *line, const char *name)
{
	struct reading *reading = user;
	size_t kind = name ? strcspn(name, " \t") : 0;

	end_section(reading);
	reading->begun = *line;
	if (!name)
		return;
	snprintf(reading->name, sizeof(reading->name), "%s", name);
	if (word_is(name, kind, "token"))
		begin_token(reading, name + kind + strspn(name + kind, " \t"));
	else if (word_is(name, kind, "key"))
		begin_key(reading);
	/* What kcryptokid reads of its file itself: broker/rules.c. */
	else if (word_is(name, kind, "allow") || word_is(name, kind, "broker"))
		reading->section = OTHERS;
	else
		reading->section = strcmp(name, "mechanisms") ? UNKNOWN : MECHANISMS;
}

static void unknown(const struct reading *reading, const struct config_line *line, const char *name)
{
	log_line("%s:%u: [%s] %s is not known", line->path, line->number, reading->name, name);
}

static void token_entry(struct reading *reading, const struct config_line *line, const char *name,
			const char *value)
{
	const size_t n = sizeof(token_entries) / sizeof(*token_entries);
	const char *why;
	size_t i = 0;

	while (i < n && strcmp(token_entries[i].name, name))
		i++;
	if (i == n) {
		unknown(reading, line, name);
		return;
	}
	why = reading->given & token_entries[i].bit ? "it stands twice"
						    : token_entries[i].set(reading->token, value);
	reading->given |= token_entries[i].bit;
	if (why)
		complain(reading, line, name, why);
}

static void entry(void *user, const struct config_line *line, const char *name, const char *value)
{
	struct reading *reading = user;
	const char *why;

	switch (reading->section) {
	case NOWHERE:
	case OTHERS:
		break;
	case TOKEN:
		token_entry(reading, line, name, value);
		break;
	case KEY:
		why = mapping_set(&reading->config->mappings[reading->config->n_mappings - 1], name,
				  value);
		if (why)
			complain(reading, line, name, why);
		break;
	case MECHANISMS:
		if (!strcmp(name, "legacy"))
			read_legacy(reading->config, line, value);
		else if (!strcmp(name, "gcm"))
			read_gcm(reading->config, line, value);
		else
			unknown(reading, line, name);
		break;
	case UNKNOWN:
		unknown(reading, line, name);
		break;
	}
}

int config_read_file(struct config *config, const char *path, bool needed)
{
	static const struct config_parser parser = {
		.section = section, .entry = entry, .passed_over = passed_over};
	struct reading reading = {.config = config, .section = UNKNOWN};
	int err;

	config_default(config);
	err = config_file_read(path, needed, &parser, &reading);
	end_section(&reading);
	return err ? err : reading.err;
}

int config_read(struct config *config, const char *reserved)
{
	const char *path;
	char *named;
	int err = reserved_conf(reserved, &named);

	if (err) {
		config_default(config);
		return err;
	}
	path = named && *named ? named : secure_getenv("KCRYPTOKI_CONF");
	if (path && *path)
		err = config_read_file(config, path, true);
	else
		err = config_read_file(config, SYSCONFDIR "/kcryptoki.conf", false);
	free(named);
	return err;
}

void config_free(struct config *config)
{
	for (size_t i = 0; i < config->n_mappings; i++)
		mapping_free(&config->mappings[i]);
	free(config->mappings);
	memset(config, 0, sizeof(*config));
}
