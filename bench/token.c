/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any PKCS#11 module, through its function list. Its argument is the path, and after a comma what
 * is asked for: "writable", a key that its user may change, and "brokered", a key that this process
 * does not possess, of the kcryptokid that KCRYPTOKID names, which kcryptoki alone can have; or
 * "server" and an address, where the module is p11-kit-client.so.
 */
#include <dlfcn.h>
#include <keyutils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "keeper.h"
#include "pkcs11-parameters.h"

#define PIN "1234"
#define LABEL "kcryptoki-bench"
#define WRITABLE "kcryptoki-bench-writable"

struct token {
	char path[256];
	bool writable, brokered;
	void *library;
	CK_FUNCTION_LIST *f;
	CK_FUNCTION_LIST_3_0 *messages; /* NULL: it is an older one */
	CK_SLOT_ID slot;
	CK_SESSION_HANDLE session; /* that keeps the login */
};

struct thread {
	struct token *token;
	struct job job;
	const uint8_t *message;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;
	CK_OBJECT_HANDLE *others; /* FIND: the keys among which it is found, but itself */
	CK_MECHANISM mechanism;
	union {
		struct ctr_params ctr;
		struct gcm_params gcm;
		struct gcm_message_params message;
	} parameter;
	uint8_t iv[IV_MAX];
};

