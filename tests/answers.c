/* SPDX-License-Identifier: BSD-2-Clause */
#include "answers.h"

static const struct {
	CK_RV rv;
	unsigned int reason;
} answers[] = {
	{CKR_SESSION_HANDLE_INVALID, SESSION},
	{CKR_OPERATION_ACTIVE, STATE},
	{CKR_OPERATION_NOT_INITIALIZED, STATE},
	{CKR_KEY_HANDLE_INVALID, KEY | OTHERS_KEY},
	{CKR_OBJECT_HANDLE_INVALID, KEY},
	/* The kernel says EACCES of what was unlinked under the call, until it is collected. */
	{CKR_KEY_FUNCTION_NOT_PERMITTED, KEY | OTHERS_KEY},
	/* The quota: what was destroyed counts until the kernel's collector comes. */
	{CKR_DEVICE_MEMORY, FULL},
	{CKR_ACTION_PROHIBITED, UNCOPYABLE},
	/* The length of a key that is no more. */
	{CKR_ATTRIBUTE_TYPE_INVALID, GONE},
	/* Parts of several threads in one message. */
	{CKR_DATA_LEN_RANGE, MIXED},
	{CKR_ENCRYPTED_DATA_LEN_RANGE, MIXED},
	{CKR_ENCRYPTED_DATA_INVALID, MIXED},
	{CKR_SIGNATURE_INVALID, MIXED},
	{CKR_BUFFER_TOO_SMALL, MIXED},
};

static unsigned int reasons_of(const struct actor *a, unsigned int named)
{
	unsigned int reasons = named & FULL;

	if (a->common_session)
		reasons |= SESSION | (named & STATE);
	if (a->common_session && a->careless)
		reasons |= named & MIXED;
	if (a->common_session)
		reasons |= named & OTHERS_KEY;
	if (a->common_key)
		reasons |= named & (KEY | UNCOPYABLE | GONE);
	/* Handles are of one start of the module, and so are its keys of sessions. */
	return a->commons->ends ? reasons | SESSION | STATE | KEY : reasons;
}

int answers_refuse(struct actor *a, const char *call, CK_RV rv, unsigned int named)
{
	unsigned int reasons = reasons_of(a, named);

	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++)
		if (answers[i].rv == rv && answers[i].reason & reasons)
			return DEED_REFUSED;
	if (rv == CKR_CRYPTOKI_NOT_INITIALIZED && a->commons->ends)
		return DEED_REFUSED;
	return guest_error(&a->token, "0x%lx (%s session, %s key): %.120s", rv,
			   a->common_session ? "common" : "own", a->common_key ? "common" : "own",
			   call);
}
