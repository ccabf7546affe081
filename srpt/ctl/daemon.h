/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon: everything there is once of, and the order in which it comes up and goes down.
 * Control thread.
 */
#ifndef SRPT_CTL_DAEMON_H
#define SRPT_CTL_DAEMON_H

#include "base/mailbox.h"
#include "base/reactor.h"
#include "ctl/conf.h"
#include "ctl/dm_model.h"
#include "ctl/identity.h"
#include "ctl/listeners.h"
#include "ctl/live.h"
#include "ctl/watch.h"
#include "ctl/watchdog.h"

#include <qb/qbloop.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct ha;
struct ha_link;
struct ipc_server;

/* Exit statuses of srptd, as in srptd(8). */
enum daemon_exit {
	EXIT_DONE = 0,
	EXIT_FAILED = 1, /* configuration or start-up */
	EXIT_USAGE = 2,
	EXIT_FORCED = 3, /* ended before everything was shut down in order */
};

struct daemon {
	const char *conf_path; /* absolute */
	const char *node;      /* whose targets are ours; NULL: as conf_this_node() */
	qb_loop_t *loop;
	struct mailbox mailbox; /* of the control thread; reactor_group.control */
	struct reactor_group group;
	bool reactors_running;
	struct live live;
	struct listeners listeners;
	struct dm_model dm;
	struct ipc_server *ipc;
	struct watch *watch;
	struct watchdog watchdog;
	struct ha *ha;           /* of the cluster's device groups: ctl/ha.h */
	struct ha_link *ha_link; /* NULL: none */
	bool no_write_gate;      /* the gates of all groups are open for ever */
	enum guid_source guid_source;
	time_t started;    /* seconds since the epoch */
	bool starting;     /* the first configuration is being applied */
	bool stopping;
	bool reload_again; /* SIGHUP came while a reload was under way */
	unsigned reloads;  /* under way */
	int exit_status;
	void (*ready)(void *arg); /* everything is up: called once */
	void *ready_arg;
};

/*
 * Bring it up with @conf, which is the daemon's afterwards, and serve until it is told to stop.
 * The log is open and no thread was started before. Returns an enum daemon_exit.
 */
int daemon_run(struct daemon *d, struct conf *conf);

#endif
