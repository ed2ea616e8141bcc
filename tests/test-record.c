/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys as files: what is written is read, and nothing else is. */
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
#include "key/serials.h"
#include "token/metadata.h"
#include "token/record.h"

static const uint8_t bytes[32] = "a master key of thirty-two bytes";
static struct key *guard, *other;
static struct reason reason;

/* A blob of 20 bytes, whose digits count for nothing here. */
#define BLOB "default user:kmk 32 00112233445566778899aabbccddeeff00112233"

static struct key *add(const char *type, const char *description, const void *payload, size_t len)
{
	int32_t serial =
		fake_key_add(FAKE_USER_KEYRING, type, description, payload, len, FAKE_PERM);
	struct key *key;

	assert_int_equal(key_open(FAKE_USER_KEYRING, serial, &key), 0);
	return key;
}

static int setup(void **state)
{
	fake_reset();
	serials_forget();
	guard = add("user", "kmk", bytes, 32);
	other = add("user", "other", bytes, 31);
	reason = (struct reason){""};
	return 0;
}

static int teardown(void **state)
{
	key_free(guard);
	key_free(other);
	return 0;
}

static struct record record_of(const char *type, const char *description, const char *changes,
			       const char *blob)
{
	return (struct record){.type = (char *)type,
			       .description = (char *)description,
			       .perm = 0x1b010000,
			       .changes = (char *)changes,
			       .blob = (char *)blob};
}

static struct record usual(void)
{
	return record_of("encrypted", "pkcs11:object=a%20b;id=%01?x-key-type=aes&x-uid=00ff",
			 "pkcs11:object=c?x-usage=encrypt", BLOB);
}

static char *write_it(const struct record *record, const struct key *key, size_t *len)
{
	char *text;

	assert_int_equal(record_write(record, key, &text, len, &reason), 0);
	return text;
}

/* LEN bytes of BODY with the MAC that guard makes, as record_write() would end them. */
static char *sign(const char *body, size_t len, size_t *size)
{
	uint8_t mac[32];
	char *text = malloc(len + 128);

	assert_non_null(text);
	memcpy(text, body, len);
	fake_hash("hmac(sha256)", bytes, 32, body, len, mac, sizeof(mac));
	*size = len + (size_t)sprintf(text + len, "mac 64 ");
	for (size_t i = 0; i < sizeof(mac); i++)
		*size += (size_t)sprintf(text + *size, "%02x", mac[i]);
	*size += (size_t)sprintf(text + *size, "\n");
	return text;
}

/* 0 where TEXT is read and its MAC is right. It is looked at in memory of just its size. */
static int check(const char *text, size_t len)
{
	struct record record;
	char *copy = malloc(len + 1);
	int err;

	assert_non_null(copy);
	memcpy(copy, text, len);
	copy[len] = '\0';
	reason = (struct reason){""};
	err = record_read(&record, copy, len, &reason);
	if (!err) {
		err = record_check(copy, len, guard, &reason);
		record_free(&record);
	}
	free(copy);
	if (err && (err != -EPROTO || !*reason.text) && err != -EKEYREJECTED)
		fail_msg("error %d: %s", err, reason.text);
	return err;
}

static void the_text_is_as_it_is_documented(void **state)
{
	static const char body[] = "kcryptoki-store 1\n"
				   "type 9 encrypted\n"
				   "description 52 pkcs11:object=a%20b;id=%01?x-key-type=aes&x-uid="
				   "00ff\n"
				   "permissions 10 0x1b010000\n"
				   "changes 31 pkcs11:object=c?x-usage=encrypt\n"
				   "blob 60 " BLOB "\n";
	struct record record = usual();
	size_t len, size;
	char *text = write_it(&record, guard, &len), *expected = sign(body, strlen(body), &size);

	assert_string_equal(text, expected);
	assert_int_equal(len, size);
	assert_int_equal(check(text, len), 0);
	free(text);
	free(expected);
}

static void what_is_written_is_read(void **state)
{
	static char longest[4096], blob[16000];
	const struct record records[] = {
		usual(),
		record_of("trusted", "kmk", "", "00ff"),
		record_of("encrypted", "two\nlines\n", "", BLOB),
		record_of("encrypted", "\n", "\n\n", "\n"),
		record_of("encrypted", " blanks  \t", " ", " "),
		record_of("encrypted", "100 % \xff\x01 \\ \"", "%s%n%%", "%d"),
		record_of("encrypted", "mac 64 0", "changes 3 abc\n", "blob 1 x\nmac 64 "),
		record_of("encrypted", longest, longest, blob),
		record_of("encrypted", "x", "", ""),
	};

	memset(longest, 'l', sizeof(longest) - 1);
	memset(blob, 'b', sizeof(blob) - 1);
	for (size_t i = 0; i < sizeof(records) / sizeof(*records); i++) {
		struct record wanted = records[i], got;
		size_t len;
		char *text;

		wanted.perm = (uint32_t)i * 0x1f1f1f1f;
		text = write_it(&wanted, guard, &len);
		assert_int_equal(strlen(text), len);
		assert_int_equal(record_read(&got, text, len, &reason), 0);
		assert_int_equal(record_check(text, len, guard, &reason), 0);
		assert_string_equal(got.type, wanted.type);
		assert_string_equal(got.description, wanted.description);
		assert_int_equal(got.perm, wanted.perm);
		assert_string_equal(got.changes, wanted.changes);
		assert_string_equal(got.blob, wanted.blob);
		record_free(&got);
		free(text);
	}
}

