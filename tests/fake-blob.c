/* SPDX-License-Identifier: BSD-2-Clause */
/* What orders keys of types "encrypted" and "trusted" in the fake kernel, and what is read of them.
 * It seals nothing, but only the same master opens a blob again, and every character counts. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fake-inside.h"
#include "fake-kernel.h"

enum {
	CHECK = 8, /* bytes that say whether a blob was changed */
	BEGIN = FAKE_MASTER + 32
};

/* What becomes of bytes in an order for a key of type "encrypted". */
static enum fake_bytes brought_bytes;

void fake_encrypted_of(enum fake_bytes what)
{
	brought_bytes = what;
}

/* HEX, of just MADE bytes, in BYTES; or -EINVAL. */
static int read_hex(const char *hex, uint8_t *bytes, size_t made)
{
	unsigned int byte;

	if (strlen(hex) != 2 * made || strspn(hex, "0123456789abcdefABCDEF") != 2 * made)
		return -EINVAL;
	for (size_t i = 0; i < made; i++) {
		sscanf(hex + 2 * i, "%2x", &byte);
		bytes[i] = (uint8_t)byte;
	}
	return 0;
}

/* "new default user:NAME LENGTH [BYTES]" orders a key of type "encrypted", whose bytes the kernel
 * makes, unless it takes those. */
static int order(const char *text, uint64_t number, uint8_t *bytes, size_t *made,
		 char master[FAKE_MASTER])
{
	int end = 0;

	if (sscanf(text, "new default %255s %zu%n", master, made, &end) != 2 || *made < 20 ||
	    *made > FAKE_PAYLOAD)
		fake_die("an encrypted key is ordered by \"%s\"", text);
	if (text[end] && brought_bytes == FAKE_BYTES_REFUSED)
		return -EINVAL;
	if (text[end] && brought_bytes == FAKE_BYTES_TAKEN)
		return read_hex(text + end + 1, bytes, *made);
	fake_spread(number, bytes, *made);
	return 0;
}

/* SEALED is LEN bytes and what tells whether they, or BEGIN, were changed. */
static void seal_bytes(uint64_t seal, const char *begin, const uint8_t *bytes, size_t len,
		       uint8_t *sealed)
{
	fake_spread(seal, sealed, len);
	for (size_t i = 0; i < len; i++)
		sealed[i] ^= bytes[i];
	fake_spread(fake_sum(fake_sum(seal + 1, begin, strlen(begin)), sealed, len), sealed + len,
		    CHECK);
}

/* What a blob says before its digits, which end it. */
static void begin_blob(char begin[BEGIN], const char *master, size_t len)
{
	if (master)
		snprintf(begin, BEGIN, "default %s %zu ", master, len);
	else
		*begin = '\0';
}

/* Text that seal_bytes() is told of, and HEX, as bytes; or -errno. */
static int unseal(const char *master, const char *hex, uint8_t *bytes, size_t len)
{
	uint8_t sealed[FAKE_PAYLOAD + CHECK], again[FAKE_PAYLOAD + CHECK];
	char begin[BEGIN];
	uint64_t seal;
	int err = fake_seal_of(master, &seal);

	if (!err)
		err = read_hex(hex, sealed, len + CHECK);
	if (err)
		return err;
	fake_spread(seal, bytes, len);
	for (size_t i = 0; i < len; i++)
		bytes[i] ^= sealed[i];
	begin_blob(begin, master, len);
	seal_bytes(seal, begin, bytes, len, again);
	return memcmp(again, sealed, len + CHECK) ? -EINVAL : 0;
}

/* "load BLOB" makes the key again whose blob that is. */
static int load(const char *type, const char *text, uint8_t *bytes, size_t *made,
		char master[FAKE_MASTER])
{
	const char *blob = text + strlen("load ");
	int end = 0;

	if (!strcmp(type, "trusted")) {
		*made = strlen(blob) / 2 - CHECK;
		return strlen(blob) < 2 * CHECK + 2 || *made > FAKE_PAYLOAD
			       ? -EINVAL
			       : unseal(NULL, blob, bytes, *made);
	}
	if (sscanf(blob, "default %255s %zu %n", master, made, &end) != 2 || !end || *made < 20 ||
	    *made > FAKE_PAYLOAD)
		return -EINVAL;
	return unseal(master, blob + end, bytes, *made);
}

/* What an order or a blob becomes: security/keys/encrypted-keys/encrypted.c. */
int fake_follow(const char *type, const void *payload, size_t len, uint64_t number, uint8_t *bytes,
		size_t *made, char master[FAKE_MASTER])
{
	char text[FAKE_BLOB + 16];

	if (len >= sizeof(text))
		return -EINVAL;
	snprintf(text, sizeof(text), "%.*s", (int)len, (const char *)payload);
	if (!strncmp(text, "load ", 5))
		return load(type, text, bytes, made, master);
	if (!strcmp(type, "trusted"))
		fake_die("a trusted key is ordered by \"%s\"", text);
	return order(text, number, bytes, made, master);
}

void fake_blob(const char *master, uint64_t seal, const uint8_t *bytes, size_t len,
	       char text[FAKE_BLOB])
{
	uint8_t sealed[FAKE_PAYLOAD + CHECK];

	if (len > FAKE_PAYLOAD)
		fake_die("a sealed key of %zu bytes", len);
	begin_blob(text, master, len);
	seal_bytes(seal, text, bytes, len, sealed);
	text += strlen(text);
	for (size_t i = 0; i < len + CHECK; i++, text += 2)
		snprintf(text, 3, "%02x", sealed[i]);
}
