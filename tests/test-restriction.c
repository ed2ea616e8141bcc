/* SPDX-License-Identifier: BSD-2-Clause */
/* What a key may be used for: by its description (x-usage, x-mechanisms), its type and its length.
 * Every function that begins something with a key asks. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake-kernel.h"
#include "kcryptoki.h"
#include "pkcs11-parameters.h"
#include "pkcs11.h"

static CK_SESSION_HANDLE session;
static const uint8_t payload[512];
static CK_BYTE iv[32], mac[64];
static char log_path[] = "/tmp/kcryptoki-restriction-XXXXXX", logged[16384];

static struct gcm_params gcm_parameter = {.iv = iv, .iv_len = 12, .tag_bits = 128};
static struct ccm_params ccm_parameter = {
	.data_len = 16, .nonce = iv, .nonce_len = 12, .mac_len = 16};
static struct chacha20_params chacha20_parameter = {
	.block_counter = iv, .block_counter_bits = 32, .nonce = iv, .nonce_bits = 96};
static struct chacha20_poly1305_params poly1305_parameter = {.nonce = iv, .nonce_len = 96};
static struct ctr_params ctr_parameter = {.counter_bits = 32};

static CK_RV init_signature(CK_SESSION_HANDLE in, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	/* A MAC of SHA-256's or AES' length, as the mechanism wants it. */
	CK_ULONG len = mechanism && (mechanism->mechanism == CKM_SHA256_HMAC) ? 32 : 16;

	return C_VerifySignatureInit(in, mechanism, key, mac, len);
}

/* Every function that begins something with a key. MESSAGES: each message brings the parameter. */
static const struct beginning {
	const char *usage;
	CK_RV (*init)(CK_SESSION_HANDLE, CK_MECHANISM *, CK_OBJECT_HANDLE);
	bool macs, messages;
} beginnings[] = {
	{"encrypt", C_EncryptInit, false, false},
	{"decrypt", C_DecryptInit, false, false},
	{"sign", C_SignInit, true, false},
	{"verify", C_VerifyInit, true, false},
	{"verify", init_signature, true, false},
	{"encrypt", C_MessageEncryptInit, false, true},
	{"decrypt", C_MessageDecryptInit, false, true},
	{"sign", C_MessageSignInit, true, true},
	{"verify", C_MessageVerifyInit, true, true},
};

enum { BEGINNINGS = sizeof(beginnings) / sizeof(*beginnings) };

/* Two mechanisms each, that take the same key. */
static CK_MECHANISM mechanism_of(const struct beginning *beginning, bool second)
{
	if (beginning->macs)
		return (CK_MECHANISM){second ? CKM_AES_CMAC : CKM_SHA256_HMAC, NULL, 0};
	if (beginning->messages)
		return (CK_MECHANISM){second ? CKM_AES_CCM : CKM_AES_GCM, NULL, 0};
	if (second)
		return (CK_MECHANISM){CKM_AES_CCM, &ccm_parameter, sizeof(ccm_parameter)};
	return (CK_MECHANISM){CKM_AES_GCM, &gcm_parameter, sizeof(gcm_parameter)};
}

static CK_OBJECT_HANDLE find(const char *label)
{
	CK_ULONG class = CKO_SECRET_KEY, count = 0;
	CK_ATTRIBUTE template[] = {{CKA_LABEL, (void *)label, strlen(label)},
				   {CKA_CLASS, &class, sizeof(class)}};
	CK_OBJECT_HANDLE object = 0;

	assert_int_equal(C_FindObjectsInit(session, template, 2), CKR_OK);
	assert_int_equal(C_FindObjects(session, &object, 1, &count), CKR_OK);
	assert_int_equal(C_FindObjectsFinal(session), CKR_OK);
	return count ? object : CK_INVALID_HANDLE;
}

/* A key whose description's query is QUERY, and its serial number. */
static CK_OBJECT_HANDLE add_serial(const char *type, const char *query, size_t len, int32_t *serial)
{
	static unsigned int number;
	char label[16], description[4096];

	snprintf(label, sizeof(label), "k%u", ++number);
	snprintf(description, sizeof(description), "pkcs11:object=%s?%s", label, query);
	*serial = fake_key_add(FAKE_USER_KEYRING, type, description, payload, len, FAKE_PERM);
	return find(label);
}