/* Of each byte every bit, and what has a meaning in this format. */
static void no_byte_can_be_changed(void **state)
{
	static const char values[] = {0, '\n', ' ', '0', '9', 'a', 'A', '-', '%', '\xff', '\t'};
	struct record record = usual();
	size_t len, n = 0;
	char *text = write_it(&record, guard, &len);

	for (size_t at = 0; at < len; at++) {
		char right = text[at];

		for (size_t i = 0; i < 8 + sizeof(values); i++) {
			text[at] = i < 8 ? (char)(right ^ 1 << i) : values[i - 8];
			if (text[at] == right)
				continue;
			if (!check(text, len))
				fail_msg("byte %zu may be 0x%02x", at, (unsigned char)text[at]);
			n++;
		}
		text[at] = right;
	}
	assert_true(n > 10 * len);
	assert_int_equal(check(text, len), 0);
	free(text);
}

static void nothing_can_be_cut_off_or_added(void **state)
{
	static const char added[] = {0, '\n', ' ', '0', 'x'};
	struct record record = usual();
	size_t len;
	char *text = write_it(&record, guard, &len), *changed = malloc(2 * len + 2);

	assert_non_null(changed);
	for (size_t at = 0; at < len; at++) {
		/* The end, the beginning, one byte, one byte more, the next two exchanged. */
		assert_int_not_equal(check(text, at), 0);
		assert_int_not_equal(check(text + at + 1, len - at - 1), 0);
		memcpy(changed, text, at);
		memcpy(changed + at, text + at + 1, len - at - 1);
		assert_int_not_equal(check(changed, len - 1), 0);
		for (size_t i = 0; i < sizeof(added); i++) {
			changed[at] = added[i];
			memcpy(changed + at + 1, text + at, len - at);
			assert_int_not_equal(check(changed, len + 1), 0);
		}
		memcpy(changed, text, len);
		if (at + 1 < len && text[at] != text[at + 1]) {
			changed[at] = text[at + 1];
			changed[at + 1] = text[at];
			assert_int_not_equal(check(changed, len), 0);
		}
	}
	memcpy(changed, text, len);
	for (size_t i = 0; i < sizeof(added); i++) {
		changed[len] = added[i];
		assert_int_not_equal(check(changed, len + 1), 0);
	}
	memcpy(changed + len, text, len);
	assert_int_not_equal(check(changed, 2 * len), 0);
	free(changed);
	free(text);
}

/* Puts INSTEAD in place of the first WHAT of the usual text before its MAC, and makes that right.
 */
static char *with(const char *what, const char *instead, size_t instead_len, size_t *len)
{
	struct record record = usual();
	char *text = write_it(&record, guard, len), *body, *result;
	size_t before = 0, n = strlen(what), size = *len - 72;

	while (memcmp(text + before, what, n) != 0)
		if (++before + n > size)
			fail_msg("there is no %s", what);
	body = malloc(size + instead_len);
	assert_non_null(body);
	memcpy(body, text, before);
	memcpy(body + before, instead, instead_len);
	memcpy(body + before + instead_len, text + before + n, size - before - n);
	result = sign(body, size - n + instead_len, len);
	free(body);
	free(text);
	return result;
}

static void refused(const char *what, const char *instead, size_t instead_len, const char *why)
{
	size_t len;
	char *text = with(what, instead, instead_len, &len);

	if (check(text, len) != -EPROTO || !strstr(reason.text, why))
		fail_msg("%s as %s: %s", what, instead, reason.text);
	free(text);
}

