/* SPDX-License-Identifier: BSD-2-Clause */
#include "calls.h"

#include <errno.h>

#include "arguments.h"
#include "arguments.h"
#include "fake-kernel.h"

enum { SESSIONS = 4, OBJECTS = 16, ROOM = 6000 };

static CK_SESSION_HANDLE sessions[SESSIONS];
static CK_OBJECT_HANDLE objects[OBJECTS];
static size_t next_object;

/* Where results go: as much of it as the input says, and not a byte more. */
struct room {
	CK_BYTE *bytes;
	CK_ULONG length, offered;
};

static struct room take_room(struct input *input)
{
	uint8_t kind = input_byte(input);
	struct room room = {.offered = kind == 0xff ? ROOM : kind & 0x7f};

	if (kind & 0x80 && kind != 0xff)
		return room;
	room.bytes = malloc(room.offered ? room.offered : 1);
	MUST(room.bytes);
	room.length = room.offered;
	return room;
}

static void answer(CK_RV rv)
{
	MUST(rv != CKR_GENERAL_ERROR && rv != CKR_FUNCTION_FAILED);
}

static void give_room(struct room *room, CK_RV rv)
{
	answer(rv);
	MUST(rv != CKR_OK || !room->bytes || room->length <= room->offered);
	free(room->bytes);
}

static CK_SESSION_HANDLE session(struct input *input)
{
	uint8_t which = input_byte(input);

	return which == 0xff ? input_number(input) : sessions[which % SESSIONS];
}

static CK_OBJECT_HANDLE object(struct input *input)
{
	uint8_t which = input_byte(input);

	return which == 0xff ? input_number(input) : objects[which % OBJECTS];
}

static void remember(CK_RV rv, CK_OBJECT_HANDLE made)
{
	answer(rv);
	if (rv == CKR_OK)
		objects[next_object++ % OBJECTS] = made;
}

/* Functions of one shape are called alike. */
#define OF(list) list[input_byte(input) % (sizeof(list) / sizeof(*list))]

static void begin_with_key(struct input *input)
{
	static const CK_C_EncryptInit functions[] = {
		C_EncryptInit,     C_DecryptInit,        C_SignInit,
		C_VerifyInit,      C_MessageEncryptInit, C_MessageDecryptInit,
		C_MessageSignInit, C_MessageVerifyInit,  C_SignRecoverInit,
	};
	CK_C_EncryptInit function = OF(functions);
	CK_SESSION_HANDLE in = session(input);
	CK_OBJECT_HANDLE key = object(input);
	CK_MECHANISM mechanism = argument_mechanism(input, key);

	answer(function(in, input_byte(input) == 0xff ? NULL : &mechanism, key));
}

static void begin_digest(struct input *input)
{
	CK_SESSION_HANDLE in = session(input);
	CK_MECHANISM mechanism = argument_mechanism(input, CK_INVALID_HANDLE);

	answer(C_DigestInit(in, &mechanism));
}

static void move(struct input *input)
{
	static const CK_C_Encrypt functions[] = {
		C_Encrypt,
		C_Decrypt,
		C_Digest,
		C_Sign,
		C_EncryptUpdate,
		C_DecryptUpdate,
		C_DigestEncryptUpdate,
		C_DecryptDigestUpdate,
		C_SignEncryptUpdate,
		C_DecryptVerifyUpdate,
	};
	CK_C_Encrypt function = OF(functions);
	CK_SESSION_HANDLE in = session(input);
	struct bytes_argument bytes = argument_bytes(input);
	struct room room = take_room(input);

	give_room(&room, function(in, bytes.bytes, bytes.length, room.bytes, &room.length));
}

static void feed(struct input *input)
{
	static const CK_C_DigestUpdate functions[] = {C_DigestUpdate, C_SignUpdate, C_VerifyUpdate,
						      C_VerifyFinal, C_SeedRandom};
	CK_C_DigestUpdate function = OF(functions);
	CK_SESSION_HANDLE in = session(input);
	struct bytes_argument bytes = argument_bytes(input);

	answer(function(in, bytes.bytes, bytes.length));
}

static void end(struct input *input)
{
	static const CK_C_EncryptFinal functions[] = {C_EncryptFinal, C_DecryptFinal, C_DigestFinal,
						      C_SignFinal, C_GetOperationState};
	CK_C_EncryptFinal function = OF(functions);
	CK_SESSION_HANDLE in = session(input);
	struct room room = take_room(input);

	give_room(&room, function(in, room.bytes, &room.length));
}

static void verify(struct input *input)
{
	CK_SESSION_HANDLE in = session(input);
	struct bytes_argument data = argument_bytes(input), signature = argument_bytes(input);

	answer(C_Verify(in, data.bytes, data.length, signature.bytes, signature.length));
}

static void message(struct input *input)
{
	bool back = input_byte(input) & 1;
	CK_SESSION_HANDLE in = session(input);
	struct bytes_argument parameter = argument_message(input), aad = argument_bytes(input),
			      text = argument_bytes(input);
	struct room room = take_room(input);

	give_room(&room, (back ? C_DecryptMessage : C_EncryptMessage)(
				 in, parameter.bytes, parameter.length, aad.bytes, aad.length,
				 text.bytes, text.length, room.bytes, &room.length));
}

