/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine that is on between two power cuts, for tests/power-cut: loads the keys of a store,
 *finds out whether each is what the ledger says, and then makes, labels and destroys keys and
 *changes their master, until somebody pulls the plug.
 *
 *	power STORE LEDGER BOOT [look]     a store's folder, a file of ledger.h, and the number of
 *	                                   this boot; "look": that is all
 *
 * $KCRYPTOKI_TOOL is the path of kcryptoki(1). Ends with 0 only where it looks and all is well.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest.h"
#include "ledger.h"

enum { FEW = 20, MANY = 40, FOUND_MAX = 256 };

static const char configuration[] = "/tmp/power.conf", said[] = "/tmp/power.said";
static const char *const masters[] = {"kmk-a", "kmk-b"};
static const CK_ULONG for_group = 0x00090900; /* the kernel's View and Search, for two */

static const struct kind {
	CK_ULONG length;
	CK_BBOOL wraps;
	bool shared;
} kinds[] = {{32, CK_TRUE, false}, {24, CK_FALSE, false}, {32, CK_TRUE, true}};

enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

static const char *store;
static struct ledger ledger;
static CK_SESSION_HANDLE session;
static uint64_t chance;
static unsigned int faults;

__attribute__((format(printf, 1, 2))) static void fault(const char *format, ...)
{
	va_list args;

	faults++;
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

__attribute__((noreturn)) static void give_up(const char *what)
{
	fprintf(stderr, "power: %s: %s\n", what, *token.error ? token.error : strerror(errno));
	exit(2);
}

/* Stops where RV says that DEED failed. */
static void must(CK_RV rv, const char *deed)
{
	if (rv == CKR_OK)
		return;
	fprintf(stderr, "%s of key %u: 0x%lx\n", deed, ledger.number, rv);
	exit(1);
}

#define NOTE(...)                                       \
	do {                                            \
		if (ledger_write(&ledger, __VA_ARGS__)) \
			exit(2);                        \
	} while (0)

static unsigned int below(unsigned int limit)
{
	return (unsigned int)(guest_random(&chance) >> 16) % limit;
}

/* Of the same bytes at each boot, as an administrator would have them. */
static void add_master(unsigned int number)
{
	unsigned char bytes[32];

	guest_fill(bytes, sizeof(bytes), 1000000 + number);
	if (add_key("user", masters[number], bytes, sizeof(bytes), KEY_SPEC_USER_KEYRING) < 0)
		give_up("add_key");
}

static void configure(unsigned int master)
{
	FILE *file = fopen(configuration, "w");

	if (!file ||
	    fprintf(file, "[token %s]\nkeyring = user\nmaster = user:%s\nstore = %s\n", TOKEN_LABEL,
		    masters[master], store) < 0 ||
	    fclose(file))
		give_up(configuration);
	setenv("KCRYPTOKI_CONF", configuration, 1);
}

static void start(void)
{
	if (token_open(&token) || token.absent || token_session(&token, CKF_RW_SESSION, &session))
		give_up("the module does not start");
}

/* Runs a verb of the tool, which must do it, and have nothing to complain about. */
static void tool(const char *verb)
{
	const char *path = getenv("KCRYPTOKI_TOOL");
	char command[512], line[512];
	FILE *file;
	bool silent = true;
	int status;

	snprintf(command, sizeof(command), "'%s' %s >/dev/null 2>%s", path ? path : "kcryptoki",
		 verb, said);
	status = system(command);
	file = fopen(said, "r");
	while (file && fgets(line, sizeof(line), file)) {
		fprintf(stderr, "%s: %s", verb, line);
		silent = false;
	}
	if (file)
		fclose(file);
	if (status || !silent)
		fault("kcryptoki %s ended with %d", verb, status);
}

/* What key NUMBER makes of its text, or (BACK) of its ciphertext. */
static CK_RV cipher(unsigned int number, CK_OBJECT_HANDLE object, bool back,
		    const unsigned char *in, unsigned char out[LEDGER_CIPHER])
{
	unsigned char iv[16];
	CK_MECHANISM mechanism = {CKM_AES_CBC, iv, sizeof(iv)};
	CK_ULONG len = LEDGER_CIPHER;
	CK_RV rv;

	guest_fill(iv, sizeof(iv), 2000000 + number);
	rv = back ? token.f->C_DecryptInit(session, &mechanism, object)
		  : token.f->C_EncryptInit(session, &mechanism, object);
	if (rv != CKR_OK)
		return rv;
	return back ? token.f->C_Decrypt(session, (void *)in, LEDGER_CIPHER, out, &len)
		    : token.f->C_Encrypt(session, (void *)in, LEDGER_CIPHER, out, &len);
}

static CK_RV encrypt(unsigned int number, CK_OBJECT_HANDLE object, unsigned char out[LEDGER_CIPHER])
{
	unsigned char text[LEDGER_CIPHER];

	guest_fill(text, sizeof(text), number);
	return cipher(number, object, false, text, out);
}

static bool decrypts(unsigned int number, CK_OBJECT_HANDLE object,
		     const unsigned char in[LEDGER_CIPHER])
{
	unsigned char text[LEDGER_CIPHER], out[LEDGER_CIPHER];

	guest_fill(text, sizeof(text), number);
	return cipher(number, object, true, in, out) == CKR_OK && !memcmp(text, out, sizeof(out));
}

/* CKA_ID, big-endian. */
static void put_id(unsigned int number, unsigned char id[4])
{
	for (int i = 0; i < 4; i++)
		id[i] = (unsigned char)(number >> (24 - 8 * i));
}

/* How many objects fit, and their handles. */
static CK_ULONG find(CK_ATTRIBUTE *list, CK_ULONG count, CK_OBJECT_HANDLE *objects)
{
	CK_ULONG n = 0;

	must(token.f->C_FindObjectsInit(session, list, count), "C_FindObjectsInit");
	must(token.f->C_FindObjects(session, objects, FOUND_MAX, &n), "C_FindObjects");
	must(token.f->C_FindObjectsFinal(session), "C_FindObjectsFinal");
	return n;
}

static CK_OBJECT_HANDLE object_of(unsigned int number)
{
	CK_OBJECT_HANDLE objects[FOUND_MAX];
	unsigned char id[4];
	CK_ATTRIBUTE list[] = {{CKA_ID, id, sizeof(id)}};

	put_id(number, id);
	if (find(list, 1, objects) != 1) {
		fprintf(stderr, "key %u is not there, or not alone\n", number);
		exit(1);
	}
	return objects[0];
}

/* The one attribute, whose length is left in *LEN. */
static bool get(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, void *value, CK_ULONG *len)
{
	CK_ATTRIBUTE attribute = {type, value, *len};
	CK_RV rv = token.f->C_GetAttributeValue(session, object, &attribute, 1);

	*len = attribute.ulValueLen;
	return rv == CKR_OK;
}

static bool is(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, const void *wanted, size_t size)
{
	unsigned char value[LEDGER_LABEL_MAX];
	CK_ULONG len = sizeof(value);

	return get(object, type, value, &len) && len == size && !memcmp(value, wanted, size);
}

static bool is_labelled(CK_OBJECT_HANDLE object, unsigned int number, struct ledger_label label)
{
	char text[LEDGER_LABEL_MAX];

	ledger_label(number, label, text);
	return is(object, CKA_LABEL, text, strlen(text));
}

/* Whatever is set when a key is made, but for its label. */
static void check_attributes(unsigned int number, CK_OBJECT_HANDLE object, const struct kind *kind)
{
	static const CK_ATTRIBUTE_TYPE yes[] = {CKA_TOKEN,
						CKA_SENSITIVE,
						CKA_LOCAL,
						CKA_ENCRYPT,
						CKA_DECRYPT,
						CKA_ALWAYS_SENSITIVE,
						CKA_NEVER_EXTRACTABLE,
						CKA_KCRYPTOKI_STORED};
	CK_KEY_TYPE aes = CKK_AES;
	CK_ULONG perm = 0, size = sizeof(perm);

	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++)
		if (!is(object, yes[i], &(CK_BBOOL){CK_TRUE}, 1))
			fault("key %u: attribute 0x%lx is not true", number, yes[i]);
	if (!is(object, CKA_EXTRACTABLE, &(CK_BBOOL){CK_FALSE}, 1) ||
	    !is(object, CKA_WRAP, &kind->wraps, 1) ||
	    !is(object, CKA_KEY_TYPE, &aes, sizeof(aes)) ||
	    !is(object, CKA_VALUE_LEN, &kind->length, sizeof(kind->length)) ||
	    !is(object, CKA_KCRYPTOKI_KEYRING_TYPE, "encrypted", 9))
		fault("key %u is not of its kind", number);
	if (!get(object, CKA_KCRYPTOKI_PERMISSIONS, &perm, &size) ||
	    (perm & for_group & ~0x00010000UL) != (kind->shared ? for_group & ~0x00010000UL : 0))
		fault("key %u has permissions 0x%lx", number, perm);
}

