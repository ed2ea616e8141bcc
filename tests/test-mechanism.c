/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "facts.h"
#include "fake-kernel.h"
#include "kcryptoki.h"
#include "kernel/alg.h"
#include "mech/derive.h"
#include "mech/engine.h"
#include "mech/parameter.h"

/* Itself, for ROWS_MAX. */
/* NOLINTNEXTLINE(bugprone-suspicious-include) */
#include "mech/mechanism.c"

static int setup(void **state)
{
	fake_reset();
	mechanisms_start(FAMILY_ALL);
	return 0;
}

static int teardown(void **state)
{
	return fake_open_sockets() ? -1 : 0;
}

/* All of the short ones; of the long ones, which differ in nothing, some, and those at the end. */
static ssize_t next_length(ssize_t len)
{
	return len < 600 || len > KEY_MAX - 97 ? len + 1 : len + 97;
}

static bool ends(const char *name, const char *end)
{
	size_t len = strlen(name), end_len = strlen(end);

	return len > end_len && !strcmp(name + len - end_len, end);
}

static void names_are_those_of_the_numbers(void **state)
{
	assert_int_equal(n_mechanisms, sizeof(expected) / sizeof(*expected));
	for (size_t i = 0; i < n_mechanisms; i++) {
		const struct mechanism *row = mechanism_find(expected[i].number);

		assert_int_equal(expected[i].type, expected[i].number);
		if (!row)
			fail_msg("there is no %s", expected[i].name);
		assert_string_equal(row->name, expected[i].name);
		if (!expected[i].kernel_name) {
			assert_null(row->kernel_name);
			continue;
		}
		assert_string_equal(row->kernel_name, expected[i].kernel_name);
	}
}

static void rows_are_unique(void **state)
{
	assert_true(n_mechanisms <= ROWS_MAX);
	for (size_t i = 0; i < n_mechanisms; i++) {
		assert_ptr_equal(mechanism_find(mechanisms[i].type), &mechanisms[i]);
		for (size_t j = 0; j < i; j++) {
			assert_int_not_equal(mechanisms[i].type, mechanisms[j].type);
			assert_string_not_equal(mechanisms[i].name, mechanisms[j].name);
		}
	}
	assert_null(mechanism_find(CKM_RSA_PKCS));
	assert_null(mechanism_find((CK_MECHANISM_TYPE)-1));
	assert_null(mechanism_find(CKM_VENDOR_DEFINED));
}

/* As in a key's x-mechanisms. */
static void every_row_has_a_name_for_restrictions(void **state)
{
	static const char *const strange[] = {"",        "aes",     "aes-cb",      "aes_cbc",
					      "AES-CBC", "Aes-cbc", "ckm-aes-cbc", "aes-cbc-",
					      "aes-cbd", "-"};
	char name[64];

	for (size_t i = 0; i < n_mechanisms; i++) {
		const char *own = expected[i].name + strlen("CKM_");
		size_t len = strlen(own);

		for (size_t j = 0; j <= len; j++)
			name[j] = own[j] == '_'                    ? '-'
				  : own[j] >= 'A' && own[j] <= 'Z' ? (char)(own[j] + 'a' - 'A')
								   : own[j];
		assert_ptr_equal(mechanism_named(name, len), mechanism_find(expected[i].type));
		/* The length counts, not what is behind it. */
		name[len] = 'x';
		assert_ptr_equal(mechanism_named(name, len), mechanism_find(expected[i].type));
		assert_null(mechanism_named(name, len + 1));
	}
	for (size_t i = 0; i < sizeof(strange) / sizeof(*strange); i++)
		assert_null(mechanism_named(strange[i], strlen(strange[i])));
}

/* FIPS 180-4, figure 1, FIPS 202, RFC 1321, RFC 7693 and the paper on RIPEMD-160. */
static size_t digest_size(const char *name)
{
	static const struct {
		const char *part;
		size_t size;
	} sizes[] = {{"MD5", 16},         {"SHA_1", 20},       {"SHA224", 28},
		     {"SHA256", 32},      {"SHA384", 48},      {"SHA512", 64},
		     {"SHA3_224", 28},    {"SHA3_256", 32},    {"SHA3_384", 48},
		     {"SHA3_512", 64},    {"BLAKE2B_160", 20}, {"BLAKE2B_256", 32},
		     {"BLAKE2B_384", 48}, {"BLAKE2B_512", 64}, {"RIPEMD160", 20}};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		if (begins(name + strlen("CKM_"), sizes[i].part))
			return sizes[i].size;
	return 0;
}

