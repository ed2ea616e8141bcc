/* SPDX-License-Identifier: BSD-2-Clause */
#include "guest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long a child may take: one that waits for a lock for ever must not hold up the others. */
#define CHILD_SECONDS 60

struct token token;

static CK_MECHANISM_TYPE *offered;
static CK_ULONG n_offered;
static long linked;

int guest_setup(void **state)
{
	if (token_open(&token) != 0) {
		print_message("# the module does not start: %s\n", token.error);
		return -1;
	}
	linked = belongings_now().linked;
	if (token.absent)
		return 0;
	if (token_mechanisms(&token, &offered, &n_offered) != 0) {
		print_message("# %s\n", token.error);
		return -1;
	}
	return 0;
}

int guest_teardown(void **state)
{
	free(offered);
	token_close(&token);
	if (belongings_return_to(linked))
		return 0;
	/* cmocka would tell of it, and succeed. */
	print_message("# keys are left in the user keyring\n");
	belongings_tell();
	exit(EXIT_FAILURE);
}

__attribute__((format(printf, 2, 0))) static void say(const char *prefix, const char *format,
						      va_list args)
{
	printf("# %s", prefix);
	vprintf(format, args);
	printf("\n");
	fflush(stdout);
}

void guest_skip(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say("skipped: ", format, args);
	va_end(args);
	skip();
	abort();
}

void guest_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say("", format, args);
	va_end(args);
	fail();
	abort();
}

int guest_error(struct token *t, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(t->error, sizeof(t->error), format, args);
	va_end(args);
	return -1;
}

void guest_need_slot(void)
{
	if (token.absent)
		guest_skip("%s", token.absent);
}

bool guest_offers(CK_MECHANISM_TYPE type)
{
	for (CK_ULONG i = 0; i < n_offered; i++)
		if (offered[i] == type)
			return true;
	return false;
}

void guest_need(CK_MECHANISM_TYPE type)
{
	guest_need_slot();
	if (!guest_offers(type))
		guest_skip("mechanism 0x%lx is not offered on this kernel to this user", type);
}

static size_t nonce_length(const struct material *material)
{
	return material->nonce_length ? material->nonce_length : 12;
}

size_t guest_tag_length(const struct material *material)
{
	bool aead = material->type == CKM_AES_GCM || material->type == CKM_AES_CCM ||
		    material->type == CKM_CHACHA20_POLY1305;

	return !aead ? 0 : material->tag_length ? material->tag_length : 16;
}

static CK_MECHANISM_PTR with(struct mechanism_store *store, void *parameter, size_t length)
{
	store->mechanism.pParameter = parameter;
	store->mechanism.ulParameterLen = length;
	return &store->mechanism;
}

CK_MECHANISM_PTR guest_mechanism(struct mechanism_store *store, const struct material *material,
				 size_t text_length)
{
	unsigned char *iv = (void *)material->iv, *aad = (void *)material->aad;
	size_t tag = guest_tag_length(material), counter_bits;

	*store = (struct mechanism_store){.mechanism = {.mechanism = material->type}};
	switch (material->type) {
	case CKM_AES_CBC:
	case CKM_AES_CBC_PAD:
	case CKM_AES_CTS:
	case CKM_AES_XTS:
	case CKM_AES_OFB:
	case CKM_AES_CFB128:
		return with(store, iv, 16);
	case CKM_AES_CTR:
		store->parameter.ctr.counter_bits = 128;
		memcpy(store->parameter.ctr.counter, iv, 16);
		return with(store, &store->parameter, sizeof(struct ctr_params));
	case CKM_KCRYPTOKI_ADIANTUM_XCHACHA12_AES:
	case CKM_KCRYPTOKI_ADIANTUM_XCHACHA20_AES:
	case CKM_KCRYPTOKI_AES_HCTR2:
		return with(store, iv, 32);
	case CKM_CHACHA20:
		counter_bits = material->counter_bits ? material->counter_bits : 32;
		store->parameter.chacha20 = (struct chacha20_params){
			iv, counter_bits, iv + counter_bits / 8, 128 - counter_bits};
		return with(store, &store->parameter, sizeof(struct chacha20_params));
	case CKM_AES_GMAC:
		store->parameter.gcm =
			(struct gcm_params){.iv = iv, .iv_len = 12, .iv_bits = 96, .tag_bits = 128};
		return with(store, &store->parameter, sizeof(struct gcm_params));
	case CKM_AES_GCM:
		store->parameter.gcm = (struct gcm_params){.iv = iv,
							   .iv_len = nonce_length(material),
							   .iv_bits = 96,
							   .aad = aad,
							   .aad_len = material->aad_length,
							   .tag_bits = 8 * tag};
		return with(store, &store->parameter, sizeof(struct gcm_params));
	case CKM_AES_CCM:
		store->parameter.ccm = (struct ccm_params){.data_len = text_length,
							   .nonce = iv,
							   .nonce_len = nonce_length(material),
							   .aad = aad,
							   .aad_len = material->aad_length,
							   .mac_len = tag};
		return with(store, &store->parameter, sizeof(struct ccm_params));
	case CKM_CHACHA20_POLY1305:
		store->parameter.chacha20_poly1305 =
			(struct chacha20_poly1305_params){iv, 96, aad, material->aad_length};
		return with(store, &store->parameter, sizeof(struct chacha20_poly1305_params));
	default:
		return &store->mechanism;
	}
}

