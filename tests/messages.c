/* SPDX-License-Identifier: BSD-2-Clause */
#include "messages.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

/* Around every output, and in it before it is used. */
#define GUARD 32
#define FILL 0xa5

CK_FUNCTION_LIST_3_2 *messages;

const struct aead aeads[AEADS] = {
	{CKM_AES_GCM, "aes", {16, 24, 32}, {12}, {4, 8, 12, 13, 14, 15, 16}},
	{CKM_AES_CCM, "aes", {16, 24, 32}, {7, 8, 9, 10, 11, 12, 13}, {4, 6, 8, 10, 12, 14, 16}},
	{CKM_CHACHA20_POLY1305, "chacha20", {32}, {12}, {16}},
};

int messages_setup(void **state)
{
	CK_C_GetInterface get_interface;
	CK_VERSION version = {3, 2};
	CK_INTERFACE *interface;
	CK_RV rv;

	if (guest_setup(state) != 0)
		return -1;
	get_interface = (CK_C_GetInterface)dlsym(token.library, "C_GetInterface");
	rv = get_interface ? get_interface((CK_UTF8CHAR *)"PKCS 11", &version, &interface, 0)
			   : CKR_FUNCTION_NOT_SUPPORTED;
	if (rv != CKR_OK) {
		print_message("# C_GetInterface, PKCS 11 version 3.2: 0x%lx\n", rv);
		return -1;
	}
	messages = interface->pFunctionList;
	return 0;
}

size_t message_sizes(const size_t *list)
{
	size_t n = 0;

	while (list[n])
		n++;
	return n;
}

size_t message_size(const size_t *list, size_t i)
{
	return list[i % message_sizes(list)];
}

void terms_make(struct terms *terms, const struct material *material, size_t length)
{
	size_t nonce = material->nonce_length ? material->nonce_length : 12;
	size_t tag = guest_tag_length(material);

	memset(terms->nonce, FILL, sizeof(terms->nonce));
	memset(terms->tag, FILL, sizeof(terms->tag));
	memcpy(terms->nonce, material->iv, nonce);
	memset(&terms->parameter, 0, sizeof(terms->parameter));
	switch (material->type) {
	case CKM_AES_GCM:
		terms->parameter.gcm = (struct gcm_message_params){.iv = terms->nonce,
								   .iv_len = nonce,
								   .tag = terms->tag,
								   .tag_bits = 8 * tag};
		terms->size = sizeof(struct gcm_message_params);
		break;
	case CKM_AES_CCM:
		terms->parameter.ccm = (struct ccm_message_params){.data_len = length,
								   .nonce = terms->nonce,
								   .nonce_len = nonce,
								   .mac = terms->tag,
								   .mac_len = tag};
		terms->size = sizeof(struct ccm_message_params);
		break;
	default:
		/* In bits, as section 6.61.3 has it. */
		terms->parameter.chacha20_poly1305 = (struct chacha20_poly1305_message_params){
			terms->nonce, 8 * nonce, terms->tag};
		terms->size = sizeof(struct chacha20_poly1305_message_params);
		break;
	}
}

void terms_generate(struct terms *terms, CK_MECHANISM_TYPE type, CK_ULONG generator, CK_ULONG fixed)
{
	if (type == CKM_AES_GCM) {
		terms->parameter.gcm.iv_generator = generator;
		terms->parameter.gcm.iv_fixed_bits = fixed;
	} else {
		terms->parameter.ccm.nonce_generator = generator;
		terms->parameter.ccm.nonce_fixed_bits = fixed;
	}
}

static bool is_filled(const unsigned char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (bytes[i] != FILL)
			return false;
	return true;
}

bool terms_tag_is(const struct terms *terms, const unsigned char *tag, size_t size)
{
	return is_filled(terms->tag + size, sizeof(terms->tag) - size) &&
	       (!size || memcmp(terms->tag, tag, size) == 0);
}

bool terms_nonce_ends(const struct terms *terms, size_t size)
{
	return is_filled(terms->nonce + size, sizeof(terms->nonce) - size);
}

struct message_calls message_calls(enum token_kind kind)
{
	if (kind == TOKEN_ENCRYPT)
		return (struct message_calls){"C_EncryptMessage",
					      messages->C_MessageEncryptInit,
					      messages->C_EncryptMessage,
					      messages->C_EncryptMessageBegin,
					      messages->C_EncryptMessageNext,
					      messages->C_MessageEncryptFinal};
	return (struct message_calls){"C_DecryptMessage",
				      messages->C_MessageDecryptInit,
				      messages->C_DecryptMessage,
				      messages->C_DecryptMessageBegin,
				      messages->C_DecryptMessageNext,
				      messages->C_MessageDecryptFinal};
}

CK_RV message_init(CK_SESSION_HANDLE session, enum token_kind kind, CK_MECHANISM_TYPE type,
		   CK_OBJECT_HANDLE key)
{
	CK_MECHANISM mechanism = {type, NULL, 0};

	return message_calls(kind).init(session, &mechanism, key);
}

CK_RV message_final(CK_SESSION_HANDLE session, enum token_kind kind)
{
	return message_calls(kind).final(session);
}

