/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys that change while they are in use: revoked, expired, gone, forbidden, or with other bytes;
 * and which of a keyring's keys are presented, and how.
 */
#include "guest.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How well a key is guarded against change, by the permissions of its possessor: the module may
 * keep sockets for the last sort alone, since who may set permissions may also update the key. */
enum guard { WRITABLE, SETTABLE, CONSTANT, GUARDS };

static const key_perm_t perms[GUARDS] = {
	[WRITABLE] = KEY_POS_ALL | KEY_USR_VIEW,
	[SETTABLE] = (KEY_POS_ALL & ~KEY_POS_WRITE) | KEY_USR_VIEW,
	[CONSTANT] = KEY_POS_VIEW | KEY_POS_READ | KEY_POS_SEARCH | KEY_POS_LINK | KEY_USR_VIEW,
};

static unsigned char secret[32], other[32];

static struct material cbc(const unsigned char *key, size_t length)
{
	return (struct material){.type = CKM_AES_CBC, .key = key, .key_length = length};
}

static CK_RV try_init(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, CK_MECHANISM_TYPE type)
{
	struct material material = {.type = type};
	struct mechanism_store store;
	CK_MECHANISM_PTR mechanism = guest_mechanism(&store, &material, 0);

	if (type == CKM_SHA256_HMAC)
		return token.f->C_SignInit(session, mechanism, key);
	return token.f->C_EncryptInit(session, mechanism, key);
}

static int encrypts(CK_SESSION_HANDLE session, const struct token_key *key,
		    const unsigned char *bytes)
{
	struct material material = cbc(bytes, key->length);
	unsigned char text[160];

	guest_fill(text, sizeof(text), 9);
	return guest_run(&token, session, key->object, &material, TOKEN_ENCRYPT, text, sizeof(text),
			 TOKEN_PLAIN, NULL);
}

/* Ways for a key to become useless, and what its next *Init must answer. */
static void revoke_it(key_serial_t serial)
{
	assert_int_equal(keyctl_revoke(serial), 0);
}

static void expire(key_serial_t serial)
{
	for (int tries = 0; tries < 300; tries++) {
		if (keyctl_get_keyring_ID(serial, 0) == -1 && errno == EKEYEXPIRED)
			return;
		usleep(10000);
	}
	guest_fail("key %d does not expire", serial);
}

static void unlink_it(key_serial_t serial)
{
	assert_int_equal(keyctl_unlink(serial, KEY_SPEC_USER_KEYRING), 0);
	belongings_wait_until_gone(serial);
}

static void invalidate(key_serial_t serial)
{
	assert_int_equal(keyctl_invalidate(serial), 0);
	belongings_wait_until_gone(serial);
}

static void forbid(key_serial_t serial)
{
	/* Nobody possesses what may not be searched for, so that only its user can give it back. */
	assert_int_equal(keyctl_setperm(serial, KEY_POS_VIEW | KEY_USR_VIEW | KEY_USR_SETATTR), 0);
}

/* Where it can be used by reading alone (before Linux 6.2), Read is no permission to use it. */
static void forbid_search(key_serial_t serial)
{
	assert_int_equal(keyctl_setperm(serial, KEY_POS_READ | KEY_USR_VIEW | KEY_USR_READ |
							KEY_USR_SETATTR),
			 0);
}

struct end {
	void (*happen)(key_serial_t serial);
	CK_RV rv;
	bool found;        /* by a later search */
	enum guard most;   /* it does not happen to keys that are guarded better */
	unsigned lifetime; /* seconds, set when the key is made */
};

static const struct end revoked = {revoke_it, CKR_KEY_HANDLE_INVALID, false, SETTABLE, 0};
static const struct end expired = {expire, CKR_KEY_HANDLE_INVALID, false, CONSTANT, 2};
static const struct end unlinked = {unlink_it, CKR_KEY_HANDLE_INVALID, false, CONSTANT, 0};
static const struct end invalidated = {invalidate, CKR_KEY_HANDLE_INVALID, false, CONSTANT, 0};
static const struct end forbidden = {forbid, CKR_KEY_FUNCTION_NOT_PERMITTED, true, SETTABLE, 0};
static const struct end unsearchable = {forbid_search, CKR_KEY_FUNCTION_NOT_PERMITTED, true,
					SETTABLE, 0};

