/* SPDX-License-Identifier: BSD-2-Clause */
/* The life of a key on a running kernel: made, found, described, used, changed, copied, destroyed;
 * and then nothing is left of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "made.h"

static const unsigned char secret[32] = "thirty-two bytes of a known key";

struct row {
	const char *name;
	bool known; /* created, of the bytes above; else generated */
	unsigned int how;
	const char *type;    /* keyrings(7); NULL: the process holds it */
	const char *refused; /* what the log says where no key can be made that nobody can read */
};

static const char unread[] = "ALG_SET_KEY_BY_KEY_SERIAL";
static const struct row rows[] = {
	{"generated", false, MADE_TOKEN, "logon", unread},
	{"generated, sensitive", false, MADE_TOKEN | MADE_SENSITIVE, "logon", unread},
	{"created", true, MADE_TOKEN, "logon", unread},
	{"generated, extractable", false, MADE_TOKEN | MADE_EXTRACTABLE, "user", NULL},
	{"created, extractable", true, MADE_TOKEN | MADE_EXTRACTABLE, "user", NULL},
	{"created, to be seen", true, MADE_TOKEN | MADE_EXTRACTABLE | MADE_INSENSITIVE, "user",
	 NULL},
	{"a session's, generated", false, 0, "logon", unread},
	{"a session's, created, sensitive", true, MADE_SENSITIVE, "logon", unread},
	{"a session's, created", true, 0, NULL, NULL},
	{"a session's, generated, extractable", false, MADE_EXTRACTABLE, NULL, NULL},
	{"a session's, created, to be seen", true, MADE_EXTRACTABLE | MADE_INSENSITIVE, NULL, NULL},
};
#define ROWS (sizeof(rows) / sizeof(*rows))

struct life {
	const struct row *row;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;
	key_serial_t serial;
	const unsigned char *bytes; /* NULL: not known */
};

static bool reveals(const struct row *row)
{
	return row->how & MADE_EXTRACTABLE && row->how & MADE_INSENSITIVE;
}

static CK_BBOOL truth(const struct life *life, CK_ATTRIBUTE_TYPE type)
{
	CK_BBOOL value = 2;
	CK_ATTRIBUTE attribute = {type, &value, sizeof(value)};

	GUEST_RV(token.f->C_GetAttributeValue(life->session, life->key, &attribute, 1), CKR_OK);
	return value;
}

/* What PKCS#11 says of it: section 4.11. */
static void check_attributes(const struct life *life)
{
	const struct row *row = life->row;
	bool sensitive =
		!reveals(row) && !(row->known && !(row->how & (MADE_TOKEN | MADE_SENSITIVE)));
	unsigned char value[64];
	CK_ATTRIBUTE bytes = {CKA_VALUE, value, sizeof(value)};
	CK_ULONG length = 0;
	CK_ATTRIBUTE size = {CKA_VALUE_LEN, &length, sizeof(length)};

	assert_int_equal(truth(life, CKA_TOKEN), !!(row->how & MADE_TOKEN));
	assert_int_equal(truth(life, CKA_LOCAL), !row->known);
	assert_int_equal(truth(life, CKA_EXTRACTABLE), !!(row->how & MADE_EXTRACTABLE));
	assert_int_equal(truth(life, CKA_SENSITIVE), sensitive);
	assert_int_equal(truth(life, CKA_ALWAYS_SENSITIVE), !row->known && sensitive);
	assert_int_equal(truth(life, CKA_NEVER_EXTRACTABLE),
			 !row->known && !(row->how & MADE_EXTRACTABLE));
	assert_int_equal(truth(life, CKA_ENCRYPT), CK_TRUE);
	GUEST_RV(token.f->C_GetAttributeValue(life->session, life->key, &size, 1), CKR_OK);
	assert_int_equal(length, sizeof(secret));
	if (reveals(row)) {
		GUEST_RV(token.f->C_GetAttributeValue(life->session, life->key, &bytes, 1), CKR_OK);
		assert_int_equal(bytes.ulValueLen, sizeof(secret));
		assert_memory_equal(value, secret, sizeof(secret));
	} else {
		GUEST_RV(token.f->C_GetAttributeValue(life->session, life->key, &bytes, 1),
			 CKR_ATTRIBUTE_SENSITIVE);
	}
}

