/* SPDX-License-Identifier: BSD-2-Clause */
#include "token/module.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "kernel/log.h"
#include "kernel/receive.h"
#include "kernel/relay.h"
#include "kernel/secret.h"
#include "kernel/transform.h"
#include "key/own.h"
#include "key/serials.h"
#include "mech/mechanism.h"
#include "mech/random.h"
#include "token/config.h"
#include "token/lock.h"
#include "token/session.h"
#include "token/slot.h"

enum { STOPPED, STARTING, RUNNING, STOPPING };

/*
 * Where the module stands, in a page that the kernel gives to forked children wiped, that is as
 * STOPPED: however they were forked, and without asking for a process id at each call.
 */
static atomic_int *stage;
static pthread_once_t prepared = PTHREAD_ONCE_INIT;

/* As it was at the start, for as long as the module runs. */
static struct config config;

/* Whether the tables hold something: true in a child means that it is its parent's. */
static bool used;

static void before_fork(void)
{
	receive_fork_prepare();
	lock();
	transform_fork_prepare();
	random_fork_prepare();
	secret_fork_prepare();
}

static void after_fork(void)
{
	secret_fork_done();
	random_fork_done();
	transform_fork_done();
	unlock();
	receive_fork_done();
}

static void prepare(void)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return;
	if (madvise(page, size, MADV_WIPEONFORK) ||
	    pthread_atfork(before_fork, after_fork, after_fork))
		munmap(page, size);
	else
		stage = page;
}

bool module_running(void)
{
	return stage && atomic_load_explicit(stage, memory_order_acquire) == RUNNING;
}

/* Reads the configuration, whose old content is freed or a parent's, and tells those who keep to
 * it.
 */
static int configure(const char *reserved)
{
	int err = config_read(&config, reserved);

	if (err) {
		config_free(&config);
		return err;
	}
	mechanisms_start(config.families);
	mappings_start(config.mappings, config.n_mappings);
	return 0;
}

/*
 * Takes the module from STOPPED to STARTING; false where it runs. Another thread's start or stop is
 * waited for: who is told CKR_CRYPTOKI_ALREADY_INITIALIZED goes on to use the module. A lock would
 * be held in a child that was forked meanwhile; its stage is wiped.
 */
static bool begin_start(void)
{
	static const struct timespec moment = {0, 1000000};

	for (;;) {
		int now = STOPPED;

		if (atomic_compare_exchange_strong(stage, &now, STARTING))
			return true;
		if (now == RUNNING)
			return false;
		nanosleep(&moment, NULL);
	}
}

/* What configure() and those after it made. */
static void take_down(void)
{
	mappings_start(NULL, 0);
	config_free(&config);
	random_forget();
	log_close();
	used = false;
	atomic_store_explicit(stage, STOPPED, memory_order_release);
}

CK_RV module_start(const char *reserved)
{
	CK_RV rv = CKR_HOST_MEMORY;

	pthread_once(&prepared, prepare);
	if (!stage)
		return CKR_HOST_MEMORY;
	if (!begin_start())
		return CKR_CRYPTOKI_ALREADY_INITIALIZED;
	if (used) {
		receive_abandon();
		lock_abandon();
		transform_abandon();
		sessions_abandon();
		objects_abandon();
		random_abandon();
		secret_abandon();
		own_abandon();
		slots_abandon();
	}
	used = true;
	log_open();
	relay_start();
	if (!configure(reserved)) {
		serials_forget();
		random_forget();
		rv = slots_start(&config);
	}
	if (rv == CKR_OK)
		atomic_store_explicit(stage, RUNNING, memory_order_release);
	else
		take_down();
	return rv;
}

CK_RV module_stop(void)
{
	int expected = RUNNING;

	if (!stage || !atomic_compare_exchange_strong(stage, &expected, STOPPING))
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	sessions_finish();
	slots_stop();
	own_clear();
	transform_purge(0);
	take_down();
	return CKR_OK;
}
