/* SPDX-License-Identifier: BSD-2-Clause */
#include "scene.h"

#include <string.h>

#include "made.h"
#include "messages.h"
#include "objects.h"

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

static const unsigned char aad[13] = "not a secret";

static CK_RV compare(const unsigned char *got, CK_ULONG n, const void *right, size_t length)
{
	return n == length && memcmp(got, right, length) == 0 ? CKR_OK : SCENE_WRONG;
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
		material.key = scene_secret;
		material.key_length = sizeof(scene_secret);
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
	unsigned char other[SCENE_TEXT + GUEST_SLACK];
	struct mechanism_store store;
	CK_MECHANISM_PTR mechanism = guest_mechanism(&store, &material, row->length);
	/* OTHER is the ciphertext, the digest, or the signature. */
	size_t n = guest_expect(&material, scene_text, row->length, other);
	bool back = row->kind == TOKEN_DECRYPT;
	unsigned char *in = back ? other : scene_text;
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
	return compare(s->out, made, back ? scene_text : other, back ? row->length : n);
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
	if (count < s->objects)
		return SCENE_FEWER;
	return count > s->objects && !s->accompanied ? SCENE_WRONG : CKR_OK;
}

static CK_RV attributes(struct scene *s, const struct scene_row *row)
{
	CK_ULONG size = 0;
	CK_BYTE check[3], zeros[16] = {0}, right[16 + GUEST_SLACK];
	CK_ATTRIBUTE list[] = {{CKA_VALUE_LEN, &size, sizeof(size)},
			       {CKA_CHECK_VALUE, check, sizeof(check)}};
	struct material material = {.type = CKM_AES_ECB, .key = scene_secret, .key_length = 32};

	(void)row;
	TRY(token.f->C_GetAttributeValue(s->session, s->extractable, list, 2));
	guest_expect(&material, zeros, sizeof(zeros), right);
	return size == sizeof(scene_secret) ? compare(check, list[1].ulValueLen, right, 3)
					    : SCENE_WRONG;
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
	struct material cipher = {
		.type = CKM_AES_CBC, .key = scene_secret, .key_length = sizeof(scene_secret)};
	struct mechanism_store store, other_store;
	unsigned char right[SCENE_TEXT + GUEST_SLACK], hash[64];
	CK_ULONG n = sizeof(s->out), hash_n = sizeof(hash), end = 16;
	CK_RV rv;

	TRY(token.f->C_DigestInit(s->session, guest_mechanism(&store, &digest, row->length)));
	rv = token.f->C_EncryptInit(s->session, guest_mechanism(&other_store, &cipher, row->length),
				    s->frozen.object);
	if (rv == CKR_OK)
		rv = token.f->C_DigestEncryptUpdate(s->session, scene_text, row->length, s->out,
						    &n);
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
	size_t length = guest_expect(&cipher, scene_text, row->length, right);

	TRY(compare(s->out, n + end, right, length));
	return compare(hash, hash_n, right, guest_expect(&digest, scene_text, row->length, right));
}

/* A message-based process with one message, which is known. */
static CK_RV message(struct scene *s, const struct scene_row *row)
{
	struct message_calls calls = message_calls(row->kind);
	unsigned char iv[12] = {0}, tag[16] = {0}, sealed[SCENE_TEXT + GUEST_SLACK];
	struct material material = material_of(CKM_AES_GCM);
	struct gcm_message_params gcm = {iv, sizeof(iv), 0, CKG_NO_GENERATE, tag, 128};
	bool back = row->kind == TOKEN_DECRYPT;
	CK_ULONG n = sizeof(s->out);
	CK_RV rv;

	guest_expect(&material, scene_text, row->length, sealed);
	if (back)
		memcpy(tag, sealed + row->length, sizeof(tag));
	TRY(message_init(s->session, row->kind, row->type, key_of(s, row)));
	rv = calls.whole(s->session, &gcm, sizeof(gcm), (CK_BYTE_PTR)aad, sizeof(aad),
			 back ? sealed : scene_text, row->length, s->out, &n);
	/* A message that fails does not end the process. */
	CK_RV ended = message_final(s->session, row->kind);

	TRY(rv);
	TRY(ended);
	TRY(compare(s->out, n, back ? scene_text : sealed, row->length));
	return compare(tag, sizeof(tag), sealed + row->length, sizeof(tag));
}

