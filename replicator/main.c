/* SPDX-License-Identifier: GPL-2.0-or-later */
/* srp-replicatord: options, the log. */
#include "config.h"
#include "base/background.h"
#include "base/log.h"
#include "ctl/ipc_proto.h"
#include "replicator/daemon.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#define DEFAULT_STATE_DIR LOCALSTATEDIR "/lib/srpt/replicator"
#define DEFAULT_RUN_DIR RUNSTATEDIR "/srp-replicator"
#define DEFAULT_FENCE PKGLIBEXECDIR "/srp-fence-node"
#define LOG_LEVEL_DEFAULT 6
#define LOG_LEVEL_DEBUG 7

enum exit_status { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static const char usage[] =
	"Usage: srp-replicatord [OPTION]...\n"
	"Decide when srptd may serve the device groups of a cluster.\n"
	"\n"
	"  -d, --debug          log more\n"
	"  -f, --foreground     stay in the foreground, log to standard error\n"
	"  --fence-program FILE has Pacemaker fence a node (default " DEFAULT_FENCE ")\n"
	"  -h, --help           show this help\n"
	"  -n, --node NAME      name of this node (default: uname -n)\n"
	"  -s, --socket NAME    control socket of srptd (default " IPC_DEFAULT_NAME ")\n"
	"  --run-dir DIR        keeps the names of the resources (default " DEFAULT_RUN_DIR ")\n"
	"  --state-dir DIR      keeps the epochs (default " DEFAULT_STATE_DIR ")\n"
	"  -V, --version        show the version\n"
	"\n"
	"Exit status: 0 stopped in order, 1 start-up failed, 2 usage.\n";

static const struct option options[] = {
	{ "debug", no_argument, NULL, 'd' },
	{ "foreground", no_argument, NULL, 'f' },
	{ "fence-program", required_argument, NULL, 'F' },
	{ "help", no_argument, NULL, 'h' },
	{ "node", required_argument, NULL, 'n' },
	{ "socket", required_argument, NULL, 's' },
	{ "run-dir", required_argument, NULL, 'R' },
	{ "state-dir", required_argument, NULL, 'S' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

struct arguments {
	struct settings settings;
	bool foreground;
	int log_level;
};

/* -1: go on; else the exit status. */
static int argument_take(int c, struct arguments *args)
{
	switch (c) {
	case 'd':
		args->log_level = LOG_LEVEL_DEBUG;
		return -1;
	case 'f':
		args->foreground = true;
		return -1;
	case 'F':
		args->settings.fence_program = optarg;
		return -1;
	case 'n':
		args->settings.node = optarg;
		return -1;
	case 's':
		args->settings.name = optarg;
		return -1;
	case 'R':
		args->settings.run_dir = optarg;
		return -1;
	case 'S':
		args->settings.state_dir = optarg;
		return -1;
	case 'h':
		fputs(usage, stdout);
		return EXIT_DONE;
	case 'V':
		puts("srp-replicatord " PACKAGE_VERSION);
		return EXIT_DONE;
	default:
		fputs("Try 'srp-replicatord --help'.\n", stderr);
		return EXIT_USAGE;
	}
}

static int arguments_parse(int argc, char **argv, struct arguments *args)
{
	int c, rc = -1;

	while (rc < 0 && (c = getopt_long(argc, argv, "dfhn:s:V", options, NULL)) != -1)
		rc = argument_take(c, args);
	if (rc < 0 && optind < argc) {
		fprintf(stderr, "srp-replicatord: unexpected argument %s\n"
			"Try 'srp-replicatord --help'.\n", argv[optind]);
		return EXIT_USAGE;
	}
	return rc;
}

static void ready(void *arg)
{
	background_ready(*(int *)arg);
}

int main(int argc, char **argv)
{
	struct utsname name;
	struct arguments args = {
		.log_level = LOG_LEVEL_DEFAULT,
		.settings = {
			.name = IPC_DEFAULT_NAME,
			.state_dir = DEFAULT_STATE_DIR,
			.fence_program = DEFAULT_FENCE,
			.run_dir = DEFAULT_RUN_DIR,
		},
	};
	int rc = arguments_parse(argc, argv, &args), parent = -1;

	if (rc >= 0)
		return rc;
	uname(&name);
	if (!args.settings.node)
		args.settings.node = name.nodename;
	if (!args.foreground)
		parent = background_enter("srp-replicatord");
	rc = log_open("srp-replicatord", args.foreground ? LOG_TO_STDERR : LOG_TO_SYSLOG,
		      args.log_level);
	if (rc)
		fprintf(stderr, "srp-replicatord: cannot open the log: %s\n", strerror(-rc));
	rc = replicator_run(&args.settings, parent >= 0 ? ready : NULL, &parent);
	log_close();
	return rc;
}
