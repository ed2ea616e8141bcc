/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A client of p11-kit's server that asks for what the server cannot pass on: it must get an error,
 * and the server must live. P11_KIT_SERVER_ADDRESS names the server; the token has an AES key with
 * the id 11, and a ChaCha20 key with the id 13. Prints TAP.
 *
 *	relay-client CLIENT_MODULE
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pkcs11-parameters.h"
#include "pkcs11.h"

static CK_FUNCTION_LIST_3_0 *p11;
static CK_SESSION_HANDLE session;
static CK_OBJECT_HANDLE key, stream_key;
static int number, failed;

/* What p11-kit's client takes for the first, on its way to the server becomes the second. */
static CK_MECHANISM_TYPE disguise, meant;

/* As p11-kit's client and this program call it: a mechanism goes over the wire as four bytes, the
 * most significant first, and 1 where a parameter follows. */
__attribute__((visibility("default"))) ssize_t write(int fd, const void *data, size_t len)
{
	const unsigned char told[] = {0, 0, (unsigned char)(disguise >> 8), (unsigned char)disguise,
				      1};
	unsigned char *at = meant ? memmem(data, len, told, sizeof(told)) : NULL;

	if (at) {
		at[2] = (unsigned char)(meant >> 8);
		at[3] = (unsigned char)meant;
		meant = 0;
	}
	return syscall(SYS_write, fd, data, len);
}

static void check(const char *name, int good)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++number, name);
	failed |= !good;
}

static void is(const char *name, CK_RV rv, CK_RV wanted)
{
	if (rv != wanted)
		printf("# 0x%lx, not 0x%lx\n", rv, wanted);
	check(name, rv == wanted);
}

/* The one with this id; 0. */
static CK_OBJECT_HANDLE find(CK_BYTE id)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof(class)}, {CKA_ID, &id, 1}};
	CK_OBJECT_HANDLE found = 0;
	CK_ULONG n = 0;

	if (p11->C_FindObjectsInit(session, wanted, 2) ||
	    p11->C_FindObjects(session, &found, 1, &n) || p11->C_FindObjectsFinal(session))
		return 0;
	return n == 1 ? found : 0;
}

static void begin(const char *path)
{
	CK_RV (*get)(CK_UTF8CHAR *, CK_VERSION *, CK_INTERFACE **, CK_FLAGS);
	CK_ULONG n = 8;
	CK_SLOT_ID slots[8];
	CK_INTERFACE *interface;
	void *library = dlopen(path, RTLD_NOW);

	if (!library || !(get = (__typeof__(get))dlsym(library, "C_GetInterface"))) {
		printf("Bail out! %s\n", dlerror());
		exit(1);
	}
	if (get(NULL, NULL, &interface, 0) || !(p11 = interface->pFunctionList) ||
	    p11->version.major < 3 || p11->C_Initialize(NULL) || p11->C_GetSlotList(1, slots, &n) ||
	    !n || p11->C_OpenSession(slots[0], CKF_SERIAL_SESSION, NULL, NULL, &session) ||
	    !(key = find(0x11)) || !(stream_key = find(0x13))) {
		printf("Bail out! the server has no such keys\n");
		exit(1);
	}
}

/* An ordinary call, answered rightly. */
static void check_alive(const char *after)
{
	static const CK_BYTE empty[] = {0xe3, 0xb0, 0xc4, 0x42};
	CK_MECHANISM sha256 = {CKM_SHA256, NULL, 0};
	CK_BYTE none[1], out[32] = {0};
	CK_ULONG len = sizeof(out);
	char name[120];
	CK_RV rv = p11->C_DigestInit(session, &sha256);

	if (rv == CKR_OK)
		rv = p11->C_Digest(session, none, 0, out, &len);
	snprintf(name, sizeof(name), "the next call is served, %s", after);
	if (rv)
		printf("# 0x%lx\n", rv);
	check(name, rv == CKR_OK && len == 32 && !memcmp(out, empty, sizeof(empty)));
}

