/* SPDX-License-Identifier: BSD-2-Clause */
/* Digests and MACs, and verification. */
#include "stage.h"
#include "trial.h"

static CK_RV digest_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE none)
{
	(void)none;
	return C_DigestInit(session, mechanism);
}

static void run_parts(CK_C_EncryptInit init, CK_C_DigestUpdate update, CK_C_EncryptFinal final,
		      const struct text *text, const struct room *whole)
{
	struct room parts = room_of(ROOM);
	CK_RV rv;

	MUST(trial_begin(init) == CKR_OK);
	MUST(update(trial.session, text->bytes, text->cut) == CKR_OK);
	MUST(update(trial.session, text->bytes + text->cut, text->length - text->cut) == CKR_OK);
	rv = final(trial.session, parts.bytes, parts.length);
	room_check(&parts, rv);
	MUST(rv == CKR_OK && room_is(&parts, whole->bytes, *whole->length));
	room_free(&parts);
}

void trial_digest(const struct text *text)
{
	struct room whole = room_of(ROOM);

	if (trial_run(digest_init, C_Digest, text->bytes, text->length, &whole))
		run_parts(digest_init, C_DigestUpdate, C_DigestFinal, text, &whole);
	room_free(&whole);
}

static CK_RV verify(const struct text *text, CK_BYTE *signature, CK_ULONG length)
{
	MUST(trial_begin(C_VerifyInit) == CKR_OK);
	return C_Verify(trial.session, text->bytes, text->length, signature, length);
}

/* The same, as messages. */
static void verify_message(const struct text *text, const struct room *whole)
{
	struct room made = room_of(*whole->length);
	CK_RV rv = trial_begin(C_MessageSignInit);

	if (rv == CKR_OK) {
		rv = C_SignMessage(trial.session, NULL, 0, text->bytes, text->length, made.bytes,
				   made.length);
		room_check(&made, rv);
		MUST(rv == CKR_OK && room_is(&made, whole->bytes, *whole->length));
		MUST(C_MessageSignFinal(trial.session) == CKR_OK);
		MUST(trial_begin(C_MessageVerifyInit) == CKR_OK);
		MUST(C_VerifyMessageBegin(trial.session, NULL, 0) == CKR_OK);
		MUST(C_VerifyMessageNext(trial.session, NULL, 0, text->bytes, text->cut, NULL, 0) ==
		     CKR_OK);
		MUST(C_VerifyMessageNext(trial.session, NULL, 0, text->bytes + text->cut,
					 text->length - text->cut, made.bytes,
					 *made.length) == CKR_OK);
		MUST(C_MessageVerifyFinal(trial.session) == CKR_OK);
	}
	room_free(&made);
}

void trial_mac(const struct text *text)
{
	struct room whole = room_of(ROOM);

	if (trial_run(C_SignInit, C_Sign, text->bytes, text->length, &whole)) {
		run_parts(C_SignInit, C_SignUpdate, C_SignFinal, text, &whole);
		verify_message(text, &whole);
		MUST(verify(text, whole.bytes, *whole.length) == CKR_OK);
		MUST(verify(text, whole.bytes, *whole.length - 1) == CKR_SIGNATURE_LEN_RANGE);
		whole.bytes[text->cut % *whole.length] ^= 1;
		MUST(verify(text, whole.bytes, *whole.length) == CKR_SIGNATURE_INVALID);
	}
	room_free(&whole);
}
