/* SPDX-License-Identifier: BSD-2-Clause */
#include "parcels.h"

#include <string.h>

unsigned char parcel_text[PARCEL_MAX], parcel_aad[20], parcel_key[32], parcel_other_key[32];

int parcel_setup(void **state)
{
	guest_fill(parcel_text, sizeof(parcel_text), 31);
	guest_fill(parcel_aad, sizeof(parcel_aad), 32);
	guest_fill(parcel_key, sizeof(parcel_key), 33);
	guest_fill(parcel_other_key, sizeof(parcel_other_key), 34);
	return messages_setup(state);
}

const struct aead *parcel_aead(void)
{
	return guest_offers(CKM_AES_GCM) ? &aeads[0] : &aeads[1];
}

void parcel_need(void)
{
	guest_need_slot();
	if (!guest_offers(parcel_aead()->type))
		guest_skip("neither CKM_AES_GCM nor CKM_AES_CCM is offered");
}

bool parcel_has(enum process kind)
{
	return kind <= DECRYPT || guest_offers(CKM_AES_CMAC);
}

CK_RV parcel_init(CK_SESSION_HANDLE session, enum process kind, CK_OBJECT_HANDLE key)
{
	CK_MECHANISM cmac = {CKM_AES_CMAC, NULL, 0};

	if (kind == SIGN)
		return messages->C_MessageSignInit(session, &cmac, key);
	if (kind == VERIFY)
		return messages->C_MessageVerifyInit(session, &cmac, key);
	return message_init(session, kind == ENCRYPT ? TOKEN_ENCRYPT : TOKEN_DECRYPT,
			    parcel_aead()->type, key);
}

CK_RV parcel_final(CK_SESSION_HANDLE session, enum process kind)
{
	if (kind == SIGN)
		return messages->C_MessageSignFinal(session);
	if (kind == VERIFY)
		return messages->C_MessageVerifyFinal(session);
	return message_final(session, kind == ENCRYPT ? TOKEN_ENCRYPT : TOKEN_DECRYPT);
}

void parcel_init_all(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
	for (enum process kind = ENCRYPT; kind < PROCESSES; kind++)
		if (parcel_has(kind))
			GUEST_RV(parcel_init(session, kind, key), CKR_OK);
}

void parcel_final_all(CK_SESSION_HANDLE session)
{
	for (enum process kind = ENCRYPT; kind < PROCESSES; kind++)
		if (parcel_has(kind))
			GUEST_RV(parcel_final(session, kind), CKR_OK);
}

struct material parcel_material(const unsigned char *key, uint64_t seed)
{
	struct material material = {.type = parcel_aead()->type,
				    .key = key,
				    .key_length = sizeof(parcel_key),
				    .aad = parcel_aad,
				    .aad_length = sizeof(parcel_aad),
				    .tag_length = 16};

	guest_fill(material.iv, sizeof(material.iv), seed);
	return material;
}

void parcel_pack(struct parcel *parcel, enum process kind, const unsigned char *key, size_t length,
		 uint64_t seed)
{
	struct material cmac = {.type = CKM_AES_CMAC, .key = key, .key_length = sizeof(parcel_key)};
	unsigned char right[PARCEL_MAX + GUEST_SLACK];

	parcel->kind = kind;
	parcel->material = parcel_material(key, seed);
	parcel->length = length;
	parcel->made = 0;
	terms_make(&parcel->terms, &parcel->material, length);
	guest_expect(&parcel->material, parcel_text, length, parcel->sealed);
	guest_expect(&cmac, parcel_text, length, right);
	memcpy(parcel->mac, right, 16);
	if (kind == DECRYPT)
		memcpy(parcel->terms.tag, parcel->sealed + length, 16);
}

CK_RV parcel_begin(CK_SESSION_HANDLE session, struct parcel *parcel)
{
	struct terms *terms = &parcel->terms;

	switch (parcel->kind) {
	case ENCRYPT:
		return messages->C_EncryptMessageBegin(session, &terms->parameter, terms->size,
						       parcel_aad, sizeof(parcel_aad));
	case DECRYPT:
		return messages->C_DecryptMessageBegin(session, &terms->parameter, terms->size,
						       parcel_aad, sizeof(parcel_aad));
	case SIGN:
		return messages->C_SignMessageBegin(session, NULL, 0);
	default:
		return messages->C_VerifyMessageBegin(session, NULL, 0);
	}
}

