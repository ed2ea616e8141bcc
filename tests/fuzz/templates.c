/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Templates of any attributes: what makes an object is found in it again, what fails makes none,
 * and of a change that fails nothing remains.
 */
#include "arguments.h"
#include "fake-kernel.h"
#include "stage.h"

enum { OBJECTS = 64, STEPS = 12, ROOM = 4200 };

static CK_SESSION_HANDLE session;

/* All that can be asked of a key, but for CKA_VALUE. */
static const CK_ATTRIBUTE_TYPE types[] = {
	CKA_CLASS,       CKA_TOKEN,
	CKA_PRIVATE,     CKA_LABEL,
	CKA_ID,          CKA_UNIQUE_ID,
	CKA_KEY_TYPE,    CKA_VALUE_LEN,
	CKA_CHECK_VALUE, CKA_ENCRYPT,
	CKA_DECRYPT,     CKA_SIGN,
	CKA_VERIFY,      CKA_WRAP,
	CKA_UNWRAP,      CKA_DERIVE,
	CKA_SENSITIVE,   CKA_EXTRACTABLE,
	CKA_LOCAL,       CKA_ALWAYS_SENSITIVE,
	CKA_MODIFIABLE,  CKA_NEVER_EXTRACTABLE,
	CKA_COPYABLE,    CKA_KEY_GEN_MECHANISM,
	CKA_DESTROYABLE, CKA_WRAP_WITH_TRUSTED,
	CKA_TRUSTED,     CKA_ALWAYS_AUTHENTICATE,
	CKA_START_DATE,  CKA_ALLOWED_MECHANISMS,
	CKA_END_DATE,
};

enum { TYPES = sizeof(types) / sizeof(*types) };

/* What an object says of itself. */
struct picture {
	CK_RV rv[TYPES];
	CK_ULONG length[TYPES];
	CK_BYTE value[TYPES][ROOM];
};

static void look_at(CK_OBJECT_HANDLE object, struct picture *picture)
{
	for (size_t i = 0; i < TYPES; i++) {
		CK_ATTRIBUTE asked = {types[i], NULL, 0};
		CK_RV rv = C_GetAttributeValue(session, object, &asked, 1);

		stage_answer(rv);
		picture->length[i] = asked.ulValueLen;
		asked.pValue = picture->value[i];
		MUST(rv != CKR_OK || asked.ulValueLen <= ROOM);
		picture->rv[i] =
			rv == CKR_OK ? C_GetAttributeValue(session, object, &asked, 1) : rv;
		MUST(picture->rv[i] == rv && asked.ulValueLen == picture->length[i]);
	}
}

static void compare(const struct picture *a, const struct picture *b)
{
	for (size_t i = 0; i < TYPES; i++) {
		MUST(a->rv[i] == b->rv[i]);
		MUST(a->length[i] == b->length[i]);
		MUST(a->rv[i] != CKR_OK || !memcmp(a->value[i], b->value[i], a->length[i]));
	}
}

static bool truth(const struct picture *picture, CK_ATTRIBUTE_TYPE type)
{
	for (size_t i = 0; i < TYPES; i++)
		if (types[i] == type)
			return picture->rv[i] == CKR_OK && picture->value[i][0];
	return false;
}

/* How many objects fit, and whether OBJECT is one of them. */
static CK_ULONG find(CK_ATTRIBUTE *list, CK_ULONG count, CK_OBJECT_HANDLE object, bool *found)
{
	CK_OBJECT_HANDLE objects[OBJECTS];
	CK_ULONG n = 0;
	CK_RV rv = C_FindObjectsInit(session, list, count);

	stage_answer(rv);
	*found = false;
	if (rv != CKR_OK)
		return 0;
	MUST(C_FindObjects(session, objects, OBJECTS, &n) == CKR_OK && n <= OBJECTS);
	MUST(C_FindObjectsFinal(session) == CKR_OK);
	for (CK_ULONG i = 0; i < n; i++)
		*found = *found || objects[i] == object;
	return n;
}

static CK_ULONG count_all(void)
{
	bool found;

	return find(NULL, 0, CK_INVALID_HANDLE, &found);
}