static CK_OBJECT_HANDLE add(const char *query, size_t len)
{
	int32_t serial;

	return add_serial("logon", query, len, &serial);
}

static CK_RV begin(const struct beginning *beginning, CK_MECHANISM mechanism, CK_OBJECT_HANDLE key)
{
	CK_RV rv = beginning->init(session, &mechanism, key);

	assert_int_equal(C_SessionCancel(session, (CK_FLAGS)-1), CKR_OK);
	return rv;
}

/* AES keys and secrets of one length: what takes the one does not take the other. */
static const char *type_of(const struct beginning *beginning, bool second)
{
	return beginning->macs && !second ? "generic-secret" : "aes";
}

static const char *read_log(void)
{
	FILE *file = fopen(log_path, "r");
	size_t len = file ? fread(logged, 1, sizeof(logged) - 1, file) : 0;

	if (file)
		fclose(file);
	logged[len] = '\0';
	return logged;
}

static int setup(void **state)
{
	fake_reset();
	if (truncate(log_path, 0))
		return -1;
	return C_Initialize(NULL) == CKR_OK &&
			       C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &session) == CKR_OK
		       ? 0
		       : -1;
}

static int teardown(void **state)
{
	return C_Finalize(NULL) != CKR_OK || fake_open_sockets() ? -1 : 0;
}

static void a_key_has_its_mechanisms_only(void **state)
{
	static const char *const names[2][2] = {{"aes-gcm", "aes-ccm"},
						{"sha256-hmac", "aes-cmac"}};

	for (size_t i = 0; i < BEGINNINGS; i++) {
		const struct beginning *beginning = &beginnings[i];

		for (int second = 0; second < 2; second++) {
			CK_MECHANISM mechanism = mechanism_of(beginning, second);
			const char *own = names[beginning->macs][second],
				   *other = names[beginning->macs][!second],
				   *type = type_of(beginning, second);
			char query[128];

			snprintf(query, sizeof(query), "x-key-type=%s&x-mechanisms=%s", type, own);
			assert_int_equal(begin(beginning, mechanism, add(query, 16)), CKR_OK);
			snprintf(query, sizeof(query), "x-key-type=%s&x-mechanisms=%s,aes-cbc,%s",
				 type, other, own);
			assert_int_equal(begin(beginning, mechanism, add(query, 16)), CKR_OK);
			snprintf(query, sizeof(query), "x-key-type=%s&x-mechanisms=%s,aes-cbc",
				 type, other);
			assert_int_equal(begin(beginning, mechanism, add(query, 16)),
					 CKR_MECHANISM_INVALID);
			/* None is allowed, which is not the same as nothing said. */
			snprintf(query, sizeof(query), "x-key-type=%s&x-mechanisms=", type);
			assert_int_equal(begin(beginning, mechanism, add(query, 16)),
					 CKR_MECHANISM_INVALID);
			snprintf(query, sizeof(query), "x-key-type=%s", type);
			assert_int_equal(begin(beginning, mechanism, add(query, 16)), CKR_OK);
		}
	}
}

/* An administrator who looks for the reason finds the key's own restriction, not the kernel's. */
static void the_log_says_which_mechanism_was_not_allowed(void **state)
{
	CK_OBJECT_HANDLE key = add("x-mechanisms=aes-ccm", 16);

	assert_int_equal(begin(&beginnings[0], mechanism_of(&beginnings[0], true), key), CKR_OK);
	assert_null(strstr(read_log(), "x-mechanisms"));
	assert_int_equal(begin(&beginnings[0], mechanism_of(&beginnings[0], false), key),
			 CKR_MECHANISM_INVALID);
	assert_non_null(strstr(read_log(), "CKM_AES_GCM is not one of the key's x-mechanisms"));
}

