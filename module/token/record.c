/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/record.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mech/mechanism.h"
#include "mech/prf.h"
#include "token/metadata.h"

static const char header[] = "kcryptoki-store ", version[] = "1\n", mac_name[] = "mac 64 ";

enum { MAC_SIZE = 32, MAC_LINE = sizeof(mac_name) - 1 + 2 * MAC_SIZE + 1 };

void reason_set(struct reason *reason, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(reason->text, sizeof(reason->text), format, args);
	va_end(args);
}

static int refuse(struct reason *reason, const char *why)
{
	reason_set(reason, "%s", why);
	return -EPROTO;
}

/* The field NAME at *TEXT as a new string in *VALUE, and *TEXT behind it. */
static int read_field(const char **text, const char *end, const char *name, char **value,
		      struct reason *reason)
{
	size_t n = strlen(name), len = 0;
	const char *at = *text;

	if ((size_t)(end - at) < n + 2 || memcmp(at, name, n) != 0 || at[n] != ' ')
		return refuse(reason, "it is cut off, or damaged");
	for (at += n + 1; at < end && *at >= '0' && *at <= '9' && len < RECORD_MAX; at++)
		len = 10 * len + (size_t)(*at - '0');
	/* Blank, bytes, line end. */
	if (at == end || *at != ' ' || (size_t)(end - at) < len + 2 || at[len + 1] != '\n' ||
	    memchr(at, '\0', len + 2))
		return refuse(reason, "it is cut off, or damaged");
	*value = strndup(at + 1, len);
	if (!*value)
		return -ENOMEM;
	*text = at + len + 2;
	return 0;
}

static int read_fields(struct record *record, const char *text, const char *end,
		       struct reason *reason)
{
	char *perm = NULL;
	unsigned int bits;
	int used = 0;
	int err = read_field(&text, end, "type", &record->type, reason);

	if (!err)
		err = read_field(&text, end, "description", &record->description, reason);
	if (!err)
		err = read_field(&text, end, "permissions", &perm, reason);
	if (!err)
		err = read_field(&text, end, "changes", &record->changes, reason);
	if (!err)
		err = read_field(&text, end, "blob", &record->blob, reason);
	if (!err && (sscanf(perm, "0x%8x%n", &bits, &used) != 1 || perm[used] || text != end))
		err = refuse(reason, "it is damaged");
	if (!err)
		record->perm = bits;
	free(perm);
	if (!err && strcmp(record->type, "encrypted") != 0 && strcmp(record->type, "trusted") != 0)
		err = refuse(reason, "its key is neither encrypted nor trusted");
	return err;
}

int record_read(struct record *record, const char *text, size_t len, struct reason *reason)
{
	const size_t begins = strlen(header), number = strlen(version);
	int err;

	memset(record, 0, sizeof(*record));
	if (len < begins + number || memcmp(text, header, begins) != 0)
		return refuse(reason, len ? "it is no key that kcryptoki stored" : "it is empty");
	if (memcmp(text + begins, version, number) != 0)
		return refuse(reason, "another version of kcryptoki wrote it, or it is damaged");
	if (len < begins + number + MAC_LINE || text[len - 1] != '\n' ||
	    memcmp(text + len - MAC_LINE, mac_name, strlen(mac_name)) != 0)
		return refuse(reason, "it is cut off, or damaged");
	err = read_fields(record, text + begins + number, text + len - MAC_LINE, reason);
	if (err)
		record_free(record);
	return err;
}

void record_free(struct record *record)
{
	free(record->type);
	free(record->description);
	free(record->changes);
	free(record->blob);
	memset(record, 0, sizeof(*record));
}

void record_name_of(const char *unique_id, char name[RECORD_NAME_MAX])
{
	snprintf(name, RECORD_NAME_MAX, "%s.key", unique_id);
}

int record_name(const struct record *record, char name[RECORD_NAME_MAX])
{
	struct metadata metadata;
	const char *why;
	int err = metadata_read(&metadata, record->type, record->description, &why);

	/* Of one that is no pkcs11: URI it has defaults, and this. */
	if (err && err != -ENOMSG)
		return err;
	record_name_of(metadata.unique_id, name);
	metadata_free(&metadata);
	return 0;
}