/* Who has the master can sign anything; what is no record is none for that. */
static void lengths_that_lie_are_refused(void **state)
{
	static const char *const fields[] = {"type 9", "description 52", "permissions 10",
					     "changes 31", "blob 60"};
	static const char *const lengths[] = {"",
					      "0",
					      "1",
					      "-1",
					      "-9",
					      "+9",
					      "0x9",
					      " 9",
					      "9 ",
					      "8",
					      "51",
					      "53",
					      "61",
					      "77",
					      "131071",
					      "131072",
					      "131073",
					      "2147483647",
					      "4294967295",
					      "4294967305",
					      "18446744073709551614",
					      "18446744073709551615",
					      "18446744073709551625",
					      "18446744073709551668",
					      "99999999999999999999999999999999999999999",
					      "n",
					      "9n"};

	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		int name = (int)strcspn(fields[i], " ");

		for (size_t j = 0; j < sizeof(lengths) / sizeof(*lengths); j++) {
			char instead[128];

			snprintf(instead, sizeof(instead), "%.*s %s", name, fields[i], lengths[j]);
			if (strcmp(instead, fields[i]) != 0)
				refused(fields[i], instead, strlen(instead), "damaged");
		}
	}
}

static void fields_are_all_there_in_their_order(void **state)
{
	static const char *const names[] = {"type", "description", "permissions", "changes",
					    "blob"};
	static const char *const more[] = {"\nblob 1 x\nblob ", "\nmore 1 x\nblob "};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char begin[32], instead[48];

		snprintf(begin, sizeof(begin), "\n%s ", names[i]);
		snprintf(instead, sizeof(instead), "\n%c%s ", names[i][0] - 32, names[i] + 1);
		refused(begin, instead, strlen(instead), "damaged");
		snprintf(instead, sizeof(instead), " %s ", names[i]);
		refused(begin, instead, strlen(instead), "damaged");
		snprintf(instead, sizeof(instead), "\n%ss ", names[i]);
		refused(begin, instead, strlen(instead), "damaged");
		snprintf(instead, sizeof(instead), "\n%s\t", names[i]);
		refused(begin, instead, strlen(instead), "damaged");
		snprintf(instead, sizeof(instead), "\nunknown 1 x\n%s ", names[i]);
		refused(begin, instead, strlen(instead), "damaged");
	}
	refused("\ntype 9 encrypted", "", 0, "damaged");
	refused("blob 60 " BLOB "\n", "", 0, "damaged");
	for (size_t i = 0; i < sizeof(more) / sizeof(*more); i++)
		refused("\nblob ", more[i], strlen(more[i]), "damaged");
	/* No string has a zero byte, though all of this has the length that it says. */
	refused("pkcs11:object=a", "pkcs11:\0bject=a", 15, "damaged");
	refused("encrypted", "encrypte\0", 9, "damaged");
	refused("pkcs11:object=c", "\0kcs11:object=c", 15, "damaged");
	refused("0011223344",
		"001122\0"
		"344",
		10, "damaged");
}

static void what_it_says_must_have_a_meaning(void **state)
{
	static const char *const permissions[] = {"0x1b01000g", "0X1b010000", "1x1b010000",
						  "0x1b01000 ", "1234567890", "          "};
	static const char *const types[] = {"type 5 logon", "type 4 user", "type 0 ",
					    "type 7 keyring", "type 9 Encrypted"};

	for (size_t i = 0; i < sizeof(permissions) / sizeof(*permissions); i++)
		refused("0x1b010000", permissions[i], 10, "damaged");
	refused("permissions 10 0x1b010000", "permissions 0 ", 14, "damaged");
	refused("permissions 10 0x1b010000", "permissions 11 0x1b0100000", 26, "damaged");
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		refused("type 9 encrypted", types[i], strlen(types[i]),
			"neither encrypted nor trusted");
}

static void another_version_is_named(void **state)
{
	static const char *const versions[] = {"2", "0", "10", "1 ", "1.1", "", " 1", "11"};

	for (size_t i = 0; i < sizeof(versions) / sizeof(*versions); i++) {
		char instead[32];

		snprintf(instead, sizeof(instead), "store %s\n", versions[i]);
		refused("store 1\n", instead, strlen(instead), "another version");
	}
	refused("kcryptoki-store 1", "kcryptoki-Store 1", 17, "no key that kcryptoki stored");
	assert_int_equal(check("", 0), -EPROTO);
	assert_string_equal(reason.text, "it is empty");
	assert_int_equal(check("#!/bin/sh\n", 10), -EPROTO);
	assert_non_null(strstr(reason.text, "no key that kcryptoki stored"));
}

static void only_what_guards_it_vouches_for_it(void **state)
{
	struct record record = usual();
	size_t len;
	char *text = write_it(&record, other, &len);

	assert_int_equal(record_check(text, len, other, &reason), 0);
	assert_int_equal(record_check(text, len, guard, &reason), -EKEYREJECTED);
	assert_non_null(strstr(reason.text, "user kmk is another key"));
	free(text);
	assert_int_equal(record_same_key(guard, guard, &reason), 0);
	assert_int_equal(record_same_key(guard, other, &reason), -EKEYREJECTED);
}

