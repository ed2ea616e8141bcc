/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OpenSSL's own AEADs, which its command line does not offer: seals standard input, with the tag
 * behind it, for comparison with what the token makes.
 *
 *	aead AES-256-GCM|ChaCha20-Poly1305|... KEY NONCE AAD TAG_BYTES, in hex but for the last
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

enum { INPUT_MAX = 1 << 20, TAG_MAX = 16 };

static unsigned char in[INPUT_MAX], out[INPUT_MAX + TAG_MAX];

static unsigned char *bytes(const char *hex, int *len)
{
	long n;
	unsigned char *value = OPENSSL_hexstr2buf(hex, &n);

	if (!value && *hex)
		exit(2);
	*len = value ? (int)n : 0;
	return value;
}

int main(int argc, char **argv)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int key_len, nonce_len, aad_len, len = 0, end = 0, tag_len = argc == 6 ? atoi(argv[5]) : 0;
	unsigned char *key, *nonce, *aad;
	EVP_CIPHER *cipher;
	size_t in_len;

	if (tag_len < 1 || tag_len > TAG_MAX)
		return 2;
	cipher = EVP_CIPHER_fetch(NULL, argv[1], "provider=default");
	key = bytes(argv[2], &key_len);
	nonce = bytes(argv[3], &nonce_len);
	aad = bytes(argv[4], &aad_len);
	in_len = fread(in, 1, sizeof(in), stdin);
	if (!cipher || !feof(stdin) || EVP_CIPHER_get_key_length(cipher) != key_len ||
	    !EVP_EncryptInit_ex2(context, cipher, NULL, NULL, NULL) ||
	    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_IVLEN, nonce_len, NULL) <= 0 ||
	    !EVP_EncryptInit_ex2(context, NULL, key, nonce, NULL) ||
	    (aad_len && !EVP_EncryptUpdate(context, NULL, &len, aad, aad_len)) ||
	    !EVP_EncryptUpdate(context, out, &len, in, (int)in_len) ||
	    !EVP_EncryptFinal_ex(context, out + len, &end) ||
	    EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, tag_len, out + in_len) <= 0)
		return 1;
	return fwrite(out, 1, in_len + (size_t)tag_len, stdout) != in_len + (size_t)tag_len;
}
