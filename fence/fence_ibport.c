/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fence_ibport: isolates a node from an InfiniBand fabric by disabling the ports of switches that
 * its adapters hang on. Pacemaker runs it.
 *
 * What cannot be seen to be off is not off: each way out but the one at the end of off() is a
 * failure, and there is one in any case after a finite time.
 */
#include "config.h"
#include "fence/ib_ports.h"
#include "fence/ibport_options.h"
#include "fence/lock.h"
#include "fence/plan.h"
#include "fence/port.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define STATE_FILE_MS 2000
#define MARGIN_S 10 /* above what all that is waited for takes together */

enum exit_status { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_OFF = 2 };

/* One run. Large: on no stack. */
static struct {
	struct ibport_options o;
	struct guid_map map;
	struct guid_node node; /* that it is done to; without places when there is none */
	struct ib_ports ports;
	struct fabric_io io;
	struct fabric fabric;
	struct places seen, places;
	struct plan plan;
} run;

static int failed(const char *what, const char *why)
{
	fprintf(stderr, IBPORT_PROGRAM ": %s%s%s\n", what, *why ? ": " : "", why);
	return EXIT_FAILED;
}

/* ---- what is told ---- */

static void point_tell(const struct plan_point *p, const char *what)
{
	fprintf(stderr, IBPORT_PROGRAM ": port %016" PRIx64, p->guid);
	if (p->switch_guid)
		fprintf(stderr, " on %016" PRIx64 "/%u", p->switch_guid, p->port);
	fprintf(stderr, ": %s\n", what);
}

static const char *point_state(const struct plan_point *p)
{
	if (p->unknown)
		return p->unknown;
	if (p->off)
		return "disabled";
	return p->seen ? "up" : "not disabled, and nothing answers there";
}

/* @all: also what is as it should be. */
static void plan_tell(bool all)
{
	for (size_t i = 0; i < run.plan.n; i++)
		if (all || run.plan.point[i].unknown)
			point_tell(&run.plan.point[i], point_state(&run.plan.point[i]));
}

/* ---- finding out ---- */

static void node_learn(const struct guid_node *node)
{
	struct plan p;

	plan_make(&p, &run.fabric, node, &run.places);
	for (size_t i = 0; i < p.n; i++)
		if (p.point[i].seen)
			places_put(&run.seen,
				   &(struct guid_place){ p.point[i].guid, p.point[i].switch_guid,
							 p.point[i].port });
}

/* Writes down where all ports are that are known here, for the time when they cannot be seen. */
static void places_learn(void)
{
	int rc;

	for (size_t i = 0; i < run.map.n; i++)
		node_learn(&run.map.node[i]);
	node_learn(&run.node);
	rc = places_update(&run.places, run.o.state_file, &run.seen, now_ms() + STATE_FILE_MS);
	/* Isolating does not need it. */
	if (rc)
		failed(run.o.state_file, strerror(-rc));
}

static bool fabric_look(void)
{
	const char *why = ib_ports_open(&run.ports, run.o.local_ports);

	if (why) {
		failed("cannot speak to the fabric", why);
		return false;
	}
	run.ports.timeout_ms = run.o.mad_timeout;
	run.ports.tries = run.o.mad_tries;
	run.ports.m_key = run.o.m_key;
	run.ports.until = now_ms() + run.o.discovery_timeout * UINT64_C(1000);
	run.io = (struct fabric_io){ ib_ports_ask, &run.ports, run.ports.n };
	if (fabric_discover(&run.fabric, &run.io)) {
		failed("no memory", "");
		return false;
	}
	if (run.o.verbose)
		fprintf(stderr, IBPORT_PROGRAM ": %zu ports of this machine, %zu switches, %zu "
			"places do not answer\n", run.ports.n, run.fabric.n, run.fabric.n_blind);
	places_learn();
	return true;
}

static bool node_look(void)
{
	if (!fabric_look())
		return false;
	plan_make(&run.plan, &run.fabric, &run.node, &run.places);
	plan_tell(run.o.verbose);
	return true;
}

/* ---- actions on one node ---- */

static bool points_switch(bool off)
{
	int rc[GUID_PLACES_MAX];

	run.ports.until = now_ms() + run.o.power_timeout * UINT64_C(1000);
	if (ports_switch(&run.io, &run.plan, off, run.ports.until, rc))
		return true;
	for (size_t i = 0; i < run.plan.n; i++)
		if (rc[i])
			point_tell(&run.plan.point[i],
				   rc[i] == -ENODEV ? "another switch is there now" :
				   off		    ? "it is not seen to be disabled" :
						      "it is not seen to be enabled");
	return false;
}

static int off(void)
{
	const struct plan_point *which;
	const char *why;

	sleep(run.o.delay);
	if (!node_look())
		return EXIT_FAILED;
	why = plan_objection(&run.plan, &run.fabric, run.ports.own, run.ports.n_own, &which);
	if (why) {
		point_tell(which, why);
		return failed("nothing was changed", "");
	}
	if (!points_switch(true))
		return failed("the node is not isolated", "");
	puts("Success: Powered OFF");
	return EXIT_OK;
}

static int on(void)
{
	if (!node_look())
		return EXIT_FAILED;
	if (plan_state(&run.plan) == PLAN_UNKNOWN)
		return failed("nothing was changed", "");
	if (!points_switch(false))
		return failed("not all of its ports are on", "");
	puts("Success: Powered ON");
	return EXIT_OK;
}

static int status(void)
{
	if (!node_look())
		return EXIT_FAILED;
	switch (plan_state(&run.plan)) {
	case PLAN_ON:
		puts("Status: ON");
		return EXIT_OK;
	case PLAN_OFF:
		puts("Status: OFF");
		return EXIT_OFF;
	default:
		return failed("it is not known whether the node is isolated", "");
	}
}