/* A message on its way. */
struct run {
	struct token *token;
	CK_SESSION_HANDLE session;
	const struct message_job *job;
	enum token_manner manner;
	struct message_calls calls;
	struct terms terms;
	size_t tag_size;
	unsigned char *in, *out;
};

static int fail_run(const struct run *run, const char *where, CK_RV rv, CK_RV expected)
{
	return guest_error(run->token, "%s%s, %zu bytes: 0x%lx instead of 0x%lx", run->calls.name,
			   where, run->job->length, rv, expected);
}

/* Nobody makes a nonce here, and a tag is made by the last call of an encryption alone: WHERE is
 * NULL after that. */
static int check_terms(const struct run *run, const char *where)
{
	const struct message_job *job = run->job;
	bool has_tag = job->kind == TOKEN_DECRYPT || (!where && job->rv == CKR_OK);
	size_t tag = has_tag ? run->tag_size : 0;
	size_t nonce = job->material->nonce_length ? job->material->nonce_length : 12;

	if (memcmp(run->terms.nonce, job->material->iv, nonce) ||
	    !terms_nonce_ends(&run->terms, nonce))
		return guest_error(run->token, "%s%s changed the nonce", run->calls.name,
				   where ? where : "");
	if (!terms_tag_is(&run->terms, job->tag, tag))
		return guest_error(run->token, "%s%s: wrong tag of %zu bytes", run->calls.name,
				   where ? where : "", tag);
	return 0;
}

/* OUT holds zeros, or what it held before: BEFORE, where the call was in place. */
static int check_nothing_told(const struct run *run, const unsigned char *out, size_t size,
			      const unsigned char *before, size_t before_length)
{
	for (size_t i = 0; i < size; i++)
		if (out[i] != 0 && out[i] != (i < before_length ? before[i] : FILL))
			return guest_error(run->token, "%s told byte %zu of a message too early",
					   run->calls.name, i);
	return 0;
}

static int check_untouched(const struct run *run)
{
	bool in_place = run->in == run->out;

	return check_nothing_told(run, run->out, run->job->length, run->job->in,
				  in_place ? run->job->length : 0);
}

static int check_result(const struct run *run, size_t length)
{
	const struct message_job *job = run->job;

	if (length != job->length)
		return guest_error(run->token, "%s: %zu bytes instead of %zu", run->calls.name,
				   length, job->length);
	for (size_t i = 0; i < length; i++)
		if (run->out[i] != job->out[i])
			return guest_error(run->token, "%s, %zu bytes: byte %zu is %02x, not %02x",
					   run->calls.name, length, i, run->out[i], job->out[i]);
	return 0;
}

static int check_end(const struct run *run, CK_RV rv, size_t length)
{
	if (rv != run->job->rv)
		return fail_run(run, "", rv, run->job->rv);
	if (check_terms(run, NULL) != 0)
		return -1;
	return rv == CKR_OK ? check_result(run, length) : check_untouched(run);
}

static CK_RV call_whole(struct run *run, unsigned char *out, CK_ULONG *n)
{
	const struct material *material = run->job->material;

	return run->calls.whole(run->session, &run->terms.parameter, run->terms.size,
				(unsigned char *)material->aad, material->aad_length, run->in,
				run->job->length, out, n);
}

static CK_RV call_next(struct run *run, unsigned char *in, size_t length, unsigned char *out,
		       CK_ULONG *n, CK_FLAGS flags)
{
	return run->calls.next(run->session, &run->terms.parameter, run->terms.size, in, length,
			       out, n, flags);
}

static int run_whole(struct run *run)
{
	CK_ULONG n = 0;
	CK_RV rv;

	if (run->manner == TOKEN_QUERYING) {
		rv = call_whole(run, NULL, &n);
		if (rv != CKR_OK || n != run->job->length)
			return fail_run(run, ", asked for the length", rv, CKR_OK);
		n = run->job->length - 1;
		rv = run->job->length ? call_whole(run, run->out, &n) : CKR_BUFFER_TOO_SMALL;
		if (rv != CKR_BUFFER_TOO_SMALL || (run->job->length && n != run->job->length))
			return fail_run(run, ", a byte short", rv, CKR_BUFFER_TOO_SMALL);
		if (check_terms(run, ", asked for the length,") != 0 || check_untouched(run) != 0)
			return -1;
	}
	n = run->job->length;
	rv = call_whole(run, run->out, &n);
	return check_end(run, rv, n);
}

/* Asks for the length, and then has a byte less than that. */
static int ask_next(struct run *run, unsigned char *in, size_t length, unsigned char *out,
		    CK_ULONG room, CK_FLAGS flags)
{
	CK_ULONG n = 0, small;
	CK_RV rv = call_next(run, in, length, NULL, &n, flags);

	if (rv != CKR_OK || n > room)
		return fail_run(run, "Next, asked for the length", rv, CKR_OK);
	if (n) {
		small = n - 1;
		rv = call_next(run, in, length, out, &small, flags);
		if (rv != CKR_BUFFER_TOO_SMALL || small != n)
			return fail_run(run, "Next, a byte short", rv, CKR_BUFFER_TOO_SMALL);
	}
	return check_terms(run, "Next, asked for the length,");
}