static void allowed_mechanisms_are_an_attribute(void **state)
{
	CK_MECHANISM_TYPE list[8];
	CK_ATTRIBUTE attribute = {CKA_ALLOWED_MECHANISMS, list, sizeof(list)};
	CK_OBJECT_HANDLE key = add("x-mechanisms=aes-ccm,aes-gcm,aes-cmac", 16);

	assert_int_equal(C_GetAttributeValue(session, key, &attribute, 1), CKR_OK);
	assert_int_equal(attribute.ulValueLen, 3 * sizeof(*list));
	assert_int_equal(list[0], CKM_AES_CCM);
	assert_int_equal(list[1], CKM_AES_GCM);
	assert_int_equal(list[2], CKM_AES_CMAC);
}

static void a_key_with_unknown_mechanisms_is_not_there(void **state)
{
	assert_int_equal(add("x-mechanisms=aes-gcm,rot13", 16), CK_INVALID_HANDLE);
	assert_non_null(strstr(read_log(), "is not presented: its x-mechanisms names one"));
	/* One that is known, but not offered here, is a restriction like any other. */
	fake_alg_hide("gcm(aes)", true);
	assert_int_equal(begin(&beginnings[0], mechanism_of(&beginnings[0], false),
			       add("x-mechanisms=aes-gcm", 16)),
			 CKR_MECHANISM_INVALID);
	assert_int_not_equal(add("x-mechanisms=des3-cbc", 24), CK_INVALID_HANDLE);
}

static void a_key_has_its_usages_only(void **state)
{
	static const char *const usages[] = {"encrypt", "decrypt", "sign",  "verify",
					     "wrap",    "unwrap",  "derive"};

	for (size_t i = 0; i < BEGINNINGS; i++) {
		const struct beginning *beginning = &beginnings[i];
		CK_MECHANISM mechanism = mechanism_of(beginning, false);
		const char *type = type_of(beginning, false);
		char query[128], others[64] = "";

		for (size_t u = 0; u < 7; u++) {
			bool own = !strcmp(usages[u], beginning->usage);

			snprintf(query, sizeof(query), "x-key-type=%s&x-usage=%s", type, usages[u]);
			assert_int_equal(begin(beginning, mechanism, add(query, 16)),
					 own ? CKR_OK : CKR_KEY_FUNCTION_NOT_PERMITTED);
			if (!own)
				strcat(strcat(others, *others ? "," : ""), usages[u]);
		}
		snprintf(query, sizeof(query), "x-key-type=%s&x-usage=%s", type, others);
		assert_int_equal(begin(beginning, mechanism, add(query, 16)),
				 CKR_KEY_FUNCTION_NOT_PERMITTED);
		snprintf(query, sizeof(query), "x-key-type=%s&x-usage=", type);
		assert_int_equal(begin(beginning, mechanism, add(query, 16)),
				 CKR_KEY_FUNCTION_NOT_PERMITTED);
	}
}

static void a_key_has_one_type(void **state)
{
	static const char *const types[] = {"aes",      "generic-secret", "aes-xts",
					    "chacha20", "des3",           "sha256-hmac",
					    "md5-hmac", "camellia",       "kcryptoki-adiantum"};

	for (size_t i = 0; i < BEGINNINGS; i++) {
		const struct beginning *beginning = &beginnings[i];

		for (size_t t = 0; t < sizeof(types) / sizeof(*types); t++) {
			bool fits = beginning->macs ? !strcmp(types[t], "generic-secret") ||
							      !strcmp(types[t], "sha256-hmac")
						    : !strcmp(types[t], "aes");
			char query[64];

			snprintf(query, sizeof(query), "x-key-type=%s", types[t]);
			assert_int_equal(
				begin(beginning, mechanism_of(beginning, false), add(query, 32)),
				fits ? CKR_OK : CKR_KEY_TYPE_INCONSISTENT);
		}
	}
}

