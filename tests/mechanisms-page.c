/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prints doc/mechanisms.md, from the mechanism table and the records of kernels in doc/seen:
 *
 *	mechanisms-page DOC-SEEN
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "families.h"
#include "kcryptoki.h"
#include "mech/engine.h"
#include "mech/mechanism.h"
#include "token/metadata.h"

#define ROWS_MAX 256

/* The records, each a column: tests/seen makes them. */
static const struct {
	const char *name, *heading, *meaning;
} records[] = {
	{"6.1", "6.1", "Debian 12's Linux 6.1"},
	{"6.12", "6.12", "Debian's Linux 6.12"},
	{"7.3", "7.3",
	 "Debian's Linux 7.3 with `crypto.af_alg_restrict=0`, as all kernels were before"},
	{"7.3-restricted-root", "7.3 r",
	 "the same as it comes, with `crypto.af_alg_restrict=1`, for root, and whoever has "
	 "CAP_NET_ADMIN or CAP_SYS_ADMIN"},
	{"7.3-restricted", "7.3 p", "likewise, for a plain user"},
	{"full", "full",
	 "a Linux 6.12 of one's own with all that its configuration has to offer "
	 "(`tests/kernel/full.config`)"},
};

enum { RECORDS = sizeof(records) / sizeof(*records) };

static bool seen[RECORDS][ROWS_MAX];

/* The key types by the words of x-key-type; metadata.c is asked whether they are right. */
static const struct {
	CK_KEY_TYPE type;
	const char *word;
} key_types[] = {
	{CKK_AES, "aes"},
	{CKK_AES_XTS, "aes-xts"},
	{CKK_GENERIC_SECRET, "generic-secret"},
	{CKK_MD5_HMAC, "md5-hmac"},
	{CKK_SHA_1_HMAC, "sha-1-hmac"},
	{CKK_SHA224_HMAC, "sha224-hmac"},
	{CKK_SHA256_HMAC, "sha256-hmac"},
	{CKK_SHA384_HMAC, "sha384-hmac"},
	{CKK_SHA512_HMAC, "sha512-hmac"},
	{CKK_SHA3_224_HMAC, "sha3-224-hmac"},
	{CKK_SHA3_256_HMAC, "sha3-256-hmac"},
	{CKK_SHA3_384_HMAC, "sha3-384-hmac"},
	{CKK_SHA3_512_HMAC, "sha3-512-hmac"},
	{CKK_RIPEMD160_HMAC, "ripemd160-hmac"},
	{CKK_HKDF, "hkdf"},
	{CKK_CHACHA20, "chacha20"},
	{CKK_DES3, "des3"},
	{CKK_CAMELLIA, "camellia"},
	{CKK_TWOFISH, "twofish"},
	{CKK_BLOWFISH, "blowfish"},
	{CKK_CAST128, "cast128"},
	{CKK_ARIA, "aria"},
	{CKK_KCRYPTOKI_ADIANTUM, "kcryptoki-adiantum"},
};

__attribute__((noreturn, format(printf, 1, 2))) static void give_up(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "mechanisms-page: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	exit(1);
}

static void check_word(CK_KEY_TYPE type, const char *word)
{
	struct metadata metadata;
	char description[128];
	const char *why = "";

	snprintf(description, sizeof(description), "pkcs11:object=x?x-key-type=%s", word);
	if (metadata_read(&metadata, "user", description, &why) != 0)
		give_up("%s: %s", description, why);
	if (!metadata.key_type_known || metadata.key_type != type)
		give_up("x-key-type=%s is not what it is called here", word);
	metadata_free(&metadata);
}

static const char *word_of(CK_KEY_TYPE type)
{
	for (size_t i = 0; i < sizeof(key_types) / sizeof(*key_types); i++) {
		if (key_types[i].type == type) {
			check_word(type, key_types[i].word);
			return key_types[i].word;
		}
	}
	give_up("key type 0x%lx has no word here", type);
}

static void read_record(const char *directory, size_t record)
{
	char path[4096], line[256], name[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, records[record].name);
	file = fopen(path, "re");
	if (!file)
		give_up("%s cannot be read; tests/seen makes it", path);
	while (fgets(line, sizeof(line), file)) {
		bool known = false;

		line[strcspn(line, "\n")] = '\0';
		for (size_t i = 0; i < n_mechanisms; i++) {
			if (!mechanisms[i].kernel_name)
				continue;
			snprintf(name, sizeof(name), "%s %s", mechanisms[i].kernel_type,
				 mechanisms[i].kernel_name);
			if (strcmp(line, name) == 0)
				seen[record][i] = known = true;
		}
		if (!known)
			give_up("%s: no row of the table has \"%s\"; tests/seen makes it anew",
				path, line);
	}
	fclose(file);
}

static bool is_digest(const struct mechanism *row)
{
	return !row->family && row->flags & CKF_DIGEST;
}

static bool is_mac(const struct mechanism *row)
{
	return !row->family && row->flags & CKF_SIGN;
}

static bool is_aead(const struct mechanism *row)
{
	return !row->family && row->decode_message;
}