/* Looks at OBJECT, which is key NUMBER; and where that was not certain, says what it is now. */
static void check_key(unsigned int number, CK_OBJECT_HANDLE object)
{
	struct ledger_key *key = &ledger.keys[number];
	struct ledger_label label = key->label;
	unsigned char made[LEDGER_CIPHER];
	char hex[2 * LEDGER_CIPHER + 1];
	unsigned int before = faults;
	bool certain = key->state == LEDGER_THERE && key->next.version == label.version;

	if (key->next.version != label.version && is_labelled(object, number, key->next))
		label = key->next;
	else if (!is_labelled(object, number, label))
		fault("key %u has another label than %u.%u", number, number, label.version);
	check_attributes(number, object, &kinds[key->kind % KINDS]);
	if (encrypt(number, object, made) != CKR_OK || !decrypts(number, object, made))
		fault("key %u does not work", number);
	else if (key->state != LEDGER_BEGUN && (memcmp(made, key->cipher, sizeof(made)) != 0 ||
						!decrypts(number, object, key->cipher)))
		fault("key %u is another one, which does not decrypt what it once encrypted",
		      number);
	if (faults != before || certain)
		return;
	ledger_hex(made, hex);
	NOTE("found %u %u %u %s", number, label.version, label.length, hex);
}