static void check_messages(void)
{
	CK_MECHANISM gcm = {CKM_AES_GCM, NULL, 0};
	CK_BYTE iv[12] = {0}, tag[16] = {0}, none[16] = {0}, text[16] = {0}, out[16];
	CK_ULONG len = sizeof(out);
	struct gcm_message_params terms = {iv, 12, 0, CKG_NO_GENERATE, tag, 128};

	is("C_MessageEncryptInit is refused", p11->C_MessageEncryptInit(session, &gcm, key),
	   CKR_MECHANISM_INVALID);
	is("and no message is encrypted",
	   p11->C_EncryptMessage(session, &terms, sizeof(terms), none, 0, text, 16, out, &len),
	   CKR_OPERATION_NOT_INITIALIZED);
	is("nor begun", p11->C_EncryptMessageBegin(session, &terms, sizeof(terms), none, 0),
	   CKR_OPERATION_NOT_INITIALIZED);
	len = sizeof(out);
	is("nor continued",
	   p11->C_EncryptMessageNext(session, &terms, sizeof(terms), text, 16, out, &len,
				     CKF_END_OF_MESSAGE),
	   CKR_OPERATION_NOT_INITIALIZED);
	is("C_MessageDecryptInit is refused", p11->C_MessageDecryptInit(session, &gcm, key),
	   CKR_MECHANISM_INVALID);
	len = sizeof(out);
	is("and no message is decrypted",
	   p11->C_DecryptMessage(session, &terms, sizeof(terms), none, 0, text, 16, out, &len),
	   CKR_OPERATION_NOT_INITIALIZED);
	check("no tag was written", !memcmp(tag, none, sizeof(tag)));
	check_alive("after messages");
}

/* A client that is not p11-kit's own may send any mechanism, with bytes that the server takes for
 * the structure: its addresses, and lengths that are right. */
static void check_disguised(const char *name, CK_MECHANISM_TYPE type, void *parameter, CK_ULONG len,
			    CK_RV (*init)(CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE),
			    CK_OBJECT_HANDLE with)
{
	CK_MECHANISM mechanism = {CKM_DH_PKCS_DERIVE, parameter, len};

	disguise = CKM_DH_PKCS_DERIVE;
	meant = type;
	is(name, init(session, &mechanism, with), CKR_MECHANISM_INVALID);
	check("it was sent", !meant);
	check_alive(name);
}

static CK_RV derive(CK_SESSION_HANDLE with, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE base)
{
	CK_BBOOL no = CK_FALSE;
	CK_ATTRIBUTE template[] = {{CKA_TOKEN, &no, sizeof(no)}};
	CK_OBJECT_HANDLE made;

	return p11->C_DeriveKey(with, mechanism, base, template, 1, &made);
}

static void check_all_disguised(void)
{
	static CK_BYTE mine[64];
	struct ccm_params ccm = {16, mine, 12, mine, 20, 16};
	struct gcm_params gmac = {mine, 12, 96, NULL, 0, 128};
	struct chacha20_params chacha = {mine, 32, mine, 96};
	struct derivation_data data = {mine, 16};

	check_disguised("CKM_AES_CCM is refused", CKM_AES_CCM, &ccm, sizeof(ccm),
			p11->C_EncryptInit, key);
	check_disguised("CKM_AES_GMAC is refused", CKM_AES_GMAC, &gmac, sizeof(gmac),
			p11->C_SignInit, key);
	check_disguised("CKM_CHACHA20 is refused", CKM_CHACHA20, &chacha, sizeof(chacha),
			p11->C_EncryptInit, stream_key);
	check_disguised("CKM_AES_ECB_ENCRYPT_DATA is refused", CKM_AES_ECB_ENCRYPT_DATA, &data,
			sizeof(data), derive, key);
}

static void check_gcm(void)
{
	CK_BYTE iv[12] = {1}, aad[20] = {2}, text[33] = {3}, sealed[64], again[64];
	struct gcm_params parameter = {iv, 12, 96, aad, 20, 128};
	CK_MECHANISM gcm = {CKM_AES_GCM, &parameter, sizeof(parameter)};
	CK_ULONG len = sizeof(sealed), back = sizeof(again);

	is("CKM_AES_GCM's parameter is passed on", p11->C_EncryptInit(session, &gcm, key), CKR_OK);
	is("and it encrypts", p11->C_Encrypt(session, text, 33, sealed, &len), CKR_OK);
	is("C_DecryptInit", p11->C_DecryptInit(session, &gcm, key), CKR_OK);
	is("C_Decrypt", p11->C_Decrypt(session, sealed, len, again, &back), CKR_OK);
	check("what comes back is what was encrypted", back == 33 && !memcmp(again, text, 33));
	aad[0]++;
	back = sizeof(again);
	is("C_DecryptInit with another AAD", p11->C_DecryptInit(session, &gcm, key), CKR_OK);
	is("is refused", p11->C_Decrypt(session, sealed, len, again, &back),
	   CKR_ENCRYPTED_DATA_INVALID);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	begin(argv[1]);
	check_alive("before all");
	check_messages();
	check_all_disguised();
	check_gcm();
	p11->C_Finalize(NULL);
	printf("1..%d\n", number);
	return failed;
}
