/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys that outlive their keyring: made by the module, kept in its store, and brought back by what
 * kcryptoki(1) does, on a running kernel, whose blobs and MACs are real ones. The token is a
 * keyring of the test's own, which is emptied as by a reboot.
 */
#include <errno.h>
#include <keyutils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/folder.h"
#include "key/own.h"
#include "key/serials.h"
#include "made.h"
#include "token/restore.h"

#define KEYRING "kcryptoki-stored"
#define MASTER "kcryptoki-stored-master"
#define NEXT "kcryptoki-stored-next"

enum { TEXT = 64, TOLD = 16 };

static char folder[] = "/tmp/kcryptoki-stored-XXXXXX", store[64], conf[64];
static key_serial_t keyring, master;
static struct slot slot = {.label = TOKEN_LABEL, .master = "user:" MASTER, .store = store};
static unsigned char master_bytes[32], next_bytes[48];

/* What restore.h told of last. */
static struct {
	char file[64], why[512];
	enum outcome outcome;
} told[TOLD];
static size_t n_told;

static void tell(void *user, const struct told *one)
{
	if (n_told == TOLD)
		guest_fail("more is told of than there is");
	snprintf(told[n_told].file, sizeof(told[n_told].file), "%s", one->file);
	snprintf(told[n_told].why, sizeof(told[n_told].why), "%s",
		 one->outcome == OUTCOME_FAILED ? one->why : "");
	told[n_told++].outcome = one->outcome;
}

static size_t count_of(enum outcome outcome)
{
	size_t n = 0;

	for (size_t i = 0; i < n_told; i++)
		n += told[i].outcome == outcome;
	return n;
}

static void explain(void)
{
	for (size_t i = 0; i < n_told; i++)
		print_message("# %s: %d %s\n", told[i].file, told[i].outcome, told[i].why);
}

/* DONE files are loaded, ALREADY there, and the rest of the store is refused for WHY. */
static void load(size_t done, size_t already, const char *why)
{
	struct reason reason = {""};

	n_told = 0;
	if (restore_load(&slot, keyring, tell, NULL, &reason))
		guest_fail("the store is not loaded: %s", reason.text);
	for (size_t i = 0; i < n_told; i++) {
		if (told[i].outcome != OUTCOME_FAILED || (why && strstr(told[i].why, why)))
			continue;
		explain();
		guest_fail("%s is not loaded: %s", told[i].file, told[i].why);
	}
	if (count_of(OUTCOME_DONE) == done && count_of(OUTCOME_ALREADY) == already &&
	    (!why || count_of(OUTCOME_FAILED)))
		return;
	explain();
	guest_fail("%zu loaded, %zu there, %zu refused", count_of(OUTCOME_DONE),
		   count_of(OUTCOME_ALREADY), count_of(OUTCOME_FAILED));
}

/* The names in the store. */
static int files(char ***names)
{
	int open = folder_open(store, false), count;

	assert_true(open >= 0);
	count = folder_list(open, names);
	folder_close(open);
	assert_true(count >= 0);
	return count;
}

static int count_files(void)
{
	char **names;
	int count = files(&names);

	folder_free(names, count);
	return count;
}

static char *read_file(const char *name, size_t *len)
{
	int open = folder_open(store, false);
	char *text;

	assert_true(open >= 0);
	assert_int_equal(folder_read(open, name, 1 << 20, &text, len), 0);
	folder_close(open);
	return text;
}

static void write_file(const char *name, const char *text, size_t len)
{
	int open = folder_open(store, false);

	assert_true(open >= 0);
	assert_int_equal(folder_write(open, name, text, len), 0);
	folder_close(open);
}

static void empty_store(void)
{
	char **names;
	int count = files(&names), open = folder_open(store, false);

	for (int i = 0; i < count; i++)
		assert_int_equal(folder_remove(open, names[i]), 0);
	folder_close(open);
	folder_free(names, count);
}

static key_serial_t give_master(const char *name, const unsigned char *bytes, size_t len)
{
	key_serial_t serial = add_key("user", name, bytes, len, KEY_SPEC_USER_KEYRING);

	assert_true(serial > 0);
	return serial;
}

/* Skips where nothing can be stored. Begins with an empty token and store. */
static CK_SESSION_HANDLE need(void)
{
	static const char order[] = "new default user:" MASTER " 32";
	CK_SESSION_HANDLE session;
	key_serial_t probe;

	guest_need(CKM_SHA256_HMAC);
	guest_need(CKM_AES_CBC);
	if (!serials_supported())
		guest_skip("this kernel takes no key serial numbers");
	master = give_master(MASTER, master_bytes, sizeof(master_bytes));
	probe = add_key("encrypted", "kcryptoki-probe", order, sizeof(order) - 1, keyring);
	if (probe < 0 && errno == ENODEV)
		guest_skip("this kernel has no encrypted keys");
	assert_true(probe > 0);
	assert_int_equal(keyctl_clear(keyring), 0);
	if (access(store, F_OK) == 0)
		empty_store();
	GUEST_OK(token_session(&token, CKF_RW_SESSION, &session));
	return session;
}