static size_t mac_size(const char *name)
{
	if (ends(name, "_96"))
		return 12; /* RFC 3566, section 4.3 */
	if (begins(name, "CKM_DES3_"))
		return 8;
	return begins(name, "CKM_AES_") ? 16 : digest_size(name);
}

static size_t block_size(const char *kernel_name)
{
	return strstr(kernel_name, "des3_ede") || strstr(kernel_name, "blowfish") ||
			       strstr(kernel_name, "cast5")
		       ? 8
	       : !strcmp(kernel_name, "chacha20") ? 64
						  : 16;
}

static void check_key(const struct mechanism *row)
{
	bool hmac = begins(row->kernel_name, "hmac(");
	CK_KEY_TYPE type = key_type(row->kernel_name);

	assert_int_equal(mechanism_takes_key(row), type != CK_UNAVAILABLE_INFORMATION);
	for (ssize_t len = -1; len <= KEY_MAX + 1; len = next_length(len))
		if (mechanism_fits_length(row, len) != takes_length(row->kernel_name, len))
			fail_msg("%s and a key of %zd bytes", row->name, len);
	if (!mechanism_takes_key(row))
		return;
	assert_true(mechanism_fits_key(row, type));
	assert_int_equal(mechanism_fits_key(row, CKK_GENERIC_SECRET), hmac);
	for (CK_KEY_TYPE other = 0; other < 0x60; other++)
		if (other != type && !(hmac && other == CKK_GENERIC_SECRET))
			assert_false(mechanism_fits_key(row, other));
	assert_int_equal(mechanism_fits_key(row, CKK_KCRYPTOKI_ADIANTUM),
			 type == CKK_KCRYPTOKI_ADIANTUM);
}

static void check_hash(const struct mechanism *row)
{
	bool mac = strchr(row->kernel_name, '('), general = ends(row->name, "_GENERAL");

	assert_string_equal(row->kernel_type, "hash");
	assert_int_equal(row->size, mac ? mac_size(row->name) : digest_size(row->name));
	assert_int_equal(row->flags, mac ? CKF_SIGN | CKF_VERIFY | CKF_MESSAGE_SIGN |
						     CKF_MESSAGE_VERIFY | CKF_MULTI_MESSAGE
					 : CKF_DIGEST);
	assert_ptr_equal(row->decode, general ? parameter_mac_general : parameter_none);
	assert_int_equal(row->block + row->iv + row->least, 0);
}

/* Those of which section 6 says that they wrap keys, as far as C_WrapKey takes them. */
static CK_FLAGS wraps(const char *name)
{
	static const char *const names[] = {"CKM_AES_CBC_PAD",        "CKM_AES_GCM",
					    "CKM_AES_KEY_WRAP",       "CKM_AES_KEY_WRAP_PAD",
					    "CKM_AES_KEY_WRAP_PKCS7", "CKM_AES_KEY_WRAP_KWP"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(names[i], name))
			return CKF_WRAP | CKF_UNWRAP;
	return 0;
}

static void check_cipher(const struct mechanism *row)
{
	const char *kernel_name = row->kernel_name;
	bool counter = begins(kernel_name, "ctr("), chacha = !strcmp(kernel_name, "chacha20");
	bool iv = !counter && !chacha && !begins(kernel_name, "ecb(");

	assert_string_equal(row->kernel_type, "skcipher");
	assert_int_equal(row->flags, CKF_ENCRYPT | CKF_DECRYPT | wraps(row->name));
	assert_int_equal(row->size, 0);
	assert_int_equal(row->block, block_size(kernel_name));
	assert_int_equal(row->iv, !iv                                ? 0
				  : begins(kernel_name, "adiantum(") ? 32
				  : begins(kernel_name, "hctr2(")    ? 32
								     : row->block);
	assert_ptr_equal(row->decode, iv        ? parameter_iv
				      : counter ? parameter_ctr
				      : chacha  ? parameter_chacha20
						: parameter_none);
	assert_int_equal(row->stream, counter || chacha || begins(kernel_name, "ofb(") ||
					      begins(kernel_name, "cfb("));
	assert_int_equal(row->padded, ends(row->name, "_PAD"));
	assert_int_equal(row->counted, chacha);
	assert_int_equal(row->stolen, begins(kernel_name, "cts("));
	assert_int_equal(row->least, row->engine == &whole_engine ? 16 : 0);
}

