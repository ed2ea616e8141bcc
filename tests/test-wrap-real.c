/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys that leave and enter the token wrapped, and keys derived, through the API: what libcrypto
 * and published vectors say comes of them.
 */
#include "objects.h"

#include <stdio.h>
#include <string.h>

#include "pkcs11-parameters.h"

/* ROOM is more than any wrapped key has. */
enum { LONGEST = 4096, ROOM = 40960 };

static unsigned char secret[32], bytes[LONGEST], wrapped[ROOM], expected[ROOM];

/* A way to wrap. */
struct way {
	const char *name;
	CK_MECHANISM_TYPE type;
	CK_MECHANISM_TYPE known; /* to libcrypto */
	size_t block;            /* of the PKCS#7 padding that is added before; 0: none */
	size_t step;             /* keys of multiples of this many bytes only */
	size_t least;            /* and of no fewer */
	CK_RV short_rv;          /* of a blob that lost its last byte */
};

#define WAY(type) #type, type
static const struct way ways[] = {
	{WAY(CKM_AES_KEY_WRAP), CKM_AES_KEY_WRAP, 0, 8, 16, CKR_WRAPPED_KEY_LEN_RANGE},
	{WAY(CKM_AES_KEY_WRAP_PAD), CKM_AES_KEY_WRAP, 8, 1, 8, CKR_WRAPPED_KEY_LEN_RANGE},
	{WAY(CKM_AES_KEY_WRAP_KWP), CKM_AES_KEY_WRAP_KWP, 0, 1, 1, CKR_WRAPPED_KEY_LEN_RANGE},
	{WAY(CKM_AES_CBC_PAD), CKM_AES_CBC_PAD, 0, 1, 1, CKR_WRAPPED_KEY_LEN_RANGE},
	{WAY(CKM_AES_GCM), CKM_AES_GCM, 0, 1, 1, CKR_WRAPPED_KEY_INVALID},
};
enum { WAYS = sizeof(ways) / sizeof(*ways) };

/* A way, and the key that wraps. */
struct scene {
	const struct way *way;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE kek;
	struct material material;
	struct mechanism_store store;
};

static CK_OBJECT_HANDLE put(CK_SESSION_HANDLE session, size_t length, const char *label)
{
	return objects_create(session, TEMPLATE(IS_AES, IS_TRUE(CKA_TOKEN),
						IS_BYTES(CKA_VALUE, secret, length),
						IS_VALUE(CKA_EXTRACTABLE, objects_readable),
						IS_BYTES(CKA_LABEL, label, strlen(label))));
}

static void open_scene(struct scene *scene, const struct way *way, size_t kek_length)
{
	objects_need_keys();
	guest_need(way->type);
	*scene = (struct scene){
		.way = way,
		.session = objects_rw_session(),
		.material = {.type = way->known, .key = secret, .key_length = kek_length}};
	guest_fill(scene->material.iv, 16, 5);
	scene->kek = put(scene->session, kek_length, "kek");
	scene->material.type = way->type;
	guest_mechanism(&scene->store, &scene->material, 0);
	scene->material.type = way->known;
}

static void close_scene(struct scene *scene)
{
	objects_destroy(scene->session, scene->kek);
	GUEST_RV(token.f->C_CloseSession(scene->session), CKR_OK);
}

static size_t expect(const struct scene *scene, size_t length)
{
	static unsigned char padded[LONGEST + 16];
	size_t block = scene->way->block, more = block ? block - length % block : 0;

	memcpy(padded, bytes, length);
	memset(padded + length, (int)more, more);
	return guest_expect(&scene->material, padded, length + more, expected);
}

static CK_ULONG count_keys(CK_SESSION_HANDLE session)
{
	CK_OBJECT_HANDLE found[64];

	return objects_find(session, found, 64, TEMPLATE(IS_SECRET));
}

