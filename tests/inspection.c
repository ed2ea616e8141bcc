/* SPDX-License-Identifier: BSD-2-Clause */
#include "inspection.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest.h"

enum { FOUND_MAX = 256 };

struct ledger inspected;
CK_SESSION_HANDLE inspection_session;
unsigned int inspection_faults;

const struct inspection_kind inspection_kinds[INSPECTION_KINDS] = {
	{32, CK_TRUE, false}, {24, CK_FALSE, false}, {32, CK_TRUE, true}};
const CK_ULONG inspection_shared = 0x00080900;

void inspection_fault(const char *format, ...)
{
	va_list args;

	inspection_faults++;
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

void inspection_must(CK_RV rv, const char *call)
{
	if (rv == CKR_OK)
		return;
	fprintf(stderr, "%s (of key %u?): 0x%lx\n", call, inspected.number, rv);
	exit(1);
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
	rv = back ? token.f->C_DecryptInit(inspection_session, &mechanism, object)
		  : token.f->C_EncryptInit(inspection_session, &mechanism, object);
	if (rv != CKR_OK)
		return rv;
	return back ? token.f->C_Decrypt(inspection_session, (void *)in, LEDGER_CIPHER, out, &len)
		    : token.f->C_Encrypt(inspection_session, (void *)in, LEDGER_CIPHER, out, &len);
}

CK_RV inspection_encrypt(unsigned int number, CK_OBJECT_HANDLE object,
			 unsigned char out[LEDGER_CIPHER])
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
void inspection_id(unsigned int number, unsigned char id[4])
{
	for (int i = 0; i < 4; i++)
		id[i] = (unsigned char)(number >> (24 - 8 * i));
}

/* How many objects fit, and their handles. */
static CK_ULONG find(CK_ATTRIBUTE *list, CK_ULONG count, CK_OBJECT_HANDLE *objects)
{
	CK_ULONG n = 0;

	inspection_must(token.f->C_FindObjectsInit(inspection_session, list, count),
			"C_FindObjectsInit");
	inspection_must(token.f->C_FindObjects(inspection_session, objects, FOUND_MAX, &n),
			"C_FindObjects");
	inspection_must(token.f->C_FindObjectsFinal(inspection_session), "C_FindObjectsFinal");
	return n;
}

CK_OBJECT_HANDLE inspection_object(unsigned int number)
{
	CK_OBJECT_HANDLE objects[FOUND_MAX];
	unsigned char id[4];
	CK_ATTRIBUTE list[] = {{CKA_ID, id, sizeof(id)}};

	inspection_id(number, id);
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
	CK_RV rv = token.f->C_GetAttributeValue(inspection_session, object, &attribute, 1);

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
static void check_attributes(unsigned int number, CK_OBJECT_HANDLE object,
			     const struct inspection_kind *kind)
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
			inspection_fault("key %u: attribute 0x%lx is not true", number, yes[i]);
	if (!is(object, CKA_EXTRACTABLE, &(CK_BBOOL){CK_FALSE}, 1) ||
	    !is(object, CKA_WRAP, &kind->wraps, 1) ||
	    !is(object, CKA_KEY_TYPE, &aes, sizeof(aes)) ||
	    !is(object, CKA_VALUE_LEN, &kind->length, sizeof(kind->length)) ||
	    !is(object, CKA_KCRYPTOKI_KEYRING_TYPE, "encrypted", 9))
		inspection_fault("key %u is not of its kind", number);
	if (!get(object, CKA_KCRYPTOKI_PERMISSIONS, &perm, &size) ||
	    (perm & inspection_shared) != (kind->shared ? inspection_shared : 0))
		inspection_fault("key %u has permissions 0x%lx", number, perm);
}

/* Looks at OBJECT, which is key NUMBER; and where that was not certain, says what it is now. */
static void check_key(unsigned int number, CK_OBJECT_HANDLE object)
{
	struct ledger_key *key = &inspected.keys[number];
	struct ledger_label label = key->label;
	unsigned char made[LEDGER_CIPHER];
	char hex[2 * LEDGER_CIPHER + 1];
	unsigned int before = inspection_faults;
	bool certain = key->state == LEDGER_THERE && key->next.version == label.version;

	if (key->next.version != label.version && is_labelled(object, number, key->next))
		label = key->next;
	else if (!is_labelled(object, number, label))
		inspection_fault("key %u has another label than %u.%u", number, number,
				 label.version);
	check_attributes(number, object, &inspection_kinds[key->kind % INSPECTION_KINDS]);
	if (inspection_encrypt(number, object, made) != CKR_OK || !decrypts(number, object, made))
		inspection_fault("key %u does not work", number);
	else if (key->state != LEDGER_BEGUN && (memcmp(made, key->cipher, sizeof(made)) != 0 ||
						!decrypts(number, object, key->cipher)))
		inspection_fault(
			"key %u is another one, which does not decrypt what it once encrypted",
			number);
	if (inspection_faults != before || certain)
		return;
	ledger_hex(made, hex);
	ledger_write(&inspected, "found %u %u %u %s", number, label.version, label.length, hex);
}

static void check_missing(unsigned int number)
{
	switch (inspected.keys[number].state) {
	case LEDGER_THERE:
		inspection_fault("key %u is not there", number);
		break;
	case LEDGER_BEGUN:
	case LEDGER_LEAVING:
		ledger_write(&inspected, "missing %u", number);
		break;
	default:
		break;
	}
}

void inspection_run(void)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_ATTRIBUTE list[] = {{CKA_CLASS, &class, sizeof(class)}};
	CK_OBJECT_HANDLE objects[FOUND_MAX];
	CK_ULONG n = find(list, 1, objects);
	bool *seen = calloc(inspected.n + 1, sizeof(*seen));

	if (!seen)
		inspection_must(CKR_HOST_MEMORY, "calloc");
	for (CK_ULONG i = 0; i < n; i++) {
		unsigned char id[4] = {0};
		CK_ULONG size = sizeof(id);
		unsigned int number;

		if (!get(objects[i], CKA_ID, id, &size) || size != sizeof(id)) {
			inspection_fault("there is a key that nobody made");
			continue;
		}
		number = (unsigned int)id[0] << 24 | id[1] << 16 | id[2] << 8 | id[3];
		if (number >= inspected.n || inspected.keys[number].state == LEDGER_NONE)
			inspection_fault("there is key %u, which nobody made", number);
		else if (inspected.keys[number].state == LEDGER_GONE)
			inspection_fault("there is key %u, which was destroyed", number);
		else if (seen[number])
			inspection_fault("key %u is there twice", number);
		else
			check_key(number, objects[i]);
		if (number < inspected.n)
			seen[number] = true;
	}
	for (unsigned int number = 0; number < inspected.n; number++)
		if (!seen[number])
			check_missing(number);
	free(seen);
}