/* An object is found by whatever it says of itself. */
static void find_again(CK_OBJECT_HANDLE object, struct picture *picture)
{
	CK_ATTRIBUTE list[TYPES];
	CK_ULONG n = 0;
	bool found;

	for (size_t i = 0; i < TYPES; i++)
		if (picture->rv[i] == CKR_OK)
			list[n++] = (CK_ATTRIBUTE){types[i], picture->value[i], picture->length[i]};
	find(list, n, object, &found);
	MUST(found);
}

/* The bytes of a sensitive key, or of one that cannot be extracted, are not given. */
static void ask_value(CK_OBJECT_HANDLE object, const struct picture *picture)
{
	CK_BYTE bytes[ROOM];
	CK_ATTRIBUTE asked = {CKA_VALUE, bytes, sizeof(bytes)};
	CK_RV rv;

	memset(bytes, 0xa5, sizeof(bytes));
	rv = C_GetAttributeValue(session, object, &asked, 1);
	stage_answer(rv);
	if (!truth(picture, CKA_SENSITIVE) && truth(picture, CKA_EXTRACTABLE))
		return;
	if (truth(picture, CKA_SENSITIVE) || rv != CKR_OK)
		MUST(asked.ulValueLen == CK_UNAVAILABLE_INFORMATION && bytes[0] == 0xa5);
}

/* Whether an object that says HAS is what asked for WANTED. It may be more strict. */
static bool fits(CK_ATTRIBUTE_TYPE type, const CK_BYTE *has, CK_ULONG length,
		 const CK_ATTRIBUTE *wanted)
{
	const CK_BYTE *value = wanted->pValue;

	/* An empty id is none, so that one is made. */
	if (type == CKA_ID && !wanted->ulValueLen)
		return true;
	/* What cannot be read cannot be copied, and on the token not be seen. */
	if (type == CKA_COPYABLE)
		return *has <= *value;
	if (type == CKA_SENSITIVE)
		return *has >= *value;
	/* Mechanisms that are not known allow nothing; and a check value is the token's to compute.
	 */
	if (type == CKA_ALLOWED_MECHANISMS)
		return length <= wanted->ulValueLen;
	if (type == CKA_CHECK_VALUE)
		return true;
	/* Some count the end of a string in. */
	return (type == CKA_LABEL ? length <= wanted->ulValueLen : length == wanted->ulValueLen) &&
	       (!length || !memcmp(has, value, length));
}

static void agree(const struct template_argument *template, const struct picture *picture)
{
	for (CK_ULONG k = 0; k < template->count; k++)
		for (size_t i = 0; i < TYPES; i++)
			/* A check value is the token's to compute, or to have none. */
			if (types[i] == template->list[k].type && types[i] != CKA_CHECK_VALUE) {
				MUST(picture->rv[i] == CKR_OK);
				MUST(fits(types[i], picture->value[i], picture->length[i],
					  &template->list[k]));
			}
}

/* RV made the object at HANDLE of TEMPLATE, or nothing; there were as many objects BEFORE. */
static CK_OBJECT_HANDLE made(CK_RV rv, const CK_OBJECT_HANDLE *handle,
			     const struct template_argument *template, CK_ULONG before)
{
	static struct picture picture;
	CK_OBJECT_HANDLE object = *handle;

	stage_answer(rv);
	if (rv != CKR_OK) {
		MUST(object == CK_INVALID_HANDLE && count_all() == before);
		return CK_INVALID_HANDLE;
	}
	MUST(object != CK_INVALID_HANDLE && (before >= OBJECTS || count_all() == before + 1));
	look_at(object, &picture);
	agree(template, &picture);
	find_again(object, &picture);
	ask_value(object, &picture);
	return object;
}

