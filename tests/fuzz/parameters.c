/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every mechanism with any parameter. What is refused leaves nothing behind; of what is taken the
 * caller frees his copy at once, and both directions, and one call and several, must agree.
 */
#include "arguments.h"
#include "fake-kernel.h"
#include "mech/mechanism.h"
#include "room.h"
#include "stage.h"
#include "structures.h"

enum { ROOM = 6000, OBJECTS = 64 };

static CK_SESSION_HANDLE session;
static const struct mechanism *row;
/* The key of the mechanism, and one to be wrapped, or to be a salt. */
static CK_OBJECT_HANDLE key, other;

/* What comes out of a parameter must be the same whenever: begun with the same bytes of the input.
 */
static struct input parameter;

struct text {
	uint8_t *bytes;
	size_t length, cut;
};

static CK_RV begin(CK_C_EncryptInit function)
{
	struct input input = parameter;
	struct bytes_argument bytes = structure_parameter(&input, row, other);
	CK_MECHANISM mechanism = {row->type, bytes.bytes, bytes.length};
	CK_RV rv = function(session, &mechanism, key);

	stage_answer(rv);
	arguments_free();
	return rv;
}

static CK_RV digest_init(CK_SESSION_HANDLE in, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE none)
{
	(void)none;
	return C_DigestInit(in, mechanism);
}

static bool is(const struct room *room, const uint8_t *bytes, size_t length)
{
	return *room->length == length && (!length || !memcmp(room->bytes, bytes, length));
}

/* All in one call. The length that is named first must be enough. */
static bool run(CK_C_EncryptInit init, CK_C_Encrypt function, const uint8_t *in, size_t length,
		struct room *room)
{
	CK_ULONG asked = 0;
	CK_RV rv = begin(init);

	if (rv != CKR_OK)
		return false;
	rv = function(session, (CK_BYTE *)in, length, NULL, &asked);
	stage_answer(rv);
	if (rv != CKR_OK)
		return false;
	rv = function(session, (CK_BYTE *)in, length, room->bytes, room->length);
	room_check(room, rv);
	MUST(rv != CKR_OK || *room->length <= asked);
	return rv == CKR_OK;
}

/* In parts, whose lengths are asked for where CAREFUL. Not every mechanism has them. */
static void run_parts(CK_C_EncryptInit init, CK_C_EncryptUpdate update, CK_C_EncryptFinal final,
		      const struct text *text, bool careful, const struct room *whole)
{
	struct room joined = room_of(3 * ROOM);
	CK_ULONG n = 0, asked;
	bool taken = true;

	MUST(begin(init) == CKR_OK);
	for (int i = 0; taken && i < 3; i++) {
		CK_BYTE *at = text->bytes + (i ? text->cut : 0);
		CK_ULONG length = i ? text->length - text->cut : text->cut;
		struct room part = room_of(ROOM);
		CK_RV rv = CKR_OK;

		if (careful)
			rv = i == 2 ? final(session, NULL, &asked)
				    : update(session, at, length, NULL, &asked);
		stage_answer(rv);
		if (rv == CKR_OK)
			rv = i == 2 ? final(session, part.bytes, part.length)
				    : update(session, at, length, part.bytes, part.length);
		room_check(&part, rv);
		taken = rv == CKR_OK;
		MUST(!taken || !careful || *part.length <= asked);
		if (taken)
			memcpy(joined.bytes + n, part.bytes, *part.length);
		n += taken ? *part.length : 0;
		room_free(&part);
	}
	MUST(!taken || is(whole, joined.bytes, n));
	room_free(&joined);
	C_SessionCancel(session, CKF_ENCRYPT | CKF_DECRYPT);
}

static void try_cipher(const struct text *text)
{
	struct room sealed = room_of(ROOM), opened = room_of(ROOM), any = room_of(ROOM);

	run(C_DecryptInit, C_Decrypt, text->bytes, text->length, &any);
	if (run(C_EncryptInit, C_Encrypt, text->bytes, text->length, &sealed)) {
		struct text back = {sealed.bytes, *sealed.length, text->cut};

		MUST(run(C_DecryptInit, C_Decrypt, sealed.bytes, *sealed.length, &opened));
		MUST(is(&opened, text->bytes, text->length));
		run_parts(C_EncryptInit, C_EncryptUpdate, C_EncryptFinal, text, text->cut & 1,
			  &sealed);
		if (back.cut > back.length)
			back.cut = back.length;
		run_parts(C_DecryptInit, C_DecryptUpdate, C_DecryptFinal, &back, text->cut & 2,
			  &opened);
	}
	room_free(&sealed);
	room_free(&opened);
	room_free(&any);
}