bool record_master(const struct record *record, char master[MASTER_MAX])
{
	char format[16];

	_Static_assert(MASTER_MAX == 256, "the width below");
	return !strcmp(record->type, "encrypted") &&
	       sscanf(record->blob, "%15s %255s", format, master) == 2 && strchr(master, ':');
}

/* HMAC-SHA256 under GUARD, which stays where it is. */
static int compute(const struct key *guard, const char *text, size_t len, uint8_t mac[MAC_SIZE],
		   struct reason *reason)
{
	const struct iovec input = {.iov_base = (void *)text, .iov_len = len};
	struct prf prf;
	CK_RV rv = prf_open(&prf, mechanism_find(CKM_SHA256_HMAC), &guard->transform_key);

	if (rv == CKR_OK) {
		rv = prf_compute(&prf, &input, 1, mac);
		prf_close(&prf);
	}
	switch (rv) {
	case CKR_OK:
		return 0;
	case CKR_MECHANISM_INVALID:
		reason_set(reason, "this process cannot have hmac(sha256), with which files of the "
				   "store are checked: this kernel lacks it, or keeps it from "
				   "plain users (crypto.af_alg_restrict), and no broker gives it");
		return -EOPNOTSUPP;
	case CKR_KEY_TYPE_INCONSISTENT:
		reason_set(reason, "this kernel cannot use keys unread "
				   "(ALG_SET_KEY_BY_KEY_SERIAL, Linux 6.2)");
		return -EOPNOTSUPP;
	default:
		reason_set(reason,
			   "hmac(sha256) cannot be computed with key %d (%s %s), which guards it",
			   guard->serial, guard->source->type, guard->description);
		return -EIO;
	}
}

static void in_hex(const uint8_t mac[MAC_SIZE], char hex[2 * MAC_SIZE + 1])
{
	for (int i = 0; i < MAC_SIZE; i++)
		snprintf(hex + 2 * i, 3, "%02x", mac[i]);
}

int record_write(const struct record *record, const struct key *guard, char **text, size_t *len,
		 struct reason *reason)
{
	char hex[2 * MAC_SIZE + 1], *larger;
	uint8_t mac[MAC_SIZE];
	int n = asprintf(text,
			 "%s%stype %zu %s\ndescription %zu %s\npermissions 10 0x%08x\n"
			 "changes %zu %s\nblob %zu %s\n",
			 header, version, strlen(record->type), record->type,
			 strlen(record->description), record->description,
			 (unsigned int)record->perm, strlen(record->changes), record->changes,
			 strlen(record->blob), record->blob);
	int err = n < 0 ? -ENOMEM : compute(guard, *text, (size_t)n, mac, reason);

	larger = err ? NULL : realloc(*text, (size_t)n + MAC_LINE + 1);
	if (!err && !larger)
		err = -ENOMEM;
	if (err) {
		if (n >= 0)
			free(*text);
		return err;
	}
	in_hex(mac, hex);
	snprintf(larger + n, MAC_LINE + 1, "%s%s\n", mac_name, hex);
	*text = larger;
	*len = (size_t)n + MAC_LINE;
	return 0;
}

int record_check(const char *text, size_t len, const struct key *guard, struct reason *reason)
{
	char hex[2 * MAC_SIZE + 1];
	uint8_t mac[MAC_SIZE];
	int err = compute(guard, text, len - MAC_LINE, mac, reason);

	if (err)
		return err;
	in_hex(mac, hex);
	if (!memcmp(hex, text + len - 1 - strlen(hex), strlen(hex)))
		return 0;
	reason_set(reason, "it was changed, or %s %s is another key than when it was written",
		   guard->source->type, guard->description);
	return -EKEYREJECTED;
}

int record_same_key(const struct key *one, const struct key *other, struct reason *reason)
{
	static const char text[] = "kcryptoki: are these the same key?";
	uint8_t macs[2][MAC_SIZE];
	int err = compute(one, text, strlen(text), macs[0], reason);

	if (!err)
		err = compute(other, text, strlen(text), macs[1], reason);
	return err ? err : memcmp(macs[0], macs[1], MAC_SIZE) ? -EKEYREJECTED : 0;
}
