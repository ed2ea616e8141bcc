/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * C_GetMechanismList holds exactly what this process may bind: each row of the table is bound here
 * once more, past the module.
 */
#include <linux/if_alg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guest.h"
#include "mech/mechanism.h"

static bool binds(const char *type, const char *name)
{
	struct sockaddr_alg address = {.salg_family = AF_ALG};
	int fd = socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	bool bound;

	if (fd < 0)
		return false;
	snprintf((char *)address.salg_type, sizeof(address.salg_type), "%s", type);
	snprintf((char *)address.salg_name, sizeof(address.salg_name), "%s", name);
	bound = !bind(fd, (struct sockaddr *)&address, sizeof(address));
	close(fd);
	return bound;
}

static bool listed(const CK_MECHANISM_TYPE *list, CK_ULONG count, CK_MECHANISM_TYPE type)
{
	for (CK_ULONG i = 0; i < count; i++)
		if (list[i] == type)
			return true;
	return false;
}

static void the_list_is_what_binds(void **state)
{
	CK_MECHANISM_TYPE *list;
	CK_MECHANISM_INFO info;
	CK_ULONG count, expected = 0;

	guest_need_slot();
	assert_int_equal(token_mechanisms(&token, &list, &count), 0);
	for (size_t i = 0; i < n_mechanisms; i++) {
		const struct mechanism *row = &mechanisms[i];
		bool offered = binds(row->kernel_type, row->kernel_name);

		expected += offered;
		if (listed(list, count, row->type) != offered)
			fail_msg("%s is %s, but %s does%s bind", row->name,
				 offered ? "not offered" : "offered", row->kernel_name,
				 offered ? "" : " not");
		assert_int_equal(token.f->C_GetMechanismInfo(token.slot, row->type, &info),
				 offered ? CKR_OK : CKR_MECHANISM_INVALID);
		if (offered)
			printf("# %s\n", row->name);
	}
	assert_int_equal(count, expected);
	free(list);
}

static void what_is_not_offered_is_refused(void **state)
{
	CK_SESSION_HANDLE session;

	guest_need_slot();
	assert_int_equal(token_session(&token, CKF_SERIAL_SESSION, &session), 0);
	for (size_t i = 0; i < n_mechanisms; i++) {
		CK_MECHANISM mechanism = {.mechanism = mechanisms[i].type};

		if (!(mechanisms[i].flags & CKF_DIGEST))
			continue;
		assert_int_equal(token.f->C_DigestInit(session, &mechanism),
				 binds(mechanisms[i].kernel_type, mechanisms[i].kernel_name)
					 ? CKR_OK
					 : CKR_MECHANISM_INVALID);
		assert_int_equal(token.f->C_DigestInit(session, NULL), CKR_OK);
	}
	assert_int_equal(token.f->C_CloseSession(session), CKR_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_list_is_what_binds),
		cmocka_unit_test(what_is_not_offered_is_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, guest_setup, guest_teardown);
}