static CK_RV message_mac(struct scene *s, const struct scene_row *row)
{
	struct material material = material_of(row->type);
	CK_MECHANISM mechanism = {row->type, NULL, 0};
	unsigned char right[SCENE_TEXT + GUEST_SLACK];
	size_t length = guest_expect(&material, scene_text, row->length, right);
	CK_ULONG n = sizeof(s->out);
	CK_RV rv, ended;

	TRY(messages->C_MessageSignInit(s->session, &mechanism, key_of(s, row)));
	rv = messages->C_SignMessage(s->session, NULL, 0, scene_text, row->length, s->out, &n);
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
	TRY(token.f->C_Encrypt(s->session, scene_text, 32, s->out, &n));
	if (bytes) {
		guest_expect(&material, scene_text, 32, right);
		TRY(compare(s->out, n, right, 32));
	}
	TRY(token.f->C_DestroyObject(s->session, s->made));
	s->made = CK_INVALID_HANDLE;
	return CKR_OK;
}

static CK_RV make(struct scene *s, const unsigned char *bytes, unsigned int how)
{
	TRY(made_key(&token, s->session, s->made_label, bytes, 32, how, &s->made));
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
	return make(s, scene_secret, MADE_TOKEN | MADE_EXTRACTABLE);
}

static CK_RV create_session(struct scene *s, const struct scene_row *row)
{
	(void)row;
	return make(s, scene_secret, 0);
}

static CK_RV copy(struct scene *s, const struct scene_row *row)
{
	(void)row;
	TRY(made_copy(&token, s->session, s->extractable, s->made_label, MADE_TOKEN, &s->made));
	return destroy(s, scene_secret);
}

static CK_RV relabel(struct scene *s, const struct scene_row *row)
{
	CK_ULONG n = 0;

	(void)row;
	TRY(made_key(&token, s->session, s->made_label, scene_secret, 32, MADE_TOKEN, &s->made));
	TRY(made_relabel(&token, s->session, s->made, s->new_label));
	TRY(scene_count_of(s, TEMPLATE(IS_BYTES(CKA_LABEL, s->new_label, strlen(s->new_label))),
			   &n));
	if (n != 1)
		return n ? SCENE_WRONG : SCENE_FEWER;
	return destroy(s, scene_secret);
}

static CK_RV wrap(struct scene *s, const struct scene_row *row)
{
	struct material material = material_of(row->type);
	CK_MECHANISM mechanism = {row->type, NULL, 0};
	unsigned char right[64 + GUEST_SLACK];
	CK_ULONG n = sizeof(s->out);

	TRY(token.f->C_WrapKey(s->session, &mechanism, key_of(s, row), s->extractable, s->out, &n));
	return compare(s->out, n, right,
		       guest_expect(&material, scene_secret, sizeof(scene_secret), right));
}

