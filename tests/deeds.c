/* SPDX-License-Identifier: BSD-2-Clause */
#include "deeds.h"

#include <string.h>

#include "answers.h"
#include "made.h"
#include "messages.h"
#include "objects.h"
#include "offspring.h"

unsigned char deeds_secret[32];
struct sample samples[SAMPLES];

static const unsigned char aad[13] = "not a secret";

static int right(struct actor *a, const char *what, const void *got, CK_ULONG n, const void *wanted,
		 size_t length)
{
	if (a->common_session && a->careless)
		return DEED_DONE;
	if (n == length && memcmp(got, wanted, length) == 0)
		return DEED_DONE;
	return guest_error(&a->token, "%s is not right (%s session, %s key): %lu bytes", what,
			   a->common_session ? "common" : "own", a->common_key ? "common" : "own",
			   n);
}

static uint64_t chance(struct actor *a, uint64_t n)
{
	return guest_random(&a->seed) % n;
}

static int digest(struct actor *a)
{
	CK_MECHANISM mechanism = {CKM_SHA256, NULL, 0};
	unsigned char out[64];
	CK_ULONG n = sizeof(out);

	CALL(a->token.f->C_DigestInit(a->s, &mechanism), STATE);
	CALL(a->token.f->C_Digest(a->s, (CK_BYTE_PTR)a->sample->text, a->sample->length, out, &n),
	     STATE);
	return right(a, "a digest", out, n, a->sample->digest, sizeof(a->sample->digest));
}

static int digest_parts(struct actor *a)
{
	CK_BYTE_PTR text = (CK_BYTE_PTR)a->sample->text;
	CK_ULONG half = a->sample->length / 2, n = 64;
	CK_MECHANISM mechanism = {CKM_SHA256, NULL, 0};
	unsigned char out[64];

	CALL(a->token.f->C_DigestInit(a->s, &mechanism), STATE);
	CALL(a->token.f->C_DigestUpdate(a->s, text, half), STATE);
	CALL(a->token.f->C_DigestUpdate(a->s, text + half, a->sample->length - half), STATE);
	CALL(a->token.f->C_DigestFinal(a->s, out, &n), STATE);
	return right(a, "a digest in parts", out, n, a->sample->digest, 32);
}

static int cipher(struct actor *a)
{
	unsigned char iv[16] = {0}, out[SAMPLE_MAX + GUEST_SLACK];
	CK_MECHANISM mechanism = {CKM_AES_CBC, iv, sizeof(iv)};
	const struct sample *sample = a->sample;
	CK_ULONG n = sizeof(out);

	CALL(a->token.f->C_EncryptInit(a->s, &mechanism, a->k), STATE | KEY);
	CALL(a->token.f->C_Encrypt(a->s, (CK_BYTE_PTR)sample->text, sample->length, out, &n),
	     STATE | MIXED);
	DO(right(a, "a ciphertext", out, n, sample->cbc, sample->length));
	n = sizeof(out);
	CALL(a->token.f->C_DecryptInit(a->s, &mechanism, a->k), STATE | KEY);
	CALL(a->token.f->C_Decrypt(a->s, (CK_BYTE_PTR)sample->cbc, sample->length, out, &n),
	     STATE | MIXED);
	return right(a, "a plaintext", out, n, sample->text, sample->length);
}

static int cipher_parts(struct actor *a)
{
	struct ctr_params ctr = {.counter_bits = 128};
	CK_MECHANISM mechanism = {CKM_AES_CTR, &ctr, sizeof(ctr)};
	CK_BYTE_PTR text = (CK_BYTE_PTR)a->sample->text;
	unsigned char out[2 * SAMPLE_MAX];
	CK_ULONG part = 1 + chance(a, 700), at = 0, made = 0, n;

	CALL(a->token.f->C_EncryptInit(a->s, &mechanism, a->k), STATE | KEY);
	for (; at < a->sample->length; at += part, made += n) {
		n = sizeof(out) - made;
		if (part > a->sample->length - at)
			part = a->sample->length - at;
		CALL(a->token.f->C_EncryptUpdate(a->s, text + at, part, out + made, &n),
		     STATE | MIXED);
	}
	n = sizeof(out) - made;
	CALL(a->token.f->C_EncryptFinal(a->s, out + made, &n), STATE | MIXED);
	return right(a, "a ciphertext in parts", out, made + n, a->sample->ctr, a->sample->length);
}

