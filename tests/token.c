/* SPDX-License-Identifier: BSD-2-Clause */
#include "token.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef MODULE_PATH
#define MODULE_PATH "kcryptoki.so"
#endif

/* Around every output buffer, and in it before it is used. */
#define GUARD 32
#define FILL 0xa5

__attribute__((format(printf, 2, 3))) static int fail_with(struct token *token, const char *format,
							   ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(token->error, sizeof(token->error), format, args);
	va_end(args);
	return -1;
}

/* Labels are padded with blanks and carry no terminating zero. */
static bool label_is(const CK_UTF8CHAR *padded, size_t size, const char *label)
{
	size_t length = strlen(label);

	if (length > size || memcmp(padded, label, length) != 0)
		return false;
	for (size_t i = length; i < size; i++)
		if (padded[i] != ' ')
			return false;
	return true;
}

static int find_slot(struct token *token)
{
	CK_SLOT_ID slots[64];
	CK_ULONG count = sizeof(slots) / sizeof(slots[0]);
	CK_TOKEN_INFO info;
	CK_RV rv;

	rv = token->f->C_GetSlotList(CK_TRUE, slots, &count);
	if (rv != CKR_OK)
		return fail_with(token, "C_GetSlotList: 0x%lx", rv);
	if (count == 0) {
		token->absent = "the module offers no slot, as it does without AF_ALG";
		return 0;
	}
	for (CK_ULONG i = 0; i < count; i++) {
		rv = token->f->C_GetTokenInfo(slots[i], &info);
		if (rv != CKR_OK)
			return fail_with(token, "C_GetTokenInfo(%lu): 0x%lx", slots[i], rv);
		if (label_is(info.label, sizeof(info.label), TOKEN_LABEL)) {
			token->slot = slots[i];
			return 0;
		}
	}
	return fail_with(token, "no token among %lu is labelled " TOKEN_LABEL, count);
}

int token_start(struct token *token)
{
	CK_RV rv = token->f->C_Initialize(NULL);

	if (rv != CKR_OK)
		return fail_with(token, "C_Initialize: 0x%lx", rv);
	return find_slot(token);
}

int token_load(struct token *token)
{
	const char *path = getenv("KCRYPTOKI_MODULE");
	CK_C_GetFunctionList get_function_list;
	CK_RV rv;

	memset(token, 0, sizeof(*token));
	if (!path || !*path)
		path = MODULE_PATH;
	token->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!token->library)
		return fail_with(token, "%s", dlerror());
	get_function_list = (CK_C_GetFunctionList)dlsym(token->library, "C_GetFunctionList");
	if (!get_function_list)
		return fail_with(token, "%s", dlerror());
	rv = get_function_list(&token->f);
	if (rv != CKR_OK)
		return fail_with(token, "C_GetFunctionList: 0x%lx", rv);
	return 0;
}

int token_open(struct token *token)
{
	return token_load(token) == 0 ? token_start(token) : -1;
}

void token_close(struct token *token)
{
	if (token->f)
		token->f->C_Finalize(NULL);
	if (token->library)
		dlclose(token->library);
	memset(token, 0, sizeof(*token));
}

int token_session(struct token *token, CK_FLAGS flags, CK_SESSION_HANDLE *session)
{
	CK_RV rv = token->f->C_OpenSession(token->slot, CKF_SERIAL_SESSION | flags, NULL, NULL,
					   session);

	return rv == CKR_OK ? 0 : fail_with(token, "C_OpenSession: 0x%lx", rv);
}

int token_mechanisms(struct token *token, CK_MECHANISM_TYPE **list, CK_ULONG *count)
{
	CK_RV rv = token->f->C_GetMechanismList(token->slot, NULL, count);

	if (rv != CKR_OK)
		return fail_with(token, "C_GetMechanismList: 0x%lx", rv);
	*list = calloc(*count + 1, sizeof(**list));
	if (!*list)
		return fail_with(token, "out of memory");
	rv = token->f->C_GetMechanismList(token->slot, *list, count);
	if (rv == CKR_OK)
		return 0;
	free(*list);
	*list = NULL;
	return fail_with(token, "C_GetMechanismList: 0x%lx", rv);
}