/* What is not in a file is gone. */
static CK_SESSION_HANDLE reboot(void)
{
	CK_SESSION_HANDLE session;

	GUEST_RV(token.f->C_Finalize(NULL), CKR_OK);
	own_clear();
	assert_int_equal(keyctl_clear(keyring), 0);
	GUEST_OK(token_start(&token));
	GUEST_OK(token_session(&token, CKF_RW_SESSION, &session));
	return session;
}

static CK_OBJECT_HANDLE make(CK_SESSION_HANDLE session, const char *label)
{
	CK_OBJECT_HANDLE key;

	GUEST_RV(made_key(&token, session, label, NULL, 32, MADE_TOKEN, &key), CKR_OK);
	return key;
}

static CK_OBJECT_HANDLE find(CK_SESSION_HANDLE session, const char *label)
{
	CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
	int count = made_find(&token, session, label, &key);

	if (count != 1)
		guest_fail("%d keys are labelled %s", count, label);
	return key;
}

static int count_of_label(CK_SESSION_HANDLE session, const char *label)
{
	CK_OBJECT_HANDLE key;

	return made_find(&token, session, label, &key);
}

static bool stored(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
	CK_BBOOL truth = 7;
	CK_ATTRIBUTE attribute = {CKA_KCRYPTOKI_STORED, &truth, sizeof(truth)};

	GUEST_RV(token.f->C_GetAttributeValue(session, key, &attribute, 1), CKR_OK);
	return truth;
}

static CK_RV cipher(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, bool back, unsigned char *in,
		    unsigned char *out)
{
	unsigned char iv[16] = {0};
	CK_MECHANISM mechanism = {CKM_AES_CBC, iv, sizeof(iv)};
	CK_ULONG n = TEXT;
	CK_RV rv = back ? token.f->C_DecryptInit(session, &mechanism, key)
			: token.f->C_EncryptInit(session, &mechanism, key);

	if (rv != CKR_OK)
		return rv;
	return back ? token.f->C_Decrypt(session, in, TEXT, out, &n)
		    : token.f->C_Encrypt(session, in, TEXT, out, &n);
}

/* What the key with LABEL makes of one text, and whether it undoes SECRET. */
static void encrypt(CK_SESSION_HANDLE session, const char *label, unsigned char secret[TEXT])
{
	unsigned char text[TEXT];

	guest_fill(text, sizeof(text), 9);
	GUEST_RV(cipher(session, find(session, label), false, text, secret), CKR_OK);
}

static void decrypt(CK_SESSION_HANDLE session, const char *label, unsigned char secret[TEXT])
{
	unsigned char text[TEXT], got[TEXT];

	guest_fill(text, sizeof(text), 9);
	GUEST_RV(cipher(session, find(session, label), true, secret, got), CKR_OK);
	assert_memory_equal(got, text, TEXT);
}

