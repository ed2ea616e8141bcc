/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "kernel/alg.h"
#include "kernel/transform.h"
#include "mech/mechanism.h"
#include "tool/report.h"

/* Where ROW's algorithm can be had, and in *WHY, where nowhere, why. */
static const char *place_of(const struct mechanism *row, const char **why)
{
	int fd;

	*why = NULL;
	if (!row->kernel_name)
		return "here";
	fd = alg_bind(row->kernel_type, row->kernel_name);
	if (fd >= 0) {
		close(fd);
		return "here";
	}
	if (!transform_may_bind(row->kernel_type, row->kernel_name))
		return "broker";
	/* One errno for two things. */
	*why = fd == -ENOENT ? "this kernel lacks it, or keeps it from this process "
			       "(crypto.af_alg_restrict)"
			     : strerror(-fd);
	return "nowhere";
}

static json_t *found(const struct mechanism *row)
{
	const struct mechanism *other;
	json_t *one = json_pack("{s:s, s:o}", "name", row->name, "algorithm",
				row->kernel_name ? json_string(row->kernel_name) : json_null());
	const char *why, *where = place_of(row, &why);

	if (!strcmp(where, "nowhere") && (other = mechanism_instead(row))) {
		where = place_of(other, &why);
		json_object_set_new(one, "composed", json_true());
	}
	json_object_set_new(one, "where", json_string(where));
	if (why)
		json_object_set_new(one, "why", json_string(why));
	return one;
}

json_t *mechanisms_found(void)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n_mechanisms; i++) {
		/* Families that the configuration does not name are not asked for, which could load
		 * a module of the kernel. */
		if (mechanism_is_wanted(&mechanisms[i]))
			json_array_append_new(list, found(&mechanisms[i]));
	}
	return list;
}