/* clang-format off */
/* libcrypto's names: of digests, also under their HMACs; and of ciphers, "AES-256-" before some. */
static const struct {
	CK_MECHANISM_TYPE digest, hmac;
	const char *name;
} digests[] = {
	{CKM_MD5, CKM_MD5_HMAC, "MD5"}, {CKM_SHA_1, CKM_SHA_1_HMAC, "SHA1"},
	{CKM_SHA224, CKM_SHA224_HMAC, "SHA224"}, {CKM_SHA256, CKM_SHA256_HMAC, "SHA256"},
	{CKM_SHA384, CKM_SHA384_HMAC, "SHA384"}, {CKM_SHA512, CKM_SHA512_HMAC, "SHA512"},
	{CKM_SHA3_224, CKM_SHA3_224_HMAC, "SHA3-224"}, {CKM_SHA3_256, CKM_SHA3_256_HMAC, "SHA3-256"},
	{CKM_SHA3_384, CKM_SHA3_384_HMAC, "SHA3-384"}, {CKM_SHA3_512, CKM_SHA3_512_HMAC, "SHA3-512"},
	{CKM_BLAKE2B_512, CKM_BLAKE2B_512, "BLAKE2b512"}, {CKM_RIPEMD160, CKM_RIPEMD160_HMAC, "RIPEMD160"},
};
static const struct {
	CK_MECHANISM_TYPE type;
	const char *mode;
	bool other; /* than AES */
} ciphers[] = {
	{CKM_AES_ECB, "ECB", false}, {CKM_AES_CBC, "CBC", false}, {CKM_AES_CBC_PAD, "CBC", false},
	{CKM_AES_CTR, "CTR", false}, {CKM_AES_OFB, "OFB", false}, {CKM_AES_CFB128, "CFB", false},
	{CKM_AES_CTS, "CBC-CTS", false}, {CKM_AES_XTS, "XTS", false}, {CKM_AES_CCM, "CCM", false},
	{CKM_AES_GCM, "GCM", false}, {CKM_AES_KEY_WRAP, "WRAP", false},
	{CKM_AES_KEY_WRAP_KWP, "WRAP-PAD", false}, {CKM_CHACHA20, "ChaCha20", true},
	{CKM_CHACHA20_POLY1305, "ChaCha20-Poly1305", true},
};
/* clang-format on */

static const char *digest_name(CK_MECHANISM_TYPE type)
{
	for (size_t i = 0; i < sizeof(digests) / sizeof(*digests); i++)
		if (digests[i].digest == type || digests[i].hmac == type)
			return digests[i].name;
	return NULL;
}

static EVP_CIPHER *cipher_of(const struct material *material)
{
	size_t bits = 8 * material->key_length / (material->type == CKM_AES_XTS ? 2 : 1), i = 0;
	char name[32];

	while (i < sizeof(ciphers) / sizeof(*ciphers) && ciphers[i].type != material->type)
		i++;
	if (i == sizeof(ciphers) / sizeof(*ciphers))
		return NULL;
	snprintf(name, sizeof(name), "AES-%zu-%s", bits, ciphers[i].mode);
	return EVP_CIPHER_fetch(NULL, ciphers[i].other ? ciphers[i].mode : name, NULL);
}

/* A failure of libcrypto's is none of the module's, and nothing to go on from. */
static void must(bool success)
{
	if (success)
		return;
	printf("Bail out! libcrypto failed\n");
	fflush(stdout);
	_exit(1);
}