static int aead(struct actor *a)
{
	unsigned char iv[12] = {0}, out[SAMPLE_MAX + GUEST_SLACK];
	struct gcm_params gcm = {.iv = iv,
				 .iv_len = sizeof(iv),
				 .iv_bits = 96,
				 .aad = (CK_BYTE_PTR)aad,
				 .aad_len = sizeof(aad),
				 .tag_bits = 128};
	CK_MECHANISM mechanism = {CKM_AES_GCM, &gcm, sizeof(gcm)};
	const struct sample *sample = a->sample;
	CK_ULONG n = sizeof(out);

	CALL(a->token.f->C_EncryptInit(a->s, &mechanism, a->k), STATE | KEY);
	CALL(a->token.f->C_Encrypt(a->s, (CK_BYTE_PTR)sample->text, sample->length, out, &n),
	     STATE | MIXED);
	DO(right(a, "a sealed message", out, n, sample->gcm, sample->length + 16));
	n = sizeof(out);
	CALL(a->token.f->C_DecryptInit(a->s, &mechanism, a->k), STATE | KEY);
	CALL(a->token.f->C_Decrypt(a->s, (CK_BYTE_PTR)sample->gcm, sample->length + 16, out, &n),
	     STATE | MIXED);
	return right(a, "an opened message", out, n, sample->text, sample->length);
}

static int signature(struct actor *a)
{
	CK_MECHANISM mechanism = {CKM_AES_CMAC, NULL, 0};
	CK_BYTE_PTR text = (CK_BYTE_PTR)a->sample->text;
	unsigned char mac[64];
	CK_ULONG n = sizeof(mac);
	CK_RV rv;

	CALL(a->token.f->C_SignInit(a->s, &mechanism, a->k), STATE | KEY);
	CALL(a->token.f->C_Sign(a->s, text, a->sample->length, mac, &n), STATE);
	DO(right(a, "a signature", mac, n, a->sample->mac, 16));
	memcpy(mac, a->sample->mac, 16);
	CALL(a->token.f->C_VerifyInit(a->s, &mechanism, a->k), STATE | KEY);
	CALL(a->token.f->C_Verify(a->s, text, a->sample->length, mac, 16), STATE | MIXED);
	mac[chance(a, 16)] ^= 1;
	CALL(a->token.f->C_VerifyInit(a->s, &mechanism, a->k), STATE | KEY);
	rv = a->token.f->C_Verify(a->s, text, a->sample->length, mac, 16);
	if (rv == CKR_SIGNATURE_INVALID)
		return DEED_DONE;
	return rv == CKR_OK ? guest_error(&a->token, "a wrong signature is taken for right")
			    : answers_refuse(a, "C_Verify of a wrong signature", rv, STATE);
}

static int message(struct actor *a)
{
	unsigned char iv[12] = {0}, tag[16], out[SAMPLE_MAX];
	struct gcm_message_params gcm = {iv, sizeof(iv), 0, CKG_NO_GENERATE, tag, 128};
	const struct sample *sample = a->sample;
	CK_ULONG n = sizeof(out);
	CK_RV rv;

	rv = message_init(a->s, TOKEN_ENCRYPT, CKM_AES_GCM, a->k);
	if (rv != CKR_OK && rv != CKR_OPERATION_ACTIVE)
		return answers_refuse(a, "C_MessageEncryptInit", rv, KEY);
	/* Whose key it is goes away: it is asked for again, once in a second. */
	rv = messages->C_EncryptMessage(a->s, &gcm, sizeof(gcm), (CK_BYTE_PTR)aad, sizeof(aad),
					(CK_BYTE_PTR)sample->text, sample->length, out, &n);
	if (rv != CKR_OK) {
		message_final(a->s, TOKEN_ENCRYPT);
		return answers_refuse(a, "C_EncryptMessage", rv, STATE | KEY | OTHERS_KEY);
	}
	if (n != sample->length || memcmp(out, sample->gcm, n) != 0 ||
	    memcmp(tag, sample->gcm + n, sizeof(tag)) != 0)
		return guest_error(&a->token, "a message is sealed wrongly");
	CALL(message_final(a->s, TOKEN_ENCRYPT), STATE);
	return DEED_DONE;
}