static CK_RV unwrap(struct scene *scene, CK_ULONG length, CK_ATTRIBUTE *template, CK_ULONG count)
{
	CK_ULONG before = count_keys(scene->session);
	CK_OBJECT_HANDLE key = 0x55;
	CK_RV rv = token.f->C_UnwrapKey(scene->session, &scene->store.mechanism, scene->kek,
					wrapped, length, template, count, &key);

	if (rv == CKR_OK) {
		objects_destroy(scene->session, key);
		return rv;
	}
	/* Of what is refused there is no key, nor the handle of one. */
	assert_int_equal(key, 0x55);
	assert_int_equal(count_keys(scene->session), before);
	return rv;
}

#define A_GENERIC TEMPLATE(IS_GENERIC, IS_TRUE(CKA_EXTRACTABLE), IS_FALSE(CKA_SENSITIVE))

/* A key of LENGTH bytes and TYPE, of a session or of the token. */
static void there_and_back(struct scene *scene, CK_KEY_TYPE type, size_t length, CK_BBOOL on_token)
{
	CK_ATTRIBUTE template[] = {IS_SECRET,
				   IS_VALUE(CKA_KEY_TYPE, type),
				   IS_VALUE(CKA_TOKEN, on_token),
				   IS_TRUE(CKA_EXTRACTABLE),
				   IS_FALSE(CKA_SENSITIVE),
				   IS_BYTES(CKA_VALUE, bytes, length)};
	CK_OBJECT_HANDLE key = objects_create(scene->session, template, 6), again;
	CK_ULONG made = objects_wrap(scene->session, &scene->store.mechanism, scene->kek, key,
				     wrapped, sizeof(wrapped));

	if (made != expect(scene, length) || memcmp(wrapped, expected, made) != 0)
		guest_fail("%s of %zu bytes is not libcrypto's", scene->way->name, length);
	objects_destroy(scene->session, key);
	again = objects_unwrap(scene->session, &scene->store.mechanism, scene->kek, wrapped, made,
			       template, 5);
	assert_true(objects_is(scene->session, again, CKA_VALUE, bytes, length));
	assert_int_equal(objects_number(scene->session, again, CKA_VALUE_LEN), length);
	assert_int_equal(objects_number(scene->session, again, CKA_KEY_TYPE), type);
	assert_false(objects_bool(scene->session, again, CKA_LOCAL));
	assert_false(objects_bool(scene->session, again, CKA_ALWAYS_SENSITIVE));
	assert_false(objects_bool(scene->session, again, CKA_NEVER_EXTRACTABLE));
	objects_destroy(scene->session, again);
}

static void wraps(void **state)
{
	static const size_t lengths[] = {1, 7, 8, 15, 16, 20, 24, 31, 32, 33, 40, 64, 200, LONGEST};
	const struct way *way = *state;
	struct scene scene;

	for (size_t kek = 16; kek <= 32; kek += 8) {
		open_scene(&scene, way, kek);
		for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++)
			if (lengths[i] % way->step == 0 && lengths[i] >= way->least &&
			    /* Thousands of steps, each time. */
			    (kek == 32 || lengths[i] <= 64))
				there_and_back(&scene, CKK_GENERIC_SECRET, lengths[i], CK_FALSE);
		there_and_back(&scene, CKK_AES, 16, CK_TRUE);
		there_and_back(&scene, CKK_AES, 32, CK_FALSE);
		there_and_back(&scene, CKK_AES_XTS, 64, CK_TRUE);
		there_and_back(&scene, CKK_CHACHA20, 32, CK_TRUE);
		there_and_back(&scene, CKK_SHA256_HMAC, 48, CK_TRUE);
		close_scene(&scene);
	}
}