/* Digests and MACs. */
static void try_hash(const struct text *text, CK_C_EncryptInit init, CK_C_Encrypt function,
		     CK_C_DigestUpdate update, CK_C_EncryptFinal final)
{
	struct room whole = room_of(ROOM), parts = room_of(ROOM);
	CK_RV rv;

	if (run(init, function, text->bytes, text->length, &whole)) {
		MUST(begin(init) == CKR_OK);
		MUST(update(session, text->bytes, text->cut) == CKR_OK);
		MUST(update(session, text->bytes + text->cut, text->length - text->cut) == CKR_OK);
		rv = final(session, parts.bytes, parts.length);
		MUST(rv == CKR_OK && is(&parts, whole.bytes, *whole.length));
	}
	if (row->flags & CKF_VERIFY && begin(C_VerifyInit) == CKR_OK) {
		rv = C_Verify(session, text->bytes, text->length, whole.bytes, *whole.length);
		stage_answer(rv);
	}
	room_free(&whole);
	room_free(&parts);
}

/* One message. Its parameter is the caller's to the end: nonce and tag are written there. */
static void try_message(struct bytes_argument *message, struct bytes_argument *aad,
			const struct text *text)
{
	struct room sealed = room_of(ROOM), opened = room_of(ROOM), more = room_of(ROOM);
	CK_RV rv =
		C_EncryptMessage(session, message->bytes, message->length, aad->bytes, aad->length,
				 text->bytes, text->length, sealed.bytes, sealed.length);

	room_check(&sealed, rv);
	if (rv == CKR_OK) {
		CK_ULONG cut = text->cut < *sealed.length ? text->cut : *sealed.length;

		rv = C_DecryptMessage(session, message->bytes, message->length, aad->bytes,
				      aad->length, sealed.bytes, *sealed.length, opened.bytes,
				      opened.length);
		room_check(&opened, rv);
		MUST(rv == CKR_OK && is(&opened, text->bytes, text->length));
		*opened.length = opened.offered;
		MUST(C_DecryptMessageBegin(session, message->bytes, message->length, aad->bytes,
					   aad->length) == CKR_OK);
		rv = C_DecryptMessageNext(session, message->bytes, message->length, sealed.bytes,
					  cut, opened.bytes, opened.length, 0);
		stage_answer(rv);
		if (rv == CKR_OK)
			rv = C_DecryptMessageNext(session, message->bytes, message->length,
						  sealed.bytes + cut, *sealed.length - cut,
						  more.bytes, more.length, CKF_END_OF_MESSAGE);
		stage_answer(rv);
		MUST(rv != CKR_OK || *opened.length + *more.length == text->length);
		MUST(rv != CKR_OK ||
		     !memcmp(more.bytes, text->bytes + *opened.length, *more.length));
	}
	room_free(&sealed);
	room_free(&opened);
	room_free(&more);
}

/* The nonces of later messages are made of those before. */
static void try_messages(struct input *input, const struct text *text)
{
	struct bytes_argument message, aad;

	if (begin(C_MessageEncryptInit) != CKR_OK || begin(C_MessageDecryptInit) != CKR_OK)
		return;
	message = structure_message(input, row);
	aad = argument_bytes(input);
	for (int i = 0; i < 3; i++)
		try_message(&message, &aad, text);
	C_MessageEncryptFinal(session);
	C_MessageDecryptFinal(session);
	arguments_free();
}

static CK_ULONG count_objects(void)
{
	CK_OBJECT_HANDLE list[OBJECTS];
	CK_ULONG n = 0;

	MUST(C_FindObjectsInit(session, NULL, 0) == CKR_OK);
	MUST(C_FindObjects(session, list, OBJECTS, &n) == CKR_OK);
	MUST(C_FindObjectsFinal(session) == CKR_OK);
	return n;
}

static struct room value_of(CK_OBJECT_HANDLE object)
{
	struct room room = room_of(ROOM);
	CK_ATTRIBUTE asked = {CKA_VALUE, room.bytes, room.offered};

	MUST(C_GetAttributeValue(session, object, &asked, 1) == CKR_OK);
	*room.length = asked.ulValueLen;
	return room;
}

static void unwrap(CK_MECHANISM *mechanism, const struct room *wrapped)
{
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ATTRIBUTE list[] = {{CKA_EXTRACTABLE, &yes, sizeof(yes)},
			       {CKA_SENSITIVE, &no, sizeof(no)}};
	CK_OBJECT_HANDLE again = CK_INVALID_HANDLE;

	MUST(C_UnwrapKey(session, mechanism, key, wrapped->bytes, *wrapped->length, list, 2,
			 &again) == CKR_OK);

	struct room before = value_of(other), after = value_of(again);

	MUST(is(&after, before.bytes, *before.length));
	room_free(&before);
	room_free(&after);
}