static struct token_key labelled(CK_SESSION_HANDLE session, const char *label, enum guard guard,
				 unsigned lifetime)
{
	static unsigned int number;
	char description[128];
	struct token_key key = {.length = sizeof(secret)};
	CK_ULONG count = 0;

	snprintf(description, sizeof(description), "pkcs11:object=%s;id=%%%02x?x-key-type=aes",
		 label, number++ & 0xff);
	key.serial = add_key(token.keyring_type, description, secret, sizeof(secret),
			     KEY_SPEC_USER_KEYRING);
	if (key.serial < 0)
		guest_fail("add_key: %s", strerror(errno));
	if (lifetime)
		assert_int_equal(keyctl_set_timeout(key.serial, lifetime), 0);
	assert_int_equal(keyctl_setperm(key.serial, perms[guard]), 0);
	GUEST_OK(token_find(&token, session, CKO_SECRET_KEY, label, &key.object, 1, &count));
	assert_int_equal(count, 1);
	return key;
}

static CK_ULONG count_labelled(CK_SESSION_HANDLE session, const char *label)
{
	CK_OBJECT_HANDLE objects[4];
	CK_ULONG count = 0;

	GUEST_OK(token_find(&token, session, CKO_SECRET_KEY, label, objects, 4, &count));
	return count;
}