/* Keys of lengths that the way cannot wrap; blobs that were changed, or cut. */
static void refuses(void **state)
{
	const struct way *way = *state;
	CK_ULONG made, size = sizeof(wrapped);
	struct scene scene;
	CK_OBJECT_HANDLE key;

	open_scene(&scene, way, 32);
	if (way->least > 1) {
		key = objects_create(scene.session, TEMPLATE(IS_GENERIC, IS_TRUE(CKA_EXTRACTABLE),
							     IS_BYTES(CKA_VALUE, bytes, 7)));
		GUEST_RV(token.f->C_WrapKey(scene.session, &scene.store.mechanism, scene.kek, key,
					    NULL, &size),
			 CKR_KEY_SIZE_RANGE);
		size = sizeof(wrapped);
		GUEST_RV(token.f->C_WrapKey(scene.session, &scene.store.mechanism, scene.kek, key,
					    wrapped, &size),
			 CKR_KEY_SIZE_RANGE);
		objects_destroy(scene.session, key);
	}
	made = expect(&scene, 32);
	memcpy(wrapped, expected, made);
	assert_int_equal(unwrap(&scene, made, A_GENERIC), CKR_OK);
	assert_int_equal(unwrap(&scene, made - 1, A_GENERIC), way->short_rv);
	assert_int_equal(unwrap(&scene, 0, A_GENERIC), CKR_WRAPPED_KEY_LEN_RANGE);
	assert_int_equal(unwrap(&scene, sizeof(wrapped), A_GENERIC), CKR_WRAPPED_KEY_LEN_RANGE);
	/* CBC says only of the padding whether it was changed. */
	for (size_t i = way->type == CKM_AES_CBC_PAD ? made - 1 : 0; i < made; i++) {
		wrapped[i] ^= 0x40;
		assert_int_equal(unwrap(&scene, made, A_GENERIC), CKR_WRAPPED_KEY_INVALID);
		wrapped[i] ^= 0x40;
	}
	/* Of a length that its type does not have, or that the template does not want. */
	made = expect(&scene, 40);
	memcpy(wrapped, expected, made);
	assert_int_equal(unwrap(&scene, made, TEMPLATE(IS_AES)), CKR_WRAPPED_KEY_LEN_RANGE);
	for (size = 32; size <= 48; size += 16)
		assert_int_equal(
			unwrap(&scene, made, TEMPLATE(IS_GENERIC, IS_VALUE(CKA_VALUE_LEN, size))),
			CKR_TEMPLATE_INCONSISTENT);
	size = 40;
	assert_int_equal(unwrap(&scene, made,
				TEMPLATE(IS_GENERIC, IS_TRUE(CKA_EXTRACTABLE),
					 IS_VALUE(CKA_VALUE_LEN, size))),
			 CKR_OK);
	close_scene(&scene);
}