static bool is_wrap(const struct mechanism *row)
{
	return row->engine == &keywrap_engine;
}

static bool is_cipher(const struct mechanism *row)
{
	return !row->family && row->flags & CKF_ENCRYPT && !is_aead(row) && !is_wrap(row);
}

static bool is_derivation(const struct mechanism *row)
{
	return !row->family && row->flags & CKF_DERIVE;
}

static bool is_generation(const struct mechanism *row)
{
	return !row->family && row->flags & CKF_GENERATE;
}

static bool is_legacy(const struct mechanism *row)
{
	return row->family != FAMILY_NONE;
}

static void print_key(const struct mechanism *row)
{
	const char *between = "";

	if (!mechanism_takes_key(row)) {
		printf(" none |");
		return;
	}
	if (row->any_key)
		printf(" any");
	else
		printf(" `%s`", word_of(row->key_types[0]));
	if (row->key_types[1] != row->key_types[0])
		printf(", `%s`", word_of(row->key_types[1]));
	printf(": ");
	if (!row->key_step && row->key_min != row->key_max) {
		printf("%lu to %lu |", row->key_min, row->key_max);
		return;
	}
	for (CK_ULONG bytes = row->key_min; bytes <= row->key_max; between = ", ") {
		printf("%s%lu", between, bytes);
		if (!row->key_step)
			break;
		bytes += row->key_step;
	}
	printf(" |");
}

static const char *family_of(const struct mechanism *row)
{
	for (size_t i = 0; i < FAMILIES; i++)
		if (families[i].family == row->family)
			return families[i].word;
	give_up("%s is of a family without a word", row->name);
}

static void print_row(size_t row)
{
	const struct mechanism *m = &mechanisms[row];

	printf("| %s |", m->name);
	if (is_generation(m)) {
		print_key(m);
		printf("\n");
		return;
	}
	if (is_legacy(m))
		printf(" %s |", family_of(m));
	if (m->kernel_name)
		printf(" `%s` |", m->kernel_name);
	else
		printf(" none |");
	if (!is_digest(m)) {
		print_key(m);
		printf(" %s |", m->parameter);
	}
	if (is_digest(m) || is_mac(m))
		printf(" %zu |", m->size);
	for (size_t i = 0; i < RECORDS; i++)
		printf(" %s |", !m->kernel_name || seen[i][row] ? "yes" : "-");
	printf("\n");
}

/* A table of the rows that are of one kind; COLUMNS are those between mechanism and kernels. What
 * needs none of these has no columns for them. */
static void print_table(const char *title, const char *text,
			bool (*belongs)(const struct mechanism *), const char *columns)
{
	size_t n = 2, n_records = belongs == is_generation ? 0 : RECORDS;

	printf("\n## %s\n\n%s\n| mechanism | %s |", title, text, columns);
	for (size_t i = 0; i < n_records; i++)
		printf(" %s |", records[i].heading);
	for (const char *c = columns; *c; c++)
		n += *c == '|';
	printf("\n|");
	for (size_t i = 0; i < n; i++)
		printf("---|");
	for (size_t i = 0; i < n_records; i++)
		printf(":-:|");
	printf("\n");
	for (size_t i = 0; i < n_mechanisms; i++)
		if (belongs(&mechanisms[i]))
			print_row(i);
}

/* clang-format off */
static const char introduction[] =
	"# Mechanisms\n"
	"\n"
	"What the module computes, and where. Each mechanism is an algorithm of the kernel; it is\n"
	"offered (C_GetMechanismList) where the kernel has that algorithm and lets the process\n"
	"have it. Nobody has to know which: `pkcs11-tool -M` asks, and KCRYPTOKI_DEBUG=1 says of\n"
	"each that is missing what it would have needed.\n"
	"\n"
	"This page is made by `make -C build/gcc doc-mechanisms`, of the table in\n"
	"`module/mech/table.c` and of the records in `doc/seen`. A test fails when it is not\n"
	"current.\n"
	"\n"
	"The columns with versions say on which kernels a mechanism was seen: that kernel was\n"
	"asked, and a test asks again. Other kernels have what they were configured with.\n"
	"\n";

static const char explanation[] =
	"\n"
	"The other columns:\n"
	"\n"
	"- kernel: the algorithm's name there, as in /proc/crypto. Whether it is computed in C,\n"
	"  by instructions of the processor or by a device is up to the kernel.\n"
	"- key: the key types that fit, in the words of `x-key-type=` in a key's description, and\n"
	"  the bytes that such a key can have.\n"
	"- parameter: what pParameter points to, by the specification's name.\n"
	"- bytes: of the digest or MAC; `_GENERAL` gives any number up to that.\n"
	"\n"
	"MACs, but for CKM_AES_GMAC, and AEADs serve the message-based functions, too\n"
	"(C_MessageSignInit, C_MessageEncryptInit).\n";

static const char digests[] =
	"None takes a key or a parameter.\n";
