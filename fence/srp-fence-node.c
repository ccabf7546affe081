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
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM "srp-fence-node"
#define DELAY_MAX 60 /* seconds */
#define AGAIN_MS 10000
#define CONNECT_TRIES 3

enum exit_status { EXIT_FENCED = 0, EXIT_NOT_FENCED = 1 };

static const char usage[] =
	"Usage: srp-fence-node [OPTION]... NODE\n"
	"       srp-fence-node --wait\n"
	"Have Pacemaker fence NODE, which Corosync has lost, before its scheduler does.\n"
	"\n"
	"  --delay SECONDS  not before so many seconds, 0 to 60 (default 0)\n"
	"  --wait           get ready, and read \"SECONDS NODE\" from standard input, however\n"
	"                   long it takes; at its end there is nothing to do\n"
	"  -h, --help       show this help\n"
	"  -V, --version    show the version\n"
	"\n"
	"Exit status: 0 NODE is fenced; 1 it is not, standard error tells why; 2 usage.\n";

static const struct option options[] = {
	{ "delay", required_argument, NULL, 'D' },
	{ "wait", no_argument, NULL, 'W' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

struct task {
	unsigned delay; /* seconds */
	char node[FENCE_NAME_MAX + 1];
};

static int failed(const char *node, const char *why)
{
	fprintf(stderr, PROGRAM ": %s is not fenced: %s\n", node, why);
	return EXIT_NOT_FENCED;
}

/* ---- what is done ---- */

static bool cib_is_open;

static bool cib_open(void)
{
	if (!cib_is_open)
		cib_is_open = !watch_open(PROGRAM, false);
	return cib_is_open;
}

/* What was opened long ago may be dead: Pacemaker may have been started anew. */
static xmlNode *cib_read(void)
{
	xmlNode *cib = cib_open() ? watch_read() : NULL;

	if (cib)
		return cib;
	watch_close();
	cib_is_open = false;
	return cib_open() ? watch_read() : NULL;
}

/* NULL: it may be fenced. */
static const char *objection_find(const char *node)
{
	xmlNode *cib = cib_read();
	const char *objection = cib ? verdict_fencing(cib, node) :
				      "Pacemaker's CIB cannot be read";

	watch_free(cib);
	return objection;
}

static int fence(const struct task *t)
{
	const char *why = objection_find(t->node);

	if (!why)
		why = fencer_open(PROGRAM, CONNECT_TRIES);
	if (!why)
		why = fencer_reboot(t->node, t->delay);
	return why ? failed(t->node, why) : EXIT_FENCED;
}

/* ---- what is to be done ---- */

/* @text: "SECONDS NODE", is taken apart. NULL: *@t is set; else what is wrong. */
static const char *task_parse(char *text, struct task *t)
{
	char *node = strchr(text, ' ');

	if (!node)
		return "this is not \"SECONDS NODE\":";
	*node++ = '\0';
	if (!seconds_parse(text, 0, DELAY_MAX, &t->delay))
		return "not a number from 0 to 60:";
	if (!name_is_legal(node))
		return "this is no name of a node:";
	strcpy(t->node, node);
	return NULL;
}

/* What the other side writes at once; without the newline. false: its end. */
static bool line_read(char *text, size_t size)
{
	ssize_t n = read(STDIN_FILENO, text, size - 1);

	if (n <= 0)
		return false;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return true;
}

/* Has all at hand that can be: Pacemaker may be started later than this. Until there is input. */
static void input_await(void)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	bool ready;

	do
		ready = cib_open() && !fencer_open(PROGRAM, 1);
	while (!poll(&in, 1, ready ? -1 : AGAIN_MS));
}

/*
 * Exit status. Every program is slow to start and to connect on a node that has just lost another,
 * so that is done before.
 */
static int wait_and_fence(void)
{
	char text[FENCE_NAME_MAX + 32];
	struct task t;
	const char *wrong;

	input_await();
	if (!line_read(text, sizeof(text)))
		return EXIT_FENCED;
	wrong = task_parse(text, &t);
	return wrong ? usage_error(PROGRAM, wrong, text) : fence(&t);
}

/* ---- the command line ---- */

/* -1: go on; else the exit status. */
static int argument_take(int c, struct task *t, bool *waits)
{
	switch (c) {
	case 'W':
		*waits = true;
		return -1;
	case 'D':
		return seconds_parse(optarg, 0, DELAY_MAX, &t->delay) ?
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

/* -1: go on; else the exit status. */
static int node_take(char *const *names, struct task *t)
{
	if (!names[0])
		return usage_error(PROGRAM, "NODE is missing", "");
	if (names[1])
		return usage_error(PROGRAM, "one NODE only, not", names[1]);
	if (!name_is_legal(names[0]))
		return usage_error(PROGRAM, "this is no name of a node:", names[0]);
	strcpy(t->node, names[0]);
	return -1;
}

int main(int argc, char **argv)
{
	int c, rc = -1;
	bool waits = false;
	struct task t = { 0 };

	while (rc < 0 && (c = getopt_long(argc, argv, "hV", options, NULL)) != -1)
		rc = argument_take(c, &t, &waits);
	if (rc < 0 && !waits)
		rc = node_take(argv + optind, &t);
	else if (rc < 0 && argv[optind])
		rc = usage_error(PROGRAM, "--wait is told which node later, not", argv[optind]);
	if (rc >= 0)
		return rc;
	rc = waits ? wait_and_fence() : fence(&t);
	fencer_close();
	watch_close();
	return rc;
}
