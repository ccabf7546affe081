/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * srp-fence-peer: DRBD's fence-peer handler for the one case that is clear, the peer that Pacemaker
 * has fenced. All others are the stock handler's, which starts some 25 programs and looks every two
 * seconds, while all I/O is frozen.
 */
#include "config.h"
#include "fence/ask.h"
#include "fence/constraint.h"
#include "fence/handover.h"
#include "fence/lock.h"
#include "fence/options.h"
#include "fence/proc_drbd.h"
#include "fence/verdict.h"
#include "fence/watch.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#define PROGRAM "srp-fence-peer"
#define WAIT_DEFAULT 60 /* seconds */
#define WAIT_MAX 600
#define ONLINE_MS 5000 /* DRBD may notice after one second what takes Corosync six */
#define SLACK_S 30     /* for what does not wait: a slow node is no reason to begin anew */

#define EXIT_STONITHED 7 /* DRBD: the peer has been fenced; it goes on */

static const char usage[] =
	"Usage: srp-fence-peer [OPTION]... HANDLER [ARGUMENT]...\n"
	"A fence-peer handler of DRBD 8.4: if Pacemaker has fenced the peer, do at once what\n"
	"HANDLER (crm-fence-peer.sh) would do; else run HANDLER.\n"
	"\n"
	"  -h, --help           show this help\n"
	"  --lock-dir DIR       lock of the handlers (default " LOCK_DIR ")\n"
	"  --proc-drbd FILE     states of disks (default /proc/drbd)\n"
	"  -V, --version        show the version\n"
	"  --wait SECONDS       for Pacemaker to fence the peer, 1 to 600 (default 60)\n"
	"\n"
	"Exit status: 7 the peer is fenced and a constraint keeps it from being promoted; else\n"
	"that of HANDLER; 1 HANDLER cannot be run; 2 usage.\n";

static const struct option options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "lock-dir", required_argument, NULL, 'L' },
	{ "proc-drbd", required_argument, NULL, 'P' },
	{ "version", no_argument, NULL, 'V' },
	{ "wait", required_argument, NULL, 'W' },
	{ NULL, 0, NULL, 0 },
};

struct settings {
	const char *lock_dir, *proc_drbd;
	unsigned wait_s;
	char *const *handler;
};

/* ---- what is done ---- */

static _Noreturn void give_to_handler(const char *reason)
{
	watch_close();
	handover(reason);
}

static void must(const char *doubt)
{
	if (doubt)
		give_to_handler(doubt);
}

static void ask_take(struct ask *a, const struct settings *s)
{
	struct utsname name;

	uname(&name);
	must(ask_check_arguments(s->handler + 1));
	must(ask_check_environment(getenv));
	must(ask_parse(a, getenv("DRBD_RESOURCE"), getenv("DRBD_PEER"), getenv("DRBD_MINOR"),
		       name.nodename));
}

static void opinion_take(const struct ask *a, struct opinion *o)
{
	xmlNode *cib = watch_read();

	must(cib ? NULL : "Pacemaker's CIB cannot be read");
	verdict_find(cib, a, o);
	watch_free(cib);
}

/* After a change. All of the CIB is read when the peer is fenced; until then its state will do. */
static void opinion_again(const struct ask *a, struct opinion *o)
{
	xmlNode *state = watch_read_state(a->peer);
	bool waiting = state && verdict_waiting(state, o);

	watch_free(state);
	if (!waiting)
		opinion_take(a, o);
}

/* Until the peer is fenced; else this does not return. */
static void fencing_await(const struct ask *a, uint64_t start, uint64_t until, struct opinion *o)
{
	int rc;

	for (opinion_take(a, o);; opinion_again(a, o)) {
		uint64_t limit = until;

		if (o->verdict == VERDICT_FENCED)
			return;
		if (o->verdict == VERDICT_UNSURE)
			give_to_handler(o->reason);
		if (o->verdict == VERDICT_ONLINE && start + ONLINE_MS < until)
			limit = start + ONLINE_MS;
		rc = watch_wait(limit);
		if (rc == -ENOTCONN)
			give_to_handler("the connection to Pacemaker is lost");
		if (rc)
			give_to_handler(o->reason);
	}
}

/* False: they are all in step, so there is nothing to be fenced. */
static bool peer_is_behind(const struct ask *a, const struct settings *s)
{
	struct proc_drbd disks;

	must(proc_drbd_read(s->proc_drbd, a, &disks));
	must(disks.own_uptodate ? NULL : "not all disks of this node are UpToDate");
	return !disks.peer_uptodate;
}

static void constraint_place(const struct ask *a, const char *clone)
{
	xmlNode *constraint = constraint_make(a, clone);

	must(constraint ? NULL : "no memory");
	if (watch_constrain(constraint))
		give_to_handler("the constraint cannot be placed");
	watch_free(constraint);
	if (watch_close())
		handover("the constraint cannot be written");
}

static int fence(const struct settings *s)
{
	uint64_t start = now_ms(), until = start + s->wait_s * 1000ull, waited;
	char id[CONSTRAINT_ID_MAX];
	struct opinion opinion;
	struct ask a;

	ask_take(&a, s);
	if (lock_take(s->lock_dir, a.resource, until))
		handover("the lock cannot be taken");
	if (watch_open(PROGRAM, true))
		handover("Pacemaker's CIB cannot be asked");
	fencing_await(&a, start, until, &opinion);
	waited = now_ms() - start;
	must(peer_is_behind(&a, s) ? NULL : "the peer's disks are UpToDate");
	constraint_place(&a, opinion.clone);
	must(peer_is_behind(&a, s) ? NULL : "the peer's disks are UpToDate again");
	constraint_id(id, &a, "", opinion.clone);
	handover_log("%s is fenced, the disks here are UpToDate: placed the constraint %s; "
		     "waited %" PRIu64 " ms, %" PRIu64 " in all",
		     a.peer, id, waited, now_ms() - start);
	return EXIT_STONITHED;
}

/* ---- the command line ---- */

/* -1: go on; else the exit status. */
static int argument_take(int c, struct settings *s)
{
	switch (c) {
	case 'h':
		fputs(usage, stdout);
		return EXIT_SUCCESS;
	case 'L':
		s->lock_dir = optarg;
		return -1;
	case 'P':
		s->proc_drbd = optarg;
		return -1;
	case 'V':
		puts("srp-fence-peer " PACKAGE_VERSION);
		return EXIT_SUCCESS;
	case 'W':
		return seconds_parse(optarg, 1, WAIT_MAX, &s->wait_s) ?
			       -1 :
			       usage_error(PROGRAM, "--wait: not a number from 1 to 600:", optarg);
	default:
		fputs("Try 'srp-fence-peer --help'.\n", stderr);
		return EXIT_USAGE;
	}
}

int main(int argc, char **argv)
{
	struct settings s = { .lock_dir = LOCK_DIR, .proc_drbd = "/proc/drbd",
			      .wait_s = WAIT_DEFAULT };
	int c, rc = -1;

	/* "+": what is behind HANDLER is the handler's. */
	while (rc < 0 && (c = getopt_long(argc, argv, "+hV", options, NULL)) != -1)
		rc = argument_take(c, &s);
	if (rc >= 0)
		return rc;
	if (optind == argc)
		return usage_error(PROGRAM, "HANDLER is missing", "");
	s.handler = argv + optind;
	handover_begin(s.handler, s.wait_s + SLACK_S);
	return fence(&s);
}
