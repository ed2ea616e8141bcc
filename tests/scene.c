/* SPDX-License-Identifier: BSD-2-Clause */
#include "scene.h"

#include <stdlib.h>
#include <string.h>

#include "made.h"
#include "messages.h"
#include "objects.h"

#define TEXT 3000

/* The first answer that is not CKR_OK is the operation's. */
#define TRY(call)                   \
	do {                        \
		CK_RV rv_ = (call); \
		if (rv_ != CKR_OK)  \
			return rv_; \
	} while (0)

enum which { NO_KEY, FROZEN, WRITTEN, MAC };

struct scene_row {
	CK_MECHANISM_TYPE type;
	enum token_kind kind;
	enum which key;
	CK_ULONG length, part; /* PART 0: in one call */
	bool verify;
};

static unsigned char secret[32], text[TEXT];
static const unsigned char aad[13] = "not a secret";

static CK_RV compare(const unsigned char *got, CK_ULONG n, const void *right, size_t length)
{
	return n == length && memcmp(got, right, length) == 0 ? CKR_OK : SCENE_WRONG;
}

static CK_RV count_of(struct scene *s, CK_ATTRIBUTE *template, CK_ULONG length, CK_ULONG *count)
{
	CK_OBJECT_HANDLE found[64];
	CK_RV rv, final;

	TRY(token.f->C_FindObjectsInit(s->session, template, length));
	rv = token.f->C_FindObjects(s->session, found, 64, count);
	final = token.f->C_FindObjectsFinal(s->session);
	return rv != CKR_OK ? rv : final;
}

static CK_OBJECT_HANDLE key_of(const struct scene *scene, const struct scene_row *row)
{
	switch (row->key) {
	case FROZEN:
		return scene->frozen.object;
	case WRITTEN:
		return scene->written.object;
	case MAC:
		return scene->mac.object;
	default:
		return CK_INVALID_HANDLE;
	}
}

static CK_RV parts(struct scene *s, const struct scene_row *row, unsigned char *in, CK_ULONG length,
		   CK_ULONG *made)
{
	CK_FUNCTION_LIST_PTR f = token.f;
	CK_ULONG n, room = sizeof(s->out);

	*made = 0;
	for (CK_ULONG at = 0; at < length; at += n) {
		CK_ULONG part = length - at < row->part ? length - at : row->part;
		CK_ULONG came = room - *made;

		n = part;
		switch (row->kind) {
		case TOKEN_ENCRYPT:
			TRY(f->C_EncryptUpdate(s->session, in + at, part, s->out + *made, &came));
			break;
		case TOKEN_DECRYPT:
			TRY(f->C_DecryptUpdate(s->session, in + at, part, s->out + *made, &came));
			break;
		default:
			came = 0;
			TRY((row->kind == TOKEN_DIGEST ? f->C_DigestUpdate
			     : row->verify             ? f->C_VerifyUpdate
					   : f->C_SignUpdate)(s->session, in + at, part));
		}
		*made += came;
	}
	return CKR_OK;
}

static CK_RV final(struct scene *s, const struct scene_row *row, CK_ULONG *made)
{
	CK_ULONG n = sizeof(s->out) - *made;
	unsigned char *out = s->out + *made;

	switch (row->kind) {
	case TOKEN_ENCRYPT:
		TRY(token.f->C_EncryptFinal(s->session, out, &n));
		break;
	case TOKEN_DECRYPT:
		TRY(token.f->C_DecryptFinal(s->session, out, &n));
		break;
	case TOKEN_DIGEST:
		TRY(token.f->C_DigestFinal(s->session, out, &n));
		break;
	default:
		TRY(token.f->C_SignFinal(s->session, out, &n));
	}
	*made += n;
	return CKR_OK;
}

static CK_RV single(struct scene *s, const struct scene_row *row, unsigned char *in,
		    CK_ULONG length, CK_ULONG *made)
{
	*made = sizeof(s->out);
	switch (row->kind) {
	case TOKEN_ENCRYPT:
		return token.f->C_Encrypt(s->session, in, length, s->out, made);
	case TOKEN_DECRYPT:
		return token.f->C_Decrypt(s->session, in, length, s->out, made);
	case TOKEN_DIGEST:
		return token.f->C_Digest(s->session, in, length, s->out, made);
	default:
		return token.f->C_Sign(s->session, in, length, s->out, made);
	}
}

