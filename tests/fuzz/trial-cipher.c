/* SPDX-License-Identifier: BSD-2-Clause */
/* Encryption and decryption: whole, in parts, and beside a digest. */
#include "stage.h"
#include "trial.h"

/* In parts, whose lengths are asked for where CAREFUL. Not every mechanism has them. */
static void run_parts(CK_C_EncryptInit init, CK_C_EncryptUpdate update, CK_C_EncryptFinal final,
		      const struct text *text, bool careful, const struct room *whole)
{
	struct room joined = room_of(3 * ROOM);
	CK_ULONG n = 0, asked;
	bool taken = true;

	MUST(trial_begin(init) == CKR_OK);
	for (int i = 0; taken && i < 3; i++) {
		CK_BYTE *at = text->bytes + (i ? text->cut : 0);
		CK_ULONG length = i ? text->length - text->cut : text->cut;
		struct room part = room_of(ROOM);
		CK_RV rv = CKR_OK;

		if (careful)
			rv = i == 2 ? final(trial.session, NULL, &asked)
				    : update(trial.session, at, length, NULL, &asked);
		stage_answer(rv);
		if (rv == CKR_OK)
			rv = i == 2 ? final(trial.session, part.bytes, part.length)
				    : update(trial.session, at, length, part.bytes, part.length);
		room_check(&part, rv);
		taken = rv == CKR_OK;
		MUST(!taken || !careful || *part.length <= asked);
		if (taken)
			memcpy(joined.bytes + n, part.bytes, *part.length);
		n += taken ? *part.length : 0;
		room_free(&part);
	}
	MUST(!taken || room_is(whole, joined.bytes, n));
	room_free(&joined);
	C_SessionCancel(trial.session, CKF_ENCRYPT | CKF_DECRYPT);
}

/* A byte less than the result, and then just enough; after the first the operation goes on. */
static void run_tight(CK_C_EncryptInit init, CK_C_Encrypt function, const struct text *text,
		      const struct room *whole)
{
	struct room less = room_of(*whole->length ? *whole->length - 1 : 0),
		    enough = room_of(*whole->length);
	CK_RV rv = CKR_BUFFER_TOO_SMALL;

	MUST(trial_begin(init) == CKR_OK);
	if (*whole->length)
		rv = function(trial.session, text->bytes, text->length, less.bytes, less.length);
	room_check(&less, rv == CKR_BUFFER_TOO_SMALL && !*whole->length ? CKR_DATA_INVALID : rv);
	MUST(rv == CKR_BUFFER_TOO_SMALL);
	rv = function(trial.session, text->bytes, text->length, enough.bytes, enough.length);
	room_check(&enough, rv);
	MUST(rv == CKR_OK && room_is(&enough, whole->bytes, *whole->length));
	room_free(&less);
	room_free(&enough);
}

/* The room of CRYPTED is its own, or that of the text. */
static void run_dual(CK_C_EncryptInit init, CK_C_DigestEncryptUpdate update,
		     CK_C_EncryptFinal final, const struct text *in, const struct text *plain,
		     const struct room *whole, bool in_place)
{
	CK_MECHANISM sha256 = {CKM_SHA256, NULL, 0};
	struct room out = room_of(ROOM), rest = room_of(ROOM), digest = room_of(64),
		    expected = room_of(64);
	CK_RV rv;

	MUST(C_DigestInit(trial.session, &sha256) == CKR_OK);
	MUST(C_Digest(trial.session, plain->bytes, plain->length, expected.bytes,
		      expected.length) == CKR_OK);
	MUST(C_DigestInit(trial.session, &sha256) == CKR_OK);
	MUST(trial_begin(init) == CKR_OK);
	if (in_place)
		memcpy(out.bytes, in->bytes, in->length);
	rv = update(trial.session, in_place ? out.bytes : in->bytes, in->length, out.bytes,
		    out.length);
	stage_answer(rv);
	if (rv == CKR_OK)
		rv = final(trial.session, rest.bytes, rest.length);
	stage_answer(rv);
	if (rv == CKR_OK) {
		MUST(*out.length + *rest.length == *whole->length);
		MUST(!memcmp(out.bytes, whole->bytes, *out.length));
		MUST(!memcmp(rest.bytes, whole->bytes + *out.length, *rest.length));
		/* What comes out last of a decryption is not digested: section 5.16.2. */
		if (init == C_DecryptInit)
			rv = C_DigestUpdate(trial.session, rest.bytes, *rest.length);
		MUST(rv == CKR_OK &&
		     C_DigestFinal(trial.session, digest.bytes, digest.length) == CKR_OK);
		MUST(room_is(&digest, expected.bytes, *expected.length));
	}
	C_SessionCancel(trial.session, CKF_ENCRYPT | CKF_DECRYPT | CKF_DIGEST);
	room_free(&out);
	room_free(&rest);
	room_free(&digest);
	room_free(&expected);
}

/* SEALED is TEXT encrypted. */
static void try_all(const struct text *text, const struct room *sealed)
{
	struct text back = trial_text(sealed->bytes, *sealed->length, text->cut);
	struct room opened = room_of(ROOM);

	MUST(trial_run(C_DecryptInit, C_Decrypt, sealed->bytes, *sealed->length, &opened));
	MUST(room_is(&opened, text->bytes, text->length));
	run_parts(C_EncryptInit, C_EncryptUpdate, C_EncryptFinal, text, text->cut & 1, sealed);
	run_parts(C_DecryptInit, C_DecryptUpdate, C_DecryptFinal, &back, text->cut & 2, &opened);
	run_tight(C_EncryptInit, C_Encrypt, text, sealed);
	run_tight(C_DecryptInit, C_Decrypt, &back, &opened);
	run_dual(C_EncryptInit, C_DigestEncryptUpdate, C_EncryptFinal, text, text, sealed,
		 text->cut & 4);
	run_dual(C_DecryptInit, C_DecryptDigestUpdate, C_DecryptFinal, &back, text, &opened,
		 text->cut & 4);
	room_free(&opened);
}

void trial_cipher(const struct text *text)
{
	struct room sealed = room_of(ROOM), any = room_of(ROOM);

	trial_run(C_DecryptInit, C_Decrypt, text->bytes, text->length, &any);
	if (trial_run(C_EncryptInit, C_Encrypt, text->bytes, text->length, &sealed))
		try_all(text, &sealed);
	room_free(&sealed);
	room_free(&any);
}
