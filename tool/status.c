/* SPDX-License-Identifier: BSD-2-Clause */
/* `kcryptoki status`: why the token does, or does not, what it is expected to. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kernel/log.h"
#include "mech/mechanism.h"
#include "token/config.h"
#include "token/slot.h"
#include "tool/report.h"
#include "tool/verb.h"

/* What was wrong with the configuration, as the log says it. */
static json_t *mistakes;

static void keep(const char *line)
{
	json_array_append_new(mistakes, printable(line));
}

static void discard(const char *line)
{
	(void)line;
}

static json_t *read_configuration(struct config *config)
{
	const char *file = secure_getenv("KCRYPTOKI_CONF");

	if (!file || !*file)
		file = SYSCONFDIR "/kcryptoki.conf";
	mistakes = json_array();
	log_to(keep);
	if (config_read(config, NULL)) {
		fprintf(stderr, "kcryptoki: out of memory\n");
		exit(EXIT_FAILURE);
	}
	/* The rest of what the module would say is told in the report's own words. */
	log_to(discard);
	return json_pack("{s:o, s:o}", "file", access(file, F_OK) ? json_null() : printable(file),
			 "mistakes", mistakes);
}

static int status(const struct options *options)
{
	static struct config config;
	json_t *report = json_object();
	int verdict;

	json_object_set_new(report, "configuration", read_configuration(&config));
	mechanisms_start(config.families);
	mappings_start(config.mappings, config.n_mappings);
	json_object_set_new(report, "kernel", machine_kernel());
	json_object_set_new(report, "process", machine_process());
	json_object_set_new(report, "quota", machine_quota());
	slots_start(&config);
	json_object_set_new(report, "mechanisms", mechanisms_found());
	json_object_set_new(report, "tokens", tokens_found(&config));
	verdict = report_verdict(report);
	json_object_set_new(report, "verdict", json_integer(verdict));
	if (options->json) {
		json_dumpf(report, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
		puts("");
	} else {
		print_report(report);
	}
	slots_stop();
	mappings_start(NULL, 0);
	config_free(&config);
	json_decref(report);
	return verdict;
}

const struct verb verb_status = {
	.name = "status",
	.run = status,
	.usage = "[--json]",
	.help = "Says what of the token works for this process, what does not and why, and what\n"
		"would mend it; changes nothing. The exit status is 0 where all of it is usable, "
		"1\n"
		"where part of it is, 2 where nothing is.\n",
};
