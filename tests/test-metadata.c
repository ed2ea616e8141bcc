/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mech/mechanism.h"
#include "token/metadata.h"

static const char *why;

static int read_it(struct metadata *metadata, const char *description)
{
	why = NULL;
	return metadata_read(metadata, "logon", description, &why);
}

static void reads(struct metadata *metadata, const char *description)
{
	if (read_it(metadata, description))
		fail_msg("refused: %s (%s)", description, why ? why : "?");
}

static void refuses(const char *description, int err)
{
	struct metadata metadata;
	int got = read_it(&metadata, description);

	if (got != err)
		fail_msg("%d: %.80s", got, description);
	if (err == -EINVAL)
		assert_non_null(why);
	assert_null(metadata.label);
	assert_null(metadata.id);
	assert_null(metadata.mechanisms);
}

static void check(struct metadata *metadata, const char *label, const void *id, size_t id_len)
{
	assert_int_equal(metadata->label_len, label ? strlen(label) : 0);
	if (label)
		assert_memory_equal(metadata->label, label, metadata->label_len);
	if (id) {
		assert_int_equal(metadata->id_len, id_len);
		assert_memory_equal(metadata->id, id, id_len);
	}
	metadata_free(metadata);
	assert_null(metadata->label);
	assert_null(metadata->id);
	assert_null(metadata->mechanisms);
}

static void other_descriptions_are_no_uris(void **state)
{
	static const char *const others[] = {
		"",         "x",       "user:kmk",        "pkcs11",    "PKCS11:a",
		" pkcs11:", "pkcs12:", "pkcs11;object=a", "fscrypt:0", "Pkcs11:object=a"};

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		refuses(others[i], -ENOMSG);
}

static void the_path_names_the_object(void **state)
{
	struct metadata metadata;

	reads(&metadata, "pkcs11:object=backup;id=%01%02%ff;type=secret-key");
	assert_int_equal(metadata.usage, USAGE_ALL);
	assert_false(metadata.key_type_known);
	check(&metadata, "backup", "\x01\x02\xff", 3);
	reads(&metadata, "pkcs11:id=abc;object=a");
	check(&metadata, "a", "abc", 3);
	reads(&metadata, "pkcs11:object=a");
	check(&metadata, "a", NULL, 0);
	reads(&metadata, "pkcs11:id=%00%00");
	check(&metadata, NULL, "\0\0", 2);
	reads(&metadata, "pkcs11:");
	check(&metadata, NULL, NULL, 0);
	reads(&metadata, "pkcs11:object=");
	check(&metadata, "", NULL, 0);
}

static void escapes_are_undone(void **state)
{
	struct metadata metadata;

	reads(&metadata, "pkcs11:object=a%20b%3bc%3Fd%25%3d%0a");
	check(&metadata, "a b;c?d%=\n", NULL, 0);
	reads(&metadata, "pkcs11:object=Schl%c3%bcssel");
	check(&metadata, "Schl\xc3\xbcssel", NULL, 0);
	refuses("pkcs11:object=%", -EINVAL);
	refuses("pkcs11:object=%4", -EINVAL);
	refuses("pkcs11:object=%zz", -EINVAL);
	refuses("pkcs11:object=a%4;id=%01", -EINVAL);
	refuses("pkcs11:id=%0", -EINVAL);
	refuses("pkcs11:object", -EINVAL);
}

/* FNV-1a over "type;description", worked out apart from the module. */
static void without_an_id_one_is_made_that_stays(void **state)
{
	struct metadata first, again, other;

	reads(&first, "pkcs11:object=a");
	reads(&again, "pkcs11:object=a");
	assert_int_equal(first.id_len, 8);
	assert_memory_equal(first.id, again.id, 8);
	assert_memory_equal(first.id, "\x25\x68\xe7\xbb\x44\x97\xb4\xd3", 8);
	assert_string_equal(first.unique_id, "2568e7bb4497b4d3");
	metadata_free(&again);

	reads(&other, "pkcs11:object=b");
	assert_memory_not_equal(first.id, other.id, 8);
	metadata_free(&other);
	assert_int_equal(metadata_read(&other, "user", "pkcs11:object=a", &why), 0);
	assert_memory_not_equal(first.id, other.id, 8);
	assert_string_not_equal(first.unique_id, other.unique_id);
	metadata_free(&other);
	metadata_free(&first);
	/* Two keys may share label and id, but never the unique one. */
	reads(&first, "pkcs11:object=a;id=%01");
	reads(&other, "pkcs11:object=a;id=%01?x-uid=2");
	assert_string_not_equal(first.unique_id, other.unique_id);
	metadata_free(&first);
	metadata_free(&other);
}

