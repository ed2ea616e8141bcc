/* SPDX-License-Identifier: BSD-2-Clause */
#include "calls.h"

#include <errno.h>

#include "arguments.h"
#include "kcryptoki.h"
#include "kernel/keyring.h"
#include "room.h"
#include "stage.h"
#include "structures.h"
#include "trouble.h"

enum { SESSIONS = 4, OBJECTS = 16 };

static CK_SESSION_HANDLE sessions[SESSIONS];
static CK_OBJECT_HANDLE objects[OBJECTS];
static size_t next_object;

static CK_SESSION_HANDLE session(struct input *input)
{
	uint8_t which = input_byte(input);

	if (which == 0xff)
		return input_number(input);
	/* Mostly one of those that are open from the start. */
	return sessions[which % (which < 0xe0 ? 2 : SESSIONS)];
}

static CK_OBJECT_HANDLE object(struct input *input)
{
	uint8_t which = input_byte(input);

	if (which == 0xff)
		return input_number(input);
	return next_object ? objects[which % (next_object < OBJECTS ? next_object : OBJECTS)]
			   : CK_INVALID_HANDLE;
}

/* By its address, since a handle beside the call that makes it may be read first. */
static void remember(CK_RV rv, const CK_OBJECT_HANDLE *made)
{
	stage_answer(rv);
	if (rv == CKR_OK)
		objects[next_object++ % OBJECTS] = *made;
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

	stage_answer(function(in, input_byte(input) == 0xff ? NULL : &mechanism, key));
}

static void begin_digest(struct input *input)
{
	CK_SESSION_HANDLE in = session(input);
	CK_MECHANISM mechanism = argument_mechanism(input, CK_INVALID_HANDLE);

	stage_answer(C_DigestInit(in, &mechanism));
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
	struct room room = room_take(input);

	room_give(&room, function(in, bytes.bytes, bytes.length, room.bytes, room.length));
}

static void feed(struct input *input)
{
	static const CK_C_DigestUpdate functions[] = {
		C_DigestUpdate, C_SignUpdate,      C_VerifyUpdate,          C_VerifyFinal,
		C_SeedRandom,   C_VerifySignature, C_VerifySignatureUpdate,
	};
	CK_C_DigestUpdate function = OF(functions);
	CK_SESSION_HANDLE in = session(input);
	struct bytes_argument bytes = argument_bytes(input);

	stage_answer(function(in, bytes.bytes, bytes.length));
}

static void end(struct input *input)
{
	static const CK_C_EncryptFinal functions[] = {C_EncryptFinal, C_DecryptFinal, C_DigestFinal,
						      C_SignFinal, C_GetOperationState};
	CK_C_EncryptFinal function = OF(functions);
	CK_SESSION_HANDLE in = session(input);
	struct room room = room_take(input);

	room_give(&room, function(in, room.bytes, room.length));
}

static void verify(struct input *input)
{
	CK_SESSION_HANDLE in = session(input);
	struct bytes_argument data = argument_bytes(input), signature = argument_bytes(input);

	stage_answer(C_Verify(in, data.bytes, data.length, signature.bytes, signature.length));
}

/* The signature comes first: PKCS#11 3.2. */
static void verify_signature(struct input *input)
{
	CK_SESSION_HANDLE in = session(input);
	CK_OBJECT_HANDLE key = object(input);
	CK_MECHANISM mechanism = argument_mechanism(input, key);
	struct bytes_argument signature = argument_bytes(input);

	stage_answer(C_VerifySignatureInit(in, &mechanism, key, signature.bytes, signature.length));
}

static void message(struct input *input)
{
	bool back = input_byte(input) & 1;
	CK_SESSION_HANDLE in = session(input);
	struct bytes_argument parameter = structure_message(input, NULL),
			      aad = argument_bytes(input), text = argument_bytes(input);
	struct room room = room_take(input);

	room_give(&room, (back ? C_DecryptMessage : C_EncryptMessage)(
				 in, parameter.bytes, parameter.length, aad.bytes, aad.length,
				 text.bytes, text.length, room.bytes, room.length));
}

static void message_in_parts(struct input *input)
{
	bool back = input_byte(input) & 1;
	CK_SESSION_HANDLE in = session(input);
	struct bytes_argument parameter = structure_message(input, NULL),
			      aad = argument_bytes(input), text = argument_bytes(input);
	CK_FLAGS flags = input_byte(input) & 1 ? CKF_END_OF_MESSAGE : 0;
	struct room room;

	stage_answer((back ? C_DecryptMessageBegin : C_EncryptMessageBegin)(
		in, parameter.bytes, parameter.length, aad.bytes, aad.length));
	room = room_take(input);
	room_give(&room, (back ? C_DecryptMessageNext : C_EncryptMessageNext)(
				 in, parameter.bytes, parameter.length, text.bytes, text.length,
				 room.bytes, room.length, flags));
}