/* A part that is replaced by its result, in a buffer for the larger of the two. */
static int next_in_place(struct run *run, const unsigned char *in, size_t length,
			 unsigned char *out, CK_ULONG *n, CK_FLAGS flags, CK_RV *rv)
{
	size_t size = (length > *n ? length : *n) + 1;
	unsigned char *same = malloc(size);
	int result = 0;

	if (!same)
		return guest_error(run->token, "out of memory");
	memset(same, FILL, size);
	memcpy(same, in, length);
	*rv = call_next(run, same, length, same, n, flags);
	if (*rv == CKR_OK && *n < size)
		memcpy(out, same, *n);
	else
		result = check_nothing_told(run, same, size, in, length);
	free(same);
	return result;
}

static int run_part(struct run *run, unsigned char *in, size_t length, CK_FLAGS flags,
		    size_t *produced)
{
	unsigned char *out = run->out + *produced;
	CK_ULONG room = run->job->length - *produced, n = room;
	CK_RV rv = CKR_OK;

	if (run->manner == TOKEN_QUERYING && ask_next(run, in, length, out, room, flags) != 0)
		return -1;
	if (run->manner != TOKEN_IN_PLACE)
		rv = call_next(run, in, length, out, &n, flags);
	else if (next_in_place(run, in, length, out, &n, flags, &rv) != 0)
		return -1;
	if (rv == CKR_OK && n > room)
		return guest_error(run->token, "%sNext: %lu bytes, more than it may",
				   run->calls.name, n);
	*produced += rv == CKR_OK ? n : 0;
	if (flags)
		return check_end(run, rv, *produced);
	if (rv != CKR_OK)
		return fail_run(run, "Next", rv, CKR_OK);
	if (n && run->job->kind == TOKEN_DECRYPT)
		return guest_error(run->token, "%sNext told %lu bytes before the tag was seen",
				   run->calls.name, n);
	return check_terms(run, "Next");
}

static int run_parts(struct run *run, const struct token_split *split)
{
	const struct material *material = run->job->material;
	unsigned char *in = run->in;
	size_t produced = 0;
	CK_RV rv = run->calls.begin(run->session, &run->terms.parameter, run->terms.size,
				    (unsigned char *)material->aad, material->aad_length);

	if (rv != CKR_OK)
		return fail_run(run, "Begin", rv, CKR_OK);
	for (size_t i = 0; i + 1 < split->n; in += split->part[i++])
		if (run_part(run, in, split->part[i], 0, &produced) != 0)
			return -1;
	return run_part(run, in, split->n ? split->part[split->n - 1] : 0, CKF_END_OF_MESSAGE,
			&produced);
}

int message_run(struct token *t, CK_SESSION_HANDLE session, const struct message_job *job,
		enum token_manner manner, const struct token_split *split)
{
	struct run run = {.token = t,
			  .session = session,
			  .job = job,
			  .manner = manner,
			  .calls = message_calls(job->kind),
			  .tag_size = guest_tag_length(job->material)};
	unsigned char *guarded = malloc(GUARD + job->length + GUARD), *after;
	int result;

	if (!guarded)
		return guest_error(t, "out of memory");
	memset(guarded, FILL, GUARD + job->length + GUARD);
	run.in = (unsigned char *)job->in;
	run.out = guarded + GUARD;
	after = run.out + job->length;
	terms_make(&run.terms, job->material, job->length);
	if (job->kind == TOKEN_DECRYPT)
		memcpy(run.terms.tag, job->tag, run.tag_size);
	if (manner == TOKEN_IN_PLACE && !split)
		run.in = memcpy(run.out, job->in, job->length);
	result = split ? run_parts(&run, split) : run_whole(&run);
	for (size_t i = 0; i < GUARD && result == 0; i++)
		if (guarded[i] != FILL || after[i] != FILL)
			result = guest_error(t, "%s wrote outside of its %zu bytes", run.calls.name,
					     job->length);
	free(guarded);
	return result;
}

void message_seal(struct sealed *sealed, const struct material *material, const unsigned char *text,
		  size_t length)
{
	sealed->cipher = malloc(length + GUEST_SLACK);
	assert_non_null(sealed->cipher);
	guest_expect(material, text, length, sealed->cipher);
	sealed->tag = sealed->cipher + length;
}

int message_check(struct token *t, CK_SESSION_HANDLE session, enum token_kind kind,
		  const struct material *material, const unsigned char *text, size_t length,
		  enum token_manner manner, const struct token_split *split)
{
	unsigned char *made = malloc(length + GUEST_SLACK);
	struct message_job job = {.kind = kind, .material = material, .length = length};
	int result;

	if (!made)
		return guest_error(t, "out of memory");
	guest_expect(material, text, length, made);
	job.in = kind == TOKEN_ENCRYPT ? text : made;
	job.out = kind == TOKEN_ENCRYPT ? made : text;
	job.tag = made + length;
	result = message_run(t, session, &job, manner, split);
	free(made);
	return result;
}
