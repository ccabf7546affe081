/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * srp-fence-on: an alert agent of Pacemaker's. With the recipes a node is fenced when it is off
 * (pcmk_reboot_action=off), as I/O goes on then; this turns it on again, when the failover is over.
 *
 * Source: Pacemaker Explained 2.1, "Alerts"; lib/fencing/st_client.c, stonith__event_description().
 */
#include "config.h"
#include "fence/ask.h"
#include "fence/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#define PROGRAM "srp-fence-on"
#define DELAY_S 10
#define DELAY_MAX 60 /* seconds */
#define TRIES 3

enum exit_status { EXIT_DONE = 0, EXIT_STILL_OFF = 1 };

static const char usage[] =
	"Usage: srp-fence-on [OPTION]...\n"
	"Turn a node on that was fenced by being turned off. An alert agent: Pacemaker runs it.\n"
	"\n"
	"  -h, --help       show this help\n"
	"  -V, --version    show the version\n"
	"\n"
	"Environment: CRM_alert_*, set by Pacemaker; delay, seconds from the fencing until\n"
	"the node is turned on, 0 to 60 (default 10).\n"
	"Exit status: 0 it is on, or it is no such alert; 1 it is not, standard error tells why;\n"
	"2 usage.\n";

static const struct option options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

/* ---- the alert ---- */

static bool variable_is(const char *name, const char *value)
{
	const char *v = getenv(name);

	return v && !strcmp(v, value);
}

/* Of all alerts: somebody had a node rebooted, and it was. An "off" is meant to last. */
static bool alert_is_ours(void)
{
	static const char reboot[] = "Operation reboot of ";
	const char *text = getenv("CRM_alert_desc");

	return variable_is("CRM_alert_kind", "fencing") && variable_is("CRM_alert_rc", "0") &&
	       text && !strncmp(text, reboot, sizeof(reboot) - 1);
}

/* A program, and no library that is loaded now: the failover goes on at this moment. */
static bool node_on_once(const char *node)
{
	const char *const argv[] = { "stonith_admin", "--unfence", node, "--timeout", "60", NULL };
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		execvp(argv[0], (char *const *)argv);
		_exit(EXIT_STILL_OFF);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pid > 0 && WIFEXITED(status) && !WEXITSTATUS(status);
}

/* Nobody may see what an alert agent writes. */
static void complain(const char *node, const char *and_then)
{
	fprintf(stderr, PROGRAM ": stonith_admin does not turn %s on%s\n", node, and_then);
	syslog(LOG_ERR, "stonith_admin does not turn %s on%s", node, and_then);
}

static int node_on(const char *node, unsigned delay)
{
	for (int i = 0; i < TRIES; i++) {
		sleep(delay);
		if (node_on_once(node))
			return EXIT_DONE;
		complain(node, i < TRIES - 1 ? "; trying again" : "");
	}
	return EXIT_STILL_OFF;
}

static int alert_take(void)
{
	const char *node = getenv("CRM_alert_node"), *text = getenv("delay");
	unsigned delay = DELAY_S;

	openlog(PROGRAM, LOG_PID, LOG_DAEMON);
	if (!getenv("CRM_alert_kind"))
		return usage_error(PROGRAM, "Pacemaker runs it, for an alert", "");
	if (text && !seconds_parse(text, 0, DELAY_MAX, &delay))
		return usage_error(PROGRAM, "delay: not a number from 0 to 60:", text);
	if (!alert_is_ours())
		return EXIT_DONE;
	if (!node || !name_is_legal(node))
		return usage_error(PROGRAM, "CRM_alert_node is no name of a node:",
				   node ? node : "");
	return node_on(node, delay);
}

/* ---- the command line ---- */

int main(int argc, char **argv)
{
	switch (getopt_long(argc, argv, "hV", options, NULL)) {
	case -1:
		break;
	case 'h':
		fputs(usage, stdout);
		return EXIT_SUCCESS;
	case 'V':
		puts("srp-fence-on " PACKAGE_VERSION);
		return EXIT_SUCCESS;
	default:
		fputs("Try 'srp-fence-on --help'.\n", stderr);
		return EXIT_USAGE;
	}
	if (optind < argc)
		return usage_error(PROGRAM, "no argument is known:", argv[optind]);
	return alert_take();
}