static void message_in_parts(struct input *input)
{
	bool back = input_byte(input) & 1;
	CK_SESSION_HANDLE in = session(input);
	struct bytes_argument parameter = argument_message(input), aad = argument_bytes(input),
			      text = argument_bytes(input);
	CK_FLAGS flags = input_byte(input) & 1 ? CKF_END_OF_MESSAGE : 0;
	struct room room;

	answer((back ? C_DecryptMessageBegin : C_EncryptMessageBegin)(
		in, parameter.bytes, parameter.length, aad.bytes, aad.length));
	room = take_room(input);
	give_room(&room, (back ? C_DecryptMessageNext : C_EncryptMessageNext)(
				 in, parameter.bytes, parameter.length, text.bytes, text.length,
				 room.bytes, &room.length, flags));
}

static void message_signed(struct input *input)
{
	CK_SESSION_HANDLE in = session(input);
	struct bytes_argument data = argument_bytes(input), signature;
	uint8_t kind = input_byte(input);
	struct room room;

	if (kind & 1) {
		signature = argument_bytes(input);
		answer((kind & 2 ? C_VerifyMessage : C_VerifyMessageNext)(
			in, NULL, 0, data.bytes, data.length, signature.bytes, signature.length));
		return;
	}
	answer((kind & 4 ? C_SignMessageBegin : C_VerifyMessageBegin)(in, NULL, 0));
	room = take_room(input);
	give_room(&room, (kind & 2 ? C_SignMessage : C_SignMessageNext)(
				 in, NULL, 0, data.bytes, data.length, room.bytes, &room.length));
}

static void finish(struct input *input)
{
	static const CK_C_CloseSession functions[] = {
		C_MessageEncryptFinal, C_MessageDecryptFinal, C_MessageSignFinal,
		C_MessageVerifyFinal,  C_FindObjectsFinal,    C_Logout,
		C_GetFunctionStatus,   C_CancelFunction,
	};
	CK_C_CloseSession function = OF(functions);

	answer(function(session(input)));
}

static void create(struct input *input)
{
	CK_SESSION_HANDLE in = session(input);
	struct template_argument template = argument_template(input);
	CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;

	remember(C_CreateObject(in, template.list, template.count, &made), made);
}

static void generate(struct input *input)
{
	CK_SESSION_HANDLE in = session(input);
	CK_MECHANISM mechanism = argument_mechanism(input, CK_INVALID_HANDLE);
	struct template_argument template = argument_template(input);
	CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;

	remember(C_GenerateKey(in, &mechanism, template.list, template.count, &made), made);
}

static void copy(struct input *input)
{
	CK_SESSION_HANDLE in = session(input);
	CK_OBJECT_HANDLE from = object(input), made = CK_INVALID_HANDLE;
	struct template_argument template = argument_template(input);

	remember(C_CopyObject(in, from, template.list, template.count, &made), made);
}

static void derive(struct input *input)
{
	CK_SESSION_HANDLE in = session(input);
	CK_OBJECT_HANDLE base = object(input), made = CK_INVALID_HANDLE;
	CK_MECHANISM mechanism = argument_mechanism(input, object(input));
	struct template_argument template = argument_template(input);

	remember(C_DeriveKey(in, &mechanism, base, template.list, template.count, &made), made);
}

static void wrap(struct input *input)
{
	CK_SESSION_HANDLE in = session(input);
	CK_OBJECT_HANDLE with = object(input), key = object(input);
	CK_MECHANISM mechanism = argument_mechanism(input, key);
	struct room room = take_room(input);

	give_room(&room, C_WrapKey(in, &mechanism, with, key, room.bytes, &room.length));
}

static void unwrap(struct input *input)
{
	CK_SESSION_HANDLE in = session(input);
	CK_OBJECT_HANDLE with = object(input), made = CK_INVALID_HANDLE;
	CK_MECHANISM mechanism = argument_mechanism(input, with);
	struct bytes_argument wrapped = argument_bytes(input);
	struct template_argument template = argument_template(input);

	remember(C_UnwrapKey(in, &mechanism, with, wrapped.bytes, wrapped.length, template.list,
			     template.count, &made),
		 made);
}

static void destroy(struct input *input)
{
	CK_SESSION_HANDLE in = session(input);

	answer(C_DestroyObject(in, object(input)));
}

static void set(struct input *input)
{
	CK_SESSION_HANDLE in = session(input);
	CK_OBJECT_HANDLE of = object(input);
	struct template_argument template = argument_template(input);

	answer(C_SetAttributeValue(in, of, template.list, template.count));
}

