/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The commands srptctl sends, carried out in the daemon. They know nothing of how they came.
 * Control thread.
 */
#ifndef SRPT_CTL_OPS_H
#define SRPT_CTL_OPS_H

#include "ctl/daemon.h"
#include "ctl/ipc_proto.h"
#include "ctl/report.h"
#include "ctl/text.h"

/* Exit statuses of srptctl; promote, demote and monitor have more: enum ha_result, ha_health. */
enum ops_status { OPS_DONE = 0, OPS_FAILED = 1, OPS_USAGE = 2, OPS_NO_GROUP = 3 };

struct ops_reply {
	enum ops_status status;
	struct text out; /* standard output */
	struct text err; /* standard error: the reason, or warnings */
};

/* @reply is valid during the call; what is in it may be taken by clearing it there. */
typedef void (*ops_done_fn)(void *arg, struct ops_reply *reply);

/* Run @call (copied). @done runs once, maybe before this returns. */
void ops_run(struct daemon *d, const struct ipc_call *call, ops_done_fn done, void *arg);

/* ---- private to ops*.c ---- */

struct ops {
	struct daemon *d;
	struct ipc_call call;
	struct ops_reply reply;
	ops_done_fn done;
	void *arg;
	struct job job; /* of commands that wait for their turn */
	struct watch_waiter waiter;
};

/* End a command; frees it. */
void ops_finish(struct ops *o);
__attribute__((format(printf, 2, 3)))
void ops_fail(struct ops *o, const char *fmt, ...); /* tell the reason and end it */
void ops_finish_report(struct ops *o, struct report *r); /* print it and end; frees @r's parts */

/* ops_*.c: one function per command, each ends in ops_finish(). */
void ops_status(struct ops *o);
void ops_sessions(struct ops *o);
void ops_channels(struct ops *o);
void ops_luns(struct ops *o);
void ops_devices(struct ops *o);
void ops_groups(struct ops *o);
void ops_targets(struct ops *o);
void ops_reservations(struct ops *o);
void ops_login_info(struct ops *o);
void ops_stats(struct ops *o);
void ops_reload(struct ops *o);
void ops_enable(struct ops *o);
void ops_disable(struct ops *o);
void ops_close_session(struct ops *o);
void ops_resync(struct ops *o);
void ops_set_state(struct ops *o);
void ops_promote(struct ops *o);
void ops_demote(struct ops *o);
void ops_role(struct ops *o);
void ops_monitor(struct ops *o);
void ops_parity(struct ops *o);

#endif
