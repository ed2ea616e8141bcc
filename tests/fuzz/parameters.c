/* SPDX-License-Identifier: BSD-2-Clause */
/* Every mechanism with any parameter: trial.h says what must come of it. */
#include "arguments.h"
#include "stage.h"
#include "structures.h"
#include "trial.h"

enum { OBJECTS = 64 };

static CK_ULONG count_objects(void)
{
	CK_OBJECT_HANDLE list[OBJECTS];
	CK_ULONG n = 0;

	MUST(C_FindObjectsInit(trial.session, NULL, 0) == CKR_OK);
	MUST(C_FindObjects(trial.session, list, OBJECTS, &n) == CKR_OK);
	MUST(C_FindObjectsFinal(trial.session) == CKR_OK);
	return n;
}

static struct room value_of(CK_OBJECT_HANDLE object)
{
	struct room room = room_of(ROOM);
	CK_ATTRIBUTE asked = {CKA_VALUE, room.bytes, room.offered};

	MUST(C_GetAttributeValue(trial.session, object, &asked, 1) == CKR_OK);
	*room.length = asked.ulValueLen;
	return room;
}

static void unwrap(CK_MECHANISM *mechanism, const struct room *wrapped)
{
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ATTRIBUTE list[] = {{CKA_EXTRACTABLE, &yes, sizeof(yes)},
			       {CKA_SENSITIVE, &no, sizeof(no)}};
	CK_OBJECT_HANDLE again = CK_INVALID_HANDLE;

	MUST(C_UnwrapKey(trial.session, mechanism, trial.key, wrapped->bytes, *wrapped->length,
			 list, 2, &again) == CKR_OK);

	struct room before = value_of(trial.other), after = value_of(again);

	MUST(room_is(&after, before.bytes, *before.length));
	room_free(&before);
	room_free(&after);
}

static void try_wrap(const struct text *text)
{
	struct input input = trial.parameter;
	struct bytes_argument bytes = structure_parameter(&input, trial.row, trial.other);
	CK_MECHANISM mechanism = {trial.row->type, bytes.bytes, bytes.length};
	struct room wrapped = room_of(ROOM);
	CK_OBJECT_HANDLE any = CK_INVALID_HANDLE;
	CK_RV rv = C_WrapKey(trial.session, &mechanism, trial.key, trial.other, wrapped.bytes,
			     wrapped.length);

	room_check(&wrapped, rv);
	if (rv == CKR_OK)
		unwrap(&mechanism, &wrapped);
	stage_answer(C_UnwrapKey(trial.session, &mechanism, trial.key, text->bytes, text->length,
				 NULL, 0, &any));
	room_free(&wrapped);
	arguments_free();
}

/* All keys are made, or none. */
static void try_make(struct input *input)
{
	struct bytes_argument bytes = structure_parameter(&trial.parameter, trial.row, trial.other);
	CK_MECHANISM mechanism = {trial.row->type, bytes.bytes, bytes.length};
	CK_ULONG length = input_byte(input), before = count_objects();
	CK_ATTRIBUTE list[] = {{CKA_VALUE_LEN, &length, sizeof(length)}};
	CK_ULONG count = length && length < 0xff;
	CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;
	CK_RV rv = trial.row->derive
			   ? C_DeriveKey(trial.session, &mechanism, trial.key, list, count, &made)
			   : C_GenerateKey(trial.session, &mechanism, list, count, &made);

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

	MUST(C_CreateObject(trial.session, list, sizeof(list) / sizeof(*list), &object) == CKR_OK);
	return object;
}

static void make_keys(struct input *input)
{
	CK_ULONG step = trial.row->key_step ? trial.row->key_step : 8;
	CK_ULONG length = trial.row->key_min + input_byte(input) % 4 * step;
	uint8_t how = input_byte(input);

	if (length > trial.row->key_max)
		length = trial.row->key_max;
	trial.key =
		length ? new_key(trial.row->any_key ? CKK_GENERIC_SECRET : trial.row->key_types[0],
				 length, how)
		       : CK_INVALID_HANDLE;
	trial.other = new_key(CKK_GENERIC_SECRET, 1 + input_byte(input) % 64, 0);
}

static struct text read_text(struct input *input)
{
	uint8_t n = input_byte(input);
	size_t length = n < 0x80 ? n / 16 * 16 : n, cut = input_byte(input);
	uint8_t *bytes = input_bytes(input, &length);

	return trial_text(bytes, length, cut);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	struct text text;

	stage_reset("");
	trial.session = stage_begin();
	trial.row = &mechanisms[input_byte(&input) % n_mechanisms];
	make_keys(&input);
	text = read_text(&input);
	trial.parameter = input;
	if (trial.row->flags & CKF_DIGEST)
		trial_digest(&text);
	if (trial.row->flags & CKF_SIGN)
		trial_mac(&text);
	if (trial.row->flags & CKF_ENCRYPT)
		trial_cipher(&text);
	if (trial.row->decode_message)
		trial_messages(&input, &text);
	if (trial.row->flags & CKF_WRAP)
		try_wrap(&text);
	if (trial.row->flags & (CKF_DERIVE | CKF_GENERATE))
		try_make(&input);
	free(text.bytes);
	stage_end();
	return 0;
}
