/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OpenSSL 3.5's keys that nobody sees (EVP_SKEY), in a token: an example of what the command line
 * cannot do. Encrypts standard input with AES-256 in three modes, and decrypts it again, by the
 * provider that the configuration (OPENSSL_CONF) and PROPERTIES choose. With
 *
 *	openssl-skey PROPERTIES generate URI
 *
 * the token makes the key and keeps it as the URI names it, with
 *
 *	openssl-skey PROPERTIES raw HEX
 *
 * it is these bytes. Writes CBC, CTR and GCM (its tag behind it) in the working directory; the IV
 * is 0, 1, 2 ..., the AAD "header".
 */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = 1 << 20, BLOCK = 16, TAG = 16 };

static unsigned char iv[BLOCK], text[ROOM], cipher_text[ROOM + BLOCK + TAG], again[ROOM + BLOCK];
static unsigned char aad[] = "header";

__attribute__((noreturn)) static void fail(const char *what)
{
	fprintf(stderr, "%s\n", what);
	ERR_print_errors_fp(stderr);
	exit(1);
}

static EVP_SKEY *generate(const char *properties, char *uri)
{
	size_t length = 32;
	int ephemeral = 0;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_size_t(OSSL_SKEY_PARAM_KEY_LENGTH, &length),
		OSSL_PARAM_construct_utf8_string("pkcs11_uri", uri, 0),
		OSSL_PARAM_construct_int("pkcs11_ephemeral", &ephemeral),
		OSSL_PARAM_construct_end(),
	};

	return EVP_SKEY_generate(NULL, "AES", properties, params);
}

static EVP_SKEY *import(const char *properties, const char *hex)
{
	long length;
	unsigned char *bytes = OPENSSL_hexstr2buf(hex, &length);

	return bytes ? EVP_SKEY_import_raw_key(NULL, "AES", bytes, (size_t)length, properties)
		     : NULL;
}

/* One way through CIPHER: the length of what comes out, or -1. A tag is behind the ciphertext. */
static int run(EVP_SKEY *key, const EVP_CIPHER *cipher, int encrypt, const unsigned char *in,
	       int length, unsigned char *out)
{
	int authentic = EVP_CIPHER_get_flags(cipher) & EVP_CIPH_FLAG_AEAD_CIPHER ? 1 : 0;
	int part = 0, rest = 0, ok;
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	if (authentic && !encrypt)
		length -= TAG;
	ok = ctx &&
	     EVP_CipherInit_SKEY(ctx, cipher, key, iv, authentic ? 12 : BLOCK, encrypt, NULL) == 1;
	if (ok && authentic && !encrypt)
		ok = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, (void *)(in + length)) ==
		     1;
	if (ok && authentic)
		ok = EVP_CipherUpdate(ctx, NULL, &part, aad, sizeof(aad) - 1) == 1;
	ok = ok && EVP_CipherUpdate(ctx, out, &part, in, length) == 1;
	ok = ok && EVP_CipherFinal_ex(ctx, out + part, &rest) == 1;
	if (ok && authentic && encrypt) {
		ok = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, out + part + rest) == 1;
		rest += TAG;
	}
	EVP_CIPHER_CTX_free(ctx);
	return ok ? part + rest : -1;
}

static void save(const char *name, const unsigned char *bytes, int length)
{
	FILE *file = fopen(name, "wb");

	if (!file || fwrite(bytes, 1, (size_t)length, file) != (size_t)length || fclose(file) != 0)
		fail(name);
}

static void try_mode(EVP_SKEY *key, const char *properties, const char *mode, int length)
{
	char name[32];
	EVP_CIPHER *cipher;
	int made, back;

	snprintf(name, sizeof(name), "AES-256-%s", mode);
	cipher = EVP_CIPHER_fetch(NULL, name, properties);
	if (!cipher)
		fail(name);
	made = run(key, cipher, 1, text, length, cipher_text);
	if (made < length)
		fail("encrypting");
	save(mode, cipher_text, made);
	back = run(key, cipher, 0, cipher_text, made, again);
	if (back != length || memcmp(again, text, (size_t)length) != 0)
		fail("decrypting");
	if (strcmp(mode, "GCM") == 0) {
		cipher_text[0] ^= 1;
		if (run(key, cipher, 0, cipher_text, made, again) >= 0)
			fail("a message that was tampered with is accepted");
		ERR_clear_error();
	}
	printf("%s by %s: %d bytes became %d, and these again\n", name,
	       OSSL_PROVIDER_get0_name(EVP_CIPHER_get0_provider(cipher)), length, made);
	EVP_CIPHER_free(cipher);
}

int main(int argc, char **argv)
{
	int length = (int)fread(text, 1, sizeof(text), stdin);
	EVP_SKEY *key;

	if (argc != 4) {
		fprintf(stderr, "usage: openssl-skey PROPERTIES generate URI | raw HEX\n");
		return 2;
	}
	for (int i = 0; i < BLOCK; i++)
		iv[i] = (unsigned char)i;
	key = strcmp(argv[2], "raw") == 0 ? import(argv[1], argv[3]) : generate(argv[1], argv[3]);
	if (!key)
		fail("there is no key");
	printf("a key of %s\n", EVP_SKEY_get0_provider_name(key));
	try_mode(key, argv[1], "CBC", length);
	try_mode(key, argv[1], "CTR", length);
	try_mode(key, argv[1], "GCM", length);
	EVP_SKEY_free(key);
	return 0;
}