/* The key ends before its first use, or after one, while another operation has begun. */
static void end_of_key(const struct end *end, enum guard guard, bool used)
{
	struct material material = cbc(secret, sizeof(secret));
	unsigned char text[64], right[64 + GUEST_SLACK], out[64];
	CK_SESSION_HANDLE session = guest_session(), busy = guest_session();
	struct token_key key = labelled(session, "ending", guard, end->lifetime);
	CK_ULONG n = sizeof(out), m = 0;

	guest_fill(text, sizeof(text), 10);
	guest_expect(&material, text, sizeof(text), right);
	if (used) {
		GUEST_OK(encrypts(session, &key, secret));
		GUEST_RV(try_init(busy, key.object, CKM_AES_CBC), CKR_OK);
		GUEST_RV(token.f->C_EncryptUpdate(busy, text, 16, out, &n), CKR_OK);
	}
	end->happen(key.serial);
	GUEST_RV(try_init(session, key.object, CKM_AES_CBC), end->rv);
	if (used) {
		m = sizeof(out) - n;
		GUEST_RV(token.f->C_EncryptUpdate(busy, text + 16, sizeof(text) - 16, out + n, &m),
			 CKR_OK);
		n += m;
		m = sizeof(out) - n;
		GUEST_RV(token.f->C_EncryptFinal(busy, out + n, &m), CKR_OK);
		assert_int_equal(n + m, sizeof(text));
		assert_memory_equal(out, right, sizeof(text));
		/* Nor does the socket that the operation gives back bring the key back. */
		GUEST_RV(try_init(session, key.object, CKM_AES_CBC), end->rv);
	}
	assert_int_equal(count_labelled(session, "ending"), end->found ? 1 : 0);
	GUEST_RV(try_init(session, key.object, CKM_AES_CBC), end->rv);
	token_key_drop(&key);
	GUEST_RV(token.f->C_CloseSession(busy), CKR_OK);
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

static void test_end(void **state)
{
	const struct end *end = *state;

	guest_need_keys();
	for (int guard = 0; guard <= (int)end->most; guard++) {
		/* Waiting for the end of a key that was not used is worth it once. */
		if (!guard || !end->lifetime)
			end_of_key(end, (enum guard)guard, false);
		end_of_key(end, (enum guard)guard, true);
	}
}

/* The permission to use it comes back: so does the key. */
static void test_allowed_again(void **state)
{
	CK_SESSION_HANDLE session;
	struct token_key key;

	guest_need_keys();
	session = guest_session();
	for (int guard = WRITABLE; guard <= SETTABLE; guard++) {
		key = labelled(session, "again", (enum guard)guard, 0);
		GUEST_OK(encrypts(session, &key, secret));
		forbid(key.serial);
		GUEST_RV(try_init(session, key.object, CKM_AES_CBC),
			 CKR_KEY_FUNCTION_NOT_PERMITTED);
		assert_int_equal(keyctl_setperm(key.serial, perms[guard]), 0);
		GUEST_OK(encrypts(session, &key, secret));
		token_key_drop(&key);
	}
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

static void test_update(void **state)
{
	struct alg_sockets before, after;
	CK_SESSION_HANDLE session;
	struct token_key key;

	guest_need_keys();
	session = guest_session();
	key = labelled(session, "updated", WRITABLE, 0);
	/* Only now: a look at the keyring also closes the sockets of keys that have gone. */
	belongings_alg_sockets(&before);
	GUEST_OK(encrypts(session, &key, secret));
	/* No socket keeps the bytes of a key that can change. */
	belongings_alg_sockets(&after);
	assert_int_equal(after.n, before.n);
	GUEST_OK(token_key_update(&token, &key, other, sizeof(other)));
	GUEST_OK(encrypts(session, &key, other));
	GUEST_OK(token_key_update(&token, &key, secret, 16));
	GUEST_OK(encrypts(session, &key, secret));
	token_key_drop(&key);
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

static void test_constant(void **state)
{
	struct alg_sockets before, first, second;
	CK_SESSION_HANDLE session;
	struct token_key key;

	guest_need_keys();
	session = guest_session();
	key = labelled(session, "constant", CONSTANT, 0);
	belongings_alg_sockets(&before);
	GUEST_OK(encrypts(session, &key, secret));
	belongings_alg_sockets(&first);
	assert_int_equal(first.n, before.n + 1);
	assert_int_equal(keyctl_update(key.serial, other, sizeof(other)), -1);
	assert_int_equal(errno, EACCES);
	assert_int_equal(keyctl_setperm(key.serial, perms[WRITABLE]), -1);
	assert_int_equal(errno, EACCES);
	assert_int_equal(keyctl_revoke(key.serial), -1);
	assert_int_equal(errno, EACCES);
	for (int i = 0; i < 5; i++)
		GUEST_OK(encrypts(session, &key, secret));
	belongings_alg_sockets(&second);
	assert_int_equal(second.n, first.n);
	for (size_t i = 0; i < first.n; i++)
		assert_int_equal(second.inode[i], first.inode[i]);
	token_key_drop(&key);
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

/* Who may set permissions may give himself Write, and then change the key. */
static void test_settable(void **state)
{
	CK_SESSION_HANDLE session;
	struct token_key key;

	guest_need_keys();
	session = guest_session();
	key = labelled(session, "settable", SETTABLE, 0);
	GUEST_OK(encrypts(session, &key, secret));
	assert_int_equal(keyctl_setperm(key.serial, perms[WRITABLE]), 0);
	GUEST_OK(token_key_update(&token, &key, other, sizeof(other)));
	GUEST_OK(encrypts(session, &key, other));
	token_key_drop(&key);
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

static void test_handles_stay(void **state)
{
	CK_SESSION_HANDLE session;
	struct token_key keys[5];
	CK_OBJECT_HANDLE object;
	CK_ULONG count = 0;
	char label[24];

	guest_need_keys();
	session = guest_session();
	for (int i = 0; i < 5; i++) {
		snprintf(label, sizeof(label), "stays-%d", i);
		keys[i] = labelled(session, label, i % 2 ? CONSTANT : WRITABLE, 0);
	}
	token_key_drop(&keys[2]);
	for (int i = 0; i < 5; i++) {
		snprintf(label, sizeof(label), "stays-%d", i);
		GUEST_OK(token_find(&token, session, CKO_SECRET_KEY, label, &object, 1, &count));
		assert_int_equal(count, i == 2 ? 0 : 1);
		if (count)
			assert_int_equal(object, keys[i].object);
	}
	for (int i = 0; i < 5; i++)
		token_key_drop(&keys[i]);
	assert_int_equal(count_labelled(session, "stays-0"), 0);
	GUEST_RV(try_init(session, keys[0].object, CKM_AES_CBC), CKR_KEY_HANDLE_INVALID);
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

/* The handles of all objects. */
static CK_ULONG find_all(CK_SESSION_HANDLE session)
{
	CK_OBJECT_HANDLE objects[256];
	CK_ULONG n = 0;

	GUEST_RV(token.f->C_FindObjectsInit(session, NULL, 0), CKR_OK);
	GUEST_RV(token.f->C_FindObjects(session, objects, 256, &n), CKR_OK);
	GUEST_RV(token.f->C_FindObjectsFinal(session), CKR_OK);
	return n;
}

static void test_not_presented(void **state)
{
	static const struct {
		const char *type, *description;
	} others[] = {
		{"user", "a passphrase"},
		{"user", "object=demo"},
		{"logon", "fscrypt:0123456789abcdef"},
		{"user", "pkcs11"},
		{"user", "pkcs11:object=%zz"},
		{"user", "pkcs11:type=public;object=demo"},
		{"user", "pkcs11:type=cert"},
		{"user", "pkcs11:object=demo?x-key-type=nonsense"},
		{"user", "pkcs11:object=demo?x-key-type=aes&x-usage=fly"},
		{"user", "pkcs11:object=demo?x-key-type=aes&x-mechanisms=CKM_AES_CBC"},
		{"keyring", "pkcs11:object=a-keyring?x-key-type=aes"},
		{"big_key", "pkcs11:object=a-big-key?x-key-type=aes"},
	};
	enum { OTHERS = sizeof(others) / sizeof(*others) };
	key_serial_t serials[OTHERS];
	CK_SESSION_HANDLE session;
	CK_ULONG before;

	guest_need_slot();
	session = guest_session();
	before = find_all(session);
	for (size_t i = 0; i < OTHERS; i++) {
		bool keyring = strcmp(others[i].type, "keyring") == 0;

		serials[i] = add_key(others[i].type, others[i].description, keyring ? NULL : secret,
				     keyring ? 0 : 16, KEY_SPEC_USER_KEYRING);
		if (serials[i] < 0 && errno == ENODEV)
			print_message("# this kernel has no keys of type %s\n", others[i].type);
		else if (serials[i] < 0)
			guest_fail("add_key %s %s: %s", others[i].type, others[i].description,
				   strerror(errno));
		if (find_all(session) != before)
			guest_fail("presented: %s %s", others[i].type, others[i].description);
	}
	for (size_t i = 0; i < OTHERS; i++)
		if (serials[i] > 0)
			keyctl_unlink(serials[i], KEY_SPEC_USER_KEYRING);
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

static CK_ULONG number(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
	CK_ULONG value = 0;
	CK_ATTRIBUTE attribute = {type, &value, sizeof(value)};

	GUEST_RV(token.f->C_GetAttributeValue(session, object, &attribute, 1), CKR_OK);
	return value;
}

static void test_attributes(void **state)
{
	static const struct {
		const char *uri;
		size_t length;
		CK_KEY_TYPE key_type;
	} cases[] = {
		{"pkcs11:object=typed?x-key-type=aes", 16, CKK_AES},
		{"pkcs11:object=typed?x-key-type=aes", 24, CKK_AES},
		{"pkcs11:object=typed?x-key-type=aes", 32, CKK_AES},
		{"pkcs11:object=typed?x-key-type=aes", 20, CKK_AES},
		{"pkcs11:object=typed?x-key-type=generic-secret", 32, CKK_GENERIC_SECRET},
		{"pkcs11:object=typed?x-key-type=sha256-hmac", 77, CKK_SHA256_HMAC},
		{"pkcs11:object=typed?x-key-type=sha-1-hmac", 1, CKK_SHA_1_HMAC},
		{"pkcs11:object=typed", 16, CKK_AES},
		{"pkcs11:object=typed", 24, CKK_AES},
		{"pkcs11:object=typed", 32, CKK_AES},
		{"pkcs11:object=typed", 15, CKK_GENERIC_SECRET},
		{"pkcs11:object=typed", 300, CKK_GENERIC_SECRET},
		{"pkcs11:object=typed;type=secret-key", 20, CKK_GENERIC_SECRET},
	};
	static const char *const types[] = {"user", "logon"};
	unsigned char payload[300] = {0};
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE object;
	CK_ULONG count = 0;

	guest_need_slot();
	session = guest_session();
	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(*cases); i++) {
		const char *type = types[i % 2];
		key_serial_t serial = add_key(type, cases[i / 2].uri, payload, cases[i / 2].length,
					      KEY_SPEC_USER_KEYRING);

		assert_in_range(serial, 1, INT32_MAX);
		GUEST_OK(token_find(&token, session, CKO_SECRET_KEY, "typed", &object, 1, &count));
		/* A logon key is only found where the kernel can use it unread. */
		if (count == 0 && strcmp(type, "logon") == 0) {
			if (i == 1)
				print_message("# logon keys cannot be used by this kernel\n");
		} else {
			assert_int_equal(count, 1);
			assert_int_equal(number(session, object, CKA_VALUE_LEN),
					 cases[i / 2].length);
			assert_int_equal(number(session, object, CKA_KEY_TYPE),
					 cases[i / 2].key_type);
			assert_int_equal(number(session, object, CKA_CLASS), CKO_SECRET_KEY);
		}
		keyctl_unlink(serial, KEY_SPEC_USER_KEYRING);
	}
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

static void test_misfits(void **state)
{
	CK_SESSION_HANDLE session;
	struct token_key key;

	guest_need_keys();
	guest_need(CKM_SHA256_HMAC);
	session = guest_session();
	for (int frozen = 0; frozen <= 1; frozen++) {
		key = guest_key(session, "aes", secret, 20, frozen);
		GUEST_RV(try_init(session, key.object, CKM_AES_CBC), CKR_KEY_SIZE_RANGE);
		GUEST_RV(try_init(session, key.object, CKM_AES_CBC), CKR_KEY_SIZE_RANGE);
		GUEST_RV(try_init(session, key.object, CKM_SHA256_HMAC), CKR_KEY_TYPE_INCONSISTENT);
		token_key_drop(&key);
		key = guest_key(session, "generic-secret", secret, 32, frozen);
		GUEST_RV(try_init(session, key.object, CKM_AES_CBC), CKR_KEY_TYPE_INCONSISTENT);
		token_key_drop(&key);
		key = guest_key(session, "sha-1-hmac", secret, 32, frozen);
		GUEST_RV(try_init(session, key.object, CKM_SHA256_HMAC), CKR_KEY_TYPE_INCONSISTENT);
		token_key_drop(&key);
	}
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

/* Opens a blob as the kernel does (security/keys/encrypted-keys/encrypted.c): AES-256-CBC under
 * SHA-256 of a purpose and the master key. A zero stands between the IV and what is sealed; a MAC
 * follows. */
static int open_blob(const char *blob, const unsigned char master[32], unsigned char key[32])
{
	unsigned char derived_from[9 + 32] = "ENC_KEY", derived[32], sealed[16 + 1 + 32 + 32];
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	const char *hex = strstr(blob, " 32 ");
	int made = 0, result = -1;

	memcpy(derived_from + 8, master, 32);
	if (context && hex && OPENSSL_hexstr2buf_ex(sealed, sizeof(sealed), NULL, hex + 4, '\0') &&
	    EVP_Digest(derived_from, sizeof(derived_from), derived, NULL, EVP_sha256(), NULL) &&
	    EVP_DecryptInit_ex(context, EVP_aes_256_cbc(), NULL, derived, sealed) &&
	    EVP_CIPHER_CTX_set_padding(context, 0) &&
	    EVP_DecryptUpdate(context, key, &made, sealed + 17, 32))
		result = made == 32 ? 0 : -1;
	EVP_CIPHER_CTX_free(context);
	return result;
}

static void test_encrypted_key(void **state)
{
	static const char description[] = "pkcs11:object=sealed?x-key-type=aes";
	static const char order[] = "new user:kcryptoki-test-master 32";
	struct token_key key = {.length = 32};
	unsigned char opened[32];
	CK_SESSION_HANDLE session;
	key_serial_t master;
	char blob[1024] = "";
	CK_ULONG count = 0;

	guest_need_keys();
	session = guest_session();
	master = add_key("user", "kcryptoki-test-master", other, sizeof(other),
			 KEY_SPEC_USER_KEYRING);
	assert_in_range(master, 1, INT32_MAX);
	key.serial =
		add_key("encrypted", description, order, sizeof(order) - 1, KEY_SPEC_USER_KEYRING);
	if (key.serial < 0 && errno == ENODEV)
		guest_skip("this kernel has no encrypted keys");
	assert_in_range(key.serial, 1, INT32_MAX);
	assert_in_range(keyctl_read(key.serial, blob, sizeof(blob) - 1), 100, sizeof(blob) - 1);
	assert_int_equal(open_blob(blob, other, opened), 0);
	GUEST_OK(token_find(&token, session, CKO_SECRET_KEY, "sealed", &key.object, 1, &count));
	if (strcmp(token.keyring_type, "logon") != 0) {
		assert_int_equal(count, 0);
		print_message("# not presented, since this kernel takes no key serial numbers\n");
	} else {
		assert_int_equal(count, 1);
		assert_int_equal(number(session, key.object, CKA_VALUE_LEN), 32);
		assert_int_equal(number(session, key.object, CKA_KEY_TYPE), CKK_AES);
		GUEST_OK(encrypts(session, &key, opened));
	}
	token_key_drop(&key);
	keyctl_unlink(master, KEY_SPEC_USER_KEYRING);
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

static int all_of_it(struct token *t, void *argument)
{
	struct material material = cbc(secret, 32);
	struct mechanism_store store;
	CK_SESSION_HANDLE session;
	struct token_key key;

	if (argument && keyctl_join_session_keyring(NULL) < 0)
		return guest_error(t, "keyctl_join_session_keyring: %s", strerror(errno));
	if (token_start(t) != 0 || token_session(t, 0, &session) != 0)
		return -1;
	for (int i = 0; i < 5; i++) {
		if (token_key_put(t, session, NULL, "aes", NULL, secret, 32, &key) != 0 ||
		    guest_run(t, session, key.object, &material, TOKEN_ENCRYPT, secret, 32,
			      TOKEN_PLAIN, NULL) != 0)
			return -1;
		/* An operation and a search are left to C_Finalize. */
		if (i == 4 && (t->f->C_FindObjectsInit(session, NULL, 0) != CKR_OK ||
			       t->f->C_EncryptInit(session, guest_mechanism(&store, &material, 0),
						   key.object) != CKR_OK))
			return guest_error(t, "C_FindObjectsInit or C_EncryptInit");
		/* Invalidated keys leave their link's bytes in the keyring's quota for ever. */
		keyctl_unlink(key.serial, KEY_SPEC_USER_KEYRING);
	}
	return t->f->C_Finalize(NULL) == CKR_OK ? 0 : guest_error(t, "C_Finalize");
}

static void test_nothing_left(void **state)
{
	struct belongings before, after;

	guest_need_keys();
	GUEST_RV(token.f->C_Finalize(NULL), CKR_OK);
	for (int anonymous = 0; anonymous <= 1; anonymous++) {
		usleep(300000);
		before = belongings_now();
		/* A thread of its own, whose keyrings go with it. */
		guest_thread(all_of_it, anonymous ? &anonymous : NULL);
		for (int tries = 0; tries < 100; tries++) {
			after = belongings_now();
			if (after.keys == before.keys && after.bytes == before.bytes)
				break;
			usleep(20000);
		}
		assert_int_equal(after.keys, before.keys);
		assert_int_equal(after.bytes, before.bytes);
		assert_int_equal(after.linked, before.linked);
		assert_int_equal(after.descriptors, before.descriptors);
	}
	GUEST_OK(token_start(&token));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"test_revoked", test_end, NULL, NULL, (void *)&revoked},
		{"test_expired", test_end, NULL, NULL, (void *)&expired},
		{"test_unlinked", test_end, NULL, NULL, (void *)&unlinked},
		{"test_invalidated", test_end, NULL, NULL, (void *)&invalidated},
		{"test_forbidden", test_end, NULL, NULL, (void *)&forbidden},
		{"test_unsearchable", test_end, NULL, NULL, (void *)&unsearchable},
		cmocka_unit_test(test_allowed_again),
		cmocka_unit_test(test_update),
		cmocka_unit_test(test_constant),
		cmocka_unit_test(test_settable),
		cmocka_unit_test(test_handles_stay),
		cmocka_unit_test(test_not_presented),
		cmocka_unit_test(test_attributes),
		cmocka_unit_test(test_misfits),
		cmocka_unit_test(test_encrypted_key),
		cmocka_unit_test(test_nothing_left),
	};

	guest_fill(secret, sizeof(secret), 5);
	guest_fill(other, sizeof(other), 6);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, guest_setup, guest_teardown);
}