/* Where the kernel would take other lengths, too. */
static void a_key_has_a_length_of_its_mechanism(void **state)
{
	static const struct {
		CK_MECHANISM mechanism;
		bool macs;
		const char *type;
		size_t good[5], bad[6];
	} cases[] = {
		{{CKM_AES_XTS, iv, 16}, false, "aes-xts", {32, 64}, {16, 24, 31, 48, 63, 96}},
		{{CKM_AES_CBC, iv, 16}, false, "aes", {16, 24, 32}, {8, 15, 17, 20, 31, 48}},
		{{CKM_AES_CTR, &ctr_parameter, sizeof(ctr_parameter)},
		 false,
		 "aes",
		 {16, 24, 32},
		 {1, 28, 33, 64}},
		{{CKM_AES_GCM, &gcm_parameter, sizeof(gcm_parameter)},
		 false,
		 "aes",
		 {16, 24, 32},
		 {15, 40}},
		{{CKM_AES_KEY_WRAP, NULL, 0}, false, "aes", {16, 24, 32}, {18, 30, 48}},
		{{CKM_CHACHA20, &chacha20_parameter, sizeof(chacha20_parameter)},
		 false,
		 "chacha20",
		 {32},
		 {16, 24, 31, 33, 64}},
		{{CKM_CHACHA20_POLY1305, &poly1305_parameter, sizeof(poly1305_parameter)},
		 false,
		 "chacha20",
		 {32},
		 {16, 31, 33}},
		{{CKM_KCRYPTOKI_ADIANTUM_XCHACHA12_AES, iv, 32},
		 false,
		 "kcryptoki-adiantum",
		 {32},
		 {16, 31, 33, 64}},
		{{CKM_AES_XCBC_MAC, NULL, 0}, true, "aes", {16}, {24, 32}},
		{{CKM_AES_CMAC, NULL, 0}, true, "aes", {16, 24, 32}, {8, 17, 64}},
		{{CKM_SHA256_HMAC, NULL, 0}, true, "generic-secret", {1, 16, 17, 64, 500}, {0}},
	};

	for (size_t c = 0; c < sizeof(cases) / sizeof(*cases); c++) {
		char query[64];

		snprintf(query, sizeof(query), "x-key-type=%s", cases[c].type);
		for (size_t i = 0; i < BEGINNINGS; i++) {
			const struct beginning *beginning = &beginnings[i];
			CK_MECHANISM mechanism = cases[c].mechanism;

			if (beginning->macs != cases[c].macs)
				continue;
			if (beginning->messages && !beginning->macs) {
				mechanism.pParameter = NULL;
				mechanism.ulParameterLen = 0;
				if (mechanism.mechanism != CKM_AES_GCM &&
				    mechanism.mechanism != CKM_CHACHA20_POLY1305)
					continue;
			}
			for (size_t k = 0; k < 5 && cases[c].good[k]; k++)
				assert_int_equal(
					begin(beginning, mechanism, add(query, cases[c].good[k])),
					CKR_OK);
			for (size_t k = 0; k < 6 && cases[c].bad[k]; k++)
				if (begin(beginning, mechanism, add(query, cases[c].bad[k])) !=
				    CKR_KEY_SIZE_RANGE)
					fail_msg("case %zu, beginning %zu, %zu bytes", c, i,
						 cases[c].bad[k]);
		}
	}
}

/* A key can be given another payload after it was found; an attribute is what it was then. */
static void a_key_that_does_not_fit_is_measured_again(void **state)
{
	static const char *const types[] = {"user", "logon", "encrypted"};
	CK_MECHANISM xts = {CKM_AES_XTS, iv, 16};

	for (size_t i = 0; i < 3; i++) {
		int32_t serial;
		CK_OBJECT_HANDLE key = add_serial(types[i], "x-key-type=aes-xts", 48, &serial);
		CK_ULONG length = 0;
		CK_ATTRIBUTE attribute = {CKA_VALUE_LEN, &length, sizeof(length)};

		assert_int_equal(begin(&beginnings[0], xts, key), CKR_KEY_SIZE_RANGE);
		fake_key_update(serial, payload, 64);
		assert_int_equal(begin(&beginnings[0], xts, key), CKR_OK);
		assert_int_equal(C_GetAttributeValue(session, key, &attribute, 1), CKR_OK);
		assert_int_equal(length, 48);
		fake_key_update(serial, payload, 96);
		assert_int_equal(begin(&beginnings[0], xts, key), CKR_KEY_SIZE_RANGE);
		fake_key_update(serial, payload, 48);
		assert_int_equal(begin(&beginnings[0], xts, key), CKR_KEY_SIZE_RANGE);
	}
}