static CK_RV begin(struct scene *s, const struct scene_row *row, CK_MECHANISM_PTR mechanism)
{
	CK_OBJECT_HANDLE key = key_of(s, row);

	switch (row->kind) {
	case TOKEN_ENCRYPT:
		return token.f->C_EncryptInit(s->session, mechanism, key);
	case TOKEN_DECRYPT:
		return token.f->C_DecryptInit(s->session, mechanism, key);
	case TOKEN_DIGEST:
		return token.f->C_DigestInit(s->session, mechanism);
	default:
		return row->verify ? token.f->C_VerifyInit(s->session, mechanism, key)
				   : token.f->C_SignInit(s->session, mechanism, key);
	}
}

static struct material material_of(CK_MECHANISM_TYPE type)
{
	struct material material = {.type = type};

	if (type != CKM_SHA256 && type != CKM_SHA512) {
		material.key = secret;
		material.key_length = sizeof(secret);
	}
	if (type == CKM_AES_GMAC || guest_tag_length(&material)) {
		material.aad = aad;
		material.aad_length = sizeof(aad);
	}
	return material;
}

/* One ordinary operation. */
static CK_RV ordinary(struct scene *s, const struct scene_row *row)
{
	struct material material = material_of(row->type);
	unsigned char other[TEXT + GUEST_SLACK];
	struct mechanism_store store;
	CK_MECHANISM_PTR mechanism = guest_mechanism(&store, &material, row->length);
	/* OTHER is the ciphertext, the digest, or the signature. */
	size_t n = guest_expect(&material, text, row->length, other);
	bool back = row->kind == TOKEN_DECRYPT;
	unsigned char *in = back ? other : text;
	CK_ULONG length = back ? n : row->length, made;

	TRY(begin(s, row, mechanism));
	if (row->part)
		TRY(parts(s, row, in, length, &made));
	if (row->verify)
		return row->part ? token.f->C_VerifyFinal(s->session, other, n)
				 : token.f->C_Verify(s->session, in, length, other, n);
	if (row->part)
		TRY(final(s, row, &made));
	else
		TRY(single(s, row, in, length, &made));
	return compare(s->out, made, back ? text : other, back ? row->length : n);
}

/* What C_Initialize finds is all that there is, and works. */
static CK_RV start(struct scene *s, const struct scene_row *row)
{
	CK_SLOT_ID slots[16];
	CK_MECHANISM_TYPE types[256];
	CK_TOKEN_INFO info;
	CK_ULONG n = 16, count = 0;
	bool there = false;

	TRY(token.f->C_Initialize(NULL));
	TRY(token.f->C_GetSlotList(CK_TRUE, slots, &n));
	for (CK_ULONG i = 0; i < n; i++)
		there |= slots[i] == token.slot;
	if (!there)
		return SCENE_FEWER;
	TRY(token.f->C_GetTokenInfo(token.slot, &info));
	n = 256;
	TRY(token.f->C_GetMechanismList(token.slot, types, &n));
	if (n != s->mechanisms)
		return SCENE_FEWER;
	TRY(token.f->C_OpenSession(token.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL,
				   &s->session));
	TRY(scene_search(s, &count));
	if (count < s->objects)
		return SCENE_FEWER;
	return ordinary(s, row);
}

static CK_RV sessions(struct scene *s, const struct scene_row *row)
{
	CK_SESSION_HANDLE session;
	CK_SESSION_INFO info;

	(void)row;
	TRY(token.f->C_OpenSession(token.slot, CKF_SERIAL_SESSION, NULL, NULL, &session));
	CK_RV rv = token.f->C_GetSessionInfo(session, &info);
	CK_RV closed = token.f->C_CloseSession(session);

	(void)s;
	return rv != CKR_OK ? rv : closed;
}

static CK_RV search(struct scene *s, const struct scene_row *row)
{
	CK_ULONG count = 0;

	(void)row;
	TRY(scene_search(s, &count));
	return count < s->objects ? SCENE_FEWER : count > s->objects ? SCENE_WRONG : CKR_OK;
}