int token_find(struct token *token, CK_SESSION_HANDLE session, CK_OBJECT_CLASS class,
	       const char *label, CK_OBJECT_HANDLE *objects, CK_ULONG max, CK_ULONG *count)
{
	CK_ATTRIBUTE template[] = {
		{CKA_CLASS, &class, sizeof(class)},
		{CKA_LABEL, (void *)label, strlen(label)},
	};
	CK_RV rv, final;

	rv = token->f->C_FindObjectsInit(session, template, 2);
	if (rv != CKR_OK)
		return fail_with(token, "C_FindObjectsInit: 0x%lx", rv);
	rv = token->f->C_FindObjects(session, objects, max, count);
	final = token->f->C_FindObjectsFinal(session);
	if (rv != CKR_OK)
		return fail_with(token, "C_FindObjects: 0x%lx", rv);
	if (final != CKR_OK)
		return fail_with(token, "C_FindObjectsFinal: 0x%lx", final);
	return 0;
}

/*
 * A key that was dropped gives its quota back when the kernel's garbage collector has run, which
 * is soon; so a full quota is waited for, but not for ever.
 */
static key_serial_t add_key_patiently(const char *type, const char *description,
				      const void *payload, size_t length)
{
	key_serial_t serial;

	for (int tries = 0; tries < 100; tries++) {
		serial = add_key(type, description, payload, length, KEY_SPEC_USER_KEYRING);
		if (serial != -1 || errno != EDQUOT)
			return serial;
		usleep(20000);
	}
	return -1;
}

static int put_as(struct token *token, CK_SESSION_HANDLE session, const char *keyring_type,
		  const char *key_type, const char *label, const void *payload, size_t length,
		  struct token_key *key)
{
	static atomic_uint serial_number;
	unsigned int number = atomic_fetch_add(&serial_number, 1);
	char made_up[64], description[256];
	CK_ULONG count = 0;

	if (!label) {
		snprintf(made_up, sizeof(made_up), "test-%ld-%u", (long)getpid(), number);
		label = made_up;
	}
	snprintf(description, sizeof(description), "pkcs11:object=%s;id=%%%02x%%%02x?x-key-type=%s",
		 label, number >> 8 & 0xff, number & 0xff, key_type);
	*key = (struct token_key){.length = length};
	key->serial = add_key_patiently(keyring_type, description, payload, length);
	if (key->serial == -1) {
		int error = errno;

		*key = (struct token_key){0};
		return fail_with(token, "add_key %s \"%s\": %s", keyring_type, description,
				 strerror(error));
	}
	if (token_find(token, session, CKO_SECRET_KEY, label, &key->object, 1, &count) != 0) {
		token_key_drop(key);
		return -1;
	}
	if (count == 1)
		return 0;
	token_key_drop(key);
	return fail_with(token, "%s key \"%s\" is not found as an object", keyring_type,
			 description);
}

static const char *usable_type(struct token *token, CK_SESSION_HANDLE session)
{
	static const unsigned char zeros[16];
	struct token_key key;

	if (!token->keyring_type) {
		if (put_as(token, session, "logon", "aes", NULL, zeros, sizeof(zeros), &key) == 0) {
			token_key_drop(&key);
			token->keyring_type = "logon";
		} else {
			token->keyring_type = "user";
		}
	}
	return token->keyring_type;
}

int token_key_put(struct token *token, CK_SESSION_HANDLE session, const char *keyring_type,
		  const char *key_type, const char *label, const void *payload, size_t length,
		  struct token_key *key)
{
	if (!keyring_type)
		keyring_type = usable_type(token, session);
	return put_as(token, session, keyring_type, key_type, label, payload, length, key);
}

int token_key_update(struct token *token, struct token_key *key, const void *payload, size_t length)
{
	if (keyctl_update(key->serial, payload, length) != 0)
		return fail_with(token, "keyctl_update: %s", strerror(errno));
	key->length = length;
	return 0;
}

void token_key_drop(struct token_key *key)
{
	/* Invalidation is collected quickest, but takes possession; unlinking does not. */
	if (key->serial > 0 && keyctl_invalidate(key->serial) != 0)
		keyctl_unlink(key->serial, KEY_SPEC_USER_KEYRING);
	*key = (struct token_key){0};
}

/* What an operation is made of. One without update gives out nothing before its end. */
struct calls {
	const char *name;
	CK_C_EncryptInit init;
	CK_C_Encrypt single;
	CK_C_EncryptUpdate update;
	CK_C_DigestUpdate feed;
	CK_C_EncryptFinal final;
};

static struct calls calls_of(const struct token *token, enum token_kind kind)
{
	CK_FUNCTION_LIST_PTR f = token->f;

