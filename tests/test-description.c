/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptions that the module writes, and reads back; test-metadata reads those of others. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake-kernel.h"
#include "mech/mechanism.h"
#include "pkcs11-parameters.h"
#include "token/metadata.h"

static void same_bytes(const void *a, size_t a_len, const void *b, size_t b_len)
{
	assert_int_equal(a_len, b_len);
	if (a_len)
		assert_memory_equal(a, b, a_len);
}

static void same_text(const char *a, const char *b)
{
	assert_int_equal(!a, !b);
	if (a)
		assert_string_equal(a, b);
}

static void same(const struct metadata *a, const struct metadata *b)
{
	same_bytes(a->label, a->label_len, b->label, b->label_len);
	same_bytes(a->id, a->id_len, b->id, b->id_len);
	assert_int_equal(a->flags, b->flags);
	assert_string_equal(a->start, b->start);
	assert_string_equal(a->end, b->end);
	assert_string_equal(a->uid, b->uid);
	for (int i = 0; i < TEMPLATES; i++)
		same_text(a->templates[i], b->templates[i]);
	assert_int_equal(a->key_type_known, b->key_type_known);
	if (a->key_type_known)
		assert_int_equal(a->key_type, b->key_type);
	assert_int_equal(a->usage, b->usage);
	assert_int_equal(!a->mechanisms, !b->mechanisms);
	same_bytes(a->mechanisms, a->n_mechanisms * sizeof(*a->mechanisms), b->mechanisms,
		   b->n_mechanisms * sizeof(*b->mechanisms));
}

/* Writes METADATA, reads it back, and compares; returns the text, to be freed. */
static char *comes_back(const struct metadata *metadata)
{
	char *text = metadata_write(metadata);
	const char *why = "";
	struct metadata back;

	assert_non_null(text);
	/* What keyctl(1) and /proc/keys can show. */
	for (const char *c = text; *c; c++)
		assert_in_range(*c, '!', '~');
	if (metadata_read(&back, "logon", text, &why))
		fail_msg("%s: %s", text, why);
	assert_int_equal(back.id_made, !metadata->id_len);
	if (!metadata->id_len) {
		/* It has one of its own making then. */
		assert_int_equal(back.id_len, 8);
		back.id_len = 0;
	}
	same(metadata, &back);
	metadata_free(&back);
	return text;
}

static void comes_back_as(const struct metadata *metadata, const char *expected)
{
	char *text = comes_back(metadata);

	assert_string_equal(text, expected);
	free(text);
}

#define BYTES(text) (uint8_t *)text, sizeof(text) - 1

static struct metadata labelled(uint8_t *label, size_t len)
{
	return (struct metadata){.label = label, .label_len = len, .usage = USAGE_ALL};
}

/* Bytes count against the user's quota. */
static void defaults_are_left_out(void **state)
{
	struct metadata metadata = labelled(BYTES("backup"));

	comes_back_as(&metadata, "pkcs11:object=backup");
	metadata.id = (uint8_t *)"\1\2";
	metadata.id_len = 2;
	comes_back_as(&metadata, "pkcs11:id=%01%02;object=backup");
	metadata.usage = USAGE_ENCRYPT | USAGE_DECRYPT;
	metadata.key_type = CKK_AES;
	metadata.key_type_known = true;
	comes_back_as(&metadata,
		      "pkcs11:id=%01%02;object=backup?x-key-type=aes&x-usage=encrypt,decrypt");
	metadata = (struct metadata){.usage = USAGE_ALL};
	comes_back_as(&metadata, "pkcs11:");
}

/* Nothing is not everything: of usages and mechanisms, none may be left. */
static void nothing_allowed_is_written_too(void **state)
{
	CK_MECHANISM_TYPE none[1];
	struct metadata metadata = labelled(BYTES("a"));

	metadata.usage = 0;
	comes_back_as(&metadata, "pkcs11:object=a?x-usage=");
	metadata.usage = USAGE_ALL;
	metadata.mechanisms = none;
	comes_back_as(&metadata, "pkcs11:object=a?x-mechanisms=");
}