static void key_types_have_names(void **state)
{
	static const struct {
		const char *name;
		CK_KEY_TYPE type;
	} types[] = {
		{"aes", 0x1f},
		{"generic-secret", 0x10},
		{"md5-hmac", 0x27},
		{"sha-1-hmac", 0x28},
		{"ripemd160-hmac", 0x2a},
		{"sha224-hmac", 0x2e},
		{"sha256-hmac", 0x2b},
		{"sha384-hmac", 0x2c},
		{"sha512-hmac", 0x2d},
		{"sha3-224-hmac", 0x36},
		{"sha3-256-hmac", 0x37},
		{"sha3-384-hmac", 0x38},
		{"sha3-512-hmac", 0x39},
		{"hkdf", 0x42},
		{"aes-xts", 0x35},
		{"chacha20", 0x33},
		{"des3", 0x15},
		{"camellia", 0x25},
		{"twofish", 0x21},
		{"blowfish", 0x20},
		{"cast128", 0x18},
		{"aria", 0x26},
		{"kcryptoki-adiantum", 0xcb435201},
	};
	static const char *const unknown[] = {
		"", "AES", "ae", "aes2", "rsa", "aes,aes", "aes_xts", "sha3-256", "xts",
	};
	struct metadata metadata;
	char description[128];

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		snprintf(description, sizeof(description), "pkcs11:object=a?x-key-type=%s",
			 types[i].name);
		reads(&metadata, description);
		assert_true(metadata.key_type_known);
		assert_int_equal(metadata.key_type, types[i].type);
		metadata_free(&metadata);
	}
	for (size_t i = 0; i < sizeof(unknown) / sizeof(*unknown); i++) {
		snprintf(description, sizeof(description), "pkcs11:object=a?x-key-type=%s",
			 unknown[i]);
		refuses(description, -EINVAL);
	}
}

/* A restriction that is not understood must not be read as none. */
static void usages_are_read_or_refused(void **state)
{
	static const struct {
		const char *list;
		unsigned int usage;
	} lists[] = {
		{"encrypt", USAGE_ENCRYPT},
		{"decrypt", USAGE_DECRYPT},
		{"sign", USAGE_SIGN},
		{"verify", USAGE_VERIFY},
		{"wrap", USAGE_WRAP},
		{"unwrap", USAGE_UNWRAP},
		{"derive", USAGE_DERIVE},
		{"sign,verify", USAGE_SIGN | USAGE_VERIFY},
		{"verify,sign,sign", USAGE_SIGN | USAGE_VERIFY},
		{"encrypt,decrypt,sign,verify,wrap,unwrap,derive", USAGE_ALL},
	};
	static const char *const unknown[] = {
		"Encrypt",          "encrypt;decrypt", "encrypt decrypt", ",encrypt",
		"encrypt,,decrypt", "encrypts",        "encryp",          "all",
		"sign,none"};
	struct metadata metadata;
	char description[128];

	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		snprintf(description, sizeof(description), "pkcs11:object=a?x-usage=%s",
			 lists[i].list);
		reads(&metadata, description);
		assert_int_equal(metadata.usage, lists[i].usage);
		metadata_free(&metadata);
	}
	for (size_t i = 0; i < sizeof(unknown) / sizeof(*unknown); i++) {
		snprintf(description, sizeof(description), "pkcs11:object=a?x-usage=%s",
			 unknown[i]);
		refuses(description, -EINVAL);
	}
}

/* Ours belong in the query. In the path, where RFC 7512 allows vendor attributes too, they are
 * still meant as a restriction. */
static void a_misplaced_restriction_is_not_read_as_none(void **state)
{
	static const char *const descriptions[] = {
		"pkcs11:object=a;x-usage=sign",
		"pkcs11:x-mechanisms=aes-gcm;object=a",
		"pkcs11:object=a;x-usage=",
		"pkcs11:object=a; x-us age = sign",
		"pkcs11:object=a?X-Usage=sign",
		"pkcs11:object=a?x-key-type=aes&X-MECHANISMS=aes-gcm",
		"pkcs11:object=a;X-usage=sign",
		/* p11-kit takes white space out, wherever it is: RFC 7512, section 2.3. */
		"pkcs11:object=a; x-usage=sign",
	};
	struct metadata metadata;

	for (size_t i = 0; i < sizeof(descriptions) / sizeof(*descriptions); i++) {
		if (read_it(&metadata, descriptions[i]) == -EINVAL)
			continue;
		metadata_free(&metadata);
		fail_msg("usable for 0x%x: %s", metadata.usage, descriptions[i]);
	}
}