/* Who may wrap, and what. */
static void unextractable(void **state)
{
	static const struct way *const way = &ways[2];
	CK_BBOOL no = CK_FALSE;
	CK_ATTRIBUTE unwraps = IS_VALUE(CKA_UNWRAP, no), wrap = IS_VALUE(CKA_WRAP, no);
	CK_ULONG size = sizeof(wrapped), length = 32;
	CK_OBJECT_HANDLE keys[3], key;
	struct scene scene;
	CK_MECHANISM *mechanism = &scene.store.mechanism;

	objects_need_unread();
	open_scene(&scene, way, 32);
	keys[0] = put(scene.session, 16, "logon");
	keys[1] = objects_generate(scene.session, CKM_AES_KEY_GEN,
				   TEMPLATE(IS_VALUE(CKA_VALUE_LEN, length)));
	keys[2] = objects_create(scene.session, TEMPLATE(IS_AES, IS_BYTES(CKA_VALUE, secret, 16)));
	memset(wrapped, 0xa5, sizeof(wrapped));
	for (size_t i = 0; i < 3; i++) {
		GUEST_RV(token.f->C_WrapKey(scene.session, mechanism, scene.kek, keys[i], NULL,
					    &size),
			 CKR_KEY_UNEXTRACTABLE);
		GUEST_RV(token.f->C_WrapKey(scene.session, mechanism, scene.kek, keys[i], wrapped,
					    &size),
			 CKR_KEY_UNEXTRACTABLE);
		objects_destroy(scene.session, keys[i]);
	}
	for (size_t i = 0; i < sizeof(wrapped); i++)
		assert_int_equal(wrapped[i], 0xa5);
	key = objects_create(scene.session, TEMPLATE(IS_AES, IS_TRUE(CKA_EXTRACTABLE),
						     IS_TRUE(CKA_WRAP_WITH_TRUSTED),
						     IS_BYTES(CKA_VALUE, bytes, 16)));
	GUEST_RV(token.f->C_WrapKey(scene.session, mechanism, scene.kek, key, wrapped, &size),
		 CKR_KEY_NOT_WRAPPABLE);
	GUEST_RV(token.f->C_WrapKey(scene.session, mechanism, key + 1000, key, wrapped, &size),
		 CKR_WRAPPING_KEY_HANDLE_INVALID);
	GUEST_RV(
		token.f->C_WrapKey(scene.session, mechanism, scene.kek, key + 1000, wrapped, &size),
		CKR_KEY_HANDLE_INVALID);
	objects_destroy(scene.session, key);
	key = objects_create(scene.session, TEMPLATE(IS_GENERIC, IS_TRUE(CKA_EXTRACTABLE),
						     IS_BYTES(CKA_VALUE, bytes, 16)));
	GUEST_RV(token.f->C_WrapKey(scene.session, mechanism, key, key, wrapped, &size),
		 CKR_WRAPPING_KEY_TYPE_INCONSISTENT);
	GUEST_RV(token.f->C_SetAttributeValue(scene.session, scene.kek, &wrap, 1), CKR_OK);
	GUEST_RV(token.f->C_WrapKey(scene.session, mechanism, scene.kek, key, wrapped, &size),
		 CKR_KEY_FUNCTION_NOT_PERMITTED);
	length = expect(&scene, 16);
	memcpy(wrapped, expected, length);
	assert_int_equal(unwrap(&scene, length, TEMPLATE(IS_AES)), CKR_OK);
	objects_destroy(scene.session, key);
	GUEST_RV(token.f->C_SetAttributeValue(scene.session, scene.kek, &unwraps, 1), CKR_OK);
	assert_int_equal(unwrap(&scene, length, TEMPLATE(IS_AES)), CKR_KEY_FUNCTION_NOT_PERMITTED);
	close_scene(&scene);
}

static size_t from_hex(const char *hex, unsigned char *out)
{
	size_t length = strlen(hex) / 2;

	for (size_t i = 0; i < length; i++)
		sscanf(hex + 2 * i, "%2hhx", &out[i]);
	return length;
}

/* The key of TYPE that MECHANISM derives from BASE is EXPECTED; where it may be seen, and where it
 * only computes. */