/* What the kernel says of it: a URI, and that nobody can change it. */
static void check_description(const struct life *life)
{
	const key_perm_t changing = KEY_OTH_WRITE | KEY_OTH_SETATTR;
	key_serial_t linked[256];
	char *text, type[32], line[512];
	unsigned int perm;
	int start = 0;
	bool found = false;

	if (!life->row->type) {
		assert_int_equal(life->serial, 0);
		return;
	}
	assert_true(keyctl_describe_alloc(life->serial, &text) > 0);
	print_message("# %s\n", text);
	assert_int_equal(sscanf(text, "%31[^;];%*d;%*d;%x;%n", type, &perm, &start), 2);
	assert_string_equal(type, life->row->type);
	assert_int_equal(perm & (changing | changing << 8 | changing << 16 | changing << 24), 0);
	assert_int_equal(perm & (KEY_OTH_ALL | KEY_GRP_ALL), 0);
	assert_int_equal(strncmp(text + start, "pkcs11:object=a%20life", 22), 0);
	assert_non_null(strstr(text, "x-key-type=aes"));
	assert_non_null(strstr(text, "x-uid="));
	free(text);
	assert_true(made_line(life->serial, line));
	for (size_t i = made_linked(linked, 256); i-- > 0;)
		found |= linked[i] == life->serial;
	assert_int_equal(found, !!(life->row->how & MADE_TOKEN));
}

static int find_elsewhere(struct token *t, void *argument)
{
	char *label = argument;
	CK_OBJECT_HANDLE object;
	CK_SESSION_HANDLE session;

	if (token_start(t) != 0 || token_session(t, 0, &session) != 0)
		return -1;
	if (made_find(t, session, label, &object) != 1)
		return guest_error(t, "no key is labelled %s", label);
	if (t->f->C_Finalize(NULL) != CKR_OK)
		return guest_error(t, "C_Finalize");
	return 0;
}

static void check_found_here(const struct life *life, const char *label)
{
	CK_OBJECT_HANDLE found = 0;

	assert_int_equal(made_find(&token, life->session, label, &found), 1);
	assert_int_equal(found, life->key);
}

static void check_found(const struct life *life, const char *label)
{
	check_found_here(life, label);
	if (life->row->how & MADE_TOKEN)
		guest_child(find_elsewhere, (void *)label);
}

static void check_works(const struct life *life)
{
	GUEST_OK(made_works(&token, life->session, life->key, life->bytes, sizeof(secret)));
}

static void relabel(const struct life *life)
{
	unsigned char id[3] = {7, 8, 9}, got[8];
	CK_ATTRIBUTE list[] = {{CKA_LABEL, (void *)"another", 7}, {CKA_ID, id, sizeof(id)}};
	CK_ATTRIBUTE now = {CKA_ID, got, sizeof(got)};
	CK_OBJECT_HANDLE found;

	GUEST_RV(token.f->C_SetAttributeValue(life->session, life->key, list, 2), CKR_OK);
	check_found(life, "another");
	assert_int_equal(made_find(&token, life->session, "a life", &found), 0);
	GUEST_RV(token.f->C_GetAttributeValue(life->session, life->key, &now, 1), CKR_OK);
	assert_int_equal(now.ulValueLen, sizeof(id));
	assert_memory_equal(got, id, sizeof(id));
	assert_int_equal(made_serial(&token, life->session, life->key), life->serial);
	check_works(life);
}

static CK_RV set_usage(struct token *t, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key,
		       CK_ATTRIBUTE_TYPE type, CK_BBOOL value)
{
	CK_ATTRIBUTE attribute = {type, &value, sizeof(value)};

	return t->f->C_SetAttributeValue(session, key, &attribute, 1);
}

static int take_elsewhere(struct token *t, void *argument)
{
	CK_OBJECT_HANDLE object;
	CK_SESSION_HANDLE session;
	CK_RV rv;

	if (token_start(t) != 0 || token_session(t, CKF_RW_SESSION, &session) != 0)
		return -1;
	if (made_find(t, session, "another", &object) != 1)
		return guest_error(t, "another is not found");
	rv = set_usage(t, session, object, CKA_WRAP, CK_FALSE);
	return rv == CKR_OK ? 0 : guest_error(t, "CKA_WRAP cannot be taken: 0x%lx", rv);
}