CK_RV parcel_next(CK_SESSION_HANDLE session, struct parcel *parcel, size_t from, size_t to)
{
	unsigned char *in = (parcel->kind == DECRYPT ? parcel->sealed : parcel_text) + from;
	struct terms *terms = &parcel->terms;
	bool last = to == parcel->length;
	CK_FLAGS flags = last ? CKF_END_OF_MESSAGE : 0;

	parcel->made = sizeof(parcel->out);
	switch (parcel->kind) {
	case ENCRYPT:
		return messages->C_EncryptMessageNext(session, &terms->parameter, terms->size, in,
						      to - from, parcel->out, &parcel->made, flags);
	case DECRYPT:
		return messages->C_DecryptMessageNext(session, &terms->parameter, terms->size, in,
						      to - from, parcel->out, &parcel->made, flags);
	case SIGN:
		return messages->C_SignMessageNext(session, NULL, 0, in, to - from, parcel->out,
						   last ? &parcel->made : NULL);
	default:
		return messages->C_VerifyMessageNext(session, NULL, 0, in, to - from,
						     last ? parcel->mac : NULL, last ? 16 : 0);
	}
}

CK_RV parcel_whole(CK_SESSION_HANDLE session, struct parcel *parcel)
{
	struct terms *terms = &parcel->terms;

	parcel->made = sizeof(parcel->out);
	switch (parcel->kind) {
	case ENCRYPT:
		return messages->C_EncryptMessage(session, &terms->parameter, terms->size,
						  parcel_aad, sizeof(parcel_aad), parcel_text,
						  parcel->length, parcel->out, &parcel->made);
	case DECRYPT:
		return messages->C_DecryptMessage(session, &terms->parameter, terms->size,
						  parcel_aad, sizeof(parcel_aad), parcel->sealed,
						  parcel->length, parcel->out, &parcel->made);
	case SIGN:
		return messages->C_SignMessage(session, NULL, 0, parcel_text, parcel->length,
					       parcel->out, &parcel->made);
	default:
		return messages->C_VerifyMessage(session, NULL, 0, parcel_text, parcel->length,
						 parcel->mac, 16);
	}
}

bool parcel_arrived(const struct parcel *parcel)
{
	switch (parcel->kind) {
	case ENCRYPT:
		return parcel->made == parcel->length &&
		       !memcmp(parcel->out, parcel->sealed, parcel->length) &&
		       terms_tag_is(&parcel->terms, parcel->sealed + parcel->length, 16);
	case DECRYPT:
		return parcel->made == parcel->length &&
		       !memcmp(parcel->out, parcel_text, parcel->length);
	case SIGN:
		return parcel->made == 16 && !memcmp(parcel->out, parcel->mac, 16);
	default:
		return true;
	}
}

CK_RV parcel_send(CK_SESSION_HANDLE session, enum process kind, const unsigned char *key,
		  bool parts)
{
	static uint64_t seed = 1000;
	static struct parcel parcel;
	CK_RV rv;

	parcel_pack(&parcel, kind, key, 500, seed++);
	if (parts) {
		rv = parcel_begin(session, &parcel);
		if (rv == CKR_OK)
			rv = parcel_next(session, &parcel, 0, 200);
		if (rv == CKR_OK)
			rv = parcel_next(session, &parcel, 200, 500);
	} else {
		rv = parcel_whole(session, &parcel);
	}
	return rv == CKR_OK && !parcel_arrived(&parcel) ? CKR_GENERAL_ERROR : rv;
}

void parcel_send_all(CK_SESSION_HANDLE session, const unsigned char *key, CK_RV expected)
{
	for (enum process kind = ENCRYPT; kind < PROCESSES; kind++)
		for (int parts = 0; parts <= 1 && parcel_has(kind); parts++)
			GUEST_RV(parcel_send(session, kind, key, parts), expected);
}