static void try_wrap(const struct text *text)
{
	struct input input = parameter;
	struct bytes_argument bytes = structure_parameter(&input, row, other);
	CK_MECHANISM mechanism = {row->type, bytes.bytes, bytes.length};
	struct room wrapped = room_of(ROOM);
	CK_OBJECT_HANDLE any = CK_INVALID_HANDLE;
	CK_RV rv = C_WrapKey(session, &mechanism, key, other, wrapped.bytes, wrapped.length);

	room_check(&wrapped, rv);
	if (rv == CKR_OK)
		unwrap(&mechanism, &wrapped);
	stage_answer(
		C_UnwrapKey(session, &mechanism, key, text->bytes, text->length, NULL, 0, &any));
	room_free(&wrapped);
	arguments_free();
}

/* All keys are made, or none. */
static void try_make(struct input *input)
{
	struct bytes_argument bytes = structure_parameter(&parameter, row, other);
	CK_MECHANISM mechanism = {row->type, bytes.bytes, bytes.length};
	CK_ULONG length = input_byte(input), before = count_objects();
	CK_ATTRIBUTE list[] = {{CKA_VALUE_LEN, &length, sizeof(length)}};
	CK_ULONG count = length && length < 0xff;
	CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;
	CK_RV rv = row->derive ? C_DeriveKey(session, &mechanism, key, list, count, &made)
			       : C_GenerateKey(session, &mechanism, list, count, &made);

	stage_answer(rv);
	MUST((rv == CKR_OK) == (made != CK_INVALID_HANDLE));
	MUST(rv == CKR_OK ? count_objects() > before : count_objects() == before);
	arguments_free();
}

static CK_OBJECT_HANDLE new_key(CK_KEY_TYPE type, CK_ULONG length, uint8_t how)
{
	static CK_BYTE value[512] = "the bytes of a key of parameters, of whatever length it has";
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_BBOOL token = how & 1, sensitive = how >> 1 & 1, extractable = !sensitive;
	CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
	CK_ATTRIBUTE list[] = {
		{CKA_CLASS, &class, sizeof(class)},
		{CKA_KEY_TYPE, &type, sizeof(type)},
		{CKA_VALUE, value, length},
		{CKA_TOKEN, &token, sizeof(token)},
		{CKA_SENSITIVE, &sensitive, sizeof(sensitive)},
		{CKA_EXTRACTABLE, &extractable, sizeof(extractable)},
	};

	MUST(C_CreateObject(session, list, sizeof(list) / sizeof(*list), &object) == CKR_OK);
	return object;
}

static void make_keys(struct input *input)
{
	CK_ULONG step = row->key_step ? row->key_step : 8;
	CK_ULONG length = row->key_min + input_byte(input) % 4 * step;
	uint8_t how = input_byte(input);

	if (length > row->key_max)
		length = row->key_max;
	key = length ? new_key(row->any_key ? CKK_GENERIC_SECRET : row->key_types[0], length, how)
		     : CK_INVALID_HANDLE;
	other = new_key(CKK_GENERIC_SECRET, 1 + input_byte(input) % 64, 0);
}

static struct text read_text(struct input *input)
{
	uint8_t n = input_byte(input);
	struct text text = {.length = n < 0x80 ? n / 16 * 16 : n};

	text.cut = input_byte(input);
	text.bytes = input_bytes(input, &text.length);
	if (text.cut > text.length)
		text.cut = text.length;
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	struct text text;

	stage_reset("");
	session = stage_begin();
	row = &mechanisms[input_byte(&input) % n_mechanisms];
	make_keys(&input);
	text = read_text(&input);
	parameter = input;
	if (row->flags & CKF_DIGEST)
		try_hash(&text, digest_init, C_Digest, C_DigestUpdate, C_DigestFinal);
	if (row->flags & CKF_SIGN)
		try_hash(&text, C_SignInit, C_Sign, C_SignUpdate, C_SignFinal);
	if (row->flags & CKF_ENCRYPT)
		try_cipher(&text);
	if (row->decode_message)
		try_messages(&input, &text);
	if (row->flags & CKF_WRAP)
		try_wrap(&text);
	if (row->flags & (CKF_DERIVE | CKF_GENERATE))
		try_make(&input);
	free(text.bytes);
	stage_end();
	return 0;
}