/* p11-kit 0.24 cannot store such a name, and answers as if memory were short, which would end the
 * search for all keys. */
static void a_name_that_p11_kit_refuses_costs_its_key_only(void **state)
{
	struct metadata metadata;
	int err = read_it(&metadata, "pkcs11:object=a?X-Other=1&x-usage=sign");

	if (err) {
		assert_int_equal(err, -EINVAL);
		return;
	}
	assert_int_equal(metadata.usage, USAGE_SIGN);
	metadata_free(&metadata);
}

static void a_repeated_restriction_is_refused(void **state)
{
	struct metadata metadata;

	refuses("pkcs11:object=a?x-usage=sign&x-usage=encrypt", -EINVAL);
	refuses("pkcs11:object=a?x-usage=sign& x-usage=encrypt", -EINVAL);
	refuses("pkcs11:object=a?x-key-type=aes&x-key-type=generic-secret", -EINVAL);
	refuses("pkcs11:object=a?x-mechanisms=aes-gcm&x-mechanisms=aes-gcm", -EINVAL);
	refuses("pkcs11:object=a?x-mechanisms=aes-gcm&x-usage=sign&x-mechanisms=", -EINVAL);
	refuses("pkcs11:object=a?x-usage=sign%00encrypt", -EINVAL);
	reads(&metadata, "pkcs11:object=x-usage%20x-usage?x-usage=sign");
	assert_int_equal(metadata.usage, USAGE_SIGN);
	metadata_free(&metadata);
}

static void mechanisms_are_listed(void **state)
{
	static const struct {
		const char *list;
		size_t count;
		CK_MECHANISM_TYPE types[3];
	} lists[] = {
		{"aes-gcm", 1, {CKM_AES_GCM}},
		{"aes-gcm,aes-ccm", 2, {CKM_AES_GCM, CKM_AES_CCM}},
		{"sha256-hmac-general,sha256-hmac,md5",
		 3,
		 {CKM_SHA256_HMAC_GENERAL, CKM_SHA256_HMAC, CKM_MD5}},
		{"aes-cbc,aes-cbc,aes-cbc-pad", 3, {CKM_AES_CBC, CKM_AES_CBC, CKM_AES_CBC_PAD}},
		/* RFC 7512 lets any of these be written otherwise. */
		{"aes%2dgcm%2caes-ccm", 2, {CKM_AES_GCM, CKM_AES_CCM}},
		{" aes-gcm, aes-ccm ", 2, {CKM_AES_GCM, CKM_AES_CCM}},
	};
	struct metadata metadata;
	char description[128];

	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		snprintf(description, sizeof(description), "pkcs11:object=a?x-mechanisms=%s",
			 lists[i].list);
		reads(&metadata, description);
		assert_int_equal(metadata.n_mechanisms, lists[i].count);
		assert_memory_equal(metadata.mechanisms, lists[i].types,
				    lists[i].count * sizeof(*metadata.mechanisms));
		assert_int_equal(metadata.usage, USAGE_ALL);
		metadata_free(&metadata);
	}
	/* None at all is a restriction like another, and not the lack of one. */
	reads(&metadata, "pkcs11:object=a?x-mechanisms=");
	assert_non_null(metadata.mechanisms);
	assert_int_equal(metadata.n_mechanisms, 0);
	metadata_free(&metadata);
	reads(&metadata, "pkcs11:object=a");
	assert_null(metadata.mechanisms);
	metadata_free(&metadata);
}

