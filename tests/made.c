/* SPDX-License-Identifier: BSD-2-Clause */
#include "made.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT 64

static char log_path[] = "/tmp/kcryptoki-made-XXXXXX";

static CK_ULONG describe(CK_ATTRIBUTE *list, unsigned int how)
{
	static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ULONG n = 0;

	list[n++] = (CK_ATTRIBUTE){CKA_TOKEN, how & MADE_TOKEN ? &yes : &no, 1};
	if (how & MADE_EXTRACTABLE)
		list[n++] = (CK_ATTRIBUTE){CKA_EXTRACTABLE, &yes, 1};
	if (how & MADE_SENSITIVE)
		list[n++] = (CK_ATTRIBUTE){CKA_SENSITIVE, &yes, 1};
	if (how & MADE_INSENSITIVE)
		list[n++] = (CK_ATTRIBUTE){CKA_SENSITIVE, &no, 1};
	return n;
}

CK_RV made_key(struct token *t, CK_SESSION_HANDLE session, const char *label,
	       const unsigned char *bytes, size_t length, unsigned int how,
	       CK_OBJECT_HANDLE *object)
{
	CK_MECHANISM mechanism = {CKM_AES_KEY_GEN, NULL, 0};
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_AES;
	CK_ULONG size = length, n;
	CK_ATTRIBUTE list[12];

	n = describe(list, how);
	list[n++] = (CK_ATTRIBUTE){CKA_CLASS, &class, sizeof(class)};
	list[n++] = (CK_ATTRIBUTE){CKA_KEY_TYPE, &type, sizeof(type)};
	list[n++] = (CK_ATTRIBUTE){CKA_LABEL, (void *)label, strlen(label)};
	if (bytes) {
		list[n++] = (CK_ATTRIBUTE){CKA_VALUE, (void *)bytes, length};
		return t->f->C_CreateObject(session, list, n, object);
	}
	list[n++] = (CK_ATTRIBUTE){CKA_VALUE_LEN, &size, sizeof(size)};
	return t->f->C_GenerateKey(session, &mechanism, list, n, object);
}

CK_RV made_relabel(struct token *t, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
		   const char *label)
{
	CK_ATTRIBUTE attribute = {CKA_LABEL, (void *)label, strlen(label)};

	return t->f->C_SetAttributeValue(session, object, &attribute, 1);
}

CK_RV made_copy(struct token *t, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
		const char *label, unsigned int how, CK_OBJECT_HANDLE *copy)
{
	CK_ATTRIBUTE list[12];
	CK_ULONG n = describe(list, how);

	list[n++] = (CK_ATTRIBUTE){CKA_LABEL, (void *)label, strlen(label)};
	return t->f->C_CopyObject(session, object, list, n, copy);
}

key_serial_t made_serial(struct token *t, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
	CK_ULONG serial = 0;
	CK_ATTRIBUTE attribute = {CKA_KCRYPTOKI_KEY_SERIAL, &serial, sizeof(serial)};

	return t->f->C_GetAttributeValue(session, object, &attribute, 1) == CKR_OK
		       ? (key_serial_t)serial
		       : 0;
}

int made_find(struct token *t, CK_SESSION_HANDLE session, const char *label,
	      CK_OBJECT_HANDLE *object)
{
	CK_OBJECT_HANDLE found[8];
	CK_ULONG count = 0;

	if (token_find(t, session, CKO_SECRET_KEY, label, found, 8, &count) != 0)
		return -1;
	if (count)
		*object = found[0];
	return (int)count;
}

/* What is made of TEXT bytes, there or back. */
static CK_RV cipher(struct token *t, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, bool back,
		    unsigned char *in, unsigned char *out)
{
	unsigned char iv[16] = {0};
	CK_MECHANISM mechanism = {CKM_AES_CBC, iv, sizeof(iv)};
	CK_ULONG n = TEXT;
	CK_RV rv = back ? t->f->C_DecryptInit(session, &mechanism, object)
			: t->f->C_EncryptInit(session, &mechanism, object);

	if (rv != CKR_OK)
		return rv;
	return back ? t->f->C_Decrypt(session, in, TEXT, out, &n)
		    : t->f->C_Encrypt(session, in, TEXT, out, &n);
}