static void check_missing(unsigned int number)
{
	switch (ledger.keys[number].state) {
	case LEDGER_THERE:
		fault("key %u is not there", number);
		break;
	case LEDGER_BEGUN:
	case LEDGER_LEAVING:
		NOTE("missing %u", number);
		break;
	default:
		break;
	}
}

/* Whether all that the token presents is what the ledger says. */
static void look(void)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_ATTRIBUTE list[] = {{CKA_CLASS, &class, sizeof(class)}};
	CK_OBJECT_HANDLE objects[FOUND_MAX];
	CK_ULONG n = find(list, 1, objects);
	bool *seen = calloc(ledger.n + 1, sizeof(*seen));

	if (!seen)
		give_up("memory");
	for (CK_ULONG i = 0; i < n; i++) {
		unsigned char id[4] = {0};
		CK_ULONG size = sizeof(id);
		unsigned int number;

		if (!get(objects[i], CKA_ID, id, &size) || size != sizeof(id)) {
			fault("there is a key that nobody made");
			continue;
		}
		number = (unsigned int)id[0] << 24 | id[1] << 16 | id[2] << 8 | id[3];
		if (number >= ledger.n || ledger.keys[number].state == LEDGER_NONE)
			fault("there is key %u, which nobody made", number);
		else if (ledger.keys[number].state == LEDGER_GONE)
			fault("there is key %u, which was destroyed", number);
		else if (seen[number])
			fault("key %u is there twice", number);
		else
			check_key(number, objects[i]);
		if (number < ledger.n)
			seen[number] = true;
	}
	for (unsigned int number = 0; number < ledger.n; number++)
		if (!seen[number])
			check_missing(number);
	free(seen);
}

