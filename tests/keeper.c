/* SPDX-License-Identifier: BSD-2-Clause */
#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/keyring.h"

char keeper_folder[64], keeper_socket[96], keeper_rules[96], keeper_conf[96];

enum deed { ADD, UPDATE, REVOKE, UNLINK, START, KILL };

struct order {
	enum deed deed;
	int number; /* a serial number, a signal, or whether it is frozen */
	size_t length;
	char type[16], description[256];
	unsigned char payload[256];
};

static struct {
	pid_t pid;
	int channel;
	char program[256], log[96];
} keeper;

static long add(const struct order *order)
{
	key_serial_t serial = add_key(order->type, order->description, order->payload,
				      order->length, KEY_SPEC_SESSION_KEYRING);

	if (serial > 0 && order->number && keyctl_setperm(serial, KEY_PERM_CONSTANT))
		return -errno;
	return serial > 0 ? serial : -errno;
}

static pid_t broker;

static long start(void)
{
	int log;

	broker = fork();
	if (broker)
		return broker;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	log = open(keeper.log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	dup2(log, STDERR_FILENO);
	unsetenv("JOURNAL_STREAM");
	execl(keeper.program, keeper.program, "-c", keeper_rules, (char *)NULL);
	_exit(127);
}

static long end(int signal)
{
	int status = 0;

	if (broker <= 0)
		return 0;
	kill(broker, signal);
	waitpid(broker, &status, 0);
	broker = 0;
	return status;
}

static long carry_out(const struct order *order)
{
	switch (order->deed) {
	case ADD:
		return add(order);
	case UPDATE:
		return keyctl_update(order->number, order->payload, order->length);
	case REVOKE:
		return keyctl_revoke(order->number);
	case UNLINK:
		return keyctl_unlink(order->number, KEY_SPEC_SESSION_KEYRING);
	case START:
		return start();
	case KILL:
		return end(order->number);
	}
	return -EINVAL;
}

__attribute__((noreturn)) static void keep(int channel)
{
	struct order order;
	long result;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	keyctl_join_session_keyring(NULL);
	while (read(channel, &order, sizeof(order)) == sizeof(order)) {
		result = carry_out(&order);
		if (write(channel, &result, sizeof(result)) != sizeof(result))
			break;
	}
	end(SIGTERM);
	_exit(0);
}

static long tell(const struct order *order)
{
	long result;

	if (write(keeper.channel, order, sizeof(*order)) != sizeof(*order) ||
	    read(keeper.channel, &result, sizeof(result)) != sizeof(result))
		return -EPIPE;
	return result;
}

/* The program beside the module under test. */
static void find_program(void)
{
	const char *module = getenv("KCRYPTOKI_MODULE"), *named = getenv("KCRYPTOKID");
	const char *end = module ? strstr(module, "/.libs/") : NULL;

	if (named)
		snprintf(keeper.program, sizeof(keeper.program), "%s", named);
	else
		snprintf(keeper.program, sizeof(keeper.program), "%.*s/kcryptokid",
			 end ? (int)(end - module) : 1, end ? module : ".");
}

/* HEAD and TEXT, in which each %d is this user. */
static int write_file(const char *path, const char *head, const char *text)
{
	FILE *file = fopen(path, "w");
	const char *at;
	int err;

	if (!file)
		return -1;
	err = fputs(head, file) < 0;
	for (; (at = strstr(text, "%d")); text = at + 2)
		fprintf(file, "%.*s%d", (int)(at - text), text, (int)getuid());
	err |= fputs(text, file) < 0;
	return fclose(file) || err;
}

int keeper_begin(const char *rules)
{
	char head[256], tokens[256];
	int pair[2];

	strcpy(keeper_folder, "/tmp/kcryptoki-keeper-XXXXXX");
	if (!mkdtemp(keeper_folder))
		return -1;
	snprintf(keeper_socket, sizeof(keeper_socket), "%s/socket", keeper_folder);
	snprintf(keeper_rules, sizeof(keeper_rules), "%s/kcryptokid.conf", keeper_folder);
	snprintf(keeper_conf, sizeof(keeper_conf), "%s/kcryptoki.conf", keeper_folder);
	snprintf(keeper.log, sizeof(keeper.log), "%s/log", keeper_folder);
	find_program();
	snprintf(head, sizeof(head), "[broker]\nsocket = %s\n[token keys]\nkeyring = session\n",
		 keeper_socket);
	snprintf(tokens, sizeof(tokens),
		 "[token kernel-user]\nkeyring = user\n[token kernel-broker]\nbroker = %s\n",
		 keeper_socket);
	if (write_file(keeper_rules, head, rules) ||
	    write_file(keeper_conf, tokens,
		       getenv("KCRYPTOKI_GCM") ? "[mechanisms]\ngcm = composed\n" : "") ||
	    setenv("KCRYPTOKI_CONF", keeper_conf, 1) ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		printf("# %s: %s\n", keeper_folder, strerror(errno));
		return -1;
	}
	keeper.pid = fork();
	if (!keeper.pid) {
		close(pair[0]);
		keep(pair[1]);
	}
	close(pair[1]);
	keeper.channel = pair[0];
	return keeper.pid > 0 ? 0 : -1;
}

void keeper_end(void)
{
	char command[128];

	keeper_kill(SIGTERM);
	close(keeper.channel);
	waitpid(keeper.pid, NULL, 0);
	snprintf(command, sizeof(command), "rm -rf %s", keeper_folder);
	if (system(command))
		printf("# %s is left\n", keeper_folder);
}

pid_t keeper_broker(void)
{
	const struct order order = {.deed = START};
	size_t said = strlen(keeper_log());
	pid_t pid = (pid_t)tell(&order);

	for (int i = 0; i < 3000; i++) {
		if (strstr(keeper_log() + said, "ready"))
			return pid;
		usleep(20000);
	}
	printf("# the broker is not ready: %s\n", keeper_log());
	return -1;
}

void keeper_kill(int signal)
{
	const struct order order = {.deed = KILL, .number = signal};

	tell(&order);
}

const char *keeper_log(void)
{
	static char text[65536];
	int fd = open(keeper.log, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[got > 0 ? got : 0] = '\0';
	return text;
}

key_serial_t keeper_add(const char *type, const char *description, const void *payload,
			size_t length, int frozen)
{
	struct order order = {.deed = ADD, .number = frozen, .length = length};

	snprintf(order.type, sizeof(order.type), "%s", type);
	snprintf(order.description, sizeof(order.description), "%s", description);
	memcpy(order.payload, payload, length);
	return (key_serial_t)tell(&order);
}

int keeper_update(key_serial_t serial, const void *payload, size_t length)
{
	struct order order = {.deed = UPDATE, .number = serial, .length = length};

	memcpy(order.payload, payload, length);
	return (int)tell(&order);
}

int keeper_revoke(key_serial_t serial)
{
	const struct order order = {.deed = REVOKE, .number = serial};

	return (int)tell(&order);
}

int keeper_unlink(key_serial_t serial)
{
	const struct order order = {.deed = UNLINK, .number = serial};

	return (int)tell(&order);
}

int keeper_dial(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const struct timeval patience = {.tv_sec = 60};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, keeper_socket);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	printf("# %s: %s\n", keeper_socket, strerror(errno));
	close(fd);
	return -1;
}

int keeper_ask(int connection, const struct broker_request *request, int *passed)
{
	static struct broker_key answer;
	struct iovec part = {.iov_base = &answer, .iov_len = sizeof(answer)};
	union {
		struct cmsghdr align;
		unsigned char bytes[CMSG_SPACE(sizeof(int))];
	} control = {.bytes = {0}};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = control.bytes,
				 .msg_controllen = sizeof(control.bytes)};

	*passed = -1;
	if (send(connection, request, sizeof(*request), MSG_NOSIGNAL) < 0 ||
	    recvmsg(connection, &message, 0) <= 0)
		return -1;
	if (CMSG_FIRSTHDR(&message))
		memcpy(passed, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(*passed));
	return (int)answer.answer.error;
}

struct broker_request keeper_wish(key_serial_t serial, const char *type, const char *name)
{
	struct broker_request made = {
		.version = BROKER_VERSION, .ask = BROKER_OPEN, .serial = serial};

	snprintf(made.type, sizeof(made.type), "%s", type);
	snprintf(made.name, sizeof(made.name), "%s", name);
	return made;
}