int made_works(struct token *t, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
	       const unsigned char *bytes, size_t length)
{
	struct material material = {.type = CKM_AES_CBC, .key = bytes, .key_length = length};
	unsigned char text[TEXT], there[TEXT], back[TEXT], right[TEXT + GUEST_SLACK];
	CK_RV rv;

	guest_fill(text, sizeof(text), 5);
	rv = cipher(t, session, object, false, text, there);
	if (rv == CKR_OK)
		rv = cipher(t, session, object, true, there, back);
	if (rv != CKR_OK)
		return guest_error(t, "a key that should work: 0x%lx", rv);
	if (memcmp(back, text, TEXT) != 0)
		return guest_error(t, "a key does not decrypt what it encrypted");
	if (!bytes)
		return 0;
	guest_expect(&material, text, TEXT, right);
	if (memcmp(there, right, TEXT) != 0)
		return guest_error(t, "a key encrypts otherwise than its bytes do");
	return 0;
}

bool made_unread(void)
{
	return strcmp(token.keyring_type, "logon") == 0;
}

bool made_line(key_serial_t serial, char line[512])
{
	FILE *keys = fopen("/proc/keys", "r");
	unsigned int listed;
	bool found = false;

	while (keys && !found && fgets(line, 512, keys))
		found = sscanf(line, "%8x", &listed) == 1 && listed == (unsigned int)serial;
	if (keys)
		fclose(keys);
	return found;
}

size_t made_linked(key_serial_t *serials, size_t max)
{
	long got = keyctl_read(KEY_SPEC_USER_KEYRING, (char *)serials, max * sizeof(*serials));

	if (got < 0 || (size_t)got > max * sizeof(*serials))
		guest_fail("the user keyring cannot be read: %ld", got);
	return (size_t)got / sizeof(*serials);
}

static bool same(const struct belongings *a, const struct belongings *b)
{
	return a->keys == b->keys && a->bytes == b->bytes && a->linked == b->linked &&
	       a->descriptors == b->descriptors;
}

/* Without the sockets that the module keeps, which go by their age. */
static struct belongings look(void)
{
	struct belongings now = belongings_now();
	struct alg_sockets kept;

	belongings_alg_sockets(&kept);
	now.descriptors -= kept.n;
	return now;
}

struct belongings made_settled(void)
{
	struct belongings now = look(), last;

	/* The collector is soon there, but says nothing. */
	for (int quiet = 0, tries = 0; quiet < 20 && tries < 500; tries++) {
		last = now;
		usleep(10000);
		now = look();
		quiet = same(&now, &last) ? quiet + 1 : 0;
	}
	return now;
}

/* What there is, for whoever has to find out what was left. */
static void show_keys(void)
{
	FILE *keys = fopen("/proc/keys", "r");
	char line[512];

	while (keys && fgets(line, sizeof(line), keys))
		print_message("# %s", line);
	if (keys)
		fclose(keys);
}

void made_nothing_left(const struct belongings *before)
{
	struct belongings now = {0};

	for (int tries = 0; tries < 300; tries++) {
		now = look();
		if (same(&now, before))
			return;
		usleep(10000);
	}
	show_keys();
	guest_fail("left: %ld keys, %ld bytes, %ld bytes of links, %zd descriptors",
		   now.keys - before->keys, now.bytes - before->bytes, now.linked - before->linked,
		   (ssize_t)now.descriptors - (ssize_t)before->descriptors);
}

void made_log(void)
{
	int fd = mkstemp(log_path);

	if (fd >= 0)
		close(fd);
	setenv("KCRYPTOKI_DEBUG", log_path, 1);
}

bool made_logged(const char *text)
{
	FILE *log = fopen(log_path, "r");
	char line[1024];
	bool found = false;

	while (log && fgets(line, sizeof(line), log))
		found |= strstr(line, text) != NULL;
	if (log)
		fclose(log);
	if (truncate(log_path, 0) != 0)
		guest_fail("the log cannot be emptied");
	return found;
}