static void message_signed(struct input *input)
{
	CK_SESSION_HANDLE in = session(input);
	struct bytes_argument data = argument_bytes(input), signature;
	uint8_t kind = input_byte(input);
	struct room room;

	if (kind & 1) {
		signature = argument_bytes(input);
		stage_answer((kind & 2 ? C_VerifyMessage : C_VerifyMessageNext)(
			in, NULL, 0, data.bytes, data.length, signature.bytes, signature.length));
		return;
	}
	stage_answer((kind & 4 ? C_SignMessageBegin : C_VerifyMessageBegin)(in, NULL, 0));
	room = room_take(input);
	room_give(&room, (kind & 2 ? C_SignMessage : C_SignMessageNext)(
				 in, NULL, 0, data.bytes, data.length, room.bytes, room.length));
}

static void finish(struct input *input)
{
	static const CK_C_CloseSession functions[] = {
		C_MessageEncryptFinal, C_MessageDecryptFinal, C_MessageSignFinal,
		C_MessageVerifyFinal,  C_FindObjectsFinal,    C_Logout,
		C_GetFunctionStatus,   C_CancelFunction,      C_VerifySignatureFinal,
	};
	CK_C_CloseSession function = OF(functions);

	stage_answer(function(session(input)));
}

static void create(struct input *input)
{
	CK_SESSION_HANDLE in = session(input);
	struct template_argument template = argument_template(input);
	CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;

	remember(C_CreateObject(in, template.list, template.count, &made), &made);
}

static void generate(struct input *input)
{
	CK_SESSION_HANDLE in = session(input);
	CK_MECHANISM mechanism = argument_mechanism(input, CK_INVALID_HANDLE);
	struct template_argument template = argument_template(input);
	CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;

	remember(C_GenerateKey(in, &mechanism, template.list, template.count, &made), &made);
}

static void copy(struct input *input)
{
	CK_SESSION_HANDLE in = session(input);
	CK_OBJECT_HANDLE from = object(input), made = CK_INVALID_HANDLE;
	struct template_argument template = argument_template(input);

	remember(C_CopyObject(in, from, template.list, template.count, &made), &made);
}

static void derive(struct input *input)
{
	CK_SESSION_HANDLE in = session(input);
	CK_OBJECT_HANDLE base = object(input), made = CK_INVALID_HANDLE;
	CK_MECHANISM mechanism = argument_mechanism(input, object(input));
	struct template_argument template = argument_template(input);

	remember(C_DeriveKey(in, &mechanism, base, template.list, template.count, &made), &made);
}

static void wrap(struct input *input)
{
	CK_SESSION_HANDLE in = session(input);
	CK_OBJECT_HANDLE with = object(input), key = object(input);
	CK_MECHANISM mechanism = argument_mechanism(input, key);
	struct room room = room_take(input);

	room_give(&room, C_WrapKey(in, &mechanism, with, key, room.bytes, room.length));
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
		 &made);
}

static void destroy(struct input *input)
{
	CK_SESSION_HANDLE in = session(input);

	stage_answer(C_DestroyObject(in, object(input)));
}

static void set(struct input *input)
{
	CK_SESSION_HANDLE in = session(input);
	CK_OBJECT_HANDLE of = object(input);
	struct template_argument template = argument_template(input);

	stage_answer(C_SetAttributeValue(in, of, template.list, template.count));
}

/* The values of a template's attributes are where the answers go. */
static void get(struct input *input)
{
	CK_SESSION_HANDLE in = session(input);
	CK_OBJECT_HANDLE of = object(input);
	struct template_argument template = argument_template(input), asked = template;

	stage_answer(C_GetAttributeValue(in, of, asked.list, asked.count));
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

	stage_answer(C_FindObjectsInit(in, template.list, template.count));
	if (C_FindObjects(in, found, max, &n) != CKR_OK)
		return;
	MUST(n <= max);
	for (CK_ULONG i = 0; i < n; i++)
		remember(CKR_OK, &found[i]);
	if (input_byte(input) & 1)
		stage_answer(C_FindObjectsFinal(in));
}