static CK_RV attributes(struct scene *s, const struct scene_row *row)
{
	CK_ULONG size = 0;
	CK_BYTE check[3], zeros[16] = {0}, right[16 + GUEST_SLACK];
	CK_ATTRIBUTE list[] = {{CKA_VALUE_LEN, &size, sizeof(size)},
			       {CKA_CHECK_VALUE, check, sizeof(check)}};
	struct material material = {.type = CKM_AES_ECB, .key = secret, .key_length = 32};

	(void)row;
	TRY(token.f->C_GetAttributeValue(s->session, s->extractable, list, 2));
	guest_expect(&material, zeros, sizeof(zeros), right);
	return size == sizeof(secret) ? compare(check, list[1].ulValueLen, right, 3) : SCENE_WRONG;
}

static CK_RV random_bytes(struct scene *s, const struct scene_row *row)
{
	static const unsigned char zeros[8];

	(void)row;
	memset(s->out, 0, 100);
	TRY(token.f->C_GenerateRandom(s->session, s->out, 100));
	/* Eight bytes that are zero come once in 2^64. */
	for (size_t i = 0; i + 8 <= 100; i++)
		if (memcmp(s->out + i, zeros, sizeof(zeros)) == 0)
			return SCENE_WRONG;
	return CKR_OK;
}

/* Two operations at once. */
static CK_RV dual(struct scene *s, const struct scene_row *row)
{
	struct material digest = {.type = CKM_SHA256};
	struct material cipher = {.type = CKM_AES_CBC, .key = secret, .key_length = sizeof(secret)};
	struct mechanism_store store, other_store;
	unsigned char right[TEXT + GUEST_SLACK], hash[64];
	CK_ULONG n = sizeof(s->out), hash_n = sizeof(hash), end = 16;
	CK_RV rv;

	TRY(token.f->C_DigestInit(s->session, guest_mechanism(&store, &digest, row->length)));
	rv = token.f->C_EncryptInit(s->session, guest_mechanism(&other_store, &cipher, row->length),
				    s->frozen.object);
	if (rv == CKR_OK)
		rv = token.f->C_DigestEncryptUpdate(s->session, text, row->length, s->out, &n);
	if (rv == CKR_OK)
		rv = token.f->C_EncryptFinal(s->session, s->out + n, &end);
	if (rv == CKR_OK)
		rv = token.f->C_DigestFinal(s->session, hash, &hash_n);
	if (rv != CKR_OK) {
		/* Of two operations, the one that did not fail goes on. */
		token.f->C_EncryptInit(s->session, NULL, CK_INVALID_HANDLE);
		token.f->C_DigestInit(s->session, NULL);
		return rv;
	}
	size_t length = guest_expect(&cipher, text, row->length, right);

	TRY(compare(s->out, n + end, right, length));
	return compare(hash, hash_n, right, guest_expect(&digest, text, row->length, right));
}

/* A message-based process with one message, which is known. */
static CK_RV message(struct scene *s, const struct scene_row *row)
{
	struct message_calls calls = message_calls(row->kind);
	unsigned char iv[12] = {0}, tag[16] = {0}, sealed[TEXT + GUEST_SLACK];
	struct material material = material_of(CKM_AES_GCM);
	struct gcm_message_params gcm = {iv, sizeof(iv), 0, CKG_NO_GENERATE, tag, 128};
	bool back = row->kind == TOKEN_DECRYPT;
	CK_ULONG n = sizeof(s->out);
	CK_RV rv;

	guest_expect(&material, text, row->length, sealed);
	if (back)
		memcpy(tag, sealed + row->length, sizeof(tag));
	TRY(message_init(s->session, row->kind, row->type, key_of(s, row)));
	rv = calls.whole(s->session, &gcm, sizeof(gcm), (CK_BYTE_PTR)aad, sizeof(aad),
			 back ? sealed : text, row->length, s->out, &n);
	/* A message that fails does not end the process. */
	CK_RV ended = message_final(s->session, row->kind);

	TRY(rv);
	TRY(ended);
	TRY(compare(s->out, n, back ? text : sealed, row->length));
	return compare(tag, sizeof(tag), sealed + row->length, sizeof(tag));
}

static CK_RV message_mac(struct scene *s, const struct scene_row *row)
{
	struct material material = material_of(row->type);
	CK_MECHANISM mechanism = {row->type, NULL, 0};
	unsigned char right[TEXT + GUEST_SLACK];
	size_t length = guest_expect(&material, text, row->length, right);
	CK_ULONG n = sizeof(s->out);
	CK_RV rv, ended;

	TRY(messages->C_MessageSignInit(s->session, &mechanism, key_of(s, row)));
	rv = messages->C_SignMessage(s->session, NULL, 0, text, row->length, s->out, &n);
	ended = messages->C_MessageSignFinal(s->session);
	TRY(rv);
	TRY(ended);
	return compare(s->out, n, right, length);
}

