/* SPDX-License-Identifier: BSD-2-Clause */
#include "conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake-kernel.h"
#include "kernel/log.h"
#include "pkcs11.h"

char conf_folder[64], conf_path[128], conf_log_path[128];
char conf_logged[65536];

int conf_setup(void **state)
{
	strcpy(conf_folder, "/tmp/kcryptoki-conf-XXXXXX");
	if (!mkdtemp(conf_folder))
		return -1;
	snprintf(conf_path, sizeof(conf_path), "%s/conf", conf_folder);
	snprintf(conf_log_path, sizeof(conf_log_path), "%s/log", conf_folder);
	setenv("KCRYPTOKI_CONF", conf_path, 1);
	setenv("KCRYPTOKI_DEBUG", conf_log_path, 1);
	fake_reset();
	return 0;
}

int conf_teardown(void **state)
{
	C_Finalize(NULL);
	log_close();
	unlink(conf_path);
	unlink(conf_log_path);
	unsetenv("KCRYPTOKI_CONF");
	unsetenv("KCRYPTOKI_DEBUG");
	return rmdir(conf_folder) || fake_open_sockets() ? -1 : 0;
}

void conf_write(const void *bytes, size_t len)
{
	FILE *file = fopen(conf_path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

void conf_log_begin(void)
{
	unlink(conf_log_path);
	log_open();
}

void conf_log_end(void)
{
	size_t len = 0;
	FILE *file;

	log_close();
	file = fopen(conf_log_path, "r");
	if (file) {
		len = fread(conf_logged, 1, sizeof(conf_logged) - 1, file);
		fclose(file);
	}
	conf_logged[len] = '\0';
}

unsigned int conf_log_lines(void)
{
	unsigned int n = 0;

	for (const char *c = conf_logged; (c = strchr(c, '\n')); c++)
		n++;
	return n;
}

bool conf_complains(unsigned int line, const char *what)
{
	char start[192];

	snprintf(start, sizeof(start), ": %s:%u: ", conf_path, line);
	for (const char *c = conf_logged; (c = strstr(c, start)); c++) {
		size_t len = strcspn(c, "\n");
		const char *said = strstr(c, what);

		if (said && said < c + len)
			return true;
	}
	return false;
}