static void state(struct input *input)
{
	CK_SESSION_HANDLE in = session(input);
	struct bytes_argument bytes = argument_bytes(input);
	CK_OBJECT_HANDLE key = object(input);

	stage_answer(C_SetOperationState(in, bytes.bytes, bytes.length, key, object(input)));
}

static void size(struct input *input)
{
	CK_SESSION_HANDLE in = session(input);
	CK_OBJECT_HANDLE of = object(input);
	CK_ULONG bytes;

	stage_answer(C_GetObjectSize(in, of, input_byte(input) == 0xff ? NULL : &bytes));
}

static void login(struct input *input)
{
	CK_SESSION_HANDLE in = session(input);
	CK_USER_TYPE user = input_byte(input) % 4;
	struct bytes_argument pin = argument_bytes(input), name = argument_bytes(input);

	stage_answer(C_Login(in, user, pin.bytes, pin.length));
	stage_answer(C_LoginUser(in, user, pin.bytes, pin.length, name.bytes, name.length));
}

static void sessions_change(struct input *input)
{
	uint8_t which = input_byte(input) % SESSIONS;
	CK_SESSION_INFO info;
	CK_FLAGS flags;

	switch (input_byte(input) % 5) {
	case 0:
		stage_answer(C_CloseSession(sessions[which]));
		break;
	case 1:
		stage_answer(C_CloseAllSessions(input_byte(input) % 3));
		break;
	case 2:
		stage_answer(C_GetSessionInfo(sessions[which], &info));
		break;
	case 3:
		stage_answer(C_SessionCancel(sessions[which], input_number(input)));
		break;
	default:
		flags = CKF_SERIAL_SESSION | (input_byte(input) & 1 ? CKF_RW_SESSION : 0);
		stage_answer(
			C_OpenSession(input_byte(input) % 3, flags, NULL, NULL, &sessions[which]));
	}
}

static void general(struct input *input)
{
	CK_SLOT_ID slots[4], slot = input_byte(input) % 3;
	CK_ULONG n = 4;
	CK_MECHANISM_INFO info;
	CK_TOKEN_INFO token;
	CK_SLOT_INFO about;
	CK_INFO module;

	stage_answer(C_GetInfo(&module));
	stage_answer(C_GetSlotInfo(slot, &about));
	stage_answer(C_WaitForSlotEvent(CKF_DONT_BLOCK, &slots[0], NULL));
	stage_answer(C_GetSlotList(input_byte(input) & 1, slots, &n));
	stage_answer(C_GetTokenInfo(slot, &token));
	stage_answer(C_GetMechanismInfo(slot, argument_mechanism(input, 0).mechanism, &info));
	n = 0;
	stage_answer(C_GetMechanismList(slot, NULL, &n));
	n = input_byte(input);

	struct bytes_argument list = argument_zeros(n * sizeof(CK_MECHANISM_TYPE));

	stage_answer(C_GetMechanismList(slot, (void *)list.bytes, &n));
}

static void random_bytes(struct input *input)
{
	CK_SESSION_HANDLE in = session(input);
	struct bytes_argument bytes = argument_zeros(input_byte(input));

	stage_answer(C_GenerateRandom(in, bytes.bytes, bytes.length));
}

static void digest_key(struct input *input)
{
	CK_SESSION_HANDLE in = session(input);

	stage_answer(C_DigestKey(in, object(input)));
}

/* The serial number of a key that there is, or 0. */
static int32_t serial(struct input *input)
{
	CK_ULONG number = 0;
	CK_ATTRIBUTE asked = {CKA_KCRYPTOKI_KEY_SERIAL, &number, sizeof(number)};

	if (C_GetAttributeValue(sessions[0], object(input), &asked, 1) != CKR_OK ||
	    key_usable((int32_t)number))
		return 0;
	return (int32_t)number;
}

/* The kernel fails, or others act. */
static void disturb(struct input *input)
{
	trouble_make(input, serial(input));
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
		verify_signature,
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
		state,
		size,
		login,
	};

	OF(calls)(input);
	arguments_free();
}

void calls_begin(void)
{
	CK_ULONG n = 0;

	memset(objects, 0, sizeof(objects));
	memset(sessions, 0, sizeof(sessions));
	sessions[0] = stage_begin();
	stage_answer(
		C_OpenSession(0, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &sessions[1]));
	if (C_FindObjectsInit(sessions[0], NULL, 0) == CKR_OK)
		C_FindObjects(sessions[0], objects, OBJECTS, &n);
	C_FindObjectsFinal(sessions[0]);
	next_object = n;
}

void calls_end(void)
{
	stage_end();
}
