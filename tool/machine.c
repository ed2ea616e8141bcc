/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "kernel/alg.h"
#include "key/serials.h"
#include "token/slot.h"
#include "tool/report.h"

/* A line of the file PATH that begins with PREFIX, without it and without its end. */
static bool line_of(const char *path, const char *prefix, char *line, size_t size)
{
	FILE *file = fopen(path, "re");
	size_t len = strlen(prefix);
	bool found = false;

	while (file && !found && fgets(line, (int)size, file))
		found = !strncmp(line, prefix, len);
	if (file)
		fclose(file);
	if (!found)
		return false;
	memmove(line, line + len, strlen(line + len) + 1);
	line[strcspn(line, "\n")] = '\0';
	return true;
}

/* crypto.af_alg_restrict, or null where this kernel has none, or has not loaded af_alg yet. */
static json_t *restriction(void)
{
	char line[32];
	int level;

	if (!line_of("/proc/sys/crypto/af_alg_restrict", "", line, sizeof(line)) ||
	    sscanf(line, "%d", &level) != 1)
		return json_null();
	return json_integer(level);
}

json_t *machine_kernel(void)
{
	int err = alg_probe();
	json_t *level = restriction();
	struct utsname name;
	json_t *kernel;

	uname(&name);
	kernel = json_pack("{s:s, s:b, s:o, s:b}", "release", name.release, "af_alg", !err,
			   "af_alg_restrict", level, "unread_keys", !err && serials_supported());
	if (err) {
		char why[512];

		snprintf(why, sizeof(why), "%s%s", strerror(-err), slots_obstacle(err));
		json_object_set_new(kernel, "why", printable(why));
	}
	return kernel;
}

/* Those that the kernel asks for from Linux 7.3 on; they count in the first user namespace. */
static const struct {
	const char *name;
	unsigned int bit;
} capabilities[] = {{"CAP_NET_ADMIN", 12}, {"CAP_SYS_ADMIN", 21}};

static bool in_first_namespace(void)
{
	char line[64];
	unsigned long inside, outside, count;

	return !line_of("/proc/self/uid_map", "", line, sizeof(line)) ||
	       (sscanf(line, "%lu %lu %lu", &inside, &outside, &count) == 3 && !inside &&
		!outside && count == 4294967295UL);
}

json_t *machine_process(void)
{
	json_t *list = json_array();
	unsigned long long effective = 0;
	char line[64];

	if (line_of("/proc/self/status", "CapEff:", line, sizeof(line)))
		sscanf(line, "%llx", &effective);
	for (size_t i = 0; i < sizeof(capabilities) / sizeof(*capabilities); i++)
		if (effective >> capabilities[i].bit & 1)
			json_array_append_new(list, json_string(capabilities[i].name));
	return json_pack("{s:i, s:o, s:b}", "uid", (int)geteuid(), "capabilities", list,
			 "user_namespace", !in_first_namespace());
}

/* proc(5), /proc/key-users: "UID: USAGE NKEYS/NIKEYS QNKEYS/MAXKEYS QNBYTES/MAXBYTES". */
json_t *machine_quota(void)
{
	char line[128], prefix[16];
	int keys, keys_max, bytes, bytes_max;

	snprintf(prefix, sizeof(prefix), "%5u:", (unsigned int)geteuid());
	if (!line_of("/proc/key-users", prefix, line, sizeof(line)) ||
	    sscanf(line, "%*d %*d/%*d %d/%d %d/%d", &keys, &keys_max, &bytes, &bytes_max) != 4)
		return json_null();
	return json_pack("{s:i, s:i, s:i, s:i}", "keys", keys, "keys_max", keys_max, "bytes", bytes,
			 "bytes_max", bytes_max);
}