static void test_reboot(void **state)
{
	CK_SESSION_HANDLE session = need();
	unsigned char first[TEXT], second[TEXT];
	CK_BBOOL no = CK_FALSE;
	CK_ATTRIBUTE usage = {CKA_DECRYPT, &no, sizeof(no)};
	CK_OBJECT_HANDLE key = make(session, "first"), gone;
	struct stat st;

	assert_true(stored(session, key));
	assert_int_equal(count_files(), 1);
	assert_int_equal(stat(store, &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0700);
	key = make(session, "second\n100 %");
	gone = make(session, "gone");
	encrypt(session, "first", first);
	encrypt(session, "second\n100 %", second);
	GUEST_RV(made_relabel(&token, session, key, "another name"), CKR_OK);
	GUEST_RV(token.f->C_SetAttributeValue(session, find(session, "first"), &usage, 1), CKR_OK);
	GUEST_RV(token.f->C_DestroyObject(session, gone), CKR_OK);
	assert_int_equal(count_files(), 2);
	session = reboot();
	assert_int_equal(count_of_label(session, "first"), 0);
	load(2, 0, NULL);
	assert_true(stored(session, find(session, "first")));
	decrypt(session, "another name", second);
	GUEST_RV(cipher(session, find(session, "first"), true, first, second),
		 CKR_KEY_FUNCTION_NOT_PERMITTED);
	encrypt(session, "first", second);
	assert_memory_equal(first, second, TEXT);
	assert_int_equal(count_of_label(session, "second\n100 %"), 0);
	assert_int_equal(count_of_label(session, "gone"), 0);
	load(0, 2, NULL);
	/* What came back lives on like any other. */
	GUEST_RV(made_relabel(&token, session, find(session, "another name"), "third"), CKR_OK);
	GUEST_RV(token.f->C_DestroyObject(session, find(session, "first")), CKR_OK);
	session = reboot();
	load(1, 0, NULL);
	assert_int_equal(count_of_label(session, "third"), 1);
	GUEST_RV(token.f->C_DestroyObject(session, find(session, "third")), CKR_OK);
	assert_int_equal(count_files(), 0);
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

/* The one file in the store becomes TEXT, which must be refused. */
static void refuse(const char *name, const char *text, size_t len, const char *what, size_t at)
{
	struct reason reason = {""};

	write_file(name, text, len);
	n_told = 0;
	if (restore_load(&slot, keyring, tell, NULL, &reason))
		guest_fail("the store is not loaded: %s", reason.text);
	if (n_told != 1 || told[0].outcome != OUTCOME_FAILED || strcmp(told[0].file, name) != 0 ||
	    !*told[0].why)
		guest_fail("a file may be %s at %zu of %zu", what, at, len);
}

/* Every byte, one bit of it; and every length, one in seven. */
static void test_damage(void **state)
{
	CK_SESSION_HANDLE session = need();
	unsigned char secret[TEXT];
	char **names, *name, *text;
	size_t len;
	int count;

	make(session, "damaged");
	encrypt(session, "damaged", secret);
	count = files(&names);
	assert_int_equal(count, 1);
	name = names[0];
	text = read_file(name, &len);
	session = reboot();
	for (size_t at = 0; at < len; at++) {
		text[at] ^= (char)(1 << at % 8);
		refuse(name, text, len, "changed", at);
		text[at] ^= (char)(1 << at % 8);
	}
	for (size_t at = 0; at < len; at += 7)
		refuse(name, text, at, "cut off", at);
	print_message("# %zu bytes\n", len);
	assert_int_equal(count_of_label(session, "damaged"), 0);
	write_file(name, text, len);
	/* Others are loaded beside one that is not. */
	make(session, "beside");
	write_file("0123456789abcdef.key", text, len);
	text[len - 2] ^= 1;
	write_file("fedcba9876543210.key", text, len);
	session = reboot();
	load(2, 0, "it is a duplicate, or was renamed");
	assert_int_equal(n_told, 4);
	decrypt(session, "damaged", secret);
	assert_int_equal(count_of_label(session, "beside"), 1);
	free(text);
	folder_free(names, count);
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

static void test_masters(void **state)
{
	CK_SESSION_HANDLE session = need();
	unsigned char secret[TEXT], wrong[32];

	make(session, "sealed");
	encrypt(session, "sealed", secret);
	session = reboot();
	assert_int_equal(keyctl_unlink(master, KEY_SPEC_USER_KEYRING), 0);
	load(0, 0, "its master key user:" MASTER " is not there");
	memcpy(wrong, master_bytes, sizeof(wrong));
	wrong[31] ^= 1;
	master = give_master(MASTER, wrong, sizeof(wrong));
	load(0, 0, "user " MASTER " is another key than when it was written");
	assert_int_equal(count_of_label(session, "sealed"), 0);
	master = give_master(MASTER, master_bytes, sizeof(master_bytes));
	load(1, 0, NULL);
	decrypt(session, "sealed", secret);
	/* Another key of that description is not taken for it. */
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

static void test_rotation(void **state)
{
	CK_SESSION_HANDLE session = need();
	key_serial_t next = give_master(NEXT, next_bytes, sizeof(next_bytes));
	struct slot rotated = slot;
	struct reason reason = {""};
	unsigned char secrets[3][TEXT];
	char label[16];

	for (int i = 0; i < 3; i++) {
		snprintf(label, sizeof(label), "key %d", i);
		make(session, label);
		encrypt(session, label, secrets[i]);
	}
	GUEST_RV(made_relabel(&token, session, find(session, "key 2"), "key two"), CKR_OK);
	rotated.master = "user:" NEXT;
	for (int again = 0; again < 2; again++) {
		n_told = 0;
		if (restore_rotate(&rotated, tell, NULL, &reason))
			guest_fail("%s", reason.text);
		explain();
		assert_int_equal(n_told, 3);
		assert_int_equal(count_of(again ? OUTCOME_ALREADY : OUTCOME_DONE), 3);
	}
	decrypt(session, "key 0", secrets[0]);
	session = reboot();
	assert_int_equal(keyctl_unlink(master, KEY_SPEC_USER_KEYRING), 0);
	load(3, 0, NULL);
	decrypt(session, "key 0", secrets[0]);
	decrypt(session, "key 1", secrets[1]);
	decrypt(session, "key two", secrets[2]);
	/* The kernel gives none a master of another kind. */
	rotated.master = "trusted:" NEXT;
	assert_int_equal(restore_rotate(&rotated, tell, NULL, &reason), -ENOKEY);
	assert_int_equal(keyctl_unlink(next, KEY_SPEC_USER_KEYRING), 0);
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

/* What is there already goes into the store by itself only when it is told to. */
static void test_saving(void **state)
{
	CK_SESSION_HANDLE session = need();
	struct reason reason = {""};
	unsigned char secret[TEXT];
	CK_OBJECT_HANDLE key = make(session, "saved");
	key_serial_t serial = made_serial(&token, session, key);

	encrypt(session, "saved", secret);
	empty_store();
	assert_false(stored(session, key));
	for (int i = 0; i < 3; i++) {
		n_told = 0;
		if (i == 2)
			GUEST_RV(made_relabel(&token, session, key, "saved again"), CKR_OK);
		if (restore_save(&slot, keyring, serial, tell, NULL, &reason))
			guest_fail("%s", reason.text);
		assert_int_equal(n_told, 1);
		assert_int_equal(told[0].outcome, i ? OUTCOME_ALREADY : OUTCOME_DONE);
	}
	assert_true(stored(session, key));
	assert_true(restore_save(&slot, keyring, master, tell, NULL, &reason) < 0);
	assert_int_equal(count_files(), 1);
	session = reboot();
	load(1, 0, NULL);
	decrypt(session, "saved again", secret);
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

static int run_tool(const char *verb)
{
	char command[512];
	int status;

	snprintf(command, sizeof(command), "'" TOOL "' %s >'%s/out' 2>'%s/err'", verb, folder,
		 folder);
	status = system(command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Whether the tool said TEXT: on stdout "out", or "err". */
static bool said(const char *where, const char *text)
{
	char path[96], got[8192];
	size_t len;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, where);
	file = fopen(path, "r");
	assert_non_null(file);
	len = fread(got, 1, sizeof(got) - 1, file);
	got[len] = '\0';
	fclose(file);
	if (!strstr(got, text))
		print_message("# %s: %s\n", where, got);
	return strstr(got, text) != NULL;
}

static void test_tool(void **state)
{
	CK_SESSION_HANDLE session = need();
	unsigned char secret[TEXT];
	char **names, *text;
	size_t len;
	int count;

	if (access(TOOL, X_OK) != 0)
		guest_skip("the tool is not built: it needs jansson");
	make(session, "by the tool");
	encrypt(session, "by the tool", secret);
	count = files(&names);
	text = read_file(names[0], &len);
	session = reboot();
	assert_int_equal(run_tool("load"), 0);
	assert_true(said("out", names[0]));
	decrypt(session, "by the tool", secret);
	session = reboot();
	text[len / 2] ^= 1;
	write_file(names[0], text, len);
	assert_int_equal(run_tool("load --json"), 1);
	assert_true(said("err", names[0]));
	assert_true(said("out", "\"not loaded\""));
	assert_int_equal(count_of_label(session, "by the tool"), 0);
	free(text);
	folder_free(names, count);
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

static int setup(void **state)
{
	FILE *file;

	guest_fill(master_bytes, sizeof(master_bytes), 5);
	guest_fill(next_bytes, sizeof(next_bytes), 6);
	if (!mkdtemp(folder))
		return -1;
	snprintf(store, sizeof(store), "%s/a/store", folder);
	snprintf(conf, sizeof(conf), "%s/conf", folder);
	file = fopen(conf, "w");
	if (!file ||
	    fprintf(file,
		    "[token " TOKEN_LABEL "]\nkeyring = " KEYRING "\nmaster = user:" MASTER
		    "\nstore = %s\n",
		    store) < 0 ||
	    fclose(file))
		return -1;
	setenv("KCRYPTOKI_CONF", conf, 1);
	keyring = add_key("keyring", KEYRING, NULL, 0, KEY_SPEC_USER_KEYRING);
	return keyring < 0 ? -1 : guest_setup(state);
}

static int teardown(void **state)
{
	char command[128];

	own_clear();
	keyctl_unlink(keyring, KEY_SPEC_USER_KEYRING);
	keyctl_unlink(master, KEY_SPEC_USER_KEYRING);
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command) || guest_teardown(state) ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reboot),  cmocka_unit_test(test_damage),
		cmocka_unit_test(test_masters), cmocka_unit_test(test_rotation),
		cmocka_unit_test(test_saving),  cmocka_unit_test(test_tool),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, teardown);
}