/* A row's name: CKM_SHA_1_HMAC is "sha-1-hmac". Legacy families too, offered or not. */
static void every_mechanism_has_a_name(void **state)
{
	struct metadata metadata;
	char description[16384] = "pkcs11:object=a?x-mechanisms=", *end = strchr(description, '\0');

	for (size_t i = 0; i < n_mechanisms; i++) {
		if (i)
			*end++ = ',';
		for (const char *c = mechanisms[i].name + strlen("CKM_"); *c; c++)
			*end++ = *c == '_' ? '-' : (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
	}
	reads(&metadata, description);
	assert_int_equal(metadata.n_mechanisms, n_mechanisms);
	for (size_t i = 0; i < n_mechanisms; i++)
		assert_int_equal(metadata.mechanisms[i], mechanisms[i].type);
	metadata_free(&metadata);
}

/* A restriction that is not understood must not be read as none, nor as a part of itself. */
static void unknown_mechanisms_are_refused(void **state)
{
	static const char *const unknown[] = {
		"AES-GCM",          "aes_gcm",         "ckm-aes-gcm",      "CKM_AES_GCM", "aes-gc",
		"aes-gcmm",         "aes-gcm;aes-ccm", "aes-gcm|aes-ccm",  "rsa-pkcs",    "all",
		"aes-gcm,,aes-ccm", ",aes-gcm",        "aes-gcm,rsa-pkcs", "0x1087",      "*",
		"aes-gcm%0a",
	};
	char description[128];

	for (size_t i = 0; i < sizeof(unknown) / sizeof(*unknown); i++) {
		snprintf(description, sizeof(description), "pkcs11:object=a?x-mechanisms=%s",
			 unknown[i]);
		refuses(description, -EINVAL);
		assert_non_null(strstr(why, "x-mechanisms"));
	}
	/* What was read of a key that is refused for another reason is given back. */
	refuses("pkcs11:object=%ff?x-mechanisms=aes-gcm", -EINVAL);
}

static void only_secret_keys_are_taken(void **state)
{
	struct metadata metadata;

	reads(&metadata, "pkcs11:object=a;type=secret-key?x-key-type=aes&x-usage=sign");
	assert_int_equal(metadata.key_type, CKK_AES);
	assert_int_equal(metadata.usage, USAGE_SIGN);
	metadata_free(&metadata);
	refuses("pkcs11:object=a;type=cert", -EINVAL);
	refuses("pkcs11:object=a;type=private", -EINVAL);
	refuses("pkcs11:object=a;type=public", -EINVAL);
	refuses("pkcs11:object=a;type=data", -EINVAL);
}

/* What others may have put into a URI does not make it a bad one. */
static void foreign_attributes_are_left_alone(void **state)
{
	struct metadata metadata;

	reads(&metadata, "pkcs11:token=kernel-user;model=x;object=a;slot-id=3?pin-value=1234");
	check(&metadata, "a", NULL, 0);
	reads(&metadata, "pkcs11:object=a?x-uid=123&x-other=y");
	check(&metadata, "a", NULL, 0);
}

/* CKA_LABEL is an RFC 2279 string (PKCS#11 3.0, section 4.5 and table 6): clients print it, and
 * some refuse or crash on what is not UTF-8. */
static void a_label_is_utf8_without_zero_bytes(void **state)
{
	static const char *const bad[] = {
		"pkcs11:object=%ff",          "pkcs11:object=a%c3",      "pkcs11:object=%80",
		"pkcs11:object=%c0%80",       "pkcs11:object=%ed%a0%80", "pkcs11:object=a%00b",
		"pkcs11:object=%f5%80%80%80",
	};
	struct metadata metadata;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (read_it(&metadata, bad[i]) == -EINVAL)
			continue;
		metadata_free(&metadata);
		fail_msg("taken: %s", bad[i]);
	}
}

static void a_very_long_description_is_read(void **state)
{
	enum { LENGTH = 4095 };
	char *description = malloc(LENGTH + 1);
	const char start[] = "pkcs11:object=";
	struct metadata metadata;

	memset(description, 'x', LENGTH);
	description[LENGTH] = '\0';
	memcpy(description, start, strlen(start));
	reads(&metadata, description);
	assert_int_equal(metadata.label_len, LENGTH - strlen(start));
	for (size_t i = 0; i < metadata.label_len; i++)
		assert_int_equal(metadata.label[i], 'x');
	metadata_free(&metadata);
	memset(description + strlen(start), ';', LENGTH - strlen(start));
	if (!read_it(&metadata, description))
		metadata_free(&metadata);
	memset(description + strlen(start), '%', LENGTH - strlen(start));
	refuses(description, -EINVAL);
	free(description);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(other_descriptions_are_no_uris),
		cmocka_unit_test(the_path_names_the_object),
		cmocka_unit_test(escapes_are_undone),
		cmocka_unit_test(without_an_id_one_is_made_that_stays),
		cmocka_unit_test(key_types_have_names),
		cmocka_unit_test(usages_are_read_or_refused),
		cmocka_unit_test(a_misplaced_restriction_is_not_read_as_none),
		cmocka_unit_test(a_name_that_p11_kit_refuses_costs_its_key_only),
		cmocka_unit_test(a_repeated_restriction_is_refused),
		cmocka_unit_test(mechanisms_are_listed),
		cmocka_unit_test(every_mechanism_has_a_name),
		cmocka_unit_test(unknown_mechanisms_are_refused),
		cmocka_unit_test(only_secret_keys_are_taken),
		cmocka_unit_test(foreign_attributes_are_left_alone),
		cmocka_unit_test(a_label_is_utf8_without_zero_bytes),
		cmocka_unit_test(a_very_long_description_is_read),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("metadata", tests, NULL, NULL);
}
