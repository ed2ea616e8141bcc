/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/nested.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned int digit(char c)
{
	return c <= '9' ? (unsigned int)(c - '0')
			: (unsigned int)(tolower((unsigned char)c) - 'a' + 10);
}

/* Whether the value of TYPE is an array of attributes, with addresses in it: whoever can write to a
 * keyring would choose what memory is read. */
static bool holds_addresses(CK_ATTRIBUTE_TYPE type)
{
	return type & CKF_ARRAY_ATTRIBUTE && type != CKA_ALLOWED_MECHANISMS;
}

/* One "TYPE:VALUE" at *AT, which it moves on; VALUE may be NULL. */
static int read_one(const char **at, CK_ATTRIBUTE_TYPE *type, uint8_t *value, size_t *len)
{
	size_t digits = strspn(*at, "0123456789abcdefABCDEF");
	const char *c = *at;

	if (digits < 1 || digits > 8 || c[digits] != ':')
		return -EINVAL;
	for (*type = 0; digits--; c++)
		*type = *type << 4 | digit(*c);
	if (holds_addresses(*type))
		return -EINVAL;
	c++;
	digits = strspn(c, "0123456789abcdefABCDEF");
	if (digits % 2 || (c[digits] && c[digits] != ','))
		return -EINVAL;
	*len = digits / 2;
	for (size_t i = 0; value && i < *len; i++)
		value[i] = (uint8_t)(digit(c[2 * i]) << 4 | digit(c[2 * i + 1]));
	*at = c + digits + (c[digits] == ',');
	return 0;
}

int nested_check(const char *text)
{
	CK_ATTRIBUTE_TYPE type;
	size_t len;
	int err = 0;

	while (*text && !err)
		err = read_one(&text, &type, NULL, &len);
	return err;
}

int nested_read(const char *text, CK_ATTRIBUTE **list, CK_ULONG *count)
{
	size_t n = 1, room;
	uint8_t *values;
	int err = 0;

	for (const char *c = text; *c; c++)
		n += *c == ',';
	/* Values aligned for whatever they hold: each begins a multiple of 16 bytes in. */
	room = n * sizeof(**list) + 16;
	*list = calloc(1, room + strlen(text) / 2 + 16 * n);
	if (!*list)
		return -ENOMEM;
	values = (uint8_t *)*list + room / 16 * 16;
	for (*count = 0; *text && !err; ++*count) {
		CK_ATTRIBUTE *one = &(*list)[*count];
		size_t len = 0;

		err = read_one(&text, &one->type, values, &len);
		one->pValue = values;
		one->ulValueLen = len;
		values += (len + 15) / 16 * 16;
	}
	if (err) {
		free(*list);
		*list = NULL;
	}
	return err;
}

bool nested_is(const char *text, const CK_ATTRIBUTE *list, CK_ULONG len)
{
	CK_ATTRIBUTE *own = NULL;
	CK_ULONG count = 0;
	bool same;

	if (text && nested_read(text, &own, &count))
		return false;
	same = len == count * sizeof(*list) && (list || !count);
	for (CK_ULONG i = 0; same && i < count; i++)
		same = list[i].type == own[i].type && list[i].ulValueLen == own[i].ulValueLen &&
		       (!own[i].ulValueLen ||
			(list[i].pValue &&
			 !memcmp(list[i].pValue, own[i].pValue, own[i].ulValueLen)));
	free(own);
	return same;
}

char *nested_write(const CK_ATTRIBUTE *list, CK_ULONG count)
{
	size_t size = 1;
	char *text, *end;

	for (CK_ULONG i = 0; i < count; i++)
		size += 16 + 2 * 2 + 2 * list[i].ulValueLen;
	text = end = malloc(size);
	if (!text)
		return NULL;
	*end = '\0';
	for (CK_ULONG i = 0; i < count; i++) {
		const uint8_t *value = list[i].pValue;

		end += sprintf(end, "%s%lx:", i ? "," : "", (unsigned long)list[i].type);
		for (CK_ULONG k = 0; k < list[i].ulValueLen; k++)
			end += sprintf(end, "%02x", value[k]);
	}
	return text;
}

CK_RV nested_join(const char *text, const CK_ATTRIBUTE *list, CK_ULONG count, CK_ATTRIBUTE **joined,
		  CK_ULONG *joined_count, CK_ATTRIBUTE **added)
{
	CK_ULONG more = 0;

	*added = NULL;
	if (text && nested_read(text, added, &more))
		return CKR_HOST_MEMORY;
	*joined = malloc((count + more + 1) * sizeof(**joined));
	if (!*joined) {
		free(*added);
		return CKR_HOST_MEMORY;
	}
	if (count)
		memcpy(*joined, list, count * sizeof(*list));
	if (more)
		memcpy(*joined + count, *added, more * sizeof(*list));
	*joined_count = count + more;
	return CKR_OK;
}