/* ---- actions without a node ---- */

/*
 * That a node's ports were never seen is no fault of the fabric's: it may not have been on yet.
 * That they are not seen when something does not answer may be.
 */
static int monitor(void)
{
	bool lost = false, lacks = false;

	if (!fabric_look())
		return EXIT_FAILED;
	for (size_t i = 0; i < run.map.n; i++) {
		plan_make(&run.plan, &run.fabric, &run.map.node[i], &run.places);
		plan_tell(run.o.verbose);
		lost |= plan_state(&run.plan) == PLAN_UNKNOWN;
		lacks |= run.plan.lacks_port;
	}
	if (lacks)
		return failed("guid_map", "a port is missing");
	if (lost && run.fabric.n_blind)
		return failed("not all of the fabric answers", "");
	return EXIT_OK;
}

static int list_with(bool states)
{
	static const char *const words[] = {
		[PLAN_ON] = "ON", [PLAN_OFF] = "OFF", [PLAN_UNKNOWN] = "UNKNOWN"
	};

	if (!fabric_look())
		return EXIT_FAILED;
	for (size_t i = 0; i < run.map.n; i++) {
		plan_make(&run.plan, &run.fabric, &run.map.node[i], &run.places);
		printf("%s%s", run.map.node[i].name, run.o.separator);
		if (states)
			printf("%s%s", run.o.separator, words[plan_state(&run.plan)]);
		putchar('\n');
	}
	return EXIT_OK;
}

static int list(void)
{
	return list_with(false);
}

static int list_status(void)
{
	return list_with(true);
}

static int validate_all(void)
{
	return EXIT_OK;
}

static int metadata(void);

/* ---- what is to be done ---- */

static const struct ibport_action actions[] = {
	/* Never by itself: that a node may be let in again is for somebody to decide. */
	{ "on", on, " automatic=\"0\"", true },
	{ "off", off, "", true },
	/* Fabric fencing must not turn anything on by itself: what was cut would go on. */
	{ "reboot", off, NULL, true },
	{ "status", status, "", true },
	{ "list", list, "", false },
	{ "list-status", list_status, "", false },
	{ "monitor", monitor, "", false },
	{ "metadata", metadata, "", false },
	{ "validate-all", validate_all, "", false },
	{ NULL, NULL, NULL, false },
};

static int metadata(void)
{
	ibport_metadata_print(actions);
	return EXIT_OK;
}

static const struct ibport_action *action_find(const char *name)
{
	for (const struct ibport_action *a = actions; a->name; a++)
		if (!strcasecmp(a->name, name))
			return a;
	return NULL;
}

/* false: standard error tells what is wrong with the node. */
static bool node_choose(const char *plug)
{
	const struct guid_node *node = guid_map_find(&run.map, plug);
	const char *why = NULL;

	if (node)
		run.node = *node;
	else
		why = guid_node_parse(&run.node, plug);
	if (why) {
		fprintf(stderr, IBPORT_PROGRAM ": plug: %s is not in guid_map, and no list of "
			"GUIDs: %s\n", plug, why);
		return false;
	}
	/* It is all there is then. */
	if (!run.map.n)
		run.map.node[run.map.n++] = run.node;
	return true;
}

/* -1: go on; else the exit status. */
static int options_check(const struct ibport_action *a)
{
	const char *why = run.o.guid_map ? guid_map_parse(&run.map, run.o.guid_map) : NULL;
	const char *plug = run.o.plug ? run.o.plug : run.o.nodename;

	if (why)
		return failed("guid_map", why);
	if (run.o.local_ports && !*run.o.local_ports)
		return failed("local_ports", "it is empty");
	if (a->needs_plug && !plug)
		return failed("plug", "no node is given");
	if (plug && (a->needs_plug || !run.map.n) && !node_choose(plug))
		return EXIT_FAILED;
	return run.map.n ? -1 : failed("guid_map", "no node is given");
}

static void time_is_over(int signal)
{
	static const char text[] = IBPORT_PROGRAM ": it takes too long\n";
	ssize_t n = write(STDERR_FILENO, text, sizeof(text) - 1);

	(void)signal;
	(void)n;
	_exit(EXIT_FAILED);
}

/* Whatever the libraries and the kernel do. */
static void time_limit(void)
{
	signal(SIGALRM, time_is_over);
	alarm(run.o.delay + run.o.discovery_timeout + run.o.power_timeout + MARGIN_S);
}

static int fence(void)
{
	const struct ibport_action *a = action_find(run.o.action);
	int rc;

	if (!a)
		return failed("unknown action", run.o.action);
	rc = a->act == metadata ? metadata() : options_check(a);
	if (rc >= 0)
		return rc;
	time_limit();
	rc = a->act();
	fabric_free(&run.fabric);
	ib_ports_close(&run.ports);
	return rc;
}

int main(int argc, char **argv)
{
	int rc;

	ibport_options_init(&run.o);
	if (!(argc > 1 ? ibport_options_arguments(&run.o, argc, argv) :
			 ibport_options_lines(&run.o, stdin)))
		return EXIT_FAILED;
	if (run.o.quiet && !run.o.verbose && !freopen("/dev/null", "w", stderr))
		return EXIT_FAILED;
	if (run.o.help) {
		ibport_help_print();
		return EXIT_OK;
	}
	if (run.o.version) {
		puts(IBPORT_PROGRAM " " PACKAGE_VERSION);
		return EXIT_OK;
	}
	rc = fence();
	/* A success that nobody was told of is none. */
	return fflush(stdout) ? EXIT_FAILED : rc;
}
