/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * srp-fence-node: has Pacemaker fence a node that Corosync has lost, before its scheduler has come
 * to that; only where it will.
 */
#include "config.h"
#include "fence/ask.h"
#include "fence/fencer.h"
#include "fence/options.h"
#include "fence/verdict.h"
#include "fence/watch.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#define PROGRAM "srp-fence-node"
#define DELAY_MAX 60 /* seconds */

enum exit_status { EXIT_FENCED = 0, EXIT_NOT_FENCED = 1 };

static const char usage[] =
	"Usage: srp-fence-node [OPTION]... NODE\n"
	"Have Pacemaker fence NODE, which Corosync has lost, before its scheduler does.\n"
	"\n"
	"  --delay SECONDS  not before so many seconds, 0 to 60 (default 0)\n"
	"  -h, --help       show this help\n"
	"  -V, --version    show the version\n"
	"\n"
	"Exit status: 0 NODE is fenced; 1 it is not, standard error tells why; 2 usage.\n";

static const struct option options[] = {
	{ "delay", required_argument, NULL, 'D' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static int failed(const char *node, const char *why)
{
	fprintf(stderr, PROGRAM ": %s is not fenced: %s\n", node, why);
	return EXIT_NOT_FENCED;
}

/* ---- what is done ---- */

/* NULL: it may be fenced. */
static const char *objection_find(const char *node)
{
	const char *objection;
	xmlNode *cib;

	if (watch_open())
		return "Pacemaker's CIB cannot be asked";
	cib = watch_read();
	objection = cib ? verdict_fencing(cib, node) : "Pacemaker's CIB cannot be read";
	watch_free(cib);
	watch_close();
	return objection;
}

static int fence(const char *node, unsigned delay)
{
	const char *why = objection_find(node);

	if (!why)
		why = fencer_reboot(node, delay);
	return why ? failed(node, why) : EXIT_FENCED;
}

/* ---- the command line ---- */

/* -1: go on; else the exit status. */
static int argument_take(int c, unsigned *delay)
{
	switch (c) {
	case 'D':
		return seconds_parse(optarg, 0, DELAY_MAX, delay) ?
			       -1 :
			       usage_error(PROGRAM, "--delay: not a number from 0 to 60:", optarg);
	case 'h':
		fputs(usage, stdout);
		return EXIT_SUCCESS;
	case 'V':
		puts("srp-fence-node " PACKAGE_VERSION);
		return EXIT_SUCCESS;
	default:
		fputs("Try 'srp-fence-node --help'.\n", stderr);
		return EXIT_USAGE;
	}
}

int main(int argc, char **argv)
{
	int c, rc = -1;
	unsigned delay = 0;

	while (rc < 0 && (c = getopt_long(argc, argv, "hV", options, NULL)) != -1)
		rc = argument_take(c, &delay);
	if (rc >= 0)
		return rc;
	if (optind == argc)
		return usage_error(PROGRAM, "NODE is missing", "");
	if (optind + 1 < argc)
		return usage_error(PROGRAM, "one NODE only, not", argv[optind + 1]);
	if (!name_is_legal(argv[optind]))
		return usage_error(PROGRAM, "this is no name of a node:", argv[optind]);
	return fence(argv[optind], delay);
}