static int random_bytes(struct actor *a)
{
	static const unsigned char zeros[8];
	unsigned char out[100] = {0};
	CK_ULONG n = 8 + chance(a, 93);

	if (chance(a, 50) == 0)
		CALL(a->token.f->C_SeedRandom(a->s, (CK_BYTE_PTR)a->sample->text, 32), 0);
	CALL(a->token.f->C_GenerateRandom(a->s, out, n), 0);
	for (size_t i = 0; i + 8 <= n; i++)
		if (memcmp(out + i, zeros, sizeof(zeros)) == 0)
			return guest_error(&a->token, "random bytes that are none");
	return DEED_DONE;
}

/* After a key was destroyed, its handle is none. */
static int destroy(struct actor *a, CK_OBJECT_HANDLE key)
{
	CK_ULONG size = 0;
	CK_RV rv;

	CALL(a->token.f->C_DestroyObject(a->session, key), KEY);
	rv = a->token.f->C_GetObjectSize(a->session, key, &size);
	if (rv == CKR_OK)
		return guest_error(&a->token, "a key that was destroyed has a size");
	if (rv != CKR_OBJECT_HANDLE_INVALID)
		return answers_refuse(a, "C_GetObjectSize", rv, 0);
	return DEED_DONE;
}

/* A key that this deed made in the session where it acts, and that encrypts to WANTED, where its
 * bytes are known. Others may close that session, and the key with it. */
static int use_and_destroy(struct actor *a, CK_OBJECT_HANDLE key, bool on_token,
			   const unsigned char *wanted)
{
	struct actor here = *a;
	unsigned char out[SAMPLE_MAX + GUEST_SLACK], iv[16] = {0};
	CK_MECHANISM mechanism = {CKM_AES_CBC, iv, sizeof(iv)};
	CK_BYTE_PTR text = (CK_BYTE_PTR)a->sample->text;
	CK_ULONG n = sizeof(out);
	int came = DEED_DONE;
	CK_RV rv;

	a->common_key = a->common_session && !on_token;
	a->common_session = false;
	rv = a->token.f->C_EncryptInit(a->session, &mechanism, key);
	if (rv == CKR_OK)
		rv = a->token.f->C_Encrypt(a->session, text, a->sample->length, out, &n);
	if (rv != CKR_OK)
		came = answers_refuse(a, "a new key", rv, KEY);
	else if (wanted)
		came = right(a, "a new key's ciphertext", out, n, wanted, a->sample->length);
	else if (memcmp(out, a->sample->cbc, 16) == 0)
		came = guest_error(&a->token, "a generated key is an old one");
	if (came != DEED_WRONG) {
		int gone = destroy(a, key);

		came = gone ? gone : came;
	}
	a->common_key = here.common_key;
	a->common_session = here.common_session;
	return came;
}

static int generate(struct actor *a)
{
	static const unsigned int ways[] = {MADE_TOKEN, MADE_SENSITIVE,
					    MADE_INSENSITIVE | MADE_EXTRACTABLE};
	unsigned int how = ways[chance(a, 3)];
	CK_OBJECT_HANDLE key;

	CALL(made_key(&a->token, a->s, DEEDS_LABEL, NULL, 32, how, &key), FULL);
	return use_and_destroy(a, key, how & MADE_TOKEN, NULL);
}

static int copy(struct actor *a)
{
	bool on_token = chance(a, 3) == 0;
	CK_OBJECT_HANDLE key;

	CALL(made_copy(&a->token, a->s, a->k, DEEDS_LABEL " copy", on_token ? MADE_TOKEN : 0, &key),
	     KEY | FULL | UNCOPYABLE);
	return use_and_destroy(a, key, on_token, a->sample->cbc);
}

static int derive(struct actor *a)
{
	struct derivation_data parameter = {samples[0].text, 32};
	CK_MECHANISM mechanism = {CKM_AES_ECB_ENCRYPT_DATA, &parameter, sizeof(parameter)};
	CK_ULONG length = 32;
	CK_OBJECT_HANDLE key;

	CALL(a->token.f->C_DeriveKey(
		     a->s, &mechanism, a->k,
		     TEMPLATE(IS_AES, IS_FALSE(CKA_TOKEN), IS_VALUE(CKA_VALUE_LEN, length)), &key),
	     KEY | FULL);
	return use_and_destroy(a, key, false, a->sample->derived);
}