static void generate(void)
{
	CK_MECHANISM mechanism = {CKM_AES_KEY_GEN, NULL, 0};
	unsigned int number = (unsigned int)ledger.n, which = below(KINDS);
	struct ledger_label label = {0, below(3) ? 0 : below(1500)};
	const struct kind *kind = &kinds[which];
	CK_BBOOL yes = CK_TRUE;
	CK_OBJECT_HANDLE object;
	unsigned char id[4], made[LEDGER_CIPHER];
	char text[LEDGER_LABEL_MAX], hex[2 * LEDGER_CIPHER + 1];

	NOTE("generate %u %u %u", number, which, label.length);
	put_id(number, id);
	ledger_label(number, label, text);
	must(token.f->C_GenerateKey(
		     session, &mechanism,
		     (CK_ATTRIBUTE[]){
			     {CKA_TOKEN, &yes, 1},
			     {CKA_ID, id, sizeof(id)},
			     {CKA_LABEL, text, strlen(text)},
			     {CKA_VALUE_LEN, (void *)&kind->length, sizeof(kind->length)},
			     {CKA_WRAP, (void *)&kind->wraps, 1},
			     {CKA_KCRYPTOKI_PERMISSIONS, (void *)&for_group, sizeof(for_group)}},
		     kind->shared ? 6 : 5, &object),
	     "C_GenerateKey");
	must(encrypt(number, object, made), "C_Encrypt");
	ledger_hex(made, hex);
	NOTE("done %s", hex);
}

static void relabel(unsigned int number)
{
	struct ledger_label label = ledger.keys[number].label;
	CK_OBJECT_HANDLE object = object_of(number);
	char text[LEDGER_LABEL_MAX];

	label.version++;
	label.length = below(3) ? 0 : below(1500);
	ledger_label(number, label, text);
	NOTE("label %u %u %u", number, label.version, label.length);
	must(token.f->C_SetAttributeValue(session, object,
					  (CK_ATTRIBUTE[]){{CKA_LABEL, text, strlen(text)}}, 1),
	     "C_SetAttributeValue");
	NOTE("done -");
}

static void destroy(unsigned int number)
{
	CK_OBJECT_HANDLE object = object_of(number);

	NOTE("destroy %u", number);
	must(token.f->C_DestroyObject(session, object), "C_DestroyObject");
	NOTE("done -");
}

/* As an administrator does it; a module that was there before would go on with the old one. */
static void rotate(unsigned int master)
{
	NOTE("rotate %u", master);
	configure(master);
	tool("rotate-master");
	if (faults)
		exit(1);
	NOTE("done -");
	token_close(&token);
	start();
}

static unsigned int any_key(void)
{
	unsigned int number;

	do
		number = below((unsigned int)ledger.n);
	while (ledger.keys[number].state != LEDGER_THERE);
	return number;
}

__attribute__((noreturn)) static void work(void)
{
	for (;;) {
		size_t count = ledger_count(&ledger);
		unsigned int which = below(100);

		if (count < FEW || (count < MANY && which < 36))
			generate();
		else if (which < 3)
			rotate(!ledger.master);
		else if (which < 70)
			relabel(any_key());
		else
			destroy(any_key());
	}
}

int main(int argc, char **argv)
{
	unsigned int boot = argc > 3 ? (unsigned int)strtoul(argv[3], NULL, 10) : 0;
	const char *seed = getenv("KCRYPTOKI_SEED");

	if (argc < 4) {
		fputs("Usage: power STORE LEDGER BOOT [look]\n", stderr);
		return 64;
	}
	store = argv[1];
	chance = 1 + boot + (seed ? strtoull(seed, NULL, 10) << 20 : 0);
	for (int i = 0; i < 8; i++)
		guest_random(&chance);
	if (ledger_open(&ledger, argv[2]))
		return 2;
	/* The other master may be gone for good once nothing is under it any more. */
	if (ledger.master != ledger.next || below(2))
		add_master(!ledger.master);
	add_master(ledger.master);
	configure(ledger.next);
	if (!access(store, F_OK))
		tool("load");
	start();
	look();
	if (faults)
		return 1;
	NOTE("verified %u %zu", boot, ledger_count(&ledger));
	if (argc > 4)
		return 0;
	add_master(!ledger.master);
	if (ledger.master != ledger.next)
		rotate(ledger.next);
	work();
}
