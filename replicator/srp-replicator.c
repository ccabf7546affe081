/* SPDX-License-Identifier: GPL-2.0-or-later */
/* srp-replicator: asks srp-replicatord. */
#include "config.h"
#include "base/bytes.h"
#include "ctl/ha_msg.h"
#include "ctl/ipc_proto.h"
#include "replicator/control.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define TIMEOUT_S 10
#define COMMAND_WIDTH 23 /* of the help: a command and its arguments */
#define BYTES_MAX ((uint64_t)TEXT_MAX)

struct request {
	const char *socket;
	bool json;
	struct ha_out out;
	struct ha_msg in;
};

struct command {
	const char *name, *args; /* as shown in help, "" if none */
	int min_args, max_args;
	const char *keys[2]; /* of its arguments in the question */
	const char *help;
};

static const struct command commands[] = {
	{ "forget", "RESOURCE", 1, 1, { "name" },
	  "take the promotion score of a resource away" },
	{ "resource", "RESOURCE [GROUP]", 1, 2, { "name", "group" },
	  "set the promotion score of a Pacemaker resource" },
	{ "status", "", 0, 0, { NULL }, "show what is known and decided" },
};

static const char options_help[] =
	"  -h, --help         show this help\n"
	"  -j, --json         print JSON\n"
	"  -s, --socket NAME  control socket of srptd (default " IPC_DEFAULT_NAME ")\n"
	"  -V, --version      show the version\n";

static const struct option options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "json", no_argument, NULL, 'j' },
	{ "socket", required_argument, NULL, 's' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

/* ---- help ---- */

static void help_print(void)
{
	fputs("Usage: srp-replicator [OPTION]... COMMAND [ARGUMENT]...\n"
	      "Ask and control srp-replicatord.\n\nCommands:\n", stdout);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		const struct command *c = &commands[i];
		int n = printf("  %s%s%s", c->name, *c->args ? " " : "", c->args);

		if (n > COMMAND_WIDTH) {
			putchar('\n');
			n = 0;
		}
		printf("%*s  %s\n", COMMAND_WIDTH - n, "", c->help);
	}
	printf("\nOptions:\n%s\n"
	       "Exit status: 0 done, for status: all is well; 1 refused, for status: something is\n"
	       "wrong; 2 usage; 7 srp-replicatord does not run or does not answer.\n",
	       options_help);
}

static int usage_error(const char *what, const char *word)
{
	fprintf(stderr, "srp-replicator: %s%s%s\nTry 'srp-replicator --help'.\n", what,
		*word ? " " : "", word);
	return CONTROL_USAGE;
}

static const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

/* ---- question and answer ---- */

static int daemon_connect(const char *name)
{
	const struct timeval limit = { .tv_sec = TIMEOUT_S };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	size_t room = sizeof(un.sun_path) - 1;
	int n = snprintf(un.sun_path + 1, room, "%s" CONTROL_SUFFIX, name);
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
	int fd;

	if (n < 0 || (size_t)n >= room)
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&un, len)) {
		n = -errno;
		close(fd);
		return n;
	}
	return fd;
}

/* The length of the next packet, or -errno. */
static ssize_t packet_get(int fd, char packet[HA_MSG_MAX + 1])
{
	ssize_t n;

	do
		n = recv(fd, packet, HA_MSG_MAX + 1, 0);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return -ECONNRESET;
	return n < 0 ? -errno : n;
}

/* The status, or -errno. The text goes to standard output. */
static int answer_get(int fd, struct ha_msg *m)
{
	char packet[HA_MSG_MAX + 1];
	ssize_t n = packet_get(fd, packet);
	uint64_t status, bytes;

	if (n < 0)
		return (int)n;
	if (ha_msg_decode(m, packet, (size_t)n) || strcmp(m->verb, "answer") ||
	    !ha_msg_get_u64(m, "status", 255, &status) ||
	    !ha_msg_get_u64(m, "bytes", BYTES_MAX, &bytes))
		return -EBADMSG;
	for (; bytes; bytes -= (uint64_t)n) {
		n = packet_get(fd, packet);
		if (n < 0)
			return (int)n;
		if ((uint64_t)n > bytes)
			return -EBADMSG;
		fwrite(packet, 1, (size_t)n, stdout);
	}
	return (int)status;
}

static int ask(struct request *r)
{
	int fd = daemon_connect(r->socket), rc;

	if (fd < 0)
		return fd;
	if (r->out.overflow)
		rc = -EMSGSIZE;
	else if (send(fd, r->out.text, r->out.len, MSG_NOSIGNAL) < 0)
		rc = -errno;
	else
		rc = answer_get(fd, &r->in);
	close(fd);
	return rc;
}

static int failure_explain(const char *name, int rc)
{
	if (rc == -ECONNREFUSED || rc == -ENOENT)
		fprintf(stderr, "srp-replicator: srp-replicatord for '%s' does not run\n", name);
	else if (rc == -ECONNRESET || rc == -EPIPE)
		fprintf(stderr, "srp-replicator: srp-replicatord refused or ended: only root and "
			"members of the group " CONTROL_GROUP " may ask\n");
	else if (rc == -EAGAIN)
		fprintf(stderr, "srp-replicator: srp-replicatord does not answer in %d s\n",
			TIMEOUT_S);
	else
		fprintf(stderr, "srp-replicator: cannot ask srp-replicatord: %s\n", strerror(-rc));
	return CONTROL_NOT_RUNNING;
}

static int run(struct request *r, const struct command *c, int argc, char **argv)
{
	int rc;

	ha_out_begin(&r->out, c->name);
	for (int i = 0; i < argc; i++)
		ha_out_add(&r->out, c->keys[i], argv[i]);
	if (r->json)
		ha_out_add(&r->out, "json", "1");
	rc = ask(r);
	return rc < 0 ? failure_explain(r->socket, rc) : rc;
}

/* ---- the command line ---- */

/* -1: go on; else the exit status. */
static int options_parse(int argc, char **argv, struct request *r)
{
	int c;

	while ((c = getopt_long(argc, argv, "hjs:V", options, NULL)) != -1) {
		switch (c) {
		case 'h':
			help_print();
			return CONTROL_WELL;
		case 'j':
			r->json = true;
			break;
		case 's':
			r->socket = optarg;
			break;
		case 'V':
			puts("srp-replicator " PACKAGE_VERSION);
			return CONTROL_WELL;
		default:
			fputs("Try 'srp-replicator --help'.\n", stderr);
			return CONTROL_USAGE;
		}
	}
	return -1;
}

int main(int argc, char **argv)
{
	static struct request r = { .socket = IPC_DEFAULT_NAME };
	const struct command *c;
	int rc = options_parse(argc, argv, &r), n = argc - optind;

	if (rc >= 0)
		return rc;
	if (!n)
		return usage_error("a command is missing", "");
	c = command_find(argv[optind]);
	if (!c)
		return usage_error("unknown command", argv[optind]);
	if (n - 1 < c->min_args)
		return usage_error("an argument is missing:", c->args);
	if (n - 1 > c->max_args)
		return usage_error("too many arguments for", c->name);
	return run(&r, c, n - 1, argv + optind + 1);
}
