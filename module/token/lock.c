/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/lock.h"

#include <pthread.h>
#include <string.h>

static pthread_mutex_t module_lock = PTHREAD_MUTEX_INITIALIZER;

void lock(void)
{
	pthread_mutex_lock(&module_lock);
}

void unlock(void)
{
	pthread_mutex_unlock(&module_lock);
}

void lock_abandon(void)
{
	static const pthread_mutex_t fresh = PTHREAD_MUTEX_INITIALIZER;

	memcpy(&module_lock, &fresh, sizeof(fresh));
}