static CK_OBJECT_HANDLE create(struct input *input)
{
	/* What it takes, and what the input adds to it. */
	static CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	static CK_KEY_TYPE key_type = CKK_AES;
	static CK_BYTE value[32] = "the bytes of a key of templates";
	struct template_argument template = argument_template(input);
	CK_ULONG before = count_all();
	CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;

	if (input_byte(input) < 0xc0) {
		template.list[template.count++] = (CK_ATTRIBUTE){CKA_CLASS, &class, sizeof(class)};
		template.list[template.count++] =
			(CK_ATTRIBUTE){CKA_KEY_TYPE, &key_type, sizeof(key_type)};
		template.list[template.count++] = (CK_ATTRIBUTE){CKA_VALUE, value, sizeof(value)};
	}
	return made(C_CreateObject(session, template.list, template.count, &object), &object,
		    &template, before);
}

static CK_OBJECT_HANDLE generate(struct input *input)
{
	static const CK_MECHANISM_TYPE generators[] = {CKM_AES_KEY_GEN, CKM_GENERIC_SECRET_KEY_GEN,
						       CKM_DES3_KEY_GEN, CKM_CHACHA20_KEY_GEN};
	static CK_ULONG length = 32;
	CK_MECHANISM mechanism = {generators[input_byte(input) % 4], NULL, 0};
	struct template_argument template = argument_template(input);
	CK_ULONG before = count_all();
	CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;

	if (input_byte(input) < 0xc0)
		template.list[template.count++] =
			(CK_ATTRIBUTE){CKA_VALUE_LEN, &length, sizeof(length)};
	return made(C_GenerateKey(session, &mechanism, template.list, template.count, &object),
		    &object, &template, before);
}

static CK_OBJECT_HANDLE copy(struct input *input, CK_OBJECT_HANDLE from)
{
	struct template_argument template = argument_template(input);
	CK_ULONG before = count_all();
	CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;

	return made(C_CopyObject(session, from, template.list, template.count, &object), &object,
		    &template, before);
}

/* A usage that is away stays away. */
static void change(struct input *input, CK_OBJECT_HANDLE object)
{
	static const CK_ATTRIBUTE_TYPE usages[] = {CKA_ENCRYPT, CKA_DECRYPT, CKA_SIGN,  CKA_VERIFY,
						   CKA_WRAP,    CKA_UNWRAP,  CKA_DERIVE};
	static struct picture before, after;
	struct template_argument template = argument_template(input);
	CK_RV rv;

	look_at(object, &before);
	rv = C_SetAttributeValue(session, object, template.list, template.count);
	stage_answer(rv);
	look_at(object, &after);
	if (rv != CKR_OK) {
		compare(&before, &after);
		return;
	}
	agree(&template, &after);
	find_again(object, &after);
	for (size_t i = 0; i < sizeof(usages) / sizeof(*usages); i++)
		MUST(truth(&before, usages[i]) || !truth(&after, usages[i]));
}

static void search(struct input *input)
{
	struct template_argument template = argument_template(input);
	bool found;

	find(template.list, template.count, CK_INVALID_HANDLE, &found);
}

/* The values of a template are where the answers go. */
static void ask(struct input *input, CK_OBJECT_HANDLE object)
{
	struct template_argument template = argument_template(input), asked = template;

	stage_answer(C_GetAttributeValue(session, object, asked.list, asked.count));
	for (CK_ULONG i = 0; i < asked.count; i++)
		MUST(asked.list[i].ulValueLen == CK_UNAVAILABLE_INFORMATION ||
		     !template.list[i].pValue ||
		     asked.list[i].ulValueLen <= template.list[i].ulValueLen);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};
	CK_OBJECT_HANDLE object = CK_INVALID_HANDLE, another;

	stage_reset("");
	session = stage_begin();
	for (int i = 0; i < STEPS && input.left; i++) {
		uint8_t what = input_byte(&input) % 8;

		another = CK_INVALID_HANDLE;
		if (what == 0 || (object == CK_INVALID_HANDLE && what > 3))
			another = create(&input);
		else if (what == 1)
			another = generate(&input);
		else if (what == 2)
			search(&input);
		else if (what == 3)
			another = copy(&input, object);
		else if (what < 6)
			ask(&input, object);
		else
			change(&input, object);
		if (another != CK_INVALID_HANDLE)
			object = another;
		arguments_free();
	}
	stage_end();
	return 0;
}