static void derives(CK_MECHANISM *mechanism, CK_KEY_TYPE base_type, const unsigned char *base_bytes,
		    size_t base_length, const unsigned char *wanted, CK_ULONG length)
{
	CK_BBOOL readable = mechanism->mechanism == CKM_HKDF_DERIVE;
	struct material hmac = {.type = CKM_SHA256_HMAC, .key = wanted, .key_length = length};
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE base, key;

	objects_need_unread();
	guest_need(mechanism->mechanism);
	session = objects_rw_session();
	base = objects_create(
		session, TEMPLATE(IS_SECRET, IS_VALUE(CKA_KEY_TYPE, base_type), IS_TRUE(CKA_TOKEN),
				  IS_VALUE(CKA_EXTRACTABLE, readable), IS_TRUE(CKA_DERIVE),
				  IS_BYTES(CKA_VALUE, base_bytes, base_length)));
	GUEST_RV(token.f->C_DeriveKey(session, mechanism, base,
				      TEMPLATE(IS_GENERIC, IS_VALUE(CKA_VALUE_LEN, length),
					       IS_TRUE(CKA_EXTRACTABLE), IS_FALSE(CKA_SENSITIVE)),
				      &key),
		 CKR_OK);
	assert_true(objects_is(session, key, CKA_VALUE, wanted, length));
	assert_false(objects_bool(session, key, CKA_LOCAL));
	objects_destroy(session, key);
	for (CK_BBOOL on_token = CK_FALSE; on_token <= CK_TRUE; on_token++) {
		GUEST_RV(token.f->C_DeriveKey(session, mechanism, base,
					      TEMPLATE(IS_GENERIC, IS_VALUE(CKA_VALUE_LEN, length),
						       IS_VALUE(CKA_TOKEN, on_token),
						       IS_TRUE(CKA_SENSITIVE),
						       IS_FALSE(CKA_EXTRACTABLE)),
					      &key),
			 CKR_OK);
		GUEST_RV(objects_ask(session, key, CKA_VALUE), CKR_ATTRIBUTE_SENSITIVE);
		assert_true(objects_is(session, key, CKA_KCRYPTOKI_KEYRING_TYPE, "logon", 5));
		GUEST_OK(guest_run(&token, session, key, &hmac, TOKEN_SIGN, bytes, 100, TOKEN_PLAIN,
				   NULL));
		objects_destroy(session, key);
	}
	objects_destroy(session, base);
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

static void rfc_5869_1(void **state)
{
	unsigned char base[22], salt[13], info[10], out[42];
	struct hkdf_params params = {.extract = CK_TRUE,
				     .expand = CK_TRUE,
				     .hash = CKM_SHA256,
				     .salt_type = CKF_HKDF_SALT_DATA,
				     .salt = salt,
				     .salt_len = sizeof(salt),
				     .info = info,
				     .info_len = sizeof(info)};
	CK_MECHANISM mechanism = {CKM_HKDF_DERIVE, &params, sizeof(params)};

	memset(base, 0x0b, sizeof(base));
	from_hex("000102030405060708090a0b0c", salt);
	from_hex("f0f1f2f3f4f5f6f7f8f9", info);
	from_hex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185"
		 "865",
		 out);
	derives(&mechanism, CKK_HKDF, base, sizeof(base), out, sizeof(out));
}

/* The first of NIST's records for HMAC_SHA256 with the counter before the fixed data, of 8 bits. */
static void sp800_108(void **state)
{
	unsigned char key[32], fixed[64], out[16];
	struct kdf_counter_format counter = {CK_FALSE, 8};
	struct kdf_field fields[] = {
		{CK_SP800_108_ITERATION_VARIABLE, &counter, sizeof(counter)},
		{CK_SP800_108_BYTE_ARRAY, fixed, 0},
	};
	struct counter_kdf_params params = {
		.prf = CKM_SHA256_HMAC, .n_fields = 2, .fields = fields};
	CK_MECHANISM mechanism = {CKM_SP800_108_COUNTER_KDF, &params, sizeof(params)};

	from_hex("3edc6b5b8f7aadbd713732b482b8f979286e1ea3b8f8f99c30c884cfe3349b83", key);
	fields[1].value_len =
		from_hex("98e9988bb4cc8b34d7922e1c68ad692ba2a1d9ae15149571675f17a77ad4"
			 "9e80c8d2a85e831a26445b1f0ff44d7084a17206b4896c8112daad18605a",
			 fixed);
	from_hex("6c037652990674a07844732d0ad985f9", out);
	derives(&mechanism, CKK_SHA256_HMAC, key, sizeof(key), out, sizeof(out));
}