/* What was made is there and works, and then is destroyed. */
static CK_RV destroy(struct scene *s, const unsigned char *bytes)
{
	unsigned char iv[16] = {0}, right[32 + GUEST_SLACK];
	struct material material = {.type = CKM_AES_CBC, .key = bytes, .key_length = 32};
	CK_MECHANISM mechanism = {CKM_AES_CBC, iv, sizeof(iv)};
	CK_ULONG n = sizeof(s->out);

	TRY(token.f->C_EncryptInit(s->session, &mechanism, s->made));
	TRY(token.f->C_Encrypt(s->session, text, 32, s->out, &n));
	if (bytes) {
		guest_expect(&material, text, 32, right);
		TRY(compare(s->out, n, right, 32));
	}
	TRY(token.f->C_DestroyObject(s->session, s->made));
	s->made = CK_INVALID_HANDLE;
	return CKR_OK;
}

static CK_RV make(struct scene *s, const unsigned char *bytes, unsigned int how)
{
	TRY(made_key(&token, s->session, "scene made", bytes, 32, how, &s->made));
	return destroy(s, bytes);
}

static CK_RV generate(struct scene *s, const struct scene_row *row)
{
	(void)row;
	return make(s, NULL, MADE_TOKEN);
}

static CK_RV generate_session(struct scene *s, const struct scene_row *row)
{
	(void)row;
	return make(s, NULL, MADE_SENSITIVE);
}

static CK_RV create(struct scene *s, const struct scene_row *row)
{
	(void)row;
	return make(s, secret, MADE_TOKEN | MADE_EXTRACTABLE);
}

static CK_RV create_session(struct scene *s, const struct scene_row *row)
{
	(void)row;
	return make(s, secret, 0);
}

static CK_RV copy(struct scene *s, const struct scene_row *row)
{
	(void)row;
	TRY(made_copy(&token, s->session, s->extractable, "scene made", MADE_TOKEN, &s->made));
	return destroy(s, secret);
}

static CK_RV relabel(struct scene *s, const struct scene_row *row)
{
	CK_ULONG n = 0;

	(void)row;
	TRY(made_key(&token, s->session, "scene made", secret, 32, MADE_TOKEN, &s->made));
	TRY(made_relabel(&token, s->session, s->made, "scene renamed"));
	TRY(count_of(s, TEMPLATE(IS_TEXT(CKA_LABEL, "scene renamed")), &n));
	if (n != 1)
		return n ? SCENE_WRONG : SCENE_FEWER;
	return destroy(s, secret);
}

static CK_RV wrap(struct scene *s, const struct scene_row *row)
{
	struct material material = material_of(row->type);
	CK_MECHANISM mechanism = {row->type, NULL, 0};
	unsigned char right[64 + GUEST_SLACK];
	CK_ULONG n = sizeof(s->out);

	TRY(token.f->C_WrapKey(s->session, &mechanism, key_of(s, row), s->extractable, s->out, &n));
	return compare(s->out, n, right, guest_expect(&material, secret, sizeof(secret), right));
}

static CK_RV unwrap(struct scene *s, const struct scene_row *row)
{
	struct material material = material_of(row->type);
	CK_MECHANISM mechanism = {row->type, NULL, 0};
	unsigned char wrapped[64 + GUEST_SLACK];
	size_t n = guest_expect(&material, secret, sizeof(secret), wrapped);

	TRY(token.f->C_UnwrapKey(
		s->session, &mechanism, key_of(s, row), wrapped, n,
		TEMPLATE(IS_AES, IS_TRUE(CKA_TOKEN), IS_TEXT(CKA_LABEL, "scene made")), &s->made));
	return destroy(s, secret);
}

static CK_RV derive(struct scene *s, const struct scene_row *row)
{
	struct hkdf_params hkdf = {.extract = CK_TRUE,
				   .expand = CK_TRUE,
				   .hash = CKM_SHA256,
				   .salt_type = CKF_HKDF_SALT_NULL,
				   .info = (CK_BYTE_PTR)aad,
				   .info_len = sizeof(aad)};
	CK_MECHANISM mechanism = {CKM_HKDF_DERIVE, &hkdf, sizeof(hkdf)};
	CK_ULONG size = 32;

	(void)row;
	TRY(token.f->C_DeriveKey(
		s->session, &mechanism, s->base,
		TEMPLATE(IS_AES, IS_FALSE(CKA_TOKEN), IS_VALUE(CKA_VALUE_LEN, size)), &s->made));
	return destroy(s, NULL);
}