static int search(struct actor *a)
{
	CK_OBJECT_HANDLE found[16];
	CK_ULONG n = 1;
	bool there = false;

	CALL(a->token.f->C_FindObjectsInit(a->s, TEMPLATE(IS_SECRET)), STATE);
	while (n) {
		CALL(a->token.f->C_FindObjects(a->s, found, 16, &n), STATE);
		for (CK_ULONG i = 0; i < n; i++)
			there |= found[i] == a->key;
	}
	CALL(a->token.f->C_FindObjectsFinal(a->s), STATE);
	if (!there && !a->common_session && !a->commons->ends)
		return guest_error(&a->token, "a key that stays is not found");
	return DEED_DONE;
}

static int attributes(struct actor *a)
{
	unsigned char label[64], check[3];
	CK_ULONG length = 0;
	CK_ATTRIBUTE list[] = {{CKA_VALUE_LEN, &length, sizeof(length)},
			       {CKA_LABEL, label, sizeof(label)},
			       {CKA_CHECK_VALUE, check, sizeof(check)}};

	CALL(a->token.f->C_GetAttributeValue(a->s, a->k, list, 3), KEY | GONE);
	if (length != sizeof(deeds_secret) || list[1].ulValueLen < strlen(DEEDS_LABEL) ||
	    memcmp(label, DEEDS_LABEL, strlen(DEEDS_LABEL)) != 0)
		return guest_error(&a->token, "attributes are not right");
	return DEED_DONE;
}

static int relabel(struct actor *a)
{
	char label[] = DEEDS_LABEL " 0";

	label[sizeof(label) - 2] = (char)('0' + chance(a, 10));
	CALL(made_relabel(&a->token, a->s, a->k, label), KEY | FULL);
	return DEED_DONE;
}

static int cancel(struct actor *a)
{
	CALL(messages->C_SessionCancel(a->s, (CK_FLAGS)-1), 0);
	return DEED_DONE;
}

static int look(struct actor *a)
{
	CK_MECHANISM_TYPE types[256];
	CK_MECHANISM_INFO mechanism;
	CK_SESSION_INFO session;
	CK_TOKEN_INFO info;
	CK_SLOT_INFO slot_info;
	CK_SLOT_ID slots[16];
	CK_ULONG n = 16;
	CK_INFO library;

	CALL(a->token.f->C_GetInfo(&library), 0);
	CALL(a->token.f->C_GetSlotList(CK_TRUE, slots, &n), 0);
	CALL(a->token.f->C_GetSlotInfo(a->token.slot, &slot_info), 0);
	CALL(a->token.f->C_GetTokenInfo(a->token.slot, &info), 0);
	if (memcmp(info.label, TOKEN_LABEL, strlen(TOKEN_LABEL)) != 0)
		return guest_error(&a->token, "the token has another label");
	n = 256;
	CALL(a->token.f->C_GetMechanismList(a->token.slot, types, &n), 0);
	CALL(a->token.f->C_GetMechanismInfo(a->token.slot, CKM_AES_CBC, &mechanism), 0);
	CALL(a->token.f->C_GetSessionInfo(a->s, &session), 0);
	return DEED_DONE;
}

/* Only who took a handle out of what is common closes it. */
static int reopen(struct actor *a)
{
	atomic_ulong *place = &a->commons->sessions[chance(a, COMMON_SESSIONS)];
	CK_SESSION_HANDLE made;
	CK_SESSION_INFO info;
	CK_RV rv;

	CALL(a->token.f->C_OpenSession(a->token.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL,
				       NULL, &made),
	     0);
	made = atomic_exchange(place, made);
	CALL(a->token.f->C_CloseSession(made), 0);
	rv = a->token.f->C_GetSessionInfo(made, &info);
	if (rv == CKR_OK)
		return guest_error(&a->token, "a session that was closed is there");
	return rv == CKR_SESSION_HANDLE_INVALID ? DEED_DONE
						: answers_refuse(a, "C_GetSessionInfo", rv, 0);
}

