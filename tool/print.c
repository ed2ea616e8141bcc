/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "tool/report.h"

enum { WIDTH = 78 };

json_t *printable(const char *text)
{
	char out[20000];
	size_t n = 0;

	for (; *text && n + 5 < sizeof(out); text++) {
		if (*text >= 0x20 && *text < 0x7f)
			out[n++] = *text;
		else
			n += (size_t)snprintf(out + n, 5, "\\x%02x", (unsigned char)*text);
	}
	out[n] = '\0';
	return json_string(out);
}

static const char *text_of(json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

static long long number_of(json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static void print_machine(json_t *report)
{
	json_t *kernel = json_object_get(report, "kernel"), *level;
	json_t *process = json_object_get(report, "process"), *list, *one;
	json_t *quota = json_object_get(report, "quota");
	size_t i;

	level = json_object_get(kernel, "af_alg_restrict");
	printf("Linux %s, uid %lld", text_of(kernel, "release"), number_of(process, "uid"));
	list = json_object_get(process, "capabilities");
	for (i = 0; (one = json_array_get(list, i)); i++)
		printf(", %s", json_string_value(one));
	if (json_is_true(json_object_get(process, "user_namespace")))
		printf(", in a user namespace, where capabilities do not count");
	printf("\nAF_ALG: ");
	if (!json_is_true(json_object_get(kernel, "af_alg")))
		printf("cannot be used: %s", text_of(kernel, "why"));
	else if (json_is_null(level))
		printf("not restricted");
	else
		printf("crypto.af_alg_restrict is %lld%s", json_integer_value(level),
		       json_integer_value(level) == 1
			       ? ", which leaves plain users little, and administrators more"
			       : "");
	puts("");
	if (json_is_true(json_object_get(kernel, "af_alg")) &&
	    !json_is_true(json_object_get(kernel, "unread_keys")))
		puts("Keys: this kernel cannot use keys unread (ALG_SET_KEY_BY_KEY_SERIAL, Linux "
		     "6.2)");
	if (json_is_object(quota))
		printf("Quota: %lld of %lld keys, %lld of %lld bytes\n", number_of(quota, "keys"),
		       number_of(quota, "keys_max"), number_of(quota, "bytes"),
		       number_of(quota, "bytes_max"));
}

static void print_configuration(json_t *report)
{
	json_t *configuration = json_object_get(report, "configuration"), *list, *one;
	const char *file = text_of(configuration, "file");
	size_t i;

	printf("Configuration: %s\n", *file ? file : "none");
	list = json_object_get(configuration, "mistakes");
	for (i = 0; (one = json_array_get(list, i)); i++)
		printf("  mistake: %s\n", json_string_value(one));
}

static void print_key(json_t *key)
{
	json_t *length = json_object_get(key, "length");
	const char *mend = text_of(key, "mend"), *hint = text_of(key, "hint");

	printf("  %-8s %11lld  %-9s  %s", text_of(key, "state"), number_of(key, "serial"),
	       text_of(key, "type"), text_of(key, "label"));
	if (*text_of(key, "key_type"))
		printf(" (id %s, %s", text_of(key, "id"), text_of(key, "key_type"));
	if (json_is_integer(length))
		printf(", %lld bytes", json_integer_value(length));
	if (*text_of(key, "key_type"))
		puts(json_is_true(json_object_get(key, "stored"))    ? ", stored)"
		     : json_is_false(json_object_get(key, "stored")) ? ", volatile)"
								     : ")");
	else
		puts("");
	if (*text_of(key, "why"))
		printf("    why:  %s\n", text_of(key, "why"));
	if (*mend)
		printf("    mend: %s\n", mend);
	if (*hint)
		printf("    note: %s\n", hint);
}

static void print_other(json_t *key)
{
	const char *mend = text_of(key, "mend");

	printf("  hidden   %11lld  %-9s  %s\n    why:  %s\n", number_of(key, "serial"),
	       text_of(key, "type"), text_of(key, "description"), text_of(key, "why"));
	if (!*mend)
		return;
	puts("    mend: in the configuration,");
	while (*mend) {
		size_t len = strcspn(mend, "\n");

		printf("          %.*s\n", (int)len, mend);
		mend += len + !!mend[len];
	}
}

/* What becomes of the keys of TOKEN at the next reboot. */
static void print_store(json_t *token)
{
	json_t *store = json_object_get(token, "store"), *keys, *key;
	bool is_volatile = false, savable = false;
	size_t i;

	if (json_is_object(store)) {
		printf("  store: %s", text_of(store, "folder"));
		if (*text_of(store, "why"))
			printf(": %s, %s", text_of(store, "state"), text_of(store, "why"));
		puts("");
	}
	keys = json_object_get(token, "keys");
	for (i = 0; (key = json_array_get(keys, i)); i++) {
		const char *type = text_of(key, "type");

		if (!json_is_false(json_object_get(key, "stored")))
			continue;
		is_volatile = true;
		savable |= !strcmp(type, "encrypted") || !strcmp(type, "trusted");
	}
	if (is_volatile)
		puts("  volatile: gone with the keyring, at the next reboot at the latest");
	if (savable)
		puts(json_is_object(store)
			     ? "    mend: kcryptoki save, for those of type encrypted and trusted"
			     : "    mend: for those of type encrypted and trusted, \"store = "
			       "FOLDER\" "
			       "in the\n          configuration, and kcryptoki save");
}

static void print_tokens(json_t *report)
{
	json_t *tokens = json_object_get(report, "tokens"), *token, *key, *list;
	size_t i, k;

	for (i = 0; (token = json_array_get(tokens, i)); i++) {
		printf("\n%s: %s", text_of(token, "label"), text_of(token, "place"));
		if (*text_of(token, "why"))
			printf(": %s, %s", text_of(token, "state"), text_of(token, "why"));
		puts("");
		list = json_object_get(token, "keys");
		for (k = 0; (key = json_array_get(list, k)); k++)
			print_key(key);
		list = json_object_get(token, "not_presented");
		for (k = 0; (key = json_array_get(list, k)); k++)
			print_other(key);
		print_store(token);
	}
}

/* The mechanisms that are WHERE, in lines of their own. */
static void print_names(json_t *mechanisms, const char *where, const char *title)
{
	size_t column = 0, i;
	json_t *one;

	for (i = 0; (one = json_array_get(mechanisms, i)); i++) {
		const char *name = text_of(one, "name");

		if (strcmp(text_of(one, "where"), where) != 0)
			continue;
		if (!column) {
			printf("\n%s:\n ", title);
			column = 1;
		} else if (column + strlen(name) + 1 > WIDTH) {
			printf("\n ");
			column = 1;
		}
		column += (size_t)printf(" %s", name);
	}
	if (column)
		puts("");
}

void print_report(json_t *report)
{
	json_t *mechanisms = json_object_get(report, "mechanisms");

	print_machine(report);
	print_configuration(report);
	print_tokens(report);
	print_names(mechanisms, "here", "Mechanisms that work here");
	print_names(mechanisms, "broker", "Mechanisms that a broker gives");
	print_names(mechanisms, "nowhere",
		    "Not to be had (this kernel lacks them, or keeps them from this process)");
}

/* Whether all that is counted in LIST has a "state" or "where" other than BAD. */
static bool all_but(json_t *list, const char *name, const char *bad)
{
	size_t i;
	json_t *one;

	for (i = 0; (one = json_array_get(list, i)); i++)
		if (!strcmp(text_of(one, name), bad))
			return false;
	return true;
}

/* Whether the kernel keeps something from processes like this one: what it does not keep, and has
 * not, is nobody's mistake. */
static bool is_restricted(json_t *report)
{
	json_t *kernel = json_object_get(report, "kernel");

	return number_of(kernel, "af_alg_restrict") &&
	       !all_but(json_object_get(report, "mechanisms"), "where", "nowhere");
}

int report_verdict(json_t *report)
{
	json_t *tokens = json_object_get(report, "tokens"), *token;
	json_t *configuration = json_object_get(report, "configuration");
	bool whole = !is_restricted(report) &&
		     !json_array_size(json_object_get(configuration, "mistakes"));
	size_t there = 0, i;

	for (i = 0; (token = json_array_get(tokens, i)); i++) {
		json_t *store = json_object_get(token, "store");

		there += strcmp(text_of(token, "state"), "absent") != 0;
		whole = whole && strcmp(text_of(store, "state"), "refused") != 0;
		whole = whole && all_but(json_object_get(token, "keys"), "state", "refused");
	}
	return !there ? 2 : !whole;
}
