/* SPDX-License-Identifier: BSD-2-Clause */
#include "mech/mechanism.h"

#include <ctype.h>
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "kernel/log.h"
#include "kernel/relay.h"
#include "kernel/transform.h"

/* More than there are rows (checked by a test); the table itself is in another file. */
enum { ROWS_MAX = 160 };

enum { UNKNOWN, OFFERED, ABSENT };

/* What bind() said of the row's kernel name. */
static atomic_uchar verdicts[ROWS_MAX];
static atomic_uint offered_families;

/* Rows that were looked for, at a place that their numbers give: each *Init looks for one. */
enum { FOUND_BITS = 6, FOUND = 1 << FOUND_BITS };
static _Atomic(const struct mechanism *) found[FOUND];

const struct mechanism *mechanism_find(CK_MECHANISM_TYPE type)
{
	_Atomic(const struct mechanism *) *place = &found[(type ^ type >> FOUND_BITS) % FOUND];
	const struct mechanism *row = atomic_load_explicit(place, memory_order_relaxed);

	if (row && row->type == type)
		return row;
	for (row = mechanisms; row < mechanisms + n_mechanisms; row++) {
		if (row->type == type) {
			atomic_store_explicit(place, row, memory_order_relaxed);
			return row;
		}
	}
	return NULL;
}

/* Whether NAME is ROW's without "CKM_", in lower case and with hyphens. */
static bool is_named(const struct mechanism *row, const char *name, size_t len)
{
	const char *own = row->name + strlen("CKM_");

	if (strlen(own) != len)
		return false;
	for (size_t i = 0; i < len; i++)
		if (name[i] != (own[i] == '_' ? '-' : tolower((unsigned char)own[i])))
			return false;
	return true;
}

const struct mechanism *mechanism_named(const char *name, size_t len)
{
	for (size_t i = 0; i < n_mechanisms; i++)
		if (is_named(&mechanisms[i], name, len))
			return &mechanisms[i];
	return NULL;
}

const struct mechanism *mechanism_generating(CK_KEY_TYPE type)
{
	for (size_t i = 0; i < n_mechanisms; i++)
		if (mechanisms[i].flags & CKF_GENERATE && mechanisms[i].key_types[0] == type)
			return &mechanisms[i];
	return NULL;
}

static bool same_algorithm(const struct mechanism *a, const struct mechanism *b)
{
	return a->kernel_name && !strcmp(a->kernel_name, b->kernel_name) &&
	       !strcmp(a->kernel_type, b->kernel_type);
}

/* What is known of ROW's algorithm, from ROW itself or another row that has it, too. */
static unsigned char verdict_of(const struct mechanism *row)
{
	unsigned char verdict = atomic_load(&verdicts[row - mechanisms]);

	for (size_t i = 0; i < n_mechanisms && verdict == UNKNOWN; i++)
		if (same_algorithm(&mechanisms[i], row))
			verdict = atomic_load(&verdicts[i]);
	if (verdict != UNKNOWN)
		atomic_store(&verdicts[row - mechanisms], verdict);
	return verdict;
}

bool mechanism_is_wanted(const struct mechanism *row)
{
	return !(row->family & ~atomic_load(&offered_families));
}

int mechanism_offered(const struct mechanism *row)
{
	unsigned char verdict;
	int err;

	if (!mechanism_is_wanted(row))
		return 0;
	if (row->points && relay_here() && !(row->translated && relay_translates()))
		return 0;
	if (!row->kernel_name)
		return 1;
	verdict = verdict_of(row);
	if (verdict != UNKNOWN)
		return verdict == OFFERED;

	err = transform_may_bind(row->kernel_type, row->kernel_name);
	/* A broker that comes back may have it. */
	if (err == -EHOSTDOWN)
		return 0;
	if (err && err != -ENOENT) {
		log_line("%s: asking for %s failed: %s", row->name, row->kernel_name,
			 strerror(-err));
		return err;
	}
	if (err)
		log_line("%s is not offered: this kernel lacks %s, or keeps it from this process "
			 "(crypto.af_alg_restrict; kcryptokid(8) passes on what that leaves to "
			 "administrators)",
			 row->name, row->kernel_name);
	atomic_store(&verdicts[row - mechanisms], err ? ABSENT : OFFERED);
	return !err;
}

/* Whether ROW, one of those that stand in, may. */
static bool stands(const struct mechanism *row)
{
	if (!mechanism_is_wanted(row))
		return false;
	for (size_t i = 0; i < n_mechanisms; i++)
		if (same_algorithm(&mechanisms[i], row))
			return mechanism_offered(&mechanisms[i]) > 0;
	return false;
}

const struct mechanism *mechanism_instead(const struct mechanism *row)
{
	for (size_t i = 0; i < n_stand_ins; i++)
		if (stand_ins[i].type == row->type && &stand_ins[i] != row && stands(&stand_ins[i]))
			return &stand_ins[i];
	return NULL;
}

int mechanism_choose(CK_MECHANISM_TYPE type, const struct mechanism **row)
{
	int answer;

	*row = mechanism_find(type);
	answer = *row ? mechanism_offered(*row) : 0;
	if (*row && !answer)
		*row = mechanism_instead(*row);
	return *row && !answer ? 1 : answer;
}

/* The parameter of each message has addresses in it, of a nonce and of a tag to be written. */
CK_FLAGS mechanism_flags(const struct mechanism *row)
{
	if (row->decode_message && relay_here())
		return row->flags &
		       ~(CK_FLAGS)(CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT | CKF_MULTI_MESSAGE);
	return row->flags;
}

bool mechanism_takes_key(const struct mechanism *row)
{
	return row->key_max > 0;
}

bool mechanism_fits_key(const struct mechanism *row, CK_KEY_TYPE type)
{
	return row->any_key || row->key_types[0] == type || row->key_types[1] == type;
}

bool mechanism_fits_length(const struct mechanism *row, ssize_t length)
{
	CK_ULONG bytes = (CK_ULONG)length;

	return length < 0 || (bytes >= row->key_min && bytes <= row->key_max &&
			      (!row->key_step || (bytes - row->key_min) % row->key_step == 0));
}

void mechanisms_start(unsigned int families)
{
	for (size_t i = 0; i < ROWS_MAX; i++)
		atomic_store(&verdicts[i], UNKNOWN);
	atomic_store(&offered_families, families);
}