/* What a key is besides: on the token or in a session, of one kind or another. */
static const struct {
	bool on_token, readable, uncopyable;
} kinds[] = {
	{true, true, false}, {true, false, false},  {false, true, false},
	{false, true, true}, {false, false, false},
};

static CK_RV make(struct actor *a, CK_SESSION_HANDLE session, size_t kind, const char *label,
		  CK_OBJECT_HANDLE *key)
{
	CK_BBOOL on_token = kinds[kind].on_token, readable = kinds[kind].readable;
	CK_BBOOL sensitive = !readable, copyable = !kinds[kind].uncopyable;

	return a->token.f->C_CreateObject(
		session,
		TEMPLATE(IS_AES, IS_BYTES(CKA_VALUE, deeds_secret, sizeof(deeds_secret)),
			 IS_BYTES(CKA_LABEL, label, strlen(label)), IS_TRUE(CKA_ENCRYPT),
			 IS_TRUE(CKA_DECRYPT), IS_TRUE(CKA_SIGN), IS_TRUE(CKA_VERIFY),
			 IS_TRUE(CKA_DERIVE), IS_VALUE(CKA_TOKEN, on_token),
			 IS_VALUE(CKA_EXTRACTABLE, readable), IS_VALUE(CKA_SENSITIVE, sensitive),
			 IS_VALUE(CKA_COPYABLE, copyable)),
		key);
}

static int replace(struct actor *a)
{
	atomic_ulong *place = &a->commons->keys[chance(a, COMMON_KEYS)];
	CK_OBJECT_HANDLE key;

	CALL(make(a, a->s, chance(a, sizeof(kinds) / sizeof(*kinds)), DEEDS_LABEL, &key), FULL);
	/* Its session may be closed, and with it the key. */
	a->common_key = true;
	return destroy(a, atomic_exchange(place, key));
}

const struct deed deeds[] = {
	{"digest", digest, false, 0},
	{"digest in parts", digest_parts, true, 0},
	{"CBC there and back", cipher, false, 0},
	{"CTR in parts", cipher_parts, true, 0},
	{"GCM there and back", aead, true, 0},
	{"CMAC, verified", signature, false, 0},
	{"message", message, false, 0},
	{"random", random_bytes, false, 0},
	{"generate", generate, false, 0},
	{"copy", copy, false, 0},
	{"derive", derive, false, 0},
	{"search", search, false, 0},
	{"attributes", attributes, false, 0},
	{"new label", relabel, false, 0},
	{"cancel", cancel, false, 0},
	{"look", look, false, 0},
	{"session opened, one closed", reopen, false, 0},
	{"key made, one destroyed", replace, false, 0},
	{"fork", offspring_fork, false, 10},
};
const size_t deeds_count = sizeof(deeds) / sizeof(*deeds);

static void expect(CK_MECHANISM_TYPE type, const unsigned char *key, const struct sample *sample,
		   unsigned char *out)
{
	struct material material = {.type = type, .key = key, .key_length = key ? 32 : 0};

	if (type == CKM_AES_GCM) {
		material.aad = aad;
		material.aad_length = sizeof(aad);
	}
	guest_expect(&material, sample->text, sample->length, out);
}

void deeds_prepare(void)
{
	static const size_t lengths[SAMPLES] = {32, 48, 256, 512, 1008, 1024, 1600, SAMPLE_MAX};
	unsigned char out[SAMPLE_MAX + GUEST_SLACK], derived[32 + GUEST_SLACK];
	struct material ecb = {.type = CKM_AES_ECB, .key = deeds_secret, .key_length = 32};

	guest_fill(deeds_secret, sizeof(deeds_secret), 7);
	for (size_t i = 0; i < SAMPLES; i++) {
		struct sample *sample = &samples[i];

		sample->length = lengths[i];
		guest_fill(sample->text, sample->length, 100 + i);
		if (i == 0)
			guest_expect(&ecb, sample->text, 32, derived);
		expect(CKM_SHA256, NULL, sample, out);
		memcpy(sample->digest, out, sizeof(sample->digest));
		expect(CKM_AES_CMAC, deeds_secret, sample, out);
		memcpy(sample->mac, out, sizeof(sample->mac));
		expect(CKM_AES_CBC, deeds_secret, sample, sample->cbc);
		expect(CKM_AES_CBC, derived, sample, sample->derived);
		expect(CKM_AES_CTR, deeds_secret, sample, sample->ctr);
		expect(CKM_AES_GCM, deeds_secret, sample, sample->gcm);
	}
}