static void check_keywrap(const struct mechanism *row)
{
	assert_string_equal(row->kernel_type, "skcipher");
	assert_string_equal(row->kernel_name, "ecb(aes)");
	assert_int_equal(row->flags, CKF_ENCRYPT | CKF_DECRYPT | wraps(row->name));
	assert_int_equal(row->block, 8);
	assert_int_equal(row->iv, ends(row->name, "_KWP") ? 4 : 8);
	assert_int_equal(row->padded, ends(row->name, "_PAD") || ends(row->name, "_PKCS7"));
	assert_ptr_equal(row->decode, parameter_iv_or_none);
}

static void check_aead(const struct mechanism *row)
{
	bool gmac = ends(row->name, "_GMAC");

	assert_string_equal(row->kernel_type, "aead");
	assert_ptr_equal(row->engine, gmac ? &gmac_engine : &aead_engine);
	assert_int_equal(row->flags, gmac ? CKF_SIGN | CKF_VERIFY
					  : CKF_ENCRYPT | CKF_DECRYPT | CKF_MESSAGE_ENCRYPT |
						     CKF_MESSAGE_DECRYPT | CKF_MULTI_MESSAGE |
						     wraps(row->name));
	assert_ptr_equal(row->decode, gmac                             ? parameter_gmac
				      : begins(row->name, "CKM_AES_G") ? parameter_gcm
				      : begins(row->name, "CKM_AES_C")
					      ? parameter_ccm
					      : parameter_chacha20_poly1305);
	assert_ptr_equal(row->decode_message, gmac                           ? NULL
					      : row->decode == parameter_gcm ? parameter_gcm_message
					      : row->decode == parameter_ccm
						      ? parameter_ccm_message
						      : parameter_chacha20_poly1305_message);
	assert_int_equal(row->size, gmac ? 16 : 0);
	assert_int_equal(row->block + row->iv + row->least, 0);
}

static void check_key_of_derivation(const struct mechanism *row)
{
	bool hkdf = strstr(row->name, "_HKDF_"), aes = strstr(row->name, "_AES_");

	assert_true(mechanism_takes_key(row));
	for (CK_KEY_TYPE type = 0; type < 0x60; type++)
		assert_int_equal(mechanism_fits_key(row, type),
				 aes    ? type == CKK_AES
				 : hkdf ? type == CKK_HKDF || type == CKK_GENERIC_SECRET
					: true);
	for (ssize_t len = -1; len <= KEY_MAX + 1; len = next_length(len))
		assert_int_equal(mechanism_fits_length(row, len),
				 len < 0 || (aes ? len == 16 || len == 24 || len == 32
						 : len >= 1 && len <= KEY_MAX));
}

static void check_derivation(const struct mechanism *row)
{
	bool aes = strstr(row->name, "_AES_"), cbc = strstr(row->name, "_CBC_");

	assert_int_equal(row->flags, CKF_DERIVE);
	assert_non_null(row->derive->run);
	assert_int_equal(row->derive->object_class,
			 ends(row->name, "_HKDF_DATA") ? CKO_DATA : CKO_SECRET_KEY);
	assert_ptr_equal(row->engine, aes ? &cipher_engine : NULL);
	assert_ptr_equal(row->decode, aes ? parameter_encrypt_data : NULL);
	assert_int_equal(row->block, aes ? 16 : 0);
	assert_int_equal(row->iv, cbc ? 16 : 0);
	assert_int_equal(row->size + row->least, 0);
	check_key_of_derivation(row);
}

