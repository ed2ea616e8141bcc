/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * C_GetMechanismList holds exactly what this process may bind and its configuration asks for: each
 * row of the table is bound here once more, past the module.
 *
 * $KCRYPTOKI_SEEN names a record of what binds on this kernel for this user, one of doc/seen, with
 * which the kernel is compared. "--list" prints such a record: tests/seen makes them.
 */
#include <errno.h>
#include <linux/if_alg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "families.h"
#include "guest.h"
#include "mech/mechanism.h"

/* More than there are rows. */
#define ROWS_MAX 256

/* Whether the algorithm of each row binds. */
static bool bound[ROWS_MAX];

static bool binds(const char *type, const char *name)
{
	struct sockaddr_alg address = {.salg_family = AF_ALG};
	int fd = socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	bool success;

	if (fd < 0)
		return false;
	snprintf((char *)address.salg_type, sizeof(address.salg_type), "%s", type);
	snprintf((char *)address.salg_name, sizeof(address.salg_name), "%s", name);
	success = !bind(fd, (struct sockaddr *)&address, sizeof(address));
	close(fd);
	return success;
}

/* The first row with the same kernel name. */
static size_t first_of(size_t row)
{
	size_t i = 0;

	if (!mechanisms[row].kernel_name)
		return row;
	while (!mechanisms[i].kernel_name ||
	       strcmp(mechanisms[i].kernel_name, mechanisms[row].kernel_name) ||
	       strcmp(mechanisms[i].kernel_type, mechanisms[row].kernel_type))
		i++;
	return i;
}

static void bind_all(void)
{
	for (size_t i = 0; i < n_mechanisms && i < ROWS_MAX; i++)
		bound[i] = first_of(i) == i
				   ? !mechanisms[i].kernel_name || binds(mechanisms[i].kernel_type,
									 mechanisms[i].kernel_name)
				   : bound[first_of(i)];
}

/* Starts the module anew with a configuration; CONF NULL: without the variable. */
static void start_with(const char *conf)
{
	GUEST_RV(token.f->C_Finalize(NULL), CKR_OK);
	if (conf)
		setenv("KCRYPTOKI_CONF", conf, 1);
	else
		unsetenv("KCRYPTOKI_CONF");
	GUEST_OK(token_start(&token));
}

static bool listed(const CK_MECHANISM_TYPE *list, CK_ULONG count, CK_MECHANISM_TYPE type)
{
	for (CK_ULONG i = 0; i < count; i++)
		if (list[i] == type)
			return true;
	return false;
}

/* Whether the list is all that binds, but for families other than CONFIGURED. */
static void check_list(unsigned int configured)
{
	CK_MECHANISM_TYPE *list;
	CK_MECHANISM_INFO info;
	CK_ULONG count, expected = 0;

	GUEST_OK(token_mechanisms(&token, &list, &count));
	for (size_t i = 0; i < n_mechanisms; i++) {
		const struct mechanism *row = &mechanisms[i];
		bool wanted = !(row->family & ~configured), offered = wanted && bound[i];

		expected += offered;
		if (listed(list, count, row->type) != offered)
			guest_fail("%s is %s, but %s does%s bind, and it is%s asked for", row->name,
				   offered ? "not offered" : "offered",
				   row->kernel_name ? row->kernel_name : "nothing",
				   bound[i] ? "" : " not", wanted ? "" : " not");
		GUEST_RV(token.f->C_GetMechanismInfo(token.slot, row->type, &info),
			 offered ? CKR_OK : CKR_MECHANISM_INVALID);
	}
	assert_int_equal(count, expected);
	free(list);
}

static void the_list_is_what_binds(void **state)
{
	guest_need_slot();
	start_with("/dev/null");
	check_list(FAMILY_NONE);
	for (size_t i = 0; i < n_mechanisms; i++)
		if (bound[i] && !mechanisms[i].family)
			printf("# %s\n", mechanisms[i].name);
	/* Where the computer has a configuration, it may say anything. */
	if (access(SYSCONFDIR "/kcryptoki.conf", F_OK) < 0) {
		start_with(NULL);
		check_list(FAMILY_NONE);
	}
}