#define CALL(call)                                                        \
	do {                                                              \
		CK_RV call_rv_ = (call);                                  \
		if (call_rv_ != CKR_OK)                                   \
			return engine_fail("%s: 0x%lx", #call, call_rv_); \
	} while (0)

static int load(struct token *token)
{
	CK_RV (*list)(CK_FUNCTION_LIST **);
	CK_RV (*interface)(CK_UTF8CHAR *, CK_VERSION *, CK_INTERFACE **, CK_FLAGS);
	CK_INTERFACE *found = NULL;

	token->library = dlopen(token->path, RTLD_NOW | RTLD_LOCAL);
	if (!token->library)
		return engine_fail("%s", dlerror());
	*(void **)&list = dlsym(token->library, "C_GetFunctionList");
	*(void **)&interface = dlsym(token->library, "C_GetInterface");
	if (!list)
		return engine_fail("%s is no PKCS#11 module", token->path);
	CALL(list(&token->f));
	if (interface && interface((CK_UTF8CHAR *)"PKCS 11", NULL, &found, 0) == CKR_OK &&
	    ((CK_VERSION *)found->pFunctionList)->major >= 3)
		token->messages = found->pFunctionList;
	return 0;
}

/* The first token that is ready. */
static int start_token(struct token *token)
{
	CK_C_INITIALIZE_ARGS arguments = {.flags = CKF_OS_LOCKING_OK};
	CK_SLOT_ID slots[16];
	CK_ULONG n = 16;
	CK_TOKEN_INFO info;

	CALL(token->f->C_Initialize(&arguments));
	CALL(token->f->C_GetSlotList(CK_TRUE, slots, &n));
	for (CK_ULONG i = 0; i < n; i++) {
		if (token->f->C_GetTokenInfo(slots[i], &info) != CKR_OK ||
		    !(info.flags & CKF_TOKEN_INITIALIZED) ||
		    !(info.flags & CKF_WRITE_PROTECTED) != !token->brokered)
			continue;
		token->slot = slots[i];
		CALL(token->f->C_OpenSession(token->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL,
					     NULL, &token->session));
		if (info.flags & CKF_LOGIN_REQUIRED)
			CALL(token->f->C_Login(token->session, CKU_USER, (CK_UTF8CHAR *)PIN,
					       sizeof(PIN) - 1));
		return 0;
	}
	return engine_fail("%s has no token", token->path);
}

/* A broker, and a key of it for each type that subjects have. */
static int start_broker(void)
{
	if (keeper_begin("[allow bench]\nlabel = " LABEL
			 "\nmechanisms = sha256-hmac aes-cbc aes-ctr "
			 "aes-gcm sha256\nuid = %d\n") != 0 ||
	    keeper_add("logon", "pkcs11:object=" LABEL "?x-key-type=aes", bench_key, KEY_SIZE, 1) <
		    0 ||
	    keeper_add("logon", "pkcs11:object=" LABEL "?x-key-type=generic-secret", bench_key,
		       KEY_SIZE, 1) < 0 ||
	    keeper_broker() < 0)
		return engine_fail("no broker");
	return 0;
}

static int start(struct engine *engine, const char *argument)
{
	struct token *token = calloc(1, sizeof(*token));
	const char *comma = argument ? strchr(argument, ',') : NULL;

	if (!token || !argument)
		return engine_fail("a token's module is to be named");
	snprintf(token->path, sizeof(token->path), "%.*s",
		 comma ? (int)(comma - argument) : (int)strlen(argument), argument);
	token->writable = comma && strcmp(comma, ",writable") == 0;
	token->brokered = comma && strcmp(comma, ",brokered") == 0;
	if (comma && strncmp(comma, ",server ", 8) == 0)
		setenv("P11_KIT_SERVER_ADDRESS", comma + 8, 1);
	engine->self = token;
	if ((token->brokered && start_broker() != 0) || load(token) != 0 || start_token(token) != 0)
		return -1;
	/* The others start anew without it. */
	if (token->brokered)
		unsetenv("KCRYPTOKI_CONF");
	return 0;
}

static void end(struct engine *engine)
{
	struct token *token = engine->self;

	token->f->C_Finalize(NULL);
	if (token->brokered)
		keeper_end();
	dlclose(token->library);
	free(token);
}

/* As an administrator loads it, and so that its user may update it. */
static int add_writable(const struct subject *subject)
{
	char description[128];

	snprintf(description, sizeof(description), "pkcs11:object=" WRITABLE "?x-key-type=%s",
		 subject->key_type == CKK_AES ? "aes" : "generic-secret");
	return add_key("logon", description, bench_key, KEY_SIZE, KEY_SPEC_USER_KEYRING) < 0
		       ? engine_fail("add_key")
		       : 0;
}

static int find(struct thread *t)
{
	const char *label = t->token->writable ? WRITABLE : LABEL;
	CK_KEY_TYPE type = t->job.subject->key_type;
	CK_ATTRIBUTE template[] = {{CKA_LABEL, (void *)(uintptr_t)label, strlen(label)},
				   {CKA_KEY_TYPE, &type, sizeof(type)}};
	CK_ULONG n = 0;

	CALL(t->token->f->C_FindObjectsInit(t->session, template, t->token->brokered ? 2 : 1));
	CALL(t->token->f->C_FindObjects(t->session, &t->key, 1, &n));
	CALL(t->token->f->C_FindObjectsFinal(t->session));
	return n == 1 ? 0 : engine_fail("the key is not found");
}

static int make_key(struct thread *t, const char *label, CK_OBJECT_HANDLE *key)
{
	const struct subject *subject = t->job.subject;
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = subject->key_type;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ATTRIBUTE template[] = {
		{CKA_CLASS, &class, sizeof(class)},
		{CKA_KEY_TYPE, &type, sizeof(type)},
		{CKA_TOKEN, &yes, sizeof(yes)},
		{CKA_SENSITIVE, &yes, sizeof(yes)},
		{CKA_EXTRACTABLE, &no, sizeof(no)},
		{CKA_LABEL, (void *)(uintptr_t)label, strlen(label)},
		{CKA_VALUE, (void *)(uintptr_t)bench_key, KEY_SIZE},
		{subject->kind == SIGN ? CKA_SIGN : CKA_ENCRYPT, &yes, sizeof(yes)},
	};

	if (t->token->brokered)
		return find(t);
	if (t->token->writable)
		return add_writable(subject) != 0 ? -1 : find(t);
	CALL(t->token->f->C_CreateObject(t->session, template, sizeof(template) / sizeof(*template),
					 key));
	return 0;
}

static int make_others(struct thread *t)
{
	char label[48];

	t->others = calloc(t->job.size, sizeof(*t->others));
	for (size_t i = 0; t->others && i + 1 < t->job.size; i++) {
		snprintf(label, sizeof(label), LABEL " %zu", i);
		if (make_key(t, label, &t->others[i]) != 0)
			return -1;
	}
	return 0;
}

static void make_mechanism(struct thread *t)
{
	const struct subject *subject = t->job.subject;

	memcpy(t->iv, bench_iv, IV_MAX);
	t->mechanism = (CK_MECHANISM){.mechanism = subject->mechanism};
	switch (subject->mechanism) {
	case CKM_AES_CBC:
		t->mechanism.pParameter = t->iv;
		t->mechanism.ulParameterLen = IV_MAX;
		break;
	case CKM_AES_CTR:
		t->parameter.ctr.counter_bits = 128;
		memcpy(t->parameter.ctr.counter, bench_iv, IV_MAX);
		t->mechanism.pParameter = &t->parameter.ctr;
		t->mechanism.ulParameterLen = sizeof(t->parameter.ctr);
		break;
	case CKM_AES_GCM:
		if (t->job.way == AS_MESSAGE)
			break;
		t->parameter.gcm = (struct gcm_params){.iv = t->iv,
						       .iv_len = subject->iv,
						       .iv_bits = 8 * subject->iv,
						       .tag_bits = 8 * TAG_SIZE};
		t->mechanism.pParameter = &t->parameter.gcm;
		t->mechanism.ulParameterLen = sizeof(t->parameter.gcm);
		break;
	default:
		break;
	}
}

static int begin_messages(struct thread *t)
{
	if (!t->token->messages)
		return engine_fail("%s has no message API", t->token->path);
	switch (t->job.subject->kind) {
	case SIGN:
		CALL(t->token->messages->C_MessageSignInit(t->session, &t->mechanism, t->key));
		return 0;
	case SEAL:
		CALL(t->token->messages->C_MessageEncryptInit(t->session, &t->mechanism, t->key));
		return 0;
	default:
		return engine_fail("%s has no messages", t->job.subject->name);
	}
}

static int begin(struct thread *t)
{
	const struct token *token = t->token;

	CALL(token->f->C_OpenSession(token->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL,
				     &t->session));
	make_mechanism(t);
	if (t->job.subject->key_type != CK_UNAVAILABLE_INFORMATION &&
	    make_key(t, LABEL, &t->key) != 0)
		return -1;
	if (t->job.subject->kind == FIND && make_others(t) != 0)
		return -1;
	return t->job.way == AS_MESSAGE ? begin_messages(t) : 0;
}

static void shut(void *opened)
{
	struct thread *t = opened;

	for (size_t i = 0; t->others && i + 1 < t->job.size; i++)
		t->token->f->C_DestroyObject(t->session, t->others[i]);
	free(t->others);
	if (t->key && !t->token->brokered)
		t->token->f->C_DestroyObject(t->session, t->key);
	if (t->session)
		t->token->f->C_CloseSession(t->session);
	free(t);
}

static void *open_token(struct engine *engine, const struct job *job, const uint8_t *message)
{
	struct thread *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->token = engine->self;
	if ((t->token->writable || t->token->brokered) &&
	    (job->subject->kind == FIND || job->subject->kind == START)) {
		engine_fail("it makes no difference there");
		free(t);
		return NULL;
	}
	t->job = *job;
	t->message = message;
	if (begin(t) == 0)
		return t;
	shut(t);
	return NULL;
}

static int one_shot(struct thread *t, uint8_t *out, CK_ULONG *len)
{
	CK_FUNCTION_LIST *f = t->token->f;
	uint8_t *in = (uint8_t *)(uintptr_t)t->message;

	switch (t->job.subject->kind) {
	case DIGEST:
		CALL(f->C_DigestInit(t->session, &t->mechanism));
		CALL(f->C_Digest(t->session, in, t->job.size, out, len));
		return 0;
	case SIGN:
		CALL(f->C_SignInit(t->session, &t->mechanism, t->key));
		CALL(f->C_Sign(t->session, in, t->job.size, out, len));
		return 0;
	case RANDOM:
		CALL(f->C_GenerateRandom(t->session, out, t->job.size));
		return 0;
	default:
		CALL(f->C_EncryptInit(t->session, &t->mechanism, t->key));
		CALL(f->C_Encrypt(t->session, in, t->job.size, out, len));
		return 0;
	}
}

static int update(struct thread *t, uint8_t *in, CK_ULONG in_len, uint8_t *out, CK_ULONG *len)
{
	CK_FUNCTION_LIST *f = t->token->f;

	switch (t->job.subject->kind) {
	case DIGEST:
		*len = 0;
		CALL(f->C_DigestUpdate(t->session, in, in_len));
		return 0;
	case SIGN:
		*len = 0;
		CALL(f->C_SignUpdate(t->session, in, in_len));
		return 0;
	default:
		CALL(f->C_EncryptUpdate(t->session, in, in_len, out, len));
		return 0;
	}
}

static int in_parts(struct thread *t, uint8_t *out, CK_ULONG *len)
{
	CK_FUNCTION_LIST *f = t->token->f;
	CK_ULONG room = *len, made = 0;
	enum kind kind = t->job.subject->kind;

	if (kind == DIGEST)
		CALL(f->C_DigestInit(t->session, &t->mechanism));
	else if (kind == SIGN)
		CALL(f->C_SignInit(t->session, &t->mechanism, t->key));
	else
		CALL(f->C_EncryptInit(t->session, &t->mechanism, t->key));
	for (unsigned int i = 0; i < PARTS; i++) {
		size_t at, part;

		job_part(&t->job, i, &at, &part);
		*len = room - made;
		if (update(t, (uint8_t *)(uintptr_t)t->message + at, part, out + made, len) != 0)
			return -1;
		made += *len;
	}
	*len = room - made;
	if (kind == DIGEST)
		CALL(f->C_DigestFinal(t->session, out, len));
	else if (kind == SIGN)
		CALL(f->C_SignFinal(t->session, out, len));
	else
		CALL(f->C_EncryptFinal(t->session, out + made, len));
	*len += made;
	return 0;
}

static int as_message(struct thread *t, uint8_t *out, CK_ULONG *len)
{
	CK_FUNCTION_LIST_3_0 *f = t->token->messages;
	uint8_t *in = (uint8_t *)(uintptr_t)t->message;

	if (t->job.subject->kind == SIGN) {
		CALL(f->C_SignMessage(t->session, NULL, 0, in, t->job.size, out, len));
		return 0;
	}
	t->parameter.message = (struct gcm_message_params){.iv = t->iv,
							   .iv_len = t->job.subject->iv,
							   .iv_generator = CKG_NO_GENERATE,
							   .tag = out + t->job.size,
							   .tag_bits = 8 * TAG_SIZE};
	*len = t->job.size;
	CALL(f->C_EncryptMessage(t->session, &t->parameter.message, sizeof(t->parameter.message),
				 NULL, 0, in, t->job.size, out, len));
	*len += TAG_SIZE;
	return 0;
}

/* Its sessions end with it. */
static int start_anew(struct thread *t)
{
	t->session = 0;
	CALL(t->token->f->C_Finalize(NULL));
	return start_token(t->token);
}

static int once(void *opened, uint8_t *out)
{
	struct thread *t = opened;
	CK_ULONG expected = job_result(&t->job), len = expected;
	int err;

	if (t->job.subject->kind == FIND)
		return find(t);
	if (t->job.subject->kind == START)
		return start_anew(t);
	if (t->job.way == IN_PARTS)
		err = in_parts(t, out, &len);
	else if (t->job.way == AS_MESSAGE)
		err = as_message(t, out, &len);
	else
		err = one_shot(t, out, &len);
	return err != 0 || len == expected ? err
					   : engine_fail("%lu bytes instead of %lu", len, expected);
}

const struct engine token_engine = {"token", start, end, open_token, once, shut, NULL};