static void a_key_that_fitted_is_measured_by_the_kernel(void **state)
{
	CK_MECHANISM cbc = {CKM_AES_CBC, iv, 16};
	int32_t serial;
	CK_OBJECT_HANDLE key = add_serial("logon", "x-key-type=aes", 16, &serial);

	assert_int_equal(begin(&beginnings[0], cbc, key), CKR_OK);
	fake_key_update(serial, payload, 17);
	assert_int_equal(begin(&beginnings[0], cbc, key), CKR_KEY_SIZE_RANGE);
	fake_key_update(serial, payload, 32);
	assert_int_equal(begin(&beginnings[0], cbc, key), CKR_OK);
}

/* Kernels arm XTS with keys of AES-192 and, before 7.3, XCBC-MAC with any AES key: there it is for
 * the token to look, unless nobody can change the key. */
static void where_the_kernel_is_not_strict_the_token_is(void **state)
{
	CK_MECHANISM xts = {CKM_AES_XTS, iv, 16}, xcbc = {CKM_AES_XCBC_MAC, NULL, 0};
	int32_t serial;
	CK_OBJECT_HANDLE key = add_serial("logon", "x-key-type=aes-xts", 64, &serial);

	fake_calls_forget();
	assert_int_equal(begin(&beginnings[0], xts, key), CKR_OK);
	assert_int_equal(fake_calls("proc_keys_read"), 1);
	fake_key_update(serial, payload, 48);
	assert_int_equal(begin(&beginnings[0], xts, key), CKR_KEY_SIZE_RANGE);
	fake_key_update(serial, payload, 32);
	assert_int_equal(begin(&beginnings[1], xts, key), CKR_OK);

	key = add_serial("logon", "x-key-type=aes", 16, &serial);
	for (size_t i = 0; i < BEGINNINGS; i++) {
		if (!beginnings[i].macs)
			continue;
		fake_key_update(serial, payload, 16);
		assert_int_equal(begin(&beginnings[i], xcbc, key), CKR_OK);
		fake_key_update(serial, payload, 32);
		assert_int_equal(begin(&beginnings[i], xcbc, key), CKR_KEY_SIZE_RANGE);
	}

	fake_key_add(FAKE_USER_KEYRING, "logon", "pkcs11:object=constant?x-key-type=aes-xts",
		     payload, 64, FAKE_PERM_CONSTANT);
	key = find("constant");
	fake_calls_forget();
	assert_int_equal(begin(&beginnings[0], xts, key), CKR_OK);
	assert_int_equal(fake_calls("proc_keys_read"), 0);
}

/* There the kernel would not refuse a length that is not the mechanism's. */
static void where_the_kernel_is_not_strict_a_length_must_be_known(void **state)
{
	CK_MECHANISM xts = {CKM_AES_XTS, iv, 16}, cbc = {CKM_AES_CBC, iv, 16};
	int32_t xts_serial, aes_serial;
	CK_OBJECT_HANDLE xts_key = add_serial("logon", "x-key-type=aes-xts", 64, &xts_serial);
	CK_OBJECT_HANDLE aes_key = add_serial("logon", "x-key-type=aes", 16, &aes_serial);
	char lines[64];

	assert_int_equal(begin(&beginnings[0], xts, xts_key), CKR_OK);
	snprintf(lines, sizeof(lines), "%08x forged\n%08x forged\n", (unsigned)xts_serial,
		 (unsigned)aes_serial);
	fake_proc_keys_forge(lines);
	assert_int_equal(begin(&beginnings[0], xts, xts_key), CKR_KEY_SIZE_RANGE);
	assert_int_equal(begin(&beginnings[0], cbc, aes_key), CKR_OK);
}