static CK_RV unwrap(struct scene *s, const struct scene_row *row)
{
	struct material material = material_of(row->type);
	CK_MECHANISM mechanism = {row->type, NULL, 0};
	unsigned char wrapped[64 + GUEST_SLACK];
	size_t n = guest_expect(&material, scene_secret, sizeof(scene_secret), wrapped);

	TRY(token.f->C_UnwrapKey(
		s->session, &mechanism, key_of(s, row), wrapped, n,
		TEMPLATE(IS_AES, IS_TRUE(CKA_TOKEN),
			 IS_BYTES(CKA_LABEL, s->made_label, strlen(s->made_label))),
		&s->made));
	return destroy(s, scene_secret);
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
	{"start", start, ROW(CKM_SHA256, TOKEN_DIGEST, NO_KEY, 100, 0, false), true, false, false},
	{"session", sessions, NULL, false, false, false},
	{"search", search, NULL, false, false, false},
	{"attributes", attributes, NULL, false, false, false},
	{"random", random_bytes, NULL, false, false, false},
	{"digest", ordinary, ROW(CKM_SHA256, TOKEN_DIGEST, NO_KEY, 1000, 0, false), false, false, false},
	{"digest in parts", ordinary, ROW(CKM_SHA512, TOKEN_DIGEST, NO_KEY, 1000, 400, false), false, false, false},
	{"HMAC", ordinary, ROW(CKM_SHA256_HMAC, TOKEN_SIGN, MAC, 1000, 0, false), false, false, false},
	{"HMAC verified", ordinary, ROW(CKM_SHA256_HMAC, TOKEN_SIGN, MAC, 1000, 0, true), false, false, false},
	{"CMAC in parts", ordinary, ROW(CKM_AES_CMAC, TOKEN_SIGN, FROZEN, 1000, 400, false), false, false, false},
	{"GMAC", ordinary, ROW(CKM_AES_GMAC, TOKEN_SIGN, FROZEN, 300, 0, false), false, false, false},
	{"CBC, armed anew", ordinary, ROW(CKM_AES_CBC, TOKEN_ENCRYPT, WRITTEN, 1600, 0, false), false, false, false},
	{"CBC decrypted", ordinary, ROW(CKM_AES_CBC, TOKEN_DECRYPT, FROZEN, 1600, 0, false), false, true, false},
	{"CBC-PAD decrypted in parts", ordinary, ROW(CKM_AES_CBC_PAD, TOKEN_DECRYPT, WRITTEN, 1003, 500, false), false, false, false},
	{"CTR in parts", ordinary, ROW(CKM_AES_CTR, TOKEN_ENCRYPT, FROZEN, 1000, 300, false), false, false, false},
	{"CTS decrypted", ordinary, ROW(CKM_AES_CTS, TOKEN_DECRYPT, FROZEN, 1001, 0, false), false, true, false},
	{"GCM", ordinary, ROW(CKM_AES_GCM, TOKEN_ENCRYPT, WRITTEN, 1000, 0, false), false, false, false},
	{"GCM decrypted", ordinary, ROW(CKM_AES_GCM, TOKEN_DECRYPT, FROZEN, 1000, 0, false), false, true, false},
	{"CCM decrypted in parts", ordinary, ROW(CKM_AES_CCM, TOKEN_DECRYPT, FROZEN, 1000, 300, false), false, true, false},
	{"KEY_WRAP decrypted", ordinary, ROW(CKM_AES_KEY_WRAP, TOKEN_DECRYPT, FROZEN, 32, 0, false), false, true, false},
	{"digest and encryption", dual, ROW(CKM_AES_CBC, TOKEN_ENCRYPT, FROZEN, 512, 0, false), false, false, false},
	{"message", message, ROW(CKM_AES_GCM, TOKEN_ENCRYPT, FROZEN, 500, 0, false), false, false, false},
	{"message decrypted", message, ROW(CKM_AES_GCM, TOKEN_DECRYPT, WRITTEN, 500, 0, false), false, true, false},
	{"message signed", message_mac, ROW(CKM_SHA256_HMAC, TOKEN_SIGN, MAC, 500, 0, false), false, false, false},
	{"generated key", generate, NULL, false, false, true},
	{"generated key of a session", generate_session, NULL, false, false, true},
	{"created key", create, NULL, false, false, true},
	{"created key of a session", create_session, NULL, false, false, true},
	{"copy", copy, NULL, false, false, true},
	{"new label", relabel, NULL, false, false, true},
	{"wrapped key", wrap, ROW(CKM_AES_KEY_WRAP, TOKEN_ENCRYPT, FROZEN, 32, 0, false), false, false, false},
	{"unwrapped key", unwrap, ROW(CKM_AES_KEY_WRAP, TOKEN_ENCRYPT, FROZEN, 32, 0, false), false, false, true},
	{"derived key", derive, NULL, false, false, true},
};
/* clang-format on */
const size_t scene_count = sizeof(scene_operations) / sizeof(*scene_operations);
