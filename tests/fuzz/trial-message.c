/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages of an AEAD, whose parameter is the caller's to the end: nonce and tag are written there.
 */
#include "arguments.h"
#include "stage.h"
#include "structures.h"
#include "trial.h"

static struct bytes_argument parameter, aad;

static CK_RV seal(const struct text *text, struct room *out)
{
	CK_RV rv = C_EncryptMessage(trial.session, parameter.bytes, parameter.length, aad.bytes,
				    aad.length, text->bytes, text->length, out->bytes, out->length);

	room_check(out, rv);
	return rv;
}

static CK_RV open_whole(const struct room *sealed, struct room *out)
{
	CK_RV rv = C_DecryptMessage(trial.session, parameter.bytes, parameter.length, aad.bytes,
				    aad.length, sealed->bytes, *sealed->length, out->bytes,
				    out->length);

	room_check(out, rv);
	return rv;
}

/* SEALED in two parts, of which those before the last may give nothing. */
static void open_parts(const struct room *sealed, const struct text *text)
{
	struct text cut = trial_text(sealed->bytes, *sealed->length, text->cut);
	struct room first = room_of(ROOM), second = room_of(ROOM);
	CK_RV rv = C_DecryptMessageBegin(trial.session, parameter.bytes, parameter.length,
					 aad.bytes, aad.length);

	MUST(rv == CKR_OK);
	rv = C_DecryptMessageNext(trial.session, parameter.bytes, parameter.length, cut.bytes,
				  cut.cut, first.bytes, first.length, 0);
	room_check(&first, rv);
	MUST(rv == CKR_OK);
	rv = C_DecryptMessageNext(trial.session, parameter.bytes, parameter.length,
				  cut.bytes + cut.cut, cut.length - cut.cut, second.bytes,
				  second.length, CKF_END_OF_MESSAGE);
	room_check(&second, rv);
	MUST(rv == CKR_OK && *first.length + *second.length == text->length);
	MUST(!memcmp(first.bytes, text->bytes, *first.length));
	MUST(!memcmp(second.bytes, text->bytes + *first.length, *second.length));
	room_free(&first);
	room_free(&second);
}

static void try_message(const struct text *text)
{
	struct room sealed = room_of(ROOM), opened = room_of(ROOM);

	if (seal(text, &sealed) == CKR_OK) {
		MUST(open_whole(&sealed, &opened) == CKR_OK);
		MUST(room_is(&opened, text->bytes, text->length));
		open_parts(&sealed, text);
	}
	room_free(&sealed);
	room_free(&opened);
}

void trial_messages(struct input *input, const struct text *text)
{
	if (trial_begin(C_MessageEncryptInit) != CKR_OK ||
	    trial_begin(C_MessageDecryptInit) != CKR_OK)
		return;
	parameter = structure_message(input, trial.row);
	aad = argument_bytes(input);
	/* The nonces of later messages are made of those before. */
	for (int i = 0; i < 3; i++)
		try_message(text);
	MUST(C_MessageEncryptFinal(trial.session) == CKR_OK);
	MUST(C_MessageDecryptFinal(trial.session) == CKR_OK);
	arguments_free();
}