	switch (kind) {
	case TOKEN_ENCRYPT:
		return (struct calls){"C_Encrypt",  f->C_EncryptInit,
				      f->C_Encrypt, f->C_EncryptUpdate,
				      NULL,         f->C_EncryptFinal};
	case TOKEN_DECRYPT:
		return (struct calls){"C_Decrypt",  f->C_DecryptInit,
				      f->C_Decrypt, f->C_DecryptUpdate,
				      NULL,         f->C_DecryptFinal};
	case TOKEN_SIGN:
		return (struct calls){"C_Sign", f->C_SignInit,   f->C_Sign,
				      NULL,     f->C_SignUpdate, f->C_SignFinal};
	default:
		return (struct calls){"C_Digest",      NULL, f->C_Digest, NULL, f->C_DigestUpdate,
				      f->C_DigestFinal};
	}
}

/* One operation on its way, and the buffer for its output. */
struct run {
	struct token *token;
	CK_SESSION_HANDLE session;
	const struct token_job *job;
	enum token_manner manner;
	struct calls calls;
	unsigned char *out;
	size_t size;
};

static int fail_run(const struct run *run, const char *where, CK_RV rv, CK_RV expected)
{
	return fail_with(run->token, "%s%s: 0x%lx instead of 0x%lx", run->calls.name, where, rv,
			 expected);
}

static int begin(struct run *run, struct token *token, CK_SESSION_HANDLE session,
		 const struct token_job *job, enum token_manner manner)
{
	unsigned char *guarded;
	CK_RV rv;

	*run = (struct run){.token = token,
			    .session = session,
			    .job = job,
			    .manner = manner,
			    .calls = calls_of(token, job->kind),
			    .size = job->room};
	if (manner == TOKEN_IN_PLACE && run->size < job->in_length)
		run->size = job->in_length;
	if (run->calls.init)
		rv = run->calls.init(session, job->mechanism, job->key);
	else
		rv = token->f->C_DigestInit(session, job->mechanism);
	if (rv != CKR_OK)
		return fail_run(run, "Init", rv, CKR_OK);
	guarded = malloc(GUARD + run->size + GUARD);
	if (!guarded)
		return fail_with(token, "out of memory");
	memset(guarded, FILL, GUARD + run->size + GUARD);
	run->out = guarded + GUARD;
	return 0;
}

/* Frees the buffer; a failure that was seen before stays the result. */
static int end(struct run *run, int result)
{
	unsigned char *guarded = run->out - GUARD, *after = run->out + run->size;

	for (size_t i = 0; i < GUARD && result == 0; i++)
		if (guarded[i] != FILL || after[i] != FILL)
			result = fail_with(run->token, "%s wrote outside of its %zu bytes",
					   run->calls.name, run->size);
	free(guarded);
	return result;
}

static int check_output(struct run *run, size_t length)
{
	const struct token_job *job = run->job;

	if (length != job->out_length)
		return fail_with(run->token, "%s: %zu bytes instead of %zu", run->calls.name,
				 length, job->out_length);
	for (size_t i = 0; i < length; i++)
		if (run->out[i] != job->out[i])
			return fail_with(run->token, "%s: byte %zu is %02x instead of %02x",
					 run->calls.name, i, run->out[i], job->out[i]);
	return 0;
}

/* What was in the buffer before the call, or zeros. */
static int check_untold(struct run *run, const unsigned char *before, size_t before_length)
{
	for (size_t i = 0; i < run->size && run->job->sealed; i++)
		if (run->out[i] != 0 && run->out[i] != (i < before_length ? before[i] : FILL))
			return fail_with(run->token, "%s left byte %zu of a refused message",
					 run->calls.name, i);
	return 0;
}

/* The answer may be more than is needed, but only by what a block or a tag adds. */
static int check_length(struct run *run, const char *where, CK_RV rv, CK_RV expected,
			CK_ULONG length, size_t needed)
{
	if (rv != expected)
		return fail_run(run, where, rv, expected);
	if (length < needed || length > run->job->in_length + 64)
		return fail_with(run->token, "%s%s, asked for the length: %lu instead of %zu",
				 run->calls.name, where, length, needed);
	return 0;
}

/* Neither a question for the length nor too small a buffer ends the operation. */
static int ask_single(struct run *run)
{
	const struct token_job *job = run->job;
	CK_ULONG length = 0;
	CK_RV rv;

	rv = run->calls.single(run->session, job->in, job->in_length, NULL, &length);
	if (check_length(run, "", rv, CKR_OK, length, job->out_length) != 0)
		return -1;
	if (job->out_length == 0)
		return 0;
	length = job->out_length - 1;
	rv = run->calls.single(run->session, job->in, job->in_length, run->out, &length);
	if (check_length(run, "", rv, CKR_BUFFER_TOO_SMALL, length, job->out_length) != 0)
		return -1;
	for (size_t i = 0; i < run->size; i++)
		if (run->out[i] != FILL)
			return fail_with(run->token, "%s wrote to too small a buffer",
					 run->calls.name);
	return 0;
}