static size_t encrypt(const struct material *material, const unsigned char *in, size_t length,
		      unsigned char *out)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	EVP_CIPHER *cipher = cipher_of(material);
	size_t total, tag = guest_tag_length(material);
	bool ccm = material->type == CKM_AES_CCM;
	/* Key wrap has an initial value of its own. */
	bool wrap = cipher && EVP_CIPHER_get_mode(cipher) == EVP_CIPH_WRAP_MODE;
	int made = 0, rest = 0;

	must(context && cipher && EVP_EncryptInit_ex2(context, cipher, NULL, NULL, NULL));
	if (tag)
		must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_IVLEN,
					 (int)nonce_length(material), NULL));
	if (ccm)
		must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, (int)tag, NULL));
	must(EVP_EncryptInit_ex2(context, NULL, material->key, wrap ? NULL : material->iv, NULL));
	must(EVP_CIPHER_CTX_set_padding(context, material->type == CKM_AES_CBC_PAD));
	if (ccm)
		must(EVP_EncryptUpdate(context, NULL, &made, NULL, (int)length));
	if (material->aad_length)
		must(EVP_EncryptUpdate(context, NULL, &made, material->aad,
				       (int)material->aad_length));
	made = 0;
	if (length || ccm)
		must(EVP_EncryptUpdate(context, out, &made, in, (int)length));
	must(EVP_EncryptFinal_ex(context, out + made, &rest));
	total = (size_t)made + (size_t)rest;
	if (tag)
		must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, (int)tag, out + total));
	EVP_CIPHER_free(cipher);
	EVP_CIPHER_CTX_free(context);
	return total + tag;
}

/* GMAC is the tag of GCM over AAD alone. */
static size_t authenticate(const struct material *material, const unsigned char *in, size_t length,
			   unsigned char *out)
{
	struct material gcm = *material;

	gcm.type = CKM_AES_GCM;
	gcm.aad = in;
	gcm.aad_length = length;
	return encrypt(&gcm, NULL, 0, out);
}

static size_t mac(const struct material *material, const char *name, const char *digest,
		  const unsigned char *in, size_t length, unsigned char *out)
{
	size_t made = 0;

	must(EVP_Q_mac(NULL, name, NULL, digest, NULL, material->key, material->key_length, in,
		       length, out, GUEST_SLACK, &made) != NULL);
	return made;
}

size_t guest_expect(const struct material *material, const unsigned char *in, size_t length,
		    unsigned char *out)
{
	const char *digest = digest_name(material->type);
	size_t made = 0;

	if (material->type == CKM_AES_GMAC)
		return authenticate(material, in, length, out);
	if (material->type == CKM_AES_CMAC)
		return mac(material, "CMAC",
			   material->key_length == 16   ? "AES-128-CBC"
			   : material->key_length == 24 ? "AES-192-CBC"
							: "AES-256-CBC",
			   in, length, out);
	if (!digest)
		return encrypt(material, in, length, out);
	if (material->key_length)
		return mac(material, "HMAC", digest, in, length, out);
	must(EVP_Q_digest(NULL, digest, NULL, in, length, out, &made));
	return made;
}

int guest_run(struct token *t, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key,
	      const struct material *material, enum token_kind kind, const unsigned char *in,
	      size_t length, enum token_manner manner, const struct token_split *split)
{
	struct mechanism_store store;
	unsigned char *made = malloc(length + GUEST_SLACK);
	struct token_job job = {.kind = kind, .key = key};
	int result;

	if (!made)
		return guest_error(t, "out of memory");
	job.mechanism = guest_mechanism(&store, material, length);
	job.in = (unsigned char *)in;
	job.in_length = length;
	job.out = made;
	job.out_length = guest_expect(material, in, length, made);
	job.room = job.out_length;
	if (kind == TOKEN_DECRYPT) {
		job.in = made;
		job.in_length = job.out_length;
		job.out = in;
		job.out_length = length;
		job.room = material->type == CKM_AES_CBC_PAD ? job.in_length : length;
	}
	if (split)
		result = token_run_parts(t, session, &job, manner, split);
	else
		result = token_run(t, session, &job, manner);
	free(made);
	return result;
}

CK_SESSION_HANDLE guest_session(void)
{
	CK_SESSION_HANDLE session;

	GUEST_OK(token_session(&token, 0, &session));
	return session;
}

