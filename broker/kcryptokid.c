/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kcryptokid, the broker: a process that holds the right to bind algorithms of AF_ALG and the
 * possession of keys, and passes op sockets to processes that hold neither. It is never between
 * them and the kernel, and the bytes of keys never come here. See kcryptokid(8).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "broker/server.h"
#include "config.h"
#include "kernel/broker-message.h"
#include "kernel/log.h"
#include "key/serials.h"
#include "mech/mechanism.h"
#include "token/slot.h"

enum { LISTEN_FIRST = 3 }; /* sd_listen_fds(3) */

static struct config config;
static struct rules rules;

/* Lines of the log, counted: whatever is said while the configuration is read is a mistake in it.
 */
static unsigned int said;

static void to_stderr(const char *line)
{
	said++;
	fprintf(stderr, "kcryptokid: %s\n", line);
}

static void to_journal(const char *line)
{
	said++;
	/* sd-daemon(3): the journal knows the name. */
	fprintf(stderr, "<5>%s\n", line);
}

static void to_syslog(const char *line)
{
	said++;
	syslog(LOG_NOTICE, "%s", line);
}

static void usage(FILE *to)
{
	fputs("Usage: kcryptokid [-c FILE] [-s] [-t]\n"
	      "\n"
	      "Passes sockets of AF_ALG, armed with the kernel's keys, to processes that may not "
	      "make\n"
	      "them: whatever FILE allows. See kcryptokid(8).\n"
	      "\n"
	      "  -c FILE   configuration [" SYSCONFDIR "/kcryptokid.conf]\n"
	      "  -s        log to syslog, not to standard error\n"
	      "  -t        test the configuration, say what it comes to, and end\n"
	      "  -h, -V    this help; the version\n",
	      to);
}

static void choose_log(bool syslogs)
{
	if (syslogs) {
		openlog("kcryptokid", LOG_PID, LOG_AUTHPRIV);
		log_to(to_syslog);
	} else {
		log_to(getenv("JOURNAL_STREAM") ? to_journal : to_stderr);
	}
}

/* Whether PATH is without a mistake: one in a rule is none that could be passed over. */
static bool configure(const char *path)
{
	said = 0;
	/* What cannot be read is said once. */
	if (config_read_file(&config, path, true) || (!said && rules_read(&rules, path))) {
		log_line("there is no memory for the configuration");
		return false;
	}
	/* A session's keyring is nobody's but the process's, and other brokers' keys are theirs. */
	if (!config.tokens_named)
		config.n_tokens = 1;
	for (size_t i = 0; i < config.n_tokens; i++)
		if (*config.tokens[i].broker)
			log_line("%s: [token %s]: a broker has keys of keyrings, not of brokers",
				 path, config.tokens[i].label);
	if (rules_name_units(&rules) && !peer_has_units())
		log_line("%s: unit: this kernel does not tell which process is at the other end of "
			 "a "
			 "connection (SO_PEERPIDFD, Linux 6.5): name uid or gid",
			 path);
	return !said;
}

/* What is not there is said now, and may come. */
static void look_around(void)
{
	if (slots_start(&config) != CKR_OK || !slots_count())
		log_line("no keys are served");
	else if (!serials_supported())
		log_line("keys are not served: this kernel takes no serial numbers of keys "
			 "(ALG_SET_KEY_BY_KEY_SERIAL, Linux 6.2), and reading them is not done");
}

/* The socket that systemd made, or -1. */
static int inherited(void)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	int type = 0;
	socklen_t len = sizeof(type);

	if (!pid || !count || strtol(pid, NULL, 10) != (long)getpid() ||
	    strtol(count, NULL, 10) < 1)
		return -1;
	if (getsockopt(LISTEN_FIRST, SOL_SOCKET, SO_TYPE, &type, &len) || type != SOCK_SEQPACKET) {
		log_line("the socket that was brought is not of ListenSequentialPacket=");
		return -1;
	}
	fcntl(LISTEN_FIRST, F_SETFD, FD_CLOEXEC);
	return LISTEN_FIRST;
}

/* The folder of PATH, which may be gone with /run at each boot. */
static void make_folder(const char *path)
{
	char folder[sizeof(rules.socket)] = "";

	memcpy(folder, path, (size_t)(strrchr(path, '/') - path));
	if (*folder && !mkdir(folder, 0755) && chmod(folder, 0755))
		log_line("%s: %s", folder, strerror(errno));
}

/* A socket at PATH, to which everybody may connect: who gets what is the rules' to say. */
static int make_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, path);
	make_folder(path);
	/* Of a broker that lives, a socket answers; else it is left over. */
	if (fd >= 0 && !connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		log_line("%s: another broker is there", path);
		close(fd);
		return -1;
	}
	if (errno == ECONNREFUSED)
		unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) || chmod(path, 0666) ||
	    listen(fd, SOMAXCONN)) {
		log_line("%s cannot be listened at: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

/* A descriptor for the signals that end it. */
static int stop_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* One for each client, and one on its way to each of them. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur < 4 * CLIENTS_MAX) {
		limit.rlim_cur =
			limit.rlim_max < 4 * CLIENTS_MAX ? limit.rlim_max : 4 * CLIENTS_MAX;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int run(void)
{
	const char *path = *rules.socket ? rules.socket : BROKER_SOCKET;
	int stop = stop_signals(), listener = inherited();
	bool ours = listener < 0;

	if (ours)
		listener = make_socket(path);
	if (listener < 0 || stop < 0)
		return EXIT_FAILURE;
	fcntl(listener, F_SETFL, O_NONBLOCK);
	log_line("ready%s%s", ours ? " at " : "", ours ? path : "");
	serve(listener, stop, &rules);
	if (ours)
		unlink(path);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	const char *path = SYSCONFDIR "/kcryptokid.conf";
	bool syslogs = false, test = false;
	int option, status;

	while ((option = getopt(argc, argv, "c:sthV")) != -1) {
		switch (option) {
		case 'c':
			path = optarg;
			break;
		case 's':
			syslogs = true;
			break;
		case 't':
			test = true;
			break;
		case 'h':
			usage(stdout);
			return EXIT_SUCCESS;
		case 'V':
			puts("kcryptokid " PACKAGE_VERSION);
			return EXIT_SUCCESS;
		default:
			usage(stderr);
			return EXIT_FAILURE;
		}
	}
	if (optind < argc) {
		usage(stderr);
		return EXIT_FAILURE;
	}
	choose_log(syslogs);
	umask(077);
	if (!configure(path)) {
		log_line("%s is not used: what is wrong in it is named above", path);
		return EXIT_FAILURE;
	}
	mechanisms_start(config.families);
	mappings_start(config.mappings, config.n_mappings);
	raise_limit();
	look_around();
	rules_explain(&rules);
	status = test ? EXIT_SUCCESS : run();
	slots_stop();
	mappings_start(NULL, 0);
	rules_free(&rules);
	config_free(&config);
	return status;
}