/* What is generated, by an algorithm that takes such keys. */
static const struct {
	const char *name, *kernel_name;
} generators[] = {
	{"CKM_AES_KEY_GEN", "ecb(aes)"},
	{"CKM_AES_XTS_KEY_GEN", "xts(aes)"},
	{"CKM_SHA_1_KEY_GEN", "hmac(sha1)"},
	{"CKM_SHA224_KEY_GEN", "hmac(sha224)"},
	{"CKM_SHA256_KEY_GEN", "hmac(sha256)"},
	{"CKM_SHA384_KEY_GEN", "hmac(sha384)"},
	{"CKM_SHA512_KEY_GEN", "hmac(sha512)"},
	{"CKM_SHA3_224_KEY_GEN", "hmac(sha3-224)"},
	{"CKM_SHA3_256_KEY_GEN", "hmac(sha3-256)"},
	{"CKM_SHA3_384_KEY_GEN", "hmac(sha3-384)"},
	{"CKM_SHA3_512_KEY_GEN", "hmac(sha3-512)"},
	{"CKM_CHACHA20_KEY_GEN", "chacha20"},
	{"CKM_DES3_KEY_GEN", "ecb(des3_ede)"},
	{"CKM_CAMELLIA_KEY_GEN", "ecb(camellia)"},
	{"CKM_TWOFISH_KEY_GEN", "cbc(twofish)"},
	{"CKM_BLOWFISH_KEY_GEN", "cbc(blowfish)"},
	{"CKM_CAST128_KEY_GEN", "ecb(cast5)"},
	{"CKM_ARIA_KEY_GEN", "ecb(aria)"},
	{"CKM_KCRYPTOKI_ADIANTUM_KEY_GEN", "adiantum(xchacha12,aes)"},
};

/* Random bytes need no algorithm, but whose keys they are decides the rest. */
static void check_generation(const struct mechanism *row)
{
	const char *user = "hmac(sha256)";
	CK_KEY_TYPE type = CKK_GENERIC_SECRET;

	for (size_t i = 0; i < sizeof(generators) / sizeof(*generators); i++) {
		if (strcmp(generators[i].name, row->name))
			continue;
		user = generators[i].kernel_name;
		type = key_type(user);
	}
	if (type == CKK_GENERIC_SECRET)
		assert_int_equal(row->type, CKM_GENERIC_SECRET_KEY_GEN);
	assert_int_equal(row->flags, CKF_GENERATE);
	assert_null(row->kernel_name);
	assert_null(row->engine);
	assert_null(row->decode_message);
	assert_ptr_equal(row->decode, parameter_none);
	assert_int_equal(row->family, family_of(user));
	assert_int_equal(row->size + row->block + row->iv + row->least, 0);
	assert_false(row->any_key || row->key_loose);
	assert_int_equal(row->key_types[0], type);
	assert_int_equal(row->key_types[1], type);
	assert_ptr_equal(mechanism_generating(type), row);
	for (ssize_t len = -1; len <= KEY_MAX + 1; len = next_length(len))
		if (mechanism_fits_length(row, len) != takes_length(user, len))
			fail_msg("%s of %zd bytes", row->name, len);
}

/* Each key type that a row takes can be made, but for those whose rows nobody should choose. */
static void keys_of_each_type_can_be_generated(void **state)
{
	size_t n = 0;

	for (size_t i = 0; i < n_mechanisms; i++) {
		const struct mechanism *row = &mechanisms[i], *from;

		n += row->flags == CKF_GENERATE;
		if (!mechanism_takes_key(row) || row->any_key)
			continue;
		from = mechanism_generating(row->key_types[1]);
		if (row->key_types[1] == CKK_MD5_HMAC || row->key_types[1] == CKK_RIPEMD160_HMAC)
			assert_null(from);
		else
			assert_int_equal(from->key_types[0], row->key_types[1]);
	}
	assert_int_equal(n, sizeof(generators) / sizeof(*generators) + 1);
	assert_null(mechanism_generating(CKK_RSA));
	assert_null(mechanism_generating(CKK_HKDF));
	assert_null(mechanism_generating(CK_UNAVAILABLE_INFORMATION));
}

