/* SPDX-License-Identifier: BSD-2-Clause */
/* Files of a store: what is read can be written, and is then read as the same. */
#include <errno.h>

#include "fake-kernel.h"
#include "input.h"
#include "key/key.h"
#include "token/record.h"

/* What guards the files, as in every kernel of this target. */
static struct key *guard(void)
{
	static struct key *key;

	if (!key) {
		int32_t serial;

		fake_reset();
		serial = fake_key_add(FAKE_USER_KEYRING, "user", "kmk", "0123456789abcdef", 16,
				      FAKE_PERM);
		MUST(key_open(FAKE_USER_KEYRING, serial, &key) == 0);
	}
	return key;
}

static void compare(const struct record *one, const struct record *other)
{
	MUST(strcmp(one->type, other->type) == 0);
	MUST(strcmp(one->description, other->description) == 0);
	MUST(one->perm == other->perm);
	MUST(strcmp(one->changes, other->changes) == 0);
	MUST(strcmp(one->blob, other->blob) == 0);
}

/* What TEXT said, whose MAC need not be right. */
static void write_again(const struct record *record, const char *text, size_t len)
{
	struct reason reason = {""};
	struct record again;
	char *written;
	size_t size;
	int err = record_check(text, len, guard(), &reason);

	MUST(record_write(record, guard(), &written, &size, &reason) == 0);
	MUST(record_read(&again, written, size, &reason) == 0);
	MUST(record_check(written, size, guard(), &reason) == 0);
	compare(record, &again);
	MUST(!err || err == -EKEYREJECTED);
	record_free(&again);
	free(written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	struct reason reason = {""};
	struct record record;
	char *text = input_text(&input), name[RECORD_NAME_MAX], master[MASTER_MAX];
	int err = record_read(&record, text, size, &reason);

	MUST(!err || (err == -EPROTO && *reason.text));
	if (!err) {
		write_again(&record, text, size);
		err = record_name(&record, name);
		MUST(err == -EINVAL || (!err && strlen(name) == 20));
		MUST(!record_master(&record, master) || strchr(master, ':'));
		record_free(&record);
	}
	free(text);
	return 0;
}