/* A usage that is taken away stays away, whatever else is changed by whom. */
static void take_usages(const struct life *life)
{
	unsigned char iv[16] = {0};
	CK_MECHANISM mechanism = {CKM_AES_CBC, iv, sizeof(iv)};

	GUEST_RV(set_usage(&token, life->session, life->key, CKA_ENCRYPT, CK_FALSE), CKR_OK);
	GUEST_RV(token.f->C_EncryptInit(life->session, &mechanism, life->key),
		 CKR_KEY_FUNCTION_NOT_PERMITTED);
	GUEST_RV(token.f->C_DecryptInit(life->session, &mechanism, life->key), CKR_OK);
	GUEST_RV(token.f->C_DecryptInit(life->session, NULL, life->key), CKR_OK);
	GUEST_RV(set_usage(&token, life->session, life->key, CKA_ENCRYPT, CK_TRUE),
		 CKR_ATTRIBUTE_READ_ONLY);
	assert_int_equal(truth(life, CKA_ENCRYPT), CK_FALSE);
	if (!(life->row->how & MADE_TOKEN))
		return;
	guest_child(take_elsewhere, NULL);
	GUEST_RV(made_relabel(&token, life->session, life->key, "third"), CKR_OK);
	check_found(life, "third");
	assert_int_equal(truth(life, CKA_WRAP), CK_FALSE);
	assert_int_equal(truth(life, CKA_ENCRYPT), CK_FALSE);
	assert_int_equal(truth(life, CKA_DECRYPT), CK_TRUE);
}

static key_serial_t sidecar(void)
{
	key_serial_t linked[256], found = 0;
	char *description;

	for (size_t i = made_linked(linked, 256); i-- > 0;) {
		assert_true(keyctl_describe_alloc(linked[i], &description) > 0);
		if (strstr(description, ";kcryptoki:"))
			found = linked[i];
		free(description);
	}
	assert_int_not_equal(found, 0);
	return found;
}

/* Where it cannot be read what was changed of a key, it stays as it was. */
static void hide_changes(const struct life *life)
{
	if (!(life->row->how & MADE_TOKEN))
		return;
	assert_int_equal(keyctl_setperm(sidecar(), KEY_POS_VIEW | KEY_USR_VIEW | KEY_USR_SETATTR),
			 0);
	made_logged("");
	check_found_here(life, "third");
	assert_true(made_logged("cannot be read"));
	assert_int_equal(truth(life, CKA_ENCRYPT), CK_FALSE);
	assert_int_equal(keyctl_setperm(sidecar(), KEY_POS_ALL | KEY_USR_VIEW), 0);
	check_found(life, "third");
}

static void copy(const struct life *life)
{
	/* Of a key that the process holds, too: the copy is as hard to read as its original. */
	bool can = !life->row->type || life->row->how & MADE_EXTRACTABLE;
	CK_RV rv = can ? CKR_OK : CKR_ACTION_PROHIBITED;
	unsigned int goes[] = {0, MADE_TOKEN};
	CK_OBJECT_HANDLE made, found = 0;

	for (size_t i = 0; i < 2; i++) {
		bool refused = goes[i] && !(life->row->how & MADE_EXTRACTABLE) && !made_unread();

		GUEST_RV(made_copy(&token, life->session, life->key, "a copy", goes[i], &made),
			 refused && can ? CKR_TEMPLATE_INCONSISTENT : rv);
		if (!can || refused)
			continue;
		assert_int_not_equal(made, life->key);
		assert_int_equal(made_find(&token, life->session, "a copy", &found), 1);
		assert_int_equal(found, made);
		GUEST_OK(made_works(&token, life->session, made, life->bytes, sizeof(secret)));
		GUEST_RV(token.f->C_DestroyObject(life->session, made), CKR_OK);
		check_works(life);
	}
}

