/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/relay.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "kernel/log.h"

static atomic_bool here;

/* Within a longer name, too, as some distributions wrap programs: ".p11-kit-server-wrapped". */
static bool names_one(const char *path)
{
	static const char *const programs[] = {"p11-kit-server", "p11-kit-remote"};
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++)
		if (strstr(name, programs[i]))
			return true;
	return false;
}

void relay_start(void)
{
	char path[PATH_MAX];
	/* A program may call itself what it likes, and /proc may be missing: either will do. */
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);
	bool is;

	path[len < 0 ? 0 : len] = '\0';
	is = names_one(path) || names_one(program_invocation_name);
	if (is)
		log_line("this process hands on the calls of others: no mechanism and no function "
			 "is offered that would follow addresses of theirs");
	atomic_store(&here, is);
}

bool relay_here(void)
{
	return atomic_load_explicit(&here, memory_order_relaxed);
}

/* Only newer versions have C_GetInterface. The library is asked, since this module has one, too. */
bool relay_translates(void)
{
	void *library = dlopen("libp11-kit.so.0", RTLD_LAZY | RTLD_NOLOAD);
	bool newer = library && dlsym(library, "C_GetInterface");

	if (library)
		dlclose(library);
	return newer;
}
