/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine that is on between two power cuts, for tests/power-cut: loads the keys of a store,
 * finds out whether each is what the ledger says, and then makes, labels and destroys keys and
 * changes their master, until somebody pulls the plug.
 *
 *	power STORE LEDGER BOOT [look]     a store's folder, a file of ledger.h, and the number of
 *	                                   this boot; "look": that is all
 *
 * $KCRYPTOKI_TOOL is the path of kcryptoki(1). Ends with 0 only where it looks and all is well.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest.h"
#include "inspection.h"

enum { FEW = 20, MANY = 40, LONGEST = 1024 /* bytes of a label */ };

static const char configuration[] = "/tmp/power.conf", said[] = "/tmp/power.said";
static const char *const masters[] = {"kmk-a", "kmk-b"};
static const char *store;
static uint64_t chance;

__attribute__((noreturn)) static void give_up(const char *what)
{
	fprintf(stderr, "power: %s: %s\n", what, *token.error ? token.error : strerror(errno));
	exit(2);
}

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
	if (token_open(&token) || token.absent ||
	    token_session(&token, CKF_RW_SESSION, &inspection_session))
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
		inspection_fault("kcryptoki %s ended with %d", verb, status);
}

static void generate(void)
{
	CK_MECHANISM mechanism = {CKM_AES_KEY_GEN, NULL, 0};
	unsigned int number = (unsigned int)inspected.n, which = below(INSPECTION_KINDS);
	struct ledger_label label = {0, below(3) ? 0 : below(LONGEST)};
	const struct inspection_kind *kind = &inspection_kinds[which];
	CK_BBOOL yes = CK_TRUE;
	CK_OBJECT_HANDLE object;
	unsigned char id[4], made[LEDGER_CIPHER];
	char text[LEDGER_LABEL_MAX], hex[2 * LEDGER_CIPHER + 1];

	ledger_write(&inspected, "generate %u %u %u", number, which, label.length);
	inspection_id(number, id);
	ledger_label(number, label, text);
	inspection_must(
		token.f->C_GenerateKey(
			inspection_session, &mechanism,
			(CK_ATTRIBUTE[]){
				{CKA_TOKEN, &yes, 1},
				{CKA_ID, id, sizeof(id)},
				{CKA_LABEL, text, strlen(text)},
				{CKA_VALUE_LEN, (void *)&kind->length, sizeof(kind->length)},
				{CKA_WRAP, (void *)&kind->wraps, 1},
				{CKA_KCRYPTOKI_PERMISSIONS, (void *)&inspection_shared,
				 sizeof(inspection_shared)}},
			kind->shared ? 6 : 5, &object),
		"C_GenerateKey");
	inspection_must(inspection_encrypt(number, object, made), "C_Encrypt");
	ledger_hex(made, hex);
	ledger_write(&inspected, "done %s", hex);
}

static void relabel(unsigned int number)
{
	struct ledger_label label = inspected.keys[number].label;
	CK_OBJECT_HANDLE object = inspection_object(number);
	char text[LEDGER_LABEL_MAX];

	label.version++;
	label.length = below(3) ? 0 : below(LONGEST);
	ledger_label(number, label, text);
	ledger_write(&inspected, "label %u %u %u", number, label.version, label.length);
	inspection_must(
		token.f->C_SetAttributeValue(inspection_session, object,
					     (CK_ATTRIBUTE[]){{CKA_LABEL, text, strlen(text)}}, 1),
		"C_SetAttributeValue");
	ledger_write(&inspected, "done -");
}

static void destroy(unsigned int number)
{
	CK_OBJECT_HANDLE object = inspection_object(number);

	ledger_write(&inspected, "destroy %u", number);
	inspection_must(token.f->C_DestroyObject(inspection_session, object), "C_DestroyObject");
	ledger_write(&inspected, "done -");
}

/* As an administrator does it; a module that was there before would go on with the old one. */
static void rotate(unsigned int master)
{
	ledger_write(&inspected, "rotate %u", master);
	configure(master);
	tool("rotate-master");
	if (inspection_faults)
		exit(1);
	ledger_write(&inspected, "done -");
	token_close(&token);
	start();
}

static unsigned int any_key(void)
{
	unsigned int number;

	do
		number = below((unsigned int)inspected.n);
	while (inspected.keys[number].state != LEDGER_THERE);
	return number;
}

__attribute__((noreturn)) static void work(void)
{
	for (;;) {
		size_t count = ledger_count(&inspected);
		unsigned int which = below(100);

		if (which < 2)
			rotate(inspected.master != inspected.next ? inspected.next
								  : !inspected.master);
		else if (count < FEW || (count < MANY && which < 38))
			generate();
		else if (which < 60)
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
	if (ledger_open(&inspected, argv[2]))
		return 2;
	/* The other master may be gone for good once nothing is under it any more. */
	if (inspected.master != inspected.next || below(2))
		add_master(!inspected.master);
	add_master(inspected.master);
	configure(inspected.next);
	if (!access(store, F_OK))
		tool("load");
	start();
	inspection_run();
	if (inspection_faults)
		return 1;
	ledger_write(&inspected, "verified %u %zu", boot, ledger_count(&inspected));
	if (argc > 4)
		return 0;
	add_master(!inspected.master);
	work();
}