/* The values of a template's attributes are where the answers go. */
static void get(struct input *input)
{
	CK_SESSION_HANDLE in = session(input);
	CK_OBJECT_HANDLE of = object(input);
	struct template_argument template = argument_template(input), asked = template;

	answer(C_GetAttributeValue(in, of, asked.list, asked.count));
	for (CK_ULONG i = 0; i < asked.count; i++)
		MUST(asked.list[i].ulValueLen == CK_UNAVAILABLE_INFORMATION ||
		     !template.list[i].pValue ||
		     asked.list[i].ulValueLen <= template.list[i].ulValueLen);
}

static void search(struct input *input)
{
	CK_SESSION_HANDLE in = session(input);
	struct template_argument template = argument_template(input);
	CK_OBJECT_HANDLE found[OBJECTS];
	CK_ULONG n = 0, max = input_byte(input) % (OBJECTS + 1);

	answer(C_FindObjectsInit(in, template.list, template.count));
	if (C_FindObjects(in, found, max, &n) != CKR_OK)
		return;
	MUST(n <= max);
	for (CK_ULONG i = 0; i < n; i++)
		remember(CKR_OK, found[i]);
	if (input_byte(input) & 1)
		answer(C_FindObjectsFinal(in));
}

static void sessions_change(struct input *input)
{
	uint8_t which = input_byte(input) % SESSIONS;
	CK_SESSION_INFO info;

	switch (input_byte(input) % 5) {
	case 0:
		answer(C_CloseSession(sessions[which]));
		break;
	case 1:
		answer(C_CloseAllSessions(input_byte(input) % 3));
		break;
	case 2:
		answer(C_GetSessionInfo(sessions[which], &info));
		break;
	case 3:
		answer(C_SessionCancel(sessions[which], input_number(input)));
		break;
	default:
		answer(C_OpenSession(input_byte(input) % 3,
				     CKF_SERIAL_SESSION |
					     (input_byte(input) & 1 ? CKF_RW_SESSION : 0),
				     NULL, NULL, &sessions[which]));
	}
}

static void general(struct input *input)
{
	CK_SLOT_ID slots[4], slot = input_byte(input) % 3;
	CK_ULONG n = 4;
	CK_MECHANISM_INFO info;
	CK_TOKEN_INFO token;

	answer(C_GetSlotList(input_byte(input) & 1, slots, &n));
	answer(C_GetTokenInfo(slot, &token));
	answer(C_GetMechanismInfo(slot, argument_mechanism(input, 0).mechanism, &info));
	n = 0;
	answer(C_GetMechanismList(slot, NULL, &n));
}

static void random_bytes(struct input *input)
{
	CK_SESSION_HANDLE in = session(input);
	struct room room = take_room(input);

	give_room(&room, C_GenerateRandom(in, room.bytes, room.length));
}

static void digest_key(struct input *input)
{
	CK_SESSION_HANDLE in = session(input);

	answer(C_DigestKey(in, object(input)));
}

/* The kernel fails, or its administrator acts. */
static void disturb(struct input *input)
{
	static const char *const functions[] = {
		"alg_bind",     "alg_accept",         "alg_send",     "alg_recv",
		"alg_set_key",  "alg_set_key_serial", "alg_room",     "keyring_list",
		"key_describe", "key_usable",         "key_add",      "key_move",
		"key_unlink",   "key_read",           "key_set_perm", "keyring_possess",
	};
	static const int errors[] = {-ENOMEM,      -EIO,   -EACCES, -ENOKEY,
				     -EKEYREVOKED, -EINTR, -EMFILE, -EDQUOT};

	switch (input_byte(input) % 4) {
	case 0:
		fake_quota(input_byte(input) % 8);
		break;
	case 1:
		fake_room((size_t)input_byte(input) * 64);
		break;
	default: {
		const char *function = OF(functions);
		int error = OF(errors);

		fake_fail(function, 1 + input_byte(input) % 4, error);
	}
	}
}

static void restart(struct input *input)
{
	if (input_byte(input) % 8)
		return;
	calls_end();
	calls_begin();
}

void calls_make(struct input *input)
{
	static void (*const calls[])(struct input *) = {
		begin_with_key,
		begin_digest,
		move,
		feed,
		end,
		verify,
		message,
		message_in_parts,
		message_signed,
		finish,
		create,
		generate,
		copy,
		derive,
		wrap,
		unwrap,
		destroy,
		set,
		get,
		search,
		sessions_change,
		general,
		random_bytes,
		digest_key,
		disturb,
		restart,
	};

	OF(calls)(input);
	arguments_free();
}

void calls_begin(void)
{
	next_object = 0;
	memset(objects, 0, sizeof(objects));
	memset(sessions, 0, sizeof(sessions));
	answer(C_Initialize(NULL));
	answer(C_OpenSession(0, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &sessions[0]));
	answer(C_OpenSession(0, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &sessions[1]));

	CK_ULONG n = 0;

	if (C_FindObjectsInit(sessions[0], NULL, 0) == CKR_OK)
		C_FindObjects(sessions[0], objects, OBJECTS, &n);
	C_FindObjectsFinal(sessions[0]);
	next_object = n;
}

void calls_end(void)
{
	C_Finalize(NULL);
}