#define ROW(...)                  \
	&(const struct scene_row) \
	{                         \
		__VA_ARGS__       \
	}

/* clang-format off */
const struct scene_operation scene_operations[] = {
	{"start", start, ROW(CKM_SHA256, TOKEN_DIGEST, NO_KEY, 100, 0, false), true, false},
	{"session", sessions, NULL, false, false},
	{"search", search, NULL, false, false},
	{"attributes", attributes, NULL, false, false},
	{"random", random_bytes, NULL, false, false},
	{"digest", ordinary, ROW(CKM_SHA256, TOKEN_DIGEST, NO_KEY, 1000, 0, false), false, false},
	{"digest in parts", ordinary, ROW(CKM_SHA512, TOKEN_DIGEST, NO_KEY, 1000, 400, false), false, false},
	{"HMAC", ordinary, ROW(CKM_SHA256_HMAC, TOKEN_SIGN, MAC, 1000, 0, false), false, false},
	{"HMAC verified", ordinary, ROW(CKM_SHA256_HMAC, TOKEN_SIGN, MAC, 1000, 0, true), false, false},
	{"CMAC in parts", ordinary, ROW(CKM_AES_CMAC, TOKEN_SIGN, FROZEN, 1000, 400, false), false, false},
	{"GMAC", ordinary, ROW(CKM_AES_GMAC, TOKEN_SIGN, FROZEN, 300, 0, false), false, false},
	{"CBC, armed anew", ordinary, ROW(CKM_AES_CBC, TOKEN_ENCRYPT, WRITTEN, 1600, 0, false), false, false},
	{"CBC decrypted", ordinary, ROW(CKM_AES_CBC, TOKEN_DECRYPT, FROZEN, 1600, 0, false), false, true},
	{"CBC-PAD decrypted in parts", ordinary, ROW(CKM_AES_CBC_PAD, TOKEN_DECRYPT, WRITTEN, 1003, 500, false), false, false},
	{"CTR in parts", ordinary, ROW(CKM_AES_CTR, TOKEN_ENCRYPT, FROZEN, 1000, 300, false), false, false},
	{"CTS decrypted", ordinary, ROW(CKM_AES_CTS, TOKEN_DECRYPT, FROZEN, 1001, 0, false), false, true},
	{"GCM", ordinary, ROW(CKM_AES_GCM, TOKEN_ENCRYPT, WRITTEN, 1000, 0, false), false, false},
	{"GCM decrypted", ordinary, ROW(CKM_AES_GCM, TOKEN_DECRYPT, FROZEN, 1000, 0, false), false, true},
	{"CCM decrypted in parts", ordinary, ROW(CKM_AES_CCM, TOKEN_DECRYPT, FROZEN, 1000, 300, false), false, true},
	{"KEY_WRAP decrypted", ordinary, ROW(CKM_AES_KEY_WRAP, TOKEN_DECRYPT, FROZEN, 32, 0, false), false, true},
	{"digest and encryption", dual, ROW(CKM_AES_CBC, TOKEN_ENCRYPT, FROZEN, 512, 0, false), false, false},
	{"message", message, ROW(CKM_AES_GCM, TOKEN_ENCRYPT, FROZEN, 500, 0, false), false, false},
	{"message decrypted", message, ROW(CKM_AES_GCM, TOKEN_DECRYPT, WRITTEN, 500, 0, false), false, true},
	{"message signed", message_mac, ROW(CKM_SHA256_HMAC, TOKEN_SIGN, MAC, 500, 0, false), false, false},
	{"generated key", generate, NULL, false, false},
	{"generated key of a session", generate_session, NULL, false, false},
	{"created key", create, NULL, false, false},
	{"created key of a session", create_session, NULL, false, false},
	{"copy", copy, NULL, false, false},
	{"new label", relabel, NULL, false, false},
	{"wrapped key", wrap, ROW(CKM_AES_KEY_WRAP, TOKEN_ENCRYPT, FROZEN, 32, 0, false), false, false},
	{"unwrapped key", unwrap, ROW(CKM_AES_KEY_WRAP, TOKEN_ENCRYPT, FROZEN, 32, 0, false), false, false},
	{"derived key", derive, NULL, false, false},
};
/* clang-format on */
const size_t scene_count = sizeof(scene_operations) / sizeof(*scene_operations);

