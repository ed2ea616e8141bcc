/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls the message-based functions of a module, as a program that knows PKCS#11 3.0 does, and says
 * on a line each what was answered. Run over p11-kit's client, it shows what a server makes of
 *them.
 *
 *	message-calls MODULE TOKEN KEY
 *
 * Fails where anything but a message-based function fails.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pkcs11-parameters.h"
#include "pkcs11.h"

static CK_FUNCTION_LIST_3_0 *f;

static void must(CK_RV rv, const char *call)
{
	if (rv == CKR_OK)
		return;
	fprintf(stderr, "%s: 0x%lx\n", call, rv);
	exit(1);
}

static void load(const char *path)
{
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	CK_RV (*get_interface)(CK_UTF8CHAR *, CK_VERSION *, CK_INTERFACE **, CK_FLAGS);
	CK_INTERFACE *interface;
	CK_VERSION *version;

	if (!library) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	*(void **)&get_interface = dlsym(library, "C_GetInterface");
	if (!get_interface ||
	    get_interface((CK_UTF8CHAR *)"PKCS 11", NULL, &interface, 0) != CKR_OK) {
		fprintf(stderr, "the module has no interface\n");
		exit(1);
	}
	version = interface->pFunctionList;
	printf("interface %d.%d\n", version->major, version->minor);
	if (version->major < 3)
		exit(0);
	f = interface->pFunctionList;
}

static CK_SESSION_HANDLE open_session(const char *label)
{
	CK_SLOT_ID slots[16];
	CK_ULONG n = 16;
	CK_SESSION_HANDLE session;

	must(f->C_Initialize(NULL), "C_Initialize");
	must(f->C_GetSlotList(CK_TRUE, slots, &n), "C_GetSlotList");
	for (CK_ULONG i = 0; i < n; i++) {
		CK_TOKEN_INFO info;

		must(f->C_GetTokenInfo(slots[i], &info), "C_GetTokenInfo");
		if (strncmp((char *)info.label, label, strlen(label)) != 0)
			continue;
		must(f->C_OpenSession(slots[i], CKF_SERIAL_SESSION, NULL, NULL, &session),
		     "C_OpenSession");
		return session;
	}
	must(CKR_TOKEN_NOT_PRESENT, label);
	return 0;
}

static CK_OBJECT_HANDLE find(CK_SESSION_HANDLE session, const char *label)
{
	CK_ATTRIBUTE template = {CKA_LABEL, (void *)label, strlen(label)};
	CK_OBJECT_HANDLE key = 0;
	CK_ULONG n = 0;

	must(f->C_FindObjectsInit(session, &template, 1), "C_FindObjectsInit");
	must(f->C_FindObjects(session, &key, 1, &n), "C_FindObjects");
	must(f->C_FindObjectsFinal(session), "C_FindObjectsFinal");
	must(n ? CKR_OK : CKR_KEY_HANDLE_INVALID, label);
	return key;
}

static void call_messages(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
	CK_BYTE iv[12] = "twelve bytes", tag[16] = "", text[16] = "sixteen of text.", out[16];
	struct gcm_message_params gcm = {
		.iv = iv, .iv_len = sizeof(iv), .tag = tag, .tag_bits = 128};
	CK_MECHANISM mechanism = {CKM_AES_GCM, NULL, 0};
	CK_ULONG len = sizeof(out);
	CK_RV rv;

	printf("C_MessageEncryptInit: 0x%lx\n", f->C_MessageEncryptInit(session, &mechanism, key));
	rv = f->C_EncryptMessage(session, &gcm, sizeof(gcm), NULL, 0, text, sizeof(text), out,
				 &len);
	printf("C_EncryptMessage: 0x%lx\n", rv);
	if (rv == CKR_OK) {
		printf("cipher ");
		for (CK_ULONG i = 0; i < len; i++)
			printf("%02x", out[i]);
		printf(" tag ");
		for (size_t i = 0; i < sizeof(tag); i++)
			printf("%02x", tag[i]);
		printf("\n");
	}
	printf("C_EncryptMessageBegin: 0x%lx\n",
	       f->C_EncryptMessageBegin(session, &gcm, sizeof(gcm), text, sizeof(text)));
	printf("C_MessageDecryptInit: 0x%lx\n", f->C_MessageDecryptInit(session, &mechanism, key));
	printf("C_DecryptMessage: 0x%lx\n", f->C_DecryptMessage(session, &gcm, sizeof(gcm), NULL, 0,
								text, sizeof(text), out, &len));
	fflush(stdout);
}

int main(int argc, char **argv)
{
	CK_MECHANISM mechanism = {CKM_SHA256, NULL, 0};
	CK_SESSION_HANDLE session;
	CK_BYTE digest[32];
	CK_ULONG len = sizeof(digest);

	if (argc != 4) {
		fprintf(stderr, "usage: message-calls MODULE TOKEN KEY\n");
		return 2;
	}
	load(argv[1]);
	session = open_session(argv[2]);
	call_messages(session, find(session, argv[3]));
	/* Whoever answered is still there. */
	must(f->C_DigestInit(session, &mechanism), "C_DigestInit");
	must(f->C_Digest(session, digest, 0, digest, &len), "C_Digest");
	printf("C_Digest: 0x0\n");
	must(f->C_Finalize(NULL), "C_Finalize");
	return 0;
}
