/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/lock.h"

#include "kernel/shared-lock.h"

static struct shared_lock module_lock = SHARED_LOCK_INITIALIZER;

void lock(void)
{
	shared_write(&module_lock, 0);
}

void unlock(void)
{
	shared_write_end(&module_lock);
}

void lock_to_read(void)
{
	shared_read(&module_lock);
}

void unlock_read(void)
{
	shared_read_end(&module_lock);
}

void lock_abandon(void)
{
	shared_renew(&module_lock, 0);
}