int guest_freeze(struct token *t, key_serial_t serial)
{
	key_perm_t perm = KEY_POS_VIEW | KEY_POS_READ | KEY_POS_SEARCH | KEY_POS_LINK |
			  KEY_USR_VIEW | KEY_USR_READ | KEY_USR_SEARCH;

	if (keyctl_setperm(serial, perm) != 0)
		return guest_error(t, "keyctl_setperm: %s", strerror(errno));
	return 0;
}

struct token_key guest_key(CK_SESSION_HANDLE session, const char *key_type, const void *payload,
			   size_t length, bool frozen)
{
	static unsigned int number;
	char label[32], description[128];
	struct token_key key = {0};
	CK_ULONG count = 0;

	if (!frozen || !token.keyring_type)
		GUEST_OK(token_key_put(&token, session, NULL, key_type, NULL, payload, length,
				       &key));
	if (!frozen)
		return key;
	/* The module looks at permissions when it first sees a key: so this one is finished before
	 * it looks. */
	if (key.serial)
		token_key_drop(&key);
	snprintf(label, sizeof(label), "frozen-%ld-%u", (long)getpid(), number++);
	snprintf(description, sizeof(description), "pkcs11:object=%s?x-key-type=%s", label,
		 key_type);
	key.serial =
		add_key(token.keyring_type, description, payload, length, KEY_SPEC_USER_KEYRING);
	if (key.serial < 0)
		guest_fail("add_key: %s", strerror(errno));
	GUEST_OK(guest_freeze(&token, key.serial));
	GUEST_OK(token_find(&token, session, CKO_SECRET_KEY, label, &key.object, 1, &count));
	assert_int_equal(count, 1);
	key.length = length;
	return key;
}

void guest_need_keys(void)
{
	CK_SESSION_HANDLE session;
	struct token_key key;

	guest_need(CKM_AES_CBC);
	session = guest_session();
	key = guest_key(session, "aes", "sixteen bytes...", 16, false);
	token_key_drop(&key);
	GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
}

uint64_t guest_random(uint64_t *state)
{
	/* xorshift64 */
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

void guest_fill(unsigned char *bytes, size_t length, uint64_t seed)
{
	uint64_t state = seed * 0x9e3779b97f4a7c15 + 1, word = 0;

	for (size_t i = 0; i < length; i++, word >>= 8) {
		if (i % 8 == 0)
			word = guest_random(&state);
		bytes[i] = (unsigned char)word;
	}
}

void guest_split(struct token_split *split, size_t length, uint64_t seed)
{
	uint64_t state = seed * 0x9e3779b97f4a7c15 + 1;

	for (split->n = 0; length; split->n++) {
		size_t most = length > 64 ? length / 8 : length;
		size_t part =
			split->n + 1 < TOKEN_PARTS_MAX ? guest_random(&state) % most | 1 : length;

		split->part[split->n] = part;
		length -= part;
	}
}

pid_t guest_fork(guest_job run, void *argument)
{
	struct token mine;
	pid_t child;

	fflush(NULL);
	child = fork();
	if (child)
		return child;
	alarm(CHILD_SECONDS);
	mine = token;
	if (run(&mine, argument) == 0)
		_exit(0);
	dprintf(STDOUT_FILENO, "# in a child: %s\n", mine.error);
	_exit(1);
}

void guest_reap(pid_t child)
{
	int status = -1;

	if (child < 0 || waitpid(child, &status, 0) != child)
		guest_fail("fork or waitpid: %s", strerror(errno));
	if (status)
		guest_fail("a child ended with status 0x%x (in the low 7 bits: signal)", status);
}

void guest_child(guest_job run, void *argument)
{
	guest_reap(guest_fork(run, argument));
}

struct thread {
	guest_job run;
	void *argument;
	struct token token;
	int result;
};

static void *run_thread(void *argument)
{
	struct thread *thread = argument;

	thread->result = thread->run(&thread->token, thread->argument);
	return NULL;
}

void guest_thread(guest_job run, void *argument)
{
	struct thread thread = {.run = run, .argument = argument, .token = token};
	pthread_t id;

	assert_int_equal(pthread_create(&id, NULL, run_thread, &thread), 0);
	pthread_join(id, NULL);
	if (thread.result != 0)
		guest_fail("in a thread: %s", thread.token.error);
}