static void odd_labels_come_back(void **state)
{
	static const char *const labels[] = {
		"a b",
		"%",
		"%2c",
		"%252C,",
		";",
		"&",
		"?",
		"=",
		"/",
		",",
		"a;id=%01",
		"a?x-usage=",
		"a&x-flags=extractable",
		";x-key-type=aes",
		"Schl\xc3\xbcssel",
		"\xe9\x8d\xb5",
		"\xf0\x9f\x94\x91",
		"\n\t\r",
		"'\"\\`$(x)",
		"pkcs11:",
		" a ",
		"\x01\x7f",
		"x-usage=",
		"a+b",
		"[]:@!*#~",
		"%00",
	};

	for (size_t i = 0; i < sizeof(labels) / sizeof(*labels); i++) {
		struct metadata metadata = labelled((uint8_t *)labels[i], strlen(labels[i]));

		free(comes_back(&metadata));
		/* As an id, too, which may be any bytes. */
		metadata = (struct metadata){.id = (uint8_t *)labels[i],
					     .id_len = strlen(labels[i]),
					     .usage = USAGE_ALL};
		free(comes_back(&metadata));
	}
}

static void every_byte_comes_back_in_an_id(void **state)
{
	uint8_t id[256];
	struct metadata metadata = {.id = id, .id_len = sizeof(id), .usage = USAGE_ALL};

	for (size_t i = 0; i < sizeof(id); i++)
		id[i] = (uint8_t)i;
	free(comes_back(&metadata));
	for (size_t i = 0; i < sizeof(id); i++) {
		metadata.id = &id[i];
		metadata.id_len = 1;
		free(comes_back(&metadata));
	}
}

/* Each attribute alone, and then all of them, at their longest. */
static void every_attribute_comes_back(void **state)
{
	enum { LONG = 1024 };
	static char text[4 * LONG];
	static uint8_t label[LONG], id[LONG];
	CK_MECHANISM_TYPE *types = calloc(n_mechanisms, sizeof(*types));
	struct metadata metadata = {.usage = USAGE_ALL};

	for (size_t i = 0; i < n_mechanisms; i++)
		types[i] = mechanisms[i].type;
	memset(label, 'l', sizeof(label));
	memset(id, 0xff, sizeof(id));
	memset(text, 'a', sizeof(text) - 2);
	memcpy(text, "103:", 4);
	for (unsigned int usage = 0; usage <= USAGE_ALL; usage++) {
		metadata.usage = usage;
		free(comes_back(&metadata));
	}
	for (unsigned int flags = 0; flags < 2 * FLAG_WRAP_WITH_TRUSTED; flags++) {
		metadata.flags = flags;
		free(comes_back(&metadata));
	}
	for (size_t i = 0; i < n_mechanisms; i++) {
		metadata.mechanisms = types;
		metadata.n_mechanisms = i;
		metadata.key_type_known =
			mechanism_takes_key(&mechanisms[i]) && !mechanisms[i].any_key;
		metadata.key_type = mechanisms[i].key_types[0];
		free(comes_back(&metadata));
	}
	strcpy(metadata.start, "20260101");
	free(comes_back(&metadata));
	strcpy(metadata.end, "99991231");
	free(comes_back(&metadata));
	strcpy(metadata.uid, "0123456789abcdef0123456789abcdef");
	free(comes_back(&metadata));
	for (int i = 0; i < TEMPLATES; i++) {
		metadata.templates[i] = text;
		free(comes_back(&metadata));
	}
	metadata.label = label;
	metadata.label_len = sizeof(label);
	metadata.id = id;
	metadata.id_len = sizeof(id);
	free(comes_back(&metadata));
	free(types);
}

/* The copy has all that the original has, and memory of its own. */
static void a_copy_is_the_same_and_apart(void **state)
{
	static const char all[] =
		"pkcs11:object=a;id=%01?x-key-type=aes&x-usage=wrap&x-mechanisms=aes-gcm&"
		"x-flags=local&x-start=20260101&x-end=20270101&x-wrap-template=103:01&"
		"x-unwrap-template=162:00&x-derive-template=3:&x-uid=77";
	static const char *const texts[] = {all, "pkcs11:", "pkcs11:?x-mechanisms=", "none"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct metadata from, to;
		const char *why = "";
		int err = metadata_read(&from, "user", texts[i], &why);

		assert_true(!err || err == -ENOMSG);
		from.trusted = i == 0;
		assert_int_equal(metadata_copy(&to, &from), 0);
		same(&from, &to);
		assert_string_equal(from.unique_id, to.unique_id);
		assert_int_equal(from.trusted, to.trusted);
		assert_int_equal(from.id_made, to.id_made);
		metadata_free(&from);
		if (i == 0) {
			char *text = metadata_write(&to);

			assert_memory_equal(to.label, "a", 1);
			assert_string_equal(to.templates[TEMPLATE_UNWRAP], "162:00");
			assert_non_null(text);
			free(text);
		}
		metadata_free(&to);
	}
}