/* The key is the ciphertext of data. */
static void encrypted_data(void **state)
{
	struct derivation_data ecb = {bytes, 48};
	struct cbc_encrypt_data_params cbc = {.data = bytes, .data_len = 48};
	CK_MECHANISM mechanisms[] = {{CKM_AES_ECB_ENCRYPT_DATA, &ecb, sizeof(ecb)},
				     {CKM_AES_CBC_ENCRYPT_DATA, &cbc, sizeof(cbc)}};
	struct material material = {.type = CKM_AES_ECB, .key = secret, .key_length = 32};

	guest_fill(cbc.iv, sizeof(cbc.iv), 6);
	memcpy(material.iv, cbc.iv, sizeof(cbc.iv));
	for (size_t i = 0; i < 2; i++) {
		guest_expect(&material, bytes, 48, expected);
		derives(&mechanisms[i], CKK_AES, secret, 32, expected, 48);
		derives(&mechanisms[i], CKK_AES, secret, 32, expected, 33);
		material.type = CKM_AES_CBC;
	}
}

/* Two keys of one call are each a block of the PRF: HMAC(counter | fixed data). A third that cannot
 * be made leaves none. */
static void several(void **state)
{
	static unsigned char message[] = "\1several keys";
	struct kdf_counter_format counter = {CK_FALSE, 8};
	struct kdf_field fields[] = {
		{CK_SP800_108_ITERATION_VARIABLE, &counter, sizeof(counter)},
		{CK_SP800_108_BYTE_ARRAY, message + 1, sizeof(message) - 2},
	};
	CK_ULONG length = 32, odd = 33, before;
	CK_OBJECT_HANDLE base, keys[3] = {0};
	CK_ATTRIBUTE first[] = {IS_GENERIC, IS_VALUE(CKA_VALUE_LEN, length),
				IS_TRUE(CKA_EXTRACTABLE), IS_FALSE(CKA_SENSITIVE)},
		     second[] = {IS_AES, IS_VALUE(CKA_VALUE_LEN, odd)};
	struct derived_key more[] = {{first, 5, &keys[1]}, {second, 3, &keys[2]}};
	struct counter_kdf_params params = {
		.prf = CKM_SHA256_HMAC, .n_fields = 2, .fields = fields, .n_more = 1, .more = more};
	CK_MECHANISM mechanism = {CKM_SP800_108_COUNTER_KDF, &params, sizeof(params)};
	struct material hmac = {.type = CKM_SHA256_HMAC, .key = secret, .key_length = 32};
	CK_SESSION_HANDLE session;

	objects_need_unread();
	guest_need(CKM_SP800_108_COUNTER_KDF);
	session = objects_rw_session();
	base = objects_create(
		session, TEMPLATE(IS_GENERIC, IS_TRUE(CKA_TOKEN), IS_BYTES(CKA_VALUE, secret, 32)));
	GUEST_RV(token.f->C_DeriveKey(session, &mechanism, base, first, 5, &keys[0]), CKR_OK);
	for (int i = 0; i < 2; i++) {
		message[0] = (unsigned char)(i + 1);
		guest_expect(&hmac, message, sizeof(message) - 1, expected);
		assert_true(objects_is(session, keys[i], CKA_VALUE, expected, 32));
		objects_destroy(session, keys[i]);
	}
	params.n_more = 2;
	before = count_keys(session);
	GUEST_RV(token.f->C_DeriveKey(session, &mechanism, base, first, 5, &keys[0]),
		 CKR_KEY_SIZE_RANGE);
	assert_int_equal(count_keys(session), before);
	objects_destroy(session, base);
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

/* Where the template does not say, a key is as secret as its base. */
static void inherits(void **state)
{
	struct kdf_counter_format counter = {CK_FALSE, 8};
	struct kdf_field field = {CK_SP800_108_ITERATION_VARIABLE, &counter, sizeof(counter)};
	struct counter_kdf_params params = {
		.prf = CKM_SHA256_HMAC, .n_fields = 1, .fields = &field};
	CK_MECHANISM mechanism = {CKM_SP800_108_COUNTER_KDF, &params, sizeof(params)};
	CK_ULONG length = 32;
	CK_SESSION_HANDLE session;

	objects_need_unread();
	guest_need(CKM_SP800_108_COUNTER_KDF);
	session = objects_rw_session();
	for (CK_BBOOL open = CK_FALSE; open <= CK_TRUE; open++) {
		CK_BBOOL secretly = !open;
		CK_OBJECT_HANDLE key,
			base = objects_create(session,
					      TEMPLATE(IS_GENERIC, IS_VALUE(CKA_EXTRACTABLE, open),
						       IS_VALUE(CKA_SENSITIVE, secretly),
						       IS_BYTES(CKA_VALUE, secret, 32)));

		GUEST_RV(token.f->C_DeriveKey(session, &mechanism, base,
					      TEMPLATE(IS_AES, IS_VALUE(CKA_VALUE_LEN, length)),
					      &key),
			 CKR_OK);
		assert_int_equal(objects_bool(session, key, CKA_EXTRACTABLE), open);
		assert_int_equal(objects_bool(session, key, CKA_SENSITIVE), secretly);
		objects_destroy(session, key);
		objects_destroy(session, base);
	}
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

/* The first bytes of an encrypted block of zeros; of others' bytes the first of their SHA-1. */
static void check_values(void **state)
{
	static const unsigned char zeros[16];
	struct material ecb = {.type = CKM_AES_ECB, .key = secret}, sha1 = {.type = CKM_SHA_1};
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;
	CK_ULONG length;

	objects_need_unread();
	session = objects_rw_session();
	for (length = 16; length <= 32; length += 8) {
		ecb.key_length = length;
		guest_expect(&ecb, zeros, 16, expected);
		key = put(session, length, "kcv");
		assert_true(objects_is(session, key, CKA_CHECK_VALUE, expected, 3));
		objects_destroy(session, key);
		key = objects_create(session,
				     TEMPLATE(IS_AES, IS_BYTES(CKA_VALUE, secret, length)));
		assert_true(objects_is(session, key, CKA_CHECK_VALUE, expected, 3));
		objects_destroy(session, key);
	}
	guest_expect(&sha1, secret, 20, expected);
	key = objects_create(session,
			     TEMPLATE(IS_GENERIC, IS_TRUE(CKA_EXTRACTABLE), IS_TRUE(CKA_TOKEN),
				      IS_BYTES(CKA_VALUE, secret, 20)));
	assert_true(objects_is(session, key, CKA_CHECK_VALUE, expected, 3));
	objects_destroy(session, key);
	/* Nobody can read this one. */
	key = objects_create(
		session, TEMPLATE(IS_GENERIC, IS_TRUE(CKA_TOKEN), IS_BYTES(CKA_VALUE, secret, 20)));
	GUEST_RV(objects_ask(session, key, CKA_CHECK_VALUE), CKR_ATTRIBUTE_TYPE_INVALID);
	objects_destroy(session, key);
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

static int set_up(void **state)
{
	guest_fill(secret, sizeof(secret), 1);
	guest_fill(bytes, sizeof(bytes), 2);
	return guest_setup(state);
}

#define EACH_WAY(test)                                                               \
	{#test " CKM_AES_KEY_WRAP", test, NULL, NULL, (void *)&ways[0]},             \
		{#test " CKM_AES_KEY_WRAP_PAD", test, NULL, NULL, (void *)&ways[1]}, \
		{#test " CKM_AES_KEY_WRAP_KWP", test, NULL, NULL, (void *)&ways[2]}, \
		{#test " CKM_AES_CBC_PAD", test, NULL, NULL, (void *)&ways[3]},      \
	{                                                                            \
#test " CKM_AES_GCM", test, NULL, NULL, (void *)&ways[4]             \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH_WAY(wraps),
		EACH_WAY(refuses),
		cmocka_unit_test(unextractable),
		cmocka_unit_test(rfc_5869_1),
		cmocka_unit_test(sp800_108),
		cmocka_unit_test(encrypted_data),
		cmocka_unit_test(several),
		cmocka_unit_test(inherits),
		cmocka_unit_test(check_values),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, guest_teardown);
}