/* Where deeds go on nothing but what is one's own. */
static void be_alone(struct actor *a)
{
	a->s = a->session;
	a->k = a->key;
	a->common_session = a->common_key = a->careless = false;
}

int actor_enter(struct actor *a)
{
	CK_ATTRIBUTE unique_id = {CKA_UNIQUE_ID, a->unique_id, sizeof(a->unique_id) - 1};
	CK_RV rv;

	be_alone(a);
	CALL(a->token.f->C_OpenSession(a->token.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL,
				       NULL, &a->session),
	     0);
	do {
		rv = make(a, a->session, a->commons->ends ? 2 : 0, DEEDS_LABEL, &a->key);
	} while (rv == CKR_DEVICE_MEMORY);
	if (rv == CKR_OK)
		rv = a->token.f->C_GetAttributeValue(a->session, a->key, &unique_id, 1);
	if (rv != CKR_OK) {
		a->token.f->C_CloseSession(a->session);
		return answers_refuse(a, "a key of one's own", rv, 0);
	}
	a->unique_id[unique_id.ulValueLen] = '\0';
	return DEED_DONE;
}

int actor_leave(struct actor *a)
{
	int came;

	be_alone(a);
	came = destroy(a, a->key);
	if (came == DEED_WRONG)
		return came;
	CALL(a->token.f->C_CloseSession(a->session), 0);
	return came;
}

int actor_act(struct actor *a, size_t *which)
{
	const struct deed *deed;
	uint64_t where;
	int came;

	do
		deed = &deeds[ *which = chance(a, deeds_count)];
	while (deed->rarity && chance(a, deed->rarity));
	where = chance(a, 2 * COMMON_SESSIONS);
	be_alone(a);
	a->sample = &samples[chance(a, SAMPLES)];
	if (where < COMMON_SESSIONS && deed->act != reopen) {
		where = deed->careless ? where | 1 : where;
		a->common_session = true;
		a->careless = where % 2;
		a->s = atomic_load(&a->commons->sessions[where]);
	}
	if (chance(a, 3)) {
		a->common_key = true;
		a->k = atomic_load(&a->commons->keys[chance(a, COMMON_KEYS)]);
	}
	came = deed->act(a);
	/* What was refused in its middle goes on else. */
	if (came == DEED_REFUSED)
		messages->C_SessionCancel(a->session, (CK_FLAGS)-1);
	return came;
}

int commons_fill(struct actor *a)
{
	be_alone(a);
	for (size_t i = 0; i < COMMON_SESSIONS; i++) {
		CK_SESSION_HANDLE session;

		CALL(a->token.f->C_OpenSession(a->token.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION,
					       NULL, NULL, &session),
		     0);
		atomic_store(&a->commons->sessions[i], session);
	}
	for (size_t i = 0; i < COMMON_KEYS; i++) {
		CK_OBJECT_HANDLE key;

		CALL(make(a, a->session, i % (sizeof(kinds) / sizeof(*kinds)), DEEDS_LABEL, &key),
		     0);
		atomic_store(&a->commons->keys[i], key);
	}
	return DEED_DONE;
}

int commons_empty(struct actor *a)
{
	be_alone(a);
	for (size_t i = 0; i < COMMON_SESSIONS; i++)
		CALL(a->token.f->C_CloseSession(atomic_load(&a->commons->sessions[i])), 0);
	a->common_key = true;
	for (size_t i = 0; i < COMMON_KEYS; i++)
		if (destroy(a, atomic_load(&a->commons->keys[i])) == DEED_WRONG)
			return DEED_WRONG;
	return DEED_DONE;
}

int deeds_check(struct token *t, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key,
		const struct sample *sample)
{
	struct commons none = {0};
	struct actor actor = {.token = *t, .commons = &none, .s = session, .k = key};
	int came;

	actor.sample = sample;
	came = digest(&actor);
	if (came == DEED_DONE)
		came = cipher(&actor);
	if (came != DEED_DONE)
		return guest_error(t, "%s", actor.token.error);
	return 0;
}
