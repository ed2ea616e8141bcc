/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys and keyrings that others named, by the configuration, on a real kernel. */
#include "guest.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static unsigned char secret[32];
static char conf[] = "/tmp/kcryptoki-mapped-XXXXXX";

/* Starts the module with TEXT for a configuration, whose name it is handed as p11-kit does. */
static int begin(struct token *t, const char *text)
{
	char reserved[64];
	CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK, .pReserved = reserved};
	FILE *file = fopen(conf, "w");
	CK_RV rv;

	if (!file || fputs(text, file) < 0 || fclose(file))
		return guest_error(t, "%s: %s", conf, strerror(errno));
	snprintf(reserved, sizeof(reserved), "conf='%s'", conf);
	rv = t->f->C_Initialize(&args);
	return rv == CKR_OK ? 0 : guest_error(t, "C_Initialize: 0x%lx", rv);
}

static void start(const char *text)
{
	GUEST_RV(token.f->C_Finalize(NULL), CKR_OK);
	GUEST_OK(begin(&token, text));
}

/* Other tests' module is the one that is started as usual. */
static int end(void **state)
{
	token.f->C_Finalize(NULL);
	return token.absent ? 0 : token_start(&token);
}

static CK_SESSION_HANDLE session_in(CK_SLOT_ID slot)
{
	CK_SESSION_HANDLE session;

	GUEST_RV(token.f->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session), CKR_OK);
	return session;
}

static CK_OBJECT_HANDLE labelled(CK_SESSION_HANDLE session, const char *label)
{
	CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
	CK_ULONG count = 0;

	GUEST_OK(token_find(&token, session, CKO_SECRET_KEY, label, &object, 1, &count));
	return count ? object : CK_INVALID_HANDLE;
}

static int encrypts(struct token *t, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
	struct material material = {
		.type = CKM_AES_CBC, .key = secret, .key_length = 32, .iv = {1}};
	unsigned char text[64] = {2};

	return guest_run(t, session, key, &material, TOKEN_ENCRYPT, text, sizeof(text), TOKEN_PLAIN,
			 NULL);
}

/* logon, or user where the kernel can use no logon key. */
static key_serial_t add(const char *description, key_serial_t keyring)
{
	key_serial_t serial = add_key(token.keyring_type, description, secret, 32, keyring);

	assert_in_range(serial, 1, INT32_MAX);
	return serial;
}

static void test_mapped_key(void **state)
{
	CK_SESSION_HANDLE session;
	key_serial_t key, other;
	CK_MECHANISM ecb = {CKM_AES_ECB, NULL, 0};
	CK_OBJECT_HANDLE object;
	char text[256];

	guest_need_keys();
	guest_need(CKM_AES_CBC);
	key = add("other:backup", KEY_SPEC_USER_KEYRING);
	other = add("other:else", KEY_SPEC_USER_KEYRING);
	snprintf(text, sizeof(text),
		 "[key x]\ntype = %s\ndescription = other:back*\nlabel = backup\nkey-type = aes\n"
		 "mechanisms = aes-cbc\n",
		 token.keyring_type);
	start(text);
	session = session_in(0);
	object = labelled(session, "backup");
	assert_int_not_equal(object, CK_INVALID_HANDLE);
	GUEST_OK(encrypts(&token, session, object));
	GUEST_RV(token.f->C_EncryptInit(session, &ecb, object), CKR_MECHANISM_INVALID);
	assert_int_equal(labelled(session, "other:else"), CK_INVALID_HANDLE);
	assert_int_equal(labelled(session, "other:backup"), CK_INVALID_HANDLE);
	keyctl_unlink(key, KEY_SPEC_USER_KEYRING);
	keyctl_unlink(other, KEY_SPEC_USER_KEYRING);
}

static key_serial_t add_ring(const char *name, key_serial_t below)
{
	key_serial_t ring = add_key("keyring", name, NULL, 0, below);

	assert_in_range(ring, 1, INT32_MAX);
	return ring;
}

/* A thread that is there before the process has keyrings of its own, and so has no part in them. */
struct early {
	struct token token;
	sem_t go;
	CK_OBJECT_HANDLE object;
	int result;
};

static void *run_early(void *argument)
{
	struct early *early = argument;
	CK_SESSION_HANDLE session;

	sem_wait(&early->go);
	if (!early->object)
		return NULL;
	if (early->token.f->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &session) != CKR_OK)
		early->result = guest_error(&early->token, "C_OpenSession");
	else
		early->result = encrypts(&early->token, session, early->object);
	return NULL;
}