static int run_single(struct run *run)
{
	const struct token_job *job = run->job;
	CK_ULONG length = job->room;
	unsigned char *in = job->in;
	CK_RV rv;

	if (run->manner == TOKEN_QUERYING && job->rv == CKR_OK && ask_single(run) != 0)
		return -1;
	if (run->manner == TOKEN_IN_PLACE)
		in = memcpy(run->out, job->in, job->in_length);
	rv = run->calls.single(run->session, in, job->in_length, run->out, &length);
	if (rv != job->rv)
		return fail_run(run, "", rv, job->rv);
	if (rv == CKR_OK)
		return check_output(run, length);
	return check_untold(run, job->in, in == run->out ? job->in_length : 0);
}

int token_run(struct token *token, CK_SESSION_HANDLE session, const struct token_job *job,
	      enum token_manner manner)
{
	struct run run;

	if (begin(&run, token, session, job, manner) != 0)
		return -1;
	return end(&run, run_single(&run));
}

/* In place, a part is in a buffer that can also take all that may come of it. */
static int update_in_place(struct run *run, const unsigned char *in, size_t length,
			   unsigned char *out, CK_ULONG *produced)
{
	size_t size = length > *produced ? length : *produced;
	unsigned char *same = malloc(size + 1);
	CK_RV rv;

	if (!same)
		return fail_with(run->token, "out of memory");
	memcpy(same, in, length);
	rv = run->calls.update(run->session, same, length, same, produced);
	if (rv == CKR_OK && *produced <= size)
		memcpy(out, same, *produced);
	free(same);
	return rv == CKR_OK ? 0 : fail_run(run, "Update", rv, CKR_OK);
}

static int run_part(struct run *run, unsigned char *in, size_t length, size_t *produced)
{
	const struct token_job *job = run->job;
	CK_ULONG room = job->room - *produced, asked = room, made = room;
	CK_RV rv;

	if (run->calls.feed) {
		rv = run->calls.feed(run->session, in, length);
		return rv == CKR_OK ? 0 : fail_run(run, "Update", rv, CKR_OK);
	}
	if (run->manner == TOKEN_QUERYING) {
		rv = run->calls.update(run->session, in, length, NULL, &asked);
		if (check_length(run, "Update", rv, CKR_OK, asked, 0) != 0)
			return -1;
	}
	if (run->manner == TOKEN_IN_PLACE) {
		if (update_in_place(run, in, length, run->out + *produced, &made) != 0)
			return -1;
	} else {
		rv = run->calls.update(run->session, in, length, run->out + *produced, &made);
		if (rv != CKR_OK)
			return fail_run(run, "Update", rv, CKR_OK);
	}
	if (made > room || made > asked)
		return fail_with(run->token, "%sUpdate: %lu bytes, more than it may",
				 run->calls.name, made);
	if (made > 0 && job->sealed && job->rv != CKR_OK)
		return fail_with(run->token, "%sUpdate told %lu bytes of a refused message",
				 run->calls.name, made);
	*produced += made;
	return 0;
}

static int run_final(struct run *run, size_t produced)
{
	const struct token_job *job = run->job;
	CK_ULONG length = 0;
	CK_RV rv;

	if (run->manner == TOKEN_QUERYING) {
		rv = run->calls.final(run->session, NULL, &length);
		/* The question may already need the answer that the message is refused. */
		if (job->rv != CKR_OK && rv == job->rv)
			return 0;
		if (check_length(run, "Final", rv, CKR_OK, length,
				 job->rv == CKR_OK ? job->out_length - produced : 0) != 0)
			return -1;
	}
	length = job->room - produced;
	rv = run->calls.final(run->session, run->out + produced, &length);
	if (rv != job->rv)
		return fail_run(run, "Final", rv, job->rv);
	if (rv == CKR_OK)
		return check_output(run, produced + length);
	return check_untold(run, NULL, 0);
}

int token_run_parts(struct token *token, CK_SESSION_HANDLE session, const struct token_job *job,
		    enum token_manner manner, const struct token_split *split)
{
	unsigned char *in = job->in;
	size_t produced = 0;
	struct run run;

	if (begin(&run, token, session, job, manner) != 0)
		return -1;
	for (size_t i = 0; i < split->n; i++) {
		if (run_part(&run, in, split->part[i], &produced) != 0)
			return end(&run, -1);
		in += split->part[i];
	}
	return end(&run, run_final(&run, produced));
}
