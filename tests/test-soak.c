/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All operations over and over, in an order that KCRYPTOKI_SEED makes, KCRYPTOKI_SOAK of them: what
 * the process and the kernel hold for it does not grow.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "allocations.h"
#include "made.h"
#include "messages.h"
#include "number.h"
#include "scene.h"

/* What is measured, at even distances. */
enum { RESIDENT, BLOCKS, DESCRIPTORS, KEYS, KEY_BYTES, SOCKETS, SLAB, KINDS };
static const char *const kinds[KINDS] = {
	"resident KiB",
	"blocks of malloc",
	"descriptors",
	"keys of the user",
	"bytes of quota",
	"AF_ALG sockets",
	"KiB of the kernel's slabs, unreclaimable",
};
/* How much more the last sample may be than the one after the first tenth. The kernel's slabs are
 * everybody's; so are the pages that malloc(3) keeps. */
static const long slack[KINDS] = {256, 0, 0, 0, 0, 0, 4096};

enum { SAMPLES = 10 };

static struct scene scene;

static long field(const char *path, const char *name)
{
	char line[256];
	long value = -1;
	FILE *file = fopen(path, "r");

	while (file && value < 0 && fgets(line, sizeof(line), file))
		if (strncmp(line, name, strlen(name)) == 0)
			value = strtol(line + strlen(name), NULL, 10);
	if (file)
		fclose(file);
	return value;
}

/* The "ALG" row of /proc/net/protocols: name, size, sockets. The kernel counts them only where the
 * protocol does (net/core/sock.c, sock_prot_inuse_add); -1 or 0 else. */
static long alg_row(void)
{
	char line[256];
	long size, sockets = -1;
	FILE *file = fopen("/proc/net/protocols", "r");

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "ALG %ld %ld", &size, &sockets) == 2)
			break;
	if (file)
		fclose(file);
	return sockets;
}

static void measure(long sample[KINDS])
{
	struct alg_sockets sockets;
	/* What is gone has to be collected first. */
	struct belongings have = made_settled();

	belongings_alg_sockets(&sockets);
	sample[RESIDENT] = field("/proc/self/status", "VmRSS:");
	sample[BLOCKS] = (long)allocations_live();
	sample[DESCRIPTORS] = (long)have.descriptors;
	sample[KEYS] = have.keys;
	sample[KEY_BYTES] = have.bytes;
	sample[SOCKETS] = (long)sockets.n;
	sample[SLAB] = field("/proc/meminfo", "SUnreclaim:");
}

static void show(unsigned long done, const long sample[KINDS])
{
	char line[256] = "";

	for (size_t i = 0; i < KINDS; i++)
		snprintf(line + strlen(line), sizeof(line) - strlen(line), " %10ld", sample[i]);
	print_message("# %10lu%s %5ld\n", done, line, alg_row());
}

/* How seldom an operation is done that costs the emulated kernel a hundred others: keys come and go
 * less often than they are used, and a module is started once in a program's life. */
static uint64_t rarity(const struct scene_operation *operation)
{
	return operation->restarts ? 50 : operation->makes ? 10 : 1;
}

static const struct scene_operation *choose(uint64_t *seed)
{
	for (;;) {
		const struct scene_operation *operation =
			&scene_operations[guest_random(seed) % scene_count];

		if (guest_random(seed) % rarity(operation) == 0)
			return operation;
	}
}

static void operate(const struct scene_operation *operation, unsigned long i)
{
	CK_RV rv;

	if (operation->restarts)
		GUEST_RV(token.f->C_Finalize(NULL), CKR_OK);
	memset(scene.out, 0, 64);
	rv = operation->run(&scene, operation->row);
	if (rv != CKR_OK)
		guest_fail("operation %lu, %s: 0x%lx", i, operation->name, rv);
	if (!operation->restarts)
		return;
	GUEST_RV(token.f->C_Finalize(NULL), CKR_OK);
	GUEST_RV(token.f->C_Initialize(NULL), CKR_OK);
	scene_open(&scene);
}

static void test_nothing_grows(void **state)
{
	unsigned long total = number_of("KCRYPTOKI_SOAK", 20000), done = 0;
	uint64_t seed = number_of("KCRYPTOKI_SEED", 1);
	long samples[SAMPLES + 1][KINDS];
	time_t began = time(NULL);

	(void)state;
	scene_setup(&scene);
	print_message("# KCRYPTOKI_SEED=%lu; of each sample: operations", (unsigned long)seed);
	for (size_t i = 0; i < KINDS; i++)
		print_message(", %s", kinds[i]);
	print_message(", the ALG row of /proc/net/protocols\n");
	/* Each once: what is made once is made now. */
	for (size_t i = 0; i < scene_count; i++)
		operate(&scene_operations[i], i);
	measure(samples[0]);
	show(done, samples[0]);
	for (size_t i = 1; i <= SAMPLES; i++) {
		for (; done < total / SAMPLES * i; done++)
			operate(choose(&seed), done);
		measure(samples[i]);
		show(done, samples[i]);
	}
	print_message("# %lu operations in %ld s\n", done, (long)(time(NULL) - began));
	assert_true(done > 0);
	for (size_t i = 0; i < KINDS; i++)
		if (samples[SAMPLES][i] > samples[1][i] + slack[i])
			guest_fail("%s: %ld after a tenth of it, %ld at the end", kinds[i],
				   samples[1][i], samples[SAMPLES][i]);
	scene_teardown(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_nothing_grows)};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, messages_setup, guest_teardown);
}