/* Writes a configuration with the families of MASK, and starts the module with it. */
static void configure(unsigned int mask, const char *more)
{
	char path[] = "/tmp/test-offered-XXXXXX";
	int fd = mkstemp(path);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");

	if (!file)
		guest_fail("%s: %s", path, strerror(errno));
	fprintf(file, "# a test's\n[mechanisms]\nlegacy =%s", more);
	for (size_t i = 0; i < FAMILIES; i++)
		if (mask & families[i].family)
			fprintf(file, " %s", families[i].word);
	fprintf(file, "\n");
	fclose(file);
	start_with(path);
	unlink(path);
}

static void families_are_offered_where_configured(void **state)
{
	unsigned int all = 0;

	guest_need_slot();
	for (size_t i = 0; i < FAMILIES; i++) {
		configure(families[i].family, "");
		check_list(families[i].family);
		all |= families[i].family;
	}
	assert_int_equal(all, FAMILY_ALL);
	configure(FAMILY_DES3 | FAMILY_CAMELLIA, "");
	check_list(FAMILY_DES3 | FAMILY_CAMELLIA);
	configure(FAMILY_NONE, " all");
	check_list(FAMILY_ALL);
	configure(FAMILY_NONE, "");
	check_list(FAMILY_NONE);
}

static void what_is_not_offered_is_refused(void **state)
{
	unsigned int configured[] = {FAMILY_NONE, FAMILY_RIPEMD160};

	guest_need_slot();
	for (size_t k = 0; k < 2; k++) {
		CK_SESSION_HANDLE session;

		configure(configured[k], "");
		session = guest_session();
		for (size_t i = 0; i < n_mechanisms; i++) {
			const struct mechanism *row = &mechanisms[i];
			CK_MECHANISM mechanism = {.mechanism = row->type};
			bool offered = bound[i] && !(row->family & ~configured[k]);

			if (!(row->flags & CKF_DIGEST))
				continue;
			GUEST_RV(token.f->C_DigestInit(session, &mechanism),
				 offered ? CKR_OK : CKR_MECHANISM_INVALID);
			GUEST_RV(token.f->C_DigestInit(session, NULL), CKR_OK);
		}
		GUEST_RV(token.f->C_CloseSession(session), CKR_OK);
	}
}

/* The record's line of a row. */
static void name_row(char *line, size_t size, size_t row)
{
	snprintf(line, size, "%s %s", mechanisms[row].kernel_type, mechanisms[row].kernel_name);
}

/* Marks the rows that a line of the record is about. */
static void read_record(const char *path, bool *seen, unsigned int *differences)
{
	FILE *file = fopen(path, "re");
	char line[256], name[256];

	if (!file)
		guest_fail("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), file)) {
		bool known = false;

		line[strcspn(line, "\n")] = '\0';
		for (size_t i = 0; i < n_mechanisms; i++) {
			if (!mechanisms[i].kernel_name)
				continue;
			name_row(name, sizeof(name), i);
			if (strcmp(line, name))
				continue;
			seen[i] = known = true;
		}
		if (known)
			continue;
		printf("# no row of the table has \"%s\"\n", line);
		++*differences;
	}
	fclose(file);
}

static void the_kernel_is_as_recorded(void **state)
{
	const char *path = getenv("KCRYPTOKI_SEEN");
	bool seen[ROWS_MAX] = {false};
	unsigned int differences = 0;
	char name[256];

	if (!path || !*path)
		guest_skip("KCRYPTOKI_SEEN names no record of this kernel");
	read_record(path, seen, &differences);
	for (size_t i = 0; i < n_mechanisms; i++) {
		if (!mechanisms[i].kernel_name || first_of(i) != i || seen[i] == bound[i])
			continue;
		name_row(name, sizeof(name), i);
		printf("# %s: \"%s\" %s\n", path, name,
		       bound[i] ? "is missing, but binds here"
				: "is there, but does not bind here");
		differences++;
	}
	if (differences)
		guest_fail("%s is not what binds here; to write it anew: tests/seen %s", path,
			   strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
}

static int list(void)
{
	char name[256];

	for (size_t i = 0; i < n_mechanisms; i++) {
		if (!mechanisms[i].kernel_name)
			continue;
		name_row(name, sizeof(name), i);
		if (bound[i] && first_of(i) == i)
			puts(name);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_list_is_what_binds),
		cmocka_unit_test(families_are_offered_where_configured),
		cmocka_unit_test(what_is_not_offered_is_refused),
		cmocka_unit_test(the_kernel_is_as_recorded),
	};

	bind_all();
	if (argc == 2 && strcmp(argv[1], "--list") == 0)
		return list();
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, guest_setup, guest_teardown);
}
