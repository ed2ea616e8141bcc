/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a process gets from the token in the situation that its argument names, for
 * tests/reach-matrix: each deed is done, in a process of its own, and its result compared with
 * libcrypto's.
 *
 *	reach make KEYS [UID GID]     adds the keys of KEYS to the user keyring
 *	reach SITUATION [UID GID]     a line for each deed, whatever came of it
 *
 * A line's fields, between tabs: the deed, whose key, the token, what came of it (works, refused,
 * wrong; absent: there is no such token; missing: no such key), and of what does not work why, and
 * then each line that explains it in the module's log.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "made.h"
#include "situation.h"

enum { KEY_MAX = 64, SECONDS = 20, FAILED = 3 };

static const char *const tokens[] = {"kernel-user", "kernel-session", "kernel-broker"};

static const struct key_plan {
	const char *name, *type;
	size_t length;
} plans[] = {{"aes", "aes", 32}, {"xts", "aes-xts", 64}, {"mac", "generic-secret", 32}};

enum { AES, XTS, MAC, NO_KEY };

static const struct deed {
	const char *name;
	CK_MECHANISM_TYPE type;
	enum token_kind kind;
	int key;
} deeds[] = {
	{"SHA-256", CKM_SHA256, TOKEN_DIGEST, NO_KEY},
	{"SHA3-256", CKM_SHA3_256, TOKEN_DIGEST, NO_KEY},
	{"random bytes", 0, 0, NO_KEY},
	{"HMAC-SHA256", CKM_SHA256_HMAC, TOKEN_SIGN, MAC},
	{"AES-CBC", CKM_AES_CBC, TOKEN_ENCRYPT, AES},
	{"AES-CTR", CKM_AES_CTR, TOKEN_ENCRYPT, AES},
	{"AES-GCM", CKM_AES_GCM, TOKEN_ENCRYPT, AES},
	{"AES-CCM", CKM_AES_CCM, TOKEN_ENCRYPT, AES},
	{"AES-XTS", CKM_AES_XTS, TOKEN_ENCRYPT, XTS},
};

/* Whose a key is. Their bytes differ, so that a result tells which key was used. */
static const struct keys {
	const char *name;
	const char *keyring_type; /* of keys that are there before; else C_CreateObject's: */
	unsigned int how;
	const char *token; /* NULL: each of them */
} all_keys[] = {
	{"logon", "logon", 0, "kernel-user"},
	{"user", "user", 0, "kernel-user"},
	{"broker", "logon", 0, "kernel-broker"},
	{"made", NULL, MADE_TOKEN, "kernel-user"},
	{"session", NULL, 0, NULL},
};

enum { READABLE = 1, N_KEYS = sizeof(all_keys) / sizeof(*all_keys) };

struct trial {
	const struct deed *deed;
	const struct keys *keys; /* NULL: without a key */
	const char *token;
};