static const char macs[] =
	"CKM_BLAKE2B_*_HMAC are left out: the specification's text calls them HMAC and, in the\n"
	"same section, \"the keyed variant\" of BLAKE2b, which is another MAC. No published vector\n"
	"decides which one is meant.\n";
static const char ciphers[] =
	"CKM_AES_CTS is variant CS1 of NIST's addendum to SP 800-38A, as NSS and OpenSSL have it:\n"
	"the short block comes before the last one. CKM_AES_CTS, CKM_AES_XTS and those that\n"
	"`kcryptoki.h` adds take a whole message, of 16 bytes or more; in parts, nothing comes\n"
	"before the last.\n";
static const char aeads[] =
	"A message goes through the kernel in one request; in parts, nothing comes before the\n"
	"last. Nonces of GCM and ChaCha20-Poly1305 have 12 bytes, those of CCM 7 to 13. The\n"
	"message-based functions take CK_GCM_MESSAGE_PARAMS, CK_CCM_MESSAGE_PARAMS and\n"
	"CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS.\n";
static const char wraps[] =
	"C_WrapKey and C_UnwrapKey take these, CKM_AES_CBC_PAD and CKM_AES_GCM (CKF_WRAP, CKF_UNWRAP);\n"
	"C_Encrypt wraps any bytes that it is given, and C_Decrypt unwraps them. The steps of NIST\n"
	"SP 800-38F are the module's, the AES in them is the kernel's. CKM_AES_KEY_WRAP_PAD pads as\n"
	"PKCS#7 does, which is what PKCS#11 2.40 says of it; it is not RFC 5649. That one is\n"
	"CKM_AES_KEY_WRAP_KWP.\n";
static const char derivations[] =
	"What C_DeriveKey computes. The base key stays in the kernel, but for HKDF with bExtract and\n"
	"CKM_CONCATENATE_BASE_AND_DATA: they need its bytes, and work where those may be read. A salt\n"
	"that is a key (CKF_HKDF_SALT_KEY) stays in the kernel, too.\n"
	"\n"
	"HKDF takes any digest as prfHashMechanism whose HMAC is among the MACs above. The PRFs of\n"
	"SP 800-108 are CKM_SHA_1_HMAC, CKM_SHA224_HMAC to CKM_SHA512_HMAC, CKM_SHA3_224_HMAC to\n"
	"CKM_SHA3_512_HMAC, CKM_AES_CMAC and CKM_DES3_CMAC, as far as the kernel has them; the base\n"
	"key is of a type that the PRF takes. Counters have 8, 16, 24 or 32 bits. The field\n"
	"CK_SP800_108_KEY_HANDLE is refused: that key's bytes would have to be read.\n";
static const char generations[] =
	"What C_GenerateKey makes: random bytes, in a key of the type that the mechanism is named for.\n"
	"None takes a parameter or needs an algorithm of the kernel, so that they are offered\n"
	"everywhere. CKA_VALUE_LEN says how long the key is to be, where more than one length fits. Those\n"
	"of the families below are in the table there. C_GetMechanismInfo counts in bits for\n"
	"CKM_GENERIC_SECRET_KEY_GEN, and in bytes for the others.\n";
static const char legacy[] =
	"Families that nobody should choose anew. Each is offered only where the configuration\n"
	"asks, since the mere question can load a kernel module: `kcryptoki.conf` in the folder\n"
	"that configure calls sysconfdir (/etc in packages), or the file that KCRYPTOKI_CONF\n"
	"names.\n"
	"\n"
	"    [mechanisms]\n"
	"    legacy = des3 camellia\n"
	"\n"
	"`legacy = all` asks for all of them. Single DES, RC2, RC4, RC5, IDEA, SEED and what else\n"
	"is older or rarer still are left out.\n";
/* clang-format on */

int main(int argc, char **argv)
{
	if (argc != 2)
		give_up("usage: mechanisms-page DOC-SEEN");
	if (n_mechanisms > ROWS_MAX)
		give_up("the table has grown beyond %d rows", ROWS_MAX);
	for (size_t i = 0; i < RECORDS; i++)
		read_record(argv[1], i);

	fputs(introduction, stdout);
	printf("| column | which kernel was asked |\n|---|---|\n");
	for (size_t i = 0; i < RECORDS; i++)
		printf("| %s | %s |\n", records[i].heading, records[i].meaning);
	fputs(explanation, stdout);
	print_table("Digests", digests, is_digest, "kernel | bytes");
	print_table("MACs", macs, is_mac, "kernel | key | parameter | bytes");
	print_table("Ciphers", ciphers, is_cipher, "kernel | key | parameter");
	print_table("AEADs", aeads, is_aead, "kernel | key | parameter");
	print_table("Key wrap", wraps, is_wrap, "kernel | key | parameter");
	print_table("Derivation", derivations, is_derivation, "kernel | key | parameter");
	print_table("Key generation", generations, is_generation, "key");
	print_table("Legacy", legacy, is_legacy, "family | kernel | key | parameter");
	if (fflush(stdout) || ferror(stdout))
		give_up("the page cannot be written");
	return 0;
}