/* Table "SP800-108 Pseudo Random Functions" of section 6.42.2. */
static bool is_prf(const char *name)
{
	static const char *const names[] = {
		"CKM_SHA_1_HMAC",    "CKM_SHA224_HMAC",   "CKM_SHA256_HMAC",   "CKM_SHA384_HMAC",
		"CKM_SHA512_HMAC",   "CKM_SHA3_224_HMAC", "CKM_SHA3_256_HMAC", "CKM_SHA3_384_HMAC",
		"CKM_SHA3_512_HMAC", "CKM_DES3_CMAC",     "CKM_AES_CMAC"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

/* Ciphers that the kernel would answer wrongly if they came in two requests. */
static bool is_whole(const char *kernel_name)
{
	return begins(kernel_name, "cts(") || begins(kernel_name, "xts(") ||
	       begins(kernel_name, "adiantum(") || begins(kernel_name, "hctr2(");
}

/* Names, flags, kernel interface, engine, decoder, sizes and keys tell the same story. */
static void rows_are_sane(void **state)
{
	for (size_t i = 0; i < n_mechanisms; i++) {
		const struct mechanism *row = &mechanisms[i];
		bool cipher = row->kernel_type && !strcmp(row->kernel_type, "skcipher");

		assert_int_equal(strncmp(row->name, "CKM_", 4), 0);
		assert_true(row->parameter && *row->parameter);
		assert_true(row->size <= ALG_DIGEST_MAX && row->block <= ALG_BLOCK_MAX &&
			    row->iv <= ALG_IV_MAX);
		assert_int_equal(row->prf, is_prf(row->name));
		assert_int_equal(row->derive != NULL, row->flags == CKF_DERIVE);
		assert_int_equal(!row->kernel_name, !row->kernel_type);
		/* Section 6.8: the one mechanism that counts them so. */
		assert_int_equal(row->key_in_bits, row->type == CKM_GENERIC_SECRET_KEY_GEN);
		if (row->derive) {
			check_derivation(row);
			continue;
		}
		if (row->flags & CKF_GENERATE) {
			check_generation(row);
			continue;
		}
		assert_int_equal(row->family, family_of(row->kernel_name));
		if (row->engine != &aead_engine)
			assert_null(row->decode_message);
		check_key(row);
		if (!strcmp(row->kernel_type, "aead")) {
			check_aead(row);
		} else if (cipher && strstr(row->name, "_KEY_WRAP")) {
			assert_ptr_equal(row->engine, &keywrap_engine);
			check_keywrap(row);
		} else if (cipher) {
			assert_ptr_equal(row->engine, is_whole(row->kernel_name) ? &whole_engine
										 : &cipher_engine);
			check_cipher(row);
		} else {
			assert_ptr_equal(row->engine, &hash_engine);
			check_hash(row);
		}
	}
}

/* No length that a row promises is one that the kernel refuses. */
static void the_kernel_arms_every_length_that_a_row_takes(void **state)
{
	static const uint8_t key[KEY_MAX];

	for (size_t i = 0; i < n_mechanisms; i++) {
		const struct mechanism *row = &mechanisms[i];
		int fd;

		if (!row->kernel_name)
			continue;
		fd = alg_bind(row->kernel_type, row->kernel_name);
		assert_true(fd >= 0);
		for (ssize_t len = (ssize_t)row->key_min; len && len <= (ssize_t)row->key_max;
		     len = next_length(len))
			if (mechanism_fits_length(row, len))
				assert_int_equal(alg_set_key(fd, key, (size_t)len), 0);
		if (!mechanism_takes_key(row))
			assert_int_equal(alg_set_key(fd, key, 16), -ENOSYS);
		close(fd);
	}
}

static void all_is_offered_where_all_binds(void **state)
{
	for (size_t i = 0; i < n_mechanisms; i++)
		assert_int_equal(mechanism_offered(&mechanisms[i]), 1);
}

static bool is_called(const struct mechanism *row, const char *kernel_name)
{
	return row->kernel_name && kernel_name && !strcmp(row->kernel_name, kernel_name);
}

/* Each probe may load a kernel module: once for each kernel name, also where two rows share one. */
static void the_kernel_is_asked_once_for_each_name(void **state)
{
	size_t names = 0;

	for (size_t i = 0; i < n_mechanisms; i++) {
		bool first = mechanisms[i].kernel_name;

		for (size_t j = 0; j < i; j++)
			first &= !is_called(&mechanisms[j], mechanisms[i].kernel_name);
		names += first;
		fake_calls_forget();
		mechanisms_start(FAMILY_ALL);
		for (int round = 0; round < 3; round++)
			assert_int_equal(mechanism_offered(&mechanisms[i]), 1);
		assert_int_equal(fake_calls("alg_bind"), mechanisms[i].kernel_name ? 1 : 0);
	}
	assert_int_equal(names, 54);
	fake_calls_forget();
	mechanisms_start(FAMILY_ALL);
	for (int round = 0; round < 3; round++)
		for (size_t i = n_mechanisms; i--;)
			mechanism_offered(&mechanisms[i]);
	assert_int_equal(fake_calls("alg_bind"), names);
	assert_int_equal(fake_open_sockets(), 0);
}

static void what_does_not_bind_is_not_offered(void **state)
{
	for (size_t i = 0; i < n_mechanisms; i++) {
		const char *name = mechanisms[i].kernel_name;

		if (!name)
			continue;
		fake_reset();
		mechanisms_start(FAMILY_ALL);
		fake_alg_hide(name, true);
		for (int round = 0; round < 2; round++)
			for (size_t j = 0; j < n_mechanisms; j++)
				assert_int_equal(mechanism_offered(&mechanisms[j]),
						 !is_called(&mechanisms[j], name));
		/* Remembered until the next C_Initialize. */
		fake_alg_hide(name, false);
		assert_int_equal(mechanism_offered(&mechanisms[i]), 0);
		mechanisms_start(FAMILY_ALL);
		assert_int_equal(mechanism_offered(&mechanisms[i]), 1);
	}
}

/* A shortage says nothing about the algorithm, and is not remembered. */
static void other_errors_are_passed_on(void **state)
{
	static const int errors[] = {-EMFILE, -ENOMEM, -EAFNOSUPPORT, -EPERM};
	const struct mechanism *row = mechanism_find(CKM_SHA256);

	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		fake_fail("alg_bind", 1, errors[i]);
		assert_int_equal(mechanism_offered(row), errors[i]);
	}
	assert_int_equal(mechanism_offered(row), 1);
}

static void families_that_are_not_asked_for_are_never_bound(void **state)
{
	unsigned int families = 0;

	for (unsigned int wanted = 0; wanted <= FAMILY_ALL; wanted++) {
		mechanisms_start(wanted);
		for (size_t i = 0; i < n_mechanisms; i++) {
			const struct mechanism *row = &mechanisms[i];
			bool hidden = row->family & ~wanted;

			fake_calls_forget();
			assert_int_equal(mechanism_offered(row), !hidden);
			if (hidden)
				assert_int_equal(fake_calls("alg_bind"), 0);
			families |= row->family;
		}
	}
	/* Each has a row, and what one C_Initialize offered the next one may hide. */
	assert_int_equal(families, FAMILY_ALL);
	mechanisms_start(FAMILY_ALL);
	assert_int_equal(mechanism_offered(mechanism_find(CKM_DES3_ECB)), 1);
	mechanisms_start(FAMILY_NONE);
	assert_int_equal(mechanism_offered(mechanism_find(CKM_DES3_ECB)), 0);
	/* The numbers and names are known all the same. */
	assert_non_null(mechanism_named("des3-ecb", 8));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(names_are_those_of_the_numbers),
		TEST(rows_are_unique),
		TEST(every_row_has_a_name_for_restrictions),
		TEST(rows_are_sane),
		TEST(keys_of_each_type_can_be_generated),
		TEST(the_kernel_arms_every_length_that_a_row_takes),
		TEST(all_is_offered_where_all_binds),
		TEST(the_kernel_is_asked_once_for_each_name),
		TEST(what_does_not_bind_is_not_offered),
		TEST(other_errors_are_passed_on),
		TEST(families_that_are_not_asked_for_are_never_bound),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("mechanism", tests, NULL, NULL);
}
