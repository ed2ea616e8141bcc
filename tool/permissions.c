/* SPDX-License-Identifier: BSD-2-Clause */
#include "tool/permissions.h"

#include <keyutils.h>

#include "token/words.h"

enum {
	POSSESSOR_NEEDS = KEY_POS_VIEW | KEY_POS_SEARCH | KEY_POS_LINK,
	WRITING = KEY_POS_WRITE | KEY_POS_SETATTR | KEY_USR_WRITE | KEY_USR_SETATTR |
		  KEY_GRP_WRITE | KEY_GRP_SETATTR | KEY_OTH_WRITE | KEY_OTH_SETATTR,
};

static const struct {
	const char *word;
	uint32_t use;
	bool given; /* to a word of the command line */
} whom[] = {
	{"possessor", KEY_POS_VIEW | KEY_POS_SEARCH, true},
	{"user", KEY_USR_VIEW | KEY_USR_SEARCH, true},
	{"group", KEY_GRP_VIEW | KEY_GRP_SEARCH, true},
	{"other", KEY_OTH_VIEW | KEY_OTH_SEARCH, false},
};

enum { WHOM = sizeof(whom) / sizeof(*whom) };

bool permissions_add(const char *word, size_t len, uint32_t *mask)
{
	for (size_t i = 0; i < WHOM; i++) {
		if (!whom[i].given || !word_is(word, len, whom[i].word))
			continue;
		*mask |= whom[i].use;
		return true;
	}
	return false;
}

bool permissions_read(const char *list, uint32_t *mask)
{
	const char *word;
	size_t len;
	bool any = false;

	while ((word = word_next(&list, &len))) {
		if (!permissions_add(word, len, mask))
			return false;
		any = true;
	}
	return any;
}

json_t *permissions_users(uint32_t mask)
{
	json_t *users = json_array();

	for (size_t i = 0; i < WHOM; i++)
		if ((mask & whom[i].use) == whom[i].use)
			json_array_append_new(users, json_string(whom[i].word));
	return users;
}

bool permissions_writable(uint32_t mask)
{
	return mask & WRITING;
}

bool permissions_final(uint32_t mask)
{
	return !(mask & (KEY_POS_SETATTR | KEY_USR_SETATTR | KEY_GRP_SETATTR | KEY_OTH_SETATTR));
}

uint32_t permissions_anew(uint32_t mask, uint32_t users, bool final)
{
	uint32_t made = (mask & KEY_POS_ALL) | POSSESSOR_NEEDS | KEY_USR_VIEW | users;

	return final ? made & ~(uint32_t)WRITING : made;
}