__attribute__((noreturn)) static void give_up(const char *what)
{
	fprintf(stderr, "reach: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void key_bytes(const struct keys *keys, const struct key_plan *plan, unsigned char *bytes)
{
	guest_fill(bytes, plan->length, 1 + (uint64_t)(keys - all_keys));
}

static void key_label(const struct keys *keys, const struct key_plan *plan, char label[64])
{
	snprintf(label, 64, "reach-%s-%s", keys->name, plan->name);
}

static bool make_keys(const char *name)
{
	unsigned char bytes[KEY_MAX];
	char label[64], description[128];
	const struct keys *keys = all_keys;

	while (keys < all_keys + N_KEYS && (strcmp(keys->name, name) || !keys->keyring_type))
		keys++;
	if (keys == all_keys + N_KEYS)
		return false;
	for (size_t i = 0; i < sizeof(plans) / sizeof(*plans); i++) {
		key_bytes(keys, &plans[i], bytes);
		key_label(keys, &plans[i], label);
		snprintf(description, sizeof(description), "pkcs11:object=%s?x-key-type=%s", label,
			 plans[i].type);
		if (add_key(keys->keyring_type, description, bytes, plans[i].length,
			    KEY_SPEC_USER_KEYRING) < 0)
			give_up("add_key");
	}
	return true;
}

static bool find_token(struct token *t, const char *label)
{
	CK_SLOT_ID slots[16];
	CK_ULONG n = sizeof(slots) / sizeof(*slots);
	CK_TOKEN_INFO info;

	if (t->f->C_GetSlotList(CK_TRUE, slots, &n) != CKR_OK)
		return false;
	for (t->slot = 0; n--;) {
		t->slot = slots[n];
		if (t->f->C_GetTokenInfo(t->slot, &info) == CKR_OK &&
		    !memcmp(info.label, label, strlen(label)) && info.label[strlen(label)] == ' ')
			return true;
	}
	return false;
}

static int draw(struct token *t, CK_SESSION_HANDLE session)
{
	unsigned char one[32] = {0}, other[32] = {0}, none[32] = {0};
	CK_RV rv = t->f->C_GenerateRandom(session, one, sizeof(one));

	if (rv == CKR_OK)
		rv = t->f->C_GenerateRandom(session, other, sizeof(other));
	if (rv != CKR_OK)
		return guest_error(t, "C_GenerateRandom: 0x%lx", rv);
	if (!memcmp(one, other, sizeof(one)) || !memcmp(one, none, sizeof(one)) ||
	    !memcmp(other, none, sizeof(other)))
		return guest_error(t, "these are no random bytes");
	return 0;
}

/* The key of TRIAL in *OBJECT; "" or what came of it. */
static const char *obtain(struct token *t, CK_SESSION_HANDLE session, const struct trial *trial,
			  const unsigned char *bytes, CK_OBJECT_HANDLE *object)
{
	const struct key_plan *plan = &plans[trial->deed->key];
	char label[64];
	int found;
	CK_RV rv;

	key_label(trial->keys, plan, label);
	if (!trial->keys->keyring_type) {
		rv = made_key(t, session, label, bytes, plan->length, trial->keys->how, object);
		guest_error(t, "C_CreateObject: 0x%lx", rv);
		return rv == CKR_OK ? "" : "refused";
	}
	found = made_find(t, session, label, object);
	if (found < 0)
		return "refused";
	guest_error(t, "%d keys are called %s", found, label);
	return found == 1 ? "" : found == 0 ? "missing" : "wrong";
}

static const char *verdict(struct token *t, int result)
{
	if (!result)
		return "works";
	/* What is not an error that a function answered is a result that was not expected. */
	return strstr(t->error, ": 0x") ? "refused" : "wrong";
}

static const char *with_key(struct token *t, CK_SESSION_HANDLE session, const struct trial *trial)
{
	static const unsigned char text[] =
		"Four blocks of sixteen bytes each, to be computed with.";
	unsigned char bytes[KEY_MAX], padded[64] = {0};
	const struct key_plan *plan = &plans[trial->deed->key];
	struct material material = {.type = trial->deed->type,
				    .key = bytes,
				    .key_length = plan->length,
				    .iv = "the nonce is it."};
	CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
	const char *obstacle;
	int result;

	key_bytes(trial->keys, plan, bytes);
	memcpy(padded, text, sizeof(text));
	obstacle = obtain(t, session, trial, bytes, &object);
	if (*obstacle)
		return obstacle;
	result = guest_run(t, session, object, &material, trial->deed->kind, padded, sizeof(padded),
			   TOKEN_PLAIN, NULL);
	if (!result && trial->deed->kind == TOKEN_ENCRYPT)
		result = guest_run(t, session, object, &material, TOKEN_DECRYPT, padded,
				   sizeof(padded), TOKEN_PLAIN, NULL);
	if (!trial->keys->keyring_type && t->f->C_DestroyObject(session, object) != CKR_OK)
		return "wrong";
	return verdict(t, result);
}

/* LOG is then at the line from which on it is about the deed: where the token is there, not at what
 * was said of others when the module started. */
static const char *attempt(struct token *t, const struct trial *trial, FILE *log)
{
	const struct material material = {.type = trial->deed->type};
	bool writes = trial->keys && trial->keys->how & MADE_TOKEN;
	CK_SESSION_HANDLE session;
	CK_RV rv = t->f->C_Initialize(NULL);

	guest_error(t, "C_Initialize: 0x%lx", rv);
	if (rv != CKR_OK)
		return "refused";
	guest_error(t, "%s is not there", trial->token);
	if (!find_token(t, trial->token))
		return "absent";
	fseek(log, 0, SEEK_END);
	if (token_session(t, writes ? CKF_RW_SESSION : 0, &session))
		return "refused";
	if (trial->keys)
		return with_key(t, session, trial);
	if (!trial->deed->type)
		return verdict(t, draw(t, session));
	return verdict(t, guest_run(t, session, CK_INVALID_HANDLE, &material, TOKEN_DIGEST,
				    (const unsigned char *)"abc", 3, TOKEN_PLAIN, NULL));
}

/* What LOG has from here on, as fields. A line that but translates an error is given where no other
 * is. */
static void explain(FILE *log)
{
	/* That they do is no obstacle. */
	static const char random[] = "random bytes come from getrandom";
	char line[2048];
	long begin = ftell(log);
	size_t told = 0;

	for (int pass = 0; pass < 2 && !told; pass++) {
		fseek(log, begin, SEEK_SET);
		while (fgets(line, sizeof(line), log)) {
			const char *text = strstr(line, "]: ");

			line[strcspn(line, "\n")] = '\0';
			if (!text || strstr(line, random) ||
			    (!pass && strstr(line, "answered with CKR")))
				continue;
			printf("\t%s", text + 3);
			told++;
		}
	}
}

/* What libcrypto does once, it does here, and not in each child. */
static void warm(void)
{
	const struct material digest = {.type = CKM_SHA256};
	unsigned char out[GUEST_SLACK];

	guest_expect(&digest, (const unsigned char *)"", 0, out);
}

/* In a child, which ends with 0 where TRIAL works. */
__attribute__((noreturn)) static void tell(const struct trial *trial, FILE *log)
{
	struct token mine = token;
	const char *result = attempt(&mine, trial, log);
	bool works = !strcmp(result, "works");

	mine.f->C_Finalize(NULL);
	printf("%s\t%s\t%s\t%s", trial->deed->name, trial->keys ? trial->keys->name : "none",
	       trial->token, result);
	if (!works) {
		printf("\t%s", mine.error);
		explain(log);
	}
	printf("\n");
	fflush(stdout);
	_exit(works ? 0 : FAILED);
}

/* Whether it works. What the module says once, it says to each trial, since each is a process of
 * its own. */
static bool try(const struct deed *deed, const struct keys *keys, const char *label)
{
	const struct trial trial = {deed, keys, label};
	char path[] = "/tmp/kcryptoki-reach-XXXXXX";
	int fd = mkstemp(path), status = -1;
	FILE *log = fd < 0 ? NULL : fdopen(fd, "r");
	pid_t child;

	if (!log || setenv("KCRYPTOKI_DEBUG", path, 1))
		give_up("a log");
	fflush(NULL);
	child = fork();
	if (child == 0) {
		alarm(SECONDS);
		tell(&trial, log);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		give_up("fork");
	if (status && (!WIFEXITED(status) || WEXITSTATUS(status) != FAILED))
		printf("%s\t%s\t%s\twrong\tits process ended with status 0x%x\n", deed->name,
		       keys ? keys->name : "none", label, status);
	fclose(log);
	unlink(path);
	return !status;
}

/* Whether it works with one of them. */
static bool try_each_token(const struct deed *deed, const struct keys *keys)
{
	bool works = false;

	for (size_t i = 0; i < sizeof(tokens) / sizeof(*tokens); i++)
		if (!keys || !keys->token || !strcmp(keys->token, tokens[i]))
			works |= try(deed, keys, tokens[i]);
	return works;
}

static void try_each_key(const struct deed *deed)
{
	bool works = false;

	for (size_t i = 0; i < N_KEYS; i++) {
		/* One deed shows what becomes of keys that a program makes; and keys that can be
		 * read matter where others do not work. */
		if ((i != READABLE || !works) &&
		    (all_keys[i].keyring_type || deed->type == CKM_AES_CBC))
			works = try_each_token(deed, &all_keys[i]);
	}
}

static void try_all(void)
{
	for (size_t i = 0; i < sizeof(deeds) / sizeof(*deeds); i++) {
		if (deeds[i].key == NO_KEY)
			try_each_token(&deeds[i], NULL);
		else
			try_each_key(&deeds[i]);
	}
}

int main(int argc, char **argv)
{
	bool makes = argc > 2 && !strcmp(argv[1], "make");
	int next = makes ? 3 : 2;

	if (argc != next && argc != next + 2) {
		fputs("usage: reach make KEYS|SITUATION [UID GID]\n", stderr);
		return 2;
	}
	if (argc == next + 2)
		situation_become((uid_t)strtoul(argv[next], NULL, 10),
				 (gid_t)strtoul(argv[next + 1], NULL, 10));
	if (makes)
		return make_keys(argv[2]) ? 0 : 2;
	if (token_load(&token)) {
		fprintf(stderr, "reach: %s\n", token.error);
		return 2;
	}
	warm();
	if (!situation_enter(argv[1])) {
		fprintf(stderr, "reach: %s is no situation\n", argv[1]);
		return 2;
	}
	try_all();
	return 0;
}