static int find_and_use(struct token *t, const char *text, CK_OBJECT_HANDLE *object)
{
	CK_SESSION_HANDLE session;
	CK_ULONG count = 0;

	if (keyctl_join_session_keyring(NULL) < 0)
		return guest_error(t, "keyctl_join_session_keyring: %s", strerror(errno));
	if (begin(t, text))
		return -1;
	if (t->f->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &session) != CKR_OK)
		return guest_error(t, "C_OpenSession");
	if (token_find(t, session, CKO_SECRET_KEY, "ringed", object, 1, &count))
		return -1;
	if (count != 1)
		return guest_error(t, "%s: %lu keys", text, count);
	return encrypts(t, session, *object);
}

/* The key in the keyring that ARGUMENT names, from a session that possesses neither. */
static int from_afar(struct token *t, void *argument)
{
	struct early early = {.token = *t};
	pthread_t thread;
	char text[128];
	int result;

	snprintf(text, sizeof(text), "[token ring]\nkeyring = %s\n", (const char *)argument);
	sem_init(&early.go, 0, 0);
	if (pthread_create(&thread, NULL, run_early, &early))
		return guest_error(t, "pthread_create");
	result = find_and_use(t, text, &early.object);
	if (result)
		early.object = 0;
	sem_post(&early.go);
	pthread_join(thread, NULL);
	if (early.result)
		result = guest_error(t, "in a thread: %s", early.token.error);
	return result;
}

static void test_keyring_as_token(void **state)
{
	key_serial_t ring, key;
	char decimal[16], hex[16];

	guest_need_keys();
	guest_need(CKM_AES_CBC);
	ring = add_ring("kcryptoki-ring", KEY_SPEC_USER_KEYRING);
	key = add("pkcs11:object=ringed?x-key-type=aes", ring);
	snprintf(decimal, sizeof(decimal), "%d", ring);
	snprintf(hex, sizeof(hex), "0x%x", (unsigned int)ring);
	guest_child(from_afar, (void *)"kcryptoki-ring");
	guest_child(from_afar, decimal);
	guest_child(from_afar, hex);
	keyctl_unlink(key, ring);
	keyctl_unlink(ring, KEY_SPEC_USER_KEYRING);
}

static void test_ring_comes_and_goes(void **state)
{
	CK_SESSION_HANDLE session;
	key_serial_t ring, key;
	char text[64];

	guest_need_keys();
	start("[token late]\nkeyring = kcryptoki-late\n");
	session = session_in(0);
	assert_int_equal(labelled(session, "late"), CK_INVALID_HANDLE);
	ring = add_ring("kcryptoki-late", KEY_SPEC_USER_KEYRING);
	add("pkcs11:object=late?x-key-type=aes", ring);
	GUEST_OK(encrypts(&token, session, labelled(session, "late")));
	keyctl_unlink(ring, KEY_SPEC_USER_KEYRING);
	belongings_wait_until_gone(ring);
	assert_int_equal(labelled(session, "late"), CK_INVALID_HANDLE);

	/* A key is not read as if it were a keyring. */
	key = add_key("user", "kcryptoki-no-ring", secret, 32, KEY_SPEC_USER_KEYRING);
	assert_in_range(key, 1, INT32_MAX);
	snprintf(text, sizeof(text), "[token key]\nkeyring = %d\n", key);
	start(text);
	session = session_in(0);
	assert_int_equal(labelled(session, "late"), CK_INVALID_HANDLE);
	keyctl_unlink(key, KEY_SPEC_USER_KEYRING);
}

static void test_persistent_keyring(void **state)
{
	key_serial_t ring, key;

	guest_need_keys();
	guest_need(CKM_AES_CBC);
	ring = (key_serial_t)keyctl_get_persistent((uid_t)-1, KEY_SPEC_PROCESS_KEYRING);
	if (ring < 0)
		guest_skip("this kernel has no persistent keyrings: %s", strerror(errno));
	key = add("pkcs11:object=ringed?x-key-type=aes", ring);
	guest_child(from_afar, (void *)"persistent");
	keyctl_unlink(key, ring);
	keyctl_unlink(ring, KEY_SPEC_PROCESS_KEYRING);
}

static int setup(void **state)
{
	int fd = mkstemp(conf);

	if (fd < 0)
		return -1;
	close(fd);
	return guest_setup(state);
}

static int teardown(void **state)
{
	unlink(conf);
	return guest_teardown(state);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, end)
	const struct CMUnitTest tests[] = {
		TEST(test_mapped_key),
		TEST(test_keyring_as_token),
		TEST(test_ring_comes_and_goes),
		TEST(test_persistent_keyring),
	};

	guest_fill(secret, sizeof(secret), 11);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, teardown);
}
