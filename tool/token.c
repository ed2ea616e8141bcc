/* SPDX-License-Identifier: BSD-2-Clause */
#include "tool/token.h"

#include <string.h>

#include "tool/complain.h"

static bool is_wanted(const struct slot *slot, const char *label)
{
	return label ? !strcmp(slot->label, label) : !slot->broker;
}

/* The first slot that is wanted, or NULL. */
static const struct slot *find(const char *label)
{
	CK_SLOT_ID ids[TOKENS_MAX];
	CK_ULONG n = TOKENS_MAX;

	if (C_GetSlotList(CK_FALSE, ids, &n) != CKR_OK)
		return NULL;
	for (CK_ULONG i = 0; i < n; i++)
		if (is_wanted(slot_find(ids[i]), label))
			return slot_find(ids[i]);
	return NULL;
}

bool token_look(struct token *token, const struct options *options)
{
	const char *label = options->token;
	CK_FLAGS flags = CKF_SERIAL_SESSION | CKF_RW_SESSION;
	CK_RV rv;

	complain_listen();
	rv = C_Initialize(NULL);
	if (rv != CKR_OK) {
		complain_of("C_Initialize", rv);
		return false;
	}
	token->slot = find(label);
	if (!token->slot) {
		complain(label ? "there is no token %s; kcryptoki status says which there are"
			       : "there is no token%s; kcryptoki status says why",
			 label ? label : "");
		complain_log();
		C_Finalize(NULL);
		return false;
	}
	rv = C_OpenSession(token->slot->id, flags, NULL, NULL, &token->session);
	if (rv == CKR_OK)
		return true;
	complain_of("C_OpenSession", rv);
	C_Finalize(NULL);
	return false;
}

bool token_open(struct token *token, const struct options *options)
{
	if (!token_look(token, options))
		return false;
	if (!token->slot->broker)
		return true;
	complain("token %s is a broker's: its keys are made, changed and destroyed where the "
		 "broker has them",
		 token->slot->label);
	token_close(token);
	return false;
}

void token_close(struct token *token)
{
	C_Finalize(NULL);
	token->slot = NULL;
}