static void where_it_cannot_be_checked_it_is_said_why(void **state)
{
	static const char *const words[] = {"crypto.af_alg_restrict", "Linux 6.2", "(trusted kmk)"};
	struct key *trusted = add("trusted", "kmk", bytes, 32);
	struct record record = usual();
	char *text = NULL, *none = NULL;
	size_t len;

	text = write_it(&record, trusted, &len);
	for (int i = 0; i < 3; i++) {
		int expected = i == 2 ? -EIO : -EOPNOTSUPP;

		fake_alg_hide("hmac(sha256)", i == 0);
		fake_serials(i != 1);
		serials_forget();
		/* Sockets that are kept need none of it. */
		transform_purge(trusted->transform_key.id);
		transform_purge(guard->transform_key.id);
		if (i == 2)
			fake_key_unlink(trusted->serial);
		reason = (struct reason){""};
		assert_int_equal(record_check(text, len, trusted, &reason), expected);
		if (!strstr(reason.text, words[i]))
			fail_msg("%s: %s", words[i], reason.text);
		reason = (struct reason){""};
		assert_int_equal(record_write(&record, trusted, &none, &len, &reason), expected);
		assert_non_null(strstr(reason.text, words[i]));
		assert_int_equal(record_same_key(guard, trusted, &reason), expected);
	}
	key_free(trusted);
	free(text);
}

static void a_file_is_named_by_its_key(void **state)
{
	static const struct {
		const char *type, *description;
	} keys[] = {{"encrypted", "pkcs11:object=a?x-uid=00ff"},
		    {"trusted", "pkcs11:object=a?x-uid=00ff"},
		    {"encrypted", "pkcs11:object=b?x-uid=00ff"},
		    {"trusted", "kmk"}};
	char names[4][RECORD_NAME_MAX], wanted[RECORD_NAME_MAX];

	for (size_t i = 0; i < 4; i++) {
		struct record record = record_of(keys[i].type, keys[i].description, "", "");
		struct metadata metadata;
		const char *why;
		int err = metadata_read(&metadata, keys[i].type, keys[i].description, &why);

		assert_true(err == 0 || err == -ENOMSG);
		assert_int_equal(record_name(&record, names[i]), 0);
		snprintf(wanted, sizeof(wanted), "%s.key", metadata.unique_id);
		assert_string_equal(names[i], wanted);
		assert_int_equal(strlen(wanted), 20);
		record_name_of(metadata.unique_id, wanted);
		assert_string_equal(names[i], wanted);
		metadata_free(&metadata);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(names[i], names[j]);
	}
	assert_int_equal(record_name(&(struct record){.type = (char[]){"encrypted"},
						      .description = (char[]){"pkcs11:object=%zz"}},
				     wanted),
			 -EINVAL);
}

static void a_blob_names_its_master(void **state)
{
	static const struct {
		const char *type, *blob, *master;
	} blobs[] = {
		{"encrypted", BLOB, "user:kmk"},
		{"encrypted", "ecryptfs trusted:a:b 64 00", "trusted:a:b"},
		{"encrypted", "default user: 32 00", "user:"},
		{"encrypted", "default kmk 32 00", NULL},
		{"encrypted", "default", NULL},
		{"encrypted", "", NULL},
		{"trusted", "0011", NULL},
		{"trusted", BLOB, NULL},
	};
	char blob[400] = "default user:", longest[MASTER_MAX + 1];
	struct record record;

	for (size_t i = 0; i < sizeof(blobs) / sizeof(*blobs); i++) {
		char master[MASTER_MAX] = "none";

		record = record_of(blobs[i].type, "x", "", blobs[i].blob);
		assert_int_equal(record_master(&record, master), blobs[i].master != NULL);
		if (blobs[i].master)
			assert_string_equal(master, blobs[i].master);
	}
	/* One that is too long is another name, which nobody has. */
	memset(blob + strlen(blob), 'k', 300);
	memset(longest, 'x', sizeof(longest));
	record = record_of("encrypted", "x", "", blob);
	assert_true(record_master(&record, longest));
	assert_int_equal(strlen(longest), MASTER_MAX - 1);
	assert_int_equal(longest[MASTER_MAX], 'x');
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_text_is_as_it_is_documented),
		TEST(what_is_written_is_read),
		TEST(no_byte_can_be_changed),
		TEST(nothing_can_be_cut_off_or_added),
		TEST(lengths_that_lie_are_refused),
		TEST(fields_are_all_there_in_their_order),
		TEST(what_it_says_must_have_a_meaning),
		TEST(another_version_is_named),
		TEST(only_what_guards_it_vouches_for_it),
		TEST(where_it_cannot_be_checked_it_is_said_why),
		TEST(a_file_is_named_by_its_key),
		TEST(a_blob_names_its_master),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