static void destroy(const struct life *life)
{
	unsigned char iv[16] = {0};
	CK_MECHANISM mechanism = {CKM_AES_CBC, iv, sizeof(iv)};
	CK_OBJECT_HANDLE found;

	GUEST_RV(token.f->C_DestroyObject(life->session, life->key), CKR_OK);
	GUEST_RV(token.f->C_EncryptInit(life->session, &mechanism, life->key),
		 CKR_KEY_HANDLE_INVALID);
	GUEST_RV(token.f->C_DestroyObject(life->session, life->key), CKR_OBJECT_HANDLE_INVALID);
	assert_int_equal(made_find(&token, life->session, "third", &found), 0);
	assert_int_equal(made_find(&token, life->session, "another", &found), 0);
	if (life->serial)
		belongings_wait_until_gone(life->serial);
}

static void test_life(void **state)
{
	struct life life = {.row = *state};
	struct belongings before;
	CK_RV rv;

	guest_need_keys();
	before = made_settled();
	GUEST_OK(token_session(&token, CKF_RW_SESSION, &life.session));
	life.bytes = life.row->known ? secret : NULL;
	made_logged("");
	rv = made_key(&token, life.session, "a life", life.bytes, sizeof(secret), life.row->how,
		      &life.key);
	if (life.row->refused && !made_unread()) {
		GUEST_RV(rv, CKR_TEMPLATE_INCONSISTENT);
		assert_true(made_logged(life.row->refused));
	} else {
		GUEST_RV(rv, CKR_OK);
		life.serial = made_serial(&token, life.session, life.key);
		check_description(&life);
		check_attributes(&life);
		check_found(&life, "a life");
		check_works(&life);
		copy(&life);
		relabel(&life);
		take_usages(&life);
		hide_changes(&life);
		destroy(&life);
	}
	GUEST_RV(token.f->C_CloseSession(life.session), CKR_OK);
	made_nothing_left(&before);
}

/* Two keys may have the same label; neither takes the other's place. */
static void test_twins(void **state)
{
	CK_OBJECT_HANDLE one, two, found;
	struct belongings before;
	CK_SESSION_HANDLE session;

	guest_need_keys();
	before = made_settled();
	GUEST_OK(token_session(&token, CKF_RW_SESSION, &session));
	GUEST_RV(made_key(&token, session, "twin", secret, 16, MADE_TOKEN | MADE_EXTRACTABLE, &one),
		 CKR_OK);
	GUEST_RV(made_key(&token, session, "twin", secret + 16, 16, MADE_TOKEN | MADE_EXTRACTABLE,
			  &two),
		 CKR_OK);
	assert_int_equal(made_find(&token, session, "twin", &found), 2);
	GUEST_OK(made_works(&token, session, one, secret, 16));
	GUEST_OK(made_works(&token, session, two, secret + 16, 16));
	GUEST_RV(token.f->C_DestroyObject(session, one), CKR_OK);
	assert_int_equal(made_find(&token, session, "twin", &found), 1);
	assert_int_equal(found, two);
	GUEST_RV(token.f->C_DestroyObject(session, two), CKR_OK);
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
	made_nothing_left(&before);
}

/* What is made once for a process, or kept for a while, is made before anything is counted. */
static int set_up(void **state)
{
	CK_OBJECT_HANDLE key;
	CK_SESSION_HANDLE session;
	int result;

	made_log();
	result = guest_setup(state);
	if (result != 0 || token.absent || !guest_offers(CKM_AES_CBC))
		return result;
	guest_need_keys();
	/* As the module does where a key is refused. */
	if (keyctl_link(KEY_SPEC_USER_KEYRING, KEY_SPEC_PROCESS_KEYRING) != 0 ||
	    token_session(&token, CKF_RW_SESSION, &session) != 0 ||
	    made_key(&token, session, "first", secret, 32, MADE_TOKEN | MADE_EXTRACTABLE, &key) !=
		    CKR_OK ||
	    made_works(&token, session, key, secret, 32) != 0 ||
	    token.f->C_DestroyObject(session, key) != CKR_OK ||
	    token.f->C_CloseSession(session) != CKR_OK)
		return -1;
	return 0;
}

int main(void)
{
	struct CMUnitTest tests[ROWS + 1] = {[ROWS] = cmocka_unit_test(test_twins)};

	for (size_t i = 0; i < ROWS; i++)
		tests[i] = (struct CMUnitTest){.name = rows[i].name,
					       .test_func = test_life,
					       .initial_state = (void *)&rows[i]};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, set_up, guest_teardown);
}