/* The longest text that add_key(2) takes has 4095 bytes; nothing is made with a shorter one. */
static void what_no_description_can_say_is_refused(void **state)
{
	CK_MECHANISM mechanism = {.mechanism = CKM_AES_KEY_GEN};
	CK_OBJECT_HANDLE key = 0;
	CK_SESSION_HANDLE session;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ULONG len = 32;
	uint8_t bytes[1024];
	CK_ATTRIBUTE template[] = {{CKA_TOKEN, &yes, 1},
				   {CKA_VALUE_LEN, &len, sizeof(len)},
				   {CKA_ID, bytes, sizeof(bytes)},
				   {CKA_LABEL, bytes, sizeof(bytes)}};

	fake_reset();
	assert_int_equal(C_Initialize(NULL), CKR_OK);
	assert_int_equal(
		C_OpenSession(0, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session),
		CKR_OK);
	/* Each counts three times, as "%01". */
	memset(bytes, 1, sizeof(bytes));
	for (int i = 0; i < 2; i++) {
		template[0].pValue = i ? &no : &yes;
		assert_int_equal(C_GenerateKey(session, &mechanism, template, 4, &key),
				 CKR_ATTRIBUTE_VALUE_INVALID);
		assert_int_equal(key, 0);
		assert_int_equal(fake_keys("logon"), 0);
	}
	memset(bytes, 'a', sizeof(bytes));
	template[0].pValue = &yes;
	template[2].ulValueLen = 900;
	assert_int_equal(C_GenerateKey(session, &mechanism, template, 4, &key), CKR_OK);
	assert_int_equal(fake_keys("logon"), 1);
	assert_int_equal(C_Finalize(NULL), CKR_OK);
}

/* A description without a key type would be read as one of AES. */
static void a_key_type_without_a_word_is_refused(void **state)
{
	uint8_t data[16] = {0};
	CK_KEY_DERIVATION_STRING_DATA parameter = {data, sizeof(data)};
	CK_MECHANISM mechanism = {CKM_CONCATENATE_BASE_AND_DATA, &parameter, sizeof(parameter)};
	CK_KEY_TYPE generic = CKK_GENERIC_SECRET, types[] = {CKK_RC4, CKK_RSA, CKK_VENDOR_DEFINED};
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_OBJECT_HANDLE base, key = 0;
	CK_SESSION_HANDLE session;
	CK_BBOOL yes = CK_TRUE;
	CK_ULONG len = 32;
	CK_ATTRIBUTE of_base[] = {{CKA_CLASS, &class, sizeof(class)},
				  {CKA_KEY_TYPE, &generic, sizeof(generic)},
				  {CKA_VALUE, data, sizeof(data)},
				  {CKA_EXTRACTABLE, &yes, 1}};
	CK_ATTRIBUTE template[] = {{CKA_TOKEN, &yes, 1},
				   {CKA_KEY_TYPE, NULL, sizeof(CK_KEY_TYPE)},
				   {CKA_VALUE_LEN, &len, sizeof(len)}};

	fake_reset();
	assert_int_equal(C_Initialize(NULL), CKR_OK);
	assert_int_equal(
		C_OpenSession(0, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session),
		CKR_OK);
	assert_int_equal(C_CreateObject(session, of_base, 4, &base), CKR_OK);
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		template[1].pValue = &types[i];
		assert_int_equal(C_DeriveKey(session, &mechanism, base, template, 3, &key),
				 CKR_ATTRIBUTE_VALUE_INVALID);
		assert_int_equal(fake_keys("logon") + fake_keys("user"), 0);
	}
	template[1].pValue = &generic;
	assert_int_equal(C_DeriveKey(session, &mechanism, base, template, 3, &key), CKR_OK);
	assert_int_equal(C_Finalize(NULL), CKR_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_left_out),
		cmocka_unit_test(nothing_allowed_is_written_too),
		cmocka_unit_test(odd_labels_come_back),
		cmocka_unit_test(every_byte_comes_back_in_an_id),
		cmocka_unit_test(every_attribute_comes_back),
		cmocka_unit_test(a_copy_is_the_same_and_apart),
		cmocka_unit_test(what_no_description_can_say_is_refused),
		cmocka_unit_test(a_key_type_without_a_word_is_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("description", tests, NULL, NULL);
}