/* Measuring costs a pass over /proc/keys. Elsewhere a key that fits costs none. */
static void a_key_that_fits_costs_no_measuring(void **state)
{
	CK_OBJECT_HANDLE aes = add("x-key-type=aes", 16), odd = add("x-key-type=aes", 17);

	fake_calls_forget();
	for (size_t i = 0; i < BEGINNINGS; i++)
		if (!beginnings[i].macs)
			begin(&beginnings[i], mechanism_of(&beginnings[i], false), aes);
	assert_int_equal(fake_calls("proc_keys_read") + fake_calls("key_read"), 0);
	assert_int_equal(begin(&beginnings[0], mechanism_of(&beginnings[0], false), odd),
			 CKR_KEY_SIZE_RANGE);
	assert_int_equal(fake_calls("proc_keys_read"), 1);
}

/* Without /proc the kernel has the last word. */
static void an_unknown_length_is_left_to_the_kernel(void **state)
{
	CK_MECHANISM cbc = {CKM_AES_CBC, iv, 16};
	CK_OBJECT_HANDLE good, bad;

	fake_fail("proc_keys_read", 1, -EACCES);
	good = add("x-key-type=aes", 16);
	fake_fail("proc_keys_read", 1, -EACCES);
	bad = add("x-key-type=aes", 17);
	fake_calls_forget();
	assert_int_equal(begin(&beginnings[0], cbc, good), CKR_OK);
	assert_int_equal(begin(&beginnings[0], cbc, bad), CKR_KEY_SIZE_RANGE);
	assert_int_equal(fake_calls("alg_set_key_serial"), 2);
}

/* What the caller did wrong comes before what the key does not allow. */
static void refusals_come_in_order(void **state)
{
	CK_OBJECT_HANDLE all_wrong = add("x-key-type=des3&x-usage=derive&x-mechanisms=", 17);
	CK_OBJECT_HANDLE three = add("x-key-type=aes&x-usage=derive&x-mechanisms=", 17);
	CK_OBJECT_HANDLE two = add("x-key-type=aes&x-mechanisms=", 17);
	CK_MECHANISM gcm = mechanism_of(&beginnings[0], false), wrong = {CKM_AES_GCM, iv, 5};

	assert_int_equal(begin(&beginnings[0], gcm, all_wrong), CKR_KEY_TYPE_INCONSISTENT);
	assert_int_equal(begin(&beginnings[0], gcm, three), CKR_KEY_FUNCTION_NOT_PERMITTED);
	assert_int_equal(begin(&beginnings[0], gcm, two), CKR_MECHANISM_INVALID);
	assert_int_equal(begin(&beginnings[0], wrong, add("x-key-type=aes", 17)),
			 CKR_KEY_SIZE_RANGE);
	assert_int_equal(begin(&beginnings[0], wrong, add("x-key-type=aes", 16)),
			 CKR_MECHANISM_PARAM_INVALID);
}

static int make_log(void **state)
{
	int fd = mkstemp(log_path);

	if (fd < 0)
		return -1;
	close(fd);
	return setenv("KCRYPTOKI_DEBUG", log_path, 1);
}

static int drop_log(void **state)
{
	return unlink(log_path);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_key_has_its_mechanisms_only),
		TEST(the_log_says_which_mechanism_was_not_allowed),
		TEST(allowed_mechanisms_are_an_attribute),
		TEST(a_key_with_unknown_mechanisms_is_not_there),
		TEST(a_key_has_its_usages_only),
		TEST(a_key_has_one_type),
		TEST(a_key_has_a_length_of_its_mechanism),
		TEST(a_key_that_does_not_fit_is_measured_again),
		TEST(a_key_that_fitted_is_measured_by_the_kernel),
		TEST(where_the_kernel_is_not_strict_the_token_is),
		TEST(where_the_kernel_is_not_strict_a_length_must_be_known),
		TEST(a_key_that_fits_costs_no_measuring),
		TEST(an_unknown_length_is_left_to_the_kernel),
		TEST(refusals_come_in_order),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("restriction", tests, make_log, drop_log);
}