CK_RV scene_search(struct scene *scene, CK_ULONG *count)
{
	return count_of(scene, TEMPLATE(IS_SECRET), count);
}

/* But for sidecars: one is left where looking for it failed after its key was destroyed. */
size_t scene_linked(void)
{
	key_serial_t linked[256];
	size_t n = made_linked(linked, 256), keys = 0;
	char description[512];

	for (size_t i = 0; i < n; i++)
		keys += keyctl_describe(linked[i], description, sizeof(description)) < 0 ||
			!strstr(description, ";kcryptoki:");
	return keys;
}

static void make_keys(struct scene *scene)
{
	scene->frozen = guest_key(scene->session, "aes", secret, sizeof(secret), true);
	scene->written = guest_key(scene->session, "aes", secret, sizeof(secret), false);
	scene->mac = guest_key(scene->session, "generic-secret", secret, sizeof(secret), true);
	GUEST_RV(made_key(&token, scene->session, "scene extractable", secret, sizeof(secret),
			  MADE_TOKEN | MADE_EXTRACTABLE, &scene->extractable),
		 CKR_OK);
	GUEST_RV(token.f->C_CreateObject(scene->session,
					 TEMPLATE(IS_GENERIC, IS_TRUE(CKA_TOKEN),
						  IS_TRUE(CKA_DERIVE), IS_TRUE(CKA_EXTRACTABLE),
						  IS_TEXT(CKA_LABEL, "scene base"),
						  IS_BYTES(CKA_VALUE, secret, sizeof(secret))),
					 &scene->base),
		 CKR_OK);
}

static CK_OBJECT_HANDLE by_serial(struct scene *scene, key_serial_t serial)
{
	CK_ULONG wanted = (CK_ULONG)serial;

	return objects_the(scene->session, TEMPLATE(IS_SECRET, {CKA_KCRYPTOKI_KEY_SERIAL, &wanted,
								sizeof(wanted)}));
}

void scene_setup(struct scene *scene)
{
	CK_MECHANISM_TYPE *list;

	guest_need_keys();
	if (!made_unread())
		guest_skip("keys that nobody can read cannot be used here");
	guest_fill(secret, sizeof(secret), 1);
	guest_fill(text, sizeof(text), 2);
	*scene = (struct scene){.session = objects_rw_session()};
	make_keys(scene);
	GUEST_RV(scene_search(scene, &scene->objects), CKR_OK);
	GUEST_OK(token_mechanisms(&token, &list, &scene->mechanisms));
	free(list);
}

/* Handles are others after each start. */
void scene_open(struct scene *scene)
{
	scene->session = objects_rw_session();
	scene->frozen.object = by_serial(scene, scene->frozen.serial);
	scene->written.object = by_serial(scene, scene->written.serial);
	scene->mac.object = by_serial(scene, scene->mac.serial);
	scene->extractable =
		objects_the(scene->session, TEMPLATE(IS_TEXT(CKA_LABEL, "scene extractable")));
	scene->base = objects_the(scene->session, TEMPLATE(IS_TEXT(CKA_LABEL, "scene base")));
	scene->made = CK_INVALID_HANDLE;
}

void scene_teardown(struct scene *scene)
{
	objects_destroy(scene->session, scene->extractable);
	objects_destroy(scene->session, scene->base);
	token_key_drop(&scene->frozen);
	token_key_drop(&scene->written);
	token_key_drop(&scene->mac);
	GUEST_RV(token.f->C_CloseSession(scene->session), CKR_OK);
}

bool scene_reveals(const struct scene *scene)
{
	static const unsigned char zeros[8];

	for (size_t i = 0; i + 8 <= sizeof(scene->out); i++)
		if (memcmp(scene->out + i, zeros, 8) == 0)
			continue;
		else if (memmem(text, sizeof(text), scene->out + i, 8) ||
			 memmem(secret, sizeof(secret), scene->out + i, 8))
			return true;
	return false;
}

void scene_sweep(struct scene *scene)
{
	if (scene->made != CK_INVALID_HANDLE)
		token.f->C_DestroyObject(scene->session, scene->made);
	scene->made = CK_INVALID_HANDLE;
}
