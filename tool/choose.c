/* SPDX-License-Identifier: BSD-2-Clause */
#include "tool/choose.h"

#include <errno.h>
#include <p11-kit/uri.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kcryptoki.h"
#include "tool/complain.h"
#include "tool/entry.h"

enum { ATTRIBUTES_MAX = 8 }; /* that a URI can name of an object, and one more */

/* Keys that were found, each once. */
struct found {
	CK_OBJECT_HANDLE *list;
	size_t count;
};

static bool insert(struct found *found, CK_OBJECT_HANDLE object)
{
	CK_OBJECT_HANDLE *larger;

	for (size_t i = 0; i < found->count; i++)
		if (found->list[i] == object)
			return true;
	larger = realloc(found->list, (found->count + 1) * sizeof(*larger));
	if (!larger)
		return false;
	larger[found->count++] = object;
	found->list = larger;
	return true;
}

/* Adds the secret keys that have these attributes, at most ATTRIBUTES_MAX - 1. */
static bool search(const struct token *token, const CK_ATTRIBUTE *list, CK_ULONG count,
		   struct found *found)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_ATTRIBUTE template[ATTRIBUTES_MAX] = {{CKA_CLASS, &class, sizeof(class)}};
	CK_OBJECT_HANDLE object;
	CK_ULONG n = 1;
	CK_RV rv;

	if (count >= ATTRIBUTES_MAX) {
		complain("more attributes are asked for than a key has");
		return false;
	}
	if (count)
		memcpy(&template[1], list, count * sizeof(*list));
	rv = C_FindObjectsInit(token->session, template, count + 1);
	while (rv == CKR_OK && n) {
		rv = C_FindObjects(token->session, &object, 1, &n);
		if (rv == CKR_OK && n && !insert(found, object))
			rv = CKR_HOST_MEMORY;
	}
	C_FindObjectsFinal(token->session);
	if (rv != CKR_OK)
		complain_of("C_FindObjects", rv);
	return rv == CKR_OK;
}

/* Whether the token is one that URI means. */
static bool is_token_of(const struct token *token, P11KitUri *uri)
{
	CK_TOKEN_INFO info;

	return C_GetTokenInfo(token->slot->id, &info) == CKR_OK &&
	       p11_kit_uri_match_token_info(uri, &info);
}

static bool search_uri(const struct token *token, const char *text, struct found *found)
{
	P11KitUri *uri = p11_kit_uri_new();
	int err = uri ? p11_kit_uri_parse(text, P11_KIT_URI_FOR_OBJECT_ON_TOKEN, uri)
		      : P11_KIT_URI_NO_MEMORY;
	const CK_ATTRIBUTE *list;
	CK_ULONG count = 0;
	bool searched = false;

	if (err) {
		complain("%s: %s", text, p11_kit_uri_message(err));
	} else if (p11_kit_uri_any_unrecognized(uri)) {
		complain("%s: the URI names something that is not known of keys", text);
	} else if (!is_token_of(token, uri)) {
		complain("%s: this is not token %s; --token names another", text,
			 token->slot->label);
	} else {
		list = p11_kit_uri_get_attributes(uri, &count);
		searched = search(token, list, count, found);
	}
	p11_kit_uri_free(uri);
	return searched;
}

/* TEXT as a serial number; 0: it is none. */
static CK_ULONG number_of(const char *text)
{
	unsigned long number;

	if (!*text || strspn(text, "0123456789") != strlen(text))
		return 0;
	errno = 0;
	number = strtoul(text, NULL, 10);
	return errno || number > INT32_MAX ? 0 : number;
}

static bool search_all(const struct token *token, const char *text, struct found *found)
{
	CK_ULONG number = number_of(text);
	CK_ATTRIBUTE label = {CKA_LABEL, (void *)text, strlen(text)};
	CK_ATTRIBUTE serial = {CKA_KCRYPTOKI_KEY_SERIAL, &number, sizeof(number)};

	if (!strncmp(text, "pkcs11:", strlen("pkcs11:")))
		return search_uri(token, text, found);
	return (!number || search(token, &serial, 1, found)) && search(token, &label, 1, found);
}

bool choose(const struct token *token, const char *text, CK_OBJECT_HANDLE *object)
{
	struct found found = {0};
	bool searched;

	complain_listen();
	searched = search_all(token, text, &found);
	if (searched && !found.count) {
		complain("token %s has no key %s; kcryptoki list shows those that it has",
			 token->slot->label, text);
		/* It may be there, and not be presented. */
		complain_log();
	}
	if (searched && found.count > 1) {
		complain("%s is more than one key; its serial number names one:", text);
		for (size_t i = 0; i < found.count; i++)
			entry_print(stderr, token, found.list[i]);
	}
	if (searched && found.count == 1)
		*object = found.list[0];
	else
		searched = false;
	free(found.list);
	return searched;
}

bool choose_serial(const struct token *token, const char *text, int32_t *serial)
{
	CK_ULONG number = 0;
	CK_ATTRIBUTE wanted = {CKA_KCRYPTOKI_KEY_SERIAL, &number, sizeof(number)};
	CK_OBJECT_HANDLE object;
	CK_RV rv;

	if (!choose(token, text, &object))
		return false;
	rv = C_GetAttributeValue(token->session, object, &wanted, 1);
	if (rv != CKR_OK)
		complain_of("C_GetAttributeValue", rv);
	*serial = (int32_t)number;
	return rv == CKR_OK;
}

bool choose_all(const struct token *token, CK_OBJECT_HANDLE **list, size_t *count)
{
	struct found found = {0};
	int keyring = token->slot->broker ? 0 : slot_keyring(token->slot);

	*list = NULL;
	*count = 0;
	if (keyring < 0) {
		complain("the keyring of token %s cannot be reached: %s", token->slot->label,
			 strerror(-keyring));
		return false;
	}
	complain_listen();
	if (!search(token, NULL, 0, &found)) {
		free(found.list);
		return false;
	}
	*list = found.list;
	*count = found.count;
	return true;
}
