/* SPDX-License-Identifier: BSD-2-Clause */
#include "stage.h"

#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fake-kernel.h"
#include "mech/mechanism.h"
#include "mech/random.h"

enum { DESCRIPTORS = 512 };

static size_t open_before;

/* One call, and not one for each number. */
static size_t open_descriptors(void)
{
	struct pollfd list[DESCRIPTORS];
	size_t n = 0;

	for (int fd = 0; fd < DESCRIPTORS; fd++)
		list[fd] = (struct pollfd){.fd = fd};
	MUST(poll(list, DESCRIPTORS, 0) >= 0);
	for (int fd = 0; fd < DESCRIPTORS; fd++)
		n += !(list[fd].revents & POLLNVAL);
	return n;
}

void stage_answer(CK_RV rv)
{
	MUST(rv != CKR_GENERAL_ERROR && rv != CKR_FUNCTION_FAILED);
}

void stage_reset(const char *configuration)
{
	static int fd = -1;
	size_t size = strlen(configuration);
	char path[64];

	if (fd < 0)
		fd = memfd_create("configuration", MFD_CLOEXEC);
	MUST(fd >= 0 && ftruncate(fd, 0) == 0);
	MUST(pwrite(fd, configuration, size, 0) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	setenv("KCRYPTOKI_CONF", path, 1);
	setenv("KCRYPTOKI_DEBUG", "/dev/null", 1);
	fake_reset();
	random_forget();
}

CK_SESSION_HANDLE stage_begin(void)
{
	CK_SESSION_HANDLE session = CK_INVALID_HANDLE;

	open_before = open_descriptors();
	MUST(C_Initialize(NULL) == CKR_OK);
	mechanisms_start(FAMILY_ALL);
	MUST(C_OpenSession(0, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session) == CKR_OK);
	return session;
}

void stage_end(void)
{
	fake_fail("alg_send", 0, 0);
	MUST(C_Finalize(NULL) == CKR_OK);
	MUST(fake_open_sockets() == 0);
	MUST(open_descriptors() == open_before);
	MUST(fake_keys("keyring") == 0);
}
