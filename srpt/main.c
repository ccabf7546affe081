/* SPDX-License-Identifier: GPL-2.0-or-later */
/* srptd: options, the configuration before anything is started, going to the background. */
#include "config.h"
#include "base/background.h"
#include "base/log.h"
#include "ctl/daemon.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_CONFIG SYSCONFDIR "/srpt/srpt.conf"

static const char usage[] =
	"Usage: srptd [OPTION]...\n"
	"Export disks to SRP (SCSI RDMA Protocol) initiators.\n"
	"\n"
	"  -c, --config FILE  configuration (default " DEFAULT_CONFIG ")\n"
	"  -f, --foreground   stay in the foreground, log to standard error\n"
	"  -h, --help         show this help\n"
	"  -n, --node NAME    name of this node in a cluster (default: uname -n)\n"
	"  --no-write-gate    for tests of a cluster: acknowledge writes without a lease\n"
	"  -V, --version      show the version\n"
	"\n"
	"Exit status: 0 stopped in order, 1 configuration or start-up failed, 2 usage,\n"
	"3 ended by force.\n";

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "foreground", no_argument, NULL, 'f' },
	{ "help", no_argument, NULL, 'h' },
	{ "node", required_argument, NULL, 'n' },
	{ "no-write-gate", no_argument, NULL, 'G' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

struct arguments {
	const char *config;
	const char *node; /* NULL: the default */
	bool foreground;
	bool no_write_gate;
};

/* -1: go on; else the exit status. */
static int arguments_parse(int argc, char **argv, struct arguments *args)
{
	int c;

	while ((c = getopt_long(argc, argv, "c:fhn:V", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			args->config = optarg;
			break;
		case 'f':
			args->foreground = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return EXIT_DONE;
		case 'n':
			args->node = optarg;
			break;
		case 'G':
			args->no_write_gate = true;
			break;
		case 'V':
			puts("srptd " PACKAGE_VERSION);
			return EXIT_DONE;
		default:
			fputs("Try 'srptd --help'.\n", stderr);
			return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "srptd: unexpected argument %s\nTry 'srptd --help'.\n",
			argv[optind]);
		return EXIT_USAGE;
	}
	return -1;
}

/* Errors and warnings go to standard error; NULL after an error. */
static struct conf *config_read(const char *path, const char *node)
{
	struct conf_diag_list diags = { 0 };
	struct conf *conf = NULL;

	conf_load(path, node, &conf, &diags);
	conf_diag_print(&diags, stderr);
	conf_diag_free(&diags);
	return conf;
}

static void tell_ready(void *arg)
{
	background_ready(*(int *)arg);
}

int main(int argc, char **argv)
{
	struct arguments args = { .config = DEFAULT_CONFIG };
	struct daemon d = { 0 };
	struct conf *conf;
	int ready = -1, rc = arguments_parse(argc, argv, &args);
	char *path;

	if (rc >= 0)
		return rc;
	conf = config_read(args.config, args.node);
	if (!conf)
		return EXIT_FAILED;
	path = realpath(args.config, NULL);
	if (!args.foreground)
		ready = background_enter("srptd");
	rc = log_open("srptd", args.foreground ? LOG_TO_STDERR : LOG_TO_SYSLOG,
		      (int)conf->daemon.log_level + 3); /* LOG_ERR is 3 */
	if (rc)
		fprintf(stderr, "srptd: cannot open the log: %s\n", strerror(-rc));
	d.conf_path = path ? path : args.config;
	d.node = args.node;
	d.no_write_gate = args.no_write_gate;
	d.ready = ready >= 0 ? tell_ready : NULL;
	d.ready_arg = &ready;
	if (args.no_write_gate)
		log_warn("--no-write-gate: DISKS OF A CLUSTER ARE SERVED WITHOUT A LEASE: this is "
			 "for tests, data will be lost");
	rc = daemon_run(&d, conf);
	log_close();
	free(path);
	return rc;
}
